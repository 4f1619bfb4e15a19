//! The ways between the hosts of a mesh.

use serde_json::Value;

use super::markup::{Cell, table};
use super::words::{list, milliseconds, text};

/// Hosts of one matrix, and ways of the list below it; with more, the document has them.
const MOST_HOSTS: usize = 64;
const MOST_WAYS: usize = 200;

pub(super) fn of_mesh(out: &mut String, result: &Value) {
    let ways = list(result, "ways");
    matrix(out, list(result, "hosts"), ways);
    let not_direct = |way: &&Value| text(way, "outcome") != Some("direct");
    let rows: Vec<Vec<Cell>> = ways
        .iter()
        .filter(not_direct)
        .take(MOST_WAYS)
        .map(|way| {
            let causes = list(way, "causes").iter();
            let why: Vec<&str> = causes.filter_map(|cause| text(cause, "message")).collect();
            vec![
                Cell::new(format!("{} - {}", end(way, "a"), end(way, "b"))),
                cell(way),
                Cell::new(why.join("\n")),
            ]
        })
        .collect();
    table(
        out,
        "Ways that are not direct",
        &["way", "result", "why"],
        &rows,
    );
}

fn matrix(out: &mut String, hosts: &[Value], ways: &[Value]) {
    let names: Vec<&str> = hosts.iter().filter_map(|host| text(host, "name")).collect();
    if names.len() < 2 || names.len() > MOST_HOSTS {
        return;
    }
    let mut cells = vec![vec![Cell::new("-"); names.len()]; names.len()];
    let place = |name: &str| names.iter().position(|known| *known == name);
    for way in ways {
        if let (Some(a), Some(b)) = (place(end(way, "a")), place(end(way, "b"))) {
            cells[a][b] = cell(way);
            cells[b][a] = cell(way);
        }
    }
    let rows: Vec<Vec<Cell>> = names
        .iter()
        .zip(cells)
        .map(|(name, cells)| [Cell::new(*name)].into_iter().chain(cells).collect())
        .collect();
    let mut heads = vec![""];
    heads.extend(&names);
    table(out, "Ways", &heads, &rows);
}

fn end<'a>(way: &'a Value, key: &str) -> &'a str {
    text(way, key).unwrap_or_default()
}

fn cell(way: &Value) -> Cell {
    let outcome = text(way, "outcome").unwrap_or("-");
    let rtt = milliseconds(&way["rtt_ms"]);
    match outcome {
        "direct" => Cell::of("good", rtt),
        "relayed" => Cell::of("open", format!("relayed, {rtt}")),
        "not-tested" => Cell::of("quiet", "not tested"),
        other => Cell::of("bad", other),
    }
}
