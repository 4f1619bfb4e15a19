//! The totals of all rounds. They have the same size after a minute and after a day.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::base::exit::Outcome;
use crate::base::family::Family;
use crate::base::report::{Caveat, Millis};
use crate::commands::nat::report::ServerReport;
use crate::commands::nat::rounds::report::histogram::Histogram;
use crate::commands::nat::rounds::report::{
    AddressTotals, Change, PathSeen, PathTotals, RoundReport, Rounds, ServerTotals, What, servers,
};
use crate::commands::nat::rounds::verdict::change::{Baseline, Difference};
use crate::commands::nat::rounds::verdict::trip::RoundTrips;

/// The most paths that are told apart: interfaces of containers and VPNs come and go.
const PATHS: usize = 32;
/// The most external addresses of a path: a provider that gives a new one every hour has 24 a day.
const ADDRESSES: usize = 64;
/// The most changes that are kept.
const CHANGES: usize = 1000;

/// All rounds so far.
#[derive(Debug, Default)]
pub struct Totals {
    by_interface: bool,
    /// Without what the paths have of their own.
    rounds: Rounds,
    paths: Vec<Path>,
    kinds: BTreeMap<What, (u64, Change)>,
}

#[derive(Debug)]
struct Path {
    key: Key,
    baseline: Baseline,
    is_there: bool,
    trips: RoundTrips,
    times: Histogram,
    totals: PathTotals,
    /// When each of the addresses was seen last: the round, and its begin.
    seen_last: Vec<(u64, Duration)>,
}

/// What makes it the same path in two rounds.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    family: Family,
    by_nat64: bool,
    interface: Option<String>,
}

impl Totals {
    /// Before the first round. Paths of one family are one path, whatever interface the system
    /// chooses, unless each interface is tested `by_interface`.
    pub fn new(by_interface: bool) -> Self {
        Self {
            by_interface,
            ..Self::default()
        }
    }

    /// A round is finished, which began at `now` after the start, `at` by the calendar. Gives its
    /// report, with what has changed.
    pub fn add(
        &mut self,
        now: Duration,
        at: String,
        outcome: Outcome,
        paths: Vec<PathSeen>,
    ) -> RoundReport {
        self.rounds.done += 1;
        *match outcome {
            Outcome::Good => &mut self.rounds.good,
            Outcome::Bad => &mut self.rounds.bad,
            Outcome::Inconclusive | Outcome::Interrupted => &mut self.rounds.inconclusive,
            Outcome::Error => &mut self.rounds.error,
        } += 1;
        self.rounds.first_at.get_or_insert_with(|| at.clone());
        self.rounds.last_at = Some(at.clone());
        let mut changes = self.look_for_absent(&paths, &at);
        for seen in &paths {
            changes.extend(self.add_path(seen, now, &at));
        }
        for change in &changes {
            self.note(change);
        }
        RoundReport {
            round: self.rounds.done,
            at,
            outcome,
            caveat: None,
            paths,
            changes,
        }
    }

    /// A good round that is no good news all the same.
    pub fn qualify(&mut self, round: &mut RoundReport, caveat: Option<Caveat>) {
        round.caveat = caveat.filter(|_| round.outcome == Outcome::Good);
        self.rounds.strict += u64::from(round.caveat == Some(Caveat::Strict));
    }

    pub fn add_servers(&mut self, round: &[ServerReport]) {
        servers::add(&mut self.rounds.servers, round);
    }

    pub fn servers(&self) -> &[ServerTotals] {
        &self.rounds.servers
    }

    pub const fn done(&self) -> u64 {
        self.rounds.done
    }

    pub const fn counts(&self) -> [(u64, &'static str); 5] {
        [
            (self.rounds.good - self.rounds.strict, "good"),
            (self.rounds.strict, Caveat::Strict.word()),
            (self.rounds.bad, "bad"),
            (self.rounds.inconclusive, "inconclusive"),
            (self.rounds.error, "without any network"),
        ]
    }

    pub fn changes(&self) -> impl Iterator<Item = (What, u64, &Change)> {
        self.kinds.iter().map(|(what, (n, last))| (*what, *n, last))
    }

    /// The outcome of all: good only if every round was. Where nothing at all could be tested, that
    /// is an error; a network that was away for a while is not.
    pub const fn outcome(&self) -> Outcome {
        if self.rounds.bad > 0 {
            Outcome::Bad
        } else if self.rounds.error > 0 && self.rounds.error == self.rounds.done {
            Outcome::Error
        } else if self.rounds.error > 0 || self.rounds.inconclusive > 0 {
            Outcome::Inconclusive
        } else {
            Outcome::Good
        }
    }

    pub fn report(&self, planned: Option<u32>, every: Duration, cut_short: bool) -> Rounds {
        Rounds {
            planned,
            interval_s: every.as_secs_f64(),
            cut_short,
            paths: self.paths.iter().map(Path::report).collect(),
            ..self.rounds.clone()
        }
    }

    fn key(&self, seen: &PathSeen) -> Key {
        Key {
            family: seen.family,
            by_nat64: seen.by_nat64,
            interface: seen.interface.clone().filter(|_| self.by_interface),
        }
    }

    fn look_for_absent(&mut self, paths: &[PathSeen], at: &str) -> Vec<Change> {
        let there: Vec<Key> = paths.iter().map(|seen| self.key(seen)).collect();
        let round = self.rounds.done;
        self.paths
            .iter_mut()
            .filter(|path| path.is_there && !there.contains(&path.key))
            .map(|path| {
                path.is_there = false;
                path.change(round, at, path_change("there", "gone"))
            })
            .collect()
    }

    fn add_path(&mut self, seen: &PathSeen, now: Duration, at: &str) -> Vec<Change> {
        let (key, round) = (self.key(seen), self.rounds.done);
        let Some(path) = self.paths.iter_mut().find(|path| path.key == key) else {
            if self.paths.len() == PATHS {
                self.rounds.paths_left_out += 1;
                return Vec::new();
            }
            let mut path = Path::new(key, seen);
            path.count(seen, round, now, at);
            let appeared = (round > 1).then(|| {
                let difference = path_change("not there", "there");
                path.change(round, at, difference)
            });
            self.paths.push(path);
            return appeared.into_iter().collect();
        };
        let mut changes = Vec::new();
        if !path.is_there {
            path.is_there = true;
            changes.push(path.change(round, at, path_change("gone", "there")));
        }
        let differences = path.baseline.differences(seen);
        path.baseline.learn(seen);
        path.totals.interface.clone_from(&seen.interface);
        changes.extend(differences.into_iter().map(|d| path.change(round, at, d)));
        changes.extend(path.count(seen, round, now, at));
        changes
    }

    fn note(&mut self, change: &Change) {
        let kind = self.kinds.entry(change.what);
        let kind = kind.or_insert_with(|| (0, change.clone()));
        kind.0 += 1;
        kind.1 = change.clone();
        if self.rounds.changes.len() < CHANGES {
            self.rounds.changes.push(change.clone());
        } else {
            self.rounds.changes_left_out += 1;
        }
    }
}

fn path_change(from: &str, to: &str) -> Difference {
    Difference {
        what: What::Path,
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

impl Path {
    fn new(key: Key, seen: &PathSeen) -> Self {
        Self {
            totals: PathTotals {
                family: seen.family,
                interface: seen.interface.clone(),
                rounds: 0,
                open: 0,
                addresses: Vec::new(),
                addresses_left_out: 0,
                rtt_ms: None,
                requests: 0,
                lost: 0,
                loss_percent: None,
            },
            key,
            baseline: Baseline::new(seen),
            is_there: true,
            trips: RoundTrips::default(),
            times: Histogram::default(),
            seen_last: Vec::new(),
        }
    }

    /// Counts a round; gives the change of its round trip, if it has changed.
    fn count(&mut self, seen: &PathSeen, round: u64, now: Duration, at: &str) -> Option<Change> {
        self.totals.rounds += 1;
        self.totals.open += u64::from(seen.is_open());
        self.totals.requests += seen.loss.sent as u64;
        self.totals.lost += seen.loss.lost as u64;
        for sample in &seen.samples {
            self.times.add(*sample);
        }
        for address in &seen.reflexive_addresses {
            self.count_address(*address, round, now, at);
        }
        let (from, to) = self.trips.add(&seen.trips)?;
        Some(Change {
            from: None,
            to: None,
            from_ms: Some(Millis(from)),
            to_ms: Some(Millis(to)),
            ..self.change(
                round,
                at,
                Difference {
                    what: What::Rtt,
                    from: String::new(),
                    to: String::new(),
                },
            )
        })
    }

    fn count_address(&mut self, address: IpAddr, round: u64, now: Duration, at: &str) {
        let known = self.totals.addresses.iter();
        let Some(index) = known.map(|a| a.address).position(|a| a == address) else {
            if self.totals.addresses.len() == ADDRESSES {
                self.totals.addresses_left_out += 1;
                return;
            }
            self.totals.addresses.push(AddressTotals {
                address,
                rounds: 1,
                first_at: at.to_owned(),
                last_at: at.to_owned(),
                seconds: 0.0,
            });
            self.seen_last.push((round, now));
            return;
        };
        let totals = &mut self.totals.addresses[index];
        let (last_round, last) = std::mem::replace(&mut self.seen_last[index], (round, now));
        totals.rounds += 1;
        at.clone_into(&mut totals.last_at);
        if last_round + 1 == round {
            totals.seconds += now.saturating_sub(last).as_secs_f64();
        }
    }

    fn change(&self, round: u64, at: &str, difference: Difference) -> Change {
        Change {
            round,
            at: at.to_owned(),
            family: self.totals.family,
            interface: self.totals.interface.clone(),
            what: difference.what,
            from: Some(difference.from),
            to: Some(difference.to),
            from_ms: None,
            to_ms: None,
        }
    }

    fn report(&self) -> PathTotals {
        PathTotals {
            rtt_ms: self.times.totals(),
            loss_percent: per_cent(self.totals.lost, self.totals.requests),
            ..self.totals.clone()
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share in per cent")]
fn per_cent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e5).round() / 1e3)
}
