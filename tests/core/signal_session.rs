//! Messages in order over a rendezvous that drops, repeats and forgets.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::seal::{Name, SealError};
use rtcdiag::proto::signal::session::*;

fn pair() -> (Session, Session) {
    let code = Code::new([3; 10]);
    let side = |name, text: &str| Session::new(code.clone(), Name([name; 16]), text.into());
    (side(1, "from a"), side(2, "from b"))
}

/// Carries what one side sends to the other; gives the messages that arrived.
fn carry(from: &mut Session, to: &mut Session) -> Vec<Incoming> {
    let mut came = Vec::new();
    while let Some(envelope) = from.poll_transmit() {
        came.push(to.handle_input(&envelope));
    }
    came
}

#[test]
fn either_side_may_come_late() {
    let (mut a, mut b) = pair();
    a.joined().expect("small");
    a.send(b"early".to_vec()).expect("room");
    while a.poll_transmit().is_some() {}
    b.joined().expect("small");
    carry(&mut b, &mut a);
    let came = carry(&mut a, &mut b);
    assert_eq!(
        came,
        [
            Incoming::Greeting(b"from a".to_vec()),
            Incoming::Message(b"early".to_vec())
        ]
    );
    carry(&mut b, &mut a);
    assert!(a.is_confirmed());
}

/// Connections that drop at random, envelopes lost with them, the server forgetting everything.
#[test]
fn every_message_arrives_once_and_in_order() {
    let repeated = Incoming::Refused(IncomingError::Repeated);
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut a, mut b) = pair();
        let (mut at_a, mut at_b) = (Vec::new(), Vec::new());
        for number in 0..40_u8 {
            a.send(vec![number]).expect("room");
            b.send(vec![number]).expect("room");
            if number == 0 || rng.random_bool(0.2) {
                a.joined().expect("small");
            }
            if number == 0 || rng.random_bool(0.2) {
                b.joined().expect("small");
            }
            let down = rng.random_bool(0.3);
            for _ in 0..3 {
                while let Some(envelope) = a.poll_transmit() {
                    if down {
                        continue;
                    }
                    match b.handle_input(&envelope) {
                        Incoming::Message(text) => at_b.extend(text),
                        came => assert_ne!(came, repeated, "seed {seed}"),
                    }
                }
                while let Some(envelope) = b.poll_transmit() {
                    if down {
                        continue;
                    }
                    match a.handle_input(&envelope) {
                        Incoming::Message(text) => at_a.extend(text),
                        came => assert_ne!(came, repeated, "seed {seed}"),
                    }
                }
            }
        }
        a.joined().expect("small");
        b.joined().expect("small");
        for _ in 0..4 {
            for came in carry(&mut a, &mut b) {
                if let Incoming::Message(text) = came {
                    at_b.extend(text);
                }
            }
            for came in carry(&mut b, &mut a) {
                if let Incoming::Message(text) = came {
                    at_a.extend(text);
                }
            }
        }
        let all: Vec<u8> = (0..40).collect();
        assert_eq!((&at_a, &at_b), (&all, &all), "seed {seed}");
        assert!(a.is_confirmed() && b.is_confirmed(), "seed {seed}");
    }
}

#[test]
fn strangers_echoes_and_repetitions_are_named() {
    let (mut a, mut b) = pair();
    a.joined().expect("small");
    b.joined().expect("small");
    let greeting = a.poll_transmit().expect("a greeting");
    assert_eq!(
        a.handle_input(&greeting),
        Incoming::Refused(IncomingError::Reflected)
    );
    b.handle_input(&greeting);
    carry(&mut b, &mut a);
    a.send(b"one".to_vec()).expect("room");
    a.send(b"two".to_vec()).expect("room");
    let mut sent = Vec::new();
    while let Some(envelope) = a.poll_transmit() {
        sent.push(envelope);
    }
    let [.., one, two] = sent.as_slice() else {
        panic!("two messages");
    };
    assert_eq!(
        b.handle_input(two),
        Incoming::Refused(IncomingError::OutOfOrder)
    );
    assert_eq!(b.handle_input(one), Incoming::Message(b"one".to_vec()));
    // Each greeting, of which there were four at most, lets the other side send it again.
    assert_eq!(b.handle_input(one), Incoming::Nothing);
    let again = [(); 4].map(|()| b.handle_input(one));
    assert_eq!(again[3], Incoming::Refused(IncomingError::Repeated));
    let mut third = Session::new(Code::new([3; 10]), Name([9; 16]), b"third".to_vec());
    third.joined().expect("small");
    let came = carry(&mut third, &mut b);
    assert_eq!(came, [Incoming::Refused(IncomingError::ThirdSide)]);
    let stranger = Code::new([4; 10]);
    let mut stranger = Session::new(stranger, Name([8; 16]), b"guess".to_vec());
    stranger.joined().expect("small");
    let came = carry(&mut stranger, &mut b);
    assert_eq!(came, [Incoming::Refused(SealError::Forged.into())]);
}
