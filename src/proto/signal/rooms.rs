//! The rooms of a rendezvous: who is in which, and what a room may cost. Nothing that is said in a
//! room is kept.
//!
//! A room has two seats. Their members may be connected to this process, or to siblings: other processes that
//! share its rooms ([`crate::proto::signal::siblings`]). Where more than two claim a seat, since siblings hear of
//! each other a little later, each process comes to the same end by itself: who sat before goes before who is just
//! coming, and of equals the one who came first.

mod seat;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::code::Code;
use crate::proto::signal::seal::Name;
use crate::proto::signal::wire::{Notice, Refusal};
pub use seat::{Claim, Place, Sibling};
use seat::{Room, Seat};

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
    /// For all members of a mesh ([`crate::proto::signal::lobbies`]).
    Lobby,
}

/// The number of a connection; none comes twice.
pub type Connection = u64;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Tell(Connection, Notice),
    End(Connection, Refusal),
    /// What siblings have to know.
    Share(Share),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Somebody sits in the room here, for the first time.
    Opened(RoomName),
    /// Nobody does any more.
    Closed(RoomName),
    /// A member has come.
    Seated(RoomName, Connection),
    /// Its seat is sure, and this sibling has the other one.
    Sure(RoomName, Connection, Sibling),
    /// A connection has left, and this sibling has the other seat.
    Left(RoomName, Connection, Sibling),
    /// A third one was refused.
    Third(RoomName, Sibling),
}

/// Why a message of a sibling is for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    NobodyHere,
    /// The one whom it is for knows another peer, or none.
    OtherPeer,
    TooFast,
}

#[derive(Debug)]
pub struct Rooms {
    limits: RoomLimits,
    table: BTreeMap<RoomName, Room>,
    orders: VecDeque<Order>,
}

impl Rooms {
    pub const fn new(limits: RoomLimits) -> Self {
        Self {
            limits,
            table: BTreeMap::new(),
            orders: VecDeque::new(),
        }
    }

    pub fn open(&self) -> usize {
        self.table.len()
    }

    pub fn holds(&self, name: RoomName) -> bool {
        self.table.contains_key(&name)
    }

    pub fn names(&self) -> impl Iterator<Item = RoomName> {
        self.table.keys().copied()
    }

    /// To be carried out in this order after each call.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// A member joins a room; the first one opens it. `since` are milliseconds since 1970, which siblings compare.
    /// Where it `waits`, it is told whether the other one is there only once that is so, or [`Rooms::release`] says
    /// that siblings have been heard.
    /// Gives whether it is known to be there. Fails if two others are, or there are too many rooms.
    pub fn join(
        &mut self,
        now: Time,
        since: u64,
        name: RoomName,
        claim: (Name, Connection),
        waits: bool,
    ) -> Result<bool, Refusal> {
        let (member, connection) = claim;
        let is_new = !self.table.contains_key(&name);
        if is_new && self.table.len() >= self.limits.rooms {
            return Err(Refusal::TooManyRooms);
        }
        let room = self.table.entry(name).or_insert_with(|| Room::new(now));
        let place = Place::Here(connection);
        let mut seat = Seat::new(Claim {
            member,
            place,
            since,
            is_new: true,
            is_paired: false,
        });
        seat.waits = waits;
        match room.of_member(member) {
            Some(own) => {
                // It sits there already, and keeps its turn and what it has spent.
                seat.keep(own);
                if let Place::Here(older) = own.claim.place {
                    self.orders.push_back(Order::End(older, Refusal::Replaced));
                }
                *own = seat;
            }
            None => room.seats.push(seat),
        }
        if is_new {
            self.share(Share::Opened(name));
        }
        if self.settle(name).contains(&connection) {
            return Err(Refusal::RoomFull);
        }
        self.share(Share::Seated(name, connection));
        Ok(self.peer_of(name, connection).is_some())
    }

    /// A connection has ended. An older connection of a member that has joined again is not in the room any more.
    pub fn leave(&mut self, name: RoomName, connection: Connection) {
        let Some(room) = self.table.get_mut(&name) else {
            return;
        };
        if !room.remove(Place::Here(connection)) {
            return;
        }
        for sibling in room.siblings() {
            self.share(Share::Left(name, connection, sibling));
        }
        self.settle(name);
    }

    /// A message of so many bytes. Gives where the other member is, if it is there.
    /// [`Refusal::TooFast`], and [`Refusal::Replaced`] from a connection that is in the room no more.
    pub fn forward(
        &mut self,
        now: Time,
        name: RoomName,
        connection: Connection,
        bytes: u64,
    ) -> Result<Option<Place>, Refusal> {
        let room = self.table.get_mut(&name).ok_or(Refusal::RoomExpired)?;
        let seat = room.at(Place::Here(connection));
        let seat = seat.ok_or(Refusal::Replaced)?;
        if !seat.spend(now, bytes, &self.limits) {
            return Err(Refusal::TooFast);
        }
        Ok(seat.peer())
    }

    /// A message that a sibling brings, for a connection here.
    pub fn deliver(
        &mut self,
        now: Time,
        name: RoomName,
        from: Place,
        to: Connection,
        bytes: u64,
    ) -> Result<(), Stray> {
        let room = self.table.get_mut(&name).ok_or(Stray::NobodyHere)?;
        let seat = room.at(Place::Here(to)).ok_or(Stray::NobodyHere)?;
        if seat.peer() != Some(from) {
            return Err(Stray::OtherPeer);
        }
        let sender = room.at(from).ok_or(Stray::OtherPeer)?;
        if sender.spend(now, bytes, &self.limits) {
            Ok(())
        } else {
            Err(Stray::TooFast)
        }
    }

    /// A sibling says who sits there. Where this process knows better, gives the connection of the same member here.
    /// `now` are milliseconds since 1970.
    pub fn sit_there(&mut self, now: u64, name: RoomName, claim: Claim) -> Option<Connection> {
        let room = self.table.get_mut(&name)?;
        let is_full = room.seats.len() >= bounds::SIBLING_SEATS;
        match room.of_member(claim.member) {
            Some(own) if own.claim.place == claim.place => {
                own.claim.is_new &= claim.is_new;
                own.claim.is_paired = claim.is_paired;
            }
            Some(own) if !own.yields_to(&claim, now) => {
                return match own.claim.place {
                    Place::Here(connection) => Some(connection),
                    Place::There(..) => None,
                };
            }
            Some(own) => {
                let mut seat = Seat::new(claim);
                seat.keep(own);
                if let Place::Here(older) = own.claim.place {
                    self.orders.push_back(Order::End(older, Refusal::Replaced));
                }
                *own = seat;
            }
            None if is_full => return None,
            None => room.seats.push(Seat::new(claim)),
        }
        self.settle(name);
        None
    }

    /// A connection to a sibling has ended; without one, all of it in this room have.
    pub fn rise_there(&mut self, name: RoomName, sibling: Sibling, only: Option<Connection>) {
        let Some(room) = self.table.get_mut(&name) else {
            return;
        };
        room.seats.retain(|seat| match seat.claim.place {
            Place::There(at, connection) => {
                at != sibling || only.is_some_and(|only| only != connection)
            }
            Place::Here(_) => true,
        });
        self.settle(name);
    }

    /// Only these siblings are still there. Gives the rooms that others have left.
    pub fn keep_siblings(&mut self, stays: impl Fn(Sibling) -> bool) -> Vec<RoomName> {
        let mut changed = Vec::new();
        for (name, room) in &mut self.table {
            let before = room.seats.len();
            room.seats.retain(|seat| match seat.claim.place {
                Place::There(sibling, _) => stays(sibling),
                Place::Here(_) => true,
            });
            if room.seats.len() < before {
                changed.push(*name);
            }
        }
        for name in &changed {
            self.settle(*name);
        }
        changed
    }

    /// Who waited in this room has waited for long enough.
    pub fn release(&mut self, name: RoomName) {
        if let Some(room) = self.table.get_mut(&name) {
            room.seats.iter_mut().for_each(|seat| seat.waits = false);
            self.settle(name);
        }
    }

    /// A third one was refused elsewhere.
    pub fn third_there(&mut self, name: RoomName) {
        if let Some(room) = self.table.get(&name) {
            let here = room.here().filter(|(_, seat)| seat.is_in());
            let told = here.map(|(connection, _)| Order::Tell(connection, Notice::ThirdRefused));
            self.orders.extend(told);
        }
    }

    /// What was said to those in this room whose peer this sibling has may be lost: they are told that the other
    /// one has joined again, so that both say again what is not confirmed.
    pub fn lost_there(&mut self, name: RoomName, sibling: Sibling) {
        if let Some(room) = self.table.get(&name) {
            let of_sibling =
                |seat: &Seat| matches!(seat.peer(), Some(Place::There(at, _)) if at == sibling);
            let here = room.here().filter(|(_, seat)| of_sibling(seat));
            let told = here.map(|(connection, _)| Order::Tell(connection, Notice::PeerJoined));
            self.orders.extend(told);
        }
    }

    /// Those who sit here in this room, as this sibling is told of them; or everybody.
    pub fn claims_here(&self, name: RoomName, told: Option<Sibling>) -> Vec<(Connection, Claim)> {
        let room = self.table.get(&name);
        let claim = |(at, seat): (Connection, &Seat)| {
            let is_paired = match seat.peer() {
                None => false,
                Some(Place::Here(_)) => true,
                Some(Place::There(sibling, _)) => told.is_some_and(|told| told != sibling),
            };
            let claim = Claim {
                is_paired,
                ..seat.claim
            };
            (at, claim)
        };
        let seats = room.into_iter().flat_map(Room::here);
        seats.map(claim).collect()
    }

    /// The siblings that have a seat in this room.
    pub fn siblings(&self, name: RoomName) -> Vec<Sibling> {
        self.table.get(&name).map_or_else(Vec::new, Room::siblings)
    }

    /// Whether one of two is missing.
    pub fn is_lonely(&self, name: RoomName) -> bool {
        self.table.get(&name).is_some_and(|r| r.seats.len() < 2)
    }

    /// Rooms whose members are at different processes.
    pub fn shared(&self) -> usize {
        let is_shared = |room: &&Room| room.seats.iter().any(|seat| !seat.is_here());
        self.table.values().filter(is_shared).count()
    }

    fn peer_of(&mut self, name: RoomName, connection: Connection) -> Option<Place> {
        self.table
            .get_mut(&name)?
            .at(Place::Here(connection))?
            .peer()
    }

    fn share(&mut self, share: Share) {
        self.orders.push_back(Order::Share(share));
    }

    /// After each change: refuses who is too many, and tells everybody who the other one is. Gives who was refused.
    fn settle(&mut self, name: RoomName) -> Vec<Connection> {
        let Some(room) = self.table.get_mut(&name) else {
            return Vec::new();
        };
        let refused = room.refuse();
        let siblings = room.siblings();
        let told: Vec<Connection> = room
            .here()
            .filter(|(_, seat)| seat.is_in())
            .map(|(connection, _)| connection)
            .collect();
        let is_empty = room.here().next().is_none();
        let said = if is_empty { Vec::new() } else { room.tell() };
        for connection in &refused {
            let end = Order::End(*connection, Refusal::RoomFull);
            self.orders.push_back(end);
            for member in &told {
                let third = Order::Tell(*member, Notice::ThirdRefused);
                self.orders.push_back(third);
            }
            for sibling in &siblings {
                self.share(Share::Left(name, *connection, *sibling));
                self.share(Share::Third(name, *sibling));
            }
        }
        if is_empty {
            self.table.remove(&name);
            self.share(Share::Closed(name));
        }
        for (connection, notice, sure) in said {
            self.orders.push_back(Order::Tell(connection, notice));
            if let Some(sibling) = sure {
                let sure = Share::Sure(name, connection, sibling);
                self.orders.push_back(Order::Share(sure));
            }
        }
        refused
    }

    /// Closes rooms that have been open for too long.
    pub fn expire(&mut self, now: Time) {
        let lifetime = self.limits.lifetime;
        let old = self
            .table
            .iter()
            .filter(|(_, room)| now.saturating_sub(room.opened) >= lifetime);
        let old: Vec<RoomName> = old.map(|(name, _)| *name).collect();
        for name in old {
            let Some(room) = self.table.remove(&name) else {
                continue;
            };
            for (connection, _) in room.here() {
                self.orders
                    .push_back(Order::End(connection, Refusal::RoomExpired));
                for sibling in room.siblings() {
                    self.share(Share::Left(name, connection, sibling));
                }
            }
            self.share(Share::Closed(name));
        }
    }
}
