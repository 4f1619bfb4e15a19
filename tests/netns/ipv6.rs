//! IPv6, alone and beside IPv4.

use super::expect::Want::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

const CLIENT6: &[&str] = &["2001:db8:1::2"];
/// IPv4 is translated and needs no way back, IPv6 is not.
const ROUTE_BACK6: (&str, &str) = ("srv", "-6 route add 2001:db8:1::/64 via 2001:db8:113::1");

pub const IPV6_OPEN: Scenario = Scenario {
    plan: behind(&[public6(&[])]),
    args: IPV6,
    expected: good(
        &[seen6(CLIENT6, &[OPEN, NO_NAT, EIM, EIF], "open-internet")],
        &[SERVER6],
    ),
    trusting: false,
    repeated: false,
};

pub const IPV6_FILTER: Scenario = Scenario {
    plan: behind(&[public6(&[filters::STATEFUL_FILTER])]),
    args: IPV6,
    expected: good(
        &[seen6(
            CLIENT6,
            &[OPEN, NO_NAT, EIM, APDF],
            "symmetric-firewall",
        )],
        &[SERVER6],
    ),
    trusting: false,
    repeated: true,
};

pub const NAT66: Scenario = Scenario {
    plan: behind(&[private6(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: IPV6,
    expected: good(
        &[seen6(
            ROUTER6,
            &[
                OPEN, NAT, EIM, APDF, PORT_KEPT, PRESERVED, NO_HAIRPIN, PAIRED,
            ],
            "port-restricted-cone",
        )],
        &[SERVER6],
    ),
    trusting: false,
    repeated: true,
};

pub const PREFIX_TRANSLATION: Scenario = Scenario {
    plan: Plan {
        ip: &[("r0", "addr add 2001:db8:113::20/128 dev wan nodad")],
        ..behind(&[private6(&[nats::PREFIX_TRANSLATION])])
    },
    args: IPV6,
    expected: good(
        &[seen6(
            &["2001:db8:113::20"],
            &[OPEN, NAT, EIM, EIF, PORT_KEPT],
            "full-cone",
        )],
        &[SERVER6],
    ),
    trusting: false,
    repeated: false,
};

/// The usual home: IPv4 translated, IPv6 only filtered, both in one report.
pub const DUAL_STACK: Scenario = Scenario {
    plan: Plan {
        ip: &[ROUTE_BACK6],
        ..behind(&[Router {
            lan6: Some("2001:db8:1"),
            ..private4(&[
                nats::MASQUERADE_IPV4,
                filters::NO_STRAYS,
                filters::STATEFUL_FILTER,
            ])
        }])
    },
    args: BOTH,
    expected: good(
        &[
            seen4(
                ROUTER4,
                &[OPEN, NAT, EIM, APDF, PORT_KEPT],
                "port-restricted-cone",
            ),
            seen6(CLIENT6, &[OPEN, NO_NAT, EIM, APDF], "symmetric-firewall"),
        ],
        &[SERVER4, SERVER6],
    ),
    trusting: false,
    repeated: true,
};

pub const DUAL_STACK_ONLY_IPV4: Scenario = Scenario {
    plan: Plan {
        ip: &[ROUTE_BACK6],
        ..behind(&[Router {
            lan6: Some("2001:db8:1"),
            ..private4(&[
                nats::MASQUERADE_IPV4,
                filters::NO_STRAYS,
                filters::STATEFUL_FILTER,
            ])
        }])
    },
    args: &[
        "-4",
        "-s",
        "stun:203.0.113.10",
        "-s",
        "stun:[2001:db8:113::10]",
    ],
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// A server of a family that the host does not have spoils nothing.
pub const NO_IPV6_BESIDE_IPV4: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: BOTH,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// One family carries UDP, the other does not: UDP is not blocked, and the report says which is which.
pub const IPV6_WITHOUT_UDP: Scenario = Scenario {
    plan: Plan {
        ip: &[ROUTE_BACK6],
        ..behind(&[Router {
            lan6: Some("2001:db8:1"),
            ..private4(&[
                nats::MASQUERADE_IPV4,
                filters::NO_STRAYS,
                filters::UDP_DROPPED_IPV6,
            ])
        }])
    },
    args: BOTH,
    expected: good(
        &[
            seen4(
                ROUTER4,
                &[OPEN, NAT, EIM, APDF, PORT_KEPT],
                "port-restricted-cone",
            ),
            seen6(
                &[],
                &[BLOCKED, ("mapping", Unknown), ("filtering", Unknown)],
                "udp-blocked",
            ),
        ],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};
