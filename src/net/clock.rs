//! The one place that reads clocks.

use std::time::{Duration, Instant, SystemTime};

/// Time since the start of the run.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
        }
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The instant of a time since the start, for timers.
    pub fn instant(&self, time: Duration) -> tokio::time::Instant {
        (self.started + time).into()
    }

    /// The start as RFC 3339 with milliseconds, UTC.
    pub fn started_at(&self) -> String {
        jiff::Timestamp::try_from(self.started_at).map_or_else(
            |_| "1970-01-01T00:00:00.000Z".to_owned(),
            |t| format!("{t:.3}"),
        )
    }
}
