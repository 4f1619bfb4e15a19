//! What came of a source, by its sequence numbers and times (RFC 3550 6.4.1, A.1, A.3, A.8).

use std::time::Duration;

use super::rtcp::Block;
use super::rtp::Header;
use crate::base::time::Time;

#[derive(Debug, Clone, Default)]
pub struct Reception {
    /// The first extended sequence number, and the highest.
    range: Option<(i64, i64)>,
    packets: u64,
    bytes: u64,
    first_at: Time,
    last_at: Time,
    /// When the last packet came, in units of the clock, and its timestamp.
    last: Option<(f64, u32)>,
    /// Interarrival jitter, in the same units.
    jitter: f64,
    clock: u32,
    /// Expected and received when it was reported last.
    reported: (i64, i64),
}

impl Reception {
    /// A packet of the source came, whose clock has so many Hz.
    pub fn take(&mut self, now: Time, header: &Header, clock: u32) {
        if self.packets == 0 {
            self.first_at = now;
        }
        self.packets += 1;
        self.bytes = self.bytes.saturating_add(header.length as u64);
        self.last_at = now;
        self.clock = clock.max(1);
        self.place(header.sequence);
        let arrival = now.as_secs_f64() * f64::from(self.clock);
        if let Some((before, timestamp)) = self.last {
            // Timestamps begin anywhere and go round, so they are compared by steps.
            let step = header.timestamp.wrapping_sub(timestamp).cast_signed();
            let difference = (arrival - before - f64::from(step)).abs();
            self.jitter += (difference - self.jitter) / 16.0;
        }
        self.last = Some((arrival, header.timestamp));
    }

    fn place(&mut self, sequence: u16) {
        let sequence = i64::from(sequence);
        self.range = Some(match self.range {
            None => (sequence, sequence),
            Some((first, highest)) => {
                // The nearest number that ends like this.
                let step = (sequence - highest + 0x8000).rem_euclid(0x1_0000) - 0x8000;
                let extended = highest + step;
                (first.min(extended), highest.max(extended))
            }
        });
    }

    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// How many should have come, by their numbers.
    fn expected(&self) -> i64 {
        self.range.map_or(0, |(first, highest)| highest - first + 1)
    }

    fn received(&self) -> i64 {
        i64::try_from(self.packets).unwrap_or(i64::MAX)
    }

    /// Negative where packets came twice.
    pub fn lost(&self) -> i64 {
        self.expected() - self.received()
    }

    pub fn jitter(&self) -> Option<Duration> {
        let seconds = self.jitter / f64::from(self.clock.max(1));
        let jitter = Duration::try_from_secs_f64(seconds).ok();
        jitter.filter(|_| self.packets > 1)
    }

    /// Of the media without headers, from the first packet to the last; `None` for less than half a second.
    pub fn bits_per_second(&self) -> Option<f64> {
        let span = self.last_at.saturating_sub(self.first_at);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let bits = self.bytes as f64 * 8.0;
        (span >= Duration::from_millis(500)).then(|| bits / span.as_secs_f64())
    }

    /// What its sender is told. `report` is the middle of the time in its last report, and when that came.
    pub fn block(&mut self, now: Time, ssrc: u32, report: Option<(u32, Time)>) -> Option<Block> {
        let (_, highest) = self.range?;
        let (expected, received) = (self.expected(), self.received());
        let since = (expected - self.reported.0, received - self.reported.1);
        self.reported = (expected, received);
        let lost = (since.0 - since.1).max(0);
        let fraction = (lost * 256).checked_div(since.0).unwrap_or(0);
        let (last_report, since_report) = report.map_or((0, 0), |(middle, at)| {
            let ago = now.saturating_sub(at).as_secs_f64() * 65_536.0;
            (middle, rounded(ago))
        });
        let bound = 0x7f_ffff;
        Some(Block {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(self.lost().clamp(-bound, bound)).unwrap_or(0),
            // The upper half counts how often the number went round.
            highest: u32::try_from(highest & 0xffff_ffff).unwrap_or(0),
            jitter: rounded(self.jitter),
            last_report,
            since_report,
        })
    }
}

/// As far as a number goes.
fn rounded(value: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "such a cast stays within bounds by itself"
    )]
    let whole = value.round() as u32;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: u32 = 48_000;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header {
            payload: 111,
            sequence,
            timestamp,
            ssrc: 5,
            marker: false,
            length: 100,
        }
    }

    /// Packets of 20 ms each, which come after so many milliseconds.
    fn received(packets: &[(u16, u64)]) -> Reception {
        let mut reception = Reception::default();
        for (sequence, at) in packets {
            let timestamp = u32::MAX.wrapping_add(u32::from(*sequence).wrapping_mul(960));
            reception.take(
                Duration::from_millis(*at),
                &header(*sequence, timestamp),
                CLOCK,
            );
        }
        reception
    }

    #[test]
    fn a_source_that_goes_round_without_loss() {
        let packets: Vec<(u16, u64)> = (0..100)
            .map(|it| (65_500u16.wrapping_add(it), u64::from(it) * 20))
            .collect();
        let mut reception = Reception::default();
        for (place, (sequence, at)) in packets.iter().enumerate() {
            let timestamp = (u32::MAX - 5000).wrapping_add(u32::try_from(place).unwrap_or(0) * 960);
            reception.take(
                Duration::from_millis(*at),
                &header(*sequence, timestamp),
                CLOCK,
            );
        }
        assert_eq!((reception.packets(), reception.lost()), (100, 0));
        let jitter = reception.jitter().expect("there are several");
        assert!(jitter < Duration::from_micros(1), "{jitter:?}");
        let rate = reception.bits_per_second().expect("two seconds");
        assert!((40_000.0..41_000.0).contains(&rate), "{rate}");
        let at = Duration::from_secs(3);
        let block = reception.block(at, 5, Some((77, Duration::from_secs(2))));
        let block = block.expect("it has come");
        assert_eq!((block.highest, block.lost), (0x1_0000 + 63, 0));
        assert_eq!((block.last_report, block.since_report), (77, 65_536));
    }

    #[test]
    fn losses_late_ones_and_copies_count_as_they_should() {
        let mut reception = received(&[(10, 0), (13, 60), (12, 61), (14, 80)]);
        assert_eq!(reception.lost(), 1);
        let block = reception.block(Duration::from_secs(1), 5, None);
        assert_eq!(block.map(|it| (it.fraction_lost, it.lost)), Some((51, 1)));
        // Since then nothing was lost, and nothing came.
        let block = reception.block(Duration::from_secs(2), 5, None);
        assert_eq!(block.map(|it| (it.fraction_lost, it.lost)), Some((0, 1)));
        // What came before the first one.
        assert_eq!(received(&[(10, 0), (9, 1)]).lost(), 0);
        assert_eq!(received(&[(10, 0), (10, 1), (11, 20)]).lost(), -1);
        assert_eq!(received(&[(0, 0), (65_535, 1)]).lost(), 0);
        assert_eq!(Reception::default().block(Duration::ZERO, 5, None), None);
    }

    #[test]
    fn jitter_is_that_of_rfc_3550() {
        // Each second packet is 16 ms late, so each difference is 16 ms.
        let packets: Vec<(u16, u64)> = (0..200u16)
            .map(|it| (it, u64::from(it) * 20 + u64::from(it % 2) * 16))
            .collect();
        let jitter = received(&packets).jitter().expect("there are several");
        let ms = jitter.as_secs_f64() * 1e3;
        assert!((15.9..16.1).contains(&ms), "{ms}");
    }
}
