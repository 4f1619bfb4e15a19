//! Who rejects a datagram: Linux keeps the ICMP error, and who sent it, in a queue of the socket (ip(7), `IP_RECVERR`).
//! Other systems tell that there was one.

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::route;
use crate::proto::rejection::{Rejection, Who};

/// The error of a server whose port is closed, and who says so where that is known.
pub fn closed_port(server: SocketAddr) -> ErrorReport {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        return Rejection::of_closed_port(server.ip()).report(server);
    }
    ErrorReport::new(Code::Refused, "port unreachable (ICMP)")
        .with_hint("nothing listens there over UDP, or a firewall refuses this host: check the port, and that the server runs")
}

/// Has the system keep errors of this socket. Then it tells a connected one of those too that may pass.
pub fn watch(socket: &UdpSocket) {
    // Where it cannot, the error alone is known.
    let _ = system::watch(socket);
}

/// The last error that the system has kept, which is about a datagram to this server.
pub fn take(socket: &UdpSocket, server: SocketAddr) -> Option<Rejection> {
    let mut last = None;
    while let Some(found) = system::take(socket) {
        last = found.or(last);
    }
    let (by, says) = last?;
    let local = socket.local_addr().ok()?.ip();
    let who = who(by, server.ip(), local);
    Some(Rejection { by, who, says })
}

fn who(by: IpAddr, server: IpAddr, local: IpAddr) -> Who {
    if by == server {
        Who::Server
    } else if by == local || by.is_loopback() {
        Who::ThisHost
    } else if route::router_to(server, None, local) == Some(by) {
        Who::Gateway
    } else {
        Who::Hop
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io::IoSliceMut;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
    use tokio::net::UdpSocket;

    use crate::proto::rejection::Grounds;

    /// Of `sock_extended_err`: from ICMP, and from ICMP for IPv6.
    const ICMP: u8 = 2;
    const ICMP6: u8 = 3;
    /// For one message with an address.
    const CONTROL: usize = 256;

    pub(super) fn watch(socket: &UdpSocket) -> std::io::Result<()> {
        let fd = socket.as_raw_fd();
        if socket.local_addr()?.is_ipv4() {
            setsockopt(fd, Ipv4RecvErr, &true)?;
        } else {
            setsockopt(fd, Ipv6RecvErr, &true)?;
        }
        Ok(())
    }

    /// `None` when the queue is empty; within, `None` for what is no rejection.
    #[expect(clippy::option_option, reason = "an end and a gap are two things")]
    pub(super) fn take(socket: &UdpSocket) -> Option<Option<(IpAddr, Grounds)>> {
        let mut data = [0; 64];
        let mut parts = [IoSliceMut::new(&mut data)];
        let mut control = Vec::with_capacity(CONTROL);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let fd = socket.as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), flags).ok()?;
        let mut said = message.cmsgs();
        Some(said.find_map(|one| match one {
            ControlMessageOwned::Ipv4RecvErr(error, by) if error.ee_origin == ICMP => {
                let by = Ipv4Addr::from(u32::from_be(by?.sin_addr.s_addr));
                Some((by.into(), Grounds::of_v4(error.ee_type, error.ee_code)?))
            }
            ControlMessageOwned::Ipv6RecvErr(error, by) if error.ee_origin == ICMP6 => {
                let by = Ipv6Addr::from(by?.sin6_addr.s6_addr);
                Some((by.into(), Grounds::of_v6(error.ee_type, error.ee_code)?))
            }
            _ => None,
        }))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::net::IpAddr;

    use tokio::net::UdpSocket;

    use crate::proto::rejection::Grounds;

    pub(super) fn watch(_socket: &UdpSocket) -> std::io::Result<()> {
        Ok(())
    }

    pub(super) fn take(_socket: &UdpSocket) -> Option<Option<(IpAddr, Grounds)>> {
        None
    }
}
