//! STUN on the wire, written by hand from RFC 8489 and 5780 so that the simulated servers share no
//! code with the client under test.

use std::net::{IpAddr, SocketAddr};

pub const BINDING_REQUEST: u16 = 0x0001;
pub const BINDING_SUCCESS: u16 = 0x0101;
pub const BINDING_ERROR: u16 = 0x0111;

pub const MAPPED_ADDRESS: u16 = 0x0001;
pub const CHANGE_REQUEST: u16 = 0x0003;
pub const ERROR_CODE: u16 = 0x0009;
pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub const RESPONSE_PORT: u16 = 0x0027;
pub const SOFTWARE: u16 = 0x8022;
pub const ALTERNATE_SERVER: u16 = 0x8023;
pub const RESPONSE_ORIGIN: u16 = 0x802b;
pub const OTHER_ADDRESS: u16 = 0x802c;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub type TransactionId = [u8; 12];

/// A Binding request as a server reads it.
#[expect(clippy::struct_field_names, reason = "the attribute's name")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub transaction_id: TransactionId,
    pub has_change_request: bool,
    pub change_ip: bool,
    pub change_port: bool,
    pub response_port: Option<u16>,
}

impl Request {
    /// Reads one; `None` if it is anything else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let body = body_of(bytes)?;
        if u16::from_be_bytes([bytes[0], bytes[1]]) != BINDING_REQUEST {
            return None;
        }
        let mut request = Self {
            transaction_id: bytes[8..20].try_into().ok()?,
            has_change_request: false,
            change_ip: false,
            change_port: false,
            response_port: None,
        };
        for (kind, value) in Attributes(body) {
            match kind {
                CHANGE_REQUEST => {
                    request.has_change_request = true;
                    request.change_ip = value.get(3)? & 0x04 != 0;
                    request.change_port = value.get(3)? & 0x02 != 0;
                }
                RESPONSE_PORT => {
                    request.response_port =
                        Some(u16::from_be_bytes([*value.first()?, *value.get(1)?]));
                }
                _ => {}
            }
        }
        Some(request)
    }
}

/// The transaction ID, if the bytes are STUN.
pub fn transaction_id(bytes: &[u8]) -> Option<TransactionId> {
    body_of(bytes)?;
    bytes[8..20].try_into().ok()
}

/// The message type, if the bytes are STUN.
pub fn message_type(bytes: &[u8]) -> Option<u16> {
    body_of(bytes)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// A message under construction.
#[derive(Debug, Clone)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub fn new(kind: u16, transaction_id: TransactionId) -> Self {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend(COOKIE);
        bytes.extend(transaction_id);
        Self { bytes }
    }

    /// RFC 8489 14: type, length, value, padding to four bytes.
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend(length(value.len()));
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// An address as in MAPPED-ADDRESS (RFC 8489 14.1).
    pub fn address(self, kind: u16, address: SocketAddr) -> Self {
        self.attribute(kind, &address_value(address))
    }

    /// An address as in XOR-MAPPED-ADDRESS (RFC 8489 14.2).
    pub fn xor_address(self, kind: u16, address: SocketAddr) -> Self {
        let mut value = address_value(address);
        value[2] ^= COOKIE[0];
        value[3] ^= COOKIE[1];
        for (byte, mask) in value[4..].iter_mut().zip(&self.bytes[4..20]) {
            *byte ^= mask;
        }
        self.attribute(kind, &value)
    }

    /// ERROR-CODE (RFC 8489 14.8).
    pub fn error(self, code: u16, reason: &str) -> Self {
        let digit = |n| u8::try_from(n).expect("error codes have three digits");
        let mut value = vec![0, 0, digit(code / 100), digit(code % 100)];
        value.extend(reason.as_bytes());
        self.attribute(ERROR_CODE, &value)
    }

    pub fn finish(mut self) -> Vec<u8> {
        let body = length(self.bytes.len() - 20);
        self.bytes[2..4].copy_from_slice(&body);
        self.bytes
    }
}

/// What an application-level gateway does: every MAPPED-ADDRESS that is `external` becomes
/// `local`. It does not know XOR-MAPPED-ADDRESS, which is why that exists (RFC 8489 14.2).
pub fn rewrite_mapped_address(bytes: &mut [u8], external: SocketAddr, local: SocketAddr) {
    let (old, new) = (address_value(external), address_value(local));
    if body_of(bytes).is_none() || old.len() != new.len() {
        return;
    }
    let mut at = 20;
    while at + 4 <= bytes.len() {
        let kind = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let size = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let value = at + 4..at + 4 + size;
        if kind == MAPPED_ADDRESS && bytes.get(value.clone()) == Some(&old[..]) {
            bytes[value].copy_from_slice(&new);
        }
        at += 4 + size.next_multiple_of(4);
    }
}

fn address_value(address: SocketAddr) -> Vec<u8> {
    let mut value = vec![0, if address.is_ipv4() { 1 } else { 2 }];
    value.extend(address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => value.extend(ip.octets()),
        IpAddr::V6(ip) => value.extend(ip.octets()),
    }
    value
}

fn length(size: usize) -> [u8; 2] {
    u16::try_from(size)
        .expect("messages are short")
        .to_be_bytes()
}

fn body_of(bytes: &[u8]) -> Option<&[u8]> {
    let header = bytes.get(..20)?;
    let size = usize::from(u16::from_be_bytes([header[2], header[3]]));
    (header[0] & 0xc0 == 0 && header[4..8] == COOKIE && bytes.len() == 20 + size && size % 4 == 0)
        .then(|| &bytes[20..])
}

struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = u16::from_be_bytes([*self.0.first()?, *self.0.get(1)?]);
        let size = usize::from(u16::from_be_bytes([*self.0.get(2)?, *self.0.get(3)?]));
        let value = self.0.get(4..4 + size)?;
        self.0 = self.0.get(4 + size.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    }
}
