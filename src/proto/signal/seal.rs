//! Sealing: only who knows the code can read or write a message, and only in its place.
//!
//! Each side has a random name for the run. The first message of a side (its greeting) is sealed
//! with a key from the code and that name. All others are sealed with a key from the code and both
//! names, so that a message of an earlier run with the same code, or one sent back to its sender,
//! does not open. The counter is the nonce; nothing is sealed twice under the same one.

use std::fmt;
use std::str::FromStr;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::proto::signal::code::Code;

/// Larger messages are neither sealed nor opened: descriptions and records are far smaller.
pub use crate::base::bounds::MESSAGE as MAX_MESSAGE;

/// Version of the envelope.
const VERSION: u8 = 1;
/// What is further from it is no version of this program's, but something else.
const NEAR: u8 = 8;
/// Version, kind, name of the sender, counter.
const HEADER: usize = 2 + NAME + 8;
const NAME: usize = 16;
/// Of AES-GCM.
const TAG: usize = 16;
/// The largest envelope.
pub const MAX_ENVELOPE: usize = HEADER + MAX_MESSAGE + TAG;

/// The random name of a side for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub [u8; NAME]);

impl fmt::Display for Name {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let mut name = Self([0; NAME]);
        if text.len() != 2 * NAME || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAName);
        }
        for (index, byte) in name.0.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or(NotAName)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAName)?;
        }
        Ok(name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of a side has 32 hexadecimal digits")]
pub struct NotAName;

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Greeting,
    /// Any other, with its number, from 0.
    Message(u64),
    /// Says what has been received; with a number of its own kind, from 0.
    Receipt(u64),
    /// What a member of a mesh says to all others; each says more than those before it.
    Beat(u64),
}

/// What can be read of an envelope without the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub from: Name,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than [`MAX_MESSAGE`].
    #[error("the message is too large")]
    TooLarge,
    #[error("not a message of rtcdiag")]
    Foreign,
    #[error(
        "the other side seals its messages in another way (version {0}): use the same version of rtcdiag on both"
    )]
    Version(u8),
    /// Changed on the way, of another run, or sealed with another code.
    #[error("the message was changed on the way, or comes from somebody without the code")]
    Forged,
}

pub fn seal_greeting(code: &Code, own: Name, text: &[u8]) -> Result<Vec<u8>, SealError> {
    let header = Header {
        from: own,
        kind: Kind::Greeting,
    };
    seal(&key(code, &[b"greeting", &own.0]), header, text)
}

pub fn seal_message(
    code: &Code,
    own: Name,
    peer: Name,
    kind: Kind,
    text: &[u8],
) -> Result<Vec<u8>, SealError> {
    let header = Header { from: own, kind };
    seal(&key(code, &[b"message", &own.0, &peer.0]), header, text)
}

/// The same number must never have two texts.
pub fn seal_beat(code: &Code, own: Name, number: u64, text: &[u8]) -> Result<Vec<u8>, SealError> {
    let header = Header {
        from: own,
        kind: Kind::Beat(number),
    };
    seal(&key(code, &[b"beat", &own.0]), header, text)
}

/// What an envelope says of itself. It is not to be believed before the envelope is opened.
pub fn header(envelope: &[u8]) -> Result<Header, SealError> {
    if envelope.len() > MAX_ENVELOPE {
        return Err(SealError::TooLarge);
    }
    let [version, kind, ..] = envelope else {
        return Err(SealError::Foreign);
    };
    if version.abs_diff(VERSION) > NEAR {
        return Err(SealError::Foreign);
    }
    if *version != VERSION {
        return Err(SealError::Version(*version));
    }
    let name = envelope.get(2..2 + NAME).ok_or(SealError::Foreign)?;
    let number = envelope.get(2 + NAME..HEADER).ok_or(SealError::Foreign)?;
    let number = u64::from_be_bytes(number.try_into().map_err(|_| SealError::Foreign)?);
    Ok(Header {
        from: Name(name.try_into().map_err(|_| SealError::Foreign)?),
        kind: match kind {
            0 if number == 0 => Kind::Greeting,
            1 => Kind::Message(number),
            2 => Kind::Receipt(number),
            3 => Kind::Beat(number),
            _ => return Err(SealError::Foreign),
        },
    })
}

pub fn open_greeting(code: &Code, envelope: &[u8]) -> Result<Vec<u8>, SealError> {
    let header = header(envelope)?;
    if header.kind != Kind::Greeting {
        return Err(SealError::Forged);
    }
    open(&key(code, &[b"greeting", &header.from.0]), envelope)
}

/// Opens any other message of `peer` to `own`.
pub fn open_message(
    code: &Code,
    own: Name,
    peer: Name,
    envelope: &[u8],
) -> Result<Vec<u8>, SealError> {
    let header = header(envelope)?;
    let is_meant = matches!(header.kind, Kind::Message(_) | Kind::Receipt(_));
    if header.from != peer || !is_meant {
        return Err(SealError::Forged);
    }
    open(&key(code, &[b"message", &peer.0, &own.0]), envelope)
}

/// Who says it, its number, and what is said.
pub fn open_beat(code: &Code, envelope: &[u8]) -> Result<(Name, u64, Vec<u8>), SealError> {
    let Header { from, kind } = header(envelope)?;
    let Kind::Beat(number) = kind else {
        return Err(SealError::Forged);
    };
    let text = open(&key(code, &[b"beat", &from.0]), envelope)?;
    Ok((from, number, text))
}

fn key(code: &Code, purpose: &[&[u8]]) -> LessSafeKey {
    let mut bytes = [0; 32];
    code.derive(purpose, &mut bytes);
    let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("32 bytes are a key of AES-256");
    LessSafeKey::new(key)
}

const fn numbers(kind: Kind) -> (u8, u64) {
    match kind {
        Kind::Greeting => (0, 0),
        Kind::Message(number) => (1, number),
        Kind::Receipt(number) => (2, number),
        Kind::Beat(number) => (3, number),
    }
}

fn encode(header: Header) -> Vec<u8> {
    let (kind, number) = numbers(header.kind);
    let mut bytes = vec![VERSION, kind];
    bytes.extend_from_slice(&header.from.0);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

fn nonce(header: Header) -> Nonce {
    let (kind, number) = numbers(header.kind);
    let mut bytes = [0; NONCE_LEN];
    bytes[0] = kind;
    bytes[NONCE_LEN - 8..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn seal(key: &LessSafeKey, header: Header, text: &[u8]) -> Result<Vec<u8>, SealError> {
    if text.len() > MAX_MESSAGE {
        return Err(SealError::TooLarge);
    }
    let mut envelope = encode(header);
    let mut sealed = text.to_vec();
    key.seal_in_place_append_tag(nonce(header), Aad::from(&envelope), &mut sealed)
        .map_err(|_| SealError::TooLarge)?;
    envelope.append(&mut sealed);
    Ok(envelope)
}

fn open(key: &LessSafeKey, envelope: &[u8]) -> Result<Vec<u8>, SealError> {
    let header = header(envelope)?;
    let (head, sealed) = envelope.split_at(HEADER);
    let mut sealed = sealed.to_vec();
    let text = key
        .open_in_place(nonce(header), Aad::from(head), &mut sealed)
        .map_err(|_| SealError::Forged)?;
    Ok(text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Name = Name([0xa; NAME]);
    const B: Name = Name([0xb; NAME]);

    fn code() -> Code {
        Code::new([7; 10])
    }

    #[test]
    fn both_sides_understand_each_other() {
        let greeting = seal_greeting(&code(), A, b"hello").expect("small");
        assert_eq!(
            open_greeting(&code(), &greeting).as_deref(),
            Ok(&b"hello"[..])
        );
        let message = seal_message(&code(), A, B, Kind::Message(3), b"offer").expect("small");
        assert_eq!(header(&message).map(|h| h.kind), Ok(Kind::Message(3)));
        assert_eq!(
            open_message(&code(), B, A, &message).as_deref(),
            Ok(&b"offer"[..])
        );
    }

    #[test]
    fn what_is_changed_moved_or_of_another_run_does_not_open() {
        let message = seal_message(&code(), A, B, Kind::Message(3), b"offer").expect("small");
        for place in 0..message.len() {
            let mut changed = message.clone();
            changed[place] ^= 1;
            assert!(
                open_message(&code(), B, A, &changed).is_err(),
                "byte {place}"
            );
        }
        assert_eq!(
            open_message(&Code::new([8; 10]), B, A, &message),
            Err(SealError::Forged)
        );
        // Sent back to its sender, and to somebody else in a later run.
        assert!(open_message(&code(), A, B, &message).is_err());
        assert!(open_message(&code(), Name([0xc; NAME]), A, &message).is_err());
        assert!(open_greeting(&code(), &message).is_err());
        for length in 0..message.len() {
            assert!(open_message(&code(), B, A, &message[..length]).is_err());
        }
    }

    #[test]
    fn beats_are_for_all_who_know_the_code() {
        let beat = seal_beat(&code(), A, 7, b"here I am").expect("small");
        let opened = open_beat(&code(), &beat);
        assert_eq!(opened, Ok((A, 7, b"here I am".to_vec())));
        let other = Code::new([8; 10]);
        assert_eq!(open_beat(&other, &beat), Err(SealError::Forged));
        assert!(open_message(&code(), B, A, &beat).is_err());
        assert!(open_greeting(&code(), &beat).is_err());
        let greeting = seal_greeting(&code(), A, b"hello").expect("small");
        assert_eq!(open_beat(&code(), &greeting), Err(SealError::Forged));
        for place in 0..beat.len() {
            let mut changed = beat.clone();
            changed[place] ^= 1;
            assert!(open_beat(&code(), &changed).is_err(), "byte {place}");
        }
        assert_eq!(A.to_string().parse(), Ok(A));
        assert_eq!("a+".repeat(16).parse::<Name>(), Err(NotAName));
    }

    #[test]
    fn nothing_can_be_read_without_the_code() {
        let greeting = seal_greeting(&code(), A, b"192.0.2.1 is my address").expect("small");
        let shown = String::from_utf8_lossy(&greeting);
        assert!(!shown.contains("192.0.2.1"));
    }

    #[test]
    fn sizes_and_versions_are_checked() {
        let large = vec![0; MAX_MESSAGE + 1];
        assert_eq!(seal_greeting(&code(), A, &large), Err(SealError::TooLarge));
        assert_eq!(header(&vec![1; 2 * MAX_MESSAGE]), Err(SealError::TooLarge));
        assert_eq!(header(b"GET / HTTP/1.1"), Err(SealError::Foreign));
        assert_eq!(header(&[2, 0]), Err(SealError::Version(2)));
        assert_eq!(header(&[1]), Err(SealError::Foreign));
    }
}
