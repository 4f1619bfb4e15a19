//! TCP and TLS listeners on loopback: STUN over TCP (RFC 8489 6.2.2), and what a client meets
//! instead of it. They end when the value is dropped.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_rustls::rustls::{self, ServerConnection, StreamOwned};

use super::sim_server::{ServerConfig, SimServer};

/// How often a waiting thread looks whether it has to stop.
const TICK: Duration = Duration::from_millis(10);
const HEADER: usize = 20;

/// What the listener does with a connection.
#[derive(Debug, Clone)]
pub enum TcpRole {
    /// Answers STUN requests; the configuration may make it lie. Its `primary` is set here.
    Stun(ServerConfig),
    /// Answers everything with an HTTP error page, as a web server on port 443 does.
    Http,
    /// Accepts and says nothing.
    Silent,
    /// Closes at once.
    Close,
    /// Answers with bytes that are not STUN.
    Garbage,
    /// As an honest server, but each answer comes so much later.
    Late(Duration),
}

impl TcpRole {
    /// An honest server.
    pub fn stun() -> Self {
        Self::Stun(ServerConfig::plain((Ipv4Addr::LOCALHOST, 0).into()))
    }
}

/// A running listener.
#[derive(Debug)]
pub struct TcpServer {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TcpServer {
    /// Listens on an ephemeral port of this loopback address; with TLS if a configuration is given.
    ///
    /// # Errors
    ///
    /// The port cannot be had.
    pub fn start(
        ip: IpAddr,
        role: TcpRole,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<Self> {
        Self::start_at((ip, 0).into(), role, tls)
    }

    /// The same on this port.
    ///
    /// # Errors
    ///
    /// The port cannot be had.
    pub fn start_at(
        address: SocketAddr,
        mut role: TcpRole,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        if let TcpRole::Stun(config) = &mut role {
            config.primary = address;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&connections));
        let thread = std::thread::spawn(move || {
            let mut workers = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(TICK / 5);
                    continue;
                };
                counted.fetch_add(1, Ordering::Relaxed);
                let (role, tls, stop) = (role.clone(), tls.clone(), Arc::clone(&stopped));
                // A client that breaks off is no failure of the test's.
                workers.push(std::thread::spawn(move || {
                    let _ = serve(stream, address, role, tls, &stop);
                }));
            }
            for worker in workers {
                let _ = worker.join();
            }
        });
        Ok(Self {
            address,
            connections,
            stop,
            thread: Some(thread),
        })
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// `stun:ADDRESS?transport=tcp` style address for the command line.
    pub fn host_port(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    stream: TcpStream,
    address: SocketAddr,
    role: TcpRole,
    tls: Option<Arc<rustls::ServerConfig>>,
    stop: &AtomicBool,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?;
    match (role, tls) {
        (TcpRole::Close, _) => Ok(()),
        (TcpRole::Silent, _) => wait(stop),
        (role, None) => converse(stream, peer, address, role, stop),
        (role, Some(config)) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            let stream = StreamOwned::new(connection, stream);
            converse(stream, peer, address, role, stop)
        }
    }
}

fn wait(stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
    }
    Ok(())
}

fn converse(
    mut stream: impl Read + Write,
    peer: SocketAddr,
    address: SocketAddr,
    role: TcpRole,
    stop: &AtomicBool,
) -> io::Result<()> {
    let (delay, honest) = match role {
        TcpRole::Late(delay) => (delay, Some(ServerConfig::plain(address))),
        _ => (Duration::ZERO, None),
    };
    let is_garbage = matches!(role, TcpRole::Garbage);
    let mut server = match role {
        TcpRole::Stun(config) => Some(config),
        _ => honest,
    }
    .map(|config| SimServer::new(config, 1));
    let mut received = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(size) => received.extend_from_slice(&buffer[..size]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                continue;
            }
            Err(error) => return Err(error),
        }
        let Some(server) = &mut server else {
            if is_garbage {
                stream.write_all(&[0xff; 64])?;
                return stream.flush();
            }
            let page = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(page.as_bytes())?;
            return stream.flush();
        };
        while let Some(message) = take_message(&mut received) {
            for reply in server.handle(address, peer, &message) {
                std::thread::sleep(delay);
                stream.write_all(&reply.bytes)?;
                stream.flush()?;
            }
        }
    }
}

/// The length in the STUN header is the framing (RFC 8489 6.2.2).
fn take_message(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = received.get(2..4)?;
    let size = HEADER + usize::from(u16::from_be_bytes([length[0], length[1]]));
    (received.len() >= size).then(|| received.drain(..size).collect())
}
