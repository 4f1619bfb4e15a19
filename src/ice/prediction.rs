//! What to expect between two hosts whose NATs are known, by rules, before and beside ICE.

use serde::Serialize;

use super::candidate::Candidate;
use super::facts::NatFacts;

/// How a connection is to come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Directly.
    Direct,
    /// Through a relay.
    Relay,
    /// Not at all.
    Fail,
    /// Not known.
    Unknown,
}

/// What is known of one side.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its NATs, one for each family that was measured.
    pub nats: &'a [NatFacts],
    /// Its candidates.
    pub candidates: &'a [Candidate],
    /// Whether it uses relayed candidates only.
    pub relay_only: bool,
}

/// An expectation and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// What to expect.
    pub expected: Expected,
    /// One or two sentences for a person.
    pub because: String,
}

/// Says what to expect between two sides.
pub fn predict(_local: Side<'_>, _remote: Side<'_>) -> Prediction {
    Prediction {
        expected: Expected::Unknown,
        because: String::new(),
    }
}
