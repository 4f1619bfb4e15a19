//! What is wrong with one description, and who minds.
//!
//! "Chromium refuses" was seen: `tests/browser` has its answers to offers that were bent in each of these ways.

mod attributes;
mod blanks;
mod codecs;
mod groups;
mod keys;
mod lines;
mod sections;
mod sources;
mod tracks;
pub(crate) mod transport;

use super::model::{Description, Role};
use super::problem::Problem;
use crate::base::codes::Code;
use crate::base::report::Severity;

/// Problems of one code that are told one by one; people read no more.
const EACH: usize = 20;

/// Problems that read the same and are told one by one.
const EQUAL: usize = 3;

/// All problems, by line.
pub fn problems(description: &Description) -> Vec<Problem> {
    let mut problems = Vec::new();
    lines::check(description, &mut problems);
    blanks::check(description, &mut problems);
    attributes::check(description, &mut problems);
    sections::check(description, &mut problems);
    groups::check(description, &mut problems);
    codecs::check(description, &mut problems);
    sources::check(description, &mut problems);
    tracks::check(description, &mut problems);
    keys::check(description, &mut problems);
    transport::check(description, &mut problems);
    if !description.is_webrtc() {
        problems = problems.into_iter().map(between_phones).collect();
    }
    few(problems)
}

/// What a browser would refuse, in a description that is not for browsers: phones want a section that can be read, with
/// codecs and an address.
fn between_phones(problem: Problem) -> Problem {
    let is_needed = matches!(
        problem.code,
        Code::SdpMediaLine | Code::SdpAttribute | Code::SdpAddress
    );
    let is_softer = problem.is_refusal && !is_needed;
    Problem {
        severity: if is_softer {
            problem.severity.min(Severity::Warning)
        } else {
            problem.severity
        },
        ..problem
    }
}

/// Whether it answers, as far as it can be told.
fn is_answer(description: &Description) -> bool {
    matches!(description.role, Some(Role::Answer | Role::Pranswer))
}

/// Those of one code beyond a number become one line that counts them.
fn few(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.line.unwrap_or(0));
    let mut kept: Vec<Problem> = Vec::new();
    let mut more: Vec<(Problem, usize)> = Vec::new();
    for problem in problems {
        let same = kept
            .iter()
            .filter(|other| other.code == problem.code)
            .count();
        let is_equal =
            |other: &&Problem| other.code == problem.code && other.message == problem.message;
        let equal = kept.iter().filter(is_equal).count();
        if same < EACH && equal < EQUAL {
            kept.push(problem);
        } else if let Some((first, count)) = more
            .iter_mut()
            .find(|(first, _)| first.code == problem.code)
        {
            *count += 1;
            first.severity = first.severity.max(problem.severity);
            first.is_refusal |= problem.is_refusal;
        } else {
            more.push((problem, 1));
        }
    }
    kept.extend(more.into_iter().map(|(first, count)| Problem {
        message: format!("{count} more like these, the first: {}", first.message),
        ..first
    }));
    kept
}

/// The same, where the text may have been damaged only on its way here.
fn of_copy(description: &Description, problem: Problem) -> Problem {
    if description.is_exact {
        return problem;
    }
    Problem {
        severity: Severity::Warning,
        is_refusal: false,
        practice: "if the program was given it so, Chromium refuses the whole description; a text that was copied may have got it on its way here",
        ..problem
    }
}
