//! What an offer and its answer come to.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use rtcdiag::base::codes::Code;
use rtcdiag::proto::sdp::answerer::{Answerer, Application, predict};
use rtcdiag::proto::sdp::lint;
use rtcdiag::proto::sdp::negotiation::{MediaAgreement, Negotiation, Party, negotiate};

use super::read;

pub(super) fn section(kind: &str, port: u16, codecs: &[(u8, &str, &str)], lines: &str) -> String {
    let payloads: Vec<String> = codecs
        .iter()
        .map(|(payload, ..)| payload.to_string())
        .collect();
    let maps = codecs.iter().map(|(payload, map, parameters)| {
        let fmtp = if parameters.is_empty() {
            String::new()
        } else {
            format!("a=fmtp:{payload} {parameters}\n")
        };
        format!("a=rtpmap:{payload} {map}\n{fmtp}")
    });
    let maps = maps.collect::<Vec<_>>().concat();
    format!(
        "m={kind} {port} UDP/TLS/RTP/SAVPF {}\n{maps}{lines}",
        payloads.join(" ")
    )
}

pub(super) fn whole(setup: &str, ufrag: &str, sections: &[String]) -> String {
    format!(
        "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\na=setup:{setup}\na=ice-ufrag:{ufrag}\na=ice-pwd:{ufrag}0123456789abcdefghijkl\n\
         a=fingerprint:sha-256 {}\na=rtcp-mux\n{}",
        ["AB"; 32].join(":"),
        sections.concat()
    )
}

pub(super) fn of(offer: &[String], answer: &[String]) -> Negotiation {
    negotiate(
        &read(&whole("actpass", "abcd", offer)),
        &read(&whole("active", "efgh", answer)),
    )
}

pub(super) fn codes(negotiation: &Negotiation) -> Vec<Code> {
    negotiation
        .problems
        .iter()
        .map(|(_, problem)| problem.code)
        .collect()
}

pub(super) fn reason(media: &MediaAgreement) -> &str {
    media.reason.as_deref().unwrap_or_default()
}

#[test]
fn the_parameter_that_keeps_them_apart_is_named() {
    for (mine, others, words) in [
        (
            ("H264/90000", "packetization-mode=1;profile-level-id=42e01f"),
            ("H264/90000", "packetization-mode=1;profile-level-id=640c1f"),
            "profile-level-id (42e01f, Constrained Baseline) here and (640c1f, Constrained High) there",
        ),
        (
            ("H264/90000", "packetization-mode=1;profile-level-id=42e01f"),
            ("H264/90000", "profile-level-id=42e01f"),
            "packetization-mode (1) here and (0) there",
        ),
        (
            ("VP9/90000", "profile-id=2"),
            ("VP9/90000", ""),
            "profile-id (2) here and (0) there",
        ),
        (
            ("x/90000", ""),
            ("x/9000", ""),
            "clock rate 90000 here and 9000 there",
        ),
        (
            ("VP8/90000", ""),
            ("H264/90000", ""),
            "VP8/90000 was offered, and the other side has H264/90000",
        ),
    ] {
        let offer = section("video", 9, &[(96, mine.0, mine.1)], "");
        let answer = section("video", 9, &[(96, others.0, others.1)], "");
        let negotiation = of(&[offer], &[answer]);
        let media = &negotiation.media[0];
        assert!(
            !media.accepted && reason(media).contains(words),
            "{media:?}"
        );
        assert_eq!(codes(&negotiation), [Code::NoCommonCodec]);
    }
    let stereo = section("audio", 9, &[(111, "opus/48000/2", "")], "");
    let mono = section("audio", 9, &[(111, "opus/48000", "")], "");
    assert!(reason(&of(&[stereo], &[mono]).media[0]).contains("2 channels here and 1 there"));
}

#[test]
fn levels_and_own_parameters_do_not_matter_and_the_first_of_the_answer_is_sent() {
    let h264 = "packetization-mode=1;profile-level-id=42e0";
    let offer = section(
        "video",
        9,
        &[
            (96, "VP8/90000", ""),
            (97, "rtx/90000", "apt=96"),
            (
                102,
                "H264/90000",
                &format!("{h264}1f;sprop-parameter-sets=x"),
            ),
        ],
        "a=sendrecv\n",
    );
    let answer = section(
        "video",
        9,
        &[
            (97, "rtx/90000", "apt=96"),
            (102, "h264/90000", &format!("{h264}33")),
            (96, "VP8/90000", ""),
        ],
        "a=recvonly\n",
    );
    let negotiation = of(&[offer], &[answer]);
    let media = &negotiation.media[0];
    assert_eq!(codes(&negotiation), []);
    assert_eq!(
        (media.accepted, media.codec.as_deref()),
        (true, Some("h264/90000"))
    );
    assert_eq!(media.direction.to_string(), "recvonly");
    assert_eq!(media.dtls_client, Some(Party::Answer));
}

#[test]
fn what_an_answer_must_not_say() {
    let codecs = [(96, "VP8/90000", "")];
    let offer = || {
        section(
            "video",
            9,
            &codecs,
            "a=sendonly\na=extmap:3 urn:x\na=mid:a\n",
        )
    };
    for (answer, code) in [
        (
            section("video", 9, &codecs, "a=sendrecv\n"),
            Code::SdpDirection,
        ),
        (
            section("video", 9, &codecs, "a=recvonly\na=extmap:4 urn:x\n"),
            Code::SdpHeaderExtension,
        ),
        (
            section("video", 9, &codecs, "a=recvonly\na=mid:b\n"),
            Code::SdpMid,
        ),
        (
            section(
                "video",
                9,
                &[(96, "VP8/90000", ""), (98, "VP9/90000", "")],
                "a=recvonly\n",
            ),
            Code::SdpCodecNotOffered,
        ),
        (
            section("video", 9, &[(97, "VP8/90000", "")], "a=recvonly\n"),
            Code::SdpPayloadType,
        ),
        (
            section("video", 9, &codecs, "a=recvonly\na=setup:actpass\n").replace("SAVPF", "AVPF"),
            Code::SdpProtocol,
        ),
        (section("video", 0, &codecs, ""), Code::SdpSectionRefused),
        (
            section("audio", 9, &[(0, "PCMU/8000", "")], ""),
            Code::SdpSectionsDiffer,
        ),
    ] {
        let negotiation = of(&[offer()], std::slice::from_ref(&answer));
        let found = codes(&negotiation);
        // Another kind in its place is seen in the section itself.
        assert!(
            found.contains(&code) || !negotiation.media[0].accepted,
            "{code}: {found:?} {answer}"
        );
    }
    let both = [offer(), offer()];
    let less = of(&both, &both[..1]);
    assert!(codes(&less).contains(&Code::SdpSectionsDiffer));
    assert!(!less.media[1].accepted);
}

#[test]
fn roles_that_do_not_fit_and_a_description_given_back() {
    let section = || [section("audio", 9, &[(111, "opus/48000/2", "")], "")];
    let offer = read(&whole("active", "abcd", &section()));
    let answer = read(&whole("active", "efgh", &section()));
    let negotiation = negotiate(&offer, &answer);
    assert!(codes(&negotiation).contains(&Code::SdpSetup));
    assert_eq!(negotiation.media[0].dtls_client, None);
    assert!(codes(&negotiate(&offer, &offer)).contains(&Code::SdpOwnDescription));
    let lite = |ufrag| {
        read(&whole("actpass", ufrag, &section()).replacen("t=0 0\n", "t=0 0\na=ice-lite\n", 1))
    };
    assert!(codes(&negotiate(&lite("abcd"), &lite("efgh"))).contains(&Code::SdpIceLite));
}

#[test]
fn simulcast_is_agreed_layer_by_layer() {
    let codecs = [(96, "VP8/90000", "")];
    let offer = || {
        section(
            "video",
            9,
            &codecs,
            "a=rid:h send\na=rid:l send\na=simulcast:send h;~l\n",
        )
    };
    let answer = section("video", 9, &codecs, "a=rid:h recv\na=simulcast:recv h\n");
    assert_eq!(of(&[offer()], &[answer]).media[0].simulcast, ["h"]);
    let without = section("video", 9, &codecs, "");
    assert!(reason(&of(&[offer()], &[without]).media[0]).contains("simulcast is not accepted"));
}

/// Real calls (`tests/evidence`): what was agreed is known for all of them.
#[test]
fn real_calls_agree_on_what_they_had() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    let cases = fs::read_dir(folder).expect("it is there");
    for case in cases
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("a/local.sdp.gz").is_file())
    {
        let [offer, answer] = ["local.sdp.gz", "remote.sdp.gz"].map(|file| {
            let packed = fs::File::open(case.join("a").join(file)).expect("it is there");
            let mut text = String::new();
            let mut reader = flate2::read::GzDecoder::new(packed);
            reader.read_to_string(&mut text).expect("it is text");
            read(&text)
        });
        let negotiation = negotiate(&offer, &answer);
        let has_video = !case.ends_with("13-no-common-video-codec");
        let accepted: Vec<bool> = negotiation
            .media
            .iter()
            .map(|media| media.accepted)
            .collect();
        assert_eq!(
            accepted,
            [true, has_video, true],
            "{}: {negotiation:#?}",
            case.display()
        );
        let expected = if has_video {
            Vec::new()
        } else {
            vec![Code::NoCommonCodec]
        };
        assert_eq!(codes(&negotiation), expected, "{}", case.display());
    }
}

/// What one program has said once tells what it will answer.
#[test]
fn a_description_of_its_own_tells_what_a_program_answers() {
    let phone = "v=0\no=- 1 1 IN IP4 203.0.113.9\ns=-\nc=IN IP4 203.0.113.9\nt=0 0\nm=audio 4000 RTP/AVP 8 0\na=recvonly\n";
    let offer = "v=0\no=- 1 1 IN IP4 203.0.113.5\ns=-\nc=IN IP4 203.0.113.5\nt=0 0\nm=audio 4000 RTP/AVP 9 0 8\nm=video 4002 RTP/AVP 34\n";
    let offer = read(offer);
    let like = Answerer::Like(Box::new(read(phone)));
    let prediction = predict(
        &offer,
        &lint::problems(&offer),
        &like,
        Application { has_tracks: true },
    );
    let [audio, video] = prediction.media.as_slice() else {
        panic!("two sections")
    };
    assert_eq!(audio.codec.as_deref(), Some("PCMU/8000"));
    assert_eq!(audio.direction.to_string(), "recvonly");
    assert!(!video.accepted && reason(video).contains("has no video"));
    // A browser refuses all of it.
    let browser = predict(
        &offer,
        &lint::problems(&offer),
        &Answerer::Chromium,
        Application { has_tracks: true },
    );
    assert!(browser.refusal.is_some() && browser.media.iter().all(|media| !media.accepted));
}

fn warned(negotiation: &Negotiation) -> Vec<String> {
    let all = negotiation.problems.iter();
    let all =
        all.filter(|(_, problem)| problem.severity == rtcdiag::base::report::Severity::Warning);
    all.map(|(_, problem)| problem.message.clone()).collect()
}

/// What is told though media flows.
#[test]
fn what_two_sides_understand_differently_is_told() {
    let pcmu = (0, "PCMU/8000", "");
    let audio = |codecs: &[(u8, &str, &str)]| [section("audio", 9, codecs, "a=mid:0\n")];
    for (mine, others, wanted) in [
        (
            (101, "telephone-event/8000", ""),
            (101, "telephone-event/48000", ""),
            "tones (DTMF) have no codec in common",
        ),
        (
            (18, "G729/8000", "annexb=no"),
            (18, "G729/8000", "annexb=yes"),
            "G729 with annexb=no",
        ),
        (
            (18, "G729/8000", "annexb=no"),
            (18, "G729/8000", ""),
            "G729 with annexb=no",
        ),
        (
            (101, "telephone-event/8000", ""),
            (101, "telephone-event/8000", ""),
            "",
        ),
        (
            (18, "G729/8000", "annexb=no"),
            (18, "G729/8000", "annexb=no"),
            "",
        ),
    ] {
        let negotiation = of(&audio(&[pcmu, mine]), &audio(&[pcmu, others]));
        assert!(negotiation.media[0].accepted);
        let all = warned(&negotiation).join("; ");
        assert_eq!(
            !wanted.is_empty() && all.contains(wanted),
            !wanted.is_empty(),
            "{all}"
        );
        assert!(!wanted.is_empty() || all.is_empty(), "{all}");
    }
    // By RFC 6184 a missing profile is Baseline, by libwebrtc Constrained Baseline.
    let video = |parameters| {
        [section(
            "video",
            9,
            &[(96, "H264/90000", parameters)],
            "a=mid:0\n",
        )]
    };
    let negotiation = of(
        &video(""),
        &video("profile-level-id=42000a;packetization-mode=0"),
    );
    assert!(negotiation.media[0].accepted, "{:?}", negotiation.media);
    assert!(
        warned(&negotiation)
            .join("")
            .contains("H264 is without profile-level-id")
    );
    assert!(
        !of(
            &video(""),
            &video("profile-level-id=640c1f;packetization-mode=0")
        )
        .media[0]
            .accepted
    );
}

#[test]
fn a_plain_answer_with_a_fingerprint_is_encrypted() {
    let offer = [section(
        "audio",
        9,
        &[(111, "opus/48000/2", "")],
        "a=mid:0\n",
    )];
    let plain = [offer[0].replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")];
    let negotiation = of(&offer, &plain);
    let said = warned(&negotiation).join("; ");
    assert!(said.contains("is answered as RTP/AVP"), "{said}");
    let bare = whole("active", "efgh", &plain);
    let kept: Vec<&str> = bare
        .lines()
        .filter(|line| !line.starts_with("a=fingerprint"))
        .collect();
    let bare = format!("{}\n", kept.join("\n"));
    let negotiation = negotiate(&read(&whole("actpass", "abcd", &offer)), &read(&bare));
    assert!(negotiation.problems.iter().any(|(_, problem)| {
        problem.code == Code::SdpProtocol
            && problem.severity == rtcdiag::base::report::Severity::Error
    }));
}

#[test]
fn a_refused_section_does_not_stay_bundled() {
    let parts = |port| {
        [
            section("audio", 9, &[(111, "opus/48000/2", "")], "a=mid:0\n"),
            section("video", port, &[(96, "VP8/90000", "")], "a=mid:1\n"),
        ]
    };
    let grouped = |text: String| read(&text.replace("t=0 0\n", "t=0 0\na=group:BUNDLE 0 1\n"));
    let offer = grouped(whole("actpass", "abcd", &parts(9)));
    let answer = grouped(whole("active", "efgh", &parts(0)));
    let said = warned(&negotiate(&offer, &answer)).join("; ");
    assert!(
        said.contains("the answer bundles it all the same"),
        "{said}"
    );
}

/// Chromium has no fax, and wants the extension that tells the layers of simulcast apart.
#[test]
fn what_chromium_refuses_as_a_whole() {
    let refusal = |text: &str| {
        let offer = read(text);
        let problems = lint::problems(&offer);
        let application = Application { has_tracks: false };
        predict(&offer, &problems, &Answerer::Chromium, application).refusal
    };
    let fax =
        "v=0\no=fax 1 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=image 4000 udptl t38\n";
    assert_eq!(refusal(fax), None);
    let phone = format!("{fax}m=audio 4002 RTP/AVP 0\n");
    assert!(refusal(&phone).is_some());
    let layers = "a=mid:0\na=sendrecv\na=rid:h send\na=rid:l send\na=simulcast:send h;l\n";
    let offer = |more: &str| {
        let lines = format!("{layers}{more}");
        whole(
            "actpass",
            "abcd",
            &[section("video", 9, &[(96, "VP8/90000", "")], &lines)],
        )
    };
    let refused = refusal(&offer("")).expect("it is refused");
    assert_eq!(refused.code, Code::SdpHeaderExtension);
    let with = offer("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n");
    assert_eq!(refusal(&with), None);
}

/// Nobody reads the same line twenty times.
#[test]
fn problems_that_read_the_same_are_told_together() {
    let text = whole(
        "actpass",
        "abcd",
        &[section("audio", 9, &[(0, "PCMU/8000", "")], "a=mid:0\n")],
    );
    let blank = text.replace('\n', "\n\n");
    let problems = lint::problems(&read(&blank));
    let empty: Vec<&str> = problems
        .iter()
        .filter(|problem| problem.message.contains("an empty line"))
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(empty.len(), 4, "{empty:?}");
    assert!(empty[3].contains("more like these"), "{empty:?}");
}
