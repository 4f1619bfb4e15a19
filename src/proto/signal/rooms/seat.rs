//! The seats of a room: who claims one, whose claim goes before whose, and what those here were told.

use std::cmp::Reverse;
use std::time::Duration;

use crate::base::time::Time;
use crate::proto::signal::meter::Meter;
use crate::proto::signal::rooms::{Connection, RoomLimits};
use crate::proto::signal::seal::Name;
use crate::proto::signal::wire::Notice;

/// For how long a claim of the same member elsewhere, that says it is the newer one and has the older time, is not
/// believed: it was under way while the member came here.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// The random name of another process, for one connection of it to the broker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sibling(pub [u8; 8]);

impl std::fmt::Debug for Sibling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Display for Sibling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a member is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Here(Connection),
    There(Sibling, Connection),
}

/// What is said of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub member: Name,
    pub place: Place,
    /// When it was taken: milliseconds since 1970, by the clock of the process where it is.
    pub since: u64,
    /// It is being taken; the process where it is does not know yet whether it is free.
    pub is_new: bool,
    /// Somebody else than the one who is told of it has the other seat.
    pub is_paired: bool,
}

/// What one who sits here was told of the other seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Alone,
    Peer(Place),
}

/// A member's place. It has meters of its own: who floods must not end the other one's connection.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) claim: Claim,
    /// It is told nothing yet: siblings may know of others.
    pub(super) waits: bool,
    pub(super) told: Told,
    messages: Meter,
    bytes: Meter,
}

impl Seat {
    pub(super) fn new(claim: Claim) -> Self {
        Self {
            claim,
            waits: false,
            told: Told::Nothing,
            messages: Meter::default(),
            bytes: Meter::default(),
        }
    }

    /// The member has sat there before, over another connection.
    pub(super) const fn keep(&mut self, older: &Self) {
        self.messages = older.messages;
        self.bytes = older.bytes;
        // The room is known to have this seat.
        self.waits &= older.waits;
    }

    pub(super) const fn is_here(&self) -> bool {
        matches!(self.claim.place, Place::Here(_))
    }

    /// Where the other member is, as far as this one was told.
    pub(super) const fn peer(&self) -> Option<Place> {
        match self.told {
            Told::Peer(place) => Some(place),
            Told::Nothing | Told::Alone => None,
        }
    }

    /// Whether it is in the room, as far as it knows.
    pub(super) fn is_in(&self) -> bool {
        self.told != Told::Nothing
    }

    pub(super) fn spend(&mut self, now: Time, bytes: u64, limits: &RoomLimits) -> bool {
        self.messages.take(now, 1, limits.messages_per_second)
            && self.bytes.take(now, bytes, limits.bytes_per_second)
    }

    /// Whether this claim of the same member takes its place. `now` is by the clock of `since`.
    pub(super) fn yields_to(&self, claim: &Claim, now: u64) -> bool {
        let is_older = claim.since < self.claim.since;
        let age = Duration::from_millis(now.saturating_sub(self.claim.since));
        match (self.claim.place, claim.place) {
            // A process knows what is connected to it.
            (Place::There(known, _), Place::There(says, _)) if known == says => true,
            // Who comes anew comes last, whatever the clocks of two processes say.
            _ if claim.is_new && age >= UNDER_WAY => true,
            // It may be the same seat, of a process that has another name now.
            (Place::There(..), _) => !is_older,
            // Of two that came at the same time, both stay: to end both would leave none.
            _ => claim.since > self.claim.since,
        }
    }
}

#[derive(Debug)]
pub(super) struct Room {
    pub(super) opened: Time,
    /// One for each member.
    pub(super) seats: Vec<Seat>,
}

impl Room {
    pub(super) fn new(now: Time) -> Self {
        Self {
            opened: now,
            seats: Vec::with_capacity(2),
        }
    }

    pub(super) fn of_member(&mut self, member: Name) -> Option<&mut Seat> {
        let mut seats = self.seats.iter_mut();
        seats.find(|seat| seat.claim.member == member)
    }

    pub(super) fn at(&mut self, place: Place) -> Option<&mut Seat> {
        let mut seats = self.seats.iter_mut();
        seats.find(|seat| seat.claim.place == place)
    }

    pub(super) fn remove(&mut self, place: Place) -> bool {
        let before = self.seats.len();
        self.seats.retain(|seat| seat.claim.place != place);
        self.seats.len() < before
    }

    pub(super) fn here(&self) -> impl Iterator<Item = (Connection, &Seat)> {
        self.seats.iter().filter_map(|seat| match seat.claim.place {
            Place::Here(connection) => Some((connection, seat)),
            Place::There(..) => None,
        })
    }

    /// Those that have a seat, each once.
    pub(super) fn siblings(&self) -> Vec<Sibling> {
        let there = self.seats.iter().filter_map(|seat| match seat.claim.place {
            Place::Here(_) => None,
            Place::There(sibling, _) => Some(sibling),
        });
        let mut siblings: Vec<Sibling> = there.collect();
        siblings.sort_unstable();
        siblings.dedup();
        siblings
    }

    /// Puts the claims into their order, and takes away the seats here that are too many; gives their connections.
    /// Those of siblings they take away themselves.
    pub(super) fn refuse(&mut self) -> Vec<Connection> {
        let order = |seat: &Seat| (seat.claim.is_new, seat.claim.since, seat.claim.member);
        self.seats.sort_by_key(order);
        let mut refused = Vec::new();
        let mut turn = 0;
        self.seats.retain(|seat| {
            turn += 1;
            match seat.claim.place {
                Place::Here(connection) if turn > 2 => {
                    refused.push(connection);
                    false
                }
                _ => true,
            }
        });
        refused
    }

    /// What those here have to be told now, and the sibling that has to know that the seat is sure.
    pub(super) fn tell(&mut self) -> Vec<(Connection, Notice, Option<Sibling>)> {
        let both: Vec<Place> = self.seats.iter().map(|s| s.claim.place).take(2).collect();
        let paired = self.seats.iter().filter(|seat| seat.claim.is_paired);
        let paired: Vec<Place> = paired.map(|seat| seat.claim.place).collect();
        let mut said = Vec::new();
        for seat in &mut self.seats {
            let Place::Here(connection) = seat.claim.place else {
                continue;
            };
            let peer = both.iter().copied().find(|at| *at != seat.claim.place);
            // Where the other one has a peer already, it will be heard of too.
            let is_settled = peer.is_some_and(|peer| !paired.contains(&peer));
            let told = peer.map_or(Told::Alone, Told::Peer);
            let notice = match (seat.told, told) {
                (Told::Nothing, _) if seat.waits && !is_settled => continue,
                (Told::Nothing, _) => Notice::Joined {
                    peer: peer.is_some(),
                },
                (before, now) if before == now => continue,
                (_, Told::Peer(_)) => Notice::PeerJoined,
                _ => Notice::PeerLeft,
            };
            seat.told = told;
            seat.waits = false;
            let was_new = std::mem::replace(&mut seat.claim.is_new, false);
            let sure = match peer {
                Some(Place::There(sibling, _)) if was_new => Some(sibling),
                _ => None,
            };
            said.push((connection, notice, sure));
        }
        // Who has just come hears it before who was there is told of it.
        said.sort_by_key(|(_, notice, _)| Reverse(matches!(notice, Notice::Joined { .. })));
        said
    }
}
