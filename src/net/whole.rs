//! Datagrams that arrive whole or not at all: neither this host nor a router may cut them up.
//!
//! Only Linux and Android are asked for that (ip(7), `IP_MTU_DISCOVER`); elsewhere nothing is sent.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

/// Whether this system sends such datagrams.
pub const IS_POSSIBLE: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How often a datagram is tried that another one's ICMP message has stopped.
const TRIES: u32 = 3;

/// Sends one, on a connected socket if there is no destination. What the system has heard of the path does not
/// count: only its own link's limit does, for which see [`is_too_large`].
pub async fn send(
    socket: &UdpSocket,
    destination: Option<SocketAddr>,
    payload: &[u8],
) -> io::Result<()> {
    let _whole = system::Whole::of(socket)?;
    let mut left = TRIES;
    loop {
        let sent = match destination {
            Some(destination) => socket.send_to(payload, destination).await,
            None => socket.send(payload).await,
        };
        left -= 1;
        match sent {
            // A connected socket tells so of an earlier one too, once.
            Err(error) if left > 0 && is_too_large(&error) => {}
            sent => return sent.map(drop),
        }
    }
}

pub use system::is_too_large;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};

    use rustix::io::Errno;
    use rustix::net::sockopt::{
        Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, ip_mtu_discover, ipv6_mtu_discover,
        set_ip_mtu_discover, set_ipv6_mtu_discover,
    };
    use tokio::net::UdpSocket;

    /// Whether a datagram was not sent since it is larger than a link of this host, or the path, carries.
    pub fn is_too_large(error: &io::Error) -> bool {
        Errno::from_io_error(error) == Some(Errno::MSGSIZE)
    }

    /// While it lives, what the socket sends is whole.
    pub(super) struct Whole<'a> {
        socket: BorrowedFd<'a>,
        before: Before,
    }

    enum Before {
        V4(Ipv4PathMtuDiscovery),
        V6(Ipv6PathMtuDiscovery),
    }

    impl<'a> Whole<'a> {
        pub(super) fn of(socket: &'a UdpSocket) -> io::Result<Self> {
            let is_v4 = socket.local_addr()?.is_ipv4();
            let socket = socket.as_fd();
            let before = if is_v4 {
                let before = ip_mtu_discover(socket)?;
                set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::PROBE)?;
                Before::V4(before)
            } else {
                let before = ipv6_mtu_discover(socket)?;
                set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)?;
                Before::V6(before)
            };
            Ok(Self { socket, before })
        }
    }

    impl Drop for Whole<'_> {
        fn drop(&mut self) {
            // What could be set can be set back.
            let _ = match self.before {
                Before::V4(before) => set_ip_mtu_discover(self.socket, before),
                Before::V6(before) => set_ipv6_mtu_discover(self.socket, before),
            };
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;

    use tokio::net::UdpSocket;

    pub fn is_too_large(_error: &io::Error) -> bool {
        false
    }

    pub(super) struct Whole;

    impl Whole {
        pub(super) fn of(_socket: &UdpSocket) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
