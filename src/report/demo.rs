//! The result of `rtcdiag demo`: the documents of the other commands.

use serde::Serialize;

use super::gather::GatherResult;
use super::nat::NatResult;
use super::pair::PairResult;
use super::{Document, Finding, Severity, Verdict};
use crate::exit::Outcome;

/// What each command gave.
#[derive(Debug, Clone, Serialize)]
pub struct DemoResult {
    /// `nat`.
    pub nat: Document<NatResult>,
    /// `gather`.
    pub gather: Document<GatherResult>,
    /// `pair`, on both sides.
    pub pair: Sides,
}

/// Both sides of a session.
#[derive(Debug, Clone, Serialize)]
pub struct Sides {
    /// The one whose text is shown.
    pub a: Document<PairResult>,
    /// The other one.
    pub b: Document<PairResult>,
}

/// The verdict on all of them: as good as the worst.
pub fn combined(
    nat: &Document<NatResult>,
    gather: &Document<GatherResult>,
    pair: [&Document<PairResult>; 2],
) -> Verdict {
    let parts = [
        ("nat", nat.outcome, &nat.summary),
        ("gather", gather.outcome, &gather.summary),
        ("pair", pair[0].outcome, &pair[0].summary),
        ("pair", pair[1].outcome, &pair[1].summary),
    ];
    let worst = [
        Outcome::Interrupted,
        Outcome::Error,
        Outcome::Bad,
        Outcome::Inconclusive,
    ]
    .into_iter()
    .find(|outcome| parts.iter().any(|(_, part, _)| part == outcome));
    let Some(outcome) = worst else {
        return Verdict {
            outcome: Outcome::Good,
            findings: Vec::new(),
            summary: "rtcdiag works on this machine: nat, gather and pair ran over loopback, with servers of its own.".to_owned(),
        };
    };
    let bad: Vec<_> = parts
        .iter()
        .filter(|(_, part, _)| *part != Outcome::Good)
        .collect();
    let findings = bad
        .iter()
        .map(|(name, _, summary)| Finding {
            code: "demo-part-failed",
            severity: Severity::Error,
            message: format!("{name}: {summary}"),
            hint: None,
        })
        .collect();
    let names: Vec<&str> = bad.iter().map(|(name, ..)| *name).collect();
    let summary = match outcome {
        Outcome::Interrupted => "The demonstration was interrupted.".to_owned(),
        _ => format!(
            "Over loopback, {} did not come out as it should.",
            names.join(" and ")
        ),
    };
    Verdict {
        outcome,
        findings,
        summary,
    }
}
