//! The result of `rtcdiag turn`.

mod arrivals;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::base::tls::TlsReport;
use crate::proto::nat::address::{Rewritten, rewritten_before_relay};
use crate::proto::stun::uri::Transport;
use crate::proto::turn::credentials::PasswordAlgorithm;
use crate::proto::turn::error::OddDefault;
use crate::proto::turn::policy::PeerClass;
pub use arrivals::Arrivals;

#[derive(Debug, Clone, Serialize)]
pub struct TurnResult {
    pub uri: String,
    /// One for each transport and address that was tried.
    pub transports: Vec<TransportReport>,
    pub authentication: AuthenticationReport,
    pub relays_ipv4: Fact<bool>,
    pub relays_ipv6: Fact<bool>,
    pub policy: Vec<PolicyReport>,
}

#[derive(Debug, Clone, Serialize)]
pub struct AuthenticationReport {
    /// An Allocate request without credentials is refused.
    pub unauthenticated_refused: Fact<bool>,
    pub wrong_password_refused: Fact<bool>,
    /// When time-limited credentials end, RFC 3339 in UTC.
    pub credentials_expire: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PolicyReport {
    pub class: PeerClass,
    pub peer: IpAddr,
    pub allowed: Fact<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum TransportStatus {
    Ok,
    Failed,
    /// Not offered, or not let through; the URI does not promise it.
    Absent,
}

#[derive(Debug, Clone, Serialize)]
pub struct TransportReport {
    pub transport: Transport,
    pub address: Option<SocketAddr>,
    pub family: Option<Family>,
    pub local_address: Option<IpAddr>,
    /// Whether the URI names the transport, so that it has to work.
    pub named: bool,
    pub status: TransportStatus,
    /// The stage that it reached: the last one if all went well, else the one that failed.
    pub stage: Stage,
    pub error: Option<ErrorReport>,
    pub stages: Vec<StageTime>,
    pub tls: Option<TlsReport>,
    pub software: Option<String>,
    pub realm: Option<String>,
    pub nonce: Option<NonceReport>,
    pub password_algorithm: Option<PasswordAlgorithm>,
    /// How long the allocation was given for, in seconds.
    pub lifetime_s: Option<u32>,
    pub relayed_address: Option<SocketAddr>,
    /// XOR-MAPPED-ADDRESS: where the server sees this host.
    pub mapped_address: Option<SocketAddr>,
    /// Round trip of a request to the server that was sent once.
    pub rtt_ms: Option<Millis>,
    pub permission: Fact<bool>,
    pub channel: Fact<bool>,
    pub refresh: Fact<bool>,
    /// From one relayed address to another one of this server, and back.
    pub relay_to_relay: DataReport,
    /// From a UDP socket of this host through the relay and back.
    pub to_reflexive: DataReport,
    /// From there to the relay before the relay has sent anything to it.
    pub inward: DataReport,
    /// As `relay_to_relay`, with large datagrams.
    pub relay_to_relay_large: DataReport,
    /// No larger packet is sent to the server by this host's own system.
    #[serde(skip)]
    pub mtu: Option<usize>,
    /// The same by a channel, which adds 4 bytes where an indication adds 36 and more; asked for where those are lost.
    #[serde(skip)]
    pub by_channel_large: DataReport,
    /// As `relay_to_relay`, by channels at both ends.
    #[serde(skip)]
    pub by_channel: DataReport,
    /// How data came.
    #[serde(skip)]
    pub arrivals: Arrivals,
    /// As `to_reflexive`, with large datagrams.
    pub to_reflexive_large: DataReport,
    /// The payload of the largest datagrams that came through where large ones are lost.
    pub largest_payload: Option<usize>,
    /// What came out of the relay of a steady stream over more than a second.
    pub throughput: Option<ThroughputReport>,
    /// The peer of `--peer`.
    pub peer: Option<PeerReport>,
    /// Whether allocations without credentials are given.
    #[serde(skip)]
    pub authenticated: Option<bool>,
    /// Further addresses of the same name and family, which were not tried.
    #[serde(skip)]
    pub untried: Vec<IpAddr>,
    /// Whether the user has as many allocations as the server allows.
    #[serde(skip)]
    pub quota_reached: bool,
    /// A round trip to the server takes no longer.
    #[serde(skip)]
    pub round_trip: Option<Duration>,
    /// What the answer to Allocate lacks.
    #[serde(skip)]
    pub lacks: Option<&'static str>,
    /// What it does where no family is named, if that is odd.
    #[serde(skip)]
    pub odd_default: Option<OddDefault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::VariantArray)]
pub enum NonceReport {
    /// With the cookie and security features of RFC 8489 9.2.
    #[serde(rename = "rfc8489")]
    Rfc8489,
    #[serde(rename = "rfc5389")]
    Rfc5389,
}

/// Datagrams sent one way through a relay and answered.
#[derive(Debug, Clone, Serialize)]
pub struct DataReport {
    pub works: Fact<bool>,
    pub sent: usize,
    pub received: usize,
    /// Percentage that was not; `None` if none was sent.
    pub loss_percent: Option<f64>,
    pub rtt_ms: Option<RttReport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RttReport {
    pub min: Millis,
    pub median: Millis,
    pub max: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThroughputReport {
    pub bytes_sent: usize,
    /// Payload bytes that came out.
    pub bytes_received: usize,
    /// How long it took.
    pub duration_ms: Millis,
    /// Thousand bits a second that came out in that time.
    pub kbit_per_s: f64,
    /// Whether it came whole at first, and nothing of the greater part that was sent later.
    #[serde(skip)]
    pub stops: bool,
}

/// So much loss over a relay is heard in a call.
pub const MUCH_LOSS_PERCENT: f64 = 5.0;
/// Where more of what is sent one by one is lost, that is not a limit of the rate alone.
pub const HALF_PERCENT: f64 = 50.0;
/// A machine that is busy itself loses some of a stream.
const MUCH_STREAM_LOSS_PERCENT: f64 = 50.0;

/// Bytes of data in each datagram of a stream.
pub const PAYLOAD: usize = 1000;

impl ThroughputReport {
    /// More than a busy machine explains.
    pub fn loses_much(&self) -> bool {
        self.loss_percent() >= MUCH_STREAM_LOSS_PERCENT
    }

    /// The part that did not come out.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn loss_percent(&self) -> f64 {
        let lost = self.bytes_sent.saturating_sub(self.bytes_received);
        lost as f64 * 100.0 / self.bytes_sent.max(1) as f64
    }
}

/// A peer that was named.
#[derive(Debug, Clone, Serialize)]
pub struct PeerReport {
    pub address: SocketAddr,
    /// Whether the policy lets the relay send there.
    pub allowed: Fact<bool>,
    /// Whether it answers a Binding request that the relay sends it.
    pub answers: Fact<bool>,
    /// Where it sees the relay.
    pub sees: Option<SocketAddr>,
    pub rtt_ms: Option<Millis>,
}

impl DataReport {
    pub const fn not_tested(reason: Reason) -> Self {
        Self {
            works: Fact::not_tested(reason),
            sent: 0,
            received: 0,
            loss_percent: None,
            rtt_ms: None,
        }
    }

    /// Whether more than half came back: else what else is lost may be lost by chance.
    pub const fn mostly_passes(&self) -> bool {
        self.received * 2 > self.sent
    }

    /// So many were sent, and these round trips came back.
    pub fn measured(sent: usize, mut round_trips: Vec<Duration>, works: Fact<bool>) -> Self {
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

pub fn udp_works(transports: &[TransportReport]) -> bool {
    transports
        .iter()
        .any(|t| t.transport == Transport::Udp && t.relayed_address.is_some())
}

impl TransportReport {
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
            inward: DataReport::not_tested(Reason::EarlierFailure),
            relay_to_relay_large: DataReport::not_tested(Reason::EarlierFailure),
            by_channel_large: DataReport::not_tested(Reason::NotApplicable),
            by_channel: DataReport::not_tested(Reason::NotApplicable),
            arrivals: Arrivals::NONE,
            mtu: None,
            to_reflexive_large: DataReport::not_tested(Reason::EarlierFailure),
            largest_payload: None,
            throughput: None,
            peer: None,
            authenticated: None,
            untried: Vec::new(),
            quota_reached: false,
            round_trip: None,
            lacks: None,
            odd_default: None,
        }
    }

    /// What the server sees in place of this host, if it does: a proxy or load balancer before it, say.
    pub fn sees_otherwise(&self) -> Option<(IpAddr, Rewritten)> {
        let seen = self.mapped_address?.ip();
        let (local, server) = (self.local_address?, self.address?.ip());
        let relayed = self.relayed_address.map(|a| a.ip());
        let how = rewritten_before_relay(local, server, relayed, seen)?;
        Some((seen, how))
    }

    /// A round trip of data takes no longer.
    pub fn quickest_data(&self) -> Option<Duration> {
        let both = [&self.relay_to_relay, &self.to_reflexive];
        both.iter()
            .filter_map(|data| Some(data.rtt_ms?.min.0))
            .min()
    }

    /// Whether data is known to have come through.
    pub fn is_verified(&self) -> bool {
        let yes = Fact::Determined(true);
        let peer = self.peer.as_ref().map(|peer| &peer.answers);
        self.relay_to_relay.works == yes || self.to_reflexive.works == yes || peer == Some(&yes)
    }

    /// Whether the policy forbids the relayed address itself and this host as peers.
    pub fn forbids_what_was_tried(&self) -> bool {
        let forbidden = Fact::not_tested(Reason::PolicyForbids);
        self.relay_to_relay.works == forbidden && self.to_reflexive.works == forbidden
    }

    /// Whether the relay works, and nothing passes between it and this host, behind whose NAT a firewall may let
    /// UDP out to few ports: then it is open which of the two is why.
    pub fn may_be_closed_here(&self) -> bool {
        let between = &self.relay_to_relay;
        let is_sound = between.sent > 0 && between.received == between.sent;
        let seen = self.mapped_address.map(|a| a.ip());
        let is_behind_nat =
            seen.is_some() && self.local_address.is_some() && seen != self.local_address;
        let is_silent = self.to_reflexive.works == Fact::Determined(false)
            && self.inward.works != Fact::Determined(true);
        is_sound && is_behind_nat && is_silent
    }

    /// The same where that is all that is wrong.
    pub fn is_undecided(&self) -> bool {
        let error = self.error.as_ref();
        error.is_some_and(|e| e.code == Code::RelayUnreachable) && self.may_be_closed_here()
    }

    /// Whether datagrams from outside come only after the relay has sent to their source.
    pub fn opens_from_inside(&self) -> bool {
        self.inward.works == Fact::Determined(false) && self.to_reflexive.mostly_passes()
    }

    /// Whether single small datagrams come through from relay to relay.
    pub fn is_lossless(&self) -> bool {
        let alone = self.relay_to_relay.loss_percent;
        alone.is_some_and(|alone| alone < MUCH_LOSS_PERCENT)
    }

    /// Whether datagrams of 1,200 bytes are lost for what indications add to them, while they come through as browsers
    /// send them: by a channel.
    pub fn passes_by_channel_alone(&self) -> bool {
        // It is asked for where indications of that length are lost, and nowhere else.
        self.by_channel_large.works == Fact::Determined(true)
    }

    /// Whether data is lost at a steady rate, and not one by one.
    pub fn is_rate_limited(&self) -> bool {
        let alone = self.relay_to_relay.loss_percent;
        let by_size = self.loses_most() && alone.is_some_and(|alone| alone < HALF_PERCENT);
        let stream = self
            .throughput
            .filter(|_| self.channel == Fact::Determined(true));
        stream.is_some_and(|stream| stream.loses_much() && !stream.stops)
            && (self.is_lossless() || by_size)
    }

    /// Whether most of the large datagrams are lost where small ones come through: a limit of the rate does so.
    pub fn loses_most(&self) -> bool {
        [&self.relay_to_relay_large, &self.to_reflexive_large]
            .iter()
            .any(|data| {
                data.loss_percent
                    .is_some_and(|loss| loss >= MUCH_STREAM_LOSS_PERCENT)
            })
    }

    /// Whether most large datagrams between two relayed addresses are lost, and not by their size alone: some come
    /// through, or small ones are lost as well.
    pub fn loses_by_rate(&self) -> bool {
        let (small, large) = (&self.relay_to_relay, &self.relay_to_relay_large);
        self.loses_most() && (large.received > 0 || small.received < small.sent)
    }

    pub fn cut_short(&mut self, stage: Stage, reason: Reason) {
        self.fail(stage, ErrorReport::cut_short());
        let unknown = || Fact::not_tested(reason);
        self.permission = unknown();
        self.channel = unknown();
        self.refresh = unknown();
        for data in [
            &mut self.relay_to_relay,
            &mut self.to_reflexive,
            &mut self.inward,
            &mut self.relay_to_relay_large,
            &mut self.to_reflexive_large,
        ] {
            *data = DataReport::not_tested(reason);
        }
    }

    pub fn is_cut_short(&self) -> bool {
        self.error.as_ref().is_some_and(ErrorReport::is_cut_short)
    }

    /// Records what went wrong, and where. A transport that the URI leaves open need not be there.
    pub fn fail(&mut self, stage: Stage, error: ErrorReport) {
        // A certificate that is broken for everybody; one from a private issuer, or one that has no
        // name for an IP address, may be as its clients expect it.
        let broken = matches!(
            error.code,
            Code::CertificateExpired | Code::CertificateNotYetValid
        );
        let reached = broken || (stage > Stage::Tls && !error.code.is_of_another_protocol());
        let silent = stage == Stage::Allocate
            && matches!(
                error.code,
                Code::Timeout
                    | Code::PortSilent
                    | Code::UdpPortBlocked
                    | Code::TurnSilent
                    | Code::Refused
                    | Code::Unreachable
                    | Code::Rejected
                    | Code::Forbidden
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
