//! What the engine of causes needs to know, from the result of a session, and what it says.

use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::words::capitalised;
use crate::commands::gather::report::{CandidateReport, GatherServerReport};
use crate::commands::pair::report::{
    CheckState, PairReport, PairResult, PairState, PathKind, SideReport,
};
use crate::commands::pair::verdict::{Context, browser, findings, left_out, media, premature};
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::{
    self, Cause, Effect, Found, PairFacts, Party, Remedy, RemedyCode, ServerFacts, Situation, Way,
    Whose,
};
use crate::proto::ice::interface::{self, InterfaceKind};
use crate::proto::ice::prediction::Side;
use crate::proto::nat::address::is_global;

/// Codes of pairs that had not had their fair chance.
pub(super) const UNSETTLED: &[Code] = &[Code::CutShort, Code::PeerGone, Code::NotChecked];

/// The result with the causes in it.
pub fn with_causes(mut result: PairResult, context: &Context) -> PairResult {
    let (direct, relay) = assess(&result, context);
    result.causes = direct;
    result.causes.extend(media::cause(&result));
    result.relay_causes = relay;
    result
}

/// Why there is no direct path, and why no relay helped.
fn assess(result: &PairResult, context: &Context) -> (Vec<Cause>, Vec<Cause>) {
    // A pair that answers one side alone is no direct path.
    let is_half = context.peer_found.answered == Some(0);
    let is_late = findings::late_direct(result).is_some() && !is_half;
    if result.state == PairState::NoPeer || is_late {
        return (Vec::new(), Vec::new());
    }
    if let (Some(pair), Some(error)) = (&context.no_data, &context.channel_error) {
        let message = format!("checks pass over {pair}, but {}", error.message);
        let cause = Cause::new(error.code, Whose::Between, message);
        return (vec![cause], Vec::new());
    }
    if let Some(pair) = &context.no_data {
        let cause = Cause::new(
            Code::NoData,
            Whose::Between,
            format!(
                "checks pass over {pair}, and data does not: something on the way drops what is not STUN"
            ),
        );
        return (vec![cause], Vec::new());
    }
    let (mut direct, mut relay) = in_situation(result, context, |situation| {
        (situation.causes(), situation.relay_causes())
    });
    if result.state == PairState::Failed {
        premature::open(&mut direct, result, context, "there is no direct path");
        premature::open(&mut relay, result, context, "no relay helped");
    }
    causes::hedge(&mut direct, &mut relay);
    if context.with_browser {
        let servers = context.peer_servers.as_deref();
        browser::adapt(&mut direct, servers);
        browser::adapt(&mut relay, servers);
    }
    (direct, relay)
}

/// A TURN server of the other side that gave it nothing, and what would mend it.
pub(super) fn trouble_there(result: &PairResult, context: &Context) -> Option<(String, Remedy)> {
    in_situation(result, context, causes::trouble_there)
}

/// Asks the engine.
fn in_situation<T>(
    result: &PairResult,
    context: &Context,
    ask: impl FnOnce(&Situation<'_>) -> T,
) -> T {
    let path = result.path.map(|path| match path {
        PathKind::Direct => Way::Direct,
        PathKind::Relayed => Way::Relayed,
    });
    let (local, remote) = (parsed(&result.local), parsed(&result.remote));
    let (own_tunnels, their_tunnels) = (tunnels(&result.local), tunnels(&result.remote));
    let servers: Vec<ServerFacts> = result.servers.iter().map(server_facts).collect();
    let left_out = left_out::cause(result, context);
    let own_troubles = troubles(&result.pairs);
    let pairs: Vec<PairFacts> = result.pairs.iter().map(pair_facts).collect();
    let situation = Situation {
        local: Party {
            troubles: &own_troubles,
            own_relays: &context.own_relays,
            tunnels: &own_tunnels,
            ..party(
                &result.local,
                &local,
                context.relay_only,
                Some(&servers),
                &context.found,
            )
        },
        remote: Party {
            troubles: &context.peer_troubles,
            own_relays: &context.peer_own_relays,
            tunnels: &their_tunnels,
            left_out: left_out.as_ref(),
            ..party(
                &result.remote,
                &remote,
                context.peer_relay_only,
                context.peer_servers.as_deref(),
                &context.peer_found,
            )
        },
        pairs: &pairs,
        path,
    };
    ask(&situation)
}

/// What this side's system and TURN servers say of all its pairs, for the other side too.
pub fn troubles(pairs: &[PairReport]) -> Vec<Code> {
    let direct: Vec<&PairReport> = pairs
        .iter()
        .filter(|p| p.path == PathKind::Direct)
        .collect();
    let all = |code: &Code| !direct.is_empty() && direct.iter().all(|p| has_failure(p, &[*code]));
    let mut found = vec![Code::NotPermitted, Code::Unreachable];
    found.retain(all);
    let is_forbidden = |p: &PairReport| {
        p.local.kind == CandidateType::Relay
            && p.remote.kind != CandidateType::Relay
            && is_global(p.remote.address)
            && has_failure(p, &[Code::ForbiddenIp])
    };
    found.extend(pairs.iter().any(is_forbidden).then_some(Code::ForbiddenIp));
    let mut to_relays = pairs
        .iter()
        .filter(|p| p.local.kind != CandidateType::Relay && p.remote.kind == CandidateType::Relay);
    let unsent = |p: &PairReport| has_failure(p, &[Code::NotPermitted, Code::Unreachable]);
    let has_unsent = to_relays.next().is_some_and(unsent) && to_relays.all(unsent);
    found.extend(has_unsent.then_some(Code::RelayUnreachableFromHere));
    found
}

fn party<'a>(
    side: &'a SideReport,
    candidates: &'a [Candidate],
    relay_only: bool,
    servers: Option<&'a [ServerFacts]>,
    found: &'a Found,
) -> Party<'a> {
    Party {
        side: Side {
            nats: &side.nats,
            candidates,
            relay_only,
        },
        servers,
        troubles: &[],
        left_out: None,
        own_relays: &[],
        found,
        tunnels: &[],
    }
}

/// A side's own addresses in a VPN.
fn tunnels(side: &SideReport) -> Vec<IpAddr> {
    let hosts = side.candidates.iter();
    let hosts = hosts.filter(|c| c.kind == CandidateType::Host);
    let by_vpn = hosts.filter(|c| {
        let name = c.interface.as_deref();
        name.and_then(interface::kind_of) == Some(InterfaceKind::Vpn)
    });
    by_vpn.map(|c| c.address).collect()
}

fn parsed(side: &SideReport) -> Vec<Candidate> {
    let all = side.candidates.iter();
    all.map(|c: &CandidateReport| Candidate {
        foundation: c.foundation.clone(),
        component: c.component,
        priority: c.priority,
        address: c.socket_address(),
        kind: c.kind,
        related: c
            .related_address
            .zip(c.related_port)
            .map(|(ip, port)| SocketAddr::new(ip, port)),
    })
    .collect()
}

/// What the other side is told of a server of this one.
pub fn server_facts(report: &GatherServerReport) -> ServerFacts {
    ServerFacts {
        uri: report.uri.clone(),
        address: report.address,
        transport: report.transport,
        is_turn: report.is_turn,
        error: report.error.as_ref().map(|error| error.code),
        detail: report.error.as_ref().map(|error| error.message.clone()),
    }
}

fn pair_facts(pair: &PairReport) -> PairFacts {
    PairFacts {
        local: (
            pair.local.kind,
            SocketAddr::new(pair.local.address, pair.local.port),
        ),
        remote: (
            pair.remote.kind,
            SocketAddr::new(pair.remote.address, pair.remote.port),
        ),
        is_relayed: pair.path == PathKind::Relayed,
        works: pair.state == CheckState::Succeeded,
        sent: pair.requests_sent,
        arrived: pair.requests_arrived,
        answered: pair.responses_received,
        received: pair.requests_received,
        mapped: pair.mapped_address,
        failure: pair.failure.as_ref().map(|error| error.code),
    }
}

/// The cheapest remedy of those that would change the outcome: with no connection at all any relay
/// does, but a STUN server is had for nothing.
pub(super) fn best_remedy(result: &PairResult) -> Option<&Remedy> {
    let of_relay = result.relay_causes.iter().flat_map(|c| &c.remedies).next();
    let of_direct = result.causes.iter().flat_map(|c| &c.remedies).next();
    let is_free = |remedy: &&Remedy| match remedy.code {
        RemedyCode::Policy => true,
        RemedyCode::Stun => remedy.is_sure || of_relay.is_some_and(|relay| !relay.is_sure),
        _ => false,
    };
    of_direct.filter(is_free).or(of_relay).or(of_direct)
}

/// As in "IPv6 on both sides would make it direct".
pub(in crate::commands) fn promise(remedy: &Remedy) -> String {
    let effect = match remedy.effect {
        Effect::Direct if !remedy.is_sure => "may make it direct",
        Effect::Direct => "would make it direct",
        Effect::Relay if !remedy.is_sure => "may connect them",
        Effect::Relay => "would connect them",
    };
    format!("{} {effect}", remedy.message)
}

/// The same in the fewest words: "Direct with IPv6 on both sides".
pub(super) fn promise_in_brief(remedy: &Remedy) -> String {
    let brief = remedy.in_brief();
    match remedy.effect {
        Effect::Direct if !remedy.is_sure => format!("Perhaps direct with {brief}"),
        Effect::Direct => format!("Direct with {brief}"),
        Effect::Relay if !remedy.is_sure => format!("{} may connect them", capitalised(brief)),
        Effect::Relay => format!("{} would connect them", capitalised(brief)),
    }
}

/// What to do, from all causes.
pub(in crate::commands) fn hint(causes: &[Cause]) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for said in causes.iter().flat_map(|cause| &cause.remedies).map(promise) {
        if !all.contains(&said) {
            all.push(said);
        }
    }
    (!all.is_empty()).then(|| all.join("; "))
}

pub(super) fn of_path(result: &PairResult, path: PathKind) -> Vec<&PairReport> {
    result.pairs.iter().filter(|p| p.path == path).collect()
}

pub(super) fn has_failure(pair: &PairReport, codes: &[Code]) -> bool {
    pair.failure
        .as_ref()
        .is_some_and(|e| codes.contains(&e.code))
}
