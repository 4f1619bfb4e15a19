//! What a verdict is worth if this process ran out of file descriptors: sockets that were never opened
//! say nothing of servers and networks.

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::report::{Finding, Severity, Verdict};
use crate::net::descriptors;

/// What the findings of a run advise to do about servers and networks does not follow any more.
pub fn judged(verdict: Verdict, ran_out: bool) -> Verdict {
    if !ran_out {
        return verdict;
    }
    let Verdict {
        mut outcome,
        caveat,
        mut findings,
        mut summary,
    } = verdict;
    let is_good = outcome == Outcome::Good;
    let limit = descriptors::limit().map_or_else(String::new, |n| format!(" ({n} are allowed)"));
    let what = format!("this process ran out of file descriptors{limit}");
    if !is_good {
        for finding in &mut findings {
            let is_ours = matches!(finding.code, Code::LocalLimit | Code::ExpectationNotMet);
            if finding.severity == Severity::Error && !is_ours {
                finding.severity = Severity::Info;
                finding.hint = None;
            }
        }
        findings.retain(|finding| finding.code != Code::Stragglers);
        let text = format!(
            "T{}, so not everything could be tried, and what failed says nothing of servers or the network. Raise the limit (ulimit -n), and run it again.",
            &what[1..]
        );
        if outcome == Outcome::Interrupted {
            summary = format!("Interrupted. {text}");
        } else {
            outcome = Outcome::Error;
            summary = text;
        }
    }
    let severity = if is_good {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mut known = findings.iter_mut().filter(|f| f.code == Code::LocalLimit);
    if let Some(known) = known.next_back() {
        known.severity = severity;
    } else {
        let hint = "raise the limit (ulimit -n; LimitNOFILE of a service), or name fewer servers or one --interface";
        let message = format!("{what}: some sockets were not opened");
        findings.push(Finding::new(Code::LocalLimit, message, hint).severity(severity));
    }
    findings.sort_by_key(|finding| finding.severity);
    Verdict {
        outcome,
        caveat,
        findings,
        summary,
    }
}
