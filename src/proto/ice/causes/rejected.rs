//! Checks that somebody answers with ICMP: they are refused, and not lost.

use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, Refusal, Refused, Whose, remedies};
use crate::proto::nat::address::is_global;

/// A refusal, whose checks it was for, and whose doing it is.
struct Rejection {
    refusal: Refusal,
    sender: Whose,
    side: Whose,
}

impl OneFamily<'_> {
    /// Whoever rejects the checks; whose it is shows by the address that says so.
    pub(super) fn rejected(&self) -> Option<Cause> {
        if self.traffic.is_answered() {
            return None;
        }
        let of = |sender: Whose| self.rejection(sender);
        let all: Vec<Rejection> = [Whose::Local, Whose::Remote]
            .into_iter()
            .filter_map(of)
            .collect();
        let first = all.first()?;
        let has = |side: Whose| all.iter().any(|one| one.side == side);
        let side = Whose::of(has(Whose::Local), has(Whose::Remote)).unwrap_or(Whose::Between);
        let telling = all.iter().find(|one| one.side == side).unwrap_or(first);
        let cause = match side {
            Whose::Both => Cause::new(
                Code::Filtered,
                Whose::Both,
                "the routers or firewalls of both sides reject checks by ICMP",
            )
            .remedied([remedies::open_udp(Whose::Both)]),
            _ => self.of_rejection(telling),
        };
        Some(
            cause
                .seen(all.iter().map(Rejection::seen))
                .seen([self.evidence()]),
        )
    }

    /// What came back to one side's checks of the other's address that can be reached at all.
    fn rejection(&self, sender: Whose) -> Option<Rejection> {
        let family = self.local.family;
        let is_near = self.local.shares_subnet_with(&self.remote);
        let refusals = self.situation.party(sender).found.refusals.iter();
        let refusal = refusals
            .filter(|refusal| Family::of(refusal.to.ip()) == family)
            .filter(|refusal| is_near || is_global(refusal.to.ip()))
            .filter(|refusal| self.is_of(sender.other(), refusal.to))
            .filter(|refusal| !self.is_unanswered_in_net(sender, refusal))
            // A NAT that both are behind, and that sends nothing back inside, is no firewall of either.
            .filter(|refusal| !self.is_shared(refusal.to.ip()))
            .min_by_key(|refusal| match refusal.what {
                Refused::Prohibited => 0,
                Refused::Port => 1,
                Refused::Unreachable => 2,
            })?;
        Some(Rejection {
            refusal: *refusal,
            sender,
            side: self.place(sender, refusal),
        })
    }

    /// Whether an address is one of a side: servers are refused as well.
    fn is_of(&self, whose: Whose, at: SocketAddr) -> bool {
        let party = self.situation.party(whose);
        let is_told = party.side.candidates.iter().any(|c| c.address == at);
        let mut pairs = self.situation.pairs.iter();
        is_told
            || pairs.any(|pair| match whose {
                Whose::Remote => pair.remote.1 == at,
                _ => pair.local.1 == at,
            })
    }

    fn is_shared(&self, ip: IpAddr) -> bool {
        self.local.public.contains(&ip) && self.remote.public.contains(&ip)
    }

    fn hosts(&self, whose: Whose) -> impl Iterator<Item = IpAddr> {
        let candidates = self.situation.party(whose).side.candidates.iter();
        candidates
            .filter(|c| c.kind == CandidateType::Host)
            .map(|c| c.address.ip())
    }

    /// Whether a host says by itself that it finds no such neighbour (ARP, RFC 4861 7.2.2): nobody rejects
    /// anything then, and in a home of another network with the same private addresses that is always so.
    fn is_unanswered_in_net(&self, sender: Whose, refusal: &Refusal) -> bool {
        refusal.what == Refused::Unreachable
            && refusal
                .by
                .is_some_and(|by| self.hosts(sender).any(|ip| ip == by))
    }

    /// Whether all that this side was told by ICMP is that.
    pub(super) fn is_unanswered_in_net_alone(&self) -> bool {
        let mut refusals = self.situation.local.found.refusals.iter().peekable();
        refusals.peek().is_some()
            && refusals.all(|refusal| self.is_unanswered_in_net(Whose::Local, refusal))
    }

    /// Two hosts of one network, as their public addresses show, that do not find each other in it.
    pub(super) fn isolated(&self) -> Option<Cause> {
        if !self.traffic.is_silent() || !self.local.shares_subnet_with(&self.remote) {
            return None;
        }
        let found = |sender: Whose| {
            let receiver = sender.other();
            let mut refusals = self.situation.party(sender).found.refusals.iter();
            let refusal = refusals.find(|refusal| {
                let ip = refusal.to.ip();
                is_global(ip)
                    && self.hosts(receiver).any(|host| host == ip)
                    && self.is_unanswered_in_net(sender, refusal)
            })?;
            Some(format!(
                "{} finds no neighbour {} (no answer to ARP or neighbour solicitations)",
                short(sender),
                refusal.to.ip()
            ))
        };
        let seen = found(Whose::Local).or_else(|| found(Whose::Remote))?;
        Some(
            Cause::new(
                Code::ClientIsolation,
                Whose::Between,
                "both sides have addresses of one network, and it keeps its hosts apart (client isolation): they do not find each other in it",
            )
            .briefly("both sides are in one network that keeps its hosts apart (client isolation)")
            .seen([seen, self.evidence()])
            // There is no NAT that could hairpin.
            .remedied(remedies::isolation(self).into_iter().take(1)),
        )
    }

    /// Whose router, firewall or host an address is.
    fn place(&self, sender: Whose, refusal: &Refusal) -> Whose {
        let Some(by) = refusal.by else {
            return Whose::Between;
        };
        let receiver = sender.other();
        let has = |whose: Whose| {
            self.view(whose).public.contains(&by) || self.hosts(whose).any(|ip| ip == by)
        };
        // The address itself answers, or another one of that side.
        if by == refusal.to.ip() || has(receiver) {
            receiver
        } else if has(sender) || self.hosts(sender).any(|ip| is_beside(ip, by)) {
            sender
        } else if is_global(by) && self.hosts(receiver).any(|ip| is_beside(ip, by)) {
            receiver
        } else {
            Whose::Between
        }
    }

    fn of_rejection(&self, one: &Rejection) -> Cause {
        let Rejection {
            refusal,
            sender,
            side,
        } = one;
        let receiver = sender.other();
        let (to, what) = (refusal.to, refusal.what.name());
        let by = refusal.by.map(|ip| ip.to_string());
        let by = by.unwrap_or_else(|| "somebody on the way".to_owned());
        // Of another program it is not known whether it still listens.
        let party = self.situation.party(receiver);
        let is_foreign =
            receiver == Whose::Remote && party.servers.is_none() && party.side.nats.is_empty();
        match refusal.what {
            Refused::Port if is_foreign && *side == receiver => Cause::new(
                Code::IcmpUnreachable,
                receiver,
                format!(
                    "nothing of {} listens at {to}, as {by} says (ICMP {what}): its program is not running or has another port, or a firewall there says so",
                    short(receiver)
                ),
            )
            .briefly(format!(
                "nothing of {} listens at {to}, or a firewall there says so (ICMP)",
                short(receiver)
            ))
            .remedied([remedies::listening(to)]),
            Refused::Port | Refused::Prohibited => {
                let who = match side {
                    Whose::Local | Whose::Remote => {
                        format!("{} router or firewall", possessive(*side))
                    }
                    Whose::Both | Whose::Between => "a router or firewall on the way".to_owned(),
                };
                Cause::new(
                    Code::Filtered,
                    *side,
                    format!(
                        "{who} rejects what {} sends to {to}, and {by} says so (ICMP {what})",
                        short(*sender)
                    ),
                )
                .briefly(format!(
                    "{who} rejects {} checks (ICMP {what})",
                    possessive(*sender)
                ))
                .remedied([remedies::open_udp(*side)])
            }
            Refused::Unreachable => Cause::new(
                Code::IcmpUnreachable,
                *side,
                format!(
                    "{by} says that {}, an address of {}, cannot be reached (ICMP {what}): no route leads there, or no host has it",
                    to.ip(),
                    short(receiver)
                ),
            )
            .briefly(format!(
                "{by} says that {}, of {}, cannot be reached (ICMP)",
                to.ip(),
                short(receiver)
            )),
        }
    }
}

impl Rejection {
    fn seen(&self) -> String {
        let Refusal { to, by, what } = self.refusal;
        let by = by.map_or_else(String::new, |ip| format!(" from {ip}"));
        format!(
            "ICMP {}{by}, in answer to what {} sent to {to}",
            what.name(),
            short(self.sender)
        )
    }
}

impl Refused {
    /// As RFC 792 and RFC 1812 call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Port => "port unreachable",
            Self::Prohibited => "administratively prohibited",
            Self::Unreachable => "host or network unreachable",
        }
    }
}

/// Whether two addresses are likely of one network: a host's router is.
fn is_beside(one: IpAddr, two: IpAddr) -> bool {
    match (one, two) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.octets()[..3] == b.octets()[..3],
        (IpAddr::V6(a), IpAddr::V6(b)) => a.segments()[..4] == b.segments()[..4],
        _ => false,
    }
}
