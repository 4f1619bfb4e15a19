//! One allocation over one connection (RFC 8656), without I/O.
//!
//! Requests are asked for by method calls and end as [`Event::Done`]. What the RFC has a client do
//! beside them, the client does by itself: answering challenges, following nonces, repeating over
//! UDP, keeping allocation, permissions and channels alive.

mod answers;
mod challenges;
mod keepalive;
mod transaction;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::base::time::Time;
use crate::proto::machine::{Machine, Transmit};
use crate::proto::turn::credentials::{Credentials, PasswordAlgorithm};
use crate::proto::turn::error::Failure;
use crate::proto::turn::frame::{self, CHANNELS, Frame};
use crate::proto::turn::message::{self, Authentication, Request};
use keepalive::Keepalive;
use transaction::{Transaction, Verdict};

/// How long a request waits for an answer unless told otherwise.
pub const PATIENCE: Duration = Duration::from_millis(2500);

/// How many round trips a request waits, where that is longer.
const ROUND_TRIPS: u32 = 6;

/// Lifetime where an answer does not name one (RFC 8656 3.2).
pub const DEFAULT_LIFETIME_S: u32 = 600;

#[derive(Debug, Clone)]
pub struct Config {
    pub credentials: Option<Credentials>,
    /// Whether the connection is a stream (TCP, TLS): then nothing is repeated, and `ChannelData`
    /// is padded.
    pub stream: bool,
    pub patience: Duration,
    pub seed: u64,
}

/// Names a request in its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u32);

/// What an Allocate request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// XOR-RELAYED-ADDRESS.
    pub relayed: SocketAddr,
    /// XOR-MAPPED-ADDRESS: where the server sees us.
    pub mapped: Option<SocketAddr>,
    /// LIFETIME, in seconds.
    pub lifetime_s: Option<u32>,
    /// What RFC 8656 7.3 asks for and the answer lacks: Chromium takes no relay from it.
    pub lacks: Option<&'static str>,
    /// Whether the server asked for credentials.
    pub authenticated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To [`Client::allocate`].
    Allocated(Allocation),
    /// To [`Client::refresh`]: the lifetime granted, in seconds.
    Refreshed(u32),
    /// To [`Client::permit`].
    Permitted,
    /// To [`Client::bind_channel`]: the number.
    Bound(u16),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Done {
        request: RequestId,
        outcome: Result<Answer, Failure>,
        /// Round trip of its last step, if that was sent once only.
        rtt: Option<Duration>,
    },
    /// A peer's datagram came through the relay.
    Data {
        peer: SocketAddr,
        payload: Vec<u8>,
        /// The channel that it came by; `None` for a Data indication.
        channel: Option<u16>,
    },
    /// What kept the allocation alive failed: it, a permission or a channel will end.
    Fading(Failure),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerInfo {
    pub software: Option<String>,
    pub realm: Option<String>,
    /// Whether nonces follow RFC 8489 (they begin with a cookie) or the RFC before it.
    pub nonce: Option<NonceStyle>,
    pub algorithm: Option<PasswordAlgorithm>,
    /// How often a nonce was stale (438).
    pub stale_nonces: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceStyle {
    /// With the cookie and security features of RFC 8489 9.2.
    Cookie,
    Plain,
}

/// Answers that were not used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Discarded {
    /// Integrity wrong or missing.
    pub integrity: u32,
    /// Those of them that said that the request succeeded.
    pub untrusted_successes: u32,
    /// Not readable, or of no known transaction.
    pub stray: u32,
}

#[derive(Debug)]
pub struct Client {
    config: Config,
    rng: StdRng,
    authentication: Option<Authentication>,
    transactions: Vec<Transaction>,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    allocation: Option<Allocation>,
    /// Whether the server has an allocation for us, usable or not.
    holds: bool,
    /// It is being given back; nothing else is wanted any more.
    leaves: bool,
    channels: BTreeMap<u16, SocketAddr>,
    keepalive: Keepalive,
    server: ServerInfo,
    discarded: Discarded,
    requests: u32,
    round_trip: Option<Duration>,
    broken: Option<ErrorReport>,
}

impl Client {
    pub fn new(config: Config) -> Self {
        Self {
            rng: StdRng::seed_from_u64(config.seed),
            config,
            authentication: None,
            transactions: Vec::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            allocation: None,
            holds: false,
            leaves: false,
            channels: BTreeMap::new(),
            keepalive: Keepalive::default(),
            server: ServerInfo::default(),
            discarded: Discarded::default(),
            requests: 0,
            round_trip: None,
            broken: None,
        }
    }

    /// Asks for a relayed address; without a family the server takes IPv4 (RFC 8656 7.2).
    pub fn allocate(&mut self, now: Time, family: Option<Family>) -> RequestId {
        self.begin(now, Request::Allocate(family), true)
    }

    /// Asks for another lifetime; 0 seconds end the allocation.
    pub fn refresh(&mut self, now: Time, lifetime_s: u32) -> RequestId {
        if lifetime_s == 0 {
            self.keepalive.clear();
        }
        self.begin(now, Request::Refresh(lifetime_s), true)
    }

    /// Gives the allocation back, also one that is granted only now. `false` if there is nothing to give
    /// back; else the connection has to be kept going until [`Client::is_returned`].
    pub fn give_back(&mut self, now: Time) -> bool {
        self.keepalive.clear();
        // What a server may still grant, and what ends it.
        self.transactions
            .retain(|t| matches!(t.request, Request::Allocate(_) | Request::Refresh(0)));
        let is_first = !std::mem::replace(&mut self.leaves, true);
        if is_first && self.holds {
            self.begin(now, Request::Refresh(0), false);
        }
        !self.is_returned()
    }

    /// Whether nothing is to be given back any more, or nobody takes it.
    pub fn is_returned(&self) -> bool {
        self.transactions.is_empty() || self.broken.is_some()
    }

    /// Gives up what has not been given back.
    pub fn forget(&mut self) {
        (self.holds, self.leaves) = (false, true);
        self.transactions.clear();
    }

    /// This client, for somebody who outlives its owner; an idle one is left.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let idle = Self::new(Config {
            credentials: None,
            ..self.config
        });
        std::mem::replace(self, idle)
    }

    /// Lets these peers in, by IP address.
    pub fn permit(&mut self, now: Time, peers: Vec<IpAddr>) -> RequestId {
        self.begin(now, Request::CreatePermission(peers), true)
    }

    /// Binds a channel to a peer, or renews it. Peers take the numbers in the order of asking.
    pub fn bind_channel(&mut self, now: Time, peer: SocketAddr) -> RequestId {
        let number = self
            .channel_of(peer)
            .unwrap_or_else(|| self.next_channel(peer));
        self.begin(now, Request::ChannelBind(number, peer), true)
    }

    /// Sends a datagram to a peer: by its channel if there is one, else by a Send indication.
    /// Whether it arrives, nobody says. `false` if it is too long.
    pub fn send(&mut self, peer: SocketAddr, payload: &[u8]) -> bool {
        let bytes = match self
            .channel_of(peer)
            .filter(|n| self.keepalive.is_bound(*n))
        {
            Some(number) => frame::channel_data(number, payload, self.config.stream),
            None => message::send_indication(self.rng.random(), peer, payload),
        };
        match bytes {
            Some(bytes) => {
                self.out.push_back(bytes);
                true
            }
            None => false,
        }
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The connection has ended: nothing more will come.
    pub fn handle_closed(&mut self) {
        for transaction in std::mem::take(&mut self.transactions) {
            let failure = transaction.reason_for_silence();
            self.end(&transaction, Err(failure), None);
        }
        self.keepalive.clear();
    }

    /// How the connection failed, if it did. Nothing more can be sent.
    pub const fn broken(&self) -> Option<&ErrorReport> {
        self.broken.as_ref()
    }

    /// The allocation, once there is one.
    pub const fn allocation(&self) -> Option<Allocation> {
        self.allocation
    }

    pub const fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// A round trip to the server takes no longer: the least from first sending to the answer of all requests.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// How long a request waits: over a long way its answer may be lost more than once too.
    fn patience(&self) -> Duration {
        let long = self.round_trip.unwrap_or_default() * ROUND_TRIPS;
        self.config.patience.max(long)
    }

    /// Answers that were not used.
    pub const fn discarded(&self) -> Discarded {
        self.discarded
    }

    fn channel_of(&self, peer: SocketAddr) -> Option<u16> {
        self.channels
            .iter()
            .find(|(_, bound)| **bound == peer)
            .map(|(number, _)| *number)
    }

    fn next_channel(&mut self, peer: SocketAddr) -> u16 {
        let number = CHANNELS
            .clone()
            .find(|number| !self.channels.contains_key(number))
            .unwrap_or(*CHANNELS.end());
        self.channels.insert(number, peer);
        number
    }

    fn begin(&mut self, now: Time, request: Request, wanted: bool) -> RequestId {
        let id = RequestId(self.requests);
        self.requests += 1;
        let transaction = Transaction::new(id, request, wanted, now + self.patience());
        self.transmit(now, transaction);
        id
    }

    /// Sends a transaction's request, for the first time or with new credentials.
    fn transmit(&mut self, now: Time, mut transaction: Transaction) {
        let id = self.rng.random();
        let authentication = self.authentication.as_ref();
        let Some(bytes) = transaction.request.encode(id, authentication) else {
            let failure = Failure::Malformed(
                "its realm or nonce cannot be sent back as RFC 8489 asks for".into(),
            );
            self.end(&transaction, Err(failure), None);
            return;
        };
        transaction.start(
            now,
            id,
            authentication.map(|a| a.key.clone()),
            bytes.clone(),
            self.config.stream,
            self.round_trip.unwrap_or_default(),
        );
        self.out.push_back(bytes);
        self.transactions.push(transaction);
    }

    fn end(
        &mut self,
        transaction: &Transaction,
        outcome: Result<Answer, Failure>,
        rtt: Option<Duration>,
    ) {
        if let (Request::ChannelBind(number, _), Err(_)) = (&transaction.request, &outcome)
            && !self.keepalive.is_bound(*number)
        {
            self.channels.remove(number);
        }
        if transaction.wanted {
            self.events.push_back(Event::Done {
                request: transaction.request_id,
                outcome,
                rtt,
            });
        } else if let Err(failure) = outcome {
            self.events.push_back(Event::Fading(failure));
        }
    }
}

impl Machine for Client {
    /// The connection to the server.
    type Flow = ();
    type Error = ErrorReport;

    fn poll_transmit(&mut self) -> Option<Transmit<()>> {
        if self.broken.is_some() {
            return None;
        }
        let payload = self.out.pop_front()?;
        Some(Transmit { flow: (), payload })
    }

    /// ICMP errors count as the end of the connection: the server is not there.
    fn handle_error(&mut self, _: Time, (): (), error: ErrorReport) {
        self.handle_closed();
        self.broken = Some(error);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.transactions
            .iter()
            .map(|t| t.due)
            .chain(self.keepalive.due())
            .min()
    }

    fn handle_timeout(&mut self, now: Time) {
        let mut index = 0;
        while index < self.transactions.len() {
            match self.transactions[index].handle_timeout(now) {
                Verdict::Wait => index += 1,
                Verdict::Repeat(bytes) => {
                    self.out.push_back(bytes);
                    index += 1;
                }
                Verdict::GiveUp => {
                    let transaction = self.transactions.remove(index);
                    let failure = transaction.reason_for_silence();
                    self.end(&transaction, Err(failure), None);
                }
            }
        }
        for request in self.keepalive.take_due(now) {
            self.begin(now, request, false);
        }
    }

    fn handle_input(&mut self, now: Time, (): (), bytes: &[u8]) {
        match frame::parse(bytes) {
            Some(Frame::ChannelData(number, payload)) => match self.channels.get(&number) {
                Some(peer) => self.events.push_back(Event::Data {
                    peer: *peer,
                    payload: payload.to_vec(),
                    channel: Some(number),
                }),
                None => self.discarded.stray += 1,
            },
            Some(Frame::Stun(bytes)) => self.handle_message(now, bytes),
            None => self.note_foreign(),
        }
    }
}
