//! Servers that cannot do it, or do not do what they did.

use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::proto::nat::lifetime::{Kind, Method};

use super::nat::Rules;
use super::server::Habit;
use super::world::{Outcome, Scenario, run};

fn reason(outcome: &Outcome, kind: Kind) -> Option<Reason> {
    match outcome.fact(kind) {
        Fact::Inconclusive { reason, detail } => {
            assert!(!detail.is_empty());
            Some(*reason)
        }
        _ => None,
    }
}

fn with(habit: Habit, holds: bool) -> Scenario {
    Scenario {
        habit,
        holds,
        ..Scenario::new(Rules::linux(5.0, 20.0), 30.0)
    }
}

#[test]
fn without_response_port_nothing_is_concluded() {
    for habit in [Habit::Refuses, Habit::Ignores, Habit::Drops] {
        let outcome = run(&with(habit, false)).expect("nothing false");
        for kind in Kind::ALL {
            assert_eq!(
                reason(&outcome, kind),
                Some(Reason::NoResponsePort),
                "{habit:?}"
            );
        }
        assert_eq!(outcome.snapshot.method, None);
        assert!(
            outcome.took.as_secs_f64() < 3.0,
            "{habit:?}: {:?}",
            outcome.took
        );
    }
}

#[test]
fn an_own_server_needs_no_response_port() {
    for habit in [Habit::Refuses, Habit::Ignores, Habit::Drops] {
        let outcome = run(&with(habit, true)).expect("nothing false");
        assert_eq!(
            outcome.snapshot.method,
            Some(Method::HeldAnswer),
            "{habit:?}"
        );
        for kind in Kind::ALL {
            assert!(
                outcome.fact(kind).is_determined(),
                "{habit:?} {:?}",
                outcome.fact(kind)
            );
        }
    }
}

#[test]
fn response_port_in_four_bytes() {
    let outcome = run(&with(Habit::HonoursWide, false)).expect("nothing false");
    let method = outcome.snapshot.method;
    assert_eq!(method, Some(Method::ResponsePort { wide: true }));
    assert!(
        Kind::ALL
            .iter()
            .all(|kind| outcome.fact(*kind).is_determined())
    );
}

/// A few external addresses: now and then it works, and must not be relied on.
#[test]
fn few_external_addresses() {
    for seed in 0..60 {
        for holds in [false, true] {
            let rules = Rules {
                externals: (1..=2 + seed % 3)
                    .map(|n| [203, 0, 113, u8::try_from(n).expect("few")].into())
                    .collect(),
                ..Rules::linux(5.0, 20.0)
            };
            let scenario = Scenario {
                rules,
                seed,
                ..with(Habit::Honours, holds)
            };
            let outcome = run(&scenario).expect("nothing false");
            for kind in Kind::ALL {
                let is_determined = outcome.fact(kind).is_determined();
                let pooling = reason(&outcome, kind) == Some(Reason::AddressPooling);
                assert!(
                    is_determined || (pooling && !holds),
                    "{seed}: {:?}",
                    outcome.fact(kind)
                );
            }
        }
    }
}

/// One external address for each socket: RESPONSE-PORT leads the answer to another host's address.
#[test]
fn different_external_addresses() {
    let rules = Rules {
        externals: (1..=200).map(|n| [203, 0, 113, n].into()).collect(),
        ..Rules::new(5.0, 20.0)
    };
    let scenario = Scenario {
        rules,
        ..with(Habit::Honours, false)
    };
    for seed in 0..20 {
        let outcome = run(&Scenario {
            seed,
            ..scenario.clone()
        })
        .expect("nothing false");
        for kind in Kind::ALL {
            assert_eq!(
                reason(&outcome, kind),
                Some(Reason::AddressPooling),
                "{seed}"
            );
        }
        let own = Scenario {
            seed,
            holds: true,
            ..scenario.clone()
        };
        let outcome = run(&own).expect("nothing false");
        assert_eq!(outcome.snapshot.method, Some(Method::HeldAnswer));
        assert!(
            Kind::ALL
                .iter()
                .all(|kind| outcome.fact(*kind).is_determined()),
            "{seed}"
        );
    }
}

#[test]
fn a_server_that_changes_its_mind_or_lies_proves_nothing() {
    for seconds in [1, 3, 5, 8, 15, 25] {
        for habit in [
            Habit::IgnoresAfter(seconds),
            Habit::DiesAfter(seconds),
            Habit::Lies,
        ] {
            let outcome = run(&with(habit, false)).expect("nothing false");
            let two = outcome.fact(Kind::TwoWay);
            let narrow = |range: &rtcdiag::proto::nat::lifetime::Range| range.is_narrow();
            assert!(
                matches!(two, Fact::Inconclusive { .. }) || two.value().is_some_and(narrow),
                "{habit:?}: {two:?}"
            );
            if matches!(habit, Habit::DiesAfter(_)) {
                assert_eq!(
                    reason(&outcome, Kind::TwoWay),
                    Some(Reason::NoResponse),
                    "{habit:?}"
                );
            }
        }
    }
}
