//! `cargo +nightly fuzz run media`; what is tried is in `bodies/media.rs`.
#![no_main]

#[path = "../bodies/media.rs"]
mod media;

libfuzzer_sys::fuzz_target!(|input: &[u8]| media::body(input));
