//! `rtcdiag pair`: finds the other side, connects, and records how.

mod channel;
mod ending;
mod manual;
mod meeting;
mod paths;
mod rows;

use std::pin::{Pin, pin};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::base::codes;
use crate::base::fact::Reason;
use crate::base::report::ErrorReport;
use crate::commands::gather::report::{CandidateReport, GatherResult, GatherServerReport};
use crate::commands::gather::verdict::Policy;
use crate::commands::pair::render::screen::Screen;
use crate::commands::pair::report::{PairResult, TimelineEntry};
use crate::commands::pair::verdict::Context;
use crate::commands::{gather, nat};
use crate::net::clock::Clock;
use crate::net::drive::stopped;
use crate::net::look;
use crate::net::rendezvous::client;
use crate::proto::ice::checks::Role;
use crate::proto::ice::facts::NatFacts;
use crate::proto::signal::code::Code;
use channel::Channel;
use ending::Ending;
use meeting::Meeting;

#[derive(Debug, Clone)]
pub enum Signalling {
    /// Through a rendezvous, which may run in this program.
    Rendezvous {
        /// Where, and with which name.
        target: client::Target,
        code: Code,
        is_embedded: bool,
    },
    Manual,
    /// The same with SDP, for any other ICE agent.
    ManualSdp,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub gather: gather::run::Options,
    /// NAT behaviour; `None` leaves it out.
    pub nat: Option<nat::run::Options>,
    pub signalling: Signalling,
    pub role: Option<Role>,
    pub duration: Duration,
    /// Whether somebody sees the state of the session as it changes.
    pub is_watched: bool,
    /// Seed of everything random; secrets too.
    pub seed: [u8; 32],
}

impl Options {
    pub fn is_relay_only(&self) -> bool {
        self.gather.policy == Policy::Relay
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
    Session {
        code: String,
        command: String,
        rendezvous: String,
        /// Whether it is in this program, at an address that only this network can reach.
        #[serde(skip)]
        is_near: bool,
    },
    #[serde(serialize_with = "TimelineEntry::as_event")]
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
    mut stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<PairRun, ErrorReport> {
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
    let mut meeting = Meeting::new(options, clock, events).await?;
    let steps = client::Steps::default();
    let mut opening = pin!(Channel::open(options, clock, &steps));
    let mut channel = loop {
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => {
                meeting.end = Some(Ending::Stopped(reason));
                meeting.never_joined(steps.unfinished());
                give_back(&end_inner, gathering).await;
                return Ok(meeting.finish(None));
            }
            channel = &mut opening => match channel {
                Ok(channel) => break channel,
                Err(error) => {
                    give_back(&end_inner, gathering).await;
                    return Err(error);
                }
            },
            // Both go on while the rendezvous is looked for; what they find waits in the channel.
            _ = &mut gathering => return Err(ErrorReport::new(codes::Code::Io, "gathering has ended")),
            nats = &mut measuring, if is_measuring => {
                is_measuring = false;
                meeting.take_nats(nats);
            }
        }
    };
    let mut asking = JoinSet::new();
    while meeting.end.is_none() {
        meeting.flush(&mut channel).await;
        for (local, server) in meeting.servers_to_ask() {
            let source = options.gather.source.clone();
            asking.spawn(async move {
                let seen = look::stun_over_udp(&source, local, server).await;
                (local, seen)
            });
        }
        let wake = clock.instant(meeting.wake());
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => meeting.end = Some(Ending::Stopped(reason)),
            Some(supply) = supply.recv() => meeting.take_supply(supply),
            event = meeting.agent.next() => meeting.take_agent(event),
            said = channel.next() => meeting.take_channel_event(said),
            nats = &mut measuring, if is_measuring => {
                is_measuring = false;
                meeting.take_nats(nats);
            }
            Some(Ok((local, seen))) = asking.join_next() => meeting.take_asked(local, &seen),
            _ = &mut gathering => return Err(ErrorReport::new(codes::Code::Io, "gathering has ended")),
            () = tokio::time::sleep_until(wake) => {}
        }
        meeting.tick();
    }
    meeting.say_goodbye(&mut channel).await;
    // Nobody may be listening any more.
    let _ = end_inner.send(Some(Reason::LeftOut));
    let gathered = gathering.await;
    channel.close().await;
    Ok(meeting.finish(Some(gathered)))
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
) -> Vec<NatFacts> {
    let Some(nat) = &options.nat else {
        return Vec::new();
    };
    let (events, _) = mpsc::unbounded_channel();
    let (result, _) = nat::run::run(nat, clock, stop, events).await;
    result.paths.into_iter().map(rows::nat_facts).collect()
}
