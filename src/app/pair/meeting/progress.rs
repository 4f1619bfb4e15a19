//! What happens by itself: data, the end of checks, records, giving up.

use std::time::Duration;

use super::peer::AWAY;
use super::{End, Meeting, pings};
use crate::app::pair::{Way, rows};
use crate::ice::checks::Role;
use crate::ice::checks::pair::Pair;
use crate::ice::quality::Measured;
use crate::report::pair::TimelineEvent;
use crate::signal::message::{self, Message};
use crate::time::Time;

/// How long pairs are checked once all candidates of both sides are known, before there is no hope.
const HOPE: Duration = Duration::from_secs(4);
/// The same where the other side decides, or a pair works and is not nominated.
const LONG_HOPE: Duration = Duration::from_secs(12);
/// How long data may take to come back over the pair that was selected.
const DATA: Duration = Duration::from_secs(5);
/// How much longer than the quality test the checks of the other pairs may take.
const CHECKS: Duration = Duration::from_millis(1500);
/// How long the other side may take for its record.
const RECORD: Duration = Duration::from_secs(3);

impl Meeting<'_> {
    /// Does what is due.
    pub fn tick(&mut self) {
        let now = self.clock.now();
        if self.checks.poll_timeout().is_some_and(|due| due <= now) {
            self.checks.handle_timeout(now);
        }
        if self.selected.is_some() {
            while let Some(bytes) = self.quality.poll_transmit(now) {
                self.data.push(bytes);
            }
        }
        if let Some((pair, at)) = self.selected
            && matches!(self.options.way, Way::ManualSdp)
            && !self.quality.has_echo()
            && now >= at + pings::PATIENCE
        {
            let duration = self.options.duration;
            self.pings.advance(now, &mut self.checks, pair, duration);
        }
        let pairs = self.checks.pairs().len();
        if pairs != self.grown.0 {
            self.grown = (pairs, now);
        }
        self.tell_connected();
        self.give_up(now);
        self.finish_checks(now);
        self.tell_record();
        self.end_when_done(now);
    }

    fn tell_connected(&mut self) {
        if let Some((pair, _)) = self.selected
            && self.quality.has_echo()
            && !self.has_told_connected
        {
            self.has_told_connected = true;
            let (local, remote) = rows::ends(&self.checks, pair);
            self.say(Message::Connected { local, remote });
        }
    }

    /// Nothing will come of it any more.
    fn give_up(&mut self, now: Time) {
        if self.has_failed || self.selected.is_some() || self.described_at.is_none() {
            return;
        }
        if self.peer.has_failed {
            self.has_failed = true;
            self.say(Message::Failed);
            return;
        }
        // Whoever is away may be dead, which says nothing about the network.
        if self.peer.left_at.is_some() {
            return;
        }
        let (Some(own), Some(other)) = (self.complete_at, self.peer.complete_at) else {
            return;
        };
        let since = own
            .max(other)
            .max(self.grown.1)
            .max(self.described_at.unwrap_or_default());
        let has_valid = self.checks.pairs().iter().any(Pair::is_valid);
        let decides = self.role == Some(Role::Controlling);
        let hope = if decides && !has_valid {
            HOPE
        } else {
            LONG_HOPE
        };
        if now >= since + hope {
            self.has_failed = true;
            self.say(Message::Failed);
        }
    }

    /// Whether there is a result: connected with data, or no hope.
    fn has_result(&self) -> bool {
        self.has_failed || (self.selected.is_some() && self.is_proven())
    }

    /// Whether the selected pair is known to work both ways.
    pub(in crate::app::pair) fn is_proven(&self) -> bool {
        self.quality.has_echo() || self.pings.has_answer(&self.checks)
    }

    /// How good the path is.
    pub(in crate::app::pair) fn measured(&self, now: Time) -> Option<Measured> {
        if self.quality.has_echo() {
            self.quality.measured(now)
        } else {
            self.pings.measured(now, &self.checks)
        }
    }

    fn is_measured(&self, now: Time) -> bool {
        self.quality.is_finished(now)
            || (!self.quality.has_echo()
                && self
                    .pings
                    .is_finished(now, &self.checks, self.options.duration))
    }

    /// Every pair has its answer, and the quality is known: no more checks.
    fn finish_checks(&mut self, now: Time) {
        if self.finished_at.is_some() {
            return;
        }
        let is_measured = self.has_failed || self.is_measured(now);
        let since = self.selected.map_or(now, |(_, at)| at);
        let patience = self.options.duration.max(Duration::from_secs(1)) + CHECKS;
        let is_checked = self.has_failed || self.checks.is_finished(now) || now >= since + patience;
        // Without an echo there is no result, however long it takes; but not for ever.
        let is_one_way = self.selected.is_some() && !self.is_proven() && now >= since + DATA;
        if is_one_way {
            self.has_failed = true;
            self.say(Message::Failed);
        }
        if (self.has_result() && is_measured && is_checked) || is_one_way {
            self.finished_at = Some(now);
            if self.selected.is_some() {
                self.note(TimelineEvent::QualityMeasured, None);
            }
            self.say(Message::Finished);
        }
    }

    /// Once nobody makes checks any more, each side tells which arrived.
    fn tell_record(&mut self) {
        if self.finished_at.is_some() && self.peer.is_finished && !self.has_told_record {
            self.has_told_record = true;
            let arrived = self.checks.arrived().to_vec();
            self.say(Message::Record { arrived });
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
            self.end = Some(End::Vanished);
            return;
        }
        if let Some(at) = self.finished_at {
            let has_all = self.has_told_record && self.peer.arrived.is_some();
            let is_gone = self.peer.end.is_some();
            // Its own test may take longer, and needs this side's answers.
            let since = at.max(self.quality.last_heard().unwrap_or_default());
            if self.is_manual() {
                // The other side may still need this one's answers for its own test.
                let other_is_silent = self
                    .quality
                    .last_heard()
                    .is_none_or(|last| now >= last + Duration::from_millis(300));
                if other_is_silent || now >= at + RECORD {
                    self.end = Some(End::Done);
                }
            } else if has_all || is_gone || now >= since + RECORD {
                self.end = Some(End::Done);
            }
            return;
        }
        if let Some(end) = &self.peer.end {
            // It had a result and this side has none yet, or it gave up.
            let is_result_near = *end == message::End::Done && self.selected.is_some();
            if !is_result_near {
                self.end = Some(End::Peer(end.clone()));
            }
        } else if self.peer.left_at.is_some_and(|at| now >= at + AWAY) {
            self.end = Some(End::Vanished);
        }
    }
}
