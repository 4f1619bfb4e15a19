//! A side that goes silent, or ends, at each stage.

use std::process::Command;

use rtcdiag::proto::signal::message::{End, Message};
use serde_json::json;

use super::ice::{Honest, Ice};
use super::lab::{self, ERROR, GOOD, INCONCLUSIVE, Lab};
use super::peer::Peer;

/// How far a side goes before it says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    Joined,
    Greeted,
    Described,
    Candidates,
    Complete,
}

const STAGES: [Stage; 5] = [
    Stage::Joined,
    Stage::Greeted,
    Stage::Described,
    Stage::Candidates,
    Stage::Complete,
];

/// Goes so far.
async fn go(lab: &Lab, stage: Stage) -> Peer {
    let mut peer = Peer::join(lab).await;
    if stage == Stage::Joined {
        peer.is_held = true;
        return peer;
    }
    peer.described().await;
    if stage >= Stage::Described {
        peer.describe();
    }
    if stage >= Stage::Candidates {
        peer.candidate("candidate:1 1 udp 1000 127.0.0.1 9 typ host");
    }
    if stage >= Stage::Complete {
        peer.complete();
    }
    peer.confirmed().await;
    peer
}

/// It stays in the room, and the time limit ends it: no verdict on the network unless the pairs had
/// their time.
#[test]
fn silence_at_each_stage_ends_with_the_time_limit() {
    for stage in STAGES {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "2"]);
            let mut peer = go(&lab, stage).await;
            let ended = program.end_while_it_stays(&mut peer).await;
            ended.assert_within(5.0);
            assert_ne!(ended.code, GOOD, "{stage:?}");
            let state = if stage == Stage::Joined {
                "no-peer"
            } else {
                "failed"
            };
            assert_eq!(ended.result()["state"], state, "{stage:?}");
            ended.assert_finding("timeout");
            if stage != Stage::Joined {
                ended.assert_code(INCONCLUSIVE);
                assert_eq!(peer.told().await, End::Timeout, "{stage:?}");
            }
        });
    }
}

/// It leaves the room without a word.
#[test]
fn who_goes_without_a_word_is_not_waited_for_for_ever() {
    for stage in [Stage::Greeted, Stage::Candidates] {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "30"]);
            drop(go(&lab, stage).await);
            let ended = program.end().await;
            ended.assert_code(INCONCLUSIVE);
            ended.assert_finding("peer-vanished");
            ended.assert_within(16.0);
        });
    }
}

#[test]
fn each_reason_for_an_end_is_passed_on() {
    let [interrupted, timeout, done] =
        ["interrupted", "timeout", "done"].map(|why| json!({"why": why}));
    let error = json!({"why": "error", "message": "the disk is full"});
    let bored = json!({"why": "bored", "x": 1});
    for stage in [Stage::Greeted, Stage::Described, Stage::Complete] {
        for (reason, code, finding, says) in [
            (
                &interrupted,
                INCONCLUSIVE,
                "peer-interrupted",
                "interrupted",
            ),
            (&timeout, INCONCLUSIVE, "peer-out-of-time", "time limit"),
            (&error, ERROR, "peer-failed", "the disk is full"),
            (&done, ERROR, "peer-failed", "without saying why"),
            (&bored, ERROR, "peer-failed", "without saying why"),
        ] {
            lab::with(async |lab: Lab| {
                let program = lab.pair(&["--timeout", "20"]);
                let mut peer = go(&lab, stage).await;
                peer.say_json(&json!({"type": "ended", "reason": reason}));
                let ended = program.end_while_it_stays(&mut peer).await;
                ended.assert_says(code, says);
                ended.assert_finding(finding);
                ended.assert_within(4.0);
            });
        }
    }
}

/// The other side gives up before its candidates have come: that is no diagnosis.
#[test]
fn giving_up_before_the_candidates_have_come_is_no_diagnosis() {
    for stage in [Stage::Described, Stage::Candidates] {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "20"]);
            let mut peer = go(&lab, stage).await;
            peer.say(&Message::Failed);
            peer.say(&Message::Finished);
            peer.say(&Message::Record {
                arrived: vec![],
                troubles: vec![],
                own_relays: vec![],
                found: Box::default(),
            });
            let ended = program.end_while_it_stays(&mut peer).await;
            ended.assert_says(
                INCONCLUSIVE,
                "no verdict on the network: the other side gave up",
            );
            let result = ended.result();
            for causes in ["causes", "relay_causes"] {
                let codes: Vec<&str> = result[causes]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .filter_map(|cause| cause["code"].as_str())
                    .collect();
                assert_eq!(codes, ["unknown"], "{stage:?}: {causes}");
            }
            assert!(result["prediction"]["agrees"].is_null(), "{stage:?}");
            ended.assert_within(6.0);
        });
    }
}

/// Said before the end was due, and after a result: the result stands.
#[test]
fn an_end_after_the_connection_changes_nothing() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        let mut ice = Ice::new(&peer).await;
        ice.introduce(&lab, &mut peer).await;
        ice.serve(&lab, &mut peer, Honest::Yes).await;
        peer.stop();
        peer.stop();
        let ended = program.end().await;
        ended.assert_connected();
        let steps = ended.result()["timeline"].as_array().expect("a list");
        let ends = steps.iter().filter(|s| s["event"] == "peer-ended").count();
        assert!(ends <= 1, "{steps:#?}");
    });
}

#[test]
fn an_interruption_is_told_to_the_other_side() {
    for stage in [Stage::Greeted, Stage::Complete] {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "20"]);
            let mut peer = go(&lab, stage).await;
            let id = program.id();
            let sent = Command::new("kill").args(["-INT", &id]).status();
            assert!(sent.is_ok_and(|status| status.success()));
            assert_eq!(peer.told().await, End::Interrupted, "{stage:?}");
            let ended = program.end().await;
            ended.assert_code(130);
            assert_eq!(ended.document["outcome"], "interrupted");
            ended.assert_within(5.0);
        });
    }
}

/// Ends are said once, and the last messages do not hold up the end for long.
#[test]
fn a_side_that_confirms_nothing_does_not_hold_up_the_end() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "2"]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        peer.is_held = true;
        let ended = program.end_while_it_stays(&mut peer).await;
        ended.assert_within(4.0);
        let is_end = |m: &&Message| matches!(m, Message::Ended { .. });
        assert!(peer.heard.iter().filter(is_end).count() <= 1);
    });
}
