//! What this host is told of the way of its checks: who refuses them by ICMP, and whether its routes lead
//! them another way than what it sends to servers. ICMP is listened for once a connection is overdue: most
//! sessions are connected before, and while it is, a datagram may fail since an earlier one was refused.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::commands::pair::run::meeting::Meeting;
use crate::net::host;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Detour, Refusal};
use crate::proto::nat::address::is_global;

/// How long a connection is waited for first.
const AFTER: Duration = Duration::from_millis(400);

impl Meeting<'_> {
    pub(super) fn hear_refusals(&mut self, now: Time) {
        let since = self.progress.described_at.map(|at| at + AFTER);
        let is_overdue = since.is_some_and(|due| now >= due);
        // A datagram that is not sent for that would be loss to the test of the path, which a relay has to itself.
        let is_wanted = match self.flow.selected {
            Some((pair, _)) => self.checks.pairs()[pair].is_relayed(),
            None => is_overdue,
        };
        self.paths.listen(is_wanted);
        let known = &mut self.own.found.refusals;
        for (_, refusal) in self.paths.refusals() {
            if known.len() < bounds::CANDIDATES && !known.contains(&refusal) {
                known.push(refusal);
            }
        }
    }

    /// Looks, where there is no direct path, whether the routes lead to the other side as they do to servers.
    pub(super) fn look_for_detour(&mut self) {
        let is_direct = |(pair, _): (usize, Time)| !self.checks.pairs()[pair].is_relayed();
        if self.flow.selected.is_some_and(is_direct) {
            return;
        }
        let remotes = self.peer.candidates.iter();
        let mut remotes =
            remotes.filter(|c| c.kind != CandidateType::Relay && is_global(c.address));
        self.own.found.detour = remotes.find_map(|remote| self.detour_to(remote.socket_address()));
    }

    fn detour_to(&self, remote: SocketAddr) -> Option<Detour> {
        let mut seen = self.own.candidates.iter();
        let seen = seen
            .find(|c| c.kind == CandidateType::Srflx && c.address.is_ipv4() == remote.is_ipv4())?;
        let usual = seen.related_address?;
        let source = &self.options.gather.source;
        let chosen = source.local_address_to(remote).ok()?;
        let (by, usual) = (host::interface_of(chosen)?, host::interface_of(usual)?);
        (by != usual).then_some(Detour {
            to: remote.ip(),
            by,
            usual,
        })
    }

    /// What was said of checks that went there.
    pub(crate) fn refusal_of(&self, remote: SocketAddr) -> Option<Refusal> {
        let mut all = self.own.found.refusals.iter();
        all.find(|refusal| refusal.to == remote).copied()
    }
}
