//! The bases (RFC 8445 5.1.1): one UDP socket on each usable local address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;

use crate::base::family::Family;
use crate::net::host::{self, Source};
use crate::proto::ice::candidate::{MAX_BASES, turn_of};
use crate::proto::ice::interface;

pub struct Base {
    pub address: SocketAddr,
    pub interface: Option<String>,
    /// The socket, until the task that asks STUN servers takes it.
    pub socket: Option<Arc<UdpSocket>>,
}

impl Base {
    /// Whether packets from here could reach a server: loopback is a world of its own.
    pub fn may_ask(&self, server: IpAddr) -> bool {
        let local = self.address.ip();
        Family::of(local) == Family::of(server) && local.is_loopback() == server.is_loopback()
    }
}

/// The usable addresses of this host, the most preferred first.
pub fn of_host(source: &Source, families: &[Family]) -> Vec<Base> {
    let mut addresses = match source.local {
        Some(local) => vec![local],
        None => addresses(source),
    };
    addresses.retain(|ip| families.contains(&Family::of(*ip)));
    addresses.truncate(MAX_BASES);
    addresses
        .into_iter()
        .filter_map(|ip| open(source, ip))
        .collect()
}

/// A base on this address; `None` if the system gives no socket for it, as with addresses that are
/// still being probed for duplicates.
pub fn open(source: &Source, local: IpAddr) -> Option<Base> {
    let socket = source.udp(local).ok()?;
    let address = socket.local_addr().ok()?;
    Some(Base {
        address,
        interface: source
            .interface
            .clone()
            .or_else(|| host::interface_of(local)),
        socket: Some(Arc::new(socket)),
    })
}

fn addresses(source: &Source) -> Vec<IpAddr> {
    let Ok(interfaces) = if_addrs::get_if_addrs() else {
        return Vec::new();
    };
    let preferred = [ANYWHERE_V4, ANYWHERE_V6].map(|to| source.local_address_to(to).ok());
    let mut found: Vec<(bool, bool, IpAddr)> = interfaces
        .iter()
        .filter(|i| source.interface.as_ref().is_none_or(|name| *name == i.name))
        .filter(|i| i.is_oper_up() && is_usable(i.ip()))
        .map(|i| {
            let is_preferred = preferred.contains(&Some(i.ip()));
            (interface::kind_of(&i.name).is_some(), !is_preferred, i.ip())
        })
        .collect();
    found.sort();
    found.dedup_by_key(|(_, _, ip)| *ip);
    in_turns(&found)
}

/// The families take turns, IPv6 first (RFC 8421 4); virtual interfaces come behind all others.
fn in_turns(found: &[(bool, bool, IpAddr)]) -> Vec<IpAddr> {
    let mut keyed: Vec<(bool, (usize, u8), IpAddr)> = found
        .iter()
        .enumerate()
        .map(|(index, (is_virtual, _, ip))| {
            let family = Family::of(*ip);
            let better = found[..index]
                .iter()
                .filter(|(_, _, other)| Family::of(*other) == family)
                .count();
            (*is_virtual, turn_of(family, better), *ip)
        })
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(_, _, ip)| ip).collect()
}

/// RFC 8445 5.1.1.1 leaves loopback out. Link-local IPv6 addresses need a zone that a peer cannot
/// know.
fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unspecified() && !ip.is_unicast_link_local(),
    }
}

/// Addresses for documentation: the system is asked for its route to them, and nothing is sent.
const ANYWHERE_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
const ANYWHERE_V6: SocketAddr = SocketAddr::new(
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    9,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_virtual_interfaces_wait() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("valid");
        let found = [
            (false, false, ip("192.0.2.1")),
            (false, false, ip("2001:db8::1")),
            (false, true, ip("192.0.2.2")),
            (false, true, ip("2001:db8::2")),
            (true, true, ip("172.17.0.1")),
        ];
        let order: Vec<String> = in_turns(&found).iter().map(ToString::to_string).collect();
        assert_eq!(
            order,
            [
                "2001:db8::1",
                "192.0.2.1",
                "2001:db8::2",
                "192.0.2.2",
                "172.17.0.1"
            ]
        );
    }
}
