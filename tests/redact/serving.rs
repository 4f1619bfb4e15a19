//! `serve --redact -v`: its log and its results, with a client that joins.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::IpAddr;
use std::process::{Command, Stdio};

use super::leaks;
use super::program::anonymous;
use super::schema;

/// Runs a server until it is told to end; gives what it wrote to stdout and stderr.
fn served(mode: &[&str]) -> (String, String) {
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
    let mut other = anonymous(&[
        "pair",
        code,
        "--rendezvous",
        url,
        "--local",
        "127.0.0.1",
        "--no-nat",
        "--timeout",
        "1",
        "--redact",
    ]);
    let output = other
        .args(["-s", "stun:127.0.0.1:9"])
        .output()
        .expect("it runs");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    leaks::assert_none("pair", &said, &lab());
    let ended = Command::new("kill")
        .args(["-s", "TERM", &child.id().to_string()])
        .status();
    assert!(ended.expect("kill is there").success());
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut stdout)
        .expect("UTF-8");
    stderr.read_to_string(&mut log).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{log}");
    (stdout, log)
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
        let (stdout, log) = served(mode);
        leaks::assert_none("stdout", &stdout, &lab());
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
            ["--json"] => {
                let document = serde_json::from_str(&stdout).expect("JSON");
                schema::assert_valid(&document);
                assert_eq!(document["redacted"], true);
            }
            ["--jsonl"] => {
                let (event, document) = stdout.trim_end().split_once('\n').expect("two lines");
                schema::assert_valid_event(&serde_json::from_str(event).expect("JSON"));
                schema::assert_valid(&serde_json::from_str(document).expect("JSON"));
            }
            _ => assert!(stdout.contains("the rendezvous has stopped"), "{stdout}"),
        }
    }
}
