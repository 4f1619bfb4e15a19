//! What is worth knowing about the router and the NATs behind it.

use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::{Finding, Severity};
use crate::commands::nat::report::PathReport;
use crate::proto::nat::address::is_shared;
use crate::proto::nat::router::layers;
use crate::proto::nat::router::ssdp::Bystander;
use crate::proto::nat::router::{Meaning, Protocol, Reply};

pub fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    let router = path
        .port_mapping
        .router
        .map_or_else(|| "the router".to_owned(), |ip| format!("the router {ip}"));
    let external = path.port_mapping.router_external_address.value();
    if path.carrier_nat == Fact::Determined(true) {
        carrier_nat(path, &router, external, findings);
    }
    let seen = listed(path);
    if path.double_nat == Fact::Determined(true)
        && path.carrier_nat != Fact::Determined(true)
        && let Some(external) = external
    {
        findings.push(Finding::new(
            Code::DoubleNat,
            format!(
                "there is a second NAT behind {router}: its external address {external} is private, and servers see {seen}"
            ),
            "port forwarding and mappings must be made on both; better set the inner router to bridge mode, or make it the outer one's exposed host (DMZ); if the outer one is the provider's, ask for a public address",
        ));
    }
    if let Fact::Inconclusive {
        reason: Reason::AddressMismatch,
        ..
    } = path.double_nat
        && let Some(external) = external
    {
        findings.push(Finding::new(
            Code::ExternalAddressMismatch,
            format!("{router} names {external} as its external address, but servers see {seen}"),
            "look for a VPN or a second uplink in the router's settings; if there is neither, another NAT lies behind it, and its port mappings lead nowhere",
        ));
    }
    offers(path, &router, findings);
}

fn carrier_nat(
    path: &PathReport,
    router: &str,
    external: Option<&IpAddr>,
    findings: &mut Vec<Finding>,
) {
    let shared = |ip: IpAddr| matches!(ip, IpAddr::V4(v4) if is_shared(v4.octets()));
    let message = match external {
        Some(external) if !shared(path.local_address) => {
            format!("{router} has the external address {external}, which")
        }
        _ => format!("the local address {}", path.local_address),
    };
    findings.push(Finding::new(
        Code::CarrierNat,
        format!("{message} belongs to a carrier's NAT (100.64.0.0/10, RFC 6598)"),
        "port forwarding in your own router will not help; IPv6, a public address from the provider or a relay will (some VPNs borrow these addresses too)",
    ));
}

fn offers(path: &PathReport, router: &str, findings: &mut Vec<Finding>) {
    let mapping = &path.port_mapping;
    let offered: Vec<&str> = [
        (Protocol::Pcp, &mapping.pcp),
        (Protocol::NatPmp, &mapping.nat_pmp),
        (Protocol::UpnpIgd, &mapping.upnp_igd),
    ]
    .into_iter()
    .filter(|(_, fact)| **fact == Fact::Determined(true))
    .map(|(protocol, _)| protocol.name())
    .collect();
    if offered.is_empty() {
        return;
    }
    let not_tried = mapping.mapping_works == Fact::not_tested(Reason::NotAskedFor);
    let use_of_it = if not_tried || mapping.mapping_works.is_determined() {
        ": applications may ask it for a port"
    } else {
        ""
    };
    findings.push(Finding::new(
        Code::PortMappingOffered,
        format!(
            "{router} answers {} over {}{use_of_it}",
            words(&offered),
            path.family.name()
        ),
        if not_tried {
            "--port-mapping-test shows whether a mapping works; turn it off in the router if programs should not open ports on their own"
        } else {
            "turn it off in the router if programs should not open ports on their own"
        }));
}

/// What the answers show that the facts do not.
pub fn of_answers(
    family: Family,
    answers: &[(Protocol, &Reply)],
    bystanders: &[Bystander],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (protocol, said) in answers {
        findings.extend(of_answer(family, *protocol, said));
    }
    for bystander in bystanders {
        findings.push(match bystander {
            Bystander::OtherGateway(ip) => Finding::new(
                Code::OtherGateway,
                format!("{ip} claims to be an Internet Gateway Device (UPnP), but is not the default router, so it was not asked"),
                "if it is a second router on the way, ask it from a host behind it; if it is not a router, turn its UPnP off",
            ),
            Bystander::ForeignLocation { source, location } => Finding::new(
                Code::GatewayLocationForeign,
                format!("{source} says that its gateway device is described at {location}, which is not in this network; nothing was asked there"),
                "a router does not do that: find out which host answers UPnP searches in this network",
            ),
        });
    }
    match layers::external_address(answers) {
        Fact::Inconclusive {
            reason: Reason::Contradiction,
            detail,
        } => findings.push(Finding::new(
            Code::RouterContradicts,
            detail,
            "restart the router; with several uplinks, mappings may be made on another one than the one in use",
        )),
        Fact::Inconclusive {
            reason: Reason::Unusable,
            detail,
        } if answers.iter().any(|(_, said)| !said.external_addresses().is_empty()) => {
            findings.push(Finding::new(
                Code::RouterAnswerUnusable,
                detail,
                "update the router's firmware",
            ));
        }
        _ => {}
    }
    findings
}

fn of_answer(family: Family, protocol: Protocol, said: &Reply) -> Option<Finding> {
    let name = protocol.name();
    match said {
        Reply::Declines(refusal) => {
            let text = refusal.text();
            Some(match refusal.meaning {
                Meaning::NotAuthorized => Finding::new(
                    Code::RouterNotAuthorized,
                    format!("the router knows {name}, but does not allow it to this host: {text}"),
                    format!(
                        "turn {name} on in the router's settings, if applications are to get ports"
                    ),
                ),
                Meaning::NotConnected => Finding::new(
                    Code::RouterNotConnected,
                    format!("the router says over {name} that it has no public address: {text}"),
                    "its connection is down, or it is itself behind a NAT: look at the address of its WAN side",
                ),
                Meaning::AddressMismatch => Finding::new(
                    Code::RouterBehindNat,
                    format!(
                        "the router sees this host under another address than it has over {}: {text}",
                        family.name()
                    ),
                    "a NAT lies between this host and the router that answers; make mappings on that one",
                ),
                Meaning::NoResources => Finding::new(
                    Code::RouterOutOfResources,
                    format!("the router has no mappings left over {name}: {text}"),
                    "remove mappings that are not needed in the router's settings, or restart it",
                ),
                _ => Finding::new(
                    Code::RouterRefuses,
                    format!("the router answers {name} with an error: {text}"),
                    "update the router's firmware",
                ),
            })
        }
        Reply::Offers(_) if said.is_unconnected() => Some(Finding::new(
            Code::RouterNotConnected,
            format!("the router says over {name} that it has no external address"),
            "its connection is down, or it is itself behind a NAT: look at the address of its WAN side",
        )),
        Reply::Unusable(why) => Some(Finding::new(
            Code::RouterAnswerUnusable,
            format!("the router's {name} cannot be used: {why}"),
            "update the router's firmware",
        )),
        Reply::OtherVersion(what) if protocol == Protocol::Pcp && !what.contains("NAT-PMP") => {
            Some(Finding::new(
                Code::RouterOtherVersion,
                format!("the router's PCP cannot be used: {what}"),
                "update the router's firmware",
            ))
        }
        _ => None,
    }
}

pub fn of_trial(protocol: Protocol, works: &Fact<bool>) -> Option<Finding> {
    let name = protocol.name();
    match works {
        Fact::Determined(true) => Some(Finding {
            code: Code::PortMappingWorks,
            severity: Severity::Info,
            message: format!(
                "a mapping by {name} let packets in from a server that its socket had not sent to; a port without one stayed closed"
            ),
            hint: None,
        }),
        Fact::Determined(false) => Some(Finding::new(
            Code::PortMappingDoesNotWork,
            format!(
                "the router made a mapping by {name}, but no packet from outside came in through it, while those that were asked for did"
            ),
            "let UDP in through the firewall of this machine, and look for a filter in the router or in front of it",
        )),
        Fact::Inconclusive {
            reason: Reason::Interrupted | Reason::Timeout,
            ..
        }
        | Fact::NotTested { .. } => None,
        Fact::Inconclusive { detail, .. } => Some(Finding::new(
            Code::PortMappingNotShown,
            format!(
                "the router made a mapping by {name}; whether it works could not be shown: {detail}"
            ),
            "run it again; -v shows every answer",
        )),
    }
}

/// What it means that no protocol made a mapping: the fact, and what to say.
pub fn of_failures(
    failures: &[(Protocol, Option<Meaning>, String)],
) -> (Fact<bool>, Option<Finding>) {
    if failures.is_empty() {
        return (Fact::not_tested(Reason::NoPortControl), None);
    }
    let texts: Vec<String> = failures
        .iter()
        .map(|(protocol, _, text)| format!("{}: {text}", protocol.name()))
        .collect();
    let detail = format!("the router made no mapping ({})", texts.join("; "));
    let meanings = || failures.iter().filter_map(|(_, meaning, _)| *meaning);
    // That the router has no public address explains what else it says.
    let refused = meanings()
        .find(|meaning| *meaning == Meaning::NotConnected)
        .or_else(|| meanings().next());
    let hint = match refused {
        Some(Meaning::NotAuthorized) => "allow this host to make mappings in the router's settings",
        Some(Meaning::NoResources) => {
            "remove mappings that are not needed in the router's settings, or restart it"
        }
        Some(Meaning::NotConnected) => {
            "look at the address of the router's WAN side: many routers make no mappings without a public one"
        }
        Some(Meaning::Conflict) => "run it again: the ports that were tried belong to others",
        Some(_) => "forward the port by hand in the router's settings",
        None => {
            "run it again; check in the router's settings whether this host may make mappings, and restart it if it stays silent"
        }
    };
    let reason = if refused.is_some() {
        Reason::RouterRefuses
    } else {
        Reason::NoResponse
    };
    let finding = Finding::new(Code::PortMappingRefused, detail.clone(), hint);
    (Fact::inconclusive(reason, detail), Some(finding))
}

/// The removal of a mapping was not confirmed.
pub fn mapping_may_remain(
    protocol: Protocol,
    port: Option<u16>,
    lifetime_s: Option<u32>,
    permanent: bool,
) -> Finding {
    let port = port.map_or_else(String::new, |port| format!(" of UDP port {port}"));
    let name = protocol.name();
    let end = if permanent {
        "it does not end by itself".to_owned()
    } else {
        format!(
            "it ends by itself {} seconds after it was made",
            lifetime_s.unwrap_or(ASKED_LIFETIME_S)
        )
    };
    Finding::new(
        Code::PortMappingMayRemain,
        format!(
            "the router did not confirm that the test mapping{port} by {name} is removed; {end}"
        ),
        if permanent {
            "remove it in the router's settings; its description is \"rtcdiag test\""
        } else {
            "nothing to do, or remove it in the router's settings"
        },
    )
    .severity(if permanent {
        Severity::Error
    } else {
        Severity::Warning
    })
}

/// What was asked for where the router did not say what it granted.
const ASKED_LIFETIME_S: u32 = 120;

fn listed(path: &PathReport) -> String {
    let mut addresses: Vec<String> = path
        .facts
        .reflexive_addresses
        .iter()
        .chain(&path.tcp.reflexive_addresses)
        .map(|a| a.ip().to_string())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        "nothing of it".to_owned()
    } else {
        addresses.join(" and ")
    }
}

fn words(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
