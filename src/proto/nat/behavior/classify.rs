//! The rules that turn evidence into facts. Each says what it takes to be sure.

mod filtering;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::behavior::evidence::MappingSeen;
use crate::proto::nat::behavior::words::{AddressPooling, Filtering, Mapping};

pub use filtering::{filtering, is_uncontrolled};

/// How many distinct server IP addresses must agree before a single server that says otherwise is
/// taken for the one that is wrong.
const AGREEING_ADDRESSES: usize = 3;

/// Mapping behaviour (RFC 4787 4.1, RFC 5780 4.3) from one socket's answers. Also names a listed
/// server whose answers had to be left out because all the others agree against it.
pub fn mapping(seen: &[MappingSeen]) -> (Fact<Mapping>, Option<usize>) {
    let fact = mapping_of(seen);
    if fact.is_determined() {
        return (fact, None);
    }
    let servers: BTreeSet<usize> = seen.iter().map(|s| s.server).collect();
    for &suspect in &servers {
        let others: Vec<MappingSeen> = seen
            .iter()
            .copied()
            .filter(|s| s.server != suspect)
            .collect();
        let agreeing: BTreeSet<IpAddr> = others.iter().map(|s| s.destination.ip()).collect();
        let operators: BTreeSet<usize> = others.iter().map(|s| s.server).collect();
        if agreeing.len() >= AGREEING_ADDRESSES
            && operators.len() >= 2
            && mapping_of(&others) == Fact::Determined(Mapping::EndpointIndependent)
        {
            return (
                Fact::Determined(Mapping::EndpointIndependent),
                Some(suspect),
            );
        }
    }
    (fact, None)
}

fn mapping_of(seen: &[MappingSeen]) -> Fact<Mapping> {
    if seen.is_empty() {
        return Fact::inconclusive(Reason::NoResponse, "no server reported a mapping");
    }
    let addresses: BTreeSet<IpAddr> = seen.iter().map(|s| s.destination.ip()).collect();
    let pairs = pairs(seen);
    // RFC 4787 REQ-2: another external address with the same port is a matter of pooling.
    // It may also be that of several uplinks, each with a NAT of its own.
    let (one_address, several): (Vec<_>, Vec<_>) = pairs
        .iter()
        .partition(|(a, b)| a.reflexive.ip() == b.reflexive.ip());
    if !several.is_empty() {
        // Two ports on one external address are two mappings, whatever the others are.
        if one_address.iter().any(|(a, b)| a.reflexive != b.reflexive) {
            return Fact::inconclusive(
                Reason::EndpointDependent,
                "destinations see different ports on one external address, so the mapping depends on the destination; the external address changes too, so what it depends on cannot be told",
            );
        }
        if let Some(detail) = two_that_differ(seen) {
            return Fact::inconclusive(Reason::TooFewServers, detail);
        }
        return Fact::inconclusive(
            Reason::AddressPooling,
            "destinations see different external addresses, so their ports cannot be compared",
        );
    }
    let (same_ip, other_ip): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(a, b)| a.destination.ip() == b.destination.ip());
    let equal = |pairs: &[(MappingSeen, MappingSeen)]| {
        pairs
            .iter()
            .filter(|(a, b)| a.reflexive == b.reflexive)
            .count()
    };
    let (same_equal, other_equal) = (equal(&same_ip), equal(&other_ip));
    if same_equal == same_ip.len() && other_equal == other_ip.len() {
        return if addresses.len() >= 2 {
            Fact::Determined(Mapping::EndpointIndependent)
        } else {
            Fact::inconclusive(
                Reason::SingleServer,
                "answers from one server address cannot show whether another would see the same mapping",
            )
        };
    }
    if same_equal == 0 && other_equal == 0 && !same_ip.is_empty() {
        return Fact::Determined(Mapping::AddressAndPortDependent);
    }
    if other_equal == 0 && !other_ip.is_empty() {
        if same_ip.is_empty() {
            return Fact::inconclusive(
                Reason::EndpointDependent,
                "each server address sees another mapping; no server answered on a second port to tell address-dependent from address-and-port-dependent",
            );
        }
        if same_equal == same_ip.len() {
            return Fact::Determined(Mapping::AddressDependent);
        }
    }
    Fact::inconclusive(
        Reason::Contradiction,
        "some servers see the same mapping and some do not, in a pattern that RFC 4787 does not have",
    )
}

/// Where the servers of two operators see different addresses, and each always the same: what they agree in, and what
/// it may be. One of them may be wrong, and of two it cannot be told which. (Another port of one address is a mapping of
/// its own: nothing before a server changes that alone.)
fn two_that_differ(seen: &[MappingSeen]) -> Option<String> {
    let operators: BTreeSet<usize> = seen.iter().map(|s| s.server).collect();
    let mut firsts = operators
        .iter()
        .filter_map(|of| seen.iter().find(|s| s.server == *of));
    let (a, b) = (firsts.next()?, firsts.next()?);
    let is_steady = seen
        .iter()
        .all(|s| s.reflexive == if s.server == a.server { a } else { b }.reflexive);
    if operators.len() != 2 || !is_steady {
        return None;
    }
    let agree = if a.reflexive.port() == b.reflexive.port() {
        "another address with the same port"
    } else {
        "another address and port"
    };
    let own = [a, b].into_iter().find(|s| is_in_own_network(s));
    let own = own.map_or_else(String::new, |s| {
        format!(
            "; {} is in the network of {} itself",
            s.reflexive.ip(),
            s.destination
        )
    });
    Some(format!(
        "{} sees {}, and {} sees {}, {agree}{own}: one of the servers sees something before it in place of this host, such as a load balancer, or the ways to them have different external addresses (two lines, a pool of addresses); two servers do not tell which",
        a.destination, a.reflexive, b.destination, b.reflexive
    ))
}

/// Whether a server sees an address beside its own (the same /24), as that of a load balancer before it may be.
fn is_in_own_network(seen: &MappingSeen) -> bool {
    match (seen.destination.ip(), seen.reflexive.ip()) {
        (IpAddr::V4(server), IpAddr::V4(seen)) => server.octets()[..3] == seen.octets()[..3],
        _ => false,
    }
}

/// What one server's own tests say (RFC 5780 4.3) against a single other one that sees another port of the same
/// address: its two addresses see the same port, which no other behaviour of RFC 4787 gives. An answer of each.
pub fn settled_by_one(
    seen: &[MappingSeen],
    local: SocketAddr,
) -> Option<(MappingSeen, MappingSeen)> {
    let operators: BTreeSet<usize> = seen.iter().map(|s| s.server).collect();
    let of = |server: usize| seen.iter().filter(move |s| s.server == server);
    let is_whole = |server: &usize| {
        let hosts: BTreeSet<IpAddr> = of(*server).map(|s| s.destination.ip()).collect();
        let mapped: BTreeSet<SocketAddr> = of(*server).map(|s| s.reflexive).collect();
        hosts.len() > 1 && mapped.len() == 1
    };
    let whole = *operators.iter().find(|server| is_whole(server))?;
    let other = *operators.iter().find(|server| **server != whole)?;
    let first = *of(whole).next()?;
    let mapped = first.reflexive;
    // Who sees the very port of the socket has not made it up.
    let differs = |s: &MappingSeen| {
        s.reflexive.ip() == mapped.ip()
            && s.reflexive.port() != mapped.port()
            && s.reflexive.port() != local.port()
    };
    let is_single = operators.len() == 2 && of(other).count() == 1;
    let single = of(other).next().filter(|s| is_single && differs(s))?;
    Some((first, *single))
}

/// All pairs of answers from different destinations.
fn pairs(seen: &[MappingSeen]) -> Vec<(MappingSeen, MappingSeen)> {
    let mut pairs = Vec::new();
    for (i, a) in seen.iter().enumerate() {
        for b in &seen[i + 1..] {
            if a.destination != b.destination {
                pairs.push((*a, *b));
            }
        }
    }
    pairs
}

/// Whether there is a NAT: the reflexive address against the socket's own, never against 0.0.0.0.
pub fn nat(local: SocketAddr, seen: &[SocketAddr]) -> Fact<bool> {
    let same = seen.iter().filter(|r| **r == local).count();
    match (seen.len(), same) {
        (0, _) => Fact::inconclusive(Reason::NoResponse, "no server reported a mapping"),
        (_, 0) => Fact::Determined(true),
        (n, m) if n == m => Fact::Determined(false),
        _ => Fact::inconclusive(
            Reason::Contradiction,
            "some servers see the local address itself and some another one",
        ),
    }
}

/// Fewest sessions that make one external address count as the only one: with a pool of two
/// addresses, chosen at random, twelve sessions agree by chance once in two thousand runs.
const PAIRED_SESSIONS: usize = 12;

/// Fewest server addresses that some socket began with, for the same: a NAT may choose by the
/// first destination.
const PAIRED_DESTINATIONS: usize = 4;

/// Address pooling (RFC 4787 REQ-2) from (listed server, reflexive address) of all sockets, and the
/// number of server addresses that a mapping was made for.
pub fn address_pooling(
    nat: &Fact<bool>,
    seen: &[(usize, IpAddr)],
    destinations: usize,
) -> Fact<AddressPooling> {
    match nat {
        Fact::Determined(true) => {}
        Fact::Determined(false) => return Fact::not_tested(Reason::NoNat),
        other => return other.clone().map(|_| AddressPooling::Paired),
    }
    let addresses: BTreeSet<IpAddr> = seen.iter().map(|s| s.1).collect();
    if addresses.len() > 1 {
        let varies_within_one = seen
            .iter()
            .any(|a| seen.iter().any(|b| a.0 == b.0 && a.1 != b.1));
        return if varies_within_one {
            Fact::Determined(AddressPooling::Arbitrary)
        } else {
            Fact::inconclusive(
                Reason::Contradiction,
                "servers see different external addresses, each always the same one: there may be several uplinks",
            )
        };
    }
    if destinations < PAIRED_DESTINATIONS {
        return Fact::inconclusive(
            Reason::TooFewServers,
            format!(
                "one external address towards {destinations} server addresses; a NAT may choose by destination, so {PAIRED_DESTINATIONS} are needed"
            ),
        );
    }
    if seen.len() < PAIRED_SESSIONS {
        return Fact::inconclusive(
            Reason::TooFewSamples,
            format!("one external address in {} mappings", seen.len()),
        );
    }
    Fact::Determined(AddressPooling::Paired)
}

/// Whether an application-level gateway rewrites addresses in the payload: MAPPED-ADDRESS against
/// XOR-MAPPED-ADDRESS (RFC 8489 14.2) of (listed server, XOR, plain).
pub fn alg(local: SocketAddr, seen: &[(usize, SocketAddr, SocketAddr)]) -> Fact<bool> {
    let differing = seen.iter().filter(|(_, xor, plain)| xor != plain).count();
    match (seen.len(), differing) {
        (0, _) => Fact::not_tested(Reason::NoMappedAddress),
        (_, 0) => Fact::Determined(false),
        (all, some) if all == some => {
            let servers: BTreeSet<usize> = seen.iter().map(|s| s.0).collect();
            let rewritten_to_local = seen.iter().all(|(_, _, plain)| plain.ip() == local.ip());
            if rewritten_to_local || servers.len() >= 2 {
                Fact::Determined(true)
            } else {
                Fact::inconclusive(
                    Reason::Contradiction,
                    "one server's MAPPED-ADDRESS differs from its XOR-MAPPED-ADDRESS; that may be the server's own doing",
                )
            }
        }
        _ => Fact::inconclusive(
            Reason::Contradiction,
            "MAPPED-ADDRESS and XOR-MAPPED-ADDRESS differ in some answers only",
        ),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HairpinSeen {
    /// Not settled, or not asked.
    Pending,
    Arrived,
    /// None arrived, with both sockets sending.
    Silent,
    /// None arrived, and too many packets are lost.
    Unproven,
    /// The external addresses are IPv4, and how to reach them from IPv6 is not known.
    OutOfReach,
}

/// Hairpinning (RFC 4787 6) from a pair of sockets that sent to each other's mapped addresses.
pub fn hairpinning(
    nat: &Fact<bool>,
    mapping: &Fact<Mapping>,
    filtering: &Fact<Filtering>,
    seen: HairpinSeen,
) -> Fact<bool> {
    match nat {
        Fact::Determined(true) => {}
        Fact::Determined(false) => return Fact::not_tested(Reason::NoNat),
        other => return other.clone(),
    }
    match seen {
        HairpinSeen::Arrived => Fact::Determined(true),
        HairpinSeen::Pending => {
            Fact::inconclusive(Reason::NoResponse, "the hairpin probes did not finish")
        }
        HairpinSeen::Unproven => Fact::inconclusive(
            Reason::PacketLoss,
            "no probe came back, but too many packets are lost to conclude anything from that",
        ),
        HairpinSeen::OutOfReach => Fact::inconclusive(
            Reason::NoNat64Prefix,
            "the external address is IPv4, and the prefix to reach it from IPv6 is not known",
        ),
        // With both ends sending, an endpoint-independent mapping has the filter open. Otherwise
        // the packets leave from new mappings that the filter has not seen.
        HairpinSeen::Silent => match (mapping.value(), filtering.value()) {
            (Some(Mapping::EndpointIndependent), _) | (_, Some(Filtering::EndpointIndependent)) => {
                Fact::Determined(false)
            }
            _ => Fact::inconclusive(
                Reason::Filtered,
                "no probe came back, but with this mapping the filter may have dropped it",
            ),
        },
    }
}
