//! This side's candidates, and the bases that they make.

use std::net::SocketAddr;

use super::Meeting;
use crate::app::pair::paths::Means;
use crate::app::pair::{Event, SideOf, rows};
use crate::ice::candidate::{self, COMPONENT, CandidateType};
use crate::ice::checks::Base;
use crate::report::gather::CandidateReport;
use crate::report::pair::{SideCandidate, TimelineEvent};
use crate::signal::message::Message;

impl Meeting<'_> {
    pub(super) fn take_candidate(&mut self, report: &CandidateReport) {
        let own = rows::own_candidate(report);
        self.note(
            TimelineEvent::CandidateFound,
            format!("{} {}", report.kind, report.socket_address()),
        );
        let _ = self
            .events
            .send(Event::Candidate(SideOf::Local, Box::new(own.clone())));
        if self.is_described {
            self.say(candidate_message(&own));
        }
        self.local.push(own);
        self.make_base(report.socket_address());
    }

    /// A socket or a relay is there to be used.
    pub(super) fn offer(&mut self, address: SocketAddr, means: Means) {
        self.paths.offer(address, means);
        self.make_base(address);
    }

    /// Makes a base of an address once both its candidate and its means are known; either may come
    /// first.
    fn make_base(&mut self, address: SocketAddr) {
        let own = self.local.iter().find(|own| {
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

/// What the other side is told of a candidate.
pub(super) fn candidate_message(own: &SideCandidate) -> Message {
    Message::Candidate {
        line: own.sdp.clone(),
        interface: own.interface.clone(),
        server: own.server.clone(),
        relay_transport: own.relay_transport,
    }
}
