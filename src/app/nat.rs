//! `rtcdiag nat`.

mod assemble;
mod collision;
mod deeper;
mod fallback;
mod gate;
pub mod lifetime;
mod lookups;
mod path;
mod port_mapping;
pub mod rounds;
mod rows;
mod sources;
mod surroundings;
mod targets;
mod tcp;
mod translated;
mod translation;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::lifetime::Step;
use crate::nat::nat64::Prefix;
use crate::net::clock::Clock;
use crate::net::driver::{Addition, stopped};
use crate::net::host::Source;
use crate::net::nat64;
use crate::net::stream::{self, Attempt};
use crate::report::ErrorReport;
use crate::report::Finding;
use crate::report::nat::{NatResult, ObservationReport};
use crate::stun::uri::{Host, ServerUri, Transport};
use assemble::{Parts, assemble};
use fallback::Tried;
use gate::Gate;
use lookups::{Lookups, Resolved};
use path::PathRun;
pub use surroundings::EarlierRounds;
use surroundings::{NamedStreams, Names, Surroundings};
use translation::{Translation, Way};

/// How long names are waited for while other servers are at work.
const NAME_GRACE: Duration = Duration::from_secs(1);

/// How long they are waited for at all: one timeout of the usual resolver.
const NAME_PATIENCE: Duration = Duration::from_secs(5);

/// STUN servers of several operators for public use; those marked offer behaviour discovery
/// (RFC 5780).
pub const DEFAULT_SERVERS: [&str; 7] = [
    "stun:stunserver2025.stunprotocol.org:3478", // RFC 5780
    "stun:stun.voipgate.com:3478",               // RFC 5780
    "stun:stun.cloudflare.com:3478",
    "stun:stun.l.google.com:19302",
    "stun:stun.nextcloud.com:3478",
    "stun:stun.hot-chilli.net:3478", // RFC 5780
    "stun:stun.sip.us:3478",
];

/// What to test.
#[derive(Debug, Clone)]
pub struct Options {
    /// Servers to ask, in order of preference.
    pub servers: Vec<ServerUri>,
    /// Whether they are known to be independent of each other.
    pub independent: bool,
    /// Families to test.
    pub families: Vec<Family>,
    /// Where to send from.
    pub source: Source,
    /// Seed of transaction IDs and orders.
    pub seed: u64,
    /// What is tested beside the behaviour of the NAT.
    pub depth: Depth,
}

/// What is tested beside the behaviour of the NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Whether the router is asked for its external address, and for a mapping.
    pub port_mapping: AskRouter,
    /// Whether the servers are asked over TCP, too.
    pub tcp: bool,
    /// Whether the mapping is tested while another host holds the port.
    pub collision: bool,
    /// The longest lifetime of a binding that is looked for, if it is measured.
    pub lifetime: Option<Duration>,
    /// How IPv4 is reached from IPv6.
    pub nat64: Nat64,
    /// Whether all interfaces are tested, and not only the one that the system chooses.
    pub all_interfaces: bool,
}

/// What the router is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskRouter {
    /// Nothing.
    #[default]
    Nothing,
    /// What changes nothing.
    Questions,
    /// A mapping, too, which is tried and removed.
    Mapping,
}

/// How IPv4 is reached from IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nat64 {
    /// Not at all.
    #[default]
    Off,
    /// By the prefix that DNS tells (RFC 7050), where there is no IPv4.
    Discovered,
    /// By this prefix, also beside IPv4 of its own.
    Given(Prefix),
}

/// Something that happens during the run.
#[derive(Debug, Clone)]
pub enum Event {
    /// A test is settled.
    Observation(Box<ObservationReport>),
    /// A server has an address, or has none.
    Resolved {
        /// The server.
        uri: String,
        /// Its addresses.
        addresses: Vec<SocketAddr>,
    },
    /// A binding was tested after it was left alone.
    Lifetime {
        /// Over which family.
        family: Family,
        /// What it looked like.
        step: Step,
    },
    /// How far the measurement of lifetimes is.
    LifetimeProgress(lifetime::Tick),
}

/// Runs all tests. Ends early when `stop` says so, with what is known by then.
pub async fn run(
    options: &Options,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> (NatResult, Vec<Finding>) {
    run_after(options, &EarlierRounds::default(), clock, stop, events).await
}

/// The same after other rounds from this host, with what those have left behind; what this one leaves
/// is added.
pub async fn run_after(
    options: &Options,
    rounds: &EarlierRounds,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> (NatResult, Vec<Finding>) {
    let lookups = Lookups::start(options, &events);
    let around = Surroundings {
        source: options.source.clone(),
        clock,
        stop,
        events,
        seed: options.seed,
        independent: options.independent,
        depth: options.depth,
        names: Names::default(),
        streams: NamedStreams::default(),
        rounds: Arc::clone(rounds),
    };
    if options.depth.all_interfaces {
        return sources::run(options, &lookups, &around).await;
    }
    of_source(options, &lookups, Gate::default(), around).await
}

/// The same from one source.
async fn of_source(
    options: &Options,
    lookups: &Lookups,
    gate: Gate,
    around: Surroundings,
) -> (NatResult, Vec<Finding>) {
    let translation = Translation::new(options);
    let mut prefix_lookup = JoinSet::new();
    if translation.is_pending() {
        prefix_lookup.spawn(nat64::discover());
    }
    let mut run = Run {
        options,
        around,
        gate,
        translation,
        lookups: lookups.wait_for_each(),
        prefix_lookup,
        held: Vec::new(),
        paths: JoinSet::new(),
        streams: JoinSet::new(),
        additions: BTreeMap::new(),
        visits: BTreeSet::new(),
        resolved: vec![None; options.servers.len()],
        no_path: BTreeMap::new(),
    };
    run.collect_addresses().await;
    run.finish().await
}

struct Run<'a> {
    options: &'a Options,
    around: Surroundings,
    gate: Gate,
    translation: Translation,
    lookups: JoinSet<(usize, Resolved)>,
    prefix_lookup: JoinSet<Fact<Vec<Prefix>>>,
    /// What was resolved before the prefix was known.
    held: Vec<(usize, Resolved)>,
    paths: JoinSet<PathRun>,
    streams: JoinSet<Tried>,
    additions: BTreeMap<Way, mpsc::UnboundedSender<Addition>>,
    /// Addresses that are sent to over TCP and TLS.
    visits: BTreeSet<IpAddr>,
    resolved: Vec<Option<Resolved>>,
    /// Server addresses that cannot be sent to from here.
    no_path: BTreeMap<SocketAddr, ErrorReport>,
}

impl Run<'_> {
    /// Takes addresses as they are found, until all are, or the rest has had its time.
    async fn collect_addresses(&mut self) {
        let mut stop = self.around.stop.clone();
        let clock = self.around.clock;
        let mut deadline = clock.now() + NAME_PATIENCE;
        while !self.lookups.is_empty() || self.translation.is_pending() {
            let grace = tokio::time::sleep_until(clock.instant(deadline));
            tokio::select! {
                biased;
                _ = stopped(&mut stop) => break,
                Some(found) = self.prefix_lookup.join_next() => {
                    if let Ok(prefixes) = found {
                        self.translation.found(prefixes);
                    }
                    self.release();
                }
                Some(next) = self.lookups.join_next() => {
                    let Ok((index, addresses)) = next else {
                        continue;
                    };
                    if addresses.is_ok() {
                        deadline = deadline.min(clock.now() + NAME_GRACE);
                    }
                    self.held.push((index, addresses));
                    if !self.translation.is_pending() {
                        self.release();
                    }
                }
                // The prefix has a deadline of its own.
                () = grace, if !self.translation.is_pending() => break,
            }
        }
        self.release();
    }

    /// Asks the servers that waited for the prefix.
    fn release(&mut self) {
        self.translation.give_up();
        for (index, addresses) in std::mem::take(&mut self.held) {
            let uri = &self.options.servers[index];
            let asked = addresses.and_then(|known| {
                let ways = self.translation.ways_to(&known);
                // One of several interfaces need not have every family.
                if ways.is_empty() && !self.options.depth.all_interfaces {
                    return Err(self.not_reached(uri));
                }
                Ok(ways)
            });
            self.take(index, asked);
        }
    }

    /// Why a server that has IPv4 addresses alone cannot be asked over IPv6.
    fn not_reached(&self, uri: &ServerUri) -> ErrorReport {
        let why = match self.translation.prefixes() {
            Fact::Inconclusive { detail, .. } => format!(", and {detail}"),
            _ => String::new(),
        };
        let text = format!("{} has no IPv6 address{why}", uri.host);
        ErrorReport::new("wrong-family", text)
            .with_hint("leave -6 out, or name the prefix of your NAT64 with --nat64-prefix")
    }

    fn take(&mut self, index: usize, addresses: Resolved) {
        let uri = &self.options.servers[index];
        for address in addresses.clone().unwrap_or_default() {
            if uri.transport == Transport::Udp {
                self.add_to_path(address, uri.host.clone());
            } else {
                self.visits.insert(address.ip());
                for sender in self.additions.values() {
                    let _ = sender.send(Addition::Visit(address.ip()));
                }
                let attempt = Attempt {
                    address,
                    host: uri.host.clone(),
                    transport: uri.transport,
                };
                self.around.name_stream(attempt.clone());
                self.streams
                    .spawn(fallback::attempt(attempt, self.around.clone()));
            }
        }
        self.resolved[index] = Some(addresses);
    }

    fn add_to_path(&mut self, address: SocketAddr, host: Host) {
        let way = self.translation.way_of(address.ip());
        self.around.name(address, host);
        if !self.additions.contains_key(&way) {
            match path::open(&self.around, address) {
                Ok(opened) => {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    for visited in &self.visits {
                        let _ = sender.send(Addition::Visit(*visited));
                    }
                    let ticket = self.gate.join(way.family, &sender);
                    self.additions.insert(way, sender);
                    let around = self.around.clone();
                    self.paths
                        .spawn(path::run(opened, way, receiver, ticket, around));
                }
                Err(error) => {
                    self.no_path.insert(address, stream::io_error(&error));
                    return;
                }
            }
        }
        if let Some(sender) = self.additions.get(&way) {
            // A path that has ended early does not need more servers.
            let _ = sender.send(Addition::Server(address));
        }
    }

    async fn finish(mut self) -> (NatResult, Vec<Finding>) {
        self.lookups.abort_all();
        for sender in self.additions.values() {
            let _ = sender.send(Addition::Complete);
        }
        let mut paths: Vec<PathRun> = self.paths.join_all().await;
        paths.sort_by_key(|path| path.way);
        let streams = self.streams.join_all().await;
        let mut stream_paths = Vec::new();
        let way_of = |tried: &Tried| self.translation.way_of(tried.attempt.address.ip());
        let ways: BTreeSet<Way> = streams.iter().map(way_of).collect();
        for way in ways {
            if paths.iter().all(|path| path.way != way) {
                let on_way = streams.iter().filter(|tried| way_of(tried) == way);
                let tested = tcp::without_udp(way, on_way, &self.around).await;
                stream_paths.extend(tested.map(|(local, test)| (way, local, test)));
            }
        }
        assemble(&Parts {
            servers: &self.options.servers,
            source: &self.options.source,
            resolved: &self.resolved,
            no_path: &self.no_path,
            paths: &paths,
            streams: &streams,
            translation: &self.translation,
            stream_paths: &stream_paths,
        })
    }
}
