//! What the other side says may be shown, but must not draw on the terminal. The harness looks at
//! everything that the program prints; here the other side puts such things into every place.

use rtcdiag::proto::signal::message::Message;
use serde_json::json;

use super::ice::{Honest, Ice};
use super::lab::{self, ERROR, Lab};
use super::peer::Peer;

/// Clears the screen, sets the title, rings, turns the text around, hides it.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\r\n\u{8}\u{202e}evil\u{200b}\u{7f}\u{3164}\u{115f}\u{ffa0}\u{fe0f}\u{e0041}\u{feff}";

fn evil_facts() -> serde_json::Value {
    let fact = json!({"status": "inconclusive", "reason": "contradiction", "detail": EVIL});
    json!({
        "family": "ipv4", "local_address": "127.0.0.1", "udp": fact, "nat": fact,
        "mapping": fact, "filtering": fact, "hairpinning": fact,
        "reflexive_addresses": ["192.0.2.1:5"],
    })
}

#[test]
fn nothing_that_the_other_side_says_draws_on_the_terminal() {
    for output in [
        &["--json"][..],
        &["--jsonl"],
        &["-v"],
        &["-v", "--color", "never"],
    ] {
        lab::with(async |lab: Lab| {
            let more = [output, &["--timeout", "20"]].concat();
            let program = lab.pair_with(&lab.code, &more);
            let greeting = json!({
                "version": 1, "software": format!("rtcdiag/{EVIL}"), "role": "controlled",
            });
            let mut peer = Peer::join_with(&lab, greeting.to_string().into()).await;
            let mut ice = Ice::new(&peer).await;
            peer.described().await;
            let evil_lines = [
                format!("candidate:1 1 {EVIL} 1000 127.0.0.1 9 typ host"),
                format!("candidate:1 1 udp 1000 {EVIL}.local 9 typ host"),
                format!(
                    "candidate:1 1 {} 1000 127.0.0.1 9 typ host",
                    EVIL.replace(['\r', '\n'], "")
                ),
                format!(
                    "candidate:1 1 udp 1000 {}.local 9 typ host",
                    EVIL.replace(['\r', '\n'], "")
                ),
                format!("candidate:{EVIL} 1 udp 1000 127.0.0.1 9 typ host"),
                format!("candidate:1 1 udp 1000 127.0.0.1 9 typ host {EVIL} {EVIL}"),
                EVIL.to_owned(),
            ];
            let unknown = format!("{EVIL}:{EVIL}");
            let sdp = peer.sdp_with(evil_lines.iter().chain([&unknown]));
            peer.say(&Message::Answer { sdp });
            for line in &evil_lines {
                peer.candidate(line);
            }
            peer.say(&Message::Candidate {
                line: ice.line(),
                interface: Some(EVIL.into()),
                server: Some(EVIL.into()),
                relay_transport: None,
            });
            peer.say_json(&json!({"type": "nat", "nats": [evil_facts()]}));
            peer.say_json(&json!({"type": "candidate", "line": "x", "relay_transport": EVIL}));
            peer.say_json(&json!({"type": "nat", "nats": [{"family": EVIL}]}));
            peer.complete();
            ice.begin(&lab, &peer);
            ice.serve(&lab, &mut peer, Honest::Yes).await;
            let ended = program.end().await;
            assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        });
    }
}

#[test]
fn nor_does_the_reason_for_its_end() {
    for output in ["--json", "-v"] {
        lab::with(async |lab: Lab| {
            let program = lab.pair_with(&lab.code, &[output, "--timeout", "20"]);
            let mut peer = Peer::join(&lab).await;
            peer.described().await;
            peer.say_json(&json!({
                "type": "ended", "reason": {"why": "error", "message": EVIL.repeat(2000)},
            }));
            let ended = program.end().await;
            ended.assert_code(ERROR);
            let all = format!("{}{}", ended.stdout, ended.stderr);
            assert!(all.contains("evil"), "it is shown: {all}");
            assert!(all.len() < 20_000, "{} bytes", all.len());
        });
    }
}

/// What the program tells in its turn about what it was told.
#[test]
fn nor_does_it_come_back_in_what_the_other_side_is_told() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let greeting = json!({"version": 1, "software": "x", "role": EVIL});
        let mut peer = Peer::join_with(&lab, greeting.to_string().into()).await;
        let end = peer.told().await;
        let rtcdiag::proto::signal::message::End::Error { message } = end else {
            panic!("{end:?}");
        };
        assert!(!message.chars().any(lab::is_harmful), "{message:?}");
        program.end().await.assert_code(ERROR);
    });
}
