//! Which pair is chosen, apart from NATs.

use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::checks::{Base, Event, Role};

use super::two::*;

/// The other side never checks (RFC 8445 2.5).
#[test]
fn a_lite_peer_gets_a_relayed_pair_too() {
    let mut checks = side(Role::Controlling);
    checks.add_base(at(0), relay("192.0.2.100:49152"));
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    checks.permitted(at(0), 1, address(THERE).ip(), Ok(()));
    checks.local_directs_complete(at(0), true);
    checks.remote_directs_complete(at(0), true);
    // Only the relay's checks are answered.
    answered(&mut checks, at(3000), at(2), |transmit| {
        (transmit.base == 1).then_some(transmit.destination)
    });
    let known = events(&mut checks);
    assert!(known.contains(&Event::Chosen(1)), "{known:?}");
}

#[test]
fn nothing_relayed_is_chosen_before_all_direct_candidates_are_known() {
    for (local, remote_done) in [(true, false), (false, true), (false, false)] {
        let mut checks = side(Role::Controlling);
        let remote = candidate(CandidateType::Relay, "192.0.2.101:49153");
        checks.add_remote(at(0), remote).expect("usable");
        if local {
            checks.local_directs_complete(at(0), true);
        }
        if remote_done {
            checks.remote_directs_complete(at(0), true);
        }
        answered(&mut checks, at(5000), at(2), |t| Some(t.destination));
        let known = events(&mut checks);
        assert!(!known.contains(&Event::Chosen(0)), "{known:?}");
    }
}

#[test]
fn a_base_that_has_ended_is_not_chosen() {
    let mut checks = side(Role::Controlling);
    let ending = relay("192.0.2.100:49152");
    let lasting = Base {
        priority: ending.priority - 1000,
        ..relay("192.0.2.102:49152")
    };
    checks.add_base(at(0), ending);
    checks.add_base(at(0), lasting);
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    for base in [1, 2] {
        checks.permitted(at(0), base, address(THERE).ip(), Ok(()));
    }
    answered(&mut checks, at(400), at(2), |transmit| {
        (transmit.base > 0).then_some(transmit.destination)
    });
    assert!(checks.pairs()[1].is_valid());
    checks.end_base(1);
    checks.local_directs_complete(at(400), true);
    checks.remote_directs_complete(at(400), true);
    let after = until(&mut checks, at(3000));
    assert!(after.iter().all(|(_, transmit)| transmit.base != 1));
    let known = events(&mut checks);
    assert!(known.contains(&Event::Chosen(2)), "{known:?}");
}
