//! `rtcdiag pair`: finds the other side, connects, and records how.

mod channel;
mod ending;
mod manual;
mod meeting;
mod paths;
mod rows;

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::app::{gather, nat};
use crate::fact::Reason;
use crate::ice::checks::Role;
use crate::ice::facts::NatFacts;
use crate::net::clock::Clock;
use crate::net::driver::stopped;
use crate::net::rendezvous::client;
use crate::report::ErrorReport;
use crate::report::gather::{GatherServerReport, Policy};
use crate::report::pair::{Context, PairResult, SideCandidate, TimelineEntry};
use crate::signal::code::Code;
use channel::Channel;
use ending::End;
use meeting::Meeting;

/// How the two sides find each other.
#[derive(Debug, Clone)]
pub enum Way {
    /// Through a rendezvous, which may run in this program.
    Rendezvous {
        /// Where, and with which name.
        target: client::Target,
        /// What both sides know.
        code: Code,
        /// Whether it runs here.
        is_embedded: bool,
    },
    /// Each side's line is carried by hand.
    Manual,
    /// The same with SDP, for any other ICE agent.
    ManualSdp,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Candidates.
    pub gather: gather::Options,
    /// NAT behaviour; `None` leaves it out.
    pub nat: Option<nat::Options>,
    /// How the two sides find each other.
    pub way: Way,
    /// The part that this side must have.
    pub role: Option<Role>,
    /// How long the path's quality is measured.
    pub duration: Duration,
    /// Seed of everything random; secrets too.
    pub seed: [u8; 32],
}

impl Options {
    /// Whether this side uses relayed candidates only.
    pub fn is_relay_only(&self) -> bool {
        self.gather.policy == Policy::Relay
    }
}

/// Which side a candidate is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideOf {
    /// This one.
    Local,
    /// The other one.
    Remote,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// A step of the call flow.
    Timeline(TimelineEntry),
    /// A candidate of either side.
    Candidate(SideOf, Box<SideCandidate>),
    /// A server is settled.
    Server(Box<GatherServerReport>),
    /// This side's description is to be carried to the other side, and that one's to be given.
    Description(String),
}

/// The result, and what its verdict needs beside.
pub struct Paired {
    /// The result.
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
) -> Result<Paired, ErrorReport> {
    let (end_inner, inner_stop) = watch::channel(None);
    let (kept_sender, mut kept) = mpsc::unbounded_channel();
    let mut gathering = pin!(gather::run_and_keep(
        &options.gather,
        clock,
        inner_stop.clone(),
        kept_sender,
    ));
    let mut measuring = pin!(measure(options, clock, inner_stop));
    let mut is_measuring = true;
    let mut meeting = Meeting::new(options, clock, events).await?;
    let mut opening = pin!(Channel::open(options, clock));
    let mut channel = loop {
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => {
                meeting.end = Some(End::Stopped(reason));
                return Ok(meeting.finish(None));
            }
            channel = &mut opening => break channel?,
            // Both go on while the rendezvous is looked for; what they find waits in the channel.
            _ = &mut gathering => return Err(ErrorReport::new("io", "gathering has ended")),
            nats = &mut measuring, if is_measuring => {
                is_measuring = false;
                meeting.take_nats(nats);
            }
        }
    };
    while meeting.end.is_none() {
        meeting.flush(&mut channel).await;
        let wake = clock.instant(meeting.wake());
        tokio::select! {
            biased;
            reason = stopped(&mut stop) => meeting.end = Some(End::Stopped(reason)),
            Some(kept) = kept.recv() => meeting.take_kept(kept),
            event = meeting.agent.next() => meeting.take_agent(event),
            said = channel.next() => meeting.take_said(said),
            nats = &mut measuring, if is_measuring => {
                is_measuring = false;
                meeting.take_nats(nats);
            }
            _ = &mut gathering => return Err(ErrorReport::new("io", "gathering has ended")),
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
    let (result, _) = nat::run(nat, clock, stop, events).await;
    result.paths.into_iter().map(rows::nat_facts).collect()
}
