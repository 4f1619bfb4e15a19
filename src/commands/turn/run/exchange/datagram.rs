//! The datagrams that go through relays: a mark, the token of the trial, what it is, and a number.

use std::net::SocketAddr;

const MARK: &[u8; 8] = b"rtcdiag ";

/// About as large as one of speech, and about as large as ICE agents and DTLS let them become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As a packet of speech.
    Small,
    Large,
    /// To find the limit between them: bytes of payload.
    Between(usize),
}

impl Size {
    pub const fn bytes(self) -> usize {
        match self {
            // Not a multiple of four, so that ChannelData over a stream needs padding (RFC 8656 12.5).
            Self::Small => 161,
            Self::Large => 1200,
            Self::Between(bytes) => bytes,
        }
    }
}

/// What a datagram is. Copies that come late, when another way is being tried, do not count for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ping(Direction),
    Pong(Direction),
    Load,
    /// From here to the relay, before it has sent anything here.
    First,
}

impl Kind {
    const fn code(self) -> [u8; 2] {
        match self {
            Self::Ping(way) => [b'?', way.code()],
            Self::Pong(way) => [b'!', way.code()],
            Self::Load => [b'#', b' '],
            Self::First => [b'#', b'1'],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the relayed address of A to that of B, or to itself.
    BetweenRelays(SocketAddr),
    /// The same by channels, at both ends.
    ByChannel(SocketAddr),
    /// From the UDP socket to the relayed address of A.
    FromHere(SocketAddr),
}

impl Direction {
    const fn code(self) -> u8 {
        match self {
            Self::BetweenRelays(_) => b'r',
            Self::ByChannel(_) => b'c',
            Self::FromHere(_) => b'h',
        }
    }
}

/// A datagram of this size.
pub fn encode_as(token: u32, kind: Kind, number: usize, size: Size) -> Vec<u8> {
    let mut bytes = encode(token, kind, number);
    bytes.resize(size.bytes(), 0);
    bytes
}

pub fn encode(token: u32, kind: Kind, number: usize) -> Vec<u8> {
    let mut bytes = MARK.to_vec();
    bytes.extend_from_slice(&token.to_be_bytes());
    bytes.extend_from_slice(&kind.code());
    bytes.extend_from_slice(&u32::try_from(number).unwrap_or_default().to_be_bytes());
    bytes
}

/// The number of a datagram of this trial and kind.
pub fn number_of(token: u32, kind: Kind, bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(MARK)?;
    let rest = rest.strip_prefix(&token.to_be_bytes())?;
    let rest = rest.strip_prefix(&kind.code())?;
    let number = <[u8; 4]>::try_from(rest.get(..4)?).ok()?;
    usize::try_from(u32::from_be_bytes(number)).ok()
}
