//! Datagrams: `cargo +nightly fuzz run decode`.
#![no_main]

#[allow(dead_code, reason = "shared by all targets")]
#[path = "../../tests/support/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::decode(bytes));
