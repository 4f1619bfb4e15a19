//! How many checks are sent to where nobody answers ([`bounds`]): a hostile side could name the addresses
//! of somebody else as its candidates, and have them flooded.
//!
//! An answer has the transaction ID of the check and the other side's signature, so whoever gives one
//! receives what is sent, and takes part. From then on only the limit of each pair counts there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::ice::checks::Checks;
use crate::proto::ice::checks::pair::{CheckState, Pair};

/// A limit that ended checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// So many pairs had their share without an answer.
    Pairs(usize),
    /// All that one address may get without an answer.
    Address(IpAddr),
    All,
}

/// What was sent to addresses that have answered nothing.
#[derive(Debug, Default)]
pub(super) struct Spent {
    silent: BTreeMap<IpAddr, u32>,
    all: u32,
}

impl Spent {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let answering = pairs.iter().filter(|pair| pair.answered > 0);
        let answering: BTreeSet<IpAddr> = answering.map(|pair| pair.remote.ip()).collect();
        let mut spent = Self::default();
        for pair in pairs {
            let ip = pair.remote.ip();
            if pair.sent > 0 && !answering.contains(&ip) {
                let unanswered = for_nothing(pair);
                *spent.silent.entry(ip).or_default() += unanswered;
                spent.all += unanswered;
            }
        }
        spent
    }

    /// What ends the checks of this pair, if anything does.
    pub(super) fn limit_of(&self, pair: &Pair) -> Option<Limit> {
        if pair.answered > 0 {
            return None;
        }
        if has_had_all(pair) {
            return Some(Limit::Pairs(1));
        }
        let ip = pair.remote.ip();
        let has_more = pair.sent >= bounds::CHECKS_ASSURED;
        let most = |all: u32, kept: u32| if has_more { all - kept } else { all };
        let to_address = most(bounds::CHECKS_TO_ADDRESS, bounds::CHECKS_TO_ADDRESS_KEPT);
        let to_all = most(bounds::CHECKS_IN_ALL, bounds::CHECKS_IN_ALL_KEPT);
        match self.silent.get(&ip) {
            Some(sent) if *sent >= to_address => Some(Limit::Address(ip)),
            Some(_) | None if self.all >= to_all && !self.answers(pair) => Some(Limit::All),
            _ => None,
        }
    }

    fn answers(&self, pair: &Pair) -> bool {
        pair.sent > 0 && !self.silent.contains_key(&pair.remote.ip())
    }
}

/// Its chances come when both sides know all candidates, and are not what was sent for nothing before.
fn has_had_all(pair: &Pair) -> bool {
    let chances = u32::try_from(pair.chances.len()).unwrap_or(0);
    for_nothing(pair).saturating_sub(chances) >= bounds::CHECKS_OF_PAIR
}

/// Whoever sends a check may be sent one: that makes no flood greater.
const fn for_nothing(pair: &Pair) -> u32 {
    pair.sent.saturating_sub(pair.requests_in)
}

impl Checks {
    /// Which limits have ended checks of pairs that might have been checked on.
    pub fn limits_reached(&self) -> Vec<Limit> {
        let spent = Spent::of(&self.pairs);
        let (mut pairs, mut limits) = (0, Vec::new());
        for pair in self.open() {
            match spent.limit_of(pair) {
                Some(Limit::Pairs(_)) => pairs += 1,
                Some(limit) if !limits.contains(&limit) => limits.push(limit),
                _ => {}
            }
        }
        if pairs > 0 {
            limits.push(Limit::Pairs(pairs));
        }
        limits
    }

    /// Whether the limits have ended the checks of this pair.
    pub fn is_limited(&self, index: usize) -> bool {
        let pair = &self.pairs[index];
        is_open(pair) && Spent::of(&self.pairs).limit_of(pair).is_some()
    }

    /// Whether no pair works and none will be checked any more, whatever time passes.
    pub fn is_exhausted(&self) -> bool {
        self.remote.is_some()
            && !self.pairs.is_empty()
            && !self.pairs.iter().any(Pair::is_valid)
            && self.wanting().next().is_none()
    }

    /// When the last check was sent.
    pub fn last_sent(&self) -> Option<Time> {
        self.pairs.iter().filter_map(|pair| pair.last_sent).max()
    }

    fn open(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| is_open(pair))
    }
}

fn is_open(pair: &Pair) -> bool {
    matches!(pair.state(), CheckState::Waiting | CheckState::InProgress)
}
