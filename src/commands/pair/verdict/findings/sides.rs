//! What each side has, and lacks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::{Finding, Millis, Severity};
use crate::commands::gather::report::{GatherResult, GatherServerReport};
use crate::commands::gather::verdict;
use crate::commands::gather::verdict::Policy;
use crate::commands::pair::report::{CheckState, PairResult, PairState, PathKind, SideReport};
use crate::commands::pair::verdict::{Context, causes};
use crate::proto::ice::causes::Whose;
use crate::proto::ice::facts::NatFacts;
use crate::proto::ice::interface;
use crate::proto::nat::behavior::words::Udp;
use crate::proto::stun::uri::Transport;

/// This side's servers and interfaces, as `gather` reports them.
pub(crate) fn of_servers(result: &PairResult, context: &Context, findings: &mut Vec<Finding>) {
    let gathered = GatherResult {
        candidates: result.local.candidates.clone(),
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
    let of_gather = verdict::Context {
        policy,
        ..verdict::Context::default()
    };
    // What ends well all the same is no error.
    let worst = if result.state == PairState::Connected {
        Severity::Warning
    } else {
        Severity::Error
    };
    let found = verdict::verdict(&gathered, &of_gather).findings;
    // Before gathering has ended, a missing address means nothing.
    let is_known = |finding: &Finding| finding.code != Code::NoNetwork || result.local.is_complete;
    let found = found.into_iter().filter(is_known);
    findings.extend(found.map(|finding| Finding {
        severity: finding.severity.min(worst),
        ..finding
    }));
}

/// Whether a server is silent since UDP is blocked: then it is not to blame.
fn is_cut_off(server: &GatherServerReport, result: &PairResult) -> bool {
    let is_silent = server
        .error
        .as_ref()
        .is_some_and(|e| e.code == Code::Timeout);
    let family = server.address.map(|address| Family::of(address.ip()));
    let is_blocked =
        |nat: &NatFacts| Some(nat.family) == family && nat.udp.value() == Some(&Udp::Blocked);
    is_silent && server.transport == Transport::Udp && result.local.nats.iter().any(is_blocked)
}

/// What the facts and candidates of both sides show.
pub(crate) fn of_sides(result: &PairResult, findings: &mut Vec<Finding>) {
    of_blocked_udp(result, findings);
    of_remote_interfaces(&result.remote, findings);
    findings.extend(of_useless_addresses(result));
    if result.state == PairState::Failed && !result.remote.is_complete {
        findings.push(Finding::new(
            Code::RemoteIncomplete,
            "the other side has not said that all its candidates are known: some may be missing",
            "look at the other side's output for servers that do not answer",
        ));
    }
}

/// What the other side's TURN server says to it: its own findings do not reach this side.
pub(crate) fn of_their_servers(
    result: &PairResult,
    context: &Context,
    findings: &mut Vec<Finding>,
) {
    let is_said = result.relay_causes.iter().any(|cause| {
        let of_server = [Code::TurnRefused, Code::TurnUnreachable].contains(&cause.code);
        of_server && cause.side != Whose::Local
    });
    if is_said || result.state == PairState::NoPeer {
        return;
    }
    let Some((message, remedy)) = causes::trouble_there(result, context) else {
        return;
    };
    // Where it was not needed it is by the way.
    let severity = match result.path {
        Some(PathKind::Direct) => Severity::Info,
        _ => Code::PeerTurnFailed.severity(),
    };
    let hint = format!("there has to be {}", remedy.message.trim_end_matches(','));
    findings.push(Finding::new(Code::PeerTurnFailed, message, hint).severity(severity));
}

fn of_blocked_udp(result: &PairResult, findings: &mut Vec<Finding>) {
    let severity = if result.state == PairState::Connected {
        Severity::Warning
    } else {
        Severity::Error
    };
    for (side, code, place, from) in [
        (&result.local, Code::UdpBlocked, "here", "from here"),
        (
            &result.remote,
            Code::PeerUdpBlocked,
            "on the other side",
            "from there",
        ),
    ] {
        // Servers that answer over TCP have shown it already.
        if findings.iter().any(|f| f.code == code) {
            continue;
        }
        for nat in &side.nats {
            if nat.udp.value() == Some(&Udp::Blocked) {
                findings.push(Finding::new(
                    code,
                    format!("UDP over {} is blocked {place}", nat.family.name()),
                    format!("connections {from} need TURN over TCP or TLS, named as turn:HOST?transport=tcp or turns:HOST; or have UDP to the internet opened in the firewall"),
                ).severity(severity));
            }
        }
    }
}

/// Addresses of the other side that are none to send to, as far as this host's own networks tell.
fn of_useless_addresses(result: &PairResult) -> Option<Finding> {
    let is_link_local = |ip: IpAddr| matches!(ip, IpAddr::V4(v4) if v4.is_link_local());
    let mut own = result.local.candidates.iter();
    let is_on_link = own.any(|own| is_link_local(own.address));
    let useless: BTreeSet<String> = result
        .pairs
        .iter()
        .filter(|pair| pair.state != CheckState::Succeeded && pair.requests_received == 0)
        .filter_map(|pair| {
            let ip = pair.remote.address;
            if causes::has_failure(pair, &[Code::BroadcastAddress]) {
                Some(format!("{ip} is a broadcast address"))
            } else if is_link_local(ip) && !is_on_link {
                Some(format!(
                    "{ip} is link-local, and means something on its own link alone"
                ))
            } else {
                None
            }
        })
        .collect();
    let which: Vec<String> = useless.into_iter().take(3).collect();
    let severity = match result.state {
        PairState::Connected => Severity::Info,
        _ => Severity::Warning,
    };
    (!which.is_empty()).then(|| {
        Finding::new(
            Code::PeerAddressUseless,
            format!(
                "not every address of the other side is one to send to: {}",
                which.join("; ")
            ),
            "look at that host's network settings: 169.254.0.0/16 is what a host gives itself where no DHCP server answers; the last address of a network is no host's",
        )
        .severity(severity)
    })
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
                Code::PeerVirtualInterface,
                format!(
                    "{name} of the other side ({}) belongs to {}, judging by its name",
                    candidate.address,
                    kind.text_of_other()
                ),
                "pairs with it work only inside that network; --interface on that side names the one to use instead",
            ));
        }
    }
}
