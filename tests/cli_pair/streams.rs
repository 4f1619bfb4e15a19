//! What goes to which stream.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::program::{BAD, GOOD, Refusing, pair, run};

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
    let run = run(pair(&refusing, &[&SHORT[..], &["--jsonl"]].concat()));
    run.assert_code(BAD);
    let lines: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let session = &lines[0];
    assert_eq!(session["event"], "session");
    let code = session["code"].as_str().expect("text");
    assert!(code.parse::<rtcdiag::signal::code::Code>().is_ok());
    let url = session["rendezvous"].as_str().expect("text");
    let command = session["command"].as_str().expect("text");
    assert!(
        command.starts_with(&format!("rtcdiag pair {code} --rendezvous {url} -s stun:")),
        "{command}"
    );
    let (document, events) = lines.split_last().expect("lines");
    assert_eq!(document["command"], "pair");
    assert_eq!(document["result"]["state"], "no-peer");
    assert!(!document.to_string().contains(code), "the code is a secret");
    for event in events {
        assert!(event["event"].is_string(), "{event:#}");
    }
}

#[test]
fn the_document_is_all_of_stdout() {
    let refusing = Refusing::new();
    let run = run(pair(&refusing, &[&SHORT[..], &["--json"]].concat()));
    run.assert_code(BAD);
    let document = run.document();
    assert_eq!(document["outcome"], "bad");
    assert_eq!(document["result"]["state"], "no-peer");
    assert!(document["result"]["selected"].is_null());
}

#[test]
fn an_expectation_that_is_not_met_is_named() {
    let refusing = Refusing::new();
    for wanted in ["pair=direct", "pair=connected"] {
        let args = [&SHORT[..], &["--json", "--expect", wanted]].concat();
        let run = run(pair(&refusing, &args));
        run.assert_code(BAD);
        let document = run.document();
        let summary = document["summary"].as_str().expect("text");
        assert!(
            summary.starts_with(&format!("Not as expected: expected {wanted}")),
            "{summary}"
        );
    }
}

/// How somebody types a code.
type Typing = fn(&str) -> String;

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
