//! `rtcdiag explain`, `man` and `completions`, as a user meets them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rtcdiag::base::codes::Code;
use rtcdiag::commands::explain::manual::TOPICS;
use serde_json::Value;
use strum::IntoEnumIterator as _;

use crate::support::schema::assert_valid;

fn rtcdiag(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rtcdiag"))
        .args(args)
        .env_remove("RTCDIAG_REDACT")
        .output()
        .expect("it runs")
}

fn text(args: &[&str]) -> String {
    let output = rtcdiag(args);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
    assert!(output.stderr.is_empty(), "{args:?}");
    text
}

fn document(args: &[&str]) -> Value {
    let document = serde_json::from_str(&text(args)).expect("one document");
    assert_valid(&document);
    document
}

#[test]
fn the_list_has_every_code_and_every_topic() {
    let list = text(&["explain"]);
    let words: BTreeSet<&str> = list.split([' ', ',', '\n']).collect();
    for code in Code::iter() {
        assert!(words.contains(code.name()), "{code}");
    }
    for (topic, _) in TOPICS {
        assert!(list.contains(&format!("\n  {topic} ")), "{topic}");
    }
    assert!(
        list.lines().all(|line| line.chars().count() <= 80),
        "{list}"
    );
}

#[test]
fn every_code_is_explained_in_80_columns() {
    for entry in rtcdiag::base::codes::catalogue::entries() {
        let style = rtcdiag::ui::style::Style {
            color: false,
            width: 80,
            redaction: None,
        };
        let result = rtcdiag::commands::explain::report::ExplainResult::of(entry.code.name())
            .expect("known");
        let text = rtcdiag::commands::explain::render::text(&result, style);
        assert!(text.starts_with(&format!("{}: ", entry.code)), "{text}");
        for label in ["\nproof    ", "\nremedy   "] {
            assert!(text.contains(label), "{text}");
        }
        // Code is never broken, and some of it is long.
        let too_long = text.lines().filter(|line| line.chars().count() > 80);
        let about_text = too_long.filter(|line| !line.starts_with("    ")).count();
        assert_eq!(about_text, 0, "{text}");
    }
}

#[test]
fn a_code_that_is_several_things_has_one_entry() {
    let text = text(&["explain", "UDP-Blocked"]);
    assert!(text.starts_with("udp-blocked: finding (error), cause, reason\n\nUDP to the servers"));
    assert!(text.contains("\nexample  rtcdiag turn turns:turn.example.org"));
}

#[test]
fn topics_are_shown_in_80_columns() {
    let folder = fs::read_dir("src/manual").expect("it is there");
    let names: BTreeSet<String> = folder
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into())
        .collect();
    let known: BTreeSet<String> = TOPICS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names, known);
    for topic in &names {
        let shown = text(&["explain", topic]);
        for line in shown.lines() {
            let is_code = line.starts_with("    ");
            let is_raw = line.contains('`') || line.starts_with("- **");
            assert!(is_code || line.chars().count() <= 80, "{topic}: {line}");
            assert!(is_code || !is_raw, "{topic}: {line}");
        }
    }
}

#[test]
fn a_misspelt_name_gets_a_suggestion() {
    for (args, meant) in [
        (["explain", "udp-bloked"], "did you mean 'udp-blocked'?"),
        (
            ["explain", "trubleshooting"],
            "did you mean 'troubleshooting'?",
        ),
        (["explain", "zzzzzz"], "rtcdiag explain lists them"),
        (
            ["explain", "nosuch"],
            "'nosuch'; rtcdiag explain lists them",
        ),
        (["man", "nosuch"], "topics, which rtcdiag explain lists"),
        (["man", "pear"], "did you mean 'pair'?"),
        (["man", "nat(8)"], "there is no page"),
    ] {
        let output = rtcdiag(&args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(complaint.contains(meant), "{complaint}");
        assert!(output.stdout.is_empty());
        let output = rtcdiag(&[args[0], args[1], "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
        assert_valid(&document);
        assert_eq!(document["command"], args[0]);
        assert_eq!(document["findings"][0]["code"], "usage");
    }
}

#[test]
fn documents_have_codes_and_topics() {
    let one = document(&["explain", "udp-blocked", "--json"]);
    assert_eq!(one["result"]["codes"][0]["severity"], "error");
    assert_eq!(one["result"]["topics"], serde_json::json!([]));
    let both = document(&["explain", "nat64", "--json"]);
    assert_eq!(
        both["result"]["codes"][0]["kinds"],
        serde_json::json!(["finding"])
    );
    assert_eq!(both["result"]["topics"][0]["topic"], "nat64");
    let all = document(&["explain", "--jsonl"]);
    let codes = all["result"]["codes"].as_array().expect("codes");
    assert_eq!(codes.len(), Code::iter().count());
}

/// There is nothing in them to redact, and labels would make them wrong.
#[test]
fn texts_stay_whole_with_redact() {
    let name = ["explain", "no-second-address"];
    let plain = text(&name);
    assert!(plain.contains("192.0.2.77"), "{plain}");
    assert_eq!(text(&[&name[..], &["--redact", "-q"]].concat()), plain);
    let colored = text(&[&name[..], &["--color", "always"]].concat());
    assert!(colored.starts_with("\u{1b}[1mno-second-address\u{1b}[0m: "));
    let typed = rtcdiag(&["explain", "198.51.100.7", "--redact"]);
    assert!(!String::from_utf8_lossy(&typed.stderr).contains("198.51.100.7"));
}

#[test]
fn files_are_those_in_the_tree() {
    for (shell, file) in [
        ("bash", "rtcdiag.bash"),
        ("zsh", "_rtcdiag"),
        ("fish", "rtcdiag.fish"),
        ("elvish", "rtcdiag.elv"),
        ("powershell", "_rtcdiag.ps1"),
    ] {
        let path = Path::new("completions").join(file);
        let expected = fs::read_to_string(path).expect("it is there");
        assert_eq!(text(&["completions", shell]), expected);
    }
    assert_eq!(rtcdiag(&["completions", "tcsh"]).status.code(), Some(2));
    for page in fs::read_dir("man").expect("it is there") {
        let path = page.expect("it can be read").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let expected = fs::read_to_string(&path).expect("it can be read");
        assert_eq!(text(&["man", &name]), expected, "{name}");
    }
    let page = document(&["man", "--json"]);
    assert_eq!(page["result"]["file"], "rtcdiag.1");
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_an_error() {
    for args in [&["--help"][..], &["--version"], &["nat", "--help"]] {
        let full = std::fs::File::create("/dev/full").expect("it is there");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
        let status = command.args(args).stdout(full).status().expect("it runs");
        assert_eq!(status.code(), Some(2), "{args:?}");
    }
}
