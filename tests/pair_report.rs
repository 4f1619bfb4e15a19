//! `pair`: the verdict, what is said of each failure, and the text for people.

#[path = "pair_report/causes.rs"]
mod causes;
#[path = "pair_report/failures.rs"]
mod failures;
#[path = "pair_report/layout.rs"]
mod layout;
#[path = "common/pair_results.rs"]
mod pair_results;
#[path = "common/schema.rs"]
mod schema;
#[path = "pair_report/verdicts.rs"]
mod verdicts;

use rtcdiag::exit::Outcome;
use rtcdiag::report::pair::{Context, PairResult, verdict};
use rtcdiag::report::{Severity, Verdict};

fn judged(result: &PairResult) -> Verdict {
    verdict(result, &Context::default())
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|f| f.code).collect()
}

fn has(verdict: &Verdict, code: &str) -> bool {
    codes(verdict).contains(&code)
}

#[track_caller]
fn ends(result: &PairResult, context: &Context, outcome: Outcome, words: &[&str]) -> Verdict {
    let verdict = verdict(result, context);
    assert_eq!(verdict.outcome, outcome, "{verdict:#?}");
    assert!(verdict.summary.ends_with('.'), "{}", verdict.summary);
    assert!(!verdict.summary.contains(".."), "{}", verdict.summary);
    for word in words {
        let summary = &verdict.summary;
        assert!(summary.contains(word), "no '{word}' in: {summary}");
    }
    let severities: Vec<Severity> = verdict.findings.iter().map(|f| f.severity).collect();
    assert!(
        severities.is_sorted(),
        "the most severe last: {severities:?}"
    );
    verdict
}
