//! How long an unused binding lives.

use std::net::SocketAddr;
use std::time::Duration;

use super::Event;
use super::deeper::Tested;
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::behavior::{Filtering, Udp};
use crate::nat::discovery::{BehaviorDiscovery, ServerRecord};
use crate::nat::lifetime::{Found, Lifetime, Method, Range, Snapshot, Step, keepalive};
use crate::net::bindings::{self, Ports, Told};
use crate::report::Finding;
use crate::report::nat::{Bounds, LifetimeMethod, LifetimeReport};

/// How long the whole command may take where no `--timeout` says it: the coarse waits, the fine
/// ones, both once more if they contradict each other, and the tests before.
pub fn time_limit(longest: Duration) -> Duration {
    longest * 4 + Duration::from_secs(60)
}

/// How far the measurement of a path is.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// Over which family.
    pub family: Family,
    /// What is known by now, one-packet and two-way.
    pub known: [Range; 2],
    /// Until the end of the waits under way, if nothing ends them sooner.
    pub left: Duration,
}

/// Measures it, if the options ask for it.
pub async fn run(tested: Tested<'_>) -> (LifetimeReport, Vec<Finding>) {
    let Some(longest) = tested.around.depth.lifetime else {
        return not_tested(Reason::NotAskedFor);
    };
    let facts = tested.discovery.facts();
    let stopped = *tested.around.stop.borrow();
    if let Some(reason) = stopped {
        return inconclusive(reason, "the run ended before it was measured");
    }
    if facts.udp != Fact::Determined(Udp::Open) {
        return inconclusive(Reason::NoResponse, "no server answered over UDP");
    }
    let open = facts.filtering.value() == Some(&Filtering::EndpointIndependent);
    if open && facts.nat == Fact::Determined(false) {
        return not_tested(Reason::NoNat);
    }
    let servers = candidates(&tested);
    if servers.is_empty() {
        return inconclusive(Reason::NoResponse, "no server reported a mapping");
    }
    (measure(tested, longest, &servers).await, Vec::new())
}

fn not_tested(reason: Reason) -> (LifetimeReport, Vec<Finding>) {
    (LifetimeReport::not_tested(reason), Vec::new())
}

fn inconclusive(reason: Reason, detail: &str) -> (LifetimeReport, Vec<Finding>) {
    let report = LifetimeReport {
        one_packet: Fact::inconclusive(reason, detail),
        two_way: Fact::inconclusive(reason, detail),
        keepalive_s: Fact::inconclusive(reason, detail),
        ..LifetimeReport::not_tested(reason)
    };
    (report, Vec::new())
}

/// Servers that answered and that nothing speaks against; those with behaviour discovery first, as
/// they know RESPONSE-PORT more often.
fn candidates(tested: &Tested) -> Vec<ServerRecord> {
    let outvoted = tested.discovery.outvoted();
    let mut servers: Vec<ServerRecord> = tested
        .discovery
        .servers()
        .into_iter()
        .filter(|s| s.error.is_none() && s.reflexive_address.is_some())
        .filter(|s| Some(s.address) != outvoted)
        .collect();
    servers.sort_by_key(|s| s.behavior_discovery != Some(BehaviorDiscovery::Supported));
    servers
}

/// With the first server that can lead answers to where they are wanted.
async fn measure(
    tested: Tested<'_>,
    longest: Duration,
    servers: &[ServerRecord],
) -> LifetimeReport {
    let around = tested.around;
    let mut ports = Ports::new(around.source.clone(), tested.local);
    let (mut packets, mut sockets) = (0, 0);
    let mut best: Option<(SocketAddr, Snapshot)> = None;
    for (server, number) in servers.iter().zip(1_u64..) {
        let clock = around.clock;
        let seed = around.seed.rotate_left(17) ^ number ^ tested.way.salt();
        let rtt = server.rtt.unwrap_or_default();
        let mut machine = Lifetime::new(server.address, longest, rtt, seed, clock.now());
        let tell = |told| tell(&tested, told);
        bindings::drive(&mut machine, &mut ports, &clock, around.stop.clone(), tell).await;
        let snapshot = machine.snapshot();
        packets += snapshot.packets;
        sockets = snapshot.sockets.max(sockets);
        let goes_on = snapshot.method.is_none() && around.stop.borrow().is_none();
        // Of several servers that cannot do it, the first one's reason is told.
        if best.is_none() || !goes_on {
            best = Some((server.address, snapshot));
        }
        if !goes_on {
            break;
        }
    }
    let mut report = match best {
        Some((server, snapshot)) => report(server, &snapshot, servers.len()),
        None => LifetimeReport::not_tested(Reason::NoResponse),
    };
    (report.packets, report.sockets) = (packets, sockets);
    report
}

fn tell(tested: &Tested, told: Told) {
    let event = match told {
        Told::Step(step) => Event::Lifetime {
            family: tested.way.family,
            step,
        },
        Told::Progress(progress) => Event::LifetimeProgress(Tick {
            family: tested.way.family,
            known: progress.known,
            left: progress.until.saturating_sub(tested.around.clock.now()),
        }),
    };
    // Nobody may be listening; the result has it all the same.
    let _ = tested.around.events.send(event);
}

fn report(server: SocketAddr, snapshot: &Snapshot, servers: usize) -> LifetimeReport {
    let more = if servers > 1 && snapshot.method.is_none() {
        format!(", and none of the other {} can either", servers - 1)
    } else {
        String::new()
    };
    let shown = |fact: &Fact<Range>| match fact.clone().map(bounds) {
        Fact::Inconclusive {
            reason: Reason::NoResponsePort,
            detail,
        } => Fact::inconclusive(Reason::NoResponsePort, format!("{detail}{more}")),
        other => other,
    };
    LifetimeReport {
        one_packet: shown(&snapshot.one_packet),
        two_way: shown(&snapshot.two_way),
        method: snapshot.method.map(|method| match method {
            Method::ResponsePort { .. } => LifetimeMethod::ResponsePort,
            Method::HeldAnswer => LifetimeMethod::DelayedAnswer,
        }),
        server: snapshot.method.is_some().then_some(server),
        keepalive_s: keepalive_of(snapshot),
        packets: snapshot.packets,
        sockets: snapshot.sockets,
    }
}

/// It holds for either kind of flow, so both have to be known.
fn keepalive_of(snapshot: &Snapshot) -> Fact<f64> {
    let (one, two) = match (&snapshot.one_packet, &snapshot.two_way) {
        (Fact::Determined(one), Fact::Determined(two)) => (*one, *two),
        (Fact::Inconclusive { reason, .. }, _) | (_, Fact::Inconclusive { reason, .. }) => {
            return Fact::inconclusive(*reason, "the lifetime of one kind of flow is not known");
        }
        (Fact::NotTested { reason }, _) | (_, Fact::NotTested { reason }) => {
            return Fact::not_tested(*reason);
        }
    };
    match keepalive::interval(&[one, two]) {
        Some(interval) => Fact::Determined(interval.as_secs_f64()),
        None => Fact::inconclusive(
            Reason::TooFewSamples,
            "bindings live for less than a second: no interval keeps them for certain",
        ),
    }
}

/// In tenths of a second, rounded so that the bounds stay true.
fn bounds(range: Range) -> Bounds {
    Bounds {
        at_least: (range.at_least.as_secs_f64() * 10.0).floor() / 10.0,
        at_most: range
            .at_most
            .map(|most| (most.as_secs_f64() * 10.0).ceil() / 10.0),
    }
}

/// For how long the binding of a test was seen to live, or after how long it was gone, in seconds.
pub fn waited(step: &Step) -> (f64, bool) {
    let (time, alive) = match step.found {
        Found::Alive(time) => (time, true),
        Found::Gone(time) => (time, false),
    };
    ((time.as_secs_f64() * 10.0).round() / 10.0, alive)
}
