//! Candidates that are not used, and how many are.

use std::net::SocketAddr;

use rtcdiag::base::bounds;
use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::candidate::MAX_CANDIDATES;
use rtcdiag::proto::ice::checks::{Checks, Limit, MAX_PAIRS, NoHost, Role, Unusable};

use super::two::*;

#[test]
fn hostile_candidates_are_refused() {
    let mut checks = side(Role::Controlling);
    for (text, why) in [
        ("0.0.0.0:5000", Unusable::NoHost(NoHost::Unspecified)),
        ("224.0.0.1:5000", Unusable::NoHost(NoHost::Multicast)),
        ("255.255.255.255:5000", Unusable::NoHost(NoHost::Broadcast)),
        ("198.51.100.1:0", Unusable::NoHost(NoHost::PortZero)),
        ("[::]:5000", Unusable::NoHost(NoHost::Unspecified)),
        ("[ff02::1]:5000", Unusable::NoHost(NoHost::Multicast)),
        (
            "[::ffff:192.0.2.1]:5000",
            Unusable::NoHost(NoHost::MappedIpv4),
        ),
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

/// A hostile side names somebody else's address, and never says that it is done.
fn named(addresses: impl Iterator<Item = String>) -> Checks {
    let mut checks = side(Role::Controlling);
    checks.add_base(at(0), host("192.0.2.11:5000"));
    for address in addresses {
        let remote = candidate(CandidateType::Host, &address);
        assert_eq!(checks.add_remote(at(0), remote), Ok(()), "{address}");
    }
    checks
}

#[test]
fn an_address_that_answers_nothing_is_left_alone() {
    let mut checks = named((0..100).map(|port| format!("198.51.100.1:{}", 7000 + port)));
    let sent = until(&mut checks, at(300_000));
    assert!(
        sent.len() <= bounds::CHECKS_TO_ADDRESS as usize,
        "{}",
        sent.len()
    );
    // Each pair has had some.
    assert!(checks.pairs().iter().all(|pair| pair.sent > 0));
    let victim = address("198.51.100.1:7000").ip();
    assert_eq!(checks.limits_reached(), [Limit::Address(victim)]);
    assert!(checks.is_exhausted());
    assert_eq!(checks.poll_timeout(), None, "nothing is left to be done");
}

#[test]
fn checks_without_an_answer_end_whoever_gets_them() {
    let mut checks = named((1..=100).map(|host| format!("198.51.100.{host}:7000")));
    let sent = until(&mut checks, at(300_000));
    assert!(
        sent.len() <= bounds::CHECKS_IN_ALL as usize,
        "{}",
        sent.len()
    );
    assert!(checks.pairs().iter().all(|pair| pair.sent >= 8));
    assert_eq!(checks.limits_reached(), [Limit::All]);
    assert!(checks.is_exhausted());
}

#[test]
fn one_pair_has_its_share_and_no_more() {
    let mut checks = named(std::iter::once(THERE.to_owned()));
    let sent = until(&mut checks, at(300_000));
    assert_eq!(sent.len(), 2 * bounds::CHECKS_OF_PAIR as usize);
    // As long as before: what waits for a late other side has its time.
    let (last, _) = sent.last().expect("many");
    assert!(*last > at(18_000), "{last:?}");
    assert_eq!(checks.limits_reached(), [Limit::Pairs(2)]);
    // Once the other side begins, there are checks again.
    checks.local_directs_complete(at(300_000), true);
    checks.remote_directs_complete(at(300_000), true);
    let request = request(9, Role::Controlled);
    checks.handle_input(at(300_000), 0, address(THERE), &request);
    checks.handle_timeout(at(300_000));
    let requests = super::two::sent(&mut checks);
    assert!(!requests.is_empty());
}

/// What is left for one address does not keep the checks from where somebody answers.
#[test]
fn whoever_answers_is_checked_on() {
    let silent = (0..99).map(|port| format!("198.51.100.1:{}", 7000 + port));
    let mut checks = named(silent.chain([THERE.to_owned()]));
    answered(&mut checks, at(60_000), at(30_000), |transmit| {
        (transmit.destination == address(THERE)).then_some(transmit.destination)
    });
    let works = checks.pairs().iter().filter(|pair| pair.is_valid());
    assert!(works.count() > 0);
    assert!(!checks.is_exhausted());
}
