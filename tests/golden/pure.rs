//! Results that are made up or come from simulated networks: no run differs from another in anything.

use std::time::Duration;

use rtcdiag::base::fact::Reason;
use rtcdiag::commands::nat::report::{NatResult, PathReport};
use rtcdiag::commands::{mesh, nat, pair};

use super::support::golden::{Files, add, hold};
use super::support::matrix::{Cell, LinkDelay, LinkMode, cells};
use super::support::mesh_results as meshes;
use super::support::pair_results as results;
use super::support::{scenario::Scenario, sim_net};

/// Every kind of NAT and firewall, as the tests of `nat` find it out in virtual time.
#[test]
fn nat_simulated() {
    let mut files = Files::new();
    let calm = |cell: &Cell| {
        let delay = LinkDelay::RoundTrip(Duration::from_millis(40));
        (cell.loss_percent, cell.mode, cell.delay) == (0, LinkMode::Plain, delay)
    };
    for cell in cells().into_iter().filter(calm) {
        let name = file_name(&format!("{:?}", cell.topology));
        add_simulated(&mut files, &name, &cell.scenario(1));
    }
    let lossy = |cell: &Cell| cell.loss_percent == 20 && cell.mode == LinkMode::Strays;
    let lossy = cells()
        .into_iter()
        .find(lossy)
        .expect("it is in the matrix");
    add_simulated(&mut files, "lossy", &lossy.scenario(1));
    let mut blocked = lossy.scenario(1);
    blocked.path[0].blocked = true;
    add_simulated(&mut files, "blocked", &blocked);
    let nat64 = cells()
        .into_iter()
        .rfind(calm)
        .expect("it is in the matrix");
    add_simulated(&mut files, "nat64", &nat64.nat64_scenario(1));
    hold("nat_simulated", &files);
}

fn add_simulated(files: &mut Files, name: &str, scenario: &Scenario) {
    let outcome = sim_net::run(scenario).expect("it ends");
    let paths = vec![PathReport::new(
        scenario.client,
        Some("eth0".into()),
        outcome.facts,
    )];
    let result = NatResult {
        reachability: nat::verdict::reachable(&paths),
        paths,
        ..NatResult::default()
    };
    let verdict = nat::verdict::verdict(&result, nat::verdict::Context::default());
    add(files, name, ("nat", verdict, result), nat::render::text);
}

fn file_name(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

#[test]
fn pair_made_up() {
    let mut files = Files::new();
    let interrupted = pair::verdict::Context {
        stopped: Some(Reason::Interrupted),
        ..pair::verdict::Context::default()
    };
    let mut silent_server = results::strict();
    silent_server.servers.push(results::silent_server());
    let plain = pair::verdict::Context::default();
    for (name, result, context) in [
        ("direct", results::direct(), &plain),
        ("media", results::with_media(), &plain),
        ("relayed", results::relayed(), &plain),
        ("failed", results::strict(), &plain),
        ("failed-silent-server", silent_server, &plain),
        ("no-peer", results::nobody(), &plain),
        ("interrupted", results::nobody(), &interrupted),
        ("interrupted-later", results::strict(), &interrupted),
    ] {
        let result = pair::verdict::causes::with_causes(result, context);
        let verdict = pair::verdict::verdict(&result, context);
        add(
            &mut files,
            name,
            ("pair", verdict, result),
            pair::render::text,
        );
    }
    hold("pair_made_up", &files);
}

#[test]
fn mesh_made_up() {
    let mut files = Files::new();
    let plain = mesh::verdict::Context::default();
    let expecting = mesh::verdict::Context {
        wanted: Some(mesh::verdict::WantedWays::Direct),
        hosts: Some(6),
        ..mesh::verdict::Context::default()
    };
    for (name, result, context) in [
        ("alone", meshes::alone(), &plain),
        ("direct", meshes::direct(3), &plain),
        ("eight", meshes::direct(8), &plain),
        ("twelve", meshes::direct(12), &plain),
        ("half-relayed", meshes::half_relayed(), &plain),
        ("mixed", meshes::mixed(), &plain),
        ("mixed-expected", meshes::mixed(), &expecting),
    ] {
        let verdict = mesh::verdict::verdict(&result, context);
        add(
            &mut files,
            name,
            ("mesh", verdict, result),
            mesh::render::text,
        );
    }
    hold("mesh_made_up", &files);
}
