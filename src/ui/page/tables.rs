//! The parts of a result that are lists and facts.

use serde_json::Value;

use super::markup::{Cell, table};
use super::words::{endpoint, error, fact, is_fact, label, list, milliseconds, number, text};

/// Rows of one table; with more, the document has them.
const MOST_ROWS: usize = 60;

fn of_list(
    out: &mut String,
    title: &str,
    heads: &[&str],
    items: &[Value],
    row: impl Fn(&Value) -> Vec<Cell>,
) {
    let mut rows: Vec<Vec<Cell>> = items.iter().take(MOST_ROWS).map(row).collect();
    if items.len() > MOST_ROWS {
        rows.push(vec![Cell::new(format!(
            "{} more are in the document",
            items.len() - MOST_ROWS
        ))]);
    }
    table(out, title, heads, &rows);
}

fn shown(value: &Value, key: &str) -> Cell {
    Cell::new(text(value, key).unwrap_or("-"))
}

pub(super) fn candidates(out: &mut String, title: &str, side: &Value) {
    of_list(
        out,
        title,
        &["type", "address", "transport", "interface", "from", "found"],
        list(side, "candidates"),
        |candidate| {
            vec![
                shown(candidate, "type"),
                Cell::new(endpoint(candidate)),
                shown(candidate, "transport"),
                shown(candidate, "interface"),
                shown(candidate, "server"),
                Cell::new(milliseconds(&candidate["found_ms"])),
            ]
        },
    );
}

pub(super) fn servers(out: &mut String, result: &Value) {
    of_list(
        out,
        "Servers",
        &[
            "server",
            "address",
            "transport",
            "round trip",
            "sees",
            "result",
        ],
        list(result, "servers"),
        |server| {
            let fault = error(&server["error"]);
            vec![
                shown(server, "uri"),
                shown(server, "address"),
                shown(server, "transport"),
                Cell::new(milliseconds(&server["rtt_ms"])),
                shown(server, "reflexive_address"),
                match fault {
                    Some(fault) => Cell::of("bad", fault),
                    None => Cell::of("good", "ok"),
                },
            ]
        },
    );
}

/// Every fact of each path of `nat`.
pub(super) fn of_paths(out: &mut String, result: &Value) {
    for path in list(result, "paths") {
        let family = text(path, "family").unwrap_or_default();
        let interface = text(path, "interface").unwrap_or_default();
        let mut rows = Vec::new();
        facts(&mut rows, "", path);
        rows.sort_by_key(|row| {
            let is_open = row[1].class == "quiet";
            let weight = FIRST.iter().position(|name| *name == row[0].text);
            (is_open, weight.unwrap_or(FIRST.len()))
        });
        let title = format!("{} on {interface}", family.replace("ipv", "IPv"));
        table(out, title.trim_end_matches(" on "), &[], &rows);
    }
}

/// The facts that matter most, in this order; behind them stand the others, and those that are not known.
const FIRST: [&str; 7] = [
    "UDP",
    "NAT",
    "mapping",
    "filtering",
    "hairpinning",
    "port preservation",
    "port assignment",
];

fn facts(rows: &mut Vec<Vec<Cell>>, before: &str, of: &Value) {
    for (key, value) in of.as_object().into_iter().flatten() {
        let name = format!("{before}{}", label(key));
        if is_fact(value) {
            let class = match text(value, "status") {
                Some("determined") => "",
                _ => "quiet",
            };
            rows.push(vec![Cell::new(name), Cell::of(class, fact(value))]);
        } else if value.is_object() && before.is_empty() {
            facts(rows, &format!("{name}: "), value);
        }
    }
}

pub(super) fn reachability(out: &mut String, result: &Value) {
    of_list(
        out,
        "Direct connections with peers",
        &["peer's mapping", "peer's filtering", "expected"],
        list(result, "reachability"),
        |row| {
            let expected = text(row, "expected").unwrap_or("unknown");
            let class = match expected {
                "direct" => "good",
                "relay" => "open",
                _ => "quiet",
            };
            vec![
                shown(&row["peer"], "mapping"),
                shown(&row["peer"], "filtering"),
                Cell::of(class, label(expected)),
            ]
        },
    );
}

/// What `turn` found, transport by transport, and which peers the server allows.
pub(super) fn of_turn(out: &mut String, result: &Value) {
    of_list(
        out,
        "Transports",
        &[
            "transport",
            "address",
            "status",
            "relayed address",
            "relay to relay",
            "host to relay",
            "error",
        ],
        list(result, "transports"),
        |transport| {
            let status = text(transport, "status").unwrap_or("unknown");
            let class = match status {
                "ok" => "good",
                "failed" => "bad",
                _ => "quiet",
            };
            vec![
                shown(transport, "transport"),
                shown(transport, "address"),
                Cell::of(class, status),
                shown(transport, "relayed_address"),
                trial(&transport["relay_to_relay"]),
                trial(&transport["to_reflexive"]),
                Cell::new(error(&transport["error"]).unwrap_or_else(|| "-".to_owned())),
            ]
        },
    );
    let mut rows = Vec::new();
    facts(&mut rows, "", result);
    table(out, "Authentication and families", &[], &rows);
    of_list(
        out,
        "Peers that the server allows",
        &["peer", "kind", "allowed"],
        list(result, "policy"),
        |row| {
            vec![
                shown(row, "peer"),
                Cell::new(label(text(row, "class").unwrap_or("-"))),
                Cell::new(fact(&row["allowed"])),
            ]
        },
    );
}

/// A trial of data: whether it works, how much came back, how long it took.
fn trial(data: &Value) -> Cell {
    let works = fact(&data["works"]);
    let class = match works.as_str() {
        "yes" => "good",
        "no" => "bad",
        _ => "quiet",
    };
    let counts = match (data["received"].as_u64(), data["sent"].as_u64()) {
        (Some(received), Some(sent)) if sent > 0 => format!(", {received}/{sent}"),
        _ => String::new(),
    };
    let rtt = if data["rtt_ms"]["median"].is_number() {
        format!(", {}", milliseconds(&data["rtt_ms"]["median"]))
    } else {
        String::new()
    };
    Cell::of(class, format!("{works}{counts}{rtt}"))
}

/// Columns of a section that a call has and a description alone does not.
const COUNTS: [&str; 3] = ["sent", "received", "lost"];

/// The sections of a description, or of a call.
pub(super) fn media(out: &mut String, result: &Value) {
    let sections = list(result, "media");
    let counts: Vec<&str> = COUNTS
        .into_iter()
        .filter(|key| sections.iter().any(|section| section[key].is_number()))
        .collect();
    let mut heads = vec!["mid", "kind", "accepted", "codec", "direction"];
    heads.extend(&counts);
    heads.push("reason");
    of_list(out, "Media", &heads, sections, |section| {
        let accepted = match section["accepted"].as_bool() {
            Some(true) => Cell::of("good", "yes"),
            Some(false) => Cell::of("bad", "no"),
            None => Cell::of("quiet", "not known"),
        };
        let mut row = vec![
            shown(section, "mid"),
            shown(section, "kind"),
            accepted,
            shown(section, "codec"),
            shown(section, "direction"),
        ];
        let count =
            |key: &&str| Cell::new(number(&section[*key]).unwrap_or_else(|| "-".to_owned()));
        row.extend(counts.iter().map(count));
        row.push(shown(section, "reason"));
        row
    });
}

/// What is wrong with descriptions: where it stands, who says so and who minds.
pub(super) fn problems(out: &mut String, result: &Value) {
    of_list(
        out,
        "Problems",
        &["place", "what is so", "by", "who minds", "code"],
        list(result, "problems"),
        |problem| {
            let source = text(problem, "source").unwrap_or("-");
            let place = match problem["line"].as_u64() {
                Some(line) => format!("{source} line {line}"),
                None => source.to_owned(),
            };
            let class = match text(problem, "severity") {
                Some("error") => "bad",
                Some("warning") => "open",
                _ => "quiet",
            };
            vec![
                Cell::new(place),
                Cell::of(class, text(problem, "message").unwrap_or("-")),
                shown(problem, "rfc"),
                shown(problem, "practice"),
                shown(problem, "code"),
            ]
        },
    );
}

/// The files that `inspect` read.
pub(super) fn sources(out: &mut String, result: &Value) {
    of_list(
        out,
        "Files",
        &["file", "kind", "side"],
        list(result, "sources"),
        |source| {
            let side = match source["side"].as_u64() {
                Some(0) => "this side",
                Some(_) => "the other side",
                None => "-",
            };
            vec![
                shown(source, "file"),
                shown(source, "kind"),
                Cell::new(side),
            ]
        },
    );
}
