//! From what the probes saw to facts, server records and observations.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::{Discovery, Server, MAPPING_SOCKET};
use crate::fact::{Fact, Reason};
use crate::nat::behavior::{Filtering, Mapping, PathFacts, Udp};
use crate::nat::evidence::{MappingSeen, PortSeen};
use crate::nat::ports::port_facts;
use crate::nat::probe::{Answer, End, Probe, Test};
use crate::nat::{classify, SendError, Time};
use crate::stun::message::BindingSuccess;

/// One test and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Which test.
    pub test: Test,
    /// The socket, as a letter; tests on the same socket share it.
    pub socket: char,
    /// Where the request went.
    pub sent_to: SocketAddr,
    /// Where the answer came from.
    pub answered_from: Option<SocketAddr>,
    /// The reflexive address in it.
    pub reflexive_address: Option<SocketAddr>,
    /// From the transmission that was answered to its answer.
    pub rtt: Option<Time>,
    /// How many times the request was sent.
    pub transmissions: usize,
}

/// What was seen of a listed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRecord {
    /// Its primary address.
    pub address: SocketAddr,
    /// The round trip of its first answer.
    pub rtt: Option<Time>,
    /// The reflexive address in its first answer.
    pub reflexive_address: Option<SocketAddr>,
    /// OTHER-ADDRESS, whether usable or not.
    pub other_address: Option<SocketAddr>,
    /// SOFTWARE.
    pub software: Option<String>,
    /// Whether it helps with behaviour discovery; `None` while it has not answered.
    pub behavior_discovery: Option<BehaviorDiscovery>,
    /// Requests sent to it, its alternate addresses included.
    pub requests: usize,
    /// Answers received.
    pub responses: usize,
    /// What is wrong with it.
    pub error: Option<ServerError>,
}

/// Whether a server offers behaviour discovery (RFC 5780).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BehaviorDiscovery {
    /// It names a usable other address, and nothing spoke against it.
    Supported,
    /// It does not offer it.
    Absent,
    /// It claims to, but this is wrong with it.
    Broken(String),
}

/// What is wrong with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerError {
    /// No answer.
    Timeout,
    /// The requests could not be sent.
    Send(SendError),
    /// It answered with a STUN error.
    Stun {
        /// The error code (RFC 8489 14.8).
        code: u16,
        /// The reason phrase.
        reason: String,
    },
    /// Its answers cannot be read.
    Malformed(String),
    /// Its answers come from another address than was asked.
    WrongSource(SocketAddr),
    /// What it reports cannot be true.
    Untruthful(String),
}

impl Discovery {
    /// What is known; valid at any moment.
    pub fn facts(&self) -> PathFacts {
        let mapping = self.mapping().0;
        let nat = self.nat_fact();
        let filtering = self.filtering();
        let ports = self.port_samples(&nat);
        let facts = PathFacts {
            udp: self.udp(),
            reflexive_addresses: self.reflexive_addresses(),
            hairpinning: classify::hairpinning(&nat, &mapping, &filtering, self.hairpin_seen()),
            port_preservation: ports.preservation,
            port_assignment: ports.assignment,
            port_step: ports.step,
            address_pooling: classify::address_pooling(&nat, &self.external_addresses()),
            alg: self.alg(),
            nat,
            mapping,
            filtering,
        };
        match self.stopped {
            Some(reason) => stopped(facts, reason),
            None => facts,
        }
    }

    /// What was seen of each listed server, in their order.
    pub fn servers(&self) -> Vec<ServerRecord> {
        (0..self.servers.len()).map(|s| self.record(s)).collect()
    }

    /// Every test, in the order of their start.
    pub fn observations(&self) -> Vec<Observation> {
        self.probes
            .iter()
            .filter(|p| !p.transmissions.is_empty())
            .map(|p| self.observation(p))
            .collect()
    }

    /// Datagrams that belonged to no question.
    pub const fn strays(&self) -> usize {
        self.strays
    }

    /// A listed server that was left out because all the others agree against it.
    pub fn outvoted(&self) -> Option<SocketAddr> {
        Some(self.servers[self.mapping().1?].address)
    }

    pub(super) fn observation(&self, probe: &Probe) -> Observation {
        let answer = probe.answers.first().or_else(|| probe.misdirected.first());
        let arrival = probe.arrival.map(|(_, source)| source);
        let first_sent = probe.transmissions.first().map(|t| t.at);
        let letter = u8::try_from(probe.socket).unwrap_or(25).min(25);
        Observation {
            test: probe.test,
            socket: char::from(b'a' + letter),
            sent_to: probe.destination,
            answered_from: arrival.or(answer.map(|a| a.source)),
            reflexive_address: answer.and_then(reflexive_in),
            rtt: answer.map(|a| a.rtt).or_else(|| {
                let (at, _) = probe.arrival?;
                Some(at.saturating_sub(first_sent?))
            }),
            transmissions: probe.transmissions.len(),
        }
    }

    fn first_answer(&self, server: usize) -> Option<&Answer> {
        let Server { first, second, .. } = &self.servers[server];
        first
            .iter()
            .chain(second)
            .find_map(|p| Some(self.probes[*p].success()?.0))
    }

    /// The first success answer of a listed server on the mapping socket.
    pub(super) fn first_success(&self, server: usize) -> Option<&BindingSuccess> {
        let probe = self.servers[server].first?;
        self.probes[probe].success()?.0.response.outcome.as_ref().ok()
    }

    fn other_address(&self, server: usize) -> Option<SocketAddr> {
        self.first_success(server)?.other_address
    }

    pub(super) fn usable_other_address(&self, server: usize) -> Option<SocketAddr> {
        let other = self.other_address(server)?;
        classify::other_address_flaw(self.servers[server].address, other)
            .is_none()
            .then_some(other)
    }

    /// Other ports that servers name on their own IP address: not enough for filtering, but they
    /// show whether the mapping depends on the port.
    pub(super) fn port_only_alternates(&self) -> Vec<SocketAddr> {
        (0..self.servers.len())
            .filter_map(|s| {
                let (own, other) = (self.servers[s].address, self.other_address(s)?);
                (own.ip() == other.ip() && own.port() != other.port() && other.port() != 0)
                    .then_some(other)
            })
            .collect()
    }

    /// The listed server that stands for all addresses of the same machine.
    fn operator(&self, server: usize) -> usize {
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
            if let Some(flaw) =
                classify::reflexive_flaw(self.sockets[socket], address, reflexive)
            {
                return Some(format!("it reports {reflexive}: {flaw}"));
            }
            if *sockets.entry(reflexive).or_insert(socket) != socket {
                return Some(format!(
                    "it reports {reflexive} for two different sockets"
                ));
            }
        }
        let others_stable = || {
            (0..self.servers.len()).any(|s| {
                s != server && self.is_stable(s) == Some(true) && self.operator(s) != self.operator(server)
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
                Test::Mapping1 | Test::Mapping2 | Test::Mapping3 | Test::Mapping4 | Test::SecondPort
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
    fn listed_for(&self, address: SocketAddr) -> Option<usize> {
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

    fn reflexive_addresses(&self) -> Vec<SocketAddr> {
        let outvoted = self.mapping().1;
        let mut addresses = Vec::new();
        for seen in self.believed_answers() {
            if Some(seen.server) != outvoted && !addresses.contains(&seen.reflexive) {
                addresses.push(seen.reflexive);
            }
        }
        addresses
    }

    fn udp(&self) -> Fact<Udp> {
        if self.probes.iter().any(|p| !p.answers.is_empty()) {
            return Fact::Determined(Udp::Open);
        }
        Fact::inconclusive(
            Reason::NoResponse,
            format!(
                "none of {} server addresses answered over UDP",
                self.servers.len()
            ),
        )
    }

    fn filtering(&self) -> Fact<Filtering> {
        let verdicts: Vec<Fact<Filtering>> = (0..self.trials.len())
            .filter(|t| self.untruth(self.trials[*t].server).is_none())
            .map(|t| {
                if self.trials[t].done {
                    self.filtering_of(t)
                } else {
                    Fact::inconclusive(Reason::NoResponse, "the filtering test did not finish")
                }
            })
            .collect();
        if let Some(found) = verdicts.iter().find(|v| v.is_determined()) {
            return found.clone();
        }
        if let Some(first) = verdicts.into_iter().next() {
            return first;
        }
        if (0..self.servers.len()).all(|s| self.first_success(s).is_none()) {
            return Fact::inconclusive(Reason::NoResponse, "no server reported a mapping");
        }
        let flaws: Vec<String> = (0..self.servers.len())
            .filter_map(|s| {
                let (own, other) = (self.servers[s].address, self.other_address(s)?);
                let flaw = classify::other_address_flaw(own, other)?;
                Some(format!("OTHER-ADDRESS {other} of {own} {flaw}"))
            })
            .collect();
        let detail = if flaws.is_empty() {
            "no server that answered names another address (OTHER-ADDRESS), so none can send from an address that was not asked".to_owned()
        } else {
            flaws.join("; ")
        };
        Fact::inconclusive(Reason::NoBehaviorDiscovery, detail)
    }

    fn port_samples(&self, nat: &Fact<bool>) -> crate::nat::ports::PortFacts {
        let answered: Vec<(&Probe, SocketAddr)> = self
            .samples
            .iter()
            .map(|p| &self.probes[*p])
            .filter_map(|p| Some((p, p.reflexive()?)))
            .collect();
        let destination = self.samples.first().map(|p| self.probes[*p].destination);
        let server = destination.and_then(|d| self.listed_for(d));
        let outvoted = self.mapping().1;
        if server.is_some_and(|s| self.untruth(s).is_some() || outvoted == Some(self.operator(s))) {
            return port_facts(nat, &[], None);
        }
        let samples: Vec<PortSeen> = answered
            .iter()
            .map(|(p, reflexive)| PortSeen {
                local: self.sockets[p.socket].port(),
                external: reflexive.port(),
            })
            .collect();
        let earlier = server
            .and_then(|s| self.servers[s].first)
            .and_then(|p| self.probes[p].reflexive())
            .map(|r| r.port());
        port_facts(nat, &samples, earlier)
    }

    /// External IP addresses, one for each mapping seen, with the server that saw it.
    fn external_addresses(&self) -> Vec<(usize, std::net::IpAddr)> {
        let outvoted = self.mapping().1;
        let mut mappings: BTreeMap<(usize, SocketAddr), usize> = BTreeMap::new();
        for probe in &self.probes {
            let Some(server) = self.listed_for(probe.destination) else {
                continue;
            };
            let operator = self.operator(server);
            if self.untruth(server).is_some() || Some(operator) == outvoted {
                continue;
            }
            for reflexive in probe.answers.iter().filter_map(reflexive_in) {
                mappings.entry((probe.socket, reflexive)).or_insert(operator);
            }
        }
        mappings
            .into_iter()
            .map(|((_, reflexive), operator)| (operator, reflexive.ip()))
            .collect()
    }

    fn alg(&self) -> Fact<bool> {
        let outvoted = self.mapping().1;
        let seen: Vec<(usize, SocketAddr, SocketAddr)> = (0..self.servers.len())
            .filter(|s| self.untruth(*s).is_none() && outvoted != Some(self.operator(*s)))
            .filter_map(|s| {
                let success = self.first_success(s)?;
                Some((self.operator(s), success.xor_mapped?, success.mapped?))
            })
            .collect();
        if seen.is_empty() && (0..self.servers.len()).all(|s| self.first_success(s).is_none()) {
            return Fact::inconclusive(Reason::NoResponse, "no server reported a mapping");
        }
        classify::alg(self.sockets[MAPPING_SOCKET], &seen)
    }

    fn record(&self, server: usize) -> ServerRecord {
        let address = self.servers[server].address;
        let own: Vec<SocketAddr> = std::iter::once(address)
            .chain(self.usable_other_address(server).into_iter().flat_map(|o| {
                [
                    o,
                    SocketAddr::new(address.ip(), o.port()),
                    SocketAddr::new(o.ip(), address.port()),
                ]
            }))
            .collect();
        let mine = |p: &&Probe| own.contains(&p.destination);
        let answer = self.first_answer(server);
        ServerRecord {
            address,
            rtt: answer.map(|a| a.rtt),
            reflexive_address: answer.and_then(reflexive_in),
            other_address: self.other_address(server),
            software: answer.and_then(|a| a.response.software.clone()),
            behavior_discovery: self.behavior_discovery(server),
            requests: self
                .probes
                .iter()
                .filter(mine)
                .map(|p| p.transmissions.len())
                .sum(),
            responses: self
                .probes
                .iter()
                .filter(mine)
                .map(|p| p.answers.len() + p.misdirected.len())
                .sum(),
            error: self.server_error(server),
        }
    }

    fn behavior_discovery(&self, server: usize) -> Option<BehaviorDiscovery> {
        self.first_success(server)?;
        let Some(other) = self.other_address(server) else {
            return Some(BehaviorDiscovery::Absent);
        };
        if let Some(flaw) = classify::other_address_flaw(self.servers[server].address, other) {
            return Some(BehaviorDiscovery::Broken(format!(
                "OTHER-ADDRESS {other} {flaw}"
            )));
        }
        let trial = (0..self.trials.len())
            .find(|t| self.trials[*t].server == server && self.trials[*t].done);
        match trial.map(|t| self.filtering_of(t)) {
            Some(Fact::Inconclusive {
                reason:
                    Reason::ServerIgnoresChangeRequest
                    | Reason::ServerDropsChangeRequest
                    | Reason::AlternateUnreachable
                    | Reason::NoBehaviorDiscovery
                    | Reason::Contradiction,
                detail,
            }) => Some(BehaviorDiscovery::Broken(detail)),
            _ => Some(BehaviorDiscovery::Supported),
        }
    }

    fn server_error(&self, server: usize) -> Option<ServerError> {
        if let Some(untruth) = self.untruth(server) {
            return Some(ServerError::Untruthful(untruth));
        }
        let Server { first, second, .. } = &self.servers[server];
        let asked: Vec<&Probe> = first
            .iter()
            .chain(second)
            .map(|p| &self.probes[*p])
            .collect();
        if asked.iter().any(|p| p.success().is_some()) {
            return None;
        }
        let stun_error = asked.iter().flat_map(|p| &p.answers).find_map(|a| {
            let error = a.response.outcome.as_ref().err()?;
            Some(ServerError::Stun {
                code: error.code,
                reason: error.reason.clone(),
            })
        });
        let wrong_source = asked
            .iter()
            .find_map(|p| p.misdirected.first())
            .map(|a| ServerError::WrongSource(a.source));
        let malformed = asked
            .iter()
            .find_map(|p| p.garbled.clone())
            .map(ServerError::Malformed);
        let failed = asked.iter().find_map(|p| match p.end {
            Some(End::Failed(error)) => Some(ServerError::Send(error)),
            _ => None,
        });
        stun_error
            .or(wrong_source)
            .or(malformed)
            .or(failed)
            .or(Some(ServerError::Timeout))
    }
}

fn reflexive_in(answer: &Answer) -> Option<SocketAddr> {
    answer.response.outcome.as_ref().ok()?.reflexive()
}

/// In a run that was cut short, what is missing is missing for that reason.
fn stopped(facts: PathFacts, reason: Reason) -> PathFacts {
    PathFacts {
        udp: cut(facts.udp, reason),
        nat: cut(facts.nat, reason),
        reflexive_addresses: facts.reflexive_addresses,
        mapping: cut(facts.mapping, reason),
        filtering: cut(facts.filtering, reason),
        hairpinning: cut(facts.hairpinning, reason),
        port_preservation: cut(facts.port_preservation, reason),
        port_assignment: cut(facts.port_assignment, reason),
        port_step: cut(facts.port_step, reason),
        address_pooling: cut(facts.address_pooling, reason),
        alg: cut(facts.alg, reason),
    }
}

fn cut<T>(fact: Fact<T>, reason: Reason) -> Fact<T> {
    match fact {
        Fact::Inconclusive { .. } => {
            Fact::inconclusive(reason, "the run ended before the answer was there")
        }
        other => other,
    }
}
