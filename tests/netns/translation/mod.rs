//! IPv4 over IPv6: a host without IPv4 behind a real NAT64 (tayga with a masquerade behind it), and 464XLAT.
//!
//! tayga refuses documentation addresses behind the well-known prefix, as non-global ones (RFC 6052 3.1), so the networks here
//! have prefixes of their own; the well-known one is in `nat64`.

mod dns;
mod tayga;

use std::process::Output;

use serde_json::Value;

use super::lab::{Lab, Plan};
use super::program;
use tayga::{Pool, Tayga};

pub use dns::{ROLE, serve as serve_names};

const SERVER: &str = "stun:203.0.113.10";
const NATIVE_SERVER: &str = "stun:[2001:db8:113::10]";
/// A lab of this name, of which the router also is a NAT64 by this prefix.
fn network(name: &str, prefix: &str) -> Lab {
    let mut lab = Lab::build(&Plan::named(name));
    let nat64 = Tayga {
        role: "r0",
        device: "nat64",
        prefix,
        own: ("198.51.100.1", "2001:db8:2::1"),
        pool: Pool::Dynamic("198.51.100.0/24"),
    };
    tayga::start(&mut lab, &nat64).expect("tayga starts");
    lab
}

/// Runs `rtcdiag nat --json` in the client's namespace with its own name server, if it has one.
fn diagnose(lab: &Lab, args: &[&str]) -> (Value, Output) {
    diagnose_by("nat", lab, args)
}

/// The same with another command.
fn diagnose_by(command_name: &str, lab: &Lab, args: &[&str]) -> (Value, Output) {
    let resolv = lab.scratch().join("resolv.conf");
    let script = if resolv.exists() {
        // `ip netns exec` has given the process mounts of its own.
        format!(
            "mount --bind {} /etc/resolv.conf && exec \"$@\"",
            resolv.display()
        )
    } else {
        "exec \"$@\"".to_owned()
    };
    let mut command = program::within(lab, "client", "sh");
    command
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_rtcdiag")])
        .args([command_name, "--json"])
        .args(args);
    let output = assert_cmd::Command::from_std(command)
        .timeout(super::HANGS_AFTER)
        .output()
        .expect("ip netns exec starts");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}\n{}", String::from_utf8_lossy(&output.stderr));
    });
    super::schema::assert_valid(&report);
    (report, output)
}

/// The one path of this family that goes through a NAT64 of which this is said, or natively where nothing is.
fn path<'a>(report: &'a Value, family: &str, nat64: &Value) -> &'a Value {
    let paths = report["result"]["paths"].as_array().expect("paths");
    let mut found = paths
        .iter()
        .filter(|p| p["family"] == family && p["nat64_prefix"]["value"] == *nat64);
    let path = found.next();
    assert!(path.is_some() && found.next().is_none(), "{report:#}");
    path.expect("one")
}

fn assert_facts(path: &Value, wanted: &[(&str, Value)]) {
    for (fact, value) in wanted {
        assert_eq!(path[fact]["value"], *value, "{fact}: {path:#}");
    }
}

fn has_finding(report: &Value, code: &str) -> bool {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().any(|f| f["code"] == code)
}

fn server<'a>(report: &'a Value, address: &str) -> &'a Value {
    let servers = report["result"]["servers"].as_array().expect("servers");
    let found = servers.iter().find(|s| s["address"] == address);
    found.unwrap_or_else(|| panic!("no server {address}: {report:#}"))
}

/// What is true of the masquerade behind tayga.
fn masqueraded() -> Vec<(&'static str, Value)> {
    vec![
        ("udp", "open".into()),
        ("nat", true.into()),
        ("mapping", "endpoint-independent".into()),
        ("filtering", "address-and-port-dependent".into()),
        ("port_preservation", true.into()),
        ("port_assignment", "preserved".into()),
        ("hairpinning", false.into()),
    ]
}

fn assert_nat64(report: &Value, prefix: &str, synthesized: &str) {
    let path = path(report, "ipv6", &prefix.into());
    assert_facts(path, &masqueraded());
    assert_eq!(path["legacy_name"], "port-restricted-cone");
    let seen = path["reflexive_addresses"][0].as_str().expect("an address");
    assert!(seen.starts_with("203.0.113.1:"), "{seen}");
    assert!(has_finding(report, "nat64"), "{report:#}");
    let row = server(report, &format!("[{synthesized}]:3478"));
    assert_eq!(row["stands_for"], "203.0.113.10:3478");
    assert_eq!(row["behavior_discovery"], "supported", "{row:#}");
    assert_eq!(row["other_address"], "203.0.113.11:3479");
}

/// The prefix given: the literal and OTHER-ADDRESS are synthesized, with prefixes of several lengths.
pub fn prefix_given() {
    for (prefix, synthesized) in [
        ("2001:db8:64::/96", "2001:db8:64::cb00:710a"),
        ("2001:db8:64::/64", "2001:db8:64:0:cb:71:a00:0"),
        ("2001:db8:64::/48", "2001:db8:64:cb00:71:a00::"),
        ("2001:db9::/32", "2001:db9:cb00:710a::"),
    ] {
        let lab = network("nat64", prefix);
        for args in [
            &["-s", SERVER, "--nat64-prefix", prefix][..],
            &["-s", SERVER, "--nat64-prefix", prefix, "-6"],
        ] {
            let (report, output) = diagnose(&lab, args);
            assert_eq!(output.status.code(), Some(0), "{report:#}");
            assert_nat64(&report, prefix, synthesized);
            assert_eq!(report["result"]["paths"].as_array().map(Vec::len), Some(1));
        }
    }
}

/// The prefix comes from DNS (RFC 7050), which is asked once for each record.
pub fn prefix_discovered() {
    let mut lab = network("nat64", "2001:db8:64::/96");
    dns::start(&mut lab, "2001:db8:64::c000:aa 2001:db8:64::c000:ab").expect("it starts");
    for args in [
        &["-s", SERVER][..],
        &["-s", SERVER, "-6"],
        &["-s", "stun:[2001:db8:64::cb00:710a]"],
    ] {
        let before = dns::questions(&lab).len();
        let (report, output) = diagnose(&lab, args);
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        assert_nat64(&report, "2001:db8:64::/96", "2001:db8:64::cb00:710a");
        let mut asked = dns::questions(&lab).split_off(before);
        asked.sort();
        assert_eq!(asked, ["ipv4only.arpa 1", "ipv4only.arpa 28"], "{args:?}");
    }
    // Over IPv4 alone nobody needs it.
    let before = dns::questions(&lab).len();
    let (report, _) = diagnose(&lab, &["-s", SERVER, "-4"]);
    assert_eq!(dns::questions(&lab).len(), before);
    assert!(has_finding(&report, "no-network"), "{report:#}");
}

/// Native IPv6 and NAT64 are two paths, each with its own facts.
pub fn beside_native_ipv6() {
    let mut lab = network("nat64", "2001:db8:64::/96");
    dns::start(&mut lab, "2001:db8:64::c000:aa").expect("it starts");
    let (report, output) = diagnose(&lab, &["-s", SERVER, "-s", NATIVE_SERVER]);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_nat64(&report, "2001:db8:64::/96", "2001:db8:64::cb00:710a");
    let native = path(&report, "ipv6", &Value::Null);
    assert_facts(
        native,
        &[
            ("nat", false.into()),
            ("mapping", "endpoint-independent".into()),
            ("filtering", "endpoint-independent".into()),
        ],
    );
    assert_eq!(native["legacy_name"], "open-internet");
    assert_eq!(native["nat64_prefix"]["status"], "not-tested");
    assert_eq!(
        server(&report, "[2001:db8:113::10]:3478")["stands_for"],
        Value::Null
    );
}

/// A host with IPv4 asks nobody for a prefix; one that is given is tested beside it.
pub fn beside_native_ipv4() {
    let mut lab = network("nat64_beside_ipv4", "2001:db8:64::/96");
    dns::start(&mut lab, "2001:db8:64::c000:aa").expect("it starts");
    let (report, output) = diagnose(&lab, &["-s", SERVER, "-s", NATIVE_SERVER]);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_facts(path(&report, "ipv4", &Value::Null), &masqueraded());
    assert_eq!(report["result"]["paths"].as_array().map(Vec::len), Some(2));
    let empty: Vec<String> = Vec::new();
    assert_eq!(dns::questions(&lab), empty);
    let given = ["-s", SERVER, "--nat64-prefix", "2001:db8:64::/96"];
    let (report, output) = diagnose(&lab, &given);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_facts(path(&report, "ipv4", &Value::Null), &masqueraded());
    assert_nat64(&report, "2001:db8:64::/96", "2001:db8:64::cb00:710a");
    assert_eq!(dns::questions(&lab), empty);
}

/// Without the prefix it is said what is missing, and nothing else is made of it.
pub fn prefix_not_known() {
    let mut lab = network("nat64", "2001:db8:64::/96");
    // A name server without DNS64.
    dns::start(&mut lab, "").expect("it starts");
    let (report, output) = diagnose(&lab, &["-s", SERVER]);
    assert_eq!(output.status.code(), Some(2), "{report:#}");
    assert!(has_finding(&report, "nat64-prefix-not-found"), "{report:#}");
    let (report, output) = diagnose(&lab, &["-s", SERVER, "-6"]);
    assert_eq!(output.status.code(), Some(2), "{report:#}");
    let error = &report["result"]["servers"][0]["error"];
    assert_eq!(error["code"], "wrong-family", "{report:#}");
    // Who names a synthesized address has a NAT64. coturn says what its own address is, which shows the
    // prefix, and its other address answers through it: that proves it.
    let (report, output) = diagnose(&lab, &["-s", "stun:[2001:db8:64::cb00:710a]"]);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_facts(
        path(&report, "ipv6", &"2001:db8:64::/96".into()),
        &masqueraded(),
    );
    assert!(has_finding(&report, "nat64"), "{report:#}");
    assert!(!has_finding(&report, "nat64-prefix-unknown"), "{report:#}");
    let row = server(&report, "[2001:db8:64::cb00:710a]:3478");
    assert_eq!(row["behavior_discovery"], "supported", "{row:#}");
}

/// Name servers that say nothing hold up servers that need no prefix for a moment only, and are no proof of anything.
pub fn name_servers_silent() {
    let mut lab = network("nat64", "2001:db8:64::/96");
    dns::start(&mut lab, dns::SILENT).expect("it starts");
    let (report, output) = diagnose(&lab, &["-s", SERVER, "-s", NATIVE_SERVER]);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert!(has_finding(&report, "nat64-prefix-not-told"), "{report:#}");
    assert!(
        !has_finding(&report, "nat64-prefix-not-found"),
        "{report:#}"
    );
    let native = path(&report, "ipv6", &Value::Null);
    assert_eq!(native["legacy_name"], "open-internet");
    assert_eq!(native["nat64_prefix"]["reason"], "no-response");
    assert_eq!(
        server(&report, "203.0.113.10:3478")["error"]["code"],
        "unreachable"
    );
}

/// Where the name of the rendezvous cannot be resolved, nobody knows whether the other side came.
pub fn rendezvous_without_name_servers() {
    let mut lab = network("nat64", "2001:db8:64::/96");
    dns::start(&mut lab, dns::SILENT).expect("it starts");
    let args = [
        "4HDM-J996-404S-586A-A",
        "--rendezvous",
        "ws://rendezvous.example",
        "--no-nat",
        "-s",
        NATIVE_SERVER,
    ];
    let (report, output) = diagnose_by("pair", &lab, &[&args[..], &["--timeout", "2"]].concat());
    assert_eq!(output.status.code(), Some(2), "{report:#}");
    let summary = report["summary"].as_str().expect("text");
    let says = "the name servers have not answered for rendezvous.example";
    assert!(summary.contains(says), "{summary}");
    assert!(!summary.contains("never came"), "{summary}");
    // With more time, the name is given up before the time limit.
    let (report, output) = diagnose_by("pair", &lab, &[&args[..], &["--timeout", "60"]].concat());
    assert_eq!(output.status.code(), Some(2), "{report:#}");
    let summary = report["summary"].as_str().expect("text");
    assert!(summary.contains("name servers are silent"), "{summary}");
}

/// A wrong prefix is not a blocked network.
pub fn prefix_wrong() {
    let lab = network("nat64", "2001:db8:64::/96");
    let given = [
        "-s",
        SERVER,
        "-s",
        NATIVE_SERVER,
        "--nat64-prefix",
        "2001:db8:65::/96",
    ];
    let (report, output) = diagnose(&lab, &given);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert!(has_finding(&report, "nat64-silent"), "{report:#}");
    assert!(!has_finding(&report, "udp-blocked"), "{report:#}");
    let paths = report["result"]["paths"].as_array().expect("paths");
    let silent = paths
        .iter()
        .find(|p| p["nat64_prefix"]["status"] == "inconclusive");
    let silent = silent.unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(silent["udp"]["status"], "inconclusive");
    let native = paths
        .iter()
        .find(|p| p["nat64_prefix"]["status"] == "not-tested");
    let native = native.unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(native["legacy_name"], "open-internet");
}

/// A prefix of addresses that are native ones: nothing translates there.
pub fn prefix_of_native_addresses() {
    let lab = Lab::build(&Plan::named("native_prefix"));
    let given = ["-s", SERVER, "--nat64-prefix", "2001:db8:66::/96"];
    let (report, _) = diagnose(&lab, &given);
    assert!(has_finding(&report, "nat64-prefix-wrong"), "{report:#}");
    assert!(!has_finding(&report, "nat64"), "{report:#}");
    let path = path(&report, "ipv6", &Value::Null);
    assert_eq!(
        path["nat64_prefix"]["reason"], "contradiction",
        "{report:#}"
    );
    assert_facts(path, &[("nat", false.into())]);
}

/// 464XLAT (RFC 6877): IPv4 over IPv6 from a host that seems to have both.
pub fn carried_over_ipv6() {
    for (device, evidence) in [("clat", "the interface clat"), ("xlat0", "192.0.0.0/29")] {
        let mut lab = network("nat64", "2001:db8:64::/96");
        let clat = Tayga {
            role: "client",
            device,
            prefix: "2001:db8:64::/96",
            own: ("192.0.0.2", "2001:db8:c::2"),
            pool: Pool::One("192.0.0.1", "2001:db8:c::1"),
        };
        tayga::start(&mut lab, &clat).expect("tayga starts");
        lab.sysctl("client", "net.ipv6.conf.all.forwarding", "1")
            .expect("a key");
        lab.sysctl("client", "net.ipv4.ip_forward", "1")
            .expect("a key");
        let way_back = "-6 route add 2001:db8:c::/64 via 2001:db8:1::2";
        lab.ip("r0", way_back).expect("a route");
        let (report, output) = diagnose(&lab, &["-s", SERVER]);
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        let path = path(&report, "ipv4", &Value::Null);
        assert_eq!(path["local_address"], "192.0.0.1");
        assert_eq!(path["interface"], device);
        assert_facts(path, &masqueraded());
        assert_eq!(path["double_nat"]["status"], "not-tested");
        let findings = report["findings"].as_array().expect("findings");
        let found = findings.iter().find(|f| f["code"] == "464xlat");
        let message = found.map(|f| f["message"].to_string()).unwrap_or_default();
        assert!(message.contains(evidence), "{report:#}");
        assert!(!report.to_string().contains("double NAT"), "{report:#}");
    }
}

/// Behind a NAT66 as well, the two ways have nothing to do with each other.
pub fn behind_a_nat66() {
    let lab = network("nat64_beside_nat66", "2001:db8:64::/96");
    let given = [
        "-s",
        SERVER,
        "-s",
        NATIVE_SERVER,
        "--nat64-prefix",
        "2001:db8:64::/96",
    ];
    let (report, output) = diagnose(&lab, &given);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    for nat64 in [Value::Null, "2001:db8:64::/96".into()] {
        let path = path(&report, "ipv6", &nat64);
        assert_facts(path, &[("mapping", "address-and-port-dependent".into())]);
        assert_eq!(path["legacy_name"], "symmetric");
    }
}
