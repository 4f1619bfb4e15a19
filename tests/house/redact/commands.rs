//! `nat`, `gather`, `turn` and `demo` with `--redact`, as text, JSON and JSON lines.

use std::net::IpAddr;
use std::process::Command;

use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use serde_json::Value;

use crate::support::leaks;
use crate::support::nat_model::NatConfig;
use crate::support::program::{
    Run, anonymous, file, program, run, server, side_by_side, tcp, udp, with_env,
};
use crate::support::scripted_server::{Loopback, Role, Script};
use crate::support::turn_server::TurnConfig;

const MODES: [&[&str]; 6] = [
    &[],
    &["-v"],
    &["-q"],
    &["--color=always", "-v"],
    &["--json"],
    &["--jsonl"],
];

/// What these labs have addresses from; the machine's own come to them.
fn addresses() -> Vec<IpAddr> {
    let known = [
        "127.0.0.1",
        "127.0.0.2",
        "::1",
        "203.0.113.5",
        "198.51.100.7",
    ];
    let own = if_addrs::get_if_addrs().unwrap_or_default();
    let known = known.iter().map(|ip| ip.parse().expect("an address"));
    known.chain(own.into_iter().map(|i| i.ip())).collect()
}

/// Nothing is shown, and JSON says that it is redacted.
fn assert_clean(name: &str, run: &Run) {
    let stdout = &run.stdout;
    let text = format!("{stdout}\n-- stderr:\n{}", run.stderr);
    leaks::assert_none(name, &text, &addresses());
    for line in stdout.lines() {
        assert!(
            line.chars().count() <= 80
                || stdout.starts_with('{')
                || line.starts_with("candidate:")
                || line.starts_with("$ ")
                || line.starts_with("rtcdiag works")
                || line.contains('\u{1b}'),
            "{name}: {line}"
        );
    }
    if !run.document.is_null() {
        assert_eq!(run.document["redacted"], true, "{name}");
    }
}

fn each_mode(
    name: &str,
    command: impl Fn() -> Command + Sync,
    look: impl Fn(&str, Option<&Value>) + Sync,
) {
    side_by_side(&MODES, |mode| {
        let mut command = command();
        command.arg("--redact").args(*mode);
        let run = run(command);
        let is_json = matches!(*mode, ["--json" | "--jsonl"]);
        assert_eq!(run.document.is_object(), is_json, "{name} {mode:?}");
        assert_clean(&format!("{name} {mode:?}"), &run);
        look(&run.stdout, is_json.then_some(&run.document));
    });
}

#[test]
fn nat() {
    let nat = NatConfig::nat(Mapping::AddressDependent, Filtering::AddressDependent);
    let servers = Loopback::start(&Script::new(nat, vec![Role::Discovery, Role::Discovery]))
        .expect("loopback");
    let (one, other) = (servers.uri(0), servers.uri(1));
    each_mode(
        "nat",
        || anonymous(&["nat", "-s", &one, "-s", &other]),
        |stdout, document| {
            assert!(stdout.contains("lo1"), "{stdout}");
            let Some(document) = document else {
                return;
            };
            let path = &document["result"]["paths"][0];
            let local = path["local_address"].as_str().expect("text");
            assert!(local.starts_with("lo"), "{path:#}");
            assert_eq!(path["mapping"]["status"], "determined", "{path:#}");
            // The same address has the same label in every part.
            let server = &document["result"]["servers"][0];
            let uri = server["uri"].as_str().expect("text");
            let address = server["address"].as_str().expect("text");
            assert_eq!(uri, format!("stun:{address}"));
            let sent = document["result"]["observations"]
                .as_array()
                .expect("a list");
            assert!(sent.iter().any(|o| o["sent_to"] == address), "{document:#}");
        },
    );
}

fn mapped() -> TurnConfig {
    TurnConfig {
        mapped_address_override: Some("203.0.113.5:40000".parse().expect("an address")),
        software: b"made at 198.51.100.7 by coturn 4.6.1".to_vec(),
        ..TurnConfig::default()
    }
}

#[test]
fn gather() {
    let server = server(mapped());
    let (udp, tcp) = (udp(&server), tcp(&server));
    each_mode(
        "gather",
        || program(&["gather", "-s", &udp, "-s", &tcp]),
        |stdout, document| {
            let Some(document) = document else {
                // Type, address and so on stand below their headings.
                let mut lines = stdout.lines().skip_while(|l| !l.contains(" type "));
                let heading = lines.next().expect("a table");
                let column = heading.find("address").expect("a column");
                let rows: Vec<&str> = lines.take_while(|l| l.contains(':')).collect();
                assert!(rows.len() > 2, "{stdout}");
                for row in rows {
                    let (before, behind) = row.split_at(column);
                    assert!(
                        before.ends_with(' ') && !behind.starts_with(' '),
                        "{stdout}"
                    );
                }
                return;
            };
            let candidates = document["result"]["candidates"].as_array().expect("a list");
            let srflx = candidates
                .iter()
                .find(|c| c["type"] == "srflx")
                .expect("one");
            for candidate in candidates {
                let [foundation, address, sdp] = ["foundation", "address", "sdp"]
                    .map(|key| candidate[key].as_str().expect("text"));
                assert!(
                    sdp.starts_with(&format!("candidate:{foundation} 1 udp ")),
                    "{candidate}"
                );
                assert!(
                    sdp.contains(&format!(" {address} {} typ ", candidate["port"])),
                    "{candidate}"
                );
                assert!(foundation.starts_with('f'), "{candidate}");
            }
            let label = srflx["address"].as_str().expect("text");
            assert!(label.starts_with("pub"), "{label}");
            let servers = document["result"]["servers"].to_string();
            assert!(servers.contains(&format!("\"{label}:40000\"")), "{servers}");
            assert!(servers.contains("by coturn 4.6.1"), "{servers}");
        },
    );
}

#[test]
fn turn() {
    let server = server(mapped());
    let uri = udp(&server);
    each_mode(
        "turn",
        || program(&["turn", &uri]),
        |stdout, document| {
            if let Some(document) = document {
                let policy = document["result"]["policy"].as_array().expect("a list");
                let private = policy.iter().filter(|p| p["class"] == "private");
                let labels: Vec<&str> = private.filter_map(|p| p["peer"].as_str()).collect();
                assert!(
                    labels.len() > 2 && labels.iter().all(|l| l.starts_with("lan")),
                    "{labels:?}"
                );
            } else {
                assert!(
                    stdout.contains("Who may use it") || stdout.contains("refuses"),
                    "{stdout}"
                );
            }
        },
    );
}

#[test]
fn turn_that_fails() {
    let server = server(TurnConfig {
        error_on_allocate: Some((486, "Quota of 203.0.113.5 reached")),
        ..mapped()
    });
    let uri = udp(&server);
    each_mode("turn", || program(&["turn", &uri]), |_, _| {});
    each_mode("gather", || program(&["gather", "-s", &uri]), |_, _| {});
}

#[test]
fn demo() {
    each_mode(
        "demo",
        || anonymous(&["demo", "--duration", "0.2"]),
        |stdout, document| {
            let Some(document) = document else {
                assert!(stdout.contains("--rendezvous ws://lo1:"), "{stdout}");
                return;
            };
            for part in ["nat", "gather"] {
                assert_eq!(document["result"][part]["redacted"], true);
            }
            let path = &document["result"]["nat"]["result"]["paths"][0];
            let selected = &document["result"]["pair"]["a"]["result"]["selected"];
            assert_eq!(path["local_address"], "lo1");
            assert_eq!(selected["local"]["address"], "lo1", "{selected:#}");
            assert_eq!(selected["remote"]["address"], "lo2", "{selected:#}");
        },
    );
}

/// The flag, its variable and the file.
#[test]
fn it_can_be_asked_for_in_each_way() {
    let server = server(mapped());
    let uri = udp(&server);
    let file = file("redact.toml", "redact = true\n");
    let plain = || program(&["gather", "-s", &uri, "--json"]);
    let mut with_file = plain();
    with_file.args(["--config", &file]);
    for (command, is_redacted) in [
        (plain(), false),
        (with_env(plain(), "RTCDIAG_REDACT", "1"), true),
        (with_env(plain(), "RTCDIAG_REDACT", "0"), false),
        (with_file, true),
    ] {
        let run = run(command);
        assert_eq!(run.document["redacted"], is_redacted);
        let text = run.document.to_string();
        assert_eq!(
            leaks::known(&text, &addresses()).is_empty(),
            is_redacted,
            "{text}"
        );
    }
}
