//! Blanks: one U+0020 parts the fields of a line, and none stands at its ends (RFC 8866 5, 9).

use super::{Problem, of_copy};
use crate::base::codes::Code;
use crate::base::words::printable;
use crate::proto::sdp::model::Description;

/// Attributes that Chromium refuses with a blank at the end, which it takes for a part of the value.
const AT_END: [&str; 9] = [
    "group",
    "ice-ufrag",
    "ice-pwd",
    "fingerprint",
    "setup",
    "mid",
    "sctp-port",
    "max-message-size",
    "ssrc-group",
];
/// Those that it refuses with a tab in place of the first blank, as far as their own rules do not say so.
const WITH_TAB: [&str; 4] = ["fingerprint", "rtcp-fb", "extmap", "simulcast"];
/// Those that it refuses with two blanks for one.
const DOUBLED: [&str; 3] = ["group", "fingerprint", "rtpmap"];

/// A line, and what Chromium minds in it.
struct Line<'a> {
    number: usize,
    /// How it begins: `m=`, `a=mid`.
    name: String,
    value: &'a str,
    has_blank: bool,
    minds: Minds,
}

#[derive(Clone, Copy, Default)]
struct Minds {
    end: bool,
    tab: bool,
    double: bool,
}

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    if !description.is_webrtc() {
        return;
    }
    let all = lines(description);
    let ends = all.iter().filter(|line| line.has_blank).count();
    // A terminal fills up each line with blanks, and they are copied with it.
    let is_padded = ends > 1 && ends * 2 > all.len();
    for line in &all {
        let refuse = |message: String| {
            Problem::refusal(
                Code::SdpLine,
                line.number,
                message,
                "RFC 8866 5, 9",
                "Chromium refuses the whole description",
            )
        };
        let name = printable(&line.name);
        if line.minds.tab && line.value.contains('\t') {
            problems.push(refuse(format!(
                "a tab stands in {name}, where a blank is meant"
            )));
        } else if line.minds.double && line.value.contains("  ") {
            problems.push(refuse(format!(
                "two blanks stand in {name}, where one is meant"
            )));
        } else if line.minds.end && line.has_blank {
            let problem = refuse(format!("a blank stands at the end of {name}"));
            problems.push(if is_padded {
                of_copy(description, problem)
            } else {
                problem
            });
        } else if line.value.starts_with(' ') && !matches!(line.name.as_str(), "s=" | "c=") {
            problems.push(refuse(format!("a blank stands behind {name}")));
        }
    }
}

fn lines(description: &Description) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for section in &description.sections {
        lines.push(Line {
            number: section.line,
            name: "m=".to_owned(),
            value: &section.text,
            has_blank: section.has_blank,
            minds: Minds {
                end: section.is_rtp(),
                tab: true,
                double: true,
            },
        });
    }
    for part in description.parts() {
        lines.extend(part.others.iter().map(|line| Line {
            number: line.number,
            name: format!("{}=", line.letter),
            value: &line.value,
            has_blank: line.has_blank,
            minds: Minds {
                end: matches!(line.letter, 'o' | 'b'),
                tab: matches!(line.letter, 'o' | 'c'),
                double: line.letter == 'o',
            },
        }));
        lines.extend(part.attributes.iter().map(|attribute| {
            let name = attribute.name.as_str();
            // What is parted by blanks only behind others is of no matter: `a=group:LS` and its kin.
            let is_read = name != "group" || attribute.value.starts_with("BUNDLE ");
            Line {
                number: attribute.line,
                name: format!("a={name}"),
                // A blank before a name is another mistake.
                value: attribute.text.trim_start(),
                has_blank: attribute.has_blank,
                minds: Minds {
                    end: is_read && AT_END.contains(&name),
                    tab: WITH_TAB.contains(&name),
                    double: is_read && DOUBLED.contains(&name),
                },
            }
        }));
    }
    lines
}
