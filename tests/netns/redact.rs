//! `--redact` where addresses are real: none of those in the network is shown.

use std::net::IpAddr;
use std::process::Output;

use serde_json::Value;

use super::diagnosis::Scenario;
use super::ends::Ended;
use super::lab::Lab;
use super::pair::network::{Network, Place};
use super::pair::{new_code, side};
use super::turn::server::{PASSWORD, USER};
use super::{HANGS_AFTER, coturn, data, leaks, program, schema};

const MODES: [&[&str]; 5] = [
    &["-v"],
    &["--color=always", "-v"],
    &["--json"],
    &["--jsonl", "-v"],
    &["-q"],
];

/// All that hosts and routers of a lab have, and what they are translated to.
fn addresses(lab: &Lab) -> Vec<IpAddr> {
    let listing = lab.addresses();
    let words = listing.split_whitespace();
    let mut all: Vec<IpAddr> = words
        .filter_map(|word| word.split('/').next()?.parse().ok())
        .collect();
    all.extend(
        coturn::ADDRESSES
            .iter()
            .filter_map(|ip| ip.parse::<IpAddr>().ok()),
    );
    all.sort();
    all.dedup();
    assert!(all.len() > 6, "{listing}");
    all
}

/// Gives stdout, as JSON the last line or the whole.
fn assert_clean(name: &str, output: &Output, addresses: &[IpAddr]) -> (String, Value) {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    leaks::assert_none(name, &format!("{stdout}\n{stderr}"), addresses);
    assert!(
        output.status.code().is_some_and(|code| code != 2),
        "{name}: {stdout}{stderr}"
    );
    let last = stdout.lines().last().unwrap_or_default();
    let document: Value = serde_json::from_str(&stdout)
        .or_else(|_| serde_json::from_str(last))
        .unwrap_or_default();
    if !document.is_null() {
        schema::assert_valid(&document);
        assert_eq!(document["redacted"], true);
        let events = stdout.lines().take(stdout.lines().count() - 1);
        for event in events.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            // A document over several lines has none before it.
            if !event.is_object() {
                continue;
            }
            schema::assert_valid_event(&event);
        }
    }
    (stdout, document)
}

/// IPv4 translated, IPv6 filtered.
pub fn redacted_diagnoses() {
    let scenario: Scenario = data::table("nat/ipv6", "dual_stack");
    let lab = Lab::build(&scenario.lab);
    let all = addresses(&lab);
    for mode in MODES {
        for command in ["nat", "gather", "turn"] {
            let mut args = vec![command, "--redact"];
            args.extend(match command {
                "turn" => &["turn:203.0.113.10", "--turn-username", USER][..],
                _ => &["-s", "stun:203.0.113.10", "-s", "stun:[2001:db8:113::10]"],
            });
            args.extend(mode);
            let output = run(&lab, &args);
            let name = format!("{command} {mode:?}");
            let (stdout, document) = assert_clean(&name, &output, &all);
            if document.is_null() || command == "turn" {
                continue;
            }
            assert!(stdout.contains("pub6-"), "{name}: {stdout}");
            if command == "nat" {
                same_labels(&document);
            }
        }
    }
}

fn run(lab: &Lab, args: &[&str]) -> Output {
    let mut command = program::rtcdiag(lab);
    command.args(args).env("RTCDIAG_TURN_PASSWORD", PASSWORD);
    assert_cmd::Command::from_std(command)
        .timeout(HANGS_AFTER)
        .output()
        .expect("ip netns exec starts")
}

/// What each fact is about is known from the labels alone.
fn same_labels(document: &Value) {
    let result = &document["result"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let paths = result["paths"].as_array().expect("a list");
    let ipv4 = paths.iter().find(|p| p["family"] == "ipv4").expect("one");
    let ipv6 = paths.iter().find(|p| p["family"] == "ipv6").expect("one");
    let seen = text(&ipv4["reflexive_addresses"][0]);
    let (label, _) = seen.split_once(':').expect("a port");
    assert!(label.starts_with("pub"), "{seen}");
    assert_ne!(ipv4["local_address"], *label);
    let own = text(&ipv6["reflexive_addresses"][0]);
    assert!(
        own.starts_with(&format!("{}:", text(&ipv6["local_address"]))),
        "{own}"
    );
    for server in result["servers"].as_array().expect("a list") {
        assert_eq!(
            text(&server["uri"]),
            format!("stun:{}", text(&server["address"]))
        );
    }
    let observations = result["observations"].as_array().expect("a list");
    assert!(
        observations
            .iter()
            .any(|o| text(&o["reflexive_address"]) == seen),
        "{document:#}"
    );
}

/// Both ends at once, behind NATs of their own.
pub fn redacted_pair() {
    let network = Network::build(&Place::Apart(side("home"), side("symmetric")));
    let all = addresses(&network.lab);
    let args = format!(
        "{} --rendezvous ws://203.0.113.12:443 --redact -v --duration 0.3 -s stun:203.0.113.10 -s turn:203.0.113.10",
        new_code()
    );
    let [a, b] = ["a", "b"].map(|role| network.pair(role, &args));
    for (name, ended) in [("a", a.finish()), ("b", b.finish())] {
        let flaws = ended.flaws();
        assert!(flaws.is_empty(), "{flaws:?}\n{}", ended.describe());
        assert_eq!(ended.code, Some(0), "{}", ended.describe());
        leaks::assert_none(name, &said(&ended), &all);
        let session = &ended.result()["session"];
        let url = session["rendezvous"].as_str().unwrap_or_default();
        assert!(
            url.starts_with("ws://pub") && url.ends_with(":443"),
            "{session}"
        );
    }
}

fn said(ended: &Ended) -> String {
    let events = ended.events.iter().map(Value::to_string);
    let lines: Vec<String> = events
        .chain([ended.document.to_string(), ended.stderr.clone()])
        .collect();
    lines.join("\n")
}
