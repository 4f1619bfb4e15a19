//! `rtcdiag inspect` for people: for each call both sides, every pair, the steps, and why.

use std::fmt::Write as _;

use crate::base::codes::Code;
use crate::base::report::Document;
use crate::base::words::counted;
use crate::commands::inspect::report::{CallPairReport, CallReport, CallSide, InspectResult};
use crate::commands::inspect::verdict::{is_half_seen, is_of_media_alone, is_open, sentence};
use crate::commands::pair::report::{CheckState, PathKind};
use crate::proto::evidence::facts::standing::Standing;
use crate::ui::course;
use crate::ui::layout::{Detail, findings, headline, line, milliseconds, section};
use crate::ui::style::{Ink, Style};
use crate::ui::table::Cell;

/// Calls that are shown in full without `-v`.
const CALLS: usize = 3;
/// Candidates and pairs of a call that are shown without `-v`.
const ROWS: usize = 12;

pub fn text(document: &Document<InspectResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    line(&mut out, &headline(document, &about(document), style));
    if let Some(result) = &document.result {
        if result.sources.len() > 1 || detail.verbose {
            sources(&mut out, result, style);
        }
        let shown = if detail.verbose { usize::MAX } else { CALLS };
        let is_alone = result.calls.len() == 1;
        for (place, call) in result.calls.iter().enumerate().take(shown) {
            if !is_alone {
                section(&mut out, style, &format!("Call {}", place + 1));
                paragraph(&mut out, style, 1, &sentence(call));
            }
            of_call(&mut out, call, style, detail);
        }
        if result.calls.len() > shown {
            let rest = counted(result.calls.len() - shown, "more call");
            line(&mut out, &format!("\n({rest}; -v shows them)"));
        }
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

fn about(document: &Document<InspectResult>) -> String {
    let calls = document
        .result
        .as_ref()
        .map(|result| result.calls.as_slice())
        .unwrap_or_default();
    let [call] = calls else {
        return match calls.len() {
            0 => "no call in it".to_owned(),
            count => counted(count, "call"),
        };
    };
    match (call.standing, call.path) {
        (Standing::Connected, _) if call.causes.iter().any(|c| c.code == Code::SdpBundle) => {
            "not all of the media was connected"
        }
        (Standing::Connected, Some(PathKind::Relayed)) => {
            "the call was connected through a TURN server"
        }
        (Standing::Connected, Some(PathKind::Direct)) => "the call was connected directly",
        (Standing::Connected, None) => "the call was connected",
        (Standing::Lost, _) => "the call lost its path",
        (Standing::DtlsFailed | Standing::Insecure, _) => {
            let first = call.causes.first().map(|cause| cause.code);
            match first {
                Some(Code::Unknown | Code::Unauthorized) => "no connection",
                _ => "no connection: DTLS",
            }
        }
        (Standing::Unanswered | Standing::Untried, _) if is_open(call) => {
            "whether it worked is not told"
        }
        (Standing::Unanswered | Standing::Untried, _) if is_of_media_alone(call) => {
            "not all of the media can be agreed"
        }
        _ if call
            .causes
            .iter()
            .any(|cause| cause.code == Code::DescriptionFailed) =>
        {
            "a description was not made or not taken"
        }
        (Standing::Unanswered, _) => "the call was not answered",
        (Standing::Checking, _) if is_half_seen(call) || is_open(call) => {
            "whether it worked is not told"
        }
        (Standing::Nothing, _) => "nothing was begun",
        (Standing::Checking, _) => "not connected when it was saved",
        (Standing::Failed | Standing::Untried, _) => "no connection",
    }
    .to_owned()
}

fn paragraph(out: &mut String, style: Style, indent: u16, text: &str) {
    let wrapped = style.narrower(indent).wrap(text, 0);
    for text in wrapped.lines() {
        line(out, &format!("{}{text}", " ".repeat(usize::from(indent))));
    }
}

/// The end of a path that is too long for its row: what tells files apart stands there. The
/// document has it whole.
fn end_of_path(path: &str, room: usize) -> String {
    let length = path.chars().count();
    if length <= room {
        return path.to_owned();
    }
    let end: String = path.chars().skip(length + 3 - room).collect();
    let from = end.find('/').unwrap_or(0);
    format!("...{}", &end[from..])
}

fn sources(out: &mut String, result: &InspectResult, style: Style) {
    section(out, style, "Files");
    for source in &result.sources {
        let kind = source
            .kind
            .map_or_else(|| "not read".to_owned(), |kind| kind.to_string());
        let whose = match source.side {
            Some(0) => ", this side",
            Some(_) => ", the other side",
            None => "",
        };
        let mut text = format!(": {kind}{whose}");
        if result.calls.len() > 1 && !source.calls.is_empty() {
            let places: Vec<String> = source
                .calls
                .iter()
                .take(5)
                .map(|place| (place + 1).to_string())
                .collect();
            let more = if source.calls.len() > 5 { " ..." } else { "" };
            let _ = write!(text, ", call {}{more}", places.join(", "));
        }
        let room = usize::from(style.width).saturating_sub(1 + text.chars().count());
        let file = end_of_path(&source.file, room.max(20));
        paragraph(out, style, 1, &format!("{file}{text}"));
    }
}

fn of_call(out: &mut String, call: &CallReport, style: Style, detail: Detail) {
    for (title, side) in [("This side", &call.local), ("Other side", &call.remote)] {
        of_side(out, title, side, style, detail);
    }
    pairs(out, &call.pairs, style, detail);
    media(out, call, style);
    course::list(out, &call.steps, &call.timeline, None, style, detail);
}

fn of_side(out: &mut String, title: &str, side: &CallSide, style: Style, detail: Detail) {
    if side.candidates.is_empty() && side.servers.is_none() {
        return;
    }
    section(out, style, title);
    let shown = if detail.verbose { usize::MAX } else { ROWS };
    for candidate in side.candidates.iter().take(shown) {
        let address = candidate.address.as_deref().unwrap_or("hidden");
        let address = if address.contains(':') {
            format!("[{address}]")
        } else {
            address.to_owned()
        };
        let over = if candidate.transport == crate::proto::stun::uri::Transport::Tcp {
            " TCP"
        } else {
            ""
        };
        let from = candidate
            .server
            .as_ref()
            .map_or_else(String::new, |server| format!(" from {server}"));
        let quiet = if candidate.signalled {
            ""
        } else {
            " (not told)"
        };
        let port = match candidate.port {
            0 => String::new(),
            port => format!(":{port}"),
        };
        let text = format!("{address}{port}{over}{from}{quiet}");
        let wrapped = style.narrower(8).wrap(&text, 0);
        for (number, text) in wrapped.lines().enumerate() {
            let label = if number == 0 {
                candidate.kind.name()
            } else {
                ""
            };
            line(out, &format!(" {label:<6} {text}"));
        }
    }
    if side.candidates.len() > shown {
        line(
            out,
            &format!(" ({} more; -v shows them)", side.candidates.len() - shown),
        );
    }
    for server in side.servers.iter().flatten() {
        if let Some(error) = &server.error {
            paragraph(
                out,
                style,
                1,
                &format!("{}: {} ({})", server.uri, error.message, error.code),
            );
        }
    }
    if side.servers.as_ref().is_some_and(Vec::is_empty) {
        line(out, " no STUN or TURN server");
    }
}

const LEGEND: &str = "Checks: sent/arrived/answered, then the other side's that arrived here/answered. ? means not known, * selected.";

fn pairs(out: &mut String, pairs: &[CallPairReport], style: Style, detail: Detail) {
    if pairs.is_empty() {
        return;
    }
    section(out, style, "Pairs");
    let mut table = style.table();
    table.set_header(vec!["pair", "checks", "result"]);
    let shown = if detail.verbose { usize::MAX } else { ROWS };
    for pair in pairs.iter().take(shown) {
        let mark = if pair.selected { "*" } else { " " };
        let ends = format!(
            "{mark} {:<5} {}\n  {:<5} {}",
            pair.local.kind.name(),
            pair.local.text(),
            pair.remote.kind.name(),
            pair.remote.text()
        );
        let arrived = or_unknown(pair.requests_arrived);
        let [sent, answered, received, given] = [
            pair.requests_sent,
            pair.responses_received,
            pair.requests_received,
            pair.responses_sent,
        ]
        .map(or_unknown);
        let checks = format!("{sent}/{arrived}/{answered}\n{received}/{given}");
        let (word, ink) = match pair.state {
            CheckState::Succeeded if pair.selected => ("selected", Ink::Good),
            CheckState::Succeeded => ("answered", Ink::Good),
            CheckState::Failed => ("failed", Ink::Bad),
            CheckState::InProgress => ("no answer yet", Ink::Caution),
            CheckState::Waiting | CheckState::Frozen => match &pair.failure {
                Some(failure) if failure.code == Code::CutShort => ("not needed", Ink::Faint),
                _ => ("not tried", Ink::Faint),
            },
        };
        let more = pair
            .rtt_ms
            .map_or_else(String::new, |rtt| format!("\n{}", milliseconds(Some(rtt))));
        table.add_row(vec![
            Cell::new(ends),
            Cell::new(checks),
            style.cell(ink, format!("{word}{more}")),
        ]);
    }
    style.keep_whole(&mut table, 0);
    line(out, &table.to_string());
    if pairs.len() > shown {
        line(
            out,
            &format!(" ({} more; -v shows them)", pairs.len() - shown),
        );
    }
    if !detail.terse {
        paragraph(out, style, 1, LEGEND);
    }
}

fn or_unknown(count: Option<u32>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

fn media(out: &mut String, call: &CallReport, style: Style) {
    let Some(media) = &call.media else {
        return;
    };
    section(out, style, "Media");
    for report in media {
        let is_inactive = report.direction.as_deref() == Some("inactive");
        let mut parts = vec![match report.accepted {
            Some(true) if is_inactive => "inactive".to_owned(),
            Some(true) => "accepted".to_owned(),
            Some(false) => "rejected".to_owned(),
            None => "in use".to_owned(),
        }];
        parts.extend(report.codec.clone());
        let direction = report.direction.clone();
        parts.extend(direction.filter(|_| report.accepted == Some(true) && !is_inactive));
        let unit = if report.kind == "data" {
            "messages"
        } else {
            "packets"
        };
        if let (Some(sent), received) = (report.sent, report.received.unwrap_or(0)) {
            parts.push(format!("{sent} {unit} sent, {received} received"));
        }
        parts.extend(
            report
                .lost
                .filter(|lost| *lost > 0)
                .map(|lost| format!("{lost} lost")),
        );
        if let (Some(sent), received) = (report.remote_sent, report.remote_received.unwrap_or(0)) {
            let lost = report.remote_lost.filter(|lost| *lost > 0);
            let lost = lost.map_or_else(String::new, |lost| format!(" ({lost} lost)"));
            parts.push(format!(
                "by the other side {sent} sent, {received} received{lost}"
            ));
        }
        parts.extend(report.reason.clone());
        paragraph(
            out,
            style,
            1,
            &format!("{}: {}", report.kind, parts.join(", ")),
        );
    }
}
