//! The verdict on a TURN server, computed once.

pub mod findings;
mod limits;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::expiry::{Expiry, Reception};
use crate::base::fact::{Fact, Reason};
use crate::base::report::{ErrorReport, Finding, Severity, Verdict};
use crate::base::stage::Stage;
use crate::commands::dead_address::DeadAddress;
use crate::commands::turn::report::{TransportReport, TransportStatus, TurnResult};
use crate::proto::turn::error::Failure;

#[derive(Debug, Clone, Default)]
pub struct Context {
    pub expects_ok: bool,
    /// Why the run was cut short, if it was.
    pub stopped: Option<Reason>,
    /// Findings from outside: the configuration.
    pub findings: Vec<Finding>,
    /// When the credentials end, if their user name may say so.
    pub credentials_expire: Option<Expiry>,
    /// The time now, in seconds since 1970.
    pub unix_now: u64,
}

pub fn verdict(result: &TurnResult, context: &Context) -> Verdict {
    let mut found = context.findings.clone();
    if findings::reception(result) == Reception::Accepted {
        // However the file looks, what is in it is right.
        found.retain(|finding| finding.code != Code::SecretFileForm);
    }
    findings::of_result(result, context, &mut found);
    let mut outcome = outcome(result, &found);
    if context.expects_ok && outcome != Outcome::Good {
        let (code, message) = if outcome == Outcome::Bad {
            (
                Code::ExpectationNotMet,
                "expected turn=ok, but the server is not healthy",
            )
        } else {
            (
                Code::ExpectationUnknown,
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
                Code::Timeout,
                "the time limit (--timeout) ended before everything was tested",
                "give it more time, such as --timeout 40",
            ));
        }
        None => {}
    }
    found.sort_by_key(|f| f.severity);
    Verdict {
        outcome,
        caveat: limits::caveat(&with_status(result, TransportStatus::Ok), &found),
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
    let all_failed_with = |codes: &[Code]| {
        result
            .transports
            .iter()
            .all(|t| t.error.as_ref().is_some_and(|e| codes.contains(&e.code)))
    };
    if all_failed_with(&[
        Code::Dns,
        Code::NameMisdirected,
        Code::BroadcastAddress,
        Code::WrongFamily,
        Code::Unreachable,
    ]) {
        return Outcome::Error;
    }
    let works = !with_status(result, TransportStatus::Ok).is_empty();
    let failed = with_status(result, TransportStatus::Failed);
    // Neither says what the server would do for somebody else, or later.
    let not_tried =
        |t: &&TransportReport| is_out_of_quota(t) || asks_for_credentials(t) || t.is_undecided();
    if findings
        .iter()
        .any(|f| f.severity == Severity::Error && is_about_safety(f.code))
    {
        return Outcome::Bad;
    }
    if failed.iter().any(|t| !t.is_cut_short() && !not_tried(t)) {
        return Outcome::Bad;
    }
    if failed.iter().any(|t| t.is_cut_short() || not_tried(t)) {
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

fn asks_for_credentials(transport: &TransportReport) -> bool {
    let error = transport.error.as_ref();
    error.is_some_and(|e| e.code == Code::CredentialsNeeded)
}

/// Whether it gave no allocation because there are as many as it allows.
fn is_out_of_quota(transport: &TransportReport) -> bool {
    let error = transport.error.as_ref();
    error.is_some_and(|e| e.code == Code::AllocationQuotaReached)
}

/// Whether there is something that hurts whoever runs the server.
fn is_unsafe(findings: &[Finding]) -> bool {
    let hurts = |f: &Finding| {
        f.severity >= Severity::Warning
            && (is_about_safety(f.code) || f.code == Code::PrivatePeersAllowed)
    };
    findings.iter().any(hurts)
}

const fn is_about_safety(code: Code) -> bool {
    matches!(
        code,
        Code::RelayWithoutCredentials
            | Code::AnyPasswordAccepted
            | Code::UnsafePeersAllowed
            | Code::RelayedAddressPrivate
            | Code::PeersNotAllowed
    )
}

/// Whether an allocation there helps no call, however well the server answers.
const fn is_of_no_use(code: Code) -> bool {
    matches!(code, Code::RelayedAddressPrivate | Code::PeersNotAllowed)
}

/// That something else answers tells more than silence does.
fn tells(transport: &TransportReport) -> bool {
    let silent = |error: &ErrorReport| {
        matches!(
            error.code,
            Code::Timeout | Code::Refused | Code::Unreachable
        )
    };
    !transport.error.as_ref().is_some_and(silent)
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
        .max_by_key(|t| (t.status == TransportStatus::Failed, t.stage, tells(t)));
    let reason = match (
        unsafe_finding,
        furthest.and_then(|t| Some((t, t.error.as_ref()?))),
    ) {
        // What is unsafe about it does not keep it from working.
        (Some(finding), found)
            if found.is_none() || !ok.is_empty() || is_of_no_use(finding.code) =>
        {
            finding.message.clone()
        }
        (_, Some((transport, error))) => {
            let dead = findings::dead_addresses(result);
            let dead = dead
                .iter()
                .find(|d| transport.address.is_some_and(|a| a.ip() == d.address));
            dead.map_or_else(
                || {
                    if findings::is_of_name(error.code) {
                        return error.message.clone();
                    }
                    let way = findings::way_name(transport, &result.transports);
                    format!("{way}: {}", error.message)
                },
                DeadAddress::words,
            )
        }
        (_, None) => String::new(),
    };
    let text = match outcome {
        Outcome::Good => limits::of_good(&names(&ok), &ok, findings),
        Outcome::Bad if refuses_credentials(result) => {
            let why = findings
                .iter()
                .find(|f| matches!(f.code, Code::CredentialsExpired | Code::SecretFileForm));
            match (why, special_refusal(result)) {
                (Some(finding), _) => format!("Calls get no relay: the TURN server refuses the credentials: {}.", finding.message),
                (None, Some(error)) => format!("Calls get no relay: the TURN server answers, and refuses these credentials: {}.", error.message),
                (None, None) => "Calls get no relay: the TURN server answers, and refuses these credentials. Check user name and password, or the secret.".to_owned(),
            }
        }
        Outcome::Bad if ok.is_empty() => of_failure(result, &reason),
        Outcome::Bad if unsafe_finding.is_some_and(|f| is_of_no_use(f.code)) => {
            format!("Calls get a relay that peers cannot use: {reason}.")
        }
        Outcome::Bad => format!(
            "Calls can be relayed over {}, but the TURN server is not healthy: {reason}.",
            names(&ok)
        ),
        Outcome::Error => format!("Nothing could be tested: {reason}."),
        Outcome::Inconclusive | Outcome::Interrupted => {
            let needs_credentials = findings.iter().any(|f| f.code == Code::CredentialsNeeded);
            if needs_credentials {
                "The server answers and asks for credentials; without them no more can be said."
                    .to_owned()
            } else if let Some(text) = quota_summary(result, &ok) {
                text
            } else if result.transports.iter().any(TransportReport::is_undecided) {
                format!(
                    "The TURN server relays, and whether peers reach its relays cannot be told from here: {reason}."
                )
            } else if ok.is_empty() {
                "No transport had been tested to the end yet.".to_owned()
            } else if ok.iter().all(|t| t.forbids_what_was_tried()) && none_verified(&ok) {
                "The TURN server gives relayed addresses, and only peers that its operator allows can be reached through them; those that were tried are not. Name one with --peer ADDR:PORT."
                    .to_owned()
            } else if none_verified(&ok) {
                "The server allocates, but it could not be determined from here whether data comes through the relay.".to_owned()
            } else {
                format!("So far calls can be relayed over {}.", names(&ok))
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

/// What it means for calls that no transport works, and why.
fn of_failure(result: &TurnResult, reason: &str) -> String {
    if breaks_off(result) {
        format!("Calls get a relay, and break off when its time has passed: {reason}.")
    } else if is_closed_in_use(result) {
        format!("Calls get a relay, and lose it with the connection to it: {reason}.")
    } else if is_kept_from_browsers(result) {
        format!("Calls from browsers get no relay: {reason}.")
    } else if fails_with(result, Code::DataChanged) {
        format!("Calls get a relay that spoils their data: {reason}.")
    } else if is_cut_off(result) {
        format!("Calls get a relay, and lose it after some packets or seconds: {reason}.")
    } else if fails_with(result, Code::LargeDatagramsLost) {
        format!("Calls get a relay that carries small datagrams alone: {reason}.")
    } else {
        format!("Calls get no relay: the TURN server does not work from here: {reason}.")
    }
}

/// Where allocations of this user, be they of a run before, may have taken the place of those that
/// were to be tried.
fn quota_summary(result: &TurnResult, ok: &[&TransportReport]) -> Option<String> {
    let failed = with_status(result, TransportStatus::Failed);
    let short: Vec<&TransportReport> = failed.into_iter().filter(|t| is_out_of_quota(t)).collect();
    if short.is_empty() {
        return None;
    }
    let names = |reports: &[&TransportReport]| findings::way_names(reports, &result.transports);
    let begin = if ok.is_empty() {
        "Whether the TURN server works could not be tried".to_owned()
    } else {
        format!(
            "The TURN server works over {}, and {} could not be tried",
            names(ok),
            names(&short)
        )
    };
    Some(format!(
        "{begin}: this user, or all users together, have as many allocations as it allows (error 486). That says nothing of its health: allocations that a program did not give back live up to 10 minutes. Wait as long, and try again."
    ))
}

fn none_verified(ok: &[&TransportReport]) -> bool {
    !ok.iter().any(|t| t.is_verified())
}

/// Whether all that is wrong, as far as it got, are the credentials.
pub fn refuses_credentials(result: &TurnResult) -> bool {
    let failed = with_status(result, TransportStatus::Failed);
    let refused =
        |t: &&TransportReport| t.error.is_none() || findings::is_refusal(t.error.as_ref());
    !failed.is_empty()
        && failed.iter().all(refused)
        && with_status(result, TransportStatus::Ok).is_empty()
}

/// The refusal of credentials in other words than a second 401 without more.
fn special_refusal(result: &TurnResult) -> Option<&ErrorReport> {
    let plain = Failure::Unauthorized.message();
    let mut errors = result.transports.iter().filter_map(|t| t.error.as_ref());
    errors.find(|error| findings::is_refusal(Some(error)) && error.message != plain)
}

/// Whether all that is wrong is the form of the answer, which carries a relay for other programs.
fn is_kept_from_browsers(result: &TurnResult) -> bool {
    let failed = with_status(result, TransportStatus::Failed);
    let is_form = |t: &&TransportReport| {
        let code = t.error.as_ref().map(|error| error.code);
        t.relayed_address.is_some()
            && matches!(
                code,
                Some(Code::AnswerIncomplete | Code::OtherFamilyByDefault)
            )
    };
    !failed.is_empty() && failed.iter().all(is_form)
}

/// Whether all that fails does so alike.
fn fails_with(result: &TurnResult, code: Code) -> bool {
    let failed = with_status(result, TransportStatus::Failed);
    let is_so = |t: &&TransportReport| t.error.as_ref().is_some_and(|error| error.code == code);
    !failed.is_empty() && failed.iter().all(is_so)
}

/// Whether all that fails are flows that carry data at first, and then nothing.
fn is_cut_off(result: &TurnResult) -> bool {
    let carries = |t: &TransportReport| is(&t.relay_to_relay.works, true);
    fails_with(result, Code::NoData)
        && with_status(result, TransportStatus::Failed)
            .into_iter()
            .all(carries)
}

/// Whether all that fails is the refresh of relays that carry data.
fn breaks_off(result: &TurnResult) -> bool {
    let failed = with_status(result, TransportStatus::Failed);
    !failed.is_empty()
        && failed
            .iter()
            .all(|t| t.stage == Stage::Refresh && t.is_verified() && !is_closed(t))
}

/// Whether all that fails are connections that ended while data went through relays.
fn is_closed_in_use(result: &TurnResult) -> bool {
    let failed = with_status(result, TransportStatus::Failed);
    !failed.is_empty() && failed.iter().all(|t| t.is_verified() && is_closed(t))
}

fn is_closed(transport: &TransportReport) -> bool {
    let error = transport.error.as_ref();
    error.is_some_and(|e| e.code == Code::Closed)
}

/// Whether a fact is known and so.
pub(super) fn is(fact: &Fact<bool>, value: bool) -> bool {
    fact.value() == Some(&value)
}
