//! What an address that a server or a router reports can be.

use std::net::{IpAddr, SocketAddr};

/// Why an OTHER-ADDRESS cannot serve as an alternate (RFC 5780 7.4: IP address and port both
/// differ from the primary).
pub fn other_address_flaw(primary: SocketAddr, other: SocketAddr) -> Option<&'static str> {
    if primary.is_ipv4() != other.is_ipv4() {
        Some("is of another address family")
    } else if other.port() == 0 || !is_unicast(other.ip()) {
        Some("is not an address that can be sent to")
    } else if primary.ip() == other.ip() {
        Some("has the same IP address as the primary")
    } else if is_private(other.ip()) && !is_private(primary.ip()) {
        Some("is a private address")
    } else if primary.port() == other.port() {
        Some("has the same port as the primary")
    } else {
        None
    }
}

/// Why a reported mapping cannot be true.
pub fn reflexive_flaw(server: SocketAddr, reflexive: SocketAddr) -> Option<&'static str> {
    let ip = reflexive.ip();
    if reflexive.port() == 0 {
        Some("port 0")
    } else if !is_unicast(ip) {
        Some("not a unicast address")
    } else if reflexive == server {
        Some("the server's own address")
    } else {
        None
    }
}

/// What shows that a server does not see this host: something before it, such as a load balancer or a
/// proxy, sends on in its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewritten {
    /// It sees an address of a private network, at a public address of its own.
    Inside,
    /// It sees an address of this host's own private network, at a public address of its own: that of the router, most
    /// often.
    Neighbour,
    /// It sees a loopback address: that of something on its own machine.
    Loopback,
    /// It sees the very IP address that it was asked at.
    Itself,
    /// A TURN server sees the IP address that it relays at.
    Relay,
    /// It sees this host's private address, at a private address of its own, and others see another one: it is on this
    /// side of the NAT.
    Near,
    /// It sees this host's private address, at a public address of its own, where others see a public one.
    Local,
}

impl Rewritten {
    /// What kind of address it sees.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Inside => "which is not public, though the server itself is",
            Self::Neighbour => "an address of this host's own network",
            Self::Loopback => "which is on its own machine",
            Self::Itself => "which is its own address",
            Self::Relay => "which is its own address, that of its relays",
            Self::Near => "this host's own private address",
            Self::Local => {
                "which is this host's own private address, though the server itself is public"
            }
        }
    }

    /// What may be the cause, seen from a host with this address: one with a private address may have
    /// more than one NAT before it, and the server behind one of them.
    pub const fn cause(self, local: IpAddr) -> &'static str {
        match self {
            Self::Inside if is_private(local) => {
                "something before it rewrites addresses, or it is in a private network with this host, which has another NAT inside"
            }
            Self::Neighbour => {
                "the router leads the server's public address back into this network in its own name, it seems (hairpinning), or something before the server rewrites addresses"
            }
            Self::Itself | Self::Relay if is_private(local) => {
                "something before it rewrites addresses, or it is behind one NAT with this host"
            }
            Self::Near => {
                "it is within this network, on this side of the NAT, so its answers say nothing of the way to the internet"
            }
            Self::Local => {
                "something on this network answers in its name, such as a router that takes STUN for itself, or it is within this network"
            }
            _ => "something before it rewrites addresses",
        }
    }

    /// Whether it is certain that the server does not see this host.
    pub const fn is_certain(self, local: IpAddr) -> bool {
        match self {
            // An address of this network that is not this host's own.
            Self::Loopback | Self::Neighbour => true,
            Self::Inside | Self::Itself | Self::Relay => !is_private(local),
            Self::Near | Self::Local => false,
        }
    }
}

/// Whether what a server sees shows that it does not see this host. A server at a private address may
/// well see one, and one that is routed to without any translation sees the local address.
pub fn rewritten(local: IpAddr, server: IpAddr, seen: IpAddr) -> Option<Rewritten> {
    if seen == local {
        None
    } else if seen.is_loopback() {
        (!local.is_loopback()).then_some(Rewritten::Loopback)
    } else if seen == server {
        Some(Rewritten::Itself)
    } else {
        let is_inside = is_global(server) && is_unicast(seen) && !is_global(seen);
        is_inside.then_some(if are_neighbours(local, seen) {
            Rewritten::Neighbour
        } else {
            Rewritten::Inside
        })
    }
}

/// What helps where a relay sends from another address than the one that it gives out ([`is_sent_elsewhere`]).
pub const SEND_FROM_RELAYED: &str = "the server has several addresses, or a NAT that gives what it sends another one: have it relay from the address that it gives out (coturn: relay-ip, external-ip; else the routes and the source NAT of its machine)";

/// Whether what comes of a relay does not come from its relayed address. From a private address it may be the short way of a
/// network that both are in.
pub fn is_sent_elsewhere(from: SocketAddr, relayed: SocketAddr) -> bool {
    from != relayed && (is_global(from.ip()) || !is_global(relayed.ip()))
}

/// The same of a TURN server, at whose relayed address something else of its own may be: a proxy before it.
pub fn rewritten_before_relay(
    local: IpAddr,
    server: IpAddr,
    relayed: Option<IpAddr>,
    seen: IpAddr,
) -> Option<Rewritten> {
    let is_relay = seen != local && relayed == Some(seen);
    rewritten(local, server, seen).or(is_relay.then_some(Rewritten::Relay))
}

/// Whether two private addresses are likely of one link: of one /24, or /64.
const fn are_neighbours(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(a), IpAddr::V4(b)) => is_private(one) && a.to_bits() >> 8 == b.to_bits() >> 8,
        (IpAddr::V6(a), IpAddr::V6(b)) => is_private(one) && a.to_bits() >> 64 == b.to_bits() >> 64,
        _ => false,
    }
}

/// Whether an address can be one host's: 0.0.0.0/8 is none's (RFC 1122 3.2.1.3).
pub(crate) fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] != 0 && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    }
}

/// What an address is that no server on another machine has: those that a DNS filter or a hosts file
/// gives in place of a server's.
pub fn of_no_server(ip: IpAddr) -> Option<&'static str> {
    if ip.is_loopback() {
        Some("this machine itself")
    } else if ip.is_unspecified() {
        Some("no address of a server")
    } else if !is_unicast(ip) {
        Some("no address that a server can have")
    } else {
        None
    }
}

/// Private, shared, reserved (240.0.0.0/4, RFC 1112 4, which some networks use inside), link-local or
/// unique-local addresses; loopback counts, since servers in tests live there beside each other.
pub(crate) const fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_link_local()
                || v4.is_loopback()
                || v4.octets()[0] >= 240
                || is_shared(v4.octets())
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// Whether an address can be one of the public internet.
pub fn is_global(ip: IpAddr) -> bool {
    is_unicast(ip) && !is_private(ip)
}

/// Whether an address is of `64:ff9b::/96`, which resolvers with DNS64 make of IPv4 addresses (RFC 6052 2.1).
pub const fn is_dns64(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => v6.to_bits() >> 32 == 0x0064_ff9b_0000_0000_0000_0000,
    }
}

/// Whether an address is of 198.18.0.0/15, for benchmarks (RFC 2544 C.2.2): local proxies such as Clash give it to
/// names in place of a server's.
pub const fn is_fake(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 198 && v4.octets()[1] & 0xfe == 18,
        IpAddr::V6(_) => false,
    }
}

/// 100.64.0.0/10, the shared address space of carrier NATs (RFC 6598).
pub const fn is_shared(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0xc0 == 64
}
