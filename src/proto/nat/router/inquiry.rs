//! One question to the PCP or NAT-PMP port of a router: sent until it is answered, refused or given
//! up. Without I/O or clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::time::Time;
use crate::proto::machine::{Machine, SendError, Transmit};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    offsets: &'static [Duration],
    give_up: Duration,
}

/// For a question that changes nothing. The router is one hop away and answers within
/// milliseconds; RFC 6886 3.1 begins with 250 ms and doubles up to a minute, RFC 6887 8.1.1 with
/// 3 s, but a person waits.
pub const QUESTION: Schedule = Schedule {
    offsets: &[ms(0), ms(150), ms(350)],
    give_up: ms(600),
};

/// For a mapping: some routers write rules or flash before they answer.
pub const MAPPING: Schedule = Schedule {
    offsets: &[ms(0), ms(300), ms(900)],
    give_up: ms(2000),
};

/// To remove one, which a person who pressed Ctrl-C waits for.
pub const REMOVAL: Schedule = Schedule {
    offsets: &[ms(0), ms(150), ms(400)],
    give_up: ms(800),
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<A> {
    Answered(A),
    /// Nobody listens there (ICMP port unreachable).
    Closed,
    /// It could not be sent.
    NotSent(SendError),
    /// Something came, but no answer.
    Garbled,
    Silent,
}

/// A question that is being asked. The socket must be connected, so that only the router is heard.
pub struct Inquiry<A, R> {
    packet: Vec<u8>,
    read: R,
    /// Whether it is to be sent now.
    waiting: bool,
    /// When it is still to be sent.
    due: VecDeque<Time>,
    give_up: Time,
    garbled: bool,
    sent: usize,
    outcome: Option<Outcome<A>>,
}

impl<A, R: Fn(&[u8]) -> Option<A>> Inquiry<A, R> {
    /// Starts now. `read` tells answers from what is none.
    pub fn new(packet: Vec<u8>, schedule: Schedule, read: R, now: Time) -> Self {
        let mut inquiry = Self {
            packet,
            read,
            waiting: false,
            due: schedule.offsets.iter().map(|at| now + *at).collect(),
            give_up: now + schedule.give_up,
            garbled: false,
            sent: 0,
            outcome: None,
        };
        inquiry.handle_timeout(now);
        inquiry
    }

    pub const fn outcome(&self) -> Option<&Outcome<A>> {
        self.outcome.as_ref()
    }

    pub const fn transmissions(&self) -> usize {
        self.sent
    }

    fn settle(&mut self, outcome: Outcome<A>) {
        self.outcome.get_or_insert(outcome);
        self.waiting = false;
        self.due.clear();
    }
}

impl<A, R: Fn(&[u8]) -> Option<A>> Machine for Inquiry<A, R> {
    type Flow = ();
    type Error = SendError;

    fn poll_transmit(&mut self) -> Option<Transmit<()>> {
        if !std::mem::take(&mut self.waiting) {
            return None;
        }
        self.sent += 1;
        Some(Transmit {
            flow: (),
            payload: self.packet.clone(),
        })
    }

    fn handle_input(&mut self, _: Time, (): (), bytes: &[u8]) {
        match (self.read)(bytes) {
            Some(answer) => self.settle(Outcome::Answered(answer)),
            None => self.garbled = true,
        }
    }

    fn handle_error(&mut self, _: Time, (): (), error: SendError) {
        self.settle(match error {
            SendError::Refused => Outcome::Closed,
            other => Outcome::NotSent(other),
        });
    }

    fn poll_timeout(&self) -> Option<Time> {
        let open = self.outcome.is_none();
        open.then(|| self.due.front().copied().unwrap_or(self.give_up))
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.due.front().is_some_and(|at| *at <= now) {
            self.due.pop_front();
            self.waiting = true;
        } else if now >= self.give_up {
            self.settle(if self.garbled {
                Outcome::Garbled
            } else {
                Outcome::Silent
            });
        }
    }
}
