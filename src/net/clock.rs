//! The one place that reads clocks.

use std::time::{Duration, Instant, SystemTime};

/// Seconds since 1970 as RFC 3339, UTC.
pub fn rfc3339(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| seconds.to_string(), |time| time.to_string())
}

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

    /// Seconds since 1970 at the start.
    pub fn unix_start(&self) -> u64 {
        self.started_at
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    /// This moment as RFC 3339 with milliseconds, UTC. The system's clock is read anew: a machine
    /// that slept has lost time since the start.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn wall_time(&self) -> String {
        written(SystemTime::now())
    }

    /// The start as RFC 3339 with milliseconds, UTC.
    pub fn started_at(&self) -> String {
        written(self.started_at)
    }
}

fn written(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(
        |_| "1970-01-01T00:00:00.000Z".to_owned(),
        |t| format!("{t:.3}"),
    )
}
