//! Rooms that several processes share through an MQTT broker: members of one room may be connected to different ones.
//!
//! Nobody is in charge. Each process keeps the rooms that somebody sits in here ([`crate::proto::signal::rooms`]),
//! and knows of these who else claims a seat. The broker keeps nothing either:
//!
//! | topic | what is said there |
//! |---|---|
//! | `rtcdiag/1/all` | each process, that it is there; the broker, that it has gone (last will) |
//! | `rtcdiag/1/room/ALIAS` | who has taken a seat in the room; those who have one too answer |
//! | `rtcdiag/1/to/PROCESS` | words to one process, numbered: seats, good-byes, envelopes |
//!
//! A room's alias is a hash of its name, so that who reads along at the broker cannot sit in it; what members say
//! is sealed end to end in any case. Whoever may write there can disturb sessions, as whoever runs the broker can.
//!
//! A broker may lose, repeat and reorder. Repetitions and other orders are put right by the numbers. Where words
//! are lost, those concerned are told that the other member has joined again, upon which members say again what is
//! not confirmed. Who is alone in a room calls again, ever more seldom. Where no other process is known,
//! the broker hears nothing of the rooms.

pub mod frame;
mod heard;
mod link;
mod stream;
mod told;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::rooms::{
    Claim, Connection, Order, Place, RoomLimits, RoomName, Rooms, Sibling,
};
use crate::proto::signal::seal::Name;
use crate::proto::signal::wire::{Notice, Refusal};
use frame::{Alias, PART_HEAD, Word};
use link::Link;
pub use link::{Wish, topic_of, topic_of_all};

/// After how long who is alone in a room calls again, each time.
const CALL_AGAIN_S: [u64; 7] = [1, 2, 4, 8, 16, 32, 60];
/// How long seats elsewhere stay known after the connection to the broker has broken, and how long siblings have
/// after the next one to be heard.
const SEATS_STAY: Duration = Duration::from_secs(3);
/// How often a sibling is asked whether the other member still sits there. Most sessions are over before; but where
/// one process did not know that a seat was known elsewhere, it has not said there that it was left.
const CHECK_EVERY: Duration = Duration::from_secs(60);

/// What is to be done for connections here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Tell(Connection, Notice),
    End(Connection, Refusal),
    Deliver(Connection, Vec<u8>),
}

/// What has become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    To(Connection),
    /// To the member at another process.
    Shared,
    /// The broker is not there, or takes too little.
    Lost,
    /// The other member is not there.
    Nobody,
}

/// How things stand with the broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// It hands on what it is given.
    pub is_ready: bool,
    pub siblings: usize,
    /// Rooms whose members are at different processes.
    pub rooms: usize,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of members to other processes, and from them.
    pub sent: u64,
    pub received: u64,
    /// Messages that the broker did not take.
    pub lost: u64,
    /// How often something that other processes said did not come.
    pub gaps: u64,
    /// Messages of others for nobody here.
    pub strays: u64,
    /// Messages at the broker that nobody of this program has written.
    pub foreign: u64,
}

#[derive(Debug)]
pub struct SharedRooms {
    rooms: Rooms,
    /// Whether there is a broker at all.
    is_shared: bool,
    link: Option<Link>,
    open: BTreeMap<RoomName, Open>,
    aliases: BTreeMap<Alias, RoomName>,
    /// When a room is to be looked at.
    queue: BTreeSet<(Time, RoomName)>,
    /// When seats of siblings that are not known any more are given up.
    forget_at: Option<Time>,
    deeds: VecDeque<Deed>,
    counts: Counts,
}

/// What the broker knows of a room, or will.
#[derive(Debug)]
struct Open {
    alias: Alias,
    is_subscribed: bool,
    /// Until when those who have just come are told nothing.
    waits_until: Option<Time>,
    calls_at: Option<Time>,
    calls: usize,
    checks_at: Option<Time>,
    asks_after: Time,
    /// The calls that were answered a moment ago.
    answered: Vec<(Time, Claim)>,
    third_after: Time,
}

impl SharedRooms {
    /// `is_shared` where there will be a broker.
    pub fn new(limits: RoomLimits, is_shared: bool) -> Self {
        Self {
            rooms: Rooms::new(limits),
            is_shared,
            link: None,
            open: BTreeMap::new(),
            aliases: BTreeMap::new(),
            queue: BTreeSet::new(),
            forget_at: None,
            deeds: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    pub fn open(&self) -> usize {
        self.rooms.open()
    }

    pub fn holds(&self, name: RoomName) -> bool {
        self.rooms.holds(name)
    }

    pub const fn counts(&self) -> Counts {
        self.counts
    }

    pub fn standing(&self) -> Standing {
        Standing {
            is_ready: self.is_ready(),
            siblings: self.processes(),
            rooms: self.rooms.shared(),
        }
    }

    /// Whether the broker hands on what it is given.
    pub fn is_ready(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_ready)
    }

    /// How many other processes are known.
    pub fn processes(&self) -> usize {
        self.link.as_ref().map_or(0, Link::siblings)
    }

    /// Whether the broker takes nothing any more, so that a new connection is needed.
    pub fn is_stuck(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_stuck)
    }

    /// To be done after each call, in this order.
    pub fn poll_deed(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }

    pub fn has_wishes(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_wishes)
    }

    /// To be asked of the broker, in this order.
    pub fn poll_wish(&mut self) -> Option<Wish> {
        self.link.as_mut()?.poll_wish()
    }

    /// A member joins a room. `since` are milliseconds since 1970. It is told by a [`Deed`] that it has joined.
    /// Gives whether the other one is known to be there. Fails if two others are there, or there are too many rooms.
    pub fn join(
        &mut self,
        now: Time,
        since: u64,
        name: RoomName,
        member: Name,
        connection: Connection,
    ) -> Result<bool, Refusal> {
        let wait = self.siblings().map(Link::answers_within);
        let claim = (member, connection);
        let joined = self.rooms.join(now, since, name, claim, wait.is_some());
        self.settle(now, name);
        if let (Ok(_), Some(wait), Some(open)) = (&joined, wait, self.open.get_mut(&name)) {
            let until = now + wait;
            open.waits_until.get_or_insert(until);
            self.queue.insert((until, name));
        }
        joined
    }

    /// A connection has ended.
    pub fn leave(&mut self, now: Time, name: RoomName, connection: Connection) {
        self.rooms.leave(name, connection);
        self.settle(now, name);
    }

    /// A message of a member, for the other one.
    pub fn forward(
        &mut self,
        now: Time,
        name: RoomName,
        connection: Connection,
        message: &[u8],
    ) -> Result<Forwarded, Refusal> {
        let bytes = message.len() as u64;
        match self.rooms.forward(now, name, connection, bytes)? {
            None => Ok(Forwarded::Nobody),
            Some(Place::Here(peer)) => Ok(Forwarded::To(peer)),
            Some(Place::There(sibling, peer)) => {
                let is_sent = self.send(now, name, sibling, (connection, peer), message);
                if is_sent {
                    self.counts.sent += 1;
                    Ok(Forwarded::Shared)
                } else {
                    self.counts.lost += 1;
                    Ok(Forwarded::Lost)
                }
            }
        }
    }

    fn send(
        &mut self,
        now: Time,
        name: RoomName,
        sibling: Sibling,
        (from, to): (Connection, Connection),
        message: &[u8],
    ) -> bool {
        let (Some(link), Some(open)) = (&mut self.link, self.open.get(&name)) else {
            return false;
        };
        let room = open.alias;
        let most = bounds::SIBLING_PIECE - PART_HEAD;
        let count = message.len().div_ceil(most).max(1);
        let part = |index: usize| Word::Part {
            room,
            from,
            to,
            begins: index == 0,
            is_last: index + 1 == count,
            bytes: message[index * most..message.len().min((index + 1) * most)].to_vec(),
        };
        (0..count).all(|index| link.say(now, sibling, part(index)))
    }

    /// Closes rooms that have been open for too long.
    pub fn expire(&mut self, now: Time) {
        self.rooms.expire(now);
        self.carry_out(now);
    }

    /// The broker has taken the subscriptions of [`topic_of_all`] and of [`topic_of`] this name, which is a new one.
    pub fn connected(&mut self, now: Time, own: Sibling) {
        self.link = Some(Link::new(now, own));
        self.forget_at = Some(now + SEATS_STAY);
    }

    /// The connection to the broker has broken. What is in one process goes on.
    pub fn disconnected(&mut self, now: Time) {
        if self.link.take().is_none() {
            return;
        }
        self.forget_at = Some(now + SEATS_STAY);
        self.queue.clear();
        let mut waiting = Vec::new();
        for (name, open) in &mut self.open {
            open.is_subscribed = false;
            open.calls_at = None;
            open.checks_at = None;
            if open.waits_until.take().is_some() {
                waiting.push(*name);
            }
        }
        for name in waiting {
            self.rooms.release(name);
        }
        self.carry_out(now);
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        let queue = self.queue.first().map(|(at, _)| *at);
        let link = self.link.as_ref().map(Link::poll_timeout);
        [queue, link, self.forget_at].into_iter().flatten().min()
    }

    /// `wall` are milliseconds since 1970.
    pub fn handle_timeout(&mut self, now: Time, wall: u64) {
        if let Some(link) = &mut self.link {
            let due = link.handle_timeout(now);
            for (sibling, word) in due.words {
                self.take(now, wall, sibling, word);
            }
            for sibling in due.lost {
                self.counts.gaps += 1;
                self.say_again(now, sibling);
            }
            for sibling in due.silent {
                self.rise(now, sibling);
            }
        }
        if self.forget_at.is_some_and(|at| now >= at) {
            self.forget_at = None;
            let link = self.link.as_ref();
            let is_known = |sibling| link.is_some_and(|link| link.knows(sibling));
            for name in self.rooms.keep_siblings(is_known) {
                self.settle(now, name);
            }
        }
        while let Some((at, name)) = self.queue.first().copied().filter(|(at, _)| *at <= now) {
            self.queue.remove(&(at, name));
            self.look_at(now, name);
        }
    }

    /// Its time has come, for one thing or another.
    fn look_at(&mut self, now: Time, name: RoomName) {
        let Some(open) = self.open.get_mut(&name) else {
            return;
        };
        if open.waits_until.is_some_and(|until| now >= until) {
            open.waits_until = None;
            self.rooms.release(name);
            self.settle(now, name);
        }
        let Some(open) = self.open.get_mut(&name) else {
            return;
        };
        if open.calls_at.is_some_and(|at| now >= at) {
            open.calls_at = None;
            open.calls += 1;
            self.call(name, None);
            self.settle(now, name);
        }
        let Some(open) = self.open.get_mut(&name) else {
            return;
        };
        if open.checks_at.take_if(|at| now >= *at).is_some() {
            self.check(now, name);
            self.settle(now, name);
        }
    }

    /// Asks the siblings that have a seat in this room whether they still do.
    fn check(&mut self, now: Time, name: RoomName) {
        for sibling in self.rooms.siblings(name) {
            for (connection, _) in self.rooms.claims_here(name, None) {
                self.say_seat(now, name, connection, sibling, true);
            }
        }
    }

    /// A sibling has gone for good, and all who are connected to it.
    fn forget(&mut self, now: Time, sibling: Sibling) {
        if let Some(link) = &mut self.link {
            link.forget(sibling);
            self.rise(now, sibling);
        }
    }

    /// Nobody is connected to this sibling any more.
    fn rise(&mut self, now: Time, sibling: Sibling) {
        for name in self.rooms.keep_siblings(|known| known != sibling) {
            self.settle(now, name);
        }
    }

    /// Something that a sibling said is lost: the seats are asked for, and members say again what is not confirmed.
    fn say_again(&mut self, now: Time, sibling: Sibling) {
        let rooms: Vec<RoomName> = self.rooms.names().collect();
        for name in rooms {
            if !self.rooms.siblings(name).contains(&sibling) {
                continue;
            }
            for (connection, _) in self.rooms.claims_here(name, None) {
                self.say_seat(now, name, connection, sibling, true);
            }
            self.rooms.lost_there(name, sibling);
        }
        self.carry_out(now);
    }

    fn siblings(&self) -> Option<&Link> {
        self.link.as_ref().filter(|link| link.siblings() > 0)
    }

    /// After a change in a room.
    fn settle(&mut self, now: Time, name: RoomName) {
        self.carry_out(now);
        let is_lonely = self.siblings().is_some() && self.rooms.is_lonely(name);
        let Some(open) = self.open.get_mut(&name) else {
            return;
        };
        if !is_lonely {
            open.calls = 0;
            if open.is_subscribed {
                open.calls_at = None;
            }
        } else if open.calls_at.is_none() {
            let after = CALL_AGAIN_S[open.calls.min(CALL_AGAIN_S.len() - 1)];
            let at = now + Duration::from_secs(after);
            open.calls_at = Some(at);
            self.queue.insert((at, name));
        }
        let is_shared = self.link.is_some() && !self.rooms.siblings(name).is_empty();
        if is_shared && open.checks_at.is_none() {
            let at = now + CHECK_EVERY;
            open.checks_at = Some(at);
            self.queue.insert((at, name));
        }
    }

    fn carry_out(&mut self, now: Time) {
        while let Some(order) = self.rooms.poll_order() {
            match order {
                Order::Tell(connection, notice) => {
                    self.deeds.push_back(Deed::Tell(connection, notice));
                }
                Order::End(connection, refusal) => {
                    self.deeds.push_back(Deed::End(connection, refusal));
                }
                Order::Share(share) if self.is_shared => self.share(now, share),
                Order::Share(_) => {}
            }
        }
    }
}
