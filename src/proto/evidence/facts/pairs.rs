//! The pairs of this end, with what the other end's records add.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, EndRecord, PairRecord, Place};
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::PairFacts;

/// A pair, as all files together know it. Its local end is this end's.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPair {
    pub record: PairRecord,
    /// How many of this end's requests the other end saw; `None` if no file tells.
    pub arrived: Option<u32>,
}

impl CallPair {
    /// Whether a check was answered.
    pub const fn works(&self) -> bool {
        self.record.responses_received > 0
    }

    pub fn is_relayed(&self) -> bool {
        self.record.is_relayed()
    }

    pub fn failure(&self, is_over: bool) -> Option<Code> {
        let record = &self.record;
        if let Some(code) = record.failure {
            return Some(code);
        }
        if self.works() || !is_over {
            return None;
        }
        Some(if record.state == "cancelled" {
            // Firefox takes back what it has not done when another pair is chosen.
            Code::CutShort
        } else if record.checks() == 0 {
            Code::NotChecked
        } else {
            Code::NoResponse
        })
    }

    /// For the rules; nothing where an end has no address that is known.
    pub fn facts(&self, other: &KnownSide) -> Option<PairFacts> {
        let record = &self.record;
        let local = record.local.base()?;
        let is_relay = |end: &EndRecord| end.kind == CandidateType::Relay;
        let kind = if is_relay(&record.local) {
            CandidateType::Relay
        } else {
            CandidateType::Host
        };
        let remote = address_of(&record.remote, other)?;
        let mapped = match record.local.kind {
            CandidateType::Srflx | CandidateType::Prflx => record.local.socket_address(),
            _ => None,
        };
        Some(PairFacts {
            local: (kind, local),
            remote: (record.remote.kind, remote),
            is_relayed: self.is_relayed(),
            works: self.works() && record.state != "failed",
            sent: record.checks(),
            arrived: record.requests_arrived.or(self.arrived),
            answered: record.responses_received,
            received: record.requests_received,
            mapped: record.mapped.or(mapped),
            failure: self.failure(true),
        })
    }
}

fn address_of(end: &EndRecord, side: &KnownSide) -> Option<SocketAddr> {
    end.socket_address()
        .or_else(|| side.resolved(end.kind, end.port))
}

/// Joins this end's pairs with those of the other end.
pub fn joined(
    own: Option<&Account>,
    other: Option<&Account>,
    local: &KnownSide,
    remote: &KnownSide,
) -> Vec<CallPair> {
    let arrivals = other.map(|account| Arrivals::new(account, local, remote));
    let mut pairs: Vec<CallPair> = own
        .map(|account| account.pairs.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|record| {
            (
                record,
                own.is_some_and(|account| is_refused(account, record)),
            )
        })
        .map(|(record, is_refused)| CallPair {
            arrived: arrivals.as_ref().and_then(|arrivals| arrivals.of(record)),
            record: PairRecord {
                failure: record.failure.or(is_refused.then_some(Code::ForbiddenIp)),
                ..record.clone()
            },
        })
        .collect();
    if pairs.is_empty()
        && let Some(account) = other
    {
        pairs = account.pairs.iter().map(mirrored).collect();
    }
    pairs.sort_by_key(|pair| {
        (
            !pair.record.is_selected,
            std::cmp::Reverse(pair.record.priority),
        )
    });
    pairs
}

/// The pairs that ICE had (RFC 8445 6.1.2.2), by the candidates of both sides, where
/// ICE has failed and statistics have forgotten them.
pub fn forgotten(local: &KnownSide, remote: &KnownSide) -> Vec<CallPair> {
    const MOST: usize = 100;
    let end = |candidate: &Candidate| EndRecord {
        kind: candidate.kind,
        place: Place::Ip(candidate.address.ip()),
        port: candidate.address.port(),
        related: candidate.related,
        relay_transport: None,
    };
    let own = local.candidates.iter().filter(|c| {
        // Reflexive ones are their bases.
        matches!(c.kind, CandidateType::Host | CandidateType::Relay)
    });
    let all = own.flat_map(|own| {
        let of_family = |c: &&Candidate| c.address.is_ipv4() == own.address.is_ipv4();
        let others = remote.candidates.iter().filter(of_family);
        others.map(move |other| (own, other))
    });
    let pairs = all.take(MOST).map(|(own, other)| CallPair {
        record: PairRecord {
            is_counted: false,
            state: "failed".to_owned(),
            ..PairRecord::new(end(own), end(other))
        },
        arrived: None,
    });
    pairs.collect()
}

/// Whether the TURN server gives no permission for the remote address: Chromium calls no other pair
/// failed, and those at once.
fn is_refused(account: &Account, pair: &PairRecord) -> bool {
    const AT_ONCE: u32 = 7;
    account.has_events
        && pair.local.kind == CandidateType::Relay
        && pair.state == "failed"
        && pair.responses_received == 0
        && pair.requests_sent < AT_ONCE
}

/// A pair that only the other end's file has.
fn mirrored(record: &PairRecord) -> CallPair {
    let turned = PairRecord {
        priority: record.priority,
        state: record.state.clone(),
        nominated: record.nominated,
        is_selected: record.is_selected,
        is_counted: record.is_counted,
        requests_received: record.responses_received,
        responses_sent: record.responses_received,
        rtt_ms: record.rtt_ms,
        ..PairRecord::new(record.remote.clone(), record.local.clone())
    };
    CallPair {
        record: PairRecord {
            // What came there was sent here.
            requests_sent: record.requests_received,
            responses_received: 0,
            ..turned
        },
        arrived: record.is_counted.then_some(record.requests_received),
    }
}

/// Where requests arrived at the other end, by its own end and by the kind of what they came from.
struct Arrivals<'a> {
    counts: HashMap<(Option<SocketAddr>, bool, bool), u32>,
    remote: &'a KnownSide,
    hosts: HashSet<SocketAddr>,
    has_pairs: bool,
}

impl<'a> Arrivals<'a> {
    fn new(account: &'a Account, local: &'a KnownSide, remote: &'a KnownSide) -> Self {
        let hosts: HashSet<SocketAddr> = local
            .candidates
            .iter()
            .filter(|c| c.kind == CandidateType::Host)
            .map(|c| c.address)
            .collect();
        let mut counts: HashMap<(Option<SocketAddr>, bool, bool), u32> = HashMap::new();
        for pair in &account.pairs {
            let from_relay = pair.remote.kind == CandidateType::Relay;
            let from_host = pair
                .remote
                .socket_address()
                .is_some_and(|at| hosts.contains(&at));
            let key = (pair.local.base(), from_relay, from_host);
            let count = counts.entry(key).or_default();
            *count = count.saturating_add(pair.requests_received);
        }
        Self {
            counts,
            remote,
            hosts,
            has_pairs: account
                .pairs
                .iter()
                .any(|pair| pair.is_counted && pair.requests_sent > 0),
        }
    }

    fn of(&self, pair: &PairRecord) -> Option<u32> {
        if !self.has_pairs {
            return None;
        }
        let target = address_of(&pair.remote, self.remote);
        let base = match pair.remote.kind {
            CandidateType::Srflx | CandidateType::Prflx => self
                .remote
                .base_of(pair.remote.kind, pair.remote.port)
                .or(target),
            _ => target,
        };
        let from_relay = pair.local.kind == CandidateType::Relay;
        let own_is_host = pair
            .local
            .base()
            .is_some_and(|base| self.hosts.contains(&base));
        let to_host = pair.remote.kind == CandidateType::Host;
        // To a private address it comes from the private address; through a NAT it does not.
        let from_host = own_is_host && to_host;
        let of = |from_host: bool| self.counts.get(&(base, from_relay, from_host)).copied();
        let count = of(from_host).unwrap_or(0);
        Some(if pair.is_counted {
            count.min(pair.requests_sent)
        } else {
            count
        })
    }
}
