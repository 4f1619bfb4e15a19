//! What a browser is told at the end: this side's document, so that both show the same verdict.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::base::bounds;
use crate::base::report::Document;
use crate::commands::pair::run::channel::{Channel, ChannelEvent};
use crate::commands::pair::run::{Options, PairRun};
use crate::commands::pair::verdict;
use crate::net::clock::Clock;
use crate::proto::signal::message::Message;

/// How long the browser has to confirm it.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often it is looked whether it has: a receipt says nothing else.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tells it, and waits until it has come.
pub(super) async fn tell(channel: &mut Channel, options: &Options, clock: Clock, run: &PairRun) {
    let Some(document) = document(options, clock, run) else {
        return;
    };
    channel.send(&Message::Report { document });
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
fn document(options: &Options, clock: Clock, run: &PairRun) -> Option<Value> {
    let mut context = run.context.clone();
    context.wanted = options.wanted;
    let verdict = verdict::verdict(&run.result, &context);
    let times = (clock.started_at(), clock.now());
    let mut document = Document::new(Some("pair"), times, verdict, Some(&run.result));
    if length(&document)? > bounds::REPORT {
        document.result = None;
    }
    serde_json::to_value(&document).ok()
}

fn length(document: &impl Serialize) -> Option<usize> {
    serde_json::to_vec(document).ok().map(|bytes| bytes.len())
}
