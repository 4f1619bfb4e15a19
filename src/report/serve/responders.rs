//! The STUN and TURN servers of `rtcdiag serve`: where they listen, and what they have done.

use std::net::SocketAddr;

use serde::Serialize;

use crate::report::{Finding, Severity};
pub use crate::stun::server::Counters as StunTotals;

/// Where a STUN server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StunListening {
    /// What `-s` takes, as far as it can be told from here.
    pub uris: Vec<String>,
    /// Its first socket, over UDP and TCP.
    pub address: SocketAddr,
    /// The other address and port of behaviour discovery (RFC 5780).
    pub alternate_address: Option<SocketAddr>,
    /// Whether it offers that.
    pub behavior_discovery: bool,
}

/// Where the TURN server listens, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnListening {
    /// What `-s` takes: the external addresses where there are any.
    pub uris: Vec<String>,
    /// Its sockets, over UDP and TCP.
    pub addresses: Vec<SocketAddr>,
    /// What it calls itself.
    pub realm: String,
    /// How many users its file has.
    pub users: usize,
    /// Whether it takes time-limited credentials that are minted from a secret.
    pub shared_secret: bool,
}

/// How often a TURN server has refused requests for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TurnRefused {
    /// The code of RFC 8656 19.
    pub error: u16,
    /// Its reason phrase.
    pub reason: &'static str,
    /// How often.
    pub count: u64,
}

/// What a TURN server has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnTotals {
    /// Relays that it has given.
    pub allocations: u64,
    /// Application data that went to peers.
    pub bytes_to_peers: u64,
    /// Application data that came from peers and went to clients.
    pub bytes_from_peers: u64,
    /// Requests that it refused. The 401 that every client begins with is among them.
    pub refused: Vec<TurnRefused>,
    /// Datagrams not relayed: there was no permission, or the peer must not be reached.
    pub not_permitted: u64,
    /// Datagrams not relayed: the relay had used up its rate.
    pub over_rate: u64,
    /// Requests without an answer because their source asked too much without credentials.
    pub limited: u64,
    /// What was no message for a TURN server.
    pub malformed: u64,
    /// Binding requests on the same ports.
    pub binding: StunTotals,
}

impl TurnTotals {
    fn refused(&self, errors: &[u16]) -> u64 {
        let those = self.refused.iter().filter(|r| errors.contains(&r.error));
        those.map(|r| r.count).sum()
    }

    /// What its operator may want to change.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let forbidden = self.refused(&[403]);
        if forbidden > 0 {
            findings.push(Finding::new(
                "turn-peers-refused",
                Severity::Info,
                format!(
                    "the TURN server refused requests ({forbidden}) for peers that its clients must not reach"
                ),
                "if they were peers of real users, open their network with --turn-allow-peer",
            ));
        }
        if self.over_rate > 0 {
            findings.push(Finding::new(
                "turn-over-rate",
                Severity::Warning,
                format!(
                    "the TURN server left datagrams out ({}) because their relays were over their rate",
                    self.over_rate
                ),
                "if they were of real users, raise --turn-max-rate",
            ));
        }
        let too_many = self.refused(&[486, 508]);
        if too_many > 0 {
            findings.push(Finding::new(
                "turn-limit-reached",
                Severity::Warning,
                format!(
                    "the TURN server refused relays ({too_many}) because there were too many, or no port was free"
                ),
                "if they were for real users, raise --turn-max-per-user or --turn-max-allocations, or widen --turn-relay-ports",
            ));
        }
        findings
    }
}
