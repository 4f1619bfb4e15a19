//! When to transmit again, and when silence is proved.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::proto::nat::behavior::Discovery;
use crate::proto::nat::behavior::limits::Sent;
use crate::proto::nat::behavior::probe::{End, Pace, Test};
use crate::proto::nat::loss::Loss;
use crate::proto::nat::{Time, timers};
use crate::proto::stun::message::Change;

impl Discovery {
    /// Transmits what is due and gives up what is overdue.
    pub(super) fn run_timers(&mut self) {
        // What is sent in this pass is not overdue in it, so the loss stays the same.
        let needed = self.loss().tries_for_silence();
        for index in 0..self.probes.len() {
            if self.probes[index].end.is_some() {
                continue;
            }
            match self.probes[index].pace {
                Pace::Survey if self.is_due(index) => self.transmit(index),
                Pace::Survey if self.is_overdue(index) => self.settle(index, End::Silent),
                Pace::Expected | Pace::Silence => self.run_until_proved(index, needed),
                Pace::Survey | Pace::Manual => {}
            }
        }
    }

    /// Repeats until there is an answer, or silence is proved by as many tries as the loss demands.
    fn run_until_proved(&mut self, index: usize, needed: Option<usize>) {
        let sent = self.probes[index].transmissions.len();
        if sent < needed.unwrap_or(timers::SILENCE_MAX_TRIES) {
            if self.probes[index].next.is_none() || self.is_due(index) {
                self.transmit(index);
                self.accompany(index);
            }
            return;
        }
        self.probes[index].next = None;
        if self.is_overdue(index) {
            let end = if needed.is_some() {
                End::Silent
            } else {
                End::Unproven
            };
            self.settle(index, end);
        }
    }

    /// Whether none of these probes waits for anything any more.
    pub(super) fn are_settled<'a>(&self, probes: impl IntoIterator<Item = &'a usize>) -> bool {
        probes.into_iter().all(|p| !self.probes[*p].is_open())
    }

    fn is_overdue(&self, index: usize) -> bool {
        self.give_up_at(index).is_some_and(|at| at <= self.now)
    }

    fn is_due(&self, index: usize) -> bool {
        self.probes[index].next.is_some_and(|at| at <= self.now)
    }

    /// When a probe with nothing more to send is given up.
    pub(super) fn give_up_at(&self, index: usize) -> Option<Time> {
        let probe = &self.probes[index];
        if probe.end.is_some() || probe.next.is_some() {
            return None;
        }
        match probe.pace {
            Pace::Survey => Some(probe.started + timers::SURVEY_GIVE_UP),
            Pace::Expected | Pace::Silence => {
                let slowest = self.slowest(probe.destination.ip());
                Some(probe.last_sent()? + timers::patience(slowest))
            }
            Pace::Manual => None,
        }
    }

    /// The slowest answer of a host; of any, where this one has not answered yet.
    pub(super) fn slowest(&self, host: IpAddr) -> Time {
        let slowest_of = |of_host: bool| {
            self.probes
                .iter()
                .filter(|p| !of_host || p.destination.ip() == host)
                .flat_map(|p| p.answers.iter().map(|a| a.rtt))
                .max()
        };
        slowest_of(true)
            .or_else(|| slowest_of(false))
            .unwrap_or(timers::SURVEY_OFFSETS[1])
    }

    /// Plain requests to addresses that do answer, as far as their answers came or are overdue.
    /// RESPONSE-PORT does not count: many servers do not know it.
    pub fn loss(&self) -> Loss {
        let mut loss = Loss::default();
        for request in self.counted() {
            loss.sent += 1;
            loss.lost += usize::from(!request.is_answered);
        }
        loss
    }

    /// Each of these requests.
    pub(super) fn counted(&self) -> Vec<Sent> {
        let mut counted = Vec::new();
        let answering: BTreeSet<SocketAddr> = self
            .probes
            .iter()
            .filter(|p| !p.answers.is_empty())
            .map(|p| p.destination)
            .collect();
        for probe in &self.probes {
            if probe.change != Change::None
                || probe.response_port.is_some()
                || probe.test == Test::Hairpin
                || !answering.contains(&probe.destination)
            {
                continue;
            }
            let patience = timers::patience(self.slowest(probe.destination.ip()));
            for sent in &probe.transmissions {
                let is_answered = sent.answered.is_some();
                if is_answered || sent.at + patience <= self.now {
                    counted.push(Sent {
                        socket: probe.socket,
                        destination: probe.destination,
                        operator: self
                            .listed_for(probe.destination)
                            .map_or(usize::MAX, |server| self.operator(server)),
                        at: sent.at,
                        is_answered,
                    });
                }
            }
        }
        counted
    }
}
