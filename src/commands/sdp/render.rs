//! `rtcdiag sdp` for people.

use crate::base::report::{Document, Severity};
use crate::base::words::counted;
use crate::commands::sdp::report::{ProblemReport, SdpResult};
use crate::commands::sdp::verdict::named;
use crate::proto::sdp::direction::Direction;
use crate::proto::sdp::negotiation::{MediaAgreement, Party};
use crate::ui::layout::{Detail, headline, line, section};
use crate::ui::style::{Ink, Style};

/// Room for a reason below its section.
const INDENT: u16 = 3;

/// `is_alone` if there is no answer, neither a real one nor a foretold one.
pub fn text(
    document: &Document<SdpResult>,
    is_alone: bool,
    style: Style,
    detail: Detail,
) -> String {
    let mut text = String::new();
    let Some(result) = &document.result else {
        return text;
    };
    line(&mut text, &headline(document, &about(result), style));
    if !result.media.is_empty() {
        section(&mut text, style, "Sections");
        media(&mut text, result, is_alone, style);
    }
    if !result.problems.is_empty() {
        section(&mut text, style, "Problems");
        for problem in &result.problems {
            self::problem(&mut text, problem, style, detail);
        }
    }
    text.push('\n');
    line(&mut text, &style.wrap(&document.summary, 0));
    text
}

fn about(result: &SdpResult) -> String {
    let accepted = result.media.iter().filter(|media| media.accepted).count();
    let errors = result
        .problems
        .iter()
        .filter(|p| p.finding.severity == Severity::Error)
        .count();
    let sections = result.media.len();
    let problems = match errors {
        0 => String::new(),
        1 => ", 1 error".to_owned(),
        count => format!(", {count} errors"),
    };
    format!("{accepted} of {}{problems}", counted(sections, "section"))
}

fn media(text: &mut String, result: &SdpResult, is_alone: bool, style: Style) {
    let mut table = style.table();
    table.set_header(vec!["section", "result", "codec", "media", "DTLS"]);
    for media in &result.media {
        let (word, ink) = if media.accepted {
            (if is_alone { "offered" } else { "accepted" }, Ink::Good)
        } else {
            ("refused", Ink::Bad)
        };
        table.add_row(vec![
            style.cell(Ink::Bold, named(media)),
            style.cell(ink, word),
            codec(media).into(),
            direction(media).into(),
            match media.dtls_client {
                Some(Party::Offer) => "offerer begins",
                Some(Party::Answer) => "answerer begins",
                None => "-",
            }
            .into(),
        ]);
    }
    line(text, &table.to_string());
    for media in &result.media {
        remarks(text, media, style);
    }
}

/// What a refused section lists is there for its syntax alone (RFC 3264 6).
fn codec(media: &MediaAgreement) -> String {
    let codec = media.codec.as_ref().filter(|_| media.accepted);
    codec.map_or_else(|| "-".to_owned(), Clone::clone)
}

fn direction(media: &MediaAgreement) -> &'static str {
    if !media.accepted {
        return "-";
    }
    if media.kind == "data" {
        return "both";
    }
    match media.direction {
        Direction::Sendrecv => "sendrecv",
        Direction::Sendonly => "sendonly",
        Direction::Recvonly => "recvonly",
        Direction::Inactive => "inactive",
    }
}

fn remarks(text: &mut String, media: &MediaAgreement, style: Style) {
    let mut say = |what: &str| {
        let wrapped = style
            .narrower(INDENT)
            .wrap(&format!("{}: {what}", named(media)), 2);
        for part in wrapped.lines() {
            line(text, &format!("   {part}"));
        }
    };
    if let Some(reason) = &media.reason {
        say(reason);
    }
    let others: Vec<&str> = media.codecs.iter().map(String::as_str).collect();
    if media.accepted && others.len() > 1 {
        let mut unique: Vec<&str> = Vec::new();
        for name in others {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        say(&unique.join(", "));
    }
    if !media.simulcast.is_empty() {
        say(&format!("simulcast {}", media.simulcast.join(", ")));
    }
}

fn problem(text: &mut String, problem: &ProblemReport, style: Style, detail: Detail) {
    let finding = &problem.finding;
    let (label, ink) = match finding.severity {
        Severity::Info => ("info", Ink::Faint),
        Severity::Warning => ("warning", Ink::Caution),
        Severity::Error => ("error", Ink::Bad),
    };
    let place = match problem.line {
        Some(number) => format!("{} line {number}", problem.source),
        None => problem.source.to_string(),
    };
    let wrapped = style.wrap(&format!("{label}: {place}: {}", finding.message), 2);
    line(text, &wrapped.replacen(label, &style.paint(ink, label), 1));
    let mut below = |what: &str| {
        let wrapped = style.narrower(2).wrap(what, 2);
        for part in wrapped.lines() {
            line(text, &format!("  {part}"));
        }
    };
    below(&format!("{}: {}", problem.rfc, problem.practice));
    if let (Some(hint), false) = (&finding.hint, detail.terse) {
        below(&format!("hint: {hint}"));
    }
    if !detail.terse {
        let explain = style.paint(Ink::Faint, &format!("explain: {}", finding.code));
        line(text, &format!("  {explain}"));
    }
}
