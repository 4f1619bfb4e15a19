//! The rooms of a rendezvous: who is in which, and what a room may cost. Nothing that is said in a
//! room is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::code::Code;
use crate::proto::signal::meter::Meter;
use crate::proto::signal::seal::Name;
use crate::proto::signal::wire::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    pub rooms: usize,
    pub lifetime: Duration,
    /// Messages of both members in a second.
    pub messages_per_second: u64,
    /// Bytes of both members in a second.
    pub bytes_per_second: u64,
}

/// Characters of a room's name.
const LENGTH: usize = 26;

/// The name of a room, as [`crate::proto::signal::code::Code::room`] gives it.
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

/// For whom a room is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoomKind {
    /// For the two sides of a session.
    #[default]
    Pair,
    /// For all members of a mesh: what one says, all others hear.
    Lobby,
}

impl RoomKind {
    const fn seats(self) -> usize {
        match self {
            Self::Pair => 2,
            Self::Lobby => bounds::MESH_MEMBERS,
        }
    }

    const fn full(self) -> Refusal {
        match self {
            Self::Pair => Refusal::RoomFull,
            Self::Lobby => Refusal::MeshFull,
        }
    }
}

/// The number of a connection; none comes twice.
pub type Connection = u64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Who is there already.
    pub others: Vec<Connection>,
    /// The member's older connection, which this one takes the place of.
    pub replaced: Option<Connection>,
    pub is_new: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJoined {
    pub refusal: Refusal,
    pub members: Vec<Connection>,
}

#[derive(Debug)]
struct Room {
    kind: RoomKind,
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
    fn others(&self, than: Connection) -> Vec<Connection> {
        let seats = self.seats.iter().map(|seat| seat.connection);
        seats.filter(|connection| *connection != than).collect()
    }
}

#[derive(Debug)]
pub struct Rooms {
    limits: RoomLimits,
    rooms: BTreeMap<RoomName, Room>,
}

impl Rooms {
    pub const fn new(limits: RoomLimits) -> Self {
        Self {
            limits,
            rooms: BTreeMap::new(),
        }
    }

    pub fn open(&self) -> usize {
        self.rooms.len()
    }

    /// A member joins a room; the first one opens it.
    /// Fails if it is full, or of another kind, or there are too many rooms.
    pub fn join(
        &mut self,
        now: Time,
        (name, kind): (RoomName, RoomKind),
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
            kind,
            opened: now,
            seats: Vec::with_capacity(2),
        });
        if room.kind != kind {
            // Codes give each its own name, so nobody comes here by chance.
            return Err(NotJoined {
                refusal: Refusal::BadJoin,
                members: Vec::new(),
            });
        }
        let own = room.seats.iter().position(|seat| seat.member == member);
        let replaced = match own {
            Some(own) => Some(std::mem::replace(
                &mut room.seats[own].connection,
                connection,
            )),
            None if room.seats.len() < kind.seats() => {
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
                    refusal: kind.full(),
                    members: room.seats.iter().map(|seat| seat.connection).collect(),
                });
            }
        };
        Ok(Joined {
            others: room.others(connection),
            replaced,
            is_new,
        })
    }

    /// A connection has ended. Gives the members who stay. An older connection of a
    /// member that has joined again is not in the room any more.
    pub fn leave(&mut self, name: RoomName, connection: Connection) -> Vec<Connection> {
        let Some(room) = self.rooms.get_mut(&name) else {
            return Vec::new();
        };
        let before = room.seats.len();
        room.seats.retain(|seat| seat.connection != connection);
        if room.seats.len() == before {
            return Vec::new();
        }
        let others = room.others(connection);
        if room.seats.is_empty() {
            self.rooms.remove(&name);
        }
        others
    }

    /// A message of so many bytes, which count for each who gets it. Gives the connections that it is for.
    /// [`Refusal::TooFast`], and [`Refusal::Replaced`] from a connection that is in the room no more.
    pub fn forward(
        &mut self,
        now: Time,
        name: RoomName,
        connection: Connection,
        bytes: u64,
    ) -> Result<Vec<Connection>, Refusal> {
        let room = self.rooms.get_mut(&name).ok_or(Refusal::RoomExpired)?;
        let others = room.others(connection);
        let bytes = bytes.saturating_mul(others.len().max(1) as u64);
        let mut seats = room.seats.iter_mut();
        let seat = seats.find(|seat| seat.connection == connection);
        let seat = seat.ok_or(Refusal::Replaced)?;
        let limits = &self.limits;
        if !seat.messages.take(now, 1, limits.messages_per_second)
            || !seat.bytes.take(now, bytes, limits.bytes_per_second)
        {
            return Err(Refusal::TooFast);
        }
        Ok(others)
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
