//! What is worth knowing about a result, and what to do about it.

use super::{all_failed_with, all_unreachable, router, translation};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::address::is_global;
use crate::nat::behavior::{AddressPooling, Mapping, Udp};
use crate::report::nat::paths::are_several;
use crate::report::nat::{NatResult, PathReport, ServerReport};
use crate::report::{Finding, Severity};

/// Says so where nothing could be asked at all; what is wrong with each server is then no news.
pub(super) fn of_no_network(result: &NatResult, findings: &mut Vec<Finding>) -> bool {
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
    } else if all_failed_with(result, &["wrong-family"]) {
        findings.push(Finding::new(
            "wrong-family",
            Severity::Error,
            "no server named has an address of the family asked for",
            "leave -4 or -6 out, or name a server with an address of that family",
        ));
    } else if all_unreachable(result) {
        findings.push(Finding::new(
            "no-network",
            Severity::Error,
            "there is no route to any server",
            "check that this machine has a network of the servers' address family; where IPv4 is missing and a NAT64 is there, name its prefix with --nat64-prefix",
        ));
    } else {
        return false;
    }
    true
}

/// Whether UDP gets through, and what to do where it does not.
fn of_udp(path: &PathReport, result: &NatResult, findings: &mut Vec<Finding>) {
    let all = &result.paths;
    let family = path.family_name();
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
                format!("UDP over {family} to the servers is blocked on this path"),
                if tcp {
                    "use TURN over TCP or TLS, or have UDP opened in the firewall, this host's own included"
                } else {
                    "have UDP to the internet opened in the firewall, this host's own included, at least to your STUN and TURN servers"
                },
            ));
        }
        Fact::Determined(Udp::Open)
        | Fact::Inconclusive {
            reason: Reason::Interrupted | Reason::Timeout,
            ..
        } => {}
        Fact::NotTested { .. } => findings.push(Finding::new(
            "no-udp-server",
            Severity::Warning,
            format!("no server was named that is asked over UDP and {family}, and NAT behaviour is about UDP"),
            "name a server with stun: or turn: and -s",
        )),
        Fact::Inconclusive { detail, .. } if path.via_nat64 => findings.push(Finding::new(
            "nat64-silent",
            if all.iter().any(PathReport::is_open) {
                Severity::Warning
            } else {
                Severity::Error
            },
            silence(path, detail),
            "check the NAT64 prefix, and ask more servers with -s",
        )),
        Fact::Inconclusive { .. } if all_failed_with(result, &["refused"]) => {
            findings.push(Finding::new(
                "refused",
                Severity::Error,
                format!("{family}: nothing listens at the servers named: they refuse (ICMP port unreachable)"),
                "check the ports, and that the servers run; or ask others with -s",
            ));
        }
        Fact::Inconclusive { detail, .. } if !all.iter().any(PathReport::is_open) => {
            findings.push(Finding::new(
                "no-answer",
                Severity::Error,
                format!("{family}: {detail}"),
                "ask more servers with -s; if those that are known to work are silent too, UDP is blocked",
            ));
        }
        Fact::Inconclusive { detail, .. } => findings.push(Finding::new(
            "path-silent",
            Severity::Warning,
            format!("{family}: {detail}"),
            hint_of_silence(path, are_several(all)),
        )),
    }
}

/// What is worth knowing about a path.
pub(super) fn of_path(path: &PathReport, result: &NatResult, findings: &mut Vec<Finding>) {
    let family = path.family_name();
    of_udp(path, result, findings);
    router::of_path(path, findings);
    if !path.is_open() {
        return;
    }
    translation::of_path(path, findings);
    fact_finding("mapping", family, &path.mapping, findings);
    fact_finding("filtering", family, &path.filtering, findings);
    if let Some(local) = path.reflexive_addresses.iter().find(|a| !is_global(a.ip())) {
        findings.push(Finding::new(
            "reflexive-not-public",
            Severity::Warning,
            format!("a server sees {local}, which is no public address: it stands on this side of the internet, and the {family} verdict goes no further"),
            "ask a server on the public internet with -s",
        ));
    }
    if path.alg == Fact::Determined(true) {
        findings.push(Finding::new(
            "alg",
            Severity::Warning,
            format!("something on the {family} path rewrites addresses inside packets (an application-level gateway)"),
            "turn off \"SIP ALG\" or similar in the router: it breaks VoIP more often than it helps",
        ));
    }
    if path.address_pooling.value() == Some(&AddressPooling::Arbitrary) {
        findings.push(Finding::new(
            "address-pooling-arbitrary",
            Severity::Warning,
            format!("the {family} NAT gives one host several external addresses"),
            "calls that open several ports may fail; have the NAT pair addresses (RFC 4787 REQ-2), or use a relay",
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

/// What is said where nobody answered through a NAT64.
fn silence(path: &PathReport, detail: &str) -> String {
    match &path.nat64_prefix {
        Fact::Inconclusive { detail: why, .. } => {
            format!("{}: {detail}; {why}", path.family_name())
        }
        _ => format!("{}: {detail}", path.family_name()),
    }
}

fn hint_of_silence(path: &PathReport, several: bool) -> String {
    let family = path.family;
    if several && path.default_route == Some(true) {
        return "programs that do not choose go this way: look at the cable, the routes (ip route) and the firewalls; if other servers answer over it, it is these".to_owned();
    }
    if several {
        return "harmless, unless this interface is meant to lead to the internet; then look at its routes (ip route)".to_owned();
    }
    let other = match family {
        Family::Ipv4 => 6,
        Family::Ipv6 => 4,
    };
    format!(
        "leave {} out with -{other} if it is not meant to work",
        family.name()
    )
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
        Reason::AddressPooling => (
            "address-pooling",
            "have the NAT pair addresses (RFC 4787 REQ-2); until then have a TURN server ready",
        ),
        Reason::EndpointDependent => (
            "endpoint-dependent",
            "add a server with RFC 5780 with -s to learn on what the mapping depends; a relay will be needed for many peers either way",
        ),
        Reason::Contradiction => (
            "contradiction",
            "run it again in some minutes, since an earlier test from this host may have left traces in the NAT, or with other servers; -v shows every answer",
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
        // The prefix has a finding of its own.
        Reason::Interrupted | Reason::Timeout | Reason::NoNat64Prefix => return,
        _ => ("inconclusive", "run it again with -v to see every answer"),
    };
    findings.push(Finding::new(
        code,
        Severity::Warning,
        format!("{family} {name} could not be determined: {detail}"),
        hint,
    ));
}

/// What is worth knowing about a server.
pub(super) fn of_server(server: &ServerReport, findings: &mut Vec<Finding>) {
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
            "translated" => (
                "server-behind-nat64",
                "name the prefix of the NAT64 with --nat64-prefix, so that it is tested as a path of its own",
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
            format!("{name} offers RFC 5780, but it is of no use from here: {flaw}"),
            "it still serves for the public address; name another server with RFC 5780, or this one by its first address",
        ));
    }
}
