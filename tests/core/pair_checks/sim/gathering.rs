//! Candidates and permissions, and how the other side learns of them.

use super::*;

impl Sim<'_> {
    pub(super) fn prepare(&mut self) {
        for which in 0..2 {
            let sockets = self.sides[which].sockets.clone();
            for (i, (socket, _)) in sockets.into_iter().enumerate() {
                let address = self.world.sockets[socket].address;
                let origin = Origin {
                    base: i,
                    ..Origin::default()
                };
                self.found(which, CandidateType::Host, address, origin);
                for (at, i) in STUN_AT.into_iter().zip(0..) {
                    self.at(Duration::from_millis(at), Happening::Ask(socket, i < 3));
                }
                let end = Duration::from_millis(STUN_END);
                self.at(end, Happening::GiveUp(socket));
            }
            self.prepare_relay(which);
            let described = if self.scenario.gathered {
                GATHERED
            } else {
                Duration::ZERO
            };
            let gap = self.scenario.gap * u32::try_from(which).expect("0 or 1");
            self.at(described + gap, Happening::Describe(which));
        }
    }

    pub(super) fn prepare_relay(&mut self, which: usize) {
        let Some(spec) = self.scenario.sides[which].relay else {
            return;
        };
        if self.scenario.sides[which].udp_blocked && !spec.tcp {
            return;
        }
        let address = match (which, spec.v6) {
            (0, false) => "192.0.2.100:49152",
            (0, true) => "[2001:db8:6::1]:49152",
            (_, false) => "192.0.2.101:49153",
            (_, true) => "[2001:db8:6::2]:49153",
        };
        self.world.relays.push(address.parse().expect("valid"));
        self.relays.push(Relay {
            side: which,
            base: None,
            tcp: spec.tcp,
            forbidden: spec.forbidden,
            permissions: BTreeSet::new(),
            last: [Duration::ZERO; 2],
        });
        let trips = if spec.tcp { 3 } else { 2 };
        let mut after = Duration::ZERO;
        for _ in 0..trips {
            after += self.request_to_relay(spec.tcp);
        }
        let index = self.relays.len() - 1;
        self.at(after, Happening::Allocated(index));
    }

    pub(super) fn request_to_relay(&mut self, tcp: bool) -> Duration {
        let mut took = self.one_way() + self.one_way();
        let mut gap = 100;
        while !tcp && (self.is_lost() || self.is_lost()) {
            took += Duration::from_millis(gap);
            gap += 50;
        }
        took
    }

    pub(super) fn allocated(&mut self, relay: usize) {
        let (which, address) = (self.relays[relay].side, self.world.relays[relay]);
        let origin = Origin {
            relayed_v6: address.is_ipv6(),
            ..Origin::default()
        };
        let base = Base {
            address,
            is_relay: true,
            priority: priority(CandidateType::Relay, origin),
            reflexive_priority: priority(CandidateType::Prflx, origin),
        };
        let number = self.sides[which].checks.add_base(self.now, base);
        self.relays[relay].base = Some(number);
        self.found(which, CandidateType::Relay, address, origin);
        self.drain(which);
    }

    pub(super) fn found(
        &mut self,
        which: usize,
        kind: CandidateType,
        address: SocketAddr,
        origin: Origin,
    ) {
        let line = Candidate {
            foundation: "1".into(),
            component: COMPONENT,
            priority: priority(kind, origin),
            address,
            kind,
            related: None,
        }
        .to_string();
        self.sides[which].candidates.push(line.clone());
        if self.sides[which].described {
            self.tell(which, Signal::Candidate(line));
        }
    }

    pub(super) fn maybe_complete(&mut self, which: usize) {
        let side = &mut self.sides[which];
        let mut sockets = side.sockets.iter();
        let done = sockets.all(|(s, _)| side.mapped.contains(s) || side.given_up.contains(s));
        if !done || std::mem::replace(&mut side.complete, true) {
            return;
        }
        let has_udp = !side.mapped.is_empty();
        side.checks.local_directs_complete(self.now, has_udp);
        if side.described {
            self.tell(which, Signal::Complete(has_udp));
        } else {
            side.queue.push(Signal::Complete(has_udp));
        }
        self.drain(which);
    }

    pub(super) fn tell(&mut self, which: usize, signal: Signal) {
        let at = self.now + self.scenario.signalling;
        self.at(at, Happening::Signal(1 - which, signal));
    }

    pub(super) fn signalled(&mut self, to: usize, signal: Signal) {
        let now = self.now;
        match signal {
            Signal::Description => {
                let role = self.sides[to].checks.role();
                assert!(self.sides[to].checks.set_remote(credentials(1 - to), role));
                self.sides[to].known = Some(now);
            }
            Signal::Candidate(line) => {
                let _ = self.sides[to]
                    .checks
                    .add_remote(now, line.parse().expect("our own"));
            }
            Signal::Complete(has_udp) => {
                self.sides[to].checks.remote_directs_complete(now, has_udp);
            }
        }
        self.drain(to);
    }

    pub(super) fn permit(&mut self, base: usize, peer: IpAddr, which: usize) {
        let of = |relay: &Relay| relay.side == which;
        let Some(relay) = self.relays.iter().position(of) else {
            return;
        };
        // The base is being added: the checks ask before its number is known.
        self.relays[relay].base = Some(base);
        let took = self.request_to_relay(self.relays[relay].tcp);
        self.at(self.now + took / 2, Happening::Permission(relay, peer));
        self.at(self.now + took, Happening::Permitted(relay, peer));
    }
}
