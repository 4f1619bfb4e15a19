//! What a Binding request asks for.

use stun_rs::attributes::stun::Fingerprint;
use stun_rs::get_input_text;

use crate::proto::stun::held::{Ask, HELD_ANSWER, Token};
use crate::proto::stun::message::{
    HEADER_LEN, MAGIC_COOKIE, note_unknown, split_attributes, value_of,
};

const CHANGE_REQUEST: u16 = 0x0003;
const PADDING: u16 = 0x0026;
const RESPONSE_PORT: u16 = 0x0027;
const FINGERPRINT: u16 = 0x8028;
/// Known to everybody who knows STUN, and of no meaning in a Binding request without credentials
/// (RFC 8489 6.3: such are ignored): addresses, USERNAME, MESSAGE-INTEGRITY, ERROR-CODE,
/// UNKNOWN-ATTRIBUTES, REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH.
const KNOWN: [u16; 11] = [
    0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020,
];
const CHANGE_PORT: u8 = 0x02;
const CHANGE_IP: u8 = 0x04;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// It is no whole STUN message, or its FINGERPRINT is wrong.
    Malformed,
    /// An indication, an answer, or a request of another method.
    NotABindingRequest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The header behind type and length: cookie and transaction ID.
    pub id: [u8; 16],
    /// CHANGE-REQUEST: whether "change IP" and "change port" are set.
    pub change: Option<Change>,
    pub response_port: Option<u16>,
    pub held: Option<Ask>,
    /// See [`Ask::token`].
    pub token: Token,
    pub padding: Option<usize>,
    /// Whether it has a FINGERPRINT, and so the answer is to have one.
    pub fingerprint: bool,
    /// Comprehension-required attributes that are not understood.
    pub unknown: Vec<u16>,
    /// An attribute with a value that it cannot have.
    pub is_bad: bool,
}

/// CHANGE-REQUEST (RFC 5780 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub ip: bool,
    pub port: bool,
}

impl Request {
    /// Reads it. Datagrams have to be exactly one message.
    pub fn read(bytes: &[u8]) -> Result<Self, Ignored> {
        if bytes.len() < HEADER_LEN || bytes[0] & 0xc0 != 0 {
            return Err(Ignored::Malformed);
        }
        let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        if HEADER_LEN + length != bytes.len() || !length.is_multiple_of(4) {
            return Err(Ignored::Malformed);
        }
        if bytes[..2] != [0, 1] {
            return Err(Ignored::NotABindingRequest);
        }
        let attributes = split_attributes(&bytes[HEADER_LEN..]).map_err(|_| Ignored::Malformed)?;
        let mut request = Self {
            id: bytes[4..HEADER_LEN].try_into().expect("16 bytes"),
            change: None,
            response_port: None,
            held: None,
            token: [0; 12],
            padding: None,
            fingerprint: false,
            unknown: Vec::new(),
            is_bad: false,
        };
        let last = attributes.len().saturating_sub(1);
        for (index, (kind, raw)) in attributes.into_iter().enumerate() {
            let value = value_of(raw).ok_or(Ignored::Malformed)?;
            // FINGERPRINT is the last one (RFC 8489 14.7).
            if kind == FINGERPRINT && request.is_rfc_8489() {
                if index != last || !is_right(bytes, value) {
                    return Err(Ignored::Malformed);
                }
                request.fingerprint = true;
            } else {
                request.take(kind, value);
            }
        }
        Ok(request)
    }

    /// Whether it has the magic cookie; clients of RFC 3489 have 128 random bits there.
    pub fn is_rfc_8489(&self) -> bool {
        self.id[..4] == MAGIC_COOKIE
    }

    /// Takes an attribute; of several of one kind the first counts (RFC 8489 14).
    fn take(&mut self, kind: u16, value: &[u8]) {
        match kind {
            CHANGE_REQUEST => match value {
                &[_, _, _, flags] => {
                    self.change.get_or_insert(Change {
                        ip: flags & CHANGE_IP != 0,
                        port: flags & CHANGE_PORT != 0,
                    });
                }
                _ => self.is_bad = true,
            },
            // Two bytes in RFC 5780 7.5; some clients count the padding too.
            RESPONSE_PORT => match value {
                &[high, low] | &[high, low, _, _] if [high, low] != [0, 0] => {
                    let port = u16::from_be_bytes([high, low]);
                    self.response_port.get_or_insert(port);
                }
                _ => self.is_bad = true,
            },
            // It may be ignored, and so may a value that says nothing.
            HELD_ANSWER if self.held.is_none() => {
                self.held = Ask::read(value);
                self.token = Ask::token(value).unwrap_or_default();
            }
            PADDING => {
                self.padding.get_or_insert(value.len());
            }
            _ if KNOWN.contains(&kind) => {}
            _ => note_unknown(&mut self.unknown, kind),
        }
    }
}

fn is_right(message: &[u8], value: &[u8]) -> bool {
    <[u8; 4]>::try_from(value).is_ok_and(|value| {
        get_input_text::<Fingerprint>(message)
            .is_some_and(|input| Fingerprint::from(value).validate(&input))
    })
}
