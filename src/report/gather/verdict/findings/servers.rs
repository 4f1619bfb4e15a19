//! What is wrong with servers, and what that does to others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::family::Family;
use crate::ice::candidate::CandidateType;
use crate::report::gather::verdict::{Context, Policy};
use crate::report::gather::{GatherResult, GatherServerReport, Status};
use crate::report::stage::Stage;
use crate::report::words::listed;
use crate::report::{ErrorReport, Finding, Severity};
use crate::stun::uri::Transport;

/// What ICE agents do with a server that does not answer.
const COST: &str = "gathering there ends only when a silent server is given up, after 5 s with pion and aioice, up to about 40 s in Chrome";

/// What is wrong with servers, each cause once.
pub(super) fn of_servers(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    if of_no_names(result, findings) {
        return;
    }
    let silent_bases = of_silent_bases(result, findings);
    let blocked = of_blocked_udp(result, context, findings);
    // Several bases of one server often fail alike: one finding for each kind of failure.
    let mut seen = BTreeSet::new();
    let mut silent: Vec<String> = Vec::new();
    for server in &result.servers {
        let Some(error) = server.error.as_ref().filter(|e| !e.is_cut_short()) else {
            continue;
        };
        if !server.is_default_route && works_elsewhere(server, result) {
            continue;
        }
        let of_base = server
            .local_address
            .is_some_and(|local| silent_bases.contains(&local));
        let explained = (error.code == "timeout" && of_base)
            || (is_silence(error) && is_blocked(server, &blocked));
        if explained {
            continue;
        }
        if !seen.insert((server.uri.clone(), server.address, error.code)) {
            continue;
        }
        let name = match server.address {
            Some(address) if !server.uri.contains(&address.ip().to_string()) => {
                format!("{} ({address})", server.uri)
            }
            _ => server.uri.clone(),
        };
        let stage = server.stage;
        if error.code == "timeout" {
            silent.push(name.clone());
        }
        let severity = if needed(server, result, context) {
            Severity::Error
        } else {
            Severity::Warning
        };
        findings.push(Finding {
            code: finding_code(error.code),
            severity,
            message: format!("{name}: {} ({stage})", error.message),
            hint: hint(server, error, result).map(ToOwned::to_owned),
        });
    }
    silent.dedup();
    if context.stopped.is_none() && !silent.is_empty() {
        findings.push(Finding::new(
            "stragglers",
            Severity::Warning,
            format!(
                "{} would hold up other applications: {COST}",
                listed(&silent)
            ),
            "take servers that do not answer out of the configuration",
        ));
    }
}

/// A server that answers STUN and not TURN is not down.
fn hint(
    server: &GatherServerReport,
    error: &ErrorReport,
    result: &GatherResult,
) -> Option<&'static str> {
    let by_tcp = result.servers.iter().any(|s| {
        s.transport != Transport::Udp
            && s.status == Status::Ok
            && s.address.map(|a| a.ip()) == server.address.map(|a| a.ip())
    });
    if error.code == "refused" && server.transport == Transport::Udp && by_tcp {
        return Some(
            "it answers over TCP or TLS: it has no UDP on this port, or a firewall on the way rejects it",
        );
    }
    let stun_only = error.code == "timeout"
        && server.stage == Stage::Allocate
        && server.reflexive_address.is_some();
    if stun_only {
        Some("it answers STUN and not TURN: have TURN switched on (coturn: remove stun-only)")
    } else if error.code == "allocation-quota-reached" {
        Some(
            "rtcdiag asks for one allocation for each TURN URI, local address and family at the same time, as a browser does for each URI; if those are more than the server allows, have the quota raised (coturn: user-quota, total-quota), else wait until earlier ones end",
        )
    } else {
        error.hint
    }
}

/// Errors keep their own code as findings, but for those that mean nothing without a server.
fn finding_code(code: &'static str) -> &'static str {
    match code {
        "timeout" => "server-silent",
        "refused" => "server-refused",
        "unreachable" => "server-unreachable",
        "closed" => "server-closed",
        "dns" => "server-unresolved",
        other => other,
    }
}

fn works_elsewhere(server: &GatherServerReport, result: &GatherResult) -> bool {
    result
        .servers
        .iter()
        .any(|s| s.uri == server.uri && s.status == Status::Ok)
}

/// Whether no other server gives what this one should have given.
fn needed(server: &GatherServerReport, result: &GatherResult, context: &Context) -> bool {
    let reflexive = context.policy == Policy::All && super::super::promises_reflexive(server);
    (server.is_turn && !super::super::has(result, CandidateType::Relay))
        || (reflexive && !super::super::has(result, CandidateType::Srflx))
}

/// Names that none of the servers has: then what is wrong with each is no news.
fn of_no_names(result: &GatherResult, findings: &mut Vec<Finding>) -> bool {
    let without_name = |s: &GatherServerReport| s.error.as_ref().is_some_and(|e| e.code == "dns");
    let none = result.servers.len() > 1 && result.servers.iter().all(without_name);
    if none {
        findings.push(Finding::new(
            "no-server-resolved",
            Severity::Error,
            "none of the server names could be resolved",
            "check the spelling and the DNS settings, or name a server by its IP address with -s",
        ));
    }
    none
}

/// Families over which hosts answer by TCP or TLS, and not by UDP.
fn of_blocked_udp(
    result: &GatherResult,
    context: &Context,
    findings: &mut Vec<Finding>,
) -> Vec<Family> {
    let mut blocked = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let rows = || {
            let of_family = move |s: &&GatherServerReport| {
                s.address.is_some_and(|a| Family::of(a.ip()) == family)
            };
            result.servers.iter().filter(of_family)
        };
        let answers = |server: &GatherServerReport| {
            rows().any(|s| {
                s.transport != Transport::Udp
                    && s.status == Status::Ok
                    && s.address.map(|a| a.ip()) == server.address.map(|a| a.ip())
            })
        };
        let udp = || rows().filter(|s| s.transport == Transport::Udp);
        // Who refuses may have nothing on UDP, and a firewall of this machine has its own finding.
        let silent = udp().all(|s| s.error.as_ref().is_some_and(is_silence));
        if !silent || !udp().any(answers) {
            continue;
        }
        let severity = if udp().any(|s| needed(s, result, context)) {
            Severity::Error
        } else {
            Severity::Warning
        };
        blocked.push(family);
        findings.push(Finding::new(
            "udp-blocked",
            severity,
            format!(
                "UDP over {} does not get through: a server answers over TCP or TLS and not over UDP, so it is blocked on this path, or that server has none",
                family.name()
            ),
            "calls from here need TURN over TCP or TLS; or have UDP to the internet opened in the firewall",
        ));
    }
    blocked
}

/// Nothing came back, or a router on the way said no.
fn is_silence(error: &ErrorReport) -> bool {
    matches!(error.code, "timeout" | "unreachable")
}

fn is_blocked(server: &GatherServerReport, blocked: &[Family]) -> bool {
    server.transport == Transport::Udp
        && server
            .address
            .is_some_and(|a| blocked.contains(&Family::of(a.ip())))
}

/// Local addresses from which nobody answers, though servers answer from others.
fn of_silent_bases(result: &GatherResult, findings: &mut Vec<Finding>) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let locals: BTreeSet<IpAddr> = result
        .servers
        .iter()
        .filter_map(|s| s.local_address)
        .collect();
    for local in locals {
        let from_here: Vec<&GatherServerReport> = result
            .servers
            .iter()
            .filter(|s| s.local_address == Some(local))
            .collect();
        let silent =
            |s: &&&GatherServerReport| s.error.as_ref().is_some_and(|e| e.code == "timeout");
        let all_silent = from_here.iter().filter(silent).count() == from_here.len();
        let answered_elsewhere = from_here.iter().all(|s| works_elsewhere(s, result));
        let Some(first) = from_here
            .first()
            .filter(|_| all_silent && answered_elsewhere)
        else {
            continue;
        };
        let interface = first
            .interface
            .as_ref()
            .map_or_else(String::new, |name| format!(" ({name})"));
        let other_family = result.servers.iter().any(|s| {
            s.interface.is_some()
                && s.interface == first.interface
                && s.status == Status::Ok
                && s.local_address
                    .is_some_and(|ip| ip.is_ipv4() != local.is_ipv4())
        });
        let hint = match (other_family, local.is_ipv4()) {
            (true, true) => {
                "IPv4 of this interface leads nowhere: have it mended, or leave it out with -6"
            }
            (true, false) => {
                "IPv6 of this interface leads nowhere: have it mended, or leave it out with -4"
            }
            (false, _) => {
                "have the interface routed; --interface or --local names the one to gather from instead"
            }
        };
        found.insert(local);
        findings.push(Finding::new(
            "silent-local-address",
            Severity::Warning,
            format!("from the local address {local}{interface} no server answers, though servers answer from others; {COST}"),
            hint,
        ));
    }
    found
}
