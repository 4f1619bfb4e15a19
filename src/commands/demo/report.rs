//! The result of `rtcdiag demo`: the documents of the other commands.

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::report::{Document, Finding, Severity, Verdict};
use crate::commands::gather::report::GatherResult;
use crate::commands::nat::report::NatResult;
use crate::commands::pair::report::PairResult;

#[derive(Debug, Clone, Serialize)]
pub struct DemoResult {
    pub nat: Document<NatResult>,
    pub gather: Document<GatherResult>,
    pub pair: Sides,
}

#[derive(Debug, Clone, Serialize)]
pub struct Sides {
    pub a: Document<PairResult>,
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
            caveat: None,
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
            code: Code::DemoPartFailed,
            severity: Severity::Error,
            message: format!("{name}: {summary}"),
            hint: None,
        })
        .collect();
    let names: Vec<&str> = bad.iter().map(|(name, ..)| *name).collect();
    let summary = match outcome {
        Outcome::Interrupted => "The demonstration was interrupted.".to_owned(),
        _ => format!(
            "Over loopback, {} did not work as it should.",
            names.join(" and ")
        ),
    };
    Verdict {
        outcome,
        caveat: None,
        findings,
        summary,
    }
}
