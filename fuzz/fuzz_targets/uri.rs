//! Server URIs: `cargo +nightly fuzz run uri`.
#![no_main]

#[allow(dead_code, reason = "shared by all targets")]
#[path = "../../tests/support/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::uri(text));
