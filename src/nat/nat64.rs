//! IPv4 addresses inside IPv6 ones (RFC 6052), and the prefix that a network uses (RFC 7050).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A prefix of a translator (RFC 6052 2.2), of 32, 40, 48, 56, 64 or 96 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: Ipv6Addr,
    length: u8,
}

impl Prefix {
    /// The address that stands for an IPv4 address.
    pub fn synthesize(&self, _address: Ipv4Addr) -> Ipv6Addr {
        self.address
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, length) = text.split_once('/').ok_or("no length")?;
        Ok(Self {
            address: address.parse().map_err(|_| "no IPv6 address")?,
            length: length.parse().map_err(|_| "no length")?,
        })
    }
}
