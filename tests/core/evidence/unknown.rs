//! What a file does not tell: a time, or a description. It is left out, and not taken for 0 or for none.

use rtcdiag::proto::evidence::{self, FileKind};
use serde_json::{Value, json};

use super::dump::{AUDIO, BEGAN, Dump, sdp};
use super::{named, one};

/// An offer that nobody answered, closed after 30 s, with times as `time` writes them.
fn unanswered(time: impl Fn(f64) -> Value) -> String {
    let offer = format!("type: offer, sdp: {}", sdp("aaaa", "offer", AUDIO));
    let event = |after_ms: f64, name: &str, value: &str| json!({"time": time(BEGAN + after_ms), "type": name, "value": value});
    json!({
        "getUserMedia": [], "UserAgent": "Chrome/130",
        "PeerConnections": {"31-7": {
            "rtcConfiguration": "{ iceServers: [], iceTransportPolicy: all }", "stats": {},
            // Made a minute before anything was offered.
            "updateLog": [
                event(-60_000.0, "transceiverAdded", ""),
                event(0.0, "setLocalDescription", &offer),
                event(30_000.0, "iceconnectionstatechange", "closed"),
                event(30_000.0, "close", ""),
            ],
        }}
    })
    .to_string()
}

fn seen(text: String) -> String {
    let call = one(&[text]);
    let codes: Vec<String> = named(&call.causes)
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    assert_eq!(codes, ["no-answer"]);
    call.causes[0].evidence.join("; ")
}

fn utc(at: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a time of today")]
    let at = jiff::Timestamp::from_millisecond(at as i64).expect("a time");
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[test]
fn how_long_an_answer_was_waited_for_is_said_where_it_is_known() {
    let known = "this side set its offer, and no answer in 30 s before it was closed";
    assert_eq!(seen(unanswered(Value::from)), known);
    assert_eq!(seen(unanswered(|at| json!(format!("{at:.0}")))), known);
    assert_eq!(seen(unanswered(|at| json!(utc(at)))), known);
    let unknown = "this side set its offer, and no answer came before it was closed";
    // In a zone and a language that the dump does not name: differences are known.
    let local = |at: f64| json!(utc(at).replace('T', ", ").replace('Z', " AM"));
    assert_eq!(seen(unanswered(local)), known);
    assert_eq!(seen(unanswered(|_| Value::Null)), unknown);
}

#[test]
fn a_line_of_rtcstats_without_a_time_is_not_of_1970() {
    let offer = json!({"type": "offer", "sdp": sdp("aaaa", "offer", AUDIO)});
    let lines = |times: [Value; 3]| {
        let [made, offered, closed] = times;
        [
            json!(["create", "PC_0", {"iceServers": []}, made]),
            json!(["setLocalDescription", "PC_0", offer, offered]),
            json!(["close", "PC_0", null, closed]),
        ]
        .map(|line| line.to_string())
        .join("\n")
    };
    let known = "this side set its offer, and no answer in 30 s before it was closed";
    assert_eq!(seen(lines([json!(BEGAN), json!(2), json!(30_000)])), known);
    let late = BEGAN + 30_000.0;
    let second = lines([Value::Null, json!(BEGAN), json!(late)]);
    assert_eq!(seen(second.clone()), known);
    let record = evidence::read(second.as_bytes());
    assert_eq!(record.accounts[0].began, Some(BEGAN));
    // What came after a line without a time is at no known time either.
    let lost = lines([json!(BEGAN), Value::Null, json!(30_000)]);
    let unknown = "this side set its offer, and no answer came before it was closed";
    assert_eq!(seen(lost), unknown);
}

/// Connections in which nothing was begun: what is known of them is said.
#[test]
fn connections_without_a_description_are_told_of() {
    let checked = Dump::new(&[])
        .event(0.0, "iceconnectionstatechange", "checking")
        .event(15_000.0, "iceconnectionstatechange", "failed")
        .event(15_000.0, "connectionstatechange", "failed");
    let said = |dump: &Dump| -> Vec<(String, String)> {
        let record = evidence::read(dump.text().as_bytes());
        assert_eq!(record.accounts.len(), 0, "there is no call in it");
        let faults = record.faults.into_iter();
        faults.map(|fault| (fault.place, fault.message)).collect()
    };
    let is = |dump: &Dump, message: &str| {
        assert_eq!(said(dump), [("11-1".to_owned(), message.to_owned())]);
    };
    is(
        &checked,
        "a PeerConnection without a description, though it was checking, then failed: the events that set its descriptions are not in the file",
    );
    is(
        &Dump::new(&[]),
        "a PeerConnection without a description: neither an offer nor an answer was set in it",
    );
    let bare = Dump::new(&[]).value();
    let two = json!({"UserAgent": "x", "PeerConnections": {"1-1": bare, "1-2": checked.value()}});
    let record = evidence::read(two.to_string().as_bytes());
    let places: Vec<&str> = record.faults.iter().map(|f| f.place.as_str()).collect();
    assert_eq!(places, ["1-2", "1-1"], "what had a state comes first");
}

#[test]
fn an_offer_that_could_not_be_made_is_told_by_rtcstats_too() {
    let error = json!({"name": "InvalidStateError", "message": "x"});
    let text = [
        json!(["create", "PC_0", {"iceServers": []}, BEGAN]),
        json!(["createAnswerOnFailure", "PC_0", error, 2]),
    ]
    .map(|line| line.to_string())
    .join("\n");
    let record = evidence::read(text.as_bytes());
    assert_eq!(record.kind, Some(FileKind::Rtcstats));
    assert_eq!(record.faults, []);
    let call = one(&[text]);
    assert_eq!(
        named(&call.causes),
        [("description-failed".to_owned(), "local".to_owned())]
    );
    let message = &call.causes[0].message;
    let said = "made no answer: createAnswer failed (InvalidStateError: x)";
    assert!(message.ends_with(said), "{message}");
}

#[test]
fn how_long_a_path_was_lost_is_said_where_it_is_known() {
    let said = |back: Option<f64>| {
        let dump = Dump::new(&[])
            .offers("aaaa", "bbbb")
            .event(100.0, "oniceconnectionstatechange", "connected")
            .event(110.0, "onconnectionstatechange", "connected")
            .event(5000.0, "oniceconnectionstatechange", "disconnected")
            .event(
                back.unwrap_or(0.0),
                "oniceconnectionstatechange",
                "connected",
            )
            .event(65_000.0, "ontrack", json!({"kind": "audio"}));
        let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
        let log = whole["PeerConnections"]["11-1"]["updateLog"].as_array_mut();
        let log = log.expect("a list");
        let place = log.len() - 2;
        if back.is_none() {
            log[place]["timestamp"] = Value::Null;
        }
        let call = one(&[whole.to_string()]);
        let codes = named(&call.causes);
        assert_eq!(codes, [("path-lost".to_owned(), "between".to_owned())]);
        call.causes[0].message.clone()
    };
    let (long, short) = (said(Some(12_000.0)), said(Some(5300.0)));
    assert!(
        long.contains("the path was lost for 7 s and came back"),
        "{long}"
    );
    assert!(
        short.contains("the path was lost for 0.3 s and came back"),
        "{short}"
    );
    // The end of the record is not when it came back.
    let unknown = said(None);
    assert!(
        unknown.contains("the path was lost and came back"),
        "{unknown}"
    );
}
