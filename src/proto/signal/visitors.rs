//! Who may connect to a rendezvous, and how often join: limits for each client address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::time::Time;
use crate::proto::signal::meter::Meter;
use crate::proto::signal::wire::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitorLimits {
    pub connections: usize,
    /// Open connections from one address (IPv6: from one /64).
    pub connections_per_address: usize,
    /// Joins from one address in a second.
    pub joins_per_second: u64,
}

/// What counts as one client: an IPv4 address, or the /64 that one IPv6 host may choose addresses
/// from (RFC 4291 2.5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(u64, bool);

impl Network {
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(u64::from(u32::from(ip)), false),
            IpAddr::V6(ip) => Self((u128::from(ip) >> 64) as u64, true),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Visits {
    open: usize,
    joins: Meter,
}

#[derive(Debug)]
pub struct Visitors {
    limits: VisitorLimits,
    open: usize,
    clients: BTreeMap<Network, Visits>,
}

impl Visitors {
    pub const fn new(limits: VisitorLimits) -> Self {
        Self {
            limits,
            open: 0,
            clients: BTreeMap::new(),
        }
    }

    pub const fn open(&self) -> usize {
        self.open
    }

    /// One more connection; `None` if it is not known yet whose.
    pub fn arrive(&mut self, from: impl Into<Option<Network>>) -> Result<(), Refusal> {
        if self.open >= self.limits.connections {
            return Err(Refusal::TooManyConnections);
        }
        if let Some(from) = from.into() {
            self.is_of(from)?;
        }
        self.open += 1;
        Ok(())
    }

    /// It has become known whose a connection is.
    pub fn is_of(&mut self, from: Network) -> Result<(), Refusal> {
        let open = self.clients.get(&from).map_or(0, |visits| visits.open);
        if open >= self.limits.connections_per_address {
            return Err(Refusal::TooManyConnections);
        }
        self.clients.entry(from).or_default().open += 1;
        Ok(())
    }

    pub fn leave(&mut self, now: Time, from: impl Into<Option<Network>>) {
        self.open = self.open.saturating_sub(1);
        let Some(from) = from.into() else {
            return;
        };
        if let Some(visits) = self.clients.get_mut(&from) {
            visits.open = visits.open.saturating_sub(1);
            if visits.open == 0 && visits.joins.is_idle(now) {
                self.clients.remove(&from);
            }
        }
    }

    pub fn join(&mut self, now: Time, from: Network) -> Result<(), Refusal> {
        let visits = self.clients.entry(from).or_default();
        if visits.joins.take(now, 1, self.limits.joins_per_second) {
            Ok(())
        } else {
            Err(Refusal::TooFast)
        }
    }

    /// Forgets those that are gone and whose joins do not count any more.
    pub fn tidy(&mut self, now: Time) {
        self.clients
            .retain(|_, visits| visits.open > 0 || !visits.joins.is_idle(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().expect("an address"))
    }

    fn visitors() -> Visitors {
        Visitors::new(VisitorLimits {
            connections: 3,
            connections_per_address: 2,
            joins_per_second: 1,
        })
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_prefix() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("0.0.0.1"), network("0:0:0:1::"));
    }

    #[test]
    fn connections_are_limited_for_each_client_and_in_all() {
        let mut visitors = visitors();
        let (one, two) = (network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(visitors.arrive(one), Ok(()));
        assert_eq!(visitors.arrive(one), Ok(()));
        assert_eq!(visitors.arrive(one), Err(Refusal::TooManyConnections));
        assert_eq!(visitors.arrive(two), Ok(()));
        assert_eq!(visitors.arrive(two), Err(Refusal::TooManyConnections));
        visitors.leave(Time::ZERO, one);
        assert_eq!(visitors.arrive(two), Ok(()));
        assert_eq!(visitors.open(), 3);
    }

    #[test]
    fn going_away_does_not_reset_how_often_a_client_joins() {
        let mut visitors = visitors();
        let one = network("2001:db8::1");
        let mut joined = 0;
        for _ in 0..100 {
            assert_eq!(visitors.arrive(one), Ok(()));
            joined += usize::from(visitors.join(Time::ZERO, one).is_ok());
            visitors.leave(Time::ZERO, one);
            visitors.tidy(Time::ZERO);
        }
        assert_eq!(joined, 5);
        visitors.tidy(Time::from_secs(10));
        assert!(visitors.clients.is_empty());
    }
}
