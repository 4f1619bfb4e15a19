//! What comes from the other side (RFC 8445 7.3 and 7.2.5).

use std::net::SocketAddr;

use crate::base::bounds::ARRIVED as MAX_ARRIVED;
use crate::base::time::Time;
use crate::proto::ice::candidate::CandidateType;
use crate::proto::ice::checks::message::{self, Message, ROLE_CONFLICT, Request};
use crate::proto::ice::checks::{
    Checks, EarlyNomination, Event, Input, MAX_REFLEXIVE, Role, Transmit, prefix,
};
use crate::proto::stun::address::is_address;
use crate::proto::stun::message::{TransactionId, looks_like_stun, transaction_id};
use crate::proto::turn::message::{Integrity, integrity};

impl Checks {
    pub fn handle_input(
        &mut self,
        now: Time,
        base: usize,
        source: SocketAddr,
        bytes: &[u8],
    ) -> Input {
        let Some(id) = transaction_id(bytes) else {
            if looks_like_stun(bytes) {
                return Input::Taken;
            }
            let pair = self.find(base, source);
            return pair.map_or(Input::Foreign, Input::Data);
        };
        match message::decode(bytes) {
            Ok(Message::Request(request)) => {
                self.take_request(now, (base, source), id, &request, bytes)
            }
            Ok(Message::Indication) => match self.find(base, source) {
                Some(index) if self.pairs[index].is_engaged => Input::Engine(index),
                _ => Input::Taken,
            },
            Ok(answer) => self.take_answer(now, (base, source), id, &answer, bytes),
            Err(_) if self.transactions.contains_key(&id) => Input::Taken,
            Err(_) => Input::Foreign,
        }
    }

    fn take_request(
        &mut self,
        now: Time,
        (base, source): (usize, SocketAddr),
        id: TransactionId,
        request: &Request,
        bytes: &[u8],
    ) -> Input {
        let is_for_us = request
            .username
            .split_once(':')
            .is_some_and(|(receiver, _)| receiver == self.local.ufrag);
        if !is_for_us || integrity(bytes, &self.local_key) != Integrity::Valid {
            self.strays.unauthenticated = self.strays.unauthenticated.saturating_add(1);
            self.strays.unauthenticated_from = Some(source);
            return Input::Taken;
        }
        if self.arrived.len() < MAX_ARRIVED {
            self.arrived.push(prefix(id));
        }
        self.directs.note_request(now);
        if self.settle_roles(request) {
            if let Some(answer) = message::role_conflict(id, &self.local_key) {
                self.send(base, source, answer);
            }
            return Input::Taken;
        }
        if let Some(answer) = message::success(id, source, &self.local_key) {
            self.send(base, source, answer);
        }
        let Some(index) = self.pair_of_request(now, base, source, request.priority) else {
            self.strays.beyond_limit = self.strays.beyond_limit.saturating_add(1);
            return Input::Taken;
        };
        let pair = &mut self.pairs[index];
        pair.requests_in += 1;
        pair.answers_out += 1;
        // What came in shows that there is a way, whatever the system said before.
        pair.send_error = None;
        if !pair.is_valid() && !pair.triggered {
            pair.triggered = true;
            self.triggered.push_back(index);
        }
        if request.use_candidate && self.remote.is_none() {
            self.early_nomination = Some(EarlyNomination {
                pair: index,
                at: now,
                request: bytes.to_vec(),
            });
        } else if request.use_candidate && self.role == Role::Controlled {
            self.take_nomination(now, index);
        }
        if self.pairs[index].is_engaged {
            Input::Engine(index)
        } else {
            Input::Taken
        }
    }

    /// The other side nominates a pair (RFC 8445 7.3.1.5).
    pub(super) fn take_nomination(&mut self, now: Time, index: usize) {
        let is_new = !std::mem::replace(&mut self.pairs[index].nominated, true);
        self.engage(index);
        self.settled.get_or_insert(now);
        if is_new {
            self.events.push_back(Event::Nominated(index));
        }
    }

    /// RFC 8445 7.3.1.1. Whether the other side has to take the other role.
    fn settle_roles(&mut self, request: &Request) -> bool {
        let Some((role, tie_breaker)) = request.role else {
            return false;
        };
        if self.remote.is_none() {
            self.early_role = Some(role);
            return false;
        }
        if role != self.role {
            return false;
        }
        // The engine cannot take another role once it has begun; the other side has not then, since
        // it has had no answer but this.
        if self.is_engaged {
            return true;
        }
        let ours_is_larger = self.tie_breaker >= tie_breaker;
        match (self.role, ours_is_larger) {
            (Role::Controlling, true) | (Role::Controlled, false) => true,
            (Role::Controlling, false) | (Role::Controlled, true) => {
                self.switch_role();
                false
            }
        }
    }

    /// RFC 8445 7.2.5.1: a check of ours was sent in a role that the other side has. Answers to
    /// earlier checks may say so again, after the role was changed.
    fn leave_role(&mut self, sent_as: Role) {
        if self.role == sent_as && !self.is_engaged {
            self.switch_role();
        }
    }

    pub(super) fn switch_role(&mut self) {
        self.take_role(self.role.other());
        self.events.push_back(Event::RoleSwitched(self.role));
    }

    /// The pair that a check came by; a new peer-reflexive candidate if its source is not known
    /// (RFC 8445 7.3.1.3), of which there is a limit.
    fn pair_of_request(
        &mut self,
        now: Time,
        base: usize,
        source: SocketAddr,
        priority: u32,
    ) -> Option<usize> {
        if let Some(index) = self.find(base, source) {
            return Some(index);
        }
        let of_that_address = self.pairs.iter().filter(|pair| {
            pair.base == base
                && pair.remote.ip() == source.ip()
                && pair.remote_kind == CandidateType::Prflx
        });
        if of_that_address.count() >= MAX_REFLEXIVE || !is_address(source) {
            return None;
        }
        self.add_pair(now, base, source, CandidateType::Prflx, priority)
    }

    fn take_answer(
        &mut self,
        now: Time,
        (base, source): (usize, SocketAddr),
        id: TransactionId,
        answer: &Message,
        bytes: &[u8],
    ) -> Input {
        let Some(sent) = self.transactions.get_mut(&id) else {
            return Input::Foreign;
        };
        let Some((_, key)) = &self.remote else {
            return Input::Taken;
        };
        if integrity(bytes, key) != Integrity::Valid {
            return Input::Taken;
        }
        let (index, is_engine, role) = (sent.pair, sent.is_engine, sent.role);
        let began = sent.at;
        let rtt = now.saturating_sub(began);
        let pair = &mut self.pairs[index];
        if (pair.base, pair.remote) != (base, source) {
            // RFC 8445 7.2.5.2.1; but a pair that works is not ruled out by a stray copy.
            if pair.answered == 0 {
                pair.answered_elsewhere = Some(source);
            }
            return Input::Taken;
        }
        let is_first = sent.rtt.is_none();
        sent.rtt.get_or_insert(rtt);
        match answer {
            Message::Success(mapped) => {
                pair.is_refused = false;
                if is_first {
                    pair.answered += 1;
                    pair.rtts.push(rtt);
                }
                pair.mapped = mapped.or(pair.mapped);
                pair.answered_elsewhere = None;
                if pair.first_answered.is_none() {
                    pair.first_answered = Some(now);
                    pair.first_heard = Some(began);
                    self.events.push_back(Event::Succeeded(index));
                    if self.role == Role::Controlled {
                        self.engage(index);
                    }
                }
                self.choose_due(now);
            }
            Message::Failure(error) if error.code == ROLE_CONFLICT => {
                pair.error = Some(error.clone());
                pair.due = now;
                self.leave_role(role);
            }
            Message::Failure(error) => {
                pair.error = Some(error.clone());
                pair.is_refused = true;
            }
            Message::Request(_) | Message::Indication => {}
        }
        if !is_engine {
            return Input::Taken;
        }
        if self.may_succeed(index) {
            return Input::Engine(index);
        }
        self.withheld.insert(index, bytes.to_vec());
        Input::Taken
    }

    fn send(&mut self, base: usize, destination: SocketAddr, payload: Vec<u8>) {
        self.out.push_back(Transmit {
            base,
            destination,
            payload,
        });
    }
}
