//! Relays that are given back to their servers, however a run ends.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::mpsc;

/// How long the end of a run waits for servers to take their relays back: who has pressed Ctrl-C
/// waits for it, and a server on the other side of the world answers twice in that time. What is not
/// answered by then ends by itself, after as long as the server has granted (10 minutes as a rule).
const GIVE_BACK: Duration = Duration::from_millis(500);

/// Knows whether the sessions that have a [`Lease`] of it have given back their allocations.
pub struct Leases {
    open: mpsc::Sender<Infallible>,
    all_back: mpsc::Receiver<Infallible>,
}

/// Held by a session, and by what gives back its allocation when the session has ended.
#[derive(Debug, Clone)]
pub struct Lease {
    _open: mpsc::Sender<Infallible>,
}

impl Default for Leases {
    fn default() -> Self {
        let (open, all_back) = mpsc::channel(1);
        Self { open, all_back }
    }
}

impl Leases {
    pub fn lease(&self) -> Lease {
        Lease {
            _open: self.open.clone(),
        }
    }

    /// Waits for a moment until all sessions have ended and all allocations are given back. Nobody may
    /// hold a session any longer, or a task that has one.
    pub async fn all_back(self) {
        let Self { open, mut all_back } = self;
        drop(open);
        let _ = tokio::time::timeout(GIVE_BACK, all_back.recv()).await;
    }
}
