//! How much one source, or one relay, may ask for. Time is an argument.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How often a full table is searched for sources that have been quiet.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A rate with bursts, in units of whatever is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Units a second.
    pub per_second: f64,
    /// Units that may come at once.
    pub burst: f64,
}

/// A token bucket: it begins full.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    tokens: f64,
    filled_at: Duration,
}

impl Bucket {
    /// A full one.
    pub const fn full(rate: Rate, now: Duration) -> Self {
        Self {
            tokens: rate.burst,
            filled_at: now,
        }
    }

    /// Takes so many tokens, if they are there.
    pub fn take(&mut self, rate: Rate, now: Duration, tokens: f64) -> bool {
        self.fill(rate, now);
        let enough = self.tokens >= tokens;
        if enough {
            self.tokens -= tokens;
        }
        enough
    }

    fn fill(&mut self, rate: Rate, now: Duration) {
        let since = now.saturating_sub(self.filled_at);
        self.tokens = (self.tokens + since.as_secs_f64() * rate.per_second).min(rate.burst);
        self.filled_at = now.max(self.filled_at);
    }

    fn is_full(&mut self, rate: Rate, now: Duration) -> bool {
        self.fill(rate, now);
        self.tokens >= rate.burst
    }
}

/// A bucket for each source address, in a table that does not grow without end.
#[derive(Debug)]
pub struct Limiter {
    rate: Rate,
    most_sources: usize,
    sources: BTreeMap<IpAddr, Bucket>,
    /// What all those share who find the table full. Forged sources fill it, and must not make the
    /// server forget who asks too much.
    crowd: Bucket,
    swept_at: Duration,
}

impl Limiter {
    /// An empty table.
    pub const fn new(rate: Rate, most_sources: usize) -> Self {
        Self {
            rate,
            most_sources,
            sources: BTreeMap::new(),
            crowd: Bucket::full(rate, Duration::ZERO),
            swept_at: Duration::ZERO,
        }
    }

    /// Whether this source may have one more answer.
    pub fn allow(&mut self, now: Duration, source: IpAddr) -> bool {
        let source = network_of(source);
        let rate = self.rate;
        if let Some(bucket) = self.sources.get_mut(&source) {
            return bucket.take(rate, now, 1.0);
        }
        if self.sources.len() >= self.most_sources && now >= self.swept_at + SWEEP_EVERY {
            self.swept_at = now;
            self.sources.retain(|_, bucket| !bucket.is_full(rate, now));
        }
        if self.sources.len() >= self.most_sources {
            return self.crowd.take(rate, now, 1.0);
        }
        let mut bucket = Bucket::full(rate, now);
        let allowed = bucket.take(rate, now, 1.0);
        self.sources.insert(source, bucket);
        allowed
    }

    /// How many sources are remembered.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

/// Who has one IPv6 address has the other 2^64 of its network too.
pub(super) fn network_of(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10.0,
        burst: 5.0,
    };

    fn source(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    fn allowed(limiter: &mut Limiter, now: Duration, from: IpAddr) -> usize {
        (0..100).filter(|_| limiter.allow(now, from)).count()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut limiter = Limiter::new(RATE, 4);
        assert_eq!(allowed(&mut limiter, Duration::ZERO, source(1)), 5);
        let later = Duration::from_millis(250);
        assert_eq!(allowed(&mut limiter, later, source(1)), 2);
        assert_eq!(allowed(&mut limiter, later, source(2)), 5);
        // A clock that goes back gives nothing.
        assert_eq!(allowed(&mut limiter, Duration::ZERO, source(1)), 0);
    }

    #[test]
    fn a_full_table_serves_the_rest_together() {
        let mut limiter = Limiter::new(RATE, 4);
        for number in 0..4 {
            assert!(limiter.allow(Duration::ZERO, source(number)));
        }
        let newcomers = (4..=255).filter(|n| limiter.allow(Duration::ZERO, source(*n)));
        assert_eq!(newcomers.count(), 5);
        assert_eq!(limiter.len(), 4);
        // Those who have been quiet make room.
        assert!(limiter.allow(Duration::from_secs(2), source(77)));
        assert_eq!(limiter.len(), 1);
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let mut limiter = Limiter::new(RATE, 4);
        let neighbours = (0..50).filter(|n| {
            let ip = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, *n);
            limiter.allow(Duration::ZERO, ip.into())
        });
        assert_eq!(neighbours.count(), 5);
        assert_eq!(limiter.len(), 1);
    }
}
