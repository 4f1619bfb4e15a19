//! Which answers are believed: a server may lie, and a mapping may change.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::facts::reflexive_in;
use super::{Discovery, MAPPING_SOCKET};
use crate::fact::{Fact, Reason};
use crate::nat::behavior::Mapping;
use crate::nat::classify;
use crate::nat::evidence::MappingSeen;
use crate::nat::probe::Test;

impl Discovery {
    /// The listed server that stands for all addresses of the same machine.
    pub(super) fn operator(&self, server: usize) -> usize {
        let ip = self.servers[server].address.ip();
        (0..server)
            .find(|s| {
                self.servers[*s].address.ip() == ip
                    || self.usable_other_address(*s).is_some_and(|o| o.ip() == ip)
            })
            .unwrap_or(server)
    }

    /// All success answers of a listed server's primary address: (socket, reflexive address).
    fn reports(&self, server: usize) -> impl Iterator<Item = (usize, SocketAddr)> + '_ {
        let address = self.servers[server].address;
        self.probes
            .iter()
            .filter(move |p| p.destination == address)
            .flat_map(|p| {
                p.answers
                    .iter()
                    .filter_map(|a| Some((p.socket, reflexive_in(a)?)))
            })
    }

    /// Why what a listed server reports cannot be true, if it cannot.
    pub(super) fn untruth(&self, server: usize) -> Option<String> {
        let address = self.servers[server].address;
        let mut sockets: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        for (socket, reflexive) in self.reports(server) {
            if let Some(flaw) = classify::reflexive_flaw(self.sockets[socket], address, reflexive) {
                return Some(format!("it reports {reflexive}: {flaw}"));
            }
            if *sockets.entry(reflexive).or_insert(socket) != socket {
                return Some(format!("it reports {reflexive} for two different sockets"));
            }
        }
        let others_stable = || {
            (0..self.servers.len()).any(|s| {
                s != server
                    && self.is_stable(s) == Some(true)
                    && self.operator(s) != self.operator(server)
            })
        };
        (self.is_stable(server) == Some(false) && others_stable()).then(|| {
            "it reports another address each time, though the mapping stays the same elsewhere"
                .to_owned()
        })
    }

    /// Whether a server reported the same address for each socket each time; `None` where no
    /// socket asked twice.
    fn is_stable(&self, server: usize) -> Option<bool> {
        let mut by_socket: BTreeMap<usize, (usize, BTreeSet<SocketAddr>)> = BTreeMap::new();
        for (socket, reflexive) in self.reports(server) {
            let (count, seen) = by_socket.entry(socket).or_default();
            *count += 1;
            seen.insert(reflexive);
        }
        if by_socket.values().any(|(_, seen)| seen.len() > 1) {
            return Some(false);
        }
        by_socket
            .values()
            .any(|(count, _)| *count > 1)
            .then_some(true)
    }

    /// Whether some server that is not proved wrong saw a mapping change.
    fn mapping_changed(&self) -> bool {
        (0..self.servers.len())
            .any(|s| self.is_stable(s) == Some(false) && self.untruth(s).is_none())
    }

    /// The mapping socket's answers from servers that are not proved wrong.
    pub(super) fn believed_answers(&self) -> Vec<MappingSeen> {
        let truthful: Vec<bool> = (0..self.servers.len())
            .map(|s| self.untruth(s).is_none())
            .collect();
        let mut seen: Vec<MappingSeen> = Vec::new();
        for probe in &self.probes {
            let counts = matches!(
                probe.test,
                Test::Mapping1
                    | Test::Mapping2
                    | Test::Mapping3
                    | Test::Mapping4
                    | Test::SecondPort
            );
            let (true, Some(reflexive)) = (counts, probe.reflexive()) else {
                continue;
            };
            let Some(server) = self.listed_for(probe.destination) else {
                continue;
            };
            let known = seen.iter().any(|s| s.destination == probe.destination);
            if truthful[server] && !known {
                seen.push(MappingSeen {
                    server: self.operator(server),
                    destination: probe.destination,
                    reflexive,
                });
            }
        }
        seen
    }

    /// The listed server that an address belongs to, be it its primary or another one.
    pub(super) fn listed_for(&self, address: SocketAddr) -> Option<usize> {
        let by = |f: &dyn Fn(usize) -> bool| (0..self.servers.len()).find(|s| f(*s));
        by(&|s| self.servers[s].address == address)
            .or_else(|| by(&|s| self.servers[s].address.ip() == address.ip()))
            .or_else(|| {
                by(&|s| {
                    self.usable_other_address(s)
                        .is_some_and(|o| o.ip() == address.ip())
                })
            })
    }

    pub(super) fn mapping(&self) -> (Fact<Mapping>, Option<usize>) {
        if self.mapping_changed() {
            let fact = Fact::inconclusive(
                Reason::MappingChanged,
                "a server saw the same socket under different addresses during the test",
            );
            return (fact, None);
        }
        classify::mapping(&self.believed_answers())
    }

    pub(super) fn nat_fact(&self) -> Fact<bool> {
        if self.mapping_changed() {
            return Fact::inconclusive(
                Reason::MappingChanged,
                "a server saw the same socket under different addresses during the test",
            );
        }
        let outvoted = self.mapping().1;
        let reflexive: Vec<SocketAddr> = self
            .believed_answers()
            .into_iter()
            .filter(|s| Some(s.server) != outvoted)
            .map(|s| s.reflexive)
            .collect();
        classify::nat(self.sockets[MAPPING_SOCKET], &reflexive)
    }
}
