//! Which pair is nominated, and when: a direct one wherever one works, a relayed one as soon as
//! direct ones have had a fair chance by measured round trips.

use std::time::Duration;

use crate::base::time::Time;
use crate::proto::ice::checks::pair::{CheckState, Pair};
use crate::proto::ice::checks::{Checks, Event, Role};

#[derive(Debug, Default)]
pub(super) struct Directs {
    /// When this side has found all of its own.
    local: Option<Time>,
    /// When the other side said the same.
    remote: Option<Time>,
    /// Whether one side has no UDP: then nothing direct is likely.
    is_unlikely: bool,
    /// When the first check of the other side came: it has begun.
    requested: Option<Time>,
    /// Checks that a direct pair has to get for the loss that was seen, beside [`CHANCES`].
    more_chances: u32,
    /// Whether direct pairs have been made due for their chances.
    is_hurried: bool,
}

/// The shortest and the longest time that a valid direct pair waits for a better one.
const BETTER: (Duration, Duration) = (Duration::from_millis(15), Duration::from_millis(200));

/// Checks that each direct pair gets before a relayed one is chosen, without loss.
const CHANCES: u32 = 4;
/// The same where one side has no UDP.
const SMALL_CHANCES: u32 = 2;
/// The most that loss adds to [`CHANCES`].
const MOST_MORE_CHANCES: u32 = 8;
/// The time for each of them: a little less than the gap to the next one. So a relayed pair waits 72 ms at least,
/// which also covers a candidate that the other side heard of a little later.
const CHANCE: Duration = Duration::from_millis(18);
/// Where there are so many pairs that their checks take longer, it waits this many halves of that.
const MOST_PATIENCE: u32 = 5;
/// How long the other side has for its first check after a relayed pair works. One that does not
/// check (RFC 8445 2.5, lite) has no chance to lose.
const FIRST_CHECK: Duration = Duration::from_millis(500);
/// An answer that is later than half as much again as the slowest, and this, is lost.
const SLACK: Duration = Duration::from_millis(10);

impl Directs {
    pub(super) fn note_request(&mut self, now: Time) {
        self.requested.get_or_insert(now);
    }

    fn both_complete(&self) -> Option<Time> {
        Some(self.local?.max(self.remote?))
    }

    /// Whether both sides know all direct candidates, and both are checking.
    pub(super) fn have_begun(&self, now: Time) -> bool {
        let both = self.both_complete().zip(self.requested);
        both.is_some_and(|(complete, requested)| complete.max(requested) <= now)
    }
}

impl Checks {
    /// This side has found all of its host and server-reflexive candidates.
    pub fn local_directs_complete(&mut self, now: Time, has_udp: bool) {
        self.directs.local.get_or_insert(now);
        self.directs.is_unlikely |= !has_udp;
        self.choose_due(now);
    }

    pub fn remote_directs_complete(&mut self, now: Time, has_udp: bool) {
        self.directs.remote.get_or_insert(now);
        self.directs.is_unlikely |= !has_udp;
        self.choose_due(now);
    }

    pub(super) fn next_choice(&self) -> Option<Time> {
        self.choice().map(|(_, at)| at)
    }

    pub(super) fn choose_due(&mut self, now: Time) {
        if !self.directs.is_hurried && self.directs.have_begun(now) {
            self.directs.is_hurried = true;
            // What was checked before may have had no chance, and waits long between its checks.
            for pair in self.pairs.iter_mut().filter(|pair| !pair.is_relayed()) {
                pair.due = pair.due.min(now);
            }
        }
        if self.settled.is_none() && self.role == Role::Controlling {
            self.directs.more_chances = self.chances_for_loss(now);
        }
        let Some((index, at)) = self.choice() else {
            return;
        };
        // The engine's own check saves a round trip if it is under way by then.
        self.engage(index);
        if at <= now {
            self.settled = Some(now);
            self.chosen = Some(index);
            self.events.push_back(Event::Chosen(index));
            if let Some(answer) = self.withheld.remove(&index) {
                self.events.push_back(Event::Deliver(index, answer));
            }
        }
    }

    /// The pair that will be chosen if nothing changes, and when.
    fn choice(&self) -> Option<(usize, Time)> {
        if self.settled.is_some() || self.role == Role::Controlled {
            return None;
        }
        self.direct_choice().or_else(|| self.relayed_choice())
    }

    fn direct_choice(&self) -> Option<(usize, Time)> {
        let valid = || self.valid(false);
        let (index, best) = valid().max_by_key(|(_, pair)| pair.priority)?;
        let since = valid().filter_map(|(_, pair)| pair.first_answered).min()?;
        let rtt = best.rtt().unwrap_or_default();
        let both = self.directs.both_complete().is_some();
        let may_improve = !both || self.open_directs().any(|p| p.priority > best.priority);
        if !may_improve {
            return Some((index, since));
        }
        let wait = (rtt * 3 / 2).clamp(BETTER.0, BETTER.1);
        Some((index, since + if both { wait / 2 } else { wait }))
    }

    fn relayed_choice(&self) -> Option<(usize, Time)> {
        let complete = self.directs.both_complete()?;
        // The one with the shortest way; among those that are as good, by priority.
        let fastest = self.valid(true).filter_map(|(_, pair)| pair.rtt()).min()?;
        let enough = fastest + fastest / 4 + Duration::from_millis(2);
        let (index, pair) = self
            .valid(true)
            .filter(|(_, pair)| pair.rtt().is_some_and(|rtt| rtt <= enough))
            .max_by_key(|(_, pair)| pair.priority)?;
        let since = self
            .valid(true)
            .filter_map(|(_, p)| p.first_answered)
            .min()?;
        let begun = match self.directs.requested {
            Some(at) => at.min(since + FIRST_CHECK),
            None => since + FIRST_CHECK,
        };
        let begun = complete.max(begun);
        let round_trip = pair.rtt().unwrap_or_default() * 3 / 2;
        let chances = if self.open_directs().next().is_none() {
            1
        } else if self.directs.is_unlikely {
            SMALL_CHANCES
        } else {
            CHANCES + self.directs.more_chances
        };
        let least = CHANCE * chances + round_trip;
        let latest = begun + least * MOST_PATIENCE / 2;
        // Each direct pair has had its checks, and the last one the time for an answer.
        let mut at = begun + least;
        for open in self.open_directs() {
            let sent = open.chances.get(chances as usize - 1);
            at = at.max(sent.map_or(latest, |sent| *sent + round_trip));
        }
        Some((index, since.max(at.min(latest))))
    }

    fn valid(&self, is_relayed: bool) -> impl Iterator<Item = (usize, &Pair)> {
        let pairs = self.pairs.iter().enumerate();
        pairs.filter(move |(_, pair)| {
            pair.is_valid() && !pair.is_ended && pair.is_relayed() == is_relayed
        })
    }

    /// Direct pairs that may still succeed.
    fn open_directs(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| {
            !pair.is_relayed()
                && matches!(pair.state(), CheckState::Waiting | CheckState::InProgress)
        })
    }

    /// How many more checks a direct pair needs so that loss does not make it fail, by the loss of
    /// relayed pairs that work: they go through more links, so it is no less than that of direct ones.
    fn chances_for_loss(&self, now: Time) -> u32 {
        let (mut all, mut lost) = (0_u32, 0_u32);
        for sent in self.transactions.values() {
            let pair = &self.pairs[sent.pair];
            let Some(first) = pair.first_heard else {
                continue;
            };
            // The first ones may have met closed doors.
            if !pair.is_relayed() || sent.at <= first {
                continue;
            }
            let slowest = pair.rtts.iter().max().copied().unwrap_or_default();
            let is_lost = sent.rtt.is_none() && now > sent.at + slowest * 3 / 2 + SLACK;
            all += u32::from(sent.rtt.is_some() || is_lost);
            lost += u32::from(is_lost);
        }
        if lost == 0 {
            return 0;
        }
        // One of ten lost: one more; half of them: five more.
        (lost * 10).div_ceil(all).min(MOST_MORE_CHANCES)
    }
}
