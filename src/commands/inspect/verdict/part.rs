//! The verdict where not all was read.

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{Finding, Verdict};

/// What was read tells less than the whole. `stopped` is why the reading ended before the files did, if it did.
pub fn of_part(mut verdict: Verdict, stopped: Option<Reason>) -> Verdict {
    match stopped {
        None => {}
        Some(Reason::Interrupted) => {
            verdict.outcome = Outcome::Interrupted;
            verdict.summary = format!("Interrupted. {}", verdict.summary);
        }
        Some(_) => {
            // What was not read may tell of a call that did not work.
            if verdict.outcome == Outcome::Good {
                verdict.outcome = Outcome::Inconclusive;
            }
            verdict.summary = format!(
                "{} The time limit (--timeout) ended before everything was read.",
                verdict.summary
            );
            verdict.findings.push(Finding::new(
                Code::Timeout,
                "the time limit (--timeout) ended before everything was read",
                "give it more time with --timeout",
            ));
            verdict.findings.sort_by_key(|finding| finding.severity);
        }
    }
    if verdict.outcome != Outcome::Good {
        verdict.caveat = None;
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Verdict {
        Verdict {
            outcome: Outcome::Good,
            caveat: None,
            findings: Vec::new(),
            summary: "The call worked.".to_owned(),
        }
    }

    #[test]
    fn a_part_proves_less() {
        assert_eq!(of_part(good(), None).outcome, Outcome::Good);
        let interrupted = of_part(good(), Some(Reason::Interrupted));
        assert_eq!(interrupted.outcome, Outcome::Interrupted);
        assert_eq!(interrupted.summary, "Interrupted. The call worked.");
        let late = of_part(good(), Some(Reason::Timeout));
        assert_eq!(late.outcome, Outcome::Inconclusive);
        assert_eq!(late.findings[0].code, Code::Timeout);
    }
}
