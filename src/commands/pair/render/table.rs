//! Every pair: two lines each, this side's end above the other side's.

use crate::commands::pair::render::paragraph;
use crate::commands::pair::report::{CheckState, EndReport, PairReport, PairResult};
use crate::proto::ice::candidate::CandidateType;
use crate::proto::nat::address::is_global;
use crate::ui::layout::{Detail, line, milliseconds, section};
use crate::ui::style::{Ink, Style};
use crate::ui::table::{Cell, Table};

/// A column of text that is narrower than this holds codes only.
const ROOM_FOR_MESSAGES: usize = 30;
/// With more pairs than these, messages would bury them.
const PAIRS_WITH_MESSAGES: usize = 8;
/// "999/999/999", and the space around it.
const CHECKS: usize = 13;

const LEGEND: &str = "Of each pair first this side's end, with its checks (sent/arrived/answered), then the other side's end, with its checks (arrived here/answered). ? means not known, * selected.";

pub(super) fn list(out: &mut String, result: &PairResult, style: Style, detail: Detail) {
    if result.pairs.is_empty() {
        return;
    }
    section(out, style, "Pairs");
    let (table, has_messages) = pairs(&result.pairs, style);
    if !detail.terse {
        paragraph(out, style, 1, LEGEND);
    }
    line(out, &table.to_string());
    if detail.verbose && !has_messages {
        section(out, style, "Why pairs failed");
        for pair in &result.pairs {
            if let Some(failure) = &pair.failure {
                let (local, remote) = (end(&pair.local), end(&pair.remote));
                paragraph(out, style, 1, &format!("{local} and {remote}:"));
                let text = format!("{}: {}", failure.code, failure.message);
                paragraph(out, style, 3, &text);
            }
        }
    }
}

fn pairs(pairs: &[PairReport], style: Style) -> (Table, bool) {
    let mut table = style.table();
    table.set_header(vec!["pair", "checks", "result"]);
    let ends: Vec<String> = pairs
        .iter()
        .map(|pair| style.shown(&ends(pair)).into_owned())
        .collect();
    let widest = ends
        .iter()
        .flat_map(|text| text.lines())
        .map(|text| text.chars().count())
        .max()
        .unwrap_or_default();
    // Around the first and the last column there is a space on each side.
    let room = usize::from(style.width).saturating_sub(widest + CHECKS + 4);
    let has_messages = room >= ROOM_FOR_MESSAGES && pairs.len() <= PAIRS_WITH_MESSAGES;
    for (pair, ends) in pairs.iter().zip(ends) {
        let (text, ink) = outcome(pair, has_messages);
        let text = style.fold(&text, room.max(1));
        table.add_row(vec![
            Cell::new(ends),
            Cell::new(checks(pair)),
            match ink {
                Some(ink) => style.cell(ink, text),
                None => Cell::new(text),
            },
        ]);
    }
    for column in [0, 1] {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
        }
    }
    (table, has_messages)
}

fn ends(pair: &PairReport) -> String {
    let mark = if pair.selected { "*" } else { " " };
    format!("{mark} {}\n  {}", end(&pair.local), end(&pair.remote))
}

fn end(end: &EndReport) -> String {
    let address = std::net::SocketAddr::new(end.address, end.port);
    format!("{:<5} {address}", end.kind.name())
}

fn checks(pair: &PairReport) -> String {
    let arrived = match pair.requests_arrived {
        Some(arrived) => arrived.to_string(),
        None if pair.requests_sent == 0 => "0".to_owned(),
        None => "?".to_owned(),
    };
    format!(
        "{}/{arrived}/{}\n{}/{}",
        pair.requests_sent, pair.responses_received, pair.requests_received, pair.responses_sent
    )
}

/// Whether a pair goes to an address that only its own network knows.
fn is_elsewhere(pair: &PairReport) -> bool {
    pair.remote.kind == CandidateType::Host && !is_global(pair.remote.address)
}

fn outcome(pair: &PairReport, has_messages: bool) -> (String, Option<Ink>) {
    let state = match pair.state {
        CheckState::Frozen => "frozen",
        CheckState::Waiting => "waiting",
        CheckState::InProgress => "in progress",
        CheckState::Succeeded if pair.selected => "selected",
        CheckState::Succeeded if pair.nominated => "nominated",
        CheckState::Succeeded => "succeeded",
        CheckState::Failed => "failed",
    };
    let ink = match pair.state {
        CheckState::Succeeded => Some(Ink::Good),
        // Private addresses of another network cannot be reached, and nobody expects it.
        CheckState::Failed if is_elsewhere(pair) => Some(Ink::Faint),
        CheckState::Failed => Some(Ink::Bad),
        _ => None,
    };
    let text = match (&pair.failure, pair.rtt_ms) {
        (Some(failure), _) if has_messages => {
            format!("{state}, {}:\n{}", failure.code, failure.message)
        }
        (Some(failure), _) => format!("{state}\n{}", failure.code),
        (None, Some(rtt)) => format!("{state}\n{}", milliseconds(Some(rtt))),
        (None, None) => state.to_owned(),
    };
    (text, ink)
}
