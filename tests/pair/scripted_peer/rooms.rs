//! Who comes to the room: nobody, a stranger, a third one, two at once, the same code again.

use rtcdiag::net::rendezvous::client::Rendezvous;
use rtcdiag::proto::signal::code::Code;
use rtcdiag::proto::signal::seal::Name;

use super::ice::{Ice, connect, connected};
use super::lab::{self, BAD, ERROR, Lab};
use super::peer::{Peer, greeting, target};

#[test]
fn a_session_as_it_should_be() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&[]);
        let mut peer = Peer::join(&lab).await;
        connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        assert_eq!(ended.result()["path"], "direct");
        assert_eq!(ended.result()["session"]["peer_agrees"], true);
        assert_eq!(ended.refused(), [""; 0]);
        let quality = &ended.result()["quality"];
        assert!(quality["received"].as_u64() > Some(0), "{quality:#}");
        ended.assert_within(8.0);
        peer.assert_sealed(&lab);
        peer.assert_kept(&ended);
    });
}

#[test]
fn with_the_wrong_code_nobody_comes() {
    lab::with(async |lab: Lab| {
        let _peer = Peer::join(&lab).await;
        let wrong = Code::new(rand::random());
        let ended = lab.pair_with(&wrong, &["--json", "--timeout", "1"]).end();
        let ended = ended.await;
        ended.assert_says(BAD, "never came");
        assert_eq!(ended.result()["state"], "no-peer");
        ended.assert_finding("no-peer");
        ended.assert_within(4.0);
    });
}

/// Room names can be guessed or seen, by whoever runs the rendezvous for one. Without the code it is
/// of no use.
#[test]
fn a_stranger_in_the_room_is_not_believed() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "2"]);
        let wrong = Code::new(rand::random());
        let name = Name(rand::random());
        let mut peer = Peer::join_as(&lab, &wrong, name, greeting().encode()).await;
        peer.until("an envelope", |peer| !peer.seen.is_empty())
            .await;
        let ended = program.end_while_it_stays(&mut peer).await;
        ended.assert_says(BAD, "nothing that came could be used");
        assert_eq!(ended.result()["state"], "no-peer");
        ended.assert_refused("somebody without the code");
        assert!(peer.greeting.is_none() && peer.heard.is_empty());
    });
}

#[test]
fn a_code_can_be_used_again_after_the_end() {
    lab::with(async |lab: Lab| {
        for _ in 0..2 {
            let program = lab.pair(&[]);
            let mut peer = Peer::join(&lab).await;
            connect(&lab, &mut peer).await;
            program.end().await.assert_connected();
        }
    });
}

/// What was said in an earlier run with the same code does not open in a later one.
#[test]
fn what_was_sealed_in_an_earlier_run_is_refused() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&[]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        peer.is_held = true;
        let sdp = peer.sdp();
        peer.say(&rtcdiag::proto::signal::message::Message::Answer { sdp });
        let old = peer.waiting();
        drop(peer);
        drop(program);
        let program = lab.pair(&[]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        for envelope in old {
            peer.send_raw(envelope);
        }
        connect(&lab, &mut peer).await;
        let ended = program.end().await;
        ended.assert_connected();
        ended.assert_refused("changed on the way");
    });
}

#[test]
fn a_third_one_is_turned_away_and_the_two_go_on() {
    let ended = connected(async |lab, _| {
        let third = lab.pair(&[]).end().await;
        third.assert_code(ERROR);
        // It may be one of those that the code is for, and another one sits in its place.
        for says in [
            "two others are in this session already",
            "if you are one of the two that it is for, somebody else has the code",
            "begin again with a new one (rtcdiag pair)",
        ] {
            assert!(third.stderr.contains(says), "'{says}': {}", third.stderr);
        }
        third.assert_within(4.0);
    });
    let told = ended.assert_finding("third-joiner")["hint"].to_string();
    assert!(told.contains("somebody else had the code"), "{told}");
}

#[test]
fn of_three_at_once_two_connect() {
    lab::with(async |lab: Lab| {
        let programs = [(); 3].map(|()| lab.pair(&["--timeout", "20"]));
        let mut codes = Vec::new();
        for program in programs {
            codes.push(program.end().await.code);
        }
        codes.sort_unstable();
        assert_eq!(codes, [0, 0, 2]);
    });
}

/// The same side, whose connection dropped: the session goes on.
#[test]
fn the_other_side_comes_back() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "20"]);
        let mut peer = Peer::join(&lab).await;
        peer.described().await;
        let again = target(&lab, &lab.code, peer.name);
        peer.rendezvous = Rendezvous::connect(again, lab.clock).await.expect("there");
        connect(&lab, &mut peer).await;
        program.end().await.assert_connected();
    });
}

/// A side that was killed and begun again has another name: it is not taken for the one before, and
/// this side does not wait for that one until its own time is over.
#[test]
fn the_other_side_is_killed_and_begun_again() {
    lab::with(async |lab: Lab| {
        let program = lab.pair(&["--timeout", "30"]);
        let mut peer = Peer::join(&lab).await;
        let mut ice = Ice::new(&peer).await;
        ice.introduce(&lab, &mut peer).await;
        peer.confirmed().await;
        drop(peer);
        let mut second = Peer::join(&lab).await;
        let ended = program.end_while_it_stays(&mut second).await;
        assert_ne!(ended.code, 0, "{}", ended.summary());
        ended.assert_refused("a third side");
        ended.assert_finding("peer-vanished");
        ended.assert_within(20.0);
    });
}
