//! `rtcdiag demo`, the program itself.

#[path = "common/schema.rs"]
mod schema;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
    command.env_clear().stdin(Stdio::null()).arg("demo");
    command.args(args);
    command
}

fn run(args: &[&str]) -> (String, String) {
    let output = program(args).output().expect("it runs");
    texts(&output)
}

/// What it says if all works.
fn texts(output: &Output) -> (String, String) {
    let stdout = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let stderr = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    (stdout, stderr)
}

/// Something was found out in each part.
fn assert_real(document: &Value) {
    schema::assert_valid(document);
    assert_eq!(document["command"], "demo");
    assert_eq!(document["outcome"], "good", "{document:#}");
    let result = &document["result"];
    let path = &result["nat"]["result"]["paths"][0];
    for fact in ["mapping", "filtering"] {
        assert_eq!(path[fact]["status"], "determined", "{path:#}");
        assert_eq!(path[fact]["value"], "endpoint-independent");
    }
    let candidates = &result["gather"]["result"]["candidates"];
    let relays = candidates.as_array().into_iter().flatten();
    assert!(
        relays.filter(|c| c["type"] == "relay").count() >= 1,
        "{candidates:#}"
    );
    let side = |name: &str| &result["pair"][name]["result"];
    let end = |name: &str, end: &str| {
        let selected = &side(name)["selected"][end];
        assert!(selected["port"].is_u64(), "{selected:#}");
        (selected["address"].clone(), selected["port"].clone())
    };
    assert_eq!(end("a", "local"), end("b", "remote"));
    assert_eq!(end("a", "remote"), end("b", "local"));
    for name in ["a", "b"] {
        assert_eq!(side(name)["state"], "connected");
        assert_eq!(side(name)["path"], "direct");
        assert!(side(name)["quality"]["received"].as_u64() > Some(0));
    }
    assert_ne!(side("a")["role"], side("b")["role"]);
}

#[test]
fn the_text_has_each_command_with_its_output() {
    let (stdout, _) = run(&["--duration", "0.2"]);
    let commands: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("$ rtcdiag "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(commands, ["nat", "gather", "pair"]);
    for part in ["endpoint-independent", "relay", "Path quality"] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let last = stdout.lines().last().expect("a line");
    assert!(!last.is_empty() && !last.starts_with('$'), "{last}");
}

#[test]
fn one_document_has_those_of_all() {
    let (stdout, _) = run(&["--json", "--duration", "0.2"]);
    assert_real(&serde_json::from_str(&stdout).expect("one document"));
}

#[test]
fn lines_tell_the_steps_and_end_with_the_document() {
    let (stdout, _) = run(&["--jsonl", "--duration", "0.2"]);
    let mut lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_real(&lines.pop().expect("a document"));
    lines.iter().for_each(schema::assert_valid_event);
    let steps: Vec<&str> = lines.iter().filter_map(|l| l["step"].as_str()).collect();
    assert_eq!(steps, ["nat", "gather", "pair"]);
}

#[test]
fn quiet_leaves_stderr_empty() {
    let (stdout, stderr) = run(&["-q", "--duration", "0.2"]);
    assert!(!stdout.is_empty() && stderr.is_empty(), "{stderr}");
}

#[test]
fn a_time_limit_ends_it_with_a_document() {
    let output = program(&["--json", "--timeout", "0.5", "--duration", "60"])
        .output()
        .expect("it runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
    schema::assert_valid(&document);
    // As the sides see it: connected, and the measurement cut short, or no result yet.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{document:#}");
}

/// A network namespace of its own, gone at the end.
#[cfg(target_os = "linux")]
struct Namespace(String);

#[cfg(target_os = "linux")]
impl Namespace {
    /// With loopback, and a way out that nobody is at the end of.
    fn new() -> Result<Self, String> {
        let namespace = Self(format!("rtcdiag-demo-{}", std::process::id()));
        let name = namespace.0.as_str();
        ip(&["netns", "add", name])?;
        namespace.run(&["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])?;
        for words in [
            &["link", "set", "lo", "up"][..],
            &["link", "add", "out", "type", "veth", "peer", "name", "end"],
            &["addr", "add", "192.0.2.1/24", "dev", "out"],
            &["link", "set", "out", "up"],
            &["link", "set", "end", "up"],
            &["route", "add", "default", "via", "192.0.2.2"],
        ] {
            ip(&[&["-n", name], words].concat())?;
        }
        Ok(namespace)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).args(words);
        command
    }

    fn run(&self, words: &[&str]) -> Result<String, String> {
        finish(&mut self.command(words))
    }

    /// Packets that went out.
    fn sent(&self) -> u64 {
        let table = self.run(&["cat", "/proc/net/dev"]).expect("Linux has it");
        let row = table.lines().find(|l| l.trim().starts_with("out:"));
        let mut fields = row.expect("it is there").split_whitespace();
        // The name, eight fields of what came, bytes, packets.
        let packets = fields.nth(10).expect("a field");
        packets.parse().expect("a number")
    }
}

#[cfg(target_os = "linux")]
impl Drop for Namespace {
    fn drop(&mut self) {
        // It may never have been there.
        let _ = ip(&["netns", "del", &self.0]);
    }
}

#[cfg(target_os = "linux")]
fn ip(words: &[&str]) -> Result<String, String> {
    finish(Command::new("ip").args(words))
}

#[cfg(target_os = "linux")]
fn finish(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let why = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?}: {}", why.trim()))
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_leaves_loopback() {
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(why) => {
            let required = std::env::var_os("RTCDIAG_REQUIRE_NETNS").is_some_and(|v| v == "1");
            assert!(!required, "{why}");
            eprintln!("SKIPPED nothing_leaves_loopback: {why}");
            return;
        }
    };
    let demo = [env!("CARGO_BIN_EXE_rtcdiag"), "demo", "--json"];
    let before = namespace.sent();
    let run = || {
        let output = namespace.command(&demo).stdin(Stdio::null()).output();
        let (stdout, _) = texts(&output.expect("it runs"));
        assert_real(&serde_json::from_str(&stdout).expect("one document"));
    };
    run();
    assert_eq!(namespace.sent(), before);
    // Nor is a way out needed.
    ip(&["-n", &namespace.0, "link", "del", "out"]).expect("it is there");
    run();
}
