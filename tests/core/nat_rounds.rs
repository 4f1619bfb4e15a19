//! Rounds of `rtcdiag nat`: what counts as a change, what the totals come to, when rounds begin and end.

mod changes;
mod schedule;
mod totals;

use std::net::IpAddr;
use std::time::Duration;

use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::commands::nat::report::{NatResult, PathReport};
use rtcdiag::commands::nat::rounds::report::{Change, PathSeen, RoundReport};
use rtcdiag::commands::nat::rounds::verdict::Totals;
use rtcdiag::proto::nat::behavior::words::{
    AddressPooling, Filtering, Mapping, PathFacts, PortAssignment, Udp,
};

/// What a round shows of a path: an open one behind an ordinary NAT, until a test changes it.
#[derive(Clone)]
struct Look {
    interface: &'static str,
    local: &'static str,
    facts: PathFacts,
    trip: Duration,
}

fn ordinary() -> Look {
    Look {
        interface: "eth0",
        local: "192.0.2.10",
        facts: PathFacts {
            udp: Fact::Determined(Udp::Open),
            nat: Fact::Determined(true),
            reflexive_addresses: vec!["203.0.113.5:40000".parse().expect("valid")],
            mapping: Fact::Determined(Mapping::EndpointIndependent),
            filtering: Fact::Determined(Filtering::AddressAndPortDependent),
            hairpinning: Fact::Determined(false),
            port_preservation: Fact::Determined(true),
            port_assignment: Fact::Determined(PortAssignment::Preserved),
            port_step: Fact::not_tested(Reason::NotApplicable),
            address_pooling: Fact::Determined(AddressPooling::Paired),
            alg: Fact::Determined(false),
            port_moves: Fact::Determined(false),
        },
        trip: Duration::from_millis(20),
    }
}

impl Look {
    fn with(mut self, change: impl FnOnce(&mut PathFacts)) -> Self {
        change(&mut self.facts);
        self
    }

    fn seen_as(self, addresses: &[&str]) -> Self {
        self.with(|facts| {
            facts.reflexive_addresses = addresses
                .iter()
                .map(|a| format!("{a}:40000").parse().expect("valid"))
                .collect();
        })
    }

    /// Nobody answers.
    fn silent(self) -> Self {
        let nothing = Fact::inconclusive(Reason::NoResponse, "silence");
        self.with(|facts| {
            *facts = PathFacts::not_tested(Reason::NoResponse);
            facts.udp = nothing;
        })
    }

    fn seen(&self) -> PathSeen {
        let local: IpAddr = self.local.parse().expect("valid");
        let path = PathReport::new(local, Some(self.interface.to_owned()), self.facts.clone());
        let result = NatResult {
            paths: vec![path],
            ..NatResult::default()
        };
        let mut seen = PathSeen::of(&result).remove(0);
        let server = "203.0.113.10:3478".parse().expect("valid");
        seen.trips = [(server, self.trip)].into();
        seen.samples = vec![self.trip; 3];
        seen
    }
}

/// Rounds a minute apart, each with these paths.
struct Run {
    totals: Totals,
    now: Duration,
}

impl Run {
    fn new(by_interface: bool) -> Self {
        Self {
            totals: Totals::new(by_interface),
            now: Duration::ZERO,
        }
    }

    fn round(&mut self, looks: &[Look]) -> RoundReport {
        self.ended(Outcome::Good, looks)
    }

    fn ended(&mut self, outcome: Outcome, looks: &[Look]) -> RoundReport {
        self.now += Duration::from_secs(60);
        let at = format!("2026-11-22T10:{:02}:00.000Z", self.totals.done() % 60);
        let paths = looks.iter().map(Look::seen).collect();
        self.totals.add(self.now, at, outcome, paths)
    }
}

/// What changed in each round, as text.
fn told(rounds: &[Look]) -> Vec<Vec<String>> {
    let mut run = Run::new(false);
    rounds
        .iter()
        .map(|look| words(&run.round(std::slice::from_ref(look)).changes))
        .collect()
}

fn words(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| format!("{}: {}", change.what.text(), change.words()))
        .collect()
}
