//! Every pairing of NATs on every kind of link.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use rtcdiag::nat::behavior::Mapping;

use crate::nat_config::Hairpin;
use crate::scenario::*;
use crate::sim::{self, Outcome, Until};
use crate::truth::{self, Direct};

fn nine_by_nine() -> Vec<[SideSpec; 2]> {
    let kinds = nine();
    let pairs = kinds
        .iter()
        .flat_map(|a| kinds.iter().map(move |b| [nat(0, *a), nat(1, *b)]));
    pairs.collect()
}

/// Beside those: (sides, what both are behind).
fn others() -> Vec<([SideSpec; 2], Option<crate::nat_config::NatConfig>)> {
    let kinds = nine();
    let (cone, symmetric, port_restricted) = (kinds[0], kinds[8], kinds[2]);
    let tcp = Some(RelaySpec {
        tcp: true,
        ..RelaySpec::default()
    });
    let forbidden = Some(RelaySpec {
        forbidden: true,
        ..RelaySpec::default()
    });
    let mut all: Vec<([SideSpec; 2], Option<_>)> = Vec::new();
    let mut add = |a: SideSpec, b: SideSpec| all.push(([a, b], None));
    for kind in [cone, port_restricted, symmetric] {
        add(open(0), nat(1, kind));
        add(nat(0, kind), open(1));
        add(linux(0), nat(1, kind));
        add(nat(0, kind), linux(1));
        for filtering in FILTERINGS {
            add(firewall(0, filtering), nat(1, kind));
        }
        add(double(0, kind, kind), nat(1, port_restricted));
        add(double(0, cone, symmetric), double(1, kind, port_restricted));
        add(blocked(0, tcp), nat(1, kind));
        add(nat(0, kind), blocked(1, tcp));
        add(blocked(0, None), nat(1, kind).with_relay(tcp));
        add(several(0, kind), several(1, port_restricted));
        add(nat(0, kind), several(1, symmetric));
        add(dual(0, kind), dual(1, symmetric));
        add(v6_only(0), dual(1, kind));
        add(v6_only(0), nat(1, kind));
        add(
            nat(0, symmetric).with_relay(tcp),
            nat(1, kind).with_relay(None),
        );
        add(
            nat(0, symmetric).with_relay(None),
            nat(1, kind).with_relay(None),
        );
        add(
            nat(0, kind).with_relay(forbidden),
            nat(1, symmetric).with_relay(tcp),
        );
        add(
            nat(0, kind).with_relay(forbidden),
            nat(1, symmetric).with_relay(forbidden),
        );
    }
    add(open(0), open(1));
    add(linux(0), linux(1));
    add(blocked(0, tcp), blocked(1, tcp));
    add(blocked(0, None), blocked(1, None));
    add(blocked(0, None), nat(1, cone).with_relay(None));
    for a in FILTERINGS {
        for b in FILTERINGS {
            add(firewall(0, a), firewall(1, b));
        }
    }
    for carrier in [false, true] {
        for kind in [cone, port_restricted, symmetric] {
            for hairpin in [
                Hairpin::Off,
                Hairpin::ExternalSource,
                Hairpin::InternalSource,
            ] {
                let (sides, outer) = shared(carrier, kind, hairpin);
                all.push((sides, Some(outer)));
            }
        }
    }
    all
}

fn scenarios() -> Vec<Scenario> {
    let plain = nine_by_nine().into_iter().map(|sides| (sides, None));
    plain
        .chain(others())
        .map(|(sides, shared)| Scenario {
            shared,
            ..scenario(sides, clean(Duration::from_micros(500)), 0)
        })
        .collect()
}

/// What happened over many runs.
#[derive(Debug, Default)]
struct Tally {
    times: BTreeMap<(String, &'static str), Vec<Duration>>,
    runs: BTreeMap<String, (usize, usize)>,
    requests: BTreeMap<String, usize>,
    finished: (Duration, String),
    slowest: BTreeMap<(String, &'static str), (Duration, String)>,
    wrong: Vec<String>,
    problems: Vec<String>,
}

impl Tally {
    fn merge(&mut self, other: Self) {
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

    fn add(
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

    fn report(&mut self) -> String {
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

fn links() -> Vec<(String, Link)> {
    let delays = [
        ("1 ms", Delay::Fixed(Duration::from_micros(500))),
        ("40 ms", Delay::Fixed(Duration::from_millis(20))),
        (
            "jitter",
            Delay::Between(Duration::from_millis(1), Duration::from_millis(150)),
        ),
    ];
    let mut links = Vec::new();
    for (name, delay) in delays {
        for loss in [0, 5, 10, 20] {
            links.push((
                format!("{name} {loss:>2} %"),
                Link {
                    delay,
                    loss: f64::from(loss) / 100.0,
                    duplication: if loss == 0 { 0.0 } else { 0.02 },
                },
            ));
        }
    }
    links
}

/// Runs all scenarios on these links, each with its seeds.
fn sweep(links: &[(String, Link)], runs: u64, gathered: Option<bool>) -> Tally {
    let cases: Vec<(Scenario, (Direct, bool))> = scenarios()
        .into_iter()
        .map(|case| {
            let truth = (truth::direct(&case), truth::relayed(&case));
            (case, truth)
        })
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let cases = &cases;
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    for (i, (case, truth)) in cases.iter().enumerate().skip(worker).step_by(threads)
                    {
                        for (l, (name, link)) in links.iter().enumerate() {
                            for run in 0..runs {
                                let mut case = case.clone();
                                case.link = *link;
                                case.seed = (i as u64) << 32 | (l as u64) << 24 | run;
                                case.gathered = gathered.unwrap_or(run % 2 == 0);
                                if run % 3 == 1 {
                                    case.signalling = Duration::from_millis(80);
                                }
                                case.gap = Duration::from_millis(run % 4 * 7);
                                let finish = run % 4 == 0;
                                let until = if finish {
                                    Until::Finished
                                } else {
                                    Until::Selected
                                };
                                let outcome = sim::run(&case, until, false);
                                tally.add(name, &case, *truth, &outcome, finish);
                            }
                        }
                    }
                    tally
                })
            })
            .collect();
        let mut all = Tally::default();
        for worker in workers {
            all.merge(worker.join().expect("a worker"));
        }
        all
    })
}

fn runs(default: u64) -> u64 {
    let set = std::env::var("RTCDIAG_PAIR_RUNS").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn the_right_path_on_every_link() {
    let mut links = links();
    if let Ok(only) = std::env::var("RTCDIAG_PAIR_LINK") {
        links.retain(|(name, _)| name.contains(&only));
    }
    let gathered = std::env::var("RTCDIAG_PAIR_GATHERED")
        .ok()
        .map(|v| v == "1");
    let mut tally = sweep(&links, runs(1), gathered);
    println!("{}", tally.report());
    for line in tally.wrong.iter().take(40) {
        println!("wrong: {line}");
    }
    let shown = tally.problems.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        shown.is_empty(),
        "{} problems:\n{}",
        tally.problems.len(),
        shown.join("\n")
    );
}

#[test]
fn the_truth_agrees_with_the_rules() {
    use rtcdiag::nat::reachability::{Behavior, Expected, Peer, expected};
    for (own, peer) in nine()
        .into_iter()
        .flat_map(|a| nine().into_iter().map(move |b| (a, b)))
    {
        let case = scenario([nat(0, own), nat(1, peer)], clean(Duration::ZERO), 0);
        let by_rule = expected(
            Behavior {
                mapping: Some(own.0),
                filtering: Some(own.1),
            },
            Peer {
                mapping: peer.0,
                filtering: peer.1,
            },
        );
        let truth = truth::direct(&case);
        let same = match truth {
            Direct::Always => by_rule == Expected::Direct,
            Direct::Never => by_rule == Expected::Relay,
            Direct::Sometimes => false,
        };
        assert!(same, "{}: {truth:?} but {by_rule:?}", case.name);
    }
    let _ = Mapping::EndpointIndependent;
}

/// `RTCDIAG_PAIR_REPLAY="name|link|seed|gathered|signalling"` prints one run.
#[test]
fn replay() {
    let Ok(which) = std::env::var("RTCDIAG_PAIR_REPLAY") else {
        return;
    };
    let (name, seed) = which.rsplit_once(" seed ").expect("as printed");
    let (name, link) = name
        .trim_end_matches(']')
        .split_once(" [")
        .expect("as printed");
    let seed: u64 = seed.parse().expect("a number");
    let run = seed & 0xff_ffff;
    let mut case = scenarios()
        .into_iter()
        .nth((seed >> 32) as usize)
        .expect("a case");
    assert_eq!(case.name, name);
    case.link = links()
        .into_iter()
        .find(|(l, _)| l == link)
        .expect("a link")
        .1;
    case.seed = seed;
    let gathered = std::env::var("RTCDIAG_PAIR_GATHERED")
        .ok()
        .map(|v| v == "1");
    case.gathered = gathered.unwrap_or(run % 2 == 0);
    if run % 3 == 1 {
        case.signalling = Duration::from_millis(80);
    }
    case.gap = Duration::from_millis(run % 4 * 7);
    let outcome = sim::run(&case, Until::Finished, true);
    println!("{}", outcome.trace.join("\n"));
    for end in &outcome.ends {
        println!("{:?} {:?} {}", end.selected, end.path, end.relayed);
    }
}
