//! What rtcdiag says of the router: `miniupnpd` as the real peer, and a scripted router for what that one does not do.

mod miniupnpd;
mod real;
pub mod scripted;

use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::expect::{self, Fact};
use super::lab::{Lab, Plan};
use super::{data, program, schema};

pub use real::{check, interrupted, ipv6};

/// What one run must say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the router does: a word for each protocol (`scripted`), or lines of a configuration (`miniupnpd`).
    router: Vec<String>,
    /// More arguments of the run.
    #[serde(default)]
    args: String,
    facts: Vec<Fact>,
    /// By which protocol a mapping must have been made, and removed.
    mapped_by: Option<String>,
    /// Codes of findings that there must be, and with a hint.
    #[serde(default)]
    findings: Vec<String>,
    /// Codes of findings that there must not be.
    #[serde(default = "all_is_removed")]
    no_findings: Vec<String>,
}

fn all_is_removed() -> Vec<String> {
    vec!["port-mapping-may-remain".to_owned()]
}

/// The document of a run in the client's namespace, and its exit code.
fn diagnose(lab: &Lab, args: &str) -> (Option<i32>, Value) {
    let output = command(lab, args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    read(&output)
}

fn command(lab: &Lab, args: &str) -> Command {
    let mut command = program::nat(lab, &["--json"]);
    command.args(args.split_whitespace()).stdin(Stdio::null());
    command
}

fn read(output: &Output) -> (Option<i32>, Value) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{output:?}"));
    schema::assert_valid(&document);
    (output.status.code(), document)
}

/// Everything in which a document differs from what a case wants.
fn differences(case: &Case, document: &Value) -> Vec<String> {
    let path = &document["result"]["paths"][0];
    let mut wrong = expect::wrong_facts(&case.facts, path);
    if let Some(protocol) = &case.mapped_by {
        let mapping = &path["port_mapping"]["tested_mapping"];
        if mapping["protocol"] != **protocol || mapping["removed"] != true {
            wrong.push(format!("wanted a mapping by {protocol}, got {mapping}"));
        }
    }
    let findings = document["findings"].as_array().expect("a list");
    let with_code = |code: &str| findings.iter().find(|f| f["code"] == code);
    for code in &case.findings {
        match with_code(code) {
            None => wrong.push(format!("no finding {code}")),
            Some(finding) if code != "port-mapping-works" && !finding["hint"].is_string() => {
                wrong.push(format!("no hint with {code}"));
            }
            Some(_) => {}
        }
    }
    for code in &case.no_findings {
        if let Some(finding) = with_code(code) {
            wrong.push(format!("it says {finding}"));
        }
    }
    wrong
}

/// Panics with all that is wrong.
fn assert_right(name: &str, case: &Case, lab: &Lab, document: &Value) {
    let wrong = differences(case, document);
    assert!(
        wrong.is_empty(),
        "{name}:\n  {}\n{document:#}\n{}",
        wrong.join("\n  "),
        lab.describe()
    );
}

/// All cases of the scripted router, in one lab, each with ports that no other has had.
pub fn check_scripted() {
    let lab = Lab::build(&Plan::named("scripted_router"));
    let cases = data::tables::<Case>("router/scripted").expect("it is sound");
    let runs = u16::try_from(cases.len()).expect("few");
    let mut failures = Vec::new();
    for ((name, case), run) in cases.iter().zip(1..) {
        lab.fresh_ports(run, runs);
        let router = scripted::start(&lab.namespace("r0"), &case.router.join(" "));
        let mut router = router.expect("it starts");
        let (_, document) = diagnose(&lab, &format!("-s stun:203.0.113.10 {}", case.args));
        let _ = router.kill();
        let _ = router.wait();
        let wrong = differences(case, &document);
        if !wrong.is_empty() {
            failures.push(format!("{name}:\n  {}\n{document:#}", wrong.join("\n  ")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Nobody has been led to where only hostile answers lead.
    let rules = lab.describe();
    assert!(rules.contains("203.0.113.99 counter packets 0 "), "{rules}");
}
