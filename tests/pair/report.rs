//! `pair`: the verdict, what is said of each failure, and the text for people.

mod blocked;
mod browser;
mod causes;
mod failures;
mod layout;
mod media;
mod misread;
mod one_way;
mod plural;
mod refused;
mod relay_causes;
mod servers;
mod summary;
mod verdicts;
mod which_side;

use rtcdiag::base::exit::Outcome;
use rtcdiag::base::report::{Severity, Verdict};
use rtcdiag::commands::pair::report::PairResult;
use rtcdiag::commands::pair::verdict::causes::with_causes;
use rtcdiag::commands::pair::verdict::{Context, verdict};

fn judged(result: &PairResult) -> Verdict {
    let context = Context::default();
    verdict(&with_causes(result.clone(), &context), &context)
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|f| f.code.name()).collect()
}

fn has(verdict: &Verdict, code: &str) -> bool {
    codes(verdict).contains(&code)
}

#[track_caller]
fn ends(result: &PairResult, context: &Context, outcome: Outcome, words: &[&str]) -> Verdict {
    let verdict = verdict(&with_causes(result.clone(), context), context);
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
