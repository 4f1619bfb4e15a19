//! What happens by itself: data, the end of checks, records, giving up.

use std::time::Duration;

use crate::base::time::Time;
use crate::commands::pair::render::screen::{RECENT, Screen};
use crate::commands::pair::report::TimelineEvent;
use crate::commands::pair::run::meeting::peer::AWAY;
use crate::commands::pair::run::meeting::{Ending, Meeting, pings};
use crate::commands::pair::run::{Event, Signalling, rows};
use crate::commands::pair::verdict::causes::troubles;
use crate::proto::ice::checks::Role;
use crate::proto::ice::checks::pair::Pair;
use crate::proto::ice::quality::Measured;
use crate::proto::signal::message::{self, Message};

/// How long pairs are checked once all candidates of both sides are known, before there is no hope.
const HOPE: Duration = Duration::from_secs(4);
/// The same where the other side decides, or a pair works and is not nominated.
const LONG_HOPE: Duration = Duration::from_secs(12);
/// How long data may take to come back over the pair that was selected.
const DATA: Duration = Duration::from_secs(5);
/// How much longer than the quality test the checks of the other pairs may take.
const CHECKS: Duration = Duration::from_millis(1500);
/// How long the other side may take for its record: it may wait for its own NAT test first.
const RECORD: Duration = Duration::from_millis(4500);
/// How often its state is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(100);

impl Meeting<'_> {
    pub fn tick(&mut self) {
        let now = self.clock.now();
        if self.checks.poll_timeout().is_some_and(|due| due <= now) {
            self.checks.handle_timeout(now);
        }
        if self.flow.selected.is_some() {
            while let Some(bytes) = self.flow.quality.poll_transmit(now) {
                self.flow.waiting.push(bytes);
            }
            while let Some(bytes) = self.flow.quality.poll_whole(now) {
                self.flow.whole.push(bytes);
            }
        }
        if let Some((pair, at)) = self.flow.selected
            && matches!(self.options.signalling, Signalling::ManualSdp)
            && !self.flow.quality.has_echo()
            && now >= at + pings::PATIENCE
        {
            let duration = self.options.duration;
            self.flow
                .pings
                .advance(now, &mut self.checks, pair, duration);
        }
        let pairs = self.checks.pairs().len();
        if pairs != self.progress.grown.0 {
            self.progress.grown = (pairs, now);
        }
        self.tick_channel();
        self.tick_media(now);
        self.describe_by_hand(now);
        self.tell_connected();
        self.try_own_relays(now);
        self.hear_refusals(now);
        self.give_up(now);
        self.finish_checks(now);
        self.tell_record();
        self.end_when_done(now);
        self.show(now);
    }

    /// The state, for who looks on. What was awaited before there was a pair stands there already.
    fn show(&mut self, now: Time) {
        let is_due = now >= self.progress.shown_at + SHOWN_EVERY;
        if !self.options.is_watched || !is_due || self.checks.pairs().is_empty() {
            return;
        }
        self.progress.shown_at = now;
        let selected = self.flow.selected.map(|(pair, _)| pair);
        let measured = self.measured(now);
        let screen = Screen {
            pairs: rows::pairs(self, selected, None),
            recent: self.flow.quality.recent(RECENT).to_vec(),
            counted: measured.map(|it| (it.sent, it.rtts.len())),
            step: self
                .record
                .timeline
                .iter()
                .rfind(|e| !e.is_detail())
                .cloned(),
        };
        let _ = self.record.events.send(Event::State(Box::new(screen)));
    }

    fn tell_connected(&mut self) {
        if let Some((pair, _)) = self.flow.selected
            && self.flow.quality.has_echo()
            && !self.progress.has_told_connected
        {
            self.progress.has_told_connected = true;
            let (local, remote) = rows::ends(&self.checks, pair);
            self.say(Message::Connected {
                local: Some(local),
                remote: Some(remote),
            });
        }
    }

    /// Nothing will come of it any more.
    fn give_up(&mut self, now: Time) {
        if self.progress.has_failed
            || self.flow.selected.is_some()
            || self.progress.described_at.is_none()
        {
            return;
        }
        if self.peer.has_failed {
            self.progress.has_failed = true;
            // This program waits for the other side's; a browser may not.
            self.progress.gave_up_early = self.peer.complete_at.is_none()
                || (self.peer.is_browser && self.own.complete_at.is_none());
            self.say(Message::Failed);
            return;
        }
        // Whoever is away may be dead, which says nothing about the network.
        if self.peer.left_at.is_some() {
            return;
        }
        let Some(own) = self.own.complete_at else {
            return;
        };
        let other = match self.peer.complete_at {
            Some(other) => other,
            // A side that never says so is not waited for for ever.
            None if self.checks.is_exhausted() => self.checks.last_sent().unwrap_or_default(),
            None => return,
        };
        let since = own
            .max(other)
            .max(self.progress.grown.1)
            .max(self.progress.described_at.unwrap_or_default());
        let has_valid = self.checks.pairs().iter().any(Pair::is_valid);
        let decides = self.own.role == Some(Role::Controlling);
        let hope = if decides && !has_valid && self.peer.complete_at.is_some() {
            HOPE
        } else {
            LONG_HOPE
        };
        if now >= since + hope {
            self.progress.has_failed = true;
            self.say(Message::Failed);
        }
    }

    /// Whether there is a result: connected with data, or no hope.
    fn has_result(&self) -> bool {
        self.progress.has_failed || (self.flow.selected.is_some() && self.is_proven())
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.flow.quality.has_echo() || self.flow.pings.has_answer(&self.checks)
    }

    pub(crate) fn measured(&self, now: Time) -> Option<Measured> {
        if self.flow.quality.has_echo() {
            self.flow.quality.measured(now)
        } else {
            self.flow.pings.measured(now, &self.checks)
        }
    }

    fn is_measured(&self, now: Time) -> bool {
        self.flow.quality.is_finished(now)
            || (!self.flow.quality.has_echo()
                && self
                    .flow
                    .pings
                    .is_finished(now, &self.checks, self.options.duration))
    }

    /// Every pair has its answer, and the quality is known: no more checks.
    fn finish_checks(&mut self, now: Time) {
        if self.progress.finished_at.is_some() {
            return;
        }
        let is_measured = self.progress.has_failed || self.is_measured(now);
        let since = self.flow.selected.map_or(now, |(_, at)| at);
        let patience = self.options.duration.max(Duration::from_secs(1)) + CHECKS;
        let is_checked =
            self.progress.has_failed || self.checks.is_finished(now) || now >= since + patience;
        // Without an echo there is no result, however long it takes; but not for ever.
        let is_one_way = self.flow.selected.is_some() && !self.is_proven() && now >= since + DATA;
        if is_one_way {
            self.progress.has_failed = true;
            self.say(Message::Failed);
        }
        let is_over = (self.has_result() && is_measured && is_checked) || is_one_way;
        if is_over && !self.awaits_facts(now) && !self.awaits_media(now) {
            self.progress.finished_at = Some(now);
            self.look_for_detour();
            if self.flow.selected.is_some() {
                self.note(TimelineEvent::QualityMeasured, None);
            }
            self.tell_unfinished_servers();
            self.say(Message::Finished);
        }
    }

    /// Once nobody makes checks any more, each side tells which arrived.
    fn tell_record(&mut self) {
        if self.progress.finished_at.is_some()
            && self.peer.is_finished
            && !self.progress.has_told_record
        {
            self.progress.has_told_record = true;
            let arrived = self.checks.arrived().to_vec();
            let troubles = troubles(&rows::pairs(self, None, None));
            let own_relays = self.own_relays();
            let direct = self.checks.pairs().iter().filter(|pair| !pair.is_relayed());
            let answered = direct.fold(0, |sum: u32, pair| sum.saturating_add(pair.answered));
            self.own.found.answered = Some(answered);
            let has_data = self.flow.quality.has_echo();
            self.own.found.data_arrived = has_data.then(|| self.flow.quality.theirs());
            self.say(Message::Record {
                arrived,
                troubles,
                own_relays,
                found: Box::new(self.own.found.clone()),
            });
        }
    }

    fn end_when_done(&mut self, now: Time) {
        if self.end.is_some() {
            return;
        }
        let is_silent = || {
            self.measured(now)
                .is_some_and(|measured| measured.ended_after.is_some())
        };
        if self.peer.left_at.is_some() && self.peer.end.is_none() && is_silent() {
            // It is gone from the room and from the path.
            self.end = Some(Ending::Vanished);
            return;
        }
        if let Some(at) = self.progress.finished_at {
            let has_theirs = self.peer.arrived.is_some() || self.peer.seen.is_some();
            let has_all = self.progress.has_told_record && has_theirs;
            let is_gone = self.peer.end.is_some();
            // Its own test may take longer, and needs this side's answers.
            let since = at.max(self.flow.quality.last_heard().unwrap_or_default());
            if self.is_manual() {
                // The other side may still need this one's answers for its own test.
                let other_is_silent = self
                    .flow
                    .quality
                    .last_heard()
                    .is_none_or(|last| now >= last + Duration::from_millis(300));
                if other_is_silent || now >= at + RECORD {
                    self.end = Some(Ending::Done);
                }
            } else if has_all || is_gone || now >= since + RECORD {
                self.end = Some(Ending::Done);
            }
            return;
        }
        if let Some(end) = &self.peer.end {
            // It had a result and this side has none yet, or it gave up.
            let is_result_near = *end == message::End::Done && self.flow.selected.is_some();
            if !is_result_near {
                self.end = Some(Ending::Peer(end.clone()));
            }
        } else if self.peer.left_at.is_some_and(|at| now >= at + AWAY) {
            self.end = Some(Ending::Vanished);
        }
    }
}
