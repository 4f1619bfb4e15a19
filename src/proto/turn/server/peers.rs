//! Which peers clients may reach through the relay (RFC 8656 21.4): hosts of the public internet, and
//! what the operator opens. All else is the server's own surroundings.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::proto::nat::address::is_global;

/// A network, as in 192.168.7.0/24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    ip: IpAddr,
    prefix: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("'{0}' is not an IP address or network, such as 192.168.7.0/24 or fd00:7::/64")]
    Address(String),
    #[error("'/{0}' is not a prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6")]
    Prefix(String),
    /// 192.168.7.9/24.
    #[error("{0} has bits set beyond its prefix: one of the two is wrong")]
    HostBits(Network),
}

impl Network {
    /// Whether it is every address of its family.
    pub const fn is_all(&self) -> bool {
        self.prefix == 0
    }

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Allowed,
    /// A relayed address of the server: its relays may be reached, since that is how two clients of
    /// one server talk, and nothing else there. What comes from the machine itself passes its firewall.
    OwnRelays,
    Forbidden,
}

#[derive(Debug, Clone, Default)]
pub struct PeerPolicy {
    /// What the operator opens.
    pub opened: Vec<Network>,
    pub relayed: Vec<IpAddr>,
    /// All addresses of the machine, public ones too.
    pub own: Vec<IpAddr>,
}

impl PeerPolicy {
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
