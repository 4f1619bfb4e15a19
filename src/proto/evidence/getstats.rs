//! What `getStats()` gave, as people save it: an array, a map by id, lists of pairs, and any of these
//! for several moments or several connections.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::base::words::printable;
use crate::proto::evidence::account::{Account, Fault, FileKind, Record};
use crate::proto::evidence::stats::{Object, StatsBook, is_member_of_use, is_of_use};
use crate::proto::evidence::{MAX_ACCOUNTS, each_value};

pub fn read(text: &str) -> Record {
    let mut record = Record::of(FileKind::Getstats);
    let mut walk = Walk::default();
    let fault = each_value(text, |json| {
        let node = Node {
            walk: &mut walk,
            key: None,
            group: String::new(),
        };
        node.deserialize(json).map(drop)
    });
    record.faults.extend(fault);
    let mut is_partial = false;
    for label in walk.order {
        let Some((mut account, book)) = walk.open.remove(&label) else {
            continue;
        };
        book.close(&mut account);
        let has_nothing = account.own.is_empty() && account.other.is_empty();
        if has_nothing && account.pairs.is_empty() && account.dtls.state.is_none() {
            is_partial = true;
            continue;
        }
        account.is_begun = true;
        account.label = (!label.is_empty()).then(|| printable(&label));
        record.captured_at = record.captured_at.or(account.ended);
        record.accounts.push(account);
    }
    if !record.faults.is_empty() {
        record.has_gap();
    }
    if record.accounts.is_empty() && record.faults.is_empty() {
        let message = if is_partial {
            "there is no candidate and no transport among the statistics: save the whole report of getStats, not a part of it"
        } else {
            "there are no statistics of a connection in it"
        };
        record.faults.push(Fault::new("the whole file", message));
    }
    record
}

/// What was found so far, by connection.
#[derive(Default)]
struct Walk {
    open: HashMap<String, (Account, StatsBook)>,
    order: Vec<String>,
}

impl Walk {
    fn found(&mut self, group: &str, id: &str, object: &Object) {
        if !self.open.contains_key(group) {
            if self.open.len() >= MAX_ACCOUNTS {
                return;
            }
            self.order.push(group.to_owned());
        }
        let (account, book) = self.open.entry(group.to_owned()).or_default();
        let at = object.get("timestamp").and_then(Value::as_f64);
        book.see(account, at.filter(|at| *at > 1e11), id, object);
    }
}

/// A value somewhere in the document.
struct Node<'w> {
    walk: &'w mut Walk,
    /// What it is called in the object around it.
    key: Option<String>,
    /// The connection that it is of.
    group: String,
}

impl Node<'_> {
    /// The connection that what is in it is of: a name that is no time and no word for "statistics".
    fn inner_group(&self) -> String {
        match self.key.as_deref().filter(|key| is_name(key)) {
            Some(key) if self.group.is_empty() => key.to_owned(),
            Some(key) => format!("{} {key}", self.group),
            None => self.group.clone(),
        }
    }
}

/// What a value was: a scalar is given back to the object around it.
enum Met {
    Scalar(Value),
    Other,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Met;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Met, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Met;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("statistics")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Met, E> {
        Ok(Met::Scalar(Value::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Met, E> {
        Ok(Met::Scalar(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Met, E> {
        Ok(Met::Scalar(Value::from(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Met, E> {
        Ok(Met::Scalar(
            Number::from_f64(value).map_or(Value::Null, Value::Number),
        ))
    }

    fn visit_unit<E>(self) -> Result<Met, E> {
        Ok(Met::Scalar(Value::Null))
    }

    fn visit_str<E>(self, value: &str) -> Result<Met, E> {
        // Texts that are a report themselves are rare; long ones are certificates.
        const LONGEST: usize = 512;
        let text = if value.len() > LONGEST { "" } else { value };
        Ok(Met::Scalar(Value::from(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Met, A::Error> {
        // `["id", {...}]`, as a map is written by some.
        let mut name: Option<String> = None;
        let group = self.inner_group();
        loop {
            let node = Node {
                walk: &mut *self.walk,
                key: name.take(),
                group: group.clone(),
            };
            match seq.next_element_seed(node)? {
                None => return Ok(Met::Other),
                Some(Met::Scalar(Value::String(text))) => name = Some(text),
                Some(_) => {}
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Met, A::Error> {
        let mut object: Object = Map::new();
        let group = self.inner_group();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let node = Node {
                walk: &mut *self.walk,
                key: Some(key.clone().into_owned()),
                group: group.clone(),
            };
            if let Met::Scalar(value) = map.next_value_seed(node)?
                && (is_member_of_use(&key) || key == "id")
            {
                if object.len() > 200 {
                    return Err(A::Error::custom(
                        "an object with more members than there are",
                    ));
                }
                object.insert(key.into_owned(), value);
            }
        }
        let kind = object
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if is_of_use(kind) {
            let id = object.get("id").and_then(Value::as_str).map(str::to_owned);
            if let Some(id) = id.or(self.key) {
                self.walk.found(&self.group, &id, &object);
            }
        }
        Ok(Met::Other)
    }
}

/// Whether a key names a connection: not a time, not an id of an object (which has a type, and is not
/// asked), not a word that says what is in it.
fn is_name(key: &str) -> bool {
    const GENERIC: [&str; 12] = [
        "stats",
        "report",
        "reports",
        "values",
        "samples",
        "data",
        "getstats",
        "statsreport",
        "result",
        "results",
        "entries",
        "statistics",
    ];
    let is_time = key.starts_with(|c: char| c.is_ascii_digit());
    !is_time && !GENERIC.contains(&key.to_ascii_lowercase().as_str())
}
