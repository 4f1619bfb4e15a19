//! What siblings say to each other at the broker, in bytes. None of it can be trusted, and none of it tells the
//! broker a room's name: whoever has that could sit in the room.

use ring::digest;

use crate::proto::signal::rooms::{Claim, Connection, Place, RoomName, Sibling};
use crate::proto::signal::seal::Name;

const VERSION: u8 = 1;
/// The kind of a frame in its second byte.
const ALIVE: u8 = 0;
const GONE: u8 = 1;
const CALL: u8 = 2;
const SAID: u8 = 3;
const SEAT: u8 = 4;
const LEFT: u8 = 5;
const NOBODY: u8 = 6;
const THIRD: u8 = 7;
const PART: u8 = 8;
/// Flags of a claim.
const IS_NEW: u8 = 1;
const ASKS: u8 = 2;
const IS_PAIRED: u8 = 4;
/// Flags of a part.
const BEGINS: u8 = 1;
const IS_LAST: u8 = 2;
/// What a part has beside its bytes: version, kind, sender, number, room, two connections, flag.
pub const PART_HEAD: usize = 2 + 8 + 8 + 16 + 8 + 8 + 1;

/// What a room is called at the broker; the room's name cannot be found from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias(pub [u8; 16]);

impl From<RoomName> for Alias {
    fn from(room: RoomName) -> Self {
        let mut text = b"rtcdiag room at a broker 1 ".to_vec();
        text.extend_from_slice(room.to_string().as_bytes());
        let hash = digest::digest(&digest::SHA256, &text);
        let mut alias = [0; 16];
        alias.copy_from_slice(&hash.as_ref()[..16]);
        Self(alias)
    }
}

impl std::fmt::Display for Alias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// To all: this one is there. Its own time in microseconds comes back to it.
    Alive(u64),
    /// To all: it is not there any more. The broker says so.
    Gone,
    /// To those with the same room: who sits there.
    Call(Alias, Claim),
    /// To one sibling: how many words have been said to it.
    Said(u64),
    /// To one sibling: a word with its number.
    Word(u64, Word),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Who sits in the room; `asks` for the same.
    Seat {
        room: Alias,
        claim: Claim,
        asks: bool,
    },
    Left(Alias, Connection),
    /// Nobody sits in this room.
    Nobody(Alias),
    /// A third one was refused.
    Third(Alias),
    /// A part of an envelope; the parts of one follow each other.
    Part {
        room: Alias,
        from: Connection,
        to: Connection,
        begins: bool,
        is_last: bool,
        bytes: Vec<u8>,
    },
}

impl Frame {
    pub fn encode(&self, sender: Sibling) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.kind()];
        bytes.extend_from_slice(&sender.0);
        match self {
            Self::Alive(number) | Self::Said(number) => bytes.extend(number.to_be_bytes()),
            Self::Gone => {}
            Self::Call(room, claim) => encode_claim(&mut bytes, *room, claim, false),
            Self::Word(number, word) => {
                bytes.extend(number.to_be_bytes());
                word.encode(&mut bytes);
            }
        }
        bytes
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Alive(_) => ALIVE,
            Self::Gone => GONE,
            Self::Call(..) => CALL,
            Self::Said(_) => SAID,
            Self::Word(_, Word::Seat { .. }) => SEAT,
            Self::Word(_, Word::Left(..)) => LEFT,
            Self::Word(_, Word::Nobody(_)) => NOBODY,
            Self::Word(_, Word::Third(_)) => THIRD,
            Self::Word(_, Word::Part { .. }) => PART,
        }
    }

    /// Who says it, and what; `None` for what is no frame.
    pub fn decode(bytes: &[u8]) -> Option<(Sibling, Self)> {
        let mut rest = Bytes(bytes);
        let [version, kind] = rest.take()?;
        if version != VERSION {
            return None;
        }
        let sender = Sibling(rest.take()?);
        let frame = match kind {
            ALIVE => Self::Alive(rest.number()?),
            GONE => Self::Gone,
            CALL => {
                let (room, claim, _) = decode_claim(&mut rest, sender)?;
                Self::Call(room, claim)
            }
            SAID => Self::Said(rest.number()?),
            _ => Self::Word(rest.number()?, Word::decode(kind, rest, sender)?),
        };
        Some((sender, frame))
    }
}

impl Word {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Seat { room, claim, asks } => encode_claim(bytes, *room, claim, *asks),
            Self::Left(room, connection) => {
                bytes.extend_from_slice(&room.0);
                bytes.extend(connection.to_be_bytes());
            }
            Self::Nobody(room) | Self::Third(room) => bytes.extend_from_slice(&room.0),
            Self::Part {
                room,
                from,
                to,
                begins,
                is_last,
                bytes: part,
            } => {
                bytes.extend_from_slice(&room.0);
                bytes.extend(from.to_be_bytes());
                bytes.extend(to.to_be_bytes());
                let begins = if *begins { BEGINS } else { 0 };
                bytes.push(begins | if *is_last { IS_LAST } else { 0 });
                bytes.extend_from_slice(part);
            }
        }
    }

    fn decode(kind: u8, mut rest: Bytes, sender: Sibling) -> Option<Self> {
        Some(match kind {
            SEAT => {
                let (room, claim, asks) = decode_claim(&mut rest, sender)?;
                Self::Seat { room, claim, asks }
            }
            LEFT => Self::Left(Alias(rest.take()?), rest.number()?),
            NOBODY => Self::Nobody(Alias(rest.take()?)),
            THIRD => Self::Third(Alias(rest.take()?)),
            PART => {
                let room = Alias(rest.take()?);
                let (from, to) = (rest.number()?, rest.number()?);
                let [flags] = rest.take()?;
                Self::Part {
                    room,
                    from,
                    to,
                    begins: flags & BEGINS != 0,
                    is_last: flags & IS_LAST != 0,
                    bytes: rest.0.to_vec(),
                }
            }
            _ => return None,
        })
    }
}

fn encode_claim(bytes: &mut Vec<u8>, room: Alias, claim: &Claim, asks: bool) {
    let connection = match claim.place {
        Place::Here(connection) | Place::There(_, connection) => connection,
    };
    bytes.extend_from_slice(&room.0);
    bytes.extend_from_slice(&claim.member.0);
    bytes.extend(connection.to_be_bytes());
    bytes.extend(claim.since.to_be_bytes());
    let is_new = if claim.is_new { IS_NEW } else { 0 };
    let is_paired = if claim.is_paired { IS_PAIRED } else { 0 };
    bytes.push(is_new | is_paired | if asks { ASKS } else { 0 });
}

fn decode_claim(rest: &mut Bytes, sender: Sibling) -> Option<(Alias, Claim, bool)> {
    let room = Alias(rest.take()?);
    let member = Name(rest.take()?);
    let place = Place::There(sender, rest.number()?);
    let since = rest.number()?;
    let [flags] = rest.take()?;
    let claim = Claim {
        member,
        place,
        since,
        is_new: flags & IS_NEW != 0,
        is_paired: flags & IS_PAIRED != 0,
    };
    Some((room, claim, flags & ASKS != 0))
}

/// What is left to be read.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::signal::code::Code;

    const A: Sibling = Sibling([1; 8]);

    fn frames() -> Vec<Frame> {
        let room = Alias([5; 16]);
        let claim = Claim {
            member: Name([2; 16]),
            place: Place::There(A, 7),
            since: 1_700_000_000_000,
            is_new: true,
            is_paired: false,
        };
        let part = Word::Part {
            room,
            from: 1,
            to: u64::MAX,
            begins: true,
            is_last: false,
            bytes: vec![9; 40],
        };
        let seat = Word::Seat {
            room,
            claim,
            asks: true,
        };
        let words = [
            seat,
            Word::Left(room, 3),
            Word::Nobody(room),
            Word::Third(room),
            part,
        ];
        let words = words.into_iter().zip(0..).map(|(w, n)| Frame::Word(n, w));
        let others = [
            Frame::Alive(5),
            Frame::Gone,
            Frame::Call(room, claim),
            Frame::Said(u64::MAX),
        ];
        others.into_iter().chain(words).collect()
    }

    #[test]
    fn frames_survive_the_way_and_cut_ones_are_none() {
        for frame in frames() {
            let bytes = frame.encode(A);
            assert_eq!(Frame::decode(&bytes), Some((A, frame.clone())));
            let is_part = matches!(frame, Frame::Word(_, Word::Part { .. }));
            let head = if is_part { PART_HEAD } else { bytes.len() };
            for length in 0..head {
                assert_eq!(Frame::decode(&bytes[..length]), None, "{frame:?}");
            }
        }
    }

    #[test]
    fn a_broker_cannot_tell_the_room_from_what_it_is_called() {
        let room = RoomName::from(&Code::new([7; 10]));
        let alias = Alias::from(room).to_string();
        assert_eq!(alias.len(), 32);
        assert!(!alias.contains(&room.to_string()[..4].to_lowercase()));
        assert_ne!(
            Alias::from(RoomName::from(&Code::new([8; 10]))),
            Alias::from(room)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some((sender, frame)) = Frame::decode(&bytes) {
                prop_assert!(Frame::decode(&frame.encode(sender)).is_some());
            }
        }
    }
}
