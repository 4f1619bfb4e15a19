//! Servers without behaviour discovery, or with a faulty one.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

const SECOND: &[&str] = &["-s", "stun:203.0.113.11"];

const GOOD_OR_UNKNOWN: &[(i32, &str)] = &[(0, "good"), (3, "inconclusive")];

/// It answers, and that is all.
const WITHOUT_DISCOVERY: Server = Server {
    behavior_discovery: Some("absent"),
    ..SERVER4
};

/// One answer shows that there is a NAT, and nothing of how it maps.
pub const PLAIN_SERVER: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
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
                    ("filtering", Unknown),
                ],
                "",
            )
        }],
        servers: &[WITHOUT_DISCOVERY],
    },
    trusting: false,
    repeated: false,
};

/// Two servers at two addresses show the mapping. Filtering needs more.
pub const TWO_PLAIN_SERVERS: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: &["-s", "stun:203.0.113.10", "-s", "stun:203.0.113.11"],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: Some("none"),
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    EIM,
                    PORT_KEPT,
                    ("filtering", Because("no-behavior-discovery")),
                ],
                "",
            )
        }],
        servers: &[WITHOUT_DISCOVERY],
    },
    trusting: false,
    repeated: false,
};

/// Two servers at two addresses show that the mapping depends on the endpoint, not on what part of it.
pub const TWO_PLAIN_SERVERS_RANDOM: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..behind(&[private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])])
    },
    args: &["-s", "stun:203.0.113.10", "-s", "stun:203.0.113.11"],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: Some("none"),
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    PORT_CHANGED,
                    RANDOM,
                    ("mapping", Because("endpoint-dependent")),
                    ("filtering", Because("no-behavior-discovery")),
                ],
                "",
            )
        }],
        servers: &[WITHOUT_DISCOVERY],
    },
    trusting: false,
    repeated: false,
};

/// The same server under two URIs is one server.
pub const ONE_PLAIN_SERVER_TWICE: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: &["-s", "stun:203.0.113.10", "-s", "203.0.113.10:3478"],
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
                    ("filtering", Unknown),
                ],
                "",
            )
        }],
        servers: &[WITHOUT_DISCOVERY],
    },
    trusting: false,
    repeated: false,
};

/// The pool has another address for every server, and there is only one server to ask.
pub const PLAIN_SERVER_BEHIND_POOL: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ip: POOL_ADDRESSES,
        ..behind(&[private4(&[nats::POOL_BY_SERVER, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: Some("none"),
            ..seen4(
                &["203.0.113.20"],
                &[
                    OPEN,
                    NAT,
                    ("address_pooling", Not("paired")),
                    ("mapping", Unknown),
                    ("filtering", Unknown),
                ],
                "",
            )
        }],
        servers: &[WITHOUT_DISCOVERY],
    },
    trusting: false,
    repeated: false,
};

/// Asked at its second address coturn 4.6 names that very address as the other one, and sends what should come from another
/// address from there. So a packet from the primary address comes back for "from the other address, please": no proof that
/// the path lets others in. Versions without that fault may find out more.
pub const FAULTY_ALTERNATE: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::STATEFUL_FILTER,
    ])]),
    args: SECOND,
    expected: Expected {
        outcomes: GOOD_OR_UNKNOWN,
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    PORT_KEPT,
                    ("mapping", AtMost("endpoint-independent")),
                    ("filtering", AtMost("address-and-port-dependent")),
                ],
                "",
            )
        }],
        servers: &[SECOND_ADDRESS],
    },
    trusting: false,
    repeated: true,
};

/// The same where all may come in.
pub const FAULTY_ALTERNATE_FULL_CONE: Scenario = Scenario {
    plan: behind(&[private4(&[nats::FULL_CONE, filters::NO_STRAYS])]),
    args: SECOND,
    expected: Expected {
        outcomes: GOOD_OR_UNKNOWN,
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    PORT_KEPT,
                    ("mapping", AtMost("endpoint-independent")),
                    ("filtering", AtMost("endpoint-independent")),
                ],
                "",
            )
        }],
        servers: &[SECOND_ADDRESS],
    },
    trusting: false,
    repeated: false,
};

/// The same where each destination has a port of its own: two ports of one address show that the port matters, no more.
pub const FAULTY_ALTERNATE_RANDOM: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])]),
    args: SECOND,
    expected: Expected {
        outcomes: GOOD_OR_UNKNOWN,
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    PORT_CHANGED,
                    RANDOM,
                    ("mapping", AtMost("address-and-port-dependent")),
                    ("filtering", AtMost("address-and-port-dependent")),
                ],
                "",
            )
        }],
        servers: &[SECOND_ADDRESS],
    },
    trusting: false,
    repeated: false,
};

/// The faulty one first, a sound one after it: the sound one is used.
pub const FAULTY_ALTERNATE_BEFORE_SOUND: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::STATEFUL_FILTER,
    ])]),
    args: &["-s", "stun:203.0.113.11", "-s", "stun:203.0.113.10"],
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        &[SERVER4, SECOND_ADDRESS],
    ),
    trusting: false,
    repeated: true,
};
