//! A fact with three possible states, so that "unknown" can never be read as "no".

use std::convert::Infallible;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{SerializeStruct, Serializer};

use crate::base::codes::Code;

/// A statement about the network: known, not to be had, or not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It was measured.
    Determined(T),
    /// It was tried, and the answer cannot be trusted or did not come.
    Inconclusive {
        /// The reason as a code.
        reason: Reason,
        /// The reason as text for a person.
        detail: String,
    },
    /// It was not tried.
    NotTested {
        /// Why not.
        reason: Reason,
    },
}

impl<T> Fact<T> {
    /// An inconclusive fact.
    pub fn inconclusive(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Inconclusive {
            reason,
            detail: detail.into(),
        }
    }

    /// A fact that was not tested.
    pub const fn not_tested(reason: Reason) -> Self {
        Self::NotTested { reason }
    }

    /// The value, if it is known.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Determined(value) => Some(value),
            _ => None,
        }
    }

    /// Whether the value is known.
    pub const fn is_determined(&self) -> bool {
        matches!(self, Self::Determined(_))
    }

    /// The same status for another type; a value is mapped.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Determined(value) => Fact::Determined(f(value)),
            Self::Inconclusive { reason, detail } => Fact::Inconclusive { reason, detail },
            Self::NotTested { reason } => Fact::NotTested { reason },
        }
    }
}

impl Fact<Infallible> {
    /// What is not known, for a fact of any type.
    pub fn unknown<T>(&self) -> Fact<T> {
        self.clone().map(|never| match never {})
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Fact", 3)?;
        match self {
            Self::Determined(value) => {
                map.serialize_field("status", "determined")?;
                map.serialize_field("value", value)?;
            }
            Self::Inconclusive { reason, detail } => {
                map.serialize_field("status", "inconclusive")?;
                map.serialize_field("reason", reason)?;
                map.serialize_field("detail", detail)?;
            }
            Self::NotTested { reason } => {
                map.serialize_field("status", "not-tested")?;
                map.serialize_field("reason", reason)?;
            }
        }
        map.end()
    }
}

/// The fact as it comes from the other side of a session.
#[derive(serde::Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum Wire<T> {
    Determined {
        value: T,
    },
    Inconclusive {
        reason: Reason,
        #[serde(default)]
        detail: String,
    },
    NotTested {
        reason: Reason,
    },
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Determined { value } => Self::Determined(value),
            Wire::Inconclusive { reason, detail } => {
                // It may go to a terminal.
                let detail = crate::base::words::printable(&detail);
                let said_nothing = detail.is_empty();
                Self::Inconclusive {
                    reason,
                    detail: if said_nothing {
                        reason.text().to_owned()
                    } else {
                        detail
                    },
                }
            }
            Wire::NotTested { reason } => Self::NotTested { reason },
        })
    }
}

/// Why a fact is not determined. In JSON the name in kebab-case.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    serde::Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// No server answered.
    NoResponse,
    /// Servers answer, all with an error.
    StunError,
    /// Servers answer, and nothing can be read.
    Malformed,
    /// Servers answer, from addresses that were not asked.
    WrongSource,
    /// UDP does not get through, so nothing can be measured over it.
    UdpBlocked,
    /// No server offers NAT behaviour discovery (RFC 5780).
    NoBehaviorDiscovery,
    /// CHANGE-REQUEST was answered from the primary address.
    ServerIgnoresChangeRequest,
    /// CHANGE-REQUEST was not answered even where no filter can be in the way.
    ServerDropsChangeRequest,
    /// The alternate address of the server does not answer.
    AlternateUnreachable,
    /// The alternate address cannot be sent to from this host.
    NoWayToAlternate,
    /// Only one server address answered.
    SingleServer,
    /// The mapping depends on the destination; what part of it cannot be told.
    EndpointDependent,
    /// The alternate address had been sent to before filtering was tested.
    AlternateVisited,
    /// The only answers have an address that a gateway on the way may have written.
    PlainAddressOnly,
    /// Something before the servers rewrites addresses, so none of them sees this host.
    SourceRewritten,
    /// Answers contradict each other.
    Contradiction,
    /// The mapping changed while it was measured.
    MappingChanged,
    /// The external address changes from one mapping to the next.
    AddressPooling,
    /// Too many packets are lost to tell silence from loss.
    PacketLoss,
    /// The filter keeps the answer from being seen.
    Filtered,
    /// Too few samples.
    TooFewSamples,
    /// Too few server addresses to tell.
    TooFewServers,
    /// Other traffic took ports in between.
    OtherTraffic,
    /// There is no NAT, so the question does not arise.
    NoNat,
    /// The question does not arise, given another fact.
    NotApplicable,
    /// The answers carry no MAPPED-ADDRESS beside XOR-MAPPED-ADDRESS.
    NoMappedAddress,
    /// Not needed: UDP works.
    UdpOpen,
    /// No server was named that is asked over UDP.
    NoUdpServer,
    /// The server's policy forbids what the test needs.
    PolicyForbids,
    /// The server relays no addresses of that family.
    FamilyNotRelayed,
    /// There are no credentials to ask with.
    NoCredentials,
    /// What it builds on failed.
    EarlierFailure,
    /// Left out, as a flag asks for.
    LeftOut,
    /// Only done when a flag asks for it.
    NotAskedFor,
    /// The path has no router to ask.
    NoRouter,
    /// The router has no protocol that it could be asked with.
    NoPortControl,
    /// The router answers with an error.
    RouterRefuses,
    /// What answers cannot be used, since it does not keep to the standard.
    Unusable,
    /// The router says that it has no external address.
    RouterNotConnected,
    /// The servers are not behind the router that was asked.
    RouterNotOnPath,
    /// The router names another external address than the servers see.
    AddressMismatch,
    /// Another NAT stands between the router and the servers.
    SecondNat,
    /// There is another NAT, and whose it is cannot be told.
    OwnerUnknown,
    /// Packets come in without a mapping, too.
    OpenWithoutMapping,
    /// This host has no second address to test from.
    NoSecondAddress,
    /// The NAT does not keep ports, so two hosts with the same port do not meet.
    PortNotPreserved,
    /// No server can be made to answer to another port, or later.
    NoResponsePort,
    /// The prefix by which to reach IPv4 from IPv6 is not known.
    NoNat64Prefix,
    /// This version has no test for it.
    NotImplemented,
    /// The run was interrupted before the answer was there.
    Interrupted,
    /// The time given with `--timeout` ended before the answer was there.
    Timeout,
    /// A reason that only a newer version knows, from the other side of a session.
    #[serde(other)]
    Unknown,
}

impl Reason {
    /// The same among all that the program can say.
    pub fn code(self) -> Code {
        let name: &str = self.into();
        name.parse().expect("every reason is a code")
    }

    /// The reason in a few words, for a table cell.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoResponse => "no server answered",
            Self::StunError => "servers answer with errors",
            Self::Malformed => "servers' answers are unreadable",
            Self::WrongSource => "servers answer from elsewhere",
            Self::UdpBlocked => "UDP is blocked",
            Self::NoBehaviorDiscovery => "no server offers RFC 5780",
            Self::ServerIgnoresChangeRequest => "server ignores CHANGE-REQUEST",
            Self::ServerDropsChangeRequest => "server drops CHANGE-REQUEST",
            Self::AlternateUnreachable => "server's other address is silent",
            Self::NoWayToAlternate => "no way to the server's other address",
            Self::SingleServer => "only one server address answered",
            Self::EndpointDependent => "depends on the endpoint",
            Self::AlternateVisited => "other address contacted before",
            Self::PlainAddressOnly => "only plain MAPPED-ADDRESS, local",
            Self::SourceRewritten => "no server sees this host",
            Self::Contradiction => "answers contradict each other",
            Self::MappingChanged => "the mapping changed meanwhile",
            Self::AddressPooling => "the external address changes",
            Self::PacketLoss => "too much packet loss",
            Self::Filtered => "the filter hides it",
            Self::TooFewServers => "too few servers to tell",
            Self::TooFewSamples => "too few samples",
            Self::OtherTraffic => "other traffic in between",
            Self::NoNat => "there is no NAT",
            Self::NotApplicable => "does not apply",
            Self::NoMappedAddress => "no server sends MAPPED-ADDRESS",
            Self::NoUdpServer => "no server named for UDP",
            Self::UdpOpen => "not needed, UDP works",
            Self::PolicyForbids => "the server's policy forbids the test",
            Self::FamilyNotRelayed => "the server relays no such address",
            Self::NoCredentials => "no credentials",
            Self::EarlierFailure => "an earlier step failed",
            Self::LeftOut => "left out",
            Self::NotAskedFor => "not asked for",
            Self::NoRouter => "no router to ask",
            Self::NoPortControl => "router offers no protocol for it",
            Self::RouterRefuses => "the router refuses",
            Self::Unusable => "the answer cannot be used",
            Self::RouterNotConnected => "router has no external address",
            Self::RouterNotOnPath => "the router is not on the path",
            Self::AddressMismatch => "router and servers disagree",
            Self::SecondNat => "another NAT behind the router",
            Self::OwnerUnknown => "cannot tell whose NAT it is",
            Self::OpenWithoutMapping => "also open without a mapping",
            Self::NoSecondAddress => "no second local address",
            Self::PortNotPreserved => "the NAT keeps no ports",
            Self::NoResponsePort => "no server supports RESPONSE-PORT",
            Self::NoNat64Prefix => "NAT64 prefix not known",
            Self::NotImplemented => "not in this version",
            Self::Interrupted => "interrupted",
            Self::Timeout => "out of time",
            Self::Unknown => "for a reason that only a newer version knows",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_of_the_other_side_always_says_why_it_is_not_known() {
        for (json, expected) in [
            (
                r#"{"status":"inconclusive","reason":"timeout"}"#,
                "out of time",
            ),
            (
                r#"{"status":"inconclusive","reason":"timeout","detail":"\u001b"}"#,
                "\\u{1b}",
            ),
            (
                r#"{"status":"inconclusive","reason":"of-tomorrow","detail":"so"}"#,
                "so",
            ),
        ] {
            let fact: Fact<bool> = serde_json::from_str(json).expect("valid");
            assert!(
                matches!(&fact, Fact::Inconclusive { detail, .. } if detail == expected),
                "{fact:?}"
            );
        }
    }
}
