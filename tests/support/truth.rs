//! What is true of a scenario, from its configuration alone, and the verdict on reported facts.
//!
//! A fact is *false* if it is determined with a value that is not allowed. It *applies* if a
//! careful client with honest servers can be expected to determine it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};

use rtcdiag::base::fact::Fact;
use rtcdiag::proto::nat::behavior::words::{
    AddressPooling, Filtering, Mapping, PathFacts, PortAssignment, Udp,
};

use super::nat_model::{Hairpin, Kind, NatConfig, Pooling, Ports};
use super::scenario::Scenario;
use super::sim_net::Outcome;
use super::sim_server::{Change, Other, Reflexive, Reply, ServerConfig};

/// The names of the facts, in the order in which [`judge`] gives them.
pub const FACTS: [&str; 13] = [
    "udp",
    "nat",
    "mapping",
    "filtering",
    "hairpinning",
    "port_preservation",
    "port_assignment",
    "port_step",
    "address_pooling",
    "alg",
    "port_moves",
    "reflexive_addresses",
    "servers",
];

/// The verdict on one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub fact: &'static str,
    pub applies: bool,
    pub determined: bool,
    /// What is wrong with it.
    pub falsehood: Option<String>,
}

struct Expected<T> {
    allowed: Vec<T>,
    applies: bool,
}

/// Judges facts that came out of a run of this scenario with honest servers.
pub fn judge(scenario: &Scenario, outcome: &Outcome, facts: &PathFacts) -> Vec<Verdict> {
    let truth = Truth::new(scenario, outcome);
    vec![
        verdict("udp", &facts.udp, &truth.udp()),
        verdict("nat", &facts.nat, &truth.nat()),
        verdict("mapping", &facts.mapping, &truth.mapping()),
        verdict("filtering", &facts.filtering, &truth.filtering()),
        verdict("hairpinning", &facts.hairpinning, &truth.hairpinning()),
        verdict(
            "port_preservation",
            &facts.port_preservation,
            &truth.port_preservation(),
        ),
        verdict(
            "port_assignment",
            &facts.port_assignment,
            &truth.port_assignment(),
        ),
        verdict("port_step", &facts.port_step, &truth.port_step()),
        verdict(
            "address_pooling",
            &facts.address_pooling,
            &truth.address_pooling(),
        ),
        verdict("alg", &facts.alg, &truth.alg()),
        verdict("port_moves", &facts.port_moves, &truth.port_moves()),
        truth.reflexive(&facts.reflexive_addresses),
        truth.servers(),
    ]
}

/// The false facts among [`judge`]'s verdicts, as text.
pub fn falsehoods(scenario: &Scenario, outcome: &Outcome, facts: &PathFacts) -> Vec<String> {
    judge(scenario, outcome, facts)
        .into_iter()
        .filter_map(|v| v.falsehood.map(|text| format!("{}: {text}", v.fact)))
        .collect()
}

/// The strictest mapping of boxes in a row: each box that splits by destination splits for all.
pub fn mapping_of(path: &[NatConfig]) -> Mapping {
    path.iter()
        .filter(|b| b.kind == Kind::Nat)
        .map(|b| b.mapping)
        .max()
        .unwrap_or(Mapping::EndpointIndependent)
}

/// The strictest filtering of boxes in a row: a packet has to pass all of them.
pub fn filtering_of(path: &[NatConfig]) -> Filtering {
    path.iter()
        .filter(|b| b.kind != Kind::None)
        .map(|b| b.filtering)
        .max()
        .unwrap_or(Filtering::EndpointIndependent)
}

fn verdict<T: PartialEq + Debug>(
    fact: &'static str,
    reported: &Fact<T>,
    expected: &Expected<T>,
) -> Verdict {
    let falsehood = reported
        .value()
        .filter(|value| !expected.allowed.contains(value))
        .map(|value| format!("reported {value:?}, allowed {:?}", expected.allowed));
    Verdict {
        fact,
        applies: expected.applies,
        determined: reported.is_determined(),
        falsehood,
    }
}

/// It reports the address that it sees.
fn is_truthful(server: &ServerConfig) -> bool {
    server.reflexive == Reflexive::Honest
}

/// It does all that it announces.
fn is_honest(server: &ServerConfig) -> bool {
    let announced = match server.alternate {
        Some(_) => server.change == Change::Obey && server.alternate_up,
        None => true,
    };
    let replies = matches!(
        server.reply,
        Reply::Normal | Reply::Twice | Reply::AfterTries(_)
    );
    is_truthful(server) && announced && replies && server.other == Other::Correct
}

struct Truth<'a> {
    scenario: &'a Scenario,
    outcome: &'a Outcome,
    nats: Vec<&'a NatConfig>,
    blocked: bool,
    /// A box that changes in mid-run: what it is stays true, but need not be found.
    steady: bool,
}

impl<'a> Truth<'a> {
    fn new(scenario: &'a Scenario, outcome: &'a Outcome) -> Self {
        Self {
            scenario,
            outcome,
            nats: scenario
                .path
                .iter()
                .filter(|b| b.kind == Kind::Nat)
                .collect(),
            blocked: scenario.path.iter().any(|b| b.blocked),
            steady: scenario.path.iter().all(|b| b.renumbering.is_none()),
        }
    }

    fn expected<T>(&self, allowed: impl Into<Vec<T>>, applies: bool) -> Expected<T> {
        Expected {
            allowed: if self.blocked {
                Vec::new()
            } else {
                allowed.into()
            },
            applies: applies && self.steady && !self.blocked,
        }
    }

    fn is_nat(&self) -> bool {
        !self.nats.is_empty()
    }

    /// That UDP is blocked is not for the machine to say, so nothing is allowed then.
    fn udp(&self) -> Expected<Udp> {
        self.expected([Udp::Open], true)
    }

    fn nat(&self) -> Expected<bool> {
        self.expected([self.is_nat()], true)
    }

    fn mapping(&self) -> Expected<Mapping> {
        let mapping = mapping_of(&self.scenario.path);
        if self.has_pooling(Pooling::PerSession) {
            // Neither is true: the port is endpoint-independent, the address is not.
            return self.expected([], false);
        }
        let muddled =
            self.has_pooling(Pooling::Arbitrary) && mapping != Mapping::EndpointIndependent;
        self.expected([mapping], self.discovers() && !muddled)
    }

    fn filtering(&self) -> Expected<Filtering> {
        let per_host = self
            .scenario
            .path
            .iter()
            .any(|b| b.kind == Kind::HostFirewall);
        self.expected(
            [filtering_of(&self.scenario.path)],
            self.discovers() && !per_host,
        )
    }

    /// Where a strict filter applies to hairpinned packets and the mapping depends on the
    /// destination, the holes cannot be opened from inside: hairpinning does not show.
    fn hairpinning(&self) -> Expected<bool> {
        let Some((outer, inner)) = self.nats.split_last() else {
            return self.expected([], false);
        };
        let hairpins = outer.hairpin != Hairpin::Off;
        let inner_filter = inner
            .iter()
            .map(|b| b.filtering)
            .max()
            .unwrap_or(Filtering::EndpointIndependent);
        let strict = inner_filter != Filtering::EndpointIndependent;
        if strict && outer.hairpin == Hairpin::InternalSource {
            return self.expected([true, false], false);
        }
        let outer_filter = outer.filtering != Filtering::EndpointIndependent
            && (outer.hairpin_filtering || !hairpins);
        let shows = mapping_of(&self.scenario.path) == Mapping::EndpointIndependent
            || !(strict || outer_filter);
        self.expected([hairpins], shows && self.discovers())
    }

    fn port_preservation(&self) -> Expected<bool> {
        let preserved = self.nats.iter().all(|b| b.ports == Ports::Preserve);
        self.expected([preserved], self.is_nat())
    }

    fn port_assignment(&self) -> Expected<PortAssignment> {
        let kind = match self.deciding_ports() {
            None => PortAssignment::Preserved,
            Some((Ports::Sequential(_), _)) => PortAssignment::Sequential,
            Some(_) => PortAssignment::Random,
        };
        let quiet = self
            .deciding_ports()
            .is_none_or(|(_, traffic)| traffic == 0.0);
        self.expected([kind], self.is_nat() && quiet)
    }

    fn port_step(&self) -> Expected<i32> {
        match self.deciding_ports() {
            Some((Ports::Sequential(step), traffic)) => self.expected([step], traffic == 0.0),
            _ => self.expected([], false),
        }
    }

    fn address_pooling(&self) -> Expected<AddressPooling> {
        let Some(outer) = self.nats.last() else {
            return self.expected([AddressPooling::Paired], false);
        };
        if outer.pooling == Pooling::Paired || outer.externals.len() < 2 {
            return self.expected([AddressPooling::Paired], self.server_ips().len() >= 4);
        }
        let used: BTreeSet<IpAddr> = self.outcome.mappings.iter().map(|m| m.1.ip()).collect();
        if used.len() < 2 {
            // By chance nothing could be seen of it.
            return self.expected([AddressPooling::Paired, AddressPooling::Arbitrary], false);
        }
        self.expected([AddressPooling::Arbitrary], true)
    }

    /// Server addresses that answer: a NAT that chooses by destination shows at several only.
    fn server_ips(&self) -> BTreeSet<IpAddr> {
        self.listed_servers()
            .filter(|s| is_truthful(s))
            .flat_map(|s| {
                let other = s
                    .alternate
                    .filter(|_| s.alternate_up && s.other == Other::Correct);
                std::iter::once(s.primary).chain(other)
            })
            .map(|address| address.ip())
            .collect()
    }

    fn alg(&self) -> Expected<bool> {
        if !self.listed_servers().any(|s| s.sends_mapped) {
            return self.expected([], false);
        }
        self.expected([self.nats.iter().any(|b| b.alg)], true)
    }

    /// Behind another box the packet that comes first may not come at all.
    fn port_moves(&self) -> Expected<bool> {
        let remembers = self.nats.iter().any(|b| b.conntrack);
        match self.scenario.path.len() {
            1 => self.expected([remembers], false),
            _ if remembers => self.expected([true, false], false),
            _ => self.expected([false], false),
        }
    }

    /// They are those of one socket, and only one if the mapping is endpoint-independent.
    fn reflexive(&self, reported: &[SocketAddr]) -> Verdict {
        let mut falsehood = None;
        let mappings = &self.outcome.mappings;
        let of_one_socket = mappings.iter().any(|(inside, _)| {
            reported
                .iter()
                .all(|address| mappings.iter().any(|(i, o)| i == inside && o == address))
        });
        let single = mapping_of(&self.scenario.path) == Mapping::EndpointIndependent
            && !self.has_pooling(Pooling::PerSession)
            && self.steady;
        if self.listed_servers().any(|s| !is_truthful(s)) || self.scenario.path.len() > 1 {
            // The list says what servers reported; which of them lies may be unknown.
        } else if !reported.is_empty() && !of_one_socket {
            falsehood = Some(format!("{reported:?} are not those of one socket"));
        } else if single && reported.len() > 1 {
            falsehood = Some(format!("more than one: {reported:?}"));
        }
        Verdict {
            fact: "reflexive_addresses",
            applies: !self.blocked,
            determined: !reported.is_empty(),
            falsehood,
        }
    }

    /// An honest server must not be called broken or untruthful.
    fn servers(&self) -> Verdict {
        let reachable = self.scenario.unreachable.is_empty();
        let complaint = self.outcome.accused.iter().find(|(address, _)| {
            let mut servers = self.listed_servers();
            reachable && servers.any(|s| s.addresses().contains(address) && is_honest(s))
        });
        Verdict {
            fact: "servers",
            applies: false,
            determined: false,
            falsehood: complaint.map(|(address, text)| format!("{address} is honest: {text}")),
        }
    }

    /// The outermost box that does not keep the port decides.
    fn deciding_ports(&self) -> Option<(Ports, f64)> {
        self.nats
            .iter()
            .rev()
            .find(|b| b.ports != Ports::Preserve)
            .map(|b| (b.ports, b.other_traffic))
    }

    fn has_pooling(&self, pooling: Pooling) -> bool {
        self.nats
            .iter()
            .any(|b| b.pooling == pooling && b.externals.len() > 1)
    }

    /// Whether a listed server offers RFC 5780 in full.
    fn discovers(&self) -> bool {
        self.listed_servers()
            .any(|s| s.alternate.is_some() && is_honest(s))
    }

    fn listed_servers(&self) -> impl Iterator<Item = &ServerConfig> {
        self.scenario.servers.iter().filter(|s| {
            self.scenario
                .listed
                .iter()
                .any(|l| s.addresses().contains(&l.address))
        })
    }
}
