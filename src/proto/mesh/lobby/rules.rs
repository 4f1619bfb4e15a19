//! What follows from what was heard: which sessions begin, and whether everything is known.

use std::time::Duration;

use crate::base::time::Time;
use crate::proto::mesh::beat::{Entry, Stage};
use crate::proto::mesh::edge::{Edge, Next};
use crate::proto::mesh::lobby::{Lobby, Member, SETTLE, Start};
use crate::proto::mesh::order::round;
use crate::proto::signal::seal::Name;

/// How long a place is kept for one who has none.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long nobody new must have come before ways are offered, and how long that is waited for at the beginning.
const CLEAR: Duration = Duration::from_millis(150);
const UNCLEAR: Duration = Duration::from_secs(1);

impl Lobby {
    pub(super) fn advance(&mut self, now: Time) {
        let before = self.free();
        let others = self.in_order();
        for name in &others {
            self.advance_edge(now, *name);
        }
        for name in others {
            self.offer(now, name);
        }
        self.has_news |= before != self.free();
        self.settle(now);
    }

    /// All who are there, those first whom this member meets first.
    fn in_order(&self) -> Vec<Name> {
        let present = self.members.iter().filter(|(_, m)| m.is_present());
        let mut all: Vec<Name> = present.map(|(name, _)| *name).collect();
        all.push(self.settings.own);
        all.sort_unstable();
        let place = |name: &Name| all.binary_search(name).unwrap_or_default();
        let own = place(&self.settings.own);
        let mut others: Vec<Name> = all.clone();
        others.retain(|name| *name != self.settings.own);
        others.sort_by_cached_key(|name| round(all.len(), own, place(name)));
        others
    }

    /// What the other one says of this way, and what follows from it.
    fn advance_edge(&mut self, now: Time, name: Name) {
        let own = self.settings.own;
        let has_place = self.free() > 0;
        let Some(member) = self.members.get(&name) else {
            return;
        };
        let theirs = member.row.get(&own);
        let theirs = theirs.map_or((Stage::Waiting, 0), |e| (e.stage, e.attempt));
        let next = if own < name {
            let waited = member.edge.offered_for(now).unwrap_or_default();
            let is_refused = member.free == 0 && waited >= PATIENCE;
            member.edge.as_caller(theirs, has_place, is_refused)
        } else {
            member.edge.as_called(theirs)
        };
        let Some(next) = next else {
            return;
        };
        if matches!(next, Next::Accept(_)) && !has_place && !self.take_back_an_offer() {
            return;
        }
        if let Some(member) = self.members.get_mut(&name) {
            self.has_news = true;
            match next {
                Next::Withdraw => member.edge.withdraw(),
                Next::Missed(attempt) => member.edge.missed(attempt),
                Next::Accept(attempt) | Next::Begin(attempt) => {
                    member.edge.begin(attempt);
                    self.starts.push_back(Start {
                        with: name,
                        attempt,
                    });
                }
            }
        }
    }

    /// An offer in the hand is worth more than one that is not answered: makes a place of the latest of those.
    fn take_back_an_offer(&mut self) -> bool {
        let edges = self.members.values_mut().map(|member| &mut member.edge);
        let offered = edges.filter(|edge| edge.stage() == Stage::Offered);
        let latest = offered.max_by_key(|edge| edge.since());
        latest.map(Edge::withdraw).is_some()
    }

    /// Keeps a place for a session, and says so, once it is clear who is there: all have the same order then.
    fn offer(&mut self, now: Time, name: Name) {
        let is_clear = now >= self.new_since + CLEAR || now >= self.met_at.unwrap_or(now) + UNCLEAR;
        let has_place = self.free() > 0;
        let is_caller = self.settings.own < name;
        let Some(member) = self.members.get_mut(&name) else {
            return;
        };
        if is_caller && is_clear && has_place && member.free > 0 && member.edge.is_wanted() {
            member.edge.offer(now);
            self.has_news = true;
        }
    }

    /// Whether everything is known, and for how long.
    fn settle(&mut self, now: Time) {
        let is_complete = self.is_complete();
        self.complete_since = match self.complete_since {
            Some(since) if is_complete => Some(since),
            _ => is_complete.then_some(now),
        };
        let is_done = self.complete_since.is_some_and(|since| {
            self.settings
                .hosts
                .map_or_else(|| now >= since + SETTLE, |hosts| self.came() >= hosts)
        });
        if is_done != self.done_since.is_some() {
            self.done_since = is_done.then_some(now);
            self.has_news = true;
        }
    }

    /// Whether the way between each two who are there has its result, and is known here.
    fn is_complete(&self) -> bool {
        let is_running = self.members.values().any(|m| m.edge.is_running());
        if self.came() < 2 || is_running {
            return false;
        }
        let present: Vec<(&Name, &Member)> = self
            .members
            .iter()
            .filter(|(_, m)| m.is_present())
            .collect();
        let own = self.settings.own;
        let is_own_done = present.iter().all(|(_, member)| {
            let theirs = member.row.get(&own);
            member.edge.stage() == Stage::Done
                && theirs.is_some_and(|e| is_end(e, member.edge.attempt()))
        });
        if !is_own_done {
            return false;
        }
        present.iter().enumerate().all(|(index, (one, first))| {
            present[index + 1..].iter().all(|(other, second)| {
                let there = first.row.get(other);
                let back = second.row.get(one);
                there.zip(back).is_some_and(|(there, back)| {
                    is_end(there, back.attempt) && back.stage == Stage::Done
                })
            })
        })
    }
}

/// Whether an entry says that a session was the last.
fn is_end(entry: &Entry, attempt: u32) -> bool {
    entry.stage == Stage::Done && entry.attempt == attempt
}
