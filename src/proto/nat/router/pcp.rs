//! PCP packets (RFC 6887): ANNOUNCE, which changes nothing, and MAP.

use std::net::IpAddr;

use crate::proto::nat::router::{Granted, Meaning, Refusal};

pub const VERSION: u8 = 2;

const ANNOUNCE: u8 = 0;
const MAP: u8 = 1;
/// The bit that tells answers from requests.
const ANSWER: u8 = 0x80;
/// Lengths of the header that all packets have, and of MAP's own part (RFC 6887 7.1, 11.1).
const HEADER: usize = 24;
const MAP_PART: usize = 36;
/// The longest packet (RFC 6887 7).
const LONGEST: usize = 1100;
/// IANA's number of UDP.
const UDP: u8 = 17;

/// What tells the answer to a mapping from others: 96 random bits (RFC 6887 11.2).
pub type Nonce = [u8; 12];

/// A mapping for UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// The address that the request leaves from.
    pub client: IpAddr,
    pub nonce: Nonce,
    pub port: u16,
    /// In seconds; 0 removes the mapping.
    pub lifetime_s: u32,
    /// The external port that would be liked, 0 for any. It has to be 0 to remove.
    pub suggested_port: u16,
}

/// An answer that belongs to the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// ANNOUNCE: it is there. MAP: what it granted.
    Success(Option<Granted>),
    Refused(Refusal),
    /// It speaks another version: 0 is NAT-PMP (RFC 6887 9).
    OtherVersion(u8),
}

/// Asks whether a PCP server is there (RFC 6887 14.1). It may answer with `UNSUPP_OPCODE`.
pub fn announce(client: IpAddr) -> Vec<u8> {
    header(ANNOUNCE, 0, client)
}

/// Asks for a mapping (RFC 6887 11.1).
pub fn map(map: &Map) -> Vec<u8> {
    let mut packet = header(MAP, map.lifetime_s, map.client);
    packet.extend(map.nonce);
    packet.extend([UDP, 0, 0, 0]);
    packet.extend(map.port.to_be_bytes());
    packet.extend(map.suggested_port.to_be_bytes());
    // Any external address of the client's family (RFC 6887 5 and 11.2).
    packet.extend(match map.client {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.to_ipv6_mapped().octets(),
        IpAddr::V6(_) => [0; 16],
    });
    packet
}

/// Reads the answer to [`announce`]; `None` if it is none.
pub fn read_announce(packet: &[u8]) -> Option<Answer> {
    read(packet, ANNOUNCE).map(|answer| match answer {
        // A server that knows only mappings is a server.
        Answer::Refused(refusal) if refusal.code == UNSUPP_OPCODE => Answer::Success(None),
        other => other,
    })
}

/// Reads the answer to a [`map`]; `None` if it is none, or another's.
pub fn read_map(packet: &[u8], asked: &Map) -> Option<Answer> {
    let answer = read(packet, MAP)?;
    let refused = !matches!(answer, Answer::Success(_));
    let Some(part) = packet.get(HEADER..HEADER + MAP_PART) else {
        // Only an error may come without the rest of the request.
        return refused.then_some(answer);
    };
    let own =
        part[..12] == asked.nonce && part[12] == UDP && part[16..18] == asked.port.to_be_bytes();
    if refused {
        let other_version = matches!(answer, Answer::OtherVersion(_));
        return (own || other_version).then_some(answer);
    }
    let address = <[u8; 16]>::try_from(&part[20..36]).ok()?;
    let granted = Granted {
        port: u16::from_be_bytes([part[18], part[19]]),
        address: Some(IpAddr::from(address).to_canonical()),
        lifetime_s: lifetime(packet)?,
    };
    // A mapping without a port is none; what was removed has no lifetime.
    let sound = granted.port != 0 || granted.lifetime_s == 0;
    (own && sound).then_some(Answer::Success(Some(granted)))
}

fn header(opcode: u8, lifetime_s: u32, client: IpAddr) -> Vec<u8> {
    let mut packet = vec![VERSION, opcode, 0, 0];
    packet.extend(lifetime_s.to_be_bytes());
    let client = match client {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    packet.extend(client.octets());
    packet
}

fn read(packet: &[u8], opcode: u8) -> Option<Answer> {
    let (&version, &operation) = (packet.first()?, packet.get(1)?);
    if packet.len() > LONGEST || operation != ANSWER | opcode {
        return None;
    }
    if version != VERSION {
        // NAT-PMP has its result in two bytes, other versions of PCP in the fourth (RFC 6887 9).
        let result = packet.get(3)?;
        return (*result == UNSUPP_VERSION).then_some(Answer::OtherVersion(version));
    }
    if packet.len() < HEADER || !packet.len().is_multiple_of(4) {
        return None;
    }
    Some(match packet[3] {
        0 => Answer::Success(None),
        code => Answer::Refused(refusal(code)),
    })
}

fn lifetime(packet: &[u8]) -> Option<u32> {
    let bytes = packet.get(4..8)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

const UNSUPP_VERSION: u8 = 1;
const UNSUPP_OPCODE: u16 = 4;

/// RFC 6887 7.4.
fn refusal(code: u8) -> Refusal {
    let (name, meaning) = match code {
        1 => ("UNSUPP_VERSION", Meaning::Unsupported),
        2 => ("NOT_AUTHORIZED", Meaning::NotAuthorized),
        3 => ("MALFORMED_REQUEST", Meaning::Other),
        4 => ("UNSUPP_OPCODE", Meaning::Unsupported),
        5 => ("UNSUPP_OPTION", Meaning::Unsupported),
        6 => ("MALFORMED_OPTION", Meaning::Other),
        7 => ("NETWORK_FAILURE", Meaning::NotConnected),
        8 => ("NO_RESOURCES", Meaning::NoResources),
        9 => ("UNSUPP_PROTOCOL", Meaning::Unsupported),
        10 => ("USER_EX_QUOTA", Meaning::NoResources),
        11 => ("CANNOT_PROVIDE_EXTERNAL", Meaning::Conflict),
        12 => ("ADDRESS_MISMATCH", Meaning::AddressMismatch),
        13 => ("EXCESSIVE_REMOTE_PEERS", Meaning::Other),
        _ => ("an unknown error", Meaning::Other),
    };
    Refusal {
        code: u16::from(code),
        name: name.to_owned(),
        meaning,
    }
}
