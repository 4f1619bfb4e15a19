//! The STUN and TURN servers of `serve`, and the other commands as their clients.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::lab::{PATIENCE, Server, Stopped, program};
use crate::schema;

const PASSWORD: &str = "tulip-in-the-garden";
const SECRET: &str = "north-of-the-river";

/// A file that nobody else may read, until it is dropped.
pub struct File(std::path::PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl File {
    pub fn new(name: &str, content: &str, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let name = format!("rtcdiag-serve-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("it is written");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("it is ours");
        Self(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

/// With STUN on two addresses and TURN for `ann` and who has the secret, whose relays reach loopback.
fn serving(name: &str, more: &[&str]) -> Server {
    let users = File::new(
        &format!("{name}-users"),
        &format!("# who\nann:{PASSWORD}\n"),
        0o600,
    );
    let secret = File::new(&format!("{name}-secret"), &format!("{SECRET}\n"), 0o600);
    let mut args = vec![
        "--stun=127.0.0.1:0",
        "--stun-alternate=127.0.0.2",
        "--turn=127.0.0.1:0",
        "--turn-allow-peer=127.0.0.0/8",
        "--turn-users-file",
        users.path(),
        "--turn-auth-secret-file",
        secret.path(),
    ];
    args.extend(more);
    // The files are read before it listens.
    Server::start(&args)
}

fn uri(server: &Server, at: &str) -> String {
    let uri = server.listening.pointer(at).and_then(Value::as_str);
    uri.expect("it listens").to_owned()
}

/// The servers as `-s` takes them.
fn both(server: &Server) -> (String, String) {
    (uri(server, "/stun/0/uris/0"), uri(server, "/turn/uris/0"))
}

/// A client as `ann`.
fn client(args: &[&str]) -> Command {
    let mut command = program(args);
    command.args(["--json", "--local", "127.0.0.1"]);
    command
        .env("RTCDIAG_TURN_USERNAME", "ann")
        .env("RTCDIAG_TURN_PASSWORD", PASSWORD);
    command
}

fn run(args: &[&str]) -> (Option<i32>, Value) {
    read(&client(args).output().expect("it runs"))
}

fn read(output: &Output) -> (Option<i32>, Value) {
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    schema::assert_valid(&document);
    let everything = format!("{document}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!everything.contains(PASSWORD) && !everything.contains(SECRET));
    (output.status.code(), document)
}

/// Two hosts with a new code, and what both print.
fn pair(server: &Server, more: &[&str]) -> [(Option<i32>, Value); 2] {
    let code = program(&["pair", "--new-code"]).output().expect("it runs");
    let code = String::from_utf8(code.stdout).expect("UTF-8");
    let url = uri(server, "/urls/0");
    let (stun, turn) = both(server);
    let side = || -> Child {
        let mut command = client(&["pair", code.trim(), "--rendezvous", &url]);
        command
            .args(["-s", &stun, "-s", &turn, "--duration", "0.2"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs")
    };
    [side(), side()].map(|child| read(&child.wait_with_output().expect("it ends")))
}

/// Both sides are connected by the same pair on this path.
fn assert_connected(sides: &[(Option<i32>, Value); 2], path: &str) {
    for (code, document) in sides {
        assert_eq!(*code, Some(0), "{document:#}");
        assert_eq!(document["result"]["state"], "connected");
        assert_eq!(document["result"]["path"], path, "{document:#}");
    }
    let selected = |side: usize, end: &str| {
        let end = &sides[side].1["result"]["selected"][end];
        (end["address"].clone(), end["port"].clone())
    };
    assert_eq!(selected(0, "local"), selected(1, "remote"));
    assert_eq!(selected(0, "remote"), selected(1, "local"));
}

fn count(stopped: &Stopped, at: &str) -> u64 {
    let value = stopped.result().pointer(at).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no {at}: {:#}", stopped.document))
}

#[test]
fn nat_gather_and_turn_find_nothing_missing() {
    let server = serving("three", &[]);
    let (stun, turn) = both(&server);
    assert_eq!(server.listening["stun"][0]["behavior_discovery"], true);
    let (code, nat) = run(&["nat", "-s", &stun]);
    assert_eq!(code, Some(0), "{nat:#}");
    let path = &nat["result"]["paths"][0];
    assert_eq!(path["mapping"]["value"], "endpoint-independent");
    assert_eq!(path["filtering"]["value"], "endpoint-independent");
    let row = &nat["result"]["servers"][0];
    assert_eq!(row["behavior_discovery"], "supported");
    assert_eq!(
        row["other_address"],
        server.listening["stun"][0]["alternate_address"]
    );

    let (code, gather) = run(&["gather", "-s", &stun, "-s", &turn]);
    assert_eq!(code, Some(0), "{gather:#}");
    let candidates = gather["result"]["candidates"].as_array().expect("a list");
    assert!(candidates.iter().any(|c| c["type"] == "relay"));

    let (code, health) = run(&["turn", &turn, "--expect", "turn=ok"]);
    assert_eq!(code, Some(0), "{health:#}");
    let transports = health["result"]["transports"].as_array().expect("a list");
    let ok = transports.iter().filter(|t| t["status"] == "ok").count();
    assert_eq!(ok, 2, "UDP and TCP: {health:#}");

    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0));
    assert!(count(&stopped, "/stun_totals/requests") > 5);
    assert_eq!(
        count(&stopped, "/stun_totals/requests"),
        count(&stopped, "/stun_totals/answers")
    );
    // One of gather, two over each of two transports of turn.
    assert!(count(&stopped, "/turn_totals/allocations") >= 5);
    assert!(count(&stopped, "/turn_totals/bytes_to_peers") > 100_000);
    assert!(count(&stopped, "/turn_totals/bytes_from_peers") > 100_000);
    assert!(count(&stopped, "/turn_totals/binding/requests") >= 1);
    let refused = stopped.result()["turn_totals"]["refused"].as_array();
    let refused = refused.expect("a list");
    for error in [401, 403] {
        assert!(
            refused.iter().any(|r| r["error"] == error),
            "{error}: {refused:?}"
        );
    }
    let codes = stopped.document["findings"].as_array().expect("a list");
    assert!(codes.iter().any(|f| f["code"] == "turn-peers-refused"));
    let summary = stopped.document["summary"].as_str().expect("a text");
    assert!(
        summary.contains("STUN requests and gave") && summary.contains("relays that carried"),
        "{summary}"
    );
}

#[test]
fn two_hosts_connect_directly_and_through_the_relay() {
    let server = serving("pair", &[]);
    assert_connected(&pair(&server, &[]), "direct");
    let sides = pair(&server, &["--policy", "relay"]);
    assert_connected(&sides, "relayed");
    for (_, document) in &sides {
        let selected = &document["result"]["selected"];
        assert_eq!(selected["local"]["type"], "relay", "{selected:#}");
    }
    let stopped = server.stop();
    assert!(count(&stopped, "/turn_totals/allocations") >= 2);
    assert!(count(&stopped, "/turn_totals/bytes_to_peers") > 0);
    assert_eq!(count(&stopped, "/joins"), 4);
}

#[test]
fn a_shared_secret_mints_and_a_wrong_one_does_not() {
    let server = serving("mint", &[]);
    let (_, turn) = both(&server);
    let with = |secret: &File| {
        let args = ["gather", "--json", "--local", "127.0.0.1", "-s", &turn];
        let mut command = program(&args);
        command.args(["--turn-secret-file", secret.path()]);
        read(&command.output().expect("it runs"))
    };
    let right = File::new("right", &format!("{SECRET}\n"), 0o600);
    assert_eq!(with(&right).0, Some(0));
    let wrong = File::new("wrong", "south\n", 0o600);
    let (code, document) = with(&wrong);
    assert_eq!(code, Some(1), "{document:#}");
    assert_eq!(
        document["result"]["servers"][0]["error"]["code"],
        "unauthorized"
    );
}

#[test]
fn metrics_have_what_they_do() {
    let server = serving("metrics", &[]);
    let (stun, turn) = both(&server);
    let zero = "rtcdiag_turn_refused_total{error=\"486\"}";
    assert!(server.metric(zero).abs() < 0.1);
    assert!(server.metric("rtcdiag_stun_requests_total").abs() < 0.1);
    assert_eq!(run(&["gather", "-s", &stun, "-s", &turn]).0, Some(0));
    assert!(server.metric("rtcdiag_stun_requests_total") > 0.9);
    assert!(server.metric("rtcdiag_turn_allocations_total") > 0.9);
    assert!(server.metric("rtcdiag_turn_bytes_to_peers_total") > 0.9);
    assert!(server.metric("rtcdiag_turn_refused_total{error=\"401\"}") > 0.9);
    // The relay was given back.
    let began = std::time::Instant::now();
    while server.metric("rtcdiag_turn_allocations ") > 0.1 {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (_, text) = server.get("/metrics");
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a metric is there twice");
    let alone = Server::start(&[]);
    let (_, text) = alone.get("/metrics");
    assert!(!text.contains("stun") && !text.contains("rtcdiag_turn_"));
}

#[test]
fn limits_that_were_reached_are_found_at_the_end() {
    // The two transports take two relays each.
    let server = serving("limit", &["--turn-max-per-user", "1"]);
    let (_, turn) = both(&server);
    run(&["turn", &turn]);
    let stopped = server.stop();
    let findings = stopped.document["findings"].as_array().expect("a list");
    let found = findings.iter().find(|f| f["code"] == "turn-limit-reached");
    let hint = found.expect("it is there")["hint"].as_str();
    assert!(hint.expect("a text").contains("--turn-max-per-user"));
}

/// Text without its line breaks.
fn unwrapped(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_secret_is_shown_anywhere() {
    for mode in ["--jsonl", "--json", "-v", "-q", "--color=always"] {
        let users = File::new(&format!("said{mode}"), &format!("ann:{PASSWORD}\n"), 0o644);
        let secret = File::new(&format!("kept{mode}"), &format!("{SECRET}\n"), 0o644);
        let output = program(&["serve", "--listen=127.0.0.1:0", "--turn=127.0.0.1:0"])
            .args(["--timeout", "0.3", mode])
            .args(["--turn-users-file", users.path()])
            .args(["--turn-auth-secret-file", secret.path()])
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{mode}");
        let said = [output.stdout, output.stderr].concat();
        let said = unwrapped(&said);
        for part in [PASSWORD, SECRET] {
            assert!(!said.contains(part), "{mode}: {part} in {said}");
        }
        // That others can read the files is told in the result, whatever its form.
        assert_eq!(said.contains("chmod 600"), mode != "-q", "{mode}: {said}");
        assert!(said.contains("other users can read it"), "{mode}: {said}");
    }
}

#[test]
fn the_text_says_what_to_type() {
    let users = File::new("text", &format!("ann:{PASSWORD}\nbob:x\n"), 0o600);
    let output = program(&["serve", "--listen=127.0.0.1:0", "--timeout=0.3"])
        .args(["--stun=[::1]:0", "--turn=127.0.0.1:0"])
        .args(["--turn-users-file", users.path()])
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    for part in [
        "without behaviour discovery (--stun-alternate)",
        "\n  rtcdiag nat -s 'stun:[::1]:",
        ", for 2 users\n",
        "\n  rtcdiag turn turn:127.0.0.1:",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    for part in ["\nSTUN\n", "\nTURN\n", " relays "] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let summary = "It answered 0 STUN requests and gave 0 relays that carried 0 bytes.";
    assert!(unwrapped(&output.stdout).contains(summary), "{stdout}");
}
