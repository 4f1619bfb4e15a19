//! How good a path is: numbered datagrams that the other side sends back, without I/O.

pub mod course;
pub mod largest;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::base::time::Time;
use course::{Span, course};
use largest::{Largest, PathSeen};

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
/// The sender answers the search for the largest datagram.
const ANSWERS_SEARCH: u8 = 2;
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
    /// The same up to the last one that came back.
    pub sent_while_heard: u32,
    /// The round trip of each that came back.
    pub rtts: Vec<Duration>,
    /// How it went, those behind the end of the path included.
    pub course: Vec<Span>,
    /// Interarrival jitter of the other side's datagrams.
    pub jitter: Option<Duration>,
    /// When the last datagram that came back had been sent, from the first one on, if nothing came
    /// back of many behind it: the path has ended.
    pub ended_after: Option<Duration>,
    /// Large datagrams, if any were sent.
    pub large: Option<LargeMeasured>,
    pub largest: LargestFound,
}

impl Measured {
    /// What datagrams tell that have had their time to come back: when each was sent, in that order, and its
    /// round trip.
    pub fn of(settled: &[(Time, Option<Duration>)]) -> Self {
        let came_back: Vec<(Time, bool)> = settled
            .iter()
            .map(|(at, rtt)| (*at, rtt.is_some()))
            .collect();
        let ended_after = ended_after(&came_back);
        Self {
            sent: count(&came_back, ended_after),
            sent_while_heard: while_heard(&came_back),
            ended_after,
            rtts: settled.iter().filter_map(|(_, rtt)| *rtt).collect(),
            course: course(settled),
            ..Self::default()
        }
    }
}

impl Measured {
    /// What is left where the other side went away: from then on nothing was lost on the path.
    pub fn end_with_other_side(&mut self) {
        self.sent = self.sent_while_heard;
        self.large = self.large.filter(|large| large.received == large.sent);
    }
}

/// The largest datagram that passes each way, where that was found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LargestFound {
    pub sent: Option<usize>,
    pub received: Option<usize>,
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
fn count(settled: &[(Time, bool)], ended_after: Option<Duration>) -> u32 {
    let first = settled.first().map(|(at, _)| *at).unwrap_or_default();
    let end = ended_after.map_or(Duration::MAX, |after| first + after);
    let counted = settled.iter().filter(|(at, _)| *at <= end);
    u32::try_from(counted.count()).unwrap_or(u32::MAX)
}

/// How many datagrams were sent up to the last one that came back.
fn while_heard(settled: &[(Time, bool)]) -> u32 {
    let last = settled.iter().rposition(|(_, is_back)| *is_back);
    u32::try_from(last.map_or(0, |last| last + 1)).unwrap_or(u32::MAX)
}

/// When the path ended, from what was sent when and whether it came back.
fn ended_after(settled: &[(Time, bool)]) -> Option<Duration> {
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
    theirs: u32,
    last_heard: Option<Time>,
    /// When each large datagram was sent, and whether it came back.
    large: Vec<(Time, bool)>,
    next_large: Time,
    /// What the other side has said that it answers.
    features: u8,
    largest: Largest,
    /// Whether this system sends datagrams that nobody may cut: without that there is no search.
    sends_whole: bool,
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
    /// back what comes. `sends_whole`: whether what [`Quality::poll_whole`] gives can be sent so.
    pub const fn new(duration: Duration, tag: u32, sends_whole: bool) -> Self {
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
            theirs: 0,
            last_heard: None,
            large: Vec::new(),
            next_large: Duration::ZERO,
            features: 0,
            largest: Largest::new(tag),
            sends_whole,
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
        let largest = self.largest.poll_timeout().filter(|_| self.searches());
        [self.small_at(), self.large_at(), largest]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the largest datagram is looked for, now or later.
    fn searches(&self) -> bool {
        let is_answered = self.features & ANSWERS_SEARCH != 0 && self.has_echo();
        self.sends_whole && is_answered && !self.duration.is_zero() && !self.largest.is_over()
    }

    /// What is to be sent whole or not at all: then [`Quality::too_large`] is to be told.
    pub fn poll_whole(&mut self, now: Time) -> Option<Vec<u8>> {
        if !self.searches() {
            return None;
        }
        if self.is_settled(now) {
            let rtts = self.rtts.iter().flatten();
            let path = PathSeen {
                sent: self.rtts.len(),
                received: rtts.clone().count(),
                longest: rtts.max().copied().unwrap_or_default(),
            };
            self.largest.search(now, path);
        }
        self.largest.poll_transmit(now)
    }

    pub fn too_large(&mut self, now: Time, length: usize) {
        self.largest.too_large(now, length);
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
        (is_wanted && self.features & ANSWERS_LARGE != 0 && self.has_echo())
            .then_some(self.next_large)
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
        bytes.push(ANSWERS_LARGE | ANSWERS_SEARCH);
        bytes.resize(length, 0);
        bytes
    }

    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) -> Heard {
        let about_largest = match self.largest.handle_input(now, bytes) {
            largest::Heard::Theirs(answer) => Some(Heard::Probe(answer)),
            largest::Heard::Own => Some(Heard::Echo),
            largest::Heard::Foreign => None,
        };
        if let Some(heard) = about_largest {
            self.last_heard = Some(now);
            return heard;
        }
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
            self.theirs = self.theirs.saturating_add(1);
            self.note_arrival(now, micros);
            self.features |= bytes.get(FEATURES_AT).copied().unwrap_or_default();
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

    /// How many small datagrams of the other side have come.
    pub const fn theirs(&self) -> u32 {
        self.theirs
    }

    pub const fn last_heard(&self) -> Option<Time> {
        self.last_heard
    }

    /// Whether all is measured.
    pub fn is_finished(&self, now: Time) -> bool {
        self.is_settled(now) && !self.searches()
    }

    /// Whether all small and large datagrams are sent and have had their time to come back.
    fn is_settled(&self, now: Time) -> bool {
        let Some(last) = self.sent.last() else {
            return false;
        };
        let longest = self.rtts.iter().flatten().max().copied();
        let patience = longest.unwrap_or(Duration::from_secs(1)) * 2 + Duration::from_millis(50);
        let all_back =
            self.rtts.iter().all(Option::is_some) && self.large.iter().all(|(_, back)| *back);
        let last = self.large.last().map_or(*last, |(at, _)| *last.max(at));
        let is_sent = self.small_at().is_none() && self.large_at().is_none();
        is_sent && (all_back || now >= last + patience)
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
        Some(Measured {
            large: self.large_measured(now, patience),
            largest: LargestFound {
                sent: self.largest.found(),
                received: self.largest.told(),
            },
            jitter: (self.came > 0).then(|| Duration::from_secs_f64(self.jitter.clamp(0.0, 1e6))),
            ..Measured::of(&settled)
        })
    }
}
