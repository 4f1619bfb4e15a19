//! A machine, a NAT and a server in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::proto::machine::{Flow, Machine as _, Transmit};
use rtcdiag::proto::nat::lifetime::{
    Kind, Lifetime, LifetimeFacts, MOST_SOCKETS, Range, SocketChange,
};

use super::nat::{Nat, Rules};
use super::server::{Habit, SERVER, Server};

/// One run.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub rules: Rules,
    pub habit: Habit,
    pub holds: bool,
    pub longest: f64,
    pub rtt: Duration,
    /// Part of the round trip by which each way varies.
    pub jitter: f64,
    /// In each direction.
    pub loss: f64,
    /// Where on the way the NAT is: 0 at the client, 1 at the server.
    pub position: f64,
    pub stop: Option<(Duration, Reason)>,
    pub seed: u64,
}

impl Scenario {
    pub fn new(rules: Rules, longest: f64) -> Self {
        Self {
            rules,
            habit: Habit::Honours,
            holds: false,
            longest,
            rtt: Duration::from_millis(40),
            jitter: 0.0,
            loss: 0.0,
            position: 0.1,
            stop: None,
            seed: 1,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub snapshot: LifetimeFacts,
    pub took: Duration,
    pub limited: u64,
}

impl Outcome {
    pub fn fact(&self, kind: Kind) -> &Fact<Range> {
        match kind {
            Kind::OnePacket => &self.snapshot.one_packet,
            Kind::TwoWay => &self.snapshot.two_way,
        }
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Out {
        local: SocketAddr,
        bytes: Vec<u8>,
    },
    AtServer {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    In {
        external: SocketAddr,
        bytes: Vec<u8>,
    },
    AtClient {
        local: SocketAddr,
        bytes: Vec<u8>,
    },
}

struct World<'a> {
    scenario: &'a Scenario,
    rng: StdRng,
    now: Duration,
    nat: Nat,
    server: Server,
    sockets: BTreeMap<usize, SocketAddr>,
    used: BTreeSet<u16>,
    queue: BinaryHeap<Reverse<(Duration, usize, Event)>>,
    count: usize,
}

/// Runs it to its end, and at every step holds what is said against the truth.
pub fn run(scenario: &Scenario) -> Result<Outcome, String> {
    let server = SERVER.parse().expect("an address");
    let longest = Duration::from_secs_f64(scenario.longest);
    let mut machine = Lifetime::new(server, longest, scenario.rtt, scenario.seed, Duration::ZERO);
    let mut world = World {
        scenario,
        rng: StdRng::seed_from_u64(scenario.seed ^ 0x5eed),
        now: Duration::ZERO,
        nat: Nat::new(scenario.rules.clone()),
        server: Server::new(scenario.habit, scenario.holds),
        sockets: BTreeMap::new(),
        used: BTreeSet::new(),
        queue: BinaryHeap::new(),
        count: 0,
    };
    loop {
        loop {
            if let Some(change) = machine.poll_socket() {
                world.change(change)?;
            } else if let Some(transmit) = machine.poll_transmit() {
                world.send(transmit)?;
            } else {
                break;
            }
        }
        // What is known changes with each binding that was tested.
        let mut tested = 0;
        while let Some(step) = machine.poll_step() {
            tested += 1;
            if std::env::var_os("LIFETIME_TRACE").is_some() {
                println!("{:?} {step:?}", world.now);
            }
        }
        if tested > 0 || world.count.is_multiple_of(16) {
            world.check_known(&machine)?;
        }
        if machine.is_finished() {
            break;
        }
        let due = machine.poll_timeout();
        let packet = world.queue.peek().map(|Reverse((at, ..))| *at);
        let next = [due, packet].into_iter().flatten().min();
        let next = next.ok_or_else(|| format!("nothing to wait for at {:?}", world.now))?;
        if let Some((at, reason)) = scenario.stop.filter(|(at, _)| *at <= next) {
            world.now = at;
            machine.stop(at, reason);
            continue;
        }
        if next < world.now || world.now > longest * 12 + Duration::from_secs(200) {
            return Err(format!("stuck at {:?}", world.now));
        }
        world.now = next;
        if packet == Some(next) {
            let Some(Reverse((_, _, event))) = world.queue.pop() else {
                continue;
            };
            world.happen(&mut machine, event);
        } else {
            machine.handle_timeout(world.now);
        }
    }
    let outcome = Outcome {
        snapshot: machine.facts(),
        took: world.now,
        limited: world.server.limited(),
    };
    for kind in Kind::ALL {
        if let Fact::Determined(range) = outcome.fact(kind) {
            world.check(kind, *range)?;
            if range.at_most.is_none() && range.at_least < longest {
                return Err(format!("{kind:?}: no upper bound, though only {range:?}"));
            }
        }
    }
    if !world.sockets.is_empty() {
        return Err("sockets are open at the end".into());
    }
    Ok(outcome)
}

impl World<'_> {
    fn change(&mut self, change: SocketChange) -> Result<(), String> {
        match change {
            SocketChange::Open(socket) => {
                let port = loop {
                    let port = self.rng.random_range(32768..61000);
                    if self.used.insert(port) {
                        break port;
                    }
                };
                let local = SocketAddr::from(([192, 0, 2, 10], port));
                self.sockets.insert(socket, local);
                if self.sockets.len() > MOST_SOCKETS || self.sockets.len() >= 20 {
                    return Err(format!("{} sockets", self.sockets.len()));
                }
            }
            SocketChange::Close(socket) => {
                if self.sockets.remove(&socket).is_none() {
                    return Err(format!("socket {socket} is closed twice"));
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, transmit: Transmit<Flow>) -> Result<(), String> {
        let local = *self
            .sockets
            .get(&transmit.flow.socket)
            .ok_or("sent from a socket that is not open")?;
        if transmit.flow.remote != SERVER.parse().expect("an address") {
            return Err("sent elsewhere".into());
        }
        let bytes = transmit.payload;
        let part = self.scenario.position;
        self.later(part, Event::Out { local, bytes });
        Ok(())
    }

    fn happen(&mut self, machine: &mut Lifetime, event: Event) {
        let rest = 1.0 - self.scenario.position;
        match event {
            Event::Out { local, bytes } => {
                let from = self.nat.outbound(self.now, local, &mut self.rng);
                self.later(rest, Event::AtServer { from, bytes });
            }
            Event::AtServer { from, bytes } => {
                for answer in self.server.handle(self.now, from, &bytes) {
                    let event = Event::In {
                        external: answer.to,
                        bytes: answer.bytes,
                    };
                    self.later(rest, event);
                }
            }
            Event::In { external, bytes } => {
                if let Some(local) = self.nat.inbound(self.now, external) {
                    let part = self.scenario.position;
                    self.later(part, Event::AtClient { local, bytes });
                }
            }
            Event::AtClient { local, bytes } => {
                let socket = self.sockets.iter().find(|(_, at)| **at == local);
                let server = SERVER.parse().expect("an address");
                if let Some((socket, _)) = socket {
                    let flow = Flow {
                        socket: *socket,
                        remote: server,
                    };
                    machine.handle_input(self.now, flow, &bytes);
                }
            }
        }
    }

    /// A part of one way, on which a packet may be lost.
    fn later(&mut self, part: f64, event: Event) {
        if self.rng.random_bool(self.scenario.loss * part) {
            return;
        }
        let jitter = self.scenario.jitter;
        let factor = 1.0 + self.rng.random_range(-jitter..=jitter);
        let after = (self.scenario.rtt / 2).mul_f64(part * factor);
        self.count += 1;
        self.queue
            .push(Reverse((self.now + after, self.count, event)));
    }

    fn check_known(&self, machine: &Lifetime) -> Result<(), String> {
        // Before it is confirmed an end may be that of a single binding.
        let singles = self.scenario.rules.drops_one_in.is_some();
        let known = machine.progress().known;
        Kind::ALL
            .into_iter()
            .zip(known)
            .filter(|_| !singles)
            .try_for_each(|(kind, range)| self.check(kind, range))
    }

    fn check(&self, kind: Kind, range: Range) -> Result<(), String> {
        let rules = &self.scenario.rules;
        let truth = match kind {
            Kind::OnePacket => rules.one_packet,
            Kind::TwoWay => rules.two_way,
        };
        let longest = truth.mul_f64(1.0 + rules.spread);
        // One that is dropped just before its time looks like the end; it is not far from it.
        let least = if rules.drops_one_in.is_some() {
            truth.mul_f64(0.8)
        } else {
            truth
        };
        if range.at_least > longest || range.at_most.is_some_and(|most| most < least) {
            return Err(format!(
                "{kind:?}: {range:?} at {:?}, in truth {truth:?}",
                self.now
            ));
        }
        Ok(())
    }
}
