//! What went through over some pairs, as a sentence.

use crate::report::pair::{CheckState, PairReport};

/// Checks over several pairs, both ways.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    sent: u32,
    /// Of those sent on pairs of which the other side told; `None` if it told of none.
    arrived: Option<u32>,
    /// Whether it told of every pair that was checked.
    is_told: bool,
    answered: u32,
    received: u32,
    /// Pairs that were answered here, and still did not become the way.
    works: bool,
}

impl Traffic {
    pub(super) fn of(pairs: &[&PairReport]) -> Self {
        let checked = || pairs.iter().filter(|p| p.requests_sent > 0);
        let mut told = checked().filter_map(|p| p.requests_arrived).peekable();
        Self {
            sent: pairs.iter().map(|p| p.requests_sent).sum(),
            arrived: told.peek().is_some().then(|| told.sum()),
            is_told: checked().all(|p| p.requests_arrived.is_some()),
            answered: pairs.iter().map(|p| p.responses_received).sum(),
            received: pairs.iter().map(|p| p.requests_received).sum(),
            works: pairs.iter().any(|p| p.state == CheckState::Succeeded),
        }
    }

    /// Whether nothing is known to have come through, either way.
    pub(super) fn is_silent(&self) -> bool {
        self.answered == 0 && self.received == 0 && self.arrived.unwrap_or(0) == 0
    }

    /// The sentence, and whether it tells of something that drops what it should not know.
    pub(super) fn sentence(&self) -> (String, bool) {
        let sent = match self.sent {
            1 => "this side's only check".to_owned(),
            n => format!("this side's {n} checks"),
        };
        if self.works || self.answered > 0 {
            return (
                "a check was answered, but the pair did not become valid for both sides in time"
                    .to_owned(),
                false,
            );
        }
        if self.sent == 0 {
            return match self.received {
                0 => ("no check was sent".to_owned(), false),
                _ => (
                    "the other side's checks arrive, and this side sent none".to_owned(),
                    false,
                ),
            };
        }
        match (self.arrived.unwrap_or(0), self.received) {
            (0, 0) if self.is_told => (
                format!("none of {sent} arrived, and none of the other side's came"),
                true,
            ),
            (0, 0) if self.arrived.is_some() => (
                format!(
                    "none of {sent} is known to have arrived, and none of the other side's came"
                ),
                true,
            ),
            (0, 0) => (
                format!(
                    "{sent} got no answer and none of the other side's came; whether {} arrived is not known, since the other side's record is missing",
                    if self.sent == 1 { "it" } else { "they" }
                ),
                true,
            ),
            (0, _) if self.is_told => (
                format!("the other side's checks arrive here, but none of {sent} arrived there"),
                true,
            ),
            (0, _) => (
                format!("the other side's checks arrive here, but {sent} got no answer"),
                true,
            ),
            (arrived, 0) => (
                format!(
                    "{arrived} of {sent} arrived, but neither answers nor the other side's checks came back"
                ),
                true,
            ),
            (arrived, _) => (
                format!(
                    "{arrived} of {sent} arrived and the other side's arrive here, but no answers come back"
                ),
                true,
            ),
        }
    }
}
