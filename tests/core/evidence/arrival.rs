//! What the records of two ends tell together: media that does not arrive, descriptions that were altered.

use serde_json::json;

use rtcdiag::proto::evidence::facts::standing::Standing;

use super::dump::Dump;
use super::settled::{A_HOST, B_HOST, STUN, audio_call, told_of};
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

/// Statistics without an object of one kind, which browsers do not have for what never came.
fn without(text: &str, kind: &str) -> String {
    let all: Vec<serde_json::Value> = serde_json::from_str(text).expect("JSON");
    let kept: Vec<serde_json::Value> = all.into_iter().filter(|one| one["type"] != kind).collect();
    json!(kept).to_string()
}

/// Browsers have no object for a stream of which nothing came.
#[test]
fn media_that_no_object_counts_has_not_come() {
    let here = end("aaaa", "bbbb", (244, 244));
    let there = without(&end("bbbb", "aaaa", (244, 0)), "inbound-rtp");
    let call = one(&[here.clone(), there.clone()]);
    assert!(!call.is_good());
    assert_eq!(call.causes[0].code.name(), "no-media");
    let (result, _, _) = told_of(&[here, there]);
    let media = &result["calls"][0]["media"][0];
    assert_eq!(media["sent"], 244);
    assert_eq!(media["remote_received"], 0);
}

/// What the other end's record has of loss is not forgotten where this end's has none.
#[test]
fn loss_is_told_of_both_ways() {
    let lossy = end("bbbb", "aaaa", (235, 162)).replace("\"packetsLost\":0", "\"packetsLost\":73");
    let texts = [end("aaaa", "bbbb", (235, 235)), lossy];
    let (result, findings, summary) = told_of(&texts);
    let media = &result["calls"][0]["media"][0];
    assert_eq!(
        (&media["lost"], &media["remote_lost"]),
        (&json!(0), &json!(73))
    );
    let loss = findings
        .iter()
        .find(|(code, _)| code == "packet-loss")
        .expect("it is told");
    assert!(
        loss.1
            .contains("73 packets of audio (31 %) were lost on its way to the other side"),
        "{loss:?}"
    );
    assert!(summary.contains("73 packets of audio"), "{summary}");
    let turned = told_of(&[texts[1].clone(), texts[0].clone()]).2;
    assert!(turned.contains("on its way to this side"), "{turned}");
}

/// Descriptions beside statistics: what is agreed, and what is sent of it.
#[test]
fn what_is_agreed_and_not_sent_is_told() {
    let dump = |media: &str, sent: u64| audio_call(media, sent, 196);
    let inactive = super::dump::AUDIO.replace("sendrecv", "inactive");
    let (result, findings, _) = told_of(&[dump(super::dump::AUDIO, 0)]);
    assert_eq!(result["calls"][0]["media"][0]["direction"], "sendrecv");
    let said = |findings: &[(String, String)]| {
        let found = findings.iter().find(|(code, _)| code == "no-media");
        found.map(|(_, message)| message.clone())
    };
    let unsent = said(&findings).expect("it is told");
    assert!(
        unsent.contains("this side sent no audio, though that is agreed"),
        "{unsent}"
    );
    assert_eq!(said(&told_of(&[dump(super::dump::AUDIO, 244)]).1), None);
    let (result, findings, summary) = told_of(&[dump(&inactive, 0)]);
    assert_eq!(result["calls"][0]["media"][0]["direction"], "inactive");
    let nobody = said(&findings).expect("it is told");
    assert!(nobody.contains("audio is agreed as inactive"), "{nobody}");
    assert!(summary.contains("inactive"), "{summary}");
}

const BOTH: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=sendrecv\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=sendrecv\r\n";

/// The answer came without the group that was offered: the browser waits for a transport of its own for video.
#[test]
fn an_answer_that_does_not_bundle_is_named() {
    let dump = |answered: &str| {
        let offer = super::dump::sdp("aaaa", "offer", BOTH).replace("BUNDLE 0", "BUNDLE 0 1");
        let answer =
            super::dump::sdp("bbbb", "answer", BOTH).replace("a=group:BUNDLE 0\r\n", answered);
        Dump::new(&[STUN])
            .event(
                10.0,
                "setLocalDescription",
                json!({"type": "offer", "sdp": offer}),
            )
            .event(10.0, "onsignalingstatechange", "have-local-offer")
            .event(
                40.0,
                "setRemoteDescription",
                json!({"type": "answer", "sdp": answer}),
            )
            .event(40.0, "onsignalingstatechange", "stable")
            .finds(&[A_HOST])
            .gets(&[B_HOST])
            .event(80.0, "oniceconnectionstatechange", "checking")
            .event(81.0, "onconnectionstatechange", "connecting")
            .pair(
                "host 192.168.1.10 50000",
                "host 192.168.2.10 60000",
                [9, 9, 9],
                true,
            )
            .transport("dtlsState", "connected")
            .transport("iceState", "connected")
            .stream("T11", "transport", "iceState", "new")
            .stream("T11", "transport", "dtlsState", "new")
            .text()
    };
    let call = one(&[dump("")]);
    assert_eq!(
        named(&call.causes),
        [("sdp-bundle".to_owned(), "remote".to_owned())]
    );
    let said = &call.causes[0].message;
    assert!(
        said.contains("1 of 2 of this side have no candidates"),
        "{said}"
    );
    let kept = one(&[dump("a=group:BUNDLE 0 1\r\n")]);
    assert!(
        named(&kept.causes)
            .iter()
            .all(|(code, _)| code != "sdp-bundle")
    );
    // Statistics alone have no descriptions, and are not said to show a handshake that does not end.
    let side = |id: &str, kind: &str, port: u16| json!({"id": id, "type": kind, "candidateType": "host", "address": "192.168.1.10", "port": port, "protocol": "udp"});
    let alone = json!([
        {"id": "T01", "type": "transport", "iceState": "connected", "dtlsState": "connected", "selectedCandidatePairId": "P"},
        {"id": "T11", "type": "transport", "iceState": "new", "dtlsState": "new"},
        side("L", "local-candidate", 50_000), side("R", "remote-candidate", 60_000),
        {"id": "P", "type": "candidate-pair", "transportId": "T01", "localCandidateId": "L", "remoteCandidateId": "R",
         "nominated": true, "state": "succeeded", "requestsSent": 30, "responsesReceived": 30, "consentRequestsSent": 25},
    ]);
    let call = one(&[alone.to_string()]);
    assert!(
        named(&call.causes)
            .iter()
            .all(|(code, _)| code != "dtls-failed"),
        "{:?}",
        call.causes
    );
    assert!(!call.is_good());
}

/// An end whose checks are answered and that gets none has no handshake that something on the way could drop.
#[test]
fn a_path_at_one_end_alone_is_no_firewall_that_knows_dtls() {
    let texts = |received: u64| {
        let dump = Dump::new(&[STUN])
            .answers("bbbb", "aaaa")
            .finds(&[B_HOST])
            .gets(&[A_HOST])
            .ice_connects()
            .pair(
                "host 192.168.2.10 60000",
                "host 192.168.1.10 50000",
                [12, 11, received],
                true,
            )
            .transport("dtlsState", "connecting");
        [dump.text()]
    };
    let call = one(&texts(0));
    assert_eq!(
        named(&call.causes),
        [("unknown".to_owned(), "between".to_owned())]
    );
    let said = &call.causes[0].message;
    assert!(said.contains("ICE is up at one end alone"), "{said}");
    let call = one(&texts(9));
    assert_eq!(
        named(&call.causes),
        [("dtls-failed".to_owned(), "between".to_owned())]
    );
}
