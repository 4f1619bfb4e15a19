//! What a label says of its address: of which kind it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as far as its label shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody's: it is shown as it is.
    Nobodys,
    /// What stands before the number.
    Plain(&'static str),
    /// An IPv4 address in an IPv6 one: what stands before the label of that.
    Embedded(&'static str, Ipv4Addr),
}

pub(super) fn kind(ip: IpAddr) -> Kind {
    match ip {
        IpAddr::V4(ip) => v4(ip).map_or(Kind::Nobodys, Kind::Plain),
        IpAddr::V6(ip) => v6(ip),
    }
}

fn v4(ip: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, d] = ip.octets();
    Some(match (a, b, c) {
        _ if ip.is_unspecified() || ip.is_broadcast() => return None,
        (127, ..) => "lo",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "lan",
        (100, 64..=127, _) => "cgn",
        (169, 254, _) => "ll",
        (192, 0, 0) if d < 8 => "xlat",
        (224..=239, ..) => "mc",
        // RFC 6890; 198.18.0.0/15 is for benchmarks (RFC 2544).
        (0 | 240..=255, ..) | (192, 0, 0) | (198, 18..=19, _) => "res",
        _ => "pub",
    })
}

fn v6(ip: Ipv6Addr) -> Kind {
    if ip.is_unspecified() {
        return Kind::Nobodys;
    }
    let embedded = |prefix, inner: Ipv4Addr| match v4(inner) {
        Some(_) => Kind::Embedded(prefix, inner),
        None => Kind::Nobodys,
    };
    if let Some(inner) = ip.to_ipv4_mapped() {
        return embedded("map-", inner);
    }
    let segments = ip.segments();
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return embedded("n64-", Ipv4Addr::new(a, b, c, d));
    }
    Kind::Plain(match segments[0] {
        _ if ip.is_loopback() => "lo6-",
        0xfe80..=0xfebf => "ll6-",
        0xfc00..=0xfdff => "ula",
        0xff00..=0xffff => "mc6-",
        0x2000..=0x3fff => "pub6-",
        _ => "res6-",
    })
}
