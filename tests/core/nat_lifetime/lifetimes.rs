//! Sound NATs and servers: both lifetimes are found, within bounds that are near to each other.

use std::fmt::Write as _;
use std::time::Duration;

use rtcdiag::base::fact::Fact;
use rtcdiag::proto::nat::lifetime::{Kind, MOST_SOCKETS};

use super::nat::Rules;
use super::runs;
use super::server::Habit;
use super::world::{Scenario, run};

/// One-packet and two-way, in seconds.
const LIFETIMES: [(f64, f64); 12] = [
    (3.0, 3.0),
    (3.0, 30.0),
    (5.0, 20.0),
    (10.0, 10.0),
    (20.0, 20.0),
    (30.0, 120.0),
    (30.0, 180.0),
    (60.0, 60.0),
    (65.0, 64.0),
    (120.0, 300.0),
    (300.0, 600.0),
    (1200.0, 1790.0),
];

fn cells() -> Vec<(String, Scenario)> {
    let mut cells = Vec::new();
    for (one, two) in LIFETIMES {
        let plain = Rules::new(one, two);
        let kinds = [
            ("linux", Rules::linux(one, two)),
            ("plain", plain.clone()),
            (
                "random ports",
                Rules {
                    preserves_ports: false,
                    inbound_refreshes: true,
                    ..plain.clone()
                },
            ),
            (
                "firewall",
                Rules {
                    translates: false,
                    ..plain
                },
            ),
        ];
        for (name, rules) in kinds {
            for (habit, holds) in [
                (Habit::Honours, false),
                (Habit::HonoursWide, false),
                (Habit::Refuses, true),
            ] {
                for (loss, jitter) in [(0.0, 0.0), (0.05, 0.2), (0.2, 0.4)] {
                    for (rtt, position) in [(4, 0.1), (40, 0.0), (40, 1.0), (160, 0.4)] {
                        let scenario = Scenario {
                            habit,
                            holds,
                            loss,
                            jitter,
                            rtt: Duration::from_millis(rtt),
                            position,
                            ..Scenario::new(rules.clone(), 1800.0_f64.min(two * 5.0).max(30.0))
                        };
                        let name = format!(
                            "{one}/{two} s, {name}, {habit:?}, loss {loss}, rtt {rtt} ms, at {position}"
                        );
                        cells.push((name, scenario));
                    }
                }
            }
        }
    }
    cells
}

#[test]
fn both_lifetimes_are_found_and_nothing_false_is_said() {
    let mut wrong = Vec::new();
    let (mut all, mut open, mut lossy) = (0, 0, 0);
    for (number, (name, cell)) in cells().into_iter().enumerate() {
        for repeat in 0..runs() {
            let seed = number as u64 * 1000 + repeat;
            let scenario = Scenario {
                seed,
                ..cell.clone()
            };
            let outcome = match run(&scenario) {
                Ok(outcome) => outcome,
                Err(error) => {
                    wrong.push(format!("{name}, seed {seed}: {error}"));
                    continue;
                }
            };
            let few = scenario.loss < 0.1;
            assert!(
                outcome.limited == 0 || !few,
                "{name}: the server was asked too much"
            );
            for kind in Kind::ALL {
                all += 1;
                let (least, most) = match outcome.fact(kind) {
                    Fact::Determined(range) => (range.at_least, range.at_most),
                    _ => (Duration::ZERO, None),
                };
                // What some round trips cost shows in the shortest lifetimes.
                let slack = scenario.rtt * 5;
                match most {
                    Some(most) if most <= least.mul_f64(1.15) + slack => {}
                    _ if scenario.loss > 0.1 => lossy += 1,
                    _ => {
                        open += 1;
                        println!("{name}, seed {seed}: {kind:?} {:?}", outcome.fact(kind));
                    }
                }
            }
        }
    }
    println!("{all} lifetimes, {open} not found, {lossy} more with 20 % loss");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(open * 200 <= all, "{open} of {all} not found");
    assert!(lossy * 10 <= all, "{lossy} of {all} not found with loss");
}

#[test]
fn all_that_live_for_the_longest_wait_have_no_upper_bound() {
    for longest in [5.0, 60.0, 300.0, 1800.0] {
        let scenario = Scenario::new(Rules::new(longest * 1.1, longest * 3.0), longest);
        let outcome = run(&scenario).expect("nothing false");
        for kind in Kind::ALL {
            let Fact::Determined(range) = outcome.fact(kind) else {
                panic!("{kind:?}: {:?}", outcome.fact(kind));
            };
            assert_eq!(range.at_most, None);
            assert!(range.at_least.as_secs_f64() >= longest, "{range:?}");
        }
        // The longest wait, and not the sum.
        assert!(
            outcome.took.as_secs_f64() < longest + 6.0,
            "{:?}",
            outcome.took
        );
    }
}

/// What is written in the README.
#[test]
fn what_it_costs() {
    let mut table = String::new();
    for (one, two, longest) in [
        (5.0, 20.0, 30.0),
        (20.0, 20.0, 300.0),
        (30.0, 120.0, 300.0),
        (30.0, 180.0, 300.0),
        (60.0, 300.0, 300.0),
        (400.0, 400.0, 300.0),
        (30.0, 600.0, 1800.0),
    ] {
        let scenario = Scenario::new(Rules::linux(one, two), longest);
        let outcome = run(&scenario).expect("nothing false");
        let snapshot = &outcome.snapshot;
        let text = |kind| match outcome.fact(kind) {
            Fact::Determined(range) => match range.at_most {
                Some(most) => format!(
                    "{:.1}..{:.1}",
                    range.at_least.as_secs_f64(),
                    most.as_secs_f64()
                ),
                None => format!("over {:.1}", range.at_least.as_secs_f64()),
            },
            other => format!("{other:?}"),
        };
        let _ = writeln!(
            table,
            "{one}/{two} s up to {longest} s: {} and {}, {:.0} s, {} packets, {} sockets",
            text(Kind::OnePacket),
            text(Kind::TwoWay),
            outcome.took.as_secs_f64(),
            snapshot.packets,
            snapshot.sockets
        );
        assert!(snapshot.sockets <= MOST_SOCKETS && MOST_SOCKETS < 20);
        assert!(snapshot.packets < 4000, "{}", snapshot.packets);
        assert!(
            outcome.took.as_secs_f64() < 2.2 * longest.min(two * 2.3) + 20.0,
            "{table}"
        );
    }
    println!("{table}");
}
