//! Client and server of the rendezvous in one process, on loopback.

mod ends;
mod foreign;
mod tls;

use std::time::Duration;

use crate::support::rendezvous::{NowOrNone as _, Running, code, member, refusal, run, target};
use rtcdiag::base::codes::Code;
use rtcdiag::net::rendezvous::client::Event;
use rtcdiag::proto::signal::seal::MAX_ENVELOPE;

#[test]
fn two_meet_and_hear_each_other() {
    run(async {
        let server = Running::start();
        let mut a = server.join(1).await;
        assert_eq!(a.next().await, Some(Event::Joined { peer: Some(false) }));
        let mut b = server.join(2).await;
        assert_eq!(b.next().await, Some(Event::Joined { peer: Some(true) }));
        assert_eq!(a.next().await, Some(Event::PeerJoined));
        for size in [0, 1, 125, 126, 65_535, 65_536, MAX_ENVELOPE] {
            let envelope = vec![7; size];
            a.send(envelope.clone()).expect("it is small enough");
            assert_eq!(b.next().await, Some(Event::Envelope(envelope.clone())));
            b.send(envelope.clone()).expect("it is small enough");
            assert_eq!(a.next().await, Some(Event::Envelope(envelope)));
        }
        let error = a.send(vec![7; MAX_ENVELOPE + 1]).expect_err("too large");
        assert_eq!(error.code, Code::TooLarge);
        b.send(b"last".to_vec()).expect("small");
        b.close(Duration::from_secs(1)).await;
        assert_eq!(a.next().await, Some(Event::Envelope(b"last".to_vec())));
        assert_eq!(a.next().await, Some(Event::PeerLeft));
        let totals = server.stop().await;
        assert_eq!((totals.joins, totals.rooms), (2, 1));
        assert_eq!(totals.messages, 15);
    });
}

#[test]
fn a_third_is_refused_and_both_are_told() {
    run(async {
        let server = Running::start();
        let (mut a, mut b) = server.pair().await;
        let error = server.try_join(3).await.expect_err("the room is full");
        assert_eq!(error.code, Code::RoomFull);
        assert_eq!(a.next().await, Some(Event::ThirdRefused));
        assert_eq!(b.next().await, Some(Event::ThirdRefused));
    });
}

#[test]
fn whoever_joins_again_takes_its_own_place() {
    run(async {
        let server = Running::start();
        let (mut a, mut b) = server.pair().await;
        let mut again = server.join(1).await;
        assert_eq!(again.next().await, Some(Event::Joined { peer: Some(true) }));
        assert_eq!(b.next().await, Some(Event::PeerJoined));
        assert_eq!(refusal(&mut a).await, "replaced");
        again.send(b"here".to_vec()).expect("small");
        assert_eq!(b.next().await, Some(Event::Envelope(b"here".to_vec())));
    });
}

#[test]
fn rooms_do_not_hear_each_other() {
    run(async {
        let server = Running::start();
        let (a, mut b) = server.pair().await;
        let mut elsewhere = server.target(3);
        elsewhere.room = (&code(9)).into();
        let mut c = crate::support::rendezvous::connect(elsewhere)
            .await
            .expect("a room");
        assert_eq!(c.next().await, Some(Event::Joined { peer: Some(false) }));
        a.send(b"to b".to_vec()).expect("small");
        assert_eq!(b.next().await, Some(Event::Envelope(b"to b".to_vec())));
        server.stop().await;
        assert!(
            matches!(c.next().await, Some(Event::Lost(error)) if error.code == Code::ShuttingDown)
        );
    });
}

#[test]
fn both_families_and_names_lead_to_one_set_of_rooms() {
    run(async {
        let server = Running::start();
        let port = server.address.port();
        let mut a = crate::support::rendezvous::connect(target(&format!("127.0.0.1:{port}"), 1))
            .await
            .expect("IPv4");
        assert_eq!(a.next().await, Some(Event::Joined { peer: Some(false) }));
        let b =
            crate::support::rendezvous::connect(target(&format!("ws://[::1]:{port}/"), 2)).await;
        let mut b = b.expect("IPv6");
        assert_eq!(b.next().await, Some(Event::Joined { peer: Some(true) }));
        let again = target(&format!("localhost:{port}"), 2);
        let mut again = crate::support::rendezvous::connect(again)
            .await
            .expect("a name");
        assert_eq!(again.next().await, Some(Event::Joined { peer: Some(true) }));
        assert_eq!(again.next().now_or_none().await, None);
        assert_ne!(member(1), member(2));
    });
}
