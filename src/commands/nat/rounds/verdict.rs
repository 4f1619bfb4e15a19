//! The verdict on several rounds: good only if every one was.

mod change;
mod totals;
mod trip;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{Finding, Severity, Verdict};
use crate::base::words::counted;
use crate::commands::nat::rounds::report::{Change, ServerTotals, What};
pub use totals::Totals;

/// What was wrong with rounds that were not good: how many, and what was said of the first.
#[derive(Debug, Clone, Default)]
pub struct Remarks {
    unmet: Option<Remark>,
    bad: Option<Remark>,
    unclear: Option<Remark>,
    nothing: Option<Remark>,
}

#[derive(Debug, Clone)]
struct Remark {
    rounds: u64,
    first: u64,
    said: String,
}

impl Remarks {
    pub fn add(&mut self, round: u64, verdict: &Verdict) {
        let unmet = verdict.findings.iter().find(|f| is_unmet(f));
        let (slot, said) = match (verdict.outcome, unmet) {
            (Outcome::Good, _) => return,
            (Outcome::Bad, Some(finding)) => (&mut self.unmet, &finding.message),
            (Outcome::Bad, None) => (&mut self.bad, &verdict.summary),
            (Outcome::Error, _) => (&mut self.nothing, &verdict.summary),
            _ => (&mut self.unclear, &verdict.summary),
        };
        let remark = slot.get_or_insert_with(|| Remark {
            rounds: 0,
            first: round,
            said: said.clone(),
        });
        remark.rounds += 1;
    }
}

fn is_unmet(finding: &Finding) -> bool {
    finding.code == Code::ExpectationNotMet
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Ending {
    pub planned: Option<u32>,
    /// Why it ended early, if it did.
    pub stopped: Option<Reason>,
}

/// The verdict on all rounds. `last` is that on the last one, or on one that was cut short if none
/// was finished.
pub fn verdict(totals: &Totals, remarks: &Remarks, last: Verdict, ended: Ending) -> Verdict {
    let done = totals.done();
    let missed = ended
        .planned
        .is_some_and(|planned| done < u64::from(planned));
    let mut outcome = if done == 0 {
        last.outcome
    } else {
        totals.outcome()
    };
    let interrupted = ended.stopped == Some(Reason::Interrupted);
    if interrupted {
        outcome = Outcome::Interrupted;
    } else if missed && outcome == Outcome::Good {
        outcome = Outcome::Inconclusive;
    }
    // What was expected is said once, for all rounds.
    let mut findings = last.findings;
    if done > 0 {
        findings.retain(|finding| !is_unmet(finding));
        findings.extend(of_remarks(remarks, done));
        findings.extend(totals.servers().iter().filter_map(of_server));
        findings.extend(
            totals
                .changes()
                .map(|(what, n, last)| of_change(what, n, last)),
        );
    }
    if let (true, Some(planned), false) = (missed && done > 0, ended.planned, interrupted) {
        findings.push(Finding::new(
            Code::RoundsMissing,
            format!("{done} of {planned} rounds were finished when it ended"),
            "give it more time with --timeout",
        ));
    }
    findings.sort_by_key(|f| f.severity);
    let said = last.summary;
    let said = said.strip_prefix("Interrupted. ").unwrap_or(&said);
    let mut summary = if done == 0 {
        said.to_owned()
    } else {
        format!("{} Last round: {said}", in_numbers(totals))
    };
    if interrupted {
        summary = format!("Interrupted. {summary}");
    }
    Verdict {
        outcome,
        caveat: last.caveat,
        findings,
        summary,
    }
}

fn of_remarks(remarks: &Remarks, done: u64) -> Vec<Finding> {
    let finding = |remark: &Option<Remark>, code, severity, about: &str, hint: &str| {
        let Remark {
            rounds,
            first,
            said,
        } = remark.as_ref()?;
        let message =
            format!("{about} in {rounds} of {done} rounds, first in round {first}: {said}");
        Some(Finding::new(code, message, hint).severity(severity))
    };
    [
        finding(
            &remarks.nothing,
            Code::RoundsWithoutNetwork,
            Severity::Warning,
            "nothing could be tested",
            "compare the times of the rounds with what else happened to this host's network",
        ),
        finding(
            &remarks.unclear,
            Code::RoundsInconclusive,
            Severity::Warning,
            "it could not be told",
            "a network that comes and goes looks like this; the line of each round says when",
        ),
        finding(
            &remarks.bad,
            Code::RoundsBad,
            Severity::Error,
            "it did not work",
            "compare the times of the rounds with what else happened in the network",
        ),
        finding(
            &remarks.unmet,
            Code::ExpectationNotMet,
            Severity::Error,
            "not as expected",
            "compare the times of the rounds with what else happened in the network",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One that never answered is found in the last round as well.
fn of_server(server: &ServerTotals) -> Option<Finding> {
    let ServerTotals {
        uri,
        rounds,
        answered,
    } = server;
    let now_and_then = (1..*rounds).contains(answered);
    now_and_then.then(|| {
        Finding::new(
            Code::ServerUnreliable,
            format!("{uri} answered in {answered} of {rounds} rounds"),
            "if other servers answered in the same rounds it is the server, or the way to it: ask another one",
        )
    })
}

fn of_change(what: What, times: u64, last: &Change) -> Finding {
    let (code, severity, hint) = match what {
        What::Address => (
            Code::AddressChanged,
            Severity::Warning,
            "each change ends the calls in progress, unless they restart ICE (RFC 8445 9); ask the provider for a fixed address, or check whether there are several uplinks",
        ),
        What::LocalAddress | What::Interface => (
            Code::LocalAddressChanged,
            Severity::Warning,
            "each change ends the calls in progress, unless they restart ICE (RFC 8445 9); fix the address in the router, or use a cable",
        ),
        What::Nat | What::Mapping | What::Filtering => (
            Code::BehaviorChanged,
            Severity::Warning,
            "check whether there are several uplinks, or whether the router falls back to other ports when it is busy",
        ),
        What::Path | What::Answers | What::Udp => (
            Code::ReachabilityChanged,
            Severity::Warning,
            "compare the times of the rounds with what else happened in the network",
        ),
        What::Rtt => (
            Code::RoundTripChanged,
            Severity::Info,
            "check whether the line was busy, or the way to the servers has changed",
        ),
    };
    let message = format!(
        "{}: the {} changed {}, last in round {}: {}",
        last.family.name(),
        what.text(),
        counted_times(times),
        last.round,
        last.words()
    );
    Finding::new(code, message, hint).severity(severity)
}

fn counted_times(times: u64) -> String {
    match times {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn in_numbers(totals: &Totals) -> String {
    let rounds = counted(
        usize::try_from(totals.done()).unwrap_or(usize::MAX),
        "round",
    );
    let counts = totals.counts();
    let outcomes: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let changed: Vec<String> = totals
        .changes()
        .map(|(what, n, _)| format!("{} {}", what.text(), counted_times(n)))
        .collect();
    let also = if totals.done() == 1 {
        String::new()
    } else if changed.is_empty() {
        "; nothing changed".to_owned()
    } else {
        format!("; changed: {}", changed.join(", "))
    };
    format!("{rounds}: {}{also}.", outcomes.join(", "))
}
