//! `rtcdiag mesh` at a rendezvous server on loopback.

use std::time::Duration;

use serde_json::{Value, json};

use super::serve::lab::Server;
use crate::support::meeting::{Meeting, ended};
use crate::support::program::{
    BAD, ERROR, GOOD, INCONCLUSIVE, INTERRUPTED, Run, anonymous, file, interrupted,
    json as run_json, run, signal, wait_for_end,
};

/// The outcome of the way between two hosts, as one member has it.
fn way<'r>(run: &'r Run, a: &str, b: &str) -> &'r Value {
    let mut ways = run.list("ways").iter();
    let found = ways.find(|way| way["a"] == a && way["b"] == b);
    found.unwrap_or_else(|| panic!("no way between {a} and {b}: {run:#?}"))
}

fn states(run: &Run) -> Vec<(&str, &str)> {
    let hosts = run.list("hosts").iter();
    hosts
        .map(|host| {
            let name = host["name"].as_str().expect("a name");
            (name, host["state"].as_str().expect("a state"))
        })
        .collect()
}

#[test]
fn three_hosts_print_the_same_table() {
    let server = Server::start(&[]);
    let url = server.url();
    let runs = Meeting::new().members(&["alpha", "beta", "gamma"], &url, &[]);
    for run in &runs {
        run.assert_code(GOOD);
        assert_eq!(run.list("ways").len(), 3, "{run:#?}");
        for (a, b) in [("alpha", "beta"), ("alpha", "gamma"), ("beta", "gamma")] {
            let way = way(run, a, b);
            assert_eq!(way["outcome"], "direct", "{run:#?}");
            assert!(way["rtt_ms"].is_number(), "{way}");
            assert_eq!(way, self::way(&runs[0], a, b));
        }
        assert_eq!(run.summary(), "3 hosts, 3 ways: 3 direct.");
        assert_eq!(run.result()["refused"], json!([]));
    }
    let own = |run: &Run| {
        let mut hosts = run.list("hosts").iter();
        let own = hosts.find(|host| host["own"] == true).expect("one");
        own["name"].clone()
    };
    let own: Vec<Value> = runs.iter().map(own).collect();
    assert_eq!(own, ["alpha", "beta", "gamma"]);
}

#[test]
fn the_table_is_for_people_and_the_events_for_scripts() {
    let server = Server::start(&[]);
    let (meeting, url) = (Meeting::new(), server.url());
    let mut other = meeting.member("beta", &url, &["--hosts", "2", "--jsonl"]);
    let other = other.spawn().expect("it runs");
    let shown = run(meeting.member("alpha", &url, &["--hosts", "2"]));
    shown.assert_code(GOOD);
    for part in ["*1 alpha", " 2 beta", "ms", "2 hosts, 1 way: 1 direct."] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let other = ended(other);
    let names: Vec<&Value> = other.events.iter().map(|event| &event["event"]).collect();
    // That the other one has gone again may be told before the way is.
    assert_eq!(names[..2], ["session", "host"], "{other:#?}");
    assert_eq!(other.events[1]["name"], "alpha");
    let mut ways = other.events.iter().filter(|event| event["event"] == "way");
    assert_eq!(ways.next().expect("a way")["outcome"], "direct");
    assert!(ways.next().is_none(), "{other:#?}");
}

/// Without a number of hosts it ends when nobody new comes; one that is late is in the table of all.
#[test]
fn hosts_may_come_late() {
    let server = Server::start(&[]);
    let (meeting, url) = (Meeting::new(), server.url());
    let start = |name| {
        let mut command = meeting.member(name, &url, &["--json"]);
        command.spawn().expect("it runs")
    };
    let mut children = vec![start("alpha"), start("beta")];
    std::thread::sleep(Duration::from_millis(1500));
    children.push(start("gamma"));
    for run in children.into_iter().map(ended) {
        run.assert_code(GOOD);
        assert_eq!(run.summary(), "3 hosts, 3 ways: 3 direct.");
    }
}

#[test]
fn nobody_comes_or_fewer_than_there_should_be() {
    let server = Server::start(&[]);
    let (meeting, url) = (Meeting::new(), server.url());
    let alone = run_json(meeting.member("alpha", &url, &["--timeout", "1"]));
    alone.assert_code(BAD);
    assert!(alone.finding("no-peer").is_some(), "{alone:#?}");
    assert_eq!(alone.summary(), "No other host came.");
    let args = ["--json", "--hosts", "3", "--timeout", "4"];
    let spawn = |name| meeting.member(name, &url, &args).spawn().expect("it runs");
    let children = [spawn("alpha"), spawn("beta")];
    for run in children.map(ended) {
        run.assert_code(BAD);
        assert_eq!(way(&run, "alpha", "beta")["outcome"], "direct", "{run:#?}");
        let finding = run.finding("no-peer").expect("one is missing");
        assert_eq!(finding["message"], "1 of 3 hosts did not come");
    }
}

#[test]
fn a_host_that_is_killed_is_given_up() {
    let server = Server::start(&[]);
    let (meeting, url) = (Meeting::new(), server.url());
    let start = |name, seconds| {
        let mut command = meeting.member(name, &url, &["--json", "--duration", seconds]);
        command.spawn().expect("it runs")
    };
    let children = [start("alpha", "0.2"), start("beta", "0.2")];
    // Its sessions are under way for as long as it measures.
    let mut victim = start("gamma", "6");
    std::thread::sleep(Duration::from_millis(1500));
    victim.kill().expect("it runs");
    victim.wait().expect("it ends");
    for run in children.map(ended) {
        assert_eq!(way(&run, "alpha", "beta")["outcome"], "direct", "{run:#?}");
        // On a busy machine it may not even have come.
        if run.list("hosts").len() == 3 {
            assert_eq!(states(&run)[2], ("gamma", "vanished"));
            assert!(run.finding("peer-vanished").is_some(), "{run:#?}");
        }
        assert!([GOOD, INCONCLUSIVE].contains(&run.code), "{run:#?}");
    }
}

#[test]
fn who_is_interrupted_says_good_bye_and_prints_what_it_has() {
    let server = Server::start(&[]);
    let (meeting, url) = (Meeting::new(), server.url());
    let stays = meeting.member("alpha", &url, &["--json"]).spawn();
    let stays = stays.expect("it runs");
    let leaves = meeting.member("beta", &url, &["--hosts", "9"]);
    let document = interrupted(leaves, "INT", |event| event["event"] == "way");
    assert_eq!(document["result"]["ways"][0]["outcome"], "direct");
    let stays = ended(stays);
    stays.assert_code(GOOD);
    assert_eq!(states(&stays), [("alpha", "present"), ("beta", "left")]);
}

#[test]
fn alone_and_interrupted() {
    let server = Server::start(&[]);
    let mut command = Meeting::new().member("alpha", &server.url(), &["--json"]);
    let child = command.spawn().expect("it runs");
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "INT");
    let output = wait_for_end(child, Duration::from_secs(10));
    assert_eq!(output.status.code(), Some(INTERRUPTED));
}

#[test]
fn what_is_expected_decides() {
    let server = Server::start(&[]);
    let (meeting, url) = (Meeting::new(), server.url());
    let direct = meeting.members(&["alpha", "beta"], &url, &["--expect", "all=direct"]);
    let password = file("password", "sesame\n");
    let relayed = "--expect all=connected --policy relay -s turn:127.0.0.1:9 --turn-username ann";
    let mut relayed: Vec<&str> = relayed.split(' ').collect();
    relayed.extend(["--turn-password-file", &password]);
    let relayed = Meeting::new().members(&["alpha", "beta"], &url, &relayed);
    for run in &direct {
        run.assert_code(GOOD);
    }
    for run in &relayed {
        run.assert_code(BAD);
        assert!(run.finding("expectation-not-met").is_some(), "{run:#?}");
        let way = way(run, "alpha", "beta");
        assert_eq!(way["outcome"], "failed", "{run:#?}");
        let codes: Vec<&Value> = way["causes"].as_array().expect("a list").iter().collect();
        assert!(codes.iter().any(|c| c["code"] == "relay-only"), "{run:#?}");
        for cause in codes {
            let message = cause["message"].as_str().expect("a text");
            assert!(!message.contains("this side"), "{message}");
        }
    }
}

#[test]
fn settings_that_cannot_be_meant_are_told() {
    for (args, part) in [
        (&["--hosts", "1"][..], "not between 2 and 64"),
        (&["--hosts", "65"], "not between 2 and 64"),
        (&["--name", ""], "1 to 32"),
        (&["--name", "a\tb"], "1 to 32"),
        (&["--expect", "all=fast"], "direct or connected"),
        (&["--expect", "pair=direct"], "only all can"),
        (&["AAAA"], "17 letters"),
        (&["--new-code", "0000-0000-0000-0000-0"], "leave out CODE"),
        (
            &[
                "--rendezvous-listen",
                "127.0.0.1:1",
                "--rendezvous",
                "ws://127.0.0.1:1",
            ],
            "lan",
        ),
    ] {
        let run = run_json(anonymous(&[&["mesh"], args].concat()));
        run.assert_code(ERROR);
        assert!(run.summary().contains(part), "{part}: {run:#?}");
    }
    let code = run(anonymous("mesh --new-code"));
    code.assert_code(GOOD);
    assert_eq!(code.stdout.trim().len(), 21, "{code:#?}");
    for command in ["mesh", "pair"] {
        let run = run_json(anonymous(&[command, "--new-code"]));
        run.assert_code(GOOD);
        let code = run.result()["code"].as_str().map(str::len);
        assert_eq!(code, Some(21), "{run:#?}");
    }
}

#[test]
fn a_place_that_is_not_there_is_told() {
    let run = run_json(Meeting::new().member("alpha", "ws://127.0.0.1:1", &[]));
    run.assert_code(ERROR);
    assert!(run.summary().contains("ws://127.0.0.1:1"), "{run:#?}");
}

/// The command for the others names the rendezvous in this program, and they find it there.
#[test]
fn without_any_server_the_first_host_has_the_rendezvous() {
    let meeting = Meeting::new();
    let at = "127.0.0.1:0";
    let first = ["--hosts", "2", "--jsonl", "--rendezvous-listen", at];
    let mut first = meeting.member("alpha", "lan", &first);
    let mut first = first.spawn().expect("it runs");
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(first.stdout.take().expect("piped")));
    let url = loop {
        let line = lines.next().expect("an event").expect("UTF-8");
        let event: Value = serde_json::from_str(&line).expect("JSON");
        if event["event"] == "session" {
            let command = event["command"].as_str().expect("a text");
            assert!(command.starts_with("rtcdiag mesh "), "{command}");
            break event["rendezvous"].as_str().expect("a text").to_owned();
        }
    };
    let second = run_json(meeting.member("beta", &url, &["--hosts", "2"]));
    second.assert_code(GOOD);
    assert_eq!(second.summary(), "2 hosts, 1 way: 1 direct.");
    let last = lines.last().expect("a document").expect("UTF-8");
    let last: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(last["outcome"], "good", "{last:#}");
    assert!(first.wait().expect("it ends").success());
}
