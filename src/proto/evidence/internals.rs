//! The download of `chrome://webrtc-internals`: one JSON document.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::words::printable;
use crate::proto::evidence::account::{Account, DAMAGED, Fault, FileKind, Record, StateKind};
use crate::proto::evidence::events;
use crate::proto::evidence::samples::{Members, Series, moment};
use crate::proto::evidence::wall_clock::WallClock;
use crate::proto::evidence::{MAX_ACCOUNTS, configuration};

pub fn read(text: &str) -> Record {
    let mut record = Record::of(FileKind::WebrtcInternals);
    let mut json = serde_json::Deserializer::from_str(text);
    let outcome = json
        .deserialize_map(Whole(&mut record))
        .and_then(|()| json.end());
    if let Err(error) = outcome {
        record.faults.push(Fault::of_json(&error));
    }
    for account in &mut record.accounts {
        finish(account);
        // The page has closed connections no more: this one stood as it was until the file was saved.
        let is_open = account.reached(StateKind::Closed, &["closed"]).is_none();
        if is_open && !account.is_of_wall_clock {
            account.ended = account
                .ended
                .zip(record.captured_at)
                .map_or(account.ended, |(ended, saved)| Some(ended.max(saved)));
        }
    }
    let bare = take_bare(&mut record);
    if record.accounts.is_empty() && record.faults.is_empty() {
        record.faults = no_call("PeerConnections", bare);
    }
    record
}

/// Takes out connections in which nothing was begun. One that could not begin is a call of its own.
pub fn take_bare(record: &mut Record) -> Vec<Account> {
    let is_call = |account: &Account| {
        account.is_begun || !account.pairs.is_empty() || !account.failures.is_empty()
    };
    let all = std::mem::take(&mut record.accounts).into_iter();
    let (calls, bare) = all.partition(is_call);
    record.accounts = calls;
    bare
}

/// Why a dump has no call: what is known of the connections in it, those that had a state first.
pub fn no_call(place: &str, mut bare: Vec<Account>) -> Vec<Fault> {
    /// Connections that are told of.
    const MOST: usize = 5;
    if bare.is_empty() {
        return vec![Fault::new(
            place,
            "no PeerConnection in it: open the page before the call, and save before the call is closed",
        )];
    }
    let has_state = |account: &Account| !ice_states(account).is_empty();
    bare.sort_by_key(|account| !has_state(account));
    bare.iter()
        .take(MOST)
        .map(|account| {
            let label = account.label.as_deref().unwrap_or(place);
            let told = told_of(account);
            Fault {
                is_bare_connection: told.is_none(),
                ..Fault::new(
                    label,
                    format!(
                        "a PeerConnection without a description{}",
                        told.as_deref()
                            .unwrap_or(": neither an offer nor an answer was set in it")
                    ),
                )
            }
        })
        .collect()
}

fn ice_states(account: &Account) -> Vec<&str> {
    let of_kind = |kind| {
        let all = account
            .changes
            .iter()
            .filter(move |change| change.kind == kind);
        all.map(|change| change.value.as_str())
    };
    let ice: Vec<&str> = of_kind(StateKind::Ice).collect();
    if ice.is_empty() {
        return of_kind(StateKind::Connection).collect();
    }
    ice
}

/// What a connection without a description tells all the same, if it does.
fn told_of(account: &Account) -> Option<String> {
    let states = ice_states(account);
    if states.is_empty() {
        return None;
    }
    // Some come and go for hours.
    let last = &states[states.len().saturating_sub(4)..];
    Some(format!(
        ", though it was {}: the events that set its descriptions are not in the file",
        last.join(", then ")
    ))
}

/// States that come as events; others are from statistics.
const EVENTS: [StateKind; 4] = [
    StateKind::Signaling,
    StateKind::Gathering,
    StateKind::Ice,
    StateKind::Connection,
];

/// What can be told when all is read.
pub fn finish(account: &mut Account) {
    account.has_events = account.gap.is_none();
    // Descriptions and the present states, all stamped with the moment of opening: they are what there
    // was then, and no event.
    let described = |told: &super::Told| told.descriptions.first().and_then(|(at, _)| *at);
    let times = (described(&account.own), described(&account.other));
    let no_candidate = account
        .own
        .candidates
        .iter()
        .all(|c| !c.is_signalled || c.at == times.0)
        && account
            .other
            .candidates
            .iter()
            .all(|c| !c.is_signalled || c.at == times.1);
    let mut states = account
        .changes
        .iter()
        .filter(|change| EVENTS.contains(&change.kind));
    let first_state = states.find_map(|change| change.at);
    let is_one_moment = matches!(times, (Some(a), Some(b)) if (a - b).abs() < 2.0);
    account.is_late = is_one_moment
        && no_candidate
        && first_state.is_none_or(|at| {
            times
                .0
                .is_some_and(|described| (at - described).abs() < 2.0)
        });
    if account.is_late {
        account.has_events = false;
    }
}

struct Whole<'r>(&'r mut Record);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a dump of webrtc-internals")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "PeerConnections" => map.next_value_seed(Connections(&mut *self.0))?,
                "UserAgent" => {
                    let agent: Value = map.next_value()?;
                    self.0.agent = agent.as_str().map(printable);
                }
                "timestamp" => {
                    let at: Value = map.next_value()?;
                    self.0.captured_at = moment(&at);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// `PeerConnections`: what was read of a connection stays, even if the document ends in it.
struct Connections<'r>(&'r mut Record);

impl<'de> DeserializeSeed<'de> for Connections<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Connections<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connections by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(label) = map.next_key::<String>()? {
            if self.0.accounts.len() >= MAX_ACCOUNTS {
                return Err(A::Error::custom("more connections than anybody has"));
            }
            let mut account = Account {
                label: Some(printable(&label)),
                ..Account::default()
            };
            let mut parts = Parts::default();
            let outcome = map.next_value_seed(Connection(&mut account, &mut parts));
            let Parts { members, clock } = parts;
            if clock.is_some() {
                account.is_of_wall_clock = true;
                account.set_to(members.first_moment());
            }
            members.play(&mut account);
            account.gap = outcome.is_err().then(|| DAMAGED.to_owned());
            self.0.accounts.push(account);
            outcome?;
        }
        Ok(())
    }
}

/// What is needed until a connection is read.
#[derive(Default)]
struct Parts {
    members: Members,
    /// Of events whose times have no zone.
    clock: Option<WallClock>,
}

struct Connection<'r>(&'r mut Account, &'r mut Parts);

impl<'de> DeserializeSeed<'de> for Connection<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Connection<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a connection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "rtcConfiguration" => configuration::read(self.0, &map.next_value()?),
                "stats" => map.next_value_seed(Stats(&mut self.1.members))?,
                "updateLog" => map.next_value_seed(Log(&mut *self.0, &mut self.1.clock))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Stats<'r>(&'r mut Members);

impl<'de> DeserializeSeed<'de> for Stats<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Stats<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("series by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            // One that is of another form is left out, not the whole for it.
            let raw: &RawValue = map.next_value()?;
            if let Ok(series) = serde_json::from_str::<Series<'_>>(raw.get()) {
                self.0.add(&key, &series);
            }
        }
        Ok(())
    }
}

/// `updateLog`.
struct Log<'r>(&'r mut Account, &'r mut Option<WallClock>);

impl<'de> DeserializeSeed<'de> for Log<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Log<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(entry) = seq.next_element::<Value>()? {
            let times = || ["timestamp", "time"].map(|key| &entry[key]);
            let known = times().into_iter().find_map(moment);
            let mut texts = times().into_iter().filter_map(Value::as_str);
            let at = known.or_else(|| {
                let text = texts.next()?;
                self.1.get_or_insert_default().read(text)
            });
            let Some(name) = entry["type"].as_str() else {
                continue;
            };
            events::apply(self.0, at, name, &value_of(&entry["value"]));
        }
        Ok(())
    }
}

/// Values are JSON in strings, or text in older versions.
fn value_of(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        other => other.clone(),
    }
}
