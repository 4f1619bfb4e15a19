//! Sockets of servers.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// How often another port is drawn where the system chooses it and UDP and TCP are to share it.
const PORT_TRIES: usize = 32;

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({transport}): {}", reason(error, *address))]
pub struct ListenError {
    pub address: SocketAddr,
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    pub error: io::Error,
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
    socket().map_err(|error| ListenError {
        address,
        transport: "UDP",
        error,
    })
}

/// A TCP listener on an address, with room for so many connections that wait to be taken.
pub fn tcp(address: SocketAddr, backlog: i32) -> Result<TcpListener, ListenError> {
    let listener = || {
        let socket = bound(address, Type::STREAM, Protocol::TCP)?;
        socket.listen(backlog)?;
        TcpListener::from_std(socket.into())
    };
    listener().map_err(|error| ListenError {
        address,
        transport: "TCP",
        error,
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
        let chosen = socket.local_addr().map_err(|error| ListenError {
            address,
            transport: "UDP",
            error,
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
