//! `rtcdiag pair` between two hosts behind kernel NATs and filters, with coturn and a rendezvous between them.

pub mod bare;
pub mod browser;
pub mod media;
pub mod network;
pub mod sessions;

use std::process::Command;

use serde::Deserialize;

use super::ends::{self, Ended};
use super::{data, suite};
use network::{Network, Place, Side};

/// How a case ends.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Path {
    Direct,
    Relayed,
    None,
}

/// A network, how the two ends are called, and what must come of it: a table of `cases/pairs.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    place: Place,
    /// Where each finds the rendezvous.
    #[serde(default = "rendezvous")]
    rendezvous: [String; 2],
    /// The server's host has no route but to its own networks.
    #[serde(default)]
    unrouted: bool,
    /// There is a broker beside the rendezvous.
    #[serde(default)]
    broker: bool,
    /// Arguments of each.
    #[serde(default = "udp")]
    args: [String; 2],
    path: Path,
    /// What may be predicted; that it must not be contradicted is so unless `contradicted` says
    /// that a firewall does what no NAT test shows.
    predicted: Vec<String>,
    #[serde(default)]
    contradicted: bool,
    /// Why there is no direct path: the code of the first cause, and whose it is (`a`, `b`, `both`
    /// or `between`). Where there is one, no cause may be given.
    cause: Option<[String; 2]>,
    /// The same for why no relay helped.
    relay_cause: Option<[String; 2]>,
    /// Codes of findings that each end must have.
    #[serde(default)]
    findings: [Vec<String>; 2],
    /// The types of the selected candidates, if they matter: `a`'s, then `b`'s.
    selected: Option<[String; 2]>,
}

/// Servers for both: STUN and TURN over UDP.
const UDP: &str = "-s stun:203.0.113.10 -s turn:203.0.113.10";
const RENDEZVOUS: &str = "ws://203.0.113.12:443";

fn udp() -> [String; 2] {
    [UDP, UDP].map(str::to_owned)
}

fn rendezvous() -> [String; 2] {
    [RENDEZVOUS, RENDEZVOUS].map(str::to_owned)
}

/// One of those in `cases/sides.toml`.
pub fn side(name: &str) -> Side {
    data::table("sides", name)
}

/// Runs a case and fails the test if anything is wrong with either end.
pub fn check(name: &str, case: &Case) {
    let runs = suite::runs(1);
    for run in 1..=runs {
        // A router remembers flows for minutes, so each run has routers of its own.
        let mut network = Network::build(&case.place);
        if case.unrouted {
            let without = network.lab.ip("srv", "route del default");
            without.expect("it had one");
        }
        if case.broker && !network.start_broker() {
            return;
        }
        let code = new_code();
        let start = |number: usize| {
            let (rendezvous, args) = (&case.rendezvous[number], &case.args[number]);
            let args = format!("{code} --rendezvous {rendezvous} --duration 0.5 {args}");
            network.pair(network::ROLES[number], &args)
        };
        let (a, b) = (start(0), start(1));
        let (a, b) = (a.finish(), b.finish());
        let flaws = flaws(case, &a, &b);
        assert!(
            flaws.is_empty(),
            "{name}, run {run} of {runs}:\n  {}\n-- a: {}\n-- b: {}\n{}",
            flaws.join("\n  "),
            a.describe(),
            b.describe(),
            network.lab.describe(),
        );
    }
}

fn flaws(case: &Case, a: &Ended, b: &Ended) -> Vec<String> {
    let mut flaws = ends::disagreements(a, b);
    if case.contradicted {
        flaws.retain(|flaw| !flaw.contains("a false prediction"));
    }
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
        if !case.predicted.iter().any(|p| p == end.expected()) {
            flaws.push(format!("predicted: {}", end.result()["prediction"]));
        }
    }
    for (key, wanted) in [("causes", &case.cause), ("relay_causes", &case.relay_cause)] {
        for (end, own) in [(a, "a"), (b, "b")] {
            let first = &end.result()[key][0];
            let whose = match first["side"].as_str() {
                Some("local") => own,
                Some("remote") if own == "a" => "b",
                Some("remote") => "a",
                other => other.unwrap_or_default(),
            };
            let said = first["code"].as_str().map(|code| [code, whose]);
            let wanted = wanted.as_ref().map(|[code, whose]| [&**code, &**whose]);
            if said != wanted {
                flaws.push(format!("{own}: {key}: {said:?}, not {wanted:?}"));
            }
        }
    }
    for (end, wanted) in [a, b].into_iter().zip(&case.findings) {
        let found = end.document["findings"].as_array();
        let has = |code: &String| found.is_some_and(|all| all.iter().any(|f| f["code"] == **code));
        let lacking = wanted.iter().filter(|code| !has(code));
        flaws.extend(lacking.map(|code| format!("no finding {code}")));
    }
    if let Some([local, remote]) = &case.selected {
        let selected = &a.result()["selected"];
        for (side, wanted) in [("local", local), ("remote", remote)] {
            if selected[side]["type"] != **wanted {
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
