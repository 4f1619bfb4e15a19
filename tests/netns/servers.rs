//! Servers that fail, or that answer from half of their addresses only.

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
        &[SERVER4, SECOND_ADDRESS],
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
        &[SERVER4, failed("stun:stun.invalid:3478", &["dns"])],
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
        servers: &[failed("stun:stun.invalid:3478", &["dns"])],
    },
    trusting: false,
    repeated: false,
};
