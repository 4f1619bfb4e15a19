//! Requests: how often they are sent, how they end, and what the errors are.

use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::family::Family;
use rtcdiag::proto::machine::Machine as _;
use rtcdiag::proto::turn::client::{Answer, Event, PATIENCE};
use rtcdiag::proto::turn::error::Failure;

use super::lab::{CLIENT, GOOD, Lab, Link, PEER, STREAM, address, ms, seconds};
use crate::support::turn_server::wire::{self, Incoming};
use crate::support::turn_server::{Family as Relayed, Method, TurnConfig};

fn silent(method: Method) -> TurnConfig {
    TurnConfig::silent_to(&[method])
}

/// As many transmissions as RFC 8489 6.2.1 has, the same bytes each time, and time for an answer
/// to the last.
#[test]
fn a_request_without_answer_is_repeated_and_then_given_up() {
    let mut lab = Lab::new(silent(Method::Allocate));
    let began = lab.now;
    let (outcome, rtt) = lab.ask(|c, now| c.allocate(now, None));
    assert_eq!(outcome, Err(Failure::Timeout));
    assert_eq!(rtt, None);
    assert_eq!(lab.now.saturating_sub(began), PATIENCE);
    assert!(lab.sent.iter().all(|(_, bytes)| *bytes == lab.sent[0].1));
    let times: Vec<Duration> = lab
        .sent
        .iter()
        .map(|(at, _)| at.saturating_sub(began))
        .collect();
    assert!(times.is_sorted() && times[1] <= ms(200), "{times:?}");
    assert!(times.iter().all(|at| *at < PATIENCE), "{times:?}");
    assert_eq!(times.len(), 7, "{times:?}");
}

#[test]
fn on_a_stream_nothing_is_repeated() {
    let mut lab = Lab::over(silent(Method::Allocate), STREAM);
    let began = lab.now;
    assert_eq!(lab.allocate(), Err(Failure::Timeout));
    assert_eq!(lab.sent.len(), 1);
    assert_eq!(lab.now.saturating_sub(began), PATIENCE);
}

/// A repetition with another transaction ID would be a second Allocate request, and the server
/// would have to refuse it with 437 (RFC 8656 7.2).
#[test]
fn a_lost_allocate_answer_does_not_end_in_437() {
    for lost in 1..=4 {
        let mut lab = Lab::new(TurnConfig::default());
        let mut seen = 0;
        lab.tamper = Some(Box::new(move |answer| {
            let is_success = answer.starts_with(&Method::Allocate.success().to_be_bytes());
            seen += usize::from(is_success);
            if is_success && seen <= lost {
                Vec::new()
            } else {
                vec![answer.to_vec()]
            }
        }));
        let (outcome, rtt) = lab.ask(|c, now| c.allocate(now, None));
        assert!(matches!(outcome, Ok(Answer::Allocated(_))), "{outcome:?}");
        assert_eq!(rtt, None, "nobody knows which copy was answered");
        assert_eq!(lab.core.allocations(), 1);
        assert_eq!(lab.core.live_allocations(), 1);
        let ids: std::collections::BTreeSet<Vec<u8>> = lab
            .sent_of(Method::Allocate)
            .iter()
            .map(|(_, bytes)| bytes[8..20].to_vec())
            .collect();
        assert_eq!(ids.len(), 2, "one for each step of the exchange");
    }
}

#[test]
fn round_trips_are_those_of_the_last_step() {
    for delay in [1, 20, 45] {
        let link = Link {
            delay: ms(delay),
            ..GOOD
        };
        let mut lab = Lab::over(TurnConfig::default(), link);
        let (_, rtt) = lab.ask(|c, now| c.allocate(now, None));
        assert_eq!(rtt, Some(ms(2 * delay)));
        let (_, rtt) = lab.ask(|c, now| c.permit(now, vec![address(PEER).ip()]));
        assert_eq!(rtt, Some(ms(2 * delay)));
    }
}

#[test]
fn the_allocation_is_as_the_server_says() {
    let config = TurnConfig {
        lifetime: 777,
        ..TurnConfig::default()
    };
    let (lab, allocation) = Lab::allocated(config, GOOD);
    assert_eq!(allocation.mapped, Some(address(CLIENT)));
    assert_eq!(allocation.lifetime_s, Some(777));
    assert!(lab.core.owns_relay(allocation.relayed));
    assert_eq!(lab.client.allocation(), Some(allocation));
}

#[test]
fn families_are_asked_for_by_name() {
    let mut lab = Lab::new(TurnConfig::default());
    let (outcome, _) = lab.ask(|c, now| c.allocate(now, Some(Family::Ipv6)));
    match outcome {
        Ok(Answer::Allocated(allocation)) => assert!(allocation.relayed.is_ipv6()),
        other => panic!("{other:?}"),
    }
    let sent = lab.sent_of(Method::Allocate);
    let asked = Incoming::parse(&sent[1].1).expect("STUN");
    let family = asked.get(wire::REQUESTED_ADDRESS_FAMILY);
    assert_eq!(family, Some(&[2, 0, 0, 0][..]));

    let (lab, allocation) = Lab::allocated(TurnConfig::default(), GOOD);
    assert!(allocation.relayed.is_ipv4());
    let asked = &lab.sent_of(Method::Allocate)[0].1;
    let asked = Incoming::parse(asked).expect("STUN");
    assert!(!asked.has(wire::REQUESTED_ADDRESS_FAMILY));
}

#[test]
fn every_error_is_given_with_its_code() {
    let codes = [
        // Right after the challenge it is what servers on pion say to wrong credentials.
        (400, "unauthorized"),
        (403, "forbidden"),
        (405, "method-not-allowed"),
        (420, "unknown-attribute"),
        (437, "allocation-mismatch"),
        (441, "wrong-credentials"),
        (442, "unsupported-transport-protocol"),
        (443, "peer-address-family-mismatch"),
        (486, "allocation-quota-reached"),
        (500, "server-error"),
        (508, "insufficient-capacity"),
        (599, "stun-error"),
    ];
    for (number, code) in codes {
        for link in [GOOD, STREAM] {
            let config = TurnConfig {
                error_on_allocate: Some((number, "as the test has it")),
                ..TurnConfig::default()
            };
            let mut lab = Lab::over(config, link);
            let failure = lab.allocate().expect_err("it refuses");
            assert_eq!(failure.stun_code(), Some(number));
            assert_eq!(failure.meaning().code.name(), code);
            let message = failure.message();
            assert!(message.contains("as the test has it"), "{message}");
            assert!(!failure.meaning().hint.is_empty());
        }
    }
    let only_v4 = TurnConfig {
        families: vec![Relayed::V4],
        ..TurnConfig::default()
    };
    let mut lab = Lab::new(only_v4);
    let (outcome, _) = lab.ask(|c, now| c.allocate(now, Some(Family::Ipv6)));
    let failure = outcome.expect_err("it relays IPv4 only");
    assert_eq!(failure.stun_code(), Some(440));
    assert_eq!(failure.meaning().code, Code::AddressFamilyNotSupported);
}

#[test]
fn errors_of_later_requests_leave_the_allocation() {
    for (method, code) in [
        (Method::CreatePermission, 403),
        (Method::ChannelBind, 400),
        (Method::Refresh, 508),
    ] {
        let config = TurnConfig {
            error_on: vec![(method, code)],
            ..TurnConfig::default()
        };
        let (mut lab, allocation) = Lab::allocated(config, GOOD);
        let outcome = match method {
            Method::CreatePermission => lab.permit(PEER),
            Method::ChannelBind => lab.bind(PEER),
            _ => lab.ask(|c, now| c.refresh(now, 600)).0,
        };
        let failure = outcome.expect_err("it refuses");
        assert_eq!(failure.stun_code(), Some(code), "{method:?}");
        assert_eq!(lab.client.allocation(), Some(allocation));
    }
}

#[test]
fn try_alternate_names_the_other_server() {
    let other = address("203.0.113.8:3479");
    let config = TurnConfig {
        error_on_allocate: Some((300, "Try Alternate")),
        alternate_server: Some(other),
        alternate_domain: Some("turn2.example.org".to_owned()),
        ..TurnConfig::default()
    };
    let mut lab = Lab::new(config);
    match lab.allocate() {
        Err(Failure::Redirected(error)) => {
            assert_eq!(error.alternate_server, Some(other));
            let domain = error.alternate_domain.as_deref();
            assert_eq!(domain, Some("turn2.example.org"));
        }
        other => panic!("{other:?}"),
    }
    let without = TurnConfig {
        error_on_allocate: Some((300, "Try Alternate")),
        ..TurnConfig::default()
    };
    let failure = Lab::new(without).allocate().expect_err("it sends away");
    assert!(failure.message().contains("without saying which"));
}

/// A 300 to a request without credentials comes before any challenge, and is as good.
#[test]
fn a_redirection_before_the_challenge_counts_too() {
    let config = TurnConfig {
        error_unauthenticated: Some(300),
        alternate_server: Some(address("203.0.113.8:3479")),
        ..TurnConfig::default()
    };
    let allocation = Lab::new(config).allocate();
    assert!(
        matches!(allocation, Err(Failure::Redirected(_))),
        "{allocation:?}"
    );
}

#[test]
fn a_release_ends_everything() {
    for link in [GOOD, STREAM] {
        let (mut lab, _) = Lab::allocated(TurnConfig::default(), link);
        assert!(lab.permit(PEER).is_ok() && lab.bind(PEER).is_ok());
        assert_eq!(lab.core.live_allocations(), 1);
        let (outcome, _) = lab.ask(|c, now| c.refresh(now, 0));
        assert_eq!(outcome, Ok(Answer::Refreshed(0)));
        assert_eq!(lab.core.live_allocations(), 0);
        assert_eq!(lab.client.allocation(), None);
        assert_eq!(lab.client.poll_timeout(), None, "nothing is kept alive");
        let sent = lab.sent.len();
        lab.run_for(seconds(3600));
        assert_eq!(lab.sent.len(), sent);
    }
}

#[test]
fn a_connection_that_ends_ends_its_requests() {
    let (mut lab, _) = Lab::allocated(silent(Method::ChannelBind), STREAM);
    let ids = [
        lab.begin(|c, now| c.bind_channel(now, address(PEER))),
        lab.begin(|c, now| c.bind_channel(now, address("192.0.2.41:1"))),
    ];
    lab.client.handle_closed();
    for id in ids {
        assert!(lab.wait(id).0.is_err());
    }
    assert_eq!(lab.client.poll_timeout(), None);
    lab.client.handle_timeout(lab.now + seconds(9999));
    assert_eq!(lab.client.poll_transmit(), None);
    assert_eq!(lab.client.poll_event(), None);
}

#[test]
fn each_request_ends_exactly_once() {
    let link = Link {
        jitter: ms(60),
        loss: 0.1,
        duplicates: 0.3,
        ..GOOD
    };
    let (mut lab, _) = Lab::allocated(TurnConfig::default(), link);
    let ids: Vec<_> = (1..=20)
        .map(|n| lab.begin(|c, now| c.permit(now, vec![[192, 0, 2, n].into()])))
        .collect();
    lab.run_for(seconds(20));
    for id in ids {
        let ends = lab
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Done { request, .. } if *request == id));
        assert_eq!(ends.count(), 1);
    }
}
