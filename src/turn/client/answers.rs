//! What comes from the server: whether to believe it, and what it means.

use super::transaction::Transaction;
use super::{Allocation, Answer, Client, DEFAULT_LIFETIME_S, Event};
use crate::stun::address::is_address;
use crate::stun::message::DecodeError;
use crate::time::Time;
use crate::turn::error::Failure;
use crate::turn::message::{self, DataIndication, Integrity, Message, Request, Response, Success};

impl Client {
    pub(super) fn handle_message(&mut self, now: Time, bytes: &[u8]) {
        let message = match message::decode(bytes) {
            Ok(message) => message,
            Err(error) => return self.note_unreadable(bytes, &error),
        };
        match message {
            Message::Data(DataIndication { peer, payload }) => self.events.push_back(Event::Data {
                peer,
                payload,
                channel: None,
            }),
            Message::Response(response) => {
                let known = self
                    .transactions
                    .iter()
                    .position(|t| t.id == response.transaction_id && response.answers(&t.request));
                let Some(index) = known else {
                    self.discarded.stray += 1;
                    return;
                };
                if !self.is_trustworthy(index, bytes, &response) {
                    self.discarded.integrity += 1;
                    self.discarded.untrusted_successes += u32::from(response.outcome.is_ok());
                    let transaction = &mut self.transactions[index];
                    transaction.untrusted = true;
                    if self.config.stream {
                        // Nobody can have put it into the stream in between, and the server will
                        // not answer again.
                        let transaction = self.transactions.remove(index);
                        self.end(&transaction, Err(Failure::Integrity), None);
                    }
                    return;
                }
                let transaction = self.transactions.remove(index);
                self.handle_response(now, transaction, *response);
            }
        }
    }

    /// Remembers that an answer to a known transaction cannot be read.
    fn note_unreadable(&mut self, bytes: &[u8], error: &DecodeError) {
        self.discarded.stray += 1;
        let id = crate::stun::message::transaction_id(bytes);
        if let Some(t) = self.transactions.iter_mut().find(|t| Some(t.id) == id) {
            t.unreadable = Some(error.to_string());
        }
    }

    /// RFC 8489 9.2.5: answers to authenticated requests carry integrity, except those that ask
    /// for other credentials. Errors without it are taken too: several servers send them so.
    fn is_trustworthy(&self, index: usize, bytes: &[u8], response: &Response) -> bool {
        let Some(key) = &self.transactions[index].key else {
            return true;
        };
        let code = response.outcome.as_ref().err().map(|e| e.code);
        match message::integrity(bytes, key) {
            Integrity::Valid => true,
            Integrity::Absent => code.is_some(),
            // With another key the server cannot sign so that we understand it.
            Integrity::Wrong => matches!(code, Some(401 | 438)),
        }
    }

    fn handle_response(&mut self, now: Time, transaction: Transaction, response: Response) {
        if let Some(software) = response.software {
            self.server.software = Some(software);
        }
        let rtt = transaction.rtt(now);
        match response.outcome {
            Ok(success) => {
                let answer = self.succeed(now, &transaction, &success);
                self.end(&transaction, answer, rtt);
            }
            Err(error) => match error.code {
                401 => self.handle_unauthorized(now, transaction, &response.challenge, rtt),
                438 => self.handle_stale(now, transaction, &response.challenge, rtt),
                300 => self.end(&transaction, Err(Failure::Redirected(error)), rtt),
                _ => self.end(&transaction, Err(Failure::Refused(error)), rtt),
            },
        }
    }

    fn succeed(
        &mut self,
        now: Time,
        transaction: &Transaction,
        success: &Success,
    ) -> Result<Answer, Failure> {
        let lifetime_s = success.lifetime_s.unwrap_or(DEFAULT_LIFETIME_S);
        let answer = match &transaction.request {
            Request::Allocate(_) => {
                let relayed = success
                    .relayed
                    .ok_or_else(|| Failure::Malformed("no XOR-RELAYED-ADDRESS".into()))?;
                if !is_address(relayed) {
                    return Err(Failure::BadRelayedAddress(relayed));
                }
                let allocation = Allocation {
                    relayed,
                    mapped: success.mapped.filter(|mapped| is_address(*mapped)),
                    lifetime_s,
                    authenticated: transaction.authenticated,
                };
                self.allocation = Some(allocation);
                Answer::Allocated(allocation)
            }
            Request::Refresh(0) => {
                self.allocation = None;
                Answer::Refreshed(0)
            }
            Request::Refresh(_) if lifetime_s == 0 => {
                return Err(Failure::Malformed(
                    "it refreshes the allocation for 0 s".into(),
                ));
            }
            Request::Refresh(_) => Answer::Refreshed(lifetime_s),
            Request::CreatePermission(_) => Answer::Permitted,
            Request::ChannelBind(number, _) => Answer::Bound(*number),
        };
        self.keepalive
            .renewed(now, &transaction.request, lifetime_s);
        Ok(answer)
    }
}
