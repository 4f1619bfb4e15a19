//! Why a session ends.

use crate::fact::Reason;
use crate::report::ErrorReport;
use crate::signal::message;

/// Why a session ends.
#[derive(Debug, Clone)]
pub enum End {
    /// Everything is known and told.
    Done,
    /// A signal, or the time is over.
    Stopped(Reason),
    /// The other side has ended before it was done.
    Peer(message::End),
    /// The other side is gone without a word.
    Vanished,
    /// The rendezvous does not want this side, or cannot be reached any more.
    Rendezvous(ErrorReport),
    /// What the other side says cannot be used.
    Unusable(ErrorReport),
}

impl End {
    /// What the other side is told.
    pub fn for_peer(&self) -> message::End {
        match self {
            Self::Done | Self::Peer(_) | Self::Vanished => message::End::Done,
            Self::Stopped(Reason::Timeout) => message::End::Timeout,
            Self::Stopped(_) => message::End::Interrupted,
            Self::Rendezvous(error) | Self::Unusable(error) => message::End::Error {
                message: error.message.clone(),
            },
        }
    }
}
