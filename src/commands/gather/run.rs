//! `rtcdiag gather`: all candidates, from all servers at once.

mod asking;
mod bases;
mod collect;
mod notices;
mod reflexive;
mod relay;
mod rows;
pub mod supply;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Millis};
use crate::commands::gather::report::{
    CandidateReport, GatherResult, GatherServerReport, RedundantReport,
};
use crate::commands::gather::verdict::Policy;
use crate::commands::reach;
use crate::commands::signals::Slack;
use crate::net::clock::Clock;
use crate::net::drive::stopped;
use crate::net::host::Source;
use crate::net::leases::{Lease, Leases};
use crate::net::look::other_ports;
use crate::net::redirect::PATIENCE;
use crate::proto::stun::uri::{ServerUri, Transport};
use crate::proto::turn::credentials::Credentials;
use bases::Base;
use collect::Collector;
use notices::Notices;
use rows::{Row, RowKey};
use supply::{Supplier, Supply};

#[derive(Debug, Clone)]
pub struct NamedServer {
    pub uri: ServerUri,
    pub credentials: Option<Credentials>,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub servers: Vec<NamedServer>,
    pub families: Vec<Family>,
    pub source: Source,
    pub policy: Policy,
    /// Whether the application whose servers these are uses relayed candidates alone, whatever is gathered here.
    pub relays_alone: bool,
    /// Seed of transaction IDs.
    pub seed: u64,
    pub slack: Slack,
}

/// Something that happens during the run, as `--jsonl` has it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    Candidate(Box<CandidateReport>),
    Redundant(Box<RedundantReport>),
    Server(Box<GatherServerReport>),
}

/// How often it is looked whether servers are late.
const LOOK_EVERY: Duration = Duration::from_millis(25);

enum Happening {
    Resolved {
        server: usize,
        addresses: Result<Vec<SocketAddr>, ErrorReport>,
        took: Duration,
    },
    Bound {
        base: usize,
        settled: reflexive::BindingResult,
    },
    Streamed {
        row: RowKey,
        outcome: rows::Binding,
    },
    Relayed {
        row: RowKey,
        found: relay::RelayedAddress,
    },
    RelayDone {
        row: RowKey,
        outcome: Box<relay::RelayOutcome>,
    },
}

/// Gathers. Ends early when `stop` says so, with what is known by then.
pub async fn run(
    options: &Options,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> GatherResult {
    let tell = move |event| {
        // Nobody may be listening; the result has it all the same.
        let _ = events.send(event);
    };
    gather(options, clock, stop, Box::new(tell), None).await
}

/// Gathers for a session: sockets and relays are told of and stay open until `stop`.
pub async fn run_and_keep(
    options: &Options,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
    supply: Supplier,
) -> GatherResult {
    let found = supply.clone();
    let tell = move |event| {
        found.send(Supply::Event(event));
    };
    gather(options, clock, stop, Box::new(tell), Some(supply)).await
}

async fn gather(
    options: &Options,
    clock: Clock,
    mut stop: watch::Receiver<Option<Reason>>,
    tell: Box<dyn Fn(Event)>,
    supply: Option<Supplier>,
) -> GatherResult {
    let (sender, mut happenings) = mpsc::unbounded_channel();
    let leases = Leases::default();
    let mut run = GatherRun {
        options,
        clock,
        bases: bases::of_host(&options.source, &options.families),
        collector: Collector::new(options.policy, tell),
        rows: BTreeMap::new(),
        unresolved: Vec::new(),
        asked: BTreeMap::new(),
        pending_names: options.servers.len(),
        tasks: JoinSet::new(),
        lease: leases.lease(),
        sender,
        supply,
        pending_bindings: Vec::new(),
        first_answers: BTreeMap::new(),
        notices: Notices::default(),
    };
    run.announce_hosts();
    run.start_lookups();
    loop {
        if run.supply.is_some() {
            run.tell();
        } else if run.is_settled() {
            break;
        }
        tokio::select! {
            biased;
            _ = stopped(&mut stop) => break,
            () = tokio::time::sleep(LOOK_EVERY), if run.waits() => {}
            happening = happenings.recv() => match happening {
                Some(happening) => run.take(happening),
                None => break,
            },
        }
    }
    if run.supply.is_none() && stop.borrow().is_none() {
        tokio::select! {
            _ = stopped(&mut stop) => {}
            () = run.look_again() => {}
        }
    }
    let result = run.finish();
    leases.all_back().await;
    result
}

struct GatherRun<'a> {
    options: &'a Options,
    clock: Clock,
    bases: Vec<Base>,
    collector: Collector,
    rows: BTreeMap<RowKey, Row>,
    /// Servers without an address, by index, and why.
    unresolved: Vec<(usize, GatherServerReport)>,
    /// The task of each base's socket.
    asked: BTreeMap<usize, mpsc::UnboundedSender<SocketAddr>>,
    pending_names: usize,
    tasks: JoinSet<()>,
    /// For all sessions with TURN servers.
    lease: Lease,
    sender: mpsc::UnboundedSender<Happening>,
    supply: Option<Supplier>,
    /// Bindings over UDP that are not settled: base, server, since when.
    pending_bindings: Vec<(usize, SocketAddr, Duration)>,
    /// When the first server answered over UDP, and its round trip, for each base.
    first_answers: BTreeMap<usize, (Duration, Duration)>,
    notices: Notices,
}

impl GatherRun<'_> {
    fn announce_hosts(&mut self) {
        for index in 0..self.bases.len() {
            self.announce_host(index);
        }
    }

    fn announce_host(&mut self, index: usize) {
        let base = &self.bases[index];
        if let (Some(supply), Some(socket)) = (&self.supply, &base.socket) {
            supply.send(Supply::Base {
                address: base.address,
                socket: Arc::clone(socket),
            });
        }
        self.collector.host(index, base, self.clock.now());
        if self.supply.is_some() {
            self.start_base(index);
        }
    }

    fn start_lookups(&mut self) {
        for (index, server) in self.options.servers.iter().enumerate() {
            let uri = server.uri.clone();
            let families = self.options.families.clone();
            let source = self.options.source.clone();
            let (sender, clock) = (self.sender.clone(), self.clock);
            self.tasks.spawn(async move {
                let began = clock.now();
                let addresses = reach::addresses(&uri, &families, PATIENCE, &source).await;
                let _ = sender.send(Happening::Resolved {
                    server: index,
                    addresses,
                    took: clock.now().saturating_sub(began),
                });
            });
        }
    }

    fn is_settled(&self) -> bool {
        self.pending_names == 0 && self.rows.values().all(Row::is_settled)
    }

    fn take(&mut self, happening: Happening) {
        let now = self.clock.now();
        match happening {
            Happening::Resolved {
                server,
                addresses,
                took,
            } => {
                self.pending_names -= 1;
                self.take_addresses(server, addresses, took);
            }
            Happening::Bound { base, settled } => {
                self.pending_bindings
                    .retain(|(b, server, _)| (*b, *server) != (base, settled.server));
                if let Ok(found) = &settled.outcome {
                    self.first_answers.entry(base).or_insert((now, found.rtt));
                    let uri = self.uri_of_binding(base, settled.server);
                    let place = self.place(settled.server);
                    self.collector.reflexive(
                        &self.bases[base],
                        (base, place),
                        found.address,
                        (uri, settled.server.ip()),
                        now,
                    );
                }
                let keys: Vec<RowKey> = self.rows.keys().copied().collect();
                for key in keys {
                    if key.base == base && key.address == settled.server {
                        self.update(key, |row| row.bound(&settled));
                    }
                }
            }
            Happening::Streamed { row, outcome } => self.update(row, |row| row.streamed(outcome)),
            Happening::Relayed { row, found } => {
                let place = self.place(row.address);
                let uri = self.options.servers[row.server].uri.to_string();
                self.collector
                    .relayed(&self.bases[row.base], (row.base, place), &found, uri, now);
            }
            Happening::RelayDone { row, outcome } => self.update(row, |row| row.relayed(*outcome)),
        }
    }

    /// A server that cannot be asked at all.
    fn give_up(&mut self, server: usize, report: GatherServerReport, error: ErrorReport) {
        let report = GatherServerReport {
            error: Some(error),
            elapsed_ms: Millis(self.clock.now()),
            ..report
        };
        self.collector.server(report.clone());
        self.unresolved.push((server, report));
    }

    fn update(&mut self, key: RowKey, change: impl FnOnce(&mut Row)) {
        let now = self.clock.now();
        let Some(row) = self.rows.get_mut(&key) else {
            return;
        };
        let before = row.is_settled();
        change(row);
        if row.is_settled() && !before {
            row.settle(now);
            self.collector.server(row.report());
        }
    }

    /// The URI to name for a reflexive candidate: the first that has this address over UDP.
    fn uri_of_binding(&self, base: usize, server: SocketAddr) -> String {
        self.rows
            .iter()
            .find(|(key, row)| {
                key.base == base && key.address == server && row.transport() == Transport::Udp
            })
            .map(|(key, _)| self.options.servers[key.server].uri.to_string())
            .unwrap_or_default()
    }

    /// The place of a server's address among all, for local preferences.
    fn place(&self, address: SocketAddr) -> usize {
        self.rows
            .keys()
            .filter(|key| key.address == address)
            .map(|key| key.place)
            .min()
            .unwrap_or_default()
    }

    fn take_addresses(
        &mut self,
        server: usize,
        addresses: Result<Vec<SocketAddr>, ErrorReport>,
        took: Duration,
    ) {
        let uri = &self.options.servers[server].uri;
        match addresses {
            Err(error) => {
                let report = rows::resolved(uri, took);
                self.give_up(server, report, error);
            }
            Ok(addresses) => {
                for (number, address) in addresses.into_iter().enumerate() {
                    self.ask(server, number, address, took);
                }
            }
        }
    }

    /// Asks silent servers by other ways over UDP, a few of them: what they say tells a blocked port from a
    /// server that is down.
    async fn look_again(&mut self) {
        let mut looks = JoinSet::new();
        let mut hosts = BTreeSet::new();
        for (key, row) in &self.rows {
            let Some((server, local, is_turn)) = row.silent() else {
                continue;
            };
            if hosts.len() == other_ports::MOST_HOSTS && !hosts.contains(&server.ip()) {
                continue;
            }
            hosts.insert(server.ip());
            let (key, source) = (*key, self.options.source.clone());
            looks.spawn(async move {
                (
                    key,
                    other_ports::of_silent(server, &source, local, is_turn).await,
                )
            });
        }
        while let Some(done) = looks.join_next().await {
            if let Ok((key, Some(error))) = done
                && let Some(row) = self.rows.get_mut(&key)
            {
                row.say_better(error);
            }
        }
    }

    fn finish(mut self) -> GatherResult {
        let now = self.clock.now();
        let mut servers = std::mem::take(&mut self.unresolved);
        for (key, row) in &mut self.rows {
            if !row.is_settled() {
                row.cut_short(now);
            }
            servers.push((key.server, row.report()));
        }
        servers.sort_by_key(|(index, report)| (*index, !report.is_default_route));
        let servers = servers.into_iter().map(|(_, report)| report).collect();
        self.collector.finish(servers, now)
    }
}
