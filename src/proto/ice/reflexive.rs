//! Server-reflexive candidates of one base: a Binding request to each server from the base's own
//! socket (RFC 8445 5.1.1.2), without I/O.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::base::time::Time;
use crate::proto::machine::Transmit;
use crate::proto::stun::address::is_address;
use crate::proto::stun::message::{
    self, BindingSuccess, Change, DecodeError, ErrorResponse, TransactionId, binding_request,
};

/// Times between transmissions: at 0, 40, 90, 150, 250, 500, 900, 1400 and 2000 ms. The first ones are close to
/// each other, since a session without UDP waits for four of them before it takes a relay.
const GAPS_MS: [u64; 8] = [40, 50, 60, 100, 250, 400, 500, 600];

/// When a server that has not answered is given up, from its first transmission on.
pub const PATIENCE: Duration = Duration::from_millis(2500);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reflexive {
    /// Where the server sees the base.
    pub address: SocketAddr,
    /// Round trip of the transmission that was answered.
    pub rtt: Duration,
    pub software: Option<String>,
    /// Whether the server reported IPv4 as `::ffff:a.b.c.d`.
    pub is_v4_mapped: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    Timeout,
    Refused(ErrorResponse),
    Malformed(String),
    /// Something answers there, with what is no STUN or no answer.
    Foreign,
    NoAddress,
    /// An answer with what is no address of a host, or one of the other family.
    BadAddress(SocketAddr),
    /// Answers came, but from another address (RFC 8489 6.3).
    WrongSource(SocketAddr),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub server: SocketAddr,
    pub outcome: Result<Reflexive, Failure>,
    pub began: Time,
    pub transmissions: usize,
}

/// The machine. One for each base.
#[derive(Debug)]
pub struct Binder {
    rng: StdRng,
    questions: Vec<Question>,
    out: VecDeque<Transmit<SocketAddr>>,
    events: VecDeque<Settled>,
}

#[derive(Debug)]
struct Question {
    server: SocketAddr,
    began: Time,
    due: Time,
    /// Each transmission has an ID of its own, so that round trips are exact.
    sent: Vec<(TransactionId, Time)>,
    hint: Option<Failure>,
}

impl Binder {
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

    pub fn poll_transmit(&mut self) -> Option<Transmit<SocketAddr>> {
        self.out.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<Settled> {
        self.events.pop_front()
    }

    /// When [`Binder::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.questions.iter().map(|q| q.due).min()
    }

    pub fn handle_timeout(&mut self, now: Time) {
        for question in &mut self.questions {
            if question.due > now || now >= question.began + PATIENCE {
                continue;
            }
            let id = self.rng.random();
            self.out.push_back(Transmit {
                flow: question.server,
                payload: binding_request(id, Change::None),
            });
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
            // Data of a relay at the same address comes so too: it counts where no answer does.
            for question in self.questions.iter_mut().filter(|q| q.server == source) {
                question.hint.get_or_insert(Failure::Foreign);
            }
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
            Err(DecodeError::NotABindingResponse | DecodeError::NotAnAnswer) => {
                question.hint.get_or_insert(Failure::Foreign);
                return true;
            }
            Err(error) => {
                question.hint = Some(Failure::Malformed(error.to_string()));
                return true;
            }
        };
        let is_v4_mapped = matches!(&response.outcome, Ok(success) if success.is_v4_mapped);
        let outcome = reflexive_address(response.outcome, source).map(|address| Reflexive {
            address,
            rtt: now.saturating_sub(sent_at),
            software: response.software,
            is_v4_mapped,
        });
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

/// What a server's answer says of where it sees the base.
pub fn reflexive_address(
    outcome: Result<BindingSuccess, ErrorResponse>,
    server: SocketAddr,
) -> Result<SocketAddr, Failure> {
    let address = outcome
        .map_err(Failure::Refused)?
        .reflexive()
        .ok_or(Failure::NoAddress)?;
    if is_address(address) && address.is_ipv4() == server.is_ipv4() {
        Ok(address)
    } else {
        Err(Failure::BadAddress(address))
    }
}
