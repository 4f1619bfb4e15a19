//! The benchmarks: how long each command takes, and what it needs. They print tables; nothing is
//! asserted, since time depends on the machine.
//!
//! `cargo bench` runs all, `cargo bench -- nat pair` some. `RTCDIAG_BENCH_PROGRAM` names another binary
//! to measure in place of the one just built, an older one say.

#![allow(clippy::print_stdout, clippy::disallowed_methods)] // a benchmark measures and prints

mod broker;
mod flood;
mod gather;
mod hostile;
mod inspect;
mod lab;
mod nat;
mod pair;
mod rendezvous;
#[path = "../tests/support/mod.rs"]
mod support;
mod turn;

const BENCHMARKS: [(&str, fn()); 9] = [
    ("nat", nat::measure_all),
    ("gather", gather::measure_all),
    ("turn", turn::measure_all),
    ("rendezvous", rendezvous::measure_all),
    ("broker", broker::measure_all),
    ("hostile", hostile::measure_all),
    ("flood", flood::measure_all),
    ("pair", pair::measure_all),
    ("inspect", inspect::measure_all),
];

fn main() {
    if rendezvous::is_client() {
        return rendezvous::measure_all();
    }
    if hostile::is_client() {
        return hostile::measure_all();
    }
    // Cargo adds flags of its own.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let is_known = |name: &String| BENCHMARKS.iter().any(|(known, _)| known == name);
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        println!("no benchmark {unknown}");
        std::process::exit(2);
    }
    for (name, run) in BENCHMARKS {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            run();
            println!();
        }
    }
}
