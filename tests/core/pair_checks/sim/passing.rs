//! Between a side's checks, its engine and the network.

use super::*;

impl Sim<'_> {
    pub(super) fn input(&mut self, which: usize, base: usize, source: SocketAddr, bytes: &[u8]) {
        self.note(|| format!("{which}: base {base} <- {source} {}", describe(bytes)));
        let id: [u8; 12] = bytes[8..20].try_into().expect("a STUN message");
        if bytes[..2] == [0, 1] {
            self.sides[which].arrived.insert(id);
        }
        let side = &mut self.sides[which];
        match side.checks.handle_input(self.now, base, source, bytes) {
            Input::Engine(pair) => self.for_engine(which, pair, bytes),
            Input::Taken => {}
            // An answer whose transaction is the world's, or data: there are none.
            other => self.problems.push(format!("{other:?} at {:?}", self.now)),
        }
        self.drain(which);
    }

    pub(super) fn for_engine(&mut self, which: usize, pair: usize, bytes: &[u8]) {
        self.ensure_engine(which, pair);
        let now = self.now;
        let side = &mut self.sides[which];
        if let Some(engine) = &mut side.engine {
            engine.deliver(pair, bytes);
            if engine.selected.is_some() && side.selected.is_none() {
                side.selected = Some(now);
                self.note(|| format!("{which}: selected {pair}"));
            }
        }
    }

    pub(super) fn ensure_engine(&mut self, which: usize, pair: usize) {
        let side = &mut self.sides[which];
        let role = side.checks.role();
        let local = side.local.clone();
        let rng = &mut self.rng;
        let engine = side
            .engine
            .get_or_insert_with(|| Engine::new(&local, &credentials(1 - which), role, rng));
        let requests = engine.add(self.now, pair, rng);
        self.engine_sends(which, requests);
    }

    pub(super) fn engine_sends(&mut self, which: usize, requests: Vec<(usize, Vec<u8>)>) {
        for (pair, bytes) in requests {
            let now = self.now;
            self.sides[which].checks.send_for_engine(now, pair, bytes);
        }
    }

    pub(super) fn drain(&mut self, which: usize) {
        loop {
            if let Some(event) = self.sides[which].checks.poll_event() {
                self.note(|| format!("{which}: {event:?}"));
                match event {
                    Event::Permit { base, peer } => self.permit(base, peer, which),
                    Event::Engaged(pair) => self.ensure_engine(which, pair),
                    Event::Deliver(pair, bytes) => self.for_engine(which, pair, &bytes),
                    Event::Checked(_)
                    | Event::Succeeded(_)
                    | Event::Chosen(_)
                    | Event::Nominated(_)
                    | Event::RoleSwitched(_) => {}
                }
            } else if let Some(transmit) = self.sides[which].checks.poll_transmit() {
                self.send(which, transmit);
            } else {
                break;
            }
        }
        self.sides[which].wake = self.sides[which].checks.poll_timeout();
    }
}
