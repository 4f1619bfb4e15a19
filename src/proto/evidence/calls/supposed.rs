//! Of the far end packets have the address alone: whether that is a relay, other files of the call tell.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::proto::evidence::account::{Account, PairRecord, ToldCandidate};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::ice::candidate::CandidateType;

/// What an end is known to have, by its own files and by what it told.
#[derive(Debug, Default)]
struct Known {
    kinds: BTreeMap<SocketAddr, CandidateType>,
    /// Addresses of its hosts and NATs: whatever its port, what comes from there comes through no relay.
    own: BTreeSet<IpAddr>,
}

impl Known {
    fn of(call: &JoinedCall, end: usize) -> Self {
        let mut known = Self::default();
        let by_itself = call.ends[end].iter().flat_map(|account| account.own.udp());
        let by_other = call.ends[1 - end]
            .iter()
            .flat_map(|account| account.other.udp().filter(|c| is_told(c)));
        for candidate in by_itself.chain(by_other) {
            let Some(at) = candidate.socket_address() else {
                continue;
            };
            // Peer-reflexive is what nobody has told.
            if candidate.kind == CandidateType::Prflx {
                continue;
            }
            let kind = known.kinds.entry(at).or_insert(candidate.kind);
            if candidate.kind == CandidateType::Relay {
                *kind = CandidateType::Relay;
            }
        }
        let relays: BTreeSet<IpAddr> = known
            .kinds
            .iter()
            .filter(|(_, kind)| **kind == CandidateType::Relay)
            .map(|(at, _)| at.ip())
            .collect();
        let addresses = known.kinds.keys().map(SocketAddr::ip);
        known.own = addresses.filter(|ip| !relays.contains(ip)).collect();
        known
    }
}

/// Whether it is from a description or from statistics, and not seen in packets.
const fn is_told(candidate: &ToldCandidate) -> bool {
    candidate.priority > 0 || candidate.line.is_some() || candidate.is_signalled
}

pub(super) fn settle(call: &mut JoinedCall) {
    let selected = [0, 1].map(|end| selected(call, end).map(|pair| pair.local.kind));
    for end in [0, 1] {
        let known = Known::of(call, 1 - end);
        let Some(account) = &mut call.ends[end] else {
            continue;
        };
        by_what_is_known(account, &known);
        // What the other end sends over it knows best.
        let Some(kind) = selected[1 - end] else {
            continue;
        };
        let mut used = account.pairs.iter_mut();
        if let Some(pair) = used.find(|pair| pair.is_selected && pair.is_supposed) {
            pair.is_supposed = false;
            if kind == CandidateType::Relay {
                pair.remote.kind = kind;
            } else if pair.remote.kind == CandidateType::Relay {
                pair.remote.kind = CandidateType::Srflx;
            }
        }
    }
}

fn selected(call: &JoinedCall, end: usize) -> Option<&PairRecord> {
    let mut pairs = call.ends[end].as_ref()?.pairs.iter();
    pairs.find(|pair| pair.is_selected && pair.is_answered())
}

fn by_what_is_known(account: &mut Account, known: &Known) {
    for pair in &mut account.pairs {
        let Some(at) = pair.remote.socket_address() else {
            continue;
        };
        let kind = known.kinds.get(&at).copied();
        if pair.is_supposed || pair.remote.kind == CandidateType::Prflx {
            pair.remote.kind = settled(pair.remote.kind, kind, known.own.contains(&at.ip()));
        }
        pair.is_supposed &= kind.is_none() && !known.own.contains(&at.ip());
    }
    let candidates = account.other.candidates.iter_mut();
    for candidate in candidates.filter(|c| !is_told(c) || c.kind == CandidateType::Prflx) {
        if let Some(at) = candidate.socket_address() {
            let kind = known.kinds.get(&at).copied();
            candidate.kind = settled(candidate.kind, kind, known.own.contains(&at.ip()));
        }
    }
}

/// A relay is one for both ends, and what is none for one end is none.
fn settled(seen: CandidateType, known: Option<CandidateType>, is_own: bool) -> CandidateType {
    match (seen, known) {
        (_, Some(CandidateType::Relay)) => CandidateType::Relay,
        (CandidateType::Relay, Some(kind)) => kind,
        (CandidateType::Relay, None) if is_own => CandidateType::Srflx,
        (seen, _) => seen,
    }
}
