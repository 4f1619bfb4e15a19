//! Documents and events of `rtcdiag gather`.

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::expiry::{Expiry, ExpiryForm};
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::base::stage::{Stage, StageTime};
use rtcdiag::commands::gather::report::{
    CandidateReport, GatherResult, GatherServerReport, RedundantReport, RelayedReport, Status,
};
use rtcdiag::commands::gather::verdict::{Context, Policy, verdict};
use rtcdiag::proto::ice::candidate::{self, COMPONENT, Candidate, CandidateType, Origin};
use rtcdiag::proto::stun::uri::Transport;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::{REASONS, STAGES, TRANSPORTS, address, event, refuses_each, refuses_renamed, tls};
use crate::support::schema::{assert_valid, assert_valid_event};

#[test]
fn every_type_of_candidate() {
    for &kind in CandidateType::VARIANTS {
        for &relay_transport in TRANSPORTS {
            for base in ["192.0.2.10:5000", "[2001:db8::10]:5000", "[fe80::1%3]:5000"] {
                let result = GatherResult {
                    candidates: vec![candidate(kind, base, relay_transport)],
                    ..GatherResult::default()
                };
                assert_valid(&document(result, &Context::default()));
            }
        }
    }
}

#[test]
fn every_stage_and_transport_of_a_server() {
    for &stage in STAGES {
        for &transport in TRANSPORTS {
            for report in [
                failed(stage, ErrorReport::new(Code::Timeout, "no answer")),
                full(transport),
            ] {
                let result = GatherResult {
                    servers: vec![GatherServerReport {
                        transport,
                        stage,
                        ..report
                    }],
                    ..GatherResult::default()
                };
                assert_valid(&document(result, &Context::default()));
            }
        }
    }
}

#[test]
fn every_reason_why_it_is_not_known_whether_a_server_relays() {
    for reason in REASONS.iter().copied() {
        for relays in [
            Fact::inconclusive(reason, "what was seen"),
            Fact::not_tested(reason),
        ] {
            let mut server = full(Transport::Udp);
            server.relayed[0].relays = relays;
            let result = GatherResult {
                servers: vec![server],
                ..GatherResult::default()
            };
            assert_valid(&document(result, &Context::default()));
        }
    }
}

#[test]
fn every_outcome() {
    let half = GatherResult {
        candidates: Vec::new(),
        redundant: Vec::new(),
        ..result()
    };
    for (found, stopped, expected) in [
        (result(), None, "good"),
        (half.clone(), None, "error"),
        (result(), Some(Reason::Timeout), "good"),
        (half, Some(Reason::Interrupted), "interrupted"),
        (
            GatherResult::default(),
            Some(Reason::Interrupted),
            "interrupted",
        ),
    ] {
        let context = Context {
            stopped,
            ..Context::default()
        };
        let document = document(found, &context);
        assert_eq!(document["outcome"], expected, "{document:#}");
        assert_valid(&document);
    }
    let context = Context {
        policy: Policy::Relay,
        expected: vec![CandidateType::Relay],
        credentials_expire: vec![Expiry {
            at: 1_700_000_000,
            form: ExpiryForm::Usual,
        }],
        unix_now: 1_800_000_000,
        ..Context::default()
    };
    let without = GatherResult {
        servers: vec![failed(
            Stage::Allocate,
            ErrorReport::new(Code::Unauthorized, "401"),
        )],
        ..GatherResult::default()
    };
    let document = document(without, &context);
    assert_eq!(document["outcome"], "bad");
    assert_valid(&document);
}

#[test]
fn events_of_gather() {
    for line in events() {
        assert_valid_event(&line);
    }
}

#[test]
fn wrong_values_are_refused() {
    let host = "/result/candidates/0";
    let reflexive = "/result/candidates/1";
    let relay = "/result/candidates/3";
    let server = "/result/servers/0";
    let dead = "/result/servers/3";
    let relayed = "/result/servers/0/relayed/0";
    let wrong = json!({
        host: {
            "type": ["local"], "transport": ["tls"], "address": ["192.0.2.10:5000", "host.local"],
            "port": [65536, -1, null], "related_address": ["192.0.2.10"], "related_port": [1],
            "base": ["192.0.2.10"], "foundation": ["", "a b", "1".repeat(33)], "component": [0, 257],
            "priority": [0, 0x8000_0000_u32, 1.5], "interface": [""], "server": ["stun:stun.example.org:3478"],
            "relay_transport": ["udp"], "found_ms": [null, -1],
            "sdp": ["a=candidate:1 1 udp 1 192.0.2.1 1 typ host", "candidate:1 1 udp 1 192.0.2.1 1", "candidate:1 1 udp 1 192.0.2.1 1 typ host raddr 192.0.2.1"],
        },
        reflexive: {
            "related_address": [null], "related_port": [null], "server": [null, ""], "relay_transport": ["udp"],
        },
        relay: { "server": ["stun:stun.example.org:3478", null], "relay_transport": [null, "dtls"] },
        "": {
            "result/redundant/0/same_as": ["base"], "result/redundant/0/server": ["203.0.113.10"],
            "result/complete_ms": [null, "140.2"], "command": ["turn", "nat", null],
        },
        server: {
            "uri": ["turn:turn.example.org"], "address": [null], "status": [true, "failed"], "stage": ["dns"],
            "error": [{"code": "timeout", "message": "no answer"}], "stages/0/stage": ["gather"],
            "stages/0/elapsed_ms": [null], "software": [""], "rtt_ms": ["1 ms"], "elapsed_ms": [null],
        },
        dead: { "status": ["ok"], "error": [null], "error/code": ["No answer"] },
        relayed: {
            "family": ["IPv6"], "relays": [true], "relays/value": ["yes"], "lifetime_s": [0.6, null],
            "authenticated": [null], "address": [null],
        },
    });
    refuses_each(&everything(), &wrong);
}

#[test]
fn a_unit_is_part_of_its_key() {
    for (at, right, wrong) in [
        ("/result", "complete_ms", "complete_s"),
        ("/result/candidates/0", "found_ms", "found"),
        ("/result/servers/0", "rtt_ms", "rtt"),
        ("/result/servers/0", "elapsed_ms", "elapsed"),
        ("/result/servers/0/relayed/0", "lifetime_s", "lifetime_ms"),
    ] {
        refuses_renamed(&everything(), at, right, wrong);
    }
}

/// A document in which every list has something and every `null` has a twin that is none.
pub fn everything() -> Value {
    let context = Context {
        findings: vec![super::warning()],
        ..Context::default()
    };
    document(result(), &context)
}

/// One event of each kind.
pub fn events() -> Vec<Value> {
    let result = result();
    let candidates = result.candidates.iter().map(|c| event("candidate", c));
    let redundant = result.redundant.iter().map(|r| event("redundant", r));
    let servers = result.servers.iter().map(|s| event("server", s));
    candidates.chain(redundant).chain(servers).collect()
}

/// Servers of every kind.
pub fn servers() -> Vec<GatherServerReport> {
    result().servers
}

pub fn result() -> GatherResult {
    let kinds = [
        (CandidateType::Host, Transport::Udp),
        (CandidateType::Srflx, Transport::Udp),
        (CandidateType::Prflx, Transport::Udp),
        (CandidateType::Relay, Transport::Udp),
        (CandidateType::Relay, Transport::Tls),
    ];
    let mut candidates: Vec<CandidateReport> = kinds
        .into_iter()
        .map(|(kind, transport)| candidate(kind, "192.0.2.10:5000", transport))
        .collect();
    candidates[1].interface = None;
    let redundant = CandidateType::VARIANTS
        .iter()
        .map(|&kind| RedundantReport {
            kind,
            address: address("192.0.2.10:5000").ip(),
            port: 5000,
            base: address("192.0.2.10:5000"),
            server: (kind != CandidateType::Host).then(|| "stun:stun.example.org:3478".into()),
            same_as: CandidateType::Host,
        })
        .collect();
    GatherResult {
        candidates,
        redundant,
        servers: vec![
            full(Transport::Udp),
            full(Transport::Tls),
            GatherServerReport {
                uri: "stun:stun.example.org:3478".into(),
                relayed: Vec::new(),
                tls: None,
                realm: None,
                stage: Stage::Binding,
                ..full(Transport::Udp)
            },
            failed(Stage::Resolve, ErrorReport::new(Code::Dns, "no such name")),
        ],
        complete_ms: Millis(Duration::from_micros(140_200)),
    }
}

fn candidate(kind: CandidateType, base: &str, relay_transport: Transport) -> CandidateReport {
    let base = address(base);
    let origin = Origin {
        relay_transport: Some(relay_transport),
        ..Origin::default()
    };
    let public: SocketAddr = if base.is_ipv4() {
        address("203.0.113.5:40000")
    } else {
        address("[2001:db8:1::5]:40000")
    };
    let is_host = kind == CandidateType::Host;
    let is_relay = kind == CandidateType::Relay;
    let signalled = Candidate {
        foundation: candidate::foundation(kind, base.ip(), None, None),
        component: COMPONENT,
        priority: candidate::priority(kind, origin.local_preference(kind), COMPONENT),
        address: if is_host { base } else { public },
        kind,
        related: (!is_host).then_some(base),
    };
    let mut report = CandidateReport::new(&signalled, base, Millis(Duration::from_micros(12_100)));
    report.interface = Some("eth0".into());
    report.server = match kind {
        CandidateType::Host => None,
        CandidateType::Srflx | CandidateType::Prflx => Some("stun:stun.example.org:3478".into()),
        CandidateType::Relay => Some("turn:turn.example.org:3478?transport=tcp".into()),
    };
    report.relay_transport = is_relay.then_some(relay_transport);
    report
}

fn full(transport: Transport) -> GatherServerReport {
    GatherServerReport {
        uri: "turn:turn.example.org:3478".into(),
        address: Some(address("203.0.113.10:3478")),
        transport,
        local_address: Some(address("192.0.2.10:5000").ip()),
        interface: Some("eth0".into()),
        status: Status::Ok,
        stage: Stage::Relay,
        error: None,
        stages: STAGES
            .iter()
            .map(|&stage| StageTime {
                stage,
                elapsed_ms: Millis(Duration::from_micros(1500)),
            })
            .collect(),
        software: Some("coturn".into()),
        rtt_ms: Some(Millis(Duration::from_micros(21_300))),
        elapsed_ms: Millis(Duration::from_micros(140_200)),
        reflexive_address: Some(address("203.0.113.5:40000")),
        relayed: vec![
            RelayedReport {
                family: Family::Ipv4,
                address: Some(address("203.0.113.10:50000")),
                lifetime_s: Some(u32::MAX),
                relays: Fact::Determined(true),
                reachable: Fact::Determined(true),
                reachable_after_sending: Fact::not_tested(Reason::NotApplicable),
                authenticated: Some(true),
                lacks: None,
                odd_default: None,
                is_changed: false,
                comes_from: None,
                error: None,
            },
            RelayedReport {
                family: Family::Ipv6,
                address: None,
                lifetime_s: None,
                relays: Fact::not_tested(Reason::EarlierFailure),
                reachable: Fact::not_tested(Reason::EarlierFailure),
                reachable_after_sending: Fact::not_tested(Reason::EarlierFailure),
                authenticated: None,
                lacks: None,
                odd_default: None,
                is_changed: false,
                comes_from: None,
                error: Some(ErrorReport::new(
                    Code::AddressFamilyNotSupported,
                    "error 440",
                )),
            },
        ],
        tls: Some(tls()),
        realm: Some("example.org".into()),
        round_trip: None,
        data_took: None,
        is_v4_mapped: false,
        is_turn: true,
        is_default_route: true,
    }
}

pub fn failed(stage: Stage, error: ErrorReport) -> GatherServerReport {
    GatherServerReport {
        address: None,
        local_address: None,
        interface: None,
        status: Status::Failed,
        stage,
        error: Some(error),
        stages: Vec::new(),
        software: None,
        rtt_ms: None,
        reflexive_address: None,
        relayed: Vec::new(),
        tls: None,
        realm: None,
        ..full(Transport::Udp)
    }
}

fn document(result: GatherResult, context: &Context) -> Value {
    let verdict = verdict(&result, context);
    super::document("gather", verdict, result)
}
