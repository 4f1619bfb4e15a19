//! The candidates as they come: priorities, redundancy (RFC 8445 5.1.3), order.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::family::Family;
use crate::base::report::Millis;
use crate::commands::gather::report::{
    CandidateReport, GatherResult, GatherServerReport, RedundantReport,
};
use crate::commands::gather::run::Event;
use crate::commands::gather::run::bases::Base;
use crate::commands::gather::run::relay::RelayedAddress;
use crate::commands::gather::verdict::Policy;
use crate::proto::ice::candidate::{self, COMPONENT, Candidate, CandidateType, Origin};

pub struct Collector {
    policy: Policy,
    tell: Box<dyn Fn(Event)>,
    candidates: Vec<CandidateReport>,
    redundant: Vec<RedundantReport>,
}

impl Collector {
    pub fn new(policy: Policy, tell: Box<dyn Fn(Event)>) -> Self {
        Self {
            policy,
            tell,
            candidates: Vec::new(),
            redundant: Vec::new(),
        }
    }

    pub fn host(&mut self, index: usize, base: &Base, now: Duration) {
        let origin = Origin {
            base: index,
            ..Origin::default()
        };
        let candidate = Candidate {
            foundation: candidate::foundation(CandidateType::Host, base.address.ip(), None, None),
            component: COMPONENT,
            priority: priority(CandidateType::Host, origin),
            address: base.address,
            kind: CandidateType::Host,
            related: None,
        };
        let mut report = CandidateReport::new(&candidate, base.address, Millis(now));
        report.interface.clone_from(&base.interface);
        self.add(report);
    }

    /// Where a STUN server sees a base. `place` is the base's and the server's.
    pub fn reflexive(
        &mut self,
        base: &Base,
        place: (usize, usize),
        address: SocketAddr,
        (uri, server): (String, IpAddr),
        now: Duration,
    ) {
        let kind = CandidateType::Srflx;
        let origin = Origin {
            base: place.0,
            server: place.1,
            ..Origin::default()
        };
        let candidate = Candidate {
            foundation: candidate::foundation(kind, base.address.ip(), Some(server), None),
            component: COMPONENT,
            priority: priority(kind, origin),
            address,
            kind,
            related: Some(base.address),
        };
        let mut report = CandidateReport::new(&candidate, base.address, Millis(now));
        report.interface.clone_from(&base.interface);
        report.server = Some(uri);
        self.add(report);
    }

    pub fn relayed(
        &mut self,
        base: &Base,
        place: (usize, usize),
        found: &RelayedAddress,
        uri: String,
        now: Duration,
    ) {
        let kind = CandidateType::Relay;
        let allocation = &found.allocation;
        let origin = Origin {
            base: place.0,
            server: place.1,
            relay_transport: Some(found.transport),
            relayed_v6: Family::of(allocation.relayed.ip()) == Family::Ipv6,
        };
        let candidate = Candidate {
            foundation: candidate::foundation(
                kind,
                // The base of a relayed candidate is itself (RFC 8445 5.1.1).
                allocation.relayed.ip(),
                Some(found.server.ip()),
                Some(found.transport),
            ),
            component: COMPONENT,
            priority: priority(kind, origin),
            address: allocation.relayed,
            kind,
            // RFC 8839 5.1: the mapped address that the server chose.
            related: Some(allocation.mapped.unwrap_or(found.local)),
        };
        let mut report = CandidateReport::new(&candidate, found.local, Millis(now));
        report.interface.clone_from(&base.interface);
        report.server = Some(uri);
        report.relay_transport = Some(found.transport);
        self.add(report);
    }

    pub fn server(&self, report: GatherServerReport) {
        (self.tell)(Event::Server(Box::new(report)));
    }

    pub fn finish(mut self, servers: Vec<GatherServerReport>, now: Duration) -> GatherResult {
        self.candidates
            .sort_by_key(|candidate| std::cmp::Reverse(candidate.priority));
        GatherResult {
            candidates: self.candidates,
            redundant: self.redundant,
            servers,
            complete_ms: Millis(now),
        }
    }

    /// RFC 8445 5.1.3: of two candidates with the same address and base, one is redundant; the
    /// earlier one has been announced and stays, unless that would be the wrong type.
    fn add(&mut self, report: CandidateReport) {
        if self.policy == Policy::Relay && report.kind != CandidateType::Relay {
            return;
        }
        let same = self.candidates.iter().find(|known| {
            known.socket_address() == report.socket_address()
                && (known.base == report.base || report.kind == CandidateType::Relay)
        });
        if let Some(same) = same {
            let redundant = RedundantReport {
                kind: report.kind,
                address: report.address,
                port: report.port,
                base: report.base(),
                server: report.server,
                same_as: same.kind,
            };
            (self.tell)(Event::Redundant(Box::new(redundant.clone())));
            self.redundant.push(redundant);
            return;
        }
        (self.tell)(Event::Candidate(Box::new(report.clone())));
        self.candidates.push(report);
    }
}

fn priority(kind: CandidateType, origin: Origin) -> u32 {
    candidate::priority(kind, origin.local_preference(kind), COMPONENT)
}
