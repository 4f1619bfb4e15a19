//! Hosts with several interfaces, and routers of other kinds.

use super::*;

/// A firewall, and no NAT.
pub const NO_NAT: Case = Case {
    plan: behind(&[public4(&[filters::STATEFUL_FILTER])], &[TURN4]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[&[
                "exit 0 good",
                "info no-nat",
                "host 198.51.100.2 eth0",
                "relay 203.0.113.10 over udp by turn:203.0.113.10:3478, for 198.51.100.2 at 198.51.100.2 eth0",
                "redundant srflx 198.51.100.2 as host",
                "udp 203.0.113.10:3478 from 198.51.100.2: ok at relay",
                "- sees 198.51.100.2",
                "- ipv4: 203.0.113.10 relays",
                "- ipv6: address-family-not-supported",
            ]],
        ),
        run(
            "gather -s stun:203.0.113.10",
            Login::None,
            &[&[
                "exit 0 good",
                "info no-nat",
                "host 198.51.100.2 eth0",
                "redundant srflx 198.51.100.2 as host",
                "udp 203.0.113.10:3478 from 198.51.100.2: ok at binding",
                "- sees 198.51.100.2",
            ]],
        ),
    ],
    repeated: false,
};

/// Each destination sees another port. One server cannot show it.
pub const SYMMETRIC: Case = Case {
    plan: behind(
        &[private4(&[nats::MASQUERADE_RANDOM, filters::NO_STRAYS])],
        &[Turn {
            addresses: &["203.0.113.10", "203.0.113.11"],
            ..TURN4
        }],
    ),
    runs: &[
        run(
            "gather -s stun:203.0.113.10 -s stun:203.0.113.11",
            Login::None,
            &[
                &["exit 0 good", "warning several-reflexive-addresses"],
                HOST,
                &[
                    "srflx 203.0.113.1 of 192.0.2.2 eth0 by stun:203.0.113.10:3478",
                    "srflx 203.0.113.1 of 192.0.2.2 eth0 by stun:203.0.113.11:3478",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at binding",
                    "- sees 203.0.113.1",
                    "udp 203.0.113.11:3478 from 192.0.2.2: ok at binding",
                    "- sees 203.0.113.1",
                ],
            ],
        ),
        run(
            "gather -s stun:203.0.113.10",
            Login::None,
            &[
                &["exit 0 good"],
                HOST,
                &[
                    "srflx 203.0.113.1 of 192.0.2.2 eth0 by stun:203.0.113.10:3478",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at binding",
                    "- sees 203.0.113.1",
                ],
            ],
        ),
        run(
            "gather -s stun:203.0.113.10 -s turn:203.0.113.11",
            ANN,
            &[
                &["exit 0 good", "warning several-reflexive-addresses"],
                HOST,
                &[
                    "srflx 203.0.113.1 of 192.0.2.2 eth0 by stun:203.0.113.10:3478",
                    "srflx 203.0.113.1 of 192.0.2.2 eth0 by turn:203.0.113.11:3478",
                    "relay 203.0.113.10 over udp by turn:203.0.113.11:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at binding",
                    "- sees 203.0.113.1",
                    "udp 203.0.113.11:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// Two servers see the same address: there is one candidate.
pub const ONE_REFLEXIVE_ADDRESS: Case = Case {
    plan: home(&[Turn {
        addresses: &["203.0.113.10", "203.0.113.11"],
        ..TURN4
    }]),
    runs: &[run(
        "gather -s stun:203.0.113.10 -s stun:203.0.113.11",
        Login::None,
        &[
            &["exit 0 good"],
            HOST,
            &[
                "srflx 203.0.113.1 of 192.0.2.2 eth0 by stun:203.0.113.10:3478",
                "redundant srflx 203.0.113.1 as srflx",
                "udp 203.0.113.10:3478 from 192.0.2.2: ok at binding",
                "- sees 203.0.113.1",
                "udp 203.0.113.11:3478 from 192.0.2.2: ok at binding",
                "- sees 203.0.113.1",
            ],
        ],
    )],
    repeated: false,
};

/// The bridge of containers. The router knows no way back to its network.
pub const DOCKER: Case = Case {
    plan: Plan {
        ip: &[
            ("client", "link add docker0 type bridge"),
            ("client", "link set docker0 up"),
            ("client", "addr add 172.17.0.1/16 dev docker0"),
        ],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "info virtual-interface",
                    "warning silent-local-address",
                ],
                HOST,
                &["host 172.17.0.1 docker0"],
                SRFLX,
                RELAY_UDP,
                BY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 172.17.0.1: failed at allocate, timeout",
                    "- ipv4: timeout",
                ],
            ],
        ),
        run(
            "gather -s turn:203.0.113.10 --interface eth0",
            ANN,
            &[&["exit 0 good"], HOST, SRFLX, RELAY_UDP, BY_UDP],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
        ),
    ],
    repeated: false,
};

/// The tunnel of a VPN.
pub const VPN: Case = Case {
    plan: Plan {
        ip: &[
            ("client", "link add wg0 type bridge"),
            ("client", "link set wg0 up"),
            ("client", "addr add 10.8.0.2/24 dev wg0"),
        ],
        ..home(&[TURN4])
    },
    runs: &[run(
        "gather -s turn:203.0.113.10",
        ANN,
        &[
            &[
                "exit 0 good",
                "info virtual-interface",
                "warning silent-local-address",
            ],
            HOST,
            &["host 10.8.0.2 wg0"],
            SRFLX,
            RELAY_UDP,
            BY_UDP,
            &[
                "udp 203.0.113.10:3478 from 10.8.0.2: failed at allocate, timeout",
                "- ipv4: timeout",
            ],
        ],
    )],
    repeated: false,
};

/// A second interface that leads nowhere.
pub const SECOND_INTERFACE: Case = Case {
    plan: Plan {
        ip: &[
            ("client", "link add eth1 type bridge"),
            ("client", "link set eth1 up"),
            ("client", "addr add 198.51.100.77/24 dev eth1"),
        ],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning silent-local-address"],
                HOST,
                &["host 198.51.100.77 eth1"],
                SRFLX,
                RELAY_UDP,
                BY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 198.51.100.77: failed at allocate, timeout",
                    "- ipv4: timeout",
                ],
            ],
        ),
        run(
            "gather -s turn:203.0.113.10 --interface eth1",
            ANN,
            &[&[
                "exit 1 bad",
                "warning stragglers",
                "error server-silent",
                "host 198.51.100.77 eth1",
                "udp 203.0.113.10:3478 from 198.51.100.77: failed at allocate, timeout",
                "- ipv4: timeout",
            ]],
        ),
        run(
            "gather -s turn:203.0.113.10 --local 192.0.2.2",
            ANN,
            &[
                &["exit 0 good"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// Two ways out, one of them without NAT.
pub const TWO_UPLINKS: Case = Case {
    plan: Plan {
        ip: uplinks::TWO_UPLINKS,
        ..behind(
            &[private4(&[
                nats::TWO_UPLINKS,
                filters::NO_STRAYS,
                filters::STATEFUL_FILTER,
            ])],
            &[TURN4],
        )
    },
    runs: &[run(
        "gather -s turn:203.0.113.10",
        ANN,
        &[
            &["exit 0 good", "info no-nat"],
            HOST,
            &["host 198.51.100.2 eth1"],
            SRFLX,
            RELAY_UDP,
            &[
                "relay 203.0.113.10 over udp by turn:203.0.113.10:3478, for 198.51.100.2 at 198.51.100.2 eth1",
                "redundant srflx 198.51.100.2 as host",
            ],
            BY_UDP,
            &[
                "udp 203.0.113.10:3478 from 198.51.100.2: ok at relay",
                "- sees 198.51.100.2",
                "- ipv4: 203.0.113.10 relays",
                "- ipv6: address-family-not-supported",
            ],
        ],
    )],
    repeated: false,
};

/// The same, where one of them leads nowhere.
pub const SECOND_UPLINK_DEAD: Case = Case {
    plan: Plan {
        ip: uplinks::TWO_UPLINKS,
        ..behind(
            &[private4(&[
                nats::TWO_UPLINKS,
                filters::NO_STRAYS,
                filters::SECOND_UPLINK_DEAD,
            ])],
            &[TURN4],
        )
    },
    runs: &[run(
        "gather -s turn:203.0.113.10",
        ANN,
        &[
            &["exit 0 good", "warning silent-local-address"],
            HOST,
            &["host 198.51.100.2 eth1"],
            SRFLX,
            RELAY_UDP,
            BY_UDP,
            &[
                "udp 203.0.113.10:3478 from 198.51.100.2: failed at allocate, timeout",
                "- ipv4: timeout",
            ],
        ],
    )],
    repeated: false,
};

/// An IPv6 address, and no way for it to anywhere.
pub const IPV6_WITHOUT_ROUTE: Case = Case {
    plan: Plan {
        ip: &[("client", "addr add 2001:db8:1::2/64 dev eth0 nodad")],
        ..home(&[TURN_DUAL])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:[2001:db8:113::10]",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "warning ipv6-without-route",
                    "warning server-unreachable",
                    "host 2001:db8:1::2 eth0",
                ],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "relay 2001:db8:113::10 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                    "- ipv6: 2001:db8:113::10 relays",
                    "udp [2001:db8:113::10]:3478 from 2001:db8:1::2: failed at connect, unreachable",
                ],
            ],
        ),
        run(
            "gather -s turn:[2001:db8:113::10]",
            ANN,
            &[
                &[
                    "exit 2 error",
                    "warning ipv6-without-route",
                    "error server-unreachable",
                    "host 2001:db8:1::2 eth0",
                ],
                HOST,
                &["udp [2001:db8:113::10]:3478 from 2001:db8:1::2: failed at connect, unreachable"],
            ],
        ),
        run(
            "turn turn:[2001:db8:113::10]",
            ANN,
            &[&[
                "exit 2 error",
                "error unreachable",
                "udp [2001:db8:113::10]:3478: absent at connect, unreachable",
                "tcp [2001:db8:113::10]:3478: absent at connect, unreachable",
                "tls [2001:db8:113::10]:5349: absent at connect, unreachable",
                "asks for credentials earlier-failure, refuses wrong ones earlier-failure, relays ipv4 earlier-failure, ipv6 earlier-failure",
                "earlier-failure 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 2001:db8:113::10 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
            ]],
        ),
        run(
            "gather -4 -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// Nothing but loopback.
pub const NO_ADDRESS: Case = Case {
    plan: Plan {
        ip: &[("client", "link del eth0")],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[&[
                "exit 2 error",
                "error no-network",
                "error server-unreachable",
                "udp 203.0.113.10:3478 from ?: failed at connect, unreachable",
            ]],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 2 error",
                    "error unreachable",
                    "udp 203.0.113.10:3478: absent at connect, unreachable",
                    "tcp 203.0.113.10:3478: absent at connect, unreachable",
                    "tls 203.0.113.10:5349: absent at connect, unreachable",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};

/// The host has IPv6 alone, and the server IPv4.
pub const WRONG_FAMILY: Case = Case {
    plan: behind(
        &[private6(&[nats::MASQUERADE, filters::NO_STRAYS])],
        &[TURN4],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[&[
                "exit 2 error",
                "error server-unreachable",
                "host 2001:db8:1::2 eth0",
                "udp 203.0.113.10:3478 from ?: failed at connect, unreachable",
            ]],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 2 error",
                    "error unreachable",
                    "udp 203.0.113.10:3478: absent at connect, unreachable",
                    "tcp 203.0.113.10:3478: absent at connect, unreachable",
                    "tls 203.0.113.10:5349: absent at connect, unreachable",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};
