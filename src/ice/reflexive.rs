//! Server-reflexive candidates of one base: a Binding request to each server from the base's own
//! socket (RFC 8445 5.1.1.2), without I/O.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::stun::address::is_address;
use crate::stun::message::{
    self, Change, DecodeError, ErrorResponse, TransactionId, binding_request,
};
use crate::time::Time;

/// Times between transmissions: at 0, 50, 120, 250, 500, 900, 1400 and 2000 ms.
const GAPS_MS: [u64; 7] = [50, 70, 130, 250, 400, 500, 600];

/// When a server that has not answered is given up, from its first transmission on.
pub const PATIENCE: Duration = Duration::from_millis(2500);

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reflexive {
    /// Where the server sees the base.
    pub address: SocketAddr,
    /// Round trip of the transmission that was answered.
    pub rtt: Duration,
    /// SOFTWARE.
    pub software: Option<String>,
}

/// Why there is no reflexive address from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer.
    Timeout,
    /// An error answer.
    Refused(ErrorResponse),
    /// An answer that cannot be read.
    Malformed(String),
    /// An answer without an address.
    NoAddress,
    /// An answer with what is no address of a host, or one of the other family.
    BadAddress(SocketAddr),
    /// Answers came, but from another address (RFC 8489 6.3).
    WrongSource(SocketAddr),
}

/// One server is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which.
    pub server: SocketAddr,
    /// How.
    pub outcome: Result<Reflexive, Failure>,
    /// When it was first asked.
    pub began: Time,
    /// How many requests it took.
    pub transmissions: usize,
}

/// The machine. One for each base.
#[derive(Debug)]
pub struct Binder {
    rng: StdRng,
    questions: Vec<Question>,
    out: VecDeque<(SocketAddr, Vec<u8>)>,
    events: VecDeque<Settled>,
}

#[derive(Debug)]
struct Question {
    server: SocketAddr,
    began: Time,
    due: Time,
    /// Each transmission has an ID of its own, so that round trips are exact.
    sent: Vec<(TransactionId, Time)>,
    /// What came that was no answer.
    hint: Option<Failure>,
}

impl Binder {
    /// A machine without questions.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            questions: Vec::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Asks a server. Each is asked once.
    pub fn ask(&mut self, now: Time, server: SocketAddr) {
        if self.questions.iter().any(|q| q.server == server) {
            return;
        }
        self.questions.push(Question {
            server,
            began: now,
            due: now,
            sent: Vec::new(),
            hint: None,
        });
        self.handle_timeout(now);
    }

    /// Settles a server from outside: it cannot be sent to.
    pub fn give_up(&mut self, server: SocketAddr) {
        self.questions.retain(|q| q.server != server);
    }

    /// Servers that have been asked since `time` or before and have not answered.
    pub fn silent_since(&self, time: Time) -> impl Iterator<Item = SocketAddr> + '_ {
        self.questions
            .iter()
            .filter(move |q| q.began <= time)
            .map(|q| q.server)
    }

    /// The next datagram and where it goes.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.out.pop_front()
    }

    /// The next server that is settled.
    pub fn poll_event(&mut self) -> Option<Settled> {
        self.events.pop_front()
    }

    /// When [`Binder::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.questions.iter().map(|q| q.due).min()
    }

    /// Asks again and gives up.
    pub fn handle_timeout(&mut self, now: Time) {
        for question in &mut self.questions {
            if question.due > now || now >= question.began + PATIENCE {
                continue;
            }
            let id = self.rng.random();
            self.out
                .push_back((question.server, binding_request(id, Change::None)));
            let end = question.began + PATIENCE;
            question.due = GAPS_MS
                .get(question.sent.len())
                .map_or(end, |gap| (now + Duration::from_millis(*gap)).min(end));
            question.sent.push((id, now));
        }
        let mut index = 0;
        while index < self.questions.len() {
            if now >= self.questions[index].began + PATIENCE {
                let question = self.questions.remove(index);
                let failure = question.hint.clone().unwrap_or(Failure::Timeout);
                self.settle(&question, Err(failure));
            } else {
                index += 1;
            }
        }
    }

    /// Takes a datagram. `false` if it belongs to no question.
    pub fn handle_input(&mut self, now: Time, source: SocketAddr, bytes: &[u8]) -> bool {
        let Some(id) = message::transaction_id(bytes) else {
            return false;
        };
        let found = self.questions.iter().enumerate().find_map(|(index, q)| {
            let (_, at) = q.sent.iter().find(|(sent, _)| *sent == id)?;
            Some((index, *at))
        });
        let Some((index, sent_at)) = found else {
            return false;
        };
        let question = &mut self.questions[index];
        if source != question.server {
            question.hint = Some(Failure::WrongSource(source));
            return true;
        }
        let response = match message::decode_binding_response(bytes) {
            Ok(response) => response,
            Err(DecodeError::NotABindingResponse | DecodeError::NotAnAnswer) => return true,
            Err(error) => {
                question.hint = Some(Failure::Malformed(error.to_string()));
                return true;
            }
        };
        let outcome = match response.outcome {
            Err(error) => Err(Failure::Refused(error)),
            Ok(success) => match success.reflexive() {
                None => Err(Failure::NoAddress),
                Some(address) if !is_address(address) || address.is_ipv4() != source.is_ipv4() => {
                    Err(Failure::BadAddress(address))
                }
                Some(address) => Ok(Reflexive {
                    address,
                    rtt: now.saturating_sub(sent_at),
                    software: response.software,
                }),
            },
        };
        let question = self.questions.remove(index);
        self.settle(&question, outcome);
        true
    }

    fn settle(&mut self, question: &Question, outcome: Result<Reflexive, Failure>) {
        self.events.push_back(Settled {
            server: question.server,
            outcome,
            began: question.began,
            transmissions: question.sent.len(),
        });
    }
}
