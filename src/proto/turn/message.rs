//! TURN requests and their answers, on the stun-rs codec.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use stun_rs::attributes::stun::{
    MessageIntegrity, MessageIntegritySha256, PasswordAlgorithm as AlgorithmAttribute,
    PasswordAlgorithms, UserName, XorMappedAddress,
};
use stun_rs::attributes::turn::{
    ChannelNumber, Data, LifeTime, RequestedAddressFamily, RequestedTrasport, XorPeerAddress,
    XorRelayedAddress,
};
use stun_rs::methods::{ALLOCATE, CHANNEL_BIND, CREATE_PERMMISSION, DATA, REFRESH, SEND};
use stun_rs::{
    AddressFamily, Algorithm, AlgorithmId, MessageClass, MessageEncoderBuilder, MessageMethod,
    StunMessage, StunMessageBuilder, get_input_text,
};

use crate::base::family::Family;
use crate::proto::stun::message::{
    DecodeError, Decoded, ErrorResponse, HEADER_LEN, NONCE, REALM, TransactionId, attribute,
    decode_lenient,
};
use crate::proto::turn::credentials::{Key, PasswordAlgorithm};

pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(super) const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const THIRD_PARTY_AUTHORIZATION: u16 = 0x802e;
/// RFC 8489 9.2: a nonce that begins so carries security feature bits.
const NONCE_COOKIE: &str = "obMatJos2";
/// Leftmost bit of the first byte.
const PASSWORD_ALGORITHMS_BIT: u8 = 0x80;
/// Longest request: user name, realm and nonce at their limits, and some peers.
const LARGEST_REQUEST: usize = 8192;
/// What a Data indication has beside the data: headers, the peer's address, padding.
const AROUND_DATA: usize = 64;

/// A TURN request (RFC 8656).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Allocate (RFC 8656 7), for UDP, with REQUESTED-ADDRESS-FAMILY if a family is named.
    Allocate(Option<Family>),
    /// Refresh (RFC 8656 8), in seconds; 0 ends the allocation.
    Refresh(u32),
    /// `CreatePermission` (RFC 8656 10).
    CreatePermission(Vec<IpAddr>),
    /// `ChannelBind` (RFC 8656 12).
    ChannelBind(u16, SocketAddr),
}

/// What authenticates a request (RFC 8489 9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    pub username: String,
    pub realm: String,
    pub nonce: String,
    pub key: Key,
    /// The algorithms that the server offered, echoed against bidding down, and the one taken.
    pub algorithms: Option<(Vec<u16>, PasswordAlgorithm)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub transaction_id: TransactionId,
    /// Whether it is an answer to this kind of request.
    method: MessageMethod,
    pub outcome: Result<Success, ErrorResponse>,
    pub software: Option<String>,
    pub challenge: Challenge,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Success {
    /// XOR-RELAYED-ADDRESS.
    pub relayed: Option<SocketAddr>,
    /// XOR-MAPPED-ADDRESS.
    pub mapped: Option<SocketAddr>,
    /// LIFETIME in seconds.
    pub lifetime_s: Option<u32>,
}

impl Success {
    /// What an answer to Allocate should have beside the relayed address (RFC 8656 7.3), and has not.
    pub const fn lacks(&self) -> Option<&'static str> {
        match (self.mapped, self.lifetime_s) {
            (Some(_), Some(_)) => None,
            (None, Some(_)) => Some("XOR-MAPPED-ADDRESS"),
            (Some(_), None) => Some("LIFETIME"),
            (None, None) => Some("XOR-MAPPED-ADDRESS and LIFETIME"),
        }
    }
}

/// What a 401 or 438 answer asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    pub realm: Option<String>,
    pub nonce: Option<String>,
    /// PASSWORD-ALGORITHMS, as numbers of the IANA registry.
    pub algorithms: Option<Vec<u16>>,
    /// THIRD-PARTY-AUTHORIZATION (RFC 7635 6.1): the server that gives access tokens.
    pub token_authority: Option<String>,
}

/// A Data indication (RFC 8656 11.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataIndication {
    pub peer: SocketAddr,
    pub payload: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Response(Box<Response>),
    Data(DataIndication),
}

/// Whether an answer comes from somebody who knows the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    Valid,
    Absent,
    Wrong,
}

impl Request {
    const fn method(&self) -> MessageMethod {
        match self {
            Self::Allocate(_) => ALLOCATE,
            Self::Refresh(_) => REFRESH,
            Self::CreatePermission(_) => CREATE_PERMMISSION,
            Self::ChannelBind(..) => CHANNEL_BIND,
        }
    }

    /// Encodes the request; `None` if realm or nonce cannot be sent back as they came.
    pub fn encode(
        &self,
        transaction_id: TransactionId,
        authentication: Option<&Authentication>,
    ) -> Option<Vec<u8>> {
        let mut builder = StunMessageBuilder::new(self.method(), MessageClass::Request)
            .with_transaction_id(transaction_id.into());
        match self {
            Self::Allocate(family) => {
                builder = builder.with_attribute(RequestedTrasport::from(stun_rs::protocols::UDP));
                if let Some(family) = family {
                    builder = builder
                        .with_attribute(RequestedAddressFamily::new(address_family(*family)));
                }
            }
            Self::Refresh(seconds) => builder = builder.with_attribute(LifeTime::from(*seconds)),
            Self::CreatePermission(peers) => {
                for peer in peers {
                    builder =
                        builder.with_attribute(XorPeerAddress::from(SocketAddr::new(*peer, 0)));
                }
            }
            Self::ChannelBind(number, peer) => {
                builder = builder
                    .with_attribute(ChannelNumber::new(*number))
                    .with_attribute(XorPeerAddress::from(*peer));
            }
        }
        let Some(with) = authentication else {
            return encode(&builder.build());
        };
        builder = builder.with_attribute(UserName::new(&with.username).ok()?);
        if let Some((offered, taken)) = &with.algorithms {
            let offered: Vec<AlgorithmAttribute> =
                offered.iter().copied().map(algorithm_attribute).collect();
            builder = builder
                .with_attribute(PasswordAlgorithms::from(offered))
                .with_attribute(algorithm_attribute(algorithm_number(*taken)));
        }
        let mut bytes = encode(&builder.build())?;
        push(&mut bytes, REALM, with.realm.as_bytes())?;
        push(&mut bytes, NONCE, with.nonce.as_bytes())?;
        sign(&mut bytes, &with.key, with.algorithms.is_some())?;
        Some(bytes)
    }
}

fn algorithm_attribute(number: u16) -> AlgorithmAttribute {
    AlgorithmAttribute::new(Algorithm::from(AlgorithmId::from(number)))
}

/// Appends an attribute (RFC 8489 14): realm and nonce go back byte for byte, which stun-rs would
/// refuse for some that servers send.
pub(super) fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) -> Option<()> {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
    set_length(message, 0)
}

/// The header's length, with so many bytes still to come.
fn set_length(message: &mut [u8], to_come: usize) -> Option<()> {
    let length = u16::try_from(message.len() - HEADER_LEN + to_come).ok()?;
    message[2..4].copy_from_slice(&length.to_be_bytes());
    Some(())
}

/// Appends MESSAGE-INTEGRITY, or MESSAGE-INTEGRITY-SHA256 where algorithms were offered. The HMAC is
/// of the message so far, with the length that it will have (RFC 8489 14.5).
pub(super) fn sign(message: &mut Vec<u8>, key: &Key, sha256: bool) -> Option<()> {
    let (kind, algorithm, size) = if sha256 {
        (MESSAGE_INTEGRITY_SHA256, hmac::HMAC_SHA256, 32)
    } else {
        (MESSAGE_INTEGRITY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, 20)
    };
    set_length(message, 4 + size)?;
    let key = hmac::Key::new(algorithm, key.0.as_bytes());
    let tag = hmac::sign(&key, message);
    push(message, kind, tag.as_ref())
}

/// Encodes a Send indication (RFC 8656 11.1); `None` if the payload does not fit.
pub fn send_indication(
    transaction_id: TransactionId,
    peer: SocketAddr,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let message = StunMessageBuilder::new(SEND, MessageClass::Indication)
        .with_transaction_id(transaction_id.into())
        .with_attribute(XorPeerAddress::from(peer))
        .with_attribute(Data::from(payload))
        .build();
    encode(&message)
}

/// Encodes a Data indication (RFC 8656 11.3), as a server sends it; `None` if the payload does not fit.
pub fn encode_data(
    transaction_id: TransactionId,
    peer: SocketAddr,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let message = StunMessageBuilder::new(DATA, MessageClass::Indication)
        .with_transaction_id(transaction_id.into())
        .with_attribute(XorPeerAddress::from(peer))
        .with_attribute(Data::from(payload))
        .build();
    encode_within(&message, AROUND_DATA + payload.len())
}

pub(super) fn encode(message: &StunMessage) -> Option<Vec<u8>> {
    encode_within(message, LARGEST_REQUEST)
}

fn encode_within(message: &StunMessage, most: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; most];
    let encoder = MessageEncoderBuilder::default().build();
    let size = encoder.encode(&mut buffer, message).ok()?;
    buffer.truncate(size);
    Some(buffer)
}

impl Response {
    pub fn answers(&self, request: &Request) -> bool {
        self.method == request.method()
    }
}

impl Challenge {
    /// Whether the nonce says that the server offers password algorithms (RFC 8489 9.2).
    pub fn nonce_promises_algorithms(&self) -> bool {
        self.nonce
            .as_deref()
            .and_then(security_features)
            .is_some_and(|bits| bits & PASSWORD_ALGORITHMS_BIT != 0)
    }

    /// The algorithms to echo and the best one that we know.
    pub fn choose(&self) -> Option<(Vec<u16>, PasswordAlgorithm)> {
        let offered = self.algorithms.clone()?;
        let best = [PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5]
            .into_iter()
            .find(|a| offered.contains(&algorithm_number(*a)))?;
        Some((offered, best))
    }
}

/// The first byte of the security features in a nonce cookie.
pub fn security_features(nonce: &str) -> Option<u8> {
    let features = nonce.strip_prefix(NONCE_COOKIE)?.get(..4)?;
    STANDARD.decode(features).ok()?.first().copied()
}

/// Decodes an answer or a Data indication.
/// [`DecodeError`] says how far the bytes were understood.
pub fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    let decoded = decode_lenient(bytes)?;
    let message = &decoded.message;
    let outcome = match message.class() {
        MessageClass::SuccessResponse => Ok(Success {
            relayed: message
                .get::<XorRelayedAddress>()
                .and_then(|a| a.as_xor_relayed_address().ok())
                .map(|a| *a.socket_address()),
            mapped: message
                .get::<XorMappedAddress>()
                .and_then(|a| a.as_xor_mapped_address().ok())
                .map(|a| *a.socket_address()),
            lifetime_s: message
                .get::<LifeTime>()
                .and_then(|a| a.as_life_time().ok())
                .map(|a| *a.as_ref()),
        }),
        MessageClass::ErrorResponse => Err(decoded.error()),
        MessageClass::Indication if message.method() == DATA => {
            return data_indication(message)
                .map(Message::Data)
                .ok_or_else(|| DecodeError::Malformed("a Data indication without data".into()));
        }
        MessageClass::Request | MessageClass::Indication => {
            return Err(DecodeError::NotAnAnswer);
        }
    };
    Ok(Message::Response(Box::new(Response {
        transaction_id: *message.transaction_id().as_bytes(),
        method: message.method(),
        outcome,
        software: decoded.software(),
        challenge: challenge(&decoded, bytes),
    })))
}

fn data_indication(message: &StunMessage) -> Option<DataIndication> {
    let peer = message
        .get::<XorPeerAddress>()?
        .as_xor_peer_address()
        .ok()?;
    let data = message.get::<Data>()?.as_data().ok()?;
    Some(DataIndication {
        peer: *peer.socket_address(),
        payload: data.as_bytes().to_vec(),
    })
}

fn challenge(decoded: &Decoded, bytes: &[u8]) -> Challenge {
    Challenge {
        realm: decoded.realm.clone(),
        nonce: decoded.nonce.clone(),
        algorithms: decoded
            .message
            .get::<PasswordAlgorithms>()
            .and_then(|a| a.as_password_algorithms().ok())
            .map(|a| a.iter().map(|a| a.algorithm().into()).collect()),
        token_authority: attribute(bytes, THIRD_PARTY_AUTHORIZATION)
            .map(|name| String::from_utf8_lossy(name).into_owned()),
    }
}

/// Checks MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 (RFC 8489 14.5, 14.6).
pub fn integrity(bytes: &[u8], key: &Key) -> Integrity {
    if let Some(value) = attribute(bytes, MESSAGE_INTEGRITY_SHA256) {
        let valid = <[u8; 32]>::try_from(value).is_ok_and(|value| {
            get_input_text::<MessageIntegritySha256>(bytes)
                .is_some_and(|input| MessageIntegritySha256::from(value).validate(&input, &key.0))
        });
        return verdict(valid);
    }
    let Some(value) = attribute(bytes, MESSAGE_INTEGRITY) else {
        return Integrity::Absent;
    };
    let valid = <[u8; 20]>::try_from(value).is_ok_and(|value| {
        get_input_text::<MessageIntegrity>(bytes)
            .is_some_and(|input| MessageIntegrity::from(value).validate(&input, &key.0))
    });
    verdict(valid)
}

const fn verdict(valid: bool) -> Integrity {
    if valid {
        Integrity::Valid
    } else {
        Integrity::Wrong
    }
}

const fn algorithm_number(algorithm: PasswordAlgorithm) -> u16 {
    match algorithm {
        PasswordAlgorithm::Md5 => 1,
        PasswordAlgorithm::Sha256 => 2,
    }
}

const fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::Ipv4 => AddressFamily::IPv4,
        Family::Ipv6 => AddressFamily::IPv6,
    }
}
