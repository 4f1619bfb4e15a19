//! What each side has, and lacks.

use std::collections::BTreeSet;

use crate::family::Family;
use crate::ice::candidate::CandidateType;
use crate::ice::facts::NatFacts;
use crate::ice::interface;
use crate::nat::behavior::Udp;
use crate::report::gather::{self, CandidateReport, GatherResult, GatherServerReport, Policy};
use crate::report::pair::{Context, PairResult, PairState, SideCandidate, SideReport};
use crate::report::{Finding, Millis, Severity};
use crate::stun::uri::Transport;

/// This side's servers and interfaces, as `gather` reports them.
pub(in crate::report::pair) fn of_servers(
    result: &PairResult,
    context: &Context,
    findings: &mut Vec<Finding>,
) {
    let gathered = GatherResult {
        candidates: result.local.candidates.iter().map(gathered).collect(),
        redundant: Vec::new(),
        servers: result
            .servers
            .iter()
            .filter(|server| !is_cut_off(server, result))
            .cloned()
            .collect(),
        complete_ms: Millis::default(),
    };
    let policy = if context.relay_only {
        Policy::Relay
    } else {
        Policy::All
    };
    let of_gather = gather::Context {
        policy,
        ..gather::Context::default()
    };
    // What ends well all the same is no error.
    let worst = if result.state == PairState::Connected {
        Severity::Warning
    } else {
        Severity::Error
    };
    let found = gather::verdict(&gathered, &of_gather).findings;
    // Before gathering has ended, a missing address means nothing.
    let is_known = |finding: &Finding| finding.code != "no-network" || result.local.is_complete;
    let found = found.into_iter().filter(is_known);
    findings.extend(found.map(|finding| Finding {
        severity: finding.severity.min(worst),
        ..finding
    }));
}

/// Whether a server is silent since UDP is blocked: then it is not to blame.
fn is_cut_off(server: &GatherServerReport, result: &PairResult) -> bool {
    let is_silent = server.error.as_ref().is_some_and(|e| e.code == "timeout");
    let family = server.address.map(|address| Family::of(address.ip()));
    let is_blocked =
        |nat: &NatFacts| Some(nat.family) == family && nat.udp.value() == Some(&Udp::Blocked);
    is_silent && server.transport == Transport::Udp && result.local.nats.iter().any(is_blocked)
}

/// The base of a reflexive candidate is its related address.
fn gathered(candidate: &SideCandidate) -> CandidateReport {
    let own = std::net::SocketAddr::new(candidate.address, candidate.port);
    let base = match (candidate.related_address, candidate.related_port) {
        (Some(ip), Some(port)) if candidate.kind != CandidateType::Relay => {
            std::net::SocketAddr::new(ip, port)
        }
        _ => own,
    };
    CandidateReport {
        kind: candidate.kind,
        transport: candidate.transport,
        address: candidate.address,
        port: candidate.port,
        related_address: candidate.related_address,
        related_port: candidate.related_port,
        base,
        foundation: candidate.foundation.clone(),
        component: candidate.component,
        priority: candidate.priority,
        interface: candidate.interface.clone(),
        server: candidate.server.clone(),
        relay_transport: candidate.relay_transport,
        found_ms: candidate.found_ms,
        sdp: candidate.sdp.clone(),
    }
}

/// What the facts and candidates of both sides show.
pub(in crate::report::pair) fn of_sides(result: &PairResult, findings: &mut Vec<Finding>) {
    of_blocked_udp(result, findings);
    of_remote_interfaces(&result.remote, findings);
    if result.state == PairState::Failed && !result.remote.is_complete {
        findings.push(Finding::new(
            "remote-incomplete",
            Severity::Info,
            "the other side has not said that all its candidates are known: some may be missing",
            "look at the other side's output for servers that do not answer",
        ));
    }
}

fn of_blocked_udp(result: &PairResult, findings: &mut Vec<Finding>) {
    let severity = if result.state == PairState::Connected {
        Severity::Warning
    } else {
        Severity::Error
    };
    for (side, code, place) in [
        (&result.local, "udp-blocked", "here"),
        (&result.remote, "peer-udp-blocked", "on the other side"),
    ] {
        // Servers that answer over TCP have shown it already.
        if findings.iter().any(|f| f.code == code) {
            continue;
        }
        for nat in &side.nats {
            if nat.udp.value() == Some(&Udp::Blocked) {
                findings.push(Finding::new(
                    code,
                    severity,
                    format!("UDP over {} is blocked {place}", nat.family.name()),
                    "connections from there need TURN over TCP or TLS, named as turn:HOST?transport=tcp or turns:HOST; or have UDP to the internet opened in the firewall",
                ));
            }
        }
    }
}

fn of_remote_interfaces(side: &SideReport, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for candidate in &side.candidates {
        let Some(name) = candidate.interface.as_ref() else {
            continue;
        };
        if let Some(kind) = interface::kind_of(name)
            && seen.insert(name)
        {
            findings.push(Finding::new(
                "peer-virtual-interface",
                Severity::Info,
                format!(
                    "{name} of the other side ({}) belongs to {}, by its name",
                    candidate.address,
                    kind.text()
                ),
                "pairs with it work only inside that network; --interface on that side names the one to use instead",
            ));
        }
    }
}
