//! Which peers a server allows: what it is told to, and no other.

use rtcdiag::turn::policy::{self, PeerClass};

use super::*;

/// Left as it comes.
pub const BY_DEFAULT: Case = Case {
    plan: home(&[Turn {
        addresses: BOTH_ADDRESSES,
        ..told(&[])
    }]),
    runs: &[
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
            "turn turn:203.0.113.10 --no-policy",
            ANN,
            &[
                &["exit 0 good"],
                UDP,
                TCP,
                TLS,
                &[
                    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
                    "left-out 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// The door to the machine itself is open.
pub const LOOPBACK_ALLOWED: Case = Case {
    plan: home(&[Turn {
        addresses: BOTH_ADDRESSES,
        ..told(&["--allow-loopback-peers"])
    }]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[
            &["exit 1 bad"],
            STOCK_DUAL_FINDINGS,
            &["error unsafe-peers-allowed"],
            UDP,
            TCP,
            TLS,
            &[
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
                "allows 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                "refuses 0.0.0.0 ::",
            ],
        ],
    )],
    repeated: false,
};

/// The same without IPv6.
pub const LOOPBACK_ALLOWED_IPV4: Case = Case {
    plan: home(&[told(&["--allow-loopback-peers"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[
            &["exit 1 bad"],
            STOCK_FINDINGS,
            &["error unsafe-peers-allowed"],
            UDP,
            TCP,
            TLS,
            &[
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 no",
                "allows 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255",
                "family-not-relayed :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                "refuses 0.0.0.0",
            ],
        ],
    )],
    repeated: false,
};

pub const NO_MULTICAST: Case = Case {
    plan: home(&[Turn {
        addresses: BOTH_ADDRESSES,
        ..told(&["--no-multicast-peers"])
    }]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[
            &[
                "exit 0 good",
                "warning useless-peers-allowed x2",
                "warning private-peers-allowed x3",
            ],
            UDP,
            TCP,
            TLS,
            &[
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
                "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 ::ffff:127.0.0.1 fd00::1 fe80::1",
                "refuses 0.0.0.0 127.0.0.1 224.0.0.1 255.255.255.255 :: ::1 ff02::1",
            ],
        ],
    )],
    repeated: false,
};

/// Two private ranges of three.
pub const PRIVATE_DENIED: Case = Case {
    plan: home(&[Turn {
        addresses: BOTH_ADDRESSES,
        ..told(&[
            "--denied-peer-ip=10.0.0.0-10.255.255.255",
            "--denied-peer-ip=192.168.0.0-192.168.255.255",
        ])
    }]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[
            &["exit 0 good"],
            STOCK_DUAL_FINDINGS,
            UDP,
            TCP,
            TLS,
            &[
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
                "allows 100.64.0.1 169.254.169.254 172.16.0.1 203.0.113.10 224.0.0.1 255.255.255.255 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                "refuses 0.0.0.0 10.0.0.1 127.0.0.1 192.168.0.1 :: ::1",
            ],
        ],
    )],
    repeated: false,
};

/// Two clients of this server cannot meet.
pub const OWN_ADDRESS_DENIED: Case = Case {
    plan: home(&[told(&["--denied-peer-ip=203.0.113.10"])]),
    runs: &[
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relay-to-relay-forbidden"],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission policy-forbids, channel policy-forbids, refresh yes, throughput no",
                    "- between relays policy-forbids, from here yes 10/10",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission policy-forbids, channel policy-forbids, refresh yes, throughput no",
                    "- between relays policy-forbids, from here yes 10/10",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission policy-forbids, channel policy-forbids, refresh yes, throughput no",
                    "- between relays policy-forbids, from here yes 10/10",
                    "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 no",
                    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 224.0.0.1 255.255.255.255",
                    "family-not-relayed :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                    "refuses 0.0.0.0 127.0.0.1 203.0.113.10",
                ],
            ],
        ),
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], HOST, SRFLX, RELAY_UDP, BY_UDP],
        ),
    ],
    repeated: false,
};

/// The client itself is no peer.
pub const CLIENT_DENIED: Case = Case {
    plan: home(&[told(&["--denied-peer-ip=203.0.113.1"])]),
    runs: &[
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good"],
                STOCK_FINDINGS,
                &[
                    "udp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here policy-forbids",
                    "tcp 203.0.113.10:3478: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here policy-forbids",
                    "tls 203.0.113.10:5349: ok at refresh",
                    "- by 203.0.113.10 for 203.0.113.1: permission yes, channel yes, refresh yes, throughput yes",
                    "- between relays yes 10/10, from here policy-forbids",
                ],
                STOCK,
            ],
        ),
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], HOST, SRFLX, RELAY_UDP, BY_UDP],
        ),
    ],
    repeated: false,
};

/// Nobody is a peer: the server is of no use to anybody.
pub const ALL_DENIED: Case = Case {
    plan: home(&[Turn {
        addresses: BOTH_ADDRESSES,
        ..told(&[
            "--denied-peer-ip=0.0.0.0-255.255.255.255",
            "--denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ])
    }]),
    runs: &[
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[&[
                "exit 1 bad",
                "error forbidden",
                "udp 203.0.113.10:3478: failed at permission, forbidden",
                "- by 203.0.113.10 for 203.0.113.1: permission policy-forbids, channel policy-forbids, refresh yes, throughput no",
                "- between relays policy-forbids, from here policy-forbids",
                "tcp 203.0.113.10:3478: failed at permission, forbidden",
                "- by 203.0.113.10 for 203.0.113.1: permission policy-forbids, channel policy-forbids, refresh yes, throughput no",
                "- between relays policy-forbids, from here policy-forbids",
                "tls 203.0.113.10:5349: failed at permission, forbidden",
                "- by 203.0.113.10 for 203.0.113.1: permission policy-forbids, channel policy-forbids, refresh yes, throughput no",
                "- between relays policy-forbids, from here policy-forbids",
                "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
                "refuses 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
            ]],
        ),
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning relay-unverified"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "relay 2001:db8:113::10 over udp by turn:203.0.113.10:3478, for 203.0.113.1 at 192.0.2.2 eth0",
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 policy-forbids",
                    "- ipv6: 2001:db8:113::10 policy-forbids",
                ],
            ],
        ),
    ],
    repeated: false,
};

/// With all the options that the hints name, and no other: what should be refused is, and all the rest works.
pub fn remedied() -> Case {
    let server = std::net::Ipv4Addr::new(203, 0, 113, 10).into();
    let mut args: Vec<&'static str> = policy::peers(server)
        .into_iter()
        .filter(|(class, _)| *class != PeerClass::OwnAddress)
        .flat_map(|(class, _)| class.remedy().split([' ', ',', ';']))
        .filter(|word| word.starts_with("denied-peer-ip=") || *word == "no-multicast-peers")
        .collect();
    args.sort_unstable();
    args.dedup();
    let args: Vec<&'static str> = args
        .into_iter()
        .map(|option| &*format!("--{option}").leak())
        .collect();
    let server = Turn {
        args: args.leak(),
        ..TURN_DUAL
    };
    Case {
        plan: home(vec![server].leak()),
        runs: REMEDIED,
        repeated: false,
    }
}

const REMEDIED: &[Run] = &[run(
    "turn turn:203.0.113.10",
    ANN,
    &[
        &["exit 0 good"],
        UDP,
        TCP,
        TLS,
        &[
            "asks for credentials yes, refuses wrong ones yes, relays ipv4 yes, ipv6 yes",
            "allows 203.0.113.10",
            "refuses 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
        ],
    ],
)];
