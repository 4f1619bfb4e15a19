//! The lobby at all its places, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::base::bounds;
use crate::base::codes;
use crate::base::fact::Reason;
use crate::base::report::ErrorReport;
use crate::base::time::Time;
use crate::commands::mesh::report::{HostReport, MeshResult, WayOutcome, WayReport, way};
use crate::commands::mesh::run::{CLOSING, Event, MeshRun, Options};
use crate::commands::mesh::verdict::Context;
use crate::commands::pair::report::{PlaceReport, PlaceStatus};
use crate::commands::pair::run::invitation::Invitation;
use crate::commands::pair::run::meeting::places::{are_due, rows};
use crate::commands::pair::run::{MeetingPlace, nowhere};
use crate::net::clock::Clock;
use crate::net::rendezvous::client;
use crate::net::rendezvous::places::{Happening, Places};
use crate::proto::mesh::beat::{BeatError, Report};
use crate::proto::mesh::lobby::{Lobby, Start};
use crate::proto::mesh::matrix::Matrix;
use crate::proto::signal::code::Code;
use crate::proto::signal::seal::{self, Name};

/// At how many places a session meets, of those where the other one was heard.
const PLACES_OF_SESSION: usize = 3;
/// How often what is new of hosts and ways is told: to look through them all at each message would take long.
const TELL_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Meeting<'a> {
    options: &'a Options,
    clock: Clock,
    /// Of the lobby.
    code: Code,
    lobby: Lobby,
    places: Places,
    rows: Vec<PlaceReport>,
    /// Where each member was heard.
    heard: BTreeMap<Name, BTreeSet<usize>>,
    invitation: Option<Invitation>,
    told: Told,
    events: mpsc::UnboundedSender<Event>,
    was_joined: bool,
    is_out: bool,
    refused: Vec<String>,
    not_understood: Option<ErrorReport>,
}

/// What was told already.
#[derive(Default)]
struct Told {
    hosts: Vec<HostReport>,
    ways: Vec<WayReport>,
    places: bool,
    at: Time,
}

impl<'a> Meeting<'a> {
    pub(super) fn new(
        options: &'a Options,
        clock: Clock,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let places = options.places.iter().map(|place| place.place.clone());
        Self {
            options,
            clock,
            code: lobby_code(&options.code),
            lobby: Lobby::new(options.lobby.clone()),
            places: Places::open(places.collect(), clock),
            rows: rows(&options.places),
            heard: BTreeMap::new(),
            invitation: options.invitation.clone(),
            told: Told::default(),
            events,
            was_joined: false,
            is_out: false,
            refused: Vec::new(),
            not_understood: None,
        }
    }

    /// The next thing that happens at a place; `None` once all are out. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<(usize, Happening)> {
        let happening = self.places.next().await;
        self.is_out |= happening.is_none();
        happening
    }

    /// Whether anything may still be heard.
    pub(super) const fn is_connected(&self) -> bool {
        !self.is_out
    }

    pub(super) fn is_over(&self) -> bool {
        let is_cut_off = self.is_out && self.was_joined;
        is_cut_off || self.lobby.is_over(self.clock.now())
    }

    /// Why no place was reached, if it is so.
    pub(super) fn nowhere(&self) -> Option<ErrorReport> {
        let errors = self.rows.iter().enumerate();
        let errors = errors.filter_map(|(place, row)| Some((place, row.error.clone()?)));
        (self.is_out && !self.was_joined).then(|| nowhere(&self.options.places, errors.collect()))
    }

    pub(super) fn wake(&self) -> Time {
        self.lobby.poll_timeout(self.clock.now())
    }

    /// What is due: beats, and what is told.
    pub(super) fn tick(&mut self) {
        let now = self.clock.now();
        self.lobby.handle_timeout(now);
        if self.was_joined
            && let Some((number, text, is_regular)) = self.lobby.poll_beat(now)
        {
            self.say(number, &text, is_regular);
        }
        let invitation = self.invitation.as_mut();
        if let Some(invited) = invitation.and_then(|it| it.due(&self.rows, now)) {
            let _ = self.events.send(Event::Session(invited));
        }
        if !self.told.places && are_due(&self.rows, now) {
            self.told.places = true;
            let places = self.rows.clone();
            let _ = self.events.send(Event::Places { places });
        }
        if now >= self.told.at + TELL_EVERY {
            self.told.at = now;
            self.tell();
        }
    }

    /// The next session to begin, and where.
    pub(super) fn poll_start(&mut self) -> Option<(Start, Vec<MeetingPlace>)> {
        let start = self.lobby.poll_start()?;
        let heard = self.heard.get(&start.with).into_iter().flatten();
        let mut places: Vec<&MeetingPlace> =
            heard.map(|place| &self.options.places[*place]).collect();
        // Both sides choose the same ones.
        places.sort_by(|a, b| a.shown.cmp(&b.shown));
        let places = places.into_iter().take(PLACES_OF_SESSION).cloned();
        Some((start, places.collect()))
    }

    pub(super) fn poll_orphan(&mut self) -> Option<Name> {
        self.lobby.poll_orphan()
    }

    pub(super) fn take_report(&mut self, with: Name, report: Report) {
        self.lobby.handle_report(self.clock.now(), with, report);
    }

    pub(super) fn take(&mut self, place: usize, happening: Happening) {
        match happening {
            Happening::NotReached(error) => self.settle(place, PlaceStatus::Failed, Some(error)),
            Happening::Said(event) => self.take_event(place, event),
        }
    }

    fn take_event(&mut self, place: usize, event: client::Event) {
        match event {
            client::Event::Joined { .. } => {
                self.was_joined = true;
                self.settle(place, PlaceStatus::Reached, None);
                self.lobby.say_again();
            }
            client::Event::PeerJoined | client::Event::Forgotten => self.lobby.say_again(),
            // Which member it was, its silence tells.
            client::Event::PeerLeft | client::Event::ThirdRefused => {}
            client::Event::Lost(error) => self.settle(place, PlaceStatus::Lost, Some(error)),
            client::Event::Refused(error) => {
                let status = self.rows[place].status.given_up();
                self.settle(place, status, Some(error));
            }
            client::Event::Envelope(envelope) => self.open(place, &envelope),
        }
    }

    fn open(&mut self, place: usize, envelope: &[u8]) {
        let (from, number, text) = match seal::open_beat(&self.code, envelope) {
            Ok(beat) => beat,
            Err(error) => return self.refuse(error.to_string()),
        };
        if from == self.options.lobby.own {
            return;
        }
        let now = self.clock.now();
        if let Err(error) = self.lobby.handle_beat(now, from, number, &text) {
            if matches!(error, BeatError::Version(_)) {
                let report = ErrorReport::new(codes::Code::PeerVersion, error.to_string());
                self.not_understood = Some(report);
            }
            return self.refuse(error.to_string());
        }
        if self.lobby.members().contains_key(&from) {
            self.heard.entry(from).or_default().insert(place);
        }
    }

    fn refuse(&mut self, why: String) {
        if self.refused.len() < bounds::REFUSED && !self.refused.contains(&why) {
            self.refused.push(why);
        }
    }

    /// What became of a place.
    fn settle(&mut self, place: usize, status: PlaceStatus, error: Option<ErrorReport>) {
        self.rows[place].settle(self.clock.now(), status, error);
        if self.rows.len() > 1 {
            let row = self.rows[place].clone();
            let _ = self.events.send(Event::Rendezvous(row));
        }
    }

    /// Says something at as few places as reach all who are there; or at all, so that newcomers hear it.
    fn say(&self, number: u64, text: &[u8], at_all: bool) {
        // Beats are far smaller than the largest message.
        let Ok(envelope) = seal::seal_beat(&self.code, self.options.lobby.own, number, text) else {
            return;
        };
        let joined = self.places.joined();
        for place in &joined {
            let is_first_of = |heard: &BTreeSet<usize>| {
                heard.iter().find(|at| joined.contains(at)) == Some(place)
            };
            if at_all || self.heard.is_empty() || self.heard.values().any(is_first_of) {
                self.places.send(*place, &envelope);
            }
        }
    }

    /// Tells what is new of hosts and ways.
    fn tell(&mut self) {
        let matrix = Matrix::new(&self.lobby);
        let hosts: Vec<HostReport> = matrix.hosts.iter().map(HostReport::new).collect();
        let ways: Vec<WayReport> = matrix.edges.iter().map(|edge| way(&matrix, edge)).collect();
        if hosts == self.told.hosts && ways == self.told.ways {
            return;
        }
        let is_new = |host: &&HostReport| !host.own && !self.told.hosts.contains(host);
        for host in hosts.iter().filter(is_new) {
            let _ = self.events.send(Event::Host(host.clone()));
        }
        let known = ways
            .iter()
            .filter(|way| way.outcome != WayOutcome::NotTested);
        for way in known.clone().filter(|way| !self.told.ways.contains(way)) {
            let _ = self.events.send(Event::Way(way.clone()));
        }
        let _ = self.events.send(Event::Progress {
            hosts: hosts.len(),
            known: known.count(),
            ways: ways.len(),
        });
        self.told.hosts = hosts;
        self.told.ways = ways;
    }

    /// Says good-bye, and gives the result.
    pub(super) async fn finish(mut self, reason: Option<Reason>) -> MeshRun {
        let now = self.clock.now();
        for (place, row) in self.rows.iter_mut().enumerate() {
            if row.status == PlaceStatus::Unsettled {
                row.error = self.places.unfinished(place);
            }
        }
        self.tell();
        let (number, text) = self.lobby.leave(now);
        self.say(number, &text, true);
        let is_reached = |row: &PlaceReport| row.status == PlaceStatus::Reached;
        let rendezvous_error = if self.rows.iter().any(is_reached) {
            None
        } else {
            self.rows.iter().find_map(|row| row.error.clone())
        };
        let matrix = Matrix::new(&self.lobby);
        let context = Context {
            hosts: self.options.lobby.hosts,
            stopped: reason,
            relay_only: self.options.is_relay_only(),
            rendezvous_error,
            waited_s: now.as_secs_f64(),
            left_out: self.lobby.left_out(),
            not_understood: self.not_understood,
            ..Context::default()
        };
        self.places.close(CLOSING).await;
        MeshRun {
            result: MeshResult::new(&matrix, self.rows, self.refused),
            context,
        }
    }
}

/// The code of the lobby.
pub fn lobby_code(code: &Code) -> Code {
    code.part(&[b"lobby"])
}
