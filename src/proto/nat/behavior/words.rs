//! The words of RFC 4787 for what a NAT does, and the facts of one path.

use std::convert::Infallible;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use strum::Display;

use crate::base::fact::{Fact, Reason};

/// Address and port mapping behaviour (RFC 4787 4.1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Mapping {
    /// One external address and port for every destination.
    EndpointIndependent,
    /// One for each destination IP address.
    AddressDependent,
    /// One for each destination IP address and port.
    AddressAndPortDependent,
}

/// Filtering behaviour (RFC 4787 5) of the whole path, NAT and host firewall together.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Filtering {
    /// Anybody may send to a mapping that exists.
    EndpointIndependent,
    /// IP addresses that were sent to may send.
    AddressDependent,
    /// Addresses and ports that were sent to may send.
    AddressAndPortDependent,
}

/// Whether UDP gets through at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Udp {
    Open,
    /// Nothing comes through, and the servers are known to be there.
    Blocked,
}

/// How external ports are chosen (RFC 4787 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PortAssignment {
    /// The local port is kept.
    Preserved,
    /// Each new mapping gets the next port.
    Sequential,
    /// No pattern.
    Random,
}

/// IP address pooling behaviour (RFC 4787 4.1, REQ-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AddressPooling {
    /// One local address always has the same external address.
    Paired,
    /// It may have several.
    Arbitrary,
}

/// What was found out about one path over UDP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathFacts {
    /// Whether UDP gets through. [`crate::proto::nat::behavior::Discovery`] alone never says `Blocked`: that
    /// needs proof that the servers are there.
    pub udp: Fact<Udp>,
    /// Whether the reflexive address differs from the socket's own.
    pub nat: Fact<bool>,
    /// The reflexive addresses of the mapping socket, each once, in the order seen.
    pub reflexive_addresses: Vec<SocketAddr>,
    pub mapping: Fact<Mapping>,
    pub filtering: Fact<Filtering>,
    /// Whether the NAT sends packets for its own external addresses back in (RFC 4787 6).
    pub hairpinning: Fact<bool>,
    /// Whether the external port is the local one (RFC 4787 4.2.1).
    pub port_preservation: Fact<bool>,
    pub port_assignment: Fact<PortAssignment>,
    /// The step of sequential assignment.
    pub port_step: Fact<i32>,
    pub address_pooling: Fact<AddressPooling>,
    /// Whether something on the way rewrites addresses inside packets.
    pub alg: Fact<bool>,
    /// Whether the NAT gives a peer another external port if the peer's packet came first: it has kept
    /// the packet that it did not let in, and takes the port for its own.
    pub port_moves: Fact<bool>,
}

impl PathFacts {
    /// Nothing is known.
    pub fn all(why: &Fact<Infallible>) -> Self {
        Self {
            udp: why.unknown(),
            nat: why.unknown(),
            reflexive_addresses: Vec::new(),
            mapping: why.unknown(),
            filtering: why.unknown(),
            hairpinning: why.unknown(),
            port_preservation: why.unknown(),
            port_assignment: why.unknown(),
            port_step: why.unknown(),
            address_pooling: why.unknown(),
            alg: why.unknown(),
            port_moves: why.unknown(),
        }
    }

    pub fn not_tested(reason: Reason) -> Self {
        Self::all(&Fact::not_tested(reason))
    }
}
