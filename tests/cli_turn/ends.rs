//! How a run ends: signals, time limits, and events on the way.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{GOOD, INCONCLUSIVE, INTERRUPTED, json, program, server, tcp, udp};
use crate::schema;
use crate::support::turn_server::{Method, TurnConfig};

#[test]
fn events_come_before_the_document() {
    let server = server(TurnConfig::default());
    let uri = format!("turn:{}", server.address);
    let output = program(&["turn", "--jsonl", &uri])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(GOOD));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let (document, events) = lines.split_last().expect("there are lines");
    schema::assert_valid(document);
    let transports = document["result"]["transports"].as_array().expect("a list");
    for event in events {
        schema::assert_valid_event(event);
    }
    for transport in transports {
        let announced = events
            .iter()
            .filter(|e| e["event"] == "transport" && e["transport"] == transport["transport"]);
        assert_eq!(announced.count(), 1, "{transport:#}");
    }
}

#[test]
fn the_timeout_gives_what_there_is() {
    let silent = server(TurnConfig::silent_to(&[Method::Allocate]));
    let run = json(program(&["turn", "--timeout", "0.6", &udp(&silent)]));
    run.assert_code(INCONCLUSIVE);
    run.assert_finding("timeout", "warning");
    assert_eq!(run.transports()[0]["error"]["code"], "cut-short");
    assert!(run.elapsed_ms() < 2300.0, "{}", run.elapsed_ms());
    let expected = json(program(&[
        "turn",
        "--timeout",
        "0.6",
        &udp(&silent),
        "--expect",
        "turn=ok",
    ]));
    expected.assert_code(INCONCLUSIVE);

    // Half of the checks had been made by then.
    let slow = server(TurnConfig::silent_to(&[Method::Refresh]));
    let run = json(program(&[
        "turn",
        "--timeout",
        "1.2",
        &format!("turn:{}", slow.address),
    ]));
    assert_ne!(run.code, GOOD);
    run.assert_finding("timeout", "warning");
}

#[cfg(unix)]
#[test]
fn a_signal_gives_the_partial_result() {
    // TCP is refused at once, and UDP is waited for.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let uri = format!("turn:{}", silent.local_addr().expect("bound"));
    for signal in ["INT", "TERM"] {
        let mut child = program(&["turn", "--jsonl", &uri])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        lines.next().expect("an event").expect("UTF-8");
        let killed = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(killed.expect("kill is there").success());
        let last = lines.last().expect("a document").expect("UTF-8");
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(INTERRUPTED), "{signal}");
        let document: Value = serde_json::from_str(&last).expect("a document");
        schema::assert_valid(&document);
        assert_eq!(document["outcome"], "interrupted");
        let transports = document["result"]["transports"].as_array().expect("a list");
        assert_eq!(transports.len(), 3);
        let facts = &document["result"]["authentication"]["wrong_password_refused"];
        assert_eq!(facts["status"], "not-tested");
    }
}

/// A transport that is dead takes its own time, and the others are settled long before.
#[test]
fn a_dead_transport_does_not_delay_the_others() {
    let server = server(TurnConfig::default());
    let output = program(&["turn", "--jsonl", &tcp(&server)])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(GOOD));
    // TLS is spoken to a port that never answers it.
    let run = json(program(&["turn", &format!("turn:{}", server.address)]));
    for transport in run.transports().iter().filter(|t| t["status"] == "ok") {
        let stages = transport["stages"].as_array().expect("a list");
        let all: f64 = stages
            .iter()
            .map(|s| s["elapsed_ms"].as_f64().expect("a number"))
            .sum();
        assert!(all < 2000.0, "{transport:#}");
    }
}
