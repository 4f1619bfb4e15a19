//! STUN and TURN messages as a capture has them: perhaps cut, and never checked for integrity.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub const BINDING: u16 = 1;
pub const ALLOCATE: u16 = 3;
pub const REFRESH: u16 = 4;
pub const SEND: u16 = 6;
pub const DATA: u16 = 7;
pub const CREATE_PERMISSION: u16 = 8;
pub const CHANNEL_BIND: u16 = 9;

pub const USERNAME: u16 = 0x0006;
pub const ERROR_CODE: u16 = 0x0009;
pub const LIFETIME: u16 = 0x000d;
pub const CHANNEL_NUMBER: u16 = 0x000c;
pub const XOR_PEER_ADDRESS: u16 = 0x0012;
pub const DATA_ATTRIBUTE: u16 = 0x0013;
pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub const USE_CANDIDATE: u16 = 0x0025;
pub const ICE_CONTROLLING: u16 = 0x802a;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A message as far as it was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StunFrame<'a> {
    pub method: u16,
    pub class: Class,
    /// The transaction (RFC 8489 5).
    pub id: [u8; 12],
    attributes: &'a [u8],
    /// How long it is as a whole, with its header.
    pub length: usize,
}

impl<'a> StunFrame<'a> {
    /// Reads what begins with a message.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..20)?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if kind & 0xc000 != 0 || header[4..8] != COOKIE || !length.is_multiple_of(4) {
            return None;
        }
        let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        };
        let method = (kind & 0x000f) | ((kind & 0x00e0) >> 1) | ((kind & 0x3e00) >> 2);
        Some(Self {
            method,
            class,
            id: header[8..20].try_into().ok()?,
            attributes: &bytes[20..bytes.len().min(20 + length)],
            length: 20 + length,
        })
    }

    /// Attributes with what was captured of their values.
    fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || {
            let head = rest.get(..4)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = &rest[4..rest.len().min(4 + length)];
            rest = rest
                .get(4 + length.next_multiple_of(4)..)
                .unwrap_or_default();
            Some((kind, value))
        })
    }

    pub fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes()
            .find(|(found, _)| *found == kind)
            .map(|(_, value)| value)
    }

    /// User fragments of a check (RFC 8445 7.2.2): the receiver's, then the sender's.
    pub fn fragments(&self) -> Option<(&'a str, &'a str)> {
        let name = std::str::from_utf8(self.attribute(USERNAME)?).ok()?;
        let (receiver, sender) = name.split_once(':')?;
        let is_one = |text: &str| {
            (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        (is_one(receiver) && is_one(sender)).then_some((receiver, sender))
    }

    pub fn address(&self, kind: u16) -> Option<SocketAddr> {
        let value = self.attribute(kind)?;
        let port = u16::from_be_bytes([*value.get(2)?, *value.get(3)?]) ^ 0x2112;
        let xored = value.get(4..)?;
        let mask = COOKIE.iter().chain(&self.id);
        let ip: IpAddr = match value.get(1)? {
            1 => {
                let mut octets: [u8; 4] = xored.get(..4)?.try_into().ok()?;
                octets
                    .iter_mut()
                    .zip(mask)
                    .for_each(|(octet, mask)| *octet ^= mask);
                Ipv4Addr::from(octets).into()
            }
            2 => {
                let mut octets: [u8; 16] = xored.get(..16)?.try_into().ok()?;
                octets
                    .iter_mut()
                    .zip(mask)
                    .for_each(|(octet, mask)| *octet ^= mask);
                Ipv6Addr::from(octets).into()
            }
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    pub fn error(&self) -> Option<u16> {
        let value = self.attribute(ERROR_CODE)?;
        Some(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?))
    }

    pub fn channel(&self) -> Option<u16> {
        let value = self.attribute(CHANNEL_NUMBER)?;
        Some(u16::from_be_bytes([*value.first()?, *value.get(1)?]))
    }
}

/// ChannelData (RFC 8656 12.4): channel, what was captured, and the length of the whole.
pub fn channel_data(bytes: &[u8]) -> Option<(u16, &[u8], usize)> {
    let header = bytes.get(..4)?;
    let channel = u16::from_be_bytes([header[0], header[1]]);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_one = (0x4000..=0x7fff).contains(&channel);
    is_one.then(|| (channel, &bytes[4..bytes.len().min(4 + length)], 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend(kind.to_be_bytes());
            body.extend(
                u16::try_from(value.len())
                    .expect("it is short")
                    .to_be_bytes(),
            );
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let length = u16::try_from(body.len()).expect("it is short");
        [
            &kind.to_be_bytes()[..],
            &length.to_be_bytes(),
            &COOKIE,
            &[7; 12],
            &body,
        ]
        .concat()
    }

    #[test]
    fn a_check_and_its_answer_are_read() {
        let check = message(0x0001, &[(USERNAME, b"remo:loca"), (USE_CANDIDATE, b"")]);
        let read = StunFrame::read(&check).expect("it is one");
        assert_eq!((read.method, read.class), (BINDING, Class::Request));
        assert_eq!(read.fragments(), Some(("remo", "loca")));
        assert!(read.attribute(USE_CANDIDATE).is_some());
        let address = [
            0,
            1,
            0x21 ^ 0x13,
            0x12 ^ 0x88,
            0x21 ^ 0xc0,
            0x12,
            0xa4 ^ 0x02,
            0x42 ^ 0x01,
        ];
        let answer = message(0x0101, &[(XOR_MAPPED_ADDRESS, &address)]);
        let read = StunFrame::read(&answer).expect("it is one");
        assert_eq!(read.class, Class::Success);
        assert_eq!(
            read.address(XOR_MAPPED_ADDRESS),
            "192.0.2.1:5000".parse().ok()
        );
        let error = message(0x0113, &[(ERROR_CODE, &[0, 0, 4, 1])]);
        let read = StunFrame::read(&error).expect("it is one");
        assert_eq!(
            (read.method, read.class, read.error()),
            (ALLOCATE, Class::Error, Some(401))
        );
    }

    #[test]
    fn messages_that_are_cut_tell_what_they_have() {
        let check = message(0x0001, &[(USERNAME, b"remo:loca"), (USE_CANDIDATE, b"")]);
        for cut in 0..check.len() {
            if let Some(read) = StunFrame::read(&check[..cut]) {
                assert_eq!(read.length, check.len());
                let _ = (
                    read.fragments(),
                    read.address(USERNAME),
                    read.error(),
                    read.channel(),
                );
            }
        }
        assert_eq!(
            channel_data(&[0x40, 1, 0, 9, 1, 2]),
            Some((0x4001, &[1, 2][..], 13))
        );
        assert_eq!(channel_data(&[0x80, 1, 0, 9]), None);
    }
}
