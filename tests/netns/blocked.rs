//! Paths that carry no UDP, and hosts without a path at all. Each cause has its own error code.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

/// What is true of every path that carries TCP and no UDP.
const ONLY_TCP: Facts = &[
    BLOCKED,
    ("mapping", Unknown),
    ("filtering", Unknown),
    ("nat", Unknown),
    ("hairpinning", Unknown),
    ("port_preservation", Unknown),
    ("tcp.open", Yes),
];

/// A path on which UDP has no answer.
const fn silent4(facts: Facts) -> Path {
    seen4(&[], facts, "udp-blocked")
}

pub const UDP_DROPPED: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::UDP_DROPPED,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(1, "bad")],
        paths: &[silent4(ONLY_TCP)],
        servers: &[failed("203.0.113.10:3478", &["timeout"])],
    },
    trusting: false,
    repeated: true,
};

/// Two servers, and no answer over UDP or TCP. "Blocked" may be said after that, or left open; nothing else.
pub const ALL_DROPPED: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::ALL_DROPPED,
    ])]),
    args: &["-s", "stun:203.0.113.10", "-s", "stun:203.0.113.11"],
    expected: Expected {
        outcomes: &[(1, "bad"), (3, "inconclusive")],
        paths: &[Path {
            legacy_name: None,
            ..silent4(&[
                ("udp", AtMost("blocked")),
                ("mapping", Unknown),
                ("filtering", Unknown),
                ("nat", Unknown),
                ("tcp.open", NotYes),
            ])
        }],
        servers: &[
            failed("203.0.113.10:3478", &["timeout"]),
            failed("203.0.113.11:3478", &["timeout"]),
        ],
    },
    trusting: false,
    repeated: false,
};

/// One server, and it is dead; the network is fine. That server's silence does not show that UDP is blocked.
pub const DEAD_SERVER_ALONE: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::DEAD_ADDRESS,
    ])]),
    args: &["-s", "stun:203.0.113.99"],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: Some("none"),
            ..silent4(&[
                ("udp", Unknown),
                ("mapping", Unknown),
                ("filtering", Unknown),
                ("nat", Unknown),
            ])
        }],
        servers: &[failed("203.0.113.99:3478", &["timeout"])],
    },
    trusting: false,
    repeated: false,
};

pub const UDP_REJECTED: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::UDP_REJECTED,
    ])]),
    args: IPV4,
    // A single server that is refused by "port unreachable" may as well have no UDP.
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[Path {
            legacy_name: None,
            ..silent4(&[("udp", Unknown), ("mapping", Unknown), ("tcp.open", Yes)])
        }],
        servers: &[failed("203.0.113.10:3478", &["refused"])],
    },
    trusting: false,
    repeated: false,
};

pub const UDP_PROHIBITED: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::UDP_PROHIBITED,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(1, "bad")],
        paths: &[silent4(ONLY_TCP)],
        servers: &[failed("203.0.113.10:3478", &["unreachable"])],
    },
    trusting: false,
    repeated: false,
};

pub const OUTPUT_DROPPED: Scenario = Scenario {
    plan: Plan {
        client_rules: &[filters::OUTPUT_DROPPED],
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(1, "bad")],
        paths: &[silent4(ONLY_TCP)],
        servers: &[failed("203.0.113.10:3478", &["forbidden"])],
    },
    trusting: false,
    repeated: false,
};

pub const OUTPUT_REJECTED: Scenario = Scenario {
    plan: Plan {
        client_rules: &[filters::OUTPUT_REJECTED],
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(1, "bad")],
        paths: &[silent4(ONLY_TCP)],
        servers: &[failed("203.0.113.10:3478", &["refused", "forbidden"])],
    },
    trusting: false,
    repeated: false,
};

/// The link is up and has an address, and there is no way to the server.
pub const NO_ROUTE: Scenario = Scenario {
    plan: Plan {
        ip: &[("client", "route del default")],
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(2, "error")],
        paths: &[],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

/// Nothing but loopback.
pub const NO_ADDRESS: Scenario = Scenario {
    plan: Plan {
        ip: &[("client", "link del eth0")],
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(2, "error")],
        paths: &[],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

/// IPv6 was asked for and the host has none: not a verdict on the network.
pub const NO_IPV6_ADDRESS: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: IPV6,
    expected: Expected {
        outcomes: &[(2, "error")],
        paths: &[],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

/// Nothing gets out but TLS at the port of HTTPS.
pub const ONLY_TLS: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnTls,
        ..behind(&[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::ONLY_TCP_443,
        ])])
    },
    args: &["-s", "stun:203.0.113.10", "-s", "stuns:203.0.113.10:443"],
    expected: Expected {
        outcomes: &[(1, "bad")],
        paths: &[silent4(ONLY_TCP)],
        servers: &[
            failed("203.0.113.10:3478", &["timeout"]),
            Server {
                transport: "tls",
                behavior_discovery: None,
                ..answered("203.0.113.10:443")
            },
        ],
    },
    trusting: true,
    repeated: false,
};

/// The same where the server's certificate is not to be trusted: that is said, and not taken for an answer.
pub const UNTRUSTED_TLS: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnTls,
        ..behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: &["-s", "stuns:203.0.113.10:443", "-s", "stun:203.0.113.10"],
    expected: Expected {
        outcomes: &[(0, "good")],
        paths: &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT],
            "port-restricted-cone",
        )],
        servers: &[
            SERVER4,
            Server {
                transport: "tls",
                ..failed("203.0.113.10:443", &["tls"])
            },
        ],
    },
    trusting: false,
    repeated: false,
};
