//! The syntax of each attribute.

use super::Problem;
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::{Attribute, Description, Part};
use crate::proto::sdp::syntax;

/// Attributes of which Chromium refuses the whole description if it cannot read them.
const FATAL: [&str; 11] = [
    "rtpmap",
    "fmtp",
    "candidate",
    "ssrc",
    "fingerprint",
    "setup",
    "extmap",
    "simulcast",
    "sctp-port",
    "group",
    "rtcp-fb",
];
/// Those that other rules look at, which say more.
const ELSEWHERE: [&str; 6] = [
    "fingerprint",
    "setup",
    "extmap",
    "ice-ufrag",
    "ice-pwd",
    "rtpmap",
];

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    let parts = std::iter::once(&description.session)
        .chain(description.sections.iter().map(|section| &section.part));
    for part in parts {
        for attribute in &part.attributes {
            problems.extend(of(attribute));
        }
        directions(part, problems);
    }
}

fn of(attribute: &Attribute) -> Option<Problem> {
    if attribute.text.starts_with([' ', '\t']) || attribute.text.is_empty() {
        return Some(Problem::refusal(
            Code::SdpAttribute,
            attribute.line,
            "no name stands behind a=",
            "RFC 8866 5.13",
            "Chromium refuses the whole description: \"Invalid SDP line\"",
        ));
    }
    if ELSEWHERE.contains(&attribute.name.as_str()) {
        return None;
    }
    let objection = own(attribute).or_else(|| {
        let objection = syntax::objection(&attribute.text)?;
        (!is_read_by_all(attribute)).then_some(objection)
    })?;
    let message = format!(
        "a={} cannot be read: {}",
        printable(&attribute.name),
        printable(&objection)
    );
    Some(if FATAL.contains(&attribute.name.as_str()) {
        Problem::refusal(
            Code::SdpAttribute,
            attribute.line,
            message,
            "RFC 8866 5.13",
            "Chromium refuses the whole description, and Mozilla's parser this line",
        )
    } else {
        Problem::new(
            Code::SdpAttribute,
            attribute.line,
            message,
            "RFC 8866 5.13",
            "Mozilla's parser does not read it; others pass over it",
        )
        .severity(Severity::Warning)
    })
}

/// What is read by browsers, Mozilla's own among them, although the parser does not take it.
fn is_read_by_all(attribute: &Attribute) -> bool {
    match attribute.name.as_str() {
        // Parameters that it does not know, and tones as `0-15` in any form.
        "fmtp" => attribute
            .value
            .split_once(' ')
            .is_some_and(|(payload, rest)| {
                (payload == "*" || payload.parse::<u8>().is_ok()) && !rest.trim().is_empty()
            }),
        // Feedback of newer kinds.
        "rtcp-fb" => {
            let mut fields = attribute.value.split_whitespace();
            let payload = fields.next().unwrap_or_default();
            (payload == "*" || payload.parse::<u8>().is_ok()) && fields.next().is_some()
        }
        // Newer extensions, and transports that are passed over.
        "candidate" => attribute.value.split_whitespace().count() >= 8,
        "ssrc" => attribute
            .value
            .split_whitespace()
            .next()
            .is_some_and(|id| id.parse::<u32>().is_ok()),
        "group" | "msid" | "msid-semantic" | "ssrc-group" | "rid" => !attribute.value.is_empty(),
        _ => false,
    }
}

/// What the parser lets pass, and Chromium does not.
fn own(attribute: &Attribute) -> Option<String> {
    let wrong = |text: &str| Some(text.to_owned());
    match attribute.name.as_str() {
        "sctp-port" if attribute.value.parse::<u16>().is_err() => wrong("a port is meant"),
        "fmtp" if attribute.value.split_whitespace().nth(1).is_none() => {
            wrong("a payload type and parameters are meant")
        }
        "simulcast" => {
            let words: Vec<&str> = attribute.value.split_whitespace().collect();
            let pairs = words.chunks(2);
            let is_right = matches!(words.len(), 2 | 4)
                && pairs.clone().all(|pair| matches!(pair[0], "send" | "recv"))
                && (words.len() == 2 || words[0] != words[2]);
            if is_right {
                None
            } else {
                wrong("\"send\" or \"recv\" with a list of rids is meant, once or twice")
            }
        }
        _ => None,
    }
}

fn directions(part: &Part, problems: &mut Vec<Problem>) {
    let all: Vec<_> = part.directions().collect();
    if let ([.., (last, line)], Some((first, _))) = (all.as_slice(), all.first())
        && first != last
    {
        problems.push(
            Problem::new(
                Code::SdpDirection,
                *line,
                format!("the section says {first} and {last}"),
                "RFC 8866 6.7",
                "Chromium takes the last one; others the first",
            )
            .severity(Severity::Warning),
        );
    }
}
