//! How long `rtcdiag turn` takes and what it needs, against a scripted server on loopback with
//! delay. Prints tables; nothing is asserted, since time depends on the machine.
//!
//! `cargo bench -- turn`

use std::collections::BTreeMap;
use std::time::Duration;

use crate::lab::{ABOUT_DELAY, Lab, ROUND_TRIPS, RUNS, peak_memory, round_trips, run, summary};
use serde_json::Value;

/// The goal for three transports, policy included.
const GOAL_MS: f64 = 3000.0;

pub fn measure_all() {
    println!("{ABOUT_DELAY}\n");
    println!("turn, whole command over UDP, TCP and TLS, {RUNS} runs each (ms)");
    println!("{:<30} {:>8} {:>8}", "", "median", "max");
    for milliseconds in ROUND_TRIPS {
        let round_trip = Duration::from_millis(milliseconds);
        let with = measure(&format!("{milliseconds} ms, with policy"), round_trip, true);
        let without = measure(
            &format!("{milliseconds} ms, without policy"),
            round_trip,
            false,
        );
        println!(
            "{:<30} {:.2} times as long with the policy; round trips measured: {}",
            "",
            with.whole.0 / without.whole.0,
            with.rtt
        );
        println!("{:<30} median of each stage: {}", "", with.stages);
        let word = if with.whole.1 <= GOAL_MS {
            "reached"
        } else {
            "MISSED"
        };
        println!(
            "{:<30} goal {word}: at most {:.0} ms, {GOAL_MS:.0} wanted",
            "", with.whole.1
        );
    }
    println!();
    let mut lab = Lab::new(Duration::from_millis(1));
    let args = arguments(&mut lab, true);
    println!(
        "peak memory of a turn run: {:.1} MB",
        peak_memory(&mut lab.program(&args))
    );
}

/// What one setting gave.
struct Measured {
    whole: (f64, f64),
    rtt: String,
    stages: String,
}

fn measure(name: &str, round_trip: Duration, policy: bool) -> Measured {
    let mut lab = Lab::new(round_trip);
    let args = arguments(&mut lab, policy);
    let (mut whole, mut rtt) = (Vec::new(), String::new());
    let mut stages = BTreeMap::new();
    for _ in 0..RUNS {
        let (report, elapsed) = run(&mut lab.program(&args));
        let transports = &report["result"]["transports"];
        let rows = transports.as_array().expect("a list");
        assert_eq!(rows.len(), 3, "{report:#}");
        for row in rows {
            assert_eq!(row["status"], "ok", "{report:#}");
            for stage in row["stages"].as_array().expect("a list") {
                let key = (text(row, "transport"), text(stage, "stage"));
                let time = stage["elapsed_ms"].as_f64().expect("a number");
                stages.entry(key).or_insert_with(Vec::new).push(time);
            }
        }
        whole.push(elapsed);
        rtt = round_trips(transports);
    }
    let whole = summary(&whole);
    println!("{name:<30} {:>8.0} {:>8.0}", whole.0, whole.1);
    let stages: Vec<String> = stages
        .iter()
        .map(|((transport, stage), times)| format!("{transport} {stage} {:.0}", summary(times).0))
        .collect();
    Measured {
        whole,
        rtt,
        stages: stages.join(", "),
    }
}

fn arguments(lab: &mut Lab, policy: bool) -> Vec<String> {
    let mut args = vec!["turn".to_owned(), format!("turn:{}", lab.all())];
    if !policy {
        args.push("--no-policy".to_owned());
    }
    args
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().expect("text").to_owned()
}
