//! What comes from the server: whether to believe it, and what it means.

use crate::base::time::Time;
use crate::proto::stun::address::is_address;
use crate::proto::stun::message::DecodeError;
use crate::proto::turn::client::transaction::{Transaction, Unusable, distrust};
use crate::proto::turn::client::{Allocation, Answer, Client, DEFAULT_LIFETIME_S, Event};
use crate::proto::turn::error::{Failure, is_about_credentials};
use crate::proto::turn::message::{
    self, DataIndication, Integrity, Message, Request, Response, Success,
};

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
                if let Some(untrusted) = self.distrusts(index, bytes, &response) {
                    self.discarded.integrity += 1;
                    self.discarded.untrusted_successes += u32::from(response.outcome.is_ok());
                    let is_allocate =
                        matches!(self.transactions[index].request, Request::Allocate(_));
                    self.holds |= is_allocate && response.outcome.is_ok();
                    if self.leaves {
                        let transaction = self.transactions.remove(index);
                        return self.leave(now, &transaction.request);
                    }
                    let transaction = &mut self.transactions[index];
                    if transaction.untrusted != Some(Integrity::Wrong) {
                        transaction.untrusted = Some(untrusted);
                    }
                    if self.config.stream {
                        // Nobody can have put it into the stream in between, and the server will
                        // not answer again.
                        let transaction = self.transactions.remove(index);
                        self.end(&transaction, Err(distrust(untrusted)), None);
                    }
                    return;
                }
                let transaction = self.transactions.remove(index);
                self.handle_response(now, transaction, *response);
            }
        }
    }

    /// Remembers that something came that is no STUN, or that answers nothing.
    pub(super) fn note_foreign(&mut self) {
        self.discarded.stray += 1;
        for transaction in &mut self.transactions {
            transaction.unusable.get_or_insert(Unusable::Foreign);
        }
    }

    /// Remembers that an answer to a known transaction cannot be read.
    fn note_unreadable(&mut self, bytes: &[u8], error: &DecodeError) {
        self.discarded.stray += 1;
        let id = crate::proto::stun::message::transaction_id(bytes);
        if let Some(t) = self.transactions.iter_mut().find(|t| Some(t.id) == id) {
            t.unusable = Some(Unusable::Unreadable(error.to_string()));
        }
    }

    /// RFC 8489 9.2.5: answers to authenticated requests carry integrity, except those that ask
    /// for other credentials. Errors without it are taken too: several servers send them so.
    /// What is wrong with those that are not taken.
    fn distrusts(&self, index: usize, bytes: &[u8], response: &Response) -> Option<Integrity> {
        let key = self.transactions[index].key.as_ref()?;
        let code = response.outcome.as_ref().err().map(|e| e.code);
        let integrity = message::integrity(bytes, key);
        let is_taken = match integrity {
            Integrity::Valid => true,
            Integrity::Absent => code.is_some(),
            // With another key the server cannot sign so that we understand it.
            Integrity::Wrong => matches!(code, Some(401 | 438)),
        };
        (!is_taken).then_some(integrity)
    }

    fn handle_response(&mut self, now: Time, transaction: Transaction, response: Response) {
        if let Some(software) = response.software {
            self.server.software = Some(software);
        }
        if self.leaves {
            // A challenge grants nothing. Only what ends an allocation is asked for again.
            let is_allocate = matches!(transaction.request, Request::Allocate(_));
            self.holds |= is_allocate && response.outcome.is_ok();
            if is_allocate || response.outcome.is_ok() {
                return self.leave(now, &transaction.request);
            }
        }
        let rtt = transaction.rtt(now);
        let took = transaction.took(now);
        self.round_trip = Some(self.round_trip.map_or(took, |known| known.min(took)));
        match response.outcome {
            Ok(success) => {
                let answer = self.succeed(now, &transaction, &success);
                self.end(&transaction, answer, rtt);
            }
            Err(error) => match error.code {
                401 => self.handle_unauthorized(now, transaction, &response.challenge, rtt),
                438 => self.handle_stale(now, transaction, &response.challenge, rtt),
                300 => self.end(&transaction, Err(Failure::Redirected(error)), rtt),
                code if is_about_credentials(code) && transaction.presents_credentials() => {
                    self.end(
                        &transaction,
                        Err(Failure::RefusedAfterChallenge(error)),
                        rtt,
                    );
                }
                _ => self.end(&transaction, Err(Failure::Refused(error)), rtt),
            },
        }
    }

    /// An allocation that is granted too late is given back at once.
    fn leave(&mut self, now: Time, answered: &Request) {
        match answered {
            Request::Allocate(_) if self.holds => {
                self.begin(now, Request::Refresh(0), false);
            }
            _ => self.holds = false,
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
                self.holds = true;
                let relayed = success.relayed.ok_or(Failure::NoRelayedAddress)?;
                if !is_address(relayed) {
                    return Err(Failure::BadRelayedAddress(relayed));
                }
                if lifetime_s == 0 {
                    return Err(Failure::Malformed("it gives an allocation for 0 s".into()));
                }
                let allocation = Allocation {
                    relayed,
                    mapped: success.mapped.filter(|mapped| is_address(*mapped)),
                    lifetime_s: success.lifetime_s,
                    lacks: success.lacks(),
                    authenticated: transaction.authenticated,
                };
                self.allocation = Some(allocation);
                Answer::Allocated(allocation)
            }
            Request::Refresh(0) => {
                self.allocation = None;
                self.holds = false;
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
