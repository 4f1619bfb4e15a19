//! The server without I/O: who is a client, what it gets, and what goes wrong on the way.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::stun_wire::{Message, TransactionId, UNKNOWN_ATTRIBUTES};
use super::answers::reason;
use super::auth::Nonce;
use super::config::TurnConfig;
use super::requests::Asked;
use super::wire::{self, Class, Family, Incoming, Method};

/// How long answers are kept for retransmitted requests (RFC 8489 6.3.1).
const ANSWERS_KEPT: Duration = Duration::from_secs(40);

/// How the client talks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// A client of the server: the 5-tuple as seen from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FiveTuple {
    pub client: SocketAddr,
    pub transport: Transport,
}

impl FiveTuple {
    pub const fn udp(client: SocketAddr) -> Self {
        Self {
            client,
            transport: Transport::Udp,
        }
    }

    pub const fn tcp(client: SocketAddr) -> Self {
        Self {
            client,
            transport: Transport::Tcp,
        }
    }

    pub(super) fn is_stream(self) -> bool {
        self.transport != Transport::Udp
    }
}

/// What the server wants to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// One datagram, or one message on the client's stream.
    ToClient { to: FiveTuple, bytes: Vec<u8> },
    /// A datagram that leaves the relay socket.
    FromRelay {
        relay: SocketAddr,
        peer: SocketAddr,
        payload: Vec<u8>,
    },
}

/// Where relayed transport addresses come from.
pub trait RelayAllocator {
    /// A free address of this family, or `None`: 508.
    fn allocate(&mut self, family: Family) -> Option<SocketAddr>;
    /// The address is not needed any more.
    fn release(&mut self, relay: SocketAddr);
}

/// Relays that exist nowhere: one port after the other on a documentation address.
#[derive(Debug, Clone)]
pub struct CountingRelays {
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
    pub next_port: u16,
}

impl Default for CountingRelays {
    fn default() -> Self {
        Self {
            v4: Ipv4Addr::new(203, 0, 113, 77),
            v6: Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 1),
            next_port: 49152,
        }
    }
}

impl RelayAllocator for CountingRelays {
    fn allocate(&mut self, family: Family) -> Option<SocketAddr> {
        let port = self.next_port;
        self.next_port = port.checked_add(1)?;
        let ip: IpAddr = match family {
            Family::V4 => self.v4.into(),
            Family::V6 => self.v6.into(),
        };
        Some(SocketAddr::new(ip, port))
    }

    fn release(&mut self, _: SocketAddr) {}
}

/// What one client has got.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) username: String,
    pub(super) relays: Vec<SocketAddr>,
    pub(super) expires: Duration,
    pub(super) permissions: BTreeMap<IpAddr, Duration>,
    pub(super) channels: BTreeMap<u16, (SocketAddr, Duration)>,
}

/// The answer to a request, for when it comes again.
struct Answered {
    at: Duration,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// A running server. `now` is the time since whenever, and never goes back.
pub struct TurnCore {
    pub(super) config: TurnConfig,
    pub(super) relays: Box<dyn RelayAllocator + Send>,
    pub(super) rng: StdRng,
    pub(super) realm: String,
    pub(super) nonces: BTreeMap<FiveTuple, Nonce>,
    pub(super) allocations: BTreeMap<FiveTuple, Allocation>,
    answered: BTreeMap<(FiveTuple, TransactionId), Answered>,
    /// How many answers each client got.
    answers: BTreeMap<FiveTuple, usize>,
    requests: BTreeMap<Method, usize>,
    pub(super) allocations_ever: usize,
    pub(super) allocate_errors: usize,
    pub(super) violations: Vec<String>,
}

impl fmt::Debug for TurnCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnCore")
            .field("config", &self.config)
            .field("allocations", &self.allocations)
            .finish_non_exhaustive()
    }
}

impl TurnCore {
    pub fn new(config: TurnConfig, relays: impl RelayAllocator + Send + 'static) -> Self {
        Self {
            rng: StdRng::seed_from_u64(config.seed),
            realm: config.realm.clone(),
            config,
            relays: Box::new(relays),
            nonces: BTreeMap::new(),
            allocations: BTreeMap::new(),
            answered: BTreeMap::new(),
            answers: BTreeMap::new(),
            requests: BTreeMap::new(),
            allocations_ever: 0,
            allocate_errors: 0,
            violations: Vec::new(),
        }
    }

    pub fn config(&self) -> &TurnConfig {
        &self.config
    }

    /// Changes what it does from now on. Nonces and allocations stay.
    pub fn configure(&mut self, change: impl FnOnce(&mut TurnConfig)) {
        let realm = self.config.realm.clone();
        change(&mut self.config);
        if self.config.realm != realm {
            self.realm.clone_from(&self.config.realm);
        }
        self.answered.clear();
        self.allocate_errors = 0;
    }

    /// How many messages with this method arrived, retransmissions included.
    pub fn requests(&self, method: Method) -> usize {
        self.requests.get(&method).copied().unwrap_or_default()
    }

    /// How many allocations there have ever been.
    pub fn allocations(&self) -> usize {
        self.allocations_ever
    }

    /// How many allocations there are, as of the last input.
    pub fn live_allocations(&self) -> usize {
        self.allocations.len()
    }

    /// What clients did that no client may do, in words.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The real relayed addresses of a client.
    pub fn relays_of(&self, client: FiveTuple) -> Vec<SocketAddr> {
        let allocation = self.allocations.get(&client);
        allocation.map(|a| a.relays.clone()).unwrap_or_default()
    }

    /// Whether a datagram to this address is for [`relay_input`](Self::relay_input).
    pub fn owns_relay(&self, address: SocketAddr) -> bool {
        let mut all = self.allocations.values().flat_map(|a| &a.relays);
        all.any(|relay| *relay == address)
    }

    /// A datagram, or one whole message on a stream.
    pub fn handle(&mut self, now: Duration, from: FiveTuple, bytes: &[u8]) -> Vec<Output> {
        self.expire(now);
        if self.is_lost(from) {
            return Vec::new();
        }
        if wire::is_channel_data(bytes) {
            return self.channel_data_from_client(from, bytes);
        }
        let Some(message) = Incoming::parse(bytes) else {
            self.violation(from, "something that is not STUN");
            return Vec::new();
        };
        if message.fingerprint() == Some(false) {
            self.violation(from, "a wrong FINGERPRINT");
            return Vec::new();
        }
        let Some(method) = message.method() else {
            return Vec::new();
        };
        *self.requests.entry(method).or_default() += 1;
        let ever_silent =
            self.config.silent_to.contains(&method) && !self.config.silent_once_authenticated;
        match message.class() {
            _ if ever_silent => Vec::new(),
            Class::Request => self.request(now, from, method, &message),
            Class::Indication if method == Method::Send => self.send_indication(from, &message),
            Class::Indication => Vec::new(),
            Class::Response => {
                self.violation(from, "a response");
                Vec::new()
            }
        }
    }

    /// The client's stream has ended, and with it its allocation.
    pub fn disconnected(&mut self, client: FiveTuple) {
        self.drop_allocation(client);
        self.nonces.remove(&client);
        self.answers.remove(&client);
        self.answered.retain(|(who, _), _| *who != client);
    }

    fn request(
        &mut self,
        now: Duration,
        from: FiveTuple,
        method: Method,
        request: &Incoming<'_>,
    ) -> Vec<Output> {
        let known = (from, request.id);
        let answer = match self.answered.get(&known) {
            Some(before) if before.request == request.bytes => before.answer.clone(),
            before => {
                if before.is_some() {
                    self.violation(from, "the transaction ID of another request");
                }
                let Some(answer) = self.answer(now, from, method, request) else {
                    return Vec::new();
                };
                let count = self.answers.entry(from).or_default();
                *count += 1;
                let is_faulty = *count > self.config.faults_after;
                let answer = match self.config.malformed {
                    Some(malformed) if is_faulty => self.garble(malformed, answer),
                    _ => answer,
                };
                self.answered.insert(
                    known,
                    Answered {
                        at: now,
                        request: request.bytes.to_vec(),
                        answer: answer.clone(),
                    },
                );
                answer
            }
        };
        let mut outputs: Vec<Output> = (0..self.config.strays)
            .map(|_| self.stray(from))
            .map(|bytes| Output::ToClient { to: from, bytes })
            .collect();
        let copies = if self.config.duplicate_responses {
            2
        } else {
            1
        };
        let answer = Output::ToClient {
            to: from,
            bytes: answer,
        };
        outputs.extend(vec![answer; copies]);
        self.lose(outputs)
    }

    /// The right bytes to send back; `None` for silence.
    fn answer(
        &mut self,
        now: Duration,
        from: FiveTuple,
        method: Method,
        request: &Incoming<'_>,
    ) -> Option<Vec<u8>> {
        if method == Method::Binding {
            let message = self.binding(from, request);
            return Some(self.finish(request, None, message));
        }
        let signer = match self.authenticate(now, from, request) {
            Ok(signer) => signer,
            Err(refusal) => {
                let message = self.failure(method, request, refusal.code);
                let message = if refusal.challenges {
                    self.challenge(now, from, message)
                } else {
                    message
                };
                return Some(self.finish(request, None, message));
            }
        };
        if self.config.silent_to.contains(&method) {
            return None;
        }
        let unknown = self.unknown_attributes(request);
        let message = if unknown.is_empty() {
            let user = signer.as_ref().map_or("", |s| &s.username).to_owned();
            let asked = Asked {
                now,
                from,
                request,
                user: &user,
            };
            self.granted(method, asked)
        } else {
            Message::new(method.error(), request.id)
                .error(420, reason(420))
                .attribute(UNKNOWN_ATTRIBUTES, &unknown)
        };
        Some(self.finish(request, signer.as_ref(), message))
    }

    /// Forgets what is over.
    pub fn expire(&mut self, now: Duration) {
        self.answered
            .retain(|_, answered| now.saturating_sub(answered.at) < ANSWERS_KEPT);
        let over: Vec<FiveTuple> = self
            .allocations
            .iter()
            .filter(|(_, allocation)| allocation.expires <= now)
            .map(|(client, _)| *client)
            .collect();
        for client in over {
            self.drop_allocation(client);
        }
        for allocation in self.allocations.values_mut() {
            allocation.permissions.retain(|_, until| *until > now);
            allocation.channels.retain(|_, (_, until)| *until > now);
        }
    }

    pub(super) fn drop_allocation(&mut self, client: FiveTuple) {
        for relay in self
            .allocations
            .remove(&client)
            .into_iter()
            .flat_map(|a| a.relays)
        {
            self.relays.release(relay);
        }
    }

    pub(super) fn violation(&mut self, who: FiveTuple, what: &str) {
        self.violations.push(format!("{} sent {what}", who.client));
    }

    fn is_lost(&mut self, client: FiveTuple) -> bool {
        !client.is_stream() && self.config.loss > 0.0 && self.rng.random_bool(self.config.loss)
    }

    /// What is left of this after the way to the client.
    pub(super) fn lose(&mut self, outputs: Vec<Output>) -> Vec<Output> {
        let mut left = Vec::new();
        for output in outputs {
            match &output {
                Output::ToClient { to, .. } if self.is_lost(*to) => {}
                _ => left.push(output),
            }
        }
        left
    }
}
