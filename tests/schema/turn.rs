//! Documents and events of `rtcdiag turn`.

use std::time::Duration;

use rtcdiag::fact::{Fact, Reason};
use rtcdiag::family::Family;
use rtcdiag::report::stage::{Stage, StageTime};
use rtcdiag::report::turn::{
    AuthenticationReport, Context, DataReport, NonceReport, PolicyReport, ThroughputReport,
    TransportReport, TransportStatus, TurnResult, verdict,
};
use rtcdiag::report::{ErrorReport, Millis};
use rtcdiag::stun::uri::Transport;
use rtcdiag::turn::credentials::PasswordAlgorithm;
use rtcdiag::turn::policy::{self, PeerClass};
use serde_json::{Value, json};

use super::schema::{assert_valid, assert_valid_event};
use super::{REASONS, STAGES, TRANSPORTS, address, event, refused, refuses, tls};

pub const STATUSES: [TransportStatus; 3] = [
    TransportStatus::Ok,
    TransportStatus::Failed,
    TransportStatus::Absent,
];

pub const NONCES: [NonceReport; 2] = [NonceReport::Rfc8489, NonceReport::Rfc5389];

pub const CLASSES: [PeerClass; 10] = [
    PeerClass::Loopback,
    PeerClass::Unspecified,
    PeerClass::V4MappedLoopback,
    PeerClass::LinkLocal,
    PeerClass::Multicast,
    PeerClass::Broadcast,
    PeerClass::Private,
    PeerClass::CarrierNat,
    PeerClass::UniqueLocal,
    PeerClass::OwnAddress,
];

#[test]
fn every_stage_of_every_transport() {
    for transport in TRANSPORTS {
        for named in [true, false] {
            for stage in STAGES {
                let mut report = TransportReport::new(transport, named);
                for code in ["timeout", "unauthorized", "not-stun"] {
                    report.fail(stage, ErrorReport::new(code, "what is wrong"));
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
                to_reflexive: data,
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
        report.fail(Stage::Allocate, ErrorReport::new(code, "what is wrong"));
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
                credentials_expire: Some(1_800_000_000),
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
        for nonce in NONCES {
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
    for (at, wrong) in [
        ("/result/uri".into(), json!("turn.example.org")),
        ("/result/uri".into(), json!("stun:stun.example.org:3478")),
        ("/result/transports".into(), json!([])),
        ("/result/relays_ipv4".into(), json!(true)),
        ("/result/relays_ipv6".into(), json!(null)),
        (format!("{transport}/transport"), json!("dtls")),
        (format!("{transport}/address"), json!("203.0.113.10")),
        (format!("{transport}/address"), json!(null)),
        (format!("{transport}/family"), json!("inet6")),
        (format!("{transport}/named"), json!("yes")),
        (format!("{transport}/status"), json!(true)),
        (format!("{transport}/status"), json!("failed")),
        (format!("{transport}/status"), json!("absent")),
        (format!("{transport}/stage"), json!("done")),
        (
            format!("{transport}/error"),
            json!({"code": "timeout", "message": "no answer"}),
        ),
        (format!("{transport}/stages/0"), json!("resolve")),
        (format!("{transport}/tls/version"), json!("1.3")),
        (format!("{transport}/tls/chain"), json!(null)),
        (
            format!("{transport}/tls/chain/0/not_after"),
            json!("Dec 31 23:59:59 9999 +00:00"),
        ),
        (
            format!("{transport}/tls/chain/0/not_after"),
            json!(1_800_000_000),
        ),
        (format!("{transport}/realm"), json!("")),
        (format!("{transport}/nonce"), json!("plain")),
        (format!("{transport}/password_algorithm"), json!("SHA-1")),
        (format!("{transport}/lifetime_s"), json!(-1)),
        (format!("{transport}/lifetime_s"), json!(4_294_967_296_u64)),
        (format!("{transport}/lifetime_s"), json!(null)),
        (format!("{transport}/relayed_address"), json!(null)),
        (
            format!("{transport}/relayed_address"),
            json!("203.0.113.10"),
        ),
        (format!("{transport}/rtt_ms"), json!(-1)),
        (format!("{transport}/permission"), json!(true)),
        (format!("{transport}/channel"), json!(false)),
        (format!("{transport}/refresh"), json!(null)),
        (
            format!("{transport}/refresh"),
            json!({"status": "determined"}),
        ),
        (format!("{transport}/refresh/value"), json!(1)),
        (format!("{data}/works"), json!(true)),
        (format!("{data}/sent"), json!(-1)),
        (format!("{data}/sent"), json!(0)),
        (format!("{data}/received"), json!(0)),
        (format!("{data}/received"), json!(1.5)),
        (format!("{data}/loss_percent"), json!(100.5)),
        (format!("{data}/loss_percent"), json!(null)),
        (format!("{data}/rtt_ms"), json!(20.5)),
        (format!("{data}/rtt_ms"), json!(null)),
        (format!("{transport}/throughput"), json!(1000)),
        (format!("{transport}/throughput/kbit_per_s"), json!(-1)),
        (format!("{transport}/throughput/kbit_per_s"), json!(null)),
        (format!("{dead}/status"), json!("ok")),
        (format!("{dead}/error"), json!(null)),
        (format!("{policy}/class"), json!("localhost")),
        (format!("{policy}/peer"), json!("127.0.0.0/8")),
        (format!("{policy}/allowed"), json!(false)),
        (format!("{who}/unauthenticated_refused"), json!(true)),
        (format!("{who}/credentials_expire"), json!(1_800_000_000)),
        (format!("{who}/credentials_expire"), json!("tomorrow")),
        ("/command".into(), json!("gather")),
        ("/command".into(), json!(null)),
    ] {
        refuses(&everything(), &at, &wrong);
    }
}

#[test]
fn a_unit_is_part_of_its_key() {
    let transport = "/result/transports/0";
    for (at, right, wrong) in [
        (transport.into(), "lifetime_s", "lifetime"),
        (transport.into(), "rtt_ms", "rtt_s"),
        (
            format!("{transport}/relay_to_relay"),
            "loss_percent",
            "loss",
        ),
        (format!("{transport}/relay_to_relay"), "rtt_ms", "rtt"),
        (
            format!("{transport}/throughput"),
            "kbit_per_s",
            "mbit_per_s",
        ),
    ] {
        let mut document = everything();
        let object = super::object_at(&mut document, &at);
        let value = object.remove(right).expect("it is there");
        object.insert(wrong.into(), value);
        refused(&document, &format!("{wrong} at {at}"));
    }
}

/// A document in which every list has something and every `null` has a twin that is none.
pub fn everything() -> Value {
    let context = Context {
        findings: vec![rtcdiag::report::Finding::new(
            "secret-file-readable",
            rtcdiag::report::Severity::Warning,
            "others can read it",
            "chmod 600",
        )],
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

fn result() -> TurnResult {
    let mut refused = TransportReport::new(Transport::Tcp, true);
    refused.fail(Stage::Connect, ErrorReport::new("refused", "refused"));
    let mut absent = TransportReport::new(Transport::Tls, false);
    absent.fail(Stage::Connect, ErrorReport::new("timeout", "no answer"));
    assert_eq!(absent.status, TransportStatus::Absent);
    TurnResult {
        uri: "turn:turn.example.org:3478".into(),
        transports: vec![full(Transport::Udp), full(Transport::Tls), refused, absent],
        authentication: AuthenticationReport {
            unauthenticated_refused: Fact::Determined(true),
            wrong_password_refused: Fact::not_tested(Reason::NoCredentials),
            credentials_expire: Some(rtcdiag::net::clock::rfc3339(1_800_000_000)),
        },
        relays_ipv4: Fact::Determined(true),
        relays_ipv6: Fact::inconclusive(Reason::NoResponse, "no answer"),
        policy: policies(&Fact::Determined(false)),
    }
}

fn policies(allowed: &Fact<bool>) -> Vec<PolicyReport> {
    CLASSES
        .into_iter()
        .map(|class| PolicyReport {
            class,
            peer: address("[fe80::1]:1").ip(),
            allowed: allowed.clone(),
        })
        .collect()
}

fn full(transport: Transport) -> TransportReport {
    let round_trips = vec![Duration::from_micros(20_500); 9];
    let data = DataReport::measured(10, round_trips, Fact::Determined(true));
    TransportReport {
        address: Some(address("[2001:db8::10]:3478")),
        family: Some(Family::Ipv6),
        local_address: Some(address("[2001:db8::1]:1").ip()),
        status: TransportStatus::Ok,
        stage: Stage::Refresh,
        stages: STAGES
            .into_iter()
            .map(|stage| StageTime {
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
            bytes_sent: 200_000,
            bytes_received: 199_000,
            kbit_per_s: 8123.0,
        }),
        ..TransportReport::new(transport, true)
    }
}

fn document(result: TurnResult, context: &Context) -> Value {
    let verdict = verdict(&result, context);
    super::document("turn", verdict, result)
}
