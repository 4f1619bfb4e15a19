//! Media that no codec is common for.

use std::collections::BTreeSet;

use super::{cause, negotiated};
use crate::base::codes::Code;
use crate::base::words::listed;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::described::{Described, Section};
use crate::proto::ice::causes::{Cause, Whose};
use crate::proto::sdp::negotiation::negotiate;
use crate::proto::sdp::source;

/// A section without a codec in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacks {
    /// Its place in both descriptions.
    pub place: usize,
    pub why: String,
    is_rejected: bool,
}

/// The sections that have no codec in common, as offer and answer tell.
pub fn lacking(offer: &Described, answer: &Described) -> Vec<Lacks> {
    let accepted = accepted_without(offer, answer);
    let sections = offer.sections.iter().zip(&answer.sections).enumerate();
    let all = sections.filter_map(|(place, (one, two))| {
        let rejected = without_codec(one, two);
        Some(Lacks {
            place,
            is_rejected: rejected.is_some(),
            why: rejected.or_else(|| {
                let mut accepted = accepted.iter();
                accepted
                    .find(|(of, _)| *of == place)
                    .map(|(_, why)| why.clone())
            })?,
        })
    });
    all.collect()
}

/// Why a section was rejected: that no codec is common, where both lists say so.
fn without_codec(offer: &Section, answer: &Section) -> Option<String> {
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

/// Sections that keep their port in the answer, with none of the offered codecs (RFC 3264 6.1).
fn accepted_without(offer: &Described, answer: &Described) -> Vec<(usize, String)> {
    let read = |text: &str| source::read(text).ok()?.into_iter().next();
    let Some((offer, answer)) = read(&offer.text).zip(read(&answer.text)) else {
        return Vec::new();
    };
    let negotiation = negotiate(&offer, &answer);
    let sections = negotiation.media.iter().zip(&answer.sections).enumerate();
    let all = sections.filter_map(|(place, (agreement, answered))| {
        let mut problems = negotiation.problems.iter();
        let lacks = problems.any(|(_, problem)| {
            problem.code == Code::NoCommonCodec && problem.line == Some(answered.line)
        });
        let why = agreement.reason.as_ref()?;
        let why = why.strip_prefix("no common codec: ").unwrap_or(why);
        (lacks && !answered.is_refused()).then(|| (place, format!("{}: {why}", agreement.kind)))
    });
    all.collect()
}

/// Whether media of a kind came, so that there is a codec whatever the descriptions say.
fn came(call: &JoinedCall, section: &Section) -> bool {
    let ends = call.ends.iter().flatten();
    let mut streams = ends.flat_map(|account| &account.streams);
    streams.any(|stream| stream.kind == section.kind && stream.received > Some(0))
}

pub fn no_common_codec(call: &JoinedCall) -> Option<Cause> {
    let (offer, answer, _) = negotiated(call)?;
    let mut all = lacking(offer, answer);
    all.retain(|lacks| {
        let section = answer.sections.get(lacks.place);
        lacks.is_rejected || !section.is_some_and(|section| came(call, section))
    });
    if all.is_empty() {
        return None;
    }
    let port = |is_rejected: bool| all.iter().any(|lacks| lacks.is_rejected == is_rejected);
    let evidence = [
        (true, "port 0 in the answer, and none of the offered codecs"),
        (
            false,
            "a port in the answer, and none of the offered codecs",
        ),
    ];
    let evidence = evidence.into_iter().filter(|(is, _)| port(*is));
    let seen: Vec<&str> = all.iter().map(|lacks| lacks.why.as_str()).collect();
    Some(cause(
        Code::NoCommonCodec,
        Whose::Between,
        format!("no common codec: {}", seen.join("; ")),
        evidence.map(|(_, text)| text.to_owned()).collect(),
    ))
}
