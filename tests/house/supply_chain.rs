//! Where dependencies come from, under which licences, and which must not be there: the lists of `deny.toml`, for those
//! without `cargo deny`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::Table;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn list<'a>(deny: &'a Table, part: &str, name: &str) -> Vec<&'a str> {
    let list = deny[part][name].as_array().expect("a list");
    assert!(list.iter().all(toml::Value::is_str), "{part}.{name}");
    list.iter().filter_map(toml::Value::as_str).collect()
}

fn deny() -> Table {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("it is there");
    text.parse().expect("TOML")
}

/// What is built for this system, which is what has been downloaded.
fn packages() -> Vec<Value> {
    let version = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let version = String::from_utf8(version.stdout).expect("UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", host.expect("a host")])
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

/// Whether a licence expression (SPDX) is met by what is allowed. AND binds more than OR; `/` is an old OR.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = any(&mut words, allowed);
    assert!(words.is_empty(), "'{expression}' cannot be read");
    met
}

fn any(words: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let mut met = all(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let mut met = one(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let word = words.pop().expect("a licence");
    if word == "(" {
        let met = any(words, allowed);
        assert_eq!(words.pop(), Some(")"));
        return met;
    }
    if words.last() == Some(&"WITH") {
        words.pop();
        let exception = words.pop().expect("an exception");
        return allowed.contains(&format!("{word} WITH {exception}").as_str());
    }
    allowed.contains(&word)
}

#[test]
fn expressions_are_read() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("GPL-3.0-only/MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-3.0-only) AND ISC", true),
        ("GPL-3.0-only OR MIT AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}

#[test]
fn dependencies_have_licences_and_sources_that_are_allowed() {
    let deny = deny();
    let licences = list(&deny, "licenses", "allow");
    let banned = list(&deny, "bans", "deny");
    let registries: Vec<String> = list(&deny, "sources", "allow-registry")
        .into_iter()
        .map(|url| format!("registry+{url}"))
        .collect();
    let packages = packages();
    assert!(packages.len() > 100, "{}", packages.len());
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_met(licence, &licences), "{name}: '{licence}'");
        assert!(!banned.contains(&name), "{name} is banned");
        match package["source"].as_str() {
            None => assert_eq!(name, "rtcdiag", "it is not from a registry"),
            Some(source) => assert!(registries.iter().any(|r| r == source), "{name}: {source}"),
        }
    }
}

/// The tool reads the file that this test reads.
#[test]
fn the_pipeline_asks_cargo_deny_where_it_is() {
    let pipeline = std::fs::read_to_string(root().join(".ci/run")).expect("it is there");
    assert!(pipeline.contains("cargo deny check licenses bans sources"));
}
