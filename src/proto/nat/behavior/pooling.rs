//! Address pooling (RFC 4787 REQ-2): fresh sockets whose first packet goes to different servers.
//!
//! A NAT with several external addresses may choose one when a socket sends its first packet, by
//! where that goes, and keep it. Sockets that all begin with the same server would never show it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::behavior::classify;
use crate::proto::nat::behavior::probe::Test;
use crate::proto::nat::behavior::words::{AddressPooling, Mapping};
use crate::proto::nat::behavior::{
    Discovery, FIRST_POOLING, MAPPING_SOCKET, POOLING_SOCKETS, SAMPLES, SECOND_SOCKET,
};

/// Samples whose sockets do not test filtering. With two addresses chosen for each flow, nine
/// sockets that all keep theirs by chance are one run in five hundred, beside what the mapping
/// socket needs to look endpoint-independent.
const CONFIRMING_SAMPLES: std::ops::Range<usize> = 3..SAMPLES;
const CONFIRMING_SOCKETS: usize = 7;

impl Discovery {
    /// Sends the first packets. This visits other addresses of servers, so it waits until
    /// filtering has been tested.
    pub(super) fn start_pooling(&mut self) {
        if self.pooling.is_some() || self.nat_fact().value() != Some(&true) {
            return;
        }
        let begun: BTreeSet<IpAddr> = self.first_destinations();
        let mut fresh: Vec<SocketAddr> = Vec::new();
        for seen in self.believed_answers() {
            let ip = seen.destination.ip();
            if !begun.contains(&ip) && fresh.iter().all(|f| f.ip() != ip) {
                fresh.push(seen.destination);
            }
        }
        let probes = fresh
            .into_iter()
            .zip(FIRST_POOLING..FIRST_POOLING + POOLING_SOCKETS)
            .map(|(destination, socket)| {
                self.ask_plainly(Test::PoolingSample, socket, destination)
            });
        self.pooling = Some(probes.collect());
    }

    /// Where several external addresses were seen, asks another server from sockets that have a
    /// mapping already: does each of them keep it?
    pub(super) fn step_confirmation(&mut self) {
        let wanted =
            self.pooling.is_some() && self.pooling_settled() && self.confirmations.is_empty();
        if !wanted || !self.has_several_addresses() || self.mapping_changed() {
            return;
        }
        let Some(sampled) = self.samples.first().map(|p| self.probes[*p].destination) else {
            return;
        };
        let other = self
            .believed_answers()
            .into_iter()
            .map(|seen| seen.destination)
            .find(|destination| destination.ip() != sampled.ip());
        let Some(other) = other else {
            return;
        };
        for index in CONFIRMING_SAMPLES {
            let sample = self.samples[index];
            if self.probes[sample].reflexive().is_some() {
                let socket = self.probes[sample].socket;
                let probe = self.ask_plainly(Test::MappingSample, socket, other);
                self.confirmations.push((sample, probe));
            }
        }
    }

    /// Whether enough sockets were asked again and all kept their mapping.
    pub(super) fn mapping_confirmed(&self) -> bool {
        self.confirmations.len() >= CONFIRMING_SOCKETS
            && self.confirmations.iter().all(|(sample, probe)| {
                self.probes[*probe].reflexive().is_some()
                    && self.probes[*probe].reflexive() == self.probes[*sample].reflexive()
            })
    }

    pub(super) fn pooling_settled(&self) -> bool {
        let confirmations = self.confirmations.iter().map(|(_, probe)| probe);
        self.are_settled(self.pooling.iter().flatten().chain(confirmations))
    }

    pub(super) fn address_pooling(&self, nat: &Fact<bool>) -> Fact<AddressPooling> {
        let confirmed = self.repeats.len() >= 2 && self.round_settled();
        if self.mapping_changed() || (self.has_several_addresses() && !confirmed) {
            return Fact::inconclusive(
                Reason::MappingChanged,
                "the external address may have changed during the test",
            );
        }
        let mut destinations = self.first_destinations();
        // With such a mapping every destination is a new choice.
        if let Some(Mapping::AddressDependent | Mapping::AddressAndPortDependent) =
            self.mapping_of_one().0.value()
        {
            destinations.extend(self.believed_answers().iter().map(|s| s.destination.ip()));
        }
        classify::address_pooling(nat, &self.external_addresses(), destinations.len())
    }

    /// Whether more than one external IP address was seen.
    pub(super) fn has_several_addresses(&self) -> bool {
        let addresses: BTreeSet<IpAddr> = self
            .external_addresses()
            .iter()
            .map(|(_, ip)| *ip)
            .collect();
        addresses.len() > 1
    }

    /// The IP addresses that some socket sent its first packet to, and was answered from.
    fn first_destinations(&self) -> BTreeSet<IpAddr> {
        let mut begun = BTreeSet::new();
        let mut destinations = BTreeSet::new();
        for probe in &self.probes {
            let counts = probe.socket == MAPPING_SOCKET
                || probe.socket == SECOND_SOCKET
                || matches!(probe.test, Test::PortSample | Test::PoolingSample);
            if begun.insert(probe.socket) && counts && probe.reflexive().is_some() {
                destinations.insert(probe.destination.ip());
            }
        }
        destinations
    }
}
