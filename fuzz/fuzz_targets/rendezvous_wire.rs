//! `cargo +nightly fuzz run rendezvous_wire`; what is tried is in `bodies/rendezvous_wire.rs`.
#![no_main]

#[path = "../bodies/rendezvous_wire.rs"]
mod rendezvous_wire;

libfuzzer_sys::fuzz_target!(|input: &[u8]| rendezvous_wire::body(input));
