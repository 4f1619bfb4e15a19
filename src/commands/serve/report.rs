//! The result of `rtcdiag serve`, and the verdict on it.

pub mod responders;

use std::net::SocketAddr;

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::report::{ErrorReport, Finding, Millis, Verdict};
use crate::base::words::{listed, short_span};
use responders::{StunListening, StunTotals, TurnListening, TurnTotals};

#[derive(Debug, Clone, Serialize)]
pub struct ListeningReport {
    pub addresses: Vec<SocketAddr>,
    /// What `pair --rendezvous` takes, as far as it can be told from here.
    pub urls: Vec<String>,
    pub tls: bool,
    /// Where `/health` and `/metrics` are, if not with the rendezvous.
    pub admin_address: Option<SocketAddr>,
    /// The STUN servers beside the rendezvous, one for each family.
    pub stun: Vec<StunListening>,
    pub turn: Option<TurnListening>,
    /// Where rooms are shared with other servers.
    pub broker: Option<BrokerListening>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BrokerListening {
    pub url: String,
    /// Why it was not reached at the start; it is tried again.
    pub error: Option<ErrorReport>,
}

/// What went to other servers through the broker, and came from them.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BrokerTotals {
    /// How often the connection to it came about.
    pub connections: u64,
    /// How long there was none.
    pub away_ms: Millis,
    pub sent: u64,
    pub received: u64,
    /// Messages that it did not take.
    pub lost: u64,
    /// How often something that other servers said did not come.
    pub gaps: u64,
    /// Messages of other servers for nobody here.
    pub strays: u64,
    /// Messages there that are not of this program.
    pub foreign: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// SIGTERM: services are stopped so.
    Terminated,
    /// Ctrl-C, or the terminal is gone.
    Interrupted,
    TimeLimit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RefusedReport {
    pub code: Code,
    pub count: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct ServeResult {
    #[serde(flatten)]
    pub listening: ListeningReport,
    pub ended: Ended,
    pub uptime_ms: Millis,
    pub connections: u64,
    pub rooms: u64,
    pub joins: u64,
    pub messages: u64,
    pub message_bytes: u64,
    /// Messages that came when the other member was not there.
    pub messages_dropped: u64,
    pub refused: Vec<RefusedReport>,
    /// Connections without a whole HTTP request.
    pub foreign_connections: u64,
    /// Connections that were closed without a word, since even refusals were too many.
    pub turned_away: u64,
    /// How often the system could not accept a connection.
    pub accept_errors: u64,
    pub stun_totals: Option<StunTotals>,
    pub turn_totals: Option<TurnTotals>,
    pub broker_totals: Option<BrokerTotals>,
}

/// The verdict: a server that was stopped in the ordinary way has done its job. `findings` are those
/// of the beginning.
pub fn verdict(result: &ServeResult, mut findings: Vec<Finding>) -> Verdict {
    let outcome = match result.ended {
        Ended::Interrupted => Outcome::Interrupted,
        Ended::Terminated | Ended::TimeLimit => Outcome::Good,
    };
    findings.extend(result.turn_totals.iter().flat_map(TurnTotals::findings));
    let too_many = result
        .refused
        .iter()
        .find(|r| r.code == Code::TooManyConnections);
    if let Some(RefusedReport { count, .. }) = too_many {
        findings.push(Finding::new(
            Code::TooManyConnections,
            format!("refused {count} connections because there were too many"),
            "if they were real users, raise --max-connections or --max-connections-per-address",
        ));
    }
    let away = result
        .broker_totals
        .filter(|totals| !totals.away_ms.0.is_zero());
    if let Some(totals) = away {
        findings.push(Finding::new(
            Code::RoomsNotShared,
            format!(
                "for {} in all the broker could not be used, and rooms were not shared with other servers",
                short_span(totals.away_ms.0.as_secs_f64())
            ),
            "look at the broker's log, and at that of this server, which says why",
        ));
    }
    if result.accept_errors > 0 {
        findings.push(Finding::new(
            Code::LocalLimit,
            format!(
                "the system could not accept connections ({} times)",
                result.accept_errors
            ),
            "raise the limit of open files (ulimit -n) above --max-connections, or lower that",
        ));
    }
    findings.sort_by_key(|finding| finding.severity);
    Verdict {
        outcome,
        caveat: None,
        summary: summary(result),
        findings,
    }
}

fn summary(result: &ServeResult) -> String {
    let counted = |count: u64, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let mut text = format!(
        "Served {} in {} and forwarded {} in {}.",
        counted(result.joins, "join"),
        counted(result.rooms, "room"),
        counted(result.messages, "message"),
        short_span(result.uptime_ms.0.as_secs_f64()),
    );
    let mut beside = Vec::new();
    if let Some(stun) = &result.stun_totals {
        beside.push(format!(
            "answered {}",
            counted(stun.answers, "STUN request")
        ));
    }
    if let Some(turn) = &result.turn_totals {
        let bytes = turn.bytes_to_peers + turn.bytes_from_peers;
        beside.push(format!(
            "gave {} that carried {}",
            counted(turn.allocations, "relay"),
            counted(bytes, "byte"),
        ));
    }
    if !beside.is_empty() {
        text = format!("{text} It {}.", listed(&beside));
    }
    match result.ended {
        Ended::Interrupted => format!("Interrupted. {text}"),
        Ended::TimeLimit => format!("{text} The time limit (--timeout) ended it."),
        Ended::Terminated => text,
    }
}
