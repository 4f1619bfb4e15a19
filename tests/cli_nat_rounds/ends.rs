//! How rounds end: expectations, time, signals, a reader that goes away.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn every_round_has_to_be_as_expected() {
    let servers = behind_nat();
    let wish = "mapping=endpoint-independent,udp=open";
    let output = run(&servers, &["--repeat", "2", "--json", "--expect", wish]);
    assert_eq!(code(&output), GOOD);
    let wish = "filtering=endpoint-independent";
    let output = run(&servers, &["--repeat", "2", "--json", "--expect", wish]);
    assert_eq!(code(&output), BAD);
    let document = document(&output);
    assert_eq!(document["result"]["rounds"]["bad"], 2);
    let findings = document["findings"].as_array().expect("a list");
    let missed = findings
        .iter()
        .filter(|f| f["code"] == "expectation-not-met");
    let [missed] = missed.collect::<Vec<_>>()[..] else {
        panic!("not said once: {document:#}");
    };
    let said = missed["message"].to_string();
    assert!(said.contains("in 2 of 2 rounds"), "{said}");
}

#[test]
fn silence_is_inconclusive_in_every_round() {
    let output = run(&silent(), &["--repeat", "2", "--json"]);
    assert_eq!(code(&output), INCONCLUSIVE);
    let document = document(&output);
    let rounds = &document["result"]["rounds"];
    assert_eq!(rounds["inconclusive"], 2);
    assert!(rounds["paths"][0]["rtt_ms"].is_null());
    assert!(rounds["paths"][0]["loss_percent"].is_null());
}

#[test]
fn time_ends_a_watch_and_leaves_a_repetition_open() {
    let servers = behind_nat();
    let output = run(&servers, &["--watch", "1", "--timeout", "2.5", "--json"]);
    assert_eq!(code(&output), GOOD);
    let watched = document(&output);
    assert!(watched["result"]["rounds"]["done"].as_u64() >= Some(1));
    assert!(watched["result"]["rounds"]["planned"].is_null());
    let output = run(&servers, &["--repeat", "100", "--timeout", "2.5", "--json"]);
    assert_eq!(code(&output), INCONCLUSIVE);
    let repeated = document(&output);
    assert!(codes(&repeated).contains(&"rounds-missing"), "{repeated:#}");
}

#[test]
fn time_that_ends_before_the_first_round_leaves_its_part() {
    let output = run(&silent(), &["--repeat", "5", "--timeout", "0.3", "--json"]);
    assert_eq!(code(&output), INCONCLUSIVE);
    let document = document(&output);
    let rounds = &document["result"]["rounds"];
    assert_eq!(rounds["done"], 0);
    assert_eq!(rounds["cut_short"], true);
    assert_eq!(document["result"]["paths"][0]["udp"]["reason"], "timeout");
}

fn wait_for_end(mut child: Child) -> Output {
    let end = Instant::now() + Duration::from_secs(30);
    while child.try_wait().expect("it is ours").is_none() {
        assert!(Instant::now() < end, "it hangs");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("it has ended")
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.expect("kill is there").success());
}

#[cfg(unix)]
#[test]
fn an_interruption_prints_the_totals_so_far() {
    let servers = behind_nat();
    for rounds in [1, 2] {
        let mut command = program(&["-s", &servers.uri(0), "--watch", "1", "--jsonl"]);
        let mut child = command.spawn().expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        for _ in 0..rounds {
            let line = lines.next().expect("a round").expect("UTF-8");
            assert!(line.contains("\"event\":\"round\""), "{line}");
        }
        interrupt(&child);
        let last = lines.map_while(Result::ok).last().expect("a document");
        assert_eq!(child.wait().expect("it ends").code(), Some(INTERRUPTED));
        let document: Value = serde_json::from_str(&last).expect("a document");
        schema::assert_valid(&document);
        assert_eq!(document["outcome"], "interrupted");
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
    let mut command = program(&["-s", &servers.uri(0), "--watch", "1", "--jsonl", "-v"]);
    let mut child = command.spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = lines.next().expect("an event").expect("UTF-8");
    assert!(line.contains("resolved"), "{line}");
    interrupt(&child);
    let last = lines.map_while(Result::ok).last().expect("a document");
    assert_eq!(child.wait().expect("it ends").code(), Some(INTERRUPTED));
    let document: Value = serde_json::from_str(&last).expect("a document");
    schema::assert_valid(&document);
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
        let mut command = program(&["-s", &servers.uri(0), "--watch", "1"]);
        let mut child = command.args(mode).spawn().expect("it runs");
        let stdout = child.stdout.take().expect("piped");
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        reader.read_line(&mut line).expect("a round");
        drop(reader);
        let output = wait_for_end(child);
        assert_eq!(code(&output), GOOD, "{mode:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_it_with_an_error() {
    let servers = behind_nat();
    let full = std::fs::File::create("/dev/full").expect("it is there");
    let mut command = program(&["-s", &servers.uri(0), "--watch", "1"]);
    let child = command.stdout(full).spawn().expect("it runs");
    let output = wait_for_end(child);
    assert_eq!(code(&output), ERROR);
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
        let output = program(args).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(code(&output), ERROR, "{args:?}: {stderr}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
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
            let output = command.env(variable, value).output().expect("it runs");
            let stderr = String::from_utf8_lossy(&output.stderr);
            let told = stderr.contains("cannot be used together");
            assert_eq!(told, refused, "{variable}={value} {flag}: {stderr}");
        }
    }
}

/// What a file sets is a default, which clap does not hold against a flag.
#[test]
fn a_file_and_a_flag_that_exclude_each_other() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}-rounds.toml", std::process::id()));
    for (text, args) in [
        ("interface = \"lo\"\n", &["--all-interfaces"][..]),
        ("[nat]\nlifetime = \"60s\"\n", &["--repeat", "2"]),
        ("[nat]\nport-mapping-test = true\n", &["--watch", "2"]),
    ] {
        std::fs::write(&path, text).expect("the target directory can be written to");
        let config = path.to_str().expect("UTF-8");
        let mut command = program(&["--config", config]);
        let output = command.args(args).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(code(&output), ERROR, "{text}: {stderr}");
        assert!(
            stderr.contains("cannot be used together"),
            "{text}: {stderr}"
        );
    }
}
