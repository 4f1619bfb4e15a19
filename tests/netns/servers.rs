//! Servers that fail, or that answer from half of their addresses only; and hosts with two ways out.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

/// It answers, but how far it supports behaviour discovery is not what these are about.
const HALF_A_SERVER: Server = Server {
    behavior_discovery: None,
    ..SERVER4
};

/// `eth1` beside `eth0`, with a public address and a route of its own.
const TWO_UPLINKS: &[(&str, &str)] = &[
    (
        "client",
        "link add eth1 type veth peer name lan2 netns {r0}",
    ),
    ("client", "link set eth1 up"),
    ("r0", "link set lan2 up"),
    ("r0", "addr add 198.51.100.1/24 dev lan2"),
    ("client", "addr add 198.51.100.2/24 dev eth1"),
    (
        "client",
        "route add default via 198.51.100.1 dev eth1 metric 100",
    ),
    ("client", "rule add from 198.51.100.2 lookup 100"),
    (
        "client",
        "route add default via 198.51.100.1 dev eth1 table 100",
    ),
    ("srv", "route add 198.51.100.0/24 via 203.0.113.1"),
];

pub const DEAD_SERVER_BESIDE_LIVE: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::DEAD_ADDRESS,
    ])]),
    args: &["-s", "stun:203.0.113.99", "-s", "stun:203.0.113.10"],
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        &[SERVER4, failed("203.0.113.99:3478", &["timeout"])],
    ),
    trusting: false,
    repeated: true,
};

/// Nobody listens at that port, and the server's host says so.
pub const CLOSED_PORT_BESIDE_LIVE: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: &["-s", "stun:203.0.113.10:9999", "-s", "stun:203.0.113.10"],
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        &[SERVER4, failed("203.0.113.10:9999", &["refused"])],
    ),
    trusting: false,
    repeated: false,
};

/// The server names an address that is dead: silence from there proves nothing, behind whatever NAT.
pub const ALTERNATE_DEAD: Scenario = Scenario {
    plan: Plan {
        server_rules: &[filters::ALTERNATE_DEAD],
        ..behind(&[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::STATEFUL_FILTER,
        ])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: Some("none"),
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    PORT_KEPT,
                    ("mapping", Unknown),
                    ("filtering", Because("alternate-unreachable")),
                ],
                "",
            )
        }],
        servers: &[HALF_A_SERVER],
    },
    trusting: false,
    repeated: true,
};

/// The same where in truth nothing is filtered: the false verdict would be the opposite of the truth.
pub const ALTERNATE_DEAD_OPEN_INTERNET: Scenario = Scenario {
    plan: Plan {
        server_rules: &[filters::ALTERNATE_DEAD],
        ..behind(&[public4(&[])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[direct4(
            &[
                OPEN,
                NO_NAT,
                ("filtering", Because("alternate-unreachable")),
            ],
            "none",
        )],
        servers: &[HALF_A_SERVER],
    },
    trusting: false,
    repeated: false,
};

/// The alternate address hears, and nothing comes from it.
pub const ALTERNATE_MUTE: Scenario = Scenario {
    plan: Plan {
        server_rules: &[filters::ALTERNATE_MUTE],
        ..behind(&[private4(&[nats::FULL_CONE, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: Some("none"),
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    PORT_KEPT,
                    ("mapping", Unknown),
                    ("filtering", Because("alternate-unreachable")),
                ],
                "",
            )
        }],
        servers: &[HALF_A_SERVER],
    },
    trusting: false,
    repeated: false,
};

/// The alternate port is out of reach, the alternate address is not: mapping is known, and of filtering only that it is not
/// endpoint-independent.
pub const ONLY_PORT_3478: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::ONLY_PORT_3478,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: Some("none"),
            ..seen4(ROUTER4, &[OPEN, NAT, EIM, ("filtering", Unknown)], "")
        }],
        servers: &[HALF_A_SERVER],
    },
    trusting: false,
    repeated: false,
};

/// Both addresses of one server given as two servers: they agree.
pub const TWO_SERVERS: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::STATEFUL_FILTER,
    ])]),
    args: &["-s", "stun:203.0.113.10", "-s", "stun:203.0.113.11"],
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        &[SERVER4, answered("203.0.113.11:3478")],
    ),
    trusting: false,
    repeated: false,
};

/// Two ways out; the one that was asked for is reported, not that of the default route.
pub const SECOND_INTERFACE: Scenario = Scenario {
    plan: Plan {
        ip: TWO_UPLINKS,
        ..behind(&[private4(&[
            nats::TWO_UPLINKS,
            filters::NO_STRAYS,
            filters::STATEFUL_FILTER,
        ])])
    },
    args: &["--interface", "eth1", "-s", "stun:203.0.113.10"],
    expected: good(
        &[Path {
            local: "198.51.100.2",
            ..seen4(
                &["198.51.100.2"],
                &[OPEN, NO_NAT, EIM, APDF],
                "symmetric-firewall",
            )
        }],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// The same, named by its address.
pub const SECOND_LOCAL_ADDRESS: Scenario = Scenario {
    plan: Plan {
        ip: TWO_UPLINKS,
        ..behind(&[private4(&[
            nats::TWO_UPLINKS,
            filters::NO_STRAYS,
            filters::STATEFUL_FILTER,
        ])])
    },
    args: &["--local", "198.51.100.2", "-s", "stun:203.0.113.10"],
    expected: good(
        &[Path {
            local: "198.51.100.2",
            ..seen4(
                &["198.51.100.2"],
                &[OPEN, NO_NAT, EIM, APDF],
                "symmetric-firewall",
            )
        }],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// A name without an address is its own kind of failure, and spoils nothing.
pub const UNKNOWN_NAME_BESIDE_LIVE: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: &["-s", "stun:stun.invalid", "-s", "stun:203.0.113.10"],
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        &[SERVER4, failed("stun:stun.invalid", &["dns"])],
    ),
    trusting: false,
    repeated: false,
};

pub const UNKNOWN_NAME: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: &["-s", "stun:stun.invalid"],
    expected: Expected {
        outcomes: &[(2, "error")],
        paths: &[],
        servers: &[failed("stun:stun.invalid", &["dns"])],
    },
    trusting: false,
    repeated: false,
};
