//! Challenges: who one is, and how that is shown (RFC 8489 9.2).

use rtcdiag::proto::turn::client::NonceStyle;
use rtcdiag::proto::turn::credentials::PasswordAlgorithm;
use rtcdiag::proto::turn::error::Failure;

use super::lab::{GOOD, Lab, Link, PEER, STREAM, credentials, ms, seconds};
use crate::support::turn_server::wire::{self, Incoming};
use crate::support::turn_server::{Method, TurnConfig};

fn modern() -> TurnConfig {
    TurnConfig {
        sha256: true,
        ..TurnConfig::default()
    }
}

fn as_user(config: TurnConfig, user: &str, password: &str) -> Lab {
    Lab::with(config, GOOD, Some(credentials(user, password)), 1)
}

#[test]
fn the_first_401_is_normal_and_asks_for_credentials() {
    for link in [GOOD, STREAM] {
        let (lab, allocation) = Lab::allocated(TurnConfig::default(), link);
        assert!(allocation.authenticated);
        let sent = lab.sent_of(Method::Allocate);
        assert_eq!(sent.len(), 2, "once without and once with credentials");
        let first = Incoming::parse(&sent[0].1).expect("STUN");
        for attribute in [wire::USERNAME, wire::REALM, wire::MESSAGE_INTEGRITY] {
            assert!(!first.has(attribute), "0x{attribute:04x}");
        }
        let server = lab.client.server();
        assert_eq!(server.realm.as_deref(), Some("example.org"));
        assert_eq!(server.software.as_deref(), Some("scripted"));
        assert_eq!(server.stale_nonces, 0);
        assert!(lab.core.violations().is_empty());
    }
}

#[test]
fn a_second_401_says_that_the_credentials_are_wrong() {
    for (user, password) in [("user", "wrong"), ("nobody", "secret")] {
        let mut lab = as_user(TurnConfig::default(), user, password);
        assert_eq!(lab.allocate(), Err(Failure::Unauthorized));
        lab.run_for(seconds(10));
        assert_eq!(lab.sent_of(Method::Allocate).len(), 2, "no third try");
        let mut lab = as_user(modern(), user, password);
        assert_eq!(lab.allocate(), Err(Failure::Unauthorized));
    }
}

#[test]
fn without_credentials_there_is_one_request_and_a_clear_end() {
    let mut lab = Lab::with(TurnConfig::default(), GOOD, None, 1);
    assert_eq!(lab.allocate(), Err(Failure::NoCredentials));
    lab.run_for(seconds(10));
    assert_eq!(lab.sent.len(), 1);
    assert_eq!(lab.client.server().realm.as_deref(), Some("example.org"));
}

#[test]
fn a_server_that_asks_for_nothing_is_known_to() {
    let config = TurnConfig {
        no_auth: true,
        ..TurnConfig::default()
    };
    let (lab, allocation) = Lab::allocated(config, GOOD);
    assert!(!allocation.authenticated);
    assert_eq!(lab.sent.len(), 1);
}

#[test]
fn a_stale_nonce_is_replaced_and_the_request_made_again() {
    for realm in [None, Some("elsewhere.example".to_owned())] {
        for mut config in [TurnConfig::default(), modern()] {
            config.nonce_requests = Some(2);
            config.realm_after_stale.clone_from(&realm);
            let (mut lab, _) = Lab::allocated(config, GOOD);
            for port in 1..=9 {
                let peer = format!("192.0.2.{port}:6000");
                assert!(lab.permit(&peer).is_ok(), "{realm:?} {peer}");
            }
            let server = lab.client.server();
            assert!(server.stale_nonces >= 3, "{server:?}");
            let expected = realm.as_deref().unwrap_or("example.org");
            assert_eq!(server.realm.as_deref(), Some(expected));
            assert!(lab.core.violations().is_empty());
        }
    }
}

/// Several requests are under way when the nonce ends, as in a policy check.
#[test]
fn many_requests_at_once_survive_a_stale_nonce() {
    for link in [GOOD, STREAM] {
        let config = TurnConfig {
            nonce_requests: Some(4),
            ..TurnConfig::default()
        };
        let (mut lab, _) = Lab::allocated(config, link);
        let ids: Vec<_> = (1..=10)
            .map(|n| lab.begin(|c, now| c.permit(now, vec![[192, 0, 2, n].into()])))
            .collect();
        let failed: Vec<_> = ids
            .into_iter()
            .filter_map(|id| lab.wait(id).0.err())
            .collect();
        assert_eq!(failed, [], "stream: {}", link.stream);
    }
}

/// The nonce and the realm change while two requests are under way; the answer to the one that
/// came first is signed with the key of the old realm, and arrives last.
#[test]
fn an_answer_is_checked_with_the_key_of_its_own_request() {
    let config = TurnConfig {
        nonce_requests: Some(2),
        realm_after_stale: Some("elsewhere.example".to_owned()),
        ..TurnConfig::default()
    };
    let (mut lab, _) = Lab::allocated(config, GOOD);
    let mut held: Option<Vec<u8>> = None;
    let mut answers = 0;
    lab.tamper = Some(Box::new(move |bytes| {
        answers += 1;
        match answers {
            1 => {
                held = Some(bytes.to_vec());
                Vec::new()
            }
            2 => std::iter::once(bytes.to_vec()).chain(held.take()).collect(),
            _ => vec![bytes.to_vec()],
        }
    }));
    let first = lab.begin(|c, now| c.permit(now, vec![[192, 0, 2, 1].into()]));
    let second = lab.begin(|c, now| c.permit(now, vec![[192, 0, 2, 2].into()]));
    assert!(lab.wait(second).0.is_ok());
    assert!(lab.wait(first).0.is_ok(), "{:?}", lab.wait(first));
}

#[test]
fn nonces_that_are_always_stale_end_it() {
    for link in [GOOD, STREAM] {
        let config = TurnConfig {
            always_stale: true,
            ..TurnConfig::default()
        };
        let mut lab = Lab::over(config, link);
        assert_eq!(lab.allocate(), Err(Failure::StaleNonce));
        let sent = lab.sent_of(Method::Allocate).len();
        assert!((3..=6).contains(&sent), "{sent} requests");
        assert!(lab.now < seconds(7), "long before the patience ends");
    }
}

#[test]
fn md5_where_nothing_else_is_offered_and_sha256_where_it_is() {
    let (lab, _) = Lab::allocated(TurnConfig::default(), GOOD);
    let server = lab.client.server();
    assert_eq!(server.algorithm, Some(PasswordAlgorithm::Md5));
    assert_eq!(server.nonce, Some(NonceStyle::Plain));

    for (offered, taken) in [
        (vec![wire::SHA256], PasswordAlgorithm::Sha256),
        (vec![wire::MD5, wire::SHA256], PasswordAlgorithm::Sha256),
        (vec![77, wire::SHA256], PasswordAlgorithm::Sha256),
        (vec![wire::MD5], PasswordAlgorithm::Md5),
    ] {
        let config = TurnConfig {
            algorithms: offered.clone(),
            ..modern()
        };
        let (lab, _) = Lab::allocated(config, GOOD);
        let server = lab.client.server();
        assert_eq!(server.algorithm, Some(taken), "{offered:?}");
        assert_eq!(server.nonce, Some(NonceStyle::Cookie));
        let sent = lab.sent_of(Method::Allocate);
        let last = Incoming::parse(&sent[1].1).expect("STUN");
        assert!(last.has(wire::MESSAGE_INTEGRITY_SHA256));
        assert!(!last.has(wire::MESSAGE_INTEGRITY));
        let echoed = last.get(wire::PASSWORD_ALGORITHMS);
        assert_eq!(echoed, Some(&wire::password_algorithms(&offered)[..]));
    }
}

#[test]
fn bidding_down_is_noticed_and_refused() {
    let stripped = TurnConfig {
        omits: vec![wire::PASSWORD_ALGORITHMS],
        ..modern()
    };
    let unknown = TurnConfig {
        algorithms: vec![77],
        ..modern()
    };
    for (config, says) in [
        (stripped, "bidding down"),
        (unknown, "no known password algorithm"),
    ] {
        let mut lab = Lab::new(config);
        match lab.allocate() {
            Err(Failure::Malformed(what)) => assert!(what.contains(says), "{what}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            lab.sent_of(Method::Allocate).len(),
            1,
            "nothing is given away"
        );
    }
}

/// RFC 8265: composed, and every space that is none of ASCII's becomes one.
#[test]
fn credentials_are_prepared_as_opaque_strings() {
    for (typed, stored) in [
        (("j\u{f6}rg", "cafe\u{301}"), ("j\u{f6}rg", "caf\u{e9}")),
        (("jo\u{308}rg", "caf\u{e9}"), ("j\u{f6}rg", "caf\u{e9}")),
        (("user", "two\u{3000}words"), ("user", "two words")),
        (
            ("\u{6797}", "\u{1f511}\u{3c0}"),
            ("\u{6797}", "\u{1f511}\u{3c0}"),
        ),
        (("user", " kept "), ("user", " kept ")),
    ] {
        for sha256 in [false, true] {
            let config = TurnConfig {
                username: stored.0.to_owned(),
                password: stored.1.to_owned(),
                sha256,
                ..TurnConfig::default()
            };
            let mut lab = as_user(config, typed.0, typed.1);
            let allocation = lab.allocate();
            assert!(allocation.is_ok(), "{typed:?} {allocation:?}");
        }
    }
}

/// RFC 8489 14.9 allows it, and the codec in use does not: that has to be said at least.
#[test]
fn a_realm_beyond_ascii_works_or_is_named() {
    let config = TurnConfig {
        realm: "z\u{fc}rich.example".to_owned(),
        ..TurnConfig::default()
    };
    match Lab::new(config).allocate() {
        Ok(_) => {}
        Err(Failure::Malformed(what)) => assert!(what.contains("0x0014"), "{what}"),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_challenge_that_lacks_something_is_told() {
    for attribute in [wire::REALM, wire::NONCE] {
        let config = TurnConfig {
            omits: vec![attribute],
            ..TurnConfig::default()
        };
        let mut lab = Lab::new(config);
        let allocation = lab.allocate();
        assert!(
            matches!(allocation, Err(Failure::Malformed(_))),
            "{allocation:?}"
        );
    }
}

/// Each step of the exchange has its own time, and a slow link is no reason to give up.
#[test]
fn a_slow_link_gets_through_the_challenge() {
    let slow = Link {
        delay: ms(700),
        ..GOOD
    };
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), slow);
    assert!(lab.permit(PEER).is_ok());
    assert!(lab.core.violations().is_empty());
}
