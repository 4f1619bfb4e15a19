//! How a run ends: signals, time limits, and events on the way.

use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use crate::support::program::{
    GOOD, INCONCLUSIVE, INTERRUPTED, interrupted, json, lines, program, read, server, signal, tcp,
    udp, until, wait_for_end,
};
use crate::support::turn_server::{Method, TurnConfig};

/// Wherever in the run it is interrupted, or out of time, no allocation is left with the server.
#[cfg(unix)]
#[test]
fn a_run_that_is_cut_short_gives_its_relays_back() {
    // So slow that it has allocations in all states whenever it ends.
    let server = server(TurnConfig {
        delay: Duration::from_millis(15),
        ..TurnConfig::default()
    });
    let uri = format!("turn:{}", server.address);
    for (round, name) in ["INT", "TERM", "ALRM", "QUIT", "USR1", "USR2"]
        .iter()
        .enumerate()
    {
        let before = server.requests(Method::Allocate);
        let child = program(&["turn", &uri, "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        // Within the first round trips, and later.
        until(|| server.requests(Method::Allocate) > before);
        std::thread::sleep(Duration::from_millis([0, 10, 35, 60, 150, 600][round]));
        signal(&child, name);
        let output = wait_for_end(child, Duration::from_secs(30));
        assert_eq!(read(&output).code, INTERRUPTED);
        until(|| server.live_allocations() == 0);
    }
    for seconds in ["0.15", "0.5", "0.8"] {
        json(program(format!("turn --timeout {seconds} {uri}")));
        until(|| server.live_allocations() == 0);
    }
    assert!(server.allocations() > 0);
}

#[test]
fn events_come_before_the_document() {
    let server = server(TurnConfig::default());
    let uri = format!("turn:{}", server.address);
    let run = lines(program(&["turn", &uri]));
    run.assert_code(GOOD);
    for transport in run.transports() {
        let announced = run
            .events
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
    let expected = json(program(format!(
        "turn --timeout 0.6 {} --expect turn=ok",
        udp(&silent)
    )));
    expected.assert_code(INCONCLUSIVE);

    // Half of the checks had been made by then.
    let slow = server(TurnConfig::silent_to(&[Method::Refresh]));
    let run = json(program(format!("turn --timeout 1.2 turn:{}", slow.address)));
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
        let document = interrupted(program(&["turn", &uri]), signal, |_| true);
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
    lines(program(&["turn", &tcp(&server)])).assert_code(GOOD);
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
