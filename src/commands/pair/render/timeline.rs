//! When the call began.

use std::time::Duration;

use crate::commands::pair::report::{PairResult, TimelineEntry, TimelineEvent};

/// Who comes sooner was not waited for.
const WAITED: Duration = Duration::from_secs(1);

/// When the other side came, if it was waited for: only what follows is of the network.
pub(super) fn start(result: &PairResult) -> Option<Duration> {
    let is_there = |entry: &&TimelineEntry| {
        matches!(
            entry.event,
            TimelineEvent::PeerJoined | TimelineEvent::DescriptionReceived
        )
    };
    let first = result.timeline.iter().find(is_there)?;
    (first.at_ms.0 >= WAITED).then_some(first.at_ms.0)
}
