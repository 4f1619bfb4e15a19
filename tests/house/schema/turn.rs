//! Documents and events of `rtcdiag turn`.

use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::base::stage::{Stage, StageTime};
use rtcdiag::commands::turn::report::{
    AuthenticationReport, DataReport, NonceReport, PeerReport, PolicyReport, ThroughputReport,
    TransportReport, TransportStatus, TurnResult,
};
use rtcdiag::commands::turn::verdict::{Context, verdict};
use rtcdiag::proto::stun::uri::Transport;
use rtcdiag::proto::turn::credentials::PasswordAlgorithm;
use rtcdiag::proto::turn::policy::{self, PeerClass};
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::{
    REASONS, STAGES, TRANSPORTS, address, event, expiry, refuses_each, refuses_renamed, tls,
};
use crate::support::schema::{assert_valid, assert_valid_event};

#[test]
fn every_stage_of_every_transport() {
    for &transport in TRANSPORTS {
        for named in [true, false] {
            for &stage in STAGES {
                let mut report = TransportReport::new(transport, named);
                for code in ["timeout", "unauthorized", "not-stun"] {
                    report.fail(
                        stage,
                        ErrorReport::new(code.parse().expect("a code"), "what is wrong"),
                    );
                    let result = TurnResult {
                        transports: vec![report.clone()],
                        ..result()
                    };
                    assert_valid(&document(result, &Context::default()));
                }
            }
        }
    }
}

#[test]
fn every_reason_in_every_fact() {
    for reason in REASONS.iter().copied() {
        for fact in [
            Fact::inconclusive(reason, "what was seen"),
            Fact::not_tested(reason),
        ] {
            let data = DataReport {
                works: fact.clone(),
                ..DataReport::not_tested(reason)
            };
            let transport = TransportReport {
                permission: fact.clone(),
                channel: fact.clone(),
                refresh: fact.clone(),
                relay_to_relay: data.clone(),
                to_reflexive: data.clone(),
                inward: data.clone(),
                relay_to_relay_large: data.clone(),
                to_reflexive_large: data,
                peer: Some(PeerReport {
                    address: address("198.51.100.7:3478"),
                    allowed: fact.clone(),
                    answers: fact.clone(),
                    sees: None,
                    rtt_ms: None,
                }),
                ..full(Transport::Udp)
            };
            let result = TurnResult {
                transports: vec![transport],
                authentication: AuthenticationReport {
                    unauthenticated_refused: fact.clone(),
                    wrong_password_refused: fact.clone(),
                    credentials_expire: None,
                },
                relays_ipv4: fact.clone(),
                relays_ipv6: fact.clone(),
                policy: policies(&fact),
                ..result()
            };
            assert_valid(&document(result, &Context::default()));
        }
    }
}

#[test]
fn every_peer_that_is_asked_about() {
    for server in ["203.0.113.10:3478", "[2001:db8::10]:3478"] {
        for allowed in [true, false] {
            let peers = policy::peers(address(server).ip());
            let result = TurnResult {
                policy: peers
                    .into_iter()
                    .map(|(class, peer)| PolicyReport {
                        class,
                        peer,
                        allowed: Fact::Determined(allowed),
                    })
                    .collect(),
                ..result()
            };
            assert_valid(&document(result, &Context::default()));
        }
    }
}

#[test]
fn data_with_and_without_loss() {
    let round_trip = Duration::from_micros(20_500);
    for (sent, received) in [(0, 0), (10, 0), (10, 1), (3, 2), (10, 10), (2, 5)] {
        let data = DataReport::measured(
            sent,
            vec![round_trip; received],
            Fact::Determined(received > 0),
        );
        let transport = TransportReport {
            relay_to_relay: data.clone(),
            to_reflexive: data,
            ..full(Transport::Tcp)
        };
        let result = TurnResult {
            transports: vec![transport],
            ..result()
        };
        assert_valid(&document(result, &Context::default()));
    }
}

#[test]
fn every_outcome() {
    let with = |transports: Vec<TransportReport>| TurnResult {
        transports,
        ..result()
    };
    let failed = |code: &'static str| {
        let mut report = TransportReport::new(Transport::Udp, true);
        report.fail(
            Stage::Allocate,
            ErrorReport::new(code.parse().expect("a code"), "what is wrong"),
        );
        with(vec![report])
    };
    let healthy = || with(vec![full(Transport::Udp)]);
    for (result, stopped, expected) in [
        (healthy(), None, "good"),
        (failed("unauthorized"), None, "bad"),
        (failed("credentials-needed"), None, "inconclusive"),
        (failed("dns"), None, "error"),
        (healthy(), Some(Reason::Interrupted), "interrupted"),
        (failed("timeout"), Some(Reason::Timeout), "bad"),
    ] {
        for expects_ok in [true, false] {
            let context = Context {
                expects_ok,
                stopped,
                credentials_expire: Some(expiry(1_800_000_000)),
                unix_now: 1_900_000_000,
                ..Context::default()
            };
            let document = document(result.clone(), &context);
            assert_eq!(document["outcome"], expected, "{document:#}");
            assert_valid(&document);
        }
    }
}

#[test]
fn password_algorithms() {
    for algorithm in [PasswordAlgorithm::Md5, PasswordAlgorithm::Sha256] {
        for &nonce in NonceReport::VARIANTS {
            let transport = TransportReport {
                password_algorithm: Some(algorithm),
                nonce: Some(nonce),
                ..full(Transport::Udp)
            };
            assert_valid_event(&event("transport", &transport));
        }
    }
}

#[test]
fn events_of_turn() {
    for line in events() {
        assert_valid_event(&line);
    }
}

#[test]
fn wrong_values_are_refused() {
    let transport = "/result/transports/0";
    let data = "/result/transports/0/relay_to_relay";
    let dead = "/result/transports/2";
    let policy = "/result/policy/0";
    let who = "/result/authentication";
    let wrong = json!({
        "": {
            "result/uri": ["turn.example.org", "stun:stun.example.org:3478"], "result/transports": [[]],
            "result/relays_ipv4": [true], "result/relays_ipv6": [null], "command": ["gather", null],
        },
        transport: {
            "transport": ["dtls"], "address": ["203.0.113.10", null], "family": ["inet6"], "named": ["yes"],
            "status": [true, "failed", "absent"], "stage": ["done"],
            "error": [{"code": "timeout", "message": "no answer"}], "stages/0": ["resolve"],
            "tls/version": ["1.3"], "tls/chain": [null],
            "tls/chain/0/not_after": ["Dec 31 23:59:59 9999 +00:00", 1_800_000_000], "realm": [""],
            "nonce": ["plain"], "password_algorithm": ["SHA-1"], "lifetime_s": [-1, 4_294_967_296_u64, null],
            "relayed_address": [null, "203.0.113.10"], "rtt_ms": [-1], "permission": [true], "channel": [false],
            "refresh": [null, {"status": "determined"}], "refresh/value": [1], "throughput": [1000],
            "throughput/kbit_per_s": [-1, null],
        },
        data: {
            "works": [true], "sent": [-1, 0], "received": [0, 1.5], "loss_percent": [100.5, null],
            "rtt_ms": [20.5, null],
        },
        dead: { "status": ["ok"], "error": [null] },
        policy: { "class": ["localhost"], "peer": ["127.0.0.0/8"], "allowed": [false] },
        who: { "unauthenticated_refused": [true], "credentials_expire": [1_800_000_000, "tomorrow"] },
    });
    refuses_each(&everything(), &wrong);
}

#[test]
fn a_unit_is_part_of_its_key() {
    for (field, right, wrong) in [
        ("", "lifetime_s", "lifetime"),
        ("", "rtt_ms", "rtt_s"),
        ("/relay_to_relay", "loss_percent", "loss"),
        ("/relay_to_relay", "rtt_ms", "rtt"),
        ("/throughput", "kbit_per_s", "mbit_per_s"),
    ] {
        let at = format!("/result/transports/0{field}");
        refuses_renamed(&everything(), &at, right, wrong);
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
    result
        .transports
        .iter()
        .map(|t| event("transport", t))
        .collect()
}

pub fn result() -> TurnResult {
    let mut refused = TransportReport::new(Transport::Tcp, true);
    refused.fail(Stage::Connect, ErrorReport::new(Code::Refused, "refused"));
    let mut absent = TransportReport::new(Transport::Tls, false);
    absent.fail(Stage::Connect, ErrorReport::new(Code::Timeout, "no answer"));
    assert_eq!(absent.status, TransportStatus::Absent);
    TurnResult {
        uri: "turn:turn.example.org:3478".into(),
        transports: vec![full(Transport::Udp), full(Transport::Tls), refused, absent],
        authentication: AuthenticationReport {
            unauthenticated_refused: Fact::Determined(true),
            wrong_password_refused: Fact::not_tested(Reason::NoCredentials),
            credentials_expire: Some(rtcdiag::base::time::rfc3339(1_800_000_000)),
        },
        relays_ipv4: Fact::Determined(true),
        relays_ipv6: Fact::inconclusive(Reason::NoResponse, "no answer"),
        policy: policies(&Fact::Determined(false)),
    }
}

fn policies(allowed: &Fact<bool>) -> Vec<PolicyReport> {
    PeerClass::VARIANTS
        .iter()
        .map(|&class| PolicyReport {
            class,
            peer: address("[fe80::1]:1").ip(),
            allowed: allowed.clone(),
        })
        .collect()
}

pub fn full(transport: Transport) -> TransportReport {
    let round_trips = vec![Duration::from_micros(20_500); 9];
    let data = DataReport::measured(10, round_trips, Fact::Determined(true));
    TransportReport {
        address: Some(address("[2001:db8::10]:3478")),
        family: Some(Family::Ipv6),
        local_address: Some(address("[2001:db8::1]:1").ip()),
        status: TransportStatus::Ok,
        stage: Stage::Refresh,
        stages: STAGES
            .iter()
            .map(|&stage| StageTime {
                stage,
                elapsed_ms: Millis(Duration::from_micros(1500)),
            })
            .collect(),
        tls: Some(tls()),
        software: Some("coturn".into()),
        realm: Some("example.org".into()),
        nonce: Some(NonceReport::Rfc8489),
        password_algorithm: Some(PasswordAlgorithm::Sha256),
        lifetime_s: Some(600),
        relayed_address: Some(address("203.0.113.10:50000")),
        mapped_address: Some(address("203.0.113.5:40000")),
        rtt_ms: Some(Millis(Duration::from_micros(21_300))),
        permission: Fact::Determined(true),
        channel: Fact::Determined(true),
        refresh: Fact::Determined(true),
        relay_to_relay: data.clone(),
        to_reflexive: data,
        throughput: Some(ThroughputReport {
            stops: false,
            bytes_sent: 200_000,
            bytes_received: 199_000,
            duration_ms: Millis(Duration::from_micros(1_150_500)),
            kbit_per_s: 8123.0,
        }),
        ..TransportReport::new(transport, true)
    }
}

fn document(result: TurnResult, context: &Context) -> Value {
    let verdict = verdict(&result, context);
    super::document("turn", verdict, result)
}
