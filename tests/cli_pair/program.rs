//! Runs `rtcdiag pair`.

use std::io::Write as _;
use std::net::UdpSocket;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub const GOOD: i32 = 0;
pub const BAD: i32 = 1;
pub const ERROR: i32 = 2;

/// A code that is right.
pub const CODE: &str = "0000-0000-0000-0000-0";

/// A port where nothing but errors comes from, so that gathering is soon done.
pub struct Refusing(UdpSocket);

impl Refusing {
    pub fn new() -> Self {
        // Only its own peer may send to a connected socket: all others get an ICMP error.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let own = socket.local_addr().expect("it is bound");
        socket.connect(own).expect("it may talk to itself");
        Self(socket)
    }

    pub fn uri(&self) -> String {
        format!("stun:{}", self.0.local_addr().expect("it is bound"))
    }
}

/// The program with these arguments and nothing in its environment.
pub fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
    command.env_clear().arg("pair").args(args);
    command.stdin(Stdio::null());
    command
}

/// On loopback, with a server of no use and without the tests of the NAT.
pub fn pair(refusing: &Refusing, args: &[&str]) -> Command {
    let uri = refusing.uri();
    let mut command = bare(&["--local", "127.0.0.1", "--no-nat", "-s", &uri]);
    command.args(["--duration", "0.2"]).args(args);
    command
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
}

pub fn run(mut command: Command) -> Run {
    let started = Instant::now();
    let output = command.output().expect("it runs");
    read(&output, started)
}

/// With something on standard input.
pub fn run_with_input(mut command: Command, input: &[u8]) -> Run {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    // It may end without reading all of it.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    read(&output, started)
}

/// Without the colours that the program itself writes.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let codes = part.find(|c: char| !c.is_ascii_digit() && c != ';');
        let rest = codes.map_or(part, |at| &part[at..]);
        plain.push_str(rest.strip_prefix('m').unwrap_or("\u{1b}"));
    }
    plain
}

fn read(output: &Output, started: Instant) -> Run {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(!stderr.contains("panicked"), "{stderr}");
    for text in [&stdout, &stderr] {
        assert!(
            !uncoloured(text)
                .chars()
                .any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
    }
    Run {
        code: output.status.code().expect("it was not killed"),
        stdout,
        stderr,
        elapsed: started.elapsed(),
    }
}

impl Run {
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "{self:#?}");
    }

    /// With `--json`.
    #[track_caller]
    pub fn document(&self) -> Value {
        let document: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        assert_eq!(document["command"], "pair");
        document
    }

    #[track_caller]
    pub fn assert_within(&self, seconds: f64) {
        assert!(self.elapsed.as_secs_f64() < seconds, "{self:#?}");
    }
}

/// Exit code 2, these words on stderr, nothing on stdout; and with `--json` a document that says the
/// same.
#[track_caller]
pub fn assert_refused(command: impl Fn() -> Command, says: &str) {
    let plain = run(command());
    plain.assert_code(ERROR);
    assert!(plain.stderr.contains(says), "'{says}': {plain:#?}");
    assert_eq!(plain.stdout, "", "stdout is for the result");
    plain.assert_within(10.0);
    let mut with_json = command();
    with_json.arg("--json");
    let json = run(with_json);
    json.assert_code(ERROR);
    let document = json.document();
    assert_eq!(document["outcome"], "error", "{document:#}");
    let summary = document["summary"].as_str().expect("text");
    assert!(summary.contains(says), "'{says}': {document:#}");
    let findings = document["findings"].as_array().expect("a list");
    assert!(!findings.is_empty(), "{document:#}");
}
