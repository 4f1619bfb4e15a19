//! Every pairing of NATs on every kind of link.

use std::time::Duration;

use super::scenario::*;
use super::sim::{self, Until};
use super::tally::Tally;
use super::truth::{self, Direct};
use crate::support::nat_config::Hairpin;

fn nine_by_nine() -> Vec<[SideSpec; 2]> {
    let kinds = nine();
    let pairs = kinds
        .iter()
        .flat_map(|a| kinds.iter().map(move |b| [nat(0, *a), nat(1, *b)]));
    pairs.collect()
}

/// Beside those: (sides, what both are behind).
fn others() -> Vec<([SideSpec; 2], Option<crate::support::nat_config::NatConfig>)> {
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

pub fn scenarios() -> Vec<Scenario> {
    let plain = nine_by_nine().into_iter().map(|sides| (sides, None));
    plain
        .chain(others())
        .map(|(sides, shared)| Scenario {
            shared,
            ..scenario(sides, clean(Duration::from_micros(500)), 0)
        })
        .collect()
}

/// A side sends fewer checks than this, in a session of 12 seconds that fails too.
const MOST_REQUESTS: usize = 1500;
/// All pairs have had their checks this long after the selection, at round trips of 600 ms.
const LATEST_END: Duration = Duration::from_secs(5);

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

/// A run of a case: how far gathering is, how slow the signalling, and who is first, depend on the
/// seed's last part.
fn varied(case: &Scenario, link: Link, seed: u64, gathered: Option<bool>) -> Scenario {
    let run = seed & 0xff_ffff;
    Scenario {
        link,
        seed,
        gathered: gathered.unwrap_or(run.is_multiple_of(2)),
        signalling: Duration::from_millis([3, 80, 250][(run % 3) as usize]),
        gap: Duration::from_millis(run % 4 * 7),
        ..case.clone()
    }
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
                                let seed = (i as u64) << 32 | (l as u64) << 24 | run;
                                let case = varied(case, *link, seed, gathered);
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

fn assert_none(what: &str, lines: &[String]) {
    let shown = lines.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        lines.is_empty(),
        "{} {what}:\n{}",
        lines.len(),
        shown.join("\n")
    );
}

#[test]
fn both_ends_take_the_right_path_on_every_link() {
    let mut tally = sweep(&links(), runs(3), None);
    println!("{}", tally.report());
    assert_none("problems", &tally.problems);
    for (link, (runs, wrong)) in &tally.runs {
        let allowed = match link.rsplit(' ').nth(1) {
            Some("20") => (*runs / 200).max(1),
            Some("10") => (*runs / 1000).max(1),
            _ => 0,
        };
        let of_link: Vec<String> = tally
            .wrong
            .iter()
            .filter(|line| line.contains(&format!("[{link}]")))
            .cloned()
            .collect();
        assert_eq!(*wrong, of_link.len());
        if *wrong > allowed {
            assert_none("wrong paths", &of_link);
        }
        let most = tally.requests[link];
        assert!(most < MOST_REQUESTS, "{most} checks [{link}]");
    }
    let (after, name) = &tally.finished;
    assert!(*after < LATEST_END, "{name} finished after {after:?}");
}

/// From both descriptions known to connected, candidates known and nothing lost: by round trip, the
/// median and the most that a direct path takes, and the same for a relayed one; in milliseconds.
const GOALS: [(u64, [u128; 2], [u128; 2]); 2] =
    [(1, [70, 150], [160, 500]), (40, [300, 300], [500, 1100])];

#[test]
fn soon() {
    for (round_trip, direct, relayed) in GOALS {
        let link = clean(Duration::from_millis(round_trip) / 2);
        let name = format!("{round_trip} ms");
        let mut tally = sweep(&[(name.clone(), link)], runs(3), Some(true));
        println!("{}", tally.report());
        assert_none("problems", &tally.problems);
        assert_none("wrong paths", &tally.wrong);
        for (path, goals) in [("direct", direct), ("relayed", relayed)] {
            let times = &tally.times[&(name.clone(), path)];
            let median = times[times.len() / 2].as_millis();
            let most = times[times.len() - 1].as_millis();
            let slowest = &tally.slowest[&(name.clone(), path)].1;
            assert!(median <= goals[0], "{name} {path}: median {median} ms");
            assert!(most <= goals[1], "{slowest}: {most} ms");
        }
    }
}

#[test]
fn the_truth_agrees_with_the_rules() {
    use rtcdiag::proto::nat::behavior::reachability::{Behavior, Expected, Peer, expected};
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
        // RFC 4787 5 leaves open whether a filter's memory belongs to the socket or to the mapping;
        // the model has chosen one.
        if by_rule == Expected::Unknown {
            let both_dependent = own.0
                != rtcdiag::proto::nat::behavior::words::Mapping::EndpointIndependent
                && peer.0 != rtcdiag::proto::nat::behavior::words::Mapping::EndpointIndependent;
            assert!(both_dependent, "{}", case.name);
            continue;
        }
        let same = match truth {
            Direct::Always => by_rule == Expected::Direct,
            Direct::Never => by_rule == Expected::Relay,
            Direct::Sometimes => false,
        };
        assert!(same, "{}: {truth:?} but {by_rule:?}", case.name);
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (_, link) = links().pop().expect("the worst one");
    for (case, seed) in scenarios().iter().step_by(17).zip(0..) {
        let case = varied(case, link, seed, None);
        let [first, second] = [(); 2].map(|()| sim::run(&case, Until::Selected, true));
        assert!(!first.trace.is_empty());
        assert_eq!(first.trace, second.trace, "{}", case.name);
    }
}

/// `RTCDIAG_PAIR_REPLAY="NAME [LINK] seed N"`, as it is printed, shows every packet of a run.
#[test]
fn replay() {
    let Ok(which) = std::env::var("RTCDIAG_PAIR_REPLAY") else {
        return;
    };
    let (name, seed) = which.rsplit_once(" seed ").expect("as printed");
    let (_, link) = name
        .trim_end_matches(']')
        .split_once(" [")
        .expect("as printed");
    let seed: u64 = seed.parse().expect("a number");
    let place = usize::try_from(seed >> 32).expect("a case");
    let case = &scenarios()[place];
    let links = links();
    let (_, link) = links.iter().find(|(l, _)| l == link).expect("a link");
    let outcome = sim::run(&varied(case, *link, seed, None), Until::Finished, true);
    println!("{}\n{}", case.name, outcome.trace.join("\n"));
    for end in &outcome.ends {
        println!("{:?} {:?} relayed: {}", end.selected, end.path, end.relayed);
    }
}
