//! Answers that do not come from the server, or not as they were sent (RFC 8489 9.2.5).

use rtcdiag::proto::turn::error::Failure;

use super::lab::{GOOD, Lab, Link, PEER, STREAM, address, seconds};
use crate::support::stun_wire::{Message, XOR_MAPPED_ADDRESS, transaction_id};
use crate::support::turn_server::wire::{self, Digest, Incoming};
use crate::support::turn_server::{Method, TurnConfig};

const LIAR: &str = "192.0.2.66:6666";

/// A success answer to the same request that names another relay.
fn forged(answer: &[u8]) -> Message {
    let id = transaction_id(answer).expect("STUN");
    Message::new(Method::Allocate.success(), id)
        .xor_address(wire::XOR_RELAYED_ADDRESS, address(LIAR))
        .xor_address(XOR_MAPPED_ADDRESS, address(LIAR))
        .attribute(wire::LIFETIME, &600_u32.to_be_bytes())
}

fn is_allocated(answer: &[u8]) -> bool {
    answer.starts_with(&Method::Allocate.success().to_be_bytes())
}

fn signed_with_another_key(mut message: Vec<u8>, digest: Digest) -> Vec<u8> {
    let key = wire::key(wire::MD5, "user", "example.org", "guessed");
    wire::sign(&mut message, digest, &key);
    message
}

#[test]
fn a_forged_answer_cannot_win_and_the_right_one_does() {
    type Forge = fn(&[u8]) -> Vec<u8>;
    let forgeries: [(&str, Forge); 5] = [
        ("without integrity", |answer| forged(answer).finish()),
        ("with another key", |answer| {
            signed_with_another_key(forged(answer).finish(), Digest::Sha1)
        }),
        ("with the other digest", |answer| {
            signed_with_another_key(forged(answer).finish(), Digest::Sha256)
        }),
        ("with an HMAC that is too short", |answer| {
            forged(answer)
                .attribute(wire::MESSAGE_INTEGRITY, &[0; 4])
                .finish()
        }),
        ("behind the integrity", |answer| {
            // The relayed address is put where the HMAC does not reach.
            let mut bytes = wire::omit(answer, &[wire::XOR_RELAYED_ADDRESS]);
            let whole = forged(answer).finish();
            let id = transaction_id(answer).expect("STUN");
            let extra = Message::new(0, id)
                .xor_address(wire::XOR_RELAYED_ADDRESS, address(LIAR))
                .finish();
            assert!(whole.len() > extra.len());
            bytes.extend(&extra[20..]);
            let size = u16::try_from(bytes.len() - 20).expect("short");
            bytes[2..4].copy_from_slice(&size.to_be_bytes());
            bytes
        }),
    ];
    for sha256 in [false, true] {
        for (name, forge) in forgeries {
            let config = TurnConfig {
                sha256,
                ..TurnConfig::default()
            };
            let mut lab = Lab::new(config);
            lab.tamper = Some(Box::new(move |answer| {
                if is_allocated(answer) {
                    vec![forge(answer), answer.to_vec()]
                } else {
                    vec![answer.to_vec()]
                }
            }));
            let allocation = lab.allocate().expect(name);
            assert_ne!(allocation.relayed, address(LIAR), "{name}");
            assert_ne!(allocation.mapped, Some(address(LIAR)), "{name}");
            let discarded = lab.client.discarded();
            assert_eq!(discarded.integrity + discarded.stray, 1, "{name}");
        }
    }
}

/// An error that somebody made up and could not sign must not end the request either.
#[test]
fn a_forged_error_with_a_wrong_hmac_is_discarded() {
    let mut lab = Lab::new(TurnConfig::default());
    lab.tamper = Some(Box::new(|answer| {
        if !is_allocated(answer) {
            return vec![answer.to_vec()];
        }
        let id = transaction_id(answer).expect("STUN");
        let error = Message::new(Method::Allocate.error(), id).error(403, "Forbidden");
        let forged = signed_with_another_key(error.finish(), Digest::Sha1);
        vec![forged, answer.to_vec()]
    }));
    assert!(lab.allocate().is_ok());
    assert_eq!(lab.client.discarded().integrity, 1);
}

#[test]
fn over_udp_bad_integrity_is_waited_out_and_named() {
    for config in [
        TurnConfig {
            bad_integrity: true,
            ..TurnConfig::default()
        },
        TurnConfig {
            no_integrity: true,
            ..TurnConfig::default()
        },
        TurnConfig {
            bad_integrity: true,
            sha256: true,
            ..TurnConfig::default()
        },
    ] {
        let expected = if config.no_integrity {
            Failure::Unsigned
        } else {
            Failure::Integrity
        };
        let mut lab = Lab::new(config);
        let began = lab.now;
        assert_eq!(lab.allocate(), Err(expected));
        assert!(
            lab.now.saturating_sub(began) >= seconds(2),
            "a right answer may come yet"
        );
        assert!(lab.client.discarded().integrity > 1);
        assert_eq!(lab.client.allocation(), None);
    }
}

#[test]
fn on_a_stream_bad_integrity_is_the_end() {
    for (bad_integrity, no_integrity) in [(true, false), (false, true)] {
        let config = TurnConfig {
            bad_integrity,
            no_integrity,
            ..TurnConfig::default()
        };
        let mut lab = Lab::over(config, STREAM);
        let began = lab.now;
        let expected = if no_integrity {
            Failure::Unsigned
        } else {
            Failure::Integrity
        };
        assert_eq!(lab.allocate(), Err(expected));
        assert!(
            lab.now.saturating_sub(began) < seconds(1),
            "nothing else will come"
        );
    }
}

/// Every byte of a signed answer that is changed on the way is noticed, but for what says where
/// the HMAC is and how long the message.
#[test]
fn an_answer_that_was_changed_is_not_taken() {
    for sha256 in [false, true] {
        let config = TurnConfig {
            sha256,
            ..TurnConfig::default()
        };
        let (mut lab, _) = Lab::allocated(config.clone(), GOOD);
        assert!(lab.permit(PEER).is_ok());
        let (_, honest) = Lab::allocated(config.clone(), GOOD);
        for at in 20..100 {
            let mut lab = Lab::new(config.clone());
            let mut changed = false;
            lab.tamper = Some(Box::new(move |answer| {
                let mut bytes = answer.to_vec();
                if is_allocated(answer) && !changed && at < bytes.len() {
                    bytes[at] ^= 0x01;
                    changed = true;
                }
                vec![bytes]
            }));
            let allocation = lab.allocate().expect("the repetition is answered as well");
            assert_eq!(allocation, honest, "byte {at}");
        }
    }
}

/// What is behind the HMAC is not the server's word.
#[test]
fn attributes_behind_the_integrity_are_ignored() {
    let mut lab = Lab::new(TurnConfig::default());
    lab.tamper = Some(Box::new(|answer| {
        if !is_allocated(answer) {
            return vec![answer.to_vec()];
        }
        let parsed = Incoming::parse(answer).expect("STUN");
        assert!(parsed.has(wire::MESSAGE_INTEGRITY));
        let mut bytes = answer.to_vec();
        let long = Message::new(0, transaction_id(answer).expect("STUN"))
            .attribute(wire::LIFETIME, &7_u32.to_be_bytes())
            .finish();
        bytes.extend(&long[20..]);
        let size = u16::try_from(bytes.len() - 20).expect("short");
        bytes[2..4].copy_from_slice(&size.to_be_bytes());
        vec![bytes]
    }));
    let allocation = lab.allocate().expect("the rest of it is right");
    assert_eq!(allocation.lifetime_s, Some(600));
}

#[test]
fn duplicates_and_late_copies_of_an_answer_do_no_harm() {
    let config = TurnConfig {
        duplicate_responses: true,
        ..TurnConfig::default()
    };
    for link in [GOOD, STREAM] {
        let (mut lab, allocation) = Lab::allocated(config.clone(), link);
        assert!(lab.permit(PEER).is_ok() && lab.bind(PEER).is_ok());
        lab.run_for(seconds(5));
        assert_eq!(lab.client.allocation(), Some(allocation));
        assert_eq!(lab.client.discarded().integrity, 0);
        assert!(lab.client.discarded().stray >= 3);
    }
}

#[test]
fn ten_thousand_strays_change_nothing() {
    let config = TurnConfig {
        strays: 10_000,
        ..TurnConfig::default()
    };
    let (mut lab, _) = Lab::allocated(config, GOOD);
    assert!(lab.permit(PEER).is_ok());
    assert!(lab.client.discarded().stray >= 20_000);
    let crowded = Link {
        strays: 10_000,
        ..GOOD
    };
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), crowded);
    assert!(lab.bind(PEER).is_ok());
    assert_eq!(lab.client.discarded().stray, 30_000);
}
