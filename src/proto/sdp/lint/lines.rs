//! The frame: what kind of lines there are, and in which order (RFC 8866 5).

use std::net::IpAddr;

use super::{Problem, of_copy};
use crate::base::codes::Code;
use crate::base::report::Severity;
use crate::base::words::printable;
use crate::proto::sdp::model::Description;
use crate::proto::sdp::scan::Line;

/// The order of the session's lines.
const ORDER: &str = "vosiuepcbtrzka";
/// Lines that Chromium reads before the first section, in whatever number.
const SESSION: &str = "vosiuepcbtrzka";
const WITHOUT_IT: &str = "Chromium refuses the whole description; SIP stacks mostly do not mind";

pub(super) fn check(description: &Description, problems: &mut Vec<Problem>) {
    strays(description, problems);
    ends(description, problems);
    order(description, problems);
    if description.is_cut {
        problems.push(
            Problem::new(
                Code::SdpLine,
                None,
                "the description has more lines than are read here; those behind were left out",
                "RFC 8866 5",
                "no program makes such a description",
            )
            .severity(Severity::Warning),
        );
    }
}

fn strays(description: &Description, problems: &mut Vec<Problem>) {
    for stray in &description.strays {
        let is_blank = stray.text.trim().is_empty();
        let message = if stray.is_joined {
            "the line before goes on here, as mail programs wrap text: both are read as one line"
                .to_owned()
        } else if is_blank {
            "an empty line within the description".to_owned()
        } else if stray.is_indented {
            "blanks stand before the line".to_owned()
        } else {
            format!(
                "this is no line of a description: \"{}\"",
                printable(stray.text.trim())
            )
        };
        let problem = Problem::refusal(
            Code::SdpLine,
            stray.number,
            message,
            "RFC 8866 5",
            "Chromium refuses the whole description: \"Invalid SDP line\"",
        );
        let problem = if stray.is_joined {
            problem.remedy("copy it again from where it is not wrapped, or save it as a file")
        } else if is_blank {
            problem.remedy("take the empty line out; most parsers stop or refuse there")
        } else {
            problem
        };
        problems.push(if is_blank || stray.is_indented || stray.is_joined {
            of_copy(description, problem)
        } else {
            problem
        });
    }
}

fn ends(description: &Description, problems: &mut Vec<Problem>) {
    let ends = description.ends;
    if let Some(line) = ends.first_bad {
        let what = if ends.odd > 0 {
            "the end of the line is neither CR LF nor LF, but another row of both"
        } else {
            "the line ends with CR alone"
        };
        problems.push(of_copy(
            description,
            Problem::refusal(
                Code::SdpLineEnds,
                line,
                what,
                "RFC 8866 5",
                "Chromium refuses the whole description; a program that joins lines, or an editor, has changed them",
            ),
        ));
    }
    if ends.is_last_open && description.is_exact {
        problems.push(Problem::refusal(
            Code::SdpLineEnds,
            description.last_line(),
            "the last line has no end (CR LF)",
            "RFC 8866 5",
            "Chromium refuses the whole description: \"Invalid SDP line\"; trim() on a description does it",
        ));
    }
}

fn order(description: &Description, problems: &mut Vec<Problem>) {
    let others = &description.session.others;
    if others.is_empty() && description.session.attributes.is_empty() {
        problems.push(of_copy(
            description,
            Problem::refusal(
                Code::SdpLineOrder,
                description.sections.first().map(|section| section.line),
                "the description begins with a section: its session (v=, o=, s=, t=) is missing",
                "RFC 8866 5",
                WITHOUT_IT,
            ),
        ));
        return;
    }
    let attributes = description.session.attributes.first();
    let attributes = attributes.map(|attribute| attribute.line);
    let place = |letter: char| ORDER.find(letter);
    let mut before = None;
    for line in others {
        let Some(at) = place(line.letter) else {
            if !SESSION.contains(line.letter) {
                problems.push(Problem::refusal(
                    Code::SdpLine,
                    line.number,
                    format!(
                        "a line of type \"{}\" is not known in the session",
                        line.letter
                    ),
                    "RFC 8866 5",
                    "Chromium refuses the whole description: \"Expects m line\"",
                ));
            }
            continue;
        };
        // Each time may have its repetitions behind it.
        let is_next_time = line.letter == 't' && before == place('r');
        let is_behind = before.is_some_and(|before| at < before) && !is_next_time
            || attributes.is_some_and(|first| first < line.number);
        if is_behind {
            problems.push(Problem::refusal(
                Code::SdpLineOrder,
                line.number,
                format!(
                    "{}= stands too late: the order is v, o, s, i, u, e, p, c, b, t, r, z, k, a",
                    line.letter
                ),
                "RFC 8866 5",
                WITHOUT_IT,
            ));
        }
        before = before.max(Some(at));
    }
    for (letter, what) in [
        ('v', "version"),
        ('o', "origin"),
        ('s', "session name"),
        ('t', "time"),
    ] {
        if !others.iter().any(|line| line.letter == letter) {
            let problem = Problem::refusal(
                Code::SdpLineOrder,
                others.first().map(|line| line.number),
                format!("there is no {letter}= line ({what})"),
                "RFC 8866 5",
                WITHOUT_IT,
            );
            problems.push(problem.remedy(match letter {
                'v' => "add it as the first line: v=0",
                'o' => "add it behind v=: o=- 1 1 IN IP4 127.0.0.1",
                's' => "add it behind o=: s=-",
                _ => "add it before the attributes of the session: t=0 0",
            }));
        }
    }
    twice(description, problems);
    values(description, problems);
    types(description, problems);
}

/// Lines of which there is one.
fn twice(description: &Description, problems: &mut Vec<Problem>) {
    let others = &description.session.others;
    for (at, line) in others.iter().enumerate() {
        let is_single = match line.letter {
            'v' | 'o' | 's' | 'i' | 'u' | 'c' | 'z' | 'k' => true,
            // RFC 8866 has several, and browsers one.
            'e' | 'p' => description.is_webrtc(),
            _ => false,
        };
        if is_single && others[..at].iter().any(|other| other.letter == line.letter) {
            problems.push(Problem::refusal(
                Code::SdpLineOrder,
                line.number,
                format!("a second {}= line in the session", line.letter),
                "RFC 8866 5",
                WITHOUT_IT,
            ));
        }
    }
}

/// Types are small letters, and something stands behind each (RFC 8866 5).
fn types(description: &Description, problems: &mut Vec<Problem>) {
    let sections = description.sections.iter();
    let others = sections.flat_map(|section| &section.part.others);
    for line in others
        .clone()
        .filter(|line| line.letter.is_ascii_uppercase())
    {
        problems.push(Problem::refusal(
            Code::SdpLine,
            line.number,
            format!(
                "a line of type \"{}\": types are small letters",
                line.letter
            ),
            "RFC 8866 5",
            "Chromium refuses the whole description: \"Invalid SDP line\"",
        ));
    }
    let all = description.session.others.iter().chain(others);
    // What has rules of its own is told by them.
    let is_open =
        |line: &&Line| line.value.is_empty() && !matches!(line.letter, 'o' | 's' | 'c' | 'b');
    for line in all.filter(is_open) {
        problems.push(Problem::refusal(
            Code::SdpLine,
            line.number,
            format!("nothing stands behind {}=", line.letter),
            "RFC 8866 5",
            "Chromium refuses the whole description: \"Invalid SDP line\"",
        ));
    }
}

fn values(description: &Description, problems: &mut Vec<Problem>) {
    for line in &description.session.others {
        let problem = match line.letter {
            'o' if line.value.split_ascii_whitespace().count() != 6 => Some((
                "o= has six fields: user, session, version, IN, IP4 or IP6, address",
                "RFC 8866 5.2",
            )),
            // A blank is a name, and was cut off here; nothing at all is none. Phones have the blank, and a copy of
            // their text may have lost it.
            's' if line.value.is_empty()
                && !line.has_blank
                && (description.is_exact || description.is_webrtc()) =>
            {
                Some((
                    "s= is empty: where there is no name, it is \"s=-\" or a blank",
                    "RFC 8866 5.3",
                ))
            }
            _ => None,
        };
        if let Some((message, rfc)) = problem {
            problems.push(Problem::refusal(
                Code::SdpLine,
                line.number,
                message,
                rfc,
                WITHOUT_IT,
            ));
        }
        if line.letter == 'v' && line.value != "0" {
            problems.push(
                Problem::new(
                    Code::SdpLine,
                    line.number,
                    "the version is 0 in every description",
                    "RFC 8866 5.1",
                    "Chromium does not mind; others refuse the description",
                )
                .severity(Severity::Warning),
            );
        }
    }
    let parts = std::iter::once(&description.session)
        .chain(description.sections.iter().map(|section| &section.part));
    for line in parts.flat_map(|part| &part.others) {
        if line.letter == 'c' {
            problems.extend(connection(description, line));
        }
        if line.letter != 'b' {
            continue;
        }
        let number = line.value.split_once(':').map(|(_, number)| number);
        if number.is_none_or(|number| number.trim().parse::<u64>().is_err()) {
            problems.push(Problem::refusal(
                Code::SdpLine,
                line.number,
                "b= is a type, a colon, and a number",
                "RFC 8866 5.8",
                "Chromium refuses the whole description",
            ));
        }
    }
}

/// RFC 8866 5.7. A name may stand in place of an address.
fn connection(description: &Description, line: &Line) -> Option<Problem> {
    let refuse = |message: String| {
        Some(Problem::refusal(
            Code::SdpAddress,
            line.number,
            message,
            "RFC 8866 5.7",
            "Chromium refuses the whole description: \"Failed to parse the connection data\"",
        ))
    };
    let fields: Vec<&str> = line.value.split_ascii_whitespace().collect();
    let ["IN", family @ ("IP4" | "IP6"), address, ..] = fields.as_slice() else {
        return refuse(format!(
            "\"c={}\" cannot be read: IN, IP4 or IP6, and an address are meant",
            printable(&line.value)
        ));
    };
    let (address, is_multicast) = match address.split_once('/') {
        Some((address, _)) => (address, true),
        None => (*address, false),
    };
    let other = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) if *family == "IP6" => "IPv4",
        Ok(IpAddr::V6(_)) if *family == "IP4" => "IPv6",
        _ if is_multicast && description.is_webrtc() => {
            return refuse("c= has a multicast address: WebRTC has none".to_owned());
        }
        _ => return None,
    };
    refuse(format!(
        "c= says {family}, and {} is an {other} address",
        printable(address)
    ))
}
