//! Candidate lines between rtcdiag and another implementation of ICE, aioice: what one writes, the other reads, and both
//! mean the same; and sessions of the two with each other. `tests/netns` has the same with real servers behind a real NAT.
//!
//! It needs `python3` with its `venv` module, and aioice from `PyPI` in `target/interop-venv`, which the tests make if it is
//! not there. Without them a test prints `SKIPPED`; with `RTCDIAG_REQUIRE_TOOLS=1` it fails.

#![allow(clippy::disallowed_methods)] // a hang is noticed by the clock

mod brokers;
mod coturn;
mod pair;
mod quota;
#[path = "../support/mod.rs"]
mod support;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::Command;

use rtcdiag::proto::ice::candidate::{self, Candidate, CandidateType, Origin};
use rtcdiag::proto::stun::uri::Transport;
use serde_json::json;
use strum::VariantArray as _;
use support::{aioice, program};

/// Addresses of all shapes that have a form of their own in text.
fn addresses() -> Vec<SocketAddr> {
    let texts = [
        "192.0.2.1:1",
        "198.51.100.255:65535",
        "127.0.0.1:5000",
        "[2001:db8::1]:5000",
        "[2001:db8:1:2:3:4:5:6]:50000",
        "[2001:db8:0:1::]:9",
        "[::1]:5000",
        "[fe80::1]:5000",
        "[64:ff9b::192.0.2.1]:5000",
    ];
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

#[test]
fn aioice_reads_what_we_write() {
    let Some(python) = aioice::python() else {
        return;
    };
    let mut ours = Vec::new();
    // aioice does not take peer-reflexive candidates from a peer: nobody signals them.
    for kind in CandidateType::VARIANTS
        .iter()
        .copied()
        .filter(|k| *k != CandidateType::Prflx)
    {
        for (index, address) in addresses().into_iter().enumerate() {
            let related = addresses()[(index + 1) % addresses().len()];
            let transport = (kind == CandidateType::Relay).then_some(Transport::Tls);
            let origin = Origin {
                base: index,
                relay_transport: transport,
                ..Origin::default()
            };
            let server = (kind != CandidateType::Host).then_some(related.ip());
            ours.push(Candidate {
                foundation: candidate::foundation(kind, address.ip(), server, transport),
                component: 1,
                priority: candidate::priority(kind, origin.local_preference(kind), 1),
                address,
                kind,
                related: (kind != CandidateType::Host).then_some(related),
            });
        }
    }
    let lines: Vec<String> = ours.iter().map(ToString::to_string).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for (theirs, ours) in aioice::read(python, &lines).iter().zip(&ours) {
        aioice::assert_same(theirs, ours);
    }
}

#[test]
fn we_read_what_aioice_writes() {
    let Some(python) = aioice::python() else {
        return;
    };
    let mut written = Vec::new();
    for &kind in CandidateType::VARIANTS {
        for (index, address) in addresses().into_iter().enumerate() {
            let mut one = json!({
                "foundation": "6815297761",
                "component": index + 1,
                "transport": "udp",
                "priority": 659_136 + index,
                "host": address.ip(),
                "port": address.port(),
                "type": kind.name(),
            });
            if kind != CandidateType::Host {
                one["related_address"] = json!(Ipv6Addr::LOCALHOST);
                one["related_port"] = json!(index);
            }
            written.push(one);
        }
    }
    let answers = aioice::ask(Command::new(python), &json!({"write": written}));
    let theirs = answers["write"].as_array().expect("a list");
    assert_eq!(theirs.len(), written.len());
    for one in theirs {
        aioice::take(one);
    }
}

/// What aioice finds on this machine without asking anybody.
#[test]
fn we_read_what_aioice_gathers() {
    let Some(python) = aioice::python() else {
        return;
    };
    let answers = aioice::ask(Command::new(python), &json!({"gather": {}}));
    for theirs in answers["gather"].as_array().expect("a list") {
        let ours = aioice::take(theirs);
        assert_eq!(ours.kind, CandidateType::Host);
        assert_eq!(
            ours.priority,
            candidate::priority(CandidateType::Host, u16::MAX, 1)
        );
    }
}

#[test]
fn both_compute_the_same_priorities() {
    let Some(python) = aioice::python() else {
        return;
    };
    let mut asked = Vec::new();
    for &kind in CandidateType::VARIANTS {
        for component in [1, 2, 256] {
            for preference in [0, 1, 255, 256, 32_767, 65_534, 65_535] {
                asked.push((component, kind, preference));
            }
        }
    }
    let question: Vec<_> = asked
        .iter()
        .map(|(c, k, p)| json!([c, k.name(), p]))
        .collect();
    let answers = aioice::ask(Command::new(python), &json!({"priorities": question}));
    let theirs = answers["priorities"].as_array().expect("a list");
    assert_eq!(theirs.len(), asked.len());
    for ((component, kind, preference), theirs) in asked.into_iter().zip(theirs) {
        let ours = candidate::priority(kind, preference, component);
        assert_eq!(
            *theirs, ours,
            "{kind}, component {component}, preference {preference}"
        );
    }
}

/// The lines of `rtcdiag gather --json` for loopback servers of both families.
#[test]
fn aioice_reads_what_gather_prints() {
    let Some(python) = aioice::python() else {
        return;
    };
    let on = |ip: IpAddr| {
        let config = crate::support::turn_server::TurnConfig::default();
        crate::support::turn_server::TurnServer::start_all(config, ip, None)
            .expect("loopback has ports")
    };
    let servers = [on([127, 0, 0, 1].into()), on(Ipv6Addr::LOCALHOST.into())];
    let uris = servers.each_ref().map(program::udp);
    let run = program::json(program::program(&[
        "gather", "-s", &uris[0], "-s", &uris[1],
    ]));
    run.assert_code(program::GOOD);
    let reports = run.list("candidates");
    let lines: Vec<&str> = reports.iter().filter_map(|c| c["sdp"].as_str()).collect();
    assert_eq!(lines.len(), reports.len());
    for kind in ["host", "relay"] {
        assert!(run.candidates(kind).len() >= 2, "{:#}", run.document);
    }
    for (theirs, report) in aioice::read(python, &lines).iter().zip(reports) {
        for field in [
            "foundation",
            "component",
            "transport",
            "priority",
            "address",
            "port",
            "type",
            "related_address",
            "related_port",
        ] {
            assert_eq!(theirs[field], report[field], "{field} of {}", report["sdp"]);
        }
    }
}
