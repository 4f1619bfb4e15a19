//! One request until it is answered or given up.

use std::time::Duration;

use crate::base::time::Time;
use crate::proto::stun::message::TransactionId;
use crate::proto::turn::client::RequestId;
use crate::proto::turn::credentials::Key;
use crate::proto::turn::error::Failure;
use crate::proto::turn::message::{Integrity, Request};

/// Times between transmissions over UDP. All repetitions carry the same transaction ID, so that the
/// server knows a second Allocate for the first one's echo (RFC 8656 7.2). Quicker than the 500 ms
/// of RFC 8489 6.2.1, since a person waits; as many in all.
const GAPS_MS: [u64; 6] = [100, 150, 250, 400, 500, 600];

/// How often a request is sent again because of a stale nonce. One is usual; servers behind one
/// address that do not share nonces answer each time.
pub(super) const MAX_STALE: u8 = 3;

/// What came instead of an answer.
#[derive(Debug)]
pub(super) enum Unusable {
    /// An answer that cannot be read.
    Unreadable(String),
    /// What is neither STUN nor TURN.
    Foreign,
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub request_id: RequestId,
    pub request: Request,
    /// Asked for from outside; keepalive is not.
    pub wanted: bool,
    pub id: TransactionId,
    pub authenticated: bool,
    /// What the answer has to be signed with.
    pub key: Option<Key>,
    pub challenges: u8,
    pub stale_nonces: u8,
    /// An answer came whose integrity was wrong or missing.
    pub untrusted: Option<Integrity>,
    /// An answer came that cannot be read, and why.
    pub unusable: Option<Unusable>,
    pub deadline: Time,
    pub due: Time,
    sent_at: Time,
    transmissions: usize,
    bytes: Vec<u8>,
    stream: bool,
    /// What is known of it: an answer is not missed before.
    round_trip: Duration,
}

/// What is wrong with a success answer that cannot be trusted.
pub(super) const fn distrust(untrusted: Integrity) -> Failure {
    match untrusted {
        Integrity::Absent => Failure::Unsigned,
        Integrity::Valid | Integrity::Wrong => Failure::Integrity,
    }
}

/// What is to be done with a transaction that is due.
pub(super) enum Verdict {
    Wait,
    Repeat(Vec<u8>),
    GiveUp,
}

impl Transaction {
    pub(super) fn new(
        request_id: RequestId,
        request: Request,
        wanted: bool,
        deadline: Time,
    ) -> Self {
        Self {
            request_id,
            request,
            wanted,
            id: [0; 12],
            authenticated: false,
            key: None,
            challenges: 0,
            stale_nonces: 0,
            untrusted: None,
            unusable: None,
            deadline,
            due: deadline,
            sent_at: Time::ZERO,
            transmissions: 0,
            bytes: Vec::new(),
            stream: false,
            round_trip: Duration::ZERO,
        }
    }

    pub(super) fn start(
        &mut self,
        now: Time,
        id: TransactionId,
        key: Option<Key>,
        bytes: Vec<u8>,
        stream: bool,
        round_trip: Duration,
    ) {
        self.id = id;
        self.authenticated = key.is_some();
        self.key = key;
        self.bytes = bytes;
        self.stream = stream;
        self.round_trip = round_trip;
        self.sent_at = now;
        self.transmissions = 1;
        self.untrusted = None;
        self.unusable = None;
        self.schedule(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Time) -> Verdict {
        if now >= self.deadline {
            return Verdict::GiveUp;
        }
        if now < self.due {
            return Verdict::Wait;
        }
        self.transmissions += 1;
        self.schedule(now);
        Verdict::Repeat(self.bytes.clone())
    }

    /// Round trip, unless it is not known which transmission was answered.
    pub(super) fn rtt(&self, now: Time) -> Option<Duration> {
        (self.transmissions == 1).then(|| now.saturating_sub(self.sent_at))
    }

    /// From the first transmission to now.
    pub(super) fn took(&self, now: Time) -> Duration {
        now.saturating_sub(self.sent_at)
    }

    pub(super) fn reason_for_silence(&self) -> Failure {
        match (self.untrusted, &self.unusable) {
            (Some(untrusted), _) => distrust(untrusted),
            (None, Some(Unusable::Unreadable(what))) => Failure::Malformed(what.clone()),
            (None, _) if self.challenges > 0 => Failure::SilentAfterChallenge,
            (None, Some(Unusable::Foreign)) => Failure::Foreign,
            (None, None) => Failure::Timeout,
        }
    }

    /// Whether this is the first request that carries credentials, and asks for nothing that a server
    /// may not know.
    pub(super) fn presents_credentials(&self) -> bool {
        self.authenticated && self.request == Request::Allocate(None)
    }

    fn schedule(&mut self, now: Time) {
        let gap = GAPS_MS.get(self.transmissions - 1).filter(|_| !self.stream);
        self.due = gap.map_or(self.deadline, |gap| {
            let gap = Duration::from_millis(*gap).max(self.round_trip * 5 / 4);
            (now + gap).min(self.deadline)
        });
    }
}
