//! What a session is told of how far gathering is.

use std::time::Duration;

use crate::commands::gather::run::GatherRun;
use crate::commands::gather::run::rows::Row;
use crate::commands::gather::run::supply::Supply;
use crate::proto::stun::uri::Transport;

/// When direct candidates count as complete although servers are silent: so long after the first
/// answer, and after so many round trips.
const GRACE: Duration = Duration::from_millis(100);
/// How long a base's servers may be silent where UDP works otherwise: seven requests, and the time for
/// the answer to the last.
const LOST: Duration = Duration::from_secs(1);
/// How long servers may all be silent before UDP counts as blocked for the choice of a pair: four requests, and
/// the time for the answer to the last where the round trip is short.
const SILENCE: Duration = Duration::from_millis(200);

#[derive(Default)]
pub struct Notices {
    directs_complete: bool,
    complete: bool,
}

impl GatherRun<'_> {
    /// Whether a session waits for direct candidates to be complete.
    pub(super) const fn waits(&self) -> bool {
        self.supply.is_some() && !self.notices.directs_complete
    }

    pub(super) fn tell(&mut self) {
        let Some(supply) = self.supply.clone() else {
            return;
        };
        if !self.notices.directs_complete && self.are_directs_complete() {
            self.notices.directs_complete = true;
            let asked = self.rows.values().any(Row::asks_over_udp);
            let has_udp = !self.first_answers.is_empty() || self.is_udp_open() || !asked;
            supply.send(Supply::DirectsComplete { has_udp });
        }
        if !self.notices.complete && self.is_settled() {
            self.notices.complete = true;
            supply.send(Supply::Complete);
        }
    }

    /// Whether no more direct candidates are to be expected soon: all are there, or those that are
    /// missing are late by the round trips seen so far.
    fn are_directs_complete(&self) -> bool {
        let now = self.clock.now();
        if self.pending_bindings.is_empty() && self.pending_names == 0 {
            return true;
        }
        let rtt = self.rows.values().filter_map(Row::rtt).min();
        let is_late = |base: &usize, since: Duration| match (self.first_answers.get(base), rtt) {
            // Another server has told this base's address already.
            (Some((at, rtt)), _) => now >= *at + GRACE.max(*rtt * 3),
            // A request or its answer was lost, since others get through.
            (None, Some(_)) if self.is_udp_open() => now >= since + LOST,
            (None, Some(rtt)) => now >= since + SILENCE.max(rtt * 6),
            (None, None) => false,
        };
        let has_some = !self.pending_bindings.is_empty() || !self.first_answers.is_empty();
        has_some
            && self
                .pending_bindings
                .iter()
                .all(|(b, _, since)| is_late(b, *since))
    }

    fn is_udp_open(&self) -> bool {
        let mut rows = self.rows.values();
        !self.first_answers.is_empty()
            || rows.any(|row| row.transport() == Transport::Udp && row.rtt().is_some())
    }
}
