//! Mistakes in the form of a line, in names, tracks, layers and candidates; and what phones may do.

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::Severity;

use super::mistakes::{Mistake, OFFER, has, problems};
use super::negotiations::{codes, of, reason, section};
use super::read;

const MISTAKES: &[Mistake] = &[
    (
        "a=msid-semantic: WMS\n",
        "a=msid-semantic: WMS\nb=AS:5\n",
        Code::SdpLineOrder,
        Some(7),
        Severity::Error,
    ),
    (
        "s=-\n",
        "s=-\ni=x\ni=y\n",
        Code::SdpLineOrder,
        Some(5),
        Severity::Error,
    ),
    ("s=-", "s=", Code::SdpLine, Some(3), Severity::Error),
    (
        "s=-\n",
        "s=-\ni=\n",
        Code::SdpLine,
        Some(4),
        Severity::Error,
    ),
    (
        "a=mid:2",
        "a=mid:2\nV=0",
        Code::SdpLine,
        Some(40),
        Severity::Error,
    ),
    (
        "a=mid:0",
        "a=mid:0 ",
        Code::SdpLine,
        Some(14),
        Severity::Error,
    ),
    (
        "m=audio 9",
        "m=audio\t9",
        Code::SdpLine,
        Some(7),
        Severity::Error,
    ),
    (
        "m=audio 9",
        "m=audio  9",
        Code::SdpLine,
        Some(7),
        Severity::Error,
    ),
    (
        "m=audio 9 ",
        "m=audio 9/2 ",
        Code::SdpMediaLine,
        Some(7),
        Severity::Error,
    ),
    (
        "a=mid:2",
        "a=mid:a@b",
        Code::SdpMid,
        Some(39),
        Severity::Error,
    ),
    (
        "a=msid-semantic: WMS",
        "a=group:BUNDLE 1",
        Code::SdpBundle,
        Some(6),
        Severity::Error,
    ),
    (
        "a=rid:l send\n",
        "a=rid:l send\na=simulcast:send h\n",
        Code::SdpSimulcast,
        Some(36),
        Severity::Error,
    ),
    (
        "a=rid:l send",
        "a=rid:l recv",
        Code::SdpSimulcast,
        Some(35),
        Severity::Warning,
    ),
    (
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:x",
        Code::SdpHeaderExtension,
        Some(21),
        Severity::Error,
    ),
    (
        "a=msid-semantic: WMS",
        "a=extmap:9 urn:x",
        Code::SdpHeaderExtension,
        Some(15),
        Severity::Error,
    ),
    (
        "a=rid:h send\n",
        "a=msid:s t\na=msid:r u\na=rid:h send\n",
        Code::SdpAttribute,
        Some(34),
        Severity::Error,
    ),
    (
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:0 PCMU/16000",
        Code::SdpPayloadType,
        Some(20),
        Severity::Warning,
    ),
    (
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:96 red/90000\na=fmtp:96 55/102",
        Code::SdpPayloadType,
        Some(28),
        Severity::Warning,
    ),
    (
        "UDP/DTLS/SCTP",
        "SCTP/DTLS",
        Code::SdpDataChannel,
        Some(36),
        Severity::Error,
    ),
    (
        "1 1 udp",
        "1 0 udp",
        Code::SdpCandidates,
        Some(9),
        Severity::Warning,
    ),
    (
        "1 1 udp",
        "1 2 udp",
        Code::SdpCandidates,
        Some(9),
        Severity::Warning,
    ),
    (
        "203.0.113.5 5000",
        "0.0.0.0 5000",
        Code::SdpCandidates,
        Some(9),
        Severity::Warning,
    ),
    (
        "typ host",
        "typ srflx",
        Code::SdpCandidates,
        Some(9),
        Severity::Info,
    ),
    (
        "1 1 udp 2122260223 203.0.113.5 5000 typ host",
        "1 1 tcp 1518280447 203.0.113.5 5000 typ host",
        Code::SdpCandidates,
        Some(9),
        Severity::Warning,
    ),
    (
        "a=mid:1\n",
        "a=mid:1\na=fingerprint:sha-256 CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD:CD\n",
        Code::SdpFingerprint,
        Some(25),
        Severity::Warning,
    ),
];

#[test]
fn one_mistake_of_form_is_one_problem_at_its_line() {
    for (from, to, code, line, severity) in MISTAKES {
        assert!(OFFER.contains(from), "{from}");
        has(&OFFER.replacen(from, to, 1), *code, *line, *severity);
    }
}

/// A terminal fills up each line, and a copy has it.
#[test]
fn blanks_at_the_end_of_all_lines_come_of_copying() {
    let padded = OFFER.replace('\n', "  \n");
    let severe = problems(&padded).into_iter().map(|p| p.severity).max();
    assert_eq!(severe, Some(Severity::Warning));
}

/// A section with nothing else is refused, and one with another codec is not.
#[test]
fn a_section_of_codecs_that_nobody_can_take_is_an_error() {
    for (from, to) in [
        ("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/44100/2"),
        ("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/48000"),
    ] {
        let alone = OFFER
            .replace(from, to)
            .replace("SAVPF 111 0\n", "SAVPF 111\n")
            .replace("a=rtpmap:0 PCMU/8000\n", "");
        has(&alone, Code::SdpSectionRefused, Some(7), Severity::Error);
        let beside = problems(&OFFER.replace(from, to));
        assert!(beside.iter().all(|p| p.severity != Severity::Error));
    }
}

const PHONE: &str = "v=0\no=- 1 1 IN IP4 203.0.113.5\ns=-\nc=IN IP4 203.0.113.5\nt=0 0\n";

fn severe(text: &str) -> Vec<(Code, Severity)> {
    let found = problems(text).into_iter();
    found
        .filter(|p| p.severity >= Severity::Warning)
        .map(|p| (p.code, p.severity))
        .collect()
}

/// RFC 8839, 8866 5.14.
#[test]
fn phones_may_have_ice_without_dtls_and_several_ports() {
    let ice = "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdefghijkl\n";
    let candidates = "a=candidate:1 1 UDP 2130706431 203.0.113.5 5000 typ host\na=candidate:1 2 UDP 2130706430 203.0.113.5 5001 typ host\n";
    let with_ice = |port| format!("{PHONE}{ice}m=audio {port} RTP/AVP 0\n{candidates}");
    assert_eq!(severe(&with_ice(5000)), []);
    let moved = severe(&with_ice(40000));
    assert_eq!(moved, [(Code::SdpAddress, Severity::Warning)]);
    assert_eq!(severe(&format!("{PHONE}m=audio 5000/2 RTP/AVP 0\n")), []);
}

/// RFC 4568 6.2.
#[test]
fn keys_of_phones_are_there_and_long_enough() {
    let secure = format!("{PHONE}m=audio 5000 RTP/SAVP 0\n");
    let wrong = [(Code::SdpCrypto, Severity::Error)];
    assert_eq!(severe(&secure), wrong);
    for (suite, bytes) in [
        ("AES_CM_128_HMAC_SHA1_80", 30),
        ("AES_256_CM_HMAC_SHA1_80", 46),
        ("AEAD_AES_128_GCM", 28),
        ("AEAD_AES_256_GCM", 44),
    ] {
        let with = |length: usize| {
            // Three bytes are four letters, and what is left one more than it has.
            let letters = "A".repeat(length / 3 * 4 + [0, 2, 3][length % 3]);
            severe(&format!(
                "{secure}a=crypto:1 {suite} inline:{letters}|2^20\n"
            ))
        };
        assert_eq!(with(bytes), [], "{suite}");
        assert_eq!(with(bytes - 2), wrong, "{suite}");
    }
}

#[test]
fn what_an_answer_adds_is_told() {
    let codecs = [(96, "VP8/90000", "")];
    let layers = |way: &str, rid: &str| {
        section(
            "video",
            9,
            &codecs,
            &format!("a=rid:{rid} {way}\na=simulcast:{way} {rid}\n"),
        )
    };
    let negotiation = of(&[layers("send", "h")], &[layers("recv", "x")]);
    assert_eq!(codes(&negotiation), [Code::SdpSimulcast]);
    assert!(reason(&negotiation.media[0]).contains("no layer of simulcast is agreed"));
    let plain = section("video", 9, &codecs, "");
    let more = section("video", 9, &codecs, "a=extmap:3 urn:x\n");
    let negotiation = of(&[plain], &[more]);
    assert_eq!(codes(&negotiation), [Code::SdpHeaderExtension]);
    let amr = |modes: &str| section("audio", 9, &[(97, "AMR/8000", modes)], "");
    for (mine, others, fits) in [
        ("mode-set=7", "mode-set=0,2,4", false),
        ("mode-set=0,7", "mode-set=7", true),
        ("mode-set=7", "", true),
    ] {
        let negotiation = of(&[amr(mine)], &[amr(others)]);
        assert_eq!(negotiation.media[0].accepted, fits, "{mine} {others}");
    }
    assert!(read(OFFER).is_webrtc());
}
