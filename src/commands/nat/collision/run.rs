//! The mapping while another local address holds the same port.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use crate::base::fact::{Fact, Reason};
use crate::commands::nat::run::Event;
use crate::commands::nat::run::depth::TestedPath;
use crate::net::drive::collision;
use crate::net::host::{self, Source};
use crate::proto::nat::behavior::probe::Test;
use crate::proto::nat::behavior::words::{Mapping, PathFacts, Udp};
use crate::proto::nat::behavior::{Discovery, Observation};
use crate::proto::nat::collision::{Collision, CollisionFacts, Pair, ROUNDS};

/// How many second addresses are tried: a host may have many that are of no use.
const MOST_ADDRESSES: usize = 3;

/// How many ports are tried until both addresses have one free.
const MOST_PORTS: usize = 64;

/// Its transaction IDs are not those of the other tests.
const SEED: u64 = 0x636f_6c6c_6964_6500;

pub struct CollisionTest {
    pub facts: CollisionFacts,
    pub observations: Vec<Observation>,
}

/// Tests it, if the options ask for it.
pub async fn run(tested: TestedPath<'_>) -> CollisionTest {
    if !tested.around.depth.collision {
        return CollisionTest::without(&Fact::not_tested(Reason::NotAskedFor));
    }
    let stopped = *tested.around.stop.borrow();
    if let Some(reason) = stopped {
        let detail = "the run ended before the answer was there";
        return CollisionTest::without(&Fact::inconclusive(reason, detail));
    }
    let facts = tested.discovery.facts();
    if let Some(why) = hindrance(&facts) {
        return CollisionTest::without(&why);
    }
    let destinations = destinations(tested.discovery);
    let (Some(external), true) = (facts.reflexive_addresses.first(), destinations.len() > 1) else {
        return CollisionTest::without(&Fact::not_tested(Reason::EarlierFailure));
    };
    let mut siblings = host::siblings_of(tested.local, tested.interface);
    siblings.truncate(MOST_ADDRESSES);
    let mut done = CollisionTest::without(&Fact::not_tested(Reason::NoSecondAddress));
    for sibling in siblings {
        let next = test(tested, sibling, &destinations, external.ip()).await;
        let is_useless = next.facts.is_for_another_address();
        let earlier = std::mem::take(&mut done.observations);
        done = next;
        done.observations.splice(0..0, earlier);
        if !is_useless {
            break;
        }
    }
    done
}

/// Why the question does not arise, or cannot be answered, given what is known of the path.
fn hindrance(facts: &PathFacts) -> Option<Fact<Infallible>> {
    let reason = match (&facts.udp, &facts.nat, &facts.mapping) {
        (Fact::Determined(Udp::Open), Fact::Determined(false), _) => Reason::NoNat,
        (
            Fact::Determined(Udp::Open),
            Fact::Determined(true),
            Fact::Determined(Mapping::EndpointIndependent),
        ) => {
            return (facts.port_preservation == Fact::Determined(false)).then(|| {
                Fact::inconclusive(
                    Reason::PortNotPreserved,
                    "the NAT gives each mapping a port of its own choice, so two hosts with the same port do not collide",
                )
            });
        }
        (Fact::Determined(Udp::Open), Fact::Determined(true), Fact::Determined(_)) => {
            Reason::NotApplicable
        }
        _ => Reason::EarlierFailure,
    };
    Some(Fact::not_tested(reason))
}

/// One address that the port is held towards, two ports of another one, and a second port of the
/// first, or as much of that as there is; all have answered.
fn destinations(discovery: &Discovery) -> Vec<SocketAddr> {
    let wrong: BTreeSet<IpAddr> = discovery
        .servers()
        .into_iter()
        .filter(|s| s.error.is_some() || discovery.outvoted() == Some(s.address))
        .map(|s| s.address.ip())
        .collect();
    let of_mapping = |test: Test| {
        matches!(
            test,
            Test::Mapping1 | Test::Mapping2 | Test::Mapping3 | Test::Mapping4 | Test::SecondPort
        )
    };
    let answered: Vec<SocketAddr> = discovery
        .observations()
        .into_iter()
        .filter(|o| of_mapping(o.test) && o.reflexive_address.is_some())
        .filter(|o| o.answered_from == Some(o.sent_to) && !wrong.contains(&o.sent_to.ip()))
        .map(|o| o.sent_to)
        .collect();
    chosen(&answered)
}

fn chosen(answered: &[SocketAddr]) -> Vec<SocketAddr> {
    let second_port = |a: &SocketAddr| {
        answered
            .iter()
            .find(|b| b.ip() == a.ip() && b.port() != a.port())
            .copied()
    };
    // The other address of a server rather than the primary one, as in RFC 5780 4.3.
    let pair = answered
        .iter()
        .rev()
        .find_map(|a| Some((*a, second_port(a)?)));
    let others: Vec<SocketAddr> = match (pair, answered) {
        (Some((a, b)), _) => vec![a, b],
        (None, [_, rest @ ..]) => rest.to_vec(),
        (None, []) => Vec::new(),
    };
    let taken = others.first().map(SocketAddr::ip);
    let held = answered.iter().find(|a| Some(a.ip()) != taken);
    match (held, taken) {
        (Some(held), Some(_)) => [*held]
            .into_iter()
            .chain(others.into_iter().take(2))
            .chain(second_port(held))
            .collect(),
        _ => Vec::new(),
    }
}

async fn test(
    tested: TestedPath<'_>,
    sibling: IpAddr,
    destinations: &[SocketAddr],
    external: IpAddr,
) -> CollisionTest {
    let around = tested.around;
    let Ok((pairs, sockets)) = sockets(&around.source, tested.local, sibling) else {
        let detail = format!("nothing can be sent from {sibling}");
        return CollisionTest::without(&Fact::inconclusive(Reason::NoSecondAddress, detail));
    };
    let servers = tested.discovery.servers().into_iter();
    let rtts = servers.filter_map(|s| Some(s.facts.rtt_ms?.0));
    let mut machine = Collision::new(
        &pairs,
        destinations,
        external,
        rtts.max().unwrap_or_default(),
        around.seed ^ SEED,
        around.clock.now(),
    );
    collision::drive(&mut machine, &sockets, &around.clock, around.stop.clone()).await;
    let observations: Vec<Observation> = machine
        .observations()
        .map(|observation| tested.route.named(observation, tested.interface))
        .collect();
    for observation in &observations {
        // The result has it all the same.
        let _ = around
            .events
            .send(Event::Observation(Box::new(observation.clone())));
    }
    CollisionTest {
        facts: machine.facts(),
        observations,
    }
}

/// Two sockets for each round, with the same port on both addresses.
fn sockets(
    source: &Source,
    local: IpAddr,
    sibling: IpAddr,
) -> io::Result<(Vec<Pair>, Vec<UdpSocket>)> {
    let (mut pairs, mut sockets) = (Vec::new(), Vec::new());
    let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..MOST_PORTS {
        let second = source.udp(local)?;
        let address = second.local_addr()?;
        let own = SocketAddr::new(sibling, address.port());
        match source.udp_at(own) {
            Ok(holder) => {
                pairs.push(Pair {
                    holder: own,
                    second: address,
                });
                sockets.extend([holder, second]);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => failure = error,
            Err(error) => return Err(error),
        }
        if pairs.len() == ROUNDS {
            return Ok((pairs, sockets));
        }
    }
    Err(failure)
}

impl CollisionTest {
    pub fn without(why: &Fact<Infallible>) -> Self {
        Self {
            facts: CollisionFacts::all(why),
            observations: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn one_address_is_held_and_two_ports_of_another_are_asked_beside_it() {
        for (answered, expected) in [
            (
                &[
                    "203.0.113.10:1",
                    "203.0.113.11:2",
                    "203.0.113.10:2",
                    "203.0.113.11:1",
                ][..],
                &[
                    "203.0.113.10:1",
                    "203.0.113.11:1",
                    "203.0.113.11:2",
                    "203.0.113.10:2",
                ][..],
            ),
            (
                &["203.0.113.10:1", "203.0.113.20:1"],
                &["203.0.113.10:1", "203.0.113.20:1"],
            ),
            (
                &["203.0.113.10:1", "203.0.113.10:2", "203.0.113.20:1"],
                &["203.0.113.20:1", "203.0.113.10:2", "203.0.113.10:1"],
            ),
            (&["203.0.113.10:1", "203.0.113.10:2"], &[]),
            (&["203.0.113.10:1"], &[]),
            (&[], &[]),
        ] {
            let answered: Vec<_> = answered
                .iter()
                .map(|a| a.parse().expect("an address"))
                .collect();
            let found: Vec<String> = chosen(&answered).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{answered:?}");
        }
    }
}
