//! How long `rtcdiag nat` takes and what it needs, against scripted servers on loopback with an
//! emulated NAT and delay. Prints a table; nothing is asserted, since time depends on the machine.
//!
//! `cargo bench -- nat`

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::lab;
use crate::support::nat_model::NatConfig;
use crate::support::program;
use crate::support::scripted_server::{Loopback, Role, Script};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use serde_json::Value;

const RUNS: usize = 9;
const STARTS: usize = 50;

pub fn measure_all() {
    println!("nat, whole command, {RUNS} runs each (ms)");
    println!("{:<44} {:>8} {:>8} {:>8}", "", "median", "max", "packets");
    for rtt in [1, 40] {
        for (name, script) in scripts(Duration::from_millis(rtt)) {
            verdicts(&format!("{rtt} ms round trip, {name}"), &script);
        }
    }
    println!();
    compare(Duration::from_millis(40));
    println!();
    starts("--version");
    starts("--help");
    println!("peak memory of a nat run: {:.1} MB", peak_memory());
    let size = std::fs::metadata(program::binary()).map_or(0, |m| m.len());
    println!("size of the program: {:.2} MB", megabytes(size));
}

fn scripts(rtt: Duration) -> Vec<(&'static str, Script)> {
    use Filtering as F;
    use Mapping as M;
    let nat = |mapping, filtering| NatConfig::nat(mapping, filtering);
    let open = Script::new(NatConfig::open(), vec![Role::Discovery, Role::Plain]);
    let strict = nat(M::EndpointIndependent, F::AddressAndPortDependent);
    let mut scripts = vec![
        ("every probe answered (no NAT)", open),
        (
            "full cone",
            Script::new(
                nat(M::EndpointIndependent, F::EndpointIndependent),
                vec![Role::Discovery],
            ),
        ),
        (
            "port-restricted cone",
            Script::new(strict.clone(), vec![Role::Discovery]),
        ),
        (
            "symmetric",
            Script::new(
                nat(M::AddressAndPortDependent, F::AddressAndPortDependent),
                vec![Role::Discovery],
            ),
        ),
        (
            "port-restricted, 2 of 4 servers dead",
            Script::new(
                strict,
                vec![Role::Discovery, Role::Silent, Role::Plain, Role::Silent],
            ),
        ),
    ];
    for (_, script) in &mut scripts {
        script.delay = rtt / 2;
    }
    scripts
}

/// Runs the program and prints its times.
fn verdicts(name: &str, script: &Script) {
    let servers = Loopback::start(script).expect("loopback has ports");
    let uris: Vec<String> = (0..script.servers.len()).map(|i| servers.uri(i)).collect();
    let mut packets = 0;
    let times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let mut command = rtcdiag();
            command.args(uris.iter().flat_map(|uri| ["-s", uri]));
            let started = Instant::now();
            let output = command.output().expect("it runs");
            let elapsed = started.elapsed();
            let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(report["outcome"], "good", "{name}: {report:#}");
            packets = report["result"]["observations"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|o| o["transmissions"].as_u64())
                .sum();
            milliseconds(elapsed)
        })
        .collect();
    let (median, max) = summary(times);
    println!("{name:<44} {median:>8.0} {max:>8.0} {packets:>8}");
}

/// The same NAT with coturn's client, where it is installed.
fn compare(rtt: Duration) {
    let (name, script) = scripts(rtt).swap_remove(2);
    let servers = Loopback::start(&script).expect("loopback has ports");
    let address = servers.address(0);
    let time = |command: &mut Command| {
        let times = (0..3)
            .map(|_| {
                let started = Instant::now();
                let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
                status.map(|_| milliseconds(started.elapsed()))
            })
            .collect::<Result<Vec<f64>, _>>();
        times.map(|times| summary(times).0)
    };
    let ours = time(rtcdiag().args(["-s", &servers.uri(0)])).expect("it runs");
    let mut other = Command::new("turnutils_natdiscovery");
    other.args(["-m", "-f", "-p", &address.port().to_string()]);
    other.arg(address.ip().to_string());
    match time(&mut other) {
        Ok(theirs) => println!(
            "{} ms round trip, {name}: rtcdiag {ours:.0} ms, turnutils_natdiscovery -m -f {theirs:.0} ms ({:.1} times as long)",
            rtt.as_millis(),
            theirs / ours
        ),
        Err(_) => println!("turnutils_natdiscovery is not installed: no comparison"),
    }
}

fn starts(flag: &str) {
    let times: Vec<f64> = (0..STARTS)
        .map(|_| {
            let started = Instant::now();
            let output = Command::new(program::binary())
                .arg(flag)
                .output()
                .expect("it runs");
            assert!(output.status.success());
            milliseconds(started.elapsed())
        })
        .collect();
    let (median, max) = summary(times);
    println!("{flag}: median {median:.1} ms, max {max:.1} ms of {STARTS} starts");
}

/// The high-water mark that Linux keeps for the process, read until it ends.
fn peak_memory() -> f64 {
    let (_, script) = scripts(Duration::from_millis(40)).swap_remove(4);
    let servers = Loopback::start(&script).expect("loopback has ports");
    let uris: Vec<String> = (0..script.servers.len()).map(|i| servers.uri(i)).collect();
    lab::peak_memory(rtcdiag().args(uris.iter().flat_map(|uri| ["-s", uri])))
}

fn rtcdiag() -> Command {
    let mut command = Command::new(program::binary());
    command.env_clear().args(["nat", "--json", "-4"]);
    command
}

fn summary(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
