//! `rtcdiag sdp` as a user meets it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::support::program::{signal, until, wait_for_end};
use crate::support::schema::assert_valid;

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n\
    a=setup:actpass\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\na=sendrecv\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1;profile-level-id=640c1f\r\n";

/// A file that goes when the test ends.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rtcdiag-sdp-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("it is written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rtcdiag"))
        .arg("sdp")
        .args(args)
        .env_remove("RTCDIAG_REDACT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    // It may end without reading.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn document(args: &[&str], input: &str, code: i32) -> Value {
    let output = run(&[args, &["--json"]].concat(), input);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{text}");
    let document = serde_json::from_str(&text).expect("one document");
    assert_valid(&document);
    document
}

#[test]
fn a_good_offer_is_good_in_every_form() {
    let json = json!({"type": "offer", "sdp": OFFER}).to_string();
    for input in [OFFER.to_owned(), json, OFFER.replace("\r\n", "\n")] {
        let document = document(&["-"], &input, 0);
        assert_eq!(document["outcome"], "good");
        let media = &document["result"]["media"];
        assert_eq!(media[0]["codec"], "opus/48000/2");
        assert_eq!(media[1]["kind"], "video");
    }
}

#[test]
fn an_answer_that_refuses_is_bad_and_says_why() {
    let offer = File::new("refused-offer", OFFER);
    let answer = OFFER
        .replace("abcd", "efgh")
        .replace("actpass", "active")
        .replace("0123456789abcdefghijkl", "lkjihgfedcba9876543210")
        .replace("640c1f", "42e01f");
    let answer = File::new("refused-answer", &answer);
    let document = document(&[offer.path(), answer.path()], "", 1);
    let video = &document["result"]["media"][1];
    assert_eq!(video["accepted"], false);
    let reason = video["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("profile-level-id (640c1f, Constrained High)"),
        "{reason}"
    );
    assert_eq!(document["result"]["media"][0]["dtls_client"], "answer");
    let codes = document["findings"].as_array().expect("findings").iter();
    assert!(
        codes
            .clone()
            .any(|finding| finding["code"] == "no-common-codec")
    );
    let text = run(&[offer.path(), answer.path()], "");
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    let last = text.trim_end().rsplit("\n\n").next().expect("a paragraph");
    assert!(
        last.starts_with("Video (mid 1) is not agreed: no common codec"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn one_file_may_have_both() {
    let answer = OFFER
        .replace("abcd", "efgh")
        .replace("actpass", "active")
        .replace("kl\r\n", "xy\r\n");
    let both =
        json!([{"type": "offer", "sdp": OFFER}, {"type": "answer", "sdp": answer}]).to_string();
    let document = document(&["-"], &both, 0);
    assert_eq!(document["result"]["media"][1]["accepted"], true);
    assert_eq!(document["result"]["media"][1]["bundled"], true);
}

#[test]
fn answers_are_foretold() {
    let chromium = document(&["-", "--answerer", "chromium"], OFFER, 1);
    let media = &chromium["result"]["media"];
    assert_eq!(
        (&media[0]["accepted"], &media[1]["accepted"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(media[0]["direction"], "sendrecv");
    let quiet = document(&["-", "--answerer", "chromium", "--receive-only"], OFFER, 1);
    assert_eq!(quiet["result"]["media"][0]["direction"], "recvonly");
    let webrtc_rs = document(&["-", "--answerer", "webrtc-rs"], OFFER, 0);
    assert_eq!(webrtc_rs["result"]["media"][1]["accepted"], true);
    let own = File::new("own", OFFER);
    let like = document(&["-", "--answerer", own.path()], OFFER, 0);
    assert_eq!(like["result"]["media"][1]["codec"], "H264/90000");
    let sip = "v=0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 203.0.113.5\n";
    let refused = document(&["-", "--answerer", "chromium"], sip, 1);
    assert!(
        refused["summary"]
            .as_str()
            .is_some_and(|s| s.starts_with("Chromium refuses the whole offer")),
        "{refused}"
    );
}

#[test]
fn addresses_are_redacted() {
    let sip = "v=0\no=- 1 1 IN IP4 192.168.1.5\ns=-\nc=IN IP4 192.168.1.5\nt=0 0\nm=audio 4000 RTP/AVP 0\n";
    let document = document(&["-", "--redact"], sip, 0);
    let text = document.to_string();
    assert!(
        text.contains("lan1") && !text.contains("192.168.1.5"),
        "{text}"
    );
}

/// A terminal would write to the clipboard, or conceal what follows.
#[test]
fn what_a_description_says_draws_nothing() {
    let evil = OFFER
        .replace("a=mid:0", "a=mid:\u{1b}]52;c;cm0=\u{1b}\\")
        .replace("opus/48000", "\u{1b}[8mopus/48000");
    for color in ["never", "always"] {
        let output = run(&["-", "--color", color], &evil);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.contains("\\u{1b}]52;c"), "{text}");
        let rest = text.split('\u{1b}').skip(1);
        let codes: Vec<&str> = rest
            .map(|part| part.split_once('m').map_or(part, |(codes, _)| codes))
            .collect();
        let is_style = |code: &&str| {
            code.strip_prefix('[').is_some_and(|code| {
                code != "8" && code.bytes().all(|b| b.is_ascii_digit() || b == b';')
            })
        };
        assert!(codes.iter().all(is_style), "{codes:?}");
        assert_eq!(codes.is_empty(), color == "never", "{text}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let offer = File::new("errors", OFFER);
    for (args, input, words) in [
        (vec!["-"], "", "it is empty"),
        (vec!["-"], "hello", "there is no description in it"),
        (
            vec!["-"],
            "{\"type\": \"offer\"}",
            "JSON without a description",
        ),
        (
            vec!["-"],
            "{\n\"type\": \"offer\",,}",
            "is damaged (line 2, column 17)",
        ),
        (vec!["/nowhere/x.sdp"], "", "cannot read /nowhere/x.sdp"),
        (vec!["-", "-"], OFFER, "standard input (-) can be read once"),
        (
            vec![offer.path(), offer.path(), "--answerer", "chromium"],
            "",
            "--answerer is for an offer alone",
        ),
        (
            vec![offer.path(), "--answerer", "safari"],
            "",
            "--answerer is chromium, webrtc-rs, or a file",
        ),
    ] {
        let output = run(&args, input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(error.contains(words), "{args:?}: {error}");
        assert_valid(
            &serde_json::from_slice(&run(&[args, vec!["--json"]].concat(), input).stdout)
                .expect("a document"),
        );
    }
}

/// As plain SDP, which does not say what it is.
#[test]
fn swapped_files_are_taken_the_right_way_round() {
    let answer = OFFER
        .replace("abcd", "efgh")
        .replace("actpass", "active")
        .replace("kl\r\n", "xy\r\n");
    let (offer, answer) = (
        File::new("swap-offer", OFFER),
        File::new("swap-answer", &answer),
    );
    let output = run(&[answer.path(), offer.path()], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let warning = String::from_utf8_lossy(&output.stderr);
    assert!(warning.contains("looks like the answer"), "{warning}");
}

#[test]
fn what_is_inactive_is_said() {
    let phone = |address: &str, direction: &str| {
        format!(
            "v=0\no=- 1 1 IN IP4 {address}\ns=-\nc=IN IP4 {address}\nt=0 0\nm=audio 4000 RTP/AVP 0\na={direction}\n"
        )
    };
    let offer = File::new("inactive-offer", &phone("203.0.113.5", "sendrecv"));
    let answer = File::new("inactive-answer", &phone("203.0.113.6", "inactive"));
    let document = document(&[offer.path(), answer.path()], "", 0);
    assert_eq!(
        document["summary"],
        "Agreed: audio PCMU/8000 (inactive: neither side sends)."
    );
}

#[test]
fn packed_files_are_read() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(OFFER.as_bytes()).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let file = File::new("packed", "");
    std::fs::write(&file.0, &packed).expect("it is written");
    let whole = document(&[file.path()], "", 0);
    assert_eq!(whole["result"]["media"][0]["codec"], "opus/48000/2");
    std::fs::write(&file.0, &packed[..packed.len() / 2]).expect("it is written");
    let output = run(&[file.path()], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("damaged"));
}

/// A data channel carries both ways, with an answer and without one.
#[test]
fn data_has_no_direction_of_its_own() {
    let data =
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n";
    let offer = format!("{}{data}", OFFER.replace("BUNDLE 0 1", "BUNDLE 0 1 2"));
    for answerer in ["chromium", "webrtc-rs"] {
        let foretold = run(&["-", "--answerer", answerer, "--json"], &offer);
        let foretold: Value = serde_json::from_slice(&foretold.stdout).expect("one document");
        assert_eq!(
            foretold["result"]["media"][2]["direction"], "sendrecv",
            "{answerer}"
        );
    }
}

/// Chromium takes the tones and nothing else: it accepts, and nobody hears anything.
#[test]
fn an_answer_with_tones_alone_is_bad() {
    let offer = OFFER.replace("SAVPF 111", "SAVPF 18 101").replace(
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
    );
    let document = document(&["-", "--answerer", "chromium"], &offer, 1);
    let codes = document["findings"].as_array().expect("findings").iter();
    assert!(
        codes
            .map(|finding| &finding["code"])
            .any(|code| code == "no-common-codec")
    );
    assert_eq!(document["result"]["media"][0]["accepted"], true);
}

#[test]
fn the_page_says_who_minds_and_has_no_empty_columns() {
    let file = File::new("page.html", "");
    let offer = OFFER.replace("actpass", "holdconn");
    let output = run(&["-", "--html", file.path()], &offer);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let page = std::fs::read_to_string(&file.0).expect("a page");
    for part in ["RFC 4145 4", "createAnswer() fails", "offer line 10"] {
        assert!(page.contains(part), "{part}");
    }
    for head in ["sent", "received", "lost"] {
        assert!(
            !page.contains(&format!("<th scope=col>{head}</th>")),
            "{head}"
        );
    }
}

/// Each round as a program logs it. Only the second is looked at, beside what it changes.
#[test]
fn later_rounds_tell_whether_ice_restarts() {
    let of = |kind: &str, side: u8, version: u8, fragment: &str| {
        let setup = if kind == "offer" { "actpass" } else { "active" };
        let sdp = OFFER
            .replace("o=- 1 2", &format!("o=- {side} {version}"))
            .replace("abcd", fragment)
            .replace("actpass", setup)
            .replace("kl\r\n", &format!("{fragment}\r\n"));
        json!({"type": kind, "sdp": sdp})
    };
    for (offered, answered, words) in [
        ("aaaa", "bbbb", None),
        ("cccc", "dddd", Some("ICE restarts")),
        ("cccc", "bbbb", Some("the answer keeps")),
        ("aaaa", "dddd", Some("the offer did not restart")),
    ] {
        let rounds = [
            of("offer", 1, 1, "aaaa"),
            of("answer", 2, 1, "bbbb"),
            of("offer", 1, 2, offered),
            of("answer", 2, 2, answered),
        ];
        let document = document(&["-"], &json!(rounds).to_string(), 0);
        let problems = document["result"]["problems"].as_array().expect("a list");
        let found = problems
            .iter()
            .find(|problem| problem["code"] == "sdp-ice-restart");
        match (found, words) {
            (None, None) => {}
            (Some(found), Some(words)) => {
                let message = found["message"].as_str().expect("a text");
                assert!(message.contains(words), "{message}");
            }
            (found, words) => panic!("{words:?}: {found:?}"),
        }
    }
}

/// Whether the process handles SIGINT and SIGTERM itself by now (proc(5), `SigCgt`).
#[cfg(target_os = "linux")]
fn catches_signals(id: u32) -> bool {
    const INT_AND_TERM: u64 = 1 << 1 | 1 << 14;
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let mut caught = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught
        .next()
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & INT_AND_TERM == INT_AND_TERM)
}

/// Whatever ends it while it waits, it says so in a whole document.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_interrupted_while_it_reads_says_so() {
    for name in ["INT", "TERM"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rtcdiag"))
            .args(["sdp", "-", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let open = child.stdin.take();
        until(|| catches_signals(child.id()));
        signal(&child, name);
        let output = wait_for_end(child, std::time::Duration::from_secs(20));
        drop(open);
        assert_eq!(output.status.code(), Some(130), "{name}");
        let document: Value = serde_json::from_slice(&output.stdout).expect("it is whole");
        assert_valid(&document);
        assert_eq!(document["outcome"], "interrupted");
        assert_eq!(document["result"], Value::Null);
    }
}
