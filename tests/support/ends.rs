//! The two ends of a session of `rtcdiag pair`: running them, and what must hold of any two reports.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::schema;

/// Long enough for any session on a loaded machine: it ends one that hangs, and measures nothing.
pub const HANGS_AFTER: Duration = Duration::from_secs(60);

/// A run of the program with `--jsonl`. Ends with it, if it is dropped.
pub struct End {
    child: Child,
    started: Instant,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: Option<JoinHandle<String>>,
}

/// What has come of it.
#[derive(Debug)]
pub struct Ended {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    /// The last line; null if it is not JSON.
    pub document: Value,
    /// The lines before.
    pub events: Vec<Value>,
    pub stderr: String,
    /// The whole command.
    pub elapsed: Duration,
}

impl End {
    /// Starts a command, which must have `--jsonl`.
    pub fn start(command: &mut Command) -> End {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let started = Instant::now();
        let stdout = child.stdout.take().expect("it is a pipe");
        let mut stderr = child.stderr.take().expect("it is a pipe");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error is all there is.
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        End {
            child,
            started,
            lines,
            seen: Vec::new(),
            stderr: Some(stderr),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input.
    pub fn say(&mut self, text: &str) {
        let pipe = self.child.stdin.as_mut().expect("it is a pipe");
        pipe.write_all(text.as_bytes()).expect("it reads");
        pipe.flush().expect("it reads");
    }

    /// Waits for an event; fails the test if it ends or hangs before.
    pub fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = self.started + HANGS_AFTER;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    let event = serde_json::from_str(&line).unwrap_or_default();
                    self.seen.push(line);
                    if wanted(&event) {
                        return event;
                    }
                }
                Err(error) => panic!(
                    "what was waited for did not come, {error}: {:#?}",
                    self.seen
                ),
            }
        }
    }

    /// Waits for a step of the timeline.
    pub fn wait_for_step(&mut self, step: &str) -> Value {
        self.wait_for(|event| event["event"] == "timeline" && event["step"] == step)
    }

    /// Ends it without a word to anybody.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -INT {id}");
    }

    /// Waits for its end; kills it, and fails the test, if it hangs.
    pub fn finish(mut self) -> Ended {
        let until = self.started + HANGS_AFTER;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it hangs: {:#?}", self.seen),
            }
        }
        let status = self.child.wait().expect("it is ours");
        let elapsed = self.started.elapsed();
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok());
        let last = self.seen.pop().unwrap_or_default();
        let parse = |line: &String| serde_json::from_str(line).unwrap_or_default();
        Ended {
            code: status.code(),
            document: parse(&last),
            events: self.seen.iter().map(parse).collect(),
            stderr: stderr.unwrap_or_default(),
            elapsed,
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    pub fn result(&self) -> &Value {
        &self.document["result"]
    }

    pub fn path(&self) -> Option<&str> {
        self.result()["path"].as_str()
    }

    pub fn connected_ms(&self) -> Option<f64> {
        self.result()["connected_ms"].as_f64()
    }

    pub fn expected(&self) -> &str {
        self.result()["prediction"]["expected"]
            .as_str()
            .unwrap_or("?")
    }

    pub fn finding(&self, code: &str) -> bool {
        let findings = self.document["findings"].as_array();
        findings.is_some_and(|all| all.iter().any(|finding| finding["code"] == code))
    }

    /// Everything, for the message of a test that failed.
    pub fn describe(&self) -> String {
        format!(
            "exit code {:?} after {:.2} s\n{:#}\n-- stderr:\n{}",
            self.code,
            self.elapsed.as_secs_f64(),
            self.document,
            self.stderr
        )
    }

    /// What cannot be right in any report.
    pub fn flaws(&self) -> Vec<String> {
        if self.document.is_null() {
            return vec!["the last line is not a document".to_owned()];
        }
        let mut flaws = schema::objections(&self.document);
        flaws.extend(self.events.iter().flat_map(schema::event_objections));
        if self.stderr.contains("panicked") {
            flaws.push("it panicked".to_owned());
        }
        let result = self.result();
        if result["prediction"]["agrees"] == false {
            flaws.push(format!("a false prediction: {}", result["prediction"]));
        }
        let is_connected = result["state"] == "connected";
        for key in ["path", "connected_ms", "selected", "quality"] {
            if result[key].is_null() == is_connected {
                flaws.push(format!("{} and {key} {}", result["state"], result[key]));
            }
        }
        let pairs = rows(&result["pairs"]);
        let selected = pairs.iter().filter(|pair| pair["selected"] == true).count();
        if selected != usize::from(is_connected) {
            flaws.push(format!("{selected} selected pairs"));
        }
        flaws.extend(pairs.iter().flat_map(flaws_of_pair));
        let quality = &result["quality"];
        if quality["received"].as_u64() > quality["sent"].as_u64() {
            flaws.push(format!("more came back than was sent: {quality}"));
        }
        let times = rows(&result["timeline"])
            .iter()
            .map(|t| t["at_ms"].as_f64());
        if !times.is_sorted() {
            flaws.push("the timeline goes back".to_owned());
        }
        flaws
    }
}

fn flaws_of_pair(pair: &Value) -> Vec<String> {
    let count = |key: &str| pair[key].as_u64();
    let mut flaws = Vec::new();
    for (less, more) in [
        ("responses_received", "requests_sent"),
        ("requests_arrived", "requests_sent"),
        ("responses_sent", "requests_received"),
    ] {
        if count(less) > count(more) {
            flaws.push(format!("{less} > {more}: {pair}"));
        }
    }
    // An answer is proof that the check has arrived.
    if count("requests_arrived").is_some()
        && count("responses_received") > count("requests_arrived")
    {
        flaws.push(format!("answers to checks that did not arrive: {pair}"));
    }
    let has_worked = pair["state"] == "succeeded";
    if has_worked && count("responses_received") == Some(0) {
        flaws.push(format!("succeeded without an answer: {pair}"));
    }
    if has_worked && pair["rtt_ms"].is_null() {
        flaws.push(format!("succeeded without a round trip: {pair}"));
    }
    if pair["state"] == "failed" && pair["failure"].is_null() {
        flaws.push(format!("failed without a reason: {pair}"));
    }
    if count("requests_sent") > Some(0) && pair["first_sent_ms"].is_null() {
        flaws.push(format!("sent without a time: {pair}"));
    }
    flaws
}

/// What cannot be right in the reports of both ends of one session that came to its end.
pub fn disagreements(a: &Ended, b: &Ended) -> Vec<String> {
    let mut flaws = Vec::new();
    for (name, end) in [("a", a), ("b", b)] {
        flaws.extend(
            end.flaws()
                .into_iter()
                .map(|flaw| format!("{name}: {flaw}")),
        );
        if end.result()["session"]["peer_agrees"] != true {
            flaws.push(format!("{name}: peer_agrees {}", end.result()["session"]));
        }
    }
    if a.code != b.code {
        flaws.push(format!("exit codes {:?} and {:?}", a.code, b.code));
    }
    let (a, b) = (a.result(), b.result());
    if a["role"] == b["role"] {
        flaws.push(format!("both are {}", a["role"]));
    }
    for key in ["state", "path"] {
        if a[key] != b[key] {
            flaws.push(format!("{key}: {} and {}", a[key], b[key]));
        }
    }
    let ends = |selected: &Value| [&selected["local"], &selected["remote"]].map(end_of);
    let [own, other] = ends(&a["selected"]);
    if [other, own] != ends(&b["selected"]) {
        flaws.push(format!("selected: {} and {}", a["selected"], b["selected"]));
    }
    flaws
}

/// Address and port. Of which type a candidate is, each side may see its own way.
fn end_of(end: &Value) -> String {
    format!("{} {}", end["address"], end["port"])
}

pub fn rows(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}
