//! Relayed addresses: several, of both families, translated, wrong.

use super::*;

/// A relay address of each family, neither of them that of the server.
pub const RELAYS_OF_BOTH_FAMILIES: Case = Case {
    plan: home(&[told(&[
        "--relay-ip=203.0.113.11",
        "--relay-ip=2001:db8:113::11",
    ])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good"],
                HOST,
                SRFLX,
                &[
                    "relay 203.0.113.11 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "relay 2001:db8:113::11 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.11 relays",
                    "- ipv6: 2001:db8:113::11 relays",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good"],
                STOCK_DUAL_FINDINGS,
                &[
                    "udp 203.0.113.10:3478 relays by 203.0.113.11 for 203.0.113.1",
                    "tcp 203.0.113.10:3478 relays by 203.0.113.11 for 203.0.113.1",
                    "tls 203.0.113.10:5349 relays by 203.0.113.11 for 203.0.113.1",
                ],
                STOCK_DUAL,
            ],
        ),
    ],
    repeated: false,
};

/// Two relay addresses, which take turns.
pub const TWO_IPV4_RELAYS: Case = Case {
    plan: home(&[told(&[
        "--relay-ip=203.0.113.10",
        "--relay-ip=203.0.113.11",
    ])]),
    runs: &[
        Run {
            args: "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            login: ANN,
            says: Says::Alike(
                "203.0.113.11",
                "203.0.113.10",
                &[
                    &["exit 0 good"],
                    HOST,
                    SRFLX,
                    RELAY_UDP,
                    RELAY_TCP,
                    RELAY_TLS,
                    BY_UDP,
                    BY_TCP,
                    BY_TLS,
                ],
            ),
        },
        Run {
            args: "turn turn:203.0.113.10",
            login: ANN,
            says: Says::Alike(
                "203.0.113.11",
                "203.0.113.10",
                &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
            ),
        },
    ],
    repeated: true,
};

/// The client has IPv6 alone, and the server relays IPv4 alone: to whom it relays, the client cannot send itself.
pub const IPV6_SERVER_RELAYS_IPV4: Case = Case {
    plan: behind(
        &[private6(&[nats::MASQUERADE, filters::NO_STRAYS])],
        &[Turn {
            addresses: TURN6.addresses,
            ..told(&["--relay-ip=203.0.113.10"])
        }],
    ),
    runs: &[
        run(
            "gather -s turn:[2001:db8:113::10]",
            ANN,
            &[&[
                "exit 0 good",
                "host 2001:db8:1::2 eth0",
                "srflx 2001:db8:113::1 of 2001:db8:1::2 eth0 by turn:[2001:db8:113::10]:3478",
                "relay 203.0.113.10 over udp by turn:[2001:db8:113::10]:3478, for 2001:db8:113::1 at 2001:db8:1::2 eth0",
                "udp [2001:db8:113::10]:3478 from 2001:db8:1::2: ok at relay",
                "- sees 2001:db8:113::1",
                "- ipv4: 203.0.113.10 relays",
                "- ipv6: address-family-not-supported",
            ]],
        ),
        run(
            "turn turn:[2001:db8:113::10]",
            ANN,
            &[
                &["exit 0 good"],
                STOCK_FINDINGS,
                &[
                    "udp [2001:db8:113::10]:3478: ok at refresh",
                    "- by 203.0.113.10 for 2001:db8:113::1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                    "tcp [2001:db8:113::10]:3478: ok at refresh",
                    "- by 203.0.113.10 for 2001:db8:113::1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                    "tls [2001:db8:113::10]:5349: ok at refresh",
                    "- by 203.0.113.10 for 2001:db8:113::1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 no",
                    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 224.0.0.1 255.255.255.255",
                    "family-not-relayed 2001:db8:113::10 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                    "refuses 0.0.0.0 127.0.0.1",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// The server has both families, and only IPv4 is wanted.
pub const IPV4_FLAG: Case = Case {
    plan: home(&[TURN_DUAL]),
    runs: &[
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
        run(
            "turn -4 turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good"],
                STOCK_FINDINGS,
                UDP,
                TCP,
                TLS,
                STOCK_ONLY_4,
            ],
        ),
    ],
    repeated: false,
};

/// In a cloud: the relay address is private, and the server knows its public one.
pub const EXTERNAL_IP: Case = Case {
    plan: Plan {
        server_rules: &[nats::CLOUD],
        ip: &[("srv", "addr add 10.9.8.7/32 dev eth0")],
        ..home(&[told(&[
            "--relay-ip=10.9.8.7",
            "--external-ip=203.0.113.10/10.9.8.7",
        ])])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
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

/// The same where nobody has told it its public one.
pub const PRIVATE_RELAY: Case = Case {
    plan: Plan {
        ip: &[("srv", "addr add 10.9.8.7/32 dev eth0")],
        ..home(&[told(&["--relay-ip=10.9.8.7"])])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relayed-address-private"],
                HOST,
                SRFLX,
                &[
                    "relay 10.9.8.7 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 10.9.8.7 relays",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad"],
                STOCK_FINDINGS,
                &["error relayed-address-private"],
                &[
                    "udp 203.0.113.10:3478: ok at refresh",
                    "- by 10.9.8.7 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 10.9.8.7 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 10.9.8.7 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// It takes a private address for its public one.
pub const PRIVATE_EXTERNAL_IP: Case = Case {
    plan: home(&[told(&["--external-ip=10.9.8.7"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relayed-address-private"],
                HOST,
                SRFLX,
                &[
                    "relay 10.9.8.7 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 10.9.8.7 relays",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad"],
                STOCK_FINDINGS,
                &["error relayed-address-private"],
                &[
                    "udp 203.0.113.10:3478: ok at refresh",
                    "- by 10.9.8.7 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 10.9.8.7 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 10.9.8.7 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here not-applicable",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// It still believes in a public address that it has no longer.
pub const STALE_EXTERNAL_IP: Case = Case {
    plan: home(&[told(&["--external-ip=198.51.100.77"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relay-unreachable-from-here"],
                HOST,
                SRFLX,
                &[
                    "relay 198.51.100.77 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 198.51.100.77 relays",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad"],
                STOCK_FINDINGS,
                &["error relay-unreachable"],
                &[
                    "udp 203.0.113.10:3478: failed at relay, relay-unreachable",
                    "- by 198.51.100.77 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tcp 203.0.113.10:3478: failed at relay, relay-unreachable",
                    "- by 198.51.100.77 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tls 203.0.113.10:5349: failed at relay, relay-unreachable",
                    "- by 198.51.100.77 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};
