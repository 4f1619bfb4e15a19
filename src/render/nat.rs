//! `rtcdiag nat` for people: verdict, facts, peers, servers, findings, summary.

mod facts;
mod paths;
pub mod rounds;

use std::fmt::Write;

use super::layout::{Detail, findings, headline, ink, line, milliseconds, section};
use super::style::{Ink, Style};
use super::table::{Cell, Table};
use crate::fact::Fact;
use crate::nat::probe::Test;
use crate::nat::reachability::{Expected, FILTERINGS, MAPPINGS};
use crate::report::Document;
use crate::report::nat::paths::are_several;
use crate::report::nat::{
    BehaviorDiscoveryReport, NatResult, ObservationReport, PathReport, Reachable, ServerReport,
};
use crate::stun::uri::Transport;

/// The document as text.
pub fn text(document: &Document<NatResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    match &document.result {
        // Each round has had its line.
        Some(result) if result.rounds.is_some() => {
            if let Some(rounds) = &result.rounds {
                rounds::totals(&mut out, rounds, style);
            }
            if detail.verbose && !result.paths.is_empty() {
                section(&mut out, style, "The last round");
                of_round(&mut out, document, result, style, detail);
            }
        }
        Some(result) => of_round(&mut out, document, result, style, detail),
        None => line(&mut out, &verdict_line(document, style)),
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

/// All about one round: verdict, facts, peers, servers, with -v every observation.
fn of_round(
    out: &mut String,
    document: &Document<NatResult>,
    result: &NatResult,
    style: Style,
    detail: Detail,
) {
    line(out, &verdict_line(document, style));
    let several = are_several(&result.paths);
    if several {
        section(out, style, "Paths");
        line(out, &paths::overview(&result.paths, style).to_string());
    }
    // Of a path that is not open, the overview says all that is known.
    let told: Vec<&PathReport> = result
        .paths
        .iter()
        .filter(|p| !several || p.is_open() || p.tcp.open == Fact::Determined(true))
        .collect();
    // More than two columns of these terms leave no room.
    for beside in told.chunks(2) {
        section(out, style, "Facts");
        line(out, &facts::facts(beside, several, style).to_string());
    }
    if let Some(path) = result.paths.iter().find(|p| p.is_open()) {
        let title = format!("Direct connection with peers, {}", path.way(several));
        section(out, style, &title);
        line(out, &peers(&result.reachability, style).to_string());
    }
    for (title, rows) in by_interface(&result.servers) {
        section(out, style, &title);
        line(out, &servers(&rows, style).to_string());
    }
    if detail.verbose && !result.observations.is_empty() {
        section(out, style, "Observations");
        line(out, &observations(result, several, style).to_string());
    }
}

/// The servers, in a part of their own for each interface if there are several.
fn by_interface(servers: &[ServerReport]) -> Vec<(String, Vec<&ServerReport>)> {
    let mut names: Vec<Option<&String>> = Vec::new();
    for name in servers.iter().map(|s| s.interface.as_ref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.iter().flatten().count() < 2 {
        let all: Vec<&ServerReport> = servers.iter().collect();
        let part = ("Servers".to_owned(), all);
        return if servers.is_empty() {
            Vec::new()
        } else {
            vec![part]
        };
    }
    let part = |name: Option<&String>| {
        let title = name.map_or_else(
            || "Servers that were not asked".to_owned(),
            |name| format!("Servers, over {name}"),
        );
        let rows = servers.iter().filter(|s| s.interface.as_ref() == name);
        (title, rows.collect())
    };
    names.into_iter().map(part).collect()
}

fn verdict_line(document: &Document<NatResult>, style: Style) -> String {
    let paths: Vec<&PathReport> = document.result.iter().flat_map(|r| &r.paths).collect();
    let several = are_several(paths.iter().copied());
    let kinds: Vec<String> = paths.iter().map(|p| path_kind(p, several)).collect();
    let kinds = if kinds.is_empty() {
        "nothing could be tested".to_owned()
    } else {
        kinds.join("; ")
    };
    let wrapped = style.wrap(&headline(document, &kinds), 2);
    style.paint(ink(document.outcome), &wrapped)
}

fn path_kind(path: &PathReport, several: bool) -> String {
    let name = match (path.legacy_name.text(), path.is_open(), path.nat.value()) {
        (Some(name), true, Some(true)) => format!("NAT ({name})"),
        (Some(name), true, _) => format!("no NAT ({name})"),
        (Some(name), false, _) => name.to_owned(),
        (None, true, Some(true)) => "NAT".to_owned(),
        (None, true, Some(false)) => "no NAT".to_owned(),
        (None, true, None) => "UDP open".to_owned(),
        (None, false, _) if matches!(path.udp, Fact::NotTested { .. }) => "TCP only".to_owned(),
        (None, false, _) => "no answer".to_owned(),
    };
    format!("{} {name}", path.name(several))
}

fn peers(reachability: &[Reachable], style: Style) -> Table {
    let mut table = style.table();
    table.set_header(vec![
        "peer's mapping / filtering",
        "endpoint-indep.",
        "address-dep.",
        "addr.+port-dep.",
    ]);
    for mapping in MAPPINGS {
        let mut row = vec![Cell::new(mapping)];
        for filtering in FILTERINGS {
            let expected = reachability
                .iter()
                .find(|r| r.peer.mapping == mapping && r.peer.filtering == filtering)
                .map_or(Expected::Unknown, |r| r.expected);
            let (text, ink) = match expected {
                Expected::Direct => ("direct", Ink::Good),
                Expected::Relay => ("relay only", Ink::Caution),
                Expected::Unknown => ("unknown", Ink::Faint),
            };
            row.push(style.cell(ink, text));
        }
        table.add_row(row);
    }
    table
}

fn servers(servers: &[&ServerReport], style: Style) -> Table {
    let mut table = style.table();
    table.set_header(vec!["server", "round trip", "RFC 5780", "result"]);
    for server in servers {
        let discovery = match server.behavior_discovery {
            Some(BehaviorDiscoveryReport::Supported) => "yes",
            Some(BehaviorDiscoveryReport::Absent) => "no",
            Some(BehaviorDiscoveryReport::Broken) => "broken",
            None => "-",
        };
        let result = match (&server.error, server.reflexive_address) {
            (Some(error), _) => style.cell(Ink::Bad, format!("{}: {}", error.code, error.message)),
            (None, Some(address)) => Cell::new(format!("sees {address}")),
            (None, None) => Cell::new("no address reported"),
        };
        table.add_row(vec![
            Cell::new(server_name(server)),
            Cell::new(milliseconds(server.rtt_ms)),
            Cell::new(discovery),
            result,
        ]);
    }
    style.keep_whole(&mut table, 0);
    table
}

/// The URI, with the transport where it is not UDP, and the address where the URI does not have it.
fn server_name(server: &ServerReport) -> String {
    let mut name = server.uri.clone();
    match server.transport {
        Transport::Udp => {}
        Transport::Tcp => name.push_str(" (TCP)"),
        Transport::Tls => name.push_str(" (TLS)"),
    }
    match server.address {
        Some(address) if !server.uri.contains(&address.ip().to_string()) => {
            let mut text = format!("{name}\n  {}", address.ip());
            // Writing into a String does not fail.
            if let Some(inner) = server.stands_for
                && !server.uri.contains(&inner.ip().to_string())
            {
                let _ = write!(text, "\n  for {}", inner.ip());
            } else if server.stands_for.is_some() {
                text.push_str(" (NAT64)");
            }
            text
        }
        _ => name,
    }
}

fn observations(result: &NatResult, several: bool, style: Style) -> Table {
    let mut table = style.table();
    table.set_header(vec!["test", "socket", "sent to", "answer"]);
    for seen in &result.observations {
        table.add_row(vec![
            seen.test.to_string(),
            match &seen.interface {
                Some(interface) if several => format!("{} {interface}", seen.socket),
                _ => seen.socket.clone(),
            },
            match seen.transmissions {
                1 => seen.sent_to.to_string(),
                count => format!("{} ({count} times)", seen.sent_to),
            },
            answer(seen),
        ]);
    }
    style.keep_whole(&mut table, 2);
    table
}

fn answer(seen: &ObservationReport) -> String {
    let Some(from) = seen.answered_from else {
        return "none".to_owned();
    };
    let mut text = match seen.reflexive_address {
        Some(address) => format!("sees {address}"),
        None if seen.test == Test::Hairpin => "came back".to_owned(),
        None => "an error".to_owned(),
    };
    // Writing into a String does not fail.
    if from != seen.sent_to {
        let _ = write!(text, " from {from}");
    }
    let _ = write!(text, ", {}", milliseconds(seen.rtt_ms));
    text
}
