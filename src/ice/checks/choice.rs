//! Which pair is nominated, and when: a direct one wherever one works, a relayed one as soon as
//! direct ones have had a fair chance by measured round trips.

use std::time::Duration;

use super::pair::{CheckState, Pair};
use super::{Checks, Event, Role};
use crate::time::Time;

/// What is known of direct candidates.
#[derive(Debug, Default)]
pub(super) struct Directs {
    /// When this side has found all of its own.
    local: Option<Time>,
    /// When the other side said the same.
    remote: Option<Time>,
    /// Whether one side has no UDP: then nothing direct is likely.
    is_unlikely: bool,
}

/// The shortest and the longest time that a valid direct pair waits for a better one.
const BETTER: (Duration, Duration) = (Duration::from_millis(15), Duration::from_millis(200));
/// How long direct pairs have, beside four round trips, before a relayed one is chosen.
const CHANCE: Duration = Duration::from_millis(100);
/// The same where one side has no UDP.
const SMALL_CHANCE: Duration = Duration::from_millis(50);
/// Where there is no direct pair at all.
const NO_CHANCE: Duration = Duration::from_millis(15);

impl Checks {
    /// This side has found all of its host and server-reflexive candidates.
    pub fn local_directs_complete(&mut self, now: Time, has_udp: bool) {
        self.directs.local.get_or_insert(now);
        self.directs.is_unlikely |= !has_udp;
        self.choose_due(now);
    }

    /// So has the other side.
    pub fn remote_directs_complete(&mut self, now: Time, has_udp: bool) {
        self.directs.remote.get_or_insert(now);
        self.directs.is_unlikely |= !has_udp;
        self.choose_due(now);
    }

    /// When a pair may be chosen.
    pub(super) fn next_choice(&self) -> Option<Time> {
        self.choice().map(|(_, at)| at)
    }

    pub(super) fn choose_due(&mut self, now: Time) {
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
        let both = self.both_complete().is_some();
        let may_improve = !both || self.open_directs().any(|p| p.priority > best.priority);
        if !may_improve {
            return Some((index, since));
        }
        let wait = (rtt * 3 / 2).clamp(BETTER.0, BETTER.1);
        Some((index, since + if both { wait / 2 } else { wait }))
    }

    fn relayed_choice(&self) -> Option<(usize, Time)> {
        let complete = self.both_complete()?;
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
        let rtt = pair.rtt().unwrap_or_default();
        if self.open_directs().next().is_none() {
            return Some((index, since.max(complete) + NO_CHANCE + rtt / 2));
        }
        let chance = if self.directs.is_unlikely {
            SMALL_CHANCE
        } else {
            CHANCE
        };
        // Lost checks are made up for with time.
        let wait = (chance + rtt * 4) * (1 + self.lost_of_ten());
        // Nobody has had a chance before its first check; but new pairs do not put it off for ever.
        let mut begun = complete;
        for pair in self.open_directs() {
            begun = begun.max(pair.first_sent?);
        }
        let latest = complete + wait * 3;
        Some((index, since.max((begun + wait).min(latest))))
    }

    fn valid(&self, is_relayed: bool) -> impl Iterator<Item = (usize, &Pair)> {
        let pairs = self.pairs.iter().enumerate();
        pairs.filter(move |(_, pair)| pair.is_valid() && pair.is_relayed() == is_relayed)
    }

    /// Direct pairs that may still succeed.
    fn open_directs(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| {
            !pair.is_relayed()
                && matches!(pair.state(), CheckState::Waiting | CheckState::InProgress)
        })
    }

    fn both_complete(&self) -> Option<Time> {
        Some(self.directs.local?.max(self.directs.remote?))
    }

    /// How many of ten checks get lost, by those of relayed pairs that work; at most three.
    fn lost_of_ten(&self) -> u32 {
        let valid = |index: usize| {
            let pair = &self.pairs[index];
            pair.is_valid() && pair.is_relayed()
        };
        let newest = self
            .transactions
            .values()
            .filter(|sent| sent.is_answered && valid(sent.pair))
            .map(|sent| sent.at)
            .max();
        // A check that was sent before one that has been answered.
        let old = self
            .transactions
            .values()
            .filter(|sent| valid(sent.pair) && newest.is_some_and(|newest| sent.at < newest))
            .filter(|sent| self.pairs[sent.pair].first_answered.is_some());
        let (mut all, mut lost) = (0, 0);
        for sent in old {
            all += 1;
            lost += u32::from(!sent.is_answered);
        }
        if all == 0 {
            0
        } else {
            (lost * 10 / all).min(2)
        }
    }
}
