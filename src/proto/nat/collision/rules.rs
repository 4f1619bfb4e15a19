//! From what the rounds of a collision test saw to facts.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::behavior::words::Mapping;

/// How a round is set up. A NAT may decide by a host's first packet, so the order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setup {
    /// The port is held towards the first destination, which the second host asks first.
    HeldFirst,
    /// The port is held towards the first destination, which the second host asks last.
    HeldLast,
    /// The port is held towards all destinations.
    AllHeld,
}

pub const SETUPS: [Setup; 3] = [Setup::HeldFirst, Setup::HeldLast, Setup::AllHeld];

/// An answer to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    pub destination: SocketAddr,
    /// What it saw; `None` without an answer.
    pub reflexive: Option<SocketAddr>,
}

/// One round: one host holds a port, a second one with the same local port asks the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundSeen {
    pub setup: Setup,
    /// The local address and port of the host that holds it.
    pub holder: SocketAddr,
    /// What the holder was seen as at the beginning, by each destination that it holds the port
    /// towards.
    pub held: Vec<Sighting>,
    /// What the second host was seen as.
    pub second: Vec<Sighting>,
    /// What the first destination saw the holder as at the end.
    pub after: Option<SocketAddr>,
}

/// What the test shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollisionFacts {
    /// The mapping behaviour of the second host.
    #[serde(rename = "mapping_under_collision")]
    pub mapping: Fact<Mapping>,
    /// Whether that depends on the order in which it asks: a NAT may give it a port by the first
    /// destination, and keep to it where it can.
    #[serde(rename = "collision_order_matters")]
    pub order_matters: Fact<bool>,
    /// Whether both hosts have the same external port (RFC 4787 4.2.1).
    #[serde(rename = "port_overloading")]
    pub overloading: Fact<bool>,
}

impl CollisionFacts {
    /// The same for all.
    pub fn all(why: &Fact<Infallible>) -> Self {
        Self {
            mapping: why.unknown(),
            order_matters: why.unknown(),
            overloading: why.unknown(),
        }
    }

    fn inconclusive(reason: Reason, detail: impl Into<String>) -> Self {
        Self::all(&Fact::inconclusive(reason, detail))
    }

    /// Whether the second local address was of no use, and another one may be.
    pub fn is_for_another_address(&self) -> bool {
        matches!(
            self.mapping,
            Fact::Inconclusive {
                reason: Reason::NoSecondAddress,
                ..
            }
        )
    }
}

/// The facts. `external` is the address that the path has without a collision.
pub fn facts(rounds: &[RoundSeen], external: IpAddr) -> CollisionFacts {
    let held = || {
        rounds
            .iter()
            .flat_map(|r| r.held.iter().map(move |h| (r, h)))
    };
    let answered: Vec<(&RoundSeen, SocketAddr)> = held()
        .filter_map(|(round, seen)| Some((round, seen.reflexive?)))
        .collect();
    if answered.is_empty() {
        return CollisionFacts::inconclusive(
            Reason::NoSecondAddress,
            "the second local address gets no answers from the servers",
        );
    }
    if let Some((round, _)) = answered.iter().find(|(r, seen)| *seen == r.holder) {
        return CollisionFacts::inconclusive(
            Reason::NoSecondAddress,
            format!(
                "the second local address {} is not translated",
                round.holder.ip()
            ),
        );
    }
    if let Some((round, seen)) = answered.iter().find(|(_, seen)| seen.ip() != external) {
        return CollisionFacts::inconclusive(
            Reason::NoSecondAddress,
            format!(
                "the second local address {} is seen as {}, the first one as {external}: ports do not collide there",
                round.holder.ip(),
                seen.ip()
            ),
        );
    }
    let collided: Vec<&RoundSeen> = rounds.iter().filter(|r| is_held(r)).collect();
    if collided.is_empty() {
        let changed = answered
            .iter()
            .find(|(round, seen)| seen.port() != round.holder.port());
        return match changed {
            Some((round, seen)) => CollisionFacts::inconclusive(
                Reason::PortNotPreserved,
                format!(
                    "the NAT gave the second local address port {} for {}, so the port of the first one was not held",
                    seen.port(),
                    round.holder.port()
                ),
            ),
            None => lossy(),
        };
    }
    let changed = |r: &&RoundSeen| {
        r.after
            .is_some_and(|after| Some(after) != r.held[0].reflexive)
    };
    if collided.iter().any(changed) {
        return CollisionFacts::inconclusive(
            Reason::MappingChanged,
            "the mapping of the second local address changed meanwhile",
        );
    }
    let overloaded = collided.iter().any(|r| shares(r));
    // Who shares a port may lose it: then the silence at the end is its effect.
    let whole: Vec<&RoundSeen> = collided
        .iter()
        .copied()
        .filter(|r| r.after.is_some() || shares(r))
        .filter(|r| r.second.iter().all(|s| s.reflexive.is_some()))
        .collect();
    let setups: BTreeSet<Setup> = whole.iter().map(|r| r.setup).collect();
    let is_complete = setups.len() == SETUPS.len();
    let held = whole
        .first()
        .and_then(|r| Some(r.held.first()?.destination));
    let patterns = if is_complete {
        patterns(&whole)
    } else {
        Err(incomplete(&collided))
    };
    let (mapping, order_matters) = match &patterns {
        Ok(patterns) => (
            mapping(patterns, held),
            Fact::Determined(order_matters(patterns)),
        ),
        Err(why) => (why.unknown(), why.unknown()),
    };
    CollisionFacts {
        mapping,
        order_matters,
        overloading: if overloaded {
            Fact::Determined(true)
        } else if is_complete {
            Fact::Determined(false)
        } else {
            incomplete(&collided)
        },
    }
}

/// Whether the port that the second host would have got was taken when it came.
pub(super) fn is_held(round: &RoundSeen) -> bool {
    let port = round.holder.port();
    !round.held.is_empty()
        && round
            .held
            .iter()
            .all(|seen| seen.reflexive.is_some_and(|r| r.port() == port))
}

/// Whether the second host got the external port of the first.
fn shares(round: &RoundSeen) -> bool {
    let held = round.held.first().and_then(|seen| seen.reflexive);
    held.is_some() && round.second.iter().any(|seen| seen.reflexive == held)
}

fn lossy() -> CollisionFacts {
    CollisionFacts::all(&Fact::inconclusive(
        Reason::PacketLoss,
        "too many packets were lost to hold a port",
    ))
}

/// Why the rounds do not suffice.
fn incomplete<T>(collided: &[&RoundSeen]) -> Fact<T> {
    let setups: BTreeSet<Setup> = collided.iter().map(|r| r.setup).collect();
    let silent = collided
        .iter()
        .flat_map(|r| &r.second)
        .filter(|s| s.reflexive.is_none())
        .count();
    if setups.len() == SETUPS.len() && silent > 0 {
        return Fact::inconclusive(
            Reason::NoResponse,
            format!(
                "while another host held the port, {silent} requests from it were not answered: the NAT may drop such packets, or they were lost"
            ),
        );
    }
    Fact::inconclusive(
        Reason::TooFewSamples,
        format!(
            "the port was held in {} rounds, but not in one of each kind",
            collided.len()
        ),
    )
}

/// Which pairs of destinations saw the same address.
type Pattern = Vec<((SocketAddr, SocketAddr), bool)>;

/// What each setup shows; `Err` where that is no one thing.
fn patterns(rounds: &[&RoundSeen]) -> Result<BTreeMap<Setup, Pattern>, Fact<Infallible>> {
    let addresses: BTreeSet<IpAddr> = rounds
        .iter()
        .flat_map(|r| r.second.iter().filter_map(|s| Some(s.reflexive?.ip())))
        .collect();
    if addresses.len() > 1 {
        return Err(Fact::inconclusive(
            Reason::AddressPooling,
            "destinations see different external addresses, so their ports cannot be compared",
        ));
    }
    let mut patterns: BTreeMap<Setup, Pattern> = BTreeMap::new();
    for round in rounds {
        let seen = pattern(round);
        let known = patterns.entry(round.setup).or_insert_with(|| seen.clone());
        if *known != seen {
            return Err(Fact::inconclusive(
                Reason::Contradiction,
                "it is not the same for every port that was tried",
            ));
        }
    }
    Ok(patterns)
}

fn mapping(patterns: &BTreeMap<Setup, Pattern>, held: Option<SocketAddr>) -> Fact<Mapping> {
    let of = |wanted: fn(Setup) -> bool| -> Pattern {
        let setups = patterns.iter().filter(|(setup, _)| wanted(**setup));
        setups.flat_map(|(_, pattern)| pattern.clone()).collect()
    };
    let (all, all_held) = (of(|_| true), of(|setup| setup == Setup::AllHeld));
    if all.iter().all(|(_, same)| *same) {
        return Fact::Determined(Mapping::EndpointIndependent);
    }
    if differs(&all, true) {
        return Fact::Determined(Mapping::AddressAndPortDependent);
    }
    let with_ports = |ip: Option<IpAddr>| {
        all.iter()
            .any(|((a, b), _)| a.ip() == b.ip() && ip.is_none_or(|ip| a.ip() == ip))
    };
    // Where the port is held towards one destination only, another port of that very address has to
    // be looked at.
    let is_by_address = (differs(&all_held, false) && with_ports(None))
        || held.is_some_and(|held| with_ports(Some(held.ip())));
    if is_by_address {
        return Fact::Determined(Mapping::AddressDependent);
    }
    Fact::inconclusive(
        Reason::EndpointDependent,
        "server addresses see different mappings; too few answer on a second port to tell address-dependent from address-and-port-dependent",
    )
}

/// Whether it stays endpoint-independent in one order of asking and not in the other.
fn order_matters(patterns: &BTreeMap<Setup, Pattern>) -> bool {
    let stays = |setup: Setup| {
        patterns
            .get(&setup)
            .is_some_and(|pattern| pattern.iter().all(|(_, same)| *same))
    };
    stays(Setup::HeldFirst) != stays(Setup::HeldLast)
}

/// Whether the mapping differs for two ports of one address, or for two addresses.
fn differs(pattern: &Pattern, of_one_address: bool) -> bool {
    pattern
        .iter()
        .any(|((a, b), same)| !same && (a.ip() == b.ip()) == of_one_address)
}

fn pattern(round: &RoundSeen) -> Pattern {
    let mut seen = round.second.clone();
    seen.sort_unstable_by_key(|s| s.destination);
    let mut pairs = Vec::new();
    for (index, a) in seen.iter().enumerate() {
        for b in &seen[index + 1..] {
            pairs.push(((a.destination, b.destination), a.reflexive == b.reflexive));
        }
    }
    pairs
}
