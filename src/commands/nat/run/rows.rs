//! The rows of the server table: one for each server address, and one for each server without any.
use std::net::{IpAddr, SocketAddr};

use crate::base::codes::Code;
use crate::base::report::ErrorReport;
use crate::base::report::Millis;
use crate::commands::nat::report::ServerReport;
use crate::commands::nat::run::assemble::Parts;
use crate::commands::nat::run::fallback::StreamResult;
use crate::commands::nat::run::path::{PathRun, interface_to};
use crate::net::host::Source;
use crate::net::icmp;
use crate::net::misdirected;
use crate::net::resolve;
use crate::net::stream::Attempt;
use crate::proto::nat::address::Rewritten;
use crate::proto::nat::behavior::{ServerError, ServerFacts, ServerRecord};
use crate::proto::nat::{SendError, Time};
use crate::proto::stun::message::BindingSuccess;
use crate::proto::stun::refused::{not_stun, refused_binding};
use crate::proto::stun::uri::{Host, Scheme, ServerUri, Transport};

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
            None => reports.push(failed(uri, None, resolve::silence(&uri.host))),
            Some(Err(error)) => reports.push(failed(uri, None, error.clone())),
            Some(Ok(addresses)) => {
                for address in addresses {
                    reports.push(server_report(uri, *address, parts));
                }
            }
        }
    }
    for path in parts.paths {
        for record in path.discovery.servers() {
            if !reports.iter().any(|r| is_row_of(r, &record)) {
                reports.push(added_report(record, path));
            }
        }
    }
    for tried in parts.paths.iter().flat_map(|p| &p.explained.fallback) {
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

fn is_row_of(row: &ServerReport, record: &ServerRecord) -> bool {
    row.transport == Transport::Udp && row.address == Some(record.address)
}

/// Another port of a server, which was tried because the one named is silent.
fn added_report(record: ServerRecord, path: &PathRun) -> ServerReport {
    let knocks = &path.explained.knocks;
    let listed = knocks.iter().find(|k| k.address() == record.address);
    let host = listed.map_or(Host::Ip(record.address.ip()), |knock| {
        path.host_of(knock.server)
    });
    let uri = ServerUri {
        scheme: Scheme::Stun,
        host,
        port: record.address.port(),
        transport: Transport::Udp,
    };
    udp_report(&uri, record, path)
}

fn server_report(uri: &ServerUri, address: SocketAddr, parts: &Parts) -> ServerReport {
    if let Some(error) = misdirected::error(&uri.host, address.ip()) {
        return failed(uri, Some(address), error);
    }
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
                ErrorReport::new(Code::Timeout, "not asked in time"),
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
        ErrorReport::new(Code::Timeout, "not asked in time"),
    )
}

fn udp_report(uri: &ServerUri, record: ServerRecord, path: &PathRun) -> ServerReport {
    let refusal = path
        .explained
        .refusals
        .iter()
        .find(|(server, _)| *server == record.address)
        .map(|(_, error)| *error);
    let outvoted = path.discovery.outvoted() == Some(record.address);
    let error = match (&record.error, refusal) {
        (Some(error), Some(refused)) if error.is_silence() => Some(match refused {
            SendError::Unreachable => ErrorReport::new(
                Code::Unreachable,
                "a router or firewall on the way rejects it (ICMP)",
            ),
            SendError::Rejected(rejection) => rejection.report(record.address),
            SendError::Refused => icmp::closed_port(record.address),
            refused => send_error(refused),
        }),
        (Some(error), _) => Some(server_error(error, path.local)),
        (None, _) if outvoted => Some(ErrorReport::new(
            Code::Outvoted,
            "it sees a different mapping than all the other servers do, so its answers were left out",
        )),
        (None, _) => None,
    };
    ServerReport {
        interface: path.interface.clone(),
        facts: record.facts,
        error,
        ..ServerReport::new(uri.to_string(), uri.transport, Some(record.address))
    }
}

fn server_error(error: &ServerError, local: IpAddr) -> ErrorReport {
    match error {
        ServerError::Timeout => ErrorReport::new(Code::Timeout, "no answer over UDP"),
        ServerError::Send(error) => send_error(*error),
        ServerError::NotWaitedFor(Time::ZERO) => ErrorReport::new(
            Code::NotWaitedFor,
            "not asked: the tests were over before its turn came",
        ),
        ServerError::NotWaitedFor(waited) => ErrorReport::new(
            Code::NotWaitedFor,
            format!(
                "no answer within {:.1} s, when the tests were over: it may be slow, and was not waited for",
                waited.as_secs_f64()
            ),
        ),
        ServerError::Stun(error) if error.code == 401 => ErrorReport::new(
            Code::BindingWantsCredentials,
            format!(
                "it wants credentials for a Binding request: error 401 {}",
                error.reason
            ),
        ),
        ServerError::Stun(error) => refused_binding(error),
        ServerError::Malformed(what) => ErrorReport::new(Code::Malformed, what.clone()),
        ServerError::Foreign => not_stun(),
        ServerError::WrongSource(source) => ErrorReport::new(
            Code::WrongSource,
            format!("it answered from {source}, which was not asked"),
        ),
        ServerError::Rewritten(seen, how) => rewritten(*seen, *how, local),
        ServerError::OtherFamily(seen) => ErrorReport::new(
            Code::Translated,
            format!(
                "it sees {seen}, and the other servers see the other family: packets to it are translated on the way, so its answers were left out"
            ),
        ),
        ServerError::Untruthful(why) => ErrorReport::new(Code::Untruthful, why.clone()),
    }
}

/// The row's error of a server that sees something else than this host.
pub fn rewritten(seen: SocketAddr, how: Rewritten, local: IpAddr) -> ErrorReport {
    let cause = how.cause(local);
    let (ip, text) = (seen.ip(), how.text());
    let error = ErrorReport::new(
        Code::SourceRewritten,
        format!("it sees {ip}, {text}: {cause}"),
    );
    if how == Rewritten::Near {
        return error.with_hint(
            "right for calls within this network; its answers were left out of what is said of the NAT",
        );
    }
    if how == Rewritten::Neighbour {
        return error.with_hint(
            "run it from outside this network to see the server as others do, or ask another server with -s",
        );
    }
    error.with_hint("have what stands before the server keep the source address (Kubernetes: externalTrafficPolicy: Local), or ask another server with -s")
}

fn send_error(error: SendError) -> ErrorReport {
    match error {
        SendError::Refused => ErrorReport::new(Code::Refused, "port unreachable (ICMP)"),
        SendError::Unreachable => ErrorReport::new(Code::Unreachable, "no route to it"),
        SendError::Forbidden => ErrorReport::new(
            Code::Forbidden,
            "a firewall on this machine forbids sending to it",
        ),
        SendError::Broadcast => ErrorReport::new(
            Code::BroadcastAddress,
            "it is a broadcast address: no server has it",
        ),
        SendError::Rejected(_) => {
            ErrorReport::new(Code::Rejected, "a firewall on the way rejects it (ICMP)")
        }
        SendError::Other => ErrorReport::new(Code::Io, "the system could not send to it"),
    }
}

fn stream_report(uri: String, tried: &StreamResult, source: &Source) -> ServerReport {
    let Attempt {
        address, transport, ..
    } = tried.attempt;
    let mut report = ServerReport::new(uri, transport, Some(address));
    report.facts.requests = 1;
    match &tried.answer {
        Ok(answer) => {
            let response = &answer.response;
            let success = response.outcome.as_ref().ok();
            report.interface = interface_to(source, answer.local.ip());
            report.facts = ServerFacts {
                rtt_ms: Some(Millis(answer.rtt)),
                reflexive_address: success.and_then(BindingSuccess::reflexive),
                other_address: success.and_then(|s| s.other_address),
                software: response.software.clone(),
                responses: 1,
                ..report.facts
            };
            report.error = response.outcome.as_ref().err().map(refused_binding);
        }
        Err(error) => {
            report.interface.clone_from(&source.interface);
            report.error = Some(error.report.clone());
        }
    }
    report
}

/// A server that was not asked, or could not be.
pub fn failed(uri: &ServerUri, address: Option<SocketAddr>, error: ErrorReport) -> ServerReport {
    ServerReport {
        error: Some(error),
        ..ServerReport::new(uri.to_string(), uri.transport, address)
    }
}
