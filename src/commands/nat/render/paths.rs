//! Several paths: which there are, and which is that of the default route.

use crate::ui::table::{Cell, Table};

use crate::base::fact::{Fact, Reason};
use crate::commands::nat::report::PathReport;
use crate::proto::nat::behavior::words::Udp;
use crate::ui::style::{Ink, Style};

/// The longest address for which there is room beside the terms: an IPv4 address.
const LONGEST_ADDRESS: usize = 15;

/// One row for each path, what matters most about it in each. Long addresses are left to the facts.
pub fn overview(paths: &[PathReport], style: Style) -> Table {
    let seen_as: Vec<Vec<String>> = paths.iter().map(addresses).collect();
    let narrow = seen_as.iter().flatten().all(|a| a.len() <= LONGEST_ADDRESS);
    let mut table = style.table();
    let mut header = vec!["path", "UDP", "mapping", "filtering"];
    header.extend(narrow.then_some("seen as"));
    table.set_header(header);
    for (path, addresses) in paths.iter().zip(seen_as) {
        let (udp, ink) = match &path.facts.udp {
            Fact::Determined(Udp::Open) => ("open", Ink::Good),
            Fact::Determined(Udp::Blocked) => ("blocked", Ink::Bad),
            Fact::Inconclusive {
                reason: Reason::NoResponse,
                ..
            } => ("no answer", Ink::Caution),
            Fact::Inconclusive { .. } => ("?", Ink::Caution),
            Fact::NotTested { .. } => ("-", Ink::Caution),
        };
        let mut row = vec![
            Cell::new(title(path)),
            style.cell(ink, udp),
            Cell::new(brief(&path.facts.mapping)),
            Cell::new(brief(&path.facts.filtering)),
        ];
        if narrow {
            row.push(Cell::new(if addresses.is_empty() {
                "-".to_owned()
            } else {
                addresses.join("\n")
            }));
        }
        table.add_row(row);
    }
    for column in 0..table.column_count() {
        style.keep_whole(&mut table, column);
    }
    table
}

fn addresses(path: &PathReport) -> Vec<String> {
    let seen = path.facts.reflexive_addresses.iter();
    let mut addresses: Vec<String> = seen.map(|a| a.ip().to_string()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Name, and what is to be known about it: `eth0 IPv4`, `default route`.
fn title(path: &PathReport) -> String {
    let mut title = path.name(true);
    if path.default_route == Some(true) {
        title.push_str("\n  default route");
    }
    if let Some(kind) = path.interface_kind {
        title.push_str("\n  ");
        title.push_str(kind.label());
    }
    title
}

/// The terms as the table of peers has them: the long ones leave no room for others.
fn brief<T: std::fmt::Display>(fact: &Fact<T>) -> String {
    match fact {
        Fact::Determined(value) => match value.to_string().as_str() {
            "endpoint-independent" => "endpoint-indep.".to_owned(),
            "address-dependent" => "address-dep.".to_owned(),
            "address-and-port-dependent" => "addr.+port-dep.".to_owned(),
            other => other.to_owned(),
        },
        Fact::Inconclusive { .. } => "?".to_owned(),
        Fact::NotTested { .. } => "-".to_owned(),
    }
}
