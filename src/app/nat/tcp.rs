//! STUN over TCP and TLS: from one local port to several servers at the same time, and together with
//! what was tried otherwise, the facts of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::Event;
use super::deeper::Tested;
use super::fallback::{self, Tried};
use super::path::interface_to;
use super::surroundings::Surroundings;
use super::targets::{Machines, Target, Targets};
use super::translation::Way;
use crate::fact::{Fact, Reason};
use crate::nat::behavior::AddressPooling;
use crate::nat::probe::Test;
use crate::nat::stream_mapping::{self, Outcome, StreamSeen};
use crate::nat::timers;
use crate::net::clock::Clock;
use crate::net::driver;
use crate::net::host::Source;
use crate::net::stream::{self, Attempt, Patience, StreamAnswer, StreamError};
use crate::report::Millis;
use crate::report::nat::{ObservationReport, StreamCounts, TcpReport};
use crate::stun::message::{BindingSuccess, TransactionId};
use crate::stun::uri::Transport;

/// The letter of the shared port in observations, behind those of the UDP sockets.
const SOCKET: &str = "y";

/// The first of the numbers that the transaction IDs of these questions are drawn by.
const FIRST_ID: u64 = 1 << 32;

/// A lost SYN is repeated once: more would cost time, and the servers are several.
const MOST_TRIES: usize = 2;

/// What came of the connections from one port.
pub struct StreamTest {
    seen: Vec<StreamSeen>,
    /// The address and port that they were all made from.
    shared: Option<SocketAddr>,
    machines: Machines,
    /// Why there is no more.
    missing: Option<Reason>,
    /// How observations name the shared port.
    socket: String,
    /// Each connection as the report has it.
    pub observations: Vec<ObservationReport>,
}

/// Tests TCP, if the options ask for it.
pub async fn run(tested: Tested<'_>) -> StreamTest {
    let around = tested.around;
    if !around.depth.tcp {
        return StreamTest::none(Reason::LeftOut);
    }
    let rtts = tested.discovery.servers().into_iter().filter_map(|s| s.rtt);
    let slowest = rtts.chain(round_trips(tested.fallback)).max();
    let targets = Targets::of_path(&tested);
    let from = (tested.way, tested.local);
    connect(from, targets, slowest.unwrap_or_default(), around).await
}

/// The same for servers on one way that are asked over TCP or TLS alone; `None` if none answered.
pub async fn without_udp<'a>(
    way: Way,
    tried: impl Iterator<Item = &'a Tried>,
    around: &Surroundings,
) -> Option<(IpAddr, StreamTest)> {
    let tried: Vec<&Tried> = tried.collect();
    let answer = tried.iter().find_map(|t| t.answer.as_ref().ok())?;
    let local = answer.local.ip();
    if !around.depth.tcp {
        return Some((local, StreamTest::none(Reason::LeftOut)));
    }
    let slowest = round_trips(tried.iter().copied()).max().unwrap_or_default();
    let targets = Targets::answered(tried.iter().copied());
    Some((local, connect((way, local), targets, slowest, around).await))
}

fn round_trips<'a>(tried: impl IntoIterator<Item = &'a Tried>) -> impl Iterator<Item = Duration> {
    tried
        .into_iter()
        .filter_map(|t| Some(t.answer.as_ref().ok()?.rtt))
}

/// What is reported of TCP: what the test saw, and the other attempts. `pooling` is what is known of
/// the NAT's external addresses.
pub fn report(
    test: &StreamTest,
    tried: &[&Tried],
    pooling: Option<&Fact<AddressPooling>>,
) -> TcpReport {
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
    let facts = stream_mapping::facts(&seen, test.shared, pooling.is_some_and(is_pooled));
    let cut = tried
        .iter()
        .find_map(|t| t.cut)
        .or(test.missing)
        .filter(|reason| matches!(reason, Reason::Interrupted | Reason::Timeout));
    let (mut open, mut mapping) = (facts.open, facts.mapping);
    if let Some(reason) = cut {
        open = unless_known(open, reason);
        mapping = unless_known(mapping, reason);
    } else if let Some(reason) = test.missing {
        if seen.is_empty() {
            open = Fact::not_tested(reason);
        }
        mapping = Fact::not_tested(reason);
    }
    TcpReport {
        open,
        reflexive_addresses: facts.reflexive_addresses,
        mapping,
        servers: StreamCounts {
            answered: facts.counts.answered,
            not_stun: facts.counts.not_stun,
            refused: facts.counts.refused,
            silent: facts.counts.silent,
            failed: facts.counts.failed,
        },
    }
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
            seen: Vec::new(),
            shared: None,
            machines: Machines::default(),
            missing: Some(reason),
            socket: String::new(),
            observations: Vec::new(),
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

/// How a target answered, and how many times it was connected to.
struct Asked {
    target: Target,
    answer: Result<StreamAnswer, StreamError>,
    tries: usize,
}

async fn connect(
    (way, local): (Way, IpAddr),
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
        seen: Vec::new(),
        shared: Some(shared),
        machines: Machines::default(),
        missing: None,
        socket: way.socket(SOCKET),
        observations: Vec::new(),
    };
    let mut asking = JoinSet::new();
    let mut number = FIRST_ID;
    loop {
        while let Some(target) = targets.next() {
            number += 1;
            let id = fallback::transaction_id(around.seed, number);
            asking.spawn(ask(origin.clone(), target, id));
        }
        let done = tokio::select! {
            biased;
            reason = driver::stopped(&mut stop) => {
                test.missing = Some(reason);
                break;
            }
            done = asking.join_next() => done,
        };
        match done {
            Some(Ok(asked)) => {
                targets.learn(&asked.target, &asked.answer);
                test.note(asked, interface.as_deref(), around);
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

async fn ask(origin: Origin, target: Target, id: TransactionId) -> Asked {
    let attempt: &Attempt = &target.attempt;
    // The handshake of TLS takes two round trips more.
    let answering = match attempt.transport {
        Transport::Tls => origin.grace * 2,
        _ => origin.grace,
    };
    let patience = Patience {
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
    Asked {
        target,
        answer,
        tries,
    }
}

fn is_silent(error: &StreamError) -> bool {
    !error.host_is_up && error.report.code == "timeout"
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
        Err(error) if error.report.code == "refused" => Outcome::Refused,
        Err(error) if error.report.code == "forbidden" => Outcome::Forbidden,
        Err(error) if is_silent(error) => Outcome::Silent,
        Err(error) if error.host_is_up => Outcome::NotStun,
        Err(_) => Outcome::Failed,
    }
}

impl StreamTest {
    fn note(&mut self, asked: Asked, interface: Option<&str>, around: &Surroundings) {
        let destination = asked.target.attempt.address;
        let outcome = outcome(&asked.answer);
        let answer = asked.answer.ok();
        let observation = ObservationReport {
            test: Test::Stream,
            socket: self.socket.clone(),
            interface: interface.map(str::to_owned),
            sent_to: destination,
            answered_from: answer.is_some().then_some(destination),
            reflexive_address: match outcome {
                Outcome::Answered { reflexive, .. } => reflexive,
                _ => None,
            },
            rtt_ms: answer.map(|a| Millis(a.rtt)),
            transmissions: asked.tries,
        };
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
