//! Calls of which the files tell less than it seems: what is not proved is not said.

use rtcdiag::proto::evidence::facts::JudgedCall;
use rtcdiag::proto::evidence::facts::standing::Standing;
use serde_json::{Value, json};

use super::dump::{AUDIO, Dump, Told, sdp};
use super::settled::told_of;
use super::{joined, named, one};

const STUN: &str = "stun:198.51.100.10:3478";
const TURN: &str = "turn:198.51.100.10:3478?transport=udp";
const TURN_TCP: &str = "turn:198.51.100.10:3478?transport=tcp";
const TURN_AWAY: &str = "turn:198.51.100.99:3478?transport=udp";

const A_HOST: Told<'_> =
    told("candidate:1 1 udp 2122260223 192.168.1.10 50000 typ host generation 0 ufrag aaaa");
pub(super) const A_SRFLX: Told<'_> = Told {
    line: "candidate:2 1 udp 1686052607 203.0.113.100 50000 typ srflx raddr 192.168.1.10 rport 50000 generation 0 ufrag aaaa",
    url: Some(STUN),
};
const B_HOST: Told<'_> =
    told("candidate:3 1 udp 2122260223 192.168.2.10 60000 typ host generation 0 ufrag bbbb");
const B_SRFLX: Told<'_> = told(
    "candidate:4 1 udp 1686052607 203.0.113.200 60000 typ srflx raddr 192.168.2.10 rport 60000 generation 0 ufrag bbbb",
);
const B_RELAY: Told<'_> = told(
    "candidate:5 1 udp 58662911 198.51.100.10 49200 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag bbbb",
);

const fn told(line: &str) -> Told<'_> {
    Told { line, url: None }
}

fn all_words(call: &JudgedCall) -> String {
    let causes = call.causes.iter().chain(&call.relay_causes);
    let texts = causes.flat_map(|cause| [&cause.message].into_iter().chain(&cause.evidence));
    texts.cloned().collect::<Vec<_>>().join("\n")
}

fn is(call: &JudgedCall, direct: &[(&str, &str)], relay: &[(&str, &str)]) {
    let words = all_words(call);
    for (causes, wanted) in [(&call.causes, direct), (&call.relay_causes, relay)] {
        let found = named(causes);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(code, side)| (code.as_str(), side.as_str()))
            .collect();
        assert_eq!(found, wanted, "{words}");
    }
}

/// `setLocalDescription()` without an argument: the offer is told when it has been set.
#[test]
fn an_offer_that_the_page_did_not_name_is_read() {
    let here = Dump::new(&[STUN]).offers_implicitly("aaaa", "bbbb");
    let there = Dump::new(&[STUN]).answers("bbbb", "aaaa");
    let calls = joined(&[here.text(), there.text()]);
    assert_eq!(calls.len(), 1, "the fragments of both fit");
    let account = calls[0].ends[0].as_ref().expect("this end");
    assert_eq!(account.own.descriptions.len(), 1);
    // One that was named is told once.
    let plain = json!({ "type": "offer", "sdp": sdp("aaaa", "offer", AUDIO) });
    let named = Dump::new(&[STUN]).offers("aaaa", "bbbb").event(
        41.0,
        "setLocalDescriptionOnSuccess",
        plain,
    );
    let calls = joined(&[named.text()]);
    let account = calls[0].ends[0].as_ref().expect("this end");
    assert_eq!(account.own.descriptions.len(), 1);
}

/// Descriptions of this end and the record of the other one: what that one sent is said of it.
#[test]
fn the_record_of_the_other_end_alone_is_said_to_be_of_it() {
    let own = format!(
        "{}a=candidate:1 1 udp 2122260223 192.168.1.10 50000 typ host\r\na=candidate:2 1 udp 1686052607 203.0.113.100 50000 typ srflx raddr 192.168.1.10 rport 50000\r\n",
        sdp("aaaa", "offer", AUDIO)
    );
    let there = Dump::new(&[STUN])
        .answers("bbbb", "aaaa")
        .finds(&[B_HOST, B_SRFLX])
        .gets(&[A_HOST, A_SRFLX])
        .fails()
        .pair(
            "host 192.168.2.10 60000",
            "srflx 203.0.113.100 50000",
            [80, 0, 0],
            false,
        );
    let call = one(&[own, there.text()]);
    let words = all_words(&call);
    assert!(
        words.contains(
            "the other side's 80 checks got no answer and none of this side's arrived there"
        ),
        "{words}"
    );
    assert!(!words.contains("no check was sent"), "{words}");
    assert!(words.contains("since this side does not tell"), "{words}");
    assert_eq!(call.pairs.len(), 1);
    assert_eq!(call.pairs[0].record.local.port, 50000, "the pair is turned");
    let alone = one(&[there.text()]);
    assert!(all_words(&alone).contains("this side's 80 checks"));
}

/// A relay over TCP from a server that is silent over UDP: the port may be closed to everybody.
fn over_tcp(other: &[Told<'_>]) -> Dump {
    let line = "candidate:9 1 udp 8331263 198.51.100.10 49300 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag aaaa";
    let remote = if other.len() > 1 {
        "srflx 203.0.113.200 60000"
    } else {
        "relay 198.51.100.10 49200"
    };
    Dump::new(&[STUN, TURN, TURN_TCP])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .event(
            90.0,
            "onicecandidate",
            json!({"candidate": line, "url": TURN_TCP, "relayProtocol": "tcp"}),
        )
        .gets(other)
        .event(95.0, "oniceconnectionstatechange", "checking")
        .event(2900.0, "oniceconnectionstatechange", "connected")
        .event(2950.0, "onconnectionstatechange", "connected")
        .pair("relay 198.51.100.10 49300 tcp", remote, [6, 6, 5], true)
}

#[test]
fn one_silent_port_of_one_server_does_not_block_udp() {
    let nobody = one(&[over_tcp(&[B_RELAY]).text()]);
    assert!(
        !named(&nobody.causes)
            .iter()
            .any(|(code, _)| code == "udp-blocked"),
        "{}",
        all_words(&nobody)
    );
    let witnessed = one(&[over_tcp(&[B_HOST, B_SRFLX]).text()]);
    is(&witnessed, &[("udp-blocked", "local")], &[]);
    let words = all_words(&witnessed);
    assert!(words.contains("it has a reflexive candidate"), "{words}");
    // When the relay came is not told, so neither is that UDP had time enough.
    let is_blocked = |dump: &Value| {
        let call = one(&[dump.to_string()]);
        let all = named(&call.causes);
        all.iter().any(|(code, _)| code == "udp-blocked")
    };
    let mut dump: Value = serde_json::from_str(&over_tcp(&[B_HOST, B_SRFLX]).text()).expect("JSON");
    let connection = &mut dump["PeerConnections"]["11-1"];
    let stats = connection["stats"].as_object_mut().expect("statistics");
    stats.retain(|name, _| !name.ends_with("-timestamp"));
    let place = connection["updateLog"].as_array().and_then(|log| {
        log.iter()
            .position(|event| event["value"].as_str().is_some_and(|v| v.contains("49300")))
    });
    assert!(is_blocked(&dump));
    let place = place.expect("the relay");
    dump["PeerConnections"]["11-1"]["updateLog"][place]["timestamp"] = Value::Null;
    assert!(!is_blocked(&dump));
}

fn connected() -> Dump {
    Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST, A_SRFLX])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .pair(
            "srflx 203.0.113.100 50000",
            "srflx 203.0.113.200 60000",
            [14, 12, 13],
            true,
        )
        .of_pair("state", "in-progress")
        .of_pair("bytesReceived", 1_664_740)
}

/// Chromium calls the pair in use in-progress whenever the answer to a keep-alive is on its way.
#[test]
fn a_keep_alive_on_its_way_is_no_outage() {
    assert!(one(&[connected().of_pair("writable", true).text()]).is_good());
    assert!(one(&[connected().text()]).is_good(), "two are not many");
    let lost = connected()
        .of_pair("writable", false)
        .transport("dtlsState", "connected");
    let lost = one(&[lost.text()]);
    is(&lost, &[("path-lost", "between")], &[]);
}

/// The other end's `close()` is told over DTLS; ICE notices its silence later.
#[test]
fn an_end_that_said_goodbye_has_lost_no_path() {
    let closed = connected()
        .event(9000.0, "oniceconnectionstatechange", "disconnected")
        .event(9000.0, "onconnectionstatechange", "disconnected");
    let silent = closed.clone().transport("dtlsState", "connected").text();
    is(&one(&[silent]), &[("path-lost", "between")], &[]);
    let closed = one(&[closed.transport("dtlsState", "closed").text()]);
    is(&closed, &[], &[]);
    assert_eq!(closed.standing, Standing::Connected);
    // Statistics alone have no states of the connection.
    let alone = json!([
        {"type": "transport", "id": "T", "dtlsState": "closed", "iceState": "disconnected", "selectedCandidatePairId": "P"},
        {"type": "candidate-pair", "id": "P", "transportId": "T", "localCandidateId": "L", "remoteCandidateId": "R",
         "state": "in-progress", "nominated": true, "writable": false, "bytesReceived": 5000,
         "requestsSent": 72, "responsesReceived": 6},
        {"type": "local-candidate", "id": "L", "candidateType": "host", "address": "192.168.1.10", "port": 50000, "protocol": "udp"},
        {"type": "remote-candidate", "id": "R", "candidateType": "srflx", "address": "203.0.113.200", "port": 60000, "protocol": "udp"},
    ]);
    assert!(one(&[alone.to_string()]).is_good());
}

/// Without the state of DTLS a silence in the end may be a goodbye: neither is claimed.
#[test]
fn a_silence_in_the_end_may_be_a_goodbye() {
    let silent = connected()
        .event(9000.0, "oniceconnectionstatechange", "disconnected")
        .event(9000.0, "onconnectionstatechange", "failed");
    let call = one(&[silent.text()]);
    is(&call, &[("unknown", "between")], &[]);
    assert_eq!(call.standing, Standing::Connected);
    assert!(!call.is_good());
    let (_, _, summary) = told_of(&[silent.text()]);
    assert!(summary.starts_with("Connected directly"), "{summary}");
    assert!(!summary.contains("No direct path"), "{summary}");
    // Last told before the silence.
    let mut whole: Value = serde_json::from_str(&silent.text()).expect("JSON");
    let stats = &mut whole["PeerConnections"]["11-1"]["stats"];
    let times = |at: f64| json!([super::dump::BEGAN + at]).to_string();
    for (member, value) in [
        ("timestamp", times(500.0)),
        ("dtlsState", json!(["connected"]).to_string()),
    ] {
        stats[format!("T02-{member}")] = json!({"statsType": "transport", "values": value});
    }
    is(&one(&[whole.to_string()]), &[("unknown", "between")], &[]);
    // One sample in the midst of it.
    let sample = connected().of_pair("writable", false).text();
    is(&one(&[sample]), &[("unknown", "between")], &[]);
    // Both ends noticed, so neither has closed it; and what came back had been lost.
    let there = Dump::new(&[STUN])
        .answers("bbbb", "aaaa")
        .finds(&[B_HOST, B_SRFLX])
        .gets(&[A_HOST, A_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .event(9100.0, "oniceconnectionstatechange", "disconnected")
        .event(9100.0, "onconnectionstatechange", "disconnected");
    let both = one(&[silent.text(), there.text()]);
    is(&both, &[("path-lost", "between")], &[]);
    let back = silent
        .event(14_000.0, "oniceconnectionstatechange", "connected")
        .event(14_000.0, "onconnectionstatechange", "connected");
    is(&one(&[back.text()]), &[("path-lost", "between")], &[]);
}

/// Relays alone by policy, and no relay: the server is what is wrong.
#[test]
fn a_server_that_gives_no_relay_is_named_beside_the_policy() {
    let here = Dump::new(&[TURN_AWAY])
        .with_policy("relay")
        .offers("aaaa", "bbbb");
    let call = one(&[here.text()]);
    is(
        &call,
        &[("relay-only", "local")],
        &[("turn-unreachable", "local")],
    );
    assert!(all_words(&call).contains("198.51.100.99"));
}

fn without_a_relay(servers: &[&str], ends_at: f64) -> JudgedCall {
    let dump = Dump::new(servers)
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST, A_SRFLX])
        .gets(&[B_HOST, B_SRFLX])
        .event(80.0, "oniceconnectionstatechange", "checking")
        .event(ends_at, "onconnectionstatechange", "connecting")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [40, 0, 0],
            false,
        );
    let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
    whole["timestamp"] = json!(super::dump::BEGAN + ends_at);
    // The statistics of the maker of dumps end at 14 s.
    let stamp = |after_ms: f64| format!("{:.1}", super::dump::BEGAN + after_ms);
    let text = whole.to_string();
    one(&[text.replace(&stamp(14_000.0), &stamp(5000.0))])
}

#[test]
fn a_record_that_ends_soon_does_not_call_a_server_silent() {
    let soon = without_a_relay(&[STUN, TURN_AWAY], 6000.0);
    is(&soon, &[("unknown", "between")], &[("unknown", "between")]);
    assert!(
        !all_words(&soon).contains("cut-short"),
        "{}",
        all_words(&soon)
    );
    let late = without_a_relay(&[STUN, TURN_AWAY], 15_000.0);
    is(
        &late,
        &[("unknown", "between")],
        &[("turn-unreachable", "local")],
    );
    let late = without_a_relay(&[STUN, TURN], 15_000.0);
    let words = all_words(&late);
    assert!(
        words.contains("answers STUN of this side and is silent to TURN"),
        "{words}"
    );
}

/// Nothing happens any more at an end that waits for candidates: how long it waited, the file tells.
#[test]
fn an_end_that_waits_in_vain_is_known_by_when_it_was_saved() {
    let waits = Dump::new(&[STUN])
        .answers("bbbb", "aaaa")
        .finds(&[B_HOST, B_SRFLX]);
    let call = one(&[waits.text()]);
    is(&call, &[("unknown", "between")], &[]);
    let words = all_words(&call);
    assert!(
        words.contains("no candidate of the other side came"),
        "{words}"
    );
    // It may have had none to tell.
    assert!(
        words.contains("the dump of the other side tells"),
        "{words}"
    );
}

/// `pair` knew more than its document has: a trial of its own relay, the password that was refused.
#[test]
fn what_pair_itself_found_is_kept() {
    let end = |kind: &str, address: &str| json!({"type": kind, "address": address, "port": 5000});
    let here = json!({"candidates": [end("host", "192.168.1.10"), end("srflx", "203.0.113.5")]});
    let there = json!({"candidates": [end("host", "192.168.2.10"), end("srflx", "203.0.113.9")]});
    let cause = |code: &str, side: &str| {
        json!({"code": code, "side": side, "message": format!("what pair says of {code}"), "evidence": [],
               "remedies": [{"code": "turn", "side": side, "message": "a TURN server", "effect": "relay"}]})
    };
    let document = |local: &Value, remote: &Value, redacted: bool, sides: [&str; 2]| {
        json!({
            "rtcdiag_version": "1", "command": "pair", "redacted": redacted,
            "result": {
                "state": "failed", "local": local, "remote": remote,
                "pairs": [{"local": end("host", "192.168.1.10"), "remote": end("srflx", "203.0.113.9"),
                           "state": "failed", "requests_sent": 28}],
                "causes": [cause("endpoint-dependent-mapping", sides[0])],
                "relay_causes": [cause("turn-refused", sides[1])],
            },
        })
        .to_string()
    };
    let own = document(&here, &there, false, ["local", "remote"]);
    let other = document(&there, &here, false, ["remote", "local"]);
    let (direct, relay) = (
        [("endpoint-dependent-mapping", "local")],
        [("turn-refused", "remote")],
    );
    is(&one(std::slice::from_ref(&own)), &direct, &relay);
    let both = one(&[own, other]);
    is(&both, &direct, &relay);
    assert!(all_words(&both).contains("what pair says of turn-refused"));
    // Labels in place of addresses take nothing from it.
    let labels = json!({"candidates": [end("host", "priv1"), end("srflx", "pub1")]});
    let hidden = document(&labels, &labels, true, ["local", "remote"]);
    is(&one(&[hidden]), &direct, &relay);
    // What is no cause is not one.
    let odd = document(&here, &there, false, ["local", "nobody"]);
    assert!(!all_words(&one(&[odd])).contains("what pair says"));
}

/// What became of the servers of one end says nothing of those of the other one.
#[test]
fn servers_of_the_other_end_are_not_said_to_be_silent() {
    const NAME: &str = "stun:stun.nosuch.example";
    let here = Dump::new(&[NAME])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .error(90.0, NAME, 701, "STUN host lookup received error.")
        .gets(&[B_HOST])
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "host 192.168.2.10 60000",
            [40, 0, 0],
            false,
        );
    let words = all_words(&one(&[here.text()]));
    assert!(
        words.contains("this side found no address for the names of its servers"),
        "{words}"
    );
    assert!(
        words.contains("why the other side has none is not told"),
        "{words}"
    );
    assert!(!words.contains("in time"), "{words}");
}

/// A server that forbids one end's peers does so whoever's record comes first, and what shows it is said.
#[test]
fn what_one_end_alone_knows_of_its_relay_both_know() {
    let relay = "candidate:5 1 udp 58662911 198.51.100.10 49200 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag bbbb";
    let own = [B_HOST, B_SRFLX, told(relay)];
    let here = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST, A_SRFLX])
        .gets(&own)
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [40, 0, 0],
            false,
        )
        .pair(
            "host 192.168.1.10 50000",
            "relay 198.51.100.10 49200",
            [40, 0, 0],
            false,
        );
    let there = Dump::new(&[STUN, TURN])
        .answers("bbbb", "aaaa")
        .finds(&own)
        .gets(&[A_HOST, A_SRFLX])
        .fails()
        .pair(
            "host 192.168.2.10 60000",
            "srflx 203.0.113.100 50000",
            [40, 0, 0],
            false,
        )
        .pair(
            "relay 198.51.100.10 49200 udp",
            "host 192.168.1.10 50000",
            [60, 0, 0],
            false,
        )
        .failed_pair("relay 198.51.100.10 49200 udp", "srflx 203.0.113.100 50000");
    for (texts, side) in [
        (vec![there.text()], "local"),
        (vec![here.text(), there.text()], "remote"),
        (vec![there.text(), here.text()], "local"),
    ] {
        let call = one(&texts);
        let wanted = ("turn-peer-forbidden".to_owned(), side.to_owned());
        assert_eq!(named(&call.relay_causes), [wanted], "{}", all_words(&call));
        let words = all_words(&call);
        assert!(
            words.contains("inferred: the pairs of that relay"),
            "{words}"
        );
    }
}

/// The dump of the other end is given, and no description came to it: nobody is sent for that dump.
#[test]
fn a_connection_that_nothing_came_to_is_no_unreadable_file() {
    let here = Dump::new(&[STUN])
        .describe(10.0, true, "offer", "aaaa", AUDIO)
        .event(10.0, "onsignalingstatechange", "have-local-offer");
    let (_, findings, summary) = told_of(&[here.text(), Dump::new(&[]).text()]);
    assert!(
        findings.iter().all(|(code, _)| code != "file-unreadable"),
        "{findings:?}"
    );
    assert!(summary.contains("the offer never came to it"), "{summary}");
    let (_, _, alone) = told_of(&[here.text()]);
    assert!(alone.contains("its own dump tells which"), "{alone}");
}
