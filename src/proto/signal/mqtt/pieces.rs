//! What stands in the messages at a broker: a stream of envelopes for each sender, cut into numbered
//! pieces. A broker may repeat, reorder and drop messages, and takes large ones or not; here they come
//! once, in order, and none is large.
//!
//! A piece is a version, flags, the sender's random name for this connection, its number, and a part of
//! the stream, in which each envelope stands behind its length. None of it can be trusted: what is sealed
//! is the envelope.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::signal::seal::MAX_ENVELOPE;

/// The random name of a connection.
pub type Sender = [u8; 8];

const VERSION: u8 = 1;
/// The piece begins with an envelope, not in the middle of one.
const BEGINS: u8 = 1;
/// The sender has gone.
const LEFT: u8 = 2;
const HEADER: usize = 1 + 1 + 8 + 4;
/// Before each envelope.
const LENGTH: usize = 4;
/// How long a piece that is missing is waited for once later ones have come.
const GAP: Duration = Duration::from_secs(1);

/// Cuts envelopes into pieces.
#[derive(Debug)]
pub struct Cutter {
    sender: Sender,
    next: u32,
    /// The largest piece.
    pub largest: usize,
    /// Of the stream, what was begun and not sent.
    rest: VecDeque<u8>,
}

impl Cutter {
    pub const fn new(sender: Sender) -> Self {
        Self {
            sender,
            next: 0,
            largest: bounds::BROKER_PIECE,
            rest: VecDeque::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The number of the piece that comes next.
    pub const fn next_number(&self) -> u32 {
        self.next
    }

    /// A piece without a part of the stream: it shows whether the broker hands it on.
    pub fn probe(&mut self) -> Vec<u8> {
        self.piece(BEGINS, &[])
    }

    /// What is said of this sender when it has gone.
    pub fn farewell(&self) -> Vec<u8> {
        header(LEFT, self.sender, u32::MAX)
    }

    /// The next piece, with as many of the waiting envelopes as there is room for.
    pub fn cut(&mut self, waiting: &mut VecDeque<Vec<u8>>) -> Option<Vec<u8>> {
        let begins = if self.rest.is_empty() { BEGINS } else { 0 };
        let room = self.largest - HEADER;
        while self.rest.len() < room
            && let Some(envelope) = waiting.pop_front()
        {
            let length = u32::try_from(envelope.len()).unwrap_or(u32::MAX);
            self.rest.extend(length.to_be_bytes());
            self.rest.extend(envelope);
        }
        let length = self.rest.len().min(room);
        let part: Vec<u8> = self.rest.drain(..length).collect();
        (!part.is_empty()).then(|| self.piece(begins, &part))
    }

    fn piece(&mut self, flags: u8, part: &[u8]) -> Vec<u8> {
        let mut piece = header(flags, self.sender, self.next);
        self.next += 1;
        piece.extend_from_slice(part);
        piece
    }
}

fn header(flags: u8, sender: Sender, number: u32) -> Vec<u8> {
    let mut bytes = vec![VERSION, flags];
    bytes.extend_from_slice(&sender);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// This piece of this side came back: the broker hands on what it is given.
    Echo(u32),
    Envelope(Vec<u8>),
    /// Somebody who was heard has gone.
    Left,
}

/// Puts pieces together again.
#[derive(Debug)]
pub struct Joiner {
    own: Sender,
    /// How many are put together at a time.
    senders: usize,
    streams: BTreeMap<Sender, Stream>,
    joined: VecDeque<Joined>,
}

/// What has come of one sender.
#[derive(Debug, Default)]
struct Stream {
    /// The number that is to come; `None` before the first.
    next: Option<u32>,
    /// An envelope that has not come to its end.
    begun: Vec<u8>,
    /// Pieces that came before their turn.
    held: BTreeMap<u32, (bool, Vec<u8>)>,
    gap_since: Time,
    was_heard: bool,
}

impl Joiner {
    pub const fn new(own: Sender, senders: usize) -> Self {
        Self {
            own,
            senders,
            streams: BTreeMap::new(),
            joined: VecDeque::new(),
        }
    }

    pub fn poll(&mut self) -> Option<Joined> {
        self.joined.pop_front()
    }

    /// Takes a message of the broker. What is no piece is left out, and so is what has come before.
    pub fn take(&mut self, now: Time, message: &[u8]) {
        let Some((flags, sender, number, part)) = parse(message) else {
            return;
        };
        if sender == self.own {
            return self.joined.push_back(Joined::Echo(number));
        }
        if flags & LEFT != 0 {
            if self.streams.remove(&sender).is_some_and(|s| s.was_heard) {
                self.joined.push_back(Joined::Left);
            }
            return;
        }
        if !self.streams.contains_key(&sender) && self.streams.len() >= self.senders {
            return;
        }
        let stream = self.streams.entry(sender).or_default();
        stream.take(now, number, (flags & BEGINS != 0, part.to_vec()));
        stream.drain(&mut self.joined);
    }

    pub fn poll_timeout(&self) -> Option<Time> {
        let gaps = self.streams.values().filter(|s| !s.held.is_empty());
        gaps.map(|s| s.gap_since + GAP).min()
    }

    /// Gives up pieces that have not come in time: what was in them is said again end to end.
    pub fn handle_timeout(&mut self, now: Time) {
        for stream in self.streams.values_mut() {
            if !stream.held.is_empty() && now >= stream.gap_since + GAP {
                stream.skip();
                stream.drain(&mut self.joined);
            }
        }
    }
}

impl Stream {
    fn take(&mut self, now: Time, number: u32, piece: (bool, Vec<u8>)) {
        let (begins, _) = piece;
        match self.next {
            // The beginning of the stream may have been before this side came.
            None if begins => self.next = Some(number),
            None => return,
            Some(next) if number < next => return,
            Some(_) => {}
        }
        if self.held.is_empty() {
            self.gap_since = now;
        }
        self.held.insert(number, piece);
        if self.held.len() > bounds::BROKER_HELD {
            self.skip();
        }
    }

    /// Goes on with the first piece that begins with an envelope.
    fn skip(&mut self) {
        while let Some((number, (begins, _))) = self.held.first_key_value() {
            if *begins {
                self.next = Some(*number);
                break;
            }
            self.held.pop_first();
        }
        self.begun.clear();
    }

    fn drain(&mut self, joined: &mut VecDeque<Joined>) {
        while let Some((begins, part)) = self.next.and_then(|next| self.held.remove(&next)) {
            self.next = self.next.and_then(|next| next.checked_add(1));
            if begins {
                self.begun.clear();
            }
            self.begun.extend_from_slice(&part);
            self.unpack(joined);
        }
    }

    fn unpack(&mut self, joined: &mut VecDeque<Joined>) {
        while let Some((length, _)) = self.begun.split_first_chunk::<LENGTH>() {
            let length = u32::from_be_bytes(*length) as usize;
            if length > MAX_ENVELOPE {
                // Nobody who follows the protocol says so; the next beginning puts it right.
                return self.begun.clear();
            }
            let Some(envelope) = self.begun.get(LENGTH..LENGTH + length) else {
                return;
            };
            joined.push_back(Joined::Envelope(envelope.to_vec()));
            self.begun.drain(..LENGTH + length);
            self.was_heard = true;
        }
    }
}

/// Flags, sender, number, part of the stream.
fn parse(message: &[u8]) -> Option<(u8, Sender, u32, &[u8])> {
    let (head, part) = message.split_first_chunk::<HEADER>()?;
    let [VERSION, flags, rest @ ..] = head else {
        return None;
    };
    let (sender, number) = rest.split_first_chunk::<8>()?;
    let number = <[u8; 4]>::try_from(number).ok()?;
    Some((*flags, *sender, u32::from_be_bytes(number), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(envelopes: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut cutter = Cutter::new([1; 8]);
        let mut waiting = envelopes.iter().cloned().collect();
        let mut pieces = vec![cutter.probe()];
        while let Some(piece) = cutter.cut(&mut waiting) {
            assert!(piece.len() <= bounds::BROKER_PIECE);
            pieces.push(piece);
        }
        pieces
    }

    fn joined(joiner: &mut Joiner) -> Vec<Joined> {
        std::iter::from_fn(|| joiner.poll()).collect()
    }

    fn envelopes() -> Vec<Vec<u8>> {
        let sizes = [
            0,
            1,
            40,
            3 * bounds::BROKER_PIECE,
            7,
            bounds::BROKER_PIECE,
            2,
        ];
        sizes
            .iter()
            .zip(0..)
            .map(|(size, n)| vec![n; *size])
            .collect()
    }

    fn all() -> Vec<Joined> {
        envelopes().into_iter().map(Joined::Envelope).collect()
    }

    #[test]
    fn large_ones_are_cut_and_small_ones_travel_together() {
        let pieces = pieces(&envelopes());
        assert_eq!(pieces.len(), 6);
        let mut joiner = Joiner::new([2; 8], bounds::BROKER_SENDERS);
        for piece in &pieces {
            joiner.take(Time::ZERO, piece);
        }
        assert_eq!(joined(&mut joiner), all());
        assert_eq!(joiner.poll_timeout(), None);
    }

    #[test]
    fn repetitions_and_other_orders_make_no_difference() {
        let pieces = pieces(&envelopes());
        let mut joiner = Joiner::new([2; 8], bounds::BROKER_SENDERS);
        for at in [0, 2, 1, 1, 0, 5, 4, 3, 5, 2] {
            joiner.take(Time::ZERO, &pieces[at]);
        }
        assert_eq!(joined(&mut joiner), all());
    }

    #[test]
    fn what_is_lost_costs_itself_alone() {
        let pieces = pieces(&[vec![1; 10], vec![2; 2 * bounds::BROKER_PIECE], vec![3; 10]]);
        let mut cutter = Cutter::new([1; 8]);
        cutter.next = 10;
        let later = cutter.cut(&mut [vec![9; 9]].into()).expect("a piece");
        let mut joiner = Joiner::new([2; 8], bounds::BROKER_SENDERS);
        for piece in [&pieces[0], &pieces[2], &later] {
            joiner.take(Time::ZERO, piece);
        }
        assert_eq!(joined(&mut joiner), []);
        let due = joiner.poll_timeout().expect("a gap");
        joiner.handle_timeout(due);
        assert_eq!(joined(&mut joiner), [Joined::Envelope(vec![9; 9])]);
    }

    #[test]
    fn echoes_farewells_and_strangers() {
        let mut joiner = Joiner::new([1; 8], bounds::BROKER_SENDERS);
        joiner.take(Time::ZERO, &Cutter::new([1; 8]).probe());
        assert_eq!(joined(&mut joiner), [Joined::Echo(0)]);
        let mut other = Cutter::new([2; 8]);
        joiner.take(Time::ZERO, &other.farewell());
        let said = other.cut(&mut [vec![5]].into()).expect("a piece");
        joiner.take(Time::ZERO, &said);
        joiner.take(Time::ZERO, &other.farewell());
        let came = [Joined::Envelope(vec![5]), Joined::Left];
        assert_eq!(joined(&mut joiner), came);
        for junk in [&b""[..], b"{}", &[VERSION; HEADER - 1], &[9; 60]] {
            joiner.take(Time::ZERO, junk);
        }
        for number in 0..=255 {
            joiner.take(Time::ZERO, &Cutter::new([number; 8]).probe());
        }
        assert!(joiner.streams.len() <= bounds::BROKER_SENDERS);
        // A length that no envelope has.
        let mut lie = Cutter::new([2; 8]);
        lie.rest.extend([0xff; 40]);
        joiner.take(Time::ZERO, &lie.cut(&mut VecDeque::new()).expect("a piece"));
        assert!(
            !joined(&mut joiner)
                .iter()
                .any(|j| matches!(j, Joined::Envelope(_)))
        );
    }
}
