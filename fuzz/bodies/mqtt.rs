//! Whatever a broker sends, in pieces and at once. The first byte says how long the pieces are.

use std::time::Duration;

use rtcdiag::base::bounds;
use rtcdiag::base::time::Time;
use rtcdiag::proto::signal::mqtt::{Budget, Client, Settings, Used};
use rtcdiag::proto::signal::rooms::RoomKind;

pub fn body(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else {
        return;
    };
    let outcome = |piece: usize| {
        let settings = Settings {
            topic: "VPQ4P6B60ED1JMG5WFPYVBBS9R".to_owned(),
            login: None,
            sender: [7; 8],
            largest: bounds::BROKER_PIECE,
            budget: Budget::of(RoomKind::Pair),
        };
        let mut client = Client::new(Time::ZERO, settings, Used::default());
        client.send(Time::ZERO, vec![1; 2000]);
        for bytes in bytes.chunks(piece) {
            client.handle_input(Time::ZERO, bytes);
        }
        let mut events = Vec::new();
        while let Some(event) = client.poll_event() {
            events.push(format!("{event:?}"));
        }
        let fault = client.fault();
        // It ends whatever came, and sends no more than a guest may.
        let mut sent = 0;
        let mut now = Time::ZERO;
        client.leave(now);
        while let Some(due) = client.poll_timeout().filter(|_| now < Time::from_secs(600)) {
            now = now.max(due) + Duration::from_millis(1);
            client.handle_timeout(now);
            while let Some(bytes) = client.poll_transmit() {
                sent += bytes.len();
            }
        }
        assert!(sent < 200_000, "{sent} bytes");
        (events, fault)
    };
    assert_eq!(
        outcome(usize::from(*piece).max(1)),
        outcome(bytes.len().max(1))
    );
}
