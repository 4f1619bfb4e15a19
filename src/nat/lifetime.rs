//! How long an unused binding lives (RFC 5780 4.6, RFC 4787 4.3), without I/O, clock or randomness.
//!
//! The machine of one path and one server. A control socket has a mapping of its own that its own
//! traffic keeps alive. Each measured socket is fresh and sends what makes its binding: one packet
//! whose answer is led to the control socket, or three exchanges over more than two seconds. Then
//! nothing is sent from it or to it, until the control socket has the server send something to it:
//! by RESPONSE-PORT (RFC 5780 7.5), or by calling for an answer that the server holds
//! ([`crate::stun::held`]). What comes in shows that the binding lived. That the port is still the
//! same would show nothing.
//!
//! Eight waits of each kind of flow run at the same time. The first are coarse; whenever one has
//! ended, another one begins in the widest gap between the rest, and as soon as a binding was gone,
//! the longer ones are given up and all gaps are inside the bracket. Meanwhile sentinels, bindings left alone for less than they are known to live, show that the NAT has not
//! restarted ([`lives`]).
//!
//! Bounds hold for the NAT wherever it stands on the path. What lives is counted from the latest
//! moment at which the last packet from inside may have passed it to the first packet of the test;
//! what is gone from the earliest such moment to the latest at which the packet of the test can have
//! been there that silence could not have been loss before.

mod binding;
mod calibration;
mod control;
mod exchange;
mod facts;
mod inputs;
pub mod keepalive;
pub mod lives;
mod plan;
mod sentinel;
mod testing;
mod timers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::loss::Loss;
use super::{Time, Transmit, timers as common};
use crate::fact::Reason;
use crate::stun::message::TransactionId;
use binding::Binding;
use calibration::Calibration;
use control::Control;
use exchange::{Exchange, Form, Pace, Path};
pub use facts::{Progress, Snapshot};
pub use lives::{Found, Kind, Life, Lives, Range};
use plan::Pursuit;

/// Sockets that are open at the same time, at most.
pub const MOST_SOCKETS: usize = 1 + 2 * timers::WAITS + sentinel::SENTINELS;

/// How an answer is led to a measured socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// RESPONSE-PORT (RFC 5780 7.5), in a length of four bytes or two.
    ResponsePort {
        /// Four.
        wide: bool,
    },
    /// HELD-ANSWER ([`crate::stun::held`]).
    HeldAnswer,
}

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a fresh socket of this number, on a port that was not used before.
    Open(usize),
    /// Close it.
    Close(usize),
    /// Send.
    Transmit(Transmit),
}

/// A binding was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What packets it had seen.
    pub kind: Kind,
    /// How it was found.
    pub found: Found,
}

/// The machine. After every call that takes `now`, do what [`Lifetime::poll_action`] gives until it
/// gives `None`, and come back no later than [`Lifetime::poll_timeout`].
#[derive(Debug)]
pub struct Lifetime {
    server: SocketAddr,
    longest: Time,
    rng: StdRng,
    now: Time,
    started: Time,
    actions: VecDeque<Action>,
    steps: VecDeque<Step>,
    exchanges: Vec<Exchange>,
    /// Those that have not ended.
    running: BTreeSet<usize>,
    by_transaction: BTreeMap<TransactionId, (usize, usize)>,
    sockets: BTreeSet<usize>,
    next_socket: usize,
    most_sockets: usize,
    packets: usize,
    strays: usize,
    slowest: Time,
    control: Control,
    calibration: Calibration,
    method: Option<Method>,
    bindings: Vec<Binding>,
    lives: Lives,
    pursuits: [Pursuit; 2],
    /// Whether an end was seen that counts only if the sentinels live.
    check_wanted: bool,
    /// Why it ended before the answer was there.
    failure: Option<(Reason, String)>,
    stopped: Option<Reason>,
    finished: bool,
    /// Grows with each step that may make another one possible.
    changes: usize,
    /// How many there were when the plan was last looked at.
    planned: usize,
}

impl Lifetime {
    /// A machine for a server that has answered, at the latest within `rtt`. `longest` is the longest
    /// wait, `seed` the source of transaction IDs.
    pub fn new(server: SocketAddr, longest: Time, rtt: Time, seed: u64, now: Time) -> Self {
        let mut machine = Self {
            server,
            longest,
            rng: StdRng::seed_from_u64(seed),
            now,
            started: now,
            actions: VecDeque::new(),
            steps: VecDeque::new(),
            exchanges: Vec::new(),
            running: BTreeSet::new(),
            by_transaction: BTreeMap::new(),
            sockets: BTreeSet::new(),
            next_socket: 0,
            most_sockets: 0,
            packets: 0,
            strays: 0,
            slowest: rtt,
            control: Control::default(),
            calibration: Calibration::default(),
            method: None,
            bindings: Vec::new(),
            lives: Lives::default(),
            pursuits: [Pursuit::default(), Pursuit::default()],
            check_wanted: false,
            failure: None,
            stopped: None,
            finished: false,
            changes: 0,
            planned: 0,
        };
        machine.control.socket = machine.open();
        machine.proceed(now);
        machine
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next binding that was tested, for a live display; sentinels are left out.
    pub fn poll_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// A socket could not be opened, or nothing can be sent from it.
    pub fn handle_failure(&mut self, now: Time, why: &str) {
        self.now = now;
        self.fail(Reason::EarlierFailure, format!("the system refuses: {why}"));
    }

    /// When [`Lifetime::handle_timeout`] is to be called next; `None` once finished.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.finished {
            return None;
        }
        let exchanges = self.running.iter().filter_map(|e| self.exchanges[*e].due());
        let bindings = self.bindings.iter().filter_map(|b| self.binding_due(b));
        exchanges
            .chain(bindings)
            .chain(self.sentinel_due())
            .filter(|at| *at > self.now)
            .min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.proceed(now);
    }

    /// Whether all is said.
    pub const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Ends the work early; what is not determined by now is inconclusive for `reason`.
    pub fn stop(&mut self, now: Time, reason: Reason) {
        self.now = now;
        if !self.finished {
            self.stopped = Some(reason);
            self.close();
        }
    }

    /// The server.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    fn proceed(&mut self, now: Time) {
        self.now = now;
        while !self.finished {
            let before = self.changes;
            self.step_exchanges();
            self.step_control();
            self.step_calibration();
            self.step_bindings();
            self.step_sentinels();
            self.step_plan();
            if self.changes == before {
                return;
            }
        }
    }

    fn step_exchanges(&mut self) {
        let path = self.path();
        let running: Vec<usize> = self.running.iter().copied().collect();
        for index in running {
            let id: TransactionId = self.rng.random();
            let exchange = &mut self.exchanges[index];
            let number = exchange.sent.len();
            if let Some(payload) = exchange.step(self.now, path, id) {
                let socket = exchange.socket;
                self.by_transaction.insert(id, (index, number));
                self.send(socket, payload);
            }
            if self.exchanges[index].end.is_some() {
                self.running.remove(&index);
                self.changes += 1;
            }
        }
    }

    fn send(&mut self, socket: usize, payload: Vec<u8>) {
        self.packets += 1;
        self.actions.push_back(Action::Transmit(Transmit {
            socket,
            destination: self.server,
            payload,
        }));
    }

    /// Asks, now or when the turn of exchanges comes again.
    fn ask(&mut self, socket: usize, answer_on: usize, form: Form, pace: Pace) -> usize {
        let exchange = Exchange::new(socket, answer_on, form, pace, self.now);
        self.exchanges.push(exchange);
        let index = self.exchanges.len() - 1;
        self.running.insert(index);
        self.changes += 1;
        index
    }

    /// Asks no more.
    fn abandon(&mut self, exchange: usize) {
        if self.running.remove(&exchange) {
            self.exchanges[exchange].end = Some(exchange::End::Unproven);
        }
    }

    fn open(&mut self) -> usize {
        let socket = self.next_socket;
        self.next_socket += 1;
        self.sockets.insert(socket);
        self.most_sockets = self.most_sockets.max(self.sockets.len());
        self.actions.push_back(Action::Open(socket));
        socket
    }

    fn close_socket(&mut self, socket: usize) {
        if self.sockets.remove(&socket) {
            self.actions.push_back(Action::Close(socket));
        }
    }

    fn fail(&mut self, reason: Reason, detail: String) {
        if !self.finished {
            self.failure = Some((reason, detail));
            self.close();
        }
    }

    fn close(&mut self) {
        self.finished = true;
        self.running.clear();
        // What was not sent yet is not sent.
        self.actions
            .retain(|action| !matches!(action, Action::Transmit(_)));
        for socket in std::mem::take(&mut self.sockets) {
            self.actions.push_back(Action::Close(socket));
        }
    }

    fn path(&self) -> Path {
        Path {
            slowest: self.slowest,
            tries: self.loss().tries_for_silence(),
            tests: self.tests(),
        }
    }

    /// Tests under way.
    fn tests(&self) -> u32 {
        let running = self.running.iter().map(|e| &self.exchanges[*e]);
        let tests = running.filter(|e| e.pace == Pace::Silence).count();
        u32::try_from(tests).unwrap_or(u32::MAX)
    }

    /// Questions of the control socket to itself: how many were lost.
    fn loss(&self) -> Loss {
        let overdue = self.now.saturating_sub(common::patience(self.slowest));
        let mut loss = Loss::default();
        for sent in self
            .control
            .asked
            .iter()
            .flat_map(|e| &self.exchanges[*e].sent)
        {
            if sent.answered.is_some() || sent.at < overdue {
                loss.sent += 1;
                loss.lost += usize::from(sent.answered.is_none());
            }
        }
        loss
    }
}
