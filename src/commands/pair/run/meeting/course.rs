//! What happened, for the timeline and for a browser at the other side.

use crate::base::bounds;
use crate::base::report::Millis;
use crate::commands::pair::report::{StepSide, TimelineEntry, TimelineEvent};
use crate::commands::pair::run::Event;
use crate::commands::pair::run::meeting::Meeting;
use crate::proto::ice::causes::ServerFacts;
use crate::proto::signal::message::Message;

impl Meeting<'_> {
    /// The first place is reached, or a description is there: the call begins.
    pub(super) fn begin(&mut self) {
        let has_begun = |entry: &TimelineEntry| entry.event == TimelineEvent::PeerConnectionCreated;
        if self.record.timeline.iter().any(has_begun) {
            return;
        }
        if self.attempt > 0 {
            let why = "the browser has loaded its page again, and the call begins anew";
            self.note(TimelineEvent::PeerLeft, why.to_owned());
        }
        self.note(TimelineEvent::PeerConnectionCreated, None);
    }

    pub(super) fn note(&mut self, event: TimelineEvent, detail: impl Into<Option<String>>) {
        let detail = detail.into();
        if self.peer.is_browser && event.is_told() {
            let detail = detail.clone();
            self.tell(event, detail);
        }
        self.note_of(StepSide::Local, event, detail);
    }

    /// Says to a browser what happened here.
    pub(super) fn tell(&mut self, event: TimelineEvent, detail: Option<String>) {
        let event = event.name().to_owned();
        self.say(Message::Step { event, detail });
    }

    /// The same of either side.
    pub(super) fn note_of(&mut self, side: StepSide, event: TimelineEvent, detail: Option<String>) {
        let entry = TimelineEntry {
            at_ms: Millis(self.clock.now()),
            side,
            event,
            detail,
        };
        // What an honest session has is far less. The rest is not shown as it happens either: whoever
        // reads it would have to keep it.
        if self.record.timeline.len() >= bounds::TIMELINE {
            return self.refuse(format!(
                "more than {} events: the rest is not in the timeline",
                bounds::TIMELINE
            ));
        }
        // Nobody may be listening; the result has it all the same.
        let _ = self.record.events.send(Event::Timeline(entry.clone()));
        self.record.timeline.push(entry);
    }

    pub(super) fn note_server(&mut self, side: StepSide, facts: &ServerFacts) {
        let (event, detail) = match facts.error {
            None => (TimelineEvent::ServerAnswered, facts.uri.clone()),
            Some(why) => (TimelineEvent::ServerFailed, format!("{}: {why}", facts.uri)),
        };
        if side == StepSide::Local {
            self.note(event, detail);
        } else {
            self.note_of(side, event, Some(detail));
        }
    }
}
