//! The machine's form, and what comes in: answers, requests that a NAT sent back, errors of sending.

use std::net::SocketAddr;

use crate::proto::machine::{Flow, Machine, Transmit};
use crate::proto::nat::behavior::probe::{Answer, End, Pace, Probe};
use crate::proto::nat::behavior::{Discovery, SendError, Time};
use crate::proto::stun::message;

/// How many answers from elsewhere are kept for each question; a flood must not fill the memory.
const MAX_MISDIRECTED: usize = 16;

impl Machine for Discovery {
    type Flow = Flow;
    type Error = SendError;

    fn poll_transmit(&mut self) -> Option<Transmit<Flow>> {
        self.outbox.pop_front()
    }

    fn handle_input(&mut self, now: Time, flow: Flow, bytes: &[u8]) {
        let Flow {
            socket,
            remote: source,
        } = flow;
        if self.finished {
            return;
        }
        let slot = message::transaction_id(bytes).and_then(|id| self.by_transaction.get(&id));
        let Some(&(probe, transmission)) = slot else {
            self.note_foreign(flow);
            return;
        };
        if message::is_binding_request(bytes) {
            self.hairpin_arrival(now, probe, flow);
        } else if self.probes[probe].answer_on == socket {
            self.answer(now, probe, transmission, source, bytes);
        } else if self.probes[probe].socket == socket {
            self.returned_answer(now, probe, transmission, source, bytes);
        } else {
            self.strays += 1;
        }
        self.proceed(now);
    }

    fn handle_error(&mut self, now: Time, flow: Flow, error: SendError) {
        let open =
            |p: &Probe| p.end.is_none() && p.socket == flow.socket && p.destination == flow.remote;
        if let Some(index) = self.probes.iter().position(open) {
            // A full buffer or a passing ICMP error is one lost packet; what the host itself
            // forbids will not be otherwise in 100 ms.
            if matches!(error, SendError::Unreachable | SendError::Forbidden) {
                self.settle(index, End::Failed(error));
            }
        }
        self.proceed(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        if self.finished {
            return None;
        }
        self.deadlines().filter(|at| *at > self.now).min()
    }

    fn handle_timeout(&mut self, now: Time) {
        self.proceed(now);
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

impl Discovery {
    /// What answers no request. If it comes from where an answer is waited for, something listens there.
    pub(super) fn note_foreign(&mut self, flow: Flow) {
        let is_asked = |p: &&mut Probe| p.socket == flow.socket && p.destination == flow.remote;
        let mut is_stray = true;
        for probe in self.probes.iter_mut().filter(is_asked) {
            probe.is_foreign = true;
            is_stray = false;
        }
        // What the asked one sends is its fault, and nobody else's.
        self.strays += usize::from(is_stray);
    }

    fn answer(
        &mut self,
        now: Time,
        index: usize,
        transmission: usize,
        source: SocketAddr,
        bytes: &[u8],
    ) {
        let probe = &mut self.probes[index];
        let response = match message::decode_binding_response(bytes) {
            Ok(response) => response,
            Err(error) => {
                probe.garbled = Some(error.to_string());
                return;
            }
        };
        if matches!(&response.outcome, Ok(success) if success.reflexive().is_none()) {
            probe.garbled = Some("a success answer without a mapped address".to_owned());
            return;
        }
        let sent = &mut probe.transmissions[transmission];
        let answer = Answer {
            source,
            sent: sent.at,
            rtt: now.saturating_sub(sent.at),
            response,
        };
        if source != probe.answer_from {
            if probe.misdirected.len() < MAX_MISDIRECTED {
                probe.misdirected.push(answer);
            }
        } else if sent.answered.is_none() {
            sent.answered = Some(now);
            probe.answers.push(answer);
            if probe.pace != Pace::Manual && probe.end.is_none() {
                self.settle(index, End::Answered);
            }
        }
    }

    /// An answer that was to go to another socket came to the one that asked: the server does not
    /// honour RESPONSE-PORT. (One that does not know it has to refuse with 420, RFC 8489 6.3.1.)
    fn returned_answer(
        &mut self,
        now: Time,
        index: usize,
        transmission: usize,
        source: SocketAddr,
        bytes: &[u8],
    ) {
        let probe = &mut self.probes[index];
        let Ok(response) = message::decode_binding_response(bytes) else {
            return;
        };
        if source != probe.destination {
            self.strays += 1;
            return;
        }
        let sent = probe.transmissions[transmission].at;
        probe.returned = Some(Answer {
            source,
            sent,
            rtt: now.saturating_sub(sent),
            response,
        });
        self.settle(index, End::Returned);
    }
}
