//! `rtcdiag serve` for people: where it listens, then what it did.

use comfy_table::Cell;

use super::layout::{Detail, findings, headline, ink, line, section};
use super::style::{Ink, Style};
use crate::report::Document;
use crate::report::serve::{ListeningReport, ServeResult};
use crate::report::words::listed;

/// Where it listens.
pub fn listening(listening: &ListeningReport) -> String {
    let addresses: Vec<String> = listening
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut text = format!("listening on {}", listed(&addresses));
    for url in &listening.urls {
        text.push_str("\n  rtcdiag pair --rendezvous ");
        text.push_str(url);
    }
    if listening.urls.is_empty() {
        text.push_str("\n  the certificate has no name that a URL could have");
    }
    text
}

/// The document as text.
pub fn text(document: &Document<ServeResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    let verdict = headline(document, "the rendezvous has stopped");
    line(&mut out, &style.paint(ink(document.outcome), &verdict));
    if let Some(result) = &document.result {
        section(&mut out, style, "Totals");
        line(&mut out, &totals(result, style));
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

fn totals(result: &ServeResult, style: Style) -> String {
    let mut table = style.table();
    let mut row = |label: &str, value: String| {
        table.add_row(vec![Cell::new(label), style.cell(Ink::Bold, value)]);
    };
    row("connections", result.connections.to_string());
    row("rooms", result.rooms.to_string());
    row("joins", result.joins.to_string());
    row("messages", result.messages.to_string());
    row("bytes of messages", result.message_bytes.to_string());
    for (label, count) in [
        ("messages to nobody", result.messages_dropped),
        ("no HTTP request", result.foreign_connections),
        ("closed without a word", result.turned_away),
        ("not accepted", result.accept_errors),
    ] {
        if count > 0 {
            row(label, count.to_string());
        }
    }
    for refused in &result.refused {
        let label = format!("ended: {}", refused.code);
        row(&label, refused.count.to_string());
    }
    table.to_string()
}
