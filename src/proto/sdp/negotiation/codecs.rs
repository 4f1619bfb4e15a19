//! The codecs that both sides have, and what keeps the others apart.

use super::super::codec::{Codec, Difference};
use super::super::model::{Description, Section};
use super::{Party, Problem, problem};
use crate::base::codes::Code;
use crate::base::words::printable;

/// Codecs of which people read no more.
const FEW: usize = 4;

/// Those of the answer that were offered, in its order.
pub(super) fn common(offered: &Section, answered: &Section) -> Vec<Codec> {
    let is_offered = |codec: &&Codec| {
        offered
            .codecs
            .iter()
            .any(|other| other.difference(codec).is_none())
    };
    answered.codecs.iter().filter(is_offered).cloned().collect()
}

/// Why an answer with port 0 refuses.
pub(super) fn refusal(
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) -> String {
    // What Chromium and its kin write where no codec is left; a section that they refuse for another reason keeps its
    // codecs.
    let lists_none = answered
        .codecs
        .iter()
        .all(|codec| !answered_with_map(answered, codec));
    let is_without = answered.formats.len() == 1 && answered.formats[0] == "0" && lists_none;
    let is_media =
        matches!(offered.kind.as_str(), "audio" | "video") && is_of_browsers(&offered.protocol);
    if is_without && is_media && answer.is_of_chromium() {
        let message = format!(
            "{} is refused: the answerer has none of the offered codecs ({})",
            offered.name(),
            list(offered)
        );
        problem(
            problems,
            (Code::NoCommonCodec, Party::Answer, answered.line),
            message,
            (
                "RFC 3264 6",
                "Chromium writes port 0 and the lone format 0 where no codec is left",
            ),
        );
        return format!(
            "no common codec: the answerer has none of {}",
            list(offered)
        );
    }
    let practice = if answer.is_webrtc() {
        "nothing is sent in it; the answer does not tell why: a stopped transceiver, a kind or protocol that the program does not have, or no common codec"
    } else {
        "nothing is sent in it; the answer does not tell why: a kind or protocol that the phone does not have or want, or no common codec"
    };
    problem(
        problems,
        (Code::SdpSectionRefused, Party::Answer, answered.line),
        format!("{} is refused: the answer has port 0", offered.name()),
        ("RFC 3264 6", practice),
    );
    if is_without && is_media {
        return format!(
            "refused with port 0; the answer lists none of the offered codecs ({})",
            list(offered)
        );
    }
    "refused with port 0".to_owned()
}

fn answered_with_map(section: &Section, codec: &Codec) -> bool {
    section.line != codec.line
}

fn is_of_browsers(protocol: &str) -> bool {
    protocol == "UDP/TLS/RTP/SAVPF" || protocol == "RTP/SAVPF"
}

/// Both accept, and have nothing in common that carries media.
pub(super) fn none_in_common(
    (offered, answered): (&Section, &Section),
    common: &[Codec],
    problems: &mut Vec<(Party, Problem)>,
) -> String {
    let why = format!(
        "{}{}",
        apart(&offered.codecs, &answered.codecs),
        left(&offered.kind, common)
    );
    problem(
        problems,
        (Code::NoCommonCodec, Party::Answer, answered.line),
        format!("{} has no codec in common: {why}", offered.name()),
        (
            "RFC 3264 6.1",
            "no media flows, although the section has a port",
        ),
    );
    format!("no common codec: {why}")
}

/// What two sides have in common beside media.
pub fn left(kind: &str, common: &[Codec]) -> String {
    if common.is_empty() {
        return String::new();
    }
    let names: Vec<String> = common.iter().map(ToString::to_string).collect();
    format!("; {} alone carries no {kind}", shortened(&names))
}

/// Why a codec of the answer is none of the offer.
pub(super) fn not_offered(codec: &Codec, offered: &Section) -> String {
    let codecs = std::slice::from_ref(codec);
    match nearest(&offered.codecs, codecs) {
        Some((other, difference)) => {
            format!(
                "{} was offered with another {}",
                printable(&other.to_string()),
                difference.subject()
            )
        }
        None => format!("the offer has {}", list(offered)),
    }
}

fn list(section: &Section) -> String {
    names(&section.codecs)
}

fn names(codecs: &[Codec]) -> String {
    let media = codecs.iter().filter(|codec| codec.is_media());
    shortened(&media.map(ToString::to_string).collect::<Vec<_>>())
}

fn shortened(names: &[String]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for name in names {
        if !unique.contains(&name.as_str()) {
            unique.push(name);
        }
    }
    let shown: Vec<String> = unique
        .iter()
        .take(FEW)
        .map(|name| printable(name))
        .collect();
    match unique.len() {
        0 => "none".to_owned(),
        count if count > FEW => format!("{} and {} more", shown.join(", "), count - FEW),
        _ => shown.join(", "),
    }
}

/// The codec of one side that is nearest to one of the other of the same name, and what keeps the two apart.
fn nearest<'a>(here: &'a [Codec], there: &[Codec]) -> Option<(&'a Codec, Difference)> {
    let media = here.iter().filter(|codec| codec.is_media());
    let pairs = media.flat_map(|codec| {
        let same = there.iter().filter(|other| codec.is(&other.name));
        same.map(move |other| (codec, codec.differences(other)))
    });
    let pairs = pairs.filter(|(_, differences)| !differences.is_empty());
    let weight =
        |differences: &[Difference]| differences.iter().map(Difference::weight).sum::<u32>();
    let (codec, differences) = pairs.min_by_key(|(_, differences)| weight(differences))?;
    Some((codec, differences.into_iter().next()?))
}

/// Which parameter keeps the codecs of two sides apart.
pub fn apart(here: &[Codec], there: &[Codec]) -> String {
    if let Some((codec, difference)) = nearest(here, there) {
        return format!("{} differs in {difference}", printable(&codec.name));
    }
    let media = here.iter().filter(|codec| codec.is_media());
    let mut kinds: Vec<String> = media.map(ToString::to_string).collect();
    kinds.dedup();
    let were = if kinds.len() > 1 { "were" } else { "was" };
    format!(
        "{} {were} offered, and the other side has {}",
        names(here),
        names(there)
    )
}
