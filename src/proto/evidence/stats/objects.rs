//! Single objects of statistics: members, candidates and pairs.

use std::net::SocketAddr;

use serde_json::Value;

use crate::base::words::printable;
use crate::proto::evidence::account::{
    Account, EndRecord, PairRecord, Place, StateKind, ToldCandidate,
};
use crate::proto::evidence::events::{shown, transport, type_of};
use crate::proto::evidence::stats::Object;

/// Consent is asked for every five seconds (RFC 7675 5.1), and media comes all the time.
const LONG_SILENCE_MS: f64 = 6000.0;
/// Less is one, where so many requests were not answered meanwhile.
const UNHEARD_MS: f64 = 4000.0;
const UNANSWERED: u32 = 2;

pub(super) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}

pub(super) fn number(object: &Object, name: &str) -> Option<f64> {
    let value = object.get(name)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number| number.is_finite())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters; what is out of range is the nearest that is in it"
)]
pub(super) fn count(object: &Object, name: &str) -> Option<u64> {
    number(object, name).map(|number| number as u64)
}

pub(super) fn small(object: &Object, name: &str) -> Option<u32> {
    count(object, name).map(|count| count.try_into().unwrap_or(u32::MAX))
}

pub(super) fn end_of(candidate: &ToldCandidate) -> EndRecord {
    EndRecord {
        kind: candidate.kind,
        place: candidate.place.clone(),
        port: candidate.port,
        related: candidate.related,
        relay_transport: candidate.relay_transport,
    }
}

pub(super) fn count_pair(pair: &mut PairRecord, at: Option<f64>, object: &Object) {
    let set = |into: &mut u32, name: &str| {
        if let Some(now) = small(object, name) {
            // Counters do not fall; an object that begins anew has the same name.
            *into = now.max(*into);
        }
    };
    let before = (pair.requests_sent, pair.responses_received);
    let heard_before = (
        pair.responses_received,
        pair.requests_received,
        pair.bytes_received,
    );
    pair.is_counted |= object.contains_key("requestsSent");
    set(&mut pair.requests_sent, "requestsSent");
    set(&mut pair.responses_received, "responsesReceived");
    set(&mut pair.requests_received, "requestsReceived");
    set(&mut pair.responses_sent, "responsesSent");
    set(&mut pair.consent_sent, "consentRequestsSent");
    pair.bytes_sent = count(object, "bytesSent").unwrap_or(pair.bytes_sent);
    pair.bytes_received = count(object, "bytesReceived").unwrap_or(pair.bytes_received);
    if let Some(state) = text(object, "state") {
        pair.state = printable(state);
    }
    if let Some(nominated) = object.get("nominated").and_then(Value::as_bool) {
        pair.nominated = nominated;
    }
    let is_writable = object.get("writable").and_then(Value::as_bool);
    pair.is_writable = is_writable.or(pair.is_writable);
    if let Some(priority) = number(object, "priority") {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "RFC 8445 6.1.2.3: 64 bits"
        )]
        let priority = priority as u64;
        let exact = object.get("priority").and_then(Value::as_u64);
        pair.priority = exact.unwrap_or(priority);
    }
    // 0 stands for none in Firefox.
    pair.rtt_ms = number(object, "currentRoundTripTime")
        .filter(|s| pair.is_counted || *s > 0.0)
        .map(|s| s * 1000.0)
        .or(pair.rtt_ms);
    if pair.requests_sent > 0 {
        pair.first_sent = pair.first_sent.or(at);
    }
    let unanswered = pair.asking.unanswered;
    if let Some(at) = at {
        consent(pair, at, before);
    }
    if pair.responses_received > 0 {
        pair.first_answered = pair.first_answered.or(at);
    }
    let heard = (
        pair.responses_received,
        pair.requests_received,
        pair.bytes_received,
    );
    // Milliseconds since 1970, of what is not STUN.
    let packet = number(object, "lastPacketReceivedTimestamp");
    let packet = packet.filter(|packet| *packet > 1e12 && at.is_none_or(|at| *packet <= at));
    let changed = at.filter(|_| heard != heard_before);
    if heard == heard_before {
        pair.quiet_at = at;
    }
    let Some(now) = packet.or(changed) else {
        return;
    };
    let before = pair.last_heard.replace(now).filter(|before| *before < now);
    // A page that is not asked for a while is no silence: a sample in between shows it.
    let unheard = pair.unheard.map_or(UNHEARD_MS, |(from, to)| to - from);
    if let Some(before) = before.filter(|before| now - before > unheard)
        && unanswered >= UNANSWERED
        && pair.quiet_at.is_some_and(|quiet| quiet > before)
    {
        pair.unheard = Some((before, now));
    }
    let longest = pair.silence.map_or(LONG_SILENCE_MS, |(from, to)| to - from);
    if let Some(before) = before.filter(|before| now - before > longest) {
        pair.silence = Some((before, now));
    }
}

/// What became of requests since the sample before.
fn consent(pair: &mut PairRecord, at: f64, (sent, answered): (u32, u32)) {
    if pair.responses_received > answered {
        pair.asking.answer(at);
    } else if pair.requests_sent > sent {
        pair.asking.asked = Some(at);
        let more = pair.requests_sent - sent;
        pair.asking.unanswered = pair.asking.unanswered.saturating_add(more);
    }
}

/// When ICE has failed, Firefox calls ICE closed and DTLS failed, which never began.
pub(super) fn never_up(account: &mut Account) {
    let is_ice = |kind: StateKind| kind == StateKind::IceTransport;
    let mut changes = account.changes.iter();
    let was_up =
        changes.any(|c| is_ice(c.kind) && ["connected", "completed"].contains(&c.value.as_str()));
    let is_answered = account.pairs.iter().any(PairRecord::is_answered);
    let last = account.changes.iter_mut().rfind(|c| is_ice(c.kind));
    let Some(last) = last.filter(|last| last.value == "closed" && !was_up && !is_answered) else {
        return;
    };
    if account.dtls.state.as_deref() == Some("failed") {
        "failed".clone_into(&mut last.value);
        account.dtls.state = None;
        account
            .changes
            .retain(|c| c.kind != StateKind::Dtls || c.value != "failed");
    }
}

pub(super) fn candidate_of(at: Option<f64>, object: &Object) -> Option<ToldCandidate> {
    let address = ["address", "ip", "ipAddress"]
        .iter()
        .find_map(|name| text(object, name));
    let port = count(object, "port").or(count(object, "portNumber"));
    let related = text(object, "relatedAddress").and_then(|ip| ip.parse().ok());
    let related = related.zip(count(object, "relatedPort").and_then(|port| port.try_into().ok()));
    let protocol = text(object, "protocol")
        .or(text(object, "transport"))
        .unwrap_or("udp");
    let related: Option<SocketAddr> = related.and_then(shown);
    Some(ToldCandidate {
        at,
        kind: type_of(text(object, "candidateType")?)?,
        is_tcp: !protocol.eq_ignore_ascii_case("udp"),
        place: address.map_or(Place::Hidden, Place::of),
        port: port?.try_into().ok()?,
        related,
        foundation: text(object, "foundation")
            .map(printable)
            .unwrap_or_default(),
        component: 1,
        priority: small(object, "priority").unwrap_or_default(),
        url: text(object, "url").map(printable),
        relay_transport: text(object, "relayProtocol").and_then(transport),
        ufrag: text(object, "usernameFragment").map(printable),
        is_signalled: false,
        line: None,
    })
}
