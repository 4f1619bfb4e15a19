//! The result of `rtcdiag gather`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use crate::base::fact::Fact;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::base::tls::TlsReport;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::nat::address::{Rewritten, is_global, rewritten_before_relay};
use crate::proto::stun::uri::Transport;
use crate::proto::turn::error::OddDefault;

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

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateReport {
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// Between candidate and peer; always UDP.
    pub transport: Transport,
    pub address: IpAddr,
    pub port: u16,
    /// RFC 8839 5.1: the base of a reflexive candidate, the mapped address of a relayed one.
    pub related_address: Option<IpAddr>,
    pub related_port: Option<u16>,
    /// The local address that packets leave from: the base of RFC 8445 5.1.1, or for a relayed
    /// candidate the one that talks to the TURN server. `None` in the report of `pair`, where the other
    /// side's is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<SocketAddr>,
    /// RFC 8445 5.1.1.3.
    pub foundation: String,
    /// RFC 8445 5.1.1.
    pub component: u16,
    /// RFC 8445 5.1.2.
    pub priority: u32,
    pub interface: Option<String>,
    pub server: Option<String>,
    /// Between this host and the TURN server.
    pub relay_transport: Option<Transport>,
    /// When it was found, from the start of the command.
    pub found_ms: Millis,
    pub sdp: String,
}

impl CandidateReport {
    pub fn new(candidate: &Candidate, base: impl Into<Option<SocketAddr>>, found: Millis) -> Self {
        Self {
            kind: candidate.kind,
            transport: Transport::Udp,
            address: candidate.address.ip(),
            port: candidate.address.port(),
            related_address: candidate.related.map(|a| a.ip()),
            related_port: candidate.related.map(|a| a.port()),
            base: base.into(),
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

    pub const fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// The base; where it is not known, what a candidate line tells of it (RFC 8839 5.1).
    pub fn base(&self) -> SocketAddr {
        let related = match (self.related_address, self.related_port) {
            (Some(ip), Some(port)) if self.kind != CandidateType::Relay => {
                Some(SocketAddr::new(ip, port))
            }
            _ => None,
        };
        self.base.or(related).unwrap_or(self.socket_address())
    }

    pub fn at(candidates: &[Self], address: SocketAddr) -> Option<&Self> {
        let mut candidates = candidates.iter();
        candidates.find(|candidate| candidate.socket_address() == address)
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct RedundantReport {
    #[serde(rename = "type")]
    pub kind: CandidateType,
    pub address: IpAddr,
    pub port: u16,
    pub base: SocketAddr,
    pub server: Option<String>,
    pub same_as: CandidateType,
}

/// One server address from one base.
#[derive(Debug, Clone, Serialize)]
pub struct GatherServerReport {
    /// As the user or the default list names it.
    pub uri: String,
    pub address: Option<SocketAddr>,
    pub transport: Transport,
    pub local_address: Option<IpAddr>,
    pub interface: Option<String>,
    pub status: Status,
    /// The stage that it reached: the last one if all went well, else the one that failed.
    pub stage: Stage,
    pub error: Option<ErrorReport>,
    pub stages: Vec<StageTime>,
    pub software: Option<String>,
    /// Round trip of a request that was sent once.
    pub rtt_ms: Option<Millis>,
    /// From the start of the command until it was settled.
    pub elapsed_ms: Millis,
    pub reflexive_address: Option<SocketAddr>,
    /// What became of each relayed address that was asked for.
    pub relayed: Vec<RelayedReport>,
    pub tls: Option<TlsReport>,
    pub realm: Option<String>,
    /// A round trip of a TURN request takes no longer.
    #[serde(skip)]
    pub round_trip: Option<Duration>,
    /// A round trip of data through its relay takes no longer.
    #[serde(skip)]
    pub data_took: Option<Duration>,
    /// Whether it reports IPv4 addresses as `::ffff:a.b.c.d`.
    #[serde(skip)]
    pub is_v4_mapped: bool,
    #[serde(skip)]
    pub is_turn: bool,
    /// Whether the system would take this base for this server.
    #[serde(skip)]
    pub is_default_route: bool,
}

impl GatherServerReport {
    /// What the server sees in place of this host, if something before it rewrites addresses.
    pub fn rewritten(&self) -> Option<(IpAddr, Rewritten)> {
        let local = self.local_address?;
        let (seen, how) = self.sees_otherwise()?;
        // Server and host may be behind one NAT.
        let may_be_shared = matches!(how, Rewritten::Itself | Rewritten::Relay);
        let is_certain = !may_be_shared || is_global(local);
        is_certain.then_some((seen, how))
    }

    /// It answers a request in no more than this.
    fn quickest_answer(&self) -> Option<Duration> {
        let once = self.rtt_ms.map(|rtt| rtt.0);
        once.into_iter().chain(self.round_trip).min()
    }

    /// The same where it may come from a NAT that both are behind.
    pub fn sees_otherwise(&self) -> Option<(IpAddr, Rewritten)> {
        let seen = self.reflexive_address?.ip();
        let (local, server) = (self.local_address?, self.address?.ip());
        let mut relayed = self.relayed.iter().filter_map(|r| Some(r.address?.ip()));
        let relayed = relayed.find(|relayed| *relayed == seen);
        let how = rewritten_before_relay(local, server, relayed, seen)?;
        Some((seen, how))
    }
}

impl GatherResult {
    /// The shortest way to a server.
    pub fn shortest_round_trip(&self) -> Option<Duration> {
        let known = self.servers.iter().filter_map(|s| {
            let of_data = s.data_took;
            s.quickest_answer().into_iter().chain(of_data).min()
        });
        known.min()
    }

    /// A server that takes longer than another round trip to answer requests, though its data does not: how long both take.
    pub fn slowest_to_answer(&self) -> Option<(&GatherServerReport, Duration, Duration)> {
        let both = self
            .servers
            .iter()
            .filter_map(|s| Some((s, s.quickest_answer()?, s.data_took?)));
        both.max_by_key(|(_, answer, _)| *answer)
    }

    /// Whether a server's answer comes from this side of a NAT: a public one sees this host's private address.
    pub fn is_from_inside(&self, redundant: &RedundantReport) -> bool {
        let ip = redundant.address;
        let mut seen = self
            .servers
            .iter()
            .filter(|s| s.reflexive_address.is_some_and(|a| a.ip() == ip))
            .peekable();
        let is_public = |s: &GatherServerReport| s.address.is_some_and(|a| is_global(a.ip()));
        !is_global(ip) && seen.peek().is_some() && seen.all(is_public)
    }

    /// Whether what a server sees says nothing of the way to the internet: this host's own private address.
    pub fn is_within(&self, redundant: &RedundantReport) -> bool {
        let ip = redundant.address;
        redundant.kind == CandidateType::Srflx
            && redundant.same_as == CandidateType::Host
            && !is_global(ip)
            && !ip.is_loopback()
    }

    /// Whether a candidate is none of this host's: the server that reports it does not see this host.
    pub fn is_elsewhere(&self, candidate: &CandidateReport) -> bool {
        let mut servers = self.servers.iter();
        candidate.kind == CandidateType::Srflx
            && servers.any(|server| {
                Some(&server.uri) == candidate.server.as_ref()
                    && server
                        .rewritten()
                        .is_some_and(|(seen, _)| seen == candidate.address)
            })
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct RelayedReport {
    pub family: Family,
    pub address: Option<SocketAddr>,
    /// How long it was given for, in seconds.
    pub lifetime_s: Option<u32>,
    pub relays: Fact<bool>,
    /// Whether it came through between the relayed address and a UDP socket of this host.
    pub reachable: Fact<bool>,
    /// Where it did not: whether it does once the relayed address has sent to that socket.
    pub reachable_after_sending: Fact<bool>,
    pub authenticated: Option<bool>,
    pub error: Option<ErrorReport>,
    /// What the answer to Allocate lacks.
    #[serde(skip)]
    pub lacks: Option<&'static str>,
    /// Whether what comes out of it is not what was put in.
    #[serde(skip)]
    pub is_changed: bool,
    /// Where what it sends comes from, if not from the relayed address.
    #[serde(skip)]
    pub comes_from: Option<SocketAddr>,
    /// What it does where no family is named, if that is odd.
    #[serde(skip)]
    pub odd_default: Option<OddDefault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Ok,
    Failed,
}
