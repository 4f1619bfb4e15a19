//! Paths between the families: what they are called, and how they are known.

use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::commands::nat::report::PathReport;
use crate::proto::nat::nat64::Prefix;

pub const fn path_name(family: Family, via_nat64: bool) -> &'static str {
    match (family, via_nat64) {
        (Family::Ipv4, _) => "IPv4",
        (Family::Ipv6, false) => "IPv6",
        (Family::Ipv6, true) => "IPv6 via NAT64",
    }
}

/// Whether servers see IPv4 addresses of an IPv6 host: then they are behind a translator.
pub fn is_translated(local: IpAddr, seen: &[SocketAddr]) -> bool {
    local.is_ipv6() && !seen.is_empty() && seen.iter().all(SocketAddr::is_ipv4)
}

/// By what it is known that IPv4 is carried over IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarriedOver {
    /// The interface has the name that the customer side of 464XLAT gives (`clat`, `v4-wlan0`).
    Clat,
    /// The address is of 192.0.0.0/29, which is for such hosts only (RFC 7335).
    ContinuityPrefix,
}

impl PathReport {
    pub const fn family_name(&self) -> &'static str {
        path_name(self.family, self.via_nat64)
    }

    /// Says by which prefix the servers were reached: `used_prefix` by the way that was tested, `likely` by
    /// what a server calls itself, `prefixes` as DNS or the user told them. What the servers saw must
    /// be known by now.
    pub fn set_nat64_prefix(
        &mut self,
        used_prefix: Option<Prefix>,
        likely: Option<Prefix>,
        prefixes: &Fact<Vec<Prefix>>,
    ) {
        let over_udp = self.facts.reflexive_addresses.iter();
        let mut seen = over_udp.chain(&self.tcp.reflexive_addresses).peekable();
        let answered = seen.peek().is_some();
        let translated = seen.any(SocketAddr::is_ipv4);
        if let Some(prefix) = used_prefix {
            self.via_nat64 = translated || !answered;
            self.nat64_prefix = used(prefix, translated, answered);
        } else if self.via_nat64 {
            self.nat64_prefix = not_told(likely, prefixes);
        } else if self.family == Family::Ipv6
            && let Fact::Inconclusive { reason, detail } = prefixes
        {
            self.nat64_prefix = Fact::inconclusive(*reason, detail.clone());
        }
        // What translates on the other side of an IPv6 network is not behind a router of one's own.
        if self.ipv4_over_ipv6().is_some() {
            self.double_nat = Fact::not_tested(Reason::NotApplicable);
        }
    }

    /// By what IPv4 here is known to be carried over IPv6 (464XLAT, RFC 6877, or DS-Lite, RFC 6333),
    /// if it is. What translates it then is not a second NAT behind that of a router.
    pub fn ipv4_over_ipv6(&self) -> Option<CarriedOver> {
        let IpAddr::V4(local) = self.local_address else {
            return None;
        };
        let name = self.interface.as_deref().unwrap_or_default();
        if name.starts_with("clat") || name.starts_with("v4-") {
            Some(CarriedOver::Clat)
        } else if matches!(local.octets(), [192, 0, 0, 0..=7]) {
            Some(CarriedOver::ContinuityPrefix)
        } else {
            None
        }
    }
}

/// A prefix is known to be right if somebody behind it saw an IPv4 address.
fn used(prefix: Prefix, translated: bool, answered: bool) -> Fact<String> {
    if translated {
        Fact::Determined(prefix.to_string())
    } else if answered {
        Fact::inconclusive(
            Reason::Contradiction,
            format!(
                "servers reached with {prefix} see an IPv6 address, so nothing translates there"
            ),
        )
    } else {
        Fact::inconclusive(
            Reason::NoResponse,
            format!("no server answered through {prefix}"),
        )
    }
}

fn not_told(likely: Option<Prefix>, prefixes: &Fact<Vec<Prefix>>) -> Fact<String> {
    let proposal = likely.map_or_else(String::new, |prefix| {
        format!(" (probably {prefix}, judging by what a server calls itself)")
    });
    let seen = format!(
        "servers see an IPv4 address, so there is a NAT64, but its prefix is not known{proposal}"
    );
    let detail = match prefixes {
        Fact::Inconclusive { detail, .. } => format!("{seen}: {detail}"),
        _ => seen,
    };
    Fact::inconclusive(Reason::NoNat64Prefix, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::nat::behavior::words::PathFacts;

    fn path(local: &str, interface: &str, seen: &[&str]) -> PathReport {
        let mut facts = PathFacts::not_tested(Reason::NoResponse);
        let parsed = seen.iter().map(|text| text.parse().expect("an address"));
        facts.reflexive_addresses = parsed.collect();
        let local = local.parse().expect("an address");
        PathReport::new(local, Some(interface.to_owned()), facts)
    }

    #[test]
    fn ipv4_over_ipv6_is_known_by_interface_or_address() {
        for (local, interface, expected) in [
            ("192.0.0.1", "clat", Some(CarriedOver::Clat)),
            ("192.0.0.4", "v4-rmnet_data0", Some(CarriedOver::Clat)),
            ("10.0.0.1", "clat4", Some(CarriedOver::Clat)),
            ("192.0.0.0", "tun0", Some(CarriedOver::ContinuityPrefix)),
            ("192.0.0.7", "en0", Some(CarriedOver::ContinuityPrefix)),
            ("192.0.0.8", "en0", None),
            ("192.0.2.1", "eth0", None),
            ("2001:db8::1", "clat", None),
        ] {
            let found = path(local, interface, &[]).ipv4_over_ipv6();
            assert_eq!(found, expected, "{local} {interface}");
        }
    }

    #[test]
    fn a_nat64_is_known_by_what_servers_see() {
        for (local, seen, name) in [
            ("192.0.2.10", &["203.0.113.1:1"][..], "IPv4"),
            ("2001:db8::1", &["203.0.113.1:1"], "IPv6 via NAT64"),
            ("2001:db8::1", &["[2001:db8::1]:1"], "IPv6"),
            ("2001:db8::1", &[], "IPv6"),
        ] {
            assert_eq!(
                path(local, "eth0", seen).family_name(),
                name,
                "{local} {seen:?}"
            );
        }
    }
}
