//! What one side has in one family, as far as predictions need it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::Side;
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::ice::candidate::CandidateType;
use crate::nat::address::{is_global, is_shared};
use crate::nat::behavior::Mapping;
pub(super) use crate::nat::behavior::Udp;
use crate::nat::reachability::{Behavior, Peer};

/// One side in one family.
#[derive(Debug)]
pub(super) struct View {
    pub family: Family,
    /// Of candidates that are not relayed.
    addresses: BTreeSet<IpAddr>,
    /// Of host candidates.
    hosts: BTreeSet<IpAddr>,
    /// Where STUN servers see it, and its own address where there is no NAT.
    pub public: BTreeSet<IpAddr>,
    /// Those that its behaviour was measured at.
    measured: BTreeSet<IpAddr>,
    pub has_relay: bool,
    /// An answer to a STUN request shows that it is open.
    pub udp: Option<Udp>,
    pub hairpinning: Option<bool>,
    has_nat: Option<bool>,
    known: Behavior,
    /// Every behaviour that the facts leave open.
    pub possible: Vec<Peer>,
}

impl View {
    pub(super) fn new(side: Side<'_>, family: Family) -> Self {
        use CandidateType::{Host, Prflx, Relay, Srflx};
        let facts = side.nats.iter().find(|nat| nat.family == family);
        let of = |kinds: &[CandidateType]| -> BTreeSet<IpAddr> {
            let all = side.candidates.iter();
            all.filter(|c| kinds.contains(&c.kind))
                .map(|c| c.address.ip())
                .filter(|ip| Family::of(*ip) == family)
                .collect()
        };
        let hosts = of(&[Host]);
        let has_nat = facts.and_then(|f| f.nat.value().copied());
        let mut measured: BTreeSet<IpAddr> = facts
            .iter()
            .flat_map(|f| f.reflexive_addresses.iter())
            .map(SocketAddr::ip)
            .collect();
        if has_nat == Some(false) {
            measured.extend(facts.map(|f| f.local_address));
        }
        let public: BTreeSet<IpAddr> = measured.union(&of(&[Srflx])).copied().collect();
        let known = Behavior {
            // Without a NAT there is one address for all destinations.
            mapping: match has_nat {
                Some(false) => Some(Mapping::EndpointIndependent),
                _ => facts.and_then(|f| f.mapping.value().copied()),
            },
            filtering: facts.and_then(|f| f.filtering.value().copied()),
        };
        let depends = facts.is_some_and(|f| {
            matches!(
                f.mapping,
                Fact::Inconclusive {
                    reason: Reason::EndpointDependent,
                    ..
                }
            )
        });
        let ruled_out = |p: &Peer| depends && p.mapping == Mapping::EndpointIndependent;
        Self {
            family,
            addresses: of(&[Host, Srflx, Prflx]),
            hosts,
            has_relay: !of(&[Relay]).is_empty(),
            udp: if public.is_empty() {
                facts.and_then(|f| f.udp.value().copied())
            } else {
                Some(Udp::Open)
            },
            public,
            measured,
            hairpinning: facts.and_then(|f| f.hairpinning.value().copied()),
            has_nat,
            known,
            possible: known.possible().filter(|p| !ruled_out(p)).collect(),
        }
    }

    /// Whether it has any that are not relayed.
    pub(super) fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    pub(super) fn is_loopback_only(&self) -> bool {
        self.addresses.iter().all(IpAddr::is_loopback)
    }

    /// Whether nothing but private addresses are known of it.
    pub(super) fn is_hidden(&self) -> bool {
        self.public.is_empty() && !self.hosts.iter().any(|ip| is_global(*ip))
    }

    /// Whether it has an address of 100.64.0.0/10 (RFC 6598).
    pub(super) fn has_shared_address(&self) -> bool {
        self.hosts.iter().any(|ip| is_of_carrier(*ip))
    }

    /// Whether it is seen at addresses where its behaviour was not measured.
    pub(super) fn has_other_ways(&self) -> bool {
        !self.public.is_subset(&self.measured)
    }

    /// Whether all behaviours that are possible map independently of the endpoint.
    pub(super) fn is_independent(&self) -> bool {
        self.known.mapping == Some(Mapping::EndpointIndependent)
    }

    pub(super) fn is_same_host_as(&self, other: &Self) -> bool {
        let outside = |view: &Self| -> BTreeSet<IpAddr> {
            let hosts = view.hosts.iter().copied();
            hosts.filter(|ip| !ip.is_loopback()).collect()
        };
        !outside(self).is_empty() && outside(self) == outside(other)
    }

    /// Whether the two have different private addresses that may be of one link. The same address
    /// on both sides is that of a bridge to containers, or shows two networks.
    pub(super) fn shares_subnet_with(&self, other: &Self) -> bool {
        self.hosts.iter().any(|a| {
            let mut others = other.hosts.iter().filter(|b| *b != a);
            others.any(|b| subnet(*a).is_some_and(|net| subnet(*b) == Some(net)))
        })
    }

    /// In the words of RFC 4787.
    pub(super) fn behavior(&self) -> String {
        let filtering = match self.known.filtering {
            Some(filtering) => format!("{filtering} filtering"),
            None => "filtering that is not known".to_owned(),
        };
        if self.has_nat == Some(false) {
            return format!("no NAT and {filtering}");
        }
        match self.known.mapping {
            Some(mapping) => format!("{mapping} mapping and {filtering}"),
            None => format!("mapping that is not known and {filtering}"),
        }
    }
}

fn is_of_carrier(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if is_shared(v4.octets()))
}

/// The subnet that an address on a private link is of, by the usual prefix lengths: signalling does
/// not tell the real ones. Carriers keep their customers apart.
fn subnet(ip: IpAddr) -> Option<[u8; 8]> {
    let mut net = [0; 8];
    match ip {
        _ if ip.is_loopback() || is_of_carrier(ip) => return None,
        IpAddr::V4(v4) => net[..3].copy_from_slice(&v4.octets()[..3]),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => return None,
        IpAddr::V6(v6) => net.copy_from_slice(&v6.octets()[..8]),
    }
    Some(net)
}
