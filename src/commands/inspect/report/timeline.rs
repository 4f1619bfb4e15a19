//! The steps of a call, from its first description to its media, each with its time.

use crate::base::bounds::TIMELINE;
use crate::commands::inspect::report::span;
use crate::commands::pair::report::PairState;
use crate::proto::evidence::account::{Account, StateKind, ToldCandidate};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::JudgedCall;
use crate::proto::ice::steps::{
    self, CallKind, Course, Entry as CallStep, Event as CallEvent, StepReport, StepSide,
};

/// The first moment, by this end's clock.
pub(super) fn began(call: &JoinedCall) -> Option<f64> {
    let own = call.ends[0].as_ref().and_then(|account| account.began);
    let other = call.ends[1].as_ref().and_then(|account| account.began);
    let other = other.map(|began| began - call.offset_ms);
    match (own, other) {
        (Some(own), Some(other)) => Some(own.min(other)),
        (own, other) => own.or(other),
    }
}

pub(super) fn steps(call: &JoinedCall, judged: &JudgedCall) -> Vec<CallStep> {
    let Some(began) = began(call) else {
        return Vec::new();
    };
    let mut steps = Steps {
        began,
        late: 0.0,
        side: StepSide::Local,
        found: Vec::new(),
    };
    for (end, account) in call.ends.iter().enumerate() {
        let Some(account) = account else {
            continue;
        };
        if end == 1 {
            steps.side = StepSide::Remote;
            steps.late = call.offset_ms;
        }
        steps.of_account(account);
    }
    steps.side = StepSide::Local;
    steps.late = 0.0;
    for pair in judged.pairs.iter().take(200) {
        let ends = format!("{} <-> {}", pair.record.local.kind, pair.record.remote.kind);
        steps.add(
            pair.record.first_sent,
            CallEvent::CheckSent,
            Some(ends.clone()),
        );
        steps.add(
            pair.record.first_answered,
            CallEvent::CheckSucceeded,
            Some(ends),
        );
    }
    let mut steps = steps.found;
    steps.sort_by_key(|step| (step.at_ms, step.event, step.side));
    steps.dedup();
    steps.truncate(TIMELINE);
    steps
}

struct Steps {
    began: f64,
    /// How much later the clock is than this end's.
    late: f64,
    side: StepSide,
    found: Vec<CallStep>,
}

impl Steps {
    fn add(&mut self, at: Option<f64>, event: CallEvent, detail: Option<String>) {
        let Some(at_ms) = at.and_then(|at| span(at - self.late - self.began)) else {
            return;
        };
        if self.found.len() < 4 * TIMELINE {
            self.found.push(CallStep {
                at_ms,
                side: self.side,
                event,
                detail,
            });
        }
    }

    fn of_account(&mut self, account: &Account) {
        for (told, event) in [
            (&account.own, CallEvent::DescriptionSent),
            (&account.other, CallEvent::DescriptionReceived),
        ] {
            for (at, read) in &told.descriptions {
                let kind = match read.is_offer {
                    Some(true) => Some("offer".to_owned()),
                    Some(false) => Some("answer".to_owned()),
                    None => None,
                };
                self.add(*at, event, kind);
            }
        }
        for (told, event) in [
            (&account.own, CallEvent::CandidateFound),
            (&account.other, CallEvent::CandidateReceived),
        ] {
            for candidate in told.candidates.iter().filter(|c| c.is_signalled) {
                self.add(candidate.at, event, Some(named(candidate)));
            }
        }
        self.add(account.own.complete_at, CallEvent::GatheringComplete, None);
        self.add(
            account.other.complete_at,
            CallEvent::RemoteGatheringComplete,
            None,
        );
        for server in account.servers.iter().flatten() {
            if let Some((_, text)) = &server.error {
                let detail = format!("{}: {text}", server.url);
                self.add(server.error_at, CallEvent::ServerFailed, Some(detail));
            }
        }
        self.of_states(account);
    }

    fn of_states(&mut self, account: &Account) {
        for change in &account.changes {
            let event = match (change.kind, change.value.as_str()) {
                (StateKind::Gathering, "gathering") => CallEvent::GatheringStarted,
                (StateKind::Ice, "checking") => CallEvent::Checking,
                (StateKind::Ice, "connected" | "completed") => CallEvent::Connected,
                (StateKind::Ice, "disconnected") => CallEvent::Disconnected,
                (StateKind::Ice | StateKind::Connection, "failed") => CallEvent::Failed,
                // The connection is connected when DTLS is, too.
                (StateKind::Connection | StateKind::Dtls, "connected") => CallEvent::DtlsConnected,
                (StateKind::Dtls, "failed") => CallEvent::DtlsFailed,
                (StateKind::Closed, _) => CallEvent::Closed,
                (StateKind::DataChannel, "open" | "announced") => CallEvent::DataExchanged,
                _ => continue,
            };
            // Each is said by two states, and again by statistics a second later.
            let is_once = [
                CallEvent::DtlsConnected,
                CallEvent::DtlsFailed,
                CallEvent::DataExchanged,
            ];
            let side = self.side;
            let is_said = is_once.contains(&event)
                && self
                    .found
                    .iter()
                    .any(|step| step.event == event && step.side == side);
            if !is_said {
                self.add(change.at, event, None);
            }
        }
    }
}

fn named(candidate: &ToldCandidate) -> String {
    let address = super::ends::shown(&candidate.place).unwrap_or_else(|| "hidden".to_owned());
    let address = if address.contains(':') {
        format!("[{address}]")
    } else {
        address
    };
    let over = if candidate.is_tcp { " TCP" } else { "" };
    format!("{}{over} {address}:{}", candidate.kind, candidate.port)
}

/// What belongs to a call, in its order.
pub(super) fn in_order(timeline: &[CallStep], state: Option<PairState>) -> Vec<StepReport> {
    let mut offers = timeline.iter().filter_map(|entry| {
        let is_offer = entry.detail.as_deref() == Some("offer");
        match entry.event {
            CallEvent::DescriptionSent if is_offer => Some(entry.side),
            CallEvent::DescriptionReceived if is_offer => Some(entry.side.other()),
            _ => None,
        }
    });
    steps::steps(&Course {
        kind: CallKind::Recorded,
        timeline,
        offerer: offers.next().unwrap_or(StepSide::Local),
        has_failed: matches!(state, Some(PairState::Failed | PairState::NoPeer)),
    })
}
