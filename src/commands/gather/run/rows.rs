//! One server address from one base: what was asked, what came of it, and the row of the report.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::base::codes::Code;
use crate::base::report::{ErrorReport, Millis};
use crate::base::stage::{Stage, StageTime};
use crate::base::tls::TlsReport;
use crate::commands::gather::report::{GatherServerReport, Status};
use crate::commands::gather::run::reflexive::{BindingResult, explain};
use crate::commands::gather::run::relay;
use crate::commands::second_look;
use crate::net::clock::Clock;
use crate::net::host::Source;
use crate::net::link::{Link, Target};
use crate::net::look::other_ports::turn_silent;
use crate::net::redirect::PATIENCE;
use crate::proto::ice::reflexive::reflexive_address;
use crate::proto::stun::uri::{Host, ServerUri, Transport};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    pub server: usize,
    pub number: usize,
    pub base: usize,
    pub address: SocketAddr,
    /// For local preferences.
    pub place: usize,
}

pub struct Binding {
    pub times: Vec<StageTime>,
    pub stage: Stage,
    pub outcome: Result<SocketAddr, ErrorReport>,
    pub rtt: Option<Duration>,
    pub software: Option<String>,
    pub tls: Option<TlsReport>,
}

/// A row under way, and what has come of it.
pub struct Row {
    wants_binding: bool,
    wants_relay: bool,
    binding: Option<Result<SocketAddr, ErrorReport>>,
    binding_stage: Stage,
    relay: Option<relay::RelayOutcome>,
    /// Without what the outcomes decide.
    report: GatherServerReport,
}

impl Row {
    pub fn new(report: GatherServerReport, wants_binding: bool, wants_relay: bool) -> Self {
        Self {
            wants_binding,
            wants_relay,
            binding: None,
            binding_stage: Stage::Binding,
            relay: None,
            report,
        }
    }

    pub fn transport(&self) -> Transport {
        self.report.transport
    }

    pub fn asks_over_udp(&self) -> bool {
        self.wants_binding && self.transport() == Transport::Udp
    }

    /// The round trip to the server, by whatever transport.
    pub fn rtt(&self) -> Option<Duration> {
        self.report.rtt_ms.map(|rtt| rtt.0)
    }

    /// Whether everything that was asked for has come or failed.
    pub fn is_settled(&self) -> bool {
        (!self.wants_binding || self.binding.is_some())
            && (!self.wants_relay || self.relay.is_some())
    }

    pub fn bound(&mut self, settled: &BindingResult) {
        if self.transport() != Transport::Udp || !self.wants_binding || self.binding.is_some() {
            return;
        }
        self.report.stages.push(StageTime {
            stage: Stage::Binding,
            elapsed_ms: Millis(settled.took),
        });
        if let Ok(found) = &settled.outcome {
            self.report.rtt_ms.get_or_insert(Millis(found.rtt));
            self.report.is_v4_mapped = found.is_v4_mapped;
            if self.report.software.is_none() {
                self.report.software.clone_from(&found.software);
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

    pub fn streamed(&mut self, binding: Binding) {
        self.report.stages.extend(binding.times);
        self.binding_stage = binding.stage;
        self.report.rtt_ms = binding.rtt.map(Millis);
        self.report.software = binding.software;
        self.report.tls = binding.tls;
        self.binding = Some(binding.outcome);
    }

    pub fn relayed(&mut self, outcome: relay::RelayOutcome) {
        let report = &mut self.report;
        report.stages.extend(outcome.times.iter().copied());
        report.stages.sort_by_key(|t| t.stage);
        report.rtt_ms = report.rtt_ms.or(outcome.rtt.map(Millis));
        if outcome.software.is_some() {
            report.software.clone_from(&outcome.software);
        }
        report.tls.clone_from(&outcome.tls);
        report.round_trip = outcome.round_trip;
        report.data_took = outcome.data_took;
        self.relay = Some(outcome);
    }

    /// A server that is silent over UDP, where it was asked from, and whether TURN was asked for.
    pub fn silent(&self) -> Option<(SocketAddr, IpAddr, bool)> {
        let report = self.report();
        let is_silent = report.transport == Transport::Udp
            && report
                .error
                .as_ref()
                .is_some_and(|e| e.code == Code::Timeout)
            && matches!(report.stage, Stage::Binding | Stage::Allocate);
        is_silent
            .then_some(())
            .and_then(|()| Some((report.address?, report.local_address?, self.wants_relay)))
    }

    /// What was found out of it otherwise.
    pub fn say_better(&mut self, error: ErrorReport) {
        match (&mut self.relay, &mut self.binding) {
            (Some(relay), _) => relay.error = Some(error),
            (None, binding) => *binding = Some(Err(error)),
        }
    }

    pub fn settle(&mut self, now: Duration) {
        self.report.elapsed_ms = Millis(now);
    }

    pub fn cut_short(&mut self, now: Duration) {
        self.settle(now);
        let error = ErrorReport::cut_short();
        if self.wants_binding && self.binding.is_none() {
            self.binding = Some(Err(error.clone()));
        }
        if self.wants_relay && self.relay.is_none() {
            self.relay = Some(relay::RelayOutcome::failed(Stage::Allocate, error));
        }
    }

    /// The row of the report. A TURN server is for relaying: that it does not answer Binding
    /// requests is no failure of it.
    pub fn report(&self) -> GatherServerReport {
        let reflexive = self.binding.as_ref().and_then(|b| b.as_ref().ok()).copied();
        let (stage, error) = match (&self.relay, &self.binding) {
            (Some(relay), _) => (relay.stage, relay.error.clone()),
            (None, Some(binding)) => (self.binding_stage, binding.as_ref().err().cloned()),
            (None, None) => (Stage::Resolve, None),
        };
        let error = error.map(|error| {
            if error.code == Code::Timeout && stage == Stage::Allocate && reflexive.is_some() {
                turn_silent()
            } else {
                error
            }
        });
        let relay = self.relay.as_ref();
        GatherServerReport {
            status: if error.is_none() {
                Status::Ok
            } else {
                Status::Failed
            },
            stage,
            error,
            reflexive_address: reflexive.or_else(|| relay.and_then(|r| r.mapped)),
            relayed: relay.map(|r| r.relayed.clone()).unwrap_or_default(),
            realm: relay.and_then(|r| r.realm.clone()),
            ..self.report.clone()
        }
    }
}

/// The beginning of a row: a server whose name was resolved in this time.
pub fn resolved(uri: &ServerUri, took: Duration) -> GatherServerReport {
    GatherServerReport {
        uri: uri.to_string(),
        address: None,
        transport: uri.transport,
        local_address: None,
        interface: None,
        status: Status::Failed,
        stage: Stage::Resolve,
        error: None,
        stages: resolve_time(uri, took),
        software: None,
        rtt_ms: None,
        elapsed_ms: Millis::default(),
        reflexive_address: None,
        relayed: Vec::new(),
        tls: None,
        realm: None,
        round_trip: None,
        data_took: None,
        is_v4_mapped: false,
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
        outcome: Err(ErrorReport::new(Code::Timeout, "no answer")),
        rtt: None,
        software: None,
        tls: None,
    };
    let look = second_look::of(target.clone(), source, local, false);
    let mut link = match Link::connect(target, source, local, clock, PATIENCE).await {
        Ok(link) => link,
        Err(error) => {
            binding.times = error.times;
            binding.stage = error.stage;
            binding.outcome = Err(look
                .better(error.stage, error.report, std::future::ready(None))
                .await);
            binding.tls = error.tls;
            return binding;
        }
    };
    binding.times.clone_from(&link.times);
    binding.tls.clone_from(&link.tls);
    let began = clock.now();
    let id = relay::transaction_id(seed);
    let response = tokio::time::timeout(PATIENCE, link.bind(id, clock)).await;
    binding.times.push(StageTime {
        stage: Stage::Binding,
        elapsed_ms: Millis(clock.now().saturating_sub(began)),
    });
    let failed = match &response {
        Err(_) => Some(ErrorReport::new(Code::Timeout, "no answer")),
        Ok(Err(error)) => Some(error.clone()),
        Ok(Ok(_)) => None,
    };
    if let Some(error) = failed {
        binding.outcome = Err(look
            .better(Stage::Binding, error, std::future::ready(None))
            .await);
    }
    if let Ok(Ok((response, rtt))) = response {
        binding.rtt = Some(rtt);
        binding.software = response.software;
        binding.outcome = reflexive_address(response.outcome, target.address)
            .map_err(|failure| explain(&failure));
    }
    binding
}
