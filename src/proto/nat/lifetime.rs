//! How long an unused binding lives (RFC 5780 4.6, RFC 4787 4.3), without I/O, clock or randomness.
//!
//! The machine of one path and one server. A control socket has a mapping of its own that its own
//! traffic keeps alive. Each measured socket is fresh and sends what makes its binding: one packet
//! whose answer is led to the control socket, or three exchanges over more than two seconds. Then
//! nothing is sent from it or to it, until the control socket has the server send something to it:
//! by RESPONSE-PORT (RFC 5780 7.5), or by calling for an answer that the server holds
//! ([`crate::proto::stun::held`]). What comes in shows that the binding lived. That the port is still the
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
use std::io;
use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use crate::base::fact::Reason;
use crate::proto::machine::{Flow, Machine, SendError, Transmit};
use crate::proto::nat::loss::Loss;
use crate::proto::nat::{Time, timers as common};
use crate::proto::stun::held::Token;
use crate::proto::stun::message::TransactionId;
use binding::Binding;
use calibration::Calibration;
use control::Control;
use exchange::{Exchange, Form, Pace, Path};
pub use facts::{LifetimeFacts, Progress};
pub use lives::{Found, Kind, Life, Lives, Range};
use plan::Pursuit;

/// Sockets that are open at the same time, at most.
pub const MOST_SOCKETS: usize = 1 + 2 * timers::WAITS + sentinel::SENTINELS;

/// How an answer is led to a measured socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// RESPONSE-PORT (RFC 5780 7.5), in four bytes (`wide`) or two.
    ResponsePort { wide: bool },
    /// HELD-ANSWER ([`crate::proto::stun::held`]).
    HeldAnswer,
}

impl Serialize for Method {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::ResponsePort { .. } => "response-port",
            Self::HeldAnswer => "delayed-answer",
        })
    }
}

/// What becomes of a socket before the next transmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketChange {
    /// Open a fresh one of this number, on a port that was not used before.
    Open(usize),
    Close(usize),
}

#[derive(Debug)]
enum Action {
    Change(SocketChange),
    Transmit(Transmit<Flow>),
}

/// A binding was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub kind: Kind,
    pub found: Found,
}

/// The machine of one path and one server. Its transmissions and what [`Lifetime::poll_socket`] gives
/// are in one order: each of the two gives `None` while it is the other's turn.
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
    /// What the server gave, to have answers held with it.
    token: Token,
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
            token: Token::default(),
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

    /// The next socket to open or to close.
    pub fn poll_socket(&mut self) -> Option<SocketChange> {
        match self.actions.pop_front()? {
            Action::Change(change) => Some(change),
            transmit @ Action::Transmit(_) => {
                self.actions.push_front(transmit);
                None
            }
        }
    }

    /// The next binding that was tested, for a live display; sentinels are left out.
    pub fn poll_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// A socket could not be opened, or nothing can be sent from it: what the system says.
    pub fn handle_failure(&mut self, now: Time, why: &str) {
        self.now = now;
        self.fail(Reason::EarlierFailure, format!("the system refuses: {why}"));
    }

    /// Ends the work early; what is not determined by now is inconclusive for `reason`.
    pub fn stop(&mut self, now: Time, reason: Reason) {
        self.now = now;
        if !self.finished {
            self.stopped = Some(reason);
            self.close();
        }
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
        let remote = self.server;
        self.actions.push_back(Action::Transmit(Transmit {
            flow: Flow { socket, remote },
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
        self.actions
            .push_back(Action::Change(SocketChange::Open(socket)));
        socket
    }

    fn close_socket(&mut self, socket: usize) {
        if self.sockets.remove(&socket) {
            self.actions
                .push_back(Action::Change(SocketChange::Close(socket)));
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
            self.actions
                .push_back(Action::Change(SocketChange::Close(socket)));
        }
    }

    fn path(&self) -> Path {
        Path {
            slowest: self.slowest,
            tries: self.loss().tries_for_silence(),
            tests: self.tests(),
            token: self.token,
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

impl Machine for Lifetime {
    type Flow = Flow;
    type Error = io::Error;

    fn poll_transmit(&mut self) -> Option<Transmit<Flow>> {
        match self.actions.pop_front()? {
            Action::Transmit(transmit) => Some(transmit),
            change @ Action::Change(_) => {
                self.actions.push_front(change);
                None
            }
        }
    }

    fn handle_input(&mut self, now: Time, flow: Flow, bytes: &[u8]) {
        let Flow { socket, remote } = flow;
        if self.finished || !self.sockets.contains(&socket) {
            return;
        }
        self.now = now;
        // Some NATs take a packet from outside, whatever it is, for a sign of life.
        self.touch(socket);
        let known = remote == self.server && self.take(socket, bytes);
        self.strays += usize::from(!known);
        self.proceed(now);
    }

    /// A full buffer or a passing ICMP error is one lost packet; what the host itself forbids is not.
    fn handle_error(&mut self, now: Time, _: Flow, error: io::Error) {
        if SendError::from(&error) == SendError::Forbidden {
            self.handle_failure(now, &error.to_string());
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
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

    fn handle_timeout(&mut self, now: Time) {
        self.proceed(now);
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}
