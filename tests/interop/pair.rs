//! A session between `rtcdiag pair --manual=sdp` and aioice, which knows nothing of rtcdiag: it gets the SDP and gives its own,
//! all candidates at once, by the hands of the test. Loopback only; the relays are the scripted one and coturn.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::coturn::coturn;
use crate::support::aioice;
use crate::support::program::{self, GOOD};
use crate::support::turn_server::{TurnConfig, TurnServer};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/pair.py");

/// How long an end may say nothing.
const PATIENCE: Duration = Duration::from_secs(40);

/// A program that writes JSON lines.
struct End {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Drop for End {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it starts");
        let lines = read(child.stdout.take().expect("piped"));
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
        }
    }

    fn give(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(text.as_bytes()).expect("it reads");
        stdin.flush().expect("it reads");
    }

    /// The next line for which there is something to be had.
    #[track_caller]
    fn until<T>(&self, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = find(&line) {
                        return found;
                    }
                    seen.push(line);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{what} does not come; what came: {seen:#?}")
                }
            }
        }
    }

    fn code(&mut self) -> i32 {
        let status = self.child.wait().expect("it is ours");
        status.code().expect("it was not killed")
    }
}

fn read(stdout: ChildStdout) -> Receiver<Value> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("a pipe can be read");
            let value = serde_json::from_str(&line).expect("a line of JSON");
            if sender.send(value).is_err() {
                return;
            }
        }
    });
    lines
}

/// What both ends say after a session.
struct Both {
    code: i32,
    document: Value,
    /// What aioice says of the pair.
    theirs: Value,
    /// What it counted.
    counts: Value,
}

/// Runs a session: arguments of rtcdiag, options of aioice.
fn session(python: &Path, args: &[&str], options: &Value) -> Both {
    session_in_order(python, args, options, Given::AtOnce)
}

/// When rtcdiag gets the SDP of aioice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// As soon as it is there.
    AtOnce,
    /// When aioice has the other one, has checked the pair and nominated it. Its checks are answered before its description
    /// comes (RFC 8445 7.3).
    Late,
}

fn session_in_order(python: &Path, args: &[&str], options: &Value, given: Given) -> Both {
    let always = [
        "pair",
        "--manual=sdp",
        "--jsonl",
        "--local",
        "127.0.0.1",
        "--no-nat",
        "--timeout",
        "30",
    ];
    let mut ours = End::start(&mut program::program(&[&always[..], args].concat()));
    let mut theirs = End::start(Command::new(python).arg(SCRIPT));
    theirs.give(&format!("{options}\n"));
    let their_sdp = theirs.until("the SDP of aioice", |line| {
        line["sdp"].as_str().map(str::to_owned)
    });
    let our_sdp = ours.until("our SDP", |line| {
        let is_description = line["event"] == "description";
        is_description.then(|| line["text"].as_str().expect("text").to_owned())
    });
    assert!(our_sdp.contains("a=candidate:"), "{our_sdp}");
    theirs.give(&format!("{}\n", json!({"sdp": our_sdp})));
    let outcome = |theirs: &End| {
        theirs.until("the outcome of aioice", |line| {
            let is_outcome = line.get("connected").or(line.get("failed")).is_some();
            is_outcome.then(|| line.clone())
        })
    };
    let early = (given == Given::Late).then(|| outcome(&theirs));
    ours.give(&format!("{their_sdp}\r\n"));
    let document = ours.until("our document", |line| {
        (line["command"] == "pair").then(|| line.clone())
    });
    let code = ours.code();
    let said = early.unwrap_or_else(|| outcome(&theirs));
    // The end of its standard input.
    drop(theirs.stdin.take());
    let counts = match said.get("connected") {
        Some(_) => theirs.until("the counts of aioice", |line| line.get("ended").cloned()),
        None => Value::Null,
    };
    Both {
        code,
        document,
        theirs: said,
        counts,
    }
}

impl Both {
    fn result(&self) -> &Value {
        &self.document["result"]
    }

    /// Both are connected, over the same pair, and its quality is known.
    #[track_caller]
    fn assert_connected(&self, path: &str) {
        let about = format!("{:#}\n{:#}\n{:#}", self.document, self.theirs, self.counts);
        assert_eq!(self.result()["state"], "connected", "{about}");
        assert_eq!(self.result()["path"], path, "{about}");
        assert_eq!(self.code, GOOD, "{about}");
        let theirs = &self.theirs["connected"];
        let selected = &self.result()["selected"];
        let controlling = self.result()["role"] == "controlling";
        assert_eq!(theirs["controlling"], !controlling, "one of each: {about}");
        assert_eq!(
            selected["local"]["port"], theirs["remote"]["port"],
            "{about}"
        );
        assert_eq!(
            selected["remote"]["port"], theirs["local"]["port"],
            "{about}"
        );
        let quality = &self.result()["quality"];
        assert!(quality["received"].as_u64() > Some(0), "{about}");
        assert!(
            quality["received"].as_u64() <= quality["sent"].as_u64(),
            "{about}"
        );
        let round_trips = &quality["rtt_ms"];
        assert!(round_trips["median"].as_f64() > Some(0.0), "{about}");
        // What no end has told is not known, and is not made up.
        assert_eq!(
            self.result()["session"]["peer_agrees"],
            Value::Null,
            "{about}"
        );
        assert_eq!(
            self.result()["session"]["peer_version"],
            Value::Null,
            "{about}"
        );
    }
}

fn relay() -> TurnServer {
    program::server(TurnConfig::default())
}

/// aioice's Python, a server, and its URI for rtcdiag, as one of the STUN kind: needed only so that it asks nobody else.
fn lab() -> Option<(&'static Path, TurnServer, String)> {
    let (python, server) = (aioice::python()?, relay());
    let uri = format!("stun:{}", server.address);
    Some((python, server, uri))
}

fn with_relay(server: SocketAddr, mut options: Value) -> Value {
    options["turn_server"] = json!([server.ip(), server.port()]);
    options["turn_username"] = json!("user");
    options["turn_password"] = json!("secret");
    options
}

const SHORT: [&str; 2] = ["--duration", "0.4"];

#[test]
fn direct_whichever_controls() {
    let Some((python, _server, uri)) = lab() else {
        return;
    };
    for (role, controlling) in [("controlling", false), ("controlled", true)] {
        let args = [&["-s", &uri, "--role", role][..], &SHORT].concat();
        let options = json!({"controlling": controlling, "echo": "as-rtcdiag"});
        let both = session(python, &args, &options);
        both.assert_connected("direct");
        assert_eq!(both.result()["role"], role);
    }
}

/// What is checked and nominated before this side knows who does it must not be forgotten: it is not said again.
#[test]
fn direct_where_it_nominates_before_its_description_comes() {
    let Some((python, _server, uri)) = lab() else {
        return;
    };
    let args = [&["-s", &uri, "--role", "controlled"][..], &SHORT].concat();
    let options = json!({"controlling": true, "echo": "as-rtcdiag"});
    let both = session_in_order(python, &args, &options, Given::Late);
    both.assert_connected("direct");
}

/// RFC 8445 7.3.1.1: one of the two gives way, whichever notices.
#[test]
fn direct_where_both_want_the_same_role() {
    let Some((python, _server, uri)) = lab() else {
        return;
    };
    for (role, controlling) in [("controlling", true), ("controlled", false)] {
        // The tie-breakers are random: both outcomes come about.
        for _ in 0..4 {
            let args = [&["-s", &uri, "--role", role][..], &SHORT].concat();
            let options = json!({"controlling": controlling, "echo": "as-rtcdiag"});
            session(python, &args, &options).assert_connected("direct");
        }
    }
}

/// Its reflexive candidates have the addresses of its host candidates, since there is no NAT.
#[test]
fn direct_with_reflexive_candidates() {
    let Some((python, server, uri)) = lab() else {
        return;
    };
    let args = [&["-s", &uri][..], &SHORT].concat();
    let address = json!([server.address.ip(), server.address.port()]);
    let options = json!({"controlling": false, "echo": "as-rtcdiag", "stun_server": address});
    session(python, &args, &options).assert_connected("direct");
}

#[test]
fn by_the_relay_of_either_side() {
    let Some(python) = aioice::python() else {
        return;
    };
    let server = relay();
    by_relay(python, server.address);
}

#[test]
fn by_coturn_of_either_side() {
    if let (Some(python), Some(coturn)) = (aioice::python(), coturn()) {
        by_relay(python, coturn.address);
    }
}

/// The relay of one side or of both, each side controlling once.
fn by_relay(python: &Path, server: SocketAddr) {
    let (turn, uri) = (format!("turn:{server}"), format!("stun:{server}"));
    let ours = ["-s", &turn, "--policy", "relay"];
    let plain = ["-s", &uri[..]];
    for controlling in [false, true] {
        let role = if controlling {
            "controlled"
        } else {
            "controlling"
        };
        let theirs = json!({"controlling": controlling, "echo": "as-rtcdiag"});
        let mut relayed = with_relay(server, theirs.clone());
        relayed["relay_only"] = json!(true);
        for (args, options) in [
            (&ours[..], &theirs),
            (&plain[..], &relayed),
            (&ours[..], &relayed),
        ] {
            let args = [args, &["--role", role], &SHORT].concat();
            session(python, &args, options).assert_connected("relayed");
        }
    }
}

/// Most agents hand data to somebody who does not send it back. Then the checks say how good the path is.
#[test]
fn quality_without_an_echo() {
    let Some((python, _server, uri)) = lab() else {
        return;
    };
    for (role, controlling) in [("controlling", false), ("controlled", true)] {
        let args = ["-s", &uri, "--role", role, "--duration", "1"];
        let options = json!({"controlling": controlling, "echo": "none"});
        let both = session(python, &args, &options);
        both.assert_connected("direct");
        let quality = &both.result()["quality"];
        assert!(quality["received"].as_u64() >= Some(5), "{quality:#}");
        assert_eq!(quality["loss_percent"], 0.0, "{quality:#}");
        let elapsed = both.document["elapsed_ms"].as_f64().expect("a number");
        assert!(elapsed < 6000.0, "{elapsed} ms");
    }
}

/// An echo service sends back what it gets, unchanged. Its round trip must not be measured twice over.
#[test]
fn quality_with_a_plain_echo() {
    let Some((python, _server, uri)) = lab() else {
        return;
    };
    let args = ["-s", &uri, "--duration", "1"];
    let options = json!({"controlling": false, "echo": "plain", "delay_s": 0.06});
    let both = session(python, &args, &options);
    both.assert_connected("direct");
    let median = both.result()["quality"]["rtt_ms"]["median"].as_f64();
    let median = median.expect("a number");
    // By its checks, which it answers at once, or by the data, which it holds for 60 ms.
    assert!(median < 100.0, "{median} ms");
    let (received, sent) = (&both.counts["received"], &both.counts["sent"]);
    let sent = sent.as_u64().expect("a number");
    assert!(
        sent < 300,
        "no endless game of echoes: {sent} sent of {received}"
    );
}
