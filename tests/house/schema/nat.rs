//! Documents and events of `rtcdiag nat`.

use std::convert::Infallible;
use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::exit::Outcome;
use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::base::family::Family;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::commands::nat::report::{LegacyName, NatResult, PathReport, ServerReport};
use rtcdiag::commands::nat::rounds::report::{PathSeen, RoundReport, Rounds, What};
use rtcdiag::commands::nat::rounds::verdict::Totals;
use rtcdiag::commands::nat::router::report::{PortMapping, TestedMapping};
use rtcdiag::commands::nat::verdict::{self, Context};
use rtcdiag::proto::ice::interface::InterfaceKind;
use rtcdiag::proto::nat::behavior::probe::Test;
use rtcdiag::proto::nat::behavior::reachability::{FILTERINGS, MAPPINGS};
use rtcdiag::proto::nat::behavior::words::{
    AddressPooling, Filtering, Mapping, PathFacts, PortAssignment, Udp,
};
use rtcdiag::proto::nat::behavior::{BehaviorDiscovery, Observation, ServerFacts};
use rtcdiag::proto::nat::collision::CollisionFacts;
use rtcdiag::proto::nat::lifetime::{LifetimeFacts, Method, Range};
use rtcdiag::proto::nat::router::{Granted, Protocol};
use rtcdiag::proto::nat::tcp::StreamCounts;
use rtcdiag::proto::stun::uri::Transport;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::{REASONS, event, refuses_each};
use crate::support::schema::{assert_valid, assert_valid_event};

#[test]
fn all_facts_determined() {
    for &legacy_name in LegacyName::VARIANTS {
        let mut path = PathReport::new("192.0.2.10".parse().expect("an address"), None, known());
        path.legacy_name = legacy_name;
        know_the_rest(&mut path);
        assert_valid(&document(result(vec![path]), Context::default()));
    }
}

#[test]
fn every_reason_in_every_fact() {
    for reason in REASONS.iter().copied() {
        for path in [inconclusive(reason), not_tested(reason)] {
            assert_valid(&document(result(vec![path]), Context::default()));
        }
    }
}

#[test]
fn every_value_of_every_fact() {
    let rules = [
        PortAssignment::Preserved,
        PortAssignment::Sequential,
        PortAssignment::Random,
    ];
    for (mapping, filtering, rule) in MAPPINGS
        .into_iter()
        .flat_map(|m| FILTERINGS.into_iter().map(move |f| (m, f)))
        .flat_map(|(m, f)| rules.into_iter().map(move |r| (m, f, r)))
    {
        let facts = PathFacts {
            mapping: Fact::Determined(mapping),
            filtering: Fact::Determined(filtering),
            port_assignment: Fact::Determined(rule),
            address_pooling: Fact::Determined(AddressPooling::Arbitrary),
            alg: Fact::Determined(true),
            port_moves: Fact::Determined(true),
            port_step: Fact::Determined(-2),
            ..known()
        };
        let path = PathReport::new("100.64.0.7".parse().expect("an address"), None, facts);
        assert_valid(&document(result(vec![path]), Context::default()));
    }
}

#[test]
fn blocked() {
    let mut path = inconclusive(Reason::NoResponse);
    path.set_blocked();
    path.tcp.open = Fact::Determined(true);
    path.tcp.reflexive_addresses = vec!["203.0.113.5:40001".parse().expect("an address")];
    let document = document(result(vec![path]), Context::default());
    assert_eq!(document["outcome"], "bad");
    assert_valid(&document);
}

#[test]
fn interrupted_before_anything_was_known() {
    let context = Context {
        stopped: Some(Reason::Interrupted),
        ..Context::default()
    };
    let document = document(NatResult::default(), context);
    assert_eq!(document["outcome"], "interrupted");
    assert_valid(&document);
}

#[test]
fn expectations_and_a_timeout() {
    for wish in [
        "mapping=endpoint-independent",
        "filtering=address-dependent",
        "udp=blocked",
    ] {
        for path in [
            PathReport::new("192.0.2.10".parse().expect("an address"), None, known()),
            inconclusive(Reason::Timeout),
        ] {
            let context = Context {
                expectations: Some(wish.parse().expect("a wish")),
                stopped: Some(Reason::Timeout),
                findings: Vec::new(),
            };
            assert_valid(&document(result(vec![path]), context));
        }
    }
}

#[test]
fn wrong_values_are_refused() {
    let path = "/result/paths/0";
    let server = "/result/servers/0";
    let observation = "/result/observations/0";
    let unknown = json!({"status": "unknown"});
    let wrong = json!({
        path: {
            "family": ["IPv4"], "local_address": ["192.0.2.256", "192.0.2.10:1"], "udp": ["open"],
            "udp/value": ["closed"],
            "nat": [true, null, unknown, {"status": "inconclusive", "reason": "no-response"}, {"status": "not-tested", "reason": "no-nat", "detail": "because"}, {"status": "not-tested", "reason": "just-so"}],
            "nat/value": [null, "true"],
            "reflexive_addresses/0": ["203.0.113.5", "203.0.113.5:65536", "2001:db8::1:3478"],
            "mapping/value": ["full-cone", "EndpointIndependent"], "port_step/value": [1.5],
            "binding_lifetime_s/value": [30], "legacy_name": [null], "tcp/servers/refused": [-1],
            "tcp/servers": [null],
        },
        server: {
            "uri": ["203.0.113.10"], "address": ["203.0.113.10"], "transport": ["dtls"], "rtt_ms": [-0.1],
            "behavior_discovery": [true], "requests": [1.5, -1], "error": ["timeout"],
        },
        observation: { "test": ["mapping-9"], "socket": ["1", "abc"] },
        "": {
            "result/reachability/0/expected": ["maybe"], "result/rounds/planned": [0],
            "result/rounds/interval_s": [0.5], "result/rounds/first_at": ["today"],
            "result/rounds/changes/0/what": ["mood"], "result/rounds/paths/0/loss_percent": [101],
        },
    });
    refuses_each(&everything(), &wrong);
}

/// A document in which every list has something and every `null` has a twin that is none.
pub fn everything() -> Value {
    document(complete(), Context::default())
}

/// Its result.
pub fn complete() -> NatResult {
    let mut known_path = PathReport::new(
        "192.0.2.10".parse().expect("an address"),
        Some("eth0".into()),
        known(),
    );
    know_the_rest(&mut known_path);
    let unknown_path = inconclusive(Reason::PacketLoss);
    let mut result = result(vec![known_path, unknown_path]);
    result.rounds = Some(Box::new(rounds(&result).0));
    result
}

/// Rounds in which everything changed, and the report of the last.
pub fn rounds(first: &NatResult) -> (Rounds, RoundReport) {
    let mut totals = Totals::new(false);
    let at = |n: u64| format!("2026-11-22T10:00:{n:02}.000Z");
    let add = |totals: &mut Totals, n: u64, outcome, paths| {
        totals.add(Duration::from_secs(n), at(n), outcome, paths)
    };
    let mut seen = PathSeen::of(first);
    for seen in &mut seen {
        seen.trips = [(
            "203.0.113.10:3478".parse().expect("an address"),
            Duration::from_millis(20),
        )]
        .into();
    }
    for n in 1..6 {
        add(&mut totals, n, Outcome::Good, seen.clone());
    }
    add(&mut totals, 6, Outcome::Error, Vec::new());
    for other in &mut seen {
        other.interface = Some("wlan0".into());
        other.local_address = "192.0.2.11".parse().expect("an address");
        other.udp = Fact::Determined(Udp::Blocked);
        other.nat = Fact::Determined(false);
        other.mapping = Fact::Determined(Mapping::AddressDependent);
        other.filtering = Fact::Determined(Filtering::EndpointIndependent);
        other.reflexive_addresses = ["203.0.113.6".parse().expect("an address")].into();
        other.trips.values_mut().for_each(|t| *t *= 10);
    }
    add(&mut totals, 7, Outcome::Bad, seen.clone());
    seen[0].udp = Fact::inconclusive(Reason::NoResponse, "silence");
    let last = add(&mut totals, 8, Outcome::Inconclusive, seen);
    (totals.report(Some(9), Duration::from_secs(1), true), last)
}

#[test]
fn everything_that_can_change() {
    let first = result(vec![PathReport::new(
        "192.0.2.10".parse().expect("an address"),
        Some("eth0".into()),
        known(),
    )]);
    let (rounds, _) = rounds(&first);
    let changed: Vec<What> = rounds.changes.iter().map(|change| change.what).collect();
    let all = [
        What::Path,
        What::Path,
        What::Interface,
        What::LocalAddress,
        What::Udp,
        What::Nat,
        What::Address,
        What::Mapping,
        What::Filtering,
        What::Rtt,
    ];
    assert_eq!(changed, all);
    let counts = [rounds.good, rounds.bad, rounds.inconclusive, rounds.error];
    assert_eq!((rounds.done, counts), (8, [5, 1, 1, 1]));
    let mut with_rounds = first;
    with_rounds.rounds = Some(Box::new(rounds));
    assert_valid(&document(with_rounds, Context::default()));
}

pub fn result(paths: Vec<PathReport>) -> NatResult {
    let address = "203.0.113.10:3478".parse().expect("an address");
    let full = ServerReport {
        uri: "stun:stun.example.org:3478".into(),
        address: Some(address),
        stands_for: None,
        family: Some(Family::Ipv4),
        interface: Some("eth0".into()),
        transport: Transport::Udp,
        facts: ServerFacts {
            rtt_ms: Some(Millis(Duration::from_micros(21_345))),
            reflexive_address: Some("203.0.113.5:40000".parse().expect("an address")),
            other_address: Some("203.0.113.11:3479".parse().expect("an address")),
            software: Some("coturn".into()),
            behavior_discovery: Some(BehaviorDiscovery::Supported),
            requests: 2,
            responses: 1,
            is_v4_mapped: false,
        },
        error: Some(ErrorReport::new(
            Code::Outvoted,
            "it sees a different mapping",
        )),
    };
    let empty = ServerReport {
        stands_for: Some("203.0.113.10:3478".parse().expect("an address")),
        ..ServerReport::new("turns:[2001:db8::1]:5349".into(), Transport::Tls, None)
    };
    let others = [
        (Transport::Tcp, BehaviorDiscovery::Absent, "dns"),
        (
            Transport::Udp,
            BehaviorDiscovery::Broken("this is wrong".into()),
            "certificate-unknown-issuer",
        ),
    ]
    .map(|(transport, discovery, code)| ServerReport {
        transport,
        facts: ServerFacts {
            behavior_discovery: Some(discovery),
            ..full.facts.clone()
        },
        error: Some(ErrorReport::new(
            code.parse().expect("a code"),
            "what is wrong",
        )),
        ..full.clone()
    });
    let observations = Test::VARIANTS
        .iter()
        .zip('a'..)
        .map(|(&test, socket)| Observation {
            test,
            interface: None,
            socket: format!("{socket}6"),
            sent_to: "[2001:db8::10]:3478".parse().expect("an address"),
            answered_from: Some("[fe80::1%3]:3478".parse().expect("an address")),
            reflexive_address: None,
            rtt_ms: None,
            transmissions: 0,
        })
        .chain([Observation {
            test: Test::Mapping1,
            interface: Some("eth0".into()),
            socket: "a".into(),
            sent_to: address,
            answered_from: None,
            reflexive_address: Some(address),
            rtt_ms: Some(Millis(Duration::ZERO)),
            transmissions: 7,
        }])
        .collect();
    NatResult {
        reachability: verdict::reachable(&paths),
        paths,
        servers: vec![full, empty].into_iter().chain(others).collect(),
        observations,
        rounds: None,
    }
}

fn known() -> PathFacts {
    PathFacts {
        udp: Fact::Determined(Udp::Open),
        nat: Fact::Determined(true),
        reflexive_addresses: vec![
            "203.0.113.5:40000".parse().expect("an address"),
            "[2001:db8::5]:1".parse().expect("an address"),
        ],
        mapping: Fact::Determined(Mapping::EndpointIndependent),
        filtering: Fact::Determined(Filtering::AddressAndPortDependent),
        hairpinning: Fact::Determined(false),
        port_preservation: Fact::Determined(true),
        port_assignment: Fact::Determined(PortAssignment::Preserved),
        port_step: Fact::Determined(1),
        address_pooling: Fact::Determined(AddressPooling::Paired),
        alg: Fact::Determined(false),
        port_moves: Fact::Determined(false),
    }
}

/// What the UDP tests of this version do not find out.
fn know_the_rest(path: &mut PathReport) {
    path.lifetime = LifetimeFacts {
        one_packet: Fact::Determined(Range {
            at_least: Duration::from_secs(300),
            at_most: None,
        }),
        two_way: Fact::Determined(Range {
            at_least: Duration::from_secs(20),
            at_most: Some(Duration::from_secs(25)),
        }),
        method: Some(Method::ResponsePort { wide: true }),
        server: Some("203.0.113.10:3478".parse().expect("an address")),
        keepalive_s: Fact::Determined(10.0),
        packets: 80,
        sockets: 16,
        strays: 0,
    };
    path.collision.mapping = Fact::Determined(Mapping::AddressAndPortDependent);
    path.collision.order_matters = Fact::Determined(false);
    path.collision.overloading = Fact::Determined(true);
    path.double_nat = Fact::Determined(true);
    path.nat64_prefix = Fact::Determined("64:ff9b::/96".to_owned());
    path.default_route = Some(true);
    path.interface_kind = Some(InterfaceKind::Vpn);
    path.port_mapping.router = Some("192.0.2.1".parse().expect("an address"));
    path.port_mapping.mapping_works = Fact::Determined(false);
    path.carrier_nat = Fact::Determined(false);
    path.port_mapping.pcp = Fact::Determined(true);
    path.port_mapping.nat_pmp = Fact::Determined(false);
    path.port_mapping.upnp_igd = Fact::Determined(false);
    path.port_mapping.router_external_address =
        Fact::Determined("203.0.113.5".parse().expect("an address"));
    path.port_mapping.router = Some("192.0.2.1".parse().expect("an address"));
    path.port_mapping.requests = 9;
    path.port_mapping.mapping_works = Fact::Determined(true);
    path.port_mapping.tested_mapping = Some(TestedMapping {
        protocol: Protocol::Pcp,
        granted: Granted {
            address: Some("203.0.113.5".parse().expect("an address")),
            port: 40000,
            lifetime_s: 120,
        },
        removed: true,
    });
    path.tcp.open = Fact::Determined(true);
    path.tcp.mapping = Fact::Determined(Mapping::AddressDependent);
    path.tcp.servers = StreamCounts {
        answered: 4,
        not_stun: 1,
        refused: 2,
        silent: 3,
        failed: 1,
    };
}

pub fn inconclusive(reason: Reason) -> PathReport {
    undetermined("2001:db8::10", &Fact::inconclusive(reason, "what was seen"))
}

pub fn not_tested(reason: Reason) -> PathReport {
    undetermined("192.0.2.10", &Fact::not_tested(reason))
}

fn undetermined(local_address: &str, why: &Fact<Infallible>) -> PathReport {
    let local_address = local_address.parse().expect("an address");
    let mut path = PathReport::new(local_address, None, PathFacts::all(why));
    path.carrier_nat = why.unknown();
    path.port_mapping = PortMapping::all(why);
    path.collision = CollisionFacts::all(why);
    path.lifetime = LifetimeFacts::all(why);
    path.double_nat = why.unknown();
    path.nat64_prefix = why.unknown();
    path.tcp.open = why.unknown();
    path.tcp.mapping = why.unknown();
    path
}

/// One event of each kind.
pub fn events() -> Vec<Value> {
    let observations = result(Vec::new()).observations;
    let mut lines: Vec<Value> = observations
        .iter()
        .map(|observation| event("observation", observation))
        .collect();
    lines.extend([
        json!({"event": "resolved", "uri": "stun:stun.example.org:3478", "addresses": ["203.0.113.10:3478", "[2001:db8::10]:3478"]}),
        json!({"event": "resolved", "uri": "turns:[2001:db8::1]:5349", "addresses": []}),
        event("round", &rounds(&result(vec![inconclusive(Reason::PacketLoss)])).1),
        json!({"event": "lifetime", "family": "ipv4", "flow": "one-packet", "waited_s": 17.1, "alive": true}),
        json!({"event": "lifetime", "family": "ipv6", "flow": "two-way", "waited_s": 35.3, "alive": false}),
    ]);
    lines
}

#[test]
fn events_of_nat() {
    for line in events() {
        assert_valid_event(&line);
    }
}

fn document(result: NatResult, context: Context) -> Value {
    let verdict = verdict::verdict(&result, context);
    super::document("nat", verdict, result)
}
