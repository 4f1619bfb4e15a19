//! A message as it was received, read by hand (RFC 8489 5 and 14).

use std::net::{IpAddr, SocketAddr};

use super::super::stun_wire::{ERROR_CODE, TransactionId};
use super::wire::{
    COOKIE, Class, Digest, FINGERPRINT, HEADER, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256,
    Method, be16, fingerprint_of, set_length,
};

/// One attribute, and where it begins in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub kind: u16,
    pub offset: usize,
    pub value: &'a [u8],
}

/// A message as it was received.
#[derive(Debug, Clone)]
pub struct Incoming<'a> {
    pub bytes: &'a [u8],
    pub kind: u16,
    pub id: TransactionId,
    pub attributes: Vec<Attribute<'a>>,
}

impl<'a> Incoming<'a> {
    /// Reads one; `None` if the bytes are not exactly one message.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        let size = usize::from(be16(&header[2..])?);
        if header[0] & 0xc0 != 0 || header[4..8] != COOKIE || size % 4 != 0 {
            return None;
        }
        if bytes.len() != HEADER + size {
            return None;
        }
        let mut attributes = Vec::new();
        // RFC 8489 14.5: what follows the integrity is ignored, but for these.
        let mut last = None;
        let mut offset = HEADER;
        while offset < bytes.len() {
            let kind = be16(&bytes[offset..])?;
            let size = usize::from(be16(bytes.get(offset + 2..)?)?);
            let value = bytes.get(offset + 4..offset + 4 + size)?;
            let counts = match last {
                None => true,
                Some(MESSAGE_INTEGRITY) => {
                    matches!(kind, MESSAGE_INTEGRITY_SHA256 | FINGERPRINT)
                }
                Some(_) => kind == FINGERPRINT,
            };
            if counts {
                attributes.push(Attribute {
                    kind,
                    offset,
                    value,
                });
            }
            if matches!(kind, MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256) {
                last = Some(kind);
            }
            offset += 4 + size.next_multiple_of(4);
        }
        Some(Self {
            bytes,
            kind: be16(bytes)?,
            id: bytes[8..HEADER].try_into().ok()?,
            attributes,
        })
    }

    pub fn method(&self) -> Option<Method> {
        let number = self.kind & 0x3eef;
        Method::ALL.into_iter().find(|m| *m as u16 == number)
    }

    pub fn class(&self) -> Class {
        match self.kind & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            _ => Class::Response,
        }
    }

    pub fn has(&self, kind: u16) -> bool {
        self.get(kind).is_some()
    }

    /// The value of the first such attribute.
    pub fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.all(kind).next()
    }

    pub fn all(&self, kind: u16) -> impl Iterator<Item = &'a [u8]> + '_ {
        let those = self.attributes.iter().filter(move |a| a.kind == kind);
        those.map(|a| a.value)
    }

    pub fn u16(&self, kind: u16) -> Option<u16> {
        be16(self.get(kind)?)
    }

    pub fn u32(&self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.get(kind)?.try_into().ok()?))
    }

    /// ERROR-CODE (RFC 8489 14.8).
    pub fn error_code(&self) -> Option<u16> {
        let value = self.get(ERROR_CODE)?;
        Some(u16::from(*value.get(2)?) * 100 + u16::from(*value.get(3)?))
    }

    /// An address as in XOR-MAPPED-ADDRESS (RFC 8489 14.2).
    pub fn xor_address(&self, kind: u16) -> Option<SocketAddr> {
        self.unmask(self.get(kind)?)
    }

    /// All of them; `None` if there is none or one of them is broken.
    pub fn xor_addresses(&self, kind: u16) -> Option<Vec<SocketAddr>> {
        let all: Vec<SocketAddr> = self
            .all(kind)
            .map(|value| self.unmask(value))
            .collect::<Option<_>>()?;
        (!all.is_empty()).then_some(all)
    }

    fn unmask(&self, value: &[u8]) -> Option<SocketAddr> {
        let port = be16(value.get(2..)?)? ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
        let masked = value.get(4..)?.iter().zip(&self.bytes[4..HEADER]);
        let octets: Vec<u8> = masked.map(|(byte, mask)| byte ^ mask).collect();
        let ip: IpAddr = match (value[1], value.len()) {
            (1, 8) => <[u8; 4]>::try_from(octets).ok()?.into(),
            (2, 20) => <[u8; 16]>::try_from(octets).ok()?.into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// Whether an integrity attribute of this kind is there, and right.
    pub fn is_signed(&self, digest: Digest, key: &[u8]) -> Option<bool> {
        let attribute = self
            .attributes
            .iter()
            .find(|a| a.kind == digest.attribute())?;
        let mut covered = self.bytes[..attribute.offset].to_vec();
        let size = attribute.value.len();
        set_length(
            &mut covered,
            attribute.offset + 4 + size.next_multiple_of(4),
        );
        let hmac = digest.hmac(key, &covered);
        // RFC 8489 14.6: the longer one may be cut to a multiple of four, sixteen at least.
        let may_be = match digest {
            Digest::Sha1 => size == 20,
            Digest::Sha256 => (16..=32).contains(&size) && size % 4 == 0,
        };
        Some(may_be && hmac[..size] == *attribute.value)
    }

    /// Whether a FINGERPRINT is there, and right.
    pub fn fingerprint(&self) -> Option<bool> {
        let attribute = self.attributes.iter().find(|a| a.kind == FINGERPRINT)?;
        let mut covered = self.bytes[..attribute.offset].to_vec();
        set_length(&mut covered, attribute.offset + 8);
        Some(*attribute.value == fingerprint_of(&covered).to_be_bytes())
    }
}
