//! Pairs of candidates, as one end has them.

use std::net::SocketAddr;

use crate::base::codes::Code;
use crate::proto::capture::paths::Asking;
use crate::proto::evidence::account::{Place, ToldCandidate};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::stun::uri::Transport;

/// One end of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndRecord {
    pub kind: CandidateType,
    pub place: Place,
    pub port: u16,
    /// The base of a reflexive candidate (RFC 8839 5.1).
    pub related: Option<SocketAddr>,
    pub relay_transport: Option<Transport>,
}

impl EndRecord {
    pub fn socket_address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.place.ip()?, self.port))
    }

    /// The candidate that it shows, with what a pair tells of it.
    pub fn told(&self, at: Option<f64>, is_tcp: bool) -> ToldCandidate {
        ToldCandidate {
            at,
            kind: self.kind,
            is_tcp,
            place: self.place.clone(),
            port: self.port,
            related: self.related,
            foundation: String::new(),
            component: 1,
            priority: 0,
            url: None,
            relay_transport: self.relay_transport,
            ufrag: None,
            is_signalled: false,
            line: None,
        }
    }

    /// Where packets leave from (RFC 8445 5.1.1): statistics name the reflexive candidate.
    pub fn base(&self) -> Option<SocketAddr> {
        match self.kind {
            CandidateType::Srflx | CandidateType::Prflx => self.related.or(self.socket_address()),
            _ => self.socket_address(),
        }
    }
}

/// A pair of candidates and what went over it.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct PairRecord {
    pub local: EndRecord,
    pub remote: EndRecord,
    pub priority: u64,
    /// As the program calls it, which is no counter.
    pub state: String,
    pub nominated: bool,
    /// Whether the program still takes it for a way, if it says so.
    pub is_writable: Option<bool>,
    /// Whether it is the one in use, or was at the end.
    pub is_selected: bool,
    /// Whether the program counts its checks; Firefox does not.
    pub is_counted: bool,
    pub requests_sent: u32,
    pub responses_received: u32,
    pub requests_received: u32,
    pub responses_sent: u32,
    /// Keep-alives of consent (RFC 7675).
    pub consent_sent: u32,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub rtt_ms: Option<f64>,
    pub first_sent: Option<f64>,
    pub first_answered: Option<f64>,
    /// When something came over it last.
    pub last_heard: Option<f64>,
    /// The longest time in which nothing came, between two moments at which something did.
    pub silence: Option<(f64, f64)>,
    /// The longest time in which samples show that nothing came, though this end asked; and the last such sample.
    pub unheard: Option<(f64, f64)>,
    pub quiet_at: Option<f64>,
    /// What became of its requests lately, and of those of the other end, where packets show them.
    pub asking: Asking,
    pub asked: Option<Asking>,
    /// When this end last sent anything, where packets show it.
    pub last_sent: Option<f64>,
    /// The error with which this end answers the checks of the other one.
    pub refuses: Option<Code>,
    /// How many of its requests the other end saw, and where it saw them come from, if it told.
    pub requests_arrived: Option<u32>,
    pub mapped: Option<SocketAddr>,
    /// What packets show.
    pub failure: Option<Code>,
    /// Whether the address alone tells what the far end is, as in packets: it may be a relay, and it may be none.
    pub is_supposed: bool,
}

impl PairRecord {
    pub fn new(local: EndRecord, remote: EndRecord) -> Self {
        Self {
            local,
            remote,
            priority: 0,
            state: String::new(),
            nominated: false,
            is_writable: None,
            is_selected: false,
            is_counted: true,
            requests_sent: 0,
            responses_received: 0,
            requests_received: 0,
            responses_sent: 0,
            consent_sent: 0,
            bytes_sent: 0,
            bytes_received: 0,
            rtt_ms: None,
            first_sent: None,
            first_answered: None,
            last_heard: None,
            silence: None,
            unheard: None,
            quiet_at: None,
            asking: Asking::default(),
            asked: None,
            last_sent: None,
            refuses: None,
            requests_arrived: None,
            mapped: None,
            failure: None,
            is_supposed: false,
        }
    }

    /// How many checks were sent at least.
    pub fn checks(&self) -> u32 {
        let is_tried = matches!(self.state.as_str(), "failed" | "in-progress" | "succeeded");
        if self.is_counted || !is_tried {
            return self.requests_sent;
        }
        self.responses_received.max(1)
    }

    /// Whether a check was answered, by its count or, where a program does not count, by the state.
    pub fn is_answered(&self) -> bool {
        self.responses_received > 0 || self.state == "succeeded"
    }

    /// Whether a pair that was in use is checked anew, as in an outage. A keep-alive whose answer is on
    /// its way makes Chromium say in-progress too.
    pub fn is_silent_again(&self) -> bool {
        /// Chromium gives a pair up after five of them.
        const UNANSWERED: u32 = 5;
        let unanswered = self.requests_sent.saturating_sub(self.responses_received);
        self.state == "in-progress"
            && self.bytes_received > 0
            && !self.is_writable.unwrap_or(unanswered < UNANSWERED)
    }

    pub fn is_relayed(&self) -> bool {
        [&self.local, &self.remote]
            .iter()
            .any(|end| end.kind == CandidateType::Relay)
    }
}
