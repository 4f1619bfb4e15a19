//! The course of a call as a sequence diagram: who says what to whom, and when.

use std::fmt::Write as _;

use serde_json::Value;

use crate::base::words::capitalised;
use crate::ui::course::missing;

use super::markup::{Cell, WIDTH, cut, escape, figure, table};
use super::words::{label, list, milliseconds, number, text};

/// The lanes of the picture, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Here,
    Servers,
    Rendezvous,
    There,
}

const LANES: [(Lane, &str); 4] = [
    (Lane::Here, "this side"),
    (Lane::Servers, "servers"),
    (Lane::Rendezvous, "signalling"),
    (Lane::There, "other side"),
];

/// Steps that are drawn; with more, the rest is told in words.
const MOST_ROWS: usize = 40;
/// Steps that are told in words; the document has all.
const MOST_WORDS: usize = 200;
const HEAD: u32 = 26;
const ROW: u32 = 34;

/// Steps of one kind that follow each other.
struct Row {
    from: Lane,
    to: Lane,
    words: String,
    class: &'static str,
}

/// The steps of the call, the one that it stopped at marked.
pub(super) fn of_steps(out: &mut String, result: &Value) {
    let steps = list(result, "steps").iter().take(MOST_ROWS);
    let rows: Vec<Vec<Cell>> = steps
        .map(|step| {
            let status = text(step, "status").unwrap_or_default();
            let when = match (status, &step["at_ms"]) {
                ("done", Value::Null) => status.to_owned(),
                ("done", at) => milliseconds(at),
                _ => label(status),
            };
            let class = match status {
                "done" => "good",
                "stopped" => "bad",
                "failed" => "open",
                _ => "quiet",
            };
            let whose = match text(step, "side") {
                Some("local") => "this side",
                Some("remote") => "the other side",
                Some("both") => "both sides",
                Some("between") => "between the two",
                _ => "-",
            };
            let words = [text(step, "message"), text(step, "detail")];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            vec![
                Cell::new(number(&step["number"]).unwrap_or_default()),
                Cell::new(words.join(": ")),
                Cell::of(class, when),
                Cell::new(whose),
            ]
        })
        .collect();
    table(
        out,
        "Steps of the call",
        &["step", "what", "when", "whose"],
        &rows,
    );
    let numbers = list(result, "steps")
        .iter()
        .filter_map(|step| step["number"].as_u64());
    let numbers = numbers.filter_map(|number| usize::try_from(number).ok());
    if let Some(note) = missing(numbers) {
        let _ = write!(out, "<p class=note>{}.</p>", escape(&capitalised(&note)));
    }
}

pub(super) fn of_timeline(out: &mut String, result: &Value) {
    let mut events = list(result, "timeline").iter().peekable();
    let mut rows = Vec::new();
    let mut words = Vec::new();
    while let Some(event) = events.next() {
        let name = text(event, "event").unwrap_or_default();
        let side = text(event, "side");
        let detail = text(event, "detail").unwrap_or_default();
        let (mut count, mut last) = (1, event);
        while let Some(next) = events.next_if(|next| {
            text(next, "event") == Some(name)
                && text(next, "side") == side
                && comes_from_server(name, text(next, "detail").unwrap_or_default())
                    == comes_from_server(name, detail)
        }) {
            count += 1;
            last = next;
        }
        let (from, to) = way(name, detail);
        let turn = |lane| {
            if side == Some("remote") {
                mirrored(lane)
            } else {
                lane
            }
        };
        let (first, last) = (milliseconds(&event["at_ms"]), milliseconds(&last["at_ms"]));
        let at = if first == last {
            first
        } else {
            format!("{first} to {last}")
        };
        let times = if count > 1 {
            format!(" ({count} times)")
        } else {
            String::new()
        };
        let whose = if side == Some("remote") {
            ", at the other side"
        } else {
            ""
        };
        let what = format!("{}{times}", label(name));
        let detail = if detail.is_empty() || count > 1 {
            String::new()
        } else {
            format!(": {detail}")
        };
        if words.len() < MOST_WORDS {
            words.push(cut(&format!("{at}: {what}{whose}{detail}"), 200));
        }
        rows.push(Row {
            from: turn(from),
            to: turn(to),
            words: cut(&format!("{at}  {what}"), 56),
            class: class(name),
        });
    }
    if rows.is_empty() {
        return;
    }
    let hidden = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    let mut drawing = drawing(&rows);
    let mut height = bottom(&rows) + 8;
    if hidden > 0 {
        height += 16;
        let _ = write!(
            drawing,
            "<text x=8 y={}>{hidden} more steps are told in words.</text>",
            height - 6
        );
    }
    figure(out, "Course of the call", height, &drawing, &words);
}

fn comes_from_server(name: &str, detail: &str) -> bool {
    name == "candidate-found" && (detail.starts_with("srflx") || detail.starts_with("relay"))
}

/// From where to where a step goes, seen from this side.
fn way(name: &str, detail: &str) -> (Lane, Lane) {
    use Lane::{Here, Rendezvous, Servers, There};
    match name {
        "rendezvous-joined" | "rendezvous-rejoined" => (Here, Rendezvous),
        "rendezvous-lost" | "rendezvous-unreached" => (Rendezvous, Here),
        "peer-joined" | "peer-left" => (There, Rendezvous),
        "candidate-found" if comes_from_server(name, detail) => (Servers, Here),
        "server-answered" | "server-failed" => (Servers, Here),
        "description-sent" | "check-sent" | "pair-nominated" => (Here, There),
        "description-received"
        | "candidate-received"
        | "remote-gathering-complete"
        | "check-succeeded"
        | "record-received"
        | "peer-ended"
        | "connected"
        | "dtls-connected"
        | "channel-opened"
        | "data-exchanged"
        | "media-received"
        | "media-measured" => (There, Here),
        _ => (Here, Here),
    }
}

const fn mirrored(lane: Lane) -> Lane {
    match lane {
        Lane::Here => Lane::There,
        Lane::There => Lane::Here,
        other => other,
    }
}

fn class(name: &str) -> &'static str {
    match name {
        "connected" | "dtls-connected" | "channel-opened" | "data-exchanged"
        | "check-succeeded" => "good",
        "check-failed" | "server-failed" | "failed" | "dtls-failed" | "disconnected"
        | "rendezvous-lost" => "bad",
        _ => "",
    }
}

const fn x(lane: Lane) -> u32 {
    match lane {
        Lane::Here => 40,
        Lane::Servers => 133,
        Lane::Rendezvous => 226,
        Lane::There => 320,
    }
}

/// Where the last row ends. There are no more than [`MOST_ROWS`].
fn bottom(rows: &[Row]) -> u32 {
    rows.iter().fold(HEAD, |bottom, _| bottom + ROW)
}

fn drawing(rows: &[Row]) -> String {
    let mut out = String::new();
    let bottom = bottom(rows);
    for (lane, name) in LANES {
        let x = x(lane);
        let _ = write!(
            out,
            "<text class=lane x={x} y=14 text-anchor=middle>{name}</text>\
             <line class=lane x1={x} y1=20 x2={x} y2={bottom} />"
        );
    }
    let mut y = HEAD;
    for row in rows {
        y += ROW;
        of_row(&mut out, row, y - 8);
    }
    out
}

/// The words above, and the arrow below them.
fn of_row(out: &mut String, row: &Row, y: u32) {
    let (from, to) = (x(row.from), x(row.to));
    let middle = u32::midpoint(from, to);
    let (at, anchor) = match middle {
        ..110 => (6, "start"),
        250.. => (WIDTH - 6, "end"),
        _ => (middle, "middle"),
    };
    let _ = write!(
        out,
        "<g class=\"step {}\"><text x={at} y={} text-anchor={anchor}>{}</text>",
        row.class,
        y - 6,
        escape(&row.words)
    );
    if from == to {
        let _ = write!(out, "<circle cx={from} cy={y} r=3 />");
    } else {
        let tip = if to > from { to - 6 } else { to + 6 };
        let _ = write!(
            out,
            "<line x1={from} y1={y} x2={to} y2={y} /><path d=\"M{to} {y}L{tip} {}L{tip} {}Z\"/>",
            y - 3,
            y + 3
        );
    }
    out.push_str("</g>");
}
