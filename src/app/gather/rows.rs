//! One server address from one base: what was asked, what came of it, and the row of the report.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::bases::Base;
use super::reflexive::Settled;
use super::relay;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::link::{Link, Target};
use crate::net::redirect::PATIENCE;
use crate::report::gather::{GatherServerReport, RelayedReport, Status};
use crate::report::stage::{Stage, StageTime};
use crate::report::tls::TlsReport;
use crate::report::{ErrorReport, Millis};
use crate::stun::message::{self, Change};
use crate::stun::uri::{Host, ServerUri, Transport};

/// Names a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// Index of the server as named.
    pub server: usize,
    /// Which of its addresses.
    pub number: usize,
    /// Index of the base.
    pub base: usize,
    /// The address.
    pub address: SocketAddr,
    /// For local preferences.
    pub place: usize,
}

/// What Binding over TCP or TLS got.
pub struct Binding {
    pub times: Vec<StageTime>,
    pub stage: Stage,
    pub outcome: Result<SocketAddr, ErrorReport>,
    pub rtt: Option<Duration>,
    pub software: Option<String>,
    pub tls: Option<TlsReport>,
}

/// A row under way.
pub struct Row {
    pub transport: Transport,
    pub wants_binding: bool,
    wants_relay: bool,
    is_default_route: bool,
    times: Vec<StageTime>,
    binding: Option<Result<SocketAddr, ErrorReport>>,
    binding_stage: Stage,
    relay: Option<relay::Outcome>,
    software: Option<String>,
    rtt: Option<Duration>,
    tls: Option<TlsReport>,
    pub settled_at: Duration,
}

impl Row {
    pub fn new(
        uri: &ServerUri,
        resolved: Duration,
        wants_binding: bool,
        wants_relay: bool,
        is_default_route: bool,
    ) -> Self {
        Self {
            transport: uri.transport,
            wants_binding,
            wants_relay,
            is_default_route,
            times: resolve_time(uri, resolved),
            binding: None,
            binding_stage: Stage::Binding,
            relay: None,
            software: None,
            rtt: None,
            tls: None,
            settled_at: Duration::ZERO,
        }
    }

    /// Whether it wants a Binding answer over UDP.
    pub fn asks_over_udp(&self) -> bool {
        self.wants_binding && self.transport == Transport::Udp
    }

    /// The round trip to the server, by whatever transport.
    pub const fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Whether everything that was asked for has come or failed.
    pub fn is_settled(&self) -> bool {
        (!self.wants_binding || self.binding.is_some())
            && (!self.wants_relay || self.relay.is_some())
    }

    /// The Binding request of the base's own socket is settled.
    pub fn bound(&mut self, settled: &Settled) {
        if self.transport != Transport::Udp || !self.wants_binding || self.binding.is_some() {
            return;
        }
        self.times.push(StageTime {
            stage: Stage::Binding,
            elapsed_ms: Millis(settled.took),
        });
        if let Ok(found) = &settled.outcome {
            self.rtt.get_or_insert(found.rtt);
            if self.software.is_none() {
                self.software.clone_from(&found.software);
            }
        }
        self.binding = Some(
            settled
                .outcome
                .as_ref()
                .map(|f| f.address)
                .map_err(Clone::clone),
        );
    }

    /// The same over TCP or TLS.
    pub fn streamed(&mut self, binding: Binding) {
        self.times.extend(binding.times);
        self.binding_stage = binding.stage;
        self.rtt = binding.rtt;
        self.software = binding.software;
        self.tls = binding.tls;
        self.binding = Some(binding.outcome);
    }

    /// The TURN server has given what it gives.
    pub fn relayed(&mut self, outcome: relay::Outcome) {
        self.times.extend(outcome.times.iter().copied());
        self.times.sort_by_key(|t| t.stage);
        self.rtt = self.rtt.or(outcome.rtt);
        if outcome.software.is_some() {
            self.software.clone_from(&outcome.software);
        }
        self.tls.clone_from(&outcome.tls);
        self.relay = Some(outcome);
    }

    /// The run ends before the row is settled.
    pub fn cut_short(&mut self, now: Duration) {
        self.settled_at = now;
        let error = ErrorReport::cut_short();
        if self.wants_binding && self.binding.is_none() {
            self.binding = Some(Err(error.clone()));
        }
        if self.wants_relay && self.relay.is_none() {
            self.relay = Some(relay::Outcome::failed(Stage::Allocate, error));
        }
    }

    /// The row of the report. A TURN server is for relaying: that it does not answer Binding
    /// requests is no failure of it.
    pub fn report(&self, uri: &ServerUri, address: SocketAddr, base: &Base) -> GatherServerReport {
        let reflexive = self.binding.as_ref().and_then(|b| b.as_ref().ok()).copied();
        let (stage, error) = match (&self.relay, &self.binding) {
            (Some(relay), _) => (relay.stage, relay.error.clone()),
            (None, Some(binding)) => (self.binding_stage, binding.as_ref().err().cloned()),
            (None, None) => (Stage::Resolve, None),
        };
        let relayed: Vec<RelayedReport> = self
            .relay
            .as_ref()
            .map(|relay| relay.relayed.clone())
            .unwrap_or_default();
        GatherServerReport {
            uri: uri.to_string(),
            address: Some(address),
            transport: self.transport,
            local_address: Some(base.address.ip()),
            interface: base.interface.clone(),
            status: if error.is_none() {
                Status::Ok
            } else {
                Status::Failed
            },
            stage,
            error,
            stages: self.times.clone(),
            software: self.software.clone(),
            rtt_ms: self.rtt.map(Millis),
            elapsed_ms: Millis(self.settled_at),
            reflexive_address: reflexive.or_else(|| self.relay.as_ref().and_then(|r| r.mapped)),
            relayed,
            tls: self.tls.clone(),
            realm: self.relay.as_ref().and_then(|r| r.realm.clone()),
            is_turn: uri.is_turn(),
            is_default_route: self.is_default_route,
        }
    }
}

/// The row of a server without an address.
pub fn unresolved(
    uri: &ServerUri,
    error: ErrorReport,
    took: Duration,
    now: Duration,
) -> GatherServerReport {
    GatherServerReport {
        uri: uri.to_string(),
        address: None,
        transport: uri.transport,
        local_address: None,
        interface: None,
        status: Status::Failed,
        stage: Stage::Resolve,
        error: Some(error),
        stages: resolve_time(uri, took),
        software: None,
        rtt_ms: None,
        elapsed_ms: Millis(now),
        reflexive_address: None,
        relayed: Vec::new(),
        tls: None,
        realm: None,
        is_turn: uri.is_turn(),
        is_default_route: true,
    }
}

/// An address needs no time to be resolved.
fn resolve_time(uri: &ServerUri, took: Duration) -> Vec<StageTime> {
    match uri.host {
        Host::Ip(_) => Vec::new(),
        Host::Name(_) => vec![StageTime {
            stage: Stage::Resolve,
            elapsed_ms: Millis(took),
        }],
    }
}

/// One Binding request over TCP or TLS.
pub async fn bind_over_stream(
    target: &Target,
    source: &Source,
    local: IpAddr,
    clock: &Clock,
    seed: u64,
) -> Binding {
    let mut binding = Binding {
        times: Vec::new(),
        stage: Stage::Binding,
        outcome: Err(ErrorReport::new("timeout", "no answer")),
        rtt: None,
        software: None,
        tls: None,
    };
    let mut link = match Link::connect(target, source, local, clock, PATIENCE).await {
        Ok(link) => link,
        Err(error) => {
            binding.times = error.times;
            binding.stage = error.stage;
            binding.outcome = Err(error.report);
            binding.tls = error.tls;
            return binding;
        }
    };
    binding.times.clone_from(&link.times);
    binding.tls.clone_from(&link.tls);
    let began = clock.now();
    let exchange = async {
        let id = relay::transaction_id(seed);
        link.send(&message::binding_request(id, Change::None))
            .await?;
        loop {
            let frame = link.receive().await?;
            if message::transaction_id(&frame) == Some(id) {
                return message::decode_binding_response(&frame)
                    .map_err(|e| ErrorReport::new("malformed", e.to_string()));
            }
        }
    };
    let response = tokio::time::timeout(PATIENCE, exchange).await;
    let took = clock.now().saturating_sub(began);
    binding.times.push(StageTime {
        stage: Stage::Binding,
        elapsed_ms: Millis(took),
    });
    binding.outcome = match response {
        Err(_) => Err(ErrorReport::new("timeout", "no answer")),
        Ok(Err(error)) => Err(error),
        Ok(Ok(response)) => {
            binding.rtt = Some(took);
            binding.software = response.software;
            match response.outcome {
                Ok(success) => success
                    .reflexive()
                    .ok_or_else(|| ErrorReport::new("malformed", "its answer has no address")),
                Err(error) => Err(super::reflexive::explain(
                    &crate::ice::reflexive::Failure::Refused(error),
                )),
            }
        }
    };
    binding
}
