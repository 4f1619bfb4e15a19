//! What is worth knowing about a path between the families.

use crate::fact::{Fact, Reason};
use crate::report::nat::PathReport;
use crate::report::nat::translation::CarriedOver;
use crate::report::{Finding, Severity};

/// What an ICE agent can do about it: it pairs candidates of one family only (RFC 8445 6.1.2.2).
const ICE_HINT: &str = "for ICE this host has IPv6 host candidates and an IPv4 server-reflexive one: to send to IPv4 candidates the agent has to synthesize their addresses with the prefix, or a TURN server that is reached over IPv6 has to relay to them";

/// A NAT64 or 464XLAT on a path that is open.
pub(super) fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    if path.via_nat64 {
        findings.extend(nat64(path));
    } else if let Fact::Inconclusive {
        reason: Reason::Contradiction,
        detail,
    } = &path.nat64_prefix
    {
        findings.push(Finding::new(
            "nat64-prefix-wrong",
            Severity::Warning,
            detail.clone(),
            "check the prefix given with --nat64-prefix; what is said of this path is true of IPv6 without a NAT64",
        ));
    }
    if let Some(evidence) = path.ipv4_over_ipv6() {
        findings.push(carried_over(path, evidence));
    }
}

fn nat64(path: &PathReport) -> Option<Finding> {
    match &path.nat64_prefix {
        Fact::Determined(prefix) => {
            let seen = path
                .reflexive_addresses
                .first()
                .map_or_else(String::new, |a| format!(", where this host is {}", a.ip()));
            Some(Finding::new(
                "nat64",
                Severity::Info,
                format!("IPv4 is reached through a NAT64 by the prefix {prefix}{seen}"),
                ICE_HINT,
            ))
        }
        Fact::Inconclusive { detail, .. } => Some(Finding::new(
            "nat64-prefix-unknown",
            Severity::Warning,
            format!("{}: {detail}", path.family_name()),
            "name the prefix of the NAT64 with --nat64-prefix: then the other addresses of servers can be reached",
        )),
        Fact::NotTested { .. } => None,
    }
}

fn carried_over(path: &PathReport, evidence: CarriedOver) -> Finding {
    let (local, interface) = (
        path.local_address,
        path.interface.as_deref().unwrap_or_default(),
    );
    let message = match evidence {
        CarriedOver::Clat => format!(
            "IPv4 here is carried over IPv6 by 464XLAT (RFC 6877), as the interface {interface} says: the network's NAT64 is the NAT"
        ),
        CarriedOver::ContinuityPrefix => format!(
            "IPv4 here is carried over IPv6 by 464XLAT (RFC 6877), or else DS-Lite (RFC 6333), as the address {local} says (192.0.0.0/29, RFC 7335): the network's translator is the NAT"
        ),
    };
    Finding::new(
        "464xlat",
        Severity::Info,
        message,
        "ICE works over it as behind any NAT of a network: use IPv6 where the peer has it, and a relay where it has not; there is no router of yours in which a port could be forwarded",
    )
}
