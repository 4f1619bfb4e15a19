//! Hosts with several interfaces, all of them tested: `--all-interfaces`.

use std::process::Output;

use serde_json::Value;

use super::data::Rules;
use super::lab::{Lab, Plan};
use super::{program, schema};

const BASIC: &[&str] = &["-s", "stun:203.0.113.10"];

fn run(lab: &Lab, args: &[&str]) -> Output {
    program::nat(lab, &[BASIC, args].concat())
        .output()
        .expect("ip netns exec starts")
}

fn document(lab: &Lab, args: &[&str]) -> Value {
    let output = run(lab, &[&["--json"], args].concat());
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        panic!("{error}: {stderr}");
    });
    schema::assert_valid(&document);
    document
}

fn paths(document: &Value) -> &[Value] {
    let paths = document["result"]["paths"].as_array();
    paths.map_or(&[], Vec::as_slice)
}

fn path<'a>(document: &'a Value, interface: &str) -> &'a Value {
    let found = paths(document).iter().find(|p| p["interface"] == interface);
    found.unwrap_or_else(|| panic!("no path over {interface}: {document:#}"))
}

fn finding<'a>(document: &'a Value, code: &str) -> Option<&'a str> {
    let findings = document["findings"].as_array().expect("a list");
    let found = findings.iter().find(|f| f["code"] == code)?;
    found["message"].as_str()
}

fn names(document: &Value) -> Vec<&str> {
    let names = paths(document).iter().map(|p| p["interface"].as_str());
    names.flatten().collect()
}

/// Each interface is a path of its own, with its own truth; a dead one holds up nobody, and what is left out is named.
pub fn all_at_once() {
    let lab = Lab::build(&Plan::named("all_interfaces"));
    let document = document(&lab, &["--all-interfaces"]);
    assert_eq!(document["outcome"], "good", "{document:#}");
    assert_eq!(names(&document), ["eth0", "eth1", "eth2", "wg0"]);
    for (interface, default, nat, mapping, address) in [
        ("eth0", true, true, "endpoint-independent", "203.0.113.1:"),
        (
            "eth1",
            false,
            false,
            "endpoint-independent",
            "198.51.100.2:",
        ),
        (
            "wg0",
            false,
            true,
            "address-and-port-dependent",
            "203.0.113.1:",
        ),
    ] {
        let path = path(&document, interface);
        assert_eq!(path["default_route"], default, "{interface}");
        assert_eq!(path["udp"]["value"], "open", "{interface}");
        assert_eq!(path["nat"]["value"], nat, "{interface}: {path:#}");
        assert_eq!(path["mapping"]["value"], mapping, "{interface}: {path:#}");
        assert!(
            path["filtering"]["value"].is_string(),
            "{interface}: {path:#}"
        );
        let seen = path["reflexive_addresses"][0].as_str().expect("text");
        assert!(seen.starts_with(address), "{interface}: {seen}");
    }
    assert_eq!(path(&document, "wg0")["interface_kind"], "vpn");
    let dead = path(&document, "eth2");
    assert_eq!(dead["udp"]["status"], "inconclusive", "{dead:#}");
    let left_out = finding(&document, "interfaces-left-out").expect("two are");
    assert!(
        left_out.contains("docker0") && left_out.contains("eth3"),
        "{left_out}"
    );
    assert!(finding(&document, "timeout").is_none(), "{document:#}");
    let silent = finding(&document, "path-silent").expect("eth2 is");
    assert!(silent.starts_with("eth2: "), "{silent}");
    // Every row and observation says which interface it is of.
    let servers = document["result"]["servers"].as_array().expect("rows");
    let over: Vec<&Value> = servers.iter().map(|s| &s["interface"]).collect();
    assert_eq!(over, ["eth0", "eth1", "eth2", "wg0"]);
    let observations = document["result"]["observations"].as_array().expect("rows");
    assert!(observations.iter().all(|o| o["interface"].is_string()));
    // Transaction IDs and the order of sockets must not be the same on two interfaces.
    let summary = document["summary"].as_str().expect("text");
    assert!(summary.contains("on eth0 (the default route)"), "{summary}");
    assert!(
        summary.contains("eth2 IPv4: no answer over UDP"),
        "{summary}"
    );
}

pub fn text_of_all() {
    let lab = Lab::build(&Plan::named("all_interfaces"));
    let output = run(&lab, &["--all-interfaces", "-v"]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!text.contains('\u{1b}'), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for part in [
        "good: eth0 IPv4 NAT (port-restricted cone); eth1 IPv4 no NAT",
        "default route",
        "Servers, over wg0",
        "endpoint-indep.",
    ] {
        assert!(text.contains(part), "no '{part}' in {text}");
    }
}

/// A wish has to hold on each path over which UDP works, and the one that does not is named.
pub fn expectations() {
    let lab = Lab::build(&Plan::named("all_interfaces"));
    let wish = [
        "--all-interfaces",
        "--expect",
        "mapping=endpoint-independent",
    ];
    let document = document(&lab, &wish);
    assert_eq!(document["outcome"], "bad", "{document:#}");
    let missed = finding(&document, "expectation-not-met").expect("wg0 does not");
    assert!(missed.contains("over IPv4 on wg0"), "{missed}");
    let all = document["findings"].to_string();
    assert_eq!(all.matches("expectation-not-met").count(), 1, "{all}");
}

/// Where the default route leads into a VPN, the verdict is about its exit, and that is said.
pub fn default_route_by_vpn() {
    let lab = Lab::build(&Plan::named("home_and_vpn"));
    let by_default = document(&lab, &[]);
    assert_eq!(names(&by_default), ["wg0"]);
    assert_eq!(paths(&by_default)[0]["default_route"], true);
    let said = finding(&by_default, "default-route-vpn").expect("it is one");
    assert!(
        said.contains("wg0") && said.contains("VPN's exit"),
        "{said}"
    );
    let chosen = document(&lab, &["--interface", "eth0"]);
    assert_eq!(paths(&chosen)[0]["default_route"], false);
    assert!(finding(&chosen, "default-route-vpn").is_none());
    let said = finding(&chosen, "not-default-route").expect("it is not");
    assert!(said.contains("eth0"), "{said}");
    let all = document(&lab, &["--all-interfaces"]);
    assert_eq!(names(&all), ["wg0", "eth0"]);
    assert_eq!(
        path(&all, "eth0")["mapping"]["value"],
        "endpoint-independent"
    );
    assert!(finding(&all, "default-route-vpn").is_some());
    assert!(finding(&all, "not-default-route").is_none());
}

/// A firewall of the host lets in whatever the host has sent to. Were one path to visit the server's other address while the
/// other one still tests filtering, that one would find the door open.
pub fn firewall_of_the_whole_host() {
    let lab = Lab::build(&Plan::named("two_behind_firewall"));
    for _ in 0..3 {
        let document = document(&lab, &["--all-interfaces"]);
        for interface in ["eth0", "eth1"] {
            let filtering = &path(&document, interface)["filtering"];
            assert_eq!(
                filtering["value"], "address-dependent",
                "{interface}: {document:#}"
            );
        }
        // What the run before has opened would spoil the next one.
        let firewall = Rules::named("host-firewall-by-address");
        lab.rules("client", &["flush ruleset\n", firewall.as_ref()])
            .expect("the rules are set anew");
    }
}

/// Each path has its sockets. Where the system gives no more, that is said, and the others are tested.
pub fn too_few_sockets() {
    let lab = Lab::build(&Plan::named("all_interfaces"));
    let mut command = std::process::Command::new("sh");
    let program = program::nat(&lab, &[BASIC, &["--all-interfaces", "--json"]].concat());
    let words: Vec<&std::ffi::OsStr> = std::iter::once(program.get_program())
        .chain(program.get_args())
        .collect();
    let output = command
        .args(["-c", "ulimit -n 70; exec \"$@\"", "sh"])
        .args(words)
        .env("HOME", lab.scratch())
        .output()
        .expect("sh starts");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    schema::assert_valid(&document);
    let said = finding(&document, "interface-without-way").expect("some have none");
    assert!(said.contains("no more sockets"), "{said}");
    assert_eq!(
        path(&document, "eth0")["udp"]["value"],
        "open",
        "{document:#}"
    );
    assert!(finding(&document, "timeout").is_none(), "{document:#}");
}

/// A host without any interface that could be tested says so, as without the flag.
pub fn nothing_to_test() {
    let lab = Lab::build(&Plan::named("down"));
    let output = run(&lab, &["--all-interfaces", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    schema::assert_valid(&document);
    assert!(finding(&document, "interfaces-left-out").is_some_and(|m| m.contains("eth0")));
    assert!(finding(&document, "no-network").is_some(), "{document:#}");
}
