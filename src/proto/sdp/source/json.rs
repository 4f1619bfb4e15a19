//! Descriptions in JSON: `JSON.stringify(description)`, messages of signalling, a dump of webrtc-internals.

use std::str::FromStr as _;

use serde_json::Value;

use super::beside::{self, Beside};
use super::{Found, MOST, Role, SourceError, text};

/// All that JSON has, whether it is one value or one a line.
pub(super) fn find(text: &str, layers: usize) -> Result<Vec<Found>, serde_json::Error> {
    let mut found = Vec::new();
    let mut left = Vec::new();
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    for (index, value) in values.enumerate() {
        match value {
            Ok(value) => left.extend(walk(&value, None, layers, &mut found)),
            // What is behind a value does not undo it.
            Err(_) if index > 0 => break,
            Err(error) => return Err(error),
        }
    }
    beside::give(left, &mut found);
    Ok(found)
}

/// A description as a list of its lines, which is what Firefox's about:webrtc copies.
pub(in crate::proto) fn of_lines(values: &[Value]) -> Option<String> {
    let lines: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let lines = lines?;
    let is_one = |line: &&str| line.is_empty() || line.as_bytes().get(1) == Some(&b'=');
    let begins = lines.first()?.starts_with("v=0");
    (begins && lines.len() > 2 && lines.iter().all(is_one)).then(|| lines.join("\r\n"))
}

pub(super) fn without(text: &str) -> SourceError {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.get("candidate").is_some() => SourceError::Candidate,
        _ => SourceError::JsonWithout,
    }
}

/// The parser itself limits how deep a value is. What comes back are candidates that no description was
/// found for.
fn walk(value: &Value, role: Option<Role>, layers: usize, found: &mut Vec<Found>) -> Vec<Beside> {
    if found.len() >= MOST {
        return Vec::new();
    }
    let mut left = Vec::new();
    let first = found.len();
    match value {
        Value::String(text) => {
            left.extend(Beside::of_line(text));
            string(text, role, layers, found);
        }
        Value::Array(values) => {
            if let Some(text) = of_lines(values) {
                string(&text, role, layers, found);
                return Vec::new();
            }
            for value in values {
                left.append(&mut walk(value, role, layers, found));
            }
        }
        Value::Object(object) => {
            let is_more = object.contains_key("sdp");
            if let Some(candidate) = Beside::of_object(object).filter(|_| !is_more) {
                return vec![candidate];
            }
            let own = object.get("type").and_then(Value::as_str);
            let own = own.and_then(|name| Role::from_str(name).ok());
            for (key, value) in object {
                let by_key = Role::from_str(key).ok();
                left.append(&mut walk(value, by_key.or(own).or(role), layers, found));
            }
        }
        _ => {}
    }
    beside::give(left, &mut found[first..])
}

fn string(text: &str, role: Option<Role>, layers: usize, found: &mut Vec<Found>) {
    let trimmed = text.trim_start();
    if trimmed.starts_with("v=0") || trimmed.starts_with("v=1") {
        found.push(Found {
            text: text.to_owned(),
            first: 1,
            role,
            is_exact: true,
            beside: Vec::new(),
        });
        return;
    }
    if layers == 0 {
        return;
    }
    if trimmed.starts_with(['{', '[', '"']) {
        if let Ok(inner) = find(trimmed, layers - 1) {
            found.extend(inner);
        }
    } else if text.contains("sdp: v=0") {
        // How webrtc-internals writes a description in some versions.
        let inner = text::find(text).into_iter();
        found.extend(inner.map(|found| Found {
            role: found.role.or(role),
            is_exact: true,
            ..found
        }));
    } else if let Some(decoded) = text::of_base64(trimmed)
        && let Ok(inner) = super::find(&decoded, layers - 1)
    {
        found.extend(inner.into_iter().map(|found| Found {
            role: found.role.or(role),
            ..found
        }));
    }
}
