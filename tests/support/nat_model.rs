//! A NAT or firewall that does what its configuration says, in the terms of RFC 4787.
//!
//! This is the ground truth of the tests, so it is written from the RFC and knows nothing of how
//! the program measures. Filter state belongs to a mapping: a mapping remembers the endpoints it
//! has sent to (RFC 4787 5); [`NatConfig::filter_per_endpoint`] gives the RFC's literal reading,
//! where it belongs to the internal endpoint X:x.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};

pub use super::nat_config::{Hairpin, Kind, LOCAL_PORTS, NatConfig, Pooling, Ports, Renumbering};

/// The part of the destination that selects a mapping.
type Scope = Option<(IpAddr, Option<u16>)>;

#[derive(Debug)]
struct Entry {
    local: SocketAddr,
    external: SocketAddr,
    scopes: BTreeSet<Scope>,
    sent_to: BTreeSet<SocketAddr>,
}

/// A running box.
#[derive(Debug)]
pub struct Nat {
    pub config: NatConfig,
    rng: StdRng,
    entries: Vec<Entry>,
    /// Unsolicited packets that conntrack remembered: (external, from).
    strays: BTreeSet<(SocketAddr, SocketAddr)>,
    externals: Vec<IpAddr>,
    next_port: i32,
    last_allocation: Duration,
    created: Vec<(SocketAddr, SocketAddr)>,
}

impl Nat {
    pub fn new(config: NatConfig, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            externals: config.externals.clone(),
            next_port: rng.random_range(4096..60000),
            rng,
            entries: Vec::new(),
            strays: BTreeSet::new(),
            last_allocation: Duration::ZERO,
            created: Vec::new(),
            config,
        }
    }

    /// A packet from the inside. Gives the source it has outside, or `None` if it is dropped.
    pub fn outbound(
        &mut self,
        now: Duration,
        local: SocketAddr,
        destination: SocketAddr,
    ) -> Option<SocketAddr> {
        self.pass_time(now);
        if self.config.blocked {
            return None;
        }
        let scope = self.scope(destination);
        let index = self
            .entries
            .iter()
            .position(|e| e.local == local && e.scopes.contains(&scope));
        let index = match index {
            Some(index) => index,
            None => self.allocate(now, local, destination, scope)?,
        };
        self.entries[index].sent_to.insert(destination);
        Some(self.entries[index].external)
    }

    /// A packet from the outside. Gives the local address it is for, or `None` if it is dropped.
    pub fn inbound(
        &mut self,
        now: Duration,
        external: SocketAddr,
        from: SocketAddr,
    ) -> Option<SocketAddr> {
        self.pass_time(now);
        if self.config.blocked {
            return None;
        }
        if self.config.kind == Kind::None {
            return Some(external);
        }
        let passed = self
            .entries
            .iter()
            .find(|e| e.external == external && self.allows(e, from))
            .map(|e| e.local);
        if passed.is_none() && self.config.conntrack {
            self.strays.insert((external, from));
        }
        passed
    }

    /// A packet from the inside to one of the external addresses: [`Nat::outbound`] has already
    /// made the sender's mapping with the external address `source`. Gives the local address it
    /// is for and the source it carries.
    pub fn hairpin(
        &mut self,
        local: SocketAddr,
        source: SocketAddr,
        target: SocketAddr,
    ) -> Option<(SocketAddr, SocketAddr)> {
        let carried = match self.config.hairpin {
            Hairpin::Off => return None,
            Hairpin::ExternalSource => source,
            Hairpin::InternalSource => local,
        };
        let strict = self.config.hairpin_filtering;
        self.entries
            .iter()
            .find(|e| e.external == target && (!strict || self.allows(e, source)))
            .map(|e| (e.local, carried))
    }

    /// Whether this address is one of the NAT's own external ones.
    pub fn owns(&self, address: IpAddr) -> bool {
        self.config.kind == Kind::Nat && self.externals.contains(&address)
    }

    /// Every mapping ever made: (local, external).
    pub fn created(&self) -> &[(SocketAddr, SocketAddr)] {
        &self.created
    }

    fn pass_time(&mut self, now: Duration) {
        if let Some(change) = self.config.renumbering.filter(|c| now >= c.at) {
            self.config.renumbering = None;
            self.externals = vec![change.to];
            self.entries.clear();
            self.strays.clear();
        }
    }

    /// RFC 4787 4.1: which destinations share a mapping.
    fn scope(&self, destination: SocketAddr) -> Scope {
        let (ip, port) = (destination.ip(), destination.port());
        if self.config.conntrack {
            return Some((ip, Some(port)));
        }
        if self.config.kind != Kind::Nat {
            return None;
        }
        match self.config.mapping {
            Mapping::EndpointIndependent if self.config.pooling == Pooling::PerSession => {
                Some((ip, None))
            }
            Mapping::EndpointIndependent => None,
            Mapping::AddressDependent => Some((ip, None)),
            Mapping::AddressAndPortDependent => Some((ip, Some(port))),
        }
    }

    /// RFC 4787 5: whether the filter lets this sender in.
    fn allows(&self, entry: &Entry, from: SocketAddr) -> bool {
        let filtering = self.config.filtering;
        let passes = |e: &Entry| match filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => e.sent_to.iter().any(|to| to.ip() == from.ip()),
            Filtering::AddressAndPortDependent => e.sent_to.contains(&from),
        };
        let whole_host = self.config.kind == Kind::HostFirewall;
        if whole_host || self.config.filter_per_endpoint {
            self.entries
                .iter()
                .any(|e| (whole_host || e.local == entry.local) && passes(e))
        } else {
            passes(entry)
        }
    }

    fn allocate(
        &mut self,
        now: Duration,
        local: SocketAddr,
        destination: SocketAddr,
        scope: Scope,
    ) -> Option<usize> {
        let external = if self.config.kind == Kind::Nat {
            self.pick_external(now, local, destination)?
        } else {
            local
        };
        self.last_allocation = now;
        self.created.push((local, external));
        let shared = self
            .entries
            .iter()
            .position(|e| e.local == local && e.external == external)
            .filter(|_| !self.config.conntrack);
        if let Some(index) = shared {
            self.entries[index].scopes.insert(scope);
            return Some(index);
        }
        self.entries.push(Entry {
            local,
            external,
            scopes: BTreeSet::from([scope]),
            sent_to: BTreeSet::new(),
        });
        Some(self.entries.len() - 1)
    }

    fn pick_external(
        &mut self,
        now: Duration,
        local: SocketAddr,
        destination: SocketAddr,
    ) -> Option<SocketAddr> {
        let pool: Vec<IpAddr> = self
            .externals
            .iter()
            .copied()
            .filter(|ip| ip.is_ipv4() == destination.is_ipv4())
            .collect();
        let ip = match self.config.pooling {
            Pooling::Paired => *pool.first()?,
            Pooling::Arbitrary => pool[self.rng.random_range(0..pool.len())],
            Pooling::PerSession => {
                let own = |e: &&Entry| e.local == local;
                let last = self.entries.iter().rfind(own);
                let others: Vec<IpAddr> = pool
                    .into_iter()
                    .filter(|ip| last.is_none_or(|e| e.external.ip() != *ip))
                    .collect();
                let ip = others[self.rng.random_range(0..others.len())];
                if let Some(first) = self.entries.iter().find(own) {
                    return Some(SocketAddr::new(ip, first.external.port()));
                }
                ip
            }
        };
        if self.config.ports == Ports::Preserve {
            let wish = SocketAddr::new(ip, local.port());
            if self.free(wish, destination) {
                return Some(wish);
            }
        }
        if let Ports::Sequential(step) = self.config.ports {
            let gone = (now.saturating_sub(self.last_allocation)).as_secs_f64();
            let others = (gone * self.config.other_traffic + self.rng.random::<f64>()) as i32;
            if self.config.other_traffic > 0.0 {
                self.next_port += step * others;
            }
        }
        for _ in 0..100_000 {
            let port = match self.config.ports {
                Ports::Preserve => self.rng.random_range(10_000..LOCAL_PORTS.start),
                Ports::Random => self.rng.random_range(1024..=u16::MAX),
                Ports::Sequential(step) => {
                    self.next_port = wrap(self.next_port + step);
                    u16::try_from(self.next_port).expect("wrapped")
                }
            };
            let candidate = SocketAddr::new(ip, port);
            if self.free(candidate, destination) {
                return Some(candidate);
            }
        }
        None
    }

    fn free(&self, candidate: SocketAddr, destination: SocketAddr) -> bool {
        if self.config.taken.contains(&candidate.port()) {
            return false;
        }
        if self.config.conntrack {
            // Ports are shared as long as the whole connection is different.
            return !self.strays.contains(&(candidate, destination))
                && !self
                    .entries
                    .iter()
                    .any(|e| e.external == candidate && e.sent_to.contains(&destination));
        }
        !self.entries.iter().any(|e| e.external == candidate)
    }
}

fn wrap(port: i32) -> i32 {
    1024 + (port - 1024).rem_euclid(65536 - 1024)
}
