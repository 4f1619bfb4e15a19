use rtcdiag::base::fact::Fact;
use rtcdiag::base::fact::Reason;
use rtcdiag::proto::nat::behavior::words::Mapping;
use rtcdiag::proto::nat::collision::rules::*;
use std::net::IpAddr;
use std::net::SocketAddr;

const EXTERNAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));
const PORT: u16 = 40_000;
const DESTINATIONS: [&str; 3] = [
    "198.51.100.1:3478",
    "198.51.100.2:3478",
    "198.51.100.2:3479",
];

fn seen(destination: &str, port: Option<u16>) -> Sighting {
    Sighting {
        destination: destination.parse().expect("an address"),
        reflexive: port.map(|port| SocketAddr::new(EXTERNAL, port)),
    }
}

/// A round in which the port is held, and the second host is seen with these ports.
fn round(setup: Setup, ports: [Option<u16>; 3]) -> RoundSeen {
    let held = match setup {
        Setup::AllHeld => DESTINATIONS.to_vec(),
        _ => DESTINATIONS[..1].to_vec(),
    };
    let mut second: Vec<Sighting> = DESTINATIONS
        .into_iter()
        .zip(ports)
        .map(|(to, port)| seen(to, port))
        .collect();
    if setup == Setup::HeldLast {
        second.rotate_left(1);
    }
    RoundSeen {
        setup,
        holder: SocketAddr::from(([192, 0, 2, 3], PORT)),
        held: held.into_iter().map(|to| seen(to, Some(PORT))).collect(),
        second,
        after: Some(SocketAddr::new(EXTERNAL, PORT)),
    }
}

/// Two rounds of each setup, in which the second host is seen so.
fn rounds(held_first: [u16; 3], held_last: [u16; 3], all_held: [u16; 3]) -> Vec<RoundSeen> {
    [held_first, held_last, all_held]
        .into_iter()
        .zip(SETUPS)
        .flat_map(|(ports, setup)| [(); 2].map(|()| round(setup, ports.map(Some))))
        .collect()
}

fn reason<T>(fact: &Fact<T>) -> Option<Reason> {
    match fact {
        Fact::Determined(_) => None,
        Fact::Inconclusive { reason, .. } | Fact::NotTested { reason } => Some(*reason),
    }
}

#[test]
fn nats_that_differ_only_in_a_collision() {
    use Mapping::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
    for (name, seen, mapping, overloading) in [
        (
            "another port for all",
            rounds([7, 7, 7], [7, 7, 7], [7, 7, 7]),
            EndpointIndependent,
            false,
        ),
        (
            "the same port for all",
            rounds([PORT; 3], [PORT; 3], [PORT; 3]),
            EndpointIndependent,
            true,
        ),
        (
            "another port wherever it is held",
            rounds([7, PORT, PORT], [7, PORT, PORT], [7, 8, 9]),
            AddressAndPortDependent,
            true,
        ),
        (
            "symmetric by address and port",
            rounds([7, 8, 9], [7, 8, 9], [7, 8, 9]),
            AddressAndPortDependent,
            false,
        ),
        (
            "symmetric by address",
            rounds([7, 8, 8], [7, 8, 8], [7, 8, 8]),
            AddressDependent,
            false,
        ),
    ] {
        let facts = facts(&seen, EXTERNAL);
        assert_eq!(facts.mapping, Fact::Determined(mapping), "{name}");
        assert_eq!(facts.overloading, Fact::Determined(overloading), "{name}");
        assert_eq!(facts.order_matters, Fact::Determined(false), "{name}");
    }
}

/// Then it depends on more than the endpoint, and only so much is known.
#[test]
fn a_nat_that_goes_by_what_is_asked_first() {
    let seen = rounds([7, 7, 7], [7, PORT, PORT], [7, 7, 7]);
    let found = facts(&seen, EXTERNAL);
    assert_eq!(reason(&found.mapping), Some(Reason::EndpointDependent));
    assert_eq!(found.overloading, Fact::Determined(true));
    assert_eq!(found.order_matters, Fact::Determined(true));
    // Another port of the address that is held tells what it depends on.
    for (port, mapping) in [
        (PORT, Mapping::AddressAndPortDependent),
        (7, Mapping::AddressDependent),
    ] {
        let mut seen = seen.clone();
        for round in &mut seen {
            let port = match round.setup {
                Setup::HeldLast => port,
                _ => 7,
            };
            round
                .second
                .push(self::seen("198.51.100.1:3479", Some(port)));
        }
        let found = facts(&seen, EXTERNAL);
        assert_eq!(found.mapping, Fact::Determined(mapping), "{port}");
    }
}

#[test]
fn two_addresses_with_one_port_each_cannot_tell_what_it_depends_on() {
    let mut seen = rounds([7, 8, 8], [7, 8, 8], [7, 8, 8]);
    for round in &mut seen {
        round.second.retain(|s| s.destination.port() == 3478);
        round.held.truncate(2);
    }
    let found = facts(&seen, EXTERNAL);
    assert_eq!(reason(&found.mapping), Some(Reason::EndpointDependent));
    assert_eq!(found.overloading, Fact::Determined(false));
}

#[test]
fn without_a_collision_nothing_is_said() {
    type Change = fn(&mut RoundSeen);
    let cases: [(&str, Change, Reason); 6] = [
        (
            "no answer to the second address",
            |r| r.held.iter_mut().for_each(|s| s.reflexive = None),
            Reason::NoSecondAddress,
        ),
        (
            "it is not translated",
            |r| r.held[0].reflexive = Some(r.holder),
            Reason::NoSecondAddress,
        ),
        (
            "it has another external address",
            |r| r.held[0].reflexive = Some(SocketAddr::from(([203, 0, 113, 2], PORT))),
            Reason::NoSecondAddress,
        ),
        (
            "it got another port",
            |r| r.held[0].reflexive = Some(SocketAddr::new(EXTERNAL, 7)),
            Reason::PortNotPreserved,
        ),
        (
            "it had another one at the end",
            |r| r.after = Some(SocketAddr::new(EXTERNAL, 7)),
            Reason::MappingChanged,
        ),
        (
            "it was silent at the end",
            |r| r.after = None,
            Reason::TooFewSamples,
        ),
    ];
    for (name, change, expected) in cases {
        let mut seen = rounds([7; 3], [7; 3], [7; 3]);
        seen.iter_mut().for_each(change);
        let found = facts(&seen, EXTERNAL);
        assert_eq!(reason(&found.mapping), Some(expected), "{name}: {found:?}");
        assert_eq!(reason(&found.overloading), Some(expected), "{name}");
        assert_eq!(
            found.is_for_another_address(),
            expected == Reason::NoSecondAddress
        );
    }
}

#[test]
fn some_rounds_may_fail_as_long_as_each_setup_has_one() {
    let mut seen = rounds([7; 3], [7; 3], [7; 3]);
    seen[0].held[0].reflexive = Some(SocketAddr::new(EXTERNAL, 9));
    seen[2].second[1].reflexive = None;
    seen[4].after = None;
    let found = facts(&seen, EXTERNAL);
    assert_eq!(
        found.mapping,
        Fact::Determined(Mapping::EndpointIndependent)
    );
    seen[1].held[0].reflexive = None;
    assert_eq!(
        reason(&facts(&seen, EXTERNAL).mapping),
        Some(Reason::TooFewSamples)
    );
}

#[test]
fn a_nat_that_drops_what_it_cannot_map_is_not_called_anything() {
    let mut seen = rounds([7; 3], [7; 3], [7; 3]);
    for round in &mut seen {
        round.second[0].reflexive = None;
    }
    let found = facts(&seen, EXTERNAL);
    assert_eq!(reason(&found.mapping), Some(Reason::NoResponse));
    assert_eq!(reason(&found.overloading), Some(Reason::NoResponse));
}

/// The holder loses its mapping to the second host.
#[test]
fn who_shares_a_port_may_lose_it() {
    let mut seen = rounds([PORT; 3], [PORT; 3], [PORT; 3]);
    for round in &mut seen {
        round.after = None;
    }
    let found = facts(&seen, EXTERNAL);
    assert_eq!(found.overloading, Fact::Determined(true));
    assert_eq!(
        found.mapping,
        Fact::Determined(Mapping::EndpointIndependent)
    );
}

#[test]
fn ports_that_disagree_and_addresses_that_change_are_contradictions() {
    let mut seen = rounds([7; 3], [7; 3], [7; 3]);
    seen[1] = round(Setup::HeldFirst, [7, 8, 9].map(Some));
    assert_eq!(
        reason(&facts(&seen, EXTERNAL).mapping),
        Some(Reason::Contradiction)
    );
    let mut seen = rounds([7; 3], [7; 3], [7; 3]);
    seen[1].second[0].reflexive = Some(SocketAddr::from(([203, 0, 113, 2], 7)));
    assert_eq!(
        reason(&facts(&seen, EXTERNAL).mapping),
        Some(Reason::AddressPooling)
    );
}
