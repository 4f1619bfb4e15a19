//! Whatever a browser sends as RTP and RTCP, once it is opened. A byte before each datagram has its length.

use std::time::Duration;

use rtcdiag::base::time::Time;
use rtcdiag::proto::media::echo::Echo;
use rtcdiag::proto::media::offer::Agreed;
use rtcdiag::proto::media::{Kind, Traffic, rtcp, rtp};
use rtcdiag::proto::sdp::codec::Codec;

const OWN: u32 = 7;

pub fn body(input: &[u8]) {
    let codec = |map| Codec::of_rtpmap(map, 1).into_iter();
    let mut echo = Echo::new([Agreed {
        mid: "1".to_owned(),
        kind: Kind::Video,
        ssrc: OWN,
        codecs: codec("96 VP8/90000").chain(codec("0 PCMU/0")).collect(),
    }]);
    let (mut rest, mut now, mut reports) = (input, Time::ZERO, 0);
    while let Some((length, behind)) = rest.split_first() {
        let datagram;
        (datagram, rest) = behind.split_at(behind.len().min(usize::from(*length)));
        now += Duration::from_millis(u64::from(*length));
        if Traffic::of(datagram) == Traffic::Rtcp {
            // Nothing is sent that was not asked for.
            reports += rtcp::read(datagram).len();
            echo.take_rtcp(now, datagram);
        } else if let Some(back) = echo.take_rtp(now, datagram) {
            assert_eq!(back.len(), datagram.len());
            assert_eq!(rtp::read(&back).map(|header| header.ssrc), Some(OWN));
        }
        reports += usize::from(echo.poll_timeout().is_some_and(|due| due <= now));
        echo.handle_timeout(now);
    }
    let sent = std::iter::from_fn(|| echo.poll_transmit()).count();
    assert!(sent <= reports, "{sent} for {reports}");
    for counted in echo.counted() {
        assert_eq!(counted.sent, counted.received);
    }
}
