//! What remedies are said to bring about, and what captures of programs that test their NAT show of it.

use std::path::Path;

use rtcdiag::commands::inspect::report::InspectResult;
use rtcdiag::commands::inspect::verdict;
use rtcdiag::proto::evidence::{self, Record, calls};
use rtcdiag::proto::ice::causes::{Effect, RemedyCode};
use serde_json::Value;

use super::named;
use super::truth::{judged_call, record};

/// That of the last file is the one in question: one capture does not show how the other end gets out.
#[test]
fn one_capture_promises_no_relay() {
    let sure = |ends: &[&str]| -> Vec<bool> {
        let records = ends
            .iter()
            .map(|end| record("02-symmetric-no-turn", end, "capture.pcapng.gz"));
        let call = judged_call("02", records.flatten().collect()).expect("a call");
        let causes = call.causes.iter().chain(&call.relay_causes);
        let remedies = causes.flat_map(|cause| &cause.remedies);
        let relays = remedies.filter(|remedy| remedy.effect == Effect::Relay);
        let sure: Vec<bool> = relays.map(|remedy| remedy.is_sure).collect();
        assert!(!sure.is_empty(), "{ends:?}: {:?}", call.relay_causes);
        sure
    };
    assert_eq!(sure(&["a"]), [false]);
    assert_eq!(sure(&["b"]), [false]);
    assert_eq!(sure(&["a", "b"]), [true]);
    assert_eq!(sure(&["b", "a"]), [true]);
}

/// A dump tells that the other end has a reflexive address, so it gets out; what it has of IPv6 it does not tell.
#[test]
fn one_dump_promises_what_it_proves() {
    for end in ["a", "b"] {
        let records = vec![
            record("02-symmetric-no-turn", end, "webrtc_internals_dump.gz").expect("it is there"),
        ];
        let call = judged_call(end, records).expect("a call");
        let causes = call.causes.iter().chain(&call.relay_causes);
        for remedy in causes.flat_map(|cause| &cause.remedies) {
            assert_eq!(
                remedy.is_sure,
                remedy.code != RemedyCode::Ipv6,
                "{remedy:?}"
            );
        }
    }
}

/// rtcdiag itself makes no DTLS between two of its own, and asks itself whether its NAT hairpins.
#[test]
fn captures_of_pair_name_the_nats_and_the_servers() {
    const CASE: &str = "30-relay-of-one-end";
    const FILE: &str = "capture.pcap.gz";
    for end in ["a", "b"] {
        let of_end = record(CASE, end, FILE).expect("it is there");
        let servers = of_end.accounts[0].servers.as_ref().expect("it asked some");
        let mut urls: Vec<&str> = servers.iter().map(|server| server.url.as_str()).collect();
        for own in ["203.0.113.1:", "203.0.113.2:"] {
            assert!(urls.iter().all(|url| !url.contains(own)), "{end}: {urls:?}");
        }
        let all = urls.len();
        urls.dedup();
        assert_eq!(urls.len(), all, "each once: {urls:?}");
    }
    for ends in [["a", "b"], ["b", "a"]] {
        let records = ends.map(|end| record(CASE, end, FILE).expect("it is there"));
        let call = judged_call(CASE, records.clone().into()).expect("a call");
        let wanted = [
            ("unknown", "between"),
            ("endpoint-dependent-mapping", "both"),
        ];
        let wanted = wanted.map(|(code, side)| (code.to_owned(), side.to_owned()));
        assert_eq!(named(&call.causes), wanted, "{ends:?}");
        let (summary, _) = said(&records);
        assert!(
            summary.starts_with("Whether it worked is not told"),
            "{summary}"
        );
        assert!(
            summary.contains("No direct path: both sides' NATs are symmetric"),
            "{summary}"
        );
    }
}

fn said(records: &[Record]) -> (String, Vec<String>) {
    let names: Vec<String> = (0..records.len()).map(|place| place.to_string()).collect();
    let result = InspectResult::new(&names, records, calls::join(records.to_vec()));
    let verdict = verdict::verdict(&result, &names, records);
    let hints = verdict
        .findings
        .into_iter()
        .filter_map(|finding| finding.hint);
    (verdict.summary, hints.collect())
}

/// What pair promises of the causes that it found is what inspect reads in its document.
#[test]
fn a_document_of_pair_promises_what_pair_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pair_made_up");
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let findings = document["findings"].as_array().expect("findings").iter();
        let theirs: Vec<&str> = findings.filter_map(|f| f["hint"].as_str()).collect();
        let (_, hints) = said(&[evidence::read(text.as_bytes())]);
        for hint in hints
            .iter()
            .filter(|hint| hint.contains("connect them") || hint.contains("make it direct"))
        {
            let is_said = theirs.iter().any(|their| their.contains(hint.as_str()));
            assert!(
                is_said,
                "{}: {hint:?} is not in {theirs:#?}",
                path.display()
            );
            compared += 1;
        }
    }
    assert!(compared >= 3, "{compared}");
}
