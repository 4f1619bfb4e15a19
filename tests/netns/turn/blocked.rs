//! Paths and servers that let only a part through.

use super::*;

/// Only TCP works.
pub const UDP_DROPPED: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::UDP_DROPPED,
        ])],
        &[TURN4],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error udp-blocked"],
                HOST,
                RELAY_TCP,
                RELAY_TLS,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, timeout",
                    "- ipv4: timeout",
                ],
                BY_TCP,
                BY_TLS,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "info transport-absent",
                    "warning relay-unreachable-from-here",
                ],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:3478: absent at allocate, timeout",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
        run(
            "turn turn:203.0.113.10?transport=udp",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error timeout",
                    "udp 203.0.113.10:3478: failed at allocate, timeout",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};

/// The same, and the sender is told: by a code for ports,
pub const UDP_REJECTED: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::UDP_REJECTED,
        ])],
        &[TURN4],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error server-refused"],
                HOST,
                RELAY_TCP,
                RELAY_TLS,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, refused",
                    "- ipv4: refused",
                ],
                BY_TCP,
                BY_TLS,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "info transport-absent",
                    "warning relay-unreachable-from-here",
                ],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:3478: absent at allocate, refused",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// by one for policies,
pub const UDP_PROHIBITED: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::UDP_PROHIBITED,
        ])],
        &[TURN4],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error udp-blocked"],
                HOST,
                RELAY_TCP,
                RELAY_TLS,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, unreachable",
                    "- ipv4: unreachable",
                ],
                BY_TCP,
                BY_TLS,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "info transport-absent",
                    "warning relay-unreachable-from-here",
                ],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:3478: absent at allocate, unreachable",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// or by the host itself.
pub const OUTPUT_DROPPED: Case = Case {
    plan: Plan {
        client_rules: &[filters::OUTPUT_DROPPED],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error forbidden"],
                HOST,
                RELAY_TCP,
                RELAY_TLS,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, forbidden",
                    "- ipv4: forbidden",
                ],
                BY_TCP,
                BY_TLS,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "info transport-absent",
                    "warning relay-unreachable-from-here",
                ],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:3478: absent at allocate, forbidden",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// Nothing but HTTPS gets out.
pub const ONLY_443: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::ONLY_TCP_443,
        ])],
        &[Turn {
            tls: Some((443, Certificate::Good)),
            ..TURN4
        }],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10:443",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "warning server-silent",
                    "warning stragglers",
                    "error udp-blocked",
                ],
                HOST,
                &[
                    "relay 203.0.113.10 over tls by turns:203.0.113.10:443, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, timeout",
                    "- ipv4: timeout",
                    "tcp 203.0.113.10:3478 from 192.0.2.2: failed at connect, timeout",
                    "tls 203.0.113.10:443 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
        run(
            "turn turns:203.0.113.10:443",
            ANN,
            &[
                &["exit 0 good", "warning relay-unreachable-from-here"],
                STOCK_FINDINGS,
                &[
                    "tls 203.0.113.10:443: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
        run(
            "turn turn:203.0.113.10:443",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "info transport-absent",
                    "warning relay-unreachable-from-here",
                ],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:443: absent at allocate, timeout",
                    "tcp 203.0.113.10:443: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tls 203.0.113.10:443: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error timeout x2",
                    "udp 203.0.113.10:3478: absent at allocate, timeout",
                    "tcp 203.0.113.10:3478: absent at connect, timeout",
                    "tls 203.0.113.10:5349: absent at connect, timeout",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};

/// Only UDP works. TCP is reset,
pub const TCP_RESET: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::TCP_RESET,
        ])],
        &[TURN4],
    ),
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
            "turn turns:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error refused",
                    "tls 203.0.113.10:5349: failed at connect, refused",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};

/// refused by ICMP,
pub const TCP_REJECTED: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::TCP_REJECTED,
        ])],
        &[TURN4],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning server-unreachable x2"],
                HOST,
                SRFLX,
                RELAY_UDP,
                BY_UDP,
                &[
                    "tcp 203.0.113.10:3478 from 192.0.2.2: failed at connect, unreachable",
                    "tls 203.0.113.10:5349 from 192.0.2.2: failed at connect, unreachable",
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
                    "tcp 203.0.113.10:3478: absent at connect, unreachable",
                    "tls 203.0.113.10:5349: absent at connect, unreachable",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// or dropped.
pub const TCP_DROPPED: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::TCP_DROPPED,
        ])],
        &[TURN4],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 0 good",
                    "warning server-silent x2",
                    "warning stragglers",
                ],
                HOST,
                SRFLX,
                RELAY_UDP,
                BY_UDP,
                &[
                    "tcp 203.0.113.10:3478 from 192.0.2.2: failed at connect, timeout",
                    "tls 203.0.113.10:5349 from 192.0.2.2: failed at connect, timeout",
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
                    "tcp 203.0.113.10:3478: absent at connect, timeout",
                    "tls 203.0.113.10:5349: absent at connect, timeout",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// The machine is there, the server is not.
pub const SERVER_DOWN: Case = Case {
    plan: home(&[]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error server-refused x3"],
                HOST,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, refused",
                    "- ipv4: refused",
                    "tcp 203.0.113.10:3478 from 192.0.2.2: failed at connect, refused",
                    "tls 203.0.113.10:5349 from 192.0.2.2: failed at connect, refused",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error refused x2",
                    "udp 203.0.113.10:3478: absent at allocate, refused",
                    "tcp 203.0.113.10:3478: absent at connect, refused",
                    "tls 203.0.113.10:5349: absent at connect, refused",
                ],
                NOTHING_KNOWN,
            ],
        ),
        run(
            "turn turns:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error refused",
                    "tls 203.0.113.10:5349: failed at connect, refused",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};

/// Nothing comes back from the address; a live server beside it does not wait.
pub const BLACK_HOLE: Case = Case {
    plan: behind(
        &[private4(&[
            nats::MASQUERADE,
            filters::NO_STRAYS,
            filters::DEAD_ADDRESS,
        ])],
        &[TURN4],
    ),
    runs: &[
        run(
            "gather -s turn:203.0.113.99 -s turns:203.0.113.99",
            ANN,
            &[
                &["exit 1 bad", "warning stragglers", "error server-silent x2"],
                HOST,
                &[
                    "udp 203.0.113.99:3478 from 192.0.2.2: failed at allocate, timeout",
                    "- ipv4: timeout",
                    "tls 203.0.113.99:5349 from 192.0.2.2: failed at connect, timeout",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.99",
            ANN,
            &[&[
                "exit 1 bad",
                "error timeout x2",
                "udp 203.0.113.99:3478: absent at allocate, timeout",
                "tcp 203.0.113.99:3478: absent at connect, timeout",
                "tls 203.0.113.99:5349: absent at connect, timeout",
                "asks for credentials earlier-failure, refuses wrong ones earlier-failure, relays ipv4 earlier-failure, ipv6 earlier-failure",
                "earlier-failure 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.99 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
            ]],
        ),
        run(
            "gather -s turn:203.0.113.99 -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning server-silent", "warning stragglers"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "udp 203.0.113.99:3478 from 192.0.2.2: failed at allocate, timeout",
                    "- ipv4: timeout",
                ],
                BY_UDP,
            ],
        ),
    ],
    repeated: false,
};

/// It allocates, and nothing gets to a relayed address, not even from the server itself.
pub const RELAY_PORTS_CLOSED: Case = Case {
    plan: Plan {
        server_rules: &[filters::RELAY_PORTS_CLOSED],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relay-unverified"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 no-response",
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
        ),
    ],
    repeated: false,
};

/// The same, but what the server sends to itself passes, as with most firewalls.
pub const RELAY_PORTS_CLOSED_OUTSIDE: Case = Case {
    plan: Plan {
        server_rules: &[filters::RELAY_PORTS_CLOSED_OUTSIDE],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relay-unreachable-from-here"],
                HOST,
                SRFLX,
                RELAY_UDP,
                BY_UDP,
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
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tcp 203.0.113.10:3478: failed at relay, relay-unreachable",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                    "tls 203.0.113.10:5349: failed at relay, relay-unreachable",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here no 0/10",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// Answers come in as well, which is enough for ICE: the relay sends first.
pub const RELAY_PORTS_STATEFUL: Case = Case {
    plan: Plan {
        server_rules: &[filters::RELAY_PORTS_STATEFUL],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relay-unreachable-from-here"],
                HOST,
                SRFLX,
                RELAY_UDP,
                BY_UDP,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good"],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:3478 relays by 203.0.113.10 for 203.0.113.1",
                    "tcp 203.0.113.10:3478 relays by 203.0.113.10 for 203.0.113.1",
                    "tls 203.0.113.10:5349 relays by 203.0.113.10 for 203.0.113.1",
                ],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// The host has an address and no route.
pub const NO_ROUTE: Case = Case {
    plan: Plan {
        ip: &[("client", "route del default")],
        ..home(&[TURN4])
    },
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 2 error", "error server-unreachable"],
                HOST,
                &["udp 203.0.113.10:3478 from 192.0.2.2: failed at connect, unreachable"],
            ],
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
