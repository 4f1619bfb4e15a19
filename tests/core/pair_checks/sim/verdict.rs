//! What came out, and whether it adds up.

use super::*;

/// What came out for one side.
#[derive(Debug, Clone)]
pub struct End {
    pub selected: Option<(usize, Duration)>,
    pub known: Option<Duration>,
    pub relayed: bool,
    pub requests: usize,
    pub finished: Option<Duration>,
    pub pairs: Vec<Pair>,
    /// Of each pair: the address of its base, and how many of its checks the other side saw.
    pub records: Vec<(SocketAddr, u32)>,
    /// Candidate lines that were signalled.
    pub candidates: Vec<String>,
    /// (address of the base, remote) of the selected pair.
    pub path: Option<(SocketAddr, SocketAddr)>,
}

#[derive(Debug, Clone)]
pub struct Outcome {
    pub ends: [End; 2],
    /// What must not be.
    pub problems: Vec<String>,
    pub trace: Vec<String>,
}

impl Outcome {
    pub fn connected(&self) -> bool {
        self.ends.iter().all(|end| end.selected.is_some())
    }

    pub fn relayed(&self) -> bool {
        self.ends.iter().any(|end| end.relayed)
    }

    /// From both descriptions known to connected, the slower end.
    pub fn took(&self) -> Duration {
        let times = self.ends.iter().filter_map(|end| {
            let (_, at) = end.selected?;
            Some(at.saturating_sub(end.known?))
        });
        times.max().unwrap_or_default()
    }
}

impl Sim<'_> {
    pub(super) fn outcome(mut self) -> Outcome {
        self.check_counters();
        let ends = [0, 1].map(|which| {
            let side = &self.sides[which];
            let pair = side.engine.as_ref().and_then(|engine| engine.selected);
            let selected = pair.zip(side.selected);
            let path = pair.map(|pair| {
                let pair = &side.checks.pairs()[pair];
                (side.checks.base(pair.base).address, pair.remote)
            });
            let arrived: BTreeSet<u32> = {
                let other = &self.sides[1 - which].checks;
                other.arrived().iter().copied().collect()
            };
            let bases = side
                .checks
                .pairs()
                .iter()
                .map(|p| side.checks.base(p.base).address);
            let records = bases.zip(side.checks.arrivals(&arrived)).collect();
            End {
                records,
                candidates: side.candidates.clone(),
                selected,
                known: side.known,
                relayed: path
                    .is_some_and(|(a, b)| self.world.is_relay(a) || self.world.is_relay(b)),
                requests: side.requests,
                finished: side.finished,
                pairs: side.checks.pairs().to_vec(),
                path,
            }
        });
        for which in 0..2 {
            if let (Some(path), Some(other)) = (ends[which].path, ends[1 - which].path)
                && let Err(problem) = self.mirrored(which, path, other)
            {
                self.problems.push(problem);
            }
        }
        Outcome {
            ends,
            problems: self.problems,
            trace: self.trace.unwrap_or_default(),
        }
    }

    pub(super) fn mirrored(
        &mut self,
        which: usize,
        (base, remote): (SocketAddr, SocketAddr),
        (other_base, other_remote): (SocketAddr, SocketAddr),
    ) -> Result<(), String> {
        let relay = self.world.relays.iter().position(|r| *r == base);
        let arrived = if let Some(relay) = relay {
            let source = self.world.relays[relay];
            self.world
                .pass_in(self.now, source, remote)
                .map(|target| (target, source))
        } else {
            let mut sockets = self.sides[which].sockets.iter();
            let socket = sockets.find(|(s, _)| self.world.sockets[*s].address == base);
            socket.and_then(|(socket, _)| self.world.pass(self.now, *socket, remote))
        };
        let Some((target, source)) = arrived else {
            return Err(format!("{which}: {base} -> {remote} does not arrive"));
        };
        let at = match target {
            Target::Socket(socket) => self.world.sockets[socket].address,
            Target::Relay(relay) => self.world.relays[relay],
            Target::Stun => return Err("at the STUN server".into()),
        };
        if (at, source) != (other_base, other_remote) {
            return Err(format!(
                "{which}: {base} -> {remote} arrives at {at} from {source}, but the other end has {other_base} <- {other_remote}"
            ));
        }
        Ok(())
    }

    pub(super) fn check_counters(&mut self) {
        for which in 0..2 {
            let (side, other) = (&self.sides[which], &self.sides[1 - which]);
            let pairs = side.checks.pairs();
            let arrived: BTreeSet<u32> = other.checks.arrived().iter().copied().collect();
            let arrivals = side.checks.arrivals(&arrived);
            let mut truth = vec![0; pairs.len()];
            for id in &other.arrived {
                if let Some((base, destination)) = side.sent_ids.get(id) {
                    let of = |p: &Pair| p.base == *base && p.remote == *destination;
                    if let Some(index) = pairs.iter().position(of) {
                        truth[index] += 1;
                    }
                }
            }
            let mut problems = Vec::new();
            if arrivals != truth {
                problems.push(format!("{which}: arrivals {arrivals:?}, really {truth:?}"));
            }
            for (i, pair) in pairs.iter().enumerate() {
                let rounds = u32::try_from(pair.rtts.len()).unwrap_or(u32::MAX);
                if pair.answered > pair.sent
                    || arrivals[i] > pair.sent
                    || pair.answered > arrivals[i]
                    || rounds != pair.answered
                    || (pair.state() == CheckState::Succeeded) != pair.is_valid()
                    || pair.is_valid() && pair.answered == 0
                    || pair.first_sent > pair.last_sent
                {
                    problems.push(format!("{which}: pair {i} does not add up: {pair:?}"));
                }
            }
            let sent: u32 = pairs.iter().map(|pair| pair.sent).sum();
            if sent as usize != side.requests {
                problems.push(format!("{which}: {sent} recorded, {} sent", side.requests));
            }
            self.problems.append(&mut problems);
        }
    }
}
