//! What the test measures, over paths that delay and lose.
use super::*;

const MS: Duration = Duration::from_millis(1);

/// Runs a test over a path that delays each way by `delay(number)` and loses every `lost`th.
fn run(delay: impl Fn(u32) -> u32, lost: Option<u32>) -> (Quality, Quality, Time) {
    let (mut a, mut b) = (
        Quality::new(Duration::from_secs(1), 1, false),
        Quality::new(Duration::ZERO, 2, false),
    );
    a.start(MS * 5);
    b.start(MS * 5);
    let theirs = b.poll_transmit(MS * 5).expect("one at least");
    assert!(matches!(a.handle_input(MS * 5, &theirs), Heard::Probe(_)));
    let mut flying: Vec<(Time, bool, Vec<u8>)> = Vec::new();
    let (mut now, mut count) = (MS * 5, 0);
    while now < Duration::from_secs(3) {
        while let Some(bytes) = a.poll_transmit(now) {
            if bytes.len() == LARGE {
                if lost.is_none() {
                    flying.push((now + MS * 10, true, bytes));
                }
                continue;
            }
            count += 1;
            if lost.is_none_or(|l| count % l != 0) {
                flying.push((now + MS * delay(count), true, bytes));
            }
        }
        let (due, rest): (Vec<_>, Vec<_>) = flying.into_iter().partition(|f| f.0 <= now);
        flying = rest;
        for (_, to_b, bytes) in due {
            if !to_b {
                assert_eq!(a.handle_input(now, &bytes), Heard::Echo);
            } else if let Heard::Probe(echo) = b.handle_input(now, &bytes) {
                flying.push((now + MS * 10, false, echo));
            }
        }
        now += MS;
    }
    (a, b, now)
}

#[test]
fn a_steady_path_has_no_jitter_and_no_loss() {
    let (a, b, now) = run(|_| 10, None);
    let measured = a.measured(now).expect("begun");
    assert_eq!(measured.sent, 51);
    assert_eq!(measured.rtts, vec![MS * 20; 51]);
    let large = measured.large.expect("tried");
    assert_eq!((large.sent, large.received), (16, 16));
    assert!(b.jitter.abs() < 1e-9);
    assert!(a.is_finished(now));
}

#[test]
fn loss_and_jitter_are_seen() {
    let (a, b, now) = run(|number| 10 + number % 2 * 6, Some(5));
    let measured = a.measured(now).expect("begun");
    assert_eq!((measured.sent, measured.rtts.len()), (51, 41));
    let large = measured.large.expect("tried");
    assert_eq!((large.sent, large.received), (16, 0));
    assert!((0.003..0.007).contains(&b.jitter), "{}", b.jitter);
}

#[test]
fn large_datagrams_go_only_to_a_side_that_sends_them_back() {
    let mut a = Quality::new(Duration::from_secs(1), 1, false);
    a.start(MS);
    for now in (1..1200).map(|ms| MS * ms) {
        while let Some(mut bytes) = a.poll_transmit(now) {
            assert_eq!(bytes.len(), LENGTH);
            bytes[..4].copy_from_slice(&ECHO);
            assert_eq!(a.handle_input(now, &bytes), Heard::Echo);
        }
    }
    let measured = a.measured(MS * 1200).expect("begun");
    assert_eq!((measured.rtts.len(), measured.large), (51, None));
}

#[test]
fn a_path_that_ends_is_not_one_that_loses() {
    let at = |number: u32| MS * 20 * number;
    let lossy: Vec<_> = (0..100).map(|n| (at(n), n % 4 == 0)).collect();
    assert_eq!(ended_after(&lossy), None);
    let ended: Vec<_> = (0..100).map(|n| (at(n), n <= 60)).collect();
    assert_eq!(ended_after(&ended), Some(at(60)));
    let short: Vec<_> = (0..12).map(|n| (MS * n, n < 2)).collect();
    assert_eq!(ended_after(&short), None);
    assert_eq!(ended_after(&[]), None);
}

#[test]
fn foreign_data_is_left_alone() {
    let mut quality = Quality::new(Duration::from_secs(1), 1, false);
    for bytes in [
        &b""[..],
        b"RTC",
        b"RTCe\0\0\0\x09........",
        b"hello, this is not yours",
    ] {
        assert_eq!(quality.handle_input(MS, bytes), Heard::Foreign);
    }
    assert!(!quality.has_echo());
}
