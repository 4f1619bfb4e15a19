//! The verdict on a TURN server, computed once.

use super::{TransportReport, TransportStatus, TurnResult, findings};
use crate::exit::Outcome;
use crate::fact::{Fact, Reason};
use crate::report::{Finding, Severity, Verdict};

/// What bears on the verdict beside the result.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// `--expect turn=ok`.
    pub expects_ok: bool,
    /// Why the run was cut short, if it was.
    pub stopped: Option<Reason>,
    /// Findings from outside: the configuration.
    pub findings: Vec<Finding>,
    /// When time-limited credentials end, in seconds since 1970.
    pub credentials_expire: Option<u64>,
    /// The time now, in seconds since 1970.
    pub unix_now: u64,
}

/// The verdict on a result.
pub fn verdict(result: &TurnResult, context: &Context) -> Verdict {
    let mut found = context.findings.clone();
    findings::of_result(result, context, &mut found);
    let mut outcome = outcome(result, &found);
    if context.expects_ok && outcome != Outcome::Good {
        let (code, message) = if outcome == Outcome::Bad {
            (
                "expectation-not-met",
                "expected turn=ok, and the server is not healthy",
            )
        } else {
            (
                "expectation-unknown",
                "expected turn=ok, which could not be determined",
            )
        };
        found.push(Finding {
            code,
            severity: Severity::Error,
            message: message.to_owned(),
            hint: None,
        });
    }
    match context.stopped {
        Some(Reason::Interrupted) => outcome = Outcome::Interrupted,
        Some(_) => {
            if outcome == Outcome::Good {
                outcome = Outcome::Inconclusive;
            }
            found.push(Finding::new(
                "timeout",
                Severity::Warning,
                "the time limit (--timeout) ended before everything was tested",
                "give it more time with --timeout",
            ));
        }
        None => {}
    }
    found.sort_by_key(|f| f.severity);
    Verdict {
        outcome,
        summary: summary(result, outcome, &found, context.stopped),
        findings: found,
    }
}

fn with_status(result: &TurnResult, status: TransportStatus) -> Vec<&TransportReport> {
    let mut reports: Vec<&TransportReport> = result.transports.iter().collect();
    reports.retain(|t| t.status == status);
    reports
}

fn outcome(result: &TurnResult, findings: &[Finding]) -> Outcome {
    let all_failed_with = |codes: &[&str]| {
        result
            .transports
            .iter()
            .all(|t| t.error.as_ref().is_some_and(|e| codes.contains(&e.code)))
    };
    if all_failed_with(&["dns", "wrong-family", "unreachable"]) {
        return Outcome::Error;
    }
    let works = !with_status(result, TransportStatus::Ok).is_empty();
    let failed = with_status(result, TransportStatus::Failed);
    let asked_for_credentials = |t: &&TransportReport| {
        t.error
            .as_ref()
            .is_some_and(|e| e.code == "credentials-needed")
    };
    if findings
        .iter()
        .any(|f| f.severity == Severity::Error && is_about_safety(f.code))
    {
        return Outcome::Bad;
    }
    if failed
        .iter()
        .any(|t| !t.is_cut_short() && !asked_for_credentials(t))
    {
        return Outcome::Bad;
    }
    if failed
        .iter()
        .any(|t| t.is_cut_short() || asked_for_credentials(t))
    {
        return Outcome::Inconclusive;
    }
    let cut_short = result.transports.iter().any(TransportReport::is_cut_short);
    let ok = with_status(result, TransportStatus::Ok);
    if cut_short || (works && !ok.iter().any(|t| t.is_verified())) {
        Outcome::Inconclusive
    } else if works {
        Outcome::Good
    } else {
        Outcome::Bad
    }
}

fn is_about_safety(code: &str) -> bool {
    matches!(
        code,
        "relay-without-credentials"
            | "any-password-accepted"
            | "unsafe-peers-allowed"
            | "relayed-address-private"
    )
}

fn summary(
    result: &TurnResult,
    outcome: Outcome,
    findings: &[Finding],
    stopped: Option<Reason>,
) -> String {
    let names = |reports: &[&TransportReport]| findings::way_names(reports, &result.transports);
    let ok = with_status(result, TransportStatus::Ok);
    let unsafe_finding = findings
        .iter()
        .find(|f| f.severity == Severity::Error && is_about_safety(f.code));
    // The transport that got furthest tells most.
    let furthest = result
        .transports
        .iter()
        .filter(|t| t.status != TransportStatus::Ok)
        .rev()
        .max_by_key(|t| (t.status == TransportStatus::Failed, t.stage));
    let reason = match (
        unsafe_finding,
        furthest.and_then(|t| Some((t, t.error.as_ref()?))),
    ) {
        (Some(finding), _) => finding.message.clone(),
        (None, Some((transport, error))) => format!(
            "{}: {}",
            findings::way_name(transport, &result.transports),
            error.message
        ),
        (None, None) => String::new(),
    };
    let text = match outcome {
        Outcome::Good => {
            let warnings = findings
                .iter()
                .filter(|f| f.severity == Severity::Warning)
                .count();
            let remark = match warnings {
                0 => String::new(),
                1 => ", with a warning above".to_owned(),
                count => format!(", with {count} warnings above"),
            };
            format!("The TURN server is healthy over {}{remark}.", names(&ok))
        }
        Outcome::Bad if refuses_credentials(result) => {
            let expired = findings.iter().find(|f| f.code == "credentials-expired");
            match expired {
                Some(finding) => format!("The TURN server refuses the credentials: {}.", finding.message),
                None => "The TURN server answers, and refuses these credentials: check user name and password, or the secret.".to_owned(),
            }
        }
        Outcome::Bad if ok.is_empty() => {
            format!("The TURN server does not work from here: {reason}.")
        }
        Outcome::Bad => format!(
            "The TURN server works over {}, but is not healthy: {reason}.",
            names(&ok)
        ),
        Outcome::Error => format!("Nothing could be tested: {reason}."),
        Outcome::Inconclusive | Outcome::Interrupted => {
            let needs_credentials = findings.iter().any(|f| f.code == "credentials-needed");
            if needs_credentials {
                "The server answers and asks for credentials; without them no more can be said."
                    .to_owned()
            } else if ok.is_empty() {
                "Nothing had been found out yet.".to_owned()
            } else if none_verified(&ok) {
                "The server allocates, but it could not be told from here whether data comes through the relay.".to_owned()
            } else {
                format!("So far it works over {}.", names(&ok))
            }
        }
    };
    let out_of_time = matches!(stopped, Some(reason) if reason != Reason::Interrupted);
    match outcome {
        Outcome::Interrupted => format!("Interrupted. {text}"),
        _ if out_of_time => format!("{text} The time limit (--timeout) ended first."),
        _ => text,
    }
}

fn none_verified(ok: &[&TransportReport]) -> bool {
    !ok.iter().any(|t| t.is_verified())
}

/// Whether all that is wrong, as far as it got, are the credentials.
pub fn refuses_credentials(result: &TurnResult) -> bool {
    let failed = with_status(result, TransportStatus::Failed);
    let refused = |t: &&TransportReport| t.error.as_ref().is_none_or(|e| e.code == "unauthorized");
    !failed.is_empty()
        && failed.iter().all(refused)
        && with_status(result, TransportStatus::Ok).is_empty()
}

/// Whether a fact is known and so.
pub(super) fn is(fact: &Fact<bool>, value: bool) -> bool {
    fact.value() == Some(&value)
}
