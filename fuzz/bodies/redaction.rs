//! Any text through `--redact`: an address that stands for itself does not come through, JSON stays JSON, and nothing
//! panics.

use rtcdiag::base::words::{escaped, escaped_in_json, is_invisible};
use rtcdiag::ui::redact::Redaction;

pub fn body(input: &[u8]) {
    const ADDRESS: &str = "203.0.113.77";
    let text = String::from_utf8_lossy(input);
    let redaction = Redaction::new(true);
    let with_address = format!("{text} {ADDRESS} {text}");
    for shown in [
        redaction.text(&with_address),
        redaction.laid_out(&with_address),
    ] {
        assert!(!shown.contains(&format!(" {ADDRESS} ")), "{shown:?}");
    }
    let json = serde_json::json!({"a": text, "address": ADDRESS, "foundation": text}).to_string();
    let shown = redaction.json(&json);
    assert!(!shown.contains(ADDRESS), "{shown}");
    let escaped_json = escaped_in_json(&shown);
    let one: Result<serde_json::Value, _> = serde_json::from_str(&shown);
    let other: Result<serde_json::Value, _> = serde_json::from_str(&escaped_json);
    assert_eq!(one.expect("JSON"), other.expect("JSON"));
    assert!(!escaped_json.chars().any(is_invisible));
    let plain = escaped(&text);
    assert!(
        !plain
            .chars()
            .any(|c| is_invisible(c) || (c.is_control() && c != '\n'))
    );
}
