//! The pairings.

use super::super::filters::*;
use super::super::nats;
use super::network::{Place, Side};
use super::rules::{self, FULL_CONE_HAIRPIN_BOTH, ISOLATED};
use super::{
    Case, HOME, Path, RENDEZVOUS, RENDEZVOUS6, SYMMETRIC, UDP, behind, check, nat, router,
};

const FULL_CONE: Side = behind(&[nat(&[nats::FULL_CONE, NO_STRAYS])]);
const RESTRICTED: Side = behind(&[nat(&[nats::ADDRESS_RESTRICTED, NO_STRAYS])]);
const BY_ADDRESS: Side = behind(&[nat(&[rules::BY_ADDRESS, NO_STRAYS])]);
const OPEN_SYMMETRIC: Side = behind(&[nat(&[rules::OPEN_SYMMETRIC, NO_STRAYS])]);
const PUBLIC: Side = behind(&[]);
const FIREWALL: Side = behind(&[router(&[STATEFUL_FILTER])]);
const TWO_NATS: Side = behind(&[
    nat(&[nats::MASQUERADE, NO_STRAYS]),
    nat(&[nats::MASQUERADE, NO_STRAYS]),
]);
const NO_UDP: Side = behind(&[nat(&[nats::MASQUERADE, NO_STRAYS, UDP_DROPPED])]);
const ONLY_443: Side = behind(&[nat(&[nats::MASQUERADE, NO_STRAYS, ONLY_TCP_443])]);
const IPV6_ONLY: Side = Side {
    has_ipv4: false,
    has_ipv6: true,
    ..FIREWALL
};
const DUAL_STACK: Side = Side {
    has_ipv6: true,
    ..behind(&[nat(&[nats::MASQUERADE_IPV4, NO_STRAYS, STATEFUL_FILTER])])
};
const TWO_LANS: Side = behind(&[nat(&[nats::MASQUERADE, NO_STRAYS, ISOLATED])]);
const TWO_LANS_HAIRPIN: Side = behind(&[nat(&[FULL_CONE_HAIRPIN_BOTH, ISOLATED])]);
/// Two more interfaces: a bridge without anything in it, and a link that leads nowhere.
const DOCKER: Side = Side {
    ip: &[
        "link add docker0 type bridge",
        "link set docker0 up",
        "addr add 172.17.0.1/16 dev docker0",
        "link add eth1 type veth peer name nowhere",
        "link set eth1 up",
        "link set nowhere up",
        "addr add 172.18.0.1/16 dev eth1",
    ],
    ..HOME
};

const TCP: &str = "-s stun:203.0.113.10 -s turn:203.0.113.10?transport=tcp";
const TLS: &str = "-s turns:203.0.113.10:443";
const STUN: &str = "-s stun:203.0.113.10";
const BOTH: &str = "-s stun:203.0.113.10 -s stun:[2001:db8:113::10] -s turn:203.0.113.10";
const TURN6: &str = "-s stun:[2001:db8:113::10] -s turn:[2001:db8:113::10]";

const DIRECT: &[&str] = &["direct"];
/// Whether the two inner networks are one is not known to either side.
const DIRECT_OR_UNKNOWN: &[&str] = &["direct", "unknown"];
const RELAY: &[&str] = &["relay"];
const RELAY_OR_UNKNOWN: &[&str] = &["relay", "unknown"];
const FAIL: &[&str] = &["fail"];

const fn direct(a: Side, b: Side) -> Case {
    Case {
        place: Place::Apart(a, b),
        rendezvous: [RENDEZVOUS, RENDEZVOUS],
        args: [UDP, UDP],
        path: Path::Direct,
        predicted: DIRECT,
        selected: None,
    }
}

const fn relayed(a: Side, b: Side) -> Case {
    Case {
        path: Path::Relayed,
        predicted: RELAY,
        ..direct(a, b)
    }
}

/// As `relayed`, where that nothing comes back is known only after a session this short.
const fn unmeasured(a: Side, b: Side) -> Case {
    Case {
        predicted: RELAY_OR_UNKNOWN,
        ..relayed(a, b)
    }
}

macro_rules! cases {
    ($($name:ident => $case:expr;)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name), &$case);
            }
        )*
    };
}

cases! {
    two_homes => direct(HOME, HOME);
    home_and_full_cone => direct(HOME, FULL_CONE);
    full_cone_and_symmetric => direct(FULL_CONE, SYMMETRIC);
    restricted_and_symmetric => direct(RESTRICTED, SYMMETRIC);
    home_and_symmetric => relayed(HOME, SYMMETRIC);
    two_symmetric => relayed(SYMMETRIC, SYMMETRIC);
    by_address_and_home => relayed(BY_ADDRESS, HOME);
    by_address_and_restricted => direct(BY_ADDRESS, RESTRICTED);
    open_symmetric_and_restricted => direct(OPEN_SYMMETRIC, RESTRICTED);
    public_and_symmetric => direct(PUBLIC, SYMMETRIC);
    firewall_and_home => direct(FIREWALL, HOME);
    firewall_and_symmetric => relayed(FIREWALL, SYMMETRIC);
    two_nats_and_home => direct(TWO_NATS, HOME);
    docker_and_home => direct(DOCKER, HOME);
    docker_and_symmetric => relayed(DOCKER, SYMMETRIC);
    no_udp_and_home => Case { args: [TCP, UDP], ..unmeasured(NO_UDP, HOME) };
    no_udp_and_home_without_turn => Case { args: [TCP, STUN], ..unmeasured(NO_UDP, HOME) };
    two_without_udp => Case { args: [TCP, TCP], ..unmeasured(NO_UDP, NO_UDP) };
    only_443_and_home => Case { args: [TLS, STUN], ..unmeasured(ONLY_443, HOME) };
    only_443_and_symmetric => Case { args: [TLS, UDP], ..unmeasured(ONLY_443, SYMMETRIC) };
    two_with_only_443 => Case { args: [TLS, TLS], ..unmeasured(ONLY_443, ONLY_443) };
    ipv6_only_and_dual_stack => Case { args: [TURN6, BOTH], rendezvous: [RENDEZVOUS6, RENDEZVOUS], ..direct(IPV6_ONLY, DUAL_STACK) };
    two_dual_stacks => Case { args: [BOTH, BOTH], ..direct(DUAL_STACK, DUAL_STACK) };
    nothing_possible => Case {
        args: [STUN, STUN],
        path: Path::None,
        predicted: FAIL,
        ..direct(SYMMETRIC, SYMMETRIC)
    };
    together => Case {
        place: Place::Together(HOME),
        selected: Some(["host", "host"]),
        ..direct(HOME, HOME)
    };
    together_behind_symmetric => Case {
        place: Place::Together(SYMMETRIC),
        selected: Some(["host", "host"]),
        ..direct(HOME, HOME)
    };
    next_door => Case {
        place: Place::NextDoor(HOME),
        selected: Some(["host", "host"]),
        predicted: DIRECT_OR_UNKNOWN,
        ..direct(HOME, HOME)
    };
    next_door_isolated => Case {
        place: Place::NextDoor(TWO_LANS),
        predicted: RELAY_OR_UNKNOWN,
        ..relayed(HOME, HOME)
    };
    next_door_isolated_with_hairpin => Case {
        place: Place::NextDoor(TWO_LANS_HAIRPIN),
        predicted: DIRECT_OR_UNKNOWN,
        ..direct(HOME, HOME)
    };
}
