//! One question, in virtual time.

use std::time::Duration;

use rtcdiag::proto::machine::{Machine as _, SendError};
use rtcdiag::proto::nat::router::inquiry::{Inquiry, Outcome, QUESTION};

const START: Duration = Duration::from_secs(7);

fn read(packet: &[u8]) -> Option<u8> {
    packet.strip_prefix(b"yes")?.first().copied()
}

/// Lets time pass until it is settled; gives the times of transmissions and the end.
fn run(mut inquiry: Inquiry<u8, impl Fn(&[u8]) -> Option<u8>>) -> (Vec<u64>, u64, Outcome<u8>) {
    let mut sent = Vec::new();
    let mut now = START;
    loop {
        while inquiry.poll_transmit().is_some() {
            sent.push(millis(now));
        }
        if let Some(outcome) = inquiry.outcome() {
            return (sent, millis(now), outcome.clone());
        }
        now = inquiry.poll_timeout().expect("it is open");
        inquiry.handle_timeout(now);
    }
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.saturating_sub(START).as_millis()).expect("short")
}

#[test]
fn silence_is_settled_after_three_transmissions() {
    let (sent, end, outcome) = run(Inquiry::new(vec![1], QUESTION, read, START));
    assert_eq!(sent, [0, 150, 350]);
    assert_eq!((end, outcome), (600, Outcome::Silent));
}

#[test]
fn an_answer_and_a_refusal_settle_at_once() {
    let mut inquiry = Inquiry::new(vec![1], QUESTION, read, START);
    let sent = inquiry.poll_transmit().map(|transmit| transmit.payload);
    assert_eq!(sent, Some(vec![1]));
    inquiry.handle_input(START, (), b"yes!");
    assert_eq!(inquiry.outcome(), Some(&Outcome::Answered(b'!')));
    assert_eq!(inquiry.poll_timeout(), None);
    inquiry.handle_timeout(START + Duration::from_secs(1));
    assert_eq!(inquiry.poll_transmit(), None);
    // What comes later changes nothing.
    inquiry.handle_input(START, (), b"yes?");
    inquiry.handle_error(START, (), SendError::Refused);
    assert_eq!(inquiry.outcome(), Some(&Outcome::Answered(b'!')));
    for (error, expected) in [
        (SendError::Refused, Outcome::Closed),
        (SendError::Forbidden, Outcome::NotSent(SendError::Forbidden)),
    ] {
        let mut inquiry = Inquiry::new(vec![1], QUESTION, read, START);
        inquiry.handle_error(START, (), error);
        assert_eq!(inquiry.outcome(), Some(&expected));
    }
}

#[test]
fn what_is_no_answer_does_not_end_the_wait_but_is_no_silence() {
    let mut inquiry = Inquiry::new(vec![1], QUESTION, read, START);
    inquiry.handle_input(START, (), b"no");
    assert_eq!(inquiry.outcome(), None);
    let (sent, _, outcome) = run(inquiry);
    assert_eq!((sent.len(), outcome), (3, Outcome::Garbled));
}
