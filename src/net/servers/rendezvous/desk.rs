//! A client that speaks WebSocket: its seat in a room, and what it says there.

use std::sync::Arc;

use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::base::time::Time;
use crate::net::servers::rendezvous::Event;
use crate::net::servers::rendezvous::outbox::Outbox;
use crate::net::servers::rendezvous::shared::{State, Visit};
use crate::proto::signal::lobbies::{Entered, NotEntered};
use crate::proto::signal::rooms::{Connection, RoomKind, RoomName};
use crate::proto::signal::siblings::Forwarded;
use crate::proto::signal::visitors::Network;
use crate::proto::signal::wire::{Join, Notice, Refusal};

/// A WebSocket whose client can be sent something; dropping it ends that.
pub(super) struct Desk {
    pub(super) visit: Visit,
    pub(super) outbox: Arc<Outbox>,
    number: Connection,
    room: Option<(RoomKind, RoomName)>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.leave();
        self.visit.shared.state().outboxes.remove(&self.number);
    }
}

impl Desk {
    pub(super) fn open(visit: Visit) -> Self {
        let outbox = Arc::new(Outbox::new(visit.share()));
        let mut state = visit.shared.state();
        let number = state.next;
        state.next += 1;
        state.outboxes.insert(number, Arc::clone(&outbox));
        if state.stopping {
            outbox.end(Refusal::ShuttingDown);
        }
        drop(state);
        Self {
            visit,
            outbox,
            number,
            room: None,
        }
    }

    /// Takes a seat in a room. Everybody is told who has to know.
    pub(super) fn join(&mut self, join: &Join) -> Result<(), Refusal> {
        let shared = &self.visit.shared;
        let now = shared.clock.now();
        let mut state = shared.state();
        let network = Network::of(self.visit.address.ip());
        state.visitors.join(now, network)?;
        let is_new = match join.kind {
            RoomKind::Pair => !state.rooms.holds(join.room),
            RoomKind::Lobby => !state.lobbies.holds(join.room),
        };
        // Rooms of both kinds count as one.
        if is_new && state.rooms.open() + state.lobbies.open() >= shared.limits.rooms.rooms {
            return Err(Refusal::TooManyRooms);
        }
        let peer = match join.kind {
            RoomKind::Pair => self.join_pair(&mut state, now, join)?,
            RoomKind::Lobby => self.join_lobby(&mut state, now, join)?,
        };
        state.totals.joins += 1;
        state.totals.rooms += u64::from(is_new);
        state.log(Event::Joined {
            address: self.visit.address,
            room: join.room.shortened(),
            peer,
        });
        drop(state);
        self.room = Some((join.kind, join.room));
        Ok(())
    }

    /// Gives whether somebody is there.
    fn join_pair(&self, state: &mut State, now: Time, join: &Join) -> Result<bool, Refusal> {
        let shared = &self.visit.shared;
        let since = shared.clock.unix_now_ms();
        let joined = state
            .rooms
            .join(now, since, join.room, join.member, self.number);
        shared.carry_out(state);
        joined
    }

    fn join_lobby(&self, state: &mut State, now: Time, join: &Join) -> Result<bool, Refusal> {
        let shared = &self.visit.shared;
        let entered = state.lobbies.join(now, join.room, join.member, self.number);
        let Entered { others, replaced } = entered.map_err(|NotEntered { refusal, members }| {
            for member in members {
                shared.tell(state, member, &Notice::ThirdRefused);
            }
            refusal
        })?;
        if let Some(older) = replaced {
            state.end(older, Refusal::Replaced);
        }
        let peer = !others.is_empty();
        shared.tell(state, self.number, &Notice::Joined { peer });
        for other in others {
            shared.tell(state, other, &Notice::PeerJoined);
        }
        Ok(peer)
    }

    pub(super) fn forward(&self, message: &Bytes) -> Result<(), Refusal> {
        let shared = &self.visit.shared;
        let (kind, room) = self.room.ok_or(Refusal::BadJoin)?;
        let bytes = message.len() as u64;
        let mut state = shared.state();
        let now = shared.clock.now();
        let (hearers, is_forwarded) = match kind {
            RoomKind::Pair => match state.rooms.forward(now, room, self.number, message)? {
                Forwarded::To(peer) => (vec![peer], true),
                Forwarded::Shared => (Vec::new(), true),
                Forwarded::Lost | Forwarded::Nobody => (Vec::new(), false),
            },
            RoomKind::Lobby => {
                let others = state.lobbies.forward(now, room, self.number, bytes)?;
                let somebody = !others.is_empty();
                (others, somebody)
            }
        };
        if is_forwarded {
            state.totals.messages += 1;
            state.totals.bytes += bytes;
        } else {
            state.totals.dropped += 1;
        }
        for hearer in hearers {
            shared.push(&state, hearer, Message::Binary(message.clone()));
        }
        shared.carry_out(&mut state);
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        let Some((kind, room)) = self.room.take() else {
            return;
        };
        let shared = &self.visit.shared;
        let now = shared.clock.now();
        let mut state = shared.state();
        match kind {
            RoomKind::Pair => {
                state.rooms.leave(now, room, self.number);
                shared.carry_out(&mut state);
            }
            RoomKind::Lobby => {
                for other in state.lobbies.leave(room, self.number) {
                    shared.tell(&state, other, &Notice::PeerLeft);
                }
            }
        }
        state.log(Event::Left {
            address: self.visit.address,
            room: room.shortened(),
        });
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        let mut state = self.visit.shared.state();
        *state.totals.refused.entry(refusal).or_default() += 1;
        state.log(Event::Refused {
            address: self.visit.address,
            refusal,
        });
    }
}
