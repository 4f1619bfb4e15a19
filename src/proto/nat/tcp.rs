//! What STUN over TCP and TLS shows (RFC 8489 6.2.2): whether it gets through, and whether the NAT
//! gives one local port the same external address towards every server (RFC 5382 4.1).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::base::fact::{Fact, Reason};
use crate::proto::nat::address;
use crate::proto::nat::behavior::classify;
use crate::proto::nat::behavior::evidence::MappingSeen;
use crate::proto::nat::behavior::words::Mapping;

/// How a connection went. In the order of how much it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// STUN was answered.
    Answered {
        /// The address in the answer; `None` in an error response.
        reflexive: Option<SocketAddr>,
        /// Whether XOR-MAPPED-ADDRESS said so, which no gateway rewrites.
        is_xor: bool,
    },
    /// The connection was made, but what is there does not answer STUN: another service, or a
    /// proxy in between that accepts everything.
    NotStun,
    /// The connection was refused (RST).
    Refused,
    /// Nothing came back.
    Silent,
    /// There is no way to it, or the system could not try.
    Failed,
    /// A firewall on this machine forbids it.
    Forbidden,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSeen {
    /// The local address and port; `None` if there never was one.
    pub local: Option<SocketAddr>,
    pub destination: SocketAddr,
    /// Which machine that belongs to, so that one that is out of line can be named.
    pub server: usize,
    pub outcome: Outcome,
}

/// How many server addresses did what over TCP and TLS; each counts once, for the best that came of
/// it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StreamCounts {
    /// Answered STUN.
    pub answered: usize,
    /// Accepted the connection and did not answer STUN.
    pub not_stun: usize,
    /// Refused the connection.
    pub refused: usize,
    /// Were silent.
    pub silent: usize,
    /// Could not be connected to from here.
    pub failed: usize,
}

impl StreamCounts {
    /// All server addresses that were tried.
    pub const fn all(self) -> usize {
        self.answered + self.not_stun + self.refused + self.silent + self.failed
    }
}

/// What is known of a path over TCP and TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamFacts {
    /// Whether STUN over TCP or TLS is answered. `false` only where this machine forbids it:
    /// servers need not offer TCP.
    pub open: Fact<bool>,
    /// What servers see, each address once.
    pub reflexive_addresses: Vec<SocketAddr>,
    /// Mapping behaviour (RFC 5382 4.1), from connections of one local port.
    pub mapping: Fact<Mapping>,
    pub servers: StreamCounts,
}

impl StreamFacts {
    pub fn not_tested(reason: Reason) -> Self {
        Self {
            open: Fact::not_tested(reason),
            reflexive_addresses: Vec::new(),
            mapping: Fact::not_tested(reason),
            servers: StreamCounts::default(),
        }
    }
}

/// The facts from all connections. `shared` is the local address that several were made from at the
/// same time; only those show the mapping. `pooled` says that the NAT is known to have several
/// external addresses.
pub fn facts(seen: &[StreamSeen], shared: Option<SocketAddr>, pooled: bool) -> StreamFacts {
    let counts = counts(seen);
    let (mapping, outvoted) = mapping(seen, shared, pooled);
    let mut reflexive_addresses = Vec::new();
    for (connection, reflexive) in believed(seen) {
        if Some(connection.server) != outvoted && !reflexive_addresses.contains(&reflexive) {
            reflexive_addresses.push(reflexive);
        }
    }
    StreamFacts {
        open: open(seen, counts),
        reflexive_addresses,
        mapping,
        servers: counts,
    }
}

pub fn counts(seen: &[StreamSeen]) -> StreamCounts {
    let mut best: BTreeMap<SocketAddr, Outcome> = BTreeMap::new();
    for StreamSeen {
        destination,
        outcome,
        ..
    } in seen
    {
        let known = best.entry(*destination).or_insert(*outcome);
        *known = (*known).min(*outcome);
    }
    let mut counts = StreamCounts::default();
    for outcome in best.values() {
        *match outcome {
            Outcome::Answered { .. } => &mut counts.answered,
            Outcome::NotStun => &mut counts.not_stun,
            Outcome::Refused => &mut counts.refused,
            Outcome::Silent => &mut counts.silent,
            Outcome::Failed | Outcome::Forbidden => &mut counts.failed,
        } += 1;
    }
    counts
}

fn open(seen: &[StreamSeen], counts: StreamCounts) -> Fact<bool> {
    if counts.answered > 0 {
        return Fact::Determined(true);
    }
    if seen.is_empty() {
        return Fact::not_tested(Reason::NotApplicable);
    }
    if seen.iter().all(|s| s.outcome == Outcome::Forbidden) {
        return Fact::Determined(false);
    }
    let parts = [
        (counts.refused, "refused"),
        (counts.silent, "were silent"),
        (
            counts.not_stun,
            "accepted the connection, but did not answer STUN",
        ),
        (counts.failed, "could not be connected to from here"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    Fact::inconclusive(
        Reason::NoResponse,
        format!(
            "no server answered STUN over TCP or TLS, and servers need not offer it: of {} addresses {}",
            counts.all(),
            parts.join(", ")
        ),
    )
}

/// Answers that may be true, with the address in them. Of a server that reports what cannot be,
/// none is believed.
fn believed(seen: &[StreamSeen]) -> impl Iterator<Item = (&StreamSeen, SocketAddr)> {
    let reported = |s: &StreamSeen| match s.outcome {
        Outcome::Answered { reflexive, is_xor } => Some((reflexive?, is_xor)),
        _ => None,
    };
    let liars: BTreeSet<usize> = seen
        .iter()
        .filter(|s| {
            s.local.zip(reported(s)).is_some_and(|(local, (seen, _))| {
                let (from, at, ip) = (local.ip(), s.destination.ip(), seen.ip());
                address::reflexive_flaw(s.destination, seen).is_some()
                    || address::rewritten(from, at, ip).is_some()
            })
        })
        .map(|s| s.server)
        .collect();
    seen.iter().filter_map(move |s| {
        let (reflexive, is_xor) = reported(s)?;
        // What a gateway may have written is no external address.
        let doubtful = s.local == Some(reflexive) && !is_xor;
        (!doubtful && !liars.contains(&s.server)).then_some((s, reflexive))
    })
}

/// Mapping behaviour, and a server that was left out because all the others agree against it.
fn mapping(
    seen: &[StreamSeen],
    shared: Option<SocketAddr>,
    pooled: bool,
) -> (Fact<Mapping>, Option<usize>) {
    let nobody = Fact::inconclusive(
        Reason::NoResponse,
        "no server reported a mapping over TCP or TLS",
    );
    let Some(local) = shared else {
        return (nobody, None);
    };
    let of_socket: Vec<StreamSeen> = seen.iter().copied().filter(|s| s.local == shared).collect();
    let answers: Vec<MappingSeen> = believed(&of_socket)
        .map(|(s, reflexive)| MappingSeen {
            server: s.server,
            destination: s.destination,
            reflexive,
        })
        .collect();
    if answers.is_empty() {
        let plain = |s: &StreamSeen| {
            s.outcome
                == Outcome::Answered {
                    reflexive: shared,
                    is_xor: false,
                }
        };
        let fact = if of_socket.iter().any(plain) {
            Fact::inconclusive(
                Reason::PlainAddressOnly,
                "the servers send no XOR-MAPPED-ADDRESS, and a gateway on the way may have put the local address into MAPPED-ADDRESS",
            )
        } else {
            nobody
        };
        return (fact, None);
    }
    let (fact, outvoted) = classify::mapping(&answers);
    let untranslated = answers.iter().filter(|a| a.reflexive == local).count();
    if outvoted.is_none()
        && fact.is_determined()
        && untranslated > 0
        && untranslated < answers.len()
    {
        let fact = Fact::inconclusive(
            Reason::Contradiction,
            "one server sees the local address itself and others another one",
        );
        return (fact, None);
    }
    let external: BTreeSet<IpAddr> = believed(seen)
        .filter(|(s, _)| Some(s.server) != outvoted)
        .map(|(_, reflexive)| reflexive.ip())
        .collect();
    if (pooled || external.len() > 1) && fact == Fact::Determined(Mapping::EndpointIndependent) {
        let fact = Fact::inconclusive(
            Reason::AddressPooling,
            "the NAT has several external addresses, and one socket may keep to one of them by chance",
        );
        return (fact, outvoted);
    }
    (fact, outvoted)
}
