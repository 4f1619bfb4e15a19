//! A TURN client by hand, to try the scripted server with: what it says, and the connections.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring,
};

use super::certificates::Authority;
use super::stun_wire::Message;
use super::turn_server::Method;
use super::turn_server::wire::{self, Digest, Incoming};

pub const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// REQUESTED-TRANSPORT.
pub const UDP: [u8; 4] = [wire::UDP, 0, 0, 0];

/// Makes requests of one client.
pub struct Client {
    pub username: String,
    pub password: String,
    pub realm: Vec<u8>,
    pub nonce: Vec<u8>,
    /// What the server offered; then the integrity is SHA-256's.
    pub algorithms: Option<Vec<u8>>,
    /// USERHASH instead of USERNAME (RFC 8489 9.2).
    pub is_anonymous: bool,
    pub transactions: u8,
}

impl Client {
    pub fn new(username: &str, password: &str) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
            realm: Vec::new(),
            nonce: Vec::new(),
            algorithms: None,
            is_anonymous: false,
            transactions: 0,
        }
    }

    pub fn good() -> Self {
        Self::new("user", "secret")
    }

    pub fn digest(&self) -> (u16, Digest) {
        match self.algorithms {
            Some(_) => (wire::SHA256, Digest::Sha256),
            None => (wire::MD5, Digest::Sha1),
        }
    }

    pub fn key(&self) -> Vec<u8> {
        let realm = String::from_utf8_lossy(&self.realm);
        wire::key(self.digest().0, &self.username, &realm, &self.password)
    }

    /// With credentials if there was a challenge.
    pub fn request(&mut self, method: Method, with: impl FnOnce(Message) -> Message) -> Vec<u8> {
        self.transactions += 1;
        let mut message = with(Message::new(method.request(), [self.transactions; 12]));
        if self.nonce.is_empty() {
            return message.finish();
        }
        message = if self.is_anonymous {
            let realm = String::from_utf8_lossy(&self.realm);
            message.attribute(wire::USERHASH, &wire::userhash(&self.username, &realm))
        } else {
            message.attribute(wire::USERNAME, self.username.as_bytes())
        };
        message = message
            .attribute(wire::REALM, &self.realm)
            .attribute(wire::NONCE, &self.nonce);
        if let Some(offered) = &self.algorithms {
            let chosen = wire::password_algorithms(&[wire::SHA256]);
            message = message
                .attribute(wire::PASSWORD_ALGORITHMS, offered)
                .attribute(wire::PASSWORD_ALGORITHM, &chosen);
        }
        let mut bytes = message.finish();
        wire::sign(&mut bytes, self.digest().1, &self.key());
        bytes
    }

    pub fn allocate(&mut self) -> Vec<u8> {
        self.request(Method::Allocate, |m| {
            m.attribute(wire::REQUESTED_TRANSPORT, &UDP)
        })
    }

    pub fn permit(&mut self, peers: &[SocketAddr]) -> Vec<u8> {
        self.request(Method::CreatePermission, |message| {
            let add = |m: Message, peer: &SocketAddr| m.xor_address(wire::XOR_PEER_ADDRESS, *peer);
            peers.iter().fold(message, add)
        })
    }

    pub fn bind(&mut self, number: u16, peer: SocketAddr) -> Vec<u8> {
        self.request(Method::ChannelBind, |message| {
            let [high, low] = number.to_be_bytes();
            message
                .attribute(wire::CHANNEL_NUMBER, &[high, low, 0, 0])
                .xor_address(wire::XOR_PEER_ADDRESS, peer)
        })
    }

    pub fn refresh(&mut self, lifetime: u32) -> Vec<u8> {
        self.request(Method::Refresh, |m| {
            m.attribute(wire::LIFETIME, &lifetime.to_be_bytes())
        })
    }

    pub fn challenged(&mut self, answer: &[u8]) {
        let answer = Incoming::parse(answer).expect("STUN");
        self.realm = answer.get(wire::REALM).expect("a realm").to_vec();
        self.nonce = answer.get(wire::NONCE).expect("a nonce").to_vec();
        let offered = answer.get(wire::PASSWORD_ALGORITHMS);
        self.algorithms = offered.map(<[u8]>::to_vec);
    }

    pub fn is_signed(&self, answer: &[u8]) -> Option<bool> {
        let answer = Incoming::parse(answer).expect("STUN");
        answer.is_signed(self.digest().1, &self.key())
    }
}

/// The error code; 0 for success.
pub fn code(answer: &[u8]) -> u16 {
    let answer = Incoming::parse(answer).expect("STUN");
    answer.error_code().unwrap_or_default()
}

pub fn send(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    Message::new(Method::Send.indication(), [9; 12])
        .xor_address(wire::XOR_PEER_ADDRESS, peer)
        .attribute(wire::DATA, payload)
        .finish()
}

/// A connection to a real server.
pub trait Wire {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// One message.
    fn take(&mut self) -> io::Result<Vec<u8>>;
}

impl Wire for UdpSocket {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send(bytes).map(drop)
    }

    fn take(&mut self) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        let size = self.recv(&mut buffer)?;
        Ok(buffer[..size].to_vec())
    }
}

pub struct Stream<S>(pub S, pub Vec<u8>);

impl<S: Read + Write> Wire for Stream<S> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    fn take(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let frame = wire::take_frame(&mut self.1);
            if let Some(message) = frame.map_err(|_| io::ErrorKind::InvalidData)? {
                return Ok(message);
            }
            let mut buffer = [0; 2048];
            let size = self.0.read(&mut buffer)?;
            if size == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.1.extend_from_slice(&buffer[..size]);
        }
    }
}

pub const PATIENCE: Duration = Duration::from_secs(5);

pub fn udp(server: SocketAddr) -> Box<dyn Wire> {
    let socket = UdpSocket::bind((LOCALHOST, 0)).expect("a port");
    socket.connect(server).expect("loopback");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    Box::new(socket)
}

pub fn connect(server: SocketAddr, patience: Duration) -> TcpStream {
    let stream = TcpStream::connect(server).expect("it listens");
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    stream
}

pub fn tcp(server: SocketAddr) -> Box<dyn Wire> {
    Box::new(Stream(connect(server, PATIENCE), Vec::new()))
}

pub fn tls(server: SocketAddr, authority: &Authority, patience: Duration) -> Box<dyn Wire> {
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(authority.file()).expect("it was written");
    roots
        .add(CertificateDer::from_pem_slice(&pem).expect("a certificate"))
        .expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = connect(server, patience);
    Box::new(Stream(StreamOwned::new(connection, stream), Vec::new()))
}

/// A client with its allocation on a real server.
pub struct Relayed {
    pub wire: Box<dyn Wire>,
    pub client: Client,
    pub relay: SocketAddr,
}

impl Relayed {
    pub fn new(mut wire: Box<dyn Wire>) -> io::Result<Self> {
        let mut client = Client::good();
        wire.put(&client.allocate())?;
        client.challenged(&wire.take()?);
        wire.put(&client.allocate())?;
        let answer = wire.take()?;
        let relay = Incoming::parse(&answer).and_then(|a| a.xor_address(wire::XOR_RELAYED_ADDRESS));
        Ok(Self {
            wire,
            client,
            relay: relay.expect("a relayed address"),
        })
    }

    pub fn ask(&mut self, bytes: &[u8]) -> u16 {
        self.wire.put(bytes).expect("it listens");
        code(&self.wire.take().expect("an answer"))
    }
}
