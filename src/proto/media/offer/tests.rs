use super::*;
use crate::proto::sdp::lint;

const DATA: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:abcdefgh\r\na=ice-pwd:0123456789abcdefghijklmn\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n\
    a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";

fn offer() -> Offer {
    Offer::new(DATA, &[Kind::Video, Kind::Audio, Kind::Audio], 7)
}

/// An answer with these sections behind that of the data channel.
fn answered(sections: &str) -> Outcome {
    let answer = DATA.replace("actpass", "active").replace(
        "a=group",
        "a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\na=group",
    );
    offer().answered(&format!("{answer}{sections}"))
}

#[test]
fn the_offer_is_one_that_our_own_rules_find_nothing_wrong_with() {
    let offer = offer();
    assert_eq!(offer.kinds(), [Kind::Audio, Kind::Video]);
    let description = Description::read(offer.text(), 1);
    // Candidates follow one by one.
    let problems = lint::problems(&description).into_iter();
    let problems: Vec<Code> = problems.map(|problem| problem.code).collect();
    assert_eq!(problems, [Code::SdpCandidates], "{}", offer.text());
    assert!(offer.text().contains("a=group:BUNDLE 0 1 2\r\n"));
    let ufrags = offer.text().matches("a=ice-ufrag:abcdefgh\r\n").count();
    assert_eq!(ufrags, 3);
}

#[test]
fn what_is_agreed_has_its_codec_and_why() {
    let outcome = answered(
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:1\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=ssrc:5 cname:x\r\na=ssrc:5 msid:- y\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:2\r\na=sendrecv\r\na=rtpmap:98 VP9/90000\r\n\
        a=fmtp:98 profile-id=0\r\na=ssrc:6 cname:x\r\n",
    );
    assert_eq!(outcome.sources, [5, 6]);
    let [audio, video] = &outcome.agreed[..] else {
        panic!("{outcome:#?}");
    };
    let payloads =
        |agreed: &Agreed| -> Vec<u8> { agreed.codecs.iter().map(|codec| codec.payload).collect() };
    assert_eq!(
        (&*audio.mid, audio.ssrc, payloads(audio)),
        ("1", 7, vec![111, 0])
    );
    assert_eq!(
        (&*video.mid, video.ssrc, payloads(video)),
        ("2", 8, vec![98])
    );
    let choices: Vec<&str> = outcome
        .sections
        .iter()
        .filter_map(|section| section.choice.as_deref())
        .collect();
    assert_eq!(
        choices,
        [
            "the first that both sides have, before PCMU/8000",
            "the only one that both sides have; the other side lacks VP8/90000, H264/90000",
        ]
    );
    assert!(outcome.sections.iter().all(|it| !it.lacks_codec));
}

#[test]
fn a_section_without_a_common_codec_is_told_from_one_that_is_refused() {
    let outcome = answered(
        "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=inactive\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=inactive\r\na=rtpmap:96 VP8/90000\r\n",
    );
    assert_eq!(outcome.agreed, []);
    let lacks: Vec<bool> = outcome.sections.iter().map(|it| it.lacks_codec).collect();
    assert_eq!(lacks, [true, false], "{outcome:#?}");
    assert!(outcome.sections.iter().all(|it| !it.agreement.accepted));
}

#[test]
fn an_answer_that_is_short_or_none_agrees_to_nothing() {
    for answer in ["", "v=0", DATA] {
        let outcome = offer().answered(answer);
        assert_eq!(outcome.agreed, [], "{answer}");
        assert!(outcome.sections.iter().all(|it| !it.agreement.accepted));
    }
}
