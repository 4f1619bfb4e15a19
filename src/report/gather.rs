//! The result of `rtcdiag gather`.

mod verdict;

use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

use super::stage::{Stage, StageTime};
use super::tls::TlsReport;
use super::{ErrorReport, Millis};
use crate::fact::Fact;
use crate::family::Family;
use crate::ice::candidate::{Candidate, CandidateType};
use crate::stun::uri::Transport;
pub use verdict::{Context, Policy, verdict};

/// What was gathered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GatherResult {
    /// The candidates, by priority.
    pub candidates: Vec<CandidateReport>,
    /// Those that were found and are not signalled, since another one is the same (RFC 8445 5.1.3).
    pub redundant: Vec<RedundantReport>,
    /// One for each server address and base, and one for each server that has no address.
    pub servers: Vec<GatherServerReport>,
    /// When the last server was settled, from the start of the command.
    pub complete_ms: Millis,
}

/// A candidate and where it comes from.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateReport {
    /// How it was learned.
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// Between candidate and peer; always UDP.
    pub transport: Transport,
    /// Where peers send to.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// RFC 8839 5.1: the base of a reflexive candidate, the mapped address of a relayed one.
    pub related_address: Option<IpAddr>,
    /// Its port.
    pub related_port: Option<u16>,
    /// The local address that packets leave from: the base of RFC 8445 5.1.1, or for a relayed
    /// candidate the one that talks to the TURN server.
    pub base: SocketAddr,
    /// RFC 8445 5.1.1.3.
    pub foundation: String,
    /// RFC 8445 5.1.1.
    pub component: u16,
    /// RFC 8445 5.1.2.
    pub priority: u32,
    /// The interface of the base.
    pub interface: Option<String>,
    /// Where it was learned from.
    pub server: Option<String>,
    /// Between this host and the TURN server.
    pub relay_transport: Option<Transport>,
    /// When it was found, from the start of the command.
    pub found_ms: Millis,
    /// The line to paste.
    pub sdp: String,
}

impl CandidateReport {
    /// A candidate with its origin.
    pub fn new(candidate: &Candidate, base: SocketAddr, found: Millis) -> Self {
        Self {
            kind: candidate.kind,
            transport: Transport::Udp,
            address: candidate.address.ip(),
            port: candidate.address.port(),
            related_address: candidate.related.map(|a| a.ip()),
            related_port: candidate.related.map(|a| a.port()),
            base,
            foundation: candidate.foundation.clone(),
            component: candidate.component,
            priority: candidate.priority,
            interface: None,
            server: None,
            relay_transport: None,
            found_ms: found,
            sdp: candidate.to_string(),
        }
    }

    /// Address and port together.
    pub const fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// A candidate that is left out.
#[derive(Debug, Clone, Serialize)]
pub struct RedundantReport {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Its base.
    pub base: SocketAddr,
    /// Where it was learned from.
    pub server: Option<String>,
    /// The type of the candidate that stays.
    pub same_as: CandidateType,
}

/// One server address from one base.
#[derive(Debug, Clone, Serialize)]
pub struct GatherServerReport {
    /// As the user or the default list names it.
    pub uri: String,
    /// The address, if the name has one.
    pub address: Option<SocketAddr>,
    /// How it was asked.
    pub transport: Transport,
    /// The local address that it was asked from.
    pub local_address: Option<IpAddr>,
    /// Its interface.
    pub interface: Option<String>,
    /// Whether it gave what its URI promises.
    pub status: Status,
    /// The stage that it reached: the last one if all went well, else the one that failed.
    pub stage: Stage,
    /// What is wrong.
    pub error: Option<ErrorReport>,
    /// How long each stage took.
    pub stages: Vec<StageTime>,
    /// SOFTWARE.
    pub software: Option<String>,
    /// Round trip of a request that was sent once.
    pub rtt_ms: Option<Millis>,
    /// From the start of the command until it was settled.
    pub elapsed_ms: Millis,
    /// Where it sees the base.
    pub reflexive_address: Option<SocketAddr>,
    /// What became of each relayed address that was asked for.
    pub relayed: Vec<RelayedReport>,
    /// The TLS connection.
    pub tls: Option<TlsReport>,
    /// REALM.
    pub realm: Option<String>,
    /// Whether the URI is `turn:` or `turns:`.
    #[serde(skip)]
    pub is_turn: bool,
    /// Whether the system would take this base for this server.
    #[serde(skip)]
    pub is_default_route: bool,
}

/// One Allocate request.
#[derive(Debug, Clone, Serialize)]
pub struct RelayedReport {
    /// The family asked for.
    pub family: Family,
    /// The address, if there is one.
    pub address: Option<SocketAddr>,
    /// How long it was given for, in seconds.
    pub lifetime_s: Option<u32>,
    /// Whether data came through.
    pub relays: Fact<bool>,
    /// Whether it came through between the relayed address and a UDP socket of this host.
    pub reachable: Fact<bool>,
    /// Whether the server asked for credentials.
    pub authenticated: Option<bool>,
    /// Why there is no address.
    pub error: Option<ErrorReport>,
}

/// Whether a server gave what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It did.
    Ok,
    /// It did not.
    Failed,
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
        })
    }
}
