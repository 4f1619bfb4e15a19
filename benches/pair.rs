//! How long `rtcdiag pair` takes between userspace NATs with delay (`tests/support/natlab`), directly and by a relay, and how
//! long aioice takes on the same path in the same run. Prints a table; nothing is asserted, since time depends on the machine.
//!
//! `cargo bench -- pair`, as root: it needs network namespaces, coturn and python3. aioice is looked for in
//! `target/interop-venv`, which `.ci/run` makes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::support::ends::{self, End};
use crate::support::natlab::{self, Lab, Plan};
use rtcdiag::proto::nat::behavior::reachability::Peer;
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use serde_json::Value;

const RUNS: usize = 5;
const AIOICE_END: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/aioice_end.py");

/// The goals for `connected_ms`, median and worst, by round trip and path.
const GOALS: [(u64, &str, f64, f64); 3] = [
    (1, "direct", 70.0, 150.0),
    (1, "relayed", 160.0, 500.0),
    // Five round trips and 100 ms.
    (40, "direct", 300.0, 300.0),
];
const GOAL_WHOLE_MS: f64 = 6000.0;

const PORT_RESTRICTED: Peer = Peer {
    mapping: Mapping::EndpointIndependent,
    filtering: Filtering::AddressAndPortDependent,
};
const SYMMETRIC: Peer = Peer {
    mapping: Mapping::AddressAndPortDependent,
    filtering: Filtering::AddressAndPortDependent,
};

/// What some runs gave.
#[derive(Default)]
struct Times {
    connected: Vec<f64>,
    whole: Vec<f64>,
    /// Runs that took another path, or did not connect.
    wrong: usize,
}

pub fn measure_all() {
    if let Some(why) = natlab::unavailable() {
        println!("pair: cannot measure here: {why} (network namespaces need root)");
        return;
    }
    let aioice = aioice();
    if aioice.is_none() {
        println!("no aioice in target/interop-venv: nothing to compare with");
    }
    println!(
        "pair, {RUNS} runs each with the default duration (ms); the later of both ends counts; connected: from both\n\
         descriptions known to the nominated pair. aioice begins with complete descriptions, and does not exchange records."
    );
    println!(
        "{:<16} {:>20} {:>20} {:>20} {:>8}",
        "", "connected", "whole command", "aioice connected", "ratio"
    );
    println!(
        "{:<16} {:>10} {:>9} {:>10} {:>9} {:>10} {:>9}",
        "", "median", "max", "median", "max", "median", "max"
    );
    for round_trip in [1, 40] {
        for (path, nat) in [("direct", PORT_RESTRICTED), ("relayed", SYMMETRIC)] {
            let lab = Lab::build(&Plan {
                nats: [Some(nat); 2],
                round_trip: Duration::from_millis(round_trip),
                loss_percent: 0,
                has_random_ports: false,
                seed: 1,
            });
            let (mut own, mut other) = (Times::default(), Times::default());
            // In turn, so that whatever else the machine does is the same to both.
            for _ in 0..RUNS {
                measure(&lab, path, &mut own);
                if let Some(python) = &aioice {
                    measure_aioice(&lab, python, path, &mut other);
                }
            }
            print(round_trip, path, &mut own, &mut other);
        }
    }
}

fn measure(lab: &Lab, path: &str, times: &mut Times) {
    let code = natlab::new_code();
    let ends = ["a", "b"].map(|role| End::start(&mut lab.pair(role, &code, &[])));
    let ends = ends.map(End::finish);
    if ends.iter().any(|end| end.path() != Some(path)) {
        times.wrong += 1;
        for end in &ends {
            println!(
                "  {}",
                end.document["summary"].as_str().unwrap_or("no document")
            );
        }
        return;
    }
    let later = |values: [f64; 2]| values[0].max(values[1]);
    let connected = ends
        .each_ref()
        .map(|end| end.connected_ms().unwrap_or(f64::MAX));
    let whole = ends.each_ref().map(|end| end.elapsed.as_secs_f64() * 1e3);
    times.connected.push(later(connected));
    times.whole.push(later(whole));
}

fn measure_aioice(lab: &Lab, python: &Path, path: &str, times: &mut Times) {
    let [mut a, mut b] = [("a", "controlling"), ("b", "controlled")]
        .map(|(role, part)| AioiceEnd::start(lab, role, python, part));
    let (of_a, of_b) = (a.read(), b.read());
    a.write(&of_b);
    b.write(&of_a);
    let results = [a.read(), b.read()].map(|line| {
        let result: Value = serde_json::from_str(&line).unwrap_or_default();
        let types = ends::rows(&result["types"]);
        let taken = if types.iter().any(|kind| kind == "relay") {
            "relayed"
        } else {
            "direct"
        };
        let is_right = !types.is_empty() && taken == path;
        result["connected_ms"].as_f64().filter(|_| is_right)
    });
    match results {
        [Some(a), Some(b)] => times.connected.push(a.max(b)),
        _ => times.wrong += 1,
    }
}

/// A process of aioice; ends with this.
struct AioiceEnd {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl AioiceEnd {
    fn start(lab: &Lab, role: &str, python: &Path, part: &str) -> AioiceEnd {
        let mut command = lab.command(role, &python.to_string_lossy());
        let mut child = command
            .args([AIOICE_END, part, natlab::USER, natlab::PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        AioiceEnd { child, stdout }
    }

    /// A line; empty if it has ended.
    fn read(&mut self) -> String {
        let mut line = String::new();
        self.stdout
            .read_line(&mut line)
            .map_or_else(|_| String::new(), |_| line)
    }

    fn write(&mut self, line: &str) {
        if let Some(pipe) = &mut self.child.stdin {
            // If it has ended, that is seen when it is read.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

impl Drop for AioiceEnd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python that has aioice.
fn aioice() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let python = target.join("interop-venv/bin/python");
    let imported = Command::new(&python).args(["-c", "import aioice"]).status();
    imported
        .is_ok_and(|status| status.success())
        .then_some(python)
}

fn print(round_trip: u64, path: &str, own: &mut Times, other: &mut Times) {
    let (connected, connected_max) = summary(&mut own.connected);
    let (whole, whole_max) = summary(&mut own.whole);
    let (theirs, theirs_max) = summary(&mut other.connected);
    println!(
        "{:<16} {connected:>10.1} {connected_max:>9.1} {whole:>10.0} {whole_max:>9.0} {theirs:>10.1} {theirs_max:>9.1} {:>8.2}",
        format!("{round_trip} ms, {path}"),
        connected / theirs
    );
    for (name, times) in [("rtcdiag", own), ("aioice", other)] {
        if times.wrong > 0 {
            println!(
                "{:<16} {name}: {} of {RUNS} runs not {path}",
                "", times.wrong
            );
        }
    }
    let goal = GOALS
        .iter()
        .find(|goal| (goal.0, goal.1) == (round_trip, path));
    if let Some((_, _, median, worst)) = goal {
        let is_reached = connected <= *median && connected_max <= *worst;
        let word = if is_reached { "reached" } else { "MISSED" };
        println!(
            "{:<16} goal {word}: {median:.0} ms in the median, {worst:.0} at worst",
            ""
        );
    }
    let word = if whole_max < GOAL_WHOLE_MS {
        "reached"
    } else {
        "MISSED"
    };
    println!(
        "{:<16} goal {word}: whole command under {GOAL_WHOLE_MS:.0} ms",
        ""
    );
}

/// Median and maximum; NaN if there is nothing.
fn summary(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
    (at(times.len() / 2), at(times.len().wrapping_sub(1)))
}
