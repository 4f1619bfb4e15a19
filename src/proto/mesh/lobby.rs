//! One member of a mesh: whom it has heard, which sessions it begins, and when it is done.
//!
//! Of two members the one with the lower name calls. It keeps a place for the session and offers it; the other
//! one begins if it has a place too, and when the caller hears that, it begins as well. Nobody waits in a circle:
//! who waits for an answer waits for a member with a higher name, and the highest calls nobody.

mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::mesh::beat::{self, Beat, BeatError, Entry, Report};
use crate::proto::mesh::edge::Edge;
use crate::proto::signal::seal::Name;

/// How often a member says what it has to say, though nothing is new.
const EVERY: Duration = Duration::from_secs(3);
/// Between two beats at least, and how much more for each two members: what one says of all, all have to hear.
const SPACING: Duration = Duration::from_millis(10);
const SPACING_OF_TWO: Duration = Duration::from_micros(100);
/// Whoever has been silent for so long has gone without a word.
const GONE: Duration = Duration::from_secs(10);
/// How long others may still come once everything is known.
pub const SETTLE: Duration = Duration::from_secs(3);
/// How long others are waited for who do not know everything yet.
const LINGER: Duration = Duration::from_secs(4);
/// How often it is looked whether something is overdue.
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Clone)]
pub struct Settings {
    pub own: Name,
    /// As it is shown to others.
    pub name: String,
    pub software: String,
    /// How many hosts there are to be; `None` if it ends when nobody new comes.
    pub hosts: Option<usize>,
}

/// Where another member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was heard, and has not shown that it hears this one.
    Heard,
    Present,
    /// It has said that it goes.
    Left,
    /// It has gone without a word.
    Vanished,
}

/// A session that is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub with: Name,
    pub attempt: u32,
}

/// Another member.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: String,
    pub software: String,
    pub presence: Presence,
    heard_at: Time,
    /// Of its last beat.
    number: u64,
    free: usize,
    is_done: bool,
    row: BTreeMap<Name, Entry>,
    pub(super) edge: Edge,
}

impl Member {
    /// Whether it was ever there: it has shown that what it says is of this run.
    pub const fn has_come(&self) -> bool {
        !matches!(self.presence, Presence::Heard)
    }

    const fn is_present(&self) -> bool {
        matches!(self.presence, Presence::Present)
    }

    pub(super) fn report_on(&self, other: Name) -> Option<&Report> {
        self.row.get(&other)?.report.as_ref()
    }
}

#[derive(Debug)]
pub struct Lobby {
    settings: Settings,
    members: BTreeMap<Name, Member>,
    number: u64,
    /// Something is new that others have to know.
    has_news: bool,
    said_at: Option<Time>,
    /// When the last one came, and the first.
    new_since: Time,
    met_at: Option<Time>,
    complete_since: Option<Time>,
    done_since: Option<Time>,
    starts: VecDeque<Start>,
    /// Sessions whose other side has gone.
    orphans: VecDeque<Name>,
    /// Names that there was no room for.
    left_out: BTreeSet<Name>,
}

impl Lobby {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Settings {
                name: beat::shown(&settings.name),
                ..settings
            },
            members: BTreeMap::new(),
            number: 0,
            has_news: true,
            said_at: None,
            new_since: Time::ZERO,
            met_at: None,
            complete_since: None,
            done_since: None,
            starts: VecDeque::new(),
            orphans: VecDeque::new(),
            left_out: BTreeSet::new(),
        }
    }

    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn members(&self) -> &BTreeMap<Name, Member> {
        &self.members
    }

    /// How many more wanted to be members than there may be.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// Hosts that are or were there, this one too.
    pub fn came(&self) -> usize {
        1 + self.members.values().filter(|m| m.has_come()).count()
    }

    /// A member says something, for the `number`th time.
    pub fn handle_beat(
        &mut self,
        now: Time,
        from: Name,
        number: u64,
        text: &[u8],
    ) -> Result<(), BeatError> {
        let is_old = |member: &Member| number <= member.number;
        if from == self.settings.own || self.members.get(&from).is_some_and(is_old) {
            return Ok(());
        }
        let beat = Beat::decode(text)?;
        if !self.members.contains_key(&from) && !self.make_room(now) {
            if self.left_out.len() < bounds::MESH_MEMBERS {
                self.left_out.insert(from);
            }
            return Ok(());
        }
        let own = self.settings.own;
        let is_new = !self.members.contains_key(&from);
        let member = self.members.entry(from).or_insert_with(|| Member {
            name: String::new(),
            software: String::new(),
            presence: Presence::Heard,
            heard_at: now,
            number: 0,
            free: 0,
            is_done: false,
            row: BTreeMap::new(),
            edge: Edge::default(),
        });
        let knows_us = beat.row.iter().any(|entry| entry.with == own);
        member.presence = match member.presence {
            Presence::Heard if !knows_us => Presence::Heard,
            _ if beat.is_leaving => Presence::Left,
            _ => Presence::Present,
        };
        member.name = beat.name;
        member.software = beat.software;
        member.heard_at = now;
        member.number = number;
        member.free = beat.free;
        member.is_done = beat.is_done;
        let row = beat.row.into_iter().filter(|entry| entry.with != from);
        member.row = row.map(|entry| (entry.with, entry)).collect();
        if member.presence == Presence::Left && member.edge.is_running() {
            self.orphans.push_back(from);
        }
        if is_new {
            // It has to hear that it is heard.
            self.has_news = true;
            self.new_since = now;
            self.met_at = self.met_at.or(Some(now));
        }
        self.advance(now);
        Ok(())
    }

    /// Whether there is room for one more; what may be of an earlier run makes it.
    fn make_room(&mut self, now: Time) -> bool {
        if self.members.len() + 1 < bounds::MESH_MEMBERS {
            return true;
        }
        let stale = self.members.iter().find(|(_, member)| {
            member.presence == Presence::Heard && now >= member.heard_at + GONE
        });
        let Some(name) = stale.map(|(name, _)| *name) else {
            return false;
        };
        self.members.remove(&name);
        true
    }

    /// A session has ended.
    pub fn handle_report(&mut self, now: Time, with: Name, mut report: Report) {
        report.cut();
        let is_caller = self.settings.own < with;
        if let Some(member) = self.members.get_mut(&with) {
            member.edge.end(report, is_caller);
            self.has_news = true;
        }
        self.advance(now);
    }

    pub fn handle_timeout(&mut self, now: Time) {
        for (name, member) in &mut self.members {
            if member.is_present() && now >= member.heard_at + GONE {
                member.presence = Presence::Vanished;
                if member.edge.is_running() {
                    self.orphans.push_back(*name);
                }
            }
        }
        self.advance(now);
    }

    /// Others may have missed what was said: it is said again at once.
    pub const fn say_again(&mut self) {
        self.has_news = true;
    }

    /// The next session to begin.
    pub fn poll_start(&mut self) -> Option<Start> {
        self.starts.pop_front()
    }

    /// The next session that nobody else takes part in any more.
    pub fn poll_orphan(&mut self) -> Option<Name> {
        self.orphans.pop_front()
    }

    /// What is to be said now, if anything, with its number, and whether it is for places where nobody was
    /// heard too.
    pub fn poll_beat(&mut self, now: Time) -> Option<(u64, Vec<u8>, bool)> {
        if now < self.beat_at() {
            return None;
        }
        let is_regular = self.said_at.is_none_or(|at| now >= at + EVERY);
        let (number, text) = self.beat(now, false);
        Some((number, text, is_regular))
    }

    /// The last thing that it says.
    pub fn leave(&mut self, now: Time) -> (u64, Vec<u8>) {
        self.beat(now, true)
    }

    fn beat(&mut self, now: Time, is_leaving: bool) -> (u64, Vec<u8>) {
        self.number += 1;
        self.has_news = false;
        self.said_at = Some(now);
        let row = self.members.iter();
        let beat = Beat {
            version: beat::VERSION,
            name: self.settings.name.clone(),
            software: self.settings.software.clone(),
            free: self.free(),
            is_done: self.done_since.is_some(),
            is_leaving,
            row: row.map(|(name, member)| member.edge.entry(*name)).collect(),
        };
        (self.number, beat.encode())
    }

    fn beat_at(&self) -> Time {
        let Some(said_at) = self.said_at else {
            return Time::ZERO;
        };
        if !self.has_news {
            return said_at + EVERY;
        }
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        said_at + SPACING + SPACING_OF_TWO * members.saturating_mul(members)
    }

    pub fn poll_timeout(&self, now: Time) -> Time {
        self.beat_at().min(now + TICK)
    }

    /// Whether everything is known and said: it may go.
    pub fn is_over(&self, now: Time) -> bool {
        let Some(since) = self.done_since else {
            return false;
        };
        let mut present = self.members.values().filter(|m| m.is_present());
        // What it has said is on its way.
        let is_told = !self.has_news;
        is_told && (present.all(|member| member.is_done) || now >= since + LINGER)
    }

    /// Places for sessions that are free.
    fn free(&self) -> usize {
        let busy = self.members.values().filter(|m| m.edge.is_busy());
        bounds::MESH_SESSIONS.saturating_sub(busy.count())
    }
}

#[cfg(test)]
mod tests;
