//! The download of rtcstats: a JSON array a line, `[event, connection, value, ..., time]`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::base::words::printable;
use crate::proto::evidence::account::{Account, Fault, FileKind, Record};
use crate::proto::evidence::samples::moment;
use crate::proto::evidence::stats::{Object, StatsBook};
use crate::proto::evidence::{MAX_ACCOUNTS, configuration, events, internals};

/// Lines that cannot be read and are told.
const MAX_FAULTS: usize = 10;

/// A connection that is being read.
#[derive(Default)]
struct Open {
    account: Account,
    book: StatsBook,
    /// Objects as they were last: some writers leave out what has not changed.
    latest: HashMap<String, Object>,
}

pub fn read(text: &str) -> Record {
    let mut record = Record::of(FileKind::Rtcstats);
    let mut open: Vec<(String, Open)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut now: Option<f64> = None;
    let mut last: Option<f64> = None;
    for (line, number) in text.lines().zip(1..) {
        if !line.starts_with('[') {
            continue;
        }
        let Ok(entry) = serde_json::from_str::<Vec<Value>>(line) else {
            if record.faults.len() < MAX_FAULTS {
                let message = "the line is damaged; the others are read";
                record
                    .faults
                    .push(Fault::new(format!("line {number}"), message));
            }
            continue;
        };
        // The first one since 1970, the others since the one before, if that one has a time.
        now = match entry.last().and_then(moment) {
            Some(time) if time > 1e12 || last.is_none() => Some(time),
            Some(time) => now.map(|now| now + time),
            None => None,
        };
        last = now.or(last);
        let [name, id, value, ..] = entry.as_slice() else {
            continue;
        };
        let (Some(name), Some(id)) = (name.as_str(), id.as_str()) else {
            agent(&mut record, value);
            continue;
        };
        let place = *places.entry(id.to_owned()).or_insert_with(|| {
            open.push((id.to_owned(), Open::default()));
            open.len() - 1
        });
        if place >= MAX_ACCOUNTS {
            record.faults.push(Fault::new(
                format!("line {number}"),
                "more connections than anybody has",
            ));
            break;
        }
        let connection = &mut open[place].1;
        if name.eq_ignore_ascii_case("getStats") {
            statistics(connection, now, value);
        } else if name == "create" || name == "constructor" {
            configuration::read(&mut connection.account, value);
            connection.account.saw(now);
        } else {
            events::apply(&mut connection.account, now, name, &unquoted(value));
        }
    }
    record.captured_at = last;
    for (label, connection) in open {
        let mut account = connection.account;
        connection.book.close(&mut account);
        account.label = Some(printable(&label));
        internals::finish(&mut account);
        record.accounts.push(account);
    }
    let bare = internals::take_bare(&mut record);
    // What the lines were of is not known.
    if !record.faults.is_empty() {
        record.has_gap();
    }
    if record.accounts.is_empty() {
        let faults = internals::no_call("the whole file", bare);
        record.faults.extend(faults);
    }
    record
}

fn agent(record: &mut Record, value: &Value) {
    let text = value["userAgent"].as_str().map(printable);
    let brands = value["userAgentData"]["brands"].as_array();
    let brand = brands.into_iter().flatten().find_map(|brand| {
        let name = brand["brand"]
            .as_str()
            .filter(|name| !name.contains("Brand"))?;
        Some(printable(&format!(
            "{name} {}",
            brand["version"].as_str().unwrap_or_default()
        )))
    });
    record.agent = record.agent.take().or(text).or(brand);
}

/// States are quoted twice.
fn unquoted(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['"', '{']) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}

fn statistics(connection: &mut Open, now: Option<f64>, value: &Value) {
    let Value::Object(objects) = value else {
        return;
    };
    for (id, object) in objects {
        let Value::Object(object) = object else {
            continue;
        };
        let whole = object.contains_key("type");
        let at = object
            .get("timestamp")
            .and_then(Value::as_f64)
            .filter(|at| *at > 1e12)
            .or(now);
        if whole {
            connection.book.see(&mut connection.account, at, id, object);
            connection.latest.insert(id.clone(), skeleton(object));
            continue;
        }
        let Some(latest) = connection.latest.get(id) else {
            continue;
        };
        let mut merged: Map<String, Value> = latest.clone();
        merged.extend(
            object
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        connection
            .book
            .see(&mut connection.account, at, id, &merged);
    }
}

/// What names an object; its counters are kept elsewhere.
fn skeleton(object: &Object) -> Object {
    let is_kept = |name: &str| {
        matches!(
            name,
            "type"
                | "localCandidateId"
                | "remoteCandidateId"
                | "candidateType"
                | "address"
                | "ip"
                | "port"
                | "protocol"
                | "relatedAddress"
                | "relatedPort"
                | "relayProtocol"
                | "url"
                | "usernameFragment"
                | "kind"
                | "mid"
                | "codecId"
        )
    };
    let all = object.iter().filter(|(name, _)| is_kept(name));
    all.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
