//! Reflexive addresses of one base from many servers, over a link that does what it likes.

use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use rtcdiag::base::time::Time;
use rtcdiag::proto::ice::reflexive::{Binder, Failure, PATIENCE, Settled};

use super::lab::{address, ms};
use crate::support::stun_wire::{
    BINDING_ERROR, BINDING_SUCCESS, MAPPED_ADDRESS, Message, Request, SOFTWARE, XOR_MAPPED_ADDRESS,
};

const SERVER: &str = "203.0.113.10:3478";
const OTHER: &str = "203.0.113.11:3478";
const MAPPED: &str = "198.51.100.9:40000";
const START: Time = seconds(3);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn success(request: &Request) -> Vec<u8> {
    Message::new(BINDING_SUCCESS, request.transaction_id)
        .xor_address(XOR_MAPPED_ADDRESS, address(MAPPED))
        .attribute(SOFTWARE, b"scripted")
        .finish()
}

/// An answer: how late, from where, what.
type Reply = (Duration, SocketAddr, Vec<u8>);

/// Runs the machine until all is settled. `answer` says what comes of each request.
fn run(
    binder: &mut Binder,
    mut answer: impl FnMut(Time, SocketAddr, &Request) -> Vec<Reply>,
) -> Vec<(Time, Settled)> {
    let mut queue: Vec<(Time, SocketAddr, Vec<u8>)> = Vec::new();
    let mut settled = Vec::new();
    let mut now = START;
    loop {
        while let Some(transmit) = binder.poll_transmit() {
            let request = Request::parse(&transmit.payload).expect("a Binding request");
            for (late, from, bytes) in answer(now, transmit.flow, &request) {
                queue.push((now + late, from, bytes));
            }
        }
        while let Some(event) = binder.poll_event() {
            settled.push((now, event));
        }
        queue.sort_by_key(|(at, _, _)| *at);
        let arrival = queue.first().map(|(at, _, _)| *at);
        let Some(next) = [arrival, binder.poll_timeout()].into_iter().flatten().min() else {
            return settled;
        };
        now = now.max(next);
        if arrival == Some(next) {
            let (_, from, bytes) = queue.remove(0);
            binder.handle_input(now, from, &bytes);
        } else {
            binder.handle_timeout(now);
        }
    }
}

fn ask(answer: impl FnMut(Time, SocketAddr, &Request) -> Vec<Reply>) -> (Time, Settled) {
    let mut binder = Binder::new(1);
    binder.ask(START, address(SERVER));
    let mut settled = run(&mut binder, answer);
    assert_eq!(settled.len(), 1);
    settled.remove(0)
}

#[test]
fn an_answer_gives_the_address_the_round_trip_and_the_software() {
    let (at, settled) = ask(|_, to, request| vec![(ms(30), to, success(request))]);
    let found = settled.outcome.expect("an honest server");
    assert_eq!(found.address, address(MAPPED));
    assert_eq!(found.rtt, ms(30));
    assert_eq!(found.software.as_deref(), Some("scripted"));
    assert_eq!((settled.began, at), (START, START + ms(30)));
    assert_eq!(settled.transmissions, 1);
}

#[test]
fn silence_is_given_up_after_two_and_a_half_seconds() {
    let mut times = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    let (at, settled) = ask(|now, _, request| {
        times.push(now.saturating_sub(START));
        ids.insert(request.transaction_id);
        Vec::new()
    });
    assert_eq!(settled.outcome, Err(Failure::Timeout));
    assert_eq!(at.saturating_sub(START), PATIENCE);
    assert_eq!(PATIENCE, ms(2500));
    assert_eq!(settled.transmissions, times.len());
    assert!(times.len() >= 7, "{times:?}");
    assert_eq!(ids.len(), times.len(), "each has an ID of its own");
    assert!(
        times.iter().all(|at| *at + ms(400) <= PATIENCE),
        "{times:?}"
    );
}

#[test]
fn the_round_trip_is_that_of_the_transmission_that_was_answered() {
    for answered in 0..6_usize {
        let mut number = 0;
        let (_, settled) = ask(|_, to, request| {
            number += 1;
            if number - 1 == answered {
                vec![(ms(33), to, success(request))]
            } else {
                Vec::new()
            }
        });
        let found = settled.outcome.expect("an answer");
        assert_eq!(found.rtt, ms(33), "transmission {answered}");
    }
    // A late answer to the first, when others are under way.
    let mut number = 0;
    let (_, settled) = ask(|_, to, request| {
        number += 1;
        let late = if number == 1 { ms(310) } else { ms(9000) };
        vec![(late, to, success(request))]
    });
    assert_eq!(settled.outcome.expect("an answer").rtt, ms(310));
    assert!(settled.transmissions > 1);
}

#[test]
fn an_answer_from_another_address_is_named_and_not_taken() {
    let wrong = address("203.0.113.99:3478");
    let (at, settled) = ask(|_, _, request| vec![(ms(10), wrong, success(request))]);
    assert_eq!(settled.outcome, Err(Failure::WrongSource(wrong)));
    assert_eq!(
        at.saturating_sub(START),
        PATIENCE,
        "the right one may come yet"
    );
    let (_, settled) = ask(|_, to, request| {
        vec![
            (ms(10), wrong, success(request)),
            (ms(20), address("203.0.113.10:3479"), success(request)),
            (ms(40), to, success(request)),
        ]
    });
    assert_eq!(settled.outcome.expect("it came").rtt, ms(40));
}

#[test]
fn strays_and_wrong_transactions_are_left_alone() {
    let mut rng = StdRng::seed_from_u64(7);
    let (_, settled) = ask(|_, to, request| {
        let mut replies: Vec<Reply> = (0..10_000)
            .map(|number| {
                let mut other = *request;
                rng.fill_bytes(&mut other.transaction_id);
                let mut noise = vec![0; rng.random_range(0..100)];
                rng.fill_bytes(&mut noise);
                let bytes = match number % 4 {
                    0 => noise,
                    1 => success(&other),
                    2 => Message::new(0x0103, request.transaction_id).finish(),
                    _ => Message::new(BINDING_ERROR, other.transaction_id)
                        .error(500, "made up")
                        .finish(),
                };
                (ms(5), to, bytes)
            })
            .collect();
        replies.push((ms(30), to, success(request)));
        replies
    });
    let found = settled.outcome.expect("it is among them");
    assert_eq!((found.address, found.rtt), (address(MAPPED), ms(30)));
}

#[test]
fn answers_that_say_nothing_have_their_reason() {
    let (at, settled) = ask(|_, to, request| {
        let bytes = Message::new(BINDING_ERROR, request.transaction_id)
            .error(401, "Unauthenticated")
            .finish();
        vec![(ms(10), to, bytes)]
    });
    assert!(matches!(settled.outcome, Err(Failure::Refused(error)) if error.code == 401));
    assert_eq!(at.saturating_sub(START), ms(10));

    let (_, settled) = ask(|_, to, request| {
        let bytes = Message::new(BINDING_SUCCESS, request.transaction_id).finish();
        vec![(ms(10), to, bytes)]
    });
    assert_eq!(settled.outcome, Err(Failure::NoAddress));

    let (_, settled) = ask(|_, to, request| {
        let bytes = success(request);
        vec![(ms(10), to, bytes[..bytes.len() / 2].to_vec())]
    });
    assert!(matches!(settled.outcome, Err(Failure::Malformed(_))));

    // Malformed first, right afterwards.
    let (_, settled) = ask(|_, to, request| {
        let bytes = success(request);
        let half = bytes[..24].to_vec();
        vec![(ms(10), to, half), (ms(20), to, bytes)]
    });
    assert!(settled.outcome.is_ok());

    // An old server without XOR-MAPPED-ADDRESS.
    let (_, settled) = ask(|_, to, request| {
        let bytes = Message::new(BINDING_SUCCESS, request.transaction_id)
            .address(MAPPED_ADDRESS, address(MAPPED))
            .finish();
        vec![(ms(10), to, bytes)]
    });
    assert_eq!(
        settled.outcome.expect("it will do").address,
        address(MAPPED)
    );
}

#[test]
fn servers_are_settled_each_by_itself() {
    let mut binder = Binder::new(1);
    for server in [SERVER, OTHER, SERVER] {
        binder.ask(START, address(server));
    }
    let live = address(OTHER);
    let settled = run(&mut binder, |_, to, request| {
        if to == live {
            vec![(ms(40), to, success(request))]
        } else {
            Vec::new()
        }
    });
    let ends: Vec<_> = settled.iter().map(|(at, s)| (s.server, *at)).collect();
    let expected = [(live, START + ms(40)), (address(SERVER), START + PATIENCE)];
    assert_eq!(
        ends, expected,
        "each once, and nobody waits for the dead one"
    );
}

#[test]
fn a_server_that_was_given_up_is_asked_no_more() {
    let mut binder = Binder::new(1);
    binder.ask(START, address(SERVER));
    let request = binder.poll_transmit().expect("a request").payload;
    let silent: Vec<_> = binder.silent_since(START).collect();
    assert_eq!(silent, [address(SERVER)]);
    binder.give_up(address(SERVER));
    assert_eq!(binder.poll_timeout(), None);
    let request = Request::parse(&request).expect("a Binding request");
    binder.handle_input(START + ms(5), address(SERVER), &success(&request));
    assert_eq!(binder.poll_event(), None);
}

#[test]
fn loss_jitter_and_copies_leave_round_trips_exact() {
    let mut failures = 0;
    for seed in 0..500 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut binder = Binder::new(seed);
        binder.ask(START, address(SERVER));
        let mut flown = std::collections::BTreeMap::new();
        let settled = run(&mut binder, |now, to, request| {
            if rng.random_bool(0.36) {
                return Vec::new();
            }
            let late = ms(rng.random_range(20..120));
            flown.insert(now + late, late);
            let copy = late + ms(rng.random_range(1..50));
            vec![(late, to, success(request)), (copy, to, success(request))]
        });
        assert_eq!(settled.len(), 1, "seed {seed}");
        let (at, settled) = &settled[0];
        match &settled.outcome {
            Ok(found) => assert_eq!(Some(&found.rtt), flown.get(at), "seed {seed}"),
            Err(failure) => {
                assert_eq!(*failure, Failure::Timeout, "seed {seed}");
                failures += 1;
            }
        }
    }
    assert!(failures <= 5, "{failures} of 500");
}
