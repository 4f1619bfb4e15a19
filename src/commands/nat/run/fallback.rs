//! TCP and TLS: asked for by URI, or tried when UDP is silent.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::base::codes::Code;
use crate::base::fact::Reason;
use crate::base::report::ErrorReport;
use crate::commands::nat::nat64::run::{Route, Translation};
use crate::commands::nat::run::surroundings::Surroundings;
use crate::net::drive;
use crate::net::host::Source;
use crate::net::stream::{self, Attempt, StreamAnswer, StreamError};
use crate::proto::stun::message::TransactionId;
use crate::proto::stun::uri::{DEFAULT_TLS_PORT, Host, Transport};

/// The port that firewalls leave open for the web.
const HTTPS_PORT: u16 = 443;

/// An attempt and what came of it.
#[derive(Debug, Clone)]
pub struct StreamResult {
    pub attempt: Attempt,
    pub answer: Result<StreamAnswer, StreamError>,
    /// Why it was broken off, if it was.
    pub cut: Option<Reason>,
    /// The address that it was made from, if there is one to make it from.
    pub local: Option<IpAddr>,
}

impl StreamResult {
    /// The way that it went.
    pub fn route(&self, translation: &Translation) -> Route {
        let address = self.attempt.address.ip();
        translation.route_of(address).from(self.local)
    }

    /// Whether STUN was answered there.
    pub fn succeeded(&self) -> bool {
        matches!(&self.answer, Ok(answer) if answer.response.outcome.is_ok())
    }

    /// Whether the host was heard of, be it by a refusal.
    pub fn host_is_up(&self) -> bool {
        self.answer.as_ref().err().is_none_or(|e| e.host_is_up)
    }
}

/// What to try for servers that are silent over UDP: TCP on the same port, TLS on its usual port,
/// and both on 443.
pub fn attempts(servers: &[SocketAddr], names: &BTreeMap<SocketAddr, Host>) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for server in servers {
        let host = names.get(server).cloned().unwrap_or(Host::Ip(server.ip()));
        for (port, transport) in [
            (server.port(), Transport::Tcp),
            (DEFAULT_TLS_PORT, Transport::Tls),
            (HTTPS_PORT, Transport::Tcp),
            (HTTPS_PORT, Transport::Tls),
        ] {
            let address = SocketAddr::new(server.ip(), port);
            let known = attempts
                .iter()
                .any(|a| a.address == address && a.transport == transport);
            if !known {
                attempts.push(Attempt {
                    address,
                    host: host.clone(),
                    transport,
                });
            }
        }
    }
    attempts
}

/// Makes an attempt, unless the run ends before.
pub async fn attempt(attempt: Attempt, around: Surroundings) -> StreamResult {
    let id = transaction_id(around.seed, u64::from(attempt.address.port()));
    let mut stop = around.stop.clone();
    let local = around.local_to(attempt.address).ok();
    let source = Source {
        local: local.or(around.source.local),
        ..around.source.clone()
    };
    let (answer, cut) = tokio::select! {
        answer = stream::ask(&attempt, &source, &around.clock, id) => (answer, None),
        reason = drive::stopped(&mut stop) => {
            let error = StreamError {
                report: ErrorReport::new(Code::Timeout, "the run ended before an answer"),
                host_is_up: false,
            };
            (Err(error), Some(reason))
        }
    };
    StreamResult {
        attempt,
        answer,
        cut,
        local,
    }
}

pub fn transaction_id(seed: u64, number: u64) -> TransactionId {
    StdRng::seed_from_u64(seed.rotate_left(32) ^ number).random()
}
