//! How long `rtcdiag gather` takes and what it needs, against scripted servers on loopback with
//! delay. Prints tables; nothing is asserted, since time depends on the machine.
//!
//! `cargo bench -- gather`

use std::time::Duration;

use crate::lab::{ABOUT_DELAY, Lab, ROUND_TRIPS, RUNS, peak_memory, round_trips, run, summary};
use serde_json::Value;

/// The goals at 1 ms round trip.
const GOAL_FOUND_MS: f64 = 150.0;
const GOAL_COMPLETE_MS: f64 = 3000.0;

/// What one number of dead servers gave.
struct Measured {
    last_candidate: (f64, f64),
    complete: (f64, f64),
    whole: (f64, f64),
    candidates: usize,
    rtt: String,
}

pub fn measure_all() {
    println!("{ABOUT_DELAY}\n");
    println!(
        "gather, whole command, {RUNS} runs each (ms): two STUN servers, turn: over UDP, turns:"
    );
    println!(
        "{:<30} {:>22} {:>22} {:>22} {:>10}",
        "", "last candidate", "complete", "whole time", "candidates"
    );
    println!(
        "{:<30} {:>11} {:>10} {:>11} {:>10} {:>11} {:>10}",
        "", "median", "max", "median", "max", "median", "max"
    );
    for milliseconds in ROUND_TRIPS {
        let round_trip = Duration::from_millis(milliseconds);
        let alive = measure(round_trip, 0);
        print(&format!("{milliseconds} ms, four live servers"), &alive);
        let with_dead = measure(round_trip, 2);
        print(
            &format!("{milliseconds} ms, two dead ones beside"),
            &with_dead,
        );
        println!(
            "{:<30} last candidate {:.2} times as late with the dead ones; round trips measured: {}",
            "",
            with_dead.last_candidate.0 / alive.last_candidate.0,
            alive.rtt
        );
        if milliseconds == 1 {
            let found = alive.last_candidate.1.max(with_dead.last_candidate.1);
            goal("last candidate", found, GOAL_FOUND_MS);
            goal(
                "whole time with dead ones",
                with_dead.whole.1,
                GOAL_COMPLETE_MS,
            );
        }
    }
    println!();
    let mut lab = Lab::new(Duration::from_millis(1));
    let args = arguments(&mut lab, 2);
    println!(
        "peak memory of a gather run: {:.1} MB",
        peak_memory(&mut lab.program(&args))
    );
}

fn measure(round_trip: Duration, dead: usize) -> Measured {
    let mut lab = Lab::new(round_trip);
    let args = arguments(&mut lab, dead);
    let (mut found, mut complete, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let (mut candidates, mut rtt) = (0, String::new());
    for _ in 0..RUNS {
        let (report, elapsed) = run(&mut lab.program(&args));
        let result = &report["result"];
        let failed = rows(result, "servers").filter(|s| s["status"] == "failed");
        assert_eq!(failed.count(), dead, "{report:#}");
        let times = rows(result, "candidates").filter_map(|c| c["found_ms"].as_f64());
        found.push(times.fold(0.0, f64::max));
        complete.push(result["complete_ms"].as_f64().expect("a number"));
        whole.push(elapsed);
        candidates = rows(result, "candidates").count();
        rtt = round_trips(&result["servers"]);
    }
    Measured {
        last_candidate: summary(&found),
        complete: summary(&complete),
        whole: summary(&whole),
        candidates,
        rtt,
    }
}

fn arguments(lab: &mut Lab, dead: usize) -> Vec<String> {
    let mut uris = vec![
        format!("stun:{}", lab.udp()),
        format!("stun:{}", lab.udp()),
        format!("turn:{}?transport=udp", lab.udp()),
        format!("turns:{}", lab.tls()),
    ];
    let schemes = ["stun", "turn"].into_iter().cycle().take(dead);
    uris.extend(schemes.map(|scheme| format!("{scheme}:{}", lab.silent())));
    let servers = uris.into_iter().flat_map(|uri| ["-s".to_owned(), uri]);
    std::iter::once("gather".to_owned())
        .chain(servers)
        .collect()
}

fn rows<'a>(result: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    result[list].as_array().into_iter().flatten()
}

fn print(name: &str, measured: &Measured) {
    let Measured {
        last_candidate: (found, found_max),
        complete: (complete, complete_max),
        whole: (whole, whole_max),
        candidates,
        ..
    } = measured;
    println!(
        "{name:<30} {found:>11.1} {found_max:>10.1} {complete:>11.0} {complete_max:>10.0} {whole:>11.0} {whole_max:>10.0} {candidates:>10}"
    );
}

fn goal(what: &str, most: f64, goal: f64) {
    let word = if most <= goal { "reached" } else { "MISSED" };
    println!(
        "{:<30} goal {word}: {what} at most {most:.0} ms, {goal:.0} wanted",
        ""
    );
}
