//! How much a broker is given and may say: it belongs to somebody else.

use std::time::Duration;

use crate::base::bounds;
use crate::proto::signal::mqtt::Used;
use crate::proto::signal::rooms::RoomKind;

/// The budget in parts: the first [`FREE`] of them are spent at will, and each one after that costs twice the pause.
const PARTS: u32 = 15;
const FREE: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// What a broker is given, and what is taken from it, in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub messages: u32,
    pub bytes: usize,
    pub heard: u32,
    /// See [`bounds::BROKER_SENDERS`].
    pub senders: usize,
}

impl Budget {
    pub const fn of(kind: RoomKind) -> Self {
        match kind {
            RoomKind::Pair => Self {
                messages: bounds::BROKER_MESSAGES,
                bytes: bounds::BROKER_BYTES,
                heard: bounds::BROKER_HEARD,
                senders: bounds::BROKER_SENDERS,
            },
            RoomKind::Lobby => Self {
                messages: bounds::LOBBY_MESSAGES,
                bytes: bounds::LOBBY_BYTES,
                heard: bounds::LOBBY_HEARD,
                senders: bounds::LOBBY_SENDERS,
            },
        }
    }
    /// How long what follows waits, so that it travels together: with a broker nearby, each little thing would be a message
    /// of its own, and a session of many would have none left.
    pub fn pause(&self, used: Used) -> Duration {
        let of_messages = used.messages * PARTS / self.messages.max(1);
        let of_bytes = used.bytes * PARTS as usize / self.bytes.max(1);
        let parts = of_messages.max(u32::try_from(of_bytes).unwrap_or(PARTS));
        match parts.min(PARTS).checked_sub(FREE) {
            None => Duration::ZERO,
            Some(doublings) => FIRST_PAUSE * (1 << doublings),
        }
    }
}
