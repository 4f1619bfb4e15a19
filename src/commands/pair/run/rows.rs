//! From what is known to the result.

mod limits;
mod media;
mod pairs;

use std::net::SocketAddr;

use crate::base::fact::Fact;
use crate::base::family::Family;
use crate::base::report::Millis;
use crate::base::words::quoted;
use crate::commands::gather::report::{CandidateReport, GatherResult};
use crate::commands::nat::report::{Closed, PathReport};
use crate::commands::pair::report::{
    LargeReport, LargestReport, PairResult, PairState, PathKind, PlaceKind, PlaceReport,
    PlaceStatus, PredictionReport, QualityReport, Role, RttReport, SessionMode, SessionReport,
    SideReport, SpanReport, StepReport, StepSide,
};
use crate::commands::pair::run::ending::Ending;
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::{PairRun, Signalling};
use crate::commands::pair::verdict::causes::with_causes;
use crate::commands::pair::verdict::{Context, PeerEnd, browser};
use crate::proto::ice::candidate::Candidate;
use crate::proto::ice::checks::Checks;
use crate::proto::ice::facts::NatFacts;
use crate::proto::ice::prediction::{Expected, Side, predict};
use crate::proto::ice::quality::course::Span;
use crate::proto::ice::quality::{LARGE, Measured};
use crate::proto::ice::steps::{self, CallKind, Course};
use crate::proto::nat::behavior::words::Udp;
use crate::proto::signal::message;
pub use pairs::pairs;
use pairs::{path_of, selected_report};

/// What the other side is told of a path.
pub fn nat_facts(path: PathReport) -> NatFacts {
    // What the other side sees of the same server tells whether it is the server.
    let udp = match path.closed {
        Some(Closed::OneOperator) => Fact::Determined(Udp::Blocked),
        _ => path.facts.udp,
    };
    NatFacts {
        family: path.family,
        local_address: path.local_address,
        udp,
        nat: path.facts.nat,
        mapping: path.facts.mapping,
        filtering: path.facts.filtering,
        hairpinning: path.facts.hairpinning,
        port_moves: path.facts.port_moves,
        reflexive_addresses: path.facts.reflexive_addresses,
    }
}

/// Both ends of a pair as valid pair (RFC 8445 7.2.5.3.2): this side's address as the other one sees
/// it, and the other's as this one sees it.
pub fn ends(checks: &Checks, index: usize) -> (SocketAddr, SocketAddr) {
    let pair = &checks.pairs()[index];
    let base = checks.base(pair.base).address;
    (pair.mapped.unwrap_or(base), pair.remote)
}

pub fn paired(mut meeting: Meeting<'_>, gathered: Option<GatherResult>) -> PairRun {
    let now = meeting.clock.now();
    let end = meeting.end.take();
    let selected = meeting.flow.selected.filter(|_| meeting.is_proven());
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
        .flow
        .selected
        .filter(|_| has_result)
        .and_then(|(_, at)| Some(Millis(at.saturating_sub(meeting.progress.described_at?))));
    let mut measured = meeting.measured(now).filter(|_| has_result);
    // Its record is the answer to what this side said at the end of its test: it was there all the time.
    let has_stayed = meeting.peer.arrived.is_some();
    if let Some(measured) = measured.as_mut().filter(|_| !has_stayed) {
        let has_said = meeting.peer.end.is_some();
        if has_said || meeting.peer.left_at.is_some() {
            measured.end_with_other_side();
        }
        // It says itself that it went, so it was not the path.
        measured.ended_after = measured.ended_after.filter(|_| !has_said);
    }
    let report = selected.map(|index| selected_report(&meeting, index));
    let peer_agrees = match (selected, meeting.peer.connected) {
        (Some(index), Some((local, remote))) => {
            let (own, theirs) = ends(&meeting.checks, index);
            // What a browser hides is no contradiction.
            Some(remote.is_none_or(|it| it == own) && local.is_none_or(|it| it == theirs))
        }
        (Some(_), None) if meeting.peer.has_failed => Some(false),
        (None, Some(_)) => Some(false),
        (None, None) if meeting.peer.has_failed => Some(true),
        _ => None,
    };
    let mut gathered = gathered.unwrap_or_default();
    for server in &mut gathered.servers {
        meeting.date_refusal(server);
        meeting.explain_silence(server);
    }
    let met_at = met_at(&meeting).cloned();
    let is_embedded = met_at
        .as_ref()
        .is_some_and(|place| place.kind == PlaceKind::Lan);
    let result = PairResult {
        role: meeting.own.role.unwrap_or(Role::Controlling),
        state,
        path,
        connected_ms,
        prediction: prediction(&meeting, path, state),
        causes: Vec::new(),
        relay_causes: Vec::new(),
        local: side(
            std::mem::take(&mut meeting.own.candidates),
            std::mem::take(&mut meeting.own.nats),
            meeting.own.complete_at.is_some(),
        ),
        remote: side(
            std::mem::take(&mut meeting.peer.candidates),
            std::mem::take(&mut meeting.peer.nats),
            meeting.peer.complete_at.is_some(),
        ),
        pairs,
        selected: report,
        quality: measured.map(|it| quality(it, meeting.peer.found.data_arrived)),
        steps: in_order(&meeting, state),
        media: media::rows(&meeting),
        timeline: std::mem::take(&mut meeting.record.timeline),
        session: SessionReport {
            mode: match &meeting.options.signalling {
                Signalling::Rendezvous { .. } if is_embedded => SessionMode::Embedded,
                Signalling::Rendezvous { .. } => SessionMode::Rendezvous,
                Signalling::Manual => SessionMode::Manual,
                Signalling::ManualSdp => SessionMode::ManualSdp,
            },
            rendezvous: met_at.map(|place| place.url.clone()),
            peer_version: meeting.peer.software.as_deref().and_then(version),
            peer_agrees,
            reconnects: meeting.record.reconnects,
            refused: meeting.record.refused.clone(),
        },
        rendezvous: meeting.record.places.clone(),
        servers: gathered.servers,
    };
    let mut context = context(&meeting, end);
    if meeting.peer.is_browser {
        context.peer_servers = browser::servers(&result.timeline);
    }
    PairRun {
        result: with_causes(result, &context),
        context,
    }
}

/// What belongs to the call, in its order.
fn in_order(meeting: &Meeting<'_>, state: PairState) -> Vec<StepReport> {
    let kind = if meeting.peer.is_browser {
        CallKind::Browser
    } else if meeting.is_manual() {
        CallKind::Carried
    } else {
        CallKind::Terminals
    };
    steps::steps(&Course {
        kind,
        timeline: &meeting.record.timeline,
        // A browser answers; two of this program describe themselves at once.
        offerer: StepSide::Local,
        has_failed: state != PairState::Connected,
    })
}

/// Where the other side was heard first; else a place that was reached, else the first.
fn met_at<'m>(meeting: &'m Meeting<'_>) -> Option<&'m PlaceReport> {
    let places = &meeting.record.places;
    let met = meeting.record.met_at.and_then(|place| places.get(place));
    let reached = || {
        places
            .iter()
            .find(|place| place.status == PlaceStatus::Reached)
    };
    met.or_else(reached).or_else(|| places.first())
}

fn context(meeting: &Meeting<'_>, end: Option<Ending>) -> Context {
    let (mut stopped, mut peer_end) = (None, None);
    let (mut rendezvous_error, mut unusable) = (None, None);
    match end {
        None | Some(Ending::Done) => {
            // Whoever has told neither its end nor its record has gone before it was done.
            let has_told = meeting.peer.is_finished || meeting.peer.end.is_some();
            if meeting.peer.left_at.is_some() && !has_told {
                peer_end = Some(PeerEnd::Vanished);
            } else if is_mute(meeting) {
                peer_end = Some(PeerEnd::Mute);
            }
        }
        Some(Ending::Stopped(reason)) => {
            stopped = Some(reason);
            if !meeting.peer.was_there {
                rendezvous_error.clone_from(&meeting.record.rendezvous_trouble);
            }
        }
        Some(Ending::Peer(end)) => {
            peer_end = Some(match end {
                message::End::Interrupted => PeerEnd::Interrupted,
                message::End::Timeout => PeerEnd::OutOfTime,
                message::End::Error { message } => PeerEnd::Error(quoted(&message)),
                message::End::Done | message::End::Unknown => {
                    PeerEnd::Error("it ended without saying why".to_owned())
                }
            });
        }
        Some(Ending::Vanished | Ending::Again) => peer_end = Some(PeerEnd::Vanished),
        Some(Ending::Rendezvous(error)) => rendezvous_error = Some(error),
        Some(Ending::Unusable(error)) => unusable = Some(error),
    }
    // Whoever has gone answers nothing: that says nothing of the way.
    let is_gone = peer_end == Some(PeerEnd::Vanished);
    let is_mute = peer_end == Some(PeerEnd::Mute);
    Context {
        findings: limits::finding(&meeting.checks.limits_reached())
            .into_iter()
            .collect(),
        stopped,
        peer_end,
        rendezvous_error,
        unusable,
        role_conflict: meeting.record.role_conflict,
        ended_relays: meeting.record.ended_relays.clone(),
        found: meeting.own.found.clone(),
        peer_found: meeting.peer.found.clone(),
        pairs_left_out: meeting.checks.left_out() > 0,
        lost_rendezvous: meeting
            .record
            .rendezvous_trouble
            .clone()
            .filter(|_| meeting.peer.was_there),
        relay_only: meeting.options.is_relay_only(),
        peer_relay_only: meeting.peer.relay_only,
        waited_s: meeting.clock.now().as_secs_f64(),
        manual: meeting.is_manual(),
        with_browser: meeting.peer.is_browser,
        media_wanted: !meeting.options.media.is_empty(),
        came_with_code: matches!(
            meeting.options.signalling,
            Signalling::Rendezvous { is_new: false, .. }
        ),
        turned_away: meeting.record.turned_away,
        has_foreign: meeting.record.has_foreign,
        silent_company: meeting.record.company.filter(|_| !meeting.peer.was_there),
        left_out: meeting.record.left_out.clone(),
        peer_servers: meeting.peer.servers.clone(),
        peer_troubles: meeting.peer.troubles.clone(),
        own_relays: meeting.own_relays(),
        peer_own_relays: meeting.peer.own_relays.clone(),
        odd: meeting.record.odd.clone(),
        is_undecided: !meeting.progress.has_failed || meeting.progress.gave_up_early || is_mute,
        gave_up_early: meeting.progress.gave_up_early,
        no_data: meeting
            .flow
            .selected
            .filter(|_| meeting.progress.has_failed && !meeting.is_proven() && !is_gone)
            // Who was never answered has no pair to send data over.
            .filter(|_| meeting.peer.found.answered != Some(0))
            .map(|(pair, _)| {
                let (local, remote) = ends(&meeting.checks, pair);
                format!("{local} <-> {remote}")
            }),
        channel_error: meeting.flow.carriage.trouble(),
        ..Context::default()
    }
}

/// Whether the other side was there, and nothing shows that it ever had this side's description.
fn is_mute(meeting: &Meeting<'_>) -> bool {
    let peer = &meeting.peer;
    let has_told = peer.is_finished
        || peer.has_failed
        || peer.connected.is_some()
        || peer.arrived.is_some()
        || peer.seen.is_some()
        || peer.end.is_some();
    let mut pairs = meeting.checks.pairs().iter();
    let is_heard = meeting.flow.selected.is_some()
        || pairs.any(|pair| pair.requests_in > 0 || pair.answered > 0);
    // Whoever names addresses without end has said enough.
    let is_flooded = !meeting.checks.limits_reached().is_empty();
    // What the NATs of both sides forbid needs no word of the other side's, and what is not carried is not heard.
    let is_explained = meeting.record.rendezvous_trouble.is_some()
        || prediction(meeting, None, PairState::Failed).expected == Expected::Fail;
    peer.was_there && !meeting.is_manual() && !has_told && !is_heard && !is_flooded && !is_explained
}

fn side(
    mut candidates: Vec<CandidateReport>,
    nats: Vec<NatFacts>,
    is_complete: bool,
) -> SideReport {
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
    if meeting.progress.described_at.is_none() {
        return PredictionReport {
            expected: Expected::Unknown,
            agrees: None,
            because: String::new(),
        };
    }
    if meeting.is_manual() && meeting.peer.candidates.is_empty() {
        return PredictionReport {
            expected: Expected::Unknown,
            agrees: None,
            because: "The other side told no address that can be checked.".to_owned(),
        };
    }
    let parse = |candidates: &[CandidateReport]| -> Vec<Candidate> {
        candidates
            .iter()
            .filter_map(|c| c.sdp.parse().ok())
            .collect()
    };
    let (local, remote) = (
        parse(&meeting.own.candidates),
        parse(&meeting.peer.candidates),
    );
    let prediction = predict(
        Side {
            nats: &meeting.own.nats,
            candidates: &local,
            relay_only: meeting.options.is_relay_only(),
        },
        Side {
            nats: &meeting.peer.nats,
            candidates: &remote,
            relay_only: meeting.peer.relay_only,
        },
    );
    let is_hidden = meeting.peer.is_browser && !meeting.record.left_out.is_empty();
    if is_hidden && prediction.expected != Expected::Direct {
        return PredictionReport {
            expected: Expected::Unknown,
            agrees: None,
            because: "The browser does not tell the addresses of its host.".to_owned(),
        };
    }
    let came = match (path, state) {
        (Some(PathKind::Direct), _) => Some(Expected::Direct),
        (Some(PathKind::Relayed), _) => Some(Expected::Relay),
        // Only what was tried to the end counts.
        (None, PairState::Failed)
            if meeting.progress.has_failed && !meeting.progress.gave_up_early =>
        {
            Some(Expected::Fail)
        }
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

/// `arrived`: what the other side says that it saw of all datagrams.
fn quality(measured: Measured, arrived: Option<u32>) -> QualityReport {
    let mut rtts = measured.rtts;
    rtts.sort_unstable();
    let received = u32::try_from(rtts.len()).unwrap_or(u32::MAX);
    let at = |share: usize| rtts.get((rtts.len() * share / 100).min(rtts.len().max(1) - 1));
    let lost = measured.sent.saturating_sub(received);
    QualityReport {
        sent: measured.sent,
        // Behind the end of a path more were sent.
        arrived: arrived
            .filter(|_| measured.ended_after.is_none())
            .map(|arrived| arrived.clamp(received, measured.sent.max(received))),
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
        large: measured.large.map(|large| LargeReport {
            bytes: LARGE,
            sent: large.sent,
            received: large.received,
        }),
        largest_datagram_bytes: LargestReport {
            sent: measured.largest.sent,
            received: measured.largest.received,
        },
        course: measured.course.iter().map(span).collect(),
    }
}

fn span(span: &Span) -> SpanReport {
    SpanReport {
        at_ms: Millis(span.at),
        sent: span.sent,
        received: span.received,
        rtt_ms: span.rtt.map(Millis),
    }
}

/// The version in what the other side calls itself; nothing where that has no version's form.
fn version(software: &str) -> Option<String> {
    const LONGEST: usize = 32;
    let version = software.trim_start_matches("rtcdiag/");
    let is_one = version
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ".+-".contains(c));
    (is_one && (1..=LONGEST).contains(&version.len())).then(|| version.to_owned())
}
