//! One measured socket: its binding is made, left alone, and tested.

use crate::proto::nat::Time;
use crate::proto::nat::lifetime::exchange::{End, Form, Pace};
use crate::proto::nat::lifetime::lives::Kind;
use crate::proto::nat::lifetime::{Lifetime, Method, timers};
use crate::proto::stun::held::{Ask, LONGEST_SECONDS, Says};
use crate::proto::stun::message::TransactionId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its lifetime is measured.
    Wait,
    /// It shows that the NAT keeps its bindings.
    Sentinel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Queued,
    /// Its question is not settled; so many exchanges are done.
    Asking {
        exchange: usize,
        done: u8,
    },
    /// Between two exchanges.
    Pausing {
        until: Time,
        done: u8,
    },
    /// It has asked quietly, and the control socket asks whether that has arrived.
    Asked {
        exchange: usize,
        query: Option<usize>,
    },
    /// Left alone.
    Waiting,
    Testing {
        probe: usize,
        after: Option<usize>,
    },
    /// Tested, or of no use.
    Done,
}

/// A measured socket.
#[derive(Debug)]
pub struct Binding {
    pub kind: Kind,
    pub role: Role,
    /// How long it is to be left alone.
    pub wait: Time,
    pub stage: Stage,
    /// When it may begin.
    begin: Time,
    pub socket: Option<usize>,
    /// External port, for RESPONSE-PORT.
    pub port: u16,
    /// The request whose answer is held.
    pub held: Option<TransactionId>,
    /// The first one was sent then.
    pub made: Time,
    /// The last packet from inside that is known to have passed the NAT was sent then.
    pub proven: Time,
    /// By then the last one had passed it, and whatever came in.
    pub quiet: Time,
    /// Questions of the control socket to itself during the test.
    pub companions: Vec<usize>,
}

impl Binding {
    pub const fn new(kind: Kind, role: Role, wait: Time, begin: Time) -> Self {
        Self {
            kind,
            role,
            wait,
            stage: Stage::Queued,
            begin,
            socket: None,
            port: 0,
            held: None,
            made: Time::ZERO,
            proven: Time::ZERO,
            quiet: Time::ZERO,
            companions: Vec::new(),
        }
    }

    pub fn is_pending(&self) -> bool {
        self.stage != Stage::Done
    }

    /// When its test is to begin, as far as that is known.
    pub fn test_at(&self) -> Time {
        self.quiet + self.wait
    }
}

impl Lifetime {
    pub(super) fn step_bindings(&mut self) {
        for index in 0..self.bindings.len() {
            if self.finished {
                return;
            }
            self.step_binding(index);
        }
        if self.bindings.iter().any(|b| !b.is_pending()) {
            self.bindings.retain(Binding::is_pending);
        }
    }

    /// When something is to be done for it, beside what its questions need.
    pub(super) fn binding_due(&self, binding: &Binding) -> Option<Time> {
        match binding.stage {
            Stage::Queued => Some(binding.begin),
            Stage::Pausing { until, .. } => Some(until),
            Stage::Asked { exchange, query } => query
                .is_none()
                .then(|| {
                    self.exchanges[exchange]
                        .sent
                        .last()
                        .map(|s| self.query_at(s.at))
                })
                .flatten(),
            Stage::Waiting => {
                let test = binding.test_at();
                let wake = test.saturating_sub(timers::lead(self.slowest));
                Some(if self.now < wake {
                    wake
                } else {
                    test.max(self.now)
                })
            }
            Stage::Asking { .. } | Stage::Testing { .. } | Stage::Done => None,
        }
    }

    /// A packet came in for a socket.
    pub(super) fn touch(&mut self, socket: usize) {
        let now = self.now;
        let of_it = |b: &&mut Binding| b.socket == Some(socket);
        if let Some(binding) = self.bindings.iter_mut().find(of_it)
            && !matches!(binding.stage, Stage::Testing { .. })
        {
            binding.quiet = binding.quiet.max(now);
        }
    }

    pub(super) fn drop_binding(&mut self, index: usize) {
        let binding = &mut self.bindings[index];
        let stage = std::mem::replace(&mut binding.stage, Stage::Done);
        if let Some(socket) = binding.socket {
            self.close_socket(socket);
        }
        match stage {
            Stage::Asking { exchange, .. } => self.abandon(exchange),
            Stage::Asked {
                exchange,
                query: other,
            }
            | Stage::Testing {
                probe: exchange,
                after: other,
            } => {
                self.abandon(exchange);
                if let Some(other) = other {
                    self.abandon(other);
                }
            }
            Stage::Queued | Stage::Pausing { .. } | Stage::Waiting | Stage::Done => {}
        }
        self.changes += 1;
    }

    pub(super) fn drop_all(&mut self) {
        for index in 0..self.bindings.len() {
            if self.bindings[index].is_pending() {
                self.drop_binding(index);
            }
        }
    }

    fn step_binding(&mut self, index: usize) {
        match self.bindings[index].stage {
            Stage::Queued => self.begin(index),
            Stage::Asking { exchange, done } => self.asked(index, exchange, done),
            Stage::Pausing { until, done } if self.now >= until => self.ask_from(index, done),
            Stage::Asked { exchange, query } => self.confirm_held(index, exchange, query),
            Stage::Waiting => self.wait(index),
            Stage::Testing { probe, after } => self.test(index, probe, after),
            Stage::Pausing { .. } | Stage::Done => {}
        }
    }

    fn begin(&mut self, index: usize) {
        // The answer to its only packet goes to the mapping of the control socket, which must live.
        if self.now < self.bindings[index].begin || !self.is_awake() {
            return;
        }
        self.bindings[index].socket = Some(self.open());
        self.ask_from(index, 0);
    }

    fn ask_from(&mut self, index: usize, done: u8) {
        let binding = &self.bindings[index];
        let (kind, wait, Some(socket)) = (binding.kind, binding.wait, binding.socket) else {
            return;
        };
        let seconds = u16::try_from(wait.as_secs() + 60).unwrap_or(LONGEST_SECONDS);
        let own = (socket, Pace::Expected(timers::MOST_TRIES));
        let (answer_on, form, pace) = match (kind, self.method) {
            (Kind::OnePacket, Some(Method::HeldAnswer)) => {
                // It is repeated only when the control socket has asked in vain.
                (
                    socket,
                    Form::Held(Ask::HoldQuietly(seconds)),
                    Pace::Expected(1),
                )
            }
            (Kind::OnePacket, Some(Method::ResponsePort { wide })) => {
                let port = self.control.external.map_or(0, |e| e.port());
                (self.control.socket, Form::ToPort { port, wide }, own.1)
            }
            (Kind::TwoWay, Some(Method::HeldAnswer)) if done + 1 == timers::EXCHANGES => {
                (own.0, Form::Held(Ask::Hold(seconds)), own.1)
            }
            _ => (own.0, Form::Plain, own.1),
        };
        let exchange = self.ask(socket, answer_on, form, pace);
        let quietly = matches!(form, Form::Held(Ask::HoldQuietly(_)));
        self.bindings[index].stage = if quietly {
            let query = None;
            Stage::Asked { exchange, query }
        } else {
            Stage::Asking { exchange, done }
        };
    }

    /// Its question may be settled.
    fn asked(&mut self, index: usize, exchange: usize, done: u8) {
        let asked = &self.exchanges[exchange];
        let answered = match asked.end {
            None => return,
            Some(End::Answered(answered)) => answered,
            Some(_) => return self.fail_binding(index),
        };
        let over = asked.over_by(self.slowest).unwrap_or(answered.at);
        let last = asked.sent.last().map_or(answered.sent, |sent| sent.at);
        let holds = matches!(asked.form, Form::Held(_));
        if holds && answered.says != Some(Says::Held(answered.id)) {
            return self.fail_binding(index);
        }
        let to_port = matches!(self.method, Some(Method::ResponsePort { .. }));
        let own_ip = self.control.external.map(|e| e.ip());
        if to_port && own_ip != Some(answered.reflexive.ip()) {
            self.fail_binding(index);
            return self.note_elsewhere();
        }
        let binding = &mut self.bindings[index];
        binding.port = answered.reflexive.port();
        binding.held = holds.then_some(answered.id);
        binding.proven = answered.sent;
        binding.quiet = binding.quiet.max(over).max(answered.at);
        if done == 0 {
            binding.made = answered.sent;
        }
        let done = done + 1;
        binding.stage = if binding.kind == Kind::TwoWay && done < timers::EXCHANGES {
            let until = last + timers::EXCHANGE_GAP;
            Stage::Pausing { until, done }
        } else {
            Stage::Waiting
        };
        self.changes += 1;
    }

    fn query_at(&self, sent: Time) -> Time {
        sent + timers::gap(self.slowest)
    }

    /// Nothing comes back to a socket that asked quietly; the control socket asks whether its
    /// question has arrived.
    fn confirm_held(&mut self, index: usize, exchange: usize, query: Option<usize>) {
        let Some(sent) = self.exchanges[exchange].sent.last().copied() else {
            return;
        };
        let Some(query) = query else {
            if self.now >= self.query_at(sent.at) {
                let query = Some(self.ask_control(Form::Held(Ask::Query(sent.id))));
                self.bindings[index].stage = Stage::Asked { exchange, query };
            }
            return;
        };
        let answered = match self.exchanges[query].end {
            None => return,
            Some(End::Answered(answered)) => answered,
            Some(_) => return self.fail_binding(index),
        };
        let binding = &mut self.bindings[index];
        let over = sent.at + timers::passage(self.slowest);
        match answered.says {
            Some(Says::Held(id)) if id == sent.id => {
                binding.held = Some(id);
                binding.proven = sent.at;
                binding.quiet = binding.quiet.max(answered.at.min(over));
                binding.made = sent.at;
                binding.stage = Stage::Waiting;
                self.changes += 1;
            }
            // It was lost, or is so late that it had better be repeated.
            Some(Says::NotHeld(_)) if self.now < binding.begin + timers::WAKE_PATIENCE => {
                binding.quiet = binding.quiet.max(over);
                self.ask_from(index, 0);
            }
            _ => self.fail_binding(index),
        }
    }
}
