//! Values of a document in words.

use serde_json::Value;

/// A text of an object, if it is there.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// A list of an object; empty if it is not there.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// `port_preservation` as "port preservation".
pub(super) fn label(key: &str) -> String {
    let words = key.replace(['_', '-'], " ");
    match key {
        "nat" | "udp" | "alg" | "tcp" | "pcp" => words.to_uppercase(),
        "carrier_nat" => "carrier NAT".to_owned(),
        "double_nat" => "double NAT".to_owned(),
        _ if key.ends_with("_s") => format!("{} (s)", words.trim_end_matches(" s")),
        "nat_pmp" => "NAT-PMP".to_owned(),
        "upnp_igd" => "UPnP IGD".to_owned(),
        "nat64_prefix" => "NAT64 prefix".to_owned(),
        _ => words,
    }
}

/// A number without needless decimals.
pub(super) fn number(value: &Value) -> Option<String> {
    let number = value.as_f64()?;
    Some(if number.fract() == 0.0 || number >= 100.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.1}")
    })
}

/// A time in milliseconds.
pub(super) fn milliseconds(value: &Value) -> String {
    number(value).map_or_else(|| "-".to_owned(), |number| format!("{number} ms"))
}

/// What a fact says: its value, or why there is none.
pub(super) fn fact(fact: &Value) -> String {
    match text(fact, "status") {
        Some("determined") => plain(&fact["value"]),
        Some(status) => match text(fact, "reason") {
            Some(reason) => format!("{}: {}", label(status), label(reason)),
            None => label(status),
        },
        None => plain(fact),
    }
}

/// The value of a fact that is one of several words, if it is determined.
pub(super) fn determined<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    let fact = &of[key];
    let is_determined = text(fact, "status") == Some("determined");
    text(fact, "value").filter(|_| is_determined)
}

/// Whether a value is a fact.
pub(super) fn is_fact(value: &Value) -> bool {
    value.get("status").is_some_and(Value::is_string)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(_) => number(value).unwrap_or_default(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(parts) => {
            let parts = parts
                .iter()
                .map(|(key, value)| format!("{} {}", label(key), plain(value)));
            parts.collect::<Vec<_>>().join(", ")
        }
    }
}

/// An address with its port, as far as a candidate has them.
pub(super) fn endpoint(candidate: &Value) -> String {
    let address = text(candidate, "address").unwrap_or("hidden");
    match candidate["port"].as_u64() {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address.to_owned(),
    }
}

/// A candidate in a few words.
pub(super) fn candidate(candidate: &Value) -> String {
    format!(
        "{} {}",
        text(candidate, "type").unwrap_or("?"),
        endpoint(candidate)
    )
}

/// What an error object says.
pub(super) fn error(error: &Value) -> Option<String> {
    let code = text(error, "code")?;
    Some(match text(error, "message") {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    })
}
