//! What one side of a session knows of its way out, as it tells the other side.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::base::bounds::{NATS, REFLEXIVE_ADDRESSES};
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::proto::nat::behavior::words::{Filtering, Mapping, Udp};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatFacts {
    pub family: Family,
    pub local_address: IpAddr,
    pub udp: Fact<Udp>,
    pub nat: Fact<bool>,
    /// RFC 4787 4.1.
    pub mapping: Fact<Mapping>,
    /// RFC 4787 5.
    pub filtering: Fact<Filtering>,
    /// RFC 4787 6.
    pub hairpinning: Fact<bool>,
    /// Whether a peer whose packet came first is given another external port.
    #[serde(default = "not_told")]
    pub port_moves: Fact<bool>,
    /// What STUN servers saw.
    pub reflexive_addresses: Vec<SocketAddr>,
}

impl NatFacts {
    /// Where UDP does not get through, so that nothing else can be known.
    pub const fn blocked(family: Family, local_address: IpAddr) -> Self {
        Self {
            family,
            local_address,
            udp: Fact::Determined(Udp::Blocked),
            nat: Fact::not_tested(Reason::UdpBlocked),
            mapping: Fact::not_tested(Reason::UdpBlocked),
            filtering: Fact::not_tested(Reason::UdpBlocked),
            hairpinning: Fact::not_tested(Reason::UdpBlocked),
            port_moves: Fact::not_tested(Reason::UdpBlocked),
            reflexive_addresses: Vec::new(),
        }
    }
}

impl NatFacts {
    /// Where a server has seen this host once, over UDP.
    pub fn seen(local_address: IpAddr, seen: SocketAddr) -> Self {
        const UNKNOWN: Reason = Reason::NoBehaviorDiscovery;
        Self {
            family: Family::of(local_address),
            local_address,
            udp: Fact::Determined(Udp::Open),
            nat: Fact::Determined(seen.ip() != local_address),
            mapping: Fact::not_tested(UNKNOWN),
            filtering: Fact::not_tested(UNKNOWN),
            hairpinning: Fact::not_tested(UNKNOWN),
            port_moves: Fact::not_tested(UNKNOWN),
            reflexive_addresses: vec![seen],
        }
    }
}

impl NatFacts {
    /// Where UDP gets out and no server told the address.
    pub const fn passing(family: Family, local_address: IpAddr) -> Self {
        const UNKNOWN: Reason = Reason::NoResponse;
        Self {
            family,
            local_address,
            udp: Fact::Determined(Udp::Open),
            nat: Fact::not_tested(UNKNOWN),
            mapping: Fact::not_tested(UNKNOWN),
            filtering: Fact::not_tested(UNKNOWN),
            hairpinning: Fact::not_tested(UNKNOWN),
            port_moves: Fact::not_tested(UNKNOWN),
            reflexive_addresses: Vec::new(),
        }
    }
}

/// What is taken of the facts that the other side tells.
pub fn bound(nats: &mut Vec<NatFacts>) {
    nats.truncate(NATS);
    for facts in nats {
        facts.reflexive_addresses.truncate(REFLEXIVE_ADDRESSES);
    }
}

/// An older version on the other side tells nothing of it.
const fn not_told() -> Fact<bool> {
    Fact::not_tested(Reason::NotImplemented)
}
