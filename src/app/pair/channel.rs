//! How messages travel: sealed through a rendezvous, or by hand.

use std::time::Duration;

use super::manual::Manual;
use super::{Options, Way};
use crate::net::clock::Clock;
use crate::net::rendezvous::client::{Event, Rendezvous};
use crate::report::ErrorReport;
use crate::signal::message::{Greeting, Message, MessageError, VERSION};
use crate::signal::seal::Name;
use crate::signal::session::{Incoming, Session};

/// How long the last messages may take to leave.
const CLOSING: Duration = Duration::from_millis(300);

/// What a channel says.
#[derive(Debug)]
pub enum Said {
    /// In the room.
    Joined,
    /// In the room again, after the connection had dropped.
    Rejoined,
    /// The connection has dropped; it is being made again.
    Lost(ErrorReport),
    /// The other side is there, for the first time.
    Peer(Greeting, Name),
    /// The other side has left the room; it may come back.
    PeerLeft,
    /// It has come back.
    PeerBack,
    /// Somebody else wanted to join.
    ThirdRefused,
    /// A message.
    Message(Message),
    /// The other side's description, carried by hand.
    Carried(String),
    /// A message that was left out, and why.
    Refused(String),
    /// The other side is there, and what it greets with cannot be understood.
    NotUnderstood(ErrorReport),
    /// The end of the channel.
    Ended(ErrorReport),
    /// What the other side or the user gave cannot be used, and nothing else will come.
    Unusable(ErrorReport),
}

/// A channel to the other side.
pub enum Channel {
    /// Through a rendezvous.
    Rendezvous(Box<Meeting>),
    /// By hand.
    Manual(Manual),
}

/// A place in a room, and the session in it.
pub struct Meeting {
    rendezvous: Rendezvous,
    session: Session,
    was_joined: bool,
    peer_left: bool,
    /// Said after what was said last.
    next: Option<Said>,
    /// The other side's messages count only after its greeting was understood.
    is_understood: bool,
}

impl Channel {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// If the rendezvous cannot be joined.
    pub async fn open(options: &Options, clock: Clock) -> Result<Self, ErrorReport> {
        match &options.way {
            Way::Rendezvous { target, code, .. } => {
                let greeting = Greeting {
                    version: VERSION,
                    software: concat!("rtcdiag/", env!("CARGO_PKG_VERSION")).to_owned(),
                    role: options.role,
                    relay_only: options.is_relay_only(),
                };
                let session = Session::new(code.clone(), target.member, greeting.encode());
                let rendezvous = Rendezvous::connect(target.clone(), clock).await?;
                Ok(Self::Rendezvous(Box::new(Meeting {
                    rendezvous,
                    session,
                    was_joined: false,
                    peer_left: false,
                    next: None,
                    is_understood: false,
                })))
            }
            Way::Manual => Ok(Self::Manual(Manual::open(false))),
            Way::ManualSdp => Ok(Self::Manual(Manual::open(true))),
        }
    }

    /// The next thing that it says. May be dropped and called again.
    pub async fn next(&mut self) -> Said {
        match self {
            Self::Rendezvous(meeting) => meeting.next().await,
            Self::Manual(manual) => manual.next().await,
        }
    }

    /// Sends a message, at once or when the other side is there.
    pub fn send(&mut self, message: &Message) {
        if let Self::Rendezvous(meeting) = self {
            // A peer that confirms nothing is seen by its silence.
            let _ = meeting.session.send(message.encode());
            meeting.flush();
        }
    }

    /// Whether everything sent has come to the other side, as far as can be known.
    pub fn is_confirmed(&self) -> bool {
        match self {
            Self::Rendezvous(meeting) => meeting.session.is_confirmed(),
            Self::Manual(_) => true,
        }
    }

    /// Ends it, and lets the last messages leave.
    pub async fn close(self) {
        if let Self::Rendezvous(meeting) = self {
            meeting.rendezvous.close(CLOSING).await;
        }
    }
}

impl Meeting {
    async fn next(&mut self) -> Said {
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

    fn take(&mut self, event: Event) -> Option<Said> {
        match event {
            Event::Joined { peer } => {
                // The greeting is of our own making and small.
                let _ = self.session.joined();
                if !std::mem::replace(&mut self.was_joined, true) {
                    return Some(Said::Joined);
                }
                if !peer {
                    // It may have left while this side was away itself.
                    self.next = self.leave();
                }
                Some(Said::Rejoined)
            }
            Event::PeerJoined => {
                // Its greeting tells whether it is the same one.
                let _ = self.session.joined();
                None
            }
            Event::PeerLeft => self.leave(),
            Event::ThirdRefused => Some(Said::ThirdRefused),
            Event::Lost(error) => Some(Said::Lost(error)),
            Event::Refused(error) => Some(Said::Ended(error)),
            Event::Envelope(envelope) => self.open(&envelope),
        }
    }

    fn leave(&mut self) -> Option<Said> {
        let is_new = self.session.has_peer() && !std::mem::replace(&mut self.peer_left, true);
        is_new.then_some(Said::PeerLeft)
    }

    fn open(&mut self, envelope: &[u8]) -> Option<Said> {
        match self.session.handle_input(envelope) {
            Incoming::Nothing => None,
            Incoming::Again => {
                let was_away = std::mem::replace(&mut self.peer_left, false);
                was_away.then_some(Said::PeerBack)
            }
            Incoming::Refused(refusal) => Some(Said::Refused(refusal.to_string())),
            Incoming::Greeting(text) => match Greeting::decode(&text) {
                Ok(greeting) => {
                    self.is_understood = true;
                    let name = self.session.peer()?;
                    Some(Said::Peer(greeting, name))
                }
                Err(error) => Some(Said::NotUnderstood(not_understood(&error))),
            },
            Incoming::Message(_) if !self.is_understood => None,
            Incoming::Message(text) => Some(match Message::decode(&text) {
                Ok(message) => Said::Message(message),
                Err(error) => Said::Refused(error.to_string()),
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
        MessageError::Version(_) => "peer-version",
        MessageError::Malformed(_) => "malformed",
    };
    ErrorReport::new(code, error.to_string())
}
