//! What remedies would bring about: one end alone proves less of the other one than both do.

use crate::proto::evidence::account::{Account, ToldCandidate};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::JudgedCall;
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{self, Effect, Remedy, RemedyCode, Whose};

impl JudgedCall {
    /// Leaves of what remedies promise what the files prove.
    pub(super) fn hedge(&mut self, call: &JoinedCall) {
        causes::hedge(&mut self.causes, &mut self.relay_causes);
        // Statistics alone do not tell whether there is a TURN server already.
        let is_bare = |end: &Option<Account>| {
            end.as_ref()
                .is_some_and(|end| end.servers.is_none() && end.found.is_none())
        };
        if call.ends.iter().any(is_bare) {
            let all = self.causes.iter_mut().chain(&mut self.relay_causes);
            let remedies = all.flat_map(|cause| &mut cause.remedies);
            for remedy in remedies.filter(|remedy| remedy.effect == Effect::Relay) {
                remedy.is_sure = false;
            }
        }
        // `rtcdiag pair` heard of both sides.
        let mut ends = call.ends.iter().flatten();
        if call.ends.iter().all(Option::is_some) || ends.any(|end| end.found.is_some()) {
            return;
        }
        let heard = self.pairs.iter().any(|pair| {
            let record = &pair.record;
            let is_direct = record.remote.kind != CandidateType::Relay;
            is_direct && (record.requests_received > 0 || record.is_answered())
        });
        // Whoever has the one file is seen by it; of the other end, only what came from it, or what it told.
        let is_here = call.ends[0].is_some();
        let is_open = [
            has_open_udp(&self.local) || !is_here && heard,
            has_open_udp(&self.remote) || is_here && heard,
        ];
        let all = self.causes.iter_mut().chain(&mut self.relay_causes);
        for remedy in all.flat_map(|cause| &mut cause.remedies) {
            remedy.is_sure &= is_proved(remedy, is_open);
        }
    }
}

/// Whether a server saw it over UDP. Of those that a capture shows as the far ends of checks, only the address is known.
fn has_open_udp(side: &KnownSide) -> bool {
    let is_told = |c: &&ToldCandidate| c.priority > 0 || c.line.is_some() || c.url.is_some();
    let mut reflexive = side.told.udp().filter(|c| c.kind == CandidateType::Srflx);
    reflexive.any(|candidate| is_told(&candidate))
}

fn is_proved(remedy: &Remedy, [local, remote]: [bool; 2]) -> bool {
    match (remedy.effect, remedy.code) {
        // What the other side has of IPv6, and what lets it out over TLS, its own files tell.
        (_, RemedyCode::Ipv6 | RemedyCode::TurnTls) => false,
        (Effect::Direct, _) => true,
        // A relay of one side is reached by it, and over UDP by the other one.
        (Effect::Relay, RemedyCode::TurnConfiguration) => match remedy.side {
            Whose::Local => remote,
            Whose::Remote => local,
            _ => local && remote,
        },
        (Effect::Relay, _) => local && remote,
    }
}
