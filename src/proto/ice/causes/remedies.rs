//! What would change the outcome, by the rules of the prediction applied to a changed situation.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::base::family::Family;
use crate::base::words::listed;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Effect, LeftOut, Remedy, RemedyCode, Situation, Whose};
use crate::proto::ice::prediction::view::{Udp, View};
use crate::proto::ice::prediction::{Side, outcome};
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::Transport;

fn remedy(code: RemedyCode, side: Whose, message: impl Into<String>, effect: Effect) -> Remedy {
    // What the NATs do then is not known yet.
    let is_open = matches!(
        code,
        RemedyCode::Stun | RemedyCode::Gathering | RemedyCode::OpenUdp | RemedyCode::Isolation
    );
    Remedy {
        code,
        side,
        message: message.into(),
        brief: None,
        effect,
        is_sure: !(is_open && effect == Effect::Direct),
    }
}

/// Only where the NATs would let a direct path through.
pub(super) fn policy(situation: &Situation<'_>, side: Whose) -> Option<Remedy> {
    let plain = |whose: Whose, family: Family| {
        let side = Side {
            relay_only: false,
            ..situation.party(whose).side
        };
        View::new(side, family)
    };
    let is_direct = [Family::Ipv4, Family::Ipv6].into_iter().any(|family| {
        let (a, b) = (plain(Whose::Local, family), plain(Whose::Remote, family));
        let has_both = !a.public.is_empty() && !b.public.is_empty();
        has_both && outcome(&a, &b) == Some(true)
    });
    let message = format!("leaving out --policy relay on {}", short(side));
    is_direct.then(|| {
        remedy(RemedyCode::Policy, side, message, Effect::Direct)
            .briefly(format!("no --policy relay on {}", short(side)))
    })
}

pub(super) fn stun(side: Whose, message: &str) -> Remedy {
    remedy(RemedyCode::Stun, side, message, Effect::Direct)
}

/// The other side's.
pub(super) fn candidates(left_out: &LeftOut) -> Remedy {
    let (code, message) = &left_out.remedy;
    remedy(*code, Whose::Remote, message.clone(), Effect::Direct)
}

/// So that the other side's relay lets it in.
pub(super) fn stun_for_relay(side: Whose) -> Remedy {
    let message = format!("a STUN server for {} (-s stun:HOST)", short(side));
    remedy(RemedyCode::Stun, side, message, Effect::Relay)
}

/// A public address that can be told, where the NATs let a direct path through then.
pub(super) fn public_address(both: &OneFamily<'_>, side: Whose, message: &str) -> Option<Remedy> {
    let outcome = outcome(&both.local, &both.remote);
    (outcome != Some(false)).then(|| stun(side, message).surely(outcome == Some(true)))
}

pub(super) fn gathering() -> Remedy {
    remedy(
        RemedyCode::Gathering,
        Whose::Remote,
        "a description that is taken after gathering (iceGatheringState complete)",
        Effect::Direct,
    )
    .briefly("a description taken after gathering")
}

pub(super) fn open_udp(side: Whose) -> Remedy {
    open_udp_over(Family::Ipv4, side)
}

/// IPv6 is named, as the other family may be open.
pub(super) fn open_udp_over(family: Family, side: Whose) -> Remedy {
    let udp = match family {
        Family::Ipv4 => "UDP",
        Family::Ipv6 => "UDP over IPv6",
    };
    let firewall = match side {
        Whose::Local | Whose::Remote => "firewall",
        Whose::Both | Whose::Between => "firewalls",
    };
    let message = format!(
        "{udp} allowed out, and its answers in, by {} {firewall}",
        possessive(side)
    );
    let brief = match (family, side) {
        (Family::Ipv6, Whose::Both | Whose::Between) => format!("{udp} let through"),
        _ => format!("{udp} let out by {} {firewall}", possessive(side)),
    };
    remedy(RemedyCode::OpenUdp, side, message, Effect::Direct).briefly(brief)
}

pub(super) fn route(side: Whose, message: &str, usual: &str) -> Remedy {
    remedy(RemedyCode::OpenUdp, side, message, Effect::Direct)
        .briefly(format!("a route there by {usual}"))
}

/// Of a program that a host refuses packets for.
pub(super) fn listening(to: SocketAddr) -> Remedy {
    let message = format!(
        "the other side's program running while this one checks, with UDP to port {} let in there,",
        to.port()
    );
    remedy(RemedyCode::OpenUdp, Whose::Remote, message, Effect::Direct)
        .briefly("the other side's program running and let in")
}

pub(super) fn turn_tls(side: Whose) -> Remedy {
    let message = format!(
        "a TURN server over TLS on port 443 for {} (-s turns:HOST:443)",
        short(side)
    );
    let brief = format!("TURN over TLS on port 443 for {}", short(side));
    remedy(RemedyCode::TurnTls, side, message, Effect::Relay).briefly(brief)
}

/// A server for a side at which no name has resolved.
pub(super) fn by_name(remedy: &mut Remedy) {
    const WITH_NAME: &str = ", by a name that resolves there,";
    if !matches!(
        remedy.code,
        RemedyCode::Turn | RemedyCode::TurnTls | RemedyCode::Stun
    ) {
        return;
    }
    remedy.message.push_str(WITH_NAME);
    if let Some(brief) = &mut remedy.brief {
        brief.push_str(WITH_NAME);
    }
    remedy.is_sure = false;
}

pub(super) fn turn(side: Whose) -> Remedy {
    let message = match side {
        Whose::Local | Whose::Remote => {
            format!("a TURN server for {} (-s turn:HOST)", short(side))
        }
        Whose::Both | Whose::Between => "a TURN server on either side (-s turn:HOST)".to_owned(),
    };
    remedy(RemedyCode::Turn, side, message, Effect::Relay)
}

/// Where each side gets out to one port alone, and the relay of the other one is at others.
pub(super) fn turn_of_each() -> Remedy {
    let message = "a TURN server of its own for each side, at a port that gets out there (-s turn:HOST on both)";
    remedy(RemedyCode::Turn, Whose::Both, message, Effect::Relay)
        .briefly("a TURN server for each side (-s turn:HOST on both)")
        .surely(false)
}

/// Where no address family is common.
pub(super) fn turn_of_both_families() -> Remedy {
    let message = "a TURN server that relays both IPv4 and IPv6 (RFC 8656 7.1)";
    remedy(RemedyCode::Turn, Whose::Both, message, Effect::Relay)
        .briefly("a TURN server that relays IPv4 and IPv6")
}

pub(super) fn turn_configuration(side: Whose, message: impl Into<String>, brief: &str) -> Remedy {
    remedy(RemedyCode::TurnConfiguration, side, message, Effect::Relay).briefly(brief)
}

pub(super) fn blocked(both: &OneFamily<'_>, side: Whose) -> Vec<Remedy> {
    let mut all = Vec::new();
    if both.situation.path.is_none() {
        // Who has a relay already needs no other, and who has such a server that fails needs that.
        let lacks = |whose: Whose| {
            let party = both.situation.party(whose);
            let mut servers = party.servers.into_iter().flatten();
            // Where IPv4 is open, TURN over UDP does.
            let is_open = both.local.family == Family::Ipv6
                && View::new(party.side, Family::Ipv4).udp == Some(Udp::Open);
            let is_meant = (side == whose || side == Whose::Both) && !is_open;
            is_meant
                && !both.situation.has_relay(whose)
                && !servers.any(|s| s.is_turn && s.transport == Transport::Tls)
        };
        all.extend(Whose::of(lacks(Whose::Local), lacks(Whose::Remote)).map(turn_tls));
    }
    all.push(open_udp_over(both.local.family, side));
    all
}

/// Endpoint-independent mapping, where that makes it direct; else IPv6.
pub(super) fn mapping(both: &OneFamily<'_>, side: Whose) -> Vec<Remedy> {
    let changed = |whose: Whose, a: &View, b: &View| {
        let is_direct = match whose {
            Whose::Local => outcome(&a.made_independent(), b),
            Whose::Remote => outcome(a, &b.made_independent()),
            Whose::Both | Whose::Between => outcome(&a.made_independent(), &b.made_independent()),
        };
        is_direct == Some(true)
    };
    // Where either would do, one is enough.
    let sides = [Whose::Local, Whose::Remote, Whose::Both];
    let enough = |a: &View, b: &View| {
        let mut meant = sides.into_iter();
        meant.find(|whose| (side == Whose::Both || *whose == side) && changed(*whose, a, b))
    };
    let sure = enough(&both.local, &both.remote);
    // A router that moves ports leaves it to who is first.
    let perhaps = || enough(&both.local.without_moves(), &both.remote.without_moves());
    let mut all: Vec<Remedy> = sure
        .or_else(perhaps)
        .map(|whose| {
            let nats = match whose {
                Whose::Both | Whose::Between => both.situation.nats().to_owned(),
                one => both.situation.bare("NAT", one),
            };
            remedy(
                RemedyCode::Mapping,
                whose,
                format!("endpoint-independent mapping on {nats}"),
                Effect::Direct,
            )
            .briefly("endpoint-independent mapping")
            .surely(sure.is_some())
        })
        .into_iter()
        .collect();
    all.extend(ipv6(both));
    all
}

pub(super) fn pooling(both: &OneFamily<'_>, side: Whose) -> Vec<Remedy> {
    let (a, b) = (
        both.local.made_independent(),
        both.remote.made_independent(),
    );
    let mut all = Vec::new();
    if outcome(&a, &b) == Some(true) {
        let nat = if side == Whose::Both { "NATs" } else { "NAT" };
        let message = format!(
            "one public address for each host (paired pooling) on {} {nat}",
            possessive(side)
        );
        all.push(
            remedy(RemedyCode::Mapping, side, message, Effect::Direct).briefly("paired pooling"),
        );
    }
    all.extend(ipv6(both));
    all
}

pub(super) fn moved(both: &OneFamily<'_>, side: Whose) -> Vec<Remedy> {
    let (a, b) = (both.local.without_moves(), both.remote.without_moves());
    let message = match side {
        Whose::Both => "routers on both sides that drop what comes for themselves".to_owned(),
        side => format!(
            "a router on {} that drops what comes for itself",
            short(side)
        ),
    };
    let would_do = outcome(&a, &b) == Some(true);
    let brief = match side {
        Whose::Both => "routers that drop such packets",
        _ => "a router that drops such packets",
    };
    let router =
        would_do.then(|| remedy(RemedyCode::Mapping, side, message, Effect::Direct).briefly(brief));
    router.into_iter().chain(ipv6(both)).collect()
}

pub(super) fn isolation(both: &OneFamily<'_>) -> Vec<Remedy> {
    let (message, brief) = if both.meet_in_vpn() {
        (
            "traffic between clients allowed in that VPN (OpenVPN: client-to-client; WireGuard: forwarding, and AllowedIPs for the VPN's whole subnet)",
            "traffic between clients allowed in that VPN",
        )
    } else {
        (
            "client isolation turned off in the network that both are in (often set for Wi-Fi guests, and in VPNs)",
            "client isolation turned off there",
        )
    };
    let isolation = remedy(
        RemedyCode::Isolation,
        Whose::Between,
        message,
        Effect::Direct,
    );
    let mut all = vec![isolation.briefly(brief)];
    all.extend(hairpinning(both));
    all
}

pub(super) fn hairpinning(both: &OneFamily<'_>) -> Vec<Remedy> {
    let mut all = Vec::new();
    if outcome(&both.local, &both.remote) == Some(true) {
        let router = if both.are_by_vpn() {
            "hairpinning (NAT loopback) at the exit of that VPN"
        } else {
            "hairpinning (NAT loopback) on the shared router"
        };
        let hairpinning = remedy(
            RemedyCode::Hairpinning,
            Whose::Between,
            router,
            Effect::Direct,
        );
        all.push(hairpinning);
    }
    if both.have_networks_apart() {
        let message = "a way between their local networks, if they are of one site (a route, and UDP let through between the subnets),";
        let way = remedy(RemedyCode::OpenUdp, Whose::Between, message, Effect::Direct);
        all.push(way.briefly("a way between their local networks"));
    }
    all.extend(ipv6(both));
    all
}

/// Not where both have it already: then it did not help.
fn ipv6(both: &OneFamily<'_>) -> Option<Remedy> {
    let lacks = |whose: Whose| {
        let mut all = both.situation.party(whose).side.candidates.iter();
        !all.any(|c| {
            c.kind != CandidateType::Relay && c.address.is_ipv6() && is_global(c.address.ip())
        })
    };
    let side = Whose::of(lacks(Whose::Local), lacks(Whose::Remote))?;
    // Who was told to do without may have it.
    let is_left_out =
        |whose: Whose| both.situation.party(whose).found.only_family == Some(Family::Ipv4);
    if side.all(is_left_out) {
        let message = format!("IPv6 on {} (leaving out -4)", short(side));
        return Some(
            remedy(RemedyCode::Policy, side, message, Effect::Direct)
                .briefly("no -4")
                .surely(false),
        );
    }
    let message = match side {
        Whose::Both => "IPv6 on both sides".to_owned(),
        side => format!("IPv6 on {} ({} has it)", short(side), short(side.other())),
    };
    let brief = format!("IPv6 on {}", short(side));
    Some(remedy(RemedyCode::Ipv6, side, message, Effect::Direct).briefly(brief))
}

pub(super) fn family(
    situation: &Situation<'_>,
    own: &BTreeSet<Family>,
    theirs: &BTreeSet<Family>,
) -> Vec<Remedy> {
    let lacks = |set: &BTreeSet<Family>| !set.contains(&Family::Ipv6);
    let only = |whose: Whose| situation.party(whose).found.only_family;
    let all: Vec<String> = [Whose::Local, Whose::Remote]
        .into_iter()
        .filter_map(|whose| only(whose).map(|f| format!("{} on {}", f.flag(), short(whose))))
        .collect();
    // Who was told to use one family has the other one perhaps: that is the first thing to try.
    if let Some(side) = Whose::of(only(Whose::Local).is_some(), only(Whose::Remote).is_some()) {
        let message = format!("leaving out {}", listed(&all));
        return vec![
            remedy(RemedyCode::Policy, side, message, Effect::Direct)
                .briefly(format!("no {}", all.join(", no ")))
                .surely(false),
        ];
    }
    let mut all = Vec::new();
    if let Some(side @ (Whose::Local | Whose::Remote)) = Whose::of(lacks(own), lacks(theirs)) {
        let message = format!("IPv6 on {} ({} has it)", short(side), short(side.other()));
        let brief = format!("IPv6 on {}", short(side));
        all.push(remedy(RemedyCode::Ipv6, side, message, Effect::Direct).briefly(brief));
    }
    all
}
