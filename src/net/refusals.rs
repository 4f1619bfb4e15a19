//! Who refuses what a socket sends. An unconnected socket is not told of ICMP messages, but on Linux and
//! Android once it asks for them (ip(7), `IP_RECVERR`), and there also who sent them.

pub use system::{listen, take};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io::IoSliceMut;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd as _;

    use nix::libc::{sock_extended_err, sockaddr_in, sockaddr_in6};
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
    };
    use tokio::net::UdpSocket;

    use crate::proto::ice::causes::{Refusal, Refused};

    /// How many messages are taken at once: a flood of them is nobody's answer.
    const AT_ONCE: usize = 32;
    /// The origins of an error that are ICMP: `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6`.
    const ICMP: [u8; 2] = [2, 3];

    /// Whether from now on the socket keeps what ICMP says of its datagrams. What it sends may fail then since
    /// an earlier one was refused.
    pub fn listen(socket: &UdpSocket, is_on: bool) {
        let descriptor = socket.as_raw_fd();
        // A system that does not tell leaves everything as it was.
        let _ = match socket.local_addr() {
            Ok(SocketAddr::V4(_)) => setsockopt(descriptor, sockopt::Ipv4RecvErr, &is_on),
            Ok(SocketAddr::V6(_)) => setsockopt(descriptor, sockopt::Ipv6RecvErr, &is_on),
            Err(_) => return,
        };
    }

    /// What has come since the last time.
    pub fn take(socket: &UdpSocket) -> Vec<Refusal> {
        let all = (0..AT_ONCE).map_while(|_| next(socket));
        all.filter_map(Message::refusal).collect()
    }

    /// What was in the queue.
    struct Message {
        to: Option<SocketAddr>,
        said: Option<(Refused, Option<IpAddr>)>,
    }

    impl Message {
        /// Nothing if it says something else.
        fn refusal(self) -> Option<Refusal> {
            let (to, (what, by)) = self.to.zip(self.said)?;
            Some(Refusal { to, by, what })
        }
    }

    fn next(socket: &UdpSocket) -> Option<Message> {
        let mut datagram = [0; 64];
        let mut parts = [IoSliceMut::new(&mut datagram)];
        let mut control = nix::cmsg_space!(sock_extended_err, sockaddr_in6);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message =
            recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)
                .ok()?;
        let to = message.address.as_ref().and_then(address);
        let said = message.cmsgs().find_map(|part| match part {
            ControlMessageOwned::Ipv4RecvErr(error, by) => {
                of_v4(error).map(|what| (what, by.and_then(from_v4)))
            }
            ControlMessageOwned::Ipv6RecvErr(error, by) => {
                of_v6(error).map(|what| (what, by.and_then(from_v6)))
            }
            _ => None,
        });
        Some(Message { to, said })
    }

    fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
        if let Some(v4) = storage.as_sockaddr_in() {
            return Some(SocketAddrV4::from(*v4).into());
        }
        let v6 = storage.as_sockaddr_in6()?;
        Some(SocketAddrV6::from(*v6).into())
    }

    fn from_v4(by: sockaddr_in) -> Option<IpAddr> {
        let ip = Ipv4Addr::from(u32::from_be(by.sin_addr.s_addr));
        (!ip.is_unspecified()).then_some(ip.into())
    }

    fn from_v6(by: sockaddr_in6) -> Option<IpAddr> {
        let ip = Ipv6Addr::from(by.sin6_addr.s6_addr);
        (!ip.is_unspecified()).then_some(ip.into())
    }

    /// RFC 792, RFC 1812 5.2.7.1: destination unreachable.
    fn of_v4(error: sock_extended_err) -> Option<Refused> {
        let is_unreachable = ICMP.contains(&error.ee_origin) && error.ee_type == 3;
        match error.ee_code {
            _ if !is_unreachable => None,
            3 => Some(Refused::Port),
            9 | 10 | 13 => Some(Refused::Prohibited),
            0 | 1 | 5..=8 | 11 | 12 => Some(Refused::Unreachable),
            _ => None,
        }
    }

    /// RFC 4443 3.1.
    fn of_v6(error: sock_extended_err) -> Option<Refused> {
        let is_unreachable = ICMP.contains(&error.ee_origin) && error.ee_type == 1;
        match error.ee_code {
            _ if !is_unreachable => None,
            4 => Some(Refused::Port),
            1 | 5 | 6 => Some(Refused::Prohibited),
            0 | 2 | 3 => Some(Refused::Unreachable),
            _ => None,
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use tokio::net::UdpSocket;

    use crate::proto::ice::causes::Refusal;

    pub const fn listen(_: &UdpSocket, _: bool) {}

    pub const fn take(_: &UdpSocket) -> Vec<Refusal> {
        Vec::new()
    }
}
