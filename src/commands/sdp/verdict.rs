//! Outcome, findings and sentence.

use crate::base::exit::Outcome;
use crate::base::report::{Finding, Severity, Verdict};
use crate::base::words::{capitalised, counted, listed};
use crate::commands::sdp::report::{ProblemReport, Question, SdpResult, With};
use crate::proto::sdp::answerer::Answerer;
use crate::proto::sdp::direction::Direction;
use crate::proto::sdp::model::Section;
use crate::proto::sdp::negotiation::MediaAgreement;

pub fn verdict(question: &Question, result: &SdpResult) -> Verdict {
    let errors = errors(result);
    let has_refused = refused(question, result).next().is_some();
    let is_bad = !errors.is_empty() || has_refused;
    let mut findings: Vec<Finding> = result.problems.iter().map(finding).collect();
    findings.sort_by_key(|finding| finding.severity);
    Verdict {
        outcome: if is_bad { Outcome::Bad } else { Outcome::Good },
        caveat: None,
        findings,
        summary: summary(question, result),
    }
}

fn errors(result: &SdpResult) -> Vec<&ProblemReport> {
    let problems = result.problems.iter();
    problems
        .filter(|problem| problem.finding.severity == Severity::Error)
        .collect()
}

/// Sections that were offered and are not agreed.
fn refused<'a>(
    question: &'a Question,
    result: &'a SdpResult,
) -> impl Iterator<Item = &'a MediaAgreement> {
    let is_two = !matches!(question.with, With::Nothing);
    let sections = question.offer.sections.iter().map(Section::is_refused);
    let media = result.media.iter().zip(sections);
    media
        .filter(move |(media, was_refused)| is_two && !media.accepted && !was_refused)
        .map(|(media, _)| media)
}

/// With its place in front, since findings have none.
fn finding(problem: &ProblemReport) -> Finding {
    match problem.line {
        Some(line) => problem
            .finding
            .clone()
            .about(&format!("line {line} of the {}", problem.source)),
        None => problem
            .finding
            .clone()
            .about(&format!("the {}", problem.source)),
    }
}

/// A section in a few words.
pub fn named(media: &MediaAgreement) -> String {
    match &media.mid {
        Some(mid) => format!("{} (mid {mid})", media.kind),
        None => media.kind.clone(),
    }
}

fn agreed(media: &MediaAgreement) -> String {
    let what = match &media.codec {
        Some(codec) => format!("{} {codec}", media.kind),
        None => media.kind.clone(),
    };
    if media.direction == Direction::Inactive {
        format!("{what} (inactive: neither side sends)")
    } else {
        what
    }
}

fn summary(question: &Question, result: &SdpResult) -> String {
    let errors = errors(result);
    let weightiest = errors.first().map(|problem| placed(problem));
    if let With::Answerer(answerer, _) = &question.with
        && let Some(media) = result.media.first()
        && result.media.iter().all(|media| !media.accepted)
        && let Some(reason) = media
            .reason
            .as_ref()
            .filter(|reason| reason.starts_with("the whole offer"))
    {
        return format!("{} {reason}.", who(answerer))
            .replace("the whole offer is refused", "refuses the whole offer");
    }
    if matches!(question.with, With::Nothing) {
        return alone(question, result, weightiest);
    }
    let lost: Vec<String> = refused(question, result)
        .map(|media| {
            let reason = media.reason.clone().unwrap_or_default();
            format!("{} is not agreed: {reason}", named(media))
        })
        .collect();
    let kept: Vec<String> = result
        .media
        .iter()
        .filter(|media| media.accepted)
        .map(agreed)
        .collect();
    let kept = if kept.is_empty() {
        "nothing is agreed".to_owned()
    } else {
        format!("agreed: {}", listed(&kept))
    };
    let warnings = warnings(result);
    match (lost.as_slice(), weightiest) {
        ([], None) if warnings > 0 => {
            format!(
                "{}, with {}.",
                capitalised(&kept),
                counted(warnings, "warning")
            )
        }
        ([], None) => format!("{}.", capitalised(&kept)),
        ([], Some(error)) => format!("{}; but {error}.", capitalised(&kept)),
        (lost, _) => format!("{}; {kept}.", capitalised(&lost.join("; "))),
    }
}

fn warnings(result: &SdpResult) -> usize {
    let problems = result.problems.iter();
    problems
        .filter(|problem| problem.finding.severity == Severity::Warning)
        .count()
}

fn who(answerer: &Answerer) -> &'static str {
    match answerer {
        Answerer::Chromium => "Chromium",
        Answerer::WebrtcRs => "webrtc-rs",
        Answerer::Like(_) => "The other side",
    }
}

fn alone(question: &Question, result: &SdpResult, weightiest: Option<String>) -> String {
    let offered: Vec<String> = result
        .media
        .iter()
        .filter(|media| media.accepted)
        .map(agreed)
        .collect();
    let what = if offered.is_empty() {
        "no media".to_owned()
    } else {
        listed(&offered)
    };
    let warnings = warnings(result);
    let kind = if question.offer.is_webrtc() {
        "WebRTC"
    } else if question.offer.has_ice() {
        "SIP or the like, with ICE"
    } else {
        "SIP or the like, without ICE"
    };
    let count = errors(result).len();
    match weightiest {
        Some(error) if count == 1 => format!("{}.", capitalised(&error)),
        Some(error) => format!(
            "{}; and {} more.",
            capitalised(&error),
            counted(count - 1, "error")
        ),
        None if warnings > 0 => format!(
            "It can be used ({kind}: {what}), with {}.",
            counted(warnings, "warning")
        ),
        None => format!(
            "Nothing is wrong with it ({kind}: {what}){}.",
            left_out(result)
        ),
    }
}

/// Sections that a single description has and does not want (port 0, RFC 8829 4.1.14): a refusal, or the end of one.
fn left_out(result: &SdpResult) -> String {
    let refused = result.media.iter().filter(|media| !media.accepted);
    let refused: Vec<String> = refused.map(named).collect();
    match refused.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} has port 0: it is refused, or was stopped"),
        all => format!(
            "; {} have port 0: they are refused, or were stopped",
            listed(all)
        ),
    }
}

fn placed(problem: &ProblemReport) -> String {
    match problem.line {
        Some(line) => format!(
            "{} (line {line} of the {})",
            problem.finding.message, problem.source
        ),
        None => problem.finding.message.clone(),
    }
}
