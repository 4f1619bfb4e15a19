//! Addresses behind names of multicast DNS.

use std::net::{Ipv4Addr, SocketAddr};

use crate::base::codes::Code;
use crate::proto::evidence::facts::JudgedCall;
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::ice::candidate::{Candidate, CandidateType};
use crate::proto::ice::causes::{Cause, Effect, Remedy, RemedyCode, ServerFacts, Whose};

impl JudgedCall {
    /// Names of mDNS alone, where nothing else could be had.
    pub(super) fn hidden(&self) -> Option<Cause> {
        if self
            .pairs
            .iter()
            .any(|pair| pair.record.requests_received > 0 || pair.works())
        {
            return None;
        }
        // What the other end was given is what this end was given, unless its own file says otherwise.
        let given = |side: &KnownSide, other: &KnownSide| {
            let of_other = other.servers.as_ref().is_some_and(|all| !all.is_empty());
            match &side.servers {
                // Those that were asked for long and said nothing are as good as none.
                Some(servers) => servers.iter().any(|s| !is_silent(s)) || side.blocked.is_some(),
                None => of_other,
            }
        };
        let is_alone = |side: &KnownSide, other: &KnownSide| {
            side.is_hidden() && !given(side, other) && !side.has_relay()
        };
        let of_local = is_alone(&self.local, &self.remote);
        let side = Whose::of(of_local, is_alone(&self.remote, &self.local))?;
        let (who, tells, gets) = match side {
            Whose::Local => (
                "this side",
                "hides its addresses behind a name (.local) that only its own network can resolve, and tells",
                "it",
            ),
            Whose::Remote => (
                "the other side",
                "hides its addresses behind a name (.local) that only its own network can resolve, and tells",
                "it",
            ),
            _ => (
                "both sides",
                "hide their addresses behind names (.local) that only their own networks can resolve, and tell",
                "they",
            ),
        };
        let lacks = |side: &KnownSide| side.servers.as_ref().is_some_and(Vec::is_empty);
        let without = match side {
            Whose::Local => lacks(&self.local),
            Whose::Remote => lacks(&self.remote),
            _ => lacks(&self.local) || lacks(&self.remote),
        };
        let asked = |side: &KnownSide| side.servers.as_ref().is_some_and(|all| !all.is_empty());
        let in_vain = match side {
            Whose::Local => asked(&self.local),
            Whose::Remote => asked(&self.remote),
            _ => asked(&self.local) || asked(&self.remote),
        };
        if in_vain {
            return Some(Cause::new(
                Code::Unknown,
                Whose::Between,
                format!(
                    "{who} {tells} no other address, and no server answered {}: UDP is blocked there, or the servers are down, which rtcdiag nat with them tells",
                    if gets == "it" { "it" } else { "them" }
                ),
            ));
        }
        let why = if without {
            format!(": {gets} had no STUN server")
        } else {
            String::new()
        };
        let mut cause = Cause::new(
            Code::HiddenAddresses,
            side,
            format!("{who} {tells} no other address{why}"),
        );
        let names = self
            .local
            .told
            .udp()
            .chain(self.remote.told.udp())
            .filter(|c| c.place.is_mdns())
            .count();
        cause.evidence = vec![format!(
            "{names} candidates with names, and no pair that got an answer"
        )];
        cause.remedies = vec![Remedy {
            code: RemedyCode::Stun,
            side,
            message: "a STUN server in iceServers of both ends".to_owned(),
            brief: None,
            effect: Effect::Direct,
            is_sure: false,
        }];
        Some(cause)
    }
}

fn is_silent(server: &ServerFacts) -> bool {
    matches!(
        server.error,
        Some(Code::Timeout | Code::Unreachable | Code::Rejected | Code::Dns)
    )
}

/// Candidates for the rules: a host that is hidden stands there without its address, where that
/// changes no rule.
pub(super) fn with_hidden(side: &KnownSide, other: &KnownSide) -> Vec<Candidate> {
    let mut candidates = side.candidates.clone();
    let has_plain = candidates.iter().any(|c| c.kind != CandidateType::Relay);
    let hides = side
        .told
        .udp()
        .find(|c| c.kind == CandidateType::Host && c.place.ip().is_none());
    let mut reflexive = side.told.udp().filter(|c| c.kind == CandidateType::Srflx);
    if let Some(nowhere) = reflexive.find(|c| c.is_nowhere()) {
        candidates.push(Candidate {
            foundation: nowhere.foundation.clone(),
            component: 1,
            priority: nowhere.priority,
            address: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            kind: CandidateType::Srflx,
            related: nowhere.related,
        });
    }
    let other_is_v4 =
        other.candidates.iter().any(|c| c.address.is_ipv4()) || other.candidates.is_empty();
    if let (false, Some(hidden), true) = (has_plain, hides, other_is_v4) {
        candidates.push(Candidate {
            foundation: hidden.foundation.clone(),
            component: 1,
            priority: hidden.priority,
            address: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), hidden.port),
            kind: CandidateType::Host,
            related: None,
        });
    }
    candidates
}
