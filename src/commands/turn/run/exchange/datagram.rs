//! The datagrams that go through relays: a mark, the token of the trial, what it is, a number, and its length; what is
//! left is filled in a known way, so that what is changed on the way shows.

use std::net::SocketAddr;

const MARK: &[u8; 8] = b"rtcdiag ";

/// Mark, token, kind, number and length.
pub const HEADER: usize = 20;

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

/// What a datagram that came is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// One of this trial, as it was sent.
    Whole(Sort),
    /// One of this trial with other bytes, or with another length than it was sent with, if that can still be read.
    Changed {
        sent: Option<usize>,
    },
    Foreign,
}

/// What a whole one is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// From relay to relay, there.
    Ping,
    /// By a channel at both ends, there or back.
    OfChannel {
        is_ping: bool,
    },
    Other,
}

/// A datagram of this size.
pub fn encode_as(token: u32, kind: Kind, number: usize, size: Size) -> Vec<u8> {
    encode(token, kind, number, size.bytes())
}

/// A datagram of this length, which has room for the header.
pub fn encode(token: u32, kind: Kind, number: usize, length: usize) -> Vec<u8> {
    let mut bytes = MARK.to_vec();
    bytes.extend_from_slice(&token.to_be_bytes());
    bytes.extend_from_slice(&kind.code());
    bytes.extend_from_slice(&u32::try_from(number).unwrap_or_default().to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(length).unwrap_or_default().to_be_bytes());
    bytes.extend((HEADER..length).map(fill));
    bytes
}

/// What stands behind the header at this place.
const fn fill(place: usize) -> u8 {
    place.to_le_bytes()[0]
}

/// The length that a datagram says it was sent with.
fn length_of(bytes: &[u8]) -> Option<usize> {
    let field = bytes.get(HEADER - 2..HEADER)?;
    let field = <[u8; 2]>::try_from(field).ok()?;
    Some(usize::from(u16::from_be_bytes(field)))
}

/// How many bytes behind the header are as they were sent.
fn kept(bytes: &[u8]) -> usize {
    let behind = bytes.iter().enumerate().skip(HEADER);
    behind
        .filter(|(place, byte)| **byte == fill(*place))
        .count()
}

fn is_whole(bytes: &[u8]) -> bool {
    length_of(bytes) == Some(bytes.len()) && kept(bytes) + HEADER == bytes.len()
}

pub fn read(token: u32, bytes: &[u8]) -> Found {
    let token = token.to_be_bytes();
    let start = bytes
        .strip_prefix(MARK)
        .and_then(|rest| rest.strip_prefix(&token));
    if let Some(rest) = start.filter(|_| is_whole(bytes)) {
        return Found::Whole(match rest {
            [b'?', b'r', ..] => Sort::Ping,
            [kind, b'c', ..] => Sort::OfChannel {
                is_ping: *kind == b'?',
            },
            _ => Sort::Other,
        });
    }
    // Where the header is changed, the rest tells; and one that is whole but for the token is somebody else's.
    let is_elses = bytes.starts_with(MARK) && is_whole(bytes);
    let resembles = bytes.len() > 2 * HEADER && kept(bytes) * 2 > bytes.len() && !is_elses;
    if start.is_some() || resembles {
        let sent = length_of(bytes).filter(|_| start.is_some());
        return Found::Changed { sent };
    }
    Found::Foreign
}

/// The number of a datagram of this trial and kind that came as it was sent.
pub fn number_of(token: u32, kind: Kind, bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(MARK).filter(|_| is_whole(bytes))?;
    let rest = rest.strip_prefix(&token.to_be_bytes())?;
    let rest = rest.strip_prefix(&kind.code())?;
    let number = <[u8; 4]>::try_from(rest.get(..4)?).ok()?;
    usize::try_from(u32::from_be_bytes(number)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: u32 = 0x1234_5678;

    fn ping(size: Size) -> Vec<u8> {
        let to = "192.0.2.1:5000".parse().expect("an address");
        encode_as(TOKEN, Kind::Ping(Direction::BetweenRelays(to)), 7, size)
    }

    #[test]
    fn what_is_changed_on_the_way_shows_wherever_it_is() {
        for size in [Size::Small, Size::Large, Size::Between(400)] {
            let sent = ping(size);
            assert_eq!(read(TOKEN, &sent), Found::Whole(Sort::Ping));
            for place in [0, 9, 13, 17, 19, 25, sent.len() - 1] {
                let mut came = sent.clone();
                came[place] ^= 1;
                let found = read(TOKEN, &came);
                // In place of the kind or the number another one is as good.
                let is_known = matches!(place, 9 | 13 | 17);
                assert!(
                    is_known || matches!(found, Found::Changed { .. }),
                    "{place}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn another_length_shows_and_is_told() {
        let sent = ping(Size::Small);
        let changed = Found::Changed { sent: Some(161) };
        assert_eq!(read(TOKEN, &sent[..100]), changed);
        assert_eq!(read(TOKEN, &[&sent[..], &[0; 4]].concat()), changed);
    }

    #[test]
    fn what_others_send_is_not_ours() {
        assert_eq!(read(TOKEN + 1, &ping(Size::Small)), Found::Foreign);
        assert_eq!(read(TOKEN, b"something else"), Found::Foreign);
        assert_eq!(read(TOKEN, &[0; 400]), Found::Foreign);
    }
}
