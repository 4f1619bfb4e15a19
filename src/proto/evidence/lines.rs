//! Descriptions, and lines with candidates, as people copy them out of consoles and logs.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as _, Deserializer as _};
use serde_json::Value;

use crate::proto::evidence::account::{Account, Fault, FileKind, Record, Told};
use crate::proto::evidence::events::{add, add_candidate, candidate, describe};
use crate::proto::evidence::{described, each_value, kind};
use crate::proto::sdp::source;

/// Values in one JSON document that are looked at.
const MAX_VALUES: usize = 100_000;

pub fn read(kind: FileKind, text: &str) -> Record {
    let mut record = Record::of(kind);
    let mut account = Account::default();
    if kind::is_json(text) {
        let mut left = MAX_VALUES;
        let fault = each_value(text, |json| {
            json.deserialize_any(Values(&mut account, &mut left))
        });
        record.faults.extend(fault);
    } else if kind == FileKind::Sdp {
        of_sdp(&mut account, text);
    } else {
        of_lines(&mut account, text);
    }
    if account.own.is_empty() && !account.other.is_empty() {
        std::mem::swap(&mut account.own, &mut account.other);
    }
    let is_empty = account.own.is_empty();
    if is_empty && record.faults.is_empty() {
        record.faults.push(Fault::new(
            "the whole file",
            "there is no m-line and no candidate in it",
        ));
    }
    account.is_begun = true;
    if !is_empty {
        record.accounts.push(account);
    }
    if !record.faults.is_empty() {
        record.has_gap();
    }
    record
}

/// One description, or offer and answer one after the other: the first one is this end's.
fn of_sdp(account: &mut Account, text: &str) {
    let mut starts: Vec<usize> = text.match_indices("v=0").map(|(at, _)| at).collect();
    starts.retain(|at| text[..*at].ends_with(['\n', '\r', ' ', '\t']) || *at == 0);
    if starts.first() != Some(&0) && starts.len() < 2 {
        starts = vec![0];
    }
    for (number, at) in starts.iter().enumerate().take(2) {
        let end = starts.get(number + 1).copied().unwrap_or(text.len());
        let told = if number == 0 {
            &mut account.own
        } else {
            &mut account.other
        };
        let mut read = described::read(&text[*at..end]);
        // RFC 8842 5.2: an offer leaves it open, an answer does not.
        read.is_offer = read.setup.as_deref().map(|setup| setup == "actpass");
        add(told, None, read);
    }
}

/// A list value by value, since all of it at once is many times its text; else the one value.
struct Values<'a>(&'a mut Account, &'a mut usize);

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("descriptions or candidates")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<Value>()? {
            walk(self.0, &value, None, self.1);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let value = Value::deserialize(MapAccessDeserializer::new(map))?;
        walk(self.0, &value, None, self.1);
        Ok(())
    }
}

/// Which end an object is of: by its name, or by what came before.
fn walk(account: &mut Account, value: &Value, is_other: Option<bool>, left: &mut usize) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    match value {
        Value::Object(object) => {
            let has = |key: &str| object.get(key).and_then(Value::as_str);
            let is_other = has("side").and_then(side_of).or(is_other);
            if has("sdp").is_some_and(described::is_description) {
                let side = is_other.unwrap_or(!account.own.descriptions.is_empty());
                describe(told(account, side), None, value);
                // Candidates that stand beside it.
                for (key, inner) in object.iter().filter(|(key, _)| *key != "sdp") {
                    walk(account, inner, side_of(key).or(Some(side)), left);
                }
            } else if let Some(line) = has("candidate") {
                let mut ufrag = has("usernameFragment").map(str::to_owned);
                line_of(account, is_other.unwrap_or(false), line, &mut ufrag);
            } else {
                for (key, inner) in object {
                    walk(account, inner, side_of(key).or(is_other), left);
                }
            }
        }
        Value::Array(all) => {
            if let Some(text) = source::of_lines(all) {
                let second = !account.own.descriptions.is_empty();
                let mut read = described::read(&text);
                // RFC 8842 5.2: an offer leaves it open, an answer does not.
                read.is_offer = read.setup.as_deref().map(|setup| setup == "actpass");
                add(told(account, is_other.unwrap_or(second)), None, read);
                return;
            }
            for inner in all {
                walk(account, inner, is_other, left);
            }
        }
        Value::String(text) if text.contains("candidate:") && !text.contains("v=0") => {
            line_of(account, is_other.unwrap_or(false), text, &mut None);
        }
        Value::String(text) if described::is_description(text) => {
            let second = !account.own.descriptions.is_empty();
            let told = told(account, is_other.unwrap_or(second));
            add(told, None, described::read(text));
        }
        _ => {}
    }
}

/// What words say of whose it is: the last of them, which stands nearest to it.
fn side_of(words: &str) -> Option<bool> {
    const OTHER: [&str; 5] = ["remote", "received", "addicecandidate", "answer", "peer"];
    const OWN: [&str; 4] = ["local", "offer", "onicecandidate", "own"];
    // The name of the object is no side.
    let words = words.to_ascii_lowercase().replace("peerconnection", "");
    let last = |of: &[&str]| of.iter().filter_map(|word| words.rfind(word)).max();
    match (last(&OWN), last(&OTHER)) {
        (None, None) => None,
        (own, other) => Some(other > own),
    }
}

fn told(account: &mut Account, is_other: bool) -> &mut Told {
    if is_other {
        &mut account.other
    } else {
        &mut account.own
    }
}

fn line_of(account: &mut Account, is_other: bool, line: &str, ufrag: &mut Option<String>) {
    let mut found = None;
    let at = beginning(line).unwrap_or(0);
    if let Some(read) = candidate(&line[at..], None, &mut found) {
        let told = told(account, is_other);
        told.ufrags.extend(found.or(ufrag.take()));
        add_candidate(told, read);
    }
}

/// Where a candidate begins: the word is a name, too, as in `{candidate: 'candidate:1 ...'}`.
fn beginning(line: &str) -> Option<usize> {
    const WORD: &str = "candidate:";
    let mut all = line.match_indices(WORD).map(|(at, _)| at);
    all.find(|at| {
        let foundation = line[at + WORD.len()..].chars().next();
        foundation.is_some_and(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/')
    })
}

/// A log: each line that has a candidate, whatever stands before and behind it.
fn of_lines(account: &mut Account, text: &str) {
    for line in text.lines() {
        let Some(at) = beginning(line) else {
            continue;
        };
        let is_other = side_of(&line[..at]).unwrap_or(false);
        // In JSON and in quotes it ends with a quote.
        let rest = line[at..]
            .split(['"', '\'', '`', '\\'])
            .next()
            .unwrap_or_default();
        line_of(account, is_other, rest, &mut None);
    }
}
