//! Local ports that tests before have used. A NAT or firewall remembers each flow for minutes, so a
//! fresh socket that gets such a port finds the holes of the earlier test.

use std::time::Duration;

use crate::proto::nat::Time;

/// How long holes that lead elsewhere than to the server of the filtering tests are feared: RFC 4787
/// REQ-5 wants a mapping to live for five minutes, and few live for ten.
const HOLES: Duration = Duration::from_secs(300);

/// How long any other use is: a router that takes a stray packet for its own remembers it for half a
/// minute, and then gives the next flow from that port another one.
const STRAYS: Duration = Duration::from_secs(60);

/// Ports that were used. It has the same size however many there were.
#[derive(Debug, Clone, Default)]
pub struct UsedPorts {
    travelled: Generations,
    any: Generations,
}

impl UsedPorts {
    /// A socket was used; `travelled` if it sent elsewhere than to the server of the filtering tests.
    pub fn add(&mut self, now: Time, port: u16, travelled: bool) {
        self.any.add(now, STRAYS, port);
        if travelled {
            self.travelled.add(now, HOLES, port);
        }
    }

    /// Whether a port is better not used again now.
    pub fn contains(&mut self, now: Time, port: u16) -> bool {
        self.any.contains(now, STRAYS, port) || self.travelled.contains(now, HOLES, port)
    }
}

/// What was added in this span of time and in the one before it.
#[derive(Debug, Clone, Default)]
struct Generations {
    began: Time,
    current: Ports,
    before: Ports,
}

impl Generations {
    fn add(&mut self, now: Time, span: Duration, port: u16) {
        self.age(now, span);
        self.current.add(port);
    }

    fn contains(&mut self, now: Time, span: Duration, port: u16) -> bool {
        self.age(now, span);
        self.current.contains(port) || self.before.contains(port)
    }

    fn age(&mut self, now: Time, span: Duration) {
        if now < self.began + span {
            return;
        }
        let current = std::mem::take(&mut self.current);
        // What is older than two spans is forgotten altogether.
        self.before = if now < self.began + span * 2 {
            current
        } else {
            Ports::default()
        };
        self.began = now;
    }
}

/// A bit for each port; none until there is one.
#[derive(Debug, Clone, Default)]
struct Ports(Vec<u64>);

impl Ports {
    fn add(&mut self, port: u16) {
        self.0.resize(1 << 10, 0);
        self.0[usize::from(port >> 6)] |= 1 << (port & 63);
    }

    fn contains(&self, port: u16) -> bool {
        let word = self.0.get(usize::from(port >> 6));
        word.is_some_and(|word| word & (1 << (port & 63)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ports_are_kept_for_their_time_and_no_more_than_twice() {
        let mut used = UsedPorts::default();
        used.add(at(10), 40_000, true);
        used.add(at(10), 40_001, false);
        for now in [10, 60] {
            assert!(used.contains(at(now), 40_000));
            assert!(used.contains(at(now), 40_001));
            assert!(!used.contains(at(now), 40_002));
        }
        // Sockets that went nowhere else are soon harmless.
        assert!(!used.contains(at(140), 40_001));
        assert!(used.contains(at(309), 40_000));
        assert!(!used.contains(at(910), 40_000));
    }

    #[test]
    fn what_is_added_late_in_a_span_is_kept_as_long() {
        let mut used = UsedPorts::default();
        used.add(at(1), 1, true);
        used.add(at(299), 65_535, true);
        assert!(used.contains(at(301), 65_535));
        assert!(used.contains(at(598), 65_535));
        assert!(!used.contains(at(1300), 65_535));
    }
}
