//! Binding requests and their answers, on the stun-rs codec.
//!
//! stun-rs refuses a whole message for one attribute that it cannot decode. A diagnosis must not
//! lose an answer because a server sends, say, a SOFTWARE attribute that is not UTF-8, so
//! attributes that a client may ignore (RFC 8489 14) are taken out and the rest is decoded again.

use std::net::{IpAddr, SocketAddr};

use flags::change_flags;
use stun_rs::attributes::discovery::{ChangeRequest, OtherAddress, ResponseOrigin, ResponsePort};
use stun_rs::attributes::stun::{
    AlternateServer, ErrorCode, MappedAddress, Software, XorMappedAddress,
};
use stun_rs::error::StunErrorLevel;
use stun_rs::methods::BINDING;
use stun_rs::{
    MessageClass, MessageDecoderBuilder, MessageEncoderBuilder, StunMessage, StunMessageBuilder,
};

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

/// A Binding answer, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingResponse {
    /// The transaction that it answers.
    pub transaction_id: TransactionId,
    /// Success, or the error that the server gave.
    pub outcome: Result<BindingSuccess, ErrorResponse>,
    /// SOFTWARE (RFC 8489 14.14), without control characters.
    pub software: Option<String>,
}

/// What a success answer to a Binding request says.
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
const CHANGED_ADDRESS: u16 = 0x0005;
/// RFC 5780 7.5.
const RESPONSE_PORT: u16 = 0x0027;
const ALTERNATE_DOMAIN: u16 = 0x8003;
/// REALM (RFC 8489 14.9).
pub const REALM: u16 = 0x0014;
/// NONCE (RFC 8489 14.10).
pub const NONCE: u16 = 0x0015;
/// Each one costs another pass, so a hostile message must not have thousands.
const MAX_UNREADABLE_ATTRIBUTES: usize = 8;

/// Encodes a Binding request.
pub fn binding_request(transaction_id: TransactionId, change: Change) -> Vec<u8> {
    binding_request_to_port(transaction_id, change, None)
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
pub(crate) fn append(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
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
///
/// # Errors
///
/// [`DecodeError`] says how far the bytes were understood.
pub fn decode_binding_response(bytes: &[u8]) -> Result<BindingResponse, DecodeError> {
    let transaction_id = transaction_id(bytes).ok_or(DecodeError::NotStun)?;
    let decoded = decode_lenient(bytes)?;
    let message = &decoded.message;
    if message.method() != BINDING {
        return Err(DecodeError::NotABindingResponse);
    }
    let outcome = match message.class() {
        MessageClass::SuccessResponse => Ok(BindingSuccess {
            xor_mapped: message
                .get::<XorMappedAddress>()
                .and_then(|a| a.as_xor_mapped_address().ok())
                .map(|a| *a.socket_address()),
            mapped: message
                .get::<MappedAddress>()
                .and_then(|a| a.as_mapped_address().ok())
                .map(|a| *a.socket_address()),
            other_address: message
                .get::<OtherAddress>()
                .and_then(|a| a.as_other_address().ok())
                .map(|a| *a.socket_address())
                .or(decoded.changed_address),
            response_origin: message
                .get::<ResponseOrigin>()
                .and_then(|a| a.as_response_origin().ok())
                .map(|a| *a.socket_address()),
        }),
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

/// A message without the attributes that could not be decoded, and what stun-rs does not know.
#[derive(Debug)]
pub struct Decoded {
    /// The rest of it.
    pub message: StunMessage,
    /// CHANGED-ADDRESS of RFC 3489.
    changed_address: Option<SocketAddr>,
    alternate_domain: Option<String>,
    /// REALM as it came: stun-rs takes no letters beyond ASCII, which RFC 8489 14.9 allows.
    pub realm: Option<String>,
    /// NONCE as it came.
    pub nonce: Option<String>,
}

impl Decoded {
    /// SOFTWARE, without control characters.
    pub fn software(&self) -> Option<String> {
        self.message
            .get::<Software>()
            .and_then(|a| a.as_software().ok())
            .map(|s| printable(s.as_str()))
            .filter(|s| !s.is_empty())
    }

    /// What an error response says.
    pub fn error(&self) -> ErrorResponse {
        let error = self
            .message
            .get::<ErrorCode>()
            .and_then(|a| a.as_error_code().ok());
        ErrorResponse {
            code: error.map_or(0, |e| e.error_code().error_code()),
            reason: error.map_or_else(String::new, |e| printable(e.error_code().reason())),
            alternate_server: self
                .message
                .get::<AlternateServer>()
                .and_then(|a| a.as_alternate_server().ok())
                .map(|a| *a.socket_address()),
            alternate_domain: self.alternate_domain.clone(),
        }
    }
}

/// Decodes, leaving out attributes that cannot be decoded.
///
/// # Errors
///
/// If the header or an attribute that a client has to understand is wrong.
pub fn decode_lenient(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    if !looks_like_stun(bytes) {
        return Err(DecodeError::NotStun);
    }
    let declared = HEADER_LEN + usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    if bytes.len() < declared {
        return Err(DecodeError::Malformed(format!(
            "the header announces {declared} bytes, {} came",
            bytes.len()
        )));
    }
    let mut attributes = split_attributes(&bytes[HEADER_LEN..declared])?;
    let changed_address = attributes
        .iter()
        .find(|(kind, _)| *kind == CHANGED_ADDRESS)
        .and_then(|(_, raw)| plain_address(&raw[4..]));
    let alternate_domain = attributes
        .iter()
        .find(|(kind, _)| *kind == ALTERNATE_DOMAIN)
        .and_then(|(_, raw)| value_of(raw))
        .map(|value| printable(&String::from_utf8_lossy(value)));
    let text = |wanted: u16| {
        let (_, raw) = attributes.iter().find(|(kind, _)| *kind == wanted)?;
        String::from_utf8(value_of(raw)?.to_vec()).ok()
    };
    let (realm, nonce) = (text(REALM), text(NONCE));
    attributes.retain(|(kind, _)| !matches!(*kind, REALM | NONCE));
    let decoder = MessageDecoderBuilder::default().build();
    for _ in 0..=MAX_UNREADABLE_ATTRIBUTES {
        let message = join_attributes(bytes, &attributes);
        let error = match decoder.decode(&message) {
            Ok((message, _)) => {
                return Ok(Decoded {
                    message,
                    changed_address,
                    alternate_domain,
                    realm,
                    nonce,
                });
            }
            Err(error) => error,
        };
        match &error.0 {
            StunErrorLevel::Attribute(bad)
                if attributes
                    .get(bad.position)
                    .is_some_and(|(kind, _)| is_optional(*kind)) =>
            {
                attributes.remove(bad.position);
            }
            _ => return Err(DecodeError::Malformed(error.to_string())),
        }
    }
    Err(DecodeError::Malformed(
        "too many unreadable attributes".into(),
    ))
}

/// Comprehension-optional attributes (RFC 8489 14) may be ignored.
const fn is_optional(kind: u16) -> bool {
    kind & 0x8000 != 0
}

/// More unknown attributes than this are not listed.
const MOST_UNKNOWN: usize = 16;

/// Notes an attribute that a server does not understand, for UNKNOWN-ATTRIBUTES (RFC 8489 14.13),
/// unless it may be ignored.
pub(crate) fn note_unknown(unknown: &mut Vec<u16>, kind: u16) {
    if !is_optional(kind) && unknown.len() < MOST_UNKNOWN && !unknown.contains(&kind) {
        unknown.push(kind);
    }
}

/// Splits the body into (type, whole attribute with header and padding).
pub(crate) fn split_attributes(mut body: &[u8]) -> Result<Vec<(u16, &[u8])>, DecodeError> {
    let mut attributes = Vec::new();
    while !body.is_empty() {
        if body.len() < 4 {
            return Err(DecodeError::Malformed("half an attribute header".into()));
        }
        let kind = u16::from_be_bytes([body[0], body[1]]);
        let length = usize::from(u16::from_be_bytes([body[2], body[3]]));
        let padded = 4 + length.next_multiple_of(4);
        if body.len() < padded {
            return Err(DecodeError::Malformed(format!(
                "attribute 0x{kind:04x} is longer than the message"
            )));
        }
        let (attribute, rest) = body.split_at(padded);
        attributes.push((kind, attribute));
        body = rest;
    }
    Ok(attributes)
}

/// The value of a whole attribute, without header and padding.
pub(crate) fn value_of(attribute: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes([*attribute.get(2)?, *attribute.get(3)?]));
    attribute.get(4..4 + length)
}

/// The value of the first attribute of a type in a message.
pub fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    let declared = HEADER_LEN + usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
    let attributes = split_attributes(bytes.get(HEADER_LEN..declared)?).ok()?;
    let (_, raw) = attributes.into_iter().find(|(k, _)| *k == kind)?;
    value_of(raw)
}

fn join_attributes(original: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut message = original[..HEADER_LEN].to_vec();
    for (_, attribute) in attributes {
        message.extend_from_slice(attribute);
    }
    let length = u16::try_from(message.len() - HEADER_LEN).expect("no longer than the original");
    message[2..4].copy_from_slice(&length.to_be_bytes());
    message
}

/// The layout of MAPPED-ADDRESS (RFC 8489 14.1), which RFC 3489 gives CHANGED-ADDRESS too.
fn plain_address(value: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([*value.get(2)?, *value.get(3)?]);
    let ip: IpAddr = match value.get(1)? {
        1 => <[u8; 4]>::try_from(value.get(4..8)?).ok()?.into(),
        2 => <[u8; 16]>::try_from(value.get(4..20)?).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Characters that change the direction or the place of others, and those that are not seen.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// Text from the network goes to terminals: control characters would let a server draw there.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .take(128)
        .collect::<String>()
        .trim()
        .to_owned()
}

mod flags {
    //! The one place that touches the bit flags of stun-rs.
    use super::{Change, ChangeRequest};
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
