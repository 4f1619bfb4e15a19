//! What a file does not have, and what is silent, is no proof; and what it has is not passed over.

use rtcdiag::proto::evidence::{calls, facts};
use serde_json::{Value, json};

use super::dump::{AUDIO, Dump};
use super::settled::{A_HOST, B_HOST, B_SRFLX, STUN, STUN_TWO, is, told_of};
use super::tape::{
    ACK, DATA, Tape, USERNAME, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS, answer, check, rtp, stun,
    xored,
};
use super::{joined, named, one};

const SILENT: &str = "STUN binding request timed out.";
const A: &str = "192.168.1.10:50000";
const B: &str = "192.168.2.10:60000";
const B_OUTSIDE: &str = "203.0.113.200:60000";
const A_OUTSIDE: &str = "203.0.113.100:50000";

fn silent(dump: Dump) -> Dump {
    dump.error(10_000.0, STUN, 701, SILENT)
        .error(10_000.0, STUN_TWO, 701, SILENT)
}

#[test]
fn servers_that_answer_nobody_are_no_proof_that_udp_is_blocked() {
    let here = silent(Dump::new(&[STUN, STUN_TWO]).offers("aaaa", "bbbb"))
        .finds(&[A_HOST])
        .gets(&[B_HOST])
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "host 192.168.2.10 60000",
            [80, 0, 0],
            false,
        );
    let there = silent(Dump::new(&[STUN, STUN_TWO]).answers("bbbb", "aaaa"))
        .finds(&[B_HOST])
        .gets(&[A_HOST])
        .fails()
        .pair(
            "host 192.168.2.10 60000",
            "host 192.168.1.10 50000",
            [80, 0, 0],
            false,
        );
    let said = is(
        &one(&[here.text(), there.text()]),
        &[("no-candidates", "both")],
    );
    assert!(
        said.contains("the servers are down, or UDP to port 3478 is blocked"),
        "{said}"
    );
    let said = is(&one(&[here.text()]), &[("no-candidates", "both")]);
    assert!(
        said.contains("they are down, or UDP to them is blocked"),
        "{said}"
    );
    // The other end is answered, so that the servers are there.
    let here = silent(Dump::new(&[STUN, STUN_TWO]).offers("aaaa", "bbbb"))
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .fails()
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [80, 0, 0],
            false,
        );
    is(&one(&[here.text()]), &[("udp-blocked", "local")]);
}

/// A page that was opened when all had failed has the candidates in its descriptions.
#[test]
fn a_late_record_of_a_failure_is_judged_by_its_descriptions() {
    let with = |lines: &[&str]| format!("{AUDIO}a={}\r\n", lines.join("\r\na="));
    let own = with(&[
        "candidate:1 1 udp 2122260223 192.168.1.10 50000 typ host",
        "candidate:2 1 udp 1686052607 203.0.113.100 50001 typ srflx raddr 192.168.1.10 rport 50000",
        "candidate:2 1 udp 1686052607 203.0.113.100 61234 typ srflx raddr 192.168.1.10 rport 50000",
    ]);
    let other = with(&[
        "candidate:3 1 udp 2122260223 192.168.2.10 60000 typ host",
        "candidate:4 1 udp 1686052607 203.0.113.200 60000 typ srflx raddr 192.168.2.10 rport 60000",
    ]);
    let late = Dump::new(&[STUN, STUN_TWO])
        .describe(5000.0, true, "offer", "aaaa", &own)
        .describe(5000.0, false, "answer", "bbbb", &other)
        .event(5000.0, "onsignalingstatechange", "stable")
        .event(5000.0, "onicegatheringstatechange", "complete")
        .event(5000.0, "oniceconnectionstatechange", "failed")
        .event(5000.0, "onconnectionstatechange", "failed");
    let call = one(&[late.text()]);
    is(&call, &[("endpoint-dependent-mapping", "local")]);
    assert_eq!(named(&call.relay_causes)[0].0, "no-turn-server");
    let (_, findings, _) = told_of(&[late.text()]);
    let found = findings
        .iter()
        .find(|(code, _)| code == "recorded-too-late");
    let (_, message) = found.expect("it is a finding");
    assert!(!message.contains("candidates"), "{message}");
}

/// A call that connects, as this end's host has it.
fn connected() -> Tape {
    let mut tape = Tape::new();
    tape.udp(0, (A, "198.51.100.10:3478"), &stun(0x0001, 900, &[]));
    tape.udp(10, ("198.51.100.10:3478", A), &answer(900, A_OUTSIDE));
    for number in 0..4 {
        let ms = 100 + number * 50;
        tape.udp(ms, (A, B_OUTSIDE), &check(number, "bbbb:aaaa", true));
        tape.udp(ms + 10, (B_OUTSIDE, A), &answer(number, A_OUTSIDE));
        tape.udp(
            ms + 20,
            (B_OUTSIDE, A),
            &check(100 + number, "aaaa:bbbb", false),
        );
        tape.udp(ms + 30, (A, B_OUTSIDE), &answer(100 + number, B_OUTSIDE));
    }
    tape
}

#[test]
fn a_stream_of_unknown_kind_is_not_said_to_be_missing() {
    let mut tape = connected();
    for number in 0..150_u16 {
        tape.udp(
            400 + u32::from(number) * 20,
            (A, B_OUTSIDE),
            &rtp(number, 7),
        );
    }
    let received = |tape: &Tape| tape.record().accounts[0].streams[0].received;
    assert_eq!(received(&tape), Some(0));
    // Too few to tell a clock by.
    for number in 0..5_u16 {
        tape.udp(4000 + u32::from(number), (B_OUTSIDE, A), &rtp(number, 8));
    }
    assert_eq!(received(&tape), None);
}

/// Two packets in each segment to the client, and the second one is cut off.
#[test]
fn what_stands_in_the_rest_of_a_segment_is_not_lost() {
    let (client, server) = ("192.168.1.10:7000", "198.51.100.10:3478");
    let lost = |most: u32| {
        let mut tape = Tape::new();
        let mut next = [1_u32; 2];
        let mut sends = |tape: &mut Tape, ms: u32, from: usize, payload: &[u8]| {
            let way = [(client, server), (server, client)][from];
            tape.tcp(ms, way, (next[from], ACK), payload);
            next[from] += u32::try_from(payload.len()).expect("short");
        };
        let given: [(u16, &[u8]); 1] = [(XOR_RELAYED_ADDRESS, &xored("198.51.100.10:49200"))];
        sends(&mut tape, 10, 0, &stun(0x0003, 900, &[(USERNAME, b"user")]));
        sends(&mut tape, 20, 1, &stun(0x0103, 900, &given));
        let peer = xored(B_OUTSIDE);
        let wrapped = |kind: u16, number: u32, data: &[u8]| {
            stun(kind, number, &[(XOR_PEER_ADDRESS, &peer), (DATA, data)])
        };
        for number in 0..4 {
            let ms = 100 + number * 50;
            let asks = check(number, "bbbb:aaaa", true);
            sends(&mut tape, ms, 0, &wrapped(0x0016, 1000 + number, &asks));
            let answers = answer(number, "198.51.100.10:49200");
            sends(
                &mut tape,
                ms + 10,
                1,
                &wrapped(0x0017, 2000 + number, &answers),
            );
        }
        tape.cuts(most);
        for number in 0..40_u16 {
            let at = u32::from(number);
            let two = [
                wrapped(0x0017, 3000 + at, &rtp(2 * number, 9)),
                wrapped(0x0017, 4000 + at, &rtp(2 * number + 1, 9)),
            ];
            sends(&mut tape, 500 + at * 40, 1, &two.concat());
        }
        let record = tape.record();
        let stream = record.accounts[0].streams.first().cloned();
        stream.map(|stream| (stream.received, stream.lost))
    };
    assert_eq!(lost(u32::MAX), Some((Some(80), Some(0))));
    assert_eq!(lost(160), Some((None, None)));
}

#[test]
fn relays_alone_without_a_turn_server_are_said_to_lack_it() {
    let end = |dump: Dump| dump.with_policy("relay").fails();
    let here = end(Dump::new(&[STUN]).offers("aaaa", "bbbb"));
    let there = end(Dump::new(&[STUN]).answers("bbbb", "aaaa"));
    for (texts, side) in [
        (vec![here.text()], "local"),
        (vec![here.text(), there.text()], "both"),
    ] {
        let call = one(&texts);
        is(&call, &[("relay-only", side)]);
        let lacks = ("no-turn-server".to_owned(), side.to_owned());
        assert_eq!(named(&call.relay_causes), [lacks]);
        let (_, findings, summary) = told_of(&texts);
        assert!(summary.starts_with("No connection"), "{summary}");
        // Which STUN servers answer is not told there.
        assert!(
            findings
                .iter()
                .all(|(_, said)| !said.contains("STUN server")),
            "{findings:?}"
        );
    }
}

/// Two servers at different addresses see the same port of a socket.
#[test]
fn a_mapping_that_two_servers_see_alike_is_independent() {
    let tape = |own: &str, outside: &str, other: &str, names: &str| {
        let mut tape = Tape::new();
        for (number, server) in [(900, "198.51.100.10:3478"), (901, "198.51.100.20:3478")] {
            tape.udp(number, (own, server), &stun(0x0001, number, &[]));
            tape.udp(number + 10, (server, own), &answer(number, outside));
        }
        for number in 0..40 {
            tape.udp(
                1000 + number * 400,
                (own, other),
                &check(number, names, false),
            );
        }
        tape.udp(30_000, (own, "198.51.100.10:3478"), &stun(0x0001, 990, &[]));
        tape.record()
    };
    let records = vec![
        tape(A, A_OUTSIDE, B_OUTSIDE, "bbbb:aaaa"),
        tape(B, B_OUTSIDE, A_OUTSIDE, "aaaa:bbbb"),
    ];
    let joined = calls::join(records);
    let call = facts::judge(&joined[0]);
    assert!(call.local.is_independent && call.remote.is_independent);
    let said = is(&call, &[("filtered", "between")]);
    assert!(!said.contains("second STUN server"), "{said}");
}

#[test]
fn certificates_join_statistics_that_have_forgotten_the_other_end() {
    let end = |ufrag: &str, own: &str, peer: &str| {
        let certificate = |id: &str, print: &str| json!({"id": id, "type": "certificate", "fingerprintAlgorithm": "sha-256", "fingerprint": print});
        json!([
            {"id": "T", "type": "transport", "iceState": "failed", "dtlsState": "connected",
             "iceLocalUsernameFragment": ufrag, "localCertificateId": "L", "remoteCertificateId": "R"},
            certificate("L", own),
            certificate("R", peer),
        ])
        .to_string()
    };
    let print = |byte: &str| vec![byte; 32].join(":");
    let (a, b, c) = (print("AA"), print("BB"), print("CC"));
    let count = |texts: [String; 2]| joined(&texts).len();
    assert_eq!(count([end("aaaa", &a, &b), end("bbbb", &b, &a)]), 1);
    assert_eq!(count([end("aaaa", &a, &b), end("bbbb", &c, &a)]), 2);
}

fn works(media: &str) -> Dump {
    Dump::new(&[STUN])
        .describe(10.0, true, "offer", "aaaa", media)
        .event(12.0, "onicegatheringstatechange", "gathering")
        .describe(40.0, false, "answer", "bbbb", media)
        .finds(&[A_HOST])
        .gets(&[B_HOST, B_SRFLX])
        .ice_connects()
        .event(150.0, "onconnectionstatechange", "connected")
        .pair(
            "host 192.168.1.10 50000",
            "srflx 203.0.113.200 60000",
            [5, 5, 5],
            true,
        )
}

fn of_code(text: &str, code: &str) -> Option<String> {
    let (_, findings, _) = told_of(&[text.to_owned()]);
    let mut all = findings.into_iter();
    all.find(|(found, _)| found == code).map(|(_, said)| said)
}

#[test]
fn one_end_that_hears_nothing_says_so() {
    let sends = |dump: Dump| dump.stream("O1", "outbound-rtp", "packetsSent", 1110);
    let said = of_code(&sends(works(AUDIO)).text(), "no-media").expect("it is a finding");
    assert!(
        said.contains("no audio of the other side arrives, though that is agreed"),
        "{said}"
    );
    let heard = sends(works(AUDIO)).stream("IN1", "inbound-rtp", "packetsReceived", 900);
    assert_eq!(of_code(&heard.text(), "no-media"), None);
    // Both descriptions of one direction: nothing is to come.
    let one_way: &str = &AUDIO.replace("sendrecv", "inactive");
    let quiet = of_code(&sends(works(one_way)).text(), "no-media");
    assert!(quiet.is_none_or(|said| !said.contains("arrives")));
}

#[test]
fn what_the_other_end_reports_as_lost_is_told() {
    let dump = works(AUDIO)
        .stream("O1", "outbound-rtp", "packetsSent", 600)
        .stream("IN1", "inbound-rtp", "packetsReceived", 600)
        .stream("R1", "remote-inbound-rtp", "localId", "O1")
        .stream("R1", "remote-inbound-rtp", "packetsLost", Value::from(161));
    let said = of_code(&dump.text(), "packet-loss").expect("it is a finding");
    assert!(
        said.contains("161 packets of audio (27 %) were lost on its way to the other side"),
        "{said}"
    );
}
