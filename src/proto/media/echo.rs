//! What comes is sent back under a source of this side, with the reports that a browser needs to keep sending.
//!
//! Its own sender reports are passed on too, so that sound and picture keep together; and its decoder's requests for
//! keyframes, which its encoder answers.

use std::time::Duration;

use super::Kind;
use super::offer::Agreed;
use super::reception::Reception;
use super::rtcp::{self, Block, Packet, SenderReport};
use super::rtp;
use crate::base::time::Time;

/// How often a source is told what has come of it. RFC 3550 6.2 allows video of 300 kbit/s about this.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// The name of this side's sources (RFC 8834 4.9): sound and picture have the same, so they are played together.
pub const NAME: &str = "rtcdiag";

/// One section of the description: what comes in it, and what goes back.
#[derive(Debug, Clone)]
pub struct Stream {
    agreed: Agreed,
    /// The browser's source: the first one that comes.
    source: Option<u32>,
    /// The payload type that came last.
    payload: Option<u8>,
    reception: Reception,
    /// Packets of media that were sent back, and their bytes.
    sent: (u64, u64),
    keyframe_requests: u32,
    /// What the browser said last of what came there.
    seen: Option<Block>,
    /// The middle of the time in its last report, and when that came.
    report: Option<(u32, Time)>,
    next_report: Option<Time>,
}

/// What came of one section.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    pub mid: String,
    pub kind: Kind,
    /// The codec that came, as `a=rtpmap` has it.
    pub codec: Option<String>,
    pub received: u64,
    /// Negative where packets came twice; `None` if nothing came.
    pub lost: Option<i64>,
    pub jitter: Option<Duration>,
    pub bits_per_second: Option<f64>,
    pub sent: u64,
    /// Those of the browser's decoder, which were passed on to its encoder.
    pub keyframe_requests: u32,
    /// Of what was sent: what the browser's last report says is lost on the way there.
    pub lost_there: Option<i64>,
}

#[derive(Debug, Clone, Default)]
pub struct Echo {
    streams: Vec<Stream>,
    out: Vec<Vec<u8>>,
}

impl Echo {
    pub fn new(agreed: impl IntoIterator<Item = Agreed>) -> Self {
        let streams = agreed.into_iter().map(|agreed| Stream {
            agreed,
            source: None,
            payload: None,
            reception: Reception::default(),
            sent: (0, 0),
            keyframe_requests: 0,
            seen: None,
            report: None,
            next_report: None,
        });
        Self {
            streams: streams.collect(),
            out: Vec::new(),
        }
    }

    /// A packet of RTP came. Gives what goes back; `None` if it belongs to nothing that was agreed.
    pub fn take_rtp(&mut self, now: Time, packet: &[u8]) -> Option<Vec<u8>> {
        let header = rtp::read(packet)?;
        let stream = self.streams.iter_mut().find(|stream| {
            let codecs = &mut stream.agreed.codecs.iter();
            codecs.any(|codec| codec.payload == header.payload)
        })?;
        if *stream.source.get_or_insert(header.ssrc) != header.ssrc {
            return None;
        }
        stream.payload = Some(header.payload);
        let clock = stream.codec()?.clock;
        stream.reception.take(now, &header, clock);
        stream.next_report.get_or_insert(now + REPORT_EVERY);
        stream.sent.0 += 1;
        stream.sent.1 = stream.sent.1.wrapping_add(header.length as u64);
        Some(rtp::with_ssrc(packet, stream.agreed.ssrc))
    }

    /// A datagram of RTCP came.
    pub fn take_rtcp(&mut self, now: Time, datagram: &[u8]) {
        for packet in rtcp::read(datagram) {
            match packet {
                Packet::Sent(report) => {
                    let of = |stream: &&mut Stream| stream.source == Some(report.ssrc);
                    if let Some(stream) = self.streams.iter_mut().find(of) {
                        let middle = (report.ntp >> 16) & 0xffff_ffff;
                        stream.report = u32::try_from(middle).ok().map(|middle| (middle, now));
                        let report = stream.report(now, Some(report));
                        self.out.extend(report);
                    }
                }
                Packet::Seen(block) => {
                    if let Some(stream) = self.of_own(block.ssrc) {
                        stream.seen = Some(block);
                    }
                }
                Packet::KeyframeRequest { ssrc } => {
                    if let Some(stream) = self.of_own(ssrc) {
                        stream.keyframe_requests = stream.keyframe_requests.saturating_add(1);
                        let own = stream.agreed.ssrc;
                        let request = stream.source.map(|of| rtcp::keyframe_request(own, of));
                        self.out.extend(request);
                    }
                }
            }
        }
    }

    fn of_own(&mut self, ssrc: u32) -> Option<&mut Stream> {
        let mut streams = self.streams.iter_mut();
        streams.find(|stream| stream.agreed.ssrc == ssrc)
    }

    /// The next datagram of RTCP.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        let due = self.streams.iter().filter_map(|stream| stream.next_report);
        due.min()
    }

    pub fn handle_timeout(&mut self, now: Time) {
        for stream in &mut self.streams {
            if stream.next_report.is_some_and(|due| due <= now) {
                let report = stream.report(now, None);
                self.out.extend(report);
            }
        }
    }

    /// Whether anything has come.
    pub fn has_begun(&self) -> bool {
        self.streams.iter().any(|stream| stream.source.is_some())
    }

    pub fn counted(&self) -> Vec<Counted> {
        self.streams.iter().map(Stream::counted).collect()
    }
}

impl Stream {
    /// That of the packets that come.
    fn codec(&self) -> Option<&crate::proto::sdp::codec::Codec> {
        let payload = self.payload?;
        let mut codecs = self.agreed.codecs.iter();
        codecs.find(|codec| codec.payload == payload)
    }

    /// What the source is told, with what it said of itself, as if this side's source had.
    fn report(&mut self, now: Time, theirs: Option<SenderReport>) -> Option<Vec<u8>> {
        self.next_report = Some(now + REPORT_EVERY);
        let source = self.source?;
        let seen = self.reception.block(now, source, self.report);
        let (packets, bytes) = self.sent;
        let sent = theirs.map(|theirs| SenderReport {
            ssrc: self.agreed.ssrc,
            packets: (packets & 0xffff_ffff) as u32,
            bytes: (bytes & 0xffff_ffff) as u32,
            ..theirs
        });
        Some(rtcp::compound(self.agreed.ssrc, sent, seen, NAME))
    }

    fn counted(&self) -> Counted {
        let has_come = self.source.is_some();
        Counted {
            mid: self.agreed.mid.clone(),
            kind: self.agreed.kind,
            codec: self.codec().map(ToString::to_string),
            received: self.reception.packets(),
            lost: has_come.then(|| self.reception.lost()),
            jitter: self.reception.jitter(),
            bits_per_second: self.reception.bits_per_second(),
            sent: self.sent.0,
            keyframe_requests: self.keyframe_requests,
            lost_there: self.seen.map(|block| block.lost.into()),
        }
    }
}

#[cfg(test)]
mod tests;
