//! The collision test in a simulated network, in virtual time: two hosts with the same port behind
//! NATs that do what is known of each.

mod net;

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::time::Time;
use rtcdiag::proto::machine::{Flow, Machine as _, SendError};
use rtcdiag::proto::nat::behavior::words::Mapping;
use rtcdiag::proto::nat::collision::{Collision, ROUNDS};

use net::{Clash, EXTERNAL, Net, destinations, pairs};

const SEEDS: u64 = 40;

/// What is true of a NAT: its mapping in a collision, whether the order matters, whether ports are
/// shared.
type Truth = Result<(Mapping, bool, bool), Reason>;

fn cases() -> Vec<(Clash, Truth)> {
    use Mapping::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
    vec![
        (Clash::AnotherPort, Ok((EndpointIndependent, false, false))),
        (Clash::SamePort, Ok((EndpointIndependent, false, true))),
        (Clash::PortPerAddress, Ok((AddressDependent, false, false))),
        (
            Clash::PortPerEndpoint,
            Ok((AddressAndPortDependent, false, false)),
        ),
        (
            Clash::FreeTowardsFirst,
            Ok((AddressAndPortDependent, true, true)),
        ),
        (
            Clash::FreeTowardsEach,
            Ok((AddressAndPortDependent, false, true)),
        ),
        (Clash::Dropped, Err(Reason::NoResponse)),
        (Clash::Never, Err(Reason::PortNotPreserved)),
        (Clash::OtherExternalAddress, Err(Reason::NoSecondAddress)),
        (Clash::SecondUntranslated, Err(Reason::NoSecondAddress)),
        (Clash::SecondMute, Err(Reason::NoSecondAddress)),
    ]
}

fn machine(seed: u64, destinations: &[SocketAddr]) -> Collision {
    let round_trip = Duration::from_millis(40);
    Collision::new(
        &pairs(),
        destinations,
        EXTERNAL,
        round_trip,
        seed,
        Time::ZERO,
    )
}

#[test]
fn every_nat_is_told_for_what_it_is() {
    for (clash, truth) in cases() {
        let mut machine = machine(1, &destinations());
        let mut net = Net::new(clash, 0.0, 1);
        net.run(&mut machine);
        let facts = machine.facts();
        match truth {
            Ok((mapping, order_matters, overloading)) => {
                assert_eq!(facts.mapping, Fact::Determined(mapping), "{clash:?}");
                assert_eq!(
                    facts.overloading,
                    Fact::Determined(overloading),
                    "{clash:?}"
                );
                let found = facts.order_matters;
                assert_eq!(found, Fact::Determined(order_matters), "{clash:?}");
            }
            Err(reason) => assert!(
                matches!(&facts.mapping, Fact::Inconclusive { reason: found, .. } if *found == reason),
                "{clash:?}: {facts:?}"
            ),
        }
    }
}

/// With loss a fact may stay unknown, but it is never false.
#[test]
fn loss_makes_nothing_false() {
    for (clash, truth) in cases() {
        for loss in [0.05, 0.2] {
            let mut determined = 0;
            for seed in 0..SEEDS {
                let mut machine = machine(seed, &destinations());
                let mut net = Net::new(clash, loss, seed);
                net.run(&mut machine);
                let facts = machine.facts();
                let at = format!("{clash:?}, loss {loss}, seed {seed}: {facts:?}");
                let Ok((mapping, order_matters, overloading)) = truth else {
                    assert!(!facts.mapping.is_determined(), "{at}");
                    continue;
                };
                assert!(facts.mapping.value().is_none_or(|m| *m == mapping), "{at}");
                let order = facts.order_matters.value();
                assert!(order.is_none_or(|o| *o == order_matters), "{at}");
                let shared = facts.overloading.value();
                assert!(shared.is_none_or(|o| *o == overloading), "{at}");
                determined += u64::from(facts.mapping.is_determined());
            }
            if truth.is_ok() {
                assert!(
                    determined >= SEEDS - 2,
                    "{clash:?}, loss {loss}: {determined}"
                );
            }
        }
    }
}

/// Servers without a second port show that the mapping depends on the endpoint, and no more.
#[test]
fn two_plain_servers() {
    let plain = [destinations()[0], destinations()[1]];
    for (clash, mapping) in [
        (Clash::AnotherPort, Ok(Mapping::EndpointIndependent)),
        (Clash::PortPerEndpoint, Err(Reason::EndpointDependent)),
        (Clash::FreeTowardsFirst, Err(Reason::EndpointDependent)),
    ] {
        let mut machine = machine(1, &plain);
        Net::new(clash, 0.0, 1).run(&mut machine);
        let facts = machine.facts();
        let found = match &facts.mapping {
            Fact::Determined(mapping) => Ok(*mapping),
            Fact::Inconclusive { reason, .. } | Fact::NotTested { reason } => Err(*reason),
        };
        assert_eq!(found, mapping, "{clash:?}");
    }
}

/// Without loss: one packet for each question, four round trips.
#[test]
fn it_costs_four_round_trips() {
    let mut machine = machine(1, &destinations());
    let mut net = Net::new(Clash::AnotherPort, 0.0, 1);
    net.run(&mut machine);
    // Two rounds of each setup: 1 + 4 + 1 packets, twice, and 4 + 4 + 1.
    assert_eq!(net.sent(), 2 * (6 + 6 + 9));
    assert_eq!(net.now(), Duration::from_millis(4 * 40));
    assert!(machine.questions().iter().all(|q| q.transmissions == 1));
}

/// A second address that is not answered ends the test; it is not asked for ever.
#[test]
fn silence_ends() {
    let mut machine = machine(1, &destinations());
    let mut net = Net::new(Clash::SecondMute, 0.0, 1);
    net.run(&mut machine);
    assert!(net.now() < Duration::from_secs(2), "{:?}", net.now());
    assert!(net.sent() < 200, "{}", net.sent());
    assert_eq!(machine.poll_timeout(), None);
}

#[test]
fn what_cannot_be_sent_is_not_waited_for() {
    let mut machine = machine(1, &destinations());
    while let Some(transmit) = machine.poll_transmit() {
        machine.handle_error(Time::ZERO, transmit.flow, SendError::Unreachable);
    }
    assert!(machine.is_finished());
    assert!(!machine.facts().mapping.is_determined());
}

#[test]
fn a_stop_is_the_reason_for_what_is_missing() {
    let mut machine = machine(1, &destinations());
    machine.stop(Reason::Interrupted);
    assert!(machine.is_finished());
    assert_eq!(machine.poll_transmit(), None);
    let facts = machine.facts();
    assert!(
        matches!(
            facts.mapping,
            Fact::Inconclusive {
                reason: Reason::Interrupted,
                ..
            }
        ),
        "{facts:?}"
    );
}

/// Only an answer from the address that was asked, to a socket of the same round, counts.
#[test]
fn strays_count_for_nothing() {
    let mut machine = machine(1, &destinations());
    let first = machine.poll_transmit().expect("it begins at once");
    let stranger = destinations()[1];
    let answer = net::answer(&first.payload, "203.0.113.1:7".parse().expect("an address"));
    let by_stranger = Flow {
        remote: stranger,
        ..first.flow
    };
    machine.handle_input(Time::ZERO, by_stranger, &answer);
    let of_another_round = Flow {
        socket: 2 * ROUNDS - 1,
        ..first.flow
    };
    machine.handle_input(Time::ZERO, of_another_round, &answer);
    machine.handle_input(Time::ZERO, first.flow, b"garbage");
    machine.handle_input(Time::ZERO, first.flow, &first.payload);
    let asked = &machine.questions()[0];
    assert_eq!(asked.reflexive, None);
    machine.handle_input(Time::ZERO, first.flow, &answer);
    assert!(machine.questions()[0].reflexive.is_some());
}
