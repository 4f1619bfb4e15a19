//! Role conflicts (RFC 8445 7.3.1.1).

use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::checks::message::{Message, decode, role_conflict};
use rtcdiag::proto::ice::checks::pair::CheckState;
use rtcdiag::proto::ice::checks::{Checks, Event, Role};

use super::two::*;

/// Both sides believe to have the same role (RFC 8445 7.3.1.1). Their packets take 10 ms, and some
/// are on the way twice.
#[test]
fn a_role_conflict_is_settled_once() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..20 {
            let mut sides = [(ours(), HERE, 0), (theirs(), THERE, 1)].map(|(own, base, i)| {
                let mut checks = Checks::new(own, role, seed * 2 + i).expect("valid");
                checks.add_base(at(0), host(base));
                checks
            });
            assert!(sides[0].set_remote(theirs(), role));
            assert!(sides[1].set_remote(ours(), role));
            for (i, remote) in [THERE, HERE].into_iter().enumerate() {
                let remote = candidate(CandidateType::Host, remote);
                sides[i].add_remote(at(0), remote).expect("usable");
            }
            let mut flight: Vec<(u64, usize, Vec<u8>)> = Vec::new();
            let mut switches = [0, 0];
            for ms in 0..300 {
                for i in 0..2 {
                    sides[i].handle_timeout(at(ms));
                    for transmit in sent(&mut sides[i]) {
                        let late = if ms % 3 == 0 { 25 } else { 10 };
                        flight.push((ms + 10, 1 - i, transmit.payload.clone()));
                        flight.push((ms + late, 1 - i, transmit.payload));
                    }
                    for event in events(&mut sides[i]) {
                        if let Event::RoleSwitched(_) = event {
                            switches[i] += 1;
                        }
                    }
                }
                let due: Vec<_> = flight.extract_if(.., |(when, ..)| *when <= ms).collect();
                for (_, to, bytes) in due {
                    let source = address([THERE, HERE][to]);
                    sides[to].handle_input(at(ms), 0, source, &bytes);
                }
            }
            let roles = [sides[0].role(), sides[1].role()];
            assert_ne!(roles[0], roles[1], "seed {seed}");
            let mut sorted = switches;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1], "seed {seed}");
            assert!(sides.iter().all(|side| side.pairs()[0].is_valid()));
            let priorities = [sides[0].pairs()[0].priority, sides[1].pairs()[0].priority];
            assert_eq!(priorities[0], priorities[1]);
        }
    }
}

#[test]
fn role_conflicts_by_tie_breaker() {
    // (our role, the other's tie-breaker, whether it has to switch)
    for (role, tie_breaker, other_switches) in [
        (Role::Controlling, 0, true),
        (Role::Controlling, u64::MAX, false),
        (Role::Controlled, 0, false),
        (Role::Controlled, u64::MAX, true),
    ] {
        let mut checks = side(role);
        let request = request_with(1, Some((role, tie_breaker)), false, 1000);
        checks.handle_input(at(1), 0, address(THERE), &request);
        let answers = sent(&mut checks);
        let answer = decode(&answers[0].payload).expect("ours");
        if other_switches {
            assert!(matches!(answer, Message::Failure(e) if e.code == 487));
            assert_eq!(checks.role(), role);
        } else {
            assert_eq!(answer, Message::Success(Some(address(THERE))));
            assert_eq!(checks.role(), role.other());
            assert!(events(&mut checks).contains(&Event::RoleSwitched(role.other())));
        }
    }
}

/// The engine cannot change its role any more, so the other side has to.
#[test]
fn a_side_whose_engine_has_begun_keeps_its_role() {
    for role in [Role::Controlling, Role::Controlled] {
        let mut checks = side(role);
        let remote = candidate(CandidateType::Host, THERE);
        checks.add_remote(at(0), remote).expect("usable");
        let (_, check) = until(&mut checks, at(0)).remove(0);
        checks.handle_input(at(1), 0, address(THERE), &answer(&check.payload));
        assert!(events(&mut checks).contains(&Event::Engaged(0)));
        for tie_breaker in [0, u64::MAX] {
            let request = request_with(1, Some((role, tie_breaker)), false, 1000);
            checks.handle_input(at(2), 0, address(THERE), &request);
            let answers = sent(&mut checks);
            let answer = decode(&answers[0].payload).expect("ours");
            assert!(matches!(answer, Message::Failure(e) if e.code == 487));
            assert_eq!(checks.role(), role);
        }
    }
}

#[test]
fn role_conflict_answers_to_several_checks_switch_once() {
    let mut checks = side(Role::Controlling);
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    let requests = until(&mut checks, at(60));
    assert!(requests.len() >= 2);
    for (_, request) in &requests {
        let answer = role_conflict(id_of(&request.payload), &key(&theirs())).expect("fits");
        checks.handle_input(at(61), 0, address(THERE), &answer);
    }
    assert_eq!(checks.role(), Role::Controlled);
    assert_ne!(checks.pairs()[0].state(), CheckState::Failed);
    checks.handle_timeout(at(70));
    let again = sent(&mut checks);
    let Ok(Message::Request(request)) = decode(&again[0].payload) else {
        panic!("a check");
    };
    assert_eq!(request.role.map(|(role, _)| role), Some(Role::Controlled));
}

/// What was answered before the description came was a success in the other side's role: it keeps it.
#[test]
fn a_check_before_the_description_settles_the_roles() {
    // (the role of the check, the role that this side is given, whether it switches)
    for (of_check, given, switches) in [
        (Role::Controlling, Role::Controlling, true),
        (Role::Controlled, Role::Controlled, true),
        (Role::Controlling, Role::Controlled, false),
        (Role::Controlled, Role::Controlling, false),
    ] {
        let mut checks = Checks::new(ours(), Role::Controlling, 1).expect("valid");
        checks.add_base(at(0), host(HERE));
        checks.handle_input(at(1), 0, address(THERE), &request(1, of_check));
        let answers = sent(&mut checks);
        let answer = decode(&answers[0].payload).expect("ours");
        assert_eq!(answer, Message::Success(Some(address(THERE))));
        assert!(checks.set_remote(theirs(), given));
        assert_eq!(checks.role(), of_check.other());
        let has_told = events(&mut checks)
            .iter()
            .any(|event| matches!(event, Event::RoleSwitched(_)));
        assert_eq!(has_told, switches);
    }
}
