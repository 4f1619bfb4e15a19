//! Real STUN servers on loopback, with an emulated NAT in front of the client, for tests of the
//! program itself without root. One thread runs all of it and ends when the value is dropped.
//!
//! The same models as in the simulated network decide what a server sees and which answers get
//! through. The external addresses of the emulated NAT should lie in 127.0.0.0/8, where Linux lets
//! anybody bind: then hairpinned packets are emulated too, and no packet of the program under test
//! can leave the host.

use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::nat_model::NatConfig;
use super::path::{Path, Routed};
use super::sim_server::{ServerConfig, SimServer};
use super::stun_wire;

/// How long the thread sleeps when there is nothing to do.
const IDLE: Duration = Duration::from_micros(300);
/// How often ports are drawn anew when one of the four is taken.
const BIND_TRIES: usize = 50;

/// Where the emulated NAT has its external address.
pub const EXTERNAL: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 5);

/// A server to run.
#[derive(Debug, Clone)]
pub enum Role {
    /// RFC 5780: two ports on each of two IP addresses; on IPv6 there is only `::1`, so two ports
    /// on that.
    Discovery,
    /// One address.
    Plain,
    /// An address where nobody answers, but the port is bound, so there is no ICMP error.
    Silent,
    /// An address where nothing is bound.
    Refused,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Script {
    pub path: Vec<NatConfig>,
    pub servers: Vec<Role>,
    /// One-way delay.
    pub delay: Duration,
    /// Probability that a datagram is lost, in each direction.
    pub loss: f64,
    pub seed: u64,
    pub ipv6: bool,
    /// Changes the servers' behaviour once their addresses are known.
    pub tamper: fn(usize, &mut ServerConfig),
}

impl Script {
    /// Servers on IPv4 behind this NAT, without delay and loss. Its external address is
    /// [`EXTERNAL`].
    pub fn new(mut nat: NatConfig, servers: Vec<Role>) -> Self {
        if nat.externals.len() == 1 {
            nat.externals = vec![IpAddr::V4(EXTERNAL)];
        }
        Self {
            path: vec![nat],
            servers,
            delay: Duration::ZERO,
            loss: 0.0,
            seed: 1,
            ipv6: false,
            tamper: |_, _| {},
        }
    }
}

/// Running servers.
#[derive(Debug)]
pub struct Loopback {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Binds and starts them.
    ///
    /// # Errors
    ///
    /// No free ports on loopback.
    pub fn start(script: &Script) -> io::Result<Self> {
        let mut sockets = Vec::new();
        let mut configs = Vec::new();
        let mut addresses = Vec::new();
        for (index, role) in script.servers.iter().enumerate() {
            let (bound, mut config) = bind(role, script.ipv6)?;
            (script.tamper)(index, &mut config);
            addresses.push(config.primary);
            if !matches!(role, Role::Silent | Role::Refused) {
                configs.push(config);
            }
            if !matches!(role, Role::Refused) {
                sockets.extend(bound);
            }
        }
        for (_, socket) in &sockets {
            socket.set_nonblocking(true)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let requests = Arc::new(AtomicUsize::new(0));
        let mut engine = Engine::new(script, sockets, configs, Arc::clone(&requests));
        let stopped = Arc::clone(&stop);
        let (ready, running) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let _ = ready.send(());
            while !stopped.load(Ordering::Relaxed) {
                if !engine.turn() {
                    std::thread::sleep(IDLE);
                }
            }
        });
        let _ = running.recv();
        Ok(Self {
            addresses,
            stop,
            requests,
            thread: Some(thread),
        })
    }

    /// The primary address of a server.
    pub fn address(&self, server: usize) -> SocketAddr {
        self.addresses[server]
    }

    /// The same as a URI (RFC 7064).
    pub fn uri(&self, server: usize) -> String {
        format!("stun:{}", self.addresses[server])
    }

    /// How many datagrams reached the servers.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A datagram that waits for its time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pending {
    due: std::cmp::Reverse<(Instant, u64)>,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: Vec<u8>,
    /// It came from the Internet, so it has to get through the NAT; else it has been through.
    from_internet: bool,
}

struct Engine {
    started: Instant,
    path: Path,
    servers: Vec<SimServer>,
    sockets: BTreeMap<SocketAddr, UdpSocket>,
    /// The external side of mappings, bound so that hairpinned packets can be seen.
    externals: BTreeMap<SocketAddr, Option<UdpSocket>>,
    pending: BinaryHeap<Pending>,
    sequence: u64,
    rng: StdRng,
    delay: Duration,
    loss: f64,
    requests: Arc<AtomicUsize>,
}

impl Engine {
    fn new(
        script: &Script,
        sockets: Vec<(SocketAddr, UdpSocket)>,
        configs: Vec<ServerConfig>,
        requests: Arc<AtomicUsize>,
    ) -> Self {
        let mut rng = StdRng::seed_from_u64(script.seed);
        let servers = configs
            .into_iter()
            .map(|config| SimServer::new(config, rng.random()))
            .collect();
        Self {
            started: Instant::now(),
            path: Path::new(&script.path, rng.random()),
            servers,
            sockets: sockets.into_iter().collect(),
            externals: BTreeMap::new(),
            pending: BinaryHeap::new(),
            sequence: 0,
            rng,
            delay: script.delay,
            loss: script.loss,
            requests,
        }
    }

    /// One round; whether there was anything to do.
    fn turn(&mut self) -> bool {
        let mut buffer = [0; 2048];
        let mut arrived = Vec::new();
        let externals = self
            .externals
            .iter()
            .filter_map(|(a, s)| Some((a, s.as_ref()?)));
        for (address, socket) in self.sockets.iter().chain(externals) {
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                arrived.push((*address, from, buffer[..size].to_vec()));
            }
        }
        let busy = !arrived.is_empty();
        for (at, from, bytes) in arrived {
            self.arrival(at, from, &bytes);
        }
        self.deliver_due();
        busy
    }

    fn arrival(&mut self, at: SocketAddr, client: SocketAddr, bytes: &[u8]) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.rng.random_bool(self.loss) {
            return;
        }
        let now = self.started.elapsed();
        match self.path.send(now, client, at) {
            Routed::Internet(external) => {
                self.bind_external(external);
                let Some(server) = self.servers.iter_mut().find(|s| s.listens(at)) else {
                    return;
                };
                for reply in server.handle(at, external, bytes) {
                    self.post(reply.source, reply.destination, reply.bytes, true);
                }
            }
            Routed::Inside { local, source } => {
                // With an internal source the packet cannot be sent: that address is the program's.
                self.bind_external(source);
                self.post(source, local, bytes.to_vec(), false);
            }
            Routed::Dropped => {}
        }
    }

    /// Queues a datagram for a round trip from now: requests are handled when they arrive.
    fn post(&mut self, source: SocketAddr, destination: SocketAddr, bytes: Vec<u8>, far: bool) {
        if self.rng.random_bool(self.loss) {
            return;
        }
        self.sequence += 1;
        self.pending.push(Pending {
            due: std::cmp::Reverse((Instant::now() + self.delay * 2, self.sequence)),
            source,
            destination,
            bytes,
            from_internet: far,
        });
    }

    fn deliver_due(&mut self) {
        let now = Instant::now();
        while self.pending.peek().is_some_and(|p| p.due.0.0 <= now) {
            let Some(mut pending) = self.pending.pop() else {
                return;
            };
            let mut destination = pending.destination;
            if pending.from_internet {
                let elapsed = self.started.elapsed();
                let local = self.path.receive(elapsed, destination, pending.source);
                let Some(local) = local else {
                    continue;
                };
                if self.path.rewrites() {
                    stun_wire::rewrite_mapped_address(&mut pending.bytes, destination, local);
                }
                destination = local;
            }
            let external = self.externals.get(&pending.source).and_then(Option::as_ref);
            if let Some(socket) = self.sockets.get(&pending.source).or(external) {
                // The program may have closed its socket by now.
                let _ = socket.send_to(&pending.bytes, destination);
            }
        }
    }

    /// Binds the external address of a mapping, if it is on loopback and not a client's own.
    fn bind_external(&mut self, external: SocketAddr) {
        let is_translated = self
            .path
            .outermost()
            .is_some_and(|nat| nat.owns(external.ip()));
        if !is_translated || !external.ip().is_loopback() {
            return;
        }
        self.externals.entry(external).or_insert_with(|| {
            let socket = UdpSocket::bind(external).ok()?;
            socket.set_nonblocking(true).ok()?;
            Some(socket)
        });
    }
}

type Bound = Vec<(SocketAddr, UdpSocket)>;

fn bind(role: &Role, ipv6: bool) -> io::Result<(Bound, ServerConfig)> {
    let first: IpAddr = match ipv6 {
        true => Ipv6Addr::LOCALHOST.into(),
        false => Ipv4Addr::LOCALHOST.into(),
    };
    let second: IpAddr = match ipv6 {
        true => first,
        false => Ipv4Addr::new(127, 0, 0, 2).into(),
    };
    let mut failure = None;
    for _ in 0..BIND_TRIES {
        let attempt = if matches!(role, Role::Discovery) {
            bind_four(first, second)
        } else {
            let socket = UdpSocket::bind((first, 0))?;
            let address = socket.local_addr()?;
            Ok((vec![(address, socket)], ServerConfig::plain(address)))
        };
        match attempt {
            Ok(done) => return Ok(done),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::other("no free ports")))
}

fn bind_four(first: IpAddr, second: IpAddr) -> io::Result<(Bound, ServerConfig)> {
    let one = UdpSocket::bind((first, 0))?;
    let two = UdpSocket::bind((first, 0))?;
    let ports = [one.local_addr()?.port(), two.local_addr()?.port()];
    let mut sockets = vec![one, two];
    if second != first {
        for port in ports {
            sockets.push(UdpSocket::bind((second, port))?);
        }
    }
    let config = ServerConfig::discovery(
        SocketAddr::new(first, ports[0]),
        SocketAddr::new(second, ports[1]),
    );
    let bound = sockets
        .into_iter()
        .map(|socket| Ok((socket.local_addr()?, socket)))
        .collect::<io::Result<Bound>>()?;
    Ok((bound, config))
}
