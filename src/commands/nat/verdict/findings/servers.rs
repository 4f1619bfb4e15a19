//! What is wrong with servers, and what became of those that were named beside others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::codes::Code;
use crate::base::report::{Finding, Severity};
use crate::base::words::listed;
use crate::commands::nat::report::{NatResult, PathReport, ServerReport};
use crate::proto::nat::behavior::BehaviorDiscovery;
use crate::proto::stun::uri::{ServerUri, Transport};

/// What came of the servers named beside the one whose answers were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    None,
    Silent,
    /// One answered at least, and its answers were of no use.
    Heard,
}

impl Others {
    pub(super) fn of(path: &PathReport, result: &NatResult) -> Self {
        let rows = || {
            let of_path =
                |s: &&ServerReport| s.family == Some(path.family) && s.transport == Transport::Udp;
            result.servers.iter().filter(of_path)
        };
        let hosts: BTreeSet<IpAddr> = rows().filter_map(|s| Some(s.address?.ip())).collect();
        if hosts.len() < 2 {
            return Self::None;
        }
        if rows().any(|s| s.error.as_ref().is_some_and(|e| is_answer(e.code))) {
            Self::Heard
        } else {
            Self::Silent
        }
    }
}

/// Whether a server with this error has answered.
const fn is_answer(code: Code) -> bool {
    matches!(
        code,
        Code::WrongSource
            | Code::Malformed
            | Code::NotStun
            | Code::StunError
            | Code::BindingWantsCredentials
            | Code::Untruthful
            | Code::Outvoted
            | Code::SourceRewritten
            | Code::Translated
    )
}

/// Servers that answer a Binding request only to whom they know.
pub(in super::super) fn of_credentials(result: &NatResult) -> Option<Finding> {
    let wants = |s: &&ServerReport| {
        let error = s.error.as_ref();
        error.is_some_and(|e| e.code == Code::BindingWantsCredentials)
    };
    let servers = result.servers.iter().filter(wants);
    let mut names: Vec<String> = servers.map(|s| s.uri.clone()).collect();
    names.dedup();
    (!names.is_empty()).then(|| {
        Finding::new(
            Code::BindingWantsCredentials,
            format!(
                "{} answers, and wants credentials for a Binding request (error 401): without them it tells no address",
                listed(&names)
            ),
            "browsers send no credentials with STUN: turn that off on the server (coturn: remove secure-stun), or ask another one with -s",
        )
    })
}

/// A remark on a server that writes IPv4 addresses as IPv6 ones.
pub fn v4_mapped(server: &str) -> Finding {
    Finding::new(
        Code::ServerIpv4Mapped,
        format!(
            "{server} reports IPv4 addresses in IPv6 form (::ffff:a.b.c.d); they were read as IPv4, but other programs may have no use for them"
        ),
        "have the server strip the prefix from what its dual-stack socket tells it, or listen on one socket for each family",
    )
}

pub(in super::super) fn of_server(server: &ServerReport, findings: &mut Vec<Finding>) {
    let name = match server.address {
        Some(address) => format!("{} ({address})", server.uri),
        None => server.uri.clone(),
    };
    if server.facts.is_v4_mapped {
        findings.push(v4_mapped(&name));
    }
    if let Some(error) = &server.error {
        let (code, hint) = match error.code {
            Code::Untruthful => (Code::ServerUntruthful, "do not use this server"),
            Code::Outvoted => (
                Code::ServerContradicts,
                "leave this server out; its answers were not used",
            ),
            Code::SourceRewritten => (
                Code::ServerSourceRewritten,
                error.hint.unwrap_or("ask another server with -s"),
            ),
            Code::Translated => (
                Code::ServerBehindNat64,
                "name the prefix of the NAT64 with --nat64-prefix, so that it is tested as a path of its own",
            ),
            Code::WrongSource => (
                Code::ServerWrongSource,
                "the server, or a NAT or load balancer before it, answers from another address or port: have the server bind each of its addresses, and what stands before it keep the port",
            ),
            Code::StunError => (
                Code::StunError,
                error.hint.unwrap_or("ask another server with -s"),
            ),
            Code::Malformed => (
                Code::Malformed,
                "the server breaks RFC 8489: ask another one with -s",
            ),
            Code::Tls => (
                Code::ServerTls,
                "have the certificate or the port fixed; a private CA can be trusted with SSL_CERT_FILE",
            ),
            Code::Dns => (
                Code::ServerUnresolved,
                error.hint.unwrap_or("check the spelling of the name"),
            ),
            code if is_named_over_stream(server) && !error.is_cut_short() => {
                let (code, hint) = match code {
                    Code::Timeout => (
                        Code::ServerSilent,
                        "check the port, that the server runs and has TLS or TCP there, and the firewalls on the way",
                    ),
                    Code::Refused => (
                        Code::ServerRefused,
                        "nothing listens there, or a firewall refuses this host: check address and port, and that the server runs",
                    ),
                    Code::Unreachable => (
                        Code::ServerUnreachable,
                        "check the address, and the routes of this machine",
                    ),
                    Code::Closed => (
                        Code::ServerClosed,
                        "check the port, and what stands before the server",
                    ),
                    other if other.is_of_another_protocol() || other.is_of_certificate() => {
                        (other, "check the port, and ask another server with -s")
                    }
                    _ => return,
                };
                (code, error.hint.unwrap_or(hint))
            }
            _ => return,
        };
        findings.push(
            Finding::new(code, format!("{name}: {}", error.message), hint)
                .severity(Severity::Warning),
        );
    } else if let Some(BehaviorDiscovery::Broken(flaw)) = &server.facts.behavior_discovery {
        findings.push(Finding::new(
            Code::ServerBehaviorDiscoveryBroken,
            format!("{name} offers RFC 5780, but it is of no use from here: {flaw}"),
            "it still serves for the public address; name another server with RFC 5780, or this one by its first address",
        ));
    }
}

/// Whether it was named over TCP or TLS, and not tried so in place of UDP.
fn is_named_over_stream(server: &ServerReport) -> bool {
    let uri = server.uri.parse::<ServerUri>();
    uri.is_ok_and(|uri| uri.transport != Transport::Udp)
}

/// Where no server was named that is asked over UDP, and none of those that were answers: that nothing is known of UDP.
pub(in super::super) fn of_streams_alone(result: &NatResult) -> Option<Finding> {
    let has_udp = result.servers.iter().any(|s| s.transport == Transport::Udp);
    (result.paths.is_empty() && !result.servers.is_empty() && !has_udp).then(|| {
        Finding::new(
            Code::NoUdpServer,
            "no server was named that is asked over UDP, so whether UDP gets through was not tested",
            "name a server with stun: or turn: and -s",
        )
    })
}
