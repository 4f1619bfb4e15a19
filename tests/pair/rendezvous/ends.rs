//! Connections and servers that go away and come back.

use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::net::rendezvous::client::Event;
use rtcdiag::net::servers::rendezvous::Options;

use crate::support::rendezvous::side::Side;
use crate::support::rendezvous::{Running, code, connect, run};

#[test]
fn a_restart_in_the_middle_costs_a_reconnect_and_nothing_else() {
    run(async {
        let server = Running::start();
        let port = server.address.port();
        let mut a = Side::new(server.target(1)).await;
        let mut b = Side::new(server.target(2)).await;
        for number in 0..30 {
            a.session.send(vec![number]).expect("room");
            b.session.send(vec![number]).expect("room");
        }
        Side::work_together(&mut a, &mut b, 30).await;
        // Sent in the time without a server.
        for number in 30..60 {
            a.session.send(vec![number]).expect("room");
            b.session.send(vec![number]).expect("room");
        }
        a.flush();
        server.stop().await;
        b.flush();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let server = Running::with(Options::default(), port);
        Side::work_together(&mut a, &mut b, 60).await;
        let all: Vec<Vec<u8>> = (0..60).map(|number| vec![number]).collect();
        assert_eq!(a.heard, all);
        assert_eq!(b.heard, all);
        assert_eq!((a.joins, b.joins), (2, 2));
        assert_eq!(server.stop().await.joins, 2);
    });
}

#[test]
fn a_server_that_stops_says_so_and_is_waited_for() {
    run(async {
        let server = Running::start();
        let port = server.address.port();
        let (mut a, _b) = server.pair().await;
        let stopping = tokio::time::timeout(Duration::from_secs(1), server.stop());
        stopping.await.expect("members leave at once");
        let lost = a.next().await;
        assert!(
            matches!(&lost, Some(Event::Lost(e)) if e.code == Code::ShuttingDown),
            "{lost:?}"
        );
        let lost = a.next().await;
        assert!(
            matches!(&lost, Some(Event::Lost(e)) if e.code == Code::Refused),
            "{lost:?}"
        );
        let server = Running::with(Options::default(), port);
        assert!(matches!(a.next().await, Some(Event::Joined { .. })));
        server.stop().await;
    });
}

#[test]
fn silent_slow_and_endless_ones_are_ended() {
    run(async {
        let mut options = Options::default();
        options.limits.rooms.lifetime = Duration::from_millis(300);
        let server = Running::with(options, 0);
        let (mut a, mut b) = server.pair().await;
        assert_eq!(
            crate::support::rendezvous::refusal(&mut a).await,
            "room-expired"
        );
        assert_eq!(
            crate::support::rendezvous::refusal(&mut b).await,
            "room-expired"
        );
        assert_eq!(a.next().await, None);
    });
}

#[test]
fn who_sends_too_fast_is_dropped_and_comes_back() {
    run(async {
        let mut options = Options::default();
        options.limits.rooms.messages_per_second = 2;
        let server = Running::with(options, 0);
        let (mut a, _b) = server.pair().await;
        for _ in 0..100 {
            a.send(vec![1]).expect("small");
        }
        let lost = a.next().await;
        assert!(
            matches!(&lost, Some(Event::Lost(e)) if e.code == Code::TooFast),
            "{lost:?}"
        );
        assert!(matches!(a.next().await, Some(Event::Joined { .. })));
    });
}

#[test]
fn a_message_that_this_server_does_not_take_is_the_end() {
    run(async {
        let mut options = Options::default();
        options.limits.message = 1000;
        let server = Running::with(options, 0);
        let (mut a, mut b) = server.pair().await;
        a.send(vec![1; 1001]).expect("others would take it");
        assert_eq!(
            crate::support::rendezvous::refusal(&mut a).await,
            "too-large"
        );
        assert_eq!(b.next().await, Some(Event::PeerLeft));
    });
}

#[test]
fn limits_of_connections_joins_and_rooms_have_their_words() {
    run(async {
        let mut options = Options::default();
        options.limits.visitors.connections_per_address = 1;
        let server = Running::with(options, 0);
        let _a = server.join(1).await;
        let error = server.try_join(2).await.expect_err("one is enough");
        assert_eq!(error.code, Code::TooManyConnections);

        let mut options = Options::default();
        options.limits.visitors.joins_per_second = 1;
        let server = Running::with(options, 0);
        let mut last = None;
        for number in 1..20 {
            last = server.try_join(number % 2).await.err();
        }
        assert_eq!(last.expect("too many").code, Code::TooFast);

        let mut options = Options::default();
        options.limits.rooms.rooms = 1;
        let server = Running::with(options, 0);
        let _a = server.join(1).await;
        let mut elsewhere = server.target(2);
        elsewhere.room = (&code(2)).into();
        let error = connect(elsewhere).await.expect_err("one is enough");
        assert_eq!(error.code, Code::TooManyRooms);
    });
}
