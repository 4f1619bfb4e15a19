//! Exit codes. They are part of the stable interface, as is the JSON.

use serde::Serialize;

/// Diagnosed, and it works.
pub const GOOD: u8 = 0;
/// Diagnosed, and it does not work, or an expectation is not met.
pub const BAD: u8 = 1;
/// Usage error, or the program could not do its job.
pub const ERROR: u8 = 2;
/// A needed answer could not be had.
pub const INCONCLUSIVE: u8 = 3;
/// Interrupted; the partial result was printed.
pub const INTERRUPTED: u8 = 130;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It works.
    Good,
    /// It does not.
    Bad,
    /// It could not be told.
    Inconclusive,
    /// Interrupted by the user.
    Interrupted,
    /// The program could not do its job.
    Error,
}

impl Outcome {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => GOOD,
            Self::Bad => BAD,
            Self::Error => ERROR,
            Self::Inconclusive => INCONCLUSIVE,
            Self::Interrupted => INTERRUPTED,
        }
    }
}
