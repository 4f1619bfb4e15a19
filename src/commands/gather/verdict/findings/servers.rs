//! What is wrong with servers, and what that does to others.

mod blocked;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding, Severity};
use crate::base::words::{by_route, counted, listed};
use crate::commands::dead_address::{self, Asked, DeadAddress};
use crate::commands::gather::report::{GatherResult, GatherServerReport, Status};
use crate::commands::gather::verdict::Context;
use crate::commands::misdirected;
use crate::commands::nat::run::DEFAULT_SERVERS;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::stun::uri::{ServerUri, Transport};
use blocked::{is_blocked, of_blocked_udp};

/// Nothing came back from a UDP port; with all but the first, something did from others of its host.
const SILENT_PORT: [Code; 3] = [Code::Timeout, Code::UdpPortBlocked, Code::PortSilent];

/// What ICE agents do with a server that does not answer.
const COST: &str = "gathering there ends only when a silent server is given up, after 5 s with pion and aioice, up to about 40 s in Chrome";

/// What is wrong with servers, each cause once.
pub(super) fn of_servers(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    if of_no_names(result, findings) {
        return;
    }
    let dead = of_dead_addresses(result, findings);
    let is_dead = |server: &GatherServerReport| {
        server
            .address
            .is_some_and(|address| dead.contains(&address.ip()))
    };
    let rows = || result.servers.iter();
    let built_in = is_built_in(result);
    let is_closed = rows().all(|s| s.status == Status::Failed);
    let addresses = || rows().map(|s| (&*s.uri, s.address));
    let all_one = (built_in && is_closed)
        .then(|| misdirected::one_for_all(addresses()))
        .flatten();
    if all_one.is_none() {
        findings.extend(misdirected::private(addresses()));
        findings.extend(misdirected::fake(addresses()));
    }
    findings.extend(all_one);
    if built_in {
        findings.extend(of_built_in(result));
    }
    let silent_bases = of_silent_bases(result, &dead, findings);
    let blocked = of_blocked_udp(result, context, findings);
    // Several bases of one server often fail alike: one finding for each kind of failure.
    let mut seen = BTreeSet::new();
    let mut silent: Vec<String> = Vec::new();
    let mut is_dispensable = true;
    for server in &result.servers {
        let Some(error) = server.error.as_ref().filter(|e| !e.is_cut_short()) else {
            continue;
        };
        let is_said = built_in && (error.code == Code::Dns || SILENT_PORT.contains(&error.code));
        if is_said || (error.code == Code::NameMisdirected && rows().count() > 1) {
            continue;
        }
        if is_dead(server) || (!server.is_default_route && works_elsewhere(server, result)) {
            continue;
        }
        let of_base = server
            .local_address
            .is_some_and(|local| silent_bases.contains(&local));
        let explained = (error.code == Code::Timeout && of_base)
            || ((is_silence(error) || error.code == Code::PortSilent)
                && is_blocked(server, &blocked));
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
        if is_waited_for(error) {
            silent.push(name.clone());
            is_dispensable &= has_another(server, result);
        }
        let severity = if needed(server, result, context) {
            Severity::Error
        } else {
            Severity::Warning
        };
        findings.push(Finding {
            code: finding_code(error.code),
            severity,
            message: format!(
                "{name}: {} ({stage}){}",
                error.message,
                route(server, error, result)
            ),
            hint: hint(server, error, result).map(ToOwned::to_owned),
        });
    }
    let is_fatal = rows().all(|s| {
        s.error
            .as_ref()
            .is_some_and(|e| e.code == Code::NameMisdirected)
    });
    if rows().count() > 1 {
        let errors = rows().map(|s| (&*s.uri, s.error.as_ref()));
        findings.extend(misdirected::finding(errors, is_fatal));
    }
    silent.dedup();
    if context.stopped.is_none() && !silent.is_empty() {
        findings.push(stragglers(&silent, is_dispensable));
    }
}

/// What silent servers cost, and whether to do without them.
fn stragglers(silent: &[String], is_dispensable: bool) -> Finding {
    Finding::new(
        Code::Stragglers,
        format!(
            "{} would hold up other applications: {COST}",
            listed(silent)
        ),
        if is_dispensable {
            "take servers that do not answer out of the configuration"
        } else {
            "have mended what keeps them from answering; until then calls from here begin that much later"
        },
    )
}

/// Which way leads to a silent server, where there is more than one that may.
fn route(server: &GatherServerReport, error: &ErrorReport, result: &GatherResult) -> String {
    let (Some(interface), Some(local)) = (&server.interface, server.local_address) else {
        return String::new();
    };
    let hosts = result.candidates.iter();
    let interfaces: BTreeSet<&String> = hosts
        .filter(|c| c.kind == CandidateType::Host && c.address.is_ipv4() == local.is_ipv4())
        .filter_map(|c| c.interface.as_ref())
        .collect();
    let is_unheard = is_silence(error) || error.code == Code::PortSilent;
    if !is_unheard || !server.is_default_route || interfaces.len() < 2 {
        return String::new();
    }
    by_route(interface, local)
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
    if error.code == Code::Refused && server.transport == Transport::Udp && by_tcp {
        return Some(
            "it answers over TCP or TLS: it has no UDP on this port, or a firewall rejects it there",
        );
    }
    if error.code == Code::PortSilent && by_tcp {
        return Some(
            "it answers over TCP or TLS, so it runs: use TURN over TCP or TLS, or over UDP on another port, or have this port opened: on the way, and on the server if it is yours",
        );
    }
    let by_other_port = result.servers.iter().any(|s| {
        s.transport == Transport::Udp
            && s.status == Status::Ok
            && s.address.map(|a| a.ip()) == server.address.map(|a| a.ip())
            && s.address.map(|a| a.port()) != server.address.map(|a| a.port())
    });
    if error.code == Code::Timeout && server.transport == Transport::Udp && by_other_port {
        return Some(
            "the same host answers on another UDP port: this port is blocked on the way or at the server",
        );
    }
    let silent_hosts: BTreeSet<IpAddr> = result
        .servers
        .iter()
        .filter(|s| s.transport == Transport::Udp && s.error.as_ref().is_some_and(is_silence))
        .filter_map(|s| s.address.map(|a| a.ip()))
        .collect();
    let nobody = result.servers.iter().all(|s| s.status == Status::Failed);
    if error.code == Code::Timeout
        && server.transport == Transport::Udp
        && nobody
        && silent_hosts.len() > 1
        && error.message == "no answer over UDP"
    {
        return Some(
            "all that were asked are silent over UDP: it may be blocked on this path, and rtcdiag nat finds out whether it is",
        );
    }
    if error.code == Code::AllocationQuotaReached {
        Some(
            "rtcdiag asks for one allocation for each TURN URI, local address and family at the same time, as a browser does for each URI; if those are more than the server allows, have the quota raised (coturn: user-quota, total-quota); otherwise wait until earlier ones end, which takes up to 10 minutes where a program did not give them back",
        )
    } else {
        error.hint
    }
}

/// Errors keep their own code as findings, but for those that mean nothing without a server.
const fn finding_code(code: Code) -> Code {
    match code {
        Code::Timeout => Code::ServerSilent,
        Code::Refused => Code::ServerRefused,
        Code::Unreachable => Code::ServerUnreachable,
        Code::Closed => Code::ServerClosed,
        Code::Dns => Code::ServerUnresolved,
        other => other,
    }
}

fn works_elsewhere(server: &GatherServerReport, result: &GatherResult) -> bool {
    result
        .servers
        .iter()
        .any(|s| s.uri == server.uri && s.status == Status::Ok)
}

/// Whether another host does over UDP what this one should: then it is not this network, and it is not needed.
fn has_another(server: &GatherServerReport, result: &GatherResult) -> bool {
    let address = |s: &GatherServerReport| s.address.map(|a| a.ip());
    result.servers.iter().any(|other| {
        other.transport == Transport::Udp
            && other.status == Status::Ok
            && (other.is_turn || !server.is_turn)
            && address(other) != address(server)
            && address(other).map(Family::of) == address(server).map(Family::of)
    })
}

/// Whether no other server gives what this one should have given.
fn needed(server: &GatherServerReport, result: &GatherResult, context: &Context) -> bool {
    let reflexive = !context.takes_relays_alone()
        && crate::commands::gather::verdict::promises_reflexive(server);
    crate::commands::gather::verdict::are_all_in_vain(result)
        || (server.is_turn && !crate::commands::gather::verdict::has(result, CandidateType::Relay))
        || (reflexive && !crate::commands::gather::verdict::has(result, CandidateType::Srflx))
}

/// Names that none of the servers has: then what is wrong with each is no news.
fn of_no_names(result: &GatherResult, findings: &mut Vec<Finding>) -> bool {
    let without_name =
        |s: &GatherServerReport| s.error.as_ref().is_some_and(|e| e.code == Code::Dns);
    let none = result.servers.len() > 1 && result.servers.iter().all(without_name);
    if none {
        let (message, hint) = if is_built_in(result) {
            (
                "none of the built-in servers could be resolved: DNS does not work here",
                "check this machine's network and its DNS settings; with a server's IP address (-s) it is tested without DNS",
            )
        } else {
            (
                "none of the server names could be resolved",
                "check the spelling and the DNS settings, or name a server by its IP address with -s",
            )
        };
        findings.push(Finding::new(Code::NoServerResolved, message, hint));
    }
    none
}

/// Whether nobody named a server: advice on names and configurations is then beside the point.
fn is_built_in(result: &GatherResult) -> bool {
    let mut servers = result.servers.iter();
    !result.servers.is_empty() && servers.all(|s| DEFAULT_SERVERS.contains(&&*s.uri))
}

/// Built-in servers that are not resolved or silent, in a line each.
fn of_built_in(result: &GatherResult) -> Vec<Finding> {
    let all: BTreeSet<&str> = result.servers.iter().map(|s| &*s.uri).collect();
    let failed = |codes: &[Code]| {
        let rows = result.servers.iter();
        let rows = rows.filter(|s| s.error.as_ref().is_some_and(|e| codes.contains(&e.code)));
        rows.filter(|s| !works_elsewhere(s, result))
            .map(|s| &*s.uri)
            .collect::<BTreeSet<&str>>()
    };
    let mut findings = Vec::new();
    let unresolved = failed(&[Code::Dns]);
    if !unresolved.is_empty() {
        findings.push(
            Finding::new(
                Code::ServerUnresolved,
                format!(
                    "{} could not be resolved",
                    counted(unresolved.len(), "built-in server")
                ),
                "where many fail, look at this machine's DNS settings",
            )
            .severity(Severity::Info),
        );
    }
    let silent = failed(&SILENT_PORT);
    let gets_out = !failed(&SILENT_PORT[1..]).is_empty();
    if !silent.is_empty() {
        let all_silent = silent.len() + unresolved.len() == all.len();
        let (severity, hint) = if all_silent && gets_out {
            (
                Severity::Error,
                "UDP gets to some of their hosts, and nothing comes back from these ports: rtcdiag nat tells what gets through",
            )
        } else if all_silent {
            (
                Severity::Error,
                "UDP is blocked, or there is no internet here: rtcdiag nat finds out which",
            )
        } else {
            (
                Severity::Info,
                "public servers come and go; the others answered",
            )
        };
        findings.push(
            Finding::new(
                Code::ServerSilent,
                format!(
                    "{} of {} built-in servers {} silent over UDP",
                    silent.len(),
                    all.len(),
                    if silent.len() == 1 { "is" } else { "are" }
                ),
                hint,
            )
            .severity(severity),
        );
    }
    findings
}

/// Addresses at which a server does not answer that answers over the other family. Where several
/// servers do not, and none does over that family, it is not they.
fn of_dead_addresses(result: &GatherResult, findings: &mut Vec<Finding>) -> BTreeSet<IpAddr> {
    let hosts: Vec<String> = result.servers.iter().map(host_of).collect();
    let asked: Vec<Asked<'_>> = result
        .servers
        .iter()
        .zip(&hosts)
        .filter_map(|(server, host)| {
            Some(Asked {
                host,
                address: server.address?.ip(),
                transport: server.transport,
                error: server.error.as_ref(),
            })
        })
        .collect();
    let mut dead = dead_address::all_of(&asked);
    for family in [Family::Ipv4, Family::Ipv6] {
        let of_family = |address: IpAddr| Family::of(address) == family;
        let works = asked
            .iter()
            .any(|one| of_family(one.address) && one.error.is_none());
        let several = dead.iter().filter(|one| of_family(one.address)).count() > 1;
        if several && !works {
            dead.retain(|one| !of_family(one.address) || one.is_refused);
        }
    }
    findings.extend(dead.iter().map(DeadAddress::finding));
    dead.iter().map(|one| one.address).collect()
}

fn host_of(server: &GatherServerReport) -> String {
    let uri: Result<ServerUri, _> = server.uri.parse();
    uri.map_or_else(|_| server.uri.clone(), |uri| uri.host.to_string())
}

/// Whether an application waits for it in vain: who closes the connection at once is given up at once.
fn is_waited_for(error: &ErrorReport) -> bool {
    match error.code {
        code if SILENT_PORT.contains(&code) => true,
        Code::TurnSilent | Code::SilentAfterChallenge => true,
        Code::NothingBehind => !error.message.contains("close"),
        _ => false,
    }
}

/// Nothing came back, or a router on the way said no.
fn is_silence(error: &ErrorReport) -> bool {
    matches!(error.code, Code::Timeout | Code::Unreachable)
}

/// Local addresses from which nobody answers, though servers answer from others.
fn of_silent_bases(
    result: &GatherResult,
    dead: &BTreeSet<IpAddr>,
    findings: &mut Vec<Finding>,
) -> BTreeSet<IpAddr> {
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
            .filter(|s| {
                s.address
                    .is_none_or(|address| !dead.contains(&address.ip()))
            })
            .collect();
        let silent =
            |s: &&&GatherServerReport| s.error.as_ref().is_some_and(|e| e.code == Code::Timeout);
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
                "IPv4 of this interface seems to lead nowhere: have it fixed, or leave it out with -6"
            }
            (true, false) => {
                "IPv6 of this interface seems to lead nowhere: have it fixed, or leave it out with -4"
            }
            (false, _) => {
                "give the interface a route; --interface or --local names the one to gather from instead"
            }
        };
        found.insert(local);
        findings.push(Finding::new(
            Code::SilentLocalAddress,
            format!("from the local address {local}{interface} no server answers, though servers answer from others; {COST}"),
            hint,
        ));
    }
    found
}
