//! What siblings are told.

use std::time::Duration;

use crate::base::time::Time;
use crate::proto::signal::rooms::{Connection, RoomName, Share, Sibling};
use crate::proto::signal::siblings::frame::{Alias, Frame, Word};
use crate::proto::signal::siblings::link::{Wish, topic_of_room};
use crate::proto::signal::siblings::{Open, SharedRooms};

/// How far apart the first calls of many rooms are.
const CALLS_APART: Duration = Duration::from_micros(200);

impl SharedRooms {
    pub(super) fn share(&mut self, now: Time, share: Share) {
        match share {
            Share::Opened(name) => {
                let alias = Alias::from(name);
                self.aliases.insert(alias, name);
                let open = Open {
                    alias,
                    is_subscribed: false,
                    waits_until: None,
                    calls_at: None,
                    calls: 0,
                    checks_at: None,
                    asks_after: Time::ZERO,
                    answered: Vec::new(),
                    third_after: Time::ZERO,
                };
                self.open.insert(name, open);
            }
            Share::Closed(name) => {
                let Some(open) = self.open.remove(&name) else {
                    return;
                };
                self.aliases.remove(&open.alias);
                for at in [open.waits_until, open.calls_at, open.checks_at]
                    .into_iter()
                    .flatten()
                {
                    self.queue.remove(&(at, name));
                }
                if let Some(link) = self.link.as_mut().filter(|_| open.is_subscribed) {
                    link.wish(Wish::Unsubscribe(topic_of_room(open.alias)));
                }
            }
            Share::Seated(name, connection) if self.siblings().is_some() => {
                self.call(name, Some(connection));
            }
            Share::Seated(..) => {}
            Share::Sure(name, connection, to) => self.say_seat(now, name, connection, to, false),
            Share::Left(name, connection, to) => {
                if let Some(room) = self.open.get(&name).map(|open| open.alias) {
                    self.say(now, to, Word::Left(room, connection));
                }
            }
            Share::Third(name, to) => {
                if let Some(room) = self.open.get(&name).map(|open| open.alias) {
                    self.say(now, to, Word::Third(room));
                }
            }
        }
    }

    /// Says in a room at the broker who sits here; `only` who has just come.
    pub(super) fn call(&mut self, name: RoomName, only: Option<Connection>) {
        let (Some(link), Some(open)) = (&mut self.link, self.open.get_mut(&name)) else {
            return;
        };
        let topic = topic_of_room(open.alias);
        if !std::mem::replace(&mut open.is_subscribed, true) {
            link.wish(Wish::Subscribe(topic.clone()));
        }
        for (connection, mut claim) in self.rooms.claims_here(name, None) {
            if only.is_some_and(|only| only != connection) {
                continue;
            }
            claim.is_new |= only.is_some();
            link.publish(topic.clone(), &Frame::Call(open.alias, claim));
        }
    }

    /// There is somebody to hear it now.
    pub(super) fn call_all(&mut self, now: Time) {
        let mut at = now;
        for (name, open) in &mut self.open {
            open.calls_at = Some(at);
            open.calls = 0;
            self.queue.insert((at, *name));
            at += CALLS_APART;
        }
    }

    pub(super) fn say(&mut self, now: Time, to: Sibling, word: Word) {
        if let Some(link) = &mut self.link {
            // What is lost is noticed there.
            let _ = link.say(now, to, word);
        }
    }

    pub(super) fn say_seat(
        &mut self,
        now: Time,
        name: RoomName,
        at: Connection,
        to: Sibling,
        asks: bool,
    ) {
        let claims = self.rooms.claims_here(name, Some(to));
        let claim = claims.iter().find(|(connection, _)| *connection == at);
        if let (Some((_, claim)), Some(open)) = (claim, self.open.get(&name)) {
            let (room, claim) = (open.alias, *claim);
            self.say(now, to, Word::Seat { room, claim, asks });
        }
    }
}
