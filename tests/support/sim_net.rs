//! Drives one `Discovery` through a simulated network in virtual time. Nothing here reads a clock:
//! the same scenario gives the same run, packet for packet.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use rtcdiag::proto::machine::{Flow, Machine as _, SendError, Transmit};
use rtcdiag::proto::nat::behavior::words::PathFacts;
use rtcdiag::proto::nat::behavior::{Discovery, SOCKETS, ServerError};

use super::nat_model::LOCAL_PORTS;
use super::path::{Path, Routed};
use super::scenario::{Delay, Scenario};
use super::sim_server::SimServer;
use super::strays;
use super::stun_wire;

/// A run that takes longer in virtual time never ends.
const MAX_TIME: Duration = Duration::from_secs(60);
/// A run with more events turns in circles.
const MAX_EVENTS: usize = 50_000;

/// What came out.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub facts: PathFacts,
    /// The facts as they stood at some moments in between.
    pub snapshots: Vec<(Duration, PathFacts)>,
    /// Virtual time until the machine said it was finished.
    pub elapsed: Duration,
    /// Datagrams that the client sent.
    pub sent: usize,
    /// Datagrams that the client received.
    pub received: usize,
    /// The client's sockets.
    pub sockets: Vec<SocketAddr>,
    /// Every mapping of the outermost box: (its inside, its outside).
    pub mappings: Vec<(SocketAddr, SocketAddr)>,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
    /// What the client sent, if it was asked for.
    pub datagrams: Vec<(Duration, Transmit<Flow>)>,
    /// Listed servers that the machine says something bad of, except that they did not answer.
    pub accused: Vec<(SocketAddr, String)>,
    /// Listed servers that were left out because they see an address of the other family.
    pub of_other_family: Vec<SocketAddr>,
    /// Whether the machine says that its filtering verdict rests on silence alone.
    pub rests_on_silence: bool,
}

/// Runs a scenario.
///
/// # Errors
///
/// A machine that never finishes, or that sends from a socket it does not have.
pub fn run(scenario: &Scenario) -> Result<Outcome, String> {
    SimNet::new(scenario, false).run()
}

/// Runs a scenario and keeps a line for each packet.
pub fn run_traced(scenario: &Scenario) -> Result<Outcome, String> {
    SimNet::new(scenario, true).run()
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    AddServer(SocketAddr),
    ServersComplete,
    /// All trials may visit the other addresses.
    Release,
    /// A datagram reaches a server's address.
    AtServer {
        to: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A datagram from the Internet reaches the outermost box.
    AtBox {
        external: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A datagram reaches a local address.
    AtClient {
        local: SocketAddr,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Failed {
        socket: usize,
        destination: SocketAddr,
    },
}

struct SimNet<'a> {
    scenario: &'a Scenario,
    now: Duration,
    rng: StdRng,
    queue: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    sequence: u64,
    path: Path,
    servers: Vec<SimServer>,
    sockets: Vec<SocketAddr>,
    sent: usize,
    received: usize,
    tracing: bool,
    trace: Vec<String>,
    datagrams: Vec<(Duration, Transmit<Flow>)>,
}

impl<'a> SimNet<'a> {
    fn new(scenario: &'a Scenario, tracing: bool) -> Self {
        let mut rng = StdRng::seed_from_u64(scenario.seed);
        let mut ports = BTreeSet::new();
        let mut sockets = Vec::new();
        while sockets.len() < SOCKETS {
            let port = rng.random_range(LOCAL_PORTS);
            if ports.insert(port) {
                sockets.push(SocketAddr::new(scenario.client, port));
            }
        }
        let servers = scenario
            .servers
            .iter()
            .map(|config| SimServer::new(config.clone(), rng.next_u64()))
            .collect();
        let mut path = Path::new(&scenario.path, rng.next_u64());
        for (socket, destination) in &scenario.earlier {
            path.send(Duration::ZERO, sockets[*socket], *destination);
        }
        Self {
            path,
            scenario,
            now: Duration::ZERO,
            rng,
            queue: BinaryHeap::new(),
            sequence: 0,
            servers,
            sockets,
            sent: 0,
            received: 0,
            tracing,
            trace: Vec::new(),
            datagrams: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Outcome, String> {
        let mut machine = Discovery::new(&self.sockets, self.rng.next_u64(), self.now);
        if let Some(nat64) = self.scenario.nat64.filter(|n| n.told) {
            machine.reach_by(nat64.prefix);
        }
        let mut known = Duration::ZERO;
        for listed in &self.scenario.listed {
            known = known.max(listed.at);
            self.at(listed.at, Event::AddServer(self.to_client(listed.address)));
        }
        self.at(known, Event::ServersComplete);
        if let Some(at) = self.scenario.released_at {
            machine.hold_alternates();
            self.at(at, Event::Release);
        }
        let mut snapshots = Vec::new();
        for events in 0.. {
            while let Some(transmit) = machine.poll_transmit() {
                self.send(&transmit)?;
            }
            if events % 8 == 0 && self.rng.random_bool(0.2) {
                snapshots.push((self.now, machine.facts()));
            }
            if machine.is_finished() {
                break;
            }
            if self.now > MAX_TIME || events > MAX_EVENTS || self.sent > MAX_EVENTS {
                return Err(format!(
                    "no end: {:?} virtual, {events} events, {} datagrams",
                    self.now, self.sent
                ));
            }
            if let Err(error) = self.step(&mut machine) {
                self.trace.push(error);
                return Err(self.trace.join("\n"));
            }
        }
        let accused = accused(&machine)
            .into_iter()
            .map(|(server, text)| (self.to_network(server), text))
            .collect();
        let of_other_family = machine
            .servers()
            .into_iter()
            .filter(|record| matches!(record.error, Some(ServerError::OtherFamily(_))))
            .map(|record| self.to_network(record.address))
            .collect();
        Ok(Outcome {
            facts: machine.facts(),
            snapshots,
            elapsed: self.now,
            sent: self.sent,
            received: self.received,
            mappings: self
                .path
                .outermost()
                .map_or(Vec::new(), |nat| nat.created().to_vec()),
            sockets: self.sockets,
            trace: self.trace,
            datagrams: self.datagrams,
            accused,
            of_other_family,
            rests_on_silence: machine.filtering_rests_on_silence(),
        })
    }

    /// Lets the next thing happen.
    fn step(&mut self, machine: &mut Discovery) -> Result<(), String> {
        let next = self.queue.peek().map(|Reverse((at, ..))| *at);
        let timeout = machine.poll_timeout();
        let event_first = match (next, timeout) {
            (None, None) => return Err(format!("stuck at {:?}: nothing to wait for", self.now)),
            (Some(event), Some(timeout)) => event <= timeout,
            (event, _) => event.is_some(),
        };
        if !event_first {
            let lag = self.scenario.link.timer_lag;
            let due = timeout.unwrap_or_default() + self.rng.random_range(Duration::ZERO..=lag);
            self.now = self.now.max(due);
            machine.handle_timeout(self.now);
            return Ok(());
        }
        let Some(Reverse((at, _, event))) = self.queue.pop() else {
            return Ok(());
        };
        self.now = self.now.max(at);
        match event {
            Event::AddServer(server) => machine.add_server(self.now, server),
            Event::ServersComplete => machine.servers_complete(self.now),
            Event::Release => machine.release_alternates(self.now, usize::MAX),
            Event::AtServer { to, from, bytes } => self.at_server(to, from, &bytes),
            Event::AtBox {
                external,
                from,
                mut bytes,
            } => match self.receive(external, from) {
                Some(local) => {
                    if self.path.rewrites() {
                        stun_wire::rewrite_mapped_address(&mut bytes, external, local);
                    }
                    self.deliver(machine, local, from, &bytes);
                }
                None => self.note(|| format!("filtered {from} -> {external}")),
            },
            Event::AtClient { local, from, bytes } => self.deliver(machine, local, from, &bytes),
            Event::Failed {
                socket,
                destination,
            } => {
                let error = self.failure(destination).unwrap_or(SendError::Other);
                self.note(|| format!("socket {socket} -> {destination} fails: {error:?}"));
                let flow = Flow {
                    socket,
                    remote: destination,
                };
                machine.handle_error(self.now, flow, error);
            }
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        machine: &mut Discovery,
        local: SocketAddr,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        let Some(socket) = self.sockets.iter().position(|s| *s == local) else {
            return;
        };
        self.received += 1;
        let from = self.to_client(from);
        self.note(|| format!("socket {socket} <- {from} {}", describe(bytes)));
        let flow = Flow {
            socket,
            remote: from,
        };
        machine.handle_input(self.now, flow, bytes);
    }

    fn send(&mut self, transmit: &Transmit<Flow>) -> Result<(), String> {
        let Transmit { flow, payload } = transmit;
        let (socket, destination) = (flow.socket, flow.remote);
        let local = *self
            .sockets
            .get(socket)
            .ok_or_else(|| format!("there is no socket {socket}"))?;
        self.sent += 1;
        if self.sent > MAX_EVENTS {
            return Err(format!("{MAX_EVENTS} datagrams sent at {:?}", self.now));
        }
        self.note(|| format!("socket {socket} -> {destination} {}", describe(payload)));
        if self.tracing {
            self.datagrams.push((self.now, transmit.clone()));
        }
        self.stray(local, destination, payload);
        let destination = self.to_network(destination);
        if let Some(error) = self.failure(destination) {
            // An ICMP error comes back from afar, the others from the local stack.
            let after = match error {
                SendError::Refused => self.one_way() * 2,
                _ => Duration::ZERO,
            };
            self.at(
                self.now + after,
                Event::Failed {
                    socket,
                    destination: transmit.flow.remote,
                },
            );
            return Ok(());
        }
        let lost = self.is_lost();
        if lost && self.rng.random_bool(0.5) {
            self.note(|| format!("lost before the box: socket {socket} -> {destination}"));
            return Ok(());
        }
        // A packet for the host's own address never leaves the host.
        let routed = if destination.ip() == local.ip() {
            Routed::Inside {
                local: destination,
                source: local,
            }
        } else if self.is_native(destination) {
            Routed::Internet(local)
        } else {
            self.path.send(self.now, local, destination)
        };
        match routed {
            Routed::Internet(from) if !lost => {
                for _ in 0..self.copies() {
                    let after = self.one_way();
                    let bytes = payload.clone();
                    let to = destination;
                    self.at(self.now + after, Event::AtServer { to, from, bytes });
                }
            }
            Routed::Inside { local, source } if !lost => {
                for _ in 0..self.copies() {
                    if self.is_lost() {
                        continue;
                    }
                    let after = self.one_way() * 2;
                    let bytes = payload.clone();
                    let from = source;
                    self.at(self.now + after, Event::AtClient { local, from, bytes });
                }
            }
            routed => self.note(|| format!("lost or dropped: {routed:?} -> {destination}")),
        }
        Ok(())
    }

    fn at_server(&mut self, to: SocketAddr, from: SocketAddr, bytes: &[u8]) {
        let Some(server) = self.servers.iter_mut().find(|s| s.listens(to)) else {
            self.note(|| format!("nobody at {to}"));
            return;
        };
        for reply in server.handle(to, from, bytes) {
            if self.is_lost() {
                self.note(|| format!("lost {} -> {}", reply.source, reply.destination));
                continue;
            }
            for _ in 0..self.copies() {
                let after = self.one_way();
                self.at(
                    self.now + after,
                    Event::AtBox {
                        external: reply.destination,
                        from: reply.source,
                        bytes: reply.bytes.clone(),
                    },
                );
            }
        }
    }

    fn stray(&mut self, local: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        if !self.rng.random_bool(self.scenario.link.strays) {
            return;
        }
        let (local, from, bytes) =
            strays::draw(&mut self.rng, &self.sockets, local, destination, payload);
        let after = self.one_way().mul_f64(self.rng.random_range(0.0..2.5));
        self.at(self.now + after, Event::AtClient { local, from, bytes });
    }

    /// An address in the network as the client has it: through a NAT64 the synthesized one.
    fn to_client(&self, address: SocketAddr) -> SocketAddr {
        let nat64 = self.scenario.nat64;
        nat64.map_or(address, |n| n.prefix.reach(address))
    }

    fn to_network(&self, address: SocketAddr) -> SocketAddr {
        let nat64 = self.scenario.nat64;
        nat64.map_or(address, |n| n.prefix.behind(address))
    }

    /// Whether it does not go through the NAT64, because it is IPv6.
    fn is_native(&self, address: SocketAddr) -> bool {
        self.scenario.nat64.is_some() && address.is_ipv6()
    }

    fn receive(&mut self, external: SocketAddr, from: SocketAddr) -> Option<SocketAddr> {
        if self.is_native(external) {
            return Some(external);
        }
        self.path.receive(self.now, external, from)
    }

    fn failure(&self, destination: SocketAddr) -> Option<SendError> {
        self.scenario
            .unreachable
            .iter()
            .find(|(address, _)| *address == destination)
            .map(|(_, error)| *error)
    }

    fn is_lost(&mut self) -> bool {
        self.rng.random_bool(self.scenario.link.loss)
    }

    fn copies(&mut self) -> usize {
        1 + usize::from(self.rng.random_bool(self.scenario.link.duplication))
    }

    fn one_way(&mut self) -> Duration {
        let delay: Delay = self.scenario.link.delay;
        delay.draw(&mut self.rng)
    }

    fn at(&mut self, time: Duration, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((time, self.sequence, event)));
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!("{:>9.3} ms  {}", self.now.as_secs_f64() * 1000.0, text());
            self.trace.push(line);
        }
    }
}

fn accused(machine: &Discovery) -> Vec<(SocketAddr, String)> {
    let complaints = machine.servers().into_iter().filter_map(|record| {
        let text = format!("{:?} {:?}", record.error, record.facts.behavior_discovery);
        let bad = text.contains("Untruthful") || text.contains("Broken");
        bad.then_some((record.address, text))
    });
    let outvoted = machine
        .outvoted()
        .map(|server| (server, "outvoted".to_owned()));
    complaints.chain(outvoted).collect()
}

fn describe(bytes: &[u8]) -> String {
    let Some(id) = stun_wire::transaction_id(bytes) else {
        return format!("{} bytes", bytes.len());
    };
    let change = stun_wire::Request::parse(bytes)
        .filter(|r| r.has_change_request)
        .map_or(String::new(), |r| {
            format!(" change ip={} port={}", r.change_ip, r.change_port)
        });
    let port = stun_wire::Request::parse(bytes)
        .and_then(|r| r.response_port)
        .map_or(String::new(), |port| format!(" to port {port}"));
    let kind = stun_wire::message_type(bytes).unwrap_or_default();
    format!(
        "stun {kind:#06x} id {:02x}{:02x}{change}{port}",
        id[0], id[1]
    )
}
