//! The call flow.

use std::time::Duration;

use crate::base::report::Millis;
use crate::commands::pair::report::{PairResult, TimelineEntry, TimelineEvent};
use crate::ui::layout::{Detail, line, milliseconds, section};
use crate::ui::style::Style;

/// Who comes sooner was not waited for.
const WAITED: Duration = Duration::from_secs(1);

/// What stands before the text of a step.
const MARGIN: u16 = 14;

/// A step as it happens, for a line on the terminal.
pub fn live(entry: &TimelineEntry) -> String {
    let at = milliseconds(Some(entry.at_ms));
    format!("  {at:>11}  {}", described(entry))
}

/// Adds the main steps; with `-v` all.
pub(super) fn list(out: &mut String, result: &PairResult, style: Style, detail: Detail) {
    let mut answered = false;
    let is_main = |entry: &&TimelineEntry| match entry.event {
        TimelineEvent::CandidateFound
        | TimelineEvent::CandidateReceived
        | TimelineEvent::CheckSent
        | TimelineEvent::CheckFailed => detail.verbose,
        // The first one tells when the first path was open.
        TimelineEvent::CheckSucceeded => {
            let first = !std::mem::replace(&mut answered, true);
            first || detail.verbose
        }
        _ => true,
    };
    let steps: Vec<&TimelineEntry> = result.timeline.iter().filter(is_main).collect();
    if steps.is_empty() {
        return;
    }
    let hidden = result.timeline.len() - steps.len();
    let start = start(result);
    let title = if start.is_some() {
        "Timeline, from when the other side was there"
    } else {
        "Timeline"
    };
    section(out, style, title);
    for entry in steps {
        let at = since(entry.at_ms, start);
        let wrapped = style.narrower(MARGIN).wrap(&described(entry), 2);
        for (number, text) in wrapped.lines().enumerate() {
            let at = if number == 0 { at.as_str() } else { "" };
            line(out, &format!(" {at:>11}  {text}"));
        }
    }
    if hidden > 0 {
        line(out, &format!(" ({hidden} more steps; -v shows them)"));
    }
}

/// When the other side came, if it was waited for: only what follows is of the network.
fn start(result: &PairResult) -> Option<Duration> {
    let is_there = |entry: &&TimelineEntry| {
        matches!(
            entry.event,
            TimelineEvent::PeerJoined | TimelineEvent::DescriptionReceived
        )
    };
    let first = result.timeline.iter().find(is_there)?;
    (first.at_ms.0 >= WAITED).then_some(first.at_ms.0)
}

/// The time of a step; what was before the start has a sign.
fn since(at: Millis, start: Option<Duration>) -> String {
    let start = start.unwrap_or_default();
    let sign = if at.0 < start { "-" } else { "" };
    format!("{sign}{}", milliseconds(Some(Millis(at.0.abs_diff(start)))))
}

fn described(entry: &TimelineEntry) -> String {
    let step = match entry.event {
        TimelineEvent::RendezvousJoined => "rendezvous joined",
        TimelineEvent::RendezvousLost => "rendezvous lost",
        TimelineEvent::RendezvousUnreached => "rendezvous not reached",
        TimelineEvent::RendezvousRejoined => "rendezvous joined again",
        TimelineEvent::PeerJoined => "the other side has joined",
        TimelineEvent::PeerLeft => "the other side has gone",
        TimelineEvent::DescriptionSent => "description sent",
        TimelineEvent::DescriptionReceived => "description received",
        TimelineEvent::CandidateFound => "candidate found",
        TimelineEvent::CandidateReceived => "candidate received",
        TimelineEvent::GatheringComplete => "all candidates found",
        TimelineEvent::RemoteGatheringComplete => "all candidates of the other side received",
        TimelineEvent::CheckSent => "check sent",
        TimelineEvent::CheckSucceeded => "check answered",
        TimelineEvent::CheckFailed => "pair given up",
        TimelineEvent::PairNominated => "pair nominated",
        TimelineEvent::Connected => "connected",
        TimelineEvent::DtlsConnected => "DTLS is up",
        TimelineEvent::ChannelOpened => "data channel open",
        TimelineEvent::DataExchanged => "data went both ways",
        TimelineEvent::QualityMeasured => "path quality measured",
        TimelineEvent::RecordReceived => "record of the other side received",
        TimelineEvent::FactsAwaited => "waiting for this side's NAT test",
        TimelineEvent::PeerEnded => "the session is over",
    };
    match &entry.detail {
        Some(detail) => format!("{step}: {detail}"),
        None => step.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_the_other_side_came_has_a_sign() {
        let ms = |count| Millis(Duration::from_millis(count));
        let start = Some(Duration::from_secs(12));
        assert_eq!(since(ms(12_040), start), milliseconds(Some(ms(40))));
        assert_eq!(
            since(ms(11_500), start),
            format!("-{}", milliseconds(Some(ms(500))))
        );
        assert_eq!(since(ms(40), None), milliseconds(Some(ms(40))));
    }
}
