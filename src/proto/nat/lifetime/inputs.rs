//! What comes in.

use std::net::SocketAddr;

use crate::proto::nat::lifetime::Lifetime;
use crate::proto::nat::lifetime::exchange::{Answered, End, Form, Pace};
use crate::proto::stun::held::{Ask, Says};
use crate::proto::stun::message;

impl Lifetime {
    /// False if it belongs to no question.
    pub(super) fn take(&mut self, socket: usize, bytes: &[u8]) -> bool {
        let Ok(response) = message::decode_binding_response(bytes) else {
            return false;
        };
        let slot = self.by_transaction.get(&response.transaction_id);
        let Some(&(asked, number)) = slot else {
            return false;
        };
        let says = Says::read(bytes);
        let success = response.outcome.as_ref().ok();
        let reflexive = success.and_then(message::BindingSuccess::reflexive);
        if says == Some(Says::This(response.transaction_id)) {
            return reflexive.is_some_and(|at| self.take_held(socket, response.transaction_id, at));
        }
        if let Some(Says::Token(token)) = says {
            self.token = token;
        }
        let now = self.now;
        let exchange = &mut self.exchanges[asked];
        let Some(reflexive) = reflexive else {
            // Who refuses may do so to either socket.
            let of_it = socket == exchange.socket || socket == exchange.answer_on;
            if of_it && exchange.end.is_none() {
                self.settle(asked, End::Refused);
            }
            return of_it;
        };
        if socket != exchange.answer_on {
            let returned = socket == exchange.socket;
            if returned && exchange.end.is_none() {
                self.settle(asked, End::Refused);
            }
            return returned;
        }
        let sent = &mut exchange.sent[number];
        let first = sent.answered.is_none();
        if first {
            sent.answered = Some(now);
        }
        let at = sent.at;
        let rtt = now.saturating_sub(at);
        self.slowest = self.slowest.max(rtt);
        if let (Form::Held(Ask::Release(id)), Pace::Silence) = (exchange.form, exchange.pace) {
            // It says that the answer is on its way, which is no sign of life of the binding.
            exchange.released += usize::from(first && says == Some(Says::Released(id)));
        } else if exchange.end.is_none() {
            let answered = Answered {
                id: response.transaction_id,
                sent: at,
                at: now,
                reflexive,
                says,
            };
            self.settle(asked, End::Answered(answered));
        }
        true
    }

    /// The answer that was held for a socket.
    fn take_held(
        &mut self,
        socket: usize,
        id: message::TransactionId,
        reflexive: SocketAddr,
    ) -> bool {
        let calls = |form: Form| form == Form::Held(Ask::Release(id));
        let call = self.running.iter().copied().find(|e| {
            let exchange = &self.exchanges[*e];
            exchange.pace == Pace::Silence && calls(exchange.form)
        });
        let Some(call) = call else {
            // It has been heard of already, or was given up.
            return true;
        };
        let holder = self.by_transaction[&id].0;
        if self.exchanges[holder].socket != socket {
            return false;
        }
        let sent = self.exchanges[call].first_sent().unwrap_or(self.now);
        let answered = Answered {
            id,
            sent,
            at: self.now,
            reflexive,
            says: Some(Says::This(id)),
        };
        self.settle(call, End::Answered(answered));
        true
    }

    fn settle(&mut self, exchange: usize, end: End) {
        self.exchanges[exchange].end = Some(end);
        self.running.remove(&exchange);
        self.changes += 1;
    }
}
