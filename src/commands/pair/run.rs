//! `rtcdiag pair`: finds the other side, connects, and records how.

mod channel;
mod ending;
pub mod invitation;
mod manual;
pub mod meeting;
mod paths;
mod rows;
pub mod told;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::base::{bounds, codes};
use crate::commands::gather::report::{CandidateReport, GatherResult, GatherServerReport};
use crate::commands::gather::verdict::Policy;
use crate::commands::pair::render::screen::Screen;
use crate::commands::pair::report::{self, PairResult, PlaceKind, PlaceReport, TimelineEntry};
use crate::commands::pair::verdict::{Context, WantedPair};
use crate::commands::{gather, nat};
use crate::net::clock::Clock;
use crate::net::drive::stopped;
use crate::net::look;
use crate::net::rendezvous::places::Place;
use crate::proto::ice::checks::Role;
use crate::proto::ice::facts::NatFacts;
use crate::proto::media::Kind;
use crate::proto::nat::behavior::Observation;
use crate::proto::nat::behavior::probe::Test;
use crate::proto::signal::code::Code;
use crate::proto::signal::seal::Name;
use crate::proto::stun::uri::Transport;
use channel::Channel;
use ending::Ending;
use invitation::{Invitation, Invited};
use meeting::Meeting;

#[derive(Debug, Clone)]
pub enum Signalling {
    /// Through places where both are, one of which may be in this program.
    Rendezvous {
        places: Vec<MeetingPlace>,
        /// This side's name for the run.
        member: Name,
        code: Code,
        /// Whether it was made here; else somebody is there with it already, or should be.
        is_new: bool,
        /// What the other host is told, if it has to be.
        invitation: Option<Box<Invitation>>,
    },
    Manual,
    /// The same with SDP, for any other ICE agent.
    ManualSdp,
}

/// A place to meet at.
#[derive(Debug, Clone)]
pub struct MeetingPlace {
    pub place: Place,
    /// Its URL as the other side has it.
    pub shown: String,
    pub kind: PlaceKind,
}

/// Where this side's NAT behaviour comes from.
#[derive(Debug, Clone)]
pub enum NatSource {
    Asked(nat::run::Options),
    /// It is measured once for several sessions; `None` until it is.
    Shared(watch::Receiver<Option<Vec<NatFacts>>>),
}

#[derive(Debug, Clone)]
pub struct Options {
    pub gather: gather::run::Options,
    /// NAT behaviour; `None` leaves it out.
    pub nat: Option<NatSource>,
    pub signalling: Signalling,
    pub role: Option<Role>,
    pub duration: Duration,
    /// What is sent to and fro with a browser, beside data.
    pub media: Vec<Kind>,
    /// Whether a browser at the other side gets a TURN password that does not end by itself.
    pub shares_password: bool,
    /// What is expected of the session, for the verdict that a browser is told.
    pub wanted: Option<WantedPair>,
    /// Whether somebody sees the state of the session as it changes.
    pub is_watched: bool,
    /// Seed of everything random; secrets too.
    pub seed: [u8; 32],
}

impl Options {
    pub fn is_relay_only(&self) -> bool {
        self.gather.policy == Policy::Relay
    }

    /// The places to meet at; none where people carry the descriptions.
    pub fn places(&self) -> &[MeetingPlace] {
        match &self.signalling {
            Signalling::Rendezvous { places, .. } => places,
            Signalling::Manual | Signalling::ManualSdp => &[],
        }
    }

    fn invitation(&self) -> Option<Invitation> {
        match &self.signalling {
            Signalling::Rendezvous { invitation, .. } => invitation.as_deref().cloned(),
            Signalling::Manual | Signalling::ManualSdp => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SideOf {
    Local,
    Remote,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The rendezvous is known, and what to type on the other host.
    Session(Invited),
    /// What became of one of several places.
    Rendezvous(PlaceReport),
    /// The same of all of them, for a person.
    #[serde(skip)]
    Places {
        places: Vec<PlaceReport>,
    },
    #[serde(serialize_with = "report::as_event")]
    Timeline(TimelineEntry),
    Candidate {
        side: SideOf,
        #[serde(flatten)]
        candidate: Box<CandidateReport>,
    },
    Server(Box<GatherServerReport>),
    /// This side's description is to be carried to the other side, and that one's to be given.
    Description {
        text: String,
    },
    /// What was given in place of the other side's is not that.
    Refused {
        why: String,
    },
    /// The state of the session. For a person alone, and often.
    #[serde(skip)]
    State(Box<Screen>),
}

pub struct PairRun {
    pub result: PairResult,
    /// For the verdict; what the command knows is still missing.
    pub context: Context,
}

/// Runs until both sides have said everything, or there is a reason to end.
///
/// # Errors
///
/// If the rendezvous could not be reached at all.
pub async fn run(
    options: &Options,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<PairRun, ErrorReport> {
    let mut invitation = options.invitation();
    let mut attempt = 0;
    loop {
        let meeting = Meeting::new(options, clock, events.clone(), attempt).await?;
        if let Some(run) = meet(meeting, stop.clone(), invitation.as_mut()).await? {
            return Ok(run);
        }
        attempt += 1;
    }
}

/// One meeting; `None` if it has to begin anew.
async fn meet(
    mut meeting: Meeting<'_>,
    mut stop: watch::Receiver<Option<Reason>>,
    mut invitation: Option<&mut Invitation>,
) -> Result<Option<PairRun>, ErrorReport> {
    let (options, clock) = (meeting.options, meeting.clock);
    let (end_inner, inner_stop) = watch::channel(None);
    let (supplier, mut supply) = gather::run::supply::channel();
    let mut gathering = pin!(gather::run::run_and_keep(
        &options.gather,
        clock,
        inner_stop.clone(),
        supplier,
    ));
    let mut measuring = pin!(measure(options, clock, inner_stop));
    let mut is_measuring = true;
    let mut channel = Channel::open(options, clock);
    loop {
        meeting.invite(invitation.as_deref_mut());
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => {
                meeting.end = Some(Ending::Stopped(reason));
                meeting.never_joined(&channel);
                give_back(&end_inner, gathering).await;
                return Ok(Some(meeting.finish(None)));
            }
            reached = channel.reach() => match reached {
                Ok(()) => break,
                Err(errors) => {
                    give_back(&end_inner, gathering).await;
                    return Err(nowhere(options.places(), errors));
                }
            },
            // Both go on while the rendezvous is looked for; what they find waits in the channel.
            _ = &mut gathering => return Err(ErrorReport::new(codes::Code::Io, "gathering has ended")),
            nats = &mut measuring, if is_measuring => {
                is_measuring = false;
                meeting.take_measured(nats);
            }
        }
    }
    let mut asking = JoinSet::new();
    while meeting.end.is_none() {
        meeting.invite(invitation.as_deref_mut());
        meeting.flush(&mut channel).await;
        for (local, server) in meeting.servers_to_ask() {
            let source = options.gather.source.clone();
            asking.spawn(async move {
                let passage = look::passage_over_udp(&source, local, server).await;
                (local, server, passage)
            });
        }
        let wake = clock.instant(meeting.wake());
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => meeting.end = Some(Ending::Stopped(reason)),
            // All that has come is taken before the clock is looked at: where the host was busy, an answer that waits
            // behind another one is no silence.
            Some(come) = supply.recv() => {
                for one in come {
                    meeting.take_supply(one);
                }
            }
            event = meeting.agent.next() => meeting.take_agent(event),
            said = channel.next() => meeting.take_channel_event(said),
            nats = &mut measuring, if is_measuring => {
                is_measuring = false;
                meeting.take_measured(nats);
            }
            Some(Ok((local, server, passage))) = asking.join_next() => {
                meeting.take_asked(local, server, passage);
            }
            _ = &mut gathering => return Err(ErrorReport::new(codes::Code::Io, "gathering has ended")),
            () = tokio::time::sleep_until(wake) => {}
        }
        meeting.tick();
    }
    if matches!(meeting.end, Some(Ending::Again)) {
        channel.close().await;
        give_back(&end_inner, gathering).await;
        return Ok(None);
    }
    meeting.settle_places(&channel);
    meeting.say_goodbye(&mut channel).await;
    // Nobody may be listening any more.
    let _ = end_inner.send(Some(Reason::LeftOut));
    let gathered = gathering.await;
    if meeting.is_with_browser() {
        let run = meeting.finish(Some(gathered));
        told::tell(&mut channel, options, clock, &run).await;
        channel.close().await;
        return Ok(Some(run));
    }
    channel.close().await;
    Ok(Some(meeting.finish(Some(gathered))))
}

/// No place was reached.
pub fn nowhere(places: &[MeetingPlace], errors: Vec<(usize, ErrorReport)>) -> ErrorReport {
    let url = |place: usize| places.get(place).map_or("", |place| &place.shown);
    let mut errors = errors;
    if errors.len() == 1
        && let Some((place, error)) = errors.pop()
    {
        let message = format!("the rendezvous {}: {}", url(place), error.message);
        return ErrorReport { message, ..error };
    }
    let each = errors
        .iter()
        .map(|(place, error)| format!("{}: {}", url(*place), error.message));
    let each: Vec<String> = each.collect();
    let code = errors
        .first()
        .map_or(codes::Code::Unreachable, |(_, error)| error.code);
    let message = format!("no place to meet at was reached: {}", each.join("; "));
    ErrorReport::new(code, message).with_hint("check that this machine has a network, and that no firewall is in between; --manual needs no such place")
}

/// Ends gathering: relays that it has are given back.
async fn give_back(
    end: &watch::Sender<Option<Reason>>,
    gathering: Pin<&mut impl Future<Output = GatherResult>>,
) {
    let _ = end.send(Some(Reason::LeftOut));
    gathering.await;
}

/// The behaviour of this side's NATs, from sockets of its own.
async fn measure(
    options: &Options,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
) -> Measurement {
    match &options.nat {
        None => Measurement::default(),
        Some(NatSource::Asked(nat)) => measurement(nat, clock, stop).await,
        Some(NatSource::Shared(shared)) => {
            let mut shared = shared.clone();
            // Who measures it has gone: nothing more will be known.
            let known = shared.wait_for(Option::is_some).await.ok();
            Measurement {
                nats: known.and_then(|known| known.clone()).unwrap_or_default(),
                ..Measurement::default()
            }
        }
    }
}

/// What the NAT test has found.
#[derive(Debug, Default)]
struct Measurement {
    nats: Vec<NatFacts>,
    /// Servers over UDP that ICMP speaks of, and what it says: hosts send so little of it that gathering, which asks
    /// the same servers, may hear none.
    refused: Vec<(SocketAddr, ErrorReport)>,
    /// See [`Found::gets_out`](crate::proto::ice::causes::Found::gets_out).
    gets_out: Vec<Family>,
    /// See [`Found::heard`](crate::proto::ice::causes::Found::heard).
    heard: Vec<SocketAddr>,
    unheard: Vec<SocketAddr>,
}

async fn measurement(
    nat: &nat::run::Options,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
) -> Measurement {
    let (events, _) = mpsc::unbounded_channel();
    let (result, _) = nat::run::run(nat, clock, stop, events).await;
    let is_said = |code| {
        use codes::Code::{Refused, Rejected, Unreachable};
        [Refused, Rejected, Unreachable].contains(&code)
    };
    let over_udp = result
        .servers
        .into_iter()
        .filter(|server| server.transport == Transport::Udp);
    let refused = over_udp.filter_map(|server| {
        let error = server.error.filter(|error| is_said(error.code))?;
        Some((server.address?, error))
    });
    let gets_out = result.paths.iter().filter(|path| path.gets_out());
    let (heard, unheard) = heard(&result.observations);
    Measurement {
        heard,
        unheard,
        refused: refused.collect(),
        gets_out: gets_out.map(|path| path.family).collect(),
        nats: result.paths.into_iter().map(rows::nat_facts).collect(),
    }
}

/// Servers that answered over UDP where they were asked, and those that never did. A few datagrams are lost by chance.
fn heard(seen: &[Observation]) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    const OFTEN: usize = 3;
    let asked = seen
        .iter()
        .filter(|one| !matches!(one.test, Test::Hairpin | Test::Stream));
    let (mut heard, mut unheard) = (BTreeSet::new(), BTreeSet::new());
    for one in asked {
        if one.answered_from == Some(one.sent_to) {
            heard.insert(one.sent_to);
        } else if one.answered_from.is_none() && one.transmissions >= OFTEN {
            unheard.insert(one.sent_to);
        }
    }
    unheard.retain(|at| !heard.contains(at));
    (
        heard.into_iter().take(bounds::SERVERS).collect(),
        unheard.into_iter().take(bounds::SERVERS).collect(),
    )
}

/// The same for several sessions.
pub async fn nat_facts(
    nat: &nat::run::Options,
    clock: Clock,
    stop: watch::Receiver<Option<Reason>>,
) -> Vec<NatFacts> {
    measurement(nat, clock, stop).await.nats
}
