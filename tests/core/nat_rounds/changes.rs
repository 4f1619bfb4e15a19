//! What counts as a change, and what does not.

use rtcdiag::base::family::Family;

use super::*;

const NONE: Vec<String> = Vec::new();

#[test]
fn the_first_round_compares_with_nothing_and_the_same_is_no_change() {
    assert_eq!(
        told(&[ordinary(), ordinary(), ordinary()]),
        [NONE, NONE, NONE]
    );
}

#[test]
fn every_fact_that_changes_is_told_once() {
    let symmetric = ordinary().with(|f| {
        f.mapping = Fact::Determined(Mapping::AddressAndPortDependent);
    });
    let open = ordinary().with(|f| f.filtering = Fact::Determined(Filtering::EndpointIndependent));
    let bare = ordinary().with(|f| f.nat = Fact::Determined(false));
    let blocked = ordinary().with(|f| f.udp = Fact::Determined(Udp::Blocked));
    let moved = Look {
        local: "192.0.2.11",
        ..ordinary()
    };
    let wireless = Look {
        interface: "wlan0",
        ..ordinary()
    };
    for (other, expected) in [
        (
            ordinary().seen_as(&["203.0.113.6"]),
            "public address: 203.0.113.5 -> 203.0.113.6",
        ),
        (
            symmetric,
            "mapping: endpoint-independent -> address-and-port-dependent",
        ),
        (
            open,
            "filtering: address-and-port-dependent -> endpoint-independent",
        ),
        (bare, "NAT: yes -> no"),
        (blocked, "UDP: open -> blocked"),
        (moved, "local address: 192.0.2.10 -> 192.0.2.11"),
        (wireless, "interface: eth0 -> wlan0"),
    ] {
        let told = told(&[ordinary(), other.clone(), other]);
        assert_eq!(told, [NONE, vec![expected.to_owned()], NONE]);
    }
}

/// A lost packet makes a fact inconclusive; that is no change, and neither is the round after it.
#[test]
fn what_could_not_be_determined_is_compared_with_the_last_that_could() {
    let unclear = ordinary().with(|f| {
        f.mapping = Fact::inconclusive(Reason::PacketLoss, "lost");
        f.filtering = Fact::inconclusive(Reason::PacketLoss, "lost");
        f.nat = Fact::inconclusive(Reason::PacketLoss, "lost");
    });
    let rounds = [ordinary(), unclear.clone(), ordinary()];
    assert_eq!(told(&rounds), [NONE, NONE, NONE]);
    // A first round that says nothing is no ground to compare with.
    assert_eq!(told(&[unclear.clone(), ordinary()]), [NONE, NONE]);
    let other = ordinary().with(|f| f.mapping = Fact::Determined(Mapping::AddressDependent));
    let mapping = "mapping: endpoint-independent -> address-dependent".to_owned();
    assert_eq!(
        told(&[ordinary(), unclear, other]),
        [NONE, NONE, vec![mapping]]
    );
}

#[test]
fn silence_is_told_and_the_address_is_the_same_when_it_ends() {
    let rounds = [
        ordinary(),
        ordinary().silent(),
        ordinary().silent(),
        ordinary(),
    ];
    let lost = vec!["answers: some -> none".to_owned()];
    let back = vec!["answers: none -> some".to_owned()];
    assert_eq!(told(&rounds), [NONE, lost, NONE, back.clone()]);
    assert_eq!(told(&[ordinary().silent(), ordinary()]), [NONE, back]);
}

#[test]
fn a_pool_of_addresses_is_not_a_change_each_round() {
    let pooled = |addresses: &[&str]| {
        ordinary()
            .seen_as(addresses)
            .with(|f| f.address_pooling = Fact::Determined(AddressPooling::Arbitrary))
    };
    let rounds = [
        pooled(&["203.0.113.5", "203.0.113.6"]),
        pooled(&["203.0.113.6", "203.0.113.7"]),
        pooled(&["203.0.113.5", "203.0.113.7"]),
        pooled(&["203.0.113.7"]),
    ];
    assert_eq!(told(&rounds), [NONE, NONE, NONE, NONE]);
    let elsewhere = [rounds[0].clone(), pooled(&["198.51.100.1"])];
    let change = "public address: 203.0.113.5 and 203.0.113.6 -> 198.51.100.1".to_owned();
    assert_eq!(told(&elsewhere), [NONE, vec![change]]);
    // Without a pool, a second address is one.
    let second = [
        ordinary(),
        ordinary().seen_as(&["203.0.113.5", "203.0.113.6"]),
    ];
    let change = "public address: 203.0.113.5 -> 203.0.113.5 and 203.0.113.6".to_owned();
    assert_eq!(told(&second), [NONE, vec![change]]);
}

/// A round that is under way when the address changes sees both, as with a pool.
#[test]
fn a_change_in_the_middle_of_a_round_is_told_by_the_next() {
    let one = || ordinary().seen_as(&["203.0.113.5"]);
    let both = || ordinary().seen_as(&["203.0.113.5", "203.0.113.6"]);
    let pooled =
        || both().with(|f| f.address_pooling = Fact::Determined(AddressPooling::Arbitrary));
    let unsettled =
        || both().with(|f| f.mapping = Fact::inconclusive(Reason::AddressPooling, "two"));
    let other = || ordinary().seen_as(&["203.0.113.6"]);
    let change = vec!["public address: 203.0.113.5 -> 203.0.113.6".to_owned()];
    for mixed in [pooled(), unsettled()] {
        let rounds = [one(), mixed.clone(), other(), other()];
        assert_eq!(told(&rounds), [NONE, NONE, change.clone(), NONE]);
        let rounds = [one(), mixed, one(), other()];
        assert_eq!(told(&rounds), [NONE, NONE, NONE, change.clone()]);
    }
    // Twice running: it is a pool, or there are two ways out.
    let rounds = [one(), pooled(), pooled(), other(), one()];
    assert_eq!(told(&rounds), [NONE, NONE, NONE, NONE, NONE]);
    let two_ways = "public address: 203.0.113.5 -> 203.0.113.5 and 203.0.113.6".to_owned();
    let rounds = [one(), unsettled(), unsettled()];
    assert_eq!(told(&rounds), [NONE, NONE, vec![two_ways]]);
}

#[test]
fn a_slower_path_is_told_with_its_share() {
    let slow = Look {
        trip: Duration::from_millis(60),
        ..ordinary()
    };
    let mut rounds = vec![ordinary(); 5];
    rounds.extend([slow.clone(), slow.clone(), slow]);
    let told = told(&rounds);
    assert_eq!(told[6], ["round trip: 20.0 -> 60.0 ms (+200 %)"]);
    let others = told.iter().enumerate().filter(|(n, _)| *n != 6);
    assert!(others.map(|(_, t)| t).all(Vec::is_empty), "{told:?}");
}

#[test]
fn a_path_that_goes_and_comes_back() {
    let mut run = Run::new(false);
    let ipv6 = Look {
        local: "2001:db8::10",
        ..ordinary()
    }
    .with(|f| f.reflexive_addresses.clear());
    run.round(&[ordinary()]);
    let appeared = run.round(&[ordinary(), ipv6]).changes;
    assert_eq!(words(&appeared), ["path: not there -> there"]);
    assert_eq!(appeared[0].family, Family::Ipv6);
    assert_eq!(
        words(&run.round(&[ordinary()]).changes),
        ["path: there -> gone"]
    );
    assert_eq!(run.ended(Outcome::Error, &[]).changes.len(), 1);
    assert!(run.ended(Outcome::Error, &[]).changes.is_empty());
    let back = run.round(&[ordinary().seen_as(&["203.0.113.9"])]);
    let expected = [
        "path: gone -> there",
        "public address: 203.0.113.5 -> 203.0.113.9",
    ];
    assert_eq!(words(&back.changes), expected);
}

/// Where every interface is tested, each is a path of its own.
#[test]
fn interfaces_are_told_apart_where_all_are_tested() {
    let second = Look {
        interface: "wlan0",
        local: "198.51.100.7",
        ..ordinary()
    };
    let mut run = Run::new(true);
    run.round(&[ordinary(), second.clone()]);
    assert!(run.round(&[ordinary(), second.clone()]).changes.is_empty());
    let changes = run
        .round(&[ordinary(), second.seen_as(&["203.0.113.8"])])
        .changes;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].interface.as_deref(), Some("wlan0"));
}
