//! `rtcdiag mesh`: meets the others in the lobby, and runs a session with each of them.

mod meeting;
mod sessions;

use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::base::fact::Reason;
use crate::base::report::ErrorReport;
use crate::commands::gather::verdict::Policy;
use crate::commands::mesh::report::{HostReport, MeshResult, WayReport};
use crate::commands::mesh::verdict::Context;
use crate::commands::pair::report::PlaceReport;
use crate::commands::pair::run::MeetingPlace;
use crate::commands::pair::run::invitation::{Invitation, Invited};
use crate::commands::{gather, nat, pair};
use crate::net::clock::Clock;
use crate::net::drive::stopped;
use crate::proto::mesh::lobby::Settings;
use crate::proto::signal::code::Code;
use meeting::Meeting;
pub use meeting::lobby_code;
use sessions::{Sessions, Terms};

/// How long the last word may take to leave.
const CLOSING: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub struct Options {
    pub gather: gather::run::Options,
    /// NAT behaviour, measured once for all sessions; `None` leaves it out.
    pub nat: Option<nat::run::Options>,
    pub code: Code,
    /// The lobby, wherever it is.
    pub places: Vec<MeetingPlace>,
    pub invitation: Option<Invitation>,
    pub lobby: Settings,
    /// Of the quality test of each session.
    pub duration: Duration,
}

impl Options {
    pub fn is_relay_only(&self) -> bool {
        self.gather.policy == Policy::Relay
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// What to type on the other hosts. There is no link: a browser cannot be a member.
    Session(Invited),
    /// What became of one of several places.
    Rendezvous(PlaceReport),
    /// A host has come, or has gone.
    Host(HostReport),
    /// What is known of a way is new.
    Way(WayReport),
    /// Which places are reached, for a person.
    #[serde(skip)]
    Places { places: Vec<PlaceReport> },
    /// How far it is, for a person.
    #[serde(skip)]
    Progress {
        hosts: usize,
        known: usize,
        ways: usize,
    },
}

pub struct MeshRun {
    pub result: MeshResult,
    /// For the verdict; what the command knows is still missing.
    pub context: Context,
}

/// Runs until everything is known, or there is a reason to end.
///
/// # Errors
///
/// If no place to meet at could be reached at all.
pub async fn run(
    options: &Options,
    clock: Clock,
    mut stop: watch::Receiver<Option<Reason>>,
    events: mpsc::UnboundedSender<Event>,
) -> Result<MeshRun, ErrorReport> {
    let (known, nats) = watch::channel(None);
    let (end_measuring, inner_stop) = watch::channel(None);
    let mut measuring = std::pin::pin!(async {
        if let Some(nat) = &options.nat {
            let facts = pair::run::nat_facts(nat, clock, inner_stop).await;
            // Sessions may have ended before it was known.
            let _ = known.send(Some(facts));
        }
    });
    let mut is_measuring = true;
    let mut meeting = Meeting::new(options, clock, events);
    let terms = Terms {
        options,
        nats: options.nat.is_some().then_some(nats),
    };
    let mut sessions = Sessions::new(terms, clock);
    let mut reason = None;
    while reason.is_none() && !meeting.is_over() {
        meeting.tick();
        while let Some((start, places)) = meeting.poll_start() {
            sessions.begin(start, &places);
        }
        while let Some(with) = meeting.poll_orphan() {
            sessions.end(with, Reason::LeftOut);
        }
        sessions.end_overdue(clock.now());
        let wake = clock.instant(meeting.wake());
        tokio::select! {
            biased;
            stopped = stopped(&mut stop) => reason = Some(stopped),
            happening = meeting.next(), if meeting.is_connected() => {
                if let Some((place, happening)) = happening {
                    meeting.take(place, happening);
                }
            }
            (with, report) = sessions.next(), if !sessions.is_empty() => {
                meeting.take_report(with, report);
            }
            () = &mut measuring, if is_measuring => is_measuring = false,
            () = tokio::time::sleep_until(wake) => {}
        }
        if let Some(error) = meeting.nowhere() {
            let _ = end_measuring.send(Some(Reason::LeftOut));
            return Err(error);
        }
    }
    // What the sessions have is given back.
    sessions.end_all(reason.unwrap_or(Reason::LeftOut));
    while !sessions.is_empty() {
        let (with, report) = sessions.next().await;
        meeting.take_report(with, report);
    }
    let _ = end_measuring.send(Some(Reason::LeftOut));
    if is_measuring {
        measuring.await;
    }
    Ok(meeting.finish(reason).await)
}
