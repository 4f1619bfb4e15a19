//! Which peers clients may reach through the relay (RFC 8656 21.4): hosts of the public internet, and
//! what the operator opens. All else is the server's own surroundings.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::nat::address::is_global;

/// A network, as in 192.168.7.0/24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    ip: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// No address before the slash.
    #[error("'{0}' is not an IP address or network, such as 192.168.7.0/24 or fd00:7::/64")]
    Address(String),
    /// No number behind it, or one too large.
    #[error("'/{0}' is not a prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6")]
    Prefix(String),
    /// 192.168.7.9/24.
    #[error("{0} has bits set behind its prefix: which of both is wrong?")]
    HostBits(Network),
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.prefix);
                let differ = u32::from(network) ^ u32::from(ip);
                differ.checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.prefix);
                let differ = u128::from(network) ^ u128::from(ip);
                differ.checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    fn has_host_bits(&self) -> bool {
        let kept = |bits: u32, trailing: u32| trailing < bits - u32::from(self.prefix);
        match self.ip {
            IpAddr::V4(ip) => kept(32, u32::from(ip).trailing_zeros()),
            IpAddr::V6(ip) => kept(128, u128::from(ip).trailing_zeros()),
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix)),
            None => (text, None),
        };
        let ip: IpAddr = ip
            .parse()
            .map_err(|_| NetworkError::Address(text.to_owned()))?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|p| *p <= most && prefix.bytes().all(|b| b.is_ascii_digit()))
                .ok_or_else(|| NetworkError::Prefix(prefix.to_owned()))?,
        };
        let network = Self { ip, prefix };
        if network.has_host_bits() {
            return Err(NetworkError::HostBits(network));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// What is thought of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// May be reached.
    Allowed,
    /// A relayed address of the server: its relays may be reached, since that is how two clients of
    /// one server talk, and nothing else there. What comes from the machine itself passes its firewall.
    OwnRelays,
    /// Must not be reached.
    Forbidden,
}

/// The rules.
#[derive(Debug, Clone, Default)]
pub struct PeerPolicy {
    /// What the operator opens.
    pub opened: Vec<Network>,
    /// The relayed addresses.
    pub relayed: Vec<IpAddr>,
    /// All addresses of the machine, public ones too.
    pub own: Vec<IpAddr>,
}

impl PeerPolicy {
    /// What is thought of an address.
    pub fn of(&self, ip: IpAddr) -> Peer {
        if is_opened(&self.opened, ip) {
            Peer::Allowed
        } else if self.relayed.contains(&ip) {
            Peer::OwnRelays
        } else if is_global(ip) && !is_special(ip) && !self.own.contains(&ip) {
            Peer::Allowed
        } else {
            Peer::Forbidden
        }
    }
}

/// Even an opened network does not open what is no host.
fn is_opened(opened: &[Network], ip: IpAddr) -> bool {
    let is_host = match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => {
            !ip.is_unspecified() && !ip.is_multicast() && ip.to_ipv4_mapped().is_none()
        }
    };
    is_host && opened.iter().any(|network| network.contains(ip))
}

/// Addresses that are no hosts of the public internet although nothing private: 0.0.0.0/8 ("this
/// network"), protocol assignments (RFC 6890), 6to4 relays (RFC 7526), benchmarks (RFC 2544) and what
/// is reserved; of IPv6 all that lies outside `2000::/3`, and what some system or router on the way
/// turns into IPv4 addresses: 6to4, Teredo and the rest of `2001::/23`, and ISATAP (RFC 5214).
fn is_special(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let octets = ip.octets();
            matches!(octets, [0 | 240.., ..] | [192, 0, 0, _] | [192, 88, 99, _])
                || (octets[0] == 198 && octets[1] & 0xfe == 18)
        }
        IpAddr::V6(ip) => {
            let segments = ip.segments();
            segments[0] & 0xe000 != 0x2000
                || segments[0] == 0x2002
                || (segments[0] == 0x2001 && segments[1] < 0x200)
                || (segments[4] & 0xfcff == 0 && segments[5] == 0x5efe)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::policy;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn network(text: &str) -> Network {
        text.parse().expect("a network")
    }

    #[test]
    fn only_the_public_internet_is_open() {
        let closed = PeerPolicy::default();
        // What `rtcdiag turn` asks about, and the server's own address, which is private here.
        for (class, peer) in policy::peers(ip("192.168.7.1")) {
            assert_eq!(closed.of(peer), Peer::Forbidden, "{class} {peer}");
        }
        for bad in [
            "198.19.255.1",
            "192.0.0.9",
            "192.88.99.1",
            "::ffff:0:7f00:1",
            "2001:db8::5efe:7f00:1",
            "2001:db8::200:5efe:7f00:1",
            "100::1",
            "2001:2::1",
            "4000::1",
            "5f00::1",
            "0.1.2.3",
            "240.0.0.1",
            "::ffff:192.0.2.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "fec0::1",
        ] {
            assert_eq!(closed.of(ip(bad)), Peer::Forbidden, "{bad}");
        }
        for good in ["192.0.2.1", "203.0.113.7", "8.8.8.8", "2001:db8::1"] {
            assert_eq!(closed.of(ip(good)), Peer::Allowed, "{good}");
        }
    }

    #[test]
    fn what_is_opened_is_open() {
        let policy = PeerPolicy {
            opened: [
                "127.0.0.0/8",
                "10.1.2.3",
                "fd00:7::/64",
                "::1",
                "0.0.0.0/0",
                "::/0",
            ]
            .map(network)
            .to_vec(),
            relayed: vec![],
            own: vec![],
        };
        for good in ["127.0.0.1", "10.1.2.3", "fd00:7::9", "::1", "192.168.0.1"] {
            assert_eq!(policy.of(ip(good)), Peer::Allowed, "{good}");
        }
        for never in [
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(policy.of(ip(never)), Peer::Forbidden, "{never}");
        }
        let little = PeerPolicy {
            opened: vec![network("10.1.2.0/23")],
            relayed: vec![ip("10.9.9.9")],
            own: vec![ip("10.9.9.9")],
        };
        assert_eq!(little.of(ip("10.1.3.255")), Peer::Allowed);
        assert_eq!(little.of(ip("10.1.4.0")), Peer::Forbidden);
        assert_eq!(little.of(ip("10.9.9.9")), Peer::OwnRelays);
        let public = PeerPolicy {
            opened: vec![],
            relayed: vec![ip("203.0.113.10")],
            own: vec![ip("203.0.113.10"), ip("203.0.113.12")],
        };
        assert_eq!(public.of(ip("203.0.113.12")), Peer::Forbidden);
        assert_eq!(public.of(ip("203.0.113.10")), Peer::OwnRelays);
        assert_eq!(public.of(ip("203.0.113.11")), Peer::Allowed);
    }

    #[test]
    fn networks_that_are_none() {
        let error = |text: &str| text.parse::<Network>().expect_err(text).to_string();
        assert!(error("ten/8").contains("ten/8"));
        for prefix in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::/129"] {
            assert!(error(prefix).contains("prefix length"), "{prefix}");
        }
        assert!(error("10.0.0.1/8").contains("bits set"));
        assert_eq!(network("::1").to_string(), "::1/128");
    }
}
