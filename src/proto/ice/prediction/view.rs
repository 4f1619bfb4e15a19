//! What one side has in one family, as far as predictions need it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::prediction::Side;
use crate::proto::nat::address::{is_global, is_shared};
use crate::proto::nat::behavior::reachability::{Behavior, Peer};
pub(in crate::proto::ice) use crate::proto::nat::behavior::words::Udp;
use crate::proto::nat::behavior::words::{Filtering, Mapping};

/// One side in one family.
#[derive(Debug, Clone)]
pub(in crate::proto::ice) struct View {
    pub family: Family,
    /// Of candidates that are not relayed.
    addresses: BTreeSet<IpAddr>,
    /// Of host candidates.
    hosts: BTreeSet<IpAddr>,
    /// Where STUN servers see it, and its own address where there is no NAT.
    pub public: BTreeSet<IpAddr>,
    /// Where TURN servers see it, over whatever transport.
    egress: BTreeSet<IpAddr>,
    /// Those that its behaviour was measured at.
    measured: BTreeSet<IpAddr>,
    /// Where servers see the socket that was measured.
    seen_at: BTreeSet<IpAddr>,
    pub has_relay: bool,
    /// An answer to a STUN request shows that it is open.
    pub udp: Option<Udp>,
    pub hairpinning: Option<bool>,
    /// Whether one socket may leave from another external address than the one that was seen.
    pub is_pooled: bool,
    /// Whether the other side may find another port than the one that was seen, if it is the first.
    pub moves_port: bool,
    has_nat: Option<bool>,
    known: Behavior,
    /// Every behaviour that the facts leave open.
    pub possible: Vec<Peer>,
}

impl View {
    pub(in crate::proto::ice) fn new(side: Side<'_>, family: Family) -> Self {
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
        let mut public: BTreeSet<IpAddr> = measured.union(&of(&[Srflx])).copied().collect();
        let mut seen_at: BTreeSet<IpAddr> = facts
            .iter()
            .flat_map(|f| f.reflexive_addresses.iter())
            .map(SocketAddr::ip)
            .collect();
        // What is seen from inside, or by a server behind something that rewrites addresses, is no address
        // of it beside one that is.
        let has_stranger =
            public.iter().any(|ip| is_global(*ip)) && public.iter().any(|ip| !is_global(*ip));
        if has_stranger {
            for seen in [&mut public, &mut measured, &mut seen_at] {
                seen.retain(|ip| is_global(*ip));
            }
        }
        let relays = side.candidates.iter().filter(|c| c.kind == Relay);
        let egress = relays
            .filter_map(|c| c.related.map(|at| at.ip()))
            .filter(|ip| Family::of(*ip) == family && is_global(*ip))
            .collect();
        let known = Behavior {
            // Without a NAT there is one address for all destinations.
            mapping: match has_nat {
                Some(false) => Some(Mapping::EndpointIndependent),
                _ => facts.and_then(|f| f.mapping.value().copied()),
            },
            filtering: facts.and_then(|f| f.filtering.value().copied()),
        };
        let unclear_for = |wanted: Reason| {
            let mapping = facts.map(|f| &f.mapping);
            matches!(mapping, Some(Fact::Inconclusive { reason, .. }) if *reason == wanted)
        };
        let depends = unclear_for(Reason::EndpointDependent);
        // One socket that all servers see at one address is not spoilt by what other sockets get.
        let keeps_address = known.mapping == Some(Mapping::EndpointIndependent);
        let is_pooled = (unclear_for(Reason::AddressPooling) && !has_stranger)
            || (seen_at.len() > 1 && !keeps_address);
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
            seen_at,
            egress,
            is_pooled,
            moves_port: facts.is_some_and(|f| f.port_moves == Fact::Determined(true)),
            hairpinning: facts.and_then(|f| f.hairpinning.value().copied()),
            has_nat,
            known,
            possible: known.possible().filter(|p| !ruled_out(p)).collect(),
        }
    }

    /// Both sides of a session. An address that a server sees both at, far from where others see either, is that of
    /// something before the server.
    pub(in crate::proto::ice) fn of_both(
        local: Side<'_>,
        remote: Side<'_>,
        family: Family,
    ) -> (Self, Self) {
        let (mut local, mut remote) = (Self::new(local, family), Self::new(remote, family));
        // What servers of its own network see of a side is no address of it on the internet, where the other side is.
        if local.is_seen_outside() {
            remote.forget_inside();
        } else if remote.is_seen_outside() {
            local.forget_inside();
        }
        let strangers: Vec<IpAddr> = local
            .public
            .intersection(&remote.public)
            .copied()
            .filter(|ip| local.is_far(*ip) && remote.is_far(*ip))
            .collect();
        let others = |view: &Self| -> BTreeSet<IpAddr> {
            let all = view.public.iter().copied();
            all.filter(|ip| !strangers.contains(ip)).collect()
        };
        if strangers.is_empty() || !others(&local).is_disjoint(&others(&remote)) {
            return (local, remote);
        }
        (local.without(&strangers), remote.without(&strangers))
    }

    fn is_seen_outside(&self) -> bool {
        self.public.iter().any(|ip| is_global(*ip))
    }

    fn forget_inside(&mut self) {
        for seen in [&mut self.public, &mut self.measured, &mut self.seen_at] {
            seen.retain(|ip| is_global(*ip) || ip.is_unspecified());
        }
    }

    /// Whether servers see this side at others too, all of another network than this one.
    fn is_far(&self, ip: IpAddr) -> bool {
        let mut others = self.public.iter().filter(|other| **other != ip).peekable();
        others.peek().is_some() && others.all(|other| !is_of_one_operator(*other, ip))
    }

    fn without(mut self, strangers: &[IpAddr]) -> Self {
        for seen in [&mut self.public, &mut self.measured, &mut self.seen_at] {
            seen.retain(|ip| !strangers.contains(ip));
        }
        self.is_pooled = self.seen_at.len() > 1 && !self.is_independent();
        self
    }

    /// Whether it has any that are not relayed.
    pub(in crate::proto::ice) fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    pub(in crate::proto::ice) fn is_loopback_only(&self) -> bool {
        self.addresses.iter().all(IpAddr::is_loopback)
    }

    /// Whether nothing but private addresses are known of it.
    pub(in crate::proto::ice) fn is_hidden(&self) -> bool {
        self.public.is_empty() && !self.hosts.iter().any(|ip| is_global(*ip))
    }

    /// The addresses of its own that it has told, in words.
    pub(in crate::proto::ice) fn own_addresses(&self) -> Vec<String> {
        self.hosts.iter().map(ToString::to_string).collect()
    }

    /// Whether it has an address of 100.64.0.0/10 (RFC 6598).
    pub(in crate::proto::ice) fn has_shared_address(&self) -> bool {
        self.hosts.iter().any(|ip| is_of_carrier(*ip))
    }

    /// Whether it is seen at addresses where its behaviour was not measured.
    pub(in crate::proto::ice) fn has_other_ways(&self) -> bool {
        !self.public.is_subset(&self.measured)
    }

    /// Whether all behaviours that are possible map independently of the endpoint.
    pub(in crate::proto::ice) fn is_independent(&self) -> bool {
        self.known.mapping == Some(Mapping::EndpointIndependent)
    }

    /// The same side with a router that keeps a port whoever is first.
    pub(in crate::proto::ice) fn without_moves(&self) -> Self {
        Self {
            moves_port: false,
            ..self.clone()
        }
    }

    /// Whether it has told an address that can be reached from outside: one where servers see it, or
    /// one of its own that is global and not known to be behind a NAT.
    pub(in crate::proto::ice) fn is_told(&self) -> bool {
        self.has_own_public() || self.addresses.iter().any(|ip| self.public.contains(ip))
    }

    /// Whether all behaviours that are possible map by the endpoint.
    pub(in crate::proto::ice) fn depends(&self) -> bool {
        let mut all = self.possible.iter();
        !self.possible.is_empty() && all.all(|p| p.mapping != Mapping::EndpointIndependent)
    }

    /// The filtering, if it is known.
    pub(in crate::proto::ice) const fn filtering(&self) -> Option<Filtering> {
        self.known.filtering
    }

    /// Whether its filter lets packets in from addresses that it has not sent to.
    pub(in crate::proto::ice) fn lets_everybody_in(&self) -> bool {
        self.known.filtering == Some(Filtering::EndpointIndependent)
    }

    /// The same side with a NAT that keeps one address and port for all peers.
    pub(in crate::proto::ice) fn made_independent(&self) -> Self {
        let known = Behavior {
            mapping: Some(Mapping::EndpointIndependent),
            filtering: self.known.filtering,
        };
        Self {
            known,
            possible: known.possible().collect(),
            is_pooled: false,
            moves_port: false,
            ..self.clone()
        }
    }

    /// Whether both have an address that only one host can have. Private ones are the same in many
    /// homes, which one carrier's NAT may hide.
    pub(in crate::proto::ice) fn is_same_host_as(&self, other: &Self) -> bool {
        let mut shared = self.hosts.intersection(&other.hosts);
        shared.any(|ip| is_global(*ip))
    }

    /// Whether both are known to leave by different public addresses, over TCP if not over UDP.
    pub(in crate::proto::ice) fn leaves_elsewhere_than(&self, other: &Self) -> bool {
        let is_known = !self.egress.is_empty() && !other.egress.is_empty();
        is_known && self.egress.is_disjoint(&other.egress)
    }

    /// Whether the two have different private addresses that may be of one link. The same address
    /// on both sides is that of a bridge to containers, or shows two networks.
    pub(in crate::proto::ice) fn shares_subnet_with(&self, other: &Self) -> bool {
        self.hosts.iter().any(|a| {
            let mut others = other.hosts.iter().filter(|b| *b != a);
            others.any(|b| subnet(*a).is_some_and(|net| subnet(*b) == Some(net)))
        })
    }

    /// The same side without some of its own addresses.
    pub(in crate::proto::ice) fn without_hosts(&self, hosts: &[IpAddr]) -> Self {
        let mut other = self.clone();
        other.hosts.retain(|ip| !hosts.contains(ip));
        other
    }

    /// Whether it has a public address of its own, and is not known to be behind a NAT.
    pub(in crate::proto::ice) fn has_own_public(&self) -> bool {
        self.hosts.iter().any(|ip| is_global(*ip)) && self.has_nat != Some(true)
    }

    /// In the words of RFC 4787.
    pub(in crate::proto::ice) fn behavior(&self) -> String {
        let filtering = match self.known.filtering {
            Some(filtering) => format!("{filtering} filtering"),
            None => "unknown filtering".to_owned(),
        };
        if self.has_nat == Some(false) {
            return format!("no NAT and {filtering}");
        }
        match self.known.mapping {
            Some(mapping) => format!("{mapping} mapping and {filtering}"),
            None => format!("unknown mapping and {filtering}"),
        }
    }
}

/// Whether two addresses may be of one pool: the first half of those of IPv4, a quarter of those of IPv6.
fn is_of_one_operator(one: IpAddr, two: IpAddr) -> bool {
    match (one, two) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.octets()[..2] == b.octets()[..2],
        (IpAddr::V6(a), IpAddr::V6(b)) => a.segments()[..2] == b.segments()[..2],
        _ => false,
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
