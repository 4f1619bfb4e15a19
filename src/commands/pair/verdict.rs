//! The verdict on a session, computed once.

pub mod browser;
pub mod causes;
pub mod findings;
mod left_out;
mod media;
mod premature;
mod summary;

use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{Caveat, ErrorReport, Finding, Severity, Verdict};
use crate::commands::pair::report::{EndReport, PairResult, PairState, PathKind, Role};
use crate::proto::ice::candidate::CandidateError;
use crate::proto::ice::causes::{Found, OwnRelay, ServerFacts};
use causes::{UNSETTLED, has_failure};

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum WantedPair {
    Connected,
    Direct,
}

/// Somebody in the room of whom nothing could be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    There,
    /// It has gone again.
    Left,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEnd {
    Interrupted,
    OutOfTime,
    Error(String),
    Vanished,
    /// It was there to the end, and has never said that it had this side's description.
    Mute,
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
    /// Why the rendezvous was lost after both sides had met.
    pub lost_rendezvous: Option<ErrorReport>,
    /// The pair that was nominated and checked, and over which no data came back.
    pub no_data: Option<String>,
    /// Why, where the data was to go in a data channel.
    pub channel_error: Option<ErrorReport>,
    /// Whether the session ended before both sides had given up: more candidates might have come.
    pub is_undecided: bool,
    /// Whether it was the other side that ended it so.
    pub gave_up_early: bool,
    /// Why what the other side or the user gave could not be used, and the session ended by that.
    pub unusable: Option<ErrorReport>,
    pub manual: bool,
    /// The other side is a browser.
    pub with_browser: bool,
    /// Audio or video was to be tested.
    pub media_wanted: bool,
    /// The code was given, so that somebody should have been there with it.
    pub came_with_code: bool,
    /// Candidates of a description that was carried that could not be used, and why.
    pub left_out: Vec<CandidateError>,
    /// What is odd about that description.
    pub odd: Vec<String>,
    /// How many others tried to join with the same code and were turned away.
    pub turned_away: u32,
    /// Whether somebody is in the room who has said nothing that could be opened.
    pub silent_company: Option<Company>,
    /// Whether messages were refused that may not be the other side's.
    pub has_foreign: bool,
    pub role_conflict: Option<RoleConflict>,
    /// Relayed addresses that ended during the session, and why.
    pub ended_relays: Vec<(SocketAddr, String)>,
    /// What this side found out about its relays and the way, as the other one is told it too.
    pub found: Found,
    /// The same of the other side.
    pub peer_found: Found,
    /// Whether there were more than [`crate::proto::ice::checks::MAX_PAIRS`].
    pub pairs_left_out: bool,
    /// What became of the other side's servers; `None` if it did not tell.
    pub peer_servers: Option<Vec<ServerFacts>>,
    /// See [`causes::troubles`]: the other side's.
    pub peer_troubles: Vec<Code>,
    /// This side's relays that it tried to reach itself.
    pub own_relays: Vec<OwnRelay>,
    /// The same of the other side.
    pub peer_own_relays: Vec<OwnRelay>,
}

pub fn verdict(result: &PairResult, context: &Context) -> Verdict {
    let mut found = findings::of_result(result, context);
    let mut outcome = outcome(result, context);
    let missed = expectation(result, context, &mut outcome);
    let mut summary = summary::of(result, context);
    if let Some(missed) = missed {
        summary = format!("Not as expected: {}. {summary}", missed.message);
        found.push(missed);
    }
    if context.stopped == Some(Reason::Interrupted) {
        outcome = Outcome::Interrupted;
        summary = format!("Interrupted. {summary}");
    }
    found.sort_by_key(|f| f.severity);
    findings::cause_first(&mut found);
    // Who wants relayed candidates alone has got what they want.
    let by_choice = context.relay_only || context.peer_relay_only;
    let relayed = result.path == Some(PathKind::Relayed) && !by_choice;
    let lossy = result
        .quality
        .as_ref()
        .is_some_and(findings::quality::is_lossy);
    let relayed = relayed.then_some(Caveat::Relayed);
    Verdict {
        outcome,
        caveat: if lossy { Some(Caveat::Lossy) } else { relayed },
        findings: found,
        summary,
    }
}

fn outcome(result: &PairResult, context: &Context) -> Outcome {
    match result.state {
        // One side's word is not enough.
        PairState::Connected if result.session.peer_agrees == Some(false) => Outcome::Bad,
        PairState::Connected if has_path_ended(result, context) => Outcome::Bad,
        PairState::Connected if loses_large(result) || loses_most(result) => Outcome::Bad,
        PairState::Connected if media::is_missing(result) => Outcome::Bad,
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
            _ if context.gave_up_early || is_out_of_time(result, context) => Outcome::Inconclusive,
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

/// Whether nothing useful would pass.
fn loses_most(result: &PairResult) -> bool {
    let quality = result.quality.as_ref();
    quality.is_some_and(findings::quality::is_unusable)
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
        (PairState::Connected, _) if loses_most(result) => "most of what is sent is lost",
        (PairState::Connected, _) if media::is_missing(result) => {
            "sound or picture does not get through"
        }
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

pub(super) fn socket(end: &EndReport) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}
