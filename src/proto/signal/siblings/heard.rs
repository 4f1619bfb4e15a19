//! What is heard of siblings.

use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::rooms::{Claim, Place, RoomName, Sibling, Stray};
use crate::proto::signal::seal::MAX_ENVELOPE;
use crate::proto::signal::siblings::frame::{Alias, Frame, Word};
use crate::proto::signal::siblings::{Deed, SharedRooms};

/// Between two questions, two answers to the same call, and two news of a third one, in one room.
const ASK_EVERY: Duration = Duration::from_millis(500);
const THIRD_EVERY: Duration = Duration::from_secs(1);

impl SharedRooms {
    /// A message of the broker. `wall` are milliseconds since 1970.
    pub fn hear(&mut self, now: Time, wall: u64, payload: &[u8]) {
        let Some(link) = &mut self.link else {
            return;
        };
        let Some((sender, frame)) = Frame::decode(payload) else {
            self.counts.foreign += 1;
            return;
        };
        if sender == link.own() {
            return link.echo(now, &frame);
        }
        if frame == Frame::Gone {
            return self.forget(now, sender);
        }
        let (counts, is_first) = link.hear(now, sender);
        if !counts {
            self.counts.foreign += 1;
            return;
        }
        let words = match frame {
            Frame::Word(number, word) => link.take(now, sender, number, word),
            Frame::Said(count) => link.is_said(now, sender, count),
            Frame::Call(room, claim) => {
                if self.is_to_be_answered(now, room, claim) {
                    // Who calls does not know who is here.
                    let seat = Word::Seat {
                        room,
                        claim,
                        asks: true,
                    };
                    self.take(now, wall, sender, seat);
                }
                Vec::new()
            }
            Frame::Alive(_) | Frame::Gone => Vec::new(),
        };
        if is_first {
            self.call_all(now);
        }
        for word in words {
            self.take(now, wall, sender, word);
        }
    }

    /// Calls have no numbers, and each has an answer: a broker that repeats them must not make this process flood it.
    fn is_to_be_answered(&mut self, now: Time, room: Alias, claim: Claim) -> bool {
        let name = self.aliases.get(&room);
        let Some(open) = name.and_then(|name| self.open.get_mut(name)) else {
            return false;
        };
        open.answered.retain(|(at, _)| now < *at + ASK_EVERY);
        let is_repeated = open.answered.iter().any(|(_, known)| *known == claim);
        let is_new = !is_repeated && open.answered.len() < bounds::SIBLING_SEATS;
        if is_new {
            open.answered.push((now, claim));
        }
        is_new
    }

    pub(super) fn take(&mut self, now: Time, wall: u64, sender: Sibling, word: Word) {
        let room = match &word {
            Word::Seat { room, .. }
            | Word::Part { room, .. }
            | Word::Left(room, _)
            | Word::Nobody(room)
            | Word::Third(room) => *room,
        };
        let Some(name) = self.aliases.get(&room).copied() else {
            if matches!(word, Word::Seat { .. } | Word::Part { .. }) {
                self.say(now, sender, Word::Nobody(room));
            }
            return;
        };
        match word {
            Word::Seat { claim, asks, .. } => {
                let better = self.rooms.sit_there(wall, name, claim);
                self.settle(now, name);
                for (connection, _) in self.rooms.claims_here(name, None) {
                    if asks || better == Some(connection) {
                        self.say_seat(now, name, connection, sender, false);
                    }
                }
            }
            Word::Left(_, connection) => self.rooms.rise_there(name, sender, Some(connection)),
            Word::Nobody(_) => self.rooms.rise_there(name, sender, None),
            Word::Third(_) => {
                if let Some(open) = self.open.get_mut(&name).filter(|o| now >= o.third_after) {
                    open.third_after = now + THIRD_EVERY;
                    self.rooms.third_there(name);
                }
            }
            Word::Part { .. } => self.deliver(now, name, sender, word),
        }
        self.settle(now, name);
    }

    fn deliver(&mut self, now: Time, name: RoomName, sender: Sibling, part: Word) {
        let link = self.link.as_mut();
        let Some(envelope) = link.and_then(|link| link.join(sender, part, MAX_ENVELOPE)) else {
            return;
        };
        let (from, to) = (Place::There(sender, envelope.from), envelope.to);
        let bytes = envelope.bytes.len() as u64;
        match self.rooms.deliver(now, name, from, to, bytes) {
            Ok(()) => {
                self.counts.received += 1;
                self.deeds.push_back(Deed::Deliver(to, envelope.bytes));
                return;
            }
            Err(Stray::TooFast) => {}
            Err(Stray::NobodyHere) => self.say(now, sender, Word::Left(envelope.room, to)),
            Err(Stray::OtherPeer) => {
                if let Some(open) = self.open.get_mut(&name).filter(|o| now >= o.asks_after) {
                    open.asks_after = now + ASK_EVERY;
                    self.say_seat(now, name, to, sender, true);
                }
            }
        }
        self.counts.strays += 1;
    }
}
