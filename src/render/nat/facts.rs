//! The table of facts.

use crate::fact::{Fact, Reason};
use crate::render::layout::{shown, yes_no};
use crate::render::style::{Ink, Style};
use crate::render::table::{Cell, Table};
use crate::report::nat::{Bounds, PathReport, TcpReport};

/// A column for each path.
pub fn facts(paths: &[&PathReport], several: bool, style: Style) -> Table {
    let mut table = style.table();
    let mut header = vec![Cell::new("")];
    header.extend(paths.iter().map(|p| style.cell(Ink::Bold, p.name(several))));
    table.set_header(header);
    let mut row = |name: &str, cell: &dyn Fn(&PathReport) -> String| {
        let mut cells = vec![Cell::new(name)];
        cells.extend(paths.iter().map(|p| Cell::new(cell(p))));
        table.add_row(cells);
    };
    behavior(paths, &mut row);
    depth(paths, &mut row);
    style.keep_terms_whole(&mut table);
    table
}

/// Adds a row: its name, and the cell of each path.
type Row<'a> = dyn FnMut(&str, &dyn Fn(&PathReport) -> String) + 'a;

fn behavior(paths: &[&PathReport], row: &mut Row<'_>) {
    row("UDP", &|p| shown(&p.udp));
    if paths.iter().any(|p| p.via_nat64) {
        row("NAT64 prefix", &|p| shown(&p.nat64_prefix));
    }
    row("local address", &|p| match &p.interface {
        Some(interface) => {
            let kind = p.interface_kind.map(|kind| format!(", {}", kind.label()));
            let kind = kind.unwrap_or_default();
            format!("{} ({interface}{kind})", p.local_address)
        }
        None => p.local_address.to_string(),
    });
    row("default route", &|p| {
        let text = match p.default_route {
            Some(true) => "yes",
            Some(false) => "no",
            None => "? (the system does not say)",
        };
        text.to_owned()
    });
    row("reflexive addresses", &|p| {
        let addresses: Vec<String> = p
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
    row("NAT", &|p| yes_no(&p.nat));
    row("mapping", &|p| shown(&p.mapping));
    row("filtering (NAT and firewall)", &|p| shown(&p.filtering));
    row("legacy name", &|p| {
        p.legacy_name
            .text()
            .unwrap_or("- (not determined)")
            .to_owned()
    });
    row("hairpinning", &|p| yes_no(&p.hairpinning));
    row("port preservation", &|p| yes_no(&p.port_preservation));
    row(
        "port assignment",
        &|p| match (&p.port_assignment, p.port_step.value()) {
            (Fact::Determined(rule), Some(step)) => format!("{rule}, step {step}"),
            (rule, _) => shown(rule),
        },
    );
    row("address pooling", &|p| shown(&p.address_pooling));
    row("ALG rewrites packets", &|p| yes_no(&p.alg));
}

/// What is asked of others than STUN servers over UDP, or takes long.
fn depth(paths: &[&PathReport], row: &mut Row<'_>) {
    row("carrier NAT", &|p| yes_no(&p.carrier_nat));
    row("second NAT", &|p| yes_no(&p.double_nat));
    if paths.iter().copied().any(is_measured) {
        row("binding lifetime, two-way", &|p| {
            lifetime(&p.binding_lifetime.two_way)
        });
        row("binding lifetime, one packet", &|p| {
            lifetime(&p.binding_lifetime.one_packet)
        });
        row("keep-alive", &|p| {
            let interval = p.binding_lifetime.keepalive_s.clone();
            shown(&interval.map(|seconds| format!("every {seconds} s")))
        });
    } else {
        row("binding lifetime", &|p| lifetime(&p.binding_lifetime_s));
    }
    row("PCP, NAT-PMP, UPnP IGD", &|p| {
        let answers = [
            &p.port_mapping.pcp,
            &p.port_mapping.nat_pmp,
            &p.port_mapping.upnp_igd,
        ];
        let mut texts: Vec<String> = answers.into_iter().map(yes_no).collect();
        texts.dedup();
        texts.join(", ")
    });
    row("router, external address", &|p| {
        let Some(router) = p.port_mapping.router else {
            return shown(&p.port_mapping.router_external_address);
        };
        let external = shown(&p.port_mapping.router_external_address);
        format!("{router}, {external}")
    });
    if paths.iter().copied().any(was_mapped) {
        row("port mapping works", &|p| {
            yes_no(&p.port_mapping.mapping_works)
        });
    }
    row("TCP", &|p| over_tcp(&p.tcp));
    let collided =
        |p: &PathReport| p.mapping_under_collision != Fact::not_tested(Reason::NotAskedFor);
    if paths.iter().copied().any(collided) {
        row("mapping in a collision", &|p| {
            let mapping = shown(&p.mapping_under_collision);
            match p.port_overloading {
                Fact::Determined(true) => format!("{mapping}, port shared"),
                _ => mapping,
            }
        });
    }
}

fn over_tcp(tcp: &TcpReport) -> String {
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
fn silence(tcp: &TcpReport) -> String {
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

/// Whether a mapping of the router was asked for.
fn was_mapped(path: &PathReport) -> bool {
    path.port_mapping.mapping_works != Fact::not_tested(Reason::NotAskedFor)
        && path.port_mapping.mapping_works != Fact::not_tested(Reason::LeftOut)
        && path.port_mapping.mapping_works != Fact::not_tested(Reason::NoRouter)
}

/// Whether the lifetime was asked for.
fn is_measured(path: &PathReport) -> bool {
    path.binding_lifetime_s != Fact::not_tested(Reason::NotAskedFor)
}

fn lifetime(fact: &Fact<Bounds>) -> String {
    shown(&fact.clone().map(|bounds| match bounds.at_most {
        Some(most) => format!("{:.1} to {most:.1} s", bounds.at_least),
        None => format!("over {:.1} s", bounds.at_least),
    }))
}
