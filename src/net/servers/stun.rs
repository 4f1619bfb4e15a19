//! The sockets of the STUN server: one, or four for behaviour discovery (RFC 5780 6), and TCP on the
//! primary address (RFC 8489 6.2.2).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::base::family::Family;
use crate::net::clock::Clock;
use crate::net::servers::connections::Connections;
use crate::net::servers::listen::{self, ListenError};
use crate::proto::stun::server::rate::Rate;
use crate::proto::stun::server::{self, Addresses, Counters, Place, Received, Responder};
use crate::proto::turn::frame::FrameReader;

/// Longer datagrams are cut off by this, and then no whole message.
const LARGEST_REQUEST: usize = 2048;
/// TCP connections in all, and from one address.
const MOST_CONNECTIONS: (usize, usize) = (256, 32);
/// A connection without a whole message for so long is closed, and one that takes no answer.
const IDLE: Duration = Duration::from_secs(30);
/// After an error that will come again at once, such as too many open files.
const BREATHER: Duration = Duration::from_millis(100);
/// How often ports are drawn anew where the system chooses them and one of the four is taken.
const BIND_TRIES: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// The address that clients are told. Port 0 lets the system choose.
    pub primary: SocketAddr,
    /// Another IP address of the same family. Its port is the alternate port if it is neither 0 nor
    /// the primary one; else that is the primary one plus 1.
    pub alternate: Option<SocketAddr>,
    pub rate: Rate,
}

impl Config {
    pub const fn new(primary: SocketAddr, alternate: Option<SocketAddr>) -> Self {
        Self {
            primary,
            alternate,
            rate: server::RATE,
        }
    }

    /// Whether the two addresses can serve behaviour discovery (RFC 5780 6).
    pub fn check(&self) -> Result<(), ConfigError> {
        let Some(alternate) = self.alternate else {
            return Ok(());
        };
        let (primary, other) = (self.primary.ip(), alternate.ip());
        if Family::of(primary) != Family::of(other) {
            return Err(ConfigError::Families(primary, other));
        }
        if primary == other {
            return Err(ConfigError::SameAddress(primary));
        }
        match [primary, other].into_iter().find(IpAddr::is_unspecified) {
            Some(ip) => Err(ConfigError::Unspecified(ip)),
            None => Ok(()),
        }
    }

    fn alternate_port(&self, alternate: SocketAddr, primary_port: u16) -> u16 {
        match alternate.port() {
            0 if self.primary.port() == 0 => 0,
            port if port != 0 && port != primary_port => port,
            // Behind the last one comes the one before it.
            _ => primary_port.checked_add(1).unwrap_or(primary_port - 1),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// IPv4 and IPv6.
    #[error("{0} and {1} are not of the same family, which behaviour discovery needs (RFC 5780 6)")]
    Families(IpAddr, IpAddr),
    #[error("the alternate address is the primary one, {0}: behaviour discovery needs another")]
    SameAddress(IpAddr),
    /// 0.0.0.0 or ::.
    #[error(
        "{0} is not an address that clients can be told: behaviour discovery needs two real ones"
    )]
    Unspecified(IpAddr),
}

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A STUN server that listens. Copies are handles of the same one.
#[derive(Debug, Clone)]
pub struct StunServer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sockets: Vec<(Place, UdpSocket)>,
    listener: TcpListener,
    addresses: Addresses,
    responder: Mutex<Responder>,
    clock: Clock,
    connections: Connections,
}

impl StunServer {
    /// Listens; nothing is answered before [`StunServer::run`]. Must be called in a tokio runtime.
    /// Names the address that cannot be listened on.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        config.check()?;
        let mut tries = 1;
        let (sockets, listener, addresses) = loop {
            match bind_all(config) {
                Ok(bound) => break bound,
                // The port that the system chose on one address is taken on the other.
                Err(_) if config.primary.port() == 0 && tries < BIND_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Self(Arc::new(Inner {
            sockets,
            listener,
            addresses,
            responder: Mutex::new(
                Responder::new(addresses, config.rate)
                    .with_seed(rand::rng().random())
                    .holding_answers(),
            ),
            clock: Clock::start(),
            connections: Connections::new(MOST_CONNECTIONS.0, MOST_CONNECTIONS.1),
        })))
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Addresses {
        self.0.addresses
    }

    pub fn counters(&self) -> Counters {
        self.0.responder().counters()
    }

    /// Answers until `stop` comes; then all connections are closed.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        for index in 0..self.0.sockets.len() {
            tasks.spawn(Arc::clone(&self.0).datagrams(index));
        }
        tasks.spawn(Arc::clone(&self.0).accept());
        stop.await;
        tasks.shutdown().await;
    }
}

type Bound = (Vec<(Place, UdpSocket)>, TcpListener, Addresses);

fn bind_all(config: &Config) -> Result<Bound, ListenError> {
    let (first, listener, primary) = listen::udp_and_tcp(config.primary)?;
    let mut sockets = vec![(Place::PRIMARY, first)];
    let mut addresses = Addresses {
        primary,
        alternate: None,
    };
    if let Some(alternate) = config.alternate {
        let wanted = config.alternate_port(alternate, primary.port());
        let wanted = SocketAddr::new(alternate.ip(), wanted);
        let last = listen::udp(wanted)?;
        let alternate = last.local_addr().map_err(|error| ListenError {
            address: wanted,
            transport: "UDP",
            error,
        })?;
        addresses.alternate = Some(alternate);
        for place in &Place::ALL[1..3] {
            let address = addresses.of(*place).expect("there is an alternate address");
            sockets.push((*place, listen::udp(address)?));
        }
        sockets.push((Place::ALL[3], last));
    }
    Ok((sockets, listener, addresses))
}

impl Inner {
    fn responder(&self) -> MutexGuard<'_, Responder> {
        self.responder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn datagrams(self: Arc<Self>, index: usize) {
        let (at, socket) = &self.sockets[index];
        let mut buffer = [0; LARGEST_REQUEST];
        loop {
            let Ok((length, source)) = socket.recv_from(&mut buffer).await else {
                // Some systems report here that an earlier answer could not be delivered.
                tokio::time::sleep(BREATHER).await;
                continue;
            };
            let received = Received {
                at: *at,
                stream: false,
                source,
                bytes: &buffer[..length],
            };
            let answers = {
                let mut responder = self.responder();
                let answer = responder.handle(self.clock.now(), received);
                [responder.take_released(), answer]
            };
            for response in answers.into_iter().flatten() {
                if let Some((_, from)) = self.sockets.iter().find(|(p, _)| *p == response.from) {
                    // Who cannot be reached does not get it; the client asks again.
                    let _ = from.send_to(&response.bytes, response.to).await;
                }
            }
        }
    }

    async fn accept(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            let Ok((stream, source)) = accepted else {
                tokio::time::sleep(BREATHER).await;
                continue;
            };
            // Beyond the limit it is closed at once, or another one gives way.
            if let Some(counted) = self.connections.admit(source.ip()) {
                let inner = Arc::clone(&self);
                tasks.spawn(async move {
                    tokio::select! {
                        () = inner.connection(stream, source) => {}
                        () = counted.ended() => {}
                    }
                });
            }
        }
    }

    /// Until it is idle, closed or carries something else.
    async fn connection(&self, mut stream: TcpStream, source: SocketAddr) {
        let mut reader = FrameReader::default();
        while let Ok(Some(frame)) = tokio::time::timeout(IDLE, next(&mut stream, &mut reader)).await
        {
            let received = Received {
                at: Place::PRIMARY,
                stream: true,
                source,
                bytes: &frame,
            };
            let Some(response) = self.responder().handle(self.clock.now(), received) else {
                // Nobody who means well sends what is not answered, or so much.
                return;
            };
            let sent = tokio::time::timeout(IDLE, stream.write_all(&response.bytes)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
}

/// The next message; `None` if there will be none.
async fn next(stream: &mut TcpStream, reader: &mut FrameReader) -> Option<Vec<u8>> {
    let mut buffer = [0; LARGEST_REQUEST];
    let mut taken = 0;
    loop {
        if let Some(frame) = reader.next_frame().ok()? {
            return Some(frame);
        }
        if taken > LARGEST_REQUEST {
            return None;
        }
        let length = stream.read(&mut buffer).await.ok()?;
        // STUN messages begin with two zero bits; others may look like ChannelData.
        if length == 0 || (!reader.has_partial() && buffer[0] & 0xc0 != 0) {
            return None;
        }
        taken += length;
        reader.push(&buffer[..length]);
    }
}
