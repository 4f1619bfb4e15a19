//! Which way an address is asked: natively, or through a NAT64 (RFC 6146) by its prefix.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Nat64, Options};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::nat::nat64::Prefix;
use crate::net::host::Source;
use crate::report::nat::translation::path_name;
use crate::stun::uri::Host;

/// Stands for all of IPv4 where no server is named by an IPv4 address. Nothing is sent to it.
const SOME_IPV4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 0, 170)), 3478);

/// Servers on the same way are behind the same NAT, those on different ways are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The family that is sent.
    pub family: Family,
    /// The prefix of the NAT64, if it goes through one.
    pub nat64: Option<Prefix>,
}

impl Way {
    /// Makes the seed of the run another one for each way.
    pub const fn salt(self) -> u64 {
        self.family as u64 | (self.nat64.is_some() as u64) << 1
    }

    /// The name of a socket of this way in observations.
    pub fn socket(self, letters: impl Display) -> String {
        let suffix = match (self.family, self.nat64) {
            (Family::Ipv4, _) => "",
            (Family::Ipv6, None) => "6",
            (Family::Ipv6, Some(_)) => "64",
        };
        format!("{letters}{suffix}")
    }

    /// As people say it.
    pub const fn name(self) -> &'static str {
        path_name(self.family, self.nat64.is_some())
    }
}

/// What is known of ways between the families.
#[derive(Debug, Clone)]
pub struct Translation {
    wanted: Vec<Family>,
    /// Whether addresses of the well-known prefix are known for what they are.
    is_on: bool,
    /// Whether IPv4 is wanted and has a way out of its own.
    native_ipv4: bool,
    /// Whether nobody knows the prefix yet and it is to be asked for.
    pending: bool,
    prefixes: Fact<Vec<Prefix>>,
}

impl Translation {
    /// What the options and the routes of this host say. Nothing is sent.
    pub fn new(options: &Options) -> Self {
        let mode = options.depth.nat64;
        let wants = |family| options.families.contains(&family);
        let (source, literals) = (&options.source, ipv4_literals(options));
        let has_ipv4 = literals
            .iter()
            .chain(literals.is_empty().then_some(&SOME_IPV4))
            .any(|address| leads_out(source, *address));
        let native_ipv4 = wants(Family::Ipv4) && has_ipv4;
        let is_on = mode != Nat64::Off && wants(Family::Ipv6);
        // With -6 on a host that has IPv4, only who names an IPv4 address needs a prefix.
        let needed = !native_ipv4 && (wants(Family::Ipv4) || !has_ipv4 || !literals.is_empty());
        let reachable = || leads_out(source, Prefix::WELL_KNOWN.reach(SOME_IPV4));
        let prefixes = match mode {
            Nat64::Given(prefix) if is_on => Fact::Determined(vec![prefix]),
            _ => Fact::not_tested(Reason::NotApplicable),
        };
        Self {
            wanted: options.families.clone(),
            is_on,
            native_ipv4,
            pending: is_on && mode == Nat64::Discovered && needed && reachable(),
            prefixes,
        }
    }

    /// Whether the prefix is to be asked for before any server is.
    pub const fn is_pending(&self) -> bool {
        self.pending
    }

    /// What came of asking for it.
    pub fn found(&mut self, prefixes: Fact<Vec<Prefix>>) {
        self.pending = false;
        self.prefixes = prefixes;
    }

    /// Nobody waits for the prefix any more.
    pub fn give_up(&mut self) {
        if self.pending {
            self.found(Fact::inconclusive(
                Reason::NoResponse,
                "the run went on before DNS told the NAT64 prefix (RFC 7050)",
            ));
        }
    }

    /// The prefixes, the preferred one first.
    pub const fn prefixes(&self) -> &Fact<Vec<Prefix>> {
        &self.prefixes
    }

    /// The families to resolve names for: IPv4 addresses are of use where they can be synthesized.
    pub fn families(&self) -> Vec<Family> {
        let mut families = self.wanted.clone();
        let usable = self.pending || self.prefixes.is_determined();
        if usable && !families.contains(&Family::Ipv4) {
            families.push(Family::Ipv4);
        }
        families
    }

    /// The addresses to ask in place of these. IPv4 is asked natively where it can be or nothing
    /// else is left to try, and through the translator whose prefix is preferred (RFC 7050 3).
    pub fn ways_to(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let preferred = self.prefixes.value().and_then(|prefixes| prefixes.first());
        let wants_ipv4 = self.wanted.contains(&Family::Ipv4);
        let mut ways: Vec<SocketAddr> = Vec::new();
        for address in addresses {
            let native = match address {
                SocketAddr::V4(_) => wants_ipv4 && (self.native_ipv4 || preferred.is_none()),
                SocketAddr::V6(_) => true,
            };
            let synthesized = preferred
                .filter(|_| address.is_ipv4())
                .map(|prefix| prefix.reach(*address));
            // A DNS64 may have synthesized the same address already.
            for way in native.then_some(*address).into_iter().chain(synthesized) {
                if !ways.contains(&way) {
                    ways.push(way);
                }
            }
        }
        ways
    }

    /// The way on which an address is.
    pub fn way_of(&self, address: IpAddr) -> Way {
        let known = self.prefixes.value().into_iter().flatten();
        let nat64 = known
            .chain(&[Prefix::WELL_KNOWN])
            .find(|prefix| self.is_on && prefix.covers(address));
        Way {
            family: Family::of(address),
            nat64: nat64.copied(),
        }
    }

    /// The IPv4 address that an address of a translator stands for.
    pub fn stands_for(&self, address: SocketAddr) -> Option<SocketAddr> {
        let prefix = self.way_of(address.ip()).nat64?;
        Some(prefix.behind(address))
    }
}

fn ipv4_literals(options: &Options) -> Vec<SocketAddr> {
    let literal = |host: &Host, port| match host {
        Host::Ip(ip) if ip.is_ipv4() => Some(SocketAddr::new(*ip, port)),
        _ => None,
    };
    options
        .servers
        .iter()
        .filter_map(|uri| literal(&uri.host, uri.port))
        .collect()
}

/// Whether there is a route, from an address that is good beyond this link.
fn leads_out(source: &Source, address: SocketAddr) -> bool {
    match source.local_address_to(address) {
        Ok(IpAddr::V4(local)) => !local.is_link_local() && !local.is_unspecified(),
        Ok(IpAddr::V6(local)) => !local.is_unicast_link_local() && !local.is_unspecified(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translation(wanted: &[Family], native_ipv4: bool, prefix: Option<&str>) -> Translation {
        let prefix = prefix.map(|text| text.parse().expect("a prefix"));
        Translation {
            wanted: wanted.to_vec(),
            is_on: true,
            native_ipv4,
            pending: false,
            prefixes: prefix.map_or(Fact::not_tested(Reason::NotApplicable), |prefix| {
                Fact::Determined(vec![prefix])
            }),
        }
    }

    fn ways(translation: &Translation, addresses: &[&str]) -> Vec<String> {
        let addresses: Vec<SocketAddr> = addresses
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect();
        let ways = translation.ways_to(&addresses);
        ways.iter().map(ToString::to_string).collect()
    }

    const BOTH: &[Family] = &[Family::Ipv4, Family::Ipv6];
    const ONLY_6: &[Family] = &[Family::Ipv6];
    const A: &str = "203.0.113.10:3478";
    const AAAA: &str = "[2001:db8:113::10]:3478";
    const SYNTHESIZED: &str = "[64:ff9b::cb00:710a]:3478";

    #[test]
    fn ipv4_is_asked_natively_where_there_is_no_prefix() {
        assert_eq!(ways(&translation(BOTH, true, None), &[A, AAAA]), [A, AAAA]);
        // Without a route, the result says so.
        assert_eq!(ways(&translation(BOTH, false, None), &[A, AAAA]), [A, AAAA]);
        assert_eq!(ways(&translation(ONLY_6, false, None), &[A, AAAA]), [AAAA]);
    }

    #[test]
    fn a_prefix_stands_in_for_ipv4_or_beside_it() {
        let prefix = Some("64:ff9b::/96");
        let alone = translation(BOTH, false, prefix);
        assert_eq!(ways(&alone, &[A, AAAA]), [SYNTHESIZED, AAAA]);
        let beside = translation(BOTH, true, prefix);
        assert_eq!(ways(&beside, &[A, AAAA]), [A, SYNTHESIZED, AAAA]);
        let only_6 = translation(ONLY_6, false, prefix);
        assert_eq!(ways(&only_6, &[A]), [SYNTHESIZED]);
    }

    #[test]
    fn what_dns64_has_synthesized_is_not_asked_twice() {
        let alone = translation(BOTH, false, Some("64:ff9b::/96"));
        assert_eq!(ways(&alone, &[A, SYNTHESIZED]), [SYNTHESIZED]);
    }

    #[test]
    fn ways_differ_by_translator() {
        let translation = translation(BOTH, true, Some("2001:db8:64::/96"));
        for (address, nat64) in [
            ("2001:db8:113::10", None),
            ("203.0.113.10", None),
            ("64:ff9b::cb00:710a", Some("64:ff9b::/96")),
            ("2001:db8:64::cb00:710a", Some("2001:db8:64::/96")),
        ] {
            let way = translation.way_of(address.parse().expect("an address"));
            let prefix = way.nat64.map(|prefix| prefix.to_string());
            assert_eq!(prefix.as_deref(), nat64, "{address}");
        }
        let address = "[2001:db8:64::cb00:710a]:3478".parse().expect("an address");
        let behind = translation.stands_for(address).map(|a| a.to_string());
        assert_eq!(behind.as_deref(), Some(A));
    }

    #[test]
    fn where_it_is_off_every_address_is_what_it_seems() {
        let off = Translation {
            is_on: false,
            ..translation(BOTH, true, None)
        };
        let way = off.way_of("64:ff9b::cb00:710a".parse().expect("an address"));
        assert_eq!(way.nat64, None);
    }
}
