//! Calls of two real browsers in which signalling went wrong, in the ways that are known: each end alone, and both.

use rtcdiag::proto::evidence::Record;

use super::named;
use super::truth::{judged_call, record};

const DUMP: &str = "webrtc_internals_dump.gz";
const LINES: &str = "rtcstats_dump.gz";

/// What is right to say of files of these ends.
struct Case {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    causes: &'static [(&'static str, &'static str)],
    words: &'static str,
}

const fn case(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    causes: &'static [(&'static str, &'static str)],
    words: &'static str,
) -> Case {
    Case {
        name,
        files,
        causes,
        words,
    }
}

const UNKNOWN: &[(&str, &str)] = &[("unknown", "between")];
const GLARE: &[(&str, &str)] = &[("description-failed", "between")];

const CASES: &[Case] = &[
    // Both offered at once, each gave way, and both answered.
    case("21-glare", &[("a", DUMP)], GLARE, "glare"),
    case("21-glare", &[("b", LINES)], GLARE, "glare"),
    case("21-glare", &[("a", DUMP), ("b", DUMP)], GLARE, "glare"),
    // The candidates of B never came to A.
    case(
        "22-candidates-lost",
        &[("a", DUMP)],
        UNKNOWN,
        "no candidate of the other side came to this side",
    ),
    case(
        "22-candidates-lost",
        &[("a", LINES)],
        UNKNOWN,
        "no address of the other side",
    ),
    case(
        "22-candidates-lost",
        &[("b", DUMP)],
        UNKNOWN,
        "got no answer",
    ),
    case(
        "22-candidates-lost",
        &[("b", DUMP), ("a", DUMP)],
        &[("candidates-lost", "between")],
        "this side told 2 candidates, and none came to the other side",
    ),
    // B answered, and the answer never came to A.
    case(
        "23-answer-lost",
        &[("a", DUMP)],
        &[("no-answer", "between")],
        "no answer came to the offer of this side",
    ),
    case(
        "23-answer-lost",
        &[("a", LINES)],
        UNKNOWN,
        "no answer is in it",
    ),
    case("23-answer-lost", &[("b", DUMP)], UNKNOWN, "got no answer"),
    case(
        "23-answer-lost",
        &[("a", DUMP), ("b", DUMP)],
        &[("no-answer", "between")],
        "it was lost in signalling",
    ),
    // Saved a second after the offer.
    case(
        "26-saved-early",
        &[("a", DUMP)],
        UNKNOWN,
        "after the offer, and no answer is in it",
    ),
    case(
        "26-saved-early",
        &[("b", DUMP)],
        UNKNOWN,
        "after the offer came, and no answer is in it",
    ),
    case(
        "26-saved-early",
        &[("a", DUMP), ("b", LINES)],
        UNKNOWN,
        "no answer is in it",
    ),
];

#[test]
fn what_went_wrong_in_signalling_is_said_of_it() {
    for case in CASES {
        let what = format!("{} {:?}", case.name, case.files);
        let records: Vec<Record> = case
            .files
            .iter()
            .map(|(end, file)| record(case.name, end, file).expect("it is there"))
            .collect();
        let call = judged_call(&what, records).expect("a call");
        let found = named(&call.causes);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(code, side)| (code.as_str(), side.as_str()))
            .collect();
        assert_eq!(found, case.causes, "{what}");
        let message = &call.causes[0].message;
        assert!(message.contains(case.words), "{what}: {message}");
    }
}
