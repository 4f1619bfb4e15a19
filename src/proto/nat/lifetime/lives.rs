//! From single bindings to bounds of their lifetime.
//!
//! A packet that comes in proves that a binding lived for so long. Silence proves less: a NAT that
//! restarts loses all bindings at one moment, and one that is short of room drops single ones. So an
//! end counts only if other bindings, each left alone for less than it is known to live, have shown
//! that the NAT kept its bindings all the time, or if three bindings at different times ended alike;
//! and in any case only if a second binding did not live much longer.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::proto::nat::Time;
use crate::proto::nat::lifetime::timers;

/// Which packets a binding has seen.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Kind {
    /// One packet from inside, and none back.
    OnePacket,
    /// Packets both ways for over two seconds.
    TwoWay,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::OnePacket, Self::TwoWay];

    /// The name in a sentence.
    pub const fn name(self) -> &'static str {
        self.into_str()
    }
}

/// How a binding was found at its test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It lived for at least so long after its last packet from inside.
    Alive(Time),
    /// It lived for at most so long.
    Gone(Time),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub kind: Kind,
    /// By then its last packet from inside had passed the NAT; if it was gone, the first
    /// one was sent.
    pub from: Time,
    /// The first packet of its test.
    pub to: Time,
    pub found: Found,
}

/// Bounds of the lifetime of one kind. In JSON `{"at_least": 20.0, "at_most": 25.0}`, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    pub at_least: Time,
    /// At most this, if an end was found.
    pub at_most: Option<Time>,
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bounds = serializer.serialize_struct("Range", 2)?;
        bounds.serialize_field("at_least", &self.at_least_s())?;
        bounds.serialize_field("at_most", &self.at_most_s())?;
        bounds.end()
    }
}

#[derive(Debug, Default)]
pub struct Lives {
    all: Vec<Life>,
    /// Over these times some binding was found alive later: from, to; they do not touch each other.
    covered: Vec<(Time, Time)>,
    /// When the NAT lost bindings that should have lived: from, to.
    losses: Vec<(Time, Time)>,
    /// Before this, ends are not looked at: they contradicted each other.
    since: [Time; 2],
}

impl Lives {
    pub fn push(&mut self, life: Life) {
        self.all.push(life);
        if let Found::Alive(_) = life.found {
            self.cover(life.from, life.to);
        }
    }

    fn cover(&mut self, mut from: Time, mut to: Time) {
        self.covered.retain(|(start, end)| {
            let apart = *end < from || to < *start;
            if !apart {
                from = from.min(*start);
                to = to.max(*end);
            }
            apart
        });
        self.covered.push((from, to));
    }

    /// Between these two moments the NAT lost its bindings.
    pub fn lose(&mut self, from: Time, to: Time) {
        self.losses.push((from, to));
    }

    pub fn losses(&self) -> usize {
        self.losses.len()
    }

    /// Begins anew with a kind.
    pub fn forget(&mut self, kind: Kind, now: Time) {
        self.since[kind as usize] = now;
    }

    /// The longest time for which one was seen to live, in all.
    pub fn longest(&self, kind: Kind) -> Time {
        longest(self.all.iter().filter(|l| l.kind == kind))
    }

    /// The same since the last new beginning.
    pub fn lower(&self, kind: Kind) -> Time {
        longest(self.of(kind))
    }

    /// The shortest after which one was gone that lived no longer than any other, proven or not.
    pub fn upper(&self, kind: Kind) -> Option<Time> {
        let lower = self.lower(kind);
        self.ends(kind)
            .map(|(_, end)| end)
            .filter(|end| *end >= lower)
            .min()
    }

    /// An end and a longer life that contradict each other, both proven.
    pub fn contradiction(&self, kind: Kind) -> Option<(Time, Time)> {
        let longest = self.longest(kind);
        let (_, end) = self
            .ends(kind)
            .filter(|(life, end)| *end < longest && self.is_covered(life))
            .min_by_key(|(_, end)| *end)?;
        Some((end, longest))
    }

    /// What is proven; `confirmed` asks for a second binding with nearly the same end.
    pub fn range(&self, kind: Kind, confirmed: bool) -> Range {
        let at_least = self.longest(kind);
        let at_most = self
            .ends(kind)
            .filter(|(_, end)| *end >= at_least)
            .filter(|(life, end)| self.is_covered(life) || self.is_repeated(life, *end))
            .filter(|(life, end)| !confirmed || self.is_confirmed(life, *end))
            .map(|(_, end)| end)
            .min();
        Range { at_least, at_most }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Life> {
        let since = self.since[kind as usize];
        self.all
            .iter()
            .filter(move |l| l.kind == kind && l.from >= since)
    }

    /// Ends that no loss of all bindings explains.
    fn ends(&self, kind: Kind) -> impl Iterator<Item = (&Life, Time)> {
        self.of(kind).filter_map(|life| match life.found {
            Found::Gone(end) if !self.is_lost(life) => Some((life, end)),
            _ => None,
        })
    }

    fn is_lost(&self, life: &Life) -> bool {
        self.losses
            .iter()
            .any(|(from, to)| life.from < *to && *from < life.to)
    }

    /// Whether at every moment of this life some other binding lived that was found alive later.
    fn is_covered(&self, life: &Life) -> bool {
        self.covered
            .iter()
            .any(|(start, end)| *start <= life.from && *end >= life.to)
    }

    /// Whether others, each at another time, lived no longer.
    fn is_repeated(&self, life: &Life, end: Time) -> bool {
        if end > timers::WITHOUT_SENTINEL {
            return false;
        }
        let mut alike: Vec<&Life> = self
            .ends(life.kind)
            .filter(|(_, its)| *its <= end && *its >= self.longest(life.kind))
            .map(|(other, _)| other)
            .filter(|other| other.to <= life.from || life.to <= other.from)
            .collect();
        alike.sort_unstable_by_key(|other| other.to);
        let (mut count, mut last) = (1, Time::ZERO);
        for other in alike {
            if other.from >= last {
                (count, last) = (count + 1, other.to);
            }
        }
        count >= timers::ENDS_WITHOUT_SENTINEL
    }

    fn is_confirmed(&self, life: &Life, end: Time) -> bool {
        self.ends(life.kind)
            .filter(|(_, its)| *its >= self.longest(life.kind))
            .any(|(other, its)| other != life && its <= end.mul_f64(timers::CONFIRMS))
    }
}

impl Range {
    /// The lower bound in seconds, down to tenths, so that it stays true.
    pub fn at_least_s(&self) -> f64 {
        (self.at_least.as_secs_f64() * 10.0).floor() / 10.0
    }

    /// The upper one, up to tenths.
    pub fn at_most_s(&self) -> Option<f64> {
        let most = self.at_most?;
        Some((most.as_secs_f64() * 10.0).ceil() / 10.0)
    }

    /// Whether its ends are so near to each other that no finer measure is needed.
    pub fn is_narrow(&self) -> bool {
        self.at_most
            .is_some_and(|most| most <= self.at_least.mul_f64(timers::NARROW))
    }
}

fn longest<'a>(lives: impl Iterator<Item = &'a Life>) -> Time {
    lives
        .filter_map(|life| match life.found {
            Found::Alive(time) => Some(time),
            Found::Gone(_) => None,
        })
        .max()
        .unwrap_or_default()
}

/// Waits from above `lower` to `upper`, with equal ratios between neighbours.
pub fn geometric(lower: Time, upper: Time, count: usize) -> Vec<Time> {
    let lower = lower.max(timers::SHORTEST_WAIT).min(upper.mul_f64(0.9));
    let ratio = upper.as_secs_f64() / lower.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let part = |n: usize| n as f64 / count as f64;
    (1..=count)
        .map(|n| lower.mul_f64(ratio.powf(part(n))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn s(seconds: f64) -> Time {
        Duration::from_secs_f64(seconds)
    }

    fn life(from: f64, to: f64, alive: bool) -> Life {
        let time = s(to - from);
        let found = if alive {
            Found::Alive(time)
        } else {
            Found::Gone(time)
        };
        Life {
            kind: Kind::OnePacket,
            from: s(from),
            to: s(to),
            found,
        }
    }

    fn lives(all: &[(f64, f64, bool)]) -> Lives {
        let mut lives = Lives::default();
        for (from, to, alive) in all {
            lives.push(life(*from, *to, *alive));
        }
        lives
    }

    #[test]
    fn an_end_counts_when_others_lived_meanwhile() {
        let kind = Kind::OnePacket;
        let mut some = lives(&[(0.0, 4.0, true), (0.1, 8.1, false)]);
        for life in [life(3.8, 7.7, true), life(7.8, 8.2, true)] {
            assert_eq!(some.range(kind, false).at_most, None, "not all the time");
            some.push(life);
        }
        assert_eq!(some.range(kind, false).at_most, None, "nor from 7.7 s on");
        some.push(life(7.0, 8.2, true));
        let range = some.range(kind, false);
        assert_eq!((range.at_least, range.at_most), (s(4.0), Some(s(8.0))));
        assert_eq!(some.range(kind, true).at_most, None, "an accident?");
        some.push(life(10.0, 19.0, false));
        assert_eq!(some.range(kind, true).at_most, Some(s(8.0)));
    }

    #[test]
    fn three_ends_at_different_times_need_no_others() {
        let kind = Kind::OnePacket;
        let mut some = lives(&[(0.0, 2.0, false), (3.0, 4.9, false), (4.0, 5.9, false)]);
        assert_eq!(
            some.range(kind, true).at_most,
            None,
            "two times of the three"
        );
        some.push(life(5.0, 6.9, false));
        let range = some.range(Kind::OnePacket, true);
        assert_eq!((range.at_least, range.at_most), (s(0.0), Some(s(2.0))));
    }

    #[test]
    fn a_loss_of_all_explains_an_end() {
        let kind = Kind::OnePacket;
        let mut some = lives(&[(0.0, 4.0, true), (0.0, 8.0, false), (4.0, 8.1, true)]);
        assert_eq!(some.range(kind, false).at_most, Some(s(8.0)));
        some.lose(s(6.0), s(7.0));
        assert_eq!(some.range(kind, false).at_most, None);
        assert_eq!((some.upper(kind), some.losses()), (None, 1));
    }

    #[test]
    fn one_that_lives_longer_than_another_one_contradicts_it() {
        let kind = Kind::OnePacket;
        let mut some = lives(&[(0.0, 8.0, false), (0.0, 9.0, true)]);
        assert_eq!(some.contradiction(kind), Some((s(8.0), s(9.0))));
        assert_eq!(some.upper(kind), None);
        some.forget(kind, s(10.0));
        assert_eq!(some.contradiction(kind), None);
        assert_eq!((some.longest(kind), some.lower(kind)), (s(9.0), s(0.0)));
        some.push(life(11.0, 19.0, false));
        some.push(life(11.0, 15.0, true));
        some.push(life(15.0, 20.0, true));
        assert_eq!(some.contradiction(kind), Some((s(8.0), s(9.0))), "still");
    }

    #[test]
    fn waits_end_at_the_upper_end_and_keep_their_ratio() {
        let waits = geometric(s(17.0), s(35.0), 7);
        assert_eq!(waits.len(), 7);
        assert!(waits[0] > s(17.0) && waits[6].abs_diff(s(35.0)) < s(0.001));
        for pair in waits.windows(2) {
            let ratio = pair[1].as_secs_f64() / pair[0].as_secs_f64();
            assert!((1.10..1.12).contains(&ratio), "{ratio}");
        }
        assert!(geometric(s(0.0), s(2.0), 7)[0] > timers::SHORTEST_WAIT);
    }
}
