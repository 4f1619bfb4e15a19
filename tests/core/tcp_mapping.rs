use rtcdiag::base::fact::Fact;
use rtcdiag::base::fact::Reason;
use rtcdiag::proto::nat::behavior::words::Mapping;
use rtcdiag::proto::nat::tcp::*;
use std::net::SocketAddr;

const LOCAL: &str = "192.0.2.2:40000";
const OUTSIDE: &str = "203.0.113.1:40000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn seen(server: usize, destination: &str, outcome: Outcome) -> StreamSeen {
    StreamSeen {
        local: Some(address(LOCAL)),
        destination: address(destination),
        server,
        outcome,
    }
}

fn sees(server: usize, destination: &str, reflexive: &str) -> StreamSeen {
    let outcome = Outcome::Answered {
        reflexive: Some(address(reflexive)),
        is_xor: true,
    };
    seen(server, destination, outcome)
}

/// `(server, destination, external port)` of one server with two addresses and a third one.
fn ports(ports: [u16; 5]) -> Vec<StreamSeen> {
    let destinations = [
        (0, "198.51.100.1:3478"),
        (0, "198.51.100.1:3479"),
        (0, "198.51.100.2:3478"),
        (0, "198.51.100.2:3479"),
        (1, "198.51.100.7:3478"),
    ];
    destinations
        .into_iter()
        .zip(ports)
        .filter(|(_, port)| *port > 0)
        .map(|((server, to), port)| sees(server, to, &format!("203.0.113.1:{port}")))
        .collect()
}

fn mapping_of(seen: &[StreamSeen]) -> Fact<Mapping> {
    facts(seen, Some(address(LOCAL)), false).mapping
}

fn reason<T>(fact: &Fact<T>) -> Option<Reason> {
    match fact {
        Fact::Determined(_) => None,
        Fact::Inconclusive { reason, .. } | Fact::NotTested { reason } => Some(*reason),
    }
}

#[test]
fn the_mapping_follows_rfc_4787() {
    for (external, expected) in [
        ([1; 5], Ok(Mapping::EndpointIndependent)),
        ([1, 0, 1, 0, 0], Ok(Mapping::EndpointIndependent)),
        ([1, 1, 2, 2, 3], Ok(Mapping::AddressDependent)),
        ([1, 2, 3, 4, 5], Ok(Mapping::AddressAndPortDependent)),
        ([1, 0, 0, 0, 0], Err(Reason::SingleServer)),
        ([1, 1, 0, 0, 0], Err(Reason::SingleServer)),
        ([1, 0, 2, 0, 3], Err(Reason::EndpointDependent)),
        ([1, 1, 1, 1, 2], Err(Reason::Contradiction)),
        ([1, 1, 1, 2, 0], Err(Reason::Contradiction)),
        ([0; 5], Err(Reason::NoResponse)),
    ] {
        let fact = mapping_of(&ports(external));
        match expected {
            Ok(mapping) => assert_eq!(fact, Fact::Determined(mapping), "{external:?}"),
            Err(why) => assert_eq!(reason(&fact), Some(why), "{external:?}: {fact:?}"),
        }
    }
}

#[test]
fn only_connections_from_one_port_show_the_mapping() {
    let mut answers = ports([1; 5]);
    for answer in &mut answers[1..] {
        answer.local = Some(address("192.0.2.2:40001"));
    }
    assert_eq!(reason(&mapping_of(&answers)), Some(Reason::SingleServer));
    let without = facts(&answers, None, false);
    assert_eq!(reason(&without.mapping), Some(Reason::NoResponse));
    assert_eq!(without.open, Fact::Determined(true));
}

#[test]
fn without_a_nat_every_server_sees_the_local_address() {
    let answers = [
        sees(0, "198.51.100.1:3478", LOCAL),
        sees(1, "198.51.100.2:3478", LOCAL),
    ];
    let facts = facts(&answers, Some(address(LOCAL)), false);
    assert_eq!(
        facts.mapping,
        Fact::Determined(Mapping::EndpointIndependent)
    );
    assert_eq!(facts.reflexive_addresses, [address(LOCAL)]);
}

#[test]
fn one_that_sees_the_local_address_and_one_that_does_not_contradict_each_other() {
    let answers = [
        sees(0, "198.51.100.1:3478", LOCAL),
        sees(0, "198.51.100.1:3479", "192.0.2.2:9"),
        sees(1, "198.51.100.2:3478", "192.0.2.2:7"),
    ];
    assert_eq!(reason(&mapping_of(&answers)), Some(Reason::Contradiction));
}

#[test]
fn several_external_addresses_are_a_matter_of_pooling() {
    let answers = [
        sees(0, "198.51.100.1:3478", "203.0.113.1:1"),
        sees(1, "198.51.100.2:3478", "203.0.113.2:1"),
    ];
    // One of two may be wrong.
    assert_eq!(reason(&mapping_of(&answers)), Some(Reason::TooFewServers));
    let third = sees(2, "198.51.100.3:3478", "203.0.113.3:1");
    let answers = [answers[0], answers[1], third];
    assert_eq!(reason(&mapping_of(&answers)), Some(Reason::AddressPooling));
    let known = facts(&ports([1; 5]), Some(address(LOCAL)), true).mapping;
    assert_eq!(reason(&known), Some(Reason::AddressPooling));
    // Seen from another socket.
    let mut more = ports([1; 5]);
    more.push(StreamSeen {
        local: Some(address("192.0.2.2:40001")),
        ..sees(2, "198.51.100.9:443", "203.0.113.2:1")
    });
    assert_eq!(reason(&mapping_of(&more)), Some(Reason::AddressPooling));
    // That the ports differ is true whatever the pool.
    let differing = facts(&ports([1, 2, 3, 4, 5]), Some(address(LOCAL)), true).mapping;
    assert_eq!(
        differing,
        Fact::Determined(Mapping::AddressAndPortDependent)
    );
}

#[test]
fn who_reports_what_cannot_be_is_not_believed() {
    for lie in [
        "0.0.0.0:1",
        "203.0.113.1:0",
        "127.0.0.1:1",
        "198.51.100.7:3478",
    ] {
        let mut answers = ports([1, 1, 1, 1, 0]);
        answers.push(sees(1, "198.51.100.7:3478", lie));
        let facts = facts(&answers, Some(address(LOCAL)), false);
        assert_eq!(
            facts.mapping,
            Fact::Determined(Mapping::EndpointIndependent),
            "{lie}"
        );
        assert_eq!(facts.reflexive_addresses.len(), 1, "{lie}");
    }
}

#[test]
fn one_against_all_others_is_left_out() {
    let mut answers = ports([1; 5]);
    answers.push(sees(2, "198.51.100.8:3478", "203.0.113.1:9"));
    let facts = facts(&answers, Some(address(LOCAL)), false);
    assert_eq!(
        facts.mapping,
        Fact::Determined(Mapping::EndpointIndependent)
    );
    assert_eq!(facts.reflexive_addresses, [address("203.0.113.1:1")]);
}

#[test]
fn the_local_address_in_a_plain_attribute_may_be_a_gateways() {
    let plain = Outcome::Answered {
        reflexive: Some(address(LOCAL)),
        is_xor: false,
    };
    let answers = [
        seen(0, "198.51.100.1:3478", plain),
        seen(1, "198.51.100.2:3478", plain),
    ];
    let facts = facts(&answers, Some(address(LOCAL)), false);
    assert_eq!(reason(&facts.mapping), Some(Reason::PlainAddressOnly));
    assert!(facts.reflexive_addresses.is_empty());
    assert_eq!(facts.open, Fact::Determined(true));
}

#[test]
fn tcp_is_open_only_if_stun_is_answered_and_never_blocked_by_servers_without_it() {
    use Outcome::{Failed, Forbidden, NotStun, Refused, Silent};
    let error = Outcome::Answered {
        reflexive: None,
        is_xor: false,
    };
    for (outcomes, expected) in [
        (&[][..], Err(Reason::NotApplicable)),
        (&[Refused, Refused], Err(Reason::NoResponse)),
        (&[Silent, Silent, Silent], Err(Reason::NoResponse)),
        (&[NotStun, NotStun], Err(Reason::NoResponse)),
        (&[Failed], Err(Reason::NoResponse)),
        (&[Forbidden, Silent], Err(Reason::NoResponse)),
        (&[Forbidden, Forbidden], Ok(false)),
        (&[Silent, Refused, error], Ok(true)),
    ] {
        let answers: Vec<StreamSeen> = outcomes
            .iter()
            .zip(1..)
            .map(|(outcome, n)| seen(n, &format!("198.51.100.{n}:3478"), *outcome))
            .collect();
        let facts = facts(&answers, Some(address(LOCAL)), false);
        match expected {
            Ok(open) => assert_eq!(facts.open, Fact::Determined(open), "{outcomes:?}"),
            Err(why) => assert_eq!(reason(&facts.open), Some(why), "{outcomes:?}"),
        }
        assert_eq!(facts.servers.all(), outcomes.len());
        assert!(!facts.mapping.is_determined(), "{outcomes:?}");
    }
}

#[test]
fn an_address_counts_once_and_for_its_best() {
    let to = "198.51.100.1:443";
    let answers = [
        seen(0, to, Outcome::Silent),
        sees(0, to, OUTSIDE),
        seen(0, to, Outcome::NotStun),
        seen(1, "198.51.100.2:443", Outcome::Silent),
        seen(1, "198.51.100.2:443", Outcome::NotStun),
        seen(2, "198.51.100.3:443", Outcome::Forbidden),
    ];
    let expected = StreamCounts {
        answered: 1,
        not_stun: 1,
        failed: 1,
        ..StreamCounts::default()
    };
    assert_eq!(counts(&answers), expected);
}

#[test]
fn the_detail_counts_who_did_what() {
    let answers = [
        seen(0, "198.51.100.1:3478", Outcome::Refused),
        seen(1, "198.51.100.2:3478", Outcome::Silent),
        seen(2, "198.51.100.3:3478", Outcome::Silent),
    ];
    let open = facts(&answers, Some(address(LOCAL)), false).open;
    let Fact::Inconclusive { detail, .. } = open else {
        panic!("{open:?}");
    };
    assert!(
        detail.contains("of 3 addresses 1 refused, 2 were silent"),
        "{detail}"
    );
}
