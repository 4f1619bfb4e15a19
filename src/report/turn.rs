//! The result of `rtcdiag turn`.

mod findings;
mod verdict;

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::stage::{Stage, StageTime};
use super::tls::TlsReport;
use super::{ErrorReport, Millis};
use crate::fact::{Fact, Reason};
use crate::family::Family;
use crate::stun::uri::Transport;
use crate::turn::credentials::PasswordAlgorithm;
use crate::turn::policy::PeerClass;
pub use verdict::{Context, refuses_credentials, verdict};

/// What was found out about a TURN server.
#[derive(Debug, Clone, Serialize)]
pub struct TurnResult {
    /// As the user named it.
    pub uri: String,
    /// One for each transport and address that was tried.
    pub transports: Vec<TransportReport>,
    /// Who may use it.
    pub authentication: AuthenticationReport,
    /// Families of the relayed addresses that it gives.
    pub relays_ipv4: Fact<bool>,
    /// See above.
    pub relays_ipv6: Fact<bool>,
    /// Which peers it lets clients reach.
    pub policy: Vec<PolicyReport>,
}

/// Who may use a server.
#[derive(Debug, Clone, Serialize)]
pub struct AuthenticationReport {
    /// An Allocate request without credentials is refused.
    pub unauthenticated_refused: Fact<bool>,
    /// One with a wrong password is refused.
    pub wrong_password_refused: Fact<bool>,
    /// When time-limited credentials end, RFC 3339 in UTC.
    pub credentials_expire: Option<String>,
}

/// One peer address.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyReport {
    /// What kind of address it is.
    pub class: PeerClass,
    /// The address.
    pub peer: IpAddr,
    /// Whether the server grants a permission for it.
    pub allowed: Fact<bool>,
}

/// How a transport came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransportStatus {
    /// Everything works.
    Ok,
    /// Something does not.
    Failed,
    /// Not offered, or not let through; the URI does not promise it.
    Absent,
}

/// One transport to one address of the server.
#[derive(Debug, Clone, Serialize)]
pub struct TransportReport {
    /// Which.
    pub transport: Transport,
    /// The server's address, if its name has one.
    pub address: Option<SocketAddr>,
    /// Family of that address.
    pub family: Option<Family>,
    /// The local address.
    pub local_address: Option<IpAddr>,
    /// Whether the URI names the transport, so that it has to work.
    pub named: bool,
    /// How it came out.
    pub status: TransportStatus,
    /// The stage that it reached: the last one if all went well, else the one that failed.
    pub stage: Stage,
    /// What is wrong.
    pub error: Option<ErrorReport>,
    /// How long each stage took.
    pub stages: Vec<StageTime>,
    /// The TLS connection.
    pub tls: Option<TlsReport>,
    /// SOFTWARE.
    pub software: Option<String>,
    /// REALM.
    pub realm: Option<String>,
    /// How the nonces look.
    pub nonce: Option<NonceReport>,
    /// The password algorithm in use.
    pub password_algorithm: Option<PasswordAlgorithm>,
    /// How long the allocation was given for, in seconds.
    pub lifetime_s: Option<u32>,
    /// XOR-RELAYED-ADDRESS.
    pub relayed_address: Option<SocketAddr>,
    /// XOR-MAPPED-ADDRESS: where the server sees this host.
    pub mapped_address: Option<SocketAddr>,
    /// Round trip of a request to the server that was sent once.
    pub rtt_ms: Option<Millis>,
    /// Whether a permission was given.
    pub permission: Fact<bool>,
    /// Whether a channel was bound and carries data.
    pub channel: Fact<bool>,
    /// Whether the allocation was refreshed.
    pub refresh: Fact<bool>,
    /// From one relayed address to another one of this server, and back.
    pub relay_to_relay: DataReport,
    /// From a UDP socket of this host through the relay and back.
    pub to_reflexive: DataReport,
    /// Rate at which a short burst came out of the relay.
    pub throughput: Option<ThroughputReport>,
    /// Whether allocations without credentials are given.
    #[serde(skip)]
    pub authenticated: Option<bool>,
    /// Whether the user has as many allocations as the server allows.
    #[serde(skip)]
    pub quota_reached: bool,
}

/// How nonces look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum NonceReport {
    /// With the cookie and security features of RFC 8489 9.2.
    #[serde(rename = "rfc8489")]
    Rfc8489,
    /// Without.
    #[serde(rename = "rfc5389")]
    Rfc5389,
}

/// Datagrams sent one way through a relay and answered.
#[derive(Debug, Clone, Serialize)]
pub struct DataReport {
    /// Whether any came back.
    pub works: Fact<bool>,
    /// How many were sent.
    pub sent: usize,
    /// How many were answered.
    pub received: usize,
    /// Percentage that was not; `None` if none was sent.
    pub loss_percent: Option<f64>,
    /// Round trips.
    pub rtt_ms: Option<RttReport>,
}

/// Round trips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RttReport {
    /// The shortest.
    pub min: Millis,
    /// The one in the middle.
    pub median: Millis,
    /// The longest.
    pub max: Millis,
}

/// A short burst.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThroughputReport {
    /// Payload bytes sent.
    pub bytes_sent: usize,
    /// Payload bytes that came out.
    pub bytes_received: usize,
    /// Thousand bits a second between the first and the last that came out.
    pub kbit_per_s: f64,
}

impl DataReport {
    /// Nothing was tried.
    pub const fn not_tested(reason: Reason) -> Self {
        Self {
            works: Fact::not_tested(reason),
            sent: 0,
            received: 0,
            loss_percent: None,
            rtt_ms: None,
        }
    }

    /// So many were sent, and these round trips came back.
    pub fn measured(
        sent: usize,
        mut round_trips: Vec<std::time::Duration>,
        works: Fact<bool>,
    ) -> Self {
        round_trips.sort_unstable();
        let received = round_trips.len().min(sent);
        let at = |index: usize| Millis(round_trips[index]);
        #[expect(clippy::cast_precision_loss, reason = "a handful of datagrams")]
        let loss = (sent > 0).then(|| {
            let lost = (sent - received) as f64 * 100.0 / sent as f64;
            (lost * 10.0).round() / 10.0
        });
        Self {
            works,
            sent,
            received,
            loss_percent: loss,
            rtt_ms: (!round_trips.is_empty()).then(|| RttReport {
                min: at(0),
                median: at(round_trips.len() / 2),
                max: at(round_trips.len() - 1),
            }),
        }
    }
}

/// Whether UDP gets through to the server.
pub fn udp_works(transports: &[TransportReport]) -> bool {
    transports
        .iter()
        .any(|t| t.transport == Transport::Udp && t.relayed_address.is_some())
}

impl TransportReport {
    /// Nothing is known yet.
    pub const fn new(transport: Transport, named: bool) -> Self {
        Self {
            transport,
            address: None,
            family: None,
            local_address: None,
            named,
            status: TransportStatus::Failed,
            stage: Stage::Resolve,
            error: None,
            stages: Vec::new(),
            tls: None,
            software: None,
            realm: None,
            nonce: None,
            password_algorithm: None,
            lifetime_s: None,
            relayed_address: None,
            mapped_address: None,
            rtt_ms: None,
            permission: Fact::not_tested(Reason::EarlierFailure),
            channel: Fact::not_tested(Reason::EarlierFailure),
            refresh: Fact::not_tested(Reason::EarlierFailure),
            relay_to_relay: DataReport::not_tested(Reason::EarlierFailure),
            to_reflexive: DataReport::not_tested(Reason::EarlierFailure),
            throughput: None,
            authenticated: None,
            quota_reached: false,
        }
    }

    /// Whether data is known to have come through.
    pub fn is_verified(&self) -> bool {
        let yes = Fact::Determined(true);
        self.relay_to_relay.works == yes || self.to_reflexive.works == yes
    }

    /// The run ends before the transport is settled.
    pub fn cut_short(&mut self, stage: Stage, reason: Reason) {
        self.fail(stage, ErrorReport::cut_short());
        let unknown = || Fact::not_tested(reason);
        self.permission = unknown();
        self.channel = unknown();
        self.refresh = unknown();
        self.relay_to_relay = DataReport::not_tested(reason);
        self.to_reflexive = DataReport::not_tested(reason);
    }

    /// Whether the run ended before it was settled.
    pub fn is_cut_short(&self) -> bool {
        self.error.as_ref().is_some_and(ErrorReport::is_cut_short)
    }

    /// Records what went wrong, and where. A transport that the URI leaves open need not be there.
    pub fn fail(&mut self, stage: Stage, error: ErrorReport) {
        // A certificate that is broken for everybody; one from a private issuer, or one that has no
        // name for an IP address, may be as its clients expect it.
        let broken = matches!(
            error.code,
            "certificate-expired" | "certificate-not-yet-valid"
        );
        let reached = broken || (stage > Stage::Tls && error.code != "not-stun");
        let silent = stage == Stage::Allocate
            && matches!(
                error.code,
                "timeout" | "refused" | "unreachable" | "forbidden"
            );
        self.status = if self.named || (reached && !silent) {
            TransportStatus::Failed
        } else {
            TransportStatus::Absent
        };
        self.stage = stage;
        self.error = Some(error);
    }
}
