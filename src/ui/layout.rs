//! What the text of all commands has in common.

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Fact;
use crate::base::report::{Caveat, Document, Finding, Millis, Severity};
use crate::ui::style::{Ink, Style};

#[derive(Debug, Clone, Copy, Default)]
pub struct Detail {
    pub verbose: bool,
    pub terse: bool,
}

/// Adds text without spaces at the ends of its lines.
pub fn line(out: &mut String, text: &str) {
    for text in text.lines() {
        out.push_str(text.trim_end());
        out.push('\n');
    }
}

pub fn section(out: &mut String, style: Style, title: &str) {
    out.push('\n');
    line(out, &style.paint(Ink::Bold, title));
}

pub const fn ink(outcome: Outcome) -> Ink {
    match outcome {
        Outcome::Good => Ink::Good,
        Outcome::Bad | Outcome::Error => Ink::Bad,
        Outcome::Inconclusive | Outcome::Interrupted => Ink::Caution,
    }
}

pub const fn headline_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Good => "good",
        Outcome::Bad => "bad",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Interrupted => "interrupted",
        Outcome::Error => "error",
    }
}

/// How it went, in a word. "Good" is kept for good news.
pub fn headline_word(outcome: Outcome, caveat: Option<Caveat>) -> &'static str {
    let caveat = caveat.filter(|_| outcome == Outcome::Good);
    caveat.map_or_else(|| headline_of(outcome), Caveat::word)
}

/// How it went and what it is about, painted.
pub fn headline<R>(document: &Document<R>, about: &str, style: Style) -> String {
    let word = headline_word(document.outcome, document.caveat);
    let ink = if word == headline_of(document.outcome) {
        ink(document.outcome)
    } else {
        Ink::Caution
    };
    let missed = document
        .findings
        .iter()
        .any(|f| f.code == Code::ExpectationNotMet);
    let remark = if missed { ", not as expected" } else { "" };
    let wrapped = style.wrap(&format!("{word}: {about}{remark}"), 2);
    style.paint(ink, &wrapped)
}

/// The value, or in brackets why there is none: an empty cell would be misread.
pub fn shown<T: std::fmt::Display>(fact: &Fact<T>) -> String {
    match fact {
        Fact::Determined(value) => value.to_string(),
        Fact::Inconclusive { reason, .. } => format!("? ({})", reason.text()),
        Fact::NotTested { reason } => format!("- ({})", reason.text()),
    }
}

pub fn yes_no(fact: &Fact<bool>) -> String {
    shown(&fact.clone().map(|value| if value { "yes" } else { "no" }))
}

pub fn milliseconds(time: Option<Millis>) -> String {
    time.map_or_else(|| "-".to_owned(), |ms| format!("{:.1} ms", ms.as_f64()))
}

pub fn findings<R>(out: &mut String, document: &Document<R>, style: Style, detail: Detail) {
    if document.findings.is_empty() {
        return;
    }
    section(out, style, "Findings");
    for (place, finding) in document.findings.iter().enumerate() {
        let Finding {
            code,
            severity,
            message,
            hint,
        } = finding;
        let (label, ink) = match severity {
            Severity::Info => ("info", Ink::Faint),
            Severity::Warning => ("warning", Ink::Caution),
            Severity::Error => ("error", Ink::Bad),
        };
        let wrapped = style.wrap(&format!("{label}: {message}"), 2);
        let painted = wrapped.replacen(label, &style.paint(ink, label), 1);
        line(out, &painted);
        // What helps against several stands behind the last of them.
        let next = document.findings.get(place + 1);
        if next.is_some_and(|next| (next.code, &next.hint) == (*code, hint)) {
            continue;
        }
        if let (Some(hint), false) = (hint, detail.terse) {
            let text = style.narrower(2).wrap(&format!("hint: {hint}"), 6);
            for text in text.lines() {
                line(out, &format!("  {text}"));
            }
        }
        if !detail.terse {
            let explain = style.paint(Ink::Faint, &format!("explain: {code}"));
            line(out, &format!("  {explain}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::report::Verdict;

    #[test]
    fn what_helps_against_several_is_said_once() {
        let dead = |broker: &str| {
            Finding::new(
                Code::RendezvousUnusable,
                format!("{broker} is dead"),
                "check them",
            )
        };
        let other = Finding::new(Code::NoPeer, "nobody came", "check them");
        let verdict = Verdict {
            outcome: Outcome::Bad,
            caveat: None,
            findings: vec![dead("a"), dead("b"), other],
            summary: String::new(),
        };
        let times = (String::new(), Duration::ZERO);
        let document = Document::new(None, times, verdict, None::<()>);
        let style = Style {
            color: false,
            width: 80,
            redaction: None,
        };
        let mut out = String::new();
        findings(&mut out, &document, style, Detail::default());
        assert_eq!(out.matches("is dead").count(), 2, "{out}");
        assert_eq!(out.matches("hint: check them").count(), 2, "{out}");
        assert_eq!(
            out.matches("explain: rendezvous-unusable").count(),
            1,
            "{out}"
        );
    }
}
