//! UDP that does not get through, though hosts answer by TCP or TLS.

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::{Finding, Severity};
use crate::base::words::listed;
use crate::commands::gather::report::{GatherResult, GatherServerReport, Status};
use crate::commands::gather::verdict::Context;
use crate::commands::gather::verdict::findings::servers::{is_silence, needed};
use crate::proto::stun::uri::Transport;

/// Families over which hosts answer by TCP or TLS, and not by UDP.
pub(super) fn of_blocked_udp(
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
        // Who refuses may have nothing on UDP, and a firewall of this machine has its own finding. Beside one
        // silent port, refusals of others may mean that it is blocked alone; beside several they do not.
        let has = |code: Code| {
            move |s: &GatherServerReport| s.error.as_ref().is_some_and(|e| e.code == code)
        };
        let numbers: BTreeSet<u16> = udp().filter_map(|s| Some(s.address?.port())).collect();
        let gets_out = udp().any(has(Code::PortSilent));
        let silent = udp().all(|s| {
            s.error.as_ref().is_some_and(is_silence)
                || (numbers.len() > 1 && has(Code::PortSilent)(s))
        });
        if !silent || !udp().any(answers) {
            continue;
        }
        let severity = if udp().any(|s| needed(s, result, context)) {
            Severity::Error
        } else {
            Severity::Warning
        };
        blocked.push(family);
        if gets_out {
            findings.push(Finding::new(
                Code::UdpBlocked,
                format!(
                    "no UDP comes in here over {}, and outgoing UDP gets there: {} are silent, a host there refuses others (ICMP), and a server answers over TCP or TLS",
                    family.name(),
                    ports(udp())
                ),
                "calls from here need TURN over TCP or TLS; or have UDP answers let in by the firewall, this machine's own included",
            ).severity(severity));
            continue;
        }
        findings.push(Finding::new(
            Code::UdpBlocked,
            format!(
                "UDP over {} to {} gets no answer, and a server answers over TCP or TLS: it is blocked on this path, or that server has none",
                family.name(),
                ports(udp())
            ),
            "calls from here need TURN over TCP or TLS, or over UDP on another port (443 often gets through); or have UDP opened in the firewall; rtcdiag nat tells whether other ports get through",
        ).severity(severity));
    }
    blocked
}

/// The ports that were asked.
fn ports<'a>(rows: impl Iterator<Item = &'a GatherServerReport>) -> String {
    let ports: BTreeSet<u16> = rows.filter_map(|s| Some(s.address?.port())).collect();
    let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
    match numbers.len() {
        1 => format!("port {}", numbers[0]),
        _ => format!("ports {}", listed(&numbers)),
    }
}

pub(super) fn is_blocked(server: &GatherServerReport, blocked: &[Family]) -> bool {
    server.transport == Transport::Udp
        && server
            .address
            .is_some_and(|a| blocked.contains(&Family::of(a.ip())))
}
