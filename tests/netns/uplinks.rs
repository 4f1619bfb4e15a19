//! Hosts with two ways out.

use super::expect::*;
use super::filters;
use super::lab::*;
use super::nats;
use super::scenarios::*;

/// `eth1` beside `eth0`, with a public address and a route of its own.
pub const TWO_UPLINKS: &[(&str, &str)] = &[
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
