//! What an answer must not say to its offer.

use super::super::direction::Direction;
use super::super::model::{Description, Section};
use super::{Party, Problem, beside, extensions, families, keys, problem, simulcast, transport};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::{counted, printable};

/// The two as wholes.
pub(super) fn whole(
    offer: &Description,
    answer: &Description,
    problems: &mut Vec<(Party, Problem)>,
) {
    let (sections, answers) = (offer.sections.len(), answer.sections.len());
    if sections != answers {
        problem(
            problems,
            (
                Code::SdpSectionsDiffer,
                Party::Answer,
                answer.sections.last().map_or(1, |section| section.line),
            ),
            format!(
                "the offer has {}, the answer {}",
                counted(sections, "section"),
                counted(answers, "section")
            ),
            (
                "RFC 3264 6",
                "browsers refuse the answer: \"The order of m-lines in answer doesn't match order in offer\"",
            ),
        );
    }
    order(offer, answer, problems);
    own(offer, answer, problems);
    if offer.is_lite() && answer.is_lite() {
        let line = answer
            .session
            .first("ice-lite")
            .map_or(1, |attribute| attribute.line);
        problem(
            problems,
            (Code::SdpIceLite, Party::Answer, line),
            "both sides are ICE-lite: neither tests a path",
            (
                "RFC 8445 6.1.1",
                "media flows only if the first addresses reach each other; between two servers it mostly does",
            ),
        );
    }
    bundle(offer, answer, problems);
}

/// Sections are told by their places (RFC 3264 6).
fn order(offer: &Description, answer: &Description, problems: &mut Vec<(Party, Problem)>) {
    let pairs = offer.sections.iter().zip(&answer.sections);
    let mut moved = pairs.filter(|(offered, answered)| offered.kind != answered.kind);
    if let Some((offered, answered)) = moved.next() {
        problem(
            problems,
            (Code::SdpSectionsDiffer, Party::Answer, answered.line),
            format!(
                "{} stands where {} was offered: the answer has its sections in another order",
                answered.name(),
                offered.name()
            ),
            (
                "RFC 3264 6",
                "browsers refuse the answer: \"The order of m-lines in answer doesn't match order in offer\"",
            ),
        );
    }
}

/// The same ICE parameters on both sides: a description was given back.
fn own(offer: &Description, answer: &Description, problems: &mut Vec<(Party, Problem)>) {
    let of = |description: &Description, name| {
        let section = description
            .sections
            .iter()
            .find(|section| section.port != Some(0));
        let found = section.and_then(|section| description.of_section(section, name));
        found.map(|attribute| (attribute.value.clone(), attribute.line))
    };
    let same = |name| {
        let (mine, others) = (of(offer, name)?, of(answer, name)?);
        (mine.0 == others.0).then_some(others.1)
    };
    if let (Some(line), Some(_)) = (same("ice-ufrag"), same("ice-pwd")) {
        problem(
            problems,
            (Code::SdpOwnDescription, Party::Answer, line),
            "the answer has the ICE parameters of the offer: it is the offerer's own description",
            (
                "RFC 8445 5.3",
                "checks fail: each side takes its own messages for those of the other",
            ),
        );
    }
}

fn bundle(offer: &Description, answer: &Description, problems: &mut Vec<(Party, Problem)>) {
    let offered = offer.bundles();
    for (mids, line) in answer.bundles() {
        for mid in mids
            .iter()
            .filter(|mid| !offered.iter().any(|(mids, _)| mids.contains(mid)))
        {
            problem(
                problems,
                (Code::SdpBundle, Party::Answer, line),
                format!(
                    "the answer bundles \"{}\", which the offer does not bundle",
                    printable(mid)
                ),
                ("RFC 8843 7.3.1", "browsers refuse the answer"),
            );
        }
        let is_refused = |section: &&Section| {
            let mid = section.mid().unwrap_or_default();
            section.is_refused() && mids.contains(&mid)
        };
        for section in answer.sections.iter().filter(is_refused) {
            let found = Problem::new(
                Code::SdpBundle,
                line,
                format!(
                    "{} is refused with port 0, and the answer bundles it all the same",
                    section.name()
                ),
                "RFC 9143 7.3.3",
                "most programs pass over it; a refused section is to be left out of the group",
            );
            problems.push((Party::Answer, found.severity(Severity::Warning)));
        }
    }
}

/// A section that both accept.
pub(super) fn section(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    names((offered, answered), problems);
    protocols(offer, answer, (offered, answered), problems);
    keys::check(offer, answer, (offered, answered), problems);
    families::check(offer, answer, (offered, answered), problems);
    codecs((offered, answered), problems);
    beside::check((offered, answered), problems);
    directions(offer, answer, (offered, answered), problems);
    roles(offer, answer, (offered, answered), problems);
    multiplexing(offer, answer, (offered, answered), problems);
    extensions::check(offer, (offered, answered), problems);
    simulcast::check((offered, answered), problems);
    let is_alone = answered.mid().is_some_and(|mid| {
        let bundles = answer.bundles();
        let in_answer = bundles.iter().any(|(mids, _)| mids.contains(&mid));
        let in_offer = offer.bundles().iter().any(|(mids, _)| mids.contains(&mid));
        in_offer && !in_answer
    });
    if is_alone && offered.part.has("bundle-only") {
        problem(
            problems,
            (Code::SdpBundle, Party::Answer, answered.line),
            format!(
                "{} was offered to be bundled only, and the answer does not bundle it",
                offered.name()
            ),
            ("RFC 8843 7.3.3", "it has no address: nothing is sent"),
        );
    }
}

fn names((offered, answered): (&Section, &Section), problems: &mut Vec<(Party, Problem)>) {
    if let (Some(mid), Some(other)) = (offered.mid(), answered.mid())
        && mid != other
    {
        problem(
            problems,
            (Code::SdpMid, Party::Answer, answered.line),
            format!(
                "the section has the mid \"{}\", and was offered with \"{}\"",
                printable(other),
                printable(mid)
            ),
            ("RFC 8829 5.3.1", "browsers refuse the answer"),
        );
    }
}

fn protocols(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let is_same = offered.protocol == answered.protocol;
    // Secure RTP is called differently by old and new programs (RFC 8829 5.1.2).
    let is_secure = |section: &Section| section.protocol.contains("SAVP");
    let both_data = offered.is_data() && answered.is_data();
    if is_same || both_data || (is_secure(offered) && is_secure(answered)) {
        return;
    }
    let both_rtp = offered.is_rtp() && answered.is_rtp();
    let is_plain = both_rtp && !is_secure(offered) && !is_secure(answered);
    // Keys come by DTLS then, whatever the section is called.
    let has_print = |description: &Description, section| {
        description.of_section(section, "fingerprint").is_some()
    };
    let is_keyed = both_rtp && has_print(offer, offered) && has_print(answer, answered);
    let (severity, practice) = if is_keyed {
        (
            Severity::Warning,
            "both have a fingerprint, so Chromium takes the answer and encrypts; a strict program refuses it",
        )
    } else if is_plain {
        (
            Severity::Warning,
            "both send RTP in the clear; one of them expects feedback by RTCP (RFC 4585) that the other may not send",
        )
    } else if both_rtp {
        (
            Severity::Error,
            "one side encrypts and the other does not: media cannot be read",
        )
    } else {
        (
            Severity::Error,
            "the two do not speak the same protocol: nothing of it is understood",
        )
    };
    let found = Problem::new(
        Code::SdpProtocol,
        answered.line,
        format!(
            "{} was offered as {}, and is answered as {}",
            offered.name(),
            printable(&offered.protocol),
            printable(&answered.protocol)
        ),
        "RFC 3264 6",
        practice,
    );
    problems.push((Party::Answer, found.severity(severity)));
}

fn codecs((offered, answered): (&Section, &Section), problems: &mut Vec<(Party, Problem)>) {
    for codec in answered.codecs.iter().filter(|codec| codec.is_media()) {
        let same: Vec<_> = offered
            .codecs
            .iter()
            .filter(|other| other.difference(codec).is_none())
            .collect();
        if same.is_empty() {
            let why = super::codecs::not_offered(codec, offered);
            problem(
                problems,
                (Code::SdpCodecNotOffered, Party::Answer, codec.line),
                format!("{} was not offered: {why}", printable(&codec.to_string())),
                ("RFC 3264 6.1", "it is passed over"),
            );
        } else if same.iter().all(|other| other.payload != codec.payload) {
            let message = format!(
                "{} has payload type {} in the answer and {} in the offer",
                printable(&codec.to_string()),
                codec.payload,
                same[0].payload
            );
            let found = Problem::new(
                Code::SdpPayloadType,
                codec.line,
                message,
                "RFC 3264 6.1",
                "allowed: each sends with the other's number; simple receivers expect their own",
            );
            problems.push((Party::Answer, found.severity(Severity::Info)));
        }
    }
}

fn directions(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let (mine, others) = (offer.direction_of(offered), answer.direction_of(answered));
    if mine.answered_with(others) != others && !offered.is_data() {
        let line = answered
            .part
            .direction()
            .map_or(answered.line, |(_, line)| line);
        problem(
            problems,
            (Code::SdpDirection, Party::Answer, line),
            format!(
                "{} was offered {mine}, which cannot be answered with {others}",
                offered.name()
            ),
            (
                "RFC 3264 6.1",
                "browsers refuse the answer; others send what is not wanted",
            ),
        );
    }
}

fn roles(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let of = |description: &Description, section: &Section| {
        let carrier = description.carrier(section);
        let setup = description.of_section(carrier, "setup");
        setup.map(|setup| (setup.value.clone(), setup.line))
    };
    let (Some(mine), Some(others)) = (of(offer, offered), of(answer, answered)) else {
        return;
    };
    let is_open = others.0.eq_ignore_ascii_case("actpass");
    if transport::dtls_client(offer, answer, (offered, answered)).is_none() && !is_open {
        problem(
            problems,
            (Code::SdpSetup, Party::Answer, others.1),
            format!(
                "setup {} was offered and answered with {}: the roles do not fit",
                printable(&mine.0),
                printable(&others.0)
            ),
            (
                "RFC 8842 5.3",
                "the DTLS handshake does not begin, or both begin it",
            ),
        );
    }
}

fn multiplexing(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let has =
        |description: &Description, section| description.of_section(section, "rtcp-mux").is_some();
    if offered.is_rtp() && has(offer, offered) && !has(answer, answered) && !answer.is_webrtc() {
        let found = Problem::new(
            Code::SdpRtcpMux,
            answered.line,
            format!(
                "{} offers rtcp-mux, and the answer does not take it",
                offered.name()
            ),
            "RFC 5761 5.1.1",
            "RTCP goes to a port of its own; WebRTC refuses it",
        );
        problems.push((Party::Answer, found.severity(Severity::Warning)));
    }
}

/// Why less came of an accepted section than was offered.
pub(super) fn less(
    direction: Direction,
    (offered, answered): (&Section, &Section),
) -> Option<String> {
    if offered.part.has("simulcast") && !answered.part.has("simulcast") {
        return Some("simulcast is not accepted: one stream is sent".to_owned());
    }
    if offered.part.has("simulcast") && simulcast::agreed(offered, answered).is_empty() {
        return Some("no layer of simulcast is agreed: one stream is sent".to_owned());
    }
    if direction == Direction::Inactive && !offered.is_data() {
        return Some("neither side sends".to_owned());
    }
    None
}
