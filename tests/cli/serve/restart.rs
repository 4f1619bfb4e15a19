//! The server is stopped, or killed, in the middle of a session.

use std::time::Duration;

use super::lab::Server;
use crate::support::rendezvous::side::Side;
use crate::support::rendezvous::{run, target};

#[test]
fn a_restart_costs_a_reconnect_and_nothing_else() {
    for signal in ["TERM", "KILL"] {
        run(over_a_restart(signal));
    }
}

async fn over_a_restart(signal: &str) {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    let mut a = Side::new(target(&address, 1)).await;
    let mut b = Side::new(target(&address, 2)).await;
    say(&mut a, &mut b, 0..20);
    Side::work_together(&mut a, &mut b, 20).await;
    // One half is on its way when the server goes, the other is said while there is none.
    say(&mut a, &mut b, 20..30);
    a.flush();
    b.flush();
    server.signal(signal);
    drop(server);
    say(&mut a, &mut b, 30..40);
    tokio::time::sleep(Duration::from_millis(150)).await;
    let server = Server::at(&["--listen", &address], &[]);
    Side::work_together(&mut a, &mut b, 40).await;
    let all: Vec<Vec<u8>> = (0..40).map(|number| vec![number]).collect();
    assert_eq!((&a.heard, &b.heard), (&all, &all), "{signal}");
    assert_eq!((a.joins, b.joins), (2, 2), "{signal}");
    assert_eq!(server.stop().result()["joins"], 2);
}

fn say(a: &mut Side, b: &mut Side, numbers: std::ops::Range<u8>) {
    for number in numbers {
        a.session.send(vec![number]).expect("room");
        b.session.send(vec![number]).expect("room");
    }
}
