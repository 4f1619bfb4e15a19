//! The connection log of `about:webrtc`: what ICE and TURN of Firefox wrote, in English always, and
//! without times.

use std::net::SocketAddr;

use serde_json::Value;

use crate::base::codes::Code;
use crate::proto::evidence::account::{Account, PairRecord, Place, StateKind, server_url};
use crate::proto::evidence::configuration;
use crate::proto::evidence::events::changed;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::EndedRelay;
use crate::proto::stun::uri::{Host, Transport};

/// Relays of one log that are looked for.
const MAX_RELAYS: usize = 1000;

/// A server that the log names, by the candidate that was to come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    is_turn: bool,
    base: SocketAddr,
    server: SocketAddr,
    transport: Transport,
}

/// What lines say of later ones.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// The peer that a permission was asked for last.
    permission: Option<SocketAddr>,
    /// Relays, by what was asked: over streams several look alike, and the last one is meant.
    relays: Vec<(Asked, SocketAddr)>,
}

/// Takes in a line.
pub(super) fn line(accounts: &mut [Account], text: &str, course: &mut Course) {
    if let Some((_, done)) = text.split_once("all checks completed success=") {
        let failed = done.split_once("fail=").map(|(_, count)| count.trim());
        let state = match failed {
            Some("0") => "connected",
            _ => "failed",
        };
        of_connection(accounts, text, state);
    } else if text.contains("is now checking") {
        of_connection(accounts, text, "checking");
    } else if let Some((_, peer)) = text.split_once("Creating permission for ") {
        course.permission = address(peer).map(|(at, _)| at);
    } else if text.contains("permission denied") {
        forbid(accounts, text, course.permission.take());
    } else if let (Some(asked), Some((_, relay))) =
        (asked(text), text.split_once("allocated addr "))
    {
        allocated(accounts, asked, relay);
        if let (Some((at, _)), true) = (address(relay), course.relays.len() < MAX_RELAYS) {
            course.relays.push((asked, at));
        }
    } else if let Some(asked) = asked(text) {
        let last = course.relays.iter().rfind(|(of, _)| *of == asked);
        match last {
            Some((_, relay)) if text.starts_with("TURN(") && text.ends_with(") failed") => {
                ended(accounts, asked, *relay);
            }
            _ => failed(accounts, asked, text),
        }
    }
}

/// A connection to a TURN server that ended, and the relay with it.
fn ended(accounts: &mut [Account], asked: Asked, relay: SocketAddr) {
    let is_of_it = |pair: &&PairRecord| {
        pair.local.kind == CandidateType::Relay && pair.local.socket_address() == Some(relay)
    };
    let mut all = accounts.iter_mut();
    let account = all.find(|account| account.pairs.iter().any(|pair| is_of_it(&pair)));
    let Some(account) = account.filter(|_| asked.transport != Transport::Udp) else {
        return;
    };
    let mut pairs = account.pairs.iter().filter(is_of_it);
    if pairs.all(|pair| pair.state == "failed") {
        account.ended_relays.push(EndedRelay {
            relayed: relay,
            code: Code::Closed,
        });
    }
}

/// A state of the connection that a line names.
fn of_connection(accounts: &mut [Account], text: &str, state: &str) {
    let id = text
        .split_once("(id=")
        .and_then(|(_, rest)| rest.split([' ', ')']).next());
    let account = accounts
        .iter_mut()
        .find(|account| id.is_some() && account.label.as_deref() == id);
    if let Some(account) = account {
        changed(account, None, StateKind::Ice, &Value::from(state));
    }
}

fn failed(accounts: &mut [Account], asked: Asked, text: &str) {
    let code = text
        .split_once("stun error code ")
        .and_then(|(_, rest)| rest.trim_end_matches('.').parse::<u64>().ok());
    let (code, said) = if text.ends_with("Timed out") {
        (Code::Timeout, "timed out".to_owned())
    } else if text.ends_with("Exceeded the number of retries") {
        // Each of them was refused, and answered with the password again (RFC 8489 9.2.5).
        let said = "401: the credentials were refused again and again".to_owned();
        (configuration::code_of(401, ""), said)
    } else if let Some(code) = code.filter(|code| ![401, 438].contains(code)) {
        (configuration::code_of(code, ""), code.to_string())
    } else {
        return;
    };
    let Some(account) = owner(accounts, asked.base) else {
        return;
    };
    let url = url_of(account, asked);
    let mut own = account.own.candidates.iter();
    // What comes after the relay is of peers.
    let has_relay = asked.is_turn && own.any(|c| c.url.as_ref() == Some(&url));
    if !has_relay {
        configuration::failed(account, &url, code, said, None);
    }
}

/// Which server a relay is from.
fn allocated(accounts: &mut [Account], asked: Asked, relay: &str) {
    let Some((at, _)) = address(relay) else {
        return;
    };
    let is_it = |c: &crate::proto::evidence::ToldCandidate| {
        c.kind == CandidateType::Relay && c.socket_address() == Some(at)
    };
    let Some(account) = accounts
        .iter_mut()
        .find(|account| account.own.candidates.iter().any(is_it))
    else {
        return;
    };
    let url = url_of(account, asked);
    if let Some(candidate) = account.own.candidates.iter_mut().find(|c| is_it(c)) {
        candidate.url = Some(url);
        candidate.relay_transport = Some(asked.transport);
    }
}

/// The connection that has a base; the only one if there is one alone.
fn owner(accounts: &mut [Account], base: SocketAddr) -> Option<&mut Account> {
    let has = |account: &Account| {
        let mut own = account.own.candidates.iter();
        let by_candidate = own.any(|c| {
            c.socket_address() == Some(base) || c.related == Some(base) || c.port == base.port()
        });
        base.port() != 0 && by_candidate
    };
    let place = match accounts.len() {
        1 => 0,
        _ => accounts.iter().position(has)?,
    };
    accounts.get_mut(place)
}

/// As the application gave it: names are not in the log.
fn url_of(account: &Account, asked: Asked) -> String {
    let fits = |uri: &crate::proto::stun::uri::ServerUri| {
        uri.is_turn() == asked.is_turn
            && uri.port == asked.server.port()
            && (uri.transport == Transport::Udp) == (asked.transport == Transport::Udp)
    };
    let all: Vec<_> = account
        .servers
        .iter()
        .flatten()
        .filter(|server| server.uri.as_ref().is_some_and(fits))
        .collect();
    let is_at = |server: &&&crate::proto::evidence::ServerRecord| {
        let host = server.uri.as_ref().map(|uri| &uri.host);
        matches!(host, Some(Host::Ip(ip)) if *ip == asked.server.ip())
    };
    let by_address = all.iter().find(is_at);
    let by_name = || {
        let mut hosts = all.iter().filter(|server| {
            let host = server.uri.as_ref().map(|uri| &uri.host);
            matches!(host, Some(Host::Name(_)))
        });
        hosts.next().filter(|_| hosts.next().is_none())
    };
    if let Some(server) = by_address.or_else(by_name) {
        return server.url.clone();
    }
    let is_tcp = asked.transport != Transport::Udp;
    server_url(asked.server, is_tcp, asked.is_turn)
}

/// A TURN server that gives no permission for a peer (RFC 8656 9).
fn forbid(accounts: &mut [Account], text: &str, peer: Option<SocketAddr>) {
    let (Some(asked), Some(peer)) = (asked(text), peer) else {
        return;
    };
    let Some(account) = owner(accounts, asked.base) else {
        return;
    };
    for pair in &mut account.pairs {
        let is_there = pair.remote.place == Place::Ip(peer.ip());
        if pair.local.kind == CandidateType::Relay && is_there && pair.responses_received == 0 {
            pair.failure = Some(Code::ForbiddenIp);
        }
    }
}

/// As in `STUN-CLIENT(relay(IP4:192.168.1.10:5000/UDP|IP4:203.0.113.10:3478/UDP)::TURN)`. Lines of pairs
/// have their candidates further behind.
fn asked(text: &str) -> Option<Asked> {
    let who = ["STUN-CLIENT(", "TURN("];
    let what = who.into_iter().find_map(|who| text.strip_prefix(who))?;
    let (is_turn, inner) = match (what.strip_prefix("relay("), what.strip_prefix("srflx(")) {
        (Some(inner), _) => (true, inner),
        (None, inner) => (false, inner?),
    };
    let (base, server) = inner.split_once(')')?.0.split_once('|')?;
    let ((base, _), (server, transport)) = (address(base)?, address(server)?);
    Some(Asked {
        is_turn,
        base,
        server,
        transport,
    })
}

/// As in `IP4:203.0.113.10:3478/UDP` and `IP6:[2001:db8::1]:3478/TCP`.
pub(super) fn address(text: &str) -> Option<(SocketAddr, Transport)> {
    let (at, rest) = text.trim().get(4..)?.split_once('/')?;
    let is_address = text.trim().starts_with("IP4:") || text.trim().starts_with("IP6:");
    let transport = match rest.get(..3)? {
        "UDP" => Transport::Udp,
        "TLS" => Transport::Tls,
        _ => Transport::Tcp,
    };
    Some((at.parse().ok()?, transport)).filter(|_| is_address)
}
