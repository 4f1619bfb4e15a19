//! Which NATs lie one behind the other: each rule, and each case in which nothing may be said.

use std::net::IpAddr;

use rtcdiag::base::fact::{Fact, Reason};
use rtcdiag::proto::nat::SendError;
use rtcdiag::proto::nat::router::layers::{Layers, external_address};
use rtcdiag::proto::nat::router::{Meaning, Protocol, Refusal, Reply};

const YES: Fact<bool> = Fact::Determined(true);
const NO: Fact<bool> = Fact::Determined(false);

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A host behind a router with this external address, seen by servers as these.
struct Case {
    local: &'static str,
    external: Fact<IpAddr>,
    seen: &'static [&'static str],
    nat: Fact<bool>,
    on_path: bool,
    tunnel: bool,
}

const HOME: Case = Case {
    local: "192.168.1.20",
    external: Fact::not_tested(Reason::NoPortControl),
    seen: &["203.0.113.5"],
    nat: YES,
    on_path: true,
    tunnel: false,
};

fn behind(external: &str, seen: &'static [&'static str]) -> Case {
    Case {
        external: Fact::Determined(ip(external)),
        seen,
        ..HOME
    }
}

/// Carrier NAT and double NAT.
fn judge(case: &Case) -> (Fact<bool>, Fact<bool>) {
    let reflexive: Vec<IpAddr> = case.seen.iter().map(|text| ip(text)).collect();
    let layers = Layers {
        local: ip(case.local),
        tunnel: case.tunnel,
        router: Some(ip("192.168.1.1")),
        on_path: case.on_path,
        external: &case.external,
        reflexive: &reflexive,
        nat: &case.nat,
    };
    (layers.carrier_nat(), layers.double_nat())
}

/// Neither is known, for this reason.
#[track_caller]
fn assert_unknown(case: &Case, expected: Reason) {
    let (carrier, double) = judge(case);
    assert_eq!(reason(&carrier), Some(expected));
    assert_eq!(reason(&double), Some(expected));
}

fn reason(fact: &Fact<bool>) -> Option<Reason> {
    match fact {
        Fact::Determined(_) => None,
        Fact::Inconclusive { reason, detail } => {
            assert!(!detail.is_empty());
            Some(*reason)
        }
        Fact::NotTested { reason } => Some(*reason),
    }
}

#[test]
fn one_nat_if_router_and_servers_agree() {
    assert_eq!(judge(&behind("203.0.113.5", &["203.0.113.5"])), (NO, NO));
}

#[test]
fn a_shared_address_is_a_carriers() {
    assert_eq!(judge(&behind("100.64.3.4", &["203.0.113.5"])), (YES, YES));
    assert_eq!(judge(&behind("100.127.255.255", &["203.0.113.5"])).0, YES);
    // Just outside.
    assert_unknown(
        &behind("100.128.0.1", &["203.0.113.5"]),
        Reason::AddressMismatch,
    );
    let local = Case {
        local: "100.64.0.9",
        ..HOME
    };
    let (carrier, double) = judge(&local);
    assert_eq!(carrier, YES);
    assert_eq!(reason(&double), Some(Reason::NoPortControl));
}

#[test]
fn a_vpn_borrows_addresses_of_carriers() {
    let case = Case {
        local: "100.101.1.2",
        tunnel: true,
        ..HOME
    };
    assert_eq!(reason(&judge(&case).0), Some(Reason::OwnerUnknown));
}

#[test]
fn a_private_external_address_is_a_second_nat_of_somebody() {
    for external in ["192.168.178.20", "10.1.2.3", "172.16.0.2"] {
        let (carrier, double) = judge(&behind(external, &["203.0.113.5"]));
        assert_eq!(double, YES);
        assert_eq!(reason(&carrier), Some(Reason::OwnerUnknown));
    }
    // Also where the outer NAT has several addresses.
    let pool = behind("10.1.2.3", &["203.0.113.5", "203.0.113.6"]);
    assert_eq!(judge(&pool).1, YES);
}

/// A pool, a second uplink, or a VPN in the router look the same.
#[test]
fn another_public_address_is_no_proof() {
    assert_unknown(
        &behind("198.51.100.7", &["203.0.113.5"]),
        Reason::AddressMismatch,
    );
    let pool = behind("203.0.113.5", &["203.0.113.5", "203.0.113.6"]);
    assert_eq!(reason(&judge(&pool).1), Some(Reason::AddressPooling));
}

/// A server on this side of the internet sees what nobody outside sees.
#[test]
fn a_private_view_of_servers_is_no_proof() {
    let inside = behind("10.0.0.5", &["10.0.7.1"]);
    assert_eq!(reason(&judge(&inside).1), Some(Reason::AddressMismatch));
    assert_eq!(judge(&behind("10.0.0.5", &["10.0.0.5"])).1, NO);
}

#[test]
fn nothing_is_said_without_a_view_from_outside() {
    let blind = behind("10.1.2.3", &[]);
    assert_unknown(&blind, Reason::NoResponse);
    // But the shared address space says enough.
    assert_eq!(judge(&behind("100.64.3.4", &[])).0, YES);
}

#[test]
fn a_router_that_is_not_on_the_way_says_nothing() {
    for external in ["100.64.3.4", "10.1.2.3", "203.0.113.5"] {
        let case = Case {
            on_path: false,
            ..behind(external, &["203.0.113.5"])
        };
        assert_unknown(&case, Reason::RouterNotOnPath);
    }
}

#[test]
fn no_nat_no_second_one() {
    let case = Case {
        local: "203.0.113.5",
        nat: NO,
        ..behind("198.51.100.7", &["203.0.113.5"])
    };
    assert_unknown(&case, Reason::NoNat);
}

/// An access point that is a router for nobody, or a router that hands its address through.
#[test]
fn an_external_address_of_this_network_is_none() {
    for external in ["192.168.1.1", "192.168.1.20"] {
        assert_unknown(&behind(external, &["203.0.113.5"]), Reason::Unusable);
    }
}

#[test]
fn a_router_without_a_connection() {
    let unconnected = Fact::inconclusive(Reason::RouterNotConnected, "it says so");
    let case = Case {
        external: unconnected,
        ..HOME
    };
    let (_, double) = judge(&case);
    assert_eq!(reason(&double), Some(Reason::RouterNotConnected));
    assert!(matches!(double, Fact::Inconclusive { detail, .. } if detail.contains("behind a NAT")));
}

fn declines(code: u16, meaning: Meaning) -> Reply {
    Reply::Declines(Refusal {
        code,
        name: "said so".to_owned(),
        meaning,
    })
}

fn offers(addresses: &[&str]) -> Reply {
    Reply::Offers(addresses.iter().map(|text| ip(text)).collect())
}

/// What the three protocols say together.
fn together(pcp: &Reply, nat_pmp: &Reply, igd: &Reply) -> Fact<IpAddr> {
    external_address(&[
        (Protocol::Pcp, pcp),
        (Protocol::NatPmp, nat_pmp),
        (Protocol::UpnpIgd, igd),
    ])
}

#[test]
fn the_external_address_from_all_answers() {
    use Reply::{Closed, Cut, NotSent, Silent, Unusable};
    let one = "203.0.113.5";
    for (pcp, nat_pmp, igd) in [
        (offers(&[]), offers(&[one]), offers(&[one])),
        (Silent, Closed, offers(&[one])),
        // A service that is down beside one that is up.
        (Silent, Silent, offers(&["0.0.0.0", one])),
    ] {
        let known = Fact::Determined(ip(one));
        assert_eq!(together(&pcp, &nat_pmp, &igd), known);
    }
    let (none, other, two) = (offers(&[]), offers(&["203.0.113.6"]), [one, "203.0.113.6"]);
    let down = declines(3, Meaning::NotConnected);
    let not_allowed = declines(2, Meaning::NotAuthorized);
    let html = Unusable("html".to_owned());
    for (pcp, nat_pmp, igd, expected) in [
        (&none, &offers(&[one]), &other, Reason::Contradiction),
        (&Silent, &Silent, &offers(&two), Reason::Contradiction),
        (
            &none,
            &offers(&["0.0.0.0"]),
            &Silent,
            Reason::RouterNotConnected,
        ),
        (&none, &down, &Silent, Reason::RouterNotConnected),
        (&Silent, &not_allowed, &Silent, Reason::RouterRefuses),
        (&none, &Silent, &Silent, Reason::NotAskedFor),
        (&Silent, &Silent, &Closed, Reason::NoPortControl),
        (&Silent, &Silent, &html, Reason::Unusable),
        (
            &Silent,
            &NotSent(SendError::Forbidden),
            &Silent,
            Reason::EarlierFailure,
        ),
        (
            &Silent,
            &Cut(Reason::Interrupted),
            &Silent,
            Reason::Interrupted,
        ),
        (&Silent, &offers(&["127.0.0.1"]), &Silent, Reason::Unusable),
        (
            &Silent,
            &Silent,
            &offers(&["2001:db8::1"]),
            Reason::Unusable,
        ),
    ] {
        let fact = together(pcp, nat_pmp, igd);
        let found = reason(&fact.clone().map(|_| true));
        assert_eq!(
            found,
            Some(expected),
            "{pcp:?} {nat_pmp:?} {igd:?}: {fact:?}"
        );
    }
    for untouched in [Reason::LeftOut, Reason::NoRouter] {
        let not_asked = Reply::NotAsked(untouched);
        let fact = together(&not_asked, &not_asked, &not_asked);
        assert_eq!(fact, Fact::not_tested(untouched));
    }
}

#[test]
fn what_is_offered() {
    for (said, expected) in [
        (Reply::Silent, NO),
        (Reply::Closed, NO),
        (Reply::OtherVersion("1".to_owned()), NO),
        (offers(&[]), YES),
        (declines(7, Meaning::NotConnected), YES),
        (declines(8, Meaning::NoResources), YES),
        (declines(2, Meaning::NotAuthorized), NO),
        (declines(12, Meaning::AddressMismatch), NO),
    ] {
        assert_eq!(said.offered(), expected, "{said:?}");
    }
    for said in [
        declines(3, Meaning::Other),
        Reply::NotSent(SendError::Forbidden),
        Reply::Unusable("html".to_owned()),
        Reply::Cut(Reason::Timeout),
        Reply::NotAsked(Reason::LeftOut),
    ] {
        assert!(!said.offered().is_determined(), "{said:?}");
    }
}
