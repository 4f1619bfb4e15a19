//! What has come and is not delivered: how much of it all connections of a server hold together, and those of
//! each address.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::proto::signal::visitors::Network;

/// Bytes of all connections together.
const IN_ALL: usize = 16 << 20;

/// One address may hold so much of what is left, so that some is left for each other one: a third of all where
/// nobody else holds anything.
const PART_OF_REST: usize = 2;

/// Bytes that all connections of a server share.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: BTreeMap<Network, usize>,
}

/// What the connections of one address hold.
#[derive(Debug, Clone)]
pub(super) struct Share {
    budget: Budget,
    by: Network,
}

impl Budget {
    pub(super) fn share(&self, by: Network) -> Share {
        let budget = self.clone();
        Share { budget, by }
    }
}

impl Share {
    /// Takes so much, if there is so much.
    pub(super) fn take(&self, bytes: usize) -> bool {
        if bytes == 0 {
            return true;
        }
        let mut held = self.held();
        let own = held.by.get(&self.by).copied().unwrap_or(0);
        let rest = IN_ALL.saturating_sub(held.all.saturating_add(bytes));
        if own.saturating_add(bytes) > rest / PART_OF_REST {
            return false;
        }
        held.add(self.by, bytes);
        true
    }

    /// Takes what has to be there in any case.
    pub(super) fn take_anyway(&self, bytes: usize) {
        self.held().add(self.by, bytes);
    }

    pub(super) fn give(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut held = self.held();
        held.all = held.all.saturating_sub(bytes);
        if let Some(own) = held.by.get_mut(&self.by) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                held.by.remove(&self.by);
            }
        }
    }

    /// The sums are right at any moment: nothing below panics half way through a change.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.budget.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn add(&mut self, by: Network, bytes: usize) {
        self.all = self.all.saturating_add(bytes);
        let own = self.by.entry(by).or_default();
        *own = own.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u8) -> Network {
        Network::of([192, 0, 2, number].into())
    }

    /// Takes as much as there is.
    fn greedy(share: &Share) -> usize {
        (0..1000).take_while(|_| share.take(64 << 10)).count() * (64 << 10)
    }

    #[test]
    fn one_address_leaves_most_to_the_others() {
        let budget = Budget::default();
        let one = budget.share(network(1));
        let taken = greedy(&one);
        assert!((5 << 20..=6 << 20).contains(&taken), "{taken}");
        for other in 2..9 {
            let other = greedy(&budget.share(network(other)));
            assert!(other >= 256 << 10, "{other}");
        }
        // What it gives back, it may take again.
        assert!(!one.take(1 << 20));
        one.give(taken);
        assert!(one.take(1 << 20));
    }

    #[test]
    fn nothing_is_kept_of_who_holds_nothing() {
        let budget = Budget::default();
        let one = budget.share(network(1));
        one.take_anyway(100 << 20);
        assert!(!budget.share(network(2)).take(1), "all is taken");
        one.give(100 << 20);
        let held = one.held();
        assert!(held.all == 0 && held.by.is_empty(), "{held:?}");
    }
}
