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

mod controls;
mod facts;
mod hairpin;
mod hold;
mod pacing;
mod plan;
mod pooling;
mod servers;
mod travels;
mod trial;
mod trust;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::nat64::Prefix;
use super::probe::{Answer, End, Pace, Probe, Test, Transmission};
use super::timers;
pub use super::{SendError, Time, Transmit};
use crate::fact::Reason;
use crate::stun::message::{self, Change, TransactionId};

pub use facts::Observation;
pub use hold::FilteringProgress;
pub use servers::{BehaviorDiscovery, ServerError, ServerRecord};

/// How many sockets [`Discovery`] wants: each fresh, all bound to the same local address. The
/// mapping socket, a second one, [`SAMPLES`], three more for each further filtering trial, and
/// those that begin with another server, for address pooling.
pub const SOCKETS: usize = FIRST_POOLING + POOLING_SOCKETS;

/// Fresh sockets whose first mapping is sampled.
pub const SAMPLES: usize = 12;

/// How many servers are tried for filtering before giving up.
const MAX_TRIALS: usize = 3;

/// How many answers from elsewhere are kept for each question; a flood must not fill the memory.
const MAX_MISDIRECTED: usize = 16;

const MAPPING_SOCKET: usize = 0;
const SECOND_SOCKET: usize = 1;
const FIRST_SAMPLE: usize = 2;
const FIRST_SPARE: usize = FIRST_SAMPLE + SAMPLES;
const FIRST_POOLING: usize = FIRST_SPARE + 3 * (MAX_TRIALS - 1);
const POOLING_SOCKETS: usize = 4;

/// The machine. After every call that takes `now`, send what [`Discovery::poll_transmit`] gives
/// until it gives `None`, and come back no later than [`Discovery::poll_timeout`].
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
    probes: Vec<Probe>,
    by_transaction: BTreeMap<TransactionId, (usize, usize)>,
    outbox: VecDeque<Transmit>,
    settled: VecDeque<usize>,
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
            probes: Vec::new(),
            by_transaction: BTreeMap::new(),
            outbox: VecDeque::new(),
            settled: VecDeque::new(),
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

    /// No more servers will come.
    pub fn servers_complete(&mut self, now: Time) {
        self.servers_complete = true;
        self.proceed(now);
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop_front()
    }

    /// A datagram came in.
    pub fn handle_input(&mut self, now: Time, socket: usize, source: SocketAddr, bytes: &[u8]) {
        if self.finished {
            return;
        }
        let slot = message::transaction_id(bytes).and_then(|id| self.by_transaction.get(&id));
        let Some(&(probe, transmission)) = slot else {
            self.strays += 1;
            return;
        };
        if message::is_binding_request(bytes) {
            self.hairpin_arrival(now, probe, socket, source);
        } else if self.probes[probe].answer_on == socket {
            self.answer(now, probe, transmission, source, bytes);
        } else if self.probes[probe].socket == socket {
            self.returned_answer(now, probe, transmission, source, bytes);
        } else {
            self.strays += 1;
        }
        self.proceed(now);
    }

    /// Sending failed at once.
    pub fn handle_send_error(
        &mut self,
        now: Time,
        socket: usize,
        destination: SocketAddr,
        error: SendError,
    ) {
        let open =
            |p: &Probe| p.end.is_none() && p.socket == socket && p.destination == destination;
        if let Some(index) = self.probes.iter().position(open) {
            // A full buffer or a passing ICMP error is one lost packet; what the host itself
            // forbids will not be otherwise in 100 ms.
            if matches!(error, SendError::Unreachable | SendError::Forbidden) {
                self.settle(index, End::Failed(error));
            }
        }
        self.proceed(now);
    }

    /// When [`Discovery::handle_timeout`] is to be called next; `None` once finished.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.finished {
            return None;
        }
        self.deadlines().filter(|at| *at > self.now).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.proceed(now);
    }

    /// The next test that is settled, for a live display.
    pub fn poll_event(&mut self) -> Option<Observation> {
        let index = self.settled.pop_front()?;
        Some(Self::observation(&self.probes[index]))
    }

    /// Whether all is said.
    pub fn is_finished(&self) -> bool {
        self.finished
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

    /// A plain question that ought to be answered.
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
            socket: probe.socket,
            destination: probe.destination,
            payload: message::binding_request_to_port(id, probe.change, probe.response_port),
        });
    }

    fn answer(
        &mut self,
        now: Time,
        index: usize,
        transmission: usize,
        source: SocketAddr,
        bytes: &[u8],
    ) {
        let probe = &mut self.probes[index];
        let response = match message::decode_binding_response(bytes) {
            Ok(response) => response,
            Err(error) => {
                probe.garbled = Some(error.to_string());
                return;
            }
        };
        if matches!(&response.outcome, Ok(success) if success.reflexive().is_none()) {
            probe.garbled = Some("a success answer without a mapped address".to_owned());
            return;
        }
        let sent = &mut probe.transmissions[transmission];
        let answer = Answer {
            source,
            sent: sent.at,
            rtt: now.saturating_sub(sent.at),
            response,
        };
        if source != probe.answer_from {
            if probe.misdirected.len() < MAX_MISDIRECTED {
                probe.misdirected.push(answer);
            }
        } else if sent.answered.is_none() {
            sent.answered = Some(now);
            probe.answers.push(answer);
            if probe.pace != Pace::Manual && probe.end.is_none() {
                self.settle(index, End::Answered);
            }
        }
    }

    /// An answer that was to go to another socket came to the one that asked: the server does not
    /// honour RESPONSE-PORT. (One that does not know it has to refuse with 420, RFC 8489 6.3.1.)
    fn returned_answer(
        &mut self,
        now: Time,
        index: usize,
        transmission: usize,
        source: SocketAddr,
        bytes: &[u8],
    ) {
        let probe = &mut self.probes[index];
        let Ok(response) = message::decode_binding_response(bytes) else {
            return;
        };
        if source != probe.destination {
            self.strays += 1;
            return;
        }
        let sent = probe.transmissions[transmission].at;
        probe.returned = Some(Answer {
            source,
            sent,
            rtt: now.saturating_sub(sent),
            response,
        });
        self.settle(index, End::Returned);
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
