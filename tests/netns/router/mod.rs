//! What rtcdiag says of the router: `miniupnpd` as the real peer, and a scripted router for what that one does not do.

mod cases;
mod miniupnpd;
mod real;
pub mod scripted;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::expect::Want;
use super::lab::{Lab, Plan};
use super::{filters, nats, schema};

pub use cases::CASES;
pub use real::{BEHIND_NAT, DENYING, IGD_ALONE, OFF, PUBLIC, check, interrupted, ipv6};

/// A host behind a router with one NAT, seen as 203.0.113.1.
pub const HOME: Plan = super::scenarios::behind(&[super::scenarios::private4(&[
    nats::MASQUERADE,
    filters::NO_STRAYS,
    filters::STATEFUL_FILTER,
])]);

/// What one run must say.
pub struct Case {
    pub name: &'static str,
    /// What the router does: a word for each protocol (`scripted`), or lines of a configuration (`miniupnpd`).
    pub router: &'static [&'static str],
    pub args: &'static [&'static str],
    /// JSON pointers below the path, and what is there.
    pub facts: &'static [(&'static str, Want)],
    /// By which protocol a mapping must have been made, and removed.
    pub mapped_by: Option<&'static str>,
    /// Codes of findings that there must be, and with a hint.
    pub findings: &'static [&'static str],
    /// Codes of findings that there must not be.
    pub no_findings: &'static [&'static str],
}

/// Where nothing else is said.
pub const PLAIN: Case = Case {
    name: "",
    router: &[],
    args: &[],
    facts: &[],
    mapped_by: None,
    findings: &[],
    no_findings: &["port-mapping-may-remain"],
};

/// The document of a run in the client's namespace, and its exit code.
pub fn diagnose(lab: &Lab, args: &[&str]) -> (Option<i32>, Value) {
    let output = command(lab, args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    read(&output)
}

pub fn command(lab: &Lab, args: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", &lab.namespace("client")])
        .arg(env!("CARGO_BIN_EXE_rtcdiag"))
        .args(["nat", "--json"])
        .args(args)
        .env("HOME", lab.scratch())
        .env("XDG_CONFIG_HOME", lab.scratch())
        .stdin(Stdio::null());
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("RTCDIAG_") {
            command.env_remove(key);
        }
    }
    command
}

pub fn read(output: &Output) -> (Option<i32>, Value) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{output:?}"));
    schema::assert_valid(&document);
    (output.status.code(), document)
}

/// Everything in which a document differs from what a case wants.
pub fn differences(case: &Case, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let path = &document["result"]["paths"][0];
    for (pointer, want) in case.facts {
        let found = path.pointer(pointer).unwrap_or(&Value::Null);
        if !super::expect::agrees(*want, found) {
            wrong.push(format!("{pointer}: wanted {want:?}, got {found}"));
        }
    }
    if let Some(protocol) = case.mapped_by {
        let mapping = &path["port_mapping"]["tested_mapping"];
        if mapping["protocol"] != protocol || mapping["removed"] != true {
            wrong.push(format!("wanted a mapping by {protocol}, got {mapping}"));
        }
    }
    let findings = document["findings"].as_array().expect("a list");
    let with_code = |code: &str| findings.iter().find(|f| f["code"] == code);
    for code in case.findings {
        match with_code(code) {
            None => wrong.push(format!("no finding {code}")),
            Some(finding) if *code != "port-mapping-works" && !finding["hint"].is_string() => {
                wrong.push(format!("no hint with {code}"));
            }
            Some(_) => {}
        }
    }
    for code in case.no_findings {
        if let Some(finding) = with_code(code) {
            wrong.push(format!("it says {finding}"));
        }
    }
    wrong
}

/// Panics with all that is wrong.
pub fn assert_right(case: &Case, lab: &Lab, document: &Value) {
    let wrong = differences(case, document);
    assert!(
        wrong.is_empty(),
        "{}:\n  {}\n{document:#}\n{}",
        case.name,
        wrong.join("\n  "),
        lab.describe()
    );
}

/// All cases of the scripted router, in one lab, each with ports that no other has had.
pub fn check_scripted() {
    let lab = Lab::build(&HOME);
    lab.rules("r0", &[NEVER]).expect("rules");
    let runs = u16::try_from(CASES.len()).expect("few");
    let mut failures = Vec::new();
    for (case, run) in CASES.iter().zip(1..) {
        lab.fresh_ports(run, runs);
        let router = scripted::start(&lab.namespace("r0"), case.router);
        let mut router = router.expect("it starts");
        let args = [&["-s", "stun:203.0.113.10"][..], case.args].concat();
        let (_, document) = diagnose(&lab, &args);
        let _ = router.kill();
        let _ = router.wait();
        let wrong = differences(case, &document);
        if !wrong.is_empty() {
            failures.push(format!(
                "{}:\n  {}\n{document:#}",
                case.name,
                wrong.join("\n  ")
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Nobody has been led to where only hostile answers lead.
    let rules = lab.describe();
    assert!(rules.contains("203.0.113.99 counter packets 0 "), "{rules}");
}

/// Counts what goes where no address leads but that in hostile answers.
const NEVER: &str = r"
table inet never {
  chain forward {
    type filter hook forward priority filter - 10;
    ip daddr 203.0.113.99 counter
  }
}
";
