//! How a run ends: servers that are dead, signals, time limits, and events on the way.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::program::{
    BAD, GOOD, INCONCLUSIVE, INTERRUPTED, interrupted, json, lines, program, read, server, signal,
    tcp, udp, until, wait_for_end,
};
use crate::support::tcp_servers::{TcpRole, TcpServer};
use crate::support::turn_server::{Method, TurnConfig};

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// What the live servers give is there long before the dead ones are given up, and each dead one
/// is named with what it costs.
#[test]
fn dead_servers_delay_nobody() {
    let live = [server(TurnConfig::default()), server(TurnConfig::default())];
    let dead_udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let dead_tcp =
        TcpServer::start(Ipv4Addr::LOCALHOST.into(), TcpRole::Silent, None).expect("a port");
    let uris = [
        format!("turn:{}", dead_udp.local_addr().expect("bound")),
        format!("turn:{}?transport=tcp", dead_tcp.address),
        udp(&live[0]),
        tcp(&live[1]),
    ];
    let mut args = vec!["gather"];
    args.extend(uris.iter().flat_map(|uri| ["-s", uri]));
    let run = json(program(&args));
    // Host, srflx and relay are there, if only from half of the servers.
    run.assert_code(GOOD);
    let dead: Vec<f64> = run.servers()[..2]
        .iter()
        .map(|s| number(&s["elapsed_ms"]))
        .collect();
    let first_dead = dead.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(run.candidates("relay").len(), 4);
    for candidate in run.list("candidates") {
        let found = number(&candidate["found_ms"]);
        assert!(found * 2.0 < first_dead, "{found} of {first_dead}");
    }
    for record in &run.servers()[2..] {
        assert_eq!(record["status"], "ok");
        assert!(
            number(&record["elapsed_ms"]) * 2.0 < first_dead,
            "{record:#}"
        );
    }
    let faults = [
        ("port-silent", "port-silent"),
        ("nothing-behind", "nothing-behind"),
    ];
    for (record, (code, finding)) in run.servers()[..2].iter().zip(faults) {
        assert_eq!(record["error"]["code"], code);
        let uri = record["uri"].as_str().expect("text");
        let named = |code: &str| {
            run.findings().iter().any(|f| {
                let message = f["message"].as_str().unwrap_or_default();
                f["code"] == code && message.contains(uri)
            })
        };
        assert!(named(finding), "{uri}: {:#?}", run.findings());
        assert!(named("stragglers"), "{uri}: {:#?}", run.findings());
    }
    let cost = run.assert_finding("stragglers", "warning")["message"].to_string();
    assert!(cost.contains("Chrome") && cost.contains("pion"), "{cost}");
    assert!(number(&run.result()["complete_ms"]) >= first_dead);
}

#[test]
fn only_dead_servers_take_the_time_of_one() {
    let sockets: Vec<UdpSocket> = (0..6)
        .map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"))
        .collect();
    let uris: Vec<String> = sockets
        .iter()
        .map(|s| format!("turn:{}", s.local_addr().expect("bound")))
        .collect();
    let mut args = vec!["gather"];
    args.extend(uris.iter().flat_map(|uri| ["-s", uri]));
    let run = json(program(&args));
    run.assert_code(BAD);
    assert!(run.elapsed_ms() < 5000.0, "{}", run.elapsed_ms());
    assert_eq!(run.servers().len(), 6);
}

#[test]
fn the_timeout_gives_what_there_is() {
    let live = server(TurnConfig::default());
    let silent = server(TurnConfig::silent_to(&[Method::Allocate, Method::Binding]));
    let run = json(program(format!("gather --timeout 0.7 -s {}", udp(&silent))));
    run.assert_code(INCONCLUSIVE);
    run.assert_finding("timeout", "warning");
    assert_eq!(run.servers()[0]["error"]["code"], "cut-short");
    assert!(run.elapsed_ms() < 2300.0, "{}", run.elapsed_ms());

    let run = json(program(format!(
        "gather --timeout 0.7 -s {} -s {}",
        udp(&silent),
        udp(&live)
    )));
    run.assert_finding("timeout", "warning");
    assert_eq!(run.candidates("relay").len(), 2, "what was found is kept");
    run.assert_code(GOOD);
    let run = json(program(format!(
        "gather --timeout 0.7 -s {} --expect candidates=relay",
        udp(&silent)
    )));
    run.assert_code(INCONCLUSIVE);
}

#[test]
fn events_come_before_the_document() {
    let live = server(TurnConfig::default());
    let run = lines(program(&["gather", "-s", &udp(&live)]));
    run.assert_code(GOOD);
    let events = &run.events;
    let of = |kind: &str| events.iter().filter(|e| e["event"] == kind).count();
    let list = |name| run.list(name).len();
    assert_eq!(of("candidate"), list("candidates"));
    assert_eq!(of("redundant"), list("redundant"));
    assert_eq!(of("server"), list("servers"));
    // Each candidate of the document was announced as it is.
    for candidate in run.list("candidates") {
        assert!(events.iter().any(|e| e["sdp"] == candidate["sdp"]));
    }
}

/// Whatever it was about, no allocation is left with the server.
#[cfg(unix)]
#[test]
fn a_run_that_is_cut_short_gives_its_relays_back() {
    // Nothing comes through the relay: it is waited for, with the allocation open.
    let server = server(TurnConfig {
        drop_relay: true,
        delay: Duration::from_millis(15),
        ..TurnConfig::default()
    });
    let (udp, tcp) = (udp(&server), tcp(&server));
    for (name, wait) in [("INT", 0), ("TERM", 35), ("INT", 60), ("TERM", 400)] {
        let before = server.requests(Method::Allocate);
        let child = program(&["gather", "-s", &udp, "-s", &tcp, "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        until(|| server.requests(Method::Allocate) > before);
        std::thread::sleep(Duration::from_millis(wait));
        signal(&child, name);
        let output = wait_for_end(child, Duration::from_secs(30));
        assert_eq!(read(&output).code, INTERRUPTED);
        until(|| server.live_allocations() == 0);
    }
    json(program(format!("gather --timeout 0.4 -s {udp} -s {tcp}")));
    until(|| server.live_allocations() == 0);
    assert!(server.allocations() > 0);
}

#[cfg(unix)]
#[test]
fn a_signal_gives_the_partial_result() {
    let live = server(TurnConfig::default());
    let silent = server(TurnConfig::silent_to(&[Method::Allocate, Method::Binding]));
    for signal in ["INT", "TERM"] {
        let (live, silent) = (udp(&live), udp(&silent));
        // The live server is settled; the other one is waited for.
        let command = program(&["gather", "-s", &live, "-s", &silent]);
        let document = interrupted(command, signal, |event| event["event"] == "server");
        let relays = document["result"]["candidates"].as_array().expect("a list");
        assert_eq!(relays.iter().filter(|c| c["type"] == "relay").count(), 2);
        let servers = document["result"]["servers"].as_array().expect("a list");
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[1]["status"], "failed");
    }
}
