//! `rtcdiag nat` for people: verdict, facts, peers, servers, findings, summary.

mod facts;
mod paths;

use crate::commands::nat::rounds::render as rounds;
use std::fmt::Write;

use crate::base::codes::Code;
use crate::base::fact::Fact;
use crate::base::report::{Document, Verdict};
use crate::commands::nat::report::paths::are_several;
use crate::commands::nat::report::{NatResult, PathReport, Reachable, ServerReport};
use crate::commands::nat::verdict::is_built_in;
use crate::proto::nat::behavior::probe::Test;
use crate::proto::nat::behavior::reachability::{Expected, FILTERINGS, MAPPINGS};
use crate::proto::nat::behavior::{BehaviorDiscovery, Observation};
use crate::proto::stun::uri::Transport;
use crate::ui::layout::{Detail, findings, headline, headline_word, line, milliseconds, section};
use crate::ui::style::{Ink, Style};
use crate::ui::table::{Cell, Table};

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
        line(
            out,
            &facts::facts(beside, several, style, detail.verbose).to_string(),
        );
    }
    if !told.is_empty() && !detail.verbose {
        line(out, &style.paint(Ink::Faint, " (-v shows all facts)"));
    }
    if let Some(path) = result.paths.iter().find(|p| p.is_open() && !p.is_aside) {
        let title = format!("Direct connection with peers, {}", path.over(several));
        section(out, style, &title);
        line(out, &peers(&result.reachability, style).to_string());
    }
    // Names that nobody typed and that all fail alike are one finding.
    let is_news = |s: &ServerReport| {
        let alike = [Code::Dns, Code::NameMisdirected, Code::Unreachable];
        s.error.as_ref().is_none_or(|e| !alike.contains(&e.code))
    };
    let is_silent = !detail.verbose && is_built_in(result) && !result.servers.iter().any(is_news);
    let servers_shown: &[ServerReport] = if is_silent { &[] } else { &result.servers };
    for (title, rows) in by_interface(servers_shown) {
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

/// The verdict while the router is still waited for: a few lines beside the spinner.
pub fn so_far(verdict: &Verdict, result: &NatResult) -> String {
    let word = headline_word(verdict.outcome, verdict.caveat);
    let about = kinds(&result.paths);
    let meaning = verdict.summary.split_inclusive(". ").next();
    let meaning = meaning.unwrap_or_default().trim_end();
    format!("{word}: {about}\n{meaning}\nthe router is still asked")
}

fn verdict_line(document: &Document<NatResult>, style: Style) -> String {
    let paths = document.result.as_ref().map_or(&[][..], |r| &r.paths);
    headline(document, &kinds(paths), style)
}

fn kinds(paths: &[PathReport]) -> String {
    let several = are_several(paths);
    let kinds: Vec<String> = paths.iter().map(|p| path_kind(p, several)).collect();
    if kinds.is_empty() {
        "nothing could be tested".to_owned()
    } else {
        kinds.join("; ")
    }
}

fn path_kind(path: &PathReport, several: bool) -> String {
    let name = match (
        path.legacy_name.text(),
        path.is_open(),
        path.facts.nat.value(),
    ) {
        (Some(name), true, Some(true)) => format!("NAT ({name})"),
        (Some(name), true, _) => format!("no NAT ({name})"),
        (Some(name), false, _) => name.to_owned(),
        (None, true, Some(true)) => "NAT".to_owned(),
        (None, true, Some(false)) => "no NAT".to_owned(),
        (None, true, None) => "UDP open".to_owned(),
        (None, false, _) if matches!(path.facts.udp, Fact::NotTested { .. }) => {
            "TCP only".to_owned()
        }
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
        let discovery = match server.facts.behavior_discovery {
            Some(BehaviorDiscovery::Supported) => "yes",
            Some(BehaviorDiscovery::Absent) => "no",
            Some(BehaviorDiscovery::Broken(_)) => "broken",
            None => "-",
        };
        let result = match (&server.error, server.facts.reflexive_address) {
            (Some(error), _) => style.cell(Ink::Bad, format!("{}: {}", error.code, error.message)),
            (None, Some(address)) => Cell::new(format!("sees {address}")),
            (None, None) => Cell::new("no address reported"),
        };
        table.add_row(vec![
            Cell::new(server_name(server)),
            Cell::new(milliseconds(server.facts.rtt_ms)),
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

fn answer(seen: &Observation) -> String {
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
