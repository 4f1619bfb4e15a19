//! Servers without a fault, over every transport and family.

use super::*;

/// A user with a password, over UDP, TCP and TLS, behind an ordinary router.
pub const ALL_TRANSPORTS: Case = Case {
    plan: home(&[TURN4]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
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
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
        ),
        run(
            "turn turns:203.0.113.10",
            ANN,
            &[&["exit 0 good"], STOCK_FINDINGS, TLS, STOCK],
        ),
    ],
    repeated: true,
};

/// Client, router and server have both families.
pub const DUAL_STACK: Case = Case {
    plan: behind(
        &[Router {
            lan6: Some("2001:db8:1"),
            ..private4(&[nats::MASQUERADE, filters::NO_STRAYS])
        }],
        &[TURN_DUAL],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:[2001:db8:113::10]",
            ANN,
            &[
                &["exit 0 good", "host 2001:db8:1::2 eth0"],
                HOST,
                &["srflx 2001:db8:113::1 of 2001:db8:1::2 eth0 by turn:[2001:db8:113::10]:3478"],
                SRFLX,
                &[
                    "relay 203.0.113.10 over udp by turn:[2001:db8:113::10]:3478, for 2001:db8:113::1 at 2001:db8:1::2 eth0",
                ],
                RELAY_UDP,
                &[
                    "relay 2001:db8:113::10 over udp by turn:[2001:db8:113::10]:3478, for 2001:db8:113::1 at 2001:db8:1::2 eth0",
                    "relay 2001:db8:113::10 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                    "- ipv6: 2001:db8:113::10 relays",
                    "udp [2001:db8:113::10]:3478 from 2001:db8:1::2: ok at relay",
                    "- sees 2001:db8:113::1",
                    "- ipv4: 203.0.113.10 relays",
                    "- ipv6: 2001:db8:113::10 relays",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good"],
                STOCK_DUAL_FINDINGS,
                UDP,
                TCP,
                TLS,
                STOCK_DUAL,
            ],
        ),
        run(
            "turn turn:[2001:db8:113::10]",
            ANN,
            &[
                &["exit 0 good"],
                STOCK_DUAL_FINDINGS,
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
                    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
                    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 2001:db8:113::10 224.0.0.1 255.255.255.255 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                    "refuses 0.0.0.0 127.0.0.1 :: ::1",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// Nobody has IPv4.
pub const IPV6_ONLY: Case = Case {
    plan: behind(
        &[private6(&[nats::MASQUERADE, filters::NO_STRAYS])],
        &[TURN6],
    ),
    runs: &[
        run(
            "gather -s turn:[2001:db8:113::10] -s turn:[2001:db8:113::10]?transport=tcp -s turns:[2001:db8:113::10]",
            ANN,
            &[&[
                "exit 0 good",
                "host 2001:db8:1::2 eth0",
                "srflx 2001:db8:113::1 of 2001:db8:1::2 eth0 by turn:[2001:db8:113::10]:3478",
                "relay 2001:db8:113::10 over udp by turn:[2001:db8:113::10]:3478, for 2001:db8:113::1 at 2001:db8:1::2 eth0",
                "relay 2001:db8:113::10 over tcp by turn:[2001:db8:113::10]:3478?transport=tcp, for 2001:db8:113::1 at 2001:db8:1::2 eth0",
                "relay 2001:db8:113::10 over tls by turns:[2001:db8:113::10]:5349, for 2001:db8:113::1 at 2001:db8:1::2 eth0",
                "udp [2001:db8:113::10]:3478 from 2001:db8:1::2: ok at relay",
                "- sees 2001:db8:113::1",
                "- ipv4: address-family-not-supported",
                "- ipv6: 2001:db8:113::10 relays",
                "tcp [2001:db8:113::10]:3478 from 2001:db8:1::2: ok at relay",
                "- sees 2001:db8:113::1",
                "- ipv4: address-family-not-supported",
                "- ipv6: 2001:db8:113::10 relays",
                "tls [2001:db8:113::10]:5349 from 2001:db8:1::2: ok at relay",
                "- sees 2001:db8:113::1",
                "- ipv4: address-family-not-supported",
                "- ipv6: 2001:db8:113::10 relays",
            ]],
        ),
        run(
            "turn turn:[2001:db8:113::10]",
            ANN,
            &[&[
                "exit 0 good",
                "warning useless-peers-allowed x3",
                "warning private-peers-allowed",
                "udp [2001:db8:113::10]:3478 relays by 2001:db8:113::10 for 2001:db8:113::1",
                "tcp [2001:db8:113::10]:3478 relays by 2001:db8:113::10 for 2001:db8:113::1",
                "tls [2001:db8:113::10]:5349 relays by 2001:db8:113::10 for 2001:db8:113::1",
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 no, ipv6 yes",
                "allows 2001:db8:113::10 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                "family-not-relayed 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 224.0.0.1 255.255.255.255",
                "refuses :: ::1",
            ]],
        ),
        run(
            "turn turn:[2001:db8:113::10]?transport=udp",
            ANN,
            &[&[
                "exit 0 good",
                "warning useless-peers-allowed x3",
                "warning private-peers-allowed",
                "udp [2001:db8:113::10]:3478 relays by 2001:db8:113::10 for 2001:db8:113::1",
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 no, ipv6 yes",
                "allows 2001:db8:113::10 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                "family-not-relayed 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 224.0.0.1 255.255.255.255",
                "refuses :: ::1",
            ]],
        ),
    ],
    repeated: false,
};

/// A server in a private network, for those in it.
pub const PRIVATE_SERVER: Case = Case {
    plan: Plan {
        ip: &[
            ("srv", "addr add 10.9.8.7/32 dev eth0"),
            ("r0", "route add 10.9.8.7/32 dev wan"),
        ],
        ..home(&[Turn {
            addresses: &["10.9.8.7"],
            ..TURN4
        }])
    },
    runs: &[
        run(
            "gather -s turn:10.9.8.7",
            ANN,
            &[
                &["exit 0 good"],
                HOST,
                &[
                    "srflx 203.0.113.1 of 192.0.2.2 eth0 by turn:10.9.8.7:3478",
                    "relay 10.9.8.7 over udp by turn:10.9.8.7:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 10.9.8.7:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 10.9.8.7 relays",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
        run(
            "turn turn:10.9.8.7",
            ANN,
            &[&[
                "exit 0 good",
                "info private-peers-allowed x2",
                "warning useless-peers-allowed x3",
                "udp 10.9.8.7:3478 relays by 10.9.8.7 for 203.0.113.1",
                "tcp 10.9.8.7:3478 relays by 10.9.8.7 for 203.0.113.1",
                "tls 10.9.8.7:5349 relays by 10.9.8.7 for 203.0.113.1",
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 no",
                "allows 10.0.0.1 10.9.8.7 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 224.0.0.1 255.255.255.255",
                "family-not-relayed :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                "refuses 0.0.0.0 127.0.0.1",
            ]],
        ),
    ],
    repeated: false,
};

/// The server sends everybody to another one.
pub const ALTERNATE_SERVER: Case = Case {
    plan: home(&[
        Turn {
            tls: None,
            ..told(&["--alternate-server=203.0.113.11:3478"])
        },
        Turn {
            addresses: &["203.0.113.11"],
            tls: None,
            ..TURN4
        },
    ]),
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
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.11 relays",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "info transport-absent"],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.11:3478 relays by 203.0.113.11 for 203.0.113.1",
                    "tcp 203.0.113.11:3478 relays by 203.0.113.11 for 203.0.113.1",
                    "tls 203.0.113.10:5349: absent at connect, refused",
                    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 no",
                    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.11 224.0.0.1 255.255.255.255",
                    "family-not-relayed :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                    "refuses 0.0.0.0 127.0.0.1",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// coturn does not send to itself, though it is told to.
pub const ALTERNATE_SERVER_ITSELF: Case = Case {
    plan: home(&[Turn {
        tls: None,
        ..told(&["--alternate-server=203.0.113.10:3478"])
    }]),
    runs: &[run(
        "gather -s turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], HOST, SRFLX, RELAY_UDP, BY_UDP],
    )],
    repeated: false,
};

/// Only UDP is offered.
pub const NO_TCP_NO_TLS: Case = Case {
    plan: home(&[Turn {
        tls: None,
        ..told(&["--no-tcp"])
    }]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning server-refused x2"],
                HOST,
                SRFLX,
                RELAY_UDP,
                BY_UDP,
                &[
                    "tcp 203.0.113.10:3478 from 192.0.2.2: failed at connect, refused",
                    "tls 203.0.113.10:5349 from 192.0.2.2: failed at connect, refused",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "info transport-absent"],
                STOCK_FINDINGS,
                UDP,
                &[
                    "tcp 203.0.113.10:3478: absent at connect, refused",
                    "tls 203.0.113.10:5349: absent at connect, refused",
                ],
                STOCK,
            ],
        ),
        run(
            "turn turn:203.0.113.10?transport=tcp",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error refused",
                    "tcp 203.0.113.10:3478: failed at connect, refused",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};

/// It tells no more than it has to.
pub const TACITURN: Case = Case {
    plan: home(&[told(&[
        "--fingerprint",
        "--no-software-attribute",
        "--no-stun-backward-compatibility",
    ])]),
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

/// Allocations, permissions and channels end sooner than is usual.
pub const SHORT_LIFETIMES: Case = Case {
    plan: home(&[told(&[
        "--max-allocate-lifetime=30",
        "--channel-lifetime=20",
        "--permission-lifetime=20",
    ])]),
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

/// Nonces live for a second.
pub const STALE_NONCE: Case = Case {
    plan: home(&[told(&["--stale-nonce=1"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
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
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
        ),
    ],
    repeated: false,
};

/// The run takes longer than a nonce lives, since nothing comes through the relay. That is all that is wrong.
pub const STALE_NONCE_LATER: Case = Case {
    plan: Plan {
        server_rules: &[filters::RELAY_PORTS_CLOSED],
        ..home(&[told(&["--stale-nonce=1"])])
    },
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[
            &["exit 1 bad"],
            STOCK_FINDINGS,
            &[
                "error no-data",
                "udp 203.0.113.10:3478: failed at relay, no-data",
                "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput no",
                "- between relays no 0/10, from here no 0/10",
                "tcp 203.0.113.10:3478: failed at relay, no-data",
                "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput no",
                "- between relays no 0/10, from here no 0/10",
                "tls 203.0.113.10:5349: failed at relay, no-data",
                "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput no",
                "- between relays no 0/10, from here no 0/10",
            ],
            STOCK,
        ],
    )],
    repeated: false,
};
