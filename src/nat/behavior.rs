//! The words of RFC 4787 for what a NAT does, and the facts of one path.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::fact::{Fact, Reason};

/// Address and port mapping behaviour (RFC 4787 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mapping {
    /// One external address and port for every destination.
    EndpointIndependent,
    /// One for each destination IP address.
    AddressDependent,
    /// One for each destination IP address and port.
    AddressAndPortDependent,
}

/// Filtering behaviour (RFC 4787 5) of the whole path, NAT and host firewall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filtering {
    /// Anybody may send to a mapping that exists.
    EndpointIndependent,
    /// IP addresses that were sent to may send.
    AddressDependent,
    /// Addresses and ports that were sent to may send.
    AddressAndPortDependent,
}

/// Whether UDP gets through at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Udp {
    /// An answer came.
    Open,
    /// Nothing comes through, and the servers are known to be there.
    Blocked,
}

/// How external ports are chosen (RFC 4787 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortAssignment {
    /// The local port is kept.
    Preserved,
    /// Each new mapping gets the next port.
    Sequential,
    /// No pattern.
    Random,
}

/// IP address pooling behaviour (RFC 4787 4.1, REQ-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressPooling {
    /// One local address always has the same external address.
    Paired,
    /// It may have several.
    Arbitrary,
}

/// What was found out about one path over UDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFacts {
    /// Whether UDP gets through. [`super::discovery::Discovery`] alone never says `Blocked`: that
    /// needs proof that the servers are there.
    pub udp: Fact<Udp>,
    /// Whether the reflexive address differs from the socket's own.
    pub nat: Fact<bool>,
    /// The reflexive addresses of the mapping socket, each once, in the order seen.
    pub reflexive_addresses: Vec<SocketAddr>,
    /// Mapping behaviour.
    pub mapping: Fact<Mapping>,
    /// Filtering behaviour.
    pub filtering: Fact<Filtering>,
    /// Whether the NAT sends packets for its own external addresses back in (RFC 4787 6).
    pub hairpinning: Fact<bool>,
    /// Whether the external port is the local one (RFC 4787 4.2.1).
    pub port_preservation: Fact<bool>,
    /// The rule of external ports.
    pub port_assignment: Fact<PortAssignment>,
    /// The step of sequential assignment.
    pub port_step: Fact<i32>,
    /// Address pooling.
    pub address_pooling: Fact<AddressPooling>,
    /// Whether something on the way rewrites addresses inside packets.
    pub alg: Fact<bool>,
}

impl PathFacts {
    /// Facts of a path that was not tested.
    pub fn not_tested(reason: Reason) -> Self {
        Self {
            udp: Fact::not_tested(reason),
            nat: Fact::not_tested(reason),
            reflexive_addresses: Vec::new(),
            mapping: Fact::not_tested(reason),
            filtering: Fact::not_tested(reason),
            hairpinning: Fact::not_tested(reason),
            port_preservation: Fact::not_tested(reason),
            port_assignment: Fact::not_tested(reason),
            port_step: Fact::not_tested(reason),
            address_pooling: Fact::not_tested(reason),
            alg: Fact::not_tested(reason),
        }
    }
}

macro_rules! display_as {
    ($type:ty { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),+ })
            }
        }
    };
}

display_as!(Mapping {
    EndpointIndependent => "endpoint-independent",
    AddressDependent => "address-dependent",
    AddressAndPortDependent => "address-and-port-dependent",
});
display_as!(Filtering {
    EndpointIndependent => "endpoint-independent",
    AddressDependent => "address-dependent",
    AddressAndPortDependent => "address-and-port-dependent",
});
display_as!(Udp { Open => "open", Blocked => "blocked" });
display_as!(PortAssignment {
    Preserved => "preserved",
    Sequential => "sequential",
    Random => "random",
});
display_as!(AddressPooling { Paired => "paired", Arbitrary => "arbitrary" });
