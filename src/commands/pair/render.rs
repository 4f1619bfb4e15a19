//! `rtcdiag pair` for people: both sides, every pair, path, prediction, timeline, findings, summary.

mod media;
pub mod screen;
mod sides;
mod table;
mod timeline;

use crate::base::codes::Code;
use crate::base::report::{Document, Millis};
use crate::commands::gather::render::list_servers;
use crate::commands::pair::report::{
    Expected, LargestReport, PairResult, PairState, PathKind, PredictionReport, QualityReport,
    Role, SessionMode, TimelineEvent,
};
use crate::ui::course;
pub use crate::ui::course::live;
use crate::ui::layout::{Detail, findings, headline, line, section};
use crate::ui::style::Style;

pub fn text(document: &Document<PairResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    line(&mut out, &headline(document, &about(document), style));
    if let Some(result) = &document.result {
        sides::list(&mut out, result, style, detail);
        table::list(&mut out, result, style, detail);
        if let Some(quality) = &result.quality {
            section(&mut out, style, "Path quality");
            paragraph(&mut out, style, 1, &of_path(quality));
        }
        media::list(&mut out, result, style);
        if !result.prediction.because.is_empty() {
            section(&mut out, style, "Prediction");
            paragraph(&mut out, style, 1, &promised(&result.prediction));
        }
        let start = timeline::start(result);
        course::list(
            &mut out,
            &result.steps,
            &result.timeline,
            start,
            style,
            detail,
        );
        if detail.verbose {
            section(&mut out, style, "Session");
            paragraph(&mut out, style, 1, &session(result));
            list_servers(&mut out, &result.servers, style, detail);
        }
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

fn paragraph(out: &mut String, style: Style, indent: u16, text: &str) {
    let wrapped = style.narrower(indent).wrap(text, 0);
    for text in wrapped.lines() {
        line(out, &format!("{}{text}", " ".repeat(usize::from(indent))));
    }
}

fn about(document: &Document<PairResult>) -> String {
    let Some(result) = &document.result else {
        return "no session".to_owned();
    };
    let has = |code| document.findings.iter().any(|f| f.code == code);
    match (result.state, result.path) {
        (PairState::Connected, Some(PathKind::Direct)) => "connected directly",
        (PairState::Connected, Some(PathKind::Relayed)) => "connected through a TURN server",
        (PairState::Connected, None) => "connected",
        (PairState::Failed, _) => "no connection",
        (PairState::NoPeer, _) if has(Code::RendezvousFailed) => "the rendezvous could not be used",
        (PairState::NoPeer, _) => "the other side never came",
    }
    .to_owned()
}

fn of_path(quality: &QualityReport) -> String {
    let until = quality.ended_after_ms.map_or("", |_| " until it ended");
    let mut parts = vec![format!(
        "{} datagrams sent{until}, {} came back ({:.1} % loss)",
        quality.sent, quality.received, quality.loss_percent
    )];
    parts.extend(quality.rtt_ms.map(|rtt| {
        format!(
            "round trip {:.1} ms at least, {:.1} ms in the median, 95 % within {:.1} ms, {:.1} ms at most",
            rtt.min.as_f64(),
            rtt.median.as_f64(),
            rtt.p95.as_f64(),
            rtt.max.as_f64()
        )
    }));
    let jitter = quality.jitter_ms.map(Millis::as_f64);
    parts.extend(jitter.map(|ms| format!("jitter {ms:.1} ms (RFC 3550)")));
    let lossy = quality.large.filter(|large| large.received < large.sent);
    parts.extend(lossy.map(|large| {
        format!(
            "of {} datagrams of {} bytes, {} came back",
            large.sent, large.bytes, large.received
        )
    }));
    parts.extend(largest(quality.largest_datagram_bytes));
    parts.join("; ")
}

fn largest(largest: LargestReport) -> Option<String> {
    match (largest.sent, largest.received) {
        (Some(there), Some(back)) if there == back => {
            Some(format!("datagrams of up to {there} bytes pass each way"))
        }
        (Some(there), Some(back)) => Some(format!(
            "datagrams of up to {there} bytes pass on the way there, {back} on the way back"
        )),
        (Some(there), None) => Some(format!(
            "datagrams of up to {there} bytes pass on the way there"
        )),
        (None, Some(back)) => Some(format!(
            "datagrams of up to {back} bytes pass on the way back"
        )),
        (None, None) => None,
    }
}

fn promised(prediction: &PredictionReport) -> String {
    let expected = match prediction.expected {
        Expected::Direct => "a direct connection",
        Expected::Relay => "a relayed connection",
        Expected::Fail => "no connection",
        Expected::Unknown => return format!("Unknown. {}", prediction.because),
    };
    let held = match prediction.agrees {
        Some(true) => ", and it held",
        Some(false) => ", and it did NOT hold",
        None => "",
    };
    format!("Expected {expected}{held}. {}", prediction.because)
}

fn session(result: &PairResult) -> String {
    let session = &result.session;
    let way = match session.mode {
        SessionMode::Rendezvous => "through a rendezvous server",
        SessionMode::Embedded => "through the rendezvous server of one of the two sides",
        SessionMode::Manual => "lines of text, carried by people",
        SessionMode::ManualSdp => "SDP, carried by people",
    };
    let role = match result.role {
        Role::Controlling => "this side is controlling (it nominates)",
        Role::Controlled => "this side is controlled (the other one nominates)",
    };
    let mut parts = vec![match &session.rendezvous {
        Some(uri) => format!("{way}, {uri}"),
        None => way.to_owned(),
    }];
    parts.push(role.to_owned());
    let mut steps = result.timeline.iter();
    if steps.any(|entry| entry.event == TimelineEvent::ChannelOpened) {
        parts.push("the other side is a browser, and data go in a data channel".to_owned());
    }
    let version = session.peer_version.as_ref();
    parts.extend(version.map(|v| format!("the other side runs version {v}")));
    if session.reconnects > 0 {
        parts.push(format!("reconnected {} times", session.reconnects));
    }
    parts.join("; ")
}
