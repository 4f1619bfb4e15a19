//! Runs two sides against each other in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtcdiag::ice::candidate::{self, COMPONENT, Candidate, CandidateType, Origin};
use rtcdiag::ice::checks::pair::{CheckState, Pair};
use rtcdiag::ice::checks::{Base, Checks, Credentials, Event, Input, Role, Transmit};
use rtcdiag::stun::message::ErrorResponse;

use crate::engine::Engine;
use crate::scenario::Scenario;
use crate::world::{Packet, Target, World, stun_server};

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

/// What came out for one side.
#[derive(Debug, Clone)]
pub struct End {
    pub selected: Option<(usize, Duration)>,
    pub known: Option<Duration>,
    pub relayed: bool,
    pub requests: usize,
    pub finished: Option<Duration>,
    pub pairs: Vec<Pair>,
    /// (address of the base, remote) of the selected pair.
    pub path: Option<(SocketAddr, SocketAddr)>,
}

#[derive(Debug, Clone)]
pub struct Outcome {
    pub ends: [End; 2],
    /// What must not be.
    pub problems: Vec<String>,
    pub trace: Vec<String>,
}

impl Outcome {
    pub fn connected(&self) -> bool {
        self.ends.iter().all(|end| end.selected.is_some())
    }

    pub fn relayed(&self) -> bool {
        self.ends.iter().any(|end| end.relayed)
    }

    /// From both descriptions known to connected, the slower end.
    pub fn took(&self) -> Duration {
        let times = self.ends.iter().filter_map(|end| {
            let (_, at) = end.selected?;
            Some(at.saturating_sub(end.known?))
        });
        times.max().unwrap_or_default()
    }
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

    fn prepare(&mut self) {
        for which in 0..2 {
            let sockets = self.sides[which].sockets.clone();
            for (i, (socket, _)) in sockets.into_iter().enumerate() {
                let address = self.world.sockets[socket].address;
                let origin = Origin {
                    base: i,
                    ..Origin::default()
                };
                self.found(which, CandidateType::Host, address, origin);
                for (at, i) in STUN_AT.into_iter().zip(0..) {
                    self.at(Duration::from_millis(at), Happening::Ask(socket, i < 3));
                }
                let end = Duration::from_millis(STUN_END);
                self.at(end, Happening::GiveUp(socket));
            }
            self.prepare_relay(which);
            let described = if self.scenario.gathered {
                GATHERED
            } else {
                Duration::ZERO
            };
            let gap = self.scenario.gap * u32::try_from(which).expect("0 or 1");
            self.at(described + gap, Happening::Describe(which));
        }
    }

    fn prepare_relay(&mut self, which: usize) {
        let Some(spec) = self.scenario.sides[which].relay else {
            return;
        };
        if self.scenario.sides[which].udp_blocked && !spec.tcp {
            return;
        }
        let address = match (which, spec.v6) {
            (0, false) => "192.0.2.100:49152",
            (0, true) => "[2001:db8:6::1]:49152",
            (_, false) => "192.0.2.101:49153",
            (_, true) => "[2001:db8:6::2]:49153",
        };
        self.world.relays.push(address.parse().expect("valid"));
        self.relays.push(Relay {
            side: which,
            base: None,
            tcp: spec.tcp,
            forbidden: spec.forbidden,
            permissions: BTreeSet::new(),
            last: [Duration::ZERO; 2],
        });
        let trips = if spec.tcp { 3 } else { 2 };
        let mut after = Duration::ZERO;
        for _ in 0..trips {
            after += self.request_to_relay(spec.tcp);
        }
        let index = self.relays.len() - 1;
        self.at(after, Happening::Allocated(index));
    }

    /// A transaction with a TURN server, with its retransmissions.
    fn request_to_relay(&mut self, tcp: bool) -> Duration {
        let mut took = self.one_way() + self.one_way();
        let mut gap = 100;
        while !tcp && (self.is_lost() || self.is_lost()) {
            took += Duration::from_millis(gap);
            gap += 50;
        }
        took
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
                            zone: crate::world::INTERNET,
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

    fn allocated(&mut self, relay: usize) {
        let (which, address) = (self.relays[relay].side, self.world.relays[relay]);
        let origin = Origin {
            relayed_v6: address.is_ipv6(),
            ..Origin::default()
        };
        let base = Base {
            address,
            is_relay: true,
            priority: priority(CandidateType::Relay, origin),
            reflexive_priority: priority(CandidateType::Prflx, origin),
        };
        let number = self.sides[which].checks.add_base(self.now, base);
        self.relays[relay].base = Some(number);
        self.found(which, CandidateType::Relay, address, origin);
        self.drain(which);
    }

    fn found(&mut self, which: usize, kind: CandidateType, address: SocketAddr, origin: Origin) {
        let line = Candidate {
            foundation: "1".into(),
            component: COMPONENT,
            priority: priority(kind, origin),
            address,
            kind,
            related: None,
        }
        .to_string();
        self.sides[which].candidates.push(line.clone());
        if self.sides[which].described {
            self.tell(which, Signal::Candidate(line));
        }
    }

    fn maybe_complete(&mut self, which: usize) {
        let side = &mut self.sides[which];
        let mut sockets = side.sockets.iter();
        let done = sockets.all(|(s, _)| side.mapped.contains(s) || side.given_up.contains(s));
        if !done || std::mem::replace(&mut side.complete, true) {
            return;
        }
        let has_udp = !side.mapped.is_empty();
        side.checks.local_directs_complete(self.now, has_udp);
        if side.described {
            self.tell(which, Signal::Complete(has_udp));
        } else {
            side.queue.push(Signal::Complete(has_udp));
        }
        self.drain(which);
    }

    fn tell(&mut self, which: usize, signal: Signal) {
        let at = self.now + self.scenario.signalling;
        self.at(at, Happening::Signal(1 - which, signal));
    }

    fn signalled(&mut self, to: usize, signal: Signal) {
        let now = self.now;
        match signal {
            Signal::Description => {
                let role = self.sides[to].checks.role();
                assert!(self.sides[to].checks.set_remote(credentials(1 - to), role));
                self.sides[to].known = Some(now);
            }
            Signal::Candidate(line) => {
                let _ = self.sides[to]
                    .checks
                    .add_remote(now, line.parse().expect("our own"));
            }
            Signal::Complete(has_udp) => {
                self.sides[to].checks.remote_directs_complete(now, has_udp);
            }
        }
        self.drain(to);
    }

    fn arrive(&mut self, packet: Packet, body: Body) {
        let Some(target) = self.world.arrive(self.now, packet) else {
            self.note(|| format!("dropped {} -> {}", packet.source, packet.destination));
            return;
        };
        match (target, body) {
            (Target::Stun, Body::Ask { can_be_lost }) => {
                let back = Packet {
                    zone: crate::world::INTERNET,
                    source: packet.destination,
                    destination: packet.source,
                };
                let address = packet.source;
                let mapped = Body::Mapped {
                    address,
                    can_be_lost,
                };
                self.launch(back, mapped, Duration::ZERO);
            }
            (Target::Socket(socket), Body::Mapped { address, .. }) => {
                let mapped = address;
                let which = self.world.sockets[socket].side;
                if self.sides[which].mapped.insert(socket) {
                    if mapped != self.world.sockets[socket].address {
                        let of = |(s, _): &(usize, usize)| *s == socket;
                        let place = self.sides[which].sockets.iter().position(of);
                        let origin = Origin {
                            base: place.unwrap_or(0),
                            ..Origin::default()
                        };
                        self.found(which, CandidateType::Srflx, mapped, origin);
                    }
                    self.maybe_complete(which);
                }
            }
            (Target::Socket(socket), Body::Ice(bytes)) => {
                let which = self.world.sockets[socket].side;
                let mut numbers = self.sides[which].sockets.iter();
                if let Some((_, base)) = numbers.find(|(s, _)| *s == socket) {
                    let base = *base;
                    self.input(which, base, packet.source, &bytes);
                }
            }
            (Target::Relay(relay), Body::Ice(bytes)) => {
                if self.relays[relay].permissions.contains(&packet.source.ip())
                    && let Some(at) = self.leg(relay, 1)
                {
                    self.at(at, Happening::ToClient(relay, packet.source, bytes));
                }
            }
            _ => {}
        }
    }

    /// When a datagram between a client and its relay comes, if it is not lost.
    fn leg(&mut self, relay: usize, direction: usize) -> Option<Duration> {
        let mut at = self.now + self.one_way();
        if self.relays[relay].tcp {
            at = at.max(self.relays[relay].last[direction]);
            self.relays[relay].last[direction] = at;
        } else if self.is_lost() {
            return None;
        }
        Some(at)
    }

    fn input(&mut self, which: usize, base: usize, source: SocketAddr, bytes: &[u8]) {
        self.note(|| format!("{which}: base {base} <- {source} {}", describe(bytes)));
        let id: [u8; 12] = bytes[8..20].try_into().expect("a STUN message");
        if bytes[..2] == [0, 1] {
            self.sides[which].arrived.insert(id);
        }
        let side = &mut self.sides[which];
        match side.checks.handle_input(self.now, base, source, bytes) {
            Input::Engine(pair) => self.to_engine(which, pair, bytes),
            Input::Taken => {}
            // An answer whose transaction is the world's, or data: there are none.
            other => self.problems.push(format!("{other:?} at {:?}", self.now)),
        }
        self.drain(which);
    }

    fn to_engine(&mut self, which: usize, pair: usize, bytes: &[u8]) {
        self.ensure_engine(which, pair);
        let now = self.now;
        let side = &mut self.sides[which];
        if let Some(engine) = &mut side.engine {
            engine.deliver(pair, bytes);
            if engine.selected.is_some() && side.selected.is_none() {
                side.selected = Some(now);
                self.note(|| format!("{which}: selected {pair}"));
            }
        }
    }

    fn ensure_engine(&mut self, which: usize, pair: usize) {
        let side = &mut self.sides[which];
        let role = side.checks.role();
        let local = side.local.clone();
        let rng = &mut self.rng;
        let engine = side
            .engine
            .get_or_insert_with(|| Engine::new(&local, &credentials(1 - which), role, rng));
        let requests = engine.add(self.now, pair, rng);
        self.engine_sends(which, requests);
    }

    fn engine_sends(&mut self, which: usize, requests: Vec<(usize, Vec<u8>)>) {
        for (pair, bytes) in requests {
            let now = self.now;
            self.sides[which].checks.send_for_engine(now, pair, bytes);
        }
    }

    /// Takes everything out of a side's checks.
    fn drain(&mut self, which: usize) {
        loop {
            if let Some(event) = self.sides[which].checks.poll_event() {
                self.note(|| format!("{which}: {event:?}"));
                match event {
                    Event::Permit { base, peer } => self.permit(base, peer, which),
                    Event::Engaged(pair) => self.ensure_engine(which, pair),
                    Event::Deliver(pair, bytes) => self.to_engine(which, pair, &bytes),
                    Event::Checked(_)
                    | Event::Succeeded(_)
                    | Event::Chosen(_)
                    | Event::Nominated(_)
                    | Event::RoleSwitched(_) => {}
                }
            } else if let Some(transmit) = self.sides[which].checks.poll_transmit() {
                self.send(which, transmit);
            } else {
                break;
            }
        }
        self.sides[which].wake = self.sides[which].checks.poll_timeout();
    }

    fn permit(&mut self, base: usize, peer: IpAddr, which: usize) {
        let of = |relay: &Relay| relay.side == which;
        let Some(relay) = self.relays.iter().position(of) else {
            return;
        };
        // The base is being added: the checks ask before its number is known.
        self.relays[relay].base = Some(base);
        let took = self.request_to_relay(self.relays[relay].tcp);
        self.at(self.now + took / 2, Happening::Permission(relay, peer));
        self.at(self.now + took, Happening::Permitted(relay, peer));
    }

    fn send(&mut self, which: usize, transmit: Transmit) {
        let Transmit {
            base,
            destination,
            payload,
        } = transmit;
        self.note(|| {
            format!(
                "{which}: base {base} -> {destination} {}",
                describe(&payload)
            )
        });
        let id: [u8; 12] = payload[8..20].try_into().expect("a STUN message");
        if payload[..2] == [0, 1] {
            self.sides[which].requests += 1;
            self.sides[which].sent_ids.insert(id, (base, destination));
            if self.sides[which].known.is_none() {
                self.problems
                    .push("a check before the other side is known".into());
            }
        }
        let mut sockets = self.sides[which].sockets.iter();
        if let Some((socket, _)) = sockets.find(|(_, number)| *number == base) {
            let own = &self.world.sockets[*socket];
            let packet = Packet {
                zone: own.zone,
                source: own.address,
                destination,
            };
            let extra = own.extra;
            self.launch(packet, Body::Ice(payload), extra);
            return;
        }
        let relay = self
            .relays
            .iter()
            .position(|r| r.base == Some(base) && r.side == which);
        if let Some(relay) = relay
            && let Some(at) = self.leg(relay, 0)
        {
            self.at(at, Happening::FromRelay(relay, destination, payload));
        }
    }

    /// A packet starts.
    fn launch(&mut self, packet: Packet, body: Body, extra: Duration) {
        // A side that never learns its address is the gatherer's matter.
        let can_be_lost = match body {
            Body::Ice(_) => true,
            Body::Ask { can_be_lost } | Body::Mapped { can_be_lost, .. } => can_be_lost,
        };
        let lost = can_be_lost && self.is_lost();
        if lost && self.rng.random_bool(0.5) {
            return;
        }
        let Some(packet) = self.world.leave(self.now, packet) else {
            return;
        };
        if lost {
            return;
        }
        let copies = 1 + u32::from(self.rng.random_bool(self.scenario.link.duplication));
        for _ in 0..copies {
            let at = self.now + self.one_way() + extra;
            self.at(at, Happening::Arrive(packet, body.clone()));
        }
    }

    fn one_way(&mut self) -> Duration {
        self.scenario.link.delay.draw(&mut self.rng)
    }

    fn is_lost(&mut self) -> bool {
        self.rng.random_bool(self.scenario.link.loss)
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

    fn outcome(mut self) -> Outcome {
        self.check_counters();
        let ends = [0, 1].map(|which| {
            let side = &self.sides[which];
            let pair = side.engine.as_ref().and_then(|engine| engine.selected);
            let selected = pair.zip(side.selected);
            let path = pair.map(|pair| {
                let pair = &side.checks.pairs()[pair];
                (side.checks.base(pair.base).address, pair.remote)
            });
            End {
                selected,
                known: side.known,
                relayed: path
                    .is_some_and(|(a, b)| self.world.is_relay(a) || self.world.is_relay(b)),
                requests: side.requests,
                finished: side.finished,
                pairs: side.checks.pairs().to_vec(),
                path,
            }
        });
        for which in 0..2 {
            if let (Some(path), Some(other)) = (ends[which].path, ends[1 - which].path)
                && let Err(problem) = self.mirrored(which, path, other)
            {
                self.problems.push(problem);
            }
        }
        Outcome {
            ends,
            problems: self.problems,
            trace: self.trace.unwrap_or_default(),
        }
    }

    /// What one end sends by its pair arrives at the other end's pair.
    fn mirrored(
        &mut self,
        which: usize,
        (base, remote): (SocketAddr, SocketAddr),
        (other_base, other_remote): (SocketAddr, SocketAddr),
    ) -> Result<(), String> {
        let relay = self.world.relays.iter().position(|r| *r == base);
        let arrived = if let Some(relay) = relay {
            let source = self.world.relays[relay];
            self.world
                .pass_in(self.now, source, remote)
                .map(|target| (target, source))
        } else {
            let mut sockets = self.sides[which].sockets.iter();
            let socket = sockets.find(|(s, _)| self.world.sockets[*s].address == base);
            socket.and_then(|(socket, _)| self.world.pass(self.now, *socket, remote))
        };
        let Some((target, source)) = arrived else {
            return Err(format!("{which}: {base} -> {remote} does not arrive"));
        };
        let at = match target {
            Target::Socket(socket) => self.world.sockets[socket].address,
            Target::Relay(relay) => self.world.relays[relay],
            Target::Stun => return Err("at the STUN server".into()),
        };
        if (at, source) != (other_base, other_remote) {
            return Err(format!(
                "{which}: {base} -> {remote} arrives at {at} from {source}, but the other end has {other_base} <- {other_remote}"
            ));
        }
        Ok(())
    }

    fn check_counters(&mut self) {
        for which in 0..2 {
            let (side, other) = (&self.sides[which], &self.sides[1 - which]);
            let pairs = side.checks.pairs();
            let arrived: BTreeSet<u32> = other.checks.arrived().iter().copied().collect();
            let arrivals = side.checks.arrivals(&arrived);
            let mut truth = vec![0; pairs.len()];
            for id in &other.arrived {
                if let Some((base, destination)) = side.sent_ids.get(id) {
                    let of = |p: &Pair| p.base == *base && p.remote == *destination;
                    if let Some(index) = pairs.iter().position(of) {
                        truth[index] += 1;
                    }
                }
            }
            let mut problems = Vec::new();
            if arrivals != truth {
                problems.push(format!("{which}: arrivals {arrivals:?}, really {truth:?}"));
            }
            for (i, pair) in pairs.iter().enumerate() {
                let rounds = u32::try_from(pair.rtts.len()).unwrap_or(u32::MAX);
                if pair.answered > pair.sent
                    || arrivals[i] > pair.sent
                    || pair.answered > arrivals[i]
                    || rounds != pair.answered
                    || (pair.state() == CheckState::Succeeded) != pair.is_valid()
                    || pair.is_valid() && pair.answered == 0
                    || pair.first_sent > pair.last_sent
                {
                    problems.push(format!("{which}: pair {i} does not add up: {pair:?}"));
                }
            }
            let sent: u32 = pairs.iter().map(|pair| pair.sent).sum();
            if sent as usize != side.requests {
                problems.push(format!("{which}: {sent} recorded, {} sent", side.requests));
            }
            self.problems.append(&mut problems);
        }
    }
}

fn priority(kind: CandidateType, origin: Origin) -> u32 {
    candidate::priority(kind, origin.local_preference(kind), COMPONENT)
}

fn describe(bytes: &[u8]) -> String {
    use rtcdiag::ice::checks::message::{Message, decode};
    let id = format!("{:02x}{:02x}", bytes[8], bytes[9]);
    match decode(bytes) {
        Ok(Message::Request(r)) if r.use_candidate => format!("nominate {id}"),
        Ok(Message::Request(_)) => format!("check {id}"),
        Ok(Message::Success(mapped)) => format!("answer {id} {mapped:?}"),
        other => format!("{other:?} {id}"),
    }
}
