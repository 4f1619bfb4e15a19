//! What to do next: the survey, the samples, hairpinning, second ports, the repeat, the end.

use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::behavior::probe::{Pace, Test};
use crate::proto::nat::behavior::{Discovery, MAPPING_SOCKET, MAX_TRIALS, SECOND_SOCKET};
use crate::proto::nat::{Time, timers};
use crate::proto::stun::message::Change;

/// Ports that STUN servers answer on beside the one named: the default of RFC 8489, coturn's
/// alternate, and the one of a large public operator.
const USUAL_PORTS: [u16; 3] = [3478, 3479, 19302];

/// How many servers are asked on a second port.
const SECOND_PORT_SERVERS: usize = 2;

/// How often the servers are asked again: the third round can tell a server that makes addresses
/// up from a mapping that changed once.
const REPEAT_ROUNDS: usize = 3;

/// How much time a silent server gets.
#[derive(Debug, Clone, Copy)]
enum Patience {
    /// Nobody has answered, or one alone, which is not enough.
    Full,
    /// Its answer would help.
    Wanted,
    /// Nothing depends on it.
    Grace,
}

impl Discovery {
    pub(super) fn advance(&mut self) {
        self.try_likely_prefix();
        self.choose_server();
        self.release_survey();
        self.step_trial();
        self.step_hairpin();
        self.step_second_ports();
        if self.trials_over() && self.samples_settled() && self.second_ports_settled() {
            self.start_repeats();
        }
        self.step_repeats();
        if self.is_surveyed() {
            self.start_pooling();
        }
        self.step_confirmation();
        if self.servers_complete && (self.servers.is_empty() || self.is_idle()) {
            self.close();
        }
    }

    /// Asks the first server at once and the others when it has answered or had its time.
    fn release_survey(&mut self) {
        let Some(scout) = self.servers.first() else {
            return;
        };
        let scout_settled = match scout.first {
            None => {
                self.survey(0);
                return;
            }
            Some(first) => !self.probes[first].is_open(),
        };
        let alone = self.now < self.started_asking() + timers::SCOUT_ALONE;
        if alone && !scout_settled && !self.independent {
            return;
        }
        // While a burst of samples is under way, other mappings would take ports in between.
        if !self.samples.is_empty() && !self.samples_settled() && !self.samples_late() {
            return;
        }
        for server in 0..self.servers.len() {
            if self.servers[server].first.is_none() && !self.is_reserved(server) {
                self.survey(server);
            }
        }
    }

    fn survey(&mut self, server: usize) {
        let address = self.servers[server].address;
        let ask = |machine: &mut Self, test, socket| {
            machine.ask(test, socket, address, Change::None, Pace::Survey)
        };
        self.servers[server].first = Some(ask(self, Test::Mapping1, MAPPING_SOCKET));
        self.servers[server].second = Some(ask(self, Test::SecondSocket, SECOND_SOCKET));
    }

    fn started_asking(&self) -> Time {
        self.probes.first().map_or(self.started, |p| p.started)
    }

    /// A listed server that is another one's alternate must wait until filtering has been tested.
    fn is_reserved(&self, server: usize) -> bool {
        let ip = self.servers[server].address.ip();
        (0..self.servers.len()).any(|s| {
            self.usable_other_address(s).is_some_and(|o| o.ip() == ip)
                && !self.trials_over()
                && !self
                    .trials
                    .iter()
                    .any(|t| t.server == s && t.is_past_filtering())
        })
    }

    /// Begins a filtering trial with the first server that can, or else samples ports with any.
    fn choose_server(&mut self) {
        if self.trial_under_way() || self.filtering_found() {
            return;
        }
        if let Some((server, other)) = self.next_candidate() {
            self.start_trial(server, other);
        } else if self.samples.is_empty() && self.survey_settled() {
            let server = self.trustworthy().next();
            if let Some(server) = server {
                self.start_samples(self.servers[server].address);
            }
        }
    }

    /// Servers that answered, and not with what cannot be.
    fn trustworthy(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.servers.len())
            .filter(|s| self.first_success(*s).is_some() && !self.is_left_out(*s))
    }

    fn next_candidate(&self) -> Option<(usize, SocketAddr)> {
        if self.trials.len() >= MAX_TRIALS {
            return None;
        }
        (0..self.servers.len())
            .filter(|s| self.trials.iter().all(|t| t.server != *s))
            .filter(|s| !self.is_left_out(*s))
            .find_map(|s| Some((s, self.usable_other_address(s)?)))
    }

    fn trial_under_way(&self) -> bool {
        self.trials.last().is_some_and(|t| !t.done)
    }

    fn filtering_found(&self) -> bool {
        (0..self.trials.len()).any(|t| self.trials[t].done && self.is_certain(t))
    }

    /// Whether no trial is under way and none is to come from the servers that answered so far.
    pub(super) fn trials_over(&self) -> bool {
        !self.trial_under_way() && (self.filtering_found() || self.next_candidate().is_none())
    }

    /// The burst: all fresh sockets at the same moment.
    pub(super) fn start_samples(&mut self, destination: SocketAddr) {
        let sockets = self.shuffled_samples();
        self.samples = sockets
            .into_iter()
            .map(|socket| self.ask_plainly(Test::PortSample, socket, destination))
            .collect();
    }

    pub(super) fn samples_settled(&self) -> bool {
        !self.samples.is_empty() && self.are_settled(&self.samples)
    }

    /// A lost sample must not hold up the rest for long.
    fn samples_late(&self) -> bool {
        self.samples_late_at().is_some_and(|at| at <= self.now)
    }

    fn samples_late_at(&self) -> Option<Time> {
        let probe = &self.probes[*self.samples.first()?];
        let gap = timers::expected_gap(self.slowest(probe.destination.ip()));
        Some(probe.started + gap * 2)
    }

    /// Whether every server that was asked has answered or had a fair time.
    pub(super) fn survey_settled(&self) -> bool {
        let complete =
            self.servers_complete || self.now >= self.started_asking() + timers::STRAGGLER_GRACE;
        complete
            && self.servers.iter().enumerate().all(|(index, server)| {
                server.first.map_or(self.is_reserved(index), |first| {
                    let probe = &self.probes[first];
                    !probe.is_open() || self.now >= self.grace_end(first)
                })
            })
    }

    /// Whether filtering, ports and every server have been seen to.
    fn is_surveyed(&self) -> bool {
        self.trials_over() && self.samples_settled() && self.survey_settled()
    }

    fn grace_end(&self, probe: usize) -> Time {
        let probe = &self.probes[probe];
        probe.started + timers::straggler_grace(self.slowest(probe.destination.ip()))
    }

    /// Where mappings are known to differ, but no server has two addresses: does one of them
    /// answer on a second port? (RFC 5780 4.3 needs the same IP address twice.)
    fn step_second_ports(&mut self) {
        if self.second_ports.is_some() || !self.is_surveyed() {
            return;
        }
        let Fact::Inconclusive { reason, .. } = self.mapping().0 else {
            self.second_ports = Some(Vec::new());
            return;
        };
        let mut targets: Vec<SocketAddr> = self.port_only_alternates();
        if matches!(reason, Reason::EndpointDependent | Reason::TooFewServers) {
            let answered = self.believed_answers();
            for seen in answered.iter().take(SECOND_PORT_SERVERS) {
                let own = seen.destination;
                targets.extend(
                    USUAL_PORTS
                        .into_iter()
                        .filter(|port| *port != own.port())
                        .map(|port| SocketAddr::new(own.ip(), port)),
                );
            }
        }
        targets.sort_unstable();
        targets.dedup();
        self.second_ports = Some(
            targets
                .into_iter()
                .map(|target| self.ask_plainly(Test::SecondPort, MAPPING_SOCKET, target))
                .collect(),
        );
    }

    fn second_ports_settled(&self) -> bool {
        self.second_ports
            .as_ref()
            .is_some_and(|probes| self.are_settled(probes))
    }

    /// Asks every server once more from the mapping socket.
    pub(super) fn start_repeats(&mut self) {
        if self.repeats.is_empty() {
            self.repeat();
        }
    }

    fn repeat(&mut self) {
        let answered: Vec<SocketAddr> = (0..self.servers.len())
            .filter(|s| self.first_success(*s).is_some())
            .map(|s| self.servers[s].address)
            .collect();
        let round = answered
            .into_iter()
            .map(|address| self.ask_plainly(Test::Repeat, MAPPING_SOCKET, address))
            .collect();
        self.repeats.push(round);
    }

    /// One round shows whether a mapping has changed; two more whether it goes on changing for one
    /// server only, which then does not tell the truth.
    fn step_repeats(&mut self) {
        if self.round_settled() && self.pooling_settled() && self.wants_another_round() {
            self.repeat();
        }
    }

    /// Several external addresses are a matter of pooling only if the mapping socket still has its
    /// own after they were seen.
    fn wants_another_round(&self) -> bool {
        let rounds = self.repeats.len();
        (self.mapping_changed() && rounds < REPEAT_ROUNDS)
            || (self.has_several_addresses() && rounds < 2)
    }

    pub(super) fn round_settled(&self) -> bool {
        self.repeats
            .last()
            .is_some_and(|round| self.are_settled(round))
    }

    fn repeats_done(&self) -> bool {
        self.round_settled() && !self.wants_another_round()
    }

    /// Whether no listed server's answer is waited for any more.
    fn survey_over(&self) -> bool {
        let patience = self.patience();
        self.servers.iter().all(|s| s.first.is_some())
            && self
                .open_survey()
                .all(|p| self.now >= self.patience_end(p, patience))
    }

    /// First questions that are not settled.
    fn open_survey(&self) -> impl Iterator<Item = usize> + '_ {
        self.servers
            .iter()
            .flat_map(|s| s.first.into_iter().chain(s.second))
            .filter(|p| self.probes[*p].is_open())
    }

    /// Whether another server's answer could not change what is said of the mapping.
    fn is_mapping_settled(&self) -> bool {
        match self.mapping().0 {
            Fact::Determined(_) => true,
            Fact::Inconclusive { reason, .. } => {
                matches!(reason, Reason::AddressPooling | Reason::MappingChanged)
            }
            Fact::NotTested { .. } => false,
        }
    }

    /// A straggler has less time when others answered, and less still when nothing depends on it.
    fn patience(&self) -> Patience {
        let needs_another = matches!(
            self.mapping().0,
            Fact::Inconclusive {
                reason: Reason::SingleServer,
                ..
            }
        );
        if self.trustworthy().next().is_none() || needs_another {
            Patience::Full
        } else if self.is_mapping_settled() && self.filtering().is_determined() {
            Patience::Grace
        } else {
            Patience::Wanted
        }
    }

    /// Whether another port of a host answers: the silent one is then news, if it is silent.
    fn is_host_alive(&self, host: IpAddr) -> bool {
        let answers =
            |s: usize| self.servers[s].address.ip() == host && self.first_success(s).is_some();
        self.awaited.contains(&host) || (0..self.servers.len()).any(answers)
    }

    /// How long a first question may stay open before the run ends without its answer.
    fn patience_end(&self, probe: usize, patience: Patience) -> Time {
        let started = self.probes[probe].started;
        match patience {
            _ if self.is_host_alive(self.probes[probe].destination.ip()) => {
                started + timers::SURVEY_GIVE_UP
            }
            Patience::Full => started + timers::SURVEY_GIVE_UP,
            Patience::Wanted => self.grace_end(probe).max(started + timers::WANTED_GRACE),
            Patience::Grace => self.grace_end(probe),
        }
    }

    /// Whether everything that the servers so far make possible has been done.
    fn work_done(&self) -> bool {
        if self.trustworthy().next().is_none() {
            return !self.trial_under_way();
        }
        self.repeats_done()
            && self.trials_over()
            && self.samples_settled()
            && self.hairpin_settled()
            && self.pooling_settled()
            && self.second_ports_settled()
    }

    /// Whether nothing is left to do unless another server is added.
    pub fn is_idle(&self) -> bool {
        self.finished || (!self.servers.is_empty() && self.work_done() && self.survey_over())
    }

    /// Every moment at which something may have to be done.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Time> + '_ {
        let probes = (0..self.probes.len())
            .filter(|p| self.probes[*p].is_open())
            .flat_map(|p| [self.probes[p].next, self.give_up_at(p)])
            .flatten();
        let patience = self.patience();
        let survey = self
            .open_survey()
            .flat_map(move |p| [self.grace_end(p), self.patience_end(p, patience)]);
        let asking = self.started_asking();
        probes
            .chain(survey)
            .chain([
                asking + timers::SCOUT_ALONE,
                asking + timers::STRAGGLER_GRACE,
            ])
            .chain(self.samples_late_at())
    }
}
