//! Packets on their way.

use super::*;

impl Sim<'_> {
    pub(super) fn arrive(&mut self, packet: Packet, body: Body) {
        let Some(target) = self.world.arrive(self.now, packet) else {
            self.note(|| format!("dropped {} -> {}", packet.source, packet.destination));
            return;
        };
        match (target, body) {
            (Target::Stun, Body::Ask { can_be_lost }) => {
                let back = Packet {
                    zone: crate::pair_checks::world::INTERNET,
                    source: packet.destination,
                    destination: packet.source,
                };
                let address = packet.source;
                let mapped = Body::Mapped {
                    address,
                    can_be_lost,
                };
                self.launch(back, mapped, Duration::ZERO);
            }
            (Target::Socket(socket), Body::Mapped { address, .. }) => {
                let mapped = address;
                let which = self.world.sockets[socket].side;
                if self.sides[which].mapped.insert(socket) {
                    if mapped != self.world.sockets[socket].address {
                        let of = |(s, _): &(usize, usize)| *s == socket;
                        let place = self.sides[which].sockets.iter().position(of);
                        let origin = Origin {
                            base: place.unwrap_or(0),
                            ..Origin::default()
                        };
                        self.found(which, CandidateType::Srflx, mapped, origin);
                    }
                    self.maybe_complete(which);
                }
            }
            (Target::Socket(socket), Body::Ice(bytes)) => {
                let which = self.world.sockets[socket].side;
                let mut numbers = self.sides[which].sockets.iter();
                if let Some((_, base)) = numbers.find(|(s, _)| *s == socket) {
                    let base = *base;
                    self.input(which, base, packet.source, &bytes);
                }
            }
            (Target::Relay(relay), Body::Ice(bytes)) => {
                if self.relays[relay].permissions.contains(&packet.source.ip())
                    && let Some(at) = self.leg(relay, 1)
                {
                    self.at(at, Happening::ToClient(relay, packet.source, bytes));
                }
            }
            _ => {}
        }
    }

    pub(super) fn leg(&mut self, relay: usize, direction: usize) -> Option<Duration> {
        let mut at = self.now + self.one_way();
        if self.relays[relay].tcp {
            at = at.max(self.relays[relay].last[direction]);
            self.relays[relay].last[direction] = at;
        } else if self.is_lost() {
            return None;
        }
        Some(at)
    }

    pub(super) fn send(&mut self, which: usize, transmit: Transmit) {
        let Transmit {
            base,
            destination,
            payload,
        } = transmit;
        self.note(|| {
            format!(
                "{which}: base {base} -> {destination} {}",
                describe(&payload)
            )
        });
        let id: [u8; 12] = payload[8..20].try_into().expect("a STUN message");
        if payload[..2] == [0, 1] {
            self.sides[which].requests += 1;
            self.sides[which].sent_ids.insert(id, (base, destination));
            if self.sides[which].known.is_none() {
                self.problems
                    .push("a check before the other side is known".into());
            }
        }
        let mut sockets = self.sides[which].sockets.iter();
        if let Some((socket, _)) = sockets.find(|(_, number)| *number == base) {
            let own = &self.world.sockets[*socket];
            let packet = Packet {
                zone: own.zone,
                source: own.address,
                destination,
            };
            let extra = own.extra;
            self.launch(packet, Body::Ice(payload), extra);
            return;
        }
        let relay = self
            .relays
            .iter()
            .position(|r| r.base == Some(base) && r.side == which);
        if let Some(relay) = relay
            && let Some(at) = self.leg(relay, 0)
        {
            self.at(at, Happening::FromRelay(relay, destination, payload));
        }
    }

    pub(super) fn launch(&mut self, packet: Packet, body: Body, extra: Duration) {
        // A side that never learns its address is the gatherer's matter.
        let can_be_lost = match body {
            Body::Ice(_) => true,
            Body::Ask { can_be_lost } | Body::Mapped { can_be_lost, .. } => can_be_lost,
        };
        let lost = can_be_lost && self.is_lost();
        if lost && self.rng.random_bool(0.5) {
            return;
        }
        let Some(packet) = self.world.leave(self.now, packet) else {
            return;
        };
        if lost {
            return;
        }
        let copies = 1 + u32::from(self.rng.random_bool(self.scenario.link.duplication));
        for _ in 0..copies {
            let at = self.now + self.one_way() + extra;
            self.at(at, Happening::Arrive(packet, body.clone()));
        }
    }

    pub(super) fn one_way(&mut self) -> Duration {
        self.scenario.link.delay.draw(&mut self.rng)
    }

    pub(super) fn is_lost(&mut self) -> bool {
        self.rng.random_bool(self.scenario.link.loss)
    }
}
