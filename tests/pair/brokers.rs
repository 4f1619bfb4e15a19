//! Brokers that do what no broker should, and places that are something else.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use crate::support::broker::{HARMLESS, Manner, broker};
use crate::support::meeting::{Meeting, ended};
use crate::support::program::{BAD, ERROR, GOOD, Run, run};

fn mqtt(port: u16) -> String {
    format!("mqtt://127.0.0.1:{port}")
}

fn row<'r>(run: &'r Run, url: &str) -> &'r Value {
    let rows = run.result()["rendezvous"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["url"] == url);
    row.unwrap_or_else(|| panic!("no row for {url}: {rows:?}"))
}

#[track_caller]
fn assert_connected(runs: &[Run; 2]) {
    for run in runs {
        run.assert_code(GOOD);
        assert_eq!(run.result()["state"], "connected", "{run:#?}");
        assert_eq!(run.result()["session"]["peer_agrees"], true, "{run:#?}");
    }
}

#[test]
fn whatever_the_order_and_number_of_messages_two_sides_connect() {
    for manner in HARMLESS {
        println!("{manner:?}");
        let runs = Meeting::new().at(&[&mqtt(broker(manner))]);
        assert_connected(&runs);
        // In another order, a message may come before the greeting that it belongs to.
        for run in runs.iter().filter(|_| manner != Manner::Reorders) {
            assert!(
                run.result()["session"]["refused"] == Value::Array(Vec::new()),
                "{run:#?}"
            );
        }
    }
}

#[test]
fn what_is_retained_altered_or_dropped_does_no_harm() {
    for manner in [Manner::Retains, Manner::Alters, Manner::Drops] {
        println!("{manner:?}");
        let runs = Meeting::new().at(&[&mqtt(broker(manner))]);
        for run in &runs {
            assert_eq!(run.result()["state"], "connected", "{run:#?}");
        }
    }
}

/// Each costs its row, and the session goes on by the other place.
#[test]
fn a_broker_of_no_use_costs_its_row() {
    for (manner, code) in [
        (Manner::Floods, "broker-flood"),
        (Manner::Swallows, "broker-forbids"),
        (Manner::Forbids, "broker-forbids"),
        (Manner::Refuses, "broker-login"),
        (Manner::Dead, "timeout"),
    ] {
        println!("{manner:?}");
        let bad = mqtt(broker(manner));
        let good = mqtt(broker(Manner::Honest));
        let runs = Meeting::new().at(&[&bad, &good]);
        assert_connected(&runs);
        for run in &runs {
            assert_eq!(row(run, &good)["status"], "reached", "{run:#?}");
            let row = row(run, &bad);
            // It may not have been settled when the two were done.
            if row["status"] != "unsettled" && row["status"] != "reached" {
                assert_eq!(row["error"]["code"], code, "{row:#}");
                run.assert_finding("rendezvous-unusable", "warning");
            }
        }
    }
}

/// Alone, it ends the run, with the reason.
#[test]
fn a_broker_of_no_use_alone_is_an_error() {
    for (manner, says) in [
        (Manner::Swallows, "takes messages and does not hand them on"),
        (Manner::Forbids, "forbids the topic"),
        (Manner::Ignores, "does not answer its subscription"),
        (Manner::Refuses, "refuses user name and password"),
        (Manner::Dead, "does not answer as an MQTT broker"),
    ] {
        println!("{manner:?}");
        let url = mqtt(broker(manner));
        let run = run(Meeting::new().side(&["--rendezvous", &url]));
        run.assert_code(ERROR);
        assert!(run.summary().contains(says), "{run:#?}");
        assert!(run.summary().contains(&url), "{run:#?}");
    }
}

/// Answers every connection with these bytes.
fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(bytes);
        }
    });
    port
}

#[test]
fn other_servers_are_told_from_a_broker() {
    let http = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    for (scheme, bytes, says) in [
        (
            "mqtt",
            &http[..],
            "an HTTP server answers there, not an MQTT broker",
        ),
        (
            "mqtt",
            b"\x15\x03\x01\x00\x02\x02\x46",
            "the port speaks TLS",
        ),
        ("mqtt", b"SSH-2.0-OpenSSH_9.2\r\n", "not an MQTT broker"),
        ("mqtt", b"\x20\x02\x00\x01", "does not speak MQTT 3.1.1"),
        ("mqtt", b"\x20\x02\x00\x03", "not available"),
        ("mqtt", b"\x20\x02\x00\x05", "forbids this client"),
        (
            "mqtt",
            b"\x20\x02\x00\x00\xf0\x00",
            "what MQTT does not allow",
        ),
        (
            "mqtt",
            b"\x20\x02\x00\x00\x30\xff\xff\xff\x7f",
            "what MQTT does not allow",
        ),
        ("mqtt", b"", "closed the connection"),
        (
            "mqtt+ws",
            http,
            "opens no WebSocket (HTTP status 404 Not Found)",
        ),
        ("mqtt+ws", b"SSH-2.0-OpenSSH_9.2\r\n", "not the WebSocket"),
        ("mqtts", b"SSH-2.0-OpenSSH_9.2\r\n", "TLS"),
    ] {
        let url = format!("{scheme}://127.0.0.1:{}", answering(bytes));
        let run = run(Meeting::new().side(&["--rendezvous", &url]));
        run.assert_code(ERROR);
        assert!(run.summary().contains(says), "{says}: {run:#?}");
        assert!(run.summary().contains(&url), "{run:#?}");
    }
}

/// The first finds out later that nobody comes, and tells the one who has the code what to look at.
#[test]
fn who_comes_with_the_code_and_finds_nobody_is_told_what_to_look_at() {
    let url = mqtt(broker(Manner::Honest));
    let run = run(Meeting::new().side(&["--rendezvous", &url, "--timeout", "1.5"]));
    run.assert_code(BAD);
    let summary = run.summary();
    assert!(
        summary.starts_with("The other side never came"),
        "{summary}"
    );
    let finding = run.assert_finding("no-peer", "error");
    let hint = finding["hint"].as_str().expect("a hint");
    let order = [
        "still runs on the other host",
        &url,
        "the same --rendezvous",
        "--manual",
    ];
    let places: Vec<Option<usize>> = order.iter().map(|words| hint.find(words)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{hint}"
    );
}

/// The bare command: in this program and at public brokers, which here are those of the test.
#[test]
fn the_bare_command_invites_to_where_both_can_be() {
    let public = mqtt(broker(Manner::Honest));
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = mqtt(closed.local_addr().expect("it is bound").port());
    drop(closed);
    let meeting = Meeting::new();
    let start = |public: &str, more: &[&str]| {
        let mut command = meeting.telling(&["--public-brokers", public]);
        command.env_remove("RTCDIAG_RENDEZVOUS").args(more);
        command.spawn().expect("it runs")
    };
    let both = format!("{dead},{public}");
    let runs = [start(&both, &[]), start(&both, &[])].map(ended);
    assert_connected(&runs);
    for run in &runs {
        let session = run.events.iter().find(|event| event["event"] == "session");
        let command = session.expect("a session")["command"]
            .as_str()
            .expect("text");
        assert!(
            command.starts_with(&format!("rtcdiag pair {} -s ", meeting.code)),
            "{command}"
        );
        // The other host has not these brokers, but those that are built in.
        assert!(
            command.ends_with(&format!(" --public-brokers {both}")),
            "{command}"
        );
        assert_eq!(row(run, &dead)["status"], "failed", "{run:#?}");
        run.assert_finding("rendezvous-unusable", "info");
    }
    // Where no broker is reached, only this network can be invited, and that is said.
    let run = ended(start(&dead, &["--timeout", "1"]));
    let session = run.events.iter().find(|event| event["event"] == "session");
    let command = session.expect("a session")["command"]
        .as_str()
        .expect("text");
    assert!(
        command.contains(" --rendezvous ws://127.0.0.1:"),
        "{command}"
    );
    assert!(
        run.stderr.contains("can only be reached from this network"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains(&format!("not reached: {dead}")),
        "{}",
        run.stderr
    );
}
