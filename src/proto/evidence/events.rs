//! Events of a connection, which both downloads of Chrome name alike.

use serde_json::Value;

use crate::base::words::printable;
use crate::proto::evidence::account::{
    Account, Change, Failure, Place, StateKind, Told, ToldCandidate,
};
use crate::proto::evidence::{MAX_PARTS, configuration, described};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::stun::uri::Transport;

/// Takes an event into the account.
pub fn apply(account: &mut Account, at: Option<f64>, name: &str, value: &Value) {
    account.saw(at);
    // Versions before 110 leave "on" out.
    let name = name.strip_prefix("on").unwrap_or(name);
    match name {
        "setLocalDescription" => {
            account.is_begun = true;
            let before = account.own.descriptions.len();
            describe(&mut account.own, at, value);
            account.is_own_implicit = account.own.descriptions.len() == before;
        }
        // `setLocalDescription()` without an argument: what it made is told when it is done.
        "setLocalDescriptionOnSuccess" if account.is_own_implicit => {
            describe(&mut account.own, at, value);
            account.is_own_implicit = false;
        }
        "setRemoteDescription" => {
            account.is_begun = true;
            let before = account.other.descriptions.len();
            describe(&mut account.other, at, value);
            account.is_other_implicit = account.other.descriptions.len() == before;
        }
        "createOfferOnSuccess" | "createAnswerOnSuccess" => account.is_begun = true,
        "createOfferOnFailure"
        | "createAnswerOnFailure"
        | "setLocalDescriptionOnFailure"
        | "setRemoteDescriptionOnFailure" => {
            let step = name.trim_end_matches("OnFailure");
            failed(account, at, step, value);
        }
        "addIceCandidateFailed" => refused(account, value),
        "icecandidate" => of_candidate(&mut account.own, at, value),
        "addIceCandidate" => {
            let before = account.other.candidates.len();
            of_candidate(&mut account.other, at, value);
            account.is_last_new = account.other.candidates.len() > before;
        }
        "icecandidateerror" => of_error(account, at, value),
        "signalingstatechange" | "signalingState" => {
            changed(account, at, StateKind::Signaling, value);
        }
        "icegatheringstatechange" | "iceGatheringState" => {
            changed(account, at, StateKind::Gathering, value);
            if account.state(StateKind::Gathering) == Some("complete") {
                account.own.complete_at = account.own.complete_at.or(at);
            }
        }
        "iceconnectionstatechange" | "iceConnectionState" => {
            changed(account, at, StateKind::Ice, value);
        }
        "connectionstatechange" | "connectionState" => {
            changed(account, at, StateKind::Connection, value);
        }
        "close" | "stop" => changed(account, at, StateKind::Closed, &Value::from("closed")),
        "datachannel" => changed(
            account,
            at,
            StateKind::DataChannel,
            &Value::from("announced"),
        ),
        "track" => {
            let kind = value["kind"].as_str().unwrap_or("track");
            changed(account, at, StateKind::Track, &Value::from(kind));
        }
        "constructor" | "create" => configuration::read(account, value),
        _ => {}
    }
}

/// An offer or answer that could not be made or set: what was to be set is not.
fn failed(account: &mut Account, at: Option<f64>, step: &str, value: &Value) {
    /// Some try again every second.
    const MOST: usize = 100;
    let text = |key: &str| value[key].as_str();
    let said = match (value.as_str(), text("name"), text("message")) {
        (Some(said), ..) | (None, Some(said), None) | (None, None, Some(said)) => said.to_owned(),
        (None, Some(name), Some(message)) => format!("{name}: {message}"),
        (None, None, None) => String::new(),
    };
    let is_of_other = step == "setRemoteDescription";
    let (told, is_implicit) = if is_of_other {
        (&mut account.other, account.is_other_implicit)
    } else {
        (&mut account.own, account.is_own_implicit)
    };
    // A rollback has none, and what the page did not name was not yet told.
    let was_told = step.starts_with("set") && !is_implicit;
    let refused = was_told.then(|| told.descriptions.pop()).flatten();
    if account.failures.len() < MOST {
        account.failures.push(Failure {
            at,
            step: step.to_owned(),
            said: shortened(printable(said.trim()).as_str()),
            is_offer: refused.and_then(|(_, read)| read.is_offer),
        });
    }
}

/// A candidate that came and was not taken: most often there was no remote description yet.
fn refused(account: &mut Account, value: &Value) {
    account.refused_candidates = account.refused_candidates.saturating_add(1);
    // It stands there before, as if it had been added.
    if std::mem::take(&mut account.is_last_new) {
        account.other.candidates.pop();
    }
    let said = value.as_str().or(value["error"].as_str());
    if let Some(said) = said.filter(|said| !said.trim().is_empty()) {
        let said = shortened(printable(said.trim()).as_str());
        account.refused_since.get_or_insert(said);
    }
}

/// Keeps a state that was reached. The same again is no change.
pub fn changed(account: &mut Account, at: Option<f64>, kind: StateKind, value: &Value) {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Object(object) => object.values().find_map(Value::as_str).unwrap_or_default(),
        _ => return,
    };
    let text = printable(text.trim().trim_matches('"'));
    if text.is_empty() || account.changes.len() >= MAX_PARTS {
        return;
    }
    let last = account
        .changes
        .iter()
        .rev()
        .find(|change| change.kind == kind);
    if kind == StateKind::Track || last.is_none_or(|last| last.value != text) {
        account.changes.push(Change {
            at,
            kind,
            value: text,
        });
    }
}

/// A description: `{type, sdp}`, or the text "type: offer, sdp: v=0...".
pub fn describe(told: &mut Told, at: Option<f64>, value: &Value) {
    let (kind, sdp) = match value {
        Value::Object(object) => (
            object
                .get("type")
                .and_then(Value::as_str)
                .map(str::to_owned),
            object
                .get("sdp")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        ),
        Value::String(text) => {
            let (head, sdp) = text.split_once("sdp:").unwrap_or(("", text));
            let kind = head.split_once("type:").map(|(_, kind)| kind);
            let kind = kind.map(|kind| kind.trim().trim_end_matches(',').to_owned());
            (kind, sdp)
        }
        _ => return,
    };
    if sdp.trim().is_empty() || told.descriptions.len() >= 1000 {
        return;
    }
    let mut read = described::read(sdp.trim());
    read.is_offer = match kind.as_deref() {
        Some("offer") => Some(true),
        Some("answer" | "pranswer") => Some(false),
        _ => None,
    };
    add(told, at, read);
}

/// Adds a description, and what is in it.
pub fn add(told: &mut Told, at: Option<f64>, mut read: described::Described) {
    told.ufrags.extend(read.ufrags.iter().cloned());
    told.fingerprints.extend(read.fingerprints.iter().cloned());
    for line in std::mem::take(&mut read.candidates) {
        let mut unknown = None;
        if let Some(candidate) = candidate(&line, at, &mut unknown) {
            add_candidate(told, candidate);
        }
    }
    if read.is_complete {
        told.complete_at = told.complete_at.or(at);
    }
    // Most are told twice at the most; the first growth of a list is for four.
    read.sections.shrink_to_fit();
    read.ufrags.shrink_to_fit();
    read.fingerprints.shrink_to_fit();
    told.descriptions.reserve_exact(1);
    told.descriptions.push((at, read));
}

/// `{candidate, sdpMid, ...}`, or the text "sdpMid: 0, ..., candidate: candidate:1 ...".
fn of_candidate(told: &mut Told, at: Option<f64>, value: &Value) {
    let (line, url, relay) = match value {
        Value::Object(object) => {
            let text = |key: &str| object.get(key).and_then(Value::as_str);
            // addIceCandidate of some versions has the candidate one level deeper.
            let inner = object
                .get("candidate")
                .and_then(|c| c["candidate"].as_str());
            (
                text("candidate").or(inner).unwrap_or_default(),
                text("url"),
                text("relayProtocol"),
            )
        }
        Value::String(text) => {
            let line = text
                .split_once("candidate: ")
                .map_or(text.as_str(), |(_, c)| c);
            (line.split(", url:").next().unwrap_or(line), None, None)
        }
        Value::Null => ("", None, None),
        _ => return,
    };
    if line.trim().is_empty() {
        told.complete_at = told.complete_at.or(at);
        return;
    }
    let mut ufrag = None;
    let Some(mut read) = candidate(line, at, &mut ufrag) else {
        return;
    };
    read.url = url.filter(|url| !url.is_empty()).map(printable);
    read.relay_transport = relay.and_then(transport).or(read.relay_transport);
    if let Some(ufrag) = ufrag {
        told.ufrags.insert(ufrag);
    }
    add_candidate(told, read);
}

/// Keeps each once; what comes later adds what was not known.
pub fn add_candidate(told: &mut Told, candidate: ToldCandidate) {
    // Lists of a hundred thousand are not searched for twins.
    let known = if told.candidates.len() < 2000 {
        told.candidates
            .iter_mut()
            .find(|known| known.is_same_as(&candidate))
    } else {
        None
    };
    if let Some(known) = known {
        known.url = known.url.take().or(candidate.url);
        known.relay_transport = known.relay_transport.or(candidate.relay_transport);
        known.related = known.related.or(candidate.related);
        known.is_signalled |= candidate.is_signalled;
        if known.place == Place::Hidden {
            known.place = candidate.place;
        }
        known.at = known.at.or(candidate.at);
        known.line = known.line.take().or(candidate.line);
        if known.foundation.is_empty() {
            known.foundation = candidate.foundation;
        }
        return;
    }
    if told.candidates.len() < MAX_PARTS {
        told.candidates.push(candidate);
    }
}

pub fn transport(text: &str) -> Option<Transport> {
    match text {
        "udp" => Some(Transport::Udp),
        "tcp" => Some(Transport::Tcp),
        "tls" => Some(Transport::Tls),
        _ => None,
    }
}

pub fn type_of(text: &str) -> Option<CandidateType> {
    match text {
        "host" => Some(CandidateType::Host),
        "srflx" | "serverreflexive" => Some(CandidateType::Srflx),
        "prflx" | "peerreflexive" => Some(CandidateType::Prflx),
        "relay" | "relayed" => Some(CandidateType::Relay),
        _ => None,
    }
}

/// Reads a line as [`crate::proto::ice::candidate::lenient`] does, and keeps those of names and of TCP.
pub fn candidate(line: &str, at: Option<f64>, ufrag: &mut Option<String>) -> Option<ToldCandidate> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    let fields: Vec<&str> = line
        .strip_prefix("candidate:")?
        .split_ascii_whitespace()
        .collect();
    let typ = fields.iter().position(|field| *field == "typ")?;
    let mut head = fields.get(..typ)?.to_vec();
    // Some have no foundation.
    if head.len() == 5 {
        head.insert(0, "");
    }
    let [foundation, component, transport, priority, place, port] = head.as_slice() else {
        return None;
    };
    let after = |name: &str| {
        let at = fields[typ..].iter().position(|field| *field == name)? + typ;
        fields.get(at + 1).copied()
    };
    let related = after("raddr").and_then(|ip| ip.parse().ok());
    let related = related.zip(after("rport").and_then(|port| port.parse().ok()));
    let told = ToldCandidate {
        at,
        kind: type_of(fields.get(typ + 1)?)?,
        is_tcp: !transport.eq_ignore_ascii_case("udp"),
        place: Place::of(place),
        port: port.parse().ok()?,
        related: related.and_then(shown),
        foundation: printable(foundation),
        component: component.parse().ok()?,
        priority: priority.parse::<u64>().ok()?.try_into().unwrap_or(u32::MAX),
        url: None,
        relay_transport: None,
        ufrag: after("ufrag").map(printable),
        is_signalled: true,
        line: Some(shortened(line)),
    };
    ufrag.clone_from(&told.ufrag);
    Some(told)
}

/// A related address that is hidden is 0.0.0.0 with port 0 or 9.
pub fn shown((ip, port): (std::net::IpAddr, u16)) -> Option<std::net::SocketAddr> {
    (!ip.is_unspecified() && port != 0).then(|| std::net::SocketAddr::new(ip, port))
}

fn of_error(account: &mut Account, at: Option<f64>, value: &Value) {
    let number = ["error_code", "errorCode"].iter().find_map(|key| {
        let value = &value[*key];
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    });
    let text = ["error_text", "errorText"]
        .iter()
        .find_map(|key| value[*key].as_str());
    let (Some(number), Some(url)) = (number, value["url"].as_str()) else {
        return;
    };
    let text = text.unwrap_or_default();
    let code = configuration::code_of(number, text);
    let said = match text {
        "" => number.to_string(),
        text => format!("{number}: {}", printable(text)),
    };
    configuration::failed(account, url, code, said, at);
}

/// Lines of a candidate, and what programs say, are at most some hundred characters long.
fn shortened(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(512).collect()
}
