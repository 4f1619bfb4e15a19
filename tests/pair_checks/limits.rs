//! Candidates that are not used, and how many are.

use std::net::SocketAddr;

use rtcdiag::ice::candidate::CandidateType;
use rtcdiag::ice::checks::{MAX_PAIRS, Role, Unusable};
use rtcdiag::signal::description::MAX_CANDIDATES;

use crate::two::*;

#[test]
fn hostile_candidates_are_refused() {
    let mut checks = side(Role::Controlling);
    for (text, why) in [
        ("0.0.0.0:5000", Unusable::NoHost),
        ("224.0.0.1:5000", Unusable::NoHost),
        ("255.255.255.255:5000", Unusable::NoHost),
        ("198.51.100.1:0", Unusable::NoHost),
        ("[::]:5000", Unusable::NoHost),
        ("[ff02::1]:5000", Unusable::NoHost),
        ("[::ffff:192.0.2.1]:5000", Unusable::NoHost),
        ("[fe80::1]:5000", Unusable::LinkLocal),
        (HERE, Unusable::Own),
    ] {
        let remote = candidate(CandidateType::Host, text);
        assert_eq!(checks.add_remote(at(0), remote), Err(why), "{text}");
    }
    let mut other = candidate(CandidateType::Host, THERE);
    other.component = 2;
    assert_eq!(checks.add_remote(at(0), other), Err(Unusable::Component));
    assert!(checks.pairs().is_empty());
    // The loopback interface is no way to another host.
    let loopback = candidate(CandidateType::Host, "127.0.0.1:5000");
    assert_eq!(checks.add_remote(at(0), loopback), Ok(()));
    assert!(checks.pairs().is_empty());
}

#[test]
fn many_candidates_have_an_end() {
    let mut checks = side(Role::Controlling);
    checks.add_base(at(0), host("192.0.2.11:5000"));
    checks.add_base(at(0), host("192.0.2.12:5000"));
    for port in 0..300 {
        let remote = candidate(
            CandidateType::Host,
            &format!("198.51.100.1:{}", 7000 + port),
        );
        let result = checks.add_remote(at(0), remote);
        let expected = if port < MAX_CANDIDATES {
            Ok(())
        } else {
            Err(Unusable::TooMany)
        };
        assert_eq!(result, expected, "{port}");
    }
    assert_eq!(checks.pairs().len(), MAX_PAIRS);
    assert_eq!(checks.left_out(), 3 * MAX_CANDIDATES - MAX_PAIRS);
    // One each 5 ms, whatever there is.
    let sent = until(&mut checks, at(2000));
    assert!(sent.len() <= 401, "{}", sent.len());
    assert!(checks.pairs().iter().all(|pair| pair.sent > 0));
}

#[test]
fn peer_reflexive_pairs_have_an_end() {
    let mut checks = side(Role::Controlled);
    for port in 0..20_u8 {
        let source = SocketAddr::new(address(THERE).ip(), 7000 + u16::from(port));
        let check = request(port, Role::Controlling);
        checks.handle_input(at(1), 0, source, &check);
    }
    assert_eq!(checks.pairs().len(), 6);
    assert_eq!(checks.strays().beyond_limit, 14);
    assert_eq!(sent(&mut checks).len(), 20, "all are answered");
    assert_eq!(checks.arrived().len(), 20);
}
