//! The STUN and TURN servers of `serve`, and the other commands as their clients.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::lab::{PATIENCE, Server};
use crate::support::program::{self, BAD, GOOD, Run, anonymous, file, private_file};

const PASSWORD: &str = "tulip-in-the-garden";
const SECRET: &str = "north-of-the-river";

/// With STUN on two addresses and TURN for `ann` and who has the secret, whose relays reach loopback.
fn serving(more: &[&str]) -> Server {
    let users = private_file("users", format!("# who\nann:{PASSWORD}\n"));
    let secret = private_file("secret", format!("{SECRET}\n"));
    let mut args = vec![
        "--stun=127.0.0.1:0",
        "--stun-alternate=127.0.0.2",
        "--turn=127.0.0.1:0",
        "--turn-allow-peer=127.0.0.0/8",
        "--turn-users-file",
        &users,
        "--turn-auth-secret-file",
        &secret,
    ];
    args.extend(more);
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
    let mut command = anonymous(args);
    command.args(["--json", "--local", "127.0.0.1"]);
    command
        .env("RTCDIAG_TURN_USERNAME", "ann")
        .env("RTCDIAG_TURN_PASSWORD", PASSWORD);
    command
}

fn run(args: &[&str]) -> Run {
    read(&client(args).output().expect("it runs"))
}

fn read(output: &Output) -> Run {
    let run = program::read(output);
    let everything = format!("{}{}", run.document, run.stderr);
    assert!(!everything.contains(PASSWORD) && !everything.contains(SECRET));
    run
}

/// Two hosts with a new code, and what both print.
fn pair(server: &Server, more: &[&str]) -> [Run; 2] {
    let code = program::run(anonymous("pair --new-code")).stdout;
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
fn assert_connected(sides: &[Run; 2], path: &str) {
    for run in sides {
        run.assert_code(GOOD);
        assert_eq!(run.result()["state"], "connected");
        assert_eq!(run.result()["path"], path, "{run:#?}");
    }
    let selected = |side: usize, end: &str| {
        let end = &sides[side].result()["selected"][end];
        (end["address"].clone(), end["port"].clone())
    };
    assert_eq!(selected(0, "local"), selected(1, "remote"));
    assert_eq!(selected(0, "remote"), selected(1, "local"));
}

fn count(stopped: &Run, at: &str) -> u64 {
    let value = stopped.result().pointer(at).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no {at}: {:#}", stopped.document))
}

#[test]
fn nat_gather_and_turn_find_nothing_missing() {
    let server = serving(&[]);
    let (stun, turn) = both(&server);
    assert_eq!(server.listening["stun"][0]["behavior_discovery"], true);
    let nat = run(&["nat", "-s", &stun]);
    nat.assert_code(GOOD);
    let path = nat.path();
    assert_eq!(path["mapping"]["value"], "endpoint-independent");
    assert_eq!(path["filtering"]["value"], "endpoint-independent");
    let row = &nat.servers()[0];
    assert_eq!(row["behavior_discovery"], "supported");
    assert_eq!(
        row["other_address"],
        server.listening["stun"][0]["alternate_address"]
    );

    let gather = run(&["gather", "-s", &stun, "-s", &turn]);
    gather.assert_code(GOOD);
    assert!(!gather.candidates("relay").is_empty());

    let health = run(&["turn", &turn, "--expect", "turn=ok"]);
    health.assert_code(GOOD);
    let transports = health.transports().iter();
    let ok = transports.filter(|t| t["status"] == "ok").count();
    assert_eq!(ok, 2, "UDP and TCP: {health:#?}");

    let stopped = server.stop();
    stopped.assert_code(GOOD);
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
    assert!(stopped.codes().contains(&"turn-peers-refused"));
    let summary = stopped.summary();
    assert!(
        summary.contains("STUN requests and gave") && summary.contains("relays that carried"),
        "{summary}"
    );
}

#[test]
fn two_hosts_connect_directly_and_through_the_relay() {
    let server = serving(&[]);
    assert_connected(&pair(&server, &[]), "direct");
    let sides = pair(&server, &["--policy", "relay"]);
    assert_connected(&sides, "relayed");
    for run in &sides {
        let selected = &run.result()["selected"];
        assert_eq!(selected["local"]["type"], "relay", "{selected:#}");
    }
    let stopped = server.stop();
    assert!(count(&stopped, "/turn_totals/allocations") >= 2);
    assert!(count(&stopped, "/turn_totals/bytes_to_peers") > 0);
    assert_eq!(count(&stopped, "/joins"), 4);
}

#[test]
fn a_shared_secret_mints_and_a_wrong_one_does_not() {
    let server = serving(&[]);
    let (_, turn) = both(&server);
    let with = |secret: &str| {
        let secret = private_file("minting", format!("{secret}\n"));
        let mut command = anonymous(&["gather", "--json", "--local", "127.0.0.1", "-s", &turn]);
        command.args(["--turn-secret-file", &secret]);
        read(&command.output().expect("it runs"))
    };
    with(SECRET).assert_code(GOOD);
    let wrong = with("south");
    wrong.assert_code(BAD);
    assert_eq!(wrong.servers()[0]["error"]["code"], "unauthorized");
}

#[test]
fn metrics_have_what_they_do() {
    let server = serving(&[]);
    let (stun, turn) = both(&server);
    let zero = "rtcdiag_turn_refused_total{error=\"486\"}";
    assert!(server.metric(zero).abs() < 0.1);
    assert!(server.metric("rtcdiag_stun_requests_total").abs() < 0.1);
    run(&["gather", "-s", &stun, "-s", &turn]).assert_code(GOOD);
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
    let server = serving(&["--turn-max-per-user", "1"]);
    let (_, turn) = both(&server);
    run(&["turn", &turn]);
    let stopped = server.stop();
    let found = stopped.finding("turn-limit-reached");
    let hint = found.expect("it is there")["hint"].as_str();
    assert!(hint.expect("a text").contains("--turn-max-per-user"));
}

/// Text without its line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_secret_is_shown_anywhere() {
    for mode in ["--jsonl", "--json", "-v", "-q", "--color=always"] {
        let users = file("users", format!("ann:{PASSWORD}\n"));
        let secret = file("secret", format!("{SECRET}\n"));
        let run = program::run(anonymous(format!(
            "serve --listen=127.0.0.1:0 --turn=127.0.0.1:0 --timeout 0.3 {mode} \
             --turn-users-file {users} --turn-auth-secret-file {secret}"
        )));
        run.assert_code(GOOD);
        let said = unwrapped(&(run.stdout + &run.stderr));
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
    let users = private_file("users", format!("ann:{PASSWORD}\nbob:x\n"));
    let run = program::run(anonymous(format!(
        "serve --listen=127.0.0.1:0 --timeout=0.3 --stun=[::1]:0 --turn=127.0.0.1:0 \
         --turn-users-file {users}"
    )));
    let stderr = &run.stderr;
    for part in [
        "without behaviour discovery (--stun-alternate)",
        "\n  rtcdiag nat -s 'stun:[::1]:",
        ", for 2 users\n",
        "\n  rtcdiag turn turn:127.0.0.1:",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let stdout = &run.stdout;
    for part in ["\nSTUN\n", "\nTURN\n", " relays "] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let summary = "It answered 0 STUN requests and gave 0 relays that carried 0 bytes.";
    assert!(unwrapped(stdout).contains(summary), "{stdout}");
}
