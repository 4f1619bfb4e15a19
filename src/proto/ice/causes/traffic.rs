//! What went through over some pairs, each way.

use crate::proto::ice::causes::PairFacts;

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
}

/// Counters out of files may be as large as can be.
fn total(counts: impl Iterator<Item = u32>) -> u32 {
    counts.fold(0, u32::saturating_add)
}

impl Traffic {
    pub(super) fn of<'a>(pairs: impl Iterator<Item = &'a PairFacts> + Clone) -> Self {
        let checked = || pairs.clone().filter(|p| p.sent > 0);
        let mut told = checked().filter_map(|p| p.arrived).peekable();
        Self {
            sent: total(pairs.clone().map(|p| p.sent)),
            arrived: told.peek().is_some().then(|| total(told)),
            is_told: checked().all(|p| p.arrived.is_some()),
            answered: total(pairs.clone().map(|p| p.answered)),
            received: total(pairs.map(|p| p.received)),
        }
    }

    /// Whether nothing is known to have come through, either way.
    pub(super) fn is_silent(&self) -> bool {
        self.answered == 0 && !self.comes_in() && !self.gets_out()
    }

    /// Whether this side's checks arrive there.
    pub(super) fn gets_out(&self) -> bool {
        self.arrived.unwrap_or(0) > 0
    }

    /// Whether the other side's checks arrive here.
    pub(super) const fn comes_in(&self) -> bool {
        self.received > 0
    }

    /// Whether it is known that none of this side's checks arrived.
    pub(super) fn is_lost_there(&self) -> bool {
        self.sent > 0 && self.is_told && self.arrived == Some(0)
    }

    pub(super) const fn is_checked(&self) -> bool {
        self.sent > 0
    }

    pub(super) const fn is_answered(&self) -> bool {
        self.answered > 0
    }

    /// The sentence for the evidence.
    pub(super) fn sentence(&self) -> String {
        let sent = match self.sent {
            1 => "this side's only check".to_owned(),
            n => format!("this side's {n} checks"),
        };
        let none = match self.sent {
            1 => format!("not even {sent}"),
            _ => format!("none of {sent}"),
        };
        let arrived_of = |arrived: u32| match self.sent {
            1 => sent.clone(),
            n => format!("{} of {sent}", arrived.min(n)),
        };
        if self.answered > 0 {
            return "a check was answered, but the pair did not become valid for both sides in time"
                .to_owned();
        }
        if self.sent == 0 {
            return match self.received {
                0 => "no check was sent".to_owned(),
                _ => "the other side's checks arrive, and this side sent none".to_owned(),
            };
        }
        match (self.arrived.unwrap_or(0), self.received) {
            (0, 0) if self.is_told => {
                format!("{none} arrived there, and none of the other side's arrived here")
            }
            (0, 0) if self.arrived.is_some() => {
                format!(
                    "{none} is known to have arrived, and none of the other side's arrived here"
                )
            }
            (0, 0) => format!(
                "{sent} got no answer and none of the other side's arrived here; whether {} arrived is not known, since the other side does not tell",
                if self.sent == 1 { "it" } else { "they" }
            ),
            (0, _) if self.is_told => {
                format!("the other side's checks arrive here, but {none} arrived there")
            }
            (0, _) => format!("the other side's checks arrive here, but {sent} got no answer"),
            (arrived, 0) => format!(
                "{} arrived, but neither answers nor the other side's checks came back",
                arrived_of(arrived)
            ),
            (arrived, _) => format!(
                "{} arrived and the other side's arrive here, but no answers come back",
                arrived_of(arrived)
            ),
        }
    }
}
