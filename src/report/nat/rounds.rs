//! Several rounds of `rtcdiag nat` (`--repeat`, `--watch`): what each showed, what changed between
//! them, and the totals, which do not grow with the number of rounds.

pub mod change;
mod histogram;
mod seen;
mod servers;
mod totals;
mod trip;
pub mod verdict;

use std::net::IpAddr;

use serde::Serialize;

pub use change::What;
pub use histogram::Histogram;
pub use seen::PathSeen;
pub use servers::ServerTotals;
pub use totals::Totals;
pub use trip::RoundTrips;

use super::Millis;
use crate::exit::Outcome;
use crate::family::Family;

/// One round in short.
#[derive(Debug, Clone, Serialize)]
pub struct RoundReport {
    /// Its number, from 1.
    pub round: u64,
    /// When it began: RFC 3339, UTC.
    pub at: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it showed of each path.
    pub paths: Vec<PathSeen>,
    /// What was otherwise in the rounds before.
    pub changes: Vec<Change>,
}

/// Something that is otherwise than in the rounds before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The round that showed it.
    pub round: u64,
    /// When that began: RFC 3339, UTC.
    pub at: String,
    /// Family of the path.
    pub family: Family,
    /// Interface of the path.
    pub interface: Option<String>,
    /// What changed.
    pub what: What,
    /// What it was; `None` for times.
    pub from: Option<String>,
    /// What it is; `None` for times.
    pub to: Option<String>,
    /// The round trip that it was.
    pub from_ms: Option<Millis>,
    /// The round trip that it is.
    pub to_ms: Option<Millis>,
}

/// All rounds together.
#[derive(Debug, Clone, Serialize)]
pub struct Rounds {
    /// How many there were to be; `None` if it was to go on until it is stopped.
    pub planned: Option<u32>,
    /// At least this long from the beginning of a round to that of the next, in seconds.
    pub interval_s: f64,
    /// How many were finished.
    pub done: u64,
    /// Of these, the good ones.
    pub good: u64,
    /// Where it did not work.
    pub bad: u64,
    /// Where it could not be told.
    pub inconclusive: u64,
    /// Where nothing could be tested.
    pub error: u64,
    /// Whether a round was under way when all was stopped. It does not count.
    pub cut_short: bool,
    /// When the first one began: RFC 3339, UTC.
    pub first_at: Option<String>,
    /// When the last one began.
    pub last_at: Option<String>,
    /// One for each path that was there in some round.
    pub paths: Vec<PathTotals>,
    /// Times that a path was seen beyond those that are told apart.
    pub paths_left_out: u64,
    /// One for each server that was asked.
    pub servers: Vec<ServerTotals>,
    /// What changed, in the order of time; the first of them.
    pub changes: Vec<Change>,
    /// Changes beyond those.
    pub changes_left_out: u64,
}

/// A path in all rounds.
#[derive(Debug, Clone, Serialize)]
pub struct PathTotals {
    /// Its family.
    pub family: Family,
    /// Its interface, in the last round that had it.
    pub interface: Option<String>,
    /// Rounds in which it was there.
    pub rounds: u64,
    /// Rounds in which UDP was open.
    pub open: u64,
    /// The addresses under which it was seen.
    pub addresses: Vec<AddressTotals>,
    /// Times that an address was seen beyond those.
    pub addresses_left_out: u64,
    /// Round trips of all rounds.
    pub rtt_ms: Option<TripTotals>,
    /// Plain requests to servers that answer.
    pub requests: u64,
    /// Those without an answer.
    pub lost: u64,
    /// The same in per cent.
    pub loss_percent: Option<f64>,
}

/// An address in all rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AddressTotals {
    /// The address.
    pub address: IpAddr,
    /// Rounds that saw it.
    pub rounds: u64,
    /// When the first of them began.
    pub first_at: String,
    /// When the last of them began.
    pub last_at: String,
    /// Time between rounds next to each other that both saw it, in seconds.
    pub seconds: f64,
}

/// Round trips of all rounds, in milliseconds. Median and 95th percentile are right to within 2 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TripTotals {
    /// The shortest.
    pub min: Millis,
    /// Half are at most this.
    pub median: Millis,
    /// Nineteen of twenty are at most this.
    pub p95: Millis,
    /// The longest.
    pub max: Millis,
    /// How many there were.
    pub samples: u64,
}
