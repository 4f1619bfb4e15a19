//! Which pair is checked next (RFC 8445 6.1.4.2), and when.

use std::cmp::Reverse;
use std::time::Duration;

use crate::base::time::Time;
use crate::proto::ice::checks::Checks;
use crate::proto::ice::checks::limits::Spent;
use crate::proto::ice::checks::pair::Pair;

/// Ta (RFC 8445 14.2): one check each 5 ms at most, over all pairs.
const TA: Duration = Duration::from_millis(5);

/// When and how the last check was sent.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    next: Time,
    count: u64,
}

impl Checks {
    pub(super) fn next_check(&self) -> Option<Time> {
        self.remote.as_ref()?;
        let first = self.wanting().map(|(_, pair)| self.due(pair)).min()?;
        Some(first.max(self.pacer.next))
    }

    /// Sends what is due, one check each Ta.
    pub(super) fn send_due(&mut self, now: Time) {
        if self.remote.is_none() || self.pacer.next > now {
            return;
        }
        // Each second turn goes to the pair that has had the fewest, so that pairs of a high
        // priority do not starve the others.
        let next = if self.pacer.count.is_multiple_of(2) {
            self.next_triggered(now).or_else(|| self.best_due(now))
        } else {
            self.least_sent(now)
        };
        let Some(index) = next else {
            return;
        };
        self.pacer.count += 1;
        self.pacer.next = now + TA;
        self.check(now, index);
    }

    fn due(&self, pair: &Pair) -> Time {
        if pair.triggered {
            self.pacer.next
        } else {
            pair.due
        }
    }

    pub(super) fn wanting(&self) -> impl Iterator<Item = (usize, &Pair)> {
        let is_settled = self.settled.is_some();
        let spent = Spent::of(&self.pairs);
        self.pairs
            .iter()
            .enumerate()
            .filter(move |(_, pair)| pair.wants_check(is_settled) && spent.limit_of(pair).is_none())
    }

    fn next_triggered(&mut self, now: Time) -> Option<usize> {
        while let Some(index) = self.triggered.pop_front() {
            let pair = &self.pairs[index];
            if pair.triggered && self.wanting().any(|(wanting, _)| wanting == index) {
                return Some(index);
            }
        }
        // A pair may have been triggered while it was frozen.
        self.wanting()
            .find(|(_, pair)| pair.triggered && pair.due <= now)
            .map(|(index, _)| index)
    }

    /// Direct ones first, then by priority.
    fn best_due(&self, now: Time) -> Option<usize> {
        self.wanting()
            .filter(|(_, pair)| self.due(pair) <= now)
            .max_by_key(|(index, pair)| (!pair.is_relayed(), pair.priority, Reverse(*index)))
            .map(|(index, _)| index)
    }

    fn least_sent(&self, now: Time) -> Option<usize> {
        self.wanting()
            .filter(|(_, pair)| self.due(pair) <= now)
            .min_by_key(|(index, pair)| (pair.sent, Reverse(pair.priority), *index))
            .map(|(index, _)| index)
    }
}
