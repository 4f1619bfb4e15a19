//! One question: a request that is repeated until it is answered or its silence means something.

use std::net::SocketAddr;

use crate::proto::nat::Time;
use crate::proto::nat::lifetime::timers;
use crate::proto::nat::timers::{patience, silence_gap};
use crate::proto::stun::held::{Ask, Says, Token};
use crate::proto::stun::message::{
    Change, TransactionId, binding_request, binding_request_to_port, binding_request_to_wide_port,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    /// An answer to this port (RESPONSE-PORT), in four bytes or two.
    ToPort {
        port: u16,
        wide: bool,
    },
    /// Something of HELD-ANSWER.
    Held(Ask),
}

impl Form {
    fn request(self, id: TransactionId, token: Token) -> Vec<u8> {
        match self {
            Self::Plain => binding_request(id, Change::None),
            Self::ToPort { port, wide: false } => {
                binding_request_to_port(id, Change::None, Some(port))
            }
            Self::ToPort { port, wide: true } => binding_request_to_wide_port(id, port),
            Self::Held(ask) => ask.request_with(id, token),
        }
    }
}

/// How it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// An answer is expected; it is given up after so many transmissions.
    Expected(usize),
    /// Silence is as likely: as many transmissions as the loss asks for.
    Silence,
}

#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub id: TransactionId,
    pub at: Time,
    pub answered: Option<Time>,
}

#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// Which transmission it answers.
    pub id: TransactionId,
    pub sent: Time,
    pub at: Time,
    /// The mapping of the asking socket.
    pub reflexive: SocketAddr,
    pub says: Option<Says>,
}

#[derive(Debug, Clone, Copy)]
pub enum End {
    Answered(Answered),
    /// With an error, or with an answer to the socket that asked instead of the one it was for.
    Refused,
    Silent,
    /// Too much is lost for silence to mean anything.
    Unproven,
}

#[derive(Debug)]
pub struct Exchange {
    pub socket: usize,
    /// Where the answer has to come.
    pub answer_on: usize,
    pub form: Form,
    pub pace: Pace,
    pub sent: Vec<Sent>,
    /// Answers to the control socket that say that the held answer was sent.
    pub released: usize,
    pub end: Option<End>,
    next: Time,
}

/// What is known of the path.
#[derive(Debug, Clone, Copy)]
pub struct Path {
    pub slowest: Time,
    /// Transmissions that silence needs; `None` where too much is lost.
    pub tries: Option<usize>,
    /// Tests under way: together they must not ask faster than two.
    pub tests: u32,
    /// Shows the server that its answers arrive; zero before it has given one.
    pub token: Token,
}

impl Path {
    fn silence_gap(self) -> Time {
        silence_gap(self.slowest) * self.tests.max(2) / 2
    }
}

impl Exchange {
    pub fn new(socket: usize, answer_on: usize, form: Form, pace: Pace, now: Time) -> Self {
        Self {
            socket,
            answer_on,
            form,
            pace,
            sent: Vec::new(),
            released: 0,
            end: None,
            next: now,
        }
    }

    /// Does what is due at this moment: gives the bytes of the next transmission, or ends it.
    pub fn step(&mut self, now: Time, path: Path, id: TransactionId) -> Option<Vec<u8>> {
        if self.end.is_some() || now < self.next {
            return None;
        }
        let (tries, gap, silent) = match (self.pace, path.tries) {
            (Pace::Expected(tries), _) => (tries, timers::gap(path.slowest), End::Silent),
            (Pace::Silence, Some(tries)) => (tries, path.silence_gap(), End::Silent),
            // It may become possible while the loss is better known, and an answer ends it anyway.
            (Pace::Silence, None) => (
                crate::proto::nat::timers::SILENCE_MAX_TRIES,
                path.silence_gap(),
                End::Unproven,
            ),
        };
        if self.sent.len() >= tries {
            self.end = Some(silent);
            return None;
        }
        self.sent.push(Sent {
            id,
            at: now,
            answered: None,
        });
        let last = self.sent.len() >= tries;
        self.next = now + if last { patience(path.slowest) } else { gap };
        Some(self.form.request(id, path.token))
    }

    /// When [`Exchange::step`] has something to do; `None` when it has ended.
    pub fn due(&self) -> Option<Time> {
        self.end.is_none().then_some(self.next)
    }

    /// Whether no transmission is left, so that only the last answers are waited for.
    pub fn is_exhausted(&self, path: Path) -> bool {
        let tries = path.tries.unwrap_or(usize::MAX);
        self.end.is_some() || self.sent.len() >= tries
    }

    pub fn first_sent(&self) -> Option<Time> {
        self.sent.first().map(|sent| sent.at)
    }

    /// By when its last packet has passed the NAT for certain, as far as that can be said: a
    /// transmission whose answer is not seen may be late by as much as the slowest.
    pub fn over_by(&self, slowest: Time) -> Option<Time> {
        let over = |sent: &Sent| sent.answered.unwrap_or(sent.at + timers::passage(slowest));
        self.sent.iter().map(over).max()
    }
}
