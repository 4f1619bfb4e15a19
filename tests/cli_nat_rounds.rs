//! `rtcdiag nat --repeat` and `--watch`, the program itself, against real servers on loopback.

#![allow(clippy::disallowed_methods)] // a hang is noticed by the clock

#[path = "cli_nat_rounds/ends.rs"]
mod ends;
#[path = "cli_nat_rounds/output.rs"]
mod output;
#[path = "common/schema.rs"]
mod schema;
mod support;

use std::process::{Command, Output, Stdio};

use rtcdiag::nat::behavior::{Filtering, Mapping};
use serde_json::Value;
use support::nat_model::NatConfig;
use support::scripted_server::{Loopback, Role, Script};

const GOOD: i32 = 0;
const BAD: i32 = 1;
const ERROR: i32 = 2;
const INCONCLUSIVE: i32 = 3;
const INTERRUPTED: i32 = 130;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
    command
        .env_clear()
        .arg("nat")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(servers: &Loopback, args: &[&str]) -> Output {
    let mut command = program(&["-s", &servers.uri(0)]);
    let output = command.args(args).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

/// The document, which has to follow the schema, and the events before it.
fn lines(stdout: &[u8]) -> (Value, Vec<Value>) {
    let text = String::from_utf8_lossy(stdout);
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let document = lines.pop().expect("a document");
    schema::assert_valid(&document);
    lines.iter().for_each(schema::assert_valid_event);
    (document, lines)
}

fn document(output: &Output) -> Value {
    let document = serde_json::from_slice(&output.stdout).expect("one document");
    schema::assert_valid(&document);
    document
}

fn behind_nat() -> Loopback {
    let nat = NatConfig::nat(
        Mapping::EndpointIndependent,
        Filtering::AddressAndPortDependent,
    );
    Loopback::start(&Script::new(nat, vec![Role::Discovery])).expect("loopback")
}

fn silent() -> Loopback {
    Loopback::start(&Script::new(NatConfig::open(), vec![Role::Silent])).expect("loopback")
}

fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("a list");
    findings.iter().filter_map(|f| f["code"].as_str()).collect()
}
