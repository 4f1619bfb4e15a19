//! What the user typed does not come back with its addresses, whatever is wrong with it.

use std::net::IpAddr;

use super::leaks;
use super::program::{anonymous, file, side_by_side, with_env};
use super::schema;

/// All that are typed here.
const TYPED: [&str; 4] = [
    "203.0.113.77",
    "198.51.100.77",
    "2001:db8::77",
    "192.168.77.7",
];

/// Ends with exit code 2 and a message without addresses, in text, JSON and JSON lines.
fn refused(args: &[&str]) {
    let addresses: Vec<IpAddr> = TYPED.iter().map(|ip| ip.parse().expect("valid")).collect();
    for mode in [None, Some("--json"), Some("--jsonl")] {
        for by_variable in [false, true] {
            let mut command = anonymous(args);
            command.args(mode);
            if by_variable {
                command = with_env(command, "RTCDIAG_REDACT", "true");
            } else {
                command.arg("--redact");
            }
            let output = command.output().expect("it runs");
            let stdout = String::from_utf8_lossy(&output.stdout);
            let stderr = String::from_utf8_lossy(&output.stderr);
            let text = format!("{stdout}{stderr}");
            assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
            leaks::assert_none(&format!("{args:?}"), &text, &addresses);
            assert!(
                !["113.77", "100.77", "::77", "77.7"]
                    .iter()
                    .any(|part| text.contains(part)),
                "{args:?}: {text}"
            );
            if mode.is_some() {
                let document = serde_json::from_str(&stdout).expect("JSON");
                schema::assert_valid(&document);
                assert_eq!(document["redacted"], true, "{document:#}");
                let message = document["findings"][0]["message"].as_str().expect("text");
                assert!(stderr.contains(message), "{stderr}{message}");
            } else {
                assert_eq!(stdout, "");
                assert!(!stderr.is_empty());
            }
        }
    }
}

#[test]
fn what_was_typed_is_not_repeated() {
    let wrong = file("wrong.toml", "local = \"203.0.113.77.1x\"\n");
    let list = file(
        "list.toml",
        "server = [\"stun:203.0.113.77:0\"]\nredact = true\n",
    );
    let ice = file("ice.json", "[{\"urls\": \"stun:203.0.113.77:0\"}]");
    let missing = "/nowhere/203.0.113.77.json";
    let cases: [&[&str]; 20] = [
        &["nat", "--local", "203.0.113.77"],
        &["nat", "--local", "2001:db8::77"],
        &["gather", "--local", "203.0.113.77"],
        &["pair", "--local", "203.0.113.77"],
        &["turn", "turn:198.51.100.77", "--local", "203.0.113.77"],
        &["serve", "--listen", "203.0.113.77:7880"],
        &["serve", "--listen", "[2001:db8::77]:7880"],
        &[
            "serve",
            "--stun",
            "203.0.113.77",
            "--stun-alternate",
            "2001:db8::77",
        ],
        &["nat", "--local", "203.0.113.77.5"],
        &["nat", "--local", "203.0.300.77"],
        &["nat", "--local", "2001:db8::77:zz"],
        &["nat", "-s", "203.0.113.77:0"],
        &[
            "nat",
            "-s",
            "stun:192.168.77.7:3478,stun:203.0.113.77:99999",
        ],
        &["nat", "--203.0.113.77"],
        &["nat", "203.0.113.77"],
        &["turn", "turn:203.0.113.77:0"],
        &["nat", "--config", &wrong],
        &["nat", "--config", &list],
        &["nat", "--ice-servers", &ice],
        &["nat", "--ice-servers", missing],
    ];
    side_by_side(&cases, |args| refused(args));
}

/// The file is asked too, as far as it can be read, when the command line is wrong.
#[test]
fn the_file_counts_when_the_command_line_is_wrong() {
    let yes = file("yes.toml", "redact = true\n");
    let here = file("here.toml", "[nat]\nredact = true\n");
    let damaged = file("damaged.toml", "redact = true\nlocal = = 203.0.113.77\n");
    let no = file("no.toml", "redact = false\n");
    for (path, is_shown) in [
        (&yes, false),
        (&here, false),
        (&damaged, false),
        (&no, true),
    ] {
        let args = [
            "nat",
            "--config",
            path,
            "--local",
            "203.0.113.77",
            "--json",
            "--timeout",
            "0",
        ];
        let output = anonymous(&["nat", "-s", "203.0.113.77:0", "--config", path])
            .output()
            .expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert_eq!(
            stderr.contains("203.0.113.77"),
            is_shown,
            "{path}: {stderr}"
        );
    }
}

/// Without the flag a message says what was typed.
#[test]
fn without_the_flag_all_is_said() {
    let output = anonymous(&["nat", "--local", "203.0.113.77"])
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("203.0.113.77 is not an address"),
        "{stderr}"
    );
}
