//! ICMP errors about datagrams of ours (RFC 792, RFC 4443): who says what. A port that is closed is told by the
//! server's own host; what a router says is of the way.

use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::report::ErrorReport;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection {
    pub by: IpAddr,
    pub who: Who,
    pub says: Grounds,
}

/// Who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Who has the server's address.
    Server,
    /// This host's own system: nobody answered on the link.
    ThisHost,
    /// The router that this host sends it to.
    Gateway,
    /// Somebody further on.
    Hop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    PortUnreachable,
    /// A rule forbids it.
    Prohibited,
    /// The host, or the way to its network, is not there.
    HostUnreachable,
    NetworkUnreachable,
    /// It went around until its time was over.
    TimeExceeded,
}

impl Grounds {
    /// What it says by type and code; nothing for what is no rejection.
    pub const fn of_v4(kind: u8, code: u8) -> Option<Self> {
        match (kind, code) {
            (3, 3) => Some(Self::PortUnreachable),
            (3, 2 | 9 | 10 | 13) => Some(Self::Prohibited),
            (3, 0 | 5..=6 | 11) => Some(Self::NetworkUnreachable),
            (3, 1 | 7 | 8 | 12) => Some(Self::HostUnreachable),
            (11, 0) => Some(Self::TimeExceeded),
            _ => None,
        }
    }

    pub const fn of_v6(kind: u8, code: u8) -> Option<Self> {
        match (kind, code) {
            (1, 4) => Some(Self::PortUnreachable),
            (1, 1 | 5 | 6) => Some(Self::Prohibited),
            (1, 0) => Some(Self::NetworkUnreachable),
            (1, 2 | 3) => Some(Self::HostUnreachable),
            (3, 0) => Some(Self::TimeExceeded),
            _ => None,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::PortUnreachable => "port unreachable",
            Self::Prohibited => "administratively prohibited",
            Self::HostUnreachable => "host unreachable",
            Self::NetworkUnreachable => "network unreachable",
            Self::TimeExceeded => "time exceeded",
        }
    }
}

impl Rejection {
    /// What the server's own host says of a port that is closed.
    pub const fn of_closed_port(server: IpAddr) -> Self {
        Self {
            by: server,
            who: Who::Server,
            says: Grounds::PortUnreachable,
        }
    }

    /// Whether a firewall of this host refuses it: a router or host that is not there is told of otherwise.
    pub const fn is_of_own_firewall(&self) -> bool {
        matches!(self.who, Who::ThisHost)
            && matches!(self.says, Grounds::PortUnreachable | Grounds::Prohibited)
    }

    /// Whether the host says itself that nothing listens on the port.
    pub fn is_closed_port(&self) -> bool {
        self.who == Who::Server && self.says == Grounds::PortUnreachable
    }

    /// Whether it may pass by itself (RFC 1122 4.2.3.9): others are a rule, or a closed port.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self.says,
            Grounds::HostUnreachable | Grounds::NetworkUnreachable | Grounds::TimeExceeded
        )
    }

    /// Whether it is a rule of somebody between this host and the server.
    pub fn is_of_the_way(&self) -> bool {
        matches!(self.who, Who::Gateway | Who::Hop) && !self.may_pass()
    }

    /// Who it is, in a sentence.
    pub fn name(&self) -> String {
        match self.who {
            Who::Server => "the server's own host".to_owned(),
            Who::ThisHost => "this host".to_owned(),
            Who::Gateway => format!("the router of this network ({})", self.by),
            Who::Hop => format!("a router or firewall on the way ({})", self.by),
        }
    }

    /// The error of a server at which UDP is rejected so.
    pub fn report(&self, server: SocketAddr) -> ErrorReport {
        let (name, text) = (self.name(), self.says.text());
        if self.is_closed_port() {
            return ErrorReport::new(
                Code::Refused,
                "port unreachable (ICMP), says the server's own host: nothing listens there over UDP, or its own firewall rejects it",
            )
            .with_hint("check the port, that the server runs and has UDP there, and the firewall on its host; where other servers refuse too, a router may answer in their name (a captive portal)");
        }
        match (self.says, self.who) {
            (Grounds::PortUnreachable | Grounds::Prohibited, Who::Server) => ErrorReport::new(
                Code::Rejected,
                format!("{name} rejects UDP to port {} ({text}, ICMP): its firewall does not let it in", server.port()),
            )
            .with_hint("open the port for UDP in the firewall of the server's host (firewalld and others answer so)"),
            (Grounds::PortUnreachable | Grounds::Prohibited, Who::ThisHost) => ErrorReport::new(
                Code::Forbidden,
                format!("a firewall on this machine rejects it ({text}, ICMP)"),
            )
            .with_hint("look at the rules of this machine's firewall"),
            (Grounds::PortUnreachable | Grounds::Prohibited, _) => ErrorReport::new(
                Code::Rejected,
                format!("{name} rejects UDP to port {} there ({text}, ICMP), not the server", server.port()),
            )
            .with_hint(if self.who == Who::Gateway {
                "have UDP let through by that router or its firewall; TURN over TLS on port 443 often gets through"
            } else {
                "whoever runs it can let UDP through; TURN over TLS on port 443 often gets through"
            }),
            (Grounds::TimeExceeded, _) => ErrorReport::new(
                Code::Unreachable,
                format!("the way to it goes around in a circle: {name} says that the time of the packets is over (ICMP)"),
            )
            .with_hint("a fault of the routing at that router or its neighbours: tell whoever runs it"),
            (_, Who::ThisHost) => ErrorReport::new(
                Code::Timeout,
                "nobody answers on this link for it: neither ARP nor neighbour discovery finds it, or the router on the way to it",
            )
            .with_hint("check the address, the cable or Wi-Fi, and the router"),
            (_, Who::Server) => ErrorReport::new(
                Code::Unreachable,
                format!("who has its address says {text} (ICMP): the server behind it is not there, a NAT or load balancer without a target"),
            )
            .with_hint("look at what stands before the server, and whether the server behind it runs"),
            (_, Who::Gateway | Who::Hop) => ErrorReport::new(
                Code::Unreachable,
                format!("{name} says {text} (ICMP): it has no way to that address, or nobody has it, or it rejects UDP so"),
            )
            .with_hint("check the address; if it is right, tell whoever runs that router"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_it_decides_what_it_means() {
        let server: SocketAddr = "203.0.113.10:3478".parse().expect("an address");
        let router: IpAddr = "192.168.1.1".parse().expect("an address");
        let of = |by, who, says| Rejection { by, who, says }.report(server);
        let closed = of(server.ip(), Who::Server, Grounds::PortUnreachable);
        assert_eq!(closed.code, Code::Refused);
        let host = of(server.ip(), Who::Server, Grounds::Prohibited);
        assert!(host.message.contains("its firewall"), "{}", host.message);
        for says in [Grounds::Prohibited, Grounds::PortUnreachable] {
            let way = of(router, Who::Gateway, says);
            assert_eq!(way.code, Code::Rejected);
            assert!(way.message.contains("192.168.1.1"), "{}", way.message);
        }
        let circle = of(router, Who::Hop, Grounds::TimeExceeded);
        assert!(circle.message.contains("circle"), "{}", circle.message);
    }

    #[test]
    fn what_is_too_large_is_not_rejected() {
        assert_eq!(Grounds::of_v4(3, 4), None);
        assert_eq!(Grounds::of_v6(2, 0), None);
        assert_eq!(Grounds::of_v4(3, 13), Some(Grounds::Prohibited));
        assert_eq!(Grounds::of_v6(1, 1), Some(Grounds::Prohibited));
    }
}
