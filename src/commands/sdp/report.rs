//! What is found in descriptions.

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::codes::catalogue;
use crate::base::report::{Finding, Severity};
use crate::base::words::counted;
use crate::proto::sdp::answerer::{self, Answerer, Application};
use crate::proto::sdp::lint;
use crate::proto::sdp::model::{Description, Role};
use crate::proto::sdp::negotiation::{self, MediaAgreement, Party};
use crate::proto::sdp::problem::Problem;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    pub offer: Description,
    pub with: With,
    /// Descriptions of the files that are not looked at.
    pub others: usize,
    /// Those of them that stand before: of rounds that are over.
    pub earlier: Vec<Description>,
}

/// What the first description is held against.
#[derive(Debug, Clone)]
pub enum With {
    Nothing,
    Answer(Box<Description>),
    Answerer(Answerer, Application),
}

/// The result of `rtcdiag sdp`.
#[derive(Debug, Clone, Serialize)]
pub struct SdpResult {
    /// Section by section of the offer.
    pub media: Vec<MediaAgreement>,
    /// By description and line.
    pub problems: Vec<ProblemReport>,
}

/// A problem with its place.
#[derive(Debug, Clone, Serialize)]
pub struct ProblemReport {
    #[serde(flatten)]
    pub finding: Finding,
    pub source: Party,
    /// From 1; `None` where something is missing that has no place.
    pub line: Option<usize>,
    /// Specification and section.
    pub rfc: &'static str,
    /// Who minds.
    pub practice: &'static str,
}

/// What comes of the question.
pub fn result(question: &Question) -> SdpResult {
    let offer = &question.offer;
    let own = lint::problems(offer);
    let is_answer = matches!(offer.role, Some(Role::Answer | Role::Pranswer));
    let first = if is_answer && matches!(question.with, With::Nothing) {
        Party::Answer
    } else {
        Party::Offer
    };
    let mut problems: Vec<(Party, Problem)> = own
        .iter()
        .cloned()
        .map(|problem| (first, problem))
        .collect();
    let media = match &question.with {
        With::Nothing => {
            let sections = offer.sections.iter();
            sections
                .map(|section| MediaAgreement::offered(offer, section))
                .collect()
        }
        With::Answerer(answerer, application) => {
            let prediction = answerer::predict(offer, &own, answerer, *application);
            let others = prediction.problems.into_iter();
            problems.extend(others.map(|problem| (Party::Offer, problem)));
            problems.extend(
                prediction
                    .refusal
                    .and_then(|refusal| of_answerer(refusal, &own)),
            );
            prediction.media
        }
        With::Answer(answer) => {
            let negotiation = negotiation::negotiate(offer, answer);
            if negotiation.media.iter().any(|media| media.accepted) {
                // It was answered all the same.
                for (_, problem) in &mut problems {
                    problem.severity = problem.severity.min(Severity::Warning);
                }
            }
            let others = lint::problems(answer).into_iter();
            problems.extend(others.map(|problem| (Party::Answer, problem)));
            problems.extend(negotiation.problems);
            negotiation.media
        }
    };
    let answer = match &question.with {
        With::Answer(answer) => Some(answer.as_ref()),
        _ => None,
    };
    problems.extend(negotiation::restarts(&question.earlier, offer, answer));
    if question.others > 0 {
        problems.push((first, several(question.others)));
    }
    problems.sort_by_key(|(party, problem)| (*party == Party::Answer, problem.line.unwrap_or(0)));
    SdpResult {
        media,
        problems: problems.into_iter().map(reported).collect(),
    }
}

/// A refusal that the description's own problems do not say yet.
fn of_answerer(refusal: Problem, own: &[Problem]) -> Option<(Party, Problem)> {
    (!own.contains(&refusal)).then_some((Party::Offer, refusal))
}

fn several(others: usize) -> Problem {
    Problem::new(
        Code::SdpSeveral,
        None,
        format!("{} more in the files: only the last answer and the offer before it were looked at, or the first of all", counted(others, "description")),
        "RFC 8829 3.2",
        "webrtc-internals shows a description each time that it is made or set",
    )
    .severity(Severity::Info)
}

fn reported((source, problem): (Party, Problem)) -> ProblemReport {
    ProblemReport {
        finding: Finding {
            code: problem.code,
            severity: problem.severity,
            message: problem.message,
            hint: problem
                .remedy
                .map(str::to_owned)
                .or_else(|| remedy(problem.code)),
        },
        source,
        line: problem.line,
        rfc: problem.rfc,
        practice: problem.practice,
    }
}

fn remedy(code: Code) -> Option<String> {
    let mut entries = catalogue::entries().iter();
    let entry = entries.find(|entry| entry.code == code)?;
    Some(entry.remedy.replace('`', ""))
}
