//! The first cause of every pairing that has no direct path, on both ends, against a truth that knows
//! nothing of the rules: a NAT's mapping is the cause where the packets get through once it is
//! changed.

use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::proto::ice::candidate::{Candidate, CandidateType};
use rtcdiag::proto::ice::causes::{Found, PairFacts, Party, Situation, Way, Whose};
use rtcdiag::proto::ice::facts::NatFacts;
use rtcdiag::proto::ice::prediction::{Expected, Side, predict};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping, Udp};

use super::matrix::scenarios;
use super::scenario::{MAPPINGS, Scenario, SideSpec, clean};
use super::sim::{self, End, Outcome, Until};
use super::truth::{self, Direct};
use super::world::Attach;
use crate::support::nat_config::{Hairpin, Kind, NatConfig};

/// The boxes between a side's first socket of a family and the Internet.
fn boxes(scenario: &Scenario, which: usize, family: Family) -> Option<Vec<&NatConfig>> {
    let side = &scenario.sides[which];
    side.bases
        .iter()
        .filter(|base| Family::of(base.address.ip()) == family)
        .find_map(|base| match &base.attach {
            Attach::Behind(boxes) => Some(boxes.iter().collect()),
            Attach::Shared(boxes) => Some(boxes.iter().chain(&scenario.shared).collect()),
            Attach::Dead => None,
        })
}

/// What `nat` tells of them: the strictest of each behaviour, as the NAT matrix holds.
fn facts(scenario: &Scenario, which: usize, candidates: &[Candidate]) -> Vec<NatFacts> {
    [Family::Ipv4, Family::Ipv6]
        .into_iter()
        .filter_map(|family| {
            let boxes = boxes(scenario, which, family)?;
            let of_family = |c: &&Candidate| Family::of(c.address.ip()) == family;
            let kind = |kind| move |c: &&Candidate| c.kind == kind;
            let mut all = candidates.iter().filter(of_family);
            let host = all.clone().find(kind(CandidateType::Host))?.address;
            if scenario.sides[which].udp_blocked {
                return Some(NatFacts::blocked(family, host.ip()));
            }
            let nats: Vec<&&NatConfig> = boxes.iter().filter(|b| b.kind == Kind::Nat).collect();
            let mapping = nats.iter().map(|nat| nat.mapping).max_by_key(strictness);
            let filtering = boxes
                .iter()
                .map(|b| b.filtering)
                .max_by_key(filter_strictness);
            let hairpins = nats.last().map(|nat| nat.hairpin != Hairpin::Off);
            let moves = boxes.iter().any(|b| b.conntrack);
            let seen = all
                .find(kind(CandidateType::Srflx))
                .map_or(host, |c| c.address);
            Some(NatFacts {
                family,
                local_address: host.ip(),
                udp: Fact::Determined(Udp::Open),
                nat: Fact::Determined(!nats.is_empty()),
                mapping: Fact::Determined(mapping.unwrap_or(Mapping::EndpointIndependent)),
                filtering: Fact::Determined(filtering.unwrap_or(Filtering::EndpointIndependent)),
                hairpinning: hairpins
                    .map_or(Fact::not_tested(Reason::NotApplicable), Fact::Determined),
                port_moves: Fact::Determined(moves),
                reflexive_addresses: vec![seen],
            })
        })
        .collect()
}

fn strictness(mapping: &Mapping) -> usize {
    MAPPINGS
        .iter()
        .position(|m| m == mapping)
        .expect("one of them")
}

fn filter_strictness(filtering: &Filtering) -> usize {
    let all = super::scenario::FILTERINGS;
    all.iter()
        .position(|f| f == filtering)
        .expect("one of them")
}

/// All that one side brings.
struct Known {
    nats: Vec<NatFacts>,
    candidates: Vec<Candidate>,
    found: Found,
}

impl Known {
    fn of(scenario: &Scenario, which: usize, end: &End) -> Self {
        let parsed = end
            .candidates
            .iter()
            .map(|line| line.parse().expect("a line"));
        let candidates: Vec<Candidate> = parsed.collect();
        Self {
            nats: facts(scenario, which, &candidates),
            candidates,
            found: Found::default(),
        }
    }

    fn side(&self) -> Side<'_> {
        Side {
            nats: &self.nats,
            candidates: &self.candidates,
            relay_only: false,
        }
    }

    fn party(&self) -> Party<'_> {
        Party {
            side: self.side(),
            servers: None,
            troubles: &[],
            left_out: None,
            own_relays: &[],
            tunnels: &[],
            found: &self.found,
        }
    }
}

fn pair_facts(end: &End) -> Vec<PairFacts> {
    let pairs = end.pairs.iter().zip(&end.records);
    pairs
        .map(|(pair, (base, arrived))| PairFacts {
            local: (
                if pair.is_relay_base {
                    CandidateType::Relay
                } else {
                    CandidateType::Host
                },
                *base,
            ),
            remote: (pair.remote_kind, pair.remote),
            is_relayed: pair.is_relayed(),
            works: pair.is_valid(),
            sent: pair.sent,
            arrived: Some(*arrived),
            answered: pair.answered,
            received: pair.requests_in,
            mapped: pair.mapped,
            failure: None,
        })
        .collect()
}

/// The first cause on each end, with the second end's side as the first one names it.
fn first_causes(scenario: &Scenario, outcome: &Outcome) -> [Option<(Code, Whose)>; 2] {
    let known = [0, 1].map(|which| Known::of(scenario, which, &outcome.ends[which]));
    [0, 1].map(|which| {
        let pairs = pair_facts(&outcome.ends[which]);
        let situation = Situation {
            local: known[which].party(),
            remote: known[1 - which].party(),
            pairs: &pairs,
            path: match (outcome.connected(), outcome.relayed()) {
                (false, _) => None,
                (true, false) => Some(Way::Direct),
                (true, true) => Some(Way::Relayed),
            },
        };
        let causes = situation.causes();
        let first = causes.first()?;
        let side = match (which, first.side) {
            (1, Whose::Local) => Whose::Remote,
            (1, Whose::Remote) => Whose::Local,
            (_, side) => side,
        };
        Some((first.code, side))
    })
}

/// The same network with another mapping on one side's NATs, the shared one included.
fn with_independent(scenario: &Scenario, sides: [bool; 2]) -> Scenario {
    let mut changed = scenario.clone();
    let change = |config: &mut NatConfig| {
        config.mapping = Mapping::EndpointIndependent;
        config.conntrack = false;
    };
    for which in (0..2).filter(|which| sides[*which]) {
        for base in &mut changed.sides[which].bases {
            if let Attach::Behind(boxes) | Attach::Shared(boxes) = &mut base.attach {
                boxes.iter_mut().for_each(change);
            }
        }
    }
    changed
}

fn families(side: &SideSpec) -> [bool; 2] {
    [true, false].map(|v4| side.bases.iter().any(|base| base.address.is_ipv4() == v4))
}

/// What the network says, by trying.
fn truth(scenario: &Scenario) -> Option<(Code, Whose)> {
    let both = |which: [bool; 2]| match which {
        [true, true] => Some(Whose::Both),
        [true, false] => Some(Whose::Local),
        [false, true] => Some(Whose::Remote),
        [false, false] => None,
    };
    let [a, b] = &scenario.sides;
    if let Some(side) = both([a.udp_blocked, b.udp_blocked]) {
        return Some((Code::UdpBlocked, side));
    }
    let (of_a, of_b) = (families(a), families(b));
    if !(0..2).any(|i| of_a[i] && of_b[i]) {
        return Some((Code::NoCommonFamily, Whose::Between));
    }
    let works =
        |sides: [bool; 2]| truth::direct(&with_independent(scenario, sides)) == Direct::Always;
    if scenario.shared.is_some() {
        let hairpins = scenario
            .shared
            .as_ref()
            .is_some_and(|nat| nat.hairpin != Hairpin::Off);
        // What else is in the way there is not tried here.
        return (!hairpins).then_some((Code::NoHairpinning, Whose::Between));
    }
    // A router that moves ports has a cause of its own, behind this one.
    let depends = |which: usize| {
        let boxes = boxes(scenario, which, Family::Ipv4).unwrap_or_default();
        let mut nats = boxes.iter().filter(|b| b.kind == Kind::Nat && !b.conntrack);
        nats.any(|nat| nat.mapping != Mapping::EndpointIndependent)
    };
    let side = match (works([true, false]), works([false, true])) {
        (true, false) => Some(Whose::Local),
        (false, true) => Some(Whose::Remote),
        // Either would do, or both have to.
        (true, true) => both([depends(0), depends(1)]),
        (false, false) if works([true, true]) => both([depends(0), depends(1)]),
        (false, false) => None,
    };
    side.map(|side| (Code::EndpointDependentMapping, side))
}

fn runs() -> impl Iterator<Item = (Scenario, Outcome)> {
    let links = [
        clean(Duration::from_micros(500)),
        clean(Duration::from_millis(20)),
    ];
    let lossy = super::scenario::Link {
        loss: 0.1,
        ..links[1]
    };
    scenarios()
        .into_iter()
        .enumerate()
        .flat_map(move |(i, case)| {
            let links = [links[0], links[1], lossy];
            links.into_iter().enumerate().map(move |(l, link)| {
                let case = Scenario {
                    link,
                    seed: (i as u64) << 8 | l as u64,
                    ..case.clone()
                };
                let outcome = sim::run(&case, Until::Finished, false);
                (case, outcome)
            })
        })
}

#[test]
fn both_ends_name_the_first_cause_and_its_side() {
    let (mut asserted, mut open, mut wrong) = (0, Vec::new(), Vec::new());
    for (case, outcome) in runs() {
        let is_direct = outcome.connected() && !outcome.relayed();
        let causes = first_causes(&case, &outcome);
        let name = format!("{} seed {}", case.name, case.seed);
        if is_direct {
            if causes != [None, None] {
                wrong.push(format!("{name}: direct, but {causes:?}"));
            }
            continue;
        }
        if truth::direct(&case) != Direct::Never {
            continue;
        }
        match truth(&case) {
            Some(expected) if causes == [Some(expected); 2] => asserted += 1,
            Some(expected) => wrong.push(format!("{name}: {causes:?}, truth {expected:?}")),
            None => open.push(format!("{name}: {causes:?}")),
        }
    }
    println!(
        "{asserted} named on both ends, {} without a truth:\n{}",
        open.len(),
        open.join("\n")
    );
    let shown: Vec<&String> = wrong.iter().take(40).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{shown:#?}", wrong.len());
    assert!(asserted > 150, "{asserted}");
}

/// Definite wherever RFC 4787 decides, and never wrong.
#[test]
fn what_is_predicted_comes_about() {
    let (mut held, mut unknown, mut wrong) = (0, Vec::new(), Vec::new());
    // That a relay forbids its peers is no fact of a NAT.
    let forbids = |side: &SideSpec| side.relay.is_some_and(|relay| relay.forbidden);
    let cases = scenarios().into_iter();
    // Nor does one tell that a NAT hairpins with the wrong source address, against RFC 4787 REQ-9.
    let has_facts = |case: &Scenario| {
        let hairpin = case.shared.as_ref().map(|nat| nat.hairpin);
        hairpin != Some(Hairpin::InternalSource) && !case.sides.iter().any(forbids)
    };
    for case in cases.filter(has_facts) {
        let outcome = sim::run(&case, Until::Selected, false);
        let known = [0, 1].map(|which| Known::of(&case, which, &outcome.ends[which]));
        let prediction = predict(known[0].side(), known[1].side());
        let truth = (truth::direct(&case), truth::relayed(&case));
        let fits = match (prediction.expected, truth) {
            (Expected::Unknown, _) => {
                unknown.push(format!("{}: {}", case.name, prediction.because));
                continue;
            }
            (Expected::Direct, (direct, _)) => direct != Direct::Never,
            (Expected::Relay, (direct, relayed)) => direct != Direct::Always && relayed,
            (Expected::Fail, (direct, relayed)) => direct != Direct::Always && !relayed,
        };
        held += usize::from(fits);
        if !fits {
            wrong.push(format!(
                "{}: {:?}, truth {truth:?}: {}",
                case.name, prediction.expected, prediction.because
            ));
        }
    }
    println!(
        "{held} held, {} unknown:\n{}",
        unknown.len(),
        unknown.join("\n")
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(held > 140 && unknown.len() < 20, "{held}");
}
