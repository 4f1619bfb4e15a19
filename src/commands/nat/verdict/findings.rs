//! What is worth knowing about a result, and what to do about it.

mod reflexive;
mod servers;

pub use servers::v4_mapped;
pub(super) use servers::{of_credentials, of_server, of_streams_alone};

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding, Severity};
use crate::base::words::counted;
use crate::commands::misdirected;
use crate::commands::nat::report::paths::are_several;
use crate::commands::nat::report::{NatResult, PathReport, ServerReport};
use crate::commands::nat::verdict::interfaces::HINT_OF_SILENCE;
use crate::commands::nat::verdict::{all_failed_with, all_unreachable, is_built_in, is_open};
use crate::commands::nat::{nat64, router};
use crate::proto::nat::behavior::words::{AddressPooling, Mapping, Udp};
use servers::Others;

/// What is wrong with a server of which there is no address to ask.
const NO_ADDRESS: &[Code] = &[Code::Dns, Code::NameMisdirected, Code::BroadcastAddress];

/// Says so where nothing could be asked at all; what is wrong with each server is then no news.
pub(super) fn of_no_network(result: &NatResult, findings: &mut Vec<Finding>) -> bool {
    if result.servers.is_empty() {
        return false;
    }
    if all_failed_with(result, NO_ADDRESS) {
        let all = all_failed_with(result, &[Code::Dns]);
        findings.extend(all.then(|| no_server_resolved(result)));
    } else if all_failed_with(result, &[Code::WrongFamily]) {
        findings.push(Finding::new(
            Code::WrongFamily,
            "no server named has an address of the family asked for",
            "leave -4 or -6 out, or name a server with an address of that family",
        ));
    } else if all_unreachable(result) {
        findings.push(Finding::new(
            Code::NoNetwork,
            no_route(result),
            "check that this machine has a network of the servers' address family; where IPv4 is missing and a NAT64 is there, name its prefix with --nat64-prefix",
        ));
    } else {
        return false;
    }
    true
}

fn no_server_resolved(result: &NatResult) -> Finding {
    if is_built_in(result) {
        return Finding::new(
            Code::NoServerResolved,
            "none of the built-in servers could be resolved: DNS does not work here",
            "check this machine's network and its DNS settings; with a server's IP address (-s) it is tested without DNS",
        );
    }
    Finding::new(
        Code::NoServerResolved,
        none_resolved(result),
        only_error(result).and_then(|e| e.hint).unwrap_or(
            "check the spelling and the DNS settings, or name a server by its IP address with -s",
        ),
    )
}

/// That no name has an address, and why if there is one name alone.
pub(super) fn none_resolved(result: &NatResult) -> String {
    only_error(result).map_or_else(
        || "none of the server names could be resolved".to_owned(),
        |error| error.message.clone(),
    )
}

/// The error of the only server that was named.
fn only_error(result: &NatResult) -> Option<&ErrorReport> {
    match &result.servers[..] {
        [server] => server.error.as_ref(),
        _ => None,
    }
}

/// What no route means where all servers have addresses of one family.
pub(super) fn no_route(result: &NatResult) -> &'static str {
    let mut addresses = result.servers.iter().filter_map(|s| s.address).peekable();
    if addresses.peek().is_some() && addresses.all(|a| a.is_ipv6()) {
        "there is no route to any server: they have IPv6 addresses alone, and this machine has no way to IPv6"
    } else {
        "there is no route to any server"
    }
}

/// Built-in servers that have no address, in one line.
pub(super) fn of_unresolved(result: &NatResult) -> Option<Finding> {
    let without = |s: &&ServerReport| s.error.as_ref().is_some_and(|e| e.code == Code::Dns);
    let count = result.servers.iter().filter(without).count();
    (count > 0).then(|| {
        Finding::new(
            Code::ServerUnresolved,
            format!(
                "{} could not be resolved",
                counted(count, "built-in server")
            ),
            "the others were asked; where many fail, look at this machine's DNS settings",
        )
        .severity(Severity::Info)
    })
}

/// What it means that all servers refuse: several hosts seldom have nothing there.
pub(super) fn who_refuses(result: &NatResult) -> &'static str {
    let hosts: BTreeSet<IpAddr> = result
        .servers
        .iter()
        .filter_map(|s| Some(s.address?.ip()))
        .collect();
    if hosts.len() > 1 {
        "all servers refuse: nothing listens at any of them, or a router answers in their name, as a captive portal does until somebody logs in"
    } else {
        "nothing listens at the servers named: they refuse"
    }
}

/// Names that lead nowhere, and private addresses of public names.
pub(super) fn of_names(result: &NatResult) -> Vec<Finding> {
    let rows = result.servers.iter();
    let errors = rows.clone().map(|s| (&*s.uri, s.error.as_ref()));
    let is_fatal = all_failed_with(result, NO_ADDRESS);
    let addresses = rows.map(|s| (&*s.uri, s.address));
    let misdirected = misdirected::finding(errors, is_fatal);
    let closed = !is_open(&result.paths) && is_built_in(result);
    let all_one = closed
        .then(|| misdirected::one_for_all(addresses.clone()))
        .flatten();
    let private = match all_one {
        // Then each by itself is no news.
        Some(_) => None,
        None => misdirected::private(addresses),
    };
    let fake = misdirected::fake(result.servers.iter().map(|s| (&*s.uri, s.address)));
    let no_address = result
        .paths
        .iter()
        .filter(|p| !p.is_open() && !p.is_aside)
        .find_map(|p| misdirected::self_assigned(p.local_address, p.interface.as_deref()));
    misdirected
        .into_iter()
        .chain(all_one)
        .chain(private)
        .chain(fake)
        .chain(no_address)
        .chain(of_broadcast(result, is_fatal))
        .collect()
}

fn of_broadcast(result: &NatResult, is_fatal: bool) -> Option<Finding> {
    let errors = result.servers.iter().filter_map(|s| s.error.as_ref());
    let found = errors.clone().find(|e| e.code == Code::BroadcastAddress)?;
    let severity = if is_fatal {
        Severity::Error
    } else {
        Severity::Warning
    };
    let hint = found.hint.unwrap_or_default();
    Some(Finding::new(found.code, found.message.clone(), hint).severity(severity))
}

fn of_udp(path: &PathReport, result: &NatResult, findings: &mut Vec<Finding>) {
    let all = &result.paths;
    let family = path.family_name();
    if path.closed.is_some() {
        // What shows it is a finding already.
        return;
    }
    match &path.facts.udp {
        Fact::Determined(Udp::Blocked) => {
            let severity = if is_open(all) {
                Severity::Warning
            } else {
                Severity::Error
            };
            let tcp = path.tcp.open == Fact::Determined(true);
            findings.push(Finding::new(
                Code::UdpBlocked,
                format!("UDP over {family} to the servers is blocked on this path"),
                if tcp {
                    "use TURN over TCP or TLS, or have UDP opened in the firewall, including this host's own"
                } else {
                    "have UDP to the internet opened in the firewall, including this host's own, at least to your STUN and TURN servers"
                }).severity(severity));
        }
        Fact::Determined(Udp::Open)
        | Fact::Inconclusive {
            reason: Reason::Interrupted | Reason::Timeout,
            ..
        } => {}
        Fact::NotTested { .. } => findings.push(Finding::new(
            Code::NoUdpServer,
            format!("no server was named that can be asked over UDP and {family}, and NAT behaviour is about UDP"),
            "name a server with stun: or turn: and -s",
        )),
        Fact::Inconclusive { detail, .. } if path.via_nat64 => findings.push(Finding::new(
            Code::Nat64Silent,
            silence(path, detail),
            "check the NAT64 prefix, and ask more servers with -s",
        ).severity(if is_open(all) {
                Severity::Warning
            } else {
                Severity::Error
            })),
        Fact::Inconclusive { .. } if all_failed_with(result, &[Code::Refused]) => {
            findings.push(Finding::new(
                Code::Refused,
                format!("{family}: {} (ICMP port unreachable)", who_refuses(result)),
                "check the ports, and that the servers run; or ask others with -s",
            ));
        }
        Fact::Inconclusive { detail, .. } if !is_open(all) => {
            findings.push(Finding::new(
                Code::NoAnswer,
                format!("{family}: {detail}"),
                if is_built_in(result) {
                    "look at the firewalls on the way, this machine's own included; a server of your own can be named with -s"
                } else {
                    "ask more servers with -s; if those that are known to work are silent too, UDP is blocked"
                },
            ));
        }
        Fact::Inconclusive { detail, .. } => findings.push(Finding::new(
            Code::PathSilent,
            format!("{family}: {detail}"),
            hint_of_silence(path, are_several(all)))),
    }
}

pub(super) fn of_path(path: &PathReport, result: &NatResult, findings: &mut Vec<Finding>) {
    let family = path.family_name();
    of_udp(path, result, findings);
    if path.is_aside {
        return;
    }
    router::verdict::of_path(path, findings);
    if !path.is_open() {
        return;
    }
    nat64::verdict::of_path(path, findings);
    let untold = path.facts.reflexive_addresses.is_empty() && of_credentials(result).is_some();
    if !untold {
        let others = Others::of(path, result);
        fact_finding("mapping", family, &path.facts.mapping, others, findings);
        fact_finding("filtering", family, &path.facts.filtering, others, findings);
    }
    findings.extend(reflexive::not_public(path));
    if path.facts.alg == Fact::Determined(true) {
        findings.push(Finding::new(
            Code::Alg,
            format!("something on the {family} path rewrites addresses inside packets (an application-level gateway)"),
            "turn off \"SIP ALG\" or similar in the router: it breaks VoIP more often than it helps",
        ));
    }
    if path.facts.address_pooling.value() == Some(&AddressPooling::Arbitrary) {
        findings.push(Finding::new(
            Code::AddressPoolingArbitrary,
            format!("the {family} NAT gives one host several external addresses"),
            "calls that open several ports may fail; set the NAT to paired address pooling (RFC 4787 REQ-2), or use a relay",
        ));
    }
    if path.facts.port_moves == Fact::Determined(true) {
        findings.push(Finding::new(
            Code::PortMoved,
            format!("the {family} NAT gives a peer another external port if the peer's packet came first, though its mapping is endpoint-independent otherwise: it keeps packets that it does not let in"),
            "have the router drop what comes to its external ports unsolicited (on Linux: a rule in the input chain that drops UDP from outside), or have a TURN server ready",
        ));
    }
    if path.facts.mapping.is_determined()
        && path.facts.mapping.value() != Some(&Mapping::EndpointIndependent)
    {
        findings.push(Finding::new(
            Code::EndpointDependentMapping,
            format!("the {family} mapping depends on the destination, so the address that a STUN server sees is not the one that a peer needs"),
            "have a TURN server ready: many peers can be reached only through a relay",
        ));
    }
}

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
        return "programs that do not choose an interface use this one: check the cable, the routes (ip route) and the firewalls; if other servers answer over it, the problem is these servers".to_owned();
    }
    if several {
        return HINT_OF_SILENCE.to_owned();
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
fn fact_finding<T>(
    name: &str,
    family: &str,
    fact: &Fact<T>,
    others: Others,
    findings: &mut Vec<Finding>,
) {
    let Fact::Inconclusive { reason, detail } = fact else {
        return;
    };
    let (code, hint) = match reason {
        Reason::NoBehaviorDiscovery => (
            Code::NoBehaviorDiscovery,
            "add a server with RFC 5780 with -s, for example coturn on a host with two addresses",
        ),
        Reason::ServerIgnoresChangeRequest | Reason::ServerDropsChangeRequest => (
            Code::ServerIgnoresChangeRequest,
            "ask another server with RFC 5780 with -s",
        ),
        Reason::AlternateUnreachable => (
            Code::AlternateUnreachable,
            "ask another server with RFC 5780 with -s: if its other address is silent too, a firewall here drops UDP to such ports; else the operator of this one should open both addresses and ports",
        ),
        Reason::SingleServer => (
            Code::SingleServer,
            match others {
                Others::None => "name a second server on another IP address with -s",
                Others::Silent => {
                    "the other servers named did not answer: ask one that does, on another IP address, with -s"
                }
                Others::Heard => {
                    "what the others named answered cannot be used: ask another one, on another IP address, with -s"
                }
            },
        ),
        Reason::AddressPooling => (
            Code::AddressPooling,
            "set the NAT to paired address pooling (RFC 4787 REQ-2); until then have a TURN server ready",
        ),
        Reason::EndpointDependent => (
            Code::EndpointDependent,
            "add a server with RFC 5780 with -s to learn what the mapping depends on; a relay will be needed for many peers either way",
        ),
        Reason::TooFewServers => (
            Code::Contradiction,
            "ask a third server, of another operator, with -s: the one that it agrees with is right, and where all three differ, this host has several external addresses and many peers need a relay",
        ),
        Reason::Contradiction => (
            Code::Contradiction,
            "run it again in a few minutes, since an earlier test from this host may have left traces in the NAT, or with other servers; -v shows every answer",
        ),
        Reason::MappingChanged => (
            Code::MappingChanged,
            "run it again: a NAT that restarts or a link that changes looks like this once",
        ),
        Reason::PacketLoss => (
            Code::PacketLoss,
            "run it again when the network is less busy, or over a cable",
        ),
        Reason::AlternateVisited => (
            Code::AlternateVisited,
            "name only one address of the server with -s",
        ),
        // The prefix and the server have findings of their own.
        Reason::Interrupted
        | Reason::Timeout
        | Reason::NoNat64Prefix
        | Reason::SourceRewritten
        | Reason::StunError
        | Reason::Malformed
        | Reason::Unusable
        | Reason::WrongSource => return,
        _ => (
            Code::Inconclusive,
            "run it again with -v to see every answer",
        ),
    };
    findings.push(
        Finding::new(
            code,
            format!("{family} {name} could not be determined: {detail}"),
            hint,
        )
        .severity(Severity::Warning),
    );
}
