//! `rtcdiag mesh` between four hosts behind kernel NATs of different kinds.

use serde_json::Value;

use super::ends::{End, Ended};
use super::pair::network::{BROKERS, Network, ROLES};
use super::pair::{new_code, side};
use super::turn::server as turn_server;

/// Behind a common NAT, behind a symmetric one, without UDP, and with a public address.
const SIDES: [&str; 4] = ["home", "symmetric", "no_udp", "public"];
const NAMES: [&str; 4] = ["home", "office", "cellar", "server"];

fn network() -> Network {
    Network::of_hosts(&SIDES.map(side))
}

/// A member for each host.
fn start(network: &Network, args: &[&str]) -> Vec<End> {
    let code = new_code();
    let start = |(role, name): (&str, &str)| {
        let mut command = network.program(role, env!("CARGO_BIN_EXE_rtcdiag"));
        command
            .args(["mesh", &code, "--jsonl", "--name", name])
            .args(args)
            .env("RTCDIAG_TURN_PASSWORD", turn_server::PASSWORD);
        End::start(&mut command)
    };
    ROLES.into_iter().zip(NAMES).map(start).collect()
}

/// Outcome, the code of the first cause, and the host whose doing it is.
fn way(end: &Ended, one: &str, other: &str) -> [String; 3] {
    let ways = end.result()["ways"].as_array().expect("a list");
    let is_meant = |way: &&Value| {
        (way["a"] == one && way["b"] == other) || (way["a"] == other && way["b"] == one)
    };
    let way = ways.iter().find(is_meant);
    let way = way.unwrap_or_else(|| panic!("no way {one} {other}: {}", end.describe()));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cause = &way["causes"][0];
    [
        text(&way["outcome"]),
        text(&cause["code"]),
        text(&cause["host"]),
    ]
}

/// Each member has found this.
#[track_caller]
fn assert_ways(ends: &[Ended], expected: &[(&str, &str, [&str; 3])]) {
    for end in ends {
        for (one, other, expected) in expected {
            assert_eq!(
                way(end, one, other),
                *expected,
                "{one} {other}: {}",
                end.describe()
            );
        }
    }
}

/// Without a TURN server: who has no UDP reaches nobody, and the two strict NATs do not reach each other.
pub fn behind_different_nats() {
    let network = network();
    let args =
        "--rendezvous ws://203.0.113.12:443 -s stun:203.0.113.10 --hosts 4 --expect all=connected";
    let args: Vec<&str> = args.split(' ').collect();
    let ends = start(&network, &args);
    let ends: Vec<Ended> = ends.into_iter().map(End::finish).collect();
    let blocked = ["failed", "udp-blocked", "cellar"];
    assert_ways(
        &ends,
        &[
            ("home", "server", ["direct", "", ""]),
            ("office", "server", ["direct", "", ""]),
            (
                "home",
                "office",
                ["failed", "endpoint-dependent-mapping", "office"],
            ),
            ("home", "cellar", blocked),
            ("office", "cellar", blocked),
            ("server", "cellar", blocked),
        ],
    );
    for end in &ends {
        assert_eq!(end.code, Some(1), "{}", end.describe());
        assert!(end.finding("expectation-not-met"), "{}", end.describe());
    }
}

/// With a TURN server, at a broker: who leaves as soon as it has one result leaves the others in peace.
pub fn relays_and_one_that_leaves() {
    let mut network = network();
    if !network.start_broker() {
        return;
    }
    let args = format!(
        "--rendezvous {} -s stun:203.0.113.10 -s turn:203.0.113.10 \
         -s turn:203.0.113.10?transport=tcp --turn-username {}",
        BROKERS[0],
        turn_server::USER
    );
    let args: Vec<&str> = args.split_whitespace().collect();
    let mut ends = start(&network, &args);
    let mut leaves = ends.pop().expect("there are four");
    leaves.wait_for(|event| event["event"] == "way");
    leaves.interrupt();
    let left = leaves.finish();
    assert_eq!(left.code, Some(130), "{}", left.describe());
    let ends: Vec<Ended> = ends.into_iter().map(End::finish).collect();
    assert_ways(
        &ends,
        &[
            (
                "home",
                "office",
                ["relayed", "endpoint-dependent-mapping", "office"],
            ),
            ("home", "cellar", ["relayed", "udp-blocked", "cellar"]),
            ("office", "cellar", ["relayed", "udp-blocked", "cellar"]),
        ],
    );
    for end in &ends {
        let hosts = end.result()["hosts"].as_array().expect("a list");
        let server = hosts.iter().find(|host| host["name"] == "server");
        let state = server.map(|host| host["state"].clone());
        assert_eq!(state, Some("left".into()), "{}", end.describe());
        // Its own ways may not have come to their ends.
        assert!(matches!(end.code, Some(0 | 3)), "{}", end.describe());
    }
}
