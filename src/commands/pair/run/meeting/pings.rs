//! The quality test with another ICE agent, which does not send our datagrams back: connectivity
//! checks over the selected pair, which every agent answers.

use std::time::Duration;

use crate::base::time::Time;
use crate::proto::ice::checks::Checks;
use crate::proto::ice::quality::Measured;
use crate::proto::stun::message::TransactionId;

/// How long the other side has to send data back.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// One check each 50 ms: answering costs more than sending back.
const INTERVAL: Duration = Duration::from_millis(50);
/// After the last round trip seen, so many times as long.
const LATE: u32 = 2;

#[derive(Debug, Default)]
pub struct Pings {
    begin: Option<Time>,
    next: Time,
    sent: Vec<(TransactionId, Time)>,
}

impl Pings {
    pub fn poll_timeout(&self, duration: Duration) -> Option<Time> {
        let begin = self.begin?;
        (self.next <= begin + duration).then_some(self.next)
    }

    pub fn advance(&mut self, now: Time, checks: &mut Checks, pair: usize, duration: Duration) {
        if self.begin.is_none() {
            self.begin = Some(now);
            self.next = now;
        }
        if self.poll_timeout(duration).is_some_and(|due| due <= now) {
            self.next = now + INTERVAL;
            if let Some(id) = checks.ping(now, pair) {
                self.sent.push((id, now));
            }
        }
    }

    pub fn has_answer(&self, checks: &Checks) -> bool {
        self.sent
            .iter()
            .any(|(id, _)| checks.answer_to(*id).is_some())
    }

    /// Whether all are sent and have had their time.
    pub fn is_finished(&self, now: Time, checks: &Checks, duration: Duration) -> bool {
        let (Some(_), Some((_, last))) = (self.begin, self.sent.last()) else {
            return false;
        };
        let all = || self.sent.iter().map(|(id, _)| checks.answer_to(*id));
        let patience = all().flatten().max().unwrap_or(Duration::from_secs(1)) * LATE + INTERVAL;
        self.poll_timeout(duration).is_none()
            && (all().all(|rtt| rtt.is_some()) || now >= *last + patience)
    }

    /// What was measured; it says nothing about jitter.
    pub fn measured(&self, now: Time, checks: &Checks) -> Option<Measured> {
        self.begin?;
        let rtts = self.sent.iter().filter_map(|(id, _)| checks.answer_to(*id));
        let patience = rtts.max().unwrap_or(Duration::from_secs(1)) * LATE + INTERVAL;
        let settled: Vec<(Time, Option<Duration>)> = self
            .sent
            .iter()
            .map(|(id, at)| (*at, checks.answer_to(*id)))
            .filter(|(at, rtt)| rtt.is_some() || now >= *at + patience)
            .collect();
        Some(Measured::of(&settled))
    }
}
