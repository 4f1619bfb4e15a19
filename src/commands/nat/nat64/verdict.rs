//! What is worth knowing about a path between the families.

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::{Finding, Severity};
use crate::commands::nat::nat64::report::CarriedOver;
use crate::commands::nat::report::PathReport;
use crate::proto::nat::nat64::Prefix;

/// What an ICE agent can do about it: it pairs candidates of one family only (RFC 8445 6.1.2.2).
const ICE_HINT: &str = "for ICE this host has IPv6 host candidates and an IPv4 server-reflexive one: to send to IPv4 candidates the agent has to synthesize their addresses with the prefix, or a TURN server that is reached over IPv6 has to relay to them";

/// A NAT64 or 464XLAT on a path that is open.
pub fn of_path(path: &PathReport, findings: &mut Vec<Finding>) {
    if path.via_nat64 {
        findings.extend(nat64(path));
    } else if let Fact::Inconclusive {
        reason: Reason::Contradiction,
        detail,
    } = &path.nat64_prefix
    {
        findings.push(Finding::new(
            Code::Nat64PrefixWrong,
            detail.clone(),
            "check the prefix given with --nat64-prefix; what is said about this path holds for IPv6 without a NAT64",
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
                .facts
                .reflexive_addresses
                .first()
                .map_or_else(String::new, |a| format!(", where this host is {}", a.ip()));
            Some(Finding::new(
                Code::Nat64,
                format!("IPv4 is reached through a NAT64 with the prefix {prefix}{seen}"),
                ICE_HINT,
            ))
        }
        Fact::Inconclusive { detail, .. } => Some(Finding::new(
            Code::Nat64PrefixUnknown,
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
        Code::Xlat464,
        message,
        "ICE works over it as behind any NAT of a network: use IPv6 where the peer has it, and a relay where it does not; there is no router of yours in which a port could be forwarded",
    )
}

/// Nothing could be sent by a prefix that was to be used.
pub fn no_route(prefix: Prefix) -> Finding {
    Finding::new(
        Code::Nat64NoRoute,
        format!(
            "there is no route to the NAT64 prefix {prefix}, so IPv4 servers were not asked through it"
        ),
        "check the prefix, and that this host has IPv6",
    )
}

/// IPv4 servers could not be reached by any prefix, if it was looked for.
pub fn left_out(prefixes: &Fact<Vec<Prefix>>, paths: &[PathReport]) -> Option<Finding> {
    let Fact::Inconclusive { reason, detail } = prefixes else {
        return None;
    };
    let severity = if paths.iter().any(PathReport::is_open) {
        Severity::Info
    } else {
        Severity::Warning
    };
    let code = match reason {
        Reason::NoResponse => Code::Nat64PrefixNotTold,
        _ => Code::Nat64PrefixNotFound,
    };
    Some(Finding::new(
        code,
        format!(
            "servers that have only IPv4 were not asked: over IPv6 that takes a NAT64, and {detail}"
        ),
        "if this network has a NAT64, name its prefix with --nat64-prefix (often 64:ff9b::/96)",
    ).severity(severity))
}
