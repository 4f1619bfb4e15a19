//! Rounds: a line for each, and what they come to.

use std::fmt::Write;

use crate::ui::table::{Cell, Table};

use crate::base::exit::Outcome;
use crate::base::fact::Fact;
use crate::base::report::Caveat;
use crate::base::words::span;
use crate::commands::nat::report::LegacyName;
use crate::commands::nat::rounds::report::{
    Change, PathSeen, PathTotals, RoundReport, Rounds, ServerTotals, What,
};
use crate::ui::layout::{
    headline_of, headline_word, ink, line as add_line, milliseconds, section, shown,
};
use crate::ui::style::{Ink, Style};

/// Changes that are shown at the end; all are in the JSON.
const SHOWN_CHANGES: usize = 20;
const SHOWN_ADDRESSES: usize = 8;

/// One round: when, how it ended, what it showed of each path, what changed.
pub fn line(round: &RoundReport, several: bool, style: Style) -> String {
    let outcome = headline_word(round.outcome, round.caveat);
    let paths: Vec<String> = round.paths.iter().map(|p| path(p, several)).collect();
    let shown = if paths.is_empty() {
        "nothing could be tested".to_owned()
    } else {
        paths.join("; ")
    };
    let mut text = format!("{} {outcome}: {shown}", seconds(&round.at));
    for change in &round.changes {
        let _ = write!(text, "; {}", changed(change, several));
    }
    let wrapped = style.wrap(&text, 2);
    let outcome_ink = match round.caveat {
        Some(_) => Ink::Caution,
        None => ink(round.outcome),
    };
    let painted = wrapped.replacen(outcome, &style.paint(outcome_ink, outcome), 1);
    let caution = style.paint(Ink::Caution, "CHANGED");
    let mut out = String::new();
    add_line(&mut out, &painted.replace("CHANGED", &caution));
    out
}

/// `2026-11-22T10:00:05Z`: nobody needs the milliseconds here.
fn seconds(at: &str) -> String {
    match at.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => at.to_owned(),
    }
}

fn path(seen: &PathSeen, several: bool) -> String {
    let mut text = name(seen.family.name(), seen.interface.as_deref(), several);
    if !seen.is_open() {
        let why = match (seen.legacy_name, &seen.udp) {
            (LegacyName::UdpBlocked, _) => "UDP blocked".to_owned(),
            (_, fact) => format!("UDP {}", shown(fact)),
        };
        let _ = write!(text, " {why}");
        return text;
    }
    text.push_str(match seen.nat.value() {
        Some(true) => " NAT",
        Some(false) => " no NAT",
        None => " NAT?",
    });
    for address in &seen.reflexive_addresses {
        let _ = write!(text, " {address}");
    }
    let _ = write!(
        text,
        " {}/{}",
        short(&seen.mapping, What::Mapping),
        short(&seen.filtering, What::Filtering)
    );
    if seen.rtt_ms.is_some() {
        let _ = write!(text, " {}", milliseconds(seen.rtt_ms));
    }
    text
}

fn name(family: &str, interface: Option<&str>, several: bool) -> String {
    match interface {
        Some(interface) if several => format!("{interface} {family}"),
        _ => family.to_owned(),
    }
}

fn short<T: ToString>(fact: &Fact<T>, of: What) -> String {
    let term = fact.value().map(ToString::to_string);
    letters(term.as_deref(), of)
}

/// The abbreviation of RFC 5780 and others for a mapping or filtering, or that it is not known.
fn letters(term: Option<&str>, of: What) -> String {
    let short = match term {
        Some("endpoint-independent") => "EI",
        Some("address-dependent") => "AD",
        Some("address-and-port-dependent") => "APD",
        _ => return "?".to_owned(),
    };
    let last = if of == What::Mapping { 'M' } else { 'F' };
    format!("{short}{last}")
}

fn changed(change: &Change, several: bool) -> String {
    format!(
        "CHANGED {} {}: {}",
        name(change.family.name(), change.interface.as_deref(), several),
        change.what.text(),
        words(change)
    )
}

/// The long terms of mapping and filtering would fill the line.
fn words(change: &Change) -> String {
    if !matches!(change.what, What::Mapping | What::Filtering) {
        return change.words();
    }
    let letters = |term: &Option<String>| letters(term.as_deref(), change.what);
    format!("{} -> {}", letters(&change.from), letters(&change.to))
}

pub fn totals(out: &mut String, rounds: &Rounds, style: Style) {
    section(out, style, "Rounds");
    add_line(out, &style.wrap(&counts(rounds), 2));
    if rounds.paths.is_empty() {
        return;
    }
    let several = several(rounds);
    section(
        out,
        style,
        "Round trips, and loss of servers that answered, all rounds",
    );
    add_line(out, &trips(&rounds.paths, several, style).to_string());
    let servers = servers(&rounds.servers, style);
    if let Some(servers) = servers {
        section(out, style, "Servers, all rounds");
        add_line(out, &servers.to_string());
    }
    let addresses = addresses(&rounds.paths, several, style);
    if let Some(addresses) = addresses {
        section(out, style, "Addresses, all rounds");
        add_line(out, &addresses.to_string());
    }
    if !rounds.changes.is_empty() {
        section(out, style, "Changes");
        let left_out = rounds.changes.len().saturating_sub(SHOWN_CHANGES);
        for change in rounds.changes.iter().skip(left_out) {
            let text = format!(
                "{} round {}: {} {}: {}",
                seconds(&change.at),
                change.round,
                name(change.family.name(), change.interface.as_deref(), several),
                change.what.text(),
                words(change)
            );
            add_line(out, &style.wrap(&text, 2));
        }
        let more = rounds.changes_left_out + left_out as u64;
        if more > 0 {
            add_line(out, &format!("and {more} more (--json has the first 1000)"));
        }
    }
    add_line(out, &abbreviations(style));
}

fn several(rounds: &Rounds) -> bool {
    let of_family = |path: &PathTotals| {
        let same = rounds.paths.iter().filter(|p| p.family == path.family);
        same.count()
    };
    rounds.paths.iter().any(|path| of_family(path) > 1)
}

fn counts(rounds: &Rounds) -> String {
    let mut text = match rounds.planned {
        Some(planned) => format!("{} of {planned} rounds done", rounds.done),
        None => format!("{} rounds done", rounds.done),
    };
    let each = [
        (rounds.good - rounds.strict, headline_of(Outcome::Good)),
        (rounds.strict, Caveat::Strict.word()),
        (rounds.bad, headline_of(Outcome::Bad)),
        (rounds.inconclusive, headline_of(Outcome::Inconclusive)),
        (rounds.error, headline_of(Outcome::Error)),
    ];
    for (count, word) in each.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, ", {count} {word}");
    }
    if let (Some(first), Some(last)) = (&rounds.first_at, &rounds.last_at) {
        let _ = write!(text, ", from {} to {}", seconds(first), seconds(last));
    }
    if rounds.cut_short {
        text.push_str("; one more was cut short and does not count");
    }
    text
}

fn trips(paths: &[PathTotals], several: bool, style: Style) -> Table {
    let mut table = style.table();
    table.set_header(vec![
        "path", "rounds", "UDP open", "min", "median", "95 %", "max", "loss",
    ]);
    for path in paths {
        let time = |pick: fn(
            &crate::commands::nat::rounds::report::TripTotals,
        ) -> crate::base::report::Millis| {
            milliseconds(path.rtt_ms.as_ref().map(pick))
        };
        table.add_row(vec![
            Cell::new(name(path.family.name(), path.interface.as_deref(), several)),
            Cell::new(path.rounds),
            Cell::new(path.open),
            Cell::new(time(|t| t.min)),
            Cell::new(time(|t| t.median)),
            Cell::new(time(|t| t.p95)),
            Cell::new(time(|t| t.max)),
            Cell::new(
                path.loss_percent
                    .map_or_else(|| "-".to_owned(), |loss| format!("{loss:.1} %")),
            ),
        ]);
    }
    style.keep_whole(&mut table, 0);
    table
}

/// Where all answered in every round there is nothing to see.
fn servers(servers: &[ServerTotals], style: Style) -> Option<Table> {
    let mut table = style.table();
    table.set_header(vec!["server", "rounds", "answered in"]);
    for server in servers {
        table.add_row(vec![
            server.uri.clone(),
            server.rounds.to_string(),
            server.answered.to_string(),
        ]);
    }
    let has_gaps = servers.iter().any(|s| s.answered < s.rounds);
    has_gaps.then_some(table)
}

fn addresses(paths: &[PathTotals], several: bool, style: Style) -> Option<Table> {
    let mut table = style.table();
    table.set_header(vec!["path", "seen as", "rounds", "for", "last"]);
    let mut rows = 0;
    for path in paths {
        for seen in path.addresses.iter().take(SHOWN_ADDRESSES) {
            rows += 1;
            table.add_row(vec![
                name(path.family.name(), path.interface.as_deref(), several),
                seen.address.to_string(),
                seen.rounds.to_string(),
                span(whole(seen.seconds)),
                seconds(&seen.last_at),
            ]);
        }
        let more = path.addresses.len().saturating_sub(SHOWN_ADDRESSES);
        if more > 0 {
            table.add_row(vec![String::new(), format!("and {more} more")]);
        }
    }
    style.keep_whole(&mut table, 1);
    (rows > 0).then_some(table)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time, never negative"
)]
fn whole(seconds: f64) -> u64 {
    seconds.round() as u64
}

fn abbreviations(style: Style) -> String {
    let text = "EI, AD, APD: endpoint-independent, address-dependent, address-and-port-dependent; M: mapping, F: filtering; ?: not known in that round";
    format!("\n{}", style.paint(Ink::Faint, &style.wrap(text, 0)))
}
