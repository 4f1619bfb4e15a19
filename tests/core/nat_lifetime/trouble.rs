//! NATs that restart, drop bindings or have no one lifetime, and runs that are cut short.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::proto::nat::lifetime::Kind;

use super::nat::Rules;
use super::runs;
use super::server::Habit;
use super::world::{Scenario, run};

const LIFETIMES: [(f64, f64); 6] = [
    (3.0, 3.0),
    (5.0, 20.0),
    (20.0, 20.0),
    (30.0, 120.0),
    (60.0, 240.0),
    (400.0, 400.0),
];

pub fn drawn(seed: u64) -> (Scenario, StdRng) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (one, two) = LIFETIMES[rng.random_range(0..LIFETIMES.len())];
    let rules = Rules {
        preserves_ports: rng.random(),
        inbound_refreshes: rng.random(),
        stream_after_two_seconds: rng.random(),
        ..Rules::new(one, two)
    };
    let holds = rng.random();
    let scenario = Scenario {
        habit: if holds {
            Habit::Ignores
        } else {
            Habit::Honours
        },
        holds,
        loss: [0.0, 0.0, 0.05, 0.2][rng.random_range(0..4)],
        jitter: [0.0, 0.3][rng.random_range(0..2)],
        position: rng.random(),
        rtt: Duration::from_millis([8, 40, 120][rng.random_range(0..3)]),
        seed,
        ..Scenario::new(rules, 300.0)
    };
    (scenario, rng)
}

/// Thousands of runs that end at a random moment: `run` holds each word against the truth.
#[test]
fn whenever_it_is_stopped_only_the_truth_is_said() {
    let mut determined = 0;
    for seed in 0..1500 * runs() {
        let (scenario, mut rng) = drawn(seed);
        let at = Duration::from_secs_f64(rng.random_range(0.0_f64..1.0).powi(2) * 400.0);
        let reason = [Reason::Interrupted, Reason::Timeout][rng.random_range(0..2)];
        let scenario = Scenario {
            stop: Some((at, reason)),
            ..scenario
        };
        let outcome = run(&scenario).unwrap_or_else(|e| panic!("{e}: {scenario:?}"));
        for kind in Kind::ALL {
            match outcome.fact(kind) {
                Fact::Determined(_) => determined += 1,
                // One kind may have ended before.
                Fact::Inconclusive { reason: found, .. } if outcome.took == at => assert!(
                    *found == reason
                        || matches!(found, Reason::Contradiction | Reason::MappingChanged),
                    "{found:?}"
                ),
                Fact::Inconclusive { .. } => {}
                other @ Fact::NotTested { .. } => panic!("{other:?}"),
            }
        }
    }
    assert!(determined > 1000 * runs(), "{determined}");
}

#[test]
fn a_nat_that_restarts_does_not_shorten_lifetimes() {
    let (mut determined, mut all) = (0, 0);
    for seed in 0..1500 * runs() {
        let (mut scenario, mut rng) = drawn(seed);
        let count = rng.random_range(1..3);
        let restarts = (0..count).map(|_| Duration::from_secs_f64(rng.random_range(0.0..150.0)));
        scenario.rules.restarts = restarts.collect();
        scenario.rules.restarts.sort();
        let outcome = run(&scenario).unwrap_or_else(|e| panic!("{e}: {scenario:?}"));
        for kind in Kind::ALL {
            all += 1;
            determined += usize::from(outcome.fact(kind).is_determined());
        }
    }
    println!("{determined} of {all}");
    assert!(determined * 10 > all * 8, "{determined} of {all}");
}

/// A binding that is dropped now and then is found out, or measured over.
#[test]
fn single_losses_are_no_lifetime() {
    let (mut wrong, mut all) = (0, 0);
    for seed in 0..500 * runs() {
        let (mut scenario, _) = drawn(seed);
        scenario.rules.drops_one_in = Some(40);
        scenario.loss = 0.0;
        all += 1;
        wrong += usize::from(run(&scenario).is_err());
    }
    println!("{wrong} of {all}");
    assert!(wrong * 100 <= all, "{wrong} of {all}");
}

#[test]
fn lifetimes_that_differ_from_binding_to_binding_are_not_one() {
    let mut contradictions = 0;
    for seed in 0..200 {
        let (mut scenario, _) = drawn(seed);
        scenario.rules = Rules {
            spread: 1.0,
            ..Rules::new(20.0, 20.0)
        };
        scenario.loss = 0.0;
        let outcome = run(&scenario).unwrap_or_else(|e| panic!("{e}: {scenario:?}"));
        let contradicted = |fact: &Fact<_>| {
            matches!(
                fact,
                Fact::Inconclusive {
                    reason: Reason::Contradiction | Reason::MappingChanged,
                    ..
                }
            )
        };
        contradictions += usize::from(Kind::ALL.iter().any(|k| contradicted(outcome.fact(*k))));
    }
    println!("{contradictions} of 200");
    assert!(contradictions > 40, "{contradictions}");
}
