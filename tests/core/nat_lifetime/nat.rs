//! A NAT or a stateful firewall that forgets: bindings live for a while after their last packet.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// What a binding lives for, and what keeps it alive.
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
#[derive(Debug, Clone)]
pub struct Rules {
    /// While packets have gone one way only.
    pub one_packet: Duration,
    /// When they have gone both ways.
    pub two_way: Duration,
    /// Linux: both ways counts from the first packet that is more than 2 s behind the first one.
    pub stream_after_two_seconds: bool,
    pub inbound_refreshes: bool,
    /// A firewall translates nothing.
    pub translates: bool,
    pub preserves_ports: bool,
    /// External addresses; a new binding gets any of them.
    pub externals: Vec<IpAddr>,
    /// At these moments it forgets all.
    pub restarts: Vec<Duration>,
    /// Of so many bindings one is dropped at some moment of its life.
    pub drops_one_in: Option<u32>,
    /// Lifetimes are longer by up to this part, each binding by another.
    pub spread: f64,
}

impl Rules {
    pub fn new(one_packet: f64, two_way: f64) -> Self {
        Self {
            one_packet: Duration::from_secs_f64(one_packet),
            two_way: Duration::from_secs_f64(two_way),
            stream_after_two_seconds: false,
            inbound_refreshes: false,
            translates: true,
            preserves_ports: true,
            externals: vec![IpAddr::from([203, 0, 113, 5])],
            restarts: Vec::new(),
            drops_one_in: None,
            spread: 0.0,
        }
    }

    pub fn linux(one_packet: f64, two_way: f64) -> Self {
        Self {
            stream_after_two_seconds: true,
            inbound_refreshes: true,
            ..Self::new(one_packet, two_way)
        }
    }
}

#[derive(Debug)]
struct Binding {
    local: SocketAddr,
    made: Duration,
    replied: bool,
    until: Duration,
    dropped_at: Option<Duration>,
    factor: f64,
}

#[derive(Debug)]
pub struct Nat {
    rules: Rules,
    bindings: BTreeMap<SocketAddr, Binding>,
    restarted: usize,
}

impl Nat {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            bindings: BTreeMap::new(),
            restarted: 0,
        }
    }

    pub fn outbound(&mut self, now: Duration, local: SocketAddr, rng: &mut StdRng) -> SocketAddr {
        self.pass(now);
        let known = self.bindings.iter().find(|(_, b)| b.local == local);
        let external = match known {
            Some((external, _)) => *external,
            None => self.make(now, local, rng),
        };
        let lifetime = self.lifetime(now, external);
        let binding = self.bindings.get_mut(&external).expect("it was made");
        binding.until = now + lifetime;
        external
    }

    pub fn inbound(&mut self, now: Duration, external: SocketAddr) -> Option<SocketAddr> {
        self.pass(now);
        self.bindings.get_mut(&external)?.replied = true;
        let lifetime = self.lifetime(now, external);
        let refreshes = self.rules.inbound_refreshes;
        let binding = self.bindings.get_mut(&external)?;
        if refreshes {
            binding.until = now + lifetime;
        }
        Some(binding.local)
    }

    fn lifetime(&self, now: Duration, external: SocketAddr) -> Duration {
        let binding = &self.bindings[&external];
        let old = now > binding.made + Duration::from_secs(2);
        let stream = binding.replied && (old || !self.rules.stream_after_two_seconds);
        let lifetime = if stream {
            self.rules.two_way
        } else {
            self.rules.one_packet
        };
        lifetime.mul_f64(binding.factor)
    }

    fn make(&mut self, now: Duration, local: SocketAddr, rng: &mut StdRng) -> SocketAddr {
        let external = loop {
            let ip = self.rules.externals[rng.random_range(0..self.rules.externals.len())];
            let port = if self.rules.preserves_ports {
                local.port()
            } else {
                rng.random_range(1024..=u16::MAX)
            };
            let external = SocketAddr::new(ip, port);
            let external = if self.rules.translates {
                external
            } else {
                local
            };
            if !self.bindings.contains_key(&external) {
                break external;
            }
        };
        let dropped = self
            .rules
            .drops_one_in
            .is_some_and(|n| rng.random_ratio(1, n));
        let life = self.rules.two_way.as_secs_f64();
        let binding = Binding {
            local,
            made: now,
            replied: false,
            until: now,
            dropped_at: dropped.then(|| now + Duration::from_secs_f64(rng.random_range(0.0..life))),
            factor: 1.0 + rng.random::<f64>() * self.rules.spread,
        };
        self.bindings.insert(external, binding);
        external
    }

    fn pass(&mut self, now: Duration) {
        let passed = self.rules.restarts.iter().filter(|at| **at <= now).count();
        if passed > self.restarted {
            self.restarted = passed;
            self.bindings.clear();
        }
        self.bindings
            .retain(|_, b| b.until >= now && b.dropped_at.is_none_or(|at| at > now));
    }
}
