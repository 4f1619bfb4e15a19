//! Connectivity checks between two sides (RFC 8445 6 to 8), without I/O: every check on every pair
//! is made, answered and recorded here.
//!
//! An ICE agent (the *engine*) nominates and keeps the pair that is chosen here, and carries the
//! data. It sees only that pair: what it sends and gets for it passes through here and is recorded
//! like everything else. So the choice of the pair, which is what goes wrong elsewhere, and the
//! record, which is what a diagnosis needs, are plain code in virtual time.

mod choice;
mod inbound;
pub mod message;
mod pacing;
pub mod pair;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::candidate::{Candidate, CandidateType};
use crate::nat::SendError;
use crate::stun::address::is_address;
use crate::stun::message::{ErrorResponse, TransactionId};
use crate::time::Time;
use crate::turn::credentials::Key;
use message::Request;
use pacing::Pacer;
use pair::{Pair, Permission};

/// The most pairs that are checked; more are left out, those of the lowest priority first in the
/// order of coming (RFC 8445 6.1.2.5).
pub const MAX_PAIRS: usize = 200;

/// Peer-reflexive addresses of one IP address that become pairs, for each base. Two NATs whose
/// mappings depend on the endpoint otherwise feed each other new ones without end.
const MAX_REFLEXIVE: usize = 6;

/// Checks whose answers are waited for. A session makes a few thousand at most.
const MAX_TRANSACTIONS: usize = 20_000;

/// A side's part (RFC 8445 6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nominates.
    Controlling,
    /// Follows.
    Controlled,
}

impl Role {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

/// A side's ICE user name fragment and password (RFC 8445 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `ice-ufrag`.
    pub ufrag: String,
    /// `ice-pwd`.
    pub password: String,
}

/// Where checks are sent from: a local socket or a relayed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its transport address.
    pub address: SocketAddr,
    /// Whether it is a relayed address.
    pub is_relay: bool,
    /// The priority of its candidate.
    pub priority: u32,
    /// The priority of a peer-reflexive candidate of this base, for the checks' PRIORITY.
    pub reflexive_priority: u32,
}

/// Where a datagram goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The base to send from.
    pub base: usize,
    /// Where to.
    pub destination: SocketAddr,
    /// What.
    pub payload: Vec<u8>,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It was dealt with.
    Taken,
    /// It was recorded, and the engine has to see it, as coming by this pair.
    Engine(usize),
    /// Application data, by this pair.
    Data(usize),
    /// Nothing of ours: perhaps a STUN server's answer.
    Foreign,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A TURN server has to be asked to let a peer in.
    Permit {
        /// The relayed base.
        base: usize,
        /// The peer.
        peer: IpAddr,
    },
    /// The first check of a pair was sent.
    Checked(usize),
    /// The first answer of a pair came.
    Succeeded(usize),
    /// The engine may begin with this pair: it works, or may be chosen.
    Engaged(usize),
    /// This pair is to be nominated (controlling).
    Chosen(usize),
    /// An answer to the engine that was kept back until its pair was chosen.
    Deliver(usize, Vec<u8>),
    /// The other side nominates this pair (controlled).
    Nominated(usize),
    /// A role conflict was settled by taking the other role (RFC 8445 7.3.1.1).
    RoleSwitched(Role),
}

/// Why a candidate of the other side is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unusable {
    /// Multicast, broadcast, unspecified, port 0, IPv4 in IPv6.
    #[error("that is no address of a host")]
    NoHost,
    /// It needs a zone, which only the other host knows.
    #[error("a link-local address means nothing to another host")]
    LinkLocal,
    /// One of this side's own.
    #[error("that is an address of this side")]
    Own,
    /// Of another component than the first.
    #[error("only component 1 is used")]
    Component,
    /// There are too many.
    #[error("there are too many candidates")]
    TooMany,
}

/// A check under way.
#[derive(Debug)]
struct Sent {
    pair: usize,
    at: Time,
    is_answered: bool,
    is_engine: bool,
}

/// What does not belong to any pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strays {
    /// Checks with other credentials: somebody else's, or of an earlier run.
    pub unauthenticated: u32,
    /// The last source of those.
    pub unauthenticated_from: Option<SocketAddr>,
    /// Checks from peer-reflexive addresses beyond the limit; they were answered.
    pub beyond_limit: u32,
}

/// All checks of one side. See the module.
#[derive(Debug)]
pub struct Checks {
    rng: StdRng,
    local: Credentials,
    local_key: Key,
    remote: Option<(Credentials, Key)>,
    role: Role,
    tie_breaker: u64,
    bases: Vec<Base>,
    /// The other side's candidates that were signalled.
    remotes: Vec<Candidate>,
    pairs: Vec<Pair>,
    left_out: usize,
    transactions: BTreeMap<TransactionId, Sent>,
    /// The first bytes of each check that came, for the other side.
    arrived: Vec<u32>,
    permissions: BTreeMap<(usize, IpAddr), Permission>,
    triggered: VecDeque<usize>,
    pacer: Pacer,
    directs: choice::Directs,
    settled: Option<Time>,
    chosen: Option<usize>,
    /// Whether the engine has begun; then the roles are fixed.
    is_engaged: bool,
    /// The newest answer to the engine by a pair that is not chosen yet.
    withheld: BTreeMap<usize, Vec<u8>>,
    out: VecDeque<Transmit>,
    events: VecDeque<Event>,
    strays: Strays,
}

impl Checks {
    /// A side with these credentials, which must be as RFC 8445 5.3 has them; `None` if they are not.
    pub fn new(local: Credentials, role: Role, seed: u64) -> Option<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        Some(Self {
            local_key: Key::short_term(&local.password)?,
            local,
            remote: None,
            role,
            tie_breaker: rng.random(),
            rng,
            bases: Vec::new(),
            remotes: Vec::new(),
            pairs: Vec::new(),
            left_out: 0,
            transactions: BTreeMap::new(),
            arrived: Vec::new(),
            permissions: BTreeMap::new(),
            triggered: VecDeque::new(),
            pacer: Pacer::default(),
            directs: choice::Directs::default(),
            settled: None,
            chosen: None,
            is_engaged: false,
            withheld: BTreeMap::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            strays: Strays::default(),
        })
    }

    /// The other side's credentials are known: from now on checks are sent. `false` if they cannot
    /// be used.
    pub fn set_remote(&mut self, remote: Credentials, role: Role) -> bool {
        let Some(key) = Key::short_term(&remote.password) else {
            return false;
        };
        self.remote = Some((remote, key));
        self.take_role(role);
        true
    }

    /// This side's part at present.
    pub const fn role(&self) -> Role {
        self.role
    }

    fn take_role(&mut self, role: Role) {
        self.role = role;
        for pair in &mut self.pairs {
            pair.set_priority(self.bases[pair.base].priority, role);
        }
    }

    /// One more base. Gives its number.
    pub fn add_base(&mut self, now: Time, base: Base) -> usize {
        let index = self.bases.len();
        self.bases.push(base);
        for remote in self.remotes.clone() {
            self.add_pair(now, index, remote.address, remote.kind, remote.priority);
        }
        index
    }

    /// A base.
    pub fn base(&self, index: usize) -> &Base {
        &self.bases[index]
    }

    /// A relayed address has ended: its pairs can do no more.
    pub fn end_base(&mut self, index: usize) {
        for pair in self.pairs.iter_mut().filter(|pair| pair.base == index) {
            pair.send_error.get_or_insert(SendError::Other);
        }
    }

    /// A candidate of the other side.
    ///
    /// # Errors
    ///
    /// If it cannot be checked.
    pub fn add_remote(&mut self, now: Time, candidate: Candidate) -> Result<(), Unusable> {
        let address = candidate.address;
        if !is_address(address) {
            return Err(Unusable::NoHost);
        }
        if candidate.component != super::candidate::COMPONENT {
            return Err(Unusable::Component);
        }
        if is_link_local(address.ip()) {
            return Err(Unusable::LinkLocal);
        }
        if self.bases.iter().any(|base| base.address == address) {
            return Err(Unusable::Own);
        }
        if self.remotes.iter().any(|known| known.address == address) {
            return Ok(());
        }
        if self.remotes.len() >= crate::signal::description::MAX_CANDIDATES {
            return Err(Unusable::TooMany);
        }
        for index in 0..self.bases.len() {
            self.add_pair(now, index, address, candidate.kind, candidate.priority);
        }
        self.remotes.push(candidate);
        Ok(())
    }

    /// The other side's candidates, as signalled.
    pub fn remotes(&self) -> &[Candidate] {
        &self.remotes
    }

    /// Makes a pair, or tells a peer-reflexive one its real name. Gives its number, if there is room.
    fn add_pair(
        &mut self,
        now: Time,
        base: usize,
        remote: SocketAddr,
        kind: CandidateType,
        priority: u32,
    ) -> Option<usize> {
        let own = &self.bases[base];
        let (local, is_relay_base) = (own.address.ip(), own.is_relay);
        if local.is_ipv4() != remote.is_ipv4() || local.is_loopback() != remote.ip().is_loopback() {
            return None;
        }
        let own_priority = own.priority;
        if let Some(index) = self.find(base, remote) {
            let pair = &mut self.pairs[index];
            if pair.remote_kind == CandidateType::Prflx {
                pair.remote_kind = kind;
                pair.remote_priority = priority;
                pair.set_priority(own_priority, self.role);
            }
            return Some(index);
        }
        if self.pairs.len() >= MAX_PAIRS {
            self.left_out += 1;
            return None;
        }
        let permission = self.permission(base, remote.ip());
        let mut pair = Pair {
            base,
            is_relay_base,
            remote,
            remote_kind: kind,
            remote_priority: priority,
            priority: 0,
            permission,
            sent: 0,
            answered: 0,
            requests_in: 0,
            answers_out: 0,
            rtts: Vec::new(),
            first_sent: None,
            last_sent: None,
            first_answered: None,
            mapped: None,
            send_error: None,
            error: None,
            answered_elsewhere: None,
            nominated: false,
            due: now,
            triggered: false,
            is_engaged: false,
        };
        pair.set_priority(own_priority, self.role);
        self.pairs.push(pair);
        Some(self.pairs.len() - 1)
    }

    fn find(&self, base: usize, remote: SocketAddr) -> Option<usize> {
        self.pairs
            .iter()
            .position(|pair| pair.base == base && pair.remote == remote)
    }

    fn permission(&mut self, base: usize, peer: IpAddr) -> Permission {
        if !self.bases[base].is_relay {
            return Permission::NotNeeded;
        }
        if let Some(known) = self.permissions.get(&(base, peer)) {
            return known.clone();
        }
        self.permissions.insert((base, peer), Permission::Pending);
        self.events.push_back(Event::Permit { base, peer });
        Permission::Pending
    }

    /// A TURN server has answered to [`Event::Permit`]; `Err(None)` if it has not.
    pub fn permitted(
        &mut self,
        now: Time,
        base: usize,
        peer: IpAddr,
        outcome: Result<(), Option<ErrorResponse>>,
    ) {
        let permission = match outcome {
            Ok(()) => Permission::Granted,
            Err(error) => Permission::Refused(error),
        };
        self.permissions.insert((base, peer), permission.clone());
        for pair in &mut self.pairs {
            if pair.base == base && pair.remote.ip() == peer {
                pair.permission = permission.clone();
                pair.due = now;
            }
        }
    }

    /// The system would not send.
    pub fn handle_send_error(&mut self, base: usize, destination: SocketAddr, error: SendError) {
        if let Some(index) = self.find(base, destination) {
            self.pairs[index].send_error.get_or_insert(error);
        }
    }

    /// What the engine wants to send by a pair. Its answers are left out, since all checks are
    /// answered here.
    pub fn send_for_engine(&mut self, now: Time, pair: usize, bytes: Vec<u8>) {
        let Some(known) = self.pairs.get_mut(pair) else {
            return;
        };
        if let Some(id) = crate::stun::message::transaction_id(&bytes) {
            match message::decode(&bytes) {
                Ok(message::Message::Request(request)) => {
                    known.sent += 1;
                    known.first_sent.get_or_insert(now);
                    known.last_sent = Some(now);
                    known.nominated |= request.use_candidate;
                    let sent = Sent {
                        pair,
                        at: now,
                        is_answered: false,
                        is_engine: true,
                    };
                    self.note(id, sent);
                }
                Ok(message::Message::Indication) => {}
                _ => return,
            }
        }
        let known = &self.pairs[pair];
        self.out.push_back(Transmit {
            base: known.base,
            destination: known.remote,
            payload: bytes,
        });
    }

    fn note(&mut self, id: TransactionId, sent: Sent) {
        if self.transactions.len() < MAX_TRANSACTIONS {
            self.transactions.insert(id, sent);
        }
    }

    /// Gives a pair to the engine: from now on it sees what comes by it, but for answers that would
    /// let it nominate a pair that has not been chosen.
    fn engage(&mut self, pair: usize) {
        self.is_engaged = true;
        if !std::mem::replace(&mut self.pairs[pair].is_engaged, true) {
            self.events.push_back(Event::Engaged(pair));
        }
    }

    /// Whether the engine may see an answer by this pair.
    fn may_succeed(&self, pair: usize) -> bool {
        self.role == Role::Controlled || self.chosen == Some(pair)
    }

    /// Sends a check by a pair, whatever its state; its answer shows in the record. Gives the
    /// transaction, for [`Checks::answer_to`].
    pub fn ping(&mut self, now: Time, pair: usize) -> Option<TransactionId> {
        self.check(now, pair)
    }

    /// The round trip of a check, if its answer has come.
    pub fn answer_to(&self, id: TransactionId) -> bool {
        self.transactions.get(&id).is_some_and(|s| s.is_answered)
    }

    fn check(&mut self, now: Time, index: usize) -> Option<TransactionId> {
        let (remote, key) = self.remote.as_ref()?;
        let pair = &mut self.pairs[index];
        let request = Request {
            username: format!("{}:{}", remote.ufrag, self.local.ufrag),
            priority: self.bases[pair.base].reflexive_priority,
            role: Some((self.role, self.tie_breaker)),
            use_candidate: false,
        };
        let id: TransactionId = self.rng.random();
        let payload = request.encode(id, key)?;
        pair.note_sent(now);
        self.out.push_back(Transmit {
            base: pair.base,
            destination: pair.remote,
            payload,
        });
        if pair.sent == 1 {
            self.events.push_back(Event::Checked(index));
        }
        let sent = Sent {
            pair: index,
            at: now,
            is_answered: false,
            is_engine: false,
        };
        self.note(id, sent);
        Some(id)
    }

    /// The next datagram.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// What has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Checks::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        [self.next_check(), self.next_choice()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Sends the check that is due, and chooses.
    pub fn handle_timeout(&mut self, now: Time) {
        self.send_due(now);
        self.choose_due(now);
    }

    /// All pairs, by their numbers.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Pairs for which there was no room.
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// What came that belongs to no pair.
    pub const fn strays(&self) -> Strays {
        self.strays
    }

    /// The first four bytes of the transaction ID of each check that came: what the other side needs
    /// to know which of its checks arrived.
    pub fn arrived(&self) -> &[u32] {
        &self.arrived
    }

    /// How many of each pair's checks the other side has seen, by what it says in
    /// [`Checks::arrived`].
    pub fn arrivals(&self, arrived: &BTreeSet<u32>) -> Vec<u32> {
        let mut counts = vec![0; self.pairs.len()];
        for (id, sent) in &self.transactions {
            counts[sent.pair] += u32::from(arrived.contains(&prefix(*id)));
        }
        counts
    }

    /// Whether every pair has its answer, or has been given the time for one.
    pub fn is_finished(&self, now: Time) -> bool {
        let patience = self.longest_rtt() * 2 + Duration::from_millis(300);
        self.pairs.iter().all(|pair| match pair.state() {
            pair::CheckState::Frozen => false,
            pair::CheckState::Succeeded | pair::CheckState::Failed => true,
            pair::CheckState::Waiting | pair::CheckState::InProgress => {
                pair.sent >= pair::ENOUGH_CHECKS
                    && pair.last_sent.is_some_and(|at| now >= at + patience)
            }
        })
    }

    fn longest_rtt(&self) -> Duration {
        let rtts = self.pairs.iter().filter_map(Pair::rtt);
        rtts.max().unwrap_or(Duration::from_millis(100))
    }
}

fn prefix(id: TransactionId) -> u32 {
    u32::from_be_bytes([id[0], id[1], id[2], id[3]])
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
