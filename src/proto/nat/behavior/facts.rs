//! From what the probes saw to facts and observations.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::base::fact::{Fact, Reason};
use crate::base::report::Millis;
use crate::proto::nat::behavior::classify;
use crate::proto::nat::behavior::evidence::PortSeen;
use crate::proto::nat::behavior::ports::{PortFacts, port_facts};
use crate::proto::nat::behavior::probe::{Answer, Probe, Test};
use crate::proto::nat::behavior::servers::habitual_source;
use crate::proto::nat::behavior::words::{Filtering, PathFacts, Udp};
use crate::proto::nat::behavior::{Discovery, MAPPING_SOCKET};

/// One test and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observation {
    pub test: Test,
    /// The interface of its path.
    pub interface: Option<String>,
    /// The socket, as a letter; tests on the same socket share it. Behind it stands what tells the
    /// paths of a run apart: `6` for IPv6, `64` through a NAT64.
    pub socket: String,
    pub sent_to: SocketAddr,
    pub answered_from: Option<SocketAddr>,
    pub reflexive_address: Option<SocketAddr>,
    /// From the transmission that was answered to its answer.
    pub rtt_ms: Option<Millis>,
    pub transmissions: usize,
}

/// The name of a socket in observations: the 26th stands for all beyond.
pub fn letter(socket: usize) -> char {
    char::from(b'a' + u8::try_from(socket).unwrap_or(25).min(25))
}

impl Discovery {
    /// What is known; valid at any moment.
    pub fn facts(&self) -> PathFacts {
        let mapping = self.mapping().0;
        let nat = self.nat_fact();
        let filtering = self.filtering();
        let ports = self.port_samples(&nat);
        let mut facts = PathFacts {
            udp: self.udp(),
            reflexive_addresses: self.reflexive_addresses(),
            hairpinning: classify::hairpinning(&nat, &mapping, &filtering, self.hairpin_seen()),
            port_preservation: ports.preservation,
            port_assignment: ports.assignment,
            port_step: ports.step,
            address_pooling: self.address_pooling(&nat),
            alg: self.alg(),
            port_moves: self.port_moves(&nat, &mapping, &filtering),
            nat,
            mapping,
            filtering,
        };
        if let Some(why) = self.unseen().or_else(|| self.untold()) {
            facts = PathFacts {
                udp: facts.udp,
                ..PathFacts::all(&why)
            };
        }
        if let Some(reason) = self.stopped {
            facts.cut(reason);
        }
        facts
    }

    /// Every test, in the order of their start.
    pub fn observations(&self) -> Vec<Observation> {
        self.probes
            .iter()
            .filter(|p| !p.transmissions.is_empty())
            .map(Self::observation)
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

    pub(super) fn observation(probe: &Probe) -> Observation {
        let answers = probe.answers.iter().chain(&probe.misdirected);
        let answer = answers.chain(&probe.returned).next();
        let arrival = probe.arrival.map(|(_, source)| source);
        let first_sent = probe.transmissions.first().map(|t| t.at);
        let rtt = answer.map(|a| a.rtt).or_else(|| {
            let (at, _) = probe.arrival?;
            Some(at.saturating_sub(first_sent?))
        });
        Observation {
            test: probe.test,
            interface: None,
            socket: letter(probe.socket).to_string(),
            sent_to: probe.destination,
            answered_from: arrival.or(answer.map(|a| a.source)),
            reflexive_address: answer.and_then(reflexive_in),
            rtt_ms: rtt.map(Millis),
            transmissions: probe.transmissions.len(),
        }
    }

    fn reflexive_addresses(&self) -> Vec<SocketAddr> {
        let outvoted = self.mapping().1;
        let mut addresses = Vec::new();
        for seen in self.believed_answers() {
            // What a gateway may have written is no external address (see `nat_fact`).
            let local = seen.reflexive == self.sockets[MAPPING_SOCKET];
            let doubtful = local && !self.is_xor(seen.destination);
            let left_out = doubtful || Some(seen.server) == outvoted;
            if !left_out && !addresses.contains(&seen.reflexive) {
                addresses.push(seen.reflexive);
            }
        }
        addresses
    }

    fn udp(&self) -> Fact<Udp> {
        // What cannot be read or comes from the wrong address has come all the same.
        let is_heard = |p: &Probe| {
            !p.answers.is_empty()
                || p.garbled.is_some()
                || p.is_foreign
                || habitual_source(p).is_some()
        };
        if self.probes.iter().any(is_heard) {
            return Fact::Determined(Udp::Open);
        }
        Fact::inconclusive(
            Reason::NoResponse,
            format!(
                "{} asked over UDP, and no answer came",
                match self.servers.len() {
                    1 => "one server was".to_owned(),
                    count => format!("{count} servers were"),
                }
            ),
        )
    }

    pub(super) fn filtering(&self) -> Fact<Filtering> {
        // Silence by a prefix that is not proved says nothing of a filter.
        let is_in_vain = self.likely_prefix.is_some() && self.lacks_prefix() && self.trials_over();
        let verdicts: Vec<Fact<Filtering>> = (0..self.trials.len())
            .filter(|t| !self.is_left_out(self.trials[*t].server) && !is_in_vain)
            .map(|t| {
                if self.trials[t].done {
                    self.filtering_of(t)
                } else {
                    Fact::inconclusive(Reason::NoResponse, "the filtering test did not finish")
                }
            })
            .collect();
        // An answer that came through is proof; silence may have other causes. So of two servers
        // the one that got more through is right.
        if let Some(found) = verdicts.iter().filter_map(Fact::value).min() {
            return Fact::Determined(*found);
        }
        if self.mapping_changed() && !verdicts.is_empty() {
            return Fact::inconclusive(
                Reason::MappingChanged,
                "the mapping changed during the filtering test",
            );
        }
        if let Some(first) = verdicts.into_iter().next() {
            return first;
        }
        if (0..self.servers.len()).all(|s| self.first_success(s).is_none()) {
            return Fact::inconclusive(Reason::NoResponse, "no server reported a mapping");
        }
        if let Some(other) = self.out_of_reach() {
            return Fact::inconclusive(
                Reason::NoNat64Prefix,
                format!(
                    "the servers are reached through a NAT64, and the prefix to reach OTHER-ADDRESS {other} is not known"
                ),
            );
        }
        let flaws: Vec<String> = (0..self.servers.len())
            .filter_map(|s| {
                let (own, other) = (self.servers[s].address, self.other_address(s)?);
                let flaw = self.other_address_flaw(s, other)?;
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

    /// An IPv4 address in an answer that came through a NAT64 whose prefix is not known.
    fn out_of_reach(&self) -> Option<SocketAddr> {
        let untold = self.lacks_prefix();
        let translated = (0..self.servers.len())
            .filter(|s| !self.is_left_out(*s))
            .filter_map(|s| self.first_success(s))
            .filter(|success| success.reflexive().is_some_and(|seen| seen.is_ipv4()));
        let mut others = translated.filter_map(|success| success.other_address);
        others.find(|other| untold && other.is_ipv4())
    }

    /// Whether the filtering verdict rests on silence that no control has shown to be the filter's,
    /// at one server only: a server that drops CHANGE-REQUEST would look the same. (RFC 5780 4.4
    /// takes all silence for the filter's.)
    pub fn filtering_rests_on_silence(&self) -> bool {
        let verdict = self.filtering();
        if !verdict.is_determined() {
            return false;
        }
        let agreeing: Vec<usize> = (0..self.trials.len())
            .filter(|t| self.trials[*t].done && self.filtering_of(*t) == verdict)
            .filter(|t| !self.is_left_out(self.trials[*t].server))
            .collect();
        let operators: BTreeSet<usize> = agreeing
            .iter()
            .map(|t| self.operator(self.trials[*t].server))
            .collect();
        operators.len() < 2 && !agreeing.iter().any(|t| self.is_certain(*t))
    }

    fn port_samples(&self, nat: &Fact<bool>) -> PortFacts {
        let answered: Vec<(&Probe, SocketAddr)> = self
            .samples
            .iter()
            .map(|p| &self.probes[*p])
            .filter_map(|p| Some((p, p.reflexive()?)))
            .collect();
        let destination = self.samples.first().map(|p| self.probes[*p].destination);
        let server = destination.and_then(|d| self.listed_for(d));
        let samples: Vec<PortSeen> = answered
            .iter()
            .map(|(p, reflexive)| PortSeen {
                local: self.sockets[p.socket].port(),
                external: reflexive.port(),
            })
            .collect();
        let doubted = server.is_some_and(|s| self.is_doubted(s, &samples));
        // Half a burst has gaps where the rest is still to come.
        if doubted || !self.samples_settled() {
            return port_facts(nat, &[], None);
        }
        let earlier = server
            .and_then(|s| self.servers[s].first)
            .and_then(|p| self.probes[p].reflexive())
            .map(|r| r.port());
        port_facts(nat, &samples, earlier)
    }

    /// Whether the ports that a server reports may be made up.
    fn is_doubted(&self, server: usize, samples: &[PortSeen]) -> bool {
        let (mapping, outvoted) = self.mapping();
        let operator = self.operator(server);
        let contradicted = matches!(
            mapping,
            Fact::Inconclusive {
                reason: Reason::Contradiction | Reason::MappingChanged,
                ..
            }
        );
        let none_kept = samples.iter().all(|s| s.local != s.external);
        contradicted
            || self.is_left_out(server)
            || outvoted == Some(operator)
            || (none_kept && self.is_contradicted(operator))
    }

    /// External IP addresses, one for each mapping seen, with the server that saw it.
    pub(super) fn external_addresses(&self) -> Vec<(usize, IpAddr)> {
        let outvoted = self.mapping_of_one().1;
        let mut mappings: BTreeMap<(usize, SocketAddr), usize> = BTreeMap::new();
        for probe in self.probes.iter().filter(|p| p.response_port.is_none()) {
            let Some(server) = self.listed_for(probe.destination) else {
                continue;
            };
            let operator = self.operator(server);
            if self.is_left_out(server) || Some(operator) == outvoted {
                continue;
            }
            for reflexive in probe.answers.iter().filter_map(reflexive_in) {
                mappings
                    .entry((probe.socket, reflexive))
                    .or_insert(operator);
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
            .filter(|s| !self.is_left_out(*s) && outvoted != Some(self.operator(*s)))
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
}

pub(super) fn reflexive_in(answer: &Answer) -> Option<SocketAddr> {
    answer.response.outcome.as_ref().ok()?.reflexive()
}

impl PathFacts {
    /// Where hardly anything was answered any more, silence shows nothing.
    pub fn doubt_silence(&mut self) {
        let why = "hardly anything was answered any more, so that silence shows nothing";
        if let Fact::Inconclusive {
            reason: Reason::AlternateUnreachable | Reason::ServerDropsChangeRequest,
            ..
        } = self.filtering
        {
            self.filtering = Fact::inconclusive(Reason::PacketLoss, why);
        }
        if self.hairpinning == Fact::Determined(false) {
            self.hairpinning = Fact::inconclusive(Reason::PacketLoss, why);
        }
    }

    /// In a run that was cut short, what is missing is missing for that reason.
    fn cut(&mut self, reason: Reason) {
        cut(&mut self.udp, reason);
        cut(&mut self.nat, reason);
        cut(&mut self.mapping, reason);
        cut(&mut self.filtering, reason);
        cut(&mut self.hairpinning, reason);
        cut(&mut self.port_preservation, reason);
        cut(&mut self.port_assignment, reason);
        cut(&mut self.port_step, reason);
        cut(&mut self.address_pooling, reason);
        cut(&mut self.alg, reason);
        cut(&mut self.port_moves, reason);
    }
}

fn cut<T>(fact: &mut Fact<T>, reason: Reason) {
    if matches!(fact, Fact::Inconclusive { .. }) {
        *fact = Fact::inconclusive(reason, "the run ended before the answer was there");
    }
}
