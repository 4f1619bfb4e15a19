//! Whether UDP gets out and its answers come in, by what became of the servers.

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::words::listed;
use crate::proto::evidence::account::{Account, ServerRecord, StateKind, Told, ToldCandidate};
use crate::proto::evidence::facts::sides::SILENT_MS;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::{ServerUri, Transport};

/// How long a server is waited for where nothing tells how fast it is.
const WAITED_MS: f64 = 3000.0;
/// An answer over UDP takes one round trip, a relay over TCP four at least.
const PROMPT_MS: f64 = 150.0;

fn of_udp(account: &Account) -> Vec<(&ServerRecord, &ServerUri)> {
    let servers = account.servers.as_deref().unwrap_or_default().iter();
    let all = servers.filter_map(|server| Some((server, server.uri.as_ref()?)));
    all.filter(|(_, uri)| uri.transport == Transport::Udp)
        .collect()
}

/// Since when and until when servers were asked.
pub(super) fn asked_for(account: &Account) -> Option<f64> {
    let began = account.reached(StateKind::Gathering, &["gathering"])?.at?;
    let connected = account.reached(StateKind::Ice, &["connected", "completed"]);
    let ends = [connected.and_then(|change| change.at), account.ended];
    let end = ends.into_iter().flatten().fold(f64::INFINITY, f64::min);
    end.is_finite().then_some((end - began).max(0.0))
}

/// Whether any server answered over UDP, anything came in over UDP, or anything that it sent over UDP arrived.
fn is_udp_open(account: &Account, told: &Told, other: Option<&Account>) -> bool {
    let reflexive = told
        .udp()
        .any(|c| c.kind == CandidateType::Srflx || c.kind == CandidateType::Prflx);
    let is_relay = |c: &&ToldCandidate| c.kind == CandidateType::Relay;
    // The other side is not told how a relay is talked to.
    let is_known = |c: &ToldCandidate| c.relay_transport.is_some();
    let has_own = account.own.udp().filter(is_relay).any(is_known);
    let relays = if has_own { &account.own } else { told };
    let relay_over_udp = relays
        .udp()
        .filter(is_relay)
        .any(|c| !matches!(c.relay_transport, Some(Transport::Tcp | Transport::Tls)));
    let public = told
        .udp()
        .any(|c| c.kind == CandidateType::Host && c.place.ip().is_some_and(is_global));
    let heard = account.pairs.iter().any(|pair| {
        let own_socket = pair.local.kind != CandidateType::Relay;
        own_socket && (pair.is_answered() || pair.requests_received > 0)
    });
    let arrived = other.is_some_and(|other| arrived_there(told, other));
    reflexive || relay_over_udp || public || heard || arrived || account.udp_peer.is_some()
}

/// Whether the other end got anything from a socket of this one: relays of this end are none.
fn arrived_there(told: &Told, other: &Account) -> bool {
    let relays: BTreeSet<u16> = told
        .udp()
        .filter(|c| c.kind == CandidateType::Relay)
        .map(|c| c.port)
        .collect();
    other.pairs.iter().any(|pair| {
        let from_socket =
            pair.remote.kind != CandidateType::Relay && !relays.contains(&pair.remote.port);
        from_socket && (pair.is_answered() || pair.requests_received > 0)
    })
}

/// The one port at which all servers were asked over UDP: of others nothing is known then.
pub(super) fn only_port(account: &Account) -> Option<u16> {
    let ports: BTreeSet<u16> = of_udp(account).iter().map(|(_, uri)| uri.port).collect();
    ports.first().copied().filter(|_| ports.len() == 1)
}

/// What shows that UDP does not leave a host, or that answers do not come back to it.
pub(super) fn blocked(account: &Account, told: &Told, other: Option<&Account>) -> Option<String> {
    let udp = of_udp(account);
    let has_host = told.udp().any(|c| c.kind == CandidateType::Host);
    if udp.is_empty() || !has_host || is_udp_open(account, told, other) {
        return None;
    }
    let refused = udp.iter().any(|(server, _)| {
        let error = server.error.as_ref().map(|(code, _)| *code);
        error
            .is_some_and(|code| !matches!(code, Code::Timeout | Code::Unreachable | Code::Rejected))
    });
    if refused {
        return None;
    }
    let asked = asked_for(account);
    let by_streams = || {
        let seen = over_streams(account, told, &udp, asked)
            .or_else(|| asked.and_then(|ms| refuses_over_streams(account, &udp, ms)))?;
        Some(format!("{seen}; {}", second_witness(account, &udp, other)?))
    };
    by_streams()
        .or_else(|| asked.and_then(|ms| answers_the_other((account, told), &udp, other, ms)))
        .or_else(|| asked.and_then(|ms| several_silent(account, &udp, other, ms)))
        .or_else(|| asked.and_then(|ms| tcp_alone(account, &udp, ms)))
}

/// Whether a server has answered over UDP for there to be this candidate.
fn is_of_udp_answer(candidate: &ToldCandidate) -> bool {
    candidate.kind == CandidateType::Srflx || candidate.relay_transport == Some(Transport::Udp)
}

/// Whether all servers that an end asked over UDP are silent to it. That alone is no proof that its UDP is blocked: they
/// may be down, or somebody far from this end drops what is sent to their port.
pub(super) fn is_unanswered(account: &Account, told: &Told) -> bool {
    let udp = of_udp(account);
    let has_waited = account.has_events && asked_for(account).is_some_and(|ms| ms >= SILENT_MS);
    let is_silent = |server: &ServerRecord| match &server.error {
        Some((code, _)) => *code == Code::Timeout,
        None => has_waited,
    };
    // Who uses relays alone does not say what STUN servers answered.
    !account.relay_only
        && !udp.is_empty()
        && !told.udp().any(is_of_udp_answer)
        && udp.iter().all(|(server, _)| is_silent(server))
}

/// Whether the other end got an answer over UDP, of one of these servers as far as is told: then they are not down.
fn answers_elsewhere(
    account: &Account,
    udp: &[(&ServerRecord, &ServerUri)],
    other: Option<&Account>,
) -> bool {
    let Some(other) = other else {
        return account.other.udp().any(|c| c.kind == CandidateType::Srflx);
    };
    let mut answers = other.own.udp().filter(|c| is_of_udp_answer(c));
    answers.any(|c| {
        let from = c.url.as_ref().and_then(|url| url.parse::<ServerUri>().ok());
        from.is_none_or(|from| udp.iter().any(|(_, uri)| uri.host == from.host))
    })
}

/// That it is not one server whose UDP port is closed to everybody: another server is silent too, or
/// the other end was answered by one.
fn second_witness(
    account: &Account,
    udp: &[(&ServerRecord, &ServerUri)],
    other: Option<&Account>,
) -> Option<String> {
    let hosts: BTreeSet<String> = udp.iter().map(|(_, uri)| uri.host.to_string()).collect();
    if hosts.len() > 1 {
        let all: Vec<String> = hosts.into_iter().collect();
        return Some(format!("none of {} answers over UDP", listed(&all)));
    }
    let theirs = other.map(|other| &other.own).into_iter();
    let mut theirs = theirs.chain([&account.other]).flat_map(Told::udp);
    theirs
        .any(|candidate| candidate.kind == CandidateType::Srflx)
        .then(|| "the other end was answered over UDP, for it has a reflexive candidate".to_owned())
}

/// A server that answers over TCP or TLS, and not over UDP.
fn over_streams(
    account: &Account,
    told: &Told,
    udp: &[(&ServerRecord, &ServerUri)],
    asked: Option<f64>,
) -> Option<String> {
    let relay = told.udp().find(|c| {
        c.kind == CandidateType::Relay
            && matches!(c.relay_transport, Some(Transport::Tcp | Transport::Tls))
    })?;
    let uri: ServerUri = relay.url.as_ref()?.parse().ok()?;
    let (silent, _) = udp.iter().find(|(_, udp)| udp.host == uri.host)?;
    let took = since_gathering(account, relay);
    // Without times the relay was in use for some round trips at least.
    let enough = took.map_or(WAITED_MS, |took| (2.5 * took).max(PROMPT_MS));
    let waited = asked.is_none_or(|ms| ms >= enough);
    let over = if uri.transport == Transport::Tls {
        "TLS"
    } else {
        "TCP"
    };
    waited.then(|| {
        format!(
            "{} gives a relay over {over}, and {} no answer over UDP",
            uri, silent.url
        )
    })
}

/// How long a candidate took.
fn since_gathering(account: &Account, candidate: &ToldCandidate) -> Option<f64> {
    let began = account.reached(StateKind::Gathering, &["gathering"]);
    let began = began.and_then(|change| change.at);
    let took = candidate.at.zip(began).map(|(at, began)| at - began);
    took.map(|took| took.max(0.0))
}

/// A server that refuses something over TCP or TLS, and says nothing over UDP.
fn refuses_over_streams(
    account: &Account,
    udp: &[(&ServerRecord, &ServerUri)],
    asked: f64,
) -> Option<String> {
    let servers = account
        .servers
        .iter()
        .flatten()
        .filter(|_| asked >= WAITED_MS);
    let answered = servers.filter_map(|server| {
        let uri = server.uri.as_ref()?;
        let (code, said) = server.error.as_ref()?;
        let is_answer = !matches!(
            code,
            Code::Timeout | Code::Unreachable | Code::Rejected | Code::Dns
        );
        (is_answer && uri.transport != Transport::Udp).then_some((uri, said))
    });
    answered.into_iter().find_map(|(uri, said)| {
        let (silent, _) = udp.iter().find(|(_, udp)| udp.host == uri.host)?;
        Some(format!(
            "{uri} answers ({said}), and {} does not over UDP",
            silent.url
        ))
    })
}

/// A server that the other end got an answer from over UDP.
fn answers_the_other(
    (account, told): (&Account, &Told),
    udp: &[(&ServerRecord, &ServerUri)],
    other: Option<&Account>,
    asked: f64,
) -> Option<String> {
    // A relay over a stream, of whatever server, takes four round trips at least; STUN takes one, and
    // is sent three times within a second.
    const RESENT_MS: f64 = 1000.0;
    let stream = told.udp().find(|c| {
        matches!(c.relay_transport, Some(Transport::Tcp | Transport::Tls))
            && c.kind == CandidateType::Relay
    });
    let took = stream.and_then(|relay| since_gathering(account, relay));
    let enough = took.map_or(WAITED_MS, |took| (2.5 * took).clamp(RESENT_MS, WAITED_MS));
    let other = other.filter(|_| asked >= enough)?;
    let answered = |uri: &ServerUri| {
        other.own.udp().any(|c| {
            let is_of_udp =
                c.kind == CandidateType::Srflx || c.relay_transport == Some(Transport::Udp);
            let from = c.url.as_ref().and_then(|url| url.parse::<ServerUri>().ok());
            is_of_udp && from.is_some_and(|from| from.host == uri.host && from.port == uri.port)
        })
    };
    let (server, _) = udp.iter().find(|(_, uri)| answered(uri))?;
    Some(format!(
        "{} answers the other end over UDP, and is silent here for {:.*} s",
        server.url,
        usize::from(asked < 3000.0),
        asked / 1000.0
    ))
}

/// Servers of different operators that are all silent here, while the other end is answered.
fn several_silent(
    account: &Account,
    udp: &[(&ServerRecord, &ServerUri)],
    other: Option<&Account>,
    asked: f64,
) -> Option<String> {
    let hosts: BTreeSet<String> = udp.iter().map(|(_, uri)| uri.host.to_string()).collect();
    let is_proof = hosts.len() > 1 && asked >= SILENT_MS && answers_elsewhere(account, udp, other);
    is_proof.then(|| {
        let all: Vec<String> = hosts.into_iter().collect();
        format!(
            "none of {} answers over UDP within {:.0} s, and the other end was answered over UDP, for it has a reflexive candidate",
            listed(&all),
            asked / 1000.0
        )
    })
}

/// Servers of different operators that are all silent, as everybody else is over UDP, while TCP brings something in.
fn tcp_alone(account: &Account, udp: &[(&ServerRecord, &ServerUri)], asked: f64) -> Option<String> {
    let peer = account.tcp_peer.filter(|_| asked >= SILENT_MS)?;
    let is_silent = |server: &ServerRecord| {
        let error = server.error.as_ref();
        error.is_some_and(|(code, _)| *code == Code::Timeout)
    };
    let hosts: BTreeSet<String> = udp.iter().map(|(_, uri)| uri.host.to_string()).collect();
    (hosts.len() > 1 && udp.iter().all(|(server, _)| is_silent(server))).then(|| {
        let all: Vec<String> = hosts.into_iter().collect();
        format!(
            "nothing came in over UDP within {:.0} s, not from {} either, and {peer} answered over TCP",
            asked / 1000.0,
            listed(&all)
        )
    })
}
