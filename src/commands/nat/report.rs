//! The result of `rtcdiag nat`.

pub mod paths;

use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::ErrorReport;
use crate::commands::nat::nat64::report::is_translated;
use crate::commands::nat::rounds::report::Rounds;
use crate::commands::nat::router::report::PortMapping;
use crate::proto::ice::interface::{InterfaceKind, kind_of};
use crate::proto::nat::address::{is_global, is_shared};
use crate::proto::nat::behavior::reachability::{Expected, Peer};
use crate::proto::nat::behavior::words::{AddressPooling, Filtering, Mapping, PathFacts, Udp};
use crate::proto::nat::behavior::{Limits, Observation, ServerFacts};
use crate::proto::nat::collision::CollisionFacts;
use crate::proto::nat::lifetime::{LifetimeFacts, Range};
use crate::proto::nat::loss::Loss;
use crate::proto::nat::tcp::StreamFacts;
use crate::proto::stun::uri::Transport;

#[derive(Debug, Clone, Default, Serialize)]
pub struct NatResult {
    /// One for each interface and address family that was tried, that of the default route first.
    pub paths: Vec<PathReport>,
    /// One for each server address and interface, and one for each server that has no address.
    pub servers: Vec<ServerReport>,
    pub observations: Vec<Observation>,
    /// Which peers can be reached, over the first path that is open.
    pub reachability: Vec<Reachable>,
    /// What several rounds showed (`--repeat`, `--watch`); the rest is about the last of them.
    pub rounds: Option<Box<Rounds>>,
}

/// What was found out about one path: a local address and all that lies between it and the servers.
#[derive(Debug, Clone, Serialize)]
pub struct PathReport {
    pub family: Family,
    /// The interface that has the local address.
    pub interface: Option<String>,
    pub local_address: IpAddr,
    #[serde(flatten)]
    pub facts: PathFacts,
    /// Whether the mapping stays endpoint-independent when another host behind the same NAT holds the
    /// port.
    #[serde(flatten)]
    pub collision: CollisionFacts,
    #[serde(flatten, serialize_with = "lifetime")]
    pub lifetime: LifetimeFacts,
    /// Whether the provider translates too (RFC 6888).
    pub carrier_nat: Fact<bool>,
    /// Whether there is another NAT behind the router that this host can ask.
    pub double_nat: Fact<bool>,
    pub port_mapping: PortMapping,
    pub tcp: StreamFacts,
    /// The prefix by which this network reaches IPv4 from IPv6 (RFC 6052), as `64:ff9b::/96`.
    pub nat64_prefix: Fact<String>,
    /// Whether its servers are reached through a NAT64, be its prefix known or not.
    #[serde(skip)]
    pub via_nat64: bool,
    pub legacy_name: LegacyName,
    /// Whether the system sends to the internet over this interface and address if nobody chooses.
    pub default_route: Option<bool>,
    /// What the interface leads to, as far as its name says.
    pub interface_kind: Option<InterfaceKind>,
    /// Whether the system takes it to single servers alone, so that the verdict does not rest on it.
    #[serde(skip)]
    pub is_aside: bool,
    /// Interfaces beside this one that have a default route, too, which the system does not prefer.
    #[serde(skip)]
    pub other_default_routes: Vec<String>,
    /// What UDP shows where no server answers as it should.
    #[serde(skip)]
    pub closed: Option<Closed>,
    /// Plain requests to servers that answer, and how many of them were lost; for totals.
    #[serde(skip)]
    pub loss: Loss,
    /// Where the servers lose what the line does not.
    #[serde(skip)]
    pub limits: Option<Limits>,
}

/// The lifetime of two-way flows stands alone, too: it is what most readers look for.
fn lifetime<S: Serializer>(facts: &LifetimeFacts, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Lifetimes<'a> {
        binding_lifetime_s: &'a Fact<Range>,
        binding_lifetime: &'a LifetimeFacts,
    }
    Lifetimes {
        binding_lifetime_s: &facts.two_way,
        binding_lifetime: facts,
    }
    .serialize(serializer)
}

/// How UDP is closed for servers though some of it gets through, or that it is closed with all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Datagrams with the magic cookie of STUN are dropped, others are not.
    Stun,
    /// Other ports of the servers can be reached, and theirs cannot.
    Port,
    /// UDP gets out to a server that runs, and none comes back from it.
    Answers,
    /// The hosts can be reached, and the servers on them are silent: why is not known.
    Silent,
    /// A server answers over TCP and is silent over UDP, and no second operator was asked: this path or the
    /// server's own firewall is why.
    OneOperator,
    /// Nobody outside answers, by whatever protocol.
    Internet,
}

/// The names of RFC 3489, as a gloss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum LegacyName {
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
    UdpBlocked,
    None,
}

impl LegacyName {
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

#[derive(Debug, Clone, Serialize)]
pub struct ServerReport {
    /// As the user or the default list names it.
    pub uri: String,
    /// `None` where the name has none.
    pub address: Option<SocketAddr>,
    /// The IPv4 address that this one stands for, where a NAT64 translates it (RFC 6052).
    pub stands_for: Option<SocketAddr>,
    pub family: Option<Family>,
    /// The interface over which it was asked, if it was.
    pub interface: Option<String>,
    pub transport: Transport,
    #[serde(flatten)]
    pub facts: ServerFacts,
    pub error: Option<ErrorReport>,
}

impl ServerReport {
    /// One of which nothing is known yet.
    pub fn new(uri: String, transport: Transport, address: Option<SocketAddr>) -> Self {
        Self {
            uri,
            address,
            stands_for: None,
            family: address.map(|a| Family::of(a.ip())),
            interface: None,
            transport,
            facts: ServerFacts::default(),
            error: None,
        }
    }
}

/// What to expect with a peer of some kind.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Reachable {
    pub peer: Peer,
    pub expected: Expected,
}

impl PathReport {
    /// A report of what the UDP tests found; what they do not cover is not tested.
    pub fn new(local_address: IpAddr, interface: Option<String>, facts: PathFacts) -> Self {
        let carrier_nat = match local_address {
            IpAddr::V4(ip) if is_shared(ip.octets()) => Fact::Determined(true),
            _ => Fact::not_tested(Reason::LeftOut),
        };
        let mut report = Self {
            family: Family::of(local_address),
            interface_kind: interface.as_deref().and_then(kind_of),
            via_nat64: is_translated(local_address, &facts.reflexive_addresses),
            interface,
            local_address,
            facts,
            collision: CollisionFacts::all(&Fact::not_tested(Reason::NotAskedFor)),
            lifetime: LifetimeFacts::not_tested(Reason::NotAskedFor),
            carrier_nat,
            double_nat: Fact::not_tested(Reason::LeftOut),
            port_mapping: PortMapping::not_tested(Reason::LeftOut),
            tcp: StreamFacts::not_tested(Reason::LeftOut),
            nat64_prefix: Fact::not_tested(Reason::NotApplicable),
            legacy_name: LegacyName::None,
            default_route: None,
            is_aside: false,
            other_default_routes: Vec::new(),
            closed: None,
            loss: Loss::default(),
            limits: None,
        };
        report.legacy_name = report.legacy_name();
        report
    }

    /// Says that UDP is blocked: then nothing else about UDP can be known.
    pub fn set_blocked(&mut self) {
        self.facts = PathFacts {
            udp: Fact::Determined(Udp::Blocked),
            reflexive_addresses: std::mem::take(&mut self.facts.reflexive_addresses),
            ..PathFacts::not_tested(Reason::UdpBlocked)
        };
        self.legacy_name = LegacyName::UdpBlocked;
    }

    /// Says that UDP gets through, and the servers cannot be asked all the same: then nothing else can be
    /// known.
    pub fn set_closed(&mut self, closed: Closed) {
        self.closed = Some(closed);
        if matches!(closed, Closed::Stun | Closed::Port) {
            self.facts = PathFacts {
                udp: Fact::Determined(Udp::Open),
                ..PathFacts::not_tested(Reason::EarlierFailure)
            };
        }
    }

    /// Whether UDP is shown to get out, though servers are silent over it.
    pub fn gets_out(&self) -> bool {
        matches!(
            self.closed,
            Some(Closed::Stun | Closed::Port | Closed::Answers)
        )
    }

    /// Whether UDP is known to work.
    pub fn is_open(&self) -> bool {
        self.facts.udp == Fact::Determined(Udp::Open) && self.closed.is_none()
    }

    /// Whether all servers that answered are on this side of the internet: they see no public address.
    pub fn is_this_side(&self) -> bool {
        let seen = &self.facts.reflexive_addresses;
        let is_near = |ip: IpAddr| !is_global(ip) && !ip.is_loopback();
        !seen.is_empty() && seen.iter().all(|a| is_near(a.ip()))
    }

    /// Whether public servers see this host's own private address.
    pub fn is_seen_as_itself(&self) -> bool {
        matches!(
            self.facts.nat,
            Fact::Inconclusive {
                reason: Reason::SourceRewritten,
                ..
            }
        )
    }

    /// Whether many peers can be reached only through a relay: what a STUN server sees is not what a
    /// peer needs.
    pub fn is_strict(&self) -> bool {
        let dependent = match &self.facts.mapping {
            Fact::Determined(mapping) => *mapping != Mapping::EndpointIndependent,
            Fact::Inconclusive { reason, .. } => *reason == Reason::EndpointDependent,
            Fact::NotTested { .. } => false,
        };
        let facts = &self.facts;
        dependent
            || facts.address_pooling.value() == Some(&AddressPooling::Arbitrary)
            || facts.port_moves == Fact::Determined(true)
    }

    pub const fn is_determined(&self) -> bool {
        self.facts.mapping.is_determined() && self.facts.filtering.is_determined()
    }

    fn legacy_name(&self) -> LegacyName {
        match (
            self.facts.nat.value(),
            self.facts.mapping.value(),
            self.facts.filtering.value(),
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
