//! What is worth knowing beside the candidates.

use std::net::IpAddr;

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::base::stage::Stage;
use rtcdiag::commands::gather::report::{
    CandidateReport, GatherResult, GatherServerReport, RedundantReport, RelayedReport, Status,
};
use rtcdiag::commands::gather::verdict::{Context, verdict};
use rtcdiag::proto::ice::candidate::{Candidate, CandidateType};
use rtcdiag::proto::stun::uri::Transport;

use crate::support::program::{BAD, GOOD, json, program, server, udp};
use crate::support::turn_server::TurnConfig;

#[test]
fn a_server_that_relays_for_everybody() {
    let server = server(TurnConfig {
        no_auth: true,
        ..TurnConfig::default()
    });
    let run = json(program(&["gather", "-s", &udp(&server)]));
    run.assert_code(GOOD);
    run.assert_finding("relay-without-credentials", "warning");
    let relayed = run.servers()[0]["relayed"].as_array().expect("a list");
    assert!(relayed.iter().all(|r| r["authenticated"] == false));
}

#[test]
fn allocated_is_not_relays() {
    for config in [
        TurnConfig {
            drop_relay: true,
            ..TurnConfig::default()
        },
        TurnConfig {
            half_duplex: true,
            ..TurnConfig::default()
        },
    ] {
        let server = server(config);
        let run = json(program(&["gather", "-4", "-s", &udp(&server)]));
        run.assert_code(BAD);
        run.assert_finding("relay-unreachable-from-here", "error");
        let relays = &run.servers()[0]["relayed"][0]["relays"];
        assert_eq!(relays["status"], "inconclusive");
        assert_eq!(relays["reason"], "no-response");
    }
}

#[test]
fn relayed_addresses_that_nobody_can_send_to() {
    for (ip, is_address) in [("0.0.0.0", false), ("10.1.2.3", true)] {
        let server = server(TurnConfig {
            relayed_address_override: Some(ip.parse().expect("an address")),
            ..TurnConfig::default()
        });
        let run = json(program(&["gather", "-4", "-s", &udp(&server)]));
        let relayed = &run.servers()[0]["relayed"][0];
        assert_ne!(relayed["relays"]["value"], true);
        if is_address {
            let address = relayed["address"].as_str().expect("text");
            assert!(address.starts_with(ip), "{address}");
        } else {
            assert_eq!(
                relayed["error"]["code"], "bad-relayed-address",
                "{relayed:#}"
            );
            let finding = run.assert_finding("bad-relayed-address", "error");
            assert!(finding["message"].to_string().contains(ip), "{finding:#}");
            assert!(run.candidates("relay").is_empty());
            run.assert_code(BAD);
        }
    }
}

#[test]
fn several_reflexive_addresses_of_one_base() {
    let servers = ["203.0.113.5:40000", "203.0.113.5:40001"].map(|mapped| {
        server(TurnConfig {
            mapped_address_override: Some(mapped.parse().expect("an address")),
            ..TurnConfig::default()
        })
    });
    let uris = servers.each_ref().map(|s| format!("stun:{}", s.address));
    let run = json(program(&["gather", "-s", &uris[0], "-s", &uris[1]]));
    run.assert_code(GOOD);
    let finding = run.assert_finding("several-reflexive-addresses", "warning");
    let message = finding["message"].as_str().expect("text");
    assert!(
        message.contains(":40000") && message.contains(":40001"),
        "{message}"
    );
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(super) fn relay_server(address: &str, relayed: &str) -> GatherServerReport {
    GatherServerReport {
        uri: "turn:turn.example.org:3478".to_owned(),
        address: Some(address.parse().expect("an address")),
        transport: Transport::Udp,
        local_address: Some(ip("192.168.1.5")),
        interface: Some("eth0".to_owned()),
        status: Status::Ok,
        stage: Stage::Relay,
        error: None,
        stages: Vec::new(),
        software: None,
        rtt_ms: None,
        elapsed_ms: Millis::default(),
        reflexive_address: None,
        relayed: vec![RelayedReport {
            family: Family::Ipv4,
            address: Some(relayed.parse().expect("an address")),
            lifetime_s: Some(600),
            relays: Fact::Determined(true),
            reachable: Fact::Determined(true),
            reachable_after_sending: Fact::not_tested(Reason::NotApplicable),
            authenticated: Some(true),
            lacks: None,
            odd_default: None,
            is_changed: false,
            comes_from: None,
            error: None,
        }],
        tls: None,
        realm: None,
        is_turn: true,
        round_trip: None,
        data_took: None,
        is_v4_mapped: false,
        is_default_route: true,
    }
}

pub(super) fn candidate(kind: CandidateType, address: &str, interface: &str) -> CandidateReport {
    let address = address.parse().expect("an address");
    let candidate = Candidate {
        foundation: "1".to_owned(),
        component: 1,
        priority: 1,
        address,
        kind,
        related: (kind != CandidateType::Host).then_some(address),
    };
    let mut report = CandidateReport::new(&candidate, address, Millis::default());
    report.interface = Some(interface.to_owned());
    report
}

pub(super) fn codes(result: &GatherResult, context: &Context) -> (Outcome, Vec<&'static str>) {
    let verdict = verdict(result, context);
    for finding in &verdict.findings {
        assert!(finding.hint.is_some(), "{finding:?}");
    }
    let codes = verdict.findings.iter().map(|f| f.code.name()).collect();
    (verdict.outcome, codes)
}

/// On loopback every address is private; the findings about a public server need one.
#[test]
fn a_private_relayed_address_of_a_public_server() {
    for (server, relayed, found) in [
        ("8.8.4.4:3478", "10.0.0.7:50000", true),
        ("8.8.4.4:3478", "100.64.3.7:50000", true),
        ("8.8.4.4:3478", "8.8.4.4:50000", false),
        ("192.168.1.2:3478", "192.168.1.2:50000", false),
    ] {
        let result = GatherResult {
            candidates: vec![
                candidate(CandidateType::Host, "192.168.1.5:1000", "eth0"),
                candidate(CandidateType::Srflx, "8.8.8.8:1000", "eth0"),
                candidate(CandidateType::Relay, relayed, "eth0"),
            ],
            servers: vec![relay_server(server, relayed)],
            ..GatherResult::default()
        };
        let (outcome, codes) = codes(&result, &Context::default());
        // One that nobody on the internet reaches is as bad as none.
        let expected = if found { Outcome::Bad } else { Outcome::Good };
        assert_eq!(outcome, expected, "{relayed} {codes:?}");
        let wanted = Context {
            expected: vec![CandidateType::Relay],
            ..Context::default()
        };
        assert_eq!(verdict(&result, &wanted).outcome, expected);
    }
}

/// That its address is another candidate's makes a relay no better.
#[test]
fn a_redundant_relay_through_which_nothing_passes_is_none() {
    let at = "203.0.113.9:3478";
    let mut server = relay_server(at, at);
    let relayed = &mut server.relayed[0];
    relayed.relays = Fact::inconclusive(Reason::NoResponse, "nothing came back");
    relayed.reachable = Fact::Determined(false);
    relayed.reachable_after_sending = Fact::Determined(false);
    relayed.authenticated = Some(false);
    server.relayed.push(server.relayed[0].clone());
    let result = GatherResult {
        candidates: vec![
            candidate(CandidateType::Host, "192.168.1.5:1000", "eth0"),
            candidate(CandidateType::Srflx, "203.0.113.5:1000", "eth0"),
            candidate(CandidateType::Relay, at, "eth0"),
        ],
        redundant: vec![RedundantReport {
            kind: CandidateType::Relay,
            address: ip("203.0.113.9"),
            port: 3478,
            base: at.parse().expect("an address"),
            server: Some(server.uri.clone()),
            same_as: CandidateType::Relay,
        }],
        servers: vec![server],
        ..GatherResult::default()
    };
    let wanted = Context {
        expected: vec![CandidateType::Relay],
        ..Context::default()
    };
    for context in [Context::default(), wanted] {
        let verdict = verdict(&result, &context);
        assert_eq!(verdict.outcome, Outcome::Bad, "{verdict:?}");
        assert!(
            !verdict.summary.contains("have a relay"),
            "{}",
            verdict.summary
        );
        let messages: Vec<&str> = verdict.findings.iter().map(|f| &*f.message).collect();
        let once: std::collections::BTreeSet<&str> = messages.iter().copied().collect();
        assert_eq!(once.len(), messages.len(), "{messages:?}");
    }
}

/// ICMP for other ports shows that UDP gets out. Beside several silent ports, of whose servers one runs, that is
/// not one blocked port.
#[test]
fn several_silent_ports_beside_refusals_are_blocked_udp() {
    let silent = |address: &str| {
        let mut server = relay_server(address, "203.0.113.9:50000");
        server.uri = format!("turn:{address}");
        server.relayed.clear();
        (server.status, server.stage) = (Status::Failed, Stage::Allocate);
        server.error = Some(ErrorReport::new(Code::PortSilent, "no answer").with_hint("look"));
        server
    };
    let mut over_tcp = relay_server("203.0.113.10:3478", "203.0.113.9:50000");
    over_tcp.transport = Transport::Tcp;
    let found = |servers: Vec<GatherServerReport>| {
        let result = GatherResult {
            candidates: vec![
                candidate(CandidateType::Host, "192.168.1.5:1000", "eth0"),
                candidate(CandidateType::Relay, "203.0.113.9:50000", "eth0"),
            ],
            servers,
            ..GatherResult::default()
        };
        codes(&result, &Context::default()).1
    };
    let first = silent("203.0.113.10:3478");
    let one = found(vec![first.clone(), over_tcp.clone()]);
    assert!(
        one.contains(&"port-silent") && !one.contains(&"udp-blocked"),
        "{one:?}"
    );
    let two = found(vec![first, silent("203.0.113.12:3488"), over_tcp]);
    assert!(
        two.contains(&"udp-blocked") && !two.contains(&"port-silent"),
        "{two:?}"
    );
}

#[test]
fn virtual_interfaces_and_ipv6_without_a_route() {
    let mut server = relay_server("[2600::1]:3478", "8.8.4.4:50000");
    server.status = Status::Failed;
    server.stage = Stage::Connect;
    server.error =
        Some(ErrorReport::new(Code::Unreachable, "no route to it").with_hint("route it"));
    let result = GatherResult {
        candidates: vec![
            candidate(CandidateType::Host, "192.168.1.5:1000", "eth0"),
            candidate(CandidateType::Host, "172.17.0.1:1000", "docker0"),
            candidate(CandidateType::Host, "10.8.0.2:1000", "tun0"),
            candidate(CandidateType::Host, "[2600::5]:1000", "eth0"),
            candidate(CandidateType::Srflx, "8.8.8.8:1000", "eth0"),
            candidate(CandidateType::Relay, "8.8.4.4:50000", "eth0"),
        ],
        servers: vec![server, relay_server("8.8.4.4:3478", "8.8.4.4:50000")],
        ..GatherResult::default()
    };
    let (outcome, codes) = codes(&result, &Context::default());
    assert_eq!(outcome, Outcome::Good);
    assert!(codes.contains(&"ipv6-without-route"), "{codes:?}");
    let count = codes.iter().filter(|c| **c == "virtual-interface").count();
    assert_eq!(count, 2);
}

#[test]
fn a_run_that_was_cut_short_is_not_bad() {
    let mut server = relay_server("8.8.4.4:3478", "8.8.4.4:50000");
    server.status = Status::Failed;
    server.relayed.clear();
    server.error = Some(ErrorReport::new(Code::CutShort, "the run ended").with_hint("more time"));
    let result = GatherResult {
        candidates: vec![candidate(CandidateType::Host, "192.168.1.5:1000", "eth0")],
        servers: vec![server],
        ..GatherResult::default()
    };
    let stopped = |reason| Context {
        stopped: Some(reason),
        ..Context::default()
    };
    assert_eq!(
        codes(&result, &stopped(Reason::Timeout)).0,
        Outcome::Inconclusive
    );
    assert_eq!(
        codes(&result, &stopped(Reason::Interrupted)).0,
        Outcome::Interrupted
    );
    assert_eq!(codes(&result, &Context::default()).0, Outcome::Bad);
}
