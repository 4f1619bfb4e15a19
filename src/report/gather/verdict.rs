//! The verdict on what was gathered, computed once.

mod findings;

use std::fmt::Write;

use super::{GatherResult, GatherServerReport, Status};
use crate::exit::Outcome;
use crate::fact::Reason;
use crate::ice::candidate::CandidateType;
use crate::report::words::listed;
use crate::report::{ErrorReport, Finding, Severity, Verdict};
use crate::stun::uri::Transport;

/// Which candidates are wanted, as `iceTransportPolicy` of `RTCPeerConnection` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// All.
    #[default]
    All,
    /// Relayed ones only.
    Relay,
}

/// What bears on the verdict beside the result.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// `--policy`.
    pub policy: Policy,
    /// `--expect candidates=`.
    pub expected: Vec<CandidateType>,
    /// Why the run was cut short, if it was.
    pub stopped: Option<Reason>,
    /// Findings from outside: the configuration.
    pub findings: Vec<Finding>,
    /// When time-limited credentials end, in seconds since 1970.
    pub credentials_expire: Vec<u64>,
    /// The time now, in seconds since 1970.
    pub unix_now: u64,
}

/// The verdict on a result.
pub fn verdict(result: &GatherResult, context: &Context) -> Verdict {
    let mut found = context.findings.clone();
    findings::of_result(result, context, &mut found);
    let missing = missing(result, context);
    let mut outcome = outcome(result, &missing);
    if outcome == Outcome::Bad && context.stopped == Some(Reason::Timeout) && cut_short(result) {
        outcome = Outcome::Inconclusive;
    }
    if !context.expected.is_empty() {
        outcome = expectation(result, context, outcome, &mut found);
    }
    match context.stopped {
        Some(Reason::Interrupted) => outcome = Outcome::Interrupted,
        Some(_) => found.push(Finding::new(
            "timeout",
            Severity::Warning,
            "the time limit (--timeout) ended before every server was settled",
            "give it more time with --timeout",
        )),
        None => {}
    }
    found.sort_by_key(|f| f.severity);
    Verdict {
        outcome,
        summary: summary(result, &missing, outcome, &found),
        findings: found,
    }
}

/// The types that the servers named promise and that are not there.
fn missing(result: &GatherResult, context: &Context) -> Vec<CandidateType> {
    let mut wanted = Vec::new();
    if context.policy == Policy::All {
        wanted.push(CandidateType::Host);
        if result.servers.iter().any(promises_reflexive) {
            wanted.push(CandidateType::Srflx);
        }
    }
    if result.servers.iter().any(|s| s.is_turn) {
        wanted.push(CandidateType::Relay);
    }
    wanted.retain(|kind| !has(result, *kind));
    wanted
}

/// TURN over TCP and TLS gives no reflexive candidates for UDP. A TURN server that relays and does
/// not answer Binding requests has kept its promise.
pub(super) fn promises_reflexive(server: &GatherServerReport) -> bool {
    server.transport == Transport::Udp && !(server.is_turn && server.status == Status::Ok)
}

/// A redundant candidate is as good as the one that it is the same as.
fn has(result: &GatherResult, kind: CandidateType) -> bool {
    result.candidates.iter().any(|c| c.kind == kind)
        || result.redundant.iter().any(|r| r.kind == kind)
}

fn outcome(result: &GatherResult, missing: &[CandidateType]) -> Outcome {
    let failed_with = |codes: &[&str]| {
        !result.servers.is_empty()
            && result
                .servers
                .iter()
                .all(|s| s.error.as_ref().is_some_and(|e| codes.contains(&e.code)))
    };
    let at_limit = result
        .servers
        .iter()
        .any(|s| s.error.as_ref().is_some_and(|e| e.code == "local-limit"));
    if missing.is_empty() {
        Outcome::Good
    } else if at_limit
        || missing.contains(&CandidateType::Host)
        || failed_with(&["dns", "wrong-family"])
        || failed_with(&["dns", "wrong-family", "unreachable"])
    {
        Outcome::Error
    } else {
        Outcome::Bad
    }
}

fn cut_short(result: &GatherResult) -> bool {
    result
        .servers
        .iter()
        .any(|s| s.error.as_ref().is_some_and(ErrorReport::is_cut_short))
}

fn expectation(
    result: &GatherResult,
    context: &Context,
    outcome: Outcome,
    findings: &mut Vec<Finding>,
) -> Outcome {
    let unmet: Vec<&CandidateType> = context
        .expected
        .iter()
        .filter(|kind| !has(result, **kind))
        .collect();
    for kind in &unmet {
        findings.push(Finding {
            code: "expectation-not-met",
            severity: Severity::Error,
            message: format!("expected candidates={kind}, and there is none"),
            hint: None,
        });
    }
    match (unmet.is_empty(), outcome) {
        (true, _) => Outcome::Good,
        (false, Outcome::Error | Outcome::Inconclusive) => outcome,
        (false, _) => Outcome::Bad,
    }
}

fn summary(
    result: &GatherResult,
    missing: &[CandidateType],
    outcome: Outcome,
    findings: &[Finding],
) -> String {
    let count = |kind: CandidateType| result.candidates.iter().filter(|c| c.kind == kind).count();
    let mut parts: Vec<String> = [
        CandidateType::Host,
        CandidateType::Srflx,
        CandidateType::Relay,
    ]
    .into_iter()
    .filter(|kind| count(*kind) > 0)
    .map(|kind| format!("{} {kind}", count(kind)))
    .collect();
    if parts.is_empty() {
        parts.push("no".to_owned());
    }
    let total = result.candidates.len();
    let noun = if total == 1 {
        "candidate"
    } else {
        "candidates"
    };
    let mut text = format!("{} {noun}", listed(&parts));
    let same = result
        .redundant
        .iter()
        .filter(|r| !r.address.is_loopback())
        .any(|r| r.kind == CandidateType::Srflx && r.same_as == CandidateType::Host);
    if same && count(CandidateType::Srflx) == 0 {
        text.push_str(" (reflexive addresses are the same as the local ones: there is no NAT)");
    }
    // Writing into a String does not fail.
    let _ = write!(text, " in {:.0} ms", result.complete_ms.as_f64().max(1.0));
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        // These explain the others.
        let tells_most = |f: &&Finding| matches!(f.code, "credentials-expired" | "udp-blocked");
        let of_errors = || {
            findings
                .iter()
                .rev()
                .filter(|f| f.severity == Severity::Error && f.code != "expectation-not-met")
        };
        let cause = of_errors()
            .find(tells_most)
            .or_else(|| of_errors().next())
            .map_or_else(String::new, |f| format!(": {}", f.message));
        let _ = write!(text, "; no {} candidate{cause}", names.join(" or "));
    }
    text.push('.');
    let warnings = findings
        .iter()
        .filter(|f| f.severity == Severity::Warning && f.code != "timeout")
        .count();
    if outcome == Outcome::Good && warnings > 0 {
        let noun = if warnings == 1 { "warning" } else { "warnings" };
        let _ = write!(text, " {warnings} {noun} above.");
    }
    if findings.iter().any(|f| f.code == "timeout") {
        text.push_str(" The time limit (--timeout) ended first.");
    }
    if let Some(missed) = findings.iter().find(|f| f.code == "expectation-not-met") {
        text = format!("Not as expected: {}. {text}", missed.message);
    }
    match outcome {
        Outcome::Interrupted => format!("Interrupted. {text}"),
        _ => capitalised(&text),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + chars.as_str()
    })
}
