//! Labels in JSON. It is cut into its tokens here rather than read into a tree, which would put the
//! members of objects into another order.

use crate::ui::redact::labels::Labels;

pub(super) fn redacted(json: &str, labels: &mut Labels) -> String {
    let mut out = String::with_capacity(json.len());
    let mut name = "";
    let mut rest = json;
    while let Some(open) = rest.find('"') {
        let (before, string) = rest.split_at(open);
        let (string, behind) = string.split_at(length(string));
        out.push_str(before);
        rest = behind;
        if behind.trim_start().starts_with(':') {
            name = string;
            out.push_str(string);
        } else {
            out.push_str(&value(string, name == "\"foundation\"", labels));
        }
    }
    out.push_str(rest);
    out
}

/// How long the string is that begins here, with its quotes.
fn length(json: &str) -> usize {
    let mut escaped = true;
    let end = json.bytes().position(|byte| {
        // The first quote opens it.
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 1)
}

fn value(string: &str, is_foundation: bool, labels: &mut Labels) -> String {
    let Ok(text) = serde_json::from_str::<String>(string) else {
        // What is no JSON must not give anything away either.
        return labels.text(string).into_owned();
    };
    let replaced = if is_foundation {
        labels.foundation(&text)
    } else {
        labels.text(&text).into_owned()
    };
    serde_json::Value::String(replaced).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn strings_are_replaced_and_the_rest_stays_as_it_is() {
        let given = json!({
            "address": "203.0.113.5",
            "2001:db8::1": 1.5,
            "foundation": "842163049",
            "list": ["\n203.0.113.5:1", "a \"quoted\" [2001:db8::1]:2\\", "", null, true],
            "sdp": "a=candidate:842163049 1 udp 7 203.0.113.5 4 typ host\r\nb",
            "number": 4.5,
        });
        let wanted = json!({
            "address": "pub1",
            "2001:db8::1": 1.5,
            "foundation": "f1",
            "list": ["\npub1:1", "a \"quoted\" pub6-1:2\\", "", null, true],
            "sdp": "a=candidate:f1 1 udp 7 pub1 4 typ host\r\nb",
            "number": 4.5,
        });
        for text in [
            given.to_string(),
            serde_json::to_string_pretty(&given).expect("JSON"),
        ] {
            let mut labels = Labels::default();
            let shown = redacted(&text, &mut labels);
            let read: Value = serde_json::from_str(&shown).expect("it is JSON still");
            assert_eq!(read, wanted);
            assert_eq!(shown.lines().count(), text.lines().count());
            assert_eq!(redacted(&shown, &mut labels), shown);
        }
    }

    #[test]
    fn what_is_no_json_hides_addresses_too() {
        let mut labels = Labels::default();
        for (text, wanted) in [
            ("\"203.0.113.5", "\"pub1"),
            ("\"\\x 203.0.113.5\" 1", "\"\\x pub1\" 1"),
            ("\"", "\""),
            ("", ""),
        ] {
            assert_eq!(redacted(text, &mut labels), wanted);
        }
    }
}
