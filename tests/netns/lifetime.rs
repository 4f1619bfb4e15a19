//! How long bindings live, against what the kernel's connection tracking was told. The truth is a setting: an entry that has
//! expired is not matched any more, even before it is removed.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::filters;
use super::lab::{Lab, Plan, Router, ServerKind};
use super::nats;
use super::scenarios::{POOL_ADDRESSES, behind, private4, public4};

/// Ends a run that hangs.
const HANGS_AFTER: Duration = Duration::from_secs(200);

/// Another address of the pool for each connection, so that RESPONSE-PORT leads nowhere.
const RANDOM_POOL: &str = r#"
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "wan" snat to numgen random mod 4 map { 0 : 203.0.113.20, 1 : 203.0.113.21, 2 : 203.0.113.22, 3 : 203.0.113.23 }
  }
}
"#;

/// A lab, what its router forgets after, and how it is to be found out.
pub struct Case {
    pub routers: &'static [Router],
    pub ip: &'static [(&'static str, &'static str)],
    /// rtcdiag's own server in place of coturn.
    pub own_server: bool,
    /// `nf_conntrack_udp_timeout` and `nf_conntrack_udp_timeout_stream`, in seconds.
    pub timeouts: (u32, u32),
    pub longest: &'static str,
    /// Whether it is run once more and ended early.
    pub interrupted: bool,
    pub method: &'static str,
}

/// The usual home router, and a server that has RESPONSE-PORT.
pub const MASQUERADE: Case = Case {
    routers: &[private4(&[
        nats::MASQUERADE,
        filters::STATEFUL_FILTER,
        filters::NO_STRAYS,
    ])],
    ip: &[],
    own_server: false,
    timeouts: (5, 20),
    longest: "30",
    interrupted: false,
    method: "response-port",
};

/// No NAT, but a firewall that forgets: the same question.
pub const FIREWALL: Case = Case {
    routers: &[public4(&[filters::STATEFUL_FILTER])],
    ip: &[],
    own_server: false,
    timeouts: (5, 5),
    longest: "10",
    interrupted: true,
    method: "response-port",
};

/// A pool of addresses, where only a server that holds answers helps.
pub const POOL: Case = Case {
    routers: &[private4(&[RANDOM_POOL, filters::STATEFUL_FILTER])],
    ip: POOL_ADDRESSES,
    own_server: true,
    timeouts: (5, 12),
    longest: "15",
    interrupted: false,
    method: "delayed-answer",
};

/// Builds the lab, measures, and holds the result against the kernel's settings.
pub fn check(case: &Case) {
    let plan = Plan {
        ip: case.ip,
        server: if case.own_server {
            ServerKind::Turn(&[])
        } else {
            ServerKind::Coturn
        },
        ..behind(case.routers)
    };
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
    let document = measure(&lab, case.longest);
    let path = &document["result"]["paths"][0];
    let lifetime = &path["binding_lifetime"];
    let shown = format!("{lifetime:#}\n{}", lab.describe());
    assert_eq!(lifetime["method"], case.method, "{shown}");
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
    let namespace = lab.namespace("srv");
    let mut command = Command::new("ip");
    command.args([
        "netns",
        "exec",
        &namespace,
        env!("CARGO_BIN_EXE_rtcdiag"),
        "serve",
        "-q",
    ]);
    command.args(["--listen", "127.0.0.1:0", "--stun", "203.0.113.10"]);
    command.args(["--stun-alternate", "203.0.113.11"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    lab.adopt(command.spawn().expect("ip netns exec starts"));
    for _ in 0..500 {
        let output = Command::new("ip")
            .args(["netns", "exec", &namespace, "ss", "-lunH"])
            .output()
            .expect("ss starts");
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
    let mut command = assert_cmd::Command::new("ip");
    command
        .args(["netns", "exec", &lab.namespace("client")])
        .args([env!("CARGO_BIN_EXE_rtcdiag"), "nat", "-4"])
        .args(["-s", "stun:203.0.113.10"])
        .args(args);
    for (key, _) in
        std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("RTCDIAG_"))
    {
        command.env_remove(key);
    }
    let output = command
        .env("HOME", lab.scratch())
        .env("XDG_CONFIG_HOME", lab.scratch())
        .timeout(HANGS_AFTER)
        .output()
        .expect("ip netns exec starts");
    output.stdout
}
