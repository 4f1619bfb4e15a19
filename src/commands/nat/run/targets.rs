//! Which addresses are asked over TCP and TLS from one port.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use crate::commands::nat::run::depth::TestedPath;
use crate::commands::nat::run::fallback::StreamResult;
use crate::net::stream::{Attempt, StreamAnswer, StreamError};
use crate::proto::nat::address;
use crate::proto::nat::behavior::{BehaviorDiscovery, ServerRecord};
use crate::proto::stun::uri::{Host, Transport};

/// More addresses show nothing new.
const MOST_TARGETS: usize = 16;

pub struct Target {
    pub attempt: Attempt,
    /// Which machine it belongs to.
    pub server: usize,
}

/// Which IP addresses belong to one machine.
#[derive(Debug, Clone, Default)]
pub struct Machines {
    numbers: BTreeMap<IpAddr, usize>,
}

impl Machines {
    pub fn number(&mut self, ip: IpAddr) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(ip).or_insert(next)
    }

    /// Two addresses of one machine. An address that is known already stays where it is.
    fn join(&mut self, ip: IpAddr, other: IpAddr) {
        let number = match self.numbers.get(&other) {
            Some(known) => *known,
            None => self.number(ip),
        };
        self.numbers.entry(ip).or_insert(number);
        self.numbers.entry(other).or_insert(number);
    }
}

/// The addresses that are still to be asked.
#[derive(Default)]
pub struct Targets {
    waiting: VecDeque<Target>,
    /// One connection from a port to an address is all there can be.
    planned: BTreeSet<SocketAddr>,
    machines: Machines,
    /// Whether a server's other addresses are among them.
    has_others: bool,
}

impl Targets {
    /// Servers that answered over UDP, those that were named for TCP and TLS or answered over it in
    /// place of UDP, and the other addresses of one of them.
    pub fn of_path(tested: &TestedPath<'_>) -> Self {
        let mut targets = Self::default();
        let outvoted = tested.discovery.outvoted();
        let answering: Vec<ServerRecord> = tested
            .discovery
            .servers()
            .into_iter()
            .filter(|s| s.facts.responses > 0 && s.error.is_none() && Some(s.address) != outvoted)
            .collect();
        let names = tested.around.names().clone();
        let host = |address: SocketAddr| {
            let known = names.get(&address).cloned();
            known.unwrap_or(Host::Ip(address.ip()))
        };
        for server in &answering {
            if let Some(other) = server.facts.other_address {
                targets.relate(server.address, tested.reach(other));
            }
        }
        let supported =
            |s: &&ServerRecord| s.facts.behavior_discovery == Some(BehaviorDiscovery::Supported);
        let (sound, others): (Vec<_>, Vec<_>) = answering.iter().partition(supported);
        for server in sound.into_iter().chain(others) {
            if let Some(other) = server.facts.other_address {
                targets.add_others(server.address, tested.reach(other), &host(server.address));
            }
        }
        for server in &answering {
            targets.add(Attempt {
                address: server.address,
                host: host(server.address),
                transport: Transport::Tcp,
            });
        }
        let by_uri = tested.around.streams().clone();
        let replacing = tested.fallback.iter().filter(|t| t.answer.is_ok());
        let on_way = |a: &Attempt| tested.leads_to(a.address.ip());
        let more = by_uri
            .into_iter()
            .chain(replacing.map(|t| t.attempt.clone()));
        more.filter(on_way).for_each(|a| targets.add(a));
        targets
    }

    /// Those that have answered.
    pub fn answered<'a>(tried: impl IntoIterator<Item = &'a StreamResult>) -> Self {
        let mut targets = Self::default();
        for tried in tried.into_iter().filter(|t| t.answer.is_ok()) {
            targets.add(tried.attempt.clone());
        }
        targets
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn pop(&mut self) -> Option<Target> {
        self.waiting.pop_front()
    }

    /// Looks for other addresses in an answer, where UDP has told of none.
    pub fn learn(&mut self, target: &Target, answer: &Result<StreamAnswer, StreamError>) {
        let Ok(answer) = answer else {
            return;
        };
        let Ok(success) = &answer.response.outcome else {
            return;
        };
        let attempt = &target.attempt;
        if let (Some(other), Transport::Tcp) = (success.other_address, attempt.transport) {
            self.relate(attempt.address, other);
            self.add_others(attempt.address, other, &attempt.host);
        }
    }

    pub fn into_machines(self) -> Machines {
        self.machines
    }

    fn relate(&mut self, address: SocketAddr, other: SocketAddr) {
        if address::other_address_flaw(address, other).is_none() {
            self.machines.join(address.ip(), other.ip());
        }
    }

    /// The addresses of RFC 5780 4.3 beside the primary one; of one server, which is enough. Two
    /// ports of one address tell address-dependent from address-and-port-dependent.
    fn add_others(&mut self, address: SocketAddr, other: SocketAddr, host: &Host) {
        let (ip, port) = (address.ip(), address.port());
        let one_address = ip == other.ip() && port != other.port() && other.port() != 0;
        let addresses = if self.has_others {
            return;
        } else if one_address {
            vec![other]
        } else if address::other_address_flaw(address, other).is_none() {
            vec![
                other,
                SocketAddr::new(other.ip(), port),
                SocketAddr::new(ip, other.port()),
            ]
        } else {
            return;
        };
        self.has_others = !one_address;
        for address in addresses {
            self.add(Attempt {
                address,
                host: host.clone(),
                transport: Transport::Tcp,
            });
        }
    }

    fn add(&mut self, attempt: Attempt) {
        if self.planned.len() < MOST_TARGETS && self.planned.insert(attempt.address) {
            let server = self.machines.number(attempt.address.ip());
            self.waiting.push_back(Target { attempt, server });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_of_one_machine_have_one_number() {
        let (first, second, other) = (ip("203.0.113.10"), ip("203.0.113.11"), ip("203.0.113.12"));
        for listed_later in [false, true] {
            let mut machines = Machines::default();
            if listed_later {
                machines.join(second, first);
            } else {
                machines.join(first, second);
            }
            assert_eq!(machines.number(first), machines.number(second));
            assert_ne!(machines.number(first), machines.number(other));
            let others = [ip("203.0.113.13"), ip("203.0.113.14")].map(|ip| machines.number(ip));
            assert_ne!(others[0], others[1]);
            assert_ne!(others[0], machines.number(other));
        }
    }
}
