//! `rtcdiag serve` for people: where it listens, then what it did.

use std::fmt::Write;

use crate::base::report::Document;
use crate::base::words::listed;
use crate::commands::serve::report::responders::{
    StunListening, StunTotals, TurnListening, TurnTotals,
};
use crate::commands::serve::report::{BrokerTotals, ListeningReport, ServeResult};
use crate::ui::layout::{Detail, findings, headline, line, section};
use crate::ui::style::{Ink, Style};
use crate::ui::table::Cell;

/// How lines with a command for another host begin.
pub const COMMAND: &str = "  rtcdiag ";

/// How many URLs have a command of their own.
const URLS: usize = 3;

pub fn listening(listening: &ListeningReport) -> String {
    let addresses: Vec<String> = listening
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut text = format!("listening on {}", listed(&addresses));
    for url in listening.urls.iter().take(URLS) {
        // Writing into a String does not fail.
        let _ = write!(text, "\n{COMMAND}pair --rendezvous {url}");
    }
    if listening.urls.len() > URLS {
        let more: Vec<&str> = listening
            .urls
            .iter()
            .skip(URLS)
            .map(String::as_str)
            .collect();
        let _ = write!(text, "\n  or with {}", more.join(", "));
    }
    if listening.urls.is_empty() {
        text.push_str("\n  the certificate has no name that a URL could contain");
    }
    if let Some(admin) = listening.admin_address {
        let _ = write!(text, "\nhealth and metrics on http://{admin}");
    }
    if let Some(broker) = &listening.broker {
        let _ = write!(text, "\nrooms are shared at {}", broker.url);
        if let Some(error) = &broker.error {
            let _ = write!(text, ", once it is reached: {}", error.message);
        }
    }
    for server in &listening.stun {
        text.push_str(&stun(server));
    }
    if let Some(server) = &listening.turn {
        text.push_str(&turn(server));
    }
    text
}

fn stun(server: &StunListening) -> String {
    let discovery = match server.alternate_address {
        Some(alternate) => format!("with behaviour discovery (other address {alternate})"),
        None => "without behaviour discovery (--stun-alternate)".to_owned(),
    };
    let mut text = format!("\nSTUN on {}, {discovery}", server.address);
    for uri in &server.uris {
        let _ = write!(text, "\n{COMMAND}nat -s {}", in_shell(uri));
    }
    text
}

fn turn(server: &TurnListening) -> String {
    let addresses: Vec<String> = server.addresses.iter().map(ToString::to_string).collect();
    let mut clients = Vec::new();
    match server.users {
        0 => {}
        1 => clients.push("1 user".to_owned()),
        count => clients.push(format!("{count} users")),
    }
    if server.shared_secret {
        clients.push("time-limited credentials".to_owned());
    }
    let mut text = format!("\nTURN on {}, for {}", listed(&addresses), listed(&clients));
    for uri in &server.uris {
        let _ = write!(text, "\n{COMMAND}turn {}", in_shell(uri));
    }
    text
}

/// Brackets are a pattern to a shell.
fn in_shell(uri: &str) -> String {
    if uri.contains('[') {
        format!("'{uri}'")
    } else {
        uri.to_owned()
    }
}

pub fn text(document: &Document<ServeResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    line(
        &mut out,
        &headline(document, "the rendezvous has stopped", style),
    );
    if let Some(result) = &document.result {
        section(&mut out, style, "Totals");
        line(&mut out, &totals(result, style));
        if let Some(totals) = &result.stun_totals {
            section(&mut out, style, "STUN");
            line(&mut out, &table(style, &stun_totals(totals)));
        }
        if let Some(totals) = &result.turn_totals {
            section(&mut out, style, "TURN");
            line(&mut out, &table(style, &turn_totals(totals)));
        }
        if let Some(totals) = &result.broker_totals {
            section(&mut out, style, "Broker");
            line(&mut out, &table(style, &broker_totals(totals)));
        }
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

fn totals(result: &ServeResult, style: Style) -> String {
    let mut rows = rows(&[
        ("connections", result.connections),
        ("rooms", result.rooms),
        ("joins", result.joins),
        ("messages", result.messages),
        ("bytes of messages", result.message_bytes),
    ]);
    rows.extend(those_that_count(&[
        ("messages to nobody", result.messages_dropped),
        ("no HTTP request", result.foreign_connections),
        ("closed without a word", result.turned_away),
        ("not accepted", result.accept_errors),
    ]));
    let refused = result.refused.iter();
    rows.extend(refused.map(|r| (format!("ended: {}", r.code), r.count)));
    table(style, &rows)
}

fn stun_totals(totals: &StunTotals) -> Vec<(String, u64)> {
    let mut rows = rows(&[("requests", totals.requests), ("answers", totals.answers)]);
    rows.extend(those_that_count(&[
        ("error answers", totals.errors),
        ("too many from one address", totals.limited),
        ("malformed", totals.malformed),
        ("ignored", totals.ignored),
    ]));
    rows
}

fn turn_totals(totals: &TurnTotals) -> Vec<(String, u64)> {
    let mut rows = rows(&[
        ("relays", totals.allocations),
        ("bytes to peers", totals.bytes_to_peers),
        ("bytes from peers", totals.bytes_from_peers),
        ("Binding requests", totals.binding.requests),
    ]);
    rows.extend(those_that_count(&[
        ("datagrams without permission", totals.not_permitted),
        ("datagrams over the rate", totals.over_rate),
        ("too many from one address", totals.limited),
        ("malformed", totals.malformed),
    ]));
    let refused = totals.refused.iter();
    rows.extend(refused.map(|r| (format!("error {} ({})", r.error, r.reason), r.count)));
    rows
}

fn broker_totals(totals: &BrokerTotals) -> Vec<(String, u64)> {
    let mut rows = rows(&[
        ("connections", totals.connections),
        ("messages to other servers", totals.sent),
        ("messages from them", totals.received),
    ]);
    rows.extend(those_that_count(&[
        ("messages not taken", totals.lost),
        ("times that something was lost", totals.gaps),
        ("messages to nobody", totals.strays),
        ("messages of others", totals.foreign),
    ]));
    rows
}

fn rows(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(l, n)| ((*l).to_owned(), *n)).collect()
}

/// Without those that nobody needs to see.
fn those_that_count(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    let mut rows = rows(all);
    rows.retain(|(_, count)| *count > 0);
    rows
}

fn table(style: Style, rows: &[(String, u64)]) -> String {
    let mut table = style.table();
    for (label, count) in rows {
        table.add_row(vec![
            Cell::new(label),
            style.cell(Ink::Bold, count.to_string()),
        ]);
    }
    table.to_string()
}
