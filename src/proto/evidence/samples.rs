//! The flat statistics of a webrtc-internals dump: a series of samples for each member of each object.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::proto::evidence::account::Account;
use crate::proto::evidence::stats::{StatsBook, is_member_of_use, is_of_use};

/// One series, as it stands in the dump. The names are Chrome's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series<'a> {
    #[serde(borrow, default)]
    pub start_time: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    pub stats_type: Option<std::borrow::Cow<'a, str>>,
    /// An array of JSON in a string.
    #[serde(borrow, default)]
    pub values: std::borrow::Cow<'a, str>,
}

/// A member's samples, and when the first one was.
#[derive(Debug, Default)]
struct Samples {
    begins: Option<f64>,
    values: Vec<Value>,
}

/// Members of all objects of one connection.
#[derive(Debug, Default)]
pub struct Members {
    objects: HashMap<String, BTreeMap<String, Samples>>,
    order: Vec<String>,
}

/// The object and the member that a key names. Members that the page made are in brackets, and object
/// names may have dashes.
pub fn split(key: &str) -> Option<(&str, &str)> {
    if key.ends_with(']')
        && let Some(at) = key.find("-[")
    {
        return Some((&key[..at], &key[at + 1..]));
    }
    key.rsplit_once('-')
}

impl Members {
    /// Takes in a series, if it is of use.
    pub fn add(&mut self, key: &str, series: &Series<'_>) {
        let Some((id, member)) = split(key) else {
            return;
        };
        let kind = series.stats_type.as_deref();
        if !is_member_of_use(member) || kind.is_some_and(|kind| !is_of_use(kind)) {
            return;
        }
        let Ok(mut values) = serde_json::from_str::<Vec<Value>>(&series.values) else {
            return;
        };
        // What stays the same needs no memory of each second.
        if is_fixed(member) {
            values = values.pop().into_iter().collect();
        }
        values.shrink_to_fit();
        if !self.objects.contains_key(id) {
            self.order.push(id.to_owned());
        }
        let members = self.objects.entry(id.to_owned()).or_default();
        if let Some(kind) = kind {
            members.entry("type".to_owned()).or_insert_with(|| Samples {
                begins: None,
                values: vec![Value::from(kind)],
            });
        }
        let begins = milliseconds(&series.start_time);
        members.insert(member.to_owned(), Samples { begins, values });
    }

    /// When the first sample of all was taken.
    pub fn first_moment(&self) -> Option<f64> {
        let times = self.objects.values().filter_map(|members| {
            let all = &members.get("timestamp")?.values;
            all.iter().find_map(Value::as_f64)
        });
        times.filter(|at| *at > 1e12).reduce(f64::min)
    }

    /// Plays the samples in the order of time.
    pub fn play(mut self, account: &mut Account) {
        let mut book = StatsBook::default();
        for id in self.order {
            if let Some(members) = self.objects.remove(&id) {
                play_object(&mut book, account, &id, members);
            }
        }
        book.close(account);
    }
}

/// Members that are told with each sample and do not change.
fn is_fixed(member: &str) -> bool {
    !matches!(
        member,
        "timestamp"
            | "state"
            | "nominated"
            | "requestsSent"
            | "responsesReceived"
            | "requestsReceived"
            | "responsesSent"
            | "consentRequestsSent"
            | "bytesSent"
            | "bytesReceived"
            | "currentRoundTripTime"
            | "lastPacketReceivedTimestamp"
            | "selectedCandidatePairId"
            | "dtlsState"
            | "iceState"
    )
}

fn play_object(
    book: &mut StatsBook,
    account: &mut Account,
    id: &str,
    mut members: BTreeMap<String, Samples>,
) {
    let times: Vec<f64> = members
        .remove("timestamp")
        .map(|samples| samples.values.iter().filter_map(Value::as_f64).collect())
        .unwrap_or_default();
    let (fixed, moving): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|(_, samples)| samples.values.len() == 1);
    let mut object: Map<String, Value> = Map::new();
    for (member, mut samples) in fixed {
        object.extend(samples.values.pop().map(|value| (member, value)));
    }
    // Each series begins when the member first has a value, and none says which samples it lacks.
    let count = moving
        .iter()
        .map(|(_, s)| s.values.len())
        .max()
        .unwrap_or(0);
    let count = count.max(times.len()).max(1);
    let begins: Vec<usize> = moving
        .iter()
        .map(|(_, s)| begin(&times, s, count))
        .collect();
    let is_single = matches!(
        object.get("type").and_then(Value::as_str),
        Some("local-candidate" | "remote-candidate" | "certificate" | "codec")
    );
    // The first moment is when it was first seen.
    let first = times.first().copied();
    if is_single {
        for (member, samples) in moving {
            object.extend(
                samples
                    .values
                    .into_iter()
                    .next_back()
                    .map(|value| (member, value)),
            );
        }
        account.saw(times.last().copied());
        return book.see(account, first, id, &object);
    }
    let mut moving = moving;
    for index in 0..count {
        for ((member, samples), begin) in moving.iter_mut().zip(&begins) {
            let value = index
                .checked_sub(*begin)
                .and_then(|at| samples.values.get_mut(at));
            match value {
                Some(value) => drop(object.insert(member.clone(), value.take())),
                None => drop(object.remove(member.as_str())),
            }
        }
        book.see(account, times.get(index).copied(), id, &object);
    }
}

/// Times of series are those at which the page asked, some milliseconds after those of the samples.
const NEAR_MS: f64 = 500.0;

/// The sample that a series begins with: by its time; else, since all end together, by its length.
fn begin(times: &[f64], samples: &Samples, count: usize) -> usize {
    let by_end = count.saturating_sub(samples.values.len());
    let Some(begins) = samples.begins else {
        return by_end;
    };
    let near = times
        .iter()
        .position(|time| (time - begins).abs() < NEAR_MS);
    near.unwrap_or(by_end)
}

/// The time of an event: a number, or text with it, or RFC 3339. Older dumps have the local time in the
/// words of a language, to the second: its zone is not told, and statistics beside it are in UTC, so it
/// is no time to reckon with.
pub fn moment(value: &Value) -> Option<f64> {
    let of_text = |text: &str| {
        let number = text.trim().parse().ok();
        // From 1973 to 5138: anything else is no time in milliseconds.
        number
            .or_else(|| milliseconds(text))
            .filter(|at| (1e11..1e14).contains(at))
    };
    value.as_f64().or_else(|| of_text(value.as_str()?))
}

/// RFC 3339 in UTC, as JavaScript writes it, in milliseconds since 1970.
pub fn milliseconds(text: &str) -> Option<f64> {
    let text = text.trim().strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.splitn(3, ':');
    let (hours, minutes) = (
        time.next()?.parse::<f64>().ok()?,
        time.next()?.parse::<f64>().ok()?,
    );
    let seconds: f64 = time.next()?.parse().ok()?;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 in the Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    #[expect(clippy::cast_precision_loss, reason = "days of some thousand years")]
    let days = days as f64;
    Some((days * 86_400.0 + hours * 3600.0 + minutes * 60.0 + seconds) * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split_where_the_member_begins() {
        for (key, id, member) in [
            ("CPa_b-requestsSent", "CPa_b", "requestsSent"),
            (
                "IT01V1088846475-[framesReceived-framesDecoded-framesDropped]",
                "IT01V1088846475",
                "[framesReceived-framesDecoded-framesDropped]",
            ),
            ("COT01_96_a-b=1-mimeType", "COT01_96_a-b=1", "mimeType"),
            ("CPx-[bytesSent_in_bits/s]", "CPx", "[bytesSent_in_bits/s]"),
        ] {
            assert_eq!(split(key), Some((id, member)));
        }
        assert_eq!(split("nothing"), None);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", 0.0),
            ("2026-11-29T02:06:12.892Z", 1_795_917_972_892.0),
            ("2000-02-29T12:00:00.5Z", 951_825_600_500.0),
        ] {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
        }
        for (value, expected) in [
            (Value::from(5.5), Some(5.5)),
            (Value::from("1795917972892.5"), Some(1_795_917_972_892.5)),
            (
                Value::from("2026-11-29T02:06:12.892Z"),
                Some(1_795_917_972_892.0),
            ),
            (Value::from("11/29/2026, 2:06:12 AM"), None),
            (Value::from("29.11.2026, 02:06:12"), None),
            (Value::from("2026-11-29Tnan:06:12Z"), None),
            (Value::from("NaN"), None),
            (Value::from("30"), None),
            (Value::Null, None),
        ] {
            assert_eq!(moment(&value), expected, "{value}");
        }
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-11-29 02:06:12",
        ] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
