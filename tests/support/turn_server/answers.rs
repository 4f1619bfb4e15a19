//! What answers are made of, and what is wrong with them.

use std::net::SocketAddr;

use rand::{Rng, RngCore};

use super::super::stun_wire::{
    ALTERNATE_SERVER, Message, SOFTWARE, TransactionId, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS,
};
use super::auth::Signer;
use super::config::Malformed;
use super::engine::{FiveTuple, TurnCore};
use super::wire::{
    self, ALTERNATE_DOMAIN, DONT_FRAGMENT, HEADER, Incoming, Method, REQUESTED_TRANSPORT,
};

/// A channel that is never bound by the tests' clients.
pub(super) const UNKNOWN_CHANNEL: u16 = 0x4fff;

impl TurnCore {
    pub(super) fn binding(&self, from: FiveTuple, request: &Incoming<'_>) -> Message {
        match self.scripted_error(Method::Binding) {
            Some(code) => self.failure(Method::Binding, request, code),
            None => self.mapped(from, Message::new(Method::Binding.success(), request.id)),
        }
    }

    /// Adds XOR-MAPPED-ADDRESS.
    pub(super) fn mapped(&self, from: FiveTuple, message: Message) -> Message {
        let mapped = self.config.mapped_address_override.unwrap_or(from.client);
        message.xor_address(XOR_MAPPED_ADDRESS, mapped)
    }

    pub(super) fn scripted_error(&self, method: Method) -> Option<u16> {
        let mut errors = self.config.error_on.iter();
        errors.find(|(on, _)| *on == method).map(|(_, code)| *code)
    }

    /// An error response, with what belongs to the code.
    pub(super) fn failure(&self, method: Method, request: &Incoming<'_>, code: u16) -> Message {
        self.failure_saying(method, request, code, reason(code))
    }

    pub(super) fn failure_saying(
        &self,
        method: Method,
        request: &Incoming<'_>,
        code: u16,
        reason: &str,
    ) -> Message {
        let mut message = Message::new(method.error(), request.id).error(code, reason);
        if code == 300 {
            if let Some(server) = self.config.alternate_server {
                message = message.address(ALTERNATE_SERVER, server);
            }
            if let Some(domain) = &self.config.alternate_domain {
                message = message.attribute(ALTERNATE_DOMAIN, domain.as_bytes());
            }
        }
        if code == 420 {
            message = message.attribute(UNKNOWN_ATTRIBUTES, &DONT_FRAGMENT.to_be_bytes());
        }
        message
    }

    /// SOFTWARE, integrity and FINGERPRINT.
    pub(super) fn finish(
        &self,
        request: &Incoming<'_>,
        signer: Option<&Signer>,
        mut message: Message,
    ) -> Vec<u8> {
        if !self.config.software.is_empty() {
            message = message.attribute(SOFTWARE, &self.config.software);
        }
        let mut bytes = wire::omit(&message.finish(), &self.config.omits);
        // Who is asked for credentials again cannot check an HMAC (RFC 8489 9.2.4).
        let code = Incoming::parse(&bytes).and_then(|answer| answer.error_code());
        let is_signed = !self.config.no_integrity && !matches!(code, Some(401 | 438));
        if let Some(signer) = signer.filter(|_| is_signed) {
            wire::sign(&mut bytes, signer.digest, &signer.key);
            let is_success = bytes[0] & 1 != 0 && bytes[1] & 0x10 == 0;
            if let Some(last) = bytes.last_mut()
                && is_success
                && self.config.bad_integrity
            {
                *last ^= 0xff;
            }
        }
        if request.fingerprint().is_some() {
            wire::add_fingerprint(&mut bytes);
        }
        bytes
    }

    pub(super) fn garble(&mut self, malformed: Malformed, mut bytes: Vec<u8>) -> Vec<u8> {
        match malformed {
            // The first attribute: in a success response it is the address.
            Malformed::AttributeLength if bytes.len() > HEADER => {
                bytes[HEADER + 2] = 0x7f;
            }
            Malformed::AttributeLength => {}
            Malformed::MessageLength => bytes[3] = bytes[3].wrapping_add(8),
            Malformed::Truncated => bytes.truncate(bytes.len() / 2),
            Malformed::Noise => {
                self.rng.fill_bytes(&mut bytes);
                bytes[0] |= 0x80;
            }
        }
        bytes
    }

    /// A message that nobody asked for.
    pub(super) fn stray(&mut self, to: FiveTuple) -> Vec<u8> {
        let mut id: TransactionId = [0; 12];
        self.rng.fill_bytes(&mut id);
        let liar = SocketAddr::from(([192, 0, 2, 66], 6666));
        let kinds = if to.is_stream() { 3 } else { 4 };
        match self.rng.random_range(0..kinds) {
            0 => wire::channel_data(UNKNOWN_CHANNEL, b"stray", to.is_stream()),
            1 => Message::new(Method::Allocate.success(), id)
                .xor_address(wire::XOR_RELAYED_ADDRESS, liar)
                .attribute(wire::LIFETIME, &600_u32.to_be_bytes())
                .xor_address(XOR_MAPPED_ADDRESS, liar)
                .finish(),
            2 => Message::new(Method::Data.indication(), id)
                .xor_address(wire::XOR_PEER_ADDRESS, liar)
                .attribute(wire::DATA, b"stray")
                .finish(),
            _ => {
                let mut noise = vec![0; self.rng.random_range(0..200)];
                self.rng.fill_bytes(&mut noise);
                noise
            }
        }
    }

    /// The comprehension-required attributes that it does not know, for UNKNOWN-ATTRIBUTES.
    pub(super) fn unknown_attributes(&self, request: &Incoming<'_>) -> Vec<u8> {
        let kinds = request.attributes.iter().map(|a| a.kind);
        kinds
            .filter(|kind| *kind < 0x8000 && !self.knows(*kind))
            .flat_map(u16::to_be_bytes)
            .collect()
    }

    fn knows(&self, kind: u16) -> bool {
        let is_listed = match kind {
            wire::MESSAGE_INTEGRITY_SHA256 | wire::PASSWORD_ALGORITHM | wire::USERHASH => {
                self.config.sha256
            }
            _ => [
                wire::USERNAME,
                wire::MESSAGE_INTEGRITY,
                wire::CHANNEL_NUMBER,
                wire::LIFETIME,
                wire::XOR_PEER_ADDRESS,
                wire::DATA,
                wire::REALM,
                wire::NONCE,
                wire::REQUESTED_ADDRESS_FAMILY,
                REQUESTED_TRANSPORT,
                DONT_FRAGMENT,
            ]
            .contains(&kind),
        };
        is_listed && !self.config.unknown.contains(&kind)
    }
}

/// The phrases of RFC 8489 and 8656.
pub(super) fn reason(code: u16) -> &'static str {
    match code {
        300 => "Try Alternate",
        400 => "Bad Request",
        401 => "Unauthenticated",
        403 => "Forbidden",
        420 => "Unknown Attribute",
        437 => "Allocation Mismatch",
        438 => "Stale Nonce",
        440 => "Address Family not Supported",
        441 => "Wrong Credentials",
        442 => "Unsupported Transport Protocol",
        443 => "Peer Address Family Mismatch",
        486 => "Allocation Quota Reached",
        500 => "Server Error",
        508 => "Insufficient Capacity",
        _ => "Error",
    }
}
