//! Which of the two ends of a call a capture was taken at.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::proto::capture::observer::Observer;
use crate::proto::capture::paths::{Asked, Path, PathKey};
use crate::proto::evidence::traffic::servers;
use crate::proto::nat::address::is_global;

/// What systems put into TTL and hop limit: a packet that has one of these has passed no router.
const FRESH: [u8; 3] = [64, 128, 255];

/// How much longer answers of the other end take than those of this one, in milliseconds.
const FARTHER_MS: f64 = 1.0;

/// The addresses of the host that captured.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts {
    pub addresses: BTreeSet<IpAddr>,
    /// Nothing tells which end it is: the nearer one is supposed.
    pub is_supposed: bool,
}

/// One agent by its user fragment: the addresses that it was seen at, and what tells whether it is here.
#[derive(Debug, Default)]
struct Agent {
    addresses: BTreeSet<IpAddr>,
    /// Datagrams that left the host that captured, and such that came to it.
    left: u32,
    came: u32,
    /// Paths on which nobody else said anything: who captures sees all that it sends itself.
    alone: u32,
    /// Paths where its packets had passed no router and those of the other end had.
    fresh: u32,
    /// Paths where it was answered later than it answered.
    waits: u32,
    is_first: bool,
}

impl Hosts {
    pub(super) fn of(observer: &Observer, asked: &[(&servers::Key, &Asked)]) -> Self {
        let clients: BTreeSet<IpAddr> = asked.iter().map(|((client, ..), _)| client.ip()).collect();
        let agents = agents(observer);
        // Who asks servers is here, and so is all else that it sends from.
        let mut addresses = clients.clone();
        let here = |agent: &&Agent| !agent.addresses.is_disjoint(&clients);
        for agent in agents.values().filter(here) {
            addresses.extend(&agent.addresses);
        }
        // Where all goes through relays, nobody else is seen.
        let is_relayed_alone = agents.is_empty() && !clients.is_empty();
        if is_relayed_alone || agents.values().any(|agent| here(&agent)) {
            return Self {
                addresses,
                is_supposed: false,
            };
        }
        let mut hosts = Self::default();
        for pair in pairs(observer) {
            let ends = pair.map(|name| &agents[name]);
            let seen = seen_here(ends);
            hosts.is_supposed |= seen.is_none();
            let here = seen.unwrap_or_else(|| nearer(ends));
            hosts.addresses.extend(&ends[here].addresses);
        }
        hosts
    }
}

/// Whether a capture was taken between the hosts: what those that are taken for this side's send had passed a router
/// before, and so has all that comes back. A TURN server (`is_host` is not so) sees all of its own legs so, but nothing
/// that goes past it.
pub(super) fn is_between(observer: &Observer, hosts: &Hosts, is_host: bool) -> bool {
    let is_fresh = |hops: u8| FRESH.contains(&hops);
    let servers: BTreeSet<IpAddr> = observer.servers.keys().map(|(_, at, _)| at.ip()).collect();
    let passed = || {
        direct(observer).filter(|(key, ..)| key.ends.iter().all(|end| !servers.contains(&end.ip())))
    };
    let of_paths = || {
        passed().flat_map(|(key, path, _)| {
            let ends = [0, 1].into_iter();
            let here = ends.filter(|end| hosts.addresses.contains(&key.ends[*end].ip()));
            here.filter_map(|end| {
                path.sent[end]
                    .hops
                    .map(|hops| (hops, path.sent[end].is_outgoing))
            })
        })
    };
    let asked = observer.servers.iter();
    let asked = asked.filter(|((client, ..), _)| hosts.addresses.contains(&client.ip()));
    let mut of_asked = asked.filter_map(|(_, asked)| asked.hops);
    // A host that forwards for others (containers, a hotspot) says that it sends itself.
    let is_sent = of_paths().any(|(_, is_outgoing)| is_outgoing == Some(true));
    let has_passed = of_paths().next().is_some() && of_paths().all(|(hops, _)| !is_fresh(hops));
    let is_seen =
        is_host || passed().any(|(_, path, _)| path.sent.iter().any(|sent| sent.requests > 0));
    is_seen && !is_sent && has_passed && of_asked.all(|hops| !is_fresh(hops))
}

/// The paths that are no relay's, with the fragments of their ends.
fn direct(observer: &Observer) -> impl Iterator<Item = (&PathKey, &Path, [&str; 2])> {
    observer.paths.iter().filter_map(|(key, path)| {
        let [one, two] = path.fragments.as_ref()?;
        let names = [one.as_str(), two.as_str()];
        key.relay.is_none().then_some((key, path, names))
    })
}

/// Who speaks with whom.
fn pairs(observer: &Observer) -> BTreeSet<[&str; 2]> {
    let sorted = direct(observer).map(|(_, _, mut names)| {
        names.sort_unstable();
        names
    });
    sorted.collect()
}

fn agents(observer: &Observer) -> BTreeMap<&str, Agent> {
    let mut agents: BTreeMap<&str, Agent> = BTreeMap::new();
    for (key, path, names) in direct(observer) {
        for (end, name) in names.into_iter().enumerate() {
            let agent = agents.entry(name).or_default();
            let (own, other) = (&path.sent[end], &path.sent[1 - end]);
            agent.addresses.insert(key.ends[end].ip());
            agent.left += u32::from(own.is_outgoing == Some(true));
            agent.came += u32::from(own.is_outgoing == Some(false));
            agent.alone += u32::from(own.first.is_some() && other.first.is_none());
            let is_fresh = |hops: Option<u8>| hops.is_some_and(|hops| FRESH.contains(&hops));
            agent.fresh +=
                u32::from(is_fresh(own.hops) && other.hops.is_some() && !is_fresh(other.hops));
            let waits = own.rtt.zip(other.rtt);
            agent.waits += u32::from(waits.is_some_and(|(own, other)| own > other + FARTHER_MS));
            agent.is_first |= match (own.first, other.first) {
                (Some(own), Some(other)) => own < other,
                (own, _) => own.is_some(),
            };
        }
    }
    agents
}

/// Which of the two is here, by what was seen.
fn seen_here([one, two]: [&Agent; 2]) -> Option<usize> {
    let more = |count: fn(&Agent) -> u32| match count(one).cmp(&count(two)) {
        std::cmp::Ordering::Greater => Some(0),
        std::cmp::Ordering::Less => Some(1),
        std::cmp::Ordering::Equal => None,
    };
    more(|agent| agent.left)
        .or_else(|| more(|agent| agent.came).map(|far| 1 - far))
        .or_else(|| more(|agent| agent.alone))
        .or_else(|| more(|agent| agent.fresh))
        .or_else(|| more(|agent| agent.waits))
}

/// Which of the two is supposed to be here: one with private addresses alone, or who spoke first.
fn nearer([one, two]: [&Agent; 2]) -> usize {
    let is_private = |agent: &Agent| !agent.addresses.iter().any(|ip| is_global(*ip));
    match (is_private(one), is_private(two)) {
        (true, false) => 0,
        (false, true) => 1,
        _ => usize::from(!one.is_first && two.is_first),
    }
}
