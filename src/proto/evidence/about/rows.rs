//! Rows of the tables of candidates: pairs, candidates without one, and raw ones.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::base::words::printable;
use crate::proto::evidence::about::log;
use crate::proto::evidence::account::{
    Account, EndRecord, PairRecord, Place, Told, ToldCandidate, server_url,
};
use crate::proto::evidence::events::{add_candidate, candidate, transport, type_of};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::stun::uri::Transport;

/// Pairs of one connection that are read: pages have some hundreds.
const MAX_ROWS: usize = 20_000;
/// Among so many a twin is looked for.
const SEARCHED: usize = 200;

/// States of pairs, which are not translated.
const PAIR_STATES: [&str; 7] = [
    "frozen",
    "waiting",
    "in-progress",
    "inprogress",
    "failed",
    "succeeded",
    "cancelled",
];

/// The column of the local end, before that of the remote one.
const LOCAL: usize = 3;

pub(super) fn told(account: &mut Account, is_other: bool) -> &mut Told {
    if is_other {
        &mut account.other
    } else {
        &mut account.own
    }
}

/// Takes in a row; `is_other` is whose the raw candidates are that it stands among.
pub(super) fn read(account: &mut Account, cells: &[String], is_other: bool) {
    if let [cell] = cells {
        return of_raw(account, cell, is_other);
    }
    let ends: Vec<(usize, EndRecord, bool)> = cells
        .iter()
        .enumerate()
        .filter_map(|(place, cell)| end(cell).map(|(end, is_tcp)| (place, end, is_tcp)))
        .collect();
    for (number, (place, end, is_tcp)) in ends.iter().enumerate() {
        let is_other = if ends.len() > 1 {
            number > 0
        } else {
            *place > LOCAL
        };
        add_candidate(told(account, is_other), end.told(None, *is_tcp));
    }
    let [(_, local, false), (_, remote, false)] = ends.as_slice() else {
        return;
    };
    let mut pair = PairRecord::new(local.clone(), remote.clone());
    count(&mut pair, cells);
    let known = account
        .pairs
        .iter_mut()
        .take(SEARCHED)
        .find(|known| (&known.local, &known.remote) == (&pair.local, &pair.remote));
    // One that was checked again stands there twice.
    if let Some(known) = known {
        if pair.checks() > known.checks() {
            *known = pair;
        }
    } else if account.pairs.len() < MAX_ROWS {
        account.pairs.push(pair);
    }
}

/// The state, words for nominated and selected, the priority, and bytes sent and received.
fn count(pair: &mut PairRecord, cells: &[String]) {
    let cell = |wanted: &str| cells.iter().any(|cell| cell.trim() == wanted);
    let state = PAIR_STATES.into_iter().find(|state| cell(state));
    pair.is_counted = false;
    pair.state = state
        .unwrap_or_default()
        .replace("inprogress", "in-progress");
    let is_true = |place: usize| cells.get(place).is_some_and(|cell| cell.trim() == "true");
    pair.nominated = is_true(1);
    pair.is_selected = is_true(2);
    let numbers: Vec<u64> = cells
        .iter()
        .filter_map(|cell| cell.trim().parse().ok())
        .collect();
    if let [.., priority, sent, received] = numbers.as_slice() {
        (pair.bytes_sent, pair.bytes_received) = (*sent, *received);
        pair.priority = *priority;
    }
    if pair.state == "succeeded" {
        pair.responses_received = 1;
    }
}

/// A line, or, for this end, as in `srflx(IP4:192.168.1.10:5000/UDP|IP4:203.0.113.10:3478/UDP)`.
fn of_raw(account: &mut Account, cell: &str, is_other: bool) {
    if let Some(at) = cell.find("candidate:") {
        if let Some(read) = candidate(&cell[at..], None, &mut None) {
            add_candidate(told(account, is_other), read);
        }
        return;
    }
    let Some((kind, inner)) = cell.split_once('(') else {
        return;
    };
    let kind = kind.trim().trim_start_matches("turn-");
    let (Some(kind), Some((inner, _))) = (type_of(kind), inner.split_once(')')) else {
        return;
    };
    let (first, second) = inner.split_once('|').unwrap_or((inner, ""));
    let Some((base, over)) = log::address(first) else {
        return;
    };
    let second = log::address(second);
    let (place, port, url) = match (kind, second) {
        (CandidateType::Host, _) => (Place::Ip(base.ip()), base.port(), None),
        (CandidateType::Relay, Some((relay, _))) => (Place::Ip(relay.ip()), relay.port(), None),
        // Which address the server saw is not told.
        (CandidateType::Srflx, Some((server, _))) => {
            (Place::Hidden, 0, Some(server_url(server, false, false)))
        }
        _ => return,
    };
    let is_relay = kind == CandidateType::Relay;
    let end = EndRecord {
        kind,
        place,
        port,
        related: (kind == CandidateType::Srflx).then_some(base),
        relay_transport: is_relay.then_some(over),
    };
    let is_tcp = over != Transport::Udp && !is_relay;
    add_candidate(
        told(account, is_other),
        ToldCandidate {
            url,
            is_signalled: true,
            ..end.told(None, is_tcp)
        },
    );
}

/// Reflexive candidates stand there without their address; pairs have it of those in use.
pub(super) fn settle(own: &mut Told) {
    let is_srflx = |c: &ToldCandidate| c.kind == CandidateType::Srflx;
    let bases: Vec<(Option<String>, Option<std::net::SocketAddr>)> = own
        .candidates
        .iter()
        .filter(|c| is_srflx(c) && c.is_nowhere())
        .map(|c| (c.url.clone(), c.related))
        .collect();
    let mut real: Vec<&mut ToldCandidate> = own
        .candidates
        .iter_mut()
        .filter(|c| is_srflx(c) && !c.is_nowhere())
        .collect();
    let is_one_base = bases.windows(2).all(|two| two[0].1 == two[1].1);
    if let ([(url, base), more @ ..], true) = (bases.as_slice(), is_one_base) {
        for real in &mut real {
            real.related = *base;
            real.is_signalled = true;
        }
        if let (true, [real]) = (more.is_empty(), real.as_mut_slice()) {
            real.url.clone_from(url);
        }
    }
    if !real.is_empty() {
        own.candidates.retain(|c| !is_srflx(c) || !c.is_nowhere());
    }
}

/// Pairs have names of multicast DNS in place of this end's own addresses; raw candidates have these, with the ports.
/// Relays do not name their servers, of which one alone may be talked to in that way.
pub(super) fn resolve(account: &mut Account) {
    let of_host = |c: &&ToldCandidate| c.kind == CandidateType::Host;
    let mut by_port: HashMap<u16, Option<IpAddr>> = HashMap::new();
    for candidate in account.own.udp().filter(of_host) {
        let Place::Ip(ip) = candidate.place else {
            continue;
        };
        let known = by_port.entry(candidate.port).or_insert(Some(ip));
        *known = known.filter(|known| *known == ip);
    }
    let servers = account.servers.iter().flatten();
    let turn: Vec<(Transport, &str)> = servers
        .filter_map(|server| Some((server.uri.as_ref().filter(|uri| uri.is_turn())?, server)))
        .map(|(uri, server)| (uri.transport, server.url.as_str()))
        .collect();
    for relay in account
        .own
        .candidates
        .iter_mut()
        .filter(|c| c.url.is_none())
    {
        let mut fitting = turn
            .iter()
            .filter(|(over, _)| Some(*over) == relay.relay_transport);
        if let (Some((_, url)), None) = (fitting.next(), fitting.next()) {
            relay.url = Some((*url).to_owned());
        }
    }
    let address = |port: u16| by_port.get(&port).copied().flatten().map(Place::Ip);
    for pair in &mut account.pairs {
        let is_named = pair.local.kind == CandidateType::Host && pair.local.place.is_mdns();
        if let Some(place) = address(pair.local.port).filter(|_| is_named) {
            pair.local.place = place;
        }
    }
}

/// As in `192.0.2.1:5000/udp(host)` or `[2001:db8::1]:5000/udp(relay-tcp)`, and whether it is of TCP.
fn end(cell: &str) -> Option<(EndRecord, bool)> {
    let (at, rest) = cell.trim().split_once('/')?;
    let (protocol, rest) = rest.split_once('(')?;
    let is_tcp = match protocol.trim().to_ascii_lowercase().as_str() {
        "udp" => false,
        "tcp" => true,
        _ => return None,
    };
    let (kind, _) = rest.split_once(')')?;
    let (kind, over) = kind.split_once('-').unwrap_or((kind, ""));
    let (place, port) = at.rsplit_once(':')?;
    let end = EndRecord {
        kind: type_of(kind.trim())?,
        place: Place::of(&printable(place)),
        port: port.trim().parse().ok()?,
        related: None,
        relay_transport: transport(over),
    };
    Some((end, is_tcp))
}
