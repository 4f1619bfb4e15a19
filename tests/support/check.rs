//! Running a scenario with many seeds and saying exactly what was expected of it.

use std::fmt::Debug;

use rtcdiag::base::fact::{Fact, Reason};

use super::scenario::Scenario;
use super::sim_net::{self, Outcome};
use super::truth;

/// `Err` says what is wrong.
pub type Check = Result<(), String>;

/// Runs the scenario with the seeds 1 to `seeds`. In each run no determined fact may be false, and
/// `expectation` must hold. With `RTCDIAG_SIM_KEEP_GOING` set, failures are printed, one line each,
/// and the test goes on.
pub fn check(scenario: &Scenario, seeds: u64, expectation: impl Fn(&Outcome) -> Check) {
    for seed in 1..=seeds {
        let scenario = scenario.seeded(seed);
        let complaint = match sim_net::run(&scenario) {
            Err(error) => error,
            Ok(outcome) => {
                let false_facts = truth::falsehoods(&scenario, &outcome, &outcome.facts);
                match expectation(&outcome) {
                    _ if !false_facts.is_empty() => format!("FALSE: {}", false_facts.join("; ")),
                    Err(complaint) => complaint,
                    Ok(()) => continue,
                }
            }
        };
        if std::env::var_os("RTCDIAG_SIM_KEEP_GOING").is_some() {
            eprintln!("KEEP GOING: {}: {complaint}", summary(&scenario));
            continue;
        }
        let trace = match sim_net::run_traced(&scenario) {
            Ok(outcome) => format!("{}\n{:#?}", outcome.trace.join("\n"), outcome.facts),
            Err(trace) => trace,
        };
        panic!("seed {seed}: {complaint}\n{scenario:#?}\n{trace}\nseed {seed}: {complaint}");
    }
}

fn summary(scenario: &Scenario) -> String {
    let path: Vec<String> = scenario
        .path
        .iter()
        .map(|b| {
            format!(
                "{:?} {:?}/{:?} {:?} {:?} filtered={}",
                b.kind, b.mapping, b.filtering, b.ports, b.hairpin, b.hairpin_filtering
            )
        })
        .collect();
    let servers: Vec<String> = scenario
        .servers
        .iter()
        .map(|s| {
            format!(
                "{} {:?} {:?} {:?} {:?} up={}",
                s.primary, s.other, s.change, s.reflexive, s.reply, s.alternate_up
            )
        })
        .collect();
    let (seed, loss) = (scenario.seed, scenario.link.loss);
    format!(
        "seed {seed} loss {loss} {} | {}",
        path.join(" + "),
        servers.join(", ")
    )
}

/// Nothing more than that no fact is false.
pub fn check_not_false(scenario: &Scenario, seeds: u64) {
    check(scenario, seeds, |_| Ok(()));
}

/// The fact is determined, with this value.
pub fn is<T: PartialEq + Debug>(fact: &Fact<T>, value: T) -> Check {
    if fact.value() == Some(&value) {
        return Ok(());
    }
    Err(format!("expected {value:?}, got {fact:?}"))
}

/// The fact is not determined, for one of these reasons.
pub fn why<T: Debug>(fact: &Fact<T>, reasons: &[Reason]) -> Check {
    match reason(fact) {
        Some(reason) if reasons.contains(&reason) => Ok(()),
        _ => Err(format!("expected one of {reasons:?}, got {fact:?}")),
    }
}

/// The fact is inconclusive, not "not tested", for this reason, and says more in the detail.
pub fn inconclusive<T: Debug>(fact: &Fact<T>, expected: Reason) -> Check {
    match fact {
        Fact::Inconclusive { reason, detail } if *reason == expected && !detail.is_empty() => {
            Ok(())
        }
        _ => Err(format!("expected inconclusive {expected:?}, got {fact:?}")),
    }
}

/// The fact is not determined.
pub fn unknown<T: Debug>(fact: &Fact<T>) -> Check {
    match fact.is_determined() {
        true => Err(format!("expected no answer, got {fact:?}")),
        false => Ok(()),
    }
}

/// Why a fact is not determined.
pub fn reason<T>(fact: &Fact<T>) -> Option<Reason> {
    match fact {
        Fact::Determined(_) => None,
        Fact::Inconclusive { reason, .. } | Fact::NotTested { reason } => Some(*reason),
    }
}
