//! Links as bad as they get: every request ends, and nearly all of them well.

use rtcdiag::proto::turn::client::{Answer, PATIENCE};

use super::lab::{GOOD, Lab, Link, PEER, credentials, ms};
use crate::support::turn_server::TurnConfig;

const SEEDS: u64 = 300;
/// Of the requests.
const MOST_FAILURES_PERCENT: usize = 1;

/// A call's whole exchange; how many requests were made, and what failed.
fn exchange(mut config: TurnConfig, link: Link, seed: u64) -> (usize, Vec<String>) {
    config.seed = seed;
    let mut lab = Lab::with(config, link, Some(credentials("user", "secret")), seed);
    let mut failures = Vec::new();
    let began = lab.now;
    let mut requests = 1;
    match lab.allocate() {
        Err(failure) => failures.push(format!("seed {seed}: allocate: {failure:?}")),
        Ok(allocation) => {
            requests += 3;
            assert!(lab.core.owns_relay(allocation.relayed));
            let outcomes = [
                ("permit", lab.permit(PEER)),
                ("bind", lab.bind(PEER)),
                ("refresh", lab.ask(|c, now| c.refresh(now, 600)).0),
            ];
            for (name, outcome) in outcomes {
                match outcome {
                    Ok(Answer::Allocated(_)) => panic!("an answer to something else"),
                    Ok(_) => {}
                    Err(failure) => failures.push(format!("seed {seed}: {name}: {failure:?}")),
                }
            }
        }
    }
    assert!(
        lab.now.saturating_sub(began) <= PATIENCE * 16,
        "seed {seed} takes too long"
    );
    assert_eq!(lab.core.violations(), &[] as &[String], "seed {seed}");
    assert!(lab.core.allocations() <= 1, "seed {seed}");
    (requests, failures)
}

#[track_caller]
fn assert_survives(config: &TurnConfig, link: Link) {
    let (mut requests, mut failures) = (0, Vec::new());
    for seed in 0..SEEDS {
        let (made, failed) = exchange(config.clone(), link, seed);
        requests += made;
        failures.extend(failed);
    }
    assert!(
        failures.len() * 100 <= requests * MOST_FAILURES_PERCENT,
        "{} of {requests} failed: {failures:#?}",
        failures.len()
    );
}

#[test]
fn a_fifth_is_lost_each_way() {
    let link = Link { loss: 0.2, ..GOOD };
    assert_survives(&TurnConfig::default(), link);
}

#[test]
fn lost_repeated_and_out_of_order() {
    let link = Link {
        loss: 0.2,
        jitter: ms(80),
        duplicates: 0.2,
        strays: 3,
        ..GOOD
    };
    assert_survives(&TurnConfig::default(), link);
}

#[test]
fn lost_while_nonces_change_under_sha256() {
    let link = Link {
        loss: 0.2,
        jitter: ms(20),
        duplicates: 0.1,
        ..GOOD
    };
    let config = TurnConfig {
        sha256: true,
        nonce_requests: Some(2),
        realm_after_stale: Some("elsewhere.example".to_owned()),
        ..TurnConfig::default()
    };
    assert_survives(&config, link);
}

#[test]
fn a_long_way_that_loses() {
    let link = Link {
        delay: ms(150),
        jitter: ms(100),
        loss: 0.1,
        ..GOOD
    };
    assert_survives(&TurnConfig::default(), link);
}
