//! What one round showed of a path, in short.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use crate::base::fact::Fact;
use crate::base::family::Family;
use crate::base::report::Millis;
use crate::commands::nat::report::{LegacyName, NatResult, PathReport};
use crate::proto::nat::behavior::probe::Test;
use crate::proto::nat::behavior::words::{AddressPooling, Filtering, Mapping, Udp};
use crate::proto::nat::loss::Loss;

#[derive(Debug, Clone, Serialize)]
pub struct PathSeen {
    pub family: Family,
    pub interface: Option<String>,
    pub local_address: IpAddr,
    pub udp: Fact<Udp>,
    pub nat: Fact<bool>,
    pub mapping: Fact<Mapping>,
    pub filtering: Fact<Filtering>,
    pub legacy_name: LegacyName,
    /// The addresses under which it was seen, without ports: each round has new ones.
    pub reflexive_addresses: BTreeSet<IpAddr>,
    /// The median round trip.
    pub rtt_ms: Option<Millis>,
    /// Whether it reaches IPv4 by a NAT64; the same interface may have a native path, too.
    #[serde(skip)]
    pub by_nat64: bool,
    /// Whether the NAT gives one host several addresses (RFC 4787 REQ-2).
    #[serde(skip)]
    pub is_pooled: bool,
    /// Median round trip to each server address.
    #[serde(skip)]
    pub trips: BTreeMap<SocketAddr, Duration>,
    #[serde(skip)]
    pub samples: Vec<Duration>,
    /// Plain requests to servers that answer.
    #[serde(skip)]
    pub loss: Loss,
}

impl PathSeen {
    pub fn of(result: &NatResult) -> Vec<Self> {
        result.paths.iter().map(|p| Self::new(p, result)).collect()
    }

    fn new(path: &PathReport, result: &NatResult) -> Self {
        let mut by_server: BTreeMap<SocketAddr, Vec<Duration>> = BTreeMap::new();
        for seen in &result.observations {
            let of_path = seen.interface == path.interface
                && Family::of(seen.sent_to.ip()) == path.family
                && seen.answered_from == Some(seen.sent_to)
                && seen.test != Test::Hairpin;
            if let (true, Some(rtt)) = (of_path, seen.rtt_ms) {
                by_server.entry(seen.sent_to).or_default().push(rtt.0);
            }
        }
        let samples: Vec<Duration> = by_server.values().flatten().copied().collect();
        Self {
            family: path.family,
            interface: path.interface.clone(),
            local_address: path.local_address,
            udp: path.facts.udp.clone(),
            nat: path.facts.nat.clone(),
            mapping: path.facts.mapping.clone(),
            filtering: path.facts.filtering.clone(),
            legacy_name: path.legacy_name,
            reflexive_addresses: path.external(),
            rtt_ms: median(samples.clone()).map(Millis),
            by_nat64: path.nat64_prefix.is_determined(),
            is_pooled: path.facts.address_pooling.value() == Some(&AddressPooling::Arbitrary),
            trips: by_server
                .into_iter()
                .filter_map(|(server, trips)| Some((server, median(trips)?)))
                .collect(),
            samples,
            loss: path.loss,
        }
    }

    pub fn is_open(&self) -> bool {
        self.udp == Fact::Determined(Udp::Open)
    }
}

/// The one in the middle, or halfway between the two there.
pub fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    let upper = *times.get(times.len() / 2)?;
    let lower = times[(times.len() - 1) / 2];
    Some((lower + upper) / 2)
}
