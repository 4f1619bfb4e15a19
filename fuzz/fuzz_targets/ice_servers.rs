//! The JSON of iceServers: `cargo +nightly fuzz run ice_servers`.
#![no_main]

#[allow(dead_code, reason = "shared by all targets")]
#[path = "../../tests/support/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::ice_servers(text));
