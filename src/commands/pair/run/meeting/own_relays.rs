//! Whether this side's relays let in what this side's own sockets send to them. Where nothing of the
//! other side's comes in, that tells closed relay ports from the other side's way out.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::family::Family;
use crate::base::time::Time;
use crate::commands::gather::report::CandidateReport;
use crate::commands::pair::run::meeting::Meeting;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::OwnRelay;
use crate::proto::nat::address::is_global;

/// How long a connection is waited for first: most sessions need no such trial.
const AFTER: Duration = Duration::from_secs(1);
/// Loss is answered by sending again.
const AGAIN: Duration = Duration::from_millis(100);
const TRIES: u32 = 8;
/// When the servers are asked whether the relays are still there, after that; an answer has to come before
/// the session is given up.
const PROBES: [Duration; 2] = [Duration::ZERO, Duration::from_secs(2)];
/// How long the last one may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// All of a session.
#[derive(Debug)]
pub(super) struct Trials {
    /// What is sent. Nobody else knows it.
    token: [u8; 16],
    all: Vec<Trial>,
    /// How often servers were asked for the relays themselves.
    probes: usize,
}

#[derive(Debug)]
struct Trial {
    relayed: SocketAddr,
    /// The number of the socket that sends.
    from: usize,
    /// Where servers see that socket: what the relay has to let in.
    public: IpAddr,
    is_permitted: bool,
    sent: u32,
    last: Time,
    is_reached: bool,
}

impl Trial {
    const fn is_over(&self) -> bool {
        self.is_reached || self.sent >= TRIES
    }

    /// What it shows; silence only after its time.
    fn result(&self, now: Time) -> Option<OwnRelay> {
        let is_silent = self.sent >= TRIES && now >= self.last + PATIENCE;
        (self.is_reached || is_silent).then_some(OwnRelay {
            relayed: self.relayed,
            is_reached: self.is_reached,
        })
    }
}

impl Meeting<'_> {
    /// Asks for permissions once it is likely that they are needed.
    pub(super) fn try_own_relays(&mut self, now: Time) {
        let since = self.progress.described_at.map(|at| at + AFTER);
        let Some(since) = since.filter(|due| now >= *due && self.flow.selected.is_none()) else {
            return;
        };
        if let Some(trials) = &mut self.own.trials {
            let next = PROBES.get(trials.probes);
            if next.is_some_and(|after| now >= since + *after) {
                trials.probes += 1;
                self.paths.probe_relays();
            }
            return;
        }
        let all = self.planned_trials();
        for trial in &all {
            if let Some(base) = self.paths.find(trial.relayed) {
                self.paths.permit(base, trial.public);
            }
        }
        self.own.trials = Some(Trials {
            token: rand::random(),
            all,
            probes: 0,
        });
    }

    /// For each relay out there, a socket whose public address is known. A side that is seen at several
    /// may leave by another one, which the relay rightly keeps out.
    fn planned_trials(&self) -> Vec<Trial> {
        let of = |kind: CandidateType| {
            let all = self.own.candidates.iter();
            all.filter(move |c| c.kind == kind)
        };
        let mut all = Vec::new();
        for relayed in of(CandidateType::Relay).map(CandidateReport::socket_address) {
            let family = Family::of(relayed.ip());
            let mut seen = of(CandidateType::Srflx).filter(|c| Family::of(c.address) == family);
            let Some(srflx) = seen.next() else { continue };
            let nats = self.own.nats.iter().filter(|nat| nat.family == family);
            // Through one's own router, or seen from inside, the way to it is not that of others.
            let is_beside = relayed.ip() == srflx.address
                || is_global(relayed.ip()) != is_global(srflx.address);
            let others = nats.flat_map(|nat| nat.reflexive_addresses.iter().map(SocketAddr::ip));
            let mut others = seen.map(|other| other.address).chain(others);
            let is_pooled = others.any(|other| other != srflx.address);
            let base = srflx.related_address.zip(srflx.related_port);
            let base = base.and_then(|(ip, port)| self.paths.find(SocketAddr::new(ip, port)));
            if let (Some(from), false) = (base, is_pooled || is_beside) {
                all.push(Trial {
                    relayed,
                    from,
                    public: srflx.address,
                    is_permitted: false,
                    sent: 0,
                    last: Time::ZERO,
                    is_reached: false,
                });
            }
        }
        all
    }

    /// Whether it is an answer to what was asked for here.
    pub(super) fn take_own_permission(
        &mut self,
        relayed: SocketAddr,
        peer: IpAddr,
        is_granted: bool,
    ) -> bool {
        let mut trials = self.own.trials.iter_mut().flat_map(|t| &mut t.all);
        let Some(trial) = trials.find(|t| t.relayed == relayed && t.public == peer) else {
            return false;
        };
        trial.is_permitted = is_granted;
        true
    }

    pub(super) async fn send_trials(&mut self) {
        let now = self.clock.now();
        let Some(Trials { token, all, .. }) = &mut self.own.trials else {
            return;
        };
        for trial in all {
            let is_due = trial.sent == 0 || now >= trial.last + AGAIN;
            if trial.is_permitted && is_due && !trial.is_over() {
                (trial.sent, trial.last) = (trial.sent + 1, now);
                let bytes = token.to_vec();
                self.paths
                    .send_whole(trial.from, trial.relayed, bytes)
                    .await;
            }
        }
    }

    /// Whether a datagram is one of those that this side sent to its relay.
    pub(super) fn is_own_trial(&mut self, base: usize, bytes: &[u8]) -> bool {
        let Some(Trials { token, all, .. }) = &mut self.own.trials else {
            return false;
        };
        if *bytes != token[..] {
            return false;
        }
        let mut all = all.iter_mut();
        if let Some(trial) = all.find(|t| self.paths.find(t.relayed) == Some(base)) {
            trial.is_reached = true;
        }
        true
    }

    pub(crate) fn own_relays(&self) -> Vec<OwnRelay> {
        let now = self.clock.now();
        let trials = self.own.trials.iter().flat_map(|trials| &trials.all);
        trials.filter_map(|trial| trial.result(now)).collect()
    }
}
