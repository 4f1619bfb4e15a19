//! `--all-interfaces`: every interface tested as a path of its own, all at the same time.

use tokio::task::JoinSet;

use crate::base::codes::Code;
use crate::base::family::Family;
use crate::base::report::{ErrorReport, Finding};
use crate::commands::nat::report::{NatResult, ServerReport, paths};
use crate::commands::nat::run::gate::Gate;
use crate::commands::nat::run::lookups::Lookups;
use crate::commands::nat::run::rows;
use crate::commands::nat::run::surroundings::Surroundings;
use crate::commands::nat::run::{Options, of_source};
use crate::commands::nat::verdict::{self, interfaces};
use crate::net::host::{self, Interface, Source};
use crate::net::route;
use crate::proto::ice::interface::{InterfaceKind, kind_of};

/// How many interfaces are tested. Each has up to sixty sockets at a time; usual limits are 1024.
const MOST: usize = 16;

/// The seeds of interfaces lie this far apart (2^64 by the golden ratio), so that no two share a
/// transaction ID.
const SEED_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// An interface to test.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Uplink {
    interface: String,
    families: Vec<Family>,
}

/// What is tested, and what is not and why.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    uplinks: Vec<Uplink>,
    left_out: Vec<(String, &'static str)>,
    too_many: usize,
}

/// Runs the tests over each interface; what came of them is one result.
pub async fn run(
    options: &Options,
    lookups: &Lookups,
    around: &Surroundings,
) -> (NatResult, Vec<Finding>) {
    let (plan, mut findings) = match host::interfaces() {
        Ok(interfaces) => {
            let carries = route::carries_default_route;
            let plan = plan(&interfaces, &options.families, carries);
            let findings = plan.findings();
            (plan, findings)
        }
        Err(error) => (Plan::default(), vec![interfaces::not_listed(&error)]),
    };
    if plan.uplinks.is_empty() {
        let alone = of_source(options, lookups, Gate::default(), around.clone());
        let (result, found) = alone.await;
        findings.extend(found);
        return (result, findings);
    }
    let gate = if plan.uplinks.len() > 1 {
        Gate::shared()
    } else {
        Gate::default()
    };
    let runs: JoinSet<(usize, (NatResult, Vec<Finding>))> = plan
        .uplinks
        .iter()
        .cloned()
        .zip(0u64..)
        .enumerate()
        .map(|(index, (uplink, number))| {
            let options = options_of(options, uplink, number);
            let around = Surroundings {
                source: options.source.clone(),
                seed: options.seed,
                ..around.clone()
            };
            let (lookups, gate) = (lookups.clone(), gate.clone());
            async move {
                let run = of_source(&options, &lookups, gate, around);
                (index, run.await)
            }
        })
        .collect();
    let mut parts = runs.join_all().await;
    parts.sort_by_key(|(index, _)| *index);
    let (mut result, found) = merge(&plan.uplinks, parts.into_iter().map(|(_, part)| part));
    findings.extend(found);
    add_missing_rows(options, lookups, &mut result);
    (result, findings)
}

fn options_of(options: &Options, uplink: Uplink, number: u64) -> Options {
    Options {
        source: Source {
            interface: Some(uplink.interface),
            local: None,
        },
        families: uplink.families,
        seed: options.seed.wrapping_add(number.wrapping_mul(SEED_STEP)),
        ..options.clone()
    }
}

/// The interfaces that are tested, those of the default routes first and virtual ones last.
fn plan(
    interfaces: &[Interface],
    families: &[Family],
    carries_default_route: impl Fn(&str, Family) -> Option<bool>,
) -> Plan {
    let mut plan = Plan::default();
    let mut ranked = Vec::new();
    for interface in interfaces {
        let name = &interface.name;
        let has: Vec<Family> = families
            .iter()
            .copied()
            .filter(|family| interface.has(*family))
            .collect();
        let carries = |family: &Family| carries_default_route(name, *family) == Some(true);
        let default = families.iter().position(carries);
        let kind = kind_of(name);
        let why_not = if !interface.is_up {
            Some("it is down or has no carrier")
        } else if has.is_empty() {
            Some("it has no usable address of a family that is tested")
        } else if kind == Some(InterfaceKind::Container) && default.is_none() {
            Some("it leads to containers or virtual machines on this host")
        } else {
            None
        };
        match why_not {
            Some(why) => plan.left_out.push((name.clone(), why)),
            None => ranked.push((
                (default.unwrap_or(usize::MAX), kind.is_some()),
                Uplink {
                    interface: name.clone(),
                    families: has,
                },
            )),
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    plan.too_many = ranked.len().saturating_sub(MOST);
    plan.uplinks = ranked
        .into_iter()
        .map(|(_, uplink)| uplink)
        .take(MOST)
        .collect();
    plan
}

impl Plan {
    fn findings(&self) -> Vec<Finding> {
        let too_many = interfaces::too_many(self.too_many, MOST);
        let left_out = interfaces::left_out(&self.left_out);
        left_out.into_iter().chain(too_many).collect()
    }
}

/// One result of several. Findings name their interface.
fn merge(
    uplinks: &[Uplink],
    parts: impl Iterator<Item = (NatResult, Vec<Finding>)>,
) -> (NatResult, Vec<Finding>) {
    let several = uplinks.len() > 1;
    let mut merged = NatResult::default();
    let mut findings = Vec::new();
    for (index, (uplink, (part, found))) in uplinks.iter().zip(parts).enumerate() {
        findings.extend(found.into_iter().map(|finding| {
            if several {
                finding.about(&uplink.interface)
            } else {
                finding
            }
        }));
        let silent = uplink.families.iter();
        findings
            .extend(silent.filter_map(|f| interfaces::without_way(&uplink.interface, *f, &part)));
        // A name that has no address has none over any interface.
        let rows = part.servers.into_iter();
        merged
            .servers
            .extend(rows.filter(|row| index == 0 || row.address.is_some()));
        merged.paths.extend(part.paths);
        merged.observations.extend(part.observations);
    }
    merged
        .paths
        .sort_by_key(|path| path.default_route != Some(true));
    paths::forget_steps_of_neighbours(&mut merged.paths);
    merged.reachability = verdict::reachable(&merged.paths);
    (merged, findings)
}

/// Addresses of servers that no interface has the family for.
fn add_missing_rows(options: &Options, lookups: &Lookups, result: &mut NatResult) {
    for (index, uri) in options.servers.iter().enumerate() {
        let Some(Ok(addresses)) = lookups.known(index) else {
            continue;
        };
        for address in addresses {
            let has_row = |row: &ServerReport| row.address == Some(address);
            if !result.servers.iter().any(has_row) {
                let family = Family::of(address.ip()).name();
                let why = format!("no interface has a usable {family} address");
                let error = ErrorReport::new(Code::Unreachable, why);
                result.servers.push(rows::failed(uri, Some(address), error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, is_up: bool, addresses: &[&str]) -> Interface {
        Interface {
            name: name.to_owned(),
            is_up,
            addresses: addresses
                .iter()
                .map(|a| a.parse().expect("valid"))
                .collect(),
        }
    }

    const BOTH: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    fn names(plan: &Plan) -> Vec<&str> {
        plan.uplinks.iter().map(|w| w.interface.as_str()).collect()
    }

    #[test]
    fn the_default_route_comes_first_and_bridges_of_containers_are_left_out() {
        let interfaces = [
            interface("docker0", true, &["172.17.0.1"]),
            interface("wg0", true, &["10.8.0.2"]),
            interface("eth1", true, &["192.0.2.2", "2001:db8::2"]),
            interface("eth2", false, &["192.0.2.3"]),
            interface("eth3", true, &[]),
            interface("eth0", true, &["198.51.100.2"]),
        ];
        let default = |name: &str, family| Some(name == "eth0" && family == Family::Ipv4);
        let plan = plan(&interfaces, &BOTH, default);
        assert_eq!(names(&plan), ["eth0", "eth1", "wg0"]);
        assert_eq!(plan.uplinks[0].families, [Family::Ipv4]);
        assert_eq!(plan.uplinks[1].families, BOTH);
        let left_out: Vec<&str> = plan.left_out.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(left_out, ["docker0", "eth2", "eth3"]);
        let [finding] = plan.findings().try_into().expect("one");
        assert!(finding.message.contains("eth2 (it is down"), "{finding:?}");
    }

    #[test]
    fn a_bridge_with_the_default_route_is_tested() {
        let interfaces = [interface("docker0", true, &["172.17.0.1"])];
        let plan = plan(&interfaces, &BOTH, |_, family| Some(family == Family::Ipv4));
        assert_eq!(names(&plan), ["docker0"]);
        assert!(plan.findings().is_empty());
    }

    #[test]
    fn there_is_a_limit_and_it_is_said() {
        let interfaces: Vec<Interface> = (0..20)
            .map(|n| interface(&format!("eth{n}"), true, &["192.0.2.2"]))
            .collect();
        let plan = plan(&interfaces, &BOTH, |name, _| Some(name == "eth19"));
        assert_eq!(plan.uplinks.len(), MOST);
        assert_eq!(plan.uplinks[0].interface, "eth19");
        assert_eq!(plan.findings()[0].code, Code::TooManyInterfaces);
    }
}
