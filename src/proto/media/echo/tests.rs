use super::super::rtp::tests::packet;
use super::*;
use crate::proto::sdp::codec::Codec;

const MS: Duration = Duration::from_millis(1);
/// The browser's sources, and this side's.
const SOUND: (u32, u32) = (1001, 1);
const PICTURE: (u32, u32) = (2002, 2);

fn echo() -> Echo {
    let codec = |map: &str| Codec::of_rtpmap(map, 1).expect("it is one");
    Echo::new([
        Agreed {
            mid: "1".to_owned(),
            kind: Kind::Audio,
            ssrc: SOUND.1,
            codecs: vec![codec("111 opus/48000/2"), codec("0 PCMU/8000")],
        },
        Agreed {
            mid: "2".to_owned(),
            kind: Kind::Video,
            ssrc: PICTURE.1,
            codecs: vec![codec("96 VP8/90000")],
        },
    ])
}

fn drain(echo: &mut Echo) -> Vec<Packet> {
    let out: Vec<Vec<u8>> = std::iter::from_fn(|| echo.poll_transmit()).collect();
    out.iter().flat_map(|it| rtcp::read(it)).collect()
}

/// A second of sound, of which some packets are lost.
fn sound(echo: &mut Echo, is_lost: fn(u16) -> bool) {
    for sequence in (0..50).filter(|it| !is_lost(*it)) {
        let now = MS * 20 * u32::from(sequence);
        let sent = packet((111, SOUND.0), sequence, u32::from(sequence) * 960);
        let back = echo.take_rtp(now, &sent).expect("it belongs to the first");
        assert_eq!(back, rtp::with_ssrc(&sent, SOUND.1));
    }
}

#[test]
fn sound_comes_back_and_is_counted() {
    let mut echo = echo();
    assert!(!echo.has_begun());
    sound(&mut echo, |it| it % 10 == 5);
    assert!(echo.has_begun());
    let [audio, video] = &echo.counted()[..] else {
        panic!("there are two");
    };
    assert_eq!((audio.received, audio.sent, audio.lost), (45, 45, Some(5)));
    assert_eq!(audio.codec.as_deref(), Some("opus/48000/2"));
    assert!(audio.bits_per_second.is_some_and(|it| it > 30_000.0));
    assert!(audio.jitter.is_some_and(|it| it < MS));
    // Of what never came nothing is known.
    assert_eq!((video.received, video.lost, video.jitter), (0, None, None));
    assert_eq!((&video.codec, video.bits_per_second), (&None, None));
}

#[test]
fn a_source_is_told_each_second_what_came_of_it() {
    let mut echo = echo();
    assert_eq!(echo.poll_timeout(), None);
    sound(&mut echo, |it| it % 10 == 5);
    let due = echo.poll_timeout().expect("it has begun");
    assert_eq!(due, REPORT_EVERY);
    echo.handle_timeout(MS * 999);
    assert_eq!(drain(&mut echo), []);
    echo.handle_timeout(due);
    let [Packet::Seen(block)] = drain(&mut echo)[..] else {
        panic!("one report");
    };
    assert_eq!((block.ssrc, block.lost, block.highest), (SOUND.0, 5, 49));
    assert_eq!((block.last_report, block.since_report), (0, 0));
    assert_eq!(echo.poll_timeout(), Some(due + REPORT_EVERY));
}

#[test]
fn its_own_report_comes_back_as_that_of_the_echo() {
    let mut echo = echo();
    sound(&mut echo, |_| false);
    let theirs = SenderReport {
        ssrc: SOUND.0,
        ntp: 0x0102_0304_0506_0708,
        timestamp: 9,
        packets: 1000,
        bytes: 1,
    };
    let now = MS * 1500;
    echo.take_rtcp(now, &rtcp::compound(SOUND.0, Some(theirs), None, "x"));
    let [Packet::Sent(sent), Packet::Seen(block)] = drain(&mut echo)[..] else {
        panic!("both");
    };
    assert_eq!((sent.ssrc, sent.packets, sent.bytes), (SOUND.1, 50, 5000));
    assert_eq!((sent.ntp, sent.timestamp), (theirs.ntp, theirs.timestamp));
    assert_eq!((block.last_report, block.since_report), (0x0304_0506, 0));
    // A second later it learns how long ago that was.
    echo.handle_timeout(now + REPORT_EVERY);
    let [Packet::Seen(block)] = drain(&mut echo)[..] else {
        panic!("one report");
    };
    assert_eq!(
        (block.last_report, block.since_report),
        (0x0304_0506, 65_536)
    );
}

#[test]
fn its_encoder_is_asked_for_the_keyframe_that_its_decoder_wants() {
    let mut echo = echo();
    // Nobody is there to be asked.
    echo.take_rtcp(MS, &rtcp::keyframe_request(9, PICTURE.1));
    assert_eq!(drain(&mut echo), []);
    let sent = packet((96, PICTURE.0), 1, 1);
    echo.take_rtp(MS, &sent).expect("it belongs to the second");
    echo.take_rtcp(MS, &rtcp::keyframe_request(9, PICTURE.1));
    echo.take_rtcp(MS, &rtcp::keyframe_request(9, PICTURE.0));
    let wanted = Packet::KeyframeRequest { ssrc: PICTURE.0 };
    assert_eq!(drain(&mut echo), [wanted]);
    assert_eq!(echo.counted()[1].keyframe_requests, 2);
    let lost = Block {
        ssrc: PICTURE.1,
        lost: 3,
        ..Block::default()
    };
    echo.take_rtcp(MS, &rtcp::compound(9, None, Some(lost), "x"));
    assert_eq!(echo.counted()[1].lost_there, Some(3));
}

#[test]
fn what_was_not_agreed_does_not_come_back() {
    let mut echo = echo();
    assert_eq!(echo.take_rtp(MS, &packet((97, 5), 1, 1)), None);
    assert_eq!(echo.take_rtp(MS, &[0x80; 5]), None);
    assert!(echo.take_rtp(MS, &packet((111, 5), 1, 1)).is_some());
    // Another source in the same section.
    assert_eq!(echo.take_rtp(MS, &packet((111, 6), 2, 2)), None);
    // Another codec of the section is none.
    assert!(echo.take_rtp(MS, &packet((0, 5), 2, 2)).is_some());
    assert_eq!(echo.counted()[0].codec.as_deref(), Some("PCMU/8000"));
    assert_eq!(echo.counted()[0].received, 2);
}
