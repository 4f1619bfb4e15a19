//! Between phones and between browsers: codecs, keys, families, order and bundles of two descriptions.

use rtcdiag::base::codes::Code;
use rtcdiag::base::report::Severity;
use rtcdiag::proto::sdp::negotiation::{Negotiation, Party, negotiate};

use super::negotiations::{codes, of, reason, section, whole};
use super::read;

/// A call of phones: one section, with these lines.
fn phone(address: &str, media: &str) -> String {
    let family = if address.contains(':') { "IP6" } else { "IP4" };
    format!("v=0\no=- 1 1 IN {family} {address}\ns=-\nc=IN {family} {address}\nt=0 0\n{media}")
}

fn between(offer: &str, answer: &str) -> Negotiation {
    negotiate(
        &read(&phone("203.0.113.5", offer)),
        &read(&phone("203.0.113.6", answer)),
    )
}

#[test]
fn tones_and_repair_are_no_media() {
    let tones = "a=rtpmap:101 telephone-event/8000\n";
    let negotiation = between(
        &format!("m=audio 5004 RTP/AVP 8 101\n{tones}"),
        &format!("m=audio 6004 RTP/AVP 0 101\n{tones}"),
    );
    let media = &negotiation.media[0];
    assert_eq!(codes(&negotiation), [Code::NoCommonCodec]);
    assert!(!media.accepted && media.codec.is_none(), "{media:?}");
    assert_eq!(
        reason(media),
        "no common codec: PCMA/8000 was offered, and the other side has PCMU/8000; telephone-event/8000 alone carries no audio"
    );
    for (helper, parameters) in [
        ("rtx/90000", "apt=96"),
        ("red/90000", ""),
        ("ulpfec/90000", ""),
    ] {
        let side = |codec| section("video", 9, &[(96, codec, ""), (97, helper, parameters)], "");
        let negotiation = of(&[side("VP8/90000")], &[side("H264/90000")]);
        assert_eq!(codes(&negotiation), [Code::NoCommonCodec], "{helper}");
    }
    let silence = between("m=audio 5004 RTP/AVP 8 13\n", "m=audio 6004 RTP/AVP 0 13\n");
    assert_eq!(codes(&silence), [Code::NoCommonCodec]);
}

#[test]
fn a_codec_that_was_not_offered_is_held_against_the_offer() {
    let negotiation = between("m=audio 5004 RTP/AVP 8\n", "m=audio 6004 RTP/AVP 8 0\n");
    let message = &negotiation.problems[0].1.message;
    assert_eq!(
        message,
        "PCMU/8000 was not offered: the offer has PCMA/8000"
    );
    let mode = |mode| {
        let parameters = format!("packetization-mode={mode};profile-level-id=42e01f");
        section(
            "video",
            9,
            &[(96, "VP8/90000", ""), (97, "H264/90000", &parameters)],
            "",
        )
    };
    let negotiation = of(&[mode(1)], &[mode(0)]);
    let message = &negotiation.problems[0].1.message;
    assert_eq!(
        message,
        "H264/90000 was not offered: H264/90000 was offered with another packetization-mode"
    );
}

#[test]
fn the_nearest_codec_is_named() {
    let profile = |profile, mode| format!("packetization-mode={mode};profile-level-id={profile}");
    let (high, base) = (profile("640c1f", 1), profile("42e01f", 0));
    let offer = section(
        "video",
        9,
        &[(96, "H264/90000", &high), (97, "H264/90000", &base)],
        "",
    );
    let answer = section("video", 9, &[(97, "H264/90000", &profile("42e01f", 1))], "");
    let negotiation = of(&[offer], &[answer]);
    assert!(
        reason(&negotiation.media[0]).contains("packetization-mode (0) here and (1) there"),
        "{negotiation:?}"
    );
}

/// RFC 4867 8.3.1, 7798 7.2.2.
#[test]
fn parameters_of_the_payload_format_keep_codecs_apart() {
    for (kind, map, mine, others, name) in [
        (
            "audio",
            "AMR/8000",
            "octet-align=1",
            "",
            Some("octet-align"),
        ),
        (
            "audio",
            "AMR-WB/16000",
            "octet-align=1;crc=1",
            "octet-align=1",
            Some("crc"),
        ),
        ("audio", "AMR/8000", "crc=1", "octet-align=1;crc=1", None),
        ("audio", "AMR/8000", "mode-set=7", "octet-align=0", None),
        (
            "video",
            "H265/90000",
            "tx-mode=SRST",
            "tx-mode=MRST",
            Some("tx-mode"),
        ),
        ("video", "H265/90000", "tx-mode=SRST", "", None),
    ] {
        let side = |parameters| section(kind, 9, &[(98, map, parameters)], "");
        let negotiation = of(&[side(mine)], &[side(others)]);
        let said = reason(&negotiation.media[0]);
        match name {
            Some(name) => assert!(said.contains(name), "{map} {mine}: {said}"),
            None => assert!(negotiation.media[0].accepted, "{map} {mine}: {said}"),
        }
    }
}

#[test]
fn keys_are_compared() {
    let keys = |tag: u8, suite: &str| {
        format!("a=crypto:{tag} {suite} inline:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n")
    };
    let (short, long) = ("AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80");
    let media = "m=audio 5004 RTP/SAVP 8\n";
    let offer = format!("{media}{}{}", keys(1, short), keys(2, long));
    for (answer, words) in [
        (format!("{media}{}", keys(1, short)), None),
        (format!("{media}{}", keys(2, long)), None),
        (format!("{media}{}", keys(3, short)), Some("takes tag 3")),
        (
            format!("{media}{}", keys(1, long)),
            Some("was offered with AES_CM_128"),
        ),
        (media.to_owned(), Some("the answer has no a=crypto")),
        (offer.clone(), Some("an answer has one a=crypto")),
    ] {
        let negotiation = between(&offer, &answer);
        match words {
            None => assert_eq!(negotiation.problems, [], "{answer}"),
            Some(words) => {
                let [(Party::Answer, found)] = negotiation.problems.as_slice() else {
                    panic!("{answer}: {negotiation:?}")
                };
                assert_eq!(found.code, Code::SdpCrypto);
                assert!(found.message.contains(words), "{}", found.message);
            }
        }
    }
    // DTLS and ICE were offered.
    let offer = whole(
        "actpass",
        "abcd",
        &[section("audio", 9, &[(8, "PCMA/8000", "")], "")],
    );
    let answer = format!("m=audio 6004 RTP/SAVPF 8\n{}", keys(1, short));
    let negotiation = negotiate(&read(&offer), &read(&phone("203.0.113.6", &answer)));
    assert_eq!(
        codes(&negotiation),
        [Code::SdpIce, Code::SdpFingerprint, Code::SdpRtcpMux]
    );
    let severities = negotiation
        .problems
        .iter()
        .map(|(_, problem)| problem.severity);
    assert!(
        severities
            .take(2)
            .all(|severity| severity == Severity::Error)
    );
}

#[test]
fn protocols_that_differ_in_keys_and_in_feedback() {
    let side = |protocol: &str| format!("m=audio 5004 {protocol} 0\n");
    for (mine, others, severity) in [
        ("RTP/AVPF", "RTP/AVP", Some(Severity::Warning)),
        ("RTP/AVP", "RTP/SAVP", Some(Severity::Error)),
        ("RTP/SAVPF", "RTP/SAVP", None),
    ] {
        let negotiation = between(&side(mine), &side(others));
        let found = negotiation
            .problems
            .first()
            .map(|(_, p)| (p.code, p.severity));
        assert_eq!(
            found,
            severity.map(|severity| (Code::SdpProtocol, severity)),
            "{mine}"
        );
    }
    let negotiation = between(&side("RTP/AVPF"), &side("RTP/AVP"));
    assert!(!negotiation.problems[0].1.practice.contains("encrypt"));
}

#[test]
fn families_that_differ_are_told_and_not_judged() {
    let media = "m=audio 5004 RTP/AVP 0\n";
    let of = |mine, others| negotiate(&read(&phone(mine, media)), &read(&phone(others, media)));
    let negotiation = of("2001:db8::1", "203.0.113.6");
    let [(Party::Answer, found)] = negotiation.problems.as_slice() else {
        panic!("{negotiation:?}")
    };
    assert_eq!(
        (found.code, found.severity),
        (Code::SdpAddress, Severity::Warning)
    );
    assert!(negotiation.media[0].accepted);
    assert!(
        found.message.contains("IPv6 addresses alone"),
        "{}",
        found.message
    );
    assert_eq!(of("2001:db8::1", "2001:db8::2").problems, []);
    assert_eq!(of("203.0.113.5", "0.0.0.0").problems, [], "on hold");
}

#[test]
fn sections_in_another_order_and_missing_ones() {
    let audio = || section("audio", 9, &[(0, "PCMU/8000", "")], "a=mid:a\n");
    let video = || section("video", 9, &[(96, "VP8/90000", "")], "a=mid:v\n");
    let negotiation = of(&[audio(), video()], &[video(), audio()]);
    assert_eq!(codes(&negotiation), [Code::SdpSectionsDiffer]);
    let less = of(&[audio(), video()], &[audio()]);
    let missing = &less.media[1];
    assert_eq!((missing.accepted, &missing.codec), (false, &None));
    assert_eq!(missing.direction.to_string(), "inactive");
}

/// RFC 8843 7.2.1: the first name of the group, wherever its section stands.
#[test]
fn the_first_name_of_a_bundle_has_the_transport() {
    let side = |setup: &str, ufrag: &str| {
        let audio = section("audio", 9, &[(0, "PCMU/8000", "")], "a=mid:a\n");
        let video = section(
            "video",
            9,
            &[(96, "VP8/90000", "")],
            &format!("a=mid:v\na=setup:{setup}\n"),
        );
        whole("passive", ufrag, &[audio, video]).replace("t=0 0\n", "t=0 0\na=group:BUNDLE v a\n")
    };
    let negotiation = negotiate(
        &read(&side("ACTPASS", "abcd")),
        &read(&side("active", "efgh")),
    );
    let begins: Vec<_> = negotiation
        .media
        .iter()
        .map(|media| media.dtls_client)
        .collect();
    assert_eq!(begins, [Some(Party::Answer); 2]);
}
