//! The five rooms of `src/lib.rs`: who may know whom. This reads the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the bottom up, and which of the others each may know.
const ROOMS: [(&str, &[&str]); 5] = [
    ("base", &[]),
    ("proto", &["base"]),
    ("net", &["base", "proto"]),
    ("ui", &["base", "proto"]),
    ("commands", &["base", "proto", "net", "ui"]),
];

/// What the pure rooms must not name: sockets, clocks, randomness, the terminal.
const IMPURE: [&str; 24] = [
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
    "ToSocketAddrs",
    "to_socket_addrs",
    "std::thread",
    "std::process",
    "print!",
    "println!",
];

/// What a file of a command must not name if its name, or that of a folder above it, says that it
/// is a pure function of facts.
const OF_FACTS: [&str; 7] = [
    "tokio",
    "crate::net",
    "socket2",
    "Instant",
    "SystemTime",
    "std::env",
    "std::fs",
];
const PURE_STEMS: [&str; 3] = ["report", "verdict", "render"];

#[test]
fn every_module_stands_in_a_room() {
    let lib = fs::read_to_string(source_root().join("lib.rs")).expect("it can be read");
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    assert_eq!(declared, rooms);
    for room in rooms {
        let row = format!("//! | [`{room}`] |");
        assert!(lib.contains(&row), "src/lib.rs says nothing of {room}");
    }
    let folders: BTreeSet<String> = fs::read_dir(source_root())
        .expect("it can be listed")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.is_dir() && path.file_name().is_some_and(|name| name != "manual"))
        .map(|path| stem(&path))
        .collect();
    assert!(
        folders.iter().all(|f| declared.contains(&**f)),
        "{folders:?}"
    );
}

#[test]
fn rooms_look_downwards_only() {
    let mut violations = Vec::new();
    for (room, known) in ROOMS {
        let above: Vec<String> = ROOMS
            .iter()
            .filter(|(other, _)| *other != room && !known.contains(other))
            .map(|(other, _)| format!("crate::{other}"))
            .collect();
        violations.extend(forbidden_words(&sources_of(&[room]), &above));
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn base_and_proto_are_pure() {
    let files = sources_of(&["base", "proto"]);
    // DTLS and SCTP come from crates that count in instants. They are given one, and never ask for the time.
    let (counting, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| {
        let below = file.strip_prefix(source_root()).expect("it is below");
        below.starts_with("proto/data_channel.rs") || below.starts_with("proto/data_channel")
    });
    let mut violations = forbidden_words(&files, &IMPURE);
    let words: Vec<&str> = IMPURE
        .into_iter()
        .filter(|word| *word != "Instant")
        .chain(["Instant::now"])
        .collect();
    violations.extend(forbidden_words(&counting, &words));
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn reports_verdicts_and_layouts_are_functions_of_facts() {
    let files: Vec<PathBuf> = sources_of(&["commands"])
        .into_iter()
        .filter(|file| {
            let below = file.strip_prefix(source_root()).expect("it is below");
            below.iter().any(|part| {
                let name = Path::new(part).with_extension("");
                PURE_STEMS.iter().any(|pure| name == Path::new(pure))
            })
        })
        .collect();
    assert!(files.len() > 20, "{files:?}");
    let violations = forbidden_words(&files, &OF_FACTS);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Protocols stand on each other (TURN on STUN, signalling on ICE), and never in a circle.
#[test]
fn protocols_do_not_stand_on_each_other_in_a_circle() {
    let parts = parts_of("proto");
    assert!(parts.len() > 3, "{parts:?}");
    let edges: Vec<(String, String)> = parts
        .iter()
        .flat_map(|part| {
            let lines: Vec<String> = sources_of(&[&format!("proto/{part}")])
                .iter()
                .flat_map(|file| code_lines(file))
                .map(|(_, line)| line)
                .collect();
            parts
                .iter()
                .filter(move |other| {
                    let path = format!("crate::proto::{other}");
                    *other != part && lines.iter().any(|line| mentions(line, &path))
                })
                .map(|other| (part.clone(), other.clone()))
        })
        .collect();
    // Whoever knows nobody that is left is taken away, until nobody is left.
    let mut left = parts;
    loop {
        let before = left.len();
        let upper: BTreeSet<String> = edges
            .iter()
            .filter(|(from, to)| left.contains(from) && left.contains(to))
            .map(|(from, _)| from.clone())
            .collect();
        left = upper;
        if left.is_empty() {
            return;
        }
        assert!(left.len() < before, "a circle among {left:?}: {edges:?}");
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

/// Where a file has a word that it must not have.
/// What is printed as a chain says the source after the message.
#[test]
fn no_error_says_its_source_twice() {
    let mut twice = Vec::new();
    for file in sources(&source_root()) {
        let text = fs::read_to_string(&file).expect("it can be read");
        for after in text.split("#[error(").skip(1) {
            let (message, _) = after.split_once(")]").expect("an attribute ends");
            if mentions(message, "source") {
                twice.push(format!("{}: {message}", file.display()));
            }
        }
    }
    assert!(twice.is_empty(), "{twice:#?}");
}

fn forbidden_words(files: &[PathBuf], words: &[impl AsRef<str>]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let place = file.strip_prefix(source_root()).expect("it is below");
        for (number, line) in code_lines(file) {
            // A group of rooms would hide them from this test.
            let hidden = line.contains("crate::{").then_some("crate::{...}");
            let known = words.iter().map(AsRef::as_ref);
            for word in known.filter(|word| mentions(&line, word)).chain(hidden) {
                found.push(format!("src/{}:{number} knows {word}", place.display()));
            }
        }
    }
    found
}

/// The modules that stand directly in a room.
fn parts_of(room: &str) -> BTreeSet<String> {
    fs::read_dir(source_root().join(room))
        .expect("it can be listed")
        .map(|entry| stem(&entry.expect("it can be read").path()))
        .collect()
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().expect("it has a name");
    stem.to_str().expect("it is ASCII").to_owned()
}

/// All Rust files of modules, each its own file and those of its folder.
fn sources_of(modules: &[&str]) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = modules
        .iter()
        .flat_map(|module| {
            let file = source_root().join(format!("{module}.rs"));
            let own = file.is_file().then_some(file);
            let folder = source_root().join(module);
            own.into_iter().chain(
                folder
                    .is_dir()
                    .then(|| sources(&folder))
                    .into_iter()
                    .flatten(),
            )
        })
        .collect();
    assert!(!files.is_empty(), "{modules:?}");
    files
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    entries
        .map(|entry| entry.expect("it can be read").path())
        .flat_map(|path| {
            if path.is_dir() {
                return sources(&path);
            }
            let is_rust = path.extension().is_some_and(|e| e == "rs");
            is_rust.then_some(path).into_iter().collect()
        })
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
