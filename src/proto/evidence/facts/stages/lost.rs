//! Candidates that one end told, and that the other one never got or did not take.

use crate::base::codes::Code;
use crate::base::words::{counted, listed};
use crate::proto::evidence::account::{Account, StateKind, ToldCandidate};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::stages::cause;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Cause, Whose};
use crate::proto::nat::address::is_global;

/// How long a side that trickles may take for its first candidate.
const FIRST_CANDIDATE_MS: f64 = 5000.0;
/// How long a candidate may be on its way to the other end.
const UNDER_WAY_MS: f64 = 1000.0;

/// Candidates that one end told and the other one never got.
pub fn candidates_lost(call: &JoinedCall) -> Option<Cause> {
    let [one, two] = &call.ends;
    // `late` is how much later the clock of `to` is than that of `from`.
    let lost = |from: &Option<Account>, to: &Option<Account>, late: f64| -> Option<(usize, bool)> {
        let to = to
            .as_ref()
            .filter(|to| has_candidates(to) && !to.other.descriptions.is_empty())?;
        // Statistics have those that came, and those that checks came from (peer-reflexive).
        let came = |c: &&ToldCandidate| c.is_signalled || c.kind != CandidateType::Prflx;
        let got = to.other.candidates.iter().filter(came).count();
        if got > 0 {
            return None;
        }
        if to.refused_candidates > 0 {
            return Some((0, false));
        }
        // Statistics and packets do not show what was told.
        match from
            .as_ref()
            .filter(|from| from.has_events || from.own.udp().any(|c| c.is_signalled))
        {
            Some(from) => {
                let all = || from.own.udp().filter(|c| c.is_signalled);
                let first = all().filter_map(|c| c.at).reduce(f64::min);
                let waited = to.ended.zip(first).map(|(ended, at)| ended - at - late);
                let is_under_way = waited.is_some_and(|ms| ms < UNDER_WAY_MS);
                (all().count() > 0 && !is_under_way).then_some((all().count(), true))
            }
            None => (waited_in_vain(to)).then_some((0, false)),
        }
    };
    let late = call.offset_ms;
    let (to_local, to_remote) = (lost(two, one, -late), lost(one, two, late));
    let words = |whose: Whose, (told, is_known): (usize, bool)| {
        let (from, to) = match whose {
            Whose::Local => ("the other side", "this side"),
            _ => ("this side", "the other side"),
        };
        let end = usize::from(whose == Whose::Remote);
        if let Some(refused) = call.ends[end].as_ref().and_then(refused) {
            format!("{to} got {refused} of {from} and took none")
        } else if is_known {
            format!(
                "{from} told {}, and none came to {to}",
                counted(told, "candidate")
            )
        } else {
            format!(
                "no candidate of {from} came to {to}, though its description says that they come later (trickle)"
            )
        }
    };
    let seen: Vec<String> = [(Whose::Local, to_local), (Whose::Remote, to_remote)]
        .into_iter()
        .filter_map(|(whose, lost)| Some(words(whose, lost?)))
        .collect();
    if seen.is_empty() {
        return None;
    }
    // Whoever has no candidate tells none, and no record is there of what it told.
    let is_known = |lost: Option<(usize, bool)>, to: usize| {
        let to = call.ends[to].as_ref();
        lost.is_some_and(|(_, is_known)| is_known || to.and_then(refused).is_some())
    };
    if !is_known(to_local, 0) && !is_known(to_remote, 1) {
        let from = if to_local.is_some() {
            "the other side"
        } else {
            "this side"
        };
        let message = format!(
            "{}: signalling lost them, or it had none to tell, as where relays alone are allowed and there is none; the dump of {from} tells",
            seen.join("; ")
        );
        return Some(Cause::new(Code::Unknown, Whose::Between, message));
    }
    let is_refused = call
        .ends
        .iter()
        .flatten()
        .any(|end| end.refused_candidates > 0);
    let what = if is_refused {
        "candidates did not get to where they belong"
    } else {
        "candidates were lost in signalling"
    };
    let message = format!("{what}: {}", seen.join("; "));
    Some(cause(Code::CandidatesLost, Whose::Between, message, seen))
}

/// Candidates that one end told and of which only some came to the other one: all of a kind that reaches farther than
/// those that came.
pub fn some_lost(call: &JoinedCall) -> Option<Cause> {
    let [Some(one), Some(two)] = &call.ends else {
        return None;
    };
    let here = missing(two, one, -call.offset_ms);
    let there = missing(one, two, call.offset_ms);
    let words = |missing: &Missing, [from, to]: [&str; 2]| {
        format!(
            "{from} told {}, and {} did not come to {to} ({})",
            counted(missing.told, "candidate"),
            missing.lost.len(),
            missing.lost.join(", ")
        )
    };
    let parts = [
        here.as_ref()
            .map(|one| words(one, ["the other side", "this side"])),
        there
            .as_ref()
            .map(|one| words(one, ["this side", "the other side"])),
    ];
    let seen: Vec<String> = parts.into_iter().flatten().collect();
    let mut kinds: Vec<String> = [&here, &there]
        .into_iter()
        .flatten()
        .flat_map(|one| one.kinds.iter().map(ToString::to_string))
        .collect();
    kinds.sort();
    kinds.dedup();
    (!seen.is_empty()).then(|| {
        let message = format!(
            "candidates were lost in signalling, all those of type {} among them: {}",
            listed(&kinds),
            seen.join("; ")
        );
        cause(Code::CandidatesLost, Whose::Between, message, seen)
    })
}

struct Missing {
    told: usize,
    lost: Vec<String>,
    /// Of which none came.
    kinds: Vec<CandidateType>,
}

/// What `from` told and `to` never got, where that is all of a kind. `late` is how much later the clock of `to` is.
fn missing(from: &Account, to: &Account, late: f64) -> Option<Missing> {
    if !has_candidates(to) || !from.has_events || to.refused_candidates > 0 {
        return None;
    }
    // Those that checks came from were not told.
    let is_told = |c: &&ToldCandidate| c.kind != CandidateType::Prflx;
    let told = || from.own.udp().filter(|c| c.is_signalled).filter(is_told);
    let came: Vec<&ToldCandidate> = to.other.udp().filter(is_told).collect();
    let is_under_way = |c: &ToldCandidate| {
        let waited = to.ended.zip(c.at).map(|(ended, at)| ended - at - late);
        waited.is_none_or(|ms| ms < UNDER_WAY_MS)
    };
    let is_lost =
        |c: &&ToldCandidate| !is_under_way(c) && !came.iter().any(|other| other.is_same_as(c));
    let lost: Vec<&ToldCandidate> = told().filter(is_lost).collect();
    // A host with a public address reaches as far as a reflexive one.
    let reach = |c: &ToldCandidate| match c.kind {
        CandidateType::Host if c.place.ip().is_some_and(is_global) => Some(CandidateType::Srflx),
        CandidateType::Host => None,
        kind => Some(kind),
    };
    let mut kinds: Vec<CandidateType> = lost.iter().filter_map(|c| reach(c)).collect();
    kinds.retain(|kind| !came.iter().any(|c| reach(c) == Some(*kind)));
    kinds.dedup();
    let text = |c: &&ToldCandidate| match c.socket_address() {
        Some(at) => format!("{} {at}", c.kind),
        None => c.kind.to_string(),
    };
    (!came.is_empty() && !kinds.is_empty()).then(|| Missing {
        told: told().count(),
        lost: lost.iter().map(text).collect(),
        kinds,
    })
}

/// Whether a record has what happened to candidates: those of its own end are the first of it.
fn has_candidates(account: &Account) -> bool {
    let told = account.own.candidates.iter().any(|c| c.is_signalled);
    account.has_events && (told || account.relay_only || account.refused_candidates > 0)
}

/// Candidates that came and were not taken, as in "2 candidates (addIceCandidate failed: ...)".
pub fn refused(to: &Account) -> Option<String> {
    let count = usize::try_from(to.refused_candidates)
        .ok()
        .filter(|count| *count > 0)?;
    let count = counted(count, "candidate");
    Some(match &to.refused_since {
        Some(said) => format!("{count} (addIceCandidate failed: {said})"),
        None => format!("{count} (addIceCandidate failed)"),
    })
}

/// A description that promises candidates, none for long, and no reason why there should be none.
fn waited_in_vain(to: &Account) -> bool {
    let Some((at, read)) = to.other.descriptions.last() else {
        return false;
    };
    let waited = to.ended.zip(*at).map_or(0.0, |(ended, at)| ended - at);
    // Statistics of remote candidates, peer-reflexive ones too, would show that some are known.
    let none = to.other.candidates.is_empty() && !read.has_candidates;
    // Browsers check nothing before they know a candidate: the record lacks it then.
    let states = ["checking", "connected", "completed"];
    let none = none && to.reached(StateKind::Ice, &states).is_none();
    // With one configuration at both ends, relays alone may be all that the other one may tell.
    none && read.is_trickle && !read.is_complete && !to.relay_only && waited >= FIRST_CANDIDATE_MS
}
