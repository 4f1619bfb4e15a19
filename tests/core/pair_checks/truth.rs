//! What can work, by trying everything on an ideal network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::scenario::Scenario;
use super::sim::build;
use super::world::{Packet, Target, World, stun_server};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direct {
    Always,
    /// It depends on whose packet comes first.
    Sometimes,
    Never,
}

/// Whether the two sides can reach each other without a relay.
pub fn direct(scenario: &Scenario) -> Direct {
    let tries = [0, 1, 2, 3, 4, 5].map(|seed| exchange(scenario, seed));
    match tries.iter().filter(|works| **works).count() {
        0 => Direct::Never,
        6 => Direct::Always,
        _ => Direct::Sometimes,
    }
}

/// Whether relays can carry it: one that both sides can send to.
pub fn relayed(scenario: &Scenario) -> bool {
    let has_v = |which: usize, v4: bool| {
        let side = &scenario.sides[which];
        !side.udp_blocked && side.bases.iter().any(|b| b.address.is_ipv4() == v4)
    };
    let relay = |which: usize| {
        let side = &scenario.sides[which];
        side.relay
            .filter(|r| !r.forbidden && (r.tcp || !side.udp_blocked))
            .map(|r| !r.v6)
    };
    let alone = |which: usize| relay(which).is_some_and(|v4| has_v(1 - which, v4));
    let both = relay(0).is_some() && relay(0) == relay(1);
    alone(0) || alone(1) || both
}

fn exchange(scenario: &Scenario, seed: u64) -> bool {
    let now = Duration::ZERO;
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut world, sockets) = build(scenario, seed);
    // What each side knows of the other.
    let mut known: [BTreeSet<SocketAddr>; 2] = Default::default();
    for which in 0..2 {
        for socket in &sockets[which] {
            let own = world.sockets[*socket].address;
            known[1 - which].insert(own);
            let server = stun_server(own.is_ipv4());
            if let Some((Target::Stun, mapped)) = world.pass(now, *socket, server)
                && world.pass_in(now, server, mapped) == Some(Target::Socket(*socket))
            {
                known[1 - which].insert(mapped);
            }
        }
    }
    let mut valid: BTreeMap<(usize, usize, SocketAddr), (usize, SocketAddr)> = BTreeMap::new();
    for _ in 0..6 {
        let mut round = Vec::new();
        for which in 0..2 {
            for socket in &sockets[which] {
                round.extend(known[which].iter().map(|to| (which, *socket, *to)));
            }
        }
        round.shuffle(&mut rng);
        // One after the other, or all crossing each other on the way.
        if seed.is_multiple_of(2) {
            for (which, socket, to) in &round {
                let own = world.sockets[*socket].address;
                if own.is_ipv4() == to.is_ipv4() {
                    let packet = Packet {
                        zone: world.sockets[*socket].zone,
                        source: own,
                        destination: *to,
                    };
                    let _ = (which, world.leave(now, packet));
                }
            }
        }
        for (which, socket, to) in round {
            check(&mut world, (which, socket, to), &mut known, &mut valid);
        }
        if known.iter().any(|k| k.len() > 60) {
            break;
        }
    }
    valid.iter().any(|((which, socket, to), (peer, seen))| {
        valid.get(&(1 - which, *peer, *seen)) == Some(&(*socket, *to))
    })
}

/// One check and its answer.
fn check(
    world: &mut World,
    (which, socket, to): (usize, usize, SocketAddr),
    known: &mut [BTreeSet<SocketAddr>; 2],
    valid: &mut BTreeMap<(usize, usize, SocketAddr), (usize, SocketAddr)>,
) {
    let now = Duration::ZERO;
    if world.sockets[socket].address.is_ipv4() != to.is_ipv4() {
        return;
    }
    let Some((Target::Socket(peer), seen)) = world.pass(now, socket, to) else {
        return;
    };
    if world.sockets[peer].side == which {
        return;
    }
    known[1 - which].insert(seen);
    if world.pass(now, peer, seen) == Some((Target::Socket(socket), to)) {
        valid.insert((which, socket, to), (peer, seen));
    }
}
