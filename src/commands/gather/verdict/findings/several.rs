//! Different servers that see one base at different addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::report::Finding;
use crate::base::words::listed;
use crate::commands::gather::report::GatherResult;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::stun::uri::Transport;

/// What it may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// One external address and a port for each server: what a mapping looks like that depends on the destination.
    Mapping,
    /// Several external addresses: then ports tell nothing of the mapping.
    Addresses,
    /// Servers on different hosts see the same, and another one does not.
    OneServer,
}

/// The bases that are seen at more than one address, and those.
fn bases(result: &GatherResult) -> BTreeMap<SocketAddr, BTreeSet<SocketAddr>> {
    let mut by_base: BTreeMap<SocketAddr, BTreeSet<SocketAddr>> = BTreeMap::new();
    for candidate in &result.candidates {
        if candidate.kind == CandidateType::Srflx && !result.is_elsewhere(candidate) {
            let seen = by_base.entry(candidate.base()).or_default();
            seen.insert(candidate.socket_address());
        }
    }
    by_base.retain(|_, seen| seen.len() > 1);
    by_base
}

fn cause(base: SocketAddr, seen: &BTreeSet<SocketAddr>, result: &GatherResult) -> Cause {
    let addresses: BTreeSet<IpAddr> = seen.iter().map(SocketAddr::ip).collect();
    if addresses.len() > 1 {
        return Cause::Addresses;
    }
    let hosts = |address: &SocketAddr| {
        let rows = result.servers.iter().filter(|s| {
            s.transport == Transport::Udp
                && s.local_address == Some(base.ip())
                && s.reflexive_address == Some(*address)
        });
        let hosts: BTreeSet<IpAddr> = rows.filter_map(|s| Some(s.address?.ip())).collect();
        hosts.len()
    };
    if seen.iter().any(|address| hosts(address) > 1) {
        Cause::OneServer
    } else {
        Cause::Mapping
    }
}

/// Whether what servers see looks like a mapping that depends on the destination.
pub(in super::super) fn is_mapping_dependent(result: &GatherResult) -> bool {
    let bases = bases(result);
    let mut all = bases.iter();
    all.any(|(base, seen)| cause(*base, seen, result) == Cause::Mapping)
}

pub(super) fn of_result(result: &GatherResult, findings: &mut Vec<Finding>) {
    for (base, seen) in bases(result) {
        let (what, hint) = match cause(base, &seen, result) {
            Cause::Mapping => (
                "the NAT's mapping depends on the destination, it seems, so peers will see yet another address",
                "rtcdiag nat tells how it maps; have a TURN server ready",
            ),
            Cause::Addresses => (
                "the NAT gives this host several external addresses, or something before one of the servers rewrites what it sees; how the NAT maps is not known",
                "rtcdiag nat tells more; ask a third server as well, and have a TURN server ready",
            ),
            Cause::OneServer => (
                "most see the same, so something before one of the servers may rewrite what it sees, or its answers are wrong, and then its candidate is none of this host's",
                "rtcdiag nat tells which of them contradicts the others",
            ),
        };
        let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
        findings.push(Finding::new(
            Code::SeveralReflexiveAddresses,
            format!("different servers see {base} as {}: {what}", listed(&seen)),
            hint,
        ));
    }
}
