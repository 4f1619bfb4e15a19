//! Everything that can be wrong before the first packet, and where options come from.

use std::process::Command;

use rtcdiag::signal::code::Code;

use crate::program::{BAD, CODE, ERROR, GOOD, Refusing, assert_refused, bare, pair, run};

#[test]
fn flags_that_exclude_each_other_or_cannot_be_meant() {
    let url = "ws://127.0.0.1:9";
    for (args, says) in [
        (&["--new-code", CODE][..], "leave out CODE"),
        (&["--new-code", "--manual"], "leave out CODE"),
        (&[CODE, "--manual"], "cannot be used with"),
        (
            &["--manual", "--rendezvous-listen", "127.0.0.1:0"],
            "cannot be used with",
        ),
        (
            &["--rendezvous", url, "--rendezvous-listen", "127.0.0.1:0"],
            "cannot be used with",
        ),
        (&[CODE], "needs --rendezvous"),
        (&[CODE, CODE], "unexpected argument"),
        (&["--manual=xml"], "xml"),
        (&["--role", "boss"], "boss"),
        (&["--policy", "direct"], "direct"),
        (&["--policy", "relay"], "needs a TURN server"),
        (
            &["--policy", "relay", "-s", "stun:127.0.0.1"],
            "needs a TURN server",
        ),
        (&["--rendezvous-listen", "here"], "here"),
        (&["--duration", "-1"], "-1"),
        (&["--duration", "soon"], "not a number"),
        (&["--duration", "nan"], "nan"),
        (&["--duration", "1e99"], "1e99"),
        (&["--duration", "4000"], "3600"),
        (&["--timeout", "0"], "more than 0"),
        (&["--expect", "pair=relay"], "direct or connected"),
        (
            &["--expect", "mapping=endpoint-independent"],
            "cannot be expected of pair",
        ),
        (&["--expect", "direct"], "KEY=VALUE"),
        (&["--local", "192.0.2.77"], "not an address of this host"),
        (&["--local", "127.0.0.1", "-6"], "not an IPv6 address"),
        (&["--interface", "none0"], "no interface 'none0'"),
        (
            &["-s", "turn:127.0.0.1", "--turn-username", "ann"],
            "password",
        ),
        (&["-q", "-v"], "cannot be used together"),
    ] {
        assert_refused(|| bare(args), says);
    }
}

/// A mistake is told before anything is sent, also that of a code.
#[test]
fn codes_that_are_none() {
    let right: Code = CODE.parse().expect("a code");
    assert_eq!(right.to_string(), CODE);
    for (code, says) in [
        ("hello", "17 letters and digits"),
        ("", "17 letters and digits"),
        ("0000-0000-0000-0000", "17 letters and digits"),
        ("0000-0000-0000-0000-00", "17 letters and digits"),
        ("0000-0000-0000-0001-0", "typing mistake"),
        ("0000-0000-0000-0000-1", "typing mistake"),
        ("0000-0000-0000-000?-0", "'?' does not occur"),
        ("0000-0000-0000-000\u{e9}-0", "does not occur"),
        ("0000-0000-0000-000\u{1b}-0", "does not occur"),
    ] {
        assert_refused(|| bare(&[code, "--rendezvous", "ws://127.0.0.1:9"]), says);
    }
}

#[test]
fn urls_that_are_none() {
    for (url, says) in [
        ("", "empty"),
        ("http://127.0.0.1:7880", "ws:// or wss://"),
        ("stun:127.0.0.1", "port"),
        ("127.0.0.1", "port is missing"),
        ("ws://", "host"),
        ("ws://127.0.0.1:0", "port"),
        ("ws://127.0.0.1:70000", "port"),
        ("ws://127.0.0.1:9/a b", "path"),
        ("ws://127.0.0.1:9/?code=1", "'?'"),
        ("ws://ann:hush-hush@127.0.0.1:9", "user name and password"),
        ("ws://[::1:9", ""),
    ] {
        assert_refused(|| bare(&[CODE, "--rendezvous", url]), says);
        let told = run(bare(&[CODE, "--rendezvous", url, "--json"]));
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(!all.contains("hush-hush"), "{all}");
    }
}

#[test]
fn new_codes() {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let run = run(bare(&["--new-code"]));
        run.assert_code(GOOD);
        assert_eq!(run.stderr, "");
        let code = run.stdout.strip_suffix('\n').expect("one line");
        assert_eq!(code.parse::<Code>().expect("a code").to_string(), code);
        assert!(!seen.contains(&run.stdout), "it is not new");
        seen.push(run.stdout);
    }
}

fn with(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.envs(variables.iter().copied());
    command
}

/// What a variable says is checked like a flag.
#[test]
fn variables_that_cannot_be_meant() {
    for (name, value, says) in [
        ("RTCDIAG_RENDEZVOUS", "http://127.0.0.1", "ws:// or wss://"),
        ("RTCDIAG_RENDEZVOUS_LISTEN", "here", "here"),
        ("RTCDIAG_MANUAL", "xml", "xml"),
        ("RTCDIAG_POLICY", "direct", "direct"),
        ("RTCDIAG_DURATION", "soon", "not a number"),
        ("RTCDIAG_ROLE", "boss", "boss"),
        ("RTCDIAG_EXPECT", "pair=relay", "direct or connected"),
    ] {
        assert_refused(|| with(bare(&[]), &[(name, value)]), says);
    }
}

#[test]
fn variables_and_file_are_obeyed_and_the_flag_wins() {
    let refusing = Refusing::new();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("cli_pair-{}.toml", std::process::id()));
    std::fs::write(
        &file,
        "[pair]\nrendezvous = \"ws://127.0.0.1:9/file\"\nexpect = \"pair=direct\"\ntimeout = 1\n",
    )
    .expect("the directory can be written to");
    let file = file.to_str().expect("UTF-8");
    // Nobody listens at port 9; the message names the URL that was used.
    let command = |more: &[&str]| {
        pair(
            &refusing,
            &[&["--config", file, CODE, "--json"], more].concat(),
        )
    };
    let of_file = run(command(&[]));
    of_file.assert_code(ERROR);
    assert!(
        of_file.stderr.contains("ws://127.0.0.1:9/file"),
        "{of_file:#?}"
    );
    let of_variable = run(with(
        command(&[]),
        &[("RTCDIAG_RENDEZVOUS", "ws://127.0.0.1:9/variable")],
    ));
    assert!(
        of_variable.stderr.contains("ws://127.0.0.1:9/variable"),
        "{of_variable:#?}"
    );
    let of_flag = run(with(
        command(&["--rendezvous", "ws://127.0.0.1:9/flag"]),
        &[("RTCDIAG_RENDEZVOUS", "ws://127.0.0.1:9/variable")],
    ));
    assert!(
        of_flag.stderr.contains("ws://127.0.0.1:9/flag"),
        "{of_flag:#?}"
    );
}

#[test]
fn variables_stand_for_flags() {
    let refusing = Refusing::new();
    let variables = [
        ("RTCDIAG_PAIR_LISTEN", "127.0.0.1:0"),
        ("RTCDIAG_EXPECT", "pair=direct"),
        ("RTCDIAG_NO_NAT", "1"),
        ("RTCDIAG_DURATION", "0.5"),
        ("RTCDIAG_ROLE", "controlled"),
        ("RTCDIAG_TIMEOUT", "1"),
        ("RTCDIAG_JSON", "1"),
    ];
    let run = run(with(
        bare(&["--local", "127.0.0.1", "-s", &refusing.uri()]),
        &variables,
    ));
    run.assert_code(BAD);
    let document = run.document();
    assert_eq!(document["result"]["session"]["mode"], "embedded");
    assert_eq!(document["result"]["state"], "no-peer");
    let findings = document["findings"].as_array().expect("a list");
    let codes: Vec<_> = findings.iter().filter_map(|f| f["code"].as_str()).collect();
    assert!(codes.contains(&"expectation-not-met"), "{codes:?}");
    assert!(codes.contains(&"no-peer"), "{codes:?}");
}

#[test]
fn files_that_cannot_be_understood() {
    for (name, text, says) in [
        ("url", "[pair]\nrendezvous = \"http://x\"\n", ":2:"),
        ("unknown", "[pair]\ncolour = \"blue\"\n", ":2:"),
        ("code", "[pair]\nduration = \"soon\"\n", ":2:"),
    ] {
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("cli_pair-{name}-{}.toml", std::process::id()));
        std::fs::write(&file, text).expect("the directory can be written to");
        let path = file.to_str().expect("UTF-8");
        assert_refused(|| bare(&["--config", path]), says);
    }
}
