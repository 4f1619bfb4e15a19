//! Everything that can be wrong before the first packet, and where options come from.

use std::process::Command;

use rtcdiag::proto::signal::code::Code;

use super::program::{CODE, Refusing, assert_refused, bare, pair};
use crate::support::program::{BAD, ERROR, GOOD, file, read, run, wait_for_end};

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
        (&["--rendezvous", "ftp://127.0.0.1"], "not a scheme"),
        (
            &["--rendezvous", "mqtt://ann:secret@127.0.0.1"],
            "do not belong",
        ),
        (&["--rendezvous", "mqtt://127.0.0.1/x"], "has no path"),
        (
            &["--rendezvous", "public", "--public-brokers", "lan"],
            "list of URLs",
        ),
        (
            &["--rendezvous-username", "ann"],
            "RTCDIAG_RENDEZVOUS_PASSWORD",
        ),
        (
            &["--rendezvous-password-file", "/dev/null"],
            "no secret in its first line",
        ),
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

/// Wherever the code comes from, what is wrong with it is said, with the place and without the code.
#[test]
fn codes_from_elsewhere_that_are_none() {
    let args = ["--rendezvous", "ws://127.0.0.1:9"];
    let wrong = "0000-0000-0000-0001-0";
    let variable = || with(bare(&args), &[("RTCDIAG_CODE", wrong)]);
    assert_refused(variable, "RTCDIAG_CODE: the code has a typing mistake");
    for (typed, says) in [
        (wrong, "standard input: the code has a typing mistake"),
        ("", "no code on standard input"),
        ("\n0000-0000-0000-0000-0\n", "no code on standard input"),
        ("\u{fffd}", "does not occur"),
    ] {
        let given = file("code", typed);
        let command = || {
            let mut command = bare(&["-", "--rendezvous", "ws://127.0.0.1:9"]);
            command.stdin(std::fs::File::open(&given).expect("it was written"));
            command
        };
        assert_refused(command, says);
        let told = run(command());
        assert!(!told.stderr.contains(wrong), "{}", told.stderr);
    }
    let both = || {
        bare(&[
            "-",
            "--rendezvous",
            "ws://127.0.0.1:9",
            "--ice-servers",
            "-",
        ])
    };
    assert_refused(both, "both");
}

/// A pipe that nobody writes to is not waited for without end.
#[test]
fn a_code_that_never_comes() {
    let mut command = bare(&["-", "--rendezvous", "ws://127.0.0.1:9", "--timeout", "1"]);
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let held = child.stdin.take();
    let ended = read(&wait_for_end(child, std::time::Duration::from_secs(30)));
    drop(held);
    ended.assert_code(ERROR);
    assert!(ended.stderr.contains("no code came"), "{}", ended.stderr);
}

/// A person at a terminal is asked.
#[cfg(target_os = "linux")]
#[test]
fn a_code_is_asked_for_at_a_terminal() {
    use std::io::Write as _;
    use std::process::Stdio;
    let program = bare(&["-", "--rendezvous", "ws://127.0.0.1:9", "--timeout", "20"]);
    let mut words = vec![program.get_program().to_string_lossy().into_owned()];
    words.extend(program.get_args().map(|a| a.to_string_lossy().into_owned()));
    // It gives the program a terminal, and shows what is written there.
    let mut terminal = Command::new("script");
    terminal
        .args(["-qec", &words.join(" "), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = terminal.spawn().expect("script is there (bsdutils)");
    let mut keyboard = child.stdin.take().expect("piped");
    writeln!(keyboard, "{CODE}").expect("it reads");
    let ended = wait_for_end(child, std::time::Duration::from_secs(40));
    drop(keyboard);
    let shown = String::from_utf8_lossy(&ended.stdout);
    assert!(shown.contains("type the code of the session:"), "{shown}");
    // Nobody listens at port 9: the code was taken, and used.
    assert!(shown.contains("connection refused"), "{shown}");
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
    let text =
        "[pair]\nrendezvous = \"ws://127.0.0.1:9/file\"\nexpect = \"pair=direct\"\ntimeout = 1\n";
    let file = file("pair.toml", text);
    // Nobody listens at port 9; the message names the URL that was used.
    let variable = &[("RTCDIAG_RENDEZVOUS", "ws://127.0.0.1:9/variable")][..];
    for (flags, variables, used) in [
        (&[][..], &[][..], "file"),
        (&[], variable, "variable"),
        (&["--rendezvous", "ws://127.0.0.1:9/flag"], variable, "flag"),
    ] {
        let args = [&["--config", &file, CODE, "--json"], flags].concat();
        let mut command = pair(&refusing, &args);
        command.env_remove("RTCDIAG_RENDEZVOUS");
        let run = run(with(command, variables));
        run.assert_code(ERROR);
        let said = run.stderr.contains(&format!("ws://127.0.0.1:9/{used}"));
        assert!(said, "{run:#?}");
    }
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
    assert_eq!(run.result()["session"]["mode"], "embedded");
    assert_eq!(run.result()["state"], "no-peer");
    let codes = run.codes();
    assert!(codes.contains(&"expectation-not-met"), "{codes:?}");
    assert!(codes.contains(&"no-peer"), "{codes:?}");
}

#[test]
fn files_that_cannot_be_understood() {
    for text in [
        "[pair]\nrendezvous = \"http://x\"\n",
        "[pair]\ncolour = \"blue\"\n",
        "[pair]\nduration = \"soon\"\n",
    ] {
        let file = file("broken.toml", text);
        let command = || {
            let mut command = bare(&["--config", &file]);
            command.env_remove("RTCDIAG_RENDEZVOUS");
            command
        };
        assert_refused(command, ":2:");
    }
}
