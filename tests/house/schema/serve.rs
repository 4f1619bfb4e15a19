//! Documents and events of `rtcdiag serve`.

use std::time::Duration;

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::{ErrorReport, Millis};
use rtcdiag::commands::serve::report::responders::{
    StunListening, StunTotals, TurnListening, TurnRefused, TurnTotals,
};
use rtcdiag::commands::serve::report::{
    BrokerListening, BrokerTotals, Ended, ListeningReport, RefusedReport, ServeResult, verdict,
};
use rtcdiag::proto::signal::wire::Refusal;
use rtcdiag::proto::turn::server::answer::Refusal as Refused;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::{address, event, refuses_each};
use crate::support::schema::assert_valid;

#[test]
fn every_end_and_every_refusal() {
    for ended in [Ended::Terminated, Ended::Interrupted, Ended::TimeLimit] {
        assert_valid(&document(ServeResult { ended, ..result() }));
    }
    let nothing = ServeResult {
        refused: Vec::new(),
        accept_errors: 0,
        listening: ListeningReport {
            stun: Vec::new(),
            turn: None,
            broker: None,
            ..listening()
        },
        stun_totals: None,
        turn_totals: None,
        broker_totals: None,
        ..result()
    };
    assert_valid(&document(nothing));
}

#[test]
fn wrong_values_are_refused() {
    let document = everything();
    let wrong = json!({
        "": {
            "result/addresses": [[]], "result/addresses/0": ["192.0.2.1"], "result/urls/0": ["http://192.0.2.1"],
            "result/ended": ["killed"], "result/joins": [-1, 1.5], "result/refused/0/code": ["whim"],
            "result/stun": [null], "result/stun/0/uris/0": ["192.0.2.1:3478"],
            "result/stun/0/behavior_discovery": [null], "result/turn/uris/0": ["stun:192.0.2.1:3478"],
            "result/turn/addresses": [[]], "result/turn_totals/refused/0/error": [200],
            "result/broker/url": ["ws://192.0.2.1"], "result/broker_totals/lost": [-1],
        },
    });
    refuses_each(&document, &wrong);
}

/// Every list has something.
pub fn everything() -> Value {
    document(result())
}

/// One event of each kind.
pub fn events() -> Vec<Value> {
    let alone = ListeningReport {
        stun: Vec::new(),
        turn: None,
        broker: None,
        admin_address: None,
        ..listening()
    };
    vec![event("listening", &listening()), event("listening", &alone)]
}

pub fn listening() -> ListeningReport {
    ListeningReport {
        addresses: vec![address("[::]:7880"), address("0.0.0.0:7880")],
        urls: vec![
            "ws://192.0.2.10:7880".into(),
            "wss://rendezvous.example.org".into(),
        ],
        tls: false,
        admin_address: Some(address("127.0.0.1:9100")),
        stun: vec![
            StunListening {
                uris: vec!["stun:192.0.2.10:3478".into()],
                address: address("192.0.2.10:3478"),
                alternate_address: Some(address("192.0.2.11:3479")),
                behavior_discovery: true,
            },
            StunListening {
                uris: vec!["stun:[2001:db8::1]:3478".into()],
                address: address("[::]:3478"),
                alternate_address: None,
                behavior_discovery: false,
            },
        ],
        turn: Some(TurnListening {
            uris: vec!["turn:192.0.2.10:3480".into()],
            addresses: vec![address("192.168.7.1:3480")],
            realm: "rtcdiag".into(),
            users: 2,
            shared_secret: true,
        }),
        broker: Some(BrokerListening {
            url: "mqtt+wss://mqtt.example.org".into(),
            error: Some(ErrorReport::new(
                Code::Refused,
                "the connection was refused",
            )),
        }),
    }
}

fn stun_totals() -> StunTotals {
    StunTotals {
        requests: 30,
        answers: 25,
        errors: 2,
        limited: 4,
        malformed: 3,
        ignored: 1,
    }
}

fn turn_totals() -> TurnTotals {
    let refused = Refused::ALL.map(|refusal| {
        let (error, reason) = refusal.code();
        TurnRefused {
            error,
            reason,
            count: 2,
        }
    });
    TurnTotals {
        allocations: 4,
        bytes_to_peers: 1000,
        bytes_from_peers: 2000,
        refused: refused.to_vec(),
        not_permitted: 1,
        over_rate: 1,
        limited: 1,
        malformed: 1,
        binding: stun_totals(),
    }
}

pub fn result() -> ServeResult {
    let refused = Refusal::VARIANTS.iter().map(|refusal| RefusedReport {
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
        refused: refused.collect(),
        foreign_connections: 4,
        turned_away: 1,
        accept_errors: 1,
        stun_totals: Some(stun_totals()),
        turn_totals: Some(turn_totals()),
        broker_totals: Some(BrokerTotals {
            connections: 2,
            away_ms: Millis(Duration::from_secs(3)),
            sent: 100,
            received: 90,
            lost: 2,
            gaps: 1,
            strays: 1,
            foreign: 1,
        }),
    }
}

fn document(result: ServeResult) -> Value {
    super::document("serve", verdict(&result, Vec::new()), result)
}
