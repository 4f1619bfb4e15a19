//! The rows of the server table: one for each server address, and one for each server without any.
use std::net::SocketAddr;

use super::assemble::Parts;
use super::fallback::Tried;
use super::path::{PathRun, interface_to};
use crate::family::Family;
use crate::nat::SendError;
use crate::nat::discovery::{BehaviorDiscovery, ServerError, ServerRecord};
use crate::net::host::Source;
use crate::report::ErrorReport;
use crate::report::Millis;
use crate::report::nat::{BehaviorDiscoveryReport, ServerReport};
use crate::stun::message::BindingSuccess;
use crate::stun::uri::{ServerUri, Transport};

/// The rows, in the order in which the servers were named.
pub fn server_reports(parts: &Parts) -> Vec<ServerReport> {
    let mut reports = untranslated_reports(parts);
    for report in &mut reports {
        report.stands_for = report.address.and_then(|a| parts.translation.stands_for(a));
    }
    reports
}

fn untranslated_reports(parts: &Parts) -> Vec<ServerReport> {
    let mut reports = Vec::new();
    for (uri, resolved) in parts.servers.iter().zip(parts.resolved) {
        match resolved {
            None => reports.push(failed(
                uri,
                None,
                ErrorReport::new(
                    "dns",
                    format!(
                        "{} was not resolved in time: the name servers are silent",
                        uri.host
                    ),
                ),
            )),
            Some(Err(error)) => reports.push(failed(uri, None, error.clone())),
            Some(Ok(addresses)) => {
                for address in addresses {
                    reports.push(server_report(uri, *address, parts));
                }
            }
        }
    }
    for tried in parts.paths.iter().flat_map(|p| &p.fallback) {
        if tried.succeeded() {
            let scheme = if tried.attempt.transport == Transport::Tls {
                "stuns"
            } else {
                "stun"
            };
            let uri = format!(
                "{scheme}:{}:{}",
                tried.attempt.host,
                tried.attempt.address.port()
            );
            reports.push(stream_report(uri, tried, parts.source));
        }
    }
    reports
}

fn server_report(uri: &ServerUri, address: SocketAddr, parts: &Parts) -> ServerReport {
    if uri.transport != Transport::Udp {
        let tried = parts.streams.iter().find(|t| {
            t.attempt.address == address
                && t.attempt.transport == uri.transport
                && t.attempt.host == uri.host
        });
        return match tried {
            Some(tried) => stream_report(uri.to_string(), tried, parts.source),
            None => failed(
                uri,
                Some(address),
                ErrorReport::new("timeout", "not asked in time"),
            ),
        };
    }
    if let Some(error) = parts.no_path.get(&address) {
        return ServerReport {
            interface: parts.source.interface.clone(),
            ..failed(uri, Some(address), error.clone())
        };
    }
    for path in parts.paths {
        let records = path.discovery.servers();
        if let Some(record) = records.into_iter().find(|r| r.address == address) {
            return udp_report(uri, record, path);
        }
    }
    failed(
        uri,
        Some(address),
        ErrorReport::new("timeout", "not asked in time"),
    )
}

fn udp_report(uri: &ServerUri, record: ServerRecord, path: &PathRun) -> ServerReport {
    let refusal = path
        .refusals
        .iter()
        .find(|(server, _)| *server == record.address)
        .map(|(_, error)| *error);
    let outvoted = path.discovery.outvoted() == Some(record.address);
    let error = match (&record.error, refusal) {
        (Some(ServerError::Timeout), Some(SendError::Unreachable)) => Some(ErrorReport::new(
            "unreachable",
            "a router or firewall on the way refuses (ICMP)",
        )),
        (Some(ServerError::Timeout), Some(refused)) => Some(send_error(refused)),
        (Some(error), _) => Some(server_error(error)),
        (None, _) if outvoted => Some(ErrorReport::new(
            "outvoted",
            "it sees another mapping than all the other servers, so its answers were left out",
        )),
        (None, _) => None,
    };
    let flaw = match &record.behavior_discovery {
        Some(BehaviorDiscovery::Broken(flaw)) => Some(flaw.clone()),
        _ => None,
    };
    ServerReport {
        uri: uri.to_string(),
        behavior_discovery_flaw: flaw,
        address: Some(record.address),
        stands_for: None,
        family: Some(path.way.family),
        interface: path.interface.clone(),
        transport: Transport::Udp,
        rtt_ms: record.rtt.map(Millis),
        reflexive_address: record.reflexive_address,
        other_address: record.other_address,
        software: record.software,
        behavior_discovery: record.behavior_discovery.map(|b| match b {
            BehaviorDiscovery::Supported => BehaviorDiscoveryReport::Supported,
            BehaviorDiscovery::Absent => BehaviorDiscoveryReport::Absent,
            BehaviorDiscovery::Broken(_) => BehaviorDiscoveryReport::Broken,
        }),
        requests: record.requests,
        responses: record.responses,
        error,
    }
}

fn server_error(error: &ServerError) -> ErrorReport {
    match error {
        ServerError::Timeout => ErrorReport::new("timeout", "no answer over UDP"),
        ServerError::Send(error) => send_error(*error),
        ServerError::Stun { code, reason } => ErrorReport::new(
            "stun-error",
            format!("it answered with error {code} {reason}"),
        ),
        ServerError::Malformed(what) => ErrorReport::new("malformed", what.clone()),
        ServerError::WrongSource(source) => ErrorReport::new(
            "wrong-source",
            format!("it answered from {source}, which was not asked"),
        ),
        ServerError::OtherFamily(seen) => ErrorReport::new(
            "translated",
            format!(
                "it sees {seen}, and the other servers see the other family: packets to it are translated on the way, so its answers were left out"
            ),
        ),
        ServerError::Untruthful(why) => ErrorReport::new("untruthful", why.clone()),
    }
}

fn send_error(error: SendError) -> ErrorReport {
    match error {
        SendError::Refused => ErrorReport::new("refused", "port unreachable (ICMP)"),
        SendError::Unreachable => ErrorReport::new("unreachable", "no route to it"),
        SendError::Forbidden => ErrorReport::new(
            "forbidden",
            "a firewall on this machine forbids to send to it",
        ),
        SendError::Other => ErrorReport::new("io", "the system could not send to it"),
    }
}

fn stream_report(uri: String, tried: &Tried, source: &Source) -> ServerReport {
    let (mut report, error) = match &tried.answer {
        Ok(answer) => {
            let error = answer.response.outcome.as_ref().err().map(|e| {
                ErrorReport::new(
                    "stun-error",
                    format!("it answered with error {} {}", e.code, e.reason),
                )
            });
            let success = answer.response.outcome.as_ref().ok();
            let mut report = ServerReport::new(uri, tried.attempt.transport);
            report.rtt_ms = Some(Millis(answer.rtt));
            report.interface = interface_to(source, answer.local.ip());
            report.reflexive_address = success.and_then(BindingSuccess::reflexive);
            report.other_address = success.and_then(|s| s.other_address);
            report.software.clone_from(&answer.response.software);
            report.responses = 1;
            (report, error)
        }
        Err(error) => (
            ServerReport {
                interface: source.interface.clone(),
                ..ServerReport::new(uri, tried.attempt.transport)
            },
            Some(error.report.clone()),
        ),
    };
    report.address = Some(tried.attempt.address);
    report.family = Some(Family::of(tried.attempt.address.ip()));
    report.requests = 1;
    report.error = error;
    report
}

/// A server that was not asked, or could not be.
pub fn failed(uri: &ServerUri, address: Option<SocketAddr>, error: ErrorReport) -> ServerReport {
    ServerReport {
        address,
        family: address.map(|a| Family::of(a.ip())),
        error: Some(error),
        ..ServerReport::new(uri.to_string(), uri.transport)
    }
}
