//! Where records have gaps, and when what they tell of was: times that are missing, equal or of a wall clock, damaged
//! dumps, captures of one direction.

use rtcdiag::commands::inspect::report::InspectResult;
use rtcdiag::proto::evidence::facts::standing::Standing;
use rtcdiag::proto::evidence::{self, calls, gzip};
use serde_json::{Value, json};

use super::dump::{BEGAN, Dump};
use super::settled::{A_HOST, B_HOST, B_SRFLX, STUN, STUN_TWO, is, told_of};
use super::truth::{judged_call, record};
use super::{joined, judged, named, one};

/// What a damaged file does not have may have happened all the same.
#[test]
fn a_damaged_dump_proves_nothing_by_what_it_lacks() {
    let dump = Dump::new(&[STUN, STUN_TWO])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [80, 0, 0],
            false,
        );
    let text = dump.text();
    is(
        &one(std::slice::from_ref(&text)),
        &[("udp-blocked", "local")],
    );
    let log = text.find("\"updateLog\"").expect("its events");
    for part in [3, 5, 8] {
        let end = log + (text.len() - log) * part / 10;
        let cut = text[..end].to_owned();
        let joined = joined(std::slice::from_ref(&cut));
        assert_eq!(joined.len(), 1);
        is(&one(std::slice::from_ref(&cut)), &[("unknown", "between")]);
        let (result, _, _) = told_of(&[cut]);
        assert_ne!(result["calls"][0]["state"], "no-peer");
    }
}

/// A dump that has no configuration does not say that there is no STUN server.
#[test]
fn a_configuration_that_is_left_out_is_not_an_empty_one() {
    let relay = "candidate:9 1 udp 8331263 198.51.100.10 49300 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag aaaa";
    let turn = "turn:198.51.100.10:443?transport=tcp";
    let dump = Dump::new(&[turn])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .event(
            90.0,
            "onicecandidate",
            json!({"candidate": relay, "url": turn, "relayProtocol": "tcp"}),
        )
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(950.0, "onconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [4, 0, 0],
            false,
        )
        .pair(
            "relay 198.51.100.10 49300 tcp",
            "srflx 203.0.113.200 60000",
            [6, 6, 5],
            true,
        );
    is(&one(&[dump.text()]), &[("no-candidates", "local")]);
    let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
    whole["PeerConnections"]["11-1"]["rtcConfiguration"] = json!("");
    is(&one(&[whole.to_string()]), &[("unknown", "between")]);
}

/// A capture of a real call: each packet with its head, and those that are kept.
fn packets(keep: impl Fn(&[u8]) -> bool, shown: usize) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/evidence/24-restart/a/capture.pcap.gz");
    let bytes = gzip::unpack(&std::fs::read(path).expect("it is there")).0;
    let mut out = bytes[..24].to_vec();
    let mut at = 24;
    while let Some(head) = bytes.get(at..at + 16) {
        let length = u32::from_le_bytes(head[8..12].try_into().expect("four")) as usize;
        let packet = &bytes[at + 16..at + 16 + length];
        at += 16 + length;
        if keep(packet) {
            let cut = &packet[..packet.len().min(shown)];
            let kept = u32::try_from(cut.len()).expect("short").to_le_bytes();
            out.extend([&head[..8], &kept[..], &head[12..], cut].concat());
        }
    }
    out
}

/// The source and the destination of a packet of IPv4.
fn ends(packet: &[u8]) -> [&[u8]; 2] {
    [&packet[12..16], &packet[16..20]]
}

const HERE: [u8; 4] = [192, 168, 1, 10];

#[test]
fn a_restart_of_ice_is_one_call_in_a_capture_too() {
    for end in ["a", "b"] {
        let all = record("24-restart", end, "capture.pcap.gz").expect("it is there");
        let call = judged_call(end, vec![all]).expect("a call");
        assert_eq!(
            (call.standing, call.path, call.is_path_supposed),
            (Standing::Connected, None, true),
            "{end}"
        );
        assert!(call.is_good(), "{end}");
    }
}

#[test]
fn an_end_that_closed_is_no_lost_path_in_a_capture_either() {
    for end in ["a", "b"] {
        let all = record("25-closed", end, "capture.pcap.gz").expect("it is there");
        let call = judged_call(end, vec![all]).expect("a call");
        assert!(call.is_good(), "{end}: {:?}", named(&call.causes));
    }
}

/// Pairs name their candidates, and the statistics have none of these.
#[test]
fn pairs_without_their_candidates_are_not_said_to_be_unchecked() {
    let dump = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [80, 0, 0],
            false,
        );
    let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
    let stats = whole["PeerConnections"]["11-1"]["stats"].as_object_mut();
    stats
        .expect("statistics")
        .retain(|name, _| !name.starts_with('I'));
    let said = is(&one(&[whole.to_string()]), &[("unknown", "between")]);
    assert!(
        said.contains("no pair of candidates with its checks"),
        "{said}"
    );
    assert!(!said.contains("not checked"), "{said}");
}

/// When ICE has failed, statistics have forgotten the pair that was in use; DTLS had gone over one.
#[test]
fn statistics_after_a_path_was_lost_say_that_there_was_one() {
    for end in ["a", "b"] {
        let all = record("27-path-lost", end, "getstats.json.gz").expect("it is there");
        let call = judged_call(end, vec![all]).expect("a call");
        is(&call, &[("path-lost", "between")]);
        assert_eq!(call.standing, Standing::Lost);
    }
}

/// A firewall on the host itself: the capture goes on with what the other end sends.
#[test]
fn an_end_that_falls_silent_without_a_word_has_lost_its_path() {
    let all = record("27-path-lost", "b", "capture.pcap.gz").expect("it is there");
    let call = judged_call("b", vec![all]).expect("a call");
    let said = is(&call, &[("path-lost", "between")]);
    assert!(said.contains("this side sent nothing any more"), "{said}");
}

/// The 403 is in the capture, and no check went through the relay.
#[test]
fn a_permission_that_was_refused_is_seen_in_a_capture() {
    let all = record("28-peer-forbidden", "a", "capture.pcap.gz").expect("it is there");
    let call = judged_call("a", vec![all]).expect("a call");
    let wanted = ("turn-peer-forbidden".to_owned(), "local".to_owned());
    assert_eq!(named(&call.relay_causes), [wanted]);
}

/// Its events have no candidates, and its statistics have them: they came.
#[test]
fn candidates_that_statistics_have_are_not_lost() {
    let here = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .fails();
    let there = |remote: &str| {
        let dump = Dump::new(&[STUN]).answers("bbbb", "aaaa").finds(&[B_HOST]);
        let dump = dump.fails();
        dump.pair("host 192.168.2.10 60000", remote, [80, 0, 0], false)
    };
    let is_lost = |remote: &str| {
        let call = one(&[here.text(), there(remote).text()]);
        let all = named(&call.causes);
        all.iter().any(|(code, _)| code == "candidates-lost")
    };
    assert!(!is_lost("host 192.168.1.10 50000"));
    assert!(is_lost("prflx 203.0.113.100 50000"));
}

/// A dump that has none of its own end is not asked for those of the other one.
#[test]
fn candidates_are_not_lost_where_a_record_has_none_at_all() {
    let here = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .fails();
    for (finds, is_lost) in [(&[][..], false), (&[B_HOST][..], true)] {
        let there = Dump::new(&[STUN]).answers("bbbb", "aaaa").finds(finds);
        let call = one(&[here.text(), there.fails().text()]);
        let mut all = named(&call.causes).into_iter();
        let is_said = all.any(|(code, _)| code == "candidates-lost");
        assert_eq!(is_said, is_lost, "{:?}", call.causes);
    }
}

/// ICE was up, and what is missing may tell that DTLS was not.
#[test]
fn a_damaged_dump_does_not_tell_that_a_call_worked() {
    let text = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [5, 5, 5],
            true,
        )
        .text();
    let log = text.find("\"updateLog\"").expect("its events");
    let cut = text[..log + 40].to_owned();
    let call = one(&[cut]);
    assert!(!call.is_good());
    is(&call, &[("unknown", "between")]);
}

/// Who checks has both descriptions, though packets do not show them; who controls has offered.
#[test]
fn a_capture_does_not_say_that_nothing_was_offered() {
    for (end, offerer) in [("a", "local"), ("b", "remote")] {
        let all = record("28-peer-forbidden", end, "capture.pcap.gz").expect("it is there");
        let joined = calls::join(vec![all.clone()]);
        let result = InspectResult::new(&["x".to_owned()], &[all], joined);
        let result = serde_json::to_value(&result).expect("JSON");
        let steps = result["calls"][0]["steps"].as_array().expect("steps");
        let stopped = steps.iter().find(|step| step["status"] == "stopped");
        assert_eq!(stopped.expect("it failed")["step"], "checks", "{end}");
        let made = steps.iter().find(|step| step["step"] == "description-made");
        assert_eq!(made.expect("an offer")["side"], offerer);
    }
}

/// Lines with candidates say nothing of offers.
#[test]
fn candidates_alone_do_not_tell_where_a_call_stopped() {
    let text = format!("local {}\nremote {}\n", A_HOST.line, B_HOST.line);
    let (result, _, _) = told_of(&[text]);
    let call = &result["calls"][0];
    assert_eq!(call["state"], Value::Null);
    let mut steps = call["steps"].as_array().expect("steps").iter();
    assert!(
        steps.all(|step| step["status"] != "stopped"),
        "{}",
        call["steps"]
    );
}

/// Begun after DTLS: the checks of consent alone do not show that anything came of it.
#[test]
fn checks_alone_do_not_show_that_a_call_worked() {
    let is_stun = |packet: &[u8]| packet[9] == 17 && packet[28] < 2;
    let bytes = packets(is_stun, 2000);
    let call = judged_call("checks", vec![evidence::read(&bytes)]).expect("a call");
    let said = is(&call, &[("unknown", "between")]);
    assert!(said.contains("neither DTLS nor media"), "{said}");
    assert!(!call.is_good());
    assert!(call.has_path() && call.path.is_none());
}

/// It shows no answers, and there may have been some.
#[test]
fn one_direction_alone_does_not_show_that_nothing_came() {
    for side in [0, 1] {
        let bytes = packets(|packet| ends(packet)[side] == HERE, 2000);
        for call in judged(vec![evidence::read(&bytes)]) {
            let said = is(&call, &[("unknown", "between")]);
            assert!(said.contains("one direction alone"), "{said}");
            assert!(call.standing < Standing::Failed, "{:?}", call.standing);
        }
    }
}

#[test]
fn packets_that_are_cut_short_do_not_show_what_was_in_them() {
    let bytes = packets(|_| true, 60);
    let mut connected = 0;
    for call in judged(vec![evidence::read(&bytes)]) {
        // Media is sent over the pair in use alone, and the first bytes of a packet tell it.
        if call.standing == Standing::Connected {
            connected += 1;
            continue;
        }
        let said = is(&call, &[("unknown", "between")]);
        assert!(said.contains("tcpdump -s 0"), "{said}");
    }
    assert!(connected > 0);
}

fn times(steps: &Value, name: &str) -> Vec<(u64, Value)> {
    let all = steps.as_array().expect("steps").iter();
    let meant = all.filter(|step| step["step"] == name);
    meant
        .map(|step| {
            (
                step["number"].as_u64().expect("a number"),
                step["at_ms"].clone(),
            )
        })
        .collect()
}

/// Statistics are taken each second, and events have a time of their own.
#[test]
fn a_check_is_answered_before_ice_is_connected() {
    let dump = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [5, 5, 5],
            true,
        );
    let (result, _, _) = told_of(&[dump.text()]);
    let call = &result["calls"][0];
    let at = |step: &str| times(&call["steps"], step)[0].1.as_f64().expect("a time");
    assert!(at("checks") <= at("connected"), "{}", call["steps"]);
    let events: Vec<&str> = call["timeline"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["event"].as_str())
        .collect();
    let place = |event: &str| events.iter().position(|it| *it == event).expect(event);
    assert!(place("check-succeeded") < place("connected"), "{events:?}");
    assert_eq!(call["pairs"][0]["first_answered_ms"], json!(at("checks")));
}

/// To the second, all of a call is at one time: what comes first is known all the same.
#[test]
fn what_has_one_time_is_in_the_order_of_causes() {
    let flat = |dump: &Dump| {
        let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
        for event in whole["PeerConnections"]["11-1"]["updateLog"]
            .as_array_mut()
            .expect("a list")
        {
            event["timestamp"] = json!(BEGAN);
        }
        whole.to_string()
    };
    let here = flat(
        &Dump::new(&[STUN])
            .offers("aaaa", "bbbb")
            .finds(&[A_HOST])
            .ice_connects(),
    );
    let there = flat(
        &Dump::new(&[STUN])
            .answers("bbbb", "aaaa")
            .finds(&[B_HOST])
            .ice_connects(),
    );
    for texts in [[here.clone(), there.clone()], [there, here]] {
        let (result, _, _) = told_of(&texts);
        let timeline = result["calls"][0]["timeline"].as_array().expect("a list");
        let all: Vec<String> = timeline
            .iter()
            .map(|entry| {
                format!(
                    "{} {}",
                    entry["event"].as_str().unwrap_or_default(),
                    entry["detail"].as_str().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(
            all[..4],
            [
                "description-sent offer",
                "description-received offer",
                "description-sent answer",
                "description-received answer"
            ],
            "{all:?}"
        );
        assert!(
            all.last().is_some_and(|last| last.starts_with("connected")),
            "{all:?}"
        );
    }
}

/// Without times the steps were made all the same.
#[test]
fn a_step_without_a_time_was_made() {
    let dump = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .fails();
    let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
    for event in whole["PeerConnections"]["11-1"]["updateLog"]
        .as_array_mut()
        .expect("a list")
    {
        event["timestamp"] = Value::Null;
    }
    let (result, _, _) = told_of(&[whole.to_string()]);
    let steps = result["calls"][0]["steps"].as_array().expect("steps");
    for step in steps {
        let number = step["number"].as_u64().expect("a number");
        let wanted = match number {
            9 | 13.. => "open",
            12 => "stopped",
            _ => "done",
        };
        assert_eq!(step["status"], wanted, "{step}");
        assert_eq!(step["at_ms"], Value::Null, "{step}");
    }
}

/// Events by a clock on the wall, statistics in UTC: both are of one time.
#[test]
fn a_wall_clock_is_set_by_the_statistics() {
    let dump = Dump::new(&[STUN])
        .offers("aaaa", "bbbb")
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(5000.0, "oniceconnectionstatechange", "disconnected")
        .event(12_000.0, "oniceconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [5, 5, 5],
            true,
        );
    let mut whole: Value = serde_json::from_str(&dump.text()).expect("JSON");
    for event in whole["PeerConnections"]["11-1"]["updateLog"]
        .as_array_mut()
        .expect("a list")
    {
        let at = event["timestamp"].as_f64().expect("a time") + 5.5 * 3_600_000.0;
        #[expect(clippy::cast_possible_truncation, reason = "a time of today")]
        let at = jiff::Timestamp::from_millisecond(at as i64).expect("a time");
        event["time"] = json!(
            at.strftime("%d/%m/%Y, %-I:%M:%S\u{202f}%p")
                .to_string()
                .to_lowercase()
        );
        event
            .as_object_mut()
            .expect("an object")
            .remove("timestamp");
    }
    let call = &joined(&[whole.to_string()])[0];
    let account = call.ends[0].as_ref().expect("this end");
    let began = account.began.expect("a time");
    assert!((began - BEGAN).abs() < 2000.0, "{}", began - BEGAN);
    let call = one(&[whole.to_string()]);
    let said = is(&call, &[("path-lost", "between")]);
    // From the last sample in which something was heard, by the one clock, to the event, by the other.
    assert!(said.contains("for 11 s and came back"), "{said}");
}
