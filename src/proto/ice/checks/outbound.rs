//! What goes out: checks of our own, and those of the engine (RFC 8445 7.2.4).

use std::time::Duration;

use rand::Rng;

use crate::base::bounds;
use crate::base::time::Time;
use crate::proto::ice::checks::message::{self, Message, Request};
use crate::proto::ice::checks::{Checks, Event, Role, Transmit};
use crate::proto::stun::message::{TransactionId, transaction_id};

#[derive(Debug)]
pub(super) struct Sent {
    pub(super) pair: usize,
    pub(super) at: Time,
    pub(super) role: Role,
    /// The round trip, once it is answered.
    pub(super) rtt: Option<Duration>,
    pub(super) is_engine: bool,
}

impl Checks {
    /// What the engine wants to send by a pair. Its answers are left out, since all checks are
    /// answered here.
    pub fn send_for_engine(&mut self, now: Time, pair: usize, bytes: Vec<u8>) {
        let Some(known) = self.pairs.get_mut(pair) else {
            return;
        };
        if let Some(id) = transaction_id(&bytes) {
            match message::decode(&bytes) {
                // The engine repeats what is not answered, without an end of its own.
                Ok(Message::Request(_))
                    if known.answered == 0
                        && known.sent >= bounds::CHECKS_OF_ENGINE + known.requests_in =>
                {
                    return;
                }
                Ok(Message::Request(request)) => {
                    known.sent += 1;
                    known.first_sent.get_or_insert(now);
                    known.last_sent = Some(now);
                    known.nominated |= request.use_candidate;
                    let sent = Sent {
                        pair,
                        at: now,
                        role: self.role,
                        rtt: None,
                        is_engine: true,
                    };
                    self.note(id, sent);
                }
                Ok(Message::Indication) => {}
                _ => return,
            }
        }
        let known = &self.pairs[pair];
        self.out.push_back(Transmit {
            base: known.base,
            destination: known.remote,
            payload: bytes,
        });
    }

    fn note(&mut self, id: TransactionId, sent: Sent) {
        if self.transactions.len() < bounds::TRANSACTIONS {
            self.transactions.insert(id, sent);
        }
    }

    /// Gives a pair to the engine: from now on it sees what comes by it, but for answers that would
    /// let it nominate a pair that has not been chosen.
    pub(super) fn engage(&mut self, pair: usize) {
        self.is_engaged = true;
        if !std::mem::replace(&mut self.pairs[pair].is_engaged, true) {
            self.events.push_back(Event::Engaged(pair));
        }
    }

    /// Whether the engine may see an answer by this pair.
    pub(super) fn may_succeed(&self, pair: usize) -> bool {
        self.role == Role::Controlled || self.chosen == Some(pair)
    }

    /// Sends a check by a pair, whatever its state; its answer shows in the record. Gives the
    /// transaction, for [`Checks::answer_to`].
    pub fn ping(&mut self, now: Time, pair: usize) -> Option<TransactionId> {
        self.check(now, pair)
    }

    /// The round trip of a check, if its answer has come.
    pub fn answer_to(&self, id: TransactionId) -> Option<Duration> {
        self.transactions.get(&id)?.rtt
    }

    pub(super) fn check(&mut self, now: Time, index: usize) -> Option<TransactionId> {
        let (remote, key) = self.remote.as_ref()?;
        let pair = &mut self.pairs[index];
        let base = &self.bases[pair.base];
        let request = Request {
            username: format!("{}:{}", remote.ufrag, self.local.ufrag),
            // RFC 8445 7.1.1 has the type preference of a peer-reflexive candidate for relayed bases
            // too. Theirs tells the other side that it is a relay before the candidate comes.
            priority: if base.is_relay {
                base.priority
            } else {
                base.reflexive_priority
            },
            role: Some((self.role, self.tie_breaker)),
            use_candidate: false,
        };
        let id: TransactionId = self.rng.random();
        let payload = request.encode(id, key)?;
        pair.note_sent(now, self.directs.have_begun(now));
        self.out.push_back(Transmit {
            base: pair.base,
            destination: pair.remote,
            payload,
        });
        if pair.sent == 1 {
            self.events.push_back(Event::Checked(index));
        }
        let sent = Sent {
            pair: index,
            at: now,
            role: self.role,
            rtt: None,
            is_engine: false,
        };
        self.note(id, sent);
        Some(id)
    }
}
