//! The words of one sibling to this process, in their order and each once, and where some are missing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::siblings::frame::Word;

/// How long a word that is missing is waited for.
const GAP: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Word(Word),
    /// Some words have not come, and will not.
    Gap,
}

#[derive(Debug, Default)]
pub struct Stream {
    /// The number that is to come.
    next: u64,
    /// How many words have been said, as far as is known.
    said: u64,
    /// What came before its turn.
    held: BTreeMap<u64, Word>,
    held_bytes: usize,
    /// Since when something is missing.
    gap_since: Option<Time>,
}

impl Stream {
    pub fn take(&mut self, now: Time, number: u64, word: Word, heard: &mut Vec<Heard>) {
        if number < self.next || self.held.contains_key(&number) {
            return;
        }
        self.held_bytes += size(&word);
        self.held.insert(number, word);
        self.is_said(now, number.saturating_add(1), heard);
        while self.held.len() > bounds::SIBLING_HELD || self.held_bytes > bounds::SIBLING_HELD_BYTES
        {
            self.skip(now, heard);
        }
    }

    /// So many words have been said.
    pub fn is_said(&mut self, now: Time, count: u64, heard: &mut Vec<Heard>) {
        self.said = self.said.max(count);
        self.drain(heard);
        self.watch(now);
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        self.gap_since.map(|since| since + GAP)
    }

    pub fn handle_timeout(&mut self, now: Time, heard: &mut Vec<Heard>) {
        if self.poll_timeout().is_some_and(|due| now >= due) {
            self.skip(now, heard);
        }
    }

    /// Gives up what is missing.
    fn skip(&mut self, now: Time, heard: &mut Vec<Heard>) {
        let first = self.held.first_key_value().map(|(number, _)| *number);
        self.next = first.unwrap_or(self.said);
        heard.push(Heard::Gap);
        self.gap_since = None;
        self.drain(heard);
        self.watch(now);
    }

    fn drain(&mut self, heard: &mut Vec<Heard>) {
        while let Some(word) = self.held.remove(&self.next) {
            self.held_bytes -= size(&word);
            self.next = self.next.saturating_add(1);
            self.gap_since = None;
            heard.push(Heard::Word(word));
        }
    }

    fn watch(&mut self, now: Time) {
        if self.next < self.said {
            self.gap_since.get_or_insert(now);
        }
    }
}

/// What it takes up, about.
fn size(word: &Word) -> usize {
    let bytes = match word {
        Word::Part { bytes, .. } => bytes.len(),
        _ => 0,
    };
    size_of::<Word>() + bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::signal::siblings::frame::Alias;

    fn word(number: u64) -> Word {
        Word::Left(Alias([0; 16]), number)
    }

    fn said(numbers: &[u64]) -> Vec<Heard> {
        numbers.iter().map(|n| Heard::Word(word(*n))).collect()
    }

    fn take(stream: &mut Stream, now: Time, numbers: &[u64]) -> Vec<Heard> {
        let mut heard = Vec::new();
        for number in numbers {
            stream.take(now, *number, word(*number), &mut heard);
        }
        heard
    }

    #[test]
    fn whatever_the_order_each_comes_once_and_in_its_turn() {
        let mut stream = Stream::default();
        let heard = take(&mut stream, Time::ZERO, &[2, 0, 0, 1, 2, 4, 1, 3]);
        assert_eq!(heard, said(&[0, 1, 2, 3, 4]));
        assert_eq!(stream.poll_timeout(), None);
        assert_eq!(stream.held_bytes, 0);
    }

    #[test]
    fn what_is_missing_is_noticed_amid_others_and_at_the_end() {
        let mut stream = Stream::default();
        assert_eq!(take(&mut stream, Time::ZERO, &[1, 2]), []);
        let due = stream.poll_timeout().expect("0 is missing");
        let mut heard = Vec::new();
        stream.handle_timeout(due, &mut heard);
        assert_eq!(heard, [&[Heard::Gap][..], &said(&[1, 2])].concat());
        let mut heard = Vec::new();
        stream.is_said(due, 5, &mut heard);
        let due = stream.poll_timeout().expect("3 and 4 are missing");
        stream.handle_timeout(due, &mut heard);
        assert_eq!(heard, [Heard::Gap]);
        assert_eq!(take(&mut stream, due, &[3, 5]), said(&[5]));
    }

    #[test]
    fn what_waits_is_bounded_whatever_the_numbers() {
        let mut stream = Stream::default();
        let mut heard = Vec::new();
        for number in (1..10_000).map(|n| n * 2) {
            stream.take(Time::ZERO, number, word(number), &mut heard);
        }
        assert!(stream.held.len() <= bounds::SIBLING_HELD);
        let large = |number| Word::Part {
            room: Alias([0; 16]),
            from: 0,
            to: number,
            begins: true,
            is_last: true,
            bytes: vec![0; 100_000],
        };
        for number in (10_000..10_100).map(|n| n * 2) {
            stream.take(Time::ZERO, number, large(number), &mut heard);
            assert!(stream.held_bytes <= bounds::SIBLING_HELD_BYTES + 200_000);
        }
        for number in [u64::MAX, u64::MAX - 1, u64::MAX] {
            stream.take(Time::from_secs(9), number, word(number), &mut heard);
            stream.handle_timeout(Time::from_secs(20), &mut heard);
        }
    }
}
