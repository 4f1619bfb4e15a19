//! What drops packets: UDP blocked as a whole, a firewall, or something that answers do not pass.

use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, PairFacts, Situation, Whose, remedies};
use crate::proto::ice::prediction::outcome;
use crate::proto::ice::prediction::view::Udp;
use crate::proto::stun::uri::Transport;

impl OneFamily<'_> {
    /// UDP does not get through to anybody.
    pub(super) fn blocked(&self) -> Option<Cause> {
        if !self.traffic.is_silent() {
            return None;
        }
        let proofs = [Whose::Local, Whose::Remote].map(|whose| self.blocked_on(whose));
        let side = Whose::of(proofs[0].is_some(), proofs[1].is_some())?;
        let message = match (side, self.local.family) {
            // The address in brackets is mostly that of IPv4, where it may be open.
            (side, Family::Ipv6) => format!("UDP over IPv6 is blocked on {}", short(side)),
            (Whose::Both, _) => "UDP is blocked on both sides".to_owned(),
            (side, _) => format!("UDP is blocked on {}", self.situation.name(side)),
        };
        Some(
            Cause::new(Code::UdpBlocked, side, message)
                .seen(proofs.into_iter().flatten())
                .remedied(remedies::blocked(self, side)),
        )
    }

    /// What shows that UDP is blocked on one side.
    pub(super) fn blocked_on(&self, whose: Whose) -> Option<String> {
        let is_measured = self.view(whose).udp == Some(Udp::Blocked);
        if !is_measured && !self.view(whose).public.is_empty() {
            return None;
        }
        let by_session = blocked_by_session(self.situation, whose, self.local.family);
        let proof = by_session.map(|server| {
            format!(
                "{server} answers {} over UDP, and is silent to {}",
                short(whose.other()),
                short(whose)
            )
        });
        let by_test = || format!("no server answers {} over UDP", short(whose));
        proof.or_else(|| is_measured.then(by_test))
    }

    /// What no NAT explains.
    pub(super) fn by_traffic(&self) -> Cause {
        let traffic = &self.traffic;
        let evidence = self.evidence();
        let elsewhere = |pair: &&&PairFacts| pair.failure == Some(Code::AnswerFromElsewhere);
        if self.pairs.iter().any(|pair| elsewhere(&pair)) {
            return Cause::new(
                Code::AnswerFromElsewhere,
                Whose::Remote,
                "the other side, or a NAT before it, answers from another address than the one that it is asked at",
            )
            .briefly("the other side answers from another address than it is asked at")
            .seen([evidence]);
        }
        if self.pairs.is_empty() && self.remote.is_loopback_only() && !self.local.is_loopback_only()
        {
            return self.private_only(Whose::Remote);
        }
        if self.pairs.is_empty() {
            return Cause::new(
                Code::Unknown,
                Whose::Between,
                "the direct pairs were not checked to the end",
            );
        }
        let lost = |side: Whose| {
            Cause::new(
                Code::AnswersLost,
                side,
                format!(
                    "{} checks arrive, and no answer comes back: something before {} drops what comes in",
                    possessive(side),
                    self.situation.name(side)
                ),
            )
            .briefly(format!(
                "something before {} drops the answers to its checks",
                self.situation.name(side)
            ))
            .remedied([remedies::open_udp(side)])
        };
        let cause = match (traffic.gets_out(), traffic.comes_in()) {
            (true, false) => lost(Whose::Local),
            (false, true) if traffic.is_lost_there() => lost(Whose::Remote),
            (true, true) => Cause::new(
                Code::AnswersLost,
                Whose::Between,
                "checks arrive on both sides, and no answer comes back to either",
            ),
            (false, false)
                if traffic.is_lost_there() && outcome(&self.local, &self.remote) == Some(true) =>
            {
                self.filtered()
            }
            _ => {
                return Cause::new(
                    Code::Unknown,
                    Whose::Between,
                    format!(
                        "{evidence}; why is not known: rtcdiag nat on each host tells how its NAT maps and filters"
                    ),
                )
                .briefly("why is not known: rtcdiag nat on each host tells how its NAT maps and filters");
            }
        };
        cause.seen([evidence])
    }

    /// Both NATs would let it through, and nothing arrives. A side whose packets do not reach the
    /// other one's relay either, while the other one's reach this one's, is where they are dropped.
    pub(super) fn filtered(&self) -> Cause {
        let [local, remote] = [Whose::Local, Whose::Remote].map(|whose| self.reaches_relay(whose));
        let side = match (local, remote) {
            (Some(false), Some(true)) => Whose::Local,
            (Some(true), Some(false)) => Whose::Remote,
            _ => {
                return Cause::new(
                    Code::Filtered,
                    Whose::Between,
                    "something between the two sides drops the checks, or a NAT treats peers unlike servers: by what servers see of both NATs they should get through, and none arrives",
                )
                .briefly("something between the two sides drops the checks, though both NATs should let them in");
            }
        };
        Cause::new(
            Code::Filtered,
            side,
            format!(
                "{} lets UDP out to its servers and drops it to other ports",
                self.situation.of("firewall", side)
            ),
        )
        .seen([format!(
            "packets of {} reach no relay of {}, and the other way they do",
            short(side),
            short(side.other())
        )])
        .remedied([remedies::open_udp(side)])
    }

    /// Whether what a side sends from its own sockets arrives at the other side's relay; `None`
    /// where that was not tried, or not told.
    pub(super) fn reaches_relay(&self, whose: Whose) -> Option<bool> {
        const RELAY: CandidateType = CandidateType::Relay;
        let family = self.local.family;
        let pairs = self.situation.pairs.iter();
        let mut counts = pairs.filter_map(|pair| {
            let (own, other) = match whose {
                Whose::Remote => (pair.remote, pair.local),
                _ => (pair.local, pair.remote),
            };
            let is_tried = own.0 != RELAY && other.0 == RELAY && Family::of(other.1.ip()) == family;
            let arrived = match whose {
                Whose::Remote => Some(pair.received),
                _ => pair.arrived.filter(|_| pair.sent > 0),
            };
            arrived.filter(|_| is_tried)
        });
        let first = counts.next()?;
        Some(first > 0 || counts.any(|count| count > 0))
    }
}

/// A server that answers the other side over UDP and is silent to this one, which hears nobody.
fn blocked_by_session(
    situation: &Situation<'_>,
    whose: Whose,
    family: Family,
) -> Option<SocketAddr> {
    let own = situation.party(whose).servers?;
    let theirs = situation.party(whose.other()).servers?;
    let of_family = |address: &SocketAddr| Family::of(address.ip()) == family;
    let over_udp: Vec<_> = own
        .iter()
        .filter(|server| server.transport == Transport::Udp)
        .filter(|server| server.address.as_ref().is_some_and(of_family))
        .collect();
    if over_udp
        .iter()
        .any(|server| server.error != Some(Code::Timeout))
    {
        return None;
    }
    let answers = |address: SocketAddr| {
        theirs.iter().any(|server| {
            server.address == Some(address)
                && server.transport == Transport::Udp
                && server.error.is_none()
        })
    };
    over_udp
        .iter()
        .filter_map(|server| server.address)
        .find(|address| answers(*address))
}
