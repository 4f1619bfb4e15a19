//! The behaviour discovery machine of one path: one local address and the servers of its family.
//!
//! It never touches a socket, reads a clock or draws from the system's randomness. Its order of
//! work, each step as soon as the one before allows it:
//!
//! 1. *Survey*: the first server alone, then all, from the mapping socket and from a second one.
//! 2. *Samples*: a burst from fresh sockets to one server, nothing else under way, for port
//!    assignment. Three of these sockets go on to test filtering, two to test hairpinning.
//! 3. *Filtering* (RFC 5780 4.4): the three CHANGE-REQUEST forms, each from its own socket, before
//!    this host has sent anything to the server's other address.
//! 4. *Mapping* (RFC 5780 4.3): the other addresses, from the mapping socket only. This also shows
//!    that they are alive.
//! 5. *Controls*: do the filtering sockets still work, does the server obey CHANGE-REQUEST where no
//!    filter is in the way, is the mapping still the same. RESPONSE-PORT (RFC 5780 7.5) leads the
//!    server's answers to where the filter is open, whatever the mapping.

pub mod classify;
pub mod earlier;
pub mod evidence;
pub mod expect;
pub mod ports;
pub mod probe;
pub mod reachability;
pub mod used_ports;
pub mod words;

mod controls;
mod facts;
mod hairpin;
mod hold;
mod inputs;
mod limits;
mod pacing;
mod plan;
mod pooling;
mod prefix;
mod servers;
mod stranger;
mod travels;
mod trial;
mod trust;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::base::fact::Reason;
use crate::proto::machine::{Flow, Transmit};
use crate::proto::nat::nat64::Prefix;
use crate::proto::nat::timers;
pub use crate::proto::nat::{SendError, Time};
use crate::proto::stun::message::{self, Change, TransactionId};
use probe::{End, Pace, Probe, Test, Transmission};

pub use facts::{Observation, letter};
pub use hold::FilteringProgress;
pub use limits::Limits;
pub use servers::{BehaviorDiscovery, ServerError, ServerFacts, ServerRecord};

/// How many sockets [`Discovery`] wants: each fresh, all bound to the same local address. The
/// mapping socket, a second one, [`SAMPLES`], three more for each further filtering trial, and
/// those that begin with another server, for address pooling.
pub const SOCKETS: usize = FIRST_POOLING + POOLING_SOCKETS;

/// Fresh sockets whose first mapping is sampled.
pub const SAMPLES: usize = 12;

/// How many servers are tried for filtering before giving up.
const MAX_TRIALS: usize = 3;

const MAPPING_SOCKET: usize = 0;
const SECOND_SOCKET: usize = 1;
const FIRST_SAMPLE: usize = 2;
const FIRST_SPARE: usize = FIRST_SAMPLE + SAMPLES;
const FIRST_POOLING: usize = FIRST_SPARE + 3 * (MAX_TRIALS - 1);
const POOLING_SOCKETS: usize = 4;

/// The machine of one path.
#[derive(Debug)]
pub struct Discovery {
    sockets: Vec<SocketAddr>,
    rng: StdRng,
    now: Time,
    started: Time,
    servers: Vec<Server>,
    servers_complete: bool,
    independent: bool,
    nat64: Option<Prefix>,
    /// The same, where a server's own address shows it, and nobody told.
    likely_prefix: Option<Prefix>,
    probes: Vec<Probe>,
    by_transaction: BTreeMap<TransactionId, (usize, usize)>,
    outbox: VecDeque<Transmit<Flow>>,
    settled: VecDeque<usize>,
    /// Hosts whose silent ports are waited for, since others answer.
    awaited: BTreeSet<IpAddr>,
    /// IP addresses that this host has sent to.
    visited: BTreeSet<IpAddr>,
    samples: Vec<usize>,
    trials: Vec<trial::Trial>,
    hairpin: Option<hairpin::Hairpin>,
    second_ports: Option<Vec<usize>>,
    pooling: Option<Vec<usize>>,
    /// (Sample, the same socket's question to another server).
    confirmations: Vec<(usize, usize)>,
    repeats: Vec<Vec<usize>>,
    strays: usize,
    /// Of how many trials the other addresses may be visited; `None` if of all.
    released: Option<usize>,
    stopped: Option<Reason>,
    finished: bool,
}

/// A listed server.
#[derive(Debug)]
struct Server {
    address: SocketAddr,
    /// The first question, from the mapping socket.
    first: Option<usize>,
    /// The same from the second socket.
    second: Option<usize>,
}

impl Discovery {
    /// A machine for sockets with these local addresses, [`SOCKETS`] of them; `seed` is the source
    /// of transaction IDs and of the order of samples.
    ///
    /// # Panics
    ///
    /// If the number of sockets is not [`SOCKETS`].
    pub fn new(sockets: &[SocketAddr], seed: u64, now: Time) -> Self {
        assert_eq!(sockets.len(), SOCKETS, "one address for each socket");
        Self {
            sockets: sockets.to_vec(),
            rng: StdRng::seed_from_u64(seed),
            now,
            started: now,
            servers: Vec::new(),
            servers_complete: false,
            independent: false,
            nat64: None,
            likely_prefix: None,
            probes: Vec::new(),
            by_transaction: BTreeMap::new(),
            outbox: VecDeque::new(),
            settled: VecDeque::new(),
            awaited: BTreeSet::new(),
            visited: BTreeSet::new(),
            samples: Vec::new(),
            trials: Vec::new(),
            hairpin: None,
            second_ports: None,
            pooling: None,
            confirmations: Vec::new(),
            repeats: Vec::new(),
            strays: 0,
            released: None,
            stopped: None,
            finished: false,
        }
    }

    /// Promises that no server is the alternate address of another one, so that all can be asked
    /// at the same moment.
    pub fn assume_independent(&mut self) {
        self.independent = true;
    }

    /// All servers are reached through a NAT64 (RFC 6146): their addresses are synthesized ones of
    /// this prefix, and what they name in their answers is IPv4.
    pub fn reach_by(&mut self, prefix: Prefix) {
        self.nat64 = Some(prefix);
    }

    /// This host sends to an address outside these tests, say over TCP, or has lately done so.
    pub fn note_visit(&mut self, address: IpAddr) {
        self.visited.insert(address);
        self.visit_during_trial(address);
    }

    /// Another port of this host answers, so that the silence of one asked says something: it is waited for.
    pub fn wait_for(&mut self, host: IpAddr) {
        self.awaited.insert(host);
    }

    /// Adds a server by its primary address. Servers that come earlier are preferred. An address
    /// that is there already is not added again.
    pub fn add_server(&mut self, now: Time, address: SocketAddr) {
        if self.finished || self.servers.iter().any(|s| s.address == address) {
            return;
        }
        self.servers.push(Server {
            address,
            first: None,
            second: None,
        });
        self.proceed(now);
    }

    pub fn servers_complete(&mut self, now: Time) {
        self.servers_complete = true;
        self.proceed(now);
    }

    /// The next test that is settled, for a live display.
    pub fn poll_event(&mut self) -> Option<Observation> {
        let index = self.settled.pop_front()?;
        Some(Self::observation(&self.probes[index]))
    }

    /// Ends the work early; facts that are not determined by now are inconclusive for `reason`.
    pub fn stop(&mut self, now: Time, reason: Reason) {
        self.now = now;
        if !self.finished {
            self.stopped = Some(reason);
            self.close();
        }
    }

    fn proceed(&mut self, now: Time) {
        self.now = now;
        if self.finished {
            return;
        }
        self.run_timers();
        loop {
            let before = self.progress();
            self.advance();
            if self.finished || self.progress() == before {
                return;
            }
        }
    }

    /// Grows with every step that may make another one possible.
    fn progress(&self) -> (usize, usize) {
        let done = self.trials.iter().filter(|t| t.done).count();
        (self.probes.len(), done)
    }

    /// Starts a probe now; one at manual pace waits for its owner.
    fn ask(
        &mut self,
        test: Test,
        socket: usize,
        destination: SocketAddr,
        change: Change,
        pace: Pace,
    ) -> usize {
        self.start(Probe::new(
            test,
            socket,
            destination,
            change,
            pace,
            self.now,
        ))
    }

    fn start(&mut self, mut probe: Probe) -> usize {
        let waits = probe.pace == Pace::Manual;
        if waits {
            probe.next = None;
        }
        self.probes.push(probe);
        let index = self.probes.len() - 1;
        if !waits {
            self.transmit(index);
        }
        index
    }

    fn ask_plainly(&mut self, test: Test, socket: usize, destination: SocketAddr) -> usize {
        self.ask(test, socket, destination, Change::None, Pace::Expected)
    }

    fn transmit(&mut self, index: usize) {
        let id: TransactionId = self.rng.random();
        let slowest = self.slowest(self.probes[index].destination.ip());
        let probe = &mut self.probes[index];
        self.by_transaction
            .insert(id, (index, probe.transmissions.len()));
        probe.transmissions.push(Transmission {
            at: self.now,
            answered: None,
        });
        let count = probe.transmissions.len();
        probe.next = match probe.pace {
            Pace::Survey => timers::SURVEY_OFFSETS
                .get(count)
                .map(|offset| probe.started + *offset),
            Pace::Expected => Some(self.now + timers::expected_gap(slowest)),
            Pace::Silence => Some(self.now + timers::silence_gap(slowest)),
            Pace::Manual => None,
        };
        self.visited.insert(probe.destination.ip());
        self.outbox.push_back(Transmit {
            flow: Flow {
                socket: probe.socket,
                remote: probe.destination,
            },
            payload: message::binding_request_to_port(id, probe.change, probe.response_port),
        });
    }

    fn settle(&mut self, index: usize, end: End) {
        let probe = &mut self.probes[index];
        if probe.end.is_none() {
            probe.end = Some(end);
            probe.next = None;
            self.settled.push_back(index);
        }
    }

    fn close(&mut self) {
        for index in 0..self.probes.len() {
            self.settle(index, End::Cancelled);
        }
        self.finished = true;
        self.outbox.clear();
    }

    /// Fresh sockets in shuffled order, so that an order of local ports is not taken for one of
    /// external ports.
    fn shuffled_samples(&mut self) -> Vec<usize> {
        let mut sockets: Vec<usize> = (FIRST_SAMPLE..FIRST_SPARE).collect();
        sockets.shuffle(&mut self.rng);
        sockets
    }
}
