//! Answers of a TURN server.

use std::net::SocketAddr;

use stun_rs::attributes::stun::{ErrorCode, Software, UnknownAttributes, XorMappedAddress};
use stun_rs::attributes::turn::{LifeTime, XorRelayedAddress};
use stun_rs::methods::{ALLOCATE, CHANNEL_BIND, CREATE_PERMMISSION, REFRESH};
use stun_rs::{MessageClass, StunMessageBuilder};

use crate::proto::stun::message::{NONCE, REALM, TransactionId};
use crate::proto::stun::server::SOFTWARE;
use crate::proto::turn::credentials::Key;
use crate::proto::turn::message::{encode, push, sign};
use crate::proto::turn::server::request::Method;

/// Whom an answer is for, and how it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub method: Method,
    pub id: TransactionId,
    /// Of the user; without it the answer is not signed.
    pub key: Option<Key>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// 400: a part is missing or makes no sense.
    BadRequest,
    /// 401: no credentials, wrong or expired ones.
    Unauthorized,
    /// 403: a peer that clients must not reach.
    Forbidden,
    /// 420: attributes that are not understood.
    UnknownAttribute,
    /// 437: no allocation, or one already.
    AllocationMismatch,
    /// 438: the nonce is too old.
    StaleNonce,
    /// 440: no relayed address of that family.
    FamilyNotSupported,
    /// 441: not the user whose allocation it is.
    WrongCredentials,
    /// 442: relaying anything but UDP.
    UnsupportedTransport,
    /// 443: a peer of the other family.
    PeerFamilyMismatch,
    /// 486: the user has as many allocations as one may have.
    QuotaReached,
    /// 508: the server has as many as it may have, or no port is free.
    InsufficientCapacity,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::UnknownAttribute,
        Self::AllocationMismatch,
        Self::StaleNonce,
        Self::FamilyNotSupported,
        Self::WrongCredentials,
        Self::UnsupportedTransport,
        Self::PeerFamilyMismatch,
        Self::QuotaReached,
        Self::InsufficientCapacity,
    ];

    /// The error code and its reason phrase (RFC 8489 14.8, RFC 8656 19).
    pub const fn code(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::UnknownAttribute => (420, "Unknown Attribute"),
            Self::AllocationMismatch => (437, "Allocation Mismatch"),
            Self::StaleNonce => (438, "Stale Nonce"),
            Self::FamilyNotSupported => (440, "Address Family not Supported"),
            Self::WrongCredentials => (441, "Wrong Credentials"),
            Self::UnsupportedTransport => (442, "Unsupported Transport Protocol"),
            Self::PeerFamilyMismatch => (443, "Peer Address Family Mismatch"),
            Self::QuotaReached => (486, "Allocation Quota Reached"),
            Self::InsufficientCapacity => (508, "Insufficient Capacity"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// An allocation: relayed address, the client's address, seconds.
    Allocated(SocketAddr, SocketAddr, u32),
    /// It goes on for so many seconds.
    Refreshed(u32),
    Done,
}

impl Reply {
    /// A success answer. `None` if it cannot be encoded, which no request brings about.
    pub fn success(&self, granted: Granted) -> Option<Vec<u8>> {
        let mut builder = self.begin(MessageClass::SuccessResponse)?;
        match granted {
            Granted::Allocated(relayed, mapped, seconds) => {
                builder = builder
                    .with_attribute(XorRelayedAddress::from(relayed))
                    .with_attribute(XorMappedAddress::from(mapped))
                    .with_attribute(LifeTime::from(seconds));
            }
            Granted::Refreshed(seconds) => {
                builder = builder.with_attribute(LifeTime::from(seconds));
            }
            Granted::Done => {}
        }
        self.finish(encode(&builder.build())?)
    }

    pub fn refusal(&self, refusal: Refusal, unknown: &[u16]) -> Option<Vec<u8>> {
        self.finish(self.error(refusal, unknown)?)
    }

    /// An error answer that says with what to come again (RFC 8489 9.2.4). It is never signed.
    pub fn challenge(&self, refusal: Refusal, realm: &str, nonce: &str) -> Option<Vec<u8>> {
        let mut bytes = self.error(refusal, &[])?;
        push(&mut bytes, REALM, realm.as_bytes())?;
        push(&mut bytes, NONCE, nonce.as_bytes())?;
        Some(bytes)
    }

    fn error(&self, refusal: Refusal, unknown: &[u16]) -> Option<Vec<u8>> {
        let (code, reason) = refusal.code();
        let error = ErrorCode::from(stun_rs::ErrorCode::new(code, reason).ok()?);
        let mut builder = self
            .begin(MessageClass::ErrorResponse)?
            .with_attribute(error);
        if !unknown.is_empty() {
            builder = builder.with_attribute(UnknownAttributes::from(unknown));
        }
        encode(&builder.build())
    }

    fn begin(&self, class: MessageClass) -> Option<StunMessageBuilder> {
        let method = match self.method {
            Method::Allocate => ALLOCATE,
            Method::Refresh => REFRESH,
            Method::CreatePermission => CREATE_PERMMISSION,
            Method::ChannelBind => CHANNEL_BIND,
        };
        let builder = StunMessageBuilder::new(method, class)
            .with_transaction_id(self.id.into())
            .with_attribute(Software::new(SOFTWARE).ok()?);
        Some(builder)
    }

    fn finish(&self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        if let Some(key) = &self.key {
            sign(&mut bytes, key, false)?;
        }
        Some(bytes)
    }
}
