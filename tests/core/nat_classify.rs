//! The rules on evidence that once led to a false fact, each taken from a real or scripted server.

use std::net::{IpAddr, SocketAddr};

use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::proto::nat::behavior::classify;
use rtcdiag::proto::nat::behavior::evidence::{
    Changed, FilteringSeen, Heard, MappingSeen, PerForm, PortSeen,
};
use rtcdiag::proto::nat::behavior::ports::port_facts;
use rtcdiag::proto::nat::behavior::words::{AddressPooling, Filtering, Mapping};
use rtcdiag::proto::nat::loss::Loss;

fn seen(server: usize, destination: &str, reflexive: &str) -> MappingSeen {
    MappingSeen {
        server,
        destination: address(destination),
        reflexive: address(reflexive),
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn reason<T>(fact: &Fact<T>) -> Option<Reason> {
    match fact {
        Fact::Inconclusive { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[test]
fn two_uplinks_chosen_by_destination_are_no_endpoint_dependent_mapping() {
    let answers = [
        seen(0, "198.51.100.1:3478", "203.0.113.1:5247"),
        seen(0, "198.51.100.1:3479", "203.0.113.1:5247"),
        seen(1, "198.51.100.3:3478", "203.0.113.7:7694"),
        seen(1, "198.51.100.3:3479", "203.0.113.7:7694"),
    ];
    let (mapping, left_out) = classify::mapping(&answers);
    assert_eq!(reason(&mapping), Some(Reason::TooFewServers));
    assert_eq!(left_out, None);
    let external: Vec<(usize, IpAddr)> = answers
        .iter()
        .map(|a| (a.server, a.reflexive.ip()))
        .collect();
    let pooling = classify::address_pooling(&Fact::Determined(true), &external, 4);
    assert_eq!(reason(&pooling), Some(Reason::Contradiction));
}

/// With two servers that see different addresses, one of which may be wrong, nothing is said of the mapping but what
/// they agree in.
#[test]
fn two_servers_that_see_different_addresses_do_not_tell_the_mapping() {
    let of_two = |second: &str| {
        let answers = [
            seen(0, "198.51.100.1:3478", "203.0.113.1:5000"),
            seen(1, "192.0.2.3:3478", second),
        ];
        match classify::mapping(&answers).0 {
            Fact::Inconclusive { reason, detail } => (reason, detail),
            other => panic!("{other:?}"),
        }
    };
    for (second, agree) in [
        ("203.0.113.7:5000", "another address with the same port"),
        ("203.0.113.7:5001", "another address and port"),
        (
            "192.0.2.99:5000",
            "192.0.2.99 is in the network of 192.0.2.3:3478 itself",
        ),
    ] {
        let (reason, detail) = of_two(second);
        assert_eq!(reason, Reason::TooFewServers, "{detail}");
        assert!(detail.contains(agree), "{detail}");
        assert!(detail.contains(second), "{detail}");
    }
    // Another port of one address is the NAT's.
    let ports = [
        seen(0, "198.51.100.1:3478", "203.0.113.1:5000"),
        seen(1, "192.0.2.3:3478", "203.0.113.1:5001"),
    ];
    let mapping = classify::mapping(&ports).0;
    assert_eq!(reason(&mapping), Some(Reason::EndpointDependent));
}

/// RFC 5780 4.3 takes one server with two addresses, so that another one that differs in the port settles nothing.
#[test]
fn the_tests_of_one_server_stand_against_a_single_answer_of_another() {
    let whole = [
        seen(0, "198.51.100.1:3478", "203.0.113.1:5000"),
        seen(0, "198.51.100.2:3478", "203.0.113.1:5000"),
    ];
    let settled = |other: &str| {
        let answers = [whole[0], whole[1], seen(1, "192.0.2.3:3478", other)];
        classify::settled_by_one(&answers, address("192.168.1.2:4000")).is_some()
    };
    assert!(settled("203.0.113.1:5001"));
    // Who sees the socket's own port has not made it up, and other lines have other addresses.
    assert!(!settled("203.0.113.1:4000"));
    assert!(!settled("203.0.113.7:5000"));
    assert!(!settled("203.0.113.1:5000"));
}

#[test]
fn one_server_against_all_others_is_left_out() {
    let answers = [
        seen(0, "198.51.100.1:3478", "203.0.113.1:5000"),
        seen(0, "198.51.100.2:3479", "203.0.113.1:5000"),
        seen(1, "198.51.100.3:3478", "203.0.113.1:5000"),
        seen(2, "198.51.100.4:3478", "203.0.113.1:5001"),
    ];
    let (mapping, left_out) = classify::mapping(&answers);
    assert_eq!(mapping, Fact::Determined(Mapping::EndpointIndependent));
    assert_eq!(left_out, Some(2));
    let (undecided, _) = classify::mapping(&answers[1..]);
    assert_eq!(reason(&undecided), Some(Reason::Contradiction));
}

#[test]
fn two_server_addresses_do_not_make_addresses_paired() {
    let one = vec![(0, "203.0.113.1".parse().expect("an address")); 20];
    let nat = Fact::Determined(true);
    assert_eq!(
        reason(&classify::address_pooling(&nat, &one, 2)),
        Some(Reason::TooFewServers)
    );
    assert_eq!(
        classify::address_pooling(&nat, &one, 4),
        Fact::Determined(AddressPooling::Paired)
    );
}

/// A filter that looks at addresses, as a server shows it that answers CHANGE-REQUEST.
fn address_dependent(elsewhere: Loss) -> FilteringSeen {
    FilteringSeen {
        probes: PerForm::from_array([Changed::Silent, Changed::Arrived, Changed::Silent]),
        after: PerForm::from_array([Heard::Yes; 3]),
        alive: PerForm::from_array([Heard::Yes; 3]),
        controls: PerForm::from_array([Changed::Arrived; 3]),
        elsewhere,
        silent_tries: 9,
        again: Changed::Arrived,
        alternate_visited: false,
    }
}

#[test]
fn silence_counts_for_nothing_where_controls_are_hardly_answered() {
    let reliable = address_dependent(Loss { sent: 7, lost: 1 });
    assert_eq!(
        classify::filtering(&reliable),
        Fact::Determined(Filtering::AddressDependent)
    );
    let unreliable = address_dependent(Loss { sent: 16, lost: 11 });
    assert_eq!(
        reason(&classify::filtering(&unreliable)),
        Some(Reason::PacketLoss)
    );
}

/// One answer may have come by a hole of earlier traffic from the same local port.
#[test]
fn an_answer_from_the_other_port_has_to_come_to_two_sockets() {
    let seen = |again| FilteringSeen {
        again,
        ..address_dependent(Loss { sent: 7, lost: 0 })
    };
    for (again, expected) in [
        (Changed::Silent, Reason::Contradiction),
        (Changed::Unproven, Reason::PacketLoss),
        (Changed::Pending, Reason::PacketLoss),
        (Changed::FromPrimary, Reason::ServerIgnoresChangeRequest),
    ] {
        let fact = classify::filtering(&seen(again));
        assert_eq!(reason(&fact), Some(expected), "{again:?}");
    }
}

#[test]
fn random_ports_of_a_small_block_are_not_sequential() {
    let nat = Fact::Determined(true);
    let sample = |ports: [u16; 12]| {
        let samples = ports.map(|external| PortSeen {
            local: 40_000,
            external,
        });
        port_facts(&nat, &samples, Some(5003))
    };
    let random = sample([
        5004, 5017, 5000, 5011, 5001, 5019, 5002, 5006, 5012, 5005, 5009, 5015,
    ]);
    assert!(!random.assignment.is_determined(), "{random:?}");
    assert!(!random.step.is_determined(), "{random:?}");
    let reordered = sample([
        5005, 5004, 5006, 5008, 5007, 5009, 5011, 5010, 5013, 5012, 5014, 5015,
    ]);
    assert_eq!(reordered.step, Fact::Determined(1));
}
