//! The rooms of a rendezvous: who is in which, and what a room may cost. Nothing that is said in a
//! room is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::code::Code;
use super::meter::Meter;
use super::seal::Name;
use super::wire::Refusal;
use crate::time::Time;

/// What rooms are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open rooms.
    pub rooms: usize,
    /// How long a room may be open.
    pub lifetime: Duration,
    /// Messages of both members in a second.
    pub messages_per_second: u64,
    /// Bytes of both members in a second.
    pub bytes_per_second: u64,
}

/// Characters of a room's name.
const LENGTH: usize = 26;

/// The name of a room, as [`super::code::Code::room`] gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomName([u8; LENGTH]);

impl FromStr for RoomName {
    type Err = ();

    /// 26 characters of Crockford's base 32.
    fn from_str(text: &str) -> Result<Self, ()> {
        let name = <[u8; LENGTH]>::try_from(text.as_bytes()).map_err(drop)?;
        let known = |c: &u8| {
            matches!(c, b'0'..=b'9' | b'A'..=b'Z') && !matches!(c, b'I' | b'L' | b'O' | b'U')
        };
        if name.iter().all(known) {
            Ok(Self(name))
        } else {
            Err(())
        }
    }
}

impl From<&Code> for RoomName {
    fn from(code: &Code) -> Self {
        let name = code.room();
        name.parse().expect("codes give names of this form")
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{}", *c as char))
    }
}

impl fmt::Debug for RoomName {
    /// Shortened: whoever knows a room's name can sit in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shortened())
    }
}

impl RoomName {
    /// Enough to tell rooms apart in a log, not enough to join one.
    pub fn shortened(&self) -> String {
        let start = self.0.iter().take(4).map(|c| char::from(*c));
        start.chain(['.', '.']).collect()
    }
}

/// The number of a connection; none comes twice.
pub type Connection = u64;

/// What comes of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The other member, if it is there.
    pub peer: Option<Connection>,
    /// The member's older connection, which this one takes the place of.
    pub replaced: Option<Connection>,
    /// Whether the room is new.
    pub is_new: bool,
}

/// A join that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJoined {
    /// Why.
    pub refusal: Refusal,
    /// The members who should know.
    pub members: Vec<Connection>,
}

#[derive(Debug)]
struct Room {
    opened: Time,
    seats: Vec<Seat>,
}

/// A member's place. It has meters of its own: who floods must not end the other one's connection.
#[derive(Debug)]
struct Seat {
    member: Name,
    connection: Connection,
    messages: Meter,
    bytes: Meter,
}

impl Room {
    fn other(&self, than: Connection) -> Option<Connection> {
        let mut seats = self.seats.iter().map(|seat| seat.connection);
        seats.find(|connection| *connection != than)
    }
}

/// All rooms.
#[derive(Debug)]
pub struct Rooms {
    limits: Limits,
    rooms: BTreeMap<RoomName, Room>,
}

impl Rooms {
    /// No room yet.
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: BTreeMap::new(),
        }
    }

    /// Rooms that are open.
    pub fn open(&self) -> usize {
        self.rooms.len()
    }

    /// A member joins a room; the first one opens it.
    ///
    /// # Errors
    ///
    /// If two others are there, or there are too many rooms.
    pub fn join(
        &mut self,
        now: Time,
        name: RoomName,
        member: Name,
        connection: Connection,
    ) -> Result<Joined, NotJoined> {
        let is_new = !self.rooms.contains_key(&name);
        if is_new && self.rooms.len() >= self.limits.rooms {
            return Err(NotJoined {
                refusal: Refusal::TooManyRooms,
                members: Vec::new(),
            });
        }
        let room = self.rooms.entry(name).or_insert_with(|| Room {
            opened: now,
            seats: Vec::with_capacity(2),
        });
        let own = room.seats.iter().position(|seat| seat.member == member);
        let replaced = match own {
            Some(own) => Some(std::mem::replace(
                &mut room.seats[own].connection,
                connection,
            )),
            None if room.seats.len() < 2 => {
                room.seats.push(Seat {
                    member,
                    connection,
                    messages: Meter::default(),
                    bytes: Meter::default(),
                });
                None
            }
            None => {
                return Err(NotJoined {
                    refusal: Refusal::RoomFull,
                    members: room.seats.iter().map(|seat| seat.connection).collect(),
                });
            }
        };
        Ok(Joined {
            peer: room.other(connection),
            replaced,
            is_new,
        })
    }

    /// A connection has ended. Gives the member who stays, if there is one. An older connection of a
    /// member that has joined again is not in the room any more.
    pub fn leave(&mut self, name: RoomName, connection: Connection) -> Option<Connection> {
        let room = self.rooms.get_mut(&name)?;
        let before = room.seats.len();
        room.seats.retain(|seat| seat.connection != connection);
        if room.seats.len() == before {
            return None;
        }
        let peer = room.other(connection);
        if room.seats.is_empty() {
            self.rooms.remove(&name);
        }
        peer
    }

    /// A message of so many bytes. Gives the connection that it is for, if the other member is there.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooFast`], and [`Refusal::Replaced`] from a connection that is in the room no more.
    pub fn forward(
        &mut self,
        now: Time,
        name: RoomName,
        connection: Connection,
        bytes: u64,
    ) -> Result<Option<Connection>, Refusal> {
        let room = self.rooms.get_mut(&name).ok_or(Refusal::RoomExpired)?;
        let mut seats = room.seats.iter_mut();
        let seat = seats.find(|seat| seat.connection == connection);
        let seat = seat.ok_or(Refusal::Replaced)?;
        let limits = &self.limits;
        if !seat.messages.take(now, 1, limits.messages_per_second)
            || !seat.bytes.take(now, bytes, limits.bytes_per_second)
        {
            return Err(Refusal::TooFast);
        }
        Ok(room.other(connection))
    }

    /// Closes rooms that have been open for too long, and gives their members.
    pub fn expire(&mut self, now: Time) -> Vec<Connection> {
        let mut members = Vec::new();
        let lifetime = self.limits.lifetime;
        self.rooms.retain(|_, room| {
            let stays = now.saturating_sub(room.opened) < lifetime;
            if !stays {
                members.extend(room.seats.iter().map(|seat| seat.connection));
            }
            stays
        });
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Name = Name([1; 16]);
    const B: Name = Name([2; 16]);
    const C: Name = Name([3; 16]);
    const NOW: Time = Time::ZERO;

    fn rooms() -> Rooms {
        Rooms::new(Limits {
            rooms: 2,
            lifetime: Duration::from_secs(60),
            messages_per_second: 10,
            bytes_per_second: 1000,
        })
    }

    fn name(digit: &str) -> RoomName {
        digit.repeat(LENGTH).parse().expect("a name")
    }

    fn joined(peer: Option<Connection>, replaced: Option<Connection>, is_new: bool) -> Joined {
        Joined {
            peer,
            replaced,
            is_new,
        }
    }

    #[test]
    fn names_are_those_that_codes_give() {
        let code = Code::new([7; 10]);
        let (name, room) = (RoomName::from(&code), code.room());
        assert_eq!(name.to_string(), room);
        assert!(!format!("{name:?}").contains(&room[..6]));
        for wrong in ["", "A", &"a".repeat(26), &"U".repeat(26), &"0".repeat(27)] {
            assert!(wrong.parse::<RoomName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_meet_and_a_third_is_refused() {
        let mut rooms = rooms();
        let room = name("0");
        assert_eq!(rooms.join(NOW, room, A, 1), Ok(joined(None, None, true)));
        assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(None));
        let second = rooms.join(NOW, room, B, 2);
        assert_eq!(second, Ok(joined(Some(1), None, false)));
        assert_eq!(rooms.forward(NOW, room, 1, 5), Ok(Some(2)));
        assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(Some(1)));
        let refused = NotJoined {
            refusal: Refusal::RoomFull,
            members: vec![1, 2],
        };
        assert_eq!(rooms.join(NOW, room, C, 3), Err(refused));
        assert_eq!(rooms.leave(room, 3), None);
        assert_eq!(rooms.leave(room, 1), Some(2));
        assert_eq!(
            rooms.join(NOW, room, C, 4),
            Ok(joined(Some(2), None, false))
        );
    }

    #[test]
    fn a_member_that_joins_again_takes_its_own_seat() {
        let mut rooms = rooms();
        let room = name("0");
        rooms.join(NOW, room, A, 1).expect("a seat");
        rooms.join(NOW, room, B, 2).expect("a seat");
        let again = rooms.join(NOW, room, A, 3);
        assert_eq!(again, Ok(joined(Some(2), Some(1), false)));
        // What the older connection still does changes nothing.
        assert_eq!(rooms.forward(NOW, room, 1, 5), Err(Refusal::Replaced));
        assert_eq!(rooms.leave(room, 1), None);
        assert_eq!(rooms.forward(NOW, room, 2, 5), Ok(Some(3)));
    }

    #[test]
    fn rooms_are_limited_and_empty_ones_are_gone() {
        let mut rooms = rooms();
        rooms.join(NOW, name("0"), A, 1).expect("a seat");
        rooms.join(NOW, name("1"), A, 2).expect("a seat");
        let refused = rooms.join(NOW, name("2"), A, 3).map_err(|e| e.refusal);
        assert_eq!(refused, Err(Refusal::TooManyRooms));
        // An open room may still be joined.
        rooms.join(NOW, name("1"), B, 4).expect("a seat");
        assert_eq!(rooms.leave(name("0"), 1), None);
        assert_eq!(rooms.open(), 1);
        rooms.join(NOW, name("2"), A, 5).expect("a seat");
    }

    #[test]
    fn who_sends_too_much_is_refused() {
        let mut rooms = rooms();
        let room = name("0");
        rooms.join(NOW, room, A, 1).expect("a seat");
        let passed = (0..100).filter(|_| rooms.forward(NOW, room, 1, 1).is_ok());
        assert_eq!(passed.count(), 50);
        let later = Time::from_secs(10);
        assert_eq!(rooms.forward(later, room, 1, 4999), Ok(None));
        assert_eq!(rooms.forward(later, room, 1, 4999), Err(Refusal::TooFast));
    }

    #[test]
    fn rooms_end_after_their_lifetime() {
        let mut rooms = rooms();
        rooms.join(NOW, name("0"), A, 1).expect("a seat");
        rooms.join(NOW, name("0"), B, 2).expect("a seat");
        let later = Time::from_secs(30);
        rooms.join(later, name("1"), A, 3).expect("a seat");
        assert!(rooms.expire(later).is_empty());
        assert_eq!(rooms.expire(Time::from_secs(60)), [1, 2]);
        assert_eq!(rooms.open(), 1);
        assert_eq!(
            rooms.forward(later, name("0"), 1, 1),
            Err(Refusal::RoomExpired)
        );
    }
}
