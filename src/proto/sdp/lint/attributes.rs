//! The syntax of each attribute.

mod forms;

use super::Problem;
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::{Attribute, Description, Part};
use crate::proto::sdp::syntax;

/// Attributes of which Chromium refuses the whole description if it cannot read them.
const FATAL: [&str; 13] = [
    "rtpmap",
    "fmtp",
    "candidate",
    "ssrc",
    "fingerprint",
    "setup",
    "extmap",
    "simulcast",
    "sctp-port",
    "rtcp-fb",
    "msid",
    "max-message-size",
    "ssrc-group",
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
    let objection = forms::objection(attribute).or_else(|| {
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
            rfc(&attribute.name),
            "Chromium refuses the whole description",
        )
    } else {
        Problem::new(
            Code::SdpAttribute,
            attribute.line,
            message,
            rfc(&attribute.name),
            "Mozilla's parser does not read it; others pass over it",
        )
        .severity(Severity::Warning)
    })
}

/// Where the syntax of an attribute stands.
fn rfc(name: &str) -> &'static str {
    match name {
        "candidate" => "RFC 8839 5.1",
        "fmtp" => "RFC 8866 6.15",
        "rtcp-fb" => "RFC 4585 4.2",
        "ssrc" => "RFC 5576 4.1",
        "ssrc-group" => "RFC 5576 4.2",
        "msid" => "RFC 8830 2",
        "simulcast" => "RFC 8853 5.1",
        "sctp-port" => "RFC 8841 5",
        "max-message-size" => "RFC 8841 6",
        _ => "RFC 8866 5.13",
    }
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
            let mut fields = attribute.value.split_ascii_whitespace();
            let payload = fields.next().unwrap_or_default();
            (payload == "*" || payload.parse::<u8>().is_ok()) && fields.next().is_some()
        }
        // Newer extensions; their forms are known.
        "candidate" | "ssrc" | "msid" | "ssrc-group" => true,
        "group" | "msid-semantic" | "rid" => !attribute.value.is_empty(),
        _ => false,
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
