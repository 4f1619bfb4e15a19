//! This host: its interfaces, and sockets bound to one of its addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::base::family::Family;
use crate::base::words::printable;
use crate::net::descriptors;
use crate::proto::machine::SendError;

#[derive(Debug, Clone, Default)]
pub struct Source {
    pub interface: Option<String>,
    pub local: Option<IpAddr>,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("there is no interface '{name}'; this host has {}", known.join(", "))]
    NoInterface {
        /// As given.
        name: String,
        known: Vec<String>,
    },
    #[error("{0} is not an address of this host")]
    NotLocal(IpAddr),
    #[error("cannot list the network interfaces: {0}")]
    Interfaces(io::Error),
}

impl Source {
    /// Checks that the interface and the address exist, before the first packet.
    pub fn check(&self) -> Result<(), SourceError> {
        let interfaces = if_addrs::get_if_addrs().map_err(SourceError::Interfaces)?;
        if let Some(name) = &self.interface
            && !interfaces.iter().any(|i| i.name == *name)
        {
            let mut known: Vec<String> = interfaces.iter().map(|i| i.name.clone()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(SourceError::NoInterface {
                name: name.clone(),
                known,
            });
        }
        match self.local {
            Some(local) if !is_local(local, &interfaces) => Err(SourceError::NotLocal(local)),
            _ => Ok(()),
        }
    }

    /// The local address that packets to `server` leave from. Nothing is sent.
    /// Fails if there is no route, or no address of that family.
    pub fn local_address_to(&self, server: SocketAddr) -> io::Result<IpAddr> {
        if let Some(local) = self.local {
            return if Family::of(local) == Family::of(server.ip()) {
                Ok(local)
            } else {
                Err(io::Error::from(io::ErrorKind::AddrNotAvailable))
            };
        }
        let socket = self.socket(unspecified(server), Type::DGRAM, Protocol::UDP)?;
        socket.connect(&server.into())?;
        let local = socket
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        Ok(local.ip())
    }

    /// A fresh UDP socket on a local address, with a port that the system chooses.
    pub fn udp(&self, local: IpAddr) -> io::Result<tokio::net::UdpSocket> {
        let socket = self.socket(SocketAddr::new(local, 0), Type::DGRAM, Protocol::UDP)?;
        tokio::net::UdpSocket::from_std(socket.into())
    }

    /// A TCP socket on a local address, not connected yet.
    pub fn tcp(&self, local: IpAddr) -> io::Result<tokio::net::TcpSocket> {
        let socket = self.socket(SocketAddr::new(local, 0), Type::STREAM, Protocol::TCP)?;
        Ok(tokio::net::TcpSocket::from_std_stream(socket.into()))
    }

    /// A UDP socket on this local address and port.
    /// From the system, say if the port is taken.
    pub fn udp_at(&self, local: SocketAddr) -> io::Result<tokio::net::UdpSocket> {
        let socket = self.socket(local, Type::DGRAM, Protocol::UDP)?;
        tokio::net::UdpSocket::from_std(socket.into())
    }

    /// A TCP socket on this local address and port, not connected yet. Several such sockets may
    /// share a port, each towards another destination. It closes with a reset: the port is then not
    /// kept for minutes (TIME-WAIT), here and in the tables of NATs.
    pub fn tcp_shared(&self, local: SocketAddr) -> io::Result<tokio::net::TcpSocket> {
        let socket = self.unbound(local, Type::STREAM, Protocol::TCP)?;
        socket.set_reuse_address(true)?;
        // Outside Linux and Windows the other option does not cover the same address.
        #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
        socket.set_reuse_port(true)?;
        socket.set_linger(Some(Duration::ZERO))?;
        socket.bind(&local.into())?;
        Ok(tokio::net::TcpSocket::from_std_stream(socket.into()))
    }

    fn socket(&self, bind: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        let socket = self.unbound(bind, kind, protocol)?;
        socket.bind(&bind.into())?;
        Ok(socket)
    }

    fn unbound(&self, bind: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        let socket =
            descriptors::noted(Socket::new(Domain::for_address(bind), kind, Some(protocol)))?;
        socket.set_nonblocking(true)?;
        if let Some(name) = &self.interface {
            bind_to_interface(&socket, name, bind)?;
        }
        Ok(socket)
    }
}

/// Binding to the interface's address does not make packets leave through it; this does.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind_to_interface(socket: &Socket, name: &str, _bind: SocketAddr) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

#[cfg(target_vendor = "apple")]
fn bind_to_interface(socket: &Socket, name: &str, bind: SocketAddr) -> io::Result<()> {
    let index = if_addrs::get_if_addrs()?
        .into_iter()
        .find(|i| i.name == name)
        .and_then(|i| std::num::NonZeroU32::new(i.index?));
    match bind {
        SocketAddr::V4(_) => socket.bind_device_by_index_v4(index),
        SocketAddr::V6(_) => socket.bind_device_by_index_v6(index),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn bind_to_interface(_socket: &Socket, _name: &str, _bind: SocketAddr) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "choosing an interface is not supported on this system; use --local",
    ))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    /// Whether it is up and has a carrier.
    pub is_up: bool,
    /// Addresses that can be sent from to other networks: not loopback, not link-local.
    pub addresses: Vec<IpAddr>,
}

impl Interface {
    /// Whether it has a usable address of this family.
    pub fn has(&self, family: Family) -> bool {
        self.addresses.iter().any(|ip| Family::of(*ip) == family)
    }
}

/// The interfaces of this host that have an address, in the system's order; not the loopback.
/// Fails if the system does not list them.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut found: Vec<Interface> = Vec::new();
    for address in if_addrs::get_if_addrs()? {
        if address.is_loopback() {
            continue;
        }
        // Linux gives the label of an address, `eth0:1`, in place of the interface's name.
        let name = address.name.split(':').next().unwrap_or_default();
        let index = found.iter().position(|i| i.name == name);
        let index = index.unwrap_or_else(|| {
            found.push(Interface {
                name: name.to_owned(),
                is_up: false,
                addresses: Vec::new(),
            });
            found.len() - 1
        });
        let interface = &mut found[index];
        interface.is_up |= address.is_oper_up();
        let ip = address.ip();
        if !address.is_link_local() && !ip.is_unspecified() && !ip.is_multicast() {
            interface.addresses.push(ip);
        }
    }
    Ok(found)
}

/// Why something could not be sent there. A firewall of this host and a broadcast address give the same
/// error.
pub fn send_error(error: &io::Error, destination: SocketAddr) -> SendError {
    match SendError::from(error) {
        SendError::Forbidden if is_broadcast(destination.ip()) => SendError::Broadcast,
        other => other,
    }
}

/// Whether it is the broadcast address of a network of this host, or of all.
pub fn is_broadcast(ip: IpAddr) -> bool {
    let IpAddr::V4(ip) = ip.to_canonical() else {
        return false;
    };
    let is_of = |interface: if_addrs::Interface| match interface.addr {
        // The last address of a network is one, whatever else was given.
        if_addrs::IfAddr::V4(v4) => {
            let host = !u32::from(v4.netmask);
            let last = u32::from(v4.ip) | host;
            // Without a broadcast address of its own an interface is said to have its own one.
            (v4.broadcast == Some(ip) && v4.ip != ip) || (host > 1 && last == u32::from(ip))
        }
        if_addrs::IfAddr::V6(_) => false,
    };
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    ip.is_broadcast() || interfaces.into_iter().any(is_of)
}

pub fn interface_of(local: IpAddr) -> Option<String> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces
        .into_iter()
        .find(|i| i.ip() == local)
        // Whoever names an interface may write what a terminal obeys.
        .map(|i| printable(&i.name))
}

/// Other addresses of the interface that has a local address, of the same family, that packets can
/// be sent from; those in the same network first. `interface` is the one, if that is known: several
/// may have the address.
pub fn siblings_of(local: IpAddr, interface: Option<&str>) -> Vec<IpAddr> {
    let Ok(interfaces) = if_addrs::get_if_addrs() else {
        return Vec::new();
    };
    let is_own = |i: &&if_addrs::Interface| {
        i.ip() == local && interface.is_none_or(|name| device(&i.name) == device(name))
    };
    let Some(own) = interfaces.iter().find(is_own) else {
        return Vec::new();
    };
    let mut siblings: Vec<(bool, IpAddr)> = interfaces
        .iter()
        .filter(|i| device(&i.name) == device(&own.name))
        .map(|i| (!in_one_network(&own.addr, i.ip()), i.ip()))
        .filter(|(_, ip)| *ip != local && Family::of(*ip) == Family::of(local))
        .filter(|(_, ip)| !is_link_local(*ip))
        .collect();
    siblings.sort_unstable();
    siblings.dedup();
    siblings.into_iter().map(|(_, ip)| ip).collect()
}

/// Linux may name a second address `eth0:1`.
fn device(name: &str) -> &str {
    name.split_once(':').map_or(name, |(device, _)| device)
}

const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn in_one_network(own: &if_addrs::IfAddr, other: IpAddr) -> bool {
    match (own, other) {
        (if_addrs::IfAddr::V4(own), IpAddr::V4(other)) => {
            let mask = u32::from(own.netmask);
            u32::from(own.ip) & mask == u32::from(other) & mask
        }
        (if_addrs::IfAddr::V6(own), IpAddr::V6(other)) => {
            let mask = u128::from(own.netmask);
            u128::from(own.ip) & mask == u128::from(other) & mask
        }
        _ => false,
    }
}

/// The length of the prefix of the network that a local address is in.
pub fn prefix_of(local: Ipv4Addr) -> Option<u8> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces.into_iter().find_map(|i| match i.addr {
        if_addrs::IfAddr::V4(v4) if v4.ip == local => {
            u8::try_from(u32::from(v4.netmask).leading_ones()).ok()
        }
        _ => None,
    })
}

fn is_local(address: IpAddr, interfaces: &[if_addrs::Interface]) -> bool {
    address.is_loopback() || interfaces.iter().any(|i| i.ip() == address)
}

const fn unspecified(server: SocketAddr) -> SocketAddr {
    match server {
        SocketAddr::V4(_) => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        SocketAddr::V6(_) => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
    }
}
