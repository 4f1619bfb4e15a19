//! How messages travel: sealed, through all the places where both sides may be, or by hand.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::bounds;
use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::pair::run::manual::Manual;
use crate::commands::pair::run::meeting;
use crate::commands::pair::run::{Options, Signalling};
use crate::net::clock::Clock;
use crate::net::rendezvous::client::Event;
use crate::net::rendezvous::places::{Happening, Places};
use crate::proto::signal::message::{Greeting, Kind, Message, MessageError, VERSION};
use crate::proto::signal::seal::{Name, SealError};
use crate::proto::signal::session::{Incoming, IncomingError, Session};

/// How long the last messages may take to leave.
const CLOSING: Duration = Duration::from_millis(300);

/// How many places are told the same, once the other side was heard at them; the others are kept in reserve.
const TOLD_AT_ONCE: usize = 2;

#[derive(Debug)]
pub enum ChannelEvent {
    /// The first place has been joined.
    Joined(usize),
    /// Another one.
    Reached(usize),
    Rejoined(usize),
    /// Whether somebody else is in the room, as the place says.
    Company(bool),
    /// The connection has dropped; it is being made again.
    Lost(usize, ErrorReport),
    /// This place is of no use, or not any more; there are others.
    Out(usize, ErrorReport),
    /// The other side is there, for the first time, and where it was heard.
    Peer(Greeting, Name, usize),
    /// The other side has left all places; it may come back.
    PeerLeft,
    PeerBack,
    /// The other side has left, and somebody else is there with the code: itself after a restart, most likely.
    Succeeded,
    ThirdRefused,
    Message(Message),
    Carried(String),
    Refused(String),
    /// A message that was sealed with the right key, and that this version does not understand.
    Unreadable,
    /// What a person gave is not what the other side prints; it may be given once more.
    WrongPaste(String),
    /// The other side is there, and what it greets with cannot be understood.
    NotUnderstood(ErrorReport),
    /// The last place is of no use any more.
    Ended(usize, ErrorReport),
    /// What the other side or the user gave cannot be used, and nothing else will come.
    Unusable(ErrorReport),
}

pub enum Channel {
    Rendezvous(Box<Membership>),
    Manual(Manual),
}

/// The places, and the session over them.
pub struct Membership {
    places: Places,
    standings: Vec<Standing>,
    session: Session,
    was_joined: bool,
    peer_left: bool,
    /// What happened and was not told yet.
    said: VecDeque<ChannelEvent>,
    /// How often the other side was asked to say again what was lost at a broker.
    asked_again: u32,
    /// How often somebody came or went, or said so.
    comings_and_goings: u32,
    /// The other side's messages count only after its greeting was understood.
    is_understood: bool,
}

/// How things stand at a place.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    was_joined: bool,
    is_joined: bool,
    /// The other side was heard there, and has not left.
    has_peer: bool,
}

impl Channel {
    /// Begins to join the places, or to read what a person gives.
    pub fn open(options: &Options, clock: Clock) -> Self {
        let Signalling::Rendezvous { member, code, .. } = &options.signalling else {
            let is_sdp = matches!(options.signalling, Signalling::ManualSdp);
            return Self::Manual(Manual::open(is_sdp, meeting::own_ufrag(options)));
        };
        let greeting = Greeting {
            version: VERSION,
            software: concat!("rtcdiag/", env!("CARGO_PKG_VERSION")).to_owned(),
            role: options.role,
            relay_only: options.is_relay_only(),
            tells_servers: true,
            kind: Kind::Program,
            media: false,
        };
        let places = options.places().iter().map(|place| place.place.clone());
        let places: Vec<_> = places.collect();
        let count = places.len();
        let session = Session::new(code.clone(), *member, greeting.encode()).over(count);
        Self::Rendezvous(Box::new(Membership {
            places: Places::open(places, clock),
            standings: vec![Standing::default(); count],
            session,
            was_joined: false,
            peer_left: false,
            said: VecDeque::new(),
            asked_again: 0,
            comings_and_goings: 0,
            is_understood: false,
        }))
    }

    /// Waits until the first place is joined; if none is, why. What happens meanwhile, [`Self::next`] tells
    /// afterwards. May be dropped and called again.
    pub async fn reach(&mut self) -> Result<(), Vec<(usize, ErrorReport)>> {
        match self {
            Self::Rendezvous(membership) => membership.reach().await,
            Self::Manual(_) => Ok(()),
        }
    }

    /// How far the way to a place has been gone, if it ends here.
    pub fn unfinished(&self, place: usize) -> Option<ErrorReport> {
        match self {
            Self::Rendezvous(membership) => membership.places.unfinished(place),
            Self::Manual(_) => None,
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
            membership.flush(None);
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
            membership.places.close(CLOSING).await;
        }
    }
}

impl Membership {
    async fn reach(&mut self) -> Result<(), Vec<(usize, ErrorReport)>> {
        while !self.was_joined {
            let Some((place, happening)) = self.places.next().await else {
                let errors = self.said.drain(..).filter_map(|said| match said {
                    ChannelEvent::Out(place, error) | ChannelEvent::Ended(place, error) => {
                        Some((place, error))
                    }
                    _ => None,
                });
                return Err(errors.collect());
            };
            let said = self.take(place, happening);
            self.flush(Some(place));
            self.said.extend(said);
        }
        Ok(())
    }

    async fn next(&mut self) -> ChannelEvent {
        loop {
            if let Some(said) = self.said.pop_front() {
                return said;
            }
            let Some((place, happening)) = self.places.next().await else {
                return std::future::pending().await;
            };
            let said = self.take(place, happening);
            self.flush(Some(place));
            // What follows from it comes behind it.
            if let Some(said) = said {
                return said;
            }
        }
    }

    /// One more coming or going; the end if there are too many.
    fn count(&mut self, place: usize, is_greeting: bool) -> Option<ChannelEvent> {
        self.comings_and_goings += 1;
        let is_flood = self.comings_and_goings > bounds::COMINGS_AND_GOINGS;
        is_flood.then(|| {
            let most = bounds::COMINGS_AND_GOINGS;
            let (message, hint) = if is_greeting {
                (
                    format!("somebody who has the code has greeted more than {most} times, which is no session"),
                    "run it again with a new code (--new-code); the other side's program is broken, or somebody else has the code",
                )
            } else {
                (
                    format!("it says more than {most} times that somebody came, went or was turned away, which is no session"),
                    "use another rendezvous, and wss://, which nobody on the way can change",
                )
            };
            ChannelEvent::Ended(
                place,
                ErrorReport::new(Code::RoomFlooded, message).with_hint(hint),
            )
        })
    }

    fn take(&mut self, place: usize, happening: Happening) -> Option<ChannelEvent> {
        let event = match happening {
            Happening::NotReached(error) => return Some(self.out(place, error)),
            Happening::Said(event) => event,
        };
        let is_coming_or_going = !matches!(event, Event::Envelope(_) | Event::Refused(_));
        if is_coming_or_going && let Some(end) = self.count(place, false) {
            return Some(end);
        }
        match event {
            Event::Joined { peer } => {
                let is_told = peer == Some(true);
                self.said
                    .extend(is_told.then_some(ChannelEvent::Company(true)));
                Some(self.joined(place, peer != Some(false)))
            }
            Event::PeerJoined | Event::Forgotten => {
                // Its greeting tells whether it is the same one.
                let _ = self.session.joined();
                (event == Event::PeerJoined).then_some(ChannelEvent::Company(true))
            }
            Event::PeerLeft => {
                self.said.push_back(ChannelEvent::Company(false));
                self.leave(place)
            }
            Event::ThirdRefused => Some(ChannelEvent::ThirdRefused),
            Event::Lost(error) => {
                self.standings[place].is_joined = false;
                self.tell_reserve();
                Some(ChannelEvent::Lost(place, error))
            }
            Event::Refused(error) => Some(self.out(place, error)),
            Event::Envelope(envelope) => self.open(place, &envelope),
        }
    }

    fn joined(&mut self, place: usize, peer: bool) -> ChannelEvent {
        // The greeting is of our own making and small.
        let _ = self.session.joined();
        let standing = &mut self.standings[place];
        standing.is_joined = true;
        if !std::mem::replace(&mut standing.was_joined, true) {
            let is_first = !std::mem::replace(&mut self.was_joined, true);
            return if is_first {
                ChannelEvent::Joined(place)
            } else {
                ChannelEvent::Reached(place)
            };
        }
        if !peer {
            // It may have left while this side was away itself.
            let left = self.leave(place);
            self.said.extend(left);
        }
        ChannelEvent::Rejoined(place)
    }

    /// A place is of no use any more.
    fn out(&mut self, place: usize, error: ErrorReport) -> ChannelEvent {
        self.standings[place].is_joined = false;
        if !self.places.is_any_left() {
            return ChannelEvent::Ended(place, error);
        }
        if self.standings[place].has_peer {
            // If it was there alone, nothing more will be heard of it.
            let left = self.leave(place);
            self.said.extend(left);
            self.tell_reserve();
        }
        ChannelEvent::Out(place, error)
    }

    fn leave(&mut self, place: usize) -> Option<ChannelEvent> {
        self.standings[place].has_peer = false;
        let mut joined = self.places.joined().into_iter();
        let is_elsewhere = joined.any(|place| self.standings[place].has_peer);
        let is_new = self.session.has_peer()
            && !is_elsewhere
            && !std::mem::replace(&mut self.peer_left, true);
        is_new.then_some(ChannelEvent::PeerLeft)
    }

    fn open(&mut self, place: usize, envelope: &[u8]) -> Option<ChannelEvent> {
        let incoming = self.session.handle_input(envelope);
        if !matches!(incoming, Incoming::Refused(_)) {
            self.standings[place].has_peer = true;
        }
        match incoming {
            Incoming::Nothing => None,
            Incoming::Again => {
                if let Some(end) = self.count(place, true) {
                    return Some(end);
                }
                if self.session.is_unheard() {
                    // It may have lost the greeting of this side.
                    self.greet_again(place);
                }
                let was_away = std::mem::replace(&mut self.peer_left, false);
                was_away.then_some(ChannelEvent::PeerBack)
            }
            // A broker that is reached under two addresses hands it back to the other connection.
            Incoming::Refused(IncomingError::Reflected) if self.places.is_broker(place) => None,
            Incoming::Refused(IncomingError::ThirdSide) if self.peer_left => {
                Some(ChannelEvent::Succeeded)
            }
            Incoming::Refused(refusal) => {
                self.ask_again(place, refusal);
                // A broker does not tell who is there: whoever speaks is.
                let is_broker = self.places.is_broker(place);
                self.said
                    .extend(is_broker.then_some(ChannelEvent::Company(true)));
                Some(ChannelEvent::Refused(refusal.to_string()))
            }
            Incoming::Greeting(text) => match Greeting::decode(&text) {
                Ok(greeting) => {
                    self.is_understood = true;
                    let name = self.session.peer()?;
                    Some(ChannelEvent::Peer(greeting, name, place))
                }
                Err(error) => Some(ChannelEvent::NotUnderstood(not_understood(&error))),
            },
            Incoming::Message(_) if !self.is_understood => None,
            Incoming::Message(text) => Some(match Message::decode(&text) {
                Ok(message) => ChannelEvent::Message(message),
                Err(_) => ChannelEvent::Unreadable,
            }),
        }
    }

    /// A broker has lost or changed something: whoever is greeted says again what was not confirmed.
    fn ask_again(&mut self, place: usize, refusal: IncomingError) {
        let is_loss = matches!(
            refusal,
            IncomingError::OutOfOrder | IncomingError::Seal(SealError::Forged)
        );
        if is_loss {
            self.greet_again(place);
        }
    }

    fn greet_again(&mut self, place: usize) {
        if self.places.is_broker(place) && self.asked_again < bounds::BROKER_ASKED_AGAIN {
            self.asked_again += 1;
            let _ = self.session.joined();
        }
    }

    /// A place that was told everything is gone: the one that takes its turn has missed what is not confirmed.
    fn tell_reserve(&mut self) {
        if self.session.has_peer() && !self.told().is_empty() && !self.session.is_confirmed() {
            let _ = self.session.joined();
            self.flush(None);
        }
    }

    /// The places that are told everything: where the other side was heard first, or all as long as it is nowhere.
    fn told(&self) -> Vec<usize> {
        let joined = self.places.joined();
        let joined = joined
            .into_iter()
            .filter(|place| self.standings[*place].is_joined);
        let (with_peer, without): (Vec<usize>, Vec<usize>) =
            joined.partition(|place| self.standings[*place].has_peer);
        if with_peer.is_empty() {
            without
        } else {
            with_peer.into_iter().take(TOLD_AT_ONCE).collect()
        }
    }

    /// Sends what the session has to say: what answers something goes where that came from.
    fn flush(&mut self, place: Option<usize>) {
        let to = place.map_or_else(|| self.told(), |place| vec![place]);
        while let Some(envelope) = self.session.poll_transmit() {
            for place in &to {
                self.places.send(*place, &envelope);
            }
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
