//! The largest packet that this host's system sends to somebody: the MTU of its own interface, or what ICMP has told it
//! of the way. Only Linux and Android are asked.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::net::descriptors;

/// In bytes, headers of IP and UDP included; `None` if the system does not say.
pub fn known_to(server: SocketAddr, local: IpAddr) -> Option<usize> {
    // Connecting a UDP socket sends nothing.
    let socket = descriptors::noted(UdpSocket::bind((local, 0))).ok()?;
    socket.connect(server).ok()?;
    system::mtu(&socket)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{getsockopt, sockopt::IpMtu};

    pub(super) fn mtu(socket: &UdpSocket) -> Option<usize> {
        // For IPv6 there is no such option in nix, and 1280 bytes pass everywhere.
        socket
            .local_addr()
            .ok()
            .filter(std::net::SocketAddr::is_ipv4)?;
        let mtu = getsockopt(socket.as_raw_fd(), IpMtu).ok()?;
        usize::try_from(mtu).ok()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::net::UdpSocket;

    pub(super) const fn mtu(_: &UdpSocket) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn that_of_loopback_is_known() {
        let server = "127.0.0.1:9".parse().expect("an address");
        let mtu = known_to(server, IpAddr::from([127, 0, 0, 1]));
        assert!(mtu.is_some_and(|mtu| mtu > 1000), "{mtu:?}");
    }
}
