//! Who rejects a datagram: Linux keeps the ICMP error, and who sent it, in a queue of the socket (ip(7), `IP_RECVERR`).
//! Other systems tell that there was one.

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::net::route;
use crate::proto::ice::causes::{Refusal, Refused};
use crate::proto::rejection::{Grounds, Rejection, Who};
use system::Message;

/// The error of a server whose port is closed, and who says so where that is known.
pub fn closed_port(server: SocketAddr) -> ErrorReport {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        return Rejection::of_closed_port(server.ip()).report(server);
    }
    ErrorReport::new(Code::Refused, "port unreachable (ICMP)")
        .with_hint("nothing listens there over UDP, or a firewall refuses this host: check the port, and that the server runs")
}

/// How many refusals are taken at once: a flood of them is nobody's answer.
const AT_ONCE: usize = 32;

/// Whether the system keeps errors of this socket from now on. Then it tells a connected one of those too that may
/// pass, and what an unconnected one sends may fail since an earlier datagram was refused.
pub fn watch(socket: &UdpSocket, is_on: bool) {
    // Where it cannot, the error alone is known.
    let _ = system::watch(socket, is_on);
}

/// The last error that the system has kept, which is about a datagram to this server.
pub fn take(socket: &UdpSocket, server: SocketAddr) -> Option<Rejection> {
    let mut last = None;
    while let Some(message) = system::take(socket) {
        let found = message.by.zip(message.says());
        last = found.or(last);
    }
    let (by, says) = last?;
    let local = socket.local_addr().ok()?.ip();
    let who = who(by, server.ip(), local);
    Some(Rejection { by, who, says })
}

/// Who has refused what an unconnected socket has sent since the last time.
pub fn refusals(socket: &UdpSocket) -> Vec<Refusal> {
    let all = (0..AT_ONCE).map_while(|_| system::take(socket));
    all.filter_map(|message| {
        Some(Refusal {
            to: message.to?,
            by: message.by.filter(|by| !by.is_unspecified()),
            what: refused(message)?,
        })
    })
    .collect()
}

fn refused(message: Message) -> Option<Refused> {
    match message.says()? {
        Grounds::PortUnreachable => Some(Refused::Port),
        // Of the protocol (RFC 792), it is no firewall's word.
        Grounds::Prohibited if message.is_of_protocol() => None,
        Grounds::Prohibited => Some(Refused::Prohibited),
        Grounds::HostUnreachable | Grounds::NetworkUnreachable => Some(Refused::Unreachable),
        Grounds::TimeExceeded => None,
    }
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
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd;

    use nix::libc::sock_extended_err;
    use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
    use tokio::net::UdpSocket;

    use crate::proto::rejection::Grounds;

    /// Origins of `sock_extended_err`: ICMP, and ICMP for IPv6.
    const ICMP: u8 = 2;
    const ICMP6: u8 = 3;
    /// For one message with an address.
    const CONTROL: usize = 256;

    /// What the system has kept of one error.
    #[derive(Clone, Copy)]
    pub(super) struct Message {
        /// Where the datagram went.
        pub(super) to: Option<SocketAddr>,
        pub(super) by: Option<IpAddr>,
        error: Option<sock_extended_err>,
    }

    impl Message {
        /// Nothing for what is no rejection.
        pub(super) fn says(&self) -> Option<Grounds> {
            let error = self.error?;
            match error.ee_origin {
                ICMP => Grounds::of_v4(error.ee_type, error.ee_code),
                ICMP6 => Grounds::of_v6(error.ee_type, error.ee_code),
                _ => None,
            }
        }

        /// Whether the host does not have UDP.
        pub(super) fn is_of_protocol(&self) -> bool {
            let is_it = |e: sock_extended_err| (e.ee_origin, e.ee_type, e.ee_code) == (ICMP, 3, 2);
            self.error.is_some_and(is_it)
        }
    }

    pub(super) fn watch(socket: &UdpSocket, is_on: bool) -> std::io::Result<()> {
        let fd = socket.as_raw_fd();
        if socket.local_addr()?.is_ipv4() {
            setsockopt(fd, Ipv4RecvErr, &is_on)?;
        } else {
            setsockopt(fd, Ipv6RecvErr, &is_on)?;
        }
        Ok(())
    }

    /// `None` when the queue is empty.
    pub(super) fn take(socket: &UdpSocket) -> Option<Message> {
        let mut data = [0; 64];
        let mut parts = [IoSliceMut::new(&mut data)];
        let mut control = Vec::with_capacity(CONTROL);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let fd = socket.as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), flags).ok()?;
        let said = message.cmsgs().find_map(|part| match part {
            ControlMessageOwned::Ipv4RecvErr(error, by) => {
                let by = by.map(|by| Ipv4Addr::from(u32::from_be(by.sin_addr.s_addr)).into());
                Some((error, by))
            }
            ControlMessageOwned::Ipv6RecvErr(error, by) => {
                let by = by.map(|by| Ipv6Addr::from(by.sin6_addr.s6_addr).into());
                Some((error, by))
            }
            _ => None,
        });
        Some(Message {
            to: message.address.as_ref().and_then(address),
            by: said.and_then(|(_, by)| by),
            error: said.map(|(error, _)| error),
        })
    }

    fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
        if let Some(v4) = storage.as_sockaddr_in() {
            return Some(SocketAddrV4::from(*v4).into());
        }
        let v6 = storage.as_sockaddr_in6()?;
        Some(SocketAddrV6::from(*v6).into())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::net::{IpAddr, SocketAddr};

    use tokio::net::UdpSocket;

    use crate::proto::rejection::Grounds;

    /// None is ever kept.
    #[derive(Clone, Copy)]
    pub(super) struct Message {
        pub(super) to: Option<SocketAddr>,
        pub(super) by: Option<IpAddr>,
    }

    impl Message {
        pub(super) const fn says(&self) -> Option<Grounds> {
            None
        }

        pub(super) const fn is_of_protocol(&self) -> bool {
            false
        }
    }

    pub(super) fn watch(_socket: &UdpSocket, _is_on: bool) -> std::io::Result<()> {
        Ok(())
    }

    pub(super) fn take(_socket: &UdpSocket) -> Option<Message> {
        None
    }
}
