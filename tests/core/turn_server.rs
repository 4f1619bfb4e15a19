//! The gate, with the requests of our own client.

use rtcdiag::base::family::Family;
use rtcdiag::proto::turn::message::Integrity;
use rtcdiag::proto::turn::message::integrity;
use rtcdiag::proto::turn::server::peers::PeerPolicy;
use rtcdiag::proto::turn::server::users::Users;
use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::proto::turn::credentials::{Credentials, PasswordAlgorithm, Secret};
use rtcdiag::proto::turn::message::{self, Authentication, Challenge, Request, Response};
use rtcdiag::proto::turn::server::*;

const HOUR: Duration = Duration::from_secs(3600);

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn ann() -> Credentials {
    Credentials::new("ann", &Secret::new("secret")).expect("valid")
}

fn rules() -> Rules {
    Rules {
        realm: "here".to_owned(),
        users: Users::one(ann()),
        peers: PeerPolicy::default(),
        families: vec![Family::Ipv4],
        most_lifetime: HOUR,
    }
}

fn gate() -> Gate {
    Gate::new(rules(), &[7; 32])
}

fn received(bytes: &[u8], now: Duration) -> Received<'_> {
    Received {
        now,
        unix_now: 0,
        source: address("203.0.113.9:40000"),
        bytes,
    }
}

fn answer(decision: Decision<'_>) -> Response {
    let Decision::Answer(bytes, _) = decision else {
        panic!("no answer: {decision:?}");
    };
    match message::decode(&bytes) {
        Ok(message::Message::Response(response)) => *response,
        other => panic!("no response: {other:?}"),
    }
}

fn code(response: &Response) -> u16 {
    response.outcome.as_ref().map_or_else(|e| e.code, |_| 0)
}

fn challenge(gate: &mut Gate, now: Duration) -> Challenge {
    let bytes = Request::Allocate(None)
        .encode([1; 12], None)
        .expect("it fits");
    let response = answer(gate.decide(received(&bytes, now), None));
    assert_eq!(code(&response), 401);
    assert_eq!(response.challenge.realm.as_deref(), Some("here"));
    assert!(!response.challenge.nonce_promises_algorithms());
    response.challenge
}

fn signed(request: &Request, challenge: &Challenge, user: &Credentials) -> Vec<u8> {
    let realm = challenge.realm.clone().expect("a realm");
    let with = Authentication {
        username: user.username().to_owned(),
        key: user.key(&realm, PasswordAlgorithm::Md5).expect("a key"),
        realm,
        nonce: challenge.nonce.clone().expect("a nonce"),
        algorithms: None,
    };
    request.encode([2; 12], Some(&with)).expect("it fits")
}

#[test]
fn who_knows_the_password_gets_an_allocation() {
    let mut gate = gate();
    let challenge = challenge(&mut gate, Duration::ZERO);
    let bytes = signed(&Request::Allocate(None), &challenge, &ann());
    let decision = gate.decide(received(&bytes, Duration::ZERO), None);
    let Decision::Do(action, reply) = decision else {
        panic!("{decision:?}");
    };
    let expected = Action::Allocate {
        username: "ann".to_owned(),
        family: Family::Ipv4,
        even_port: false,
        lifetime: DEFAULT_LIFETIME,
    };
    assert_eq!(action, expected);
    let relayed = address("192.0.2.1:50000");
    let granted = answer::Granted::Allocated(relayed, address("203.0.113.9:40000"), 600);
    let success = reply.success(granted).expect("it fits");
    let key = ann().key("here", PasswordAlgorithm::Md5).expect("a key");
    assert_eq!(integrity(&success, &key), Integrity::Valid);
    let Ok(message::Message::Response(response)) = message::decode(&success) else {
        panic!("no response");
    };
    let success = response.outcome.expect("a success");
    assert_eq!(success.relayed, Some(relayed));
    assert_eq!(success.lifetime_s, Some(600));
}

#[test]
fn nobody_else_does() {
    let mut gate = gate();
    let challenge = challenge(&mut gate, Duration::ZERO);
    let request = Request::Allocate(None);
    let eve = Credentials::new("eve", &Secret::new("secret")).expect("valid");
    for user in [ann().with_wrong_password(), eve] {
        let bytes = signed(&request, &challenge, &user);
        let response = answer(gate.decide(received(&bytes, Duration::ZERO), None));
        assert_eq!(code(&response), 401);
        assert!(response.challenge.nonce.is_some());
    }
    // A changed byte, such as the lifetime on its way.
    let mut bytes = signed(&Request::Refresh(600), &challenge, &ann());
    bytes[27] ^= 1;
    assert_eq!(
        code(&answer(gate.decide(received(&bytes, Duration::ZERO), None))),
        401
    );
    // A nonce that is too old, or of somebody else.
    let bytes = signed(&request, &challenge, &ann());
    let late = answer(gate.decide(received(&bytes, HOUR), None));
    assert_eq!(code(&late), 438);
    let fresh = signed(&request, &late.challenge, &ann());
    assert!(matches!(
        gate.decide(received(&fresh, HOUR), None),
        Decision::Do(..)
    ));
    let elsewhere = Received {
        source: address("203.0.113.10:40000"),
        ..received(&bytes, Duration::ZERO)
    };
    assert_eq!(code(&answer(gate.decide(elsewhere, None))), 438);
}

/// What stands behind MESSAGE-INTEGRITY is anybody's.
#[test]
fn attributes_behind_the_integrity_do_not_count() {
    let mut gate = gate();
    let challenge = challenge(&mut gate, Duration::ZERO);
    let mut bytes = signed(&Request::Allocate(None), &challenge, &ann());
    // REQUESTED-ADDRESS-FAMILY: IPv6, which would be refused.
    bytes.extend([0, 0x17, 0, 4, 2, 0, 0, 0]);
    let length = u16::try_from(bytes.len() - 20).expect("short");
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let decision = gate.decide(received(&bytes, Duration::ZERO), None);
    assert!(
        matches!(decision, Decision::Do(Action::Allocate { .. }, _)),
        "{decision:?}"
    );
}

#[test]
fn lifetimes_lie_between_the_default_and_the_most() {
    let held = Held {
        username: "ann",
        relayed: address("192.0.2.1:50000"),
        id: [9; 12],
        answer: b"",
    };
    for (most, asked, given) in [
        (3600, 0, 0),
        (3600, 1, 600),
        (3600, 700, 700),
        (3600, 9999, 3600),
        (60, 700, 60),
    ] {
        let mut gate = Gate::new(
            Rules {
                most_lifetime: Duration::from_secs(most),
                ..rules()
            },
            &[7; 32],
        );
        let challenge = challenge(&mut gate, Duration::ZERO);
        let bytes = signed(&Request::Refresh(asked), &challenge, &ann());
        let decision = gate.decide(received(&bytes, Duration::ZERO), Some(held));
        let Decision::Do(Action::Refresh(lifetime), _) = decision else {
            panic!("{decision:?}");
        };
        assert_eq!(lifetime, Duration::from_secs(given), "{most} {asked}");
    }
}

#[test]
fn strangers_are_not_answered_without_end() {
    let mut gate = gate();
    let bytes = Request::Allocate(None)
        .encode([1; 12], None)
        .expect("it fits");
    let mut answers = 0;
    let mut sent = 0;
    for _ in 0..1000 {
        if let Decision::Answer(answer, _) = gate.decide(received(&bytes, Duration::ZERO), None) {
            answers += 1;
            sent += answer.len();
        }
    }
    assert_eq!(answers, 300);
    assert!(sent / answers < 160, "{}", sent / answers);
}

/// Guesses from one address are left unanswered; who knows the password is not, and who has a relay keeps it. Only where
/// guesses come faster than anybody mistypes, right ones are not looked at either.
#[test]
fn wrong_passwords_slow_an_address_down() {
    let mut gate = gate();
    let wrong = Credentials::new("ann", &Secret::new("guess")).expect("valid");
    let challenge = challenge(&mut gate, Duration::ZERO);
    let request = Request::Allocate(None);
    let (bad, good) = (
        signed(&request, &challenge, &wrong),
        signed(&request, &challenge, &ann()),
    );
    let refused = (0..100)
        .filter(|_| {
            let decision = gate.decide(received(&bad, Duration::ZERO), None);
            matches!(decision, Decision::Answer(..))
        })
        .count();
    assert_eq!(refused, 20);
    let now = Duration::ZERO;
    assert_eq!(gate.decide(received(&good, now), None), Decision::Limited);
    let soon = Duration::from_secs(1);
    let decision = gate.decide(received(&good, soon), None);
    assert!(matches!(decision, Decision::Do(..)), "{decision:?}");
    let decision = gate.decide(received(&bad, soon), None);
    assert_eq!(decision, Decision::Limited, "a wrong one");
    let guesses = gate.take_guesses();
    assert_eq!(guesses.len(), 20);
    assert_eq!(guesses[0].username, "ann");
    assert!(!guesses[0].is_slowed && guesses[19].is_slowed);
    assert!(gate.take_guesses().is_empty());
    // A relay that is there is refreshed.
    let held = Held {
        username: "ann",
        relayed: address("192.0.2.1:50000"),
        id: [9; 12],
        answer: b"",
    };
    let refresh = signed(&Request::Refresh(600), &challenge, &ann());
    let decision = gate.decide(received(&refresh, now), Some(held));
    assert!(matches!(decision, Decision::Do(..)), "{decision:?}");
    // After a while wrong ones are answered again.
    let later = Duration::from_secs(10);
    let decision = gate.decide(received(&bad, later), None);
    assert!(matches!(decision, Decision::Answer(..)), "{decision:?}");
}

/// `rtcdiag turn` asks once with a wrong password in each run, to see that it is refused.
#[test]
fn one_wrong_password_in_each_run_does_not_shut_anybody_out() {
    let mut gate = gate();
    let wrong = Credentials::new("ann", &Secret::new("guess")).expect("valid");
    let request = Request::Allocate(None);
    for run in 0..200 {
        let now = Duration::from_secs(run);
        let challenge = challenge(&mut gate, now);
        let bad = signed(&request, &challenge, &wrong);
        gate.decide(received(&bad, now), None);
        let good = signed(&request, &challenge, &ann());
        let decision = gate.decide(received(&good, now), None);
        assert!(matches!(decision, Decision::Do(..)), "{run}: {decision:?}");
    }
}

/// A name that nobody has costs the same work, and its answer says the same.
#[test]
fn a_name_that_nobody_has_looks_like_a_wrong_password() {
    let mut gate = gate();
    let challenge = challenge(&mut gate, Duration::ZERO);
    let mut refusal = |user: &str, password: &str| {
        let user = Credentials::new(user, &Secret::new(password)).expect("valid");
        let bytes = signed(&Request::Allocate(None), &challenge, &user);
        let response = answer(gate.decide(received(&bytes, Duration::ZERO), None));
        (response.outcome, response.challenge)
    };
    let wrong = refusal("ann", "guess");
    for (user, password) in [
        ("eve", "guess"),
        ("eve", "\u{2022}"),
        ("99999999999:ann", "x"),
    ] {
        assert_eq!(refusal(user, password), wrong, "{user}");
    }
    for user in ["eve", "x", "1:2:3", "J\u{fc}rgen", "99999999999:ann"] {
        let decoy = rules().users.decoy(user, "here");
        assert!(decoy.is_some(), "{user}");
        assert_ne!(decoy, rules().users.key("ann", "here", 0));
    }
}

mod any {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_never_upset_it(
            kind in prop_oneof![Just(3_u16), Just(4), Just(8), Just(9), Just(0x16), any::<u16>()],
            body in proptest::collection::vec(any::<u8>(), 0..120),
            cut in any::<bool>(),
        ) {
            let mut bytes = kind.to_be_bytes().to_vec();
            let length = u16::try_from(body.len()).expect("short") & 0xfffc;
            bytes.extend(length.to_be_bytes());
            bytes.extend([0x21, 0x12, 0xa4, 0x42]);
            bytes.extend([5; 12]);
            bytes.extend(&body[..if cut { usize::from(length) } else { body.len() }]);
            let decision = gate().decide(received(&bytes, Duration::ZERO), None);
            prop_assert!(!matches!(decision, Decision::Do(..)));
        }

        /// Whatever is changed in a signed request, nothing is done.
        #[test]
        fn forged_requests_do_nothing(at in 0..200_usize, bit in 0..8_u32) {
            let mut gate = gate();
            let challenge = challenge(&mut gate, Duration::ZERO);
            let mut bytes = signed(&Request::Allocate(None), &challenge, &ann());
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            // Padding and the transaction ID's own bits are covered too, so any change shows.
            let decision = gate.decide(received(&bytes, Duration::ZERO), None);
            prop_assert!(!matches!(decision, Decision::Do(..)), "byte {at} bit {bit}");
        }
    }
}
