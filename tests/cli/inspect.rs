//! `rtcdiag inspect`, as a user meets it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::program::{signal, wait_for_end};
use crate::support::schema::assert_valid;

fn evidence(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence")
        .join(file);
    path.display().to_string()
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtcdiag"));
    command
        .arg("inspect")
        .args(args)
        .env_remove("RTCDIAG_REDACT")
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = program(args).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn document(args: &[&str]) -> (Option<i32>, Value) {
    let (code, text, _) = run(&[args, &["--json"]].concat());
    let document = serde_json::from_str(&text).expect("one document");
    assert_valid(&document);
    (code, document)
}

/// A file of this test alone.
fn scratch(name: &str, content: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rtcdiag-inspect-{}", std::process::id()));
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
    fs::write(&path, content).expect("it is written");
    path
}

#[test]
fn both_ends_of_a_call_that_failed() {
    let (a, b) = (
        evidence("02-symmetric-no-turn/a/webrtc_internals_dump.gz"),
        evidence("02-symmetric-no-turn/b/rtcstats_dump.gz"),
    );
    let (code, document) = document(&[&a, &b]);
    assert_eq!((code, &document["outcome"]), (Some(1), &Value::from("bad")));
    let sources = document["result"]["sources"].as_array().expect("a list");
    let kinds: Vec<&str> = sources
        .iter()
        .filter_map(|source| source["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["webrtc-internals", "rtcstats"]);
    assert_eq!(
        (&sources[0]["side"], &sources[1]["side"]),
        (&Value::from(0), &Value::from(1))
    );
    let call = &document["result"]["calls"][0];
    assert_eq!(call["state"], "failed");
    assert_eq!(call["causes"][0]["code"], "endpoint-dependent-mapping");
    assert_eq!(call["causes"][0]["side"], "remote");
    assert_eq!(call["relay_causes"][0]["code"], "no-turn-server");
    let (code, text, stderr) = run(&[&a, &b]);
    assert_eq!(code, Some(1));
    assert_eq!(stderr, "");
    assert!(text.starts_with("bad: no connection\n"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let last = text
        .trim_end()
        .rsplit("\n\n")
        .next()
        .expect("a summary")
        .replace('\n', " ");
    assert!(
        last.contains("the other side's NAT (203.0.113.200) is symmetric"),
        "{last}"
    );
    assert!(last.ends_with("would connect them."), "{last}");
}

#[test]
fn a_long_path_is_shown_from_its_end() {
    let bytes = fs::read(evidence("01-direct/a/rtcstats_dump.gz")).expect("it is there");
    let folder = format!("{}/{}", "somewhere".repeat(8), "deeper".repeat(8));
    let file = scratch(&format!("{folder}/rtcstats_dump.gz"), &bytes);
    let (code, text, _) = run(&[&file.display().to_string(), "-v"]);
    assert_eq!(code, Some(0));
    assert!(
        text.lines()
            .any(|line| line.starts_with(" .../rtcstats_dump.gz: rtcstats")),
        "{text}"
    );
}

#[test]
fn a_call_that_worked_is_good_and_one_through_a_relay_says_why() {
    let (code, good) = document(&[&evidence("01-direct/a/webrtc_internals_dump.gz")]);
    assert_eq!((code, &good["outcome"]), (Some(0), &Value::from("good")));
    assert_eq!(good["result"]["calls"][0]["path"], "direct");
    let media = good["result"]["calls"][0]["media"]
        .as_array()
        .expect("a list");
    assert_eq!(media.len(), 3, "{media:?}");
    assert!(
        media.iter().all(|section| section["accepted"] == true),
        "{media:?}"
    );
    let (code, text, _) = run(&[&evidence("03-symmetric-turn/b/webrtc_internals_dump.gz")]);
    assert_eq!(code, Some(0));
    assert!(!text.starts_with("good"), "a relay is no good news: {text}");
    assert!(
        text.replace('\n', " ").contains("No direct path: "),
        "{text}"
    );
}

#[test]
fn standard_input_is_a_file_like_others_once() {
    let dump = fs::read(evidence("08-no-stun/a/webrtc_internals_dump.gz")).expect("it is there");
    let mut child = program(&["-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(&dump)
        .expect("it is taken");
    let output = child.wait_with_output().expect("it ends");
    let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_valid(&document);
    assert_eq!(document["result"]["sources"][0]["file"], "-");
    assert_eq!(
        document["result"]["calls"][0]["causes"][0]["code"],
        "hidden-addresses"
    );
    let (code, _, stderr) = run(&["-", "-"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("once only"), "{stderr}");
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let nothing = scratch("nothing.txt", b"hello world\n");
    let (code, document_of_nothing) = document(&[&nothing.display().to_string()]);
    assert_eq!(code, Some(2));
    assert_eq!(
        document_of_nothing["findings"][0]["code"],
        "file-unreadable"
    );
    let cut = scratch("cut.json", b"{\n\"some\": ");
    let (_, cut) = document(&[&cut.display().to_string()]);
    let said = cut["findings"][0]["message"].as_str().expect("text");
    assert!(
        said.contains("the JSON ends there, in the middle"),
        "{said}"
    );
    let whole = fs::read(evidence("02-symmetric-no-turn/a/rtcstats_dump.gz")).expect("it is there");
    let half = scratch("half.gz", &whole[..whole.len() / 2]);
    let (_, damaged) = document(&[&half.display().to_string()]);
    let said = damaged["findings"].as_array().expect("a list");
    let fault = said
        .iter()
        .find(|finding| finding["code"] == "file-damaged")
        .expect("it is said");
    assert!(
        fault["message"]
            .as_str()
            .expect("text")
            .contains("bytes could be unpacked"),
        "{fault}"
    );
    assert_eq!(
        damaged["result"]["calls"].as_array().map(Vec::len),
        Some(1),
        "what is whole is used"
    );
    let (code, _, stderr) = run(&["/nonexistent/dump"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("cannot read /nonexistent/dump"), "{stderr}");
}

#[test]
fn nothing_but_labels_with_redact() {
    for flags in [
        &["--redact"][..],
        &["--redact", "-v"],
        &["--redact", "--json"],
    ] {
        let file = evidence("03-symmetric-turn/a/webrtc_internals_dump.gz");
        let (code, text, stderr) = run(&[&[file.as_str()], flags].concat());
        assert_eq!(code, Some(0), "{stderr}");
        for address in ["192.168.1.10", "203.0.113.", "198.51.100.", "192.168.2."] {
            assert!(!text.contains(address), "{flags:?}: {address} in {text}");
        }
    }
}

#[test]
fn calls_that_differ_are_listed_apart() {
    let files = ["01-direct", "02-symmetric-no-turn"]
        .map(|case| evidence(&format!("{case}/a/rtcstats_dump.gz")));
    let (code, document) = document(&[&files[0], &files[1]]);
    assert_eq!(code, Some(1));
    assert_eq!(
        document["result"]["calls"].as_array().map(Vec::len),
        Some(2)
    );
    let codes: Vec<&str> = document["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|f| f["code"].as_str())
        .collect();
    assert!(codes.contains(&"calls-differ"), "{codes:?}");
    assert!(
        document["summary"]
            .as_str()
            .expect("text")
            .starts_with("2 calls: 1 worked and 1 did not work."),
        "{}",
        document["summary"]
    );
}

/// Descriptions do not tell whether ICE connected them.
#[test]
fn descriptions_without_a_common_codec_are_no_failed_connection() {
    let files = ["local", "remote"]
        .map(|name| evidence(&format!("13-no-common-video-codec/a/{name}.sdp.gz")));
    let (code, text, _) = run(&[&files[0], &files[1]]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with("bad: not all of the media can be agreed\n"),
        "{text}"
    );
    let text = text.replace('\n', " ");
    assert!(
        !text.contains("No connection") && text.contains("is not told"),
        "{text}"
    );
}

/// What a record that ends early has not seen is not said to have failed.
#[test]
fn a_record_that_ends_early_does_not_tell_how_it_ended() {
    let checking = evidence("02-symmetric-no-turn/a/getstats-checking.json.gz");
    let (_, document_of_it) =
        document(&[&checking, &evidence("02-symmetric-no-turn/b/local.sdp.gz")]);
    let summary = document_of_it["summary"].as_str().expect("a summary");
    assert!(
        summary.starts_with("Not connected when the record ends: "),
        "{summary}"
    );
    let sdp = |ufrag: &str, setup: &str| {
        format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=ice-options:trickle\r\na=setup:{setup}\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"
        )
    };
    let event = |at: u64, name: &str, value: &Value| serde_json::json!({ "timestamp": 1_795_917_971_000_u64 + at, "type": name, "value": value.to_string() });
    let offer = serde_json::json!({ "type": "offer", "sdp": sdp("aaaa", "actpass") });
    let answer = serde_json::json!({ "type": "answer", "sdp": sdp("bbbb", "active") });
    let configuration = serde_json::json!({
        "iceServers": [{ "urls": ["turn:198.51.100.99:3478?transport=udp"] }],
        "iceTransportPolicy": "relay",
    });
    let saved_after = |ms: u64| {
        serde_json::json!({
            "timestamp": 1_795_917_971_000_u64 + ms,
            "UserAgent": "Chrome/156",
            "PeerConnections": { "1-1": {
                "rtcConfiguration": configuration.to_string(),
                "stats": {},
                "updateLog": [
                    event(10, "setLocalDescription", &offer),
                    event(11, "onsignalingstatechange", &Value::from("have-local-offer")),
                    event(12, "onicegatheringstatechange", &Value::from("gathering")),
                    event(40, "setRemoteDescription", &answer),
                    event(41, "onsignalingstatechange", &Value::from("stable")),
                ],
            }},
        })
        .to_string()
    };
    let soon = scratch("soon.json", saved_after(2000).as_bytes());
    let (code, soon) = document(&[&soon.display().to_string()]);
    assert_eq!(
        (code, &soon["outcome"]),
        (Some(3), &Value::from("inconclusive")),
        "{soon}"
    );
    let summary = soon["summary"].as_str().expect("a summary");
    assert!(
        !summary.contains("No connection") && summary.contains("198.51.100.99"),
        "{summary}"
    );
    let late = scratch("late.json", saved_after(20_000).as_bytes());
    let (code, late) = document(&[&late.display().to_string()]);
    assert_eq!((code, &late["outcome"]), (Some(1), &Value::from("bad")));
    let summary = late["summary"].as_str().expect("a summary");
    assert!(
        summary.contains("does not reach its TURN server"),
        "{summary}"
    );
}

/// More candidates than are looked at: that the rest was left out is said.
#[test]
fn a_list_that_was_cut_is_said_to_be_cut() {
    let with = |count: u32| {
        let mut text = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=rtpmap:111 opus/48000/2\r\n".to_owned();
        for number in 0..count {
            let [_, high, low, last] = number.to_be_bytes();
            let line = format!(
                "a=candidate:{number} 1 udp {number} 10.{high}.{low}.{last} 5000 typ host\r\n"
            );
            text.push_str(&line);
        }
        let file = scratch(&format!("many-{count}.sdp"), text.as_bytes());
        file.display().to_string()
    };
    let cut = |document: &Value| -> Vec<String> {
        let findings = document["findings"].as_array().expect("a list").iter();
        findings
            .filter(|finding| finding["code"] == "list-cut")
            .map(|finding| finding["message"].as_str().expect("a text").to_owned())
            .collect()
    };
    let (_, whole) = document(&[&with(2000)]);
    assert_eq!(cut(&whole), [""; 0]);
    let file = with(2001);
    let (_, listed) = document(&[&file]);
    let said =
        "this side told 2001 candidates: 2000 with the highest priority are listed".to_owned();
    assert_eq!(cut(&listed), [said]);
    let shown = listed["result"]["calls"][0]["local"]["candidates"].as_array();
    assert_eq!(shown.map(Vec::len), Some(2000));
    let (_, text, _) = run(&[&file]);
    assert!(text.contains("told 2001 candidates"), "{text}");
    let (_, used) = document(&[&with(200_001)]);
    let said = "this side told at least 200000 candidates: the first 5000 are used, and 2000 with the highest priority are listed".to_owned();
    assert_eq!(cut(&used), [said]);
}

/// `sdp` and `inspect` judge the same two descriptions alike.
#[test]
fn an_answer_that_accepts_without_a_common_codec_is_told_as_sdp_tells_it() {
    let text = |formats: &str, ufrag: &str, setup: &str, map: &str| {
        let print = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 {print}\r\na=setup:{setup}\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:{map}\r\n"
        )
    };
    let offer = text("111", "abcd", "actpass", "111 opus/48000/2");
    let answer = text("0", "efgh", "active", "0 PCMU/8000");
    let agreed = text("111", "efgh", "active", "111 opus/48000/2");
    let file = |name: &str, text: &str| scratch(name, text.as_bytes()).display().to_string();
    let (offer, answer) = (
        file("codec-offer.sdp", &offer),
        file("codec-answer.sdp", &answer),
    );
    let agreed = file("codec-agreed.sdp", &agreed);
    for files in [[&offer, &answer], [&answer, &offer]] {
        let (code, document) = document(&[files[0], files[1]]);
        assert_eq!(code, Some(1), "{document}");
        let call = &document["result"]["calls"][0];
        assert_eq!(call["causes"][0]["code"], "no-common-codec");
        assert_eq!(call["media"][0]["accepted"], false);
        assert_eq!(call["sdp"]["media"][0]["accepted"], false);
        let summary = document["summary"].as_str().expect("a text");
        let why = "No common codec: audio: opus/48000/2 was offered, and ";
        assert!(summary.starts_with(why), "{summary}");
    }
    let (code, document) = document(&[&offer, &agreed]);
    assert_eq!(code, Some(3), "{document}");
    let media = &document["result"]["calls"][0]["media"][0];
    assert_eq!(
        (&media["accepted"], &media["reason"]),
        (&Value::Bool(true), &Value::Null)
    );
}

#[test]
fn json_that_is_nested_too_deeply_is_not_damaged() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let file = scratch("deep.json", deep.as_bytes());
    let (code, _, _) = run(&[&file.display().to_string()]);
    let (_, document) = document(&[&file.display().to_string()]);
    let summary = document["summary"].as_str().expect("a text");
    assert_eq!(code, Some(2), "{summary}");
    assert!(summary.contains("nested too deeply"), "{summary}");
    assert!(!summary.contains("damaged"), "{summary}");
}

/// The far end of a path, of which one capture has the address alone, is not called direct.
#[test]
fn one_capture_does_not_tell_whether_the_far_end_is_a_relay() {
    let [a, b] =
        ["a", "b"].map(|end| evidence(&format!("30-relay-of-one-end/{end}/capture.pcap.gz")));
    let (_, alone) = document(&[&b]);
    let call = &alone["result"]["calls"][0];
    assert_eq!(call["path"], Value::Null);
    assert_eq!(call["selected"]["remote"]["address"], "203.0.113.11");
    for files in [[&a, &b], [&b, &a]] {
        let (_, both) = document(&[files[0], files[1]]);
        assert_eq!(both["result"]["calls"][0]["path"], "relayed");
    }
    let [a, b] =
        ["a", "b"].map(|end| evidence(&format!("31-relay-ports-closed/{end}/capture.pcap.gz")));
    for files in [[&a, &b], [&b, &a]] {
        let (_, both) = document(&[files[0], files[1]]);
        let summary = both["summary"].as_str().expect("a text");
        assert!(
            summary.contains("both sides' NATs are symmetric"),
            "{summary}"
        );
        assert!(
            summary.contains("the relay ports of the TURN server"),
            "{summary}"
        );
    }
}

/// A capture that does not end, of a call that is not in it.
fn endless(args: &[&str], is_time: impl FnOnce(&std::process::Child)) -> (Option<i32>, Value) {
    let mut child = program(&[&["-", "--json"], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    let mut header = Vec::new();
    for field in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 101] {
        header.extend(field.to_le_bytes());
    }
    let mut packet = Vec::new();
    for field in [1_u32, 1, 100, 100] {
        packet.extend(field.to_le_bytes());
    }
    packet.push(0x45);
    packet.resize(116, 0);
    stdin.write_all(&header).expect("it reads");
    let packets = packet.repeat(500);
    // More than a pipe holds: it reads.
    for _ in 0..100 {
        stdin.write_all(&packets).expect("it reads");
    }
    let writing = std::thread::spawn(move || {
        while stdin.write_all(&packets).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    is_time(&child);
    let ended = wait_for_end(child, std::time::Duration::from_secs(20));
    writing.join().expect("it ends");
    let text = String::from_utf8(ended.stdout).expect("UTF-8");
    let document = serde_json::from_str(&text).expect("one document");
    assert_valid(&document);
    (ended.status.code(), document)
}

#[test]
fn a_capture_that_does_not_end_is_read_until_the_time_limit() {
    let (code, document) = endless(&["--timeout", "1"], |_| {});
    assert_eq!(code, Some(2), "{document}");
    let findings = document["findings"].as_array().expect("a list");
    assert!(
        findings.iter().any(|finding| finding["code"] == "timeout"),
        "{document}"
    );
    let summary = document["summary"].as_str().expect("a text");
    assert!(summary.contains("no call is in its first"), "{summary}");
    assert!(summary.contains("time limit"), "{summary}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_reading_and_what_was_read_is_judged() {
    for name in ["INT", "TERM"] {
        let (code, document) = endless(&[], |child| signal(child, name));
        assert_eq!(code, Some(130), "{document}");
        assert_eq!(document["outcome"], "interrupted");
        let sources = document["result"]["sources"].as_array().expect("a list");
        assert_eq!(sources.len(), 1, "{document}");
    }
}
