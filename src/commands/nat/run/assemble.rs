//! Puts the parts of a run together into its result.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::fact::{Fact, Reason};
use crate::base::report::{ErrorReport, Finding};
use crate::commands::nat::nat64::run::{Route, Translation};
use crate::commands::nat::report::{NatResult, PathReport, paths};
use crate::commands::nat::run::fallback::StreamResult;
use crate::commands::nat::run::lookups::Resolved;
use crate::commands::nat::run::path::{self, PathRun};
use crate::commands::nat::run::rows;
use crate::commands::nat::tcp::run::{self, StreamTest};
use crate::commands::nat::verdict::evidence::{self, Silence, StreamSeen};
use crate::commands::nat::{nat64, verdict};
use crate::net::host::Source;
use crate::net::route;
use crate::proto::nat::SendError;
use crate::proto::nat::behavior::words::{PathFacts, Udp};
use crate::proto::nat::behavior::{Limits, ServerError};
use crate::proto::nat::lifetime::LifetimeFacts;
use crate::proto::stun::uri::ServerUri;

pub struct Parts<'a> {
    pub servers: &'a [ServerUri],
    /// Where all was sent from.
    pub source: &'a Source,
    pub resolved: &'a [Option<Resolved>],
    pub no_path: &'a BTreeMap<SocketAddr, ErrorReport>,
    pub paths: &'a [PathRun],
    pub streams: &'a [StreamResult],
    pub translation: &'a Translation,
    /// Ways and local addresses that only TCP and TLS were tested from.
    pub stream_paths: &'a [(Route, IpAddr, StreamTest)],
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
    paths.extend(stream_paths.map(|(route, local, test)| stream_path(*route, *local, test, parts)));
    if parts.source.interface.is_none() {
        paths::set_aside(&mut paths);
    }
    translation_findings(parts, &paths, &mut findings);
    let stream_observations = parts.stream_paths.iter().flat_map(|p| &p.2.observations);
    let observations = parts
        .paths
        .iter()
        .flat_map(|path| {
            let observations = path.discovery.observations().into_iter();
            let interface = path.interface.as_deref();
            observations
                .map(move |observation| path.route.named(observation, interface))
                .chain(path.depth.tcp.observations.iter().cloned())
                .chain(path.depth.collision.observations.iter().cloned())
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
fn stream_path(route: Route, local: IpAddr, test: &StreamTest, parts: &Parts) -> PathReport {
    let tried: Vec<&StreamResult> = on_route(parts, route).collect();
    let interface = path::interface_to(parts.source, local);
    let server = tried.iter().find(|t| t.answer.is_ok());
    let default_route = server.and_then(|tried| {
        let server = tried.attempt.address;
        path::is_default_route(parts.source, interface.as_deref(), local, server)
    });
    let facts = PathFacts::not_tested(Reason::NoUdpServer);
    let mut report = PathReport::new(local, interface, facts);
    report.default_route = default_route;
    report.tcp = run::report(test, &tried, None);
    report.set_layers(false);
    report.set_nat64_prefix(route.nat64, None, parts.translation.prefixes());
    report
}

/// A path on which nothing could even be sent is none.
fn is_no_path(path: &PathRun) -> bool {
    let records = path.discovery.servers();
    let unreachable = Some(ServerError::Send(SendError::Unreachable));
    !records.is_empty() && records.iter().all(|r| r.error == unreachable)
}

fn path_report(path: &PathRun, parts: &Parts, findings: &mut Vec<Finding>) -> PathReport {
    let mut facts = path.discovery.facts();
    if path.has_used_ports {
        facts.doubt_used_ports();
    }
    let mut report = PathReport::new(path.local, path.interface.clone(), facts);
    report.default_route = path.default_route;
    if let (Some(true), Some(name)) = (path.default_route, &path.interface) {
        report.other_default_routes = route::other_default_routes(name, report.family);
    }
    report.loss = path.discovery.loss();
    report.limits = path.discovery.limits();
    if matches!(report.limits, Some(Limits::All { .. })) {
        report.facts.doubt_silence();
    }
    let silence = silence(path, parts);
    if report.is_open() {
        let closed = silence.closed_ports();
        findings.extend(closed.or_else(|| silence.silent_port()));
    } else {
        if let Some((closed, evidence)) = silence.closed() {
            report.set_closed(closed);
            findings.push(evidence);
        } else if let Some(evidence) = silence.blocked() {
            report.set_blocked();
            findings.push(evidence);
        }
        findings.extend(silence.fallback());
    }
    let depth = &path.depth;
    report.collision = depth.collision.facts.clone();
    let left_out = depth.lifetime.two_way == Fact::not_tested(Reason::NotAskedFor);
    report.lifetime = if report.facts.udp == Fact::Determined(Udp::Blocked) && !left_out {
        LifetimeFacts::not_tested(Reason::UdpBlocked)
    } else {
        depth.lifetime.clone()
    };
    report.port_mapping = depth.router.report.clone();
    findings.extend(depth.router.findings.iter().cloned());
    let tried: Vec<&StreamResult> = on_route(parts, path.route)
        .chain(&path.explained.fallback)
        .collect();
    let pooling = path.discovery.facts().address_pooling;
    report.tcp = run::report(&depth.tcp, &tried, Some(&pooling));
    report.set_layers(depth.router.on_path);
    let likely = path.discovery.likely_nat64_prefix();
    let known = path.route.nat64.or(path.discovery.proved_nat64_prefix());
    report.set_nat64_prefix(known, likely, parts.translation.prefixes());
    findings.extend(evidence::of_discovery(path.route.name(), &path.discovery));
    report
}

fn silence<'a>(path: &'a PathRun, parts: &Parts) -> Silence<'a> {
    let seen = |tried: &StreamResult| StreamSeen {
        address: tried.attempt.address,
        transport: tried.attempt.transport,
        answered: tried.succeeded(),
        host_is_up: tried.host_is_up(),
    };
    Silence {
        path: path.route.name(),
        servers: path.discovery.servers(),
        names: &path.names,
        refusals: &path.explained.refusals,
        fallback: path.explained.fallback.iter().map(seen).collect(),
        streams: on_route(parts, path.route).map(seen).collect(),
        knocks: &path.explained.knocks,
        is_router_up: path.explained.is_router_up,
        is_cut_short: matches!(
            path.discovery.facts().udp,
            Fact::Inconclusive {
                reason: Reason::Interrupted | Reason::Timeout,
                ..
            }
        ),
    }
}

fn on_route<'a>(parts: &'a Parts<'a>, route: Route) -> impl Iterator<Item = &'a StreamResult> {
    parts
        .streams
        .iter()
        .filter(move |tried| tried.route(parts.translation) == route)
}

fn translation_findings(parts: &Parts, paths: &[PathReport], findings: &mut Vec<Finding>) {
    let unrouted = parts
        .no_path
        .keys()
        .find_map(|address| parts.translation.route_of(address.ip()).nat64);
    findings.extend(unrouted.map(nat64::verdict::no_route));
    let left_out = parts.no_path.keys().any(SocketAddr::is_ipv4)
        || parts
            .resolved
            .iter()
            .flatten()
            .any(|resolved| matches!(resolved, Err(error) if error.code == Code::WrongFamily));
    if left_out {
        findings.extend(nat64::verdict::left_out(
            parts.translation.prefixes(),
            paths,
        ));
    }
}
