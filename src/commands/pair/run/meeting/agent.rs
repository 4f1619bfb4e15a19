//! Checks, the agent, and the data that goes over the pair.

use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::pair::report::TimelineEvent;
use crate::commands::pair::run::ending::Ending;
use crate::commands::pair::run::meeting::{CheckEvent, Meeting, pair_name};
use crate::commands::pair::verdict::RoleConflict;
use crate::net::agent::AgentEvent;
use crate::proto::ice::checks::Input;
use crate::proto::ice::quality::{Heard, largest};

impl Meeting<'_> {
    pub(super) fn take_datagram(&mut self, base: usize, source: SocketAddr, bytes: &[u8]) {
        let now = self.clock.now();
        if self.is_own_trial(base, bytes) {
            return;
        }
        match self.checks.handle_input(now, base, source, bytes) {
            // Larger ones than the agent takes.
            Input::Data(_) if !self.peer.is_browser && largest::is_probe(bytes) => {
                self.take_data(bytes);
            }
            Input::Engine(pair) | Input::Data(pair) => self.agent.deliver(pair, bytes.to_vec()),
            Input::Taken | Input::Foreign => {}
        }
    }

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
                if let (Some(remote), Some(role)) = (&self.peer.credentials, self.own.role) {
                    self.agent.add_pair(pair, role, remote);
                }
            }
            CheckEvent::Chosen(pair) | CheckEvent::Nominated(pair) => {
                self.note(TimelineEvent::PairNominated, pair_name(&self.checks, pair));
            }
            CheckEvent::Deliver(pair, bytes) => self.agent.deliver(pair, bytes),
            CheckEvent::RoleSwitched(role) => {
                self.own.role = Some(role);
                let conflict = &mut self.record.role_conflict;
                conflict.get_or_insert(RoleConflict::Switched);
            }
        }
    }

    pub(super) fn take_data(&mut self, bytes: &[u8]) {
        let now = self.clock.now();
        let had_echo = self.flow.quality.has_echo();
        if let Heard::Probe(echo) = self.flow.quality.handle_input(now, bytes) {
            self.flow.waiting.push(echo);
        }
        if !had_echo && self.flow.quality.has_echo() {
            self.note(TimelineEvent::DataExchanged, None);
        }
    }

    pub fn take_agent(&mut self, event: AgentEvent) {
        let now = self.clock.now();
        match event {
            AgentEvent::Transmit(pair, bytes) => self.checks.send_for_engine(now, pair, bytes),
            AgentEvent::Selected(pair) => {
                if self.flow.selected.is_none() {
                    self.flow.selected = Some((pair, now));
                    self.note(TimelineEvent::Connected, pair_name(&self.checks, pair));
                    self.start_quality();
                }
            }
            AgentEvent::Data(bytes) => self.take_bytes(&bytes),
            AgentEvent::Failed(message) => {
                self.end = Some(Ending::Unusable(ErrorReport::new(Code::Agent, message)));
            }
        }
    }
}
