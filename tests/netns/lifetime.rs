//! How long bindings live, against what the kernel's connection tracking was told. The truth is a setting: an entry that has
//! expired is not matched any more, even before it is removed.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::lab::{Lab, Plan, ServerKind};
use super::program;

/// Ends a run that hangs.
const HANGS_AFTER: Duration = Duration::from_secs(200);

/// A lab, what its router forgets after, and how it is to be found out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    lab: Plan,
    /// rtcdiag's own server in place of coturn.
    #[serde(default)]
    own_server: bool,
    /// `nf_conntrack_udp_timeout` and `nf_conntrack_udp_timeout_stream`, in seconds.
    timeouts: (u32, u32),
    longest: String,
    /// Whether it is run once more and ended early.
    #[serde(default)]
    interrupted: bool,
    method: String,
}

/// Builds the lab, measures, and holds the result against the kernel's settings.
pub fn check(_: &str, case: &Case) {
    let mut plan = case.lab.clone();
    if case.own_server {
        plan.server = Some(ServerKind::Turn(Vec::new()));
    }
    let mut lab = Lab::build(&plan);
    for (key, seconds) in [
        ("timeout", case.timeouts.0),
        ("timeout_stream", case.timeouts.1),
    ] {
        let key = format!("net.netfilter.nf_conntrack_udp_{key}");
        lab.sysctl("r0", &key, &seconds.to_string())
            .expect("connection tracking runs");
    }
    if case.own_server {
        serve(&mut lab);
    }
    let document = measure(&lab, &case.longest);
    let path = &document["result"]["paths"][0];
    let lifetime = &path["binding_lifetime"];
    let shown = format!("{lifetime:#}\n{}", lab.describe());
    assert_eq!(lifetime["method"], *case.method, "{shown}");
    near(&lifetime["one_packet"], case.timeouts.0, &shown);
    near(&lifetime["two_way"], case.timeouts.1, &shown);
    assert_eq!(path["binding_lifetime_s"], lifetime["two_way"]);
    let interval = lifetime["keepalive_s"]["value"].as_f64().expect("a number");
    let shorter = f64::from(case.timeouts.0.min(case.timeouts.1));
    assert!(interval >= 1.0 && interval * 2.0 < shorter, "{shown}");
    assert!(
        lifetime["sockets"].as_u64().is_some_and(|n| n < 20),
        "{shown}"
    );
    if case.interrupted {
        cut_short(&lab, case);
    }
}

/// A run that ends before its time says what is known by then, and nothing else.
fn cut_short(lab: &Lab, case: &Case) {
    let output = run(lab, &["--jsonl", "--lifetime", "1800", "--timeout", "7"]);
    let lines: Vec<Value> = String::from_utf8_lossy(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let (document, events) = lines.split_last().expect("there is a document");
    super::schema::assert_valid(document);
    events.iter().for_each(super::schema::assert_valid_event);
    let is_alive =
        |e: &&Value| e["event"] == "lifetime" && e["alive"] == true && e["flow"] == "one-packet";
    assert!(events.iter().any(|e| is_alive(&e)), "{document:#}");
    let lifetime = &document["result"]["paths"][0]["binding_lifetime"];
    for (kind, truth) in [
        ("one_packet", case.timeouts.0),
        ("two_way", case.timeouts.1),
    ] {
        let fact = &lifetime[kind];
        assert_eq!(fact["status"], "inconclusive", "{lifetime:#}");
        assert_eq!(fact["reason"], "timeout", "{lifetime:#}");
        let detail = fact["detail"].as_str().expect("it says more");
        let least = detail.split_once("at least ").map_or("0", |(_, rest)| rest);
        let least: f64 = least.trim_end_matches(" s").parse().expect("a number");
        assert!(least <= f64::from(truth), "{detail}");
    }
}

/// True, and within 15 % at either end.
fn near(fact: &Value, truth: u32, shown: &str) {
    let truth = f64::from(truth);
    let bound = |key: &str| {
        fact["value"][key]
            .as_f64()
            .unwrap_or_else(|| panic!("no {key}: {shown}"))
    };
    let (least, most) = (bound("at_least"), bound("at_most"));
    // The kernel counts in ticks of up to 10 ms.
    assert!(
        least <= truth + 0.02 && truth - 0.02 <= most,
        "{truth} s: {shown}"
    );
    assert!(
        least >= truth * 0.85 && most <= truth * 1.15,
        "{truth} s: {shown}"
    );
}

fn serve(lab: &mut Lab) {
    let mut command = program::within(lab, "srv", env!("CARGO_BIN_EXE_rtcdiag"));
    command.args(["serve", "-q", "--listen", "127.0.0.1:0"]);
    command.args(["--stun", "203.0.113.10", "--stun-alternate", "203.0.113.11"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    lab.adopt(command.spawn().expect("ip netns exec starts"));
    for _ in 0..500 {
        let output = program::within(lab, "srv", "ss").arg("-lunH").output();
        let output = output.expect("ss starts");
        if String::from_utf8_lossy(&output.stdout).contains("203.0.113.11:3479") {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the server does not listen");
}

fn measure(lab: &Lab, longest: &str) -> Value {
    let output = run(lab, &["--json", "--lifetime", longest]);
    let document = serde_json::from_slice(&output).expect("one document");
    super::schema::assert_valid(&document);
    document
}

/// What it writes on stdout.
fn run(lab: &Lab, args: &[&str]) -> Vec<u8> {
    let mut command = program::nat(lab, &["-4", "-s", "stun:203.0.113.10"]);
    command.args(args);
    let output = assert_cmd::Command::from_std(command)
        .timeout(HANGS_AFTER)
        .output()
        .expect("ip netns exec starts");
    output.stdout
}
