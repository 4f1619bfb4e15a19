//! From what is known to the result.

mod pairs;

use std::net::SocketAddr;

use super::ending::End;
use super::meeting::Meeting;
use super::{Paired, Way};
use crate::family::Family;
use crate::ice::candidate::Candidate;
use crate::ice::checks::{Checks, MAX_PAIRS};
use crate::ice::facts::NatFacts;
use crate::ice::prediction::{Expected, Side, predict};
use crate::ice::quality::Measured;
use crate::report::gather::{CandidateReport, GatherResult};
use crate::report::nat::PathReport;
use crate::report::pair::{
    Context, PairResult, PairState, PathKind, PeerEnd, PredictionReport, QualityReport, Role,
    RttReport, SessionMode, SessionReport, SideCandidate, SideReport,
};
use crate::report::{Finding, Millis, Severity};
use crate::signal::message;
use crate::stun::uri::Transport;
use pairs::{pairs, path_of, selected_report};

/// A candidate of this side.
pub fn own_candidate(report: &CandidateReport) -> SideCandidate {
    SideCandidate {
        kind: report.kind,
        transport: report.transport,
        address: report.address,
        port: report.port,
        related_address: report.related_address,
        related_port: report.related_port,
        foundation: report.foundation.clone(),
        component: report.component,
        priority: report.priority,
        interface: report.interface.clone(),
        server: report.server.clone(),
        relay_transport: report.relay_transport,
        found_ms: report.found_ms,
        sdp: report.sdp.clone(),
    }
}

/// A candidate as it was signalled.
pub fn candidate(candidate: &Candidate, found: Millis) -> SideCandidate {
    SideCandidate {
        kind: candidate.kind,
        transport: Transport::Udp,
        address: candidate.address.ip(),
        port: candidate.address.port(),
        related_address: candidate.related.map(|a| a.ip()),
        related_port: candidate.related.map(|a| a.port()),
        foundation: candidate.foundation.clone(),
        component: candidate.component,
        priority: candidate.priority,
        interface: None,
        server: None,
        relay_transport: None,
        found_ms: found,
        sdp: candidate.to_string(),
    }
}

/// What the other side is told of a path.
pub fn nat_facts(path: PathReport) -> NatFacts {
    NatFacts {
        family: path.family,
        local_address: path.local_address,
        udp: path.udp,
        nat: path.nat,
        mapping: path.mapping,
        filtering: path.filtering,
        hairpinning: path.hairpinning,
        reflexive_addresses: path.reflexive_addresses,
    }
}

/// Both ends of a pair as valid pair (RFC 8445 7.2.5.3.2): this side's address as the other one sees
/// it, and the other's as this one sees it.
pub fn ends(checks: &Checks, index: usize) -> (SocketAddr, SocketAddr) {
    let pair = &checks.pairs()[index];
    let base = checks.base(pair.base).address;
    (pair.mapped.unwrap_or(base), pair.remote)
}

/// The whole result.
pub fn paired(mut meeting: Meeting<'_>, gathered: Option<GatherResult>) -> Paired {
    let now = meeting.clock.now();
    let end = meeting.end.take();
    let selected = meeting.selected.filter(|_| meeting.is_proven());
    let has_result = selected.is_some() && !meeting.peer.has_failed;
    let state = if has_result {
        PairState::Connected
    } else if meeting.peer.was_there {
        PairState::Failed
    } else {
        PairState::NoPeer
    };
    let selected = selected.filter(|_| has_result).map(|(pair, _)| pair);
    let pairs = pairs(&meeting, selected, end.as_ref());
    let path = selected.map(|index| path_of(&meeting.checks.pairs()[index]));
    let connected_ms = meeting
        .selected
        .filter(|_| has_result)
        .and_then(|(_, at)| Some(Millis(at.saturating_sub(meeting.described_at?))));
    let mut measured = meeting.measured(now).filter(|_| has_result);
    if let Some(measured) = &mut measured
        && meeting.peer.end.is_some()
    {
        // It says itself that it went, so it was not the path.
        measured.ended_after = None;
    }
    let report = selected.map(|index| selected_report(&meeting, index));
    let peer_agrees = match (selected, meeting.peer.connected) {
        (Some(index), Some((local, remote))) => {
            Some((remote, local) == ends(&meeting.checks, index))
        }
        (Some(_), None) if meeting.peer.has_failed => Some(false),
        (None, Some(_)) => Some(false),
        (None, None) if meeting.peer.has_failed => Some(true),
        _ => None,
    };
    let gathered = gathered.unwrap_or_default();
    let result = PairResult {
        role: meeting.role.unwrap_or(Role::Controlling),
        state,
        path,
        connected_ms,
        prediction: prediction(&meeting, path, state),
        local: side(
            std::mem::take(&mut meeting.local),
            std::mem::take(&mut meeting.nats),
            meeting.complete_at.is_some(),
        ),
        remote: side(
            std::mem::take(&mut meeting.peer.candidates),
            std::mem::take(&mut meeting.peer.nats),
            meeting.peer.complete_at.is_some(),
        ),
        pairs,
        selected: report,
        quality: measured.map(quality),
        timeline: std::mem::take(&mut meeting.timeline),
        session: SessionReport {
            mode: match &meeting.options.way {
                Way::Rendezvous { is_embedded, .. } if *is_embedded => SessionMode::Embedded,
                Way::Rendezvous { .. } => SessionMode::Rendezvous,
                Way::Manual => SessionMode::Manual,
                Way::ManualSdp => SessionMode::ManualSdp,
            },
            rendezvous: match &meeting.options.way {
                Way::Rendezvous { target, .. } => Some(target.url.to_string()),
                _ => None,
            },
            peer_version: meeting
                .peer
                .software
                .as_ref()
                .map(|s| s.trim_start_matches("rtcdiag/").to_owned()),
            peer_agrees,
            reconnects: meeting.reconnects,
            refused: meeting.refused.clone(),
        },
        servers: gathered.servers,
    };
    Paired {
        result,
        context: context(&meeting, end),
    }
}

fn context(meeting: &Meeting<'_>, end: Option<End>) -> Context {
    let (mut stopped, mut peer_end) = (None, None);
    let (mut rendezvous_error, mut unusable) = (None, None);
    match end {
        None | Some(End::Done) => {
            // Whoever has told neither its end nor its record has gone before it was done.
            let has_told = meeting.peer.is_finished || meeting.peer.end.is_some();
            if meeting.peer.left_at.is_some() && !has_told {
                peer_end = Some(PeerEnd::Vanished);
            }
        }
        Some(End::Stopped(reason)) => {
            stopped = Some(reason);
            if !meeting.peer.was_there {
                rendezvous_error.clone_from(&meeting.rendezvous_trouble);
            }
        }
        Some(End::Peer(end)) => {
            peer_end = Some(match end {
                message::End::Interrupted => PeerEnd::Interrupted,
                message::End::Timeout => PeerEnd::OutOfTime,
                message::End::Error { message } => PeerEnd::Error(message),
                message::End::Done | message::End::Unknown => {
                    PeerEnd::Error("it ended without saying why".to_owned())
                }
            });
        }
        Some(End::Vanished) => peer_end = Some(PeerEnd::Vanished),
        Some(End::Rendezvous(error)) => rendezvous_error = Some(error),
        Some(End::Unusable(error)) => unusable = Some(error),
    }
    let mut findings = meeting.findings.clone();
    findings.extend(pairs_left_out(meeting));
    Context {
        stopped,
        peer_end,
        rendezvous_error,
        unusable,
        findings,
        relay_only: meeting.options.is_relay_only(),
        peer_relay_only: meeting.peer.relay_only,
        waited_s: meeting.clock.now().as_secs_f64(),
        manual: meeting.is_manual(),
        turned_away: meeting.turned_away,
        is_undecided: !meeting.has_failed,
        no_data: meeting
            .selected
            .filter(|_| meeting.has_failed && !meeting.is_proven())
            .map(|(pair, _)| {
                let (local, remote) = ends(&meeting.checks, pair);
                format!("{local} <-> {remote}")
            }),
        ..Context::default()
    }
}

/// The pairs beyond the limit of RFC 8445 6.1.2.5 are in no row.
fn pairs_left_out(meeting: &Meeting<'_>) -> Option<Finding> {
    (meeting.checks.left_out() > 0).then(|| {
        Finding::new(
            "pairs-left-out",
            Severity::Warning,
            format!(
                "the candidates of both sides make more than {MAX_PAIRS} pairs; the others were not checked"
            ),
            "test over one --interface, or with fewer servers",
        )
    })
}

fn side(mut candidates: Vec<SideCandidate>, nats: Vec<NatFacts>, is_complete: bool) -> SideReport {
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.priority));
    let of_ipv4 = nats.iter().find(|nat| nat.family == Family::Ipv4);
    SideReport {
        candidates,
        nat: of_ipv4.or(nats.first()).cloned(),
        nats,
        is_complete,
    }
}

fn prediction(meeting: &Meeting<'_>, path: Option<PathKind>, state: PairState) -> PredictionReport {
    if meeting.described_at.is_none() {
        return PredictionReport {
            expected: Expected::Unknown,
            agrees: None,
            because: String::new(),
        };
    }
    let parse = |candidates: &[SideCandidate]| -> Vec<Candidate> {
        candidates
            .iter()
            .filter_map(|c| c.sdp.parse().ok())
            .collect()
    };
    let (local, remote) = (parse(&meeting.local), parse(&meeting.peer.candidates));
    let prediction = predict(
        Side {
            nats: &meeting.nats,
            candidates: &local,
            relay_only: meeting.options.is_relay_only(),
        },
        Side {
            nats: &meeting.peer.nats,
            candidates: &remote,
            relay_only: meeting.peer.relay_only,
        },
    );
    let came = match (path, state) {
        (Some(PathKind::Direct), _) => Some(Expected::Direct),
        (Some(PathKind::Relayed), _) => Some(Expected::Relay),
        // Only what was tried to the end counts.
        (None, PairState::Failed) if meeting.has_failed => Some(Expected::Fail),
        _ => None,
    };
    PredictionReport {
        expected: prediction.expected,
        agrees: came
            .filter(|_| prediction.expected != Expected::Unknown)
            .map(|came| came == prediction.expected),
        because: prediction.because,
    }
}

fn quality(measured: Measured) -> QualityReport {
    let mut rtts = measured.rtts;
    rtts.sort_unstable();
    let received = u32::try_from(rtts.len()).unwrap_or(u32::MAX);
    let at = |share: usize| rtts.get((rtts.len() * share / 100).min(rtts.len().max(1) - 1));
    let lost = measured.sent.saturating_sub(received);
    QualityReport {
        sent: measured.sent,
        received,
        loss_percent: if measured.sent == 0 {
            0.0
        } else {
            (f64::from(lost) * 1e4 / f64::from(measured.sent)).round() / 1e2
        },
        rtt_ms: rtts.first().zip(rtts.last()).map(|(min, max)| RttReport {
            min: Millis(*min),
            median: Millis(*at(50).unwrap_or(min)),
            p95: Millis(*at(95).unwrap_or(max)),
            max: Millis(*max),
        }),
        jitter_ms: measured.jitter.map(Millis),
        ended_after_ms: measured.ended_after.map(Millis),
    }
}
