//! Runs the program and reads its document.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::schema;
use super::turn_server::{Transport, TurnConfig, TurnServer};

pub const GOOD: i32 = 0;
pub const BAD: i32 = 1;
pub const ERROR: i32 = 2;
pub const INCONCLUSIVE: i32 = 3;
pub const INTERRUPTED: i32 = 130;

/// What a command line is made of: a list, or one text with a space between any two words.
pub trait Words {
    fn words(self) -> Vec<String>;
}

impl<T: AsRef<str>> Words for &[T] {
    fn words(self) -> Vec<String> {
        self.iter().map(|word| word.as_ref().to_owned()).collect()
    }
}

impl<T: AsRef<str>, const N: usize> Words for &[T; N] {
    fn words(self) -> Vec<String> {
        self[..].words()
    }
}

impl<T: AsRef<str>> Words for &Vec<T> {
    fn words(self) -> Vec<String> {
        self[..].words()
    }
}

impl Words for &str {
    fn words(self) -> Vec<String> {
        self.split(' ').map(str::to_owned).collect()
    }
}

impl Words for String {
    fn words(self) -> Vec<String> {
        self.as_str().words()
    }
}

/// The binary that is run: the one just built, or for benchmarks another one to compare with.
pub fn binary() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        std::env::var("RTCDIAG_BENCH_PROGRAM")
            .unwrap_or_else(|_| env!("CARGO_BIN_EXE_rtcdiag").to_owned())
    })
}

/// The program with these arguments, nothing in its environment, and the scripted server's user.
pub fn program(args: impl Words) -> Command {
    let mut command = anonymous(args);
    command
        .env("RTCDIAG_TURN_USERNAME", "user")
        .env("RTCDIAG_TURN_PASSWORD", "secret");
    command
}

/// The same without a user.
pub fn anonymous(args: impl Words) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().stdin(Stdio::null()).args(args.words());
    // No test talks to a broker of others.
    command.env("RTCDIAG_RENDEZVOUS", "lan");
    command
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    /// With `--json` or `--jsonl`.
    pub document: Value,
    /// The lines before the document.
    pub events: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
}

/// Runs it as it is.
pub fn run(mut command: Command) -> Run {
    let started = Instant::now();
    let output = command.output().expect("it runs");
    Run {
        elapsed: started.elapsed(),
        ..read(&output)
    }
}

/// Runs it with `--json`.
pub fn json(mut command: Command) -> Run {
    command.arg("--json");
    let run = run(command);
    assert!(run.document.is_object(), "no document: {run:#?}");
    assert!(run.events.is_empty(), "not one document: {run:#?}");
    run
}

/// Runs it with `--jsonl`.
pub fn lines(mut command: Command) -> Run {
    command.arg("--jsonl");
    let run = run(command);
    assert!(run.document.is_object(), "no document: {run:#?}");
    run
}

/// What has come of a run. Documents and events have to follow the schema, nothing may draw on a terminal but the
/// program's own colours, and there is no panic.
pub fn read(output: &Output) -> Run {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(!stderr.contains("panicked"), "{stderr}");
    for text in [&stdout, &stderr] {
        let raw = uncoloured(text);
        let raw = raw.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(raw, None, "{text:?}");
    }
    let mut events = if stdout.starts_with('{') {
        values(&stdout)
    } else {
        Vec::new()
    };
    let document = events.pop().unwrap_or_default();
    if document.is_object() {
        schema::assert_valid(&document);
    }
    events.iter().for_each(schema::assert_valid_event);
    Run {
        code: output.status.code().expect("it was not killed"),
        document,
        events,
        stdout,
        stderr,
        elapsed: Duration::ZERO,
    }
}

/// One document, or a value in each line.
fn values(text: &str) -> Vec<Value> {
    let value = |text| serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    serde_json::from_str(text).map_or_else(
        |_| text.lines().map(value).collect(),
        |document| vec![document],
    )
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

/// Sends a signal to the program.
pub fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.expect("kill is there").success());
}

/// Runs it with `--jsonl`, and sends a signal when the event has come that is waited for. The document that it ends with
/// says so.
pub fn interrupted(
    mut command: Command,
    name: &str,
    mut is_time: impl FnMut(&Value) -> bool,
) -> Value {
    command.arg("--jsonl").stdout(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    loop {
        let line = lines.next().expect("an event").expect("UTF-8");
        if is_time(&serde_json::from_str(&line).expect("JSON")) {
            break;
        }
    }
    signal(&child, name);
    let last = lines.last().expect("a document").expect("UTF-8");
    let document: Value = serde_json::from_str(&last).expect("a document");
    schema::assert_valid(&document);
    assert_eq!(document["outcome"], "interrupted", "SIG{name}");
    assert_eq!(child.wait().expect("it ends").code(), Some(INTERRUPTED));
    document
}

/// Waits until it is so, for as long as a busy machine may take.
#[track_caller]
pub fn until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "it does not come to be so");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for its end, which has to come in this time.
pub fn wait_for_end(mut child: Child, within: Duration) -> Output {
    let end = Instant::now() + within;
    while child.try_wait().expect("it is ours").is_none() {
        assert!(Instant::now() < end, "it hangs");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("it has ended")
}

impl Run {
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "{:#}\n{}", self.document, self.stderr);
    }

    pub fn result(&self) -> &Value {
        &self.document["result"]
    }

    pub fn list(&self, name: &str) -> &[Value] {
        self.result()[name].as_array().map_or(&[], Vec::as_slice)
    }

    pub fn servers(&self) -> &[Value] {
        self.list("servers")
    }

    pub fn transports(&self) -> &[Value] {
        self.list("transports")
    }

    /// The candidates of this type.
    pub fn candidates(&self, kind: &str) -> Vec<&Value> {
        let all = self.list("candidates").iter();
        all.filter(|c| c["type"] == kind).collect()
    }

    pub fn findings(&self) -> &[Value] {
        self.document["findings"].as_array().expect("a list")
    }

    pub fn finding(&self, code: &str) -> Option<&Value> {
        self.findings().iter().find(|f| f["code"] == code)
    }

    /// A finding of this code and severity, with a hint.
    #[track_caller]
    pub fn assert_finding(&self, code: &str, severity: &str) -> &Value {
        let Some(finding) = self.finding(code) else {
            panic!("no finding {code}: {:#}", self.document);
        };
        assert_eq!(finding["severity"], severity, "{finding:#}");
        assert!(is_text(&finding["hint"]), "no hint: {finding:#}");
        finding
    }

    /// Whether some finding of severity error says what is wrong and has a hint.
    #[track_caller]
    pub fn assert_error_with_hint(&self) {
        let said = |f: &Value| f["severity"] == "error" && is_text(&f["hint"]);
        let all = self.findings();
        assert!(all.iter().any(said), "no error with a hint: {all:#?}");
    }

    /// The codes of all findings.
    pub fn codes(&self) -> Vec<&str> {
        let all = self.findings().iter();
        all.filter_map(|f| f["code"].as_str()).collect()
    }

    pub fn summary(&self) -> &str {
        self.document["summary"].as_str().expect("text")
    }

    /// The first path of `nat`.
    pub fn path(&self) -> &Value {
        &self.result()["paths"][0]
    }

    /// How often `serve` ended a connection for this reason.
    pub fn refused(&self, code: &str) -> u64 {
        let found = self.list("refused").iter().find(|r| r["code"] == code);
        found.map_or(0, |r| r["count"].as_u64().expect("a number"))
    }

    #[track_caller]
    pub fn assert_within(&self, seconds: f64) {
        assert!(self.elapsed.as_secs_f64() < seconds, "{self:#?}");
    }

    pub fn elapsed_ms(&self) -> f64 {
        self.document["elapsed_ms"].as_f64().expect("a number")
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

/// A server for UDP and TCP on one port.
pub fn server(config: TurnConfig) -> TurnServer {
    let ip = std::net::Ipv4Addr::LOCALHOST.into();
    TurnServer::start_all(config, ip, None).expect("loopback has ports")
}

pub fn udp(server: &TurnServer) -> String {
    server.uri(Transport::Udp)
}

pub fn tcp(server: &TurnServer) -> String {
    server.uri(Transport::Tcp)
}

pub fn tls(server: &TurnServer) -> String {
    server.uri(Transport::Tls)
}

/// A file that only this test run has, and its path.
pub fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let path = path(name);
    std::fs::write(&path, content).expect("the target directory can be written to");
    path
}

/// A path for such a file, each time another.
pub fn path(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{}-{}-{name}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    path.to_str().expect("UTF-8").to_owned()
}

/// A file that nobody else may read.
pub fn private_file(name: &str, content: impl AsRef<[u8]>) -> String {
    let path = file(name, content);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private).expect("it is ours");
    }
    path
}

/// Runs the cases side by side, since most of them wait; all are run, and all that fail are named.
pub fn side_by_side<T: Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = cases
            .iter()
            .map(|case| scope.spawn(move || run(case)))
            .collect();
        let ends = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        ends.filter_map(Result::err)
            .map(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                    .unwrap_or_default()
            })
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n----\n")
    );
}

/// Runs it with something on standard input.
pub fn run_with_input(command: Command, input: &[u8]) -> Run {
    let started = Instant::now();
    let output = with_input(command, input);
    Run {
        elapsed: started.elapsed(),
        ..read(&output)
    }
}

/// Gives it something on standard input.
pub fn with_input(mut command: Command, input: &[u8]) -> Output {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    // It may end without reading.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// A command with one more variable.
pub fn with_env(mut command: Command, name: &str, value: impl AsRef<OsStr>) -> Command {
    command.env(name, value);
    command
}
