//! What is worth knowing about a TURN server, and what to do about it.

mod names;
mod relays;

pub(super) use names::dead_addresses;

use std::collections::BTreeSet;

use crate::base::codes::Code;
use crate::base::expiry::{Reception, of_expiry};
use crate::base::fact::{Fact, Reason};
use crate::base::family::Family;
use crate::base::long_way;
use crate::base::report::{ErrorReport, Finding, Severity};
use crate::base::stage::Stage;
use crate::base::words::{listed, span};
use crate::commands::turn::report::{TransportReport, TransportStatus, TurnResult, udp_works};
use crate::commands::turn::verdict::{Context, is};
use crate::proto::nat::address::is_global;
use crate::proto::stun::uri::Transport;
use crate::proto::turn::error::OddDefault;
use crate::proto::turn::policy::PeerClass;

/// A certificate that ends within so many seconds should have been renewed.
const SOON_S: u64 = 14 * 86_400;

pub(super) fn of_result(result: &TurnResult, context: &Context, findings: &mut Vec<Finding>) {
    names::of_name(result, findings);
    of_errors(result, findings);
    for transport in &result.transports {
        of_transport(transport, result, findings);
        of_certificate(transport, context, findings);
    }
    relays::of_unreachable_relays(result, findings);
    relays::of_what_is_seen(result, findings);
    relays::of_closed_ports(result, findings);
    of_addresses(result, findings);
    of_families(result, findings);
    findings.extend(of_time(result));
    of_authentication(result, context, findings);
    relays::of_policy(result, findings);
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
    let dead = names::of_dead_addresses(result, findings);
    let is_dead = |t: &TransportReport| t.address.is_some_and(|a| dead.contains(&a.ip()));
    for transport in result.transports.iter().filter(|t| !is_dead(t)) {
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
        let (code, severity) = if !absent && with[0].is_undecided() {
            (error.code, Severity::Warning)
        } else if !absent {
            (error.code, Severity::Error)
        } else if error.code.is_of_certificate() || error.code == Code::LocalLimit {
            // The server may well offer it.
            (error.code, Severity::Warning)
        } else {
            (Code::TransportAbsent, Severity::Info)
        };
        let hint = if code == Code::TransportAbsent {
            Some(absence_hint(&with, error, result))
        } else {
            error.hint
        };
        let message = if is_of_name(error.code) {
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

/// Whether it is the name or its address that is wrong, whatever transport was meant.
pub(super) const fn is_of_name(code: Code) -> bool {
    matches!(
        code,
        Code::Dns | Code::NameMisdirected | Code::BroadcastAddress | Code::WrongFamily
    )
}

/// What a transport that the URI does not promise would be good for.
fn absence_hint(
    with: &[&TransportReport],
    error: &ErrorReport,
    result: &TurnResult,
) -> &'static str {
    // Of silence alone the cause is open, and over TCP of who refuses: what was found has its own remedy.
    let is_udp = with.iter().any(|t| t.transport == Transport::Udp);
    let is_open = match error.code {
        Code::Timeout => !error.is_found_out,
        Code::Refused | Code::Unreachable => !is_udp,
        _ => false,
    };
    if let Some(hint) = error.hint.filter(|_| !is_open) {
        return hint;
    }
    let same_family_works = result
        .transports
        .iter()
        .any(|t| t.family == with[0].family && t.relayed_address.is_some());
    if error.code == Code::Unreachable && !same_family_works {
        error.hint.unwrap_or("the other addresses work")
    } else if is_udp
        && result.transports.iter().any(|t| {
            is(&t.to_reflexive.works, true)
                && t.relayed_address.map(|a| Family::of(a.ip())) == with[0].family
        })
    {
        "UDP passes between this host and the relayed address, so it is not blocked on this path as a whole: this port alone is, on the way or by the server's firewall, or the server does not listen there"
    } else if is_udp {
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
    let is_loopback = transport
        .relayed_address
        .is_some_and(|a| a.ip().is_loopback())
        && transport.address.is_some_and(|a| !a.ip().is_loopback());
    if is_loopback {
        // Of such an address nothing else is worth saying.
        return;
    }
    if transport.forbids_what_was_tried() {
        push_once(findings, relays::of_forbidden_peers(transport));
    } else if forbidden {
        push_once(
            findings,
            Finding::new(
                Code::RelayToRelayForbidden,
                "the server's policy forbids its own relay address as a peer, so two clients that both use it cannot meet",
                PeerClass::OwnAddress.remedy(),
            ),
        );
    }
    if !transport.is_verified() && !transport.forbids_what_was_tried() {
        findings.push(Finding::new(
            Code::RelayUnverified,
            format!("{name}: it could not be determined whether data comes through: its policy forbids its own relay address, and this host's UDP socket got nothing back"),
            if udp_works(&result.transports) {
                "open the relay ports in the server's firewall (coturn: min-port to max-port, UDP), and check external-ip"
            } else {
                "UDP may be blocked on this path; run it from another network"
            }));
    }
    if let Some(peer) = transport
        .peer
        .as_ref()
        .filter(|peer| is(&peer.allowed, false))
    {
        push_once(
            findings,
            Finding::new(
                Code::PeersNotAllowed,
                format!("its policy forbids the peer {}", peer.address),
                "have its operator allow that peer (coturn: allowed-peer-ip, denied-peer-ip)",
            )
            .severity(Severity::Error),
        );
    }
    let is_limited = relays::of_rate(transport, &name, findings);
    let (small, large) = (&transport.to_reflexive, &transport.to_reflexive_large);
    if transport.passes_by_channel_alone() {
        let (plain, channel) = (&transport.relay_to_relay_large, &transport.by_channel_large);
        findings.push(
            Finding::new(
                Code::LargeDatagramsLost,
                format!(
                    "{name}: {} of {} datagrams with 1,200 bytes of data came through by a channel, as browsers send them, and {} of {} in Send and Data indications, which are 32 bytes longer and more: the MTU on the way lets no larger ones through",
                    channel.received, channel.sent, plain.received, plain.sent
                ),
                "it is the way (a tunnel, a small MTU, with fragments or ICMP dropped), not the server: have the MTU corrected there, since direct calls and programs that send larger datagrams lose them",
            )
            .severity(Severity::Warning),
        );
    } else if small.mostly_passes() && is(&large.works, false) {
        findings.push(
            Finding::new(
                Code::LargeDatagramsLost,
                format!(
                    "{name}: 0 of {} datagrams with 1,200 bytes of data came through between this host's UDP socket and the relay, {} of {} with 161; over the connection to the server large ones come through",
                    large.sent, small.received, small.sent
                ),
                "UDP on this path loses large datagrams (a small MTU, with fragments or ICMP dropped): direct calls from here may connect and carry no video",
            )
            .severity(Severity::Warning),
        );
    }
    relays::of_losses(transport, &name, is_limited, findings);
    if transport.arrivals.lack_channel_data() {
        findings.push(
            Finding::new(
                Code::NoChannelData,
                format!("{name}: what comes for a bound channel comes in Data indications, 32 bytes longer and more, and not as ChannelData (RFC 8656 12): the server sends none"),
                "browsers take both; programs that take ChannelData alone get nothing, so look at the server's version",
            )
            .severity(Severity::Info),
        );
    }
}

/// A long way to the server, or a server that is slow at the end of a short one.
fn of_time(result: &TurnResult) -> Option<Finding> {
    let all = result.transports.iter();
    let ways = all.clone().filter_map(|t| {
        let known = t.round_trip.into_iter().chain(t.quickest_data());
        known.min()
    });
    let way = ways.min()?;
    let answers = all.filter_map(|t| t.round_trip).min();
    long_way::finding("the server", way)
        .or_else(|| long_way::slow_server("the server", answers?, way))
}

/// Whether TURN is spoken over some transport, be it only to refuse.
fn is_heard_of(result: &TurnResult) -> bool {
    result
        .transports
        .iter()
        .any(|t| t.nonce.is_some() || t.realm.is_some() || t.relayed_address.is_some())
}

fn push_once(findings: &mut Vec<Finding>, finding: Finding) {
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

/// How long before its end a certificate that lives so many seconds should have been renewed: one for a week is
/// renewed within it.
const fn soon(lifetime_s: u64) -> u64 {
    let third = lifetime_s / 3;
    if third < SOON_S { third } else { SOON_S }
}

fn of_certificate(transport: &TransportReport, context: &Context, findings: &mut Vec<Finding>) {
    let Some(certificate) = transport.tls.as_ref().and_then(|tls| tls.chain.first()) else {
        return;
    };
    let ends = certificate.not_after_unix;
    let soon = soon(ends.saturating_sub(certificate.not_before_unix));
    if transport.status == TransportStatus::Ok && ends < context.unix_now + soon {
        push_once(
            findings,
            Finding::new(
                Code::CertificateEndsSoon,
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
            let (what, hint) = if relayed.ip().is_loopback() {
                (
                    "is a loopback address: no peer can reach it, only the server's own host",
                    "tell the server its address (coturn: relay-ip, external-ip); on the server its own name may lead to loopback (/etc/hosts)",
                )
            } else {
                (
                    "is not public: peers on the internet cannot reach it",
                    "tell the server its public address (coturn: external-ip=PUBLIC/PRIVATE)",
                )
            };
            push_once(
                findings,
                Finding::new(
                    Code::RelayedAddressPrivate,
                    format!("the relayed address {} {what}", relayed.ip()),
                    hint,
                ),
            );
        }
    }
}

/// A server that gives IPv6 to who names no family.
fn of_families(result: &TurnResult, findings: &mut Vec<Finding>) {
    let odd = |t: &TransportReport| t.odd_default.filter(|odd| *odd != OddDefault::Refused);
    let with: Vec<&TransportReport> = result
        .transports
        .iter()
        .filter(|t| odd(t).is_some())
        .collect();
    if let Some(odd) = with.first().and_then(|t| odd(t)) {
        findings.push(Finding::new(
            Code::OtherFamilyByDefault,
            format!("{}: {}", way_names(&with, &result.transports), odd.text()),
            odd.hint(),
        ));
    }
}

fn of_authentication(result: &TurnResult, context: &Context, findings: &mut Vec<Finding>) {
    let authentication = &result.authentication;
    if is(&authentication.unauthenticated_refused, false) {
        findings.push(Finding::new(
            Code::RelayWithoutCredentials,
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
            Code::AnyPasswordAccepted,
            "it accepts a wrong password",
            "the server does not check credentials; look at its configuration and its user database",
        ));
    }
    findings.extend(
        context
            .credentials_expire
            .and_then(|expires| of_expiry(expires, context.unix_now, reception(result))),
    );
}

/// What the server said to the credentials.
pub(super) fn reception(result: &TurnResult) -> Reception {
    if result
        .transports
        .iter()
        .any(|t| t.authenticated == Some(true))
    {
        Reception::Accepted
    } else if result
        .transports
        .iter()
        .any(|t| is_refusal(t.error.as_ref()))
    {
        Reception::Refused
    } else {
        Reception::Unknown
    }
}

/// Whether an error says that user name or password is wrong.
pub(super) fn is_refusal(error: Option<&ErrorReport>) -> bool {
    error.is_some_and(|e| matches!(e.code, Code::Unauthorized | Code::WrongCredentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_for_a_week_are_renewed_within_it() {
        const DAY: u64 = 86_400;
        assert!(soon(7 * DAY) < 3 * DAY);
        assert_eq!(soon(90 * DAY), SOON_S);
        assert_eq!(soon(398 * DAY), SOON_S);
    }
}
