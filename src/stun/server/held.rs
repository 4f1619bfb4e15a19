//! Answers that are held back until somebody calls for them (see [`crate::stun::held`]).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Response;
use super::rate::network_of;
use crate::stun::held::LONGEST_SECONDS;
use crate::stun::message::TransactionId;

/// Held answers in all, each of some hundred bytes: about 1 MB.
pub const MOST_HELD: usize = 4096;
/// Held answers of one source: several clients behind one NAT that each hold less than 20.
pub const MOST_OF_SOURCE: usize = 128;
/// How often one is sent. A test sends until it is answered, at most so many times
/// ([`crate::nat::timers::SILENCE_MAX_TRIES`]); who forges sources shall get no more out of it.
const MOST_RELEASES: u8 = 40;

#[derive(Debug)]
struct Held {
    answer: Response,
    until: Duration,
    releases: u8,
}

/// All that are held.
#[derive(Debug, Default)]
pub struct HeldAnswers {
    answers: BTreeMap<TransactionId, Held>,
}

impl HeldAnswers {
    /// None.
    pub const fn new() -> Self {
        Self {
            answers: BTreeMap::new(),
        }
    }

    /// Holds an answer for so many seconds. False if there is no room for it.
    pub fn hold(
        &mut self,
        now: Duration,
        id: TransactionId,
        seconds: u16,
        answer: Response,
    ) -> bool {
        self.answers.retain(|_, held| held.until > now);
        let network = network_of(answer.to.ip());
        let of_network = self.answers.values();
        let of_network = of_network.filter(|h| network_of(h.answer.to.ip()) == network);
        let known = self.answers.get(&id);
        // Who guesses a transaction ID must not lead somebody else's answer to himself.
        let foreign = known.is_some_and(|held| held.answer.to != answer.to);
        let full = self.answers.len() >= MOST_HELD || of_network.count() >= MOST_OF_SOURCE;
        if foreign || (known.is_none() && full) {
            return false;
        }
        let releases = known.map_or(0, |held| held.releases);
        let seconds = seconds.min(LONGEST_SECONDS);
        let held = Held {
            answer,
            until: now + Duration::from_secs(seconds.into()),
            releases,
        };
        self.answers.insert(id, held);
        true
    }

    /// Whether it is held.
    pub fn has(&self, now: Duration, id: &TransactionId) -> bool {
        self.answers
            .get(id)
            .is_some_and(|held| held.until > now && held.releases < MOST_RELEASES)
    }

    /// Whom it is for.
    pub fn destination(&self, id: &TransactionId) -> Option<IpAddr> {
        Some(self.answers.get(id)?.answer.to.ip())
    }

    /// The answer, to be sent now; it stays held, as this one may be lost.
    pub fn release(&mut self, now: Duration, id: &TransactionId) -> Option<Response> {
        if !self.has(now, id) {
            return None;
        }
        let held = self.answers.get_mut(id)?;
        held.releases += 1;
        Some(held.answer.clone())
    }
}
