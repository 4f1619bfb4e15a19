//! The shared evidence: nine calls of Chromium behind known NATs. Every form of every end alone, and
//! both together, must name the right cause, or say that it is not known; never a false one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rtcdiag::proto::evidence::facts::JudgedCall;
use rtcdiag::proto::evidence::facts::standing::Standing;
use rtcdiag::proto::evidence::{self, Record, gzip};
use rtcdiag::proto::ice::causes::Way;
use serde_json::Value;

use super::{judged, named};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence")
}

pub fn truth() -> Value {
    let text = fs::read_to_string(folder().join("truth.json")).expect("it is there");
    serde_json::from_str(&text).expect("JSON")
}

pub fn record(case: &str, end: &str, file: &str) -> Option<Record> {
    let path = folder().join(case).join(end).join(file);
    let packed = fs::read(path).ok()?;
    let (bytes, error) = gzip::unpack(&packed);
    assert_eq!(error, None, "{case} {end} {file}");
    Some(evidence::read(&bytes))
}

/// Forms that have everything.
const DUMPS: [&str; 2] = ["webrtc_internals_dump.gz", "rtcstats_dump.gz"];

/// What is right to say of a case, of ends that are "a", "b" or "both": codes with their sides, and
/// those that must be among them. Sides are local and remote as seen from the first file.
fn expected(truth: &Value, ends: &[&str]) -> (BTreeSet<(String, String)>, Vec<String>) {
    let first = ends[0];
    let mut right = BTreeSet::new();
    let mut needed = Vec::new();
    for key in ["cause", "problem"] {
        let Some(code) = truth[key]["code"].as_str() else {
            continue;
        };
        // The words of the lab and those of the contract.
        let code = match code {
            "private-relayed-address" => "relay-address-private",
            "dtls-fingerprint-mismatch" => "dtls-failed",
            "network-loss" => "path-lost",
            other => other,
        };
        let side = match truth[key]["side"].as_str().expect("a side") {
            "both" => "both",
            "between" => "between",
            side if side == first => "local",
            _ => "remote",
        };
        right.insert((code.to_owned(), side.to_owned()));
        needed.push(code.to_owned());
        // Whose router it was is not told by dumps, and one end does not know whose fault it is.
        if ["path-lost", "dtls-failed"].contains(&code) {
            right.insert((code.to_owned(), "between".to_owned()));
        }
        // A capture has this end's relay, and of the other one's nothing where no packet came from it.
        if code == "relay-address-private" && ends.len() == 1 {
            right.insert((code.to_owned(), "local".to_owned()));
        }
        // A TURN server on either side would do: each end speaks of itself.
        if code == "no-turn-server" {
            right.insert((code.to_owned(), "both".to_owned()));
            right.insert((code.to_owned(), "local".to_owned()));
            right.insert((code.to_owned(), "remote".to_owned()));
        }
    }
    if needed.contains(&"no-ice-servers".to_owned()) {
        right.insert(("hidden-addresses".to_owned(), "both".to_owned()));
        right.insert(("no-turn-server".to_owned(), "both".to_owned()));
        right.insert(("no-turn-server".to_owned(), "local".to_owned()));
        needed.push("hidden-addresses".to_owned());
    }
    (right, needed)
}

/// The one call of files; none if they have no connection in them.
pub fn judged_call(what: &str, records: Vec<Record>) -> Option<JudgedCall> {
    let mut calls = judged(records);
    assert!(calls.len() < 2, "{what}: the files are of one call");
    calls.pop()
}

/// Causes that are named of a call, and those that are false.
fn check(case: &str, truth: &Value, ends: &[&str], records: Vec<Record>) -> bool {
    let what = format!("{case} {ends:?}");
    let calls = judged(records);
    assert_eq!(calls.len(), 1, "{what}: the files are of one call");
    is_right(&what, truth, ends, &calls[0])
}

pub fn is_right(what: &str, truth: &Value, ends: &[&str], call: &JudgedCall) -> bool {
    let (right, needed) = expected(truth, ends);
    let mut said = named(&call.causes);
    said.extend(named(&call.relay_causes));
    said.retain(|(code, _)| code != "unknown");
    for cause in &said {
        assert!(
            right.contains(cause),
            "{what}: {cause:?} is false; right are {right:?}"
        );
    }
    let found: BTreeSet<&str> = said.iter().map(|(code, _)| code.as_str()).collect();
    // Of the cause and what was wrong beside it, one at least.
    needed.is_empty() || needed.iter().any(|code| found.contains(code.as_str()))
}

#[test]
fn both_ends_name_every_cause() {
    for (case, truth) in truth().as_object().expect("cases") {
        for one in DUMPS {
            for two in DUMPS {
                for ends in [["a", "b"], ["b", "a"]] {
                    let records = vec![
                        record(case, ends[0], one).expect("it is there"),
                        record(case, ends[1], two).expect("it is there"),
                    ];
                    assert!(
                        check(case, truth, &ends, records),
                        "{case} {one} {two} {ends:?}"
                    );
                }
            }
        }
    }
}

/// B alone in 06 knows that A told no public address, not why.
#[test]
fn one_end_names_most_causes_and_none_falsely() {
    let mut right = 0;
    let mut all = 0;
    for (case, truth) in truth().as_object().expect("cases") {
        for dump in DUMPS {
            for end in ["a", "b"] {
                all += 1;
                let records = vec![record(case, end, dump).expect("it is there")];
                let is_right = check(case, truth, &[end], records);
                right += usize::from(is_right);
                assert!(
                    is_right || (case.as_str(), end) == ("06-udp-blocked-tcp-turn", "b"),
                    "{case} {end} {dump}"
                );
            }
        }
    }
    assert!(right * 10 >= all * 9, "{right} of {all}");
}

/// Statistics and descriptions tell less, and nothing false.
#[test]
fn lesser_files_name_no_false_cause() {
    let forms: [&[&str]; 5] = [
        &["getstats.json.gz"],
        &["getstats-checking.json.gz"],
        &["getstats-outage.json.gz"],
        &["local.sdp.gz"],
        &["getstats.json.gz", "local.sdp.gz", "remote.sdp.gz"],
    ];
    for (case, truth) in truth().as_object().expect("cases") {
        for form in forms {
            for ends in [&["a"][..], &["b"], &["a", "b"]] {
                let found: Option<Vec<Record>> = ends
                    .iter()
                    .flat_map(|end| form.iter().map(|file| record(case, end, file)))
                    .collect();
                let calls = found.map(judged).unwrap_or_default();
                // After a failure, statistics alone know nothing of the other end, and are a call each.
                assert!(calls.len() <= ends.len(), "{case} {form:?}");
                for (call, end) in calls.iter().zip(ends) {
                    is_right(&format!("{case} {form:?}"), truth, &[end], call);
                }
            }
        }
    }
}

#[test]
fn paths_are_those_of_the_calls() {
    for (case, truth) in truth().as_object().expect("cases") {
        for dump in DUMPS {
            for end in ["a", "b"] {
                let calls = judged(vec![record(case, end, dump).expect("it is there")]);
                let wanted = match truth["ice_path"].as_str() {
                    Some("direct") => Some(Way::Direct),
                    Some("relay") => Some(Way::Relayed),
                    _ => None,
                };
                assert_eq!(calls[0].path, wanted, "{case} {end} {dump}");
                let connected = truth["connected"] == true;
                assert_eq!(
                    calls[0].standing == Standing::Connected,
                    connected,
                    "{case} {end} {dump}"
                );
            }
        }
    }
}

#[test]
fn what_one_end_sent_is_known_to_have_arrived_or_not() {
    let both = |case: &str| {
        let records = ["a", "b"].map(|end| record(case, end, DUMPS[0]).expect("it is there"));
        judged(records.into()).remove(0)
    };
    let lost = both("02-symmetric-no-turn");
    assert!(!lost.pairs.is_empty());
    assert!(
        lost.pairs.iter().all(|pair| pair.arrived == Some(0)),
        "{:?}",
        lost.pairs
    );
    let direct = both("01-direct");
    let used = direct
        .pairs
        .iter()
        .find(|pair| pair.record.is_selected)
        .expect("one is");
    assert!(used.arrived.is_some_and(|arrived| arrived > 0), "{used:?}");
}

#[test]
fn files_of_different_calls_stay_apart() {
    let cases = ["01-direct", "02-symmetric-no-turn", "03-symmetric-turn"];
    let mut records = Vec::new();
    for case in cases {
        for end in ["a", "b"] {
            for dump in DUMPS {
                records.push(record(case, end, dump).expect("it is there"));
            }
        }
    }
    let calls = judged(records);
    assert_eq!(calls.len(), cases.len());
}

/// Two users are not on one clock.
#[test]
fn clocks_are_aligned_by_what_both_saw() {
    let mut records: Vec<Record> = ["a", "b"]
        .map(|end| record("01-direct", end, DUMPS[0]).expect("it is there"))
        .into();
    let late = 3_600_000.0;
    for account in &mut records[1].accounts {
        for told in [&mut account.own, &mut account.other] {
            for (at, _) in &mut told.descriptions {
                *at = at.map(|at| at + late);
            }
            for candidate in &mut told.candidates {
                candidate.at = candidate.at.map(|at| at + late);
            }
        }
        account.began = account.began.map(|at| at + late);
    }
    let joined = rtcdiag::proto::evidence::calls::join(records);
    assert!(
        (joined[0].offset_ms - late).abs() < 100.0,
        "{}",
        joined[0].offset_ms
    );
}

/// The description that A got and the one that B made, in files of their own, show what was altered.
#[test]
fn a_fingerprint_that_was_altered_is_found_in_descriptions_too() {
    let case = "16-dtls-fingerprint";
    let read = |end: &str, file: &str| record(case, end, file).expect("it is there");
    for theirs in ["local.sdp.gz", "getstats.json.gz"] {
        let calls = judged(vec![
            read("a", "getstats.json.gz"),
            read("a", "local.sdp.gz"),
            read("a", "remote.sdp.gz"),
            read("b", theirs),
        ]);
        assert_eq!(calls.len(), 1, "{theirs}");
        let found = named(&calls[0].causes);
        assert_eq!(
            found,
            [("dtls-failed".to_owned(), "local".to_owned())],
            "{theirs}"
        );
    }
}

/// After a failure statistics have no pairs; with both descriptions the candidates are known.
#[test]
fn statistics_after_a_failure_and_both_descriptions_name_the_cause() {
    let case = "02-symmetric-no-turn";
    for (end, side) in [("a", "remote"), ("b", "local")] {
        let files = ["getstats.json.gz", "local.sdp.gz", "remote.sdp.gz"];
        let records = files.map(|file| record(case, end, file).expect("it is there"));
        let call = judged_call(end, records.into()).expect("a call");
        assert!(call.pairs.is_empty(), "none is made up");
        let wanted = ("endpoint-dependent-mapping".to_owned(), side.to_owned());
        assert_eq!(named(&call.causes), [wanted]);
        let said = call.causes[0].evidence.join(" ");
        assert!(said.contains("checks over"), "they are not counted: {said}");
    }
}

/// Both ends of a fingerprint that was altered: which was told, and which it is.
#[test]
fn a_fingerprint_that_is_another_is_named_as_such() {
    for file in DUMPS {
        let records = ["a", "b"].map(|end| record("16-dtls-fingerprint", end, file));
        let records = records.into_iter().flatten().collect();
        let call = judged_call(file, records).expect("a call");
        let message = &call.causes[0].message;
        assert!(
            message.contains("was told a fingerprint that is not that"),
            "{message}"
        );
    }
}

/// What was answered has arrived, and a relay reaches no private address.
#[test]
fn arrivals_fit_what_else_is_known() {
    for (case, _) in truth().as_object().expect("cases") {
        for file in DUMPS {
            let records = ["a", "b"].map(|end| record(case, end, file));
            let call = judged_call(case, records.into_iter().flatten().collect()).expect("a call");
            for pair in &call.pairs {
                let record = &pair.record;
                let Some(arrived) = pair.arrived.filter(|_| record.is_counted) else {
                    continue;
                };
                let fits = (record.responses_received.min(record.requests_sent)
                    ..=record.requests_sent)
                    .contains(&arrived);
                assert!(fits, "{case} {file}: {pair:?}");
            }
        }
    }
}
