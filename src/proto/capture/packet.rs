//! UDP and TCP in IP packets, and what ICMP says of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Headers of extensions before the payload of IPv6.
const MAX_HEADERS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub is_tcp: bool,
    /// As far as it was captured.
    pub payload: &'a [u8],
    /// How long it was.
    pub length: usize,
    /// How many routers it may still pass (TTL, hop limit).
    pub hops: u8,
    /// Of TCP: where in the stream its bytes stand, and the flags (RFC 9293 3.1).
    pub sequence: u32,
    pub flags: u8,
}

impl Packet<'_> {
    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const RST: u8 = 4;

    /// Whether it begins a connection.
    pub const fn begins(&self) -> bool {
        self.flags & Self::SYN != 0
    }

    /// Whether its sender sends nothing more in this connection.
    pub const fn ends(&self) -> bool {
        self.flags & (Self::FIN | Self::RST) != 0
    }

    /// Whether neither end sends anything more.
    pub const fn resets(&self) -> bool {
        self.flags & Self::RST != 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    Packet(Packet<'a>),
    /// A router or host says that a datagram cannot be delivered (RFC 792, RFC 4443 3.1).
    Undelivered {
        from: SocketAddr,
        to: SocketAddr,
    },
    /// A later part of a datagram: it has no ports.
    Fragment,
}

/// What an IP packet has in it; `None` for other protocols and packets cut short.
pub fn content(packet: &[u8]) -> Option<Content<'_>> {
    match packet.first()? >> 4 {
        4 => v4(packet),
        6 => v6(packet),
        _ => None,
    }
}

fn be(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn v4(packet: &[u8]) -> Option<Content<'_>> {
    let header = usize::from(packet[0] & 0x0f) * 4;
    // 0 stands there where the network card cuts segments.
    let total = usize::from(be(packet, 2)?);
    let length = if total == 0 { packet.len() } else { total }.checked_sub(header)?;
    let offset = be(packet, 6)?;
    let address = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(octets).into())
    };
    let (from, to) = (address(12)?, address(16)?);
    if offset & 0x1fff != 0 {
        return Some(Content::Fragment);
    }
    let payload = within(packet.get(header..)?, length);
    transport(packet[9], (from, to), (payload, length), packet[8])
}

fn v6(packet: &[u8]) -> Option<Content<'_>> {
    let mut length = usize::from(be(packet, 4)?);
    let address = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(Ipv6Addr::from(octets).into())
    };
    let (from, to) = (address(8)?, address(24)?);
    let mut next = packet[6];
    let mut payload = within(packet.get(40..)?, length);
    for _ in 0..MAX_HEADERS {
        let size = match next {
            0 | 43 | 60 => usize::from(*payload.get(1)?) * 8 + 8,
            44 if be(payload, 2)? & 0xfff8 != 0 => return Some(Content::Fragment),
            44 => 8,
            _ => return transport(next, (from, to), (payload, length), packet[7]),
        };
        next = payload[0];
        payload = payload.get(size..)?;
        length = length.checked_sub(size)?;
    }
    None
}

fn within(bytes: &[u8], length: usize) -> &[u8] {
    &bytes[..bytes.len().min(length)]
}

fn transport(
    protocol: u8,
    (from, to): (IpAddr, IpAddr),
    (payload, length): (&[u8], usize),
    hops: u8,
) -> Option<Content<'_>> {
    let ports = || {
        Some((
            SocketAddr::new(from, be(payload, 0)?),
            SocketAddr::new(to, be(payload, 2)?),
        ))
    };
    match protocol {
        17 => {
            let (from, to) = ports()?;
            let length = usize::from(be(payload, 4)?).checked_sub(8)?;
            let payload = within(payload.get(8..)?, length);
            Some(Content::Packet(Packet {
                from,
                to,
                is_tcp: false,
                payload,
                length,
                hops,
                sequence: 0,
                flags: 0,
            }))
        }
        6 => {
            let (from, to) = ports()?;
            let header = usize::from(payload.get(12)? >> 4) * 4;
            let sequence = u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?);
            let flags = *payload.get(13)?;
            let length = length.checked_sub(header)?;
            let payload = within(payload.get(header..)?, length);
            Some(Content::Packet(Packet {
                from,
                to,
                is_tcp: true,
                payload,
                length,
                hops,
                sequence,
                flags,
            }))
        }
        // Unreachable, with the beginning of what was not delivered.
        1 if payload.first() == Some(&3) => undelivered(payload.get(8..)?),
        58 if payload.first() == Some(&1) => undelivered(payload.get(8..)?),
        _ => None,
    }
}

fn undelivered(original: &[u8]) -> Option<Content<'_>> {
    let (protocol, header) = match original.first()? >> 4 {
        4 => (*original.get(9)?, usize::from(original[0] & 0x0f) * 4),
        6 => (*original.get(6)?, 40),
        _ => return None,
    };
    let address = |v4: usize, v6: usize| -> Option<IpAddr> {
        if header == 40 && original[0] >> 4 == 6 {
            let octets: [u8; 16] = original.get(v6..v6 + 16)?.try_into().ok()?;
            return Some(Ipv6Addr::from(octets).into());
        }
        let octets: [u8; 4] = original.get(v4..v4 + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(octets).into())
    };
    if protocol != 17 {
        return None;
    }
    let from = SocketAddr::new(address(12, 8)?, be(original, header)?);
    let to = SocketAddr::new(address(16, 24)?, be(original, header + 2)?);
    Some(Content::Undelivered { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len() + 8).expect("it is short");
        [&[0x13, 0x88, 0x17, 0x70, 0, length, 0, 0], payload].concat()
    }

    fn over_v4(protocol: u8, inner: &[u8]) -> Vec<u8> {
        let total = u8::try_from(inner.len() + 20).expect("it is short");
        let head = [
            0x45, 0, 0, total, 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
        ];
        [&head[..], inner].concat()
    }

    #[test]
    fn udp_is_found_in_both_families_and_behind_extensions() {
        let wanted = |content: Option<Content>| match content {
            Some(Content::Packet(packet)) => {
                assert_eq!(
                    (packet.from.port(), packet.to.port(), packet.length),
                    (5000, 6000, 3)
                );
                packet.payload.to_vec()
            }
            other => panic!("{other:?}"),
        };
        let datagram = udp(b"abc");
        let v4 = over_v4(17, &datagram);
        assert_eq!(wanted(content(&v4)), b"abc");
        // Padding of the link, and a frame that was cut.
        assert_eq!(wanted(content(&[&v4[..], &[0; 9]].concat())), b"abc");
        assert_eq!(wanted(content(&v4[..v4.len() - 2])), b"a");
        let length = u8::try_from(datagram.len() + 8).expect("it is short");
        let head = [&[0x60, 0, 0, 0, 0, length, 0, 64][..], &[0x20; 32]].concat();
        let v6 = [&head[..], &[17, 0, 0, 0, 0, 0, 0, 0], &datagram].concat();
        assert_eq!(wanted(content(&v6)), b"abc");
    }

    #[test]
    fn fragments_and_undelivered_datagrams_are_told() {
        let datagram = over_v4(17, &udp(b"abc"));
        let mut later = datagram.clone();
        later[7] = 9;
        assert_eq!(content(&later), Some(Content::Fragment));
        let icmp = over_v4(
            1,
            &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &datagram[..28]].concat(),
        );
        let said = Content::Undelivered {
            from: "192.0.2.1:5000".parse().expect("an address"),
            to: "192.0.2.2:6000".parse().expect("an address"),
        };
        assert_eq!(content(&icmp), Some(said));
    }

    #[test]
    fn whatever_is_cut_off_is_no_packet_and_no_panic() {
        let whole = over_v4(
            1,
            &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &over_v4(17, &udp(b"abc"))].concat(),
        );
        for cut in 0..whole.len() {
            let _ = content(&whole[..cut]);
        }
    }
}
