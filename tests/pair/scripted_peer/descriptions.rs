//! Descriptions that are none, or more than one.

use rtcdiag::proto::signal::message::{End, Message};

use super::ice::{Honest, Ice, connect};
use super::lab::{self, BAD, ERROR, Lab};
use super::peer::Peer;

/// What cannot be used ends the session at once, on both sides, with the reason.
#[test]
fn what_is_no_description_ends_the_session() {
    let good = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n";
    let many = format!("{good}{}", "\n".repeat(100_000));
    let cases = [
        (String::new(), "not SDP"),
        ("hello".to_owned(), "not SDP"),
        ("\u{0}\u{1}\u{2}".to_owned(), "not SDP"),
        (good.replace("a=ice-ufrag:abcd\r\n", ""), "no a=ice-ufrag"),
        (good.replace("abcd", ""), "no a=ice-ufrag"),
        (good.replace("abcd", "abc"), "ice-ufrag does not follow"),
        (
            good.replace("abcd", &"a".repeat(257)),
            "ice-ufrag does not follow",
        ),
        (
            good.replace("abcd", "ab\u{1b}[31m"),
            "ice-ufrag does not follow",
        ),
        (good.replace("abcd", "ab:cd"), "ice-ufrag does not follow"),
        (good.replace("a=ice-pwd", "a=ice-key"), "no a=ice-pwd"),
        (good.replace("0123456789", ""), "ice-pwd does not follow"),
        (
            good.replace("0123456789", "0123456789\u{7}"),
            "ice-pwd does not follow",
        ),
        (many, "more than"),
    ];
    for (sdp, says) in cases {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&[]);
            let mut peer = Peer::join(&lab).await;
            peer.described().await;
            peer.say(&Message::Answer { sdp });
            let End::Error { message } = peer.told().await else {
                panic!("{says}: the other side is told why: {:?}", peer.heard);
            };
            assert!(message.contains(says), "{message}");
            let ended = program.end().await;
            ended.assert_says(ERROR, says);
            ended.assert_not_the_rendezvous();
            assert_eq!(ended.result()["state"], "failed");
            ended.assert_within(4.0);
            peer.assert_kept(&ended);
        });
    }
}

#[test]
fn only_the_first_description_counts() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        let mut ice = Ice::new(&peer).await;
        ice.introduce(&lab, &mut peer).await;
        let second = peer
            .sdp()
            .replace(&peer.own.password, "0123456789abcdefghijklmn");
        peer.say(&Message::Offer { sdp: second });
        peer.say(&Message::Answer {
            sdp: "no SDP at all".into(),
        });
        ice.serve(&lab, &mut peer, Honest::Yes).await;
        let ended = program.end().await;
        ended.assert_connected();
        ended.assert_refused("a second description");
    });
}

/// RFC 8445 6.1.1: the full side controls, whatever was said before.
#[test]
fn a_lite_side_is_controlled() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        let mut ice = Ice::new(&peer).await;
        peer.described().await;
        let sdp = peer.sdp().replace("m=", "a=ice-lite\r\nm=");
        peer.say(&Message::Answer { sdp });
        ice.connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        assert_eq!(ended.result()["role"], "controlling");
    });
}

#[test]
fn thousands_of_candidates_in_a_description_are_cut() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        let line = |port| format!("candidate:1 1 udp 1000 127.0.0.2 {port} typ host");
        let sdp = peer.sdp_with((1..=1900).map(line));
        peer.say(&Message::Answer { sdp });
        let mut ice = Ice::new(&peer).await;
        ice.begin(&lab, &peer);
        // It comes too late for a place in the list; but its own checks make it known.
        ice.serve(&lab, &mut peer, Honest::Yes).await;
        let ended = program.end().await;
        assert_eq!(ended.remote_candidates().len(), 100);
        let pairs = ended.result()["pairs"].as_array().map_or(0, Vec::len);
        assert!(pairs <= 200, "{pairs}");
        ended.assert_connected();
    });
}

/// With nothing to check there is nothing to wait for.
#[test]
fn a_description_without_candidates_ends_without_a_connection() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        peer.describe();
        peer.complete();
        peer.until("its end of hope", |peer| {
            peer.heard.contains(&Message::Failed)
        })
        .await;
        peer.say(&Message::Failed);
        peer.say(&Message::Finished);
        peer.say(&Message::Record {
            arrived: vec![],
            troubles: vec![],
            own_relays: vec![],
            found: Box::default(),
        });
        peer.told().await;
        let ended = program.end().await;
        ended.assert_says(BAD, "No connection");
        ended.assert_within(10.0);
    });
}

#[test]
fn a_session_goes_on_whichever_of_the_two_offers() {
    for offer in [false, true] {
        lab::with(async |lab: Lab| {
            let program = lab.pair(&["--timeout", "20"]);
            let mut peer = Peer::join(&lab).await;
            if offer {
                peer.described().await;
                let sdp = peer.sdp();
                peer.say(&Message::Offer { sdp });
                let mut ice = Ice::new(&peer).await;
                ice.connect(&lab, &mut peer).await;
            } else {
                connect(&lab, &mut peer).await;
            }
            program.end().await.assert_connected();
        });
    }
}
