//! Who sends media (RFC 8866 6.7).

use serde::Serialize;

/// As an attribute of a section says it, seen by who wrote it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Direction {
    Sendrecv,
    Sendonly,
    Recvonly,
    Inactive,
}

impl Direction {
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::Sendrecv,
            (true, false) => Self::Sendonly,
            (false, true) => Self::Recvonly,
            (false, false) => Self::Inactive,
        }
    }

    pub const fn sends(self) -> bool {
        matches!(self, Self::Sendrecv | Self::Sendonly)
    }

    pub const fn receives(self) -> bool {
        matches!(self, Self::Sendrecv | Self::Recvonly)
    }

    /// What the other side can do at most (RFC 3264 6.1), of what it wants.
    #[must_use]
    pub const fn answered_with(self, wanted: Self) -> Self {
        Self::new(
            self.receives() && wanted.sends(),
            self.sends() && wanted.receives(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{Inactive, Recvonly, Sendonly, Sendrecv};

    #[test]
    fn an_answer_is_within_its_offer() {
        for (offer, wanted, answer) in [
            (Sendrecv, Sendrecv, Sendrecv),
            (Sendrecv, Recvonly, Recvonly),
            (Sendonly, Sendrecv, Recvonly),
            (Recvonly, Sendrecv, Sendonly),
            (Recvonly, Recvonly, Inactive),
            (Inactive, Sendrecv, Inactive),
        ] {
            assert_eq!(offer.answered_with(wanted), answer);
        }
    }
}
