//! The verdict on a `nat` result, computed once: outcome, findings, summary.

pub mod evidence;
mod findings;
pub mod interfaces;
mod loss;
mod routes;
mod summary;

pub use findings::v4_mapped;

use crate::base::codes::Code;
use crate::base::exit::Outcome;
use crate::base::fact::{Fact, Reason};
use crate::base::long_way;
use crate::base::report::{Caveat, Finding, Severity, Verdict};
use crate::commands::nat::report::paths::are_several;
use crate::commands::nat::report::{Closed, NatResult, PathReport, Reachable};
use crate::commands::nat::run::DEFAULT_SERVERS;
use crate::commands::nat::{collision, lifetime, tcp};
use crate::proto::nat::behavior::expect::{self, Expectations, Unmet};
use crate::proto::nat::behavior::reachability::{
    self, Behavior, Expected, FILTERINGS, MAPPINGS, Peer,
};
use crate::proto::nat::behavior::words::{AddressPooling, Filtering, Mapping, Udp};

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

pub fn verdict(result: &NatResult, context: Context) -> Verdict {
    let mut found = context.findings;
    let several = are_several(&result.paths);
    for path in &result.paths {
        let before = found.len();
        findings::of_path(path, result, &mut found);
        tcp::verdict::of_path(path, &mut found);
        collision::verdict::of_path(path, &mut found);
        lifetime::verdict::of_path(path, &mut found);
        name_interface(&mut found, before, path.interface.as_ref(), several);
    }
    routes::findings(&result.paths, several, &mut found);
    found.extend(loss::of(result));
    found.extend(findings::of_names(result));
    let round_trips = result.servers.iter().filter_map(|s| s.facts.rtt_ms);
    let shortest = round_trips.map(|rtt| rtt.0).min();
    found.extend(shortest.and_then(|way| long_way::finding("the servers", way)));
    if !findings::of_no_network(result, &mut found) {
        let built_in = is_built_in(result);
        found.extend(built_in.then(|| findings::of_unresolved(result)).flatten());
        found.extend(findings::of_credentials(result));
        found.extend(findings::of_streams_alone(result));
        for server in &result.servers {
            let is_unresolved = server.error.as_ref().is_some_and(|e| e.code == Code::Dns);
            if built_in && is_unresolved {
                continue;
            }
            let before = found.len();
            findings::of_server(server, &mut found);
            name_interface(&mut found, before, server.interface.as_ref(), several);
        }
    }
    if !is_open(&result.paths) {
        // Then it is the only way out that is known.
        let proxies = found
            .iter_mut()
            .filter(|f| f.code == Code::ProxyInEnvironment);
        proxies.for_each(|finding| finding.severity = Severity::Warning);
    }
    let mut outcome = outcome(result);
    if let Some(wishes) = &context.expectations {
        outcome = expectation_outcome(wishes, result, &mut found);
    }
    match context.stopped {
        Some(Reason::Interrupted) => outcome = Outcome::Interrupted,
        Some(_) => found.push(Finding::new(
            Code::Timeout,
            "the time limit (--timeout) ended before everything was tested",
            "give it more time with --timeout",
        )),
        None => {}
    }
    found.sort_by_key(|f| f.severity);
    Verdict {
        outcome,
        caveat: is_strict(&result.paths).then_some(Caveat::Strict),
        summary: summary::summary(result, outcome, &found),
        findings: found,
    }
}

/// The paths that the verdict rests on. Of several ways out it is what programs get that choose none: the interface of
/// the default route, where there is one.
fn judged(paths: &[PathReport]) -> impl Iterator<Item = &PathReport> {
    let usual: Vec<&PathReport> = paths
        .iter()
        .filter(|p| p.default_route == Some(true))
        .collect();
    let decides = are_several(paths) && !usual.is_empty();
    paths.iter().filter(move |path| {
        // A family without a default route is judged where the other one has it.
        let is_beside = || {
            !usual.iter().any(|p| p.family == path.family)
                && usual.iter().any(|p| p.interface == path.interface)
        };
        !path.is_aside && (!decides || path.default_route == Some(true) || is_beside())
    })
}

/// Whether UDP works on a way that the verdict rests on.
fn is_open(paths: &[PathReport]) -> bool {
    judged(paths).any(PathReport::is_open)
}

/// Whether nobody named a server, so that those of this program were asked. Advice on names and
/// configurations is then beside the point.
pub fn is_built_in(result: &NatResult) -> bool {
    let mut servers = result.servers.iter();
    !result.servers.is_empty() && servers.all(|s| DEFAULT_SERVERS.contains(&&*s.uri))
}

/// Of several interfaces, findings say which they are about: those from index `from`.
fn name_interface(
    findings: &mut Vec<Finding>,
    from: usize,
    interface: Option<&String>,
    several: bool,
) {
    if let (true, Some(name)) = (several, interface) {
        let new = findings.split_off(from);
        findings.extend(new.into_iter().map(|finding| finding.about(name)));
    }
}

/// What peers of each kind can expect, over the first open path.
pub fn reachable(paths: &[PathReport]) -> Vec<Reachable> {
    let path = paths.iter().find(|p| p.is_open() && !p.is_aside);
    path.map(reachable_over).unwrap_or_default()
}

/// The same over one path.
fn reachable_over(path: &PathReport) -> Vec<Reachable> {
    let own = Behavior {
        // Without a NAT there is one address for all destinations.
        mapping: match path.facts.nat.value() {
            Some(false) => Some(Mapping::EndpointIndependent),
            _ => path.facts.mapping.value().copied(),
        },
        filtering: path.facts.filtering.value().copied(),
    };
    // Who has several external addresses is let in by those only who let everybody in.
    let pooled = path.facts.address_pooling.value() == Some(&AddressPooling::Arbitrary);
    // Whose port moves is let in from it by those only who do not look at ports.
    let moves = path.facts.port_moves == Fact::Determined(true);
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
                expected: match reachability::expected(own, peer) {
                    _ if pooled && filtering != Filtering::EndpointIndependent => Expected::Unknown,
                    Expected::Direct
                        if moves && filtering == Filtering::AddressAndPortDependent =>
                    {
                        Expected::Unknown
                    }
                    known => known,
                },
            }
        })
        .collect()
}

/// Whether many peers can be reached only through a relay, over the interface of the first open path.
fn is_strict(paths: &[PathReport]) -> bool {
    let mut open = judged(paths).filter(|p| p.is_open());
    let Some(first) = open.next() else {
        return false;
    };
    let mut same = open.filter(|p| p.interface == first.interface);
    first.is_strict() || same.any(PathReport::is_strict)
}

/// Whether the lifetime was asked for and could not be measured.
const fn has_no_lifetime(path: &PathReport) -> bool {
    let lifetime = &path.lifetime;
    matches!(lifetime.two_way, Fact::Inconclusive { .. })
        || matches!(lifetime.one_packet, Fact::Inconclusive { .. })
}

fn outcome(result: &NatResult) -> Outcome {
    let open: Vec<&PathReport> = judged(&result.paths).filter(|p| p.is_open()).collect();
    if !open.is_empty() {
        return if open
            .iter()
            .all(|p| p.is_determined() && !has_no_lifetime(p) && !p.is_this_side())
        {
            Outcome::Good
        } else {
            Outcome::Inconclusive
        };
    }
    let is_bad = |p: &PathReport| match p.closed {
        Some(closed) => !matches!(closed, Closed::Silent | Closed::OneOperator),
        None => p.facts.udp == Fact::Determined(Udp::Blocked),
    };
    if judged(&result.paths).any(is_bad) {
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
        &[
            Code::Dns,
            Code::NameMisdirected,
            Code::BroadcastAddress,
            Code::WrongFamily,
            Code::Unreachable,
            Code::Io,
            Code::Forbidden,
        ],
    )
}

fn all_unreachable(result: &NatResult) -> bool {
    // Where there is a path, it is a router on the way that says so.
    result.paths.is_empty()
        && !result.servers.is_empty()
        && all_failed_with(
            result,
            &[
                Code::Dns,
                Code::NameMisdirected,
                Code::BroadcastAddress,
                Code::WrongFamily,
                Code::Unreachable,
            ],
        )
}

fn all_failed_with(result: &NatResult, codes: &[Code]) -> bool {
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
    // Where UDP works on a path that is judged, those where it does not work do not count.
    let any_open = is_open(&result.paths);
    let closed = judged(&result.paths).filter(|p| !p.is_open() && !any_open);
    let open = result.paths.iter().filter(|p| p.is_open() && !p.is_aside);
    let paths: Vec<&PathReport> = closed.chain(open).collect();
    if paths.is_empty() {
        return outcome(result);
    }
    let several = are_several(&result.paths);
    let mut worst = Outcome::Good;
    for path in &paths {
        let (facts, over) = (&path.facts, path.over(several));
        let unmet = [
            expect::unmet("mapping", wishes.mapping.as_ref(), &facts.mapping),
            expect::unmet("filtering", wishes.filtering.as_ref(), &facts.filtering),
            expect::unmet("udp", wishes.udp.as_ref(), &facts.udp),
        ];
        for Unmet { expected, found } in unmet.into_iter().flatten() {
            // What cannot hold without UDP does not hold when UDP is blocked.
            let why = match found {
                Some(found) => Some(format!(", found {found}")),
                None if facts.udp == Fact::Determined(Udp::Blocked) => {
                    Some(", where UDP is blocked".to_owned())
                }
                None => None,
            };
            let (code, message) = if let Some(why) = why {
                worst = Outcome::Bad;
                (
                    Code::ExpectationNotMet,
                    format!("expected {expected} {over}{why}"),
                )
            } else {
                if worst == Outcome::Good {
                    worst = Outcome::Inconclusive;
                }
                let message = format!("expected {expected} {over}, which could not be determined");
                (Code::ExpectationUnknown, message)
            };
            findings.push(Finding {
                code,
                severity: Severity::Error,
                message,
                hint: None,
            });
        }
    }
    worst
}
