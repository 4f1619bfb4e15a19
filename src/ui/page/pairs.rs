//! Every pair, as a matrix of this side's candidates by those of the other side.

use std::fmt::Write as _;

use serde_json::Value;

use super::markup::{escape, heading};
use super::words::{candidate, label, list, milliseconds, text};

/// Rows and columns that are drawn.
const MOST: usize = 16;

pub(super) fn matrix(out: &mut String, result: &Value) {
    let pairs = list(result, "pairs");
    if pairs.is_empty() {
        return;
    }
    let names = |end: &str| {
        let mut names: Vec<String> = Vec::new();
        for pair in pairs {
            let name = candidate(&pair[end]);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    };
    let (rows, columns) = (names("local"), names("remote"));
    heading(out, "Pairs");
    out.push_str(
        "<div class=wide tabindex=0 role=region aria-label=Pairs><table class=matrix>\
         <thead><tr><td>this side \\ other side</td>",
    );
    for column in columns.iter().take(MOST) {
        let _ = write!(out, "<th scope=col>{}</th>", escape(column));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows.iter().take(MOST) {
        let _ = write!(out, "<tr><th scope=row>{}</th>", escape(row));
        for column in columns.iter().take(MOST) {
            let both = |pair: &&Value| {
                candidate(&pair["local"]) == *row && candidate(&pair["remote"]) == *column
            };
            match pairs.iter().find(both) {
                Some(pair) => cell(out, pair),
                None => out.push_str("<td class=quiet>no pair</td>"),
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    if rows.len() > MOST || columns.len() > MOST {
        let _ = write!(
            out,
            "<p class=note>{} pairs in all: the document has them.</p>",
            pairs.len()
        );
    }
    out.push_str(
        "<p class=note>Checks: sent, arrived there and answered / received here and answered.</p>",
    );
}

fn cell(out: &mut String, pair: &Value) {
    let state = text(pair, "state").unwrap_or("unknown");
    let is_selected = pair["selected"].as_bool() == Some(true);
    let class = match (state, is_selected) {
        (_, true) => "selected",
        ("succeeded", _) => "good",
        ("failed", _) => "bad",
        _ => "quiet",
    };
    let mut words = if is_selected {
        "selected".to_owned()
    } else {
        label(state)
    };
    if let Some(code) = text(&pair["failure"], "code") {
        let _ = write!(words, ", {}", label(code));
    }
    let count = |key| {
        let number = pair.get(key).and_then(Value::as_u64);
        number.map_or_else(|| "?".to_owned(), |number| number.to_string())
    };
    let rtt = if pair["rtt_ms"].is_number() {
        format!(", {}", milliseconds(&pair["rtt_ms"]))
    } else {
        String::new()
    };
    let why = text(&pair["failure"], "message").unwrap_or_default();
    let _ = write!(
        out,
        "<td class={class}>{}<br>{}/{}/{} &middot; {}/{}{}",
        escape(&words),
        count("requests_sent"),
        count("requests_arrived"),
        count("responses_received"),
        count("requests_received"),
        count("responses_sent"),
        escape(&rtt),
    );
    if !why.is_empty() {
        let _ = write!(out, "<br><small>{}</small>", escape(why));
    }
    out.push_str("</td>");
}
