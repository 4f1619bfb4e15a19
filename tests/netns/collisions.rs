//! Two hosts with the same port behind one NAT: the client has a second address.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

const COLLISION: &[&str] = &["--collision-test", "-s", "stun:203.0.113.10"];

/// The second address of the client.
const SECOND: &[(&str, &str)] = &[("client", "addr add 192.0.2.3/24 dev eth0")];

/// Linux gives a host the port that is free towards its first destination, and keeps to it wherever that is free too. So the
/// second host has one port for all if it begins with a destination of the first; else it shares the port of the first, except
/// towards that destination.
const BREAKS: (&str, Want) = ("mapping_under_collision", Is("address-and-port-dependent"));
const BY_ORDER: (&str, Want) = ("collision_order_matters", Yes);
const SHARED: (&str, Want) = ("port_overloading", Yes);

/// The path of a client behind the usual router.
const fn path4(facts: Facts) -> Path {
    Path {
        legacy_name: None,
        ..seen4(ROUTER4, facts, "")
    }
}

/// The client has two addresses behind this router.
const fn twice(routers: &'static [Router]) -> Plan {
    Plan {
        ip: SECOND,
        ..behind(routers)
    }
}

pub const MASQUERADE: Scenario = Scenario {
    plan: twice(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: COLLISION,
    expected: good(
        &[path4(&[OPEN, NAT, EIM, BREAKS, BY_ORDER, SHARED])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// The kernel chooses ports as for masquerade; the rest of the cone comes after that.
pub const FULL_CONE: Scenario = Scenario {
    plan: twice(&[private4(&[nats::FULL_CONE, filters::NO_STRAYS])]),
    args: COLLISION,
    expected: good(
        &[path4(&[OPEN, NAT, EIM, BREAKS, BY_ORDER, SHARED])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// Each host has a range of its own, and the first one keeps its ports: the two never meet.
pub const PORTS_BY_HOST: Scenario = Scenario {
    plan: twice(&[private4(&[nats::PORTS_BY_HOST, filters::NO_STRAYS])]),
    args: COLLISION,
    expected: good(
        &[path4(&[
            OPEN,
            NAT,
            EIM,
            ("mapping_under_collision", Because("port-not-preserved")),
        ])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// Whatever clashes is dropped: what the mapping would be is not known.
/// The router takes another port at random, and one in sixteen is let through.
pub const DROPPED: Scenario = Scenario {
    plan: twice(&[private4(&[nats::CLASH_DROPPED, filters::NO_STRAYS])]),
    args: COLLISION,
    expected: good(
        &[path4(&[
            OPEN,
            NAT,
            EIM,
            (
                "mapping_under_collision",
                AtMost("address-and-port-dependent"),
            ),
        ])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const TWO_PLAIN_SERVERS: Scenario = Scenario {
    plan: Plan {
        server: ServerKind::CoturnPlain,
        ..twice(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: &[
        "--collision-test",
        "-s",
        "stun:203.0.113.10",
        "-s",
        "stun:203.0.113.11",
    ],
    expected: Expected {
        outcomes: &[(3, "inconclusive")],
        paths: &[path4(&[
            OPEN,
            NAT,
            EIM,
            ("mapping_under_collision", Because("endpoint-dependent")),
            SHARED,
        ])],
        servers: &[],
    },
    trusting: false,
    repeated: false,
};

pub const RANDOM_PORTS: Scenario = Scenario {
    plan: twice(&[private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])]),
    args: COLLISION,
    expected: good(
        &[path4(&[
            OPEN,
            NAT,
            APDM,
            ("mapping_under_collision", Unknown),
        ])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const CHANGED_PORTS: Scenario = Scenario {
    plan: twice(&[private4(&[nats::CHANGED_PORTS, filters::NO_STRAYS])]),
    args: COLLISION,
    expected: good(
        &[path4(&[
            OPEN,
            NAT,
            EIM,
            ("mapping_under_collision", Because("port-not-preserved")),
        ])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const WITHOUT_NAT: Scenario = Scenario {
    plan: Plan {
        ip: &[("client", "addr add 198.51.100.3/24 dev eth0")],
        ..behind(&[public4(&[])])
    },
    args: COLLISION,
    expected: good(
        &[direct4(
            &[OPEN, NO_NAT, ("mapping_under_collision", Unknown)],
            "open-internet",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const WITHOUT_SECOND_ADDRESS: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS])]),
    args: COLLISION,
    expected: good(
        &[path4(&[
            OPEN,
            NAT,
            EIM,
            ("mapping_under_collision", Unknown),
            ("port_overloading", Unknown),
        ])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// The second address is a public one of another network.
pub const UNTRANSLATED_SECOND: Scenario = Scenario {
    plan: Plan {
        ip: &[
            ("client", "addr add 198.51.100.3/32 dev eth0"),
            ("r0", "route add 198.51.100.3 dev lan"),
            ("srv", "route add 198.51.100.3 via 203.0.113.1"),
        ],
        ..behind(&[private4(&[nats::MASQUERADE_PRIVATE, filters::NO_STRAYS])])
    },
    args: COLLISION,
    expected: good(
        &[path4(&[
            OPEN,
            NAT,
            EIM,
            ("mapping_under_collision", Because("no-second-address")),
        ])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// Of three second addresses the first is dead.
pub const MUTE_SECOND: Scenario = Scenario {
    plan: Plan {
        ip: &[
            ("client", "addr add 192.0.2.3/24 dev eth0"),
            ("client", "addr add 192.0.2.4/24 dev eth0"),
        ],
        ..behind(&[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::SECOND_DEAD,
        ])])
    },
    args: COLLISION,
    expected: good(
        &[path4(&[OPEN, NAT, EIM, BREAKS, BY_ORDER, SHARED])],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// With loss a fact may stay unknown. None may be false.
pub const LOSSY: Scenario = Scenario {
    plan: twice(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::LOSSY,
    ])]),
    args: COLLISION,
    expected: Expected {
        outcomes: &[(0, "good"), (3, "inconclusive")],
        paths: &[path4(&[
            OPEN,
            NAT,
            (
                "mapping_under_collision",
                AtMost("address-and-port-dependent"),
            ),
            ("port_overloading", NotNo),
        ])],
        servers: &[],
    },
    trusting: false,
    repeated: true,
};

pub const NAT66: Scenario = Scenario {
    plan: Plan {
        ip: &[("client", "addr add 2001:db8:1::3/64 dev eth0 nodad")],
        ..behind(&[private6(&[nats::MASQUERADE, filters::NO_STRAYS])])
    },
    args: &[
        "--collision-test",
        "--local",
        "2001:db8:1::2",
        "-s",
        "stun:[2001:db8:113::10]",
    ],
    expected: good(
        &[seen6(
            ROUTER6,
            &[OPEN, NAT, EIM, BREAKS, BY_ORDER, SHARED],
            "port-restricted-cone",
        )],
        &[SERVER6],
    ),
    trusting: false,
    repeated: false,
};
