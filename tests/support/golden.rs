//! Outputs that are held byte for byte, in files below `tests/golden`. Each test has a folder there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rtcdiag::base::report::{Document, Millis, SCHEMA_VERSION, Verdict};
use rtcdiag::ui::layout::Detail;
use rtcdiag::ui::redact::Redaction;
use rtcdiag::ui::render::{json, json_line};
use rtcdiag::ui::style::Style;
use serde::Serialize;

const REFRESH: &str = "RTCDIAG_UPDATE_GOLDEN=1 cargo test --test golden --test house";

/// Files by their names.
pub type Files = BTreeMap<String, String>;

/// The folder has these files and no others.
#[track_caller]
pub fn hold(folder: &str, files: &Files) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder);
    if std::env::var_os("RTCDIAG_UPDATE_GOLDEN").is_some() {
        write(&folder, files);
    }
    let names: BTreeSet<String> = files.keys().cloned().collect();
    assert_eq!(listed(&folder), names, "refresh them with: {REFRESH}");
    let mut differing = String::new();
    for (name, text) in files {
        let found = fs::read_to_string(folder.join(name)).expect("it can be read");
        if found != *text {
            let _ = writeln!(differing, "{name}: {}", first_difference(&found, text));
        }
    }
    assert!(
        differing.is_empty(),
        "{}:\n{differing}if it is meant so: {REFRESH}",
        folder.display()
    );
}

fn write(folder: &PathBuf, files: &Files) {
    fs::create_dir_all(folder).expect("the folder is made");
    for stray in listed(folder)
        .iter()
        .filter(|name| !files.contains_key(*name))
    {
        fs::remove_file(folder.join(stray)).expect("a file that nothing makes any more goes");
    }
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("the file is written");
    }
}

fn listed(folder: &PathBuf) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.expect("it can be listed").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .collect()
}

/// The first line that is not the same.
fn first_difference(old: &str, new: &str) -> String {
    let ends = ["(end)"];
    let olds = old.split('\n').chain(ends);
    let pairs = olds.zip(new.split('\n').chain(ends)).zip(1..);
    let differing = pairs.map(|((old, new), line)| (line, old, new));
    let first = differing.into_iter().find(|(_, old, new)| old != new);
    first.map_or_else(String::new, |(line, old, new)| {
        format!("line {line}\n- {old}\n+ {new}")
    })
}

/// How a command lays out its document.
pub type Text<R> = fn(&Document<R>, Style, Detail) -> String;

/// Adds a document in each form that the program prints.
pub fn add<R: Serialize>(
    files: &mut Files,
    name: &str,
    made: (&'static str, Verdict, R),
    text: Text<R>,
) {
    let (command, verdict, result) = made;
    let document = Document {
        schema_version: SCHEMA_VERSION,
        rtcdiag_version: "0.0.0",
        redacted: false,
        command: Some(command),
        started_at: "2026-11-22T10:00:00.000Z".into(),
        elapsed_ms: Millis(Duration::from_micros(812_400)),
        outcome: verdict.outcome,
        caveat: verdict.caveat,
        summary: verdict.summary,
        findings: verdict.findings,
        result: Some(result),
    };
    let style = |width| Style {
        color: false,
        width,
        redaction: None,
    };
    let detail = |verbose, terse| Detail { verbose, terse };
    let redaction = Redaction::new(true);
    let redacted = redaction
        .json(&json_line(&document).expect("JSON"))
        .into_owned();
    let redacted_text = text(&document, style(80).redacted(&redaction), Detail::default());
    let redacted_text = redaction.laid_out(&redacted_text).into_owned();
    let mut add = |kind: &str, text: String| files.insert(format!("{name}{kind}"), text);
    add(".json", json(&document).expect("JSON"));
    add(".txt", text(&document, style(80), detail(false, false)));
    add(
        ".verbose.txt",
        text(&document, style(120), detail(true, false)),
    );
    add(
        ".quiet.txt",
        text(&document, style(60), detail(false, true)),
    );
    add(".redacted.jsonl", redacted);
    add(".redacted.txt", redacted_text);
}
