//! This side's candidates, and the bases that they make.

use std::net::SocketAddr;

use crate::commands::gather::report::CandidateReport;
use crate::commands::pair::report::TimelineEvent;
use crate::commands::pair::run::meeting::Meeting;
use crate::commands::pair::run::paths::Means;
use crate::commands::pair::run::{Event, SideOf};
use crate::proto::ice::candidate::{self, COMPONENT, CandidateType};
use crate::proto::ice::checks::Base;
use crate::proto::signal::message::Message;

impl Meeting<'_> {
    pub(super) fn take_candidate(&mut self, report: &CandidateReport) {
        // The other side is not told the base, and this side's report has both alike.
        let own = CandidateReport {
            base: None,
            ..report.clone()
        };
        self.note(
            TimelineEvent::CandidateFound,
            format!("{} {}", report.kind, report.socket_address()),
        );
        let _ = self.record.events.send(Event::Candidate {
            side: SideOf::Local,
            candidate: Box::new(own.clone()),
        });
        if self.progress.is_described {
            self.say(candidate_message(&own));
        }
        self.own.candidates.push(own);
        self.make_base(report.socket_address());
    }

    pub(super) fn offer(&mut self, address: SocketAddr, means: Means) {
        self.paths.offer(address, means);
        self.make_base(address);
    }

    /// Makes a base of an address once both its candidate and its means are known; either may come
    /// first.
    fn make_base(&mut self, address: SocketAddr) {
        let own = self.own.candidates.iter().find(|own| {
            matches!(own.kind, CandidateType::Host | CandidateType::Relay)
                && own.socket_address() == address
        });
        let Some((kind, priority)) = own.map(|own| (own.kind, own.priority)) else {
            return;
        };
        if !self.paths.promote(address) {
            return;
        }
        // The local preference of the candidate, with the preference of another type.
        let preference = u16::try_from(priority >> 8 & 0xffff).unwrap_or(0);
        let base = Base {
            address,
            is_relay: kind == CandidateType::Relay,
            priority,
            reflexive_priority: candidate::priority(CandidateType::Prflx, preference, COMPONENT),
        };
        self.checks.add_base(self.clock.now(), base);
    }
}

pub(super) fn candidate_message(own: &CandidateReport) -> Message {
    Message::Candidate {
        line: own.sdp.clone(),
        interface: own.interface.clone(),
        server: own.server.clone(),
        relay_transport: own.relay_transport,
    }
}
