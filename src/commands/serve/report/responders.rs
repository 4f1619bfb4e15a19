//! The STUN and TURN servers of `rtcdiag serve`: where they listen, and what they have done.

use std::net::SocketAddr;

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::report::Finding;
pub use crate::proto::stun::server::Counters as StunTotals;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StunListening {
    /// What `-s` takes, as far as it can be told from here.
    pub uris: Vec<String>,
    /// Its first socket, over UDP and TCP.
    pub address: SocketAddr,
    /// The other address and port of behaviour discovery (RFC 5780).
    pub alternate_address: Option<SocketAddr>,
    pub behavior_discovery: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnListening {
    /// What `-s` takes: the external addresses where there are any.
    pub uris: Vec<String>,
    pub addresses: Vec<SocketAddr>,
    pub realm: String,
    pub users: usize,
    /// Whether it takes time-limited credentials that are minted from a secret.
    pub shared_secret: bool,
}

/// How often a TURN server has refused requests for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TurnRefused {
    /// The code of RFC 8656 19.
    pub error: u16,
    pub reason: &'static str,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnTotals {
    pub allocations: u64,
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
                Code::TurnPeersRefused,
                format!(
                    "the TURN server refused requests ({forbidden}) for peers that its clients must not reach"
                ),
                "if they were peers of real users, open their network with --turn-allow-peer",
            ));
        }
        if self.over_rate > 0 {
            findings.push(Finding::new(
                Code::TurnOverRate,
                format!(
                    "the TURN server dropped datagrams ({}) because their relays exceeded their rate",
                    self.over_rate
                ),
                "if they belonged to real users, raise --turn-max-rate",
            ));
        }
        let too_many = self.refused(&[486, 508]);
        if too_many > 0 {
            findings.push(Finding::new(
                Code::TurnLimitReached,
                format!(
                    "the TURN server refused relays ({too_many}) because there were too many, or no port was free"
                ),
                "if they were for real users, raise --turn-max-per-user or --turn-max-allocations, or widen --turn-relay-ports",
            ));
        }
        findings
    }
}
