//! A relay at which nothing of the other side comes in.

use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::relay::{permitted, udp};
use crate::proto::ice::causes::traffic::Traffic;
use crate::proto::ice::causes::words::{possessive, short};
use crate::proto::ice::causes::{Cause, PairFacts, Situation, Whose, remedies};
use crate::proto::ice::prediction::view::{Udp, View};

/// Nothing leaves the other side's own machine for the relay.
fn kept_in(whose: Whose, relay: SocketAddr) -> Cause {
    let sender = whose.other();
    let message = format!(
        "nothing leaves {} own machine for the relay of {}, {relay}: its firewall forbids it, or it has no route there",
        possessive(sender),
        short(whose)
    );
    Cause::new(Code::Filtered, sender, message)
        .briefly(format!(
            "nothing leaves {} own machine for {} relay",
            possessive(sender),
            possessive(whose)
        ))
        .seen(["its system refuses to send there".to_owned()])
        .remedied([remedies::turn_tls(sender)])
}

/// What the other side sends arrives at the relay, and what the relay sends to it is lost.
fn lost_behind(whose: Whose, through: &Traffic) -> Cause {
    let sender = whose.other();
    let message = format!(
        "what {} sends arrives at {} relay, and nothing that the relay sends comes to it: something before {0}, or the TURN server's own firewall, drops it",
        short(sender),
        possessive(whose)
    );
    Cause::new(Code::AnswersLost, Whose::Between, message)
        .briefly(format!(
            "what {} relay sends to {} is dropped on the way",
            possessive(whose),
            short(sender)
        ))
        .seen([format!("through the relay {}", through.sentence())])
        .remedied([remedies::turn_tls(sender)])
}

/// Why nothing comes in at its relayed address.
pub(super) fn cause(
    situation: &Situation<'_>,
    whose: Whose,
    relay: SocketAddr,
    settled: &[&PairFacts],
) -> Option<Cause> {
    let sender = whose.other();
    let party = situation.party(sender);
    let stopped = [Code::NotPermitted, Code::Unreachable];
    let is_stopped = stopped.iter().any(|code| party.troubles.contains(code))
        || settled
            .iter()
            .any(|pair| stopped.map(Some).contains(&pair.failure));
    // The relay lets in whom it has a permission for: a public address that was told.
    let is_told = [Family::Ipv4, Family::Ipv6]
        .map(|family| View::new(party.side, family))
        .iter()
        .any(View::is_told);
    if !is_told && udp(situation, sender) != Some(Udp::Blocked) {
        let message = format!(
            "{} relay lets in only addresses that it was told, and {} told none that is public",
            possessive(whose),
            short(sender)
        );
        let remedy = if party.hears_nothing() {
            remedies::turn_tls(sender)
        } else {
            remedies::stun_for_relay(sender)
        };
        return Some(
            Cause::new(Code::NoCandidates, sender, message)
                .briefly(format!("{} tells no public address", short(sender)))
                .remedied([remedy]),
        );
    }
    if party.troubles.contains(&Code::RelayUnreachableFromHere) {
        return Some(kept_in(whose, relay));
    }
    // What comes in, and the other way does not, has found the relay's ports open.
    let own = permitted(settled).into_iter();
    let own = own.filter(|pair| pair.local.0 != pair.remote.0);
    let own = Traffic::of(own);
    let (comes_in, is_lost) = match whose {
        Whose::Remote => (own.gets_out(), !own.comes_in()),
        _ => (own.comes_in(), own.is_lost_there()),
    };
    if comes_in && is_lost && !own.is_answered() {
        return Some(lost_behind(whose, &own));
    }
    if udp(situation, sender) == Some(Udp::Blocked) || is_stopped {
        return None;
    }
    let traffic = Traffic::of(permitted(settled).into_iter());
    // From this side's relay nothing of the other side's came in; or at the other side's relay
    // nothing of this side's.
    let is_closed = match whose {
        Whose::Remote => traffic.is_lost_there(),
        _ => traffic.is_checked() && !traffic.comes_in(),
    };
    (is_closed && !traffic.is_answered()).then(|| {
        let through = format!("through the relay {}", traffic.sentence());
        arrives_not(situation, whose, relay, settled).seen([through])
    })
}

/// Who else sends to a relay, and whether that arrives; nothing if nobody is known to.
fn witness(situation: &Situation<'_>, whose: Whose, settled: &[&PairFacts]) -> Option<bool> {
    // What a side that gets out to one port alone sends to its relay's port is lost before.
    let is_witness = ![Family::Ipv4, Family::Ipv6]
        .into_iter()
        .any(|family| situation.may_be_confined(whose, family));
    if let Some(is_reached) = situation.reaches_itself(whose)
        && (is_reached || is_witness)
    {
        return Some(is_reached);
    }
    let sender = whose.other();
    let forbids = situation
        .party(sender)
        .troubles
        .contains(&Code::ForbiddenIp);
    let from_relay: Vec<&PairFacts> = permitted(settled)
        .into_iter()
        .filter(|pair| {
            let own = [pair.local.0, pair.remote.0];
            own == [CandidateType::Relay; 2] && pair.sent > 0 && !forbids
        })
        .collect();
    (!from_relay.is_empty()).then_some(false)
}

/// Nothing of the other side's comes in at a relay: its ports are closed, or the other side's
/// packets do not get that far, or they come from an address that it has no permission for.
fn arrives_not(
    situation: &Situation<'_>,
    whose: Whose,
    relay: SocketAddr,
    settled: &[&PairFacts],
) -> Cause {
    let sender = whose.other();
    let views =
        [Family::Ipv4, Family::Ipv6].map(|family| View::new(situation.party(sender).side, family));
    let view = &views[usize::from(relay.is_ipv6())];
    let witness = witness(situation, whose, settled);
    match witness {
        Some(false) => ports_closed(situation, whose, relay),
        Some(true) if view.is_pooled => Cause::new(
            Code::AddressPooling,
            sender,
            format!(
                "{} takes another public address for each peer, and {} relay {relay} lets in only those that it was told",
                situation.of("NAT", sender),
                possessive(whose)
            ),
        )
        .briefly(format!(
            "{} takes another public address for that relay",
            situation.of("NAT", sender)
        ))
        .seen([by_itself(whose, true)])
        .remedied([remedies::turn(sender)]),
        // One address for all destinations: what arrives is let in.
        Some(true) if view.is_independent() => Cause::new(
            Code::Filtered,
            sender,
            format!(
                "something before {} drops what it sends to {} relay {relay}, which others reach",
                situation.name(sender),
                possessive(whose)
            ),
        )
        .briefly(format!(
            "something before {} drops what it sends to {} relay",
            short(sender),
            possessive(whose)
        ))
        .seen([by_itself(whose, true)])
        .remedied([remedies::turn(sender)]),
        witness => {
            let way = format!(
                "something before {} drops it, or it comes from another public address than {} told",
                situation.name(sender),
                short(sender)
            );
            let (side, why) = match witness {
                Some(_) => (sender, format!("either {way}")),
                None => (
                    Whose::Between,
                    format!(
                        "either the relay ports of the TURN server of {} are closed, or {way}; rtcdiag turn on {} tells more",
                        short(whose),
                        short(whose)
                    ),
                ),
            };
            Cause::new(
                Code::Unknown,
                side,
                format!(
                    "nothing that {} sends reaches the relay of {}, {relay}: {why}",
                    short(sender),
                    situation.name(whose)
                ),
            )
            .briefly(format!(
                "nothing of {} reaches {} relay, and why is not known",
                short(sender),
                possessive(whose)
            ))
            .seen(witness.map(|_| by_itself(whose, true)))
            .remedied([remedies::turn(sender).surely(false)])
        }
    }
}

/// What was seen at a relay of what its own side sends to it.
fn by_itself(whose: Whose, is_reached: bool) -> String {
    let what = if is_reached {
        "arrives"
    } else {
        "does not arrive either"
    };
    format!(
        "what {} itself sends to its relay, past its TURN server, {what}",
        short(whose)
    )
}

fn ports_closed(situation: &Situation<'_>, whose: Whose, relay: SocketAddr) -> Cause {
    let sender = whose.other();
    let (second, seen) = if situation.reaches_itself(whose).is_some() {
        (short(whose), by_itself(whose, false))
    } else {
        let seen = "nothing comes in from the other relay either".to_owned();
        ("the other relay", seen)
    };
    let ports = "the server's relay ports open for UDP in its firewall (coturn: min-port to max-port, 49152-65535)";
    let rows = situation.party(whose).servers.into_iter().flatten();
    let own: Vec<IpAddr> = rows
        .filter(|row| row.is_turn && row.error.is_none())
        .filter_map(|row| Some(row.address?.ip()))
        .collect();
    if !own.is_empty() && !own.contains(&relay.ip()) {
        return relays_elsewhere(situation, whose, (relay, own[0]), second, ports).seen([seen]);
    }
    let message = format!(
        "the relay ports of the TURN server of {} let nothing in: neither what {} sends to {relay} arrives, nor what {second} sends",
        situation.name(whose),
        short(sender),
    );
    Cause::new(Code::RelayPortsClosed, whose, message)
        .briefly(format!(
            "the relay ports of {} TURN server let nothing in",
            possessive(whose)
        ))
        .seen([seen])
        .remedied([remedies::turn_configuration(
            whose,
            ports,
            "relay ports opened for UDP",
        )])
}

/// The same of a server that gives addresses which are not its own: they may be nobody's.
fn relays_elsewhere(
    situation: &Situation<'_>,
    whose: Whose,
    (relay, server): (SocketAddr, IpAddr),
    second: &str,
    ports: &str,
) -> Cause {
    let address = relay.ip();
    let message = format!(
        "nothing arrives at the relayed address {relay} that the TURN server of {} gives, neither what {} sends nor what {second} sends: {address} is not the server's address {server}, and may be nobody's, or its relay ports are closed",
        situation.name(whose),
        short(whose.other()),
    );
    Cause::new(Code::RelayPortsClosed, whose, message)
        .briefly(format!(
            "nothing arrives at the address {address} that {} TURN server gives",
            possessive(whose)
        ))
        .remedied([remedies::turn_configuration(
            whose,
            format!("the server's right public address (coturn: external-ip), or {ports},"),
            "the right address in its configuration (coturn: external-ip), or its relay ports opened,",
        )
        .surely(false)])
}
