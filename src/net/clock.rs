//! The one place that reads clocks.

use std::time::{Duration, Instant, SystemTime};

/// Longer than any program runs, and no more than every system's clock can count.
const NEVER: Duration = Duration::from_secs(10 * 365 * 86_400);

#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
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

    /// The instant of a time since the start, for timers. One that never comes is years away.
    pub fn instant(&self, time: Duration) -> tokio::time::Instant {
        (self.started + time.min(NEVER)).into()
    }

    /// Seconds since 1970, by the system's clock as it is now: a machine that slept, or whose clock was
    /// set, is not where the start and the time since would have it.
    pub fn unix_now(&self) -> u64 {
        self.unix_now_ms() / 1000
    }

    /// The same in milliseconds.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn unix_now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let ms = since.map_or(0, |since| since.as_millis());
        u64::try_from(ms).unwrap_or(u64::MAX)
    }

    /// The clock of a program whose machine has slept for so long since the start, or whose clock was
    /// set forward by as much.
    #[must_use]
    pub fn after_sleep(self, slept: Duration) -> Self {
        Self {
            started_at: self.started_at - slept,
            ..self
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_is_no_overflow() {
        let clock = Clock::start();
        assert!(clock.instant(Duration::MAX) > clock.instant(Duration::from_secs(86_400)));
    }
}
