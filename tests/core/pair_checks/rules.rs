//! The rules one by one.

use std::collections::BTreeSet;

use rtcdiag::proto::ice::candidate::CandidateType;
use rtcdiag::proto::ice::checks::message::{Message, Request, decode, role_conflict, success};
use rtcdiag::proto::ice::checks::pair::CheckState;
use rtcdiag::proto::ice::checks::{Checks, Credentials, Event, Input, Role};
use rtcdiag::proto::nat::SendError;
use rtcdiag::proto::stun::message::ErrorResponse;

use super::two::*;

#[test]
fn other_credentials_are_dropped_and_counted() {
    let mut checks = side(Role::Controlled);
    let stranger = Credentials {
        ufrag: "ours".into(),
        password: "another password of 22".into(),
    };
    let request = |username: &str, credentials: &Credentials| {
        let request = Request {
            username: username.into(),
            priority: 1000,
            role: Some((Role::Controlling, 1)),
            use_candidate: true,
        };
        request.encode([9; 12], &key(credentials)).expect("fits")
    };
    for bytes in [
        request("ours:theirs", &stranger),
        request("others:theirs", &ours()),
        request("ours", &ours()),
    ] {
        let input = checks.handle_input(at(1), 0, address(THERE), &bytes);
        assert_eq!(input, Input::Taken);
    }
    assert_eq!(checks.strays().unauthenticated, 3);
    assert_eq!(checks.strays().unauthenticated_from, Some(address(THERE)));
    assert!(checks.pairs().is_empty() && checks.arrived().is_empty());
    assert!(sent(&mut checks).is_empty() && events(&mut checks).is_empty());
}

#[test]
fn an_answer_of_somebody_else_is_no_answer() {
    let mut checks = side(Role::Controlled);
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    let (_, check) = until(&mut checks, at(0)).remove(0);
    let forged = success(id_of(&check.payload), address(HERE), &key(&ours())).expect("fits");
    checks.handle_input(at(1), 0, address(THERE), &forged);
    assert_eq!(checks.pairs()[0].state(), CheckState::InProgress);
    checks.handle_input(at(1), 0, address(THERE), &answer(&check.payload));
    assert_eq!(checks.pairs()[0].state(), CheckState::Succeeded);
    assert_eq!(checks.pairs()[0].mapped, Some(address(HERE)));
}

/// RFC 8445 7.2.5.2.1.
#[test]
fn an_answer_from_elsewhere_fails_the_pair() {
    let mut checks = side(Role::Controlled);
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    let (_, check) = until(&mut checks, at(0)).remove(0);
    let elsewhere = address("192.0.2.21:6000");
    checks.handle_input(at(1), 0, elsewhere, &answer(&check.payload));
    assert_eq!(checks.pairs()[0].state(), CheckState::Failed);
    assert_eq!(checks.pairs()[0].answered_elsewhere, Some(elsewhere));
    // A copy of it that does come from the right place counts.
    checks.handle_input(at(2), 0, address(THERE), &answer(&check.payload));
    let pair = &checks.pairs()[0];
    assert_eq!(
        (pair.state(), pair.answered, pair.rtts.len()),
        (CheckState::Succeeded, 1, 1)
    );
    // And a stray one afterwards does no harm.
    checks.handle_input(at(3), 0, elsewhere, &answer(&check.payload));
    assert!(checks.pairs()[0].is_valid());
    assert_eq!(checks.pairs()[0].answered, 1);
}

#[test]
fn an_error_answer_fails_the_pair() {
    let mut checks = side(Role::Controlled);
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    let (_, check) = until(&mut checks, at(0)).remove(0);
    let mut error = role_conflict(id_of(&check.payload), &key(&theirs())).expect("fits");
    // 487 becomes 400; then it is not signed any more, and not believed.
    let place = error.windows(2).position(|w| w == [4, 87]).expect("a code");
    error[place..place + 2].copy_from_slice(&[4, 0]);
    checks.handle_input(at(1), 0, address(THERE), &error);
    assert_eq!(checks.pairs()[0].state(), CheckState::InProgress);
    assert_eq!(checks.pairs()[0].error, None);
    // A signed one is (RFC 8445 7.2.5.2.4).
    let signed = bad_request(id_of(&check.payload));
    checks.handle_input(at(2), 0, address(THERE), &signed);
    let pair = &checks.pairs()[0];
    assert_eq!(pair.state(), CheckState::Failed);
    assert_eq!(pair.error.as_ref().map(|error| error.code), Some(400));
    assert!(until(&mut checks, at(1000)).is_empty());
}

fn bad_request(id: [u8; 12]) -> Vec<u8> {
    use stun_rs::attributes::stun::{ErrorCode, MessageIntegrity};
    let error = stun_rs::ErrorCode::new(400, "Bad Request").expect("valid");
    let message = stun_rs::StunMessageBuilder::new(
        stun_rs::methods::BINDING,
        stun_rs::MessageClass::ErrorResponse,
    )
    .with_transaction_id(id.into())
    .with_attribute(ErrorCode::from(error))
    .with_attribute(MessageIntegrity::new(key(&theirs()).hmac()))
    .build();
    let mut buffer = vec![0; 300];
    let encoder = stun_rs::MessageEncoderBuilder::default().build();
    let size = encoder.encode(&mut buffer, &message).expect("fits");
    buffer.truncate(size);
    buffer
}

#[test]
fn a_candidate_that_comes_after_its_check_names_the_pair() {
    let mut checks = side(Role::Controlled);
    let check = request(1, Role::Controlling);
    checks.handle_input(at(1), 0, address(THERE), &check);
    assert_eq!(checks.pairs()[0].remote_kind, CandidateType::Prflx);
    let before = checks.pairs()[0].priority;
    let remote = candidate(CandidateType::Srflx, THERE);
    checks.add_remote(at(2), remote.clone()).expect("usable");
    checks.add_remote(at(3), remote).expect("known");
    assert_eq!(checks.pairs().len(), 1);
    assert_eq!(checks.pairs()[0].remote_kind, CandidateType::Srflx);
    assert_eq!(checks.pairs()[0].requests_in, 1);
    assert_ne!(checks.pairs()[0].priority, before);
}

/// Its check is faster than its candidate: it must not pass for a direct path.
#[test]
fn a_relay_that_is_not_signalled_yet_is_known_for_one() {
    let mut other = Checks::new(ours(), Role::Controlling, 3).expect("valid");
    other.add_base(at(0), relay("192.0.2.100:49152"));
    other.set_remote(theirs(), Role::Controlling);
    let here = candidate(CandidateType::Host, THERE);
    other.add_remote(at(0), here).expect("usable");
    let peer = address(THERE).ip();
    assert_eq!(events(&mut other), [Event::Permit { base: 0, peer }]);
    other.permitted(at(0), 0, peer, Ok(()));
    let (_, check) = until(&mut other, at(0)).remove(0);
    let Ok(Message::Request(check)) = decode(&check.payload) else {
        panic!("a check");
    };
    let mut checks = side(Role::Controlled);
    let bytes = request_with(1, check.role, false, check.priority);
    checks.handle_input(at(1), 0, address("192.0.2.100:49152"), &bytes);
    assert_eq!(checks.pairs()[0].remote_kind, CandidateType::Prflx);
    assert!(checks.pairs()[0].is_relayed());
}

#[test]
fn a_forbidden_peer_is_never_sent_to() {
    let mut checks = side(Role::Controlling);
    checks.add_base(at(0), relay("192.0.2.100:49152"));
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    assert_eq!(checks.pairs()[1].state(), CheckState::Frozen);
    let error = ErrorResponse {
        code: 403,
        reason: "Forbidden IP".into(),
        alternate_server: None,
        alternate_domain: None,
    };
    let peer = address(THERE).ip();
    checks.permitted(at(5), 1, peer, Err(Some(error)));
    assert_eq!(checks.pairs()[1].state(), CheckState::Failed);
    let bases: BTreeSet<usize> = until(&mut checks, at(2000))
        .iter()
        .map(|(_, transmit)| transmit.base)
        .collect();
    assert_eq!(bases, BTreeSet::from([0]));
    // Another candidate of that peer is not asked for again.
    let remote = candidate(CandidateType::Srflx, "192.0.2.20:6001");
    checks.add_remote(at(2000), remote).expect("usable");
    let permits = events(&mut checks);
    let is_permit = |event: &&Event| matches!(event, Event::Permit { .. });
    assert_eq!(permits.iter().filter(is_permit).count(), 1);
    assert_eq!(checks.pairs()[3].state(), CheckState::Failed);
}

#[test]
fn what_the_system_will_not_send() {
    for (error, still_tried) in [
        (SendError::Unreachable, false),
        (SendError::Forbidden, false),
        (SendError::Other, false),
        // A router may refuse until the other side has sent something.
        (SendError::Refused, true),
    ] {
        let mut checks = side(Role::Controlled);
        let remote = candidate(CandidateType::Host, THERE);
        checks.add_remote(at(0), remote).expect("usable");
        until(&mut checks, at(0));
        checks.handle_send_error(0, address(THERE), error);
        checks.handle_send_error(7, address(THERE), error);
        let state = checks.pairs()[0].state();
        assert_eq!(state != CheckState::Failed, still_tried, "{error:?}");
        until(&mut checks, at(3000));
        assert_eq!(checks.pairs()[0].state(), CheckState::Failed);
        assert!(checks.is_finished(at(3000)));
        // What comes in shows that there is a way.
        let check = request(1, Role::Controlling);
        checks.handle_input(at(3001), 0, address(THERE), &check);
        assert_eq!(checks.pairs()[0].send_error, None);
        assert_ne!(checks.pairs()[0].state(), CheckState::Failed);
        checks.handle_timeout(at(3001));
        assert_eq!(sent(&mut checks).len(), 2, "an answer and a check");
    }
}

#[test]
fn before_the_description_checks_are_answered_but_not_sent() {
    let mut checks = Checks::new(ours(), Role::Controlled, 1).expect("valid");
    checks.add_base(at(0), host(HERE));
    let check = request(1, Role::Controlling);
    checks.handle_input(at(1), 0, address(THERE), &check);
    let remote = candidate(CandidateType::Host, "192.0.2.21:6000");
    checks.add_remote(at(1), remote).expect("usable");
    let out = sent(&mut checks);
    assert_eq!(out.len(), 1);
    let answer = decode(&out[0].payload);
    assert_eq!(answer, Ok(Message::Success(Some(address(THERE)))));
    assert_eq!(checks.poll_timeout(), None);
    checks.handle_timeout(at(100));
    assert!(sent(&mut checks).is_empty());
    assert!(checks.set_remote(theirs(), Role::Controlled));
    checks.handle_timeout(at(101));
    let out = sent(&mut checks);
    assert_eq!(
        out[0].destination,
        address(THERE),
        "the triggered one first"
    );
}

#[test]
fn credentials_that_cannot_be_sent_are_refused() {
    let mut checks = Checks::new(ours(), Role::Controlled, 1).expect("valid");
    let long = Credentials {
        ufrag: "u".repeat(600),
        ..theirs()
    };
    assert!(!checks.set_remote(long, Role::Controlled));
    checks.add_base(at(0), host(HERE));
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    assert_eq!(checks.poll_timeout(), None);
}

#[test]
fn the_engine_sees_only_what_it_may() {
    let mut checks = side(Role::Controlling);
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    let there = address(THERE);
    // Data of a known pair, and of a stranger.
    assert_eq!(
        checks.handle_input(at(0), 0, there, b"\x17data"),
        Input::Data(0)
    );
    let stranger = address("192.0.2.66:6");
    assert_eq!(
        checks.handle_input(at(0), 0, stranger, b"data"),
        Input::Foreign
    );
    let (_, check) = until(&mut checks, at(0)).remove(0);
    checks.handle_input(at(1), 0, there, &answer(&check.payload));
    let known = events(&mut checks);
    assert!(known.contains(&Event::Engaged(0)), "{known:?}");
    assert!(!known.contains(&Event::Chosen(0)), "{known:?}");
    // Its check is answered before the choice: kept back.
    let engine = Request {
        username: "theirs:ours".into(),
        priority: 1,
        role: Some((Role::Controlling, 5)),
        use_candidate: false,
    };
    let engine_check = engine.encode([77; 12], &key(&theirs())).expect("fits");
    checks.send_for_engine(at(2), 0, engine_check.clone());
    assert_eq!(sent(&mut checks).len(), 1);
    assert_eq!(checks.pairs()[0].sent, 2);
    let late = answer(&engine_check);
    assert_eq!(checks.handle_input(at(3), 0, there, &late), Input::Taken);
    assert_eq!(checks.pairs()[0].answered, 2);
    // Its answers are not sent: all checks are answered already.
    let own_answer = success([1; 12], there, &key(&ours())).expect("fits");
    checks.send_for_engine(at(4), 0, own_answer);
    assert!(sent(&mut checks).is_empty());
    // Its data are.
    checks.send_for_engine(at(4), 0, b"hello".to_vec());
    assert_eq!(sent(&mut checks)[0].payload, b"hello");
    checks.send_for_engine(at(4), 99, b"hello".to_vec());
    assert!(sent(&mut checks).is_empty());
    // Chosen: it gets the answer.
    until(&mut checks, at(500));
    let known = events(&mut checks);
    assert!(known.contains(&Event::Chosen(0)), "{known:?}");
    assert!(known.contains(&Event::Deliver(0, late)), "{known:?}");
    // Checks of the other side come to it too.
    let check = request(3, Role::Controlled);
    assert_eq!(
        checks.handle_input(at(501), 0, there, &check),
        Input::Engine(0)
    );
}

#[test]
fn a_ping_tells_whether_it_was_answered() {
    let mut checks = side(Role::Controlled);
    let remote = candidate(CandidateType::Host, THERE);
    checks.add_remote(at(0), remote).expect("usable");
    let id = checks.ping(at(0), 0).expect("the other side is known");
    assert!(checks.answer_to(id).is_none());
    assert_eq!(checks.arrivals(&BTreeSet::new()), [0]);
    let told = BTreeSet::from([u32::from_be_bytes(id[..4].try_into().expect("four"))]);
    assert_eq!(checks.arrivals(&told), [1]);
    let check = sent(&mut checks).remove(0);
    checks.handle_input(at(4), 0, address(THERE), &answer(&check.payload));
    assert!(checks.answer_to(id).is_some());
    assert_eq!(checks.pairs()[0].rtt(), Some(at(4)));
    // An answer is proof, whatever the other side has told by then.
    assert_eq!(checks.arrivals(&BTreeSet::new()), [1]);
}
