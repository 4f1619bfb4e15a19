//! Checks, the agent, and the data that goes over the pair.

use std::net::SocketAddr;

use super::{CheckEvent, Meeting, pair_name};
use crate::app::pair::ending::End;
use crate::ice::checks::Input;
use crate::ice::quality::Heard;
use crate::net::agent::AgentEvent;
use crate::report::pair::TimelineEvent;
use crate::report::{ErrorReport, Finding, Severity};

impl Meeting<'_> {
    /// A datagram came to a base.
    pub(super) fn take_datagram(&mut self, base: usize, source: SocketAddr, bytes: &[u8]) {
        let now = self.clock.now();
        match self.checks.handle_input(now, base, source, bytes) {
            Input::Engine(pair) | Input::Data(pair) => self.agent.deliver(pair, bytes.to_vec()),
            Input::Taken | Input::Foreign => {}
        }
    }

    /// The checks have something to tell.
    pub(super) fn take_check(&mut self, event: CheckEvent) {
        match event {
            CheckEvent::Permit { .. } => {}
            CheckEvent::Checked(pair) => {
                self.note(TimelineEvent::CheckSent, pair_name(&self.checks, pair));
            }
            CheckEvent::Succeeded(pair) => {
                self.note(TimelineEvent::CheckSucceeded, pair_name(&self.checks, pair));
            }
            CheckEvent::Engaged(pair) => {
                if let (Some(remote), Some(role)) = (&self.peer.credentials, self.role) {
                    self.agent.add_pair(pair, role, remote);
                }
            }
            CheckEvent::Chosen(pair) | CheckEvent::Nominated(pair) => {
                self.note(TimelineEvent::PairNominated, pair_name(&self.checks, pair));
            }
            CheckEvent::Deliver(pair, bytes) => self.agent.deliver(pair, bytes),
            CheckEvent::RoleSwitched(role) => {
                self.role = Some(role);
                if !self
                    .findings
                    .iter()
                    .any(|known| known.code == "role-conflict")
                {
                    self.findings.push(Finding::new(
                        "role-conflict",
                        Severity::Info,
                        "both sides had the same role, and this side took the other one",
                        "give --role on one side only, or another one on each",
                    ));
                }
            }
        }
    }

    /// The agent does something.
    pub fn take_agent(&mut self, event: AgentEvent) {
        let now = self.clock.now();
        match event {
            AgentEvent::Transmit(pair, bytes) => self.checks.send_for_engine(now, pair, bytes),
            AgentEvent::Selected(pair) => {
                if self.selected.is_none() {
                    self.selected = Some((pair, now));
                    self.note(TimelineEvent::Connected, pair_name(&self.checks, pair));
                    self.quality.start(now);
                }
            }
            AgentEvent::Data(bytes) => {
                let had_echo = self.quality.has_echo();
                if let Heard::Probe(echo) = self.quality.handle_input(now, &bytes) {
                    self.data.push(echo);
                }
                if !had_echo && self.quality.has_echo() {
                    self.note(TimelineEvent::DataExchanged, None);
                }
            }
            AgentEvent::Failed(message) => {
                self.end = Some(End::Unusable(ErrorReport::new("agent", message)));
            }
        }
    }
}
