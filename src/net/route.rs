//! The system's choice of ways: the router of a path, and whether an interface has the default route.
//!
//! Nothing is sent to anybody else. On Linux the kernel is asked (rtnetlink(7)), which knows every
//! routing table and rule; on other systems no router is known.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::base::family::Family;
use crate::net::descriptors;
use crate::net::host::{self, Source, interface_of};

/// Addresses that only the default route leads to (a root name server's). Nothing is sent there.
const OUTSIDE_4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4));
const OUTSIDE_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30));

/// The router to which this host hands packets from a local address to the internet, if they are to
/// leave by `interface`, or by whichever the system chooses. `None` if there is no such route, if
/// it leads straight into a tunnel or a network without a router, or if the system does not say.
pub fn router_of(interface: Option<&str>, local: IpAddr) -> Option<IpAddr> {
    let outside = match Family::of(local) {
        Family::Ipv4 => OUTSIDE_4,
        Family::Ipv6 => OUTSIDE_6,
    };
    router_to(outside, interface, local)
}

/// The same for packets to one destination: `None` also if that is in the local network.
pub fn router_to(destination: IpAddr, interface: Option<&str>, local: IpAddr) -> Option<IpAddr> {
    if local.is_loopback() || local.is_unspecified() {
        return None;
    }
    let index = match interface {
        Some(name) => Some(index_of(name)?),
        None => None,
    };
    gateway(destination, index, local)
}

/// The address from which packets to the internet leave if nobody chooses. Nothing is sent.
pub fn usual_address(source: &Source, family: Family) -> Option<IpAddr> {
    let outside = match family {
        Family::Ipv4 => OUTSIDE_4,
        Family::Ipv6 => OUTSIDE_6,
    };
    source.local_address_to(SocketAddr::new(outside, 9)).ok()
}

/// Whether packets to the internet leave by this interface if nobody chooses; `None` if the system
/// does not say.
pub fn carries_default_route(interface: &str, family: Family) -> Option<bool> {
    let (any, outside): (IpAddr, IpAddr) = match family {
        Family::Ipv4 => (Ipv4Addr::UNSPECIFIED.into(), OUTSIDE_4),
        Family::Ipv6 => (Ipv6Addr::UNSPECIFIED.into(), OUTSIDE_6),
    };
    // Connecting a UDP socket sends nothing. That it fails says that there is no route.
    let Ok(socket) = descriptors::noted(UdpSocket::bind((any, 0))) else {
        return Some(false);
    };
    if socket.connect(SocketAddr::new(outside, 9)).is_err() {
        return Some(false);
    }
    let chosen = socket.local_addr().ok()?.ip();
    Some(interface_of(chosen)? == interface)
}

/// Other interfaces that lead to the internet by a router of their own, which the system does not prefer.
pub fn other_default_routes(chosen: &str, family: Family) -> Vec<String> {
    let leads_out = |interface: &host::Interface| {
        let mut own = interface.addresses.iter();
        let local = own.find(|ip| Family::of(**ip) == family);
        local.is_some_and(|local| router_of(Some(&interface.name), *local).is_some())
    };
    let all = host::interfaces().unwrap_or_default().into_iter();
    all.filter(|interface| interface.is_up && interface.name != chosen && leads_out(interface))
        .map(|interface| interface.name)
        .collect()
}

/// The number of an interface, which link-local addresses need (RFC 4007).
pub fn index_of(interface: &str) -> Option<u32> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces
        .into_iter()
        .find(|i| i.name == interface)
        .and_then(|i| i.index)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn gateway(_destination: IpAddr, _interface: Option<u32>, _local: IpAddr) -> Option<IpAddr> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use linux::gateway;

/// One question to the kernel: `RTM_GETROUTE`.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io::{self, Read, Write};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use socket2::{Domain, Protocol, Socket, Type};

    /// `AF_NETLINK` and its protocol `NETLINK_ROUTE`.
    const NETLINK: i32 = 16;
    const ROUTE: i32 = 0;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    /// The headers of a message (nlmsghdr) and of a route in it (rtmsg).
    const HEADER: usize = 16;
    const ROUTE_HEADER: usize = 12;
    const NEW_ROUTE: u16 = 24;
    const GET_ROUTE: u16 = 26;
    const REQUEST: u16 = 1;
    /// Kinds of attributes, and the kind of route that leads on.
    const DESTINATION: u16 = 1;
    const SOURCE: u16 = 2;
    const OUTPUT: u16 = 4;
    const GATEWAY: u16 = 5;
    /// A router of the other family: IPv4 by way of an IPv6 router (RFC 5549).
    const VIA: u16 = 18;
    const UNICAST: u8 = 1;
    /// The kernel answers within the call; this ends only a wait for what never comes.
    const PATIENCE: Duration = Duration::from_millis(200);

    pub(super) fn gateway(
        destination: IpAddr,
        interface: Option<u32>,
        local: IpAddr,
    ) -> Option<IpAddr> {
        let answer = ask(&request(destination, interface, local)).ok()?;
        read(&answer)
    }

    fn ask(request: &[u8]) -> io::Result<Vec<u8>> {
        let domain = Domain::from(NETLINK);
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::from(ROUTE)));
        let mut socket = crate::net::descriptors::noted(socket)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(request)?;
        let mut buffer = vec![0; 8192];
        let length = socket.read(&mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    }

    pub(super) fn request(destination: IpAddr, interface: Option<u32>, local: IpAddr) -> Vec<u8> {
        let (family, bits) = match destination {
            IpAddr::V4(_) => (AF_INET, 32),
            IpAddr::V6(_) => (AF_INET6, 128),
        };
        let mut body = vec![family, bits, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        attribute(&mut body, DESTINATION, &octets(destination));
        attribute(&mut body, SOURCE, &octets(local));
        if let Some(index) = interface {
            attribute(&mut body, OUTPUT, &index.to_ne_bytes());
        }
        let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
        let mut message = Vec::with_capacity(HEADER + body.len());
        message.extend(length.to_ne_bytes());
        message.extend(GET_ROUTE.to_ne_bytes());
        message.extend(REQUEST.to_ne_bytes());
        // Sequence number and port: there is one question, and the kernel fills the port in.
        message.extend([0; 8]);
        message.extend(body);
        message
    }

    fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        // Addresses and numbers are whole words, so nothing is padded.
        message.extend(value);
    }

    fn octets(address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        }
    }

    pub(super) fn read(answer: &[u8]) -> Option<IpAddr> {
        let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
        let route = answer.get(HEADER..HEADER + ROUTE_HEADER)?;
        if kind != NEW_ROUTE || route[7] != UNICAST {
            return None;
        }
        let mut rest = answer.get(HEADER + ROUTE_HEADER..)?;
        while let Some(head) = rest.get(..4) {
            let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
            let kind = u16::from_ne_bytes([head[2], head[3]]);
            let value = rest.get(4..length)?;
            match kind {
                GATEWAY => return address(value),
                VIA => return address(value.get(2..)?),
                _ => {}
            }
            rest = rest.get(length.next_multiple_of(4)..)?;
        }
        None
    }

    fn address(bytes: &[u8]) -> Option<IpAddr> {
        if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
            return Some(Ipv4Addr::from(octets).into());
        }
        let octets = <[u8; 16]>::try_from(bytes).ok()?;
        Some(Ipv6Addr::from(octets).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_no_router() {
        for local in [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        ] {
            assert_eq!(router_of(None, local), None);
            assert_eq!(router_of(Some("lo"), local), None);
        }
        assert_eq!(router_of(Some("no-such0"), OUTSIDE_4), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn answers_of_the_kernel_are_read_and_others_are_not() {
        let mut answer = vec![0; 28];
        answer[4..6].copy_from_slice(&24u16.to_ne_bytes());
        answer[23] = 1;
        let route = |kind: u16, value: &[u8]| {
            let mut answer = answer.clone();
            let length = u16::try_from(4 + value.len()).expect("short");
            answer.extend(length.to_ne_bytes());
            answer.extend(kind.to_ne_bytes());
            answer.extend(value);
            answer
        };
        let router = Some(IpAddr::from([192, 0, 2, 1]));
        assert_eq!(linux::read(&route(5, &[192, 0, 2, 1])), router);
        let mut other = vec![10, 0];
        other.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(linux::read(&route(18, &other)), "fe80::1".parse().ok());
        assert_eq!(linux::read(&route(4, &[1, 0, 0, 0])), None);
        assert_eq!(linux::read(&answer), None);
        for length in 0..28 {
            assert_eq!(linux::read(&route(5, &[192, 0, 2, 1])[..length]), None);
        }
        let mut unreachable = route(5, &[192, 0, 2, 1]);
        unreachable[23] = 7;
        assert_eq!(linux::read(&unreachable), None);
        let mut error = route(5, &[192, 0, 2, 1]);
        error[4..6].copy_from_slice(&2u16.to_ne_bytes());
        assert_eq!(linux::read(&error), None);
        // A length of nothing must not be read for ever.
        let mut endless = answer.clone();
        endless.extend([0; 64]);
        assert_eq!(linux::read(&endless), None);
    }
}
