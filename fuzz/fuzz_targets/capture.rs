//! `cargo +nightly fuzz run capture`; what is tried is in `bodies/capture.rs`.
#![no_main]

#[path = "../bodies/capture.rs"]
mod capture;

libfuzzer_sys::fuzz_target!(|input: &[u8]| capture::body(input));
