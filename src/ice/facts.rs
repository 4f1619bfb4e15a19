//! What one side of a session knows of its way out, as it tells the other side.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::fact::Fact;
use crate::family::Family;
use crate::nat::behavior::{Filtering, Mapping, Udp};

/// The behaviour of the path of one family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatFacts {
    /// The family.
    pub family: Family,
    /// The local address that was measured from.
    pub local_address: IpAddr,
    /// Whether UDP gets through to STUN servers.
    pub udp: Fact<Udp>,
    /// Whether addresses are translated.
    pub nat: Fact<bool>,
    /// RFC 4787 4.1.
    pub mapping: Fact<Mapping>,
    /// RFC 4787 5.
    pub filtering: Fact<Filtering>,
    /// RFC 4787 6.
    pub hairpinning: Fact<bool>,
    /// What STUN servers saw.
    pub reflexive_addresses: Vec<SocketAddr>,
}
