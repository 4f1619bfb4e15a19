//! What is worth knowing about a TURN server, and what to do about it.

use std::collections::{BTreeMap, BTreeSet};

use super::verdict::{Context, is};
use super::{PolicyReport, TransportReport, TransportStatus, TurnResult, udp_works};
use crate::fact::{Fact, Reason};
use crate::nat::address::is_global;
use crate::report::expiry::of_expiry;
use crate::report::stage::Stage;
use crate::report::words::{listed, span};
use crate::report::{ErrorReport, Finding, Severity};
use crate::stun::uri::Transport;
use crate::turn::policy::{Concern, PeerClass};

/// So much loss over a relay is heard in a call.
const MUCH_LOSS_PERCENT: f64 = 5.0;
/// A certificate that ends within so many seconds should have been renewed.
const SOON_S: u64 = 14 * 86_400;

/// Everything.
pub(super) fn of_result(result: &TurnResult, context: &Context, findings: &mut Vec<Finding>) {
    of_errors(result, findings);
    for transport in &result.transports {
        of_transport(transport, result, findings);
        of_certificate(transport, context, findings);
    }
    of_unreachable_relays(result, findings);
    of_addresses(result, findings);
    of_authentication(result, context, findings);
    of_policy(result, findings);
}

/// "UDP", or "UDP over IPv6" where there are both families.
pub(super) fn way_name(transport: &TransportReport, all: &[TransportReport]) -> String {
    way_names(&[transport], all)
}

/// "UDP and TCP", or "UDP and TCP over IPv4" where there are both families.
pub(super) fn way_names(with: &[&TransportReport], all: &[TransportReport]) -> String {
    let families: BTreeSet<_> = all.iter().filter_map(|t| t.family).collect();
    let of_family = |family| {
        let mut names: Vec<String> = Vec::new();
        for transport in with.iter().filter(|t| t.family == family) {
            let name = match transport.transport {
                Transport::Udp => "UDP",
                Transport::Tcp => "TCP",
                Transport::Tls => "TLS",
            };
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        listed(&names)
    };
    let mut seen: Vec<_> = with.iter().map(|t| t.family).collect();
    seen.dedup();
    let parts: Vec<String> = seen
        .into_iter()
        .map(|family| match family {
            Some(known) if families.len() > 1 => {
                format!("{} over {}", of_family(family), known.name())
            }
            _ => of_family(family),
        })
        .collect();
    parts.join("; ")
}

/// One finding for each kind of trouble, with the transports that have it.
fn of_errors(result: &TurnResult, findings: &mut Vec<Finding>) {
    let mut told: Vec<(&ErrorReport, Stage, Vec<&TransportReport>)> = Vec::new();
    for transport in &result.transports {
        let Some(error) = transport.error.as_ref().filter(|e| !e.is_cut_short()) else {
            continue;
        };
        let same = told.iter_mut().find(|(known, stage, with)| {
            *known == error && *stage == transport.stage && with[0].status == transport.status
        });
        match same {
            Some((_, _, with)) => with.push(transport),
            None => told.push((error, transport.stage, vec![transport])),
        }
    }
    for (error, stage, with) in told {
        let absent = with[0].status == TransportStatus::Absent && is_heard_of(result);
        let (code, severity) = if !absent {
            (error.code, Severity::Error)
        } else if error.code.starts_with("certificate-") {
            (error.code, Severity::Warning)
        } else {
            ("transport-absent", Severity::Info)
        };
        let hint = if code == "transport-absent" {
            Some(absence_hint(&with, error, result))
        } else {
            error.hint
        };
        let message = if matches!(error.code, "dns" | "wrong-family") {
            error.message.clone()
        } else {
            format!(
                "{}: {} ({stage})",
                way_names(&with, &result.transports),
                error.message
            )
        };
        findings.push(Finding {
            code,
            severity,
            message,
            hint: hint.map(ToOwned::to_owned),
        });
    }
}

/// What a transport that the URI does not promise would be good for.
fn absence_hint(
    with: &[&TransportReport],
    error: &ErrorReport,
    result: &TurnResult,
) -> &'static str {
    let same_family_works = result
        .transports
        .iter()
        .any(|t| t.family == with[0].family && t.relayed_address.is_some());
    if error.code == "unreachable" && !same_family_works {
        error.hint.unwrap_or("the other addresses work")
    } else if with.iter().any(|t| t.transport == Transport::Udp) {
        "UDP to the server may be blocked on this path, or the server is down there; what works carries a call all the same, with more delay over TCP and TLS"
    } else {
        "the server may not offer it; clients behind firewalls that let no UDP pass need TCP or TLS, best on port 443"
    }
}

fn of_transport(transport: &TransportReport, result: &TurnResult, findings: &mut Vec<Finding>) {
    if transport.status != TransportStatus::Ok {
        return;
    }
    let name = way_name(transport, &result.transports);
    let forbidden = matches!(
        transport.permission,
        Fact::Inconclusive {
            reason: Reason::PolicyForbids,
            ..
        }
    );
    if forbidden {
        push_once(
            findings,
            Finding::new(
                "relay-to-relay-forbidden",
                Severity::Warning,
                "the server's policy forbids its own relay address as a peer, so two clients that both use it cannot meet",
                PeerClass::OwnAddress.remedy(),
            ),
        );
    }
    if !transport.is_verified() {
        findings.push(Finding::new(
            "relay-unverified",
            Severity::Warning,
            format!("{name}: it could not be told whether data comes through: its policy forbids its own relay address, and this host's UDP socket got nothing back"),
            if udp_works(&result.transports) {
                "open the relay ports in the server's firewall (coturn: min-port to max-port, UDP), and check external-ip"
            } else {
                "UDP may be blocked on this path; run it from another network"
            },
        ));
    }
    if is(&transport.relay_to_relay.works, false) && is(&transport.to_reflexive.works, true) {
        findings.push(Finding::new(
            "relay-to-relay-fails",
            Severity::Warning,
            format!("{name}: data passes between this host and the relay, but not between two relayed addresses, so two clients that both use this server cannot meet"),
            "let the server send to its own address: NAT loopback (hairpinning) at its site, or its firewall",
        ));
    }
    for (data, what) in [
        (&transport.relay_to_relay, "between two relayed addresses"),
        (&transport.to_reflexive, "between this host and the relay"),
    ] {
        if let Some(loss) = data.loss_percent.filter(|l| *l >= MUCH_LOSS_PERCENT)
            && data.received > 0
        {
            findings.push(Finding::new(
                "relay-loss",
                Severity::Warning,
                format!("{name}: {loss} % of {} datagrams {what} were lost", data.sent),
                "run it again when the network is less busy; look at the server's load and bandwidth limits (coturn: max-bps)",
            ));
        }
    }
}

/// Relays that work and cannot be reached from here, where UDP may be to blame.
fn of_unreachable_relays(result: &TurnResult, findings: &mut Vec<Finding>) {
    let with: Vec<&TransportReport> = result
        .transports
        .iter()
        .filter(|t| t.status == TransportStatus::Ok)
        .filter(|t| is(&t.to_reflexive.works, false) && is(&t.relay_to_relay.works, true))
        .collect();
    if with.is_empty() {
        return;
    }
    findings.push(Finding::new(
        "relay-unreachable-from-here",
        Severity::Warning,
        format!(
            "{}: data passes between two relayed addresses, but not between this host's UDP socket and the relay",
            way_names(&with, &result.transports)
        ),
        "UDP may be blocked on this path; else open the relay ports in the server's firewall (coturn: min-port to max-port, UDP)",
    ));
}

/// Whether TURN is spoken over some transport, be it only to refuse.
fn is_heard_of(result: &TurnResult) -> bool {
    result
        .transports
        .iter()
        .any(|t| t.realm.is_some() || t.relayed_address.is_some())
}

fn push_once(findings: &mut Vec<Finding>, finding: Finding) {
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

fn of_certificate(transport: &TransportReport, context: &Context, findings: &mut Vec<Finding>) {
    let Some(certificate) = transport.tls.as_ref().and_then(|tls| tls.chain.first()) else {
        return;
    };
    let ends = certificate.not_after_unix;
    if transport.status == TransportStatus::Ok && ends < context.unix_now + SOON_S {
        push_once(
            findings,
            Finding::new(
                "certificate-ends-soon",
                Severity::Warning,
                format!(
                    "the certificate ends in {}, on {}",
                    span(ends.saturating_sub(context.unix_now)),
                    certificate.not_after
                ),
                "renew it, and have the server load the new one",
            ),
        );
    }
}

fn of_addresses(result: &TurnResult, findings: &mut Vec<Finding>) {
    for transport in &result.transports {
        let (Some(relayed), Some(server)) = (transport.relayed_address, transport.address) else {
            continue;
        };
        if !is_global(relayed.ip()) && is_global(server.ip()) {
            push_once(
                findings,
                Finding::new(
                    "relayed-address-private",
                    Severity::Error,
                    format!(
                        "the relayed address {} is not public: peers on the internet cannot reach it",
                        relayed.ip()
                    ),
                    "tell the server its public address (coturn: external-ip=PUBLIC/PRIVATE)",
                ),
            );
        }
    }
}

fn of_authentication(result: &TurnResult, context: &Context, findings: &mut Vec<Finding>) {
    let authentication = &result.authentication;
    if is(&authentication.unauthenticated_refused, false) {
        findings.push(Finding::new(
            "relay-without-credentials",
            Severity::Error,
            format!(
                "it relays for everybody: it asks for no credentials over {}",
                way_names(
                    &result
                        .transports
                        .iter()
                        .filter(|t| t.authenticated == Some(false))
                        .collect::<Vec<_>>(),
                    &result.transports
                )
            ),
            "have it ask for credentials (coturn: lt-cred-mech or use-auth-secret, and remove no-auth)",
        ));
    } else if is(&authentication.wrong_password_refused, false) {
        findings.push(Finding::new(
            "any-password-accepted",
            Severity::Error,
            "it accepts a wrong password",
            "the server does not check credentials; look at its configuration and its user database",
        ));
    }
    let refused = result
        .transports
        .iter()
        .any(|t| t.error.as_ref().is_some_and(|e| e.code == "unauthorized"));
    findings.extend(
        context
            .credentials_expire
            .and_then(|expires| of_expiry(expires, context.unix_now, refused)),
    );
}

fn of_policy(result: &TurnResult, findings: &mut Vec<Finding>) {
    let allowed = || result.policy.iter().filter(|p| is(&p.allowed, true));
    // A server in a private network is there for the peers in it.
    let is_private = result
        .transports
        .iter()
        .filter_map(|t| t.address)
        .any(|server| !is_global(server.ip()));
    let by_class = |concern: Concern| {
        let mut classes: BTreeMap<PeerClass, Vec<String>> = BTreeMap::new();
        for PolicyReport { class, peer, .. } in allowed() {
            if class.concern() == concern {
                classes.entry(*class).or_default().push(peer.to_string());
            }
        }
        classes
    };
    // On loopback, as in a demonstration, loopback is where its peers are.
    let is_loopback = result
        .transports
        .iter()
        .filter_map(|t| t.address)
        .any(|server| server.ip().is_loopback());
    for (class, peers) in by_class(Concern::Unsafe) {
        findings.push(Finding::new(
            "unsafe-peers-allowed",
            if is_loopback {
                Severity::Info
            } else {
                Severity::Error
            },
            format!(
                "it grants permission for {class} peers ({}), so a client may reach what only the server itself should",
                peers.join(", ")
            ),
            class.remedy(),
        ));
    }
    for (class, peers) in by_class(Concern::Useless) {
        findings.push(Finding::new(
            "useless-peers-allowed",
            Severity::Warning,
            format!(
                "it grants permission for {class} peers ({}), which no call needs{}",
                peers.join(", "),
                if class == PeerClass::LinkLocal {
                    "; in clouds the metadata service is there"
                } else {
                    ""
                }
            ),
            class.remedy(),
        ));
    }
    for (class, peers) in by_class(Concern::Depends) {
        let (severity, remark) = if is_private {
            (Severity::Info, ", as a server in a private network may")
        } else {
            (
                Severity::Warning,
                ": machines in the server's own network may be open to its clients",
            )
        };
        findings.push(Finding::new(
            "private-peers-allowed",
            severity,
            format!(
                "it grants permission for {class} peers ({}){remark}",
                peers.join(", ")
            ),
            class.remedy(),
        ));
    }
}
