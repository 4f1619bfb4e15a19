//! The pairs of this end, with what the other end's records add.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, EndRecord, PairRecord, Place};
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::{PairFacts, Way};
use crate::proto::nat::address::is_global;

/// A pair, as all files together know it. Its local end is this end's.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPair {
    pub record: PairRecord,
    /// How many of this end's requests the other end saw; `None` if no file tells.
    pub arrived: Option<u32>,
}

impl CallPair {
    /// Whether a check was answered.
    pub fn works(&self) -> bool {
        self.record.is_answered()
    }

    pub fn is_relayed(&self) -> bool {
        self.record.is_relayed()
    }

    /// Whether it goes through a relay, as far as is known.
    pub fn way(&self) -> Option<Way> {
        let record = &self.record;
        if record.is_supposed && record.local.kind != CandidateType::Relay {
            return None;
        }
        Some(if record.is_relayed() {
            Way::Relayed
        } else {
            Way::Direct
        })
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
        let is_prflx = record.remote.kind == CandidateType::Prflx;
        let remote_kind = if is_prflx && !other.is_other_mapping(remote) {
            CandidateType::Srflx
        } else {
            record.remote.kind
        };
        Some(PairFacts {
            local: (kind, local),
            remote: (remote_kind, remote),
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
    let of_own = own.map_or(&[][..], |account| &account.pairs);
    let arrivals = other.map(|account| Arrivals::new(account, of_own, local, remote));
    let mut pairs: Vec<CallPair> = of_own
        .iter()
        .map(|record| {
            let is_refused = own.is_some_and(|account| is_refused(account, record));
            CallPair {
                arrived: arrivals.as_ref().and_then(|arrivals| arrivals.of(record)),
                record: PairRecord {
                    failure: record.failure.or(is_refused.then_some(Code::ForbiddenIp)),
                    ..record.clone()
                },
            }
        })
        .collect();
    pairs.sort_by_key(|pair| {
        (
            !pair.record.is_selected,
            std::cmp::Reverse(pair.record.priority),
        )
    });
    pairs
}

/// Statistics are taken each second: what made ICE connected was sent and answered before that was said.
pub fn before_connected(pairs: &mut [CallPair], up: Option<f64>) {
    const SAMPLES_MS: f64 = 2500.0;
    let Some(up) = up else {
        return;
    };
    for pair in pairs
        .iter_mut()
        .filter(|pair| pair.record.is_selected && pair.works())
    {
        let record = &mut pair.record;
        let is_of_sample = |at: f64| (0.0..SAMPLES_MS).contains(&(at - up));
        let told = |at: f64| if is_of_sample(at) { up } else { at };
        record.first_sent = record.first_sent.map(told);
        record.first_answered = record.first_answered.map(told);
    }
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

/// Whether a TURN server gives this end no permission for a public address of the other one, and whether packets show it.
pub(super) fn forbidden(account: &Account) -> Option<bool> {
    let is_public = |pair: &&PairRecord| {
        let is_relay = pair.local.kind == CandidateType::Relay;
        let ip = pair.remote.place.ip();
        is_relay && pair.remote.kind != CandidateType::Relay && ip.is_some_and(is_global)
    };
    let pairs = || account.pairs.iter().filter(is_public);
    let is_shown = pairs().any(|pair| pair.failure == Some(Code::ForbiddenIp));
    let is_inferred = pairs().any(|pair| is_refused(account, pair));
    (is_shown || is_inferred).then_some(is_shown)
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

/// A pair that only the other end's file has: what this end counted is not known.
pub(super) fn mirrored(record: &PairRecord) -> CallPair {
    CallPair {
        record: PairRecord {
            priority: record.priority,
            state: record.state.clone(),
            nominated: record.nominated,
            is_selected: record.is_selected,
            is_counted: false,
            rtt_ms: record.rtt_ms,
            failure: record.failure,
            is_supposed: record.is_supposed && record.local.kind != CandidateType::Relay,
            ..PairRecord::new(record.remote.clone(), record.local.clone())
        },
        arrived: record.is_counted.then_some(record.requests_received),
    }
}

/// How many requests arrived at the other end.
struct Arrivals<'a> {
    /// By the other end's socket, where they came from, and whether that is a relay.
    counts: HashMap<(Option<SocketAddr>, Option<SocketAddr>, bool), u32>,
    remote: &'a KnownSide,
    /// Sockets of this end's own.
    hosts: HashSet<SocketAddr>,
    /// This end's relays that sent to a public address, too.
    public: HashSet<SocketAddr>,
    has_pairs: bool,
}

impl<'a> Arrivals<'a> {
    fn new(
        account: &'a Account,
        own: &[PairRecord],
        local: &'a KnownSide,
        remote: &'a KnownSide,
    ) -> Self {
        let hosts = local.candidates.iter();
        let hosts = hosts.filter(|c| c.kind == CandidateType::Host);
        let mut counts = HashMap::new();
        for pair in &account.pairs {
            let from_relay = pair.remote.kind == CandidateType::Relay;
            let key = (pair.local.base(), pair.remote.socket_address(), from_relay);
            let count: &mut u32 = counts.entry(key).or_default();
            *count = count.saturating_add(pair.requests_received);
        }
        let mut arrivals = Self {
            counts,
            remote,
            hosts: hosts.map(|c| c.address).collect(),
            public: HashSet::new(),
            has_pairs: account
                .pairs
                .iter()
                .any(|pair| pair.is_counted && pair.requests_sent > 0),
        };
        let relayed = own.iter().filter(|pair| is_relay(&pair.local));
        arrivals.public = relayed
            .filter(|pair| arrivals.target(pair).is_some_and(|to| is_global(to.ip())))
            .filter_map(|pair| pair.local.base())
            .collect();
        arrivals
    }

    fn target(&self, pair: &PairRecord) -> Option<SocketAddr> {
        address_of(&pair.remote, self.remote)
    }

    /// The other end's socket that a pair leads to.
    fn base(&self, pair: &PairRecord) -> Option<SocketAddr> {
        let target = self.target(pair);
        match pair.remote.kind {
            CandidateType::Srflx | CandidateType::Prflx => self
                .remote
                .base_of(pair.remote.kind, pair.remote.port)
                .or(target),
            _ => target,
        }
    }

    fn of(&self, pair: &PairRecord) -> Option<u32> {
        if !self.has_pairs {
            return None;
        }
        let count = if is_relay(&pair.local) {
            self.of_relay(pair)
        } else {
            self.of_host(pair)
        };
        Some(if pair.is_counted {
            // What was answered has arrived.
            count.clamp(
                pair.responses_received.min(pair.requests_sent),
                pair.requests_sent,
            )
        } else {
            count
        })
    }

    /// A relay has no way to a private address: what came from it there was sent to the public one.
    fn of_relay(&self, pair: &PairRecord) -> u32 {
        let is_private = self.target(pair).is_some_and(|to| !is_global(to.ip()));
        let relay = pair.local.base();
        if is_private && relay.is_some_and(|relay| self.public.contains(&relay)) {
            return 0;
        }
        self.sum(self.base(pair), true, |_| true)
    }

    /// What comes through a NAT comes from an address that is none of this end's own.
    fn of_host(&self, pair: &PairRecord) -> u32 {
        let base = self.base(pair);
        let own = pair.local.base();
        let unchanged = self.sum(base, false, |from| from == own);
        let is_private = self.target(pair).is_some_and(|to| !is_global(to.ip()));
        let is_host = pair.remote.kind == CandidateType::Host;
        if unchanged > 0 || (is_private && is_host) {
            return unchanged;
        }
        self.sum(base, false, |from| {
            from.is_none_or(|from| !self.hosts.contains(&from))
        })
    }

    fn sum(
        &self,
        base: Option<SocketAddr>,
        of_relay: bool,
        is_meant: impl Fn(Option<SocketAddr>) -> bool,
    ) -> u32 {
        let all = self.counts.iter().filter(|((to, from, is_relay), _)| {
            *to == base && *is_relay == of_relay && is_meant(*from)
        });
        all.map(|(_, count)| *count).fold(0, u32::saturating_add)
    }
}

fn is_relay(end: &EndRecord) -> bool {
    end.kind == CandidateType::Relay
}
