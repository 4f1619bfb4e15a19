//! One path: the UDP tests, and beside them whatever explains a silent server.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Event;
use super::deeper::{self, Deeper, Tested};
use super::fallback::{self, Tried};
use super::gate::Ticket;
use super::port_mapping;
use super::surroundings::Surroundings;
use super::translation::Way;
use crate::family::Family;
use crate::nat::SendError;
use crate::nat::discovery::{Discovery, Observation, SOCKETS};
use crate::net::driver::{self, Addition};
use crate::net::host::{self, Source};
use crate::net::{refusal, route};
use crate::report::Millis;
use crate::report::nat::ObservationReport;

/// How long all servers must be silent over UDP before TCP and TLS are tried: by then more than the
/// first one has been asked.
const FALLBACK_AFTER: Duration = Duration::from_millis(650);

/// How many sockets are put aside because rounds before have used their ports.
const MOST_REFUSED: usize = 100;

/// The sockets of a path.
pub struct Opened {
    local: IpAddr,
    interface: Option<String>,
    default_route: Option<bool>,
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    has_used_ports: bool,
}

/// What came of a path.
pub struct PathRun {
    pub way: Way,
    pub local: IpAddr,
    pub interface: Option<String>,
    /// Whether the system itself would send to the internet from here.
    pub default_route: Option<bool>,
    /// Whether a socket had a port that a round before has used lately.
    pub has_used_ports: bool,
    pub discovery: Discovery,
    /// Errors that a connected socket was told of.
    pub refusals: Vec<(SocketAddr, SendError)>,
    /// TCP and TLS, tried when no server answered over UDP.
    pub fallback: Vec<Tried>,
    pub deeper: Deeper,
}

/// Opens the sockets for the path to a server.
///
/// # Errors
///
/// If there is no route to it or no local address of its family.
pub fn open(around: &Surroundings, server: SocketAddr) -> io::Result<Opened> {
    let source = &around.source;
    let local = source.local_address_to(server)?;
    let (sockets, has_used_ports) = fresh_sockets(around, local)?;
    let addresses = sockets
        .iter()
        .map(UdpSocket::local_addr)
        .collect::<io::Result<Vec<_>>>()?;
    let interface = interface_to(source, local);
    Ok(Opened {
        local,
        default_route: is_default_route(source, interface.as_deref(), local, server),
        interface,
        sockets,
        addresses,
        has_used_ports,
    })
}

/// Sockets on ports that no round before has used lately, and whether some had to be all the same.
fn fresh_sockets(around: &Surroundings, local: IpAddr) -> io::Result<(Vec<UdpSocket>, bool)> {
    let used = &mut around.earlier().ports;
    let now = around.clock.now();
    // Those that were refused are kept until the end, so that the system gives others.
    let (mut sockets, mut refused) = (Vec::new(), Vec::new());
    while sockets.len() < SOCKETS {
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
    opened: Opened,
    way: Way,
    additions: mpsc::UnboundedReceiver<Addition>,
    ticket: Option<Ticket>,
    around: Surroundings,
) -> PathRun {
    let clock = around.clock;
    let seed = around.seed ^ way.salt();
    let mut discovery = Discovery::new(&opened.addresses, seed, clock.now());
    if around.independent {
        discovery.assume_independent();
    }
    if let Some(prefix) = way.nat64 {
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
    let interface = opened.interface;
    let (sender, receiver) = mpsc::unbounded_channel();
    let started = clock.now();
    let tests = async {
        // Dropped at the end of the tests, which ends the explanations too.
        let sender = sender;
        driver::drive(
            &mut discovery,
            &opened.sockets,
            &clock,
            additions,
            around.stop.clone(),
            |discovery: &Discovery| {
                if let Some(ticket) = &ticket {
                    ticket.update(discovery, clock.now());
                }
                let late = clock.now() >= started + FALLBACK_AFTER || discovery.is_finished();
                // The other end is gone only when the run is.
                let _ = sender.send(Silent::of(discovery, late));
            },
            |observation| {
                let report = observation_report(way, interface.as_deref(), &observation);
                let _ = around.events.send(Event::Observation(Box::new(report)));
            },
        )
        .await;
    };
    let ((), (refusals, fallback), asked) = tokio::join!(
        tests,
        explain(receiver, opened.local, &around),
        port_mapping::ask(opened.local, interface.as_deref(), &around),
    );
    around
        .earlier()
        .add(clock.now(), interface.as_deref(), &discovery);
    let tested = Tested {
        way,
        local: opened.local,
        interface: interface.as_deref(),
        discovery: &discovery,
        fallback: &fallback,
        around: &around,
    };
    let deeper = deeper::run(tested, asked).await;
    PathRun {
        way,
        local: opened.local,
        interface,
        default_route: opened.default_route,
        has_used_ports: opened.has_used_ports,
        discovery,
        refusals,
        fallback,
        deeper,
    }
}

/// Servers that have been asked and have not answered.
struct Silent {
    servers: Vec<SocketAddr>,
    /// Whether nobody has answered.
    all: bool,
    /// Whether that has been so for long enough to try something else than UDP.
    late: bool,
}

impl Silent {
    fn of(discovery: &Discovery, late: bool) -> Self {
        let records = discovery.servers();
        Self {
            all: records.iter().all(|r| r.responses == 0),
            late,
            servers: records
                .iter()
                .filter(|r| r.requests > 0 && r.responses == 0)
                .map(|r| r.address)
                .collect(),
        }
    }
}

/// Asks silent servers for ICMP errors, and over TCP and TLS where all are silent. The first is
/// done early: hosts send few ICMP errors a second, and the tests use them up.
async fn explain(
    mut looks: mpsc::UnboundedReceiver<Silent>,
    local: IpAddr,
    around: &Surroundings,
) -> (Vec<(SocketAddr, SendError)>, Vec<Tried>) {
    let (mut refusals, mut streams) = (JoinSet::new(), JoinSet::new());
    let (mut asked, mut tried) = (BTreeSet::new(), BTreeSet::new());
    while let Some(silent) = looks.recv().await {
        for (server, number) in silent.servers.iter().copied().zip(0u64..) {
            if asked.insert(server) {
                let source = around.source.clone();
                let id = fallback::transaction_id(around.seed, number);
                refusals
                    .spawn(async move { (server, refusal::ask(&source, local, server, id).await) });
            }
        }
        if !silent.all {
            // UDP works, so nobody waits for the attempts: dropping them ends them.
            streams = JoinSet::new();
        } else if silent.late {
            for attempt in fallback::attempts(&silent.servers, &around.host_names()) {
                if tried.insert((attempt.address, attempt.transport)) {
                    streams.spawn(fallback::attempt(attempt, around.clone()));
                }
            }
        }
    }
    let mut stop = around.stop.clone();
    let refused = async {
        tokio::select! {
            found = refusals.join_all() => found,
            _ = driver::stopped(&mut stop) => Vec::new(),
        }
    };
    let (found, streams) = tokio::join!(refused, streams.join_all());
    let refusals = found
        .into_iter()
        .filter_map(|(server, error)| Some((server, error?)))
        .collect();
    (refusals, streams)
}

/// An observation as the report has it.
pub fn observation_report(
    way: Way,
    interface: Option<&str>,
    observation: &Observation,
) -> ObservationReport {
    ObservationReport {
        test: observation.test,
        interface: interface.map(ToOwned::to_owned),
        socket: way.socket(observation.socket),
        sent_to: observation.sent_to,
        answered_from: observation.answered_from,
        reflexive_address: observation.reflexive_address,
        rtt_ms: observation.rtt.map(Millis),
        transmissions: observation.transmissions,
    }
}
