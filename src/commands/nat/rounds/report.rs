//! Several rounds of `rtcdiag nat` (`--repeat`, `--watch`): what each showed, what changed between
//! them, and the totals, which do not grow with the number of rounds.

pub(super) mod histogram;
mod seen;
pub(super) mod servers;

use std::net::IpAddr;

use serde::Serialize;

pub use seen::{PathSeen, median};
pub use servers::ServerTotals;

use crate::base::exit::Outcome;
use crate::base::family::Family;
use crate::base::report::{Caveat, Millis};

#[derive(Debug, Clone, Serialize)]
pub struct RoundReport {
    /// Its number, from 1.
    pub round: u64,
    /// When it began: RFC 3339, UTC.
    pub at: String,
    pub outcome: Outcome,
    /// What keeps it from being good news: a strict NAT.
    #[serde(skip)]
    pub caveat: Option<Caveat>,
    pub paths: Vec<PathSeen>,
    pub changes: Vec<Change>,
}

/// Something that is otherwise than in the rounds before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub round: u64,
    /// When that began: RFC 3339, UTC.
    pub at: String,
    pub family: Family,
    pub interface: Option<String>,
    pub what: What,
    /// What it was; `None` for times.
    pub from: Option<String>,
    /// What it is; `None` for times.
    pub to: Option<String>,
    pub from_ms: Option<Millis>,
    pub to_ms: Option<Millis>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Path,
    Interface,
    LocalAddress,
    /// Whether any server answers over UDP.
    Answers,
    Udp,
    Nat,
    Address,
    Mapping,
    Filtering,
    Rtt,
}

impl What {
    pub const fn text(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Interface => "interface",
            Self::LocalAddress => "local address",
            Self::Answers => "answers",
            Self::Udp => "UDP",
            Self::Nat => "NAT",
            Self::Address => "public address",
            Self::Mapping => "mapping",
            Self::Filtering => "filtering",
            Self::Rtt => "round trip",
        }
    }
}

impl Change {
    pub fn words(&self) -> String {
        if let (Some(from), Some(to)) = (self.from_ms, self.to_ms) {
            let (from, to) = (from.as_f64(), to.as_f64());
            let share = if from > 0.0 {
                format!(" ({:+.0} %)", (to / from - 1.0) * 100.0)
            } else {
                String::new()
            };
            return format!("{from:.1} -> {to:.1} ms{share}");
        }
        let side = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{} -> {}", side(&self.from), side(&self.to))
    }
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Rounds {
    /// How many there were to be; `None` if it was to go on until it is stopped.
    pub planned: Option<u32>,
    /// At least this long from the beginning of a round to that of the next, in seconds.
    pub interval_s: f64,
    pub done: u64,
    pub good: u64,
    /// Of the good ones, those behind a strict NAT.
    #[serde(skip)]
    pub strict: u64,
    pub bad: u64,
    pub inconclusive: u64,
    pub error: u64,
    /// Whether a round was under way when all was stopped. It does not count.
    pub cut_short: bool,
    /// When the first one began: RFC 3339, UTC.
    pub first_at: Option<String>,
    pub last_at: Option<String>,
    pub paths: Vec<PathTotals>,
    /// Times that a path was seen beyond those that are told apart.
    pub paths_left_out: u64,
    pub servers: Vec<ServerTotals>,
    /// What changed, in the order of time; the first of them.
    pub changes: Vec<Change>,
    pub changes_left_out: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct PathTotals {
    pub family: Family,
    /// Its interface, in the last round that had it.
    pub interface: Option<String>,
    pub rounds: u64,
    pub open: u64,
    pub addresses: Vec<AddressTotals>,
    /// Times that an address was seen beyond those.
    pub addresses_left_out: u64,
    pub rtt_ms: Option<TripTotals>,
    /// Plain requests to servers that answer.
    pub requests: u64,
    pub lost: u64,
    pub loss_percent: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AddressTotals {
    pub address: IpAddr,
    pub rounds: u64,
    pub first_at: String,
    pub last_at: String,
    /// Time between rounds next to each other that both saw it, in seconds.
    pub seconds: f64,
}

/// Round trips of all rounds, in milliseconds. Median and 95th percentile are right to within 2 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TripTotals {
    pub min: Millis,
    pub median: Millis,
    pub p95: Millis,
    pub max: Millis,
    pub samples: u64,
}
