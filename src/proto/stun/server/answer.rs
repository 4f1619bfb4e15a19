//! Answers to Binding requests, on the stun-rs codec.

use std::net::{IpAddr, SocketAddr};

use stun_rs::attributes::discovery::{OtherAddress, Padding, ResponseOrigin};
use stun_rs::attributes::stun::{
    ErrorCode, Fingerprint, MappedAddress, Software, UnknownAttributes, XorMappedAddress,
};
use stun_rs::methods::BINDING;
use stun_rs::{MessageClass, MessageEncoderBuilder, StunMessageBuilder};

use crate::proto::stun::server::request::Request;

/// What the server calls itself in SOFTWARE (RFC 8489 14.14).
pub const SOFTWARE: &str = concat!("rtcdiag/", env!("CARGO_PKG_VERSION"));

/// PADDING in answers is no longer than this, so that they stay within one datagram of a usual path.
const MOST_PADDING: usize = 1200;
/// Longest answer.
const LARGEST: usize = 2048;

/// Addresses in an answer, where there are two of the server (RFC 5780 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behavior {
    pub origin: SocketAddr,
    pub other: SocketAddr,
}

/// A success answer. `None` if it cannot be encoded, which no request brings about.
pub fn success(
    request: &Request,
    mapped: SocketAddr,
    behavior: Option<Behavior>,
) -> Option<Vec<u8>> {
    if !request.is_rfc_8489() {
        return classic(request, mapped, behavior);
    }
    let mut builder = begin(request, MessageClass::SuccessResponse)
        .with_attribute(XorMappedAddress::from(mapped))
        .with_attribute(MappedAddress::from(mapped));
    if let Some(Behavior { origin, other }) = behavior {
        builder = builder
            .with_attribute(ResponseOrigin::from(origin))
            .with_attribute(OtherAddress::from(other));
    }
    if let Some(length) = request.padding {
        // No longer than what was asked with (RFC 5780 7.6 would let it be as long as the MTU).
        let text = " ".repeat(length.min(MOST_PADDING));
        builder = builder.with_attribute(Padding::new(text).ok()?);
    }
    finish(request, builder)
}

/// An error answer; `unknown` are for UNKNOWN-ATTRIBUTES (RFC 8489 14.13).
pub fn error(request: &Request, code: u16, reason: &str, unknown: &[u16]) -> Option<Vec<u8>> {
    let error = ErrorCode::from(stun_rs::ErrorCode::new(code, reason).ok()?);
    let mut builder = begin(request, MessageClass::ErrorResponse).with_attribute(error);
    if !unknown.is_empty() {
        builder = builder.with_attribute(UnknownAttributes::from(unknown));
    }
    let bytes = finish(request, builder)?;
    Some(with_id(bytes, request))
}

fn begin(request: &Request, class: MessageClass) -> StunMessageBuilder {
    let id: [u8; 12] = request.id[4..].try_into().expect("12 of 16 bytes");
    StunMessageBuilder::new(BINDING, class).with_transaction_id(id.into())
}

fn finish(request: &Request, mut builder: StunMessageBuilder) -> Option<Vec<u8>> {
    // What RFC 3489 does not have is left out for its clients.
    if request.is_rfc_8489() {
        builder = builder.with_attribute(Software::new(SOFTWARE).ok()?);
    }
    if request.fingerprint {
        builder = builder.with_attribute(Fingerprint::default());
    }
    let mut buffer = vec![0; LARGEST];
    let size = MessageEncoderBuilder::default()
        .build()
        .encode(&mut buffer, &builder.build())
        .ok()?;
    buffer.truncate(size);
    Some(buffer)
}

/// The 128 bits of a transaction ID of RFC 3489 stand where RFC 8489 has cookie and ID.
fn with_id(mut bytes: Vec<u8>, request: &Request) -> Vec<u8> {
    bytes[4..20].copy_from_slice(&request.id);
    bytes
}

/// As RFC 3489 9.3 has it: MAPPED-ADDRESS, and SOURCE-ADDRESS and CHANGED-ADDRESS where there are
/// two addresses. Its clients would stumble over XOR-MAPPED-ADDRESS, which they have to understand.
fn classic(request: &Request, mapped: SocketAddr, behavior: Option<Behavior>) -> Option<Vec<u8>> {
    const SOURCE_ADDRESS: u16 = 0x0004;
    const CHANGED_ADDRESS: u16 = 0x0005;
    let builder =
        begin(request, MessageClass::SuccessResponse).with_attribute(MappedAddress::from(mapped));
    let mut bytes = with_id(finish(request, builder)?, request);
    if let Some(Behavior { origin, other }) = behavior {
        push_address(&mut bytes, SOURCE_ADDRESS, origin);
        push_address(&mut bytes, CHANGED_ADDRESS, other);
    }
    let length = u16::try_from(bytes.len() - 20).ok()?;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    Some(bytes)
}

/// In the layout of MAPPED-ADDRESS (RFC 8489 14.1).
fn push_address(bytes: &mut Vec<u8>, kind: u16, address: SocketAddr) {
    let (family, length) = match address.ip() {
        IpAddr::V4(_) => (1_u8, 8_u16),
        IpAddr::V6(_) => (2, 20),
    };
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0, family]);
    bytes.extend_from_slice(&address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => bytes.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => bytes.extend_from_slice(&ip.octets()),
    }
}
