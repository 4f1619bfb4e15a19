//! `rtcdiag gather` for people: candidates, lines to paste, servers, findings, summary.

use std::fmt::Write;

use crate::base::codes::Code;
use crate::base::fact::Fact;
use crate::base::report::Document;
use crate::commands::gather::report::{CandidateReport, GatherResult, GatherServerReport, Status};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::stun::uri::Transport;
use crate::ui::layout::{Detail, findings, headline, line, milliseconds, section};
use crate::ui::style::{Ink, Style};
use crate::ui::table::{Cell, Table};

const SHORT: usize = 40;

pub fn text(document: &Document<GatherResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    line(&mut out, &headline(document, &about(document), style));
    if let Some(result) = &document.result {
        if !result.candidates.is_empty() {
            section(&mut out, style, "Candidates");
            line(&mut out, &candidates(result, style).to_string());
            let same = result.redundant.len();
            if same > 0 && !detail.verbose {
                let verb = if same == 1 { "is" } else { "are" };
                let text =
                    format!(" ({same} more {verb} the same as one of these; -v shows which)");
                line(&mut out, &text);
            }
            section(&mut out, style, "Candidate lines");
            for candidate in &result.candidates {
                line(&mut out, &candidate.sdp);
            }
        }
        if detail.verbose && !result.redundant.is_empty() {
            section(
                &mut out,
                style,
                "Redundant, so not signalled (RFC 8445 5.1.3)",
            );
            for redundant in &result.redundant {
                let from = redundant
                    .server
                    .as_ref()
                    .map_or_else(String::new, |server| format!(" from {server}"));
                let text = format!(
                    " {} {}:{}{from}: the same as a {} candidate",
                    redundant.kind, redundant.address, redundant.port, redundant.same_as
                );
                line(&mut out, &style.wrap(&text, 3));
            }
        }
        list_servers(&mut out, &result.servers, style, detail);
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

/// Adds the servers, and with `-v` how long each stage took.
pub fn list_servers(out: &mut String, all: &[GatherServerReport], style: Style, detail: Detail) {
    if all.is_empty() {
        return;
    }
    section(out, style, "Servers");
    let (shown, hidden) = rows(all, detail);
    line(out, &servers(&shown, style).to_string());
    if hidden > 0 {
        let text = format!(" ({hidden} more from other local addresses failed; -v shows them)");
        line(out, &text);
    }
    if detail.verbose {
        section(out, style, "Stages");
        for server in all {
            line(out, &style.wrap(&stages(server), 3));
        }
    }
}

/// A candidate as it is found, for a line on the terminal.
pub fn live(candidate: &CandidateReport) -> String {
    format!(
        "  {:>7}  {:<5}  {}",
        milliseconds(Some(candidate.found_ms)),
        candidate.kind.name(),
        candidate.socket_address()
    )
}

fn about(document: &Document<GatherResult>) -> String {
    let Some(result) = &document.result else {
        return "nothing could be gathered".to_owned();
    };
    let kinds: Vec<String> = [
        CandidateType::Host,
        CandidateType::Srflx,
        CandidateType::Relay,
    ]
    .into_iter()
    .filter_map(|kind| {
        let of_kind = result.candidates.iter().filter(|c| c.kind == kind);
        let count = of_kind.filter(|c| !result.is_elsewhere(c)).count();
        (count > 0).then(|| format!("{count} {kind}"))
    })
    .collect();
    if kinds.is_empty() {
        "no candidates".to_owned()
    } else {
        kinds.join(", ")
    }
}

fn candidates(result: &GatherResult, style: Style) -> Table {
    let mut table = style.table();
    table.set_header(vec!["type", "address", "interface", "found", "from"]);
    for candidate in &result.candidates {
        let server = candidate.server.clone().unwrap_or_default();
        let from = match candidate.kind {
            CandidateType::Relay => format!(
                "{server}{}",
                transport_gloss(candidate.relay_transport.unwrap_or(Transport::Udp), &server)
            ),
            _ if result.is_elsewhere(candidate) => format!("{server}, not this host"),
            _ => server,
        };
        table.add_row(vec![
            candidate.kind.name().to_owned(),
            candidate.socket_address().to_string(),
            candidate
                .interface
                .clone()
                .unwrap_or_else(|| "-".to_owned()),
            milliseconds(Some(candidate.found_ms)),
            if from.is_empty() {
                "-".to_owned()
            } else {
                style.fold(&from, 26)
            },
        ]);
    }
    style.keep_whole(&mut table, 1);
    style.keep_whole(&mut table, 3);
    table
}

/// The transport where the URI does not say it.
fn transport_gloss(transport: Transport, uri: &str) -> &'static str {
    match transport {
        Transport::Udp if uri.starts_with("turn") => " (UDP)",
        Transport::Udp => "",
        Transport::Tcp => " (TCP)",
        Transport::Tls => " (TLS)",
    }
}

/// What failed from one local address and worked from another is no news.
fn rows(servers: &[GatherServerReport], detail: Detail) -> (Vec<&GatherServerReport>, usize) {
    let is_news = |server: &&GatherServerReport| {
        detail.verbose
            || server.status == Status::Ok
            || server.is_default_route
            || !servers
                .iter()
                .any(|s| s.uri == server.uri && (s.is_default_route || s.status == Status::Ok))
    };
    let shown: Vec<&GatherServerReport> = servers.iter().filter(is_news).collect();
    let hidden = servers.len() - shown.len();
    (shown, hidden)
}

fn stages(server: &GatherServerReport) -> String {
    let times: Vec<String> = server
        .stages
        .iter()
        .map(|t| format!("{} {}", t.stage, milliseconds(Some(t.elapsed_ms))))
        .collect();
    let from = server
        .local_address
        .map_or_else(String::new, |ip| format!(" from {ip}"));
    let mut parts = vec![format!(" {}{from}: {}", server.uri, times.join(", "))];
    parts.extend(server.software.clone());
    parts.extend(server.realm.as_ref().map(|realm| format!("realm {realm}")));
    parts.join("; ")
}

fn servers(servers: &[&GatherServerReport], style: Style) -> Table {
    let mut table = style.table();
    let locals: std::collections::BTreeSet<_> =
        servers.iter().filter_map(|s| s.local_address).collect();
    let several = locals.len() > 1;
    table.set_header(vec!["server", "stage", "round trip", "result"]);
    // Beside the widest stage and the round trip.
    let room = usize::from(style.width).saturating_sub(28);
    let widest = servers
        .iter()
        .map(|s| style.fold(&name(s, several), room / 2));
    let widest = widest
        .filter_map(|text| text.lines().map(|l| l.chars().count()).max())
        .max()
        .unwrap_or_default();
    for server in servers {
        table.add_row(vec![
            Cell::new(style.fold(&name(server, several), room / 2)),
            Cell::new(server.stage),
            Cell::new(milliseconds(server.rtt_ms)),
            result(server, style, room.saturating_sub(widest)),
        ]);
    }
    style.keep_whole(&mut table, 0);
    style.keep_whole(&mut table, 2);
    table
}

/// The URI, the address where it does not have it, and the local address where there are several.
fn name(server: &GatherServerReport, several: bool) -> String {
    let mut name = match server.address {
        Some(address) if !server.uri.contains(&address.ip().to_string()) => {
            format!("{}\n{}", server.uri, address.ip())
        }
        _ => server.uri.clone(),
    };
    if let (true, Some(local)) = (several, server.local_address) {
        // Writing into a String does not fail.
        let _ = write!(name, "\nfrom {local}");
    }
    name
}

fn result(server: &GatherServerReport, style: Style, width: usize) -> Cell {
    let mut lines = Vec::new();
    if let Some(error) = &server.error {
        // The whole story stands in the findings.
        lines.push(if error.message.len() <= SHORT {
            format!("{}: {}", error.code, error.message)
        } else {
            error.code.to_string()
        });
    }
    for relayed in &server.relayed {
        if let Some(address) = relayed.address {
            let unreachable =
                server.transport == Transport::Udp && relayed.reachable == Fact::Determined(false);
            let data = if relayed.relays.is_determined() && !unreachable {
                "relays"
            } else {
                "relays? (see findings)"
            };
            lines.push(format!("{data} {address}"));
        } else if let Some(error) = relayed.error.as_ref().filter(|_| server.error.is_none()) {
            lines.push(match error.code {
                Code::AddressFamilyNotSupported => format!("no {} relay", relayed.family.name()),
                code => format!("no {} relay: {code}", relayed.family.name()),
            });
        }
    }
    if let (Some(address), true) = (server.reflexive_address, lines.is_empty()) {
        lines.push(format!("sees {address}"));
    }
    let text = style.fold(&lines.join("\n"), width);
    match server.status {
        Status::Ok => Cell::new(text),
        Status::Failed => style.cell(Ink::Bad, text),
    }
}
