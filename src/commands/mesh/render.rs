//! `rtcdiag mesh` for people: a matrix of few hosts, lists of many, the causes, the summary.

use comfy_table::ColumnConstraint;

use crate::base::report::{Document, Millis};
use crate::base::words::counted;
use crate::commands::mesh::report::{HostReport, HostState, MeshResult, WayOutcome, WayReport};
use crate::ui::layout::{Detail, findings, headline, line, section};
use crate::ui::style::{Ink, Style};
use crate::ui::table::Cell;

/// Around each cell.
const PADDING: u16 = 2;
/// What the names need at least.
const NAMES: u16 = 8;

pub fn text(document: &Document<MeshResult>, style: Style, detail: Detail) -> String {
    let mut out = String::new();
    line(&mut out, &headline(document, &about(document), style));
    if let Some(result) = &document.result {
        hosts(&mut out, result, style, detail);
        match room_for_names(result, style) {
            _ if detail.terse => {}
            Some(room) => matrix(&mut out, result, style, room),
            None => lists(&mut out, result, style),
        }
    }
    findings(&mut out, document, style, detail);
    out.push('\n');
    line(&mut out, &style.wrap(&document.summary, 0));
    out
}

fn about(document: &Document<MeshResult>) -> String {
    let Some(result) = &document.result else {
        return "no mesh".to_owned();
    };
    let all = result.ways.len();
    let of = |outcome| {
        result
            .ways
            .iter()
            .filter(|way| way.outcome == outcome)
            .count()
    };
    let works = result.ways.iter().filter(|way| way.outcome.is_connected());
    let works = works.count();
    let how = match (of(WayOutcome::Direct), of(WayOutcome::Relayed)) {
        (direct, relayed) if direct > 0 && relayed > 0 => {
            format!(", {direct} direct, {relayed} relayed")
        }
        _ => String::new(),
    };
    match (all, works) {
        (0, _) => "no other host".to_owned(),
        (1, 1) => "both hosts connected".to_owned(),
        _ if works == all => format!("all {} connected{how}", counted(all, "way")),
        _ => format!("{works} of {} connected{how}", counted(all, "way")),
    }
}

fn hosts(out: &mut String, result: &MeshResult, style: Style, detail: Detail) {
    let is_odd = |host: &&HostReport| host.state != HostState::Present;
    let odd: Vec<&HostReport> = result.hosts.iter().filter(is_odd).collect();
    if odd.is_empty() && !detail.verbose {
        return;
    }
    section(out, style, "Hosts");
    let shown = if detail.verbose {
        result.hosts.iter().collect()
    } else {
        odd
    };
    for host in shown {
        let state = match host.state {
            HostState::Present => "present",
            HostState::Left => "left",
            HostState::Vanished => "left without a message",
        };
        let own = if host.own { ", this host" } else { "" };
        let text = format!("{}: {state}{own}, version {}", host.name, host.version);
        line(out, &format!(" {}", style.narrower(1).wrap(&text, 3)));
    }
}

/// How many columns of the terminal a host takes.
fn column(result: &MeshResult) -> u16 {
    let cells = result.ways.iter().map(|way| shown(way).1.chars().count());
    let widest = cells.max().unwrap_or(1);
    u16::try_from(widest)
        .unwrap_or(u16::MAX)
        .saturating_add(PADDING)
}

/// How many are left for the names; `None` if a matrix does not fit.
fn room_for_names(result: &MeshResult, style: Style) -> Option<usize> {
    let count = u16::try_from(result.hosts.len()).unwrap_or(u16::MAX);
    let used = count.saturating_mul(column(result)).saturating_add(PADDING);
    let room = style.width.saturating_sub(used);
    (count > 1 && room >= NAMES).then_some(usize::from(room))
}

/// Rows have names, columns the numbers of the same hosts.
fn matrix(out: &mut String, result: &MeshResult, style: Style, room: usize) {
    section(out, style, "Ways");
    let mut table = style.table();
    let mut header = vec![String::new()];
    header.extend((1..=result.hosts.len()).map(|number| number.to_string()));
    table.set_header(header);
    let numbered: Vec<String> = result
        .hosts
        .iter()
        .zip(1..)
        .map(|(host, number)| format!("{number} {}", style.shown(&host.name)))
        .collect();
    for (row, name) in result.hosts.iter().zip(&numbered) {
        let mark = if row.own { "*" } else { " " };
        let mut cells = vec![Cell::new(short(&format!("{mark}{name}"), room))];
        for column in &result.hosts {
            let way = result.way(&row.name, &column.name);
            let way = way.map(shown).filter(|_| row.name != column.name);
            cells.push(way.map_or_else(|| Cell::new("-"), |(ink, text)| style.cell(ink, text)));
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    line(out, &table.to_string());
    if numbered.iter().any(|name| name.chars().count() >= room) {
        let text = format!(" {}", style.narrower(1).wrap(&numbered.join(", "), 1));
        line(out, &text);
    }
    line(out, &legend(result, style));
}

/// What stands in a cell.
fn shown(way: &WayReport) -> (Ink, String) {
    match way.outcome {
        WayOutcome::Direct => (Ink::Good, rtt(way.rtt_ms)),
        WayOutcome::Relayed => (Ink::Caution, format!("R{}", rtt(way.rtt_ms))),
        WayOutcome::Unsound => (Ink::Bad, "unsound".to_owned()),
        WayOutcome::Failed => (Ink::Bad, "failed".to_owned()),
        WayOutcome::Disputed => (Ink::Bad, "differs".to_owned()),
        WayOutcome::NotTested => (Ink::Caution, "?".to_owned()),
    }
}

/// In seven characters at most.
fn rtt(time: Option<Millis>) -> String {
    time.map_or_else(
        || "ok".to_owned(),
        |time| match time.as_f64() {
            ms if ms < 10.0 => format!("{ms:.1}ms"),
            ms if ms < 10_000.0 => format!("{ms:.0}ms"),
            ms => format!("{:.0}s", ms / 1000.0),
        },
    )
}

/// What stands in the cells, as far as it does.
fn legend(result: &MeshResult, style: Style) -> String {
    let words = [
        (WayOutcome::Relayed, "R: relayed"),
        (
            WayOutcome::Unsound,
            "unsound: there is a path, and it does not all that it should",
        ),
        (
            WayOutcome::Disputed,
            "differs: the two hosts report different things",
        ),
        (WayOutcome::NotTested, "?: not tested"),
    ];
    let mut parts = vec!["times: direct, round trip"];
    let has = |outcome| result.ways.iter().any(|way| way.outcome == outcome);
    parts.extend(
        words
            .into_iter()
            .filter(|(outcome, _)| has(*outcome))
            .map(|(_, text)| text),
    );
    parts.push("*: this host");
    let text = style
        .narrower(1)
        .wrap(&format!("({})", parts.join("; ")), 1);
    let lines: Vec<String> = text.lines().map(|text| format!(" {text}")).collect();
    style.paint(Ink::Faint, &lines.join("\n"))
}

fn short(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(room.saturating_sub(1)).collect();
    cut.push('~');
    cut
}

/// By outcome, and in each by the first host.
fn lists(out: &mut String, result: &MeshResult, style: Style) {
    for (outcome, title) in [
        (WayOutcome::Direct, "Direct"),
        (WayOutcome::Relayed, "Relayed"),
        (
            WayOutcome::Unsound,
            "With a path that does not all that it should",
        ),
        (WayOutcome::Failed, "Failed"),
        (
            WayOutcome::Disputed,
            "Reported differently by the two hosts",
        ),
        (WayOutcome::NotTested, "Not tested"),
    ] {
        let ways = result.ways.iter().filter(|way| way.outcome == outcome);
        let ways: Vec<&WayReport> = ways.collect();
        if ways.is_empty() {
            continue;
        }
        section(
            out,
            style,
            &format!("{title} ({})", counted(ways.len(), "way")),
        );
        for host in &result.hosts {
            let to: Vec<String> = ways
                .iter()
                .filter(|way| way.a == host.name)
                .map(|way| match way.rtt_ms {
                    Some(_) => format!("{} {}", way.b, rtt(way.rtt_ms)),
                    None => way.b.clone(),
                })
                .collect();
            if !to.is_empty() {
                let text = format!("{}: {}", host.name, to.join(", "));
                line(out, &format!(" {}", style.narrower(1).wrap(&text, 3)));
            }
        }
    }
}
