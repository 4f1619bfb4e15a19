//! When a round trip has changed, and when it only varies.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::commands::nat::rounds::report::median;

/// How many rounds back it is compared with.
const WINDOW: usize = 15;
/// How many of them a server must have answered in before it is compared at all.
const ENOUGH: usize = 4;
/// How many servers are kept of each round.
const SERVERS: usize = 32;
/// Nobody hears or sees less than this.
const LEAST: Duration = Duration::from_millis(20);
/// Times the median absolute deviation; with normal noise, one in twenty-five goes beyond. It must lie
/// beyond all of the window, too: where two ways take turns, the deviation from one of them is small.
const DEVIATIONS: u32 = 3;

type Round = BTreeMap<SocketAddr, Duration>;

struct Norm {
    shortest: Duration,
    median: Duration,
    longest: Duration,
    /// The median deviation from the median.
    deviation: Duration,
}

/// The round trips of the rounds before.
#[derive(Debug, Clone, Default)]
pub struct RoundTrips {
    window: VecDeque<Round>,
    /// The last round, if it lay beyond them, and whether it was slower.
    suspect: Option<(bool, Round)>,
}

impl RoundTrips {
    /// Adds the median round trip to each server. Gives the change, from and to, if this round and
    /// the one before both lie beyond what was usual, on the same side. Servers are compared each with
    /// itself: that a near one is silent makes no path slower.
    pub fn add(&mut self, trips: &Round) -> Option<(Duration, Duration)> {
        let now: Round = trips.iter().take(SERVERS).map(|(s, t)| (*s, *t)).collect();
        if now.is_empty() {
            return None;
        }
        let Some(slower) = self.side(&now) else {
            self.suspect = None;
            self.keep(now);
            return None;
        };
        match self.suspect.take() {
            Some((before, first)) if before == slower => {
                let change = self.change(&now);
                self.window.clear();
                self.keep(first);
                self.keep(now);
                change
            }
            _ => {
                self.suspect = Some((slower, now));
                None
            }
        }
    }

    fn keep(&mut self, round: Round) {
        self.window.push_back(round);
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
    }

    /// Whether most servers are slower, or most faster, than is usual for them.
    fn side(&self, now: &Round) -> Option<bool> {
        let (mut slower, mut faster, mut compared) = (0, 0, 0);
        for (server, time) in now {
            let Some(usual) = self.usual(*server) else {
                continue;
            };
            compared += 1;
            let margin = LEAST.max(usual.deviation * DEVIATIONS);
            slower += usize::from(*time > usual.longest.max(usual.median + margin));
            faster += usize::from(*time < usual.shortest && *time + margin < usual.median);
        }
        if slower * 2 > compared {
            Some(true)
        } else if faster * 2 > compared {
            Some(false)
        } else {
            None
        }
    }

    fn usual(&self, server: SocketAddr) -> Option<Norm> {
        let times: Vec<Duration> = self
            .window
            .iter()
            .filter_map(|round| round.get(&server).copied())
            .collect();
        if times.len() < ENOUGH {
            return None;
        }
        let middle = median(times.clone())?;
        let deviations = times.iter().map(|time| time.abs_diff(middle)).collect();
        Some(Norm {
            shortest: *times.iter().min()?,
            median: middle,
            longest: *times.iter().max()?,
            deviation: median(deviations)?,
        })
    }

    fn change(&self, now: &Round) -> Option<(Duration, Duration)> {
        let compared: Vec<(Duration, Duration)> = now
            .iter()
            .filter_map(|(server, time)| Some((self.usual(*server)?.median, *time)))
            .collect();
        let from = median(compared.iter().map(|(usual, _)| *usual).collect())?;
        let to = median(compared.iter().map(|(_, time)| *time).collect())?;
        Some((from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(times: &[u64]) -> Round {
        let server = |n: usize| format!("203.0.113.{}:3478", n + 1).parse().expect("valid");
        let entry = |(n, ms): (usize, &u64)| (server(n), Duration::from_millis(*ms));
        times.iter().enumerate().map(entry).collect()
    }

    fn fed(rounds: &[&[u64]]) -> Vec<Option<(u128, u128)>> {
        let mut trips = RoundTrips::default();
        let add = |times: &&[u64]| {
            let change = trips.add(&round(times));
            change.map(|(from, to)| (from.as_millis(), to.as_millis()))
        };
        rounds.iter().map(add).collect()
    }

    const CALM: [&[u64]; 5] = [&[20, 90], &[21, 91], &[20, 92], &[22, 90], &[20, 91]];

    fn after_calm(rounds: &[&[u64]]) -> Vec<Option<(u128, u128)>> {
        fed(&[&CALM, rounds].concat()).split_off(CALM.len())
    }

    #[test]
    fn noise_and_a_single_slow_round_are_no_change() {
        assert_eq!(after_calm(&[&[35, 105], &[25, 95]]), [None, None]);
        assert_eq!(after_calm(&[&[200, 300], &[20, 90], &[20, 90]]), [None; 3]);
        // Slower once, faster once.
        assert_eq!(after_calm(&[&[200, 300], &[20, 20]]), [None, None]);
    }

    #[test]
    fn two_slow_rounds_are_a_change_and_are_told_once() {
        let told = after_calm(&[&[80, 150], &[82, 151], &[80, 150], &[81, 152], &[80, 150]]);
        assert_eq!(told, [None, Some((55, 116)), None, None, None]);
    }

    #[test]
    fn back_again_is_a_change_too() {
        let slow: &[u64] = &[80, 150];
        let fast: &[u64] = &[20, 90];
        let told = after_calm(&[slow, slow, slow, slow, fast, fast]);
        assert_eq!(told[1], Some((55, 115)));
        assert_eq!(told[5], Some((115, 55)));
    }

    #[test]
    fn a_silent_server_makes_no_path_slower() {
        let mut trips = RoundTrips::default();
        for _ in 0..6 {
            assert_eq!(trips.add(&round(&[20, 90])), None);
        }
        let far = round(&[0, 90]).into_iter().skip(1).collect();
        for _ in 0..6 {
            assert_eq!(trips.add(&far), None);
        }
        assert_eq!(trips.add(&Round::new()), None);
    }

    #[test]
    fn a_jittery_path_needs_more_than_a_calm_one() {
        let jitter: [&[u64]; 6] = [&[20], &[60], &[25], &[70], &[30], &[65]];
        let told = fed(&[&jitter[..], &[&[95], &[100]]].concat());
        assert!(told.iter().all(Option::is_none), "{told:?}");
    }

    #[test]
    fn it_stays_small() {
        let mut trips = RoundTrips::default();
        for n in 0..5000u64 {
            let many: Round = (0..200u16)
                .map(|k| {
                    let server = SocketAddr::from(([203, 0, 113, 1], k + 1));
                    (server, Duration::from_millis(n % 7))
                })
                .collect();
            trips.add(&many);
        }
        assert!(trips.window.len() <= WINDOW);
        assert!(trips.window.iter().all(|round| round.len() <= SERVERS));
    }
}
