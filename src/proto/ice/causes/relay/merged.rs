//! One cause for what is so of the TURN servers of both sides.

use crate::base::codes::Code;
use crate::proto::ice::causes::relay::{failed_servers, first_server, udp};
use crate::proto::ice::causes::words::short;
use crate::proto::ice::causes::{Cause, Remedy, RemedyCode, Situation, Whose, remedies, servers};
use crate::proto::ice::prediction::view::Udp;

pub(super) fn merged(situation: &Situation<'_>, one: Cause, two: Cause) -> Cause {
    let trouble = common_trouble(situation, one.code);
    let message = match (one.code, &trouble) {
        (Code::NoTurnServer, _) => "neither side has a TURN server".to_owned(),
        (_, Some((message, _))) => message.clone(),
        _ => format!("{}; {}", one.message, two.message),
    };
    let brief = match one.code {
        Code::NoTurnServer => "neither side has a TURN server",
        Code::TurnUnreachable => "neither side has a TURN server that it reaches and accepts",
        Code::TurnRefused => "the TURN servers of both sides give no relayed address",
        Code::TurnPeerForbidden => {
            "the TURN server of each side forbids the other side's addresses"
        }
        Code::RelayAddressPrivate => "the TURN servers of both sides give private addresses",
        Code::RelayPortsClosed => "the relay ports of both sides' TURN servers let nothing in",
        Code::NoCommonFamily => "the relayed addresses of both sides are of another family",
        Code::Unknown => "nothing of either side reaches the other one's relay",
        Code::Filtered => "what each side sends to the other one's relay is dropped",
        Code::AddressPooling => "both sides' NATs take another public address for a relay",
        Code::RelayEnded => "the TURN servers of both sides ended their relays by themselves",
        Code::AnswersLost => "what the relays of both sides send is dropped on the way",
        Code::NoCandidates => "what each side tells is not enough for the other side's relay",
        _ => "the relays of both sides do not help",
    };
    let brief = trouble.map_or_else(|| brief.to_owned(), |(_, brief)| brief);
    let mut remedies: Vec<Remedy> = match one.code {
        Code::NoTurnServer => first_server(situation, Whose::Both).into_iter().collect(),
        _ => for_both(situation, one.remedies, two.remedies),
    };
    remedies.dedup_by(|next, first| {
        let is_same = next.message == first.message;
        if is_same && next.side != first.side {
            // Mended on one of them it is enough.
            first.side = Whose::Both;
        }
        is_same
    });
    let mut evidence = one.evidence;
    for seen in two.evidence {
        if !evidence.contains(&seen) {
            evidence.push(seen);
        }
    }
    Cause::new(one.code, Whose::Both, message)
        .briefly(brief)
        .seen(evidence)
        .remedied(remedies)
}

/// What would help where each side has a remedy of its own: a relay that one side reaches is enough, unless the other
/// one cannot send to it.
fn for_both(situation: &Situation<'_>, local: Vec<Remedy>, remote: Vec<Remedy>) -> Vec<Remedy> {
    // Who wants relays alone has nothing else to send from.
    let is_blocked = |whose: Whose| {
        situation.party(whose).side.relay_only
            || udp(situation, whose) == Some(Udp::Blocked)
            || servers::is_deaf(situation, whose)
    };
    match (is_blocked(Whose::Local), is_blocked(Whose::Remote)) {
        (true, true) => {
            // Each needs its own.
            match (local.first(), remote.first()) {
                (Some(one), Some(two))
                    if one.code == two.code && one.code == RemedyCode::TurnTls =>
                {
                    let is_sure = one.is_sure && two.is_sure;
                    vec![remedies::turn_tls(Whose::Both).surely(is_sure)]
                }
                (Some(one), Some(two))
                    if one.in_brief() == two.in_brief()
                        && one.message == on(one, Whose::Local)
                        && two.message == on(two, Whose::Remote) =>
                {
                    vec![Remedy {
                        side: Whose::Both,
                        message: on(one, Whose::Both),
                        ..one.clone()
                    }]
                }
                _ => unsure(local).chain(unsure(remote)).collect(),
            }
        }
        (false, true) => remote.into_iter().chain(unsure(local)).collect(),
        (true, false) => local.into_iter().chain(unsure(remote)).collect(),
        (false, false) => local.into_iter().chain(remote).collect(),
    }
}

/// As in "the right user name and password on this side".
fn on(remedy: &Remedy, side: Whose) -> String {
    format!("{} on {}", remedy.in_brief(), short(side))
}

fn unsure(all: Vec<Remedy>) -> impl Iterator<Item = Remedy> {
    all.into_iter().map(|remedy| remedy.surely(false))
}

/// What is wrong with one server that both sides were given.
fn common_trouble(situation: &Situation<'_>, code: Code) -> Option<(String, String)> {
    if ![Code::TurnUnreachable, Code::TurnRefused].contains(&code) {
        return None;
    }
    let [one, two] = [Whose::Local, Whose::Remote].map(|whose| {
        servers::telling(&failed_servers(situation, whose)).filter(|_| !situation.has_relay(whose))
    });
    let is_blocked = |whose: Whose| udp(situation, whose) == Some(Udp::Blocked);
    if is_blocked(Whose::Local) || is_blocked(Whose::Remote) {
        return None;
    }
    servers::common(one?, two?)
}
