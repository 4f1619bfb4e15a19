//! One round: several sizes in flight at once, each as often as the loss of the path demands.

use std::collections::VecDeque;
use std::time::Duration;

use super::{PACE, PathSeen, RESOLUTION};
use crate::base::time::Time;

/// How unlikely it shall be that chance loses all probes of one size.
const CHANCE: f64 = 1e-4;
const REPEATS: (u32, u32) = (3, 12);
/// The most sizes of a round: more would be a flood.
const SIZES: usize = 24;
/// A small one each so often behind the probes, until one has arrived.
const MARK_EVERY: Duration = Duration::from_millis(20);
/// What was sent earlier may be overtaken by so much.
const OVERTAKEN: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Round {
    pub(super) sizes: Vec<usize>,
    queue: VecDeque<usize>,
    /// The number of the first probe behind all of its own.
    first_mark: Option<usize>,
    settled_at: Option<Time>,
}

impl Round {
    /// Sizes between what passes and what does not, evenly apart; so many that all is likely to be over
    /// soonest. `limit` has to be tried before anything can be said of it.
    pub(super) fn plan(low: usize, high: usize, limit: usize, path: PathSeen) -> Self {
        let repeats = repeats(path);
        let between = high.saturating_sub(low);
        let count = (2..=SIZES)
            .min_by_key(|count| time_of_all(between, *count, repeats, path.longest))
            .unwrap_or(SIZES);
        let mut sizes: Vec<usize> = (1..=count)
            .map(|place| low + between * place / (count + 1))
            .filter(|size| (low + 1..high).contains(size))
            .collect();
        if high == limit + 1 {
            sizes.push(limit);
        }
        sizes.dedup();
        let queue = (0..repeats).flat_map(|_| sizes.clone()).collect();
        Self {
            sizes,
            queue,
            first_mark: None,
            settled_at: None,
        }
    }

    /// What to send, as the probe of this number, and how long after it the next one goes; no size for a small one.
    pub(super) fn next(&mut self, low: usize, number: usize) -> (Option<usize>, Duration) {
        while let Some(size) = self.queue.pop_front() {
            // What arrived has shown that the smaller ones do.
            if size > low {
                return (Some(size), PACE);
            }
        }
        self.first_mark.get_or_insert(number);
        (None, MARK_EVERY)
    }

    pub(super) fn note_arrival(&mut self, now: Time, number: usize) {
        if self.first_mark.is_some_and(|mark| number >= mark) {
            self.settled_at.get_or_insert(now + OVERTAKEN);
        }
    }

    pub(super) const fn settled_at(&self) -> Option<Time> {
        self.settled_at
    }

    /// Whether all that is still to arrive has arrived.
    pub(super) fn is_settled(&self, now: Time) -> bool {
        self.settled_at.is_some_and(|at| now >= at)
    }
}

/// How often a size has to be sent so that its silence means something.
fn repeats(path: PathSeen) -> u32 {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let lost = path.sent.saturating_sub(path.received);
    // Of a few that all arrived it does not follow that none is lost.
    let share = (count(lost) + 1.0) / (count(path.sent) + 2.0);
    let (fewest, most) = REPEATS;
    (fewest..most)
        .find(|times| share.powi(times.cast_signed()) <= CHANCE)
        .unwrap_or(most)
}

/// Rounds of so many sizes until no more than [`RESOLUTION`] bytes are left, in time.
fn time_of_all(between: usize, count: usize, repeats: u32, round_trip: Duration) -> Duration {
    let mut left = between;
    let mut rounds = 0;
    while left > RESOLUTION {
        left /= count + 1;
        rounds += 1;
    }
    let probes = u32::try_from(count).unwrap_or(u32::MAX) * repeats;
    (PACE * probes + round_trip + OVERTAKEN) * rounds
}
