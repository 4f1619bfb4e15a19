//! Reads the descriptions that are asked about.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot;

use crate::base::fact::Reason;
use crate::commands::config;
use crate::commands::frame::{Frame, Stop};
use crate::commands::sdp::args::SdpArgs;
use crate::commands::sdp::report::{Question, With};
use crate::proto::sdp::answerer::{Answerer, Application};
use crate::proto::sdp::model::{Description, Role};
use crate::proto::sdp::source;

/// Bytes of a file: a dump of webrtc-internals has some megabytes.
const LONGEST: u64 = 64 << 20;

/// What stands in each of the files.
pub type Texts = Vec<(PathBuf, io::Result<String>)>;

/// Reads all files in a thread: a pipe may be one that nobody writes to. Nothing if the run is to end before.
pub async fn texts(args: &SdpArgs, patience: Duration, mut stop: Stop) -> Option<Texts> {
    let answerer = args.answerer.as_deref().map(PathBuf::from);
    let named = answerer.filter(|name| builtin(name).is_none());
    let files = [Some(args.offer.clone()), args.answer.clone(), named];
    let (sender, texts) = oneshot::channel();
    std::thread::spawn(move || {
        let texts = files.into_iter().flatten().map(|path| {
            let text = config::read_long_text(&path, patience, LONGEST);
            (path, text)
        });
        // Nobody listens any more when the run was to end.
        let _ = sender.send(texts.collect());
    });
    tokio::select! {
        texts = texts => texts.ok(),
        _ = stop.wait_for(|reason| *reason == Some(Reason::Interrupted)) => None,
    }
}

pub fn read(frame: &Frame, args: &SdpArgs, texts: &Texts) -> anyhow::Result<Question> {
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
    let mut found = descriptions(texts, &args.offer)?;
    let application = Application {
        has_tracks: !args.receive_only,
    };
    if let Some(path) = &args.answer {
        let answers = descriptions(texts, path)?;
        return Ok(both(frame, (found, answers)));
    }
    let count = found.len();
    if let Some(name) = &args.answerer {
        let answerer = answerer(texts, name)?;
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

/// One that is known by name.
fn builtin(name: &Path) -> Option<Answerer> {
    match name.to_str()? {
        "chromium" | "chrome" => Some(Answerer::Chromium),
        "webrtc-rs" => Some(Answerer::WebrtcRs),
        _ => None,
    }
}

fn answerer(texts: &Texts, name: &str) -> anyhow::Result<Answerer> {
    let path = Path::new(name);
    if let Some(known) = builtin(path) {
        return Ok(known);
    }
    let found = descriptions(texts, path);
    let mut found =
        found.context("--answerer is chromium, webrtc-rs, or a file with a description")?;
    Ok(Answerer::Like(Box::new(found.swap_remove(0))))
}

/// At least one.
fn descriptions(texts: &Texts, path: &Path) -> anyhow::Result<Vec<Description>> {
    let text = texts.iter().find(|(read, _)| read == path);
    let text = match text {
        Some((_, Ok(text))) => text,
        Some((_, Err(error))) => anyhow::bail!("cannot read {}: {error}", path.display()),
        None => anyhow::bail!("cannot read {}", path.display()),
    };
    let mut found = source::read(text).with_context(|| format!("cannot use {}", path.display()))?;
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
