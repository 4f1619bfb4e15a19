//! The verdict on a `nat` result, computed once: outcome, findings, summary.

mod collisions;
mod findings;
mod lifetime;
pub mod router;
mod routes;
mod streams;
mod summary;
mod translation;

use crate::exit::Outcome;
use crate::fact::{Fact, Reason};
use crate::nat::behavior::{AddressPooling, Filtering, Udp};
use crate::nat::expect::{self, Expectations};
use crate::nat::reachability::{self, Behavior, Expected, FILTERINGS, MAPPINGS, Peer};
use crate::report::nat::paths::are_several;
use crate::report::nat::{NatResult, PathReport, Reachable};
use crate::report::{Finding, Severity, Verdict};

/// What bears on the verdict beside the result.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// `--expect`.
    pub expectations: Option<Expectations>,
    /// Why the run was cut short, if it was.
    pub stopped: Option<Reason>,
    /// Findings from outside: the configuration, the fallback to TCP.
    pub findings: Vec<Finding>,
}

/// The verdict on a result.
pub fn verdict(result: &NatResult, context: Context) -> Verdict {
    let mut found = context.findings;
    let several = are_several(&result.paths);
    for path in &result.paths {
        let before = found.len();
        findings::of_path(path, result, &mut found);
        streams::of_path(path, &mut found);
        collisions::of_path(path, &mut found);
        lifetime::of_path(path, &mut found);
        if let (true, Some(name)) = (several, &path.interface) {
            let new = found.split_off(before);
            found.extend(new.into_iter().map(|finding| finding.about(name)));
        }
    }
    routes::findings(&result.paths, several, &mut found);
    if !findings::of_no_network(result, &mut found) {
        for server in &result.servers {
            let before = found.len();
            findings::of_server(server, &mut found);
            if let (true, Some(name)) = (several, &server.interface) {
                let new = found.split_off(before);
                found.extend(new.into_iter().map(|finding| finding.about(name)));
            }
        }
    }
    let mut outcome = outcome(result);
    if let Some(wishes) = &context.expectations {
        outcome = expectation_outcome(wishes, result, &mut found);
    }
    match context.stopped {
        Some(Reason::Interrupted) => outcome = Outcome::Interrupted,
        Some(_) => found.push(Finding::new(
            "timeout",
            Severity::Warning,
            "the time given with --timeout ended before everything was tested",
            "give it more time with --timeout",
        )),
        None => {}
    }
    found.sort_by_key(|f| f.severity);
    Verdict {
        outcome,
        summary: summary::summary(result, outcome, &found),
        findings: found,
    }
}

/// What peers of each kind can expect, over the first open path.
pub fn reachable(paths: &[PathReport]) -> Vec<Reachable> {
    let Some(path) = paths.iter().find(|p| p.is_open()) else {
        return Vec::new();
    };
    let own = Behavior {
        mapping: path.mapping.value().copied(),
        filtering: path.filtering.value().copied(),
    };
    // Who has several external addresses is let in by those only who let everybody in.
    let pooled = path.address_pooling.value() == Some(&AddressPooling::Arbitrary);
    MAPPINGS
        .into_iter()
        .flat_map(|mapping| {
            FILTERINGS
                .into_iter()
                .map(move |filtering| (mapping, filtering))
        })
        .map(|(mapping, filtering)| {
            let peer = Peer { mapping, filtering };
            Reachable {
                peer,
                expected: if pooled && filtering != Filtering::EndpointIndependent {
                    Expected::Unknown
                } else {
                    reachability::expected(own, peer)
                },
            }
        })
        .collect()
}

/// Whether the lifetime was asked for and could not be measured.
const fn has_no_lifetime(path: &PathReport) -> bool {
    let lifetime = &path.binding_lifetime;
    matches!(lifetime.two_way, Fact::Inconclusive { .. })
        || matches!(lifetime.one_packet, Fact::Inconclusive { .. })
}

fn outcome(result: &NatResult) -> Outcome {
    let open: Vec<&PathReport> = result.paths.iter().filter(|p| p.is_open()).collect();
    if !open.is_empty() {
        return if open
            .iter()
            .all(|p| p.is_determined() && !has_no_lifetime(p))
        {
            Outcome::Good
        } else {
            Outcome::Inconclusive
        };
    }
    if result
        .paths
        .iter()
        .any(|p| p.udp == Fact::Determined(Udp::Blocked))
    {
        Outcome::Bad
    } else if result.paths.is_empty() && !heard_of(result) {
        Outcome::Error
    } else {
        Outcome::Inconclusive
    }
}

/// Whether something is known of a server beyond that it cannot be reached from here.
fn heard_of(result: &NatResult) -> bool {
    !all_failed_with(
        result,
        &["dns", "wrong-family", "unreachable", "io", "forbidden"],
    )
}

/// Whether no server could be sent to at all.
fn all_unreachable(result: &NatResult) -> bool {
    // Where there is a path, it is a router on the way that says so.
    result.paths.is_empty()
        && !result.servers.is_empty()
        && all_failed_with(result, &["dns", "wrong-family", "unreachable"])
}

fn all_failed_with(result: &NatResult, codes: &[&str]) -> bool {
    result
        .servers
        .iter()
        .all(|s| s.error.as_ref().is_some_and(|e| codes.contains(&e.code)))
}

fn expectation_outcome(
    wishes: &Expectations,
    result: &NatResult,
    findings: &mut Vec<Finding>,
) -> Outcome {
    // Where UDP works on some path, the others do not count.
    let any_open = result.paths.iter().any(PathReport::is_open);
    let paths: Vec<&PathReport> = result
        .paths
        .iter()
        .filter(|p| p.is_open() || !any_open)
        .collect();
    if paths.is_empty() {
        return outcome(result);
    }
    let several = are_several(&result.paths);
    let mut verdicts = Vec::new();
    for path in &paths {
        if let Some(wish) = &wishes.mapping {
            verdicts.push((path, expect::check("mapping", wish, &path.mapping)));
        }
        if let Some(wish) = &wishes.filtering {
            verdicts.push((path, expect::check("filtering", wish, &path.filtering)));
        }
        if let Some(wish) = &wishes.udp {
            verdicts.push((path, expect::check("udp", wish, &path.udp)));
        }
    }
    let mut worst = Outcome::Good;
    for (path, verdict) in verdicts {
        match verdict {
            expect::Verdict::Met => {}
            expect::Verdict::NotMet { expected, found } => {
                worst = Outcome::Bad;
                findings.push(Finding {
                    code: "expectation-not-met",
                    severity: Severity::Error,
                    message: format!("expected {expected} {}, found {found}", path.way(several)),
                    hint: None,
                });
            }
            expect::Verdict::Unknown { expected } => {
                // What cannot hold without UDP does not hold when UDP is blocked.
                if path.udp == Fact::Determined(Udp::Blocked) {
                    worst = Outcome::Bad;
                    findings.push(Finding {
                        code: "expectation-not-met",
                        severity: Severity::Error,
                        message: format!(
                            "expected {expected} {}, where UDP is blocked",
                            path.way(several)
                        ),
                        hint: None,
                    });
                    continue;
                }
                if worst == Outcome::Good {
                    worst = Outcome::Inconclusive;
                }
                findings.push(Finding {
                    code: "expectation-unknown",
                    severity: Severity::Error,
                    message: format!(
                        "expected {expected} {}, which could not be determined",
                        path.way(several)
                    ),
                    hint: None,
                });
            }
        }
    }
    worst
}
