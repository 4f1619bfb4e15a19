//! Puts the parts of a run together into its result.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::fallback::Tried;
use super::lookups::Resolved;
use super::path::{self, PathRun, observation_report};
use super::rows;
use super::tcp::{self, StreamTest};
use super::translated;
use super::translation::{Translation, Way};
use crate::fact::{Fact, Reason};
use crate::ice::interface::InterfaceKind;
use crate::nat::SendError;
use crate::nat::behavior::{Filtering, Mapping, PathFacts, Udp};
use crate::nat::discovery::{ServerError, ServerRecord};
use crate::nat::layers::Layers;
use crate::net::host::Source;
use crate::report::ErrorReport;
use crate::report::nat::verdict;
use crate::report::nat::{LifetimeReport, NatResult, PathReport};
use crate::report::{Finding, Severity};
use crate::stun::uri::{ServerUri, Transport};

/// How many silent hosts, at least [`HOSTS_UP`] of them known to be up, show that UDP is blocked
/// rather than that each of them has no STUN server.
const SILENT_HOSTS: usize = 3;
const HOSTS_UP: usize = 2;

/// The parts.
pub struct Parts<'a> {
    pub servers: &'a [ServerUri],
    /// Where all was sent from.
    pub source: &'a Source,
    pub resolved: &'a [Option<Resolved>],
    pub no_path: &'a BTreeMap<SocketAddr, ErrorReport>,
    pub paths: &'a [PathRun],
    pub streams: &'a [Tried],
    pub translation: &'a Translation,
    /// Ways and local addresses that only TCP and TLS were tested from.
    pub stream_paths: &'a [(Way, IpAddr, StreamTest)],
}

/// The result, and findings that its facts do not show.
pub fn assemble(parts: &Parts) -> (NatResult, Vec<Finding>) {
    let mut findings = Vec::new();
    let servers = rows::server_reports(parts);
    let mut paths: Vec<PathReport> = parts
        .paths
        .iter()
        .filter(|path| !is_no_path(path))
        .map(|path| path_report(path, parts, &mut findings))
        .collect();
    let stream_paths = parts.stream_paths.iter();
    paths.extend(stream_paths.map(|(way, local, test)| stream_path(*way, *local, test, parts)));
    translated::findings(parts, &paths, &mut findings);
    let stream_observations = parts.stream_paths.iter().flat_map(|p| &p.2.observations);
    let observations = parts
        .paths
        .iter()
        .flat_map(|path| {
            let observations = path.discovery.observations().into_iter();
            let interface = path.interface.as_deref();
            observations
                .map(move |o| observation_report(path.way, interface, &o))
                .chain(path.deeper.tcp.observations.iter().cloned())
                .chain(path.deeper.collision.observations.iter().cloned())
        })
        .chain(stream_observations.cloned())
        .collect();
    let result = NatResult {
        reachability: verdict::reachable(&paths),
        paths,
        servers,
        observations,
        rounds: None,
    };
    (result, findings)
}

/// A path over which only TCP or TLS was asked for.
fn stream_path(way: Way, local: IpAddr, test: &StreamTest, parts: &Parts) -> PathReport {
    let facts = PathFacts::not_tested(Reason::NoUdpServer);
    let tried: Vec<&Tried> = on_way(parts, way).collect();
    let interface = path::interface_to(parts.source, local);
    let server = tried.iter().find(|t| t.answer.is_ok());
    let default_route = server.and_then(|tried| {
        let server = tried.attempt.address;
        path::is_default_route(parts.source, interface.as_deref(), local, server)
    });
    let mut report = PathReport::new(local, interface, facts);
    report.default_route = default_route;
    report.tcp = tcp::report(test, &tried, None);
    add_layers(&mut report, false);
    translated::set_prefix(&mut report, way, None, parts.translation);
    report
}

/// A path on which nothing could even be sent is none.
fn is_no_path(path: &PathRun) -> bool {
    let records = path.discovery.servers();
    !records.is_empty()
        && records
            .iter()
            .all(|r| r.error == Some(ServerError::Send(SendError::Unreachable)))
}

fn path_report(path: &PathRun, parts: &Parts, findings: &mut Vec<Finding>) -> PathReport {
    let facts = facts_of(path);
    let mut report = PathReport::new(path.local, path.interface.clone(), facts);
    report.default_route = path.default_route;
    report.loss = path.discovery.loss();
    let records = path.discovery.servers();
    if !report.is_open() {
        if let Some(why) = blocked(path, &records, parts) {
            report.set_blocked();
            findings.push(Finding {
                code: "udp-blocked-evidence",
                severity: Severity::Info,
                message: why,
                hint: None,
            });
        }
        fallback_finding(path, findings);
    }
    let deeper = &path.deeper;
    let collision = deeper.collision.facts.clone();
    report.mapping_under_collision = collision.mapping;
    report.collision_order_matters = collision.order_matters;
    report.port_overloading = collision.overloading;
    report.binding_lifetime = deeper.lifetime.clone();
    if report.udp == Fact::Determined(Udp::Blocked) && !is_left_out(&report.binding_lifetime) {
        report.binding_lifetime = LifetimeReport::not_tested(Reason::UdpBlocked);
    }
    report.binding_lifetime_s = report.binding_lifetime.two_way.clone();
    report.port_mapping = deeper.port_mapping.clone();
    findings.extend(deeper.findings.iter().cloned());
    let tried: Vec<&Tried> = on_way(parts, path.way).chain(&path.fallback).collect();
    report.tcp = tcp::report(
        &deeper.tcp,
        &tried,
        Some(&path.discovery.facts().address_pooling),
    );
    add_layers(&mut report, deeper.router_on_path);
    let likely = path.discovery.likely_nat64_prefix();
    translated::set_prefix(&mut report, path.way, likely, parts.translation);
    if path.discovery.filtering_rests_on_silence() {
        findings.push(Finding::new(
            "filtering-rests-on-silence",
            Severity::Info,
            format!(
                "{} filtering: behind this mapping a server that drops CHANGE-REQUEST would look the same, and none could be shown to obey",
                path.way.name()
            ),
            "confirm it with another server that has RFC 5780, best with RESPONSE-PORT (coturn has)",
        ));
    }
    if path.discovery.filters_hairpins() {
        findings.push(Finding::new(
            "hairpin-filtered",
            Severity::Info,
            format!(
                "{}: hairpinned packets are filtered too: they arrive only from addresses that the receiver has sent to",
                path.way.name()
            ),
            "harmless for ICE, where both sides send",
        ));
    }
    if path.discovery.strays() > 0 {
        findings.push(Finding::new(
            "stray-datagrams",
            Severity::Info,
            format!(
                "{} datagrams over {} belonged to no question and were ignored",
                path.discovery.strays(),
                path.way.name()
            ),
            "harmless, unless they are many: then somebody is scanning or spoofing",
        ));
    }
    report
}

/// The NATs behind each other, once it is known what servers see over UDP, or else over TCP.
fn add_layers(report: &mut PathReport, on_path: bool) {
    let seen = match report.reflexive_addresses.as_slice() {
        [] => &report.tcp.reflexive_addresses,
        seen => seen,
    };
    let reflexive: Vec<IpAddr> = seen.iter().map(SocketAddr::ip).collect();
    // PPP may be a tunnel, and the line of a provider too.
    let tunnel = report.interface_kind == Some(InterfaceKind::Vpn)
        && !report
            .interface
            .as_ref()
            .is_some_and(|i| i.starts_with("ppp"));
    let layers = Layers {
        local: report.local_address,
        tunnel,
        router: report.port_mapping.router,
        on_path,
        external: &report.port_mapping.router_external_address,
        reflexive: &reflexive,
        nat: &report.nat,
    };
    let (carrier_nat, double_nat) = (layers.carrier_nat(), layers.double_nat());
    report.carrier_nat = carrier_nat;
    report.double_nat = double_nat;
}

fn is_left_out(lifetime: &LifetimeReport) -> bool {
    lifetime.two_way == Fact::not_tested(Reason::NotAskedFor)
}

/// The facts. A port that an earlier round has used may have holes left, and a router may give it
/// another one: only what that cannot have made is said.
fn facts_of(path: &PathRun) -> PathFacts {
    let mut facts = path.discovery.facts();
    if path.has_used_ports {
        let why = || -> Fact<()> {
            Fact::inconclusive(
                Reason::OtherTraffic,
                "this host had no local port left that no round of the last minutes had used; leave more time between rounds",
            )
        };
        if matches!(&facts.filtering, Fact::Determined(f) if *f != Filtering::AddressAndPortDependent)
        {
            facts.filtering = why().map(|()| Filtering::AddressAndPortDependent);
        }
        if matches!(&facts.mapping, Fact::Determined(m) if *m != Mapping::EndpointIndependent) {
            facts.mapping = why().map(|()| Mapping::EndpointIndependent);
        }
    }
    facts
}

fn is_cut_short(path: &PathRun) -> bool {
    matches!(
        path.discovery.facts().udp,
        Fact::Inconclusive {
            reason: Reason::Interrupted | Reason::Timeout,
            ..
        }
    )
}

/// Why UDP counts as blocked on a path without any answer; `None` where it cannot be told from
/// dead servers.
fn blocked(path: &PathRun, records: &[ServerRecord], parts: &Parts) -> Option<String> {
    let family = path.way.name();
    if !records.is_empty()
        && records
            .iter()
            .all(|r| r.error == Some(ServerError::Send(SendError::Forbidden)))
    {
        return Some(format!(
            "a firewall on this machine forbids to send UDP over {family} to the servers"
        ));
    }
    let asked: BTreeSet<IpAddr> = records.iter().map(|r| r.address.ip()).collect();
    // "Port unreachable" may come from a server that has no UDP as well as from a firewall.
    let refused = path
        .refusals
        .iter()
        .any(|(_, error)| *error == SendError::Refused);
    let alive = path
        .fallback
        .iter()
        .chain(parts.streams)
        .find(|t| t.succeeded() && asked.contains(&t.attempt.address.ip()));
    if let Some(tried) = alive.filter(|_| !refused || asked.len() > 1) {
        return Some(format!(
            "{} answers over {}, but not over UDP",
            tried.attempt.address,
            transport_name(tried.attempt.transport)
        ));
    }
    let silent: BTreeSet<IpAddr> = records
        .iter()
        .filter(|r| r.error == Some(ServerError::Timeout))
        .filter(|r| path.refusals.iter().all(|(server, _)| *server != r.address))
        .map(|r| r.address.ip())
        .collect();
    let up: BTreeSet<IpAddr> = path
        .fallback
        .iter()
        .filter(|t| t.host_is_up() && asked.contains(&t.attempt.address.ip()))
        .map(|t| t.attempt.address.ip())
        .collect();
    let enough = silent.len() >= SILENT_HOSTS && up.len() >= HOSTS_UP;
    (!is_cut_short(path) && enough && silent.len() == asked.len()).then(|| {
        format!(
            "all {} servers are silent over {family} UDP, though {} of the hosts can be reached over TCP",
            silent.len(),
            up.len()
        )
    })
}

fn way_of(tried: &Tried, parts: &Parts) -> Way {
    parts.translation.way_of(tried.attempt.address.ip())
}

fn on_way<'a>(parts: &'a Parts<'a>, way: Way) -> impl Iterator<Item = &'a Tried> {
    parts
        .streams
        .iter()
        .filter(move |tried| way_of(tried, parts) == way)
}

fn fallback_finding(path: &PathRun, findings: &mut Vec<Finding>) {
    if path.fallback.is_empty() || is_cut_short(path) {
        return;
    }
    let mut groups: BTreeMap<(Transport, u16), (usize, usize)> = BTreeMap::new();
    for tried in &path.fallback {
        let group = groups
            .entry((tried.attempt.transport, tried.attempt.address.port()))
            .or_default();
        group.0 += usize::from(tried.succeeded());
        group.1 += 1;
    }
    let counts: Vec<String> = groups
        .into_iter()
        .map(|((transport, port), (answered, all))| {
            format!(
                "{} port {port}: {answered} of {all}",
                transport_name(transport)
            )
        })
        .collect();
    findings.push(Finding {
        code: "tcp-fallback",
        severity: Severity::Info,
        message: format!(
            "tried instead over {}; answered: {}",
            path.way.name(),
            counts.join(", ")
        ),
        hint: None,
    });
}

const fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    }
}
