//! The lobbies of a rendezvous, where the members of a mesh meet: what one says, all others hear. Unlike
//! [`crate::proto::signal::rooms`] they are of one process alone, and shared with no siblings.

use std::collections::BTreeMap;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::meter::Meter;
use crate::proto::signal::rooms::{Connection, RoomLimits, RoomName};
use crate::proto::signal::seal::Name;
use crate::proto::signal::wire::Refusal;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// Who is there already.
    pub others: Vec<Connection>,
    /// The member's older connection, which this one takes the place of.
    pub replaced: Option<Connection>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotEntered {
    pub refusal: Refusal,
    pub members: Vec<Connection>,
}

#[derive(Debug)]
struct Lobby {
    opened: Time,
    seats: Vec<Seat>,
}

/// A member's place. It has meters of its own: who floods must not end the connections of the others.
#[derive(Debug)]
struct Seat {
    member: Name,
    connection: Connection,
    messages: Meter,
    bytes: Meter,
}

impl Lobby {
    fn others(&self, than: Connection) -> Vec<Connection> {
        let seats = self.seats.iter().map(|seat| seat.connection);
        seats.filter(|connection| *connection != than).collect()
    }
}

#[derive(Debug)]
pub struct Lobbies {
    limits: RoomLimits,
    table: BTreeMap<RoomName, Lobby>,
}

impl Lobbies {
    pub const fn new(limits: RoomLimits) -> Self {
        Self {
            limits,
            table: BTreeMap::new(),
        }
    }

    pub fn open(&self) -> usize {
        self.table.len()
    }

    pub fn holds(&self, name: RoomName) -> bool {
        self.table.contains_key(&name)
    }

    /// A member joins a lobby; the first one opens it.
    /// Fails if it is full, or there are too many.
    pub fn join(
        &mut self,
        now: Time,
        name: RoomName,
        member: Name,
        connection: Connection,
    ) -> Result<Entered, NotEntered> {
        if !self.holds(name) && self.table.len() >= self.limits.rooms {
            return Err(NotEntered {
                refusal: Refusal::TooManyRooms,
                members: Vec::new(),
            });
        }
        let lobby = self.table.entry(name).or_insert_with(|| Lobby {
            opened: now,
            seats: Vec::new(),
        });
        let own = lobby.seats.iter().position(|seat| seat.member == member);
        let replaced = match own {
            Some(own) => Some(std::mem::replace(
                &mut lobby.seats[own].connection,
                connection,
            )),
            None if lobby.seats.len() < bounds::MESH_MEMBERS => {
                lobby.seats.push(Seat {
                    member,
                    connection,
                    messages: Meter::default(),
                    bytes: Meter::default(),
                });
                None
            }
            None => {
                return Err(NotEntered {
                    refusal: Refusal::MeshFull,
                    members: lobby.seats.iter().map(|seat| seat.connection).collect(),
                });
            }
        };
        Ok(Entered {
            others: lobby.others(connection),
            replaced,
        })
    }

    /// A connection has ended. Gives the members who stay. An older connection of a
    /// member that has joined again is not in the lobby any more.
    pub fn leave(&mut self, name: RoomName, connection: Connection) -> Vec<Connection> {
        let Some(lobby) = self.table.get_mut(&name) else {
            return Vec::new();
        };
        let before = lobby.seats.len();
        lobby.seats.retain(|seat| seat.connection != connection);
        if lobby.seats.len() == before {
            return Vec::new();
        }
        let others = lobby.others(connection);
        if lobby.seats.is_empty() {
            self.table.remove(&name);
        }
        others
    }

    /// A message of so many bytes, which count for each who gets it. Gives the connections that it is for.
    /// [`Refusal::TooFast`], and [`Refusal::Replaced`] from a connection that is in the lobby no more.
    pub fn forward(
        &mut self,
        now: Time,
        name: RoomName,
        connection: Connection,
        bytes: u64,
    ) -> Result<Vec<Connection>, Refusal> {
        let lobby = self.table.get_mut(&name).ok_or(Refusal::RoomExpired)?;
        let others = lobby.others(connection);
        let bytes = bytes.saturating_mul(others.len().max(1) as u64);
        let mut seats = lobby.seats.iter_mut();
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

    /// Closes lobbies that have been open for too long, and gives their members.
    pub fn expire(&mut self, now: Time) -> Vec<Connection> {
        let mut members = Vec::new();
        let lifetime = self.limits.lifetime;
        self.table.retain(|_, lobby| {
            let stays = now.saturating_sub(lobby.opened) < lifetime;
            if !stays {
                members.extend(lobby.seats.iter().map(|seat| seat.connection));
            }
            stays
        });
        members
    }
}
