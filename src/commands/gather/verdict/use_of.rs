//! Which candidates are of use to anybody: one that nobody can reach keeps no promise.

use std::net::SocketAddr;

use crate::base::fact::{Fact, Reason};
use crate::commands::gather::report::{
    CandidateReport, GatherResult, GatherServerReport, RedundantReport, RelayedReport,
};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::{Host, ServerUri, Transport};
use crate::proto::turn::error::OddDefault;

/// Why nobody, or nobody far away, reaches a relayed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is a loopback address: only its own host reaches it.
    Loopback,
    /// The server is this host, reached by loopback: what passes inside shows nothing of the way in.
    OwnHost,
    /// It is not public, and the server is.
    Private,
    /// Nothing passes between it and this host, whose UDP works.
    Silent,
    /// The answer lacks what browsers look for, so that they take no relay from it.
    Incomplete(&'static str),
    /// Who names no family, as browsers do, is refused.
    ByNameAlone,
    /// What comes out of it is not what was put in.
    Changed,
    /// What it sends comes from another address.
    From(SocketAddr),
    /// The server gives no permission to send through it, for another reason than a rule on the peer.
    Refused,
}

/// Whether there is a candidate of this type, or one that is the same as another, that can be of use.
pub(super) fn has_useful(result: &GatherResult, kind: CandidateType) -> bool {
    let mut candidates = result.candidates.iter().filter(|c| c.kind == kind);
    candidates.any(|c| is_useful(c, result))
        || result
            .redundant
            .iter()
            .any(|r| r.kind == kind && !result.is_from_inside(r) && is_good(r, result))
}

fn is_useful(candidate: &CandidateReport, result: &GatherResult) -> bool {
    match candidate.kind {
        CandidateType::Relay => {
            let mut given = given(candidate.socket_address(), result).peekable();
            // Whose row is not there yet is taken for good.
            given.peek().is_none()
                || given.any(|(server, relayed)| flaw(server, relayed, result).is_none())
        }
        CandidateType::Srflx => !result.is_elsewhere(candidate),
        CandidateType::Host | CandidateType::Prflx => true,
    }
}

/// Whether what would be a candidate again has no flaw that it would have as one.
fn is_good(redundant: &RedundantReport, result: &GatherResult) -> bool {
    let address = SocketAddr::new(redundant.address, redundant.port);
    let mut given = given(address, result).peekable();
    redundant.kind != CandidateType::Relay
        || given.peek().is_none()
        || given.any(|(server, relayed)| flaw(server, relayed, result).is_none())
}

/// The rows that a relayed address comes from.
fn given(
    address: SocketAddr,
    result: &GatherResult,
) -> impl Iterator<Item = (&GatherServerReport, &RelayedReport)> {
    let all = result
        .servers
        .iter()
        .flat_map(|s| s.relayed.iter().map(move |r| (s, r)));
    all.filter(move |(_, relayed)| relayed.address == Some(address))
}

/// Whether data came through a relayed address that is of use, and if asked for, to it from this host unasked.
pub(super) fn has_proven_relay(result: &GatherResult, reached: bool) -> bool {
    let yes = Fact::Determined(true);
    result.servers.iter().any(|server| {
        let mut relayed = server.relayed.iter().filter(|r| r.address.is_some());
        relayed.any(|r| {
            r.relays == yes && (!reached || r.reachable == yes) && flaw(server, r, result).is_none()
        })
    })
}

/// What is known to be wrong with a relayed address.
pub(super) fn flaw(
    server: &GatherServerReport,
    relayed: &RelayedReport,
    result: &GatherResult,
) -> Option<Flaw> {
    let ip = relayed.address?.ip();
    let at = server.address.map(|address| address.ip());
    // A server on loopback that was named so is a lab; a name that leads there is not.
    if !is_named_loopback(server) {
        if ip.is_loopback() {
            return Some(Flaw::Loopback);
        }
        if at.is_some_and(|at| at.is_loopback()) {
            return Some(Flaw::OwnHost);
        }
    }
    if !is_global(ip) && at.is_some_and(is_global) {
        return Some(Flaw::Private);
    }
    let is_refused = matches!(
        &relayed.relays,
        Fact::Inconclusive {
            reason: Reason::EarlierFailure,
            ..
        }
    );
    if is_refused {
        return Some(Flaw::Refused);
    }
    if relayed.is_changed {
        return Some(Flaw::Changed);
    }
    if let Some(from) = relayed
        .comes_from
        .filter(|_| relayed.reachable == Fact::Determined(false))
    {
        return Some(Flaw::From(from));
    }
    if let Some(lacks) = relayed.lacks {
        return Some(Flaw::Incomplete(lacks));
    }
    let mut of_server = server.relayed.iter();
    if of_server.any(|r| r.odd_default == Some(OddDefault::Refused)) {
        return Some(Flaw::ByNameAlone);
    }
    // Where UDP is blocked, no relay can be reached directly, and that is what relays are for.
    let udp_works = super::has(result, CandidateType::Srflx);
    let nothing_passes = relayed.reachable == Fact::Determined(false)
        && relayed.reachable_after_sending == Fact::Determined(false);
    let is_relaying = match &relayed.relays {
        Fact::Determined(relays) => *relays,
        Fact::Inconclusive { reason, .. } => *reason == Reason::NoResponse,
        Fact::NotTested { .. } => false,
    };
    // The public address of the network that server and host are in: its router need not lead back in.
    let is_of_router = is_global(ip) && at.is_some_and(|at| !is_global(at));
    (udp_works && nothing_passes && is_relaying && !is_of_router).then_some(Flaw::Silent)
}

/// Whether relayed addresses are there that work, and all that is wrong is that nothing passes between them and this
/// host, behind whose NAT a firewall may let UDP out to few ports.
pub(super) fn may_be_closed_here(result: &GatherResult) -> bool {
    let all = result
        .servers
        .iter()
        .flat_map(|s| s.relayed.iter().map(move |r| (s, r)));
    let mut given = all.filter(|(_, r)| r.address.is_some()).peekable();
    given.peek().is_some() && given.all(|(server, relayed)| is_undecided(server, relayed, result))
}

/// The same of one of them.
pub(super) fn is_undecided(
    server: &GatherServerReport,
    relayed: &RelayedReport,
    result: &GatherResult,
) -> bool {
    let mut reflexive = result
        .candidates
        .iter()
        .filter(|c| c.kind == CandidateType::Srflx && !result.is_elsewhere(c));
    let is_behind_nat = reflexive.any(|c| Some(c.base().ip()) == server.local_address);
    relayed.relays == Fact::Determined(true)
        && is_behind_nat
        && flaw(server, relayed, result) == Some(Flaw::Silent)
}

/// Whether a relay works that this host's UDP does not reach, and no server was asked over UDP, so that it is open
/// whether UDP works here at all.
pub(super) fn is_silent_and_udp_unknown(relayed: &RelayedReport, result: &GatherResult) -> bool {
    let no = Fact::Determined(false);
    let asks_udp = |s: &GatherServerReport| s.transport == Transport::Udp;
    relayed.relays == Fact::Determined(true)
        && relayed.reachable == no
        && relayed.reachable_after_sending == no
        && !result.servers.iter().any(asks_udp)
}

/// The same of all relayed addresses that have no flaw.
pub(super) fn are_silent_and_udp_unknown(result: &GatherResult) -> bool {
    let all = result
        .servers
        .iter()
        .flat_map(|s| s.relayed.iter().map(move |r| (s, r)));
    let mut given = all
        .filter(|(server, r)| r.address.is_some() && flaw(server, r, result).is_none())
        .peekable();
    given.peek().is_some() && given.all(|(_, r)| is_silent_and_udp_unknown(r, result))
}

/// Whether the user named a loopback address, or `localhost` (RFC 6761 6.3).
fn is_named_loopback(server: &GatherServerReport) -> bool {
    let uri = server.uri.parse::<ServerUri>();
    uri.is_ok_and(|uri| match uri.host {
        Host::Ip(ip) => ip.is_loopback(),
        Host::Name(name) => name.trim_end_matches('.') == "localhost",
    })
}

/// Whether relayed addresses are there, and all that is wrong with them is that browsers do not get them.
pub(super) fn is_kept_from_browsers(result: &GatherResult) -> bool {
    let all = result
        .servers
        .iter()
        .flat_map(|s| s.relayed.iter().map(move |r| (s, r)));
    let mut flaws = all
        .filter(|(_, relayed)| relayed.address.is_some())
        .map(|(server, relayed)| flaw(server, relayed, result))
        .peekable();
    flaws.peek().is_some()
        && flaws.all(|flaw| matches!(flaw, Some(Flaw::Incomplete(_) | Flaw::ByNameAlone)))
}

/// The flaws of all relayed addresses; none where one of them is good, or there is none.
pub(super) fn relays_in_vain(result: &GatherResult) -> bool {
    super::has(result, CandidateType::Relay) && !has_useful(result, CandidateType::Relay)
}
