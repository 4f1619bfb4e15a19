//! Reads the descriptions that are asked about.

use std::path::Path;

use anyhow::Context as _;

use crate::commands::config;
use crate::commands::frame::Frame;
use crate::commands::sdp::args::SdpArgs;
use crate::commands::sdp::report::{Question, With};
use crate::proto::sdp::answerer::{Answerer, Application};
use crate::proto::sdp::model::{Description, Role};
use crate::proto::sdp::source;

/// Bytes of a file: a dump of webrtc-internals has some megabytes.
const LONGEST: u64 = 64 << 20;

pub fn read(frame: &Frame, args: &SdpArgs) -> anyhow::Result<Question> {
    let is_stdin = |path: &Path| path.as_os_str() == "-";
    let other = args.answerer.as_deref().unwrap_or_default();
    let from_stdin = [
        Some(args.offer.as_path()),
        args.answer.as_deref(),
        Some(Path::new(other)),
    ];
    anyhow::ensure!(
        from_stdin
            .into_iter()
            .flatten()
            .filter(|path| is_stdin(path))
            .count()
            <= 1,
        "standard input (-) can be read once"
    );
    anyhow::ensure!(
        args.answer.is_none() || args.answerer.is_none(),
        "there is an answer: --answerer is for an offer alone"
    );
    let mut found = descriptions(frame, &args.offer)?;
    let application = Application {
        has_tracks: !args.receive_only,
    };
    if let Some(path) = &args.answer {
        let answers = descriptions(frame, path)?;
        return Ok(both(frame, (found, answers)));
    }
    let count = found.len();
    if let Some(name) = &args.answerer {
        let answerer = answerer(frame, name)?;
        let at = last(&found, |role| role == Some(Role::Offer)).unwrap_or(0);
        let offer = Description {
            role: Some(Role::Offer),
            ..found.swap_remove(at)
        };
        found.truncate(at);
        return Ok(Question {
            offer,
            with: With::Answerer(answerer, application),
            others: count - 1,
            earlier: found,
        });
    }
    Ok(alone(found))
}

/// What a file has: an offer and its answer, or one description.
fn alone(mut found: Vec<Description>) -> Question {
    let count = found.len();
    let is_answer = |role| matches!(role, Some(Role::Answer | Role::Pranswer));
    if let Some(answer) = last(&found, is_answer)
        && let Some(offer) = last(&found[..answer], |role| role == Some(Role::Offer))
    {
        let answer = found.swap_remove(answer);
        let at = offer;
        let offer = found.swap_remove(at);
        found.truncate(at);
        return Question {
            offer,
            with: With::Answer(Box::new(answer)),
            others: count - 2,
            earlier: found,
        };
    }
    Question {
        offer: found.swap_remove(0),
        with: With::Nothing,
        others: count - 1,
        earlier: Vec::new(),
    }
}

fn last(found: &[Description], is_meant: impl Fn(Option<Role>) -> bool) -> Option<usize> {
    found
        .iter()
        .rposition(|description| is_meant(description.role))
}

fn both(
    frame: &Frame,
    (mut offers, mut answers): (Vec<Description>, Vec<Description>),
) -> Question {
    let others = offers.len() + answers.len() - 2;
    let is_offer = |role| role == Some(Role::Offer);
    let is_answer = |role| matches!(role, Some(Role::Answer | Role::Pranswer));
    let are_swapped = |first: &[Description], second: &[Description]| {
        !first.iter().any(|d| is_offer(d.role))
            && first.iter().any(|d| is_answer(d.role))
            && second.iter().any(|d| is_offer(d.role))
            && !second.iter().any(|d| is_answer(d.role))
    };
    if are_swapped(&offers, &answers) {
        frame.output.warning(
            "the first file has the answer and the second the offer: taken so",
            None,
        );
        std::mem::swap(&mut offers, &mut answers);
    } else if look_swapped(&offers, &answers) {
        frame.output.warning(
            "the first file looks like the answer (its DTLS role is chosen) and the second like the offer (a=setup:actpass): taken so",
            None,
        );
        std::mem::swap(&mut offers, &mut answers);
    }
    let at = last(&offers, is_offer).unwrap_or(0);
    let offer = Description {
        role: Some(Role::Offer),
        ..offers.swap_remove(at)
    };
    offers.truncate(at);
    let at = last(&answers, is_answer).unwrap_or(0);
    let answer = Description {
        role: Some(Role::Answer),
        ..answers.swap_remove(at)
    };
    answers.truncate(at);
    Question {
        offer,
        with: With::Answer(Box::new(answer)),
        others,
        earlier: [offers, answers].concat(),
    }
}

/// Where files do not say what they are: an offer leaves the DTLS role open, and an answer chooses (RFC 5763 5).
fn look_swapped(first: &[Description], second: &[Description]) -> bool {
    let ([first], [second]) = (first, second) else {
        return false;
    };
    first.role.is_none()
        && second.role.is_none()
        && matches!(first.dtls_role().as_deref(), Some("active" | "passive"))
        && second.dtls_role().as_deref() == Some("actpass")
}

fn answerer(frame: &Frame, name: &str) -> anyhow::Result<Answerer> {
    Ok(match name {
        "chromium" | "chrome" => Answerer::Chromium,
        "webrtc-rs" => Answerer::WebrtcRs,
        path => {
            let found = descriptions(frame, Path::new(path));
            let mut found =
                found.context("--answerer is chromium, webrtc-rs, or a file with a description")?;
            Answerer::Like(Box::new(found.swap_remove(0)))
        }
    })
}

/// At least one.
fn descriptions(frame: &Frame, path: &Path) -> anyhow::Result<Vec<Description>> {
    let text = config::read_long_text(path, frame.patience(), LONGEST)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mut found =
        source::read(&text).with_context(|| format!("cannot use {}", path.display()))?;
    anyhow::ensure!(
        !found.is_empty(),
        "{} has no description in it",
        path.display()
    );
    // Dumps have each when it is made, and again when it is set.
    let mut kept: Vec<Description> = Vec::new();
    found.retain(|description| {
        let is_new = !kept.contains(description);
        if is_new {
            kept.push(description.clone());
        }
        is_new
    });
    Ok(found)
}
