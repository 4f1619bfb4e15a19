//! The largest datagram that passes one way, to [`RESOLUTION`] bytes, without I/O.
//!
//! Each side searches for its own way. A probe that arrives is evidence of all smaller ones, at once. That one
//! does not pass is believed only after it was sent so often that chance does not lose it, and once a small one that was
//! sent later has arrived: so neither loss nor a slow line is taken for a limit.

mod rounds;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::time::Time;
use rounds::Round;

/// No more than so many bytes are left between what passes and what does not.
pub const RESOLUTION: usize = 8;
/// Nobody needs to know of larger ones: what a link with frames of 9,000 bytes carries over IPv4.
pub const CEILING: usize = 8972;
/// What an Ethernet carries over IPv4 and over IPv6.
const USUAL: [usize; 2] = [1472, 1452];
/// The size that the path is known to carry, since the small ones of the test came back.
const SMALL: usize = 160;
/// Between two probes.
const PACE: Duration = Duration::from_millis(2);
/// While the rest of the test runs, the largest that the system sends is tried so often, so many times.
const TRIED_EVERY: Duration = Duration::from_millis(100);
const TRIES: usize = 8;
/// The search after the test ends by then.
const IN_ALL: Duration = Duration::from_millis(850);
/// The other side is told the result so often, so many times.
const TOLD_EVERY: Duration = Duration::from_millis(20);
const TELLINGS: u32 = 8;

const PROBE: [u8; 4] = *b"RTCs";
const ARRIVED: [u8; 4] = *b"RTCt";
const RESULT: [u8; 4] = *b"RTCu";
const RESULT_HEARD: [u8; 4] = *b"RTCv";
/// Kind, number, size of the probe or result, largest that has arrived, four unused, and the tag of who searches.
const HEADER: usize = 20;

/// What the small datagrams have told of the path.
#[derive(Debug, Clone, Copy)]
pub struct PathSeen {
    pub sent: usize,
    pub received: usize,
    pub longest: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Probe {
    size: usize,
    /// The system did not send it.
    is_refused: bool,
}

#[derive(Debug)]
enum Stage {
    /// The limit of this system is looked for, and tried.
    Limit {
        tries: usize,
    },
    Rounds {
        path: PathSeen,
        deadline: Time,
        round: Option<Round>,
    },
    Telling {
        times: u32,
    },
    Over,
}

/// One side: its own search, and the answers to the other's.
#[derive(Debug)]
pub struct Largest {
    tag: u32,
    stage: Stage,
    next: Time,
    probes: Vec<Probe>,
    /// The largest that is known to have arrived.
    low: usize,
    /// The smallest that this system does not send.
    refused: usize,
    /// What does not pass.
    lost: BTreeSet<usize>,
    found: Option<usize>,
    /// Of the other side's, the largest that arrived here.
    arrived: usize,
    /// What the other side has found, once it has said so; 0 if nothing.
    told: Option<usize>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Of the other side: send this back.
    Theirs(Vec<u8>),
    /// About this side's search.
    Own,
    Foreign,
}

/// Whether a datagram belongs to the search.
pub fn is_probe(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER && bytes.starts_with(&PROBE)
}

impl Largest {
    pub const fn new(tag: u32) -> Self {
        Self {
            tag,
            stage: Stage::Limit { tries: 0 },
            next: Duration::ZERO,
            probes: Vec::new(),
            low: SMALL,
            refused: CEILING + 1,
            lost: BTreeSet::new(),
            found: None,
            arrived: 0,
            told: None,
        }
    }

    /// What passes from here to the other side, if that was found out.
    pub const fn found(&self) -> Option<usize> {
        self.found
    }

    /// The same of the other direction, as the other side has found it.
    pub fn told(&self) -> Option<usize> {
        self.told
            .filter(|size| (1..=self.arrived.max(SMALL)).contains(size))
    }

    pub const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The rest of the test is over: from now on the line is free, and the search has [`IN_ALL`].
    pub fn search(&mut self, now: Time, path: PathSeen) {
        if matches!(self.stage, Stage::Limit { .. }) {
            self.next = now;
            self.stage = Stage::Rounds {
                path,
                deadline: now + IN_ALL,
                round: None,
            };
        }
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        match &self.stage {
            Stage::Over => None,
            Stage::Limit { tries } if *tries >= TRIES => None,
            Stage::Rounds {
                round: Some(round), ..
            } => Some(round.settled_at().map_or(self.next, |at| at.min(self.next))),
            _ => Some(self.next),
        }
    }

    /// The next datagram, to be sent whole or not at all.
    pub fn poll_transmit(&mut self, now: Time) -> Option<Vec<u8>> {
        self.judge(now);
        if self.poll_timeout()? > now {
            return None;
        }
        if let Stage::Telling { times } = &mut self.stage {
            *times += 1;
            if *times > TELLINGS {
                self.stage = Stage::Over;
                return None;
            }
            self.next = now + TOLD_EVERY;
            return Some(datagram(RESULT, 0, self.found.unwrap_or(0), 0, self.tag));
        }
        if let Some(size) = self.untried_limit() {
            return self.probe(now + PACE, size);
        }
        match &mut self.stage {
            Stage::Limit { tries } => {
                *tries += 1;
                let size = self.limit();
                self.probe(now + TRIED_EVERY, size)
            }
            Stage::Rounds { round, .. } => {
                let (size, pace) = round.as_mut()?.next(self.low, self.probes.len());
                self.probe(now + pace, size.unwrap_or(SMALL))
            }
            Stage::Telling { .. } | Stage::Over => None,
        }
    }

    fn probe(&mut self, next: Time, size: usize) -> Option<Vec<u8>> {
        self.next = next;
        let number = u32::try_from(self.probes.len()).ok()?;
        self.probes.push(Probe {
            size,
            is_refused: false,
        });
        let mut bytes = datagram(PROBE, number, size, 0, self.tag);
        bytes.resize(size, 0);
        Some(bytes)
    }

    /// The system does not send datagrams as large as one of [`Largest::poll_transmit`].
    pub fn too_large(&mut self, now: Time, length: usize) {
        if length <= SMALL {
            return;
        }
        self.refused = self.refused.min(length);
        for probe in &mut self.probes {
            probe.is_refused |= probe.size >= self.refused;
        }
        if let Stage::Limit { tries } = &mut self.stage {
            *tries = 0;
            self.next = self.next.min(now + PACE);
        }
    }

    /// The largest that was sent.
    fn limit(&self) -> usize {
        let sent = self.probes.iter().filter(|probe| !probe.is_refused);
        sent.map(|probe| probe.size).max().unwrap_or(0)
    }

    /// What to try next to find the largest that the system sends; `None` once that is known.
    fn untried_limit(&self) -> Option<usize> {
        let limit = self.limit();
        if limit == 0 {
            let usual = [CEILING].into_iter().chain(USUAL);
            let below = usual.filter(|size| *size < self.refused).max();
            return Some(below.unwrap_or(SMALL));
        }
        (self.refused > limit + 1 && limit < CEILING).then(|| usize::midpoint(limit, self.refused))
    }

    /// The smallest that does not pass, as far as is known.
    fn high(&self) -> usize {
        self.lost.first().copied().unwrap_or(self.limit() + 1)
    }

    /// Ends what is decided: a round, or all of it.
    fn judge(&mut self, now: Time) {
        let is_limit_known = self.untried_limit().is_none();
        let has_all = is_limit_known && self.low >= self.limit();
        let (limit, high) = (self.limit(), self.high());
        match &mut self.stage {
            Stage::Limit { .. } if has_all => self.conclude(now, Some(limit)),
            Stage::Rounds { deadline, .. } if now >= *deadline => self.conclude(now, None),
            Stage::Rounds { path, round, .. } if is_limit_known => {
                let is_judged = round.as_ref().is_none_or(|round| round.is_settled(now));
                if !is_judged {
                    return;
                }
                let tried = round.take().map(|round| round.sizes).unwrap_or_default();
                let lost = tried.into_iter().filter(|size| *size > self.low);
                self.lost.extend(lost);
                let high = self.lost.first().copied().unwrap_or(high);
                if high <= self.low + RESOLUTION && !self.lost.is_empty() || has_all {
                    let found = self.low;
                    self.conclude(now, Some(found));
                } else {
                    self.next = now;
                    *round = Some(Round::plan(self.low, high, limit, *path));
                }
            }
            _ => {}
        }
    }

    fn conclude(&mut self, now: Time, found: Option<usize>) {
        self.found = found;
        self.next = now;
        self.stage = Stage::Telling { times: 0 };
    }

    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) -> Heard {
        let Some(read) = Read::of(bytes) else {
            return Heard::Foreign;
        };
        match (read.kind, read.tag == self.tag) {
            // What was cut short on the way in has not arrived.
            (PROBE, false) if bytes.len() == read.size => {
                self.arrived = self.arrived.max(read.size);
                let answer = datagram(ARRIVED, read.number, read.size, self.arrived, read.tag);
                Heard::Theirs(answer)
            }
            (RESULT, false) => {
                self.told = Some(read.size);
                Heard::Theirs(datagram(RESULT_HEARD, 0, read.size, 0, read.tag))
            }
            (ARRIVED, true) => self.note_arrival(now, &read),
            (RESULT_HEARD, true) if matches!(self.stage, Stage::Telling { .. }) => {
                self.stage = Stage::Over;
                Heard::Own
            }
            _ => Heard::Foreign,
        }
    }

    fn note_arrival(&mut self, now: Time, read: &Read) -> Heard {
        let Some(probe) = self.probes.get(read.number as usize) else {
            return Heard::Foreign;
        };
        let was_sent = |size: usize| self.probes.iter().any(|probe| probe.size == size);
        self.low = self.low.max(probe.size);
        if was_sent(read.largest) {
            self.low = self.low.max(read.largest);
        }
        let low = self.low;
        self.lost.retain(|size| *size > low);
        if let Stage::Rounds {
            round: Some(round), ..
        } = &mut self.stage
        {
            round.note_arrival(now, read.number as usize);
        }
        Heard::Own
    }
}

fn datagram(kind: [u8; 4], number: u32, size: usize, largest: usize, tag: u32) -> Vec<u8> {
    let short = |size: usize| u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes();
    let mut bytes = kind.to_vec();
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(&short(size));
    bytes.extend_from_slice(&short(largest));
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&tag.to_be_bytes());
    bytes
}

struct Read {
    kind: [u8; 4],
    number: u32,
    size: usize,
    largest: usize,
    tag: u32,
}

impl Read {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (header, _) = bytes.split_first_chunk::<HEADER>()?;
        let [kind, number, sizes, _, tag] = *header.as_chunks().0 else {
            return None;
        };
        let [size, largest] = *sizes.as_chunks().0 else {
            return None;
        };
        let short = |bytes| usize::from(u16::from_be_bytes(bytes));
        Some(Self {
            kind,
            number: u32::from_be_bytes(number),
            size: short(size),
            largest: short(largest),
            tag: u32::from_be_bytes(tag),
        })
    }
}
