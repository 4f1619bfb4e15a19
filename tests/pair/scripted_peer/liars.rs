//! A side that says what is not so.

use rtcdiag::proto::signal::message::Message;

use super::ice::{Honest, Ice};
use super::lab::{self, BAD, Ended, GOOD, Lab};
use super::peer::Peer;

/// A side that only talks, and then stays.
async fn only_talk(lab: &Lab, say: impl FnOnce(&mut Peer)) -> Ended {
    let program = lab.pair(&["--timeout", "3"]);
    let mut peer = Peer::join(lab).await;
    peer.described().await;
    peer.describe();
    say(&mut peer);
    let ended = program.end_while_it_stays(&mut peer).await;
    ended.assert_within(6.0);
    ended
}

#[test]
fn who_is_not_connected_is_not_believed_to_be() {
    lab::with(async |lab: Lab| {
        let ended = only_talk(&lab, |peer| {
            peer.say(&Message::Connected {
                local: "127.0.0.1:9".parse().ok(),
                remote: "127.0.0.1:10".parse().ok(),
            });
            peer.say(&Message::Finished);
            peer.say(&Message::Record {
                arrived: vec![1, 2],
                troubles: vec![],
                own_relays: vec![],
                found: Box::default(),
            });
            peer.say(&Message::Record {
                arrived: vec![3],
                troubles: vec![],
                own_relays: vec![],
                found: Box::default(),
            });
        })
        .await;
        assert_eq!(ended.result()["state"], "failed");
        assert_eq!(ended.result()["selected"], serde_json::Value::Null);
        assert_ne!(ended.code, GOOD);
        assert_ne!(ended.result()["session"]["peer_agrees"], true);
    });
}

#[test]
fn a_failure_before_its_time_is_no_verdict_on_the_network() {
    lab::with(async |lab: Lab| {
        let ended = only_talk(&lab, |peer| {
            peer.candidate("candidate:1 1 udp 1000 127.0.0.1 9 typ host");
            peer.say(&Message::Failed);
        })
        .await;
        assert_eq!(ended.result()["state"], "failed");
        assert_ne!(ended.code, GOOD);
    });
}

/// A real connection, about which the other side says something else.
async fn connected_but(lab: &Lab, lie: impl Fn(&mut Peer, &Ice)) -> Ended {
    let program = lab.pair(&["--timeout", "20"]);
    let mut peer = Peer::join(lab).await;
    let mut ice = Ice::new(&peer).await;
    ice.introduce(lab, &mut peer).await;
    // It says this before it can know.
    lie(&mut peer, &ice);
    ice.serve(lab, &mut peer, Honest::No).await;
    program.end().await
}

#[test]
fn two_who_report_different_pairs_do_not_agree() {
    lab::with(async |lab: Lab| {
        let ended = connected_but(&lab, |peer, ice| {
            peer.say(&Message::Connected {
                local: Some(ice.address),
                remote: "127.0.0.1:9".parse().ok(),
            });
            peer.say(&Message::Finished);
            peer.say(&Message::Record {
                arrived: vec![],
                troubles: vec![],
                own_relays: vec![],
                found: Box::default(),
            });
        })
        .await;
        assert_eq!(ended.result()["session"]["peer_agrees"], false);
        ended.assert_finding("no-agreement");
        ended.assert_code(BAD);
    });
}

#[test]
fn the_other_sides_failure_is_no_success_of_this_one() {
    lab::with(async |lab: Lab| {
        let ended = connected_but(&lab, |peer, _| peer.say(&Message::Failed)).await;
        assert_eq!(ended.result()["state"], "failed");
        ended.assert_code(BAD);
    });
}

/// As many as fit into a message; none of them is one of this side's checks, and what is not said
/// is not made up.
#[test]
fn a_record_of_more_checks_than_were_ever_sent() {
    lab::with(async |lab: Lab| {
        let ended = connected_but(&lab, |peer, _| {
            let million = Message::Record {
                arrived: (0..1_000_000).collect(),
                troubles: vec![],
                own_relays: vec![],
                found: Box::default(),
            };
            assert!(
                peer.session.send(million.encode()).is_err(),
                "it does not fit"
            );
            peer.say(&Message::Finished);
            peer.say(&Message::Record {
                arrived: (0..40_000).collect(),
                troubles: vec![],
                own_relays: vec![],
                found: Box::default(),
            });
        })
        .await;
        assert_eq!(ended.result()["state"], "connected");
        for pair in ended.result()["pairs"].as_array().expect("a list") {
            let (arrived, sent) = (&pair["requests_arrived"], &pair["requests_sent"]);
            assert!(arrived.as_u64() <= sent.as_u64(), "{pair:#}");
        }
    });
}

/// Checks pass, and data does not come back: that is no connection, however good it looks.
#[test]
fn data_that_never_comes_back_is_no_connection() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "30"]);
        let mut peer = Peer::join(&lab).await;
        let mut ice = Ice::new(&peer).await;
        ice.echoes = false;
        ice.introduce(&lab, &mut peer).await;
        ice.serve(&lab, &mut peer, Honest::Yes).await;
        let ended = program.end().await;
        assert_eq!(ended.result()["state"], "failed", "{}", ended.summary());
        assert_ne!(ended.code, GOOD);
        ended.assert_within(25.0);
    });
}
