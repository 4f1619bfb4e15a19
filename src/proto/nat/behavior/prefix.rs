//! The prefix of a NAT64 that nobody told (RFC 6052): what a server calls itself shows it, and the
//! server's other address, reached by it, proves it.

use std::net::IpAddr;

use crate::proto::nat::behavior::{Discovery, MAPPING_SOCKET};
use crate::proto::nat::nat64::{self, Prefix};

impl Discovery {
    /// The likely prefix, by which nothing told by a server has been reached so far: the address asked is
    /// that of RESPONSE-ORIGIN with a prefix before it, and the server sees an IPv4 address.
    pub fn likely_nat64_prefix(&self) -> Option<Prefix> {
        (0..self.servers.len())
            .filter(|s| self.untruth(*s).is_none())
            .find_map(|s| {
                let success = self.first_success(s)?;
                let seen = success.reflexive()?;
                match (self.servers[s].address.ip(), success.response_origin?.ip()) {
                    (IpAddr::V6(asked), IpAddr::V4(own)) if seen.is_ipv4() => {
                        nat64::between(asked, own)
                    }
                    _ => None,
                }
            })
    }

    /// Tries the likely prefix from now on, where every server is behind a translator.
    pub(super) fn try_likely_prefix(&mut self) {
        let is_ipv4 = self.sockets[MAPPING_SOCKET].is_ipv4();
        // A server that is reached without a translator may still answer.
        if self.nat64.is_some() || is_ipv4 || !self.survey_settled() {
            return;
        }
        let seen = |s: usize| self.first_success(s)?.reflexive();
        let all_translated = (0..self.servers.len())
            .filter_map(seen)
            .all(|a| a.is_ipv4());
        if let (true, Some(prefix)) = (all_translated, self.likely_nat64_prefix()) {
            self.nat64 = Some(prefix);
            self.likely_prefix = Some(prefix);
        }
    }

    /// The likely prefix, once an address has answered that only this prefix could lead to.
    pub fn proved_nat64_prefix(&self) -> Option<Prefix> {
        let prefix = self.likely_prefix?;
        let is_listed = |ip: IpAddr| self.servers.iter().any(|s| s.address.ip() == ip);
        let mut answered = self.probes.iter().filter(|p| p.success().is_some());
        answered
            .any(|p| prefix.covers(p.destination.ip()) && !is_listed(p.destination.ip()))
            .then_some(prefix)
    }

    /// Whether what servers tell in IPv4 could not be reached for want of a prefix that is known.
    pub(super) fn lacks_prefix(&self) -> bool {
        let is_known = self.nat64.is_some() && self.likely_prefix.is_none();
        self.sockets[MAPPING_SOCKET].is_ipv6() && !is_known && self.proved_nat64_prefix().is_none()
    }
}
