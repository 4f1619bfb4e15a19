//! Allocations, permissions and channels that have to be there for hours.

use std::time::Duration;

use rtcdiag::proto::turn::client::{Answer, Event};
use rtcdiag::proto::turn::error::Failure;

use super::lab::{GOOD, Lab, Link, PEER, STREAM, address, ms};
use crate::support::turn_server::{Method, TurnConfig};

const OTHER: &str = "192.0.2.41:6001";
const HOUR: Duration = seconds(3600);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A client with a channel to one peer and a permission for another, whom both answer.
fn ready(config: TurnConfig, link: Link) -> Lab {
    let (mut lab, _) = Lab::allocated(config, link);
    lab.echo = true;
    assert!(lab.bind(PEER).is_ok() && lab.permit(OTHER).is_ok());
    lab
}

/// Data both ways, by channel and by indication.
#[track_caller]
fn assert_alive(lab: &mut Lab) {
    let before = lab.data().len();
    lab.send(PEER, b"by channel");
    lab.send(OTHER, b"by indication");
    lab.run_for(Duration::from_secs(1));
    let came = lab.data().len() - before;
    assert_eq!(came, 2, "at {:?}: {:?}", lab.now, lab.events.last());
}

fn live_through(lab: &mut Lab, time: Duration, step: Duration) {
    let end = lab.now + time;
    while lab.now < end {
        lab.run_for(step);
        assert_alive(lab);
    }
    assert_eq!(lab.fadings(), 0);
    assert_eq!(lab.core.live_allocations(), 1);
    assert_eq!(lab.core.allocations(), 1);
    assert_eq!(lab.core.violations(), &[] as &[String]);
}

#[test]
fn data_still_passes_after_hours() {
    for link in [GOOD, STREAM] {
        let mut lab = ready(TurnConfig::default(), link);
        live_through(&mut lab, 3 * HOUR, seconds(50));
        let refreshes = lab.sent_of(Method::Refresh).len();
        assert!((18..=25).contains(&refreshes), "{refreshes} refreshes");
        let renewals = lab.sent_of(Method::ChannelBind).len();
        assert!((36..=50).contains(&renewals), "{renewals} renewals");
    }
}

/// Nothing goes through it, and it is there all the same.
#[test]
fn an_idle_allocation_is_kept_too() {
    let mut lab = ready(TurnConfig::default(), GOOD);
    lab.run_for(5 * HOUR);
    assert_alive(&mut lab);
}

#[test]
fn nonces_and_realms_may_change_meanwhile() {
    for sha256 in [false, true] {
        let config = TurnConfig {
            nonce_age: Some(seconds(600)),
            realm_after_stale: Some("elsewhere.example".to_owned()),
            sha256,
            ..TurnConfig::default()
        };
        let mut lab = ready(config, GOOD);
        live_through(&mut lab, 2 * HOUR, seconds(70));
        assert!(lab.client.server().stale_nonces >= 10);
    }
}

#[test]
fn short_lifetimes_are_met() {
    for lifetime in [2, 3, 5, 30, 60, 90, 120, 121, 130] {
        let config = TurnConfig {
            lifetime,
            ..TurnConfig::default()
        };
        let mut lab = ready(config, GOOD);
        live_through(&mut lab, seconds(900), seconds(25));
        assert_eq!(lab.fadings(), 0, "lifetime {lifetime}");
    }
}

/// One second is what a server may say as well as another number.
#[test]
fn a_lifetime_of_one_second_is_met() {
    let config = TurnConfig {
        lifetime: 1,
        ..TurnConfig::default()
    };
    let mut lab = ready(config, GOOD);
    live_through(&mut lab, seconds(60), seconds(3));
}

#[test]
fn a_lossy_link_does_not_end_it() {
    for seed in 1..=3 {
        let link = Link {
            loss: 0.05,
            jitter: ms(30),
            duplicates: 0.05,
            ..GOOD
        };
        let who = super::lab::credentials("user", "secret");
        let mut lab = Lab::with(TurnConfig::default(), link, Some(who), seed);
        lab.echo = true;
        assert!(lab.allocate().is_ok());
        assert!(lab.bind(PEER).is_ok() && lab.permit(OTHER).is_ok());
        lab.run_for(3 * HOUR);
        assert_eq!(lab.fadings(), 0, "seed {seed}");
        assert_eq!(lab.core.live_allocations(), 1);
        lab.link = GOOD;
        assert_alive(&mut lab);
    }
}

/// The keepalive begins a minute before the end so that there is time to try again.
#[test]
fn an_outage_shorter_than_the_margin_costs_nothing() {
    for due in [240_u64, 540] {
        let mut lab = ready(TurnConfig::default(), GOOD);
        lab.run_for(seconds(due - 2));
        lab.link.loss = 1.0;
        lab.run_for(seconds(15));
        lab.link.loss = 0.0;
        for _ in 0..15 {
            lab.run_for(seconds(59));
            assert_alive(&mut lab);
        }
    }
}

#[test]
fn what_cannot_be_kept_alive_is_told() {
    let mut lab = ready(TurnConfig::default(), GOOD);
    lab.core
        .configure(|config| config.error_on.push((Method::Refresh, 437)));
    lab.run_for(seconds(600));
    let fading = lab.events.iter().find_map(|(_, event)| match event {
        Event::Fading(Failure::Refused(error)) => Some(error.code),
        _ => None,
    });
    assert_eq!(fading, Some(437));
}

#[test]
fn a_refresh_asked_for_tells_what_was_granted() {
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), GOOD);
    let (outcome, _) = lab.ask(|c, now| c.refresh(now, 1200));
    assert_eq!(
        outcome,
        Ok(Answer::Refreshed(600)),
        "not what was asked for"
    );
    assert_eq!(lab.core.live_allocations(), 1);
    // Peers of both families in one request would spoil it; keepalive keeps them apart.
    assert!(lab.permit(PEER).is_ok());
    let v6 = lab.ask(|c, now| c.permit(now, vec![address("[2001:db8::9]:1").ip()]));
    assert_eq!(v6.0.expect_err("it relays IPv4").stun_code(), Some(443));
    lab.echo = true;
    lab.run_for(seconds(1000));
    lab.send(PEER, b"still");
    lab.run_for(seconds(1));
    assert_eq!(lab.data().len(), 1);
}
