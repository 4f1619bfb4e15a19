//! One question: the same request, from one socket to one destination, sent until it is settled.

use std::net::SocketAddr;

use serde::Serialize;

use crate::proto::nat::{SendError, Time};
use crate::proto::stun::message::{BindingResponse, Change};

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Test {
    /// A server's primary address, from the mapping socket (RFC 5780 4.3, test I).
    #[strum(serialize = "mapping-1")]
    Mapping1,
    /// The other IP address, the primary port (RFC 5780 4.3, test II).
    #[strum(serialize = "mapping-2")]
    Mapping2,
    /// The other IP address and the other port (RFC 5780 4.3, test III).
    #[strum(serialize = "mapping-3")]
    Mapping3,
    /// The primary IP address, the other port.
    #[strum(serialize = "mapping-4")]
    Mapping4,
    /// Another port of a server without behaviour discovery.
    SecondPort,
    /// A server's primary address from a second socket: a server that reports the same address
    /// for both is not telling the truth.
    SecondSocket,
    /// A fresh socket's first packet, for port assignment.
    PortSample,
    /// A fresh socket's first packet to yet another server, for address pooling.
    PoolingSample,
    /// A sampled socket's question to another server: does it keep its mapping?
    MappingSample,
    /// An answer asked from the other IP address and port (RFC 5780 4.4, test II).
    #[strum(serialize = "filtering-2")]
    FilteringAddressAndPort,
    /// An answer asked from the other port (RFC 5780 4.4, test III).
    #[strum(serialize = "filtering-3")]
    FilteringPort,
    /// An answer asked from the other IP address, same port.
    #[strum(serialize = "filtering-ip")]
    FilteringAddress,
    /// A plain request beside the filtering probes of the same socket.
    Companion,
    /// A plain request after them.
    ControlAfter,
    /// To the address that has sent unasked, from the socket that it sent to: does the port stay?
    ControlStranger,
    /// CHANGE-REQUEST where no filter can be in the way: the server must obey.
    #[strum(serialize = "control-change")]
    ControlChangeRequest,
    /// A plain request whose answer is to go to the mapping socket: does the server honour
    /// RESPONSE-PORT?
    ControlResponsePort,
    /// From one socket to the external address of another (RFC 5780 4.5).
    Hairpin,
    /// The first question again, at the end: has the mapping stayed?
    Repeat,
    /// A connection over TCP or TLS from the port that all of them share (RFC 5382 4.1).
    #[strum(serialize = "tcp")]
    Stream,
    /// From the other local address, which holds the port while the collision is tested.
    CollisionHolder,
    /// From the same port of the path's own address meanwhile.
    Collision,
}

impl Test {
    pub const fn name(self) -> &'static str {
        self.into_str()
    }
}

impl Serialize for Test {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How a probe is repeated, and when it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// The first question to a server, whose round trip is not known yet.
    Survey,
    /// An answer is expected within a round trip.
    Expected,
    /// Silence is as likely.
    Silence,
    /// Sent when its owner says so.
    Manual,
}

/// One datagram that was sent. Each has a transaction ID of its own, so that an answer says which
/// one it belongs to, which gives true round trips and a loss count. (RFC 8489 6.2 lets a client
/// have many transactions outstanding; a Binding request has no effect that repeating could spoil.)
#[derive(Debug, Clone, Copy)]
pub(super) struct Transmission {
    pub at: Time,
    pub answered: Option<Time>,
}

/// An answer to one transmission.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub source: SocketAddr,
    /// When the transmission that it answers was sent.
    pub sent: Time,
    pub rtt: Time,
    pub response: BindingResponse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer (or, for a hairpin probe, its arrival).
    Answered,
    /// Without, after as many transmissions as the pace asks for.
    Silent,
    /// With an answer to the socket that asked, though RESPONSE-PORT named another one's port.
    Returned,
    /// Without, and the path too lossy for that to mean anything.
    Unproven,
    /// It could not be sent.
    Failed(SendError),
    /// Its answer was no longer waited for.
    Cancelled,
}

#[derive(Debug)]
pub(super) struct Probe {
    pub test: Test,
    pub socket: usize,
    pub destination: SocketAddr,
    pub change: Change,
    /// Where the answer has to come from.
    pub answer_from: SocketAddr,
    /// Which socket it has to come to.
    pub answer_on: usize,
    /// RESPONSE-PORT: the external port of [`Probe::answer_on`].
    pub response_port: Option<u16>,
    pub pace: Pace,
    pub started: Time,
    /// When to transmit next.
    pub next: Option<Time>,
    pub transmissions: Vec<Transmission>,
    /// From [`Probe::answer_from`].
    pub answers: Vec<Answer>,
    /// From elsewhere.
    pub misdirected: Vec<Answer>,
    /// The answer that came to the asking socket although RESPONSE-PORT named another one's port.
    pub returned: Option<Answer>,
    /// Answers that could not be decoded or say nothing.
    pub garbled: Option<String>,
    /// Whether something came from there that answers no request: what listens does not speak STUN.
    pub is_foreign: bool,
    /// When and from where a hairpin probe came back.
    pub arrival: Option<(Time, SocketAddr)>,
    pub end: Option<End>,
}

impl Probe {
    pub fn new(
        test: Test,
        socket: usize,
        destination: SocketAddr,
        change: Change,
        pace: Pace,
        now: Time,
    ) -> Self {
        Self {
            test,
            socket,
            destination,
            change,
            answer_from: destination,
            answer_on: socket,
            response_port: None,
            pace,
            started: now,
            next: Some(now),
            transmissions: Vec::new(),
            answers: Vec::new(),
            misdirected: Vec::new(),
            returned: None,
            garbled: None,
            is_foreign: false,
            arrival: None,
            end: None,
        }
    }

    /// The same, with the answer sent to a mapping of another socket (RFC 5780 7.5).
    pub fn redirected(self, answer_on: usize, external: SocketAddr) -> Self {
        Self {
            answer_on,
            response_port: Some(external.port()),
            ..self
        }
    }

    /// The first success answer from the right address, with its reflexive address.
    pub fn success(&self) -> Option<(&Answer, SocketAddr)> {
        self.answers.iter().find_map(|answer| {
            let success = answer.response.outcome.as_ref().ok()?;
            Some((answer, success.reflexive()?))
        })
    }

    /// The reflexive address of the first success answer.
    pub fn reflexive(&self) -> Option<SocketAddr> {
        self.success().map(|(_, address)| address)
    }

    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub fn last_sent(&self) -> Option<Time> {
        self.transmissions.last().map(|t| t.at)
    }
}
