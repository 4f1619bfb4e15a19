//! `cargo +nightly fuzz run session`; what is tried is in `bodies/session.rs`.
#![no_main]

#[path = "../bodies/session.rs"]
mod session;

libfuzzer_sys::fuzz_target!(|input: &[u8]| session::body(input));
