//! Both ends, their candidates and pairs, as the result has them.

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::commands::inspect::report::{
    CallCandidate, CallEnd, CallPairReport, CallServer, CallSide, MAX_LISTED, path_kind, since,
    span,
};
use crate::proto::evidence::account::{Account, EndRecord, Place, ToldCandidate};
use crate::proto::evidence::facts::pairs::CallPair;
use crate::proto::evidence::facts::sides::KnownSide;
use crate::proto::ice::checks::pair::CheckState;
use crate::proto::stun::uri::Transport;

impl CallSide {
    pub(super) fn new(side: &KnownSide, account: Option<&Account>, began: Option<f64>) -> Self {
        let mut candidates: Vec<&ToldCandidate> = side.told.candidates.iter().collect();
        candidates.sort_by_key(|c| std::cmp::Reverse(c.priority));
        let servers = account.and_then(|account| account.servers.as_ref());
        Self {
            candidates: candidates
                .into_iter()
                .take(MAX_LISTED)
                .map(|candidate| CallCandidate::new(candidate, began))
                .collect(),
            nat: side.nats.first().cloned(),
            nats: side.nats.clone(),
            is_complete: side.told.complete_at.is_some(),
            servers: servers.map(|servers| {
                let all = servers.iter().map(|server| CallServer {
                    uri: server.url.clone(),
                    error: server
                        .error
                        .as_ref()
                        .map(|(code, text)| ErrorReport::new(*code, text.clone())),
                });
                all.collect()
            }),
        }
    }
}

pub(super) fn shown(place: &Place) -> Option<String> {
    match place {
        Place::Ip(ip) => Some(ip.to_string()),
        Place::Name(name) => Some(name.clone()),
        Place::Hidden => None,
    }
}

impl CallCandidate {
    pub(super) fn new(candidate: &ToldCandidate, began: Option<f64>) -> Self {
        Self {
            kind: candidate.kind,
            transport: if candidate.is_tcp {
                Transport::Tcp
            } else {
                Transport::Udp
            },
            address: shown(&candidate.place),
            port: candidate.port,
            related_address: candidate.related.map(|at| at.ip().to_string()),
            related_port: candidate.related.map(|at| at.port()),
            foundation: candidate.foundation.clone(),
            component: candidate.component,
            priority: candidate.priority,
            server: candidate.url.clone(),
            relay_transport: candidate.relay_transport,
            found_ms: since(began, candidate.at),
            signalled: candidate.is_signalled,
            sdp: candidate.line.clone(),
        }
    }
}

impl CallEnd {
    pub(super) fn of(end: &EndRecord, side: &KnownSide) -> Self {
        let resolved = || {
            side.resolved(end.kind, end.port)
                .map(|at| at.ip().to_string())
        };
        Self {
            kind: end.kind,
            address: shown(&end.place).or_else(resolved),
            port: end.port,
            relay_transport: end.relay_transport,
        }
    }

    /// The same in a sentence, where not even the port may be told.
    pub fn at(&self) -> String {
        match (&self.address, self.port) {
            (None, 0) => "whose address is not told".to_owned(),
            _ => self.text(),
        }
    }

    /// As in "203.0.113.5:5000".
    pub fn text(&self) -> String {
        match &self.address {
            Some(address) if address.contains(':') => format!("[{address}]:{}", self.port),
            Some(address) => format!("{address}:{}", self.port),
            None => format!("hidden:{}", self.port),
        }
    }
}

impl CallPairReport {
    pub(super) fn new(
        pair: &CallPair,
        remote: &KnownSide,
        is_over: bool,
        began: Option<f64>,
    ) -> Self {
        let record = &pair.record;
        let failure = pair.failure(is_over);
        let counted = |count: u32| record.is_counted.then_some(count);
        Self {
            local: CallEnd {
                kind: record.local.kind,
                address: shown(&record.local.place),
                port: record.local.port,
                relay_transport: record.local.relay_transport,
            },
            remote: CallEnd::of(&record.remote, remote),
            priority: record.priority,
            state: check_state(pair, failure),
            nominated: record.nominated,
            selected: record.is_selected,
            path: pair.way().map(path_kind),
            requests_sent: counted(record.requests_sent),
            responses_received: counted(record.responses_received),
            requests_received: counted(record.requests_received),
            responses_sent: counted(record.responses_sent),
            requests_arrived: record.requests_arrived.or(pair.arrived),
            bytes_sent: record.bytes_sent,
            bytes_received: record.bytes_received,
            rtt_ms: record.rtt_ms.and_then(span),
            first_sent_ms: since(began, record.first_sent),
            first_answered_ms: since(began, record.first_answered),
            failure: failure.map(|code| ErrorReport::new(code, why(code, pair))),
        }
    }
}

fn check_state(pair: &CallPair, failure: Option<Code>) -> CheckState {
    match failure {
        _ if pair.works() => CheckState::Succeeded,
        Some(Code::NotChecked | Code::CutShort) => CheckState::Waiting,
        None if pair.record.checks() == 0 => CheckState::Waiting,
        Some(_) => CheckState::Failed,
        None => CheckState::InProgress,
    }
}

fn why(code: Code, pair: &CallPair) -> String {
    let sent = pair.record.requests_sent;
    match (code, pair.record.requests_arrived.or(pair.arrived)) {
        (Code::NotChecked, _) => "it was not tried".to_owned(),
        (Code::CutShort, _) => "another pair was chosen first".to_owned(),
        (Code::NoResponse, _) if !pair.record.is_counted => "no request was answered".to_owned(),
        (Code::NoResponse, Some(0)) => format!("none of {sent} requests arrived at the other side"),
        (Code::NoResponse, Some(arrived)) => {
            format!("{arrived} of {sent} requests arrived, and no answer came back")
        }
        (Code::NoResponse, None) => format!("none of {sent} requests was answered"),
        (code, _) => format!("{sent} requests sent, {code}"),
    }
}
