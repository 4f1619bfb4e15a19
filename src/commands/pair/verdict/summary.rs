//! The last sentence of all: outcome, path, the cause with its side, and the best remedy, in three lines.

mod wording;

use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::fact::Reason;
use crate::base::family::Family;
use crate::base::report::Millis;
use crate::base::words::{capitalised, short_span};
use crate::commands::pair::report::{
    CheckState, EndReport, PairResult, PairState, PathKind, PlaceKind, PlaceStatus, QualityReport,
    SelectedReport, TimelineEvent,
};
use crate::commands::pair::verdict::causes::{best_remedy, promise, promise_in_brief};
use crate::commands::pair::verdict::{
    Company, Context, findings, has_path_ended, is_out_of_time, is_settled, loses_large,
    loses_most, media, socket,
};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::causes::{Cause, Effect, Remedy, RemedyCode, Whose};
use crate::proto::ice::checks::Role;
use crate::proto::ice::steps;
use crate::proto::stun::uri::Transport;
use wording::{Wording, fitted};

/// Percent that weigh more than what would make the path direct.
const HEAVY_LOSS: f64 = 25.0;

pub(super) fn of(result: &PairResult, context: &Context) -> String {
    match result.state {
        PairState::Connected => fitted(|wording| connected(result, context, wording)),
        PairState::Failed => with_step(failed(result, context), result, context),
        PairState::NoPeer => no_peer(result, context),
    }
}

fn connected(result: &PairResult, context: &Context, wording: Wording) -> String {
    let way = match &result.selected {
        Some(selected) if result.path == Some(PathKind::Relayed) => {
            format!("through {}", relay(selected, wording))
        }
        Some(selected) => format!("directly, {}", ends(selected)),
        None => "on a pair that is not known".to_owned(),
    };
    let mut facts = vec![format!("Connected {way}")];
    facts.extend(round_trip(result).map(|rtt| format!("{:.1} ms", rtt.as_f64())));
    let lossy = result.quality.as_ref().filter(|q| q.received < q.sent);
    let lossy = lossy.filter(|q| wording.has_loss || q.loss_percent >= HEAVY_LOSS);
    facts.extend(lossy.map(|q| {
        let way = findings::quality::lossy_way(q);
        let way = way.map_or_else(String::new, |way| format!(" {way}"));
        format!("{:.1} % loss{way}", q.loss_percent)
    }));
    let mut sentences = vec![format!("{}.", facts.join(", "))];
    if result.path == Some(PathKind::Relayed) {
        // What the path was lost by has to be mended first.
        let has_remedy = wording.has_remedy && findings::ended_relay(result, context).is_none();
        sentences.extend(why_relayed(
            result,
            Wording {
                has_remedy,
                ..wording
            },
        ));
    }
    if let Some(after) = result.quality.as_ref().and_then(|q| q.ended_after_ms) {
        let what = if has_path_ended(result, context) {
            "But the path ended"
        } else {
            "The other side went away"
        };
        let why = findings::ended_relay(result, context);
        let why = why.map_or_else(String::new, |why| format!(", with {why}"));
        sentences.push(format!("{what} after {:.1} s{why}.", after.0.as_secs_f64()));
    }
    if let (true, Some(quality)) = (loses_large(result), &result.quality) {
        sentences.push(large_lost(quality, wording));
    }
    if let (true, Some(quality)) = (loses_most(result), &result.quality) {
        let lost = quality.loss_percent;
        sentences.push(format!(
            "But {lost:.0} % of what is sent is lost: no call goes over it."
        ));
    }
    sentences.extend(media::summary(result, context));
    if result.session.peer_agrees == Some(false) && !has_path_ended(result, context) {
        sentences.push("But the other side reports otherwise.".to_owned());
    }
    sentences.join(" ")
}

fn large_lost(quality: &QualityReport, wording: Wording) -> String {
    if !wording.full_limits {
        return "But large datagrams are lost: DTLS and video will fail.".to_owned();
    }
    let bytes = quality.large.map_or(0, |large| large.bytes);
    let lost = findings::quality::limits(quality);
    let lost = lost.unwrap_or_else(|| format!("those of {bytes} bytes"));
    format!("But large datagrams are lost here, {lost}: DTLS handshakes and video will fail.")
}

fn why_relayed(result: &PairResult, wording: Wording) -> Vec<String> {
    if let Some(pair) = findings::late_direct(result) {
        return vec![format!(
            "A direct pair was answered too, {} <-> {}, after the relay had been chosen.",
            socket(&pair.local),
            socket(&pair.remote)
        )];
    }
    let Some(cause) = result.causes.first().filter(|it| !media::is_of_media(it)) else {
        return Vec::new();
    };
    let over_ipv6 = over_ipv6(result).filter(|_| wording.has_second_cause);
    let why = [Some(said(cause, wording, wording.full_cause))]
        .into_iter()
        .chain([over_ipv6.map(|cause| said(cause, wording, false))])
        .flatten()
        .collect::<Vec<String>>()
        .join("; ");
    let why = format!("No direct path: {why}.");
    // To let IPv6 through is less than another NAT.
    let remedy =
        over_ipv6.and_then(|cause| cause.remedies.iter().find(|r| r.effect == Effect::Direct));
    let remedy = remedy.or(cause.remedies.first());
    let remedy = remedy.filter(|_| wording.has_remedy);
    [Some(why), remedy.map(|remedy| promised(remedy, wording))]
        .into_iter()
        .flatten()
        .collect()
}

/// What is in the way over IPv6, where the first cause is of IPv4.
fn over_ipv6(result: &PairResult) -> Option<&Cause> {
    let first = result.causes.first()?;
    let is_of = |family| move |cause: &&Cause| cause.family == Some(family);
    Some(first).filter(is_of(Family::Ipv4))?;
    let mut others = result.causes.iter().filter(is_of(Family::Ipv6));
    others.find(|cause| cause.code != Code::Unknown)
}

fn said(cause: &Cause, wording: Wording, in_full: bool) -> String {
    let text = if in_full {
        &cause.message
    } else {
        cause.in_brief()
    };
    if wording.has_public_address {
        text.to_owned()
    } else {
        without_addresses(text)
    }
}

/// Without what stands in brackets and is an address.
fn without_addresses(text: &str) -> String {
    let is_address = |word: &str| {
        let inner = word.trim_end_matches([',', ':']);
        let inner = inner.strip_prefix('(').and_then(|w| w.strip_suffix(')'));
        inner.is_some_and(|inner| inner.parse::<IpAddr>().is_ok())
    };
    let words = text.split(' ');
    words.fold(String::new(), |mut text, word| {
        if is_address(word) {
            text.push_str(word.rsplit_once(')').map_or("", |(_, behind)| behind));
        } else {
            text.extend((!text.is_empty()).then_some(' '));
            text.push_str(word);
        }
        text
    })
}

fn promised(remedy: &Remedy, wording: Wording) -> String {
    if wording.full_remedy {
        format!("{}.", capitalised(&promise(remedy)))
    } else {
        format!("{}.", promise_in_brief(remedy))
    }
}

fn no_connection(result: &PairResult, wording: Wording) -> String {
    let direct = result.causes.first();
    // What stops both ways is said once; that there is no TURN server, by what would help.
    let relayed = result.relay_causes.first().filter(|cause| {
        let is_said = [Code::NoCandidates, Code::NoTurnServer].contains(&cause.code);
        direct.is_none() || (!is_said && wording.has_second_cause)
    });
    let is_proved = |cause: &&Cause| cause.code != Code::Unknown;
    let why: Vec<String> = match (direct, relayed.filter(is_proved)) {
        // What is known comes first.
        (Some(direct), Some(relayed)) if !is_proved(&direct) => vec![
            said(relayed, wording, wording.full_relay_cause),
            "why there is no direct path is not known".to_owned(),
        ],
        _ => {
            let direct = direct.map(|cause| said(cause, wording, wording.full_cause));
            let over_ipv6 = over_ipv6(result).filter(|_| wording.has_second_cause);
            let over_ipv6 = over_ipv6.map(|cause| said(cause, wording, false));
            let relayed = relayed.map(|cause| said(cause, wording, wording.full_relay_cause));
            [direct, over_ipv6, relayed].into_iter().flatten().collect()
        }
    };
    let text = format!("No connection: {}.", why.join("; "));
    match best_remedy(result).filter(|_| wording.has_remedy) {
        // Of a server that is not spoken of, "there" would be nowhere.
        Some(remedy) if relayed.is_none() && remedy.code == RemedyCode::TurnConfiguration => {
            let side = match remedy.side {
                Whose::Local => "this side",
                Whose::Remote => "the other side",
                Whose::Both | Whose::Between => "either side",
            };
            let any = Remedy {
                message: format!("a TURN server that works for {side}"),
                ..remedy.clone()
            };
            format!("{text} {}.", capitalised(&promise(&any)))
        }
        Some(remedy) => format!("{text} {}", promised(remedy, wording)),
        None => text,
    }
}

/// Where no cause names a side, the step at which the call stopped does.
fn with_step(said: String, result: &PairResult, context: &Context) -> String {
    let first = result.causes.first();
    let is_known = first.is_some_and(|cause| {
        let names_side = cause.side != Whose::Between || cause.code == Code::NoCommonFamily;
        cause.code != Code::Unknown && names_side
    });
    let is_explained = (is_settled(result, context) && context.no_data.is_none())
        || (is_known && !context.is_undecided);
    match steps::stopped(&result.steps).filter(|_| !is_explained) {
        Some(stopped) => format!("{said} {stopped}"),
        None => said,
    }
}

fn failed(result: &PairResult, context: &Context) -> String {
    if let (Some(error), false) = (&context.unusable, is_settled(result, context)) {
        return format!(
            "No connection, and no verdict on the network: {}.",
            error.message
        );
    }
    if let (Some(error), false) = (&context.rendezvous_error, is_settled(result, context)) {
        return format!(
            "No connection: the rendezvous was lost before both sides knew enough: {}.",
            error.message
        );
    }
    if let (Some(end), false) = (&context.peer_end, is_settled(result, context)) {
        return format!(
            "No connection, and no verdict on the network: {}.",
            findings::peer_end(end)
        );
    }
    if context.gave_up_early {
        return "No connection, and no verdict on the network: the other side gave up before all candidates of both sides were known.".to_owned();
    }
    if context.stopped == Some(Reason::Interrupted) && !is_settled(result, context) {
        return format!(
            "No connection, and no verdict on the network: this side was interrupted {}.",
            missing(result)
        );
    }
    if is_out_of_time(result, context) {
        return format!(
            "No connection, and no verdict on the network: the time limit ended {}.",
            missing(result)
        );
    }
    if let (Some(pair), Some(error)) = (&context.no_data, &context.channel_error) {
        return format!(
            "No connection: checks pass over {pair}, but {}.",
            error.message
        );
    }
    if let Some(pair) = &context.no_data {
        return format!(
            "No connection: checks pass over {pair}, but data does not: something on the way drops what is not STUN."
        );
    }
    fitted(|wording| no_connection(result, wording))
}

/// Whether the rendezvous gave this side a place in the room.
fn has_joined(result: &PairResult) -> bool {
    let mut events = result.timeline.iter().map(|entry| entry.event);
    events.any(|event| event == TimelineEvent::RendezvousJoined)
}

/// What had not come yet when the time was over.
fn missing(result: &PairResult) -> &'static str {
    let came = |event| result.timeline.iter().any(|entry| entry.event == event);
    if !came(TimelineEvent::DescriptionReceived) {
        "before the other side described itself"
    } else if result.pairs.is_empty() {
        "before there was a pair of candidates"
    } else if result
        .pairs
        .iter()
        .any(|pair| pair.state == CheckState::Succeeded)
    {
        match result.role {
            Role::Controlled => {
                "before the other side, which chooses, had chosen a pair that works"
            }
            Role::Controlling => "before a pair that works was chosen",
        }
    } else {
        "before every pair had been tried"
    }
}

fn no_peer(result: &PairResult, context: &Context) -> String {
    let waited = short_span(context.waited_s);
    if let Some(error) = &context.rendezvous_error {
        let at = result.session.rendezvous.as_deref();
        let at = at.map_or_else(String::new, |at| format!(" {at}"));
        if !has_joined(result) && context.stopped.is_some() {
            return format!(
                "The rendezvous{at} was not reached within {waited}: {}. Whether the other side is there is not known.",
                error.message
            );
        }
        return format!("The rendezvous{at} cannot be used: {}.", error.message);
    }
    if let Some(error) = &context.unusable {
        return format!("Nothing was checked: {}.", error.message);
    }
    match &context.peer_end {
        Some(end) => format!(
            "No connection, and no verdict on the network: {}.",
            findings::peer_end(end)
        ),
        None if context.manual => {
            format!(
                "No line from the other side was given within {waited}, so nothing was checked."
            )
        }
        None if context.silent_company.is_some() => {
            let is = match context.silent_company {
                Some(Company::Left) => "was",
                _ => "is",
            };
            match result.session.refused.first() {
                Some(refused) if context.has_foreign => format!(
                    "Somebody {is} in the room of this code, and nothing that came could be used, so nothing was checked: {refused}."
                ),
                _ => format!(
                    "Somebody {is} in the room of this code, and said nothing within {waited} that could be opened, so nothing was checked: the program there hangs, its messages are lost on the way, or somebody else has the code."
                ),
            }
        }
        None if is_at_home_alone(result) => format!(
            "The other side never came within {waited}, and only a host of this network could have: no other place to meet at was reached. Name one with --rendezvous, or use --manual, which needs none."
        ),
        None => format!(
            "The other side never came: nobody joined with this code within {waited}, so nothing was checked."
        ),
    }
}

/// Whether there were places for hosts anywhere, and none of them was reached.
fn is_at_home_alone(result: &PairResult) -> bool {
    let mut others = result
        .rendezvous
        .iter()
        .filter(|place| place.kind != PlaceKind::Lan)
        .peekable();
    let has_own = result
        .rendezvous
        .iter()
        .any(|place| place.kind == PlaceKind::Lan);
    has_own && others.peek().is_some() && others.all(|place| place.status == PlaceStatus::Failed)
}

/// Of the path, from the quality test, or from the checks.
fn round_trip(result: &PairResult) -> Option<Millis> {
    let measured = result.quality.as_ref().and_then(|q| q.rtt_ms);
    let checks = result.pairs.iter().find(|p| p.selected);
    measured
        .map(|rtt| rtt.median)
        .or_else(|| checks.and_then(|p| p.rtt_ms))
}

/// Of which side, where, and how it is talked to.
fn relay(selected: &SelectedReport, wording: Wording) -> String {
    let is_relay = |end: &EndReport| end.kind == CandidateType::Relay;
    let at = |end: &EndReport| {
        let address = wording.has_relay.then(|| format!(", {}", socket(end)));
        format!("{}{}", address.unwrap_or_default(), by(end))
    };
    match (is_relay(&selected.local), is_relay(&selected.remote)) {
        (true, true) if !wording.has_relay => "the TURN relays of both sides".to_owned(),
        (true, true) => format!(
            "the TURN relays of both sides, {} and {}",
            socket(&selected.local),
            socket(&selected.remote)
        ),
        (true, false) => format!("the TURN relay of this side{}", at(&selected.local)),
        (false, true) => format!("the TURN relay of the other side{}", at(&selected.remote)),
        (false, false) => format!("a TURN relay, {}", ends(selected)),
    }
}

fn by(end: &EndReport) -> &'static str {
    match end.relay_transport {
        Some(Transport::Tcp) => " over TCP",
        Some(Transport::Tls) => " over TLS",
        Some(Transport::Udp) | None => "",
    }
}

fn ends(selected: &SelectedReport) -> String {
    format!(
        "{} <-> {}",
        socket(&selected.local),
        socket(&selected.remote)
    )
}
