//! `cargo +nightly fuzz run turn_server`; what is tried is in `bodies/turn_server.rs`.
#![no_main]

#[path = "../bodies/turn_server.rs"]
mod turn_server;

libfuzzer_sys::fuzz_target!(|input: &[u8]| turn_server::body(input));
