//! Users, secrets, and what is wrong with them.

use super::*;

/// Credentials that are minted from a secret, and such from another one.
pub const SECRETS: Case = Case {
    plan: home(&[Turn {
        who: Who::Secret,
        ..TURN4
    }]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            Login::Secret(SECRET, Some(USER)),
            &[&["exit 0 good"], HOST, SRFLX, RELAY_UDP, BY_UDP],
        ),
        run(
            "gather -s turn:203.0.113.10",
            Login::Secret(SECRET, None),
            &[&["exit 0 good"], HOST, SRFLX, RELAY_UDP, BY_UDP],
        ),
        run(
            "turn turn:203.0.113.10",
            Login::Secret(SECRET, Some(USER)),
            &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
        ),
        run(
            "gather -s turn:203.0.113.10",
            Login::Secret(WRONG, Some(USER)),
            &[
                &[
                    "exit 1 bad",
                    "info credentials-time-limited",
                    "error unauthorized",
                ],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, unauthorized",
                    "- sees 203.0.113.1",
                    "- ipv4: unauthorized",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            Login::Secret(WRONG, Some(USER)),
            &[
                &[
                    "exit 1 bad",
                    "info credentials-time-limited",
                    "error unauthorized",
                    "udp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tcp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tls 203.0.113.10:5349: failed at allocate, unauthorized",
                ],
                REFUSED,
            ],
        ),
    ],
    repeated: false,
};

/// The credentials of a page that was loaded too long ago.
pub const EXPIRED: Case = Case {
    plan: home(&[Turn {
        who: Who::Secret,
        ..TURN4
    }]),
    runs: &[
        run(
            "gather",
            Login::Expired("turn:203.0.113.10"),
            &[
                &[
                    "exit 1 bad",
                    "error credentials-expired",
                    "error unauthorized",
                ],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, unauthorized",
                    "- sees 203.0.113.1",
                    "- ipv4: unauthorized",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            Login::Expired("turn:203.0.113.10"),
            &[
                &[
                    "exit 1 bad",
                    "error unauthorized",
                    "error credentials-expired",
                    "udp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tcp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tls 203.0.113.10:5349: failed at allocate, unauthorized",
                ],
                REFUSED,
            ],
        ),
    ],
    repeated: false,
};

/// A wrong password, an unknown user, and none.
pub const WRONG_USERS: Case = Case {
    plan: home(&[TURN4]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            Login::User(USER, WRONG),
            &[
                &["exit 1 bad", "error unauthorized"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, unauthorized",
                    "- sees 203.0.113.1",
                    "- ipv4: unauthorized",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            Login::User(USER, WRONG),
            &[
                &[
                    "exit 1 bad",
                    "error unauthorized",
                    "udp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tcp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tls 203.0.113.10:5349: failed at allocate, unauthorized",
                ],
                REFUSED,
            ],
        ),
        run(
            "gather -s turn:203.0.113.10",
            Login::User("bob", PASSWORD),
            &[
                &["exit 1 bad", "error unauthorized"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, unauthorized",
                    "- sees 203.0.113.1",
                    "- ipv4: unauthorized",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            Login::User("bob", PASSWORD),
            &[
                &[
                    "exit 1 bad",
                    "error unauthorized",
                    "udp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tcp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tls 203.0.113.10:5349: failed at allocate, unauthorized",
                ],
                REFUSED,
            ],
        ),
        run(
            "gather -s turn:203.0.113.10",
            Login::None,
            &[
                &["exit 1 bad", "error credentials-needed"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, credentials-needed",
                    "- sees 203.0.113.1",
                    "- ipv4: credentials-needed",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            Login::None,
            &[&[
                "exit 3 inconclusive",
                "error credentials-needed",
                "udp 203.0.113.10:3478: failed at allocate, credentials-needed",
                "tcp 203.0.113.10:3478: failed at allocate, credentials-needed",
                "tls 203.0.113.10:5349: failed at allocate, credentials-needed",
                "asks for credentials yes, refuses wrong ones no-credentials, relays ipv4 earlier-failure, ipv6 earlier-failure",
                "earlier-failure 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
            ]],
        ),
    ],
    repeated: false,
};

/// What is wished for, and what is there.
pub const EXPECTATIONS: Case = Case {
    plan: home(&[TURN4]),
    runs: &[
        run(
            "turn turn:203.0.113.10 --expect turn=ok",
            ANN,
            &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
        ),
        run(
            "turn turn:203.0.113.10 --expect turn=ok",
            Login::None,
            &[&[
                "exit 3 inconclusive",
                "error credentials-needed",
                "error expectation-unknown",
                "udp 203.0.113.10:3478: failed at allocate, credentials-needed",
                "tcp 203.0.113.10:3478: failed at allocate, credentials-needed",
                "tls 203.0.113.10:5349: failed at allocate, credentials-needed",
                "asks for credentials yes, refuses wrong ones no-credentials, relays ipv4 earlier-failure, ipv6 earlier-failure",
                "earlier-failure 0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
            ]],
        ),
        run(
            "turn turn:203.0.113.10 --expect turn=ok",
            Login::User(USER, WRONG),
            &[
                &[
                    "exit 1 bad",
                    "error unauthorized",
                    "error expectation-not-met",
                    "udp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tcp 203.0.113.10:3478: failed at allocate, unauthorized",
                    "tls 203.0.113.10:5349: failed at allocate, unauthorized",
                ],
                REFUSED,
            ],
        ),
        run(
            "gather -s turn:203.0.113.10 --expect candidates=relay",
            ANN,
            &[&["exit 0 good"], HOST, SRFLX, RELAY_UDP, BY_UDP],
        ),
        run(
            "gather -s turn:203.0.113.10 --expect candidates=relay",
            Login::None,
            &[
                &[
                    "exit 1 bad",
                    "error credentials-needed",
                    "error expectation-not-met",
                ],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, credentials-needed",
                    "- sees 203.0.113.1",
                    "- ipv4: credentials-needed",
                ],
            ],
        ),
        run(
            "gather -s turn:203.0.113.10 --expect candidates=host,srflx",
            Login::None,
            &[
                &["exit 0 good", "error credentials-needed"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, credentials-needed",
                    "- sees 203.0.113.1",
                    "- ipv4: credentials-needed",
                ],
            ],
        ),
        run(
            "gather -s turn:203.0.113.10 --policy relay",
            ANN,
            &[&["exit 0 good"], RELAY_UDP, BY_UDP],
        ),
        run(
            "gather -s turn:203.0.113.10 --policy relay",
            Login::None,
            &[&[
                "exit 1 bad",
                "error credentials-needed",
                "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, credentials-needed",
                "- ipv4: credentials-needed",
            ]],
        ),
    ],
    repeated: false,
};

/// A server that is open to everybody, with and without credentials.
pub const NO_AUTH: Case = Case {
    plan: home(&[Turn {
        who: Who::Everybody,
        ..TURN4
    }]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            Login::None,
            &[
                &["exit 0 good", "warning relay-without-credentials"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays, for everybody",
                    "- ipv6: address-family-not-supported",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            Login::None,
            &[
                &["exit 1 bad"],
                STOCK_FINDINGS,
                &["error relay-without-credentials"],
                UDP,
                TCP,
                TLS,
                &[
                    "asks for credentials no, refuses wrong ones no, relays ipv4 yes, ipv6 no",
                    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255",
                    "family-not-relayed :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                    "refuses 0.0.0.0 127.0.0.1",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad"],
                STOCK_FINDINGS,
                &["error relay-without-credentials"],
                UDP,
                TCP,
                TLS,
                &[
                    "asks for credentials no, refuses wrong ones no, relays ipv4 yes, ipv6 no",
                    "allows 10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.0.1 203.0.113.10 224.0.0.1 255.255.255.255",
                    "family-not-relayed :: ::1 ::ffff:127.0.0.1 fd00::1 fe80::1 ff02::1",
                    "refuses 0.0.0.0 127.0.0.1",
                ],
            ],
        ),
    ],
    repeated: false,
};
