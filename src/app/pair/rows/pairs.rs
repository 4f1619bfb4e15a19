//! The rows of the pair table.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::ends;
use crate::app::pair::ending::End;
use crate::app::pair::meeting::Meeting;
use crate::ice::candidate::CandidateType;
use crate::ice::checks::pair::{self, ENOUGH_CHECKS, Pair};
use crate::nat::SendError;
use crate::report::pair::{
    CheckState, CutShort, EndReport, PairEvidence, PairReport, PathKind, Permission,
    SelectedReport, SendFault, SideCandidate, explain,
};
use crate::report::{ErrorReport, Millis};

/// Whether a relay takes part.
pub fn path_of(pair: &Pair) -> PathKind {
    if pair.is_relayed() {
        PathKind::Relayed
    } else {
        PathKind::Direct
    }
}

/// The selected pair as valid pair.
pub fn selected_report(meeting: &Meeting<'_>, index: usize) -> SelectedReport {
    let pair = &meeting.checks.pairs()[index];
    let base = local_end(meeting, pair);
    let (local, _) = ends(&meeting.checks, index);
    let known = SideCandidate::at(&meeting.local, local);
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
    end(kind, address, &meeting.local)
}

fn remote_end(meeting: &Meeting<'_>, pair: &Pair) -> EndReport {
    end(pair.remote_kind, pair.remote, &meeting.peer.candidates)
}

/// One end, with what its side's candidates tell of it.
fn end(kind: CandidateType, address: SocketAddr, candidates: &[SideCandidate]) -> EndReport {
    let known = SideCandidate::at(candidates, address);
    EndReport {
        kind,
        address: address.ip(),
        port: address.port(),
        interface: known.and_then(|c| c.interface.clone()),
        relay_transport: known.and_then(|c| c.relay_transport),
    }
}

/// A row for each pair, by priority; the selected one first.
pub fn pairs(meeting: &Meeting<'_>, selected: Option<usize>, end: Option<&End>) -> Vec<PairReport> {
    let arrivals = meeting
        .peer
        .arrived
        .as_ref()
        .map(|arrived: &BTreeSet<u32>| meeting.checks.arrivals(arrived));
    let cut_short = match end {
        Some(End::Stopped(_) | End::Unusable(_) | End::Rendezvous(_)) => CutShort::Stopped,
        Some(End::Peer(_) | End::Vanished) => CutShort::PeerGone,
        Some(End::Done) | None => CutShort::Connected,
    };
    let mut rows: Vec<PairReport> = meeting
        .checks
        .pairs()
        .iter()
        .enumerate()
        .map(|(index, pair)| {
            let arrived = arrivals.as_ref().map(|counts| counts[index]);
            let mut row = row(meeting, pair, selected == Some(index), arrived);
            let has_had_chance = pair.sent >= ENOUGH_CHECKS;
            if has_had_chance && row.state != CheckState::Succeeded {
                row.state = CheckState::Failed;
            }
            let evidence = evidence(pair, arrived, (!has_had_chance).then_some(cut_short));
            row.failure = explain(&row, &evidence);
            row
        })
        .collect();
    rows.sort_by_key(|row| (!row.selected, std::cmp::Reverse(row.priority)));
    rows
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
    let send_error = pair.send_error.map(|error| match error {
        SendError::Refused => SendFault::PortUnreachable,
        SendError::Unreachable => SendFault::NoRoute,
        SendError::Forbidden => SendFault::NotPermitted,
        SendError::Other => SendFault::Other,
    });
    PairEvidence {
        send_error: send_error.or(pair.is_ended.then_some(SendFault::RelayGone)),
        permission: match &pair.permission {
            pair::Permission::NotNeeded => None,
            pair::Permission::Pending => Some(Permission::Pending),
            pair::Permission::Granted => Some(Permission::Granted),
            pair::Permission::Refused(Some(error)) if error.code == 403 => {
                Some(Permission::Forbidden)
            }
            pair::Permission::Refused(Some(error)) => Some(Permission::Failed(format!(
                "error {} {}",
                error.code, error.reason
            ))),
            pair::Permission::Refused(None) => {
                Some(Permission::Failed("it did not answer".to_owned()))
            }
        },
        error_response: pair.error.as_ref().map(|error| error.code),
        answered_from_elsewhere: pair.answered_elsewhere.is_some(),
        // Every check that arrives is answered.
        responses_sent_there: arrived,
        cut_short,
    }
}
