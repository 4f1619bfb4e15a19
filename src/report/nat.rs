//! The result of `rtcdiag nat`.

mod depth;
pub mod paths;
pub mod rounds;
pub mod translation;
pub mod verdict;

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

pub use depth::{
    Bounds, LifetimeMethod, LifetimeReport, PortMapping, StreamCounts, TcpReport, TestedMapping,
};

use super::{ErrorReport, Millis};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::ice::interface::{InterfaceKind, kind_of};
use crate::nat::address::is_shared;
use crate::nat::behavior::{AddressPooling, Filtering, Mapping, PathFacts, PortAssignment, Udp};
use crate::nat::loss::Loss;
use crate::nat::probe::Test;
use crate::nat::reachability::{Expected, Peer};
use crate::stun::uri::Transport;

/// What was found out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NatResult {
    /// One for each interface and address family that was tried, that of the default route first.
    pub paths: Vec<PathReport>,
    /// One for each server address and interface, and one for each server that has no address.
    pub servers: Vec<ServerReport>,
    /// Every test.
    pub observations: Vec<ObservationReport>,
    /// Which peers can be reached, over the first path that is open.
    pub reachability: Vec<Reachable>,
    /// What several rounds showed (`--repeat`, `--watch`); the rest is about the last of them.
    pub rounds: Option<Box<rounds::Rounds>>,
}

/// What was found out about one path: a local address and all that lies between it and the servers.
#[derive(Debug, Clone, Serialize)]
pub struct PathReport {
    /// Its family.
    pub family: Family,
    /// The interface that has the local address.
    pub interface: Option<String>,
    /// The local address.
    pub local_address: IpAddr,
    /// Whether UDP gets through.
    pub udp: Fact<Udp>,
    /// Whether addresses are translated.
    pub nat: Fact<bool>,
    /// What servers see the mapping socket as.
    pub reflexive_addresses: Vec<SocketAddr>,
    /// RFC 4787 4.1.
    pub mapping: Fact<Mapping>,
    /// RFC 4787 5.
    pub filtering: Fact<Filtering>,
    /// RFC 4787 6.
    pub hairpinning: Fact<bool>,
    /// RFC 4787 4.2.1.
    pub port_preservation: Fact<bool>,
    /// The rule of external ports.
    pub port_assignment: Fact<PortAssignment>,
    /// Its step.
    pub port_step: Fact<i32>,
    /// RFC 4787 REQ-2.
    pub address_pooling: Fact<AddressPooling>,
    /// Whether addresses inside packets are rewritten.
    pub alg: Fact<bool>,
    /// Whether the mapping stays endpoint-independent when another host behind the same NAT holds the
    /// port: the mapping behaviour seen then.
    pub mapping_under_collision: Fact<Mapping>,
    /// Whether that depends on the order in which the second host asks its destinations.
    pub collision_order_matters: Fact<bool>,
    /// Whether the NAT then gives two hosts the same external port (RFC 4787 4.2.1).
    pub port_overloading: Fact<bool>,
    /// How long an unused mapping of a two-way flow lives.
    pub binding_lifetime_s: Fact<Bounds>,
    /// How that was measured, and the lifetime of other flows.
    pub binding_lifetime: LifetimeReport,
    /// Whether the provider translates too (RFC 6888).
    pub carrier_nat: Fact<bool>,
    /// Whether there is another NAT behind the router that this host can ask.
    pub double_nat: Fact<bool>,
    /// Protocols to ask the router for a mapping.
    pub port_mapping: PortMapping,
    /// The same over TCP.
    pub tcp: TcpReport,
    /// The prefix by which this network reaches IPv4 from IPv6 (RFC 6052), as `64:ff9b::/96`.
    pub nat64_prefix: Fact<String>,
    /// Whether its servers are reached through a NAT64, be its prefix known or not.
    #[serde(skip)]
    pub via_nat64: bool,
    /// The old name for the combination.
    pub legacy_name: LegacyName,
    /// Whether the system sends to the internet over this interface and address if nobody chooses.
    pub default_route: Option<bool>,
    /// What the interface leads to, as far as its name says.
    pub interface_kind: Option<InterfaceKind>,
    /// Plain requests to servers that answer, and how many of them were lost; for totals.
    #[serde(skip)]
    pub loss: Loss,
}

/// The names of RFC 3489, as a gloss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegacyName {
    /// No NAT, no filter.
    OpenInternet,
    /// Endpoint-independent mapping and filtering.
    FullCone,
    /// Endpoint-independent mapping, address-dependent filtering.
    RestrictedCone,
    /// Endpoint-independent mapping, address-and-port-dependent filtering.
    PortRestrictedCone,
    /// Mapping depends on the endpoint.
    Symmetric,
    /// No NAT, but a filter.
    SymmetricFirewall,
    /// No UDP.
    UdpBlocked,
    /// Not known.
    None,
}

impl LegacyName {
    /// As people say it.
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::OpenInternet => Some("open internet"),
            Self::FullCone => Some("full cone"),
            Self::RestrictedCone => Some("restricted cone"),
            Self::PortRestrictedCone => Some("port-restricted cone"),
            Self::Symmetric => Some("symmetric"),
            Self::SymmetricFirewall => Some("symmetric firewall"),
            Self::UdpBlocked => Some("UDP blocked"),
            Self::None => None,
        }
    }
}

/// One server address.
#[derive(Debug, Clone, Serialize)]
pub struct ServerReport {
    /// As the user or the default list names it.
    pub uri: String,
    /// The address, if the name has one.
    pub address: Option<SocketAddr>,
    /// The IPv4 address that this one stands for, where a NAT64 translates it (RFC 6052).
    pub stands_for: Option<SocketAddr>,
    /// Its family.
    pub family: Option<Family>,
    /// The interface over which it was asked, if it was.
    pub interface: Option<String>,
    /// How it was asked.
    pub transport: Transport,
    /// Round trip of the first answer.
    pub rtt_ms: Option<Millis>,
    /// What it saw.
    pub reflexive_address: Option<SocketAddr>,
    /// OTHER-ADDRESS.
    pub other_address: Option<SocketAddr>,
    /// SOFTWARE.
    pub software: Option<String>,
    /// RFC 5780.
    pub behavior_discovery: Option<BehaviorDiscoveryReport>,
    /// What is wrong with its behaviour discovery; the findings say it.
    #[serde(skip)]
    pub behavior_discovery_flaw: Option<String>,
    /// Requests sent.
    pub requests: usize,
    /// Answers received.
    pub responses: usize,
    /// What is wrong.
    pub error: Option<ErrorReport>,
}

impl ServerReport {
    /// One of which nothing is known yet.
    pub const fn new(uri: String, transport: Transport) -> Self {
        Self {
            uri,
            address: None,
            stands_for: None,
            family: None,
            interface: None,
            transport,
            rtt_ms: None,
            reflexive_address: None,
            other_address: None,
            software: None,
            behavior_discovery: None,
            behavior_discovery_flaw: None,
            requests: 0,
            responses: 0,
            error: None,
        }
    }
}

/// Whether a server offers behaviour discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BehaviorDiscoveryReport {
    /// Yes.
    Supported,
    /// No.
    Absent,
    /// It claims to.
    Broken,
}

/// One test.
#[derive(Debug, Clone, Serialize)]
pub struct ObservationReport {
    /// Which.
    pub test: Test,
    /// The interface of its path.
    pub interface: Option<String>,
    /// The socket by a letter, with `6` behind it on the IPv6 path.
    pub socket: String,
    /// Where the request went.
    pub sent_to: SocketAddr,
    /// Where the answer came from.
    pub answered_from: Option<SocketAddr>,
    /// The address in it.
    pub reflexive_address: Option<SocketAddr>,
    /// Round trip.
    pub rtt_ms: Option<Millis>,
    /// How many times it was sent.
    pub transmissions: usize,
}

/// What to expect with a peer of some kind.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Reachable {
    /// The kind.
    pub peer: Peer,
    /// What to expect.
    pub expected: Expected,
}

impl PathReport {
    /// A report of what the UDP tests found; what they do not cover is not tested.
    pub fn new(local_address: IpAddr, interface: Option<String>, facts: PathFacts) -> Self {
        let carrier_nat = match local_address {
            IpAddr::V4(ip) if is_shared(ip.octets()) => Fact::Determined(true),
            _ => Fact::not_tested(Reason::LeftOut),
        };
        let kind = interface.as_deref().and_then(kind_of);
        let via_nat64 = translation::is_translated(local_address, &facts.reflexive_addresses);
        let mut report = Self {
            family: Family::of(local_address),
            interface,
            local_address,
            udp: facts.udp,
            nat: facts.nat,
            reflexive_addresses: facts.reflexive_addresses,
            mapping: facts.mapping,
            filtering: facts.filtering,
            hairpinning: facts.hairpinning,
            port_preservation: facts.port_preservation,
            port_assignment: facts.port_assignment,
            port_step: facts.port_step,
            address_pooling: facts.address_pooling,
            alg: facts.alg,
            mapping_under_collision: Fact::not_tested(Reason::NotAskedFor),
            collision_order_matters: Fact::not_tested(Reason::NotAskedFor),
            port_overloading: Fact::not_tested(Reason::NotAskedFor),
            binding_lifetime_s: Fact::not_tested(Reason::NotAskedFor),
            binding_lifetime: LifetimeReport::not_tested(Reason::NotAskedFor),
            carrier_nat,
            double_nat: Fact::not_tested(Reason::LeftOut),
            port_mapping: PortMapping::not_tested(Reason::LeftOut),
            tcp: TcpReport::not_tested(Reason::LeftOut),
            nat64_prefix: Fact::not_tested(Reason::NotApplicable),
            via_nat64,
            legacy_name: LegacyName::None,
            default_route: None,
            interface_kind: kind,
            loss: Loss::default(),
        };
        report.legacy_name = report.legacy_name();
        report
    }

    /// Says that UDP is blocked: then nothing else about UDP can be known.
    pub fn set_blocked(&mut self) {
        let facts = PathFacts::not_tested(Reason::UdpBlocked);
        self.udp = Fact::Determined(Udp::Blocked);
        self.nat = facts.nat;
        self.mapping = facts.mapping;
        self.filtering = facts.filtering;
        self.hairpinning = facts.hairpinning;
        self.port_preservation = facts.port_preservation;
        self.port_assignment = facts.port_assignment;
        self.port_step = facts.port_step;
        self.address_pooling = facts.address_pooling;
        self.alg = facts.alg;
        self.legacy_name = LegacyName::UdpBlocked;
    }

    /// Whether UDP is known to work.
    pub fn is_open(&self) -> bool {
        self.udp == Fact::Determined(Udp::Open)
    }

    /// Whether mapping and filtering are both known.
    pub const fn is_determined(&self) -> bool {
        self.mapping.is_determined() && self.filtering.is_determined()
    }

    fn legacy_name(&self) -> LegacyName {
        match (
            self.nat.value(),
            self.mapping.value(),
            self.filtering.value(),
        ) {
            (Some(false), _, Some(Filtering::EndpointIndependent)) => LegacyName::OpenInternet,
            (Some(false), _, Some(_)) => LegacyName::SymmetricFirewall,
            (Some(true), Some(Mapping::EndpointIndependent), Some(filtering)) => match filtering {
                Filtering::EndpointIndependent => LegacyName::FullCone,
                Filtering::AddressDependent => LegacyName::RestrictedCone,
                Filtering::AddressAndPortDependent => LegacyName::PortRestrictedCone,
            },
            (Some(true), Some(Mapping::AddressDependent | Mapping::AddressAndPortDependent), _) => {
                LegacyName::Symmetric
            }
            _ => LegacyName::None,
        }
    }
}
