//! Why a session ends.

use crate::base::fact::Reason;
use crate::base::report::ErrorReport;
use crate::proto::signal::message;

#[derive(Debug, Clone)]
pub enum Ending {
    /// Everything is known and told.
    Done,
    Stopped(Reason),
    Peer(message::End),
    Vanished,
    /// The browser has loaded its page again.
    Again,
    /// The rendezvous does not want this side, or cannot be reached any more.
    Rendezvous(ErrorReport),
    /// What the other side says cannot be used.
    Unusable(ErrorReport),
}

impl Ending {
    pub fn for_peer(&self) -> message::End {
        match self {
            Self::Done | Self::Peer(_) | Self::Vanished | Self::Again => message::End::Done,
            Self::Stopped(Reason::Timeout) => message::End::Timeout,
            Self::Stopped(_) => message::End::Interrupted,
            Self::Rendezvous(error) | Self::Unusable(error) => message::End::Error {
                message: error.message.clone(),
            },
        }
    }
}
