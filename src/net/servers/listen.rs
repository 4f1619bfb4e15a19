//! Sockets of servers, and how many connections they take.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::proto::signal::visitors::Network;

/// How often another port is drawn where the system chooses it and UDP and TCP are to share it.
const PORT_TRIES: usize = 32;

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({transport}): {}", reason(source, *address))]
pub struct ListenError {
    pub address: SocketAddr,
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    pub source: io::Error,
}

/// What an error of listening means. `address` is what was to be listened on.
pub fn reason(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {} is already in use there", address.port())
        }
        io::ErrorKind::PermissionDenied => format!(
            "this user may not use port {}; choose one above 1023, or grant CAP_NET_BIND_SERVICE",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is not an address of this host", address.ip())
        }
        _ => error.to_string(),
    }
}

/// A UDP socket on an address; port 0 lets the system choose.
/// Fails if the address is not this host's, the port is taken or not permitted.
pub fn udp(address: SocketAddr) -> Result<UdpSocket, ListenError> {
    let socket = || {
        let socket = bound(address, Type::DGRAM, Protocol::UDP)?;
        UdpSocket::from_std(socket.into())
    };
    socket().map_err(|source| ListenError {
        address,
        transport: "UDP",
        source,
    })
}

/// A TCP listener on an address, with room for so many connections that wait to be taken.
pub fn tcp(address: SocketAddr, backlog: i32) -> Result<TcpListener, ListenError> {
    let listener = || {
        let socket = bound(address, Type::STREAM, Protocol::TCP)?;
        socket.listen(backlog)?;
        TcpListener::from_std(socket.into())
    };
    listener().map_err(|source| ListenError {
        address,
        transport: "TCP",
        source,
    })
}

/// Connections that may wait to be taken, where UDP is the main thing.
const BACKLOG: i32 = 128;

/// Both on one address and port; gives that too, with the port that the system chose.
pub fn udp_and_tcp(
    address: SocketAddr,
) -> Result<(UdpSocket, TcpListener, SocketAddr), ListenError> {
    let mut tries = 1;
    loop {
        let socket = udp(address)?;
        let chosen = socket.local_addr().map_err(|source| ListenError {
            address,
            transport: "UDP",
            source,
        })?;
        match tcp(chosen, BACKLOG) {
            Ok(listener) => return Ok((socket, listener, chosen)),
            // What is free for one is not always free for the other.
            Err(_) if address.port() == 0 && tries < PORT_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn bound(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // Else IPv4 clients would come with mapped addresses, and be told those.
        socket.set_only_v6(true)?;
    }
    // Connections of the run before must not keep a server from starting. On Windows this would let
    // two servers share a port.
    #[cfg(unix)]
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[derive(Debug, Clone)]
pub struct Connections {
    most: usize,
    most_from_one: usize,
    open: Arc<Mutex<BTreeMap<Network, usize>>>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub struct Counted {
    source: Network,
    open: Arc<Mutex<BTreeMap<Network, usize>>>,
}

impl Connections {
    /// At most so many, in all and from one address, or from one /64 of IPv6.
    pub fn new(most: usize, most_from_one: usize) -> Self {
        Self {
            most,
            most_from_one,
            open: Arc::default(),
        }
    }

    /// Counts one more, if there may be one more.
    pub fn admit(&self, source: IpAddr) -> Option<Counted> {
        let source = Network::of(source);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let from_one = open.get(&source).copied().unwrap_or(0);
        if from_one >= self.most_from_one || open.values().sum::<usize>() >= self.most {
            return None;
        }
        open.insert(source, from_one + 1);
        Some(Counted {
            source,
            open: Arc::clone(&self.open),
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_until_they_end() {
        let connections = Connections::new(3, 2);
        let ip = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, n, 0, 0, 0, 1]);
        let first = connections.admit(ip(1));
        let beside = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 2]);
        let second = connections.admit(beside);
        assert!(first.is_some() && second.is_some());
        assert!(connections.admit(ip(1)).is_none(), "two from one address");
        let third = connections.admit(ip(2));
        assert!(third.is_some());
        assert!(connections.admit(ip(3)).is_none(), "three in all");
        drop(second);
        assert!(connections.admit(ip(3)).is_some());
        drop((first, third));
        let open = connections.open.lock().expect("nobody panicked");
        assert!(open.is_empty());
    }
}
