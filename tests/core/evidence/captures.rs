//! Captures of real calls, alone and beside other files: the right cause, or none.

use rtcdiag::proto::evidence::Record;
use serde_json::Value;

use super::truth::{self, is_right, judged_call, record};

fn capture(case: &str, end: &str) -> Option<Record> {
    record(case, end, "capture.pcapng.gz")
}

fn cases() -> Vec<(String, Value)> {
    let truth = truth::truth();
    let cases = truth.as_object().expect("cases").iter();
    cases
        .map(|(case, truth)| (case.clone(), truth.clone()))
        .collect()
}

#[test]
fn captures_alone_name_no_false_cause() {
    let mut read = 0;
    for (case, truth) in cases() {
        for ends in [&["a"][..], &["b"], &["a", "b"], &["b", "a"]] {
            let records: Option<Vec<Record>> = ends.iter().map(|end| capture(&case, end)).collect();
            let Some(records) = records else { continue };
            assert!(
                records
                    .iter()
                    .all(|r| r.faults.is_empty() || case == "08-no-stun"),
                "{case}: {:?}",
                records[0].faults
            );
            let what = format!("{case} {ends:?} captures");
            if let Some(call) = judged_call(&what, records) {
                read += 1;
                is_right(&what, &truth, ends, &call);
            }
        }
    }
    assert!(read >= 12, "{read}");
}

/// A capture adds to a dump, and takes nothing away.
#[test]
fn captures_beside_dumps_name_every_cause() {
    const DUMP: &str = "webrtc_internals_dump.gz";
    for (case, truth) in cases() {
        for ends in [["a", "b"], ["b", "a"]] {
            let Some(of_capture) = capture(&case, ends[0]) else {
                continue;
            };
            let dump = |end| record(&case, end, DUMP).expect("it is there");
            for (what, records) in [
                ("the same end", vec![dump(ends[0]), of_capture.clone()]),
                (
                    "all",
                    vec![dump(ends[0]), of_capture.clone(), dump(ends[1])],
                ),
            ] {
                let what = format!("{case} {ends:?} {what}");
                let call = judged_call(&what, records).expect("a call");
                let said = is_right(&what, &truth, &ends[..1], &call);
                let is_known = said || (case.as_str(), ends[0]) == ("06-udp-blocked-tcp-turn", "b");
                assert!(is_known, "{what}: {:?}", call.causes);
            }
            let mixed = vec![of_capture, dump(ends[1])];
            let what = format!("{case} {ends:?} capture and dump");
            if let Some(call) = judged_call(&what, mixed) {
                is_right(&what, &truth, &ends[..1], &call);
            }
        }
    }
}

/// Case 03 as its TURN server would have captured it, put together of the captures of both ends: each
/// check is on both legs with the same number.
#[test]
fn a_capture_of_a_turn_server_has_both_ends() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence/turn-server.pcapng.gz");
    let packed = std::fs::read(path).expect("it is there");
    let record = rtcdiag::proto::evidence::read(&rtcdiag::proto::evidence::gzip::unpack(&packed).0);
    assert_eq!(record.faults, []);
    let accounts = &record.accounts;
    assert_eq!(accounts.len(), 2);
    // What servers see is nobody's own address.
    for account in accounts {
        let own = account.own.candidates.iter();
        assert!(
            own.clone()
                .all(|c| c.kind != rtcdiag::proto::ice::candidate::CandidateType::Host),
            "{:?}",
            account.own.candidates
        );
    }
    let call = judged_call("server", vec![record]).expect("a call");
    assert!(call.is_good(), "{:?} {:?}", call.standing, call.pairs);
    assert_eq!(call.path, Some(rtcdiag::proto::ice::causes::Way::Relayed));
}

/// A call by relays alone (`iceTransportPolicy: relay`), captured at one end: nobody but the TURN server is
/// seen there. Chromium, behind a symmetric NAT.
#[test]
fn a_capture_with_relays_alone_has_the_call() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence/relays-alone.pcap.gz");
    let packed = std::fs::read(path).expect("it is there");
    let record = rtcdiag::proto::evidence::read(&rtcdiag::proto::evidence::gzip::unpack(&packed).0);
    assert_eq!(record.faults, []);
    assert_eq!(record.accounts.len(), 1);
    assert_eq!(record.supposed_side, None, "who asks a server is here");
    let call = judged_call("relays alone", vec![record]).expect("a call");
    assert_eq!(call.path, Some(rtcdiag::proto::ice::causes::Way::Relayed));
    assert!(call.is_good(), "{:?} {:?}", call.standing, call.pairs);
    assert!(call.relay_causes.is_empty(), "{:?}", call.relay_causes);
}

/// Audio and video by their clocks, what was lost by its numbers.
#[test]
fn captures_have_media() {
    for (case, lost) in [("01-direct", 0..1), ("17-network-loss", 550..650)] {
        let record = capture(case, "a").expect("it is there");
        let streams = &record.accounts[0].streams;
        let kinds: Vec<&str> = streams.iter().map(|stream| stream.kind.as_str()).collect();
        assert_eq!(kinds, ["audio", "video"], "{case}");
        let audio = &streams[0];
        assert!(
            audio.sent > Some(200) && audio.received > Some(200),
            "{audio:?}"
        );
        assert!(audio.lost.is_some_and(|n| lost.contains(&n)), "{audio:?}");
        assert!(
            audio.jitter_ms.is_some_and(|jitter| jitter < 10.0),
            "{audio:?}"
        );
    }
}
