//! Binding requests and their answers, on the stun-rs codec.
//!
//! stun-rs refuses a whole message for one attribute that it cannot decode. A diagnosis must not
//! lose an answer because a server sends, say, a SOFTWARE attribute that is not UTF-8, so
//! attributes that a client may ignore (RFC 8489 14) are taken out and the rest is decoded again.

mod lenient;

use std::net::SocketAddr;

use flags::change_flags;
pub use lenient::{Decoded, attribute, decode_lenient, split_attributes};
pub(crate) use lenient::{note_unknown, value_of};
use stun_rs::attributes::discovery::{ChangeRequest, OtherAddress, ResponseOrigin, ResponsePort};
use stun_rs::attributes::stun::{MappedAddress, XorMappedAddress};
use stun_rs::methods::BINDING;
use stun_rs::{MessageClass, MessageEncoderBuilder, StunMessageBuilder};

/// A STUN transaction ID: 96 random bits (RFC 8489 5).
pub type TransactionId = [u8; 12];

/// Which source a Binding answer is asked from, as the CHANGE-REQUEST attribute says it
/// (RFC 5780 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// No CHANGE-REQUEST attribute: the answer comes from where the request went.
    None,
    /// "Change port": the same IP address, the other port.
    Port,
    /// "Change IP": the other IP address, the same port.
    Ip,
    /// Both flags: the other IP address and the other port.
    IpAndPort,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingResponse {
    pub transaction_id: TransactionId,
    pub outcome: Result<BindingSuccess, ErrorResponse>,
    /// SOFTWARE (RFC 8489 14.14), without control characters.
    pub software: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindingSuccess {
    /// XOR-MAPPED-ADDRESS (RFC 8489 14.2).
    pub xor_mapped: Option<SocketAddr>,
    /// MAPPED-ADDRESS (RFC 8489 14.1), which application-level gateways may rewrite.
    pub mapped: Option<SocketAddr>,
    /// OTHER-ADDRESS (RFC 5780 7.4), or CHANGED-ADDRESS of an RFC 3489 server, which is
    /// informationally the same.
    pub other_address: Option<SocketAddr>,
    /// RESPONSE-ORIGIN (RFC 5780 7.3).
    pub response_origin: Option<SocketAddr>,
    /// Whether it reported an IPv4 address as `::ffff:a.b.c.d` (RFC 4291 2.5.5.2), as a dual-stack
    /// socket has it. All addresses here are without.
    pub is_v4_mapped: bool,
}

impl BindingSuccess {
    /// The reflexive transport address: XOR-MAPPED-ADDRESS where there is one, because it cannot
    /// have been rewritten on the way.
    pub fn reflexive(&self) -> Option<SocketAddr> {
        self.xor_mapped.or(self.mapped)
    }
}

/// A STUN error response (RFC 8489 14.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The code, 300 to 699; 0 where the server sent none that can be read.
    pub code: u16,
    /// The reason phrase, without control characters.
    pub reason: String,
    /// ALTERNATE-SERVER (RFC 8489 14.15) of a 300 answer.
    pub alternate_server: Option<SocketAddr>,
    /// ALTERNATE-DOMAIN (RFC 8489 14.16): the name that the alternate server's certificate has.
    pub alternate_domain: Option<String>,
}

/// Why a datagram or frame is not a STUN answer that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not STUN at all: too short, first two bits set, or no magic cookie.
    #[error("not a STUN message")]
    NotStun,
    /// A STUN header, but the rest contradicts it.
    #[error("malformed STUN message: {0}")]
    Malformed(String),
    /// A STUN message of another method, or a request or indication.
    #[error("not an answer to a Binding request")]
    NotABindingResponse,
    /// A request, or an indication that no client gets.
    #[error("not an answer to a TURN request")]
    NotAnAnswer,
}

/// Length of the STUN header in bytes (RFC 8489 5).
pub const HEADER_LEN: usize = 20;
pub(crate) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// RFC 5780 7.5.
const RESPONSE_PORT: u16 = 0x0027;
/// REALM (RFC 8489 14.9).
pub const REALM: u16 = 0x0014;
/// NONCE (RFC 8489 14.10).
pub const NONCE: u16 = 0x0015;

pub fn binding_request(transaction_id: TransactionId, change: Change) -> Vec<u8> {
    binding_request_to_port(transaction_id, change, None)
}

/// What stands in place of the magic cookie in the form of RFC 3489, where it is part of a longer ID.
const NO_COOKIE: [u8; 4] = *b"rtcd";

/// A Binding request as RFC 3489 has it, without the magic cookie. Servers of today answer it too
/// (RFC 8489 11 keeps them compatible).
pub fn classic_binding_request(transaction_id: TransactionId) -> Vec<u8> {
    [&[0x00, 0x01, 0x00, 0x00][..], &NO_COOKIE, &transaction_id].concat()
}

/// Whether these bytes answer that request, with a success or an error.
pub fn answers_classic(bytes: &[u8], transaction_id: TransactionId) -> bool {
    bytes.len() >= HEADER_LEN
        && bytes[0] == 0x01
        && matches!(bytes[1], 0x01 | 0x11)
        && bytes[4..8] == NO_COOKIE
        && bytes[8..HEADER_LEN] == transaction_id
}

/// Encodes a Binding request whose answer is to go to another port of the IP address that the
/// request comes from: RESPONSE-PORT (RFC 5780 7.5), in the length of two bytes.
pub fn binding_request_to_port(
    transaction_id: TransactionId,
    change: Change,
    response_port: Option<u16>,
) -> Vec<u8> {
    let mut builder = StunMessageBuilder::new(BINDING, MessageClass::Request)
        .with_transaction_id(transaction_id.into());
    if let Some(flags) = change_flags(change) {
        builder = builder.with_attribute(flags);
    }
    if let Some(port) = response_port {
        builder = builder.with_attribute(ResponsePort::from(port));
    }
    let mut buffer = vec![0; 64];
    let size = MessageEncoderBuilder::default()
        .build()
        .encode(&mut buffer, &builder.build())
        .expect("a Binding request fits into 64 bytes");
    buffer.truncate(size);
    buffer
}

/// Encodes the same with RESPONSE-PORT in the length of four bytes, the last two of them zero, as
/// servers want it that count the padding of RFC 5780 7.5 too.
pub fn binding_request_to_wide_port(transaction_id: TransactionId, port: u16) -> Vec<u8> {
    let mut bytes = binding_request(transaction_id, Change::None);
    let [high, low] = port.to_be_bytes();
    append(&mut bytes, RESPONSE_PORT, &[high, low, 0, 0]);
    bytes
}

/// Appends an attribute with its padding to a message, and corrects the message's length.
pub fn append(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).expect("attributes of ours are short");
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
    let length = u16::try_from(message.len() - HEADER_LEN).expect("messages of ours are short");
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

/// Whether the bytes start like a STUN message: two zero bits, a length that is a multiple of
/// four, the magic cookie (RFC 8489 5).
pub fn looks_like_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_LEN
        && bytes[0] & 0xc0 == 0
        && bytes[3].is_multiple_of(4)
        && bytes[4..8] == MAGIC_COOKIE
}

/// The transaction ID of a STUN message, if it looks like one.
pub fn transaction_id(bytes: &[u8]) -> Option<TransactionId> {
    looks_like_stun(bytes).then(|| bytes[8..HEADER_LEN].try_into().expect("12 bytes"))
}

/// Whether this is a Binding request; the hairpin test meets its own.
pub fn is_binding_request(bytes: &[u8]) -> bool {
    looks_like_stun(bytes) && bytes[0] == 0 && bytes[1] == 1
}

/// Decodes a success or error response to a Binding request.
/// [`DecodeError`] says how far the bytes were understood.
pub fn decode_binding_response(bytes: &[u8]) -> Result<BindingResponse, DecodeError> {
    let transaction_id = transaction_id(bytes).ok_or(DecodeError::NotStun)?;
    let decoded = decode_lenient(bytes)?;
    let message = &decoded.message;
    if message.method() != BINDING {
        return Err(DecodeError::NotABindingResponse);
    }
    let outcome = match message.class() {
        MessageClass::SuccessResponse => Ok(success(&decoded)),
        MessageClass::ErrorResponse => Err(decoded.error()),
        MessageClass::Request | MessageClass::Indication => {
            return Err(DecodeError::NotABindingResponse);
        }
    };
    Ok(BindingResponse {
        transaction_id,
        outcome,
        software: decoded.software(),
    })
}

fn success(decoded: &Decoded) -> BindingSuccess {
    let message = &decoded.message;
    let xor_mapped = message
        .get::<XorMappedAddress>()
        .and_then(|a| a.as_xor_mapped_address().ok())
        .map(|a| *a.socket_address());
    let mapped = message
        .get::<MappedAddress>()
        .and_then(|a| a.as_mapped_address().ok())
        .map(|a| *a.socket_address());
    let other_address = message
        .get::<OtherAddress>()
        .and_then(|a| a.as_other_address().ok())
        .map(|a| *a.socket_address())
        .or(decoded.changed_address);
    let response_origin = message
        .get::<ResponseOrigin>()
        .and_then(|a| a.as_response_origin().ok())
        .map(|a| *a.socket_address());
    let is_mapped = |address: SocketAddr| address != unmapped(address);
    BindingSuccess {
        is_v4_mapped: xor_mapped.or(mapped).is_some_and(is_mapped),
        xor_mapped: xor_mapped.map(unmapped),
        mapped: mapped.map(unmapped),
        other_address: other_address.map(unmapped),
        response_origin: response_origin.map(unmapped),
    }
}

/// An IPv4 address as one, also where it came as `::ffff:a.b.c.d`.
pub fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

mod flags {
    //! The one place that touches the bit flags of stun-rs.
    use super::Change;
    use super::ChangeRequest;
    use stun_rs::attributes::discovery::ChangeRequestFlags::{ChangeIp, ChangePort};

    pub(super) fn change_flags(change: Change) -> Option<ChangeRequest> {
        let flags = match change {
            Change::None => return None,
            Change::Port => ChangePort.into(),
            Change::Ip => ChangeIp.into(),
            Change::IpAndPort => ChangeIp | ChangePort,
        };
        Some(ChangeRequest::new(Some(flags)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that coturn 4.6.1 was seen to obey.
    #[test]
    fn a_request_for_another_source_and_another_port() {
        let request = binding_request_to_port([7; 12], Change::IpAndPort, Some(0x1234));
        let mut expected = vec![0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42];
        expected.extend([7; 12]);
        expected.extend([0, 3, 0, 4, 0, 0, 0, 6]);
        expected.extend([0, 0x27, 0, 2, 0x12, 0x34, 0, 0]);
        assert_eq!(request, expected);
    }
}
