//! The verdict on a `nat` result, computed once: outcome, findings, summary.

use crate::exit::Outcome;
use crate::fact::{Fact, Reason};
use crate::nat::behavior::{Filtering, Mapping, Udp};
use crate::nat::expect::{self, Expectations};
use crate::nat::reachability::{self, Behavior, FILTERINGS, MAPPINGS, Peer};
use crate::report::nat::{NatResult, PathReport, Reachable, ServerReport};
use crate::report::{Finding, Severity};

/// Outcome, findings and summary.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// What is worth knowing, the most severe last.
    pub findings: Vec<Finding>,
    /// One sentence.
    pub summary: String,
}

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
    let mut findings = context.findings;
    for path in &result.paths {
        path_findings(path, &result.paths, &mut findings);
    }
    if !no_network(result, &mut findings) {
        for server in &result.servers {
            server_findings(server, &mut findings);
        }
    }
    let mut outcome = outcome(result);
    if let Some(wishes) = &context.expectations {
        outcome = expectation_outcome(wishes, result, &mut findings);
    }
    match context.stopped {
        Some(Reason::Interrupted) => outcome = Outcome::Interrupted,
        Some(_) => findings.push(Finding::new(
            "timeout",
            Severity::Warning,
            "the time given with --timeout ended before everything was tested",
            "give it more time with --timeout",
        )),
        None => {}
    }
    findings.sort_by_key(|f| f.severity);
    Verdict {
        outcome,
        summary: summary(result, outcome, &findings),
        findings,
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
                expected: reachability::expected(own, peer),
            }
        })
        .collect()
}

fn outcome(result: &NatResult) -> Outcome {
    let open: Vec<&PathReport> = result.paths.iter().filter(|p| p.is_open()).collect();
    if !open.is_empty() {
        return if open.iter().all(|p| p.is_determined()) {
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
    } else if result.paths.is_empty() || all_unreachable(result) {
        Outcome::Error
    } else {
        Outcome::Inconclusive
    }
}

/// Whether no server could be sent to at all.
fn all_unreachable(result: &NatResult) -> bool {
    !result.servers.is_empty() && all_failed_with(result, &["dns", "unreachable"])
}

/// Says so where nothing could be asked at all; what is wrong with each server is then no news.
fn no_network(result: &NatResult, findings: &mut Vec<Finding>) -> bool {
    if result.servers.is_empty() {
        return false;
    }
    if all_failed_with(result, &["dns"]) {
        findings.push(Finding::new(
            "no-server-resolved",
            Severity::Error,
            "none of the server names could be resolved",
            "check the spelling and the DNS settings, or name a server by its IP address with -s",
        ));
    } else if all_unreachable(result) {
        findings.push(Finding::new(
            "no-network",
            Severity::Error,
            "there is no route to any server",
            "check that this machine is connected to a network",
        ));
    } else {
        return false;
    }
    true
}

fn all_failed_with(result: &NatResult, codes: &[&str]) -> bool {
    result
        .servers
        .iter()
        .all(|s| s.error.as_ref().is_some_and(|e| codes.contains(&e.code)))
}

fn path_findings(path: &PathReport, all: &[PathReport], findings: &mut Vec<Finding>) {
    let family = path.family.name();
    match &path.udp {
        Fact::Determined(Udp::Blocked) => {
            let severity = if all.iter().any(PathReport::is_open) {
                Severity::Warning
            } else {
                Severity::Error
            };
            let tcp = path.tcp.open == Fact::Determined(true);
            findings.push(Finding::new(
                "udp-blocked",
                severity,
                format!("UDP over {family} is blocked on this path"),
                if tcp {
                    "use TURN over TCP or TLS, or have UDP opened in the firewall"
                } else {
                    "have UDP to the internet opened in the firewall, at least to your STUN and TURN servers"
                },
            ));
        }
        Fact::Inconclusive { detail, .. } if !all.iter().any(PathReport::is_open) => {
            findings.push(Finding::new(
                "no-answer",
                Severity::Error,
                format!("{family}: {detail}"),
                "ask more servers with -s: if a server that is known to work is silent too, UDP is blocked",
            ));
        }
        Fact::Inconclusive { detail, .. } => findings.push(Finding::new(
            "path-silent",
            Severity::Warning,
            format!("{family}: {detail}"),
            format!(
                "leave {family} out with -{} if it is not meant to work",
                if family == "IPv4" { 6 } else { 4 }
            ),
        )),
        _ => {}
    }
    if !path.is_open() {
        return;
    }
    fact_finding("mapping", family, &path.mapping, findings);
    fact_finding("filtering", family, &path.filtering, findings);
    if path.alg == Fact::Determined(true) {
        findings.push(Finding::new(
            "alg",
            Severity::Warning,
            format!("something on the {family} path rewrites addresses inside packets (an application-level gateway)"),
            "turn off \"SIP ALG\" or similar in the router: it breaks VoIP more often than it helps",
        ));
    }
    if path.address_pooling.value() == Some(&crate::nat::behavior::AddressPooling::Arbitrary) {
        findings.push(Finding::new(
            "address-pooling-arbitrary",
            Severity::Warning,
            format!("the {family} NAT gives one host several external addresses"),
            "calls that open several ports may fail; have the NAT pair addresses (RFC 4787 REQ-2), or use a relay",
        ));
    }
    if path.carrier_nat == Fact::Determined(true) {
        findings.push(Finding::new(
            "carrier-nat",
            Severity::Info,
            format!(
                "the local address {} is of a carrier's NAT (100.64.0.0/10, RFC 6598)",
                path.local_address
            ),
            "port forwarding in your own router will not help; IPv6 or a relay will",
        ));
    }
    if path.mapping.is_determined() && path.mapping.value() != Some(&Mapping::EndpointIndependent) {
        findings.push(Finding::new(
            "endpoint-dependent-mapping",
            Severity::Warning,
            format!("the {family} mapping depends on the destination, so the address that a STUN server sees is not the one that a peer needs"),
            "have a TURN server ready: many peers can be reached through a relay only",
        ));
    }
}

/// A finding for a fact that was needed and could not be had.
fn fact_finding<T>(name: &str, family: &str, fact: &Fact<T>, findings: &mut Vec<Finding>) {
    let Fact::Inconclusive { reason, detail } = fact else {
        return;
    };
    let (code, hint) = match reason {
        Reason::NoBehaviorDiscovery => (
            "no-behavior-discovery",
            "add a server with RFC 5780 with -s, for example coturn on a host with two addresses",
        ),
        Reason::ServerIgnoresChangeRequest | Reason::ServerDropsChangeRequest => (
            "server-ignores-change-request",
            "ask another server with RFC 5780 with -s",
        ),
        Reason::AlternateUnreachable => (
            "alternate-unreachable",
            "ask another server with RFC 5780 with -s; the operator should open both addresses and ports",
        ),
        Reason::SingleServer => (
            "single-server",
            "name a second server on another IP address with -s",
        ),
        Reason::EndpointDependent => (
            "endpoint-dependent",
            "add a server with RFC 5780 with -s to learn on what the mapping depends; a relay will be needed for many peers either way",
        ),
        Reason::Contradiction => (
            "contradiction",
            "run it again with other servers; -v shows every answer",
        ),
        Reason::MappingChanged => (
            "mapping-changed",
            "run it again: a NAT that restarts or a link that changes looks like this once",
        ),
        Reason::PacketLoss => (
            "packet-loss",
            "run it again when the network is less busy, or over a cable",
        ),
        Reason::AlternateVisited => (
            "alternate-visited",
            "name only one address of the server with -s",
        ),
        Reason::Interrupted | Reason::Timeout => return,
        _ => ("inconclusive", "run it again with -v to see every answer"),
    };
    findings.push(Finding::new(
        code,
        Severity::Warning,
        format!("{family} {name} could not be determined: {detail}"),
        hint,
    ));
}

fn server_findings(server: &ServerReport, findings: &mut Vec<Finding>) {
    let name = match server.address {
        Some(address) => format!("{} ({address})", server.uri),
        None => server.uri.clone(),
    };
    if let Some(error) = &server.error {
        let (code, hint) = match error.code {
            "untruthful" => ("server-untruthful", "do not use this server"),
            "outvoted" => (
                "server-contradicts",
                "leave this server out; its answers were not used",
            ),
            "wrong-source" => (
                "server-wrong-source",
                "the server has several addresses and answers from the wrong one: have it bind each",
            ),
            "tls" => (
                "server-tls",
                "have the certificate or the port mended; a private CA can be trusted with SSL_CERT_FILE",
            ),
            "dns" => ("server-unresolved", "check the spelling of the name"),
            _ => return,
        };
        findings.push(Finding::new(
            code,
            Severity::Warning,
            format!("{name}: {}", error.message),
            hint,
        ));
    } else if let Some(flaw) = &server.behavior_discovery_flaw {
        findings.push(Finding::new(
            "server-behavior-discovery-broken",
            Severity::Info,
            format!("{name} offers RFC 5780, but it is of no use: {flaw}"),
            "it still serves for the public address; ask another server for the behaviour",
        ));
    }
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
                    message: format!(
                        "expected {expected} over {}, found {found}",
                        path.family.name()
                    ),
                    hint: None,
                });
            }
            expect::Verdict::Unknown { expected } => {
                // What cannot hold without UDP does not hold when UDP is blocked.
                if path.udp == Fact::Determined(Udp::Blocked) {
                    worst = Outcome::Bad;
                } else if worst == Outcome::Good {
                    worst = Outcome::Inconclusive;
                }
                findings.push(Finding {
                    code: "expectation-unknown",
                    severity: Severity::Error,
                    message: format!(
                        "expected {expected} over {}, which could not be determined",
                        path.family.name()
                    ),
                    hint: None,
                });
            }
        }
    }
    worst
}

fn summary(result: &NatResult, outcome: Outcome, findings: &[Finding]) -> String {
    let sentences: Vec<String> = result
        .paths
        .iter()
        .filter(|p| p.is_open())
        .map(path_sentence)
        .collect();
    let mut text = if sentences.is_empty() {
        closed_sentence(result, outcome)
    } else {
        sentences.join(" ")
    };
    if let Some(missed) = findings.iter().find(|f| f.code == "expectation-not-met") {
        text = format!("Not as {}. {text}", missed.message);
    }
    match outcome {
        Outcome::Interrupted => format!("Interrupted. {text}"),
        _ => text,
    }
}

fn closed_sentence(result: &NatResult, outcome: Outcome) -> String {
    let blocked = result
        .paths
        .iter()
        .find(|p| p.udp == Fact::Determined(Udp::Blocked));
    if let Some(path) = blocked {
        return if path.tcp.open == Fact::Determined(true) {
            "UDP is blocked, TCP gets through: calls will work only through a TURN server over TCP or TLS.".to_owned()
        } else {
            "UDP is blocked, and no server answered over TCP or TLS either: calls will work only if some TURN server can be reached over TCP or TLS.".to_owned()
        };
    }
    if result
        .paths
        .iter()
        .any(|p| p.tcp.open == Fact::Determined(true))
    {
        return "STUN over TCP or TLS gets through, but no server was named to be asked over UDP, which NAT behaviour is about.".to_owned();
    }
    match outcome {
        Outcome::Interrupted => "Nothing had been found out yet.".to_owned(),
        Outcome::Error if all_failed_with(result, &["dns"]) => {
            "Nothing could be tested: none of the server names could be resolved.".to_owned()
        }
        Outcome::Error => "Nothing could be tested: there is no route to any server.".to_owned(),
        _ if all_failed_with(result, &["refused"]) => {
            "Nothing listens at the servers named: they refuse; ask others with -s.".to_owned()
        }
        _ => "No server answered, so blocked UDP cannot be told from servers that are down; ask others with -s.".to_owned(),
    }
}

fn path_sentence(path: &PathReport) -> String {
    let family = path.family.name();
    let gloss = path
        .legacy_name
        .text()
        .map_or_else(String::new, |name| format!(" ({name})"));
    let kind = match path.nat.value() {
        Some(true) => format!("behind a NAT{gloss}"),
        Some(false) => format!("without a NAT{gloss}"),
        None => "by a path that could not be told apart from a NAT".to_owned(),
    };
    let meaning = match (path.mapping.value(), path.filtering.value()) {
        (Some(Mapping::EndpointIndependent), Some(Filtering::AddressAndPortDependent)) => {
            "direct calls work with peers whose mapping is endpoint-independent; the others need a relay"
        }
        (Some(Mapping::EndpointIndependent), Some(_)) => "direct calls work with every kind of NAT",
        (Some(_), Some(_)) => "many peers can be reached through a relay only",
        (Some(Mapping::EndpointIndependent), None) => {
            "direct calls work with most peers; filtering is not known"
        }
        (Some(_), None) => "many peers can be reached through a relay only; filtering is not known",
        (None, _) if endpoint_dependent(path) => {
            "the mapping depends on the destination: many peers can be reached through a relay only"
        }
        (None, _) => "how it maps is not known, so neither is which peers can be reached directly",
    };
    let mut addresses: Vec<String> = path
        .reflexive_addresses
        .iter()
        .map(|a| a.ip().to_string())
        .collect();
    addresses.dedup();
    let public = match addresses.as_slice() {
        [] => String::new(),
        [one] => format!(", public address {one}"),
        several => format!(", public addresses {}", several.join(" and ")),
    };
    format!("UDP works over {family} {kind}{public}: {meaning}.")
}

fn endpoint_dependent(path: &PathReport) -> bool {
    matches!(
        path.mapping,
        Fact::Inconclusive {
            reason: Reason::EndpointDependent,
            ..
        }
    )
}
