//! What `explain`, `man` and `completions` have in common: they print what is always the same.

use serde::Serialize;

use crate::base::exit::Outcome;
use crate::base::report::{Document, Verdict};
use crate::commands::frame::Frame;
use crate::ui::output::Output;
use crate::ui::redact::Redaction;
use crate::ui::style::Style;

/// A file: with `--json` its name stands beside its text.
#[derive(Debug, Clone, Serialize)]
pub struct TextResult {
    pub file: String,
    pub text: String,
}

/// Prints what is the same for everybody. It has nothing to redact: its addresses are examples.
pub fn say<R: Serialize>(
    frame: &Frame,
    summary: String,
    result: R,
    text: impl Fn(&Document<R>, Style) -> String,
) -> anyhow::Result<Outcome> {
    let common = frame.common;
    let output = Output::new(common.color, common.quiet, Redaction::new(false));
    let frame = Frame {
        output: &output,
        slack: frame.slack.clone(),
        ..*frame
    };
    let verdict = Verdict {
        outcome: Outcome::Good,
        caveat: None,
        findings: Vec::new(),
        summary,
    };
    frame.finish(verdict, result, |document, style, _| text(document, style))
}

/// What may have been meant, in words to be put behind a complaint.
pub fn suggestion<'a>(
    asked: &str,
    known: impl Iterator<Item = &'a str>,
    otherwise: &str,
) -> String {
    /// As clap has it for commands and flags.
    const ALIKE: f64 = 0.7;
    let asked = asked.to_lowercase();
    let alike = known
        .map(|name| (strsim::jaro_winkler(&asked, name), name))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    alike.map_or_else(
        || otherwise.to_owned(),
        |(_, name)| format!("; did you mean '{name}'?"),
    )
}
