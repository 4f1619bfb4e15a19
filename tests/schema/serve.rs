//! Documents and events of `rtcdiag serve`.

use std::time::Duration;

use rtcdiag::report::Millis;
use rtcdiag::report::serve::{Ended, ListeningReport, RefusedReport, ServeResult, verdict};
use rtcdiag::signal::wire::Refusal;
use serde_json::{Value, json};

use super::schema::assert_valid;
use super::{address, event, refuses};

#[test]
fn every_end_and_every_refusal() {
    for ended in [Ended::Terminated, Ended::Interrupted, Ended::TimeLimit] {
        assert_valid(&document(ServeResult { ended, ..result() }));
    }
    let nothing = ServeResult {
        refused: Vec::new(),
        accept_errors: 0,
        ..result()
    };
    assert_valid(&document(nothing));
}

#[test]
fn wrong_values_are_refused() {
    let document = everything();
    for (at, wrong) in [
        ("/result/addresses", json!([])),
        ("/result/addresses/0", json!("192.0.2.1")),
        ("/result/urls/0", json!("http://192.0.2.1")),
        ("/result/ended", json!("killed")),
        ("/result/joins", json!(-1)),
        ("/result/joins", json!(1.5)),
        ("/result/refused/0/code", json!("whim")),
    ] {
        refuses(&document, at, &wrong);
    }
}

/// Every list has something.
pub fn everything() -> Value {
    document(result())
}

/// One event of each kind.
pub fn events() -> Vec<Value> {
    vec![event("listening", &listening())]
}

fn listening() -> ListeningReport {
    ListeningReport {
        addresses: vec![address("[::]:7880"), address("0.0.0.0:7880")],
        urls: vec![
            "ws://192.0.2.10:7880".into(),
            "wss://rendezvous.example.org".into(),
        ],
        tls: false,
    }
}

fn result() -> ServeResult {
    let refused = Refusal::ALL.map(|refusal| RefusedReport {
        code: refusal.code(),
        count: 2,
    });
    ServeResult {
        listening: listening(),
        ended: Ended::Terminated,
        uptime_ms: Millis(Duration::from_secs(3600)),
        connections: 20,
        rooms: 5,
        joins: 10,
        messages: 200,
        message_bytes: 100_000,
        messages_dropped: 3,
        refused: refused.to_vec(),
        foreign_connections: 4,
        turned_away: 1,
        accept_errors: 1,
    }
}

fn document(result: ServeResult) -> Value {
    super::document("serve", verdict(&result), result)
}
