//! What a TURN server (RFC 8656) decides, without sockets: who may use it, what for, and the answers.
//! The allocations themselves are kept elsewhere.
//!
//! Not offered: reserving a second port (answered with 508, as by a server that has none left),
//! DONT-FRAGMENT (420), RFC 6062 (442), password algorithms and USERHASH.

pub mod answer;
mod guesses;
mod nonce;
pub mod peers;
mod request;
pub mod users;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use answer::{Refusal, Reply};
pub use guesses::Guess;
use guesses::Guesses;
use nonce::Nonces;
use peers::{Peer, PeerPolicy};
pub use request::Method;
use request::{Attributes, Message, Port};
use users::Users;

use crate::base::family::Family;
use crate::proto::stun::message::TransactionId;
use crate::proto::stun::server::RATE;
use crate::proto::stun::server::rate::{Limiter, Rate, network_of};
use crate::proto::turn::credentials::Key;
use crate::proto::turn::frame::{self, CHANNELS_OF_CLIENTS, Frame};
use crate::proto::turn::message::{Integrity, integrity};

/// Lifetime of an allocation whose client does not ask for more (RFC 8656 3.2).
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);
/// The most that clients get by default (RFC 8656 7.2 recommends an hour).
pub const MOST_LIFETIME: Duration = Duration::from_secs(3600);

/// The one transport that is relayed.
const UDP: u8 = 17;

#[derive(Debug, Clone)]
pub struct Rules {
    pub realm: String,
    pub users: Users,
    pub peers: PeerPolicy,
    pub families: Vec<Family>,
    /// The longest lifetime of an allocation without a refresh.
    pub most_lifetime: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Since the start.
    pub now: Duration,
    /// In seconds since 1970.
    pub unix_now: u64,
    pub source: SocketAddr,
    /// A datagram, or a frame of a stream.
    pub bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    pub username: &'a str,
    pub relayed: SocketAddr,
    pub id: TransactionId,
    pub answer: &'a [u8],
}

#[derive(Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Send this answer, and nothing else.
    Answer(Vec<u8>, Option<Refusal>),
    /// Do this, and answer with the reply.
    Do(Action, Reply),
    /// Send this to a peer, if there is a permission for it.
    Send(SocketAddr, &'a [u8]),
    /// Send this to the peer of a channel.
    Channel(u16, &'a [u8]),
    /// Nothing: it is no message that a server understands.
    Malformed,
    /// Nothing: the source gets no more answers for now.
    Limited,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Allocate {
        username: String,
        family: Family,
        even_port: bool,
        lifetime: Duration,
    },
    /// Another lifetime for the allocation; zero ends it.
    Refresh(Duration),
    Permit(Vec<IpAddr>),
    Bind(u16, SocketAddr),
}

#[derive(Debug)]
pub struct Gate {
    rules: Rules,
    nonces: Nonces,
    /// For answers to those who have not shown who they are.
    strangers: Limiter,
    guesses: Guesses,
}

/// Somebody who has not shown who it is.
enum Stranger {
    Refused(Refusal),
    /// One wrong password too many: not answered.
    Slowed,
}

impl From<Refusal> for Stranger {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Gate {
    /// With a random seed for the nonces.
    pub fn new(rules: Rules, seed: &[u8; 32]) -> Self {
        Self::with_rate(rules, seed, RATE)
    }

    /// With another rate of answers to one address that does not show credentials.
    pub fn with_rate(rules: Rules, seed: &[u8; 32], rate: Rate) -> Self {
        let places = |at: usize| {
            let bytes = seed[at..at + 8].try_into().unwrap_or_default();
            u64::from_be_bytes(bytes)
        };
        Self {
            rules,
            nonces: Nonces::new(seed),
            strangers: Limiter::new(rate, places(0)),
            guesses: Guesses::new([places(8), places(16), places(24)]),
        }
    }

    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Who has given a wrong user or password since the last look.
    pub fn take_guesses(&mut self) -> Vec<Guess> {
        self.guesses.take()
    }

    /// What is to be done about a message of a client that has this allocation, or none.
    pub fn decide<'a>(&mut self, received: Received<'a>, held: Option<Held<'_>>) -> Decision<'a> {
        if let Some(Frame::ChannelData(number, payload)) = frame::parse_of_client(received.bytes) {
            return Decision::Channel(number, payload);
        }
        match request::read(received.bytes) {
            Ok(Message::Send(peer, data)) => Decision::Send(peer, data),
            Ok(Message::Request(method, attributes)) => {
                self.request(method, &attributes, received, held)
            }
            Err(request::Malformed) => Decision::Malformed,
        }
    }

    fn request<'a>(
        &mut self,
        method: Method,
        attributes: &Attributes<'_>,
        received: Received<'_>,
        held: Option<Held<'_>>,
    ) -> Decision<'a> {
        let stranger = Reply {
            method,
            id: attributes.id,
            key: None,
        };
        // Whoever has a relay keeps it; a new one is what a guessed password would be for.
        if held.is_none() && self.is_hammered(attributes, received) {
            return Decision::Limited;
        }
        let (username, key) = match self.authenticate(attributes, received) {
            Ok(known) => known,
            Err(Stranger::Slowed) => return Decision::Limited,
            Err(Stranger::Refused(refusal)) => {
                return self.turn_away(&stranger, refusal, received);
            }
        };
        let reply = Reply {
            key: Some(key),
            ..stranger
        };
        if !attributes.unknown.is_empty() {
            let refusal = Refusal::UnknownAttribute;
            return answered(reply.refusal(refusal, &attributes.unknown), Some(refusal));
        }
        let action = match (method, held) {
            (Method::Allocate, None) => self.allocate(attributes, username),
            // The answer was lost (RFC 8656 7.2).
            (Method::Allocate, Some(held)) if held.id == attributes.id => {
                return answered(Some(held.answer.to_vec()), None);
            }
            (Method::Allocate, Some(_)) | (_, None) => Err(Refusal::AllocationMismatch),
            (_, Some(held)) if held.username != username => Err(Refusal::WrongCredentials),
            (Method::Refresh, Some(held)) => self.refresh(attributes, held),
            (Method::CreatePermission, Some(held)) => self.permit(attributes, held),
            (Method::ChannelBind, Some(held)) => self.bind(attributes, held),
        };
        match action {
            Ok(action) => Decision::Do(action, reply),
            Err(refusal) => answered(reply.refusal(refusal, &[]), Some(refusal)),
        }
    }

    /// The long-term credential mechanism (RFC 8489 9.2.4).
    fn authenticate<'a>(
        &mut self,
        attributes: &Attributes<'a>,
        received: Received<'_>,
    ) -> Result<(&'a str, Key), Stranger> {
        if !attributes.is_signed {
            return Err(Refusal::Unauthorized.into());
        }
        let (Some(username), Some(_), Some(nonce)) =
            (attributes.username, attributes.realm, attributes.nonce)
        else {
            return Err(Refusal::BadRequest.into());
        };
        let client = received.source.ip();
        if !self.nonces.is_valid(nonce, received.now, client) {
            return Err(Refusal::StaleNonce.into());
        }
        // With our own realm, whatever the client says: its key is then a wrong one.
        let users = &self.rules.users;
        let known = users.key(username, &self.rules.realm, received.unix_now);
        let is_known = known.is_some();
        // Nobody learns from the time of an answer whether there is a user of that name.
        let key = known
            .or_else(|| users.decoy(username, &self.rules.realm))
            .ok_or(Refusal::Unauthorized)?;
        let signed = integrity(received.bytes, &key);
        if is_known && signed == Integrity::Valid {
            return Ok((username, key));
        }
        // What is slowed is the answer to a wrong one: who shares the address has the right one.
        if self.guesses.note(received.now, received.source, username) {
            return Err(Stranger::Slowed);
        }
        Err(Refusal::Unauthorized.into())
    }

    /// Whether wrong passwords for this user come from this address faster than anybody mistypes.
    fn is_hammered(&mut self, attributes: &Attributes<'_>, received: Received<'_>) -> bool {
        let username = attributes.username.filter(|_| attributes.is_signed);
        username.is_some_and(|username| {
            let network = network_of(received.source.ip());
            self.guesses.are_too_fast(received.now, network, username)
        })
    }

    fn turn_away<'a>(
        &mut self,
        reply: &Reply,
        refusal: Refusal,
        received: Received<'_>,
    ) -> Decision<'a> {
        let client = received.source.ip();
        if !self.strangers.allow(received.now, client) {
            return Decision::Limited;
        }
        let bytes = if refusal == Refusal::BadRequest {
            reply.refusal(refusal, &[])
        } else {
            let nonce = self.nonces.make(received.now, client);
            reply.challenge(refusal, &self.rules.realm, &nonce)
        };
        answered(bytes, Some(refusal))
    }

    /// RFC 8656 7.2.
    fn allocate(&self, attributes: &Attributes<'_>, username: &str) -> Result<Action, Refusal> {
        match attributes.transport {
            Some(UDP) if !attributes.is_bad => {}
            Some(_) if !attributes.is_bad => return Err(Refusal::UnsupportedTransport),
            _ => return Err(Refusal::BadRequest),
        }
        if attributes.port == Port::Reserved {
            return Err(Refusal::InsufficientCapacity);
        }
        let family = match attributes.family {
            None | Some(1) => Family::Ipv4,
            Some(2) => Family::Ipv6,
            Some(_) => return Err(Refusal::FamilyNotSupported),
        };
        if !self.rules.families.contains(&family) {
            return Err(Refusal::FamilyNotSupported);
        }
        Ok(Action::Allocate {
            username: username.to_owned(),
            family,
            even_port: attributes.port == Port::Even,
            lifetime: self.lifetime(attributes.lifetime_s),
        })
    }

    /// The longest of what is asked for and the default, but no longer than may be (RFC 8656 7.2).
    fn lifetime(&self, asked_s: Option<u32>) -> Duration {
        let asked = Duration::from_secs(asked_s.unwrap_or(0).into());
        asked.max(DEFAULT_LIFETIME).min(self.rules.most_lifetime)
    }

    /// RFC 8656 8.2.
    fn refresh(&self, attributes: &Attributes<'_>, held: Held<'_>) -> Result<Action, Refusal> {
        if attributes.is_bad {
            return Err(Refusal::BadRequest);
        }
        let family = match Family::of(held.relayed.ip()) {
            Family::Ipv4 => 1,
            Family::Ipv6 => 2,
        };
        if attributes.family.is_some_and(|asked| asked != family) {
            return Err(Refusal::PeerFamilyMismatch);
        }
        Ok(Action::Refresh(match attributes.lifetime_s {
            Some(0) => Duration::ZERO,
            asked => self.lifetime(asked),
        }))
    }

    /// RFC 8656 10.2: all peers or none.
    fn permit(&self, attributes: &Attributes<'_>, held: Held<'_>) -> Result<Action, Refusal> {
        if attributes.peers.is_empty() || attributes.is_bad {
            return Err(Refusal::BadRequest);
        }
        for peer in &attributes.peers {
            self.peer(peer.ip(), held)?;
        }
        let mut peers: Vec<IpAddr> = attributes.peers.iter().map(SocketAddr::ip).collect();
        peers.sort_unstable();
        peers.dedup();
        Ok(Action::Permit(peers))
    }

    /// RFC 8656 12.2.
    fn bind(&self, attributes: &Attributes<'_>, held: Held<'_>) -> Result<Action, Refusal> {
        let (Some(number), &[peer], false) =
            (attributes.channel, &attributes.peers[..], attributes.is_bad)
        else {
            return Err(Refusal::BadRequest);
        };
        if !CHANNELS_OF_CLIENTS.contains(&number) || peer.port() == 0 {
            return Err(Refusal::BadRequest);
        }
        self.peer(peer.ip(), held)?;
        Ok(Action::Bind(number, peer))
    }

    fn peer(&self, ip: IpAddr, held: Held<'_>) -> Result<(), Refusal> {
        if Family::of(ip) != Family::of(held.relayed.ip()) {
            return Err(Refusal::PeerFamilyMismatch);
        }
        match self.rules.peers.of(ip) {
            Peer::Allowed | Peer::OwnRelays => Ok(()),
            Peer::Forbidden => Err(Refusal::Forbidden),
        }
    }
}

/// An answer that cannot be encoded is none; no request brings that about.
fn answered<'a>(bytes: Option<Vec<u8>>, refusal: Option<Refusal>) -> Decision<'a> {
    bytes.map_or(Decision::Malformed, |bytes| {
        Decision::Answer(bytes, refusal)
    })
}
