//! `serve --redact -v`: its log and its results, with a client that joins.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::IpAddr;
use std::process::Stdio;

use crate::support::leaks;
use crate::support::program::{GOOD, Run, anonymous, read, run, signal};

/// Runs a server until it is told to end; what has come of it, and what it wrote to stderr.
fn served(mode: &[&str]) -> (Run, String) {
    let mut command = anonymous(&[
        "serve",
        "--redact",
        "-v",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "[::1]:0",
    ]);
    let mut child = command
        .args(["--stun", "127.0.0.1:0", "--stun-alternate", "127.0.0.2"])
        .args(mode)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut log = String::new();
    // The command that it shows is the one to type.
    while !log.contains("--rendezvous ws://127.0.0.1:") || !log.contains("rtcdiag nat -s") {
        assert!(
            stderr.read_line(&mut log).expect("UTF-8") > 0,
            "it ended: {log}"
        );
    }
    let url = log
        .split_whitespace()
        .find(|word| word.starts_with("ws://127"))
        .expect("a URL");
    let code = "0000-0000-0000-0000-0";
    let other = run(anonymous(format!(
        "pair {code} --rendezvous {url} --local 127.0.0.1 --no-nat --timeout 1 --redact \
         -s stun:127.0.0.1:9"
    )));
    leaks::assert_none("pair", &format!("{}{}", other.stdout, other.stderr), &lab());
    signal(&child, "TERM");
    stderr.read_to_string(&mut log).expect("UTF-8");
    let ended = read(&child.wait_with_output().expect("it ends"));
    assert_eq!(ended.code, GOOD, "{log}");
    (ended, log)
}

fn lab() -> Vec<IpAddr> {
    let all = ["127.0.0.1", "127.0.0.2", "::1"];
    all.iter()
        .map(|ip| ip.parse().expect("an address"))
        .collect()
}

#[test]
fn the_log_has_labels_and_the_commands_are_whole() {
    for mode in [&[][..], &["--json"], &["--jsonl"]] {
        let (ended, log) = served(mode);
        let stdout = &ended.stdout;
        leaks::assert_none("stdout", stdout, &lab());
        let (commands, rest): (Vec<&str>, Vec<&str>) =
            log.lines().partition(|l| l.starts_with("  rtcdiag "));
        assert_eq!(commands.len(), 3, "{log}");
        for command in commands {
            assert!(
                command.contains("127.0.0.1:") || command.contains("[::1]:"),
                "{command}"
            );
        }
        leaks::assert_none("stderr", &rest.join("\n"), &lab());
        for part in [
            "listening on lo1:",
            "lo6-1:",
            "other address lo2:",
            "joined room",
            "note: --redact",
        ] {
            assert!(log.contains(part), "{part}: {log}");
        }
        assert!(
            rest.iter()
                .any(|l| l.contains(" lo1:") && l.contains("joined room")),
            "{log}"
        );
        match mode {
            ["--json"] => assert_eq!(ended.document["redacted"], true),
            ["--jsonl"] => assert_eq!(ended.events.len(), 1, "{ended:#?}"),
            _ => assert!(stdout.contains("the rendezvous has stopped"), "{stdout}"),
        }
    }
}
