//! `rtcdiag pair` between userspace NATs of all nine kinds (`tests/support/natlab`), with delay and loss.
//!
//! It needs the right to make namespaces (root), `ip` and `ss` (iproute2), `turnserver` (coturn) and `python3`. Without them
//! a test prints `SKIPPED` and why; with `RTCDIAG_REQUIRE_NETNS=1` it fails instead. `RTCDIAG_NATLAB_SWEEP=1` runs all 45
//! pairings with loss and delay (some 20 minutes); `RTCDIAG_NETNS_RUNS` says how often.

#![allow(clippy::print_stderr, clippy::print_stdout)] // a skipped test and the sweep say so

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::support::ends::{self, End, Ended};
use crate::support::natlab::{self, Lab, Plan};
use rtcdiag::proto::nat::behavior::reachability::{FILTERINGS, MAPPINGS, Peer, is_direct};
use rtcdiag::proto::nat::behavior::words::{Filtering, Mapping};
use serde_json::json;

const EIM: Mapping = Mapping::EndpointIndependent;
const ADM: Mapping = Mapping::AddressDependent;
const APDM: Mapping = Mapping::AddressAndPortDependent;
const EIF: Filtering = Filtering::EndpointIndependent;
const ADF: Filtering = Filtering::AddressDependent;
const APDF: Filtering = Filtering::AddressAndPortDependent;

/// What is wanted of `connected_ms` at a round trip of 1 ms: the median and the worst.
const DIRECT_GOALS: (f64, f64) = (70.0, 150.0);
const RELAYED_GOALS: (f64, f64) = (160.0, 500.0);

/// One session.
struct Session {
    plan: Plan,
    ends: [Ended; 2],
}

macro_rules! pairings {
    ($($name:ident => $a:expr, $b:expr;)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name), $a, $b);
            }
        )*
    };
}

// Each way to connect, and each way not to.
pairings! {
    port_restricted_with_itself => (EIM, APDF), (EIM, APDF);
    restricted_with_symmetric => (EIM, ADF), (APDM, APDF);
    port_restricted_with_symmetric => (EIM, APDF), (APDM, APDF);
    symmetric_with_itself => (APDM, APDF), (APDM, APDF);
    open_symmetric_with_by_address => (APDM, EIF), (ADM, ADF);
    open_by_address_with_open_symmetric => (ADM, EIF), (APDM, EIF);
    open_symmetric_with_itself => (APDM, EIF), (APDM, EIF);
    by_address_with_port_restricted => (ADM, ADF), (EIM, APDF);
}

/// Loss must cost time, never the path.
#[test]
fn lossy_and_far() {
    if skipped("lossy_and_far") {
        return;
    }
    for (a, b) in [((EIM, APDF), (EIM, APDF)), ((APDM, APDF), (APDM, APDF))] {
        let plan = Plan {
            round_trip: Duration::from_millis(40),
            loss_percent: 5,
            ..near(peer(a), peer(b))
        };
        let flaws = flaws(&run(plan));
        assert!(flaws.is_empty(), "{plan:?}:\n{flaws}");
    }
}

/// A host without a NAT lets even the strictest one in.
#[test]
fn public_hosts() {
    if skipped("public_hosts") {
        return;
    }
    let plan = Plan {
        nats: [None, Some(peer((APDM, APDF)))],
        ..near(peer((EIM, EIF)), peer((EIM, EIF)))
    };
    let session = run(plan);
    let flaws = flaws(&session);
    assert!(flaws.is_empty(), "{flaws}");
    assert_eq!(session.ends[0].path(), Some("direct"));
}

/// All pairings, with loss and delay: `RTCDIAG_NATLAB_SWEEP=1 cargo nextest run --test pair sweep --no-capture`.
#[test]
fn sweep() {
    if std::env::var_os("RTCDIAG_NATLAB_SWEEP").is_none() || skipped("sweep") {
        return;
    }
    let runs: u32 = std::env::var("RTCDIAG_NETNS_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(1);
    let mut all_flaws = String::new();
    for round_trip in [1, 40].map(Duration::from_millis) {
        for loss_percent in [0, 5, 10] {
            let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            let (mut right, mut all) = (0, 0);
            for (number, (a, b)) in (0..).zip(pairings()) {
                for run_number in 0..runs {
                    let plan = Plan {
                        round_trip,
                        loss_percent,
                        seed: number * 1000 + run_number,
                        ..near(a, b)
                    };
                    let session = run(plan);
                    let flaws = flaws(&session);
                    all += 1;
                    right += u32::from(flaws.is_empty());
                    if !flaws.is_empty() {
                        println!("{plan:?}:\n{flaws}");
                        all_flaws.push_str(&flaws);
                    }
                    let path = session.ends[0].path().unwrap_or("none").to_owned();
                    let took = session.ends.iter().filter_map(Ended::connected_ms);
                    times
                        .entry(path)
                        .or_default()
                        .push(took.fold(0.0, f64::max));
                }
            }
            println!(
                "round trip {} ms, loss {loss_percent} %: {right} of {all} right",
                round_trip.as_millis()
            );
            for (path, times) in &mut times {
                times.sort_by(f64::total_cmp);
                let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
                println!(
                    "  {path:<8} {:>4}: median {median:.0} ms, worst {worst:.0} ms",
                    times.len()
                );
                if round_trip.as_millis() == 1 && loss_percent == 0 {
                    let goals = if path == "direct" {
                        DIRECT_GOALS
                    } else {
                        RELAYED_GOALS
                    };
                    if median > goals.0 || worst > goals.1 {
                        let _ = writeln!(all_flaws, "{path}: {median} {worst}, wanted {goals:?}");
                    }
                }
            }
        }
    }
    assert!(all_flaws.is_empty(), "{all_flaws}");
}

/// The 45 pairings of the nine kinds.
fn pairings() -> Vec<(Peer, Peer)> {
    let kinds: Vec<Peer> = MAPPINGS
        .into_iter()
        .flat_map(|m| FILTERINGS.into_iter().map(move |f| peer((m, f))))
        .collect();
    let with_itself_and_later = |(at, a): (usize, &Peer)| {
        let a = *a;
        kinds[at..].iter().map(move |b| (a, *b)).collect::<Vec<_>>()
    };
    kinds
        .iter()
        .enumerate()
        .flat_map(with_itself_and_later)
        .collect()
}

fn check(name: &str, a: (Mapping, Filtering), b: (Mapping, Filtering)) {
    if skipped(name) {
        return;
    }
    let flaws = flaws(&run(near(peer(a), peer(b))));
    assert!(flaws.is_empty(), "{name}:\n{flaws}");
}

fn peer((mapping, filtering): (Mapping, Filtering)) -> Peer {
    Peer { mapping, filtering }
}

/// 1 ms, no loss.
fn near(a: Peer, b: Peer) -> Plan {
    Plan {
        nats: [Some(a), Some(b)],
        round_trip: Duration::from_millis(1),
        loss_percent: 0,
        has_random_ports: false,
        seed: 1,
    }
}

fn run(plan: Plan) -> Session {
    let lab = Lab::build(&plan);
    let code = natlab::new_code();
    let start = |role| End::start(&mut lab.pair(role, &code, &["--duration", "0.5"]));
    let ends = [start("a"), start("b")];
    Session {
        plan,
        ends: ends.map(End::finish),
    }
}

/// What is wrong, with both reports; empty if nothing is.
fn flaws(session: &Session) -> String {
    let [a, b] = &session.ends;
    let mut flaws = ends::disagreements(a, b);
    let direct = match session.plan.nats {
        [Some(a), Some(b)] => is_direct(a, b),
        // Whoever is public can be sent to.
        _ => Some(true),
    };
    let path = direct.map(|direct| if direct { "direct" } else { "relayed" });
    if a.path().is_none() || path.is_some_and(|path| a.path() != Some(path)) {
        flaws.push(format!("the path is {:?}, not {path:?}", a.path()));
    }
    if a.code != Some(0) {
        flaws.push(format!("exit code {:?}", a.code));
    }
    if session.plan.loss_percent == 0 {
        let nats = session.plan.nats.iter().zip(&session.ends);
        flaws.extend(nats.flat_map(|(nat, end)| untruths(*nat, end)));
    }
    if flaws.is_empty() {
        return String::new();
    }
    format!(
        "{}\n-- a: {}-- b: {}",
        flaws.join("\n"),
        a.describe(),
        b.describe()
    )
}

/// What a side says of its own NAT that is not so.
fn untruths(nat: Option<Peer>, end: &Ended) -> Vec<String> {
    let said = &end.result()["local"]["nat"];
    let truths = [
        ("nat", json!(nat.is_some())),
        ("mapping", nat.map_or(json!(EIM), |nat| json!(nat.mapping))),
        (
            "filtering",
            nat.map_or(json!(EIF), |nat| json!(nat.filtering)),
        ),
    ];
    truths
        .iter()
        .filter(|(key, truth)| said[key]["status"] == "determined" && said[key]["value"] != *truth)
        .map(|(key, truth)| format!("{key} is {truth}, not {}", said[key]))
        .collect()
}

/// Whether there is no lab for this test; fails instead where labs are required.
fn skipped(name: &str) -> bool {
    let Some(why) = natlab::unavailable() else {
        return false;
    };
    let required = std::env::var_os("RTCDIAG_REQUIRE_NETNS").is_some_and(|v| v == "1");
    assert!(!required, "{name}: no lab on this machine: {why}");
    eprintln!("SKIPPED {name}: {why}");
    true
}
