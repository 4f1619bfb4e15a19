//! Connectivity checks on the wire (RFC 8445 7.1, RFC 8489).

use std::net::SocketAddr;

use stun_rs::attributes::ice::{IceControlled, IceControlling, Priority, UseCandidate};
use stun_rs::attributes::stun::{
    ErrorCode, Fingerprint, MessageIntegrity, UserName, XorMappedAddress,
};
use stun_rs::methods::BINDING;
use stun_rs::{MessageClass, MessageEncoderBuilder, StunMessageBuilder};

use crate::proto::ice::checks::Role;
use crate::proto::stun::message::{DecodeError, ErrorResponse, TransactionId, decode_lenient};
use crate::proto::turn::credentials::Key;

/// The longest check: two user name fragments at their limits.
const LARGEST: usize = 1200;

/// RFC 8445 7.3.1.1.
pub const ROLE_CONFLICT: u16 = 487;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// USERNAME: the receiver's fragment, a colon, the sender's.
    pub username: String,
    /// PRIORITY: that of a peer-reflexive candidate that may be learned from it.
    pub priority: u32,
    /// ICE-CONTROLLING or ICE-CONTROLLED with its tie-breaker.
    pub role: Option<(Role, u64)>,
    /// USE-CANDIDATE: the pair is nominated.
    pub use_candidate: bool,
}

/// A STUN message of the Binding method between two ICE agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Request(Request),
    /// An answer with XOR-MAPPED-ADDRESS: where the other side sees us.
    Success(Option<SocketAddr>),
    Failure(ErrorResponse),
    /// Keeps a binding alive (RFC 8445 11).
    Indication,
}

impl Request {
    /// Encodes the check; `None` if the user name is too long.
    pub fn encode(&self, id: TransactionId, key: &Key) -> Option<Vec<u8>> {
        let mut builder = StunMessageBuilder::new(BINDING, MessageClass::Request)
            .with_transaction_id(id.into())
            .with_attribute(UserName::new(&self.username).ok()?)
            .with_attribute(Priority::from(self.priority));
        builder = match self.role {
            Some((Role::Controlling, tie)) => builder.with_attribute(IceControlling::from(tie)),
            Some((Role::Controlled, tie)) => builder.with_attribute(IceControlled::from(tie)),
            None => builder,
        };
        if self.use_candidate {
            builder = builder.with_attribute(UseCandidate::default());
        }
        sealed(builder, key)
    }
}

pub fn success(id: TransactionId, mapped: SocketAddr, key: &Key) -> Option<Vec<u8>> {
    let builder = StunMessageBuilder::new(BINDING, MessageClass::SuccessResponse)
        .with_transaction_id(id.into())
        .with_attribute(XorMappedAddress::from(mapped));
    sealed(builder, key)
}

/// Encodes the answer that tells the other side to take the other role.
pub fn role_conflict(id: TransactionId, key: &Key) -> Option<Vec<u8>> {
    let error = stun_rs::ErrorCode::new(ROLE_CONFLICT, "Role Conflict").ok()?;
    let builder = StunMessageBuilder::new(BINDING, MessageClass::ErrorResponse)
        .with_transaction_id(id.into())
        .with_attribute(ErrorCode::from(error));
    sealed(builder, key)
}

fn sealed(builder: StunMessageBuilder, key: &Key) -> Option<Vec<u8>> {
    let message = builder
        .with_attribute(MessageIntegrity::new(key.hmac()))
        .with_attribute(Fingerprint::default())
        .build();
    let mut buffer = vec![0; LARGEST];
    let encoder = MessageEncoderBuilder::default().build();
    let size = encoder.encode(&mut buffer, &message).ok()?;
    buffer.truncate(size);
    Some(buffer)
}

/// Decodes a message of the Binding method.
/// [`DecodeError`] says how far the bytes were understood.
pub fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    let decoded = decode_lenient(bytes)?;
    let message = &decoded.message;
    if message.method() != BINDING {
        return Err(DecodeError::NotABindingResponse);
    }
    Ok(match message.class() {
        MessageClass::SuccessResponse => Message::Success(
            message
                .get::<XorMappedAddress>()
                .and_then(|a| a.as_xor_mapped_address().ok())
                .map(|a| *a.socket_address()),
        ),
        MessageClass::ErrorResponse => Message::Failure(decoded.error()),
        MessageClass::Indication => Message::Indication,
        MessageClass::Request => {
            let username = message
                .get::<UserName>()
                .and_then(|a| a.as_user_name().ok())
                .map(|a| a.as_str().to_owned())
                .ok_or_else(|| DecodeError::Malformed("a check without USERNAME".into()))?;
            let controlling = message
                .get::<IceControlling>()
                .and_then(|a| a.as_ice_controlling().ok())
                .map(|a| (Role::Controlling, *a.as_ref()));
            let controlled = message
                .get::<IceControlled>()
                .and_then(|a| a.as_ice_controlled().ok())
                .map(|a| (Role::Controlled, *a.as_ref()));
            Message::Request(Request {
                username,
                priority: message
                    .get::<Priority>()
                    .and_then(|a| a.as_priority().ok())
                    .map_or(0, |a| *a.as_ref()),
                role: controlling.or(controlled),
                use_candidate: message.get::<UseCandidate>().is_some(),
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::turn::message::{Integrity, integrity};

    #[test]
    fn checks_and_answers_survive_the_wire() {
        let key = Key::short_term("0123456789abcdefghijkl").expect("valid");
        for role in [Role::Controlling, Role::Controlled] {
            let request = Request {
                username: "abcd:efgh".into(),
                priority: 0x6e00_01ff,
                role: Some((role, u64::MAX - 7)),
                use_candidate: role == Role::Controlling,
            };
            let bytes = request.encode([3; 12], &key).expect("fits");
            assert_eq!(integrity(&bytes, &key), Integrity::Valid);
            assert_eq!(decode(&bytes), Ok(Message::Request(request)));
        }
        let mapped = "[2001:db8::7]:4000".parse().expect("valid");
        let bytes = success([4; 12], mapped, &key).expect("fits");
        assert_eq!(decode(&bytes), Ok(Message::Success(Some(mapped))));
        let bytes = role_conflict([5; 12], &key).expect("fits");
        assert!(matches!(decode(&bytes), Ok(Message::Failure(e)) if e.code == ROLE_CONFLICT));
        let other = Key::short_term("lkjihgfedcba9876543210").expect("valid");
        assert_eq!(integrity(&bytes, &other), Integrity::Wrong);
    }
}
