//! Troubles that people had with real servers, routers and networks, each made anew: `cases/NAME/run.sh` builds the network
//! with `lib.sh` and asks the question by `try NAME ...`, and `cases/NAME/expect.toml` has a table for each of these runs.
//!
//! A table's name may end in `*`: it holds for all runs that begin so. `FIELD_SHOW=1` lets each run fail, with its words.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use serde::Deserialize;
use serde_json::Value;

use super::HANGS_AFTER;
use super::support::schema;

/// What a run must say and must not say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The exit code.
    exit: i32,
    /// Findings and errors of rows that must be there: a code, or a severity and a code.
    #[serde(default)]
    says: Vec<String>,
    /// Codes of findings that must not be there.
    #[serde(default)]
    not: Vec<String>,
    /// Words that must be in the summary.
    #[serde(default)]
    summary: Vec<String>,
    /// Words that must be in the summary, a finding's message or hint, or an error's message.
    #[serde(default)]
    words: Vec<String>,
    /// Words that must be nowhere, neither in the document nor on standard error.
    #[serde(default)]
    never: Vec<String>,
    /// Parts of the document: a JSON pointer, and what is there.
    #[serde(default)]
    at: BTreeMap<String, Value>,
}

/// The folders in `cases`, by name.
pub fn cases() -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(root().join("cases")) else {
        return Vec::new();
    };
    let folders = entries.flatten().map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, entry.path())
    });
    let mut folders: Vec<_> = folders.collect();
    folders.sort();
    folders
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/netns/field")
}

/// Runs the script of a case, and compares what each of its runs said.
pub fn check(name: &str, folder: &Path) {
    let text = fs::read_to_string(folder.join("expect.toml")).expect("the case has an expect.toml");
    let expected: BTreeMap<String, Expected> =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{name}/expect.toml: {error}"));
    let said = Scratch::new();
    if !run(name, folder, &said.0) {
        return;
    }
    let mut failures = Vec::new();
    let runs = runs_in(&said.0);
    for run in &runs {
        let mut wrong = Vec::new();
        let mut tables = expected.iter().filter(|(name, _)| is_for(name, run));
        match tables.next() {
            Some((_, table)) => wrong.extend(wrong_with(&said.0, run, table)),
            None => wrong.push("expect.toml says nothing of it".to_owned()),
        }
        wrong.extend(tables.flat_map(|(_, table)| wrong_with(&said.0, run, table)));
        if !wrong.is_empty() {
            let text = fs::read_to_string(said.0.join(format!("{run}.json"))).unwrap_or_default();
            failures.push(format!("{run}:\n  {}\n{text}", wrong.join("\n  ")));
        }
    }
    let idle = expected
        .keys()
        .filter(|name| !runs.iter().any(|run| is_for(name, run)));
    failures.extend(idle.map(|name| format!("the script has no run {name}")));
    assert!(failures.is_empty(), "{name}\n{}", failures.join("\n\n"));
}

/// Whether the table of this name holds for a run.
fn is_for(name: &str, run: &str) -> bool {
    match name.strip_suffix('*') {
        Some(start) => run.starts_with(start),
        None => name == run,
    }
}

/// Whether the script ran; it may lack a program that this machine need not have.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn run(name: &str, folder: &Path, out: &Path) -> bool {
    static LABS: AtomicU16 = AtomicU16::new(0);
    let lab = LABS.fetch_add(1, Ordering::Relaxed);
    let mut command = Command::new("bash");
    command
        .arg(folder.join("run.sh"))
        .env("RTCDIAG", env!("CARGO_BIN_EXE_rtcdiag"))
        .env("FIELD_ID", format!("field{}n{lab}", std::process::id()))
        .env("FIELD_OUT", out);
    let output = assert_cmd::Command::from_std(command)
        .timeout(2 * HANGS_AFTER)
        .output()
        .expect("bash starts");
    let words = [&output.stdout[..], &output.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    if output.status.code() == Some(77) {
        let required = std::env::var_os("RTCDIAG_REQUIRE_TOOLS").is_some_and(|v| v == "1");
        assert!(!required, "{name}: {words}");
        eprintln!("SKIPPED {name}: {words}");
        return false;
    }
    assert!(output.status.success(), "{name}: {words}");
    true
}

/// The names of the runs that the script made.
fn runs_in(out: &Path) -> Vec<String> {
    let entries = fs::read_dir(out).expect("the folder of the runs").flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.strip_suffix(".json").map(str::to_owned)
    });
    names.collect()
}

/// Everything that is wrong with a run.
fn wrong_with(out: &Path, run: &str, expected: &Expected) -> Vec<String> {
    let read = |kind: &str| fs::read_to_string(out.join(format!("{run}.{kind}")));
    let (Ok(document), Ok(hints), Ok(code)) = (read("json"), read("err"), read("rc")) else {
        return vec!["the run left no JSON, standard error or exit code".to_owned()];
    };
    let Ok(json) = serde_json::from_str::<Value>(&document) else {
        return vec![format!("no JSON document: {document}{hints}")];
    };
    let mut wrong = Vec::new();
    wrong.extend(schema::objections(&json));
    if code.trim() != expected.exit.to_string() {
        wrong.push(format!("exit code {}, not {}", code.trim(), expected.exit));
    }
    let mut codes = Vec::new();
    let mut words = Vec::new();
    collect(&json, &mut codes, &mut words);
    let summary = json["summary"].as_str().unwrap_or_default();
    let lacking = |list: &[String], there: &dyn Fn(&str) -> bool, what: &str| {
        let lacking = list.iter().filter(|item| !there(item));
        lacking
            .map(|item| format!("{what}: {item}"))
            .collect::<Vec<_>>()
    };
    let said = |code: &str| codes.iter().any(|known| known == code);
    wrong.extend(lacking(&expected.says, &said, "it does not say"));
    wrong.extend(lacking(&expected.not, &|code| !said(code), "it says"));
    wrong.extend(lacking(
        &expected.summary,
        &|part| summary.contains(part),
        "not in the summary",
    ));
    let somewhere = |part: &str| words.iter().any(|text| text.contains(part));
    wrong.extend(lacking(&expected.words, &somewhere, "nowhere in words"));
    let nowhere = |part: &str| !document.contains(part) && !hints.contains(part);
    wrong.extend(lacking(&expected.never, &nowhere, "untrue"));
    for (pointer, value) in &expected.at {
        let there = json.pointer(pointer).unwrap_or(&Value::Null);
        if there != value {
            wrong.push(format!("{pointer} is {there}, not {value}"));
        }
    }
    if std::env::var_os("FIELD_SHOW").is_some() {
        wrong.push(format!("{words:#?}"));
    }
    wrong
}

/// Every code in the document, with its severity and without, and every sentence.
fn collect(value: &Value, codes: &mut Vec<String>, words: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let text = |key: &str| object.get(key).and_then(Value::as_str);
            for key in ["code", "reason"] {
                codes.extend(text(key).map(str::to_owned));
            }
            if let (Some(code), Some(severity)) = (text("code"), text("severity")) {
                codes.push(format!("{severity} {code}"));
            }
            for key in ["summary", "message", "hint", "detail"] {
                words.extend(text(key).map(str::to_owned));
            }
            object
                .values()
                .for_each(|value| collect(value, codes, words));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, codes, words)),
        _ => {}
    }
}

/// A folder for the runs of a case, which is removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static FOLDERS: AtomicU16 = AtomicU16::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("rtcdiag-field-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder for the runs");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
