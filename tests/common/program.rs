//! Runs the program and reads its document, for tests that have `mod schema;` and `mod support;`:
//! `#[path = "common/program.rs"] mod program;`.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::schema;
use crate::support::turn_server::{Transport, TurnConfig, TurnServer};

pub const GOOD: i32 = 0;
pub const BAD: i32 = 1;
pub const ERROR: i32 = 2;
pub const INCONCLUSIVE: i32 = 3;
pub const INTERRUPTED: i32 = 130;

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub document: Value,
    pub stderr: String,
}

/// The program with these arguments, nothing in its environment, and the scripted server's user.
pub fn program<T: AsRef<str>>(args: &[T]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
    command
        .env_clear()
        .env("RTCDIAG_TURN_USERNAME", "user")
        .env("RTCDIAG_TURN_PASSWORD", "secret")
        .stdin(Stdio::null())
        .args(args.iter().map(AsRef::as_ref));
    command
}

/// The same without a user.
pub fn anonymous<T: AsRef<str>>(args: &[T]) -> Command {
    let mut command = program(args);
    command
        .env_remove("RTCDIAG_TURN_USERNAME")
        .env_remove("RTCDIAG_TURN_PASSWORD");
    command
}

/// Runs it with `--json`; the document has to follow the schema.
pub fn json(mut command: Command) -> Run {
    let output = command.arg("--json").output().expect("it runs");
    read(&output)
}

/// The document of a run with `--json`.
pub fn read(output: &Output) -> Run {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let document: Value = serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("{error}\nstdout: {stdout}\nstderr: {stderr}"));
    schema::assert_valid(&document);
    assert!(!stderr.contains("panicked"), "{stderr}");
    Run {
        code: output.status.code().expect("it was not killed"),
        document,
        stderr,
    }
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

/// A path for such a file.
pub fn path(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{}-{}-{name}",
        env!("CARGO_CRATE_NAME"),
        std::process::id()
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
