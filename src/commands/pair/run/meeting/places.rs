//! What becomes of the places to meet at.

use crate::base::report::ErrorReport;
use crate::base::time::Time;
use crate::commands::pair::report::{PlaceReport, PlaceStatus, TimelineEvent};
use crate::commands::pair::run::channel::Channel;
use crate::commands::pair::run::invitation::{Invitation, PATIENCE};
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::{Event, MeetingPlace};

/// Whether it is time to tell which of several places are reached.
pub(in crate::commands) fn are_due(places: &[PlaceReport], now: Time) -> bool {
    let is_settled = |place: &PlaceReport| place.status != PlaceStatus::Unsettled;
    places.len() > 1 && (places.iter().all(is_settled) || now >= PATIENCE)
}

/// The rows before anything is known.
pub(in crate::commands) fn rows(places: &[MeetingPlace]) -> Vec<PlaceReport> {
    let row = |place: &MeetingPlace| PlaceReport {
        url: place.shown.clone(),
        kind: place.kind,
        status: PlaceStatus::Unsettled,
        elapsed_ms: None,
        error: None,
    };
    places.iter().map(row).collect()
}

impl Meeting<'_> {
    /// Tells what the other host is to type, and which places are reached, when it is time for it.
    pub fn invite(&mut self, invitation: Option<&mut Invitation>) {
        let now = self.clock.now();
        let places = &self.record.places;
        if let Some(invited) = invitation.and_then(|invitation| invitation.due(places, now)) {
            let _ = self.record.events.send(Event::Session(invited));
        }
        if !self.record.has_told_places && !self.peer.was_there && are_due(places, now) {
            self.record.has_told_places = true;
            let places = places.clone();
            let _ = self.record.events.send(Event::Places { places });
        }
    }

    pub(super) fn reached(&mut self, place: usize) {
        let event = TimelineEvent::RendezvousJoined;
        self.settle(place, PlaceStatus::Reached, None, event);
        self.begin();
    }

    pub(super) fn rejoined(&mut self, place: usize) {
        self.record.reconnects += 1;
        let detail = self.place_detail(place, None);
        self.note(TimelineEvent::RendezvousRejoined, detail);
        self.record.places[place].status = PlaceStatus::Reached;
        self.record.rendezvous_trouble = None;
    }

    pub(super) fn lost(&mut self, place: usize, error: ErrorReport) {
        let detail = self.place_detail(place, Some(&error));
        self.note(TimelineEvent::RendezvousLost, detail);
        let row = &mut self.record.places[place];
        row.status = PlaceStatus::Lost;
        row.error = Some(error.clone());
        if !self.is_any_reached() {
            self.record.rendezvous_trouble = Some(error);
        }
    }

    /// It is not tried again.
    pub(super) fn out(&mut self, place: usize, error: ErrorReport) {
        let status = self.record.places[place].status.given_up();
        let event = if status == PlaceStatus::Failed {
            TimelineEvent::RendezvousUnreached
        } else {
            TimelineEvent::RendezvousLost
        };
        self.settle(place, status, Some(error), event);
    }

    fn settle(
        &mut self,
        place: usize,
        status: PlaceStatus,
        error: Option<ErrorReport>,
        event: TimelineEvent,
    ) {
        let detail = self.place_detail(place, error.as_ref());
        self.note(event, detail);
        self.record.places[place].settle(self.clock.now(), status, error);
        if self.record.places.len() > 1 {
            let row = self.record.places[place].clone();
            let _ = self.record.events.send(Event::Rendezvous(row));
        }
    }

    /// Which place it is, where there are several, and what is wrong there.
    fn place_detail(&self, place: usize, error: Option<&ErrorReport>) -> Option<String> {
        let url = &self.record.places[place].url;
        match (self.record.places.len() > 1, error) {
            (true, Some(error)) => Some(format!("{url}: {}", error.message)),
            (true, None) => Some(url.clone()),
            (false, error) => error.map(|error| error.message.clone()),
        }
    }

    fn is_any_reached(&self) -> bool {
        let mut places = self.record.places.iter();
        places.any(|place| place.status == PlaceStatus::Reached)
    }

    /// It ends before a place was reached, and how far it got.
    pub fn never_joined(&mut self, channel: &Channel) {
        self.settle_places(channel);
        let mut errors = self
            .record
            .places
            .iter()
            .filter_map(|place| place.error.clone());
        self.record.rendezvous_trouble = errors.next();
    }

    /// It ends: how far the way to the places has been gone that are not settled.
    pub fn settle_places(&mut self, channel: &Channel) {
        for (place, row) in self.record.places.iter_mut().enumerate() {
            if row.status == PlaceStatus::Unsettled {
                row.error = channel.unfinished(place);
            }
        }
    }
}
