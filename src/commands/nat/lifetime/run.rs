//! How long an unused binding lives.

use std::time::Duration;

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::commands::nat::run::Event;
use crate::commands::nat::run::depth::TestedPath;
use crate::net::drive::lifetime::{self, LifetimeEvent, Ports};
use crate::proto::nat::behavior::words::{Filtering, Udp};
use crate::proto::nat::behavior::{BehaviorDiscovery, ServerRecord};
use crate::proto::nat::lifetime::{Found, Lifetime, LifetimeFacts, Range, Step};

/// How long the whole command may take where no `--timeout` says it: the coarse waits, the fine
/// ones, both once more if they contradict each other, and the tests before.
pub fn time_limit(longest: Duration) -> Duration {
    longest * 4 + Duration::from_secs(60)
}

/// How far the measurement of a path is.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    pub family: Family,
    /// What is known by now, one-packet and two-way.
    pub known: [Range; 2],
    /// Until the end of the waits under way, if nothing ends them sooner.
    pub left: Duration,
}

pub async fn run(tested: TestedPath<'_>) -> LifetimeFacts {
    let Some(longest) = tested.around.depth.lifetime else {
        return LifetimeFacts::not_tested(Reason::NotAskedFor);
    };
    let facts = tested.discovery.facts();
    let inconclusive = |reason, why| LifetimeFacts::all(&Fact::inconclusive(reason, why));
    let stopped = *tested.around.stop.borrow();
    if let Some(reason) = stopped {
        return inconclusive(reason, "the run ended before it was measured");
    }
    if facts.udp != Fact::Determined(Udp::Open) {
        return inconclusive(Reason::NoResponse, "no server answered over UDP");
    }
    let open = facts.filtering.value() == Some(&Filtering::EndpointIndependent);
    if open && facts.nat == Fact::Determined(false) {
        return LifetimeFacts::not_tested(Reason::NoNat);
    }
    let servers = candidates(&tested);
    if servers.is_empty() {
        return inconclusive(Reason::NoResponse, "no server reported a mapping");
    }
    measure(tested, longest, &servers).await
}

/// Servers that answered and that nothing speaks against; those with behaviour discovery first, as
/// they know RESPONSE-PORT more often.
fn candidates(tested: &TestedPath) -> Vec<ServerRecord> {
    let outvoted = tested.discovery.outvoted();
    let mut servers = tested.discovery.servers();
    servers.retain(|s| {
        s.error.is_none() && s.facts.reflexive_address.is_some() && Some(s.address) != outvoted
    });
    servers.sort_by_key(|s| s.facts.behavior_discovery != Some(BehaviorDiscovery::Supported));
    servers
}

/// With the first server that can lead answers to where they are wanted.
async fn measure(
    tested: TestedPath<'_>,
    longest: Duration,
    servers: &[ServerRecord],
) -> LifetimeFacts {
    let around = tested.around;
    let mut ports = Ports::new(around.source.clone(), tested.local);
    let (mut packets, mut sockets) = (0, 0);
    let mut best: Option<LifetimeFacts> = None;
    for (server, number) in servers.iter().zip(1_u64..) {
        let clock = around.clock;
        let seed = around.seed.rotate_left(17) ^ number ^ tested.route.salt();
        let rtt = server.facts.rtt_ms.unwrap_or_default().0;
        let mut machine = Lifetime::new(server.address, longest, rtt, seed, clock.now());
        let tell = |told| tell(&tested, told);
        lifetime::drive(&mut machine, &mut ports, &clock, around.stop.clone(), tell).await;
        let facts = machine.facts();
        packets += facts.packets;
        sockets = facts.sockets.max(sockets);
        let goes_on = facts.method.is_none() && around.stop.borrow().is_none();
        // Of several servers that cannot do it, the first one's reason is told.
        if best.is_none() || !goes_on {
            best = Some(facts);
        }
        if !goes_on {
            break;
        }
    }
    let mut facts = best.unwrap_or_else(|| LifetimeFacts::not_tested(Reason::NoResponse));
    if facts.method.is_none() {
        for fact in [&mut facts.one_packet, &mut facts.two_way] {
            say_of_others(fact, servers.len() - 1);
        }
    }
    LifetimeFacts {
        packets,
        sockets,
        ..facts
    }
}

fn say_of_others(fact: &mut Fact<Range>, others: usize) {
    if let Fact::Inconclusive {
        reason: Reason::NoResponsePort,
        detail,
    } = fact
        && others > 0
    {
        *detail = format!("{detail}, and none of the other {others} can either");
    }
}

fn tell(tested: &TestedPath, told: LifetimeEvent) {
    let event = match told {
        LifetimeEvent::Step(step) => {
            let (waited_s, alive) = waited(&step);
            Event::Lifetime {
                family: tested.route.family,
                flow: step.kind,
                waited_s,
                alive,
            }
        }
        LifetimeEvent::Progress(progress) => Event::LifetimeProgress(Tick {
            family: tested.route.family,
            known: progress.known,
            left: progress.until.saturating_sub(tested.around.clock.now()),
        }),
    };
    // Nobody may be listening; the result has it all the same.
    let _ = tested.around.events.send(event);
}

/// For how long the binding of a test was seen to live, or after how long it was gone, in seconds.
fn waited(step: &Step) -> (f64, bool) {
    let (time, alive) = match step.found {
        Found::Alive(time) => (time, true),
        Found::Gone(time) => (time, false),
    };
    ((time.as_secs_f64() * 10.0).round() / 10.0, alive)
}
