//! What a browser is told at the end: this side's document, so that both show the same verdict.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::base::bounds;
use crate::base::reader::for_browser;
use crate::base::report::{Document, Finding};
use crate::commands::pair::report::PairResult;
use crate::commands::pair::run::channel::{Channel, ChannelEvent};
use crate::commands::pair::run::{Options, PairRun};
use crate::commands::pair::verdict;
use crate::net::clock::Clock;
use crate::proto::signal::message::{Message, ReaderWords};

/// How long the browser has to confirm it.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often it is looked whether it has: a receipt says nothing else.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tells it, and waits until it has come.
pub(super) async fn tell(channel: &mut Channel, options: &Options, clock: Clock, run: &PairRun) {
    let Some((document, words)) = document(options, clock, run) else {
        return;
    };
    let words = Some(words);
    channel.send(&Message::Report { document, words });
    let deadline = clock.now() + PATIENCE;
    while !channel.is_confirmed() && clock.now() < deadline {
        tokio::select! {
            said = channel.next() => match said {
                ChannelEvent::PeerLeft | ChannelEvent::Ended(..) => return,
                _ => {}
            },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// As it is printed with `--json`; without the result if that is larger than a message may be.
fn document(options: &Options, clock: Clock, run: &PairRun) -> Option<(Value, ReaderWords)> {
    let mut context = run.context.clone();
    context.wanted = options.wanted;
    let verdict = verdict::verdict(&run.result, &context);
    let times = (clock.started_at(), clock.now());
    let mut document = Document::new(Some("pair"), times, verdict, Some(&run.result));
    if length(&document)? > bounds::REPORT {
        document.result = None;
    }
    let words = words(&document);
    Some((serde_json::to_value(&document).ok()?, words))
}

/// What the page shows, as its reader has to say it.
pub fn words(document: &Document<&PairResult>) -> ReaderWords {
    let finding = |finding: &Finding| {
        let hint = finding.hint.as_deref();
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        for_browser(&format!("{}{hint}", finding.message))
    };
    let steps = document.result.iter().flat_map(|result| &result.steps);
    ReaderWords {
        summary: for_browser(&document.summary),
        findings: document.findings.iter().map(finding).collect(),
        details: steps
            .map(|step| step.detail.as_deref().map(for_browser))
            .collect(),
    }
}

fn length(document: &impl Serialize) -> Option<usize> {
    serde_json::to_vec(document).ok().map(|bytes| bytes.len())
}
