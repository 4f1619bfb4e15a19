//! How messages travel: sealed through a rendezvous, or by hand.

use std::time::Duration;

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::pair::run::manual::Manual;
use crate::commands::pair::run::meeting;
use crate::commands::pair::run::{Options, Signalling};
use crate::net::clock::Clock;
use crate::net::rendezvous::client::{Event, Rendezvous, Steps};
use crate::proto::signal::message::{Greeting, Message, MessageError, VERSION};
use crate::proto::signal::seal::Name;
use crate::proto::signal::session::{Incoming, Session};

/// How long the last messages may take to leave.
const CLOSING: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub enum ChannelEvent {
    Joined,
    Rejoined,
    /// The connection has dropped; it is being made again.
    Lost(ErrorReport),
    /// The other side is there, for the first time.
    Peer(Greeting, Name),
    /// The other side has left the room; it may come back.
    PeerLeft,
    PeerBack,
    ThirdRefused,
    Message(Message),
    Carried(String),
    Refused(String),
    /// What a person gave is not what the other side prints; it may be given once more.
    WrongPaste(String),
    /// The other side is there, and what it greets with cannot be understood.
    NotUnderstood(ErrorReport),
    Ended(ErrorReport),
    /// What the other side or the user gave cannot be used, and nothing else will come.
    Unusable(ErrorReport),
}

pub enum Channel {
    Rendezvous(Box<Membership>),
    Manual(Manual),
}

/// A place in a room, and the session in it.
pub struct Membership {
    rendezvous: Rendezvous,
    session: Session,
    was_joined: bool,
    peer_left: bool,
    /// Said after what was said last.
    next: Option<ChannelEvent>,
    /// How often somebody came or went, or said so.
    comings_and_goings: u32,
    /// The other side's messages count only after its greeting was understood.
    is_understood: bool,
}

impl Channel {
    /// `steps` tell meanwhile how far it got.
    pub async fn open(options: &Options, clock: Clock, steps: &Steps) -> Result<Self, ErrorReport> {
        match &options.signalling {
            Signalling::Rendezvous { target, code, .. } => {
                let greeting = Greeting {
                    version: VERSION,
                    software: concat!("rtcdiag/", env!("CARGO_PKG_VERSION")).to_owned(),
                    role: options.role,
                    relay_only: options.is_relay_only(),
                    tells_servers: true,
                };
                let session = Session::new(code.clone(), target.member, greeting.encode());
                let rendezvous = Rendezvous::connect_by_steps(target.clone(), clock, steps).await?;
                Ok(Self::Rendezvous(Box::new(Membership {
                    rendezvous,
                    session,
                    was_joined: false,
                    peer_left: false,
                    next: None,
                    comings_and_goings: 0,
                    is_understood: false,
                })))
            }
            Signalling::Manual => Ok(Self::Manual(Manual::open(
                false,
                meeting::own_ufrag(options),
            ))),
            Signalling::ManualSdp => Ok(Self::Manual(Manual::open(
                true,
                meeting::own_ufrag(options),
            ))),
        }
    }

    /// The next thing that it says. May be dropped and called again.
    pub async fn next(&mut self) -> ChannelEvent {
        match self {
            Self::Rendezvous(membership) => membership.next().await,
            Self::Manual(manual) => manual.next().await,
        }
    }

    /// Sends a message, at once or when the other side is there.
    pub fn send(&mut self, message: &Message) {
        if let Self::Rendezvous(membership) = self {
            // A peer that confirms nothing is seen by its silence.
            let _ = membership.session.send(message.encode());
            membership.flush();
        }
    }

    /// Whether everything sent has come to the other side, as far as can be known.
    pub fn is_confirmed(&self) -> bool {
        match self {
            Self::Rendezvous(membership) => membership.session.is_confirmed(),
            Self::Manual(_) => true,
        }
    }

    pub async fn close(self) {
        if let Self::Rendezvous(membership) = self {
            membership.rendezvous.close(CLOSING).await;
        }
    }
}

impl Membership {
    async fn next(&mut self) -> ChannelEvent {
        if let Some(said) = self.next.take() {
            return said;
        }
        loop {
            let Some(event) = self.rendezvous.next().await else {
                return std::future::pending().await;
            };
            let said = self.take(event);
            self.flush();
            if let Some(said) = said {
                return said;
            }
        }
    }

    /// One more coming or going; the end if there are too many.
    fn count(&mut self) -> Option<ChannelEvent> {
        self.comings_and_goings += 1;
        let is_flood = self.comings_and_goings > bounds::COMINGS_AND_GOINGS;
        is_flood.then(|| {
            let message = format!(
                "it says more than {} times that somebody came or went, which is no session",
                bounds::COMINGS_AND_GOINGS
            );
            let hint = "use another rendezvous, and wss://, which nobody on the way can change";
            ChannelEvent::Ended(ErrorReport::new(Code::RoomFlooded, message).with_hint(hint))
        })
    }

    fn take(&mut self, event: Event) -> Option<ChannelEvent> {
        let is_coming_or_going = !matches!(event, Event::Envelope(_) | Event::Refused(_));
        if is_coming_or_going && let Some(end) = self.count() {
            return Some(end);
        }
        match event {
            Event::Joined { peer } => {
                // The greeting is of our own making and small.
                let _ = self.session.joined();
                if !std::mem::replace(&mut self.was_joined, true) {
                    return Some(ChannelEvent::Joined);
                }
                if !peer {
                    // It may have left while this side was away itself.
                    self.next = self.leave();
                }
                Some(ChannelEvent::Rejoined)
            }
            Event::PeerJoined => {
                // Its greeting tells whether it is the same one.
                let _ = self.session.joined();
                None
            }
            Event::PeerLeft => self.leave(),
            Event::ThirdRefused => Some(ChannelEvent::ThirdRefused),
            Event::Lost(error) => Some(ChannelEvent::Lost(error)),
            Event::Refused(error) => Some(ChannelEvent::Ended(error)),
            Event::Envelope(envelope) => self.open(&envelope),
        }
    }

    fn leave(&mut self) -> Option<ChannelEvent> {
        let is_new = self.session.has_peer() && !std::mem::replace(&mut self.peer_left, true);
        is_new.then_some(ChannelEvent::PeerLeft)
    }

    fn open(&mut self, envelope: &[u8]) -> Option<ChannelEvent> {
        match self.session.handle_input(envelope) {
            Incoming::Nothing => None,
            Incoming::Again => {
                if let Some(end) = self.count() {
                    return Some(end);
                }
                let was_away = std::mem::replace(&mut self.peer_left, false);
                was_away.then_some(ChannelEvent::PeerBack)
            }
            Incoming::Refused(refusal) => Some(ChannelEvent::Refused(refusal.to_string())),
            Incoming::Greeting(text) => match Greeting::decode(&text) {
                Ok(greeting) => {
                    self.is_understood = true;
                    let name = self.session.peer()?;
                    Some(ChannelEvent::Peer(greeting, name))
                }
                Err(error) => Some(ChannelEvent::NotUnderstood(not_understood(&error))),
            },
            Incoming::Message(_) if !self.is_understood => None,
            Incoming::Message(text) => Some(match Message::decode(&text) {
                Ok(message) => ChannelEvent::Message(message),
                Err(error) => ChannelEvent::Refused(error.to_string()),
            }),
        }
    }

    fn flush(&mut self) {
        while let Some(envelope) = self.session.poll_transmit() {
            // No message of ours is too large: `Session` has seen to that.
            let _ = self.rendezvous.send(envelope);
        }
    }
}

fn not_understood(error: &MessageError) -> ErrorReport {
    let code = match error {
        MessageError::Version(_) => Code::PeerVersion,
        MessageError::Malformed(_) => Code::Malformed,
    };
    ErrorReport::new(code, error.to_string())
}
