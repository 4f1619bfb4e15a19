//! A relay at which nothing of the other side comes in.

use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::base::family::Family;
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

/// Nothing comes in at its relayed address.
pub(super) fn closed(
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
        return Some(
            Cause::new(Code::NoCandidates, sender, message)
                .briefly(format!("{} tells no public address", short(sender)))
                .remedied([remedies::stun(
                    sender,
                    &format!("a STUN server for {} (-s stun:HOST)", short(sender)),
                )]),
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
    // What does not leave the other side cannot arrive.
    let direct = situation.causes();
    let may_be_dropped = direct.iter().any(|cause| {
        let is_theirs = [sender, Whose::Both, Whose::Between].contains(&cause.side);
        let codes = [
            Code::UdpBlocked,
            Code::Filtered,
            Code::AnswersLost,
            Code::Unreachable,
        ];
        is_theirs && codes.contains(&cause.code)
    });
    if udp(situation, sender) != Some(Udp::Open) || is_stopped || may_be_dropped {
        return None;
    }
    let through = Traffic::of(permitted(settled).into_iter());
    // From this side's relay nothing of the other side's came in; or at the other side's relay
    // nothing of this side's.
    let is_closed = match whose {
        Whose::Remote => through.is_lost_there(),
        _ => through.is_checked() && !through.comes_in(),
    };
    if !is_closed {
        return None;
    }
    let message = format!(
        "the relay ports of the TURN server of {} let nothing in: what {} sends to {} does not arrive",
        situation.name(whose),
        short(sender),
        relay
    );
    (!through.is_answered()).then(|| {
        Cause::new(Code::RelayPortsClosed, whose, message)
            .briefly(format!(
                "the relay ports of {} TURN server let nothing in",
                possessive(whose)
            ))
            .seen([format!("through the relay {}", through.sentence())])
            .remedied([remedies::turn_configuration(
                whose,
                "the server's relay ports open for UDP in its firewall (coturn: min-port to max-port, 49152-65535)",
                "its relay ports opened for UDP",
            )])
    })
}
