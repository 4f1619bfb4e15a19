//! Messages in order, each exactly once, over a rendezvous that forwards what it can and forgets
//! the rest: connections drop, the server restarts, the other side comes late.
//!
//! Nothing is stored on the server. Whoever joins greets; whoever is greeted sends again what the
//! other side has not yet confirmed.

use std::collections::VecDeque;

use crate::base::bounds::UNCONFIRMED as MAX_UNCONFIRMED;
use crate::proto::signal::code::Code;
use crate::proto::signal::seal::{self, Kind, Name, SealError};

#[derive(Debug)]
pub struct Session {
    code: Code,
    own: Name,
    peer: Option<Name>,
    greeting: Vec<u8>,
    /// Numbered from `first_unconfirmed`.
    unconfirmed: VecDeque<Vec<u8>>,
    first_unconfirmed: u64,
    expected: u64,
    /// How often each of the last messages came again.
    repeats: VecDeque<u32>,
    /// Greetings, sent and received: each lets the other side send again what is not confirmed.
    greetings: u32,
    receipts: u64,
    /// At how many places the two sides may meet at once: everything may come from each of them.
    places: u32,
    out: VecDeque<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// The other side is there, with the text of its greeting. Comes once.
    Greeting(Vec<u8>),
    /// The other side greets again: it has joined again.
    Again,
    Message(Vec<u8>),
    /// Nothing new: a receipt, or what had come before.
    Nothing,
    /// Not for us, or not in its place: it was left out.
    Refused(IncomingError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IncomingError {
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Our own message came back.
    #[error("a message came back to its sender")]
    Reflected,
    /// Somebody else who knows the code, or the other side after a restart.
    #[error("a third side speaks with this code")]
    ThirdSide,
    /// One that lies ahead: those before it will be sent again.
    #[error("a message came before its turn")]
    OutOfOrder,
    /// One that came again and again: somebody on the way repeats it.
    #[error("a message came again more often than the other side sends it")]
    Repeated,
    /// One that cannot have been sent yet, or is confirmed without having been sent.
    #[error("a message contradicts those before it")]
    Impossible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The other side has confirmed nothing for too long.
    #[error("the other side has not confirmed {MAX_UNCONFIRMED} messages")]
    TooMany,
}

impl Session {
    /// A side with a random name for this run, and the text of its greeting.
    pub fn new(code: Code, own: Name, greeting: Vec<u8>) -> Self {
        Self {
            code,
            own,
            peer: None,
            greeting,
            unconfirmed: VecDeque::new(),
            first_unconfirmed: 0,
            expected: 0,
            repeats: VecDeque::new(),
            greetings: 0,
            receipts: 0,
            places: 1,
            out: VecDeque::new(),
        }
    }

    /// The same over so many places at once.
    #[must_use]
    pub fn over(self, places: usize) -> Self {
        Self {
            places: u32::try_from(places).unwrap_or(u32::MAX),
            ..self
        }
    }

    pub const fn has_peer(&self) -> bool {
        self.peer.is_some()
    }

    pub const fn peer(&self) -> Option<Name> {
        self.peer
    }

    pub fn is_confirmed(&self) -> bool {
        self.unconfirmed.is_empty()
    }

    /// Whether something was said, and nothing of it has ever been confirmed: the other side may not know of this one.
    pub fn is_unheard(&self) -> bool {
        self.first_unconfirmed == 0 && !self.unconfirmed.is_empty()
    }

    /// The rendezvous has been joined, for the first time or again, or says that the other side has.
    pub fn joined(&mut self) -> Result<(), SealError> {
        self.out.clear();
        self.greet()?;
        self.send_again()
    }

    /// Sends a message: at once if the other side is there, else when it comes.
    /// Fails if it is too large, or the other side has confirmed nothing for too long.
    pub fn send(&mut self, text: Vec<u8>) -> Result<(), OutgoingError> {
        if text.len() > seal::MAX_MESSAGE {
            return Err(SealError::TooLarge.into());
        }
        if self.unconfirmed.len() >= MAX_UNCONFIRMED {
            return Err(OutgoingError::TooMany);
        }
        let number = self.first_unconfirmed + self.unconfirmed.len() as u64;
        self.unconfirmed.push_back(text);
        Ok(self.seal_number(number)?)
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    pub fn handle_input(&mut self, envelope: &[u8]) -> Incoming {
        self.take(envelope).unwrap_or_else(Incoming::Refused)
    }

    fn take(&mut self, envelope: &[u8]) -> Result<Incoming, IncomingError> {
        let header = seal::header(envelope)?;
        if header.from == self.own {
            return Err(IncomingError::Reflected);
        }
        match (header.kind, self.peer) {
            (Kind::Greeting, None) => {
                let text = seal::open_greeting(&self.code, envelope)?;
                self.peer = Some(header.from);
                self.greetings = self.greetings.saturating_add(1);
                // It may have come before ours was heard.
                self.greet()?;
                self.send_again()?;
                Ok(Incoming::Greeting(text))
            }
            (Kind::Greeting, Some(peer)) if peer == header.from => {
                seal::open_greeting(&self.code, envelope)?;
                self.greetings = self.greetings.saturating_add(1);
                // It has joined again, and may have missed what was sent meanwhile.
                self.send_again()?;
                Ok(Incoming::Again)
            }
            (_, Some(peer)) if peer != header.from => {
                // Only somebody with the code can be a third side.
                if header.kind == Kind::Greeting {
                    seal::open_greeting(&self.code, envelope)?;
                    return Err(IncomingError::ThirdSide);
                }
                Err(SealError::Forged.into())
            }
            (_, None) => Err(SealError::Forged.into()),
            (Kind::Message(number), Some(peer)) => self.take_message(number, peer, envelope),
            (_, Some(peer)) => {
                let text = seal::open_message(&self.code, self.own, peer, envelope)?;
                self.confirm(&text)?;
                Ok(Incoming::Nothing)
            }
        }
    }

    fn take_message(
        &mut self,
        number: u64,
        peer: Name,
        envelope: &[u8],
    ) -> Result<Incoming, IncomingError> {
        let text = seal::open_message(&self.code, self.own, peer, envelope)?;
        if number > self.expected {
            return Err(IncomingError::OutOfOrder);
        }
        if number < self.expected {
            // Its receipt may have been lost.
            self.receipt()?;
            return if self.may_come_again(number) {
                Ok(Incoming::Nothing)
            } else {
                Err(IncomingError::Repeated)
            };
        }
        self.expected += 1;
        self.repeats.push_back(0);
        if self.repeats.len() > MAX_UNCONFIRMED {
            self.repeats.pop_front();
        }
        self.receipt()?;
        Ok(Incoming::Message(text))
    }

    /// Notes a repetition. The other side repeats itself once for each greeting and place at most, and nothing
    /// that lies so far back that it must have been confirmed.
    fn may_come_again(&mut self, number: u64) -> bool {
        let back = usize::try_from(self.expected - number).unwrap_or(usize::MAX);
        let place = self.repeats.len().checked_sub(back);
        let Some(times) = place.and_then(|place| self.repeats.get_mut(place)) else {
            return false;
        };
        *times = times.saturating_add(1);
        *times <= self.greetings.saturating_mul(self.places)
    }

    /// The other side has everything below this number.
    fn confirm(&mut self, number: &[u8]) -> Result<(), IncomingError> {
        let number = <[u8; 8]>::try_from(number).map_err(|_| IncomingError::Impossible)?;
        let number = u64::from_be_bytes(number);
        if number > self.first_unconfirmed + self.unconfirmed.len() as u64 {
            return Err(IncomingError::Impossible);
        }
        while self.first_unconfirmed < number {
            self.unconfirmed.pop_front();
            self.first_unconfirmed += 1;
        }
        Ok(())
    }

    fn greet(&mut self) -> Result<(), SealError> {
        let envelope = seal::seal_greeting(&self.code, self.own, &self.greeting)?;
        self.out.push_back(envelope);
        self.greetings = self.greetings.saturating_add(1);
        Ok(())
    }

    fn receipt(&mut self) -> Result<(), SealError> {
        let Some(peer) = self.peer else {
            return Ok(());
        };
        let text = self.expected.to_be_bytes();
        let kind = Kind::Receipt(self.receipts);
        self.receipts += 1;
        let envelope = seal::seal_message(&self.code, self.own, peer, kind, &text)?;
        self.out.push_back(envelope);
        Ok(())
    }

    fn send_again(&mut self) -> Result<(), SealError> {
        for number in 0..self.unconfirmed.len() as u64 {
            self.seal_number(self.first_unconfirmed + number)?;
        }
        Ok(())
    }

    /// Seals an unconfirmed message. The text under one number never changes, so sealing it again
    /// gives the same envelope, and no nonce is used for two texts.
    fn seal_number(&mut self, number: u64) -> Result<(), SealError> {
        let Some(peer) = self.peer else {
            return Ok(());
        };
        let index = usize::try_from(number - self.first_unconfirmed).unwrap_or(usize::MAX);
        let Some(text) = self.unconfirmed.get(index) else {
            return Ok(());
        };
        let kind = Kind::Message(number);
        let envelope = seal::seal_message(&self.code, self.own, peer, kind, text)?;
        self.out.push_back(envelope);
        Ok(())
    }
}
