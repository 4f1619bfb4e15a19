//! What is worth knowing about a session, and what to do about it.

mod quality;
mod session;
mod sides;

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::verdict::{is_settled, socket};
use super::why::{self, UNSETTLED, has_failure, of_path};
use super::{
    CheckState, Context, Expected, PairReport, PairResult, PairState, PathKind, PredictionReport,
};
use crate::fact::Reason;
use crate::ice::candidate::CandidateType;
use crate::report::{Finding, Severity};
pub(super) use session::peer_end;

/// Everything.
pub(super) fn of_result(result: &PairResult, context: &Context) -> Vec<Finding> {
    let mut findings = context.findings.clone();
    sides::of_servers(result, context, &mut findings);
    sides::of_sides(result, &mut findings);
    session::of_session(result, context, &mut findings);
    quality::of_quality(result, context, &mut findings);
    of_prediction(result, context, &mut findings);
    of_relays(result, &mut findings);
    of_paths(result, context, &mut findings);
    if context.stopped.is_some_and(|r| r != Reason::Interrupted) {
        findings.push(Finding::new(
            "timeout",
            Severity::Warning,
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
    direct.find(|pair| relayed && pair.state == CheckState::Succeeded)
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
            "relayed-although-direct-works",
            Severity::Warning,
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
    if let Some(pair) = &context.no_data {
        findings.push(Finding::new(
            "no-data",
            Severity::Error,
            format!("checks pass over {pair}, and none of the datagrams sent over it came back"),
            "a firewall that looks into packets lets STUN through and nothing else: try TURN over TLS, or allow the UDP flow",
        ));
        return;
    }
    let is_open = result.state == PairState::Failed && context.is_undecided;
    if is_open || cut_short || (context.peer_end.is_some() && result.pairs.is_empty()) {
        return;
    }
    if !by_policy {
        let why = why::not_direct(result, context);
        let detail = why.detail.map_or_else(String::new, |d| format!(". {d}"));
        findings.push(Finding {
            code: "direct-failed",
            severity,
            message: format!("no direct connection: {}{detail}", why.short)
                .trim_end_matches('.')
                .to_owned(),
            hint: why.hint,
        });
    }
    if result.state == PairState::Failed {
        let has_relay = [&result.local, &result.remote]
            .iter()
            .flat_map(|side| &side.candidates)
            .any(|c| c.kind == CandidateType::Relay);
        let why = why::not_relayed(result);
        findings.push(Finding {
            code: if has_relay {
                "relay-failed"
            } else {
                "no-relay-candidates"
            },
            severity,
            message: why.short,
            hint: why.hint,
        });
    }
}

/// Relays that refuse, though another one, or the direct way, may have served.
fn of_relays(result: &PairResult, findings: &mut Vec<Finding>) {
    if result.path != Some(PathKind::Relayed) {
        return;
    }
    let forbidden: BTreeSet<IpAddr> = of_path(result, PathKind::Relayed)
        .into_iter()
        .filter(|pair| has_failure(pair, &["forbidden-ip"]))
        .map(|pair| pair.remote.address)
        .collect();
    if let Some(first) = forbidden.first() {
        findings.push(Finding::new(
            "forbidden-ip",
            Severity::Info,
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
            "a firewall may be in the way that the NAT tests do not meet, a NAT may give another port to a peer whose packets came first, or the NAT differs from one destination to another; rtcdiag nat on both hosts tells more",
        ),
        Expected::Relay => (
            "a relayed connection",
            "the relay may be out of reach for one side, or there is a path inside that the NAT tests do not meet, as over a VPN; rtcdiag turn and rtcdiag nat tell more",
        ),
        Expected::Fail => (
            "no connection",
            "there is a path that the NAT tests do not meet, as over a VPN or a local network",
        ),
        Expected::Unknown => return,
    };
    findings.push(Finding::new(
        "prediction-contradicted",
        Severity::Warning,
        format!(
            "the NATs promised {promised}, and {came} came of it. It was expected because: {}",
            because.trim_end_matches('.')
        ),
        hint,
    ));
}
