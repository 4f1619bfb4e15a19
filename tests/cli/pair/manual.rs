//! Lines that people carry, and what they make of them.

use super::program::{Refusing, pair};
use crate::support::program::{ERROR, Run, run, run_with_input};

/// Standard input says this, and ends.
fn given(form: &str, input: &[u8]) -> Run {
    let refusing = Refusing::new();
    let args = [form, "--timeout", "5", "--json"];
    run_with_input(pair(&refusing, &args), input)
}

#[track_caller]
fn assert_no_description(run: &Run, says: &str) {
    run.assert_code(ERROR);
    assert_eq!(run.document["outcome"], "error", "{run:#?}");
    let summary = run.summary();
    assert!(summary.contains(says), "'{says}': {summary}");
    // There is none that could be to blame.
    assert!(!summary.contains("rendezvous"), "{summary}");
    run.assert_within(4.0);
}

#[test]
fn an_input_that_ends_early_is_named() {
    for form in ["--manual", "--manual=sdp"] {
        for input in [&b""[..], b"\n\n\n", b"  \r\n"] {
            assert_no_description(&given(form, input), "standard input ended");
        }
    }
    // A line that was cut off.
    assert_no_description(&given("--manual", b"rtcdiag1:dj0w"), "standard input ended");
}

/// It may be given once more, so what is wrong is kept for the result.
#[test]
fn lines_that_are_none_are_named() {
    for (line, says) in [
        (&b"hello\n"[..], "does not begin with"),
        (b"rtcdiag3:dj0w.\n", "another version"),
        (b"rtcdiag2:dj0w.\n", "cannot be unpacked"),
        (b"https://call.example.org/#8K2M\n", "it is a link"),
        (b"rtcdiag1:d*0w.\n", "damaged"),
        (b"rtcdiag1:_w.\n", "damaged"),
        (b"rtcdiag2:AAAA\nws://192.0.2.1:7880\n", "cut off"),
        (b"rtcdiag2:AAAA\nws://192.0.2.1:7880\n", "it is a link"),
        (b"rtcdiag2:AAAA\nrtcdiag3:dj0w.\n", "another version"),
    ] {
        let run = given("--manual", line);
        assert_no_description(&run, "standard input ended");
        let refused = run.result()["session"]["refused"].to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn what_is_no_text_is_named() {
    for form in ["--manual", "--manual=sdp"] {
        assert_no_description(&given(form, b"v=0\n\xff\xfe\n"), "UTF-8");
    }
}

/// Neither many lines nor one that does not end fill the memory.
#[test]
fn what_is_far_too_long_is_named() {
    let endless = vec![b'x'; 8 << 20];
    let many = b"a=candidate\n".repeat(1 << 18);
    let sdp = [b"v=0\n", many.as_slice()].concat();
    for (form, input) in [
        ("--manual", &endless),
        ("--manual=sdp", &endless),
        ("--manual=sdp", &sdp),
        (
            "--manual",
            &[b"rtcdiag2:", &b"AAAA\n".repeat(1 << 18)[..]].concat(),
        ),
    ] {
        assert_no_description(&given(form, input), "too long");
    }
    let unfinished = b"rtcdiag1:AAAA\n".repeat(1 << 18);
    assert_no_description(&given("--manual", &unfinished), "not from rtcdiag");
}

#[test]
fn descriptions_that_are_none_are_named() {
    for (sdp, says) in [
        (&b"hello\n\n"[..], "not SDP"),
        (b"v=0\n\n", "it has no ICE"),
        (b"v=0\na=ice-ufrag:abcd\n\n", "no a=ice-pwd"),
        (b"v=0\na=ice-ufrag:abcd\na=ice-pwd:short\n\n", "ice-pwd"),
        (
            b"v=0\na=ice-ufrag:\x1b[31m\na=ice-pwd:0123456789abcdefghijkl\n\n",
            "ice-ufrag",
        ),
    ] {
        assert_no_description(&given("--manual=sdp", sdp), says);
    }
}

/// What is missing is said while the input is still open.
#[test]
fn a_line_without_its_end_is_answered_at_once() {
    let run = left_open("--manual", b"rtcdiag2:AAAA\n");
    let refused = run.result()["session"]["refused"].to_string();
    assert!(
        refused.contains("a full stop, is missing: paste the rest"),
        "{refused}"
    );
}

/// Standard input stays open for a second, and nothing comes.
fn nothing_given(form: &str) -> Run {
    left_open(form, b"")
}

/// Standard input says this, and stays open for a second.
fn left_open(form: &str, input: &[u8]) -> Run {
    let refusing = Refusing::new();
    let mut command = pair(&refusing, &[form, "--timeout", "1", "--json"]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut writer, input).expect("there is room");
    command.stdin(reader);
    let run = run(command);
    drop(writer);
    run
}

#[test]
fn nothing_given_ends_with_the_time_limit() {
    for form in ["--manual", "--manual=sdp"] {
        let run = nothing_given(form);
        assert_ne!(run.code, 0);
        assert_eq!(run.result()["state"], "no-peer", "{run:#?}");
        let summary = run.summary();
        assert!(summary.contains("was given within"), "{summary}");
        run.assert_within(4.0);
    }
}

/// A description is shown on stderr, the line of it in one piece.
#[test]
fn the_line_is_shown_whole() {
    let run = nothing_given("--manual");
    let line = run.stderr.lines().find(|l| l.starts_with("rtcdiag2:"));
    let line = line.unwrap_or_else(|| panic!("no line: {run:#?}"));
    assert!(line.ends_with('.'), "{line}");
    let run = nothing_given("--manual=sdp");
    let begin = run.stderr.find("v=0").expect("SDP");
    let sdp = &run.stderr[begin..];
    for attribute in ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"] {
        assert!(sdp.lines().any(|l| l.starts_with(attribute)), "{run:#?}");
    }
}
