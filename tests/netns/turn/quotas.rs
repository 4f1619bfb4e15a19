//! Servers that give less than is asked for. What the program itself takes must not look like a fault of the server: coturn
//! counts an allocation over UDP for up to a second longer than it lasts.

use super::super::ends::End;
use super::*;

/// One allocation for each user.
pub const USER_QUOTA_1_TURN: Case = Case {
    plan: home(&[told(&["--user-quota=1"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// One allocation for each user.
pub const USER_QUOTA_1_UDP: Case = Case {
    plan: home(&[told(&["--user-quota=1"])]),
    runs: &[run(
        "turn turn:203.0.113.10?transport=udp",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, STOCK],
    )],
    repeated: false,
};

/// One allocation for each user.
pub const USER_QUOTA_1_GATHER: Case = Case {
    plan: home(&[told(&["--user-quota=1"])]),
    runs: &[Run {
        args: "gather -4 -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp",
        login: ANN,
        says: Says::OneOf(&[
            &[
                &["exit 0 good", "warning allocation-quota-reached"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                    "tcp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, allocation-quota-reached",
                    "- ipv4: allocation-quota-reached",
                ],
            ],
            &[
                &["exit 0 good", "warning allocation-quota-reached"],
                HOST,
                SRFLX,
                RELAY_TCP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, allocation-quota-reached",
                    "- sees 203.0.113.1",
                    "- ipv4: allocation-quota-reached",
                    "tcp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                ],
            ],
        ]),
    }],
    repeated: false,
};

/// Two.
pub const USER_QUOTA_2_TURN: Case = Case {
    plan: home(&[told(&["--user-quota=2"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// Two.
pub const USER_QUOTA_2_UDP: Case = Case {
    plan: home(&[told(&["--user-quota=2"])]),
    runs: &[run(
        "turn turn:203.0.113.10?transport=udp",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, STOCK],
    )],
    repeated: false,
};

/// Two.
pub const USER_QUOTA_2_GATHER: Case = Case {
    plan: home(&[told(&["--user-quota=2"])]),
    runs: &[run(
        "gather -4 -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp",
        ANN,
        &[
            &["exit 0 good"],
            HOST,
            SRFLX,
            RELAY_UDP,
            RELAY_TCP,
            &[
                "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
                "tcp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
            ],
        ],
    )],
    repeated: false,
};

/// Three.
pub const USER_QUOTA_3_TURN: Case = Case {
    plan: home(&[told(&["--user-quota=3"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// Three.
pub const USER_QUOTA_3_UDP: Case = Case {
    plan: home(&[told(&["--user-quota=3"])]),
    runs: &[run(
        "turn turn:203.0.113.10?transport=udp",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, STOCK],
    )],
    repeated: false,
};

/// Three.
pub const USER_QUOTA_3_GATHER: Case = Case {
    plan: home(&[told(&["--user-quota=3"])]),
    runs: &[run(
        "gather -4 -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp",
        ANN,
        &[
            &["exit 0 good"],
            HOST,
            SRFLX,
            RELAY_UDP,
            RELAY_TCP,
            &[
                "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
                "tcp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
            ],
        ],
    )],
    repeated: false,
};

/// One allocation for all users together.
pub const TOTAL_QUOTA_1_TURN: Case = Case {
    plan: home(&[told(&["--total-quota=1"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// One allocation for all users together.
pub const TOTAL_QUOTA_1_GATHER: Case = Case {
    plan: home(&[told(&["--total-quota=1"])]),
    runs: &[run(
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
    )],
    repeated: false,
};

/// Four for all users together.
pub const TOTAL_QUOTA_4_TURN: Case = Case {
    plan: home(&[told(&["--total-quota=4"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// Four for all users together.
pub const TOTAL_QUOTA_4_GATHER: Case = Case {
    plan: home(&[told(&["--total-quota=4"])]),
    runs: &[run(
        "gather -4 -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp -s turns:203.0.113.10",
        ANN,
        &[
            &["exit 0 good"],
            HOST,
            SRFLX,
            RELAY_UDP,
            RELAY_TCP,
            RELAY_TLS,
            &[
                "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
                "tcp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
                "tls 203.0.113.10:5349 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
            ],
        ],
    )],
    repeated: false,
};

/// One relay port.
pub const ONE_PORT_TURN: Case = Case {
    plan: home(&[told(&["--min-port=50000", "--max-port=50000"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// One relay port.
pub const ONE_PORT_UDP: Case = Case {
    plan: home(&[told(&["--min-port=50000", "--max-port=50000"])]),
    runs: &[run(
        "turn turn:203.0.113.10?transport=udp",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, STOCK],
    )],
    repeated: false,
};

/// One relay port.
pub const ONE_PORT_GATHER: Case = Case {
    plan: home(&[told(&["--min-port=50000", "--max-port=50000"])]),
    runs: &[Run {
        args: "gather -4 -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp",
        login: ANN,
        says: Says::OneOf(&[
            &[
                &["exit 0 good", "warning insufficient-capacity"],
                HOST,
                SRFLX,
                RELAY_UDP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                    "tcp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, insufficient-capacity",
                    "- ipv4: insufficient-capacity",
                ],
            ],
            &[
                &["exit 0 good", "warning insufficient-capacity"],
                HOST,
                SRFLX,
                RELAY_TCP,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, insufficient-capacity",
                    "- sees 203.0.113.1",
                    "- ipv4: insufficient-capacity",
                    "tcp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                    "- sees 203.0.113.1",
                    "- ipv4: 203.0.113.10 relays",
                ],
            ],
        ]),
    }],
    repeated: false,
};

/// Somebody else has the one relay port there is: an agent that was killed before it could give it back. (Where another
/// program has the port coturn tries to bind it for seconds, and may not answer at all.)
pub fn no_port() {
    let lab = Lab::build(&NO_PORT.plan);
    let mut agent = super::super::program(&lab, "pair");
    agent
        .args("--jsonl -4 -s turn:203.0.113.10 --turn-username ann".split(' '))
        .env("RTCDIAG_TURN_PASSWORD", PASSWORD);
    let mut agent = End::start(&mut agent);
    agent.wait_for(|event| event["event"] == "candidate" && event["type"] == "relay");
    agent.kill();
    check_in(&lab, "no_port", &NO_PORT);
}

const NO_PORT: Case = Case {
    plan: home(&[told(&["--min-port=50000", "--max-port=50000"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error insufficient-capacity"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, insufficient-capacity",
                    "- sees 203.0.113.1",
                    "- ipv4: insufficient-capacity",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10?transport=udp",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error insufficient-capacity",
                    "udp 203.0.113.10:3478: failed at allocate, insufficient-capacity",
                ],
                REFUSED,
            ],
        ),
    ],
    repeated: false,
};

/// Two.
pub const TWO_PORTS_TURN: Case = Case {
    plan: home(&[told(&["--min-port=50000", "--max-port=50001"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// Two.
pub const TWO_PORTS_GATHER: Case = Case {
    plan: home(&[told(&["--min-port=50000", "--max-port=50001"])]),
    runs: &[run(
        "gather -4 -s turn:203.0.113.10 -s turn:203.0.113.10?transport=tcp",
        ANN,
        &[
            &["exit 0 good"],
            HOST,
            SRFLX,
            RELAY_UDP,
            RELAY_TCP,
            &[
                "udp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
                "tcp 203.0.113.10:3478 from 192.0.2.2: ok at relay",
                "- sees 203.0.113.1",
                "- ipv4: 203.0.113.10 relays",
            ],
        ],
    )],
    repeated: false,
};

/// Bandwidth for one session.
pub const CAPACITY_TURN: Case = Case {
    plan: home(&[told(&["--max-bps=20000", "--bps-capacity=20000"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// Bandwidth for one session.
pub const CAPACITY_GATHER: Case = Case {
    plan: home(&[told(&["--max-bps=20000", "--bps-capacity=20000"])]),
    runs: &[run(
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
    )],
    repeated: false,
};

/// Less bandwidth for a session than a short burst takes. What gets lost, gets lost by that burst.
pub const MAX_BPS_TURN: Case = Case {
    plan: home(&[told(&["--max-bps=20000"])]),
    runs: &[run(
        "turn turn:203.0.113.10",
        ANN,
        &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
    )],
    repeated: false,
};

/// Less bandwidth for a session than a short burst takes. What gets lost, gets lost by that burst.
pub const MAX_BPS_GATHER: Case = Case {
    plan: home(&[told(&["--max-bps=20000"])]),
    runs: &[run(
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
    )],
    repeated: false,
};
