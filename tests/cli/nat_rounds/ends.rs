//! How rounds end: expectations, time, signals, a reader that goes away.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use super::*;
use crate::support::program::{BAD, INCONCLUSIVE, file, interrupted, run, wait_for_end};

/// More is a hang.
const LONGEST: Duration = Duration::from_secs(30);

#[test]
fn every_round_has_to_be_as_expected() {
    let servers = behind_nat();
    let wish = "mapping=endpoint-independent,udp=open";
    let run = json(&servers, &["--repeat", "2", "--expect", wish]);
    run.assert_code(GOOD);
    let wish = "filtering=endpoint-independent";
    let run = json(&servers, &["--repeat", "2", "--expect", wish]);
    run.assert_code(BAD);
    assert_eq!(run.result()["rounds"]["bad"], 2);
    let missed = run
        .findings()
        .iter()
        .filter(|f| f["code"] == "expectation-not-met");
    let [missed] = missed.collect::<Vec<_>>()[..] else {
        panic!("not said once: {run:#?}");
    };
    let said = missed["message"].to_string();
    assert!(said.contains("in 2 of 2 rounds"), "{said}");
}

#[test]
fn silence_is_inconclusive_in_every_round() {
    let run = json(&silent(), &["--repeat", "2"]);
    run.assert_code(INCONCLUSIVE);
    let rounds = &run.result()["rounds"];
    assert_eq!(rounds["inconclusive"], 2);
    assert!(rounds["paths"][0]["rtt_ms"].is_null());
    assert!(rounds["paths"][0]["loss_percent"].is_null());
}

#[test]
fn time_ends_a_watch_and_leaves_a_repetition_open() {
    let servers = behind_nat();
    let run = json(&servers, &["--watch", "1", "--timeout", "2.5"]);
    run.assert_code(GOOD);
    assert!(run.result()["rounds"]["done"].as_u64() >= Some(1));
    assert!(run.result()["rounds"]["planned"].is_null());
    let run = json(&servers, &["--repeat", "100", "--timeout", "2.5"]);
    run.assert_code(INCONCLUSIVE);
    assert!(run.codes().contains(&"rounds-missing"), "{run:#?}");
}

#[test]
fn time_that_ends_before_the_first_round_leaves_its_part() {
    let run = json(&silent(), &["--repeat", "5", "--timeout", "0.3"]);
    run.assert_code(INCONCLUSIVE);
    let rounds = &run.result()["rounds"];
    assert_eq!(rounds["done"], 0);
    assert_eq!(rounds["cut_short"], true);
    assert_eq!(run.result()["paths"][0]["udp"]["reason"], "timeout");
}

#[cfg(unix)]
#[test]
fn an_interruption_prints_the_totals_so_far() {
    let servers = behind_nat();
    for rounds in [1, 2] {
        let command = of(&servers, &["--watch", "1"]);
        let mut seen = 0;
        let document = interrupted(command, "INT", |event| {
            assert_eq!(event["event"], "round");
            seen += 1;
            seen == rounds
        });
        assert_eq!(document["result"]["rounds"]["done"], rounds);
        assert_eq!(document["result"]["rounds"]["good"], rounds);
        let said = document["summary"].as_str().expect("text");
        assert!(said.starts_with("Interrupted. "), "{said}");
        assert!(!said.contains("Interrupted. Interrupted"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn an_interruption_of_the_first_round_prints_its_part() {
    let servers = silent();
    let command = of(&servers, &["--watch", "1", "-v"]);
    let document = interrupted(command, "INT", |event| {
        assert_eq!(event["event"], "resolved");
        true
    });
    assert_eq!(document["result"]["rounds"]["done"], 0);
    assert_eq!(document["result"]["rounds"]["inconclusive"], 0);
    assert_eq!(
        document["result"]["paths"][0]["udp"]["reason"],
        "interrupted"
    );
}

/// Whoever has read enough, as `head` does, ends a watch that nothing else would end.
#[test]
fn a_reader_that_goes_away_ends_a_watch() {
    let servers = behind_nat();
    for mode in [&["--jsonl"][..], &[]] {
        let mut command = of(&servers, &[&["--watch", "1"], mode].concat());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let stdout = child.stdout.take().expect("piped");
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        reader.read_line(&mut line).expect("a round");
        drop(reader);
        let output = wait_for_end(child, LONGEST);
        assert_eq!(output.status.code(), Some(GOOD), "{mode:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_it_with_an_error() {
    let servers = behind_nat();
    let full = std::fs::File::create("/dev/full").expect("it is there");
    let mut command = of(&servers, &["--watch", "1"]);
    let command = command.stdout(full).stderr(Stdio::piped());
    let child = command.spawn().expect("it runs");
    let output = wait_for_end(child, LONGEST);
    assert_eq!(output.status.code(), Some(ERROR));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cannot write the result"), "{stderr}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (args, says) in [
        (&["--repeat", "0"][..], "0"),
        (&["--watch", "0.5"], "at least 1"),
        (&["--watch", "1e9"], "at most 86400"),
        (&["--repeat", "2", "--lifetime"], "cannot be used together"),
        (
            &["--watch", "2", "--lifetime", "60"],
            "cannot be used together",
        ),
        (
            &["--watch", "2", "--port-mapping-test"],
            "cannot be used together",
        ),
        (
            &["--no-port-mapping", "--port-mapping-test"],
            "cannot be used together",
        ),
        (
            &["--all-interfaces", "--interface", "lo"],
            "cannot be used together",
        ),
        (
            &["--all-interfaces", "--local", "127.0.0.1"],
            "cannot be used together",
        ),
    ] {
        let run = run(program(args));
        run.assert_code(ERROR);
        assert!(run.stderr.contains(says), "{args:?}: {run:#?}");
        assert!(run.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_variable_that_says_no_excludes_nothing() {
    for (variable, flag) in [
        ("RTCDIAG_PORT_MAPPING_TEST", "--no-port-mapping"),
        ("RTCDIAG_PORT_MAPPING_TEST", "--repeat=1"),
        ("RTCDIAG_ALL_INTERFACES", "--local=127.0.0.1"),
    ] {
        for (value, refused) in [("0", false), ("1", true)] {
            let mut command = program(&["-s", "stun:127.0.0.1:9", "--timeout", "0.1", flag]);
            command.env(variable, value);
            let run = run(command);
            let told = run.stderr.contains("cannot be used together");
            assert_eq!(told, refused, "{variable}={value} {flag}: {run:#?}");
        }
    }
}

/// What a file sets is a default, which clap does not hold against a flag.
#[test]
fn a_file_and_a_flag_that_exclude_each_other() {
    for (text, args) in [
        ("interface = \"lo\"\n", &["--all-interfaces"][..]),
        ("[nat]\nlifetime = \"60s\"\n", &["--repeat", "2"]),
        ("[nat]\nport-mapping-test = true\n", &["--watch", "2"]),
    ] {
        let config = file("rounds.toml", text);
        let run = run(program(&[&["--config", &config], args].concat()));
        run.assert_code(ERROR);
        let said = run.stderr.contains("cannot be used together");
        assert!(said, "{text}: {run:#?}");
    }
}
