//! Dependencies point downwards only, as the table in `src/lib.rs` has it. This reads the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Who must not know what. Paths under `src`: a file, or a folder with all that is in it.
const RULES: [(&[&str], &[&str]); 6] = [
    // The core: protocol and decisions, without I/O, clock, randomness or screen.
    (
        &[
            "nat.rs",
            "nat",
            "turn.rs",
            "turn",
            "ice.rs",
            "ice",
            "signal.rs",
            "signal",
            "stun.rs",
            "stun",
            "fact.rs",
            "family.rs",
            "time.rs",
        ],
        &[
            "tokio",
            "tokio_rustls",
            "rustls",
            "x509_parser",
            "jiff",
            "if_addrs",
            "socket2",
            "UdpSocket",
            "TcpStream",
            "TcpListener",
            "Instant",
            "SystemTime",
            "thread_rng",
            "rand::rng",
            "rand::random",
            "OsRng",
            "std::env",
            "std::fs",
            "std::net::ToSocketAddrs",
            "to_socket_addrs",
            "std::thread",
            "std::io",
            "std::process",
            "print!",
            "println!",
            "crate::app",
            "crate::cli",
            "crate::command",
            "crate::config",
            "crate::exit",
            "crate::net",
            "crate::output",
            "crate::render",
            "crate::report",
        ],
    ),
    // Reports: facts and the verdict on them.
    (
        &["report.rs", "report", "exit.rs"],
        &[
            "tokio",
            "socket2",
            "Instant",
            "SystemTime",
            "crate::app",
            "crate::cli",
            "crate::command",
            "crate::config",
            "crate::net",
            "crate::output",
            "crate::render",
        ],
    ),
    // Words: any text, without knowing what it is about.
    (
        &["redact.rs", "redact"],
        &[
            "tokio",
            "socket2",
            "Instant",
            "SystemTime",
            "std::env",
            "std::fs",
            "std::io",
            "crate::app",
            "crate::cli",
            "crate::command",
            "crate::config",
            "crate::exit",
            "crate::net",
            "crate::output",
            "crate::render",
            "crate::report",
        ],
    ),
    // Layout.
    (
        &["render.rs", "render"],
        &[
            "tokio",
            "socket2",
            "Instant",
            "SystemTime",
            "crate::app",
            "crate::command",
            "crate::config",
            "crate::net",
            "crate::output",
        ],
    ),
    // The edges know reports, but nothing above themselves.
    (
        &["net.rs", "net"],
        &[
            "crate::app",
            "crate::cli",
            "crate::command",
            "crate::config",
        ],
    ),
    // Except that the terminal knows the flags that say how to write to it.
    (
        &["output.rs", "output"],
        &["crate::app", "crate::command", "crate::config"],
    ),
];

#[test]
fn dependencies_point_downwards_only() {
    let violations: Vec<String> = RULES
        .iter()
        .flat_map(|(who, what)| {
            let files = who
                .iter()
                .flat_map(|path| sources(&source_root().join(path)));
            files.flat_map(|file| violations(&file, what))
        })
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// A module that is new must be put into a layer: here and in the table of `src/lib.rs`.
#[test]
fn every_module_has_its_layer() {
    let lib = fs::read_to_string(source_root().join("lib.rs")).expect("it can be read");
    let (docs, code): (Vec<&str>, Vec<&str>) = lib.lines().partition(|l| l.starts_with("//!"));
    let table: Vec<&str> = docs
        .into_iter()
        .filter(|line| line.starts_with("//! |"))
        .collect();
    let modules: Vec<&str> = code
        .iter()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(modules.len() > 5, "{modules:?}");
    for module in modules {
        let rows = table
            .iter()
            .filter(|row| row.contains(&format!("[`{module}`]")));
        assert_eq!(
            rows.count(),
            1,
            "the table in src/lib.rs has {module} not once"
        );
    }
}

/// And its rules: only the program, on top, may know everything.
#[test]
fn every_module_below_the_program_has_rules() {
    let lib = fs::read_to_string(source_root().join("lib.rs")).expect("it can be read");
    let rows = lib.lines().filter(|line| line.starts_with("//! |"));
    let below = rows.filter(|row| !row.starts_with("//! | program"));
    let modules: Vec<&str> = below
        .flat_map(|row| row.split("[`").skip(1))
        .filter_map(|rest| Some(rest.split_once("`]")?.0))
        .collect();
    assert!(modules.len() > 10, "{modules:?}");
    for module in modules {
        for path in [format!("{module}.rs"), module.to_owned()] {
            let rules = RULES.iter().filter(|(who, _)| who.contains(&&*path));
            let expected = usize::from(source_root().join(&path).exists());
            assert_eq!(rules.count(), expected, "rules for src/{path}");
        }
    }
}

#[test]
fn words_are_found_where_they_are_used_and_nowhere_else() {
    for (line, word, found) in [
        ("use tokio::net::UdpSocket;", "tokio", true),
        ("use crate::network;", "crate::net", false),
        ("use crate::net::{clock, host};", "crate::net", true),
        ("let now = Instant::now();", "Instant", true),
        ("let instantly = Instantly;", "Instant", false),
        ("eprintln!(\"x\");", "println!", false),
        ("    println!(\"x\");", "println!", true),
    ] {
        assert_eq!(mentions(line, word), found, "{line}");
    }
}

/// Where a file has a word that it must not know.
fn violations(file: &Path, words: &[&str]) -> Vec<String> {
    let place = file
        .strip_prefix(source_root())
        .expect("it is below")
        .display();
    let complain = |number: usize, word: &str| format!("src/{place}:{number} knows {word}");
    code_lines(file)
        .into_iter()
        .flat_map(|(number, line)| {
            let known = words.iter().filter(|word| mentions(&line, word));
            // A group of modules would hide them from this test.
            let hidden = line.contains("crate::{").then_some(&"crate::{...}");
            known
                .chain(hidden)
                .map(|word| complain(number, word))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// All Rust files at or below a path.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|_| panic!("no {}", path.display()));
    entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "rs"))
        .flat_map(|path| sources(&path))
        .collect()
}

/// Numbered lines without comments.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("it can be read");
    text.lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim_start().starts_with("//"))
        .map(|(line, number)| (number, line.to_owned()))
        .collect()
}

/// Whether a line has a word, not as a part of a longer one.
fn mentions(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let behind = line[at + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && !behind.is_some_and(part_of_name)
    })
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
