//! `rtcdiag demo`, the program itself.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::program::{GOOD, INCONCLUSIVE, Run, anonymous, json, lines, run};

fn demo(args: &str) -> Command {
    anonymous(format!("demo {args}"))
}

/// All works.
fn good(run: Run) -> Run {
    run.assert_code(GOOD);
    run
}

/// Something was found out in each part.
fn assert_real(document: &Value) {
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
    let Run { stdout, .. } = good(run(demo("--duration 0.2")));
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
    assert_real(&good(json(demo("--duration 0.2"))).document);
}

#[test]
fn lines_tell_the_steps_and_end_with_the_document() {
    let run = good(lines(demo("--duration 0.2")));
    assert_real(&run.document);
    let steps = run.events.iter().filter_map(|l| l["step"].as_str());
    let steps: Vec<&str> = steps.collect();
    assert_eq!(steps, ["nat", "gather", "pair"]);
}

#[test]
fn quiet_leaves_stderr_empty() {
    let Run { stdout, stderr, .. } = good(run(demo("-q --duration 0.2")));
    assert!(!stdout.is_empty() && stderr.is_empty(), "{stderr}");
}

#[test]
fn a_time_limit_ends_it_with_a_document() {
    let run = json(demo("--timeout 0.5 --duration 60"));
    // As the sides see it: connected, and the measurement cut short, or no result yet.
    assert!(matches!(run.code, GOOD | INCONCLUSIVE), "{run:#?}");
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
    let demo = [env!("CARGO_BIN_EXE_rtcdiag"), "demo"];
    let before = namespace.sent();
    let all_works = || {
        let mut command = namespace.command(&demo);
        command.stdin(Stdio::null());
        assert_real(&good(json(command)).document);
    };
    all_works();
    assert_eq!(namespace.sent(), before);
    // Nor is a way out needed.
    ip(&["-n", &namespace.0, "link", "del", "out"]).expect("it is there");
    all_works();
}
