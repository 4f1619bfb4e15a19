//! `cargo +nightly fuzz run sdp`; what is tried is in `bodies/sdp.rs`.
#![no_main]

#[path = "../bodies/sdp.rs"]
mod sdp;

libfuzzer_sys::fuzz_target!(|input: &[u8]| sdp::body(input));
