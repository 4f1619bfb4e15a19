//! Datagrams to the connectivity checks (RFC 8445 7): `cargo +nightly fuzz run checks`.
//!
//! The bytes are cut into datagrams, each with a byte that says from where and when. Some are made
//! valid. Nothing may panic, and the record has to add up.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::proto::ice::candidate::{COMPONENT, Candidate, CandidateType};
use rtcdiag::proto::ice::checks::message::{Request, success};
use rtcdiag::proto::ice::checks::{Base, Checks, Credentials, Role};
use rtcdiag::proto::turn::credentials::Key;

const OURS: &str = "0123456789abcdefghijkl";
const THEIRS: &str = "lkjihgfedcba9876543210";

libfuzzer_sys::fuzz_target!(|datagrams: Vec<(u8, Vec<u8>)>| {
    let credentials = |ufrag: &str, password: &str| Credentials {
        ufrag: ufrag.into(),
        password: password.into(),
    };
    let address = |text: &str| text.parse::<SocketAddr>().expect("valid");
    let mut checks =
        Checks::new(credentials("ours", OURS), Role::Controlling, 1).expect("valid");
    checks.set_remote(credentials("theirs", THEIRS), Role::Controlling);
    let mut now = Duration::ZERO;
    for (i, is_relay) in [false, true].into_iter().enumerate() {
        let base = Base {
            address: address(["192.0.2.10:5000", "192.0.2.100:5000"][i]),
            is_relay,
            priority: 1000,
            reflexive_priority: 900,
        };
        checks.add_base(now, base);
    }
    let remote = Candidate {
        foundation: "1".into(),
        component: COMPONENT,
        priority: 1,
        address: address("192.0.2.20:6000"),
        kind: CandidateType::Srflx,
        related: None,
    };
    checks.add_remote(now, remote).expect("usable");
    checks.permitted(now, 1, address("192.0.2.20:6000").ip(), Ok(()));
    let key = |password| Key::short_term(password).expect("valid");
    let mut last = None;
    for (how, bytes) in datagrams {
        now += Duration::from_millis(u64::from(how));
        checks.handle_timeout(now);
        while let Some(transmit) = checks.poll_transmit() {
            last = transmit.payload[8..20].try_into().ok();
        }
        while checks.poll_event().is_some() {}
        let source = address(["192.0.2.20:6000", "192.0.2.20:7000"][usize::from(how & 1)]);
        let datagram = match how >> 1 & 3 {
            0 => Request {
                username: "ours:theirs".into(),
                priority: u32::from(how),
                role: Some((Role::Controlled, 1)),
                use_candidate: how & 8 != 0,
            }
            .encode([how; 12], &key(OURS)),
            1 => last.and_then(|id| success(id, source, &key(THEIRS))),
            _ => None,
        };
        let datagram = datagram.unwrap_or(bytes);
        checks.handle_input(now, usize::from(how >> 4 & 1), source, &datagram);
    }
    for pair in checks.pairs() {
        assert!(pair.answered <= pair.sent, "{pair:?}");
        assert!(!pair.is_valid() || pair.answered > 0, "{pair:?}");
    }
});
