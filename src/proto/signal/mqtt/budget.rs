//! How much a broker is given and may say: it belongs to somebody else.

use crate::base::bounds;
use crate::proto::signal::rooms::RoomKind;

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
}
