//! Processes that share their rooms at a broker that loses, repeats and reorders, and their clients, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rtcdiag::base::time::Time;
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::rooms::{Connection, RoomLimits, RoomName, Sibling};
use rtcdiag::proto::signal::seal::Name;
use rtcdiag::proto::signal::siblings::frame::Frame;
use rtcdiag::proto::signal::siblings::{
    Deed, Forwarded, SharedRooms, Wish, topic_of, topic_of_all,
};
use rtcdiag::proto::signal::wire::{Notice, Refusal};

/// Milliseconds since 1970 at the beginning.
const WALL: u64 = 1_700_000_000_000;

pub fn limits() -> RoomLimits {
    RoomLimits {
        rooms: 1000,
        lifetime: Duration::from_secs(86_400),
        messages_per_second: 200,
        bytes_per_second: 1 << 20,
    }
}

pub fn room(number: u8) -> RoomName {
    RoomName::from(&Code::new([number; 10]))
}

pub fn member(number: u8) -> Name {
    Name([number; 16])
}

/// How the broker treats messages, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    pub loses: u64,
    pub repeats: u64,
    /// So many milliseconds more for some of them.
    pub delays: u64,
}

pub struct Process {
    pub rooms: SharedRooms,
    pub id: Option<Sibling>,
    pub topics: BTreeSet<String>,
    pub is_dead: bool,
    /// What others say does not come to it.
    pub is_deaf: bool,
    /// How far its clock is ahead, in milliseconds.
    pub ahead: i64,
}

/// A client, and what it was told.
#[derive(Debug, Default)]
pub struct Client {
    pub told: Vec<Notice>,
    pub heard: Vec<Vec<u8>>,
    pub end: Option<Refusal>,
    /// Whether it was told that the other one is there, after all.
    pub has_peer: bool,
}

impl Client {
    fn take(&mut self, deed: Deed) {
        match deed {
            Deed::Tell(_, notice) => {
                assert_eq!(
                    self.told.is_empty(),
                    matches!(notice, Notice::Joined { .. }),
                    "a join is answered first, and once: {notice:?} after {self:?}"
                );
                self.has_peer = match notice {
                    Notice::Joined { peer } => peer,
                    Notice::PeerJoined => true,
                    Notice::PeerLeft => false,
                    _ => self.has_peer,
                };
                self.told.push(notice);
            }
            Deed::Deliver(_, message) => {
                assert!(self.has_peer, "a message of nobody");
                self.heard.push(message);
            }
            Deed::End(_, refusal) => self.end = Some(refusal),
        }
    }
}

pub struct World {
    pub now: Time,
    pub processes: Vec<Process>,
    pub clients: BTreeMap<(usize, Connection), Client>,
    /// When, in which order, to whom, as whom.
    under_way: BTreeMap<(Time, u64), (usize, Sibling, Vec<u8>)>,
    pub manner: Manner,
    pub published: u64,
    next: u64,
    seed: u64,
}

impl World {
    /// So many processes, which know each other.
    pub fn new(count: usize, seed: u64) -> Self {
        let mut world = Self {
            now: Time::from_secs(1),
            processes: Vec::new(),
            clients: BTreeMap::new(),
            under_way: BTreeMap::new(),
            manner: Manner::default(),
            published: 0,
            next: 0,
            seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        };
        for _ in 0..count {
            world.start();
        }
        world.wait_ms(100);
        world
    }

    pub fn start(&mut self) -> usize {
        self.processes.push(Process {
            rooms: SharedRooms::new(limits(), true),
            id: None,
            topics: BTreeSet::new(),
            is_dead: false,
            is_deaf: false,
            ahead: 0,
        });
        let at = self.processes.len() - 1;
        self.connect(at);
        at
    }

    fn random(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % below
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Its broker connection comes about.
    pub fn connect(&mut self, at: usize) {
        let id = Sibling(self.number().to_be_bytes());
        let process = &mut self.processes[at];
        process.id = Some(id);
        process.topics = [topic_of_all(), topic_of(id)].into();
        process.rooms.connected(self.now, id);
        self.run(at);
    }

    /// It breaks; the broker tells the others if it notices.
    pub fn disconnect(&mut self, at: usize, has_will: bool) {
        let process = &mut self.processes[at];
        process.topics.clear();
        let id = process.id.take();
        process.rooms.disconnected(self.now);
        self.run(at);
        if let Some(id) = id.filter(|_| has_will) {
            self.publish(&topic_of_all(), &Frame::Gone.encode(id));
        }
    }

    /// The process ends without a word.
    pub fn kill(&mut self, at: usize, has_will: bool) {
        self.processes[at].is_dead = true;
        self.disconnect(at, has_will);
    }

    pub fn wall(&self, at: usize) -> u64 {
        let ms = u64::try_from(self.now.as_millis()).expect("not so far");
        (WALL + ms).saturating_add_signed(self.processes[at].ahead)
    }

    pub fn try_join(&mut self, at: usize, room: RoomName, who: u8) -> Result<Connection, Refusal> {
        let connection = self.number();
        let (now, wall) = (self.now, self.wall(at));
        self.clients.insert((at, connection), Client::default());
        let rooms = &mut self.processes[at].rooms;
        let joined = rooms.join(now, wall, room, member(who), connection);
        self.run(at);
        joined.map(|_| connection)
    }

    pub fn join(&mut self, at: usize, room: RoomName, who: u8) -> Connection {
        self.try_join(at, room, who).expect("a seat")
    }

    pub fn leave(&mut self, at: usize, room: RoomName, connection: Connection) {
        self.processes[at].rooms.leave(self.now, room, connection);
        self.run(at);
    }

    pub fn send(
        &mut self,
        at: usize,
        room: RoomName,
        from: Connection,
        message: &[u8],
    ) -> Forwarded {
        let now = self.now;
        let forwarded = self.processes[at].rooms.forward(now, room, from, message);
        let forwarded = forwarded.expect("it sits there");
        if let Forwarded::To(peer) = forwarded {
            let client = self.clients.get_mut(&(at, peer)).expect("a client");
            client.heard.push(message.to_vec());
        }
        self.run(at);
        forwarded
    }

    pub fn client(&self, at: usize, connection: Connection) -> &Client {
        &self.clients[&(at, connection)]
    }

    /// Those that were not ended, of all processes that run.
    pub fn sitting(&self) -> Vec<(usize, Connection)> {
        let sits = self.clients.iter().filter(|((at, _), client)| {
            client.end.is_none() && !client.told.is_empty() && !self.processes[*at].is_dead
        });
        sits.map(|(key, _)| *key).collect()
    }

    fn run(&mut self, at: usize) {
        while let Some(deed) = self.processes[at].rooms.poll_deed() {
            let (Deed::Tell(connection, _)
            | Deed::Deliver(connection, _)
            | Deed::End(connection, _)) = deed;
            let client = self.clients.get_mut(&(at, connection)).expect("a client");
            client.take(deed);
        }
        while let Some(wish) = self.processes[at].rooms.poll_wish() {
            match wish {
                Wish::Subscribe(topic) => {
                    let is_new = self.processes[at].topics.insert(topic);
                    assert!(is_new, "twice");
                }
                Wish::Unsubscribe(topic) => {
                    assert!(self.processes[at].topics.remove(&topic), "not subscribed");
                }
                Wish::Publish(topic, message) => self.publish(&topic, &message),
            }
        }
    }

    pub fn publish(&mut self, topic: &str, message: &[u8]) {
        self.published += 1;
        for at in 0..self.processes.len() {
            let process = &self.processes[at];
            let hears = process.topics.contains(topic) && !process.is_deaf;
            let Some(id) = process.id.filter(|_| hears) else {
                continue;
            };
            if self.random(100) < self.manner.loses {
                continue;
            }
            let times = if self.random(100) < self.manner.repeats {
                3
            } else {
                1
            };
            for _ in 0..times {
                let more = self.random(self.manner.delays + 1);
                let at_time = self.now + Duration::from_millis(1 + more);
                let key = (at_time, self.number());
                self.under_way.insert(key, (at, id, message.to_vec()));
            }
        }
    }

    /// All that happens within this time.
    pub fn wait_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        loop {
            let message = self.under_way.first_key_value().map(|((at, _), _)| *at);
            let alive = self.processes.iter().filter(|process| !process.is_dead);
            let due = alive
                .filter_map(|process| process.rooms.poll_timeout())
                .min();
            let Some(next) = [message, due]
                .into_iter()
                .flatten()
                .min()
                .filter(|at| *at <= until)
            else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self
                .under_way
                .first_entry()
                .filter(|e| e.key().0 <= self.now)
            {
                let (at, id, message) = entry.remove();
                // A connection that is made anew has another name.
                if self.processes[at].id == Some(id) {
                    let wall = self.wall(at);
                    self.processes[at].rooms.hear(self.now, wall, &message);
                    self.run(at);
                }
            }
            for at in 0..self.processes.len() {
                let process = &self.processes[at];
                let is_due = process
                    .rooms
                    .poll_timeout()
                    .is_some_and(|due| due <= self.now);
                if is_due && !process.is_dead {
                    let wall = self.wall(at);
                    self.processes[at].rooms.handle_timeout(self.now, wall);
                    self.run(at);
                }
            }
        }
        self.now = until;
    }
}
