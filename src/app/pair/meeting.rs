//! One side of a session: what is known, and what to do when something happens.

mod agent;
mod candidates;
mod peer;
mod pings;
mod progress;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;

use super::channel::Channel;
use super::ending::End;
use super::paths::{Means, Paths};
use super::{Event, Options, Paired, SideOf, Way, manual, rows};
use crate::app::gather::{self, kept::Kept};
use crate::ice::candidate::Candidate;
use crate::ice::checks::{self, Checks, Credentials, Role};
use crate::ice::facts::NatFacts;
use crate::ice::quality::Quality;
use crate::net::agent::Agent;
use crate::net::clock::Clock;
use crate::report::gather::GatherResult;
use crate::report::pair::{SideCandidate, TimelineEntry, TimelineEvent};
use crate::report::words::counted;
use crate::report::{ErrorReport, Finding, Millis, Severity};
use crate::signal::description::Description;
use crate::signal::message::{self, Message};
use crate::time::Time;

/// How often it is looked whether something is overdue.
const TICK: Duration = Duration::from_millis(25);

/// What is known of the other side.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Peer {
    pub software: Option<String>,
    pub relay_only: bool,
    /// It is there, or has been.
    pub was_there: bool,
    pub credentials: Option<Credentials>,
    pub candidates: Vec<SideCandidate>,
    pub nats: Vec<NatFacts>,
    pub complete_at: Option<Time>,
    /// The pair that it has selected, and when it said so.
    pub connected: Option<(SocketAddr, SocketAddr)>,
    pub has_failed: bool,
    pub is_finished: bool,
    /// Checks of ours that arrived there.
    pub arrived: Option<BTreeSet<u32>>,
    pub end: Option<message::End>,
    pub left_at: Option<Time>,
}

/// One side of a session.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Meeting<'a> {
    pub(super) options: &'a Options,
    pub(super) clock: Clock,
    events: mpsc::UnboundedSender<Event>,
    pub(super) agent: Agent,
    pub(super) checks: Checks,
    paths: Paths,
    own: Credentials,
    session_id: u64,
    pub(super) role: Option<Role>,
    pub(super) local: Vec<SideCandidate>,
    pub(super) nats: Vec<NatFacts>,
    pub(super) complete_at: Option<Time>,
    directs: Option<bool>,
    pub(super) peer: Peer,
    /// When both descriptions were known here.
    pub(super) described_at: Option<Time>,
    /// The last pair that came about, and how many there were.
    grown: (usize, Time),
    pub(super) selected: Option<(usize, Time)>,
    pub(super) quality: Quality,
    pings: Pings,
    pub(super) has_failed: bool,
    /// The first of this side's last messages was sent.
    finished_at: Option<Time>,
    has_told_record: bool,
    has_told_connected: bool,
    is_described: bool,
    outbox: Vec<Message>,
    /// Data that goes over the selected pair.
    data: Vec<Vec<u8>>,
    pub(super) timeline: Vec<TimelineEntry>,
    pub(super) findings: Vec<Finding>,
    pub(super) refused: Vec<String>,
    pub(super) reconnects: u32,
    pub(super) turned_away: u32,
    pub(super) rendezvous_trouble: Option<ErrorReport>,
    pub(super) end: Option<End>,
}

impl<'a> Meeting<'a> {
    /// A side that knows nothing yet.
    pub async fn new(
        options: &'a Options,
        clock: Clock,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<Self, ErrorReport> {
        let mut rng = StdRng::from_seed(options.seed);
        let own = Credentials {
            ufrag: ice_chars(&mut rng, 8),
            password: ice_chars(&mut rng, 24),
        };
        let impossible = |what: String| ErrorReport::new("agent", what);
        let checks = Checks::new(own.clone(), Role::Controlling, rng.random())
            .ok_or_else(|| impossible("no credentials".into()))?;
        let agent = Agent::new(&own).await.map_err(impossible)?;
        Ok(Self {
            options,
            clock,
            events,
            agent,
            checks,
            paths: Paths::default(),
            own,
            session_id: rng.random(),
            role: None,
            local: Vec::new(),
            nats: Vec::new(),
            complete_at: None,
            directs: None,
            peer: Peer::default(),
            described_at: None,
            grown: (0, Duration::ZERO),
            selected: None,
            quality: Quality::new(options.duration, rng.random()),
            pings: Pings::default(),
            has_failed: false,
            finished_at: None,
            has_told_record: false,
            has_told_connected: false,
            is_described: false,
            outbox: Vec::new(),
            data: Vec::new(),
            timeline: Vec::new(),
            findings: Vec::new(),
            refused: Vec::new(),
            reconnects: 0,
            turned_away: 0,
            rendezvous_trouble: None,
            end: None,
        })
    }

    /// Whether descriptions are carried by hand: then there are no other messages.
    pub(super) const fn is_manual(&self) -> bool {
        !matches!(self.options.way, Way::Rendezvous { .. })
    }

    pub(super) fn note(&mut self, event: TimelineEvent, detail: impl Into<Option<String>>) {
        let entry = TimelineEntry {
            at_ms: Millis(self.clock.now()),
            event,
            detail: detail.into(),
        };
        // Nobody may be listening; the result has it all the same.
        let _ = self.events.send(Event::Timeline(entry.clone()));
        self.timeline.push(entry);
    }

    fn say(&mut self, message: Message) {
        if !self.is_manual() {
            self.outbox.push(message);
        }
    }

    /// Sends everything that waits.
    pub async fn flush(&mut self, channel: &mut Channel) {
        loop {
            for message in std::mem::take(&mut self.outbox) {
                channel.send(&message);
            }
            for bytes in std::mem::take(&mut self.data) {
                self.agent.send(&bytes).await;
            }
            let events = self.paths.flush(&mut self.checks).await;
            if events.is_empty() {
                return;
            }
            for event in events {
                self.take_check(event);
            }
        }
    }

    /// When something is due.
    pub fn wake(&self) -> Time {
        let quality = self
            .quality
            .poll_timeout()
            .filter(|_| self.selected.is_some());
        let pings = self.pings.poll_timeout(self.options.duration);
        [self.checks.poll_timeout(), quality, pings]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Duration::MAX)
            .min(self.clock.now() + TICK)
    }

    /// Takes what gathering gives for use.
    pub fn take_kept(&mut self, kept: Kept) {
        let now = self.clock.now();
        match kept {
            Kept::Base { address, socket } => self.offer(address, Means::Socket(socket)),
            Kept::Relay { relayed, commands } => {
                self.offer(relayed, Means::Relay(commands));
            }
            Kept::Datagram { at, source, bytes } => {
                if let Some(base) = self.paths.find(at) {
                    self.take_datagram(base, source, &bytes);
                }
            }
            Kept::Permitted {
                relayed,
                peer,
                outcome,
            } => {
                if let Some(base) = self.paths.find(relayed) {
                    self.checks.permitted(now, base, peer, outcome);
                    self.grown.1 = now;
                }
            }
            Kept::RelayEnded { relayed, error } => {
                if let Some(base) = self.paths.find(relayed) {
                    self.checks.end_base(base);
                    self.findings.push(Finding::new(
                        "relay-ended",
                        Severity::Warning,
                        format!("the relayed address {relayed} is gone: {}", error.message),
                        "look at the TURN server's log; rtcdiag turn tests it by itself",
                    ));
                }
            }
            Kept::DirectsComplete { has_udp } => {
                self.directs = Some(has_udp);
                self.checks.local_directs_complete(now, has_udp);
                if self.is_described {
                    self.say(Message::DirectsComplete { udp: has_udp });
                }
            }
            Kept::Complete => self.take_complete(now),
            Kept::Found(event) => self.take_gathered(event),
        }
    }

    fn take_complete(&mut self, now: Time) {
        self.complete_at = Some(now);
        let count = self.local.len();
        self.note(
            TimelineEvent::GatheringComplete,
            counted(count, "candidate"),
        );
        if self.is_described {
            self.say(Message::Complete);
        }
        if self.is_manual() {
            let sdp = self.sdp();
            let text = match self.options.way {
                Way::ManualSdp => sdp,
                _ => manual::line(&sdp),
            };
            self.is_described = true;
            self.note(TimelineEvent::DescriptionSent, None);
            let _ = self.events.send(Event::Description(text));
        }
    }

    /// Takes what gathering reports.
    fn take_gathered(&mut self, event: gather::Event) {
        match event {
            gather::Event::Candidate(report) => self.take_candidate(&report),
            gather::Event::Server(report) => {
                let _ = self.events.send(Event::Server(report));
            }
            gather::Event::Redundant(_) => {}
        }
    }

    /// What is known of this side's NATs.
    pub fn take_nats(&mut self, nats: Vec<NatFacts>) {
        self.nats = nats;
        if self.is_described {
            self.say(Message::Nat {
                nats: self.nats.clone(),
            });
        }
    }

    /// This side's description, with the candidates so far.
    fn sdp(&self) -> String {
        let candidates = self.local.iter();
        let candidates = candidates.filter_map(|c| c.sdp.parse::<Candidate>().ok());
        let description = Description {
            ufrag: self.own.ufrag.clone(),
            password: self.own.password.clone(),
            is_lite: false,
            trickles: !self.is_manual(),
            candidates: candidates.collect(),
            is_complete: self.complete_at.is_some(),
            left_out: Vec::new(),
        };
        description.to_sdp(self.session_id, None)
    }

    /// Tells the other side why this one ends, and waits until it knows.
    pub async fn say_goodbye(&mut self, channel: &mut Channel) {
        if let Some(end) = &self.end
            && self.peer.was_there
        {
            let reason = end.for_peer();
            self.say(Message::Ended { reason });
        }
        self.paths.release();
        self.flush(channel).await;
        let deadline = self.clock.instant(self.clock.now() + GOODBYE);
        while !channel.is_confirmed() && self.peer.end.is_none() && self.peer.left_at.is_none() {
            tokio::select! {
                said = channel.next() => {
                    self.take_said(said);
                    self.outbox.clear();
                }
                () = tokio::time::sleep_until(deadline) => return,
            }
        }
    }

    /// The result.
    pub fn finish(self, gathered: Option<GatherResult>) -> Paired {
        rows::paired(self, gathered)
    }
}

use pings::Pings;

/// How long the other side has to confirm the last message.
const GOODBYE: Duration = Duration::from_millis(500);

/// Random characters that ICE allows (RFC 8839 5.4).
fn ice_chars(rng: &mut StdRng, count: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..count)
        .map(|_| char::from(ALPHABET[rng.random_range(0..64)]))
        .collect()
}

/// How the checks name a base, for a person.
pub(super) fn pair_name(checks: &Checks, index: usize) -> String {
    let pair = &checks.pairs()[index];
    format!("{} <-> {}", checks.base(pair.base).address, pair.remote)
}

pub(super) use checks::Event as CheckEvent;
