//! RTP by its fixed header, which SRTP leaves in the clear (RFC 3550 5.1, RFC 3711 3.1).

/// Clocks that WebRTC has: of video, and of audio from G.711 to Opus.
const CLOCKS: [f64; 4] = [90_000.0, 48_000.0, 16_000.0, 8_000.0];
/// How far a measured clock may be from the real one: sources begin and pause in between.
const NEAR: f64 = 0.2;
/// From so many packets and seconds on a clock is measured.
const ENOUGH_PACKETS: u64 = 10;
const ENOUGH_MS: f64 = 300.0;
/// More than that is a source that began anew (RFC 3550 A.1).
const MAX_DROPOUT: u16 = 3000;

/// What is read of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpHeader {
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl RtpHeader {
    /// Nothing where it is RTCP, by its type (RFC 5761 4), or cut.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; 12] = bytes.first_chunk()?;
        let is_rtcp = (192..=223).contains(&header[1]);
        (header[0] >> 6 == 2 && !is_rtcp).then(|| Self {
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        })
    }
}

/// One source, one way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RtpStream {
    pub packets: u64,
    /// Expected by the numbers (RFC 3550 A.3).
    expected: u64,
    highest: u16,
    /// The first and the last packet: when, and its timestamp without wraps.
    first_at: f64,
    at: f64,
    timestamp: u32,
    elapsed: i64,
    /// The longest it was ahead.
    furthest: i64,
    furthest_at: f64,
    /// Interarrival jitter in milliseconds (RFC 3550 A.8), for each clock that it may have.
    jitter: [f64; 4],
}

impl RtpStream {
    pub fn saw(&mut self, at: f64, header: RtpHeader) {
        if self.packets == 0 {
            self.first_at = at;
            self.expected = 1;
        } else {
            self.number(header.sequence);
            self.time(at, header.timestamp);
        }
        if self.packets == 0 || header.sequence.wrapping_sub(self.highest) < MAX_DROPOUT {
            self.highest = header.sequence;
        }
        self.packets += 1;
        self.at = at;
        self.timestamp = header.timestamp;
    }

    fn number(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead < MAX_DROPOUT {
            self.expected += u64::from(ahead);
        } else if ahead < u16::MAX - 100 {
            // It began anew.
            self.highest = sequence;
            self.expected += 1;
        }
    }

    fn time(&mut self, at: f64, timestamp: u32) {
        let step = timestamp.wrapping_sub(self.timestamp).cast_signed();
        self.elapsed += i64::from(step);
        if self.elapsed > self.furthest {
            (self.furthest, self.furthest_at) = (self.elapsed, at);
        }
        for (clock, jitter) in CLOCKS.iter().zip(&mut self.jitter) {
            let transit = (at - self.at) - f64::from(step) * 1000.0 / clock;
            *jitter += (transit.abs() - *jitter) / 16.0;
        }
    }

    /// By how fast its timestamps run; an index of [`CLOCKS`].
    fn clock(&self) -> Option<usize> {
        let took = self.furthest_at - self.first_at;
        if self.packets < ENOUGH_PACKETS || took < ENOUGH_MS {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let rate = self.furthest as f64 * 1000.0 / took;
        CLOCKS
            .iter()
            .position(|clock| (rate / clock - 1.0).abs() < NEAR)
    }

    /// audio or video, if the clock tells.
    pub fn kind(&self) -> Option<&'static str> {
        self.clock().map(|clock| match clock {
            0 => "video",
            _ => "audio",
        })
    }

    pub fn jitter_ms(&self) -> Option<f64> {
        self.clock().map(|clock| self.jitter[clock])
    }

    /// How many of the numbers never came; negative where some came twice.
    pub fn lost(&self) -> i64 {
        let all = i64::try_from(self.expected).unwrap_or(i64::MAX);
        all.saturating_sub(i64::try_from(self.packets).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32) -> RtpHeader {
        RtpHeader {
            sequence,
            timestamp,
            ssrc: 7,
        }
    }

    #[test]
    fn a_header_is_told_from_rtcp_and_from_what_is_cut() {
        let bytes = [0x80, 0x6f, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7];
        assert_eq!(RtpHeader::read(&bytes), Some(packet(5, 9)));
        assert_eq!(RtpHeader::read(&bytes[..11]), None);
        assert_eq!(
            RtpHeader::read(&[0x80, 200, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7]),
            None
        );
        assert_eq!(RtpHeader::read(&[0x00; 12]), None);
    }

    #[test]
    fn opus_is_audio_and_numbers_that_wrap_are_not_lost() {
        let mut stream = RtpStream::default();
        let first = 65_500_u16;
        for number in (0..100_u16).filter(|number| number % 10 != 3) {
            let timestamp = u32::MAX - 5000;
            stream.saw(
                f64::from(number) * 20.0,
                packet(
                    first.wrapping_add(number),
                    timestamp.wrapping_add(u32::from(number) * 960),
                ),
            );
        }
        assert_eq!(
            (stream.kind(), stream.packets, stream.lost()),
            (Some("audio"), 90, 10)
        );
        assert!(stream.jitter_ms().is_some_and(|jitter| jitter < 0.001));
    }

    #[test]
    fn frames_of_several_packets_are_video_and_what_is_short_is_neither() {
        let mut stream = RtpStream::default();
        for number in 0..60_u16 {
            let frame = u32::from(number / 3);
            let at = f64::from(frame) * 33.0 + f64::from(number % 3);
            stream.saw(at, packet(number, frame * 2970));
        }
        assert_eq!((stream.kind(), stream.lost()), (Some("video"), 0));
        let mut short = RtpStream::default();
        short.saw(0.0, packet(1, 1));
        assert_eq!((short.kind(), short.lost()), (None, 0));
        // It comes late, or twice.
        short.saw(1.0, packet(3, 1));
        short.saw(2.0, packet(2, 1));
        short.saw(3.0, packet(2, 1));
        assert_eq!(short.lost(), -1);
    }
}
