//! One IPv4 NAT on the way, of each kind.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

const POOL4: &[&str] = &[
    "203.0.113.20",
    "203.0.113.21",
    "203.0.113.22",
    "203.0.113.23",
];

/// The usual home router.
pub const MASQUERADE: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::STATEFUL_FILTER,
    ])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[
                OPEN,
                NAT,
                EIM,
                APDF,
                PORT_KEPT,
                PRESERVED,
                NO_HAIRPIN,
                PAIRED,
                ("alg", NotYes),
                ("carrier_nat", NotYes),
            ],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// The router remembers the filtering probes that it did not let in, and gives a packet *to* such a peer another port.
/// Endpoint-independent all the same: only a client that mixes up its tests sees otherwise.
pub const MASQUERADE_OPEN_ROUTER: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[
                OPEN, NAT, EIM, APDF, PORT_KEPT, PRESERVED, NO_HAIRPIN, PAIRED,
            ],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// Whether it hairpins cannot be seen from inside: the port that a peer inside would need is never known.
pub const MASQUERADE_RANDOM: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[
                OPEN,
                NAT,
                APDM,
                APDF,
                PORT_CHANGED,
                RANDOM,
                HAIRPIN_UNSEEN,
                PAIRED,
            ],
            "symmetric",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

pub const ONE_TO_ONE: Scenario = Scenario {
    plan: Plan {
        ip: POOL_ADDRESSES,
        ..behind(&[private4(&[nats::ONE_TO_ONE])])
    },
    args: IPV4,
    expected: good(
        &[seen4(
            &["203.0.113.20"],
            &[OPEN, NAT, EIM, EIF, PORT_KEPT, PRESERVED, PAIRED],
            "full-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

pub const FULL_CONE: Scenario = Scenario {
    plan: behind(&[private4(&[nats::FULL_CONE, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, EIF, PORT_KEPT, NO_HAIRPIN, PAIRED],
            "full-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

pub const FULL_CONE_HAIRPIN: Scenario = Scenario {
    plan: behind(&[private4(&[nats::FULL_CONE_HAIRPIN, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, EIF, PORT_KEPT, HAIRPIN, PAIRED],
            "full-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

pub const ADDRESS_RESTRICTED: Scenario = Scenario {
    plan: behind(&[private4(&[nats::ADDRESS_RESTRICTED, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, ADF, PORT_KEPT, NO_HAIRPIN],
            "restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// The port changes, the mapping is endpoint-independent: two questions.
pub const CHANGED_PORTS: Scenario = Scenario {
    plan: behind(&[private4(&[nats::CHANGED_PORTS, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[
                OPEN,
                NAT,
                EIM,
                APDF,
                PORT_CHANGED,
                ("port_assignment", Not("preserved")),
                NO_HAIRPIN,
            ],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const ADDRESS_DEPENDENT_MAPPING: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::ADDRESS_DEPENDENT_MAPPING,
        filters::NO_STRAYS,
    ])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, ADM, APDF, PORT_CHANGED, PAIRED],
            "symmetric",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// Endpoint-dependent mapping with an open filter: whoever is told a port can use it.
pub const OPEN_PORT_PER_DESTINATION: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::OPEN_PORT_PER_DESTINATION,
        filters::NO_STRAYS,
    ])]),
    args: IPV4,
    expected: good(
        &[Path {
            legacy_name: None,
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    APDM,
                    EIF,
                    PORT_CHANGED,
                    ("port_assignment", Not("preserved")),
                ],
                "",
            )
        }],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

pub const SEQUENTIAL_PORTS: Scenario = Scenario {
    plan: behind(&[private4(&[nats::SEQUENTIAL_PORTS, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[
                OPEN,
                NAT,
                APDM,
                APDF,
                PORT_CHANGED,
                ("port_assignment", Is("sequential")),
                ("port_step", Number(1)),
            ],
            "symmetric",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// A socket keeps its address, but which one it gets depends on whom it talks to first (here .23 for .10, .21 for .11). Who
/// has seen one first destination only cannot say that the addresses are paired.
pub const POOL: Scenario = Scenario {
    plan: Plan {
        ip: POOL_ADDRESSES,
        ..behind(&[private4(&[nats::POOL, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(0, "good")],
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                POOL4,
                &[
                    OPEN,
                    NAT,
                    APDF,
                    PORT_KEPT,
                    EIM,
                    ("address_pooling", Not("paired")),
                ],
                "",
            )
        }],
        servers: &[SERVER4],
    },
    trusting: false,
    repeated: false,
};

pub const POOL_PERSISTENT: Scenario = Scenario {
    plan: Plan {
        ip: POOL_ADDRESSES,
        ..behind(&[private4(&[nats::POOL_PERSISTENT, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: good(
        &[seen4(
            POOL4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT, PAIRED],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// A peer elsewhere may see a third address: nobody may call this endpoint-independent, nor port-dependent.
pub const POOL_BY_SERVER: Scenario = Scenario {
    plan: Plan {
        ip: POOL_ADDRESSES,
        ..behind(&[private4(&[nats::POOL_BY_SERVER, filters::NO_STRAYS])])
    },
    args: IPV4,
    expected: Expected {
        outcomes: &[(0, "good"), (3, "inconclusive")],
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                POOL4,
                &[
                    OPEN,
                    NAT,
                    APDF,
                    PORT_KEPT,
                    ("address_pooling", Is("arbitrary")),
                    ("mapping", AtMost("address-dependent")),
                ],
                "",
            )
        }],
        servers: &[SERVER4],
    },
    trusting: false,
    repeated: false,
};
