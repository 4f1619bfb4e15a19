//! How media is protected: keys by DTLS (RFC 5763), or in the descriptions (SDES, RFC 4568), and ICE on both sides.

use super::super::model::{Attribute, Description, Section};
use super::super::problem::Problem;
use super::{Party, problem};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;

/// What one side has in a section.
struct Side<'a> {
    description: &'a Description,
    section: &'a Section,
    has_dtls: bool,
    has_ice: bool,
    /// `a=crypto`.
    keys: Vec<&'a Attribute>,
}

impl<'a> Side<'a> {
    fn new(description: &'a Description, section: &'a Section) -> Self {
        let carrier = description.carrier(section);
        let has = |name| section.part.has(name) || description.of_section(carrier, name).is_some();
        Self {
            description,
            section,
            has_dtls: has("fingerprint"),
            has_ice: has("ice-ufrag"),
            keys: section.part.all("crypto").collect(),
        }
    }
}

pub(super) fn check(
    offer: &Description,
    answer: &Description,
    (offered, answered): (&Section, &Section),
    problems: &mut Vec<(Party, Problem)>,
) {
    let (mine, others) = (Side::new(offer, offered), Side::new(answer, answered));
    ice(&mine, &others, problems);
    if mine.has_dtls && !others.has_dtls {
        if mine.keys.is_empty() || others.keys.is_empty() {
            without_dtls(&mine, &others, problems);
            return;
        }
    } else if others.has_dtls {
        if !mine.has_dtls && !mine.keys.is_empty() {
            problem(
                problems,
                (Code::SdpCrypto, Party::Answer, answered.line),
                format!(
                    "{} was offered with keys in the description (a=crypto), and is answered with DTLS",
                    offered.name()
                ),
                (
                    "RFC 4568 5.1.2",
                    "no keys come about, so no media can be read",
                ),
            );
        }
        return;
    }
    described(&mine, &others, problems);
}

/// What an answer with ICE or DTLS lacks is among its own problems.
fn ice(mine: &Side<'_>, others: &Side<'_>, problems: &mut Vec<(Party, Problem)>) {
    if !mine.has_ice || others.has_ice || others.description.is_webrtc() {
        return;
    }
    let found = Problem::new(
        Code::SdpIce,
        others.section.line,
        format!(
            "{} was offered with ICE, and the answer has none",
            mine.section.name()
        ),
        "RFC 8839 4.2.5",
        "browsers refuse the answer: \"Called with SDP without ice-ufrag and ice-pwd\"; other agents send to the address in c=, untested",
    );
    problems.push((
        Party::Answer,
        found.severity(if mine.has_dtls {
            Severity::Error
        } else {
            Severity::Warning
        }),
    ));
}

fn without_dtls(mine: &Side<'_>, others: &Side<'_>, problems: &mut Vec<(Party, Problem)>) {
    if others.description.is_webrtc() {
        return;
    }
    let (line, what) = match others.keys.first() {
        Some(keys) => (keys.line, "has keys in the description instead (a=crypto)"),
        None => (others.section.line, "has none"),
    };
    problem(
        problems,
        (Code::SdpFingerprint, Party::Answer, line),
        format!(
            "{} was offered with keys by DTLS (a=fingerprint), and the answer {what}",
            mine.section.name()
        ),
        (
            "RFC 5763 5, RFC 8827 6.5",
            "browsers refuse the answer: \"Called with SDP without DTLS fingerprint\"; others have no keys in common",
        ),
    );
}

/// RFC 4568 5.1.2 and 7.1.2: one of the offered lines is taken, with its tag and its suite.
fn described(mine: &Side<'_>, others: &Side<'_>, problems: &mut Vec<(Party, Problem)>) {
    let is_secure = others.section.protocol.contains("SAVP");
    if mine.keys.is_empty() || !is_secure {
        return;
    }
    let Some(taken) = others.keys.first() else {
        return problem(
            problems,
            (Code::SdpCrypto, Party::Answer, others.section.line),
            format!(
                "{} was offered with keys in the description, and the answer has no a=crypto",
                mine.section.name()
            ),
            (
                "RFC 4568 5.1.2",
                "the answerer's media cannot be read, and phones end the call or play noise",
            ),
        );
    };
    if let [_, second, ..] = others.keys.as_slice() {
        let found = Problem::new(
            Code::SdpCrypto,
            second.line,
            "an answer has one a=crypto, that which it takes",
            "RFC 4568 5.1.2",
            "the offerer takes the first, or refuses the answer",
        );
        problems.push((Party::Answer, found.severity(Severity::Warning)));
    }
    let read = |attribute: &Attribute| {
        let mut fields = attribute.value.split_ascii_whitespace();
        let mut next = || printable(fields.next().unwrap_or_default());
        (next(), next())
    };
    let (tag, suite) = read(taken);
    let offered: Vec<(String, String)> = mine.keys.iter().map(|keys| read(keys)).collect();
    let message = match offered.iter().find(|(other, _)| *other == tag) {
        Some((_, other)) if other.eq_ignore_ascii_case(&suite) => return,
        Some((_, other)) => {
            format!("a=crypto with tag {tag} has the suite {suite}, and was offered with {other}")
        }
        None => {
            let tags: Vec<String> = offered
                .iter()
                .map(|(tag, suite)| format!("{tag} {suite}"))
                .collect();
            format!(
                "a=crypto takes tag {tag} ({suite}), and what was offered is {}",
                tags.join(", ")
            )
        }
    };
    problem(
        problems,
        (Code::SdpCrypto, Party::Answer, taken.line),
        message,
        (
            "RFC 4568 5.1.2",
            "the two have no suite in common: media cannot be read, and the offerer is to refuse it",
        ),
    );
}
