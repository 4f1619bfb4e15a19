//! How good the chosen pair is, and how that went.

use std::fmt::Write as _;

use serde_json::Value;

use super::markup::{Cell, WIDTH, figure, table};
use super::words::{list, milliseconds, number};

/// The picture, in its own units: the round trips above, what was lost below, the times at the bottom.
const LEFT: u32 = 8;
const RIGHT: u32 = WIDTH - 8;
const TRIPS: u32 = 20;
const TRIPS_END: u32 = 100;
const LOSSES: u32 = 120;
const LOSSES_END: u32 = 150;
const HEIGHT: u32 = 168;
/// With one part nothing goes anywhere.
const LEAST: usize = 2;

/// What was measured over the chosen pair.
pub(super) fn of_path(out: &mut String, result: &Value) {
    let quality = &result["quality"];
    if !quality.is_object() {
        return;
    }
    let mut rows = Vec::new();
    let counts = [("sent", "datagrams sent"), ("received", "came back")];
    for (key, name) in counts {
        if let Some(count) = number(&quality[key]) {
            rows.push(vec![Cell::new(name), Cell::new(count)]);
        }
    }
    if let Some(loss) = number(&quality["loss_percent"]) {
        rows.push(vec![Cell::new("lost"), Cell::new(format!("{loss} %"))]);
    }
    let rtt = &quality["rtt_ms"];
    for key in ["min", "median", "p95", "max"] {
        if rtt[key].is_number() {
            rows.push(vec![
                Cell::new(format!("round trip, {key}")),
                Cell::new(milliseconds(&rtt[key])),
            ]);
        }
    }
    if quality["jitter_ms"].is_number() {
        rows.push(vec![
            Cell::new("jitter"),
            Cell::new(milliseconds(&quality["jitter_ms"])),
        ]);
    }
    table(out, "Quality of the path", &[], &rows);
    over_time(out, list(quality, "course"));
}

/// A part of the test, as far as it can be drawn.
struct Span {
    at: f64,
    lost: f64,
    rtt: Option<f64>,
    words: String,
}

impl Span {
    fn of(part: &Value) -> Option<Self> {
        let (at, sent) = (part["at_ms"].as_f64()?, part["sent"].as_f64()?);
        let received = part["received"].as_f64()?.min(sent);
        let trip = part["rtt_ms"]
            .is_number()
            .then(|| milliseconds(&part["rtt_ms"]));
        let trip = trip.map_or_else(
            || "nothing came back".to_owned(),
            |trip| format!("round trip {trip}"),
        );
        let lost = match sent - received {
            0.0 => String::new(),
            lost => format!(", {lost} of {sent} lost"),
        };
        Some(Self {
            at,
            lost: (sent - received) / sent.max(1.0),
            rtt: part["rtt_ms"].as_f64(),
            words: format!("from {}: {trip}{lost}", milliseconds(&part["at_ms"])),
        })
    }
}

fn over_time(out: &mut String, parts: &[Value]) {
    let spans: Vec<Span> = parts.iter().filter_map(Span::of).collect();
    if spans.len() < LEAST {
        return;
    }
    let most = spans.iter().filter_map(|span| span.rtt).fold(0.0, f64::max);
    let words: Vec<String> = spans.iter().map(|span| span.words.clone()).collect();
    let mut drawing = String::new();
    let top = if most > 0.0 {
        format!("round trip, the line at the top is {most} ms")
    } else {
        "round trip: nothing came back".to_owned()
    };
    for (y, text) in [
        (TRIPS - 6, top.as_str()),
        (LOSSES - 6, "lost, of all sent in this time"),
    ] {
        let _ = write!(drawing, "<text x={LEFT} y={y}>{text}</text>");
    }
    for y in [TRIPS, TRIPS_END, LOSSES_END] {
        let _ = write!(
            drawing,
            "<line class=lane x1={LEFT} y1={y} x2={RIGHT} y2={y} />"
        );
    }
    draw(&mut drawing, &spans, most);
    let end = spans.last().map_or(0.0, |span| span.at);
    for (x, anchor, at) in [(LEFT, "start", 0.0), (RIGHT, "end", end)] {
        let _ = write!(
            drawing,
            "<text class=lane x={x} y={} text-anchor={anchor}>{at} ms</text>",
            HEIGHT - 4
        );
    }
    figure(
        out,
        "Round trip and loss over time",
        HEIGHT,
        &drawing,
        &words,
    );
}

/// A line through the round trips, broken where nothing came back, and a bar for each part that lost something.
fn draw(drawing: &mut String, spans: &[Span], most: f64) {
    let last = spans.last().map_or(0.0, |span| span.at).max(1.0);
    let bar = f64::from(RIGHT - LEFT) / (1.0 + last / spans[1].at.max(1.0));
    let x = |at: f64| f64::from(LEFT) + at / last * (f64::from(RIGHT - LEFT) - bar);
    let mut line = String::new();
    let mut begins = true;
    for span in spans {
        let Some(rtt) = span.rtt else {
            begins = true;
            continue;
        };
        let height = f64::from(TRIPS_END - TRIPS) * rtt / most.max(f64::MIN_POSITIVE);
        let command = if begins { 'M' } else { 'L' };
        let (x, y) = (x(span.at), f64::from(TRIPS_END) - height);
        // A part alone is a short line.
        let _ = write!(line, "{command}{x:.1} {y:.1}h{bar:.1}");
        begins = false;
    }
    if !line.is_empty() {
        let _ = write!(drawing, "<path class=trips d=\"{line}\" />");
    }
    for span in spans.iter().filter(|span| span.lost > 0.0) {
        let height = (f64::from(LOSSES_END - LOSSES) * span.lost).max(1.0);
        let y = f64::from(LOSSES_END) - height;
        let _ = write!(
            drawing,
            "<rect class=lost x={:.1} y={y:.1} width={bar:.1} height={height:.1} />",
            x(span.at)
        );
    }
}
