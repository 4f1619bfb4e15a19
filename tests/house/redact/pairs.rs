//! `pair --redact` on both sides: with a rendezvous of its own, and with lines that people carry.

use std::net::IpAddr;

use serde_json::Value;

use crate::support::ends::{End, Ended, disagreements};
use crate::support::leaks;
use crate::support::program::anonymous;

fn lab() -> Vec<IpAddr> {
    let all = ["127.0.0.1", "127.0.0.2", "::1"];
    all.iter()
        .map(|ip| ip.parse().expect("an address"))
        .collect()
}

fn end(local: &str, args: &[&str]) -> End {
    let mut command = anonymous(format!(
        "pair --jsonl --redact --no-nat --duration 0.2 -s stun:127.0.0.1:9 --local {local}"
    ));
    End::start(command.args(args))
}

/// All that was said but for what `is_for_the_other` says has to be whole.
fn assert_clean(ended: &Ended, is_for_the_other: impl Fn(&str) -> bool) {
    let events: Vec<String> = ended.events.iter().map(Value::to_string).collect();
    let stderr: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|l| !is_for_the_other(l))
        .collect();
    let text = format!(
        "{}\n{}\n{}",
        events.join("\n"),
        ended.document,
        stderr.join("\n")
    );
    leaks::assert_none("pair", &text, &lab());
    assert_eq!(ended.document["redacted"], true);
}

fn assert_connected(a: &Ended, b: &Ended) {
    assert_eq!(a.code, Some(0), "{}", a.describe());
    for (one, other) in [(a, b), (b, a)] {
        let flaws = one.flaws();
        assert!(flaws.is_empty(), "{flaws:?}: {}", one.describe());
        assert_eq!(one.path(), other.path());
        let selected = &one.result()["selected"];
        let known = one.result()["local"]["candidates"]
            .as_array()
            .expect("a list");
        let local = &selected["local"]["address"];
        assert!(
            known.iter().any(|c| c["address"] == *local),
            "{}",
            one.describe()
        );
    }
    // Labels of two runs have nothing to do with each other, so only these can differ.
    let differing = disagreements(a, b);
    assert!(
        differing.iter().all(|flaw| flaw.starts_with("selected")),
        "{differing:?}"
    );
}

#[test]
fn the_command_for_the_other_host_is_whole_on_stderr_alone() {
    let dir = std::env::temp_dir();
    let shown = dir.join(format!("rtcdiag-redact-{}", std::process::id()));
    let file = std::fs::File::create(&shown).expect("it can be made");
    let mut command = anonymous(
        "pair --jsonl --redact --no-nat --duration 0.2 -s stun:127.0.0.1:9 --local 127.0.0.1",
    );
    command.stderr(file);
    // The other side's command is taken from stderr, as a person does.
    let mut a = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let command = loop {
        let text = std::fs::read_to_string(&shown).expect("UTF-8");
        let line = text
            .lines()
            .find(|l| l.starts_with("  rtcdiag pair "))
            .map(str::to_owned);
        if let Some(line) = line.filter(|_| text.ends_with('\n')) {
            break line;
        }
        assert!(std::time::Instant::now() < until, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let words: Vec<&str> = command.split_whitespace().skip(2).collect();
    assert!(command.contains("ws://127.0.0.1:"), "{command}");
    let mut b = anonymous("pair --json --redact --no-nat --duration 0.2 --local 127.0.0.1");
    let b = b.args(words).output().expect("it runs");
    let mut stdout = String::new();
    std::io::Read::read_to_string(&mut a.stdout.take().expect("piped"), &mut stdout)
        .expect("UTF-8");
    let code = a.wait().expect("it ends").code();
    let stderr = std::fs::read_to_string(&shown).expect("UTF-8");
    std::fs::remove_file(&shown).expect("it is there");
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert_eq!(b.status.code(), Some(0), "{b:?}");
    leaks::assert_none("a", &stdout, &lab());
    leaks::assert_none("b", &String::from_utf8_lossy(&b.stdout), &lab());
    leaks::assert_none("b", &String::from_utf8_lossy(&b.stderr), &lab());
    let is_given = |l: &str| l == command || l.starts_with("  http://127.0.0.1:");
    let rest: Vec<&str> = stderr.lines().filter(|l| !is_given(l)).collect();
    assert!(rest.contains(&"or in a browser there:"), "{stderr}");
    leaks::assert_none("a", &rest.join("\n"), &lab());
    assert!(
        stderr.contains("note: --redact does not change"),
        "{stderr}"
    );
    // The first event has the code and the command, with labels.
    let event: Value =
        serde_json::from_str(stdout.lines().next().expect("an event")).expect("JSON");
    assert_eq!(event["event"], "session");
    let shown = event["command"].as_str().expect("text");
    assert!(shown.contains("--rendezvous ws://lo1:"), "{shown}");
    let link = event["link"].as_str().expect("text");
    assert!(link.starts_with("http://lo1:"), "{link}");
}

#[test]
fn lines_that_people_carry_are_whole_on_stderr_alone() {
    let (mut a, mut b) = (
        end("127.0.0.1", &["--manual", "--role", "controlling"]),
        end("127.0.0.2", &["--manual", "--role", "controlled"]),
    );
    let is_description = |event: &Value| event["event"] == "description";
    // Events do not have them: these two never meet.
    for side in [&mut a, &mut b] {
        let event = side.wait_for(is_description);
        assert_eq!(event["text"], "rtcdiag2:***.", "{event}");
    }
    a.interrupt();
    b.interrupt();
    for ended in [a.finish(), b.finish()] {
        let line = ended
            .stderr
            .lines()
            .find(|l| l.starts_with("rtcdiag2:"))
            .expect("a line");
        assert!(line.len() > 100 && line.ends_with('.'), "{line}");
        assert!(
            ended.stderr.contains("note: --redact does not change"),
            "{}",
            ended.stderr
        );
        assert_clean(&ended, |line| line.starts_with("rtcdiag2:"));
    }
}

#[test]
fn sdp_that_people_carry_has_labels_in_events() {
    // Plain sides find each other; what the redacted one is given comes back with labels too.
    let plain = |local: &str, role: &str| {
        let mut command = anonymous(format!(
            "pair --jsonl --no-nat --duration 0.2 -s stun:127.0.0.1:9 --local {local} --manual=sdp --role {role}"
        ));
        End::start(&mut command)
    };
    let mut b = plain("127.0.0.2", "controlled");
    let is_description = |event: &Value| event["event"] == "description";
    let of_b = b.wait_for(is_description)["text"]
        .as_str()
        .expect("text")
        .to_owned();
    let mut a = end("127.0.0.1", &["--manual=sdp", "--role", "controlling"]);
    let event = a.wait_for(is_description);
    let of_a = event["text"].as_str().expect("text");
    assert!(
        of_a.contains("a=candidate:f1 1 udp ") && of_a.contains(" lo1 "),
        "{of_a}"
    );
    a.say(&format!("{of_b}\r\n\r\n"));
    // A side that has no answer ends without a connection: it has been given this one's addresses by nobody.
    a.wait_for_step("description-received");
    a.interrupt();
    b.interrupt();
    drop(b);
    let a = a.finish();
    let remote = &a.result()["remote"]["candidates"][0];
    assert_eq!(remote["address"], "lo2", "{}", a.describe());
    assert!(
        remote["sdp"]
            .as_str()
            .is_some_and(|sdp| sdp.contains(" lo2 ")),
        "{remote}"
    );
    let is_sdp = |line: &str| {
        line.contains('=') && !line.contains(' ')
            || line.starts_with("a=")
            || line.starts_with("o=")
            || line.starts_with("c=")
            || line.starts_with("m=")
    };
    assert_clean(&a, is_sdp);
}

#[test]
fn both_sides_connect_at_a_server() {
    let mut command = anonymous(&["serve", "--jsonl", "--listen", "127.0.0.1:0"]);
    let mut server = End::start(&mut command);
    let event = server.wait_for(|event| event["event"] == "listening");
    let url = event["urls"][0].as_str().expect("a URL").to_owned();
    let args = ["0000-0000-0000-0000-0", "--rendezvous", &url];
    let (a, b) = (end("127.0.0.1", &args), end("127.0.0.2", &args));
    let (a, b) = (a.finish(), b.finish());
    assert_connected(&a, &b);
    for ended in [&a, &b] {
        assert_clean(ended, |_| false);
        let session = &ended.result()["session"];
        assert!(
            session["rendezvous"]
                .as_str()
                .is_some_and(|u| u.starts_with("ws://lo")),
            "{session}"
        );
    }
    server.interrupt();
    drop(server);
}
