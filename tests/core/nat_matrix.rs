//! The whole matrix of NAT behaviours in virtual time: no determined fact may be false in any run,
//! nearly all that apply must be determined, and it must not take long.
//!
//! `RTCDIAG_SIM_RUNS=n` makes n runs for each cell of the matrix (default 4).
//! `RTCDIAG_SIM_REPLAY=cell:run` runs one and prints every packet.

// It prints its counts, and its numbers are small.
#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::support::matrix::{self, Cell, LinkMode, Topology};
use crate::support::scenario::Scenario;
use crate::support::sim_net::{self, Outcome};
use crate::support::truth::{self, FACTS};

const DEFAULT_RUNS: u64 = 4;

/// Counts for one fact at one loss rate.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    runs: u64,
    applies: u64,
    determined: u64,
    false_: u64,
}

#[derive(Debug, Default)]
struct Tally {
    facts: BTreeMap<(usize, u32), Count>,
    /// Longest and total virtual time and datagrams by delay, mode and loss.
    times: BTreeMap<(String, u32), (Duration, Duration, usize, u32)>,
    /// Facts that apply and were not determined, by what the run looked like.
    gaps: BTreeMap<String, u64>,
    failures: Vec<String>,
}

#[test]
fn no_fact_is_false_and_nearly_all_are_found() {
    if let Ok(replay) = std::env::var("RTCDIAG_SIM_REPLAY") {
        return print_replay(&replay);
    }
    hold(&matrix::cells(), runs(), Cell::scenario);
}

/// The same through a NAT64 whose prefix is known, of each length: nothing of it may make a fact
/// false, or keep it from being found.
#[test]
fn nat64_is_as_well_known_as_any_nat() {
    let mut cells = matrix::cells();
    cells.retain(|c| matches!(c.topology, Topology::Nat(..) | Topology::Linux));
    hold(&cells, runs(), Cell::nat64_scenario);
}

fn runs() -> u64 {
    let wished = std::env::var("RTCDIAG_SIM_RUNS").ok();
    wished.and_then(|n| n.parse().ok()).unwrap_or(DEFAULT_RUNS)
}

fn hold(cells: &[Cell], runs: u64, scenario: impl Fn(&Cell, u64) -> Scenario + Sync) {
    let tally = run_all(cells, runs, &scenario);
    println!("{}", tally.report(cells.len(), runs));
    let mut failures = tally.failures.clone();
    for ((fact, loss), count) in &tally.facts {
        let missed = count.applies - count.determined;
        if *loss <= 5 && missed * 100 > count.applies {
            failures.push(format!(
                "{} at {loss} % loss: only {} of {} determined",
                FACTS[*fact], count.determined, count.applies
            ));
        }
    }
    let shown = failures.iter().take(25).cloned().collect::<Vec<_>>();
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        shown.join("\n")
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for cell in matrix::cells().iter().step_by(37) {
        let scenario = cell.scenario(3);
        let first = sim_net::run_traced(&scenario).expect("it ends");
        let second = sim_net::run_traced(&scenario).expect("it ends");
        assert_eq!(first.trace, second.trace, "{}", cell.name());
        assert_eq!(first.facts, second.facts, "{}", cell.name());
    }
}

fn run_all(
    cells: &[Cell],
    runs: u64,
    scenario: &(impl Fn(&Cell, u64) -> Scenario + Sync),
) -> Tally {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    for cell in cells.iter().skip(worker).step_by(threads) {
                        for run in 0..runs {
                            tally.add(cell, run, &scenario(cell, run));
                        }
                    }
                    tally
                })
            })
            .collect();
        let mut total = Tally::default();
        for worker in workers {
            total.merge(worker.join().expect("a worker panicked"));
        }
        total.failures.sort();
        total
    })
}

impl Tally {
    fn add(&mut self, cell: &Cell, run: u64, scenario: &Scenario) {
        let name = format!("[{}:{run}] {}", cell.index, cell.name());
        let outcome = match sim_net::run(scenario) {
            Ok(outcome) => outcome,
            Err(error) => return self.failures.push(format!("{name}: {error}")),
        };
        let loss = cell.loss_percent;
        for (i, verdict) in truth::judge(scenario, &outcome, &outcome.facts)
            .into_iter()
            .enumerate()
        {
            let count = self.facts.entry((i, loss)).or_default();
            count.runs += 1;
            count.applies += u64::from(verdict.applies);
            count.determined += u64::from(verdict.applies && verdict.determined);
            if let Some(text) = verdict.falsehood {
                count.false_ += 1;
                self.failures
                    .push(format!("{name}: FALSE {}: {text}", verdict.fact));
            } else if verdict.applies && !verdict.determined && loss <= 5 {
                let why = why_not(&outcome, verdict.fact);
                let gap = format!("{:?}, {}:{why}", cell.topology, cell.delay_name());
                *self.gaps.entry(gap).or_default() += 1;
            }
        }
        for (at, facts) in &outcome.snapshots {
            // What is said of servers is known for the end of the run only.
            for verdict in truth::judge(scenario, &outcome, facts) {
                if let Some(text) = verdict.falsehood.filter(|_| verdict.fact != "servers") {
                    self.failures.push(format!(
                        "{name}: FALSE in between, at {at:?}: {}: {text}",
                        verdict.fact
                    ));
                }
            }
        }
        if let Some((limit, why)) = cell.time_limit(scenario)
            && outcome.elapsed > limit
        {
            self.failures.push(format!(
                "{name}: SLOW {:?}, allowed {limit:?} ({why})",
                outcome.elapsed
            ));
        }
        let key = (format!("{:<14} {:?}", cell.delay_name(), cell.mode), loss);
        let time = self.times.entry(key).or_default();
        time.0 = time.0.max(outcome.elapsed);
        time.1 += outcome.elapsed;
        time.2 += outcome.sent;
        time.3 += 1;
    }

    fn merge(&mut self, other: Self) {
        for (key, count) in other.facts {
            let sum = self.facts.entry(key).or_default();
            sum.runs += count.runs;
            sum.applies += count.applies;
            sum.determined += count.determined;
            sum.false_ += count.false_;
        }
        for (key, time) in other.times {
            let sum = self.times.entry(key).or_default();
            sum.0 = sum.0.max(time.0);
            sum.1 += time.1;
            sum.2 += time.2;
            sum.3 += time.3;
        }
        for (gap, count) in other.gaps {
            *self.gaps.entry(gap).or_default() += count;
        }
        self.failures.extend(other.failures);
    }

    fn report(&self, cells: usize, runs: u64) -> String {
        let mut text = format!("{cells} cells, {runs} runs each, {} runs\n", {
            cells as u64 * runs
        });
        let _ = writeln!(
            text,
            "fact                 loss   runs  apply  found      %  false"
        );
        for ((fact, loss), c) in &self.facts {
            let percent = 100.0 * c.determined as f64 / c.applies.max(1) as f64;
            let _ = writeln!(
                text,
                "{:<20} {loss:>3}% {:>6} {:>6} {:>6} {percent:>6.2} {:>6}",
                FACTS[*fact], c.runs, c.applies, c.determined, c.false_
            );
        }
        let _ = writeln!(
            text,
            "delay          mode        loss  longest ms  mean ms  datagrams"
        );
        for ((name, loss), (longest, total, sent, n)) in &self.times {
            let n = *n;
            let _ = writeln!(
                text,
                "{name:<26} {loss:>3}% {:>11} {:>8} {:>10}",
                longest.as_millis(),
                (*total / n).as_millis(),
                sent / n as usize
            );
        }
        let _ = writeln!(
            text,
            "not determined although it applies, at 0 and 5 % loss:"
        );
        for (gap, count) in &self.gaps {
            let _ = writeln!(text, "{count:>6}  {gap}");
        }
        text
    }
}

/// The reason that the machine gives for a fact, as it prints.
fn why_not(outcome: &Outcome, fact: &str) -> String {
    let facts = format!("{:?}", outcome.facts);
    let start = facts.find(&format!(" {fact}: ")).unwrap_or(0);
    let text: String = facts[start..].chars().take(250).collect();
    let end = text.find(" }").unwrap_or(text.len());
    text[..end].to_owned()
}

fn print_replay(replay: &str) {
    let (cell, run) = replay.split_once(':').expect("cell:run");
    let cells = matrix::cells();
    let cell = &cells[cell.parse::<usize>().expect("a number")];
    let scenario = cell.scenario(run.parse().expect("a number"));
    println!("{}\n{scenario:#?}", cell.name());
    match sim_net::run_traced(&scenario) {
        Err(error) => println!("{error}"),
        Ok(outcome) => {
            for (i, socket) in outcome.sockets.iter().enumerate() {
                println!("socket {i}: {socket}");
            }
            println!("{}", outcome.trace.join("\n"));
            for (inside, outside) in &outcome.mappings {
                println!("mapping {inside} = {outside}");
            }
            println!("{:#?}\nat {:?}", outcome.facts, outcome.elapsed);
            for (at, facts) in &outcome.snapshots {
                let texts = truth::falsehoods(&scenario, &outcome, facts);
                println!("at {at:?} false: {texts:?}");
            }
            for verdict in truth::judge(&scenario, &outcome, &outcome.facts) {
                println!("{verdict:?}");
            }
        }
    }
}

/// Every mode is in the matrix; a mode that nobody runs would be a test of nothing.
#[test]
fn the_matrix_is_complete() {
    let cells = matrix::cells();
    assert_eq!(cells.len(), matrix::TOPOLOGIES * 3 * 4 * 3);
    for mode in [
        LinkMode::Plain,
        LinkMode::Reorder,
        LinkMode::Duplicates,
        LinkMode::Strays,
    ] {
        assert!(cells.iter().any(|c| c.mode == mode));
    }
}
