//! The rows of the pair table.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::base::report::{ErrorReport, Millis};
use crate::commands::gather::report::CandidateReport;
use crate::commands::pair::report::{
    CheckState, CutShort, EndReport, PairEvidence, PairReport, PathKind, SelectedReport, explain,
};
use crate::commands::pair::run::ending::Ending;
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::rows::ends;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::checks::pair::{ENOUGH_CHECKS, Pair};
use crate::proto::signal::message::SeenPair;

pub fn path_of(pair: &Pair) -> PathKind {
    if pair.is_relayed() {
        PathKind::Relayed
    } else {
        PathKind::Direct
    }
}

pub fn selected_report(meeting: &Meeting<'_>, index: usize) -> SelectedReport {
    let pair = &meeting.checks.pairs()[index];
    let base = local_end(meeting, pair);
    let (local, _) = ends(&meeting.checks, index);
    let known = CandidateReport::at(&meeting.own.candidates, local);
    let kind = known.map_or(CandidateType::Prflx, |c| c.kind);
    SelectedReport {
        local: EndReport {
            kind: if pair.is_relay_base {
                CandidateType::Relay
            } else {
                kind
            },
            address: local.ip(),
            port: local.port(),
            ..base
        },
        remote: remote_end(meeting, pair),
    }
}

fn local_end(meeting: &Meeting<'_>, pair: &Pair) -> EndReport {
    let address = meeting.checks.base(pair.base).address;
    let kind = if pair.is_relay_base {
        CandidateType::Relay
    } else {
        CandidateType::Host
    };
    end(kind, address, &meeting.own.candidates)
}

fn remote_end(meeting: &Meeting<'_>, pair: &Pair) -> EndReport {
    end(pair.remote_kind, pair.remote, &meeting.peer.candidates)
}

fn end(kind: CandidateType, address: SocketAddr, candidates: &[CandidateReport]) -> EndReport {
    let known = CandidateReport::at(candidates, address);
    EndReport {
        kind,
        address: address.ip(),
        port: address.port(),
        interface: known.and_then(|c| c.interface.clone()),
        relay_transport: known.and_then(|c| c.relay_transport),
    }
}

/// A row for each pair, by priority; the selected one first.
pub fn pairs(
    meeting: &Meeting<'_>,
    selected: Option<usize>,
    end: Option<&Ending>,
) -> Vec<PairReport> {
    let arrivals = meeting
        .peer
        .arrived
        .as_ref()
        .map(|arrived: &BTreeSet<u32>| meeting.checks.arrivals(arrived));
    let seen = meeting.peer.seen.as_deref();
    let cut_short = match end {
        Some(Ending::Stopped(_) | Ending::Unusable(_) | Ending::Rendezvous(_)) => CutShort::Stopped,
        Some(Ending::Peer(_) | Ending::Vanished | Ending::Again) => CutShort::PeerGone,
        Some(Ending::Done) | None => CutShort::Connected,
    };
    let mut rows: Vec<PairReport> = meeting
        .checks
        .pairs()
        .iter()
        .enumerate()
        .map(|(index, pair)| {
            let arrived = arrivals.as_ref().map(|counts| counts[index]);
            let arrived = arrived.or_else(|| seen_of(meeting, pair, seen?));
            let mut row = row(meeting, pair, selected == Some(index), arrived);
            let has_had_chance = pair.sent >= ENOUGH_CHECKS;
            if has_had_chance && row.state != CheckState::Succeeded {
                row.state = CheckState::Failed;
            }
            let cut_short = if meeting.checks.is_limited(index) {
                CutShort::Limit
            } else {
                cut_short
            };
            let evidence = PairEvidence {
                refusal: (!pair.is_relay_base)
                    .then(|| meeting.refusal_of(pair.remote))
                    .flatten(),
                ..evidence(pair, arrived, (!has_had_chance).then_some(cut_short))
            };
            row.failure = explain(&row, &evidence);
            row
        })
        .collect();
    rows.sort_by_key(|row| (!row.selected, std::cmp::Reverse(row.priority)));
    rows
}

/// How many of a pair's checks a browser has seen, if it is clear which of its pairs that is: it may hide its own
/// address, and tells a port then.
fn seen_of(meeting: &Meeting<'_>, pair: &Pair, seen: &[SeenPair]) -> Option<u32> {
    let base = meeting.checks.base(pair.base).address;
    let is_own = |address: SocketAddr| {
        let known = CandidateReport::at(&meeting.own.candidates, address);
        let related =
            known.and_then(|c| Some(SocketAddr::new(c.related_address?, c.related_port?)));
        address == base || pair.mapped == Some(address) || related == Some(base)
    };
    // A NAT that keeps the port gives the same one to two addresses of the browser.
    let is_alike =
        |other: &Pair| other.remote != pair.remote && other.remote.port() == pair.remote.port();
    let is_unclear = meeting.checks.pairs().iter().any(is_alike);
    let is_theirs = |seen: &SeenPair| match seen.local {
        Some(local) => local == pair.remote,
        None => !is_unclear && seen.local_port == Some(pair.remote.port()),
    };
    let mut counts = seen
        .iter()
        .filter(|seen| seen.remote.is_some_and(is_own) && is_theirs(seen))
        .map(|seen| seen.requests_received);
    let first = counts.next()?;
    Some(counts.fold(first, u32::saturating_add).max(pair.answered))
}

fn row(meeting: &Meeting<'_>, pair: &Pair, is_selected: bool, arrived: Option<u32>) -> PairReport {
    PairReport {
        local: local_end(meeting, pair),
        remote: remote_end(meeting, pair),
        priority: pair.priority,
        state: pair.state(),
        nominated: pair.nominated,
        selected: is_selected,
        path: path_of(pair),
        requests_sent: pair.sent,
        responses_received: pair.answered,
        requests_received: pair.requests_in,
        responses_sent: pair.answers_out,
        requests_arrived: arrived,
        rtt_ms: pair.rtt().map(Millis),
        first_sent_ms: pair.first_sent.map(Millis),
        first_answered_ms: pair.first_answered.map(Millis),
        mapped_address: pair.mapped,
        failure: None::<ErrorReport>,
    }
}

fn evidence(pair: &Pair, arrived: Option<u32>, cut_short: Option<CutShort>) -> PairEvidence {
    PairEvidence {
        send_error: pair.send_error,
        is_relay_gone: pair.is_ended,
        permission: pair.permission.clone(),
        error_response: pair.error.as_ref().map(|error| error.code),
        answered_from_elsewhere: pair.answered_elsewhere.is_some(),
        // Every check that arrives is answered.
        responses_sent_there: arrived,
        cut_short,
        refusal: None,
    }
}
