//! Candidate lines (RFC 8839 5.1): `cargo +nightly fuzz run candidate`.
//!
//! What is accepted is one of the grammar, and is the same after being written and read again.
#![no_main]

use rtcdiag::proto::ice::candidate::Candidate;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(candidate) = text.parse::<Candidate>() else {
        return;
    };
    assert!((1..=32).contains(&candidate.foundation.len()));
    assert!((1..=256).contains(&candidate.component));
    assert!((1..=0x7fff_ffff).contains(&candidate.priority));
    let line = candidate.to_string();
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert_eq!(line.parse().as_ref(), Ok(&candidate), "{line}");
    assert_eq!(format!("a={line}").parse(), Ok(candidate), "{line}");
});
