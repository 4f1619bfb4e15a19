//! `cargo +nightly fuzz run redaction`; what is tried is in `bodies/redaction.rs`.
#![no_main]

#[path = "../bodies/redaction.rs"]
mod redaction;

libfuzzer_sys::fuzz_target!(|input: &[u8]| redaction::body(input));
