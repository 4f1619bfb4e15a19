//! The verdict on a mesh, computed once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::Reason;
use crate::base::report::{Caveat, ErrorReport, Finding, Severity, Verdict};
use crate::base::words::{capitalised_but, counted, listed, short_span};
use crate::commands::mesh::report::{HostState, MeshResult, WayOutcome, WayReport};

/// Ways that one finding names; the table has all.
const NAMED: usize = 8;
/// Findings on ways; the list of ways has all.
const FINDINGS: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum WantedWays {
    Connected,
    Direct,
}

#[derive(Debug, Clone, Default)]
pub struct Context {
    pub wanted: Option<WantedWays>,
    /// How many hosts there were to be.
    pub hosts: Option<usize>,
    /// Why the run was cut short, if it was.
    pub stopped: Option<Reason>,
    /// Findings from outside: the configuration.
    pub findings: Vec<Finding>,
    /// Who wants relayed candidates alone has got what they want.
    pub relay_only: bool,
    /// Why the places to meet at could not be used to the end.
    pub rendezvous_error: Option<ErrorReport>,
    /// The code was given, so that somebody should have been there with it.
    pub came_with_code: bool,
    /// How long others were waited for, in seconds.
    pub waited_s: f64,
    /// Hosts that there was no room for.
    pub left_out: usize,
    /// A member that could not be understood, and why.
    pub not_understood: Option<ErrorReport>,
}

pub fn verdict(result: &MeshResult, context: &Context) -> Verdict {
    let mut findings = context.findings.clone();
    findings.extend(of_hosts(result, context));
    findings.extend(of_ways(result));
    findings.extend(of_messages(result, context));
    let mut outcome = outcome(result, context);
    let mut summary = summary(result, context);
    if let Some(missed) = expectation(result, context, &mut outcome) {
        summary = format!("Not as expected: {}. {summary}", missed.message);
        findings.push(missed);
    }
    if context.stopped == Some(Reason::Interrupted) {
        outcome = Outcome::Interrupted;
        summary = format!("Interrupted. {summary}");
    }
    findings.sort_by_key(|finding| finding.severity);
    let is_relayed = of(result, WayOutcome::Relayed).next().is_some();
    let is_direct = of(result, WayOutcome::Direct).next().is_some();
    Verdict {
        outcome,
        caveat: (is_relayed && !is_direct && !context.relay_only).then_some(Caveat::Relayed),
        findings,
        summary,
    }
}

fn of(result: &MeshResult, outcome: WayOutcome) -> impl Iterator<Item = &WayReport> {
    result.ways.iter().filter(move |way| way.outcome == outcome)
}

const fn is_broken(outcome: WayOutcome) -> bool {
    matches!(
        outcome,
        WayOutcome::Failed | WayOutcome::Unsound | WayOutcome::Disputed
    )
}

fn is_alone(result: &MeshResult) -> bool {
    result.hosts.len() < 2
}

/// Hosts that are missing.
fn missing(result: &MeshResult, context: &Context) -> usize {
    context
        .hosts
        .map_or(0, |hosts| hosts.saturating_sub(result.hosts.len()))
}

fn outcome(result: &MeshResult, context: &Context) -> Outcome {
    let has_error = context.rendezvous_error.is_some() || context.not_understood.is_some();
    let mut outcomes = result.ways.iter().map(|way| way.outcome);
    if is_alone(result) {
        // As for `pair`: nothing is known of the network, and nobody was reached.
        return if has_error {
            Outcome::Error
        } else {
            Outcome::Bad
        };
    }
    if outcomes.clone().any(is_broken) || missing(result, context) > 0 {
        Outcome::Bad
    } else if outcomes.any(|outcome| outcome == WayOutcome::NotTested) {
        Outcome::Inconclusive
    } else {
        Outcome::Good
    }
}

fn expectation(result: &MeshResult, context: &Context, outcome: &mut Outcome) -> Option<Finding> {
    let wanted = context.wanted?;
    let is_met = |way: &WayReport| match wanted {
        WantedWays::Direct => way.outcome == WayOutcome::Direct,
        WantedWays::Connected => way.outcome.is_connected(),
    };
    let all = result.ways.len();
    let met = result.ways.iter().filter(|way| is_met(way)).count();
    if *outcome == Outcome::Good && met == all {
        return None;
    }
    if *outcome == Outcome::Good {
        *outcome = Outcome::Bad;
    }
    let found = if is_alone(result) {
        "no other host came".to_owned()
    } else if met < all {
        format!("{} of {} are not", all - met, counted(all, "way"))
    } else {
        "not all hosts came".to_owned()
    };
    Some(Finding {
        code: Code::ExpectationNotMet,
        severity: Severity::Error,
        message: format!("expected all={wanted}, but {found}"),
        hint: None,
    })
}

fn of_hosts(result: &MeshResult, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_alone(result) && context.rendezvous_error.is_none() && context.not_understood.is_none() {
        let hint = if context.came_with_code {
            "check that the other hosts run 'rtcdiag mesh' at the same time, with the same code and the same --rendezvous"
        } else {
            "run the command that was shown on the other hosts, while this one waits"
        };
        findings.push(finding(
            Code::NoPeer,
            Severity::Error,
            format!("no other host came in {}", short_span(context.waited_s)),
            Some(hint),
        ));
    }
    let missing = missing(result, context);
    if missing > 0 && !is_alone(result) {
        let wanted = context.hosts.unwrap_or_default();
        findings.push(finding(
            Code::NoPeer,
            Severity::Error,
            format!("{missing} of {wanted} hosts did not come"),
            Some("check that they run 'rtcdiag mesh' with this code, and a --rendezvous of this host"),
        ));
    }
    let vanished = result
        .hosts
        .iter()
        .filter(|host| host.state == HostState::Vanished);
    let vanished: Vec<String> = vanished.map(|host| host.name.clone()).collect();
    if !vanished.is_empty() {
        findings.push(finding(
            Code::PeerVanished,
            Severity::Warning,
            format!("{} left without a message", listed(&vanished)),
            Some("its process or its network may have ended"),
        ));
    }
    if context.left_out > 0 {
        findings.push(finding(
            Code::MeshFull,
            Severity::Warning,
            format!(
                "{} more than one mesh may have",
                counted(context.left_out, "host")
            ),
            Some("test fewer hosts at a time, each group with a code of its own"),
        ));
    }
    findings
}

/// One finding for each cause, with the ways that it is of.
fn of_ways(result: &MeshResult) -> Vec<Finding> {
    let mut groups: Vec<((Code, &str), Severity, Vec<&WayReport>)> = Vec::new();
    for way in &result.ways {
        let severity = match way.outcome {
            WayOutcome::Direct => continue,
            WayOutcome::Relayed => Severity::Info,
            WayOutcome::NotTested => Severity::Warning,
            WayOutcome::Failed | WayOutcome::Unsound | WayOutcome::Disputed => Severity::Error,
        };
        for cause in &way.causes {
            let key = (cause.code, &*cause.message);
            match groups
                .iter_mut()
                .find(|(known, of, _)| *known == key && *of == severity)
            {
                Some((_, _, ways)) => ways.push(way),
                None => groups.push((key, severity, vec![way])),
            }
        }
    }
    groups.sort_by_key(|(_, severity, ways)| (*severity, ways.len()));
    let more = groups.len().saturating_sub(FINDINGS);
    let groups = groups.into_iter().skip(more);
    groups
        .map(|((code, message), severity, ways)| {
            let mut named: Vec<String> = ways.iter().take(NAMED).map(|way| between(way)).collect();
            let more = ways.len() - named.len();
            if more > 0 {
                named.push(format!("{more} more"));
            }
            finding(
                code,
                severity,
                format!("{}: {message}", listed(&named)),
                None,
            )
        })
        .collect()
}

fn of_messages(result: &MeshResult, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !result.refused.is_empty() {
        findings.push(finding(
            Code::MessagesRefused,
            Severity::Warning,
            format!("messages were refused: {}", result.refused.join("; ")),
            Some("somebody on the way changes or repeats messages, or uses the same code for something else"),
        ));
    }
    if let Some(error) = &context.not_understood {
        findings.push(finding(
            error.code,
            Severity::Error,
            error.message.clone(),
            error.hint,
        ));
    }
    if let Some(error) = &context.rendezvous_error {
        findings.push(finding(
            error.code,
            Severity::Error,
            format!("the rendezvous: {}", error.message),
            error.hint,
        ));
    }
    findings
}

fn between(way: &WayReport) -> String {
    let relayed = if way.outcome == WayOutcome::Relayed {
        " (relayed)"
    } else {
        ""
    };
    format!("{} <-> {}{relayed}", way.a, way.b)
}

fn finding(code: Code, severity: Severity, message: String, hint: Option<&'static str>) -> Finding {
    Finding {
        code,
        severity,
        message,
        hint: hint.map(str::to_owned),
    }
}

fn summary(result: &MeshResult, context: &Context) -> String {
    if is_alone(result) {
        let error = context
            .not_understood
            .as_ref()
            .or(context.rendezvous_error.as_ref());
        return error.map_or_else(
            || "No other host came.".to_owned(),
            |error| format!("No other host was reached: {}.", error.message),
        );
    }
    let words = [
        (WayOutcome::Direct, "direct"),
        (WayOutcome::Relayed, "relayed"),
        (WayOutcome::Failed, "failed"),
        (WayOutcome::Unsound, "unsound"),
        (WayOutcome::Disputed, "disputed"),
        (WayOutcome::NotTested, "not tested"),
    ];
    let counts: Vec<String> = words
        .into_iter()
        .map(|(outcome, word)| (of(result, outcome).count(), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let hosts = counted(result.hosts.len(), "host");
    let ways = counted(result.ways.len(), "way");
    let mut text = format!("{hosts}, {ways}: {}.", counts.join(", "));
    let causes = main_causes(result);
    let causes: Vec<String> = causes
        .iter()
        .map(|(cause, times)| {
            let names = result.hosts.iter().map(|host| host.name.as_str());
            format!(
                "{} ({})",
                capitalised_but(cause, names),
                counted(*times, "way")
            )
        })
        .collect();
    if !causes.is_empty() {
        let _ = write!(text, " {}.", causes.join(". "));
    }
    text
}

/// The cause of most ways that do not work; if all do, of most that are relayed. Two that are of as many, or the first
/// of more.
fn main_causes(result: &MeshResult) -> Vec<(&str, usize)> {
    let broken = |way: &&WayReport| is_broken(way.outcome);
    let relayed = |way: &&WayReport| way.outcome == WayOutcome::Relayed;
    let ways: Vec<&WayReport> = result.ways.iter().filter(broken).collect();
    let ways = if ways.is_empty() {
        result.ways.iter().filter(relayed).collect()
    } else {
        ways
    };
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for cause in ways.iter().filter_map(|way| way.causes.first()) {
        *times.entry(&cause.message).or_default() += 1;
    }
    let most = times.values().copied().max().unwrap_or_default();
    let mut first: Vec<(&str, usize)> = times.into_iter().filter(|(_, of)| *of == most).collect();
    if first.len() > 2 {
        first.truncate(1);
    }
    first
}
