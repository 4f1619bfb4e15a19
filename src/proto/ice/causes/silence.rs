//! What drops packets: UDP blocked as a whole, a firewall, or something that answers do not pass.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::direct::{OneFamily, half_answered};
use crate::proto::ice::causes::ports::dropped_over_ipv6;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{
    Cause, Detour, PairFacts, ServerFacts, Situation, Whose, remedies,
};
use crate::proto::ice::prediction::outcome;
use crate::proto::ice::prediction::view::Udp;
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::Transport;

/// Checks that tell loss from chance.
const MANY: u32 = 16;

impl OneFamily<'_> {
    /// UDP does not get through to anybody.
    pub(super) fn blocked(&self) -> Option<Cause> {
        if self.traffic.is_answered() {
            return None;
        }
        let proofs = [Whose::Local, Whose::Remote]
            .map(|whose| self.blocked_on(whose).filter(|_| !self.is_heard(whose)));
        let side = Whose::of(proofs[0].is_some(), proofs[1].is_some())?;
        if self.is_heard(side.other()) {
            return Some(self.kept_in(side).seen(proofs.into_iter().flatten()));
        }
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

    /// A side at which the other one's checks arrive, and of which nothing gets out.
    fn kept_in(&self, side: Whose) -> Cause {
        let name = self.situation.name(side);
        Cause::new(
            Code::UdpBlocked,
            side,
            format!(
                "nothing that {name} sends over UDP gets out, neither its checks nor its questions to servers, while the checks of {} arrive there",
                short(side.other())
            ),
        )
        .briefly(format!("nothing that {name} sends over UDP gets out"))
        .seen([self.evidence()])
        .remedied(remedies::blocked(self, side))
    }

    /// What shows that UDP is blocked on one side.
    pub(super) fn blocked_on(&self, whose: Whose) -> Option<String> {
        let udp = self.view(whose).udp;
        if udp == Some(Udp::Open) || self.speaks_with_relay(whose) {
            return None;
        }
        let by_session = silent_here(self.situation, whose, self.local.family);
        let (servers, is_proof) = by_session.unwrap_or_default();
        let is_measured = udp == Some(Udp::Blocked);
        let gets_out = &self.situation.party(whose).found.gets_out;
        if !is_measured && gets_out.contains(&self.local.family) {
            return None;
        }
        match servers.first() {
            Some(server) if is_proof || is_measured => {
                let others = match (servers.len(), is_measured) {
                    (1, true) => ", as is everything else that was asked there",
                    (1, false) if self.reaches_by_stream(whose, server) => {
                        ", which it reaches over TCP or TLS"
                    }
                    (1, false) => ", as is another port",
                    _ => ", as are others",
                };
                Some(format!(
                    "{server} answers {} over UDP, and is silent to {}{others}",
                    short(whose.other()),
                    short(whose)
                ))
            }
            _ => is_measured.then(|| format!("no server answers {} over UDP", short(whose))),
        }
    }

    /// A server that answers the other side over UDP, and whether it answers this one too: then it
    /// is another one than those that are silent here.
    pub(super) fn server_of_other(&self, side: Whose) -> Option<(&str, bool)> {
        if !matches!(side, Whose::Local | Whose::Remote) {
            return None;
        }
        let family = self.local.family;
        let of = |whose: Whose| {
            let all = self.situation.party(whose).servers.into_iter().flatten();
            all.filter(move |server| {
                let address = server.address.filter(|at| Family::of(at.ip()) == family);
                server.transport == Transport::Udp && address.is_some()
            })
        };
        // A server that this side asked in vain is no other one, whatever its own tests heard of it later.
        let mut theirs = of(side.other()).filter(|server| server.error.is_none());
        let asked: Vec<_> = of(side).map(|server| server.address).collect();
        let silent: Vec<_> = of(side)
            .filter(|server| server.is_silent())
            .map(|server| server.address)
            .collect();
        let is_seen = !self.view(side).public.is_empty();
        let found = theirs.find(|server| {
            if is_seen {
                !asked.contains(&server.address)
            } else {
                silent.contains(&server.address)
            }
        })?;
        Some((&found.uri, is_seen))
    }

    /// Whether a side reaches the host of a server over TCP or TLS.
    fn reaches_by_stream(&self, whose: Whose, server: &SocketAddr) -> bool {
        let own = self.situation.party(whose).servers.into_iter().flatten();
        let mut streams = own.filter(|s| s.transport != Transport::Udp && s.error.is_none());
        streams.any(|s| s.address.is_some_and(|at| at.ip() == server.ip()))
    }

    /// Whether a socket of a side's own and a relay of the other side hear each other: over UDP.
    fn speaks_with_relay(&self, whose: Whose) -> bool {
        const RELAY: CandidateType = CandidateType::Relay;
        let family = self.local.family;
        let servers = [Whose::Local, Whose::Remote]
            .into_iter()
            .flat_map(|side| self.situation.party(side).side.candidates)
            .filter(|c| c.kind == RELAY);
        let relays: Vec<SocketAddr> = servers.map(|c| c.address).collect();
        let mut pairs = self.situation.pairs.iter();
        pairs.any(|pair| {
            let (own, other) = match whose {
                Whose::Remote => (pair.remote, pair.local),
                _ => (pair.local, pair.remote),
            };
            // A relay that was not known yet is taken for peer-reflexive.
            let is_own = own.0 != RELAY && !relays.contains(&own.1);
            let is_heard = pair.works
                || match whose {
                    Whose::Remote => pair.answered > 0,
                    _ => pair.answered > 0 || pair.received > 0,
                };
            is_own && other.0 == RELAY && Family::of(own.1.ip()) == family && is_heard
        })
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
        let cause = match (traffic.gets_out(), traffic.comes_in()) {
            (true, false) => self.lost(Whose::Local),
            (false, true) if traffic.is_lost_there() => self.lost(Whose::Remote),
            (true, true) => self.half_way(),
            (false, false)
                if traffic.is_lost_there() && outcome(&self.local, &self.remote) == Some(true) =>
            {
                self.filtered()
            }
            (false, false)
                if traffic.is_lost_there()
                    && self.local.family == Family::Ipv6
                    && self.local.has_own_public()
                    && self.remote.has_own_public() =>
            {
                dropped_over_ipv6()
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

    /// Checks arrive on both sides, and none of this side's is answered.
    fn half_way(&self) -> Cause {
        let lost = |message: &str| Cause::new(Code::AnswersLost, Whose::Between, message);
        match (self.loss(), self.situation.remote.found.answered) {
            (Some((arrived, sent)), _) => lost(&format!(
                "most packets between the two sides are lost: {arrived} of this side's {sent} checks arrived"
            ))
            .briefly("most packets between the two sides are lost"),
            (None, Some(answered)) if answered > 0 => half_answered(Whose::Local),
            (None, Some(_)) => lost("checks arrive on both sides, and no answer comes back to either"),
            (None, None) => lost("checks arrive on both sides, and none of this side's is answered"),
        }
    }

    /// The checks of one side arrive, and nothing of the other side's does. Only what misses the
    /// first one's relay too is known to be lost before the other side.
    fn lost(&self, deaf: Whose) -> Cause {
        let mute = deaf.other();
        if let Some(cause) = self.hears_nobody(deaf) {
            return cause;
        }
        if self.local.shares_subnet_with(&self.remote) && self.is_in_one_network() {
            return Cause::new(
                Code::AnswersLost,
                deaf,
                format!(
                    "both sides are in one local network, {} checks arrive in it, and what {} sends does not: most likely the firewall of {} own machine drops it",
                    possessive(deaf),
                    short(mute),
                    possessive(deaf)
                ),
            )
            .briefly(format!(
                "both sides are in one network, and most likely the firewall of {} machine drops what comes in",
                possessive(deaf)
            ))
            .remedied([remedies::open_udp(deaf)]);
        }
        let misses_relay = self.reaches_relay(mute) == Some(false)
            && self.situation.reaches_itself(deaf) != Some(false);
        if misses_relay {
            return Cause::new(
                Code::AnswersLost,
                mute,
                format!(
                    "{} checks arrive, and what {} sends reaches neither {} nor its relay: something before {} drops it",
                    possessive(deaf),
                    self.situation.name(mute),
                    short(deaf),
                    short(mute),
                ),
            )
            .briefly(format!(
                "something before {} drops what it sends to {}",
                self.situation.name(mute),
                short(deaf)
            ))
            .remedied([remedies::open_udp(mute)]);
        }
        Cause::new(
            Code::AnswersLost,
            Whose::Between,
            format!(
                "{} checks arrive, and nothing that {} sends comes back: something drops it on its way to {}",
                possessive(deaf),
                self.situation.name(mute),
                self.situation.name(deaf)
            ),
        )
        .briefly(format!(
            "{} checks arrive, and what {} sends back is dropped on the way",
            possessive(deaf),
            short(mute)
        ))
        .remedied([remedies::open_udp(Whose::Between)])
    }

    /// A side whose checks arrive, and to which neither the other side nor the servers get through.
    fn hears_nobody(&self, deaf: Whose) -> Option<Cause> {
        if !self.view(deaf).public.is_empty() || self.speaks_with_relay(deaf) {
            return None;
        }
        let silent = silent_here(self.situation, deaf, self.local.family).map(|(all, _)| all);
        let server = silent.as_ref().and_then(|all| all.first());
        let seen = match server {
            Some(server) => format!(
                "{server} answers {} over UDP, and is silent to {}, whose checks arrive",
                short(deaf.other()),
                short(deaf)
            ),
            None if self.view(deaf).udp == Some(Udp::Blocked) => format!(
                "no server answers {} over UDP, and its checks arrive",
                short(deaf)
            ),
            None => return None,
        };
        let name = self.situation.name(deaf);
        Some(
            Cause::new(
                Code::UdpBlocked,
                deaf,
                format!(
                    "what comes back over UDP does not get in to {name}: its checks leave and arrive, and its router or firewall drops the answers of servers and of {}",
                    short(deaf.other())
                ),
            )
            .briefly(format!(
                "the router or firewall of {name} drops what comes back over UDP"
            ))
            .seen([seen])
            .remedied(remedies::blocked(self, deaf)),
        )
    }

    /// Both NATs would let it through, and nothing arrives. A side whose packets do not reach the
    /// other one's relay either, while the other one's reach this one's, is where they are dropped.
    pub(super) fn filtered(&self) -> Cause {
        // A relay whose own side does not reach it is no measure of others.
        let reaches = [Whose::Local, Whose::Remote].map(|whose| {
            let is_open = self.situation.reaches_itself(whose.other()) != Some(false);
            self.reaches_relay(whose)
                .filter(|reaches| *reaches || is_open)
        });
        let gets_out = [Whose::Local, Whose::Remote].map(|whose| {
            let itself = self.situation.reaches_itself(whose);
            reaches[usize::from(whose == Whose::Remote)] == Some(true) || itself == Some(true)
        });
        let side = match (reaches, gets_out) {
            ([Some(false), None | Some(true)], [_, true]) => Whose::Local,
            ([None | Some(true), Some(false)], [true, _]) => Whose::Remote,
            _ => return self.dropped_somewhere(),
        };
        Cause::new(
            Code::Filtered,
            side,
            format!(
                "something before {} lets UDP out to its servers and drops it to other ports",
                self.situation.name(side)
            ),
        )
        .seen([format!(
            "packets of {} reach no relay of {}, and those of {} reach a relay",
            short(side),
            short(side.other()),
            short(side.other())
        )])
        .remedied([remedies::open_udp(side)])
    }

    /// A side whose routes lead to the other one by another interface than to its servers, as with a VPN:
    /// what servers see of its NAT is not so there.
    pub(super) fn detoured(&self) -> Option<Cause> {
        let is_lost = |whose: Whose| match whose {
            Whose::Remote => !self.traffic.comes_in(),
            _ => !self.traffic.gets_out() && !self.traffic.is_answered(),
        };
        let sides = [Whose::Local, Whose::Remote].into_iter();
        let (side, detour) = sides.filter(|whose| is_lost(*whose)).find_map(|whose| {
            let detour = self.situation.party(whose).found.detour.as_ref()?;
            let is_of = Family::of(detour.to) == self.local.family;
            is_of.then_some((whose, detour))
        })?;
        let Detour { to, by, usual } = detour;
        let message = format!(
            "what {} sends to {to} leaves by {by}, and to its servers by {usual}: none of it arrives, and the NAT that servers see is not the one on that way",
            self.situation.name(side)
        );
        let remedy = format!("a route to {to} by {usual}, or UDP let through behind {by},");
        Some(
            Cause::new(Code::Filtered, side, message)
                .briefly(format!(
                    "what {} sends to {to} leaves by {by}, not by {usual} as to its servers",
                    short(side)
                ))
                .seen([format!("the routes of {}", short(side))])
                .remedied([remedies::route(side, &remedy, usual)]),
        )
    }

    /// How many of this side's checks arrived, of how many, over a pair that loses most of them.
    fn loss(&self) -> Option<(u32, u32)> {
        let counts = self
            .pairs
            .iter()
            .filter_map(|pair| Some((pair.arrived?, pair.sent)));
        counts
            .filter(|(arrived, sent)| *arrived > 0 && *sent >= MANY && *arrived < sent / 4)
            .max_by_key(|(_, sent)| *sent)
    }

    /// Whether checks went to and fro between addresses of one local network.
    fn is_in_one_network(&self) -> bool {
        let is_host = |end: (CandidateType, SocketAddr)| {
            end.0 == CandidateType::Host && !is_global(end.1.ip())
        };
        let mut pairs = self.pairs.iter();
        pairs.any(|pair| {
            is_host(pair.local)
                && is_host(pair.remote)
                && (pair.received > 0 || pair.arrived.unwrap_or(0) > 0)
        })
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

/// Servers that answer the other side over UDP and are silent to this one, which hears nobody; and
/// whether that is proof. One port of one server may be closed on the way; it is not where several
/// are silent, or where the same server is reached otherwise.
fn silent_here(
    situation: &Situation<'_>,
    whose: Whose,
    family: Family,
) -> Option<(Vec<SocketAddr>, bool)> {
    let own = situation.party(whose).servers?;
    let theirs = situation.party(whose.other()).servers?;
    let of_family = |server: &&ServerFacts| {
        let address = server.address.filter(|at| Family::of(at.ip()) == family);
        address.is_some()
    };
    let is_udp = |server: &&ServerFacts| server.transport == Transport::Udp;
    let mut over_udp = own.iter().filter(of_family).filter(is_udp);
    if over_udp.any(|server| !server.is_silent()) {
        return None;
    }
    let answers = |address: &SocketAddr| {
        let mut all = theirs.iter().filter(is_udp);
        all.any(|server| server.address.as_ref() == Some(address) && server.error.is_none())
    };
    let silent = own.iter().filter(of_family).filter(is_udp);
    let silent = silent.filter_map(|server| server.address).filter(answers);
    let mut silent: Vec<SocketAddr> = silent.collect();
    silent.sort_unstable();
    silent.dedup();
    // What is kept away by its address, TCP and all, says nothing of UDP.
    let unreached = &situation.party(whose).found.unreached;
    let is_mute = silent.iter().all(|at| unreached.contains(&at.ip()));
    let mut reached = own
        .iter()
        .filter(|server| !is_udp(server) && server.error.is_none());
    let ips: Vec<_> = silent.iter().map(SocketAddr::ip).collect();
    let is_reached = reached.any(|server| server.address.is_some_and(|at| ips.contains(&at.ip())));
    // Of the ports that are silent here, one at least is known to answer.
    let own_ports: BTreeSet<u16> = own
        .iter()
        .filter(of_family)
        .filter(is_udp)
        .filter_map(|server| Some(server.address?.port()))
        .collect();
    let is_proof = is_reached || (!is_mute && (silent.len() > 1 || own_ports.len() > 1));
    Some((silent, is_proof))
}
