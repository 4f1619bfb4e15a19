//! The way to another member, as this one has it.

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::mesh::beat::{Entry, Outcome, Report, Stage};
use crate::proto::signal::seal::Name;

/// What follows from what the other one says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Its offer is taken, if there is a place; the session begins.
    Accept(u32),
    /// It has taken this one's offer, and has begun.
    Begin(u32),
    /// It has begun and ended the session alone.
    Missed(u32),
    /// It has no place.
    Withdraw,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    stage: Stage,
    /// The session that is offered, runs or was the last; before the first, 0.
    attempt: u32,
    since: Time,
    report: Option<Report>,
}

impl Edge {
    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    pub(super) const fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) const fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    pub(super) fn entry(&self, with: Name) -> Entry {
        Entry {
            with,
            stage: self.stage,
            attempt: self.attempt,
            report: self.report.clone(),
        }
    }

    pub(super) const fn since(&self) -> Time {
        self.since
    }

    /// For the one who calls: what follows from the stage and the attempt of the other one.
    pub(super) fn as_caller(
        &self,
        (stage, attempt): (Stage, u32),
        has_place: bool,
        is_refused: bool,
    ) -> Option<Next> {
        let offered = match self.stage {
            Stage::Running => return None,
            Stage::Offered => self.attempt,
            // An offer that was withdrawn may have been taken all the same.
            Stage::Waiting | Stage::Done => self.attempt + 1,
        };
        let is_kept = self.stage == Stage::Offered;
        match stage {
            Stage::Running if attempt == offered => {
                (is_kept || has_place).then_some(Next::Begin(attempt))
            }
            Stage::Done if attempt == offered => Some(Next::Missed(attempt)),
            _ => (is_kept && is_refused).then_some(Next::Withdraw),
        }
    }

    /// For the one who is called.
    pub(super) fn as_called(&self, (stage, attempt): (Stage, u32)) -> Option<Next> {
        let is_new = attempt > self.attempt && attempt <= bounds::MESH_ATTEMPTS;
        (stage == Stage::Offered && is_new && !self.is_running()).then_some(Next::Accept(attempt))
    }

    /// Whether it takes a place among the sessions.
    pub(super) const fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Offered | Stage::Running)
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running)
    }

    /// Whether it is to be tested (again).
    pub(super) fn is_wanted(&self) -> bool {
        let is_open = |report: &Report| report.outcome == Outcome::Undecided;
        !self.is_busy()
            && self.attempt < bounds::MESH_ATTEMPTS
            && self.report.as_ref().is_none_or(is_open)
    }

    pub(super) const fn offer(&mut self, now: Time) {
        self.stage = Stage::Offered;
        self.attempt += 1;
        self.since = now;
    }

    /// How long the offer has stood, if it is one.
    pub(super) fn offered_for(&self, now: Time) -> Option<Time> {
        matches!(self.stage, Stage::Offered).then(|| now.saturating_sub(self.since))
    }

    /// The other one has no place for it.
    pub(super) const fn withdraw(&mut self) {
        self.stage = Stage::Waiting;
        self.attempt = self.attempt.saturating_sub(1);
    }

    pub(super) const fn begin(&mut self, attempt: u32) {
        self.stage = Stage::Running;
        self.attempt = attempt;
    }

    /// The session has ended. Who called tries it again, if it was without a result.
    pub(super) fn end(&mut self, report: Report, is_caller: bool) {
        self.report = Some(report);
        self.close(is_caller);
    }

    /// The other one, who is called, began this session, and it is over already.
    pub(super) fn missed(&mut self, attempt: u32) {
        self.attempt = attempt;
        self.close(true);
    }

    fn close(&mut self, is_caller: bool) {
        self.stage = Stage::Done;
        if is_caller && self.is_wanted() {
            self.stage = Stage::Waiting;
        }
    }
}
