//! HELD-ANSWER, an attribute of our own: the answer to a Binding request is held back and sent when
//! another socket calls for it.
//!
//! It serves to measure how long an unused binding lives (RFC 5780 4.6) where RESPONSE-PORT cannot
//! lead an answer to it. A packet comes in from the address that the binding was made for, at a time
//! that the client chooses, and none has to go out for it.
//!
//! The type is comprehension-optional (RFC 8489 14), from the range 0xC000-0xFFFF and not registered:
//! who does not know it gives an ordinary answer without it. The value has 16 bytes: what is asked or
//! said (1), zero (1), for how many seconds at most the answer is to be held (2), the transaction ID
//! of the request whose answer is held (12; in that request itself the token, zero before there is one).
//!
//! Who asks to have an answer held must show that it receives what is sent to it: it is answered with a
//! token first. A forged source gets none, and so can neither fill the server's memory nor have answers
//! sent to somebody else.

use crate::proto::stun::message::{self, Change, TransactionId};

/// The type of the attribute.
pub const HELD_ANSWER: u16 = 0xd1a6;

/// No answer is held longer than this: a minute more than the longest lifetime that is looked for.
pub const LONGEST_SECONDS: u16 = 31 * 60;

const VALUE_LEN: usize = 16;

/// What a server gives to a source, to have it back from there.
pub type Token = [u8; 12];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Hold another answer to this request for so many seconds, beside the immediate one.
    Hold(u16),
    /// Hold the answer, and give no immediate one.
    HoldQuietly(u16),
    /// Is the answer to that request held?
    Query(TransactionId),
    /// Send it now, to where that request came from.
    Release(TransactionId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// An answer to that request is held.
    Held(TransactionId),
    /// None is held: it never was, its time is over, or there is no room.
    NotHeld(TransactionId),
    /// It has been sent.
    Released(TransactionId),
    /// This is the answer that was held.
    This(TransactionId),
    /// Ask again with this token.
    Token(Token),
}

const HOLD: u8 = 1;
const HOLD_QUIETLY: u8 = 2;
const QUERY: u8 = 3;
const RELEASE: u8 = 4;
const HELD: u8 = 0x81;
const NOT_HELD: u8 = 0x82;
const RELEASED: u8 = 0x83;
const THIS: u8 = 0x84;
const TOKEN: u8 = 0x85;

impl Ask {
    /// Reads the value of the attribute in a request; `None` if it is no such value.
    pub fn read(value: &[u8]) -> Option<Self> {
        let (code, seconds, id) = split(value)?;
        match code {
            HOLD => Some(Self::Hold(seconds)),
            HOLD_QUIETLY => Some(Self::HoldQuietly(seconds)),
            QUERY => Some(Self::Query(id)),
            RELEASE => Some(Self::Release(id)),
            _ => None,
        }
    }

    /// The token in the value of the attribute, in a request that asks to hold.
    pub fn token(value: &[u8]) -> Option<Token> {
        let (_, _, token) = split(value)?;
        Some(token)
    }

    /// The Binding request that asks it, without a token.
    pub fn request(self, transaction_id: TransactionId) -> Vec<u8> {
        self.request_with(transaction_id, [0; 12])
    }

    /// The same with a token of the server.
    pub fn request_with(self, transaction_id: TransactionId, token: Token) -> Vec<u8> {
        let (code, seconds, id) = match self {
            Self::Hold(seconds) => (HOLD, seconds, token),
            Self::HoldQuietly(seconds) => (HOLD_QUIETLY, seconds, token),
            Self::Query(id) => (QUERY, 0, id),
            Self::Release(id) => (RELEASE, 0, id),
        };
        let mut bytes = message::binding_request(transaction_id, Change::None);
        message::append(&mut bytes, HELD_ANSWER, &join(code, seconds, id));
        bytes
    }
}

impl Says {
    /// Reads it from an answer; `None` if the answer says nothing of the kind.
    pub fn read(answer: &[u8]) -> Option<Self> {
        let (code, _, id) = split(message::attribute(answer, HELD_ANSWER)?)?;
        match code {
            HELD => Some(Self::Held(id)),
            NOT_HELD => Some(Self::NotHeld(id)),
            RELEASED => Some(Self::Released(id)),
            THIS => Some(Self::This(id)),
            TOKEN => Some(Self::Token(id)),
            _ => None,
        }
    }

    /// Adds it to an answer, which must not have a FINGERPRINT: that would have to be the last.
    pub fn append_to(self, answer: &mut Vec<u8>) {
        let (code, id) = match self {
            Self::Held(id) => (HELD, id),
            Self::NotHeld(id) => (NOT_HELD, id),
            Self::Released(id) => (RELEASED, id),
            Self::This(id) => (THIS, id),
            Self::Token(token) => (TOKEN, token),
        };
        message::append(answer, HELD_ANSWER, &join(code, 0, id));
    }
}

fn join(code: u8, seconds: u16, id: TransactionId) -> [u8; VALUE_LEN] {
    let mut value = [0; VALUE_LEN];
    value[0] = code;
    value[2..4].copy_from_slice(&seconds.to_be_bytes());
    value[4..].copy_from_slice(&id);
    value
}

fn split(value: &[u8]) -> Option<(u8, u16, TransactionId)> {
    let value: &[u8; VALUE_LEN] = value.try_into().ok()?;
    let seconds = u16::from_be_bytes([value[2], value[3]]);
    let id = value[4..].try_into().ok()?;
    Some((value[0], seconds, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = [7; 12];
    const OTHER: TransactionId = [9; 12];

    #[test]
    fn requests_and_answers_come_back_as_they_went() {
        for ask in [
            Ask::Hold(1860),
            Ask::HoldQuietly(5),
            Ask::Query(OTHER),
            Ask::Release(OTHER),
        ] {
            let bytes = ask.request(ID);
            assert!(message::is_binding_request(&bytes));
            assert_eq!(message::transaction_id(&bytes), Some(ID));
            let value = message::attribute(&bytes, HELD_ANSWER).expect("it is there");
            assert_eq!(Ask::read(value), Some(ask));
            assert_eq!(Says::read(&bytes), None, "{ask:?} is no answer");
        }
        for says in [
            Says::Held(OTHER),
            Says::NotHeld(OTHER),
            Says::Released(OTHER),
            Says::This(ID),
            Says::Token([3; 12]),
        ] {
            let mut bytes = message::binding_request(ID, Change::None);
            says.append_to(&mut bytes);
            assert_eq!(Says::read(&bytes), Some(says));
            let value = message::attribute(&bytes, HELD_ANSWER).expect("it is there");
            assert_eq!(Ask::read(value), None, "{says:?} asks nothing");
        }
    }

    #[test]
    fn other_lengths_and_codes_are_nothing() {
        for value in [&[][..], &[1; 15], &[1; 17], &[0; 16], &[0x7f; 16]] {
            assert_eq!(Ask::read(value), None, "{value:?}");
        }
    }
}
