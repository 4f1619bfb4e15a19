//! `cargo +nightly fuzz run evidence`; what is tried is in `bodies/evidence.rs`.
#![no_main]

#[path = "../bodies/evidence.rs"]
mod evidence;

libfuzzer_sys::fuzz_target!(|input: &[u8]| evidence::body(input));
