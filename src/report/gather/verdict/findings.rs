//! What is worth knowing about a gathering, and what to do about it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::{Context, Policy};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::ice::candidate::CandidateType;
use crate::ice::interface;
use crate::nat::classify::is_global;
use crate::report::gather::{CandidateReport, GatherResult, GatherServerReport, Status};
use crate::report::words::{listed, span};
use crate::report::{Finding, Severity};
use crate::stun::uri::Transport;

/// What ICE agents do with a server that does not answer.
const COST: &str = "their gathering ends only when a silent server is given up, after 5 s with pion and aioice, up to about 40 s in Chrome";

/// Everything.
pub(super) fn of_result(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    of_interfaces(result, findings);
    of_reflexive(result, findings);
    of_relayed(result, findings);
    of_credentials(result, context, findings);
    of_ipv6(result, findings);
    of_silent_bases(result, findings);
    of_servers(result, context, findings);
}

/// Local addresses from which nobody answers, though servers answer from others.
fn of_silent_bases(result: &GatherResult, findings: &mut Vec<Finding>) {
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
        findings.push(Finding::new(
            "silent-local-address",
            Severity::Warning,
            format!("from the local address {local}{interface} no server answers, though they answer from others; {COST}"),
            "have the interface routed, or leave it out: --interface or --local names the one to use",
        ));
    }
}

fn of_interfaces(result: &GatherResult, findings: &mut Vec<Finding>) {
    let hosts = || {
        result
            .candidates
            .iter()
            .filter(|c| c.kind == CandidateType::Host)
    };
    if hosts().next().is_none() && result.candidates.is_empty() && result.servers.is_empty() {
        findings.push(Finding::new(
            "no-network",
            Severity::Error,
            "this machine has no address that another one could reach",
            "check that it is connected to a network; -4 and -6 leave out the other family",
        ));
    }
    let mut seen = BTreeSet::new();
    for candidate in hosts() {
        let Some(name) = &candidate.interface else {
            continue;
        };
        if let Some(kind) = interface::kind_of(name)
            && seen.insert(name.clone())
        {
            findings.push(Finding::new(
                "virtual-interface",
                Severity::Info,
                format!(
                    "{name} ({}) belongs to {}, by its name",
                    candidate.address,
                    kind.text()
                ),
                "peers outside cannot use its candidates and will try them in vain; leave it out with --interface",
            ));
        }
    }
}

fn of_reflexive(result: &GatherResult, findings: &mut Vec<Finding>) {
    let same: BTreeSet<IpAddr> = result
        .redundant
        .iter()
        .filter(|r| r.kind == CandidateType::Srflx && r.same_as == CandidateType::Host)
        .map(|r| r.address)
        .filter(|address| !address.is_loopback())
        .collect();
    for address in same {
        findings.push(Finding::new(
            "no-nat",
            Severity::Info,
            format!("servers see {address} as it is: there is no NAT on its way, so a reflexive candidate would be redundant"),
            "nothing needs to be done; whether a firewall filters, rtcdiag nat tells",
        ));
    }
    let mut by_base: BTreeMap<SocketAddr, BTreeSet<SocketAddr>> = BTreeMap::new();
    for candidate in &result.candidates {
        if candidate.kind == CandidateType::Srflx {
            let seen = by_base.entry(candidate.base).or_default();
            seen.insert(candidate.socket_address());
        }
    }
    for (base, seen) in by_base {
        if seen.len() > 1 {
            let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
            findings.push(Finding::new(
                "several-reflexive-addresses",
                Severity::Warning,
                format!("different servers see {base} as {}: the NAT's mapping depends on the destination, so peers will see yet another address", seen.join(" and ")),
                "rtcdiag nat tells how it maps; have a TURN server ready",
            ));
        }
    }
}

fn of_relayed(result: &GatherResult, findings: &mut Vec<Finding>) {
    let mut unverified = BTreeSet::new();
    for server in &result.servers {
        for relayed in &server.relayed {
            let Some(address) = relayed.address else {
                continue;
            };
            let server_is_public = server.address.is_some_and(|a| is_global(a.ip()));
            if address.ip().is_unspecified() {
                findings.push(Finding::new(
                    "relayed-address-unspecified",
                    Severity::Error,
                    format!(
                        "{} gives {address} as relayed address, which nobody can send to",
                        server.uri
                    ),
                    "tell the server its address (coturn: relay-ip, external-ip)",
                ));
            } else if !is_global(address.ip()) && server_is_public {
                findings.push(Finding::new(
                    "relayed-address-private",
                    Severity::Warning,
                    format!("{} gives the relayed address {address}, which is not public: peers on the internet cannot reach it", server.uri),
                    "tell the server its public address (coturn: external-ip=PUBLIC/PRIVATE)",
                ));
            }
            if relayed.authenticated == Some(false) {
                findings.push(Finding::new(
                    "relay-without-credentials",
                    Severity::Warning,
                    format!(
                        "{} relays for everybody: it asked for no credentials",
                        server.uri
                    ),
                    "have it ask for credentials (coturn: lt-cred-mech or use-auth-secret)",
                ));
            }
            if let Fact::Inconclusive {
                reason: Reason::NoResponse,
                detail,
            } = &relayed.relays
                && unverified.insert(server.uri.clone())
            {
                findings.push(Finding::new(
                    "relay-unverified",
                    Severity::Warning,
                    format!("{} allocated {address}, but {detail}", server.uri),
                    format!("rtcdiag turn {} looks closer", server.uri),
                ));
            }
        }
    }
}

fn of_credentials(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    for expires in &context.credentials_expire {
        if *expires <= context.unix_now {
            findings.push(Finding::new(
                "credentials-expired",
                Severity::Error,
                format!(
                    "the time-limited credentials ended {} ago by this machine's clock",
                    span(context.unix_now - expires)
                ),
                "get fresh ones; if they are fresh, this machine's clock is ahead",
            ));
        } else if result
            .servers
            .iter()
            .any(|s| s.error.as_ref().is_some_and(|e| e.code == "unauthorized"))
        {
            findings.push(Finding::new(
                "credentials-time-limited",
                Severity::Info,
                format!(
                    "the credentials are time-limited and end in {} by this machine's clock",
                    span(expires - context.unix_now)
                ),
                "if the server's clock is ahead of that, it refuses them",
            ));
        }
    }
}

fn of_ipv6(result: &GatherResult, findings: &mut Vec<Finding>) {
    let v6_host = result.candidates.iter().find(|c| {
        c.kind == CandidateType::Host
            && Family::of(c.address) == Family::Ipv6
            && is_global(c.address)
    });
    let unreachable = result.servers.iter().any(|s| {
        s.address.is_some_and(|a| a.is_ipv6())
            && s.error.as_ref().is_some_and(|e| e.code == "unreachable")
    });
    let works = result
        .servers
        .iter()
        .any(|s| s.address.is_some_and(|a| a.is_ipv6()) && s.status == Status::Ok);
    if let (Some(CandidateReport { address, .. }), true, false) = (v6_host, unreachable, works) {
        findings.push(Finding::new(
            "ipv6-without-route",
            Severity::Warning,
            format!("this machine has the IPv6 address {address}, and no route to IPv6 servers"),
            "peers will try it in vain; have IPv6 routed, or leave it out with -4",
        ));
    }
}

fn of_servers(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
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
            hint: error.hint.map(ToOwned::to_owned),
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
    let kind = if server.is_turn {
        CandidateType::Relay
    } else if context.policy == Policy::All && server.transport == Transport::Udp {
        CandidateType::Srflx
    } else {
        return false;
    };
    !super::has(result, kind)
}
