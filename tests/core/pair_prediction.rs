//! What is predicted between two NATs against what happens: modelled NATs of every kind, and ICE
//! agents that know each other's server-reflexive addresses and learn the peer-reflexive ones.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::nat_model::{Nat, NatConfig};
use rtcdiag::proto::nat::behavior::reachability::{FILTERINGS, MAPPINGS, Peer, is_direct};

/// The peer-reflexive addresses that a side pairs at most.
const MAX_PEER_REFLEXIVE: usize = 6;
/// Each sends to all that it knows; nothing new comes after half of them.
const ROUNDS: usize = 12;
const RUNS: u64 = 20;

/// One side: a socket behind a NAT.
struct Agent {
    nat: Nat,
    socket: SocketAddr,
    reflexive: SocketAddr,
    remotes: Vec<SocketAddr>,
    valid: Vec<SocketAddr>,
}

impl Agent {
    fn new(config: NatConfig, socket: &str, external: [u8; 4], seed: u64) -> Self {
        let mut nat = Nat::new(
            NatConfig {
                externals: vec![external.into()],
                ..config
            },
            seed,
        );
        let socket = address(socket);
        let reflexive = nat
            .outbound(Duration::ZERO, socket, address("192.0.2.10:3478"))
            .expect("nothing is blocked");
        Self {
            nat,
            socket,
            reflexive,
            remotes: Vec::new(),
            valid: Vec::new(),
        }
    }

    fn learn(&mut self, remote: SocketAddr) {
        if !self.remotes.contains(&remote) && self.remotes.len() <= MAX_PEER_REFLEXIVE {
            self.remotes.push(remote);
        }
    }

    /// A datagram to the other side: the source that it comes with, if it arrives.
    fn send(&mut self, to: SocketAddr, other: &mut Self) -> Option<SocketAddr> {
        let source = self.nat.outbound(Duration::ZERO, self.socket, to)?;
        other.nat.inbound(Duration::ZERO, to, source)?;
        Some(source)
    }

    /// One connectivity check (RFC 8445 7.2.5): valid if the answer comes from where it went to.
    fn check(&mut self, remote: SocketAddr, other: &mut Self) {
        let Some(seen_as) = self.send(remote, other) else {
            return;
        };
        other.learn(seen_as);
        if other.send(seen_as, self) == Some(remote) {
            self.valid.push(remote);
        }
    }
}

/// Whether ICE finds a path between two NATs, each with its own view of it.
fn connects(a: &NatConfig, b: &NatConfig, seed: u64) -> bool {
    let mut a = Agent::new(a.clone(), "10.0.0.2:40000", [203, 0, 113, 5], seed);
    let mut b = Agent::new(b.clone(), "10.0.1.2:50000", [198, 51, 100, 7], seed + 1);
    a.learn(b.reflexive);
    b.learn(a.reflexive);
    for _ in 0..ROUNDS {
        for remote in a.remotes.clone() {
            a.check(remote, &mut b);
        }
        for remote in b.remotes.clone() {
            b.check(remote, &mut a);
        }
    }
    assert_eq!(a.valid.is_empty(), b.valid.is_empty(), "one way only");
    !a.valid.is_empty()
}

/// What happens between two kinds of NAT, over many choices of ports. `None` if it depends on
/// whether the filter remembers what a mapping or what the socket behind it has sent: RFC 4787 5 says
/// the latter, and many NATs do the former.
fn happens(a: Peer, b: Peer) -> Option<bool> {
    let mut seen = [false, true].into_iter().flat_map(|filter_per_endpoint| {
        let config = move |peer: Peer| NatConfig {
            filter_per_endpoint,
            ..NatConfig::nat(peer.mapping, peer.filtering)
        };
        (0..RUNS).map(move |seed| connects(&config(a), &config(b), seed * 2))
    });
    let first = seen.next()?;
    seen.all(|connected| connected == first).then_some(first)
}

#[test]
fn the_rule_says_what_happens_for_every_pairing() {
    let mut wrong = Vec::new();
    for (a, b) in kinds().flat_map(|a| kinds().map(move |b| (a, b))) {
        let (rule, truth) = (is_direct(a, b), happens(a, b));
        if rule != truth {
            wrong.push(format!(
                "{a:?} and {b:?}: the rule says {rule:?}, {truth:?} happens"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without translation there is one address for all destinations.
#[test]
fn firewalls_are_as_nats_with_endpoint_independent_mapping() {
    for (filtering, peer) in FILTERINGS
        .into_iter()
        .flat_map(|f| kinds().map(move |p| (f, p)))
    {
        let firewall = Peer {
            mapping: MAPPINGS[0],
            filtering,
        };
        let nat = NatConfig::nat(peer.mapping, peer.filtering);
        for seed in 0..RUNS {
            // The model gives a firewall the address of the socket behind it.
            let firewalled = NatConfig::firewall(filtering);
            let seen = connects(&nat, &firewalled, seed) && connects(&firewalled, &nat, seed);
            assert_eq!(
                Some(seen),
                is_direct(firewall, peer),
                "{filtering} {peer:?}"
            );
        }
    }
}

fn kinds() -> impl Iterator<Item = Peer> {
    MAPPINGS.into_iter().flat_map(|mapping| {
        let filterings = FILTERINGS.into_iter();
        filterings.map(move |filtering| Peer { mapping, filtering })
    })
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}
