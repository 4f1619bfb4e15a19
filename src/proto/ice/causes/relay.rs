//! Why no relay helped.

mod merged;
mod silent;

use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::direct::OneFamily;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{
    Cause, PairFacts, Remedy, ServerFacts, Situation, Whose, remedies, servers,
};
use crate::proto::ice::prediction::view::{Udp, View};
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::Transport;

pub(super) fn causes(situation: &Situation<'_>) -> Vec<Cause> {
    let lacks = |whose: Whose| {
        let party = situation.party(whose);
        let failed = party
            .servers
            .is_some_and(|servers| servers.iter().any(|s| s.is_turn));
        party.side.candidates.is_empty() && !(party.side.relay_only && failed)
    };
    if let Some(side) = Whose::of(lacks(Whose::Local), lacks(Whose::Remote)) {
        let of = match side {
            Whose::Both => "either side",
            side => short(side),
        };
        let message = format!("a relay would know no address of {of} to send to");
        return vec![Cause::new(Code::NoCandidates, side, message)];
    }
    let [local, remote] = [Whose::Local, Whose::Remote].map(|whose| of_side(situation, whose));
    let mut causes = match (local, remote) {
        // One message for what is so of both.
        (Some(one), Some(two)) if one.code == two.code => vec![merged::merged(situation, one, two)],
        (one, two) => one.into_iter().chain(two).collect(),
    };
    // Where one side has a server that does not help, that the other has none is no cause. The rest
    // in an order that is the same on both ends.
    let is_cause = situation.has_relay(Whose::Local) || situation.has_relay(Whose::Remote);
    if causes.iter().any(|cause| cause.code != Code::NoTurnServer) && !is_cause {
        causes.retain(|cause| cause.code != Code::NoTurnServer);
    }
    causes.sort_by_key(|cause| {
        let is_light = [Code::NoTurnServer, Code::Unknown].contains(&cause.code);
        (is_light, cause.code)
    });
    if causes.is_empty() {
        let text = "there are relayed candidates, and why they do not help is not known: rtcdiag turn on the side of the relay tells more";
        let brief = "why no relay helped is not known (rtcdiag turn tells more)";
        causes.push(Cause::new(Code::Unknown, Whose::Between, text).briefly(brief));
    }
    causes
}

fn of_side(situation: &Situation<'_>, whose: Whose) -> Option<Cause> {
    let party = situation.party(whose);
    let candidates = party.side.candidates.iter();
    let relays: Vec<SocketAddr> = candidates
        .filter(|c| c.kind == CandidateType::Relay)
        .map(|c| c.address)
        .collect();
    if relays.is_empty() {
        without_relay(situation, whose)
    } else {
        with_relay(situation, whose, &relays)
    }
}

/// Whether UDP gets through on a side, as far as is known.
pub(super) fn udp(situation: &Situation<'_>, whose: Whose) -> Option<Udp> {
    let views =
        [Family::Ipv4, Family::Ipv6].map(|family| View::new(situation.party(whose).side, family));
    let known: Vec<Udp> = views.iter().filter_map(|view| view.udp).collect();
    if known.contains(&Udp::Open) {
        return Some(Udp::Open);
    }
    known.first().copied().or_else(|| {
        let causes = situation.causes();
        let mut all = causes.iter();
        let is_blocked = !causes.is_empty()
            && all.all(|cause| {
                cause.code == Code::UdpBlocked && [whose, Whose::Both].contains(&cause.side)
            });
        (is_blocked || is_policy_over_silence(situation, whose, &causes)).then_some(Udp::Blocked)
    })
}

/// Whether UDP is shown to be blocked on a side where the policy is all that is said of direct paths.
fn is_policy_over_silence(situation: &Situation<'_>, whose: Whose, causes: &[Cause]) -> bool {
    let by_policy = causes.iter().any(|cause| cause.code == Code::RelayOnly);
    let families = [Family::Ipv4, Family::Ipv6].into_iter();
    by_policy
        && families
            .map(|family| OneFamily::new(situation, family))
            .any(|both| both.blocked_on(whose).is_some())
}

/// The sides that have no relay yet, of those meant.
fn lacking(situation: &Situation<'_>, side: Whose) -> Whose {
    let lacks = |whose: Whose| !situation.has_relay(whose);
    match side {
        Whose::Both => Whose::of(lacks(Whose::Local), lacks(Whose::Remote)).unwrap_or(side),
        one => one,
    }
}

/// The first TURN server of two sides: over TLS for those that what they send over UDP does not
/// leave, or what is sent to them does not reach.
fn first_server(situation: &Situation<'_>, side: Whose) -> Option<Remedy> {
    let mut causes = situation.causes();
    // What stops IPv6 does not stop TURN over IPv4.
    let family = causes.first().and_then(|cause| cause.family);
    causes.retain(|cause| cause.family == family);
    let of = |code: Code| causes.iter().find(|cause| cause.code == code);
    // What does not listen, or is not there, is not reached from a relay either.
    let is_absent = |cause: &Cause| cause.side == Whose::Remote;
    if of(Code::IcmpUnreachable).is_some_and(is_absent) {
        return None;
    }
    if of(Code::NoCommonFamily).is_some() {
        return Some(remedies::turn_of_both_families());
    }
    // Only a relay of its own knows a side that tells no public address.
    if let Some(cause) = of(Code::NoCandidates) {
        let is_silent = [Whose::Local, Whose::Remote].into_iter().any(|whose| {
            let mut rows = situation.party(whose).servers.into_iter().flatten();
            let is_meant = cause.side == whose || cause.side == Whose::Both;
            is_meant && rows.any(|row| row.error.is_some() && row.transport == Transport::Udp)
        });
        // Whether UDP gets out there is not known of a side that told nothing of servers.
        let is_told = cause
            .side
            .all(|whose| situation.party(whose).servers.is_some());
        return Some(if is_silent || cause.side == Whose::Both {
            remedies::turn_tls(cause.side)
        } else {
            remedies::turn(cause.side).surely(is_told)
        });
    }
    let is_confined = [Family::Ipv4, Family::Ipv6]
        .into_iter()
        .any(|family| situation.one_port_of_both(family).is_some());
    if is_confined && of(Code::Unknown).is_some() {
        return Some(remedies::turn_of_each());
    }
    let stopped = [
        Code::UdpBlocked,
        Code::Filtered,
        Code::AnswersLost,
        Code::Unreachable,
    ];
    let stopped = stopped.into_iter().find_map(of).map(|cause| cause.side);
    let is_blocked = |whose: Whose| {
        [whose, Whose::Both].contains(&side) && udp(situation, whose) == Some(Udp::Blocked)
    };
    let stopped =
        stopped.or_else(|| Whose::of(is_blocked(Whose::Local), is_blocked(Whose::Remote)));
    // A side that servers answer over UDP reaches a TURN server like that too.
    let is_stopped = |whose: Whose| {
        stopped.is_some_and(|side| [whose, Whose::Both, Whose::Between].contains(&side))
            && (udp(situation, whose) != Some(Udp::Open) || situation.party(whose).hears_nothing())
    };
    let without_udp = Whose::of(is_stopped(Whose::Local), is_stopped(Whose::Remote));
    Some(match (without_udp, stopped, of(Code::AddressPooling)) {
        (Some(stopped), ..) => remedies::turn_tls(lacking(situation, stopped)),
        (None, Some(one @ (Whose::Local | Whose::Remote)), _) => remedies::turn(one),
        // Whether what is dropped between the two would be dropped before a relay as well is not known.
        (None, Some(Whose::Both | Whose::Between), _) => remedies::turn(side).surely(false),
        // A relay lets in the addresses that it was told: that of a pool is another one.
        (None, None, Some(pool)) if pool.side == Whose::Both => remedies::turn(side).surely(false),
        (None, None, Some(pool)) => remedies::turn(pool.side),
        (None, None, None) => remedies::turn(side),
    })
}

/// A side that has no TURN server of its own, where that is a reason.
fn without_server(situation: &Situation<'_>, whose: Whose) -> Option<Cause> {
    let other_has_relay = situation.has_relay(whose.other());
    let who = situation.name(whose);
    let is_blocked = udp(situation, whose) == Some(Udp::Blocked);
    // It may have some that failed, and tells only its candidates.
    if situation.party(whose).servers.is_none() && whose == Whose::Remote && !is_blocked {
        return None;
    }
    // The other side's relay is there for both, unless this one cannot send to it.
    if other_has_relay && !is_blocked {
        return None;
    }
    let message = if other_has_relay {
        format!(
            "{who} has no relay over TCP or TLS, and without UDP it cannot send to {} relay",
            possessive(whose.other())
        )
    } else {
        format!("{who} has no TURN server")
    };
    let brief = if other_has_relay {
        format!("{} has no relay over TCP or TLS", short(whose))
    } else {
        format!("{} has no TURN server", short(whose))
    };
    Some(
        Cause::new(Code::NoTurnServer, whose, message)
            .briefly(brief)
            .remedied(first_server(situation, whose)),
    )
}

/// Its TURN servers, none of which gave a relay.
fn failed_servers<'a>(situation: &'a Situation<'_>, whose: Whose) -> Vec<&'a ServerFacts> {
    let rows = situation.party(whose).servers.into_iter().flatten();
    rows.filter(|row| row.is_turn).collect()
}

fn without_relay(situation: &Situation<'_>, whose: Whose) -> Option<Cause> {
    let rows = failed_servers(situation, whose);
    let Some(row) = servers::telling(&rows) else {
        return without_server(situation, whose);
    };
    let evidence = rows.iter().map(|row| {
        let error = row.error.unwrap_or(Code::Unknown);
        format!("{} ({error})", row.uri)
    });
    let over_udp = rows.iter().all(|row| {
        row.transport == Transport::Udp && row.error.is_some_and(|code| code == Code::Timeout)
    });
    let is_blocked = udp(situation, whose) == Some(Udp::Blocked) && over_udp;
    Some(servers::cause(situation, whose, row, is_blocked).seen(evidence))
}

fn with_relay(situation: &Situation<'_>, whose: Whose, relays: &[SocketAddr]) -> Option<Cause> {
    let who = situation.name(whose);
    let hidden: Vec<IpAddr> = relays
        .iter()
        .map(SocketAddr::ip)
        .filter(|ip| !is_global(*ip))
        .collect();
    let of_relay: Vec<&PairFacts> = situation
        .pairs
        .iter()
        .filter(|pair| {
            let (kind, address) = match whose {
                Whose::Remote => pair.remote,
                _ => pair.local,
            };
            kind == CandidateType::Relay && relays.contains(&address)
        })
        .collect();
    let came_through = of_relay
        .iter()
        .any(|pair| pair.answered > 0 || pair.received > 0 || pair.arrived.unwrap_or(0) > 0);
    if hidden.len() == relays.len() && !came_through && !are_neighbours(situation, &hidden) {
        let message = format!(
            "the TURN server of {who} gives the private address {}, which {} cannot reach",
            hidden[0],
            short(whose.other())
        );
        return Some(
            Cause::new(Code::RelayAddressPrivate, whose, message)
                .briefly(format!(
                    "{} TURN server gives the private address {}",
                    possessive(whose),
                    hidden[0]
                ))
                .seen(relays.iter().map(|at| format!("relayed candidate {at}")))
                .remedied([address_of_server(situation, whose)]),
        );
    }
    if let Some(cause) = ended(situation, whose, &of_relay) {
        return Some(cause);
    }
    let settled: Vec<&PairFacts> = of_relay
        .iter()
        .copied()
        .filter(|p| p.is_settled())
        .collect();
    if of_relay.is_empty() {
        // Who has nothing that would go with it has another trouble.
        let others = situation.party(whose.other()).side.candidates;
        let families: Vec<Family> = others.iter().map(|c| Family::of(c.address.ip())).collect();
        let is_of = |at: &SocketAddr| families.contains(&Family::of(at.ip()));
        if others.is_empty() || relays.iter().any(is_of) {
            return None;
        }
        let cause = Cause::new(
            Code::NoCommonFamily,
            whose,
            format!(
                "the relayed addresses of {who} are of another family than what {} has",
                short(whose.other())
            ),
        );
        let brief = format!("{} TURN server relays the wrong family", possessive(whose));
        return Some(cause.briefly(brief).remedied([remedies::turn_configuration(
            whose,
            "relayed addresses of both families from the TURN server (RFC 8656 7.1)",
            "relayed addresses of both families",
        )]));
    }
    if settled.is_empty() {
        return None;
    }
    by_answers(situation, whose, &settled)
        .or_else(|| silent::cause(situation, whose, relays[0], &settled))
}

/// What a server needs that gives private addresses; one that is asked at a private address needs more.
fn address_of_server(situation: &Situation<'_>, whose: Whose) -> Remedy {
    let mut rows = situation.party(whose).servers.into_iter().flatten();
    let is_inside = rows.any(|row| {
        let at = row.address.filter(|_| row.is_turn && row.error.is_none());
        at.is_some_and(|at| !is_global(at.ip()))
    });
    if is_inside {
        return remedies::turn_configuration(
            whose,
            "the server's public address in its configuration (coturn: external-ip), and its port and relay ports forwarded to it by its router",
            "its public address (coturn: external-ip) and its relay ports forwarded to it",
        )
        .surely(false);
    }
    remedies::turn_configuration(
        whose,
        "the server's public address in its configuration (coturn: external-ip)",
        "its public address (coturn: external-ip)",
    )
}

/// All relays that could have helped ended while they were in use.
fn ended(situation: &Situation<'_>, whose: Whose, of_relay: &[&PairFacts]) -> Option<Cause> {
    let all = &situation.party(whose).found.ended_relays;
    let of_pair = |pair: &&PairFacts| {
        let at = match whose {
            Whose::Remote => pair.remote.1,
            _ => pair.local.1,
        };
        all.iter().find(|ended| ended.relayed == at)
    };
    let first = of_relay.first().and_then(of_pair)?;
    if !of_relay.iter().all(|pair| of_pair(pair).is_some()) {
        return None;
    }
    let who = situation.name(whose);
    let at = first.relayed;
    let (message, brief, seen) = if first.code == Code::AllocationMismatch {
        (
            format!(
                "the TURN server of {who} ended the relay {at} by itself while it was in use, as coturn does when its own host has no route to an address that it is to send to"
            ),
            format!(
                "{} TURN server ended the relay by itself",
                possessive(whose)
            ),
            format!("asked to keep {at}, it says that there is no such allocation (437)"),
        )
    } else {
        (
            format!("the connection of {who} to its TURN server ended, and the relay {at} with it"),
            format!(
                "the connection of {} to its TURN server ended",
                short(whose)
            ),
            format!("the error of that connection ({})", first.code),
        )
    };
    let routes = "a route to all peers on the TURN server's host, or private peers forbidden there (coturn: denied-peer-ip), if its log says that they cannot be reached,";
    let brief_routes = if first.code == Code::AllocationMismatch {
        "a route to all peers on that server"
    } else {
        "a TURN server that keeps its relays"
    };
    Some(
        Cause::new(Code::RelayEnded, whose, message)
            .briefly(brief)
            .seen([seen])
            .remedied([remedies::turn_configuration(whose, routes, brief_routes).surely(false)]),
    )
}

/// Pairs of a relay that does not forbid the other side's address: it rightly forbids private ones.
fn permitted<'a>(settled: &[&'a PairFacts]) -> Vec<&'a PairFacts> {
    let all = settled.iter().copied();
    all.filter(|pair| pair.failure != Some(Code::ForbiddenIp))
        .collect()
}

/// What the TURN server says.
fn by_answers(situation: &Situation<'_>, whose: Whose, settled: &[&PairFacts]) -> Option<Cause> {
    let who = situation.name(whose);
    let rest = permitted(settled);
    let all = |code: Code| !rest.is_empty() && rest.iter().all(|pair| pair.failure == Some(code));
    // Private addresses are rightly forbidden; a public one that is forbidden is the cause.
    if rest.is_empty() || situation.party(whose).troubles.contains(&Code::ForbiddenIp) {
        return Some(
            Cause::new(
                Code::TurnPeerForbidden,
                whose,
                format!(
                    "the TURN server of {who} forbids the addresses of {} (403)",
                    short(whose.other())
                ),
            )
            .briefly(format!(
                "{} TURN server forbids {} (403)",
                possessive(whose),
                short(whose.other())
            ))
            .seen(["its answers to requests for a permission".to_owned()])
            .remedied([remedies::turn_configuration(
                whose,
                format!(
                    "public peer addresses allowed by the TURN server (coturn: allowed-peer-ip), or a TURN server for {}",
                    short(whose.other())
                ),
                "public peers allowed there",
            )]),
        );
    }
    if all(Code::PermissionFailed) {
        let message = format!("the TURN server of {who} gives no permission for the other side");
        let brief = format!("{} TURN server gives no permission", possessive(whose));
        return Some(Cause::new(Code::TurnRefused, whose, message).briefly(brief));
    }
    None
}

/// Whether the other side has private addresses too, so that it may reach private relays.
fn are_neighbours(situation: &Situation<'_>, relays: &[IpAddr]) -> bool {
    let all = [situation.local, situation.remote];
    let mut hosts = all.iter().flat_map(|party| party.side.candidates.iter());
    // On one host all is reached.
    relays.iter().all(IpAddr::is_loopback) && hosts.all(|c| c.address.ip().is_loopback())
}
