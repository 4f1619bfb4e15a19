//! A NAT and something more: a second NAT, a filter on the host, loss, a gateway that meddles.

use super::expect::Want::*;
use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

/// A full cone is of no use to a host that filters for itself.
pub const FULL_CONE_AND_HOST_FIREWALL: Scenario = Scenario {
    plan: Plan {
        client_rules: &[filters::HOST_FIREWALL],
        ..behind(&[private4(&[nats::FULL_CONE, filters::NO_STRAYS])])
    },
    args: IPV4,
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

pub const TWO_NATS: Scenario = Scenario {
    plan: behind(&[
        private4(&[nats::MASQUERADE, filters::NO_STRAYS]),
        Router {
            lan4: Some("198.51.100"),
            ..private4(&[nats::MASQUERADE, filters::NO_STRAYS])
        },
    ]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT, NO_HAIRPIN, PAIRED],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// The stricter of the two decides: the inner one asks nothing, the outer one everything.
pub const FULL_CONE_BEHIND_RANDOM: Scenario = Scenario {
    plan: behind(&[
        private4(&[nats::FULL_CONE_INNER]),
        Router {
            lan4: Some("198.51.100"),
            ..private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])
        },
    ]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, APDM, APDF, PORT_CHANGED, RANDOM],
            "symmetric",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// The carrier's network lies between two routers. The client cannot see it, so it must not be denied.
pub const CARRIER_BEHIND_HOME: Scenario = Scenario {
    plan: behind(&[
        private4(&[nats::MASQUERADE, filters::NO_STRAYS]),
        Router {
            lan4: Some("100.64.0"),
            ..private4(&[nats::MASQUERADE, filters::NO_STRAYS])
        },
    ]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT, ("carrier_nat", NotNo)],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

pub const CARRIER_ON_THE_CLIENT: Scenario = Scenario {
    plan: behind(&[Router {
        lan4: Some("100.64.0"),
        ..private4(&[nats::MASQUERADE, filters::NO_STRAYS])
    }]),
    args: IPV4,
    expected: good(
        &[Path {
            local: "100.64.0.2",
            ..seen4(
                ROUTER4,
                &[OPEN, NAT, EIM, APDF, PORT_KEPT, ("carrier_nat", Yes)],
                "port-restricted-cone",
            )
        }],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// It hairpins, but only for those who have asked for each other: one packet in one direction does not show it.
pub const HAIRPIN_FILTERED: Scenario = Scenario {
    plan: behind(&[private4(&[nats::HAIRPIN_FILTERED, filters::NO_STRAYS])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT, HAIRPIN],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: true,
};

/// MAPPED-ADDRESS is forged on the way and says that there is no NAT; XOR-MAPPED-ADDRESS tells the truth.
pub const ALG: Scenario = Scenario {
    plan: behind(&[private4(&[nats::MASQUERADE, filters::NO_STRAYS, nats::ALG])]),
    args: IPV4,
    expected: good(
        &[seen4(
            ROUTER4,
            &[OPEN, NAT, EIM, APDF, PORT_KEPT, ("alg", Yes)],
            "port-restricted-cone",
        )],
        &[SERVER4],
    ),
    trusting: false,
    repeated: false,
};

/// With loss a fact may stay unknown. None may be false.
pub const MASQUERADE_LOSSY: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::MASQUERADE,
        filters::NO_STRAYS,
        filters::LOSSY,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(0, "good"), (3, "inconclusive")],
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    ("mapping", AtMost("endpoint-independent")),
                    ("filtering", AtMost("address-and-port-dependent")),
                    ("hairpinning", NotYes),
                ],
                "",
            )
        }],
        servers: &[],
    },
    trusting: false,
    repeated: true,
};

/// A filter is easily seen where there is only loss.
pub const FULL_CONE_LOSSY: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::FULL_CONE,
        filters::NO_STRAYS,
        filters::LOSSY,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(0, "good"), (3, "inconclusive")],
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    ("mapping", AtMost("endpoint-independent")),
                    ("filtering", AtMost("endpoint-independent")),
                    ("hairpinning", NotYes),
                ],
                "",
            )
        }],
        servers: &[],
    },
    trusting: false,
    repeated: true,
};

pub const ADDRESS_RESTRICTED_LOSSY: Scenario = Scenario {
    plan: behind(&[private4(&[
        nats::ADDRESS_RESTRICTED,
        filters::NO_STRAYS,
        filters::LOSSY,
    ])]),
    args: IPV4,
    expected: Expected {
        outcomes: &[(0, "good"), (3, "inconclusive")],
        paths: &[Path {
            legacy_name: None,
            ..seen4(
                ROUTER4,
                &[
                    OPEN,
                    NAT,
                    ("mapping", AtMost("endpoint-independent")),
                    ("filtering", AtMost("address-dependent")),
                    ("hairpinning", NotYes),
                ],
                "",
            )
        }],
        servers: &[],
    },
    trusting: false,
    repeated: true,
};
