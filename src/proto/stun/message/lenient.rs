//! Decoding that passes over attributes that cannot be decoded, and the attributes as bytes.

use std::net::{IpAddr, SocketAddr};

use stun_rs::attributes::stun::{AlternateServer, ErrorCode, Software};
use stun_rs::error::StunErrorLevel;
use stun_rs::{MessageDecoderBuilder, StunMessage};

use crate::base::words::printable;
use crate::proto::stun::message::{
    DecodeError, ErrorResponse, HEADER_LEN, NONCE, REALM, looks_like_stun,
};

const CHANGED_ADDRESS: u16 = 0x0005;
const ALTERNATE_DOMAIN: u16 = 0x8003;
/// Each one costs another pass, so a hostile message must not have thousands.
const MAX_UNREADABLE_ATTRIBUTES: usize = 8;

/// A message without the attributes that could not be decoded, and what stun-rs does not know.
#[derive(Debug)]
pub struct Decoded {
    pub message: StunMessage,
    /// CHANGED-ADDRESS of RFC 3489.
    pub(super) changed_address: Option<SocketAddr>,
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
/// Fails if the header or an attribute that a client has to understand is wrong.
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
            StunErrorLevel::Attribute(bad) => {
                let kind = attributes.get(bad.position).map(|(kind, _)| *kind);
                let named = kind.map_or_else(String::new, |kind| format!(" 0x{kind:04x}"));
                let what = format!("attribute{named} cannot be read");
                return Err(DecodeError::Malformed(what));
            }
            StunErrorLevel::Message(_) => return Err(DecodeError::Malformed(error.to_string())),
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
pub fn split_attributes(mut body: &[u8]) -> Result<Vec<(u16, &[u8])>, DecodeError> {
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
