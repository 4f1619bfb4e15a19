//! `rtcdiag pair` between two hosts behind kernel NATs and filters, with coturn and a rendezvous between them.

mod matrix;
pub mod network;
mod rules;
mod sessions;

use std::process::Command;

use super::ends::{self, Ended};
use super::{filters, nats, skipped};
use network::{Hop, Network, Place, Side};

/// How a case ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Path {
    Direct,
    Relayed,
    None,
}

/// A network, how the two ends are called, and what must come of it.
struct Case {
    place: Place,
    /// Where each finds the rendezvous.
    rendezvous: [&'static str; 2],
    /// Arguments of each.
    args: [&'static str; 2],
    path: Path,
    /// What may be predicted; that it must not be contradicted is always so.
    predicted: &'static [&'static str],
    /// The types of the selected candidates, if they matter: `a`'s, then `b`'s.
    selected: Option<[&'static str; 2]>,
}

const fn nat(rules: &'static [&'static str]) -> Hop {
    Hop {
        rules,
        is_routed: false,
    }
}

const fn router(rules: &'static [&'static str]) -> Hop {
    Hop {
        rules,
        is_routed: true,
    }
}

const fn behind(hops: &'static [Hop]) -> Side {
    Side {
        hops,
        has_ipv4: true,
        has_ipv6: false,
        ip: &[],
    }
}

pub const HOME: Side = behind(&[nat(&[nats::MASQUERADE, filters::NO_STRAYS])]);
pub const SYMMETRIC: Side = behind(&[nat(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])]);

/// Servers for both: STUN and TURN over UDP.
const UDP: &str = "-s stun:203.0.113.10 -s turn:203.0.113.10";
const RENDEZVOUS: &str = "ws://203.0.113.12:443";
const RENDEZVOUS6: &str = "ws://[2001:db8:113::12]:443";

/// How often each case runs.
fn runs() -> u32 {
    std::env::var("RTCDIAG_NETNS_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(1)
}

/// Runs a case and fails the test if anything is wrong with either end.
fn check(name: &str, case: &Case) {
    if skipped(name) {
        return;
    }
    for run in 1..=runs() {
        // A router remembers flows for minutes, so each run has routers of its own.
        let network = Network::build(&case.place);
        let code = new_code();
        let start = |number: usize| {
            let (rendezvous, args) = (case.rendezvous[number], case.args[number]);
            let args = format!("{code} --rendezvous {rendezvous} --duration 0.5 {args}");
            network.pair(network::ROLES[number], &args)
        };
        let (a, b) = (start(0), start(1));
        let (a, b) = (a.finish(), b.finish());
        let flaws = flaws(case, &a, &b);
        assert!(
            flaws.is_empty(),
            "{name}, run {run} of {}:\n  {}\n-- a: {}\n-- b: {}\n{}",
            runs(),
            flaws.join("\n  "),
            a.describe(),
            b.describe(),
            network.lab.describe(),
        );
    }
}

fn flaws(case: &Case, a: &Ended, b: &Ended) -> Vec<String> {
    let mut flaws = ends::disagreements(a, b);
    let (path, code) = match case.path {
        Path::Direct => (Some("direct"), 0),
        Path::Relayed => (Some("relayed"), 0),
        Path::None => (None, 1),
    };
    for end in [a, b] {
        if end.path() != path {
            flaws.push(format!("the path is {:?}, not {path:?}", end.path()));
        }
        if end.code != Some(code) {
            flaws.push(format!("exit code {:?}", end.code));
        }
        if !case.predicted.contains(&end.expected()) {
            flaws.push(format!("predicted: {}", end.result()["prediction"]));
        }
    }
    if let Some([local, remote]) = case.selected {
        let selected = &a.result()["selected"];
        for (side, wanted) in [("local", local), ("remote", remote)] {
            if selected[side]["type"] != wanted {
                flaws.push(format!("{side} is {}, not {wanted}", selected[side]));
            }
        }
    }
    flaws
}

/// A code that no other session has.
pub fn new_code() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rtcdiag"))
        .args(["pair", "--new-code"])
        .output()
        .expect("it starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
