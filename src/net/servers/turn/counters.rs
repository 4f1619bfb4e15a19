//! What the TURN server has done so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::proto::stun::server;
use crate::proto::turn::server::answer::Refusal;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    pub allocations_now: usize,
    pub allocations: u64,
    /// Refused requests. The 401 that every client begins with is among them.
    pub refused: BTreeMap<Refusal, u64>,
    /// Requests without an answer because their source asks too much without credentials.
    pub limited: u64,
    /// What is no message for a TURN server.
    pub malformed: u64,
    pub bytes_to_peers: u64,
    pub bytes_from_peers: u64,
    /// Datagrams not relayed because there is no permission, or the peer must not be reached.
    pub not_permitted: u64,
    /// Datagrams not relayed because an allocation has used up its rate.
    pub over_rate: u64,
    /// Binding requests on the same ports.
    pub stun: server::Counters,
}

#[derive(Debug, Default)]
pub(super) struct Counting {
    pub allocations: AtomicU64,
    pub refused: Mutex<BTreeMap<Refusal, u64>>,
    pub limited: AtomicU64,
    pub malformed: AtomicU64,
    pub bytes_to_peers: AtomicU64,
    pub bytes_from_peers: AtomicU64,
    pub not_permitted: AtomicU64,
    pub over_rate: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

impl Counting {
    pub fn refuse(&self, refusal: Refusal) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(refusal).or_default() += 1;
    }

    pub fn read(&self, allocations_now: usize, stun: server::Counters) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            allocations_now,
            allocations: get(&self.allocations),
            refused: self
                .refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            limited: get(&self.limited),
            malformed: get(&self.malformed),
            bytes_to_peers: get(&self.bytes_to_peers),
            bytes_from_peers: get(&self.bytes_from_peers),
            not_permitted: get(&self.not_permitted),
            over_rate: get(&self.over_rate),
            stun,
        }
    }
}
