//! What many runs came to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use rtcdiag::proto::ice::candidate::CandidateType;

use super::scenario::Scenario;
use super::sim::Outcome;
use super::truth::Direct;

/// Peer-reflexive pairs of a base with one IP address.
const MOST_REFLEXIVE: usize = 6;

/// What happened over many runs.
#[derive(Debug, Default)]
pub struct Tally {
    pub times: BTreeMap<(String, &'static str), Vec<Duration>>,
    pub runs: BTreeMap<String, (usize, usize)>,
    pub requests: BTreeMap<String, usize>,
    pub finished: (Duration, String),
    pub slowest: BTreeMap<(String, &'static str), (Duration, String)>,
    pub wrong: Vec<String>,
    pub problems: Vec<String>,
}

impl Tally {
    pub fn merge(&mut self, other: Self) {
        for (key, mut times) in other.times {
            self.times.entry(key).or_default().append(&mut times);
        }
        for (key, (runs, wrong)) in other.runs {
            let entry = self.runs.entry(key).or_default();
            entry.0 += runs;
            entry.1 += wrong;
        }
        for (key, most) in other.requests {
            let entry = self.requests.entry(key).or_default();
            *entry = most.max(*entry);
        }
        self.finished = self.finished.clone().max(other.finished);
        for (key, slow) in other.slowest {
            let entry = self.slowest.entry(key).or_default();
            *entry = slow.max(entry.clone());
        }
        self.wrong.extend(other.wrong);
        self.problems.extend(other.problems);
    }

    pub fn add(
        &mut self,
        link: &str,
        case: &Scenario,
        truth: (Direct, bool),
        outcome: &Outcome,
        finish: bool,
    ) {
        let name = format!("{} [{link}] seed {}", case.name, case.seed);
        for problem in &outcome.problems {
            self.problems.push(format!("{name}: {problem}"));
        }
        for end in &outcome.ends {
            let mut reflexive = BTreeMap::new();
            for pair in &end.pairs {
                if pair.remote_kind == CandidateType::Prflx {
                    *reflexive.entry((pair.base, pair.remote.ip())).or_insert(0) += 1;
                }
            }
            if reflexive.values().any(|count| *count > MOST_REFLEXIVE) {
                self.problems.push(format!("{name}: {reflexive:?}"));
            }
        }
        let requests = outcome
            .ends
            .iter()
            .map(|end| end.requests)
            .max()
            .unwrap_or(0);
        let most = self.requests.entry(link.to_owned()).or_default();
        *most = requests.max(*most);
        let counts = self.runs.entry(link.to_owned()).or_default();
        counts.0 += 1;
        let got = match (outcome.connected(), outcome.relayed()) {
            (false, _) => "fail",
            (true, false) => "direct",
            (true, true) => "relayed",
        };
        let without_direct = if truth.1 { "relayed" } else { "fail" };
        let fits = match truth.0 {
            Direct::Always => got == "direct",
            Direct::Never => got == without_direct,
            Direct::Sometimes => got == "direct" || got == without_direct,
        };
        if !fits {
            counts.1 += 1;
            self.wrong.push(format!("{name}: {got}, truth {truth:?}"));
        }
        if got != "fail" {
            let key = (link.to_owned(), got);
            let took = outcome.took();
            self.times.entry(key.clone()).or_default().push(took);
            let slowest = self.slowest.entry(key).or_default();
            *slowest = slowest.clone().max((took, name.clone()));
            if finish {
                for end in &outcome.ends {
                    match (end.finished, end.selected) {
                        (Some(at), Some((_, since))) => {
                            let after = at.saturating_sub(since);
                            self.finished = self.finished.clone().max((after, name.clone()));
                        }
                        _ => self.problems.push(format!("{name}: never finished")),
                    }
                }
            }
        }
    }

    pub fn report(&mut self) -> String {
        let mut text = String::new();
        for ((link, path), times) in &mut self.times {
            times.sort_unstable();
            let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
            let _ = writeln!(
                text,
                "{link:<10} {path:<8} {:>6} runs  median {:>6.1}  95 % {:>6.1}  max {:>6.1} ms: {}",
                times.len(),
                at(50),
                at(95),
                at(100),
                self.slowest[&(link.clone(), *path)].1
            );
        }
        for (link, (runs, wrong)) in &self.runs {
            let requests = self.requests[link];
            let _ = writeln!(
                text,
                "{link:<10} wrong path {wrong} of {runs}, at most {requests} checks of a side"
            );
        }
        let _ = writeln!(
            text,
            "last pair finished {:?} after the selection: {}",
            self.finished.0, self.finished.1
        );
        text
    }
}
