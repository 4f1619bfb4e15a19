//! What the text of all commands has in common.

use super::style::{Ink, Style};
use crate::exit::Outcome;
use crate::fact::Fact;
use crate::report::{Document, Finding, Millis, Severity};

/// How much to show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail {
    /// Everything (`-v`).
    pub verbose: bool,
    /// No hints (`-q`).
    pub terse: bool,
}

/// Adds text without spaces at the ends of its lines.
pub fn line(out: &mut String, text: &str) {
    for text in text.lines() {
        out.push_str(text.trim_end());
        out.push('\n');
    }
}

/// Adds a heading.
pub fn section(out: &mut String, style: Style, title: &str) {
    out.push('\n');
    line(out, &style.paint(Ink::Bold, title));
}

/// The colour of an outcome.
pub const fn ink(outcome: Outcome) -> Ink {
    match outcome {
        Outcome::Good => Ink::Good,
        Outcome::Bad | Outcome::Error => Ink::Bad,
        Outcome::Inconclusive | Outcome::Interrupted => Ink::Caution,
    }
}

/// The outcome in a word.
pub const fn headline_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Good => "good",
        Outcome::Bad => "bad",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Interrupted => "interrupted",
        Outcome::Error => "error",
    }
}

/// Outcome and what it is about, in one line.
pub fn headline<R>(document: &Document<R>, about: &str) -> String {
    let outcome = headline_of(document.outcome);
    let missed = document
        .findings
        .iter()
        .any(|f| f.code == "expectation-not-met");
    let remark = if missed { ", not as expected" } else { "" };
    format!("{outcome}: {about}{remark}")
}

/// The value, or in brackets why there is none: an empty cell would be misread.
pub fn shown<T: std::fmt::Display>(fact: &Fact<T>) -> String {
    match fact {
        Fact::Determined(value) => value.to_string(),
        Fact::Inconclusive { reason, .. } => format!("? ({})", reason.text()),
        Fact::NotTested { reason } => format!("- ({})", reason.text()),
    }
}

/// The same in words.
pub fn yes_no(fact: &Fact<bool>) -> String {
    shown(&fact.clone().map(|value| if value { "yes" } else { "no" }))
}

/// A time, or a dash.
pub fn milliseconds(time: Option<Millis>) -> String {
    time.map_or_else(|| "-".to_owned(), |ms| format!("{:.1} ms", ms.as_f64()))
}

/// Adds the findings.
pub fn findings<R>(out: &mut String, document: &Document<R>, style: Style, detail: Detail) {
    if document.findings.is_empty() {
        return;
    }
    section(out, style, "Findings");
    for Finding {
        severity,
        message,
        hint,
        ..
    } in &document.findings
    {
        let (label, ink) = match severity {
            Severity::Info => ("info", Ink::Faint),
            Severity::Warning => ("warning", Ink::Caution),
            Severity::Error => ("error", Ink::Bad),
        };
        let wrapped = style.wrap(&format!("{label}: {message}"), 2);
        let painted = wrapped.replacen(label, &style.paint(ink, label), 1);
        line(out, &painted);
        if let (Some(hint), false) = (hint, detail.terse) {
            let text = style.narrower(2).wrap(&format!("hint: {hint}"), 6);
            for text in text.lines() {
                line(out, &format!("  {text}"));
            }
        }
    }
}
