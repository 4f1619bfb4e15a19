//! `rtcdiag turn`: is this TURN server healthy and safe.

mod across;
mod exchange;
mod safety;
mod second_look;
mod trial;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::base::words::by_route;
use crate::commands::reach;
use crate::commands::signals::Slack;
use crate::commands::turn::report::{TransportReport, TurnResult};
use crate::net::clock::Clock;
use crate::net::drive::stopped;
use crate::net::host::{self, Source};
use crate::net::leases::Leases;
use crate::net::link::Target;
use crate::net::redirect::PATIENCE;
use crate::proto::stun::uri::{Host, Transport};
use crate::proto::turn::credentials::Credentials;
use crate::proto::turn::uri::{TurnUri, Way};
use across::{no_route_is_no_fault, unreachable_relays_are};
use exchange::Pace;
use safety::Safety;
use trial::{Opening, Surroundings, Trial};

#[derive(Debug, Clone)]
pub struct Options {
    pub uri: TurnUri,
    pub credentials: Option<Credentials>,
    pub families: Vec<Family>,
    pub source: Source,
    /// Whether to ask which peers are allowed.
    pub policy: bool,
    /// A peer to try.
    pub peer: Option<SocketAddr>,
    /// Seed of transaction IDs.
    pub seed: u64,
    pub slack: Slack,
}

/// Something that happens during the run, as `--jsonl` has it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    Transport(Box<TransportReport>),
}

/// Tests the server. Ends early when `stop` says so, with what is known by then.
pub async fn run(
    options: &Options,
    clock: Clock,
    mut stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> TurnResult {
    let leases = Leases::default();
    let around = Surroundings {
        source: options.source.clone(),
        credentials: options.credentials.clone(),
        clock,
        seed: options.seed,
        lease: leases.lease(),
        peer: options.peer,
        quiet: Arc::default(),
        slack: options.slack.clone(),
    };
    let mut run = TurnRun {
        options,
        around,
        events,
        trials: Vec::new(),
        settled: Vec::new(),
        addresses: Vec::new(),
        safety: Safety::new(options),
    };
    let stopped = tokio::select! {
        biased;
        reason = stopped(&mut stop) => Some(reason),
        () = run.work() => None,
    };
    let result = run.finish(stopped);
    leases.all_back().await;
    result
}

struct TurnRun<'a> {
    options: &'a Options,
    around: Surroundings,
    events: mpsc::UnboundedSender<Event>,
    trials: Vec<Trial>,
    /// The report of each trial, once it is there.
    settled: Vec<Option<TransportReport>>,
    /// What the name stands for.
    addresses: Vec<SocketAddr>,
    safety: Safety,
}

impl TurnRun<'_> {
    async fn work(&mut self) {
        let began = self.around.clock.now();
        let uri = &self.options.uri.server;
        let source = &self.around.source;
        let found = reach::addresses(uri, &self.options.families, PATIENCE, source).await;
        let took = matches!(uri.host, Host::Name(_)).then(|| StageTime {
            stage: Stage::Resolve,
            elapsed_ms: Millis(self.around.clock.now().saturating_sub(began)),
        });
        let ways = self.options.uri.ways();
        match found {
            Err(error) => {
                for way in ways {
                    self.unresolved(way, error.clone(), took);
                }
            }
            Ok(addresses) => {
                self.plan(&ways, &one_of_each_family(&addresses));
                self.addresses = addresses;
                Box::pin(self.try_all(took)).await;
                self.plan_beside_the_dead(&ways);
                Box::pin(self.try_all(took)).await;
                Box::pin(self.try_again_one_by_one(took)).await;
                Box::pin(self.look_again()).await;
            }
        }
    }

    fn unresolved(&mut self, way: Way, error: ErrorReport, took: Option<StageTime>) {
        let mut report = TransportReport::new(way.transport, way.is_named);
        report.stages.extend(took);
        report.fail(Stage::Resolve, error);
        announce(&self.events, &report);
        self.settled.push(Some(report));
    }

    fn plan(&mut self, ways: &[Way], addresses: &[SocketAddr]) {
        for address in addresses {
            for way in ways {
                self.trials.push(Trial {
                    target: Target {
                        address: way.at(*address),
                        host: self.options.uri.server.host.clone(),
                        transport: way.transport,
                    },
                    named: way.is_named,
                    frugal: false,
                    pace: if self.trials.is_empty() {
                        Pace::Full
                    } else {
                        Pace::Beside
                    },
                    number: self.trials.len() as u64,
                });
            }
        }
        self.settled.resize_with(self.trials.len(), || None);
    }

    /// Where nothing answers at the one address of a family that was tried, the name may have another.
    fn plan_beside_the_dead(&mut self, ways: &[Way]) {
        let is_dead = |report: &TransportReport| {
            let error = report.error.as_ref();
            error.is_some_and(|e| matches!(e.code, Code::Timeout | Code::Refused))
                && report.realm.is_none()
                && report.relayed_address.is_none()
        };
        let known = self.settled.iter().flatten();
        let tried: Vec<IpAddr> = known
            .clone()
            .filter_map(|r| Some(r.address?.ip()))
            .collect();
        let alive = known
            .filter(|report| !is_dead(report))
            .filter_map(|report| report.family);
        let alive: Vec<Family> = alive.collect();
        let fresh = self.addresses.iter().filter(|address| {
            let family = Family::of(address.ip());
            let is_tried = |ip: &IpAddr| Family::of(*ip) == family;
            !tried.contains(&address.ip()) && tried.iter().any(is_tried) && !alive.contains(&family)
        });
        let fresh: Vec<SocketAddr> = fresh.copied().collect();
        self.plan(ways, &one_of_each_family(&fresh));
    }

    /// All transports side by side; who may use the server, and for what, is asked over the first
    /// one that gives an allocation.
    async fn try_all(&mut self, took: Option<StageTime>) {
        let (opened, mut openings) = mpsc::unbounded_channel::<Opening>();
        let mut tasks = JoinSet::new();
        for (index, trial) in self.trials.iter().enumerate() {
            if self.settled[index].is_some() {
                continue;
            }
            let (trial, around, opened) = (trial.clone(), self.around.clone(), opened.clone());
            tasks.spawn(async move { (index, Box::pin(trial::run(trial, around, opened)).await) });
        }
        drop(opened);
        let safety = &mut self.safety;
        let around = &self.around;
        let events = &self.events;
        let settle = async {
            while let Some(done) = tasks.join_next().await {
                // A panic in a task is a fault of ours, and shows as a missing row.
                if let Ok((index, mut report)) = done {
                    report.stages.splice(0..0, took);
                    announce(events, &report);
                    self.settled[index] = Some(report);
                }
            }
        };
        let ask = async {
            if let Some(open) = openings.recv().await {
                Box::pin(safety.ask(&open, around)).await;
            }
        };
        tokio::join!(settle, ask);
    }

    /// A quota may be smaller than what all transports need together. Then they have to take turns.
    async fn try_again_one_by_one(&mut self, took: Option<StageTime>) {
        let (opened, mut openings) = mpsc::unbounded_channel::<Opening>();
        for index in 0..self.trials.len() {
            let short = self.settled[index]
                .as_ref()
                .is_some_and(|report| report.quota_reached);
            if !short {
                continue;
            }
            let trial = Trial {
                frugal: true,
                number: (self.trials.len() + index) as u64,
                ..self.trials[index].clone()
            };
            self.wait_for_release().await;
            let mut report = Box::pin(trial::run(trial, self.around.clone(), opened.clone())).await;
            report.stages.splice(0..0, took);
            let silent = report
                .error
                .as_ref()
                .is_some_and(|e| e.code == Code::Timeout);
            if silent {
                // That it is short of allocations is known, and tells more.
                continue;
            }
            announce(&self.events, &report);
            self.settled[index] = Some(report);
        }
        drop(opened);
        if self.safety.is_short_of_allocations() {
            self.wait_for_release().await;
            let open = match openings.recv().await {
                Some(open) => Some(open),
                None => self.safety.asked_at(),
            };
            if let Some(open) = open {
                Box::pin(self.safety.ask(&open, &self.around)).await;
            }
        }
    }

    /// Some servers count an allocation over UDP for another second after its end.
    async fn wait_for_release(&self) {
        tokio::time::sleep(safety::RELEASED_IN).await;
    }

    fn finish(mut self, stopped: Option<Reason>) -> TurnResult {
        let reason = stopped.unwrap_or(Reason::EarlierFailure);
        let mut transports = Vec::new();
        for (index, settled) in std::mem::take(&mut self.settled).into_iter().enumerate() {
            transports.push(settled.unwrap_or_else(|| {
                let trial = &self.trials[index];
                let mut report = TransportReport::new(trial.target.transport, true);
                report.address = Some(trial.target.address);
                report.family = Some(Family::of(trial.target.address.ip()));
                let stage = match trial.target.transport {
                    Transport::Udp => Stage::Allocate,
                    Transport::Tcp | Transport::Tls => Stage::Connect,
                };
                report.cut_short(stage, reason);
                report.named = trial.named;
                report
            }));
            if let (Some(trial), Some(report)) = (self.trials.get(index), transports.last_mut()) {
                let tried = trial.target.address.ip();
                let same_family = self.addresses.iter().map(SocketAddr::ip);
                let is_tried = |ip: &IpAddr| {
                    let mut all = self.trials.iter();
                    all.any(|trial| trial.target.address.ip() == *ip)
                };
                report.untried = same_family
                    .filter(|ip| ip.is_ipv4() == tried.is_ipv4() && *ip != tried)
                    .filter(|ip| !is_tried(ip))
                    .collect();
            }
        }
        if transports.is_empty() {
            for way in self.options.uri.ways() {
                let mut report = TransportReport::new(way.transport, way.is_named);
                report.cut_short(Stage::Resolve, reason);
                transports.push(report);
            }
        }
        if self.options.source.interface.is_none() && self.options.source.local.is_none() {
            name_routes(&mut transports);
        }
        no_route_is_no_fault(&mut transports);
        unreachable_relays_are(&mut transports);
        let mut asked = transports.iter().filter_map(|t| t.authenticated);
        let authenticated = asked.next().map(|first| first && asked.all(|asked| asked));
        self.safety.finish(
            self.options.uri.server.to_string(),
            transports,
            authenticated,
            stopped,
        )
    }
}

fn announce(events: &mpsc::UnboundedSender<Event>, report: &TransportReport) {
    // Nobody may be listening; the result has it all the same.
    let _ = events.send(Event::Transport(Box::new(report.clone())));
}

/// A name may stand for many addresses of the same machine: one of each family is tried.
fn one_of_each_family(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut chosen: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !chosen.iter().any(|c| c.is_ipv4() == address.is_ipv4()) {
            chosen.push(*address);
        }
    }
    chosen
}

/// Says which way leads to a silent server, where this host has more than one that may.
fn name_routes(transports: &mut [TransportReport]) {
    let is_unheard = |transport: &&mut TransportReport| {
        let error = transport.error.as_ref().map(|error| error.code);
        matches!(
            error,
            Some(Code::Timeout | Code::PortSilent | Code::Unreachable)
        ) && transport.realm.is_none()
            && transport.relayed_address.is_none()
    };
    let mut unheard = transports.iter_mut().filter(is_unheard).peekable();
    if unheard.peek().is_none() {
        return;
    }
    let interfaces = host::interfaces().unwrap_or_default();
    for transport in unheard {
        let (Some(local), Some(error)) = (transport.local_address, &mut transport.error) else {
            continue;
        };
        let of_family = interfaces
            .iter()
            .filter(|i| i.is_up && i.has(Family::of(local)));
        if local.is_loopback() || of_family.count() < 2 {
            continue;
        }
        if let Some(interface) = host::interface_of(local) {
            error.message.push_str(&by_route(&interface, local));
        }
    }
}

/// A fact that an early end keeps from being known.
const fn cut_short<T>(stopped: Option<Reason>) -> Fact<T> {
    Fact::not_tested(match stopped {
        Some(reason) => reason,
        None => Reason::EarlierFailure,
    })
}
