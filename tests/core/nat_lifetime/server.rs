//! The responder of the program, and what other servers do with RESPONSE-PORT.

use std::net::SocketAddr;
use std::time::Duration;

use rtcdiag::proto::stun::message;
use rtcdiag::proto::stun::server::rate::Rate;
use rtcdiag::proto::stun::server::{Addresses, Place, Received, Responder};

pub const SERVER: &str = "198.51.100.1:3478";
const RESPONSE_PORT: u16 = 0x0027;

/// What it does with a request that has RESPONSE-PORT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    Honours,
    /// Only in the length of four bytes; it refuses the other.
    HonoursWide,
    /// 420, to where the request came from.
    Refuses,
    /// It answers to where the request came from.
    Ignores,
    Drops,
    /// It honours those of the first seconds and then ignores them.
    IgnoresAfter(u64),
    /// It answers where it should, and reports another port than the one it sees.
    Lies,
    /// It does not answer anything after so many seconds.
    DiesAfter(u64),
}

#[derive(Debug)]
pub struct Server {
    habit: Habit,
    responder: Responder,
}

pub struct Answer {
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Server {
    pub fn new(habit: Habit, holds: bool) -> Self {
        let addresses = Addresses {
            primary: SERVER.parse().expect("an address"),
            alternate: None,
        };
        let rate = Rate {
            per_second: 100.0,
            burst: 300.0,
        };
        let responder = Responder::new(addresses, rate);
        Self {
            habit,
            responder: if holds {
                responder.holding_answers()
            } else {
                responder
            },
        }
    }

    pub fn limited(&self) -> u64 {
        self.responder.counters().limited
    }

    pub fn handle(&mut self, now: Duration, source: SocketAddr, bytes: &[u8]) -> Vec<Answer> {
        let port = message::attribute(bytes, RESPONSE_PORT).map(<[u8]>::len);
        let late = |seconds| now > Duration::from_secs(seconds);
        let mut bytes = bytes.to_vec();
        match self.habit {
            Habit::DiesAfter(seconds) if late(seconds) => return Vec::new(),
            Habit::Drops if port.is_some() => return Vec::new(),
            Habit::Refuses if port.is_some() => unknown(&mut bytes),
            Habit::HonoursWide if port == Some(2) => unknown(&mut bytes),
            Habit::Ignores if port.is_some() => strip(&mut bytes),
            Habit::IgnoresAfter(seconds) if port.is_some() && late(seconds) => strip(&mut bytes),
            _ => {}
        }
        let received = Received {
            at: Place::PRIMARY,
            stream: false,
            source,
            bytes: &bytes,
        };
        let answer = self.responder.handle(now, received);
        let released = self.responder.take_released();
        let mut answers: Vec<Answer> = released
            .into_iter()
            .chain(answer)
            .map(|response| Answer {
                to: response.to,
                bytes: response.bytes,
            })
            .collect();
        if self.habit == Habit::Lies {
            for answer in &mut answers {
                lie(&mut answer.bytes);
            }
        }
        answers
    }
}

/// Turns RESPONSE-PORT, the only attribute there is, into one that nobody knows.
fn unknown(bytes: &mut [u8]) {
    bytes[20..22].copy_from_slice(&0x0077_u16.to_be_bytes());
}

/// Takes it out.
fn strip(bytes: &mut Vec<u8>) {
    bytes.truncate(20);
    bytes[2..4].copy_from_slice(&[0, 0]);
}

/// XOR-MAPPED-ADDRESS is the first attribute of the responder's answers.
fn lie(bytes: &mut [u8]) {
    if bytes[20..22] == 0x0020_u16.to_be_bytes() {
        bytes[27] ^= 0x55;
    }
}
