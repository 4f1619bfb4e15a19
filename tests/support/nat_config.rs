//! What a simulated NAT or firewall does, in the terms of RFC 4787.

use std::net::IpAddr;
use std::time::Duration;

use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

/// Local sockets of the simulated client are bound to these ports; allocation that falls back
/// keeps out of them, as a home NAT with few hosts mostly does.
pub const LOCAL_PORTS: std::ops::Range<u16> = 32768..61000;

/// What the box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Translates addresses and filters.
    Nat,
    /// Nothing in the way: every datagram passes unchanged.
    None,
    /// Translates nothing; filters by what each local socket has sent.
    Firewall,
    /// Translates nothing; lets in every IP address to which *any* local socket has ever sent.
    HostFirewall,
}

/// How external ports are chosen (RFC 4787 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ports {
    /// The local port where it is free, else another.
    Preserve,
    /// The previous one plus a step.
    Sequential(i32),
    /// Any free one.
    Random,
}

/// How external IP addresses are chosen (RFC 4787 4.1, REQ-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// One for each internal IP address.
    Paired,
    /// Any one for each new mapping.
    Arbitrary,
    /// Another one for each new (internal endpoint, destination IP address), the port staying the
    /// same: what a per-session balancer over several uplinks does.
    PerSession,
}

/// Hairpinning behaviour (RFC 4787 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hairpin {
    /// Packets for the NAT's own external addresses are dropped.
    Off,
    /// They come back in with the sender's external address and port, as REQ-9 wants.
    ExternalSource,
    /// They come back in with the sender's internal address and port.
    InternalSource,
}

/// The external address changes in mid-run, as when a line reconnects: all state is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renumbering {
    /// When.
    pub at: Duration,
    /// The external IP address from then on.
    pub to: IpAddr,
}

/// Everything that a box does.
#[derive(Debug, Clone, PartialEq)]
pub struct NatConfig {
    pub kind: Kind,
    pub mapping: Mapping,
    pub filtering: Filtering,
    /// The filter looks at all that the internal endpoint has sent, through whatever mapping.
    pub filter_per_endpoint: bool,
    pub ports: Ports,
    /// External ports that other hosts hold.
    pub taken: Vec<u16>,
    /// New mappings per second of other hosts; they use up sequential ports.
    pub other_traffic: f64,
    pub externals: Vec<IpAddr>,
    pub pooling: Pooling,
    pub hairpin: Hairpin,
    /// Whether hairpinned packets have to pass the filter too.
    pub hairpin_filtering: bool,
    /// An application-level gateway puts the local address into MAPPED-ADDRESS.
    pub alg: bool,
    /// Linux masquerade on a router that accepts stray packets: one connection for each
    /// (local, destination) pair, port preserving and overloading, and an unsolicited packet from
    /// a peer is remembered, so that a later packet to that peer gets another port.
    pub conntrack: bool,
    pub renumbering: Option<Renumbering>,
    /// No UDP at all.
    pub blocked: bool,
}

impl NatConfig {
    /// A NAT with one external address, random ports and no hairpinning.
    pub fn nat(mapping: Mapping, filtering: Filtering) -> Self {
        Self {
            kind: Kind::Nat,
            mapping,
            filtering,
            filter_per_endpoint: false,
            ports: Ports::Random,
            taken: Vec::new(),
            other_traffic: 0.0,
            externals: vec![IpAddr::from([203, 0, 113, 5])],
            pooling: Pooling::Paired,
            hairpin: Hairpin::Off,
            hairpin_filtering: false,
            alg: false,
            conntrack: false,
            renumbering: None,
            blocked: false,
        }
    }

    /// The open Internet.
    pub fn open() -> Self {
        Self {
            kind: Kind::None,
            ..Self::nat(Mapping::EndpointIndependent, Filtering::EndpointIndependent)
        }
    }

    /// A public address behind a stateful firewall.
    pub fn firewall(filtering: Filtering) -> Self {
        Self {
            kind: Kind::Firewall,
            ..Self::nat(Mapping::EndpointIndependent, filtering)
        }
    }

    /// A public address behind a firewall whose state is for the whole host.
    pub fn host_firewall() -> Self {
        Self {
            kind: Kind::HostFirewall,
            ..Self::nat(Mapping::EndpointIndependent, Filtering::AddressDependent)
        }
    }

    /// Linux masquerade, see [`NatConfig::conntrack`].
    pub fn linux() -> Self {
        Self {
            conntrack: true,
            ports: Ports::Preserve,
            ..Self::nat(
                Mapping::EndpointIndependent,
                Filtering::AddressAndPortDependent,
            )
        }
    }
}
