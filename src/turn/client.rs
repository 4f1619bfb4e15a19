//! One allocation over one connection (RFC 8656), without I/O.
//!
//! Requests are asked for by method calls and end as [`Event::Done`]. What the RFC has a client do
//! beside them, the client does by itself: answering challenges, following nonces, repeating over
//! UDP, keeping allocation, permissions and channels alive.

mod keepalive;
mod transaction;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::credentials::{Credentials, PasswordAlgorithm};
use super::error::Failure;
use super::frame::{self, CHANNELS, Frame};
use super::message::{
    self, Authentication, Challenge, DataIndication, Integrity, Message, Request, Response, Success,
};
use crate::family::Family;
use crate::stun::message::{DecodeError, printable};
use crate::time::Time;
use keepalive::Keepalive;
use transaction::{Transaction, Verdict};

/// How long a request waits for an answer unless told otherwise.
pub const PATIENCE: Duration = Duration::from_millis(2500);

/// Lifetime where an answer does not name one (RFC 8656 3.2).
const DEFAULT_LIFETIME_S: u32 = 600;

/// How a client is to be.
#[derive(Debug, Clone)]
pub struct Config {
    /// User name and password, if there are any.
    pub credentials: Option<Credentials>,
    /// Whether the connection is a stream (TCP, TLS): then nothing is repeated, and `ChannelData`
    /// is padded.
    pub stream: bool,
    /// How long each request waits.
    pub patience: Duration,
    /// Seed of transaction IDs.
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
    pub lifetime_s: u32,
    /// Whether the server asked for credentials.
    pub authenticated: bool,
}

/// How a request succeeded.
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

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A request ended.
    Done {
        /// Which.
        request: RequestId,
        /// How.
        outcome: Result<Answer, Failure>,
        /// Round trip of its last step, if that was sent once only.
        rtt: Option<Duration>,
    },
    /// A peer's datagram came through the relay.
    Data {
        /// The peer.
        peer: SocketAddr,
        /// Its data.
        payload: Vec<u8>,
        /// The channel that it came by; `None` for a Data indication.
        channel: Option<u16>,
    },
    /// What kept the allocation alive failed: it, a permission or a channel will end.
    Fading(Failure),
}

/// What is known of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// SOFTWARE.
    pub software: Option<String>,
    /// REALM.
    pub realm: Option<String>,
    /// Whether nonces follow RFC 8489 (they begin with a cookie) or the RFC before it.
    pub nonce: Option<NonceStyle>,
    /// The password algorithm in use.
    pub algorithm: Option<PasswordAlgorithm>,
    /// How often a nonce was stale (438).
    pub stale_nonces: u32,
}

/// How a server makes its nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceStyle {
    /// With the cookie and security features of RFC 8489 9.2.
    Cookie,
    /// Without.
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

/// A TURN client. See the module.
#[derive(Debug)]
pub struct Client {
    config: Config,
    rng: StdRng,
    authentication: Option<Authentication>,
    transactions: Vec<Transaction>,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    allocation: Option<Allocation>,
    channels: BTreeMap<u16, SocketAddr>,
    keepalive: Keepalive,
    server: ServerInfo,
    discarded: Discarded,
    requests: u32,
}

impl Client {
    /// A client that has done nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            rng: StdRng::seed_from_u64(config.seed),
            config,
            authentication: None,
            transactions: Vec::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            allocation: None,
            channels: BTreeMap::new(),
            keepalive: Keepalive::default(),
            server: ServerInfo::default(),
            discarded: Discarded::default(),
            requests: 0,
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

    /// The next message for the server.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// What has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Client::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.transactions
            .iter()
            .map(|t| t.due)
            .chain(self.keepalive.due())
            .min()
    }

    /// Repeats and gives up what is due, and keeps alive what has to be.
    pub fn handle_timeout(&mut self, now: Time) {
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
                    self.end(transaction, Err(failure), None);
                }
            }
        }
        for request in self.keepalive.take_due(now) {
            self.begin(now, request, false);
        }
    }

    /// Takes a datagram, or a frame of the stream, from the server.
    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) {
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
            None => self.discarded.stray += 1,
        }
    }

    /// The connection has ended: nothing more will come.
    pub fn handle_closed(&mut self) {
        for transaction in std::mem::take(&mut self.transactions) {
            let failure = transaction.reason_for_silence();
            self.end(transaction, Err(failure), None);
        }
        self.keepalive.clear();
    }

    /// The allocation, once there is one.
    pub const fn allocation(&self) -> Option<Allocation> {
        self.allocation
    }

    /// What is known of the server.
    pub const fn server(&self) -> &ServerInfo {
        &self.server
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
        let transaction = Transaction::new(id, request, wanted, now + self.config.patience);
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
            self.end(transaction, Err(failure), None);
            return;
        };
        transaction.start(
            now,
            id,
            authentication.is_some(),
            bytes.clone(),
            self.config.stream,
        );
        self.out.push_back(bytes);
        self.transactions.push(transaction);
    }

    fn handle_message(&mut self, now: Time, bytes: &[u8]) {
        let message = match message::decode(bytes) {
            Ok(message) => message,
            Err(error) => return self.note_unreadable(bytes, &error),
        };
        match message {
            Message::Data(DataIndication { peer, payload }) => self.events.push_back(Event::Data {
                peer,
                payload,
                channel: None,
            }),
            Message::Response(response) => {
                let known = self
                    .transactions
                    .iter()
                    .position(|t| t.id == response.transaction_id && response.answers(&t.request));
                let Some(index) = known else {
                    self.discarded.stray += 1;
                    return;
                };
                if !self.is_trustworthy(index, bytes, &response) {
                    self.discarded.integrity += 1;
                    self.discarded.untrusted_successes += u32::from(response.outcome.is_ok());
                    let transaction = &mut self.transactions[index];
                    transaction.untrusted = true;
                    if self.config.stream {
                        // Nobody can have put it into the stream in between, and the server will
                        // not answer again.
                        let transaction = self.transactions.remove(index);
                        self.end(transaction, Err(Failure::Integrity), None);
                    }
                    return;
                }
                let transaction = self.transactions.remove(index);
                self.handle_response(now, transaction, *response);
            }
        }
    }

    /// Remembers that an answer to a known transaction cannot be read.
    fn note_unreadable(&mut self, bytes: &[u8], error: &DecodeError) {
        self.discarded.stray += 1;
        let id = crate::stun::message::transaction_id(bytes);
        if let Some(t) = self.transactions.iter_mut().find(|t| Some(t.id) == id) {
            t.unreadable = Some(error.to_string());
        }
    }

    /// RFC 8489 9.2.5: answers to authenticated requests carry integrity, except those that ask
    /// for other credentials. Errors without it are taken too: several servers send them so.
    fn is_trustworthy(&self, index: usize, bytes: &[u8], response: &Response) -> bool {
        let transaction = &self.transactions[index];
        let Some(authentication) = self
            .authentication
            .as_ref()
            .filter(|_| transaction.authenticated)
        else {
            return true;
        };
        let code = response.outcome.as_ref().err().map(|e| e.code);
        match message::integrity(bytes, &authentication.key) {
            Integrity::Valid => true,
            Integrity::Absent => code.is_some(),
            // With another key the server cannot sign so that we understand it.
            Integrity::Wrong => matches!(code, Some(401 | 438)),
        }
    }

    fn handle_response(&mut self, now: Time, transaction: Transaction, response: Response) {
        if let Some(software) = response.software {
            self.server.software = Some(software);
        }
        let rtt = transaction.rtt(now);
        match response.outcome {
            Ok(success) => {
                let answer = self.succeed(now, &transaction, success);
                self.end(transaction, answer, rtt);
            }
            Err(error) => match error.code {
                401 => self.handle_unauthorized(now, transaction, response.challenge, rtt),
                438 => self.handle_stale(now, transaction, response.challenge, rtt),
                300 => self.end(transaction, Err(Failure::Redirected(error)), rtt),
                _ => self.end(transaction, Err(Failure::Refused(error)), rtt),
            },
        }
    }

    fn succeed(
        &mut self,
        now: Time,
        transaction: &Transaction,
        success: Success,
    ) -> Result<Answer, Failure> {
        let lifetime_s = success.lifetime_s.unwrap_or(DEFAULT_LIFETIME_S);
        self.keepalive
            .renewed(now, &transaction.request, lifetime_s);
        Ok(match &transaction.request {
            Request::Allocate(_) => {
                let relayed = success
                    .relayed
                    .ok_or_else(|| Failure::Malformed("no XOR-RELAYED-ADDRESS".into()))?;
                let allocation = Allocation {
                    relayed,
                    mapped: success.mapped,
                    lifetime_s,
                    authenticated: transaction.authenticated,
                };
                self.allocation = Some(allocation);
                Answer::Allocated(allocation)
            }
            Request::Refresh(0) => {
                self.allocation = None;
                Answer::Refreshed(0)
            }
            Request::Refresh(_) => Answer::Refreshed(lifetime_s),
            Request::CreatePermission(_) => Answer::Permitted,
            Request::ChannelBind(number, _) => Answer::Bound(*number),
        })
    }

    /// The first 401 is how the server says realm and nonce; another one for the same realm says
    /// that the credentials are wrong.
    fn handle_unauthorized(
        &mut self,
        now: Time,
        mut transaction: Transaction,
        challenge: Challenge,
        rtt: Option<Duration>,
    ) {
        let same_realm = self.authentication.as_ref().is_some_and(|a| {
            challenge
                .realm
                .as_ref()
                .is_none_or(|realm| *realm == a.realm)
        });
        self.note_challenge(&challenge);
        if transaction.authenticated && (same_realm || transaction.challenges > 1) {
            return self.end(transaction, Err(Failure::Unauthorized), rtt);
        }
        if self.config.credentials.is_none() {
            return self.end(transaction, Err(Failure::NoCredentials), rtt);
        }
        transaction.challenges += 1;
        self.retry(now, transaction, challenge, rtt);
    }

    fn handle_stale(
        &mut self,
        now: Time,
        mut transaction: Transaction,
        challenge: Challenge,
        rtt: Option<Duration>,
    ) {
        self.server.stale_nonces += 1;
        self.note_challenge(&challenge);
        if transaction.stale_nonces >= transaction::MAX_STALE {
            return self.end(transaction, Err(Failure::StaleNonce), rtt);
        }
        transaction.stale_nonces += 1;
        self.retry(now, transaction, challenge, rtt);
    }

    fn note_challenge(&mut self, challenge: &Challenge) {
        if let Some(realm) = &challenge.realm {
            self.server.realm = Some(printable(realm)).filter(|r| !r.is_empty());
        }
        if let Some(nonce) = &challenge.nonce {
            self.server.nonce = Some(match message::security_features(nonce) {
                Some(_) => NonceStyle::Cookie,
                None => NonceStyle::Plain,
            });
        }
    }

    /// Sends the request again with what the challenge asks for.
    fn retry(
        &mut self,
        now: Time,
        mut transaction: Transaction,
        challenge: Challenge,
        rtt: Option<Duration>,
    ) {
        match self.answer_to(challenge) {
            Ok(authentication) => {
                self.server.algorithm = Some(
                    authentication
                        .algorithms
                        .as_ref()
                        .map_or(PasswordAlgorithm::Md5, |(_, taken)| *taken),
                );
                self.authentication = Some(authentication);
                transaction.deadline = now + self.config.patience;
                self.transmit(now, transaction);
            }
            Err(failure) => self.end(transaction, Err(failure), rtt),
        }
    }

    fn answer_to(&self, challenge: Challenge) -> Result<Authentication, Failure> {
        let malformed = |what: &str| Failure::Malformed(what.to_owned());
        let credentials = self
            .config
            .credentials
            .as_ref()
            .ok_or(Failure::NoCredentials)?;
        let realm = challenge
            .realm
            .clone()
            .or_else(|| self.authentication.as_ref().map(|a| a.realm.clone()))
            .ok_or_else(|| malformed("a challenge without REALM"))?;
        let nonce = challenge
            .nonce
            .clone()
            .ok_or_else(|| malformed("a challenge without NONCE"))?;
        let algorithms = if challenge.nonce_promises_algorithms() {
            // Somebody on the way may have taken the better ones out (RFC 8489 9.2.5).
            if challenge.algorithms.is_none() {
                return Err(malformed(
                    "the nonce promises PASSWORD-ALGORITHMS, and there are none: somebody may be bidding down",
                ));
            }
            let chosen = challenge
                .choose()
                .ok_or_else(|| malformed("it offers no password algorithm that is known"))?;
            Some(chosen)
        } else {
            None
        };
        let algorithm = algorithms
            .as_ref()
            .map_or(PasswordAlgorithm::Md5, |(_, taken)| *taken);
        let key = credentials
            .key(&realm, algorithm)
            .ok_or_else(|| malformed("its realm is no OpaqueString (RFC 8265)"))?;
        Ok(Authentication {
            username: credentials.username().to_owned(),
            realm,
            nonce,
            key,
            algorithms,
        })
    }

    fn end(
        &mut self,
        transaction: Transaction,
        outcome: Result<Answer, Failure>,
        rtt: Option<Duration>,
    ) {
        if let (Request::ChannelBind(number, _), Err(_)) = (&transaction.request, &outcome) {
            if !self.keepalive.is_bound(*number) {
                self.channels.remove(number);
            }
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
