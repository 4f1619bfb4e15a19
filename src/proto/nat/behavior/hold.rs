//! Paths of one host that are tested at the same time.
//!
//! A firewall may let in every address that the host has sent to, by whichever path. So no path
//! visits a server's other address while another one still tests filtering with it.

use std::net::IpAddr;

use crate::proto::nat::Time;
use crate::proto::nat::behavior::Discovery;

/// How far the filtering tests of a path have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilteringProgress {
    /// Trials whose filtering has been seen.
    pub filtered: usize,
    /// Whether no further trial will come.
    pub is_over: bool,
    /// The other address that the path wants to visit next, and may not yet.
    pub waits_for: Option<IpAddr>,
}

impl Discovery {
    /// From now on the other addresses of a server are visited only when
    /// [`Discovery::release_alternates`] allows it.
    pub fn hold_alternates(&mut self) {
        self.released = Some(0);
    }

    /// Lets the first `trials` trials visit the other addresses.
    pub fn release_alternates(&mut self, now: Time, trials: usize) {
        if let Some(released) = &mut self.released {
            *released = (*released).max(trials);
        }
        self.proceed(now);
    }

    /// Whether only [`Discovery::release_alternates`] lets it go on.
    pub fn waits_for_release(&self) -> bool {
        self.released.is_some() && self.filtering_progress().waits_for.is_some()
    }

    pub fn filtering_progress(&self) -> FilteringProgress {
        let current = self.trials.len().checked_sub(1);
        let waiting = current.filter(|current| {
            let trial = &self.trials[*current];
            !trial.is_past_filtering() && self.forms_settled(*current)
        });
        let past = self.trials.iter().filter(|t| t.is_past_filtering()).count();
        FilteringProgress {
            filtered: past + usize::from(waiting.is_some()),
            is_over: self.finished || (self.trials_over() && self.survey_settled()),
            waits_for: waiting
                .filter(|current| !self.may_visit(*current))
                .map(|current| self.trials[current].alternates[0].ip()),
        }
    }

    pub(super) fn may_visit(&self, trial: usize) -> bool {
        self.released.is_none_or(|released| trial < released)
    }
}
