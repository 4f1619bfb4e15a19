//! The JSON of `rtcdiag pair`: a document, or JSON lines of which the last one is it.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::base::codes::Code;
use crate::base::words::{escaped, printable};
use crate::proto::evidence::account::{
    Account, Change, EndRecord, Fault, FileKind, FoundCauses, PairRecord, Place, Record,
    ServerRecord, StateKind, Told, ToldCandidate,
};
use crate::proto::evidence::events::{add_candidate, shown, transport, type_of};
use crate::proto::evidence::samples::milliseconds;
use crate::proto::ice::checks::Role;

pub fn read(text: &str) -> Record {
    let mut record = Record::of(FileKind::Rtcdiag);
    let whole = serde_json::from_str::<Value>(text);
    let last = || {
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        serde_json::from_str::<Value>(line).ok()
    };
    let document = match whole {
        Ok(document) => document,
        Err(error) => match last() {
            Some(document) if document["result"].is_object() => document,
            _ => {
                record.faults.push(Fault::of_json(&error));
                return record;
            }
        },
    };
    let version = document["rtcdiag_version"].as_str().unwrap_or_default();
    record.agent = Some(format!("rtcdiag {}", printable(version)));
    let started = document["started_at"].as_str().and_then(milliseconds);
    record.captured_at = started;
    record.is_redacted = document["redacted"] == true;
    let command = document["command"].as_str().unwrap_or("nothing");
    if command != "pair" || !document["result"].is_object() {
        record.faults.push(Fault::new(
            "command",
            format!(
                "it is of rtcdiag {}, and only pair has evidence of a call",
                printable(command)
            ),
        ));
        return record;
    }
    record.accounts.push(account(&document["result"], started));
    record
}

fn account(result: &Value, started: Option<f64>) -> Account {
    let at = |value: &Value| Some(started? + value.as_f64()?);
    let mut account = Account {
        is_begun: true,
        has_events: true,
        has_configuration: true,
        servers: Some(
            result["servers"]
                .as_array()
                .into_iter()
                .flatten()
                .map(server)
                .collect(),
        ),
        role: match result["role"].as_str() {
            Some("controlling") => Some(Role::Controlling),
            Some("controlled") => Some(Role::Controlled),
            _ => None,
        },
        ..Account::default()
    };
    for (side, told) in [("local", &mut account.own), ("remote", &mut account.other)] {
        for entry in result[side]["candidates"].as_array().into_iter().flatten() {
            if let Some(candidate) = candidate(entry, at(&entry["found_ms"])) {
                add_candidate(told, candidate);
            }
        }
        told.nats = serde_json::from_value(result[side]["nats"].clone()).unwrap_or_default();
        crate::proto::ice::facts::bound(&mut told.nats);
        if result[side]["is_complete"] == true {
            told.complete_at = started;
        }
    }
    let pairs = result["pairs"].as_array().into_iter().flatten();
    account.pairs = pairs.filter_map(|entry| pair(entry, started)).collect();
    let state = match result["state"].as_str() {
        Some("connected") => "connected",
        Some("failed") => "failed",
        _ => "new",
    };
    for kind in [StateKind::Ice, StateKind::Connection] {
        let connected = result["timeline"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|entry| entry["event"] == "connected");
        account.changes.push(Change {
            at: connected.and_then(|entry| at(&entry["at_ms"])),
            kind,
            value: state.to_owned(),
        });
    }
    account.saw(started);
    let times: Vec<Option<f64>> = result["timeline"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| at(&entry["at_ms"]))
        .collect();
    for time in times {
        account.saw(time);
    }
    joinable(&mut account.own);
    joinable(&mut account.other);
    account.found = found(result);
    account
}

/// Its own causes. The file may have been written by anybody.
fn found(result: &Value) -> Option<FoundCauses> {
    const MOST: usize = 16;
    let shown = |text: &mut String| *text = printable_whole(text);
    let mut found: FoundCauses = serde_json::from_value(result.clone()).ok()?;
    for causes in [&mut found.causes, &mut found.relay_causes] {
        causes.truncate(MOST);
        for cause in causes {
            cause.evidence.truncate(MOST);
            cause.remedies.truncate(MOST);
            shown(&mut cause.message);
            cause.evidence.iter_mut().for_each(shown);
            for remedy in &mut cause.remedies {
                shown(&mut remedy.message);
            }
        }
    }
    Some(found)
}

fn printable_whole(text: &str) -> String {
    const LONGEST: usize = 1000;
    let text: String = text.chars().take(LONGEST).filter(|c| *c != '\n').collect();
    escaped(&text).into_owned()
}

/// There are no fragments in it; what calls are joined by are the candidates themselves.
fn joinable(told: &mut Told) {
    for candidate in &mut told.candidates {
        candidate.is_signalled = true;
    }
}

fn server(entry: &Value) -> ServerRecord {
    let url = printable(entry["uri"].as_str().unwrap_or_default());
    let code = entry["error"]["code"]
        .as_str()
        .map(|code| code.parse().unwrap_or(Code::Unknown));
    let text = printable(entry["error"]["message"].as_str().unwrap_or_default());
    ServerRecord {
        uri: url.parse().ok(),
        url,
        error: code.map(|code| (code, text)),
        error_at: None,
    }
}

fn ip_and_port(entry: &Value) -> Option<(Place, u16)> {
    let port = entry["port"].as_u64()?.try_into().ok()?;
    Some((
        Place::of(entry["address"].as_str().unwrap_or_default()),
        port,
    ))
}

fn candidate(entry: &Value, at: Option<f64>) -> Option<ToldCandidate> {
    let (place, port) = ip_and_port(entry)?;
    let ip = entry["related_address"]
        .as_str()
        .and_then(|ip| ip.parse::<IpAddr>().ok());
    let related = ip.zip(
        entry["related_port"]
            .as_u64()
            .and_then(|port| port.try_into().ok()),
    );
    Some(ToldCandidate {
        at,
        kind: type_of(entry["type"].as_str()?)?,
        is_tcp: entry["transport"] == "tcp",
        place,
        port,
        related: related.and_then(shown),
        foundation: printable(entry["foundation"].as_str().unwrap_or_default()),
        component: 1,
        priority: number(&entry["priority"]),
        url: entry["server"].as_str().map(printable),
        relay_transport: entry["relay_transport"].as_str().and_then(transport),
        ufrag: None,
        is_signalled: true,
        line: None,
    })
}

fn number(value: &Value) -> u32 {
    value
        .as_u64()
        .unwrap_or_default()
        .try_into()
        .unwrap_or(u32::MAX)
}

fn end(entry: &Value) -> Option<EndRecord> {
    let (place, port) = ip_and_port(entry)?;
    Some(EndRecord {
        kind: type_of(entry["type"].as_str()?)?,
        place,
        port,
        related: None,
        relay_transport: entry["relay_transport"].as_str().and_then(transport),
    })
}

fn pair(entry: &Value, started: Option<f64>) -> Option<PairRecord> {
    let at = |value: &Value| Some(started? + value.as_f64()?);
    let mapped = entry["mapped_address"]
        .as_str()
        .and_then(|at| at.parse::<SocketAddr>().ok());
    Some(PairRecord {
        priority: entry["priority"].as_u64().unwrap_or_default(),
        state: printable(entry["state"].as_str().unwrap_or_default()),
        nominated: entry["nominated"] == true,
        is_selected: entry["selected"] == true,
        requests_sent: number(&entry["requests_sent"]),
        responses_received: number(&entry["responses_received"]),
        requests_received: number(&entry["requests_received"]),
        responses_sent: number(&entry["responses_sent"]),
        requests_arrived: entry["requests_arrived"]
            .as_u64()
            .map(|n| n.try_into().unwrap_or(u32::MAX)),
        mapped,
        rtt_ms: entry["rtt_ms"].as_f64(),
        first_sent: at(&entry["first_sent_ms"]),
        first_answered: at(&entry["first_answered_ms"]),
        failure: entry["failure"]["code"]
            .as_str()
            .map(|code| code.parse().unwrap_or(Code::Unknown)),
        ..PairRecord::new(end(&entry["local"])?, end(&entry["remote"])?)
    })
}
