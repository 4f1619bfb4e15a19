//! Descriptions that came by mail, out of an editor or out of a log: what somebody meant is read, and said.

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::Severity;
use rtcdiag::proto::sdp::source;

use super::mistakes::{OFFER, problems};
use super::{chromium_offer, read};

/// Each line behind what stands before it.
fn behind(text: &str, before: impl Fn(usize) -> String) -> String {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(place, line)| format!("{}{line}\n", before(place)));
    lines.collect()
}

/// The attributes of all sections.
fn attributes(text: &str) -> Vec<Vec<String>> {
    let sections = read(text).sections.into_iter();
    let texts = sections.map(|section| {
        let all = section.part.attributes.into_iter();
        all.map(|attribute| attribute.text).collect()
    });
    texts.collect()
}

#[test]
fn what_stands_before_each_line_is_passed_over() {
    let offer = chromium_offer().replace("\r\n", "\n");
    let wanted = attributes(&offer);
    assert!(wanted.len() > 1);
    for (what, text) in [
        ("a quotation", behind(&offer, |_| "> ".to_owned())),
        (
            "a quotation without its first mark",
            behind(&offer, |place| if place > 0 { "> " } else { "" }.to_owned()),
        ),
        (
            "numbers",
            behind(&offer, |place| format!("{:4} ", place + 1)),
        ),
        (
            "numbers and colons",
            behind(&offer, |place| format!("{}: ", place + 1)),
        ),
        (
            "numbers and tabs",
            behind(&offer, |place| format!("{}\t", place + 1)),
        ),
        (
            "a log",
            behind(&offer, |place| {
                format!("[12:00:{:02}.123] sdp: ", place % 60)
            }),
        ),
    ] {
        assert_eq!(attributes(&text), wanted, "{what}");
        assert_eq!(
            read(&text).sections[0].line,
            read(&offer).sections[0].line,
            "{what}"
        );
    }
}

/// As mail programs do it at blanks, and terminals in the middle of words.
fn wrapped(text: &str, width: usize, is_hard: bool) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while rest.len() > width {
            let blank = rest[..=width].rfind(' ').filter(|at| *at > 0 && !is_hard);
            match blank {
                Some(at) => {
                    lines.push(&rest[..at]);
                    rest = &rest[at + 1..];
                }
                None if is_hard => {
                    lines.push(&rest[..width]);
                    rest = &rest[width..];
                }
                None => {
                    // What has no blank is not broken.
                    let at = rest.find(' ').unwrap_or(rest.len());
                    lines.push(&rest[..at]);
                    rest = rest[at..].trim_start();
                }
            }
        }
        if !rest.is_empty() {
            lines.push(rest);
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn lines_that_were_wrapped_are_read_as_one() {
    let offer = chromium_offer().replace("\r\n", "\n");
    let wanted = attributes(&offer);
    for (width, is_hard) in [(72, false), (80, false), (80, true)] {
        let text = wrapped(&offer, width, is_hard);
        assert_ne!(text, offer);
        assert_eq!(attributes(&text), wanted, "{width} {is_hard}");
        let found = problems(&text);
        let joined: Vec<_> = found
            .iter()
            .filter(|problem| problem.message.contains("as mail programs wrap text"))
            .collect();
        assert!(!joined.is_empty(), "{found:?}");
        assert!(joined.iter().all(|problem| {
            problem.code == Code::SdpLine
                && problem.severity == Severity::Warning
                && problem.line.is_some()
        }));
        assert!(
            found
                .iter()
                .all(|problem| problem.severity < Severity::Error),
            "{found:?}"
        );
    }
}

/// One line of words in a description is not the rest of the line before it.
#[test]
fn what_somebody_wrote_between_is_no_part_of_a_line() {
    let text = OFFER.replacen("t=0 0\n", "t=0 0\nthis is my offer\n", 1);
    let found = problems(&text);
    assert!(
        found
            .iter()
            .any(|problem| problem.severity == Severity::Error
                && problem.message.contains("no line of a description")),
        "{found:?}"
    );
}

fn remedy(text: &str, words: &str) -> (Severity, String) {
    let found = problems(text);
    let one = found.iter().find(|problem| problem.message.contains(words));
    let one = one.unwrap_or_else(|| panic!("{words}: {found:?}"));
    (one.severity, one.remedy.unwrap_or_default().to_owned())
}

#[test]
fn what_to_do_fits_what_is_wrong() {
    let without = OFFER.replacen("t=0 0\n", "", 1);
    assert!(remedy(&without, "there is no t= line").1.contains("t=0 0"));
    let empty = OFFER.replacen("t=0 0\n", "t=0 0\n\n", 1);
    assert!(
        remedy(&empty, "an empty line")
            .1
            .contains("take the empty line out")
    );
    let phone =
        "v=0\no=- 1 1 IN IP4 203.0.113.5\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 4000 RTP/AVP 0\n";
    let (severity, words) = remedy(phone, "on hold");
    assert_eq!(severity, Severity::Info);
    assert!(
        words.starts_with("leave it so where a hold is meant"),
        "{words}"
    );
    let offer = chromium_offer();
    let rtx = offer.find("apt=").expect("it has rtx");
    let (before, rest) = offer.split_at(rtx);
    let digits = rest[4..]
        .find(|c: char| !c.is_ascii_digit())
        .expect("an end");
    let wrong = format!("{before}apt=1{}", &rest[4 + digits..]);
    assert!(remedy(&wrong, "repairs nothing").1.contains("apt="));
    assert!(source::read(&wrong).is_ok());
}
