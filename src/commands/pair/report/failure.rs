//! Why a candidate pair did not work, from what both sides saw of it.

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::base::words::counted;
use crate::commands::pair::report::{CheckState, PairReport};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Refusal, Refused};
use crate::proto::ice::checks::pair::Permission;
use crate::proto::nat::SendError;

/// What is known of a pair beside its row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PairEvidence {
    /// What the system said when a check was to be sent; the last one.
    pub send_error: Option<SendError>,
    /// What ICMP says of checks that went there.
    pub refusal: Option<Refusal>,
    /// Whether the relay of the pair has ended, or the connection to its TURN server.
    pub is_relay_gone: bool,
    /// What the TURN server said about the other side's address (RFC 8656 9).
    pub permission: Permission,
    /// The code of an error answer of the other side (RFC 8489 14.8), the last one.
    pub error_response: Option<u16>,
    /// Whether an answer came from another address than the check went to (RFC 8445 7.2.5.2.1).
    pub answered_from_elsewhere: bool,
    /// How many answers the other side says it has sent by this pair; `None` if it did not tell.
    pub responses_sent_there: Option<u32>,
    /// Why no more checks were sent, if the pair had not had its fair chance.
    pub cut_short: Option<CutShort>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutShort {
    Stopped,
    PeerGone,
    /// Too many checks had had no answer.
    Limit,
    /// Another pair was connected, and there was no time for this one.
    Connected,
}

/// Why a pair did not work; `None` for one that did, and for one that is still checked.
pub fn explain(row: &PairReport, evidence: &PairEvidence) -> Option<ErrorReport> {
    if row.state == CheckState::Succeeded {
        return None;
    }
    if Family::of(row.local.address) != Family::of(row.remote.address) {
        return Some(ErrorReport::new(
            Code::NotReachableFamily,
            format!(
                "{} cannot send to {}",
                Family::of(row.local.address).name(),
                Family::of(row.remote.address).name()
            ),
        ));
    }
    match &evidence.permission {
        Permission::Refused(Some(error)) if error.code == 403 => {
            return Some(ErrorReport::new(
                Code::ForbiddenIp,
                "the TURN server forbids this peer address (403)",
            ));
        }
        Permission::Refused(error) => {
            let why = error.as_ref().map_or_else(
                || "it did not answer".to_owned(),
                |error| format!("error {} {}", error.code, error.reason),
            );
            return Some(ErrorReport::new(
                Code::PermissionFailed,
                format!("the TURN server gives no permission for this peer: {why}"),
            ));
        }
        Permission::Pending if row.requests_sent == 0 => {
            return Some(of_cut_short(evidence.cut_short, row).unwrap_or_else(|| {
                ErrorReport::new(
                    Code::PermissionFailed,
                    "the TURN server did not answer the request for a permission",
                )
            }));
        }
        _ => {}
    }
    if let Some(code) = evidence.error_response {
        return Some(of_error_response(code));
    }
    if evidence.answered_from_elsewhere {
        return Some(ErrorReport::new(
            Code::AnswerFromElsewhere,
            "answered from another address than the check went to (RFC 8445 7.2.5.2.1)",
        ));
    }
    if let Some(error) = evidence.send_error {
        return Some(of_send_error(error, row));
    }
    if evidence.is_relay_gone {
        return Some(ErrorReport::new(
            Code::RelayGone,
            "the relay has ended meanwhile, or the connection to its TURN server has",
        ));
    }
    if let Some(error) = of_cut_short(evidence.cut_short, row) {
        return Some(error);
    }
    if row.requests_sent == 0 {
        return Some(ErrorReport::new(Code::NotChecked, "never checked"));
    }
    if row.state != CheckState::Failed {
        return None;
    }
    let arrived = row.requests_arrived.unwrap_or(0) + row.requests_received;
    let refusal = evidence.refusal.filter(|_| arrived == 0);
    Some(refusal.map_or_else(
        || of_silence(row, evidence.responses_sent_there),
        |refusal| of_refusal(&refusal, row.requests_sent),
    ))
}

/// Somebody answered with ICMP.
fn of_refusal(refusal: &Refusal, sent: u32) -> ErrorReport {
    let by = match refusal.by {
        Some(by) if by == refusal.to.ip() => "that address itself".to_owned(),
        Some(by) => by.to_string(),
        None => "somebody on the way".to_owned(),
    };
    let says = match refusal.what {
        Refused::Port => "that nothing listens there, or a firewall in its name",
        Refused::Prohibited => "that a firewall forbids it",
        Refused::Unreachable => "that no route leads there, or no host is there",
    };
    ErrorReport::new(
        Code::IcmpUnreachable,
        format!(
            "{by} says {says} (ICMP {}; {} sent)",
            refusal.what.name(),
            counted(sent as usize, "check")
        ),
    )
}

fn of_error_response(code: u16) -> ErrorReport {
    match code {
        // RFC 8445 7.3.1.1.
        487 => ErrorReport::new(
            Code::RoleConflict,
            "the other side says that both have the same role (487)",
        ),
        400 => ErrorReport::new(
            Code::BadRequest,
            "the other side says that the check is malformed (400)",
        ),
        401 => ErrorReport::new(
            Code::Unauthorized,
            "the other side does not know the session's user name or password (401)",
        ),
        code => ErrorReport::new(
            Code::ErrorResponse,
            format!("the other side answers with the error {code}"),
        ),
    }
}

fn of_send_error(error: SendError, row: &PairReport) -> ErrorReport {
    // The system reports it when the next datagram is sent, so some have left.
    let of = if row.requests_sent > 1 {
        format!(" ({} checks sent)", row.requests_sent)
    } else {
        String::new()
    };
    match error {
        SendError::Unreachable => {
            ErrorReport::new(Code::Unreachable, "this host has no route there")
        }
        SendError::Forbidden => ErrorReport::new(
            Code::NotPermitted,
            "a firewall of this host does not let the check out",
        ),
        SendError::Refused => ErrorReport::new(
            Code::IcmpUnreachable,
            format!("a host at that address says that nothing listens there{of}"),
        ),
        SendError::Broadcast => ErrorReport::new(
            Code::BroadcastAddress,
            "it is a broadcast address, which no candidate of one host can have: nothing is sent there",
        ),
        SendError::Rejected(rejection) => ErrorReport::new(
            Code::IcmpUnreachable,
            format!("{} rejects the check by ICMP{of}", rejection.name()),
        ),
        SendError::Other => ErrorReport::new(Code::Unreachable, "the system could not send it"),
    }
}

fn of_cut_short(cut: Option<CutShort>, row: &PairReport) -> Option<ErrorReport> {
    let sent = match row.requests_sent {
        0 => "not checked".to_owned(),
        1 => "1 check sent".to_owned(),
        n => format!("{n} checks sent"),
    };
    Some(match cut? {
        CutShort::Stopped => ErrorReport::new(
            Code::CutShort,
            format!("the run ended before it was settled: {sent}"),
        ),
        CutShort::PeerGone => ErrorReport::new(
            Code::PeerGone,
            format!("the other side went away before it was settled: {sent}"),
        ),
        CutShort::Limit => ErrorReport::new(
            Code::CheckLimit,
            format!("checks without an answer had reached their limit: {sent}"),
        ),
        CutShort::Connected => ErrorReport::new(
            Code::NotChecked,
            format!("another pair was connected before it was settled: {sent}"),
        ),
    })
}

/// Checks were sent, and nothing came back. Says only what the records of both sides prove.
fn of_silence(row: &PairReport, answered_there: Option<u32>) -> ErrorReport {
    let sent = row.requests_sent;
    let checks = if sent == 1 { "check" } else { "checks" };
    let theirs = match row.requests_received {
        0 => "",
        _ if row.responses_sent > 0 => {
            "; the other side's checks arrive here, so the way back is open"
        }
        _ => "; the other side's checks arrive here",
    };
    // Each side drops old records; more can have arrived than were sent where packets are doubled.
    let message = match row.requests_arrived.map(|arrived| arrived.min(sent)) {
        None => {
            format!("no answer to {sent} {checks}; not known whether they arrived{theirs}")
        }
        Some(0) => {
            let place = dropped_where(row);
            format!("none of {sent} {checks} arrived at the other side{place}{theirs}")
        }
        Some(arrived) => {
            let answers = match answered_there {
                Some(0) => "but the other side answered none",
                _ => "but the answers did not come back",
            };
            format!("{arrived} of {sent} {checks} arrived, {answers}{theirs}")
        }
    };
    ErrorReport::new(Code::NoResponse, message)
}

/// What stands between, as far as the type of the address proves it.
fn dropped_where(row: &PairReport) -> &'static str {
    match row.remote.kind {
        CandidateType::Host => "",
        CandidateType::Srflx | CandidateType::Prflx => {
            ": dropped on the way or by the NAT or filter there"
        }
        CandidateType::Relay => ": dropped on the way or by the TURN server there",
    }
}
