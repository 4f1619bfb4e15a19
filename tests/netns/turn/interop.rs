//! Candidates of rtcdiag and of aioice in the same host, behind the same NAT, from the same server.

use std::process::Command;

use rtcdiag::proto::ice::candidate::CandidateType;
use serde_json::{Value, json};

use super::{Case, Login, Run, server, start};
use crate::lab::Lab;
use crate::{aioice, data};

const SAYS: &str =
    "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turn:[2001:db8:113::10]";

/// Each reads the lines of the other, and both find the same addresses.
pub fn check() {
    let Some(python) = aioice::python() else {
        return;
    };
    let case: Case = data::table("turn/healthy", "dual_stack");
    let lab = Lab::build(&case.plan());
    let ours = Run {
        args: SAYS.to_owned(),
        login: Login::Ann,
        says: Vec::new(),
        or: Vec::new(),
        alike: None,
    };
    let output = start(&lab, &ours);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let reports = document["result"]["candidates"].as_array().expect("a list");
    let lines: Vec<&str> = reports.iter().filter_map(|c| c["sdp"].as_str()).collect();
    let mut kinds: Vec<(&str, bool)> = Vec::new();
    for (theirs, report) in aioice::read(python, &lines).iter().zip(reports) {
        for field in FIELDS {
            assert_eq!(theirs[field], report[field], "{field} of {}", report["sdp"]);
        }
        let address = report["address"].as_str().unwrap_or_default();
        kinds.push((
            report["type"].as_str().unwrap_or_default(),
            address.contains(':'),
        ));
    }
    for kind in ["host", "srflx", "relay"] {
        for is_v6 in [false, true] {
            assert!(kinds.contains(&(kind, is_v6)), "{kind}: {document:#}");
        }
    }
    for transport in ["udp", "tcp"] {
        assert_same_addresses(&lab, python, transport, reports);
    }
}

const FIELDS: [&str; 9] = [
    "foundation",
    "component",
    "transport",
    "priority",
    "address",
    "port",
    "type",
    "related_address",
    "related_port",
];

/// aioice asks STUN and TURN servers over IPv4 alone.
fn assert_same_addresses(lab: &Lab, python: &std::path::Path, transport: &str, reports: &[Value]) {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", &lab.namespace("client")])
        .arg(python);
    let question = json!({"gather": {
        "stun_server": ["203.0.113.10", 3478],
        "turn_server": ["203.0.113.10", 3478],
        "turn_username": server::USER,
        "turn_password": server::PASSWORD,
        "turn_transport": transport,
    }});
    let answers = aioice::ask(command, &question);
    let theirs = answers["gather"].as_array().expect("a list");
    for one in theirs {
        let candidate = aioice::take(one);
        // Link-local addresses need a zone that no peer knows; rtcdiag leaves them out.
        let ip = candidate.address.ip();
        if matches!(ip, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            continue;
        }
        let same = reports.iter().any(|report| {
            report["type"] == candidate.kind.name() && report["address"] == ip.to_string()
        });
        assert!(same, "rtcdiag has no {candidate}");
    }
    for kind in [
        CandidateType::Host,
        CandidateType::Srflx,
        CandidateType::Relay,
    ] {
        let found = theirs.iter().any(|one| one["type"] == kind.name());
        assert!(found, "aioice has no {kind} over {transport}: {answers:#}");
    }
}
