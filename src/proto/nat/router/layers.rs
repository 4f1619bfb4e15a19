//! Which NATs lie one behind the other: rules on the local address, the router's own external
//! address and the addresses that servers see. (RFC 6598, RFC 6888; RFC 6886 3.2 for the router's.)

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::address::{is_global, is_shared, is_unicast};
use crate::proto::nat::router::{Protocol, Reply};

#[derive(Debug, Clone)]
pub struct Layers<'a> {
    pub local: IpAddr,
    /// Whether it belongs to a tunnel, where others than carriers use 100.64.0.0/10.
    pub tunnel: bool,
    /// The router that was asked.
    pub router: Option<IpAddr>,
    /// Whether it is the first hop to the servers that saw the reflexive addresses.
    pub on_path: bool,
    /// What it says its external address is.
    pub external: &'a Fact<IpAddr>,
    /// What servers see.
    pub reflexive: &'a [IpAddr],
    /// Whether there is a NAT on the path.
    pub nat: &'a Fact<bool>,
}

impl Layers<'_> {
    pub fn carrier_nat(&self) -> Fact<bool> {
        if shared(self.local) {
            return if self.tunnel {
                Fact::inconclusive(
                    Reason::OwnerUnknown,
                    format!(
                        "the local address {} is in 100.64.0.0/10 (RFC 6598), but belongs to a tunnel, and VPNs use that range too",
                        self.local
                    ),
                )
            } else {
                Fact::Determined(true)
            };
        }
        if self.nat.value() == Some(&false) {
            return Fact::not_tested(Reason::NoNat);
        }
        let external = match self.trusted_external() {
            Ok(external) => external,
            Err(unknown) => return unknown,
        };
        if shared(external) {
            return Fact::Determined(true);
        }
        match self.double_nat() {
            Fact::Determined(true) => Fact::inconclusive(
                Reason::OwnerUnknown,
                format!(
                    "there is a NAT behind the router, and the router's external address {external} does not tell whose it is: the provider's, or another router's in this house"
                ),
            ),
            other => other,
        }
    }

    pub fn double_nat(&self) -> Fact<bool> {
        if self.nat.value() == Some(&false) {
            return Fact::not_tested(Reason::NoNat);
        }
        let external = match self.trusted_external() {
            Ok(external) => external,
            Err(unknown) => return unknown,
        };
        let seen: BTreeSet<IpAddr> = self.reflexive.iter().copied().collect();
        if seen.is_empty() {
            return Fact::inconclusive(
                Reason::NoResponse,
                format!(
                    "no server says which address it sees, so there is nothing to compare the router's {external} with"
                ),
            );
        }
        let public = seen.iter().any(|ip| is_global(*ip));
        if !is_global(external) && public && !seen.contains(&external) {
            return Fact::Determined(true);
        }
        if seen.len() > 1 {
            return Fact::inconclusive(
                Reason::AddressPooling,
                format!(
                    "servers see several addresses ({}), the router names {external}",
                    listed(&seen)
                ),
            );
        }
        if seen.contains(&external) {
            return Fact::Determined(false);
        }
        Fact::inconclusive(
            Reason::AddressMismatch,
            format!(
                "servers see {}, the router names {external}: another NAT or VPN behind it, or a second address or uplink of the router itself",
                listed(&seen)
            ),
        )
    }

    /// The router's external address, if it bears on this path.
    fn trusted_external(&self) -> Result<IpAddr, Fact<bool>> {
        let external = match self.external {
            Fact::Determined(external) => *external,
            Fact::Inconclusive {
                reason: Reason::RouterNotConnected,
                ..
            } if self.on_path && self.reflexive.iter().any(|ip| is_global(*ip)) => {
                return Err(Fact::inconclusive(
                    Reason::RouterNotConnected,
                    "the router says that it has no public address, yet servers are reached over it: most likely it is itself behind a NAT",
                ));
            }
            other => return Err(other.clone().map(|_| false)),
        };
        if !self.on_path {
            return Err(Fact::inconclusive(
                Reason::RouterNotOnPath,
                "the servers are not reached through the router that was asked",
            ));
        }
        if external == self.local || Some(external) == self.router {
            return Err(Fact::inconclusive(
                Reason::Unusable,
                format!(
                    "the router names {external} as its external address, but that is an address of this network"
                ),
            ));
        }
        Ok(external)
    }
}

/// The one external address that a router names, from the answers of all protocols.
pub fn external_address(answers: &[(Protocol, &Reply)]) -> Fact<IpAddr> {
    let named: Vec<(Protocol, IpAddr)> = answers
        .iter()
        .flat_map(|(protocol, said)| {
            let addresses = said.external_addresses();
            addresses.into_iter().map(|address| (*protocol, address))
        })
        .collect();
    let different: BTreeSet<IpAddr> = named.iter().map(|(_, address)| *address).collect();
    let mut unique = different.into_iter();
    match (unique.next(), unique.next()) {
        (Some(address), None) => return checked(address),
        (Some(_), Some(_)) => {
            let mut texts: Vec<String> = named
                .iter()
                .map(|(protocol, address)| format!("{address} by {}", protocol.name()))
                .collect();
            texts.dedup();
            return Fact::inconclusive(
                Reason::Contradiction,
                format!(
                    "the router names several external addresses: {}",
                    texts.join(", ")
                ),
            );
        }
        (None, _) => {}
    }
    if answers.iter().any(|(_, said)| said.is_unconnected()) {
        return Fact::inconclusive(
            Reason::RouterNotConnected,
            "the router says that it has no public address: its connection is down, or it is itself behind a NAT",
        );
    }
    unknown(answers)
}

/// An address that can be one of a router's external side.
fn checked(address: IpAddr) -> Fact<IpAddr> {
    let usable = match address {
        IpAddr::V4(v4) => is_unicast(address) && !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(_) => false,
    };
    if usable {
        Fact::Determined(address)
    } else {
        Fact::inconclusive(
            Reason::Unusable,
            format!("the router names {address}, which cannot be its external address"),
        )
    }
}

/// Why no address is known, by the answer that says most.
fn unknown(answers: &[(Protocol, &Reply)]) -> Fact<IpAddr> {
    let facts: Vec<(Protocol, &Reply, Fact<bool>)> = answers
        .iter()
        .map(|(protocol, said)| (*protocol, *said, said.offered()))
        .collect();
    let refusal = facts.iter().find_map(|(protocol, said, _)| match said {
        Reply::Declines(refusal) => Some(format!(
            "the router answers over {}: {}",
            protocol.name(),
            refusal.text()
        )),
        _ => None,
    });
    if let Some(detail) = refusal {
        return Fact::inconclusive(Reason::RouterRefuses, detail);
    }
    if let Some((_, _, Fact::Inconclusive { reason, detail })) = facts
        .iter()
        .find(|(_, _, fact)| matches!(fact, Fact::Inconclusive { .. }))
    {
        return Fact::inconclusive(*reason, detail.clone());
    }
    if facts
        .iter()
        .any(|(_, _, fact)| *fact == Fact::Determined(true))
    {
        // PCP names it only with a mapping (RFC 6887 11.1).
        return Fact::inconclusive(
            Reason::NotAskedFor,
            "the router offers only PCP, which names the external address only with a mapping: see --port-mapping-test",
        );
    }
    // What was not asked says why; where several were, the rest offers nothing.
    let asked = facts
        .iter()
        .any(|(_, said, _)| !matches!(said, Reply::NotAsked(_)));
    let reason = facts.iter().find_map(|(_, said, _)| match said {
        Reply::NotAsked(reason) => Some(*reason),
        _ => None,
    });
    match reason {
        Some(reason) if !asked || reason == Reason::NotApplicable => Fact::not_tested(reason),
        _ => Fact::not_tested(Reason::NoPortControl),
    }
}

fn shared(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(ip) if is_shared(ip.octets()))
}

fn listed(addresses: &BTreeSet<IpAddr>) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
