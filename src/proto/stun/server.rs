//! A STUN server without sockets: Binding (RFC 8489 12) and, with two addresses, NAT behaviour
//! discovery (RFC 5780).
//!
//! Requests without the magic cookie are answered as RFC 3489 has it: telephones and diagnostic
//! programs still send them, and the answer is no longer than that to others.
//!
//! Nobody is helped to flood somebody else: indications, answers and what is malformed get no
//! answer, a source gets only so many answers a second, RESPONSE-PORT leads to no other address
//! than the request's source, and PADDING is no longer than in the request. Answers that are held
//! back for a while ([`crate::proto::stun::held`]) are few, go to where their request came from, and count like
//! all others when they are sent.

mod answer;
mod held;
pub mod rate;
pub mod request;

use std::net::SocketAddr;
use std::time::Duration;

use answer::Behavior;
pub use answer::SOFTWARE;
use held::HeldAnswers;
pub use held::{MOST_HELD, MOST_OF_SOURCE};
use rate::{Limiter, Rate};
use request::{Change, Ignored, Request};

use crate::proto::stun::address::is_address;
use crate::proto::stun::held::{Ask, Says};
use crate::proto::stun::message::TransactionId;

/// Answers to one source address: some dozen sockets of one diagnosis at once, and several clients
/// behind one NAT; with answers of 100 bytes a forged source gets 10 kB/s at most.
pub const RATE: Rate = Rate {
    per_second: 100.0,
    burst: 300.0,
};

/// The code for CHANGE-REQUEST in UNKNOWN-ATTRIBUTES.
const CHANGE_REQUEST: u16 = 0x0003;
const RESPONSE_PORT: u16 = 0x0027;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The address that clients are told.
    pub primary: SocketAddr,
    /// The other IP address and the other port, of the same family, both different from the primary
    /// ones; then there are four sockets (RFC 5780 6).
    pub alternate: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub alternate_ip: bool,
    pub alternate_port: bool,
}

impl Place {
    /// Where clients begin.
    pub const PRIMARY: Self = Self {
        alternate_ip: false,
        alternate_port: false,
    };

    /// All four, the primary one first.
    pub const ALL: [Self; 4] = [
        Self::PRIMARY,
        Self {
            alternate_ip: false,
            alternate_port: true,
        },
        Self {
            alternate_ip: true,
            alternate_port: false,
        },
        Self {
            alternate_ip: true,
            alternate_port: true,
        },
    ];

    /// The socket with the changes of a CHANGE-REQUEST (RFC 5780 6.1, table 1).
    #[must_use]
    pub const fn changed(self, change: Change) -> Self {
        Self {
            alternate_ip: self.alternate_ip != change.ip,
            alternate_port: self.alternate_port != change.port,
        }
    }
}

impl Addresses {
    /// The address of a socket, if the server has it.
    pub fn of(&self, place: Place) -> Option<SocketAddr> {
        if place == Place::PRIMARY {
            return Some(self.primary);
        }
        let alternate = self.alternate?;
        let pick = |is_alternate| {
            if is_alternate {
                alternate
            } else {
                self.primary
            }
        };
        Some(SocketAddr::new(
            pick(place.alternate_ip).ip(),
            pick(place.alternate_port).port(),
        ))
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    pub at: Place,
    /// On a TCP connection: then the answer can only go back on it.
    pub stream: bool,
    pub source: SocketAddr,
    /// A datagram, or a message cut out of a stream.
    pub bytes: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The socket that it is to leave from.
    pub from: Place,
    /// For whom; on a stream whoever is at its other end.
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Binding requests, answered or not.
    pub requests: u64,
    /// Answers, errors among them.
    pub answers: u64,
    pub errors: u64,
    /// Requests without an answer because their source asks too much.
    pub limited: u64,
    /// What is no STUN message, or a broken one.
    pub malformed: u64,
    /// Well-formed messages that no server answers: indications, answers, other methods, and
    /// requests from addresses that nothing can be sent to.
    pub ignored: u64,
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.answers += other.answers;
        self.errors += other.errors;
        self.limited += other.limited;
        self.malformed += other.malformed;
        self.ignored += other.ignored;
    }
}

#[derive(Debug)]
pub struct Responder {
    addresses: Addresses,
    limiter: Limiter,
    counters: Counters,
    /// `None` where answers are not held.
    held: Option<HeldAnswers>,
    seed: u64,
    released: Option<Response>,
}

impl Responder {
    pub const fn new(addresses: Addresses, rate: Rate) -> Self {
        Self {
            addresses,
            limiter: Limiter::new(rate, 0),
            counters: Counters {
                requests: 0,
                answers: 0,
                errors: 0,
                limited: 0,
                malformed: 0,
                ignored: 0,
            },
            held: None,
            seed: 0,
            released: None,
        }
    }

    /// The same with a random seed: where in the table of sources each one is, and what tokens are, is then a secret.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self {
            limiter: self.limiter.with_seed(seed),
            held: self.held.map(|_| HeldAnswers::new(seed)),
            seed,
            ..self
        }
    }

    /// The same server, which also holds answers back for who asks for that
    /// ([`crate::proto::stun::held`]). After each message ask [`Responder::take_released`].
    #[must_use]
    pub fn holding_answers(self) -> Self {
        Self {
            held: Some(HeldAnswers::new(self.seed)),
            ..self
        }
    }

    /// An answer that was held and that the last message called for.
    pub fn take_released(&mut self) -> Option<Response> {
        self.released.take()
    }

    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The answer to a message, if it gets one. `now` is the time since the start.
    pub fn handle(&mut self, now: Duration, received: Received<'_>) -> Option<Response> {
        let request = match Request::read(received.bytes) {
            Ok(request) => request,
            Err(Ignored::Malformed) => {
                self.counters.malformed += 1;
                return None;
            }
            Err(Ignored::NotABindingRequest) => {
                self.counters.ignored += 1;
                return None;
            }
        };
        self.counters.requests += 1;
        if !self.is_reachable(received.source) {
            self.counters.ignored += 1;
            return None;
        }
        if !self.limiter.allow(now, received.source.ip()) {
            self.counters.limited += 1;
            return None;
        }
        let (mut response, is_error) = self.answer(&request, received)?;
        if !is_error && self.defer(now, &request, received, &mut response) {
            return None;
        }
        self.counters.answers += 1;
        self.counters.errors += u64::from(is_error);
        Some(response)
    }

    /// Does what HELD-ANSWER asks, and says so in the answer. True if there is to be none now.
    fn defer(
        &mut self,
        now: Duration,
        request: &Request,
        received: Received<'_>,
        response: &mut Response,
    ) -> bool {
        let (Some(held), Some(ask)) = (self.held.as_mut(), request.held) else {
            return false;
        };
        // A connection has no binding of its own, nothing comes behind a FINGERPRINT, and what is
        // held must be short and for the socket that asked.
        let elsewhere = request.response_port.is_some() || request.padding.is_some();
        if received.stream || elsewhere || request.fingerprint || !request.is_rfc_8489() {
            return false;
        }
        let own: TransactionId = request.id[4..].try_into().expect("12 of 16 bytes");
        match ask {
            Ask::Hold(seconds) | Ask::HoldQuietly(seconds) => {
                let quietly = matches!(ask, Ask::HoldQuietly(_));
                let source = received.source.ip();
                let Some(owner) = held.owner(now, request.token) else {
                    say(response, Says::Token(held.token(now, source)));
                    return quietly;
                };
                let mut later = response.clone();
                Says::This(own).append_to(&mut later.bytes);
                let taken = held.hold(now, own, seconds, owner, later);
                say(
                    response,
                    if taken {
                        Says::Held(own)
                    } else {
                        Says::NotHeld(own)
                    },
                );
                quietly
            }
            Ask::Query(id) => {
                let has = held.has(now, &id);
                say(
                    response,
                    if has {
                        Says::Held(id)
                    } else {
                        Says::NotHeld(id)
                    },
                );
                false
            }
            Ask::Release(id) => {
                // It counts as an answer to its own source, too.
                let allowed = held
                    .destination(&id)
                    .is_some_and(|ip| self.limiter.allow(now, ip));
                self.released = allowed.then(|| held.release(now, &id)).flatten();
                self.counters.answers += u64::from(self.released.is_some());
                let has = held.has(now, &id);
                say(
                    response,
                    match &self.released {
                        Some(_) => Says::Released(id),
                        None if has => Says::Held(id),
                        None => Says::NotHeld(id),
                    },
                );
                false
            }
        }
    }

    /// Whether a source is somebody else's address: an answer to one of our own would come back.
    fn is_reachable(&self, source: SocketAddr) -> bool {
        let mut own = Place::ALL.iter().filter_map(|p| self.addresses.of(*p));
        is_address(source) && !own.any(|own| own == source)
    }

    fn answer(&self, request: &Request, received: Received<'_>) -> Option<(Response, bool)> {
        let at = received.at;
        let refuse = |code, reason, unknown: &[u16]| {
            let bytes = answer::error(request, code, reason, unknown)?;
            let response = Response {
                from: at,
                to: received.source,
                bytes,
            };
            Some((response, true))
        };
        let unknown = self.not_understood(request, received.stream);
        if !unknown.is_empty() {
            return refuse(420, "Unknown Attribute", &unknown);
        }
        // RFC 5780 6.1: a padded answer must not go to a port that did not ask.
        if request.is_bad || (request.padding.is_some() && request.response_port.is_some()) {
            return refuse(400, "Bad Request", &[]);
        }
        let from = request.change.map_or(at, |change| at.changed(change));
        let behavior = self.behavior(at, from, received.stream);
        let mut to = received.source;
        if let Some(port) = request.response_port {
            to.set_port(port);
        }
        let bytes = answer::success(request, received.source, behavior)?;
        Some((Response { from, to, bytes }, false))
    }

    /// Unknown attributes, among them those that cannot be obeyed here: CHANGE-REQUEST without an
    /// alternate address (RFC 5780 6.1), and both where the answer has to stay on a connection.
    fn not_understood(&self, request: &Request, stream: bool) -> Vec<u16> {
        let mut unknown = request.unknown.clone();
        if request.change.is_some() && (stream || self.addresses.alternate.is_none()) {
            unknown.push(CHANGE_REQUEST);
        }
        if request.response_port.is_some() && stream {
            unknown.push(RESPONSE_PORT);
        }
        unknown
    }

    /// RESPONSE-ORIGIN and OTHER-ADDRESS. The latter is what "change IP" and "change port" together
    /// would have been answered from, whatever was asked (RFC 5780 6.1). Over TCP there is no other
    /// address to offer.
    fn behavior(&self, at: Place, from: Place, stream: bool) -> Option<Behavior> {
        if stream {
            return None;
        }
        self.addresses.alternate?;
        let both = Change {
            ip: true,
            port: true,
        };
        Some(Behavior {
            origin: self.addresses.of(from)?,
            other: self.addresses.of(at.changed(both))?,
        })
    }
}

fn say(response: &mut Response, says: Says) {
    says.append_to(&mut response.bytes);
}
