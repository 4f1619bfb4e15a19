//! What the user typed does not come back with its addresses, whatever is wrong with it.

use std::net::IpAddr;

use crate::support::leaks;
use crate::support::program::{ERROR, anonymous, file, run, side_by_side};

/// All that are typed here.
const TYPED: [&str; 4] = [
    "203.0.113.77",
    "198.51.100.77",
    "2001:db8::77",
    "192.168.77.7",
];

/// Ends with exit code 2 and a message without addresses, in text, JSON and JSON lines.
fn refused(args: &str) {
    let addresses: Vec<IpAddr> = TYPED.iter().map(|ip| ip.parse().expect("valid")).collect();
    for mode in [None, Some("--json"), Some("--jsonl")] {
        for by_variable in [false, true] {
            let mut command = anonymous(args);
            command.args(mode);
            if by_variable {
                command.env("RTCDIAG_REDACT", "true");
            } else {
                command.arg("--redact");
            }
            let run = run(command);
            let text = format!("{}{}", run.stdout, run.stderr);
            run.assert_code(ERROR);
            leaks::assert_none(&format!("{args:?}"), &text, &addresses);
            let without_times = leaks::without_times(&text);
            for part in ["113.77", "100.77", "::77", "77.7"] {
                assert!(!without_times.contains(part), "{args:?}: {text}");
            }
            if mode.is_some() {
                assert_eq!(run.document["redacted"], true, "{run:#?}");
                let message = run.findings()[0]["message"].as_str().expect("text");
                assert!(run.stderr.contains(message), "{run:#?}");
            } else {
                assert_eq!(run.stdout, "");
                assert!(!run.stderr.is_empty());
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
    let cases = [
        "nat --local 203.0.113.77".to_owned(),
        "nat --local 2001:db8::77".to_owned(),
        "gather --local 203.0.113.77".to_owned(),
        "pair --local 203.0.113.77".to_owned(),
        "turn turn:198.51.100.77 --local 203.0.113.77".to_owned(),
        "serve --listen 203.0.113.77:7880".to_owned(),
        "serve --listen [2001:db8::77]:7880".to_owned(),
        "serve --stun 203.0.113.77 --stun-alternate 2001:db8::77".to_owned(),
        "nat --local 203.0.113.77.5".to_owned(),
        "nat --local 203.0.300.77".to_owned(),
        "nat --local 2001:db8::77:zz".to_owned(),
        "nat -s 203.0.113.77:0".to_owned(),
        "nat -s stun:192.168.77.7:3478,stun:203.0.113.77:99999".to_owned(),
        "nat --203.0.113.77".to_owned(),
        "nat 203.0.113.77".to_owned(),
        "turn turn:203.0.113.77:0".to_owned(),
        format!("nat --config {wrong}"),
        format!("nat --config {list}"),
        format!("nat --ice-servers {ice}"),
        format!("nat --ice-servers {missing}"),
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
        let run = run(anonymous(&[
            "nat",
            "-s",
            "203.0.113.77:0",
            "--config",
            path,
        ]));
        run.assert_code(ERROR);
        let shown = run.stderr.contains("203.0.113.77");
        assert_eq!(shown, is_shown, "{path}: {run:#?}");
    }
}

/// Without the flag a message says what was typed.
#[test]
fn without_the_flag_all_is_said() {
    let run = run(anonymous("nat --local 203.0.113.77"));
    let said = run.stderr.contains("203.0.113.77 is not an address");
    assert!(said, "{run:#?}");
}
