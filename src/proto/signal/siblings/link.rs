//! A connection to the broker as siblings use it: who else is there, and what is said to whom.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::rooms::{Connection, Sibling};
use crate::proto::signal::siblings::frame::{Alias, Frame, Word};
use crate::proto::signal::siblings::stream::{Heard, Stream};

/// How often each says that it is there, and how long one may be silent. The broker tells of most ends at once.
const ALIVE_EVERY: Duration = Duration::from_secs(8);
const SILENCE: Duration = Duration::from_secs(25);
/// How often it is tried whether the broker hands on what it is given: one message may be lost.
const TRIAL_EVERY: Duration = Duration::from_secs(1);
/// How long after its last word a sibling is told how many there were, and then again and again: what is
/// lost last has nothing behind it that shows the gap, and so may this be lost.
const SAID_AFTER_MS: [u64; 5] = [300, 1000, 4000, 15_000, 60_000];
/// How long answers of siblings may take: there and back, and as long again. The least is for
/// their own work, and for brokers whose system waits with small packets (40 ms, without `TCP_NODELAY`).
const ANSWERS_TIMES: u32 = 4;
const ANSWERS_LEAST: Duration = Duration::from_millis(50);
const ANSWERS_MOST: Duration = Duration::from_millis(300);
/// Between two times that what a sibling said was lost; everybody concerned says it again each time.
const LOST_EVERY: Duration = Duration::from_secs(1);
/// What the broker is given beyond the envelopes; where it does not even take that, the connection is made anew.
const STUCK: usize = 2 * bounds::SIBLING_UNSENT;
/// What a message costs beside its payload, so that small ones are not free.
const OVERHEAD: usize = 64;

/// Where all hear each other.
pub fn topic_of_all() -> String {
    "rtcdiag/1/all".to_owned()
}

/// Where one is spoken to.
pub fn topic_of(sibling: Sibling) -> String {
    format!("rtcdiag/1/to/{sibling}")
}

/// Where those who have a room in common find each other.
pub fn topic_of_room(room: Alias) -> String {
    format!("rtcdiag/1/room/{room}")
}

/// What the broker is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    Subscribe(String),
    Unsubscribe(String),
    Publish(String, Vec<u8>),
}

impl Wish {
    fn cost(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Subscribe(topic) | Self::Unsubscribe(topic) => topic.len(),
                Self::Publish(topic, payload) => topic.len() + payload.len(),
            }
    }
}

#[derive(Debug)]
pub(super) struct Link {
    own: Sibling,
    known: BTreeMap<Sibling, Known>,
    wishes: VecDeque<Wish>,
    unsent: usize,
    /// Whether what was said to all came back, and what was said to this one.
    echoes: [bool; 2],
    /// From here to the broker and back.
    round_trip: Duration,
    alive_at: Time,
}

/// What is known of a sibling.
#[derive(Debug)]
struct Known {
    heard_at: Time,
    /// It was silent for too long, and counts as gone. Should it be heard again, the words on both ways are numbered
    /// as before: it may not have missed this one.
    is_away: bool,
    stream: Stream,
    /// Words said to it.
    said: u64,
    /// When it is told how many there were, and how often it was since the last one.
    said_at: Option<Time>,
    said_again: usize,
    /// An envelope whose last part has not come.
    begun: Option<Envelope>,
    lost_at: Option<Time>,
    lost_after: Time,
}

/// What one member says to another through the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) room: Alias,
    pub(super) from: Connection,
    pub(super) to: Connection,
    pub(super) bytes: Vec<u8>,
}

impl Link {
    /// The broker has taken the subscriptions of [`topic_of_all`] and [`topic_of`].
    pub(super) fn new(now: Time, own: Sibling) -> Self {
        let mut link = Self {
            own,
            known: BTreeMap::new(),
            wishes: VecDeque::new(),
            unsent: 0,
            echoes: [false; 2],
            round_trip: Duration::ZERO,
            alive_at: now,
        };
        link.say_alive(now);
        link.publish(topic_of(own), &Frame::Said(0));
        link
    }

    pub(super) const fn own(&self) -> Sibling {
        self.own
    }

    pub(super) fn siblings(&self) -> usize {
        self.present().count()
    }

    pub(super) fn knows(&self, sibling: Sibling) -> bool {
        self.known.get(&sibling).is_some_and(|known| !known.is_away)
    }

    fn present(&self) -> impl Iterator<Item = &Known> {
        self.known.values().filter(|known| !known.is_away)
    }

    /// Whether the broker hands on what it is given.
    pub(super) fn is_ready(&self) -> bool {
        self.echoes == [true; 2]
    }

    /// Whether the broker takes nothing any more.
    pub(super) const fn is_stuck(&self) -> bool {
        self.unsent > STUCK
    }

    /// How long siblings that know a room need to say so.
    pub(super) fn answers_within(&self) -> Duration {
        (self.round_trip * ANSWERS_TIMES + ANSWERS_LEAST).min(ANSWERS_MOST)
    }

    pub(super) fn wish(&mut self, wish: Wish) {
        self.unsent += wish.cost();
        self.wishes.push_back(wish);
    }

    pub(super) fn has_wishes(&self) -> bool {
        !self.wishes.is_empty()
    }

    pub(super) fn poll_wish(&mut self) -> Option<Wish> {
        let wish = self.wishes.pop_front()?;
        self.unsent -= wish.cost();
        Some(wish)
    }

    pub(super) fn publish(&mut self, topic: String, frame: &Frame) {
        self.wish(Wish::Publish(topic, frame.encode(self.own)));
    }

    fn say_alive(&mut self, now: Time) {
        let next = if self.is_ready() {
            ALIVE_EVERY
        } else {
            TRIAL_EVERY
        };
        self.alive_at = now + next;
        let micros = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        self.publish(topic_of_all(), &Frame::Alive(micros));
    }

    /// Says a word to a sibling; gives whether there is room for it. One that is lost keeps its number, by which
    /// the sibling notices.
    pub(super) fn say(&mut self, now: Time, to: Sibling, word: Word) -> bool {
        let Some(known) = self.known.get_mut(&to) else {
            return false;
        };
        let number = known.said;
        known.said += 1;
        known.said_again = 0;
        known.said_at = Some(now + Duration::from_millis(SAID_AFTER_MS[0]));
        let fits = self.unsent <= bounds::SIBLING_UNSENT;
        if fits {
            self.publish(topic_of(to), &Frame::Word(number, word));
        }
        fits
    }

    /// What this process said has come back.
    pub(super) fn echo(&mut self, now: Time, frame: &Frame) {
        match frame {
            Frame::Alive(micros) => {
                self.echoes[0] = true;
                let took = now.saturating_sub(Duration::from_micros(*micros));
                self.round_trip = took.max(self.round_trip * 7 / 8);
            }
            Frame::Said(_) => self.echoes[1] = true,
            _ => {}
        }
    }

    /// A sibling was heard. Gives whether it counts, and whether it is the first one.
    pub(super) fn hear(&mut self, now: Time, sender: Sibling) -> (bool, bool) {
        if let Some(known) = self.known.get_mut(&sender) {
            known.heard_at = now;
            let was_away = std::mem::take(&mut known.is_away);
            return (true, was_away && self.siblings() == 1);
        }
        if self.known.len() >= bounds::SIBLINGS {
            let away = self.known.iter().find(|(_, known)| known.is_away);
            let Some(away) = away.map(|(sibling, _)| *sibling) else {
                return (false, false);
            };
            self.known.remove(&away);
        }
        let known = Known {
            heard_at: now,
            is_away: false,
            stream: Stream::default(),
            said: 0,
            said_at: None,
            said_again: 0,
            begun: None,
            lost_at: None,
            lost_after: Time::ZERO,
        };
        self.known.insert(sender, known);
        // It may not know of this one.
        self.publish(topic_of(sender), &Frame::Said(0));
        (true, self.siblings() == 1)
    }

    pub(super) fn forget(&mut self, sibling: Sibling) {
        self.known.remove(&sibling);
    }

    /// The words that are in turn now.
    pub(super) fn take(
        &mut self,
        now: Time,
        sender: Sibling,
        number: u64,
        word: Word,
    ) -> Vec<Word> {
        self.heard_of(now, sender, |stream, heard| {
            stream.take(now, number, word, heard);
        })
    }

    pub(super) fn is_said(&mut self, now: Time, sender: Sibling, count: u64) -> Vec<Word> {
        self.heard_of(now, sender, |stream, heard| {
            stream.is_said(now, count, heard);
        })
    }

    fn heard_of(
        &mut self,
        now: Time,
        sender: Sibling,
        what: impl FnOnce(&mut Stream, &mut Vec<Heard>),
    ) -> Vec<Word> {
        let Some(known) = self.known.get_mut(&sender) else {
            return Vec::new();
        };
        let mut heard = Vec::new();
        what(&mut known.stream, &mut heard);
        let mut words = Vec::new();
        for heard in heard {
            match heard {
                Heard::Word(word) => words.push(word),
                Heard::Gap => {
                    known.begun = None;
                    let at = now.max(known.lost_after);
                    known.lost_at.get_or_insert(at);
                }
            }
        }
        words
    }

    /// Puts the parts of an envelope together; gives it when it is whole.
    pub(super) fn join(&mut self, sender: Sibling, word: Word, most: usize) -> Option<Envelope> {
        let known = self.known.get_mut(&sender)?;
        let Word::Part {
            room,
            from,
            to,
            begins,
            is_last,
            bytes,
        } = word
        else {
            return None;
        };
        let envelope = match known.begun.take() {
            _ if begins => Envelope {
                room,
                from,
                to,
                bytes,
            },
            Some(mut begun) if (begun.room, begun.from, begun.to) == (room, from, to) => {
                begun.bytes.extend_from_slice(&bytes);
                begun
            }
            _ => return None,
        };
        if envelope.bytes.len() > most {
            return None;
        }
        if is_last {
            return Some(envelope);
        }
        known.begun = Some(envelope);
        None
    }

    pub(super) fn poll_timeout(&self) -> Time {
        let of_known = self.present().flat_map(|known| {
            [
                Some(known.heard_at + SILENCE),
                known.stream.poll_timeout(),
                known.said_at,
                known.lost_at,
            ]
        });
        of_known
            .flatten()
            .chain([self.alive_at])
            .min()
            .unwrap_or(self.alive_at)
    }

    /// Says what is due. Gives the siblings of which nothing was heard for too long, those of whose words some are
    /// lost, and the words that come now all the same.
    pub(super) fn handle_timeout(&mut self, now: Time) -> Due {
        if now >= self.alive_at {
            self.say_alive(now);
            if !self.is_ready() {
                self.publish(topic_of(self.own), &Frame::Said(0));
            }
        }
        let mut due = Due::default();
        let present = self.known.iter().filter(|(_, known)| !known.is_away);
        let present: Vec<Sibling> = present.map(|(sibling, _)| *sibling).collect();
        for sibling in present {
            let words = self.heard_of(now, sibling, |stream, heard| {
                stream.handle_timeout(now, heard);
            });
            due.words
                .extend(words.into_iter().map(|word| (sibling, word)));
            let Some(known) = self.known.get_mut(&sibling) else {
                continue;
            };
            if now >= known.heard_at + SILENCE {
                known.is_away = true;
                due.silent.push(sibling);
                continue;
            }
            if known.lost_at.is_some_and(|at| now >= at) {
                known.lost_at = None;
                known.lost_after = now + LOST_EVERY;
                due.lost.push(sibling);
            }
            if known.said_at.is_some_and(|at| now >= at) {
                known.said_again = (known.said_again + 1).min(SAID_AFTER_MS.len() - 1);
                let after = Duration::from_millis(SAID_AFTER_MS[known.said_again]);
                known.said_at = Some(now + after);
                let said = Frame::Said(known.said);
                self.publish(topic_of(sibling), &said);
            }
        }
        due
    }
}

#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) silent: Vec<Sibling>,
    pub(super) lost: Vec<Sibling>,
    pub(super) words: Vec<(Sibling, Word)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(link: &mut Link) -> usize {
        std::iter::from_fn(|| link.poll_wish()).count()
    }

    /// One message may be lost on the way to the broker or back.
    #[test]
    fn a_trial_of_the_broker_is_made_again_until_it_comes_back() {
        let mut link = Link::new(Time::ZERO, Sibling([1; 8]));
        assert_eq!(said(&mut link), 2);
        link.echo(Time::ZERO, &Frame::Said(0));
        assert!(!link.is_ready());
        link.handle_timeout(TRIAL_EVERY);
        assert_eq!(said(&mut link), 2);
        link.echo(TRIAL_EVERY, &Frame::Alive(0));
        assert!(link.is_ready());
        link.handle_timeout(2 * TRIAL_EVERY);
        assert_eq!(said(&mut link), 1, "that it is there");
        link.handle_timeout(3 * TRIAL_EVERY);
        assert_eq!(said(&mut link), 0);
    }
}
