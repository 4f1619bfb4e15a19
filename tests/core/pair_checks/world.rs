//! Two hosts' sockets, the boxes between them, and who gets a packet that is sent.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::support::nat_config::{Kind, NatConfig};
use crate::support::nat_model::Nat;

/// The zone that all public addresses are in.
pub const INTERNET: usize = 0;

/// A STUN server for each family.
pub const STUN_V4: &str = "192.0.2.1:3478";
pub const STUN_V6: &str = "[2001:db8:5::1]:3478";

/// How a socket's address hangs on the network.
#[derive(Debug, Clone)]
pub enum Attach {
    /// Behind boxes of its own, the innermost first; none for a public address.
    Behind(Vec<NatConfig>),
    /// Behind boxes of its own and then one that both sides share.
    Shared(Vec<NatConfig>),
    /// An interface that leads nowhere.
    Dead,
}

/// One end of a path.
#[derive(Debug, Clone)]
pub struct Socket {
    pub side: usize,
    pub address: SocketAddr,
    pub zone: usize,
    /// What its interface adds to each way.
    pub extra: Duration,
}

#[derive(Debug)]
struct Box_ {
    nat: Nat,
    inside: usize,
    outside: usize,
}

/// A packet on its way: in a zone, from and to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packet {
    pub zone: usize,
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

/// Who gets a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Socket(usize),
    Stun,
    Relay(usize),
}

#[derive(Debug, Default)]
pub struct World {
    boxes: Vec<Box_>,
    pub sockets: Vec<Socket>,
    /// Relayed addresses.
    pub relays: Vec<SocketAddr>,
    shared_zone: Option<usize>,
    zones: usize,
}

impl World {
    pub fn new(shared: Option<&NatConfig>, seed: u64) -> Self {
        let mut world = Self {
            zones: 1,
            ..Self::default()
        };
        if let Some(config) = shared {
            let zone = world.add_box(config, INTERNET, seed ^ 0x5a5a);
            world.shared_zone = Some(zone);
        }
        world
    }

    fn add_box(&mut self, config: &NatConfig, outside: usize, seed: u64) -> usize {
        let inside = self.zones;
        self.zones += 1;
        let nat = Nat::new(
            config.clone(),
            seed.wrapping_add(inside as u64 * 0x9e37_79b9),
        );
        self.boxes.push(Box_ {
            nat,
            inside,
            outside,
        });
        inside
    }

    /// Sockets with the same list of boxes have boxes of their own all the same.
    pub fn add_socket(
        &mut self,
        side: usize,
        address: SocketAddr,
        attach: &Attach,
        extra: Duration,
        seed: u64,
    ) -> usize {
        let (boxes, mut zone) = match attach {
            Attach::Behind(boxes) => (boxes.as_slice(), INTERNET),
            Attach::Shared(boxes) => (boxes.as_slice(), self.shared_zone.unwrap_or(INTERNET)),
            Attach::Dead => {
                self.zones += 1;
                (&[][..], self.zones - 1)
            }
        };
        for config in boxes.iter().rev() {
            zone = self.add_box(config, zone, seed);
        }
        self.sockets.push(Socket {
            side,
            address,
            zone,
            extra,
        });
        self.sockets.len() - 1
    }

    fn socket_at(&self, zone: usize, address: SocketAddr) -> Option<usize> {
        self.sockets
            .iter()
            .position(|s| s.zone == zone && s.address == address)
    }

    /// The box whose outside is in this zone and that takes packets for this address.
    fn box_for(&self, zone: usize, destination: SocketAddr) -> Option<usize> {
        self.boxes.iter().position(|b| {
            b.outside == zone
                && match b.nat.config.kind {
                    Kind::Nat => b.nat.owns(destination.ip()),
                    _ => self
                        .sockets
                        .iter()
                        .any(|s| s.zone == b.inside && s.address.ip() == destination.ip()),
                }
        })
    }

    /// The way out: to the zone where the receiver's side of the path begins.
    pub fn leave(&mut self, now: Duration, mut packet: Packet) -> Option<Packet> {
        loop {
            let Packet {
                zone,
                source,
                destination,
            } = packet;
            if zone == INTERNET
                || self.socket_at(zone, destination).is_some()
                || self.box_for(zone, destination).is_some()
            {
                return Some(packet);
            }
            let up = self.boxes.iter_mut().find(|b| b.inside == zone)?;
            let outside = up.nat.outbound(now, source, destination)?;
            if up.nat.owns(destination.ip()) {
                let (local, carried) = up.nat.hairpin(source, outside, destination)?;
                return Some(Packet {
                    zone,
                    source: carried,
                    destination: local,
                });
            }
            packet = Packet {
                zone: up.outside,
                source: outside,
                destination,
            };
        }
    }

    /// The way in.
    pub fn arrive(&mut self, now: Duration, mut packet: Packet) -> Option<Target> {
        loop {
            let Packet {
                zone,
                source,
                destination,
            } = packet;
            if let Some(socket) = self.socket_at(zone, destination) {
                return Some(Target::Socket(socket));
            }
            if let Some(index) = self.box_for(zone, destination) {
                let down = &mut self.boxes[index];
                packet = Packet {
                    zone: down.inside,
                    source,
                    destination: down.nat.inbound(now, destination, source)?,
                };
                continue;
            }
            if zone != INTERNET {
                return None;
            }
            if destination == stun_server(true) || destination == stun_server(false) {
                return Some(Target::Stun);
            }
            let relay = self.relays.iter().position(|r| *r == destination);
            return relay.map(Target::Relay);
        }
    }

    /// The whole way at once: who gets it, and from which source.
    pub fn pass(
        &mut self,
        now: Duration,
        socket: usize,
        destination: SocketAddr,
    ) -> Option<(Target, SocketAddr)> {
        let Socket { zone, address, .. } = self.sockets[socket];
        let packet = Packet {
            zone,
            source: address,
            destination,
        };
        let packet = self.leave(now, packet)?;
        let source = packet.source;
        Some((self.arrive(now, packet)?, source))
    }

    /// A packet from the Internet, the whole way at once.
    pub fn pass_in(
        &mut self,
        now: Duration,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Option<Target> {
        let packet = Packet {
            zone: INTERNET,
            source,
            destination,
        };
        self.arrive(now, packet)
    }

    pub fn is_relay(&self, address: SocketAddr) -> bool {
        self.relays.contains(&address)
    }
}

/// The STUN server of a family.
pub fn stun_server(v4: bool) -> SocketAddr {
    let text = if v4 { STUN_V4 } else { STUN_V6 };
    text.parse().expect("valid")
}

/// A NAT with this external address.
pub fn with_external(mut config: NatConfig, external: &str) -> NatConfig {
    config.externals = vec![external.parse::<IpAddr>().expect("valid")];
    config
}
