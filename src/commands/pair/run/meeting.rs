//! One side of a session: what is known, and what to do when something happens.

mod agent;
mod candidates;
mod course;
mod data;
mod facts;
pub mod media;
mod own_relays;
mod peer;
mod pings;
pub mod places;
mod progress;
mod refusals;
mod supplies;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::time::Time;
use crate::commands::gather::report::{CandidateReport, GatherResult};
use crate::commands::pair::report::{PlaceReport, TimelineEntry};
use crate::commands::pair::run::channel::Channel;
use crate::commands::pair::run::ending::Ending;
use crate::commands::pair::run::paths::Paths;
use crate::commands::pair::run::{Event, Options, PairRun, SideOf, Signalling, rows};
use crate::commands::pair::verdict::{Company, RoleConflict};
use crate::net::agent::Agent;
use crate::net::clock::Clock;
use crate::net::whole;
use crate::proto::ice::candidate::{Candidate, CandidateError};
use crate::proto::ice::causes::{Found, OwnRelay, ServerFacts};
use crate::proto::ice::checks::{self, Checks, Credentials, Role};
use crate::proto::ice::facts::NatFacts;
use crate::proto::ice::quality::Quality;
use crate::proto::signal::description::Description;
use crate::proto::signal::message::{self, Message, SeenPair};

/// How often it is looked whether something is overdue.
const TICK: Duration = Duration::from_millis(25);

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Peer {
    pub software: Option<String>,
    pub relay_only: bool,
    /// It is there, or has been.
    pub was_there: bool,
    /// It is a page in a browser.
    pub is_browser: bool,
    /// The page knows how to test audio and video.
    pub knows_media: bool,
    pub credentials: Option<Credentials>,
    pub candidates: Vec<CandidateReport>,
    pub nats: Vec<NatFacts>,
    /// What became of its servers; `None` if it tells nothing of them.
    pub servers: Option<Vec<ServerFacts>>,
    pub complete_at: Option<Time>,
    /// The pair that it has selected, and when it said so.
    pub connected: Option<(Option<SocketAddr>, Option<SocketAddr>)>,
    pub has_failed: bool,
    pub is_finished: bool,
    /// What its system and TURN servers say of all its pairs.
    pub troubles: Vec<Code>,
    /// Its relays that it tried to reach itself.
    pub own_relays: Vec<OwnRelay>,
    /// What else it found out.
    pub found: Found,
    /// Checks of ours that arrived there.
    pub arrived: Option<BTreeSet<u32>>,
    /// What a browser says of its pairs, in place of that.
    pub seen: Option<Vec<SeenPair>>,
    pub end: Option<message::End>,
    pub left_at: Option<Time>,
    /// How many of its steps it has told.
    pub told: usize,
}

/// What this side has, and what it tells the other one of it.
#[derive(Debug)]
pub(super) struct Own {
    pub credentials: Credentials,
    /// Of its SDP (RFC 8866 5.2).
    session_id: u64,
    pub role: Option<Role>,
    pub candidates: Vec<CandidateReport>,
    pub nats: Vec<NatFacts>,
    /// Whether the NAT test is under way.
    is_measuring: bool,
    /// Servers of the other side that this one asks too.
    asked: Vec<SocketAddr>,
    /// Servers that ICMP speaks of, as the NAT test has it.
    refused_servers: Vec<(SocketAddr, ErrorReport)>,
    /// How many of these questions are under way.
    open_questions: usize,
    /// Where such questions were sent from that got no answer at all.
    silent: Vec<IpAddr>,
    pub servers: Vec<ServerFacts>,
    /// Of its relays, from its own sockets; `None` before they are tried.
    trials: Option<Trials>,
    /// What it found out beside that.
    pub found: Found,
    pub complete_at: Option<Time>,
    /// Whether any STUN server answered over UDP, once no more direct candidates are to be expected.
    directs: Option<bool>,
}

/// How far the session is.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Progress {
    /// This side's description was sent: what comes now is told by itself.
    is_described: bool,
    /// When both descriptions were known here.
    pub described_at: Option<Time>,
    /// How many pairs there are, and when the last one came about.
    grown: (usize, Time),
    pub has_failed: bool,
    /// The other side gave up before all candidates of both were known.
    pub gave_up_early: bool,
    has_told_connected: bool,
    /// When it was clear how the session ends, while the NAT test was still under way.
    awaited_since: Option<Time>,
    /// The first of this side's last messages was sent.
    finished_at: Option<Time>,
    has_told_record: bool,
    /// When its state was shown last.
    shown_at: Time,
    outbox: Vec<Message>,
}

/// The selected pair, and the data that goes over it.
#[derive(Debug)]
pub(super) struct Flow {
    /// The pair, and since when.
    pub selected: Option<(usize, Time)>,
    quality: Quality,
    pings: Pings,
    pub(super) carriage: Carriage,
    pub(super) media: MediaFlow,
    /// The channel has been open.
    is_open: bool,
    /// Datagrams of a channel that is over.
    packets: Vec<Vec<u8>>,
    /// Data to be sent.
    waiting: Vec<Vec<u8>>,
    /// The same, whole or not at all.
    whole: Vec<Vec<u8>>,
}

/// What the result and its verdict say of the way here.
#[derive(Debug)]
pub(super) struct Record {
    events: mpsc::UnboundedSender<Event>,
    pub timeline: Vec<TimelineEntry>,
    /// Messages and candidates that were left out, each reason once.
    pub refused: Vec<String>,
    /// Whether some of them may come from somebody else.
    pub has_foreign: bool,
    /// Candidates in a description that was carried and that could not be used, and why.
    pub left_out: Vec<CandidateError>,
    /// What is odd about a description that was carried.
    pub odd: Vec<String>,
    pub role_conflict: Option<RoleConflict>,
    pub ended_relays: Vec<(SocketAddr, String)>,
    pub reconnects: u32,
    pub turned_away: u32,
    pub rendezvous_trouble: Option<ErrorReport>,
    /// Somebody else in the room, as the rendezvous says.
    pub company: Option<Company>,
    pub places: Vec<PlaceReport>,
    has_told_places: bool,
    /// Where the other side was heard first.
    pub met_at: Option<usize>,
}

/// One side of a session.
pub struct Meeting<'a> {
    pub(super) options: &'a Options,
    pub(super) clock: Clock,
    pub(super) agent: Agent,
    pub(super) checks: Checks,
    paths: Paths,
    pub(super) own: Own,
    pub(super) peer: Peer,
    pub(super) progress: Progress,
    pub(super) flow: Flow,
    pub(super) record: Record,
    pub(super) end: Option<Ending>,
    /// How often the call has begun anew.
    attempt: usize,
}

impl<'a> Meeting<'a> {
    pub async fn new(
        options: &'a Options,
        clock: Clock,
        events: mpsc::UnboundedSender<Event>,
        attempt: usize,
    ) -> Result<Self, ErrorReport> {
        let mut rng = StdRng::from_seed(options.seed);
        // Each attempt has credentials of its own.
        for _ in 0..attempt {
            let seed = rng.random();
            rng = StdRng::from_seed(seed);
        }
        let credentials = Credentials {
            ufrag: ice_chars(&mut rng, UFRAG),
            password: ice_chars(&mut rng, 24),
        };
        let impossible = |what: String| ErrorReport::new(Code::Agent, what);
        let checks = Checks::new(credentials.clone(), Role::Controlling, rng.random())
            .ok_or_else(|| impossible("no credentials".into()))?;
        let agent = Agent::new(&credentials).await.map_err(impossible)?;
        Ok(Self {
            options,
            clock,
            agent,
            checks,
            paths: Paths::default(),
            own: Own {
                credentials,
                session_id: rng.random(),
                role: None,
                candidates: Vec::new(),
                nats: Vec::new(),
                is_measuring: options.nat.is_some(),
                asked: Vec::new(),
                refused_servers: Vec::new(),
                open_questions: 0,
                silent: Vec::new(),
                servers: Vec::new(),
                trials: None,
                found: Found {
                    only_family: match options.gather.families[..] {
                        [one] => Some(one),
                        _ => None,
                    },
                    ..Found::default()
                },
                complete_at: None,
                directs: None,
            },
            peer: Peer::default(),
            progress: Progress::default(),
            flow: Flow {
                selected: None,
                quality: Quality::new(options.duration, rng.random(), whole::IS_POSSIBLE),
                pings: Pings::default(),
                carriage: Carriage::default(),
                media: MediaFlow::new(rng.random()),
                is_open: false,
                packets: Vec::new(),
                waiting: Vec::new(),
                whole: Vec::new(),
            },
            record: Record {
                events,
                timeline: Vec::new(),
                refused: Vec::new(),
                left_out: Vec::new(),
                odd: Vec::new(),
                role_conflict: None,
                ended_relays: Vec::new(),
                reconnects: 0,
                turned_away: 0,
                has_foreign: false,
                rendezvous_trouble: None,
                company: None,
                places: places::rows(options.places()),
                has_told_places: false,
                met_at: None,
            },
            end: None,
            attempt,
        })
    }

    /// Whether descriptions are carried by hand: then there are no other messages.
    pub(super) const fn is_manual(&self) -> bool {
        !matches!(self.options.signalling, Signalling::Rendezvous { .. })
    }

    fn say(&mut self, message: Message) {
        if !self.is_manual() {
            self.progress.outbox.push(message);
        }
    }

    pub async fn flush(&mut self, channel: &mut Channel) {
        loop {
            for message in std::mem::take(&mut self.progress.outbox) {
                channel.send(&message);
            }
            for bytes in self.carried() {
                self.agent.send(&bytes).await;
            }
            for bytes in std::mem::take(&mut self.flow.whole) {
                self.send_whole(bytes).await;
            }
            self.send_trials().await;
            let events = self.paths.flush(&mut self.checks).await;
            if events.is_empty() {
                return;
            }
            for event in events {
                self.take_check(event);
            }
        }
    }

    /// Sends by the selected pair, past the agent, which takes smaller ones alone.
    async fn send_whole(&mut self, bytes: Vec<u8>) {
        let Some((pair, _)) = self.flow.selected else {
            return;
        };
        let pair = &self.checks.pairs()[pair];
        let length = bytes.len();
        if !self.paths.send_whole(pair.base, pair.remote, bytes).await {
            self.flow.quality.too_large(self.clock.now(), length);
        }
    }

    pub fn wake(&self) -> Time {
        let quality = self
            .flow
            .quality
            .poll_timeout()
            .filter(|_| self.flow.selected.is_some());
        let pings = self.flow.pings.poll_timeout(self.options.duration);
        let channel = match &self.flow.carriage {
            Carriage::Channel(channel) => channel.poll_timeout(),
            _ => None,
        };
        let media = self.flow.media.poll_timeout();
        [self.checks.poll_timeout(), quality, pings, channel, media]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Duration::MAX)
            .min(self.clock.now() + TICK)
    }

    pub(super) fn sdp(&self) -> String {
        let candidates = self.own.candidates.iter();
        let candidates = candidates.filter_map(|c| c.sdp.parse::<Candidate>().ok());
        let description = Description {
            ufrag: self.own.credentials.ufrag.clone(),
            password: self.own.credentials.password.clone(),
            is_lite: false,
            trickles: !self.is_manual(),
            candidates: candidates.collect(),
            is_complete: self.own.complete_at.is_some(),
            left_out: Vec::new(),
            odd: Vec::new(),
            fingerprint: None,
            part: None,
            // Another program has no use for them.
            nats: match self.options.signalling {
                Signalling::Manual => self.own.nats.clone(),
                _ => Vec::new(),
            },
        };
        description.to_sdp(self.own.session_id, self.own_fingerprint().as_deref())
    }

    /// Tells the other side why this one ends, and waits until it knows.
    pub async fn say_goodbye(&mut self, channel: &mut Channel) {
        if let Some(end) = &self.end
            && self.peer.was_there
        {
            let reason = end.for_peer();
            self.say(Message::Ended { reason });
        }
        if self.peer.is_browser {
            self.close_channel();
            self.flush(channel).await;
        }
        self.paths.release();
        self.flush(channel).await;
        let deadline = self.clock.instant(self.clock.now() + GOODBYE);
        while !channel.is_confirmed() && self.peer.end.is_none() && self.peer.left_at.is_none() {
            tokio::select! {
                said = channel.next() => {
                    self.take_channel_event(said);
                    self.progress.outbox.clear();
                }
                () = tokio::time::sleep_until(deadline) => return,
            }
        }
    }

    /// Whether the other side has to be told the verdict, since it has none of its own.
    pub fn is_with_browser(&self) -> bool {
        self.peer.is_browser
    }

    pub fn finish(self, gathered: Option<GatherResult>) -> PairRun {
        rows::paired(self, gathered)
    }
}

use data::Carriage;
use media::MediaFlow;
use own_relays::Trials;
use pings::Pings;

/// How long the other side has to confirm the last message.
const GOODBYE: Duration = Duration::from_millis(500);

/// The user name fragment that this side will have: the first thing that is made from the seed.
pub(super) fn own_ufrag(options: &Options) -> String {
    ice_chars(&mut StdRng::from_seed(options.seed), UFRAG)
}

/// Its length; RFC 8839 5.4 wants 4 at least.
const UFRAG: usize = 8;

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
