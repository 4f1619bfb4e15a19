//! The server on real sockets on loopback. Nothing that it sends can leave the host.

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio_rustls::rustls;

use super::config::TurnConfig;
use super::engine::{FiveTuple, Output, RelayAllocator, Transport, TurnCore};
use super::streams;
use super::wire::{Family, Method};

/// How long the thread for datagrams sleeps when there is nothing to do.
const IDLE: Duration = Duration::from_micros(300);
/// How often ports are drawn anew when the number is taken for TCP.
const BIND_TRIES: usize = 50;

/// A running server. It ends when the value is dropped.
#[derive(Debug)]
pub struct TurnServer {
    /// Where it listens; with [`start_all`](Self::start_all), for UDP and TCP.
    pub address: SocketAddr,
    /// Where it listens for TLS, if it does.
    pub tls_address: Option<SocketAddr>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl TurnServer {
    /// Listens on an ephemeral port of this loopback address. TLS needs a configuration.
    ///
    /// # Errors
    ///
    /// The port cannot be had, or TLS has no configuration.
    pub fn start(
        config: TurnConfig,
        ip: IpAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        transport: Transport,
    ) -> io::Result<Self> {
        match (transport, tls) {
            (Transport::Udp, _) => {
                let socket = UdpSocket::bind((ip, 0))?;
                let address = socket.local_addr()?;
                Self::run(config, address, Some(socket), None, None)
            }
            (Transport::Tcp, _) => {
                let listener = TcpListener::bind((ip, 0))?;
                let address = listener.local_addr()?;
                Self::run(config, address, None, Some(listener), None)
            }
            (Transport::Tls, Some(tls)) => {
                let listener = TcpListener::bind((ip, 0))?;
                let address = listener.local_addr()?;
                Self::run(config, address, None, None, Some((listener, tls)))
            }
            (Transport::Tls, None) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Listens for UDP and TCP on one port number, and for TLS on another if there is a
    /// configuration for it. It is one server: allocations on all of them can reach each other.
    ///
    /// # Errors
    ///
    /// The ports cannot be had.
    pub fn start_all(
        config: TurnConfig,
        ip: IpAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<Self> {
        let (udp, tcp) = bind_both(ip)?;
        let address = udp.local_addr()?;
        let tls = match tls {
            Some(tls) => Some((TcpListener::bind((ip, 0))?, tls)),
            None => None,
        };
        Self::run(config, address, Some(udp), Some(tcp), tls)
    }

    fn run(
        config: TurnConfig,
        address: SocketAddr,
        udp: Option<UdpSocket>,
        tcp: Option<TcpListener>,
        tls: Option<(TcpListener, Arc<rustls::ServerConfig>)>,
    ) -> io::Result<Self> {
        if let Some(socket) = &udp {
            socket.set_nonblocking(true)?;
        }
        let relays = Relays::default();
        let allocator = LoopbackRelays {
            home: config.relay_ip.unwrap_or(address.ip()),
            sockets: relays.clone(),
        };
        let shared = Arc::new(Shared {
            core: Mutex::new(TurnCore::new(config, allocator)),
            started: Instant::now(),
            udp,
            relays,
            streams: Mutex::default(),
            pending: Mutex::default(),
            connections: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let mut server = Self {
            address,
            tls_address: None,
            shared: Arc::clone(&shared),
            threads: Vec::new(),
        };
        server.threads.push(std::thread::spawn(move || {
            while !shared.is_stopped() {
                if !shared.turn() {
                    std::thread::sleep(IDLE);
                }
            }
        }));
        if let Some(listener) = tcp {
            server.listen(listener, None)?;
        }
        if let Some((listener, tls)) = tls {
            server.tls_address = Some(listener.local_addr()?);
            server.listen(listener, Some(tls))?;
        }
        Ok(server)
    }

    fn listen(
        &mut self,
        listener: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let shared = Arc::clone(&self.shared);
        self.threads.push(std::thread::spawn(move || {
            streams::accept(&shared, &listener, tls.as_ref());
        }));
        Ok(())
    }

    /// `turn:127.0.0.1:3478?transport=udp` and its like (RFC 7065).
    pub fn uri(&self, transport: Transport) -> String {
        let (scheme, address, carrier) = match transport {
            Transport::Udp => ("turn", self.address, "udp"),
            Transport::Tcp => ("turn", self.address, "tcp"),
            Transport::Tls => ("turns", self.tls_address.unwrap_or(self.address), "tcp"),
        };
        format!("{scheme}:{address}?transport={carrier}")
    }

    /// How many TCP connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many allocations there have ever been.
    pub fn allocations(&self) -> usize {
        self.shared.core().allocations()
    }

    /// How many allocations there are now.
    pub fn live_allocations(&self) -> usize {
        let mut core = self.shared.core();
        core.expire(self.shared.now());
        core.live_allocations()
    }

    /// How many messages with this method arrived, retransmissions included.
    pub fn requests(&self, method: Method) -> usize {
        self.shared.core().requests(method)
    }

    /// What clients did that no client may do, in words.
    pub fn violations(&self) -> Vec<String> {
        self.shared.core().violations().to_vec()
    }

    /// Changes what it does from now on. Where relays are bound stays.
    pub fn configure(&self, change: impl FnOnce(&mut TurnConfig)) {
        self.shared.core().configure(change);
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// What all threads of a server know.
pub(super) struct Shared {
    core: Mutex<TurnCore>,
    started: Instant,
    udp: Option<UdpSocket>,
    relays: Relays,
    streams: Mutex<BTreeMap<FiveTuple, mpsc::Sender<Vec<u8>>>>,
    pending: Mutex<Pending>,
    pub(super) connections: AtomicUsize,
    stop: AtomicBool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn core(&self) -> MutexGuard<'_, TurnCore> {
        lock(&self.core)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Registers a stream: what is for the client comes out of this, message by message.
    pub(super) fn connected(&self, client: FiveTuple) -> mpsc::Receiver<Vec<u8>> {
        let (sender, receiver) = mpsc::channel();
        lock(&self.streams).insert(client, sender);
        receiver
    }

    pub(super) fn disconnected(&self, client: FiveTuple) {
        lock(&self.streams).remove(&client);
        self.core().disconnected(client);
    }

    /// A message from a client.
    pub(super) fn input(&self, client: FiveTuple, bytes: &[u8]) {
        let now = self.now();
        let mut core = self.core();
        let delay = core.config().delay;
        let outputs = core.handle(now, client, bytes);
        drop(core);
        for output in outputs {
            // An answer was on the way there and is on the way back.
            let ways = match output {
                Output::ToClient { .. } => 2,
                Output::FromRelay { .. } => 1,
            };
            self.post(delay * ways, output);
        }
    }

    /// A datagram at a relay.
    fn relay_input(&self, relay: SocketAddr, from: SocketAddr, payload: &[u8]) {
        let now = self.now();
        let mut core = self.core();
        let delay = core.config().delay;
        let outputs = core.relay_input(now, relay, from, payload);
        drop(core);
        for output in outputs {
            self.post(delay, output);
        }
    }

    fn post(&self, delay: Duration, output: Output) {
        if delay.is_zero() {
            return self.deliver(output);
        }
        let mut pending = lock(&self.pending);
        pending.sequence += 1;
        let due = std::cmp::Reverse((Instant::now() + delay, pending.sequence));
        pending.queue.push(Waiting { due, output });
    }

    fn deliver(&self, output: Output) {
        match output {
            Output::ToClient { to, bytes } if to.is_stream() => {
                if let Some(stream) = lock(&self.streams).get(&to) {
                    let _ = stream.send(bytes);
                }
            }
            // The client may have closed its socket by now.
            Output::ToClient { to, bytes } => {
                if let Some(socket) = &self.udp {
                    let _ = socket.send_to(&bytes, to.client);
                }
            }
            Output::FromRelay {
                relay,
                peer,
                payload,
            } => {
                let socket = lock(&self.relays).get(&relay).cloned();
                if let Some(socket) = socket
                    && peer.ip().is_loopback()
                {
                    let _ = socket.send_to(&payload, peer);
                }
            }
        }
    }

    /// One round; whether there was anything to do.
    fn turn(&self) -> bool {
        let mut buffer = [0; 65536];
        let mut is_busy = false;
        if let Some(socket) = &self.udp {
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                is_busy = true;
                self.input(FiveTuple::udp(from), &buffer[..size]);
            }
        }
        let relays: Vec<_> = lock(&self.relays)
            .iter()
            .map(|(relay, socket)| (*relay, Arc::clone(socket)))
            .collect();
        for (relay, socket) in relays {
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                is_busy = true;
                self.relay_input(relay, from, &buffer[..size]);
            }
        }
        while let Some(output) = lock(&self.pending).due(Instant::now()) {
            self.deliver(output);
        }
        is_busy
    }
}

/// What waits for its time.
#[derive(Default)]
struct Pending {
    queue: BinaryHeap<Waiting>,
    sequence: u64,
}

impl Pending {
    fn due(&mut self, now: Instant) -> Option<Output> {
        let next = self.queue.peek()?;
        if next.due.0.0 > now {
            return None;
        }
        self.queue.pop().map(|waiting| waiting.output)
    }
}

struct Waiting {
    due: std::cmp::Reverse<(Instant, u64)>,
    output: Output,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

type Relays = Arc<Mutex<BTreeMap<SocketAddr, Arc<UdpSocket>>>>;

/// Relays are sockets on loopback.
struct LoopbackRelays {
    home: IpAddr,
    sockets: Relays,
}

impl RelayAllocator for LoopbackRelays {
    fn allocate(&mut self, family: Family) -> Option<SocketAddr> {
        let ip = match family {
            _ if Family::of(self.home) == family => self.home,
            Family::V4 => Ipv4Addr::LOCALHOST.into(),
            Family::V6 => Ipv6Addr::LOCALHOST.into(),
        };
        let socket = UdpSocket::bind((ip, 0)).ok()?;
        socket.set_nonblocking(true).ok()?;
        let address = socket.local_addr().ok()?;
        lock(&self.sockets).insert(address, Arc::new(socket));
        Some(address)
    }

    fn release(&mut self, relay: SocketAddr) {
        lock(&self.sockets).remove(&relay);
    }
}

/// A test that failed in one thread shall not hang or fail in another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bind_both(ip: IpAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut failure = None;
    for _ in 0..BIND_TRIES {
        let udp = UdpSocket::bind((ip, 0))?;
        match TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::other("no free ports")))
}
