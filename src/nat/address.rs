//! What an address that a server or a router reports can be.

use std::net::{IpAddr, SocketAddr};

/// Why an OTHER-ADDRESS cannot serve as an alternate (RFC 5780 7.4: IP address and port both
/// differ from the primary).
pub fn other_address_flaw(primary: SocketAddr, other: SocketAddr) -> Option<&'static str> {
    if primary.is_ipv4() != other.is_ipv4() {
        Some("is of another address family")
    } else if other.port() == 0 || !is_unicast(other.ip()) {
        Some("is no address that can be sent to")
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
pub fn reflexive_flaw(
    local: SocketAddr,
    server: SocketAddr,
    reflexive: SocketAddr,
) -> Option<&'static str> {
    let ip = reflexive.ip();
    if reflexive.port() == 0 {
        Some("port 0")
    } else if !is_unicast(ip) {
        Some("not a unicast address")
    } else if ip.is_loopback() && !local.ip().is_loopback() {
        Some("a loopback address")
    } else if reflexive == server {
        Some("the server's own address")
    } else {
        None
    }
}

/// Whether an address can be one host's: 0.0.0.0/8 is none's (RFC 1122 3.2.1.3).
pub(crate) fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] != 0 && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    }
}

/// Private, shared, reserved (240.0.0.0/4, RFC 1112 4, which some networks use inside), link-local or
/// unique-local addresses; loopback counts, since servers in tests live there beside each other.
pub(crate) fn is_private(ip: IpAddr) -> bool {
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

/// 100.64.0.0/10, the shared address space of carrier NATs (RFC 6598).
pub const fn is_shared(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0xc0 == 64
}
