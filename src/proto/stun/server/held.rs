//! Answers that are held back until somebody calls for them (see [`crate::proto::stun::held`]).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ring::hmac;

use crate::proto::stun::held::{LONGEST_SECONDS, Token};
use crate::proto::stun::message::TransactionId;
use crate::proto::stun::server::Response;
use crate::proto::stun::server::rate::network_of;

/// Held answers in all, each of some hundred bytes: about 1 MB.
pub const MOST_HELD: usize = 4096;
/// Held answers of one source: several clients behind one NAT that each hold some dozens.
pub const MOST_OF_SOURCE: usize = 128;
/// How long a token may be used, in minutes: longer than any test of a lifetime.
const TOKEN_MINUTES: u16 = 120;

/// Who got a token, shortened.
pub type Owner = [u8; 4];

fn minute(now: Duration) -> u16 {
    // Older ones than the wrap are not told apart; that is weeks.
    u16::try_from(now.as_secs() / 60 % 65_536).unwrap_or(0)
}
/// How often one is sent. A test sends until it is answered, at most so many times
/// ([`crate::proto::nat::timers::SILENCE_MAX_TRIES`]); who forges sources shall get no more out of it.
const MOST_RELEASES: u8 = 40;

#[derive(Debug)]
struct Held {
    answer: Response,
    /// By whose token.
    owner: Owner,
    until: Duration,
    releases: u8,
}

#[derive(Debug)]
pub struct HeldAnswers {
    answers: BTreeMap<TransactionId, Held>,
    tokens: hmac::Key,
}

impl HeldAnswers {
    /// With a random seed for the tokens.
    pub fn new(seed: u64) -> Self {
        Self {
            answers: BTreeMap::new(),
            tokens: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()),
        }
    }

    /// For who shall show that it receives what is sent there. It needs no memory.
    pub fn token(&self, now: Duration, source: IpAddr) -> Token {
        let network = format!("{}", network_of(source));
        let tag = hmac::sign(&self.tokens, network.as_bytes());
        let owner = tag.as_ref()[..4].try_into().unwrap_or_default();
        self.token_of(minute(now), owner)
    }

    /// To whom it was given, if it was, and not too long ago. The sockets of one host may have different addresses behind
    /// a NAT, and an answer that is held for a binding has to be asked for with one packet: so it is not bound to an
    /// address, but whoever has it holds few answers in all.
    pub fn owner(&self, now: Duration, token: Token) -> Option<Owner> {
        let [a, b, rest @ ..] = token;
        let made = u16::from_be_bytes([a, b]);
        let owner: Owner = rest[..4].try_into().unwrap_or_default();
        let age = minute(now).wrapping_sub(made);
        (age < TOKEN_MINUTES && self.token_of(made, owner) == token).then_some(owner)
    }

    /// The time in minutes, whose it is, and a proof.
    fn token_of(&self, made: u16, owner: Owner) -> Token {
        let mut token = Token::default();
        token[..2].copy_from_slice(&made.to_be_bytes());
        token[2..6].copy_from_slice(&owner);
        let proof = hmac::sign(&self.tokens, &token[..6]);
        token[6..].copy_from_slice(&proof.as_ref()[..6]);
        token
    }

    /// Holds an answer for so many seconds. False if there is no room for it.
    pub fn hold(
        &mut self,
        now: Duration,
        id: TransactionId,
        seconds: u16,
        owner: Owner,
        answer: Response,
    ) -> bool {
        self.answers.retain(|_, held| held.until > now);
        let network = network_of(answer.to.ip());
        let of_network = self.answers.values();
        let of_network =
            of_network.filter(|h| h.owner == owner || network_of(h.answer.to.ip()) == network);
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
            owner,
            until: now + Duration::from_secs(seconds.into()),
            releases,
        };
        self.answers.insert(id, held);
        true
    }

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
