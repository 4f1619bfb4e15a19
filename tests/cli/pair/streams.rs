//! What goes to which stream.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::Value;

use super::program::{Refusing, pair};
use crate::support::program::{BAD, GOOD, json, lines, read, run, until};

/// Nobody comes, so each run takes its time limit.
const SHORT: [&str; 4] = ["--rendezvous-listen", "127.0.0.1:0", "--timeout", "0.5"];

#[test]
fn the_code_is_shown_on_stderr_also_when_quiet() {
    let refusing = Refusing::new();
    for more in [&[][..], &["-q"], &["--color", "always"]] {
        let run = run(pair(&refusing, &[&SHORT[..], more].concat()));
        run.assert_code(BAD);
        let code = run.stderr.lines().find_map(|l| l.strip_prefix("code: "));
        let code = code.unwrap_or_else(|| panic!("no code: {run:#?}"));
        let command = format!("rtcdiag pair {code} --rendezvous ws://127.0.0.1:");
        assert!(run.stderr.contains(&command), "{run:#?}");
        // The other host needs the same servers.
        assert!(
            run.stderr.contains(&format!("-s {}", refusing.uri())),
            "{run:#?}"
        );
        assert!(!run.stdout.contains(code), "{run:#?}");
        let summary = run.stdout.rsplit("\n\n").next().expect("a result");
        assert!(summary.contains("never came"), "{run:#?}");
        assert!(run.stdout.ends_with('\n'), "{run:#?}");
    }
}

#[test]
fn the_first_event_is_the_session_and_the_last_line_the_document() {
    let refusing = Refusing::new();
    let run = lines(pair(&refusing, &SHORT));
    run.assert_code(BAD);
    let session = &run.events[0];
    assert_eq!(session["event"], "session");
    let code = session["code"].as_str().expect("text");
    assert!(code.parse::<rtcdiag::proto::signal::code::Code>().is_ok());
    let url = session["rendezvous"].as_str().expect("text");
    let command = session["command"].as_str().expect("text");
    assert!(
        command.starts_with(&format!("rtcdiag pair {code} --rendezvous {url} -s stun:")),
        "{command}"
    );
    let document = &run.document;
    assert_eq!(document["command"], "pair");
    assert_eq!(document["result"]["state"], "no-peer");
    assert!(!document.to_string().contains(code), "the code is a secret");
}

#[test]
fn the_document_is_all_of_stdout() {
    let refusing = Refusing::new();
    let run = json(pair(&refusing, &SHORT));
    run.assert_code(BAD);
    assert_eq!(run.document["outcome"], "bad");
    assert_eq!(run.result()["state"], "no-peer");
    assert!(run.result()["selected"].is_null());
}

#[test]
fn an_expectation_that_is_not_met_is_named() {
    let refusing = Refusing::new();
    for wanted in ["pair=direct", "pair=connected"] {
        let args = [&SHORT[..], &["--expect", wanted]].concat();
        let run = json(pair(&refusing, &args));
        run.assert_code(BAD);
        let summary = run.summary();
        assert!(
            summary.starts_with(&format!("Not as expected: expected {wanted}")),
            "{summary}"
        );
    }
}

/// How somebody types a code.
type Typing = fn(&str) -> String;

/// The code is given in ways that other users of the machine do not see: a line of standard input, and
/// a variable.
#[test]
fn a_code_that_is_no_argument_connects_and_is_not_in_the_list_of_processes() {
    let refusing = Refusing::new();
    for by_variable in [false, true] {
        let args = [
            "--rendezvous-listen",
            "127.0.0.1:0",
            "--timeout",
            "30",
            "--jsonl",
        ];
        let mut first = pair(&refusing, &args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(first.stdout.take().expect("piped")).lines();
        let line = lines.next().expect("a line").expect("UTF-8");
        let session: Value = serde_json::from_str(&line).expect("JSON");
        let code = session["code"].as_str().expect("text");
        let url = session["rendezvous"].as_str().expect("text");
        let more: &[&str] = if by_variable { &[] } else { &["-"] };
        let mut command = pair(
            &refusing,
            &[more, &["--rendezvous", url, "--json"]].concat(),
        );
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if by_variable {
            command.env("RTCDIAG_CODE", code);
        } else {
            command.stdin(Stdio::piped());
        }
        let mut second = command.spawn().expect("it runs");
        if let Some(mut stdin) = second.stdin.take() {
            writeln!(stdin, "{}", code.to_lowercase()).expect("it reads");
        }
        #[cfg(target_os = "linux")]
        {
            let path = format!("/proc/{}/cmdline", second.id());
            let mut shown = String::new();
            // It is not there yet at the very first moment.
            until(|| {
                shown = std::fs::read_to_string(&path).expect("it runs");
                !shown.is_empty()
            });
            assert!(shown.contains(url), "{shown:?}");
            assert!(!shown.contains(code), "{shown:?}");
        }
        let ended = read(&second.wait_with_output().expect("it is ours"));
        let rest: Vec<String> = lines.map(|line| line.expect("UTF-8")).collect();
        let status = first.wait().expect("it is ours");
        ended.assert_code(GOOD);
        assert_eq!(ended.result()["path"], "direct");
        assert_eq!(status.code(), Some(GOOD), "{:?}", rest.last());
        // Nobody has to be told of it.
        assert!(!ended.stderr.contains(code), "{}", ended.stderr);
    }
}

/// Two runs of the command as it was printed; the code typed as people do.
#[test]
fn the_printed_command_works_however_the_code_is_typed() {
    let refusing = Refusing::new();
    let typings: [Typing; 3] = [
        |code| code.to_lowercase().replace('0', "o").replace('1', "l"),
        |code| code.replace('-', ""),
        |code| format!(" {} ", code.replace('-', " ").replace('V', "u")),
    ];
    for typing in typings {
        let args = [
            "--rendezvous-listen",
            "127.0.0.1:0",
            "--timeout",
            "20",
            "--jsonl",
        ];
        let mut first = pair(&refusing, &args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(first.stdout.take().expect("piped")).lines();
        let line = lines.next().expect("a line").expect("UTF-8");
        let session: Value = serde_json::from_str(&line).expect("JSON");
        let code = typing(session["code"].as_str().expect("text"));
        let url = session["rendezvous"].as_str().expect("text");
        let second = run(pair(
            &refusing,
            &[&code, "--rendezvous", url, "--expect", "pair=direct"],
        ));
        let rest: Vec<String> = lines.map(|line| line.expect("UTF-8")).collect();
        let status = first.wait().expect("it is ours");
        second.assert_code(GOOD);
        assert_eq!(status.code(), Some(GOOD), "{:?}", rest.last());
        assert!(second.stdout.contains("Connected directly"), "{second:#?}");
    }
}
