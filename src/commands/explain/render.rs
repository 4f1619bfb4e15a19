//! `rtcdiag explain` for people.

use strum::VariantArray as _;

use crate::base::codes::catalogue::{Entry, Kind};
use crate::base::report::Severity;
use crate::commands::explain::markdown::{Block, blocks, spans};
use crate::commands::explain::report::ExplainResult;
use crate::ui::layout::{line, section};
use crate::ui::style::{Ink, Style};

/// In place of the spaces of code, which is not broken.
const NO_BREAK: &str = "\u{a0}";

/// Topics with a sentence on each, then the codes by kind.
pub fn list(result: &ExplainResult, style: Style) -> String {
    let mut text = String::new();
    line(
        &mut text,
        "rtcdiag explain NAME tells more of each of these.",
    );
    section(&mut text, style, "Topics");
    let longest = result.topics.iter().map(|topic| topic.topic.len()).max();
    let column = longest.unwrap_or_default() + 2;
    for topic in &result.topics {
        let name = format!("  {:column$}", topic.topic);
        hanging(&mut text, &name, &topic.description, style);
    }
    for kind in Kind::VARIANTS {
        section(&mut text, style, title(*kind));
        let first = |entry: &&Entry| entry.kinds.first() == Some(kind);
        let codes = result.codes.iter().filter(first);
        let codes: Vec<&str> = codes.map(|entry| entry.code.name()).collect();
        hanging(&mut text, "  ", &codes.join(", "), style);
    }
    text
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Finding => "Findings",
        Kind::Error => "Errors of servers and of the program, most of them findings too",
        Kind::Cause => "Why two hosts have no direct path, or no relay helped",
        Kind::PairFailure => "Why a candidate pair did not work",
        Kind::Reason => "Why a fact is not known",
    }
}

/// What is known of a name.
pub fn text(result: &ExplainResult, style: Style) -> String {
    let mut text = String::new();
    for entry in &result.codes {
        self::entry(&mut text, entry, style);
    }
    for topic in &result.topics {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&manual(topic.text, style));
    }
    text
}

fn entry(text: &mut String, entry: &Entry, style: Style) {
    let kinds: Vec<String> = entry
        .kinds
        .iter()
        .map(|kind| match (kind, entry.severity) {
            (Kind::Finding, Some(severity)) => format!("finding ({})", severity_name(severity)),
            (Kind::PairFailure, _) => "failure of a pair".to_owned(),
            _ => kind.to_string(),
        })
        .collect();
    let name = style.paint(Ink::Bold, entry.code.name());
    line(text, &format!("{name}: {}", kinds.join(", ")));
    text.push('\n');
    hanging(text, "", entry.meaning, style);
    text.push('\n');
    for (label, words) in [
        ("proof    ", Some(entry.proof)),
        ("remedy   ", Some(entry.remedy)),
        ("example  ", entry.example),
    ] {
        if let Some(words) = words {
            hanging(text, label, words, style);
        }
    }
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A term that is longer, with its list mark and colon, is broken at 80 columns.
const LONGEST_TERM: usize = 76;

/// A topic of the manual.
pub fn manual(topic: &str, style: Style) -> String {
    let mut text = String::new();
    let mut after_item = false;
    for block in blocks(topic) {
        let is_item = matches!(block, Block::Item(_) | Block::Definition(..));
        let follows_item = is_item && after_item;
        if !text.is_empty() && !follows_item {
            text.push('\n');
        }
        after_item = is_item;
        match block {
            Block::Title(title) | Block::Heading(title) => {
                line(&mut text, &style.paint(Ink::Bold, &title));
            }
            Block::Paragraph(words) => hanging(&mut text, "", &words, style),
            Block::Item(words) => hanging(&mut text, "- ", &words, style),
            Block::Definition(term, words) => {
                // A term is plain text; its own spaces do not break either where there is room.
                let fits = term.chars().count() < LONGEST_TERM;
                let mark = if fits { "`" } else { "" };
                let whole = wrapped(&format!("- {mark}{term}{mark}: {words}"), 2, style);
                let painted = style.paint(Ink::Bold, &term);
                line(&mut text, &whole.replacen(&term, &painted, 1));
            }
            Block::Code(lines) => {
                for code in lines {
                    line(&mut text, &format!("    {code}"));
                }
            }
        }
    }
    text
}

/// Words behind a label, all lines after the first indented as far.
fn hanging(text: &mut String, label: &str, words: &str, style: Style) {
    let indent = label.len();
    let narrow = style.narrower(u16::try_from(indent).unwrap_or(u16::MAX));
    for (index, part) in wrapped(words, 0, narrow).lines().enumerate() {
        if index == 0 {
            line(text, &format!("{label}{part}"));
        } else {
            line(text, &format!("{:indent$}{part}", ""));
        }
    }
}

/// Text without its backticks, broken between words, and never within code.
fn wrapped(text: &str, indent: usize, style: Style) -> String {
    let glued: String = spans(text)
        .map(|(piece, is_code)| {
            if is_code {
                piece.replace(' ', NO_BREAK)
            } else {
                piece.to_owned()
            }
        })
        .collect();
    style.wrap(&glued, indent).replace(NO_BREAK, " ")
}
