//! `cargo +nightly fuzz run mqtt`; what is tried is in `bodies/mqtt.rs`.
#![no_main]

#[path = "../bodies/mqtt.rs"]
mod mqtt;

libfuzzer_sys::fuzz_target!(|input: &[u8]| mqtt::body(input));
