//! The bodies of the fuzz targets with random inputs, and with good ones that were bent: so that they run where
//! there is no fuzzer. `RTCDIAG_RANDOM_SECONDS=60` tries for so long.

#![allow(clippy::print_stdout)] // it prints how many were tried

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

#[path = "../../fuzz/bodies/capture.rs"]
mod capture;
#[path = "../../fuzz/bodies/descriptions.rs"]
mod descriptions;
#[path = "../../fuzz/bodies/evidence.rs"]
mod evidence;
#[path = "../../fuzz/bodies/media.rs"]
mod media;
#[path = "../../fuzz/bodies/mqtt.rs"]
mod mqtt;
#[path = "../../fuzz/bodies/redaction.rs"]
mod redaction;
#[path = "../../fuzz/bodies/rendezvous_wire.rs"]
mod rendezvous_wire;
#[path = "../../fuzz/bodies/sdp.rs"]
mod sdp;
#[path = "../../fuzz/bodies/session.rs"]
mod session;
#[path = "../../fuzz/bodies/turn_server.rs"]
mod turn_server;

/// Inputs of one test, without a time.
const FEW: usize = 300;

#[allow(clippy::disallowed_methods)] // how long is asked for by whoever runs it
fn try_all(good: &[&[u8]], body: fn(&[u8])) {
    let seconds = std::env::var("RTCDIAG_RANDOM_SECONDS");
    let seconds: Option<u64> = seconds.ok().and_then(|text| text.parse().ok());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = if end.is_some() { rand::random() } else { 1 };
    let mut rng = StdRng::seed_from_u64(seed);
    let mut tried = 0;
    while end.map_or(tried < FEW, |end| Instant::now() < end) {
        tried += 1;
        let mut input: Vec<u8> = match rng.random_range(0..=good.len()) {
            0 => (0..rng.random_range(0..200))
                .map(|_| rng.random())
                .collect(),
            n => good[n - 1].to_vec(),
        };
        for _ in 0..rng.random_range(0..6) {
            let at = rng.random_range(0..=input.len());
            match rng.random_range(0..4) {
                0 => input.insert(at, rng.random()),
                1 if at < input.len() => drop(input.remove(at)),
                2 if at < input.len() => input[at] = rng.random(),
                _ => {
                    let from = rng.random_range(0..=at);
                    let part = input[from..at].to_vec();
                    input.splice(at..at, part);
                }
            }
        }
        body(&input);
    }
    assert!(tried > 0);
    if end.is_some() {
        println!("{tried} inputs");
    }
}

#[test]
fn the_wire_of_the_rendezvous() {
    try_all(
        &[
            br#"{"type":"join","version":1,"room":"ABCDEFGHIJKLMNOPQRSTUVWXYZ","member":"00112233445566778899aabbccddeeff"}"#,
            br#"{"type":"error","code":"room-full","message":"x"}"#,
            br#"{"type":"peer-joined"}"#,
            br#"{"version":1,"software":"rtcdiag/0.1.0","role":"controlled"}"#,
            br#"{"type":"record","arrived":[1,2,3]}"#,
            br#"{"type":"candidate","line":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}"#,
            b"PROXY TCP4 203.0.113.5 192.0.2.1 4711 443\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x05\xc0\0\x02\x01\x12\x67\x01\xbb",
            b"203.0.113.5, 10.0.0.1\nfor=\"[2001:db8::1]:99\";by=x, for=10.0.0.1",
        ],
        rendezvous_wire::body,
    );
}

#[test]
fn envelopes_of_a_session() {
    try_all(
        &[&[0, 3, 1], &[1, 30, 255, 40, 1], &[2, 200, 7], &[3, 1, 1]],
        session::body,
    );
}

/// A check and its answer, a request to a server and its error, and DTLS, in Ethernet frames.
#[test]
fn captures() {
    let stun = |kind: [u8; 2], attributes: &[u8]| {
        let length = u8::try_from(attributes.len()).expect("it is short");
        [
            &kind[..],
            &[0, length, 0x21, 0x12, 0xa4, 0x42],
            &[7; 12],
            attributes,
        ]
        .concat()
    };
    let frame = |from: u8, to: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len() + 28).expect("it is short");
        let ip = [
            0x45, 0, 0, length, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, from, 192, 0, 2, to,
        ];
        let udp = [0x13, 0x88, 0x13, 0x88, 0, length - 20, 0, 0];
        [&[2; 12][..], &[8, 0], &ip, &udp, payload].concat()
    };
    let check = stun(
        [0, 1],
        &[
            0, 6, 0, 9, b'r', b'e', b'm', b'o', b':', b'l', b'o', b'c', b'a', 0, 0, 0,
        ],
    );
    let answer = stun([1, 1], &[0, 0x20, 0, 8, 0, 1, 1, 2, 3, 4, 5, 6]);
    let send = stun(
        [0, 0x16],
        &[
            0, 0x12, 0, 8, 0, 1, 1, 2, 3, 4, 5, 6, 0, 0x13, 0, 4, 22, 0xfe, 0xfd, 0,
        ],
    );
    let hello = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1];
    let mut file = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
    ];
    for packet in [
        frame(1, 2, &check),
        frame(2, 1, &answer),
        frame(1, 2, &hello),
        frame(1, 3, &stun([0, 3], &[])),
        frame(3, 1, &stun([1, 0x13], &[0, 9, 0, 4, 0, 0, 4, 1])),
        frame(1, 3, &send),
        frame(1, 3, &[0x40, 0, 0, 2, 1, 2]),
    ] {
        let length = u8::try_from(packet.len()).expect("it is short");
        file.extend([1, 0, 0, 0, 2, 0, 0, 0, length, 0, 0, 0, length, 0, 0, 0]);
        file.extend(packet);
    }
    let section = [
        &[
            0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
        ][..],
        &[0xff; 8],
        &[
            28, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 101, 0, 0, 0, 0, 0, 4, 0, 20, 0, 0, 0,
        ],
        &[
            6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0,
        ],
        &[0x45, 1, 2, 3, 36, 0, 0, 0],
    ]
    .concat();
    try_all(&[&file, &section], capture::body);
}

#[test]
fn files_with_descriptions() {
    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 102\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=setup:actpass\r\n\
        a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
        a=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 profile-level-id=42e01f;packetization-mode=1\r\n\
        a=fingerprint:sha-256 AB:CD\r\na=rid:h send\r\na=simulcast:send h;~l\r\na=extmap:1/sendonly urn:x\r\n\
        a=imageattr:96 send [x=[1:2:3],y=4] recv *\r\na=ssrc-group:FID 1 2\r\na=rtcp-fb:* nack\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=sctp-port:5000\r\n\
        a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    let json = serde_json::json!({"type": "offer", "sdp": OFFER}).to_string();
    let both =
        format!("type: offer, sdp: {OFFER}\nsetRemoteDescription\ntype: answer, sdp: {OFFER}");
    let written_out = OFFER.replace("\r\n", "\\r\\n");
    try_all(
        &[
            OFFER.as_bytes(),
            json.as_bytes(),
            both.as_bytes(),
            written_out.as_bytes(),
        ],
        descriptions::body,
    );
}

/// A few kilobytes of what each kind of file has: whole dumps would take too long to try many.
#[test]
fn files_of_browsers() {
    const SDP: &str = "v=0\\r\\no=- 1 2 IN IP4 127.0.0.1\\r\\ns=-\\r\\nt=0 0\\r\\na=ice-ufrag:abcd\\r\\na=setup:actpass\\r\\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\\r\\na=mid:0\\r\\na=rtpmap:111 opus/48000/2\\r\\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\\r\\n";
    const LINE: &str =
        "candidate:2 1 udp 1 203.0.113.7 9 typ srflx raddr 10.0.0.1 rport 9 ufrag abcd";
    let internals = format!(
        r#"{{"UserAgent":"x","PeerConnections":{{"1-2":{{"url":"https://a.example/","rtcConfiguration":"{{ iceServers: [stun:192.0.2.9] }}",
        "updateLog":[{{"time":"1/1/2026, 10:00:01 AM","type":"setLocalDescription","value":"type: offer, sdp: {SDP}"}},
        {{"time":"1/1/2026, 10:00:02 AM","type":"addIceCandidate","value":"sdpMid: 0, sdpMLineIndex: 0, candidate: {LINE}"}},
        {{"time":"1/1/2026, 10:00:03 AM","type":"iceconnectionstatechange","value":"failed"}},
        {{"time":"1/1/2026, 10:00:03 AM","type":"icecandidateerror","value":"url: stun:192.0.2.9\naddress: 10.0.0.x\nport: 9\nerror_text: timed out\nerror_code: 701"}}],
        "stats":{{"CP1-state":{{"startTime":"2026-01-01T10:00:01.000Z","endTime":"2026-01-01T10:00:03.000Z","statsType":"candidate-pair","values":"[\"waiting\",\"failed\"]"}},
        "CP1-localCandidateId":{{"startTime":"2026-01-01T10:00:01.000Z","endTime":"2026-01-01T10:00:03.000Z","statsType":"candidate-pair","values":"[\"I1\"]"}},
        "CP1-requestsSent":{{"startTime":"2026-01-01T10:00:01.000Z","endTime":"2026-01-01T10:00:03.000Z","statsType":"candidate-pair","values":"[4,9]"}}}}}}}}}}"#
    );
    let rtcstats = format!(
        "RTCStatsDump\n{{\"fileFormat\":3,\"userAgent\":\"x\"}}\n[\"create\",\"PC_0\",{{\"iceServers\":[]}},1]\n\
        [\"setLocalDescription\",\"PC_0\",{{\"type\":\"offer\",\"sdp\":\"{SDP}\"}},2]\n\
        [\"onicecandidate\",\"PC_0\",{{\"candidate\":\"{LINE}\",\"sdpMid\":\"0\"}},3]\n\
        [\"getStats\",\"PC_0\",{{\"CP1\":{{\"type\":\"candidate-pair\",\"state\":\"failed\",\"requestsSent\":4,\"timestamp\":0}}}},4]\n\
        [\"oniceconnectionstatechange\",\"PC_0\",\"failed\",5]\n"
    );
    let getstats = br#"[{"id":"CP1","type":"candidate-pair","timestamp":1780000000000.5,"localCandidateId":"L","remoteCandidateId":"R","state":"in-progress","requestsSent":4,"responsesReceived":0},
        {"id":"L","type":"local-candidate","address":"10.0.0.1","port":9,"protocol":"udp","candidateType":"host","priority":1},
        {"id":"R","type":"remote-candidate","address":"203.0.113.7","port":9,"protocol":"udp","candidateType":"srflx","priority":1},
        {"id":"T","type":"transport","dtlsState":"new","selectedCandidatePairId":"CP1","iceState":"checking"},
        {"id":"I","type":"inbound-rtp","kind":"audio","packetsReceived":1,"packetsLost":-1,"jitter":0.1}]"#;
    let page = format!(
        "<html><title>about:webrtc</title><h3>15032385537</h3><table><tr><th>ICE State</th><th>Priority</th></tr>\
        <tr><td>failed</td><td>10.0.0.1:9/udp(host)</td><td>[::1]:5/udp(relay-tcp)</td></tr></table><pre>{LINE}</pre>"
    );
    let own = br#"{"rtcdiag_version":"1","command":"pair","result":{"state":"failed","role":"controlling","local":{"candidates":[{"type":"host","address":"10.0.0.1","port":9,"priority":1}]},
        "remote":{"candidates":[]},"pairs":[{"local":{"type":"host","address":"10.0.0.1","port":9},"remote":{"type":"srflx","address":"203.0.113.7","port":9},"state":"failed","requests_sent":4}],
        "timeline":[{"at_ms":1.5,"event":"joined"}]}}"#;
    let good = [
        internals.as_bytes(),
        rtcstats.as_bytes(),
        getstats,
        page.as_bytes(),
        own,
        LINE.as_bytes(),
    ];
    for file in good {
        let record = rtcdiag::proto::evidence::read(file);
        let text = String::from_utf8_lossy(file);
        assert_eq!(record.faults, [], "{text}");
        assert_eq!(record.accounts.len(), 1, "{text}");
    }
    try_all(&good, evidence::body);
}

#[test]
fn packets_of_a_broker() {
    const TOPIC: &[u8] = b"VPQ4P6B60ED1JMG5WFPYVBBS9R";
    let accepted = [0x20, 2, 0, 0];
    let subscribed = [0x90, 3, 0, 1, 1];
    let length = u8::try_from(TOPIC.len() + 14).expect("it is short");
    let publish = [
        &[0x32, length, 0, 26],
        TOPIC,
        &[0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    ]
    .concat();
    let all = [
        &[3][..],
        &accepted,
        &subscribed,
        &publish,
        &[0x40, 2, 0, 2, 0xd0, 0],
    ]
    .concat();
    try_all(&[&all, &[1, 0x20, 2, 0, 5]], mqtt::body);
}

#[test]
fn media_of_a_browser() {
    let mut packet = vec![30, 0x80, 0xe0];
    packet.extend([0, 1, 0, 0, 0, 9, 0, 0, 0, 5]);
    packet.resize(31, 1);
    let mut report = vec![52, 0x81, 200, 0, 12, 0, 0, 0, 5];
    report.resize(29, 2);
    report.extend([0, 0, 0, 7]);
    report.resize(53, 3);
    let wish = [12, 0x81, 206, 0, 2, 0, 0, 0, 5, 0, 0, 0, 7];
    let all = [&packet[..], &report, &wish].concat();
    try_all(&[&all, &packet, &report], media::body);
}

#[test]
fn descriptions_of_a_peer() {
    try_all(
        &[
            b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
              a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n",
            br#"{"type":"offer","sdp":"v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n"}"#,
            b"> v=0\n> a=ice-ufrag:abcd\n> a=ice-pwd:0123456789abcdefghijkl\n",
        ],
        sdp::body,
    );
}

#[test]
fn requests_to_the_turn_server() {
    let mut allocate = vec![0, 0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42];
    allocate.extend([1; 12]);
    allocate.extend([0, 0x19, 0, 4, 17, 0, 0, 0]);
    let mut send = vec![1, 0, 0x16, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    send.extend([1; 12]);
    send.extend([0, 0x12, 0, 8, 0, 1, 1, 2, 3, 4, 5, 6]);
    try_all(
        &[&allocate, &send, &[1, 0x40, 0, 0, 4, 1, 2, 3, 4]],
        turn_server::body,
    );
}

#[test]
fn texts_that_are_redacted() {
    try_all(
        &[
            b"from 192.168.1.5:40000 to [2001:db8::1]:9 by 198.51.100.7",
            b"ip-192-0-2-1.example.org 64:ff9b::192.0.2.33 ::ffff:10.0.0.1 fe80::1%eth0",
            "a\u{202e}b\u{3164} rtcdiag1:dj0w. v4.5.2.1 RFC 8489".as_bytes(),
        ],
        redaction::body,
    );
}
