//! Servers that are set up wrongly, or strictly.

use super::*;

/// It relays TCP alone.
pub const NO_UDP_RELAY: Case = Case {
    plan: home(&[told(&["--no-udp-relay"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error unsupported-transport-protocol"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, unsupported-transport-protocol",
                    "- sees 203.0.113.1",
                    "- ipv4: unsupported-transport-protocol",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error unsupported-transport-protocol",
                    "udp 203.0.113.10:3478: failed at allocate, unsupported-transport-protocol",
                    "tcp 203.0.113.10:3478: failed at allocate, unsupported-transport-protocol",
                    "tls 203.0.113.10:5349: failed at allocate, unsupported-transport-protocol",
                ],
                REFUSED,
            ],
        ),
    ],
    repeated: false,
};

/// It answers Binding requests, and is silent about TURN.
pub const STUN_ONLY: Case = Case {
    plan: home(&[told(&["--stun-only"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "warning stragglers", "error server-silent"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, timeout",
                    "- sees 203.0.113.1",
                    "- ipv4: timeout",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error timeout",
                    "udp 203.0.113.10:3478: absent at allocate, timeout",
                    "tcp 203.0.113.10:3478: absent at allocate, timeout",
                    "tls 203.0.113.10:5349: absent at allocate, timeout",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};

/// The other way round.
pub const NO_STUN: Case = Case {
    plan: home(&[told(&["--no-stun"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], HOST, RELAY_UDP, BY_UDP],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
        ),
    ],
    repeated: false,
};

/// Binding requests need credentials, which no ICE agent sends.
pub const SECURE_STUN: Case = Case {
    plan: home(&[told(&["--secure-stun"])]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], HOST, RELAY_UDP, BY_UDP],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[&["exit 0 good"], STOCK_FINDINGS, UDP, TCP, TLS, STOCK],
        ),
        run(
            "gather -s stun:203.0.113.10",
            Login::None,
            &[
                &["exit 1 bad", "error stun-error"],
                HOST,
                &["udp 203.0.113.10:3478 from 192.0.2.2: failed at binding, stun-error"],
            ],
        ),
    ],
    repeated: false,
};

/// The certificate has ended,
pub const CERTIFICATE_EXPIRED: Case = Case {
    plan: home(&[Turn {
        tls: Some((5349, Certificate::Expired)),
        ..TURN4
    }]),
    runs: &[
        run(
            "gather -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error certificate-expired"],
                HOST,
                &["tls 203.0.113.10:5349 from 192.0.2.2: failed at tls, certificate-expired"],
            ],
        ),
        run(
            "turn turns:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error certificate-expired",
                    "tls 203.0.113.10:5349: failed at tls, certificate-expired",
                ],
                NOTHING_KNOWN,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad"],
                STOCK_FINDINGS,
                &["error certificate-expired"],
                UDP,
                TCP,
                &["tls 203.0.113.10:5349: failed at tls, certificate-expired"],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// has not begun,
pub const CERTIFICATE_NOT_YET_VALID: Case = Case {
    plan: home(&[Turn {
        tls: Some((5349, Certificate::NotYetValid)),
        ..TURN4
    }]),
    runs: &[
        run(
            "gather -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error certificate-not-yet-valid"],
                HOST,
                &["tls 203.0.113.10:5349 from 192.0.2.2: failed at tls, certificate-not-yet-valid"],
            ],
        ),
        run(
            "turn turns:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error certificate-not-yet-valid",
                    "tls 203.0.113.10:5349: failed at tls, certificate-not-yet-valid",
                ],
                NOTHING_KNOWN,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad"],
                STOCK_FINDINGS,
                &["error certificate-not-yet-valid"],
                UDP,
                TCP,
                &["tls 203.0.113.10:5349: failed at tls, certificate-not-yet-valid"],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// is for another name,
pub const CERTIFICATE_WRONG_NAME: Case = Case {
    plan: home(&[Turn {
        tls: Some((5349, Certificate::WrongName)),
        ..TURN4
    }]),
    runs: &[
        run(
            "gather -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error certificate-wrong-name"],
                HOST,
                &["tls 203.0.113.10:5349 from 192.0.2.2: failed at tls, certificate-wrong-name"],
            ],
        ),
        run(
            "turn turns:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error certificate-wrong-name",
                    "tls 203.0.113.10:5349: failed at tls, certificate-wrong-name",
                ],
                NOTHING_KNOWN,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning certificate-wrong-name"],
                STOCK_FINDINGS,
                UDP,
                TCP,
                &["tls 203.0.113.10:5349: absent at tls, certificate-wrong-name"],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// or from somebody unknown.
pub const CERTIFICATE_UNKNOWN_ISSUER: Case = Case {
    plan: home(&[Turn {
        tls: Some((5349, Certificate::UnknownIssuer)),
        ..TURN4
    }]),
    runs: &[
        run(
            "gather -s turns:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error certificate-unknown-issuer"],
                HOST,
                &[
                    "tls 203.0.113.10:5349 from 192.0.2.2: failed at tls, certificate-unknown-issuer",
                ],
            ],
        ),
        run(
            "turn turns:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error certificate-unknown-issuer",
                    "tls 203.0.113.10:5349: failed at tls, certificate-unknown-issuer",
                ],
                NOTHING_KNOWN,
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &["exit 0 good", "warning certificate-unknown-issuer"],
                STOCK_FINDINGS,
                UDP,
                TCP,
                &["tls 203.0.113.10:5349: absent at tls, certificate-unknown-issuer"],
                STOCK,
            ],
        ),
    ],
    repeated: false,
};

/// It sends everybody to a server that is not there.
pub const ALTERNATE_SERVER_DOWN: Case = Case {
    plan: home(&[Turn {
        tls: None,
        ..told(&["--alternate-server=203.0.113.11:3478"])
    }]),
    runs: &[
        run(
            "gather -s turn:203.0.113.10",
            ANN,
            &[
                &["exit 1 bad", "error try-alternate"],
                HOST,
                SRFLX,
                &[
                    "udp 203.0.113.10:3478 from 192.0.2.2: failed at allocate, try-alternate",
                    "- sees 203.0.113.1",
                    "- ipv4: try-alternate",
                ],
            ],
        ),
        run(
            "turn turn:203.0.113.10",
            ANN,
            &[
                &[
                    "exit 1 bad",
                    "error try-alternate",
                    "error refused",
                    "udp 203.0.113.10:3478: failed at allocate, try-alternate",
                    "tcp 203.0.113.10:3478: failed at allocate, try-alternate",
                    "tls 203.0.113.10:5349: absent at connect, refused",
                ],
                NOTHING_KNOWN,
            ],
        ),
    ],
    repeated: false,
};
