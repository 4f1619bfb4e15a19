//! How much is too fast.

use std::time::Duration;

use crate::base::time::Time;

/// For how long a source may run ahead of its rate: whoever joins again sends in one go what the
/// other side has not confirmed.
const AHEAD: Duration = Duration::from_secs(5);

/// Holds a source to a rate, with some seconds' worth in one go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    /// Until when the source would be busy, had it kept to its rate.
    busy_until: Time,
}

impl Meter {
    /// Takes note of `count` things, unless they come too fast. The first ones after a rest may be
    /// any number, so that a low rate does not forbid a large message for ever.
    pub fn take(&mut self, now: Time, count: u64, per_second: u64) -> bool {
        let ahead = self.busy_until.saturating_sub(now);
        let rate = per_second.max(1);
        let rest = (count % rate).saturating_mul(1_000_000_000) / rate;
        let more = Duration::from_secs(count / rate) + Duration::from_nanos(rest);
        let busy = ahead.saturating_add(more);
        if !ahead.is_zero() && busy > AHEAD {
            return false;
        }
        self.busy_until = now.saturating_add(busy);
        true
    }

    /// Whether it makes no difference any more.
    pub fn is_idle(&self, now: Time) -> bool {
        self.busy_until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut meter = Meter::default();
        let burst = (0..1000).filter(|_| meter.take(Time::ZERO, 1, 10));
        assert_eq!(burst.count(), 50);
        let later = Time::from_secs(1);
        let more = (0..1000).filter(|_| meter.take(later, 1, 10)).count();
        assert_eq!(more, 10);
        assert!(!meter.is_idle(later));
        assert!(meter.is_idle(Time::from_secs(6)));
    }

    #[test]
    fn after_a_rest_anything_passes_once() {
        let mut meter = Meter::default();
        assert!(meter.take(Time::ZERO, 1_000_000, 10));
        assert!(!meter.take(Time::from_secs(9), 1, 10));
        assert!(meter.take(Time::from_secs(100_001), 1, 10));
        assert!(Meter::default().take(Time::ZERO, u64::MAX, 0));
    }
}
