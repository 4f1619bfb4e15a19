//! Which of those that a capture shows Binding requests to are servers: programs that test their NAT ask themselves and
//! each other, too.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::proto::capture::observer::Observer;
use crate::proto::capture::paths::Asked;

/// Where STUN servers listen (RFC 8489 18.7).
const WELL_KNOWN: [u16; 2] = [3478, 5349];

/// By client and server, and whether over TCP.
pub(super) type Key = (SocketAddr, SocketAddr, bool);

/// Those that were asked as servers are.
pub(super) fn real(observer: &Observer) -> Vec<(&Key, &Asked)> {
    let translated =
        |((client, ..), asked): (&Key, &Asked)| asked.mapped.filter(|mapped| mapped != client);
    let mut mapped: BTreeSet<SocketAddr> = observer.servers.iter().filter_map(translated).collect();
    let direct = observer.paths.iter().filter(|(key, _)| key.relay.is_none());
    let checked = direct.filter(|(_, path)| path.fragments.is_some());
    let mut agents: BTreeSet<SocketAddr> = BTreeSet::new();
    for (key, path) in checked {
        agents.extend(key.ends);
        mapped.extend(path.sent.iter().filter_map(|sent| sent.mapped));
    }
    let outside: BTreeSet<IpAddr> = mapped.iter().map(SocketAddr::ip).collect();
    let clients: BTreeSet<SocketAddr> = observer
        .servers
        .keys()
        .map(|(client, ..)| *client)
        .collect();
    let is_real = |((client, server, _), asked): &(&Key, &Asked)| {
        let of_agents = |at: &SocketAddr| mapped.contains(at) || agents.contains(at);
        // Hairpinning (RFC 4787 6): where the port outside is not told, silence and the port tell. A server may stand
        // behind the same NAT.
        let comes_back = outside.contains(&server.ip())
            && asked.answers == 0
            && !WELL_KNOWN.contains(&server.port());
        let is_of_test =
            of_agents(server) || clients.contains(server) || mapped.contains(client) || comes_back;
        asked.is_turn || !is_of_test
    };
    observer.servers.iter().filter(is_real).collect()
}

/// Each server once, whatever it was asked from.
pub(super) fn united<'a>(
    asked: impl Iterator<Item = (&'a Key, &'a Asked)>,
) -> BTreeMap<(SocketAddr, bool, bool), Asked> {
    let mut all: BTreeMap<(SocketAddr, bool, bool), Asked> = BTreeMap::new();
    for ((_, server, is_tcp), one) in asked {
        let sum = all.entry((*server, *is_tcp, one.is_turn)).or_default();
        sum.is_turn = one.is_turn;
        sum.requests = sum.requests.saturating_add(one.requests);
        sum.answers = sum.answers.saturating_add(one.answers);
        sum.refusals = sum.refusals.saturating_add(one.refusals);
        sum.relayed = sum.relayed.or(one.relayed);
        sum.error = sum.error.or(one.error);
        sum.last = [sum.last, one.last].into_iter().flatten().reduce(f64::max);
    }
    all
}
