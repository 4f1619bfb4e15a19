//! How good a path is: numbered datagrams that the other side sends back, without I/O.

use std::time::Duration;

use crate::base::time::Time;

/// One datagram each 20 ms, as a voice call sends.
const INTERVAL: Duration = Duration::from_millis(20);
/// The length of a datagram: that of a voice packet.
const LENGTH: usize = 160;
/// RFC 3550 6.4.1.
const JITTER_GAIN: f64 = 1.0 / 16.0;

const PROBE: [u8; 4] = *b"RTCp";
const ECHO: [u8; 4] = *b"RTCe";

/// The length of a large datagram: video and DTLS handshakes come in such, and a path may lose them
/// that carries small ones well.
pub const LARGE: usize = 1200;
/// Behind the tag of a small datagram: the sender sends large ones back. Another agent that answers
/// the small ones alone does not say so, and its silence is no loss.
const ANSWERS_LARGE: u8 = 1;
const FEATURES_AT: usize = 20;
const LARGE_PROBE: [u8; 4] = *b"RTCq";
const LARGE_ECHO: [u8; 4] = *b"RTCf";
/// One large datagram so often, so many of them, the first one a little after the small ones began.
const LARGE_EVERY: Duration = Duration::from_millis(50);
const LARGE_AT_MOST: usize = 16;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Datagrams sent, until the path ended if it did.
    pub sent: u32,
    /// The round trip of each that came back.
    pub rtts: Vec<Duration>,
    /// Interarrival jitter of the other side's datagrams.
    pub jitter: Option<Duration>,
    /// When the last datagram that came back had been sent, from the first one on, if nothing came
    /// back of many behind it: the path has ended.
    pub ended_after: Option<Duration>,
    /// Large datagrams, if any were sent.
    pub large: Option<LargeMeasured>,
}

/// What became of datagrams of [`LARGE`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargeMeasured {
    /// Datagrams sent that have had their time to come back.
    pub sent: u32,
    /// Those that came back.
    pub received: u32,
}

/// So many datagrams in a row, over so long, do not get lost by chance.
const SILENT_IN_A_ROW: usize = 10;
const SILENT_FOR: Duration = Duration::from_millis(400);

/// How many datagrams were sent, up to the end of the path if there was one.
pub fn count(settled: &[(Time, bool)], ended_after: Option<Duration>) -> u32 {
    let first = settled.first().map(|(at, _)| *at).unwrap_or_default();
    let end = ended_after.map_or(Duration::MAX, |after| first + after);
    let counted = settled.iter().filter(|(at, _)| *at <= end);
    u32::try_from(counted.count()).unwrap_or(u32::MAX)
}

/// When the path ended, from what was sent when and whether it came back.
pub fn ended_after(settled: &[(Time, bool)]) -> Option<Duration> {
    let (first, _) = settled.first()?;
    let (newest, _) = settled.last()?;
    let behind = settled.iter().rev().take_while(|(_, is_back)| !is_back);
    let (last, _) = settled.iter().rev().find(|(_, is_back)| *is_back)?;
    let is_silent = behind.count() >= SILENT_IN_A_ROW && *newest >= *last + SILENT_FOR;
    is_silent.then(|| last.saturating_sub(*first))
}

#[derive(Debug)]
pub struct Quality {
    tag: u32,
    begin: Option<Time>,
    duration: Duration,
    next: Time,
    sent: Vec<Time>,
    rtts: Vec<Option<Duration>>,
    last_transit: Option<f64>,
    jitter: f64,
    came: u32,
    last_heard: Option<Time>,
    /// When each large datagram was sent, and whether it came back.
    large: Vec<(Time, bool)>,
    next_large: Time,
    /// Whether the other side has said that it sends large datagrams back.
    answers_large: bool,
}

/// What to do with a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A probe of the other side: send this back.
    Probe(Vec<u8>),
    /// One of ours came back.
    Echo,
    Foreign,
}

impl Quality {
    /// A test that takes so long; with no time, one datagram shows that data goes both ways.
    ///
    /// `tag` is random: it tells this side's datagrams from the other's, where that one only sends
    /// back what comes.
    pub const fn new(duration: Duration, tag: u32) -> Self {
        Self {
            tag,
            begin: None,
            duration,
            next: Duration::ZERO,
            sent: Vec::new(),
            rtts: Vec::new(),
            last_transit: None,
            jitter: 0.0,
            came: 0,
            last_heard: None,
            large: Vec::new(),
            next_large: Duration::ZERO,
            answers_large: false,
        }
    }

    pub fn start(&mut self, now: Time) {
        if self.begin.is_none() {
            self.begin = Some(now);
            self.next = now;
            self.next_large = now + LARGE_EVERY;
        }
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        [self.small_at(), self.large_at()]
            .into_iter()
            .flatten()
            .min()
    }

    fn small_at(&self) -> Option<Time> {
        let begin = self.begin?;
        let is_wanted = self.next <= begin + self.duration || !self.has_echo();
        is_wanted.then_some(self.next)
    }

    /// Large ones only over a path that carries small ones, to a side that sends them back.
    fn large_at(&self) -> Option<Time> {
        let end = self.begin? + self.duration;
        let is_wanted = self.large.len() < LARGE_AT_MOST && self.next_large <= end;
        (is_wanted && self.answers_large && self.has_echo()).then_some(self.next_large)
    }

    pub fn poll_transmit(&mut self, now: Time) -> Option<Vec<u8>> {
        if self.large_at().is_some_and(|at| at <= now) {
            self.next_large = (self.next_large + LARGE_EVERY).max(now);
            let number = u32::try_from(self.large.len()).ok()?;
            self.large.push((now, false));
            return Some(self.datagram(LARGE_PROBE, number, now, LARGE));
        }
        if self.small_at()? > now {
            return None;
        }
        // What was missed is not made up for: a burst would measure itself.
        self.next = (self.next + INTERVAL).max(now);
        let number = u32::try_from(self.sent.len()).ok()?;
        self.sent.push(now);
        self.rtts.push(None);
        Some(self.datagram(PROBE, number, now, LENGTH))
    }

    fn datagram(&self, kind: [u8; 4], number: u32, now: Time, length: usize) -> Vec<u8> {
        let micros = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let mut bytes = kind.to_vec();
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&micros.to_be_bytes());
        bytes.extend_from_slice(&self.tag.to_be_bytes());
        bytes.push(ANSWERS_LARGE);
        bytes.resize(length, 0);
        bytes
    }

    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) -> Heard {
        let Some((kind, rest)) = bytes.split_at_checked(4) else {
            return Heard::Foreign;
        };
        let (Some(number), Some(micros)) = (rest.get(..4), rest.get(4..12)) else {
            return Heard::Foreign;
        };
        let is_own = rest.get(12..16) == Some(&self.tag.to_be_bytes()[..]);
        let index = <[u8; 4]>::try_from(number).map_or(u32::MAX, u32::from_be_bytes) as usize;
        if kind == LARGE_PROBE || kind == LARGE_ECHO {
            return self.handle_large(now, bytes, index, is_own);
        }
        if bytes.len() > LENGTH {
            return Heard::Foreign;
        }
        if kind == PROBE && !is_own {
            self.last_heard = Some(now);
            self.note_arrival(now, micros);
            self.answers_large |= bytes
                .get(FEATURES_AT)
                .is_some_and(|it| it & ANSWERS_LARGE != 0);
            let mut echo = bytes.to_vec();
            echo[..4].copy_from_slice(&ECHO);
            return Heard::Probe(echo);
        }
        match (is_own, self.sent.get(index), self.rtts.get_mut(index)) {
            (true, Some(at), Some(rtt)) => {
                self.last_heard = Some(now);
                rtt.get_or_insert(now.saturating_sub(*at));
                Heard::Echo
            }
            _ => Heard::Foreign,
        }
    }

    fn handle_large(&mut self, now: Time, bytes: &[u8], index: usize, is_own: bool) -> Heard {
        if bytes.len() != LARGE {
            return Heard::Foreign;
        }
        if bytes[..4] == LARGE_PROBE && !is_own {
            self.last_heard = Some(now);
            let mut echo = bytes.to_vec();
            echo[..4].copy_from_slice(&LARGE_ECHO);
            return Heard::Probe(echo);
        }
        match self.large.get_mut(index) {
            Some((_, is_back)) if is_own => {
                self.last_heard = Some(now);
                *is_back = true;
                Heard::Echo
            }
            _ => Heard::Foreign,
        }
    }

    /// Those that may still come back do not count as lost.
    fn large_measured(&self, now: Time, patience: Duration) -> Option<LargeMeasured> {
        let settled = self
            .large
            .iter()
            .filter(|(at, is_back)| *is_back || now >= *at + patience);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let sent = count(settled.clone().count());
        let received = count(settled.filter(|(_, is_back)| *is_back).count());
        (sent > 0).then_some(LargeMeasured { sent, received })
    }

    fn note_arrival(&mut self, now: Time, micros: &[u8]) {
        let micros = <[u8; 8]>::try_from(micros).map_or(0, u64::from_be_bytes);
        // The clocks differ by a constant, which the difference of two transits does not have.
        let transit = now.as_secs_f64() - Duration::from_micros(micros).as_secs_f64();
        if let Some(last) = self.last_transit {
            self.jitter += ((transit - last).abs() - self.jitter) * JITTER_GAIN;
            self.came += 1;
        }
        self.last_transit = Some(transit);
    }

    /// Whether one datagram has gone to the other side and back.
    pub fn has_echo(&self) -> bool {
        self.rtts.iter().any(Option::is_some)
    }

    /// The round trips of the last so many datagrams, oldest first; `None` for what has not come back.
    pub fn recent(&self, count: usize) -> &[Option<Duration>] {
        &self.rtts[self.rtts.len().saturating_sub(count)..]
    }

    pub const fn last_heard(&self) -> Option<Time> {
        self.last_heard
    }

    /// Whether all datagrams are sent and have had their time to come back.
    pub fn is_finished(&self, now: Time) -> bool {
        let Some(last) = self.sent.last() else {
            return false;
        };
        let longest = self.rtts.iter().flatten().max().copied();
        let patience = longest.unwrap_or(Duration::from_secs(1)) * 2 + Duration::from_millis(50);
        let all_back =
            self.rtts.iter().all(Option::is_some) && self.large.iter().all(|(_, back)| *back);
        let last = self.large.last().map_or(*last, |(at, _)| *last.max(at));
        self.poll_timeout().is_none() && (all_back || now >= last + patience)
    }

    /// What was measured; those that may still come back do not count as lost.
    pub fn measured(&self, now: Time) -> Option<Measured> {
        self.begin?;
        let longest = self.rtts.iter().flatten().max().copied();
        let patience = longest.unwrap_or(Duration::from_secs(1)) * 2 + Duration::from_millis(50);
        let settled = self.sent.iter().zip(&self.rtts);
        let settled: Vec<(Time, Option<Duration>)> = settled
            .filter(|(at, rtt)| rtt.is_some() || now >= **at + patience)
            .map(|(at, rtt)| (*at, *rtt))
            .collect();
        let came_back: Vec<(Time, bool)> = settled
            .iter()
            .map(|(at, rtt)| (*at, rtt.is_some()))
            .collect();
        let ended_after = ended_after(&came_back);
        Some(Measured {
            sent: count(&came_back, ended_after),
            ended_after,
            large: self.large_measured(now, patience),
            rtts: settled.into_iter().filter_map(|(_, rtt)| rtt).collect(),
            jitter: (self.came > 0).then(|| Duration::from_secs_f64(self.jitter.clamp(0.0, 1e6))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Runs a test over a path that delays each way by `delay(number)` and loses every `lost`th.
    fn run(delay: impl Fn(u32) -> u32, lost: Option<u32>) -> (Quality, Quality, Time) {
        let (mut a, mut b) = (
            Quality::new(Duration::from_secs(1), 1),
            Quality::new(Duration::ZERO, 2),
        );
        a.start(MS * 5);
        b.start(MS * 5);
        let theirs = b.poll_transmit(MS * 5).expect("one at least");
        assert!(matches!(a.handle_input(MS * 5, &theirs), Heard::Probe(_)));
        let mut flying: Vec<(Time, bool, Vec<u8>)> = Vec::new();
        let (mut now, mut count) = (MS * 5, 0);
        while now < Duration::from_secs(3) {
            while let Some(bytes) = a.poll_transmit(now) {
                if bytes.len() == LARGE {
                    if lost.is_none() {
                        flying.push((now + MS * 10, true, bytes));
                    }
                    continue;
                }
                count += 1;
                if lost.is_none_or(|l| count % l != 0) {
                    flying.push((now + MS * delay(count), true, bytes));
                }
            }
            let (due, rest): (Vec<_>, Vec<_>) = flying.into_iter().partition(|f| f.0 <= now);
            flying = rest;
            for (_, to_b, bytes) in due {
                if !to_b {
                    assert_eq!(a.handle_input(now, &bytes), Heard::Echo);
                } else if let Heard::Probe(echo) = b.handle_input(now, &bytes) {
                    flying.push((now + MS * 10, false, echo));
                }
            }
            now += MS;
        }
        (a, b, now)
    }

    #[test]
    fn a_steady_path_has_no_jitter_and_no_loss() {
        let (a, b, now) = run(|_| 10, None);
        let measured = a.measured(now).expect("begun");
        assert_eq!(measured.sent, 51);
        assert_eq!(measured.rtts, vec![MS * 20; 51]);
        let large = measured.large.expect("tried");
        assert_eq!((large.sent, large.received), (16, 16));
        assert!(b.jitter.abs() < 1e-9);
        assert!(a.is_finished(now));
    }

    #[test]
    fn loss_and_jitter_are_seen() {
        let (a, b, now) = run(|number| 10 + number % 2 * 6, Some(5));
        let measured = a.measured(now).expect("begun");
        assert_eq!((measured.sent, measured.rtts.len()), (51, 41));
        let large = measured.large.expect("tried");
        assert_eq!((large.sent, large.received), (16, 0));
        assert!((0.003..0.007).contains(&b.jitter), "{}", b.jitter);
    }

    #[test]
    fn large_datagrams_go_only_to_a_side_that_sends_them_back() {
        let mut a = Quality::new(Duration::from_secs(1), 1);
        a.start(MS);
        for now in (1..1200).map(|ms| MS * ms) {
            while let Some(mut bytes) = a.poll_transmit(now) {
                assert_eq!(bytes.len(), LENGTH);
                bytes[..4].copy_from_slice(&ECHO);
                assert_eq!(a.handle_input(now, &bytes), Heard::Echo);
            }
        }
        let measured = a.measured(MS * 1200).expect("begun");
        assert_eq!((measured.rtts.len(), measured.large), (51, None));
    }

    #[test]
    fn a_path_that_ends_is_not_one_that_loses() {
        let at = |number: u32| MS * 20 * number;
        let lossy: Vec<_> = (0..100).map(|n| (at(n), n % 4 == 0)).collect();
        assert_eq!(ended_after(&lossy), None);
        let ended: Vec<_> = (0..100).map(|n| (at(n), n <= 60)).collect();
        assert_eq!(ended_after(&ended), Some(at(60)));
        let short: Vec<_> = (0..12).map(|n| (MS * n, n < 2)).collect();
        assert_eq!(ended_after(&short), None);
        assert_eq!(ended_after(&[]), None);
    }

    #[test]
    fn foreign_data_is_left_alone() {
        let mut quality = Quality::new(Duration::from_secs(1), 1);
        for bytes in [
            &b""[..],
            b"RTC",
            b"RTCe\0\0\0\x09........",
            b"hello, this is not yours",
        ] {
            assert_eq!(quality.handle_input(MS, bytes), Heard::Foreign);
        }
        assert!(!quality.has_echo());
    }
}
