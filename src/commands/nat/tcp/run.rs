//! STUN over TCP and TLS: from one local port to several servers at the same time, and together with
//! what was tried otherwise, the facts of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::Millis;
use crate::commands::nat::nat64::run::Route;
use crate::commands::nat::run::Event;
use crate::commands::nat::run::depth::TestedPath;
use crate::commands::nat::run::fallback::{self, StreamResult};
use crate::commands::nat::run::path::interface_to;
use crate::commands::nat::run::surroundings::Surroundings;
use crate::commands::nat::run::targets::{Machines, Target, Targets};
use crate::net::clock::Clock;
use crate::net::drive;
use crate::net::host::Source;
use crate::net::stream::{self, Attempt, StreamAnswer, StreamError, StreamPatience};
use crate::proto::nat::behavior::Observation;
use crate::proto::nat::behavior::probe::Test;
use crate::proto::nat::behavior::words::AddressPooling;
use crate::proto::nat::tcp::{self, Outcome, StreamFacts, StreamSeen};
use crate::proto::nat::timers;
use crate::proto::stun::message::{BindingSuccess, TransactionId};
use crate::proto::stun::uri::Transport;

/// The letter of the shared port in observations, behind those of the UDP sockets.
const SOCKET: &str = "y";

/// The first of the numbers that the transaction IDs of these questions are drawn by.
const FIRST_ID: u64 = 1 << 32;

/// A lost SYN is repeated once: more would cost time, and the servers are several.
const MOST_TRIES: usize = 2;

#[derive(Default)]
pub struct StreamTest {
    seen: Vec<StreamSeen>,
    /// The address and port that they were all made from.
    shared: Option<SocketAddr>,
    machines: Machines,
    /// Why there is no more.
    missing: Option<Reason>,
    /// Each connection as the report has it.
    pub observations: Vec<Observation>,
}

pub async fn run(tested: TestedPath<'_>) -> StreamTest {
    let around = tested.around;
    if !around.depth.tcp {
        return StreamTest::none(Reason::LeftOut);
    }
    let servers = tested.discovery.servers().into_iter();
    let rtts = servers.filter_map(|s| Some(s.facts.rtt_ms?.0));
    let slowest = rtts.chain(round_trips(tested.fallback)).max();
    let targets = Targets::of_path(&tested);
    let from = (tested.route, tested.local);
    connect(from, targets, slowest.unwrap_or_default(), around).await
}

/// The same for servers on one way that are asked over TCP or TLS alone; `None` if none answered.
pub async fn without_udp<'a>(
    route: Route,
    tried: impl Iterator<Item = &'a StreamResult>,
    around: &Surroundings,
) -> Option<(IpAddr, StreamTest)> {
    let tried: Vec<&StreamResult> = tried.collect();
    let answer = tried.iter().find_map(|t| t.answer.as_ref().ok())?;
    let local = answer.local.ip();
    if !around.depth.tcp {
        return Some((local, StreamTest::none(Reason::LeftOut)));
    }
    let slowest = round_trips(tried.iter().copied()).max().unwrap_or_default();
    let targets = Targets::answered(tried.iter().copied());
    Some((
        local,
        connect((route, local), targets, slowest, around).await,
    ))
}

fn round_trips<'a>(
    tried: impl IntoIterator<Item = &'a StreamResult>,
) -> impl Iterator<Item = Duration> {
    tried
        .into_iter()
        .filter_map(|t| Some(t.answer.as_ref().ok()?.rtt))
}

/// What is reported of TCP: what the test saw, and the other attempts. `pooling` is what is known of
/// the NAT's external addresses.
pub fn report(
    test: &StreamTest,
    tried: &[&StreamResult],
    pooling: Option<&Fact<AddressPooling>>,
) -> StreamFacts {
    let mut machines = test.machines.clone();
    let mut seen = test.seen.clone();
    seen.extend(tried.iter().filter(|t| t.cut.is_none()).map(|t| {
        let address = t.attempt.address;
        StreamSeen {
            local: t.answer.as_ref().ok().map(|a| a.local),
            destination: address,
            server: machines.number(address.ip()),
            outcome: outcome(&t.answer),
        }
    }));
    let mut facts = tcp::facts(&seen, test.shared, pooling.is_some_and(is_pooled));
    let cut = tried
        .iter()
        .find_map(|t| t.cut)
        .or(test.missing)
        .filter(|reason| matches!(reason, Reason::Interrupted | Reason::Timeout));
    if let Some(reason) = cut {
        facts.open = unless_known(facts.open, reason);
        facts.mapping = unless_known(facts.mapping, reason);
    } else if let Some(reason) = test.missing {
        if seen.is_empty() {
            facts.open = Fact::not_tested(reason);
        }
        facts.mapping = Fact::not_tested(reason);
    }
    facts
}

fn unless_known<T>(fact: Fact<T>, reason: Reason) -> Fact<T> {
    if fact.is_determined() {
        fact
    } else {
        Fact::inconclusive(reason, "the run ended before the answer was there")
    }
}

/// Whether the NAT may have several external addresses.
const fn is_pooled(pooling: &Fact<AddressPooling>) -> bool {
    matches!(
        pooling,
        Fact::Determined(AddressPooling::Arbitrary)
            | Fact::Inconclusive {
                reason: Reason::Contradiction | Reason::MappingChanged,
                ..
            }
    )
}

impl StreamTest {
    fn none(reason: Reason) -> Self {
        Self {
            missing: Some(reason),
            ..Self::default()
        }
    }
}

/// Where all connections come from, and how long they may take.
#[derive(Clone)]
struct Origin {
    source: Source,
    local: SocketAddr,
    clock: Clock,
    grace: Duration,
}

struct TargetAnswer {
    target: Target,
    answer: Result<StreamAnswer, StreamError>,
    tries: usize,
}

async fn connect(
    (route, local): (Route, IpAddr),
    mut targets: Targets,
    slowest: Duration,
    around: &Surroundings,
) -> StreamTest {
    let interface = interface_to(&around.source, local);
    let mut stop = around.stop.clone();
    // Before the first packet, not only between two.
    let stopped = *stop.borrow();
    if let Some(reason) = stopped {
        return StreamTest::none(reason);
    }
    if targets.is_empty() {
        return StreamTest::none(Reason::TooFewServers);
    }
    // It keeps the port while the others come and go.
    let Ok((_holder, shared)) = fresh_port(&around.source, local) else {
        return StreamTest::none(Reason::EarlierFailure);
    };
    let origin = Origin {
        source: around.source.clone(),
        local: shared,
        clock: around.clock,
        grace: timers::stream_grace(slowest),
    };
    let mut test = StreamTest {
        shared: Some(shared),
        ..StreamTest::default()
    };
    let mut asking = JoinSet::new();
    let mut number = FIRST_ID;
    loop {
        while let Some(target) = targets.pop() {
            number += 1;
            let id = fallback::transaction_id(around.seed, number);
            asking.spawn(ask(origin.clone(), target, id));
        }
        let done = tokio::select! {
            biased;
            reason = drive::stopped(&mut stop) => {
                test.missing = Some(reason);
                break;
            }
            done = asking.join_next() => done,
        };
        match done {
            Some(Ok(asked)) => {
                targets.learn(&asked.target, &asked.answer);
                test.note(asked, route, interface.as_deref(), around);
            }
            // A task that was broken off has nothing to say.
            Some(Err(_)) => {}
            None => break,
        }
    }
    test.machines = targets.into_machines();
    test
}

fn fresh_port(source: &Source, local: IpAddr) -> std::io::Result<(TcpSocket, SocketAddr)> {
    let holder = source.tcp_shared(SocketAddr::new(local, 0))?;
    let shared = holder.local_addr()?;
    Ok((holder, shared))
}

async fn ask(origin: Origin, target: Target, id: TransactionId) -> TargetAnswer {
    let attempt: &Attempt = &target.attempt;
    // The handshake of TLS takes two round trips more.
    let answering = match attempt.transport {
        Transport::Tls => origin.grace * 2,
        _ => origin.grace,
    };
    let patience = StreamPatience {
        connect: origin.grace / 2,
        whole: origin.grace / 2 + answering,
    };
    let mut tries = 0;
    let answer = loop {
        tries += 1;
        let socket = match origin.source.tcp_shared(origin.local) {
            Ok(socket) => socket,
            Err(error) => {
                break Err(StreamError {
                    report: stream::io_error(&error),
                    host_is_up: false,
                });
            }
        };
        let answer = stream::ask_from(socket, attempt, &origin.clock, id, patience).await;
        if tries == MOST_TRIES || !matches!(&answer, Err(error) if is_silent(error)) {
            break answer;
        }
    };
    TargetAnswer {
        target,
        answer,
        tries,
    }
}

fn is_silent(error: &StreamError) -> bool {
    !error.host_is_up && error.report.code == Code::Timeout
}

fn outcome(answer: &Result<StreamAnswer, StreamError>) -> Outcome {
    match answer {
        Ok(answer) => {
            let success = answer.response.outcome.as_ref().ok();
            Outcome::Answered {
                reflexive: success.and_then(BindingSuccess::reflexive),
                is_xor: success.is_some_and(|s| s.xor_mapped.is_some()),
            }
        }
        Err(error) if error.report.code == Code::Refused => Outcome::Refused,
        Err(error) if error.report.code == Code::Forbidden => Outcome::Forbidden,
        Err(error) if is_silent(error) => Outcome::Silent,
        Err(error) if error.host_is_up => Outcome::NotStun,
        Err(_) => Outcome::Failed,
    }
}

impl StreamTest {
    fn note(
        &mut self,
        asked: TargetAnswer,
        route: Route,
        interface: Option<&str>,
        around: &Surroundings,
    ) {
        let destination = asked.target.attempt.address;
        let outcome = outcome(&asked.answer);
        let answer = asked.answer.ok();
        let observation = Observation {
            test: Test::Stream,
            interface: None,
            socket: SOCKET.to_owned(),
            sent_to: destination,
            answered_from: answer.is_some().then_some(destination),
            reflexive_address: match outcome {
                Outcome::Answered { reflexive, .. } => reflexive,
                _ => None,
            },
            rtt_ms: answer.map(|a| Millis(a.rtt)),
            transmissions: asked.tries,
        };
        let observation = route.named(observation, interface);
        // The result has it all the same.
        let _ = around
            .events
            .send(Event::Observation(Box::new(observation.clone())));
        self.observations.push(observation);
        self.seen.push(StreamSeen {
            local: self.shared,
            destination,
            server: asked.target.server,
            outcome,
        });
    }
}
