//! Who runs the servers that are silent: what one operator's firewall does says nothing of this path.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::commands::nat::report::Closed;
use crate::commands::nat::verdict::evidence::{Silence, StreamSeen, transport_name};
use crate::proto::stun::uri::Host;

impl Silence<'_> {
    /// A silent host's server that answers over TCP or TLS.
    pub(super) fn answers_over_stream(&self, silent: &BTreeSet<IpAddr>) -> Option<&StreamSeen> {
        let mut streams = self.fallback.iter().chain(&self.streams);
        streams.find(|s| s.answered && silent.contains(&s.address.ip()))
    }

    pub(super) fn but_not_over_udp(&self, seen: &StreamSeen) -> String {
        let by = self.is_rejected().map_or_else(String::new, |rejection| {
            format!("; {} rejects it by ICMP", rejection.name())
        });
        format!(
            "{} answers over {}, but not over UDP{}{by}",
            seen.address,
            transport_name(seen.transport),
            self.ports_tried()
        )
    }

    /// A server runs and its UDP is silent, and nobody independent of it was asked: the firewall before it may
    /// have UDP closed as well as one here.
    pub(super) fn is_one_operator_silent(&self) -> Option<(Closed, Finding)> {
        let unanswered = self.unanswered();
        let refused = !self.refusals.is_empty();
        let seen = self.answers_over_stream(&unanswered)?;
        if refused || self.is_cut_short || self.blocked_because().is_some() {
            return None;
        }
        let message = format!(
            "{} over {}: this path drops UDP, or the firewall before the server does",
            self.but_not_over_udp(seen),
            self.path
        );
        let hint = "ask a second server, of another operator, with -s: if that one answers, have UDP opened at the first; if it is silent too, UDP is blocked here";
        Some((
            Closed::OneOperator,
            Finding::new(Code::NoAnswer, message, hint),
        ))
    }

    /// How many operators these hosts belong to, by the domains that they were named with.
    pub(super) fn operators(&self, hosts: &BTreeSet<IpAddr>) -> usize {
        let named = self.names.iter().filter(|(a, _)| hosts.contains(&a.ip()));
        let domains: BTreeSet<String> = named
            .filter_map(|(_, host)| match host {
                Host::Name(name) => Some(domain(name)),
                Host::Ip(_) => None,
            })
            .collect();
        domains.len()
    }

    /// How many of these hosts are independent of each other, as far as their names say: hosts of one domain have
    /// one operator, and an address without a name stands for itself.
    pub(super) fn independent(&self, hosts: &BTreeSet<IpAddr>) -> usize {
        let of_whom: BTreeSet<String> = hosts
            .iter()
            .map(|ip| {
                let mut named = self.names.iter().filter(|(a, _)| a.ip() == *ip);
                let name = named.find_map(|(_, host)| match host {
                    Host::Name(name) => Some(domain(name)),
                    Host::Ip(_) => None,
                });
                name.unwrap_or_else(|| ip.to_string())
            })
            .collect();
        of_whom.len()
    }
}

/// Whose a name is: its last two labels.
fn domain(name: &str) -> String {
    let labels: Vec<&str> = name.trim_end_matches('.').rsplit('.').take(2).collect();
    labels.join(".").to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;

    use super::*;
    use crate::proto::nat::behavior::{ServerError, ServerFacts, ServerRecord};
    use crate::proto::stun::uri::Transport;

    /// Servers that are silent over UDP and answer over TCP, with their names if they have any.
    fn closed_with(servers: &[(&str, Option<&str>)]) -> (Option<Closed>, bool) {
        let addresses = servers
            .iter()
            .map(|(address, name)| (address.parse().expect("an address"), *name));
        let addresses: Vec<(SocketAddr, Option<&str>)> = addresses.collect();
        let host = |address: &SocketAddr, name: Option<&str>| match name {
            Some(name) => Host::Name(name.to_owned()),
            None => Host::Ip(address.ip()),
        };
        let names: BTreeMap<SocketAddr, Host> = addresses
            .iter()
            .map(|(address, name)| (*address, host(address, *name)))
            .collect();
        let silence = Silence {
            path: "IPv4",
            servers: addresses
                .iter()
                .map(|(address, _)| ServerRecord {
                    address: *address,
                    facts: ServerFacts::default(),
                    error: Some(ServerError::Timeout),
                })
                .collect(),
            names: &names,
            refusals: &[],
            fallback: addresses
                .iter()
                .map(|(address, _)| StreamSeen {
                    address: *address,
                    transport: Transport::Tcp,
                    answered: true,
                    host_is_up: true,
                })
                .collect(),
            streams: Vec::new(),
            knocks: &[],
            is_router_up: None,
            is_cut_short: false,
        };
        let closed = silence.closed().map(|(closed, _)| closed);
        (closed, silence.blocked().is_some())
    }

    #[test]
    fn one_operator_that_is_silent_over_udp_does_not_show_that_it_is_blocked_here() {
        for servers in [
            &[("192.0.2.10:3478", None)][..],
            &[("192.0.2.10:3478", Some("turn.example.org"))],
            &[
                ("192.0.2.10:3478", Some("turn.example.org")),
                ("192.0.2.11:3478", Some("stun.example.org")),
            ],
            &[("192.0.2.10:3478", None), ("192.0.2.10:443", None)],
        ] {
            let found = closed_with(servers);
            assert_eq!(found, (Some(Closed::OneOperator), false), "{servers:?}");
        }
    }

    #[test]
    fn two_independent_servers_show_it() {
        for servers in [
            [("192.0.2.10:3478", None), ("198.51.100.10:3478", None)],
            [
                ("192.0.2.10:3478", Some("stun.example.org")),
                ("198.51.100.10:3478", Some("stun.example.net")),
            ],
        ] {
            assert_eq!(closed_with(&servers), (None, true), "{servers:?}");
        }
    }
}
