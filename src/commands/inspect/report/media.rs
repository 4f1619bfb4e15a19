//! What was agreed for each m-section, and what flowed.

use serde::Serialize;

use crate::base::codes::Code;
use crate::commands::inspect::report::span;
use crate::commands::sdp::report::{Question, SdpResult, With, result};
use crate::proto::evidence::account::StreamRecord;
use crate::proto::evidence::calls::JoinedCall;
use crate::proto::evidence::described::Section;
use crate::proto::evidence::facts::stages::{flow, lacking, negotiated};
use crate::proto::ice::causes::{Cause, Whose};
use crate::proto::sdp::source;

/// An m-section, and what went over it by this end's statistics.
#[derive(Debug, Clone, Serialize)]
pub struct MediaReport {
    pub mid: Option<String>,
    pub kind: String,
    /// `None` if offer and answer are not both known.
    pub accepted: Option<bool>,
    pub codec: Option<String>,
    /// Packets of audio and video, messages of data channels.
    pub sent: Option<u64>,
    pub received: Option<u64>,
    pub lost: Option<i64>,
    /// What is agreed, as this side sees it.
    pub direction: Option<String>,
    /// The same counts by the other end's record; without it, what it reports as lost (RTCP).
    pub remote_sent: Option<u64>,
    pub remote_received: Option<u64>,
    pub remote_lost: Option<i64>,
    pub jitter_ms: Option<crate::base::report::Millis>,
    pub frames_decoded: Option<u64>,
    pub reason: Option<String>,
}

/// The kind as the result calls it.
fn kind_of(section: &Section) -> String {
    match section.kind.as_str() {
        "application" => "data".to_owned(),
        kind => kind.to_owned(),
    }
}

fn codec(offer: &Section, answer: &Section) -> Option<String> {
    let is_offered = |codec: &&str| {
        offer
            .media_codecs()
            .any(|own| own.eq_ignore_ascii_case(codec))
    };
    let is_data = answer.kind == "application";
    answer
        .media_codecs()
        .find(|codec| !is_data && is_offered(codec))
        .map(str::to_owned)
}

/// The direction of an answer, as this side sees it: `sendrecv` is meant where none is told (RFC 8866 6.7).
fn direction(answer: &Section, is_offerer_here: bool) -> String {
    let told = answer.direction.as_deref().unwrap_or("sendrecv");
    let turned = match told {
        "sendonly" if is_offerer_here => "recvonly",
        "recvonly" if is_offerer_here => "sendonly",
        told => told,
    };
    turned.to_owned()
}

pub(super) fn media(call: &JoinedCall) -> Option<Vec<MediaReport>> {
    let streams: &[StreamRecord] = call.ends[0]
        .as_ref()
        .map(|account| account.streams.as_slice())
        .unwrap_or_default();
    let mut reports: Vec<MediaReport> = Vec::new();
    if let Some((offer, answer, is_ours)) = negotiated(call) {
        let lacking = lacking(offer, answer);
        let sections = offer.sections.iter().zip(&answer.sections).enumerate();
        for (place, (one, two)) in sections {
            let lacks = lacking.iter().find(|lacks| lacks.place == place);
            let rejected = "the answer rejects it (port 0)";
            reports.push(MediaReport {
                mid: two.mid.clone().or(one.mid.clone()),
                accepted: Some(!two.is_rejected() && lacks.is_none()),
                codec: codec(one, two).filter(|_| lacks.is_none()),
                direction: (two.kind != "application").then(|| direction(two, is_ours)),
                reason: lacks
                    .map(|lacks| lacks.why.clone())
                    .or_else(|| two.is_rejected().then(|| rejected.to_owned())),
                ..MediaReport::of(kind_of(two))
            });
        }
    }
    for stream in streams {
        let of_kind = |report: &&MediaReport| report.kind == stream.kind;
        let is_alone = reports.iter().filter(of_kind).count() == 1;
        let place = reports.iter().position(|report| {
            let is_it = match &stream.mid {
                None => is_alone || report.mid.is_none(),
                mid => report.mid == *mid,
            };
            report.kind == stream.kind && is_it
        });
        let place = place.unwrap_or_else(|| {
            reports.push(MediaReport {
                mid: stream.mid.clone(),
                ..MediaReport::of(stream.kind.clone())
            });
            reports.len() - 1
        });
        reports[place].add(stream);
    }
    for report in &mut reports {
        let mid = report.mid.as_deref();
        if let Some(own) = &call.ends[0] {
            let flow = flow(own, &report.kind, mid);
            report.received = report
                .received
                .or(flow.received.filter(|_| report.sent.is_some()));
        }
        if let Some(other) = &call.ends[1] {
            let flow = flow(other, &report.kind, mid);
            report.remote_sent = flow.sent;
            report.remote_received = flow
                .received
                .filter(|count| *count > 0 || report.sent.is_some());
            report.remote_lost = flow.lost.or(report.remote_lost);
        }
    }
    (!reports.is_empty()).then_some(reports)
}

impl MediaReport {
    const fn of(kind: String) -> Self {
        Self {
            mid: None,
            kind,
            accepted: None,
            codec: None,
            sent: None,
            received: None,
            lost: None,
            direction: None,
            remote_sent: None,
            remote_received: None,
            remote_lost: None,
            jitter_ms: None,
            frames_decoded: None,
            reason: None,
        }
    }

    fn add(&mut self, stream: &StreamRecord) {
        let sum = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        self.sent = sum(self.sent, stream.sent);
        self.received = sum(self.received, stream.received);
        self.lost = match (self.lost, stream.lost) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        // The other end's own record, where there is one, takes its place.
        self.remote_lost = match (self.remote_lost, stream.reported_lost) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        self.jitter_ms = self.jitter_ms.or(stream.jitter_ms.and_then(span));
        self.frames_decoded = sum(self.frames_decoded, stream.frames_decoded);
        // What is in use is surer than what was agreed first.
        self.codec = stream.codec.clone().or(self.codec.take());
    }
}

/// Offer and answer, as `sdp` judges them.
pub(super) fn described(call: &JoinedCall) -> Option<SdpResult> {
    let (offer, answer, _) = negotiated(call)?;
    let read = |text: &str| source::read(text).ok()?.into_iter().next();
    let question = Question {
        offer: read(&offer.text)?,
        with: With::Answer(Box::new(read(&answer.text)?)),
        others: 0,
        earlier: Vec::new(),
    };
    Some(result(&question))
}

/// Packets of two seconds of sound: what does not come beside so many was not sent, or does not arrive.
pub const MANY: u64 = 100;

/// A call that was agreed to go both ways, and of which one way has nothing at all.
pub(super) fn one_way(media: &[MediaReport], has_both_ends: bool) -> Option<Cause> {
    let media = || {
        let all = media.iter().filter(|section| section.kind != "data");
        all.filter(|section| section.accepted == Some(true))
    };
    let allows = |section: &MediaReport, one: &str| {
        let direction = section.direction.as_deref();
        direction == Some("sendrecv") || direction == Some(one)
    };
    let many = |count: Option<u64>| count.is_some_and(|count| count >= MANY);
    let goes = media().any(|section| many(section.sent) || many(section.remote_received));
    let comes = media().any(|section| many(section.received) || many(section.remote_sent));
    let may_send: Vec<&MediaReport> = media().filter(|one| allows(one, "sendonly")).collect();
    let may_come: Vec<&MediaReport> = media().filter(|one| allows(one, "recvonly")).collect();
    let kinds = |sections: &[&MediaReport]| {
        let mut kinds: Vec<String> = sections.iter().map(|one| one.kind.clone()).collect();
        kinds.dedup();
        kinds.join(" or ")
    };
    let all = |sections: &[&MediaReport], is_none: fn(&MediaReport) -> bool| {
        !sections.is_empty() && sections.iter().all(|section| is_none(section))
    };
    let source = "its sender has no track, or the source of it gives nothing";
    let (side, message) = if comes && all(&may_send, |one| one.sent == Some(0)) {
        let kinds = kinds(&may_send);
        let message = format!("this side sent no {kinds}, though that is agreed: {source}");
        (Whose::Local, message)
    } else if goes && all(&may_come, |one| one.remote_sent == Some(0)) {
        let kinds = kinds(&may_come);
        let message = format!("the other side sent no {kinds}, though that is agreed: {source}");
        (Whose::Remote, message)
    } else if !has_both_ends && goes && all(&may_come, |one| one.received == Some(0)) {
        let kinds = kinds(&may_come);
        let message = format!(
            "no {kinds} of the other side arrives, though that is agreed: either it sends none, or something on the way drops SRTP; the other end's dump counts what was sent there"
        );
        (Whose::Between, message)
    } else {
        return None;
    };
    let rows = media().map(|section| {
        let count =
            |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let (sent, came) = (count(section.sent), count(section.received));
        let direction = section.direction.as_deref().unwrap_or("sendrecv");
        format!(
            "{} ({direction}): {sent} packets sent, {came} received",
            section.kind
        )
    });
    Some(Cause {
        evidence: rows.collect(),
        ..Cause::new(Code::NoMedia, side, message)
    })
}
