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

/// What may have been meant, in words to be put behind a complaint: a name with a typing mistake or two, or one that goes on
/// where this one ends, or the reverse. Anything else is no help.
pub fn suggestion<'a>(
    asked: &str,
    known: impl Iterator<Item = &'a str>,
    otherwise: &str,
) -> String {
    /// Fewer letters begin too many names.
    const LEAST: usize = 3;
    let asked = asked.to_lowercase();
    let is_near = |name: &str| {
        let mistakes = strsim::damerau_levenshtein(&asked, name);
        let (shorter, longer) = if asked.len() < name.len() {
            (&*asked, name)
        } else {
            (name, &*asked)
        };
        mistakes <= 1 + asked.len() / 4 || (shorter.len() >= LEAST && longer.starts_with(shorter))
    };
    let alike = known
        .filter(|name| is_near(name))
        .map(|name| (strsim::jaro_winkler(&asked, name), name))
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    alike.map_or_else(
        || otherwise.to_owned(),
        |(_, name)| format!("; did you mean '{name}'?"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_away_is_not_suggested() {
        let known = [
            "not-stun",
            "nat",
            "udp-blocked",
            "exit-codes",
            "server",
            "servers",
        ];
        for (asked, meant) in [
            ("nosuch", None),
            ("x", None),
            ("na", Some("nat")),
            ("nat-typ", Some("nat")),
            ("udp-bloked", Some("udp-blocked")),
            ("exit", Some("exit-codes")),
            ("servr", Some("server")),
            ("Server", Some("server")),
        ] {
            let said = suggestion(asked, known.into_iter(), "; nothing");
            let expected = meant.map_or_else(
                || "; nothing".to_owned(),
                |name| format!("; did you mean '{name}'?"),
            );
            assert_eq!(said, expected, "{asked}");
        }
    }
}
