//! Runs two sides against each other in virtual time.

mod gathering;
mod network;
mod passing;
mod verdict;

pub use verdict::{End, Outcome};

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtcdiag::proto::ice::candidate::{self, COMPONENT, Candidate, CandidateType, Origin};
use rtcdiag::proto::ice::checks::pair::{CheckState, Pair};
use rtcdiag::proto::ice::checks::{Base, Checks, Credentials, Event, Input, Role, Transmit};
use rtcdiag::proto::stun::message::ErrorResponse;

use super::engine::Engine;
use super::scenario::Scenario;
use super::world::{Packet, Target, World, stun_server};

/// When STUN is asked from each base, in milliseconds, and when it is given up.
const STUN_AT: [u64; 7] = [0, 50, 120, 250, 500, 900, 1400];
const STUN_END: u64 = 1600;
/// Both know everything by then.
const GATHERED: Duration = Duration::from_secs(3);
/// After the descriptions.
const LONGEST: Duration = Duration::from_secs(12);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Body {
    Ice(Vec<u8>),
    Ask {
        can_be_lost: bool,
    },
    Mapped {
        address: SocketAddr,
        can_be_lost: bool,
    },
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrive(Packet, Body),
    /// A relay sends on to a peer.
    FromRelay(usize, SocketAddr, Vec<u8>),
    /// A relay's datagram reaches its client.
    ToClient(usize, SocketAddr, Vec<u8>),
    Permission(usize, IpAddr),
    Permitted(usize, IpAddr),
    Allocated(usize),
    /// From a socket; whether it can be lost.
    Ask(usize, bool),
    GiveUp(usize),
    Describe(usize),
    Signal(usize, Signal),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    Description,
    Candidate(String),
    Complete(bool),
}

#[derive(Debug)]
struct Relay {
    side: usize,
    base: Option<usize>,
    tcp: bool,
    forbidden: bool,
    permissions: BTreeSet<IpAddr>,
    /// In order, for TCP.
    last: [Duration; 2],
}

#[derive(Debug)]
struct Side {
    checks: Checks,
    local: Credentials,
    engine: Option<Engine>,
    /// The world's sockets, and the checks' number of each.
    sockets: Vec<(usize, usize)>,
    mapped: BTreeSet<usize>,
    given_up: BTreeSet<usize>,
    complete: bool,
    described: bool,
    candidates: Vec<String>,
    /// What was signalled and comes later than the description.
    queue: Vec<Signal>,
    known: Option<Duration>,
    selected: Option<Duration>,
    finished: Option<Duration>,
    /// Checks that really arrived.
    arrived: BTreeSet<[u8; 12]>,
    sent_ids: BTreeMap<[u8; 12], (usize, SocketAddr)>,
    requests: usize,
    wake: Option<Duration>,
}

/// How long a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Selected,
    Finished,
}

pub struct Sim<'a> {
    scenario: &'a Scenario,
    now: Duration,
    rng: StdRng,
    queue: BinaryHeap<Reverse<(Duration, u64, Happening)>>,
    sequence: u64,
    world: World,
    sides: [Side; 2],
    relays: Vec<Relay>,
    problems: Vec<String>,
    trace: Option<Vec<String>>,
}

pub fn run(scenario: &Scenario, until: Until, traced: bool) -> Outcome {
    let mut sim = Sim::new(scenario, traced);
    sim.run(until);
    sim.outcome()
}

fn credentials(which: usize) -> Credentials {
    Credentials {
        ufrag: ["aaaa", "bbbb"][which].into(),
        password: ["aaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbb"][which].into(),
    }
}

/// The world of a scenario, and for each side its sockets.
pub fn build(scenario: &Scenario, seed: u64) -> (World, [Vec<usize>; 2]) {
    let mut world = World::new(scenario.shared.as_ref(), seed);
    let sockets = [0, 1].map(|which| {
        let spec = &scenario.sides[which];
        let bases = spec.bases.iter().enumerate();
        bases
            .map(|(i, base)| {
                let seed = seed ^ ((which as u64 + 1) << 32) ^ ((i as u64 + 1) << 40);
                world.add_socket(which, base.address, &base.attach, base.extra, seed)
            })
            .collect()
    });
    (world, sockets)
}

impl<'a> Sim<'a> {
    fn new(scenario: &'a Scenario, traced: bool) -> Self {
        let mut rng = StdRng::seed_from_u64(scenario.seed);
        let (world, sockets) = build(scenario, rng.random());
        let sides = [0, 1].map(|which| {
            let role = [Role::Controlling, Role::Controlled][which];
            let mut checks = Checks::new(credentials(which), role, rng.random()).expect("valid");
            let numbered = sockets[which].iter().enumerate().map(|(i, socket)| {
                let origin = Origin {
                    base: i,
                    ..Origin::default()
                };
                let number = checks.add_base(
                    Duration::ZERO,
                    Base {
                        address: world.sockets[*socket].address,
                        is_relay: false,
                        priority: priority(CandidateType::Host, origin),
                        reflexive_priority: priority(CandidateType::Prflx, origin),
                    },
                );
                (*socket, number)
            });
            let numbered: Vec<_> = numbered.collect();
            Side {
                checks,
                local: credentials(which),
                engine: None,
                candidates: Vec::new(),
                queue: Vec::new(),
                sockets: numbered,
                mapped: BTreeSet::new(),
                given_up: BTreeSet::new(),
                complete: false,
                described: false,
                known: None,
                selected: None,
                finished: None,
                arrived: BTreeSet::new(),
                sent_ids: BTreeMap::new(),
                requests: 0,
                wake: None,
            }
        });
        let mut sim = Self {
            scenario,
            now: Duration::ZERO,
            rng,
            queue: BinaryHeap::new(),
            sequence: 0,
            world,
            sides,
            relays: Vec::new(),
            problems: Vec::new(),
            trace: traced.then(Vec::new),
        };
        sim.prepare();
        sim
    }

    fn run(&mut self, until: Until) {
        let base = if self.scenario.gathered {
            GATHERED
        } else {
            Duration::ZERO
        };
        let limit = base + LONGEST;
        let mut steps = 0;
        loop {
            steps += 1;
            if steps > 300_000 {
                self.problems
                    .push(format!("turns in circles at {:?}", self.now));
                return;
            }
            let timers = self.sides.iter().flat_map(|side| {
                let tick = side.engine.as_ref().and_then(|engine| engine.next_tick);
                [side.wake, tick].into_iter().flatten()
            });
            let timer = timers.min();
            let event = self.queue.peek().map(|Reverse((at, ..))| *at);
            // The caller looks whether it is finished from time to time.
            let look = self.now + Duration::from_millis(50);
            let Some(next) = [timer, event, Some(look)].into_iter().flatten().min() else {
                return;
            };
            if next > limit {
                return;
            }
            self.now = self.now.max(next);
            if event.is_some_and(|at| at <= next) {
                if let Some(Reverse((.., happening))) = self.queue.pop() {
                    self.handle(happening);
                }
            } else {
                self.timers();
            }
            if self.is_over(until) {
                return;
            }
        }
    }

    fn timers(&mut self) {
        for which in 0..2 {
            let now = self.now;
            let side = &mut self.sides[which];
            let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
            if is_due(side.wake) {
                side.checks.handle_timeout(now);
                self.drain(which);
            }
            let side = &mut self.sides[which];
            if let Some(engine) = side.engine.as_mut().filter(|e| is_due(e.next_tick)) {
                let requests = engine.tick(now, &mut self.rng);
                self.engine_sends(which, requests);
                self.drain(which);
            }
        }
    }

    fn is_over(&mut self, until: Until) -> bool {
        let now = self.now;
        for side in &mut self.sides {
            if side.selected.is_some() && side.finished.is_none() && side.checks.is_finished(now) {
                side.finished = Some(now);
            }
        }
        self.sides.iter().all(|side| match until {
            Until::Selected => side.selected.is_some(),
            Until::Finished => side.finished.is_some() && side.wake.is_none(),
        })
    }

    fn handle(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive(packet, body) => self.arrive(packet, body),
            Happening::FromRelay(relay, destination, bytes) => {
                if self.relays[relay].permissions.contains(&destination.ip()) {
                    let source = self.world.relays[relay];
                    self.launch(
                        Packet {
                            zone: super::world::INTERNET,
                            source,
                            destination,
                        },
                        Body::Ice(bytes),
                        Duration::ZERO,
                    );
                }
            }
            Happening::ToClient(relay, source, bytes) => {
                let Relay { side, base, .. } = self.relays[relay];
                if let Some(base) = base {
                    self.input(side, base, source, &bytes);
                }
            }
            Happening::Permission(relay, peer) => {
                if !self.relays[relay].forbidden {
                    self.relays[relay].permissions.insert(peer);
                }
            }
            Happening::Permitted(relay, peer) => {
                let Relay {
                    side,
                    base,
                    forbidden,
                    ..
                } = self.relays[relay];
                let outcome = if forbidden {
                    Err(Some(ErrorResponse {
                        code: 403,
                        reason: "Forbidden".into(),
                        alternate_server: None,
                        alternate_domain: None,
                    }))
                } else {
                    Ok(())
                };
                if let Some(base) = base {
                    let now = self.now;
                    self.sides[side].checks.permitted(now, base, peer, outcome);
                    self.drain(side);
                }
            }
            Happening::Allocated(relay) => self.allocated(relay),
            Happening::Ask(socket, can_be_lost) => {
                let side = &self.sides[self.world.sockets[socket].side];
                if !side.mapped.contains(&socket) {
                    let own = &self.world.sockets[socket];
                    let packet = Packet {
                        zone: own.zone,
                        source: own.address,
                        destination: stun_server(own.address.is_ipv4()),
                    };
                    let extra = own.extra;
                    self.launch(packet, Body::Ask { can_be_lost }, extra);
                }
            }
            Happening::GiveUp(socket) => {
                let which = self.world.sockets[socket].side;
                self.sides[which].given_up.insert(socket);
                self.maybe_complete(which);
            }
            Happening::Describe(which) => {
                self.sides[which].described = true;
                let mut messages = vec![Signal::Description];
                let candidates = self.sides[which].candidates.iter().cloned();
                messages.extend(candidates.map(Signal::Candidate));
                messages.append(&mut self.sides[which].queue);
                for message in messages {
                    self.tell(which, message);
                }
            }
            Happening::Signal(to, signal) => self.signalled(to, signal),
        }
    }

    fn at(&mut self, time: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((time, self.sequence, happening)));
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} ms  {}", now.as_secs_f64() * 1e3, text()));
        }
    }
}

fn priority(kind: CandidateType, origin: Origin) -> u32 {
    candidate::priority(kind, origin.local_preference(kind), COMPONENT)
}

fn describe(bytes: &[u8]) -> String {
    use rtcdiag::proto::ice::checks::message::{Message, decode};
    let id = format!("{:02x}{:02x}", bytes[8], bytes[9]);
    match decode(bytes) {
        Ok(Message::Request(r)) if r.use_candidate => format!("nominate {id}"),
        Ok(Message::Request(_)) => format!("check {id}"),
        Ok(Message::Success(mapped)) => format!("answer {id} {mapped:?}"),
        other => format!("{other:?} {id}"),
    }
}
