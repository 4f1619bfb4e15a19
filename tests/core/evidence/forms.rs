//! The forms that files come in, beside the two dumps of Chrome.

use rtcdiag::proto::evidence::facts::standing::Standing;
use rtcdiag::proto::evidence::{self, FileKind, StateKind};
use rtcdiag::proto::ice::candidate::CandidateType;
use serde_json::json;

use super::dump::{AUDIO, sdp};
use super::{judged, named, one};

fn objects() -> Vec<serde_json::Value> {
    vec![
        json!({"id": "T1", "type": "transport", "timestamp": 1_795_917_979_894.9, "selectedCandidatePairId": "P1", "dtlsState": "connected", "iceState": "connected", "iceRole": "controlling", "iceLocalUsernameFragment": "aaaa"}),
        json!({"id": "P1", "type": "candidate-pair", "timestamp": 1_795_917_979_894.9, "localCandidateId": "L1", "remoteCandidateId": "R1", "state": "succeeded", "nominated": true, "requestsSent": 4, "responsesReceived": 4, "requestsReceived": 3, "responsesSent": 3, "bytesReceived": 900, "priority": 7_241_540_810_645_060_608_u64}),
        json!({"id": "L1", "type": "local-candidate", "candidateType": "host", "address": "192.168.1.10", "port": 5000, "protocol": "udp"}),
        json!({"id": "R1", "type": "remote-candidate", "candidateType": "srflx", "address": "203.0.113.200", "port": 6000, "protocol": "udp"}),
    ]
}

/// An array, a map, pairs of both, one after the other with times, one a line, and by connection.
#[test]
fn statistics_in_all_the_shapes_that_people_save() {
    let array = json!(objects());
    let map: serde_json::Map<_, _> = objects()
        .into_iter()
        .map(|o| (o["id"].as_str().expect("an id").to_owned(), o))
        .collect();
    let entries: Vec<_> = objects().into_iter().map(|o| json!([o["id"], o])).collect();
    let shapes = [
        array.to_string(),
        json!(map).to_string(),
        json!(entries).to_string(),
        json!([array, array]).to_string(),
        json!({"1795917979894": array, "1795917980894": map}).to_string(),
        json!([{"timestamp": 1, "stats": array}, {"timestamp": 2, "stats": array}]).to_string(),
        format!("{array}\n{array}\n"),
        json!({ "report": map }).to_string(),
    ];
    for shape in shapes {
        let record = evidence::read(shape.as_bytes());
        assert_eq!(record.kind, Some(FileKind::Getstats), "{shape}");
        assert_eq!(record.faults, [], "{shape}");
        assert_eq!(record.accounts.len(), 1, "{shape}");
        let pair = &record.accounts[0].pairs[0];
        assert_eq!((pair.requests_sent, pair.is_selected), (4, true), "{shape}");
        assert_eq!(pair.priority, 7_241_540_810_645_060_608);
        assert!(judged(vec![record])[0].is_good(), "{shape}");
    }
    let two = json!({"alice": array, "bob": array}).to_string();
    assert_eq!(evidence::read(two.as_bytes()).accounts.len(), 2);
}

#[test]
fn descriptions_as_text_and_as_json_and_two_in_one_file() {
    let (offer, answer) = (sdp("aaaa", "offer", AUDIO), sdp("bbbb", "answer", AUDIO));
    let both = [
        format!("{offer}\r\n{answer}"),
        json!([{"type": "offer", "sdp": offer}, {"type": "answer", "sdp": answer}]).to_string(),
        json!({"offer": {"type": "offer", "sdp": offer}, "answer": {"type": "answer", "sdp": answer}}).to_string(),
    ];
    for text in both {
        let record = evidence::read(text.as_bytes());
        assert_eq!(record.kind, Some(FileKind::Sdp), "{text}");
        let account = &record.accounts[0];
        assert!(
            account.own.ufrags.contains("aaaa") && account.other.ufrags.contains("bbbb"),
            "{text}"
        );
    }
    // Two files are offer and answer of one call if their sections are the same.
    let call = one(&[offer.clone(), answer]);
    assert!(call.causes.is_empty());
    let other = sdp("cccc", "answer", &format!("{AUDIO}{AUDIO}"));
    assert_eq!(super::joined(&[offer, other]).len(), 2);
}

#[test]
fn candidate_lines_out_of_logs_and_consoles() {
    let log = "12:00:01 local candidate:1 1 udp 2122260223 192.168.1.10 5000 typ host\n\
               noise\n\
               12:00:02 got remote \"candidate:2 1 udp 1686052607 203.0.113.7 6000 typ srflx raddr 0.0.0.0 rport 0\" and more\n\
               candidate:3 1 tcp 1518280447 192.168.1.10 9 typ host tcptype active\n";
    let record = evidence::read(log.as_bytes());
    assert_eq!(record.kind, Some(FileKind::Candidates));
    let account = &record.accounts[0];
    assert_eq!(account.own.candidates.len(), 2);
    assert_eq!(account.other.candidates[0].kind, CandidateType::Srflx);
    assert_eq!(account.other.candidates[0].related, None, "it is hidden");
    let json = json!([{"candidate": "candidate:1 1 udp 1 192.0.2.1 5 typ host", "sdpMid": "0"}, {"candidate": ""}]);
    let record = evidence::read(json.to_string().as_bytes());
    assert_eq!(record.kind, Some(FileKind::Candidates));
    assert_eq!(record.accounts[0].own.candidates.len(), 1);
}

/// As Firefox saves it, with the words of another language.
#[test]
fn firefox_in_another_language() {
    let line = "candidate:0 1 UDP 2122252543 192.168.1.10 5000 typ host";
    let page = format!(
        "<!DOCTYPE html><html><head><title>about:webrtc</title><script>let x = '<tr>';</script></head><body>\
         <h3 data-l10n-id=\"about-webrtc-peerconnection-id-label\">ID-ul PeerConnection: 12</h3>\
         <p>Stare ICE: failed</p>\
         <table><tr><th>Stare ICE</th><th>Nominat</th></tr>\
         <tr><td>failed</td><td></td><td></td><td>192.168.1.10:5000/udp(host)</td><td>203.0.113.200:6000/udp(srflx)</td><td>1</td><td>99</td></tr></table>\
         <h4 data-l10n-id=\"about-webrtc-local-sdp-heading-offer\">SDP local (ofert&atilde;)</h4><pre>{}</pre>\
         <h4 data-l10n-id=\"about-webrtc-remote-sdp-heading-answer\">SDP distant</h4><pre>{}</pre>\
         <div data-l10n-id=\"about-webrtc-raw-local-candidate\">x</div><div>{line}</div>\
         </body></html>",
        sdp("aaaa", "offer", AUDIO),
        sdp("bbbb", "answer", AUDIO)
    );
    let record = evidence::read(page.as_bytes());
    assert_eq!(record.kind, Some(FileKind::AboutWebrtc));
    assert_eq!(record.faults, []);
    let account = &record.accounts[0];
    assert!(account.own.ufrags.contains("aaaa") && account.other.ufrags.contains("bbbb"));
    assert_eq!(account.own.descriptions[0].1.is_offer, Some(true));
    assert_eq!(account.own.candidates.len(), 1);
    assert_eq!(account.pairs.len(), 1);
    assert_eq!(account.pairs[0].state, "failed");
    assert_eq!(account.state(StateKind::Ice), Some("failed"));
}

/// Dumps of 2022: times and values as text, event names without "on".
#[test]
fn dumps_of_older_versions() {
    let dump = json!({
        "getUserMedia": [], "UserAgent": "Chrome/105",
        "PeerConnections": {"1-1": {
            "rtcConfiguration": "{ iceServers: [stun:198.51.100.10:3478], iceTransportPolicy: all, bundlePolicy: balanced }",
            "updateLog": [
                {"time": "10/5/2022, 3:00:00 PM", "type": "setLocalDescription", "value": format!("type: offer, sdp: {}", sdp("aaaa", "offer", AUDIO))},
                {"time": "10/5/2022, 3:00:00 PM", "type": "setRemoteDescription", "value": format!("type: answer, sdp: {}", sdp("bbbb", "answer", AUDIO))},
                {"time": "10/5/2022, 3:00:01 PM", "type": "icecandidate", "value": "sdpMid: 0, sdpMLineIndex: 0, candidate: candidate:1 1 udp 2122260223 192.168.1.10 5000 typ host generation 0 ufrag aaaa network-id 1"},
                {"time": "10/5/2022, 3:00:01 PM", "type": "iceconnectionstatechange", "value": "checking"},
            ],
            "stats": {}
        }}
    });
    let record = evidence::read(dump.to_string().as_bytes());
    assert_eq!(record.kind, Some(FileKind::WebrtcInternals));
    let account = &record.accounts[0];
    assert_eq!(account.servers.as_ref().map(Vec::len), Some(1));
    assert_eq!(account.own.candidates.len(), 1);
    assert!(account.other.ufrags.contains("bbbb"));
    assert_eq!(account.state(StateKind::Ice), Some("checking"));
}

#[test]
fn a_dump_that_was_begun_too_late_says_so() {
    let text = super::dump::Dump::new(&["stun:198.51.100.10:3478"])
        .describe(0.0, true, "offer", "aaaa", AUDIO)
        .describe(0.0, false, "answer", "bbbb", AUDIO)
        .event(0.0, "onsignalingstatechange", "stable")
        .event(0.0, "oniceconnectionstatechange", "failed")
        .event(0.0, "onconnectionstatechange", "failed")
        .text();
    let call = one(&[text]);
    assert_eq!(
        named(&call.causes),
        [("unknown".to_owned(), "between".to_owned())]
    );
    assert!(
        call.causes[0]
            .message
            .contains("open the page before the call"),
        "{}",
        call.causes[0].message
    );
    let empty = evidence::read(br#"{"getUserMedia":[],"PeerConnections":{},"UserAgent":"x"}"#);
    assert!(
        empty.faults[0]
            .message
            .contains("open the page before the call")
    );
}

/// Statistics do not have the configuration: that there is no TURN server is not known by them.
#[test]
fn statistics_do_not_tell_of_servers() {
    let failing: Vec<_> = objects()
        .into_iter()
        .map(|mut object| {
            if object["type"] == "candidate-pair" {
                object["responsesReceived"] = json!(0);
                object["requestsSent"] = json!(40);
                object["state"] = json!("in-progress");
                object["nominated"] = json!(false);
            }
            if object["type"] == "transport" {
                object["dtlsState"] = json!("new");
                object["iceState"] = json!("checking");
                object["selectedCandidatePairId"] = json!("");
            }
            object
        })
        .collect();
    let call = one(&[json!(failing).to_string()]);
    assert_eq!(
        named(&call.relay_causes),
        [("unknown".to_owned(), "between".to_owned())]
    );
}

/// Without times the order tells that a path came back.
#[test]
fn a_path_that_came_back_in_an_old_dump() {
    let change = |name: &str, value: &str| json!({"time": "10/5/2022, 3:00:00 PM", "type": name, "value": value});
    let dump = json!({
        "getUserMedia": [], "UserAgent": "Chrome/105",
        "PeerConnections": {"1-1": {
            "rtcConfiguration": "{ iceServers: [], iceTransportPolicy: all }",
            "updateLog": [
                change("setLocalDescription", &format!("type: offer, sdp: {}", sdp("aaaa", "offer", AUDIO))),
                change("setRemoteDescription", &format!("type: answer, sdp: {}", sdp("bbbb", "answer", AUDIO))),
                change("iceconnectionstatechange", "connected"),
                change("connectionstatechange", "connected"),
                change("iceconnectionstatechange", "disconnected"),
                change("iceconnectionstatechange", "connected"),
            ],
            "stats": {}
        }}
    });
    let call = one(&[dump.to_string()]);
    assert_eq!(
        named(&call.causes),
        [("path-lost".to_owned(), "between".to_owned())]
    );
    let said = &call.causes[0].message;
    assert!(said.contains("came back"), "{said}");
}

#[test]
fn candidates_beside_a_description_are_those_of_its_side() {
    let line = "candidate:1 1 udp 2122260223 192.168.1.10 5000 typ host";
    let own = json!({"type": "offer", "sdp": sdp("aaaa", "offer", AUDIO), "candidates": [line]});
    let other = json!({"type": "answer", "sdp": sdp("bbbb", "answer", AUDIO),
        "candidates": [{"candidate": line.replace("5000", "6000"), "sdpMid": "0"}]});
    let record = evidence::read(json!([own, other]).to_string().as_bytes());
    assert_eq!(record.kind, Some(FileKind::Sdp));
    let account = &record.accounts[0];
    let ports =
        |told: &evidence::Told| -> Vec<u16> { told.candidates.iter().map(|c| c.port).collect() };
    assert_eq!(
        (ports(&account.own), ports(&account.other)),
        (vec![5000], vec![6000])
    );
}

/// Logs, as consoles and servers write them.
#[test]
fn logs_of_all_forms_give_each_side_its_candidates() {
    const LINE: &str = "candidate:1 1 udp 2122260223 192.168.1.5 50000 typ host";
    const THEIRS: &str =
        "candidate:2 1 udp 1686052607 203.0.113.9 60000 typ srflx raddr 0.0.0.0 rport 0";
    for log in [
        format!("[12:00:01] local {LINE}\n[12:00:02] remote {THEIRS}\n"),
        format!("[ICE] onicecandidate {LINE}\n[ICE] addIceCandidate {THEIRS}\n"),
        format!("PeerConnection: local {LINE}\nPeerConnection: remote {THEIRS}\n"),
        format!(
            "local RTCIceCandidate {{candidate: '{LINE}', sdpMid: '0'}}\nremote RTCIceCandidate {{candidate: '{THEIRS}'}}\n"
        ),
        format!(
            "{{\"local\":{{\"candidate\":\"{LINE}\"}}}}\n{{\"remote\":{{\"candidate\":\"{THEIRS}\"}}}}\n"
        ),
    ] {
        let record = evidence::read(log.as_bytes());
        assert_eq!(record.faults, [], "{log}");
        let [account] = &record.accounts[..] else {
            panic!("{log}: {record:?}");
        };
        let ports = |told: &evidence::Told| -> Vec<u16> {
            told.candidates
                .iter()
                .map(|candidate| candidate.port)
                .collect()
        };
        assert_eq!(
            (ports(&account.own), ports(&account.other)),
            (vec![50000], vec![60000]),
            "{log}"
        );
        // What candidates alone tell is nothing of the call.
        let call = one(&[log]);
        assert_eq!(
            (&named(&call.causes)[..], call.standing),
            (&[][..], Standing::Unanswered)
        );
    }
}

#[test]
fn a_pair_in_use_is_found_without_counters_and_without_a_transport() {
    let pair = |extra: serde_json::Value| {
        let mut pair = json!({"id": "P", "type": "candidate-pair", "timestamp": 1_780_000_000_000.0,
            "localCandidateId": "L", "remoteCandidateId": "R", "state": "succeeded",
            "nominated": true, "bytesSent": 5000, "bytesReceived": 6000});
        for (key, value) in extra.as_object().expect("an object") {
            pair[key] = value.clone();
        }
        json!([
            pair,
            {"id": "L", "type": "local-candidate", "address": "10.0.0.1", "port": 9, "protocol": "udp", "candidateType": "host"},
            {"id": "R", "type": "remote-candidate", "address": "203.0.113.7", "port": 9, "protocol": "udp", "candidateType": "srflx"},
        ])
        .to_string()
    };
    for extra in [
        json!({}),
        json!({"selected": true}),
        json!({"responsesReceived": 5}),
    ] {
        let call = one(&[pair(extra)]);
        assert_eq!(call.standing, Standing::Connected);
        assert!(call.is_good() && call.path.is_some());
    }
    // A part of a report tells of no call, and why is said.
    let part = json!([{"id": "P", "type": "candidate-pair", "localCandidateId": "L", "remoteCandidateId": "R", "state": "failed"}]);
    let record = evidence::read(part.to_string().as_bytes());
    assert!(record.accounts.is_empty());
    assert!(
        record.faults[0].message.contains("the whole report"),
        "{record:?}"
    );
}

#[test]
fn rtcstats_without_its_first_line_is_known() {
    let text = "[\"create\",\"PC_0\",{\"iceServers\":[]},1780000000000]\n[\"setLocalDescription\",\"PC_0\",{\"type\":\"offer\",\"sdp\":\"v=0\\r\\nm=audio 9 X 0\\r\\na=ice-ufrag:abcd\\r\\n\"},2]\n[\"onicecandidate\",\"PC_0\",{\"candidate\":\"candidate:1 1 udp 1 192.0.2.1 9 typ host\"},3]\n";
    let record = evidence::read(text.as_bytes());
    assert_eq!(record.kind, Some(FileKind::Rtcstats));
    assert_eq!(record.faults, []);
}

/// Two reports of one connection, during an outage and after it: which was given first says nothing.
#[test]
fn the_order_of_files_changes_nothing() {
    let [one, two] = ["getstats-outage.json.gz", "getstats.json.gz"]
        .map(|file| super::truth::record("17-network-loss", "a", file).expect("it is there"));
    let there = judged(vec![one.clone(), two.clone()]);
    let back = judged(vec![two, one]);
    let digest = |calls: &[rtcdiag::proto::evidence::facts::JudgedCall]| {
        let [call] = calls else {
            panic!("one call: {calls:?}");
        };
        (call.standing, call.path, named(&call.causes))
    };
    assert_eq!(digest(&there), digest(&back));
    assert_eq!(there[0].standing, Standing::Connected);
}
