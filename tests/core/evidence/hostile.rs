//! Files that are damaged or meant to do harm: read without a panic or a long wait.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rtcdiag::proto::evidence::{self, calls, facts, gzip};
use serde_json::json;

use super::dump::{AUDIO, Dump, sdp};

fn sample(case: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence")
        .join(case);
    gzip::unpack(&fs::read(path).expect("it is there")).0
}

/// Everything that is done with a file.
fn digest(bytes: &[u8]) {
    let record = evidence::read(bytes);
    for call in calls::join(vec![record]) {
        facts::judge(&call);
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_read_so_far() {
    for file in [
        "08-no-stun/a/webrtc_internals_dump.gz",
        "08-no-stun/a/rtcstats_dump.gz",
        "08-no-stun/a/getstats.json.gz",
    ] {
        let whole = sample(file);
        for end in (0..whole.len()).step_by(whole.len() / 40) {
            let record = evidence::read(&whole[..end]);
            let is_told = !record.faults.is_empty() || !record.accounts.is_empty();
            assert!(is_told, "{file} cut at {end}");
            digest(&whole[..end]);
        }
    }
}

#[test]
fn deep_json_and_long_lines_end() {
    for open in [
        "[",
        "{\"a\":",
        "{\"PeerConnections\":",
        "[{\"type\":\"transport\",\"a\":",
    ] {
        digest(open.repeat(100_000).as_bytes());
    }
    digest(format!("v=0\r\nm=audio 9 X {}", "1 ".repeat(200_000)).as_bytes());
    digest(format!("v=0\r\n{}", "m=audio 9 X 1\r\n".repeat(100_000)).as_bytes());
    digest("candidate:".repeat(100_000).as_bytes());
    digest(format!("<html>about:webrtc{}", "<tr><td>".repeat(100_000)).as_bytes());
    digest(format!("RTCStatsDump\n[{}", "[".repeat(100_000)).as_bytes());
}

#[test]
fn ten_thousand_connections_are_as_many_calls() {
    let one = |number: usize| {
        let (own, other) = (format!("a{number:05}"), format!("b{number:05}"));
        Dump::new(&[])
            .describe(1.0, true, "offer", &own, AUDIO)
            .describe(2.0, false, "answer", &other, AUDIO)
            .value()
    };
    let all: serde_json::Map<_, _> = (0..10_000)
        .map(|number| (format!("1-{number}"), one(number)))
        .collect();
    let text = json!({ "UserAgent": "x", "PeerConnections": all }).to_string();
    let joined = calls::join(vec![evidence::read(text.as_bytes())]);
    assert_eq!(joined.len(), 10_000);
}

#[test]
fn a_hundred_thousand_candidates_are_read() {
    let mut text = sdp("aaaa", "offer", AUDIO);
    for number in 0..100_000_u32 {
        let [_, high, low, last] = number.to_be_bytes();
        let line = format!("a=candidate:1 1 udp 1 10.{high}.{low}.{last} 5000 typ host\r\n");
        text.push_str(&line);
    }
    let record = evidence::read(text.as_bytes());
    assert_eq!(record.accounts[0].own.candidates.len(), 100_000);
    digest(text.as_bytes());
}

#[test]
fn counters_as_large_as_can_be_are_added_up() {
    let pair = |local: u16| {
        let end =
            |kind: &str, port: u16| json!({"type": kind, "address": "203.0.113.7", "port": port});
        json!({
            "local": end("host", local), "remote": end("srflx", 9), "state": "failed",
            "requests_sent": u32::MAX, "requests_received": u32::MAX, "requests_arrived": u32::MAX,
        })
    };
    let side = json!({"candidates": [{"type": "host", "address": "203.0.113.7", "port": 5}]});
    let document = json!({
        "rtcdiag_version": "1", "command": "pair",
        "result": {"state": "failed", "local": side, "remote": side, "pairs": [pair(5), pair(6)]},
    });
    digest(document.to_string().as_bytes());
}

/// What a file may be made of: pieces of real ones, and characters that mean something.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<Vec<u8>> = vec![
        sample("08-no-stun/a/webrtc_internals_dump.gz"),
        sample("08-no-stun/a/rtcstats_dump.gz"),
        sample("08-no-stun/a/getstats.json.gz"),
        sample("13-no-common-video-codec/b/local.sdp.gz"),
        b"<html>about:webrtc<tr><td>1.2.3.4:5/udp(host)</td><td>[::1]:5/udp(relay-tcp)</td></tr>candidate:1 1 udp 1 1.2.3.4 5 typ host".to_vec(),
        br#"{"rtcdiag_version":"1","command":"pair","result":{"local":{"candidates":[{"type":"host","address":"1.2.3.4","port":5}]},"pairs":[]}}"#.to_vec(),
    ];
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..4);
    (
        prop::sample::select(seeds),
        prop::collection::vec(edit, 1..12),
    )
        .prop_map(|(mut bytes, edits)| {
            for (place, byte, kind) in edits {
                if bytes.is_empty() {
                    break;
                }
                let at = place.index(bytes.len());
                match kind {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, b"{}[]\":,0-9.\n"[usize::from(byte) % 12]),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(16)),
                }
            }
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn files_that_were_changed_do_no_harm(bytes in pieces()) {
        digest(&bytes);
    }

    #[test]
    fn bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        digest(&bytes);
        gzip::unpack(&bytes);
    }
}
