//! One path: the UDP tests, and beside them whatever explains a silent server.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::commands::nat::nat64::run::Route;
use crate::commands::nat::router::run::{self, RouterAnswers};
use crate::commands::nat::run::Event;
use crate::commands::nat::run::depth::{self, DepthResults, TestedPath};
use crate::commands::nat::run::explain::{Explained, Explainer, SilentServers, pass_on};
use crate::commands::nat::run::gate::Ticket;
use crate::commands::nat::run::surroundings::Surroundings;
use crate::commands::nat::tcp::run::{self as tcp, StreamTest};
use crate::net::drive::discovery::{self, Addition};
use crate::net::host::{self, Source};
use crate::net::route;
use crate::proto::machine::Machine as _;
use crate::proto::nat::behavior::{Discovery, SOCKETS};
use crate::proto::stun::uri::Host;

/// How many sockets are put aside because rounds before have used their ports.
const MOST_REFUSED: usize = 100;

pub struct PathSockets {
    local: IpAddr,
    interface: Option<String>,
    default_route: Option<bool>,
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    has_used_ports: bool,
}

pub struct PathRun {
    pub route: Route,
    pub local: IpAddr,
    pub interface: Option<String>,
    /// Whether the system itself would send to the internet from here.
    pub default_route: Option<bool>,
    /// Whether a socket had a port that a round before has used lately.
    pub has_used_ports: bool,
    pub discovery: Discovery,
    /// What explains silent servers.
    pub explained: Explained,
    /// What servers are called.
    pub names: BTreeMap<SocketAddr, Host>,
    pub depth: DepthResults,
    /// The questions to the router, which go on beside all else.
    router: JoinSet<RouterAnswers>,
}

impl PathRun {
    /// What a server is called.
    pub fn host_of(&self, server: SocketAddr) -> Host {
        let named = self.names.get(&server).cloned();
        named.unwrap_or(Host::Ip(server.ip()))
    }
}

/// Opens the sockets for the path to a server.
///
/// # Errors
///
/// If there is no route to it or no local address of its family.
pub fn open(around: &Surroundings, server: SocketAddr) -> io::Result<PathSockets> {
    let source = &around.source;
    let local = around.local_to(server)?;
    let (sockets, has_used_ports) = fresh_sockets(around, local, SOCKETS)?;
    let addresses = sockets
        .iter()
        .map(UdpSocket::local_addr)
        .collect::<io::Result<Vec<_>>>()?;
    let interface = interface_to(source, local);
    Ok(PathSockets {
        local,
        default_route: is_default_route(source, interface.as_deref(), local, server),
        interface,
        sockets,
        addresses,
        has_used_ports,
    })
}

/// As many sockets on ports that no test or round before has used lately, and whether some had to be all the same.
pub fn fresh_sockets(
    around: &Surroundings,
    local: IpAddr,
    count: usize,
) -> io::Result<(Vec<UdpSocket>, bool)> {
    let used = &mut around.earlier().ports;
    let now = around.clock.now();
    // Those that were refused are kept until the end, so that the system gives others.
    let (mut sockets, mut refused) = (Vec::new(), Vec::new());
    while sockets.len() < count {
        let socket = match around.source.udp(local) {
            Ok(socket) => socket,
            Err(error) => match refused.pop() {
                Some(socket) => {
                    sockets.push(socket);
                    continue;
                }
                None => return Err(error),
            },
        };
        let is_used = used.contains(now, socket.local_addr()?.port());
        if is_used && refused.len() < MOST_REFUSED {
            refused.push(socket);
        } else {
            sockets.push(socket);
        }
    }
    let has_used = |socket: &UdpSocket| {
        let port = socket.local_addr().map_or(0, |address| address.port());
        used.contains(now, port)
    };
    let any_used = sockets.iter().any(has_used);
    Ok((sockets, any_used))
}

/// The interface that was chosen, or the one that has the local address.
pub fn interface_to(source: &Source, local: IpAddr) -> Option<String> {
    let chosen = source.interface.clone();
    chosen.or_else(|| host::interface_of(local))
}

/// Whether the system itself would send to the internet by this interface and from this address.
/// `None` if it does not say.
pub fn is_default_route(
    source: &Source,
    interface: Option<&str>,
    local: IpAddr,
    server: SocketAddr,
) -> Option<bool> {
    let interface = interface?;
    let by_interface = route::carries_default_route(interface, Family::of(local))?;
    if !by_interface || source.local.is_none() {
        return Some(by_interface);
    }
    // An address that was chosen need not be the one that the interface would be used with.
    let unchosen = Source {
        interface: Some(interface.to_owned()),
        local: None,
    };
    let own = unchosen.local_address_to(server).ok()?;
    Some(own == local)
}

/// Runs the tests of a path. With a ticket it takes care not to spoil those of other paths.
pub async fn run(
    opened: PathSockets,
    route: Route,
    additions: mpsc::UnboundedReceiver<Addition>,
    ticket: Option<Ticket>,
    around: Surroundings,
) -> PathRun {
    let clock = around.clock;
    let seed = around.seed ^ route.salt();
    let mut discovery = Discovery::new(&opened.addresses, seed, clock.now());
    if around.independent {
        discovery.assume_independent();
    }
    if let Some(prefix) = route.nat64 {
        discovery.reach_by(prefix);
    }
    let by = opened.interface.as_deref();
    let lately = around.earlier().opened(clock.now(), by);
    for address in lately {
        discovery.note_visit(address);
    }
    if ticket.is_some() {
        discovery.hold_alternates();
    }
    let router = ask_router(&opened, &around);
    let interface = opened.interface;
    let (sender, receiver) = mpsc::unbounded_channel();
    let (machine, inner) = mpsc::unbounded_channel();
    let (settled, may_end) = watch::channel(false);
    let passing = pass_on(additions, machine.clone(), may_end);
    let explainer = Explainer {
        local: opened.local,
        interface: interface.as_deref(),
        around: &around,
        machine,
        settled,
    };
    let started = clock.now();
    let tests = async {
        // Dropped at the end of the tests, which ends the explanations too.
        let sender = sender;
        let driving = discovery::drive(
            &mut discovery,
            &opened.sockets,
            &clock,
            inner,
            around.stop.clone(),
            |discovery: &Discovery| {
                if let Some(ticket) = &ticket {
                    ticket.update(discovery, clock.now());
                }
                let since = clock.now().saturating_sub(started);
                let silent = SilentServers::of(discovery, since, discovery.is_finished());
                // The other end is gone only when the run is.
                let _ = sender.send(silent);
            },
            |observation| {
                let named = route.named(observation, interface.as_deref());
                let _ = around.events.send(Event::Observation(Box::new(named)));
            },
        );
        tokio::select! {
            () = driving => {}
            never = passing => match never {},
        }
    };
    let ((), found) = tokio::join!(tests, explainer.run(receiver));
    around
        .earlier()
        .add(clock.now(), interface.as_deref(), &discovery);
    let mut path = PathRun {
        route,
        local: opened.local,
        interface,
        default_route: opened.default_route,
        has_used_ports: opened.has_used_ports,
        discovery,
        explained: found,
        names: around.names().clone(),
        depth: DepthResults::so_far(StreamTest::default()),
        router,
    };
    path.depth.tcp = tcp::run(path.tested(&around)).await;
    path
}

/// Asks the router while all else is tested.
fn ask_router(opened: &PathSockets, around: &Surroundings) -> JoinSet<RouterAnswers> {
    let (local, interface) = (opened.local, opened.interface.clone());
    let around = around.clone();
    let mut asking = JoinSet::new();
    asking.spawn(async move { run::ask(local, interface.as_deref(), &around).await });
    asking
}

impl PathRun {
    fn tested<'a>(&'a self, around: &'a Surroundings) -> TestedPath<'a> {
        TestedPath {
            route: self.route,
            local: self.local,
            interface: self.interface.as_deref(),
            discovery: &self.discovery,
            fallback: &self.explained.fallback,
            around,
        }
    }

    /// Waits for the router, and tests what else the options ask for.
    pub async fn deepen(mut self, around: &Surroundings) -> Self {
        let asked = match self.router.join_next().await {
            Some(Ok(answers)) => answers,
            _ => RouterAnswers::not_asked(Reason::LeftOut),
        };
        let tcp = std::mem::take(&mut self.depth.tcp);
        self.depth = depth::run(self.tested(around), tcp, asked).await;
        self
    }
}
