//! What is worth knowing about a session, and what to do about it.

pub(in crate::commands) mod quality;
mod session;
mod sides;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::fact::Reason;
use crate::base::report::{Finding, Severity};
use crate::commands::pair::report::{
    CheckState, Expected, PairReport, PairResult, PairState, PathKind, PredictionReport,
};
use crate::commands::pair::verdict::causes::{UNSETTLED, has_failure, hint, of_path};
pub(super) use crate::commands::pair::verdict::findings::session::{ended_relay, peer_end};
use crate::commands::pair::verdict::{Context, left_out, media, premature};
use crate::commands::pair::verdict::{is_settled, socket};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::Cause;

pub(super) fn of_result(result: &PairResult, context: &Context) -> Vec<Finding> {
    let mut findings = context.findings.clone();
    session::of_roles(context, &mut findings);
    session::of_ended_relays(context, &mut findings);
    session::of_pairs_left_out(context, &mut findings);
    sides::of_servers(result, context, &mut findings);
    sides::of_their_servers(result, context, &mut findings);
    sides::of_sides(result, &mut findings);
    left_out::findings(context, &mut findings);
    session::of_session(result, context, &mut findings);
    quality::of_quality(result, context, &mut findings);
    media::findings(result, context, &mut findings);
    of_prediction(result, context, &mut findings);
    of_relays(result, &mut findings);
    of_paths(result, context, &mut findings);
    if context.stopped.is_some_and(|r| r != Reason::Interrupted) {
        findings.push(Finding::new(
            Code::Timeout,
            "the time limit (--timeout) ended before everything was done",
            "give it more time with --timeout",
        ));
    }
    findings
}

/// A direct pair that this side had an answer on, though the relay was chosen.
pub(super) fn late_direct(result: &PairResult) -> Option<&PairReport> {
    let mut direct = of_path(result, PathKind::Direct).into_iter();
    let relayed = result.path == Some(PathKind::Relayed);
    // With a cause, the answers of one side did not arrive.
    let is_late = relayed && result.causes.is_empty();
    direct.find(|pair| is_late && pair.state == CheckState::Succeeded)
}

/// Why the way was not the best one, or there was none.
fn of_paths(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let severity = match (result.state, result.path) {
        (PairState::Failed, _) => Severity::Error,
        (PairState::Connected, Some(PathKind::Relayed)) => Severity::Warning,
        _ => return,
    };
    if let Some(pair) = late_direct(result) {
        findings.push(Finding::new(
            Code::RelayedAlthoughDirectWorks,
            format!(
                "the relay was chosen before the direct pair {} <-> {} was answered",
                socket(&pair.local),
                socket(&pair.remote)
            ),
            "run it again: packets may have been lost, or a NAT may have needed more time",
        ));
        return;
    }
    let by_policy = context.relay_only || context.peer_relay_only;
    // Where nothing was settled, no cause is known.
    let cut_short =
        !result.pairs.is_empty() && result.pairs.iter().all(|pair| has_failure(pair, UNSETTLED));
    if let (Some(pair), Some(error)) = (&context.no_data, &context.channel_error) {
        findings.push(Finding::new(
            error.code,
            format!("checks pass over {pair}, but {}", error.message),
            "make sure that the page came from the rendezvous that both use and is of the same version; a firewall that inspects packets may let STUN through and drop DTLS",
        ));
        return;
    }
    if let Some(pair) = &context.no_data {
        findings.push(Finding::new(
            Code::NoData,
            format!("checks pass over {pair}, but none of the datagrams sent over it came back"),
            "a firewall that inspects packets may let STUN through and nothing else: try TURN over TLS, or allow the UDP flow",
        ));
        return;
    }
    let is_open = result.state == PairState::Failed
        && (context.is_undecided || premature::is_cut_off(result, context));
    if is_open || cut_short || (context.peer_end.is_some() && result.pairs.is_empty()) {
        return;
    }
    let cause = result.causes.first().filter(|it| !media::is_of_media(it));
    if let (false, Some(cause)) = (by_policy, cause) {
        findings.push(Finding {
            code: Code::DirectFailed,
            severity,
            message: format!("no direct path: {}{}", cause.message, seen(cause)),
            hint: hint(&result.causes),
        });
    }
    if let (PairState::Failed, Some(cause)) = (result.state, result.relay_causes.first()) {
        let has_relay = [&result.local, &result.remote]
            .iter()
            .flat_map(|side| &side.candidates)
            .any(|c| c.kind == CandidateType::Relay);
        findings.push(Finding {
            code: if has_relay {
                Code::RelayFailed
            } else {
                Code::NoRelayCandidates
            },
            severity,
            message: format!("no relay: {}{}", cause.message, seen(cause)),
            hint: hint(&result.relay_causes),
        });
    }
}

/// In brackets behind a message.
fn seen(cause: &Cause) -> String {
    if cause.evidence.is_empty() {
        return String::new();
    }
    format!(" (seen: {})", cause.evidence.join("; "))
}

/// Relays that refuse, though another one, or the direct way, may have served.
fn of_relays(result: &PairResult, findings: &mut Vec<Finding>) {
    if result.path != Some(PathKind::Relayed) {
        return;
    }
    let forbidden: BTreeSet<IpAddr> = of_path(result, PathKind::Relayed)
        .into_iter()
        .filter(|pair| has_failure(pair, &[Code::ForbiddenIp]))
        .map(|pair| pair.remote.address)
        .collect();
    if let Some(first) = forbidden.first() {
        findings.push(Finding::new(
            Code::ForbiddenIp,
            format!(
                "the TURN server forbids {} of the other side's addresses, such as {first} (403)",
                forbidden.len()
            ),
            "nothing needs to be done if they are private; public ones should be allowed",
        ));
    }
}

fn of_prediction(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let PredictionReport {
        expected,
        agrees: Some(false),
        because,
    } = &result.prediction
    else {
        return;
    };
    // What was not tried to the end contradicts nothing.
    if result.state != PairState::Connected && !is_settled(result, context) {
        return;
    }
    let came = match (result.state, result.path) {
        (PairState::Connected, Some(PathKind::Direct)) => "a direct connection",
        (PairState::Connected, _) => "a relayed connection",
        _ => "no connection",
    };
    let (promised, hint) = match expected {
        Expected::Direct => (
            "a direct connection",
            "there may be a firewall that the NAT tests do not meet, a NAT may give another port to a peer whose packets came first, or the NAT may treat destinations differently; rtcdiag nat on both hosts tells more",
        ),
        Expected::Relay => (
            "a relayed connection",
            "the relay may be out of reach for one side, or there is a path inside that the NAT tests do not take, such as a VPN; rtcdiag turn and rtcdiag nat tell more",
        ),
        Expected::Fail => (
            "no connection",
            "there is a path that the NAT tests do not take, such as a VPN or a local network",
        ),
        Expected::Unknown => return,
    };
    let because = because.trim_end_matches('.');
    let Some(cause) = proved(result, *expected) else {
        findings.push(Finding::new(
            Code::PredictionContradicted,
            format!(
                "the NATs promised {promised}, but the result is {came}. The promise rested on this: {because}"
            ),
            hint,
        ));
        return;
    };
    // The cause is what counts; that the NATs let expect something else narrows it down.
    let is_of_nat = [
        Code::EndpointDependentMapping,
        Code::AddressPooling,
        Code::PortMoved,
        Code::NoHairpinning,
    ];
    let shows = if is_of_nat.contains(&cause.code) {
        "a NAT treats the other side unlike the servers that it was tested with"
    } else {
        "what stops it is not what the NAT tests measure"
    };
    findings.push(
        Finding::new(
            Code::PredictionContradicted,
            format!(
                "the NATs promised {promised}, but the result is {came}: beside the cause, this shows that {shows}. The promise rested on this: {because}"
            ),
            "look at the cause first; rtcdiag nat on both hosts tests the NATs anew",
        )
        .severity(Severity::Info),
    );
}

/// The cause of what did not come, if it is proved.
fn proved(result: &PairResult, expected: Expected) -> Option<&Cause> {
    let causes = match (expected, result.path) {
        (Expected::Direct, None | Some(PathKind::Relayed)) => &result.causes,
        (Expected::Relay, None) => &result.relay_causes,
        _ => return None,
    };
    let first = causes.first().filter(|it| !media::is_of_media(it));
    first.filter(|cause| cause.code != Code::Unknown)
}

/// Puts what is only an observation on a cause behind it.
pub(super) fn cause_first(findings: &mut [Finding]) {
    let is_observation = |finding: &Finding| {
        finding.code == Code::PredictionContradicted && finding.severity == Severity::Info
    };
    let is_cause = |finding: &Finding| {
        [
            Code::DirectFailed,
            Code::RelayFailed,
            Code::NoRelayCandidates,
        ]
        .contains(&finding.code)
    };
    if let Some(at) = findings.iter().position(is_observation)
        && let Some(behind) = findings
            .iter()
            .rposition(is_cause)
            .filter(|behind| *behind > at)
    {
        findings[at..=behind].rotate_left(1);
    }
}
