//! What a NAT does to the port or address that a peer sees, and whether the other side's filter minds.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::words::listed;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, Whose, remedies};
use crate::proto::ice::prediction::outcome;
use crate::proto::ice::prediction::view::View;
use crate::proto::nat::behavior::words::Filtering;

/// What is new to a peer, of where packets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moves {
    /// Each peer sees another port.
    Port,
    /// A peer that was first does.
    PortLater,
    Address,
}

impl OneFamily<'_> {
    /// A mapping that depends on the endpoint, before a filter that does not let its new port in.
    pub(super) fn dependent(&self) -> Option<Cause> {
        let side = self.culprit(self.local.depends(), self.remote.depends())?;
        let measured = |whose: Whose| format!("{}: {}", short(whose), self.view(whose).behavior());
        let evidence = [
            measured(Whose::Local),
            measured(Whose::Remote),
            self.evidence(),
        ];
        Some(self.of_dependent(side).seen(evidence))
    }

    /// The same, from packets: a side was seen at another port than servers see it at.
    pub(super) fn seen_dependent(&self) -> Option<Cause> {
        let proofs = [Whose::Local, Whose::Remote].map(|whose| {
            let by_servers = || self.seen_twice(whose);
            self.seen_elsewhere(whose).or_else(by_servers)
        });
        let [local, remote] = &proofs;
        // A NAT that was measured to keep its mapping has moved the port for this peer alone.
        let moved = |whose: Whose, proof: &Option<String>| {
            proof.is_some() && self.view(whose).is_independent()
        };
        if let Some(side) = Whose::of(moved(Whose::Local, local), moved(Whose::Remote, remote)) {
            return Some(self.of_moved(side).seen(proofs.into_iter().flatten()));
        }
        let side = self.culprit(
            local.is_some() || self.local.depends(),
            remote.is_some() || self.remote.depends(),
        )?;
        if local.is_none() && remote.is_none() {
            return None;
        }
        // Whoever lets everybody in does not mind where they come from.
        let minds = |whose: Whose| !self.view(whose).lets_everybody_in();
        if !side.other().all(minds) {
            return None;
        }
        let proofs = proofs.into_iter().flatten();
        Some(self.of_dependent(side).seen(proofs).seen([self.evidence()]))
    }

    /// Whose mapping has to change: where one alone would do, that one.
    pub(super) fn culprit(&self, local: bool, remote: bool) -> Option<Whose> {
        let side = Whose::of(local, remote)?;
        if side != Whose::Both {
            return Some(side);
        }
        let (a, b) = (&self.local, &self.remote);
        let by_local = outcome(&a.made_independent(), b) == Some(true);
        let by_remote = outcome(a, &b.made_independent()) == Some(true);
        Some(match (by_local, by_remote) {
            (true, false) => Whose::Local,
            (false, true) => Whose::Remote,
            _ => Whose::Both,
        })
    }

    pub(super) fn of_dependent(&self, side: Whose) -> Cause {
        let nats = self.situation.nats();
        let message = if side == Whose::Both {
            format!(
                "{nats} are symmetric (a new port for each peer), so neither side knows where the other one sends from"
            )
        } else {
            format!(
                "{} is symmetric (a new port for each peer), and {}",
                self.situation.of("NAT", side),
                self.barrier(side.other(), Moves::Port).0,
            )
        };
        let brief = if side == Whose::Both {
            format!("{nats} are symmetric (a new port for each peer)")
        } else {
            format!(
                "{} is symmetric (new port per peer), {}",
                self.situation.of("NAT", side),
                self.barrier(side.other(), Moves::Port).1,
            )
        };
        Cause::new(Code::EndpointDependentMapping, side, message)
            .briefly(brief)
            .remedied(remedies::mapping(self, side))
    }

    /// What keeps a side from letting in what comes from where it did not expect it, as far as is known:
    /// in a sentence, and in few words.
    fn barrier(&self, whose: Whose, moves: Moves) -> (String, String) {
        let view = self.view(whose);
        let (filter, in_brief) = match (view.filtering(), moves) {
            (Some(Filtering::AddressAndPortDependent), Moves::Port) => (
                "lets in only ports it has sent to",
                "lets in only known ports",
            ),
            (Some(Filtering::AddressAndPortDependent), Moves::PortLater) => (
                "lets in only ports it has sent to",
                "lets in only known ones",
            ),
            (
                Some(Filtering::AddressDependent | Filtering::AddressAndPortDependent),
                Moves::Address,
            ) => (
                "lets in only addresses it has sent to",
                "lets in only known ones",
            ),
            (_, Moves::Port) if view.depends() => {
                return (
                    format!("{} ports change as well", possessive(whose)),
                    format!("{} ports change too", possessive(whose)),
                );
            }
            (None, _) => ("may not let it in", "may not let it in"),
            (Some(_), _) => ("should let it in, and does not", "lets nothing of it in"),
        };
        (
            format!("{} filter {filter}", possessive(whose)),
            format!("{} {in_brief}", short(whose)),
        )
    }

    /// Packets of one socket leave from several external addresses (RFC 4787 REQ-2).
    pub(super) fn pooled(&self) -> Option<Cause> {
        let matters = |pool: &View, other: &View| pool.is_pooled && !other.lets_everybody_in();
        let side = Whose::of(
            matters(&self.local, &self.remote),
            matters(&self.remote, &self.local),
        )?;
        let nats = self.situation.nats();
        let message = if side == Whose::Both {
            format!("{nats} have several public addresses and take another one for each peer")
        } else {
            format!(
                "{} has several public addresses and takes another one for each peer, and {}",
                self.situation.of("NAT", side),
                self.barrier(side.other(), Moves::Address).0,
            )
        };
        let brief = if side == Whose::Both {
            format!("{nats} take another public address for each peer")
        } else {
            format!(
                "{} takes another public address per peer, {}",
                self.situation.of("NAT", side),
                self.barrier(side.other(), Moves::Address).1,
            )
        };
        let seen = |whose: Whose| {
            let all: Vec<String> = self
                .view(whose)
                .public
                .iter()
                .map(IpAddr::to_string)
                .collect();
            format!("servers see {} at {}", short(whose), listed(&all))
        };
        let sides = [Whose::Local, Whose::Remote];
        let seen = sides
            .into_iter()
            .filter(|w| self.view(*w).is_pooled)
            .map(seen);
        Some(
            Cause::new(Code::AddressPooling, side, message)
                .briefly(brief)
                .seen(seen)
                .seen([self.evidence()])
                .remedied(remedies::pooling(self, side)),
        )
    }

    /// A router that gives a peer another port, since the peer's packet came first.
    pub(super) fn moved(&self) -> Option<Cause> {
        // Who has a new port for each peer never comes from the port that is sent to.
        let matters = |moves: &View, other: &View| {
            moves.moves_port
                && !other.depends()
                && other.filtering() == Some(Filtering::AddressAndPortDependent)
        };
        let side = Whose::of(
            matters(&self.local, &self.remote),
            matters(&self.remote, &self.local),
        )?;
        let told = match side {
            Whose::Both => "the NAT tests of both sides".to_owned(),
            side => format!("the NAT test of {}", short(side)),
        };
        Some(self.of_moved(side).seen([told, self.evidence()]))
    }

    pub(super) fn of_moved(&self, side: Whose) -> Cause {
        let message = if side == Whose::Both {
            "both sides' routers give a peer another port if the peer's packet comes first"
                .to_owned()
        } else {
            format!(
                "{} gives a peer another port if the peer's packet comes first, and {}",
                self.situation.of("router", side),
                self.barrier(side.other(), Moves::PortLater).0,
            )
        };
        let brief = if side == Whose::Both {
            "both sides' routers give a peer that comes first another port".to_owned()
        } else {
            format!(
                "{} gives a peer that is first another port, {}",
                self.situation.of("router", side),
                self.barrier(side.other(), Moves::PortLater).1,
            )
        };
        Cause::new(Code::PortMoved, side, message)
            .briefly(brief)
            .remedied(remedies::moved(self, side))
    }

    /// Two servers see one socket of a side at two ports.
    fn seen_twice(&self, whose: Whose) -> Option<String> {
        if self.view(whose).is_independent() {
            return None;
        }
        let family = self.local.family;
        let candidates = self.situation.party(whose).side.candidates.iter();
        let seen: Vec<(SocketAddr, SocketAddr)> = candidates
            .filter(|c| c.kind == CandidateType::Srflx && Family::of(c.address.ip()) == family)
            .filter_map(|c| Some((c.related.filter(|base| base.port() != 0)?, c.address)))
            // Who hides its own addresses gives port 9 for each (RFC 8828 3, JSEP 5.2.1).
            .filter(|(base, _)| !base.ip().is_unspecified())
            .collect();
        seen.iter().enumerate().find_map(|(at, (base, one))| {
            let mut others = seen[at + 1..].iter();
            let (_, two) = others.find(|(other, two)| {
                other == base && two.ip() == one.ip() && two.port() != one.port()
            })?;
            Some(format!(
                "servers see one socket of {} at the ports {} and {} of {}",
                short(whose),
                one.port(),
                two.port(),
                one.ip()
            ))
        })
    }

    /// Where one side was seen by the other one, at a port that no server saw.
    pub(super) fn seen_elsewhere(&self, whose: Whose) -> Option<String> {
        // Ports of sockets that the other side has nothing to do with are not compared.
        let candidates = self.situation.party(whose).side.candidates.iter();
        let told = candidates.filter(|c| c.kind == CandidateType::Srflx);
        let known: BTreeSet<SocketAddr> = told.map(|c| c.address).collect();
        let is_new =
            |at: &SocketAddr| !known.contains(at) && known.iter().any(|seen| seen.ip() == at.ip());
        // A relay is as good a place to be seen from as a peer.
        let family = self.local.family;
        let pairs = self.situation.pairs.iter();
        let mut pairs = pairs.filter(|p| Family::of(p.remote.1.ip()) == family);
        let at = match whose {
            Whose::Remote => pairs
                .filter(|p| p.remote.0 == CandidateType::Prflx)
                .map(|p| p.remote.1)
                .find(is_new)?,
            _ => pairs.find_map(|p| p.mapped.filter(is_new))?,
        };
        let port = known.iter().find(|seen| seen.ip() == at.ip())?.port();
        Some(format!(
            "{} sees {} at port {}, and servers see it at port {port}",
            short(whose.other()),
            short(whose),
            at.port()
        ))
    }
}
