//! IPv4 addresses inside IPv6 ones (RFC 6052), and the prefix that a network uses (RFC 7050).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

/// The lengths that a prefix may have (RFC 6052 2.2).
const LENGTHS: [u8; 6] = [32, 40, 48, 56, 64, 96];

/// Bits 64 to 71 of an address, which are zero (RFC 6052 2.2).
const U_OCTET: usize = 8;

/// The name that has only these IPv4 addresses, so that an IPv6 address of it is made by the network
/// (RFC 7050).
pub const WELL_KNOWN_NAME: &str = "ipv4only.arpa";
const WELL_KNOWN_ADDRESSES: [Ipv4Addr; 2] =
    [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

/// A prefix of a translator (RFC 6052 2.2), of 32, 40, 48, 56, 64 or 96 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: Ipv6Addr,
    length: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// There is no "/" in it.
    #[error("the length is missing: a prefix is written as 64:ff9b::/96")]
    NoLength,
    /// IPv4, or with something else before the "/".
    #[error("'{0}' is not an IPv6 address: a prefix is written as 64:ff9b::/96")]
    NotIpv6(String),
    /// Not one of RFC 6052 2.2.
    #[error("'{0}' is not a length that a prefix may have: 32, 40, 48, 56, 64 or 96 (RFC 6052)")]
    Length(String),
    /// The address goes on behind the prefix.
    #[error("{address} has bits set beyond the first {length}: did you mean {masked}/{length}?")]
    HostBits {
        address: Ipv6Addr,
        length: u8,
        /// Without these bits.
        masked: Ipv6Addr,
    },
    /// RFC 6052 2.2.
    #[error("bits 64 to 71 of {0}/96 are not zero, as RFC 6052 requires")]
    UOctet(Ipv6Addr),
    /// No network can route it to a translator.
    #[error("{0} is not an address that a network could route to a translator")]
    NotRouted(Ipv6Addr),
}

impl Prefix {
    /// The prefix that is the same in every network (RFC 6052 2.1).
    pub const WELL_KNOWN: Self = Self {
        address: Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0),
        length: 96,
    };

    /// A prefix of so many bits.
    ///
    /// # Errors
    ///
    /// If RFC 6052 2.2 does not allow it, or no network can route it.
    pub fn new(address: Ipv6Addr, length: u8) -> Result<Self, PrefixError> {
        if !LENGTHS.contains(&length) {
            return Err(PrefixError::Length(length.to_string()));
        }
        let masked = masked(address, length);
        if masked != address {
            return Err(PrefixError::HostBits {
                address,
                length,
                masked,
            });
        }
        if address.octets()[U_OCTET] != 0 {
            return Err(PrefixError::UOctet(address));
        }
        // ::/96 is unspecified, loopback and "IPv4-compatible", ::ffff:0:0/96 "IPv4-mapped"
        // (RFC 4291 2.5.5): neither is ever sent.
        let reserved = matches!(address.segments(), [0, 0, 0, 0, 0, 0 | 0xffff, _, _]);
        if reserved || address.is_multicast() || address.is_unicast_link_local() {
            return Err(PrefixError::NotRouted(address));
        }
        Ok(Self { address, length })
    }

    /// The address that stands for an IPv4 address (RFC 6052 2.3).
    pub fn synthesize(&self, address: Ipv4Addr) -> Ipv6Addr {
        let mut octets = self.address.octets();
        for (at, octet) in self.positions().zip(address.octets()) {
            octets[at] = octet;
        }
        Ipv6Addr::from(octets)
    }

    /// The IPv4 address that an address stands for (RFC 6052 2.3, where what is behind it does not
    /// count); `None` if it has another prefix.
    pub fn extract(&self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        let octets = address.octets();
        if masked(address, self.length) != self.address || octets[U_OCTET] != 0 {
            return None;
        }
        let mut inner = [0; 4];
        for (octet, at) in inner.iter_mut().zip(self.positions()) {
            *octet = octets[at];
        }
        Some(Ipv4Addr::from(inner))
    }

    /// How an endpoint is reached through the translator: IPv4 ones by their synthesized address,
    /// others as they are.
    pub fn reach(&self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(v4) => {
                let ip = self.synthesize(*v4.ip());
                SocketAddr::V6(SocketAddrV6::new(ip, v4.port(), 0, 0))
            }
            SocketAddr::V6(_) => address,
        }
    }

    /// The endpoint at the other side of the translator; others as they are.
    pub fn behind(&self, address: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.behind_ip(address.ip()), address.port())
    }

    /// The same for an address.
    pub fn behind_ip(&self, address: IpAddr) -> IpAddr {
        let inner = match address {
            IpAddr::V6(v6) => self.extract(v6),
            IpAddr::V4(_) => None,
        };
        inner.map_or(address, IpAddr::V4)
    }

    /// Whether packets to an address go to the translator.
    pub fn covers(&self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V6(v6) if self.extract(v6).is_some())
    }

    /// Where the octets of the IPv4 address are (RFC 6052 2.2, figure 1).
    fn positions(self) -> impl Iterator<Item = usize> {
        (usize::from(self.length / 8)..16)
            .filter(|at| *at != U_OCTET)
            .take(4)
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = text.trim().split_once('/').ok_or(PrefixError::NoLength)?;
        let address: Ipv6Addr = address
            .parse()
            .map_err(|_| PrefixError::NotIpv6(address.to_owned()))?;
        // "+96" and "096" are numbers, but nobody means them.
        let known = LENGTHS.into_iter().find(|l| l.to_string() == length);
        let length = known.ok_or_else(|| PrefixError::Length(length.to_owned()))?;
        Self::new(address, length)
    }
}

/// The prefixes of a network (RFC 7050 3), from the IPv6 addresses of [`WELL_KNOWN_NAME`] in the
/// order in which DNS has them: the first one is preferred. Answers in which no prefix can be told
/// count for nothing.
pub fn discovered(answers: &[Ipv6Addr]) -> Vec<Prefix> {
    let mut prefixes = Vec::new();
    for answer in answers {
        let mut possible = possible_prefixes(*answer);
        // Where several readings make sense, the other well-known address has to confirm one.
        if possible.len() > 1 {
            possible.retain(|(prefix, seen)| {
                let mut others = WELL_KNOWN_ADDRESSES.into_iter().filter(|a| a != seen);
                let answered = |other| answers.iter().any(|a| prefix.extract(*a) == Some(other));
                others.all(answered)
            });
        }
        if let [(prefix, _)] = possible.as_slice()
            && !prefixes.contains(prefix)
        {
            prefixes.push(*prefix);
        }
    }
    prefixes
}

/// The prefix by which one address is the synthesized one of the other, if that can be told.
pub fn between(synthesized: Ipv6Addr, inner: Ipv4Addr) -> Option<Prefix> {
    let mut possible = readings(synthesized).filter(|(_, read)| *read == inner);
    let (prefix, _) = possible.next()?;
    possible.next().is_none().then_some(prefix)
}

/// Every prefix by which this is the synthesized address of a well-known one.
fn possible_prefixes(answer: Ipv6Addr) -> Vec<(Prefix, Ipv4Addr)> {
    readings(answer)
        .filter(|(_, inner)| WELL_KNOWN_ADDRESSES.contains(inner))
        .collect()
}

/// An address with each length of prefix, and what stands behind it.
fn readings(address: Ipv6Addr) -> impl Iterator<Item = (Prefix, Ipv4Addr)> {
    LENGTHS
        .into_iter()
        .filter_map(move |length| Prefix::new(masked(address, length), length).ok())
        .filter_map(move |prefix| Some((prefix, prefix.extract(address)?)))
}

fn masked(address: Ipv6Addr, length: u8) -> Ipv6Addr {
    let behind = u32::from(128 - length.min(128));
    let mask = u128::MAX.checked_shl(behind).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests;
