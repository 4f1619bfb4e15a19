//! Why there is no direct path.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::words::listed;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::traffic::Traffic;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, PairFacts, ServerFacts, Situation, Whose, remedies};
use crate::proto::ice::prediction::view::{Udp, View};
use crate::proto::ice::prediction::{both_hairpin, outcome};
use crate::proto::stun::uri::Transport;

/// Both sides in one family, and what happened there.
pub(super) struct OneFamily<'a> {
    pub situation: &'a Situation<'a>,
    pub local: View,
    pub remote: View,
    pub pairs: Vec<&'a PairFacts>,
    pub(super) traffic: Traffic,
}

pub(super) fn causes(situation: &Situation<'_>) -> Vec<Cause> {
    if let Some(policy) = by_policy(situation) {
        return vec![policy];
    }
    let families: Vec<OneFamily<'_>> = [Family::Ipv4, Family::Ipv6]
        .into_iter()
        .map(|family| OneFamily::new(situation, family))
        .filter(|both| both.local.has_addresses() && both.remote.has_addresses())
        .collect();
    if families.is_empty() {
        return vec![without_common_family(situation)];
    }
    let mut causes: Vec<Cause> = Vec::new();
    for cause in families.iter().flat_map(OneFamily::causes) {
        let is_known = |known: &Cause| known.code == cause.code && known.side == cause.side;
        if !causes.iter().any(is_known) {
            causes.push(cause);
        }
    }
    // Where one family tells a cause, that the other one tells none is no news.
    if causes.iter().any(|cause| cause.code != Code::Unknown) {
        causes.retain(|cause| cause.code != Code::Unknown);
    }
    causes
}

fn by_policy(situation: &Situation<'_>) -> Option<Cause> {
    let side = Whose::of(
        situation.local.side.relay_only,
        situation.remote.side.relay_only,
    )?;
    let message = match side {
        Whose::Both => "both sides use relayed candidates alone, by their policy".to_owned(),
        side => format!(
            "{} uses relayed candidates alone, by its policy",
            short(side)
        ),
    };
    Some(
        Cause::new(Code::RelayOnly, side, message)
            .seen(["--policy relay".to_owned()])
            .remedied(remedies::policy(situation, side)),
    )
}

fn without_common_family(situation: &Situation<'_>) -> Cause {
    let families = |whose: Whose| -> BTreeSet<Family> {
        let all = situation.party(whose).side.candidates.iter();
        all.filter(|c| c.kind != CandidateType::Relay)
            .map(|c| Family::of(c.address.ip()))
            .collect()
    };
    let (own, theirs) = (families(Whose::Local), families(Whose::Remote));
    if theirs.is_empty()
        && let Some(left_out) = situation.remote.left_out
    {
        return Cause::new(left_out.code, Whose::Remote, left_out.message.clone())
            .briefly(left_out.brief)
            .remedied([remedies::stun(Whose::Remote, &left_out.remedy)]);
    }
    if let Some(side) = Whose::of(own.is_empty(), theirs.is_empty()) {
        let has_relays = |whose: Whose| !situation.party(whose).side.candidates.is_empty();
        let message = match side {
            Whose::Both => {
                "neither side has an address that can be checked, but for relayed ones".to_owned()
            }
            side if has_relays(side) => {
                format!("{} has no addresses but relayed ones", short(side))
            }
            side => format!("{} description has no candidates", possessive(side)),
        };
        let is_bare = !has_relays(Whose::Remote) && side != Whose::Local;
        return Cause::new(Code::NoCandidates, side, message)
            .remedied(is_bare.then(remedies::gathering));
    }
    let names = |set: &BTreeSet<Family>| {
        let all: Vec<String> = set.iter().map(|f| f.name().to_owned()).collect();
        listed(&all)
    };
    Cause::new(
        Code::NoCommonFamily,
        Whose::Between,
        format!(
            "this side has only {} and the other side only {}, so neither can send to the other",
            names(&own),
            names(&theirs)
        ),
    )
    .briefly(format!(
        "this side has only {}, the other side only {}",
        names(&own),
        names(&theirs)
    ))
    .seen(["the candidates of both sides".to_owned()])
    .remedied(remedies::family(&own, &theirs))
}

impl<'a> OneFamily<'a> {
    pub(super) fn new(situation: &'a Situation<'a>, family: Family) -> Self {
        let of = |pair: &&PairFacts| !pair.is_relayed && Family::of(pair.local.1.ip()) == family;
        let pairs: Vec<&PairFacts> = situation.pairs.iter().filter(of).collect();
        let [local, remote] = [situation.local.side, situation.remote.side];
        let (local, remote) = View::of_both(local, remote, family);
        Self {
            situation,
            local,
            remote,
            traffic: Traffic::of(pairs.iter().copied()),
            pairs: pairs.into_iter().filter(|pair| pair.is_settled()).collect(),
        }
    }

    pub(super) const fn view(&self, whose: Whose) -> &View {
        match whose {
            Whose::Remote => &self.remote,
            _ => &self.local,
        }
    }

    fn causes(&self) -> Vec<Cause> {
        let one = self
            .stopped_here()
            .or_else(|| self.blocked())
            .or_else(|| self.refused())
            .or_else(|| self.behind_one_nat());
        if let Some(cause) = one {
            return vec![cause];
        }
        let mut causes = Vec::new();
        // Where a side is to be found is the first question.
        let is_known = self.local.is_told() && self.remote.is_told();
        if is_known && outcome(&self.local, &self.remote) != Some(true) {
            causes.extend(self.dependent());
            causes.extend(self.pooled());
            causes.extend(self.moved());
        }
        if causes.is_empty() {
            causes.extend(self.seen_dependent());
        }
        if causes.is_empty() {
            let last = self
                .detoured()
                .or_else(|| self.isolated())
                .or_else(|| self.rejected())
                .or_else(|| self.without_public())
                .or_else(|| self.rejected_somewhere());
            causes.push(last.unwrap_or_else(|| self.by_traffic()));
        }
        causes
    }

    pub(super) fn evidence(&self) -> String {
        self.traffic.sentence()
    }

    /// Checks that never left this host.
    fn stopped_here(&self) -> Option<Cause> {
        if !self.traffic.is_silent() {
            return None;
        }
        let says = |whose: Whose, code: Code| self.situation.party(whose).troubles.contains(&code);
        let of = |code: Code| Whose::of(says(Whose::Local, code), says(Whose::Remote, code));
        if let Some(side) = of(Code::NotPermitted) {
            let refuses = "the system refuses to send (operation not permitted)".to_owned();
            let is_blocked = |whose: Whose| self.view(whose).udp == Some(Udp::Blocked);
            let is_all = [Whose::Local, Whose::Remote]
                .into_iter()
                .all(|whose| is_blocked(whose) || (side != Whose::Both && side != whose));
            if is_all {
                let message = match side {
                    Whose::Both => {
                        "UDP is blocked on both sides by firewalls on their own machines".to_owned()
                    }
                    side => format!(
                        "UDP is blocked on {} by a firewall on its own machine",
                        self.situation.name(side)
                    ),
                };
                return Some(
                    Cause::new(Code::UdpBlocked, side, message)
                        .seen([refuses])
                        .remedied(remedies::blocked(self, side)),
                );
            }
            let message = match side {
                Whose::Both => "firewalls on both sides' own machines let no check out".to_owned(),
                side => format!(
                    "a firewall on {} own machine lets no check out",
                    possessive(side)
                ),
            };
            return Some(
                Cause::new(Code::Filtered, side, message)
                    .seen([refuses])
                    .remedied([remedies::open_udp(side)]),
            );
        }
        if let Some(side) = of(Code::Unreachable) {
            let message = match side {
                Whose::Both => "neither side has a route to the other".to_owned(),
                side => format!(
                    "{} has no route to the addresses of {}",
                    short(side),
                    short(side.other())
                ),
            };
            return Some(
                Cause::new(Code::Unreachable, side, message)
                    .seen(["the system has no route there".to_owned()]),
            );
        }
        let mut pairs = self.pairs.iter();
        let are_broadcast = !self.pairs.is_empty()
            && pairs.all(|pair| pair.failure == Some(Code::BroadcastAddress));
        are_broadcast.then(|| self.broadcast_only())
    }

    /// No host has any of the other side's addresses.
    fn broadcast_only(&self) -> Cause {
        let all = self.pairs.iter().map(|pair| pair.remote.1.ip());
        let all: BTreeSet<IpAddr> = all.collect();
        let all: Vec<String> = all.iter().map(IpAddr::to_string).collect();
        let (is, address) = match all.len() {
            1 => ("is", "a broadcast address"),
            _ => ("are", "broadcast addresses"),
        };
        let message = format!(
            "the other side tells no address that can be sent to: {} {is} {address}",
            listed(&all)
        );
        Cause::new(Code::NoCandidates, Whose::Remote, message)
            .seen(["the networks of this side's interfaces".to_owned()])
            .remedied([remedies::stun(
                Whose::Remote,
                "an address of the other side that other hosts can send to",
            )])
    }

    /// By ICMP, of which it is not known who sent it.
    fn rejected_somewhere(&self) -> Option<Cause> {
        let mut pairs = self.pairs.iter();
        let is_all =
            !self.pairs.is_empty() && pairs.all(|pair| pair.failure == Some(Code::IcmpUnreachable));
        (is_all && self.traffic.is_silent() && !self.is_unanswered_in_net_alone()).then(|| {
            Cause::new(
                Code::Filtered,
                Whose::Between,
                "something on the way rejects the checks: ICMP messages say that the other side's addresses cannot be reached",
            )
            .briefly("something on the way rejects the checks (ICMP unreachable)")
            .seen(["ICMP unreachable, in answer to checks".to_owned()])
        })
    }

    /// The two programs do not understand each other.
    fn refused(&self) -> Option<Cause> {
        let said = [
            (
                Code::RoleConflict,
                "both sides had the same role, and the other side did not give way (487)",
            ),
            (
                Code::Unauthorized,
                "the other side does not know the user name or password of the checks (401)",
            ),
            (
                Code::BadRequest,
                "the other side says that the checks are malformed (400)",
            ),
            (
                Code::ErrorResponse,
                "the other side answers the checks with errors",
            ),
        ];
        let found = said
            .into_iter()
            .find(|(code, _)| self.pairs.iter().any(|pair| pair.failure == Some(*code)));
        found.map(|(code, message)| {
            Cause::new(code, Whose::Between, message).seen(["its answers to checks".to_owned()])
        })
    }

    /// Both have the same public address (RFC 4787 6).
    fn behind_one_nat(&self) -> Option<Cause> {
        let (a, b) = (&self.local, &self.remote);
        let mut both = a.public.intersection(&b.public);
        let shared: Option<&IpAddr> = both.find(|ip| !ip.is_unspecified());
        let ip = shared?;
        if a.is_same_host_as(b) || !self.traffic.is_silent() || both_hairpin(a, b) {
            return None;
        }
        let same = format!("both sides have the public address {ip}");
        let silent = self.evidence();
        if a.shares_subnet_with(b) {
            return Some(
                Cause::new(
                    Code::ClientIsolation,
                    Whose::Between,
                    format!(
                        "both sides are behind {ip}: either in one local network that keeps its hosts apart (client isolation), or in two behind one carrier's NAT that does not hairpin"
                    ),
                )
                .briefly(format!(
                    "both sides are behind {ip}, in a network that isolates its hosts or in two"
                ))
                .seen([same, "their private addresses are of one subnet, as those of two homes may be too".to_owned(), silent])
                .remedied(remedies::isolation(self)),
            );
        }
        let is_measured = [a, b].iter().any(|side| side.hairpinning == Some(false));
        if !is_measured && outcome(a, b) == Some(false) {
            return Some(
                Cause::new(
                    Code::Unknown,
                    Whose::Between,
                    format!(
                        "both sides are behind the same NAT ({ip}), and their local networks do not lead to each other; whether it sends what is for its own public address back inside (hairpinning) is not known, and its mapping or filtering would be in the way there"
                    ),
                )
                .briefly(format!(
                    "both sides are behind one NAT ({ip}), in networks that do not lead to each other"
                ))
                .seen([same, silent])
                .remedied(remedies::hairpinning(self)),
            );
        }
        Some(
            Cause::new(
                Code::NoHairpinning,
                Whose::Between,
                format!(
                    "both sides are behind the same NAT ({ip}), and it does not send what is for its own public address back inside (no hairpinning)"
                ),
            )
            .briefly(format!(
                "both sides are behind one NAT ({ip}), which does not hairpin"
            ))
            .seen([same, silent])
            .remedied(remedies::hairpinning(self)),
        )
    }

    /// A side of which nothing but its private addresses is known.
    pub(super) fn private_only(&self, side: Whose) -> Cause {
        let addresses = self.view(side).own_addresses();
        Cause::new(
            Code::NoCandidates,
            side,
            format!(
                "{} tells no address that can be reached from outside: only {}, where nobody beyond its own network reaches it",
                short(side),
                listed(&addresses)
            ),
        )
        .seen([self.evidence()])
        .remedied([remedies::stun(
            side,
            &format!(
                "a STUN server for {}, or for a media server behind NAT or in a container its public address in its configuration,",
                short(side)
            ),
        )])
    }

    /// A side behind a NAT has told no address that can be reached from outside.
    fn without_public(&self) -> Option<Cause> {
        let side = Whose::of(!self.local.is_told(), !self.remote.is_told())?;
        if !self.traffic.is_silent() || !self.traffic.is_checked() {
            return None;
        }
        // TURN over TCP tells no address that UDP leaves from.
        let asked = |whose: Whose| {
            let servers = self.situation.party(whose).servers?;
            Some(
                servers
                    .iter()
                    .any(|server| server.transport == Transport::Udp),
            )
        };
        // Of recorded calls the servers of neither side are known: it may be that they were silent.
        let is_foreign = side == Whose::Remote && self.situation.local.servers.is_some();
        let is_near = self.local.shares_subnet_with(&self.remote);
        if is_foreign && !is_near && asked(side).is_none() {
            return Some(self.private_only(side));
        }
        let asked = match side {
            Whose::Both => asked(Whose::Local)? || asked(Whose::Remote)?,
            side => asked(side)?,
        };
        let (tell, has) = match side {
            Whose::Both => ("tell", "have"),
            _ => ("tells", "has"),
        };
        let answers = self.server_of_other(side);
        // What its NAT tests heard comes from servers of their own.
        let is_doubtful =
            side != Whose::Both && answers.is_none() && !self.view(side).public.is_empty();
        let (why, remedy) = if !asked {
            (
                format!("{has} no STUN server over UDP"),
                format!("a STUN server for {} (-s stun:HOST)", short(side)),
            )
        } else if self.knows_no_server(side) {
            let whose = if side == Whose::Both { "their" } else { "its" };
            (
                format!("found no address for the names of {whose} servers"),
                format!(
                    "DNS that works on {}, or a STUN server by address (-s stun:ADDRESS),",
                    short(side)
                ),
            )
        } else if let Some((uri, true)) = answers {
            (
                format!("got no answer from the servers that it asked, and is answered by {uri}"),
                format!("-s {uri} on {}", short(side)),
            )
        } else if let Some((uri, false)) = answers {
            (
                format!(
                    "got no answer over UDP from {uri}, which answers {}",
                    short(side.other())
                ),
                format!(
                    "a STUN server on another port for {} (-s stun:HOST:443)",
                    short(side)
                ),
            )
        } else if is_doubtful {
            // Loss, or a filter that looks at ports.
            (
                "got no answer while gathering, though its NAT tests were answered".to_owned(),
                format!(
                    "another try, or another STUN server for {} (-s stun:HOST),",
                    short(side)
                ),
            )
        } else {
            (
                "got no answer from a STUN server in time".to_owned(),
                format!("a STUN server for {} (-s stun:HOST)", short(side)),
            )
        };
        let they = if side == Whose::Both { "they" } else { "it" };
        Some(
            Cause::new(
                Code::NoCandidates,
                side,
                format!(
                    "{} {tell} no address that can be reached from outside: {they} {why}",
                    short(side),
                ),
            )
            .briefly(format!(
                "{} {tell} no public address: {they} {why}",
                short(side)
            ))
            .seen([self.evidence()])
            .remedied(remedies::public_address(self, side, &remedy).map(|remedy| {
                let is_sure = remedy.is_sure && !is_doubtful;
                remedy.surely(is_sure)
            })),
        )
    }

    /// Whether a side asked no server at all over UDP, since none of the names resolved.
    fn knows_no_server(&self, side: Whose) -> bool {
        let knows_none = |whose: Whose| {
            let rows = self.situation.party(whose).servers.into_iter().flatten();
            let mut over_udp = rows
                .filter(|row| row.transport == Transport::Udp)
                .peekable();
            let is_over = |row: &ServerFacts| row.error.is_some_and(|code| code != Code::CutShort);
            over_udp.peek().is_some() && over_udp.all(|row| row.address.is_none() && is_over(row))
        };
        match side {
            Whose::Local | Whose::Remote => knows_none(side),
            _ => knows_none(Whose::Local) && knows_none(Whose::Remote),
        }
    }
}
