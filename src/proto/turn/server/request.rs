//! What clients send to a TURN server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::proto::stun::message::{
    HEADER_LEN, MAGIC_COOKIE, NONCE, REALM, TransactionId, looks_like_stun, note_unknown,
    split_attributes, value_of,
};
use crate::proto::turn::message::{MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256};

const USERNAME: u16 = 0x0006;
const CHANNEL_NUMBER: u16 = 0x000c;
const LIFETIME: u16 = 0x000d;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
const EVEN_PORT: u16 = 0x0018;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const RESERVATION_TOKEN: u16 = 0x0022;
const SEND_INDICATION: u16 = 0x0016;

/// A kind of request (RFC 8656 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Allocate,
    Refresh,
    CreatePermission,
    ChannelBind,
}

impl Method {
    pub const fn number(self) -> u16 {
        match self {
            Self::Allocate => 0x003,
            Self::Refresh => 0x004,
            Self::CreatePermission => 0x008,
            Self::ChannelBind => 0x009,
        }
    }

    fn of(kind: u16) -> Option<Self> {
        [
            Self::Allocate,
            Self::Refresh,
            Self::CreatePermission,
            Self::ChannelBind,
        ]
        .into_iter()
        .find(|method| method.number() == kind)
    }
}

/// Which port is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    #[default]
    Any,
    Even,
    /// One that is reserved, or the reservation of the next one.
    Reserved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

#[derive(Debug)]
pub enum Message<'a> {
    Request(Method, Attributes<'a>),
    /// A Send indication (RFC 8656 11.1): to whom, what.
    Send(SocketAddr, &'a [u8]),
}

/// The attributes up to MESSAGE-INTEGRITY; what stands behind it is not protected by it and does not
/// count (RFC 8489 14.5).
#[derive(Debug, Default)]
pub struct Attributes<'a> {
    /// The request's.
    pub id: TransactionId,
    pub username: Option<&'a str>,
    pub realm: Option<&'a str>,
    pub nonce: Option<&'a str>,
    /// Whether there is a MESSAGE-INTEGRITY.
    pub is_signed: bool,
    /// LIFETIME in seconds.
    pub lifetime_s: Option<u32>,
    /// All XOR-PEER-ADDRESS.
    pub peers: Vec<SocketAddr>,
    pub channel: Option<u16>,
    pub transport: Option<u8>,
    pub family: Option<u8>,
    /// EVEN-PORT and RESERVATION-TOKEN.
    pub port: Port,
    /// Comprehension-required attributes that are not understood.
    pub unknown: Vec<u16>,
    /// An attribute has a value that it cannot have.
    pub is_bad: bool,
    data: Option<&'a [u8]>,
}

/// Reads a message.
/// Fails if a server has no use for it.
pub fn read(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    if !looks_like_stun(bytes) {
        return Err(Malformed);
    }
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    if HEADER_LEN + length != bytes.len() {
        return Err(Malformed);
    }
    let kind = u16::from_be_bytes([bytes[0], bytes[1]]);
    if let Some(method) = Method::of(kind) {
        return Ok(Message::Request(method, attributes(bytes)?));
    }
    if kind != SEND_INDICATION {
        return Err(Malformed);
    }
    let attributes = attributes(bytes)?;
    match (attributes.peers.first(), attributes.data) {
        // DONT-FRAGMENT is among the unknown ones: what asks for it is dropped (RFC 8656 11.2).
        (Some(peer), Some(data)) if attributes.unknown.is_empty() && !attributes.is_bad => {
            Ok(Message::Send(*peer, data))
        }
        _ => Err(Malformed),
    }
}

fn attributes(bytes: &[u8]) -> Result<Attributes<'_>, Malformed> {
    let mut found = Attributes {
        id: bytes[8..HEADER_LEN].try_into().expect("12 bytes"),
        ..Attributes::default()
    };
    for (kind, raw) in split_attributes(&bytes[HEADER_LEN..]).map_err(|_| Malformed)? {
        let value = value_of(raw).ok_or(Malformed)?;
        if matches!(kind, MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256) {
            found.is_signed = kind == MESSAGE_INTEGRITY;
            break;
        }
        if found.take(kind, value).is_none() {
            found.is_bad = true;
        }
    }
    Ok(found)
}

impl<'a> Attributes<'a> {
    /// Takes an attribute; of several of one kind the first counts, but all peers. `None` if the
    /// value cannot be.
    fn take(&mut self, kind: u16, value: &'a [u8]) -> Option<()> {
        match kind {
            USERNAME => _ = self.username.get_or_insert(text(value)?),
            REALM => _ = self.realm.get_or_insert(text(value)?),
            NONCE => _ = self.nonce.get_or_insert(text(value)?),
            LIFETIME => {
                let seconds = u32::from_be_bytes(value.try_into().ok()?);
                self.lifetime_s.get_or_insert(seconds);
            }
            XOR_PEER_ADDRESS => self.peers.push(xor_address(value, self.id)?),
            CHANNEL_NUMBER => _ = self.channel.get_or_insert(number(value)?),
            REQUESTED_TRANSPORT => _ = self.transport.get_or_insert(first_of_four(value)?),
            REQUESTED_ADDRESS_FAMILY => _ = self.family.get_or_insert(first_of_four(value)?),
            DATA => _ = self.data.get_or_insert(value),
            // RFC 8656 18.7: the R bit.
            EVEN_PORT if value.first()? & 0x80 == 0 => self.port = self.port.max(Port::Even),
            EVEN_PORT | RESERVATION_TOKEN => self.port = Port::Reserved,
            _ => note_unknown(&mut self.unknown, kind),
        }
        Some(())
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// A number and two bytes that mean nothing (RFC 8656 18.1).
fn number(value: &[u8]) -> Option<u16> {
    match value {
        &[high, low, _, _] => Some(u16::from_be_bytes([high, low])),
        _ => None,
    }
}

fn first_of_four(value: &[u8]) -> Option<u8> {
    match value {
        &[first, _, _, _] => Some(first),
        _ => None,
    }
}

/// As XOR-MAPPED-ADDRESS (RFC 8489 14.2).
fn xor_address(value: &[u8], id: TransactionId) -> Option<SocketAddr> {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE);
    mask[4..].copy_from_slice(&id);
    let &[_, family, high, low, ref ip @ ..] = value else {
        return None;
    };
    let port = u16::from_be_bytes([high ^ mask[0], low ^ mask[1]]);
    let bytes: Vec<u8> = ip.iter().zip(mask).map(|(a, b)| a ^ b).collect();
    let ip: IpAddr = match (family, ip.len()) {
        (1, 4) => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into(),
        (2, 16) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
