//! Under which addresses others reach what listens here.

use std::net::{IpAddr, SocketAddr};

/// The addresses that lead to these sockets: their own, or for all addresses those of this host.
pub(super) fn reached(sockets: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut reached: Vec<SocketAddr> = Vec::new();
    let own = own_addresses();
    for socket in sockets {
        let of_family = own.iter().filter(|ip| ip.is_ipv4() == socket.is_ipv4());
        let ips: Vec<IpAddr> = if socket.ip().is_unspecified() {
            of_family.copied().collect()
        } else {
            vec![socket.ip()]
        };
        for ip in ips {
            let address = SocketAddr::new(ip, socket.port());
            if !reached.contains(&address) {
                reached.push(address);
            }
        }
    }
    reached
}

/// Addresses of this host that others may reach, or its loopback ones if it has no others.
fn own_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    found.sort_unstable();
    found.dedup();
    // A link-local address needs a scope, which no URL has (RFC 9844).
    found.retain(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    });
    let reachable: Vec<IpAddr> = found
        .iter()
        .filter(|ip| !ip.is_loopback())
        .copied()
        .collect();
    if reachable.is_empty() {
        found
    } else {
        reachable
    }
}
