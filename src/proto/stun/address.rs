//! Addresses that servers report.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Whether anything can be sent there: a server may report what is not an address of one host.
pub fn is_address(address: SocketAddr) -> bool {
    let mapped = match address.ip() {
        IpAddr::V4(ip) => ip == Ipv4Addr::BROADCAST,
        IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
    };
    let ip = address.ip();
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !mapped
}
