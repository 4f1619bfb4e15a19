//! `rtcdiag nat`.

pub mod assemble;
pub mod depth;
pub mod explain;
pub mod fallback;
mod gate;
mod lookups;
pub mod path;
mod rows;
mod sources;
pub mod surroundings;
pub mod targets;

pub use crate::net::look::other_ports;

use crate::commands::nat::lifetime::run as lifetime;
use crate::commands::nat::tcp::run as tcp;
use crate::net::misdirected;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::base::report::Finding;
use crate::commands::nat::nat64::run::{Route, Translation};
use crate::commands::nat::report::NatResult;
use crate::net::clock::Clock;
use crate::net::drive::discovery::Addition;
use crate::net::drive::stopped;
use crate::net::host::Source;
use crate::net::nat64;
use crate::net::stream::{self, Attempt};
use crate::proto::nat::behavior::Observation;
use crate::proto::nat::lifetime::Kind;
use crate::proto::nat::nat64::Prefix;
use crate::proto::stun::uri::{Host, ServerUri, Transport};
use assemble::{Parts, assemble};
use fallback::StreamResult;
use gate::Gate;
use lookups::{Lookups, Resolved};
use path::PathRun;
pub use surroundings::EarlierRounds;
use surroundings::{NamedStreams, Names, Surroundings};

/// How long names are waited for while other servers are at work.
const NAME_GRACE: Duration = Duration::from_secs(1);

/// How long the first names found wait for those that were named before them: servers are asked in the
/// order in which they were named, where nothing is slow.
const ORDER_GRACE: Duration = Duration::from_millis(30);

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

#[derive(Debug, Clone)]
pub struct Options {
    /// Servers to ask, in order of preference.
    pub servers: Vec<ServerUri>,
    /// Whether they are known to be independent of each other.
    pub independent: bool,
    pub families: Vec<Family>,
    pub source: Source,
    /// Seed of transaction IDs and orders.
    pub seed: u64,
    pub depth: Depth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Whether the router is asked for its external address, and for a mapping.
    pub port_mapping: AskRouter,
    pub tcp: bool,
    /// Whether the mapping is tested while another host holds the port.
    pub collision: bool,
    /// The longest lifetime of a binding that is looked for, if it is measured.
    pub lifetime: Option<Duration>,
    pub nat64: Nat64,
    /// Whether all interfaces are tested, and not only the one that the system chooses.
    pub all_interfaces: bool,
}

/// What the router is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskRouter {
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
    #[default]
    Off,
    /// By the prefix that DNS tells (RFC 7050), where there is no IPv4.
    Discovered,
    /// By this prefix, also beside IPv4 of its own.
    Given(Prefix),
}

/// Something that happens during the run, as `--jsonl` has it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A test is settled.
    Observation(Box<Observation>),
    Resolved {
        uri: String,
        addresses: Vec<SocketAddr>,
    },
    /// A binding was tested after it was left alone.
    Lifetime {
        family: Family,
        flow: Kind,
        /// How long it was alone, in tenths of a second.
        waited_s: f64,
        alive: bool,
    },
    /// How far the measurement of lifetimes is. For a person alone.
    #[serde(skip)]
    LifetimeProgress(lifetime::Tick),
    /// What is known while the router is still waited for. For a person alone.
    #[serde(skip)]
    SoFar(Box<(NatResult, Vec<Finding>)>),
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
    streams: JoinSet<StreamResult>,
    additions: BTreeMap<Route, mpsc::UnboundedSender<Addition>>,
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
        let mut order_ends = None;
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
                    let end = *order_ends.get_or_insert(clock.now() + ORDER_GRACE);
                    let may_go = self.is_in_order() || clock.now() >= end;
                    if may_go && !self.translation.is_pending() {
                        self.release();
                    }
                }
                () = tokio::time::sleep_until(clock.instant(order_ends.unwrap_or_default())),
                    if !self.held.is_empty() && !self.translation.is_pending() => self.release(),
                // The prefix has a deadline of its own.
                () = grace, if !self.translation.is_pending() => break,
            }
        }
        self.release();
    }

    /// Whether no server is waited for that was named before one of those that have been resolved.
    fn is_in_order(&self) -> bool {
        let held: BTreeSet<usize> = self.held.iter().map(|(index, _)| *index).collect();
        let mut earlier = 0..held.last().map_or(0, |last| last + 1);
        earlier.all(|index| held.contains(&index) || self.resolved[index].is_some())
    }

    /// Asks the servers that waited for the prefix, or for those that were named before them.
    fn release(&mut self) {
        self.translation.give_up();
        self.held.sort_by_key(|(index, _)| *index);
        for (index, addresses) in std::mem::take(&mut self.held) {
            let uri = &self.options.servers[index];
            let asked = addresses.and_then(|known| {
                let odd =
                    |address: &SocketAddr| misdirected::error(&uri.host, address.ip()).is_some();
                let (odd, usable): (Vec<_>, Vec<_>) = known.into_iter().partition(odd);
                let mut routes = self.translation.destinations(&usable);
                routes.extend(odd);
                // One of several interfaces need not have every family.
                if routes.is_empty() && !self.options.depth.all_interfaces {
                    return Err(self.not_reached(uri));
                }
                Ok(routes)
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
        ErrorReport::new(Code::WrongFamily, text)
            .with_hint("leave -6 out, or name the prefix of your NAT64 with --nat64-prefix")
    }

    fn take(&mut self, index: usize, addresses: Resolved) {
        let uri = &self.options.servers[index];
        for address in addresses.clone().unwrap_or_default() {
            if misdirected::error(&uri.host, address.ip()).is_some() {
                continue;
            }
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
                self.around.streams().push(attempt.clone());
                self.streams
                    .spawn(fallback::attempt(attempt, self.around.clone()));
            }
        }
        self.resolved[index] = Some(addresses);
    }

    fn add_to_path(&mut self, address: SocketAddr, host: Host) {
        let local = match self.around.local_to(address) {
            Ok(local) => local,
            Err(error) => {
                self.no_path.insert(address, stream::local_error(&error));
                return;
            }
        };
        let route = self.translation.route_of(address.ip()).from(Some(local));
        self.around.names().insert(address, host);
        if !self.additions.contains_key(&route) {
            match path::open(&self.around, address) {
                Ok(opened) => {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    for visited in &self.visits {
                        let _ = sender.send(Addition::Visit(*visited));
                    }
                    let ticket = self.gate.join(route.family, &sender);
                    self.additions.insert(route, sender);
                    let around = self.around.clone();
                    self.paths
                        .spawn(path::run(opened, route, receiver, ticket, around));
                }
                Err(error) => {
                    self.no_path.insert(address, stream::io_error(&error));
                    return;
                }
            }
        }
        if let Some(sender) = self.additions.get(&route) {
            // A path that has ended early does not need more servers.
            let _ = sender.send(Addition::Server(address));
        }
    }

    async fn finish(mut self) -> (NatResult, Vec<Finding>) {
        self.lookups.abort_all();
        for sender in self.additions.values() {
            let _ = sender.send(Addition::Complete);
        }
        let mut paths: Vec<PathRun> = std::mem::take(&mut self.paths).join_all().await;
        let rank = |path: &PathRun| {
            (
                path.route.family,
                path.route.nat64,
                path.default_route != Some(true),
                path.route,
            )
        };
        paths.sort_by_key(rank);
        let streams = std::mem::take(&mut self.streams).join_all().await;
        let mut stream_paths = Vec::new();
        let route_of = |tried: &StreamResult| tried.route(&self.translation);
        let routes: BTreeSet<Route> = streams.iter().map(route_of).collect();
        for route in routes {
            if paths.iter().all(|path| path.route != route) {
                let on_route = streams.iter().filter(|tried| route_of(tried) == route);
                let tested = tcp::without_udp(route, on_route, &self.around).await;
                stream_paths.extend(tested.map(|(local, test)| (route, local, test)));
            }
        }
        let parts = |paths: &[PathRun]| {
            assemble(&Parts {
                servers: &self.options.servers,
                source: &self.options.source,
                resolved: &self.resolved,
                no_path: &self.no_path,
                paths,
                streams: &streams,
                translation: &self.translation,
                stream_paths: &stream_paths,
            })
        };
        let depth = self.options.depth;
        if depth.port_mapping != AskRouter::Nothing && !depth.all_interfaces {
            let so_far = Event::SoFar(Box::new(parts(&paths)));
            let _ = self.around.events.send(so_far);
        }
        let deeper = paths.into_iter().map(|path| path.deepen(&self.around));
        parts(&future::join_all(deeper).await)
    }
}
