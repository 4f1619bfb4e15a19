//! What is worth knowing about a gathering, and what to do about it.

mod servers;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::{Context, Policy};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::ice::candidate::CandidateType;
use crate::ice::interface;
use crate::nat::address::is_global;
use crate::report::expiry::of_expiry;
use crate::report::gather::{CandidateReport, GatherResult, Status};
use crate::report::{Finding, Severity};

/// Everything.
pub(super) fn of_result(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    of_interfaces(result, context, findings);
    of_reflexive(result, findings);
    of_relayed(result, findings);
    of_credentials(result, context, findings);
    of_ipv6(result, findings);
    servers::of_servers(result, context, findings);
}

fn of_interfaces(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    let hosts = || {
        result
            .candidates
            .iter()
            .filter(|c| c.kind == CandidateType::Host)
    };
    if result.candidates.is_empty() && context.policy == Policy::All {
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
                "peers that are not in that network try its candidates in vain; --interface names the one to gather from instead",
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
    // Where UDP is blocked, no relay can be reached directly, and that is what relays are for.
    let udp_works = super::has(result, CandidateType::Srflx);
    for server in &result.servers {
        for relayed in &server.relayed {
            let Some(address) = relayed.address else {
                continue;
            };
            let server_is_public = server.address.is_some_and(|a| is_global(a.ip()));
            if !is_global(address.ip()) && server_is_public {
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
            if relayed.relays == Fact::Determined(true)
                && relayed.reachable == Fact::Determined(false)
                && udp_works
                && unverified.insert(server.uri.clone())
            {
                findings.push(Finding::new(
                    "relay-unreachable-from-here",
                    Severity::Warning,
                    format!("{} relays to itself, but nothing passes between its relayed address {address} and this host: it may not be the server's real address, or its ports are closed", server.uri),
                    "check the relay addresses and ports (coturn: external-ip, min-port to max-port, UDP)",
                ));
            }
            if let Fact::Inconclusive {
                reason: Reason::NoResponse | Reason::PolicyForbids,
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
    let refused = result
        .servers
        .iter()
        .any(|s| s.error.as_ref().is_some_and(|e| e.code == "unauthorized"));
    let expire = context.credentials_expire.iter();
    findings.extend(expire.filter_map(|expires| of_expiry(*expires, context.unix_now, refused)));
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
