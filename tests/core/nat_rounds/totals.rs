//! The totals of many rounds, and the verdict on them.

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::{ErrorReport, Finding, Verdict};
use rtcdiag::commands::nat::report::ServerReport;
use rtcdiag::commands::nat::rounds::verdict::{Ending, Remarks, verdict};
use rtcdiag::proto::nat::behavior::ServerFacts;
use rtcdiag::proto::stun::uri::Transport;

use super::*;

fn report(run: &Run) -> rtcdiag::commands::nat::rounds::report::Rounds {
    run.totals.report(None, Duration::from_secs(60), false)
}

#[test]
fn addresses_are_kept_with_their_time() {
    let mut run = Run::new(false);
    for _ in 0..3 {
        run.round(&[ordinary()]);
    }
    for _ in 0..2 {
        run.round(&[ordinary().seen_as(&["203.0.113.6"])]);
    }
    run.round(&[ordinary()]);
    let rounds = report(&run);
    let [path] = rounds.paths.as_slice() else {
        panic!("{rounds:?}");
    };
    let seen: Vec<(String, u64, f64)> = path
        .addresses
        .iter()
        .map(|a| (a.address.to_string(), a.rounds, a.seconds))
        .collect();
    // Three rounds a minute apart are two minutes; the one at the end stands alone.
    let expected = [
        ("203.0.113.5".to_owned(), 4, 120.0),
        ("203.0.113.6".to_owned(), 2, 60.0),
    ];
    assert_eq!(seen, expected);
    assert_eq!(path.addresses[0].first_at, "2026-11-22T10:00:00.000Z");
    assert_eq!(path.addresses[0].last_at, "2026-11-22T10:05:00.000Z");
    assert_eq!((path.rounds, path.open), (6, 6));
    let trips = path.rtt_ms.expect("there were answers");
    assert_eq!(trips.samples, 18);
    assert_eq!(trips.median.0, Duration::from_millis(20));
}

/// A day of rounds a second apart, with an address, an interface and a mapping that never stay.
#[test]
fn nothing_grows_with_the_rounds() {
    let mut run = Run::new(true);
    let interfaces: Vec<&'static str> = (0..40)
        .map(|n| -> &'static str { format!("veth{n}").leak() })
        .collect();
    let size = |run: &Run| {
        serde_json::to_string(&report(run))
            .expect("a report is JSON")
            .len()
    };
    let mut sizes = Vec::new();
    for n in 0..86_400u32 {
        let mapping = if n % 2 == 0 {
            Mapping::EndpointIndependent
        } else {
            Mapping::AddressDependent
        };
        let octets = n.to_be_bytes();
        let address = format!("203.{}.{}.{}", octets[1], octets[2], octets[3]);
        let look = Look {
            interface: interfaces[(n as usize) % interfaces.len()],
            ..ordinary()
        }
        .seen_as(&[&address])
        .with(|f| f.mapping = Fact::Determined(mapping));
        run.round(&[look]);
        if n == 43_199 || n == 86_399 {
            sizes.push(size(&run));
        }
    }
    let rounds = report(&run);
    assert_eq!(rounds.done, 86_400);
    assert_eq!(rounds.changes.len(), 1000);
    assert!(rounds.changes_left_out > 100_000);
    assert_eq!(rounds.paths.len(), 32);
    assert!(rounds.paths_left_out > 0);
    for path in &rounds.paths {
        assert_eq!(path.addresses.len(), 64);
        assert!(path.addresses_left_out > 0);
    }
    // Counters get a digit longer now and then.
    assert!(sizes[1] < sizes[0] + 1000, "{sizes:?}");
    assert!(sizes[1] < 700_000, "{sizes:?}");
}

fn server(uri: &str, address: &str, (requests, responses): (usize, usize)) -> ServerReport {
    ServerReport {
        facts: ServerFacts {
            requests,
            responses,
            ..ServerFacts::default()
        },
        error: (responses == 0).then(|| ErrorReport::new(Code::Timeout, "no answer")),
        ..ServerReport::new(uri.to_owned(), Transport::Udp, address.parse().ok())
    }
}

#[test]
fn servers_are_counted_by_rounds() {
    let mut run = Run::new(false);
    let (one, other) = ("203.0.113.10:3478", "203.0.113.11:3478");
    for round in [
        // Of two addresses one answers; a name that leads nowhere.
        vec![
            server("stun:two", one, (3, 0)),
            server("stun:two", other, (3, 3)),
            server("stun:gone", "", (0, 0)),
        ],
        vec![
            server("stun:two", one, (3, 0)),
            server("stun:two", other, (3, 0)),
            server("stun:gone", "", (0, 0)),
        ],
        // It was not its turn before the end.
        vec![server("stun:two", one, (0, 0))],
    ] {
        run.round(&[ordinary()]);
        run.totals.add_servers(&round);
    }
    let servers = report(&run).servers;
    let counts: Vec<(&str, u64, u64)> = servers
        .iter()
        .map(|s| (s.uri.as_str(), s.rounds, s.answered))
        .collect();
    assert_eq!(counts, [("stun:two", 2, 1), ("stun:gone", 2, 0)]);
    let last = of(Outcome::Good, Vec::new());
    let verdict = verdict(&run.totals, &Remarks::default(), last, Ending::default());
    assert_eq!(codes(&verdict), ["server-unreliable"]);
    let message = &verdict.findings[0].message;
    assert!(
        message.contains("stun:two answered in 1 of 2 rounds"),
        "{message}"
    );
    // However many there are.
    for n in 0..1000 {
        let uri = format!("stun:{n}");
        run.totals.add_servers(&[server(&uri, one, (1, 1))]);
    }
    assert_eq!(report(&run).servers.len(), 64);
}

fn of(outcome: Outcome, findings: Vec<Finding>) -> Verdict {
    Verdict {
        outcome,
        caveat: None,
        findings,
        summary: format!("It is {outcome:?}."),
    }
}

fn unmet() -> Finding {
    Finding::new(
        Code::ExpectationNotMet,
        "expected mapping=endpoint-independent over IPv4, found address-dependent",
        "none",
    )
}

/// The verdict on rounds that ended so.
fn of_rounds(outcomes: &[(Outcome, bool)], ended: Ending) -> Verdict {
    let mut run = Run::new(false);
    let mut remarks = Remarks::default();
    let mut last = of(Outcome::Interrupted, Vec::new());
    for (outcome, is_unmet) in outcomes {
        let findings = if *is_unmet { vec![unmet()] } else { Vec::new() };
        last = of(*outcome, findings);
        let round = run.ended(*outcome, &[ordinary()]).round;
        remarks.add(round, &last);
    }
    verdict(&run.totals, &remarks, last, ended)
}

const GOOD: (Outcome, bool) = (Outcome::Good, false);
const BAD: (Outcome, bool) = (Outcome::Bad, false);
const UNMET: (Outcome, bool) = (Outcome::Bad, true);
const UNCLEAR: (Outcome, bool) = (Outcome::Inconclusive, false);
const ERROR: (Outcome, bool) = (Outcome::Error, false);

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.findings.iter().map(|f| f.code.name()).collect()
}

#[test]
fn good_only_if_every_round_was() {
    for (rounds, expected, findings) in [
        (&[GOOD, GOOD][..], Outcome::Good, &[][..]),
        (
            &[GOOD, UNCLEAR, GOOD],
            Outcome::Inconclusive,
            &["rounds-inconclusive"],
        ),
        (
            &[BAD, UNCLEAR, GOOD],
            Outcome::Bad,
            &["rounds-inconclusive", "rounds-bad"],
        ),
        (&[GOOD, UNMET, GOOD], Outcome::Bad, &["expectation-not-met"]),
        // A network that was away for a while is no failure of the program.
        (
            &[GOOD, ERROR],
            Outcome::Inconclusive,
            &["rounds-without-network"],
        ),
        (&[ERROR, ERROR], Outcome::Error, &["rounds-without-network"]),
    ] {
        let verdict = of_rounds(rounds, Ending::default());
        assert_eq!(verdict.outcome, expected, "{rounds:?}");
        assert_eq!(codes(&verdict), findings, "{rounds:?}");
        assert!(verdict.findings.iter().all(|f| f.hint.is_some()));
    }
}

#[test]
fn what_was_not_met_is_said_once_with_its_round() {
    let verdict = of_rounds(&[GOOD, GOOD, UNMET, UNMET], Ending::default());
    assert_eq!(codes(&verdict), ["expectation-not-met"]);
    let said = &verdict.findings[0].message;
    assert!(
        said.contains("in 2 of 4 rounds, first in round 3"),
        "{said}"
    );
    assert!(said.contains("found address-dependent"), "{said}");
}

#[test]
fn rounds_that_are_missing_leave_it_open() {
    let ended = |planned, stopped| Ending { planned, stopped };
    let verdict = of_rounds(&[GOOD, GOOD], ended(Some(5), Some(Reason::Timeout)));
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(codes(&verdict), ["rounds-missing"]);
    // But one that was bad is bad.
    let verdict = of_rounds(&[BAD], ended(Some(5), Some(Reason::Timeout)));
    assert_eq!(verdict.outcome, Outcome::Bad);
    // Without a number, the time is the plan.
    let verdict = of_rounds(&[GOOD, GOOD], ended(None, Some(Reason::Timeout)));
    assert_eq!((verdict.outcome, codes(&verdict).len()), (Outcome::Good, 0));
}

#[test]
fn an_interruption_is_one_whatever_came_before() {
    let ended = Ending {
        planned: Some(5),
        stopped: Some(Reason::Interrupted),
    };
    for rounds in [&[GOOD][..], &[BAD, GOOD], &[]] {
        let verdict = of_rounds(rounds, ended);
        assert_eq!(verdict.outcome, Outcome::Interrupted, "{rounds:?}");
        assert!(verdict.summary.starts_with("Interrupted."), "{verdict:?}");
        assert!(!codes(&verdict).contains(&"rounds-missing"));
    }
}

#[test]
fn changes_are_findings() {
    let mut run = Run::new(false);
    run.round(&[ordinary()]);
    run.round(&[ordinary().seen_as(&["203.0.113.6"])]);
    let symmetric = ordinary().with(|f| {
        f.mapping = Fact::Determined(Mapping::AddressDependent);
    });
    run.round(&[symmetric]);
    let last = of(Outcome::Good, Vec::new());
    let verdict = verdict(&run.totals, &Remarks::default(), last, Ending::default());
    assert_eq!(codes(&verdict), ["address-changed", "behavior-changed"]);
    let said = &verdict.findings[0].message;
    assert!(said.contains("2 times, last in round 3"), "{said}");
    assert!(said.contains("203.0.113.6 -> 203.0.113.5"), "{said}");
    assert!(
        verdict.summary.contains("3 rounds: 3 good; changed:"),
        "{}",
        verdict.summary
    );
}
