//! Greetings and messages of other versions, and such as are none.

use rtcdiag::net::servers::rendezvous::Limits;
use rtcdiag::proto::signal::message::{End, Message};
use rtcdiag::proto::signal::seal::{Kind, header, seal_message};
use serde_json::json;

use super::candidates::unlimited;
use super::ice::{connect, connected, connected_within};
use super::lab::{self, ERROR, Lab};
use super::peer::Peer;

/// A newer side is told, since it may know what to do; this one's user too.
#[test]
fn a_newer_version_is_named_on_both_sides() {
    for greeting in [
        json!({"version": 2, "software": "rtcdiag/9.0.0"}),
        json!({"version": 2}),
        json!({"version": 4_294_967_295_u32, "software": 7}),
    ] {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "20"]);
            let mut peer = Peer::join_with(&lab, greeting.to_string().into()).await;
            let End::Error { message } = peer.told().await else {
                panic!("the other side is told why: {:?}", peer.heard);
            };
            assert!(message.contains("version"), "{message}");
            let ended = program.end().await;
            let version = greeting["version"].to_string();
            ended.assert_says(ERROR, &format!("version {version}"));
            ended.assert_says(ERROR, "same version");
            ended.assert_not_the_rendezvous();
            ended.assert_within(4.0);
        });
    }
}

#[test]
fn a_greeting_that_is_none_is_named_on_both_sides() {
    for greeting in [
        &b""[..],
        b"hello",
        b"{}",
        b"\xff\xfe",
        br#"{"version": "1"}"#,
        br#"{"version": 1}"#,
        br#"{"version": 1, "software": "x", "role": "\u001b[31mboss"}"#,
        br#"{"version": -1, "software": "x"}"#,
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    ] {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "20"]);
            let mut peer = Peer::join_with(&lab, greeting.to_vec()).await;
            let End::Error { .. } = peer.told().await else {
                panic!("the other side is told why: {:?}", peer.heard);
            };
            let ended = program.end().await;
            ended.assert_says(ERROR, "cannot be read");
            ended.assert_not_the_rendezvous();
            ended.assert_within(4.0);
        });
    }
}

#[test]
fn an_older_side_of_the_same_version_is_understood() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20", "--role", "controlling"]);
        let greeting = json!({"version": 1, "software": "rtcdiag/0.0.9"});
        let mut peer = Peer::join_with(&lab, greeting.to_string().into()).await;
        connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        assert_eq!(ended.result()["session"]["peer_version"], "0.0.9");
        ended.assert_finding("peer-version");
    });
}

#[test]
fn what_only_newer_sides_say_is_skipped() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let greeting = json!({
            "version": 1, "software": "rtcdiag/0.1.0", "role": "controlled", "mood": {"good": [1]},
        });
        let mut peer = Peer::join_with(&lab, greeting.to_string().into()).await;
        peer.described().await;
        peer.say_json(&json!({"type": "hologram", "x": [1, {"y": 2}]}));
        peer.say_json(&json!({"type": "complete-soon"}));
        peer.say_json(&json!({
            "type": "candidate", "line": "candidate:1 1 udp 1000 127.0.0.1 9 typ host", "colour": "blue",
        }));
        connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        assert_eq!(ended.refused(), [""; 0]);
        assert_eq!(ended.remote_candidates().len(), 2);
    });
}

#[test]
fn what_cannot_be_read_is_named_and_the_session_goes_on() {
    let ended = connected(async |_, peer| {
        let deep = "[".repeat(100_000);
        let wrong: [&[u8]; 12] = [
            b"",
            b"{",
            b"null",
            b"\xff\xfe\xfd",
            b"{\"type\": \"offer\", \"sdp\": \"\xc3\x28\"}",
            br#"{"type": "offer"}"#,
            br#"{"type": "candidate", "line": 7}"#,
            br#"{"type": "record", "arrived": [-1]}"#,
            br#"{"type": "record", "arrived": [1e99]}"#,
            br#"{"type": "connected", "local": "nowhere", "remote": "127.0.0.1:5"}"#,
            br#"{"type": "nat", "nats": [{"family": "ipv9"}]}"#,
            deep.as_bytes(),
        ];
        for text in wrong {
            peer.say_raw(text);
        }
    });
    ended.assert_refused("cannot be read");
}

/// Who has not greeted has not said who it is.
#[test]
fn messages_before_the_greeting_are_named_and_the_session_goes_on() {
    let ended = connected_within(Limits::default(), "20", async |lab, peer| {
        peer.is_held = true;
        peer.until("a greeting", |peer| !peer.seen.is_empty()).await;
        let theirs = header(&peer.seen[0]).expect("an envelope").from;
        let early = Message::Failed.encode();
        for number in 0..3 {
            let kind = Kind::Message(number);
            let envelope = seal_message(&lab.code, peer.name, theirs, kind, &early);
            peer.send_raw(envelope.expect("small"));
        }
        peer.is_held = false;
        peer.flush();
    });
    ended.assert_refused("somebody without the code");
}

/// Ten thousand messages, as fast as they are confirmed.
#[test]
fn a_flood_that_the_rendezvous_lets_through_is_borne() {
    let ended = connected_within(unlimited(), "30", async |_, peer| {
        peer.described().await;
        let kinds = [
            json!({"type": "hologram"}),
            json!({"type": "complete"}),
            json!({"type": "directs-complete", "udp": true}),
            json!({"type": "record", "arrived": [1, 2, 3]}),
            json!({"type": "nat", "nats": []}),
        ];
        for batch in 0..25 {
            for _ in 0..400 {
                peer.say_json(&kinds[batch % kinds.len()]);
            }
            peer.confirmed().await;
        }
    });
    let timeline = ended.result()["timeline"].as_array().map_or(0, Vec::len);
    assert!(timeline < 200, "{timeline} steps");
    ended.assert_within(25.0);
}

/// The rendezvous ends the connection of who floods. The other one is only told that it has gone.
#[test]
fn a_flood_costs_the_sender_its_connection() {
    let ended = connected_within(Limits::default(), "30", async |_, peer| {
        peer.described().await;
        for _ in 0..5_000 {
            peer.send_raw(vec![1, 1, 1]);
        }
        // Its client joins again by itself.
    });
    assert_eq!(ended.result()["session"]["reconnects"], 0, "it did nothing");
}
