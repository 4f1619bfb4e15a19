//! The catalogue of what the program can say.

use std::collections::BTreeSet;

use rtcdiag::base::codes::Code;
use rtcdiag::base::codes::catalogue::{self, Kind};
use rtcdiag::base::fact::Reason;
use strum::{IntoEnumIterator as _, VariantArray as _};

/// Scripts look for these: none may go, or change its name.
const STABLE: &str = include_str!("codes.txt");

#[test]
fn no_code_is_lost() {
    let known: BTreeSet<&str> = Code::iter().map(Code::name).collect();
    let lost: Vec<&str> = STABLE
        .lines()
        .filter(|code| !known.contains(code))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn codes_are_read_as_they_are_written() {
    for code in Code::iter() {
        assert_eq!(code.name().parse(), Ok(code));
        assert_eq!(code.to_string(), code.name());
        assert_eq!(serde_json::json!(code), code.name());
    }
}

#[test]
fn every_reason_is_a_code() {
    for reason in Reason::VARIANTS {
        assert_eq!(serde_json::json!(reason), reason.code().name());
    }
}

#[test]
fn every_code_has_meaning_proof_and_remedy() {
    let entries = catalogue::entries();
    let explained: Vec<Code> = entries.iter().map(|entry| entry.code).collect();
    let mut all: Vec<Code> = Code::iter().collect();
    all.sort_by_key(|code| code.name());
    assert_eq!(explained, all, "one entry each");
    for entry in entries {
        let about = entry.code;
        for text in [entry.meaning, entry.proof, entry.remedy] {
            assert!(text.len() > 5, "{about}: {text}");
            assert!(!text.contains("  "), "{about}: {text}");
            assert_eq!(text.matches('`').count() % 2, 0, "{about}: {text}");
        }
        assert!(entry.meaning.ends_with('.'), "{about}: {}", entry.meaning);
    }
}

#[test]
fn entries_say_which_codes_are_reasons() {
    for entry in catalogue::entries() {
        let is_reason = Reason::VARIANTS.iter().any(|r| r.code() == entry.code);
        let says_so = entry.kinds.contains(&Kind::Reason);
        assert_eq!(is_reason, says_so, "{}", entry.code);
    }
}
