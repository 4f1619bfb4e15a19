//! Each deliberate mistake is found, at its line.

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::Severity;
use rtcdiag::proto::sdp::lint;
use rtcdiag::proto::sdp::model::{Description, Role};
use rtcdiag::proto::sdp::problem::Problem;

use super::read;

pub(super) const OFFER: &str = "v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2122260223 203.0.113.5 5000 typ host
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102
c=IN IP4 0.0.0.0
a=setup:actpass
a=mid:1
a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=sendrecv
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=fmtp:102 packetization-mode=1;profile-level-id=42e01f
a=rid:h send
a=rid:l send
a=simulcast:send h;l
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=setup:actpass
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
";

pub(super) fn problems(text: &str) -> Vec<Problem> {
    let description = Description {
        role: Some(Role::Offer),
        ..read(text)
    };
    lint::problems(&description)
}

pub(super) fn has(text: &str, code: Code, line: Option<usize>, severity: Severity) {
    let problems = problems(text);
    let found = problems
        .iter()
        .any(|p| p.code == code && p.line == line && p.severity == severity);
    assert!(found, "{code} at {line:?}: {problems:#?}");
}

#[test]
fn a_good_offer_has_none() {
    assert_eq!(problems(OFFER), []);
    assert_eq!(problems(&OFFER.replace('\n', "\r\n")), []);
}

/// What is replaced, by what, and the problem that comes of it.
pub(super) type Mistake = (&'static str, &'static str, Code, Option<usize>, Severity);

const MISTAKES: &[Mistake] = &[
    (
        "a=rtpmap:102 H264/90000",
        "a=rtpmap:102 H264/90000\na=rtcp-fb:108 nack",
        Code::SdpPayloadType,
        Some(32),
        Severity::Error,
    ),
    (
        "a=rtpmap:111 opus/48000/2\n",
        "",
        Code::SdpPayloadType,
        Some(18),
        Severity::Error,
    ),
    (
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:0 PCMU/8000\na=rtpmap:111 ISAC/16000",
        Code::SdpPayloadType,
        Some(21),
        Severity::Error,
    ),
    (
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:0 opus/48000/2",
        Code::SdpPayloadType,
        Some(20),
        Severity::Error,
    ),
    (
        "a=fmtp:111 minptime",
        "a=fmtp:111\u{a0}minptime",
        Code::SdpAttribute,
        Some(19),
        Severity::Error,
    ),
    (
        " 5000 typ host",
        " 99999 typ host",
        Code::SdpAttribute,
        Some(9),
        Severity::Error,
    ),
    (
        " 5000 typ host",
        " typ host generation 0",
        Code::SdpAttribute,
        Some(9),
        Severity::Error,
    ),
    (
        " typ host",
        " typ foo",
        Code::SdpAttribute,
        Some(9),
        Severity::Error,
    ),
    (
        "1 1 udp",
        "1 1 xyz",
        Code::SdpAttribute,
        Some(9),
        Severity::Error,
    ),
    (
        "1 1 udp",
        "1 x udp",
        Code::SdpAttribute,
        Some(9),
        Severity::Error,
    ),
    (
        "2122260223",
        "-5",
        Code::SdpAttribute,
        Some(9),
        Severity::Error,
    ),
    (
        "a=rid:h send\n",
        "a=ssrc-group:FID\na=rid:h send\n",
        Code::SdpAttribute,
        Some(33),
        Severity::Error,
    ),
    (
        "a=rid:h send\n",
        "a=ssrc:1234\na=rid:h send\n",
        Code::SdpAttribute,
        Some(33),
        Severity::Error,
    ),
    (
        "a=rid:h send\n",
        "a=msid:\na=rid:h send\n",
        Code::SdpAttribute,
        Some(33),
        Severity::Error,
    ),
    (
        "max-message-size:262144",
        "max-message-size:many",
        Code::SdpAttribute,
        Some(41),
        Severity::Error,
    ),
    (
        "c=IN IP4 0.0.0.0\na=candidate",
        "c=foo\na=candidate",
        Code::SdpAddress,
        Some(8),
        Severity::Error,
    ),
    (
        "c=IN IP4 0.0.0.0\na=candidate",
        "c=IN IP4 2001:db8::1\na=candidate",
        Code::SdpAddress,
        Some(8),
        Severity::Error,
    ),
    (
        "a=ice-ufrag:abcd",
        "a=ice-ufrag:ab.cd",
        Code::SdpIce,
        Some(10),
        Severity::Error,
    ),
    (
        "a=ice-ufrag:abcd",
        "a=ice-ufrag:ab cd",
        Code::SdpIce,
        Some(10),
        Severity::Error,
    ),
    (
        "a=mid:1\n",
        "a=mid:1\na=ice-pwd:0123456789abcdefghijkl\n",
        Code::SdpIce,
        Some(21),
        Severity::Error,
    ),
    (
        "a=mid:1\n",
        "a=mid:1\na=ice-pwd:0123456789abcdefghijkl\na=ice-ufrag:efgh\n",
        Code::SdpIce,
        Some(26),
        Severity::Warning,
    ),
    (
        "extmap:2 ",
        "extmap:15 ",
        Code::SdpHeaderExtension,
        Some(25),
        Severity::Warning,
    ),
    (
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1\n",
        "",
        Code::SdpLineOrder,
        Some(1),
        Severity::Error,
    ),
    (
        "s=-\nt=0 0",
        "t=0 0\ns=-",
        Code::SdpLineOrder,
        Some(4),
        Severity::Error,
    ),
    (
        "o=- 4611731400430051336 2 IN",
        "o=- 4611731400430051336 2",
        Code::SdpLine,
        Some(2),
        Severity::Error,
    ),
    (
        "t=0 0\n",
        "t=0 0\nhello\n",
        Code::SdpLine,
        Some(5),
        Severity::Error,
    ),
    (
        "t=0 0\n",
        "t=0 0\nx=1\n",
        Code::SdpLine,
        Some(5),
        Severity::Error,
    ),
    ("v=0", "v=1", Code::SdpLine, Some(1), Severity::Warning),
    (
        "m=audio 9 ",
        "m=audio x ",
        Code::SdpMediaLine,
        Some(7),
        Severity::Error,
    ),
    (
        "m=audio 9 ",
        "m=audio 70000 ",
        Code::SdpMediaLine,
        Some(7),
        Severity::Error,
    ),
    (
        "UDP/TLS/RTP/SAVPF 111 0",
        "NONSENSE 111 0",
        Code::SdpMediaLine,
        Some(7),
        Severity::Error,
    ),
    (
        "SAVPF 111 0",
        "SAVPF 111 opus",
        Code::SdpMediaLine,
        Some(7),
        Severity::Error,
    ),
    (
        "SAVPF 111 0",
        "SAVPF 111 0 0",
        Code::SdpPayloadType,
        Some(7),
        Severity::Warning,
    ),
    (
        "SAVPF 111 0",
        "SAVPF 111 0 77",
        Code::SdpPayloadType,
        Some(7),
        Severity::Error,
    ),
    (
        "SAVPF 111 0",
        "SAVPF 111 0 110",
        Code::SdpPayloadType,
        Some(7),
        Severity::Warning,
    ),
    (
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:5 DVI4/8000",
        Code::SdpPayloadType,
        Some(20),
        Severity::Warning,
    ),
    (
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:111 opus",
        Code::SdpAttribute,
        Some(18),
        Severity::Error,
    ),
    (
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:111 opus/48000",
        Code::SdpCodecParameters,
        Some(18),
        Severity::Warning,
    ),
    (
        "a=fmtp:111 minptime",
        "a=fmtp:112 minptime",
        Code::SdpPayloadType,
        Some(19),
        Severity::Error,
    ),
    (
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:96 VP8/90000\na=rtpmap:98 VP9/90000",
        Code::SdpPayloadType,
        Some(29),
        Severity::Warning,
    ),
    (
        "profile-level-id=42e01f",
        "profile-level-id=42e0",
        Code::SdpCodecParameters,
        Some(32),
        Severity::Warning,
    ),
    (
        "packetization-mode=1",
        "packetization-mode=2",
        Code::SdpCodecParameters,
        Some(32),
        Severity::Warning,
    ),
    (
        "apt=96",
        "apt=99",
        Code::SdpPayloadType,
        Some(29),
        Severity::Error,
    ),
    (
        "a=mid:1",
        "a=mid:0",
        Code::SdpMid,
        Some(24),
        Severity::Error,
    ),
    ("a=mid:1\n", "", Code::SdpMid, Some(21), Severity::Warning),
    (
        "BUNDLE 0 1 2",
        "BUNDLE 0 1 2 7",
        Code::SdpBundle,
        Some(5),
        Severity::Error,
    ),
    (
        "a=rtcp-mux\na=rtpmap:111",
        "a=rtpmap:111",
        Code::SdpRtcpMux,
        Some(7),
        Severity::Error,
    ),
    (
        "a=ice-pwd:0123456789abcdefghijkl",
        "a=ice-pwd:short",
        Code::SdpIce,
        Some(11),
        Severity::Error,
    ),
    (
        "a=ice-ufrag:abcd",
        "a=ice-ufrag:ab-cd",
        Code::SdpIce,
        Some(10),
        Severity::Warning,
    ),
    (
        "a=ice-ufrag:abcd\n",
        "",
        Code::SdpIce,
        Some(7),
        Severity::Error,
    ),
    (
        "sha-256 AB:",
        "sha-256 ",
        Code::SdpFingerprint,
        Some(12),
        Severity::Error,
    ),
    (
        "sha-256 ",
        "md5 ",
        Code::SdpFingerprint,
        Some(12),
        Severity::Error,
    ),
    (
        "a=fingerprint:",
        "a=x-fingerprint:",
        Code::SdpFingerprint,
        Some(7),
        Severity::Error,
    ),
    (
        "a=setup:actpass\na=mid:0",
        "a=setup:active\na=mid:0",
        Code::SdpSetup,
        Some(13),
        Severity::Warning,
    ),
    (
        "a=setup:actpass\na=mid:0",
        "a=setup:maybe\na=mid:0",
        Code::SdpSetup,
        Some(13),
        Severity::Error,
    ),
    (
        "extmap:2 ",
        "extmap:1 ",
        Code::SdpHeaderExtension,
        Some(25),
        Severity::Error,
    ),
    (
        "extmap:2 ",
        "extmap:0 ",
        Code::SdpHeaderExtension,
        Some(25),
        Severity::Error,
    ),
    (
        "simulcast:send h;l",
        "simulcast:send h;l;m",
        Code::SdpSimulcast,
        Some(35),
        Severity::Warning,
    ),
    (
        "simulcast:send h;l",
        "simulcast:h;l",
        Code::SdpAttribute,
        Some(35),
        Severity::Error,
    ),
    (
        "a=sendrecv\na=rtcp-mux\na=rtpmap:96",
        "a=sendrecv\na=inactive\na=rtpmap:96",
        Code::SdpDirection,
        Some(27),
        Severity::Warning,
    ),
    (
        "a=sctp-port:5000",
        "a=sctp-port:70000",
        Code::SdpAttribute,
        Some(40),
        Severity::Error,
    ),
    (
        "a=sctp-port:5000\n",
        "",
        Code::SdpDataChannel,
        Some(36),
        Severity::Warning,
    ),
    (
        "a=candidate:1 1 udp 2122260223 203.0.113.5 5000 typ host",
        "a=candidate:1 1 udp",
        Code::SdpAttribute,
        Some(9),
        Severity::Error,
    ),
    (
        "203.0.113.5 5000",
        "192.168.1.5 5000",
        Code::SdpCandidates,
        Some(9),
        Severity::Warning,
    ),
    (
        "203.0.113.5 5000",
        "4f1c.local 5000",
        Code::SdpCandidates,
        Some(9),
        Severity::Warning,
    ),
    (
        "1 1 udp 2122260223 203.0.113.5 5000 typ host",
        "1 1 tcp 1518280447 203.0.113.5 9 typ host tcptype active",
        Code::SdpCandidates,
        Some(9),
        Severity::Warning,
    ),
    (
        "a=candidate:1 1 udp 2122260223 203.0.113.5 5000 typ host\n",
        "",
        Code::SdpCandidates,
        None,
        Severity::Warning,
    ),
    (
        "a=mid:2",
        "a=mid:2\nb=AS:x",
        Code::SdpLine,
        Some(40),
        Severity::Error,
    ),
];

#[test]
fn one_mistake_is_one_problem_at_its_line() {
    for (from, to, code, line, severity) in MISTAKES {
        assert!(OFFER.contains(from), "{from}");
        has(&OFFER.replacen(from, to, 1), *code, *line, *severity);
    }
}

/// What a copy may have done by itself is no error in text, and is one in JSON.
#[test]
fn ends_of_lines_count_where_the_text_is_exact() {
    let json = |text: &str| serde_json::json!({"type": "offer", "sdp": text}).to_string();
    let open = OFFER.trim_end();
    assert_eq!(problems(open), []);
    has(&json(open), Code::SdpLineEnds, Some(41), Severity::Error);
    let blank = OFFER.replacen("t=0 0\n", "t=0 0\n\n", 1);
    has(&blank, Code::SdpLine, Some(5), Severity::Warning);
    has(&json(&blank), Code::SdpLine, Some(5), Severity::Error);
    let cr = OFFER.replace('\n', "\r");
    has(&cr, Code::SdpLineEnds, Some(1), Severity::Warning);
    has(&json(&cr), Code::SdpLineEnds, Some(1), Severity::Error);
}

/// A phone's offer is judged by RFC 3264, not by what browsers want.
#[test]
fn sip_without_ice_is_read() {
    let sip = "v=0\r\no=phone 1 1 IN IP4 192.168.1.20\r\ns=call\r\nc=IN IP4 192.168.1.20\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:4001\r\n\
        m=video 4002 RTP/AVP 34\r\n";
    let codes: Vec<_> = problems(sip)
        .into_iter()
        .map(|p| (p.code, p.line, p.severity))
        .collect();
    assert_eq!(
        codes,
        [
            (Code::SdpNotWebrtc, None, Severity::Info),
            (Code::SdpAddress, Some(4), Severity::Warning),
        ]
    );
    let public = sip.replace("192.168.1.20", "203.0.113.20");
    assert_eq!(problems(&public).len(), 1);
    let without = sip.replace("c=IN IP4 192.168.1.20\r\n", "");
    has(&without, Code::SdpAddress, Some(5), Severity::Error);
}

/// Thousands of the same mistake are not thousands of lines.
#[test]
fn the_same_mistake_is_told_a_few_times() {
    let many = OFFER.replacen("t=0 0\n", &format!("t=0 0\n{}", "x=1\n".repeat(5000)), 1);
    let problems = problems(&many);
    assert!(problems.len() < 40, "{}", problems.len());
    assert!(
        problems
            .iter()
            .any(|p| p.message.starts_with("4997 more like these"))
    );
}

/// RFC 4145 4, RFC 8843 7.2.1; and sections that no browser has need nothing that browsers want.
#[test]
fn what_browsers_accept_is_no_problem() {
    assert_eq!(
        problems(&OFFER.replace("setup:actpass", "setup:ACTPASS")),
        []
    );
    let ice = "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdefghijkl\n";
    let led_by_video = OFFER
        .replace(ice, "")
        .replace("a=mid:1\n", &format!("a=mid:1\n{ice}"))
        .replace("BUNDLE 0 1 2", "BUNDLE 1 0 2");
    let codes: Vec<Code> = problems(&led_by_video).iter().map(|p| p.code).collect();
    assert_eq!(codes, [Code::SdpFingerprint], "it stays in audio");
    for other in [
        "m=text 9 RTP/AVP 98\na=mid:3\na=rtpmap:98 t140/1000\n",
        "m=application 9 UDP/BFCP *\na=mid:3\n",
        "m=application 9 RTP/SAVPF 101\na=mid:3\na=rtpmap:101 x/90000\n",
        "m=message 9 TCP/MSRP *\na=mid:3\n",
    ] {
        let offer = format!("{OFFER}{other}");
        assert_eq!(problems(&offer), [], "{other}");
    }
}

/// Between phones nothing is an error that only browsers mind.
#[test]
fn phones_do_without_what_browsers_want() {
    let phone =
        "v=0\no=- 1 1 IN IP4 203.0.113.5\nc=IN IP4 203.0.113.5\nt=0 0\nm=audio 4000 RTP/AVP 0\n";
    let severe = |text: &str| {
        let problems = problems(text);
        problems.iter().map(|problem| problem.severity).max()
    };
    assert_eq!(severe(phone), Some(Severity::Warning), "s= is missing");
    assert_eq!(severe(&phone.replace("4000", "x")), Some(Severity::Error));
    let tones = phone.replace("AVP 0", "AVP 101\na=rtpmap:101 telephone-event/8000");
    has(&tones, Code::SdpPayloadType, Some(5), Severity::Warning);
}

/// What helps depends on what is so.
#[test]
fn candidates_that_follow_need_no_server() {
    let offer = OFFER
        .replace(
            "a=candidate:1 1 udp 2122260223 203.0.113.5 5000 typ host\n",
            "",
        )
        .replace(
            "a=setup:actpass\na=mid:0",
            "a=ice-options:trickle\na=setup:actpass\na=mid:0",
        );
    let problems = problems(&offer);
    let [follow] = problems.as_slice() else {
        panic!("{problems:#?}")
    };
    let remedy = follow.remedy.expect("one of its own");
    assert!(!remedy.contains("STUN"), "{remedy}");
}
