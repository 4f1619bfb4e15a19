//! Causes of the later stages: answers and candidates that never came, DTLS, paths that were lost,
//! media that was not agreed.

mod handshake;
mod outage;

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::words::{counted, listed, short_span};
use crate::proto::evidence::account::{Account, StateKind, Told};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::described::{Described, Section};
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::causes::{Cause, Whose};
pub use handshake::dtls;
pub use outage::path_lost;

/// How long a side that trickles may take for its first candidate.
const FIRST_CANDIDATE_MS: f64 = 5000.0;

fn cause(code: Code, side: Whose, message: impl Into<String>, evidence: Vec<String>) -> Cause {
    let mut cause = Cause::new(code, side, message);
    cause.evidence = evidence;
    cause
}

/// Whether an end has made an offer and waits still.
fn waits(end: Option<&Account>) -> Option<&Account> {
    let account = end?;
    let is_pending = account.state(StateKind::Signaling) == Some("have-local-offer")
        && account.other.descriptions.is_empty();
    let is_waiting = account.has_events && Standing::of(account) == Standing::Unanswered;
    (is_pending || is_waiting).then_some(account)
}

/// An offer, or an answer, that did not come.
pub fn no_answer(call: &JoinedCall) -> Option<Cause> {
    let [one, two] = &call.ends;
    let (account, other, whose, offerer) = match (waits(one.as_ref()), waits(two.as_ref())) {
        (Some(account), _) => (account, two, Whose::Remote, "this side"),
        (None, Some(account)) => (account, one, Whose::Local, "the other side"),
        _ => return None,
    };
    // Connections may be made long before anything is offered.
    let since = account.own.descriptions.first().and_then(|(at, _)| *at);
    let waited = account.ended.zip(since).map(|(ended, since)| ended - since);
    let seen = match waited.filter(|ms| *ms >= 1.0) {
        Some(ms) => format!(
            "{offerer} set its offer, and no answer in {}",
            short_span(ms / 1000.0)
        ),
        None => format!("{offerer} set its offer, and no answer came"),
    };
    let has_answered = other.as_ref().map(|other| {
        let mut own = other.own.descriptions.iter();
        own.any(|(_, read)| read.is_offer == Some(false))
    });
    let answerer = if whose == Whose::Remote {
        "the other side"
    } else {
        "this side"
    };
    Some(match has_answered {
        Some(true) => cause(
            Code::NoAnswer,
            Whose::Between,
            format!(
                "{answerer} answered, and the answer never came to {offerer}: it was lost in signalling"
            ),
            vec![seen, format!("{answerer} set its answer")],
        ),
        Some(false) => cause(
            Code::NoAnswer,
            whose,
            format!("{answerer} got the offer and made no answer"),
            vec![seen],
        ),
        None => cause(
            Code::NoAnswer,
            Whose::Between,
            format!(
                "no answer came to the offer of {offerer}: the other end did not answer, or signalling lost it; its own dump tells which"
            ),
            vec![seen],
        ),
    })
}

/// Candidates that one end told and the other one never got.
pub fn candidates_lost(call: &JoinedCall) -> Option<Cause> {
    let [one, two] = &call.ends;
    let lost = |from: &Option<Account>, to: &Option<Account>| -> Option<(usize, bool)> {
        let to = to
            .as_ref()
            .filter(|to| to.has_events && !to.other.descriptions.is_empty())?;
        let got = to
            .other
            .candidates
            .iter()
            .filter(|c| c.is_signalled)
            .count();
        if got > 0 {
            return None;
        }
        match from {
            Some(from) => {
                let told = from.own.udp().filter(|c| c.is_signalled).count();
                (told > 0).then_some((told, true))
            }
            None => (waited_in_vain(to)).then_some((0, false)),
        }
    };
    let (to_local, to_remote) = (lost(two, one), lost(one, two));
    let words = |whose: Whose, (told, is_known): (usize, bool)| {
        let (from, to) = match whose {
            Whose::Local => ("the other side", "this side"),
            _ => ("this side", "the other side"),
        };
        if is_known {
            format!(
                "{from} told {}, and none came to {to}",
                counted(told, "candidate")
            )
        } else {
            format!(
                "no candidate of {from} came to {to}, whose description says that they come later (trickle)"
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
    let message = format!("candidates were lost in signalling: {}", seen.join("; "));
    Some(cause(Code::CandidatesLost, Whose::Between, message, seen))
}

/// A description that promises candidates, none for long, and no reason why there should be none.
fn waited_in_vain(to: &Account) -> bool {
    let Some((at, read)) = to.other.descriptions.last() else {
        return false;
    };
    let waited = to.ended.zip(*at).map_or(0.0, |(ended, at)| ended - at);
    // Statistics of remote candidates, peer-reflexive ones too, would show that some are known.
    let none = to.other.candidates.is_empty() && !read.has_candidates;
    // With one configuration at both ends, relays alone may be all that the other one may tell.
    none && read.is_trickle && !read.is_complete && !to.relay_only && waited >= FIRST_CANDIDATE_MS
}

/// The offer and the answer to it, and whether the offer is this end's.
pub fn negotiated(call: &JoinedCall) -> Option<(&Described, &Described, bool)> {
    fn last(told: &Told, is_offer: bool) -> Option<&Described> {
        let mut all = told.descriptions.iter().rev().map(|(_, read)| read);
        all.find(|read| read.is_offer == Some(is_offer))
    }
    let [one, two] = &call.ends;
    let views = [
        one.as_ref().map(|account| (&account.own, &account.other)),
        two.as_ref().map(|account| (&account.other, &account.own)),
        one.as_ref()
            .zip(two.as_ref())
            .map(|(one, two)| (&one.own, &two.own)),
    ];
    views.into_iter().flatten().find_map(|(here, there)| {
        let by_this = last(here, true)
            .zip(last(there, false))
            .map(|(offer, answer)| (offer, answer, true));
        let by_other = || {
            last(there, true)
                .zip(last(here, false))
                .map(|(offer, answer)| (offer, answer, false))
        };
        by_this.or_else(by_other)
    })
}

/// Why a section was rejected: that no codec is common, where both lists say so.
pub fn without_codec(offer: &Section, answer: &Section) -> Option<String> {
    if !answer.is_rejected() || offer.is_rejected() || offer.kind == "application" {
        return None;
    }
    let name = |codec: &str| codec.to_ascii_lowercase();
    let offered: BTreeSet<String> = offer.media_codecs().map(name).collect();
    let known: BTreeSet<String> = answer.media_codecs().map(name).collect();
    if offered.is_empty() || !offered.is_disjoint(&known) {
        return None;
    }
    let names: Vec<String> = offer.media_codecs().map(str::to_owned).collect();
    Some(format!(
        "{} was offered with {} alone, and rejected without a codec in common",
        offer.kind,
        listed(&names)
    ))
}

/// Media that no codec is common for.
pub fn no_common_codec(call: &JoinedCall) -> Option<Cause> {
    let (offer, answer, _) = negotiated(call)?;
    let sections = offer.sections.iter().zip(&answer.sections);
    let seen: Vec<String> = sections
        .filter_map(|(one, two)| without_codec(one, two))
        .collect();
    if seen.is_empty() {
        return None;
    }
    let message = format!("no common codec: {}", seen.join("; "));
    Some(cause(
        Code::NoCommonCodec,
        Whose::Between,
        message,
        vec!["port 0 in the answer, and none of the offered codecs".to_owned()],
    ))
}
