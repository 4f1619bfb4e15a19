//! TURN on the wire, by hand from RFC 8489 and 8656. Messages are built with
//! [`stun_wire::Message`](super::super::stun_wire::Message).

use std::net::IpAddr;

use ring::{digest, hmac};

pub use super::incoming::Incoming;

pub const HEADER: usize = 20;
pub(super) const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub const USERNAME: u16 = 0x0006;
pub const MESSAGE_INTEGRITY: u16 = 0x0008;
pub const CHANNEL_NUMBER: u16 = 0x000c;
pub const LIFETIME: u16 = 0x000d;
pub const XOR_PEER_ADDRESS: u16 = 0x0012;
pub const DATA: u16 = 0x0013;
pub const REALM: u16 = 0x0014;
pub const NONCE: u16 = 0x0015;
pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
pub const REQUESTED_TRANSPORT: u16 = 0x0019;
pub const DONT_FRAGMENT: u16 = 0x001a;
pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
pub const PASSWORD_ALGORITHM: u16 = 0x001d;
pub const USERHASH: u16 = 0x001e;
pub const ADDITIONAL_ADDRESS_FAMILY: u16 = 0x8000;
pub const ADDRESS_ERROR_CODE: u16 = 0x8001;
pub const PASSWORD_ALGORITHMS: u16 = 0x8002;
pub const ALTERNATE_DOMAIN: u16 = 0x8003;
pub const FINGERPRINT: u16 = 0x8028;

/// REQUESTED-TRANSPORT: the protocol number of UDP.
pub const UDP: u8 = 17;
/// PASSWORD-ALGORITHM (RFC 8489 18.5).
pub const MD5: u16 = 1;
pub const SHA256: u16 = 2;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Binding = 0x001,
    Allocate = 0x003,
    Refresh = 0x004,
    Send = 0x006,
    Data = 0x007,
    CreatePermission = 0x008,
    ChannelBind = 0x009,
}

impl Method {
    pub(super) const ALL: [Self; 7] = [
        Self::Binding,
        Self::Allocate,
        Self::Refresh,
        Self::Send,
        Self::Data,
        Self::CreatePermission,
        Self::ChannelBind,
    ];

    /// The message types (RFC 8489 5): methods up to 0xf have their bits in place.
    pub const fn request(self) -> u16 {
        self as u16
    }

    pub const fn indication(self) -> u16 {
        self as u16 | 0x0010
    }

    pub const fn success(self) -> u16 {
        self as u16 | 0x0100
    }

    pub const fn error(self) -> u16 {
        self as u16 | 0x0110
    }
}

/// The two lower bits of the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Request,
    Indication,
    Response,
}

/// REQUESTED-ADDRESS-FAMILY (RFC 8656 18.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    V4 = 1,
    V6 = 2,
}

impl Family {
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    pub fn from_wire(value: &[u8]) -> Option<Self> {
        match value.first()? {
            1 => Some(Self::V4),
            2 => Some(Self::V6),
            _ => None,
        }
    }
}

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    Sha1,
    Sha256,
}

impl Digest {
    pub(super) const fn attribute(self) -> u16 {
        match self {
            Self::Sha1 => MESSAGE_INTEGRITY,
            Self::Sha256 => MESSAGE_INTEGRITY_SHA256,
        }
    }

    const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    pub(super) fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        };
        let key = hmac::Key::new(algorithm, key);
        hmac::sign(&key, bytes).as_ref().to_vec()
    }
}

/// Adds MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 to a whole message.
pub fn sign(bytes: &mut Vec<u8>, digest: Digest, key: &[u8]) {
    let size = digest.size();
    let total = bytes.len() + 4 + size;
    set_length(bytes, total);
    let hmac = digest.hmac(key, bytes);
    bytes.extend(digest.attribute().to_be_bytes());
    bytes.extend(short(size).to_be_bytes());
    bytes.extend(hmac);
}

/// Adds FINGERPRINT (RFC 8489 14.7) to a whole message.
pub fn add_fingerprint(bytes: &mut Vec<u8>) {
    let total = bytes.len() + 8;
    set_length(bytes, total);
    let value = fingerprint_of(bytes);
    bytes.extend(FINGERPRINT.to_be_bytes());
    bytes.extend(4_u16.to_be_bytes());
    bytes.extend(value.to_be_bytes());
}

/// Leaves these attributes out of a whole message.
pub fn omit(bytes: &[u8], kinds: &[u16]) -> Vec<u8> {
    let mut kept = bytes[..HEADER].to_vec();
    let mut rest = &bytes[HEADER..];
    while let (Some(kind), Some(size)) = (be16(rest), rest.get(2..).and_then(be16)) {
        let whole = (4 + usize::from(size).next_multiple_of(4)).min(rest.len());
        if !kinds.contains(&kind) {
            kept.extend(&rest[..whole]);
        }
        rest = &rest[whole..];
    }
    let total = kept.len();
    set_length(&mut kept, total);
    kept
}

/// The key of the long-term credentials (RFC 8489 18.5.1).
pub fn key(algorithm: u16, username: &str, realm: &str, password: &str) -> Vec<u8> {
    let text = format!("{username}:{realm}:{password}");
    match algorithm {
        SHA256 => sha256(text.as_bytes()),
        _ => md5::compute(text).0.to_vec(),
    }
}

/// USERHASH (RFC 8489 14.4).
pub fn userhash(username: &str, realm: &str) -> Vec<u8> {
    sha256(format!("{username}:{realm}").as_bytes())
}

/// PASSWORD-ALGORITHMS (RFC 8489 14.11), and with one element PASSWORD-ALGORITHM. The known ones
/// have no parameters.
pub fn password_algorithms(algorithms: &[u16]) -> Vec<u8> {
    let each = algorithms.iter().map(|a| [a.to_be_bytes(), [0, 0]]);
    each.flatten().flatten().collect()
}

/// ChannelData (RFC 8656 12.4); padded to four bytes if it goes over a stream.
pub fn channel_data(number: u16, payload: &[u8], padded: bool) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend(short(payload.len()).to_be_bytes());
    bytes.extend(payload);
    if padded {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// Whether the bytes begin as ChannelData does (RFC 8656 12.5).
pub fn is_channel_data(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0xc0 == 0x40)
}

/// Reads ChannelData, padded or not.
pub fn parse_channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    if !is_channel_data(bytes) {
        return None;
    }
    let size = usize::from(be16(bytes.get(2..)?)?);
    Some((be16(bytes)?, bytes.get(4..4 + size)?))
}

/// Takes one whole message off a stream: STUN, or ChannelData with its padding.
///
/// # Errors
///
/// This is neither, so there is no way to go on.
pub fn take_frame(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, NotTurn> {
    let Some(first) = received.first() else {
        return Ok(None);
    };
    if first & 0xc0 != 0 && !is_channel_data(received) {
        return Err(NotTurn);
    }
    let Some(size) = received.get(2..).and_then(be16).map(usize::from) else {
        return Ok(None);
    };
    let whole = if is_channel_data(received) {
        (4 + size).next_multiple_of(4)
    } else {
        HEADER + size
    };
    Ok((received.len() >= whole).then(|| received.drain(..whole).collect()))
}

/// The stream has something else on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTurn;

/// Corrects the length in the header for a message of this size in all.
pub(super) fn set_length(bytes: &mut [u8], total: usize) {
    bytes[2..4].copy_from_slice(&short(total - HEADER).to_be_bytes());
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// CRC-32 as in ISO 3309, XORed with "STUN".
pub(super) fn fingerprint_of(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc ^ 0x5354_554e
}

pub(super) fn be16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]))
}

fn short(size: usize) -> u16 {
    u16::try_from(size).expect("messages are short")
}
