//! What is said of paths between the families: by which prefix, or why it is not known.

use super::assemble::Parts;
use super::translation::{Translation, Way};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::nat64::Prefix;
use crate::report::nat::PathReport;
use crate::report::{Finding, Severity};

/// Says by which prefix the servers of a path were reached. What they saw must be known by now.
pub fn set_prefix(
    report: &mut PathReport,
    way: Way,
    likely: Option<Prefix>,
    translation: &Translation,
) {
    let mut seen = report
        .reflexive_addresses
        .iter()
        .chain(&report.tcp.reflexive_addresses)
        .peekable();
    let answered = seen.peek().is_some();
    let translated = seen.any(std::net::SocketAddr::is_ipv4);
    if let Some(prefix) = way.nat64 {
        report.via_nat64 = translated || !answered;
        report.nat64_prefix = used(prefix, translated, answered);
    } else if report.via_nat64 {
        report.nat64_prefix = unknown(likely, translation);
    } else if way.family == Family::Ipv6
        && let Fact::Inconclusive { reason, detail } = translation.prefixes()
    {
        report.nat64_prefix = Fact::inconclusive(*reason, detail.clone());
    }
    // What translates on the other side of an IPv6 network is not behind a router of one's own.
    if report.ipv4_over_ipv6().is_some() {
        report.double_nat = Fact::not_tested(Reason::NotApplicable);
    }
}

/// A prefix is known to be right if somebody behind it saw an IPv4 address.
fn used(prefix: Prefix, translated: bool, answered: bool) -> Fact<String> {
    if translated {
        Fact::Determined(prefix.to_string())
    } else if answered {
        Fact::inconclusive(
            Reason::Contradiction,
            format!("servers reached by {prefix} see an IPv6 address, so nothing translates there"),
        )
    } else {
        Fact::inconclusive(
            Reason::NoResponse,
            format!("no server answered through {prefix}"),
        )
    }
}

fn unknown(likely: Option<Prefix>, translation: &Translation) -> Fact<String> {
    let proposal = likely.map_or_else(String::new, |prefix| {
        format!(" (probably {prefix}, by what a server calls itself)")
    });
    let seen = format!(
        "servers see an IPv4 address, so there is a NAT64, but by which prefix it is reached is not known{proposal}"
    );
    let detail = match translation.prefixes() {
        Fact::Inconclusive { detail, .. } => format!("{seen}: {detail}"),
        _ => seen,
    };
    Fact::inconclusive(Reason::NoNat64Prefix, detail)
}

/// Findings about IPv4 servers that could not be reached by any prefix.
pub fn findings(parts: &Parts, paths: &[PathReport], findings: &mut Vec<Finding>) {
    let unrouted = parts
        .no_path
        .keys()
        .find_map(|address| parts.translation.way_of(address.ip()).nat64);
    if let Some(prefix) = unrouted {
        findings.push(Finding::new(
            "nat64-no-route",
            Severity::Warning,
            format!("there is no route to the NAT64 prefix {prefix}, so IPv4 servers were not asked through it"),
            "check the prefix, and that this host has IPv6",
        ));
    }
    let Fact::Inconclusive { reason, detail } = parts.translation.prefixes() else {
        return;
    };
    let left_out = parts.no_path.keys().any(std::net::SocketAddr::is_ipv4)
        || parts
            .resolved
            .iter()
            .flatten()
            .any(|resolved| matches!(resolved, Err(error) if error.code == "wrong-family"));
    if left_out {
        let severity = if paths.iter().any(PathReport::is_open) {
            Severity::Info
        } else {
            Severity::Warning
        };
        let code = match reason {
            Reason::NoResponse => "nat64-prefix-not-told",
            _ => "nat64-prefix-not-found",
        };
        findings.push(Finding::new(
            code,
            severity,
            format!("servers that have IPv4 alone were not asked: over IPv6 that takes a NAT64, and {detail}"),
            "if this network has a NAT64, name its prefix with --nat64-prefix (often 64:ff9b::/96)",
        ));
    }
}
