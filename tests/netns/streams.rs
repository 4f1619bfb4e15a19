//! STUN over TCP: whether it is answered, and how the NAT maps it.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

const TCP_OPEN: (&str, Want) = ("tcp.open", Yes);
const TCP_EIM: (&str, Want) = ("tcp.mapping", Is("endpoint-independent"));
const TCP_ADM: (&str, Want) = ("tcp.mapping", Is("address-dependent"));
const TCP_APDM: (&str, Want) = ("tcp.mapping", Is("address-and-port-dependent"));
const TCP_UNANSWERED: (&str, Want) = ("tcp.open", Because("no-response"));
const TCP_UNMAPPED: (&str, Want) = ("tcp.mapping", Because("no-response"));

/// The path of a client behind the usual router.
const fn path4(facts: Facts) -> Path {
    Path {
        legacy_name: None,
        ..seen4(ROUTER4, facts, "")
    }
}

pub const MASQUERADE: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(&[path4(&[OPEN, NAT, EIM, TCP_OPEN, TCP_EIM])], &[SERVER4]),
    trusting: false,
    repeated: true,
};

pub const RANDOM_PORTS: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(&[path4(&[OPEN, NAT, APDM, TCP_OPEN, TCP_APDM])], &[SERVER4]),
    trusting: false,
    repeated: true,
};

pub const WITHOUT_NAT: Scenario = Scenario {
    plan: behind(&[public4(&[])]),
    args: IPV4,
    expected: good(
        &[direct4(&[OPEN, NO_NAT, TCP_OPEN, TCP_EIM], "open-internet")],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// One external port for each remote address, over TCP alone.
pub const BY_ADDRESS: Scenario = Scenario {
    plan: behind(&[private4(&[nats::TCP_BY_ADDRESS, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(&[path4(&[OPEN, NAT, EIM, TCP_OPEN, TCP_ADM])], &[SERVER4]),
    trusting: false,
    repeated: false,
};

/// Each server sees another external address: the ports of those cannot be compared.
pub const POOL_BY_SERVER: Scenario = Scenario {
    plan: Plan {
        ip: POOL_ADDRESSES,
        ..behind(&[private4(&[nats::POOL_BY_SERVER, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(0, "good"), (3, "inconclusive")],
        paths: &[Path {
            reflexive: &[
                "203.0.113.20",
                "203.0.113.21",
                "203.0.113.22",
                "203.0.113.23",
            ],
            ..path4(&[
                OPEN,
                NAT,
                TCP_OPEN,
                ("tcp.mapping", Because("address-pooling")),
            ])
        }],
        servers: &[SERVER4],
    },
    trusting: false,
    repeated: false,
};

/// UDP and TCP are two things to a NAT.
pub const RANDOM_TCP_ONLY: Scenario = Scenario {
    plan: behind(&[private4(&[nats::TCP_RANDOM, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[path4(&[OPEN, NAT, EIM, PORT_KEPT, TCP_OPEN, TCP_APDM])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// TCP leaves by another address than UDP, and maps as it should.
pub const OTHER_ADDRESS: Scenario = Scenario {
    plan: Plan {
        ip: POOL_ADDRESSES,
        ..behind(&[private4(&[nats::TCP_OTHER_ADDRESS, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: good(&[path4(&[OPEN, NAT, EIM, TCP_OPEN, TCP_EIM])], &[SERVER4]),
    trusting: false,
    repeated: false,
};

/// Silence over TCP is not "blocked": servers need not offer it.
pub const DROPPED: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::TCP_DROPPED,
    ])]),
    args: IPV4,
    expected: good(
        &[path4(&[OPEN, NAT, EIM, TCP_UNANSWERED, TCP_UNMAPPED])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const RESET: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::TCP_RESET,
    ])]),
    args: IPV4,
    expected: good(
        &[path4(&[OPEN, NAT, EIM, TCP_UNANSWERED, TCP_UNMAPPED])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const REJECTED: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::TCP_REJECTED,
    ])]),
    args: IPV4,
    expected: good(
        &[path4(&[OPEN, NAT, EIM, TCP_UNANSWERED, TCP_UNMAPPED])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const LEFT_OUT: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: &["--no-tcp", "-s", "stun:203.0.113.10"],
    expected: good(
        &[path4(&[
            OPEN,
            NAT,
            EIM,
            ("tcp.open", Unknown),
            ("tcp.mapping", Unknown),
        ])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const ONE_PLAIN_SERVER: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[path4(&[
            OPEN,
            NAT,
            TCP_OPEN,
            ("tcp.mapping", Because("single-server")),
        ])],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

pub const TWO_PLAIN_SERVERS: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: &["-s", "stun:203.0.113.10", "-s", "stun:203.0.113.11"],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[path4(&[OPEN, NAT, EIM, TCP_OPEN, TCP_EIM])],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

pub const TWO_PLAIN_SERVERS_RANDOM: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..behind(&[private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])])
    },
    args: &["-s", "stun:203.0.113.10", "-s", "stun:203.0.113.11"],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[path4(&[
            OPEN,
            NAT,
            TCP_OPEN,
            ("tcp.mapping", Because("endpoint-dependent")),
        ])],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

/// Without UDP the mapping over TCP is what is left to know; the answers over TCP name the other address.
pub const WITHOUT_UDP: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::UDP_DROPPED,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(1, "bad")],
        paths: &[Path {
            reflexive: &[],
            ..path4(&[BLOCKED, ("mapping", Unknown), TCP_OPEN, TCP_EIM])
        }],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

pub const WITHOUT_UDP_RANDOM: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE_RANDOM,
        filters::NO_STRAYS,
        filters::UDP_DROPPED,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(1, "bad")],
        paths: &[Path {
            reflexive: &[],
            ..path4(&[BLOCKED, ("mapping", Unknown), TCP_OPEN, TCP_APDM])
        }],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

/// No server is asked over UDP.
pub const SERVERS_ALONE: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: &[
        "-s",
        "turn:203.0.113.10?transport=tcp",
        "-s",
        "turn:203.0.113.11?transport=tcp",
    ],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            reflexive: &[],
            ..path4(&[("udp", Unknown), TCP_OPEN, TCP_EIM])
        }],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

/// A server that is named for TLS counts as well; nothing else than TLS gets through.
pub const TCP_AND_TLS: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnTls,
        ..behind(&[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::ONLY_TCP_443,
        ])])
    },
    args: &["-s", "stuns:203.0.113.10:443"],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            reflexive: &[],
            ..path4(&[
                ("udp", Unknown),
                TCP_OPEN,
                ("tcp.mapping", Because("single-server")),
            ])
        }],
        servers: &[],
    },
    trusting: true,
    repeated: false,
};

pub const IPV6_ROUTED: Scenario = Scenario {
    plan: behind(&[public6(&[])]),
    args: IPV6,
    expected: good(
        &[seen6(
            &["2001:db8:1::2"],
            &[OPEN, NO_NAT, TCP_OPEN, TCP_EIM],
            "open-internet",
        )],
        &[SERVER6],
    ),
    trusting: false,
    repeated: false,
};

pub const NAT66: Scenario = Scenario {
    plan: behind(&[private6(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: IPV6,
    expected: good(
        &[seen6(
            ROUTER6,
            &[OPEN, NAT, EIM, TCP_OPEN, TCP_EIM],
            "port-restricted-cone",
        )],
        &[SERVER6],
    ),
    trusting: false,
    repeated: false,
};
