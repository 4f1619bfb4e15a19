//! What the other side says.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::report::{ErrorReport, Millis};
use crate::base::words::{counted, quoted};
use crate::commands::gather::report::CandidateReport;
use crate::commands::pair::report::{StepSide, TimelineEvent};
use crate::commands::pair::run::Signalling;
use crate::commands::pair::run::channel::ChannelEvent;
use crate::commands::pair::run::ending::Ending;
use crate::commands::pair::run::meeting::candidates::candidate_message;
use crate::commands::pair::run::meeting::{Event, Meeting, SideOf};
use crate::commands::pair::verdict::{Company, RoleConflict};
use crate::proto::ice::candidate::{Candidate, CandidateError};
use crate::proto::ice::checks::{Credentials, Role, Unusable};
use crate::proto::signal::description::{Description, DescriptionError};
use crate::proto::signal::message::{Greeting, Kind, Message};
use crate::proto::signal::seal::Name;
use crate::proto::signal::session::IncomingError;
use crate::proto::stun::uri::Transport;

impl Meeting<'_> {
    pub fn take_channel_event(&mut self, said: ChannelEvent) {
        match said {
            ChannelEvent::Joined(place) | ChannelEvent::Reached(place) => self.reached(place),
            ChannelEvent::Rejoined(place) => self.rejoined(place),
            ChannelEvent::Lost(place, error) => self.lost(place, error),
            ChannelEvent::Out(place, error) => self.out(place, error),
            ChannelEvent::Peer(greeting, name, place) => {
                self.record.met_at = Some(place);
                self.take_greeting(greeting, name);
            }
            ChannelEvent::PeerLeft => {
                self.peer.left_at = Some(self.clock.now());
                self.note(TimelineEvent::PeerLeft, None);
            }
            ChannelEvent::PeerBack => {
                self.peer.left_at = None;
                self.note(TimelineEvent::PeerJoined, "again".to_owned());
            }
            ChannelEvent::Succeeded => self.succeeded(),
            ChannelEvent::ThirdRefused => self.record.turned_away += 1,
            ChannelEvent::Company(is_there) => {
                self.record.company = match self.record.company {
                    _ if is_there => Some(Company::There),
                    known => known.map(|_| Company::Left),
                };
            }
            ChannelEvent::Message(message) => self.take_message(message),
            ChannelEvent::Carried(sdp) => self.take_carried(&sdp),
            ChannelEvent::Refused(why) => self.refuse_as_foreign(why),
            ChannelEvent::Unreadable => {
                self.refuse("a message of the other side cannot be read".to_owned());
            }
            ChannelEvent::WrongPaste(why) => {
                let _ = self.record.events.send(Event::Refused { why: why.clone() });
                self.refuse(why);
            }
            ChannelEvent::NotUnderstood(error) => {
                self.peer.was_there = true;
                self.end = Some(Ending::Unusable(error));
            }
            ChannelEvent::Ended(place, error) => {
                self.out(place, error.clone());
                self.end = Some(Ending::Rendezvous(error));
            }
            ChannelEvent::Unusable(error) => self.end = Some(Ending::Unusable(error)),
        }
    }

    /// A browser that loads its page again is another one, with nothing of before. As long as nothing has come of it, the
    /// call begins anew.
    fn succeeded(&mut self) {
        let is_over = self.peer.is_finished || self.peer.end.is_some();
        if self.peer.is_browser && self.attempt < bounds::ATTEMPTS && !is_over {
            self.end = Some(Ending::Again);
        } else {
            self.refuse_as_foreign(IncomingError::ThirdSide.to_string());
        }
    }

    /// What may not be the other side's at all.
    fn refuse_as_foreign(&mut self, why: String) {
        self.record.has_foreign = true;
        self.refuse(why);
    }

    pub(super) fn refuse(&mut self, why: String) {
        // What differs in what stands in brackets alone is the same.
        let kind = |why: &str| why.split(" (").next().map(str::to_owned);
        let known = &mut self.record.refused;
        let is_known = known.iter().any(|said| kind(said) == kind(&why));
        if known.len() < bounds::REFUSED && !is_known {
            known.push(why);
        }
    }

    /// The other side is there: the roles are settled, and this side describes itself.
    fn take_greeting(&mut self, greeting: Greeting, name: Name) {
        self.note(TimelineEvent::PeerJoined, software(&greeting.software));
        self.peer.was_there = true;
        self.peer.relay_only = greeting.relay_only;
        self.peer.servers = greeting.tells_servers.then(Vec::new);
        self.peer.software = Some(greeting.software);
        self.peer.is_browser = greeting.kind == Kind::Browser;
        self.peer.knows_media = self.peer.is_browser && greeting.media;
        if self.peer.is_browser {
            self.prepare_channel();
        }
        let role = match (self.options.role, greeting.role) {
            // It answers, and who answers follows (RFC 8445 6.1.1).
            _ if self.peer.is_browser => Role::Controlling,
            (Some(own), Some(other)) if own == other => {
                self.record.role_conflict = Some(RoleConflict::Told(own));
                self.role_by_name(name)
            }
            (Some(own), _) => own,
            (None, Some(other)) => other.other(),
            (None, None) => self.role_by_name(name),
        };
        self.own.role = Some(role);
        let sdp = self.sdp();
        if self.peer.is_browser {
            for event in [
                TimelineEvent::RendezvousJoined,
                TimelineEvent::PeerConnectionCreated,
            ] {
                self.tell(event, None);
            }
        }
        self.note(TimelineEvent::DescriptionMade, None);
        let sdp = self.with_media(sdp);
        self.say(match role {
            Role::Controlling => Message::Offer { sdp },
            Role::Controlled => Message::Answer { sdp },
        });
        self.progress.is_described = true;
        self.note(TimelineEvent::DescriptionSent, None);
        // The description has the candidates, but not where they come from.
        for candidate in self.own.candidates.clone() {
            self.say(candidate_message(&candidate));
        }
        if let Some(udp) = self.own.directs {
            self.say(Message::DirectsComplete { udp });
        }
        if self.own.complete_at.is_some() {
            self.say(Message::Complete);
        }
        for server in self.own.servers.clone() {
            self.say(Message::Server(server));
        }
        if !self.own.nats.is_empty() {
            let nats = self.own.nats.clone();
            self.say(Message::Nat { nats });
        }
    }

    /// The names of the run are random, and known to both.
    fn role_by_name(&self, peer: Name) -> Role {
        match &self.options.signalling {
            Signalling::Rendezvous { member, .. } if peer > *member => Role::Controlled,
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
            Message::Server(server) => {
                let known = self.peer.servers.get_or_insert_default();
                if known.len() < bounds::SERVERS {
                    known.push(server.clone());
                    self.note_server(StepSide::Remote, &server);
                }
            }
            Message::Connected { local, remote } => self.peer.connected = Some((local, remote)),
            Message::Failed => self.peer.has_failed = true,
            Message::Finished => self.peer.is_finished = true,
            Message::Record {
                arrived,
                troubles,
                own_relays,
                found,
            } => {
                self.peer.found = found.bounded();
                self.peer.own_relays = own_relays.into_iter().take(bounds::SERVERS).collect();
                self.peer.troubles = troubles.into_iter().take(bounds::TROUBLES).collect();
                if self.peer.arrived.is_none() {
                    self.note(TimelineEvent::RecordReceived, None);
                }
                self.peer.arrived = Some(arrived.into_iter().take(bounds::ARRIVED).collect());
            }
            Message::Seen { pairs } => {
                if self.peer.seen.is_none() {
                    self.note(TimelineEvent::RecordReceived, None);
                }
                self.peer.seen = Some(pairs.into_iter().take(bounds::PAIRS).collect());
            }
            Message::MediaSeen { streams } => self.take_media_seen(streams),
            Message::Ended { reason } => {
                if self.peer.end.is_none() {
                    self.note(TimelineEvent::PeerEnded, None);
                    self.peer.end = Some(reason);
                }
            }
            Message::Step { event, detail } => {
                let event = event
                    .parse()
                    .ok()
                    .filter(|event: &TimelineEvent| event.is_told());
                if let Some(event) = event.filter(|_| self.peer.told < bounds::TOLD_STEPS) {
                    self.peer.told += 1;
                    self.note_of(StepSide::Remote, event, detail);
                }
            }
            // They are for browsers.
            Message::IceServers { .. }
            | Message::MediaTest { .. }
            | Message::Report { .. }
            | Message::Unknown => {}
        }
    }

    fn take_carried(&mut self, sdp: &str) {
        self.begin();
        self.peer.was_there = true;
        let role = self
            .options
            .role
            .unwrap_or_else(|| match self.options.signalling {
                // Whoever prints first offers; two of this program decide by what both know.
                Signalling::Manual => {
                    let other = Description::from_sdp(sdp)
                        .map(|d| d.ufrag)
                        .unwrap_or_default();
                    if self.own.credentials.ufrag > other {
                        Role::Controlling
                    } else {
                        Role::Controlled
                    }
                }
                _ => Role::Controlling,
            });
        self.own.role = Some(role);
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
        if self.progress.described_at.is_some() {
            self.refuse("a second description arrived".to_owned());
            return;
        }
        let description = match Description::from_sdp(sdp) {
            Ok(description) => description,
            Err(error) => {
                self.end = Some(Ending::Unusable(unusable(&error)));
                return;
            }
        };
        self.note(
            TimelineEvent::DescriptionReceived,
            counted(description.candidates.len(), "candidate"),
        );
        let mut role = self.own.role.unwrap_or(Role::Controlling);
        if description.is_lite {
            // RFC 8445 6.1.1: the full side controls.
            role = Role::Controlling;
            self.own.role = Some(role);
        }
        let credentials = Credentials {
            ufrag: description.ufrag,
            password: description.password,
        };
        if credentials.ufrag == self.own.credentials.ufrag {
            self.end = Some(Ending::Unusable(unusable(&DescriptionError::Own)));
            return;
        }
        if !self.checks.set_remote(credentials.clone(), role) {
            self.end = Some(Ending::Unusable(unusable(&DescriptionError::Field(
                "ice-pwd",
            ))));
            return;
        }
        self.peer.credentials = Some(credentials);
        self.progress.described_at = Some(now);
        self.progress.grown.1 = now;
        if !self.begin_channel(description.fingerprint, description.part) {
            let error = ErrorReport::new(
                Code::BadDescription,
                "the browser's description has no a=fingerprint by SHA-256, without which there is no data channel",
            );
            self.end = Some(Ending::Unusable(error));
            return;
        }
        self.answer_media(sdp);
        let mut useless = Vec::new();
        for candidate in description.candidates {
            if let Err(error) = self.add_remote(&candidate, (None, None, None)) {
                useless.push((candidate.address, error));
            }
        }
        if is_carried {
            self.peer.nats = description.nats;
            self.record.odd = description.odd;
            let left_out = description.left_out.into_iter().map(|(_, error)| error);
            let useless = useless.into_iter();
            let useless =
                useless.map(|(address, error)| CandidateError::Useless(address, error.to_string()));
            self.record.left_out = left_out.chain(useless).collect();
            return;
        }
        for (address, error) in useless {
            self.refuse_remote(address, error);
        }
        for (_, error) in description.left_out {
            self.leave_out(error);
        }
    }

    fn take_remote(
        &mut self,
        line: &str,
        told: (Option<String>, Option<String>, Option<Transport>),
    ) {
        match line.parse::<Candidate>() {
            Ok(candidate) => {
                if let Err(error) = self.add_remote(&candidate, told) {
                    self.refuse_remote(candidate.address, error);
                }
            }
            Err(error) => self.leave_out(error),
        }
    }

    /// A candidate that cannot be used. A browser has such that others can: names, and TCP.
    fn leave_out(&mut self, error: CandidateError) {
        if !self.peer.is_browser {
            self.refuse(format!(
                "a candidate of the other side was left out: {error}"
            ));
        } else if self.record.left_out.len() < bounds::CANDIDATES {
            self.record.left_out.push(error);
        }
    }

    fn refuse_remote(&mut self, address: SocketAddr, error: Unusable) {
        let is_of_address = matches!(error, Unusable::NoHost(_) | Unusable::LinkLocal);
        if is_of_address && self.record.left_out.len() < bounds::CANDIDATES {
            let useless = CandidateError::Useless(address, error.to_string());
            self.record.left_out.push(useless);
        }
        self.refuse(format!(
            "the other side's candidate {address} was left out: {error}"
        ));
    }

    /// A candidate of the other side; one that is known already may get its origin.
    fn add_remote(
        &mut self,
        candidate: &Candidate,
        (interface, server, relay_transport): (Option<String>, Option<String>, Option<Transport>),
    ) -> Result<(), Unusable> {
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
            return Ok(());
        }
        self.checks.add_remote(now, candidate.clone())?;
        let mut report = CandidateReport::new(candidate, None, Millis(now));
        report.interface = interface;
        report.server = server;
        report.relay_transport = relay_transport;
        self.note(
            TimelineEvent::CandidateReceived,
            format!("{} {}", candidate.kind, candidate.address),
        );
        let _ = self.record.events.send(Event::Candidate {
            side: SideOf::Remote,
            candidate: Box::new(report.clone()),
        });
        self.peer.candidates.push(report);
        Ok(())
    }
}

/// Another program may call itself anything.
fn software(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./+-_".contains(c);
    if name.chars().all(is_plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn unusable(error: &DescriptionError) -> ErrorReport {
    ErrorReport::new(
        Code::BadDescription,
        format!("the other side's description cannot be used: {error}"),
    )
}

/// How long the other side may be away.
pub(super) const AWAY: Duration = Duration::from_secs(10);
