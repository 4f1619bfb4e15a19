//! Each deliberate mistake is found, at its line.

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::Severity;
use rtcdiag::proto::sdp::lint;
use rtcdiag::proto::sdp::model::{Description, Role};
use rtcdiag::proto::sdp::problem::Problem;

use super::read;

const OFFER: &str = "v=0
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
a=extmap:2 urn:3gpp:video-orientation
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

fn problems(text: &str) -> Vec<Problem> {
    let description = Description {
        role: Some(Role::Offer),
        ..read(text)
    };
    lint::problems(&description)
}

fn has(text: &str, code: Code, line: Option<usize>, severity: Severity) {
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

#[test]
fn one_mistake_is_one_problem_at_its_line() {
    use Code::{
        SdpAttribute, SdpBundle, SdpCandidates, SdpCodecParameters, SdpDataChannel, SdpDirection,
        SdpFingerprint, SdpHeaderExtension, SdpIce, SdpLine, SdpLineOrder, SdpMediaLine, SdpMid,
        SdpPayloadType, SdpRtcpMux, SdpSetup, SdpSimulcast,
    };
    use Severity::{Error, Warning};
    for (from, to, code, line, severity) in [
        (
            "o=- 4611731400430051336 2 IN IP4 127.0.0.1\n",
            "",
            SdpLineOrder,
            Some(1),
            Error,
        ),
        ("s=-\nt=0 0", "t=0 0\ns=-", SdpLineOrder, Some(4), Error),
        (
            "o=- 4611731400430051336 2 IN",
            "o=- 4611731400430051336 2",
            SdpLine,
            Some(2),
            Error,
        ),
        ("t=0 0\n", "t=0 0\nhello\n", SdpLine, Some(5), Error),
        ("t=0 0\n", "t=0 0\nx=1\n", SdpLine, Some(5), Error),
        ("v=0", "v=1", SdpLine, Some(1), Warning),
        ("m=audio 9 ", "m=audio x ", SdpMediaLine, Some(7), Error),
        ("m=audio 9 ", "m=audio 70000 ", SdpMediaLine, Some(7), Error),
        (
            "UDP/TLS/RTP/SAVPF 111 0",
            "NONSENSE 111 0",
            SdpMediaLine,
            Some(7),
            Error,
        ),
        (
            "SAVPF 111 0",
            "SAVPF 111 opus",
            SdpMediaLine,
            Some(7),
            Error,
        ),
        (
            "SAVPF 111 0",
            "SAVPF 111 0 0",
            SdpPayloadType,
            Some(7),
            Error,
        ),
        (
            "SAVPF 111 0",
            "SAVPF 111 0 77",
            SdpPayloadType,
            Some(7),
            Error,
        ),
        (
            "SAVPF 111 0",
            "SAVPF 111 0 110",
            SdpPayloadType,
            Some(7),
            Warning,
        ),
        (
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:5 DVI4/8000",
            SdpPayloadType,
            Some(20),
            Warning,
        ),
        (
            "a=rtpmap:111 opus/48000/2",
            "a=rtpmap:111 opus",
            SdpAttribute,
            Some(18),
            Error,
        ),
        (
            "a=rtpmap:111 opus/48000/2",
            "a=rtpmap:111 opus/48000",
            SdpCodecParameters,
            Some(18),
            Warning,
        ),
        (
            "a=fmtp:111 minptime",
            "a=fmtp:112 minptime",
            SdpPayloadType,
            Some(19),
            Error,
        ),
        (
            "a=rtpmap:96 VP8/90000",
            "a=rtpmap:96 VP8/90000\na=rtpmap:98 VP9/90000",
            SdpPayloadType,
            Some(29),
            Warning,
        ),
        (
            "profile-level-id=42e01f",
            "profile-level-id=42e0",
            SdpCodecParameters,
            Some(32),
            Warning,
        ),
        (
            "packetization-mode=1",
            "packetization-mode=2",
            SdpCodecParameters,
            Some(32),
            Warning,
        ),
        ("apt=96", "apt=99", SdpPayloadType, Some(29), Error),
        ("a=mid:1", "a=mid:0", SdpMid, Some(24), Error),
        ("a=mid:1\n", "", SdpMid, Some(21), Warning),
        ("BUNDLE 0 1 2", "BUNDLE 0 1 2 7", SdpBundle, Some(5), Error),
        (
            "a=rtcp-mux\na=rtpmap:111",
            "a=rtpmap:111",
            SdpRtcpMux,
            Some(7),
            Error,
        ),
        (
            "a=ice-pwd:0123456789abcdefghijkl",
            "a=ice-pwd:short",
            SdpIce,
            Some(11),
            Error,
        ),
        (
            "a=ice-ufrag:abcd",
            "a=ice-ufrag:ab-cd",
            SdpIce,
            Some(10),
            Warning,
        ),
        ("a=ice-ufrag:abcd\n", "", SdpIce, Some(7), Error),
        ("sha-256 AB:", "sha-256 ", SdpFingerprint, Some(12), Error),
        ("sha-256 ", "md5 ", SdpFingerprint, Some(12), Error),
        (
            "a=fingerprint:",
            "a=x-fingerprint:",
            SdpFingerprint,
            Some(7),
            Error,
        ),
        (
            "a=setup:actpass\na=mid:0",
            "a=setup:active\na=mid:0",
            SdpSetup,
            Some(13),
            Warning,
        ),
        (
            "a=setup:actpass\na=mid:0",
            "a=setup:maybe\na=mid:0",
            SdpSetup,
            Some(13),
            Error,
        ),
        (
            "extmap:2 ",
            "extmap:1 ",
            SdpHeaderExtension,
            Some(25),
            Error,
        ),
        (
            "extmap:2 ",
            "extmap:0 ",
            SdpHeaderExtension,
            Some(25),
            Error,
        ),
        (
            "simulcast:send h;l",
            "simulcast:send h;l;m",
            SdpSimulcast,
            Some(35),
            Warning,
        ),
        (
            "simulcast:send h;l",
            "simulcast:h;l",
            SdpAttribute,
            Some(35),
            Error,
        ),
        (
            "a=sendrecv\na=rtcp-mux\na=rtpmap:96",
            "a=sendrecv\na=inactive\na=rtpmap:96",
            SdpDirection,
            Some(27),
            Warning,
        ),
        (
            "a=sctp-port:5000",
            "a=sctp-port:70000",
            SdpAttribute,
            Some(40),
            Error,
        ),
        ("a=sctp-port:5000\n", "", SdpDataChannel, Some(36), Warning),
        (
            "a=candidate:1 1 udp 2122260223 203.0.113.5 5000 typ host",
            "a=candidate:1 1 udp",
            SdpAttribute,
            Some(9),
            Error,
        ),
        (
            "203.0.113.5 5000",
            "192.168.1.5 5000",
            SdpCandidates,
            Some(9),
            Warning,
        ),
        (
            "203.0.113.5 5000",
            "4f1c.local 5000",
            SdpCandidates,
            Some(9),
            Warning,
        ),
        (
            "1 1 udp 2122260223 203.0.113.5 5000 typ host",
            "1 1 tcp 1518280447 203.0.113.5 9 typ host tcptype active",
            SdpCandidates,
            Some(9),
            Warning,
        ),
        (
            "a=candidate:1 1 udp 2122260223 203.0.113.5 5000 typ host\n",
            "",
            SdpCandidates,
            None,
            Warning,
        ),
        ("a=mid:2", "a=mid:2\nb=AS:x", SdpLine, Some(40), Error),
    ] {
        assert!(OFFER.contains(from), "{from}");
        has(&OFFER.replacen(from, to, 1), code, line, severity);
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
            .any(|p| p.message.starts_with("4980 more like these"))
    );
}
