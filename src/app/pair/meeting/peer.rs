//! What the other side says.

use std::time::Duration;

use super::candidates::candidate_message;
use super::{Event, Meeting, SideOf};
use crate::app::pair::channel::Said;
use crate::app::pair::ending::End;
use crate::app::pair::{Way, rows};
use crate::ice::candidate::Candidate;
use crate::ice::checks::{Credentials, Role};
use crate::report::pair::TimelineEvent;
use crate::report::words::counted;
use crate::report::{ErrorReport, Finding, Millis, Severity};
use crate::signal::description::{Description, DescriptionError};
use crate::signal::message::{Greeting, Message};
use crate::signal::seal::Name;
use crate::stun::message::printable;
use crate::stun::uri::Transport;

/// Kinds of refused messages that are reported; more are a flood.
const MAX_REFUSED: usize = 20;

impl Meeting<'_> {
    /// The channel says something.
    pub fn take_said(&mut self, said: Said) {
        match said {
            Said::Joined => self.note(TimelineEvent::RendezvousJoined, None),
            Said::Rejoined => {
                self.reconnects += 1;
                self.note(TimelineEvent::RendezvousRejoined, None);
            }
            Said::Lost(error) => {
                self.note(TimelineEvent::RendezvousLost, error.message.clone());
                self.rendezvous_trouble = Some(error);
            }
            Said::Peer(greeting, name) => self.take_greeting(greeting, name),
            Said::PeerLeft => {
                self.peer.left_at = Some(self.clock.now());
                self.note(TimelineEvent::PeerLeft, None);
            }
            Said::PeerBack => {
                self.peer.left_at = None;
                self.note(TimelineEvent::PeerJoined, "again".to_owned());
            }
            Said::ThirdRefused => self.turned_away += 1,
            Said::Message(message) => self.take_message(message),
            Said::Carried(sdp) => self.take_carried(&sdp),
            Said::Refused(why) => self.refuse(why),
            Said::NotUnderstood(error) => {
                self.peer.was_there = true;
                self.end = Some(End::Unusable(error));
            }
            Said::Ended(error) => self.end = Some(End::Rendezvous(error)),
            Said::Unusable(error) => self.end = Some(End::Unusable(error)),
        }
    }

    pub(super) fn refuse(&mut self, why: String) {
        if self.refused.len() < MAX_REFUSED && !self.refused.contains(&why) {
            self.refused.push(why);
        }
    }

    /// The other side is there: the roles are settled, and this side describes itself.
    fn take_greeting(&mut self, greeting: Greeting, name: Name) {
        self.note(TimelineEvent::PeerJoined, greeting.software.clone());
        self.peer.was_there = true;
        self.peer.relay_only = greeting.relay_only;
        self.peer.software = Some(greeting.software);
        let role = match (self.options.role, greeting.role) {
            (Some(own), Some(other)) if own == other => {
                let told = if own == Role::Controlling {
                    "controlling"
                } else {
                    "controlled"
                };
                self.findings.push(Finding::new(
                    "role-conflict",
                    Severity::Info,
                    format!("both sides were told to be {told}: their names decided"),
                    "give --role on one side only, or another one on each",
                ));
                self.role_by_name(name)
            }
            (Some(own), _) => own,
            (None, Some(other)) => other.other(),
            (None, None) => self.role_by_name(name),
        };
        self.role = Some(role);
        let sdp = self.sdp();
        self.say(match role {
            Role::Controlling => Message::Offer { sdp },
            Role::Controlled => Message::Answer { sdp },
        });
        self.is_described = true;
        self.note(TimelineEvent::DescriptionSent, None);
        // The description has the candidates, but not where they come from.
        for candidate in self.local.clone() {
            self.say(candidate_message(&candidate));
        }
        if let Some(udp) = self.directs {
            self.say(Message::DirectsComplete { udp });
        }
        if self.complete_at.is_some() {
            self.say(Message::Complete);
        }
        if !self.nats.is_empty() {
            let nats = self.nats.clone();
            self.say(Message::Nat { nats });
        }
    }

    /// The names of the run are random, and known to both.
    fn role_by_name(&self, peer: Name) -> Role {
        match &self.options.way {
            Way::Rendezvous { target, .. } if peer > target.member => Role::Controlled,
            _ => Role::Controlling,
        }
    }

    fn take_message(&mut self, message: Message) {
        let now = self.clock.now();
        match message {
            Message::Offer { sdp } | Message::Answer { sdp } => self.take_description(&sdp, false),
            Message::Candidate {
                line,
                interface,
                server,
                relay_transport,
            } => self.take_remote(&line, (interface, server, relay_transport)),
            Message::DirectsComplete { udp } => self.checks.remote_directs_complete(now, udp),
            Message::Complete => {
                if self.peer.complete_at.is_none() {
                    self.peer.complete_at = Some(now);
                    let count = self.peer.candidates.len();
                    self.note(
                        TimelineEvent::RemoteGatheringComplete,
                        counted(count, "candidate"),
                    );
                }
            }
            Message::Nat { nats } => self.peer.nats = nats,
            Message::Connected { local, remote } => self.peer.connected = Some((local, remote)),
            Message::Failed => self.peer.has_failed = true,
            Message::Finished => self.peer.is_finished = true,
            Message::Record { arrived } => {
                if self.peer.arrived.is_none() {
                    self.note(TimelineEvent::RecordReceived, None);
                }
                self.peer.arrived = Some(arrived.into_iter().collect());
            }
            Message::Ended { reason } => {
                if self.peer.end.is_none() {
                    self.note(TimelineEvent::PeerEnded, None);
                    self.peer.end = Some(reason);
                }
            }
            Message::Unknown => {}
        }
    }

    /// A description that was carried by hand.
    fn take_carried(&mut self, sdp: &str) {
        self.peer.was_there = true;
        let role = self.options.role.unwrap_or_else(|| match self.options.way {
            // Whoever prints first offers; two of this program decide by what both know.
            Way::Manual => {
                let other = Description::from_sdp(sdp)
                    .map(|d| d.ufrag)
                    .unwrap_or_default();
                if self.own.ufrag > other {
                    Role::Controlling
                } else {
                    Role::Controlled
                }
            }
            _ => Role::Controlling,
        });
        self.role = Some(role);
        self.take_description(sdp, true);
        let now = self.clock.now();
        if self.peer.credentials.is_some() {
            // Nothing can be told afterwards.
            self.checks.remote_directs_complete(now, true);
            self.peer.complete_at = Some(now);
        }
    }

    fn take_description(&mut self, sdp: &str, is_carried: bool) {
        let now = self.clock.now();
        if self.described_at.is_some() {
            self.refuse("a second description came".to_owned());
            return;
        }
        let description = match Description::from_sdp(sdp) {
            Ok(description) => description,
            Err(error) => {
                self.end = Some(End::Unusable(unusable(&error)));
                return;
            }
        };
        self.note(
            TimelineEvent::DescriptionReceived,
            counted(description.candidates.len(), "candidate"),
        );
        let mut role = self.role.unwrap_or(Role::Controlling);
        if description.is_lite {
            // RFC 8445 6.1.1: the full side controls.
            role = Role::Controlling;
            self.role = Some(role);
        }
        let credentials = Credentials {
            ufrag: description.ufrag,
            password: description.password,
        };
        if !self.checks.set_remote(credentials.clone(), role) {
            self.end = Some(End::Unusable(unusable(&DescriptionError::Field("ice-pwd"))));
            return;
        }
        self.peer.credentials = Some(credentials);
        self.described_at = Some(now);
        self.grown.1 = now;
        for candidate in description.candidates {
            self.add_remote(&candidate, (None, None, None));
        }
        for (line, error) in description.left_out {
            self.refuse(format!(
                "a candidate of the other side was left out: {error}{}",
                if is_carried {
                    format!(" ({})", printable(&line))
                } else {
                    String::new()
                }
            ));
        }
    }

    fn take_remote(
        &mut self,
        line: &str,
        told: (Option<String>, Option<String>, Option<Transport>),
    ) {
        match line.parse::<Candidate>() {
            Ok(candidate) => self.add_remote(&candidate, told),
            Err(error) => self.refuse(format!(
                "a candidate of the other side was left out: {error}"
            )),
        }
    }

    /// A candidate of the other side; one that is known already may get its origin.
    fn add_remote(
        &mut self,
        candidate: &Candidate,
        (interface, server, relay_transport): (Option<String>, Option<String>, Option<Transport>),
    ) {
        let now = self.clock.now();
        let known = self
            .peer
            .candidates
            .iter_mut()
            .find(|known| known.socket_address() == candidate.address);
        if let Some(known) = known {
            known.interface = interface.or(known.interface.take());
            known.server = server.or(known.server.take());
            known.relay_transport = relay_transport.or(known.relay_transport);
            return;
        }
        if let Err(error) = self.checks.add_remote(now, candidate.clone()) {
            self.refuse(format!(
                "the other side's candidate {} was left out: {error}",
                candidate.address
            ));
            return;
        }
        let mut report = rows::candidate(candidate, Millis(now));
        report.interface = interface;
        report.server = server;
        report.relay_transport = relay_transport;
        self.note(
            TimelineEvent::CandidateReceived,
            format!("{} {}", candidate.kind, candidate.address),
        );
        let _ = self
            .events
            .send(Event::Candidate(SideOf::Remote, Box::new(report.clone())));
        self.peer.candidates.push(report);
    }
}

fn unusable(error: &DescriptionError) -> ErrorReport {
    ErrorReport::new(
        "bad-description",
        format!("the other side's description cannot be used: {error}"),
    )
}

/// How long the other side may be away.
pub(super) const AWAY: Duration = Duration::from_secs(10);
