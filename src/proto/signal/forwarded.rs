//! Whom a reverse proxy speaks for: what it says in HTTP headers (X-Forwarded-For, and Forwarded of RFC 7239)
//! and before the first byte (the PROXY protocol, versions 1 and 2).
//!
//! Anybody can write these. So they count only where they come from an address that the operator has named,
//! and in a list of addresses only as far as each one was added by such a proxy: from the right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The client behind a proxy at `peer`, by the headers of its request; `peer` itself where they name nobody.
///
/// Most proxies write X-Forwarded-For and pass on what a client wrote into Forwarded, others the other way round. So
/// where both are there and do not agree, neither is believed.
pub fn client(
    peer: IpAddr,
    x_forwarded_for: &[&str],
    forwarded: &[&str],
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let nearest = |list: Vec<Option<IpAddr>>| {
        let mut client = peer;
        for hop in list.into_iter().rev() {
            if !is_trusted(client) {
                break;
            }
            // What cannot be read is the word of nobody.
            let Some(ip) = hop else {
                break;
            };
            client = ip;
        }
        client
    };
    let common = || x_forwarded_for.iter().flat_map(|value| value.split(','));
    let standard = || forwarded.iter().flat_map(|value| elements(value));
    let by_common = nearest(common().map(|text| node(text.trim())).collect());
    let by_standard = nearest(standard().map(node_of_element).collect());
    match (x_forwarded_for.is_empty(), forwarded.is_empty()) {
        (false, true) => by_common,
        (true, false) => by_standard,
        (false, false) if by_common == by_standard => by_common,
        _ => peer,
    }
}

/// The elements of a Forwarded header; commas within quotes are part of a value (RFC 7239 4).
fn elements(value: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut is_quoted) = (Vec::new(), 0, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                parts.push(&value[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[begin..]);
    parts
}

fn node_of_element(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| node(value))?
    })
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets.
fn node(text: &str) -> Option<IpAddr> {
    let ip = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
        .or_else(|| {
            let bare = text.strip_prefix('[')?.strip_suffix(']')?;
            Some(bare.parse::<Ipv6Addr>().ok()?.into())
        })?;
    Some(ip.to_canonical())
}

/// The beginning of a connection from a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It may become a PROXY header; more bytes are needed.
    Unfinished,
    /// There is none: the client speaks from the first byte.
    Absent,
    /// A header of so many bytes, and whom the proxy speaks for; `None` if for itself.
    Header(usize, Option<SocketAddr>),
    /// It begins like one and is none.
    Malformed,
}

/// The longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2 without its addresses.
const FIXED: usize = 16;
/// Addresses and the extensions behind them; more is not read.
pub const MOST_BEGIN: usize = FIXED + 2048;

/// Reads a header of the PROXY protocol, version 1 or 2.
pub fn begin(bytes: &[u8]) -> Begin {
    if bytes.starts_with(b"PROXY ") {
        return line(bytes);
    }
    if bytes.starts_with(SIGNATURE) {
        return binary(bytes);
    }
    let may_become = |whole: &[u8]| whole.starts_with(bytes);
    if may_become(b"PROXY ") || may_become(SIGNATURE) {
        Begin::Unfinished
    } else {
        Begin::Absent
    }
}

fn line(bytes: &[u8]) -> Begin {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LONGEST_LINE {
            Begin::Unfinished
        } else {
            Begin::Malformed
        };
    };
    let Ok(text) = str::from_utf8(&bytes[..end]) else {
        return Begin::Malformed;
    };
    let mut words = text.split(' ').skip(1);
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Begin::Header(end + 2, None);
    }
    let source = (|| {
        let ip: IpAddr = words.next()?.parse().ok()?;
        let _destination: IpAddr = words.next()?.parse().ok()?;
        let port: u16 = words.next()?.parse().ok()?;
        let fits = match family? {
            "TCP4" => ip.is_ipv4(),
            "TCP6" => ip.is_ipv6(),
            _ => false,
        };
        fits.then(|| SocketAddr::new(ip.to_canonical(), port))
    })();
    match source {
        Some(source) if end + 2 <= LONGEST_LINE => Begin::Header(end + 2, Some(source)),
        _ => Begin::Malformed,
    }
}

fn binary(bytes: &[u8]) -> Begin {
    let Some(fixed) = bytes.get(..FIXED) else {
        return Begin::Unfinished;
    };
    let length = FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if fixed[12] >> 4 != 2 || length > MOST_BEGIN {
        return Begin::Malformed;
    }
    let Some(addresses) = bytes.get(FIXED..length) else {
        return Begin::Unfinished;
    };
    // LOCAL: the proxy itself, as for a look at its health.
    let command = fixed[12] % 16;
    if command == 0 {
        return Begin::Header(length, None);
    }
    let port = |at: usize| {
        Some(u16::from_be_bytes([
            *addresses.get(at)?,
            *addresses.get(at + 1)?,
        ]))
    };
    let source = match fixed[13] {
        0x11 => (|| {
            let ip: [u8; 4] = addresses.get(..4)?.try_into().ok()?;
            Some(SocketAddr::new(Ipv4Addr::from(ip).into(), port(8)?))
        })(),
        0x21 => (|| {
            let ip: [u8; 16] = addresses.get(..16)?.try_into().ok()?;
            let ip = IpAddr::from(Ipv6Addr::from(ip)).to_canonical();
            Some(SocketAddr::new(ip, port(32)?))
        })(),
        // Unspecified, datagrams, paths of this machine: nobody that could be named.
        _ => return Begin::Header(length, None),
    };
    match source {
        Some(source) if command == 1 => Begin::Header(length, Some(source)),
        _ => Begin::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_what_trusted_proxies_added_counts() {
        let is_trusted = |of: IpAddr| of == ip("10.0.0.1") || of == ip("10.0.0.2");
        let proxy = ip("10.0.0.1");
        for (common, standard, expected) in [
            (&["203.0.113.5"][..], &[][..], "203.0.113.5"),
            // The client wrote the first one itself.
            (&["198.51.100.9, 203.0.113.5"], &[], "203.0.113.5"),
            (
                &["198.51.100.9", "203.0.113.5, 10.0.0.2"],
                &[],
                "203.0.113.5",
            ),
            (&["203.0.113.5:4711"], &[], "203.0.113.5"),
            (&["::ffff:203.0.113.5"], &[], "203.0.113.5"),
            (&["2001:db8::5"], &[], "2001:db8::5"),
            (&["[2001:db8::5]:1"], &[], "2001:db8::5"),
            (&["unknown"], &[], "10.0.0.1"),
            (&["203.0.113.5, junk"], &[], "10.0.0.1"),
            (&[""], &[], "10.0.0.1"),
            (&[], &[], "10.0.0.1"),
            (&[], &["for=203.0.113.5"], "203.0.113.5"),
            (
                &[],
                &["for=198.51.100.9, FOR=\"203.0.113.5:9\";proto=http"],
                "203.0.113.5",
            ),
            (&[], &["by=x;for=\"[2001:db8::5]:4711\""], "2001:db8::5"),
            (&[], &["for=_hidden"], "10.0.0.1"),
            (&[], &["for=\"a,b\", for=203.0.113.5"], "203.0.113.5"),
            (&["203.0.113.5"], &["for=203.0.113.5"], "203.0.113.5"),
            // One of them was written by the client.
            (&["203.0.113.5"], &["for=198.51.100.9"], "10.0.0.1"),
        ] {
            let found = client(proxy, common, standard, is_trusted);
            assert_eq!(found, ip(expected), "{common:?} {standard:?}");
        }
        let stranger = ip("198.51.100.1");
        let found = client(stranger, &["203.0.113.5"], &["for=203.0.113.5"], is_trusted);
        assert_eq!(found, stranger);
    }

    #[test]
    fn the_proxy_protocol_is_read_and_nothing_else_is_taken_for_it() {
        let source = |text: &str| Some(text.parse().expect("an address"));
        let v1 = b"PROXY TCP4 203.0.113.5 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n";
        assert_eq!(begin(v1), Begin::Header(43, source("203.0.113.5:4711")));
        for length in 1..43 {
            assert_eq!(begin(&v1[..length]), Begin::Unfinished, "{length}");
        }
        let v6 = b"PROXY TCP6 2001:db8::5 2001:db8::1 1 2\r\n";
        assert_eq!(begin(v6), Begin::Header(40, source("[2001:db8::5]:1")));
        assert_eq!(begin(b"PROXY UNKNOWN x y\r\n"), Begin::Header(19, None));
        for bad in [
            &b"PROXY TCP4 2001:db8::5 192.0.2.1 1 2\r\n"[..],
            b"PROXY TCP4 203.0.113.5\r\n",
            b"PROXY \xff\r\n",
            &[&b"PROXY "[..], &[b'x'; 200]].concat(),
        ] {
            assert_eq!(begin(bad), Begin::Malformed);
        }
        let v2 = |command: u8, family: u8, body: &[u8]| {
            let length = u16::try_from(body.len()).expect("short").to_be_bytes();
            [SIGNATURE, &[0x20 | command, family][..], &length, body].concat()
        };
        let four = [203, 0, 113, 5, 192, 0, 2, 1, 0x12, 0x67, 1, 187, 9, 9];
        let whole = v2(1, 0x11, &four);
        assert_eq!(begin(&whole), Begin::Header(30, source("203.0.113.5:4711")));
        for length in 1..30 {
            assert_eq!(begin(&whole[..length]), Begin::Unfinished, "{length}");
        }
        assert_eq!(begin(&v2(0, 0, &[])), Begin::Header(16, None));
        assert_eq!(begin(&v2(1, 0x31, &[0; 216])), Begin::Header(232, None));
        assert_eq!(begin(&v2(1, 0x11, &[0; 9])), Begin::Malformed);
        assert_eq!(begin(&v2(2, 0x11, &four)), Begin::Malformed);
        assert_eq!(begin(&v2(1, 0x11, &[0; 3000])), Begin::Malformed);
        for other in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01",
            b"\r\nx",
            b"PROXz",
        ] {
            assert_eq!(begin(other), Begin::Absent, "{other:?}");
        }
    }
}
