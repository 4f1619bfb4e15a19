//! The steps of a call, from its first description to its media, each with its time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::bounds::TIMELINE;
use crate::base::report::Millis;
use crate::commands::inspect::report::span;
use crate::commands::pair::report::PairState;
use crate::proto::evidence::account::{Account, StateKind, ToldCandidate};
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::facts::JudgedCall;
use crate::proto::evidence::facts::standing::Standing;
use crate::proto::ice::checks::Role;
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

/// What happened, in order; and what happened at a time that no file tells, for [`in_order`].
pub(super) fn steps(call: &JoinedCall, judged: &JudgedCall) -> (Vec<CallStep>, Vec<CallStep>) {
    let mut steps = Steps {
        began: began(call),
        late: 0.0,
        side: StepSide::Local,
        found: Vec::new(),
        untimed: Vec::new(),
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
    let Steps {
        mut found,
        mut untimed,
        ..
    } = steps;
    // An end that had its handshake done while the other one refused it was not connected.
    if judged.standing == Standing::DtlsFailed {
        let is_true = |step: &CallStep| step.event != CallEvent::DtlsConnected;
        found.retain(is_true);
        untimed.retain(is_true);
    }
    found.sort_by_key(|step| (step.at_ms, rank(step), step.event, step.side));
    found.dedup();
    found.truncate(TIMELINE);
    (found, untimed)
}

/// Of what has one time, causes come first: an offer before its answer, what is sent before what is received.
fn rank(step: &CallStep) -> u8 {
    let is_answer = step.detail.as_deref() == Some("answer");
    match (step.event, is_answer) {
        (CallEvent::DescriptionSent, false) => 0,
        (CallEvent::DescriptionReceived, false) => 1,
        (CallEvent::DescriptionSent, true) => 2,
        (CallEvent::DescriptionReceived, true) => 3,
        _ => 4,
    }
}

/// In place of a time that is not known; behind all others.
const NEVER: Millis = Millis(Duration::MAX);

struct Steps {
    began: Option<f64>,
    /// How much later the clock is than this end's.
    late: f64,
    side: StepSide,
    found: Vec<CallStep>,
    untimed: Vec<CallStep>,
}

impl Steps {
    /// What happened if there is a time.
    fn add(&mut self, at: Option<f64>, event: CallEvent, detail: Option<String>) {
        let after = |at: f64| span(at - self.late - self.began?);
        let Some(at_ms) = at.and_then(after) else {
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

    /// What happened, whether there is a time or not.
    fn happened(&mut self, at: Option<f64>, event: CallEvent, detail: Option<String>) {
        if at.is_some() {
            self.add(at, event, detail);
        } else if self.untimed.len() < TIMELINE {
            self.untimed.push(CallStep {
                at_ms: NEVER,
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
                self.happened(*at, event, kind);
            }
        }
        for (told, event) in [
            (&account.own, CallEvent::CandidateFound),
            (&account.other, CallEvent::CandidateReceived),
        ] {
            for candidate in told.candidates.iter().filter(|c| c.is_signalled) {
                self.happened(candidate.at, event, Some(named(candidate)));
            }
        }
        // Captures and statistics have what servers gave, and not whether it was told.
        let given = account.own.candidates.iter().filter(|c| !c.is_signalled);
        for candidate in given.filter(|c| c.url.is_some()) {
            self.add(
                candidate.at,
                CallEvent::ServerAnswered,
                candidate.url.clone(),
            );
        }
        // A second server that sees the same makes no second candidate.
        let urls = account
            .own
            .candidates
            .iter()
            .filter_map(|c| c.url.as_deref());
        let mut urls: BTreeSet<&str> = urls.collect();
        for seen in &account.seen {
            if urls.insert(&seen.url) {
                let url = Some(seen.url.clone());
                self.add(seen.told_at, CallEvent::ServerAnswered, url);
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
                self.happened(server.error_at, CallEvent::ServerFailed, Some(detail));
            }
        }
        self.of_states(account);
    }

    fn of_states(&mut self, account: &Account) {
        let has_events = account.changes.iter().any(|c| c.kind == StateKind::Ice);
        for change in &account.changes {
            let kind = match change.kind {
                StateKind::IceTransport if !has_events => StateKind::Ice,
                kind => kind,
            };
            let event = match (kind, change.value.as_str()) {
                (StateKind::Gathering, "gathering") => CallEvent::GatheringStarted,
                (StateKind::Ice, "checking") => CallEvent::Checking,
                (StateKind::Ice, "connected" | "completed") => CallEvent::Connected,
                (StateKind::Ice, "disconnected") => CallEvent::Disconnected,
                (StateKind::Ice | StateKind::Connection, "failed") => CallEvent::Failed,
                // The connection is connected when DTLS is, too.
                (StateKind::Connection | StateKind::Dtls, "connected") => CallEvent::DtlsConnected,
                (StateKind::Dtls, "failed") => CallEvent::DtlsFailed,
                (StateKind::Closed, _) => CallEvent::Closed,
                (StateKind::DataChannel, "open" | "announced") | (StateKind::Track, "media") => {
                    CallEvent::DataExchanged
                }
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
                    .chain(&self.untimed)
                    .any(|step| step.event == event && step.side == side);
            if !is_said {
                // What was so in the first statistics had come about before.
                let is_older = !has_events && change.at == account.began;
                let at = change.at.filter(|_| !is_older);
                self.happened(at, event, None);
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
pub(super) fn in_order(
    timeline: &[CallStep],
    untimed: Vec<CallStep>,
    (state, role): (Option<PairState>, Option<Role>),
) -> Vec<StepReport> {
    let mut all = timeline.to_vec();
    all.extend(untimed);
    let mut offers = all.iter().filter_map(|entry| {
        let is_offer = entry.detail.as_deref() == Some("offer");
        match entry.event {
            CallEvent::DescriptionSent if is_offer => Some(entry.side),
            CallEvent::DescriptionReceived if is_offer => Some(entry.side.other()),
            _ => None,
        }
    });
    // Who offers controls (RFC 8445 6.1.1).
    let supposed = match role {
        Some(Role::Controlled) => StepSide::Remote,
        _ => StepSide::Local,
    };
    let mut steps = steps::steps(&Course {
        kind: CallKind::Recorded,
        timeline: &all,
        offerer: offers.next().unwrap_or(supposed),
        has_failed: matches!(state, Some(PairState::Failed | PairState::NoPeer)),
    });
    for step in &mut steps {
        step.at_ms = step.at_ms.filter(|at| *at != NEVER);
    }
    steps
}
