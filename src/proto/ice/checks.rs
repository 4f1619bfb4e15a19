//! Connectivity checks between two sides (RFC 8445 6 to 8), without I/O: every check on every pair
//! is made, answered and recorded here.
//!
//! An ICE agent (the *engine*) nominates and keeps the pair that is chosen here, and carries the
//! data. It sees only that pair: what it sends and gets for it passes through here and is recorded
//! like everything else. So the choice of the pair, which is what goes wrong elsewhere, and the
//! record, which is what a diagnosis needs, are plain code in virtual time.

mod choice;
mod inbound;
mod limits;
pub mod message;
mod outbound;
mod pacing;
pub mod pair;
mod table;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::base::bounds::REFLEXIVE_PAIRS as MAX_REFLEXIVE;
use crate::base::time::Time;
use crate::proto::ice::candidate::Candidate;
use crate::proto::stun::message::TransactionId;
use crate::proto::turn::credentials::Key;
pub use limits::Limit;
use message::Request;
use outbound::Sent;
use pacing::Pacer;
use pair::{Pair, Permission};
pub use table::{MAX_PAIRS, NoHost, Unusable};

/// A side's part (RFC 8445 6.1.1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// Nominates.
    Controlling,
    /// Follows.
    Controlled,
}

impl Role {
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
    pub address: SocketAddr,
    pub is_relay: bool,
    pub priority: u32,
    /// The priority of a peer-reflexive candidate of this base, for the checks' PRIORITY.
    pub reflexive_priority: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    pub base: usize,
    pub destination: SocketAddr,
    pub payload: Vec<u8>,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Taken,
    /// It was recorded, and the engine has to see it, as coming by this pair.
    Engine(usize),
    /// Application data, by this pair.
    Data(usize),
    /// Nothing of ours: perhaps a STUN server's answer.
    Foreign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A TURN server has to be asked to let a peer in.
    Permit {
        base: usize,
        peer: IpAddr,
    },
    Checked(usize),
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

/// A nomination that came before the other side's description: whoever makes it has been answered,
/// and may never make it again.
#[derive(Debug)]
struct EarlyNomination {
    pair: usize,
    at: Time,
    request: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strays {
    /// Checks with other credentials: somebody else's, or of an earlier run.
    pub unauthenticated: u32,
    /// The last source of those.
    pub unauthenticated_from: Option<SocketAddr>,
    /// Checks from peer-reflexive addresses beyond the limit; they were answered.
    pub beyond_limit: u32,
}

#[derive(Debug)]
pub struct Checks {
    rng: StdRng,
    local: Credentials,
    local_key: Key,
    remote: Option<(Credentials, Key)>,
    role: Role,
    tie_breaker: u64,
    bases: Vec<Base>,
    /// Those that are gone.
    ended: BTreeSet<usize>,
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
    /// The role that a check of the other side had, answered before it was known.
    early_role: Option<Role>,
    early_nomination: Option<EarlyNomination>,
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
            ended: BTreeSet::new(),
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
            early_role: None,
            early_nomination: None,
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
        let username = format!("{}:{}", remote.ufrag, self.local.ufrag);
        let sample = Request {
            username,
            priority: 0,
            role: None,
            use_candidate: false,
        };
        if sample.encode([0; 12], &key).is_none() {
            return false;
        }
        self.remote = Some((remote, key));
        self.take_role(role);
        if self.early_role == Some(role) {
            // Its check was a success in that role: it has settled the matter, and may never ask again.
            self.switch_role();
        }
        if let Some(early) = self.early_nomination.take() {
            self.take_nomination(early.at, early.pair);
            self.events
                .push_back(Event::Deliver(early.pair, early.request));
        }
        true
    }

    pub const fn role(&self) -> Role {
        self.role
    }

    fn take_role(&mut self, role: Role) {
        self.role = role;
        for pair in &mut self.pairs {
            pair.set_priority(self.bases[pair.base].priority, role);
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

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

    pub fn handle_timeout(&mut self, now: Time) {
        self.send_due(now);
        self.choose_due(now);
    }

    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    pub const fn strays(&self) -> Strays {
        self.strays
    }

    /// The first four bytes of the transaction ID of each check that came: what the other side needs
    /// to know which of its checks arrived.
    pub fn arrived(&self) -> &[u32] {
        &self.arrived
    }

    /// How many of each pair's checks the other side has seen, by its answers and by what it says in
    /// [`Checks::arrived`].
    pub fn arrivals(&self, arrived: &BTreeSet<u32>) -> Vec<u32> {
        let mut counts = vec![0; self.pairs.len()];
        for (id, sent) in &self.transactions {
            // It may tell before the last ones came; an answer is proof as well.
            let has_arrived = sent.rtt.is_some() || arrived.contains(&prefix(*id));
            counts[sent.pair] += u32::from(has_arrived);
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
