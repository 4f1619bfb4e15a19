//! The verdict on a session, computed once.

pub mod causes;
pub mod findings;
mod left_out;

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{Caveat, ErrorReport, Finding, Millis, Severity, Verdict};
use crate::base::words::{capitalised, short_span};
use crate::commands::pair::report::{
    EndReport, PairResult, PairState, PathKind, Role, SelectedReport, TimelineEvent,
};
use crate::proto::ice::candidate::{CandidateError, CandidateType};
use crate::proto::ice::causes::{Remedy, ServerFacts};
use crate::proto::stun::uri::Transport;
use causes::{UNSETTLED, best_remedy, has_failure, promise};

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum WantedPair {
    Connected,
    Direct,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEnd {
    Interrupted,
    OutOfTime,
    Error(String),
    Vanished,
}

/// Both sides had the same role (RFC 8445 6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleConflict {
    /// Both were told to have this one by `--role`; their names decided.
    Told(Role),
    /// A check showed it, and this side took the other role (RFC 8445 7.3.1.1).
    Switched,
}

#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Context {
    pub wanted: Option<WantedPair>,
    /// Why the run was cut short, if it was.
    pub stopped: Option<Reason>,
    /// Findings from outside: the configuration.
    pub findings: Vec<Finding>,
    pub relay_only: bool,
    /// The same of the other side, if it told.
    pub peer_relay_only: bool,
    /// How long the other side was waited for, in seconds.
    pub waited_s: f64,
    /// How the other side ended, if before this one and not by agreement.
    pub peer_end: Option<PeerEnd>,
    /// Why the rendezvous could not be used to the end.
    pub rendezvous_error: Option<ErrorReport>,
    /// The pair that was nominated and checked, and over which no data came back.
    pub no_data: Option<String>,
    /// Whether the session ended before both sides had given up: more candidates might have come.
    pub is_undecided: bool,
    /// Why what the other side or the user gave could not be used, and the session ended by that.
    pub unusable: Option<ErrorReport>,
    pub manual: bool,
    /// Candidates of a description that was carried that could not be used, and why.
    pub left_out: Vec<CandidateError>,
    /// What is odd about that description.
    pub odd: Vec<String>,
    /// How many others tried to join with the same code and were turned away.
    pub turned_away: u32,
    pub role_conflict: Option<RoleConflict>,
    /// Relayed addresses that ended during the session, and why.
    pub ended_relays: Vec<(SocketAddr, String)>,
    /// Whether there were more than [`crate::proto::ice::checks::MAX_PAIRS`].
    pub pairs_left_out: bool,
    /// What became of the other side's servers; `None` if it did not tell.
    pub peer_servers: Option<Vec<ServerFacts>>,
    /// See [`causes::troubles`]: the other side's.
    pub peer_troubles: Vec<Code>,
}

pub fn verdict(result: &PairResult, context: &Context) -> Verdict {
    let mut found = findings::of_result(result, context);
    let mut outcome = outcome(result, context);
    let missed = expectation(result, context, &mut outcome);
    let mut summary = summary(result, context);
    if let Some(missed) = missed {
        summary = format!("Not as expected: {}. {summary}", missed.message);
        found.push(missed);
    }
    if context.stopped == Some(Reason::Interrupted) {
        outcome = Outcome::Interrupted;
        summary = format!("Interrupted. {summary}");
    }
    found.sort_by_key(|f| f.severity);
    // Who wants relayed candidates alone has got what they want.
    let by_choice = context.relay_only || context.peer_relay_only;
    let relayed = result.path == Some(PathKind::Relayed) && !by_choice;
    Verdict {
        outcome,
        caveat: relayed.then_some(Caveat::Relayed),
        findings: found,
        summary,
    }
}

fn outcome(result: &PairResult, context: &Context) -> Outcome {
    match result.state {
        // One side's word is not enough.
        PairState::Connected if result.session.peer_agrees == Some(false) => Outcome::Bad,
        PairState::Connected if has_path_ended(result, context) => Outcome::Bad,
        PairState::Connected if loses_large(result) => Outcome::Bad,
        // A rendezvous that is lost after it has done its work does no harm.
        PairState::Connected => Outcome::Good,
        _ if !is_settled(result, context)
            && (context.rendezvous_error.is_some() || context.unusable.is_some()) =>
        {
            Outcome::Error
        }
        PairState::Failed | PairState::NoPeer => match context.peer_end {
            Some(PeerEnd::Error(_)) if !is_settled(result, context) => Outcome::Error,
            Some(_) if !is_settled(result, context) => Outcome::Inconclusive,
            _ if is_out_of_time(result, context) => Outcome::Inconclusive,
            // With `NoPeer` nothing is known of the network; but no pair was connected, which is
            // what 1 stands for, and 2 is left for trouble of this side. `state` tells them apart.
            _ => Outcome::Bad,
        },
    }
}

/// Whether the path ended while both sides were there.
fn has_path_ended(result: &PairResult, context: &Context) -> bool {
    let quality = result.quality.as_ref();
    context.peer_end.is_none() && quality.is_some_and(|q| q.ended_after_ms.is_some())
}

/// Whether voice would pass and video would not.
fn loses_large(result: &PairResult) -> bool {
    let quality = result.quality.as_ref();
    quality.is_some_and(findings::quality::loses_large)
}

/// Whether the time limit kept a pair from its fair chance.
fn is_out_of_time(result: &PairResult, context: &Context) -> bool {
    let mut pairs = result.pairs.iter();
    let was_cut_short = context.is_undecided
        || result.pairs.is_empty()
        || pairs.any(|pair| has_failure(pair, &[Code::CutShort]));
    result.state == PairState::Failed && context.stopped == Some(Reason::Timeout) && was_cut_short
}

/// Whether every pair had its fair chance.
pub(super) fn is_settled(result: &PairResult, context: &Context) -> bool {
    let open = |pair| has_failure(pair, UNSETTLED);
    !context.is_undecided
        && !result.pairs.is_empty()
        && result
            .pairs
            .iter()
            .all(|pair| pair.failure.is_some() && !open(pair))
}

fn expectation(result: &PairResult, context: &Context, outcome: &mut Outcome) -> Option<Finding> {
    let wanted = context.wanted?;
    let agreed = *outcome == Outcome::Good;
    let met = agreed && (wanted == WantedPair::Connected || result.path == Some(PathKind::Direct));
    if met {
        return None;
    }
    if agreed {
        *outcome = Outcome::Bad;
    }
    let found = match (result.state, result.path) {
        (PairState::Connected, Some(PathKind::Relayed)) => "the path is relayed",
        (PairState::Connected, _) if has_path_ended(result, context) => "the path ended",
        (PairState::Connected, _) if loses_large(result) => "no large datagram gets through",
        (PairState::Connected, _) => "the other side reports otherwise",
        (PairState::Failed, _) => "no pair was connected",
        (PairState::NoPeer, _) if context.rendezvous_error.is_some() => {
            "the rendezvous cannot be used"
        }
        (PairState::NoPeer, _) => "the other side never came",
    };
    Some(Finding {
        code: Code::ExpectationNotMet,
        severity: Severity::Error,
        message: format!("expected pair={wanted}, but {found}"),
        hint: None,
    })
}

fn summary(result: &PairResult, context: &Context) -> String {
    match result.state {
        PairState::Connected => connected(result, context),
        PairState::Failed => failed(result, context),
        PairState::NoPeer => no_peer(result, context),
    }
}

fn connected(result: &PairResult, context: &Context) -> String {
    let way = match &result.selected {
        Some(selected) if result.path == Some(PathKind::Relayed) => {
            format!("through {}", relay(selected))
        }
        Some(selected) => format!("directly, {}", ends(selected)),
        None => "on a pair that is not known".to_owned(),
    };
    let mut facts = vec![format!("Connected {way}")];
    facts.extend(round_trip(result).map(|rtt| format!("{:.1} ms", rtt.as_f64())));
    let lossy = result.quality.as_ref().filter(|q| q.received < q.sent);
    facts.extend(lossy.map(|q| format!("{:.1} % loss", q.loss_percent)));
    let mut text = format!("{}.", facts.join(", "));
    if result.path == Some(PathKind::Relayed) {
        text = format!("{text} {}", why_relayed(result));
    }
    if let Some(after) = result.quality.as_ref().and_then(|q| q.ended_after_ms) {
        let what = if has_path_ended(result, context) {
            "But the path ended"
        } else {
            "The other side went away"
        };
        text = format!("{text} {what} after {:.1} s.", after.0.as_secs_f64());
    }
    if let (true, Some(quality)) = (loses_large(result), &result.quality) {
        let bytes = quality.large.map_or(0, |large| large.bytes);
        let lost = findings::quality::limits(quality);
        let lost = lost.unwrap_or_else(|| format!("those of {bytes} bytes"));
        let _ = write!(
            text,
            " But large datagrams are lost here, {lost}: DTLS handshakes and video will fail."
        );
    }
    if result.session.peer_agrees == Some(false) {
        text.push_str(" But the other side reports otherwise.");
    }
    text
}

fn why_relayed(result: &PairResult) -> String {
    if let Some(pair) = findings::late_direct(result) {
        return format!(
            "A direct pair was answered too, {} <-> {}, after the relay had been chosen.",
            socket(&pair.local),
            socket(&pair.remote)
        );
    }
    let Some(cause) = result.causes.first() else {
        return String::new();
    };
    let why = format!("No direct path: {}.", cause.message);
    with_promise(why, cause.remedies.first())
}

fn with_promise(text: String, remedy: Option<&Remedy>) -> String {
    match remedy {
        Some(remedy) => format!("{text} {}.", capitalised(&promise(remedy))),
        None => text,
    }
}

fn failed(result: &PairResult, context: &Context) -> String {
    if let (Some(error), false) = (&context.unusable, is_settled(result, context)) {
        return format!(
            "No connection, and no verdict on the network: {}.",
            error.message
        );
    }
    if let (Some(error), false) = (&context.rendezvous_error, is_settled(result, context)) {
        return format!(
            "No connection: the rendezvous was lost before both sides knew enough: {}.",
            error.message
        );
    }
    if let (Some(end), false) = (&context.peer_end, is_settled(result, context)) {
        return format!(
            "No connection, and no verdict on the network: {}.",
            findings::peer_end(end)
        );
    }
    if is_out_of_time(result, context) {
        return format!(
            "No connection, and no verdict on the network: the time limit ended {}.",
            missing(result)
        );
    }
    if let Some(pair) = &context.no_data {
        return format!(
            "No connection: checks pass over {pair}, but data does not: something on the way drops what is not STUN."
        );
    }
    let direct = result.causes.first();
    // What stops both ways is said once; that there is no TURN server, by what would help.
    let relayed = result.relay_causes.first().filter(|cause| {
        let is_said = [Code::NoCandidates, Code::NoTurnServer].contains(&cause.code);
        direct.is_none() || !is_said
    });
    let why: Vec<&str> = direct
        .into_iter()
        .chain(relayed)
        .map(|cause| cause.message.as_str())
        .collect();
    let text = format!("No connection: {}.", why.join("; "));
    with_promise(text, best_remedy(result))
}

/// Whether the rendezvous gave this side a place in the room.
fn has_joined(result: &PairResult) -> bool {
    let mut events = result.timeline.iter().map(|entry| entry.event);
    events.any(|event| event == TimelineEvent::RendezvousJoined)
}

/// What had not come yet when the time was over.
fn missing(result: &PairResult) -> &'static str {
    let came = |event| result.timeline.iter().any(|entry| entry.event == event);
    if !came(TimelineEvent::DescriptionReceived) {
        "before the other side described itself"
    } else if result.pairs.is_empty() {
        "before there was a pair of candidates"
    } else {
        "before every pair had been tried"
    }
}

fn no_peer(result: &PairResult, context: &Context) -> String {
    let waited = short_span(context.waited_s);
    if let Some(error) = &context.rendezvous_error {
        let at = result.session.rendezvous.as_deref();
        let at = at.map_or_else(String::new, |at| format!(" {at}"));
        if !has_joined(result) && context.stopped.is_some() {
            return format!(
                "The rendezvous{at} was not reached within {waited}: {}. Whether the other side is there is not known.",
                error.message
            );
        }
        return format!("The rendezvous{at} cannot be used: {}.", error.message);
    }
    if let Some(error) = &context.unusable {
        return format!("Nothing was checked: {}.", error.message);
    }
    match &context.peer_end {
        Some(end) => format!(
            "No connection, and no verdict on the network: {}.",
            findings::peer_end(end)
        ),
        None if context.manual => {
            format!(
                "No line from the other side was given within {waited}, so nothing was checked."
            )
        }
        None => format!(
            "The other side never came: nobody joined with this code within {waited}, so nothing was checked."
        ),
    }
}

/// Of which side, where, and how it is talked to.
fn relay(selected: &SelectedReport) -> String {
    let is_relay = |end: &EndReport| end.kind == CandidateType::Relay;
    match (is_relay(&selected.local), is_relay(&selected.remote)) {
        (true, true) => format!(
            "the TURN relays of both sides, {} and {}",
            socket(&selected.local),
            socket(&selected.remote)
        ),
        (true, false) => format!(
            "the TURN relay of this side, {}{}",
            socket(&selected.local),
            by(&selected.local)
        ),
        (false, true) => format!(
            "the TURN relay of the other side, {}{}",
            socket(&selected.remote),
            by(&selected.remote)
        ),
        (false, false) => format!("a TURN relay, {}", ends(selected)),
    }
}

fn by(end: &EndReport) -> &'static str {
    match end.relay_transport {
        Some(Transport::Tcp) => " over TCP",
        Some(Transport::Tls) => " over TLS",
        Some(Transport::Udp) | None => "",
    }
}

fn ends(selected: &SelectedReport) -> String {
    format!(
        "{} <-> {}",
        socket(&selected.local),
        socket(&selected.remote)
    )
}

pub(super) fn socket(end: &EndReport) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}

/// Of the path, from the quality test, or from the checks.
fn round_trip(result: &PairResult) -> Option<Millis> {
    let measured = result.quality.as_ref().and_then(|q| q.rtt_ms);
    let checks = result.pairs.iter().find(|p| p.selected);
    measured
        .map(|rtt| rtt.median)
        .or_else(|| checks.and_then(|p| p.rtt_ms))
}
