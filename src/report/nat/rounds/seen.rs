//! What one round showed of a path, in short.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use crate::fact::Fact;
use crate::family::Family;
use crate::nat::behavior::{AddressPooling, Filtering, Mapping, Udp};
use crate::nat::loss::Loss;
use crate::nat::probe::Test;
use crate::report::Millis;
use crate::report::nat::{LegacyName, NatResult, PathReport};

/// What one round showed of a path.
#[derive(Debug, Clone, Serialize)]
pub struct PathSeen {
    /// Its family.
    pub family: Family,
    /// Its interface.
    pub interface: Option<String>,
    /// Its local address.
    pub local_address: IpAddr,
    /// Whether UDP gets through.
    pub udp: Fact<Udp>,
    /// Whether addresses are translated.
    pub nat: Fact<bool>,
    /// RFC 4787 4.1.
    pub mapping: Fact<Mapping>,
    /// RFC 4787 5.
    pub filtering: Fact<Filtering>,
    /// The old name for the combination.
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
    /// Every round trip.
    #[serde(skip)]
    pub samples: Vec<Duration>,
    /// Plain requests to servers that answer.
    #[serde(skip)]
    pub loss: Loss,
}

impl PathSeen {
    /// The paths of a result.
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
            udp: path.udp.clone(),
            nat: path.nat.clone(),
            mapping: path.mapping.clone(),
            filtering: path.filtering.clone(),
            legacy_name: path.legacy_name,
            reflexive_addresses: path
                .reflexive_addresses
                .iter()
                .map(SocketAddr::ip)
                .collect(),
            rtt_ms: median(samples.clone()).map(Millis),
            by_nat64: path.nat64_prefix.is_determined(),
            is_pooled: path.address_pooling.value() == Some(&AddressPooling::Arbitrary),
            trips: by_server
                .into_iter()
                .filter_map(|(server, trips)| Some((server, median(trips)?)))
                .collect(),
            samples,
            loss: path.loss,
        }
    }

    /// Whether UDP is known to work.
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
