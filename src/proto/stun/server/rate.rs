//! How much one source, or one relay, may ask for. Time is an argument.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

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
}

/// Buckets of a row: 256 kB in each.
const SLOTS: usize = 1 << 15;
/// Each source has a bucket in each row, at places that nobody else can know.
const ROWS: usize = 2;
/// How many networks of 2^64 addresses may ask as much as one, if they are of one site (an IPv6 /48).
const NETWORKS_OF_SITE: f32 = 4.0;

/// A bucket of the table, small: tokens that are missing, and since when, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    missing: f32,
    at_ms: u32,
}

/// How often each source may ask, in a table of a fixed size that nobody can fill up.
///
/// Sources share buckets by chance. One is refused only where both of its buckets are empty: so forged sources, each of
/// which asks a little, take nothing from newcomers, and one that asks too much is stopped all the same.
#[derive(Debug)]
pub struct Limiter {
    rate: Rate,
    seed: u64,
    slots: Vec<Slot>,
}

impl Limiter {
    /// With a random seed, by which places in the table are chosen.
    pub const fn new(rate: Rate, seed: u64) -> Self {
        Self {
            rate,
            seed,
            slots: Vec::new(),
        }
    }

    /// The same with another seed, and nothing remembered.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self::new(self.rate, seed)
    }

    /// Whether this source may have one more answer.
    pub fn allow(&mut self, now: Duration, source: IpAddr) -> bool {
        let IpAddr::V6(v6) = source.to_canonical() else {
            return self.allow_key(now, source.to_canonical(), 1.0, true);
        };
        // Who has one IPv6 address has the other 2^64 of its network too, and often the 2^16 networks of a site.
        let [a, b, c, ..] = v6.segments();
        let site = (a, b, c);
        self.allow_key(now, site, NETWORKS_OF_SITE, false)
            && self.allow_key(now, network_of(source), 1.0, true)
            && self.allow_key(now, site, NETWORKS_OF_SITE, true)
    }

    /// The same for anything else than an address.
    pub fn allow_any(&mut self, now: Duration, key: impl Hash) -> bool {
        self.allow_key(now, key, 1.0, true)
    }

    /// Whether there would be an answer, which is not counted.
    pub fn would_allow_any(&mut self, now: Duration, key: impl Hash) -> bool {
        self.allow_key(now, key, 1.0, false)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "rates are small numbers, and times wrap together"
    )]
    fn allow_key(&mut self, now: Duration, key: impl Hash, times: f32, takes: bool) -> bool {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); SLOTS * ROWS];
        }
        let (per_second, burst) = (
            self.rate.per_second as f32 * times,
            self.rate.burst as f32 * times,
        );
        let now_ms = now.as_millis() as u32;
        let places = self.places(key);
        let mut allowed = false;
        for place in places {
            let slot = &mut self.slots[place];
            // A clock that goes back gives nothing.
            let since = now_ms.wrapping_sub(slot.at_ms);
            if since < u32::MAX / 2 {
                slot.missing = (slot.missing - since as f32 / 1000.0 * per_second).max(0.0);
                slot.at_ms = now_ms;
            }
            allowed |= slot.missing + 1.0 <= burst;
        }
        if allowed && takes {
            for place in places {
                let slot = &mut self.slots[place];
                slot.missing = (slot.missing + 1.0).min(burst);
            }
        }
        allowed
    }

    fn places(&self, key: impl Hash) -> [usize; ROWS] {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        key.hash(&mut hasher);
        let hash = hasher.finish();
        let slots = SLOTS as u64;
        [hash % slots, (hash >> 32) % slots + slots]
            .map(|place| usize::try_from(place).unwrap_or(0))
    }
}

/// Who has one IPv6 address has the other 2^64 of its network too.
pub fn network_of(source: IpAddr) -> IpAddr {
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
        let much_later = Duration::from_secs(20 * 24 * 3600);
        assert_eq!(allowed(&mut limiter, much_later, source(1)), 5);
    }

    /// 60,000 forged sources a second, and newcomers among them.
    #[test]
    fn forged_sources_take_nothing_from_newcomers() {
        let rate = Rate {
            per_second: 100.0,
            burst: 300.0,
        };
        let mut limiter = Limiter::new(rate, 7);
        let (mut answered, mut newcomers) = (0, 0);
        let mut forged = 0x0100_0000_u32;
        for ms in 0..5000_u16 {
            let now = Duration::from_millis(ms.into());
            for _ in 0..60 {
                forged = forged.wrapping_mul(0x0001_93c5).wrapping_add(12345);
                limiter.allow(now, forged.to_be_bytes().into());
            }
            if ms % 5 == 0 {
                newcomers += 1;
                let [high, low] = ms.to_be_bytes();
                answered += usize::from(limiter.allow(now, [10, 9, high, low].into()));
            }
        }
        assert!(
            answered * 100 >= newcomers * 99,
            "{answered} of {newcomers}"
        );
        // And whoever asks too much is stopped all the same.
        let now = Duration::from_secs(5);
        let greedy = (0..2000).filter(|_| limiter.allow(now, source(1))).count();
        assert!(greedy <= 300, "{greedy}");
        assert_eq!(limiter.slots.len(), SLOTS * ROWS, "and no more");
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let mut limiter = Limiter::new(RATE, 4);
        let neighbours = (0..50).filter(|n| {
            let ip = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, *n);
            limiter.allow(Duration::ZERO, ip.into())
        });
        assert_eq!(neighbours.count(), 5);
        // And so do the networks of one site, which is a little more.
        let networks = (2..500).filter(|n| {
            let ip = Ipv6Addr::new(0x2001, 0xdb8, 0, *n, 0, 0, 0, 1);
            limiter.allow(Duration::ZERO, ip.into())
        });
        assert_eq!(networks.count(), 15);
        let other = Ipv6Addr::new(0x2001, 0xdb8, 1, 1, 0, 0, 0, 1);
        assert!(limiter.allow(Duration::ZERO, other.into()));
    }
}
