//! NAT-PMP packets (RFC 6886): the external address, which changes nothing to ask for, and mappings.

use std::net::Ipv4Addr;

use crate::proto::nat::router::{Granted, Meaning, Refusal};

pub const VERSION: u8 = 0;

const EXTERNAL_ADDRESS: u8 = 0;
const MAP_UDP: u8 = 1;
/// Added to the operation in answers.
const ANSWER: u8 = 128;

/// An answer that belongs to the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The external address; unspecified if the router has none.
    Address(Ipv4Addr),
    /// A mapping, or with a lifetime of 0 that it is removed.
    Mapped(Granted),
    Refused(Refusal),
    /// It speaks another version: 1 and 2 are PCP (RFC 6887 9).
    OtherVersion(u8),
}

/// A mapping for UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    pub port: u16,
    /// In seconds; 0 removes the mapping.
    pub lifetime_s: u32,
    /// The external port that would be liked. It has to be 0 to remove (RFC 6886 3.4).
    pub suggested_port: u16,
}

/// Asks for the external address (RFC 6886 3.2).
pub fn external_address() -> Vec<u8> {
    vec![VERSION, EXTERNAL_ADDRESS]
}

/// Asks for a mapping (RFC 6886 3.3).
pub fn map(map: &Map) -> Vec<u8> {
    let mut packet = vec![VERSION, MAP_UDP, 0, 0];
    packet.extend(map.port.to_be_bytes());
    packet.extend(map.suggested_port.to_be_bytes());
    packet.extend(map.lifetime_s.to_be_bytes());
    packet
}

/// Reads the answer to [`external_address`]; `None` if it is none.
pub fn read_external_address(packet: &[u8]) -> Option<Answer> {
    if let Some(failed) = failure(packet, EXTERNAL_ADDRESS)? {
        return Some(failed);
    }
    let octets: [u8; 4] = packet.get(8..12)?.try_into().ok()?;
    Some(Answer::Address(octets.into()))
}

/// Reads the answer to a [`map`]; `None` if it is none, or another's.
pub fn read_map(packet: &[u8], asked: &Map) -> Option<Answer> {
    if let Some(failed) = failure(packet, MAP_UDP)? {
        return Some(failed);
    }
    let part: &[u8; 8] = packet.get(8..16)?.try_into().ok()?;
    if part[..2] != asked.port.to_be_bytes() {
        return None;
    }
    let granted = Granted {
        port: u16::from_be_bytes([part[2], part[3]]),
        address: None,
        lifetime_s: u32::from_be_bytes([part[4], part[5], part[6], part[7]]),
    };
    let sound = granted.port != 0 || granted.lifetime_s == 0;
    sound.then_some(Answer::Mapped(granted))
}

/// `None` if it is no answer, `Some(None)` if it is a good one.
#[expect(clippy::option_option, reason = "no answer, a good one, a bad one")]
fn failure(packet: &[u8], operation: u8) -> Option<Option<Answer>> {
    let head: &[u8; 4] = packet.get(..4)?.try_into().ok()?;
    if head[1] != ANSWER | operation {
        return None;
    }
    if head[0] != VERSION {
        // PCP has its result in the fourth byte; it says that it does not know version 0.
        return (head[3] == 1).then_some(Some(Answer::OtherVersion(head[0])));
    }
    Some(match u16::from_be_bytes([head[2], head[3]]) {
        0 => None,
        code => Some(Answer::Refused(refusal(code))),
    })
}

/// RFC 6886 3.5.
fn refusal(code: u16) -> Refusal {
    let (name, meaning) = match code {
        1 => ("Unsupported Version", Meaning::Unsupported),
        2 => ("Not Authorized/Refused", Meaning::NotAuthorized),
        3 => ("Network Failure", Meaning::NotConnected),
        4 => ("Out of resources", Meaning::NoResources),
        5 => ("Unsupported opcode", Meaning::Unsupported),
        _ => ("an unknown error", Meaning::Other),
    };
    Refusal {
        code,
        name: name.to_owned(),
        meaning,
    }
}
