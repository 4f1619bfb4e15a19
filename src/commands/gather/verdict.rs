//! The verdict on what was gathered, computed once.

mod findings;
mod meaning;
mod use_of;

use std::fmt::Write;

use clap::ValueEnum;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::expiry::Expiry;
use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::base::report::{Caveat, ErrorReport, Finding, Severity, Verdict};
use crate::base::words::{capitalised, listed};
use crate::commands::gather::report::{CandidateReport, GatherResult, GatherServerReport, Status};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::stun::uri::Transport;

/// Which candidates are wanted, as `iceTransportPolicy` of `RTCPeerConnection` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Policy {
    /// Host, srflx and relay
    #[default]
    All,
    /// Only relay; STUN servers are not asked
    Relay,
}

#[derive(Debug, Clone, Default)]
pub struct Context {
    pub policy: Policy,
    /// Whether the application uses relayed candidates alone, and the others are gathered all the same.
    pub relays_alone: bool,
    /// The families that were gathered for, if that is known.
    pub families: Vec<Family>,
    pub expected: Vec<CandidateType>,
    /// Why the run was cut short, if it was.
    pub stopped: Option<Reason>,
    /// Findings from outside: the configuration.
    pub findings: Vec<Finding>,
    /// When time-limited credentials end, in seconds since 1970.
    pub credentials_expire: Vec<Expiry>,
    /// The time now, in seconds since 1970.
    pub unix_now: u64,
}

impl Context {
    /// Whether calls have relayed candidates and no others.
    fn takes_relays_alone(&self) -> bool {
        self.relays_alone || self.policy == Policy::Relay
    }
}

pub fn verdict(result: &GatherResult, context: &Context) -> Verdict {
    let mut found = context.findings.clone();
    findings::of_result(result, context, &mut found);
    let missing = missing(result, context);
    if context.relays_alone && missing.contains(&CandidateType::Relay) {
        // No warning, but the whole of it: that no TURN server can be used.
        let mut of_file = found.iter_mut().filter(|f| f.code == Code::IceServersForm);
        if let Some(finding) = of_file.find(|f| f.severity == Severity::Warning) {
            finding.severity = Severity::Error;
        }
    }
    let mut outcome = outcome(result, &missing);
    if outcome == Outcome::Bad && context.stopped == Some(Reason::Timeout) && cut_short(result) {
        outcome = Outcome::Inconclusive;
    }
    if outcome == Outcome::Bad
        && missing == [CandidateType::Relay]
        && use_of::may_be_closed_here(result)
    {
        outcome = Outcome::Inconclusive;
    }
    if !context.expected.is_empty() {
        outcome = expectation(result, context, outcome, &mut found);
    }
    match context.stopped {
        Some(Reason::Interrupted) => outcome = Outcome::Interrupted,
        Some(_) => found.push(Finding::new(
            Code::Timeout,
            "the time limit (--timeout) ended before every server was settled",
            "give it more time with --timeout",
        )),
        None => {}
    }
    found.sort_by_key(|f| f.severity);
    Verdict {
        outcome,
        caveat: if use_of::relays_in_vain(result) {
            Some(Caveat::NoRelay)
        } else {
            needs_relay(result).then_some(Caveat::Strict)
        },
        summary: summary(result, context, &missing, outcome, &found),
        findings: found,
    }
}

/// Whether a NAT gives each destination another address, it seems, and there is no relay.
fn needs_relay(result: &GatherResult) -> bool {
    findings::is_mapping_dependent(result) && !use_of::has_useful(result, CandidateType::Relay)
}

/// The types that the servers named promise and that are not there, or of use to nobody.
fn missing(result: &GatherResult, context: &Context) -> Vec<CandidateType> {
    let mut wanted = Vec::new();
    if !context.takes_relays_alone() {
        wanted.push(CandidateType::Host);
        if result.servers.iter().any(promises_reflexive) {
            wanted.push(CandidateType::Srflx);
        }
    }
    if context.takes_relays_alone() || result.servers.iter().any(|s| s.is_turn) {
        wanted.push(CandidateType::Relay);
    }
    wanted.retain(|kind| !use_of::has_useful(result, *kind));
    wanted
}

/// TURN over TCP and TLS gives no reflexive candidates for UDP. A TURN server that relays and does
/// not answer Binding requests has kept its promise.
pub(super) fn promises_reflexive(server: &GatherServerReport) -> bool {
    server.transport == Transport::Udp && !(server.is_turn && server.status == Status::Ok)
}

/// A redundant candidate is as good as the one that it is the same as, and what a server sees in
/// place of this host is none.
fn has(result: &GatherResult, kind: CandidateType) -> bool {
    let mut found = result.candidates.iter().filter(|c| c.kind == kind);
    let mut redundant = result.redundant.iter().filter(|r| r.kind == kind);
    found.any(|c| !result.is_elsewhere(c)) || redundant.any(|r| !result.is_from_inside(r))
}

fn outcome(result: &GatherResult, missing: &[CandidateType]) -> Outcome {
    let failed_with = |codes: &[Code]| {
        !result.servers.is_empty()
            && result
                .servers
                .iter()
                .all(|s| s.error.as_ref().is_some_and(|e| codes.contains(&e.code)))
    };
    let at_limit = result
        .servers
        .iter()
        .any(|s| s.error.as_ref().is_some_and(|e| e.code == Code::LocalLimit));
    if missing.is_empty() && !are_all_in_vain(result) {
        Outcome::Good
    } else if at_limit
        || missing.contains(&CandidateType::Host)
        || failed_with(&[
            Code::Dns,
            Code::NameMisdirected,
            Code::BroadcastAddress,
            Code::WrongFamily,
            Code::Unreachable,
        ])
    {
        Outcome::Error
    } else {
        Outcome::Bad
    }
}

/// Whether servers were asked, and each of them failed: one over TLS promises no candidate, and is named to be asked.
pub(super) fn are_all_in_vain(result: &GatherResult) -> bool {
    let failed = |s: &GatherServerReport| s.status == Status::Failed;
    !result.servers.is_empty() && result.servers.iter().all(failed)
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
        .filter(|kind| !use_of::has_useful(result, **kind))
        .collect();
    let is_open =
        |kind: &CandidateType| *kind == CandidateType::Relay && use_of::may_be_closed_here(result);
    let are_all_open = !unmet.is_empty() && unmet.iter().all(|kind| is_open(kind));
    for kind in &unmet {
        if is_open(kind) {
            findings.push(Finding {
                code: Code::ExpectationUnknown,
                severity: Severity::Error,
                message: format!(
                    "expected candidates={kind}, and whether peers reach it could not be determined"
                ),
                hint: None,
            });
            continue;
        }
        let found = if has(result, **kind) {
            "none that peers are known to reach"
        } else {
            "there is none"
        };
        findings.push(Finding {
            code: Code::ExpectationNotMet,
            severity: Severity::Error,
            message: format!("expected candidates={kind}, but {found}"),
            hint: None,
        });
    }
    match (unmet.is_empty(), outcome) {
        (true, _) => Outcome::Good,
        (false, Outcome::Bad | Outcome::Good) if are_all_open => Outcome::Inconclusive,
        (false, Outcome::Error | Outcome::Inconclusive) => outcome,
        (false, _) => Outcome::Bad,
    }
}

fn summary(
    result: &GatherResult,
    context: &Context,
    missing: &[CandidateType],
    outcome: Outcome,
    findings: &[Finding],
) -> String {
    // What a server sees in place of this host is no candidate of its own.
    let is_own = |c: &&CandidateReport| !result.is_elsewhere(c);
    let count = |kind: CandidateType| {
        let of_kind = result.candidates.iter().filter(|c| c.kind == kind);
        of_kind.filter(is_own).count()
    };
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
    // The last number decides: "2 host and 1 relay candidate".
    let own = result.candidates.iter().filter(is_own);
    let last = own.map(|c| c.kind).max().map(count);
    let noun = if last == Some(1) {
        "candidate"
    } else {
        "candidates"
    };
    let mut text = format!("{} {noun}", listed(&parts));
    let same = result
        .redundant
        .iter()
        .filter(|r| !r.address.is_loopback() && !result.is_within(r))
        .any(|r| r.kind == CandidateType::Srflx && r.same_as == CandidateType::Host);
    if same && count(CandidateType::Srflx) == 0 {
        text.push_str(" (reflexive addresses are the same as the local ones: there is no NAT)");
    }
    // Writing into a String does not fail.
    let _ = write!(text, " in {:.0} ms", result.complete_ms.as_f64().max(1.0));
    text.push_str(&what_is_missing(result, missing, findings));
    text.push('.');
    let warnings = findings
        .iter()
        .filter(|f| f.severity == Severity::Warning && f.code != Code::Timeout)
        .count();
    if outcome == Outcome::Good && warnings > 0 {
        let noun = if warnings == 1 { "warning" } else { "warnings" };
        let _ = write!(text, " {warnings} {noun} above.");
    }
    let is_cut_short = findings.iter().any(|f| f.code == Code::Timeout);
    if is_cut_short {
        text.push_str(" The time limit (--timeout) ended first.");
    }
    text = match meaning::of_candidates(result, context, outcome, is_cut_short, findings) {
        Some(meaning) => format!("{meaning}: {text}"),
        None => capitalised(&text),
    };
    if let Some(missed) = findings.iter().find(|f| f.code == Code::ExpectationNotMet) {
        text = format!("Not as expected: {}. {text}", missed.message);
    }
    if outcome == Outcome::Interrupted {
        text.insert_str(0, "Interrupted. ");
    }
    text
}

/// Types that are not there, and those that are of use to nobody, with the cause.
fn what_is_missing(
    result: &GatherResult,
    missing: &[CandidateType],
    findings: &[Finding],
) -> String {
    let (in_vain, absent): (Vec<&CandidateType>, Vec<&CandidateType>) =
        missing.iter().partition(|kind| has(result, **kind));
    let mut text = String::new();
    if !absent.is_empty() {
        let names: Vec<String> = absent.iter().map(ToString::to_string).collect();
        // These explain the others.
        let tells_most = |f: &&Finding| {
            matches!(
                f.code,
                Code::CredentialsExpired
                    | Code::UdpBlocked
                    | Code::ReachedByProxy
                    | Code::NameMisdirected
                    | Code::NoNetwork
            )
        };
        let of_errors = || {
            let errors = findings
                .iter()
                .rev()
                .filter(|f| f.severity == Severity::Error);
            let of_none = [Code::ReflexiveNotPublic, Code::AnswerIncomplete];
            let tells = move |code| !is_of_use(code) || of_none.contains(&code);
            let is_said = [Code::ExpectationNotMet, Code::IceServersForm];
            errors.filter(move |f| !is_said.contains(&f.code) && tells(f.code))
        };
        let told = of_errors()
            .find(tells_most)
            .or_else(|| of_errors().next())
            .map(|f| f.message.as_str());
        let cause =
            if missing == [CandidateType::Relay] && !result.servers.iter().any(|s| s.is_turn) {
                Some("no TURN server can be used")
            } else {
                told
            };
        let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
        // Writing into a String does not fail.
        let _ = write!(text, "; no {} candidate{cause}", names.join(" or "));
    }
    if missing.is_empty() && are_all_in_vain(result) {
        let error = findings.iter().rfind(|f| f.severity == Severity::Error);
        let cause = error.map_or_else(String::new, |f| format!(": {}", f.message));
        let _ = write!(text, "; no server answered as it should{cause}");
    }
    for kind in in_vain {
        let cause = findings.iter().rev().find(|f| is_of_use(f.code));
        let cause = cause.map_or_else(String::new, |f| format!(": {}", f.message));
        let use_of = if *kind == CandidateType::Relay && use_of::is_kept_from_browsers(result) {
            "a browser takes"
        } else {
            "peers are known to reach"
        };
        let _ = write!(text, "; no {kind} candidate that {use_of}{cause}");
    }
    text
}

/// Whether a finding says that a candidate is of no use.
const fn is_of_use(code: Code) -> bool {
    matches!(
        code,
        Code::RelayedAddressPrivate
            | Code::RelayUnreachableFromHere
            | Code::RelayUnverified
            | Code::PermissionFailed
            | Code::AnswerIncomplete
            | Code::OtherFamilyByDefault
            | Code::ReflexiveNotPublic
    )
}
