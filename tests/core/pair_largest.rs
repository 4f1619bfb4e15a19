//! The search for the largest datagram that passes each way, in virtual time: between two sides whose path loses,
//! delays, and carries no more than so many bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rtcdiag::proto::ice::quality::largest::{CEILING, RESOLUTION};
use rtcdiag::proto::ice::quality::{Heard, LargestFound, Quality};

const MS: Duration = Duration::from_millis(1);
/// Of the rest of the test.
const DURATION: Duration = Duration::from_secs(1);

/// One way: what is sent on it, and what comes of that.
#[derive(Clone, Copy)]
struct Way {
    /// The largest datagram that the sender's own link carries: what is larger is refused at once.
    link: usize,
    /// The largest that the path carries: what is larger is lost without a word.
    path: usize,
    delay: Duration,
    loss: f64,
    /// Bytes in a millisecond; the rest waits.
    rate: usize,
}

const LAN: Way = Way {
    link: 1472,
    path: 1472,
    delay: MS,
    loss: 0.0,
    rate: 100_000,
};

/// A path that ends after so long.
const NEVER: Duration = Duration::MAX;

struct Outcome {
    found: [LargestFound; 2],
    finished_at: [Duration; 2],
    /// How many datagrams of the search went out, and their bytes.
    whole: (usize, usize),
}

/// What is on its way.
struct Line {
    ways: [Way; 2],
    ends_at: Duration,
    rng: StdRng,
    free_at: [Duration; 2],
    count: u64,
    flying: BTreeMap<(Duration, u64), (usize, Vec<u8>)>,
}

impl Line {
    fn send(&mut self, from: usize, now: Duration, bytes: Vec<u8>) {
        let way = self.ways[from];
        if bytes.len() > way.path || self.rng.random_bool(way.loss) || now >= self.ends_at {
            return;
        }
        let took = Duration::from_micros((bytes.len() * 1000 / way.rate) as u64);
        self.free_at[from] = self.free_at[from].max(now) + took;
        self.count += 1;
        let at = self.free_at[from] + way.delay;
        self.flying.insert((at, self.count), (1 - from, bytes));
    }

    fn arrived(&mut self, now: Duration) -> Vec<(usize, Vec<u8>)> {
        let later = self.flying.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.flying, later)
            .into_values()
            .collect()
    }
}

fn run(ways: [Way; 2], seed: u64, ends_at: Duration) -> Outcome {
    let mut line = Line {
        ways,
        ends_at,
        rng: StdRng::seed_from_u64(seed),
        free_at: [Duration::ZERO; 2],
        count: 0,
        flying: BTreeMap::new(),
    };
    let mut sides = [1, 2].map(|tag| Quality::new(DURATION, tag, true));
    let mut whole = (0, 0);
    let mut finished_at = [None; 2];
    let mut now = Duration::ZERO;
    for side in &mut sides {
        side.start(MS);
    }
    while now < DURATION * 4 && finished_at.contains(&None) {
        now += MS / 2;
        for (number, side) in sides.iter_mut().enumerate() {
            while let Some(bytes) = side.poll_transmit(now) {
                line.send(number, now, bytes);
            }
            while let Some(bytes) = side.poll_whole(now) {
                if bytes.len() > ways[number].link {
                    side.too_large(now, bytes.len());
                } else {
                    whole = (whole.0 + 1, whole.1 + bytes.len());
                    line.send(number, now, bytes);
                }
            }
        }
        for (to, bytes) in line.arrived(now) {
            if let Heard::Probe(answer) = sides[to].handle_input(now, &bytes) {
                line.send(to, now, answer);
            }
        }
        for (side, at) in sides.iter().zip(&mut finished_at) {
            if at.is_none() && side.is_finished(now) {
                *at = Some(now);
            }
        }
    }
    Outcome {
        found: sides.each_ref().map(|side| {
            let measured = side.measured(now);
            measured.expect("begun").largest
        }),
        finished_at: finished_at.map(|at| at.unwrap_or(now)),
        whole,
    }
}

/// Whether it is the limit of a way, to 8 bytes from below.
fn is_limit(found: Option<usize>, way: Way) -> bool {
    let limit = way.link.min(way.path).min(CEILING);
    found.is_some_and(|found| found <= limit && limit < found + RESOLUTION)
}

/// What each side has found of a way: nothing false, and both the same.
fn check(outcome: &Outcome, ways: [Way; 2], what: &str) {
    let [a, b] = outcome.found;
    for (sent, received, way) in [(a.sent, b.received, ways[0]), (b.sent, a.received, ways[1])] {
        assert!(is_limit(sent, way), "{what}: {sent:?}");
        assert_eq!(received, sent, "{what}");
    }
    for at in outcome.finished_at {
        assert!(at <= DURATION * 2 + MS * 50, "{what}: {at:?}");
    }
}

#[test]
fn a_path_that_carries_what_the_link_does_costs_no_time() {
    for link in [1472, 1452, 1392, 1232, 8972, 65_507, 300] {
        let ways = [Way {
            link,
            path: link,
            ..LAN
        }; 2];
        let outcome = run(ways, 1, NEVER);
        check(&outcome, ways, &format!("link of {link}"));
        let exact = Some(link.min(CEILING));
        assert_eq!(outcome.found[0].sent, exact);
        let at = outcome.finished_at[0];
        assert!(at < DURATION + MS * 60, "link of {link}: {at:?}");
        assert!(outcome.whole.0 < 60, "{} datagrams", outcome.whole.0);
    }
}

#[test]
fn each_way_has_its_own_limit() {
    for (there, back) in [
        (972, 1472),
        (1472, 972),
        (1444, 1300),
        (200, 201),
        (1471, 1465),
    ] {
        let ways = [there, back].map(|path| Way { path, ..LAN });
        let outcome = run(ways, 7, NEVER);
        check(&outcome, ways, &format!("{there} there, {back} back"));
    }
}

#[test]
fn a_limit_within_a_network_of_large_frames_is_found() {
    let way = Way {
        link: 8972,
        path: 1472,
        ..LAN
    };
    check(&run([way; 2], 3, NEVER), [way; 2], "large frames");
}

#[test]
fn loss_is_not_taken_for_a_limit() {
    for loss in [0.01, 0.05, 0.1, 0.2] {
        for seed in 0..60 {
            let ways = [1472, 972].map(|path| Way { path, loss, ..LAN });
            let outcome = run(ways, seed, NEVER);
            for (found, way) in [
                (outcome.found[0].sent, ways[0]),
                (outcome.found[1].sent, ways[1]),
            ] {
                let is_right = found.is_none() || is_limit(found, way);
                assert!(is_right, "{loss} lost, seed {seed}: {found:?}");
            }
        }
    }
}

#[test]
fn with_some_loss_it_is_still_found_nearly_always() {
    let mut found = 0;
    for seed in 0..100 {
        let way = Way {
            path: 1200,
            loss: 0.05,
            delay: MS * 20,
            ..LAN
        };
        let outcome = run([way; 2], seed, NEVER);
        found += u32::from(is_limit(outcome.found[0].sent, way));
        assert!(outcome.finished_at[0] <= DURATION * 2 + MS * 50);
    }
    assert!(found >= 97, "{found} of 100");
}

#[test]
fn long_ways_and_slow_lines_are_no_limit_either() {
    for (delay, rate) in [(150, 100_000), (100, 125), (5, 60), (250, 100_000)] {
        let way = Way {
            path: 1404,
            delay: MS * delay,
            rate,
            ..LAN
        };
        let outcome = run([way; 2], 5, NEVER);
        let what = format!("{delay} ms, {rate} bytes in a millisecond");
        let found = outcome.found[0].sent;
        assert!(found.is_none() || is_limit(found, way), "{what}: {found:?}");
        let is_needed = delay <= 150;
        assert!(!is_needed || found.is_some(), "{what}");
    }
}

#[test]
fn a_path_that_ends_has_no_limit() {
    let way = Way { path: 1000, ..LAN };
    let outcome = run([way; 2], 5, DURATION + MS * 40);
    assert_eq!(outcome.found, [LargestFound::default(); 2]);
}

#[test]
fn what_another_side_claims_is_held_against_what_came() {
    let mut quality = Quality::new(DURATION, 1, true);
    quality.start(MS);
    let mut result = b"RTCu\0\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\x09".to_vec();
    assert!(matches!(quality.handle_input(MS, &result), Heard::Probe(_)));
    result[..4].copy_from_slice(b"RTCt");
    assert_eq!(quality.handle_input(MS, &result), Heard::Foreign);
    let measured = quality.measured(MS).expect("begun");
    assert_eq!(measured.largest, LargestFound::default());
}
