//! Why there is no direct path.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::words::listed;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::traffic::Traffic;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, PairFacts, Situation, Whose, remedies};
use crate::proto::ice::prediction::view::View;
use crate::proto::ice::prediction::{both_hairpin, outcome};
use crate::proto::nat::address::is_global;

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
    let found = families.iter().flat_map(|both| {
        let family = Some(both.local.family);
        let causes = both.causes().into_iter();
        causes.map(move |cause| Cause { family, ..cause })
    });
    for cause in found {
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

/// The checks of one side are answered, and no answer reaches the other one.
pub(super) fn half_answered(deaf: Whose) -> Cause {
    Cause::new(
        Code::AnswersLost,
        Whose::Between,
        format!(
            "checks arrive on both sides and those of {} are answered, but no answer to {} checks comes back: something on the way to {} drops answers",
            short(deaf.other()),
            possessive(deaf),
            short(deaf)
        ),
    )
    .briefly(format!(
        "the answers to {} checks are dropped on their way back",
        possessive(deaf)
    ))
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
            .remedied([remedies::candidates(left_out)]);
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
    // As in "IPv4 (-4)", where that was asked for.
    let told = |whose: Whose, set: &BTreeSet<Family>| match situation.party(whose).found.only_family
    {
        Some(family) => format!("{} ({})", family.name(), family.flag()),
        None => names(set),
    };
    let (ours, others) = (told(Whose::Local, &own), told(Whose::Remote, &theirs));
    Cause::new(
        Code::NoCommonFamily,
        Whose::Between,
        format!(
            "this side has only {ours} and the other side only {others}, so neither can send to the other"
        ),
    )
    .briefly(format!(
        "this side has only {ours}, the other side only {others}"
    ))
    .seen(["the candidates of both sides".to_owned()])
    .remedied(remedies::family(situation, &own, &theirs))
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
            .or_else(|| self.behind_one_nat())
            .or_else(|| self.confined());
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
        // The NAT that servers see is not on another way.
        if let Some(detour) = self.detoured()
            && causes.iter().all(|cause| cause.side == detour.side)
        {
            return vec![detour];
        }
        if causes.is_empty() {
            causes.extend(self.seen_dependent());
        }
        if causes.is_empty() {
            let last = self
                .isolated()
                .or_else(|| self.rejected())
                .or_else(|| self.without_public())
                .or_else(|| self.rejected_somewhere());
            causes.push(last.unwrap_or_else(|| self.by_traffic()));
        }
        causes
    }

    /// Whether checks of a side are known to arrive at the other one.
    pub(super) fn is_heard(&self, whose: Whose) -> bool {
        match whose {
            Whose::Remote => self.traffic.comes_in(),
            _ => self.traffic.gets_out(),
        }
    }

    pub(super) fn evidence(&self) -> String {
        self.traffic.sentence()
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
        if self.meet_in_vpn() {
            return Some(
                Cause::new(
                    Code::ClientIsolation,
                    Whose::Between,
                    format!(
                        "both sides are in one VPN by their addresses, and it keeps its clients apart: nothing gets from one to the other, neither inside it nor by way of {ip}, the public address of both"
                    ),
                )
                .briefly(format!(
                    "both sides are in one VPN (public address {ip}), which keeps its clients apart"
                ))
                .seen([same, "their interfaces have names of VPN software, and addresses of one subnet".to_owned(), silent])
                .remedied(remedies::isolation(self)),
            );
        }
        if a.shares_subnet_with(b) {
            return Some(
                Cause::new(
                    Code::ClientIsolation,
                    Whose::Between,
                    format!(
                        "both sides are behind {ip}: either in one local network or VPN that keeps its hosts apart (client isolation), or in two networks behind one carrier's NAT that does not hairpin"
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
        let (nat, nat_briefly) = if self.are_by_vpn() {
            ("the NAT of one VPN", "one VPN's NAT")
        } else {
            ("the same NAT", "one NAT")
        };
        let (apart, apart_briefly) = if self.have_networks_apart() {
            (
                ", in local networks that do not lead to each other,",
                ", in separate networks",
            )
        } else {
            (",", "")
        };
        Some(
            Cause::new(
                Code::NoHairpinning,
                Whose::Between,
                format!(
                    "both sides are behind {nat} ({ip}){apart} and it does not send what is for its own public address back inside (no hairpinning)"
                ),
            )
            .briefly(format!(
                "both sides are behind {nat_briefly} ({ip}), which does not hairpin{apart_briefly}"
            ))
            .seen([same, silent])
            .remedied(remedies::hairpinning(self)),
        )
    }

    /// Whether the NAT that servers see of either side is a VPN's.
    pub(super) fn are_by_vpn(&self) -> bool {
        let mut sides = [Whose::Local, Whose::Remote].into_iter();
        sides.all(|whose| self.situation.is_by_vpn(whose))
    }

    /// Whether the addresses of both sides that may be of one network are a VPN's, and no others.
    pub(super) fn meet_in_vpn(&self) -> bool {
        let bare = |whose: Whose| {
            let tunnels = self.situation.party(whose).tunnels;
            self.view(whose).without_hosts(tunnels)
        };
        let (a, b) = (bare(Whose::Local), bare(Whose::Remote));
        self.local.shares_subnet_with(&self.remote)
            && ![(&a, &b), (&a, &self.remote), (&self.local, &b)]
                .iter()
                .any(|(one, two)| one.shares_subnet_with(two))
    }

    /// Whether both sides have private addresses, and checks from the one to the other were made in vain.
    pub(super) fn have_networks_apart(&self) -> bool {
        let is_private = |end: (CandidateType, IpAddr)| {
            end.0 == CandidateType::Host && !is_global(end.1) && !end.1.is_loopback()
        };
        let mut pairs = self.pairs.iter();
        !self.are_by_vpn()
            && pairs.any(|pair| {
                let ends = [pair.local, pair.remote].map(|(kind, at)| (kind, at.ip()));
                ends.into_iter().all(is_private)
            })
    }
}
