//! Asking a router for its external address and for mappings: PCP (RFC 6887), NAT-PMP (RFC 6886)
//! and the Internet Gateway Device of UPnP. Packets and documents, and what answers mean; without
//! I/O, clock or randomness.

pub mod layers;

pub mod igd;
pub mod inquiry;
pub mod nat_pmp;
pub mod pcp;
pub mod ssdp;

use std::net::IpAddr;

use serde::Serialize;

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::SendError;

/// Where PCP and NAT-PMP servers listen (RFC 6887 19.1).
pub const PORT: u16 = 5351;

/// A protocol to ask a router with, the most capable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// RFC 6887.
    Pcp,
    /// RFC 6886.
    NatPmp,
    /// The Internet Gateway Device of UPnP.
    UpnpIgd,
}

impl Protocol {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
            Self::UpnpIgd => "UPnP IGD",
        }
    }
}

/// What a router's error means, whatever the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It understands, and does not allow it: often the feature is turned off.
    NotAuthorized,
    /// It has no connection, so no external address.
    NotConnected,
    /// It has no mapping, port or memory left, or this host has too many.
    NoResources,
    /// It does not know the version, the question or an option of it.
    Unsupported,
    /// It sees the question come from another address than this host has: a NAT is in between.
    AddressMismatch,
    /// Somebody else has that external port.
    Conflict,
    /// It makes only mappings that stay until they are removed.
    PermanentOnly,
    /// There is no such mapping.
    NoSuchMapping,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code, by the rules of the protocol.
    pub code: u16,
    /// What the standard calls it, or what the router says.
    pub name: String,
    pub meaning: Meaning,
}

impl Refusal {
    pub fn text(&self) -> String {
        format!("{} (error {})", self.name, self.code)
    }
}

/// What came of asking a router with one protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    NotAsked(Reason),
    Silent,
    /// It answers that nobody listens there (ICMP).
    Closed,
    /// It could not be asked from here.
    NotSent(SendError),
    /// It has the protocol, and names these external addresses, if the protocol does. One that is
    /// unspecified stands for a connection that is down.
    Offers(Vec<IpAddr>),
    /// It has the protocol, and answers with an error.
    Declines(Refusal),
    /// It has another version of the protocol.
    OtherVersion(String),
    /// It answers, but not as the protocol has it.
    Unusable(String),
    /// The run ended before.
    Cut(Reason),
}

impl Reply {
    /// Whether the router offers the protocol to this host. "No" is all that silence can say: the
    /// router has it not, or has it turned off, or does not give it to this host.
    pub fn offered(&self) -> Fact<bool> {
        match self {
            Self::NotAsked(reason) => Fact::not_tested(*reason),
            Self::Silent | Self::Closed | Self::OtherVersion(_) => Fact::Determined(false),
            Self::Offers(_) => Fact::Determined(true),
            Self::Declines(refusal) => match refusal.meaning {
                Meaning::NotConnected | Meaning::NoResources | Meaning::Conflict => {
                    Fact::Determined(true)
                }
                Meaning::NotAuthorized | Meaning::AddressMismatch => Fact::Determined(false),
                _ => Fact::inconclusive(
                    Reason::RouterRefuses,
                    format!("the router answers: {}", refusal.text()),
                ),
            },
            Self::NotSent(error) => Fact::inconclusive(
                Reason::EarlierFailure,
                match error {
                    SendError::Forbidden => {
                        "a firewall on this machine forbids sending to the router"
                    }
                    SendError::Unreachable => "the router cannot be reached from here",
                    SendError::Refused
                    | SendError::Broadcast
                    | SendError::Rejected(_)
                    | SendError::Other => "the system could not send to the router",
                },
            ),
            Self::Unusable(why) => Fact::inconclusive(Reason::Unusable, why.clone()),
            Self::Cut(reason) => {
                Fact::inconclusive(*reason, "the run ended before the router had answered")
            }
        }
    }

    /// The external addresses that it names, without those that say that there is none.
    pub fn external_addresses(&self) -> Vec<IpAddr> {
        match self {
            Self::Offers(addresses) => addresses
                .iter()
                .copied()
                .filter(|a| !a.is_unspecified())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it says that it has no connection.
    pub fn is_unconnected(&self) -> bool {
        match self {
            Self::Offers(addresses) => {
                !addresses.is_empty() && addresses.iter().all(IpAddr::is_unspecified)
            }
            Self::Declines(refusal) => refusal.meaning == Meaning::NotConnected,
            _ => false,
        }
    }
}

/// A mapping that a router made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Granted {
    /// The external address, if the protocol says it with the mapping.
    #[serde(rename = "external_address")]
    pub address: Option<IpAddr>,
    #[serde(rename = "external_port")]
    pub port: u16,
    /// For how long, in seconds; 0 if for ever.
    pub lifetime_s: u32,
}
