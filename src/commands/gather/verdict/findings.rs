//! What is worth knowing about a gathering, and what to do about it.

mod named_oddly;
mod seen;
mod servers;
mod several;

pub(super) use several::is_mapping_dependent;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::expiry::{Reception, of_expiry};
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::long_way;
use crate::base::report::{Finding, Severity};
use crate::commands::gather::report::{
    CandidateReport, GatherResult, GatherServerReport, RelayedReport, Status,
};
use crate::commands::gather::verdict::use_of::{self, Flaw};
use crate::commands::gather::verdict::{Context, Policy};
use crate::commands::misdirected;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::interface;
use crate::proto::nat::address::{SEND_FROM_RELAYED, is_dns64, is_global};
use crate::proto::turn::error::{INCOMPLETE, OddDefault, incomplete};

pub(super) fn of_result(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    of_interfaces(result, context, findings);
    of_reflexive(result, findings);
    seen::of_result(result, findings);
    of_relayed(result, findings);
    of_credentials(result, context, findings);
    of_ipv6(result, findings);
    findings.extend(named_oddly::of_servers(result));
    let shortest = result.shortest_round_trip();
    findings.extend(shortest.and_then(|way| long_way::finding("the servers", way)));
    if let Some((server, answer, data)) = result.slowest_to_answer() {
        findings.extend(long_way::slow_server(&server.uri, answer, data));
    }
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
        findings.push(match &context.families[..] {
            [family] => {
                let (name, flag) = (family.name(), family.flag());
                Finding::new(
                    Code::NoNetwork,
                    format!("this machine has no {name} address that another one could reach, and {flag} leaves out the other family"),
                    format!("leave out {flag}, or check that this machine has {name}"),
                )
            }
            _ => Finding::new(
                Code::NoNetwork,
                "this machine has no address that another one could reach",
                "check that it is connected to a network",
            ),
        });
    }
    let self_assigned = hosts()
        .find_map(|c| misdirected::self_assigned(c.address, c.interface.as_deref()))
        .filter(|_| hosts().count() == 1);
    findings.extend(self_assigned);
    let mut seen = BTreeSet::new();
    for candidate in hosts() {
        let Some(name) = &candidate.interface else {
            continue;
        };
        if let Some(kind) = interface::kind_of(name)
            && seen.insert(name.clone())
        {
            findings.push(Finding::new(
                Code::VirtualInterface,
                format!(
                    "{name} ({}) belongs to {}, judging by its name",
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
        .filter(|r| !result.is_within(r))
        .map(|r| r.address)
        .filter(|address| !address.is_loopback())
        .collect();
    for address in same {
        findings.push(Finding::new(
            Code::NoNat,
            format!("servers see {address} as it is: there is no NAT on its way, so a reflexive candidate would be redundant"),
            "nothing needs to be done; rtcdiag nat tells whether a firewall filters",
        ));
    }
    let inside = result.redundant.iter().find(|r| result.is_from_inside(r));
    if let Some(redundant) = inside {
        let severity = if use_of::has_useful(result, CandidateType::Srflx) {
            Severity::Warning
        } else {
            Severity::Error
        };
        findings.push(Finding::new(
            Code::ReflexiveNotPublic,
            format!(
                "{} sees {}, this host's own private address, though it is public itself: something on this network answers in its name, such as a router that takes STUN for itself, or it is within this network; the address that the internet sees is not known",
                redundant.server.as_deref().unwrap_or("a server"),
                redundant.address
            ),
            "ask a server on another port as well, or over TCP; a router may have such a function for SIP or games",
        ).severity(severity));
    }
    let within = result.redundant.iter().find(|r| result.is_within(r));
    if let Some(redundant) = within.filter(|_| inside.is_none()) {
        findings.push(Finding::new(
            Code::ReflexiveNotPublic,
            format!(
                "{} sees {}, this host's own private address: it is within this network, so this says nothing of a NAT on the way to the internet",
                redundant.server.as_deref().unwrap_or("a server"),
                redundant.address
            ),
            "right for calls within this network; for others ask a server on the internet as well",
        ).severity(Severity::Info));
    }
    several::of_result(result, findings);
}

fn of_relayed(result: &GatherResult, findings: &mut Vec<Finding>) {
    let mut unverified = BTreeSet::new();
    let mut flawed = BTreeSet::new();
    let mut odd_uris = BTreeSet::new();
    // From several bases, or sockets, the same is seen several times.
    let (mut told, mut open_to_all) = (BTreeSet::new(), BTreeSet::new());
    for server in &result.servers {
        for relayed in &server.relayed {
            let odd = relayed
                .odd_default
                .filter(|odd| *odd != OddDefault::Refused);
            if let Some(odd) = odd.filter(|_| odd_uris.insert(&server.uri)) {
                let message = format!("{}: {}", server.uri, odd.text());
                findings.push(Finding::new(
                    Code::OtherFamilyByDefault,
                    message,
                    odd.hint(),
                ));
            }
            let Some(address) = relayed.address else {
                continue;
            };
            findings.extend(
                of_flaw(server, relayed, address, result, &mut flawed)
                    .filter(|flaw| told.insert(flaw.message.clone())),
            );
            if relayed.authenticated == Some(false) && open_to_all.insert(&server.uri) {
                findings.push(
                    Finding::new(
                        Code::RelayWithoutCredentials,
                        format!(
                            "{} relays for everybody: it asked for no credentials",
                            server.uri
                        ),
                        "have it ask for credentials (coturn: lt-cred-mech or use-auth-secret)",
                    )
                    .severity(Severity::Warning),
                );
            }
            if relayed.reachable == Fact::Determined(false)
                && relayed.reachable_after_sending == Fact::Determined(true)
                && unverified.insert(server.uri.clone())
            {
                findings.push(Finding::new(
                    Code::RelayOpensFromInside,
                    format!("{} gives {address}, which takes datagrams only from whom it has sent to: a firewall before the relay ports opens from inside alone, so some peers do not get in, those behind a NAT with endpoint-dependent mapping first", server.uri),
                    "open the relay ports for incoming UDP in the server's firewall (coturn: min-port to max-port, 49152 to 65535 by default)",
                ));
            }
            let is_outer =
                is_global(address.ip()) && server.address.is_some_and(|a| !is_global(a.ip()));
            if is_outer
                && relayed.reachable == Fact::Determined(false)
                && relayed.reachable_after_sending == Fact::Determined(false)
                && unverified.insert(server.uri.clone())
            {
                findings.push(Finding::new(
                    Code::RelayUnreachableFromHere,
                    format!("{} is in a private network and gives {address}, a public address, and nothing passes between that and this host: its router may not lead its own public address back in (hairpinning), or the relay ports are not forwarded", server.uri),
                    "gather from outside that network tells whether peers there reach it; within it, turn hairpinning on in the router",
                ));
            }
            if !is_outer
                && use_of::is_silent_and_udp_unknown(relayed, result)
                && unverified.insert(server.uri.clone())
            {
                findings.push(Finding::new(
                    Code::RelayUnreachableFromHere,
                    format!("{} gives {address}, which relays, and nothing passes between that address and this host's UDP, whoever sends first: its ports are not open or not forwarded, or UDP is blocked here", server.uri),
                    "gather over UDP as well, or on another network: where UDP works, this tells whether the relay ports are open (coturn: min-port to max-port, UDP)",
                ).severity(Severity::Warning));
            }
            if let Fact::Inconclusive {
                reason: Reason::NoResponse | Reason::PolicyForbids,
                detail,
            } = &relayed.relays
                && !flawed.contains(&server.uri)
                && unverified.insert(server.uri.clone())
            {
                findings.push(Finding::new(
                    Code::RelayUnverified,
                    format!("{} allocated {address}, but {detail}", server.uri),
                    format!("rtcdiag turn {} takes a closer look", server.uri),
                ));
            }
        }
    }
}

/// Why peers do not reach a relayed address, each once for a server.
fn of_flaw(
    server: &GatherServerReport,
    relayed: &RelayedReport,
    address: SocketAddr,
    result: &GatherResult,
    flawed: &mut BTreeSet<String>,
) -> Option<Finding> {
    let uri = &server.uri;
    let is_undecided = use_of::is_undecided(server, relayed, result);
    let severity = if use_of::relays_in_vain(result) && !is_undecided {
        Severity::Error
    } else {
        Severity::Warning
    };
    let Some(flaw) = use_of::flaw(server, relayed, result) else {
        return is_inside(server, address).then(|| {
            Finding::new(
                Code::RelayedAddressPrivate,
                format!("{uri} gives the relayed address {address}, which is private, as the server's own is: peers in that network reach it, and nobody on the internet does"),
                "this is right for a network of its own; for calls over the internet the server needs a public address (coturn: external-ip=PUBLIC/PRIVATE)",
            )
            .severity(Severity::Info)
        });
    };
    flawed.insert(uri.clone());
    let (code, message, hint) = match flaw {
        Flaw::Loopback => (
            Code::RelayedAddressPrivate,
            format!(
                "{uri} gives the relayed address {address}, a loopback address: no peer can reach it, only the server's own host"
            ),
            "where the name leads to loopback, mend /etc/hosts or name the server by its address; else tell the server its address (coturn: relay-ip, external-ip)",
        ),
        Flaw::OwnHost => (
            Code::RelayUnverified,
            format!(
                "{uri} leads to this host itself, by loopback, so nothing tested here shows whether a peer reaches the relayed address {address}"
            ),
            "test it from another host; to reach it from here as others do, mend /etc/hosts or name it by its address",
        ),
        Flaw::Private => (
            Code::RelayedAddressPrivate,
            format!(
                "{uri} gives the relayed address {address}, which is not public: peers on the internet cannot reach it"
            ),
            "tell the server its public address (coturn: external-ip=PUBLIC/PRIVATE)",
        ),
        Flaw::Incomplete(lacks) => (
            Code::AnswerIncomplete,
            format!("{uri} gives {address}, and {}", incomplete(lacks)),
            INCOMPLETE,
        ),
        Flaw::ByNameAlone => (
            Code::OtherFamilyByDefault,
            format!("{uri} gives {address}, and {}", OddDefault::Refused.text()),
            OddDefault::Refused.hint(),
        ),
        Flaw::Refused => {
            let why = match &relayed.relays {
                Fact::Inconclusive { detail, .. } => detail.as_str(),
                _ => "it gives no permission to send through it",
            };
            (
                Code::PermissionFailed,
                format!("{uri} allocated {address}, and {why}"),
                "look at the server's log; behind a load balancer, all requests of a client have to reach the same server",
            )
        }
        Flaw::Changed => (
            Code::DataChanged,
            format!(
                "{uri} gives {address}, and what comes out of it is not what was put in: DTLS and SRTP drop such data, so no call gets through"
            ),
            "the server changes data, or something on the way to it does that looks into packets: over TLS nothing on the way can; rtcdiag turn takes a closer look",
        ),
        Flaw::From(from) => (
            Code::RelayUnreachableFromHere,
            format!(
                "{uri} gives {address}, and what it relays comes from {from}: peers know nothing of that address, and drop it"
            ),
            SEND_FROM_RELAYED,
        ),
        Flaw::Silent if is_undecided => (
            Code::RelayUnreachableFromHere,
            format!(
                "{uri} gives {address}, which relays, and nothing passes between that address and this host, whoever sends first: either the relay ports are closed from outside, or this network lets UDP out to few ports and not to those"
            ),
            "gather on another network: if it is the same there, open the relay ports in the server's firewall (coturn: min-port to max-port, UDP)",
        ),
        Flaw::Silent => (
            Code::RelayUnreachableFromHere,
            format!(
                "{uri} gives {address}, and nothing passes between that address and this host, whoever sends first: it may not be the server's real address, its ports are closed, or a firewall here lets UDP out to some ports only"
            ),
            "check the relay addresses and ports (coturn: external-ip, min-port to max-port, UDP); gather on another network tells whether it is the server",
        ),
    };
    Some(Finding::new(code, message, hint).severity(severity))
}

/// Whether server and relayed address are both in a private network; a lab on loopback is no news.
fn is_inside(server: &GatherServerReport, relayed: SocketAddr) -> bool {
    let private = |ip: IpAddr| !is_global(ip) && !ip.is_loopback();
    private(relayed.ip()) && server.address.is_some_and(|a| private(a.ip()))
}

fn of_credentials(result: &GatherResult, context: &Context, findings: &mut Vec<Finding>) {
    let refused = result.servers.iter().any(|s| {
        s.error
            .as_ref()
            .is_some_and(|e| matches!(e.code, Code::Unauthorized | Code::WrongCredentials))
    });
    let accepted = || {
        let mut relayed = result.servers.iter().flat_map(|s| &s.relayed);
        relayed.any(|r| r.authenticated == Some(true))
    };
    let reception = if refused {
        Reception::Refused
    } else if accepted() {
        Reception::Accepted
    } else {
        Reception::Unknown
    };
    if reception == Reception::Accepted {
        // However the file looks, what is in it is right.
        findings.retain(|finding| finding.code != Code::SecretFileForm);
    }
    let expire = context.credentials_expire.iter();
    findings.extend(expire.filter_map(|expires| of_expiry(*expires, context.unix_now, reception)));
}

fn of_ipv6(result: &GatherResult, findings: &mut Vec<Finding>) {
    let v6_host = result.candidates.iter().find(|c| {
        c.kind == CandidateType::Host
            && Family::of(c.address) == Family::Ipv6
            && is_global(c.address)
    });
    let unreachable = result.servers.iter().any(|s| {
        // What an odd address or a router elsewhere keeps from being reached is no want of a route here.
        let is_usual = |ip: IpAddr| ip.is_ipv6() && is_global(ip) && !is_dns64(ip);
        s.address.is_some_and(|a| is_usual(a.ip()))
            && s.error
                .as_ref()
                .is_some_and(|e| e.code == Code::Unreachable && !e.message.contains("ICMP"))
    });
    let works = result
        .servers
        .iter()
        .any(|s| s.address.is_some_and(|a| a.is_ipv6()) && s.status == Status::Ok);
    if let (Some(CandidateReport { address, .. }), true, false) = (v6_host, unreachable, works) {
        findings.push(Finding::new(
            Code::Ipv6WithoutRoute,
            format!("this machine has the IPv6 address {address}, but no route to IPv6 servers"),
            "peers will try it in vain; have IPv6 routed, or leave it out with -4",
        ));
    }
}
