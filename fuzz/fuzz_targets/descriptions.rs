//! `cargo +nightly fuzz run descriptions`; what is tried is in `bodies/descriptions.rs`.
#![no_main]

#[path = "../bodies/descriptions.rs"]
mod descriptions;

libfuzzer_sys::fuzz_target!(|input: &[u8]| descriptions::body(input));
