//! Which way an address is asked: natively, or through a NAT64 (RFC 6146) by its prefix.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::commands::nat::nat64::report::path_name;
use crate::commands::nat::run::{Nat64, Options};
use crate::net::host::Source;
use crate::proto::nat::behavior::Observation;
use crate::proto::nat::nat64::Prefix;
use crate::proto::stun::uri::Host;

/// Stands for all of IPv4 where no server is named by an IPv4 address. Nothing is sent to it.
const SOME_IPV4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 0, 170)), 3478);

/// Servers on the same way are behind the same NAT, those on different ways are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The family that is sent.
    pub family: Family,
    /// The prefix of the NAT64, if it goes through one.
    pub nat64: Option<Prefix>,
    /// The address that is sent from: what is seen from two of them is never put together. `None` where
    /// nothing can be sent.
    pub local: Option<IpAddr>,
}

impl Route {
    /// Makes the seed of the run another one for each way.
    pub fn salt(self) -> u64 {
        let local = match self.local {
            Some(IpAddr::V4(local)) => u64::from(u32::from(local)),
            Some(IpAddr::V6(local)) => u128::from(local).to_be_bytes()[8..]
                .iter()
                .fold(0, |salt, byte| salt << 7 ^ u64::from(*byte)),
            None => 0,
        };
        self.family as u64 | u64::from(self.nat64.is_some()) << 1 | local << 2
    }

    /// The same from a local address.
    #[must_use]
    pub const fn from(self, local: Option<IpAddr>) -> Self {
        Self { local, ..self }
    }

    /// Says on which path something was observed.
    pub fn named(self, observation: Observation, interface: Option<&str>) -> Observation {
        let suffix = match (self.family, self.nat64) {
            (Family::Ipv4, _) => "",
            (Family::Ipv6, None) => "6",
            (Family::Ipv6, Some(_)) => "64",
        };
        Observation {
            interface: interface.map(str::to_owned),
            socket: observation.socket + suffix,
            ..observation
        }
    }

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

    pub const fn is_pending(&self) -> bool {
        self.pending
    }

    pub fn found(&mut self, prefixes: Fact<Vec<Prefix>>) {
        self.pending = false;
        self.prefixes = prefixes;
    }

    /// Nobody waits for the prefix any more.
    pub fn give_up(&mut self) {
        if self.pending {
            self.found(Fact::inconclusive(
                Reason::NoResponse,
                "the run went on before DNS gave the NAT64 prefix (RFC 7050)",
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
    pub fn destinations(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let preferred = self.prefixes.value().and_then(|prefixes| prefixes.first());
        let wants_ipv4 = self.wanted.contains(&Family::Ipv4);
        let mut routes: Vec<SocketAddr> = Vec::new();
        for address in addresses {
            let native = match address {
                SocketAddr::V4(_) => wants_ipv4 && (self.native_ipv4 || preferred.is_none()),
                SocketAddr::V6(_) => true,
            };
            let synthesized = preferred
                .filter(|_| address.is_ipv4())
                .map(|prefix| prefix.reach(*address));
            // A DNS64 may have synthesized the same address already.
            for route in native.then_some(*address).into_iter().chain(synthesized) {
                if !routes.contains(&route) {
                    routes.push(route);
                }
            }
        }
        routes
    }

    /// The way to an address, but for where it begins.
    pub fn route_of(&self, address: IpAddr) -> Route {
        let known = self.prefixes.value().into_iter().flatten();
        let nat64 = known
            .chain(&[Prefix::WELL_KNOWN])
            .find(|prefix| self.is_on && prefix.covers(address));
        Route {
            family: Family::of(address),
            nat64: nat64.copied(),
            local: None,
        }
    }

    /// The IPv4 address that an address of a translator stands for.
    pub fn stands_for(&self, address: SocketAddr) -> Option<SocketAddr> {
        let prefix = self.route_of(address.ip()).nat64?;
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

    fn routes(translation: &Translation, addresses: &[&str]) -> Vec<String> {
        let addresses: Vec<SocketAddr> = addresses
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect();
        let routes = translation.destinations(&addresses);
        routes.iter().map(ToString::to_string).collect()
    }

    const BOTH: &[Family] = &[Family::Ipv4, Family::Ipv6];
    const ONLY_6: &[Family] = &[Family::Ipv6];
    const A: &str = "203.0.113.10:3478";
    const AAAA: &str = "[2001:db8:113::10]:3478";
    const SYNTHESIZED: &str = "[64:ff9b::cb00:710a]:3478";

    #[test]
    fn ipv4_is_asked_natively_where_there_is_no_prefix() {
        assert_eq!(
            routes(&translation(BOTH, true, None), &[A, AAAA]),
            [A, AAAA]
        );
        // Without a route, the result says so.
        assert_eq!(
            routes(&translation(BOTH, false, None), &[A, AAAA]),
            [A, AAAA]
        );
        assert_eq!(
            routes(&translation(ONLY_6, false, None), &[A, AAAA]),
            [AAAA]
        );
    }

    #[test]
    fn a_prefix_stands_in_for_ipv4_or_beside_it() {
        let prefix = Some("64:ff9b::/96");
        let alone = translation(BOTH, false, prefix);
        assert_eq!(routes(&alone, &[A, AAAA]), [SYNTHESIZED, AAAA]);
        let beside = translation(BOTH, true, prefix);
        assert_eq!(routes(&beside, &[A, AAAA]), [A, SYNTHESIZED, AAAA]);
        let only_6 = translation(ONLY_6, false, prefix);
        assert_eq!(routes(&only_6, &[A]), [SYNTHESIZED]);
    }

    #[test]
    fn what_dns64_has_synthesized_is_not_asked_twice() {
        let alone = translation(BOTH, false, Some("64:ff9b::/96"));
        assert_eq!(routes(&alone, &[A, SYNTHESIZED]), [SYNTHESIZED]);
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
            let route = translation.route_of(address.parse().expect("an address"));
            let prefix = route.nat64.map(|prefix| prefix.to_string());
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
        let route = off.route_of("64:ff9b::cb00:710a".parse().expect("an address"));
        assert_eq!(route.nat64, None);
    }
}
