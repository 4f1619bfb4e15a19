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
    problem(
        problems,
        (Code::SdpSectionRefused, Party::Answer, answered.line),
        format!("{} is refused: the answer has port 0", offered.name()),
        (
            "RFC 3264 6",
            "nothing is sent in it; the answer does not tell why: a stopped transceiver, a kind or protocol that the program does not have, or no common codec",
        ),
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

/// Both accept, and have nothing in common.
pub(super) fn none_in_common(
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) -> String {
    let why = apart(&offered.codecs, &answered.codecs);
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

fn list(section: &Section) -> String {
    let names: Vec<String> = section
        .codecs
        .iter()
        .filter(|codec| codec.is_media())
        .map(ToString::to_string)
        .collect();
    shortened(&names)
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
        0 => "none with a name".to_owned(),
        count if count > FEW => format!("{} and {} more", shown.join(", "), count - FEW),
        _ => shown.join(", "),
    }
}

/// Which parameter keeps the codecs of two sides apart.
pub fn apart(here: &[Codec], there: &[Codec]) -> String {
    let closest = here
        .iter()
        .filter(|codec| codec.is_media())
        .find_map(|codec| {
            let same = there.iter().filter(|other| codec.is(&other.name));
            let differences: Vec<Difference> =
                same.filter_map(|other| codec.difference(other)).collect();
            differences
                .first()
                .map(|difference| (codec, difference.clone()))
        });
    if let Some((codec, difference)) = closest {
        return format!("{} differs in {difference}", printable(&codec.name));
    }
    let names = |codecs: &[Codec]| {
        let media = codecs.iter().filter(|codec| codec.is_media());
        shortened(&media.map(ToString::to_string).collect::<Vec<_>>())
    };
    format!(
        "{} was offered, and the other side has {}",
        names(here),
        names(there)
    )
}
