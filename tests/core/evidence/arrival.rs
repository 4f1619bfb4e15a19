//! What the records of two ends tell together: media that does not arrive, descriptions that were altered.

use serde_json::json;

use rtcdiag::proto::evidence::facts::standing::Standing;

use super::dump::Dump;
use super::settled::{A_HOST, B_HOST, STUN};
use super::{named, one};

/// Statistics of one end of a call that is up, with what it sent and received of audio.
fn end(own: &str, other: &str, (sent, received): (u64, u64)) -> String {
    let (here, there) = if own == "aaaa" {
        (("192.168.1.10", 50_000), ("203.0.113.200", 60_000))
    } else {
        (("192.168.2.10", 60_000), ("203.0.113.100", 50_000))
    };
    let side = |id: &str, kind: &str, candidate: &str, at: (&str, u16), ufrag: &str| {
        json!({"id": id, "type": kind, "candidateType": candidate, "address": at.0, "port": at.1,
               "protocol": "udp", "usernameFragment": ufrag})
    };
    json!([
        {"id": "T", "type": "transport", "iceState": "connected", "dtlsState": "connected",
         "iceLocalUsernameFragment": own, "selectedCandidatePairId": "P"},
        side("L", "local-candidate", "host", here, own),
        side("R", "remote-candidate", "srflx", there, other),
        {"id": "P", "type": "candidate-pair", "localCandidateId": "L", "remoteCandidateId": "R", "nominated": true,
         "state": "succeeded", "requestsSent": 30, "responsesReceived": 30, "requestsReceived": 30, "responsesSent": 30},
        {"id": "O", "type": "outbound-rtp", "kind": "audio", "mid": "0", "packetsSent": sent},
        {"id": "I", "type": "inbound-rtp", "kind": "audio", "mid": "0", "packetsReceived": received, "packetsLost": 0},
        {"id": "RI", "type": "remote-inbound-rtp", "kind": "audio", "localId": "O", "packetsLost": 77},
    ])
    .to_string()
}

#[test]
fn media_that_one_end_sends_and_the_other_never_gets_is_no_good_call() {
    for (here, there, words) in [
        ((700, 700), (700, 700), None),
        // Somebody who is muted sends less.
        ((50, 700), (700, 0), None),
        (
            (700, 700),
            (700, 0),
            Some("audio of this side does not arrive at the other side"),
        ),
        ((700, 0), (700, 0), Some(", and audio of ")),
    ] {
        let call = one(&[end("aaaa", "bbbb", here), end("bbbb", "aaaa", there)]);
        assert_eq!(call.standing, Standing::Connected);
        assert_eq!(call.is_good(), words.is_none(), "{:?}", call.causes);
        if let Some(words) = words {
            let cause = &call.causes[0];
            assert_eq!(cause.code.name(), "no-media");
            assert!(cause.message.contains(words), "{cause:?}");
        }
    }
}

/// Statistics of a transport alone, as some libraries save them, and as browsers do when the pairs are forgotten.
fn transport(states: &serde_json::Value) -> String {
    let mut transport = json!({"id": "T", "type": "transport", "iceLocalUsernameFragment": "aaaa"});
    for (name, state) in states.as_object().expect("states") {
        transport[name] = state.clone();
    }
    json!([
        transport,
        {"id": "O", "type": "outbound-rtp", "kind": "audio", "packetsSent": 601},
        {"id": "I", "type": "inbound-rtp", "kind": "audio", "packetsReceived": 596},
    ])
    .to_string()
}

#[test]
fn a_call_that_was_closed_there_or_has_no_state_of_ice_had_worked() {
    for states in [
        json!({"dtlsState": "closed", "iceState": "failed"}),
        json!({"dtlsState": "connected"}),
    ] {
        let call = one(&[transport(&states)]);
        assert_eq!(call.standing, Standing::Connected, "{states}");
    }
    let lost = one(&[transport(
        &json!({"dtlsState": "connected", "iceState": "failed"}),
    )]);
    assert_eq!(lost.standing, Standing::Lost);
}

/// The password that one end was told is not that of the other one's description.
#[test]
fn a_password_that_was_altered_on_the_way_is_named() {
    const REAL: &str = "abcdefghijklmnopqrstuvwx";
    let here = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST])
        .fails()
        .text();
    let there = Dump::new(&[STUN])
        .answers("bbbb", "aaaa")
        .finds(&[B_HOST])
        .gets(&[A_HOST])
        .fails()
        .text();
    let at = here.find("a=ice-ufrag:bbbb").expect("what it was told");
    let (before, behind) = here.split_at(at);
    let altered = format!(
        "{before}{}",
        behind.replacen(REAL, "xxxxxxxxxxxxxxxxxxxxxxxx", 1)
    );
    for (told, wanted) in [(here.clone(), false), (altered, true)] {
        let call = one(&[told, there.clone()]);
        let causes = named(&call.causes);
        let is_named = causes.contains(&("unauthorized".to_owned(), "local".to_owned()));
        assert_eq!(is_named, wanted, "{:?}", call.causes);
    }
}

/// Two transports, since nothing is bundled: one is up, and the browser waits for the other.
#[test]
fn half_a_call_is_not_a_call() {
    let up = |state: &str| {
        let dump = Dump::new(&[STUN])
            .offers("aaaa", "bbbb")
            .finds(&[A_HOST])
            .gets(&[B_HOST]);
        let dump = dump
            .event(80.0, "oniceconnectionstatechange", "checking")
            .event(81.0, "onconnectionstatechange", "connecting");
        let dump = if state == "connected" {
            dump.event(120.0, "oniceconnectionstatechange", "connected")
                .event(160.0, "onconnectionstatechange", "connected")
        } else {
            dump
        };
        dump.pair(
            "host 192.168.1.10 50000",
            "host 192.168.2.10 60000",
            [5, 5, 5],
            true,
        )
        .transport("dtlsState", "connected")
        .text()
    };
    assert_eq!(one(&[up("connected")]).standing, Standing::Connected);
    assert_eq!(one(&[up("checking")]).standing, Standing::Checking);
}
