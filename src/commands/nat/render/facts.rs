//! The table of facts.

use crate::base::fact::{Fact, Reason};
use crate::commands::nat::report::PathReport;
use crate::proto::nat::behavior::words::{AddressPooling, Mapping};
use crate::proto::nat::lifetime::Range;
use crate::proto::nat::tcp::StreamFacts;
use crate::ui::layout::{shown, yes_no};
use crate::ui::style::{Ink, Style};
use crate::ui::table::{Cell, Table};

/// The facts of these paths. Rows without news on any of them are left out unless all are asked for.
pub fn facts(paths: &[&PathReport], several: bool, style: Style, all: bool) -> Table {
    let mut table = style.table();
    let mut header = vec![Cell::new("")];
    header.extend(paths.iter().map(|p| style.cell(Ink::Bold, p.name(several))));
    table.set_header(header);
    let mut row = |name: &str, is_news: News, cell: &dyn Fn(&PathReport) -> String| {
        if !all && !paths.iter().any(|path| is_news(path)) {
            return;
        }
        let mut cells = vec![Cell::new(name)];
        cells.extend(paths.iter().map(|p| Cell::new(cell(p))));
        table.add_row(cells);
    };
    behavior(paths, &mut row);
    depth(paths, &mut row);
    style.keep_terms_whole(&mut table);
    table
}

/// Whether a row of a path is worth reading.
type News = fn(&PathReport) -> bool;

/// Adds a row: its name, whether it is news, and the cell of each path.
type Row<'a> = dyn FnMut(&str, News, &dyn Fn(&PathReport) -> String) + 'a;

const ALWAYS: News = |_| true;
/// What the headline or the summary has already, or what is of use to few.
const NEVER: News = |_| false;

fn behavior(paths: &[&PathReport], row: &mut Row<'_>) {
    row("UDP", |p| !p.is_open(), &|p| shown(&p.facts.udp));
    if paths.iter().any(|p| p.via_nat64) {
        row("NAT64 prefix", ALWAYS, &|p| shown(&p.nat64_prefix));
    }
    row("local address", ALWAYS, &|p| match &p.interface {
        Some(interface) => {
            let kind = p.interface_kind.map(|kind| format!(", {}", kind.label()));
            let kind = kind.unwrap_or_default();
            format!("{} ({interface}{kind})", p.local_address)
        }
        None => p.local_address.to_string(),
    });
    row("default route", |p| p.default_route == Some(false), &|p| {
        let text = match p.default_route {
            Some(true) => "yes",
            Some(false) => "no",
            None => "? (the system does not say)",
        };
        text.to_owned()
    });
    row("reflexive addresses", ALWAYS, &|p| {
        let addresses: Vec<String> = p
            .facts
            .reflexive_addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        if addresses.is_empty() {
            "- (none reported)".to_owned()
        } else {
            addresses.join(" ")
        }
    });
    row("NAT", ALWAYS, &|p| yes_no(&p.facts.nat));
    row("mapping", ALWAYS, &|p| shown(&p.facts.mapping));
    row("filtering (NAT and firewall)", ALWAYS, &|p| {
        shown(&p.facts.filtering)
    });
    row("legacy name", NEVER, &|p| {
        p.legacy_name
            .text()
            .unwrap_or("- (not determined)")
            .to_owned()
    });
    row(
        "hairpinning",
        |p| p.facts.hairpinning == Fact::Determined(false),
        &|p| yes_no(&p.facts.hairpinning),
    );
    row("port preservation", NEVER, &|p| {
        yes_no(&p.facts.port_preservation)
    });
    row(
        "port assignment",
        NEVER,
        &|p| match (&p.facts.port_assignment, p.facts.port_step.value()) {
            (Fact::Determined(rule), Some(step)) => format!("{rule}, step {step}"),
            (rule, _) => shown(rule),
        },
    );
    row(
        "address pooling",
        |p| p.facts.address_pooling == Fact::Determined(AddressPooling::Arbitrary),
        &|p| shown(&p.facts.address_pooling),
    );
    row(
        "ALG rewrites packets",
        |p| p.facts.alg == Fact::Determined(true),
        &|p| yes_no(&p.facts.alg),
    );
    row(
        "port moves",
        |p| p.facts.port_moves == Fact::Determined(true),
        &|p| yes_no(&p.facts.port_moves),
    );
}

/// What is asked of others than STUN servers over UDP, or takes long.
fn depth(paths: &[&PathReport], row: &mut Row<'_>) {
    row(
        "carrier NAT",
        |p| p.carrier_nat == Fact::Determined(true),
        &|p| yes_no(&p.carrier_nat),
    );
    row(
        "second NAT",
        |p| p.double_nat == Fact::Determined(true),
        &|p| yes_no(&p.double_nat),
    );
    if paths.iter().copied().any(is_measured) {
        row("binding lifetime, two-way", ALWAYS, &|p| {
            lifetime(&p.lifetime.two_way)
        });
        row("binding lifetime, one packet", ALWAYS, &|p| {
            lifetime(&p.lifetime.one_packet)
        });
        row("keep-alive", ALWAYS, &|p| {
            let interval = p.lifetime.keepalive_s.clone();
            shown(&interval.map(|seconds| format!("every {seconds} s")))
        });
    } else {
        row("binding lifetime", NEVER, &|p| {
            lifetime(&p.lifetime.two_way)
        });
    }
    row("PCP, NAT-PMP, UPnP IGD", offers_mappings, &|p| {
        let answers = [
            &p.port_mapping.pcp,
            &p.port_mapping.nat_pmp,
            &p.port_mapping.upnp_igd,
        ];
        let mut texts: Vec<String> = answers.into_iter().map(yes_no).collect();
        texts.dedup();
        texts.join(", ")
    });
    row(
        "router, external address",
        |p| p.port_mapping.router_external_address.is_determined(),
        &|p| {
            let Some(router) = p.port_mapping.router else {
                return shown(&p.port_mapping.router_external_address);
            };
            let external = shown(&p.port_mapping.router_external_address);
            format!("{router}, {external}")
        },
    );
    if paths.iter().copied().any(was_mapped) {
        row("port mapping works", ALWAYS, &|p| {
            yes_no(&p.port_mapping.mapping_works)
        });
    }
    row("TCP", is_tcp_news, &|p| over_tcp(&p.tcp));
    let collided = |p: &PathReport| p.collision.mapping != Fact::not_tested(Reason::NotAskedFor);
    if paths.iter().copied().any(collided) {
        row("mapping in a collision", ALWAYS, &|p| {
            let mapping = shown(&p.collision.mapping);
            match p.collision.overloading {
                Fact::Determined(true) => format!("{mapping}, port shared"),
                _ => mapping,
            }
        });
    }
}

fn offers_mappings(path: &PathReport) -> bool {
    let router = &path.port_mapping;
    let answers = [&router.pcp, &router.nat_pmp, &router.upnp_igd];
    answers.contains(&&Fact::Determined(true))
}

/// Where UDP does not work TCP matters; else only what is odd about it.
fn is_tcp_news(path: &PathReport) -> bool {
    let dependent =
        matches!(&path.tcp.mapping, Fact::Determined(m) if *m != Mapping::EndpointIndependent);
    !path.is_open() || dependent || path.tcp.open == Fact::Determined(false)
}

fn over_tcp(tcp: &StreamFacts) -> String {
    match (&tcp.open, &tcp.mapping) {
        (Fact::Determined(true), Fact::NotTested { .. }) => "open".to_owned(),
        (Fact::Determined(true), mapping) => format!("open, mapping {}", shown(mapping)),
        (Fact::Determined(false), _) => "blocked".to_owned(),
        (Fact::Inconclusive { .. }, _) if !silence(tcp).is_empty() => {
            format!("? ({})", silence(tcp))
        }
        (other, _) => shown(&other.clone().map(|_| "")),
    }
}

/// What became of connections where no server answered STUN.
fn silence(tcp: &StreamFacts) -> String {
    let counts = &tcp.servers;
    let ways = [
        (counts.refused, "refused"),
        (counts.silent, "silent"),
        (counts.not_stun, "no STUN there"),
        (counts.failed, "not reached"),
    ];
    let ways = ways.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = ways.map(|(count, how)| format!("{count} {how}")).collect();
    words.join(", ")
}

fn was_mapped(path: &PathReport) -> bool {
    path.port_mapping.mapping_works != Fact::not_tested(Reason::NotAskedFor)
        && path.port_mapping.mapping_works != Fact::not_tested(Reason::LeftOut)
        && path.port_mapping.mapping_works != Fact::not_tested(Reason::NoRouter)
}

fn is_measured(path: &PathReport) -> bool {
    path.lifetime.two_way != Fact::not_tested(Reason::NotAskedFor)
}

fn lifetime(fact: &Fact<Range>) -> String {
    shown(
        &fact
            .clone()
            .map(|range| match (range.at_least_s(), range.at_most_s()) {
                (least, Some(most)) => format!("{least:.1} to {most:.1} s"),
                (least, None) => format!("over {least:.1} s"),
            }),
    )
}
